"""Orders of a director: what each kind must state, whom it names, from when to when it holds."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from refusals import one, refused
from supported import OTHER_SCHOOL, SCHOOL, VET_SCHOOL, pupil_id

from riskmodel.support.orders import EndOrder, IssueOrder
from riskmodel.support.schema.papers import DIRECTOR_ORDER
from riskmodel.support.work import NotAllowedError, UnknownThingError

TODAY = date(2019, 9, 16)
REMOTE = {
    "order_kind": "remote_consultations",
    "how_organised": "E-klase, Skype",
    "educators": ("teacher",),
    "acknowledgement_kinds": ("email", "e_klase"),
}


def order(number: str = "1-9/3", school_id: str = SCHOOL, **more: object) -> IssueOrder:
    given = {"order_kind": "remote_learning", "issued_on": TODAY, "valid_from": TODAY, **more}
    return IssueOrder(school_id, number, **given)


@pytest.mark.requirement("R51")
@pytest.mark.parametrize("missing", ["how_organised", "educators", "plan_codes", "acknowledgement_kinds"])
def test_an_order_on_remote_consultations_states_how_who_for_which_plans_and_how_receipt_is_shown(world, missing):
    code = world.approved_plan()
    world.calendar.day = date(2020, 3, 23)
    # Of the first semester: still the school's, and named by its code.
    whole = {**REMOTE, "plan_codes": (code,), "issued_on": date(2020, 3, 23), "valid_from": date(2020, 3, 23)}
    refused(
        world, "director", order(**{**whole, missing: None if missing == "how_organised" else ()}), "order_contents"
    )
    assert world.do("director", order(**whole))


@pytest.mark.requirement("R24")
def test_an_order_names_the_school_s_own_live_plans(world):
    code = world.approved_plan()
    refused(world, "director", order(**REMOTE, plan_codes=("191-999999-11",)))
    refused(world, "other.director", order(school_id=OTHER_SCHOOL, **{**REMOTE, "educators": ()}, plan_codes=(code,)))
    number = world.do("director", order(**REMOTE, plan_codes=(code,)))["order_id"]
    world.move("teacher", code, "delete", reason="Uzsākts kļūdas dēļ.", removes_contents=True)
    refused(world, "director", order("1-9/4", **REMOTE, plan_codes=(code,)))
    assert one(world, DIRECTOR_ORDER, order_id=number)


def test_an_order_names_people_who_work_in_the_school(world):
    code = world.approved_plan()
    for login in ("other.teacher", "nobody"):
        refused(world, "director", order(**{**REMOTE, "educators": (login,)}, plan_codes=(code,)))


def test_from_october_2021_an_order_cites_the_legal_act_and_the_time_of_acknowledging(world):
    world.calendar.day = day = date(2021, 9, 30)
    pupil = world.enrol()
    code = world.begin(pupil, world.consent(pupil, 2021), 2021)
    whole = {**REMOTE, "plan_codes": (code,), "issued_on": day, "valid_from": day}
    world.do("director", order("before", **whole))
    world.calendar.day = day = date(2021, 10, 1)
    whole |= {"issued_on": day, "valid_from": day}
    refused(world, "director", order(**whole), "order_contents_2021")
    refused(world, "director", order(**whole, legal_reference="MK 2021/720"), "order_contents_2021")
    assert world.do("director", order(**whole, legal_reference="MK 2021/720", when_acknowledged="the same day"))


@pytest.mark.requirement("R55")
def test_the_school_s_number_is_ten_a_week_at_most(world):
    world.calendar.day = day = date(2021, 2, 8)
    kind = {"order_kind": "in_person_procedure", "issued_on": day, "valid_from": day}
    refused(world, "director", order(**kind, weekly_number=11), "in_person_school_cap")
    refused(world, "director", order(**kind), "in_person_school_cap")
    refused(world, "director", order(**kind, weekly_number=-1))
    assert world.do("director", order(**kind, weekly_number=10))
    early = {"order_kind": "in_person_procedure", "issued_on": date(2021, 2, 7), "valid_from": date(2021, 2, 7)}
    assert world.do("director", order("early", **early, weekly_number=11))


@pytest.mark.requirement("X11")
def test_an_order_on_a_placement_names_pupils_of_the_school_and_the_place(world):
    world.calendar.day = day = date(2020, 10, 1)
    pupil = world.enrol(1, VET_SCHOOL, stage_kind="vet_year", stage_number=2, class_code="2-1")
    kind = {"school_id": VET_SCHOOL, "order_kind": "placement", "issued_on": day, "valid_from": day}
    refused(world, "vet.director", order(**kind, pupil_ids=(pupil,)), "placement_order")
    refused(world, "vet.director", order(**kind, place="SIA Galdnieks"), "placement_order")
    strange = order(**kind, pupil_ids=(pupil_id(9),), place="SIA Galdnieks")
    refused(world, "vet.director", strange, kind=UnknownThingError)
    assert world.do("vet.director", order(**kind, pupil_ids=(pupil,), place="SIA Galdnieks"))


def test_an_order_has_one_number_in_its_school_and_known_kinds(world):
    world.do("director", order())
    refused(world, "director", order())
    refused(world, "director", order("2", order_kind="holidays"))
    refused(world, "director", order("3", acknowledgement_kinds=("telepathy",)))
    assert world.do("other.director", order(school_id=OTHER_SCHOOL))


def test_no_order_is_issued_for_days_that_are_past_or_recorded_before_it_is_issued(world):
    day = timedelta(days=1)
    refused(world, "director", order(valid_from=TODAY - day))
    refused(world, "director", order(issued_on=TODAY + day, valid_from=TODAY + day))
    refused(world, "director", order(valid_to=TODAY))
    assert world.do("director", order(issued_on=TODAY - day, valid_from=TODAY - day))


def test_an_order_that_was_ended_is_not_prolonged(world):
    number = world.do("director", order(valid_to=TODAY + timedelta(days=30)))["order_id"]
    refused(world, "director", EndOrder(number, TODAY))
    refused(world, "director", EndOrder(number, TODAY + timedelta(days=31)))
    world.do("director", EndOrder(number, TODAY + timedelta(days=7)))
    refused(world, "director", EndOrder(number, TODAY + timedelta(days=8)))
    assert one(world, DIRECTOR_ORDER, order_id=number).valid_to == TODAY + timedelta(days=7)


def test_only_the_school_s_own_director_issues_and_ends_orders(world):
    number = world.do("director", order())["order_id"]
    for who in ("teacher", "psychologist", "other.director", "municipality", "state", "steward", "researcher"):
        refused(world, who, order("5"), kind=NotAllowedError)
        refused(world, who, EndOrder(number, TODAY + timedelta(days=1)), kind=NotAllowedError)
