"""The bare scan reads what it is said to read."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from riskmodel.bench.scan import scan

ROWS = 20_000


def written(path: Path) -> Path:
    rows = {"name": [f"pupil {number}" for number in range(ROWS)], "number": list(range(ROWS))}
    pq.write_table(pa.table(rows), path, compression="none", use_dictionary=False)
    return path


def test_every_row_is_counted(tmp_path: Path) -> None:
    assert scan(duckdb.connect().read_parquet(str(written(tmp_path / "rows.parquet")))) == ROWS


@pytest.mark.parametrize("column", [0, 1])
def test_a_column_that_cannot_be_read_is_noticed_though_the_statistics_of_the_file_are_whole(
    tmp_path: Path, column: int
) -> None:
    path = written(tmp_path / "rows.parquet")
    described = pq.read_metadata(path).row_group(0).column(column)
    content = bytearray(path.read_bytes())
    first = described.data_page_offset
    content[first : first + 40] = b"\xff" * 40  # the head of its first page
    path.write_bytes(content)
    assert pq.read_metadata(path).row_group(0).column(column).statistics.max is not None
    with pytest.raises(duckdb.Error):
        scan(duckdb.connect().read_parquet(str(path)))
