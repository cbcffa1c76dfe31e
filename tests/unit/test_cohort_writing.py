"""A cohort on its way into the tables of a run stands in one piece for each row group."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from riskmodel.runs.cohort_writing import in_pieces
from riskmodel.runs.parquet import ROW_GROUP_ROWS

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


def _cut(sizes):
    return pa.chunked_array(np.split(NUMBERS, np.cumsum(sizes)[:-1]))
