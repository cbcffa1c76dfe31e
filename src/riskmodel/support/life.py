"""The life of a plan: which step leads from which status to which, who takes it, and what must hold.

Agreed by director, municipality and state, or by fewer, as programme and kind of institution ask. A refusal in this chain is a
*return*: the plan goes back for revision with a written reason that everybody in the chain can read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from sqlalchemy import BindParameter, Row, bindparam, delete, func, select, union, update

from riskmodel.messages import message
from riskmodel.support.plans import (
    Step,
    check_version,
    links_of,
    measure_of,
    measures_of,
    need_consent,
    need_head_or_writer,
    need_writer,
    risks_of,
    takes_part,
    the_plan,
    the_programme,
    told_of,
    write_step,
)
from riskmodel.support.programmes import institution_kinds
from riskmodel.support.pupils import stay_of
from riskmodel.support.schema.papers import CONSENT
from riskmodel.support.schema.plans import (
    ASSESSMENT,
    LEVELS,
    MEASURE_RISK,
    PLAN,
    PLAN_MEASURE,
    PLAN_MOVE,
    PLAN_RISK,
    PLAN_STEP,
)
from riskmodel.support.schema.services import COMPENSATION, CONSULTATION, CONTACT
from riskmodel.support.semesters import Semester
from riskmodel.support.words import STATUS_WORDS
from riskmodel.support.work import Outcome, Work, misfit

Action = Literal["submit", "approve", "return", "suspend", "resume", "revise", "delete"]

FROM: Mapping[Action, frozenset[str]] = {
    "submit": frozenset({"DRAFT", "UNDER_REVISION"}),
    "approve": frozenset({"IN_APPROVAL"}),
    "return": frozenset({"IN_APPROVAL"}),
    "suspend": frozenset({"APPROVED", "IN_APPROVAL", "IN_PROGRESS"}),
    "resume": frozenset({"SUSPENDED"}),
    "revise": frozenset({"IN_APPROVAL", "APPROVED", "IN_PROGRESS"}),
    "delete": frozenset({"DRAFT", "APPROVED", "IN_APPROVAL", "IN_PROGRESS"}),
}
OPEN = frozenset({"APPROVED", "IN_PROGRESS"})
"""The statuses that carry support."""
TOLD_LATER: frozenset[Action] = frozenset({"suspend"})
"""The steps that follow from what happened outside the register, and may be written with its earlier day."""
NEEDS_REASON: frozenset[Action] = frozenset({"return", "suspend", "delete", "revise"})


@dataclass(frozen=True)
class MovePlan:
    """One step of a plan's life.

    Attributes
    ----------
    action
        ``submit``, ``approve``, ``return``, ``suspend``, ``resume``, ``revise`` or ``delete``.
    version
        That of the plan which the person saw.
    happened_on
        The day of the step, today where it is None; an earlier one only of an interruption.
    removes_contents
        With ``delete``: the measures, their risks and justifications are removed first.
    """

    plan_code: str
    version: int
    action: Action
    reason: str | None = None
    happened_on: date | None = None
    removes_contents: bool = False


@dataclass(frozen=True)
class ClosePlan:
    """The end of a plan: it was evaluated, and a decision was taken on how to go on."""

    plan_code: str
    version: int
    decision: str
    happened_on: date | None = None


@dataclass(frozen=True)
class HandOverPlan:
    """A plan goes with its pupil to another school, by a consent of its own."""

    plan_code: str
    version: int
    to_school_id: str
    consent_id: int
    supervisor: str
    happened_on: date | None = None


@dataclass(frozen=True)
class PayPreparation:
    """Money was used for preparing a plan: it cannot be deleted any more."""

    plan_code: str
    cents: int


@dataclass(frozen=True)
class Change:
    """What a step does to a plan."""

    status: str
    waits_for: str | None = None
    level: str | None = None


def move_plan(work: Work, command: MovePlan) -> Outcome:
    """Take one step with a plan."""
    plan = the_plan(work, command.plan_code)
    if command.action not in FROM:
        raise misfit(
            message("A plan is submitted, approved, returned, suspended, resumed, revised or deleted."),
            message("The step is none of these."),
            message("Choose one of the steps that the plan offers."),
        )
    _CHECKS[command.action](work, plan, work.today)
    check_version(work, plan, command.version)
    on = _day(work, plan, command.happened_on, is_told_later=command.action in TOLD_LATER)
    if command.action == "delete":
        _check_empty(work, plan, on, command)
    if plan.status not in FROM[command.action]:
        work.break_rule("plan_status", message("Its status is {status}.", status=STATUS_WORDS[plan.status]))
    reason = (command.reason or "").strip() or None
    if command.action in NEEDS_REASON:
        told = message("No reason is written.")
        work.hold(reason is not None, "reason_required", on, told, programme=plan.programme)
    change = _STEPS[command.action](work, plan, on)
    values: dict[str, object] = {
        "status": change.status,
        "waits_for": change.waits_for,
        "version": plan.version + 1,
    }
    if change.status == "APPROVED" and plan.approved_on is None:
        values["approved_on"] = on
    if change.status == "INACTIVE":
        values["ended_on"] = on
    work.change(PLAN, plan.plan_id, **values)
    write_step(work, plan, Step(command.action, plan.status, change.status, on, change.level, reason))
    if change.status == "APPROVED" and services_of(work, plan.plan_id):
        # Revised after its first support: it goes on, and can be closed, without waiting for another one.
        plan = work.the(PLAN, plan_id=plan.plan_id)
        start(work, plan, on)
        return told_of(plan, plan.version + 1, status="IN_PROGRESS")
    return told_of(plan, plan.version + 1, status=change.status)


def _check_empty(work: Work, plan: Row[Any], on: date, command: MovePlan) -> None:
    is_empty = not work.all(select(PLAN_RISK.c.risk_id).where(PLAN_RISK.c.plan_id == plan.plan_id))
    told = message("The plan holds risks or measures, and their removal is not confirmed.")
    is_kept = is_empty or command.removes_contents
    work.hold(is_kept, "delete_contents_first", on, told, programme=plan.programme)


def _day(work: Work, plan: Row[Any], given: date | None, *, is_told_later: bool) -> date:
    """Return the day of a step: that of its writing, or for what happens outside the register an earlier one.

    No step comes before another one or before support that was given: so no rule is escaped by an older date.
    """
    on = given or work.today
    first = _last_day(work, plan) if is_told_later else work.today
    if not first <= on <= work.today:
        raise misfit(
            message("A step lies between the last entry of the plan and today; who agrees or submits does so today."),
            message("The day that was given does not."),
            message("Correct the day."),
        )
    return on


def _last_day(work: Work, plan: Row[Any]) -> date:
    days = (
        select(func.max(PLAN_STEP.c.happened_on)).where(PLAN_STEP.c.plan_id == plan.plan_id),
        select(func.max(CONSULTATION.c.happened_on)).where(
            CONSULTATION.c.plan_id == plan.plan_id, CONSULTATION.c.cancelled_at.is_(None)
        ),
        select(func.max(CONTACT.c.happened_on)).where(CONTACT.c.plan_id == plan.plan_id),
    )
    found: list[date | None] = [work.act.connection.scalar(day) for day in days]
    return max(day for day in found if day is not None)


# --- who may


def _writer(work: Work, plan: Row[Any], _on: date) -> None:
    need_writer(work, plan)


def _head_or_writer(work: Work, plan: Row[Any], _on: date) -> None:
    need_head_or_writer(work, plan)


def _at_level(work: Work, plan: Row[Any], on: date) -> None:
    if plan.waits_for == "municipality":
        work.need("municipality", municipality_code=work.institution(plan.school_id, on).municipality_code)
    elif plan.waits_for == "state":
        work.need("state")
    else:
        work.need_school(plan.school_id, {"director"})


def _authors(work: Work, plan: Row[Any]) -> set[str]:
    """Return the logins of those who wrote a plan: who prepared it, what stands in it, and who submitted it."""
    rows = work.act.connection.execute(_WRITTEN_BY, {"of_plan": plan.plan_id})
    return {plan.preparer, *(row.recorded_by for row in rows)}


_WRITTEN_BY = union(
    select(PLAN_STEP.c.recorded_by).where(
        PLAN_STEP.c.plan_id == bindparam("of_plan"), PLAN_STEP.c.action.in_(("begin", "submit"))
    ),
    select(PLAN_RISK.c.recorded_by).where(PLAN_RISK.c.plan_id == bindparam("of_plan")),
    select(PLAN_MEASURE.c.recorded_by).where(PLAN_MEASURE.c.plan_id == bindparam("of_plan")),
)


_CHECKS: Mapping[Action, Callable[[Work, Row[Any], date], None]] = {
    "submit": _writer,
    "approve": _at_level,
    "return": _at_level,
    "suspend": _head_or_writer,
    "resume": _head_or_writer,
    "revise": _head_or_writer,
    "delete": _head_or_writer,
}


# --- the steps


def _submit(work: Work, plan: Row[Any], on: date) -> Change:
    need_consent(work, work.the(CONSENT, consent_id=plan.consent_id), on, plan.programme)
    _check_contents(work, plan, on)
    return Change("IN_APPROVAL", waits_for=_chain(work, plan, on)[0])


def _check_contents(work: Work, plan: Row[Any], on: date) -> None:
    risks = risks_of(work, plan.plan_id)
    links = links_of(work, plan.plan_id)
    measures, of = measures_of(work, plan.plan_id), plan.programme
    answered = {link.risk_id for link in links}
    answering = {link.plan_measure_id for link in links}
    work.hold(bool(risks), "plan_risk_required", on, message("The plan holds none yet."), programme=of)
    alone = sorted(risk.risk_code for risk in risks if risk.risk_id not in answered)
    told = message("Without a measure: {codes}.", codes=", ".join(alone))
    work.hold(not alone, "plan_risk_measure", on, told, programme=of)
    idle = sorted(measure.measure_code for measure in measures if measure.plan_measure_id not in answering)
    told = message("Measures that answer no risk: {codes}.", codes=", ".join(idle))
    work.hold(not idle, "plan_risk_measure", on, told, programme=of)
    unjustified = sorted(risk.risk_code for risk in risks if not risk.justification)
    work.hold(
        not unjustified,
        "plan_risk_justification",
        on,
        message("Without a justification: {codes}.", codes=", ".join(unjustified)),
        programme=of,
    )
    kinds = {measure_of(measure.measure_code).kind for measure in measures}
    is_economic_only = all(risk.risk_code.startswith("EK") for risk in risks)
    is_kept = is_economic_only or kinds != {"compensation"}
    work.hold(is_kept, "compensation_alone", on, message("The plan holds compensations alone."), programme=of)


def _chain(work: Work, plan: Row[Any], on: date) -> tuple[str, ...]:
    kind = work.institution(plan.school_id, on).institution_kind
    kind = kind if kind in institution_kinds() else "general"  # a pre-school is a municipality's, too
    has_state_step = work.rule("state_step", on, plan.programme) is not None
    return tuple(the_programme(plan.programme).approval_steps(kind, has_state_step=has_state_step))


def _approve(work: Work, plan: Row[Any], on: date) -> Change:
    told = message("You prepared the plan, wrote in it, or submitted it.")
    is_other = work.by.login not in _authors(work, plan)
    work.hold(is_other, "approval_own_plan", on, told, programme=plan.programme)
    need_consent(work, work.the(CONSENT, consent_id=plan.consent_id), on, plan.programme)
    # Of the chain of today, what comes after the one who decides: a step may have gone or come since the plan was submitted.
    place = LEVELS.index(plan.waits_for)
    after = tuple(level for level in _chain(work, plan, on) if LEVELS.index(level) > place)
    return Change("IN_APPROVAL" if after else "APPROVED", after[0] if after else None, plan.waits_for)


def _return(work: Work, plan: Row[Any], on: date) -> Change:
    return Change("UNDER_REVISION", level=plan.waits_for)


def _suspend(work: Work, plan: Row[Any], on: date) -> Change:
    return Change("SUSPENDED")


def _resume(work: Work, plan: Row[Any], on: date) -> Change:
    found = message("The semester of the plan is over.")
    is_in = Semester(plan.school_year, plan.semester).contains(on)
    work.hold(is_in, "resume_same_semester", on, found, programme=plan.programme)
    return Change("UNDER_REVISION")


def _revise(work: Work, plan: Row[Any], on: date) -> Change:
    return Change("UNDER_REVISION")


def _delete(work: Work, plan: Row[Any], on: date) -> Change:
    used = plan.preparation_cents + services_of(work, plan.plan_id)
    told = message("Money was used, or support was given.")
    work.hold(used == 0, "delete_no_money", on, told, programme=plan.programme)
    own = select(PLAN_MEASURE.c.plan_measure_id).where(PLAN_MEASURE.c.plan_id == plan.plan_id)
    work.act.connection.execute(delete(MEASURE_RISK).where(MEASURE_RISK.c.plan_measure_id.in_(own)))
    work.act.connection.execute(delete(PLAN_MEASURE).where(PLAN_MEASURE.c.plan_id == plan.plan_id))
    work.act.connection.execute(delete(PLAN_RISK).where(PLAN_RISK.c.plan_id == plan.plan_id))
    return Change("INACTIVE")


_STEPS: Mapping[Action, Callable[[Work, Row[Any], date], Change]] = {
    "submit": _submit,
    "approve": _approve,
    "return": _return,
    "suspend": _suspend,
    "resume": _resume,
    "revise": _revise,
    "delete": _delete,
}


def services_of(work: Work, plan_id: int) -> int:
    """Return how many services of a plan are recorded: consultations held, compensations asked for or granted, contacts."""
    return int(work.act.connection.scalar(_SERVICES, {"of_plan": plan_id}) or 0)


_OF_PLAN: BindParameter[int] = bindparam("of_plan")
_SERVICES = select(
    select(func.count())
    .where(CONSULTATION.c.plan_id == _OF_PLAN, CONSULTATION.c.cancelled_at.is_(None))
    .scalar_subquery()
    + select(func.count())
    .where(COMPENSATION.c.plan_id == _OF_PLAN, COMPENSATION.c.state != "refused")
    .scalar_subquery()
    + select(func.count()).where(CONTACT.c.plan_id == _OF_PLAN).scalar_subquery()
)


def start(work: Work, plan: Row[Any], on: date) -> None:
    """Bring an approved plan under way when the first support is recorded."""
    if plan.status == "APPROVED":
        values = {"status": "IN_PROGRESS", "version": plan.version + 1}
        work.change(PLAN, plan.plan_id, **values)
        write_step(work, plan, Step("start", "APPROVED", "IN_PROGRESS", on))


def need_under_way(work: Work, plan: Row[Any], on: date) -> None:
    """Refuse support on a day on which the plan, its semester or its consent does not carry it.

    Raises
    ------
    UsageError
        With what is missing.
    """
    of = plan.programme
    is_open = plan.status in OPEN and plan.approved_on is not None and plan.approved_on <= on
    told = message("The status of the plan is {status}.", status=STATUS_WORDS[plan.status])
    if plan.status in OPEN:
        told = message("The plan was approved on a later day.")
    work.hold(is_open, "approved_plan", on, told, programme=of)
    found = message("The day lies in another semester, or before the plan.")
    is_in = Semester(plan.school_year, plan.semester).contains(on) and plan.started_on <= on
    work.hold(is_in, "support_within_plan", on, found, programme=of)
    told = message("On that day the plan was interrupted or under revision.")
    work.hold(was_open_on(work, plan, on), "approved_plan", on, told, programme=of)
    if on > work.today:
        raise misfit(
            message("Support is recorded once it was given."),
            message("The day lies in the future."),
            message("Correct the day."),
        )
    need_consent(work, work.the(CONSENT, consent_id=plan.consent_id), on, of)


def was_open_on(work: Work, plan: Row[Any], on: date) -> bool:
    """Whether a plan was approved or under way on a day: as the day began, or from some hour of it."""
    step = PLAN_STEP.c
    wanted = select(step.status_after, step.happened_on).where(step.plan_id == plan.plan_id)
    steps = work.all(wanted.order_by(step.happened_on, step.step_id))
    before = [row.status_after for row in steps if row.happened_on < on]
    return bool(OPEN & {*before[-1:], *(row.status_after for row in steps if row.happened_on == on)})


def close_plan(work: Work, command: ClosePlan) -> Outcome:
    """Close a plan that is under way and was evaluated."""
    plan = the_plan(work, command.plan_code)
    need_head_or_writer(work, plan)
    check_version(work, plan, command.version)
    on = _day(work, plan, command.happened_on, is_told_later=True)
    if plan.status != "IN_PROGRESS":
        raise misfit(
            message("A plan under way is closed at the end of the semester."),
            message("Its status is {status}.", status=STATUS_WORDS[plan.status]),
            message("A plan without any support is deleted or suspended with its reason."),
        )
    own = select(func.count()).where(ASSESSMENT.c.plan_id == plan.plan_id, ASSESSMENT.c.assessor == "teacher")
    is_assessed = bool(work.act.connection.scalar(own))
    told = message("The assessment of the teacher is missing.")
    work.hold(is_assessed, "evaluation_before_closing", on, told, programme=plan.programme)
    values = {"status": "CLOSED", "decision": command.decision, "ended_on": on, "version": plan.version + 1}
    work.change(PLAN, plan.plan_id, **values)
    write_step(work, plan, Step("close", plan.status, "CLOSED", on))
    return told_of(plan, plan.version + 1, status="CLOSED")


def hand_over_plan(work: Work, command: HandOverPlan) -> Outcome:
    """Hand a live plan over to the school to which its pupil went, in the same semester.

    The new school agrees to it anew. The words on sensitive risks stay in the old school: they are asked for, not copied.
    """
    plan = the_plan(work, command.plan_code)
    need_head_or_writer(work, plan)
    check_version(work, plan, command.version)
    on, term = _day(work, plan, command.happened_on, is_told_later=True), Semester(plan.school_year, plan.semester)
    if plan.status in {"INACTIVE", "CLOSED"} or not term.contains(on) or not term.contains(work.today):
        raise misfit(
            message("A live plan is handed over, in its own semester."),
            message("Its status is {status}.", status=STATUS_WORDS[plan.status]),
            message("In the next semester the new school begins a plan of its own."),
        )
    _check_handover(work, plan, command, on)
    stay = stay_of(work, plan.pupil_id, command.to_school_id, on)
    work.need_colleague(command.supervisor, command.to_school_id)
    told = message("There is no membership of the institution that covers this day.")
    is_member = takes_part(work, plan.programme, command.to_school_id, on)
    work.hold(is_member, "institution_member", on, told, programme=plan.programme)
    work.act.connection.execute(
        update(PLAN_RISK)
        .where(PLAN_RISK.c.plan_id == plan.plan_id, PLAN_RISK.c.is_sensitive == 1)
        .values(justification=None)
    )
    values = {
        "school_id": command.to_school_id,
        "class_code": stay.class_code,
        "preparer": command.supervisor,
        "supervisor": command.supervisor,
        "status": "UNDER_REVISION",
        "waits_for": None,
        "version": plan.version + 1,
    }
    work.change(PLAN, plan.plan_id, **values)
    work.insert(
        PLAN_MOVE,
        plan_id=plan.plan_id,
        from_school_id=plan.school_id,
        to_school_id=command.to_school_id,
        moved_on=on,
        consent_id=command.consent_id,
    )
    write_step(work, plan, Step("hand_over", plan.status, "UNDER_REVISION", on))
    return told_of(plan, plan.version + 1, status="UNDER_REVISION")


def _check_handover(work: Work, plan: Row[Any], command: HandOverPlan, on: date) -> None:
    """Refuse a hand-over that stays in the school, or whose consent is another one, is over, or served before."""
    consent = work.the(CONSENT, consent_id=command.consent_id)
    is_own = (consent.paper_kind, consent.pupil_id, consent.school_year, consent.semester) == (
        "handover",
        plan.pupil_id,
        plan.school_year,
        plan.semester,
    )
    is_between = consent.school_id in {plan.school_id, command.to_school_id} and command.to_school_id != plan.school_id
    served = work.all(select(PLAN_MOVE.c.move_id).where(PLAN_MOVE.c.consent_id == command.consent_id))
    if not is_own or not is_between or served or consent.given_on > on:
        raise misfit(
            message("A plan is handed over to another school by a consent to that, which serves once."),
            message("The consent is of another kind, pupil, school or semester, of a later day, or has served."),
            message("Record the consent to hand the plan over first."),
        )
    need_consent(work, consent, max(on, work.today), plan.programme)


def pay_preparation(work: Work, command: PayPreparation) -> Outcome:
    """Write what was paid for preparing a plan."""
    plan = the_plan(work, command.plan_code)
    work.need_school(plan.school_id, {"director"})
    if plan.status == "INACTIVE" or command.cents < 0 or (command.cents == 0 < plan.preparation_cents):
        raise misfit(
            message("Money is used for a live plan; its amount can be corrected, and not be taken back to nothing."),
            message("The amount or the status is not so."),
            message("Correct the entry."),
        )
    values = {"preparation_cents": command.cents, "version": plan.version + 1}
    work.change(PLAN, plan.plan_id, **values)
    write_step(work, plan, Step("change", plan.status, plan.status))
    return told_of(plan, plan.version + 1)
