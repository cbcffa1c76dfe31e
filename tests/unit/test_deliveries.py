"""A delivery is taken in whole or not at all, once, and nothing of a pupil's name or code leaves the protected folder."""

from __future__ import annotations

import errno
import hashlib
import json
import stat
import threading

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from riskmodel.errors import DeliveryError, UsageError
from riskmodel.messages import message
from riskmodel.sources import abreast, border, deliveries, distinct, history, intake, packing
from riskmodel.sources.coding import AbandonedError
from riskmodel.sources.identity import open_key

FACTS = "delivery: {delivered_on: %s, origin: real, complete: %s}\n"
SCHOOL = "school_id;school_name;school_kind;happened_on\n1;Skola;general;2020-09-01\n"
PUPIL = (
    "pupil_code;first_name;last_name;birth_month;happened_on\n"
    "120190-00013;Zaķija;Kanārija;2010-03-01;2020-09-01\n130190-00022;Ēriks;Kanārijs;2010-04-01;2020-09-01\n"
)
TERM = "school_year;term_number;happened_on;ends_on\n2024/25;1;2024-09-02;2024-12-20\n"
STAY = (
    "pupil_code;school_id;stage_kind;stage_number;happened_on\n"
    "120190-00013;1;grade;8;2024-09-02\n13019000022;1;grade;8;2024-09-02\n"
)
WHOLE = {"school.csv": SCHOOL, "pupil.csv": PUPIL, "term.csv": TERM, "enrolment.csv": STAY}
ABSENCE = "pupil_code;school_id;happened_on;lesson_number;attendance_code;lessons;known_on\n"


def silent(_text):
    return None


def delivery(folder, files, day="2025-01-31", complete="true"):
    folder.mkdir()
    (folder / "mapping.yaml").write_text(FACTS % (day, complete), "utf-8")
    for name, text in files.items():
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


@pytest.fixture
def place(tmp_path):
    return tmp_path / "store", tmp_path / "store.key"


def tree(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def table(store, delivery_id, name):
    return pq.read_table(store / "deliveries" / delivery_id / f"{name}.parquet")


def test_a_delivery_is_stored_with_its_account(tmp_path, place):
    got = deliveries.receive(delivery(tmp_path / "in", WHOLE), *place, silent)
    described = json.loads((place[0] / "deliveries" / got.delivery_id / "delivery.json").read_text("utf-8"))
    assert described["accounts"]["pupil"] == {"read": 2, "used": 2, "quarantined": 0, "merged": 0}
    assert (described["delivered_on"], described["origin"]) == ("2025-01-31", "real")
    assert table(place[0], got.delivery_id, "enrolment").num_rows == 2


def test_the_same_delivery_again_changes_nothing(tmp_path, place):
    folder = delivery(tmp_path / "in", WHOLE)
    first = deliveries.receive(folder, *place, silent)
    before = tree(place[0])
    again = deliveries.receive(folder, *place, silent)
    assert tree(place[0]) == before
    assert (again.delivery_id, again.accounts) == (first.delivery_id, first.accounts)
    assert [notice.text.in_language("lv") for notice in again.warnings] == [
        n.text.in_language("lv") for n in first.warnings
    ]


def test_the_same_delivery_in_another_store_with_the_same_key_has_the_same_bytes(tmp_path, place):
    folder = delivery(tmp_path / "in", WHOLE)
    deliveries.receive(folder, *place, silent)
    deliveries.receive(folder, tmp_path / "other", place[1], silent)
    assert tree(place[0]) == tree(tmp_path / "other")


def test_codes_of_one_pupil_written_differently_have_one_pseudonym(tmp_path, place):
    got = deliveries.receive(delivery(tmp_path / "in", WHOLE), *place, silent)
    pupils = set(table(place[0], got.delivery_id, "pupil")["pupil_id"].to_pylist())
    assert pupils == set(table(place[0], got.delivery_id, "enrolment")["pupil_id"].to_pylist())
    assert len(pupils) == 2


def test_names_and_codes_are_in_the_protected_folder_and_nowhere_else(tmp_path, place):
    spoilt = PUPIL + "140190-0003;Kaspars;Kanārijs;2010-05-01;2020-09-01\n"
    said = []
    got = deliveries.receive(
        delivery(tmp_path / "in", WHOLE | {"pupil.csv": spoilt}), *place, lambda text: said.append(str(text))
    )
    assert got.accounts["pupil"].quarantined == 1
    canaries = ("Kanārij", "Zaķija", "Ēriks", "Kaspars", "00013", "00022", "140190")
    elsewhere = [path for path in place[0].rglob("*") if path.is_file() and path.parent.name != "identity"]
    told = "".join(said)
    assert {path.suffix for path in elsewhere} == {".parquet", ".arrow", ".json"}
    for path in elsewhere:
        if path.suffix == ".parquet":
            told += json.dumps(pq.read_table(path).to_pylist(), default=str)
        elif path.suffix == ".arrow":
            told += json.dumps(pa.ipc.open_file(path.read_bytes()).read_all().to_pylist(), default=str)
        else:
            told += path.read_text("utf-8")
        assert not any(canary.encode() in path.read_bytes() for canary in canaries)
    assert not any(canary in told for canary in canaries)
    identities = pq.read_table(place[0] / "identity/identity.parquet").to_pylist()
    assert {row["last_name"] for row in identities} == {"Kanārija", "Kanārijs"}


def test_the_identity_folder_is_for_its_owner_alone(tmp_path, place):
    deliveries.receive(delivery(tmp_path / "in", WHOLE), *place, silent)
    assert stat.S_IMODE((place[0] / "identity").stat().st_mode) == 0o700
    assert stat.S_IMODE((place[0] / "identity/identity.parquet").stat().st_mode) == 0o600
    assert stat.S_IMODE(place[1].stat().st_mode) == 0o400


def test_a_refused_delivery_leaves_the_store_as_it_was(tmp_path, place):
    deliveries.receive(delivery(tmp_path / "in", WHOLE), *place, silent)
    before = tree(place[0])
    with pytest.raises(DeliveryError):
        deliveries.receive(
            delivery(tmp_path / "bad", WHOLE | {"enrolment.csv": STAY + '1;"2\n'}, "2025-06-30"), *place, silent
        )
    assert tree(place[0]) == before
    assert list((place[0] / "staging").iterdir()) == []


def test_a_first_delivery_that_is_refused_leaves_no_delivery_behind(tmp_path, place):
    with pytest.raises(DeliveryError):
        deliveries.receive(delivery(tmp_path / "bad", WHOLE | {"term.csv": b""}), *place, silent)
    assert not (place[0] / "deliveries").exists()
    assert not (place[0] / "identity").exists()


def test_the_remains_of_a_dead_process_are_swept(tmp_path, place):
    left = place[0] / "staging" / "riskmodel-intake-999999999-x"
    left.mkdir(parents=True)
    deliveries.receive(delivery(tmp_path / "in", WHOLE), *place, silent)
    assert not left.exists()


def test_a_store_is_not_mixed_with_pseudonyms_of_another_key(tmp_path, place):
    deliveries.receive(delivery(tmp_path / "in", WHOLE), *place, silent)
    changed = WHOLE | {"enrolment.csv": STAY + "12019000013;1;grade;7;2023-09-01\n"}
    later = delivery(tmp_path / "later", changed, "2025-06-30")
    with pytest.raises(UsageError, match="missing"):
        deliveries.receive(later, place[0], tmp_path / "other.key", silent)
    open_key(tmp_path / "other.key", place[0], may_create=True)
    with pytest.raises(UsageError, match="another key"):
        deliveries.receive(later, place[0], tmp_path / "other.key", silent)


def test_invented_data_are_not_taken_into_a_store_of_real_data(tmp_path, place):
    store, key = place
    deliveries.receive(delivery(tmp_path / "real", WHOLE), store, key, silent)
    before = tree(store)
    invented = delivery(tmp_path / "invented", WHOLE, day="2025-02-28")
    text = (invented / "mapping.yaml").read_text("utf-8").replace("origin: real", "origin: synthetic")
    (invented / "mapping.yaml").write_text(text, "utf-8")
    with pytest.raises(UsageError, match="another store"):
        deliveries.receive(invented, store, key, silent)
    assert tree(store) == before


def test_an_addition_finds_its_pupils_and_schools_in_earlier_deliveries(tmp_path, place):
    deliveries.receive(delivery(tmp_path / "in", WHOLE), *place, silent)
    rows = "12019000013;1;2025-02-03;1;absent;1;2025-02-03\n15019000041;1;2025-02-03;1;absent;1;2025-02-03\n"
    more = delivery(tmp_path / "more", {"attendance.csv": ABSENCE + rows}, "2025-02-28", "false")
    got = deliveries.receive(more, *place, silent)
    account = got.accounts["attendance"]
    assert (account.read, account.used, account.quarantined) == (2, 1, 1)
    connection = duckdb.connect()
    deliveries.open_canonical(connection, place[0], [path.name for path in (place[0] / "deliveries").iterdir()])
    joined = "SELECT count(*) FROM canonical.attendance JOIN canonical.pupil USING (pupil_id)"
    assert connection.execute(joined).fetchone() == (1,)
    assert not (place[0] / "deliveries" / got.delivery_id / "pupil.parquet").exists()


def test_an_addition_to_nothing_is_refused(tmp_path, place):
    more = delivery(
        tmp_path / "more", {"attendance.csv": ABSENCE + "1;1;2025-02-03;1;absent;1;2025-02-03\n"}, complete="false"
    )
    with pytest.raises(DeliveryError, match="no file for: school"):
        deliveries.receive(more, *place, silent)


def test_a_code_that_changed_with_a_link_is_one_pupil_across_deliveries(tmp_path, place):
    deliveries.receive(delivery(tmp_path / "in", WHOLE), *place, silent)
    pupil = (
        "pupil_code;first_name;last_name;earlier_register_id;birth_month;happened_on\n"
        "320000-00014;Zaķija;Kanārija;120190-00013;2010-03-01;2025-01-01\n13019000022;Ēriks;Kanārijs;;2010-04-01;2020-09-01\n"
    )
    stay = STAY.replace("120190-00013", "32000000014").replace("2024-09-02", "2025-01-02")
    got = deliveries.receive(
        delivery(tmp_path / "two", WHOLE | {"pupil.csv": pupil, "enrolment.csv": stay}, "2025-06-30"), *place, silent
    )
    assert got.accounts["enrolment"].used == 2
    connection = duckdb.connect()
    deliveries.open_canonical(connection, place[0], [path.name for path in (place[0] / "deliveries").iterdir()])
    assert connection.execute("SELECT count(DISTINCT pupil_id) FROM canonical.enrolment").fetchone() == (2,)


def test_a_link_that_comes_after_both_codes_were_used_joins_the_two(tmp_path, place):
    both = PUPIL.replace("130190-00022;Ēriks;Kanārijs", "320000-00014;Zaķija;Kanārija")
    stays = STAY.replace("13019000022;1;grade;8;2024-09-02", "32000000014;1;grade;7;2023-09-01")
    deliveries.receive(delivery(tmp_path / "in", WHOLE | {"pupil.csv": both, "enrolment.csv": stays}), *place, silent)
    linked = (
        "pupil_code;first_name;last_name;earlier_register_id;birth_month;happened_on\n"
        "320000-00014;Zaķija;Kanārija;120190-00013;2010-03-01;2025-01-01\n"
    )
    more = delivery(tmp_path / "more", {"pupil.csv": linked}, "2025-06-30", "false")
    deliveries.receive(more, *place, silent)
    connection = duckdb.connect()
    deliveries.open_canonical(connection, place[0], [path.name for path in (place[0] / "deliveries").iterdir()])
    assert connection.execute("SELECT count(DISTINCT pupil_id), count(*) FROM canonical.enrolment").fetchone() == (1, 2)
    identities = pq.read_table(place[0] / "identity/identity.parquet")
    assert len(set(identities["pupil_id"].to_pylist())) == 1


def test_a_finished_stay_in_one_row_was_known_to_have_begun(tmp_path, place):
    stays = (
        "pupil_code;school_id;stage_kind;stage_number;happened_on;ends_on;exit_class\n"
        "120190-00013;1;grade;7;2023-09-01;2024-05-31;continuing\n13019000022;1;grade;8;2024-09-02;;\n"
        "15019000041;1;grade;8;2023-09-01;2024-05-31;left\n"
    )
    got = deliveries.receive(delivery(tmp_path / "in", WHOLE | {"enrolment.csv": stays}), *place, silent)
    account = got.accounts["enrolment"]
    assert (account.read, account.used, account.quarantined, account.merged) == (3, 2, 1, 0)
    rows = table(place[0], got.delivery_id, "enrolment").to_pylist()
    told = sorted(
        (str(row["happened_on"]), str(row["ends_on"]), row["exit_class"], str(row["known_on"])) for row in rows
    )
    assert told == [
        ("2023-09-01", "2024-05-31", "continuing", "2024-05-31"),
        ("2023-09-01", "None", None, "2023-09-01"),
        ("2024-09-02", "None", None, "2024-09-02"),
    ]


def test_attended_lessons_of_an_unknown_pupil_are_put_aside_and_make_no_week(tmp_path, place):
    journal = ABSENCE + "15019000041;1;2024-09-02;1;present;1;2024-09-02\n"
    got = deliveries.receive(delivery(tmp_path / "in", WHOLE | {"attendance.csv": journal}), *place, silent)
    account = got.accounts["attendance"]
    assert (account.read, account.used, account.quarantined, account.merged) == (1, 0, 1, 0)
    assert not (place[0] / "deliveries" / got.delivery_id / "lessons_planned.parquet").exists()


def attended(*rows):
    return ABSENCE + "".join(
        f"12019000013;1;{day};{lesson};{code};1;{known_on}\n" for day, lesson, code, known_on in rows
    )


def test_attended_lessons_become_counts_of_their_week(tmp_path, place):
    journal = attended(
        ("2024-09-02", 1, "present", "2024-09-02"),
        ("2024-09-02", 2, "absent", "2024-09-02"),
        ("2024-09-03", 1, "late", "2024-09-03"),
        ("2024-09-03", 2, "present", "2024-09-10"),
        ("2024-09-12", 1, "absent", "2024-09-12"),
    )
    got = deliveries.receive(delivery(tmp_path / "in", WHOLE | {"attendance.csv": journal}), *place, silent)
    account = got.accounts["attendance"]
    assert (account.read, account.used, account.quarantined, account.merged) == (5, 3, 0, 2)
    assert "present" not in table(place[0], got.delivery_id, "attendance")["attendance_code"].to_pylist()
    (week,) = table(place[0], got.delivery_id, "lessons_planned").to_pylist()
    assert str(week["happened_on"]) == "2024-09-02"
    assert (week["lessons"], week["lessons_monday"], week["lessons_tuesday"], week["lessons_friday"]) == (4, 2, 2, 0)
    assert str(week["known_on"]) == "2024-09-10"


def test_present_as_a_correction_stays_a_row(tmp_path, place):
    journal = attended(("2024-09-02", 1, "absent", "2024-09-02"), ("2024-09-02", 1, "present", "2024-09-20"))
    got = deliveries.receive(delivery(tmp_path / "in", WHOLE | {"attendance.csv": journal}), *place, silent)
    assert got.accounts["attendance"].used == 2
    later = attended(("2024-09-02", 1, "absent", "2024-09-02"), ("2024-09-03", 1, "absent", "2024-09-03"))
    first = deliveries.receive(
        delivery(tmp_path / "x", WHOLE | {"attendance.csv": later}), tmp_path / "s", tmp_path / "k", silent
    )
    corrected = attended(("2024-09-03", 1, "present", "2025-02-02"))
    more = delivery(tmp_path / "more", {"attendance.csv": corrected}, "2025-02-28", "false")
    assert deliveries.receive(more, tmp_path / "s", tmp_path / "k", silent).accounts["attendance"].used == 1
    assert first.accounts["attendance"].used == 2


def test_a_week_that_the_delivery_plans_itself_keeps_its_count(tmp_path, place):
    planned = "pupil_code;school_id;happened_on;lessons\n12019000013;1;2024-09-02;30\n"
    files = WHOLE | {
        "attendance.csv": attended(("2024-09-02", 1, "present", "2024-09-02")),
        "lessons_planned.csv": planned,
    }
    got = deliveries.receive(delivery(tmp_path / "in", files), *place, silent)
    assert table(place[0], got.delivery_id, "lessons_planned")["lessons"].to_pylist() == [30]


def test_a_parquet_file_says_the_same_as_a_csv_file(tmp_path, place):
    rows = {
        "pupil_code": ["120190-00013", "130190-00022"],
        "school_id": ["1", "1"],
        "stage_kind": ["grade", "grade"],
        "stage_number": pa.array([8, 8], pa.int32()),
        "happened_on": pa.array([19968, 19968], pa.int32()).cast(pa.date32()),
    }
    folder = delivery(tmp_path / "in", {name: text for name, text in WHOLE.items() if name != "enrolment.csv"})
    pq.write_table(pa.table(rows), folder / "enrolment.parquet")
    as_parquet = deliveries.receive(folder, *place, silent)
    as_csv = deliveries.receive(delivery(tmp_path / "csv", WHOLE), tmp_path / "other", place[1], silent)
    one = table(place[0], as_parquet.delivery_id, "enrolment")
    assert one.equals(table(tmp_path / "other", as_csv.delivery_id, "enrolment"))


def test_a_table_may_come_in_several_files(tmp_path, place):
    header, *rows = STAY.splitlines()
    files = {name: text for name, text in WHOLE.items() if name != "enrolment.csv"}
    files |= {f"enrolment-{at}.csv": f"{header}\n{row}\n" for at, row in enumerate(rows)}
    got = deliveries.receive(delivery(tmp_path / "in", files), *place, silent)
    assert got.accounts["enrolment"].used == 2


def test_the_notes_of_a_sender_are_kept(tmp_path, place):
    folder = delivery(tmp_path / "in", WHOLE | {"notes.yaml": "- {lv: Nosacīti datumi., en: Nominal dates.}\n"})
    got = deliveries.receive(folder, *place, silent)
    described = json.loads((place[0] / "deliveries" / got.delivery_id / "delivery.json").read_text("utf-8"))
    assert described["notes"] == [{"lv": "Nosacīti datumi.", "en": "Nominal dates."}]


def test_free_register_ids_are_taken_where_the_mapping_says_so(tmp_path, place):
    files = {
        name: text.replace("120190-00013", "A-1").replace("130190-00022", "B-2").replace("13019000022", "B-2")
        for name, text in WHOLE.items()
    }
    folder = delivery(tmp_path / "in", files)
    (folder / "mapping.yaml").write_text(
        "delivery: {delivered_on: 2025-01-31, origin: public, register_ids: free}\n", "utf-8"
    )
    assert deliveries.receive(folder, *place, silent).accounts["enrolment"].used == 2


@pytest.mark.parametrize("fewest_rows", [0, 10**9], ids=["as numbers", "general path"])
def test_a_free_register_id_that_is_too_long_names_nobody_in_an_addition(tmp_path, monkeypatch, fewest_rows):
    monkeypatch.setattr(intake, "FEWEST_ROWS", fewest_rows)
    marks = "pupil_code;school_id;subject_code;work_id;happened_on;mark_kind;mark_code;mark_points\n" + "".join(
        f"{code};1;MAT;1;2024-09-20;daily;points;7\n" for code in ("a", "b" * 41, "c")
    )
    folder = delivery(tmp_path / "in", {"mark.csv": marks})
    (folder / "mapping.yaml").write_text(
        "delivery: {delivered_on: 2025-01-31, origin: real, complete: false, register_ids: free}\n", "utf-8"
    )
    report = deliveries.check(folder, silent)
    assert (report.accounts["mark"].used, report.accounts["mark"].quarantined) == (2, 1)
    assert report.rejected["rule_code"].to_pylist() == ["code_too_long"]


def test_the_report_speaks_both_languages_and_adds_up(tmp_path):
    report = deliveries.check(delivery(tmp_path / "in", WHOLE | {"enrolment.csv": STAY.replace(";8;", ";80;")}), silent)
    assert "enrolment: read 2 = used 0 + put aside 2 + merged 0" in report.in_language("en")
    assert "enrolment: nolasīts 2 = izmantots 0 + atlikts 2 + apvienots 0" in report.in_language("lv")
    assert "enrolment.csv [stage_number], 2 rindas: 2, 3" in report.in_language("lv")
    assert report.as_dict()["rejected_rows"] == 2


@pytest.mark.parametrize("fewest_rows", [0, 10**9], ids=["as numbers", "general path"])
def test_the_daily_tables_lie_by_school_year_and_then_by_pupil(tmp_path, place, monkeypatch, fewest_rows):
    monkeypatch.setattr(intake, "FEWEST_ROWS", fewest_rows)
    days = ("2024-08-01", "2024-07-31", "2023-09-04", "2024-09-20")
    marks = "pupil_code;school_id;subject_code;work_id;happened_on;mark_kind;mark_code;mark_points\n" + "".join(
        f"{code};1;MAT;1;{day};daily;points;7\n" for day in days for code in ("120190-00013", "13019000022")
    )
    got = deliveries.receive(delivery(tmp_path / "in", WHOLE | {"mark.csv": marks}), *place, silent)
    file = pq.ParquetFile(place[0] / "deliveries" / got.delivery_id / "mark.parquet")
    years = [[str(day) >= "2024-08-01" for day in group_days(file, group)] for group in range(file.num_row_groups)]
    assert years == [[False] * 4, [True] * 4]
    for group in range(file.num_row_groups):
        rows = file.read_row_group(group).to_pylist()
        assert rows == sorted(rows, key=lambda row: (row["pupil_id"], row["happened_on"]))
    first = file.metadata.row_group(0).column(0)
    assert first.has_dictionary_page
    assert first.statistics.has_min_max


def group_days(file, group):
    return file.read_row_group(group, ["happened_on"])["happened_on"].to_pylist()


def test_a_file_that_gave_up_its_list_of_texts_is_taken_in_by_the_general_path(tmp_path, place, monkeypatch):
    count = 2000
    days = pa.array([19968 + number // 16 for number in range(count)], pa.int32()).cast(pa.date32())
    rows = {
        "pupil_code": ["120190-00013"] * count,
        "school_id": ["1"] * count,
        "happened_on": days,
        "lesson_number": pa.array([number % 16 for number in range(count)], pa.int32()),
        "subject_code": [f"a subject with the number {number}" for number in range(count)],
        "attendance_code": ["late"] * count,
        "lessons": pa.array([1] * count, pa.int32()),
        "known_on": days,
    }
    folder = delivery(tmp_path / "in", WHOLE)
    pq.write_table(pa.table(rows), folder / "attendance.parquet", dictionary_pagesize_limit=512, write_batch_size=64)
    for fewest_rows, store in ((0, place[0]), (10**9, tmp_path / "general")):
        monkeypatch.setattr(intake, "FEWEST_ROWS", fewest_rows)
        assert deliveries.receive(folder, store, place[1], silent).accounts["attendance"].used == count
    assert tree(place[0]) == tree(tmp_path / "general")


MARKS = "pupil_code;school_id;subject_code;work_id;happened_on;mark_kind;mark_code;mark_points\n" + "".join(
    f"120190-00013;1;MAT;{work};2024-09-20;daily;points;7\n" for work in range(50)
)
LARGE = WHOLE | {
    "mark.csv": MARKS,
    "attendance.csv": ABSENCE
    + "".join(f"120190-00013;1;2024-09-{day:02d};1;late;1;2024-09-30\n" for day in range(2, 30)),
}


def test_what_a_reader_of_a_large_table_meets_reaches_the_user_and_leaves_the_store_as_it_was(
    tmp_path, place, monkeypatch
):
    monkeypatch.setattr(intake, "FEWEST_ROWS", 0)
    deliveries.receive(delivery(tmp_path / "first", WHOLE), *place, silent)
    before = tree(place[0])

    def full(_large, _connection):
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(abreast, "read_plainly", full)
    second = delivery(tmp_path / "second", LARGE, "2025-02-28")
    (second / "enrolment.csv").write_text(STAY.replace(";8;", ";9;"), "utf-8")
    with pytest.raises(OSError, match="no space left"):
        deliveries.receive(second, *place, silent)
    assert tree(place[0]) == before


def test_who_finds_a_table_at_fault_does_not_wait_for_the_large_ones_to_be_read(tmp_path, place, monkeypatch):
    monkeypatch.setattr(intake, "FEWEST_ROWS", 0)
    monkeypatch.setattr(distinct, "ROWS_AT_ONCE", 1)
    has_failed, given_up = threading.Event(), []
    reading = abreast.read_plainly

    def watched(large, connection):
        has_failed.wait(60)
        try:
            reading(large, connection)
        except AbandonedError:
            given_up.append(large.coded.table.name)
            raise

    def at_fault(*_arguments, **_options):
        # The readers go on once those who wait for them are gone.
        threading.Timer(0.2, has_failed.set).start()
        raise DeliveryError(message("A"), found=message("B"), remedy=message("C"), where="enrolment.csv")

    checking = intake.check_table

    def check_table(connection, table, *arguments, **options):
        check = at_fault if table.name == "enrolment" else checking
        return check(connection, table, *arguments, **options)

    monkeypatch.setattr(abreast, "read_plainly", watched)
    monkeypatch.setattr(intake, "check_table", check_table)
    only_marks = {name: text for name, text in LARGE.items() if name != "attendance.csv"}
    with pytest.raises(DeliveryError):
        deliveries.receive(delivery(tmp_path / "in", only_marks), *place, silent)
    assert given_up == ["mark"]
    assert list((place[0] / "staging").iterdir()) == []


def test_the_messages_of_a_delivery_come_in_one_order_however_many_read_it(tmp_path, monkeypatch):
    monkeypatch.setattr(intake, "FEWEST_ROWS", 0)
    capacity = (
        "school_id;provider_code;happened_on;ends_on;places;known_on\n1;all;2024-09-02;2025-08-31;37;2024-09-02\n"
    )
    folder, told = delivery(tmp_path / "in", LARGE | {"capacity.csv": capacity}), []
    for readers, most in ((1, 9), (2, 9), (3, 9), (2, 0)):
        monkeypatch.setattr(abreast, "READERS", readers)
        monkeypatch.setattr(border, "MOST_ROWS_BESIDE", most)
        said = []
        report = deliveries.check(folder, lambda text, said=said: said.append(text.in_language("en")))
        told.append((said, report.as_dict()))
    assert all(one == told[0] for one in told)
    checked = [text for text in told[0][0] if text.startswith("Checking")]
    tables = ["school", "pupil", "term", "enrolment", "capacity", "attendance", "mark"]
    assert [text.split()[-1] for text in checked] == [f"{name}." for name in tables]


def test_a_further_delivery_leaves_packed_tables_to_those_who_read_them(tmp_path, place, monkeypatch):
    monkeypatch.setattr(intake, "FEWEST_ROWS", 0)
    deliveries.receive(delivery(tmp_path / "first", LARGE), *place, silent)
    looked_at, looking = [], packing.is_whole
    monkeypatch.setattr(packing, "is_whole", lambda made: looked_at.append(made.name) or looking(made))
    broken = next((place[0] / "packed").glob("mark-*")) / packing.DIGESTS_FILE
    broken.chmod(0o640)
    broken.write_text("{}", "utf-8")
    more = {"attendance.csv": ABSENCE + "120190-00013;1;2025-02-03;1;late;1;2025-02-03\n"}
    deliveries.receive(delivery(tmp_path / "second", more, "2025-02-28", "false"), *place, silent)
    assert looked_at == []
    with duckdb.connect() as connection:
        stored = [one.delivery_id for one in history.stored_deliveries(place[0])]
        history.open_canonical(connection, place[0], stored)
    assert broken.read_text("utf-8") != "{}"
