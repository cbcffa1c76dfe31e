"""Effects at a cut: the jump, its error, the bandwidth, and what must not jump."""

from __future__ import annotations

import numpy as np
import pytest

from riskmodel.bench.planted_allocations import Cut
from riskmodel.errors import UsageError
from riskmodel.risk.effects.bandwidth import bandwidth_for
from riskmodel.risk.effects.cut_checks import bandwidth_curve, cut_checks, density_test, placebo_tests
from riskmodel.risk.effects.discontinuity import Discontinuity, Places, discontinuity
from riskmodel.risk.effects.estimate import NotEstimated, Reason
from riskmodel.risk.effects.local import jump

CUT = Cut(pupils=4_000)


def places(seed, effect=-0.06, cut=CUT, school=None, uptake=1.0):
    generator = np.random.default_rng(seed)
    score, place, left = cut.draw(generator, effect)
    given = place * (generator.random(len(place)) < uptake)
    return Places(score, np.full(len(score), cut.at), given, left, school)


def few(pupils=40, seed=5):
    generator = np.random.default_rng(seed)
    x = generator.uniform(-1, 1, pupils)
    return x, np.column_stack([generator.random(pupils) < 0.4, generator.random(pupils) < 0.6]).astype(float)


def jump_by_hand(x, outcome, bandwidth):
    """The difference of two weighted quadratic fits at zero, by least squares of numpy."""
    level = {}
    for is_above in (True, False):
        near = (np.abs(x) < bandwidth) & ((x >= 0) == is_above)
        root = np.sqrt(1 - np.abs(x[near]) / bandwidth)
        design = np.vander(x[near], 3, increasing=True)
        level[is_above] = np.linalg.lstsq(design * root[:, None], outcome[near] * root[:, None], rcond=None)[0][0]
    return level[True] - level[False]


def test_a_jump_is_that_of_two_weighted_quadratics():
    x, outcome = few()
    assert jump(x, outcome, 0.9, 2).value == pytest.approx(jump_by_hand(x, outcome, 0.9), abs=1e-10)


def test_its_covariance_is_that_of_leaving_each_pupil_out():
    x, outcome = few()
    whole = jump_by_hand(x, outcome, 0.9)
    changes = np.array(
        [
            whole - jump_by_hand(np.delete(x, place), np.delete(outcome, place, axis=0), 0.9)
            for place in np.flatnonzero(np.abs(x) < 0.9)
        ]
    )
    assert jump(x, outcome, 0.9, 2).covariance == pytest.approx(changes.T @ changes, rel=1e-8)


def test_with_schools_it_is_that_of_leaving_each_school_out_of_both_sides():
    x, outcome = few(90)
    school = np.arange(90) % 11
    whole = jump_by_hand(x, outcome, 1.2)
    changes = np.array([whole - jump_by_hand(x[school != one], outcome[school != one], 1.2) for one in range(11)])
    found = jump(x, outcome, 1.2, 2, school)
    assert found.schools == 11
    assert found.covariance == pytest.approx(10 / 11 * changes.T @ changes, rel=1e-8)


def test_intervals_cover_the_planted_effect_and_those_of_a_plain_difference_do_not():
    covered, naive_covered = 0, 0
    for seed in range(300):
        own = places(seed)
        found = discontinuity(own).intended
        covered += found.low <= -0.06 <= found.high
        sides = [own.left[own.given == arm] for arm in (1, 0)]
        naive = sides[0].mean() - sides[1].mean()
        error = np.sqrt(sum(side.var() / len(side) for side in sides))
        naive_covered += abs(naive + 0.06) <= 1.96 * error
    assert 0.91 <= covered / 300 <= 0.98
    assert naive_covered == 0


def test_errors_by_school_are_larger_where_pupils_of_a_school_are_alike():
    generator = np.random.default_rng(8)
    school = generator.integers(0, 60, CUT.pupils)
    score = generator.beta(2, 5, CUT.pupils)
    risk = 0.25 + 0.2 * np.sign(generator.normal(size=60))[school]
    left = (generator.random(CUT.pupils) < risk).astype(float)
    # Pupils of a school stand on one side: what makes them alike is no longer taken out by the comparison.
    score = np.where(school % 2 == 0, 0.35 + 0.5 * score, 0.35 - 0.34 * score)
    given = (score >= 0.35).astype(float)
    alone = discontinuity(Places(score, np.full(len(score), 0.35), given, left), bandwidth=0.2)
    by_school = discontinuity(Places(score, np.full(len(score), 0.35), given, left, school), bandwidth=0.2)
    assert by_school.intended.value == pytest.approx(alone.intended.value)
    assert by_school.intended.error > 1.2 * alone.intended.error
    assert by_school.intended.freedom == 59


def test_another_unit_of_the_score_gives_the_same_effect():
    own = places(3)
    scaled = Places(1000 * own.score + 50, 1000 * own.cut + 50, own.given, own.left)
    one, other = discontinuity(own), discontinuity(scaled)
    assert other.bandwidth == pytest.approx(1000 * one.bandwidth, rel=1e-6)
    assert other.intended.value == pytest.approx(one.intended.value, rel=1e-6)


def test_where_six_in_ten_use_their_place_the_ratio_is_the_effect_on_those():
    own = places(4, cut=Cut(pupils=60_000), uptake=0.6)
    found = discontinuity(own)
    assert found.uptake == pytest.approx(0.6, abs=0.05)
    value, low, high = found.ratio
    assert value == pytest.approx(found.intended.value / found.uptake)
    assert low < value < high
    assert high - low > found.intended.high - found.intended.low


def test_where_nobody_keeps_to_the_rule_there_is_no_ratio():
    generator = np.random.default_rng(1)
    own = places(1)
    found = discontinuity(Places(own.score, own.cut, (generator.random(len(own.score)) < 0.5).astype(float), own.left))
    assert found.ratio is None


def test_the_bandwidth_shrinks_as_pupils_grow_and_holds_as_many_as_are_asked():
    widths = [discontinuity(places(seed, cut=Cut(pupils))).bandwidth for seed, pupils in ((1, 4_000), (2, 120_000))]
    assert widths[1] < widths[0]
    x = np.concatenate([np.linspace(-1, -0.001, 5_000), np.linspace(0.5, 1, 300)])
    width = bandwidth_for(x, (np.arange(5_300) % 5 == 0).astype(float), 2, 100)
    assert ((x >= 0) & (x < width)).sum() >= 100
    assert bandwidth_for(x, np.ones(5_300), 2, 301) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda own: Places(own.score[:90], own.cut[:90], own.given[:90], own.left[:90]), Reason.TOO_FEW_PUPILS),
        (lambda own: Places(own.score, own.cut, own.given, np.zeros_like(own.left)), Reason.NO_CASES),
        (lambda own: Places(np.round(own.score, 1), own.cut, own.given, own.left), Reason.SCORE_TOO_COARSE),
        (
            lambda own: Places(own.score, own.cut, own.given, own.left, np.arange(len(own.left)) % 9),
            Reason.TOO_FEW_SCHOOLS,
        ),
    ],
)
def test_where_data_cannot_tell_there_is_no_estimate_but_a_reason(change, reason):
    found = discontinuity(change(places(2)))
    assert isinstance(found, NotEstimated)
    assert found.reason == reason


def test_an_outcome_that_is_not_known_is_refused():
    own = places(2)
    left = own.left.copy()
    left[3] = np.nan
    with pytest.raises(UsageError, match="without gaps"):
        Places(own.score, own.cut, own.given, left)
    with pytest.raises(UsageError, match="0 or 1"):
        Places(own.score, own.cut, own.given, left * 0 + 2 if np.isfinite(left).all() else own.left + 1)


def test_a_smooth_density_passes_as_often_as_is_said():
    found = [density_test(places(seed).distance, 0.2) for seed in range(200)]
    assert np.mean(np.array(found) < 0.05) <= 0.10
    assert np.mean(np.array(found) < 0.5) == pytest.approx(0.5, abs=0.12)


def test_scores_in_even_steps_are_no_change_of_density():
    found = [density_test(np.round(places(seed, cut=Cut(30_000)).distance, 2) + 0.005, 0.237) for seed in range(40)]
    assert np.mean(np.array(found) < 0.05) <= 0.15


def test_pupils_who_were_moved_over_the_cut_are_found():
    own = places(6)
    x = own.distance
    moved = np.where((x < 0) & (x > -0.02), -x, x)
    assert density_test(moved, 0.2) < 0.001


def test_checks_name_what_jumps_beside_leaving():
    own = places(7)
    generator = np.random.default_rng(2)
    smooth, jumps = generator.normal(size=4_000), generator.normal(size=4_000) + (own.distance >= 0)
    found = discontinuity(own)
    assert isinstance(found, Discontinuity)
    sound = cut_checks(own, found, {"absent_share": smooth})
    assert sound.failed == ()
    assert len(sound.placebos) == 6
    assert cut_checks(own, found, {"absent_share": smooth, "age": jumps}).failed == ("covariates",)


def test_a_jump_away_from_the_cut_fails_a_placebo():
    own = places(9, cut=Cut(20_000))
    x = own.distance
    generator = np.random.default_rng(3)
    at = np.quantile(x[x < 0], 0.5)
    left = (generator.random(len(x)) < np.where(x >= at, 0.4, 0.1)).astype(float)
    assert placebo_tests(Places(own.score, own.cut, own.given, left))[float(at)] < 1e-6


def test_the_curve_of_bandwidths_holds_the_effect_at_its_own_width():
    own = places(3)
    found = discontinuity(own)
    curve = bandwidth_curve(own, found)
    assert len(curve) >= 4
    assert curve[found.bandwidth].value == found.intended.value
