"""What a researcher looks at in the notebooks, also in the first years, when much is not known yet."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

from riskmodel.runs.looking import cohort_sizes, not_shown_to_be_worse, probability_bins, strongest


def gain(value: float | None, low: float | None, high: float | None) -> dict[str, object]:
    return {"auc_gain": {"value": value, "low": low, "high": high}}


def test_a_rival_is_named_unless_the_whole_interval_speaks_for_the_model() -> None:
    baselines = {"behind": gain(0.1, 0.05, 0.2), "open": gain(0.0, -0.1, 0.1), "ahead": gain(-0.2, -0.3, -0.1)}
    baselines |= {"unknown": gain(None, None, None), "without": {}}
    assert set(not_shown_to_be_worse({"baselines": baselines}).index) == {"open", "ahead", "unknown"}


def test_without_any_rival_the_table_is_empty() -> None:
    assert not_shown_to_be_worse({"baselines": {}}).empty


@pytest.mark.requirement("X6")
def test_cohort_sizes_count_every_pupil_and_the_share_among_known_outcomes_alone() -> None:
    day = pd.Timestamp("2023-12-20")
    outcomes = ["left", "continuing", "continuing", "abroad"]
    labels = pd.array([1, 0, 0, None], dtype="Int64")
    sizes = cohort_sizes(pd.DataFrame({"cohort_on": day, "outcome_class": outcomes, "label": labels})).loc[day]
    assert (sizes["pupils"], sizes["abroad"]) == (4, 1)
    assert round(sizes["left_share"], 3) == 0.333


def test_every_pupil_is_in_one_bin_of_the_histogram() -> None:
    bins = probability_bins(pd.DataFrame({"probability": [0.0, 0.001, 0.5, 0.5, 1.0]}))
    assert sum(count for *_, count in bins) == 5
    assert bins[-1][2] == 1


def test_the_strongest_feature_moves_scores_most_in_either_direction() -> None:
    contribution = pa.table({"pupil_id": ["a", "b"], "late_share_year": [0.2, 0.4], "absent_share_year": [-1.0, 0.5]})
    found = strongest(contribution)
    assert list(found.index) == ["absent_share_year", "late_share_year"]
    assert found["mean_absolute_contribution"].round(6).tolist() == [0.75, 0.3]
    assert found["raises_share"].tolist() == [0.5, 1.0]
    assert strongest(contribution, count=1).index.tolist() == ["absent_share_year"]
