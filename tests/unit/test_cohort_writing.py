"""A cohort on its way into the tables of a run stands in one piece for each row group."""

from __future__ import annotations

import threading
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from riskmodel.runs.cohort_writing import CohortWriting, in_pieces
from riskmodel.runs.parquet import ROW_GROUP_ROWS
from riskmodel.runs.parts import Part, open_folder
from riskmodel.runs.semester import SemesterRun

ROWS = 2 * ROW_GROUP_ROWS + 3
EXPECTED = [ROW_GROUP_ROWS, ROW_GROUP_ROWS, 3]
NUMBERS = np.arange(ROWS)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([ROWS], [ROWS]),
        (EXPECTED, [ROWS]),
        ([2 * ROW_GROUP_ROWS, 3], EXPECTED),
        ([5, ROWS - 5], EXPECTED),
        ([ROW_GROUP_ROWS - 1, 1, ROWS - ROW_GROUP_ROWS], [0, ROWS]),
    ],
)
def test_a_cohort_comes_in_pieces_of_a_row_group_however_its_columns_were_cut(first, second):
    columns = {name: _cut(sizes) for name, sizes in (("first", first), ("second", second))}
    found = in_pieces(pa.table(columns))
    for name in columns:
        assert [len(chunk) for chunk in found[name].chunks] == EXPECTED
        np.testing.assert_array_equal(found[name].to_numpy(), NUMBERS)


def test_pieces_of_that_size_are_not_copied():
    rows = pa.table({"whole": _cut([ROWS]), "cut": _cut(EXPECTED)})
    before = pa.total_allocated_bytes()
    found = in_pieces(rows)
    assert pa.total_allocated_bytes() == before
    assert found["cut"].chunk(1).buffers()[1].address == rows["cut"].chunk(1).buffers()[1].address


def test_nobody_is_no_piece():
    assert in_pieces(pa.table({"first": pa.array([], pa.int64())})).num_rows == 0


@pytest.mark.parametrize("parts", [1, 2, 4])
def test_trends_are_written_from_when_at_most_one_part_is_waited_for(tmp_path, parts):
    run = SemesterRun(tmp_path, date(2025, 5, 30), {})
    wanted = [Part(f"cohort-{number}", len, {}) for number in range(parts + 1)]
    is_begun = threading.Event()
    with CohortWriting(run, open_folder(tmp_path, tmp_path), [wanted], is_begun.set) as writing:
        for part in wanted[: parts - 1]:
            writing.take(part, None)
        assert not is_begun.wait(0.1)
        writing.take(wanted[parts - 1], None)  # the last one is never made, and so nothing is written
        assert is_begun.wait(60)
        writing._pupils = 1  # as if somebody belonged to the cohort


def test_parts_of_a_cohort_in_groups_are_not_handed_over(tmp_path):
    run = SemesterRun(tmp_path, date(2025, 5, 30), {})
    wanted = [Part(f"cohort-{number}", len, {}) for number in range(2)]
    with CohortWriting(run, open_folder(tmp_path, tmp_path), [wanted], lambda: None) as writing:
        writing.take(wanted[0], None)
        with pytest.raises(ValueError, match="handed over"):
            writing.take(wanted[1], pa.table({}))
        writing._pupils = 1  # as if somebody belonged to it


def _cut(sizes):
    return pa.chunked_array(np.split(NUMBERS, np.cumsum(sizes)[:-1]))
