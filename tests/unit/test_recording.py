"""Each distortion on rows made by hand: it does what it says, to those rows, and to no other."""

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmodel.latvia import school_year
from riskmodel.sources.synthetic import draws
from riskmodel.sources.synthetic.planted import Late, Recording, Silence, Twice, When
from riskmodel.sources.synthetic.recording import KEYS, Recorder

YEARS = [school_year(2023), school_year(2024)]
SCHOOLS = {f"99{number:08d}": f"LV{number // 2:07d}" for number in range(1, 13)}
SEED = 7
ROOM = 4
"""Standard errors of room for chance; the draws are fixed, so a test passes always or never."""


def recorder(**sizes):
    made = Recorder(Recording(**{"confusion": {}, "silent_school_share": 0.0} | sizes), SEED, YEARS, SCHOOLS)
    codes = [pupil(number) for number in range(3000)]
    languages = [("lv", "ru", "uk")[number % 3] for number in range(3000)]
    schools = [list(SCHOOLS)[number % len(SCHOOLS)] for number in range(3000)]
    made.meet(pa.array(codes), pa.array(languages), pa.array(schools))
    return made


def pupil(number):
    return f"{number % 28 + 1:02d}0107-2{number:04d}"


def table(count, **columns):
    """Rows of many pupils and all schools, in the autumns of both years."""
    number = np.arange(count)
    day = np.datetime64("2023-10-02") + 7 * (number % 8) + 371 * (number % 2)
    rows = {
        "pupil_code": [pupil(each) for each in (number % 3000).tolist()],
        "school_id": [list(SCHOOLS)[each] for each in (number % len(SCHOOLS)).tolist()],
        "happened_on": pa.array(day),
    }
    rows |= {name: [value] * count if isinstance(value, str | int) else value for name, value in columns.items()}
    return pa.table(rows | {"known_on": pa.array(day + 3)})


def absences(count=6000, code="unexcused"):
    return table(count, lesson_number=(np.arange(count) % 9), attendance_code=code, lessons=1)


def marks(count=3000):
    return table(
        count,
        subject_code="Matemātika",
        work_id="1",
        mark_kind=[("daily", "test")[number // 7 % 2] for number in range(count)],
        mark_code="points",
        mark_points=(np.arange(count) % 10 + 1.0),
    )


def stays(count=6000, code="left"):
    rows = table(count, exit_class=[code if number % 2 else None for number in range(count)])
    ends = pc.if_else(pc.is_valid(rows["exit_class"]), rows["happened_on"], None)
    return rows.add_column(3, "ends_on", ends)


def share(chosen):
    return float(np.mean(np.asarray(chosen)))


def about(expected, count):
    return pytest.approx(expected, abs=ROOM * (expected * (1 - expected) / count) ** 0.5)


def changed(before, after, column):
    return np.asarray(pc.fill_null(pc.not_equal(before[column], after[column]), True))


def is_autumn(rows, year):
    return np.asarray(pc.equal(pc.year(rows["happened_on"]), year))


# Nothing switched on


@pytest.mark.parametrize("name", KEYS)
def test_with_nothing_switched_on_rows_are_recorded_as_they_are(name):
    rows = {"attendance": absences, "mark": marks, "enrolment": stays}.get(name, lambda: table(50))()
    assert recorder().record(name, rows) is rows


# Unfair


def test_absences_of_one_group_are_recorded_as_excused_and_those_of_others_are_not():
    rows = absences()
    after = recorder(excused={"ru": 0.7}).record("attendance", rows)
    is_excused = np.asarray(pc.equal(after["attendance_code"], "excused"))
    group = np.arange(rows.num_rows) % 3
    # Days, not lessons, are excused: 2,000 rows of the group, each of another pupil and day.
    assert share(is_excused[group == 1]) == about(0.7, 2000)
    assert not is_excused[group != 1].any()
    assert after.drop_columns("attendance_code").equals(rows.drop_columns("attendance_code"))


def test_a_late_arrival_stays_one_when_absences_are_excused():
    rows = absences(code="late")
    assert recorder(excused={"ru": 1.0}).record("attendance", rows).equals(rows)


def test_moves_abroad_of_one_group_are_recorded_as_leaving():
    rows = stays(code="abroad")
    after = recorder(abroad_as_left={"uk": 0.8}).record("enrolment", rows)
    is_uk = (np.arange(rows.num_rows) % 3 == 2) & np.asarray(pc.is_valid(rows["exit_class"]))
    is_left = np.asarray(pc.fill_null(pc.equal(after["exit_class"], "left"), False))
    assert share(is_left[is_uk]) == about(0.8, is_uk.sum())
    assert not is_left[~is_uk].any()


# Noise


def test_exit_classes_are_confused_with_the_chances_of_the_table_and_the_truth_is_kept():
    rows = stays(9000)
    made = recorder(confusion={"left": {"unknown": 0.2, "transferred": 0.1}, "unknown": {"left": 1.0}})
    fates = made.fates(rows)
    after = made.record("enrolment", rows)
    ended = after.filter(after["exit_class"].is_valid())
    assert fates["recorded_class"].to_pylist() == ended["exit_class"].to_pylist()
    assert set(fates["exit_class"].to_pylist()) == {"left"}
    seen = fates["recorded_class"].to_pylist()
    for code, chance in (("unknown", 0.2), ("transferred", 0.1), ("left", 0.7)):
        assert seen.count(code) / len(seen) == about(chance, len(seen))
    assert set(made.fates(stays(code="unknown"))["recorded_class"].to_pylist()) == {"left"}


def test_a_stay_that_goes_on_has_no_exit_class_under_any_confusion():
    rows = stays()
    after = recorder(confusion={"left": {"unknown": 1.0}}).record("enrolment", rows)
    assert after["exit_class"].null_count == rows["exit_class"].null_count


def test_a_transfer_overlaps_and_is_known_when_it_was_entered():
    rows = stays(code="transferred")
    after = recorder(overlapping_transfer_share=0.5, overlapping_transfer_days=20).record("enrolment", rows)
    days = np.asarray(pc.days_between(rows["ends_on"], after["ends_on"]).drop_null())
    assert share(days > 0) == about(0.5, len(days))
    assert set(days[days > 0].tolist()) == set(range(1, 21))
    ended = after.filter(after["ends_on"].is_valid())
    assert pc.all(pc.greater_equal(ended["known_on"], ended["ends_on"])).as_py()
    left = stays(code="left")
    assert recorder(overlapping_transfer_share=1.0).record("enrolment", left).equals(left)


# Missing


def test_a_silent_municipality_has_no_row_of_the_table_in_the_semester_and_all_others():
    sizes = Silence(municipalities=2, tables=("attendance",), semesters=(When(years_back=0, semester=1),))
    made = recorder(silent=(sizes,))
    (told,) = made.describe()["silent"]
    silent = [school for school, code in SCHOOLS.items() if code in told["municipality_codes"]]
    rows = absences()
    after = made.record("attendance", rows)
    is_lost = np.isin(np.array(rows["school_id"].to_pylist()), silent) & is_autumn(rows, 2024)
    assert len(told["municipality_codes"]) == 2
    assert is_lost.any()
    assert after.equals(rows.filter(pa.array(~is_lost)))
    assert made.record("mark", marks()).equals(marks())


def test_a_silent_municipality_s_pupils_have_no_row_of_a_table_that_names_no_school():
    made = recorder(silent=(Silence(municipalities=2, tables=("economic_pupil",)),))
    rows = table(3000, indicator_code="low_income", value=1)
    after = made.record("economic_pupil", rows.drop_columns("school_id"))
    (told,) = made.describe()["silent"]
    silent = [school for school, code in SCHOOLS.items() if code in told["municipality_codes"]]
    is_lost = np.isin(np.array(rows["school_id"].to_pylist()), silent) & is_autumn(rows, 2024)
    assert is_lost.any()
    assert after.equals(rows.filter(pa.array(~is_lost)).drop_columns("school_id"))


def test_some_schools_deliver_no_attendance_in_a_semester_and_at_least_one_in_the_newest():
    for share, per_semester in (
        (0.02, {(2024, 1): 1}),
        (0.17, {(2024, 1): 2, (2024, 2): 2, (2023, 1): 2, (2023, 2): 2}),
    ):
        made = recorder(silent_school_share=share)
        told = {each["days"][0]: each["school_ids"] for each in made.describe()["silent_schools"]}
        assert sorted(map(len, told.values())) == sorted(per_semester.values())
        rows = absences()
        after = made.record("attendance", rows)
        silent = told["2024-09-02"]
        is_lost = np.isin(np.array(rows["school_id"].to_pylist()), silent) & is_autumn(rows, 2024)
        if share < 0.1:
            assert after.equals(rows.filter(pa.array(~is_lost)))
        assert not set(silent) & set(after.filter(pa.array(is_autumn(after, 2024)))["school_id"].to_pylist())
        assert made.record("mark", marks()).equals(marks())


def test_schools_with_absences_only_deliver_no_mark_and_every_absence():
    made = recorder(absences_only_school_share=0.25)
    chosen = made.describe()["absences_only_schools"]
    assert len(chosen) == 3
    after = made.record("mark", marks())
    assert set(SCHOOLS) - set(after["school_id"].to_pylist()) == set(chosen)
    assert made.record("attendance", absences()).equals(absences())


def test_one_semester_keeps_half_the_absences_and_every_version_of_those():
    rows = pa.concat_tables([absences(), absences(code="excused")])
    made = recorder(absences_kept_share=0.5, absences_lost_in=When(years_back=0, semester=1))
    after = made.record("attendance", rows)
    for year, kept in ((2023, 1.0), (2024, 0.5)):
        count = is_autumn(rows, year).sum()
        assert is_autumn(after, year).sum() / count == pytest.approx(kept, abs=0 if kept == 1.0 else 0.05)
    versions = after.group_by(list(KEYS["attendance"])).aggregate([("attendance_code", "count")])
    assert set(versions["attendance_code_count"].to_pylist()) == {2}


# Late and untidy


def test_rows_become_known_late_and_nothing_else_changes():
    rows = absences()
    after = recorder(late=(Late("attendance", 0.1, 60),)).record("attendance", rows)
    late = np.asarray(pc.days_between(rows["known_on"], after["known_on"]))
    assert set(late.tolist()) == {0, 60}
    assert share(late == 60) == about(0.1, len(late))
    assert after.drop_columns("known_on").equals(rows.drop_columns("known_on"))
    assert recorder(late=(Late("mark", 1.0, 60),)).record("attendance", rows).equals(rows)


def test_a_correction_never_comes_before_what_it_corrects():
    rows = absences()
    later = rows.set_column(
        rows.column_names.index("known_on"),
        "known_on",
        pc.add(rows["known_on"].cast(pa.int32()), pa.scalar(5, pa.int32())).cast(pa.date32()),
    )
    made = recorder(late=(Late("attendance", 0.5, 30),))
    first, second = (np.asarray(made.record("attendance", each)["known_on"].cast(pa.int32())) for each in (rows, later))
    assert set((second - first).tolist()) == {5}


def test_some_rows_stand_twice_the_same_in_every_cell():
    rows = absences()
    after = recorder(twice=(Twice("attendance", 0.02),)).record("attendance", rows)
    counts = after.group_by(rows.column_names).aggregate([([], "count_all")])["count_all"].to_pylist()
    assert set(counts) == {1, 2}
    assert counts.count(2) / rows.num_rows == about(0.02, rows.num_rows)
    assert len(counts) == rows.num_rows


def test_numbers_of_some_schools_begin_with_zeros_in_every_table():
    made = recorder(leading_zero_school_share=0.25)
    chosen = set(made.describe()["leading_zero_schools"])
    for name, rows in (("attendance", absences()), ("mark", marks()), ("school", table(12))):
        after = made.record(name, rows)["school_id"].to_pylist()
        for was, now in zip(rows["school_id"].to_pylist(), after, strict=True):
            assert now == ("00" + was[2:] if was in chosen else was)


def test_some_register_ids_lose_their_hyphen_and_a_pupil_keeps_one_id():
    made = recorder(undashed_code_share=0.3)
    rows = absences()
    pairs = set(
        zip(rows["pupil_code"].to_pylist(), made.record("attendance", rows)["pupil_code"].to_pylist(), strict=True)
    )
    assert len(pairs) == 3000
    assert all(now.replace("-", "") == was.replace("-", "") for was, now in pairs)
    assert share([was != now for was, now in pairs]) == about(0.3, 3000)
    assert any(now.startswith("0") and now.isdigit() for _, now in pairs)


# Another code table


def test_daily_marks_are_passed_or_not_from_a_day_on():
    rows = marks()
    after = recorder(passed_instead_of_points_from=When(years_back=0, semester=1)).record("mark", rows)
    is_new = is_autumn(rows, 2024) & np.asarray(pc.equal(rows["mark_kind"], "daily"))
    assert is_new.any()
    for place in np.flatnonzero(is_new).tolist():
        enough = rows["mark_points"][place].as_py() >= 4
        assert after["mark_code"][place].as_py() == ("passed" if enough else "not_passed")
        assert after["mark_points"][place].as_py() is None
    old = pa.array(~is_new)
    assert after.filter(old).equals(rows.filter(old))


def test_unexcused_absences_have_no_reason_from_a_day_on():
    rows = absences()
    after = recorder(absent_instead_of_unexcused_from=When(years_back=0, semester=1)).record("attendance", rows)
    assert changed(rows, after, "attendance_code").tolist() == is_autumn(rows, 2024).tolist()
    assert set(after.filter(pa.array(is_autumn(rows, 2024)))["attendance_code"].to_pylist()) == {"absent"}


# Laws

EVERYTHING = {
    "excused": {"ru": 0.7},
    "abroad_as_left": {"uk": 0.5},
    "confusion": {"left": {"unknown": 0.3}},
    "silent": (Silence(municipalities=1, tables=("attendance", "mark")),),
    "absences_only_school_share": 0.2,
    "late": (Late("attendance", 0.2, 60), Late("mark", 0.2, 60), Late("enrolment", 0.2, 60)),
    "twice": (Twice("attendance", 0.1), Twice("mark", 0.1), Twice("enrolment", 0.1)),
    "leading_zero_school_share": 0.3,
    "undashed_code_share": 0.3,
    "overlapping_transfer_share": 0.5,
    "passed_instead_of_points_from": When(0, 1),
    "absent_instead_of_unexcused_from": When(0, 1),
    "absences_kept_share": 0.5,
    "absences_lost_in": When(1, 1),
}


@pytest.mark.parametrize(
    ("name", "rows"), [("attendance", absences(400)), ("mark", marks(400)), ("enrolment", stays(400))]
)
@settings(max_examples=20, deadline=None)
@given(cut=st.integers(0, 400))
def test_the_same_rows_come_out_in_whatever_batches_they_went_in(name, rows, cut):
    made = recorder(**EVERYTHING)
    parts = [made.record(name, rows.slice(0, cut)), made.record(name, rows.slice(cut))]
    assert pa.concat_tables(parts).equals(made.record(name, rows))


@pytest.mark.parametrize("size", EVERYTHING)
def test_a_column_of_codes_is_distorted_as_one_of_plain_texts(size):
    made = recorder(**{size: EVERYTHING[size]} | {"absences_kept_share": 0.5})
    for name, rows in (("attendance", absences(400)), ("enrolment", stays(400))):
        coded = pa.table(
            {
                column: rows[column].dictionary_encode() if pa.types.is_string(rows[column].type) else rows[column]
                for column in rows.column_names
            }
        )
        after = made.record(name, coded)
        assert after.schema == coded.schema
        assert after.cast(rows.schema).equals(made.record(name, rows))


def test_another_seed_draws_others():
    rows = absences()
    kept = [
        Recorder(Recording(late=(Late("attendance", 0.1, 60),), silent_school_share=0.0), seed, YEARS, SCHOOLS).record(
            "attendance", rows
        )
        for seed in (1, 2)
    ]
    assert not kept[0].equals(kept[1])


@given(
    texts=st.lists(
        st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=30),
        min_size=1,
        max_size=20,
    )
)
def test_a_draw_depends_on_the_key_alone_and_lies_below_one(texts):
    together = draws.uniform(3, "law", pa.array(texts))
    assert together.tolist() == [draws.uniform(3, "law", pa.array([text]))[0] for text in texts]
    assert ((together >= 0) & (together < 1)).all()


def test_draws_are_even_and_those_of_two_purposes_do_not_go_together():
    number = np.arange(100_000)
    one, other = (draws.uniform(3, purpose, number) for purpose in ("one", "other"))
    counts = np.histogram(one, 20, (0, 1))[0]
    assert abs(counts - 5000).max() < ROOM * 5000**0.5
    assert abs(np.corrcoef(one, other)[0, 1]) < ROOM / 100_000**0.5
    normal = draws.normal(3, "one", number)
    assert (abs(normal.mean()), abs(normal.std() - 1)) < (0.013, 0.01)


def test_a_semester_is_counted_back_from_the_newest_year():
    made = recorder(passed_instead_of_points_from=When(years_back=1, semester=2))
    assert made.describe()["passed_instead_of_points_from"] == YEARS[0].semester_2_starts_on.isoformat()
    assert YEARS[0].semester_2_starts_on > date(2024, 1, 1)
