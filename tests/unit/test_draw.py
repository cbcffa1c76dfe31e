"""Which rows teach when there are more than a fit needs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from riskmodel.risk.draw import Draw, content_of, draw_for, lots
from riskmodel.risk.model import fit, probability_of
from riskmodel.risk.recipe import Recipe
from riskmodel.risk.shapley import shapley


def country(pupils=30_000, seed=3):
    """Pupils of whom about one in thirty leaves, by a chance that their record tells."""
    generator = np.random.default_rng(seed)
    features = pd.DataFrame(generator.normal(size=(pupils, 3)), columns=["absent_share", "mark_points", "lot"])
    features.loc[generator.uniform(size=pupils) < 0.1, "mark_points"] = np.nan
    logit = -4.2 + 1.2 * features["absent_share"] - features["mark_points"].fillna(0)
    label = (generator.uniform(size=pupils) < probability_of(logit.to_numpy())).astype(float)
    return features, label, logit.to_numpy()


def drawn(features, label, most_rows, cohort=1):
    draw = draw_for(int(label.sum()), int((1 - label).sum()), most_rows)
    chosen = draw.chosen(lots(content_of(features.to_numpy(), label), cohort, 7), label)
    return draw, chosen


@pytest.mark.parametrize(
    ("left", "stayed", "most", "expected"),
    [
        (10, 90, 0, Draw()),
        (10, 90, 100, Draw()),
        (10, 990, 109, Draw(1.0, 0.1)),
        (400, 600, 400, Draw(0.5, 200 / 600)),
        (900, 100, 500, Draw(400 / 900, 1.0)),
        (0, 100, 50, Draw(1.0, 0.5)),
    ],
)
def test_leavers_fill_at_most_half_and_nobody_leaves_room_empty(left, stayed, most, expected):
    assert draw_for(left, stayed, most) == expected


def test_about_as_many_rows_are_drawn_as_were_asked_for():
    features, label, _ = country()
    _, chosen = drawn(features, label, 4000)
    assert abs(int(chosen.sum()) - 4000) < 4 * np.sqrt(4000)
    assert chosen[label == 1].all()


def test_a_row_has_one_content_however_nothing_and_no_value_are_written_and_wherever_it_lies():
    other_nan = np.array([0xFFF8_0000_0000_0001], dtype=np.uint64).view(np.float64)[0]
    rows = np.array([[0.0, np.nan], [-0.0, other_nan], [np.inf, -1.5], [-np.inf, -1.5], [5e-324, 1.0]])
    label = np.array([0.0, 0.0, 1.0, 1.0, np.nan])
    content = content_of(rows, label)
    assert content[0] == content[1]
    assert content.tolist()[1:] == [  # what was drawn once is drawn again
        11481927271367835648,
        5130903278272011978,
        14149907233560582506,
        8560587660300920532,
    ]
    np.testing.assert_array_equal(content_of(np.asfortranarray(rows), label), content)


def test_neither_the_order_of_rows_nor_the_other_rows_move_a_lot():
    features, label, _ = country(500)
    content = content_of(features.to_numpy(), label)
    turned = np.random.default_rng(0).permutation(500)
    np.testing.assert_array_equal(lots(content[turned], 1, 7), lots(content, 1, 7)[turned])
    np.testing.assert_array_equal(lots(content[:200], 1, 7), lots(content, 1, 7)[:200])


def test_a_share_of_pupils_of_one_content_is_drawn_and_not_all_or_none():
    lot = lots(np.zeros(20_000, dtype=np.uint64), 1, 7)
    assert abs((lot < 0.2).mean() - 0.2) < 0.02
    assert lot.min() >= 0
    assert lot.max() < 1


def test_cohorts_and_seeds_draw_unlike_lots():
    content = np.arange(5000, dtype=np.uint64)
    several = [lots(content, *which) for which in ((1, 7), (2, 7), (1, 8))]
    assert np.abs(np.corrcoef(several)[np.triu_indices(3, 1)]).max() < 0.06


def test_a_row_drawn_by_a_smaller_share_is_drawn_by_a_larger_one():
    lot, label = np.linspace(0, 0.99, 50), np.tile([0.0, 1.0], 25)
    small, large = Draw(0.5, 0.1).chosen(lot, label), Draw(1.0, 0.2).chosen(lot, label)
    assert not (small & ~large).any()


@pytest.mark.parametrize("kind", ["boosting", "logistic", "forest"])
def test_the_mean_prediction_is_the_share_that_left_though_half_of_those_drawn_did(kind):
    # From a third of them a fit of three features follows chance, and predicts a sixth too much.
    features, label, _ = country(90_000)
    draw, chosen = drawn(features, label, 6000)
    recipe = Recipe(kind, left_share=draw.left, stayed_share=draw.stayed, forest_min_leaf_pupils=20)
    model = fit(recipe, features[chosen], label[chosen], {"absent_share": 1})
    assert label[chosen].mean() > 10 * label.mean()
    fresh, outcome, _ = country(seed=4)
    assert model.probability(fresh).mean() == pytest.approx(outcome.mean(), rel=0.12)


def test_a_drawn_model_says_the_true_log_odds_as_one_taught_by_all_does():
    features, label, logit = country()
    draw, chosen = drawn(features, label, 5000)
    recipe = Recipe("logistic", left_share=draw.left, stayed_share=draw.stayed)
    some = fit(recipe, features[chosen], label[chosen], {}).raw_score(features)
    every = fit("logistic", features, label, {}).raw_score(features)
    assert np.abs(some - logit).mean() < 0.25
    assert np.abs(every - logit).mean() < 0.25


def test_reasons_of_a_drawn_model_start_from_the_mean_score_of_the_country():
    features, label, _ = country()
    draw, chosen = drawn(features, label, 2000)
    recipe = Recipe("boosting", trees=40, left_share=draw.left, stayed_share=draw.stayed)
    model = fit(recipe, features[chosen], label[chosen], {"absent_share": 1})
    values, base, *_ = shapley(model, features[:2000])
    raw = model.raw_score(features)
    np.testing.assert_allclose(base + values.sum(axis=1), raw[:2000], rtol=0, atol=1e-9)
    assert base == pytest.approx(raw.mean(), abs=0.1)
    assert draw.shift < -2


def test_a_whole_draw_changes_no_byte_of_a_model():
    features, label, _ = country(3000)
    plain = fit(Recipe("boosting", trees=10), features, label, {})
    named = fit(Recipe("boosting", trees=10, left_share=1.0, stayed_share=1.0), features, label, {})
    assert named.to_text() == plain.to_text()
