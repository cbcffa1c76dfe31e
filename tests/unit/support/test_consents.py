"""Consents: who gives which, by which way, with what beside it, and from which day it counts."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from refusals import one, refused
from supported import OTHER_SCHOOL, SCHOOL, VET_SCHOOL, World, pupil_id

from riskmodel.support.consents import RecordConsent, WithdrawConsent
from riskmodel.support.orders import EndOrder, IssueOrder
from riskmodel.support.plans import BeginPlan
from riskmodel.support.schema.papers import CHANNELS, CONSENT
from riskmodel.support.work import NotAllowedError, UnknownThingError

TODAY = date(2019, 9, 16)
MESSAGE = {
    "channel": "authenticated_message",
    "platform": "e-klase",
    "sender": "own profile of the parent",
    "is_own_profile": True,
    "has_full_text": True,
    "recipient": "preparer",
    "why_no_paper": "The family is in quarantine.",
}


def paper(pupil: str, **more: object) -> RecordConsent:
    given = {
        "school_id": SCHOOL,
        "school_year": 2019,
        "semester": 1,
        "giver": "parent",
        "channel": "paper_delivered",
        "signed_on": TODAY,
        "received_on": TODAY,
        "form_version": "2020-03-26",
        **more,
    }
    return RecordConsent(pupil, **given)


def way_order(world: World, who: str = "director", school_id: str = SCHOOL, **more: object) -> int:
    given = {"order_kind": "consent_way", "issued_on": world.calendar.day, "valid_from": world.calendar.day, **more}
    return int(world.do(who, IssueOrder(school_id, f"1-{next(world.numbers)}", **given))["order_id"])


@pytest.mark.requirement("R28")
@pytest.mark.parametrize("channel", ["plain_email", "email", "telephone"])
def test_a_plain_e_mail_is_no_way_to_consent(world, channel):
    pupil = world.enrol()
    error = refused(world, "teacher", paper(pupil, channel=channel), "consent_channel")
    assert "e-pasts" in error.in_language("lv")
    assert "email" not in CHANNELS


@pytest.mark.requirement("R31", "R32", "R38")
@pytest.mark.parametrize("channel", ["paper_delivered", "post"])
def test_paper_brought_or_sent_counts_with_the_version_of_its_form(world, channel):
    pupil = world.enrol()
    refused(world, "teacher", paper(pupil, channel=channel, form_version=" "), "consent_form")
    number = world.consent(pupil, channel=channel)
    kept = one(world, CONSENT, consent_id=number)
    assert (kept.channel, kept.form, kept.form_version) == (channel, "parent", "2020-03-26")


@pytest.mark.requirement("R33")
def test_an_e_signature_needs_the_signed_file(world):
    pupil = world.enrol()
    refused(world, "teacher", paper(pupil, channel="esignature"), "consent_signed_file")
    refused(world, "teacher", paper(pupil, channel="esignature", file_reference="  "), "consent_signed_file")
    number = world.consent(pupil, channel="esignature", file_reference="archive 2019/17.edoc")
    assert one(world, CONSENT, consent_id=number).file_reference == "archive 2019/17.edoc"


@pytest.mark.requirement("R34")
def test_another_way_needs_an_order_of_the_school_that_sets_it_and_holds(world):
    pupil = world.enrol()
    named = {"channel": "other_by_order"}
    refused(world, "teacher", paper(pupil, **named), "consent_order_reference")
    refused(world, "teacher", paper(pupil, **named, order_id=999), "consent_order_reference")
    foreign = way_order(world, "other.director", OTHER_SCHOOL)
    refused(world, "teacher", paper(pupil, **named, order_id=foreign), "consent_order_reference")
    other_kind = way_order(world, order_kind="remote_learning")
    refused(world, "teacher", paper(pupil, **named, order_id=other_kind), "consent_order_reference")
    fitting = way_order(world)
    assert world.consent(pupil, order_id=fitting, **named)
    world.calendar.day = TODAY + timedelta(days=4)
    world.do("director", EndOrder(fitting, world.calendar.day))
    late = paper(pupil, **named, order_id=fitting, signed_on=world.calendar.day, received_on=world.calendar.day)
    refused(world, "teacher", late, "consent_order_reference")
    day_before = world.calendar.day - timedelta(days=1)
    assert world.consent(pupil, order_id=fitting, **named, signed_on=day_before)


@pytest.mark.requirement("R28", "R35", "R37")
@pytest.mark.parametrize(
    ("missing", "rule_id"),
    [
        ({"platform": None}, "consent_platform"),
        ({"platform": "gmail"}, "consent_platform"),
        ({"sender": None}, "consent_platform"),
        ({"is_own_profile": False}, "consent_full_text"),
        ({"has_full_text": False}, "consent_full_text"),
        ({"recipient": None}, "consent_recipient"),
        ({"recipient": "class teacher"}, "consent_recipient"),
        ({"why_no_paper": None}, "consent_paper_first"),
        ({"why_no_paper": " "}, "consent_paper_first"),
        ({"order_id": None}, "consent_order_reference"),
    ],
)
def test_a_message_needs_platform_own_profile_full_text_recipient_reason_and_order(world, missing, rule_id):
    pupil, order = world.enrol(), way_order(world)
    refused(world, "teacher", paper(pupil, **{**MESSAGE, "order_id": order, **missing}), rule_id)
    assert world.consent(pupil, **MESSAGE, order_id=order)


@pytest.mark.requirement("R36")
def test_a_message_counts_from_the_day_it_was_sent_and_paper_from_the_day_of_receipt(world):
    pupil = world.enrol()
    order = way_order(world)
    world.calendar.day = TODAY + timedelta(days=3)
    sent = world.consent(pupil, **MESSAGE, order_id=order, signed_on=TODAY, received_on=world.calendar.day)
    assert one(world, CONSENT, consent_id=sent).given_on == TODAY
    on_paper = world.consent(pupil, signed_on=TODAY, received_on=world.calendar.day)
    assert one(world, CONSENT, consent_id=on_paper).given_on == world.calendar.day


@pytest.mark.requirement("R36", "R29")
def test_a_plan_begins_on_the_day_of_consent_and_not_one_day_earlier(world):
    pupil, consent = world.enrol(), None
    consent = world.consent(pupil)
    world.calendar.day = TODAY + timedelta(days=1)
    early = BeginPlan(pupil, SCHOOL, "pumpurs", 2019, 1, consent, TODAY - timedelta(days=1))
    error = refused(world, "teacher", early, "consent_start")
    assert "16.09.2019." in error.in_language("lv")
    assert world.begin(pupil, consent, started_on=TODAY)


@pytest.mark.requirement("R30")
def test_a_pupil_consents_in_person_from_the_eighteenth_birthday_and_not_the_day_before(world):
    pupil = world.enrol(1, born_on=TODAY.replace(year=2001))
    number = world.consent(pupil, giver="adult_pupil")
    assert one(world, CONSENT, consent_id=number).form == "adult_pupil"
    younger = world.enrol(2, born_on=date(2001, 9, 17))
    refused(world, "teacher", paper(younger, giver="adult_pupil"), "consent_full_age")
    unknown = world.enrol(3, born_on=None)
    refused(world, "teacher", paper(unknown, giver="adult_pupil"), "consent_full_age")


@pytest.mark.requirement("R30")
@pytest.mark.parametrize("giver", ["sister", "class_teacher", "pupil", "foster_family"])
def test_nobody_else_consents_for_a_child_that_lives_in_the_family(world, giver):
    refused(world, "teacher", paper(world.enrol(), giver=giver), "consent_giver")


@pytest.mark.requirement("X10")
def test_for_a_child_in_care_those_who_care_consent_and_no_parent(world):
    pupil = world.enrol(is_in_care=True)
    refused(world, "teacher", paper(pupil, giver="parent"), "consent_giver")
    for giver in ("foster_family", "legal_guardian", "head_of_care_institution"):
        number = world.consent(pupil, giver=giver)
        assert one(world, CONSENT, consent_id=number).giver == giver


@pytest.mark.requirement("R39")
def test_the_agreement_is_the_pupil_s_and_takes_no_plain_e_mail_either(world):
    pupil = world.enrol()
    refused(world, "teacher", paper(pupil, paper_kind="agreement", giver="parent"))
    by_mail = paper(pupil, paper_kind="agreement", giver="pupil", channel="plain_email")
    refused(world, "teacher", by_mail, "agreement_channel")
    number = world.consent(pupil, paper_kind="agreement", giver="pupil")
    assert one(world, CONSENT, consent_id=number).form == "agreement"


def test_no_paper_is_signed_after_its_receipt_or_received_tomorrow(world):
    pupil = world.enrol()
    refused(world, "teacher", paper(pupil, received_on=TODAY + timedelta(days=1)))
    refused(world, "teacher", paper(pupil, received_on=TODAY - timedelta(days=1)))


def test_a_paper_of_an_unknown_kind_or_semester_is_refused_in_words(world):
    pupil = world.enrol()
    refused(world, "teacher", paper(pupil, paper_kind="permission"))
    refused(world, "teacher", paper(pupil, semester=3))
    refused(world, "teacher", paper(pupil, school_year=1999))


def test_a_consent_is_recorded_for_pupils_of_the_own_school_alone(world):
    pupil = world.enrol(1, OTHER_SCHOOL)
    refused(world, "teacher", paper(pupil), kind=UnknownThingError)
    refused(world, "teacher", paper(pupil, school_id=OTHER_SCHOOL), kind=NotAllowedError)
    refused(world, "teacher", paper(pupil_id(77)), kind=UnknownThingError)


def test_a_consent_is_withdrawn_once_between_the_giving_and_today(world):
    number = world.consent(world.enrol())
    world.calendar.day = TODAY + timedelta(days=10)
    refused(world, "teacher", WithdrawConsent(number, TODAY - timedelta(days=1)))
    refused(world, "teacher", WithdrawConsent(number, TODAY + timedelta(days=11)))
    world.do("teacher", WithdrawConsent(number, TODAY + timedelta(days=5)))
    refused(world, "teacher", WithdrawConsent(number, TODAY + timedelta(days=6)))
    assert one(world, CONSENT, consent_id=number).withdrawn_on == TODAY + timedelta(days=5)


def test_a_withdrawal_is_taken_by_the_school_and_by_the_steward_and_by_no_other_school(world):
    number = world.consent(world.enrol())
    for who in ("other.teacher", "vet.director", "municipality", "state", "researcher"):
        refused(world, who, WithdrawConsent(number, TODAY), kind=NotAllowedError)
    world.do("steward", WithdrawConsent(number, TODAY))


def test_a_paper_of_a_vocational_pupil_is_the_state_school_s(world):
    pupil = world.enrol(1, VET_SCHOOL, stage_kind="vet_year", stage_number=1, class_code="1-1")
    assert world.consent(pupil, school_id=VET_SCHOOL, who="vet.teacher")
