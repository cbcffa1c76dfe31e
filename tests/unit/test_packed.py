"""A packed table gives back what its rows said, and on which day each of them was replaced."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from riskmodel.sources import packing
from riskmodel.sources.packing import DIGESTS_FILE, FILES, packed
from riskmodel.tables import packed as form
from riskmodel.tables.canonical import ATTENDANCE, MARK
from riskmodel.tables.packed import MISSING, NEVER, DisorderError, PackedTable, TooLargeError, pack, widen

Row = dict[str, Any]


def absence(pupil: str, day: str, code: str = "unexcused", known_on: str = "", **other: object) -> Row:
    return {
        "pupil_id": pupil,
        "school_id": "1",
        "happened_on": date.fromisoformat(day),
        "lesson_number": 1,
        "subject_code": None,
        "attendance_code": code,
        "lessons": 1,
        "known_on": date.fromisoformat(known_on or day),
        **other,
    }


def as_rows(*rows: Row) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=ATTENDANCE.arrow_schema())


def whole(folder: Path, name: str) -> list[int]:
    read = PackedTable(folder)
    found: list[int] = []
    for run in read.runs:
        for count, piece in read.read(*run.rows, [name]):
            to = np.empty(count, np.int32)
            if piece[name].dtype == np.int16:
                widen(piece[name], to)
            else:
                to[:] = piece[name]
            found += to.tolist()
    return found


def day(text: str) -> int:
    return (date.fromisoformat(text) - form.EPOCH).days


def test_each_version_says_when_the_next_one_became_known(tmp_path):
    rows = (
        absence("a", "2024-09-05"),
        absence("a", "2024-09-05", "excused", "2024-09-20"),
        absence("a", "2024-09-06"),
        absence("b", "2024-09-05"),
    )
    pack(ATTENDANCE, [as_rows(*rows)], tmp_path / "p")
    assert whole(tmp_path / "p", "replaced_on") == [day("2024-09-20"), NEVER, NEVER, NEVER]
    assert whole(tmp_path / "p", "known_on") == [
        day("2024-09-05"),
        day("2024-09-20"),
        day("2024-09-06"),
        day("2024-09-05"),
    ]


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_where_the_rows_are_cut_into_batches_does_not_matter(tmp_path, cut):
    rows = [
        absence("a", "2024-09-05"),
        absence("a", "2024-09-05", "excused", "2024-09-20"),
        absence("a", "2024-09-05", "late", "2024-09-21"),
        absence("b", "2024-09-05"),
    ]
    pack(ATTENDANCE, [as_rows(*rows[:cut]), as_rows(), as_rows(*rows[cut:])], tmp_path / "p")
    assert whole(tmp_path / "p", "replaced_on") == [day("2024-09-20"), day("2024-09-21"), NEVER, NEVER]
    (run,) = PackedTable(tmp_path / "p").runs
    assert (run.pupils.to_pylist(), run.starts.tolist()) == (["a", "b"], [0, 3, 4])


def test_a_school_year_is_a_run_of_its_own_with_its_pupils(tmp_path):
    rows = (
        absence("b", "2023-09-05"),
        absence("c", "2024-07-31"),
        absence("a", "2024-08-01"),
        absence("b", "2024-09-05"),
    )
    pack(ATTENDANCE, [as_rows(*rows[:3]), as_rows(*rows[3:])], tmp_path / "p")
    runs = PackedTable(tmp_path / "p").runs
    assert [(run.school_year, run.pupils.to_pylist(), run.rows, run.starts.tolist()) for run in runs] == [
        (2023, ["b", "c"], (0, 2), [0, 1, 2]),
        (2024, ["a", "b"], (2, 4), [0, 1, 2]),
    ]
    assert runs[1].between("b", None).rows == (3, 4)
    assert runs[1].between("c", "a").rows == (4, 4)


def test_what_is_missing_stays_missing_and_texts_have_their_number(tmp_path):
    rows = (absence("a", "2024-09-05", subject_code="Fizika"), absence("a", "2024-09-06"))
    pack(ATTENDANCE, [as_rows(*rows)], tmp_path / "p")
    assert whole(tmp_path / "p", "subject_code") == [0, MISSING]
    assert PackedTable(tmp_path / "p").texts["subject_code"] == ["Fizika"]
    assert "work_id" not in PackedTable(tmp_path / "p").texts


@pytest.mark.parametrize(
    "rows",
    [
        (absence("b", "2024-09-05"), absence("a", "2024-09-05")),
        (absence("a", "2024-09-05"), absence("a", "2023-09-05")),
        (absence("a", "2024-09-05", "late", "2024-09-09"), absence("a", "2024-09-05", "excused", "2024-09-08")),
        (absence("a", "2024-09-05"), absence("a", "2024-09-05", "excused")),
    ],
    ids=["pupils", "years", "versions", "versions of one day"],
)
def test_rows_in_another_order_are_refused_within_a_batch_and_between_two(tmp_path, rows):
    with pytest.raises(DisorderError):
        pack(ATTENDANCE, [as_rows(*rows)], tmp_path / "one")
    with pytest.raises(DisorderError):
        pack(ATTENDANCE, [as_rows(row) for row in rows], tmp_path / "two")


def test_of_two_versions_of_one_day_that_were_sorted_the_last_counts(tmp_path):
    rows = (absence("a", "2024-09-05"), absence("a", "2024-09-05", "excused"))
    for name, parts in (("one", [as_rows(*rows)]), ("two", [as_rows(row) for row in rows])):
        pack(ATTENDANCE, parts, tmp_path / name, is_sorted=True)
        assert whole(tmp_path / name, "replaced_on") == [day("2024-09-05"), NEVER]


def test_a_day_after_2059_asks_for_more_bits_and_gets_them(tmp_path):
    row = absence("a", "2060-01-04")
    with pytest.raises(TooLargeError):
        pack(ATTENDANCE, [as_rows(row)], tmp_path / "p")
    pq.write_table(as_rows(row), tmp_path / "attendance.parquet")
    folder = packed(tmp_path / "packed", ATTENDANCE, tmp_path / "attendance.parquet")
    assert whole(folder, "happened_on") == [day("2060-01-04")]
    assert whole(folder, "replaced_on") == [NEVER]


def test_a_file_is_packed_once_and_another_file_anew(tmp_path):
    pq.write_table(as_rows(absence("b", "2024-09-05"), absence("a", "2024-09-05")), tmp_path / "attendance.parquet")
    first = packed(tmp_path / "packed", ATTENDANCE, tmp_path / "attendance.parquet")
    made = (first / form.ROWS_FILE).stat().st_mtime_ns
    assert packed(tmp_path / "packed", ATTENDANCE, tmp_path / "attendance.parquet") == first
    assert (first / form.ROWS_FILE).stat().st_mtime_ns == made
    pq.write_table(as_rows(*(absence("b", f"2024-09-{n:02}") for n in range(1, 30))), tmp_path / "attendance.parquet")
    assert packed(tmp_path / "packed", ATTENDANCE, tmp_path / "attendance.parquet") != first
    assert not list((tmp_path / "packed").glob("*.tmp"))


@pytest.mark.parametrize("name", [*FILES, DIGESTS_FILE])
def test_a_packed_table_of_which_a_letter_changed_or_a_file_is_gone_is_made_anew(tmp_path, name):
    pq.write_table(as_rows(*(absence("b", f"2024-09-{n:02}") for n in range(1, 30))), tmp_path / "attendance.parquet")
    made = packed(tmp_path / "packed", ATTENDANCE, tmp_path / "attendance.parquet")
    right = whole(made, "happened_on")
    content = bytearray((made / name).read_bytes())
    content[len(content) // 2] ^= 128
    for spoilt in (lambda file: file.write_bytes(bytes(content)), lambda file: file.unlink()):
        (made / name).chmod(0o640)
        spoilt(made / name)
        assert packed(tmp_path / "packed", ATTENDANCE, tmp_path / "attendance.parquet") == made
        assert whole(made, "happened_on") == right
        assert not list((tmp_path / "packed").glob("*.tmp"))


@pytest.mark.parametrize("name", [*FILES, DIGESTS_FILE])
def test_a_packed_table_that_was_looked_through_is_read_again_only_when_it_changes(tmp_path, monkeypatch, name):
    pq.write_table(as_rows(absence("b", "2024-09-02")), tmp_path / "attendance.parquet")
    made = packed(tmp_path / "packed", ATTENDANCE, tmp_path / "attendance.parquet")
    packing.look_through(tmp_path / "packed")
    read, digest = [], packing.digest_of_file
    monkeypatch.setattr(packing, "digest_of_file", lambda path: read.append(path.name) or digest(path))
    packed(tmp_path / "packed", ATTENDANCE, tmp_path / "attendance.parquet")
    assert read == []
    content = (made / name).read_bytes()
    (made / name).unlink()
    (made / name).write_bytes(content)
    packed(tmp_path / "packed", ATTENDANCE, tmp_path / "attendance.parquet")
    assert read == list(FILES)


def test_a_store_without_packed_tables_can_be_looked_through(tmp_path):
    packing.look_through(tmp_path / "packed")
    assert not (tmp_path / "packed").exists()


def test_points_are_whole_hundredths(tmp_path):
    mark = {
        "pupil_id": "a",
        "school_id": "1",
        "subject_code": "Fizika",
        "work_id": "1",
        "happened_on": date(2024, 9, 5),
        "mark_kind": "daily",
        "mark_code": "points",
        "mark_points": 7.29,
        "handed_in_on": None,
        "weight": None,
        "known_on": date(2024, 9, 5),
    }
    pack(MARK, [pa.Table.from_pylist([mark], schema=MARK.arrow_schema())], tmp_path / "p")
    assert (whole(tmp_path / "p", "mark_points"), whole(tmp_path / "p", "weight")) == ([729], [MISSING])
