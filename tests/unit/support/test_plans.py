"""Plans: who begins which for whom and when, what they hold, who writes in them."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from refusals import one, refused, rows
from supported import OTHER_SCHOOL, PLACE, SCHOOL, VET_SCHOOL, World, pupil_id

from riskmodel.register.people import Grant
from riskmodel.support.changes import PublishRule
from riskmodel.support.consents import RecordConsent, WithdrawConsent
from riskmodel.support.places import Join, RecordInstitution, RecordStaff
from riskmodel.support.plans import BeginPlan, ChangePlan, MeasureLine, RiskLine
from riskmodel.support.pupils import RecordStay
from riskmodel.support.schema.plans import MEASURE_RISK, PLAN, PLAN_MEASURE, PLAN_RISK, PLAN_STEP
from riskmodel.support.work import ConflictError, NotAllowedError, UnknownThingError

TODAY = date(2019, 9, 16)
MARKS = RiskLine("MI4", "Matemātikā četras nepietiekamas atzīmes.")
LESSONS = MeasureLine("KA-PED", ["MI4"], "teacher", "matematika", 16)


def begin(pupil: str, consent: int, **more: object) -> BeginPlan:
    given = {
        "school_id": SCHOOL,
        "programme": "pumpurs",
        "school_year": 2019,
        "semester": 1,
        "started_on": TODAY,
        **more,
    }
    return BeginPlan(pupil, consent_id=consent, **given)


def draft(world: World, number: int = 1, **more: object) -> str:
    pupil = world.enrol(number)
    return world.begin(pupil, world.consent(pupil), **more)


def change(world: World, code: str, risks=(MARKS,), measures=(LESSONS,), **more: object) -> ChangePlan:
    return ChangePlan(code, more.pop("version", world.version(code)), risks, measures, **more)


# --- beginning


@pytest.mark.requirement("R29")
def test_no_plan_begins_without_a_consent(world):
    pupil = world.enrol()
    refused(world, "teacher", begin(pupil, 999), "consent_required")
    agreement = world.consent(pupil, paper_kind="agreement", giver="pupil")
    refused(world, "teacher", begin(pupil, agreement), "consent_required")
    handover = world.consent(pupil, paper_kind="handover")
    refused(world, "teacher", begin(pupil, handover), "consent_required")


@pytest.mark.requirement("R29", "R23")
def test_a_consent_serves_its_own_pupil_semester_and_school(world):
    mine, other = world.enrol(1), world.enrol(2)
    refused(world, "teacher", begin(mine, world.consent(other)), "consent_one_plan")
    refused(world, "teacher", begin(mine, world.consent(mine, half=2)), "consent_one_plan")
    refused(world, "teacher", begin(mine, world.consent(mine, year=2018)), "consent_one_plan")
    consent = world.consent(mine)
    moved = RecordStay(mine, OTHER_SCHOOL, "grade", 9, TODAY, "9.a")
    world.do("other.teacher", moved)
    refused(world, "other.teacher", begin(mine, consent, school_id=OTHER_SCHOOL), "consent_one_plan")


@pytest.mark.requirement("R29")
def test_no_plan_rests_on_a_consent_that_was_withdrawn_also_when_it_is_given_an_older_day(world):
    pupil = world.enrol()
    consent = world.consent(pupil)
    world.calendar.day = TODAY + timedelta(days=9)
    world.do("teacher", WithdrawConsent(consent, TODAY + timedelta(days=7)))
    error = refused(world, "teacher", begin(pupil, consent, started_on=TODAY), "consent_withdrawn")
    assert "23.09.2019." in error.in_language("lv")


@pytest.mark.requirement("R23")
def test_a_pupil_has_one_live_plan_in_a_semester_and_a_new_one_after_a_deletion(world):
    pupil = world.enrol()
    first = world.begin(pupil, world.consent(pupil))
    refused(world, "teacher", begin(pupil, world.consent(pupil)), "one_live_plan")
    refused(world, "colleague", begin(pupil, world.consent(pupil), programme="own"), "one_live_plan")
    world.move("teacher", first, "delete", reason="Sākts kļūdas dēļ.")
    second = world.begin(pupil, world.consent(pupil))
    assert [row.status for row in rows(world, PLAN, pupil_id=pupil)] == ["INACTIVE", "DRAFT"]
    assert second != first


@pytest.mark.requirement("R2")
@pytest.mark.parametrize(
    ("day", "kind", "number", "is_taken"),
    [
        (date(2019, 9, 16), "grade", 4, False),
        (date(2019, 9, 16), "grade", 5, True),
        (date(2021, 8, 31), "grade", 4, False),
        (date(2021, 9, 1), "grade", 4, True),
        (date(2021, 9, 16), "grade", 1, True),
        (date(2019, 9, 16), "grade", 12, True),
        (date(2019, 9, 16), "vet_year", 1, True),
        (date(2019, 9, 16), "vet_year", 4, True),
        (date(2019, 9, 16), "vet_year", 5, False),
        (date(2021, 9, 16), "preschool", 6, False),
    ],
)
def test_who_can_be_taken_in_is_a_matter_of_the_day(world, day, kind, number, is_taken):
    world.calendar.day = day
    pupil = world.enrol(stage_kind=kind, stage_number=number)  # in a general school: its programmes of VET count too
    year, half = (2020, 2) if day == date(2021, 8, 31) else (day.year, 1)
    command = begin(pupil, world.consent(pupil, year, half), school_year=year, semester=half, started_on=day)
    if is_taken:
        assert world.do("teacher", command)
    else:
        rule = "target_group_5_12" if day < date(2021, 9, 1) else "target_group_1_12"
        refused(world, "teacher", command, rule)


@pytest.mark.requirement("R2", "R63")
def test_the_bounds_of_grades_can_be_published_anew(world):
    world.do("state", PublishRule("target_group_5_12", "MK 2", date(2019, 9, 16), parameters={"min_grade": 4}))
    pupil = world.enrol(stage_number=4)
    assert world.begin(pupil, world.consent(pupil))
    younger = world.enrol(2, stage_number=3)
    refused(world, "teacher", begin(younger, world.consent(younger)), "target_group_5_12")


@pytest.mark.requirement("R20")
def test_an_educator_or_a_psychologist_begins_a_plan_and_nobody_else(world):
    pupil = world.enrol()
    consent = world.consent(pupil)
    refused(world, "assistant", begin(pupil, consent), "plan_preparer")
    for who in ("director", "municipality", "state", "steward", "researcher", "other.teacher"):
        refused(world, who, begin(pupil, consent), kind=NotAllowedError)
    assert world.begin(pupil, consent, who="psychologist")
    for number, who in ((2, "teacher"), (3, "colleague")):
        other = world.enrol(number)
        assert world.begin(other, world.consent(other), who=who)


@pytest.mark.requirement("R20")
def test_a_teacher_who_is_assistant_too_begins_and_writes_whichever_role_was_given_first(world):
    world.person("both", Grant("support_staff", SCHOOL), Grant("class_teacher", SCHOOL, class_code="9.b"))
    world.person("two", Grant("class_teacher", SCHOOL, class_code="9.c"), Grant("support_staff", SCHOOL))
    for number, who in ((1, "both"), (2, "two")):
        pupil = world.enrol(number)
        code = world.begin(pupil, world.consent(pupil), who=who)
        world.do(who, change(world, code, [MARKS, RiskLine("GI1", "Vecāki strādā citā valstī.")], [LESSONS]))
    foreign = draft(world, 3)
    world.do("two", change(world, foreign))


@pytest.mark.requirement("R21")
def test_a_plan_belongs_to_the_semester_in_which_it_is_begun(world):
    pupil = world.enrol()
    for year, half in ((2019, 2), (2018, 1), (2018, 2)):
        command = begin(pupil, world.consent(pupil, year, half), school_year=year, semester=half)
        refused(world, "teacher", command, "plan_semester")
    consent = world.consent(pupil)
    refused(world, "teacher", begin(pupil, consent, started_on=TODAY + timedelta(days=1)))
    world.calendar.day = date(2020, 1, 5)
    assert world.do("teacher", begin(pupil, consent, started_on=date(2020, 1, 5)))
    late = world.enrol(2)
    old = world.consent(late, signed_on=TODAY)
    world.calendar.day = date(2020, 1, 6)
    refused(world, "teacher", begin(late, old, started_on=date(2020, 1, 5)), "plan_semester")


@pytest.mark.requirement("R21")
@pytest.mark.parametrize(("day", "is_late"), [(date(2019, 10, 2), 0), (date(2019, 10, 3), 1)])
def test_a_plan_more_than_thirty_days_after_the_semester_s_start_is_marked_as_late(world, day, is_late):
    world.calendar.day = day
    pupil = world.enrol()
    code = world.begin(pupil, world.consent(pupil, signed_on=TODAY, received_on=TODAY), started_on=TODAY)
    assert world.plan(code).is_late == is_late  # by the day of writing: an older first day does not hide it


@pytest.mark.requirement("R24")
def test_a_plan_has_a_code_of_its_own_without_a_trace_of_the_pupil(world):
    codes = [draft(world, number) for number in (1, 2, 3)]
    assert len(set(codes)) == 3
    for number, code in enumerate(codes, 1):
        assert re.fullmatch(r"191-[0-9]{6}-[0-9]{2}", code)
        digits = int(code.replace("-", ""))
        assert digits % 97 == 1  # one wrong figure, or two that changed places, are seen
        assert pupil_id(number) not in code
    world.do("teacher", change(world, codes[0]))
    assert world.plan(codes[0]).plan_code == codes[0]


@pytest.mark.requirement("R25", "R26")
def test_a_plan_bears_preparer_supervisor_author_and_time(world):
    plan = world.plan(draft(world, 1, supervisor="psychologist"))
    assert (plan.preparer, plan.supervisor, plan.recorded_by) == ("teacher", "psychologist", "teacher")
    assert plan.recorded_at == world.calendar()
    assert world.plan(draft(world, 2)).supervisor == "teacher"
    pupil = world.enrol(3)
    for login in ("other.teacher", "nobody"):
        refused(world, "teacher", begin(pupil, world.consent(pupil), supervisor=login))


@pytest.mark.requirement("X7")
def test_a_plan_bears_its_programme_and_lies_in_its_days(world):
    pupil = world.enrol()
    consent = world.consent(pupil)
    refused(world, "teacher", begin(pupil, consent, programme="skola_kopiena"), "successor")
    refused(world, "teacher", begin(pupil, consent, programme="skola kopienā"))
    assert world.plan(world.begin(pupil, consent, programme="own")).programme == "own"
    world.calendar.day = day = date(2024, 1, 2)
    of = {"school_year": 2023, "semester": 1, "started_on": day}
    refused(world, "teacher", begin(pupil, world.consent(pupil, 2023), **of), "project_period")
    world.calendar.day = day = date(2025, 9, 16)
    code = world.begin(pupil, world.consent(pupil, 2025), 2025, programme="skola_kopiena")
    assert world.plan(code).programme == "skola_kopiena"


@pytest.mark.requirement("R77")
def test_a_school_begins_plans_of_the_programme_from_the_day_on_which_it_joined(world):
    world.do("steward", RecordInstitution("301", "Skola 301", "general", PLACE, date(2010, 9, 1)))
    world.person("new.teacher", Grant("subject_teacher", "301"))
    world.do("new.teacher", RecordStay(pupil_id(1), "301", "grade", 9, date(2016, 9, 1)))
    consent = world.consent(pupil_id(1), school_id="301", who="new.teacher")
    world.do("steward", Join("pumpurs", "institution", "301", TODAY + timedelta(days=1)))
    refused(world, "new.teacher", begin(pupil_id(1), consent, school_id="301"), "institution_member")
    world.calendar.day = TODAY + timedelta(days=1)
    joined = begin(pupil_id(1), consent, school_id="301", started_on=world.calendar.day)
    assert world.do("new.teacher", joined)


@pytest.mark.requirement("R14")
def test_a_child_of_a_preschool_can_have_a_plan_of_the_own_kind(world):
    pupil = world.enrol(stage_kind="preschool", stage_number=5)
    consent = world.consent(pupil)
    refused(world, "teacher", begin(pupil, consent), "target_group_5_12")
    code = world.begin(pupil, consent, programme="own")
    assert world.plan(code).stage_kind == "preschool"


@pytest.mark.requirement("R13", "R61")
def test_a_plan_can_be_marked_for_its_need_and_for_an_examination(world):
    code = draft(world, is_psychoemotional=True)
    assert (world.plan(code).is_psychoemotional, world.plan(code).is_finishing) == (1, 0)
    world.do("teacher", change(world, code, is_finishing=True, is_psychoemotional=False))
    assert (world.plan(code).is_psychoemotional, world.plan(code).is_finishing) == (0, 1)


# --- copying


@pytest.mark.requirement("R27")
def test_the_next_plan_takes_risks_and_measures_over_and_no_compensation(world):
    pupil = world.enrol()
    old = world.begin(pupil, world.consent(pupil))
    world.fill(old, [MARKS, RiskLine("EK1", "23 km")], [LESSONS, MeasureLine("KO-TRA", ["EK1"])])
    world.calendar.day = date(2020, 1, 20)
    new = world.begin(pupil, world.consent(pupil, half=2), half=2, copied_from=old)
    plan = world.plan(new)
    assert plan.copied_from == world.plan(old).plan_id
    assert [row.risk_code for row in rows(world, PLAN_RISK, plan_id=plan.plan_id)] == ["MI4", "EK1"]
    (measure,) = rows(world, PLAN_MEASURE, plan_id=plan.plan_id)
    assert (measure.measure_code, measure.planned_times) == ("KA-PED", 16)
    assert len(rows(world, MEASURE_RISK, plan_measure_id=measure.plan_measure_id)) == 1


@pytest.mark.requirement("R89")
def test_the_plan_of_another_school_or_pupil_is_not_copied(world):
    pupil = world.enrol(1)
    old = world.begin(pupil, world.consent(pupil))
    world.fill(old, [RiskLine("GI4", "Tikai atbalsta personālam.")], [MeasureLine("KA-PSI", ["GI4"])], "psychologist")
    other = world.enrol(2)
    refused(world, "teacher", begin(other, world.consent(other), copied_from=old), kind=UnknownThingError)
    world.calendar.day = date(2020, 1, 20)
    world.do("other.teacher", RecordStay(pupil, OTHER_SCHOOL, "grade", 9, date(2020, 1, 10), "9.a"))
    consent = world.consent(pupil, half=2, school_id=OTHER_SCHOOL, who="other.teacher")
    of = {"school_id": OTHER_SCHOOL, "semester": 2, "started_on": date(2020, 1, 20), "copied_from": old}
    refused(world, "other.teacher", begin(pupil, consent, **of), kind=UnknownThingError)


# --- contents


@pytest.mark.requirement("R9")
def test_a_plan_holds_several_risks_that_people_add_and_each_says_where_it_comes_from(world):
    code = draft(world)
    lines = [RiskLine("MI4", "Zemas atzīmes.", is_proposed=True), RiskLine("MI9", "Sarunā teica, ka negrib mācīties.")]
    world.do("teacher", change(world, code, lines, [MeasureLine("KA-PED", ["MI4", "MI9"], None, "fizika")]))
    assert [(row.risk_code, row.origin) for row in rows(world, PLAN_RISK)] == [("MI4", "proposal"), ("MI9", "person")]
    assert len(rows(world, MEASURE_RISK)) == 2


@pytest.mark.requirement("R42")
def test_a_teacher_s_consultation_names_its_subject_and_a_specialist_s_needs_none(world):
    code = draft(world)
    for subject in (None, "", "  "):
        wrong = change(world, code, measures=[MeasureLine("KA-PED", ["MI4"], "teacher", subject)])
        refused(world, "teacher", wrong, "subject_required")
    world.do("teacher", change(world, code, measures=[MeasureLine("KA-PSI", ["MI4"], "psychologist")]))


@pytest.mark.parametrize(
    ("risks", "measures"),
    [
        ([RiskLine("XX1", "?")], [LESSONS]),
        ([MARKS], [MeasureLine("KA-XXX", ["MI4"])]),
        ([MARKS], [MeasureLine("KA-PED", ["MI5"], None, "fizika")]),
        ([MARKS, RiskLine("MI4", "Vēlreiz.")], [LESSONS]),
        ([MARKS], [LESSONS, LESSONS]),
        ([MARKS], [MeasureLine("KA-PED", ["MI4"], "other.teacher", "fizika")]),
        ([MARKS], [MeasureLine("KA-PED", ["MI4"], "teacher", "fizika", 0)]),
        ([MARKS], [MeasureLine("KA-PED", ["MI4"], "teacher", "fizika", 501)]),
        ([MARKS], [MeasureLine("KA-PED", ["MI4"], "teacher", "f" * 201)]),
        ([RiskLine("MI4", "a" * 2001)], [LESSONS]),
        ([RiskLine("MI4", "a\x00b")], [LESSONS]),
        ([RiskLine("MI4", "Jānis, 010203-12345")], [LESSONS]),
        ([RiskLine("MI4", "a\u202eb")], [LESSONS]),
        ([RiskLine("MI4", "\ud800")], [LESSONS]),
    ],
)
def test_contents_that_nothing_stands_behind_are_refused_in_words(world, risks, measures):
    refused(world, "teacher", change(world, draft(world), risks, measures))


def test_the_longest_text_with_lines_is_kept_as_it_was_written(world):
    code = draft(world)
    text = "Ā" * 1000 + "\n" + "b" * 999
    world.do("teacher", change(world, code, [RiskLine("MI4", text)]))
    assert one(world, PLAN_RISK).justification == text


# --- who writes


def test_preparer_supervisor_and_support_staff_write_and_nobody_else(world):
    code = draft(world, supervisor="colleague")
    for who in ("director", "teaching.director", "other.teacher", "other.psychologist", "municipality", "state"):
        refused(world, who, change(world, code), kind=NotAllowedError)
    for who in ("teacher", "colleague", "psychologist", "assistant"):
        world.do(who, change(world, code))
    assert world.version(code) == 5


@pytest.mark.requirement("R11")
def test_a_teacher_adds_a_sensitive_risk_and_writes_no_words_on_it(world):
    code = draft(world)
    refused(world, "teacher", change(world, code, [MARKS, RiskLine("GI4", "Kas notiek mājās.")]))
    world.do("teacher", change(world, code, [MARKS, RiskLine("GI4", None)]))
    row = one(world, PLAN_RISK, risk_code="GI4")
    assert (row.justification, row.is_sensitive) == (None, 1)
    assert one(world, PLAN_RISK, risk_code="MI4").is_sensitive == 0


def test_the_words_of_support_staff_are_neither_overwritten_nor_lost_by_a_teacher(world):
    code = draft(world)
    family = RiskLine("GI4", "Sarunāts ar sociālo pedagogu.")
    world.do("psychologist", change(world, code, [MARKS, family]))
    refused(world, "teacher", change(world, code, [MARKS, RiskLine("GI4", "Cits teksts.")]))
    refused(world, "teacher", change(world, code, [MARKS]))  # taken out, and added without words the next time
    world.do("teacher", change(world, code, [RiskLine("MI4", "Tagad piecas."), RiskLine("GI4", None)]))
    row = one(world, PLAN_RISK, risk_code="GI4")
    assert (row.justification, row.recorded_by) == (family.justification, "psychologist")
    assert one(world, PLAN_RISK, risk_code="MI4").recorded_by == "teacher"
    world.do("psychologist", change(world, code, [MARKS]))
    assert rows(world, PLAN_RISK, risk_code="GI4") == []


def test_who_saw_an_older_version_is_told_who_changed_it_and_changes_nothing(world):
    code = draft(world)
    world.do("psychologist", change(world, code))
    error = refused(world, "teacher", change(world, code, version=1), kind=ConflictError)
    assert "psychologist" in error.in_language("lv")
    assert code in error.in_language("lv")


def test_who_has_no_business_with_a_plan_is_not_told_who_changed_it(world):
    code = draft(world)
    world.do("psychologist", change(world, code))
    for who in ("other.teacher", "neighbour", "researcher"):
        error = refused(world, who, change(world, code, version=1), kind=NotAllowedError)
        assert "psychologist" not in error.in_both_languages()


@pytest.mark.requirement("R22", "X2")
def test_approved_contents_are_not_edited_without_a_new_approval(world):
    code = world.approved_plan()
    for who in ("teacher", "psychologist"):
        refused(world, who, change(world, code))
    world.move("teacher", code, "revise", reason="Cits priekšmets.")
    world.do("teacher", change(world, code))
    assert world.plan(code).status == "UNDER_REVISION"
    assert rows(world, PLAN_STEP, action="change")


@pytest.mark.requirement("X7")
@pytest.mark.parametrize(
    ("born_on", "is_taken"), [(date(2012, 9, 16), True), (date(2012, 9, 17), False), (None, False)]
)
def test_a_mentor_is_for_pupils_of_thirteen_and_older(world, born_on, is_taken):
    world.calendar.day = day = date(2025, 9, 16)
    world.do("director", RecordStaff("mentor", SCHOOL, "mentor", day))
    pupil = world.enrol(born_on=born_on, stage_number=6)
    code = world.begin(pupil, world.consent(pupil, 2025), 2025, programme="skola_kopiena")
    command = change(world, code, measures=[MeasureLine("SK-MEN", ["MI4"], "mentor")])
    if is_taken:
        assert world.do("teacher", command)
    else:
        refused(world, "teacher", command, "mentor_age")


def test_a_vocational_pupil_s_plan_is_prepared_in_the_state_school(world):
    pupil = world.enrol(1, VET_SCHOOL, stage_kind="vet_year", stage_number=3, class_code="1-1")
    consent = world.consent(pupil, school_id=VET_SCHOOL, who="vet.teacher")
    refused(world, "teacher", begin(pupil, consent, school_id=VET_SCHOOL), kind=NotAllowedError)
    assert world.begin(pupil, consent, school_id=VET_SCHOOL, who="vet.teacher")


def test_a_consent_of_the_future_cannot_be_recorded_to_begin_a_plan(world):
    pupil = world.enrol()
    tomorrow = TODAY + timedelta(days=1)
    refused(
        world,
        "teacher",
        RecordConsent(pupil, SCHOOL, 2019, 1, "parent", "post", tomorrow, tomorrow, "2020-03-26"),
    )
