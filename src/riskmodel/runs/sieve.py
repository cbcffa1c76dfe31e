"""Tables and texts without some pupils: what is taken out of a file, and everything else as it was."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path

import nbformat
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from riskmodel.views.extract import SCHOOL_FORM, without_pupils

PUPIL_COLUMNS = ("pupil_id", "of_pupil_id")
CLEARED = "This output was cleared: it showed a pupil who was erased."


def rows_without(path: Path, to: Path, pupil_ids: Collection[str]) -> int:
    """Write a Parquet file without the rows of pupils; return how many were left out. Nothing is written where there are none."""
    if not (gone := rows_of(path, pupil_ids)):
        return 0
    with pq.ParquetFile(path) as file:
        columns = [name for name in PUPIL_COLUMNS if name in file.schema_arrow.names]
        schema = file.schema_arrow.remove_metadata()
        with pq.ParquetWriter(to, schema, compression="zstd", store_schema=False) as writer:
            for number in range(file.num_row_groups):
                kept = _kept(file.read_row_group(number), columns, pupil_ids)
                if kept.num_rows:
                    writer.write_table(kept.cast(schema), row_group_size=kept.num_rows)
    return gone


def _kept(rows: pa.Table, columns: Collection[str], pupil_ids: Collection[str]) -> pa.Table:
    wanted = pa.array(sorted(pupil_ids), pa.string())
    for name in columns:
        is_gone = pc.fill_null(pc.is_in(rows[name].cast(pa.string()), value_set=wanted), False)
        rows = rows.filter(pc.invert(is_gone))
    return rows


def rows_of(path: Path, pupil_ids: Collection[str]) -> int:
    """Return how many rows of a Parquet file are of pupils."""
    with pq.ParquetFile(path) as file:
        columns = [name for name in PUPIL_COLUMNS if name in file.schema_arrow.names]
        if not columns:
            return 0
        groups = (file.read_row_group(number, columns=columns) for number in range(file.num_row_groups))
        return sum(rows.num_rows - _kept(rows, columns, pupil_ids).num_rows for rows in groups)


def text_without(path: Path, pupil_ids: Collection[str], renamed: Mapping[str, str]) -> bytes:
    """Return a file's bytes without pupils, and with runs called by their new names."""
    content = path.read_bytes()
    if path.suffix == ".json" and SCHOOL_FORM.encode() in content:
        stored = json.loads(content)
        sieved = without_pupils(stored, pupil_ids)
        if sieved is not stored:
            content = json.dumps(sieved, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    elif path.suffix == ".ipynb" and any(one.encode() in content for one in pupil_ids):
        content = _cleared(content, pupil_ids)
    for old, new in renamed.items():
        content = content.replace(old.encode(), new.encode())
    return content


def _cleared(content: bytes, pupil_ids: Collection[str]) -> bytes:
    notebook = nbformat.reads(content.decode("utf-8"), as_version=4)  # type: ignore[no-untyped-call]
    for cell in notebook.cells:
        if cell.cell_type == "code" and any(one in json.dumps(cell.outputs) for one in pupil_ids):
            cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=CLEARED + "\n")]  # type: ignore[no-untyped-call]
    return str(nbformat.writes(notebook)).encode()  # type: ignore[no-untyped-call]
