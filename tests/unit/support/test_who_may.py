"""Each command and each role: who carries it out, and who is refused without a trace. The table was written from the domain by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from refusals import refused
from supported import OTHER_SCHOOL, PLACE, SCHOOL, World, pupil_id

from riskmodel.errors import UsageError
from riskmodel.support.changes import PublishRule
from riskmodel.support.compensations import (
    CloseCompensation,
    DecideCompensation,
    Expense,
    RecordContact,
    RequestCompensation,
)
from riskmodel.support.consents import RecordConsent, WithdrawConsent
from riskmodel.support.consultations import AcknowledgeConsultation, CancelConsultation, RecordConsultation
from riskmodel.support.events import OpenCall, RecordEvent, RecordProject, SendNotice
from riskmodel.support.life import ClosePlan, HandOverPlan, MovePlan, PayPreparation
from riskmodel.support.orders import EndOrder, IssueOrder, RecordCertificate
from riskmodel.support.places import (
    Join,
    RecordCooperation,
    RecordInstitution,
    RecordPartner,
    RecordStaff,
    SetBudget,
    ShareNote,
)
from riskmodel.support.plans import BeginPlan, ChangePlan, MeasureLine, RiskLine
from riskmodel.support.pupils import RecordStay
from riskmodel.support.results import Answer, AnswerProposal, AssessPlan
from riskmodel.support.verbs import VERBS
from riskmodel.support.work import NotAllowedError

TODAY = date(2019, 9, 16)
TOMORROW = TODAY + timedelta(days=1)
MARKS = RiskLine("MI4", "Matemātikā četras nepietiekamas atzīmes.")
LESSONS = MeasureLine("KA-PED", ["MI4"], "teacher", "matematika", 16)
TICKETS = [RiskLine("EK1", "23 km"), MARKS], [MeasureLine("KO-TRA", ["EK1"]), LESSONS]

PREPARER, COLLEAGUE, SUPPORT, DIRECTOR = "teacher", "colleague", "psychologist", "director"
MUNICIPALITY, STATE, STEWARD, RESEARCHER = "municipality", "state", "steward", "researcher"
OUTSIDE = ("other.teacher", "other.director", "neighbour", "vet.teacher", "vet.director")
EVERYBODY = (PREPARER, COLLEAGUE, SUPPORT, DIRECTOR, MUNICIPALITY, STATE, STEWARD, RESEARCHER, *OUTSIDE)
SCHOOL_STAFF = {PREPARER, COLLEAGUE, SUPPORT, DIRECTOR}
WRITERS = {PREPARER, SUPPORT}
WRITERS_AND_HEAD = {*WRITERS, DIRECTOR}

Making = Callable[[World], Any]


def draft(world: World, number: int = 1) -> str:
    pupil = world.enrol(number)
    return world.begin(pupil, world.consent(pupil))


def filled(world: World) -> str:
    code = draft(world)
    world.fill(code)
    return code


def waiting(world: World, *approvers: str) -> str:
    code = filled(world)
    world.move("teacher", code, "submit")
    world.approve(code, approvers)
    return code


def started(world: World) -> str:
    code = world.approved_plan()
    world.consult(code, is_signed=False)
    return code


def with_tickets(world: World) -> str:
    code = draft(world)
    world.fill(code, *TICKETS)
    world.move("teacher", code, "submit")
    world.approve(code)
    return code


def asked(world: World, *, is_granted: bool = False) -> int:
    number = int(
        world.do("teacher", RequestCompensation(with_tickets(world), "KO-TRA", "2019-09", 100))["compensation_id"]
    )
    if is_granted:
        world.do("municipality", DecideCompensation(number, True))
    return number


def step(code: str, action: Any, world: World) -> MovePlan:
    return MovePlan(code, world.version(code), action, "Iemesls.", removes_contents=True)


def suspended(world: World) -> str:
    code = world.approved_plan()
    world.move("teacher", code, "suspend", reason="Slimība.")
    return code


def assessed(world: World) -> ClosePlan:
    code = started(world)
    world.do("teacher", AssessPlan(code, "teacher", TODAY))
    return ClosePlan(code, world.version(code), "continue")


def handed_over(world: World) -> HandOverPlan:
    code = world.approved_plan()
    world.do("other.teacher", RecordStay(pupil_id(1), OTHER_SCHOOL, "grade", 9, TODAY, "9.a"))
    consent = world.consent(pupil_id(1), school_id=OTHER_SCHOOL, who="other.teacher", paper_kind="handover")
    return HandOverPlan(code, world.version(code), OTHER_SCHOOL, consent, "other.teacher")


def order(world: World) -> int:
    command = IssueOrder(SCHOOL, "1", "remote_learning", TODAY, TODAY)
    return int(world.do("director", command)["order_id"])


def consent_of(world: World) -> RecordConsent:
    return RecordConsent(world.enrol(), SCHOOL, 2019, 1, "parent", "post", TODAY, TODAY, "2020-03-26")


def talk(world: World, **more: Any) -> RecordConsultation:
    given = {"measure_code": "KA-PED", "subject_code": "matematika", "is_signed": True, **more}
    return RecordConsultation(world.approved_plan(), happened_on=TODAY, begins_minute=600, minutes=40, **given)


def talk_with_psychologist(world: World) -> RecordConsultation:
    code = draft(world)
    world.fill(code, measures=[LESSONS, MeasureLine("KA-PSI", ["MI4"], "psychologist")])
    world.move("teacher", code, "submit")
    world.approve(code)
    return RecordConsultation(code, "KA-PSI", TODAY, 600, 40, provider="psychologist", is_signed=True)


def call(world: World) -> int:
    command = OpenCall("own", PLACE, 2019, TODAY, TOMORROW, "Līdzdalība kopā ar vienaudžiem.")
    return int(world.do("municipality", command)["call_id"])


TABLE: dict[str, tuple[Making, set[str]]] = {
    "RecordStay": (lambda _: RecordStay(pupil_id(1), SCHOOL, "grade", 9, TODAY), {*SCHOOL_STAFF, STEWARD}),
    "RecordConsent": (consent_of, SCHOOL_STAFF),
    "WithdrawConsent": (lambda w: WithdrawConsent(w.consent(w.enrol()), TODAY), {*SCHOOL_STAFF, STEWARD}),
    "IssueOrder": (lambda _: IssueOrder(SCHOOL, "1", "remote_learning", TODAY, TODAY), {DIRECTOR}),
    "EndOrder": (lambda w: EndOrder(order(w), TOMORROW), {DIRECTOR}),
    "RecordCertificate": (
        lambda w: RecordCertificate(w.enrol(), SCHOOL, "semester", TODAY, TODAY, TOMORROW, (PLACE,)),
        SCHOOL_STAFF,
    ),
    "AnswerProposal": (
        lambda _: AnswerProposal(pupil_id(1), SCHOOL, 2019, 1, [Answer("risk", "MI4", "accepted")]),
        SCHOOL_STAFF,
    ),
    "BeginPlan": (
        lambda w: BeginPlan(w.enrol(), SCHOOL, "pumpurs", 2019, 1, w.consent(pupil_id(1)), TODAY),
        {PREPARER, COLLEAGUE, SUPPORT},
    ),
    "ChangePlan": (lambda w: ChangePlan(draft(w), 1, [MARKS], [LESSONS]), WRITERS),
    "MovePlan submit": (lambda w: step(filled(w), "submit", w), WRITERS),
    "MovePlan approve as director": (lambda w: step(waiting(w), "approve", w), {DIRECTOR}),
    "MovePlan approve as municipality": (lambda w: step(waiting(w, DIRECTOR), "approve", w), {MUNICIPALITY}),
    "MovePlan approve as state": (lambda w: step(waiting(w, DIRECTOR, MUNICIPALITY), "approve", w), {STATE}),
    "MovePlan return as director": (lambda w: step(waiting(w), "return", w), {DIRECTOR}),
    "MovePlan return as municipality": (lambda w: step(waiting(w, DIRECTOR), "return", w), {MUNICIPALITY}),
    "MovePlan return as state": (lambda w: step(waiting(w, DIRECTOR, MUNICIPALITY), "return", w), {STATE}),
    "MovePlan suspend": (lambda w: step(w.approved_plan(), "suspend", w), WRITERS_AND_HEAD),
    "MovePlan resume": (lambda w: step(suspended(w), "resume", w), WRITERS_AND_HEAD),
    "MovePlan revise": (lambda w: step(w.approved_plan(), "revise", w), WRITERS_AND_HEAD),
    "MovePlan delete": (lambda w: step(w.approved_plan(), "delete", w), WRITERS_AND_HEAD),
    "HandOverPlan": (handed_over, WRITERS_AND_HEAD),
    "PayPreparation": (lambda w: PayPreparation(draft(w), 100), {DIRECTOR}),
    "AssessPlan": (lambda w: AssessPlan(started(w), "parent", TODAY), WRITERS_AND_HEAD),
    "ClosePlan": (assessed, WRITERS_AND_HEAD),
    "RecordConsultation by oneself": (talk, {PREPARER, COLLEAGUE}),
    "RecordConsultation of the psychologist": (talk_with_psychologist, {PREPARER, SUPPORT, DIRECTOR}),
    "AcknowledgeConsultation": (
        lambda w: AcknowledgeConsultation(w.consult(w.approved_plan(), is_signed=False), is_signed=True),
        {PREPARER, DIRECTOR},
    ),
    "CancelConsultation": (
        lambda w: CancelConsultation(w.consult(w.approved_plan()), "Nenotika."),
        {PREPARER, DIRECTOR},
    ),
    "RequestCompensation": (
        lambda w: RequestCompensation(with_tickets(w), "KO-TRA", "2019-09", 100),
        WRITERS_AND_HEAD,
    ),
    "DecideCompensation": (lambda w: DecideCompensation(asked(w), True), {MUNICIPALITY}),
    "CloseCompensation": (
        lambda w: CloseCompensation(asked(w, is_granted=True), [Expense("1", TODAY, 100)]),
        WRITERS_AND_HEAD,
    ),
    "RecordContact": (
        lambda w: RecordContact("family", SCHOOL, "CI-GIM", TODAY, plan_code=w.approved_plan()),
        SCHOOL_STAFF,
    ),
    "RecordEvent": (
        lambda _: RecordEvent("PA-SEM", "Seminārs", "own", TODAY, 20, PLACE),
        {MUNICIPALITY, STATE},
    ),
    "OpenCall": (lambda _: OpenCall("own", PLACE, 2019, TODAY, TOMORROW, "Līdzdalība."), {MUNICIPALITY}),
    "RecordProject": (
        lambda w: RecordProject(call(w), "youth_organisation", "Jaunieši", "Velo", 100, TODAY, True),
        {MUNICIPALITY},
    ),
    "SendNotice": (lambda _: SendNotice(pupil_id(1), SCHOOL, 2019, 1, 21, "parent", TODAY), SCHOOL_STAFF),
    "RecordInstitution": (
        lambda _: RecordInstitution("301", "Skola 301", "general", PLACE, TODAY),
        {STEWARD, STATE},
    ),
    "Join": (lambda _: Join("own", "institution", SCHOOL, TODAY), {STEWARD, STATE}),
    "RecordCooperation": (lambda _: RecordCooperation("own", "municipality", PLACE, "17", TODAY), {STEWARD, STATE}),
    "RecordPartner": (lambda _: RecordPartner("own", PLACE, "other", "Biedrība", TODAY), {MUNICIPALITY, STEWARD}),
    "RecordStaff": (lambda _: RecordStaff("colleague", SCHOOL, "mentor", TODAY), {DIRECTOR, STEWARD}),
    "SetBudget": (lambda _: SetBudget("own", "municipality", PLACE, 2019, 1, 100), {MUNICIPALITY, STATE}),
    "ShareNote": (lambda _: ShareNote(PLACE, "Ko mācījāmies", "Sarunas."), {MUNICIPALITY}),
    "PublishRule": (lambda _: PublishRule("plan_late", "MK 1"), {STATE}),
}


def test_the_table_names_every_command():
    assert {name.split()[0] for name in TABLE} == {command.__name__ for command in VERBS}


@pytest.mark.requirement("R20", "R49", "R64", "R79", "X1")
@pytest.mark.parametrize("name", TABLE)
def test_a_command_is_carried_out_by_the_roles_of_the_table_and_by_nobody_else(world, name):
    making, allowed = TABLE[name]
    command = making(world)
    for who in EVERYBODY:
        if who in allowed:
            # A second act under the same key undoes the first: both are of one transaction.
            with pytest.raises(UsageError, match="A key names one act"):
                world.office.do_all([(command, "one-key-1"), (PublishRule("x", "y"), "one-key-1")], world.people[who])
        elif name == "RecordConsultation by oneself" and who in {SUPPORT, DIRECTOR}:
            refused(world, who, command)  # of the school, and no teacher: the measure is of another profession
        else:
            refused(world, who, command, kind=NotAllowedError)
    assert world.do(sorted(allowed)[0], command)


def test_a_role_that_is_over_or_not_yet_begun_opens_nothing(world):
    from riskmodel.register.people import Grant

    day = timedelta(days=1)
    world.person("gone", Grant("director", SCHOOL, valid_to=TODAY))
    world.person("coming", Grant("director", SCHOOL, valid_from=TODAY + day))
    for who in ("gone", "coming"):
        refused(world, who, IssueOrder(SCHOOL, "1", "remote_learning", TODAY, TODAY), kind=NotAllowedError)
    world.calendar.day = TODAY + day
    assert world.do("coming", IssueOrder(SCHOOL, "1", "remote_learning", TODAY + day, TODAY + day))
