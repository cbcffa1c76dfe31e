"""What the register holds of one pupil, for the pupil or the family, and who looked when.

People who worked with the pupil are named by their roles. What support staff wrote under protection is told as existing, and not
what it says: it may speak of others, or endanger the child; the data protection officer decides what of it is given out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml
from sqlalchemy import ColumnElement, Connection, Row, Table, Text, func, select, type_coerce

from riskmodel.messages import Words
from riskmodel.register.actors import OPERATOR
from riskmodel.register.schema import ACCOUNT, AUDIT_ENTRY, GRANT_PUPIL, ROLE_GRANT, Day, Moment
from riskmodel.register.store import Register
from riskmodel.register.units import Whole
from riskmodel.settings import resource
from riskmodel.support.keeping.held import rows_of_pupils
from riskmodel.support.risks import risk_item
from riskmodel.support.schema.papers import STAY
from riskmodel.support.schema.plans import ANSWER, PLAN_RISK

PEOPLE_COLUMNS = frozenset({"recorded_by", "preparer", "supervisor", "provider", "decided_by"})
PROTECTED = "protected"
"""Stands in place of what support staff alone may read."""
LOOKS = frozenset({"pupil_viewed", "file_exported", "subject_told", "looks_read"})
UNKNOWN_ROLE = "account_removed"
RENEWED = "key_rotated"

Told = Mapping[str, str | None]


@dataclass(frozen=True)
class ToldByRegister:
    """What the register holds of a pupil.

    Attributes
    ----------
    tables
        Rows by table, each value as text.
    protected
        How many records of support staff are under protection.
    teachers
        In how many lists of subject teachers the pupil stands.
    """

    tables: Mapping[str, list[Told]]
    protected: int
    teachers: int


@dataclass(frozen=True)
class Look:
    """Somebody opened or took along what concerns the pupil: when, in which role, what, where."""

    at: str
    role: str
    action: str
    unit: str
    is_look: bool


@dataclass(frozen=True)
class ToldByAudit:
    """What the audit says of a pupil.

    Attributes
    ----------
    looks
        Every entry about the pupil, oldest first.
    lists_opened
        How often a list of one of the pupil's schools was opened, which shows the pupil among others; of no single pupil.
    renewed_at
        When pseudonyms were last renewed: entries before name another one. None: never.
    """

    looks: list[Look]
    lists_opened: int
    renewed_at: str | None


def told_by_register(register: Register, pupil_ids: Collection[str]) -> ToldByRegister:
    """Return what the register holds of one pupil, who may have several pseudonyms."""
    with register.database.reading(Whole("subject_told")) as connection:
        roles = _roles(connection)
        tables: dict[str, list[Told]] = {}
        for one, condition in rows_of_pupils(pupil_ids).items():
            rows = [_told(one, dict(row._mapping), roles) for row in _rows(connection, one, condition)]
            if rows:
                tables[one.name] = rows
        wanted = select(func.count()).select_from(GRANT_PUPIL).where(GRANT_PUPIL.c.pupil_id.in_(sorted(pupil_ids)))
        teachers = int(connection.scalar(wanted) or 0)
    protected = sum(PROTECTED in row.values() for rows in tables.values() for row in rows)
    return ToldByRegister(tables, protected, teachers)


def _rows(connection: Connection, one: Table, condition: ColumnElement[bool]) -> Sequence[Row[Any]]:
    """Return rows whose days and moments are the texts that are kept."""
    texts = (type_coerce(of, Text) if isinstance(of.type, Day | Moment) else of for of in one.columns)
    wanted = select(*(text.label(of.name) for text, of in zip(texts, one.columns, strict=True)))
    return connection.execute(wanted.where(condition).order_by(*one.primary_key.columns)).all()


def _told(one: Table, values: dict[str, Any], roles: Mapping[str, str]) -> Told:
    told = {
        name: roles.get(str(value), UNKNOWN_ROLE) if name in PEOPLE_COLUMNS and value is not None else value
        for name, value in values.items()
    }
    if one is PLAN_RISK and values["is_sensitive"]:
        told |= {"risk_code": PROTECTED, "justification": None}
    if one is ANSWER and values["line_kind"] == "risk" and risk_item(values["line_code"]).is_sensitive:
        told |= {"line_code": PROTECTED, "reason": None, "changed_to": None}
    return {name: None if value is None else str(value) for name, value in told.items()}


def _roles(connection: Connection) -> dict[str, str]:
    """Return the roles of each login, for people who hold several in one text."""
    found: dict[str, set[str]] = {}
    wanted = select(ACCOUNT.c.login, ROLE_GRANT.c.role).join(
        ROLE_GRANT, ROLE_GRANT.c.account_id == ACCOUNT.c.account_id
    )
    for login, role in connection.execute(wanted):
        found.setdefault(login, set()).add(role)
    return {login: ", ".join(sorted(roles)) for login, roles in found.items()}


def told_by_audit(register: Register, pupil_ids: Collection[str]) -> ToldByAudit:
    """Return who did what with a pupil, by roles, from the audit."""
    entry = AUDIT_ENTRY.c
    with register.database.reading(Whole("looks_read")) as connection:
        roles = _roles(connection)
        about = (
            select(entry.at, entry.actor, entry.action, entry.unit)
            .where(entry.subject.in_(sorted(pupil_ids)))
            .order_by(entry.number)
        )
        looks = [
            Look(at, _role_of(actor, roles), action, unit, action in LOOKS)
            for at, actor, action, unit in connection.execute(about)
        ]
        schools = connection.scalars(select(STAY.c.school_id).where(STAY.c.pupil_id.in_(sorted(pupil_ids))).distinct())
        units = [f"school:{school_id}" for school_id in schools]
        lists = select(func.count()).where(entry.action == "page_viewed", entry.unit.in_(units))
        opened = int(connection.scalar(lists) or 0)
        renewed = connection.scalar(select(func.max(entry.at)).where(entry.action == RENEWED))
    return ToldByAudit(looks, opened, renewed)


def _role_of(actor: str, roles: Mapping[str, str]) -> str:
    if actor.startswith(OPERATOR):
        return "operator"
    return roles.get(actor, UNKNOWN_ROLE) if actor else "unknown"


@cache
def field_words() -> Mapping[str, Mapping[str, Words]]:
    """Return the words of tables and columns of support: ``tables`` and ``columns`` by name."""
    content = yaml.safe_load(resource("support", "fields.yaml").read_text("utf-8"))
    return {part: {name: Words(**said) for name, said in entries.items()} for part, entries in content.items()}
