"""Cohorts of parts become the tables of a run, in the order of days and pupils, while later parts are made (20_features)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from riskmodel.errors import UsageError
from riskmodel.memory import give_back
from riskmodel.messages import message
from riskmodel.runs.parquet import ROW_GROUP_ROWS, CohortWriter
from riskmodel.runs.parts import Part, PartFolder
from riskmodel.runs.semester import SemesterRun
from riskmodel.tables.scores import COHORT

COHORT_TABLES = {"cohort": COHORT, "trait": None, "feature": None}
"""Tables of the step with one row per pupil and cohort, and their declarations; a part holds them side by side."""

COHORT_KEY = ("cohort_on", "pupil_id")
"""The key of each, which a part holds once, as columns of ``cohort``."""


class CohortWriting:
    """Writes the cohorts that somebody belongs to, in their order, as their parts are made; the trends beside them."""

    def __init__(
        self, run: SemesterRun, folder: PartFolder, wholes: Sequence[Sequence[Part]], write_trends: Callable[[], None]
    ) -> None:
        self._run, self._folder, self._left = run, folder, list(wholes)
        self._untaken, self._write_trends = sum(map(len, wholes)), write_trends
        self._made: dict[str, pa.Table | None] = {}
        self._writers = {name: CohortWriter(run.tables, name, declared) for name, declared in COHORT_TABLES.items()}
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="trends")
        self._trends: Future[None] | None = None
        self._pupils = 0

    def __enter__(self) -> Self:
        return self

    def take(self, part: Part, made: pa.Table | None) -> None:
        """Take a part that is made (None: its file holds it), and write each cohort as soon as all older ones are written."""
        self._made[part.name] = made
        self._untaken -= 1
        if self._untaken:
            give_back()  # what the part before took, before others take it anew
        if self._untaken <= 1 and self._trends is None:
            # Beside the last part, which one makes alone (also where there is but one worker): before, they would take a core
            # from the parts that all wait for.
            self._trends = self._beside.submit(self._write_trends)
        while self._left and all(part.name in self._made for part in self._left[0]):
            self._pupils = 0
            for rows in self._in_order(self._left.pop(0)):
                self._write(rows)

    def _in_order(self, of_cohort: Sequence[Part]) -> Iterable[pa.Table]:
        """Return the rows of a cohort in the order of the pupils."""
        made = [self._made.pop(part.name) for part in of_cohort]
        if len(made) > 1:
            if any(rows is not None for rows in made):
                raise ValueError("of a cohort in groups, files are read: parts of it must not be handed over")
            return merged([self._folder.batches(self._folder.file(part).name) for part in of_cohort], "cohort.pupil_id")
        rows = made[0]
        if rows is None:
            rows = self._folder.read(self._folder.file(of_cohort[0]).name)
        return [in_pieces(rows)]

    def _write(self, rows: pa.Table) -> None:
        self._pupils += rows.num_rows
        key = [rows[f"cohort.{name}"] for name in COHORT_KEY]
        for name, writer in self._writers.items():
            own = {
                column.partition(".")[2]: rows[column] for column in rows.column_names if column.startswith(f"{name}.")
            }
            if rows.num_rows:
                writer.write(pa.table({**dict(zip(COHORT_KEY, key, strict=True)), **own}))

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        """Finish the files; refuse a run to whose present cohort, the last, nobody belongs."""
        with self._beside:
            for writer in self._writers.values():
                writer.close()
        if kind is None and self._trends is not None:
            self._trends.result()
        if kind is None and not self._pupils:
            raise UsageError(
                message("Somebody must be enrolled on the cut-off date."),
                found=message("On {cut_off}, nobody was.", cut_off=self._run.cut_off.isoformat()),
                remedy=message("Deliver the enrolments, or choose another cut-off date."),
                where="enrolment",
            )


def in_pieces(rows: pa.Table) -> pa.Table:
    """Return ``rows`` with a piece for each row group, in whatever pieces they came: where pages of Parquet begin depends on it.

    The data base hands over pieces of the same size. So nothing is copied: a cohort of the country has 130 MB.
    """
    ends = [np.cumsum([len(chunk) for chunk in rows[name].chunks])[:-1] for name in rows.column_names]
    if any((of_column % ROW_GROUP_ROWS).any() for of_column in ends):
        rows = rows.combine_chunks()
    return pa.Table.from_batches(rows.to_batches(max_chunksize=ROW_GROUP_ROWS), rows.schema)


def merged(tables: Sequence[Iterator[pa.Table]], key: str) -> Iterator[pa.Table]:
    """Yield the rows of several tables, each in ascending order of ``key`` and given some rows at a time, in one order."""
    held = {number: first for number, some in enumerate(tables) if (first := next(some, None)) is not None}
    while held:
        # So far everyone has told; of what follows, somebody may still tell of a lesser key.
        last = min(some[key][-1].as_py() for some in held.values())
        told = []
        for number, some in list(held.items()):
            count = pc.sum(pc.less_equal(some[key], last)).as_py()
            told.append(some.slice(0, count))
            rest = some.slice(count) if count < some.num_rows else next(tables[number], None)
            if rest is None:
                del held[number]
            else:
                held[number] = rest
        yield pa.concat_tables(told).sort_by(key).combine_chunks()
