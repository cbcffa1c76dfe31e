"""Whose rows a transaction may see and write: told to the data base as the transaction begins, and forgotten as it ends.

On PostgreSQL the policies of the tables read what is told here (:mod:`riskmodel.support.schema.scopes`); a transaction that
tells nothing sees no row. SQLite knows no policies, and is told nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from sqlalchemy import Connection, text

from riskmodel.register.people import Person

Level = Literal["own", "steward", "state", "all"]

LEVEL = "riskmodel.level"
SCHOOLS = "riskmodel.schools"
MUNICIPALITIES = "riskmodel.municipalities"
PUPILS = "riskmodel.pupils"
DAY = "riskmodel.day"
LOOKS = "riskmodel.looks"
EVERYWHERE = "everywhere"


@dataclass(frozen=True)
class Units:
    """The units of a transaction.

    Attributes
    ----------
    level
        ``own``: rows of the units that are named, and what is open to everybody with an account; ``steward``: papers and
        pupils of every school too; ``state``: every row; ``all``: every row, for an operation of the register itself.
    schools, municipalities
        Ids and codes. A municipality stands for the schools that are in it on the day.
    pupil_ids
        Pupils whose own row is open too: those whom an act names.
    day
        Of the schools' clock.
    """

    level: Level = "own"
    schools: frozenset[str] = frozenset()
    municipalities: frozenset[str] = frozenset()
    pupil_ids: frozenset[str] = frozenset()
    day: date | None = None

    def and_also(self, schools: Iterable[str] = (), pupil_ids: Iterable[str] = ()) -> Units:
        """Return these units and some more."""
        return replace(self, schools=self.schools.union(schools), pupil_ids=self.pupil_ids.union(pupil_ids))


OPEN = Units()
"""No unit: what is open to everybody with an account, e.g. which schools there are."""


@dataclass(frozen=True)
class Whole:
    """Every row, for an operation of the register itself that stands in the audit.

    Nobody's page works so. An act by it that writes no entry of this name is a fault of the program, and is undone; a reading
    by it is entered by who asked for it, in an act of its own.

    Attributes
    ----------
    action
        The name in the audit, e.g. ``register_migrated``.
    """

    action: str


By = Person | Whole | Units


def units_of(by: By, day: date) -> Units:
    """Return what somebody's roles of a day open, or what was chosen in code.

    >>> from riskmodel.register.people import Grant
    >>> person = Person(1, "dace", "Dace", "lv", (Grant("director", "101", valid_to=date(2026, 9, 1)), Grant("researcher")))
    >>> sorted(units_of(person, date(2026, 8, 31)).schools), sorted(units_of(person, date(2026, 9, 1)).schools)
    (['101'], [])
    """
    if isinstance(by, Units):
        return replace(by, day=day)
    if isinstance(by, Whole):
        return Units("all", day=day)
    held = [grant for grant in by.grants if grant.holds_on(day)]
    roles = {grant.role for grant in held}
    return Units(
        "state" if "state" in roles else "steward" if "steward" in roles else "own",
        frozenset(grant.school_id for grant in held if grant.school_id is not None),
        frozenset(grant.municipality_code for grant in held if grant.municipality_code is not None),
        day=day,
    )


def tell(connection: Connection, units: Units) -> None:
    """Tell the data base whose rows the rest of the transaction may see and write."""
    _set(
        connection,
        {
            LEVEL: units.level,
            SCHOOLS: ",".join(sorted(units.schools)),
            MUNICIPALITIES: ",".join(sorted(units.municipalities)),
            PUPILS: ",".join(sorted(units.pupil_ids)),
            DAY: "" if units.day is None else units.day.isoformat(),
        },
    )


def look_everywhere(connection: Connection, *, is_on: bool) -> None:
    """Let the transaction see every row, or its own again; what it may write stays the same."""
    _set(connection, {LOOKS: EVERYWHERE if is_on else ""})


def _set(connection: Connection, values: dict[str, str]) -> None:
    if connection.dialect.name != "postgresql":
        return
    # Local to the transaction: a connection goes back to its pool with nothing told.
    calls = ", ".join(f"set_config('{name}', :v{number}, true)" for number, name in enumerate(values))
    connection.execute(text(f"SELECT {calls}"), {f"v{number}": value for number, value in enumerate(values.values())})
