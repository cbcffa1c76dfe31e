"""The files of synthetic deliveries: rows are added table by table, and only what is known by the day of delivery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
import yaml

from riskmodel.sources.arrival import COMPLETE_MARK, MAPPING_NAME
from riskmodel.sources.synthetic.recording import Recorder
from riskmodel.sources.synthetic.truth import Integers

SMALL_TABLES = ("school", "pupil", "term", "economic_area", "capacity")
"""Written as CSV, so that a reader can look into them; the others are Parquet."""


BYTES_OF_A_GROUP = 16_000_000
"""Rows wait, on disk, until they are so many bytes: small schools make no small row groups, of each of which a file keeps a
kilobyte a column until it is closed."""


def texts(words: Sequence[str | None], place: npt.NDArray[Any]) -> pa.Array:
    """Return a text column: the word at each place."""
    return pa.array(words, pa.string()).take(pa.array(place))


def days(numbers: npt.NDArray[Any], is_missing: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """Return a date column from days since 1970; missing where said."""
    return pa.array(numbers.astype(np.int32), mask=is_missing).view(pa.date32())


def coded(words: Sequence[str], place: npt.NDArray[Any]) -> pa.DictionaryArray:
    """Return a text column that names each of a few words once: the word at each place."""
    return pa.DictionaryArray.from_arrays(pa.array(place.astype(np.int32)), pa.array(words, pa.string()))


class _Waiting:
    """Rows of a table that wait in a file until they are a row group."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._writer: pa.ipc.RecordBatchStreamWriter | None = None
        self._bytes = 0

    @property
    def is_enough(self) -> bool:
        return self._bytes >= BYTES_OF_A_GROUP

    def add(self, rows: pa.Table) -> None:
        if self._writer is None:
            self._writer = pa.ipc.new_stream(self._file, rows.schema)
        self._writer.write_table(rows)
        self._bytes += rows.nbytes

    def take(self) -> pa.Table | None:
        """Return the rows, if there are any; none waits any more."""
        if self._writer is None:
            return None
        self._writer.close()
        self._file.seek(0)
        rows = pa.ipc.open_stream(self._file).read_all()
        self._file.seek(0)
        self._file.truncate()
        self._writer, self._bytes = None, 0
        return rows.unify_dictionaries().combine_chunks()


class DeliveryFiles:
    """Open files of one delivery; use as a context.

    Rows whose ``known_on`` lies after ``delivered_on`` are not written: nobody knew them yet. Nor are those known by
    ``delivered_before``, the day of the delivery before this one: they stood in that.
    """

    def __init__(self, folder: Path, delivered_on: date, delivered_before: date | None = None) -> None:
        self.folder = folder
        self.delivered_on = delivered_on
        self.delivered_before = delivered_before
        self.rows: dict[str, int] = {}
        self._open = ExitStack()
        self._writers: dict[str, Any] = {}
        self._waiting: dict[str, _Waiting] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def add(self, table: str, rows: pa.Table) -> None:
        """Add rows to a table; the first call with rows to write makes its file and fixes its columns."""
        known = pc.less_equal(rows["known_on"], _day(self.delivered_on))
        if self.delivered_before is not None:
            known = pc.and_(known, pc.greater(rows["known_on"], _day(self.delivered_before)))
        self._write(table, rows.filter(known), is_small=table in SMALL_TABLES)

    def add_truth(self, name: str, rows: pa.Table) -> None:
        """Add rows to a table of ``truth/``, whatever the date."""
        self._write(f"truth/{name}", rows, is_small=False)

    def close(self) -> None:
        """Write what is waiting, and close the tables."""
        for table in sorted(self._waiting):
            self._flush(table)
        self._open.close()

    def finish(self) -> None:
        """Close the tables and write the mapping and, last, the mark of a complete delivery."""
        self.close()
        delivery = {"delivered_on": self.delivered_on, "origin": "synthetic", "register_ids": "personal_code"}
        if self.delivered_before is not None:
            delivery["complete"] = False
        (self.folder / MAPPING_NAME).write_text(yaml.safe_dump({"delivery": delivery}, sort_keys=False), "utf-8")
        (self.folder / COMPLETE_MARK).touch()

    def _write(self, table: str, rows: pa.Table, *, is_small: bool) -> None:
        if not rows.num_rows:
            return
        if table not in self._writers:
            path = self.folder / f"{table}.{'csv' if is_small else 'parquet'}"
            path.parent.mkdir(exist_ok=True)
            make = pyarrow.csv.CSVWriter if is_small else _parquet_writer
            self._writers[table] = self._open.enter_context(make(path, rows.schema))
            file = self._open.enter_context(TemporaryFile(dir=self.folder))  # noqa: SIM115  (closed with the tables)
            self._waiting[table] = _Waiting(file)
        self._waiting[table].add(rows)
        self.rows[table] = self.rows.get(table, 0) + rows.num_rows
        if self._waiting[table].is_enough:
            self._flush(table)

    def _flush(self, table: str) -> None:
        rows = self._waiting[table].take()
        if rows is not None:
            self._writers[table].write_table(rows)


class DeliveryFolders:
    """All deliveries of a cohort, and its truth: rows go where they belong by the day on which they were known.

    Rows of the deliveries pass through the ``recorder``, which makes of what happened what the registers say.

    Use as a context. With several deliveries, each lies in a folder of its own and holds what is new since the one
    before; ``deliveries`` gives folder and day, oldest first.
    """

    def __init__(self, truth_folder: Path, deliveries: Sequence[tuple[Path, date]], recorder: Recorder) -> None:
        self.recorder = recorder
        self.delivered_on = deliveries[-1][1]
        before = [None, *(day for _, day in deliveries[:-1])]
        self._files = [DeliveryFiles(*each, earlier) for each, earlier in zip(deliveries, before, strict=True)]
        self._truth = DeliveryFiles(truth_folder, self.delivered_on)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        for files in (*self._files, self._truth):
            files.folder.mkdir(exist_ok=True)
            self._open.enter_context(files)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def rows(self, table: str) -> int:
        """Return how many rows of a table stand in all deliveries."""
        return sum(files.rows.get(table, 0) for files in self._files)

    def add(self, table: str, columns: Mapping[str, pa.Array]) -> None:
        """Add what happened to a table, as recorded: in each delivery what became known since the one before."""
        happened = pa.table(dict(columns))
        if table == "enrolment":
            self._truth.add_truth("outcome", self.recorder.fates(happened))
        rows = self.recorder.record(table, happened)
        for files in self._files:
            files.add(table, rows)

    def add_truth(self, name: str, columns: Mapping[str, pa.Array]) -> None:
        """Add rows to a table of ``truth/``, whatever the date."""
        self._truth.add_truth(name, pa.table(dict(columns)))

    def finish(self) -> None:
        """Close all tables and mark the deliveries as complete."""
        self._truth.close()
        for files in self._files:
            files.finish()


def _day(day: date) -> pa.Scalar:
    return pa.scalar(day, pa.date32())


def _parquet_writer(path: Path, schema: pa.Schema) -> Any:
    # Without the Arrow schema, a coded text column is read back as a plain one.
    return pyarrow.parquet.ParquetWriter(path, schema, compression="zstd", store_schema=False)


def constant(value: object, count: int, kind: pa.DataType) -> pa.Array:
    """Return a column that holds one value."""
    return pa.repeat(pa.scalar(value, kind), count)


def whole_numbers(values: Integers, is_missing: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """Return a column of whole numbers; missing where said."""
    return pa.array(values.astype(np.int64), mask=is_missing)
