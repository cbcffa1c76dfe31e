"""The country of the synthetic cohort: its schools and districts, the codes of its pupils, and its ways to deliver."""

import gc
import tracemalloc
from collections import Counter
from dataclasses import replace
from datetime import date

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmodel.latvia import municipalities
from riskmodel.sources import deliveries
from riskmodel.sources.synthetic import schools
from riskmodel.sources.synthetic.cohort import Plan, synthesise
from riskmodel.sources.synthetic.people import CODES_OF_A_DAY, Codes
from riskmodel.sources.synthetic.schools import (
    FEWEST_SCHOOLS_OF_A_DISTRICT,
    PUPILS_OF_A_DISTRICT,
    make_districts,
    usual_school_count,
)
from riskmodel.sources.synthetic.year import World

SMALL = Plan(pupils=300, schools=6, years=2, seed=3, vet_share=0.3)
WHOLE_YEAR = replace(SMALL, delivered_on=date(2025, 6, 30))
TERM_STARTS = date(2024, 9, 2)


def quiet(_):
    pass


def districts(pupils, count, seed=1):
    return make_districts(np.random.default_rng(seed), pupils, count, 0.18, date(2024, 9, 2))


# Schools and districts


@settings(max_examples=30, deadline=None)
@given(st.integers(200, 200_000), st.integers(0, 1000), st.integers(0, 5))
def test_districts_share_out_all_pupils_and_each_has_a_school_of_every_kind(pupils, more, seed):
    count = max(3, round(pupils / 1600) + more, FEWEST_SCHOOLS_OF_A_DISTRICT)
    made = districts(pupils, count, seed)
    assert sum(each.pupils for each in made) == pupils
    assert sum(len(each.schools) for each in made) == count
    for each in made:
        assert {"secondary", "vocational"} <= set(each.schools.type_code)
        assert len(each.schools.of_type("basic", "secondary")) >= 1
    ids = [school_id for each in made for school_id in each.schools.school_id]
    assert ids == sorted(set(ids))


@pytest.mark.parametrize("pupils", [158_600, 2_000_000])
def test_a_larger_country_has_more_districts_and_no_larger_ones(pupils):
    made = districts(pupils, usual_school_count(pupils))
    assert len(made) == round(pupils / PUPILS_OF_A_DISTRICT)
    assert max(each.pupils for each in made) < 1.25 * PUPILS_OF_A_DISTRICT
    assert max(len(each.schools) for each in made) < 200


def test_districts_that_have_been_written_leave_nothing_in_memory(tmp_path, monkeypatch):
    """Held after each of eight districts: the same, but for what the first call of anything keeps."""
    monkeypatch.setattr(schools, "PUPILS_OF_A_DISTRICT", 250)
    held = []

    def describe_and_look(self):
        describe(self)
        gc.collect()
        held.append(tracemalloc.get_traced_memory()[0])

    describe = World.describe
    monkeypatch.setattr(World, "describe", describe_and_look)
    tracemalloc.start()
    try:
        plan = Plan(pupils=2_000, schools=48, years=1, lessons="all", deliveries="yearly")
        synthesise(plan, tmp_path / "country", quiet)
    finally:
        tracemalloc.stop()
    assert len(held) == 8
    assert held[-1] - held[1] < 300_000


def test_at_national_size_every_municipality_has_schools_and_names_are_single():
    made = districts(158_600, 636)
    places = Counter(place.name for each in made for place in each.schools.municipality)
    assert set(places) == {each.name for each in municipalities(date(2021, 7, 1))}
    assert places.most_common(1)[0][0] == "Rīga"
    names = [name for each in made for name in each.schools.name]
    assert len(set(names)) == len(names)


def test_a_school_is_described_anew_when_its_municipality_changes():
    schools = districts(158_600, 636)[0].schools
    described = schools.days_of_description(date(2020, 9, 1))
    assert [day for day, _ in described] == [date(2020, 9, 1), date(2021, 7, 1), date(2025, 7, 1)]
    assert len(described[1][1]) == len(schools)
    assert [day for day, _ in schools.days_of_description(date(2023, 9, 1))] == [date(2023, 9, 1), date(2025, 7, 1)]
    for each in districts(158_600, 636):
        for day, chosen in each.schools.days_of_description(date(2020, 9, 1)):
            codes = each.schools.municipality_codes(day)
            assert {codes[place] for place in chosen} <= {unit.code for unit in municipalities(day)}
            if day == date(2025, 7, 1):
                assert {each.schools.municipality[place].name for place in chosen} <= {"Varakļānu novads"}


# Codes


def test_a_day_of_birth_without_old_codes_left_gives_new_ones_and_no_code_comes_twice():
    codes = Codes.none_yet(7)
    born = np.full(CODES_OF_A_DAY + 50, "2010-03-01", dtype="datetime64[D]")
    first, earlier = codes.next(born[:600], np.arange(600) < 10)
    rest, none = codes.next(born[600:], np.zeros(len(born) - 600, dtype=bool))
    given = [*first, *rest, *(code for code in earlier if code)]
    assert len(set(given)) == len(given)
    assert sum(code.startswith("39") for code in rest) == 50
    assert not any(none)


# Every lesson


def ask(sql, folder=None):
    """Rows of a query; the Parquet tables of the folder are views."""
    with duckdb.connect(config={"threads": 1}) as connection:
        for path in folder.glob("*.parquet") if folder else ():
            connection.execute(f"CREATE VIEW {path.stem} AS FROM '{path}'")
        return connection.execute(sql).fetchall()


def test_every_lesson_of_the_last_year_is_delivered_in_order_and_agrees_with_the_weeks(tmp_path):
    synthesise(WHOLE_YEAR, tmp_path / "missed", quiet)
    synthesise(replace(WHOLE_YEAR, lessons="all"), tmp_path / "all", quiet)
    absences, every = tmp_path / "missed", tmp_path / "all"
    same = "SELECT * FROM attendance WHERE attendance_code <> 'present' ORDER BY ALL"
    assert ask(same, absences) == ask(same, every)
    taken = """SELECT pupil_code, school_id, date_trunc('week', happened_on)::DATE AS monday,
        count(DISTINCT (happened_on, lesson_number)) AS lessons FROM attendance
        WHERE happened_on >= '2024-09-02' GROUP BY ALL ORDER BY ALL"""
    planned = """SELECT pupil_code, school_id, happened_on, lessons FROM lessons_planned
        WHERE happened_on >= '2024-09-02' ORDER BY ALL"""
    assert ask(taken, every) == ask(planned, absences)
    assert ask("SELECT max(happened_on) FROM lessons_planned", every)[0][0] < TERM_STARTS
    rows = ask(
        "SELECT school_id, pupil_code, happened_on, lesson_number, known_on FROM attendance "
        "WHERE happened_on >= '2024-09-02'",
        every,
    )
    assert rows == sorted(rows)


def test_a_pupil_has_about_a_thousand_lessons_a_year_and_two_fifths_by_december(tmp_path):
    synthesise(replace(SMALL, lessons="all"), tmp_path / "december", quiet)
    synthesise(replace(SMALL, lessons="all", delivered_on=date(2025, 6, 30)), tmp_path / "june", quiet)
    # A school may be silent in the newest semester: of the others.
    lessons = f"""SELECT count(*), count(DISTINCT pupil_code) FROM attendance WHERE happened_on >= '2024-09-02'
        AND school_id IN (SELECT school_id FROM '{tmp_path}/december/attendance.parquet' WHERE happened_on >= '2024-09-02')"""
    (by_december, _), (whole_year, pupils) = (ask(lessons, tmp_path / name)[0] for name in ("december", "june"))
    assert 950 < whole_year / pupils < 1100
    assert 0.38 < by_december / whole_year < 0.46


def test_lessons_stand_in_dictionaries_and_whole_schools_in_order(tmp_path):
    synthesise(replace(SMALL, lessons="all"), tmp_path / "all", quiet)
    file = pq.ParquetFile(tmp_path / "all" / "attendance.parquet")
    assert [field.name for field in file.schema_arrow] == [
        *("pupil_code", "school_id", "happened_on", "lesson_number", "subject_code", "attendance_code", "lessons"),
        "known_on",
    ]
    for name in ("pupil_code", "school_id", "subject_code", "attendance_code"):
        column = file.metadata.row_group(0).column(file.schema_arrow.get_field_index(name))
        assert "RLE_DICTIONARY" in column.encodings
        assert str(file.schema_arrow.field(name).type) == "string"


@pytest.mark.parametrize("lessons", ["missed", "all"])
def test_a_delivery_passes_the_project_s_own_check(tmp_path, lessons):
    synthesise(replace(SMALL, lessons=lessons, first_year=2020), tmp_path / "delivery", quiet)
    report = deliveries.check(tmp_path / "delivery", quiet)
    assert report.rejected.num_rows == 0
    assert all(account.quarantined == 0 for account in report.accounts.values())


# Several deliveries


def test_yearly_deliveries_hold_together_what_one_holds_and_each_what_is_new(tmp_path):
    plan = replace(SMALL, years=3)
    synthesise(plan, tmp_path / "one", quiet)
    synthesise(replace(plan, deliveries="yearly"), tmp_path / "yearly", quiet)
    folders = sorted(path for path in (tmp_path / "yearly").iterdir() if path.name != "truth")
    assert [path.name for path in folders] == ["2022-23", "2023-24", "2024-25"]
    assert all((path / ".complete").exists() for path in folders)
    assert ["complete: false" in (path / "mapping.yaml").read_text("utf-8") for path in folders] == [False, True, True]
    for whole in (tmp_path / "one").glob("*.*"):
        if whole.suffix in {".csv", ".parquet"}:
            read = "read_csv('{}', all_varchar = true)" if whole.suffix == ".csv" else "read_parquet('{}')"
            parts = [read.format(path / whole.name) for path in folders if (path / whole.name).exists()]
            rows = " UNION ALL ".join(f"FROM {part}" for part in parts)
            for first, second in ((rows, f"FROM {read.format(whole)}"), (f"FROM {read.format(whole)}", rows)):
                assert ask(f"SELECT count(*) FROM (({first}) EXCEPT ALL ({second}))") == [(0,)], whole.name
    days = [ask("SELECT min(known_on), max(known_on) FROM enrolment", path)[0] for path in folders]
    assert days[0][1] < days[1][0]
    assert days[1][1] < days[2][0]
    truth = [(tmp_path / name / "truth" / "cohort.parquet").read_bytes() for name in ("one", "yearly")]
    assert truth[0] == truth[1]


def test_the_same_plan_gives_the_same_bytes_with_every_lesson(tmp_path):
    plan = replace(SMALL, lessons="all", deliveries="yearly")
    for name in ("a", "b"):
        synthesise(plan, tmp_path / name, quiet)
    files = [sorted(path for path in (tmp_path / name).rglob("*") if path.is_file()) for name in ("a", "b")]
    assert [path.relative_to(tmp_path / "a") for path in files[0]] == [
        path.relative_to(tmp_path / "b") for path in files[1]
    ]
    assert all(one.read_bytes() == other.read_bytes() for one, other in zip(*files, strict=True))
