"""Doubt in drawn worlds of exact seeds: sets and intervals hold what they say, planted drift holds a run and nothing else does.

``riskmodel.bench.worth_doubt`` and ``worth_drift`` do the same with more and larger worlds.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from riskmodel.bench import worth_doubt, worth_drift
from riskmodel.bench.worlds import DIRECTIONS
from riskmodel.risk.recipe import Recipe
from riskmodel.sources.synthetic.pupil_model import draw_pupils
from riskmodel.sources.synthetic.worlds import draw_world

PUPILS, WORLDS = 6_000, 2
QUICK = Recipe(trees=80, learning_rate=0.1)


def drawn(number):
    rng = np.random.default_rng([worth_doubt.SEED, number])
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
