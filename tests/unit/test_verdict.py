"""Verdicts by rule, what a comparison can tell, and many questions at once."""

from __future__ import annotations

import numpy as np
import pytest

from riskmodel.errors import UsageError
from riskmodel.risk.effects.differences import difference
from riskmodel.risk.effects.estimate import Estimate, Kind, NotEstimated, Reason
from riskmodel.risk.effects.power import chances, pupils_needed
from riskmodel.risk.effects.verdict import Rule, Verdict, holding, verdicts


def estimate(value, error, kind=Kind.LOTTERY, freedom=None):
    return Estimate(kind, value, error, 500, 500, freedom)


@pytest.mark.parametrize(
    ("value", "error", "expected"),
    [
        (-0.05, 0.02, Verdict.HELPS),
        (0.05, 0.02, Verdict.HARMS),
        (-0.03, 0.02, Verdict.INCONCLUSIVE),
        (0.0, 0.015, Verdict.INCONCLUSIVE),
        (0.0, 0.009, Verdict.NOT_WORTH_HAVING),
        (-0.012, 0.004, Verdict.NOT_WORTH_HAVING),  # sure to be below zero, and too small to be worth having
        (-0.20, 0.04, Verdict.NOT_ENOUGH_DATA),  # "significant", yet only an implausible effect would be found
    ],
)
def test_the_verdict_follows_the_order_of_the_rule(value, error, expected):
    assert Rule().of(estimate(value, error)) is expected


def test_a_change_over_a_semester_never_helps():
    assert Rule().of(estimate(-0.05, 0.001, Kind.DIFFERENCE)) is Verdict.DESCRIPTIVE


def test_few_schools_widen_the_interval_and_the_detectable_effect():
    few, many = estimate(-0.05, 0.02, freedom=5), estimate(-0.05, 0.02)
    assert few.low < many.low
    assert few.detectable > many.detectable
    assert few.p_value > many.p_value
    assert many.detectable == pytest.approx(2.8016 * 0.02, rel=1e-4)


def test_the_published_prototype_s_cut_at_4_000_pupils_is_not_enough_data():
    assert Rule().of(estimate(-0.06, 0.05, Kind.DISCONTINUITY)) is Verdict.NOT_ENOUGH_DATA


def test_holm_s_rule_is_that_worked_by_hand():
    assert holding([0.04]) == [True]
    assert holding([0.013, 0.04, 0.02, 0.01]) == [True, True, True, True]
    assert holding([0.013, 0.051, 0.03, 0.01]) == [True, False, False, True]
    assert holding([]) == []


def test_twenty_measures_without_effect_rarely_give_any_claim_and_asked_one_by_one_often_do():
    generator = np.random.default_rng(1)
    together = alone = 0
    for _ in range(300):
        family = [estimate(value, 0.02) for value in generator.normal(0, 0.02, 20)]
        claims = (Verdict.HELPS, Verdict.HARMS)
        together += any(verdict in claims for verdict in verdicts(family, Rule()))
        alone += any(Rule().of(one) in claims for one in family)
    assert together / 300 <= 0.09
    assert alone / 300 >= 0.5


def test_a_descriptive_figure_takes_no_part_in_the_family():
    family = [estimate(-0.05, 0.0225), *[estimate(0.0, 0.02, Kind.DIFFERENCE)] * 20]
    assert verdicts(family, Rule())[0] is Verdict.HELPS


def test_with_the_pupils_needed_the_effect_is_detectable():
    needed = pupils_needed(4_000, 0.05, 0.02)
    assert estimate(0, 0.05 * np.sqrt(4_000 / needed)).detectable == pytest.approx(0.02, rel=1e-4)


def test_the_chance_to_find_the_detectable_effect_is_80_in_100():
    assert chances(-estimate(0, 0.02).detectable, 0.02, Rule())[Verdict.HELPS] == pytest.approx(0.8, abs=1e-4)
    assert chances(0.0, 0.02, Rule())[Verdict.HELPS] == pytest.approx(0.025, abs=1e-4)


def test_sizes_and_errors_that_make_no_sense_are_refused():
    with pytest.raises(UsageError, match="worth having"):
        Rule(worth_having=0.2, plausible=0.1)
    with pytest.raises(UsageError, match="standard error"):
        chances(0.0, 0.0, Rule())
    with pytest.raises(UsageError, match="other than zero"):
        pupils_needed(10, 0.1, 0.0)


def test_a_difference_of_changes_is_the_one_worked_by_hand():
    given = np.repeat([1.0, 0.0], 50)
    before, after = np.full(100, 0.3), np.where(given == 1, 0.2, 0.25) + np.tile([-0.1, 0.1], 50)
    found = difference(before, after, given)
    assert found.value == pytest.approx(-0.1 - -0.05)
    assert found.error == pytest.approx(np.sqrt(100 / 99 * 2 * 0.1**2 / 50))
    assert (found.pupils_given, found.pupils_compared) == (50, 50)


def test_a_difference_of_few_pupils_or_schools_gives_a_reason():
    given = np.repeat([1.0, 0.0], 50)
    change = np.linspace(0, 1, 100)
    assert difference(change * 0, change, given * 0).reason == Reason.TOO_FEW_PUPILS
    found = difference(change * 0, change, given, np.arange(100) % 9)
    assert found == NotEstimated(Kind.DIFFERENCE, Reason.TOO_FEW_SCHOOLS)
    with pytest.raises(UsageError, match="both semesters"):
        difference(change * np.nan, change, given)
