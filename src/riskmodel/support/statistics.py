"""How many plans, and how many pupils have them: by semester, place, programme, risk, measure, stage, status and decision.

A plan counts when it was approved at least once and was not deleted since; a suspended one counts, and its status tells it
apart. A plan that went to another school counts once, at the school that holds it; its municipality is the one to which that
school belonged on the first day of the plan. Of each table the plans are counted and the pupils: a pupil with two plans
is one pupil.

Plans of the parts add up to the total wherever a plan is of one part only (by semester, place, programme, stage, class,
status, decision). They do not by risk and by measure, for a plan has several. Pupils never add up: a pupil may have a
plan here and another there, and is one in the total, which is a count of its own.

Counted are the rows that the connection may see: where the data base shows somebody the rows of the own units alone, the whole
state is read by :class:`riskmodel.register.units.Whole` or by the state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)

from riskmodel.errors import UsageError
from riskmodel.messages import Message, message, plural
from riskmodel.support.catalogue import catalogue
from riskmodel.support.periods import WHOLE_STATE, Period, Scope
from riskmodel.support.schema.places import INSTITUTION
from riskmodel.support.schema.plans import MEASURE_RISK, PLAN, PLAN_MEASURE, PLAN_RISK

Part = str | int | None
Key = tuple[Part, ...]
"""The values of the dimensions of a row, in their order; None where the register holds none."""
Question = Select[*tuple[Any, ...]]
T = TypeVar("T")


@dataclass(frozen=True, order=True)
class PlansAndPupils:
    """Plans, and the different pupils whose plans they are. There is no one number without the other.

    >>> PlansAndPupils(plans=286, pupils=181)
    PlansAndPupils(plans=286, pupils=181)
    >>> PlansAndPupils(plans=1, pupils=2)
    Traceback (most recent call last):
        ...
    ValueError: 1 plans cannot be those of 2 pupils
    """

    plans: int
    pupils: int

    def __post_init__(self) -> None:
        if not 0 <= self.pupils <= self.plans or (self.plans > 0) != (self.pupils > 0):
            raise ValueError(f"{self.plans} plans cannot be those of {self.pupils} pupils")

    def words(self) -> Message:
        """Return both counts in words.

        >>> PlansAndPupils(21, 10).words().in_language("lv")
        '21 individuālais atbalsta plāns, 10 izglītojamo'
        """
        return message("{plans}, {pupils}", plans=plans_words(self.plans), pupils=pupils_words(self.pupils))


def plans_words(count: int) -> Message:
    """Return a count of plans in words."""
    return plural("{count} individual support plan", "{count} individual support plans", count)


def pupils_words(count: int) -> Message:
    """Return a count of pupils in words.

    >>> [pupils_words(count).in_language("lv") for count in (1, 2, 10, 11, 21, 27)][:3]
    ['1 izglītojamais', '2 izglītojamie', '10 izglītojamo']
    """
    return plural("{count} pupil helped", "{count} pupils helped", count)


@dataclass(frozen=True)
class Tabled(Generic[T]):
    """A statistic by parts, and of the whole: ``total`` is a count of its own and no sum of ``rows``."""

    period: Period
    scope: Scope
    by: tuple[str, ...]
    total: T
    rows: Mapping[Key, T]

    @property
    def do_plans_add_up(self) -> bool:
        """Whether the plans of the rows are together those of the total: not where a plan is in several rows."""
        return not any(DIMENSIONS[name].is_of_several for name in self.by)


@dataclass(frozen=True)
class Dimension:
    """What a table can be divided by: its columns, and the tables beside the plans that they stand in."""

    columns: Callable[[FromClause], tuple[ColumnElement[Any], ...]]
    needs: str = ""

    @property
    def is_of_several(self) -> bool:
        """Whether a plan can be in several parts."""
        return bool(self.needs)


def _own(*names: str) -> Callable[[FromClause], tuple[ColumnElement[Any], ...]]:
    return lambda plans: tuple(plans.c[name] for name in names)


@cache
def _way() -> ColumnElement[Any]:
    groups = {measure.code: measure.group for measure in catalogue().measures}
    return case(groups, value=PLAN_MEASURE.c.measure_code)


DIMENSIONS: Mapping[str, Dimension] = {
    "school_year": Dimension(_own("school_year")),
    "semester": Dimension(_own("school_year", "semester")),
    "municipality": Dimension(_own("municipality_code")),
    "school": Dimension(_own("school_id")),
    "institution_kind": Dimension(_own("institution_kind")),
    "programme": Dimension(_own("programme")),
    "stage": Dimension(_own("stage_kind", "stage_number")),
    "class": Dimension(_own("class_code")),
    "status": Dimension(_own("status")),
    "decision": Dimension(_own("decision")),
    "risk_group": Dimension(lambda _: (func.substr(PLAN_RISK.c.risk_code, 1, 2, type_=Text),), "risk"),
    "risk": Dimension(lambda _: (PLAN_RISK.c.risk_code,), "risk"),
    "way": Dimension(lambda _: (_way(),), "measure"),
    "measure": Dimension(lambda _: (PLAN_MEASURE.c.measure_code,), "measure"),
}
"""By name. ``semester`` and ``stage`` give two values of a key each: year and half, kind and number. With a risk and a measure
together, a plan is in a row when a measure of that kind answers a risk of that kind."""


def count_plans(
    connection: Connection, period: Period, scope: Scope = WHOLE_STATE, by: Sequence[str] = ()
) -> Tabled[PlansAndPupils]:
    """Return plans and pupils by any of ``DIMENSIONS``, and of the whole; one question to the data base.

    Raises
    ------
    UsageError
        For a dimension that there is not, or classes without their schools.
    """
    check_dimensions(by, DIMENSIONS)
    if "class" in by and "school" not in by and scope.school_id is None:
        raise UsageError(
            message("A class belongs to a school."),
            found=message("Classes are asked for without schools: the 9.a of all schools would be one."),
            remedy=message("Ask for classes of one school, or by school and class."),
        )
    plans = counted(period, scope)
    needs = {DIMENSIONS[name].needs for name in by}
    beside = _beside(plans, needs)
    is_of_several = bool(needs - {""})
    number = func.count(plans.c.plan_id.distinct()) if is_of_several else func.count()
    pupils = func.count(plans.c.pupil_id.distinct())
    return tabled(
        connection,
        Asked(period, scope, tuple(by)),
        plans,
        lambda dimensions: select(*dimensions, number, pupils).select_from(beside),
        lambda row: PlansAndPupils(*row),
        of_all=select(func.count(), pupils).select_from(plans),
    )


def check_dimensions(by: Sequence[str], known: Iterable[str]) -> None:
    """Refuse a dimension that a statistic does not have.

    Raises
    ------
    UsageError
        With those that there are.
    """
    known = list(known)
    if unknown := sorted(set(by) - set(known)):
        raise UsageError(
            message("A statistic is divided by what it knows."),
            found=message("It does not know: {names}.", names=", ".join(unknown)[:80]),
            remedy=message("Choose among: {names}.", names=", ".join(known)),
        )


def _beside(plans: CTE, needs: set[str]) -> FromClause:
    """Return the plans beside their risks and measures; a plan that has none stays."""
    if {"risk", "measure"} <= needs:
        return (
            plans.outerjoin(PLAN_MEASURE, PLAN_MEASURE.c.plan_id == plans.c.plan_id)
            .outerjoin(MEASURE_RISK, MEASURE_RISK.c.plan_measure_id == PLAN_MEASURE.c.plan_measure_id)
            .outerjoin(PLAN_RISK, PLAN_RISK.c.risk_id == MEASURE_RISK.c.risk_id)
        )
    if "risk" in needs:
        return plans.outerjoin(PLAN_RISK, PLAN_RISK.c.plan_id == plans.c.plan_id)
    if "measure" in needs:
        return plans.outerjoin(PLAN_MEASURE, PLAN_MEASURE.c.plan_id == plans.c.plan_id)
    return plans


# --- what all statistics of plans stand on


@dataclass(frozen=True)
class Asked:
    """What a statistic was asked for."""

    period: Period
    scope: Scope
    by: tuple[str, ...]


def counted(period: Period, scope: Scope = WHOLE_STATE) -> CTE:
    """Return the plans that count, each once, with the municipality and kind of its school on the plan's first day."""
    wanted = select(
        *(PLAN.c[name] for name in _KEPT), INSTITUTION.c.municipality_code, INSTITUTION.c.institution_kind
    ).select_from(PLAN.outerjoin(INSTITUTION, was_on(PLAN.c.school_id, PLAN.c.started_on)))
    counts = (PLAN.c.approved_on.is_not(None), PLAN.c.status != "INACTIVE")
    return wanted.where(*counts, within(PLAN, period), *plans_of(scope)).cte("counted")


def plans_of(scope: Scope) -> list[ColumnElement[bool]]:
    """Return the conditions that a plan, beside the row of its school on its first day, is asked for."""
    of_programme = [] if scope.programme is None else [PLAN.c.programme == scope.programme]
    return [*of_programme, *in_place(scope, PLAN.c.school_id)]


def in_place(scope: Scope, school_id: ColumnElement[Any]) -> list[ColumnElement[bool]]:
    """Return the conditions that a school, beside its row of ``institution``, lies where is asked for."""
    conditions: list[ColumnElement[bool]] = []
    if scope.school_id is not None:
        conditions.append(school_id == scope.school_id)
    if scope.municipality_code is not None:
        conditions.append(INSTITUTION.c.municipality_code == scope.municipality_code)
    return conditions


_KEPT = (
    "plan_id",
    "pupil_id",
    "school_id",
    "class_code",
    "stage_kind",
    "stage_number",
    "programme",
    "school_year",
    "semester",
    "status",
    "decision",
    "started_on",
    "approved_on",
    "preparation_cents",
)


def was_on(school_id: ColumnElement[Any], on: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that a row of ``institution`` tells what a school was on a day."""
    return and_(
        INSTITUTION.c.school_id == school_id,
        INSTITUTION.c.valid_from <= on,
        or_(INSTITUTION.c.valid_to.is_(None), INSTITUTION.c.valid_to > on),
    )


def within(table: FromClause, period: Period) -> ColumnElement[bool]:
    """Return the condition that a row with a semester lies in a period."""
    year, half, first, last = table.c.school_year, table.c.semester, period.first, period.last
    conditions: list[ColumnElement[bool]] = [year.between(first.year, last.year)]
    if first.half == 2:
        conditions.append(or_(year > first.year, half == 2))
    if last.half == 1:
        conditions.append(or_(year < last.year, half == 1))
    return and_(*conditions)


def tabled(
    connection: Connection,
    asked: Asked,
    plans: CTE,
    parts: Callable[[Sequence[ColumnElement[Any]]], Question],
    read: Callable[[Sequence[Any]], T],
    of_all: Question | None = None,
) -> Tabled[T]:
    """Return a statistic by parts and of the whole, by one question.

    Parameters
    ----------
    parts
        Makes the question from the columns that stand before the figures; it is grouped by them here.
    read
        Makes a figure of a row without those columns.
    of_all
        The same figures of the whole, where they are not those of ``parts`` without columns.
    """
    columns = [column for name in asked.by for column in DIMENSIONS[name].columns(plans)]
    total = of_all if of_all is not None else parts(())
    if not columns:
        return Tabled(asked.period, asked.scope, asked.by, read(connection.execute(total).one()), {})
    named = [column.label(f"part_{place}") for place, column in enumerate(columns)]
    empty = [cast(null(), column.type) for column in columns]
    figures = list(total.selected_columns)
    whole = total.with_only_columns(literal(1), *empty, *figures, maintain_column_froms=True)
    divided = parts([literal(0).label("is_whole"), *named]).group_by(*(label.name for label in named))
    rows = list(connection.execute(union_all(divided, whole)))
    width = len(columns) + 1
    (of_whole,) = [row for row in rows if row[0] == 1]
    found = {tuple(row[1:width]): read(row[width:]) for row in rows if row[0] == 0}
    ordered = dict(sorted(found.items(), key=lambda one: [(part is None, part) for part in one[0]]))
    return Tabled(asked.period, asked.scope, asked.by, read(of_whole[width:]), ordered)
