"""Certificates that no other funding is there: which a plan with economic support needs, of which day, period and places."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from refusals import one, refused, rows
from supported import OTHER_PLACE, OTHER_SCHOOL, PLACE, SCHOOL, World

from riskmodel.support.changes import PublishRule
from riskmodel.support.orders import RecordCertificate
from riskmodel.support.plans import ChangePlan, MeasureLine, RiskLine
from riskmodel.support.schema.papers import CERTIFICATE
from riskmodel.support.schema.plans import PLAN_MEASURE
from riskmodel.support.work import UnknownThingError

FIRST = date(2020, 9, 1)
DAY = date(2020, 9, 10)
AFTER_LESSONS = date(2020, 12, 23)
RISKS = (RiskLine("EK1", "Līdz skolai 23 km, autobuss divreiz dienā."),)
TICKETS = (MeasureLine("KO-TRA", ["EK1"]),)


def certificate(pupil: str, **more: object) -> RecordCertificate:
    given = {
        "school_id": SCHOOL,
        "certificate_kind": "semester",
        "issued_on": DAY - timedelta(days=1),
        "valid_from": FIRST,
        "valid_to": AFTER_LESSONS,
        "municipalities": (PLACE,),
        **more,
    }
    return RecordCertificate(pupil, **given)


def draft(world: World, number: int = 1, day: date = DAY, **more: object) -> tuple[str, str]:
    """Return a pupil and the code of a draft of 10 September 2020."""
    world.calendar.day = day
    pupil = world.enrol(number, **more)
    return pupil, world.begin(pupil, world.consent(pupil, day.year), day.year)


def with_tickets(world: World, code: str) -> ChangePlan:
    return ChangePlan(code, world.version(code), RISKS, TICKETS)


@pytest.mark.requirement("R10", "R44", "R45")
def test_economic_support_needs_a_certificate_of_the_day_before_or_the_same_day_with_a_mark(world):
    pupil, code = draft(world)
    refused(world, "teacher", with_tickets(world, code), "economic_certificate")
    world.calendar.day = DAY + timedelta(days=1)
    world.do("teacher", certificate(pupil, issued_on=DAY + timedelta(days=1)))
    refused(world, "teacher", with_tickets(world, code), "economic_certificate")
    world.do("teacher", certificate(pupil, issued_on=DAY))
    world.do("teacher", with_tickets(world, code))
    assert one(world, PLAN_MEASURE).is_same_day_certificate == 1
    world.do("teacher", certificate(pupil, issued_on=DAY - timedelta(days=1)))
    world.do("teacher", with_tickets(world, code))
    assert one(world, PLAN_MEASURE).is_same_day_certificate == 0


@pytest.mark.requirement("R45")
def test_an_earlier_certificate_that_does_not_cover_the_semester_does_not_hide_the_same_day(world):
    pupil, code = draft(world)
    world.do("teacher", certificate(pupil, valid_to=date(2020, 10, 1)))
    world.do("teacher", certificate(pupil, issued_on=DAY))
    world.do("teacher", with_tickets(world, code))
    assert one(world, PLAN_MEASURE).is_same_day_certificate == 1


@pytest.mark.requirement("R45", "R63")
def test_the_state_can_forbid_the_same_day(world):
    pupil, code = draft(world)
    world.do("teacher", certificate(pupil, issued_on=DAY))
    world.do("state", PublishRule("economic_certificate", "MK 1", parameters={"same_day_allowed": 0}))
    refused(world, "teacher", with_tickets(world, code), "economic_certificate")


@pytest.mark.requirement("R45", "R63")
def test_before_september_2020_no_certificate_was_asked_for(world):
    _, code = draft(world, day=date(2020, 9, 2))
    world.do("teacher", with_tickets(world, code))
    _, code = draft(world, 2, day=date(2020, 9, 3))
    refused(world, "teacher", with_tickets(world, code), "economic_certificate")


@pytest.mark.requirement("R44")
def test_two_residences_in_two_municipalities_need_both(world):
    world.calendar.day = DAY
    pupil = world.enrol(declared_municipality=PLACE, actual_municipality=OTHER_PLACE)
    refused(world, "teacher", certificate(pupil), "certificate_both_residences")
    refused(world, "teacher", certificate(pupil, municipalities=()), "certificate_both_residences")
    assert world.do("teacher", certificate(pupil, municipalities=(PLACE, OTHER_PLACE)))


@pytest.mark.requirement("R44")
def test_a_pupil_who_moved_to_another_municipality_needs_a_certificate_of_it(world):
    pupil, code = draft(world, declared_municipality=PLACE, actual_municipality=PLACE)
    world.do("teacher", certificate(pupil))
    world.enrol(declared_municipality=PLACE, actual_municipality=OTHER_PLACE)
    refused(world, "teacher", with_tickets(world, code), "economic_certificate")


@pytest.mark.requirement("R46")
def test_a_certificate_of_a_semester_covers_it_to_the_last_day_of_lessons(world):
    pupil, code = draft(world)
    world.do("teacher", certificate(pupil, valid_to=date(2020, 12, 18)))
    refused(world, "teacher", with_tickets(world, code), "certificate_semester")
    world.do("teacher", certificate(pupil, valid_from=date(2020, 9, 2)))
    refused(world, "teacher", with_tickets(world, code), "certificate_semester")
    world.do("teacher", certificate(pupil))
    world.do("teacher", with_tickets(world, code))


@pytest.mark.requirement("R46")
def test_an_amended_certificate_stands_beside_the_one_that_it_replaces(world):
    pupil, _ = draft(world)
    first = world.do("teacher", certificate(pupil))["certificate_id"]
    second = world.do("teacher", certificate(pupil, replaces_id=first))["certificate_id"]
    assert one(world, CERTIFICATE, certificate_id=second).replaces_id == first
    assert len(rows(world, CERTIFICATE, pupil_id=pupil)) == 2
    other = world.enrol(2)
    refused(world, "teacher", certificate(other, replaces_id=first), kind=UnknownThingError)


@pytest.mark.requirement("R47")
def test_a_monthly_certificate_lets_economic_support_into_a_plan_when_it_is_of_the_semester(world):
    pupil, code = draft(world)
    next_semester = {"valid_from": date(2021, 1, 11), "valid_to": date(2021, 2, 1)}
    world.do("teacher", certificate(pupil, certificate_kind="monthly", **next_semester))
    refused(world, "teacher", with_tickets(world, code), "economic_certificate")
    world.do("teacher", certificate(pupil, certificate_kind="monthly", valid_to=date(2020, 10, 1)))
    world.do("teacher", with_tickets(world, code))


@pytest.mark.requirement("R44")
def test_a_certificate_of_another_pupil_does_not_help(world):
    _, code = draft(world)
    world.do("teacher", certificate(world.enrol(2)))
    refused(world, "teacher", with_tickets(world, code), "economic_certificate")


def test_a_certificate_is_recorded_for_a_pupil_of_the_school_once_it_is_there(world):
    world.calendar.day = DAY
    pupil = world.enrol()
    refused(world, "teacher", certificate(pupil, issued_on=DAY + timedelta(days=1)))
    refused(world, "teacher", certificate(pupil, certificate_kind="yearly"))
    refused(world, "teacher", certificate(pupil, valid_to=FIRST))
    refused(world, "teacher", certificate(pupil, municipalities=("Rīga",)))
    refused(world, "other.teacher", certificate(pupil, school_id=OTHER_SCHOOL), kind=UnknownThingError)
