"""Made while a delivery is taken in: what past cohorts need of facts that the store holds already.

Taking in has work for one core most of the time, and a delivery tells of the present school year. So a process beside it
makes the parts of past cohorts (:mod:`riskmodel.runs.past_sums`) in a folder of its own. When the delivery has been received, the
run takes over what is whole by then and takes the folder away. That is all that tells the process to end: it works out the part
that it has begun, finds nowhere to lay it, and goes. Each part is named by all that it depends on: what was made from facts that
the delivery told anew, or for another day than the calendar turns out to say, is never looked for. The run finds the same with it and without.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from riskmodel.errors import RiskmodelError
from riskmodel.latvia import school_year_of
from riskmodel.risk.label import Window, cohort_windows
from riskmodel.runs.forking import Stem
from riskmodel.runs.parts import PARTS_ENDING, SCHEDULER, PartFolder, code_digest, make_part, workers
from riskmodel.runs.past_sums import DAILY, parts_of
from riskmodel.runs.publish import STORE_MODE, Store
from riskmodel.sources.history import open_canonical, stored_deliveries
from riskmodel.sources.packing import NotThereError
from riskmodel.tables.canonical import TERM
from riskmodel.tables.relations import lay_out


@dataclass(frozen=True)
class Ahead:
    """What is made ahead from the deliveries ``known``, in a folder of its own in the staging area of ``store``.

    A process forked from ``stem`` makes it, for as long as the folder is there.
    """

    store: Store
    stem: Stem | None
    folder: Path
    known: Sequence[str]

    def begin(self, cut_off: date) -> None:
        """Begin, where this machine has a core to spare; nobody waits for it, nor is told when it cannot."""
        if self.stem is None or workers() == 1 or os.environ.get(SCHEDULER, ""):
            return
        asked = [str(self.store.folder), [*self.known], str(self.folder), cut_off.isoformat()]
        with contextlib.suppress(OSError):
            self.folder.mkdir(mode=STORE_MODE)
            self.stem.fork_aside(f"from riskmodel.runs.ahead import make_ahead; make_ahead(*{asked!r})")

    def hand_over(self, to: Path) -> None:
        """Move what is whole to the folder ``to``, where parts of a run lie."""
        with self._taken_away() as taken:
            made = [*taken.glob(f"[!.]*{PARTS_ENDING}")]
            if made:
                to.mkdir(mode=STORE_MODE, parents=True, exist_ok=True)
            for path in made:
                path.rename(to / path.name)

    def clear(self) -> None:
        """Take away what was not handed over. What cannot be removed goes with the other leftovers of staging."""
        with self._taken_away():
            pass

    @contextlib.contextmanager
    def _taken_away(self) -> Iterator[Path]:
        """Give the folder under a name that nobody writes to, and remove it: whoever is at work finds none, and ends."""
        taken = self.folder.with_name(f"{self.folder.name}.taken")
        with contextlib.suppress(OSError):
            self.folder.rename(taken)
        yield taken
        shutil.rmtree(taken, ignore_errors=True)


@contextlib.contextmanager
def ahead_of_delivery(store: Store, stem: Stem | None) -> Iterator[Ahead]:
    """Give what makes parts ahead from the deliveries that ``store`` holds now; its folder is away when the block has ended."""
    known = [delivery.delivery_id for delivery in stored_deliveries(store.folder)]
    made = Ahead(store, stem, store.staging / f"ahead-{secrets.token_hex(4)}", known)
    try:
        yield made
    finally:
        made.clear()


def make_ahead(store: str, known: Sequence[str], to: str, cut_off: str) -> None:
    """Make the parts of the cohorts before ``cut_off`` from the deliveries ``known`` of ``store``, in the folder ``to``.

    Nothing is written elsewhere. What cannot be made is left to the run, which says what is wrong: histories and packed
    tables that are not there, a part that fails, and all when the folder is away.
    """
    if not Path(to).is_dir():
        return
    folder = PartFolder(Path(to), Path(store), code_digest())
    with duckdb.connect(config={"threads": 1}) as connection, contextlib.suppress(RiskmodelError, NotThereError):
        open_canonical(connection, Path(store), known, (TERM.name, *DAILY), may_write=False)
        for part in parts_of(connection, past_windows(connection, date.fromisoformat(cut_off))):
            if not folder.path.is_dir() or make_part(folder, part).failure:
                return


def past_windows(connection: duckdb.DuckDBPyConnection, cut_off: date) -> list[Window]:
    """Return the windows of the past cohorts of a run on ``cut_off``, whose own school year nobody may have told of yet.

    What is not told of its terms is taken from the published calendar.

    Parameters
    ----------
    connection
        Holds ``canonical.term``.

    Raises
    ------
    UsageError
        When no term had begun.
    """
    terms = connection.table(f"canonical.{TERM.name}").to_arrow_table().cast(TERM.arrow_schema())
    told = {*zip(terms["school_year"].to_pylist(), terms["term_number"].to_pylist(), strict=True)}
    year = school_year_of(cut_off)
    published = [(1, year.starts_on, year.semester_1_ends_on), (2, year.semester_2_starts_on, year.ends_on)]
    rows = [
        {
            "school_year": year.name,
            "term_number": number,
            "school_id": None,
            "happened_on": starts_on,
            "ends_on": ends_on,
            "known_on": starts_on,
        }
        for number, starts_on, ends_on in published
        if (year.name, number) not in told
    ]
    with duckdb.connect(config={"threads": 1}) as calendar:
        lay_out(calendar, {TERM.name: pa.concat_tables([terms, pa.Table.from_pylist(rows, TERM.arrow_schema())])})
        return cohort_windows(calendar, cut_off, None, 0)[:-1]
