"""Whose each row is: for every table the columns that say so. The policies of PostgreSQL are made from this one table.

Whoever adds a table says here whose its rows are; a test fails until then. What the policies read of the person who acts is
told by :mod:`riskmodel.register.units`. A migration keeps the text of the policies as it was; a test compares.

Each table gets four policies, named ``unit_sees``, ``unit_adds``, ``unit_changes`` and ``unit_removes``, and its owner is bound
by them as well. A row is seen when one of its ways leads to a unit of the person; it is added when all ways of ``adds`` do.
Where there are several ways, what a row belongs to is never changed (``unit_stays``): else an own row could be hung on to
another unit's plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Table

from riskmodel.register import units
from riskmodel.register.schema import CAPACITY
from riskmodel.register.units import Level
from riskmodel.support.schema import papers, places, plans, services


def told(name: str) -> str:
    """Return the expression of what a transaction was told; null or an empty text where it was told nothing."""
    return f"current_setting('{name}', true)"


def told_list(name: str) -> str:
    """Return the expression of a list that a transaction was told; the data base works it out once for all rows."""
    return f"((SELECT string_to_array({told(name)}, ','))::text[])"


IS_SOMEBODY = f"(SELECT {told(units.LEVEL)} <> '')"


class Way(Protocol):
    """How a row leads to a unit."""

    def opens(self, row: str) -> str:
        """Return the condition on a row, which is named in the condition as ``row``."""


@dataclass(frozen=True)
class School:
    """The row names a school: the person's own, or one in the person's municipality on the day."""

    column: str = "school_id"

    def opens(self, row: str) -> str:
        """Return the condition."""
        day, places_of = told(units.DAY), told_list(units.MUNICIPALITIES)
        in_place = (
            f"of_place.municipality_code = ANY ({places_of}) "
            f"AND of_place.valid_from <= {day} AND (of_place.valid_to IS NULL OR of_place.valid_to > {day})"
        )
        of_place = f"SELECT of_place.school_id FROM institution AS of_place WHERE {in_place}"  # noqa: S608  (constants)
        return f"{row}.{self.column} = ANY ({told_list(units.SCHOOLS)}) OR {row}.{self.column} IN ({of_place})"


@dataclass(frozen=True)
class Municipality:
    """The row names a municipality: the person's own."""

    column: str = "municipality_code"

    def opens(self, row: str) -> str:
        """Return the condition."""
        return f"{row}.{self.column} = ANY ({told_list(units.MUNICIPALITIES)})"


@dataclass(frozen=True)
class Member:
    """The row names a member of a programme: a school or a municipality."""

    def opens(self, row: str) -> str:
        """Return the condition."""
        of_school, of_place = School("member_code").opens(row), Municipality("member_code").opens(row)
        return f"({row}.member_kind = 'institution' AND ({of_school})) OR ({row}.member_kind = 'municipality' AND {of_place})"


@dataclass(frozen=True)
class Pupil:
    """The row is that of a pupil whom the act itself names."""

    def opens(self, row: str) -> str:
        """Return the condition."""
        return f"{row}.pupil_id = ANY ({told_list(units.PUPILS)})"


@dataclass(frozen=True)
class Everybody:
    """The row is nobody's: whoever acts in the register writes it."""

    def opens(self, row: str) -> str:
        """Return the condition."""
        return IS_SOMEBODY


class Through:
    """The row belongs to a row of another table, and is as open as that.

    Parameters
    ----------
    parent
        The other table.
    columns
        By which the two are joined; they are named alike in both.
    is_optional
        A row without a parent is open on this way.
    """

    def __init__(self, parent: Table, *columns: str, is_optional: bool = False) -> None:
        self.parent, self.columns, self.is_optional = parent, columns, is_optional

    def opens(self, row: str) -> str:
        """Return the condition; the policies of the other table hold inside it."""
        above = f"of_{self.parent.name}"
        joined = " AND ".join(f"{above}.{column} = {row}.{column}" for column in self.columns)
        scope = SCOPES[self.parent]
        if scope.is_open:  # seen by everybody, so that to see it proves nothing
            joined += f" AND ({scope.own(above)})"
        found = f"EXISTS (SELECT 1 FROM {self.parent.name} AS {above} WHERE {joined})"  # noqa: S608  (declared names)
        return f"{row}.{self.columns[0]} IS NULL OR {found}" if self.is_optional else found


class Scope:
    """Whose the rows of a table are.

    Parameters
    ----------
    ways
        One of them opens a row to be seen, changed and removed.
    adds
        All of them must lead to the person's units where a row is added; the ways themselves, one of which is enough, where
        none is given.
    levels
        Whose level opens every row, beside an operation of the register itself.
    is_open
        Everybody who acts in the register may see the rows: they are of no pupil and no person's affair.
    """

    def __init__(
        self,
        *ways: Way,
        adds: tuple[Way, ...] = (),
        levels: frozenset[Level] = frozenset({"state"}),
        is_open: bool = False,
    ) -> None:
        self.ways, self.adds, self.levels, self.is_open = ways, adds, levels, is_open

    def _whole(self) -> str:
        levels = ", ".join(f"'{level}'" for level in sorted({*self.levels, "all"}))
        return f"(SELECT {told(units.LEVEL)} IN ({levels}))"  # once for all rows

    def own(self, row: str) -> str:
        """Return the condition of the rows that are the person's."""
        return " OR ".join([self._whole(), *(f"({way.opens(row)})" for way in self.ways)])

    def seen(self, row: str) -> str:
        """Return the condition of the rows that can be seen."""
        own = IS_SOMEBODY if self.is_open else self.own(row)
        return f"{own} OR (SELECT {told(units.LOOKS)} = '{units.EVERYWHERE}')"

    def added(self, row: str) -> str:
        """Return the condition of the rows that can be added."""
        if not self.adds:
            return self.own(row)
        return f"{self._whole()} OR ({' AND '.join(f'({way.opens(row)})' for way in self.adds)})"


STEWARD_TOO: frozenset[Level] = frozenset({"state", "steward"})
OF_PLAN = Through(plans.PLAN, "plan_id")
OF_ORDER = Through(papers.DIRECTOR_ORDER, "order_id")

SCOPES: Mapping[Table, Scope] = {
    CAPACITY: Scope(School(), is_open=True),
    # pupils and papers
    papers.PUPIL: Scope(Pupil(), Through(papers.STAY, "pupil_id"), Through(plans.PLAN, "pupil_id"), levels=STEWARD_TOO),
    papers.STAY: Scope(School(), levels=STEWARD_TOO),
    # A consent goes with its plan to another school; by the pupil too, lest its number alone open it.
    papers.CONSENT: Scope(
        School(), Through(plans.PLAN, "consent_id", "pupil_id"), adds=(School(),), levels=STEWARD_TOO
    ),
    papers.DIRECTOR_ORDER: Scope(School()),
    papers.ORDER_EDUCATOR: Scope(OF_ORDER),
    papers.ORDER_PLAN: Scope(OF_ORDER),
    papers.ORDER_ACKNOWLEDGEMENT: Scope(OF_ORDER),
    papers.ORDER_PUPIL: Scope(OF_ORDER),
    papers.CERTIFICATE: Scope(School(), Through(plans.PLAN, "pupil_id"), adds=(School(),)),
    papers.CERTIFICATE_AREA: Scope(Through(papers.CERTIFICATE, "certificate_id")),
    # plans
    plans.PLAN: Scope(School()),
    plans.PLAN_RISK: Scope(OF_PLAN),
    plans.PLAN_MEASURE: Scope(OF_PLAN),
    plans.MEASURE_RISK: Scope(
        Through(plans.PLAN_MEASURE, "plan_measure_id"),
        adds=(Through(plans.PLAN_MEASURE, "plan_measure_id"), Through(plans.PLAN_RISK, "risk_id")),
    ),
    plans.PLAN_STEP: Scope(OF_PLAN),
    plans.PLAN_MOVE: Scope(OF_PLAN, School("from_school_id"), adds=(OF_PLAN, School("from_school_id"))),
    plans.ASSESSMENT: Scope(OF_PLAN),
    plans.ANSWER: Scope(School()),
    plans.NOTICE: Scope(School()),
    # services: the school's that gave them, and the one's that has the plan now
    services.CONSULTATION: Scope(School(), OF_PLAN, adds=(School(), OF_PLAN)),
    services.COMPENSATION: Scope(School(), OF_PLAN, adds=(School(), OF_PLAN)),
    services.EXPENSE: Scope(Through(services.COMPENSATION, "compensation_id")),
    services.CONTACT: Scope(School(), OF_PLAN, adds=(School(), Through(plans.PLAN, "plan_id", is_optional=True))),
    # of municipalities and the programme
    services.EVENT: Scope(Municipality(), is_open=True),
    services.EVENT_SCHOOL: Scope(Through(services.EVENT, "event_id"), is_open=True),
    services.YOUTH_CALL: Scope(Municipality(), is_open=True),
    services.YOUTH_PROJECT: Scope(Through(services.YOUTH_CALL, "call_id"), is_open=True),
    places.INSTITUTION: Scope(levels=STEWARD_TOO, is_open=True),
    places.MEMBERSHIP: Scope(levels=STEWARD_TOO, is_open=True),
    places.COOPERATION: Scope(levels=STEWARD_TOO, is_open=True),
    places.PARTNER: Scope(Municipality(), levels=STEWARD_TOO, is_open=True),
    places.STAFF: Scope(School(), levels=STEWARD_TOO),
    places.BUDGET: Scope(Member()),
    places.PRACTICE_NOTE: Scope(Municipality(), is_open=True),
    places.RULE_CHANGE: Scope(is_open=True),
    # the register's own book-keeping
    places.COUNTER: Scope(Everybody(), is_open=True),
    places.REQUEST: Scope(Everybody(), is_open=True),
}


STAYS = (
    "CREATE FUNCTION unit_stays() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE insufficient_privilege USING MESSAGE = 'a row stays with what it belongs to'; END $$"
)


def _staying(name: str, scope: Scope) -> Iterator[str]:
    """Yield the trigger of a table whose rows have several ways: it keeps the columns of those that lead through a row."""
    columns = sorted({column for way in scope.ways if isinstance(way, Through) for column in way.columns})
    if len(scope.ways) > 1 and columns:
        is_other = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in columns)
        yield (
            f"CREATE TRIGGER unit_stays BEFORE UPDATE OF {', '.join(columns)} ON {name} FOR EACH ROW "
            f"WHEN (({is_other}) AND {told(units.LEVEL)} IS DISTINCT FROM 'all') EXECUTE FUNCTION unit_stays()"
        )


def policies() -> Iterator[str]:
    """Yield the statements that bind every table to its scope."""
    yield STAYS
    for table, scope in SCOPES.items():
        name = table.name
        own, added = scope.own(name), scope.added(name)
        yield f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"
        yield f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY"
        yield f"CREATE POLICY unit_sees ON {name} FOR SELECT USING ({scope.seen(name)})"
        yield f"CREATE POLICY unit_adds ON {name} FOR INSERT WITH CHECK ({added})"
        yield f"CREATE POLICY unit_changes ON {name} FOR UPDATE USING ({own}) WITH CHECK ({own})"
        yield f"CREATE POLICY unit_removes ON {name} FOR DELETE USING ({own})"
        yield from _staying(name, scope)
