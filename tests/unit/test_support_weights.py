"""Those without support stand for those alike who had it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from riskmodel.bench.worth_support import measure_support
from riskmodel.errors import UsageError
from riskmodel.risk.model import fit
from riskmodel.risk.recipe import Recipe
from riskmodel.risk.support_weights import weights_without_support

PUPILS = 3_000


def pupils(seed=1):
    """Half of the pupils are poor, and every second of these has support; of the others one in twenty."""
    generator = np.random.default_rng(seed)
    poor = generator.uniform(size=PUPILS) < 0.5
    features = pd.DataFrame({"low_income": poor.astype(float), "noise": generator.normal(size=PUPILS)})
    return features, generator.uniform(size=PUPILS) < np.where(poor, 0.5, 0.05)


def test_of_two_pupils_alike_one_of_whom_has_support_the_other_stands_for_both():
    features, supported = pupils()
    weight = weights_without_support((features, supported), features, supported, seed=7)
    poor = features["low_income"] == 1
    assert (weight[supported] == 0).all()
    assert weight[poor & ~supported].mean() == pytest.approx(2, rel=0.1)
    assert weight[~poor & ~supported].mean() == pytest.approx(1 / 0.95, rel=0.03)
    assert weight.sum() == pytest.approx(PUPILS, rel=0.03)


def test_with_hardly_any_support_everybody_stands_for_one():
    features, supported = pupils()
    supported = supported & (np.cumsum(supported) <= 19)
    weight = weights_without_support((features, supported), features, supported, seed=7)
    assert set(weight) == {0.0, 1.0}


def test_nobody_stands_for_more_than_ten():
    features, _ = pupils()
    supported = (features["low_income"] == 1).to_numpy() & (np.arange(PUPILS) > 20)
    weight = weights_without_support((features, supported), features, supported, seed=7)
    assert weight.max() <= 10 + 1e-9


def test_weights_of_one_change_no_more_than_the_draw_of_rows_and_others_do():
    features, _ = pupils()
    label = (np.arange(PUPILS) % 7 == 0).astype(float)
    recipe = Recipe(trees=10, weight="weight")
    plain = fit(Recipe(trees=10), features, label, {}).raw_score(features)
    one = fit(recipe, features.assign(weight=1.0), label, {}).raw_score(features)
    more = fit(recipe, features.assign(weight=1.0 + 4 * label), label, {}).raw_score(features)
    assert one.mean() == pytest.approx(plain.mean(), abs=0.02)
    assert more.min() > plain.max()


@pytest.mark.parametrize(("kind", "weight"), [("logistic", 1.0), ("boosting", 0.0), ("boosting", np.nan)])
def test_a_weight_that_no_model_can_read_is_refused(kind, weight):
    features, _ = pupils()
    label = (np.arange(PUPILS) % 7 == 0).astype(float)
    with pytest.raises(UsageError, match="one above 0 for each row"):
        fit(Recipe(kind, weight="weight"), features.assign(weight=weight), label, {})


def test_the_risk_without_support_is_found_best_by_weights_and_worst_where_support_is_not_looked_at():
    """One drawn world of an exact seed; ``riskmodel.bench.worth_support`` draws more and larger ones."""
    found = measure_support(1, 5_000, recipe=Recipe(trees=80, learning_rate=0.1))
    missed = {method: -found[f"{method}.supported"] for method in ("not_looked_at", "column", "reweight")}
    assert missed["not_looked_at"] > missed["column"] > missed["reweight"]
    assert abs(found["reweight.all"]) < 0.02
