"""Who may see what: one pure function that every page, file and form asks before anything is looked up.

What no rule opens is closed. A role that has nothing to do with a view is refused; a unit that is not one's own is
answered like one that does not exist, so that nobody learns by asking which schools, classes or pupils there are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from riskmodel.messages import Message, message
from riskmodel.portal.published import Published
from riskmodel.register.people import ROLES, ROLES_OF_A_SCHOOL, Grant, Person, Role

Profile = Literal["teacher", "support", "director", "municipality", "state", "researcher", "steward"]
Unit = Literal["none", "schools", "school", "pupil", "municipality", "plan"]

EVERYONE: frozenset[Role] = frozenset(ROLES)
ACT_ON_PLANS: frozenset[Role] = ROLES_OF_A_SCHOOL | {"municipality", "state"}
EDUCATORS: frozenset[Role] = ROLES_OF_A_SCHOOL - {"director"}
PROFILES_WITH_NAMES: frozenset[Profile] = frozenset({"teacher", "support", "director"})
"""Names are shown where somebody acts on the pupil, and nowhere else."""
SHEETS = frozenset({"csv", "xlsx"})


class DeniedError(Exception):
    """This person's roles have nothing to do with the view (403)."""


class UnknownError(Exception):
    """There is no such page for this person: it does not exist, or belongs to somebody else (404)."""


@dataclass(frozen=True)
class Rule:
    """To whom a view is open, what it is about, and as which files it can be taken along.

    Attributes
    ----------
    roles
        Only these.
    unit
        What an address of the view names: nothing, the person's schools, one school, one pupil, one municipality, one plan.
    files
        Kinds of file, beside the page itself.
    is_recorded
        Whether every look is written to the audit log.
    """

    roles: frozenset[Role]
    unit: Unit = "none"
    files: frozenset[str] = frozenset()
    is_recorded: bool = False


RULES: Mapping[str, Rule] = {
    "home": Rule(EVERYONE),
    "catalogue": Rule(EVERYONE),
    "about": Rule(EVERYONE),
    "schools": Rule(ROLES_OF_A_SCHOOL, "schools"),
    "school": Rule(ROLES_OF_A_SCHOOL, "school", SHEETS | {"pdf"}, is_recorded=True),
    "pupil": Rule(ROLES_OF_A_SCHOOL, "pupil", SHEETS | {"pdf"}, is_recorded=True),
    "notice": Rule(ROLES_OF_A_SCHOOL, "pupil", frozenset({"pdf"}), is_recorded=True),
    "capacity": Rule(frozenset({"director"}), "school"),
    "tasks": Rule(ACT_ON_PLANS),
    "statistics": Rule(frozenset({"director", "support_staff", "municipality", "state"})),
    "plan": Rule(ACT_ON_PLANS, "plan", is_recorded=True),
    "consultation": Rule(ROLES_OF_A_SCHOOL, "plan", is_recorded=True),
    "planning": Rule(EDUCATORS, "pupil", is_recorded=True),
    "orders": Rule(frozenset({"director"}), "school"),
    "municipality": Rule(frozenset({"municipality", "state"}), "municipality", SHEETS),
    "state": Rule(frozenset({"state"}), "none", SHEETS),
    "runs": Rule(frozenset({"steward"})),
    "audit": Rule(frozenset({"steward"})),
    "accounts": Rule(frozenset({"steward"})),
}


@dataclass(frozen=True)
class Ask:
    """What somebody wants to see; ``pupil_id`` is the pseudonym, and ``file_kind`` None for the page itself.

    Whose a plan is tells the register, not the run: :mod:`riskmodel.support.reading` answers for its code.
    """

    view: str
    school_id: str | None = None
    pupil_id: str | None = None
    municipality_code: str | None = None
    file_kind: str | None = None
    plan_code: str | None = None


@dataclass(frozen=True)
class Scope:
    """What a person may see of a view, and why.

    Attributes
    ----------
    unit
        Id of the school, ``school/pupil``, code of the municipality, ids of schools joined by commas, or "".
    profile
        Which columns: those of a teacher, of support staff, and so on.
    pupil_ids
        Pseudonyms of the pupils in it; None for all of the unit, or for a view without pupils.
    class_code
        The class, where it is exactly one.
    why
        The reason in a sentence, for the page itself.
    """

    view: str
    unit: str
    profile: Profile
    pupil_ids: frozenset[str] | None = None
    class_code: str | None = None
    why: Message = field(default=message("Everyone with an account sees this page."), compare=False)

    @property
    def fingerprint(self) -> str:
        """Name of what is seen: the same for everybody who sees the same rows and columns, and for nobody else."""
        ids = None if self.pupil_ids is None else sorted(self.pupil_ids)
        told = json.dumps([self.view, self.unit, self.profile, ids, self.class_code])
        return hashlib.sha256(told.encode()).hexdigest()

    @property
    def shows_names(self) -> bool:
        """Whether the pupils' names stand on the page in place of their codes."""
        return self.profile in PROFILES_WITH_NAMES


WHY_OF_PLANS = message("You see plans on which you act, as far as your task goes.")


def decide(person: Person, ask: Ask, published: Published, on: date) -> Scope:
    """Return what ``person`` may see of what is asked for, on a day.

    Raises
    ------
    DeniedError
        When no role that the person holds on this day opens the view at all.
    UnknownError
        When there is no such view, file or unit, or the unit is not the person's own.
    """
    rule = RULES.get(ask.view)
    if rule is None or not _is_whole(ask, rule):
        raise UnknownError
    grants = [grant for grant in holding(person, on) if grant.role in rule.roles]
    if not grants:
        raise DeniedError
    if rule.unit == "schools":
        return _schools(ask, grants, published)
    if rule.unit == "school":
        return _school(ask, grants, published)
    if rule.unit == "pupil":
        return _pupil(ask, grants, published)
    if rule.unit == "municipality":
        return _municipality(ask, grants, published)
    if rule.unit == "plan":
        return Scope(ask.view, f"plan/{ask.plan_code}", _profile(grants), why=WHY_OF_PLANS)
    if ask.view == "state" and not published.has_state:
        raise UnknownError
    profile = _profile(grants)
    return Scope(ask.view, "", profile, why=_why_without_a_unit(ask, rule, profile))


def holding(person: Person, on: date) -> tuple[Grant, ...]:
    """Return the grants that a person holds on a day."""
    return tuple(grant for grant in person.grants if grant.holds_on(on))


def own_schools(grants: Iterable[Grant], published: Published) -> list[str]:
    """Return the ids of the schools of a run in which somebody holds a role of a school."""
    ids = {grant.school_id for grant in grants if grant.role in ROLES_OF_A_SCHOOL}
    return sorted(school_id for school_id in ids if school_id is not None and school_id in published.names)


def _is_whole(ask: Ask, rule: Rule) -> bool:
    """Whether an ask names what its view is about, no more and no less."""
    named = {
        name for name in ("school_id", "pupil_id", "municipality_code", "plan_code") if getattr(ask, name) is not None
    }
    needed = {
        "school": {"school_id"},
        "pupil": {"school_id", "pupil_id"},
        "municipality": {"municipality_code"},
        "plan": {"plan_code"},
    }.get(rule.unit, set())
    return named == needed and (ask.file_kind is None or ask.file_kind in rule.files)


def _schools(ask: Ask, grants: list[Grant], published: Published) -> Scope:
    ids = own_schools(grants, published)
    why = message("It lists the schools in which you hold a role.")
    return Scope(ask.view, ",".join(ids), _profile(grants), why=why)


def _school(ask: Ask, grants: list[Grant], published: Published) -> Scope:
    school_id = ask.school_id or ""
    own = [grant for grant in grants if grant.school_id == school_id]
    if not own or school_id not in published.names:
        raise UnknownError
    profile = _profile(own)
    if profile != "teacher":
        why = (
            message("You see this page as support staff of this school.")
            if profile == "support"
            else message("You see this page as director or coordinator of this school.")
        )
        return Scope(ask.view, school_id, profile, why=why)
    classes = sorted({grant.class_code for grant in own if grant.role == "class_teacher" and grant.class_code})
    named = frozenset[str]().union(*(grant.pupil_ids for grant in own if grant.role == "subject_teacher"))
    members = published.members(school_id).values()
    of_classes = {member.pupil_id for member in members if member.class_code in classes}
    of_plans = named & {member.pupil_id for member in members}
    only_class = classes[0] if len(classes) == 1 and of_plans <= of_classes else None
    return Scope(
        ask.view, school_id, profile, frozenset(of_classes | of_plans), only_class, _why_of_a_teacher(classes, own)
    )


def _pupil(ask: Ask, grants: list[Grant], published: Published) -> Scope:
    of_school = _school(ask, grants, published)
    own = of_school.pupil_ids
    if own is None:
        own = frozenset(member.pupil_id for member in published.members(of_school.unit).values())
    pupil_id = ask.pupil_id or ""
    if pupil_id not in own:
        raise UnknownError
    unit = f"{of_school.unit}/{pupil_id}"
    # No class: to whom else the page is open does not change what stands on it.
    return Scope(ask.view, unit, of_school.profile, frozenset({pupil_id}), None, of_school.why)


def _municipality(ask: Ask, grants: list[Grant], published: Published) -> Scope:
    code = ask.municipality_code or ""
    own = [grant for grant in grants if grant.role == "state" or grant.municipality_code == code]
    if not own or code not in published.municipalities:
        raise UnknownError
    profile = _profile(own)
    why = (
        message("You see this page as analyst of the state: it holds counts, and no pupil.")
        if profile == "state"
        else message("You see this page as specialist of this municipality: it holds counts, and no pupil.")
    )
    return Scope(ask.view, code, profile, why=why)


WIDEST_FIRST: Mapping[Role, Profile] = {
    "support_staff": "support",
    "director": "director",
    "class_teacher": "teacher",
    "subject_teacher": "teacher",
    "state": "state",
    "municipality": "municipality",
    "steward": "steward",
    "researcher": "researcher",
}


def _profile(grants: Iterable[Grant]) -> Profile:
    held = {grant.role for grant in grants}
    return next(profile for role, profile in WIDEST_FIRST.items() if role in held)


def _why_of_a_teacher(classes: list[str], own: list[Grant]) -> Message:
    is_named = any(grant.role == "subject_teacher" for grant in own)
    if classes and is_named:
        return message(
            "You see this page as class teacher ({classes}), and as a teacher whom support plans name: only these pupils stand on it.",
            classes=", ".join(classes),
        )
    if classes:
        return message(
            "You see this page as class teacher ({classes}): only pupils of your class stand on it.",
            classes=", ".join(classes),
        )
    return message("You see this page as a teacher whom support plans name: only these pupils stand on it.")


def _why_without_a_unit(ask: Ask, rule: Rule, profile: Profile) -> Message:
    if rule.roles == EVERYONE:
        return message("Everyone with an account sees this page.")
    if ask.view == "tasks":
        return WHY_OF_PLANS
    if ask.view == "statistics":
        return message("You see the numbers of the units in which you hold a role; they name no pupil.")
    if profile == "state":
        return message("You see this page as analyst of the state: it holds counts, and no pupil.")
    if ask.view == "audit":
        return message("You see this page as steward of the register: of pupils it holds pseudonyms alone.")
    return message("You see this page as steward of the register: it holds no data of pupils.")
