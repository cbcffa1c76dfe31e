"""One verb under way: who acts, on which day, by which rules; and the few ways in which rows are written and looked up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any, NoReturn

from sqlalchemy import Insert, Row, Select, Table, Update, bindparam, func, select, update

from riskmodel.errors import UsageError
from riskmodel.messages import Message, Spoken, message
from riskmodel.register.database import Act
from riskmodel.register.people import Grant, Person, Role
from riskmodel.register.schema import ACCOUNT, ROLE_GRANT
from riskmodel.support.rules import Refused, Rule, Rulebook
from riskmodel.support.schema.places import COUNTER, INSTITUTION, STAFF

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
    _numbers: dict[str, int] = field(default_factory=dict)
    _places: dict[tuple[object, ...], Any] = field(default_factory=dict)

    # --- rows

    def number(self, table: Table) -> int:
        """Return the next number of a table. A number is never given twice, and both data bases give the same."""
        last = self._numbers.get(table.name)
        if last is None:
            last = self._taken(table.name)
        self._numbers[table.name] = last + 1
        return last + 1

    def _taken(self, name: str) -> int:
        """Take the counter of a table for the rest of the transaction; return the last number that it gave."""
        connection = self.act.connection
        # Written before it is read, so that a writer who comes at the same time waits here for this one's end.
        if connection.execute(_TAKE_COUNTER, {"of": name}).rowcount == 0:
            connection.execute(COUNTER.insert(), {"name": name, "last": 0})
        return int(connection.scalar(_READ_COUNTER, {"of": name}) or 0)

    def keep_numbers(self) -> None:
        """Write down the last numbers that were given: once, at the end of the transaction."""
        given = [{"of": name, "given": last} for name, last in sorted(self._numbers.items())]
        if given:
            self.act.connection.execute(_KEEP_COUNTER, given)

    def insert(self, table: Table, **values: object) -> int:
        """Write a row of a numbered table, signed with who writes and when; return its number."""
        (key,) = table.primary_key.columns
        number = self.number(table)
        self.act.connection.execute(_inserting(table), {key.name: number, **self.signed(values)})
        return number

    def change(self, table: Table, number: int, **values: object) -> None:
        """Write other values into the row of a number."""
        self.act.connection.execute(_changing(table, tuple(values)), {"row_number": number, **values})

    def signed(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return values with who writes them and when."""
        return {**values, "recorded_by": self.by.login, "recorded_at": self.now}

    def insert_links(self, table: Table, rows: Iterable[Mapping[str, object]]) -> None:
        """Write rows of a table of links."""
        if many := [dict(row) for row in rows]:
            self.act.connection.execute(_inserting(table), many)

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
        row = self.find(table, **named)
        if row is None:
            same = (table.c[name] == value for name, value in named.items())
            if self.act.count_everywhere(select(func.count()).select_from(table).where(*same)):
                raise not_allowed()
            raise unknown_thing(table)
        return row

    def find(self, table: Table, **named: object) -> Row[Any] | None:
        """Return the one row of a table that has these values, None where there is none."""
        return self.act.connection.execute(_naming(table, tuple(named)), named).one_or_none()

    # --- places

    def institution(self, school_id: str, on: date) -> Row[Any]:
        """Return what a school was on a day: its kind and its municipality.

        Raises
        ------
        UnknownThingError
            When the register knows no such school on that day.
        """
        rows = self.of_places(_INSTITUTION_ON, school_id=school_id, on=on)
        if len(rows) != 1:
            raise UnknownThingError(
                message("A school must be entered in the register, for the day of the record."),
                found=message("There is no school of this number on that day."),
                remedy=message("Ask the steward to enter the institution with its kind and municipality."),
                where=school_id,
            )
        return rows[0]

    def of_places(self, wanted: Select[Any], **values: object) -> list[Row[Any]]:
        """Return the rows of institutions, memberships, staff or roles that are wanted; asked again in one transaction, the same.

        Whoever writes such a row calls :meth:`forget_places`.
        """
        key = (wanted, *values.items())
        if key not in self._places:
            self._places[key] = list(self.act.connection.execute(wanted, values).all())
        found: list[Row[Any]] = self._places[key]
        return found

    def forget_places(self) -> None:
        """Look institutions, memberships and staff up anew: one of them was written."""
        self._places.clear()

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

    def roles_in(self, school_id: str) -> frozenset[Role]:
        """Return the roles that the person holds in a school today."""
        return frozenset(grant.role for grant in self.grants() if grant.school_id == school_id)

    def need_colleague(self, login: str, school_id: str) -> None:
        """Refuse a login that is nobody's who works in a school: no role there today, and no entry among its staff.

        Raises
        ------
        UsageError
            When there is no such person.
        """
        of = {"login": login, "school_id": school_id, "on": self.today}
        if not self.of_places(_HAS_ROLE, **of) and not self.of_places(_IS_STAFF, **of):
            raise misfit(
                message("A person who is named works in the school."),
                message("Nobody of this login has a role there, or is entered among its staff."),
                message("Choose somebody of the school, or ask the director to enter the person."),
            )

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


_INSTITUTION_ON = select(INSTITUTION).where(
    INSTITUTION.c.school_id == bindparam("school_id"),
    INSTITUTION.c.valid_from <= bindparam("on"),
    (INSTITUTION.c.valid_to.is_(None)) | (INSTITUTION.c.valid_to > bindparam("on")),
)
_HAS_ROLE = (
    select(ROLE_GRANT.c.grant_id)
    .join(ACCOUNT, ACCOUNT.c.account_id == ROLE_GRANT.c.account_id)
    .where(
        ACCOUNT.c.login == bindparam("login"),
        ACCOUNT.c.disabled_at.is_(None),
        ROLE_GRANT.c.school_id == bindparam("school_id"),
        (ROLE_GRANT.c.valid_from.is_(None)) | (ROLE_GRANT.c.valid_from <= bindparam("on")),
        (ROLE_GRANT.c.valid_to.is_(None)) | (ROLE_GRANT.c.valid_to > bindparam("on")),
    )
    .limit(1)
)
_IS_STAFF = (
    select(STAFF.c.staff_id)
    .where(
        STAFF.c.login == bindparam("login"),
        STAFF.c.school_id == bindparam("school_id"),
        (STAFF.c.valid_to.is_(None)) | (STAFF.c.valid_to > bindparam("on")),
    )
    .limit(1)
)
_READ_COUNTER = select(COUNTER.c.last).where(COUNTER.c.name == bindparam("of"))
_TAKE_COUNTER = update(COUNTER).where(COUNTER.c.name == bindparam("of")).values(last=COUNTER.c.last)
_KEEP_COUNTER = update(COUNTER).where(COUNTER.c.name == bindparam("of")).values(last=bindparam("given"))


# A statement that is made once is put into words once; made anew for each row, that takes longer than the data base does.


@cache
def _inserting(table: Table) -> Insert:
    return table.insert()


@cache
def _naming(table: Table, names: tuple[str, ...]) -> Select[Any]:
    return select(table).where(*(table.c[name] == bindparam(name) for name in names))


@cache
def _changing(table: Table, names: tuple[str, ...]) -> Update:
    (key,) = table.primary_key.columns
    return update(table).where(key == bindparam("row_number")).values({name: bindparam(name) for name in names})


def is_told(text: str | None) -> bool:
    """Whether something is written in a field: blanks alone are nothing."""
    return text is not None and bool(text.strip())


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
