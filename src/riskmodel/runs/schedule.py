"""The schedule: when each semester's run is due, on which delivery, and the notice when it could not be made.

A cut-off falls twice in a school year: on the last day of semester 1, and on the Friday of the twelfth week of
semester 2, when there are two months of marks and two months are left to help. Four days after it, when the schools
have sent their files, the run is due; for three weeks it is tried again, for late or corrected deliveries.
What came of each attempt is a line of ``schedule.jsonl`` in the store.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from riskmodel.errors import DeliveryError, RiskmodelError, RunFailedError, RunHeldError
from riskmodel.latvia import SchoolYear, school_year, school_year_of
from riskmodel.messages import LANGUAGES, Language, message
from riskmodel.runs.journal import now
from riskmodel.runs.runner import Done, Plan, Say, held_run
from riskmodel.runs.runner import run as make_run
from riskmodel.settings import read_settings
from riskmodel.sources.arrival import COMPLETE_MARK, Incoming, newest_complete_delivery

SPRING_CUT_OFF_DAYS = 11 * 7 + 4
"""From the Monday on which semester 2 starts to the Friday of its twelfth week."""
RUN_DAYS = (4, 11, 18)
"""Days after the cut-off on which a run is tried. The first leaves the schools a weekend and a working day."""
LAST_DAY = 25
"""From so many days after the cut-off on, the run is not due any more: a person may still start it."""

LEDGER_NAME = "schedule.jsonl"

DECIDED = ("published", "unchanged", "overtaken", "held")
"""Events after which a delivery needs no further attempt; a held run waits for a person."""
NOTICES = ("held", "failed", "missing_delivery", "stopped")
"""Events of the ledger that a person must see."""

Calendar = Callable[[int], SchoolYear]
Run = Callable[[Path, date], Done]
"""Makes the run of a delivery and a cut-off date."""


@dataclass(frozen=True)
class CutOff:
    """A cut-off date of the school calendar."""

    day: date
    school_year: str
    semester: int

    @property
    def run_days(self) -> tuple[date, ...]:
        """The days on which the run of this cut-off is tried."""
        return tuple(self.day + timedelta(days=days) for days in RUN_DAYS)


def next_cut_offs(day: date, calendar: Calendar = school_year, count: int = 2) -> tuple[CutOff, ...]:
    """Return the next ``count`` cut-offs, the first of them on ``day`` or later.

    >>> [str(cut_off.day) for cut_off in next_cut_offs(date(2024, 9, 2))]
    ['2024-12-20', '2025-03-28']
    """
    found: list[CutOff] = []
    first_year = school_year_of(day).first_year
    while len(found) < count:
        found += [cut_off for cut_off in cut_offs_of(calendar(first_year)) if cut_off.day >= day]
        first_year += 1
    return tuple(found[:count])


def cut_offs_of(year: SchoolYear) -> tuple[CutOff, CutOff]:
    """Return the two cut-offs of a school year."""
    spring = year.semester_2_starts_on + timedelta(days=SPRING_CUT_OFF_DAYS)
    return CutOff(year.semester_1_ends_on, year.name, 1), CutOff(spring, year.name, 2)


def due_on(day: date, calendar: Calendar = school_year) -> CutOff | None:
    """Return the cut-off whose run is due, from its first run day on; None when none is."""
    first_year = school_year_of(day).first_year
    for cut_off in (*cut_offs_of(calendar(first_year - 1)), *cut_offs_of(calendar(first_year))):
        if cut_off.run_days[0] <= day < cut_off.day + timedelta(days=LAST_DAY):
            return cut_off
    return None


# The due run


@dataclass(frozen=True)
class Attempt:
    """What one call of the schedule is about."""

    store: Path
    as_of: date
    cut_off: CutOff
    delivery: Incoming | None = None

    def note(self, event: str, **more: object) -> None:
        """Append a line to the ledger of the store."""
        line = {
            "at": now(),
            "as_of": self.as_of.isoformat(),
            "cut_off": self.cut_off.day.isoformat(),
            "delivery": self.delivery.folder.name if self.delivery else None,
            "delivered_on": self.delivery.delivered_on.isoformat() if self.delivery else None,
            "event": event,
            **more,
        }
        append_line(self.store, line)


def run_due(store: Path, incoming: Path, as_of: date, say: Say, run: Run | None = None) -> Done | None:
    """Make the run that is due on ``as_of``, on the newest complete delivery; None when nothing is to be done.

    Nothing is to be done when no run is due, and when the newest delivery has its run. After a failure, or when no
    delivery was there, each further call tries again. Attempts leave lines in the ledger; a notice is one of them.

    Parameters
    ----------
    as_of
        The day for which the calendar is asked; deliveries dated later are not looked at.
    run
        Makes the run of a delivery and a cut-off date; default: the semester run with the default settings.

    Raises
    ------
    DeliveryError
        When no complete delivery was made since the cut-off, or the delivery cannot be used.
    RunHeldError
        When a gate holds the run.
    RiskmodelError
        What the run raised, after the notice was written.
    """
    cut_off = due_on(as_of)
    if cut_off is None:
        say(message("No run is due. The next cut-off is {day}.", day=next_cut_offs(as_of)[0].day.isoformat()))
        return None
    attempt = Attempt(store, as_of, cut_off)
    try:
        delivery = newest_complete_delivery(incoming, until=as_of)
        if delivery is None or delivery.delivered_on < cut_off.day:
            raise _missing_delivery(incoming, cut_off)
        attempt = Attempt(store, as_of, cut_off, delivery)
        if _is_decided(store, cut_off, delivery):
            say(message("The newest delivery has its run for the cut-off {day}.", day=cut_off.day.isoformat()))
            return None
        attempt.note("started")
        done = (run or _semester_run(store, say))(delivery.folder, cut_off.day)
        if done.state == "held":
            raise held_run(done)
    except RiskmodelError as error:
        attempt.note(_event_of(error), **_in_words(error))
        raise
    attempt.note(done.state, run_id=done.run_id)
    return done


def tell_notice(store: Path, say: Say) -> None:
    """Say the newest notice; write it first for an attempt that was stopped from outside (killed, out of memory, a bug).

    The notice unit calls this after every failure of the service.
    """
    lines = read_ledger(store)
    if lines and lines[-1]["event"] == "started":
        append_line(store, {**lines[-1], "at": now(), "event": "stopped"} | _in_words(_stopped(store)))
    newest = notices(store)[-1:]
    for line in newest:
        say(message("Notice of {at}: {text}", at=line["at"], text=Told(line["text"])))


def notices(store: Path) -> list[dict[str, Any]]:
    """Return the lines of the ledger that a person must see, oldest first."""
    return [line for line in read_ledger(store) if line["event"] in NOTICES]


def today() -> date:
    """Return today's date by the clock of this machine."""
    return datetime.now(UTC).astimezone().date()


def _semester_run(store: Path, say: Say) -> Run:
    def run(delivery: Path, cut_off: date) -> Done:
        return make_run(Plan(store, read_settings(None, cut_off_date=cut_off), delivery), say)

    return run


def _is_decided(store: Path, cut_off: CutOff, delivery: Incoming) -> bool:
    looked_for = (cut_off.day.isoformat(), delivery.folder.name, delivery.delivered_on.isoformat())
    return any(
        line["event"] in DECIDED and (line["cut_off"], line["delivery"], line["delivered_on"]) == looked_for
        for line in read_ledger(store)
    )


def _missing_delivery(incoming: Path, cut_off: CutOff) -> DeliveryError:
    return MissingDeliveryError(
        message("After a cut-off, a complete delivery must arrive."),
        found=message("None dated {day} or later is there.", day=cut_off.day.isoformat()),
        remedy=message(
            "Ask the senders for it. A delivery is complete when the file {mark} is in its folder.", mark=COMPLETE_MARK
        ),
        where=str(incoming),
    )


class MissingDeliveryError(DeliveryError):
    """No complete delivery since the cut-off: whoever sends the files acts."""


def _stopped(store: Path) -> RunFailedError:
    return RunFailedError(
        message("A scheduled run must come to an end."),
        found=message("It was stopped before."),
        remedy=message("Look into the log of the service, mend the cause and start the service again."),
        where=str(store),
    )


def _event_of(error: RiskmodelError) -> str:
    if isinstance(error, MissingDeliveryError):
        return "missing_delivery"
    return "held" if isinstance(error, RunHeldError) else "failed"


def _in_words(error: RiskmodelError) -> dict[str, object]:
    texts = {language: error.in_language(language) for language in LANGUAGES}
    return {"exit_code": error.exit_code, "text": texts}


@dataclass(frozen=True)
class Told:
    """A text that was kept in both languages."""

    texts: Mapping[str, str]

    def in_language(self, language: Language) -> str:
        """Return the text in one language."""
        return self.texts[language]


# The ledger


def append_line(store: Path, line: Mapping[str, object]) -> None:
    """Append a line to the ledger of the store and force it to the disk."""
    store.mkdir(parents=True, exist_ok=True)
    with (store / LEDGER_NAME).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_ledger(store: Path) -> list[dict[str, Any]]:
    """Return the lines of the ledger, oldest first; a last line cut off by a kill is left out."""
    path = store / LEDGER_NAME
    if not path.exists():
        return []
    lines = []
    for text in path.read_text("utf-8", errors="replace").splitlines():
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            continue
    return lines
