"""How long records of support are kept: periods as data, what is due by them, and its removal. Where nothing is decided nothing goes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import ColumnElement, Connection, Table, delete, func, select

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.register.people import Person
from riskmodel.register.schema import GRANT_PUPIL
from riskmodel.register.store import Register
from riskmodel.register.units import Whole
from riskmodel.settings import HERE, resource
from riskmodel.support.keeping.erasing import rewrite
from riskmodel.support.keeping.held import PUPIL_COLUMN, rows_below, support_tables
from riskmodel.support.schema.papers import CERTIFICATE, CONSENT, PUPIL, STAY
from riskmodel.support.schema.plans import ANSWER, NOTICE, PLAN, PLAN_MOVE
from riskmodel.support.schema.services import COMPENSATION
from riskmodel.support.semesters import Semester

ENDED = ("CLOSED", "INACTIVE")
WHOLE = Whole("retention_applied")
AT_ONCE = 500


@dataclass(frozen=True)
class Period:
    """How long records of one kind are kept after their end; ``months`` None: nobody has decided."""

    programme: str | None
    kind: str
    months: int | None
    decided_by: str
    decided_on: date | None = None
    act: str | None = None


@dataclass(frozen=True)
class Due:
    """Records of one kind: how many there are, how many of them are due, and by which period."""

    period: Period
    held: int
    keys: tuple[Any, ...]


def read_periods(file: Path | None = None) -> tuple[Period, ...]:
    """Return the periods, the project's own where no file is given.

    Raises
    ------
    UsageError
        When a line is not so, or a decided one names no day and act.
    """
    path = file or resource("support", "retention.yaml")
    try:
        periods = tuple(Period(**one) for one in yaml.safe_load(path.read_text("utf-8"))["periods"])
        is_sound = all(_is_sound(one) for one in periods)
    except (yaml.YAMLError, TypeError, KeyError, UnicodeDecodeError):
        is_sound, periods = False, ()
    if not is_sound or len({(one.programme, one.kind) for one in periods}) < len(periods):
        raise UsageError(
            message(
                "A period has a kind of record, a number of months from 1 or null, who decides, and once decided its day and act."
            ),
            found=message("A line is not so, or two are of one kind."),
            remedy=message("Correct the file; data/support/retention.yaml shows how it looks."),
            where=str(path),
        )
    return periods


def _is_sound(one: Period) -> bool:
    is_known = one.kind in KINDS and (one.programme is None) == (one.kind != "plan") and bool(one.decided_by)
    if one.months is None:
        return is_known
    is_number = type(one.months) is int and one.months >= 1
    return is_known and is_number and type(one.decided_on) is date and bool(one.act)


def due(connection: Connection, periods: Sequence[Period], on: date) -> list[Due]:
    """Return, for each period, the records that are held and those that are due on a day."""
    found = []
    for period in periods:
        ends = KINDS[period.kind].ends(connection, period.programme)
        gone = tuple(
            key for key, end in sorted(ends.items()) if period.months is not None and _after(end, period.months) <= on
        )
        found.append(Due(period, len(ends), gone))
    return found


def apply(register: Register, periods: Sequence[Period], by: Person | str) -> list[Due]:
    """Remove what is due today, in one act with an entry of the audit per period; return what went.

    What becomes due only because a plan went (its consent, its pupil) goes with the next call.
    """
    if not any(one.keys for one in due_today(register, periods)):
        return []
    on = _today(register)
    with register.database.acting(WHOLE) as act:
        found = [one for one in due(act.connection, periods, on) if one.keys]
        for one in found:
            rows = _remove(act.connection, KINDS[one.period.kind].table, one.keys)
            reference = f"{one.period.kind} {one.period.programme or ''} {one.period.months} {one.period.act}"
            details: dict[str, str | int] = {
                "count": len(one.keys),
                "rows": rows,
                "reference": " ".join(reference.split()),
            }
            act.record(by, "retention_applied", details=details)
    rewrite(register)
    return found


def due_today(register: Register, periods: Sequence[Period]) -> list[Due]:
    """Return, for each period, the records that a register holds and those that are due today."""
    with register.database.reading(WHOLE) as connection:
        return due(connection, periods, _today(register))


def _today(register: Register) -> date:
    return register.database.clock().astimezone(HERE).date()


def _remove(connection: Connection, of: Table, keys: Sequence[Any]) -> int:
    (key,) = of.primary_key.columns
    rows = 0
    for first in range(0, len(keys), AT_ONCE):
        conditions = rows_below(of, key.in_(keys[first : first + AT_ONCE]))
        for one in reversed(list(conditions)):
            rows += connection.execute(delete(one).where(conditions[one])).rowcount
    return rows


def _after(end: date, months: int) -> date:
    """Return the first day of the month after so many whole months: a little later rather than a day too early."""
    month = end.year * 12 + end.month - 1 + months + 1
    return date(month // 12, month % 12 + 1, 1)


# --- the kinds, and from when their time counts


@dataclass(frozen=True)
class Kind:
    """A kind of record: its table, and the end of each record that has come to one."""

    table: Table
    ends: Callable[[Connection, str | None], Mapping[Any, date]]


def _last_day_of(year: int, half: int) -> date:
    return Semester(year, half).next.first_on - timedelta(days=1)


def _plans(connection: Connection, programme: str | None) -> dict[Any, date]:
    plan = PLAN.c
    wanted = select(plan.plan_id, plan.school_year, plan.semester, plan.ended_on).where(
        plan.programme == programme, plan.status.in_(ENDED), plan.plan_id.not_in(_named_by(PLAN.c.copied_from))
    )
    return {
        row.plan_id: max(_last_day_of(row.school_year, row.semester), row.ended_on or date.min)
        for row in connection.execute(wanted)
    }


def _of_semester(table: Table, *still_named: Any) -> Callable[[Connection, str | None], dict[Any, date]]:
    (key,) = table.primary_key.columns

    def ends(connection: Connection, programme: str | None) -> dict[Any, date]:
        free: list[ColumnElement[bool]] = [key.not_in(_named_by(column)) for column in still_named]
        wanted = select(key, table.c.school_year, table.c.semester).where(*free)
        return {number: _last_day_of(year, half) for number, year, half in connection.execute(wanted)}

    return ends


def _certificates(connection: Connection, programme: str | None) -> dict[Any, date]:
    own = CERTIFICATE.c
    free = [own.certificate_id.not_in(_named_by(one)) for one in (COMPENSATION.c.certificate_id, own.replaces_id)]
    found = connection.execute(select(own.certificate_id, own.valid_to).where(*free))
    return {row.certificate_id: row.valid_to for row in found}


def _pupils(connection: Connection, programme: str | None) -> dict[Any, date]:
    """Return pupils of whom nothing but stays is left, all of them ended."""
    open_stays = select(STAY.c.pupil_id).where(STAY.c.valid_to.is_(None))
    others: Collection[Table] = [one for one in support_tables() if PUPIL_COLUMN in one.c and one not in (PUPIL, STAY)]
    free = [PUPIL.c.pupil_id.not_in(select(one.c[PUPIL_COLUMN])) for one in (*others, GRANT_PUPIL)]
    wanted = (
        select(PUPIL.c.pupil_id, func.max(STAY.c.valid_to).label("ended_on"))
        .join(STAY, STAY.c.pupil_id == PUPIL.c.pupil_id)
        .where(PUPIL.c.pupil_id.not_in(open_stays), *free)
        .group_by(PUPIL.c.pupil_id)
    )
    return {row.pupil_id: row.ended_on for row in connection.execute(wanted)}


def _named_by(column: Any) -> Any:
    return select(column).where(column.is_not(None))


KINDS: Mapping[str, Kind] = {
    "plan": Kind(PLAN, _plans),
    "consent": Kind(CONSENT, _of_semester(CONSENT, PLAN.c.consent_id, PLAN_MOVE.c.consent_id)),
    "certificate": Kind(CERTIFICATE, _certificates),
    "answer": Kind(ANSWER, _of_semester(ANSWER)),
    "notice": Kind(NOTICE, _of_semester(NOTICE)),
    "pupil": Kind(PUPIL, _pupils),
}
