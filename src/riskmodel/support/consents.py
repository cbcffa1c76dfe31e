"""Consents and agreements: who gave which, in which way, and from which day a plan may be begun."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, select, update

from riskmodel.messages import message
from riskmodel.support.pupils import is_of_age, stay_of
from riskmodel.support.schema.papers import CHANNELS, CONSENT, DIRECTOR_ORDER, PUPIL, RECIPIENTS
from riskmodel.support.schema.plans import PLAN
from riskmodel.support.words import CHANNEL_WORDS, GIVER_WORDS
from riskmodel.support.work import STAFF_OF_A_SCHOOL, Outcome, Work, is_told, misfit, not_allowed

PLATFORMS = ("e-klase", "mykoob", "municipal_platform")
COUNTS_FROM = "received"
"""Of paper, post and e-signature no text of the programme says which day counts. The later one, receipt, begins nothing too early."""


@dataclass(frozen=True)
class RecordConsent:
    """A consent to a plan, an agreement of pupil and educator, or a consent to hand a plan over.

    Attributes
    ----------
    paper_kind
        ``consent``, ``agreement`` or ``handover``.
    giver
        ``parent``, ``legal_guardian``, ``adult_pupil``; of a child in care ``foster_family``, ``legal_guardian`` or ``head_of_care_institution``;
        of an agreement ``pupil``.
    channel
        One of ``CHANNELS``; a plain e-mail is none.
    signed_on, received_on
        The day on the form (for a message: the day on which it was sent), and the day on which the school had it.
    """

    pupil_id: str
    school_id: str
    school_year: int
    semester: int
    giver: str
    channel: str
    signed_on: date
    received_on: date
    form_version: str
    paper_kind: str = "consent"
    platform: str | None = None
    sender: str | None = None
    is_own_profile: bool = False
    has_full_text: bool = False
    recipient: str | None = None
    why_no_paper: str | None = None
    order_id: int | None = None
    file_reference: str | None = None


@dataclass(frozen=True)
class WithdrawConsent:
    """A consent holds no more from a day on."""

    consent_id: int
    withdrawn_on: date


def record_consent(work: Work, command: RecordConsent) -> Outcome:
    """Write a consent that the rules of its own day accept."""
    work.need_school(command.school_id, STAFF_OF_A_SCHOOL)
    given_on = command.signed_on if command.channel == "authenticated_message" else _counting_day(command)
    if max(command.signed_on, command.received_on) > work.today or command.signed_on > command.received_on:
        raise misfit(
            message("A paper is signed, then received, and then recorded."),
            message("The days are not in this order."),
            message("Correct the day of signing or of receipt."),
        )
    pupil = work.the(PUPIL, pupil_id=command.pupil_id)
    stay_of(work, command.pupil_id, command.school_id, given_on)
    _check_giver(work, command, pupil, given_on)
    _check_channel(work, command, given_on)
    number = work.insert(
        CONSENT,
        pupil_id=command.pupil_id,
        school_id=command.school_id,
        paper_kind=command.paper_kind,
        school_year=command.school_year,
        semester=command.semester,
        giver=command.giver,
        channel=command.channel,
        form=_form(command),
        form_version=command.form_version,
        given_on=given_on,
        signed_on=command.signed_on,
        received_on=command.received_on,
        platform=command.platform,
        sender=command.sender,
        recipient=command.recipient,
        why_no_paper=command.why_no_paper,
        order_id=command.order_id,
        file_reference=command.file_reference,
    )
    return Outcome(
        {"consent_id": number, "given_on": given_on.isoformat()}, f"school:{command.school_id}", command.pupil_id
    )


def _counting_day(command: RecordConsent) -> date:
    return command.received_on if COUNTS_FROM == "received" else command.signed_on


def _form(command: RecordConsent) -> str:
    if command.paper_kind != "consent":
        return command.paper_kind
    return "adult_pupil" if command.giver == "adult_pupil" else "parent"


def _check_giver(work: Work, command: RecordConsent, pupil: Row[Any], on: date) -> None:
    found = message("The giver is entered as: {giver}.", giver=GIVER_WORDS.get(command.giver, command.giver[:20]))
    if command.paper_kind == "agreement":
        if command.giver != "pupil":
            raise misfit(
                message("An agreement is made by the pupil and the educator."),
                found,
                message("Enter the pupil as the one who agrees."),
            )
        return
    if command.giver == "adult_pupil":
        is_adult = is_of_age(pupil.born_on, on)
        told = (
            message("The birthday of the pupil is not known.")
            if is_adult is None
            else message("The pupil is not of full age on that day.")
        )
        work.hold(bool(is_adult), "consent_full_age", on, told)
    elif pupil.is_in_care:
        givers = {"foster_family", "legal_guardian", "head_of_care_institution"}
        work.hold(command.giver in givers, "consent_giver", on, found)
    else:
        work.hold(command.giver in {"parent", "legal_guardian"}, "consent_giver", on, found)


def _check_channel(work: Work, command: RecordConsent, on: date) -> None:
    found = message(
        "The way is entered as: {channel}.", channel=CHANNEL_WORDS.get(command.channel, command.channel[:20])
    )
    rule_id = "agreement_channel" if command.paper_kind == "agreement" else "consent_channel"
    work.hold(command.channel in CHANNELS, rule_id, on, found)
    work.hold(bool(command.form_version.strip()), "consent_form", on, message("No version is entered."))
    if command.channel == "esignature":
        work.hold(is_told(command.file_reference), "consent_signed_file", on, message("No file is named."))
    if command.channel == "other_by_order":
        _need_order(work, command, on)
    if command.channel == "authenticated_message":
        _check_message(work, command, on)


def _check_message(work: Work, command: RecordConsent, on: date) -> None:
    is_named = command.platform in PLATFORMS and is_told(command.sender)
    work.hold(is_named, "consent_platform", on, message("Platform or sender is missing."))
    is_whole = command.is_own_profile and command.has_full_text
    work.hold(is_whole, "consent_full_text", on, message("The full text or the own profile is not confirmed."))
    told = message("No recipient is entered, or another one.")
    work.hold(command.recipient in RECIPIENTS, "consent_recipient", on, told)
    work.hold(is_told(command.why_no_paper), "consent_paper_first", on, message("No reason is entered."))
    _need_order(work, command, on)


def _need_order(work: Work, command: RecordConsent, on: date) -> None:
    order = None
    if command.order_id is not None:
        order = work.one(select(DIRECTOR_ORDER).where(DIRECTOR_ORDER.c.order_id == command.order_id))
    is_in_force = (
        order is not None
        and order.school_id == command.school_id
        and order.order_kind == "consent_way"
        and order.valid_from <= on
        and (order.valid_to is None or on < order.valid_to)
    )
    work.hold(is_in_force, "consent_order_reference", on, message("No order in force on that day is named."))


def withdraw_consent(work: Work, command: WithdrawConsent) -> Outcome:
    """Write that a consent was withdrawn; no support is recorded for days from then on."""
    consent = work.the(CONSENT, consent_id=command.consent_id)
    if not any(grant.role == "steward" for grant in work.grants()):
        # Where the consent was given, and where the plan is that rests on it: it may have gone to another school.
        bearing = work.all(select(PLAN.c.school_id).where(PLAN.c.consent_id == command.consent_id))
        places = {consent.school_id, *(row.school_id for row in bearing)}
        if not any(work.roles_in(place) & STAFF_OF_A_SCHOOL for place in places):
            raise not_allowed()
    if consent.withdrawn_on is not None or not consent.given_on <= command.withdrawn_on <= work.today:
        raise misfit(
            message("A consent is withdrawn once, after it was given."),
            message("It was withdrawn before, or the day does not lie between the giving and today."),
            message("Correct the day."),
        )
    work.act.connection.execute(
        update(CONSENT).where(CONSENT.c.consent_id == command.consent_id).values(withdrawn_on=command.withdrawn_on)
    )
    return Outcome({"consent_id": command.consent_id}, f"school:{consent.school_id}", consent.pupil_id)


def is_withdrawn(consent: Row[Any], on: date) -> bool:
    """Whether a consent does not hold any more on a day."""
    return consent.withdrawn_on is not None and consent.withdrawn_on <= on
