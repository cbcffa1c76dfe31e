"""Quantiles of sorted values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmodel.risk.quantiles import quantiles_of

TENTHS = np.arange(1, 10) / 10


@given(
    st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=60),
    st.lists(st.floats(0, 1), min_size=1, max_size=5),
)
def test_they_are_those_of_numpy_to_the_last_bit(values, shares):
    np.testing.assert_array_equal(quantiles_of(np.sort(values), shares), np.quantile(values, shares))


@pytest.mark.parametrize("size", [1, 2, 9, 10, 11, 1000])
def test_tenths_of_many_or_few_values_are_those_of_numpy(size):
    values = np.random.default_rng(size).normal(size=size)
    np.testing.assert_array_equal(quantiles_of(np.sort(values), TENTHS), np.quantile(values, TENTHS))


def test_a_missing_value_leaves_every_quantile_undefined():
    assert np.isnan(quantiles_of(np.array([1.0, np.nan]), TENTHS)).all()
