"""Extracts cut to a scope: whose rows and which columns are left, and that the sums still hold."""

from __future__ import annotations

import json

import invented_run
import pytest

from riskmodel.portal.cutting import cut_school, cut_schools, cut_to_list
from riskmodel.portal.policy import Scope

SCHOOL = invented_run.school("101", "Pirmā skola", count=12, places=3)
PUPILS = SCHOOL["pupils"]
CLASS = frozenset(pupil["pupil_id"] for pupil in PUPILS if pupil["class_code"] == "9.a")
TEACHER = Scope("school", "101", "teacher", CLASS, "9.a")


def _one(scope_profile: str, **changed):
    extract = {**SCHOOL, "pupils": [PUPILS[0] | changed, *PUPILS[1:]]}
    scope = Scope("pupil", f"101/{PUPILS[0]['pupil_id']}", scope_profile, frozenset({PUPILS[0]["pupil_id"]}))
    return cut_school(extract, scope)["pupils"][0]


@pytest.mark.parametrize("profile", ["support", "director"])
def test_whose_task_is_the_whole_school_gets_all_of_it(profile):
    cut = cut_school(SCHOOL, Scope("school", "101", profile))
    assert cut["pupils"] == PUPILS
    assert cut["counts"] == SCHOOL["counts"]
    assert cut["withheld"] == []


def test_a_part_holds_its_pupils_in_the_order_of_the_school_with_the_places_of_the_school():
    cut = cut_school(SCHOOL, TEACHER)
    own = [pupil for pupil in PUPILS if pupil["pupil_id"] in CLASS]
    assert [(one["code"], one["place"]) for one in cut["pupils"]] == [(one["code"], one["place"]) for one in own]
    assert cut["counts"]["pupils"] == len(own) < cut["school"]["pupils"] == 12
    assert cut["counts"]["within_capacity"] == sum(one["is_within_capacity"] for one in own)


def test_nothing_of_a_pupil_outside_the_scope_is_left_anywhere():
    cut = json.dumps(cut_school(SCHOOL, TEACHER))
    others = [pupil for pupil in PUPILS if pupil["pupil_id"] not in CLASS]
    assert [pupil["code"] for pupil in others if pupil["code"] in cut or pupil["pupil_id"] in cut] == []


def test_a_pupil_s_scope_holds_one_pupil_and_the_number_of_the_school():
    scope = Scope("pupil", "101/x", "support", frozenset({PUPILS[4]["pupil_id"]}))
    cut = cut_school(SCHOOL, scope)
    assert [one["code"] for one in cut["pupils"]] == [PUPILS[4]["code"]]
    assert cut["counts"] == {"pupils": 12}


def test_a_teacher_gets_no_economic_reason_and_the_sum_still_is_the_score():
    cut = cut_school(SCHOOL, TEACHER)
    assert cut["withheld"] == ["economic"]
    for pupil in cut["pupils"]:
        assert "economic" not in {reason["group_code"] for reason in pupil["reasons"]}
        assert "economic" not in pupil["no_data_on"]
        total = pupil["base_score"] + pupil["rest"] + sum(reason["contribution"] for reason in pupil["reasons"])
        assert total == pytest.approx(pupil["raw_score"])
    assert "distance_km" not in json.dumps(cut["pupils"])


CHANGE = {
    "kind": "up",
    "previous_band_code": "low",
    "previous_place": 9,
    "reasons": [
        {"feature_code": "distance_km", "group_code": "economic", "is_malleable": True},
        {"feature_code": "absent_share_8w", "group_code": "attendance", "is_malleable": True},
    ],
}
WHAT_IF = [
    {"feature_codes": ["absent_share_8w"], "own_values": [1], "assumed_values": [0]},
    {"feature_codes": ["distance_km"], "own_values": [1], "assumed_values": [0]},
    {"feature_codes": ["absent_share_8w", "distance_km"], "own_values": [1, 1], "assumed_values": [0, 0]},
    {"feature_codes": ["not_among_the_reasons"], "own_values": [1], "assumed_values": [0]},
]
SUPPORT = [{"measure_code": "KO-TRA"}, {"measure_code": "KA-PSI"}]


def test_a_teacher_gets_no_economic_change_assumption_or_support():
    cut = _one("teacher", change=CHANGE, what_if=WHAT_IF, support=SUPPORT)
    assert [reason["feature_code"] for reason in cut["change"]["reasons"]] == ["absent_share_8w"]
    assert [one["feature_codes"] for one in cut["what_if"]] == [["absent_share_8w"]]
    assert cut["support"] == [{"measure_code": "KA-PSI"}]


def test_support_staff_gets_them():
    cut = _one("support", change=CHANGE, what_if=WHAT_IF, support=SUPPORT)
    assert (cut["change"], cut["what_if"], cut["support"]) == (CHANGE, WHAT_IF, SUPPORT)


@pytest.mark.parametrize("value", [None, []])
def test_what_is_not_known_stays_so(value):
    cut = _one("teacher", change=None, what_if=value, support=value)
    assert (cut["change"], cut["what_if"], cut["support"]) == (None, value, value)


def test_a_list_holds_every_pupil_and_nothing_that_only_a_pupil_s_page_tells():
    cut = cut_to_list(cut_school(SCHOOL, TEACHER))
    assert [one["code"] for one in cut["pupils"]] == [one["code"] for one in PUPILS if one["pupil_id"] in CLASS]
    assert set(PUPILS[0]) - set(cut["pupils"][0]) == {"trend", "what_if", "support"}


def test_the_list_of_schools_holds_the_own_ones():
    index = {"run": {}, "schools": [{"school_id": one} for one in ("101", "102", "1011")]}
    assert cut_schools(index, Scope("schools", "101,1011", "director"))["schools"] == [
        {"school_id": "101"},
        {"school_id": "1011"},
    ]
    assert cut_schools(index, Scope("schools", "", "director"))["schools"] == []
