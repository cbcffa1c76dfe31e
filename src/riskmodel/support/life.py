"""The life of a plan: which step leads from which status to which, who takes it, and what must hold.

Agreed by director, municipality and state, or by fewer, as programme and kind of institution ask. A refusal in this chain is a
*return*: the plan goes back for revision with a written reason that everybody in the chain can read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from sqlalchemy import Row, bindparam, delete, func, select, update

from riskmodel.messages import message
from riskmodel.support.consents import is_withdrawn
from riskmodel.support.plans import (
    Step,
    measure_of,
    measures_of,
    need_head_or_writer,
    need_writer,
    risks_of,
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
    MEASURE_RISK,
    PLAN,
    PLAN_MEASURE,
    PLAN_MOVE,
    PLAN_RISK,
)
from riskmodel.support.schema.services import COMPENSATION, CONSULTATION, CONTACT
from riskmodel.support.semesters import Semester
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
        The day of the step, today where it is None.
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
    plan = the_plan(work, command.plan_code, command.version)
    on = _day(work, plan, command.happened_on)
    if command.action not in FROM:
        raise ValueError(f"no step of a plan: {command.action}")
    _CHECKS[command.action](work, plan, on)
    if command.action == "delete":
        _check_empty(work, plan, on, command)
    if plan.status not in FROM[command.action]:
        work.break_rule("plan_status", message("Its status is {status}.", status=plan.status))
    reason = (command.reason or "").strip() or None
    if command.action in NEEDS_REASON:
        work.hold(reason is not None, "reason_required", on, message("No reason is written."))
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
    return told_of(plan, plan.version + 1, status=change.status)


def _check_empty(work: Work, plan: Row[Any], on: date, command: MovePlan) -> None:
    is_empty = not work.all(select(PLAN_RISK.c.risk_id).where(PLAN_RISK.c.plan_id == plan.plan_id))
    told = message("The plan holds risks or measures, and their removal is not confirmed.")
    work.hold(is_empty or command.removes_contents, "delete_contents_first", on, told)


def _day(work: Work, plan: Row[Any], given: date | None) -> date:
    on = given or work.today
    if not plan.started_on <= on <= work.today:
        raise misfit(
            message("A step lies between the first day of the plan and today."),
            message("The day that was given does not."),
            message("Correct the day."),
        )
    return on


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
    consent = work.the(CONSENT, consent_id=plan.consent_id)
    work.hold(
        not is_withdrawn(consent, on),
        "consent_withdrawn",
        on,
        message("The consent does not hold any more."),
        day=consent.withdrawn_on,
    )
    _check_contents(work, plan, on)
    return Change("IN_APPROVAL", waits_for=_chain(work, plan, on)[0])


def _check_contents(work: Work, plan: Row[Any], on: date) -> None:
    risks = risks_of(work, plan.plan_id)
    links = work.act.connection.execute(_LINKS, {"of_plan": plan.plan_id}).all()
    measures = measures_of(work, plan.plan_id)
    answered = {link.risk_id for link in links}
    answering = {link.plan_measure_id for link in links}
    work.hold(bool(risks), "plan_risk_required", on, message("There is none yet."))
    alone = sorted(risk.risk_code for risk in risks if risk.risk_id not in answered)
    told = message("Without a measure: {codes}.", codes=", ".join(alone))
    work.hold(not alone, "plan_risk_measure", on, told)
    idle = sorted(measure.measure_code for measure in measures if measure.plan_measure_id not in answering)
    told = message("Measures that answer no risk: {codes}.", codes=", ".join(idle))
    work.hold(not idle, "plan_risk_measure", on, told)
    unjustified = sorted(risk.risk_code for risk in risks if not risk.justification)
    work.hold(
        not unjustified,
        "plan_risk_justification",
        on,
        message("Without a justification: {codes}.", codes=", ".join(unjustified)),
    )
    kinds = {measure_of(measure.measure_code).kind for measure in measures}
    is_economic_only = all(risk.risk_code.startswith("EK") for risk in risks)
    is_kept = is_economic_only or kinds != {"compensation"}
    work.hold(is_kept, "compensation_alone", on, message("The plan holds compensations alone."))


_LINKS = (
    select(MEASURE_RISK.c.risk_id, MEASURE_RISK.c.plan_measure_id)
    .join(PLAN_MEASURE, PLAN_MEASURE.c.plan_measure_id == MEASURE_RISK.c.plan_measure_id)
    .where(PLAN_MEASURE.c.plan_id == bindparam("of_plan"))
)


def _chain(work: Work, plan: Row[Any], on: date) -> tuple[str, ...]:
    kind = work.institution(plan.school_id, on).institution_kind
    kind = kind if kind in institution_kinds() else "general"  # a pre-school is a municipality's, too
    has_state_step = work.rule("state_step", on, plan.programme) is not None
    return tuple(the_programme(plan.programme).approval_steps(kind, has_state_step=has_state_step))


def _approve(work: Work, plan: Row[Any], on: date) -> Change:
    chain = _chain(work, plan, on)
    place = chain.index(plan.waits_for) if plan.waits_for in chain else -1
    after = chain[place + 1 :]
    return Change("IN_APPROVAL" if after else "APPROVED", after[0] if after else None, plan.waits_for)


def _return(work: Work, plan: Row[Any], on: date) -> Change:
    return Change("UNDER_REVISION", level=plan.waits_for)


def _suspend(work: Work, plan: Row[Any], on: date) -> Change:
    return Change("SUSPENDED")


def _resume(work: Work, plan: Row[Any], on: date) -> Change:
    found = message("The semester of the plan is over.")
    work.hold(Semester(plan.school_year, plan.semester).contains(on), "resume_same_semester", on, found)
    return Change("UNDER_REVISION")


def _revise(work: Work, plan: Row[Any], on: date) -> Change:
    return Change("UNDER_REVISION")


def _delete(work: Work, plan: Row[Any], on: date) -> Change:
    used = plan.preparation_cents + services_of(work, plan.plan_id)
    work.hold(used == 0, "delete_no_money", on, message("Money was used, or support was given."))
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
    counts = (
        select(func.count()).where(CONSULTATION.c.plan_id == plan_id, CONSULTATION.c.cancelled_at.is_(None)),
        select(func.count()).where(COMPENSATION.c.plan_id == plan_id, COMPENSATION.c.state != "refused"),
        select(func.count()).where(CONTACT.c.plan_id == plan_id),
    )
    return sum(int(work.act.connection.scalar(count) or 0) for count in counts)


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
    is_open = plan.status in {"APPROVED", "IN_PROGRESS"} and plan.approved_on is not None and plan.approved_on <= on
    work.hold(is_open, "approved_plan", on, message("The status of the plan is {status}.", status=plan.status))
    found = message("The day lies in another semester, or before the plan.")
    is_in = Semester(plan.school_year, plan.semester).contains(on) and plan.started_on <= on
    work.hold(is_in, "support_within_plan", on, found)
    if on > work.today:
        raise misfit(
            message("Support is recorded once it was given."),
            message("The day lies in the future."),
            message("Correct the day."),
        )
    consent = work.the(CONSENT, consent_id=plan.consent_id)
    work.hold(
        not is_withdrawn(consent, on),
        "consent_withdrawn",
        on,
        message("The consent does not hold any more."),
        day=consent.withdrawn_on,
    )


def close_plan(work: Work, command: ClosePlan) -> Outcome:
    """Close a plan that is under way and was evaluated."""
    plan = the_plan(work, command.plan_code, command.version)
    need_head_or_writer(work, plan)
    on = _day(work, plan, command.happened_on)
    if plan.status != "IN_PROGRESS":
        raise misfit(
            message("A plan under way is closed at the end of the semester."),
            message("Its status is {status}.", status=plan.status),
            message("A plan without any support is deleted or suspended with its reason."),
        )
    own = select(func.count()).where(ASSESSMENT.c.plan_id == plan.plan_id, ASSESSMENT.c.assessor == "teacher")
    is_assessed = bool(work.act.connection.scalar(own))
    work.hold(is_assessed, "evaluation_before_closing", on, message("The assessment of the teacher is missing."))
    values = {"status": "CLOSED", "decision": command.decision, "ended_on": on, "version": plan.version + 1}
    work.change(PLAN, plan.plan_id, **values)
    write_step(work, plan, Step("close", plan.status, "CLOSED", on))
    return told_of(plan, plan.version + 1, status="CLOSED")


def hand_over_plan(work: Work, command: HandOverPlan) -> Outcome:
    """Hand a live plan over to the school to which its pupil went, in the same semester.

    The new school agrees to it anew. The words on sensitive risks stay in the old school: they are asked for, not copied.
    """
    plan = the_plan(work, command.plan_code, command.version)
    need_head_or_writer(work, plan)
    on = _day(work, plan, command.happened_on)
    if plan.status in {"INACTIVE", "CLOSED"} or not Semester(plan.school_year, plan.semester).contains(on):
        raise misfit(
            message("A live plan is handed over, in its own semester."),
            message("Its status is {status}.", status=plan.status),
            message("In the next semester the new school begins a plan of its own."),
        )
    consent = work.the(CONSENT, consent_id=command.consent_id)
    is_fitting = (consent.paper_kind, consent.pupil_id) == ("handover", plan.pupil_id) and consent.given_on <= on
    if not is_fitting:
        raise misfit(
            message("A plan is handed over by a consent to that."),
            message("The consent is of another kind or pupil, or of a later day."),
            message("Record the consent to hand the plan over first."),
        )
    stay = stay_of(work, plan.pupil_id, command.to_school_id, on)
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


def pay_preparation(work: Work, command: PayPreparation) -> Outcome:
    """Write what was paid for preparing a plan."""
    plan = the_plan(work, command.plan_code)
    work.need_school(plan.school_id, {"director"})
    if command.cents < 0 or plan.status == "INACTIVE":
        raise misfit(
            message("Money is used for a live plan, and is not less than nothing."),
            message("The amount or the status is not so."),
            message("Correct the entry."),
        )
    values = {"preparation_cents": command.cents, "version": plan.version + 1}
    work.change(PLAN, plan.plan_id, **values)
    write_step(work, plan, Step("change", plan.status, plan.status))
    return told_of(plan, plan.version + 1)
