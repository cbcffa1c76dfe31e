"""Doubt in drawn worlds of exact seeds: sets and intervals hold what they say, planted drift holds a run and nothing else does.

``riskmodel.bench.worth_doubt`` and ``worth_drift`` do the same with more and larger worlds.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from riskmodel.bench import oulad, oulad_doubt, worth_doubt, worth_drift
from riskmodel.bench.worlds import DIRECTIONS
from riskmodel.risk.recipe import Recipe
from riskmodel.sources.synthetic.pupil_model import draw_pupils
from riskmodel.sources.synthetic.worlds import draw_world

PUPILS, WORLDS, SEED = 6_000, 2, 11
QUICK = Recipe(trees=80, learning_rate=0.1)


def drawn(number):
    rng = np.random.default_rng([SEED, number])
    return draw_world(rng, draw_pupils(rng, PUPILS, worth_doubt.COHORTS, 120), DIRECTIONS)


@pytest.fixture(scope="module")
def learnt():
    return [(world, worth_doubt.learn(world, 0.1, QUICK)) for world in map(drawn, range(WORLDS))]


def test_sets_of_the_newest_cohort_hold_each_class_within_two_points_of_nine_in_ten(learnt):
    found = [worth_doubt.figures(*one) for one in learnt]
    for name in ("left_covered", "stayed_covered"):
        assert np.mean([one[name] for one in found]) == pytest.approx(0.9, abs=0.02)


def test_intervals_hold_about_nineteen_true_chances_of_twenty_and_without_the_schools_fewer(learnt):
    whole = [worth_doubt.figures(*one)["chance_covered"] for one in learnt]
    assert np.mean(whole) == pytest.approx(0.95, abs=0.03)
    for world, one in learnt:
        assert one.width.school > 0.1
        blind = replace(one, width=replace(one.width, school=0.0, model=one.width.model / 2))
        assert worth_doubt.figures(world, blind)["chance_covered"] < 0.85


def test_a_drift_planted_at_the_third_semester_holds_that_run_and_none_before():
    found = worth_drift.measure_drift(4, PUPILS, QUICK)
    assert (found["prior_found"], found["recording_found"]) == (1.0, 1.0)
    assert (found["held_before"], found["held_without_drift"]) == (0.0, 0.0)


@pytest.mark.public_data
def test_on_oulad_each_presentation_has_sets_of_earlier_ones_and_the_shares_are_those_of_its_modules(public_folder):
    published = oulad.published_in(public_folder, lambda text: None)
    found, told = oulad_doubt.coverage_by_presentation(published), oulad_doubt.report(published)
    assert set(found["cohort_on"]) == {"2014B", "2014J"}
    for (name, answer), rows in found.groupby(["cohort_on", "class_code"]):
        whole = rows[rows["trait_code"] == "all"].iloc[0]
        modules = rows[rows["trait_code"] == "module"]
        assert modules["pupils"].sum() == whole["pupils"]
        assert np.average(modules["covered_share"], weights=modules["pupils"]) == pytest.approx(whole["covered_share"])
        assert told[name][f"{answer}_covered"] == whole["covered_share"]
        assert whole["covered_share"] == pytest.approx(0.8, abs=0.1)
