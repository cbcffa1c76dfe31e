"""The calibrator and how it is chosen."""

from __future__ import annotations

import json

import numpy as np
import pytest

from riskmodel.errors import UsageError
from riskmodel.risk.calibration import Calibrator, choose, learn, shift_to
from riskmodel.risk.model import probability_of


def world(pupils, seed=1):
    """Log-odds that are one too high: the truth is half as likely as they say."""
    generator = np.random.default_rng(seed)
    raw = generator.normal(-1, 1, pupils)
    return raw, (generator.uniform(0, 1, pupils) < probability_of(raw - 1)).astype(float)


@pytest.mark.parametrize(("left", "kind"), [(29, "none"), (30, "intercept"), (999, "intercept"), (1000, "isotonic")])
def test_the_number_of_leavers_chooses_the_kind(left, kind):
    label = np.repeat([1.0, 0.0], [left, 3 * left])
    assert choose(np.linspace(2, -2, 4 * left), label).kind == kind


def test_the_intercept_makes_the_mean_prediction_the_observed_share():
    raw, label = world(2000)
    calibrator = learn("intercept", raw, label)
    assert calibrator.probability(raw).mean() == pytest.approx(label.mean(), abs=1e-9)
    assert calibrator.shift == pytest.approx(-1, abs=0.15)


def test_the_sigmoid_finds_a_stretch_and_never_turns_a_ranking_upside_down():
    raw, label = world(4000)
    assert learn("sigmoid", 3 * raw, label).slope == pytest.approx(1 / 3, abs=0.04)
    assert learn("sigmoid", -raw, label).kind == "intercept"


def test_isotonic_gives_no_certainty():
    raw = np.array([0.0, 1.0, 2.0, 3.0])
    calibrator = learn("isotonic", raw, np.array([0.0, 0.0, 1.0, 1.0]))
    np.testing.assert_allclose(calibrator.probability(np.array([-9.0, 9.0])), [0.125, 0.875])


def test_a_calibrator_survives_json_to_the_last_digit():
    calibrator = choose(*world(8000))
    again = Calibrator.from_dict(json.loads(json.dumps(calibrator.to_dict())))
    assert again == calibrator
    assert calibrator.kind == "isotonic"


@pytest.mark.parametrize(
    "broken",
    [
        {"kind": "magic"},
        {"kind": "isotonic", "knots": [0.0, 1.0], "levels": [0.5, 0.4]},
        {"kind": "isotonic", "knots": [1.0, 0.0], "levels": [0.1, 0.4]},
        {"kind": "isotonic", "knots": [0.0], "levels": []},
    ],
)
def test_a_stored_calibrator_that_could_fall_is_refused(broken):
    with pytest.raises(UsageError, match="never fall"):
        Calibrator.from_dict(broken)


def test_one_class_cannot_calibrate():
    with pytest.raises(UsageError, match="same outcome"):
        learn("intercept", np.zeros(5), np.zeros(5))


def test_an_empty_history_leaves_the_probability_as_it_is():
    calibrator = choose(np.zeros(0), np.zeros(0))
    assert (calibrator.kind, calibrator.pupils) == ("none", 0)
    np.testing.assert_array_equal(calibrator.probability(np.array([0.0])), [0.5])


@pytest.mark.parametrize("share", [0.001, 0.5, 0.97])
def test_the_shift_reaches_any_share(share):
    raw = np.linspace(-6, 2, 50)
    assert probability_of(raw + shift_to(raw, share)).mean() == pytest.approx(share, abs=1e-9)
