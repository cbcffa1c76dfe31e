"""Support for educators, youth projects, and notices of absence."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from refusals import one, refused, rows
from supported import OTHER_PLACE, PLACE, SCHOOL, pupil_id

from riskmodel.support.changes import PublishRule
from riskmodel.support.events import OpenCall, RecordEvent, RecordProject, SendNotice
from riskmodel.support.places import Join
from riskmodel.support.pupils import RecordStay
from riskmodel.support.schema.plans import NOTICE
from riskmodel.support.schema.services import EVENT, EVENT_SCHOOL, YOUTH_CALL, YOUTH_PROJECT
from riskmodel.support.work import NotAllowedError, UnknownThingError

TODAY = date(2019, 9, 16)
DAY = timedelta(days=1)


def event(kind: str = "PA-SUP", **more: object) -> RecordEvent:
    given = {
        "event_kind": kind,
        "title": "Supervīzija",
        "programme": "pumpurs",
        "happened_on": TODAY,
        "participants": 10,
        "municipality_code": PLACE,
        "minutes": 180,
        "led_by": "A. B.",
        "is_certified": True,
        **more,
    }
    return RecordEvent(**given)


@pytest.mark.requirement("X12")
@pytest.mark.parametrize(
    ("wrong", "rule_id"),
    [
        ({"participants": 11}, "supervision_participants"),
        ({"minutes": 181}, "supervision_minutes"),
        ({"minutes": None}, "supervision_minutes"),
        ({"is_certified": False}, "supervision_supervisor"),
        ({"led_by": None}, "supervision_supervisor"),
        ({"led_by": " "}, "supervision_supervisor"),
    ],
)
def test_a_supervision_has_ten_people_three_hours_and_a_certified_supervisor(world, wrong, rule_id):
    refused(world, "municipality", event(**wrong), rule_id)
    world.do("municipality", event())
    assert one(world, EVENT).participants == 10


@pytest.mark.requirement("X12")
def test_a_group_that_is_too_large_is_not_hidden_among_its_schools(world):
    refused(world, "municipality", event(schools={"101": 6, "102": 5}))
    refused(world, "municipality", event(schools={"101": -1}))
    world.do("municipality", event(schools={"101": 6, "102": 4}))
    assert [(row.school_id, row.participants) for row in rows(world, EVENT_SCHOOL)] == [("101", 6), ("102", 4)]


@pytest.mark.requirement("R69", "R70")
@pytest.mark.parametrize("kind", ["PA-SEM", "PA-DAS", "PA-DAP", "PA-PKP", "PA-KON"])
def test_an_event_is_kept_with_kind_day_place_audience_and_how_many_took_part(world, kind):
    of = {"place": "Skrunda", "audience": "school_team", "participants": 40, "minutes": 300, "led_by": None}
    world.do("municipality", event(kind, title="Pasākums", **of))
    kept = one(world, EVENT)
    assert (kept.event_kind, kept.place, kept.audience, kept.participants) == (kind, "Skrunda", "school_team", 40)


@pytest.mark.requirement("R73")
def test_a_conference_has_its_topic_and_the_state_records_it_without_a_municipality(world):
    of = {"title": "Konference", "place": "Rīga", "municipality_code": None, "participants": 300}
    world.do("state", event("PA-KON", topic="teacher–parent cooperation", **of))
    assert (one(world, EVENT).topic, one(world, EVENT).municipality_code) == ("teacher–parent cooperation", None)
    refused(world, "municipality", event("PA-KON", **of), kind=NotAllowedError)


def test_an_event_is_of_a_known_kind_and_programme_has_happened_and_is_the_own_municipality_s(world):
    refused(world, "municipality", event("PA-???"))
    refused(world, "municipality", event(programme="other"))
    refused(world, "municipality", event(happened_on=TODAY + DAY))
    refused(world, "municipality", event(participants=-1))
    refused(world, "municipality", event(title="t" * 201))
    refused(world, "municipality", event(title=""))
    for who in ("neighbour", "director", "teacher", "steward", "researcher"):
        refused(world, who, event(), kind=NotAllowedError)


# --- youth projects


def call(**more: object) -> OpenCall:
    given = {
        "programme": "pumpurs",
        "municipality_code": PLACE,
        "year": 2019,
        "opens_on": date(2019, 4, 1),
        "closes_on": date(2019, 6, 30),
        "aim": "Motivācija un līdzdalība kopā ar vienaudžiem ārpus formālās izglītības.",
        **more,
    }
    return OpenCall(**given)


def project(number: int, **more: object) -> RecordProject:
    given = {
        "applicant": "youth_organisation",
        "shown_name": "Jaunieši kopā",
        "title": "Velo darbnīca",
        "cents": 460_000,
        "applied_on": date(2019, 5, 2),
        "is_accepted": True,
        "participants": 15,
        "begins_on": date(2019, 8, 15),
        **more,
    }
    return RecordProject(number, **given)


def opened(world, **more: object) -> int:
    return int(world.do("municipality", call(**more))["call_id"])


@pytest.mark.requirement("R64")
def test_a_call_is_run_by_a_municipality_that_takes_part_and_by_nobody_else(world):
    for who in ("neighbour", "state", "director", "teacher", "steward"):
        refused(world, who, call(), kind=NotAllowedError)
    assert one(world, YOUTH_CALL, call_id=opened(world)).municipality_code == PLACE
    world.do("steward", Join("pumpurs", "municipality", OTHER_PLACE, date(2017, 9, 11), date(2019, 4, 1)))
    refused(world, "neighbour", call(municipality_code=OTHER_PLACE), "youth_municipality")


@pytest.mark.requirement("R67")
@pytest.mark.parametrize(
    ("opens_on", "is_foreseen"),
    [
        (date(2018, 8, 31), False),
        (date(2018, 9, 1), True),
        (date(2021, 12, 30), True),
        (date(2022, 1, 1), False),
    ],
)
def test_calls_are_foreseen_from_autumn_2018_to_2021(world, opens_on, is_foreseen):
    world.calendar.day = date(2022, 6, 1)
    command = call(year=opens_on.year, opens_on=opens_on, closes_on=opens_on + 60 * DAY)
    if is_foreseen:
        assert world.do("municipality", command)
    else:
        refused(world, "municipality", command, "youth_calls")


@pytest.mark.requirement("R67")
def test_a_municipality_has_one_call_a_year_of_the_year_in_which_it_opens(world):
    refused(world, "municipality", call(year=2018))
    refused(world, "municipality", call(closes_on=date(2019, 4, 1)))
    opened(world)
    refused(world, "municipality", call(opens_on=date(2019, 5, 1)), "youth_calls")
    opened(world, programme="own")


@pytest.mark.requirement("R65")
def test_a_call_has_its_aim_and_a_project_counts_people_and_names_none(world):
    refused(world, "municipality", call(aim=""))
    number = opened(world)
    world.do("municipality", project(number))
    assert one(world, YOUTH_PROJECT).participants == 15
    assert not {"pupil_id", "plan_id"} & {*YOUTH_PROJECT.c.keys(), *YOUTH_CALL.c.keys()}


@pytest.mark.requirement("R66")
def test_three_kinds_of_applicants_are_taken_and_no_fourth(world):
    number = opened(world)
    kinds = ("youth_organisation", "association_or_foundation_in_youth_work", "either_with_youth_initiative_group")
    for kind in kinds:
        world.do("municipality", project(number, applicant=kind))
    refused(world, "municipality", project(number, applicant="company"), "youth_applicant")
    assert len(rows(world, YOUTH_PROJECT)) == 3


@pytest.mark.requirement("R68")
def test_a_project_has_4600_euros_at_most(world):
    number = opened(world)
    refused(world, "municipality", project(number, cents=460_001), "youth_amount")
    refused(world, "municipality", project(number, cents=-1))
    world.do("municipality", project(number, cents=460_000))
    assert 560 * 4_600 == 2_576_000  # what the source rounds to 2.6 million


@pytest.mark.requirement("R67")
@pytest.mark.parametrize(
    ("applied_on", "is_taken"),
    [(date(2019, 3, 31), False), (date(2019, 4, 1), True), (date(2019, 6, 30), True), (date(2019, 7, 1), False)],
)
def test_applications_are_taken_while_the_call_is_open(world, applied_on, is_taken):
    number = opened(world)
    if is_taken:
        world.do("municipality", project(number, applied_on=applied_on))
    else:
        refused(world, "municipality", project(number, applied_on=applied_on), "youth_call_open")


def test_a_project_is_the_call_s_municipality_s(world):
    number = opened(world)
    refused(world, "neighbour", project(number), kind=NotAllowedError)
    refused(world, "municipality", project(99), kind=UnknownThingError)
    late = opened(world, programme="own", opens_on=date(2019, 9, 1), closes_on=date(2019, 10, 30))
    refused(world, "municipality", project(late, applied_on=TODAY + DAY))


# --- notices


def notice(**more: object) -> SendNotice:
    given = {
        "pupil_id": pupil_id(1),
        "school_id": SCHOOL,
        "school_year": 2019,
        "semester": 1,
        "lessons": 21,
        "sent_to": "municipality",
        "sent_on": TODAY,
        **more,
    }
    return SendNotice(**given)


@pytest.mark.requirement("X4")
def test_a_notice_is_sent_above_twenty_unexcused_lessons_and_keeps_the_threshold(world):
    refused(world, "teacher", notice(lessons=20))
    world.do("teacher", notice())
    assert (one(world, NOTICE).lessons, one(world, NOTICE).threshold) == (21, 20)


@pytest.mark.requirement("X4", "R63")
def test_the_threshold_of_the_notice_is_a_parameter(world):
    world.do("state", PublishRule("absence_notice", "MK 6", TODAY, parameters={"threshold": 10}))
    refused(world, "teacher", notice(lessons=10))
    world.do("teacher", notice(lessons=11))
    refused(world, "teacher", notice(lessons=20, sent_on=TODAY - DAY))


def test_a_notice_goes_to_whom_the_regulation_names_and_about_the_own_pupils(world):
    refused(world, "teacher", notice(sent_to="newspaper"))
    refused(world, "teacher", notice(sent_on=TODAY + DAY))
    refused(world, "teacher", notice(pupil_id="Jānis"))
    refused(world, "other.teacher", notice(), kind=NotAllowedError)
    world.do("other.teacher", RecordStay(pupil_id(1), "102", "grade", 9, date(2016, 9, 1), "9.a"))
    refused(world, "teacher", notice(), kind=UnknownThingError)
