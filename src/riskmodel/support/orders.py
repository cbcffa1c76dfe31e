"""Orders of a director, and certificates that no other funding is there: the papers that a measure needs beside consent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, select, update

from riskmodel.messages import message
from riskmodel.support.pupils import stay_of
from riskmodel.support.schema.papers import (
    ACKNOWLEDGEMENT_KINDS,
    CERTIFICATE,
    CERTIFICATE_AREA,
    DIRECTOR_ORDER,
    ORDER_ACKNOWLEDGEMENT,
    ORDER_EDUCATOR,
    ORDER_KINDS,
    ORDER_PLAN,
    ORDER_PUPIL,
    PUPIL,
)
from riskmodel.support.schema.plans import PLAN
from riskmodel.support.work import STAFF_OF_A_SCHOOL, Outcome, Work, is_told, misfit


@dataclass(frozen=True)
class IssueOrder:
    """An order of a school's director.

    Attributes
    ----------
    order_kind
        ``remote_learning`` (learning is remote on these days), ``remote_consultations`` (who, for which plans, acknowledged how),
        ``consent_way``, ``placement`` (names pupils and the place), ``in_person_procedure`` (with the weekly number).
    valid_from, valid_to
        Half-open; None for an open end.
    """

    school_id: str
    order_number: str
    order_kind: str
    issued_on: date
    valid_from: date
    valid_to: date | None = None
    how_organised: str | None = None
    educators: Sequence[str] = ()
    plan_codes: Sequence[str] = ()
    acknowledgement_kinds: Sequence[str] = ()
    pupil_ids: Sequence[str] = ()
    place: str | None = None
    legal_reference: str | None = None
    when_acknowledged: str | None = None
    weekly_number: int | None = None


@dataclass(frozen=True)
class EndOrder:
    """An order holds no more from a day on."""

    order_id: int
    valid_to: date


@dataclass(frozen=True)
class RecordCertificate:
    """A certificate that no funding is there from the municipality of declared and of actual residence.

    Attributes
    ----------
    certificate_kind
        ``semester`` or ``monthly``.
    valid_from, valid_to
        The printed period, half-open.
    replaces_id
        The certificate of which this one is an amended version.
    """

    pupil_id: str
    school_id: str
    certificate_kind: str
    issued_on: date
    valid_from: date
    valid_to: date
    municipalities: Sequence[str]
    file_reference: str | None = None
    replaces_id: int | None = None


def issue_order(work: Work, command: IssueOrder) -> Outcome:
    """Write an order that states what its kind must state."""
    work.need_school(command.school_id, {"director"})
    work.institution(command.school_id, command.issued_on)
    if command.order_kind not in ORDER_KINDS or not set(command.acknowledgement_kinds) <= set(ACKNOWLEDGEMENT_KINDS):
        raise misfit(
            message("An order and its ways of acknowledging are of kinds that the register knows."),
            message("One that was given is not."),
            message("Choose from the lists of the form."),
        )
    if not command.issued_on <= min(work.today, command.valid_from):
        raise misfit(
            message("An order is issued, then recorded, and holds from the day of its issue or later."),
            message("Its days are not in this order."),
            message("Correct the days; for days that are past there is no order."),
        )
    _check_contents(work, command)
    _check_named(work, command)
    number = work.insert(
        DIRECTOR_ORDER,
        school_id=command.school_id,
        order_number=command.order_number,
        order_kind=command.order_kind,
        issued_on=command.issued_on,
        valid_from=command.valid_from,
        valid_to=command.valid_to,
        how_organised=command.how_organised,
        legal_reference=command.legal_reference,
        when_acknowledged=command.when_acknowledged,
        place=command.place,
        weekly_number=command.weekly_number,
    )
    for table, column, values in (
        (ORDER_EDUCATOR, "login", command.educators),
        (ORDER_PLAN, "plan_code", command.plan_codes),
        (ORDER_ACKNOWLEDGEMENT, "acknowledgement_kind", command.acknowledgement_kinds),
        (ORDER_PUPIL, "pupil_id", command.pupil_ids),
    ):
        work.insert_links(table, ({"order_id": number, column: value} for value in sorted(set(values))))
    return Outcome({"order_id": number}, f"school:{command.school_id}", "", {"reference": command.order_number})


def _check_contents(work: Work, command: IssueOrder) -> None:
    on = command.issued_on
    if command.order_kind == "remote_consultations":
        needed = (command.educators, command.plan_codes, command.acknowledgement_kinds)
        is_whole = is_told(command.how_organised) and all(needed)
        work.hold(is_whole, "order_contents", on, message("One of the four is missing."))
        is_whole = is_told(command.legal_reference) and is_told(command.when_acknowledged)
        found = message("The legal act, or when receipt is acknowledged, is missing.")
        for programme in _programmes_of(work, command.plan_codes):
            work.hold(is_whole, "order_contents_2021", on, found, programme=programme)
    if command.order_kind == "placement":
        is_whole = bool(command.pupil_ids) and is_told(command.place)
        work.hold(is_whole, "placement_order", on, message("Pupils or place are missing."))
    if command.order_kind == "in_person_procedure":
        rule = work.rule("in_person_school_cap", command.valid_from)
        most = rule.parameters["max_per_week"] if rule else None
        is_kept = most is None or (command.weekly_number is not None and command.weekly_number <= most)
        found = message("The number that was given: {number}.", number=command.weekly_number or "–")
        work.hold(is_kept, "in_person_school_cap", command.valid_from, found)


def _check_named(work: Work, command: IssueOrder) -> None:
    """Refuse an order that names plans, people or pupils who are not the school's own."""
    plans = select(PLAN.c.plan_code).where(PLAN.c.school_id == command.school_id, PLAN.c.status != "INACTIVE")
    known = {row.plan_code for row in work.all(plans.where(PLAN.c.plan_code.in_(list(command.plan_codes))))}
    if known != set(command.plan_codes):
        raise misfit(
            message("An order names plans of its school by their codes."),
            message("There is no live plan of the school for one of them."),
            message("Look the codes up, and correct them."),
        )
    for login in sorted(set(command.educators)):
        work.need_colleague(login, command.school_id)
    for pupil_id in sorted(set(command.pupil_ids)):
        stay_of(work, pupil_id, command.school_id, command.valid_from)


def _programmes_of(work: Work, plan_codes: Sequence[str]) -> list[str]:
    rows = work.all(select(PLAN.c.programme).where(PLAN.c.plan_code.in_(list(plan_codes))).distinct())
    return sorted(row.programme for row in rows)


def end_order(work: Work, command: EndOrder) -> Outcome:
    """Write from which day an order holds no more."""
    order = work.the(DIRECTOR_ORDER, order_id=command.order_id)
    work.need_school(order.school_id, {"director"})
    if not order.valid_from < command.valid_to <= (order.valid_to or command.valid_to):
        raise misfit(
            message("An order ends after its first day, and never later than it was issued for."),
            message("The day lies before the one or after the other."),
            message("Correct the day; to prolong it, issue a new order."),
        )
    work.act.connection.execute(
        update(DIRECTOR_ORDER).where(DIRECTOR_ORDER.c.order_id == command.order_id).values(valid_to=command.valid_to)
    )
    return Outcome({"order_id": command.order_id}, f"school:{order.school_id}", "", {"reference": order.order_number})


def record_certificate(work: Work, command: RecordCertificate) -> Outcome:
    """Write a certificate that covers both places of residence."""
    work.need_school(command.school_id, STAFF_OF_A_SCHOOL)
    pupil = work.the(PUPIL, pupil_id=command.pupil_id)
    stay_of(work, command.pupil_id, command.school_id, command.issued_on)
    needed = {place for place in (pupil.declared_municipality, pupil.actual_municipality) if place is not None}
    work.hold(
        bool(command.municipalities) and needed <= set(command.municipalities),
        "certificate_both_residences",
        command.issued_on,
        message("It does not name each municipality of residence."),
    )
    if command.issued_on > work.today:
        raise misfit(
            message("A certificate is recorded once it is there."),
            message("Its day lies in the future."),
            message("Correct the day."),
        )
    if command.replaces_id is not None:
        work.the(CERTIFICATE, certificate_id=command.replaces_id, pupil_id=command.pupil_id)
    number = work.insert(
        CERTIFICATE,
        pupil_id=command.pupil_id,
        school_id=command.school_id,
        certificate_kind=command.certificate_kind,
        issued_on=command.issued_on,
        valid_from=command.valid_from,
        valid_to=command.valid_to,
        file_reference=command.file_reference,
        replaces_id=command.replaces_id,
    )
    rows = ({"certificate_id": number, "municipality_code": place} for place in sorted(set(command.municipalities)))
    work.insert_links(CERTIFICATE_AREA, rows)
    return Outcome({"certificate_id": number}, f"school:{command.school_id}", command.pupil_id)


def order_in_force(work: Work, school_id: str, order_kind: str, on: date) -> Row[Any] | None:
    """Return the newest order of a kind that holds in a school on a day."""
    return work.act.connection.execute(
        select(DIRECTOR_ORDER)
        .where(
            DIRECTOR_ORDER.c.school_id == school_id,
            DIRECTOR_ORDER.c.order_kind == order_kind,
            DIRECTOR_ORDER.c.valid_from <= on,
            (DIRECTOR_ORDER.c.valid_to.is_(None)) | (DIRECTOR_ORDER.c.valid_to > on),
        )
        .order_by(DIRECTOR_ORDER.c.issued_on.desc(), DIRECTOR_ORDER.c.order_id.desc())
        .limit(1)
    ).one_or_none()
