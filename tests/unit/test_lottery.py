"""Effects of places given by lot."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
from scipy.stats import fisher_exact

from riskmodel.bench.planted_allocations import Lots
from riskmodel.errors import UsageError
from riskmodel.risk.effects.estimate import NotEstimated, Reason
from riskmodel.risk.effects.lottery import Lottery, _Ties, balance, lottery


def exact_by_listing(left, block, drawn):
    """Chance of a number of drawn leavers at most as likely as the one found, over every possible lot."""
    ties = [np.flatnonzero(block == one) for one in np.unique(block)]
    counts = []
    for chosen in product(*(combinations(rows, int(drawn[rows].sum())) for rows in ties)):
        counts.append(sum(left[list(rows)].sum() for rows in chosen))
    chance = {number: counts.count(number) / len(counts) for number in set(counts)}
    own = chance[(drawn * left).sum()]
    return sum(one for one in chance.values() if one <= own * (1 + 1e-9))


def test_one_block_is_fisher_s_exact_test():
    drawn, left = np.repeat([1.0, 1.0, 0.0, 0.0], [30, 10, 15, 25]), np.repeat([1.0, 0.0, 1.0, 0.0], [30, 10, 15, 25])
    found = lottery(drawn, left, np.zeros(80, dtype=int))
    assert found.exact_p_value == pytest.approx(fisher_exact([[30, 10], [15, 25]]).pvalue, rel=1e-9)
    assert found.intended.value == pytest.approx(30 / 40 - 15 / 40)
    neyman = 0.75 * 0.25 / 39 + 0.375 * 0.625 / 39
    assert found.intended.error == pytest.approx(np.sqrt(neyman), rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_the_exact_test_of_several_blocks_is_the_listing_of_all_lots(seed):
    generator = np.random.default_rng(seed)
    block = np.repeat([0, 1, 2, 3], [4, 5, 4, 3])
    drawn = np.array([1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 0, 0, 1, 0, 0.0])
    left = (generator.random(16) < 0.5).astype(float)
    found = _Ties.of(drawn, left, block).exact_p_value()
    assert found == pytest.approx(exact_by_listing(left, block, drawn), rel=1e-9)


def test_intervals_cover_the_planted_effect_and_the_error_is_the_computed_one():
    lots = Lots(ties=400)
    found = []
    for seed in range(200):
        estimate = lottery(*lots.draw(np.random.default_rng(seed), -0.05)).intended
        found.append((estimate.low <= -0.05 <= estimate.high, estimate.error))
    covered, errors = np.array(found).T
    assert 0.91 <= covered.mean() <= 0.98
    assert errors.mean() == pytest.approx(lots.error(-0.05), rel=0.03)


def test_a_difference_that_forgets_the_blocks_misses_the_effect():
    """Ties at high risk with many places: whoever compares all drawn with all others compares ties."""
    missed = 0
    for seed in range(100):
        generator = np.random.default_rng(seed)
        block = np.repeat(np.arange(200), 10)
        places = np.where(np.arange(200) < 100, 8, 2)
        drawn = (np.tile(np.arange(10), 200) < places[block]).astype(float)
        left = (generator.random(2000) < np.where(block < 100, 0.5, 0.2) - 0.05 * drawn).astype(float)
        sides = [left[drawn == arm] for arm in (1, 0)]
        error = np.sqrt(sum(side.var() / len(side) for side in sides))
        missed += abs(sides[0].mean() - sides[1].mean() + 0.05) > 1.96 * error
        assert abs(lottery(drawn, left, block).intended.value + 0.05) < 0.12
    assert missed == 100


def test_blocks_without_a_choice_tell_nothing():
    drawn, left, block = Lots(ties=200).draw(np.random.default_rng(1), -0.1)
    one = lottery(drawn, left, block)
    more = lottery(np.append(drawn, [1.0, 1.0]), np.append(left, [1.0, 1.0]), np.append(block, [900, 900]))
    assert isinstance(one, Lottery)
    assert (one.blocks, one.pupils_left_out) == (200, 0)
    assert more == replace(one, pupils_left_out=2)


def test_a_single_small_block_has_no_error_of_its_own_and_is_left_out():
    drawn, left = np.tile([1.0, 1.0, 0.0, 0.0], 20), np.tile([0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0], 10)
    block = np.repeat(np.arange(20), 4)
    more = lottery(np.append(drawn, [1.0, 0.0]), np.append(left, [1.0, 0.0]), np.append(block, [900, 900]))
    assert more == replace(lottery(drawn, left, block), pupils_left_out=2)


def test_few_lots_give_a_reason_and_no_zero():
    drawn, left, block = Lots(ties=8).draw(np.random.default_rng(1), 0.0)
    assert lottery(drawn, left, block) == NotEstimated(lottery(drawn, left, block).kind, Reason.TOO_FEW_PUPILS)
    drawn, left, block = Lots(ties=80).draw(np.random.default_rng(1), 0.0)
    assert lottery(drawn, left * 0, block).reason == Reason.NO_CASES


def test_lots_that_are_not_0_or_1_are_refused():
    with pytest.raises(UsageError, match="0 or 1"):
        lottery(np.array([0.0, 2.0]), np.array([0.0, 1.0]), np.array([0, 0]))


def test_balance_finds_lots_that_followed_a_covariate_and_passes_fair_ones():
    drawn, _, block = Lots(ties=300).draw(np.random.default_rng(1), 0.0)
    fair = [balance(drawn, block, np.random.default_rng(seed).normal(size=len(drawn))) for seed in range(200)]
    assert np.mean(np.array(fair) < 0.05) <= 0.10
    assert balance(drawn, block, np.random.default_rng(5).normal(size=len(drawn)) + drawn) < 1e-6
    assert balance(drawn, block, np.ones(len(drawn))) is None
