"""Institutions, members, agreements, partners, staff, means and notes: dated, by whose task it is."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from refusals import one, refused, rows
from supported import OTHER_PLACE, OTHER_SCHOOL, PLACE, SCHOOL

from riskmodel.support.places import (
    Join,
    RecordCooperation,
    RecordInstitution,
    RecordPartner,
    RecordStaff,
    SetBudget,
    ShareNote,
)
from riskmodel.support.schema.places import (
    BUDGET,
    COOPERATION,
    INSTITUTION,
    INSTITUTION_KINDS,
    MEMBERSHIP,
    PARTNER,
    PRACTICE_NOTE,
    STAFF,
)
from riskmodel.support.work import NotAllowedError, UnknownThingError

TODAY = date(2019, 9, 16)
DAY = timedelta(days=1)


@pytest.mark.requirement("R75")
def test_an_institution_is_general_of_the_state_s_vocational_kind_or_a_preschool(world):
    for number, kind in enumerate(INSTITUTION_KINDS, 301):
        world.do("steward", RecordInstitution(str(number), f"Iestāde {number}", kind, PLACE, TODAY))
    refused(world, "steward", RecordInstitution("310", "Iestāde", "university", PLACE, TODAY))
    refused(world, "steward", RecordInstitution("skola", "Iestāde", "general", PLACE, TODAY))
    refused(world, "steward", RecordInstitution("310", "Iestāde", "general", "Rīga", TODAY))
    refused(world, "steward", RecordInstitution("310", "", "general", PLACE, TODAY))


@pytest.mark.requirement("R77")
def test_an_institution_goes_to_another_municipality_from_a_day_on_and_was_the_first_one_s_before(world):
    merged = RecordInstitution(SCHOOL, "Skola 101", "general", OTHER_PLACE, date(2021, 7, 1))
    world.do("steward", merged)
    first, second = rows(world, INSTITUTION, school_id=SCHOOL)
    assert (first.municipality_code, first.valid_to) == (PLACE, date(2021, 7, 1))
    assert (second.municipality_code, second.valid_to) == (OTHER_PLACE, None)
    refused(world, "steward", merged)
    pupil = world.enrol()
    code = world.begin(pupil, world.consent(pupil))
    world.fill(code)
    world.move("teacher", code, "submit")
    world.approve(code, ["director", "municipality"])


@pytest.mark.requirement("R77")
def test_a_member_joins_and_leaves_on_days_and_is_in_once_at_a_time(world):
    world.do("steward", Join("pumpurs", "institution", SCHOOL, date(2017, 9, 11), date(2018, 9, 1)))
    refused(world, "steward", Join("pumpurs", "institution", SCHOOL, date(2018, 8, 31)))
    world.do("steward", Join("pumpurs", "institution", SCHOOL, date(2018, 9, 1)))
    refused(world, "steward", Join("pumpurs", "institution", SCHOOL, date(2017, 1, 1)))
    kept = rows(world, MEMBERSHIP, member_code=SCHOOL)
    assert [(row.valid_from, row.valid_to) for row in kept] == [
        (date(2017, 9, 11), date(2018, 9, 1)),
        (date(2018, 9, 1), None),
    ]
    refused(world, "steward", Join("pumpurs", "municipality", SCHOOL, TODAY))
    refused(world, "steward", Join("pumpurs", "person", SCHOOL, TODAY))
    refused(world, "steward", Join("unknown", "institution", SCHOOL, TODAY))


@pytest.mark.requirement("R78")
def test_an_agreement_has_its_number_and_day_and_stands_once(world):
    for code, day in ((PLACE, date(2017, 9, 11)), (OTHER_PLACE, date(2018, 10, 28))):
        world.do("state", RecordCooperation("pumpurs", "municipality", code, "8.3.4/17", day))
    assert [row.agreed_on for row in rows(world, COOPERATION)] == [date(2017, 9, 11), date(2018, 10, 28)]
    refused(world, "state", RecordCooperation("pumpurs", "municipality", PLACE, "8.3.4/17", TODAY))
    refused(world, "state", RecordCooperation("pumpurs", "municipality", SCHOOL, "8.3.4/18", TODAY))


@pytest.mark.requirement("R76")
@pytest.mark.parametrize("kind", ["school", "education_board", "social_service", "orphans_court", "other"])
def test_a_municipality_brings_partners_of_five_kinds(world, kind):
    world.do("municipality", RecordPartner("pumpurs", PLACE, kind, "Sociālais dienests", TODAY))
    assert one(world, PARTNER).partner_kind == kind
    refused(world, "municipality", RecordPartner("pumpurs", PLACE, "bank", "Banka", TODAY))
    refused(world, "neighbour", RecordPartner("pumpurs", PLACE, kind, "Dienests", TODAY), kind=NotAllowedError)


@pytest.mark.requirement("R79")
def test_the_municipality_s_specialist_acts_for_the_own_municipality_alone(world):
    world.do("municipality", ShareNote(PLACE, "Ko mācījāmies", "Sarunas ar ģimeni pirms plāna."))
    refused(world, "municipality", ShareNote(OTHER_PLACE, "Ko mācījāmies", "…"), kind=NotAllowedError)
    for who in ("state", "director", "teacher", "steward"):
        refused(world, who, ShareNote(PLACE, "Ko mācījāmies", "…"), kind=NotAllowedError)


@pytest.mark.requirement("R92")
def test_a_note_of_practice_tells_of_no_person(world):
    world.do("municipality", ShareNote(PLACE, "Ko mācījāmies", "Sarunas ar ģimeni.", "CI-GIM"))
    assert one(world, PRACTICE_NOTE).shared_on == TODAY
    assert not {"pupil_id", "plan_id", "school_id"} & set(PRACTICE_NOTE.c.keys())
    refused(world, "municipality", ShareNote(PLACE, "Par 010203-12345", "…"))
    refused(world, "municipality", ShareNote(PLACE, "Ko mācījāmies", "…", "KA-???"))
    refused(world, "municipality", ShareNote(PLACE, " ", "…"))


@pytest.mark.requirement("R81")
def test_means_are_set_for_a_semester_again_in_place_of_what_was(world):
    of = ("pumpurs", "municipality", PLACE, 2019, 1)
    world.do("municipality", SetBudget(*of, 7_469_528))
    world.do("state", SetBudget(*of, 7_469_529))
    world.do("municipality", SetBudget("pumpurs", "institution", SCHOOL, 2019, 1, 0))
    assert [row.cents for row in rows(world, BUDGET)] == [7_469_529, 0]
    refused(world, "municipality", SetBudget(*of, -1))
    refused(world, "municipality", SetBudget(*of, 2**31))
    refused(world, "municipality", SetBudget("pumpurs", "municipality", PLACE, 2019, 3, 1))
    refused(world, "neighbour", SetBudget(*of, 1), kind=NotAllowedError)
    refused(world, "neighbour", SetBudget("pumpurs", "institution", SCHOOL, 2019, 1, 1), kind=NotAllowedError)
    refused(world, "municipality", SetBudget("pumpurs", "institution", "999", 2019, 1, 1), kind=UnknownThingError)


def test_who_works_as_what_is_entered_by_the_director_or_the_steward(world):
    world.do("director", RecordStaff("colleague", SCHOOL, "speech_therapist", TODAY, None, 20))
    world.do("director", RecordStaff("colleague", SCHOOL, "speech_therapist", TODAY, None, 12))
    assert one(world, STAFF, login="colleague").hours_per_week == 12
    world.do("steward", RecordStaff("other.teacher", OTHER_SCHOOL, "mentor", TODAY))
    for who in ("teacher", "other.director", "municipality", "state"):
        refused(world, who, RecordStaff("colleague", SCHOOL, "mentor", TODAY), kind=NotAllowedError)
    refused(world, "director", RecordStaff("colleague", SCHOOL, "astronaut", TODAY))
    refused(world, "director", RecordStaff("colleague", SCHOOL, "mentor", TODAY, None, 61))
    refused(world, "director", RecordStaff("colleague", SCHOOL, "mentor", TODAY, TODAY))


def test_places_are_entered_by_the_steward_or_the_state(world):
    for who in ("director", "teacher", "municipality", "researcher"):
        refused(world, who, RecordInstitution("301", "Skola", "general", PLACE, TODAY), kind=NotAllowedError)
        refused(world, who, Join("pumpurs", "institution", SCHOOL, TODAY), kind=NotAllowedError)
        cooperation = RecordCooperation("pumpurs", "municipality", PLACE, "17", TODAY)
        refused(world, who, cooperation, kind=NotAllowedError)
