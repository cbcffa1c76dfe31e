"""What the state publishes of rules later: whom it binds, from when, and what no change may do."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from refusals import one, refused
from supported import World

from riskmodel.errors import UsageError
from riskmodel.support.changes import PublishRule
from riskmodel.support.consents import WithdrawConsent
from riskmodel.support.plans import BeginPlan
from riskmodel.support.results import AssessPlan
from riskmodel.support.rules import rulebook
from riskmodel.support.schema.places import RULE_CHANGE
from riskmodel.support.work import NotAllowedError

TODAY = date(2019, 9, 16)
DAY = timedelta(days=1)


@pytest.mark.requirement("R63")
def test_a_record_is_judged_by_the_rule_of_its_own_day_also_after_the_rule_was_ended(world):
    world.do("state", PublishRule("target_group_5_12", "MK 7", TODAY, parameters={"min_grade": 7}))
    pupil = world.enrol(stage_number=6)
    consent = world.consent(pupil, signed_on=TODAY - DAY, received_on=TODAY - DAY)
    late = BeginPlan(pupil, "101", "pumpurs", 2019, 1, consent, TODAY)
    error = refused(world, "teacher", late, "target_group_5_12")
    assert "7.–12. klases" in error.in_language("lv")
    assert world.begin(pupil, consent, started_on=TODAY - DAY)


def test_only_the_state_publishes_with_a_legal_act_and_a_known_rule(world):
    for who in ("director", "municipality", "steward", "researcher", "teacher"):
        refused(world, who, PublishRule("plan_late", "MK 8"), kind=NotAllowedError)
    refused(world, "state", PublishRule("plan_late", " "))
    refused(world, "state", PublishRule("no_such_rule", "MK 8"))
    world.do("state", PublishRule("plan_late", "MK 8", TODAY, parameters={"max_days": 10}))
    assert one(world, RULE_CHANGE).legal_act == "MK 8"


@pytest.mark.parametrize(
    "wrong",
    [
        {"parameters": {"max_minuets": 30}},
        {"parameters": {"max_minutes": -1}},
        {"programmes": ("unknown",)},
        {"valid_from": date(2021, 3, 1), "valid_to": date(2021, 2, 28)},
    ],
)
def test_a_change_that_no_rule_book_could_hold_is_refused_in_words(world, wrong):
    refused(world, "state", PublishRule("in_person_minutes", "MK 9", **wrong))


def test_a_change_of_one_day_has_the_same_first_and_last_day(world):
    world.do("state", PublishRule("in_person_minutes", "MK 9", date(2021, 3, 1), date(2021, 3, 1)))


ALL_OF_A_PLAN = sorted(
    {
        rule.rule_id
        for rule in rulebook().rules
        if rule.programmes is None and rule.applies_to in {"plan", "submission", "approval", "status", "support"}
    }
    | {"consent_required", "consent_start", "consent_one_plan", "consent_withdrawn", "subject_required"}
)


def published(world: World, rule_id: str) -> bool:
    """Publish a rule of all programmes anew for one of them; whether that is possible."""
    try:
        world.do("state", PublishRule(rule_id, "MK 10", programmes=["skola_kopiena"]))
    except UsageError:
        return False
    return True


def test_a_rule_that_differs_by_programme_stands_in_nobody_s_way(world):
    """Every rule that a plan asks is asked for the plan's programme; the others cannot be made to differ."""
    can_differ = [rule_id for rule_id in ALL_OF_A_PLAN if published(world, rule_id)]
    assert {"plan_late", "one_live_plan", "approved_plan", "plan_risk_required", "consent_start"} <= set(can_differ)
    assert "reason_required" not in can_differ
    code = world.approved_plan()
    world.consult(code)
    world.move("teacher", code, "revise", reason="Cits priekšmets.")
    world.fill(code)
    world.move("teacher", code, "submit")
    world.move("director", code, "return", reason="Precizēt.")
    world.move("teacher", code, "submit")
    world.approve(code)
    world.move("teacher", code, "suspend", reason="Slimība.")
    world.move("teacher", code, "resume")
    world.move("teacher", code, "submit")
    world.approve(code)
    world.do("teacher", AssessPlan(code, "teacher", TODAY))
    other = world.enrol(2)
    deleted = world.begin(other, world.consent(other))
    world.move("teacher", deleted, "delete", reason="Kļūda.")
    withdrawn = world.consent(other)
    world.do("teacher", WithdrawConsent(withdrawn, TODAY))
    refused(
        world,
        "teacher",
        BeginPlan(other, "101", "pumpurs", 2019, 1, withdrawn, TODAY),
        "consent_withdrawn",
    )
    world.close(code)


@pytest.mark.parametrize(
    "rule_id", ["consent_giver", "consent_channel", "order_contents", "certificate_both_residences"]
)
def test_a_rule_of_papers_that_belong_to_no_programme_is_changed_for_all_or_not_at_all(world, rule_id):
    refused(world, "state", PublishRule(rule_id, "MK 11", programmes=["skola_kopiena"]))
    world.do("state", PublishRule(rule_id, "MK 11", TODAY + DAY))
