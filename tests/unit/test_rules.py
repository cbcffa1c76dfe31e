"""The simple rules."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from riskmodel.errors import UsageError
from riskmodel.risk.features import FEATURES
from riskmodel.risk.rules import COUNTED, RULES, learn_from, rules_for, tally

NAN = np.nan


def pupils(**values):
    return pd.DataFrame(values), pd.Series(["1"] * len(next(iter(values.values()))))


def learnt(code, features, schools, label):
    return learn_from(code, [tally(code, features, schools, label)])


def order(code, **values):
    features, schools = pupils(**values)
    return learnt(code, features, schools, np.zeros(len(features))).raw_score(features, schools).tolist()


def test_every_feature_that_a_rule_needs_is_declared():
    declared = {feature.code for feature in FEATURES}
    needed = {code for rule in COUNTED.values() for alternatives in rule.needs for code in alternatives}
    assert needed <= declared


@pytest.mark.requirement("X4")
def test_the_legal_mark_is_more_than_twenty_unexcused_lessons():
    assert order("unexcused_over_20", unexcused_lessons_year=[20.0, 21.0, NAN]) == [0, 1, 0]


def test_chronic_absence_begins_at_ten_per_cent():
    assert order("absence_over_10", absent_share_year=[0.0999, 0.10, NAN]) == [0, 1, 0]


def test_on_track_means_at_most_one_failure_and_takes_the_first_known_count():
    found = order(
        "on_track",
        term_units_failed=[NAN, NAN, 1.0, NAN],
        term_low_subjects=[2.0, NAN, 9.0, NAN],
        low_subjects_year=[0.0, 1.0, 9.0, NAN],
    )
    assert found == [1, 0, 0, 0]


def test_abc_counts_absence_and_failure():
    found = order("abc", absent_share_year=[0.2, 0.2, 0.0, NAN], low_subjects_year=[1.0, 0.0, 1.0, NAN])
    assert found == [2, 1, 1, 0]


def test_an_earlier_measure_of_support_is_a_flag():
    assert order("previous_support", support_measures_2y=[0.0, 3.0, NAN]) == [0, 1, 0]


def test_a_lottery_has_no_order():
    assert order("random", absent_share_year=[0.1, 0.9]) == [0, 0]


def test_the_rate_of_a_school_is_drawn_to_that_of_all():
    schools = pd.Series(["1"] * 20 + ["2"] * 60)
    label = np.repeat([1.0, 0.0], [20, 60])
    rule = learnt("school_rate", pd.DataFrame(index=range(80)), schools, label)
    # overall .25: (20 + 20 × .25) / 40 and (0 + 20 × .25) / 80; a new school gets the rate of all
    found = rule.probability(pd.DataFrame(index=range(3)), pd.Series(["1", "2", "new"]))
    np.testing.assert_allclose(found, [0.625, 0.0625, 0.25])


def test_each_step_of_a_rule_has_the_share_that_training_taught():
    features, schools = pupils(absent_share_year=np.repeat([0.0, 0.5], [80, 20]))
    label = np.concatenate([np.repeat([1.0, 0.0], [8, 72]), np.repeat([1.0, 0.0], [12, 8])])
    rule = learnt("absence_over_10", features, schools, label)
    found = rule.probability(*pupils(absent_share_year=[0.0, 0.5]))
    np.testing.assert_allclose(found, [(8 + 4) / 100, (12 + 4) / 40])


def test_a_step_that_training_never_saw_gets_the_share_of_all():
    features, schools = pupils(absent_share_year=np.zeros(10))
    rule = learnt("absence_over_10", features, schools, np.repeat([1.0, 0.0], 5))
    assert rule.probability(*pupils(absent_share_year=[0.9])).tolist() == [0.5]


def test_a_rule_without_data_is_left_out():
    features = pd.DataFrame({"absent_share_year": [0.1, NAN], "low_subjects_year": [NAN, NAN]})
    assert rules_for(features) == ("random", "school_rate", "absence_over_10")


def test_an_unknown_rule_or_an_empty_past_is_refused():
    features, schools = pupils(absent_share_year=[0.1])
    with pytest.raises(UsageError, match="rule must be one of"):
        learnt("gut_feeling", features, schools, np.zeros(1))
    for code in RULES:
        with pytest.raises(UsageError, match="no pupils"):
            learnt(code, features.iloc[:0], schools.iloc[:0], np.zeros(0))


@pytest.mark.parametrize("code", ["school_rate", "absence_over_10"])
def test_cohorts_counted_one_by_one_teach_what_all_of_them_together_teach(code):
    features = pd.DataFrame({"absent_share_year": [0.2, 0.05, 0.3, 0.0, 0.15, 0.4]})
    schools, label = pd.Series(["1", "2", "1", "2", "3", "3"]), np.array([1.0, 0, 0, 1, 0, 1])
    parts = [slice(0, 2), slice(2, 6)]
    tallies = [tally(code, features.iloc[part], schools.iloc[part], label[part]) for part in parts]
    assert learn_from(code, tallies) == learnt(code, features, schools, label)
