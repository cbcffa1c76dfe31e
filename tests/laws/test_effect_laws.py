"""Laws of effects: what no verdict may say, and what no order or unit may change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from riskmodel.risk.effects.adjusted import robustness
from riskmodel.risk.effects.differences import difference
from riskmodel.risk.effects.estimate import Estimate, Kind
from riskmodel.risk.effects.local import jump
from riskmodel.risk.effects.lottery import lottery
from riskmodel.risk.effects.power import chances
from riskmodel.risk.effects.verdict import Rule, Verdict, holding, verdicts

values = st.floats(-0.5, 0.5)
errors = st.floats(1e-4, 0.2)
rules = st.tuples(st.floats(0.001, 0.1), st.floats(0, 0.4)).map(lambda two: Rule(two[0], two[0] + two[1]))
estimates = st.builds(
    Estimate, st.sampled_from(Kind), values, errors, st.just(100), st.just(100), st.none() | st.integers(5, 500)
)


@given(estimates, rules)
def test_no_effect_worth_having_never_stands_while_the_interval_holds_one(estimate, rule):
    if rule.of(estimate) is Verdict.NOT_WORTH_HAVING:
        assert max(-estimate.low, estimate.high) < rule.worth_having


@given(estimates, rules)
def test_a_claim_never_stands_while_the_interval_holds_zero_or_where_only_the_implausible_is_found(estimate, rule):
    verdict = rule.of(estimate)
    if verdict in (Verdict.HELPS, Verdict.HARMS):
        assert not estimate.low <= 0 <= estimate.high
        assert (verdict is Verdict.HELPS) == (estimate.value < 0)
        assert estimate.detectable <= rule.plausible
        assert estimate.kind is not Kind.DIFFERENCE


@given(st.lists(estimates, max_size=12), rules)
def test_more_questions_never_make_a_claim_of_what_is_none_alone(family, rule):
    for estimate, verdict in zip(family, verdicts(family, rule), strict=True):
        alone = rule.of(estimate)
        assert verdict is alone or (alone in (Verdict.HELPS, Verdict.HARMS) and verdict is Verdict.INCONCLUSIVE)


@given(st.lists(st.floats(0, 1), max_size=12))
def test_what_holds_among_many_holds_alone_and_smaller_p_values_hold_before_larger(found):
    holds = holding(found)
    assert all(value <= 0.05 for value, one in zip(found, holds, strict=True) if one)
    kept, left = ([value for value, one in zip(found, holds, strict=True) if one is which] for which in (True, False))
    assert max(kept, default=0) <= min(left, default=1)


@given(values, errors, rules)
def test_the_chances_of_the_verdicts_add_up_to_1(effect, error, rule):
    found = chances(effect, error, rule)
    assert all(0 <= chance <= 1 + 1e-12 for chance in found.values())
    assert sum(found.values()) == pytest.approx(1, abs=1e-9)


@given(values, errors, rules)
def test_the_chance_of_each_verdict_is_the_share_of_the_normal_law_on_which_it_falls(effect, error, rule):
    grid = (np.arange(2_000) + 0.5) / 2_000
    from scipy.special import ndtri

    drawn = [rule.of(Estimate(Kind.LOTTERY, float(value), error, 9, 9)) for value in effect + error * ndtri(grid)]
    for verdict, chance in chances(effect, error, rule).items():
        assert drawn.count(verdict) / 2_000 == pytest.approx(chance, abs=0.0015)


@given(errors, st.floats(0.01, 0.4))
def test_a_measure_that_helps_more_is_found_more_often(error, effect):
    rule = Rule(0.01, 1.0)
    assert chances(-effect, error, rule)[Verdict.HELPS] <= chances(-1.5 * effect, error, rule)[Verdict.HELPS] + 1e-12


@given(st.integers(0, 2**32 - 1))
def test_the_order_of_pupils_and_the_names_of_schools_move_no_jump(seed):
    generator = np.random.default_rng(seed)
    x, outcome = generator.uniform(-1, 1, 120), generator.random((120, 2))
    school = generator.integers(0, 12, 120)
    order = generator.permutation(120)
    one, other = jump(x, outcome, 0.8, 2, school), jump(x[order], outcome[order], 0.8, 2, 700 - school[order])
    assert other.value == pytest.approx(one.value, abs=1e-9)
    assert other.covariance == pytest.approx(one.covariance, rel=1e-6, abs=1e-12)


@given(st.integers(0, 2**32 - 1))
def test_schools_of_one_pupil_each_are_pupils(seed):
    generator = np.random.default_rng(seed)
    x, outcome = generator.uniform(-1, 1, 120), generator.random((120, 1))
    alone, own = jump(x, outcome, 0.8, 2), jump(x, outcome, 0.8, 2, np.arange(120))
    pupils = alone.above + alone.below
    assert own.covariance * pupils / (pupils - 1) == pytest.approx(alone.covariance, rel=1e-6)


@given(st.integers(0, 2**32 - 1))
def test_exchanging_drawn_and_not_drawn_turns_the_sign_and_nothing_else(seed):
    generator = np.random.default_rng(seed)
    block = np.repeat(np.arange(30), 6)
    drawn, left = (generator.random(180) < 0.5).astype(float), (generator.random(180) < 0.4).astype(float)
    one, other = lottery(drawn, left, block), lottery(1 - drawn, left, block)
    assert other.intended.value == pytest.approx(-one.intended.value, abs=1e-12)
    assert other.intended.error == pytest.approx(one.intended.error, rel=1e-9)
    assert other.exact_p_value == pytest.approx(one.exact_p_value, rel=1e-9)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.1, 2))
@example(1.0, 0.9999999999999999, 0.283203125)
@example(5e-324, 0.0, 2.0)
def test_a_larger_effect_takes_a_stronger_unseen_cause(one, other, scale):
    low, high = sorted((one, other))
    assert 0 <= robustness(low, scale) <= robustness(high, scale) <= 1


@given(st.floats(-5, 5), st.integers(0, 1000))
def test_what_both_semesters_share_is_no_change(shift, seed):
    generator = np.random.default_rng(seed)
    before, after = generator.normal(size=(2, 200))
    given_to = (np.arange(200) % 2).astype(float)
    one, other = (difference(before + by, after + by, given_to) for by in (0.0, shift))
    assert other.value == pytest.approx(one.value, abs=1e-9)
