"""A plan as each role reads it, and the tasks of each: cut before any page sees it."""

from __future__ import annotations

from datetime import date

import pytest
from supported import World

from riskmodel.support.compensations import RequestCompensation
from riskmodel.support.orders import RecordCertificate
from riskmodel.support.plans import ChangePlan, MeasureLine, RiskLine
from riskmodel.support.reading import phase_of, plan_of, tasks_of

PLACE = "LV0001000"
OPEN, SECRET = "Matemātikā četras nepietiekamas atzīmes.", "Klusie vārdi par ģimeni."


@pytest.fixture
def plan(world: World) -> str:
    """An approved plan with an open and a sensitive risk, and tickets that support staff entered."""
    pupil = world.enrol(1, declared_municipality=PLACE)
    whole = (date(2019, 9, 1), date(2020, 2, 1))
    certificate = RecordCertificate(pupil, "101", "semester", world.calendar.day, *whole, [PLACE])
    world.do("psychologist", certificate)
    code = world.begin(pupil, world.consent(pupil))
    risks = [RiskLine("MI4", OPEN), RiskLine("GI4", SECRET), RiskLine("EK1", "Tālu.")]
    measures = [
        MeasureLine("KA-PED", ["MI4"], "teacher", "matematika", 16),
        MeasureLine("KA-PSI", ["GI4"], "psychologist"),
        MeasureLine("KO-TRA", ["EK1"]),
    ]
    world.fill(code, risks, measures, who="psychologist")
    world.move("teacher", code, "submit")
    world.approve(code)
    return code


def read(world: World, who: str, code: str):
    with world.register.database.reading(world.people[who]) as connection:
        return plan_of(connection, world.people[who], code, world.calendar.day)


def tasks(world: World, who: str):
    with world.register.database.reading(world.people[who]) as connection:
        found = tasks_of(connection, world.people[who], world.calendar.day)
    return {one.plan.plan_code: one.tasks for one in found.plans}


@pytest.mark.requirement("R74", "R82")
@pytest.mark.parametrize(
    ("who", "reader", "shown"),
    [
        ("psychologist", "support", ({OPEN, SECRET, "Tālu."}, {"MI4", "GI4", "EK1"}, {"KA-PED", "KA-PSI", "KO-TRA"})),
        ("director", "director", ({OPEN, "Tālu."}, {"MI4", "GI4", "EK1"}, {"KA-PED", "KA-PSI", "KO-TRA"})),
        ("teacher", "teacher", ({OPEN, "Tālu."}, {"MI4", "GI4", "EK1"}, {"KA-PED", "KA-PSI"})),
        ("municipality", "municipality", (set(), {"MI4", "EK1"}, {"KA-PED", "KA-PSI", "KO-TRA"})),
        ("state", "state", (set(), {"MI4", "EK1"}, {"KA-PED", "KA-PSI", "KO-TRA"})),
    ],
)
def test_each_role_reads_a_plan_as_far_as_its_task_goes(world, plan, who, reader, shown):
    found, (words, risks, measures) = read(world, who, plan), shown
    assert found.reader == reader
    assert {risk["justification"] for risk in found.risks} - {None} == words
    assert {risk["risk_code"] for risk in found.risks} == risks
    assert {row["measure_code"] for row in found.measures} == measures
    assert found.hidden_risks == 3 - len(risks)


@pytest.mark.requirement("R74")
@pytest.mark.parametrize(
    "who", ["colleague", "other.director", "other.teacher", "neighbour", "vet.director", "researcher", "steward"]
)
def test_whoever_has_nothing_to_do_with_a_plan_is_told_that_there_is_none(world, plan, who):
    assert read(world, who, plan) is None
    assert read(world, who, "191-000999-00") is None


@pytest.mark.parametrize("who", ["municipality", "state"])
def test_a_draft_is_no_affair_of_anybody_above_the_school(world, who):
    pupil = world.enrol(1)
    code = world.begin(pupil, world.consent(pupil))
    assert read(world, who, code) is None
    assert tasks(world, who) == {}


def test_certificates_and_compensations_are_no_teacher_s_affair(world, plan):
    world.do("psychologist", RequestCompensation(plan, "KO-TRA", "2019-09", 2550))
    assert (read(world, "teacher", plan).certificates, read(world, "teacher", plan).compensations) == ((), ())
    assert len(read(world, "psychologist", plan).certificates) == 1
    assert len(read(world, "municipality", plan).compensations) == 1


def test_a_teacher_who_saves_loses_no_compensation_that_others_entered(world, plan):
    world.move("teacher", plan, "revise", reason="Jāpapildina.")
    seen = read(world, "teacher", plan)
    risks = [RiskLine(risk["risk_code"], risk["justification"]) for risk in seen.risks]
    lines = [
        MeasureLine(row["measure_code"], row["risk_codes"], row["provider"], row["subject_code"], row["planned_times"])
        for row in seen.measures
    ]
    world.do("teacher", ChangePlan(plan, world.version(plan), risks, lines))
    kept = read(world, "psychologist", plan)
    assert {row["measure_code"]: row["risk_codes"] for row in kept.measures}["KO-TRA"] == ["EK1"]
    assert {risk["justification"] for risk in kept.risks} == {OPEN, SECRET, "Tālu."}


def test_a_plan_waits_for_one_after_the_other(world):
    pupil = world.enrol(1)
    code = world.begin(pupil, world.consent(pupil))
    world.fill(code)
    assert tasks(world, "teacher") == {code: ("submit",)}
    world.move("teacher", code, "submit")
    for who in ("director", "municipality", "state"):
        assert tasks(world, who)[code] == ("approve",)
        world.move(who, code, "approve")
    assert tasks(world, "municipality") == {}
    assert tasks(world, "teacher") == {code: ()}
    world.calendar.day = date(2019, 10, 10)
    assert tasks(world, "teacher") == {code: ("begin_support",)}
    world.consult(code)
    world.calendar.day = date(2019, 12, 10)
    assert tasks(world, "teacher") == {code: ("close",)}
    world.close(code)
    assert tasks(world, "teacher") == {}


@pytest.mark.parametrize(
    ("day", "phase"),
    [
        (date(2019, 9, 2), "start"),
        (date(2019, 11, 1), "middle"),
        (date(2019, 12, 16), "end"),
        (date(2020, 1, 7), "start"),
    ],
)
def test_a_semester_has_three_parts(day, phase):
    assert phase_of(day) == phase
