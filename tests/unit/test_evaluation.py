"""Figures of models and rules on past cohorts."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from riskmodel.errors import UsageError
from riskmodel.risk.bands import wilson
from riskmodel.risk.bootstrap import figures, rank
from riskmodel.risk.capacity import Capacity
from riskmodel.risk.drift import Spread
from riskmodel.risk.evaluation import Measuring, Outcomes, calibration_table, evaluate
from riskmodel.tables.figures import CALIBRATION, EVALUATION

CUT_OFF = date(2023, 12, 20)
MEASURING = Measuring(Capacity(0.2), replicates=100, seed=1)


@pytest.fixture(scope="module")
def predictions():
    """One cohort of 200 pupils in two schools, scored by the default model and by a lottery; 20 are censored."""
    generator = np.random.default_rng(5)
    raw = generator.normal(-1, 1.5, 200)
    probability = 1 / (1 + np.exp(-raw))
    label = (generator.uniform(0, 1, 200) < probability).astype(float)
    label[:20] = np.nan
    model = pd.DataFrame(
        {
            "cohort_on": CUT_OFF,
            "split_code": "mature",
            "model_code": "boosting",
            "pupil_id": [f"p{number:03d}" for number in range(200)],
            "school_id": np.where(np.arange(200) % 2, "1", "2"),
            "raw_score": raw,
            "probability": probability,
            "label": label,
            "was_seen": np.arange(200) % 4 == 0,
            "left_on": [CUT_OFF + timedelta(days=number) if left == 1 else None for number, left in enumerate(label)],
        }
    )
    lottery = model.assign(model_code="random", raw_score=0.0, probability=0.3)
    return pd.concat([model, lottery.sample(frac=1, random_state=1)], ignore_index=True)


@pytest.fixture(scope="module")
def evaluation(predictions):
    return evaluate(predictions, MEASURING)


def row(evaluation, metric, model="boosting", subset="all"):
    found = evaluation.query("metric_code == @metric and model_code == @model and subset_code == @subset")
    assert len(found) == 1
    return found.iloc[0]


def test_the_columns_and_codes_are_the_declared_ones(evaluation):
    assert tuple(evaluation.columns) == EVALUATION.column_names
    assert set(evaluation["metric_code"]) == set(EVALUATION.column("metric_code").codes)
    assert not evaluation.duplicated(list(EVALUATION.key)).any()


def test_a_value_is_that_of_the_ranking_and_lies_in_its_interval(predictions, evaluation):
    model = predictions[predictions["model_code"] == "boosting"]
    expected = figures(rank(model, MEASURING.capacity))
    for metric in ("auc", "brier", "recall_at_capacity"):
        found = row(evaluation, metric)
        assert found["value"] == pytest.approx(expected[metric])
        assert found["low"] < found["value"] < found["high"]
    assert found["pupils"] == 180
    assert found["left"] == model["label"].sum()


def test_the_gain_over_a_rule_is_the_default_minus_the_rule(evaluation):
    gain = row(evaluation, "auc_gain", model="random")
    assert gain["value"] == pytest.approx(row(evaluation, "auc")["value"] - 0.5)
    assert gain["low"] > 0
    assert evaluation.query("metric_code == 'auc_gain' and model_code == 'boosting'").empty


def test_the_bounds_count_every_censored_pupil_as_left_and_as_stayed(predictions, evaluation):
    observed = row(evaluation, "auc")["left"]
    assert row(evaluation, "auc", subset="all_censored_left")["left"] == observed + 20
    assert row(evaluation, "auc", subset="all_censored_stayed")["left"] == observed
    assert row(evaluation, "auc", subset="all_censored_stayed")["pupils"] == 200


def test_pupils_of_the_training_data_are_not_counted_among_the_unseen(predictions, evaluation):
    unseen = predictions.query("model_code == 'boosting' and not was_seen and label == label")
    assert row(evaluation, "auc", subset="not_seen_before")["pupils"] == len(unseen)


def test_those_with_support_and_those_without_are_counted_apart_and_together_are_all(predictions):
    supported = predictions.assign(was_supported=predictions["pupil_id"].astype(str).str.endswith(("1", "2", "3")))
    found = evaluate(supported, Measuring(replicates=20))
    with_it, without = (row(found, "auc", subset=subset)["pupils"] for subset in ("supported", "unsupported"))
    assert with_it > 0
    assert with_it + without == row(found, "auc")["pupils"]


def test_a_subset_without_its_column_is_not_invented(evaluation):
    assert "unsupported" not in set(evaluation["subset_code"])


@pytest.mark.requirement("R8")
def test_lead_days_are_the_median_over_leavers_with_a_place():
    # Four leavers, two places: those of the highest scores left after 30 and 50 days.
    frame = pd.DataFrame(
        {
            "cohort_on": CUT_OFF,
            "split_code": "mature",
            "model_code": "boosting",
            "pupil_id": list("abcde"),
            "school_id": "1",
            "raw_score": [5.0, 4.0, 3.0, 2.0, 1.0],
            "probability": 0.5,
            "label": [1, 1, 1, 1, 0],
            "left_on": [CUT_OFF + timedelta(days=days) for days in (50, 30, 5, 6, 7)],
        }
    )
    found = row(evaluate(frame, Measuring(Capacity(places={"1": 3}), 100)), "lead_days_median")
    assert found["value"] == 30
    assert found["low"] >= 5
    assert found["high"] == 50


def test_one_class_only_is_not_defined_and_stops_nothing(predictions):
    stayed = predictions.assign(label=0.0)
    found = row(evaluate(stayed, Measuring(replicates=20)), "auc")
    assert np.isnan([found["value"], found["low"], found["high"]]).all()
    assert found["left"] == 0


def test_models_that_score_other_pupils_cannot_be_paired(predictions):
    with pytest.raises(UsageError, match="the same pupils"):
        evaluate(predictions.iloc[:-1], Measuring(replicates=20))


def test_run_twice_gives_the_same_table_whatever_the_order_of_rows(predictions, evaluation):
    again = evaluate(predictions.sample(frac=1, random_state=9), MEASURING)
    pd.testing.assert_frame_equal(again, evaluation, check_exact=False, rtol=1e-12)


def test_tenths_hold_equal_numbers_with_wilson_intervals(predictions):
    model = predictions[predictions["model_code"] == "boosting"]
    table = calibration_table(model)
    assert tuple(table.columns) == CALIBRATION.column_names
    assert table["pupils"].tolist() == [18] * 10
    assert table["left"].sum() == model["label"].sum()
    last = table.iloc[-1]
    assert (last["low"], last["high"]) == wilson(last["left"], 18)


def test_equal_probabilities_share_one_tenth(predictions):
    lottery = predictions[predictions["model_code"] == "random"]
    table = calibration_table(lottery)
    assert table["bin_number"].tolist() == [10]
    assert table["mean_probability"].tolist() == pytest.approx([0.3])


def test_a_feature_that_knows_the_outcome_ranks_perfectly_alone():
    label = np.array([0.0, 0, 1, 1])
    features = pd.DataFrame({"leak": [1.0, 1, 0, 0], "useless": [1.0, 2, 1, 2], "partly": [np.nan, 1, 2, np.nan]})
    outcomes = Outcomes.of(label)
    values = {code: features[code].to_numpy(dtype=np.float64) for code in features.columns}
    found = {code: outcomes.auc_by(own, [Spread.of(own).known]) for code, own in values.items()}
    assert found == {"leak": 1.0, "useless": 0.5, "partly": 0.625}
