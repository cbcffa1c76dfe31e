"""Places for support in a school, as its director entered them; what was before stands in the audit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.register.database import Database
from riskmodel.register.grants import SCHOOL_ID
from riskmodel.register.people import Person
from riskmodel.register.schema import CAPACITY
from riskmodel.register.units import OPEN

MOST_PLACES = 10_000


@dataclass(frozen=True)
class Entered:
    """Places of one school, who entered them (the login) and when."""

    places: int
    by: str
    at: datetime


class Capacity:
    """The entered places of one register."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set(self, school_id: str, places: int, by: Person) -> Entered:
        """Enter the places of a school, in place of what was entered before.

        Raises
        ------
        UsageError
            When the number is not between 0 and ``MOST_PLACES``.
        ValueError
            When the school's id is none: a fault of the program.
        """
        if not SCHOOL_ID.fullmatch(school_id):
            raise ValueError("no id of a school")
        if not 0 <= places <= MOST_PLACES:
            raise UsageError(
                message("Places for support are a whole number from 0 to {most}.", most=MOST_PLACES),
                found=message("The number that was given is not."),
                remedy=message("Enter how many pupils can get support this semester."),
            )
        entered = Entered(places, by.login, self._database.clock())
        with self._database.acting(by) as act:
            act.connection.execute(delete(CAPACITY).where(CAPACITY.c.school_id == school_id))
            act.connection.execute(
                CAPACITY.insert().values(
                    school_id=school_id, places=places, entered_by=entered.by, entered_at=entered.at
                )
            )
            act.record(by, "capacity_set", unit=f"school:{school_id}", details={"places": places})
        return entered

    def get(self, school_id: str) -> Entered | None:
        """Return what was entered for a school; None when nothing was."""
        with self._database.reading(OPEN) as connection:
            row = connection.execute(select(CAPACITY).where(CAPACITY.c.school_id == school_id)).one_or_none()
        return None if row is None else Entered(row.places, row.entered_by, row.entered_at)
