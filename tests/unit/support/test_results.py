"""What came of a plan, and what people answered to a proposal."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from refusals import one, refused, rows
from supported import OTHER_SCHOOL, SCHOOL, pupil_id

from riskmodel.support.pupils import RecordStay
from riskmodel.support.results import Answer, AnswerProposal, AssessPlan
from riskmodel.support.schema.plans import ANSWER, ASSESSMENT, PLAN
from riskmodel.support.work import NotAllowedError, UnknownThingError

TODAY = date(2019, 9, 16)
DAY = timedelta(days=1)


def started(world) -> str:
    code = world.approved_plan()
    world.consult(code)
    return code


@pytest.mark.requirement("R85")
def test_an_assessment_keeps_marks_motivation_participation_following_goal_and_words(world):
    code = started(world)
    world.do(
        "teacher",
        AssessPlan(
            code, "teacher", TODAY, "better", "same", "worse", "not_known", True, 6, 4, " Kļuvis drošāks.\nLasa. "
        ),
    )
    kept = one(world, ASSESSMENT)
    assert (kept.marks, kept.motivation, kept.participation, kept.following) == ("better", "same", "worse", "not_known")
    assert (kept.has_goal, kept.told) == (1, "Kļuvis drošāks.\nLasa.")


@pytest.mark.requirement("R12")
def test_low_marks_are_counted_before_and_after_and_unknown_is_not_none(world):
    code = started(world)
    world.do("teacher", AssessPlan(code, "teacher", TODAY, low_marks_before=6, low_marks_after=0))
    world.do("teacher", AssessPlan(code, "pupil", TODAY))
    counts = [(row.low_marks_before, row.low_marks_after) for row in rows(world, ASSESSMENT)]
    assert counts == [(6, 0), (None, None)]
    refused(world, "teacher", AssessPlan(code, "teacher", TODAY, low_marks_before=-1))


@pytest.mark.requirement("R86")
def test_pupil_parents_and_teacher_assess_and_the_same_again_replaces(world):
    code = started(world)
    for assessor in ("pupil", "parent", "teacher"):
        world.do("teacher", AssessPlan(code, assessor, TODAY, marks="same"))
    world.do("teacher", AssessPlan(code, "parent", TODAY, marks="worse"))
    assert {row.assessor: row.marks for row in rows(world, ASSESSMENT)} == {
        "pupil": "same",
        "teacher": "same",
        "parent": "worse",
    }
    refused(world, "teacher", AssessPlan(code, "neighbour", TODAY))


@pytest.mark.parametrize(
    "wrong",
    [
        {"marks": "excellent"},
        {"motivation": ""},
        {"following": "yes"},
        {"assessed_on": TODAY + DAY},
        {"assessed_on": TODAY - DAY},
        {"told": "a" * 2001},
        {"told": "\x1b[2J"},
    ],
)
def test_an_assessment_outside_its_lists_days_and_lengths_is_refused_in_words(world, wrong):
    code = started(world)
    refused(world, "teacher", AssessPlan(**{"plan_code": code, "assessor": "teacher", "assessed_on": TODAY, **wrong}))


def test_a_plan_is_assessed_once_there_was_support_and_by_its_people(world):
    code = world.approved_plan()
    refused(world, "teacher", AssessPlan(code, "teacher", TODAY))
    world.consult(code)
    for who in ("colleague", "other.teacher", "municipality", "state"):
        refused(world, who, AssessPlan(code, "teacher", TODAY), kind=NotAllowedError)
    world.do("director", AssessPlan(code, "parent", TODAY))
    world.close(code)
    refused(world, "teacher", AssessPlan(code, "parent", TODAY))


# --- answers to a proposal


def answers(*given: Answer, **more: object) -> AnswerProposal:
    of = {"pupil_id": pupil_id(1), "school_id": SCHOOL, "school_year": 2019, "semester": 1, **more}
    return AnswerProposal(**of, answers=given)


ACCEPTED = Answer("risk", "MI4", "accepted")


@pytest.mark.requirement("R9", "R18")
def test_a_person_accepts_refuses_and_adds_and_no_plan_arises_from_it(world):
    world.do(
        "teacher",
        answers(ACCEPTED, Answer("risk", "MI1", "refused", "Bija slimnīcā."), Answer("risk", "MI9", "added")),
    )
    kept = [(row.line_code, row.verdict, row.is_proposed) for row in rows(world, ANSWER)]
    assert kept == [("MI4", "accepted", 1), ("MI1", "refused", 1), ("MI9", "added", 0)]
    assert {row.recorded_by for row in rows(world, ANSWER)} == {"teacher"}
    assert rows(world, PLAN) == []


@pytest.mark.requirement("R9")
@pytest.mark.parametrize("verdict", ["changed", "refused"])
def test_who_refuses_or_changes_a_line_says_why(world, verdict):
    for reason in (None, " "):
        refused(world, "teacher", answers(Answer("risk", "MI4", verdict, reason)), "reason_required")
    world.do("teacher", answers(Answer("risk", "MI4", verdict, "Zemās atzīmes ir izlabotas.")))


def test_answers_again_take_the_place_of_the_earlier_ones_of_that_pupil_and_semester(world):
    world.do("teacher", answers(ACCEPTED))
    world.do("teacher", answers(ACCEPTED, semester=2))
    assert world.do("teacher", answers(Answer("measure", "KA-PED", "accepted")))["replaced"] == 1
    assert [(row.semester, row.line_code) for row in rows(world, ANSWER)] == [(2, "MI4"), (1, "KA-PED")]


@pytest.mark.parametrize(
    "wrong",
    [
        Answer("risk", "KA-PED", "accepted"),
        Answer("measure", "MI4", "accepted"),
        Answer("mood", "MI4", "accepted"),
        Answer("risk", "MI4", "doubted"),
        Answer("risk", "MI4", "changed", "Cits.", "MI99"),
        Answer("risk", "MI4", "refused", "r" * 2001),
    ],
)
def test_an_answer_outside_the_lists_is_refused_in_words(world, wrong):
    refused(world, "teacher", answers(wrong))


def test_a_line_is_answered_once(world):
    refused(world, "teacher", answers(ACCEPTED, Answer("risk", "MI4", "refused", "Nē.")))


def test_words_on_a_sensitive_risk_are_support_staff_s_in_an_answer_too(world):
    line = Answer("risk", "GI4", "added", "Kas notiek mājās.")
    refused(world, "teacher", answers(line))
    world.do("teacher", answers(Answer("risk", "GI4", "added")))
    world.do("psychologist", answers(line))


def test_nobody_answers_for_pupils_of_others(world):
    refused(world, "teacher", answers(ACCEPTED, school_id=OTHER_SCHOOL), kind=NotAllowedError)
    world.do("other.teacher", RecordStay(pupil_id(1), OTHER_SCHOOL, "grade", 9, date(2016, 9, 1), "9.a"))
    refused(world, "teacher", answers(ACCEPTED), kind=UnknownThingError)
    for who in ("municipality", "state", "steward", "researcher"):
        refused(world, who, answers(ACCEPTED), kind=NotAllowedError)


@pytest.mark.requirement("R14")
def test_what_was_noted_of_a_child_in_preschool_is_there_when_the_child_is_at_school(world):
    world.do("teacher", RecordStay(pupil_id(1), SCHOOL, "preschool", 6, date(2018, 9, 1), valid_to=date(2019, 9, 1)))
    world.do("teacher", RecordStay(pupil_id(1), SCHOOL, "grade", 1, date(2019, 9, 1), "1.a"))
    world.do("teacher", answers(Answer("risk", "MI5", "added"), school_year=2018, semester=2))
    world.do("teacher", answers(ACCEPTED))
    assert [(row.school_year, row.line_code) for row in rows(world, ANSWER, pupil_id=pupil_id(1))] == [
        (2018, "MI5"),
        (2019, "MI4"),
    ]
