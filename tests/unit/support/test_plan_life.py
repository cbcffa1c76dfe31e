"""The life of a plan: each step from each status, by whom, on which day, and what must hold."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from refusals import one, refused, rows
from supported import OTHER_SCHOOL, SCHOOL, VET_SCHOOL, World

from riskmodel.register.people import Grant
from riskmodel.support.changes import PublishRule
from riskmodel.support.consents import WithdrawConsent
from riskmodel.support.consultations import CancelConsultation, RecordConsultation
from riskmodel.support.life import ClosePlan, HandOverPlan, MovePlan, PayPreparation
from riskmodel.support.places import Join
from riskmodel.support.plans import ChangePlan, MeasureLine, RiskLine
from riskmodel.support.pupils import RecordStay
from riskmodel.support.results import AssessPlan
from riskmodel.support.schema.plans import PLAN_MOVE, PLAN_RISK, PLAN_STEP
from riskmodel.support.work import ConflictError, NotAllowedError, UnknownThingError

TODAY = date(2019, 9, 16)
DAY = timedelta(days=1)
MARKS = RiskLine("MI4", "Matemātikā četras nepietiekamas atzīmes.")
LESSONS = MeasureLine("KA-PED", ["MI4"], "teacher", "matematika", 16)


def draft(world: World, number: int = 1, **more: object) -> str:
    pupil = world.enrol(number)
    return world.begin(pupil, world.consent(pupil), **more)


def submitted(world: World, number: int = 1, **more: object) -> str:
    code = draft(world, number, **more)
    world.fill(code)
    world.move("teacher", code, "submit")
    return code


def step(world: World, code: str, action: object, **more: object) -> MovePlan:
    return MovePlan(code, more.pop("version", world.version(code)), action, **more)


def in_status(world: World, status: str) -> str:
    """Return the code of a plan that went an allowed way to a status."""
    if status in {"DRAFT", "INACTIVE"}:
        code = draft(world)
        world.fill(code)
    else:
        code = submitted(world)
    if status in {"APPROVED", "IN_PROGRESS", "CLOSED"}:
        world.approve(code)
    if status in {"IN_PROGRESS", "CLOSED"}:
        world.consult(code)
    if status == "CLOSED":
        world.close(code)
    if status in {"SUSPENDED", "UNDER_REVISION"}:
        world.move("teacher", code, {"SUSPENDED": "suspend", "UNDER_REVISION": "revise"}[status], reason="Slimība.")
    if status == "INACTIVE":
        world.move("teacher", code, "delete", reason="Kļūda.", removes_contents=True)
    assert world.plan(code).status == status
    return code


# From which status each step leads where, as the domain's table of the life cycle prints it; all others are refused.
TABLE = {
    "DRAFT": {"submit": "IN_APPROVAL", "delete": "INACTIVE"},
    "IN_APPROVAL": {
        "approve": "IN_APPROVAL",
        "return": "UNDER_REVISION",
        "suspend": "SUSPENDED",
        "revise": "UNDER_REVISION",
        "delete": "INACTIVE",
    },
    "APPROVED": {"suspend": "SUSPENDED", "revise": "UNDER_REVISION", "delete": "INACTIVE"},
    "IN_PROGRESS": {"suspend": "SUSPENDED", "revise": "UNDER_REVISION", "delete": "money", "close": "CLOSED"},
    "SUSPENDED": {"resume": "UNDER_REVISION"},
    "UNDER_REVISION": {"submit": "IN_APPROVAL"},
    "INACTIVE": {},
    "CLOSED": {},
}
STEPS = ("submit", "approve", "return", "suspend", "resume", "revise", "delete", "close")


@pytest.mark.requirement("X2")
@pytest.mark.parametrize("status", TABLE)
@pytest.mark.parametrize("action", STEPS)
def test_each_step_leads_from_the_statuses_of_the_table_to_the_one_it_names_and_from_no_other(world, status, action):
    code = in_status(world, status)
    who = "director" if action in {"approve", "return"} else "teacher"
    if action == "close":
        if status in {"IN_PROGRESS", "SUSPENDED"}:
            world.do("teacher", AssessPlan(code, "teacher", TODAY))
        command = ClosePlan(code, world.version(code), "continue")
    else:
        command = step(world, code, action, reason="Iemesls.", removes_contents=True)
    after = TABLE[status].get(action)
    if after is None:
        refused(world, who, command, None if action == "close" else "plan_status")
    elif after == "money":
        refused(world, who, command, "delete_no_money")
    else:
        world.do(who, command)
        assert world.plan(code).status == after


# --- submission


@pytest.mark.requirement("R22", "X3")
@pytest.mark.parametrize(
    ("risks", "measures", "rule_id"),
    [
        ([], [], "plan_risk_required"),
        ([MARKS], [], "plan_risk_measure"),
        ([MARKS, RiskLine("MI9", "Negrib.")], [LESSONS], "plan_risk_measure"),
        ([MARKS], [LESSONS, MeasureLine("KA-PSI", [], "psychologist")], "plan_risk_measure"),
        ([RiskLine("MI4", None)], [LESSONS], "plan_risk_justification"),
        ([RiskLine("MI4", "  ")], [LESSONS], "plan_risk_justification"),
    ],
)
def test_a_plan_is_submitted_with_risks_each_with_measure_and_words(world, risks, measures, rule_id):
    code = draft(world)
    world.do("teacher", ChangePlan(code, 1, risks, measures))
    refused(world, "teacher", step(world, code, "submit"), rule_id)
    world.fill(code)
    assert world.move("teacher", code, "submit")["status"] == "IN_APPROVAL"


@pytest.mark.requirement("R4")
def test_compensation_alone_answers_economic_risks_and_no_others(world):
    code = draft(world)
    tickets, distance = MeasureLine("KO-TRA", ["EK1"]), RiskLine("EK1", "23 km")
    both = MeasureLine("KO-TRA", ["EK1", "MI4"])
    world.do("teacher", ChangePlan(code, 1, [distance, MARKS], [both]))
    refused(world, "teacher", step(world, code, "submit"), "compensation_alone")
    world.do("teacher", ChangePlan(code, 2, [distance], [tickets]))
    assert world.move("teacher", code, "submit")
    other = draft(world, 2)
    world.do("teacher", ChangePlan(other, 1, [distance, MARKS], [tickets, LESSONS]))
    assert world.move("teacher", other, "submit")


def test_a_sensitive_risk_waits_for_the_words_of_support_staff(world):
    code = draft(world)
    lines = [MARKS, RiskLine("SV7", None)], [LESSONS, MeasureLine("KA-PSI", ["SV7"], "psychologist")]
    world.do("teacher", ChangePlan(code, 1, *lines))
    refused(world, "teacher", step(world, code, "submit"), "plan_risk_justification")
    world.do("psychologist", ChangePlan(code, 2, [MARKS, RiskLine("SV7", "Grūti vienam.")], lines[1]))
    assert world.move("teacher", code, "submit")


@pytest.mark.requirement("R29")
def test_nothing_is_submitted_or_approved_after_the_consent_was_withdrawn(world):
    code, other = draft(world, 1), submitted(world, 2)
    world.fill(code)
    for plan in (code, other):
        world.do("teacher", WithdrawConsent(world.plan(plan).consent_id, TODAY))
    refused(world, "teacher", step(world, code, "submit"), "consent_withdrawn")
    refused(world, "director", step(world, other, "approve"), "consent_withdrawn")
    world.move("director", other, "return", reason="Piekrišana atsaukta.")


# --- approval


@pytest.mark.requirement("X1")
def test_a_plan_of_a_general_school_goes_to_director_municipality_and_state(world):
    code = submitted(world)
    for level, turn in (("director", "municipality"), ("municipality", "state"), ("state", None)):
        assert world.plan(code).waits_for == level
        for who in {"director", "municipality", "state", "neighbour", "other.director", "teacher"} - {level}:
            refused(world, who, step(world, code, "approve"), kind=NotAllowedError)
        world.move(level, code, "approve")
        assert world.plan(code).waits_for == turn
    assert (world.plan(code).status, world.plan(code).approved_on) == ("APPROVED", TODAY)
    assert [row.level for row in rows(world, PLAN_STEP, action="approve")] == ["director", "municipality", "state"]


@pytest.mark.requirement("X1")
def test_a_plan_of_a_state_vocational_school_skips_the_municipality(world):
    pupil = world.enrol(1, VET_SCHOOL, stage_kind="vet_year", stage_number=1, class_code="1-1")
    consent = world.consent(pupil, school_id=VET_SCHOOL, who="vet.teacher")
    code = world.begin(pupil, consent, school_id=VET_SCHOOL, who="vet.teacher")
    measure = MeasureLine("KA-PED", ["MI4"], "vet.teacher", "matematika", 16)
    world.fill(code, measures=[measure], who="vet.teacher")
    world.move("vet.teacher", code, "submit")
    world.move("vet.director", code, "approve")
    refused(world, "municipality", step(world, code, "approve"), kind=NotAllowedError)
    assert world.move("state", code, "approve")["status"] == "APPROVED"


@pytest.mark.requirement("X1", "R91")
def test_the_state_s_step_is_off_for_other_programmes_and_is_turned_on_by_a_published_rule(world):
    code = submitted(world, 1, programme="own")
    world.move("director", code, "approve")
    assert world.move("municipality", code, "approve")["status"] == "APPROVED"
    world.do("state", PublishRule("state_step", "MK 3", TODAY + DAY, programmes=["own"]))
    today = submitted(world, 2, programme="own")
    world.approve(today, ["director", "municipality"])
    assert world.plan(today).status == "APPROVED"
    world.calendar.day = TODAY + DAY
    tomorrow = submitted(world, 3, programme="own")
    world.approve(tomorrow, ["director", "municipality"])
    assert (world.plan(tomorrow).status, world.plan(tomorrow).waits_for) == ("IN_APPROVAL", "state")
    assert world.move("state", tomorrow, "approve")["status"] == "APPROVED"


@pytest.mark.requirement("X1", "R91")
def test_a_step_that_went_while_a_plan_waited_for_it_does_not_send_the_plan_around_again(world):
    code = submitted(world)
    world.approve(code, ["director", "municipality"])
    world.calendar.day = TODAY + DAY
    world.do("state", PublishRule("state_step", "MK 4", valid_to=TODAY))
    assert world.move("state", code, "approve")["status"] == "APPROVED"
    other = submitted(world, 2)
    world.approve(other, ["director", "municipality"])
    assert world.plan(other).status == "APPROVED"


@pytest.mark.requirement("X1")
def test_nobody_agrees_to_a_plan_that_was_written_or_submitted_by_the_same_person(world):
    pupil = world.enrol()
    own = world.begin(pupil, world.consent(pupil), who="teaching.director")
    world.fill(own, who="teaching.director")
    world.move("teaching.director", own, "submit")
    refused(world, "teaching.director", step(world, own, "approve"), "approval_own_plan")
    world.move("director", own, "approve")
    # Of somebody else's plan the same person decides; not so where the person wrote or submitted some of it.
    other = submitted(world, 2)
    world.move("teaching.director", other, "approve")
    helped = draft(world, 3, supervisor="teaching.director")
    world.fill(helped, who="teaching.director")
    world.move("teacher", helped, "submit")
    refused(world, "teaching.director", step(world, helped, "approve"), "approval_own_plan")


def test_a_director_who_also_is_the_municipality_s_does_not_agree_to_the_own_plan_there_either(world):
    place = world.people["municipality"].grants[0]
    world.person("many", Grant("class_teacher", SCHOOL, class_code="7.a"), place)
    code = draft(world, 1, who="many")
    world.fill(code, who="many")
    world.move("many", code, "submit")
    world.move("director", code, "approve")
    refused(world, "many", step(world, code, "approve"), "approval_own_plan")


@pytest.mark.requirement("X1", "X2")
def test_a_returned_plan_has_a_reason_and_goes_through_all_levels_again(world):
    code = submitted(world)
    world.approve(code, ["director", "municipality"])
    for reason in (None, "", "   "):
        refused(world, "state", step(world, code, "return", reason=reason), "reason_required")
    world.move("state", code, "return", reason="Pamatojums nav skaidrs.")
    assert (world.plan(code).status, world.plan(code).waits_for) == ("UNDER_REVISION", None)
    returned = one(world, PLAN_STEP, action="return")
    assert (returned.level, returned.reason) == ("state", "Pamatojums nav skaidrs.")
    world.fill(code)
    world.move("teacher", code, "submit")
    assert world.plan(code).waits_for == "director"
    refused(world, "state", step(world, code, "approve"), kind=NotAllowedError)
    world.approve(code)
    assert world.plan(code).status == "APPROVED"


def test_a_decision_is_taken_on_the_version_that_was_seen(world):
    code = submitted(world)
    seen = world.version(code)
    world.do("director", PayPreparation(code, 100))
    refused(world, "director", step(world, code, "approve", version=seen), kind=ConflictError)
    refused(world, "director", step(world, code, "return", version=seen, reason="Ne."), kind=ConflictError)


# --- days


@pytest.mark.parametrize("action", ["submit", "approve", "return", "resume", "revise", "delete"])
def test_what_is_done_in_the_register_bears_the_day_on_which_it_is_done(world, action):
    statuses = {
        "submit": "DRAFT",
        "approve": "IN_APPROVAL",
        "return": "IN_APPROVAL",
        "resume": "SUSPENDED",
        "revise": "APPROVED",
        "delete": "APPROVED",
    }
    code = in_status(world, statuses[action])
    world.calendar.day = TODAY + 3 * DAY
    who = "director" if action in {"approve", "return"} else "teacher"
    for day in (TODAY, TODAY + 2 * DAY, TODAY + 4 * DAY):
        command = step(world, code, action, reason="Iemesls.", happened_on=day, removes_contents=True)
        refused(world, who, command)
    world.move(who, code, action, reason="Iemesls.", happened_on=TODAY + 3 * DAY, removes_contents=True)


def test_an_interruption_may_be_told_later_and_not_before_what_was_done_since(world):
    code = world.approved_plan()
    world.calendar.day = TODAY + 10 * DAY
    world.consult(code, happened_on=TODAY + 5 * DAY)
    for day in (TODAY + 4 * DAY, TODAY + 11 * DAY):
        refused(world, "teacher", step(world, code, "suspend", reason="Slimība.", happened_on=day))
    world.move("teacher", code, "suspend", reason="Slimība.", happened_on=TODAY + 6 * DAY)
    assert one(world, PLAN_STEP, action="suspend").happened_on == TODAY + 6 * DAY


@pytest.mark.requirement("R19")
def test_no_support_is_recorded_for_days_on_which_the_plan_was_interrupted_or_revised(world):
    code = world.approved_plan()
    world.calendar.day = TODAY + 2 * DAY
    world.move("teacher", code, "suspend", reason="Slimība.")
    world.calendar.day = TODAY + 6 * DAY
    world.move("teacher", code, "resume")
    world.move("teacher", code, "submit")
    world.calendar.day = TODAY + 8 * DAY
    world.approve(code)

    def of(day: date, minute: int) -> RecordConsultation:
        return RecordConsultation(code, "KA-PED", day, minute, 40, subject_code="matematika", is_signed=True)

    for number in (3, 5, 6, 7):
        refused(world, "teacher", of(TODAY + number * DAY, 600), "approved_plan")
    for number in (0, 1, 2, 8):  # on the days of the steps themselves there were hours on either side
        world.do("teacher", of(TODAY + number * DAY, 600))


@pytest.mark.requirement("R22")
def test_a_measure_that_a_revision_added_carries_no_support_of_the_days_before(world):
    code = world.approved_plan()
    world.calendar.day = TODAY + 10 * DAY
    world.move("teacher", code, "revise", reason="Vajag psihologu.")
    both = [LESSONS, MeasureLine("KA-PSI", ["MI4"], "psychologist")]
    world.fill(code, measures=both)
    world.move("teacher", code, "submit")
    world.approve(code)
    early = RecordConsultation(code, "KA-PSI", TODAY + DAY, 600, 40, is_signed=True)
    refused(world, "psychologist", early)
    world.consult(code, happened_on=TODAY + DAY)  # what stood there before carries it still
    late = RecordConsultation(code, "KA-PSI", TODAY + 10 * DAY, 600, 40, is_signed=True)
    world.do("psychologist", late)


# --- suspending, resuming, revising, deleting


@pytest.mark.requirement("X2")
def test_interruption_revision_and_deletion_need_a_written_reason(world):
    code = world.approved_plan()
    for action in ("suspend", "revise", "delete"):
        for reason in (None, "\n "):
            command = step(world, code, action, reason=reason, removes_contents=True)
            refused(world, "teacher", command, "reason_required")


@pytest.mark.requirement("X2")
def test_a_plan_is_resumed_in_its_own_semester_alone(world):
    last, after = in_status(world, "SUSPENDED"), None
    world.calendar.day = date(2020, 1, 5)
    assert world.move("director", last, "resume")["status"] == "UNDER_REVISION"
    world.move("teacher", last, "submit")
    world.move("teacher", last, "suspend", reason="Slimība.")
    world.calendar.day = date(2020, 1, 6)
    after = step(world, last, "resume")
    refused(world, "teacher", after, "resume_same_semester")
    refused(world, "teacher", step(world, last, "resume", happened_on=date(2020, 1, 5)))


@pytest.mark.requirement("X2")
def test_a_plan_is_deleted_only_where_no_money_was_used_and_its_contents_are_given_up(world):
    code = submitted(world)
    refused(world, "teacher", step(world, code, "delete", reason="Kļūda."), "delete_contents_first")
    world.do("director", PayPreparation(code, 1))
    command = step(world, code, "delete", reason="Kļūda.", removes_contents=True)
    refused(world, "teacher", command, "delete_no_money")
    refused(world, "director", PayPreparation(code, 0))
    other = world.approved_plan(2)
    held = world.consult(other)
    command = step(world, other, "delete", reason="Kļūda.", removes_contents=True)
    refused(world, "teacher", command, "delete_no_money")
    world.do("teacher", CancelConsultation(held, "Nenotika."))
    world.move("teacher", other, "delete", reason="Kļūda.", removes_contents=True)
    assert rows(world, PLAN_RISK, plan_id=world.plan(other).plan_id) == []
    assert world.plan(other).ended_on == TODAY


@pytest.mark.parametrize("cents", [-1, 2**31, 2**63])
def test_money_of_preparing_is_a_number_that_a_table_holds(world, cents):
    refused(world, "director", PayPreparation(draft(world), cents))


@pytest.mark.requirement("R81")
def test_what_preparing_cost_is_entered_by_the_director_and_can_be_corrected(world):
    code = draft(world)
    refused(world, "teacher", PayPreparation(code, 100), kind=NotAllowedError)
    world.do("director", PayPreparation(code, 100))
    world.do("director", PayPreparation(code, 90))
    assert world.plan(code).preparation_cents == 90


@pytest.mark.requirement("X2")
def test_a_plan_revised_after_its_first_support_goes_on_and_can_be_closed(world):
    code = world.approved_plan()
    world.consult(code)
    world.move("teacher", code, "revise", reason="Cits priekšmets.")
    world.move("teacher", code, "submit")
    world.approve(code, ["director", "municipality"])
    assert world.move("state", code, "approve")["status"] == "IN_PROGRESS"
    last = rows(world, PLAN_STEP)[-2:]
    assert [(row.status_before, row.status_after) for row in last] == [
        ("IN_APPROVAL", "APPROVED"),
        ("APPROVED", "IN_PROGRESS"),
    ]
    world.close(code)


def test_an_unknown_step_is_refused_in_words(world):
    refused(world, "teacher", step(world, draft(world), "burn"))
    refused(world, "teacher", MovePlan("191-000099-00", 1, "submit"), kind=UnknownThingError)


@pytest.mark.requirement("X2")
def test_the_steps_of_a_plan_follow_one_another(world):
    code = world.approved_plan()
    world.consult(code)
    world.close(code)
    steps = rows(world, PLAN_STEP)
    assert [row.action for row in steps] == [
        "begin",
        "change",
        "submit",
        "approve",
        "approve",
        "approve",
        "start",
        "close",
    ]
    assert [row.status_before for row in steps[1:]] == [row.status_after for row in steps[:-1]]


# --- closing


@pytest.mark.requirement("R27")
def test_a_plan_is_closed_with_an_assessment_and_one_of_three_decisions(world):
    code = in_status(world, "IN_PROGRESS")
    refused(world, "teacher", ClosePlan(code, world.version(code), "continue"), "evaluation_before_closing")
    world.do("teacher", AssessPlan(code, "pupil", TODAY))
    refused(world, "teacher", ClosePlan(code, world.version(code), "continue"), "evaluation_before_closing")
    world.do("teacher", AssessPlan(code, "teacher", TODAY))
    refused(world, "teacher", ClosePlan(code, world.version(code), "perhaps"))
    world.do("teacher", ClosePlan(code, world.version(code), "no_longer_needed"))
    assert (world.plan(code).decision, world.plan(code).ended_on) == ("no_longer_needed", TODAY)
    for number, decision in ((2, "continue"), (3, "change")):
        other = world.approved_plan(number)
        world.consult(other, begins_minute=900 + 45 * number)
        world.close(other, decision)
        assert world.plan(other).decision == decision


# --- handing over


def moved_pupil(world: World, number: int = 1, **more: object) -> tuple[str, str]:
    """Return a pupil who moved to the other school on 1 October, and the code of the plan that was left behind."""
    pupil = world.enrol(number)
    code = world.begin(pupil, world.consent(pupil))
    world.do("psychologist", ChangePlan(code, 1, *CONTENTS))
    world.move("teacher", code, "submit")
    world.approve(code)
    world.calendar.day = date(2019, 10, 1)
    world.enrol(number, valid_to=date(2019, 10, 1))
    world.do("other.teacher", RecordStay(pupil, OTHER_SCHOOL, "grade", 9, date(2019, 10, 1), "9.a"))
    return pupil, code


CONTENTS = (
    [MARKS, RiskLine("GI4", "Vārdi, kas paliek skolā.")],
    [LESSONS, MeasureLine("KA-PSI", ["GI4"], "psychologist")],
)


def hand_over(world: World, code: str, consent: int, **more: object) -> HandOverPlan:
    given = {"to_school_id": OTHER_SCHOOL, "supervisor": "other.teacher", **more}
    return HandOverPlan(code, world.version(code), consent_id=consent, **given)


@pytest.mark.requirement("R89")
def test_a_plan_goes_with_its_pupil_by_a_consent_to_that_and_leaves_sensitive_words_behind(world):
    pupil, code = moved_pupil(world)
    there = {"school_id": OTHER_SCHOOL, "who": "other.teacher", "paper_kind": "handover"}
    refused(world, "teacher", hand_over(world, code, world.plan(code).consent_id))
    consent = world.consent(pupil, **there)
    refused(world, "other.teacher", hand_over(world, code, consent), kind=NotAllowedError)
    world.do("teacher", hand_over(world, code, consent))
    plan = world.plan(code)
    assert (plan.school_id, plan.status, plan.preparer) == (OTHER_SCHOOL, "UNDER_REVISION", "other.teacher")
    words = {row.risk_code: row.justification for row in rows(world, PLAN_RISK, plan_id=plan.plan_id)}
    assert words == {"MI4": MARKS.justification, "GI4": None}
    moved = one(world, PLAN_MOVE)
    assert (moved.from_school_id, moved.to_school_id, moved.consent_id) == (SCHOOL, OTHER_SCHOOL, consent)
    refused(world, "teacher", step(world, code, "submit"), kind=NotAllowedError)
    refused(world, "other.teacher", step(world, code, "submit"), "plan_risk_justification")
    world.do(
        "other.psychologist",
        ChangePlan(
            code,
            world.version(code),
            [MARKS, RiskLine("GI4", "Pašu vārdi.")],
            [MeasureLine("KA-PED", ["MI4", "GI4"], "other.teacher", "matematika")],
        ),
    )
    world.move("other.teacher", code, "submit")
    world.move("other.director", code, "approve")
    refused(world, "municipality", step(world, code, "approve"), kind=NotAllowedError)
    world.move("neighbour", code, "approve")


@pytest.mark.requirement("R89")
def test_a_consent_to_hand_over_is_of_this_pupil_and_semester_holds_and_serves_once(world):
    pupil, code = moved_pupil(world)
    there = {"school_id": OTHER_SCHOOL, "who": "other.teacher", "paper_kind": "handover"}
    other = world.enrol(2, OTHER_SCHOOL)
    for consent in (world.consent(other, **there), world.consent(pupil, half=2, **there)):
        refused(world, "teacher", hand_over(world, code, consent))
    withdrawn = world.consent(pupil, **there)
    world.do("other.teacher", WithdrawConsent(withdrawn, world.calendar.day))
    refused(world, "teacher", hand_over(world, code, withdrawn), "consent_withdrawn")
    refused(world, "teacher", hand_over(world, code, 999), kind=UnknownThingError)
    good = world.consent(pupil, **there)
    refused(world, "teacher", hand_over(world, code, good, to_school_id=SCHOOL, supervisor="colleague"))
    refused(world, "teacher", hand_over(world, code, good, supervisor="teacher"))
    refused(world, "teacher", hand_over(world, code, good, to_school_id=VET_SCHOOL, supervisor="vet.teacher"))
    world.do("teacher", hand_over(world, code, good))
    world.enrol(1, valid_from=date(2019, 10, 1))
    back = hand_over(world, code, good, to_school_id=SCHOOL, supervisor="teacher")
    refused(world, "other.director", back)


@pytest.mark.requirement("R89", "R77")
def test_no_plan_goes_to_a_school_that_is_not_in_the_programme_or_after_its_semester(world):
    pupil, code = moved_pupil(world)
    there = {"school_id": OTHER_SCHOOL, "who": "other.teacher", "paper_kind": "handover"}
    consent = world.consent(pupil, **there)
    world.do("steward", Join("pumpurs", "institution", OTHER_SCHOOL, date(2017, 9, 11), date(2019, 10, 1)))
    refused(world, "teacher", hand_over(world, code, consent), "institution_member")
    world.do("steward", Join("pumpurs", "institution", OTHER_SCHOOL, date(2017, 9, 11)))
    world.calendar.day = date(2020, 1, 6)
    refused(world, "teacher", hand_over(world, code, consent))
    refused(world, "teacher", hand_over(world, code, consent, happened_on=date(2020, 1, 5)))
    world.calendar.day = date(2020, 1, 5)
    world.do("teacher", hand_over(world, code, consent, happened_on=date(2019, 10, 2)))


def test_after_a_hand_over_the_new_school_takes_the_withdrawal_of_the_consent(world):
    pupil, code = moved_pupil(world)
    first = world.plan(code).consent_id
    refused(world, "other.teacher", WithdrawConsent(first, world.calendar.day), kind=NotAllowedError)
    consent = world.consent(pupil, school_id=OTHER_SCHOOL, who="other.teacher", paper_kind="handover")
    world.do("teacher", hand_over(world, code, consent))
    world.do("other.teacher", WithdrawConsent(first, world.calendar.day))
