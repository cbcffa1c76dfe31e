"""The large tables of a delivery, read as numbers side by side while its small tables are checked.

Nothing depends on which of them is read first: each has files, a connection and a folder of its own, what is said of it is
said in the order of the tables, and its fault is met where its turn comes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event

from riskmodel.memory import give_back
from riskmodel.sources.border import Border, Intake, beside
from riskmodel.sources.coding import Coded, Known, known_in, schools_in
from riskmodel.sources.distinct import NotListedError
from riskmodel.sources.feeds import Feed
from riskmodel.sources.large import (
    LESSONS_A_WEEK,
    Large,
    journal_of,
    open_large,
    read_journal,
    read_plainly,
    rows_delivered,
)
from riskmodel.sources.weeks import MOST_SCHOOLS
from riskmodel.tables.canonical import table as canonical_table

WEEKS_AND_ABSENCES = ("lessons_planned", "attendance")
READERS = 2
"""How many large tables, or such as are read together, are read at once; where the small ones are large too, one."""

Read = Mapping[str, Large]


class Readers:
    """Threads that read the large tables; who leaves early ends them before their files are taken away."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._is_over = Event()
        self._coming: dict[str, Future[Read]] | None = None

    def __enter__(self) -> Readers:
        return self

    def __exit__(self, *_error: object) -> None:
        self._is_over.set()
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def begin(self, feeds: Mapping[str, Sequence[Feed]], intake: Intake, border: Border, *, is_alone: bool) -> None:
        """Begin to read all tables of ``feeds``, once: the pupils and schools that they may name are checked."""
        if self._coming is not None:
            return
        self._coming = {}
        if not feeds:
            return
        self._pool = ThreadPoolExecutor(READERS if intake.are_few else 1, thread_name_prefix="read")
        known = known_in(border.connection, intake.who.register, is_alone=is_alone)
        give_back()  # what the small tables and the codes took
        delivered_on = intake.mapping.delivery.delivered_on
        together = [name for name in WEEKS_AND_ABSENCES if name in feeds]
        for names in (together, *([name] for name in feeds if name not in together)):
            if names:
                wanted = WEEKS_AND_ABSENCES if "attendance" in names else names
                folder = Path(tempfile.mkdtemp(dir=border.scratch))
                coded = {
                    name: Coded(
                        canonical_table(name), feeds.get(name, []), known, delivered_on, folder, is_over=self._is_over
                    )
                    for name in wanted
                }
                reading = self._pool.submit(_read, coded, known, beside(border, intake))
                self._coming |= dict.fromkeys(names, reading)

    def read(self, name: str) -> Read:
        """Wait for a table, and return it with those that were read together with it.

        Raises
        ------
        NotListedError
            When a file of theirs turned out not to allow it.
        """
        return (self._coming or {})[name].result()


def _read(coded: Mapping[str, Coded], known: Known, border: Border) -> Read:
    connection = border.connection
    schools = schools_in(list(coded.values()), connection)
    if len(schools) > MOST_SCHOOLS:
        raise NotListedError
    for one in coded.values():
        one.values |= {"pupil_id": known.pupils, "school_id": schools}
        one.judge(connection)
    made = rows_delivered(coded["attendance"]) // LESSONS_A_WEEK if "attendance" in coded else 0
    large = {name: open_large(one, made if name == "lessons_planned" else 0) for name, one in coded.items()}
    for name in coded:
        if name != "attendance":
            read_plainly(large[name], connection)
    if "attendance" in large:
        planned = large["lessons_planned"]
        journal = journal_of(coded["attendance"], planned, border.earlier, connection)
        read_journal(large["attendance"], planned, journal, connection)
    return large
