"""Low, medium, high."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmodel.errors import UsageError
from riskmodel.risk.bands import MOST_ROUNDED, band_of, bands, wilson
from riskmodel.tables.figures import BAND


def past(pupils=100, left=range(90, 100)):
    """Pupil i of 100 has probability i per cent; those in ``left`` left."""
    probability = np.arange(pupils) / 100
    return pd.DataFrame({"probability": probability, "label": np.isin(np.arange(pupils), list(left)).astype(float)})


def test_high_is_as_large_as_the_places_and_medium_twice_as_large():
    table = bands(past(), share=0.10)
    assert table["lowest_probability"].tolist() == [0.0, 0.70, 0.90]
    assert table["pupils"].tolist() == [70, 20, 10]
    assert tuple(table.columns) == BAND.column_names


def told(table):
    return table[["of_pupils", "left_of_them"]].astype(int).to_numpy().tolist()


def test_shares_of_all_bands_are_told_of_one_number_that_rounds_none_of_them_by_much():
    assert told(bands(past(left=[5, 75, 95, 96, 97]), share=0.10)) == [[1000, 14], [1000, 50], [1000, 300]]
    # 7 of 70; 2 of 20; 3 of 10
    assert told(bands(past(left=[*range(7), 70, 71, 95, 96, 97]), share=0.10)) == [[10, 1], [10, 1], [10, 3]]
    # 7 of 70; 1 of 20; 3 of 10
    assert told(bands(past(left=[*range(7), 70, 95, 96, 97]), share=0.10)) == [[100, 10], [100, 5], [100, 30]]


@given(st.lists(st.integers(0, 99), min_size=1, unique=True))
def test_a_told_share_lies_near_the_true_one(left):
    for _, band in bands(past(left=left), share=0.10).iterrows():
        if band["left"]:
            share = band["left"] / band["pupils"]
            # The smallest share that can occur here is 1 of 70.
            assert abs(band["left_of_them"] / band["of_pupils"] - share) <= MOST_ROUNDED * share


def test_a_band_that_nobody_left_says_none_of_a_thousand():
    low = bands(past(), share=0.10).iloc[0]
    assert (low["of_pupils"], low["left_of_them"], low["low"]) == (1000, 0, 0.0)
    assert low["high"] == pytest.approx(0.052, abs=0.001)


def test_without_outcomes_bands_have_limits_and_no_meaning():
    table = bands(past().assign(label=np.nan), share=0.10)
    assert table["lowest_probability"].tolist() == [0.0, 0.70, 0.90]
    assert table["left_of_them"].isna().all()
    assert table["low"].isna().all()


def test_a_censored_pupil_shapes_the_limits_and_is_not_counted():
    censored = past()
    censored.loc[95, "label"] = np.nan
    assert bands(censored, share=0.10)["pupils"].tolist() == [70, 20, 9]


def test_pupils_are_placed_by_the_limits_and_not_by_their_number():
    table = bands(past(), share=0.10)
    assert band_of(np.full(5, 0.2), table).tolist() == ["low"] * 5
    assert band_of(np.array([0.6999, 0.70, 0.8999, 0.90, 1.0]), table).tolist() == [
        "low",
        "medium",
        "medium",
        "high",
        "high",
    ]


def test_places_for_half_of_the_pupils_leave_no_low_band():
    table = bands(past(), share=0.5)
    assert table["lowest_probability"].tolist() == [0.0, 0.0, 0.5]
    assert table["pupils"].tolist() == [0, 50, 50]


@pytest.mark.parametrize("share", [0.0, 1.5])
def test_an_impossible_share_is_refused(share):
    with pytest.raises(UsageError, match="share"):
        bands(past(), share)


def test_no_pupils_are_refused():
    with pytest.raises(UsageError, match="0 pupils"):
        bands(past().iloc[:0], 0.1)


def test_the_wilson_interval_is_the_published_one():
    # Newcombe 1998, table I: 81 of 263, without continuity correction.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20)[0] == 0.0
    assert wilson(20, 20)[1] == 1.0
    assert np.isnan(wilson(0, 0)).all()
