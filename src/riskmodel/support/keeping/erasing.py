"""Everything of a pupil out of the register: rows of support, places in lists of roles, answers to requests.

The audit stays: its chain could not be verified without its entries. Of an erased pupil it keeps the pseudonym, to which no
name or code leads once the identity is gone and the key was renewed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, delete, select

from riskmodel.register import postgresql, sqlite
from riskmodel.register.database import Act
from riskmodel.register.people import Person
from riskmodel.register.schema import GRANT_PUPIL
from riskmodel.register.store import Register
from riskmodel.register.tombstones import open_tombstones
from riskmodel.register.units import Whole
from riskmodel.support.keeping.held import PUPIL_COLUMN, number_of, rows_of_pupils, support_tables
from riskmodel.support.schema.places import REQUEST
from riskmodel.support.schema.plans import PLAN

AT_ONCE = 1000
SIGNED = ("recorded_by", "recorded_at")


def erase_from_register(
    register: Register, pupil_ids: Collection[str], by: Person | str, reference: str = ""
) -> Mapping[str, int]:
    """Remove everything of one pupil, who may have several pseudonyms, in one act; return how many rows of which table.

    The pages of the data base are written anew, so that none keeps what was removed.
    """
    with register.database.acting(Whole("pupil_erased")) as act:
        rows = remove_rows(act.connection, pupil_ids)
        _record(act, pupil_ids, by, reference, rows)
    rewrite(register)
    return rows


def _record(act: Act, pupil_ids: Collection[str], by: Person | str, reference: str, rows: Mapping[str, int]) -> None:
    details: dict[str, str | int] = {"rows": sum(rows.values())}
    if reference:
        details["reference"] = reference
    for pupil_id in sorted(pupil_ids):
        act.record(by, "pupil_erased", subject=pupil_id, details=details)


def remove_rows(connection: Connection, pupil_ids: Collection[str]) -> dict[str, int]:
    """Remove the rows of pupils from every table; return how many of which."""
    conditions = rows_of_pupils(pupil_ids)
    of_requests = _requests(connection, conditions)
    found: dict[str, int] = {}
    for one in reversed(list(conditions)):
        found[one.name] = connection.execute(delete(one).where(conditions[one])).rowcount
    found[GRANT_PUPIL.name] = connection.execute(
        delete(GRANT_PUPIL).where(GRANT_PUPIL.c.pupil_id.in_(sorted(pupil_ids)))
    ).rowcount
    for first in range(0, len(of_requests), AT_ONCE):
        keys = of_requests[first : first + AT_ONCE]
        connection.execute(delete(REQUEST).where(REQUEST.c.request_key.in_(keys)))
    found[REQUEST.name] = len(of_requests)
    return {name: count for name, count in found.items() if count}


def _requests(connection: Connection, conditions: Mapping[Table, Any]) -> list[str]:
    """Return the keys of the requests whose answer names one of the rows; of those that name none, by who wrote and when."""
    moments: set[tuple[str, Any]] = set()
    named: dict[str, set[Any]] = {}
    for one, condition in conditions.items():
        if all(name in one.c for name in SIGNED):
            signed = connection.execute(select(*(one.c[name] for name in SIGNED)).where(condition))
            moments |= {(str(actor), at) for actor, at in signed}
        if (key := number_of(one)) is not None:
            named[key.name] = set(connection.scalars(select(key).where(condition)))
    named["plan_code"] = set(connection.scalars(select(PLAN.c.plan_code).where(conditions[PLAN])))
    keys = []
    wanted = select(REQUEST.c.request_key, REQUEST.c.actor, REQUEST.c.answered_at, REQUEST.c.answer)
    for key, actor, answered_at, answer in connection.execute(wanted.execution_options(yield_per=AT_ONCE)):
        told = json.loads(answer)
        by_name = [told[name] in values for name, values in named.items() if name in told]
        if any(by_name) or (not by_name and (str(actor), answered_at) in moments):
            keys.append(key)
    return keys


def pupils_in_register(connection: Connection) -> set[str]:
    """Return the pseudonyms of all pupils of whom the register holds anything."""
    found: set[str] = set(connection.scalars(select(GRANT_PUPIL.c.pupil_id).distinct()))
    for one in support_tables():
        if PUPIL_COLUMN in one.c:
            found |= set(connection.scalars(select(one.c[PUPIL_COLUMN]).distinct()))
    return found


def pupils_of(register: Register) -> set[str]:
    """Return the pseudonyms of all pupils of whom a register holds anything."""
    with register.database.reading(Whole("pupil_erased")) as connection:
        return pupils_in_register(connection)


def forget_again(store: Path) -> Callable[[Register, str], int]:
    """Return what erases from a register, copied at a moment, everybody who was erased from the store; it returns how many."""
    tombstones = open_tombstones(store)

    def forget(register: Register, made_at: str) -> int:
        with register.database.reading(Whole("pupil_erased")) as connection:
            gone = tombstones.among("pupil_id", pupils_in_register(connection), made_at)
        for pupil_id in sorted(gone):
            with register.database.acting(Whole("pupil_erased")) as act:
                rows = remove_rows(act.connection, [pupil_id])
                _record(act, [pupil_id], "riskmodel", "restore", rows)
        if gone:
            rewrite(register)
        return len(gone)

    return forget


def rewrite(register: Register) -> None:
    """Write the pages of the data base anew, so that none keeps what was removed."""
    engine = register.database.engine
    if engine.dialect.name == "sqlite":
        sqlite.rewrite(engine)
    else:
        postgresql.rewrite(engine, [one.name for one in (*support_tables(), GRANT_PUPIL)])
