"""What verbs do beyond the units of who acts is the same on both engines, though one of them hides other units' rows."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from supported import OTHER_SCHOOL, PLACE, PROGRAMME, SCHOOL, World, pupil_id

from riskmodel.errors import UsageError
from riskmodel.support.compensations import CloseCompensation, DecideCompensation, Expense, RequestCompensation
from riskmodel.support.consultations import AcknowledgeConsultation, CancelConsultation
from riskmodel.support.life import HandOverPlan
from riskmodel.support.orders import RecordCertificate
from riskmodel.support.places import RecordStaff
from riskmodel.support.plans import BeginPlan, MeasureLine, RiskLine
from riskmodel.support.pupils import RecordStay
from riskmodel.support.reading import plan_of, plans_of_pupil
from riskmodel.support.rules import Refused
from riskmodel.support.work import NotAllowedError, UnknownThingError


def refused_by(world: World, rule_id: str, who: str, command: Any) -> None:
    with pytest.raises(Refused) as refused:
        world.do(who, command)
    assert refused.value.rule.rule_id == rule_id


def test_a_plan_goes_its_whole_way(world: World):
    code = world.approved_plan()
    world.calendar.day += timedelta(days=7)
    world.consult(code)
    world.calendar.day = date(2019, 12, 16)
    world.close(code)
    assert world.plan(code).status == "CLOSED"


def test_a_pupil_has_one_live_plan_whichever_school_began_it(world: World):
    pupil = world.enrol()
    code = world.begin(pupil, world.consent(pupil))
    world.enrol(1, OTHER_SCHOOL, valid_from=date(2019, 9, 10))
    consent = world.consent(pupil, school_id=OTHER_SCHOOL, who="other.teacher")
    second = BeginPlan(pupil, OTHER_SCHOOL, PROGRAMME, 2019, 1, consent, world.calendar.day)
    refused_by(world, "one_live_plan", "other.teacher", second)
    world.move("teacher", code, "delete", reason="Skolēns mācās citur.")
    assert world.do("other.teacher", second)["plan_code"] != code


def test_a_school_that_enrols_a_known_pupil_keeps_the_register_s_one_row_of_the_pupil(world: World):
    world.enrol(born_on=None)
    stay = RecordStay(pupil_id(1), OTHER_SCHOOL, "grade", 9, date(2019, 9, 10), born_on=date(2004, 5, 31))
    world.do("other.director", stay)
    consent = world.consent(pupil_id(1), giver="parent", school_id=OTHER_SCHOOL, who="other.director")
    assert consent == 1


def test_a_paper_for_a_pupil_of_another_school_is_refused_as_one_who_does_not_learn_here(world: World):
    world.enrol(2, OTHER_SCHOOL)
    with pytest.raises(UnknownThingError, match="does not learn in this school"):
        world.consent(pupil_id(2))


def test_a_teacher_of_two_schools_is_not_in_both_at_once(world: World):
    world.do("steward", RecordStaff("psychologist", OTHER_SCHOOL, "psychologist", date(2010, 9, 1)))
    codes = {}
    for number, school_id, who in ((1, SCHOOL, "teacher"), (2, OTHER_SCHOOL, "other.teacher")):
        pupil = world.enrol(number, school_id)
        code = world.begin(
            pupil, world.consent(pupil, school_id=school_id, who=who), school_id=school_id, who=who, supervisor=who
        )
        world.fill(code, measures=(MeasureLine("KA-PSI", ["MI4"], "psychologist", None, 8),), who=who)
        world.move(who, code, "submit")
        heads = ("director", "municipality") if school_id == SCHOOL else ("other.director", "neighbour")
        world.approve(code, (*heads, "state"))
        codes[school_id] = code
    given = {"measure_code": "KA-PSI", "subject_code": None, "provider": "psychologist"}
    world.consult(codes[SCHOOL], **given)
    with pytest.raises(UsageError, match="another consultation at that time"):
        world.consult(codes[OTHER_SCHOOL], "other.teacher", begins_minute=930, **given)
    world.consult(codes[OTHER_SCHOOL], "other.teacher", begins_minute=940, **given)


def handed_over(world: World) -> tuple[str, int]:
    """Return a plan that went to the other school, with a consultation that the first school gave."""
    code = world.approved_plan()
    held = world.consult(code, is_signed=False)
    world.calendar.day += timedelta(days=7)
    hand_over(world, code)
    return code, held


def hand_over(world: World, code: str) -> None:
    """Let the pupil and the plan go to the other school today."""
    world.enrol(1, OTHER_SCHOOL, valid_from=world.calendar.day)
    consent = world.consent(pupil_id(1), paper_kind="handover", school_id=OTHER_SCHOOL, who="other.director")
    world.do("director", HandOverPlan(code, world.version(code), OTHER_SCHOOL, consent, "other.teacher"))


def test_a_plan_that_was_handed_over_is_the_new_school_s_with_all_that_was_given(world: World):
    code, held = handed_over(world)
    assert world.plan(code).school_id == OTHER_SCHOOL
    with world.register.database.reading(world.people["other.director"]) as connection:
        seen = plan_of(connection, world.people["other.director"], code, world.calendar.day)
    assert [row.consultation_id for row in seen.consultations] == [held]
    assert seen.consent.school_id == SCHOOL
    with world.register.database.reading(world.people["director"]) as connection:
        assert plan_of(connection, world.people["director"], code, world.calendar.day) is None
    with pytest.raises(NotAllowedError):
        world.move("director", code, "suspend", reason="Slimnīca.")
    measures = (MeasureLine("KA-PED", ["MI4"], "other.teacher", "matematika", 16),)
    world.fill(code, measures=measures, who="other.teacher")
    world.move("other.teacher", code, "submit")


def test_what_a_school_gave_before_it_handed_a_plan_over_stays_its_own_to_correct(world: World):
    _, held = handed_over(world)
    world.do("teacher", AcknowledgeConsultation(held, is_signed=True))
    with pytest.raises(NotAllowedError):
        world.do("other.teacher", CancelConsultation(held, "Kļūda."))
    world.do("teacher", CancelConsultation(held, "Ievadīts divreiz."))


@pytest.mark.parametrize("who", ["other.director", "neighbour", "vet.teacher", "steward", "researcher"])
def test_a_plan_of_another_unit_is_refused_as_not_one_s_own(world: World, who: str):
    code = world.approved_plan()
    with pytest.raises(NotAllowedError):
        world.move(who, code, "suspend", reason="Slimnīca.")
    with pytest.raises(UnknownThingError):
        world.do(who, CancelConsultation(77, "Kļūda."))


def test_a_compensation_is_decided_by_the_municipality_of_the_school_that_asked_wherever_the_plan_is(world: World):
    pupil = world.enrol(declared_municipality=PLACE, actual_municipality=PLACE)
    term = (date(2019, 9, 2), date(2020, 1, 1))
    world.do("teacher", RecordCertificate(pupil, SCHOOL, "semester", date(2019, 9, 2), *term, [PLACE]))
    code = world.begin(pupil, world.consent(pupil))
    risks = [RiskLine("MI4", "Četras nepietiekamas atzīmes."), RiskLine("EK1", "Tālu jābrauc.")]
    lines = [MeasureLine("KA-PED", ["MI4"], "teacher", "matematika", 16), MeasureLine("KO-TRA", ["EK1"])]
    world.fill(code, risks, lines)
    world.move("teacher", code, "submit")
    world.approve(code)
    world.calendar.day += timedelta(days=7)
    asked = world.do("director", RequestCompensation(code, "KO-TRA", "2019-09", 2550))["compensation_id"]
    hand_over(world, code)
    with pytest.raises(NotAllowedError):
        world.do("neighbour", DecideCompensation(asked, is_granted=True))
    assert world.do("municipality", DecideCompensation(asked, is_granted=True))["state"] == "granted"
    expenses = [Expense("čeks 17", world.calendar.day, 2550)]
    with pytest.raises(NotAllowedError):
        world.do("director", CloseCompensation(asked, expenses))
    assert world.do("other.director", CloseCompensation(asked, expenses))["state"] == "closed"


def test_plans_of_a_pupil_at_another_school_are_not_listed(world: World):
    pupil = world.enrol()
    world.begin(pupil, world.consent(pupil))
    world.enrol(1, OTHER_SCHOOL, valid_from=date(2019, 9, 10))
    with world.register.database.reading(world.people["other.director"]) as connection:
        assert plans_of_pupil(connection, pupil, OTHER_SCHOOL) == []
    with world.register.database.reading(world.people["director"]) as connection:
        assert len(plans_of_pupil(connection, pupil, SCHOOL)) == 1
