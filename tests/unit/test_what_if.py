"""What if: better values alone, at most four, then all together, and the model's own answer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from riskmodel.risk.bands import band_of
from riskmodel.risk.calibration import Calibrator
from riskmodel.risk.feature import FALLS, FREE, RISES, Feature
from riskmodel.risk.model import fit
from riskmodel.risk.what_if import MOST_ASSUMED, assumptions, what_if
from riskmodel.tables.scores import WHAT_IF

DIRECTIONS = {"a": RISES, "b": RISES, "c": FALLS, "d": RISES, "e": RISES, "fixed": RISES, "free": FREE}
CODES = list(DIRECTIONS)
CATALOGUE = [
    Feature(code, "attendance", "share", "year", "", direction, (), is_malleable=code != "fixed")
    for code, direction in DIRECTIONS.items()
]
BANDS = pd.DataFrame({"band_code": ["low", "medium", "high"], "lowest_probability": [0.0, 0.3, 0.6]})
CALIBRATOR = Calibrator(slope=0.9, shift=-0.1)


def assumed_of(own, usual, moved):
    """Assumptions of pupils whose features are all among the strongest."""
    own, usual, moved = (np.array(values, dtype=float, ndmin=2) for values in (own, usual, moved))
    chosen = np.tile(np.arange(own.shape[1]), (len(own), 1))
    return assumptions(pd.DataFrame(own, columns=CODES), moved, chosen, usual, CATALOGUE)


def test_only_what_a_school_can_change_that_raises_and_has_a_better_usual_value_is_assumed():
    ones = np.ones(7)
    found = assumed_of(ones * 5, ones * 2, ones)
    assert [CODES[feature] for feature in found.feature] == ["a", "b", "d", "e"]  # c falls: 2 is worse than 5
    found = assumed_of(ones * 2, ones * 5, ones)
    assert [CODES[feature] for feature in found.feature] == ["c"]
    assert len(assumed_of(ones * 5, ones * 2, -ones).feature) == 0
    assert len(assumed_of(ones * 5, ones * 5, ones).feature) == 0


def test_nothing_is_assumed_where_the_own_or_the_usual_value_is_not_known():
    ones, none = np.ones(7), np.full(7, np.nan)
    assert len(assumed_of(none, ones, ones).feature) == 0
    assert len(assumed_of(ones, none, ones).feature) == 0


def test_of_more_than_four_the_first_in_the_order_of_the_reasons_are_assumed():
    own = pd.DataFrame(np.full((1, 7), 5.0), columns=CODES)
    chosen = np.array([[6, 4, 3, 5, 1, 0, 2]])
    found = assumptions(own, np.ones((1, 7)), chosen, np.array([[1.0, 1, 1, 1, 1, 1, 9]]), CATALOGUE)
    assert [CODES[feature] for feature in found.feature] == ["e", "d", "b", "a"]
    assert len(found.feature) == MOST_ASSUMED


@pytest.fixture(scope="module")
def model():
    generator = np.random.default_rng(4)
    features = pd.DataFrame(generator.uniform(0, 1, (1500, 7)), columns=CODES)
    chance = 1 / (1 + np.exp(-(3 * features["a"] + 3 * features["b"] - 3 * features["c"] - 1.5)))
    label = (generator.uniform(size=1500) < chance).to_numpy(float)
    return fit("boosting", features, label, DIRECTIONS, seed=1, threads=1)


def test_the_answer_is_that_of_the_model_one_by_one_and_then_all_together(model):
    generator = np.random.default_rng(5)
    features = pd.DataFrame(
        generator.uniform(0, 1, (60, 7)), columns=CODES, index=pd.Index([f"p{n:02}" for n in range(60)])
    )
    chosen = np.array([generator.permutation(7) for _ in range(60)])
    usual = generator.uniform(0, 1, (60, 7))
    raw = model.raw_score(features)
    assumed = assumptions(features, np.ones((60, 7)), chosen, usual, CATALOGUE)
    rows = what_if(features, assumed, raw, model, CALIBRATOR, BANDS)
    assert tuple(rows.column_names) == WHAT_IF.column_names
    expected = []
    for pupil, name in enumerate(features.index):
        own = features.loc[[name]]
        single = {}
        for feature, value in zip(chosen[pupil], usual[pupil], strict=True):
            code = CODES[feature]
            is_better = (own[code].iloc[0] - value) * DIRECTIONS[code] > 0
            if code != "fixed" and is_better and len(single) < MOST_ASSUMED:
                single[code] = value
        lower = {
            code: value
            for code, value in single.items()
            if model.raw_score(own.assign(**{code: value}))[0] < raw[pupil]
        }
        asked = [({code: value}, code) for code, value in lower.items()]
        asked += [(lower, None)] if len(lower) > 1 else []
        for place, (values, code) in enumerate(asked, 1):
            probability = CALIBRATOR.probability(model.raw_score(own.assign(**values)))
            row = {"pupil_id": name, "place": place, "feature_code": code}
            row["own_value"] = None if code is None else own[code].iloc[0]
            row["assumed_value"] = None if code is None else values[code]
            expected.append(row | {"probability": probability[0], "band_code": band_of(probability, BANDS)[0]})
    assert len(expected) > 60
    assert rows.to_pylist() == expected
    assert None in {row["feature_code"] for row in expected}


def test_every_answer_is_below_the_present_probability(model):
    features = pd.DataFrame(np.random.default_rng(6).uniform(0, 1, (200, 7)), columns=CODES).rename(str)
    raw = model.raw_score(features)
    chosen = np.tile(np.arange(7), (200, 1))
    assumed = assumptions(features, np.ones((200, 7)), chosen, np.full((200, 7), 0.5), CATALOGUE)
    rows = what_if(features, assumed, raw, model, CALIBRATOR, BANDS).to_pandas()
    now = pd.Series(CALIBRATOR.probability(raw), index=features.index)
    assert (rows["probability"] < rows["pupil_id"].map(now)).all()
    together = rows[rows["feature_code"].isna()].set_index("pupil_id")["probability"]
    lowest = rows[rows["feature_code"].notna()].groupby("pupil_id")["probability"].min()
    assert (together <= lowest[together.index] + 1e-12).all()


def test_nobody_to_ask_for_gives_a_table_without_rows(model):
    features = pd.DataFrame(np.zeros((0, 7)), columns=CODES, index=pd.Index([], dtype=str))
    nothing = np.zeros((0, 7))
    assumed = assumptions(features, nothing, nothing.astype(np.intp), nothing, CATALOGUE)
    rows = what_if(features, assumed, np.zeros(0), model, CALIBRATOR, BANDS)
    assert rows.num_rows == 0
    assert tuple(rows.column_names) == WHAT_IF.column_names
