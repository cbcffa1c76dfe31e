"""What happens around the plans: events for educators, contacts, youth projects, and notices of absence; each by its own day.

A notice of absence is a duty by law. It is counted here, apart from plans and from every score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, FromClause, Table, distinct, func, or_, select

from riskmodel.support.periods import WHOLE_STATE, Period, Scope
from riskmodel.support.schema.places import INSTITUTION
from riskmodel.support.schema.plans import NOTICE, PLAN
from riskmodel.support.schema.services import CONTACT, EVENT, EVENT_SCHOOL, YOUTH_CALL, YOUTH_PROJECT
from riskmodel.support.statistics import in_place, was_on, within

SUPERVISION, SEMINAR = "PA-SUP", "PA-SEM"


@dataclass(frozen=True)
class Events:
    """Events of one kind, and how many people took part in them together (who came twice counts twice)."""

    events: int = 0
    participants: int = 0


def count_events(connection: Connection, period: Period, scope: Scope = WHOLE_STATE) -> dict[str, Events]:
    """Return the events for educators by kind (``PA-SUP``, ``PA-SEM``, …).

    An event is a municipality's when it held it or when one of its schools took part; one of several municipalities is
    counted in each, and once in the state. Of a school, and of an event that another held, only those who came from there
    are counted as participants.
    """
    own = select(EVENT.c.event_id, EVENT.c.event_kind, EVENT.c.participants).where(*_event_days(period, scope))
    if scope.school_id is None and scope.municipality_code is None:
        found = own.cte("found")
    else:
        from_there = (
            select(EVENT.c.event_id, EVENT.c.event_kind, func.sum(EVENT_SCHOOL.c.participants).label("participants"))
            .select_from(_schools_of_events())
            .where(*_event_days(period, scope), *in_place(scope, EVENT_SCHOOL.c.school_id))
            .group_by(EVENT.c.event_id, EVENT.c.event_kind)
        )
        if scope.school_id is not None:
            found = from_there.cte("found")
        else:
            is_own = EVENT.c.municipality_code == scope.municipality_code
            others = from_there.where(or_(EVENT.c.municipality_code.is_(None), ~is_own))
            found = own.where(is_own).union_all(others).cte("found")
    rows = connection.execute(
        select(found.c.event_kind, func.count(), func.sum(found.c.participants))
        .group_by(found.c.event_kind)
        .order_by(found.c.event_kind)
    )
    return {kind: Events(int(events), int(participants)) for kind, events, participants in rows}


def _event_days(period: Period, scope: Scope) -> list[ColumnElement[bool]]:
    conditions = _days(EVENT, period)
    if scope.programme is not None:
        conditions.append(EVENT.c.programme == scope.programme)
    return conditions


def _schools_of_events() -> FromClause:
    return EVENT.join(EVENT_SCHOOL, EVENT_SCHOOL.c.event_id == EVENT.c.event_id).outerjoin(
        INSTITUTION, was_on(EVENT_SCHOOL.c.school_id, EVENT.c.happened_on)
    )


def _days(table: Table, period: Period) -> list[ColumnElement[bool]]:
    return [table.c.happened_on >= period.first_on, table.c.happened_on < period.before]


@dataclass(frozen=True)
class Contacts:
    """Talks or meetings of one kind, and how many took part in them together."""

    contacts: int = 0
    participants: int = 0


def count_contacts(connection: Connection, period: Period, scope: Scope = WHOLE_STATE) -> dict[str, Contacts]:
    """Return talks with families, meetings with mentors, and work with groups, by kind and by their day.

    Work with a group belongs to no plan and so to no programme: it is counted whatever programme is asked for.
    """
    conditions = [*_days(CONTACT, period), *in_place(scope, CONTACT.c.school_id)]
    if scope.programme is not None:
        conditions.append(or_(CONTACT.c.plan_id.is_(None), PLAN.c.programme == scope.programme))
    rows = connection.execute(
        select(CONTACT.c.contact_kind, func.count(), func.sum(CONTACT.c.participants))
        .select_from(
            CONTACT.outerjoin(PLAN, PLAN.c.plan_id == CONTACT.c.plan_id).outerjoin(
                INSTITUTION, was_on(CONTACT.c.school_id, CONTACT.c.happened_on)
            )
        )
        .where(*conditions)
        .group_by(CONTACT.c.contact_kind)
        .order_by(CONTACT.c.contact_kind)
    )
    return {kind: Contacts(int(contacts), int(participants)) for kind, contacts, participants in rows}


@dataclass(frozen=True)
class Youth:
    """Calls for youth projects that opened in the period, what answered them, and what was accepted.

    ``participants`` is None (no data) where no accepted project has told a number.
    """

    calls: int
    applications: int
    accepted: int
    accepted_cents: int
    participants: int | None


def count_youth_projects(connection: Connection, period: Period, scope: Scope = WHOLE_STATE) -> Youth:
    """Return the youth projects of the calls that opened in the period; a school has none."""
    conditions = [YOUTH_CALL.c.opens_on >= period.first_on, YOUTH_CALL.c.opens_on < period.before]
    if scope.programme is not None:
        conditions.append(YOUTH_CALL.c.programme == scope.programme)
    if scope.municipality_code is not None:
        conditions.append(YOUTH_CALL.c.municipality_code == scope.municipality_code)
    if scope.school_id is not None:
        return Youth(0, 0, 0, 0, None)
    project = YOUTH_PROJECT.c
    accepted = project.is_accepted == 1
    row = connection.execute(
        select(
            func.count(distinct(YOUTH_CALL.c.call_id)),
            func.count(project.project_id),
            func.count(project.project_id).filter(accepted),
            func.coalesce(func.sum(project.cents).filter(accepted), 0),
            func.sum(project.participants).filter(accepted),
        )
        .select_from(YOUTH_CALL.outerjoin(YOUTH_PROJECT, project.call_id == YOUTH_CALL.c.call_id))
        .where(*conditions)
    ).one()
    calls, applications, taken, cents, participants = row
    return Youth(calls, applications, taken, int(cents), None if participants is None else int(participants))


@dataclass(frozen=True)
class Notices:
    """Notices of absence that were sent, and about how many different pupils."""

    notices: int
    pupils: int


def count_notices(
    connection: Connection, period: Period, scope: Scope = WHOLE_STATE
) -> Mapping[tuple[int, int, str], Notices]:
    """Return the notices by school year, semester and school. They belong to no programme, and to no score."""
    conditions = [within(NOTICE, period), *in_place(scope, NOTICE.c.school_id)]
    key = (NOTICE.c.school_year, NOTICE.c.semester, NOTICE.c.school_id)
    rows = connection.execute(
        select(*key, func.count(), func.count(NOTICE.c.pupil_id.distinct()))
        .select_from(NOTICE.outerjoin(INSTITUTION, was_on(NOTICE.c.school_id, NOTICE.c.sent_on)))
        .where(*conditions)
        .group_by(*key)
        .order_by(*key)
    )
    return {(year, half, school): Notices(notices, pupils) for year, half, school, notices, pupils in rows}
