"""Weeks of the journal are folded as they go by only where they come in order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmodel.sources.weeks import ScatteredError, _LastWeeks

RUNS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(-2, 6), st.integers(0, 2)), min_size=1)
"""Pupil, school, first week and how many more: rows of a pupil in a school that stand together."""


def comes_in_order(runs, last_week):
    for pupil, school, first, more in runs:
        if last_week.get((pupil, school), first - 1) >= first:
            return False
        last_week[pupil, school] = first + more
    return True


@given(st.lists(RUNS, min_size=1, max_size=4))
def test_a_week_of_a_pupil_in_a_school_comes_after_those_before(parts):
    noted, expected = _LastWeeks(), {}
    for runs in parts:
        pupils, schools, first, more = np.array(runs, np.int32).T
        days = np.stack([first, first + more], axis=1).ravel() * 7  # a Thursday each
        rows = {"pupil_id": pupils.repeat(2), "school_id": schools.repeat(2), "happened_on": days}
        begins = np.arange(0, len(days), 2)
        if not comes_in_order(runs, expected):
            with pytest.raises(ScatteredError):
                noted.note(rows, begins)
            return
        noted.note(rows, begins)
