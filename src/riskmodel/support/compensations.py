"""Compensations: asked for by the school, decided by the municipality, closed with certificate and expense documents."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Row, select, update

from riskmodel.messages import message
from riskmodel.support.catalogue import Measure
from riskmodel.support.consultations import check_not_suspended, is_suspended
from riskmodel.support.life import need_under_way, start, was_open_on
from riskmodel.support.orders import order_in_force
from riskmodel.support.plans import covers_residences, held_on, measure_of, need_head_or_writer, the_plan
from riskmodel.support.schema.papers import CERTIFICATE, ORDER_PUPIL, PUPIL
from riskmodel.support.schema.plans import PLAN
from riskmodel.support.schema.services import COMPENSATION, CONTACT, EXPENSE
from riskmodel.support.semesters import Semester
from riskmodel.support.work import STAFF_OF_A_SCHOOL, Outcome, Work, misfit

MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")


@dataclass(frozen=True)
class RequestCompensation:
    """A school asks the municipality to pay a measure of a plan for one month.

    Attributes
    ----------
    month
        As ``2020-10``.
    is_on_placement
        The pupil of a state vocational school is on a work placement.
    """

    plan_code: str
    measure_code: str
    month: str
    cents: int
    is_on_placement: bool = False


@dataclass(frozen=True)
class DecideCompensation:
    """The municipality grants or refuses what was asked for; a refusal needs its reason."""

    compensation_id: int
    is_granted: bool
    reason: str | None = None


@dataclass(frozen=True)
class Expense:
    """A document that shows what was spent."""

    reference: str
    issued_on: date
    cents: int


@dataclass(frozen=True)
class CloseCompensation:
    """A month is closed with its expense documents, and its certificate where certificates are monthly."""

    compensation_id: int
    expenses: Sequence[Expense]
    certificate_id: int | None = None


@dataclass(frozen=True)
class RecordContact:
    """A talk with the family, a meeting with the mentor, or work with a group; what was said is not kept.

    Attributes
    ----------
    plan_code
        None for a group: preventive work needs no plan and names nobody.
    participants
        How many pupils or members of the family took part.
    """

    contact_kind: str
    school_id: str
    measure_code: str
    happened_on: date
    participants: int = 1
    plan_code: str | None = None
    provider: str | None = None
    minutes: int | None = None


def request_compensation(work: Work, command: RequestCompensation) -> Outcome:
    """Write what is asked for; it waits for the municipality."""
    plan = the_plan(work, command.plan_code)
    need_head_or_writer(work, plan)
    on = _first_day(work, plan, command.month)
    check_not_suspended(work, plan.programme, on, "compensation")
    need_under_way(work, plan, on)
    if command.cents < 1:
        raise misfit(
            message("What is asked for is more than nothing."),
            message("The amount is not."),
            message("Correct the amount."),
        )
    is_compensation = measure_of(command.measure_code).kind == "compensation"
    if not is_compensation or not held_on(work, plan, command.measure_code, month_days(command.month)[1]):
        raise misfit(
            message("A compensation is one of the measures of its plan."),
            message("The plan does not hold it."),
            message("Take the plan back for revision and add it, with its certificate."),
        )
    order_id = _check_placement(work, plan, command, on) if command.is_on_placement else None
    number = _write_request(work, plan, command, order_id)
    start(work, plan, on)
    return _told(plan, number, "awaiting")


def _first_day(work: Work, plan: Row[Any], month: str) -> date:
    """Return the first day of a month on which the plan can carry a compensation: open, and support not suspended.

    The first of the month where there is none, so that the rules of that day say why.
    """
    first, last = month_days(month)
    on = max(first, plan.approved_on or first, Semester(plan.school_year, plan.semester).first_on)
    days = (on + timedelta(days=number) for number in range((last - on).days + 1))
    of = plan.programme
    return next((day for day in days if not is_suspended(work, of, day) and was_open_on(work, plan, day)), first)


def _write_request(work: Work, plan: Row[Any], command: RequestCompensation, order_id: int | None) -> int:
    """Write what is asked for; what was refused before is asked for anew in its place, the audit has both."""
    own = COMPENSATION.c
    same = (own.plan_id == plan.plan_id) & (own.measure_code == command.measure_code) & (own.month == command.month)
    before = work.one(select(COMPENSATION).where(same))
    values = {"cents": command.cents, "state": "awaiting", "order_id": order_id, "school_id": plan.school_id}
    if before is None:
        return work.insert(
            COMPENSATION, plan_id=plan.plan_id, measure_code=command.measure_code, month=command.month, **values
        )
    if before.state != "refused":
        raise misfit(
            message("A measure is compensated once for a month."),
            message("It was asked for before, and not refused."),
            message("Look at what was asked for; another amount needs a refusal first."),
        )
    cleared = {"reason": None, "decided_by": None, "decided_on": None}
    number = int(before.compensation_id)
    work.act.connection.execute(
        update(COMPENSATION).where(own.compensation_id == number).values(**work.signed(values), **cleared)
    )
    return number


def _check_placement(work: Work, plan: Row[Any], command: RequestCompensation, on: date) -> int | None:
    rule, kind = work.rule("placement_order", on, plan.programme), work.institution(plan.school_id, on).institution_kind
    if (
        rule is None
        or command.measure_code not in rule.parameters["measures"]
        or kind not in rule.parameters["institution_kinds"]
    ):
        return None
    order = order_in_force(work, plan.school_id, "placement", on)
    named = order is not None and work.one(
        select(ORDER_PUPIL).where(ORDER_PUPIL.c.order_id == order.order_id, ORDER_PUPIL.c.pupil_id == plan.pupil_id)
    )
    found = message("No order of that day names the pupil.")
    work.hold(bool(named), "placement_order", on, found, programme=plan.programme)
    return None if order is None else order.order_id


def decide_compensation(work: Work, command: DecideCompensation) -> Outcome:
    """Write the municipality's decision."""
    asked = work.the(COMPENSATION, compensation_id=command.compensation_id)
    place = work.institution(asked.school_id, work.today)
    if place.institution_kind == "state_vet":
        work.need("state")  # a state school answers to no municipality
    else:
        work.need("municipality", municipality_code=place.municipality_code)
    with work.act.looking_everywhere():  # the plan may have gone to a school of another municipality
        plan = work.the(PLAN, plan_id=asked.plan_id)
    if asked.recorded_by == work.by.login:
        raise misfit(
            message("Who asks for a compensation does not decide on it."),
            message("You asked for it."),
            message("Ask somebody else who holds this role to decide."),
        )
    _need_state(asked, "awaiting")
    reason = (command.reason or "").strip() or None
    if not command.is_granted:
        found = message("No reason is written.")
        work.hold(reason is not None, "reason_required", work.today, found, programme=plan.programme)
    state = "granted" if command.is_granted else "refused"
    work.act.connection.execute(
        update(COMPENSATION)
        .where(COMPENSATION.c.compensation_id == command.compensation_id)
        .values(state=state, reason=reason, decided_by=work.by.login, decided_on=work.today)
    )
    return _told(plan, command.compensation_id, state)


def close_compensation(work: Work, command: CloseCompensation) -> Outcome:
    """Close a granted month."""
    asked = work.the(COMPENSATION, compensation_id=command.compensation_id)
    plan = work.the(PLAN, plan_id=asked.plan_id)
    need_head_or_writer(work, plan)
    _need_state(asked, "granted")
    first, last = _days_within(plan, asked.month)
    found = message("Certificate or expense documents of the month are missing.")
    work.hold(bool(command.expenses), "certificate_monthly", last, found, programme=plan.programme)
    certificate = _certificate(work, plan, command, first, last)
    work.hold(certificate is not None, "certificate_monthly", last, found, programme=plan.programme)
    if any(expense.cents < 1 or not plan.started_on <= expense.issued_on <= work.today for expense in command.expenses):
        raise misfit(
            message("An expense document is of a day of the plan, and shows more than nothing."),
            message("One of them is not so."),
            message("Correct its day or amount."),
        )
    if sum(expense.cents for expense in command.expenses) < asked.cents:
        raise misfit(
            message("The documents show at least what is compensated."),
            message("Their sum is smaller."),
            message("Add the missing documents, or ask for a smaller amount."),
        )
    for expense in command.expenses:
        work.insert(
            EXPENSE,
            compensation_id=command.compensation_id,
            reference=expense.reference,
            issued_on=expense.issued_on,
            cents=expense.cents,
        )
    work.act.connection.execute(
        update(COMPENSATION)
        .where(COMPENSATION.c.compensation_id == command.compensation_id)
        .values(state="closed", certificate_id=certificate)
    )
    return _told(plan, command.compensation_id, "closed")


def _certificate(work: Work, plan: Row[Any], command: CloseCompensation, first: date, last: date) -> int | None:
    """Return the certificate that carries a month: the named one, else any of the pupil's that covers it."""
    pupil = work.the(PUPIL, pupil_id=plan.pupil_id)
    wanted = select(CERTIFICATE).where(
        CERTIFICATE.c.pupil_id == plan.pupil_id, CERTIFICATE.c.valid_from <= first, CERTIFICATE.c.valid_to > last
    )
    if command.certificate_id is not None:
        wanted = wanted.where(CERTIFICATE.c.certificate_id == command.certificate_id)
    rows = work.all(wanted.order_by(CERTIFICATE.c.certificate_id.desc()))
    return next((row.certificate_id for row in rows if covers_residences(work, row, pupil)), None)


def _days_within(plan: Row[Any], month: str) -> tuple[date, date]:
    """Return the days of a month that belong to the plan's lessons: a certificate of the semester ends with them."""
    first, last = month_days(month)
    term = Semester(plan.school_year, plan.semester)
    return max(first, term.first_on), max(min(last, term.last_on), first, term.first_on)


def _need_state(asked: Row[Any], state: str) -> None:
    if asked.state != state:
        raise misfit(
            message("A compensation is asked for, decided, and then closed."),
            message("Its state is {state}.", state=asked.state),
            message("Load the page anew."),
        )


def month_days(month: str) -> tuple[date, date]:
    """Return the first and the last day of a month.

    >>> month_days("2020-02")
    (datetime.date(2020, 2, 1), datetime.date(2020, 2, 29))
    """
    found = MONTH.fullmatch(month)
    if found is None:
        raise misfit(
            message("A month is written as 2020-10."),
            message("The one that was given is not."),
            message("Correct the month."),
        )
    first = date(int(found[1]), int(found[2]), 1)
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def _told(plan: Row[Any], number: int, state: str) -> Outcome:
    return Outcome(
        {"compensation_id": number, "plan_code": plan.plan_code, "state": state},
        f"school:{plan.school_id}",
        plan.pupil_id,
        {"plan": plan.plan_code},
    )


def _check_contact(work: Work, command: RecordContact, measure: Measure, plan: Row[Any] | None) -> None:
    """Refuse a contact by a measure that is recorded otherwise, and one for somebody else's plan or on another's behalf."""
    is_mentor = measure.provider_role == "mentor"
    is_planned = plan is not None and bool(held_on(work, plan, measure.code, command.happened_on))
    is_fitting = measure.kind == "other" and is_mentor == (command.contact_kind == "mentor")
    if not is_fitting or (is_mentor and not is_planned) or command.participants < 1:
        raise misfit(
            message("A contact is a talk with the family, work with a group, or a meeting with a mentor of the plan."),
            message("The measure {code} is recorded otherwise, or the plan does not hold it.", code=measure.code),
            message("Choose another measure; consultations and compensations have forms of their own."),
        )
    if command.provider is not None:
        work.need_colleague(command.provider, command.school_id)
        if plan is not None and command.provider != work.by.login:
            need_head_or_writer(work, plan)


def record_contact(work: Work, command: RecordContact) -> Outcome:
    """Write that there was a talk, a meeting, or work with a group."""
    work.need_school(command.school_id, STAFF_OF_A_SCHOOL)
    on, measure = command.happened_on, measure_of(command.measure_code)
    plan = None if command.plan_code is None else the_plan(work, command.plan_code)
    is_group = command.contact_kind == "group"
    if is_group != (plan is None) or (plan is not None and plan.school_id != command.school_id) or on > work.today:
        raise misfit(
            message(
                "A talk or a meeting belongs to a plan of the school; work with a group to none, and neither to the future."
            ),
            message("The entry is not so."),
            message("Correct it."),
        )
    if is_group and measure.is_plan_needed:
        work.break_rule("plan_needed", message("The measure {code} needs a plan.", code=measure.code))
    _check_contact(work, command, measure, plan)
    if plan is not None:
        check_not_suspended(work, plan.programme, on, "contact")
        need_under_way(work, plan, on)
    number = work.insert(
        CONTACT,
        plan_id=None if plan is None else plan.plan_id,
        school_id=command.school_id,
        contact_kind=command.contact_kind,
        measure_code=command.measure_code,
        provider=command.provider or work.by.login,
        happened_on=on,
        minutes=command.minutes,
        participants=command.participants,
    )
    if plan is not None:
        start(work, plan, on)
    subject = "" if plan is None else plan.pupil_id
    details = {} if plan is None else {"plan": plan.plan_code}
    return Outcome({"contact_id": number}, f"school:{command.school_id}", subject, details)
