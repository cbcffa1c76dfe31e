"""The files of a synthetic delivery: rows are added table by table, and only what is known by the day of delivery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
import yaml

from riskmodel.sources.arrival import COMPLETE_MARK, MAPPING_NAME
from riskmodel.sources.synthetic.people import day_number
from riskmodel.sources.synthetic.truth import Integers

SMALL_TABLES = ("school", "pupil", "term", "economic_area", "capacity")
"""Written as CSV, so that a reader can look into them; the others are Parquet."""


def texts(words: Sequence[str | None], place: npt.NDArray[Any]) -> pa.Array:
    """Return a text column: the word at each place."""
    return pa.array(words, pa.string()).take(pa.array(place))


def days(numbers: npt.NDArray[Any], is_missing: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """Return a date column from days since 1970; missing where said."""
    return pa.array(numbers.astype(np.int32), mask=is_missing).view(pa.date32())


class DeliveryFiles:
    """Open files of a delivery; use as a context.

    Rows whose ``known_on`` lies after ``delivered_on`` are not written: nobody knew them yet.
    """

    def __init__(self, folder: Path, delivered_on: date) -> None:
        self.folder = folder
        self.delivered_on = delivered_on
        self.rows: dict[str, int] = {}
        self._open = ExitStack()
        self._writers: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def add(self, table: str, columns: Mapping[str, pa.Array]) -> None:
        """Add rows to a table; the first call fixes its columns."""
        rows = pa.table(dict(columns))
        known = pc.less_equal(rows["known_on"], pa.scalar(day_number(self.delivered_on), pa.int32()).cast(pa.date32()))
        self._write(table, rows.filter(known), is_small=table in SMALL_TABLES)

    def add_truth(self, name: str, columns: Mapping[str, pa.Array]) -> None:
        """Add rows to a table of ``truth/``, whatever the date."""
        self._write(f"truth/{name}", pa.table(dict(columns)), is_small=False)

    def finish(self) -> None:
        """Close the tables and write the mapping and, last, the mark of a complete delivery."""
        self._open.close()
        mapping = {
            "delivery": {"delivered_on": self.delivered_on, "origin": "synthetic", "register_ids": "personal_code"}
        }
        (self.folder / MAPPING_NAME).write_text(yaml.safe_dump(mapping, sort_keys=False), "utf-8")
        (self.folder / COMPLETE_MARK).touch()

    def _write(self, table: str, rows: pa.Table, *, is_small: bool) -> None:
        if table not in self._writers:
            path = self.folder / f"{table}.{'csv' if is_small else 'parquet'}"
            path.parent.mkdir(exist_ok=True)
            make = pyarrow.csv.CSVWriter if is_small else _parquet_writer
            self._writers[table] = self._open.enter_context(make(path, rows.schema))
        self._writers[table].write_table(rows)
        self.rows[table] = self.rows.get(table, 0) + rows.num_rows


def _parquet_writer(path: Path, schema: pa.Schema) -> Any:
    return pyarrow.parquet.ParquetWriter(path, schema, compression="zstd")


def constant(value: object, count: int, kind: pa.DataType) -> pa.Array:
    """Return a column that holds one value."""
    return pa.repeat(pa.scalar(value, kind), count)


def whole_numbers(values: Integers, is_missing: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """Return a column of whole numbers; missing where said."""
    return pa.array(values.astype(np.int64), mask=is_missing)
