"""Pupils as support knows them: where they learn, whether they are of age, who speaks for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, bindparam, select, update

from riskmodel.messages import message
from riskmodel.register.grants import PUPIL_ID
from riskmodel.support.schema.papers import PUPIL, STAY
from riskmodel.support.work import STAFF_OF_A_SCHOOL, Outcome, UnknownThingError, Work, misfit

AGE_OF_MAJORITY = 18


@dataclass(frozen=True)
class RecordStay:
    """A pupil learns in a school from a day on; what is known of the person beside it replaces what was.

    Attributes
    ----------
    pupil_id
        The pseudonym, 32 hexadecimal figures: no personal code stands in the register.
    born_on
        Where the month alone is known, its last day: so nobody is of age too early.
    is_in_care
        Lives outside the family: other people speak for the pupil. None leaves it as it is known.
    valid_from, valid_to
        Half-open; None for an open end.
    """

    pupil_id: str
    school_id: str
    stage_kind: str
    stage_number: int
    valid_from: date
    class_code: str | None = None
    valid_to: date | None = None
    education_programme: str | None = None
    born_on: date | None = None
    is_in_care: bool | None = None
    declared_municipality: str | None = None
    actual_municipality: str | None = None


def record_stay(work: Work, command: RecordStay) -> Outcome:
    """Write where a pupil learns; the same stay again is brought up to date."""
    if not any(grant.role == "steward" for grant in work.grants()):
        work.need_school(command.school_id, STAFF_OF_A_SCHOOL)
    if not PUPIL_ID.fullmatch(command.pupil_id):
        raise misfit(
            message("A pupil is named by a pseudonym of 32 hexadecimal figures."),
            message("The one that was given is not."),
            message("Use the pseudonym of the run; no personal code may stand here."),
        )
    work.institution(command.school_id, command.valid_from)
    _write_pupil(work, command)
    values = {
        "class_code": command.class_code,
        "stage_kind": command.stage_kind,
        "stage_number": command.stage_number,
        "education_programme": command.education_programme,
        "valid_to": command.valid_to,
    }
    found = work.find(STAY, pupil_id=command.pupil_id, school_id=command.school_id, valid_from=command.valid_from)
    if found is None:
        number = work.insert(
            STAY,
            pupil_id=command.pupil_id,
            school_id=command.school_id,
            valid_from=command.valid_from,
            **values,
        )
    else:
        number = found.stay_id
        work.change(STAY, number, **work.signed(values))
    return Outcome({"stay_id": number}, f"school:{command.school_id}", command.pupil_id)


def _write_pupil(work: Work, command: RecordStay) -> None:
    values = work.signed(
        {
            "born_on": command.born_on,
            "is_in_care": None if command.is_in_care is None else int(command.is_in_care),
            "declared_municipality": command.declared_municipality,
            "actual_municipality": command.actual_municipality,
        }
    )
    known = work.find(PUPIL, pupil_id=command.pupil_id)
    if known is None:
        values["is_in_care"] = values["is_in_care"] or 0
        work.act.connection.execute(PUPIL.insert(), {"pupil_id": command.pupil_id, **values})
    else:
        kept = {name: value for name, value in values.items() if value is not None}
        work.act.connection.execute(update(PUPIL).where(PUPIL.c.pupil_id == command.pupil_id).values(**kept))


def stay_of(work: Work, pupil_id: str, school_id: str, on: date) -> Row[Any]:
    """Return the stay of a pupil in a school on a day.

    Raises
    ------
    UnknownThingError
        When the pupil does not learn there on that day.
    """
    of = {"of_pupil": pupil_id, "of_school": school_id, "on": on}
    row = work.act.connection.execute(_STAY_ON, of).one_or_none()
    if row is None:
        raise UnknownThingError(
            message("Support is given to pupils of the school."),
            found=message("This pupil does not learn in this school on that day, as far as the register knows."),
            remedy=message("Record where the pupil learns, or correct the day."),
        )
    return row


_STAY_ON = (
    select(STAY)
    .where(
        STAY.c.pupil_id == bindparam("of_pupil"),
        STAY.c.school_id == bindparam("of_school"),
        STAY.c.valid_from <= bindparam("on"),
        (STAY.c.valid_to.is_(None)) | (STAY.c.valid_to > bindparam("on")),
    )
    .order_by(STAY.c.valid_from.desc())
    .limit(1)
)


def need_own_pupil(work: Work, pupil_id: str, school_id: str, on: date) -> None:
    """Refuse a pupil whom the register knows, and not in this school; one it does not know yet is no plan's affair.

    Raises
    ------
    UnknownThingError
        When the pupil learns elsewhere on that day.
    """
    if work.one(select(PUPIL.c.pupil_id).where(PUPIL.c.pupil_id == pupil_id)) is not None:
        stay_of(work, pupil_id, school_id, on)


def is_of_age(born_on: date | None, on: date) -> bool | None:
    """Return whether somebody is of age on a day; None when the birthday is not known.

    >>> is_of_age(date(2002, 2, 28), date(2020, 2, 28)), is_of_age(date(2002, 2, 28), date(2020, 2, 27))
    (True, False)
    """
    years = age_in_years(born_on, on)
    return None if years is None else years >= AGE_OF_MAJORITY


def age_in_years(born_on: date | None, on: date) -> int | None:
    """Return the full years of age on a day; None when the birthday is not known.

    Somebody born on 29 February is a year older on 1 March of a year without that day.

    >>> age_in_years(date(2004, 2, 29), date(2021, 2, 28)), age_in_years(date(2004, 2, 29), date(2021, 3, 1))
    (16, 17)
    """
    if born_on is None:
        return None
    return on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))
