"""Writers of the audit who come at once share one commit: a forced write to the disk takes as long for fifty entries as for one.

Nobody waits for company. Whoever comes while nothing is written writes at once; whoever comes meanwhile is written with all
the others who came, by one of them. Each returns when its own entry is on the disk, as if it had been alone.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from riskmodel.register.database import Action, Database, check_listed
from riskmodel.register.people import Person


@dataclass
class Wanted:
    """An entry that somebody waits for; at the end its number or the error that kept it from being written."""

    actor: Person | str | None
    action: Action
    unit: str
    subject: str
    details: Mapping[str, str | int]
    number: int | None = field(default=None, init=False)
    error: Exception | None = field(default=None, init=False)

    @property
    def is_over(self) -> bool:
        """Whether nothing is to be waited for any more."""
        return self.number is not None or self.error is not None


class Gathering:
    """The writers of one data base in this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._changed = threading.Condition()
        self._waiting: list[Wanted] = []
        self._is_writing = False

    @property
    def waiting(self) -> int:
        """How many entries wait to be written with the next commit."""
        return len(self._waiting)

    def write(self, wanted: Wanted) -> int:
        """Write an entry, alone or with others; return its number once it is on the disk.

        What an entry may hold is checked here and now, so that nothing but the data base can fail those beside it.
        """
        check_listed(wanted.action, wanted.details)
        with self._changed:
            self._waiting.append(wanted)
            self._changed.wait_for(lambda: wanted.is_over or not self._is_writing)
            if not wanted.is_over:
                self._is_writing = True
                gathered, self._waiting = self._waiting, []
        if not wanted.is_over:
            self._write_all(gathered, wanted)
        if wanted.number is None:
            raise wanted.error or RuntimeError("an entry of the audit is over without a number or an error")
        return wanted.number

    def _write_all(self, gathered: Sequence[Wanted], own: Wanted) -> None:
        """Write entries in one act; when it fails, each of their writers gets the error."""
        try:
            with self._database.acting() as act:
                numbers = [
                    act.record(one.actor, one.action, unit=one.unit, subject=one.subject, details=one.details)
                    for one in gathered
                ]
            for wanted, number in zip(gathered, numbers, strict=True):
                wanted.number = number
        except Exception as error:  # noqa: BLE001  (raised again in the thread of each writer)
            for wanted in gathered:
                wanted.error = error
        finally:
            with self._changed:
                self._is_writing = False
                # Left only when this thread itself was interrupted, and with it its own act: another one goes on.
                self._waiting[:0] = [wanted for wanted in gathered if not wanted.is_over and wanted is not own]
                self._changed.notify_all()
