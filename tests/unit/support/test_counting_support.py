"""Statistics of a small world that can be counted by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from supported import (
    OTHER_PLACE,
    OTHER_SCHOOL,
    PLACE,
    PROGRAMME,
    SCHOOL,
    VET_SCHOOL,
    World,
    pupil_id,
)

from riskmodel.errors import UsageError
from riskmodel.register.units import Whole
from riskmodel.support.around import (
    Contacts,
    Events,
    Notices,
    Youth,
    count_contacts,
    count_events,
    count_notices,
    count_youth_projects,
)
from riskmodel.support.compensations import RecordContact
from riskmodel.support.consultations import CancelConsultation
from riskmodel.support.events import OpenCall, RecordEvent, RecordProject, SendNotice
from riskmodel.support.given import OF_ONE_PART, count_delays, count_given, count_waiting
from riskmodel.support.life import PayPreparation
from riskmodel.support.means import budgets, loads
from riskmodel.support.periods import WHOLE_STATE, Period, Scope
from riskmodel.support.places import RecordInstitution, RecordStaff, SetBudget
from riskmodel.support.plans import MeasureLine, RiskLine
from riskmodel.support.semesters import Semester
from riskmodel.support.statistics import DIMENSIONS, PlansAndPupils, count_plans

TERM = Period.parse("2019/20-1")
ONE = PlansAndPupils(1, 1)
TWO_RISKS = (RiskLine("MI4", "Zemas atzīmes."), RiskLine("GI2", "Pieskata brāli."))
TWO_MEASURES = (
    MeasureLine("KA-PED", ["MI4"], "colleague", "matematika", 10),
    MeasureLine("KA-PSI", ["GI2", "MI4"], "psychologist", planned_times=6),
)


def asked(world: World, of: Any, *given: Any) -> Any:
    with world.register.database.reading(Whole("register_exported")) as connection:
        return of(connection, *given)


def test_a_plan_counts_from_its_first_approval_until_it_is_deleted(world: World) -> None:
    pupil = world.enrol(1)
    code = world.begin(pupil, world.consent(pupil))
    world.fill(code)
    world.move("teacher", code, "submit")
    assert asked(world, count_plans, TERM).total == PlansAndPupils(0, 0)
    world.approve(code)
    assert asked(world, count_plans, TERM).total == ONE
    world.move("teacher", code, "revise", reason="Cits pedagogs.")
    assert asked(world, count_plans, TERM, WHOLE_STATE, ["status"]).rows == {("UNDER_REVISION",): ONE}
    world.move("teacher", code, "submit")
    world.move("teacher", code, "delete", reason="Izstājas.", removes_contents=True)
    assert asked(world, count_plans, TERM).total == PlansAndPupils(0, 0)


def test_a_pupil_with_plans_in_two_semesters_is_one_pupil(world: World) -> None:
    world.approved_plan(1)
    world.calendar.day = date(2020, 1, 20)
    code = world.begin(pupil_id(1), world.consent(pupil_id(1), half=2), half=2)
    world.fill(code)
    world.move("teacher", code, "submit")
    world.approve(code)
    year = Period.year(2019)
    found = asked(world, count_plans, year, WHOLE_STATE, ["semester"])
    assert found.total == PlansAndPupils(2, 1)
    assert found.rows == {(2019, 1): ONE, (2019, 2): ONE}


def test_risks_and_measures_of_a_plan_are_each_counted_and_said_not_to_add_up(world: World) -> None:
    code = world.begin(pupil := world.enrol(1), world.consent(pupil), who="psychologist")
    world.fill(code, TWO_RISKS, TWO_MEASURES, who="psychologist")
    world.move("psychologist", code, "submit")
    world.approve(code)
    world.approved_plan(2)
    groups = asked(world, count_plans, TERM, WHOLE_STATE, ["risk_group"])
    assert groups.rows == {("GI",): ONE, ("MI",): PlansAndPupils(2, 2)}
    assert (groups.total, groups.do_plans_add_up) == (PlansAndPupils(2, 2), False)
    both = asked(world, count_plans, TERM, WHOLE_STATE, ["risk", "measure"]).rows
    assert both == {("GI2", "KA-PSI"): ONE, ("MI4", "KA-PED"): PlansAndPupils(2, 2), ("MI4", "KA-PSI"): ONE}
    ways = asked(world, count_plans, TERM, WHOLE_STATE, ["way"]).rows
    assert ways == {("specialist",): ONE, ("subject_teacher",): PlansAndPupils(2, 2)}


def test_every_dimension_alone_and_with_each_other_gives_the_same_whole(world: World) -> None:
    world.approved_plan(1)
    world.approved_plan(2)
    for one in DIMENSIONS:
        for other in DIMENSIONS:
            by = list(dict.fromkeys(["school", one, other]))
            found = asked(world, count_plans, TERM, WHOLE_STATE, by)
            assert found.total == PlansAndPupils(2, 2)
            assert sum(row.plans for row in found.rows.values()) == 2


def test_a_class_is_asked_for_with_its_school(world: World) -> None:
    world.approved_plan(1)
    assert asked(world, count_plans, TERM, Scope(school_id=SCHOOL), ["class"]).rows == {("9.a",): ONE}
    assert asked(world, count_plans, TERM, WHOLE_STATE, ["school", "class"]).rows == {(SCHOOL, "9.a"): ONE}
    with pytest.raises(UsageError, match="belongs to a school"):
        asked(world, count_plans, TERM, WHOLE_STATE, ["class"])
    with pytest.raises(UsageError, match="It does not know: colour"):
        asked(world, count_plans, TERM, WHOLE_STATE, ["colour"])


def test_a_school_that_goes_to_another_municipality_takes_no_earlier_plan_with_it(world: World) -> None:
    world.approved_plan(1)
    later = RecordInstitution(SCHOOL, "Skola", "general", OTHER_PLACE, date(2019, 10, 1))
    world.do("steward", later)
    assert asked(world, count_plans, TERM, WHOLE_STATE, ["municipality"]).rows == {(PLACE,): ONE}
    assert asked(world, count_plans, TERM, Scope(municipality_code=OTHER_PLACE)).total.plans == 0


def test_nothing_is_nothing_in_every_statistic(world: World) -> None:
    for by in ([], ["municipality"]):
        found = asked(world, count_given, TERM, WHOLE_STATE, by)
        assert (found.total.support, found.total.educators, found.total.minutes) == (PlansAndPupils(0, 0), 0, 0)
        assert found.rows == {}
    assert found.total.euro_a_plan() is None
    assert asked(world, count_delays, TERM).total.median_days is None
    assert asked(world, count_youth_projects, TERM) == Youth(0, 0, 0, 0, None)


def test_a_consultation_that_was_struck_out_counts_nowhere(world: World) -> None:
    code = world.approved_plan(1)
    world.consult(code, minutes=40)
    wrong = world.consult(code, begins_minute=600, minutes=90, who="colleague", subject_code="matematika")
    world.do("colleague", CancelConsultation(wrong, "Nenotika."))
    given = asked(world, count_given, TERM).total
    assert (given.consultations, given.minutes, given.educators) == (1, 40, 1)
    assert given.work_cents(1200) == 800
    assert given.euro_a_plan(1200) == Decimal("8.00")


def test_what_was_given_is_divided_by_whatever_a_plan_has_one_of(world: World) -> None:
    world.consult(world.approved_plan(1))
    world.do("director", PayPreparation(world.approved_plan(2), 2500))
    for name in OF_ONE_PART:
        found = asked(world, count_given, TERM, Scope(school_id=SCHOOL), [name])
        assert sum(one.support.plans for one in found.rows.values()) == found.total.support.plans == 2
        assert sum(one.cents for one in found.rows.values()) == found.total.cents == 2500
        assert sum(one.minutes for one in found.rows.values()) == found.total.minutes == 40
    with pytest.raises(UsageError):
        asked(world, count_given, TERM, WHOLE_STATE, ["risk"])


def test_approval_takes_the_days_from_the_first_submission(world: World) -> None:
    for number, days in ((1, 3), (2, 4), (3, 11)):
        pupil = world.enrol(number)
        world.calendar.day = date(2019, 9, 16)
        code = world.begin(pupil, world.consent(pupil))
        world.fill(code)
        world.move("teacher", code, "submit")
        world.calendar.day = date(2019, 9, 16 + days)
        world.approve(code)
    found = asked(world, count_delays, TERM, WHOLE_STATE, ["school"])
    assert (found.total.median_days, found.total.most_days) == (4, 11)
    assert found.rows[SCHOOL,] == found.total


def test_what_waits_is_told_by_who_is_to_agree(world: World) -> None:
    codes = []
    for number in (1, 2):
        pupil = world.enrol(number)
        codes.append(world.begin(pupil, world.consent(pupil)))
        world.fill(codes[-1])
        world.move("teacher", codes[-1], "submit")
    world.move("director", codes[0], "approve")
    waiting = asked(world, count_waiting, TERM, Scope(PROGRAMME, PLACE))
    assert {level: one.support for level, one in waiting.items()} == {"director": ONE, "municipality": ONE}
    assert waiting["director"].since == date(2019, 9, 16)
    assert asked(world, count_waiting, TERM, Scope(municipality_code=OTHER_PLACE)) == {}


def test_the_gap_of_hours_is_a_number_and_no_limit_is_no_data(world: World) -> None:
    world.do("steward", RecordStaff("colleague", SCHOOL, "subject_teacher", date(2019, 9, 2), hours_per_week=1))
    for number in (1, 2, 3):
        code = world.begin(pupil := world.enrol(number), world.consent(pupil), who="psychologist")
        measures = (*TWO_MEASURES, MeasureLine("KA-SOC", ["GI2"], None, planned_times=3))
        world.fill(code, TWO_RISKS, measures, who="psychologist")
    found = {(one.login, one.profession): one for one in asked(world, loads, Semester(2019, 1), WHOLE_STATE, 60)}
    teacher = found["colleague", "subject_teacher"]
    weeks = Decimal(len(Semester(2019, 1).school_year.school_days(1))) / 5
    assert teacher.capacity_hours == weeks.quantize(Decimal("0.1"))
    assert (teacher.planned_hours, teacher.missing_hours) == (30, 30 - teacher.capacity_hours)
    psychologist = found["psychologist", "psychologist"]
    assert (psychologist.capacity_hours, psychologist.planned_hours, psychologist.missing_hours) == (None, 18, None)
    assert found[None, "social_pedagogue"].missing_hours == 9
    assert found["assistant", "teacher_assistant"].planned_hours == 0


def test_a_deleted_plan_asks_for_no_hours(world: World) -> None:
    code = world.approved_plan(1)
    world.move("teacher", code, "delete", reason="Izstājas.", removes_contents=True)
    assert all(one.planned_hours == 0 for one in asked(world, loads, Semester(2019, 1)))


def test_money_that_was_not_entered_is_no_data(world: World) -> None:
    world.do("director", PayPreparation(world.approved_plan(1), 2500))
    (means,) = asked(world, budgets, TERM)
    assert (means.member_code, means.budget_cents, means.used_cents, means.left_cents) == (PLACE, None, 2500, None)
    world.do("municipality", SetBudget(PROGRAMME, "municipality", PLACE, 2019, 1, 2000))
    world.do("municipality", SetBudget(PROGRAMME, "institution", SCHOOL, 2019, 1, 3000))
    world.do("neighbour", SetBudget(PROGRAMME, "municipality", OTHER_PLACE, 2019, 1, 7000))
    own = asked(world, budgets, TERM, Scope(municipality_code=PLACE))
    assert [(one.member_code, one.left_cents) for one in own] == [(PLACE, -500), (SCHOOL, 500)]
    assert [one.member_code for one in asked(world, budgets, TERM)] == [PLACE, OTHER_PLACE, SCHOOL]
    assert [one.member_code for one in asked(world, budgets, TERM, Scope(school_id=SCHOOL))] == [SCHOOL]


def test_an_event_of_two_municipalities_is_counted_in_both_and_once_in_the_state(world: World) -> None:
    day, led = date(2019, 9, 10), {"minutes": 180, "led_by": "Supervizors", "is_certified": True}
    schools = {SCHOOL: 3, OTHER_SCHOOL: 2}
    world.do("state", RecordEvent("PA-SUP", "Kopā", PROGRAMME, day, 6, schools=schools, **led))
    own = {"municipality_code": PLACE, "schools": {SCHOOL: 4}}
    world.do("municipality", RecordEvent("PA-SUP", "Savā novadā", PROGRAMME, day, 9, **own, **led))
    world.do("state", RecordEvent("PA-SUP", "Pavasarī", PROGRAMME, date(2019, 3, 10), 6, schools=schools, **led))
    world.do("state", RecordEvent("PA-SEM", "Cita programma", "own", day, 30))
    assert asked(world, count_events, TERM, Scope(PROGRAMME)) == {"PA-SUP": Events(2, 15)}
    assert asked(world, count_events, TERM, Scope(PROGRAMME, PLACE)) == {"PA-SUP": Events(2, 12)}
    assert asked(world, count_events, TERM, Scope(PROGRAMME, OTHER_PLACE)) == {"PA-SUP": Events(1, 2)}
    assert asked(world, count_events, TERM, Scope(PROGRAMME, school_id=SCHOOL)) == {"PA-SUP": Events(2, 7)}
    assert asked(world, count_events, TERM)["PA-SEM"] == Events(1, 30)


def test_contacts_are_counted_by_their_kind_and_groups_belong_to_no_programme(world: World) -> None:
    code, day = world.approved_plan(1), date(2019, 9, 16)
    world.do("teacher", RecordContact("family", SCHOOL, "CI-GIM", day, 2, code))
    world.do("teacher", RecordContact("group", SCHOOL, "CI-PRE", day, 14))
    found = {"family": Contacts(1, 2), "group": Contacts(1, 14)}
    assert asked(world, count_contacts, TERM, Scope(PROGRAMME, PLACE)) == found
    assert asked(world, count_contacts, TERM, Scope("own")) == {"group": Contacts(1, 14)}
    assert asked(world, count_contacts, Period.parse("2018/19-1")) == {}


def test_youth_projects_are_counted_by_the_day_of_their_call(world: World) -> None:
    opens, closes = date(2019, 9, 9), date(2019, 10, 1)
    call = world.do("municipality", OpenCall(PROGRAMME, PLACE, 2019, opens, closes, "Motivācija"))["call_id"]
    for title, is_accepted, participants in (("A", True, None), ("B", True, 12), ("C", False, 40)):
        given = {"participants": participants, "begins_on": opens if is_accepted else None}
        command = RecordProject(
            call, "youth_organisation", "Jaunieši", title, 460_000, date(2019, 9, 16), is_accepted, **given
        )
        world.do("municipality", command)
    assert asked(world, count_youth_projects, TERM, Scope(PROGRAMME, PLACE)) == Youth(1, 3, 2, 920_000, 12)
    assert asked(world, count_youth_projects, TERM, Scope(municipality_code=OTHER_PLACE)).calls == 0
    assert asked(world, count_youth_projects, Period.parse("2019/20-2")).calls == 0


def test_notices_of_absence_are_counted_by_school_and_semester(world: World) -> None:
    for number, to in ((1, "parent"), (1, "municipality"), (2, "municipality")):
        day = date(2019, 9, 16)
        world.do("teacher", SendNotice(pupil_id(number), SCHOOL, 2019, 1, 24, to, day))
    assert asked(world, count_notices, TERM) == {(2019, 1, SCHOOL): Notices(3, 2)}
    assert asked(world, count_notices, TERM, Scope(municipality_code=PLACE)) == {(2019, 1, SCHOOL): Notices(3, 2)}
    assert asked(world, count_notices, TERM, Scope(school_id=VET_SCHOOL)) == {}


@pytest.mark.parametrize("text", ["2018", "2018/20", "2018/19-3", "2019/20..2018/19", "2018/19..", "a..b..c"])
def test_a_period_that_is_none_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(UsageError, match="2018/19-2"):
        Period.parse(text)


@pytest.mark.parametrize("text", ["2018/19", "2018/19-2", "2017/18..2019/20", "2017/18-2..2018/19-1", "2099/00-1"])
def test_a_period_is_written_as_it_is_read(text: str) -> None:
    assert str(Period.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2018/19", "2018./19. mācību gadā"),
        ("2018/19-1", "2018./19. mācību gada 1. semestrī"),
        ("2017/18..2019/20", "No 2017./18. līdz 2019./20. mācību gadam"),
        ("2017/18-2..2018/19-1", "No 2017./18. mācību gada 2. semestra līdz 2018./19. mācību gada 1. semestrim"),
    ],
)
def test_a_period_stands_at_the_beginning_of_a_latvian_sentence(text: str, said: str) -> None:
    assert Period.parse(text).words().in_language("lv") == said


def test_days_of_a_period_are_those_of_its_semesters() -> None:
    period = Period.parse("2018/19")
    assert period.first_on == Semester(2018, 1).first_on
    assert period.before == Semester(2019, 1).first_on


def test_no_number_of_pupils_stands_without_its_plans() -> None:
    for plans, pupils in ((1, 0), (0, 1), (3, 4), (-1, -1)):
        with pytest.raises(ValueError, match="cannot be those"):
            PlansAndPupils(plans, pupils)
