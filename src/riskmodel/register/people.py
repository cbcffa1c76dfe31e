"""Who may see what: roles, and the grants by which a person holds a role in a school, a municipality or the state.

A role alone opens nothing. A grant names the unit too, and the days on which it holds; what a grant opens is decided by
the portal's policy for every page, file and form anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from riskmodel.messages import Message, message

Role = Literal[
    "class_teacher",
    "subject_teacher",
    "support_staff",
    "director",
    "municipality",
    "state",
    "researcher",
    "steward",
]
ROLES: tuple[Role, ...] = get_args(Role)

ROLE_WORDS: Mapping[Role, Message] = {
    "class_teacher": message("class teacher"),
    "subject_teacher": message("subject teacher"),
    "support_staff": message("support staff"),
    "director": message("director or coordinator"),
    "municipality": message("specialist of a municipality"),
    "state": message("analyst of the state"),
    "researcher": message("researcher"),
    "steward": message("steward of the register"),
}

ROLES_OF_A_SCHOOL: frozenset[Role] = frozenset({"class_teacher", "subject_teacher", "support_staff", "director"})
ROLES_WITHOUT_A_UNIT: frozenset[Role] = frozenset({"state", "researcher", "steward"})


@dataclass(frozen=True)
class Grant:
    """A role of a person in one unit.

    Attributes
    ----------
    role
        One of ``ROLES``.
    school_id
        Of the roles of a school; None otherwise.
    class_code
        Of a class teacher: the class as the register writes it, e.g. ``9.a``.
    municipality_code
        Of the role ``municipality``: the code of the classifier of territories, e.g. ``LV0001000``.
    pupil_ids
        Of a subject teacher: pseudonyms of the pupils whose plan names this teacher.
    valid_from, valid_to
        Half-open: the first day on which the grant holds, and the first on which it does not any more (None: open).
    """

    role: Role
    school_id: str | None = None
    class_code: str | None = None
    municipality_code: str | None = None
    pupil_ids: frozenset[str] = frozenset()
    valid_from: date | None = None
    valid_to: date | None = None

    def holds_on(self, day: date) -> bool:
        """Whether the grant holds on a day.

        >>> grant = Grant("director", "101", valid_from=date(2026, 9, 1), valid_to=date(2027, 9, 1))
        >>> grant.holds_on(date(2026, 9, 1)), grant.holds_on(date(2027, 9, 1))
        (True, False)
        """
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day < self.valid_to)


@dataclass(frozen=True)
class Person:
    """Somebody who has logged in: never more than the portal needs to decide and to greet."""

    account_id: int
    login: str
    shown_name: str
    language: Literal["lv", "en"]
    grants: tuple[Grant, ...]
