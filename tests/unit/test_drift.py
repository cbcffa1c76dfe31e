"""Drift of features."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from riskmodel.errors import UsageError
from riskmodel.risk.drift import RECORDED, Foretold, drift, foretold, psi, recorded_otherwise
from riskmodel.tables.figures import DRIFT


def test_equal_distributions_do_not_drift():
    values = np.tile(np.arange(50.0), 4)
    assert psi(values, values[::-1]) == 0


def test_a_flag_that_doubles_gives_the_index_worked_by_hand():
    before, now = np.repeat([0.0, 1.0], [80, 20]), np.repeat([0.0, 1.0], [60, 40])
    by_hand = (0.6 - 0.8) * math.log(0.6 / 0.8) + (0.4 - 0.2) * math.log(0.4 / 0.2)
    assert psi(before, now) == pytest.approx(by_hand, rel=1e-12)


def test_data_that_fall_silent_are_drift_and_not_zero():
    before = pd.DataFrame({"absent_share": np.linspace(0, 1, 100), "same": np.ones(100)})
    now = before.assign(absent_share=np.where(np.arange(100) < 50, np.nan, before["absent_share"]))
    table = drift(before, now).set_index("feature_code")
    assert table.loc["absent_share", "psi"] > 0.25
    assert table.loc["absent_share", ["missing_share_before", "missing_share_now"]].tolist() == [0.0, 0.5]
    assert table.loc["same", "psi"] == 0


def test_the_columns_are_the_declared_ones():
    frame = pd.DataFrame({"a": [1.0, 2.0], "only_before": [1.0, 1.0]})
    table = drift(frame, frame[["a"]])
    assert tuple(table.columns) == DRIFT.column_names
    assert table["feature_code"].tolist() == ["a"]


def test_a_feature_without_any_data_on_both_sides_does_not_drift():
    assert psi(np.full(5, np.nan), np.full(9, np.nan)) == 0


def test_drift_without_a_past_is_refused():
    with pytest.raises(UsageError, match="no rows"):
        drift(pd.DataFrame({"a": []}), pd.DataFrame({"a": [1.0]}))


def test_half_of_what_was_recorded_is_a_ratio_of_one_half_and_a_feature_below_zero_has_none():
    before = pd.DataFrame({"absent_share": [0.2, 0.4, np.nan], "slope": [-1.0, 1.0, 2.0], "zero": [0.0, 0.0, 0.0]})
    table = drift(before, before / 2).set_index("feature_code")
    assert table.loc["absent_share", "mean_ratio"] == pytest.approx(0.5)
    assert table.loc[["slope", "zero"], "mean_ratio"].isna().all()


@pytest.mark.parametrize(
    ("ratio", "psi_now", "is_told"),
    [(0.5, 0.3, True), (2.0, 0.3, True), (0.0, 3.0, True), (0.5, 0.05, False), (0.7, 0.3, False), (1.4, 0.3, False)],
)
def test_absences_recorded_otherwise_are_told_where_size_and_form_changed(ratio, psi_now, is_told):
    told = pd.DataFrame({"feature_code": ["absent_share_year", "mark_mean_points_year"]})
    table = told.assign(mean_ratio=[ratio, 0.1], psi=[psi_now, 9.0])
    found = recorded_otherwise(table, 1.5, 0.1)
    assert found.index.tolist() == (["absent_share_year"] if is_told else [])
    assert set(found.index) <= set(RECORDED)


def test_leavers_are_held_against_those_foretold_with_an_error_of_schools():
    """Two schools of four pupils each: one loses all that stay in the other; schools count, so nothing is certain."""
    found = foretold(np.full(8, 0.5), np.repeat([1.0, 0.0], 4), np.repeat([0, 1], 4), 10**9)
    assert (found.pupils, found.left, found.expected, found.ratio) == (8, 4, 4.0, 1.0)
    assert found.error == pytest.approx(math.sqrt(8) / 4)


def test_nobody_who_left_is_no_ratio_and_beyond_nothing():
    found = foretold(np.full(3, 0.1), np.array([0.0, 0.0, np.nan]), np.array([0, 0, 1]), 10)
    assert not found.is_beyond(1.1)
    assert found.to_dict()["ratio"] is None
    assert found.to_dict()["pupils"] == 2


@pytest.mark.parametrize(("error", "is_beyond"), [(0.03, True), (0.3, False)])
def test_thirty_per_cent_more_are_beyond_chance_in_a_country_and_not_in_a_few_schools(error, is_beyond):
    assert Foretold(1000, 130, 100.0, error).is_beyond(1.1) == is_beyond
    assert Foretold(1000, 100, 130.0, error).is_beyond(1.1) == is_beyond


def test_a_few_leavers_decide_nothing():
    assert Foretold(100_000, 150, 90.0, 0.01).is_beyond(1.1)
    assert not Foretold(100_000, 99, 50.0, 0.01).is_beyond(1.1)
