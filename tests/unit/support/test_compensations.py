"""Compensations: asked for by the school, decided by the municipality, closed with certificate and documents; and contacts."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from refusals import one, refused, rows
from supported import OTHER_PLACE, OTHER_SCHOOL, PLACE, SCHOOL, VET_SCHOOL, World

from riskmodel.register.people import Grant
from riskmodel.support.compensations import (
    CloseCompensation,
    DecideCompensation,
    Expense,
    RecordContact,
    RequestCompensation,
)
from riskmodel.support.orders import IssueOrder, RecordCertificate
from riskmodel.support.places import RecordStaff
from riskmodel.support.plans import MeasureLine, RiskLine
from riskmodel.support.schema.services import COMPENSATION, CONTACT, EXPENSE
from riskmodel.support.work import NotAllowedError, UnknownThingError

DAY = timedelta(days=1)
BEGUN = date(2020, 9, 10)
LAST = date(2020, 12, 18)
RISKS = [RiskLine("EK1", "Līdz skolai 23 km."), RiskLine("MI4", "Zemas atzīmes.")]
MEASURES = [MeasureLine("KO-TRA", ["EK1"]), MeasureLine("KA-PED", ["MI4"], "teacher", "matematika", 16)]


def certified(world: World, pupil: str, **more: object) -> int:
    given = {
        "school_id": SCHOOL,
        "certificate_kind": "semester",
        "issued_on": BEGUN - DAY,
        "valid_from": date(2020, 9, 1),
        "valid_to": LAST + DAY,
        "municipalities": (PLACE,),
        **more,
    }
    who = given.pop("who", "teacher")
    return int(world.do(who, RecordCertificate(pupil, **given))["certificate_id"])


def approved(world: World, begun_on: date = BEGUN, number: int = 1, *, has_certificate: bool = True) -> str:
    world.calendar.day = begun_on
    pupil = world.enrol(number)
    half = 1 if begun_on.month >= 9 else 2
    year = begun_on.year if half == 1 else begun_on.year - 1
    code = world.begin(pupil, world.consent(pupil, year, half), year, half)
    if has_certificate:
        certified(world, pupil)
    world.fill(code, RISKS, MEASURES)
    world.move("teacher", code, "submit")
    world.approve(code)
    return code


def ask(code: str, month: str = "2020-10", **more: object) -> RequestCompensation:
    return RequestCompensation(code, **{"measure_code": "KO-TRA", "month": month, "cents": 4000, **more})


def asked(world: World, code: str, month: str = "2020-10", **more: object) -> int:
    return int(world.do("teacher", ask(code, month, **more))["compensation_id"])


def spent(cents: int = 4000, on: date = date(2020, 10, 5)) -> list[Expense]:
    return [Expense("Mēnešbiļete 17", on, cents)]


@pytest.mark.requirement("R49")
def test_economic_support_waits_for_the_municipality_which_grants_or_refuses_with_a_reason(world):
    code = approved(world)
    world.calendar.day = date(2020, 10, 6)
    number = asked(world, code)
    assert one(world, COMPENSATION).state == "awaiting"
    assert world.plan(code).status == "IN_PROGRESS"
    for who in ("teacher", "director", "neighbour", "state", "steward"):
        refused(world, who, DecideCompensation(number, True), kind=NotAllowedError)
    refused(world, "municipality", DecideCompensation(number, False, " "), "reason_required")
    world.do("municipality", DecideCompensation(number, True))
    kept = one(world, COMPENSATION)
    assert (kept.state, kept.decided_by, kept.decided_on) == ("granted", "municipality", world.calendar.day)
    refused(world, "municipality", DecideCompensation(number, False, "Tomēr ne."))


def test_what_was_refused_can_be_asked_for_anew_and_a_month_stands_once(world):
    code = approved(world)
    world.calendar.day = date(2020, 10, 6)
    number = asked(world, code)
    refused(world, "teacher", ask(code))
    world.do("municipality", DecideCompensation(number, False, "Summa ir par lielu."))
    assert asked(world, code, cents=3000) == number
    kept = one(world, COMPENSATION)
    assert (kept.state, kept.cents, kept.reason, kept.decided_by) == ("awaiting", 3000, None, None)
    world.do("municipality", DecideCompensation(number, True))
    refused(world, "teacher", ask(code))
    asked(world, code, "2020-09")


def test_who_asks_does_not_decide(world):
    place = Grant("municipality", municipality_code=PLACE)
    world.person("both", Grant("support_staff", SCHOOL), place)
    code = approved(world)
    world.calendar.day = date(2020, 10, 6)
    number = int(world.do("both", ask(code))["compensation_id"])
    refused(world, "both", DecideCompensation(number, True))
    world.do("municipality", DecideCompensation(number, True))


def test_a_state_school_s_compensations_are_decided_by_the_state(world):
    world.calendar.day = BEGUN
    pupil = world.enrol(1, VET_SCHOOL, stage_kind="vet_year", stage_number=2, class_code="1-1")
    consent = world.consent(pupil, 2020, school_id=VET_SCHOOL, who="vet.teacher")
    code = world.begin(pupil, consent, 2020, school_id=VET_SCHOOL, who="vet.teacher")
    certified(world, pupil, school_id=VET_SCHOOL, who="vet.teacher")
    world.fill(code, RISKS[:1], MEASURES[:1], "vet.teacher")
    world.move("vet.teacher", code, "submit")
    world.approve(code, ["vet.director", "state"])
    world.calendar.day = date(2020, 10, 6)
    number = int(world.do("vet.teacher", ask(code))["compensation_id"])
    refused(world, "municipality", DecideCompensation(number, True), kind=NotAllowedError)
    world.do("state", DecideCompensation(number, True))


@pytest.mark.requirement("R19", "R43")
def test_a_month_before_the_approval_outside_the_semester_or_to_come_is_not_compensated(world):
    world.calendar.day = BEGUN
    code = approved(world)
    refused(world, "teacher", ask(code, "2020-08"), "approved_plan")
    refused(world, "teacher", ask(code, "2020-10"))
    late = approved(world, date(2020, 10, 12), 2)
    world.calendar.day = date(2020, 11, 10)
    refused(world, "teacher", ask(late, "2020-09"), "approved_plan")
    asked(world, late, "2020-10")  # approved within it
    world.calendar.day = date(2021, 1, 4)
    refused(world, "teacher", ask(late, "2021-02"), "support_within_plan")
    for month in ("2020-13", "2020-1", "oktobris", "2020-10-01", ""):
        refused(world, "teacher", ask(late, month))


@pytest.mark.requirement("R43")
def test_only_a_compensation_of_the_plan_is_asked_for_and_more_than_nothing(world):
    code = approved(world)
    world.calendar.day = date(2020, 10, 6)
    for measure in ("KO-EDI", "KA-PED", "KO-???"):
        refused(world, "teacher", ask(code, measure_code=measure))
    for cents in (0, -1, 2**31):
        refused(world, "teacher", ask(code, cents=cents))
    refused(world, "colleague", ask(code), kind=NotAllowedError)
    refused(world, "other.director", ask(code), kind=NotAllowedError)


@pytest.mark.requirement("R62")
@pytest.mark.parametrize(
    ("month", "today", "rule_id"),
    [
        ("2020-03", date(2020, 5, 4), None),  # to the 11th
        ("2020-04", date(2020, 5, 4), None),  # from the 15th
        ("2020-03", date(2020, 3, 25), None),
        ("2020-04", date(2020, 4, 14), "future"),
    ],
)
def test_a_month_with_days_of_the_suspension_is_compensated_for_its_others(world, month, today, rule_id):
    code = approved(world, date(2020, 2, 3), has_certificate=False)
    world.calendar.day = today
    if rule_id:
        refused(world, "teacher", ask(code, month))
    else:
        asked(world, code, month)


# --- closing a month


def granted(world: World, month: str = "2020-10", code: str | None = None, **more: object) -> int:
    code = code or approved(world, **more)
    world.calendar.day = max(world.calendar.day, date(int(month[:4]), int(month[5:]), 28))
    number = asked(world, code, month)
    world.do("municipality", DecideCompensation(number, True))
    return number


@pytest.mark.requirement("R47")
def test_a_month_is_closed_with_its_expense_documents_and_its_certificate(world):
    number = granted(world)
    refused(world, "teacher", CloseCompensation(number, ()), "certificate_monthly")
    refused(world, "teacher", CloseCompensation(number, spent(3999)))
    refused(world, "teacher", CloseCompensation(number, [*spent(4001), Expense("-1", date(2020, 10, 5), -1)]))
    refused(world, "teacher", CloseCompensation(number, [*spent(), Expense("0", date(2020, 10, 5), 0)]))
    refused(world, "teacher", CloseCompensation(number, spent(on=date(2020, 10, 29))))
    refused(world, "teacher", CloseCompensation(number, spent(on=BEGUN - DAY)))
    world.do("teacher", CloseCompensation(number, spent()))
    assert one(world, COMPENSATION).state == "closed"
    assert one(world, COMPENSATION).certificate_id is not None
    assert one(world, EXPENSE).cents == 4000
    refused(world, "teacher", CloseCompensation(number, spent()))


@pytest.mark.requirement("R47")
def test_a_monthly_certificate_of_another_month_or_pupil_closes_nothing(world):
    world.calendar.day = BEGUN
    pupil = world.enrol()
    code = world.begin(pupil, world.consent(pupil, 2020), 2020)
    monthly = {"certificate_kind": "monthly", "valid_to": date(2020, 10, 1)}
    september = certified(world, pupil, **monthly)
    world.fill(code, RISKS, MEASURES)
    world.move("teacher", code, "submit")
    world.approve(code)
    number = granted(world, code=code)
    of_other = certified(world, world.enrol(2))
    for certificate in (None, september, of_other, 999):
        refused(world, "teacher", CloseCompensation(number, spent(), certificate), "certificate_monthly")
    short = {"certificate_kind": "monthly", "valid_from": date(2020, 10, 1), "valid_to": date(2020, 10, 31)}
    certified(world, pupil, **short)
    refused(world, "teacher", CloseCompensation(number, spent()), "certificate_monthly")
    october = certified(world, pupil, **{**short, "valid_to": date(2020, 11, 1)})
    world.do("teacher", CloseCompensation(number, spent(), october))
    assert one(world, COMPENSATION).certificate_id == october


@pytest.mark.requirement("R46")
@pytest.mark.parametrize("month", ["2020-09", "2020-12"])
def test_a_certificate_of_the_semester_closes_its_first_and_its_last_month(world, month):
    number = granted(world, month)
    world.do("teacher", CloseCompensation(number, spent(on=date(int(month[:4]), int(month[5:]), 15))))
    assert one(world, COMPENSATION).state == "closed"


@pytest.mark.requirement("R44")
def test_a_month_is_not_closed_by_a_certificate_of_one_of_two_residences(world):
    number = granted(world)
    world.enrol(declared_municipality=PLACE, actual_municipality=OTHER_PLACE)
    refused(world, "teacher", CloseCompensation(number, spent()), "certificate_monthly")


def test_before_september_2020_a_month_was_closed_without_a_certificate(world):
    code = approved(world, date(2020, 5, 4), has_certificate=False)
    number = granted(world, "2020-05", code)
    refused(world, "teacher", CloseCompensation(number, ()))
    world.do("teacher", CloseCompensation(number, spent(on=date(2020, 5, 5))))
    assert one(world, COMPENSATION).certificate_id is None


def test_what_is_not_granted_is_not_closed(world):
    code = approved(world)
    world.calendar.day = date(2020, 10, 28)
    number = asked(world, code)
    refused(world, "teacher", CloseCompensation(number, spent()))
    world.do("municipality", DecideCompensation(number, False, "Nē."))
    refused(world, "teacher", CloseCompensation(number, spent()))
    refused(world, "municipality", CloseCompensation(number, spent()), kind=NotAllowedError)
    refused(world, "teacher", CloseCompensation(99, spent()), kind=UnknownThingError)


# --- placements


@pytest.mark.requirement("X11")
def test_on_a_placement_tickets_need_an_order_that_names_the_pupil(world):
    world.calendar.day = BEGUN
    pupil = world.enrol(1, VET_SCHOOL, stage_kind="vet_year", stage_number=2, class_code="1-1")
    consent = world.consent(pupil, 2020, school_id=VET_SCHOOL, who="vet.teacher")
    code = world.begin(pupil, consent, 2020, school_id=VET_SCHOOL, who="vet.teacher")
    certified(world, pupil, school_id=VET_SCHOOL, who="vet.teacher")
    world.fill(code, RISKS[:1], [MeasureLine("KO-TRA", ["EK1"]), MeasureLine("KO-MAC", ["EK1"])], "vet.teacher")
    world.move("vet.teacher", code, "submit")
    world.approve(code, ["vet.director", "state"])
    world.calendar.day = day = date(2020, 10, 1)
    away = ask(code, is_on_placement=True)
    refused(world, "vet.teacher", away, "placement_order")
    other = world.enrol(2, VET_SCHOOL, stage_kind="vet_year", stage_number=2, class_code="1-1")
    named = {"order_kind": "placement", "issued_on": day, "valid_from": day, "place": "SIA Galdnieks"}
    world.do("vet.director", IssueOrder(VET_SCHOOL, "P-1", pupil_ids=(other,), **named))
    refused(world, "vet.teacher", away, "placement_order")
    world.do("vet.teacher", ask(code, measure_code="KO-MAC", is_on_placement=True))
    number = world.do("vet.director", IssueOrder(VET_SCHOOL, "P-2", pupil_ids=(pupil,), **named))["order_id"]
    world.do("vet.teacher", away)
    assert one(world, COMPENSATION, measure_code="KO-TRA").order_id == number


# --- contacts


def contact(code: str | None, **more: object) -> RecordContact:
    kind = "family" if code else "group"
    given = {"contact_kind": kind, "school_id": SCHOOL, "measure_code": "CI-GIM", "happened_on": date(2020, 10, 6)}
    return RecordContact(**{**given, "plan_code": code, **more})


@pytest.mark.requirement("R90")
def test_a_talk_with_the_family_is_recorded_with_the_plan_and_what_was_said_is_not(world):
    code = approved(world)
    world.calendar.day = date(2020, 10, 6)
    world.do("teacher", contact(code, minutes=30, participants=2))
    kept = one(world, CONTACT)
    assert (kept.contact_kind, kept.participants, kept.minutes) == ("family", 2, 30)
    assert world.plan(code).status == "IN_PROGRESS"
    assert not {"told", "note", "content", "words"} & set(CONTACT.c.keys())


@pytest.mark.requirement("R15", "R19")
def test_prevention_for_a_group_needs_no_plan_and_what_needs_one_is_not_recorded_without(world):
    world.calendar.day = date(2020, 10, 6)
    world.do("teacher", contact(None, measure_code="CI-PRE", participants=24))
    kept = one(world, CONTACT)
    assert (kept.plan_id, kept.participants) == (None, 24)
    refused(world, "teacher", contact(None, measure_code="SK-MEN"), "plan_needed")
    refused(world, "teacher", contact(None, measure_code="KA-PSI"), "plan_needed")


def test_a_consultation_is_not_passed_off_as_a_talk(world):
    code = approved(world)
    world.calendar.day = date(2020, 10, 6)
    for measure in ("KA-PED", "KA-PSI", "KO-TRA", "JI-PRO", "SK-MEN"):
        refused(world, "teacher", contact(code, measure_code=measure))
    refused(world, "teacher", contact(code, contact_kind="mentor"))
    refused(world, "teacher", contact(code, contact_kind="mentor", measure_code="SK-MEN"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"contact_kind": "dinner"},
        {"contact_kind": "group"},
        {"participants": 0},
        {"participants": -3},
        {"minutes": 0},
        {"minutes": 1441},
        {"happened_on": date(2020, 10, 7)},
        {"provider": "other.teacher"},
        {"plan_code": None},
    ],
)
def test_a_contact_that_could_not_be_is_refused_in_words(world, wrong):
    code = approved(world)
    world.calendar.day = date(2020, 10, 6)
    refused(world, "teacher", contact(code, **wrong))


def test_a_contact_is_the_own_school_s_and_of_the_plan_s_people_where_another_gave_it(world):
    code = approved(world)
    world.calendar.day = date(2020, 10, 6)
    refused(world, "other.teacher", contact(code), kind=NotAllowedError)
    refused(world, "other.teacher", contact(code, school_id=OTHER_SCHOOL))
    refused(world, "colleague", contact(code, provider="psychologist"), kind=NotAllowedError)
    world.do("colleague", contact(code))
    world.do("teacher", contact(code, provider="psychologist"))
    assert [row.provider for row in rows(world, CONTACT)] == ["colleague", "psychologist"]


@pytest.mark.requirement("X7")
def test_a_meeting_with_the_mentor_belongs_to_a_plan_that_holds_the_mentor(world):
    world.calendar.day = day = date(2025, 9, 16)
    world.do("director", RecordStaff("mentor", SCHOOL, "mentor", day))
    pupil = world.enrol(born_on=date(2010, 5, 31))
    code = world.begin(pupil, world.consent(pupil, 2025), 2025, programme="skola_kopiena")
    world.fill(code, [RiskLine("MI4", "Zemas atzīmes.")], [MeasureLine("SK-MEN", ["MI4"], "mentor")])
    world.move("teacher", code, "submit")
    world.approve(code, ["director", "municipality"])
    world.do("teacher", contact(code, contact_kind="mentor", measure_code="SK-MEN", happened_on=day, provider="mentor"))
    assert one(world, CONTACT).provider == "mentor"
