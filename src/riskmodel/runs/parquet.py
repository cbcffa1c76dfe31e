"""Tables of a run as Parquet: checked against their declaration, sorted by key; equal rows give equal bytes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from riskmodel.errors import RunFailedError
from riskmodel.messages import Message, message
from riskmodel.tables.schema import Table

ROW_GROUP_ROWS = 1 << 17
WIDE_KEY = ("cohort_on", "pupil_id")
"""Key of the wide tables (one float column per feature), which no schema declares."""


def write_table(folder: Path, table: Table, rows: pd.DataFrame) -> None:
    """Write ``rows`` as ``<folder>/<table>.parquet``.

    Raises
    ------
    RunFailedError
        When a declared column is missing, another one is there, a value has another type, a required value is
        missing, or two rows have one key.
    """
    if set(rows.columns) != set(table.column_names):
        names = sorted(set(rows.columns) ^ set(table.column_names))
        raise _undeclared(table.name, message("These columns differ: {names}.", names=", ".join(names)))
    if rows.duplicated(list(table.key)).any():
        raise _undeclared(table.name, message("Two rows have one key."))
    ordered = rows[list(table.column_names)].sort_values(list(table.key), kind="stable", ignore_index=True)
    try:
        arrow = pa.Table.from_pandas(ordered, schema=table.arrow_schema(), preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        raise _undeclared(table.name, message("A value has another type than its column.")) from None
    for column in table.columns:
        if column.required and arrow[column.name].null_count:
            raise _undeclared(table.name, message("The column {name} has empty values.", name=column.name))
    _write(folder / f"{table.name}.parquet", arrow)


def write_wide(folder: Path, name: str, rows: pd.DataFrame) -> None:
    """Write a wide table: ``cohort_on``, ``pupil_id``, and columns that keep their kind."""
    ordered = rows.sort_values(list(WIDE_KEY), kind="stable", ignore_index=True)
    _write(folder / f"{name}.parquet", pa.Table.from_pandas(ordered, preserve_index=False))


def _write(path: Path, rows: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        rows.replace_schema_metadata(None),
        path,
        compression="zstd",
        compression_level=3,
        row_group_size=ROW_GROUP_ROWS,
        version="2.6",
        use_dictionary=True,
        write_statistics=True,
    )


def read_table(folder: Path, name: str) -> pd.DataFrame:
    """Return a table of a run; dates as datetime64, empty whole numbers as NaN."""
    frame: pd.DataFrame = pq.read_table(folder / f"{name}.parquet", memory_map=True).to_pandas(date_as_object=False)
    return frame


def row_count(path: Path) -> int:
    """Return how many rows a Parquet file holds, without reading them."""
    return int(pq.read_metadata(path).num_rows)


def _undeclared(table: str, found: Message) -> RunFailedError:
    return RunFailedError(
        message("Each table of a run has the columns, kinds and key that are declared for it."),
        found=found,
        remedy=message("Correct the step that makes the table."),
        where=table,
    )
