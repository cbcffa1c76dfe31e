"""Support for educators, calls for youth projects, and notices of absence: what needs no plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import select

from riskmodel.messages import message
from riskmodel.support.plans import takes_part, the_programme
from riskmodel.support.pupils import need_own_pupil
from riskmodel.support.schema.plans import NOTICE
from riskmodel.support.schema.services import APPLICANTS, EVENT, EVENT_KINDS, EVENT_SCHOOL, YOUTH_CALL, YOUTH_PROJECT
from riskmodel.support.work import STAFF_OF_A_SCHOOL, Outcome, Work, is_told, misfit


@dataclass(frozen=True)
class RecordEvent:
    """A seminar, supervision, workshop, conference or programme for educators.

    Attributes
    ----------
    event_kind
        A code of the catalogue's support for educators, e.g. ``PA-SUP``.
    schools
        How many educators of which school took part; empty for an event of a whole municipality.
    led_by, is_certified
        Of a supervision: its supervisor, and whether certified.
    """

    event_kind: str
    title: str
    programme: str
    happened_on: date
    participants: int
    municipality_code: str | None = None
    topic: str | None = None
    place: str | None = None
    minutes: int | None = None
    audience: str | None = None
    led_by: str | None = None
    is_certified: bool = False
    schools: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class OpenCall:
    """A municipality calls for youth projects."""

    programme: str
    municipality_code: str
    year: int
    opens_on: date
    closes_on: date
    aim: str


@dataclass(frozen=True)
class RecordProject:
    """A project that answered a call; its participants are counted, never named."""

    call_id: int
    applicant: str
    shown_name: str
    title: str
    cents: int
    applied_on: date
    is_accepted: bool
    participants: int | None = None
    begins_on: date | None = None


@dataclass(frozen=True)
class SendNotice:
    """A notice on unexcused absences under the regulation was sent: a duty by law, no word of the model.

    Attributes
    ----------
    lessons
        Unexcused lessons of the semester.
    """

    pupil_id: str
    school_id: str
    school_year: int
    semester: int
    lessons: int
    sent_to: str
    sent_on: date


def record_event(work: Work, command: RecordEvent) -> Outcome:
    """Write an event for educators down."""
    the_programme(command.programme)
    work.need("municipality", "state", municipality_code=command.municipality_code)
    counted = sum(command.schools.values())
    if command.event_kind not in EVENT_KINDS or command.happened_on > work.today or counted > command.participants:
        raise misfit(
            message(
                "An event is of a kind of the catalogue, has happened, and had no fewer participants than its schools."
            ),
            message("The entry is not so."),
            message("Correct it."),
        )
    if command.event_kind == "PA-SUP":
        _check_supervision(work, command)
    number = work.insert(
        EVENT,
        event_kind=command.event_kind,
        topic=command.topic,
        title=command.title,
        programme=command.programme,
        municipality_code=command.municipality_code,
        place=command.place,
        happened_on=command.happened_on,
        minutes=command.minutes,
        participants=command.participants,
        audience=command.audience,
        led_by=command.led_by,
        is_certified=int(command.is_certified),
    )
    rows = (
        {"event_id": number, "school_id": key, "participants": command.schools[key]} for key in sorted(command.schools)
    )
    work.insert_links(EVENT_SCHOOL, rows)
    unit = f"municipality:{command.municipality_code}" if command.municipality_code else "state"
    return Outcome({"event_id": number}, unit)


def _check_supervision(work: Work, command: RecordEvent) -> None:
    on, of = command.happened_on, command.programme
    if (rule := work.rule("supervision_participants", on, of)) is not None:
        is_kept = command.participants <= rule.parameters["max_participants"]
        told = message("{count} took part.", count=command.participants)
        work.hold(is_kept, "supervision_participants", on, told, programme=of)
    if (rule := work.rule("supervision_minutes", on, of)) is not None:
        is_kept = command.minutes is not None and command.minutes <= rule.parameters["max_minutes"]
        told = message("It lasted {minutes} minutes.", minutes=command.minutes or "–")
        work.hold(is_kept, "supervision_minutes", on, told, programme=of)
    is_led = command.is_certified and is_told(command.led_by)
    work.hold(is_led, "supervision_supervisor", on, message("No certified supervisor is entered."), programme=of)


def open_call(work: Work, command: OpenCall) -> Outcome:
    """Write a call for youth projects down."""
    the_programme(command.programme)
    work.need("municipality", municipality_code=command.municipality_code)
    on = command.opens_on
    if command.year != on.year:
        raise misfit(
            message("A call is of the year in which it opens."),
            message("The first day lies in another year."),
            message("Correct the year or the day."),
        )
    if command.programme in (work.rules.rule("youth_calls").programmes or ()):
        if work.rule("youth_calls", on, command.programme) is None:
            work.break_rule("youth_calls", message("The year is {year}.", year=command.year))
        is_member = takes_part(work, command.programme, command.municipality_code, on)
        told = message("There is no membership of the municipality that covers this day.")
        work.hold(is_member, "youth_municipality", on, told, programme=command.programme)
        own = YOUTH_CALL.c
        same = (own.municipality_code == command.municipality_code) & (own.year == command.year)
        if work.all(select(own.call_id).where(same, own.programme == command.programme)):
            work.break_rule("youth_calls", message("There is a call of the municipality in this year already."))
    number = work.insert(
        YOUTH_CALL,
        programme=command.programme,
        municipality_code=command.municipality_code,
        year=command.year,
        opens_on=command.opens_on,
        closes_on=command.closes_on,
        aim=command.aim,
    )
    return Outcome({"call_id": number}, f"municipality:{command.municipality_code}")


def record_project(work: Work, command: RecordProject) -> Outcome:
    """Write a youth project down."""
    call = work.the(YOUTH_CALL, call_id=command.call_id)
    work.need("municipality", municipality_code=call.municipality_code)
    found = message("The applicant is entered as: {kind}.", kind=command.applicant)
    on = call.opens_on
    work.hold(command.applicant in APPLICANTS, "youth_applicant", on, found, programme=call.programme)
    is_open = call.opens_on <= command.applied_on <= call.closes_on
    told = message("The application came on another day.")
    work.hold(is_open, "youth_call_open", on, told, programme=call.programme)
    if command.applied_on > work.today:
        raise misfit(
            message("An application is recorded once it came."),
            message("Its day lies in the future."),
            message("Correct the day."),
        )
    rule = work.rule("youth_amount", on, call.programme)
    if rule is not None:
        most = rule.parameters["amount_eur"]
        told = message("The amount is EUR {amount}.", amount=f"{command.cents / 100:.2f}")
        work.hold(command.cents <= most * 100, "youth_amount", on, told, programme=call.programme)
    number = work.insert(
        YOUTH_PROJECT,
        call_id=command.call_id,
        applicant=command.applicant,
        shown_name=command.shown_name,
        title=command.title,
        cents=command.cents,
        applied_on=command.applied_on,
        participants=command.participants,
        is_accepted=int(command.is_accepted),
        begins_on=command.begins_on,
    )
    return Outcome({"project_id": number}, f"municipality:{call.municipality_code}")


def send_notice(work: Work, command: SendNotice) -> Outcome:
    """Write down that a notice was sent."""
    work.need_school(command.school_id, STAFF_OF_A_SCHOOL)
    need_own_pupil(work, command.pupil_id, command.school_id, command.sent_on)
    rule = work.rule("absence_notice", command.sent_on) or work.rules.rule("absence_notice")
    threshold = rule.parameters["threshold"]
    if command.lessons <= threshold or command.sent_on > work.today:
        raise misfit(
            message("A notice is sent above {threshold} unexcused lessons of a semester.", threshold=threshold),
            message("There are {lessons}, or the day lies in the future.", lessons=command.lessons),
            message("Look at the absences again."),
        )
    number = work.insert(
        NOTICE,
        pupil_id=command.pupil_id,
        school_id=command.school_id,
        school_year=command.school_year,
        semester=command.semester,
        lessons=command.lessons,
        threshold=threshold,
        sent_on=command.sent_on,
        sent_to=command.sent_to,
    )
    return Outcome({"notice_id": number}, f"school:{command.school_id}", command.pupil_id)
