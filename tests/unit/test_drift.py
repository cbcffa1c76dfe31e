"""Drift of features."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from riskmodel.errors import UsageError
from riskmodel.risk.drift import drift, psi
from riskmodel.tables.results import DRIFT


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
