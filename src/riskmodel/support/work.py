"""One verb under way: who acts, on which day, by which rules; and the few ways in which rows are written and looked up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NoReturn

from sqlalchemy import Row, Select, Table, func, select, update

from riskmodel.errors import UsageError
from riskmodel.messages import Message, Spoken, message
from riskmodel.register.database import Act
from riskmodel.register.people import Grant, Person, Role
from riskmodel.support.rules import Refused, Rule, Rulebook
from riskmodel.support.schema.places import COUNTER, INSTITUTION

EDUCATORS: frozenset[Role] = frozenset({"class_teacher", "subject_teacher", "support_staff"})
STAFF_OF_A_SCHOOL: frozenset[Role] = EDUCATORS | {"director"}


class NotAllowedError(UsageError):
    """The person's roles do not open this act, or the unit is not the person's own: answered alike."""


class ConflictError(UsageError):
    """Somebody else changed the same thing in the meantime: nothing was written."""


class UnknownThingError(UsageError):
    """What an act names is not there."""


@dataclass(frozen=True)
class Outcome:
    """What a verb did: the answer to whoever asked, and what the audit says of it."""

    answer: Mapping[str, str | int]
    unit: str = ""
    subject: str = ""
    details: Mapping[str, str | int] = field(default_factory=dict)


@dataclass
class Work:
    """A verb under way, inside the one transaction that ends it.

    Attributes
    ----------
    act
        The transaction.
    by
        Who acts.
    now, today
        The moment of writing, and its day on the clock of the schools. What is written down carries its own day beside it.
    rules
        By which each record is judged, on its own day.
    """

    act: Act
    by: Person
    now: datetime
    today: date
    rules: Rulebook

    # --- rows

    def number(self, table: Table) -> int:
        """Return the next number of a table. A number is never given twice, and both data bases give the same."""
        connection = self.act.connection
        last = connection.scalar(select(COUNTER.c.last).where(COUNTER.c.name == table.name))
        if last is None:
            connection.execute(COUNTER.insert().values(name=table.name, last=1))
            return 1
        connection.execute(update(COUNTER).where(COUNTER.c.name == table.name).values(last=last + 1))
        return int(last) + 1

    def insert(self, table: Table, **values: object) -> int:
        """Write a row of a numbered table, signed with who writes and when; return its number."""
        (key,) = table.primary_key.columns
        number = self.number(table)
        self.act.connection.execute(table.insert().values({key.name: number, **self.signed(values)}))
        return number

    def signed(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return values with who writes them and when."""
        return {**values, "recorded_by": self.by.login, "recorded_at": self.now}

    def insert_links(self, table: Table, rows: Iterable[Mapping[str, object]]) -> None:
        """Write rows of a table of links."""
        if many := [dict(row) for row in rows]:
            self.act.connection.execute(table.insert(), many)

    def one(self, wanted: Select[Any]) -> Row[Any] | None:
        """Return the one row that is wanted; None where there is none."""
        return self.act.connection.execute(wanted).one_or_none()

    def all(self, wanted: Select[Any]) -> list[Row[Any]]:
        """Return all rows that are wanted."""
        return list(self.act.connection.execute(wanted).all())

    def the(self, table: Table, **named: object) -> Row[Any]:
        """Return the one row of a table that has these values.

        Raises
        ------
        NotAllowedError
            When it is of another unit, and the data base does not show it.
        UnknownThingError
            When there is none.
        """
        same = [table.c[name] == value for name, value in named.items()]
        row = self.one(select(table).where(*same))
        if row is None:
            if self.act.count_everywhere(select(func.count()).select_from(table).where(*same)):
                raise not_allowed()
            raise unknown_thing(table)
        return row

    # --- places

    def institution(self, school_id: str, on: date) -> Row[Any]:
        """Return what a school was on a day: its kind and its municipality.

        Raises
        ------
        UnknownThingError
            When the register knows no such school on that day.
        """
        row = self.one(
            select(INSTITUTION).where(
                INSTITUTION.c.school_id == school_id,
                INSTITUTION.c.valid_from <= on,
                (INSTITUTION.c.valid_to.is_(None)) | (INSTITUTION.c.valid_to > on),
            )
        )
        if row is None:
            raise UnknownThingError(
                message("A school must be entered in the register, for the day of the record."),
                found=message("There is no school of this number on that day."),
                remedy=message("Ask the steward to enter the institution with its kind and municipality."),
                where=school_id,
            )
        return row

    # --- people

    def grants(self) -> tuple[Grant, ...]:
        """Return the roles that the person holds today."""
        return tuple(grant for grant in self.by.grants if grant.holds_on(self.today))

    def need_school(self, school_id: str, roles: Iterable[Role]) -> Grant:
        """Return a grant of the person in a school, by one of these roles.

        Raises
        ------
        NotAllowedError
            When the person holds none.
        """
        wanted = frozenset(roles)
        for grant in self.grants():
            if grant.role in wanted and grant.school_id == school_id:
                return grant
        raise not_allowed()

    def need(self, *roles: Role, municipality_code: str | None = None) -> Grant:
        """Return a grant of the person by one of these roles, in this municipality where the role has one.

        Raises
        ------
        NotAllowedError
            When the person holds none.
        """
        for grant in self.grants():
            if grant.role in roles and grant.municipality_code in {None, municipality_code}:
                return grant
        raise not_allowed()

    # --- rules

    def rule(self, rule_id: str, on: date, programme: str | None = None) -> Rule | None:
        """Return a rule as it is in force on the record's own day; None when it is not."""
        return self.rules.in_force(rule_id, on, programme)

    def hold(
        self,
        is_kept: bool,
        rule_id: str,
        on: date,
        found: Spoken,
        *,
        programme: str | None = None,
        **values: object,
    ) -> None:
        """Refuse by a rule when it is in force on a day and is not kept.

        Raises
        ------
        Refused
            With the rule, its source, what was found, and the remedy.
        """
        rule = self.rule(rule_id, on, programme)
        if rule is not None and not is_kept:
            raise Refused(rule, found=found, values=values)

    def break_rule(self, rule_id: str, found: Spoken, *, on: date | None = None, **values: object) -> NoReturn:
        """Refuse by a rule whatever its days: what it forbids is known to have happened.

        Raises
        ------
        Refused
            Always.
        """
        rule = self.rules.rule(rule_id) if on is None else self.rules.in_force(rule_id, on)
        raise Refused(rule or self.rules.rule(rule_id), found=found, values=values)


def not_allowed() -> NotAllowedError:
    """Return the one answer to everybody who may not."""
    return NotAllowedError(
        message("Only those whose task it is may do this, in their own school, municipality or office."),
        found=message("None of your roles opens it."),
        remedy=message("Ask the steward of the register which role you need."),
    )


def unknown_thing(table: Table) -> UnknownThingError:
    """Return the error for something that is named and not there."""
    return UnknownThingError(
        message("What is named must be in the register."),
        found=message("There is no such row in the table {table}.", table=table.name),
        remedy=message("Look it up again, and repeat."),
    )


def conflict(found: Message) -> ConflictError:
    """Return the error for a change that came second."""
    return ConflictError(
        message("A change builds on what the person saw."),
        found=found,
        remedy=message(
            "Load the page anew, look at what has changed, and enter your change again: nothing of it was kept."
        ),
    )


def misfit(must: Message, found: Message, remedy: Message) -> UsageError:
    """Return the error for an entry that no dated rule is needed to refuse."""
    return UsageError(must, found=found, remedy=remedy)
