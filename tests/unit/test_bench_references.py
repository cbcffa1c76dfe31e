"""Learners are compared on the same pupils, with the same draws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from riskmodel.bench.references import Judge, Task, brief, frame, hist_boosting, rate_rule, scored

LABEL = np.array([1.0, 1, 0, 0, 1, 0, 0, 0, 1, 0] * 20)
GOOD = scored(LABEL + np.tile(np.arange(10), 20) / 20)
POOR = scored(np.tile(np.arange(10.0), 20))


def judge(**given):
    return Judge(np.array([f"{i:03d}" for i in range(len(LABEL))]), LABEL, 100, **given)


def test_the_paired_difference_of_a_learner_to_itself_is_nothing():
    table = judge().compare({"ours": [POOR], "same": [POOR]}).table("ours")
    row = table["same"]
    assert (row["ours_minus_this"], row["ours_minus_this_low"], row["ours_minus_this_high"]) == (0, 0, 0)


def test_a_better_ranking_has_an_interval_above_nothing():
    row = judge().compare({"ours": [GOOD], "poor": [POOR]}).table("ours")["poor"]
    assert 0 < row["ours_minus_this_low"] <= row["ours_minus_this"] <= row["ours_minus_this_high"]


def test_a_figure_is_the_mean_over_passes_and_its_spread_is_told():
    comparison = judge().compare({"ours": [GOOD, POOR], "good": [GOOD], "poor": [POOR]})
    table = comparison.table("ours")
    assert table["ours"]["auc"] == pytest.approx((table["good"]["auc"] + table["poor"]["auc"]) / 2)
    assert table["ours"]["auc_sd_over_passes"] > 0
    assert comparison.best({"ours", "poor"}) == "ours"


def test_places_are_given_within_each_school():
    # One school holds the highest scores, and nobody there leaves.
    school = np.where(np.arange(200) < 100, "1", "2")
    label = (school == "2").astype(float)
    high_in_first = scored(np.where(school == "1", 5.0, 0.0) + np.arange(200) / 1000)
    people = np.arange(200).astype(str)
    one_list = Judge(people, label, 0).compare({"x": [high_in_first]}).measured["x"].value
    by_school = Judge(people, label, 0, school).compare({"x": [high_in_first]}).measured["x"].value
    assert one_list["precision_at_capacity"] == 0
    assert by_school["precision_at_capacity"] == 0.5


def test_a_rule_learns_the_rate_of_each_count_and_takes_the_nearest_for_an_unseen_one():
    train = pd.DataFrame({"missed": [0, 0, 1, 1]})
    task = Task(train, np.array([0.0, 1.0, 1.0, 1.0]), pd.DataFrame({"missed": [0, 1, 9]}))
    zero, one, nine = rate_rule(lambda features: features["missed"].to_numpy(dtype=float))(task)
    assert zero == 0
    assert one == nine > zero


def test_the_same_seed_gives_the_same_scores():
    random = np.random.default_rng(1)
    features = pd.DataFrame({"a": random.uniform(size=200)})
    task = Task(features, LABEL, features, seed=3)
    assert np.array_equal(hist_boosting()(task), hist_boosting()(task))


def test_a_table_for_reading_begins_with_the_best():
    table = frame(judge().compare({"poor": [POOR], "ours": [GOOD]}).table("ours"))
    assert list(table.index) == ["ours", "poor"]
    assert np.isnan(table.loc["ours", "ours_minus_this"])


def test_the_brief_has_the_keys_that_scripts_read():
    row = judge().compare({"ours": [GOOD]}).table("ours")["ours"]
    assert set(brief(row)) == {"auc", "low", "high"}
