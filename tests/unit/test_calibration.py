"""The calibrator: what past cohorts agree upon, and nothing else."""

from __future__ import annotations

import json

import numpy as np
import pytest

from riskmodel.errors import UsageError
from riskmodel.risk.calibration import FEWEST_LEFT, LEAST_SLOPE, Calibrator, learn
from riskmodel.risk.model import probability_of

PUPILS = 20_000


def cohort(seed, shift=0.0, slope=1.0, pupils=PUPILS):
    """Log-odds of one cohort, and who left: in truth by ``slope`` times them plus ``shift``."""
    generator = np.random.default_rng(seed)
    raw = generator.normal(-2, 1, pupils)
    return raw, (generator.uniform(0, 1, pupils) < probability_of(slope * raw + shift)).astype(float)


def cohorts(*shifts, slope=1.0, pupils=PUPILS):
    return [cohort(seed, shift, slope, pupils) for seed, shift in enumerate(shifts)]


def test_a_fault_that_all_cohorts_share_is_mended():
    found = learn(cohorts(-0.5, -0.5, -0.5, -0.5))
    assert found.shift == pytest.approx(-0.5, abs=0.06)
    assert found.slope == pytest.approx(1.0, abs=0.03)


def test_scores_that_are_too_bold_in_all_cohorts_are_drawn_in():
    found = learn(cohorts(0.0, 0.0, 0.0, 0.0, slope=0.6))
    assert found.slope == pytest.approx(0.6, abs=0.05)
    assert found.shift == pytest.approx(0.0, abs=0.1)


def test_stretching_alone_keeps_the_mean_probability():
    """The years differ in their share, not in the slope: the slope is mended and the mean of the past is left."""
    past = [cohort(seed, shift, slope=0.6) for seed, shift in enumerate((-1.3, -0.4, -0.9, -0.5))]
    raw = np.concatenate([raw for raw, _ in past])
    found = learn(past)
    assert found.slope < 0.75
    assert found.probability(raw).mean() == pytest.approx(probability_of(raw).mean(), abs=1e-6)


def test_years_that_differ_teach_nothing():
    assert learn(cohorts(0.1, -0.16, -0.12, 0.12)).shift == 0


def test_one_cohort_cannot_tell_its_year_from_a_fault_of_the_model():
    found = learn(cohorts(-0.5))
    assert (found.slope, found.shift) == (1.0, 0.0)
    assert (found.cohorts, found.pupils) == (1, PUPILS)


def test_two_cohorts_must_agree_better_than_four():
    assert learn(cohorts(-0.2, -0.3)).shift == 0
    assert learn(cohorts(-0.2, -0.3, -0.2, -0.3)).shift < -0.1


def test_chance_alone_hardly_moves_a_score():
    """Without a fault a shift appears in about one history of twenty, and then a small one."""
    found = np.array(
        [learn([cohort(10 * number + one, pupils=3_000) for one in range(4)]).shift for number in range(60)]
    )
    assert np.mean(found != 0) < 0.15
    assert np.abs(found).max() < 0.08


def test_the_interval_is_no_narrower_than_the_pupils_allow():
    """Copies of one cohort agree entirely, and are few pupils all the same: of 1,000 with a chance of .119, 126 left."""
    raw = np.full(1_000, -2.0)
    found = learn([(raw, (np.arange(1_000) < 126).astype(float))] * 4)
    many = learn([(np.tile(raw, 9), (np.arange(9_000) < 9 * 126).astype(float))] * 4)
    assert found.shift == 0
    assert many.shift > 0.04


def test_a_cohort_with_few_who_left_says_nothing():
    raw, label = cohort(1)
    few = np.zeros_like(label)
    few[: FEWEST_LEFT - 1] = 1
    assert learn([(raw, label), (raw, few)]).cohorts == 1


def test_a_ranking_that_is_upside_down_is_not_turned_and_tells_hardly_any_difference():
    past = cohorts(0.0, 0.0, 0.0, slope=-1.0)
    found = learn(past)
    assert found.slope == LEAST_SLOPE
    raw, label = (np.concatenate(parts) for parts in zip(*past, strict=True))
    chance = found.probability(np.sort(raw))
    assert (np.diff(chance) > 0).all()
    assert np.ptp(chance) < 0.02
    assert chance.mean() == pytest.approx(label.mean(), abs=0.005)


def test_one_score_for_all_has_no_slope_but_may_have_a_shift():
    labels = [(np.random.default_rng(seed).uniform(size=PUPILS) < 0.2).astype(float) for seed in range(4)]
    found = learn([(np.full(PUPILS, -2.0), label) for label in labels])
    assert found.slope == 1.0
    assert float(found.probability(np.array([-2.0]))[0]) == pytest.approx(0.2, abs=0.01)


def test_scores_that_part_the_classes_entirely_do_not_end_in_nonsense():
    raw = np.repeat([-700.0, 700.0], 100)
    found = learn([(raw, (raw > 0).astype(float))] * 3)
    assert (found.slope, found.shift) == (1.0, 0.0)


def test_the_order_of_pupils_does_not_matter():
    ordered = cohorts(-0.5, -0.45, -0.5)
    mixed = [(raw[::-1], label[::-1]) for raw, label in ordered]
    assert learn(mixed) == learn(ordered)


def test_a_calibrator_survives_json_to_the_last_digit():
    calibrator = learn(cohorts(-0.5, -0.5, -0.5, slope=0.8))
    assert calibrator.slope != 1
    assert Calibrator.from_dict(json.loads(json.dumps(calibrator.to_dict()))) == calibrator


@pytest.mark.parametrize(
    "broken",
    [{}, {"slope": 1.0}, {"slope": 0.0, "shift": 0.0}, {"slope": -1.0, "shift": 0.0}, {"slope": 1.0, "shift": np.inf}],
)
def test_a_stored_calibrator_that_could_fall_is_refused(broken):
    with pytest.raises(UsageError, match="slope above zero"):
        Calibrator.from_dict(broken)


def test_an_empty_history_leaves_the_probability_as_it_is():
    calibrator = learn([])
    assert calibrator == Calibrator()
    np.testing.assert_array_equal(calibrator.probability(np.array([0.0])), [0.5])
