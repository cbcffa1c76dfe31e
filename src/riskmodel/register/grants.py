"""Grants in the data base: what a role needs, and how they are written and read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select

from riskmodel.errors import UsageError
from riskmodel.messages import Message, message
from riskmodel.register.people import ROLES, ROLES_OF_A_SCHOOL, ROLES_WITHOUT_A_UNIT, Grant
from riskmodel.register.schema import GRANT_PUPIL, ROLE_GRANT

SCHOOL_ID = re.compile(r"[0-9]{1,10}")
MUNICIPALITY_CODE = re.compile(r"LV[0-9]{7}|[A-Z]{2}-[A-Z0-9-]{1,20}")
PUPIL_ID = re.compile(r"[0-9a-f]{32}")
CLASS_CODE = re.compile(r"(?=\S)[^\x00-\x1f\x7f-\x9f]{1,20}(?<=\S)")


def check_grant(grant: Grant) -> None:
    """Refuse a grant whose unit does not fit its role.

    Raises
    ------
    UsageError
        With what the role needs.
    """
    if grant.role not in ROLES:
        raise _misfit(message("A role is one of: {roles}.", roles=", ".join(ROLES)))
    needs: list[tuple[str | None, bool, Message]] = [
        (
            grant.school_id,
            grant.role in ROLES_OF_A_SCHOOL,
            message("A role of a school names one school by its number, and no other role does."),
        ),
        (
            grant.class_code,
            grant.role == "class_teacher",
            message("A class teacher's role names one class, and no other role does."),
        ),
        (
            grant.municipality_code,
            grant.role == "municipality",
            message("The role of a municipality names it by its code, e.g. LV0001000, and no other role does."),
        ),
    ]
    forms = (SCHOOL_ID, CLASS_CODE, MUNICIPALITY_CODE)
    for (value, is_needed, must), form in zip(needs, forms, strict=True):
        if (value is not None) != is_needed or (value is not None and not form.fullmatch(value)):
            raise _misfit(must)
    if grant.pupil_ids and grant.role != "subject_teacher":
        raise _misfit(message("Only a subject teacher's role names pupils."))
    if not all(PUPIL_ID.fullmatch(pupil_id) for pupil_id in grant.pupil_ids):
        raise _misfit(message("Pupils of a role are named by their pseudonyms."))
    if grant.valid_from and grant.valid_to and grant.valid_from >= grant.valid_to:
        raise _misfit(message("The first day of a role lies before the day on which it ends."))


def _misfit(must: Message) -> UsageError:
    return UsageError(
        must,
        found=message("The role that was given is not so."),
        remedy=message("See the examples of: riskmodel user grant --help"),
    )


def unit_of(grant: Grant) -> str:
    """Return the unit of a grant as the audit names it.

    >>> unit_of(Grant("class_teacher", "101", class_code="9.a")), unit_of(Grant("state"))
    ('school:101', 'state')
    """
    if grant.school_id is not None:
        return f"school:{grant.school_id}"
    if grant.municipality_code is not None:
        return f"municipality:{grant.municipality_code}"
    return "state" if grant.role in ROLES_WITHOUT_A_UNIT else ""


def details_of(grant: Grant) -> dict[str, str | int]:
    """Return what the audit says of a grant besides its unit."""
    details: dict[str, str | int] = {"role": grant.role}
    if grant.class_code is not None:
        details["class_code"] = grant.class_code
    if grant.pupil_ids:
        details["pupils"] = len(grant.pupil_ids)
    return details


def is_same_seat(one: Grant, other: Grant) -> bool:
    """Whether two grants give the same role in the same unit, on whatever days and for whichever pupils."""
    return (one.role, one.school_id, one.class_code, one.municipality_code) == (
        other.role,
        other.school_id,
        other.class_code,
        other.municipality_code,
    )


def write_grant(connection: Connection, account_id: int, grant: Grant) -> None:
    """Write a grant that was checked."""
    made = connection.execute(
        ROLE_GRANT.insert().values(
            account_id=account_id,
            role=grant.role,
            school_id=grant.school_id,
            class_code=grant.class_code,
            municipality_code=grant.municipality_code,
            valid_from=grant.valid_from,
            valid_to=grant.valid_to,
        )
    )
    (grant_id,) = made.inserted_primary_key or (None,)
    if grant.pupil_ids:
        rows = [{"grant_id": grant_id, "pupil_id": pupil_id} for pupil_id in sorted(grant.pupil_ids)]
        connection.execute(GRANT_PUPIL.insert(), rows)


def read_grants(connection: Connection, account_ids: Iterable[int]) -> dict[int, tuple[tuple[int, Grant], ...]]:
    """Return the grants of accounts with their numbers, in the order in which they were given."""
    wanted: Sequence[int] = tuple(account_ids)
    grants = ROLE_GRANT.c
    pupils: dict[int, set[str]] = {}
    for row in connection.execute(
        select(GRANT_PUPIL)
        .join(ROLE_GRANT, grants.grant_id == GRANT_PUPIL.c.grant_id)
        .where(grants.account_id.in_(wanted))
    ):
        pupils.setdefault(row.grant_id, set()).add(row.pupil_id)
    found: dict[int, tuple[tuple[int, Grant], ...]] = dict.fromkeys(wanted, ())
    for row in connection.execute(select(ROLE_GRANT).where(grants.account_id.in_(wanted)).order_by(grants.grant_id)):
        grant = Grant(
            row.role,
            row.school_id,
            row.class_code,
            row.municipality_code,
            frozenset(pupils.get(row.grant_id, ())),
            row.valid_from,
            row.valid_to,
        )
        found[row.account_id] += ((row.grant_id, grant),)
    return found
