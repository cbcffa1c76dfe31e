"""Institutions, memberships, agreements, partners, staff and means: dated, so that a statistic counts as it was then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import delete, select, update

from riskmodel.messages import message
from riskmodel.register.grants import MUNICIPALITY_CODE, SCHOOL_ID
from riskmodel.support.catalogue import PROVIDERS
from riskmodel.support.plans import measure_of, the_programme
from riskmodel.support.schema.places import (
    BUDGET,
    COOPERATION,
    INSTITUTION,
    INSTITUTION_KINDS,
    MEMBERSHIP,
    PARTNER,
    PARTNER_KINDS,
    PRACTICE_NOTE,
    STAFF,
)
from riskmodel.support.work import Outcome, Work, misfit, not_allowed


@dataclass(frozen=True)
class RecordInstitution:
    """What a school is from a day on: its kind and its municipality. An earlier row ends the day before."""

    school_id: str
    shown_name: str
    institution_kind: str
    municipality_code: str
    valid_from: date
    valid_to: date | None = None


@dataclass(frozen=True)
class Join:
    """A municipality or an institution takes part in a programme from a day on; the same beginning again sets the end."""

    programme: str
    member_kind: str
    member_code: str
    valid_from: date
    valid_to: date | None = None


@dataclass(frozen=True)
class RecordCooperation:
    """An agreement on cooperation was signed."""

    programme: str
    member_kind: str
    member_code: str
    agreement_number: str
    agreed_on: date


@dataclass(frozen=True)
class RecordPartner:
    """A strategic partner of a municipality: a school, the education board, the social service, the orphans' court, another."""

    programme: str
    municipality_code: str
    partner_kind: str
    shown_name: str
    valid_from: date
    valid_to: date | None = None


@dataclass(frozen=True)
class RecordStaff:
    """Somebody works in a school as something, for so many hours of support a week (None: not limited)."""

    login: str
    school_id: str
    profession: str
    valid_from: date
    valid_to: date | None = None
    hours_per_week: int | None = None


@dataclass(frozen=True)
class SetBudget:
    """What a municipality or an institution has for a semester, in cents; again: in place of what was."""

    programme: str
    member_kind: str
    member_code: str
    school_year: int
    semester: int
    cents: int


@dataclass(frozen=True)
class ShareNote:
    """What a municipality learnt, for the others; no person is told of."""

    municipality_code: str
    title: str
    told: str
    measure_code: str | None = None


def record_institution(work: Work, command: RecordInstitution) -> Outcome:
    """Write what a school is from a day on."""
    work.forget_places()
    work.need("steward", "state")
    if (
        command.institution_kind not in INSTITUTION_KINDS
        or not SCHOOL_ID.fullmatch(command.school_id)
        or not MUNICIPALITY_CODE.fullmatch(command.municipality_code)
    ):
        raise misfit(
            message("An institution has a number, a kind, and the code of its municipality."),
            message("The entry is not so."),
            message("Correct it; municipalities have codes such as LV0001000."),
        )
    own = INSTITUTION.c
    rows = work.all(select(INSTITUTION).where(own.school_id == command.school_id).order_by(own.valid_from))
    if any(row.valid_from >= command.valid_from for row in rows):
        raise misfit(
            message("What a school was is written in the order of time."),
            message("There is an entry of that day or later."),
            message("Correct the first day."),
        )
    if rows and (rows[-1].valid_to is None or rows[-1].valid_to > command.valid_from):
        work.act.connection.execute(
            update(INSTITUTION).where(own.institution_id == rows[-1].institution_id).values(valid_to=command.valid_from)
        )
    number = work.insert(
        INSTITUTION,
        school_id=command.school_id,
        shown_name=command.shown_name,
        institution_kind=command.institution_kind,
        municipality_code=command.municipality_code,
        valid_from=command.valid_from,
        valid_to=command.valid_to,
    )
    return Outcome({"institution_id": number}, f"school:{command.school_id}")


def join(work: Work, command: Join) -> Outcome:
    """Write a membership, or the end of one."""
    work.forget_places()
    the_programme(command.programme)
    work.need("steward", "state")
    unit = unit_of(command.member_kind, command.member_code)
    own = MEMBERSHIP.c
    same = (
        (own.programme == command.programme)
        & (own.member_kind == command.member_kind)
        & (own.member_code == command.member_code)
    )
    rows = work.all(select(MEMBERSHIP).where(same))
    begun = next((row for row in rows if row.valid_from == command.valid_from), None)
    for row in rows:
        ends_before = row.valid_to is not None and row.valid_to <= command.valid_from
        begins_after = command.valid_to is not None and command.valid_to <= row.valid_from
        if row is not begun and not ends_before and not begins_after:
            raise misfit(
                message("A member takes part once at a time."),
                message("Another membership covers some of these days."),
                message("End the earlier one first, with its own first day."),
            )
    if begun is not None:
        values = work.signed({"valid_to": command.valid_to})
        work.act.connection.execute(update(MEMBERSHIP).where(own.membership_id == begun.membership_id).values(**values))
        return Outcome({"membership_id": begun.membership_id}, unit)
    number = work.insert(
        MEMBERSHIP,
        programme=command.programme,
        member_kind=command.member_kind,
        member_code=command.member_code,
        valid_from=command.valid_from,
        valid_to=command.valid_to,
    )
    return Outcome({"membership_id": number}, unit)


def unit_of(member_kind: str, member_code: str) -> str:
    """Return a member as the audit names it.

    Raises
    ------
    UsageError
        When kind and code do not fit.
    """
    form = {"municipality": MUNICIPALITY_CODE, "institution": SCHOOL_ID}.get(member_kind)
    if form is None or not form.fullmatch(member_code):
        raise misfit(
            message("A member is a municipality by its code, or an institution by its number."),
            message("The entry is not so."),
            message("Correct kind or code."),
        )
    return f"{'school' if member_kind == 'institution' else 'municipality'}:{member_code}"


def record_cooperation(work: Work, command: RecordCooperation) -> Outcome:
    """Write an agreement on cooperation."""
    the_programme(command.programme)
    work.need("steward", "state")
    number = work.insert(
        COOPERATION,
        programme=command.programme,
        member_kind=command.member_kind,
        member_code=command.member_code,
        agreement_number=command.agreement_number,
        agreed_on=command.agreed_on,
    )
    unit = unit_of(command.member_kind, command.member_code)
    return Outcome({"cooperation_id": number}, unit, "", {"reference": command.agreement_number})


def record_partner(work: Work, command: RecordPartner) -> Outcome:
    """Write a strategic partner of a municipality."""
    the_programme(command.programme)
    work.need("municipality", "steward", municipality_code=command.municipality_code)
    if command.partner_kind not in PARTNER_KINDS:
        raise misfit(
            message("A partner is of a kind of the list."),
            message("The entry is not so."),
            message("Choose from the list; others are `other`."),
        )
    number = work.insert(
        PARTNER,
        programme=command.programme,
        municipality_code=command.municipality_code,
        partner_kind=command.partner_kind,
        shown_name=command.shown_name,
        valid_from=command.valid_from,
        valid_to=command.valid_to,
    )
    return Outcome({"partner_id": number}, f"municipality:{command.municipality_code}")


def record_staff(work: Work, command: RecordStaff) -> Outcome:
    """Write as what somebody works in a school; the same beginning again replaces hours and end."""
    work.forget_places()
    if not any(grant.role == "steward" for grant in work.grants()):
        work.need_school(command.school_id, {"director"})
    if command.profession not in PROVIDERS:
        raise misfit(
            message("Somebody works as one of the professions of the catalogue."),
            message("The entry is not so."),
            message("Choose from the list."),
        )
    own = STAFF.c
    same = (
        (own.login == command.login)
        & (own.school_id == command.school_id)
        & (own.profession == command.profession)
        & (own.valid_from == command.valid_from)
    )
    work.act.connection.execute(delete(STAFF).where(same))
    number = work.insert(
        STAFF,
        login=command.login,
        school_id=command.school_id,
        profession=command.profession,
        hours_per_week=command.hours_per_week,
        valid_from=command.valid_from,
        valid_to=command.valid_to,
    )
    return Outcome(
        {"staff_id": number}, f"school:{command.school_id}", "", {"account": command.login, "role": command.profession}
    )


def set_budget(work: Work, command: SetBudget) -> Outcome:
    """Write the money of a semester."""
    the_programme(command.programme)
    unit = unit_of(command.member_kind, command.member_code)
    if command.member_kind == "municipality":
        work.need("municipality", "state", municipality_code=command.member_code)
    else:
        place = work.institution(command.member_code, work.today)
        work.need("municipality", "state", municipality_code=place.municipality_code)
    own = BUDGET.c
    work.act.connection.execute(
        delete(BUDGET).where(
            own.programme == command.programme,
            own.member_kind == command.member_kind,
            own.member_code == command.member_code,
            own.school_year == command.school_year,
            own.semester == command.semester,
        )
    )
    number = work.insert(
        BUDGET,
        programme=command.programme,
        member_kind=command.member_kind,
        member_code=command.member_code,
        school_year=command.school_year,
        semester=command.semester,
        cents=command.cents,
    )
    return Outcome({"budget_id": number}, unit, "", {"count": command.cents})


def share_note(work: Work, command: ShareNote) -> Outcome:
    """Write what a municipality learnt."""
    grant = work.need("municipality", municipality_code=command.municipality_code)
    if grant.municipality_code != command.municipality_code:
        raise not_allowed()
    if command.measure_code is not None:
        measure_of(command.measure_code)
    number = work.insert(
        PRACTICE_NOTE,
        municipality_code=command.municipality_code,
        title=command.title.strip(),
        told=command.told.strip(),
        measure_code=command.measure_code,
        shared_on=work.today,
    )
    return Outcome({"note_id": number}, f"municipality:{command.municipality_code}")
