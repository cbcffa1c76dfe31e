"""The office: one transaction, one audit entry and one answer for each act, and nothing for a refused one."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from refusals import contents_of, one, refused, rows
from sqlalchemy.exc import IntegrityError
from supported import SCHOOL, pupil_id

from riskmodel.errors import UsageError
from riskmodel.register.schema import AUDIT_ENTRY
from riskmodel.support.consents import RecordConsent
from riskmodel.support.life import PayPreparation
from riskmodel.support.orders import IssueOrder
from riskmodel.support.plans import ChangePlan, MeasureLine, RiskLine
from riskmodel.support.pupils import RecordStay
from riskmodel.support.schema.papers import CONSENT, STAY
from riskmodel.support.schema.places import COUNTER, REQUEST
from riskmodel.support.schema.plans import PLAN_RISK

TODAY = date(2019, 9, 16)
KEY = "a-key-of-a-form"


def stay(number: int = 1, **more: object) -> RecordStay:
    return RecordStay(pupil_id(number), SCHOOL, "grade", 9, date(2016, 9, 1), **more)


def order(number: str = "1") -> IssueOrder:
    return IssueOrder(SCHOOL, number, "remote_learning", TODAY, TODAY)


def test_an_act_asked_twice_is_done_once_and_answered_the_same(world):
    first = world.do("director", order(), KEY)
    before = contents_of(world.register.database)
    world.calendar.day += timedelta(days=1)
    assert world.do("director", order(), KEY) == first
    assert contents_of(world.register.database) == before


def test_a_key_used_for_another_content_or_by_another_person_is_refused(world):
    world.do("director", order(), KEY)
    for who, command in (("director", order("2")), ("director", stay()), ("teaching.director", order())):
        before = contents_of(world.register.database)
        with pytest.raises(UsageError, match="A key names one act of one person"):
            world.do(who, command, KEY)
        assert contents_of(world.register.database) == before


@pytest.mark.parametrize("key", ["", "short", "k" * 81, "with\nline", "ar-garumzīmi-ā", "nul\x00nul"])
def test_a_key_is_plain_and_of_bounded_length(world, key):
    with pytest.raises(UsageError, match="key of 8 to 80"):
        world.office.do(order(), world.people["director"], key)
    world.office.do(order(), world.people["director"], "k" * 80)


def test_several_acts_are_all_done_or_none(world):
    before = contents_of(world.register.database)
    with pytest.raises(UsageError, match="named by their codes"):
        world.do_all("teacher", [stay(1), stay(2), RecordStay("x", SCHOOL, "grade", 9, TODAY)])
    assert contents_of(world.register.database) == before
    assert len(world.do_all("teacher", [stay(1), stay(2)])) == 2
    assert len(rows(world, STAY)) == 2


def test_acts_of_one_transaction_build_on_one_another(world):
    papers = RecordConsent(pupil_id(1), SCHOOL, 2019, 1, "parent", "post", TODAY, TODAY, "2020-03-26")
    world.do_all("teacher", [stay(), papers])
    assert one(world, CONSENT).pupil_id == pupil_id(1)


def test_each_act_leaves_one_entry_of_the_audit_and_one_request_in_its_own_name(world):
    size, asked = world.register.audit.size(), len(rows(world, REQUEST))
    code = world.begin(world.enrol(), world.consent(pupil_id(1)))
    assert world.register.audit.size() == size + 3
    entry = rows(world, AUDIT_ENTRY)[-1]
    assert (entry.actor, entry.action, entry.unit, entry.subject) == (
        "teacher",
        "plan_begun",
        f"school:{SCHOOL}",
        pupil_id(1),
    )
    assert json.loads(entry.details) == {"plan": code}
    requests = rows(world, REQUEST)
    assert len(requests) == asked + 3
    assert {row.actor for row in requests[-3:]} <= {"teacher", "steward"}
    assert world.register.audit.verify().is_sound


def test_no_words_of_people_and_no_names_stand_in_the_audit(world):
    code = world.begin(world.enrol(), world.consent(pupil_id(1), sender="Anna Bērziņa", channel="post"))
    secret = "Saruna par ģimeni."
    lines = [RiskLine("GI4", secret)], [MeasureLine("KA-PSI", ["GI4"], "psychologist")]
    world.do("psychologist", ChangePlan(code, 1, *lines))
    world.move("teacher", code, "submit")
    world.move("director", code, "return", reason=secret)
    told = " ".join(str(tuple(row)) for row in rows(world, AUDIT_ENTRY))
    assert secret not in told
    assert "Bērziņa" not in told
    assert one(world, PLAN_RISK).justification == secret


def test_a_number_is_not_given_twice_and_none_is_lost_by_a_refusal(world):
    first = world.do("director", order("1"))["order_id"]
    refused(world, "director", order("1"))
    second = world.do("director", order("2"))["order_id"]
    assert (first, second) == (1, 2)
    assert one(world, COUNTER, name="director_order").last == 2


def test_what_a_table_refuses_is_told_in_words_and_what_is_a_fault_of_ours_is_not_hidden(world):
    world.do("director", order())
    error = refused(world, "director", order())
    assert isinstance(error.__cause__, IntegrityError)
    assert "UNIQUE" not in error.in_both_languages()


def test_a_list_has_a_bounded_length(world):
    code = world.begin(world.enrol(), world.consent(pupil_id(1)))
    many = [RiskLine("MI4", "x")] * 501
    refused(world, "teacher", ChangePlan(code, 1, many, ()))
    refused(world, "teacher", ChangePlan(code, 2**40, (), ()))
    refused(world, "director", PayPreparation(code[:2] + "\x00", 1))
