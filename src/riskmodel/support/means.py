"""Who and what there is for support, against what is planned and used: hours of providers, and money of members.

The shortage is shown as a number, and nobody who waits vanishes in it: hours without a limit, times without a number and measures
without a provider are told apart from nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection, func, literal, or_, select

from riskmodel.register.schema import Day
from riskmodel.support.catalogue import catalogue
from riskmodel.support.given import count_given
from riskmodel.support.periods import WHOLE_STATE, Period, Scope
from riskmodel.support.schema.places import BUDGET, INSTITUTION, STAFF
from riskmodel.support.schema.plans import PLAN, PLAN_MEASURE
from riskmodel.support.semesters import Semester
from riskmodel.support.statistics import in_place, plans_of, was_on, within

MINUTES_A_TIME = 40
"""How long a planned time is taken to last: a lesson. No source says it; who knows better gives another number."""
SCHOOL_DAYS_A_WEEK = 5
NOT_NEEDED = ("INACTIVE", "SUSPENDED")


@dataclass(frozen=True)
class Load:
    """The hours of support that somebody has in a semester, and those that plans ask for.

    Attributes
    ----------
    login
        Who; None for measures in which nobody is named.
    profession
        A provider's role of the catalogue.
    capacity_hours
        Of the semester; None where no limit or no entry is known.
    planned_hours
        Of the times that plans count.
    uncounted_measures
        Measures that name no number of times: their hours are not known.
    """

    school_id: str
    login: str | None
    profession: str
    capacity_hours: Decimal | None
    planned_hours: Decimal
    uncounted_measures: int

    @property
    def missing_hours(self) -> Decimal | None:
        """The gap; None where the capacity is not known. What nobody is named for is missing altogether."""
        if self.login is None:
            return self.planned_hours
        return None if self.capacity_hours is None else max(self.planned_hours - self.capacity_hours, Decimal(0))


def loads(
    connection: Connection, term: Semester, scope: Scope = WHOLE_STATE, minutes_a_time: int = MINUTES_A_TIME
) -> list[Load]:
    """Return the load of each provider in each school: all who work there, and all whom a live plan of the semester names.

    A plan asks for support from its draft on; a suspended or deleted one asks for none. Hours per week are those of the
    semester's first day or of the first day of work after it, and are given by consultations alone.
    """
    capacity = _capacity(connection, term, scope)
    asked = _asked(connection, term, scope)
    found = []
    for key in sorted({*capacity, *asked}, key=lambda one: (one[0], one[2], one[1] or "")):
        times, uncounted = asked.get(key, (0, 0))
        hours = Decimal(times * minutes_a_time) / 60
        found.append(Load(*key, capacity.get(key), hours.quantize(Decimal("0.1")), uncounted))
    return found


_Provider = tuple[str, "str | None", str]


def _capacity(connection: Connection, term: Semester, scope: Scope) -> dict[_Provider, Decimal | None]:
    weeks = Decimal(len(term.school_year.school_days(term.half))) / SCHOOL_DAYS_A_WEEK
    conditions = [
        STAFF.c.valid_from < term.next.first_on,
        or_(STAFF.c.valid_to.is_(None), STAFF.c.valid_to > term.first_on),
        *in_place(scope, STAFF.c.school_id),
    ]
    rows = connection.execute(
        select(STAFF.c.school_id, STAFF.c.login, STAFF.c.profession, STAFF.c.hours_per_week)
        .select_from(STAFF.outerjoin(INSTITUTION, was_on(STAFF.c.school_id, literal(term.first_on, Day()))))
        .where(*conditions)
        .order_by(STAFF.c.valid_from.desc())
    )
    return {
        (school, login, profession): None if hours is None else (hours * weeks).quantize(Decimal("0.1"))
        for school, login, profession, hours in rows
    }


def _asked(connection: Connection, term: Semester, scope: Scope) -> dict[_Provider, tuple[int, int]]:
    roles = {one.code: one.provider_role for one in catalogue().measures if one.kind == "consultation"}
    conditions = [
        PLAN.c.school_year == term.year,
        PLAN.c.semester == term.half,
        PLAN.c.status.not_in(NOT_NEEDED),
        PLAN_MEASURE.c.measure_code.in_(list(roles)),
        *plans_of(scope),
    ]
    key = (PLAN.c.school_id, PLAN_MEASURE.c.provider, PLAN_MEASURE.c.measure_code)
    times = PLAN_MEASURE.c.planned_times
    rows = connection.execute(
        select(*key, func.coalesce(func.sum(times), 0), func.count().filter(times.is_(None)))
        .select_from(
            PLAN.join(PLAN_MEASURE, PLAN_MEASURE.c.plan_id == PLAN.c.plan_id).outerjoin(
                INSTITUTION, was_on(PLAN.c.school_id, PLAN.c.started_on)
            )
        )
        .where(*conditions)
        .group_by(*key)
    )
    found: dict[_Provider, tuple[int, int]] = {}
    for school, login, measure, planned, uncounted in rows:
        before = found.get((school, login, roles[measure]), (0, 0))
        found[school, login, roles[measure]] = (before[0] + int(planned), before[1] + int(uncounted))
    return found


@dataclass(frozen=True)
class Means:
    """What a member has for a period, and what its plans used; ``budget_cents`` None is no data, and not nothing."""

    member_kind: str
    member_code: str
    budget_cents: int | None
    used_cents: int

    @property
    def left_cents(self) -> int | None:
        """What is left, below nothing where more was used; None where no budget was entered."""
        return None if self.budget_cents is None else self.budget_cents - self.used_cents


def budgets(
    connection: Connection, period: Period, scope: Scope = WHOLE_STATE, cents_an_hour: int | None = None
) -> list[Means]:
    """Return money and its use, by municipality and by institution.

    Every municipality that has plans or a budget stands in the list, and every institution that has a budget of its own. An
    institution's use is part of its municipality's: the two lists are not added up.

    Parameters
    ----------
    cents_an_hour
        What an hour of consultation costs; None: work is not priced, and only compensations and preparation are used.
    """
    conditions = [within(BUDGET, period)]
    if scope.programme is not None:
        conditions.append(BUDGET.c.programme == scope.programme)
    rows = connection.execute(
        select(BUDGET.c.member_kind, BUDGET.c.member_code, func.sum(BUDGET.c.cents))
        .where(*conditions)
        .group_by(BUDGET.c.member_kind, BUDGET.c.member_code)
    )
    members = _members(connection, period, scope)
    entered = {(kind, code): int(cents) for kind, code, cents in rows if members is None or (kind, code) in members}
    used = {}
    for kind, name in (("municipality", "municipality"), ("institution", "school")):
        if kind == "municipality" and scope.school_id is not None:
            continue
        for (code,), given in count_given(connection, period, scope, [name]).rows.items():
            if code is not None and (kind == "municipality" or (kind, code) in entered):
                used[kind, str(code)] = given.cents + (given.work_cents(cents_an_hour) or 0)
    return [
        Means(kind, code, entered.get((kind, code)), used.get((kind, code), 0))
        for kind, code in sorted({*entered, *used}, key=lambda key: (key[0] != "municipality", key[1]))
    ]


def _members(connection: Connection, period: Period, scope: Scope) -> set[tuple[str, str]] | None:
    """Return the municipality that is asked for and its institutions of the period, or the school; None for all."""
    if scope.school_id is not None:
        return {("institution", scope.school_id)}
    if scope.municipality_code is None:
        return None
    schools = connection.scalars(
        select(INSTITUTION.c.school_id).where(
            INSTITUTION.c.municipality_code == scope.municipality_code,
            INSTITUTION.c.valid_from < period.before,
            or_(INSTITUTION.c.valid_to.is_(None), INSTITUTION.c.valid_to > period.first_on),
        )
    )
    return {("municipality", scope.municipality_code), *(("institution", school) for school in schools)}
