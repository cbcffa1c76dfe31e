"""What people may choose: moved scores, a model without a proxy, and which errors are to be equal."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from riskmodel.errors import UsageError
from riskmodel.risk.capacity import Capacity
from riskmodel.risk.evaluation import Measuring, ScoredCohort
from riskmodel.risk.fairness.audit import audit
from riskmodel.risk.fairness.proxies import proxy_costs
from riskmodel.risk.fairness.remedy import EQUAL, Listed, price_of, remedy_for
from riskmodel.risk.fairness.tally import Audited
from riskmodel.risk.fairness.trade_off import bounds, false_alarms_needed
from riskmodel.risk.predicted import Predicted

PUPILS, SCHOOLS = 20_000, 30


@pytest.fixture(scope="module")
def hidden():
    """A cohort in which the score of boys is one log-odds below what it should be."""
    generator = np.random.default_rng(5)
    is_boy = generator.uniform(size=PUPILS) < 0.5
    true = generator.normal(-2, 1, PUPILS)
    return {
        "school_id": pd.Series(generator.integers(0, SCHOOLS, PUPILS).astype(str)),
        "true": true,
        "raw": true - is_boy,
        "label": (generator.uniform(size=PUPILS) < 1 / (1 + np.exp(-true))).astype(float),
        "sex": pd.Series(np.where(is_boy, "m", "f")),
    }


def listed(cohort, trait=None):
    trait = cohort["sex"] if trait is None else trait
    return Listed.of(cohort["school_id"], cohort["raw"], cohort["label"], trait, Capacity(0.1))


def test_moved_scores_miss_leavers_of_both_groups_equally_often_at_the_same_places_of_every_school(hidden):
    own = listed(hidden)
    remedy = remedy_for(own)
    assert remedy.is_equal
    assert remedy.moves["m"] - remedy.moves["f"] == pytest.approx(1.0, abs=0.2)
    price = price_of(own, remedy.moves)
    before, after = ([price.figure(group, "missed_share")[at] for group in "fm"] for at in (0, 1))
    assert abs(before[0] - before[1]) > 0.2
    assert abs(after[0] - after[1]) < 2 * EQUAL + 1e-9
    given = (
        pd.Series(chance).groupby(hidden["school_id"]).sum() for chance in (own.chances(), own.chances(remedy.moves))
    )
    pd.testing.assert_series_equal(*given)


def test_the_price_counts_who_enters_and_who_leaves_the_list(hidden):
    own = listed(hidden)
    price = price_of(own, {"m": 1.0})
    chances = own.chances(), own.chances({"m": 1.0})
    left = hidden["label"] == 1
    enters = (chances[1] > 0.5) & (chances[0] < 0.5)
    assert price.entering == price.leaving == enters.sum()
    assert price.entering_left == (enters & left).sum()
    assert price.reached[1] - price.reached[0] == pytest.approx(price.entering_left - price.leaving_left)
    assert price.false_alarms[1] - price.false_alarms[0] == pytest.approx(price.leaving_left - price.entering_left)
    assert price.reached[1] > price.reached[0]  # the score was wrong: here the remedy costs nothing


def test_between_groups_of_different_schools_nothing_is_won_and_that_is_told(hidden):
    first = hidden["school_id"].astype(int) < SCHOOLS // 2
    unequal = {**hidden, "label": np.where(first & (np.arange(PUPILS) % 3 == 0), 1.0, hidden["label"])}
    remedy = remedy_for(listed(unequal, pd.Series(np.where(first, "a", "b"))))
    assert not remedy.is_equal
    assert remedy.largest_gap > 2 * EQUAL


def test_nothing_moves_unless_it_is_asked_for_and_an_unknown_group_is_refused(hidden):
    own = listed(hidden)
    np.testing.assert_array_equal(own.chances(), own.chances({}))
    with pytest.raises(UsageError, match="groups that a cohort has"):
        own.chances({"x": 1.0})


def test_false_alarms_that_equal_errors_need_follow_from_the_share_who_left():
    # 1000 pupils, 100 left, 60 of them with a place among 200: FPR is 140 of 900.
    assert false_alarms_needed(0.1, missed_share=0.4, precision=0.3) == pytest.approx(140 / 900)


def test_the_bound_of_a_group_like_all_is_its_own_share_of_false_alarms(hidden):
    probability = 1 / (1 + np.exp(-hidden["true"]))
    chance = (hidden["true"] > np.quantile(hidden["true"], 0.9)).astype(float)
    pupils = Audited.of(hidden["school_id"], hidden["label"], chance, probability, pd.DataFrame({"sex": hidden["sex"]}))
    for bound in bounds(audit(pupils)):
        assert bound.needed_false_alarm_share == pytest.approx(bound.false_alarm_share, abs=0.015)
        assert bound.left_share == pytest.approx(hidden["label"][hidden["sex"] == bound.group].mean())


def test_leaving_out_a_proxy_costs_accuracy_or_brings_groups_nearer_each_with_its_interval(hidden):
    scores = {"with": hidden["raw"], "without": hidden["true"]}
    predicted = Predicted(
        "2024-12-20",
        "mature",
        pd.Series([f"p{number:06d}" for number in range(PUPILS)]),
        hidden["school_id"],
        hidden["label"],
        {code: (raw, 1 / (1 + np.exp(-raw))) for code, raw in scores.items()},
    )
    cohort = ScoredCohort(predicted, Measuring(replicates=100))
    costs = {
        (one.figure, one.group): one
        for one in proxy_costs(cohort, "with", "without", pd.DataFrame({"sex": hidden["sex"]}))
    }
    assert costs["auc", ""].low > 0
    missed = costs["missed_share", "m"]
    assert missed.with_proxy > 0.2
    assert abs(missed.without_proxy) < 0.05
    assert missed.change == pytest.approx(missed.without_proxy - missed.with_proxy)
    assert missed.low < missed.change < missed.high < 0
    same = ScoredCohort(
        Predicted(**{**vars(predicted), "by_model": dict.fromkeys(scores, predicted.by_model["with"])}),
        Measuring(replicates=20),
    )
    alike = list(proxy_costs(same, "with", "without", pd.DataFrame({"sex": hidden["sex"]})))
    assert {(one.change, one.low, one.high) for one in alike} == {(0.0, 0.0, 0.0)}
    with pytest.raises(UsageError, match="with and without the proxy"):
        list(proxy_costs(same, "with", "another", pd.DataFrame({"sex": hidden["sex"]})))
