"""Consultations: the entry of the form KA, judged by the rules of its own day, never booked twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select, update

from riskmodel.errors import UsageError
from riskmodel.messages import Message, message
from riskmodel.support.catalogue import Measure
from riskmodel.support.life import need_under_way, start
from riskmodel.support.orders import order_in_force
from riskmodel.support.plans import held_on, measure_of, professions_of, the_plan
from riskmodel.support.schema.papers import DIRECTOR_ORDER, ORDER_ACKNOWLEDGEMENT, ORDER_EDUCATOR, ORDER_PLAN
from riskmodel.support.schema.plans import PLAN
from riskmodel.support.schema.services import CONSULTATION
from riskmodel.support.work import STAFF_OF_A_SCHOOL, Outcome, Work, is_told, misfit

DAY_MINUTES = 24 * 60
MOST_MINUTES = 480


@dataclass(frozen=True)
class RecordConsultation:
    """One consultation of one pupil.

    Attributes
    ----------
    provider
        The login of who gave it; None: who records it.
    begins_minute
        Of the day on the clock of the school: 8:30 is 510.
    mode
        ``in_person`` or ``remote``.
    is_signed
        The pupil signed the form.
    acknowledgement_kind, acknowledged_on, acknowledgement_reference
        Of a remote one, in place of the signature: how and on which day receipt was acknowledged, and where that is kept.
    is_invited
        The educator judged it needed and invited the pupil.
    """

    plan_code: str
    measure_code: str
    happened_on: date
    begins_minute: int
    minutes: int
    mode: str = "in_person"
    provider: str | None = None
    subject_code: str | None = None
    room: str | None = None
    is_signed: bool = False
    acknowledgement_kind: str | None = None
    acknowledged_on: date | None = None
    acknowledgement_reference: str | None = None
    is_invited: bool = False


@dataclass(frozen=True)
class AcknowledgeConsultation:
    """Receipt of a consultation was acknowledged: by signature in the room, by the ways of the order from afar."""

    consultation_id: int
    acknowledgement_kind: str | None = None
    acknowledged_on: date | None = None
    acknowledgement_reference: str | None = None
    is_signed: bool = False


@dataclass(frozen=True)
class CancelConsultation:
    """An entry was wrong: it stays, struck out, with the reason, and counts nowhere."""

    consultation_id: int
    reason: str


def record_consultation(work: Work, command: RecordConsultation) -> Outcome:
    """Write a consultation down; the first one brings its plan under way."""
    plan = the_plan(work, command.plan_code)
    work.need_school(plan.school_id, STAFF_OF_A_SCHOOL)
    provider, on = command.provider or work.by.login, command.happened_on
    if provider != work.by.login and work.by.login not in {plan.preparer, plan.supervisor}:
        work.need_school(plan.school_id, {"director"})
    if command.begins_minute + command.minutes > DAY_MINUTES or command.minutes > MOST_MINUTES:
        raise misfit(
            message("A consultation begins and ends on one day, and lasts at most {most} minutes.", most=MOST_MINUTES),
            message("Beginning or length are not so."),
            message("Correct them."),
        )
    check_not_suspended(work, plan.programme, on, command.mode)
    need_under_way(work, plan, on)
    _check_evidence(command.mode, command)
    measure = _measure(work, plan, command)
    role = _provider_role(work, plan, measure, provider, on)
    order_id = _check_remote(work, plan, command, provider) if command.mode == "remote" else None
    if command.mode == "in_person":
        _check_in_person(work, plan, command, measure, provider)
    _check_not_booked(work, plan, command, provider)
    number = work.insert(
        CONSULTATION,
        plan_id=plan.plan_id,
        school_id=plan.school_id,
        measure_code=command.measure_code,
        subject_code=command.subject_code,
        provider=provider,
        provider_role=role,
        happened_on=on,
        begins_minute=command.begins_minute,
        minutes=command.minutes,
        mode=command.mode,
        room=(command.room or "").strip() or None,
        order_id=order_id,
        is_signed=int(command.is_signed),
        acknowledgement_kind=command.acknowledgement_kind,
        acknowledged_on=command.acknowledged_on,
        acknowledgement_reference=command.acknowledgement_reference,
        is_invited=int(command.is_invited),
    )
    start(work, plan, on)
    return _told(plan, number)


def _told(plan: Row[Any], number: int) -> Outcome:
    return Outcome(
        {"consultation_id": number, "plan_code": plan.plan_code},
        f"school:{plan.school_id}",
        plan.pupil_id,
        {"plan": plan.plan_code},
    )


def check_not_suspended(work: Work, programme: str, on: date, mode: str) -> None:
    """Refuse support on a day on which all of it, or all but remote consultations, was suspended."""
    found = message("The day lies in the time of the suspension.")
    work.hold(False, "suspended_2020", on, found, programme=programme)
    if mode != "remote":
        work.hold(False, "suspended_other_2020", on, found, programme=programme)


def is_suspended(work: Work, programme: str, on: date) -> bool:
    """Whether all support but remote consultations was suspended on a day."""
    return any(work.rule(rule_id, on, programme) is not None for rule_id in ("suspended_2020", "suspended_other_2020"))


def _measure(work: Work, plan: Row[Any], command: RecordConsultation) -> Measure:
    measure = measure_of(command.measure_code)
    planned = held_on(work, plan, command.measure_code, command.happened_on)
    if measure.kind != "consultation" or not planned:
        raise misfit(
            message("A consultation is one of the measures of its plan."),
            message("The plan does not hold it."),
            message("Choose a measure of the plan, or take the plan back for revision and add it."),
        )
    if measure.provider_role == "subject_teacher":
        found = message("The measure {code} has no subject.", code=measure.code)
        on, of = command.happened_on, plan.programme
        work.hold(is_told(command.subject_code), "subject_required", on, found, programme=of)
        if command.subject_code not in {row.subject_code for row in planned}:
            raise misfit(
                message("A consultation is given in a subject of the plan."),
                message("The plan does not name this subject."),
                message("Choose a subject of the plan, or take the plan back for revision."),
            )
    return measure


def _provider_role(work: Work, plan: Row[Any], measure: Measure, provider: str, on: date) -> str:
    professions = professions_of(work, provider, plan.school_id, on)
    if measure.provider_role in professions:
        return measure.provider_role
    is_own = provider == work.by.login
    teaches = {g.role for g in work.grants() if g.school_id == plan.school_id} & {"class_teacher", "subject_teacher"}
    if is_own and teaches and measure.provider_role == "subject_teacher":
        return "subject_teacher"
    raise misfit(
        message("A measure is given by somebody of its profession."),
        message("Nobody of this login is entered as such in the school on that day."),
        message("Ask the director to enter who works as what, or choose another measure."),
    )


def _check_remote(work: Work, plan: Row[Any], command: RecordConsultation, provider: str) -> int | None:
    on = command.happened_on
    is_remote = order_in_force(work, plan.school_id, "remote_learning", on) is not None
    found = message("No order on remote learning covers that day.")
    work.hold(is_remote, "remote_conditional", on, found, programme=plan.programme)
    order = _order_naming(work, plan, provider, on)
    found = message("None that holds on that day names both.")
    work.hold(order is not None, "remote_order", on, found, programme=plan.programme)
    _check_acknowledgement(work, plan, on, command, None if order is None else order.order_id)
    return None if order is None else order.order_id


def _order_naming(work: Work, plan: Row[Any], provider: str, on: date) -> Row[Any] | None:
    order = DIRECTOR_ORDER.c
    return work.act.connection.execute(
        select(DIRECTOR_ORDER)
        .join(ORDER_EDUCATOR, (ORDER_EDUCATOR.c.order_id == order.order_id) & (ORDER_EDUCATOR.c.login == provider))
        .join(ORDER_PLAN, (ORDER_PLAN.c.order_id == order.order_id) & (ORDER_PLAN.c.plan_code == plan.plan_code))
        .where(
            order.school_id == plan.school_id,
            order.order_kind == "remote_consultations",
            order.valid_from <= on,
            (order.valid_to.is_(None)) | (order.valid_to > on),
        )
        .order_by(order.issued_on.desc(), order.order_id.desc())
        .limit(1)
    ).one_or_none()


def _check_evidence(mode: str, given: RecordConsultation | AcknowledgeConsultation) -> None:
    """Refuse what is no evidence of this way: a signature given from afar, or a message from the same room."""
    parts = (given.acknowledgement_kind, given.acknowledged_on, given.acknowledgement_reference)
    is_kept = not given.is_signed if mode == "remote" else not any(part is not None for part in parts)
    if not is_kept:
        raise misfit(
            message(
                "The pupil signs in the room; from afar receipt is acknowledged, with kind, day and where it is kept."
            ),
            message("The entry does not fit the way of the consultation."),
            message("Correct the way, or how receipt was shown."),
        )


def _check_acknowledgement(
    work: Work,
    plan: Row[Any],
    on: date,
    given: RecordConsultation | AcknowledgeConsultation,
    order_id: int | None,
) -> None:
    """Refuse an acknowledgement of another day or kind; one that is not there yet can follow on the same day."""
    if given.acknowledgement_kind is None and given.acknowledged_on is None:
        return
    found = message("The kind that was given: {kind}.", kind=given.acknowledgement_kind or "–")
    allowed = work.all(
        select(ORDER_ACKNOWLEDGEMENT.c.acknowledgement_kind).where(ORDER_ACKNOWLEDGEMENT.c.order_id == order_id)
    )
    is_allowed = given.acknowledgement_kind in {row.acknowledgement_kind for row in allowed}
    work.hold(is_allowed, "remote_ack_kind", on, found, programme=plan.programme)
    other = message("The two days differ.")
    work.hold(given.acknowledged_on == on, "remote_ack_same_day", on, other, programme=plan.programme)


def _check_in_person(work: Work, plan: Row[Any], command: RecordConsultation, measure: Measure, provider: str) -> None:
    """Hold the rules for meeting in the room while learning is remote; outside that time they do not bind."""
    on = command.happened_on
    if order_in_force(work, plan.school_id, "remote_learning", on) is None:
        return
    of = plan.programme
    work.hold(command.is_invited, "in_person_invitation", on, message("No invitation is entered."), programme=of)
    procedure = order_in_force(work, plan.school_id, "in_person_procedure", on)
    found = message("The school has entered none for that day.")
    work.hold(procedure is not None, "in_person_procedure", on, found, programme=of)
    if (rule := work.rule("in_person_minutes", on, of)) is not None:
        most = rule.parameters["max_minutes"]
        told = message("It lasted {minutes} minutes.", minutes=command.minutes)
        work.hold(command.minutes <= most, "in_person_minutes", on, told, programme=of)
    rule = work.rule("in_person_week", on, of)
    if rule is not None and measure.provider_role == "subject_teacher":
        most = rule.parameters["max_per_week"]
        if procedure is not None and procedure.weekly_number is not None:
            most = min(most, procedure.weekly_number)
        held = _held_in_week(work, provider, on)
        told = message("{count} were held in this week.", count=held)
        work.hold(held < most, "in_person_week", on, told, programme=of, done=held, max_per_week=most)


def _held_in_week(work: Work, provider: str, on: date) -> int:
    monday = on - timedelta(days=on.isoweekday() - 1)
    held = CONSULTATION.c
    return work.act.count_everywhere(
        select(func.count()).where(
            held.provider == provider,
            held.provider_role == "subject_teacher",
            held.mode == "in_person",
            held.cancelled_at.is_(None),
            held.happened_on >= monday,
            held.happened_on < monday + timedelta(days=7),
        )
    )


def _check_not_booked(work: Work, plan: Row[Any], command: RecordConsultation, provider: str) -> None:
    """Refuse a consultation while its provider, its pupil or its room has another one."""
    held, on = CONSULTATION.c, command.happened_on
    begin, end = command.begins_minute, command.begins_minute + command.minutes
    gap = 0
    room = _room(command.room) if command.mode == "in_person" else ""
    if command.mode == "in_person" and order_in_force(work, plan.school_id, "remote_learning", on) is not None:
        rule = work.rule("in_person_gap", on, plan.programme)
        gap = 0 if rule is None else rule.parameters["min_gap_minutes"]
    same_day = (held.happened_on == on) & held.cancelled_at.is_(None)

    def is_free(what: ColumnElement[bool], minutes: int = 0) -> bool:
        meets = (held.begins_minute < end + minutes) & (held.begins_minute + held.minutes > begin - minutes)
        return work.act.count_everywhere(select(func.count()).where(same_day, what, meets)) == 0

    of_pupil = held.plan_id.in_(select(PLAN.c.plan_id).where(PLAN.c.pupil_id == plan.pupil_id))
    told = message("There is another consultation at that time.")
    if not is_free(held.provider == provider) or not is_free(of_pupil):
        raise _booked(told)
    # Without a room the provider's own: the rule on airing is not escaped by leaving the room out.
    place: ColumnElement[bool] = (held.provider == provider) & (held.mode == "in_person")
    if room:
        rooms = select(held.consultation_id, held.room).where(same_day, held.mode == "in_person")
        in_school = work.all(rooms.where(held.school_id == plan.school_id))
        place = held.consultation_id.in_([row.consultation_id for row in in_school if _room(row.room) == room])
        work.hold(is_free(place), "in_person_one_pupil", on, told, programme=plan.programme)
        if not is_free(place):
            raise _booked(told)
    if command.mode == "in_person":
        work.hold(is_free(place, gap), "in_person_gap", on, told, programme=plan.programme)


def _room(given: str | None) -> str:
    """Return a room as it is compared: "12 A" and " 12  a" are one."""
    return " ".join((given or "").split()).casefold()


def _booked(found: Message) -> UsageError:
    return misfit(
        message("Nobody and no room has two consultations at one time."),
        found,
        message("Correct day or time; an entry that was wrong can be struck out."),
    )


def acknowledge_consultation(work: Work, command: AcknowledgeConsultation) -> Outcome:
    """Write how receipt of a consultation was acknowledged."""
    held = work.the(CONSULTATION, consultation_id=command.consultation_id)
    plan = _plan_of(work, held)
    if held.cancelled_at is not None:
        raise _struck_out()
    _check_evidence(held.mode, command)
    if held.mode == "in_person":
        found = message("No signature is noted.")
        work.hold(command.is_signed, "consultation_evidence", held.happened_on, found, programme=plan.programme)
    else:
        found = message("Neither kind nor day is entered.")
        is_given = command.acknowledgement_kind is not None and command.acknowledged_on is not None
        work.hold(is_given, "remote_ack_kind", held.happened_on, found, programme=plan.programme)
        _check_acknowledgement(work, plan, held.happened_on, command, held.order_id)
    work.act.connection.execute(
        update(CONSULTATION)
        .where(CONSULTATION.c.consultation_id == command.consultation_id)
        .values(
            is_signed=int(command.is_signed),
            acknowledgement_kind=command.acknowledgement_kind,
            acknowledged_on=command.acknowledged_on,
            acknowledgement_reference=command.acknowledgement_reference,
        )
    )
    return _told(plan, command.consultation_id)


def cancel_consultation(work: Work, command: CancelConsultation) -> Outcome:
    """Strike an entry out."""
    held = work.the(CONSULTATION, consultation_id=command.consultation_id)
    plan = _plan_of(work, held)
    reason = command.reason.strip()
    found = message("No reason is written.")
    work.hold(bool(reason), "reason_required", held.happened_on, found, programme=plan.programme)
    if held.cancelled_at is not None:
        raise _struck_out()
    work.act.connection.execute(
        update(CONSULTATION)
        .where(CONSULTATION.c.consultation_id == command.consultation_id)
        .values(cancelled_at=work.now, cancel_reason=reason)
    )
    return _told(plan, command.consultation_id)


def _struck_out() -> UsageError:
    return misfit(
        message("An entry that was struck out stays so, and is struck out once."),
        message("It was struck out before."),
        message("Nothing is to be done; enter anew what took place."),
    )


def _plan_of(work: Work, held: Row[Any]) -> Row[Any]:
    work.need_school(held.school_id, STAFF_OF_A_SCHOOL)
    with work.act.looking_everywhere():  # the plan may have gone to another school; what was given here stays here
        plan = work.the(PLAN, plan_id=held.plan_id)
    if work.by.login not in {held.provider, held.recorded_by, plan.preparer, plan.supervisor}:
        work.need_school(held.school_id, {"director"})
    return plan
