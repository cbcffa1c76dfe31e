"""Figures of a ranking and their intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from riskmodel.errors import UsageError
from riskmodel.risk.bootstrap import (
    FIGURES,
    Order,
    Roster,
    figures,
    interval,
    poisson_table,
    rank,
    rank_on,
    replicates,
    tenths,
    weights_of,
    with_places,
)
from riskmodel.risk.capacity import Capacity, chance_of_place


def cohort(pupils=300, schools=6, levels=None, seed=1):
    """Pupils whose probability is true; with ``levels`` the scores are rounded, so that many tie."""
    generator = np.random.default_rng(seed)
    raw = generator.normal(-1.5, 1, pupils)
    raw = np.round(raw * levels) / levels if levels else raw
    probability = 1 / (1 + np.exp(-raw))
    return pd.DataFrame(
        {
            "pupil_id": [f"p{number:05d}" for number in generator.permutation(pupils)],
            "school_id": generator.integers(0, schools, pupils).astype(str),
            "raw_score": raw,
            "probability": probability,
            "label": (generator.uniform(0, 1, pupils) < probability).astype(int),
        }
    )


def by_hand(frame, weights, capacity):
    """The capacity figures with every weight written out as that many pupils."""
    copies = frame.loc[frame.index.repeat(weights)].reset_index(drop=True)
    chance = chance_of_place(copies["raw_score"].to_numpy(), copies["school_id"], capacity)
    reached, left = (chance * copies["label"]).sum(), copies["label"].sum()
    return {
        "precision_at_capacity": reached / chance.sum(),
        "recall_at_capacity": reached / left,
        "selected_share": chance.sum() / len(copies),
        "false_alarm_share": (chance * (1 - copies["label"])).sum() / (len(copies) - left),
    }


@pytest.mark.parametrize("levels", [None, 2])
def test_a_weight_counts_as_that_many_pupils_in_every_figure(levels):
    frame = cohort(levels=levels)
    weights = weights_of(300, replicate=5, seed=3)
    of_row = weights[np.unique(frame["pupil_id"], return_inverse=True)[1]]
    places = Capacity(0.1).by_school(frame["school_id"])
    found = figures(rank(frame), weights)
    expected = {
        "auc": roc_auc_score(frame["label"], frame["raw_score"], sample_weight=of_row),
        "average_precision": average_precision_score(frame["label"], frame["raw_score"], sample_weight=of_row),
        "brier": brier_score_loss(frame["label"], frame["probability"], sample_weight=of_row),
        "log_loss": log_loss(frame["label"], frame["probability"], sample_weight=of_row),
        "calibration_gap": np.average(frame["probability"] - frame["label"], weights=of_row),
        **by_hand(frame, of_row, Capacity(places=places)),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12)


def by_scikit_learn(frame, of_row):
    return {
        "auc": roc_auc_score(frame["label"], frame["raw_score"], sample_weight=of_row),
        "average_precision": average_precision_score(frame["label"], frame["raw_score"], sample_weight=of_row),
        "brier": brier_score_loss(frame["label"], frame["probability"], sample_weight=of_row),
        "log_loss": log_loss(frame["label"], frame["probability"], sample_weight=of_row),
    }


@pytest.mark.parametrize("levels", [None, 1, 50])
@pytest.mark.parametrize("drawn", ["pupil", "school"])
def test_many_replicates_are_those_of_scikit_learn_with_whole_schools_drawn_or_not(levels, drawn):
    frame = cohort(pupils=1500, schools=12, levels=levels)
    ranking = rank(frame, cluster=drawn)
    found = replicates(ranking, 70, seed=2)
    clusters = np.unique(frame[f"{drawn}_id"].to_numpy(dtype=str), return_inverse=True)[1]
    for number in (0, 31, 32, 69):
        of_row = weights_of(ranking.clusters, number, 2)[clusters]
        for name, expected in by_scikit_learn(frame, of_row).items():
            assert abs(found[number, FIGURES.index(name)] - expected) < 1e-12, (number, name)


@pytest.mark.parametrize("levels", [None, 2])
def test_a_replicate_without_leavers_or_without_anybody_is_undefined_and_spoils_no_other(levels):
    frame = cohort(levels=levels)
    order = np.argsort(frame["pupil_id"].to_numpy())
    stayed = (frame["label"].to_numpy()[order] == 0).astype(np.uint8)
    ranking = rank(frame)
    without_leavers, nobody = figures(ranking, stayed), figures(ranking, np.zeros(300, dtype=np.uint8))
    assert np.isnan([without_leavers[name] for name in ("auc", "average_precision", "recall_at_capacity")]).all()
    expected = np.average(frame["probability"] ** 2, weights=stayed[np.argsort(order)])
    assert without_leavers["brier"] == pytest.approx(expected, abs=1e-12)
    assert np.isnan(list(nobody.values())).all()
    assert np.isnan(figures(ranking, 1 - stayed)["auc"])


def test_weights_up_to_255_carry_into_no_other_replicate():
    frame = cohort(pupils=3000)
    heavy = np.full(3000, 255, dtype=np.uint8)
    found, once = figures(rank(frame), heavy), figures(rank(frame))
    for name in ("auc", "average_precision", "brier", "ece"):
        assert found[name] == pytest.approx(once[name], abs=1e-12)


def test_other_places_on_the_same_ranking_are_those_of_a_new_one():
    frame = cohort(schools=12)
    for drawn in ("pupil", "school"):
        few, many = Capacity(0.05), Capacity(0.3)
        rosters = [
            Roster.of(frame["pupil_id"], frame["school_id"], frame["label"].to_numpy(dtype=float), capacity, drawn)
            for capacity in (few, many)
        ]
        order = Order.of(rosters[0], frame["raw_score"].to_numpy())
        first = rank_on(rosters[0], order, frame["probability"].to_numpy())
        moved = with_places(first, rosters[0].with_capacity(many, frame["school_id"]), order)
        np.testing.assert_array_equal(replicates(moved, 40, 1), replicates(rank(frame, many, drawn), 40, 1))
        chance = chance_of_place(frame["raw_score"].to_numpy(), frame["school_id"], many)
        np.testing.assert_allclose(order.chances(rosters[1]), chance, atol=1e-12)


def test_the_calibration_error_is_the_mean_distance_over_tenths():
    frame = cohort(pupils=500)
    gap = frame["probability"] - frame["label"]
    by_tenth = gap.groupby(tenths(frame["probability"].to_numpy()))
    assert figures(rank(frame))["ece"] == pytest.approx(by_tenth.sum().abs().sum() / 500, abs=1e-14)


def test_the_calibration_error_does_not_depend_on_the_order_of_the_scores():
    frame = cohort()
    turned = frame.assign(raw_score=np.random.default_rng(1).permutation(frame["raw_score"]))
    assert figures(rank(turned))["ece"] == pytest.approx(figures(rank(frame))["ece"], abs=1e-14)


def test_a_replicate_is_the_figures_of_its_weights():
    ranking = rank(cohort(levels=2))
    drawn = replicates(ranking, 4, seed=9)
    np.testing.assert_array_equal(drawn[2], list(figures(ranking, weights_of(300, 2, 9)).values()))


def test_a_school_drawn_twice_brings_its_pupils_and_its_places_twice():
    frame = cohort(schools=4)
    weights = np.array([2, 0, 1, 3], dtype=np.uint8)
    of_row = weights[frame["school_id"].astype(int)]
    capacity = Capacity(places={"0": 5, "1": 5, "2": 5, "3": 5})
    expected = by_hand(frame, of_row, Capacity(places={"0": 10, "2": 5, "3": 15}))
    found = figures(rank(frame, capacity, cluster="school"), weights)
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12)


def test_all_pupils_of_a_school_share_its_weight():
    frame = cohort(schools=3)
    ranking = rank(frame, cluster="school")
    assert ranking.clusters == 3
    only_first = figures(ranking, np.array([1, 0, 0], dtype=np.uint8))
    alone = figures(rank(frame[frame["school_id"] == "0"], cluster="school"))
    # The tenths of the calibration error are those of all schools.
    assert only_first | {"ece": 0} == pytest.approx(alone | {"ece": 0})


def test_the_order_of_rows_changes_no_figure_and_no_replicate():
    frame = cohort(levels=2)
    turned = frame.sample(frac=1, random_state=3)
    np.testing.assert_allclose(replicates(rank(turned), 5, 1), replicates(rank(frame), 5, 1), rtol=0, atol=1e-13)


def test_the_same_model_twice_has_a_paired_difference_of_nothing():
    frame = cohort()
    difference = replicates(rank(frame), 50, 1) - replicates(
        rank(frame.assign(raw_score=frame["raw_score"] * 2)), 50, 1
    )
    auc = difference[:, FIGURES.index("auc")]
    assert interval(auc) == (0.0, 0.0)


def test_a_paired_difference_is_narrower_than_the_two_intervals_apart():
    frame = cohort(pupils=2000)
    close = frame.assign(raw_score=frame["raw_score"] + np.random.default_rng(2).normal(0, 0.1, 2000))
    auc = FIGURES.index("auc")
    first, second = replicates(rank(frame), 200, 1)[:, auc], replicates(rank(close), 200, 1)[:, auc]
    low, high = interval(first - second)
    alone_low, alone_high = interval(first)
    assert high - low < (alone_high - alone_low) / 3


def test_the_interval_is_as_wide_as_the_known_error_of_a_share():
    frame = cohort(pupils=4000, schools=1)
    drawn = replicates(rank(frame), 1000, 5)[:, FIGURES.index("calibration_gap")]
    residual = frame["probability"] - frame["label"]
    assert drawn.std() == pytest.approx(residual.std() / np.sqrt(4000), rel=0.1)


def test_a_lottery_reaches_its_share_by_expectation_and_not_by_order_of_rows():
    frame = cohort(pupils=200, schools=1).assign(raw_score=0.0).sort_values("label")
    found = figures(rank(frame, Capacity(0.25)))
    assert found["recall_at_capacity"] == pytest.approx(0.25, abs=1e-12)
    assert found["precision_at_capacity"] == pytest.approx(frame["label"].mean(), abs=1e-12)
    assert found["auc"] == 0.5


def test_a_censored_pupil_takes_a_place_and_is_not_counted():
    frame = pd.DataFrame(
        {
            "pupil_id": list("abcd"),
            "school_id": "1",
            "raw_score": [4.0, 3.0, 2.0, 1.0],
            "probability": 0.5,
            "label": [np.nan, 1.0, 1.0, 0.0],
        }
    )
    ranking = rank(frame, Capacity(places={"1": 2}))
    found = figures(ranking)
    assert (ranking.pupils, ranking.left) == (3, 2)
    assert found["recall_at_capacity"] == 0.5
    assert found["precision_at_capacity"] == 1.0
    assert found["selected_share"] == pytest.approx(1 / 3)


def test_those_outside_the_count_still_take_their_places():
    frame = cohort(schools=1)
    top = (frame["raw_score"] >= frame["raw_score"].nlargest(30).min()).to_numpy()
    found = figures(rank(frame, Capacity(0.1)), None)
    beside = figures(rank(frame, Capacity(0.1), counted=~top))
    assert found["selected_share"] == pytest.approx(0.1)
    assert beside["selected_share"] == 0
    assert np.isnan(beside["precision_at_capacity"])


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_alone_has_no_auc(label):
    found = figures(rank(cohort().assign(label=label)))
    assert np.isnan(found["auc"])
    assert not np.isnan(found["brier"])


def test_nobody_counted_leaves_every_figure_undefined():
    frame = cohort().assign(label=np.nan)
    assert np.isnan(list(figures(rank(frame)).values())).all()
    assert np.isnan(replicates(rank(frame.iloc[:0]), 3, 1)).all()


def test_an_order_without_probability_has_no_brier_score_and_keeps_its_auc():
    found = figures(rank(cohort().assign(probability=np.nan)))
    assert np.isnan(found["brier"])
    assert found["auc"] > 0.5


def test_a_missing_score_or_a_label_of_another_value_is_refused():
    frame = cohort()
    with pytest.raises(UsageError, match="score for every pupil"):
        rank(frame.assign(raw_score=np.nan))
    with pytest.raises(UsageError, match="label of 0 or 1"):
        rank(frame.assign(label=2))


def test_the_weights_are_poisson_with_mean_and_variance_one():
    table = poisson_table().astype(float)
    assert table.mean() == pytest.approx(1, abs=1e-4)
    assert table.var() == pytest.approx(1, abs=1e-4)
    drawn = weights_of(100_001, replicate=0, seed=7).astype(float)
    assert drawn.mean() == pytest.approx(1, abs=0.02)
    assert drawn.var() == pytest.approx(1, abs=0.03)


def test_replicates_and_seeds_draw_unlike_weights():
    drawn = [weights_of(5000, replicate, seed).astype(float) for replicate, seed in [(0, 1), (1, 1), (0, 2), (1, 2)]]
    unlike = np.corrcoef(drawn)[np.triu_indices(4, 1)]
    assert np.abs(unlike).max() < 0.06


def test_an_interval_needs_most_replicates_to_be_defined():
    values = np.arange(100.0)
    values[:11] = np.nan
    assert np.isnan(interval(values)).all()
    assert np.isnan(interval(np.zeros(0))).all()
    values[:2] = 1.0
    assert not np.isnan(interval(values)).any()
