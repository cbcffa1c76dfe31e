"""Effects of measures given by judgement."""

from __future__ import annotations

import numpy as np
import pytest

from riskmodel.bench.planted_allocations import Judgement
from riskmodel.errors import UsageError
from riskmodel.risk.effects.adjusted import Expanded, Judged, adjusted, robustness
from riskmodel.risk.effects.estimate import NotEstimated, Reason

JUDGEMENT = Judgement(pupils=3_000)


def judged(seed, effect=-0.08):
    return Judged(*JUDGEMENT.draw(np.random.default_rng(seed), effect))


def test_the_planted_effect_is_covered_where_a_plain_difference_shows_the_opposite():
    covered, naive, values = 0, [], []
    for seed in range(30):
        own = judged(seed)
        found = adjusted(own, seed).effect
        covered += found.low <= -0.08 <= found.high
        values.append(found.value)
        naive.append(own.left[own.given == 1].mean() - own.left[own.given == 0].mean())
    assert covered >= 26
    assert np.mean(values) == pytest.approx(-0.08, abs=0.01)
    assert np.mean(naive) > -0.04


def test_the_error_is_near_the_least_that_anybody_can_have():
    found = np.mean([adjusted(judged(seed), seed).effect.error for seed in range(3)])
    assert found == pytest.approx(JUDGEMENT.error(-0.08), rel=0.10)


def test_what_is_missing_is_no_zero_and_breaks_nothing():
    own = judged(1)
    covariates = own.covariates.copy()
    covariates[::7, 2] = np.nan
    found = adjusted(Judged(covariates, own.given, own.left), 1)
    assert found.effect.value == pytest.approx(adjusted(own, 1).effect.value, abs=0.02)


def test_the_columns_of_the_curves_have_mean_0_and_deviation_1():
    columns = Expanded.learn(judged(1).covariates).columns(judged(1).covariates)
    # Four numbers; squares and three hinges of the three that are no flags; six products.
    assert columns.shape == (3_000, 4 + 12 + 6)
    assert columns.mean(axis=0) == pytest.approx(0, abs=1e-9)
    assert columns.std(axis=0) == pytest.approx(1, abs=1e-9)


def test_schools_stand_together_and_widen_the_error_where_their_pupils_are_alike():
    generator = np.random.default_rng(4)
    school = np.repeat(np.arange(60), 50)
    covariates = generator.normal(size=(3_000, 2))
    given = (generator.random(60) < 0.5).astype(float)[school]  # whole schools gave it
    left = (generator.random(3_000) < np.where(generator.random(60) < 0.5, 0.1, 0.5)[school]).astype(float)
    alone, by_school = (
        adjusted(Judged(covariates, given, left), 1),
        adjusted(Judged(covariates, given, left, school), 1),
    )
    assert by_school.effect.error > 2 * alone.effect.error
    assert by_school.effect.freedom == 59


def test_without_anybody_alike_there_is_no_estimate():
    generator = np.random.default_rng(2)
    covariates = np.where(np.arange(3_000) % 2, 1.0, -1.0)[:, None] * (3 + generator.random((3_000, 2)))
    given = (covariates[:, 0] > 0).astype(float)
    left = (generator.random(3_000) < 0.3).astype(float)
    assert adjusted(Judged(covariates, given, left), 1).reason == Reason.NO_OVERLAP


def test_a_choice_by_a_hidden_cut_is_seen_and_one_by_judgement_passes():
    generator = np.random.default_rng(2)
    covariates = generator.normal(size=(3_000, 2))
    given = (covariates[:, 0] > 0.5).astype(float)
    left = (generator.random(3_000) < 0.3).astype(float)
    assert adjusted(Judged(covariates, given, left), 1).choice_p_value < 1e-6
    assert min(adjusted(judged(seed), seed).choice_p_value for seed in range(8)) > 0.001


def test_pupils_with_nobody_like_them_are_left_out_and_counted():
    """The choice is nearly sure at both ends: there a single odd pupil would speak for hundreds."""
    generator = np.random.default_rng(2)
    covariates = generator.normal(size=(6_000, 2))
    chance = 1 / (1 + np.exp(-3 * covariates[:, 0]))
    given = (generator.random(6_000) < chance).astype(float)
    left = (generator.random(6_000) < 0.4 - 0.1 * np.tanh(covariates[:, 0]) - 0.1 * given).astype(float)
    found = adjusted(Judged(covariates, given, left), 1)
    assert found.sparse_share == pytest.approx(((chance < 0.05) | (chance > 0.95)).mean(), abs=0.1)
    assert found.effect.low <= -0.1 <= found.effect.high
    assert found.effect.pupils_given + found.effect.pupils_compared == pytest.approx(
        6_000 * (1 - found.sparse_share), abs=60
    )


def test_too_few_pupils_or_leavers_give_a_reason():
    own = judged(3)
    few = Judged(own.covariates[:200], own.given[:200], own.left[:200])
    assert isinstance(adjusted(few, 1), NotEstimated)
    assert adjusted(few, 1).reason == Reason.TOO_FEW_PUPILS
    assert adjusted(Judged(own.covariates, own.given, own.left * 0), 1).reason == Reason.NO_CASES


def test_columns_of_other_lengths_are_refused():
    own = judged(3)
    with pytest.raises(UsageError, match="pupil by pupil"):
        Judged(own.covariates[1:], own.given, own.left)


def test_robustness_is_the_strength_at_which_the_bias_equals_the_estimate():
    strength = robustness(0.05, 0.4)
    assert 0.4 * strength / np.sqrt(1 - strength) == pytest.approx(0.05, rel=1e-9)
    assert robustness(0.0, 0.4) == 0
    found = adjusted(judged(1, effect=-0.09), 1)
    assert 0 < found.robustness_of_interval < found.robustness < 1


def test_something_unseen_as_strong_as_the_bound_says_could_have_made_the_effect():
    """A hidden cause moves the estimate of no effect by less than the bound of its own strength."""
    generator = np.random.default_rng(6)
    hidden, seen = generator.normal(size=20_000), generator.normal(size=(20_000, 1))
    given = (generator.random(20_000) < 1 / (1 + np.exp(-0.8 * hidden))).astype(float)
    left = (generator.random(20_000) < 0.3 + 0.1 * np.tanh(hidden)).astype(float)
    found = adjusted(Judged(seen, given, left), 1)
    assert found.effect.low > 0
    of_leaving = np.corrcoef(np.tanh(hidden), left)[0, 1] ** 2
    of_choice = 1 - np.mean(1 / (0.25 * np.ones(1))) / np.mean(1 / ((p := 1 / (1 + np.exp(-0.8 * hidden))) * (1 - p)))
    assert found.robustness <= np.sqrt(of_leaving * of_choice / (1 - of_choice)) * 1.1
