"""In worlds drawn when the test runs the default model comes near the truth: ranking, calibration, explanations.

Ten worlds are other worlds each time, and every figure must keep its bar in each. Chance alone misses one in less than one
call of a hundred: in 50 worlds apart the intercepts of 150 stage groups lay between -.059 and .041, the bar being .1 (in 32 earlier
ones one standard deviation was .0225), and decoys stood among the top three for .30 % at most, the bar being 2 %. The seed is told when a world fails;
``RISKMODEL_WORLDS_SEED`` repeats it, and ``riskmodel bench worlds`` draws more.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import replace

import numpy as np
import pytest

from riskmodel.bench.worlds import (
    BARS,
    COHORTS,
    DIRECTIONS,
    PUPILS,
    SCHOOLS,
    draw,
    judge,
    learn,
    missed_bars,
    without_signal,
)
from riskmodel.risk.model import probability_of
from riskmodel.sources.synthetic.pupil_model import GROUPS, draw_pupils
from riskmodel.sources.synthetic.worlds import draw_world, expected_auc

SEED = int(os.environ.get("RISKMODEL_WORLDS_SEED") or secrets.randbits(32))
WORLDS = 10
HARD = (2214524107, 5)
"""One driver of far more weight than all others, and a decoy close to it: where trees read four features in five, the decoy
stood among the top three of 3 % of the pupils."""
FEW = 8_000
CALIBRATION = ("slope", "intercept", "ece")
FARTHEST_BY_CHANCE = 4.5
"""Standard errors: farther out in one of a hundred thousand."""


@pytest.fixture(scope="module")
def small_world():
    generator = np.random.default_rng(697)
    return draw_world(generator, draw_pupils(generator, FEW, COHORTS, SCHOOLS // 4), DIRECTIONS)


@pytest.mark.parametrize("number", range(WORLDS))
def test_the_default_model_comes_near_the_truth_of_a_drawn_world(number):
    """Ranking, explanations, and in every stage group calibration: every figure is there and keeps its bar."""
    holds_its_bars(SEED, number)


def test_the_default_model_names_the_driver_where_a_decoy_lies_close_to_the_one_that_outweighs_all():
    holds_its_bars(*HARD)


def holds_its_bars(seed, number):
    world = draw(seed, number, PUPILS)
    figures = judge(world, learn(world))
    told = f"RISKMODEL_WORLDS_SEED={seed}, world {number}: {figures}"
    assert {f"{name}_{group}" for name in CALIBRATION for group in GROUPS} <= figures.keys(), told
    assert missed_bars(figures) == [], told


def test_without_signal_the_model_ranks_as_by_lot_and_no_concept_leads():
    found = without_signal(np.random.default_rng([SEED, WORLDS]), PUPILS // 3)
    told = f"RISKMODEL_WORLDS_SEED={SEED}: {found}"
    assert abs(found["z"]) <= FARTHEST_BY_CHANCE, told
    assert found["largest_concept"] <= 0.1, told
    assert found["spread"] <= 0.1, told


def test_a_world_has_all_that_it_must_have(small_world):
    planted = small_world.planted
    assert 0.75 <= small_world.ceiling <= 0.90
    assert any(driver.form == "step" for driver in planted.drivers)
    assert set(planted.interaction) <= {driver.concept for driver in planted.drivers}
    assert planted.school_effect_sd > 0
    assert len(planted.decoys) >= 2
    assert min(map(abs, small_world.decoy_correlations.values())) >= BARS["least_decoy_correlation"][0]
    assert not set(planted.decoys) & set(small_world.effects.columns)


def test_effects_add_up_to_the_true_log_odds(small_world):
    rest = small_world.log_odds - small_world.effects.sum(axis=1)
    assert np.ptp(rest) == pytest.approx(0, abs=1e-9)


def test_observable_chances_hit_the_share_of_leavers_of_each_stage_group(small_world):
    for group in range(3):
        rows = small_world.pupils.group == group
        seen = probability_of(small_world.observable_log_odds[rows]).mean()
        assert seen == pytest.approx(small_world.probability[rows].mean(), rel=0.02)


def test_the_same_seed_draws_the_same_world():
    one, other = (draw(5, 1, 500) for _ in range(2))
    assert np.array_equal(one.label, other.label)
    assert one.pupils.features.equals(other.pupils.features)
    assert not np.array_equal(one.label, draw(5, 2, 500).label)


def test_expected_auc_is_the_mean_over_drawn_outcomes():
    generator = np.random.default_rng(1)
    score = np.round(generator.normal(size=300), 1)
    chance = probability_of(score - 1)
    found = []
    for _ in range(400):
        label = generator.random(300) < chance
        pairs = score[label][:, None] - score[~label][None, :]
        found.append(np.mean((pairs > 0) + 0.5 * (pairs == 0)))
    assert expected_auc(score, chance) == pytest.approx(np.mean(found), abs=4 * np.std(found) / 20)


def test_a_model_that_explains_by_a_decoy_is_found_out(small_world):
    """The proof can fail: without the drivers' features the model leans on what goes with them."""
    decoys = small_world.planted.decoys
    drivers = {code for concept in decoys.values() for code in small_world.concepts[concept]}
    pupils = small_world.pupils
    shuffled = np.random.default_rng(1).permutation(len(pupils.features))
    blind = {code: pupils.features[code].to_numpy()[shuffled] for code in drivers if code in pupils.features}
    world = replace(small_world, pupils=replace(pupils, features=pupils.features.assign(**blind)))
    missed = missed_bars(judge(world, learn(world)))
    assert any(bar.startswith("decoy") for bar in missed)
    assert any(bar.startswith("reached") for bar in missed)


def test_probabilities_that_are_too_bold_are_found_out(small_world):
    learnt = learn(small_world)
    bold = probability_of(1.8 * np.log(learnt.probability / (1 - learnt.probability)))
    missed = missed_bars(judge(small_world, replace(learnt, probability=bold)))
    assert any(bar.startswith("slope") for bar in missed)
