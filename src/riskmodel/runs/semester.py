"""A semester run as a notebook sees it: its folder, its tables, and a connection to what was delivered.

The verbs that the notebooks call stand in :mod:`riskmodel.runs.delivered` (10), :mod:`riskmodel.runs.cohorts`
(20), :mod:`riskmodel.runs.training` (30), :mod:`riskmodel.runs.judging` (40), :mod:`riskmodel.runs.scoring`
(50) and :mod:`riskmodel.runs.reporting` (70). They hold no statistics: they read, call the pure functions of
``risk``, and write declared tables.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import secrets
import shutil
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from riskmodel.risk.label import Window
from riskmodel.runs import journal
from riskmodel.runs.durable import canonical_json
from riskmodel.runs.failure import note_errors
from riskmodel.runs.parquet import RowsWriter, read_rows, read_table, write_rows, write_table, write_wide
from riskmodel.runs.parts import Part, PartFolder, Tell, open_folder, parts_of_run
from riskmodel.runs.steps import INPUTS
from riskmodel.sources.history import open_canonical
from riskmodel.tables.canonical import ALL_TABLES
from riskmodel.tables.schema import Table


@dataclass(frozen=True)
class SemesterRun:
    """A run in work, or a published one opened to look at."""

    folder: Path
    cut_off: date
    inputs: Mapping[str, Any]

    @property
    def tables(self) -> Path:
        """The folder of the run's tables."""
        return self.folder / "tables"

    @property
    def store(self) -> Path:
        """The store that the run belongs to."""
        return self.folder.parent.parent

    @property
    def delivery_ids(self) -> list[str]:
        """The deliveries that the run reads."""
        return [source["delivery_id"] for source in self.inputs["sources"]]

    @property
    def origin(self) -> str:
        """``real``, ``public`` or ``synthetic``: a store holds one; should there be more, the one that asks for most care."""
        origins = {source["origin"] for source in self.inputs["sources"]}
        return next(origin for origin in ("real", "public", "synthetic") if origin in origins)

    @property
    def previous(self) -> SemesterRun | None:
        """The published run that this one is compared with (see :mod:`riskmodel.runs.earlier`); its tables can be read."""
        told = self.inputs.get("previous_run")
        if told is None:
            return None
        return SemesterRun(self.store / "runs" / told["run_id"], date.fromisoformat(told["cut_off_on"]), {})

    def connect(self, threads: int = 1, tables: Collection[str] = ALL_TABLES) -> duckdb.DuckDBPyConnection:
        """Return a connection that holds ``canonical.<table>``, of all ``tables`` or of some.

        One thread by default: sums of decimals by several threads differ in their last digit from run to run.
        """
        connection = duckdb.connect(config={"threads": threads})
        open_canonical(connection, self.store, self.delivery_ids, tables)
        return connection

    @contextlib.contextmanager
    def parts(self) -> Iterator[PartFolder]:
        """Give the folder for the parts of a step, beside the run; when the step is done it goes, and nobody waits for that.

        Should this process end before, what is left goes with the other leftovers when the run is published.
        """
        path = parts_of_run(self.folder)
        yield open_folder(path, self.store)
        done = path.with_name(f"parts-done-{secrets.token_hex(4)}")
        with contextlib.suppress(OSError):
            path = path.rename(done)
        threading.Thread(target=shutil.rmtree, args=(path,), kwargs={"ignore_errors": True}).start()

    def progress(self, count: int) -> Tell:
        """Return what tells of ``count`` parts: a line of the notebook each, and one of the run's log."""
        log, numbers = self.folder / journal.LOG_NAME, itertools.count(1)

        def tell(part: Part, seconds: float | None) -> None:
            event = journal.PART_KEPT if seconds is None else journal.PART_DONE
            line = {"event": event, "part": part.name, "number": next(numbers), "count": count}
            journal.record(log, **line, **({} if seconds is None else {"seconds": round(seconds, 3)}))
            print(journal.part_words(line))

        return tell

    def read(self, name: str, cohort_on: date | None = None, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return a table of the run; of a large one, better only the cohort or the columns that are needed."""
        return read_table(self.tables, name, cohort_on, columns)

    def read_arrow(
        self,
        name: str,
        columns: Sequence[str] | None = None,
        coded: Sequence[str] = (),
        cohort_on: date | None = None,
    ) -> pa.Table:
        """Return a table of the run, or one cohort or some columns of it, as Arrow; those of ``coded`` as dictionaries."""
        return read_rows(self.tables / f"{name}.parquet", cohort_on, columns, coded)

    def read_beside(self, pupils: pd.Series, name: str, cohort_on: date, columns: Sequence[str]) -> pd.DataFrame:
        """Return columns of one cohort, a row for each of ``pupils`` in their order; empty for who does not belong to it."""
        rows = self.read_arrow(name, ["pupil_id", *columns], cohort_on=cohort_on)
        asked = pa.array(pupils, pa.string())
        # pandas holds its texts in one piece, in several, or, for nobody, in none.
        if isinstance(asked, pa.ChunkedArray):
            asked = asked.combine_chunks()
        own = rows["pupil_id"].combine_chunks()
        chosen = rows.select(list(columns))
        if not own.equals(asked):
            chosen = chosen.take(pc.index_in(asked, value_set=own))
        beside: pd.DataFrame = chosen.to_pandas(date_as_object=False)
        return beside

    def write(self, table: Table, rows: pd.DataFrame) -> pd.DataFrame:
        """Write a declared table of the run, and return it as it reads."""
        write_table(self.tables, table, rows)
        return self.read(table.name)

    def write_rows(self, table: Table, rows: pa.Table) -> None:
        """Write a declared table of the run from rows in the order of its key."""
        write_rows(self.tables, table, rows)

    def write_none(self, table: Table) -> None:
        """Write a declared table of the run without rows."""
        self.write_rows(table, table.arrow_schema().empty_table())

    def writer(self, table: Table) -> RowsWriter:
        """Return what writes a declared table of the run some rows at a time."""
        return RowsWriter(self.tables, table)

    def write_wide(self, name: str, rows: pd.DataFrame) -> pd.DataFrame:
        """Write a table with one column per feature or trait, and return it as it reads."""
        write_wide(self.tables, name, rows)
        return self.read(name)

    def read_json(self, name: str) -> dict[str, Any]:
        """Return a JSON file of the run."""
        content: dict[str, Any] = json.loads((self.folder / name).read_text("utf-8"))
        return content

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a JSON file of the run; equal content gives equal bytes."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(canonical_json(content))

    def windows(self) -> list[Window]:
        """Return the windows of the run's cohorts, oldest first, from its table ``cohort``."""
        dates = ["cohort_on", "school_year_on", "horizon_on", "label_known_on"]
        days = self.read_arrow("cohort", dates).cast(pa.schema([(name, pa.date32()) for name in dates]))
        found = days.group_by(dates).aggregate([]).sort_by("cohort_on")
        return [
            Window(
                cut_off=row["cohort_on"],
                school_year_on=row["school_year_on"],
                horizon_on=row["horizon_on"],
                delay_days=(row["label_known_on"] - row["horizon_on"]).days,
                term_on=row["school_year_on"],
            )
            for row in found.to_pylist()
        ]


def open_run(run_folder: str, cut_off_date: str) -> SemesterRun:
    """Return the run in ``run_folder``. From here on its errors are noted without the values they hold.

    Parameters
    ----------
    run_folder
        As papermill gives it, or the folder of a published run, which can be looked at and not written.
    cut_off_date
        The last day whose knowledge the run may use, as ``YYYY-MM-DD``.
    """
    folder = Path(run_folder)
    note_errors(folder)
    inputs = json.loads((folder / INPUTS).read_text("utf-8"))
    return SemesterRun(folder, date.fromisoformat(cut_off_date), inputs)
