"""Tables of a run as Parquet: checked against their declaration, sorted by key; equal rows give equal bytes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from riskmodel.errors import RunFailedError
from riskmodel.messages import Message, message
from riskmodel.tables.schema import Table

ROW_GROUP_ROWS = 1 << 17
COLUMNS_AT_ONCE = 16
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
    _write(folder / f"{table.name}.parquet", _as_declared(table, arrow))


def write_rows(folder: Path, table: Table, rows: pa.Table) -> None:
    """Write Arrow ``rows`` that stand in the order of their key already, as ``<folder>/<table>.parquet``.

    Columns besides the declared ones are plain numbers without gaps: one per feature, in a wide table.

    Raises
    ------
    RunFailedError
        As :func:`write_table`, and for another order.
    """
    further = [name for name in rows.column_names if name not in table.column_names]
    for name in further:
        if rows.schema.field(name).type != pa.float64() or rows[name].null_count:
            raise _undeclared(table.name, message("A value has another type than its column."))
    declared = _as_declared(table, rows.drop_columns(further))
    if not _is_ascending([declared[name].combine_chunks() for name in table.key]):
        raise _disorder(table)
    for name in further:
        declared = declared.append_column(rows.schema.field(name), rows[name])
    path = folder / f"{table.name}.parquet"
    if not further:
        _write(path, declared)
        return
    # Hardly a number of such a table stands there twice: a dictionary of them costs more than half the time and makes
    # the file larger.
    with _open(path, declared.schema, **_wide(declared.schema, is_coded=False)) as file:
        file.write_table(declared.replace_schema_metadata(None), row_group_size=ROW_GROUP_ROWS)


class RowsWriter:
    """Writes a declared table from rows in the order of its key, some at a time, so that not all stand in memory.

    A context: the file is whole when it is left without an error.
    """

    def __init__(self, folder: Path, table: Table) -> None:
        self._table = table
        self._file = _open(folder / f"{table.name}.parquet", table.arrow_schema())
        self._last = pa.table({name: pa.array([], kind) for name, kind in _key_kinds(table)})

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Finish the file."""
        self._file.close()

    def write(self, rows: pa.Table) -> None:
        """Write rows whose keys are larger than all before.

        Raises
        ------
        RunFailedError
            As :func:`write_rows`.
        """
        declared = _as_declared(self._table, rows).cast(self._table.arrow_schema())
        key = declared.select(list(self._table.key)).cast(self._last.schema)
        behind = pa.concat_tables([self._last, key])
        if not _is_ascending([behind[name].combine_chunks() for name in self._table.key]):
            raise _disorder(self._table)
        if declared.num_rows:
            self._last = key.slice(key.num_rows - 1).combine_chunks()
            self._file.write_table(declared.replace_schema_metadata(None), row_group_size=ROW_GROUP_ROWS)


def _key_kinds(table: Table) -> list[tuple[str, pa.DataType]]:
    schema = table.arrow_schema()
    return [(name, schema.field(name).type) for name in table.key]


def _disorder(table: Table) -> RunFailedError:
    return _undeclared(table.name, message("Rows are not in the order of their key, or two have one key."))


def _is_ascending(key: Sequence[pa.Array]) -> bool:
    """Whether each row has a larger key than the one before."""
    larger = pa.scalar(False)
    for column in reversed(key):
        before, after = column[:-1], column[1:]
        larger = pc.or_(pc.less(before, after), pc.and_(pc.equal(before, after), larger))
    return bool(pc.all(larger, min_count=0).as_py())


def write_wide(folder: Path, name: str, rows: pd.DataFrame) -> None:
    """Write a wide table: ``cohort_on``, ``pupil_id``, and columns that keep their kind."""
    ordered = rows.sort_values(list(WIDE_KEY), kind="stable", ignore_index=True)
    _write(folder / f"{name}.parquet", pa.Table.from_pandas(ordered, preserve_index=False))


def _write(path: Path, rows: pa.Table) -> None:
    is_plain = any(pa.types.is_dictionary(kind) for kind in rows.schema.types)
    with _open(path, rows.schema, is_plain=is_plain) as file:
        file.write_table(rows.replace_schema_metadata(None), row_group_size=ROW_GROUP_ROWS)


def _open(path: Path, schema: pa.Schema, *, is_plain: bool = False, **packing: Any) -> pq.ParquetWriter:
    """Open a file to write. With ``is_plain`` it is read as plain columns even if they are written from dictionaries.

    ``packing`` are options of the writer other than those that most tables have.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    usual = {**packing_of(schema), "write_statistics": True}
    return pq.ParquetWriter(path, schema.remove_metadata(), version="2.6", store_schema=not is_plain, **usual | packing)


def packing_of(schema: pa.Schema) -> dict[str, Any]:
    """Return how the columns of a table are packed: fractions, which hardly repeat, by LZ4, and all others by zstd.

    Fractions are read in a third to a half of the time then, and are a tenth larger at most. Level 1 of zstd takes a third less
    time than level 3 for the same bytes.
    """
    others = [field.name for field in schema if not pa.types.is_floating(field.type)]
    return {
        "compression": dict.fromkeys(schema.names, "lz4") | dict.fromkeys(others, "zstd"),
        "compression_level": dict.fromkeys(others, 1),
    }


def _wide(schema: pa.Schema, *, is_coded: bool) -> dict[str, Any]:
    """Return how a table with a column per feature is packed; with ``is_coded`` its numbers get dictionaries.

    It is written once and read over and over. Nobody asks for the least or the largest number.
    """
    key = [name for name in schema.names if name in WIDE_KEY]
    numbers = [name for name in schema.names if name not in WIDE_KEY]
    return {
        "use_dictionary": ["cohort_on", *numbers] if is_coded else False,
        "write_statistics": key,
    }


class CohortWriter:
    """Writes a table with the key ``cohort_on, pupil_id`` cohort by cohort: memory for one, and each in its own row groups.

    Parameters
    ----------
    folder
        Where ``<name>.parquet`` goes.
    name
        Of the table.
    table
        Its declaration; None for a wide table, whose columns are those of the first cohort.

    A file that was not closed is not whole.
    """

    def __init__(self, folder: Path, name: str, table: Table | None = None) -> None:
        self._path, self._name, self._table = folder / f"{name}.parquet", name, table
        self._file: pq.ParquetWriter | None = None
        self._last: tuple[date, str] | None = None

    def write(self, rows: pa.Table) -> None:
        """Write one cohort, or the next rows of it: later than what came before, pupils in ascending order.

        Raises
        ------
        RunFailedError
            As :func:`write_table`, and for another order.
        """
        if self._table is not None:
            rows = _as_declared(self._table, rows)
        days = pc.min_max(rows["cohort_on"]).as_py()
        pupils = rows["pupil_id"].combine_chunks()
        first, last = pupils[0].as_py(), pupils[-1].as_py()
        if days["min"] != days["max"] or (self._last is not None and (days["min"], first) <= self._last):
            raise _undeclared(self._name, message("Cohorts are not in the order of their days."))
        if not pc.all(pc.less(pupils[:-1], pupils[1:]), min_count=0).as_py():
            raise _undeclared(self._name, message("Two rows have one key."))
        if self._file is None:
            packing = _wide(rows.schema, is_coded=True) if self._table is None else {}
            self._file = _open(self._path, rows.schema, **packing)
        self._last = days["max"], last
        self._file.write_table(rows.replace_schema_metadata(None), row_group_size=ROW_GROUP_ROWS)

    def close(self) -> None:
        """Finish the file."""
        if self._file is not None:
            self._file.close()


def _as_declared(table: Table, rows: pa.Table) -> pa.Table:
    """Return ``rows`` with the declared columns in the declared order, each of its kind."""
    if set(rows.column_names) != set(table.column_names):
        names = sorted(set(rows.column_names) ^ set(table.column_names))
        raise _undeclared(table.name, message("These columns differ: {names}.", names=", ".join(names)))
    for column in table.columns:
        if column.required and rows[column.name].null_count:
            raise _undeclared(table.name, message("The column {name} has empty values.", name=column.name))
    try:
        arrow = rows.select(list(table.column_names)).cast(_keeping_codes(table, rows))
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, ValueError):
        raise _undeclared(table.name, message("A value has another type than its column.")) from None
    return arrow


def _keeping_codes(table: Table, rows: pa.Table) -> pa.Schema:
    """Return the declared schema, with the text columns that came as Arrow dictionaries left so: they are written as such."""
    declared = table.arrow_schema()
    coded = [
        place
        for place, field in enumerate(declared)
        if pa.types.is_dictionary(kind := rows.schema.field(field.name).type) and kind.value_type == field.type
    ]
    for place in coded:
        declared = declared.set(
            place, declared.field(place).with_type(rows.schema.field(declared.field(place).name).type)
        )
    return declared


def read_table(
    folder: Path, name: str, cohort_on: date | None = None, columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return a table of a run, or one cohort or some columns of it; dates as datetime64, empty whole numbers as NaN."""
    rows = read_rows(folder / f"{name}.parquet", cohort_on, columns)
    frame: pd.DataFrame = rows.to_pandas(date_as_object=False)
    return frame


def read_rows(
    path: Path, cohort_on: date | None = None, columns: Sequence[str] | None = None, coded: Sequence[str] = ()
) -> pa.Table:
    """Return the rows of a file, or one cohort or some columns of them; those of ``coded`` as dictionaries.

    Where statistics tell that cohorts have row groups of their own, as :class:`CohortWriter` writes them, no row is
    looked at to find one: that would cost as much as to read it.
    """
    chosen = None if columns is None else list(columns)
    if cohort_on is not None:
        with pq.ParquetFile(path, read_dictionary=list(coded), memory_map=True) as file:
            groups = _groups_of(file, cohort_on)
            if groups is not None:
                return file.read_row_groups(groups, chosen)
    of_cohort = None if cohort_on is None else [("cohort_on", "=", cohort_on)]
    return pq.read_table(path, columns=chosen, filters=of_cohort, read_dictionary=list(coded), memory_map=True)


def _groups_of(file: pq.ParquetFile, cohort_on: date) -> list[int] | None:
    """Return the row groups of a cohort; None where one holds rows of others too, or nothing is told of it."""
    place = file.schema.names.index("cohort_on")
    if file.schema_arrow.field("cohort_on").type != pa.date32():
        return None
    groups = []
    for number in range(file.num_row_groups):
        told = file.metadata.row_group(number).column(place).statistics
        if told is None or not told.has_min_max or told.null_count:
            return None
        if told.min == told.max == cohort_on:
            groups.append(number)
        elif told.min <= cohort_on <= told.max:
            return None
    return groups


def read_numbers(
    folder: Path, name: str, cohort_on: date, columns: Sequence[str], room: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return number columns of one cohort (rows × columns, empty cells NaN), laid out in ``room``, column after column.

    ``room`` is flat and holds at least so many cells. To fill the same memory again costs a fraction of new memory, and
    some columns at a time pass through Arrow's.
    """
    path, cells = folder / f"{name}.parquet", 0
    for first in range(0, len(columns), COLUMNS_AT_ONCE):
        batch = list(columns[first : first + COLUMNS_AT_ONCE])
        for column in read_rows(path, cohort_on, batch).columns:
            for chunk in column.chunks:
                room[cells : cells + len(chunk)] = chunk.cast(pa.float64()).fill_null(np.nan).to_numpy()
                cells += len(chunk)
    return room[:cells].reshape(len(columns), cells // len(columns)).T


def empty_values(path: Path) -> tuple[int, dict[str, int]]:
    """Return the rows of a Parquet file, and the empty values of each column, from its statistics where it has them."""
    described = pq.read_metadata(path)
    empty: dict[str, int] = {}
    for column, name in enumerate(described.schema.names):
        parts = [described.row_group(group).column(column).statistics for group in range(described.num_row_groups)]
        if all(part is not None and part.has_null_count for part in parts):
            empty[name] = sum(int(part.null_count) for part in parts)
        else:
            empty[name] = int(pq.read_table(path, columns=[name])[name].null_count)
    return int(described.num_rows), empty


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
