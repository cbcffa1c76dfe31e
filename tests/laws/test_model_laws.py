"""Laws of the model: they hold for any pupils, not for a chosen few."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import average_precision_score, roc_auc_score

from riskmodel.risk.bootstrap import figures, rank, replicates
from riskmodel.risk.calibration import learn
from riskmodel.risk.draw import Draw, content_of, lots
from riskmodel.risk.evaluation import Outcomes
from riskmodel.risk.model import fit
from riskmodel.risk.recipe import Recipe
from riskmodel.risk.shapley import shapley

CODES = ["absent_share", "mark_points", "lot", "late_share"]
DIRECTIONS = {"absent_share": 1, "mark_points": -1, "late_share": 1}
FEW = settings(max_examples=25, deadline=None)
MANY = settings(max_examples=200, deadline=None)


def world(seed, pupils=300):
    """Invented pupils with gaps, ties and a signal of any sign: the constraint may have to fight the data."""
    generator = np.random.default_rng(seed)
    matrix = np.round(generator.normal(size=(pupils, len(CODES))), 1)
    effect = generator.normal(size=len(CODES))
    label = (generator.uniform(0, 1, pupils) < 1 / (1 + np.exp(1 - matrix @ effect))).astype(float)
    label[:2] = [0, 1]
    matrix[generator.uniform(0, 1, matrix.shape) < 0.1] = np.nan
    return pd.DataFrame(matrix, columns=CODES), label


seeds = st.integers(0, 10_000)


@FEW
@given(seeds)
def test_base_plus_reasons_is_the_score(seed):
    features, label = world(seed)
    model = fit(Recipe("boosting", trees=20), features, label, DIRECTIONS, seed)
    values, base, *_ = shapley(model, features)
    np.testing.assert_allclose(base + values.sum(axis=1), model.raw_score(features), rtol=0, atol=1e-9)


@FEW
@given(seeds, st.floats(0, 5), st.sampled_from(sorted(DIRECTIONS)))
def test_more_of_what_is_bad_never_lowers_a_score(seed, more, code):
    features, label = world(seed)
    model = fit(Recipe("boosting", trees=40), features, label, DIRECTIONS, seed)
    worse = features.assign(**{code: features[code] + DIRECTIONS[code] * more})
    assert (model.raw_score(worse) >= model.raw_score(features)).all()


@FEW
@given(seeds, st.sampled_from(["boosting", "logistic"]), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_neither_the_model_nor_a_score(seed, kind, lot):
    features, label = world(seed)
    order = list(range(len(features)))
    lot.shuffle(order)
    recipe = Recipe(kind, trees=10)
    model = fit(recipe, features, label, DIRECTIONS, seed)
    turned = fit(recipe, features.iloc[order], label[order], DIRECTIONS, seed)
    np.testing.assert_array_equal(turned.raw_score(features), model.raw_score(features))
    np.testing.assert_array_equal(model.raw_score(features.iloc[order]), model.raw_score(features)[order])


@pytest.mark.requirement("R17")
@FEW
@given(seeds)
def test_run_twice_gives_the_same_bytes(seed):
    features, label = world(seed)
    first, second = (fit(Recipe("boosting", trees=10), features, label, DIRECTIONS, seed).to_text() for _ in range(2))
    assert first == second


@FEW
@given(seeds, st.sampled_from(["boosting", "logistic"]), st.floats(0.1, 1.0), st.floats(0.1, 1.0))
def test_whatever_share_of_leavers_and_stayers_is_drawn_the_mean_prediction_is_the_share_that_left(
    seed, kind, left_share, stayed_share
):
    features, label = world(seed, pupils=6000)
    draw = Draw(left_share, stayed_share)
    chosen = draw.chosen(lots(content_of(features.to_numpy(), label), 1, seed), label)
    recipe = Recipe(kind, trees=30, left_share=left_share, stayed_share=stayed_share)
    mean = fit(recipe, features[chosen], label[chosen], {}, seed).probability(features).mean()
    # Drawn shares differ from the wanted ones by chance: by four errors of the counts at most.
    left, stayed = label[chosen].sum(), (1 - label[chosen]).sum()
    chance = 4 * label.mean() * (1 - label.mean()) * np.sqrt((1 - left_share) / left + (1 - stayed_share) / stayed)
    assert abs(mean - label.mean()) < 0.03 + chance


@MANY
@given(st.data(), st.integers(1, 60), st.integers(1, 4))
def test_a_feature_alone_ranks_as_scikit_learn_says_however_its_rows_are_cut_up(data, pupils, pieces):
    label = data.draw(hnp.arrays(np.float64, pupils, elements=st.sampled_from([0.0, 0.0, 1.0, np.nan])))
    values = data.draw(hnp.arrays(np.float64, pupils, elements=st.sampled_from([np.nan, -2.0, 0.0, 0.5, 3.0])))
    piece = data.draw(hnp.arrays(np.int64, pupils, elements=st.integers(0, pieces - 1)))
    rising = [np.sort(own[~np.isnan(own)]) for own in (values[piece == number] for number in range(pieces))]
    outcomes = Outcomes.of(label)
    found, in_pieces = outcomes.auc_by(values, [np.sort(values[~np.isnan(values)])]), outcomes.auc_by(values, rising)
    judged = ~np.isnan(label)
    if len(set(label[judged])) < 2:
        assert np.isnan([found, in_pieces]).all()
    else:
        expected = roc_auc_score(label[judged], np.nan_to_num(values[judged], nan=-9.0))
        assert found == in_pieces == pytest.approx(max(expected, 1 - expected), abs=1e-12)


@MANY
@given(seeds, st.integers(0, 3), hnp.arrays(np.float64, 8, elements=st.floats(-50, 50)))
def test_a_higher_score_never_gets_a_lower_probability(seed, cohorts, asked):
    generator = np.random.default_rng(seed)
    raw, slope = np.round(generator.normal(size=(cohorts, 200)), 1), 2 * generator.normal()
    label = (generator.uniform(0, 1, raw.shape) < 1 / (1 + np.exp(-raw * slope))).astype(float)
    probability = learn(zip(raw, label, strict=True)).probability(np.sort(asked))
    assert (np.diff(probability) >= 0).all()
    assert ((probability >= 0) & (probability <= 1)).all()


@MANY
@given(st.data(), st.integers(2, 40))
def test_a_weighted_figure_is_that_of_scikit_learn(data, pupils):
    label = data.draw(hnp.arrays(np.int64, pupils, elements=st.integers(0, 1)))
    score = data.draw(hnp.arrays(np.int64, pupils, elements=st.integers(-3, 3))).astype(float)
    weights = data.draw(hnp.arrays(np.uint8, pupils, elements=st.integers(0, 4)))
    frame = pd.DataFrame(
        {
            "pupil_id": [f"p{number:03d}" for number in range(pupils)],
            "school_id": "1",
            "raw_score": score,
            "probability": 0.5,
            "label": label,
        }
    )
    found = figures(rank(frame), weights)
    left, stayed = weights[label == 1].sum(), weights[label == 0].sum()
    if left and stayed:
        assert abs(found["auc"] - roc_auc_score(label, score, sample_weight=weights)) < 1e-12
        expected = average_precision_score(label, score, sample_weight=weights)
        assert abs(found["average_precision"] - expected) < 1e-12
    else:
        assert np.isnan(found["auc"])


@FEW
@given(seeds)
def test_a_bootstrap_depends_on_its_seed_alone(seed):
    features, label = world(seed, pupils=60)
    frame = pd.DataFrame(
        {
            "pupil_id": [f"p{number:03d}" for number in range(60)],
            "school_id": "1",
            "raw_score": features["lot"].fillna(0),
            "probability": 0.5,
            "label": label,
        }
    )
    first, second = (replicates(rank(frame), 3, seed) for _ in range(2))
    np.testing.assert_array_equal(first, second)
