"""What somebody may read of plans: cut to role and relation here, before any page or file sees it.

Teachers see plans of their class, or that name them; support staff and the head all of the school; the municipality and the
state a plan by its code alone, without names, words or sensitive risks. Words on a sensitive risk are read by support staff.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, and_, false, func, or_, select

from riskmodel.register.people import Grant, Person
from riskmodel.support.catalogue import catalogue
from riskmodel.support.schema.papers import CERTIFICATE, CONSENT, DIRECTOR_ORDER
from riskmodel.support.schema.places import INSTITUTION
from riskmodel.support.schema.plans import (
    ANSWER,
    ASSESSMENT,
    MEASURE_RISK,
    PLAN,
    PLAN_MEASURE,
    PLAN_RISK,
    PLAN_STEP,
)
from riskmodel.support.schema.services import COMPENSATION, CONSULTATION, CONTACT
from riskmodel.support.semesters import Semester, semester_of

Reader = Literal["support", "director", "teacher", "municipality", "state"]
Phase = Literal["start", "middle", "end"]
ABOVE_THE_SCHOOL: frozenset[Reader] = frozenset({"municipality", "state"})
START_DAYS, END_DAYS = 42, 21
SOON_DAYS = 14
LIVE = ("DRAFT", "IN_APPROVAL", "APPROVED", "IN_PROGRESS", "SUSPENDED", "UNDER_REVISION")


@dataclass(frozen=True)
class Listed:
    """A plan in a list; ``tasks`` are codes of what waits for this person."""

    plan: Row[Any]
    reader: Reader
    consultations: int
    tasks: tuple[str, ...]


@dataclass(frozen=True)
class Tasks:
    """The plans of a semester that somebody acts on, and what waits beside them."""

    term: Semester
    phase: Phase
    plans: tuple[Listed, ...]
    unacknowledged: tuple[Row[Any], ...]
    compensations: tuple[Row[Any], ...]
    orders: tuple[Row[Any], ...]


@dataclass(frozen=True)
class Plan:
    """One plan as one reader may see it."""

    plan: Row[Any]
    reader: Reader
    is_writer: bool
    institution: Row[Any] | None
    consent: Row[Any]
    risks: Sequence[dict[str, Any]]
    hidden_risks: int
    measures: Sequence[dict[str, Any]]
    consultations: Sequence[Row[Any]]
    compensations: Sequence[Row[Any]]
    contacts: Sequence[Row[Any]]
    assessments: Sequence[Row[Any]]
    steps: Sequence[Row[Any]]
    certificates: Sequence[Row[Any]] = field(default=())


def phase_of(on: date) -> Phase:
    """Return in which part of its semester a day lies.

    >>> phase_of(date(2024, 9, 20)), phase_of(date(2024, 11, 20)), phase_of(date(2024, 12, 15))
    ('start', 'middle', 'end')
    """
    term = semester_of(on)
    if (on - term.first_on).days < START_DAYS:
        return "start"
    return "end" if (term.last_on - on).days < END_DAYS else "middle"


def holding(person: Person, on: date) -> list[Grant]:
    """Return the roles that somebody holds on a day."""
    return [grant for grant in person.grants if grant.holds_on(on)]


def tasks_of(connection: Connection, person: Person, on: date) -> Tasks:
    """Return what somebody has to do with plans on a day: those of the day's semester, and earlier ones still open."""
    term, grants = semester_of(on), holding(person, on)
    seen = _seen_by(person, grants, on)
    # Counted plan by plan, of the few that are shown: grouped, it would count those of the whole state first.
    held = (
        select(func.count())
        .where(CONSULTATION.c.plan_id == PLAN.c.plan_id, CONSULTATION.c.cancelled_at.is_(None))
        .scalar_subquery()
    )
    rows = connection.execute(
        select(PLAN, held.label("held"))
        .where(seen, PLAN.c.status.in_(LIVE), _until(term))
        .order_by(PLAN.c.school_year, PLAN.c.semester, PLAN.c.plan_id)
    ).all()
    listed = tuple(_listed(row, person, grants, on) for row in rows)
    return Tasks(
        term,
        phase_of(on),
        listed,
        _unacknowledged(connection, person, on),
        _compensations(connection, person, grants, on),
        _orders(connection, grants, on),
    )


def _until(term: Semester) -> ColumnElement[bool]:
    return or_(
        PLAN.c.school_year < term.year,
        and_(PLAN.c.school_year == term.year, PLAN.c.semester <= term.half),
    )


def _schools(grants: Sequence[Grant], *roles: str) -> list[str]:
    return sorted({grant.school_id for grant in grants if grant.role in roles and grant.school_id is not None})


def _seen_by(person: Person, grants: Sequence[Grant], on: date) -> ColumnElement[bool]:
    """Return the condition of the plans that somebody acts on."""
    whole = _schools(grants, "support_staff", "director")
    taught = _schools(grants, "class_teacher", "subject_teacher")
    conditions: list[ColumnElement[bool]] = [PLAN.c.school_id.in_(whole)] if whole else []
    if taught:
        named = select(PLAN_MEASURE.c.plan_id).where(PLAN_MEASURE.c.provider == person.login)
        own = or_(PLAN.c.preparer == person.login, PLAN.c.supervisor == person.login, PLAN.c.plan_id.in_(named))
        conditions.append(and_(PLAN.c.school_id.in_(taught), own))
    conditions += [
        and_(PLAN.c.school_id == grant.school_id, PLAN.c.class_code == grant.class_code)
        for grant in grants
        if grant.role == "class_teacher"
    ]
    for grant in grants:
        if grant.role == "municipality":
            of_place = _schools_of(grant.municipality_code or "", on)
            conditions.append(and_(PLAN.c.waits_for == "municipality", PLAN.c.school_id.in_(of_place)))
        if grant.role == "state":
            conditions.append(PLAN.c.waits_for == "state")
    return or_(*conditions) if conditions else false()


def _schools_of(municipality_code: str, on: date) -> Any:
    return select(INSTITUTION.c.school_id).where(
        INSTITUTION.c.municipality_code == municipality_code,
        INSTITUTION.c.valid_from <= on,
        or_(INSTITUTION.c.valid_to.is_(None), INSTITUTION.c.valid_to > on),
    )


def _listed(row: Row[Any], person: Person, grants: Sequence[Grant], on: date) -> Listed:
    reader = _reader(row, person, grants)
    is_writer = _is_writer(row, person, grants)
    tasks = []
    if row.status in {"DRAFT", "UNDER_REVISION"} and is_writer:
        tasks.append("submit")
    if row.status == "IN_APPROVAL" and row.waits_for == _level_of(reader):
        tasks.append("approve")
    term = Semester(row.school_year, row.semester)
    if row.status == "APPROVED" and is_writer and (on - row.approved_on).days > SOON_DAYS:
        tasks.append("begin_support")
    if row.status == "IN_PROGRESS" and is_writer and (term.last_on - on).days < END_DAYS:
        tasks.append("close")
    return Listed(row, reader, row.held, tuple(tasks))


def _level_of(reader: Reader) -> str:
    return reader if reader in {"director", "municipality", "state"} else ""


def _reader(plan: Row[Any], person: Person, grants: Sequence[Grant]) -> Reader:
    held = {grant.role for grant in grants if grant.school_id == plan.school_id}
    if "support_staff" in held:
        return "support"
    if "director" in held:
        return "director"
    if held & {"class_teacher", "subject_teacher"}:
        return "teacher"
    return "state" if any(grant.role == "state" for grant in grants) and plan.waits_for == "state" else "municipality"


def _is_writer(plan: Row[Any], person: Person, grants: Sequence[Grant]) -> bool:
    held = {grant.role for grant in grants if grant.school_id == plan.school_id}
    is_named = person.login in {plan.preparer, plan.supervisor}
    return "support_staff" in held or (is_named and bool(held & {"class_teacher", "subject_teacher"}))


def _unacknowledged(connection: Connection, person: Person, on: date) -> tuple[Row[Any], ...]:
    held = CONSULTATION.c
    is_open = or_(
        and_(held.mode == "remote", held.acknowledgement_kind.is_(None)),
        and_(held.mode == "in_person", held.is_signed == 0),
    )
    return tuple(
        connection.execute(
            select(CONSULTATION, PLAN.c.plan_code, PLAN.c.pupil_id)
            .join(PLAN, PLAN.c.plan_id == held.plan_id)
            .where(held.provider == person.login, held.cancelled_at.is_(None), is_open, held.happened_on <= on)
            .order_by(held.happened_on)
            .limit(50)
        ).all()
    )


def _compensations(connection: Connection, person: Person, grants: Sequence[Grant], on: date) -> tuple[Row[Any], ...]:
    """Return what waits for a decision of the municipality (or of the state, of its own schools), by plan code."""
    asked = COMPENSATION.c
    conditions: list[ColumnElement[bool]] = []
    for grant in grants:
        if grant.role == "municipality":
            own = _schools_of(grant.municipality_code or "", on).where(INSTITUTION.c.institution_kind != "state_vet")
            conditions.append(and_(asked.state == "awaiting", asked.school_id.in_(own)))
        if grant.role == "state":
            own = select(INSTITUTION.c.school_id).where(INSTITUTION.c.institution_kind == "state_vet")
            conditions.append(and_(asked.state == "awaiting", asked.school_id.in_(own)))
    heads = _schools(grants, "director")
    if heads:
        conditions.append(and_(asked.state == "granted", asked.school_id.in_(heads)))
    if not conditions:
        return ()
    return tuple(
        connection.execute(
            select(COMPENSATION, PLAN.c.plan_code)
            .join(PLAN, PLAN.c.plan_id == asked.plan_id)
            .where(or_(*conditions))
            .order_by(asked.month, asked.compensation_id)
            .limit(200)
        ).all()
    )


def _orders(connection: Connection, grants: Sequence[Grant], on: date) -> tuple[Row[Any], ...]:
    heads = _schools(grants, "director")
    if not heads:
        return ()
    order = DIRECTOR_ORDER.c
    return tuple(
        connection.execute(
            select(DIRECTOR_ORDER)
            .where(order.school_id.in_(heads), order.valid_to > on, order.valid_to <= on + timedelta(days=SOON_DAYS))
            .order_by(order.valid_to)
        ).all()
    )


def plan_of(connection: Connection, person: Person, code: str, on: date) -> Plan | None:
    """Return a plan as somebody may see it; None when there is none of the code, or it is not theirs."""
    plan = connection.execute(select(PLAN).where(PLAN.c.plan_code == code)).one_or_none()
    if plan is None:
        return None
    grants = holding(person, on)
    institution = connection.execute(
        select(INSTITUTION).where(
            INSTITUTION.c.school_id == plan.school_id,
            INSTITUTION.c.valid_from <= on,
            or_(INSTITUTION.c.valid_to.is_(None), INSTITUTION.c.valid_to > on),
        )
    ).one_or_none()
    reader = _may_read(connection, plan, institution, person, grants)
    if reader is None:
        return None
    found = _cut(connection, plan, reader, _is_writer(plan, person, grants), institution)
    return replace(found, measures=_own_measures(found.measures, person)) if reader == "teacher" else found


def _may_read(
    connection: Connection,
    plan: Row[Any],
    institution: Row[Any] | None,
    person: Person,
    grants: Sequence[Grant],
) -> Reader | None:
    held = {grant.role for grant in grants if grant.school_id == plan.school_id}
    if "support_staff" in held:
        return "support"
    if "director" in held:
        return "director"
    if held & {"class_teacher", "subject_teacher"}:
        classes = {g.class_code for g in grants if g.role == "class_teacher" and g.school_id == plan.school_id}
        named = select(func.count()).where(
            PLAN_MEASURE.c.plan_id == plan.plan_id, PLAN_MEASURE.c.provider == person.login
        )
        is_named = person.login in {plan.preparer, plan.supervisor} or bool(connection.scalar(named))
        if is_named or (plan.class_code is not None and plan.class_code in classes):
            return "teacher"
    return None if plan.status in {"DRAFT", "INACTIVE"} else _above_the_school(institution, grants)


def _own_measures(measures: Sequence[dict[str, Any]], person: Person) -> list[dict[str, Any]]:
    """Return measures without the compensations that others entered: what a family can pay is no teacher's affair."""
    economic = {measure.code for measure in catalogue().measures if measure.kind == "compensation"}
    return [row for row in measures if row["measure_code"] not in economic or row["recorded_by"] == person.login]


def _above_the_school(institution: Row[Any] | None, grants: Sequence[Grant]) -> Reader | None:
    """Return as whom somebody above the school reads a plan; a draft or a deleted one is not their affair."""
    if any(grant.role == "state" for grant in grants):
        return "state"
    places = {grant.municipality_code for grant in grants if grant.role == "municipality"}
    if institution is not None and institution.municipality_code in places:
        return "municipality"
    return None


def _cut(connection: Connection, plan: Row[Any], reader: Reader, is_writer: bool, institution: Row[Any] | None) -> Plan:
    risks = connection.execute(
        select(PLAN_RISK).where(PLAN_RISK.c.plan_id == plan.plan_id).order_by(PLAN_RISK.c.risk_code)
    ).all()
    shown = [_risk(row, reader) for row in risks if reader not in ABOVE_THE_SCHOOL or not row.is_sensitive]
    codes = {risk["risk_id"]: risk["risk_code"] for risk in shown}
    links = connection.execute(
        select(MEASURE_RISK)
        .join(PLAN_MEASURE, PLAN_MEASURE.c.plan_measure_id == MEASURE_RISK.c.plan_measure_id)
        .where(PLAN_MEASURE.c.plan_id == plan.plan_id)
    ).all()
    measures = [
        {
            **row._mapping,
            "risk_codes": sorted(
                codes[link.risk_id]
                for link in links
                if link.plan_measure_id == row.plan_measure_id and link.risk_id in codes
            ),
        }
        for row in _of_plan(connection, PLAN_MEASURE, plan, PLAN_MEASURE.c.plan_measure_id)
    ]
    is_above = reader in ABOVE_THE_SCHOOL
    return Plan(
        plan,
        reader,
        is_writer,
        institution,
        connection.execute(select(CONSENT).where(CONSENT.c.consent_id == plan.consent_id)).one(),
        shown,
        len(risks) - len(shown),
        measures,
        _of_plan(connection, CONSULTATION, plan, CONSULTATION.c.happened_on.desc()),
        () if reader == "teacher" else _of_plan(connection, COMPENSATION, plan, COMPENSATION.c.month),
        _of_plan(connection, CONTACT, plan, CONTACT.c.happened_on),
        () if is_above else _of_plan(connection, ASSESSMENT, plan, ASSESSMENT.c.assessor),
        _of_plan(connection, PLAN_STEP, plan, PLAN_STEP.c.step_id),
        () if is_above or reader == "teacher" else _certificates(connection, plan),
    )


def _risk(row: Row[Any], reader: Reader) -> dict[str, Any]:
    may_read_words = reader == "support" or not row.is_sensitive
    words = row.justification if may_read_words and reader not in ABOVE_THE_SCHOOL else None
    return {
        **row._mapping,
        "justification": words,
        "is_justified": bool(row.justification),
        "is_withheld": bool(row.justification) and words is None,
    }


def _of_plan(connection: Connection, table: Any, plan: Row[Any], order: Any) -> Sequence[Row[Any]]:
    return connection.execute(select(table).where(table.c.plan_id == plan.plan_id).order_by(order)).all()


def _certificates(connection: Connection, plan: Row[Any]) -> Sequence[Row[Any]]:
    return connection.execute(
        select(CERTIFICATE).where(CERTIFICATE.c.pupil_id == plan.pupil_id).order_by(CERTIFICATE.c.issued_on.desc())
    ).all()


def consents_of(connection: Connection, pupil_id: str, school_id: str, term: Semester) -> Sequence[Row[Any]]:
    """Return the consents to a plan in a school and semester that were not withdrawn, the newest first."""
    own = CONSENT.c
    return connection.execute(
        select(CONSENT)
        .where(
            own.pupil_id == pupil_id,
            own.school_id == school_id,
            own.school_year == term.year,
            own.semester == term.half,
            own.paper_kind == "consent",
            own.withdrawn_on.is_(None),
        )
        .order_by(own.consent_id.desc())
    ).all()


def plans_of_pupil(connection: Connection, pupil_id: str, school_id: str) -> Sequence[Row[Any]]:
    """Return the plans of a pupil that a school holds and that were not deleted, the newest first."""
    return connection.execute(
        select(PLAN)
        .where(PLAN.c.pupil_id == pupil_id, PLAN.c.school_id == school_id, PLAN.c.status != "INACTIVE")
        .order_by(PLAN.c.school_year.desc(), PLAN.c.semester.desc())
    ).all()


def answers_of(
    connection: Connection, pupil_id: str, school_id: str, term: Semester
) -> dict[tuple[str, str], Row[Any]]:
    """Return what was answered to the proposal of a semester, by kind and code of the line."""
    own = ANSWER.c
    rows = connection.execute(
        select(ANSWER)
        .where(
            own.pupil_id == pupil_id,
            own.school_id == school_id,
            own.school_year == term.year,
            own.semester == term.half,
        )
        .order_by(own.answer_id)
    )
    return {(row.line_kind, row.line_code): row for row in rows}
