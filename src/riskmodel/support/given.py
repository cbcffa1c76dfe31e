"""What was given in the plans that count: institutions, educators, consultations with their minutes, money; and how long agreement took.

All of it belongs to plans: a consultation counts in its plan's period and place, struck-out ones nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from statistics import median_low
from typing import Any

from sqlalchemy import CTE, Connection, func, select, union

from riskmodel.settings import HERE
from riskmodel.support.periods import WHOLE_STATE, Period, Scope
from riskmodel.support.schema.places import INSTITUTION
from riskmodel.support.schema.plans import PLAN, PLAN_MEASURE, PLAN_STEP
from riskmodel.support.schema.services import COMPENSATION, CONSULTATION, CONTACT
from riskmodel.support.statistics import (
    DIMENSIONS,
    Asked,
    PlansAndPupils,
    Tabled,
    check_dimensions,
    counted,
    plans_of,
    tabled,
    was_on,
    within,
)

OF_ONE_PART = tuple(name for name, dimension in DIMENSIONS.items() if not dimension.is_of_several)
"""What these statistics are divided by: dimensions of which a plan has one value."""
PAID = ("granted", "closed")
"""The states of a compensation that is paid."""
CENTS = Decimal("0.01")
FEWEST_PRICED = 10
"""With fewer plans what was spent on a measure is not told outside the schools: it would be that of single pupils."""


@dataclass(frozen=True)
class Given:
    """What stands behind plans and pupils.

    Attributes
    ----------
    institutions
        Different schools that hold these plans.
    educators
        Different people who are named in a measure of these plans, or gave a recorded consultation in one.
    consultations, minutes
        Held ones, and how long they lasted together.
    compensation_cents, preparation_cents
        Compensations granted or closed, and what was paid for preparing plans.
    """

    support: PlansAndPupils
    institutions: int
    educators: int
    consultations: int
    minutes: int
    compensation_cents: int
    preparation_cents: int

    @property
    def cents(self) -> int:
        """The money that is recorded: compensations and preparation."""
        return self.compensation_cents + self.preparation_cents

    def work_cents(self, cents_an_hour: int | None) -> int | None:
        """Return what the hours of consultations cost; None (no data) where no rate is given."""
        if cents_an_hour is None:
            return None
        return int((Decimal(self.minutes) * cents_an_hour / 60).quantize(Decimal(1), ROUND_HALF_UP))

    def euro_a_plan(self, cents_an_hour: int | None = None) -> Decimal | None:
        """Return the money for one plan in euro, with the work where a rate is given; None where there is no plan.

        >>> of_madona = Given(PlansAndPupils(286, 181), 9, 60, 0, 0, 7_469_528, 0)
        >>> of_madona.euro_a_plan()
        Decimal('261.17')
        """
        if not self.support.plans:
            return None
        cents = self.cents + (self.work_cents(cents_an_hour) or 0)
        return (Decimal(cents) / 100 / self.support.plans).quantize(CENTS, ROUND_HALF_UP)


def count_given(
    connection: Connection, period: Period, scope: Scope = WHOLE_STATE, by: Sequence[str] = ()
) -> Tabled[Given]:
    """Return what was given by any of ``OF_ONE_PART``, and of the whole.

    Raises
    ------
    UsageError
        For another dimension.
    """
    check_dimensions(by, OF_ONE_PART)
    asked = Asked(period, scope, tuple(by))
    plans = counted(period, scope)
    held, paid = _held(plans), _paid(plans)
    beside = plans.outerjoin(held, held.c.plan_id == plans.c.plan_id).outerjoin(paid, paid.c.plan_id == plans.c.plan_id)
    figures = (
        func.count(),
        func.count(plans.c.pupil_id.distinct()),
        func.count(plans.c.school_id.distinct()),
        func.coalesce(func.sum(held.c.consultations), 0),
        func.coalesce(func.sum(held.c.minutes), 0),
        func.coalesce(func.sum(paid.c.cents), 0),
        func.coalesce(func.sum(plans.c.preparation_cents), 0),
    )
    found = tabled(connection, asked, plans, lambda parts: select(*parts, *figures).select_from(beside), tuple)
    people = count_educators(connection, period, scope, by)
    return Tabled(
        period,
        scope,
        asked.by,
        _given(found.total, people.total),
        {key: _given(row, people.rows.get(key, 0)) for key, row in found.rows.items()},
    )


def _given(row: Sequence[int], educators: int) -> Given:
    plans, pupils, institutions, *rest = (int(value) for value in row)
    return Given(PlansAndPupils(plans, pupils), institutions, educators, *rest)


@dataclass(frozen=True)
class Spent:
    """What plans with a measure took together: ``minutes`` of people, and ``cents`` that were paid out; ``plans`` held it."""

    measure_code: str
    plans: int
    minutes: int
    cents: int


def spent(connection: Connection, until: date) -> list[Spent]:
    """Return what was spent on each measure that at least ``FEWEST_PRICED`` plans held, as recorded up to the end of a day.

    Consultations that were struck out, compensations that were refused and inactive plans do not count.
    """
    end = datetime.combine(until + timedelta(days=1), time(), HERE)
    plans: dict[str, set[int]] = {}
    minutes: dict[str, int] = {}
    cents: dict[str, int] = {}
    for table, used, amount, is_counted in (
        (CONSULTATION, minutes, CONSULTATION.c.minutes, CONSULTATION.c.cancelled_at.is_(None)),
        (CONTACT, minutes, func.coalesce(CONTACT.c.minutes, 0), CONTACT.c.plan_id.is_not(None)),
        (COMPENSATION, cents, COMPENSATION.c.cents, COMPENSATION.c.state.in_(PAID)),
    ):
        own = table.c
        for row in connection.execute(
            select(own.plan_id, own.measure_code, func.sum(amount).label("used"))
            .join(PLAN, PLAN.c.plan_id == own.plan_id)
            .where(is_counted, own.recorded_at < end, PLAN.c.status != "INACTIVE")
            .group_by(own.plan_id, own.measure_code)
        ):
            plans.setdefault(row.measure_code, set()).add(row.plan_id)
            used[row.measure_code] = used.get(row.measure_code, 0) + int(row.used)
    return [
        Spent(code, len(held), minutes.get(code, 0), cents.get(code, 0))
        for code, held in sorted(plans.items())
        if len(held) >= FEWEST_PRICED
    ]


def _held(plans: CTE) -> CTE:
    return (
        select(
            CONSULTATION.c.plan_id,
            func.count().label("consultations"),
            func.sum(CONSULTATION.c.minutes).label("minutes"),
        )
        .where(CONSULTATION.c.cancelled_at.is_(None), CONSULTATION.c.plan_id.in_(select(plans.c.plan_id)))
        .group_by(CONSULTATION.c.plan_id)
        .cte("held")
    )


def _paid(plans: CTE) -> CTE:
    return (
        select(COMPENSATION.c.plan_id, func.sum(COMPENSATION.c.cents).label("cents"))
        .where(COMPENSATION.c.state.in_(PAID), COMPENSATION.c.plan_id.in_(select(plans.c.plan_id)))
        .group_by(COMPENSATION.c.plan_id)
        .cte("paid")
    )


def count_educators(
    connection: Connection, period: Period, scope: Scope = WHOLE_STATE, by: Sequence[str] = ()
) -> Tabled[int]:
    """Return how many different people are named in measures of the plans, or gave recorded consultations in them.

    Who works in two schools is one person in the total.
    """
    check_dimensions(by, OF_ONE_PART)
    plans = counted(period, scope)
    columns = [column for name in by for column in DIMENSIONS[name].columns(plans)]
    # Who is seen in a part is found once; parts and whole are then counted from few rows.
    named = select(*columns, PLAN_MEASURE.c.provider).select_from(
        plans.join(PLAN_MEASURE, (PLAN_MEASURE.c.plan_id == plans.c.plan_id) & PLAN_MEASURE.c.provider.is_not(None))
    )
    gave = select(*columns, CONSULTATION.c.provider).select_from(
        plans.join(CONSULTATION, (CONSULTATION.c.plan_id == plans.c.plan_id) & CONSULTATION.c.cancelled_at.is_(None))
    )
    seen = union(named, gave).cte("seen")
    return tabled(
        connection,
        Asked(period, scope, tuple(by)),
        seen,
        lambda parts: select(*parts, func.count(seen.c.provider.distinct())).select_from(seen),
        lambda row: int(row[0]),
    )


@dataclass(frozen=True)
class Delays:
    """Days from the first submission of plans to their first approval: their median (the lower of two) and the most."""

    support: PlansAndPupils
    median_days: int | None
    most_days: int | None


def count_delays(
    connection: Connection, period: Period, scope: Scope = WHOLE_STATE, by: Sequence[str] = ()
) -> Tabled[Delays]:
    """Return how long the approval of the plans that count took, by any of ``OF_ONE_PART``, and of the whole.

    Days are counted here and not in the data base, which each count them in words of their own.
    """
    check_dimensions(by, OF_ONE_PART)
    plans = counted(period, scope)
    submitted = (
        select(PLAN_STEP.c.plan_id, func.min(PLAN_STEP.c.happened_on, type_=PLAN_STEP.c.happened_on.type).label("on"))
        .where(PLAN_STEP.c.action == "submit", PLAN_STEP.c.plan_id.in_(select(plans.c.plan_id)))
        .group_by(PLAN_STEP.c.plan_id)
        .cte("submitted")
    )
    columns = [column for name in by for column in DIMENSIONS[name].columns(plans)]
    wanted = select(*columns, plans.c.pupil_id, submitted.c.on, plans.c.approved_on).select_from(
        plans.join(submitted, submitted.c.plan_id == plans.c.plan_id)
    )
    lines: dict[tuple[Any, ...], list[tuple[str, int]]] = {}
    everything: list[tuple[str, int]] = []
    for row in connection.execute(wanted):
        *key, pupil, began, ended = row
        everything.append((pupil, (ended - began).days))
        lines.setdefault(tuple(key), []).append(everything[-1])
    rows = {
        key: _delays(lines[key])
        for key in sorted(lines, key=lambda one: [(part is None, part) for part in one])
        if columns
    }
    return Tabled(period, scope, tuple(by), _delays(everything), rows)


def _delays(lines: Sequence[tuple[str, int]]) -> Delays:
    support = PlansAndPupils(len(lines), len({pupil for pupil, _ in lines}))
    days = [count for _, count in lines]
    return Delays(support, median_low(days) if days else None, max(days, default=None))


@dataclass(frozen=True)
class Waiting:
    """Plans that wait for an agreement, and since when the longest of them does."""

    support: PlansAndPupils
    since: date


def count_waiting(connection: Connection, period: Period, scope: Scope = WHOLE_STATE) -> dict[str, Waiting]:
    """Return what waits for the director, the municipality and the state; also plans that no statistic counts yet."""
    wanted = select(
        PLAN.c.waits_for,
        func.count(),
        func.count(PLAN.c.pupil_id.distinct()),
        func.min(PLAN.c.started_on, type_=PLAN.c.started_on.type),
    ).select_from(PLAN.outerjoin(INSTITUTION, was_on(PLAN.c.school_id, PLAN.c.started_on)))
    conditions = (PLAN.c.status == "IN_APPROVAL", within(PLAN, period), *plans_of(scope))
    rows = connection.execute(wanted.where(*conditions).group_by(PLAN.c.waits_for))
    return {row[0]: Waiting(PlansAndPupils(row[1], row[2]), row[3]) for row in rows}
