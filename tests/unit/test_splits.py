"""Which cohorts may teach."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from riskmodel.errors import UsageError
from riskmodel.risk.label import Window
from riskmodel.risk.splits import backtests, may_train, school_folds, training_windows


def december(year):
    """A cohort cut on 20 December with a window to 30 September and 30 days of delay."""
    return Window(
        cut_off=date(year, 12, 20),
        school_year_on=date(year, 9, 2),
        horizon_on=date(year + 1, 9, 30),
        delay_days=30,
        term_on=date(year, 9, 2),
    )


WINDOWS = [december(year) for year in (2021, 2022, 2023, 2024)]


def test_the_cohort_of_last_december_is_mature_and_not_strict():
    assert may_train(december(2023), december(2024), "mature")
    assert not may_train(december(2023), december(2024), "strict")
    assert may_train(december(2022), december(2024), "strict")


def test_a_cohort_whose_outcomes_are_known_a_day_late_may_not_teach():
    late = Window(date(2023, 12, 20), date(2023, 9, 1), date(2024, 11, 21), 30, date(2023, 9, 1))
    punctual = Window(date(2023, 12, 20), date(2023, 9, 1), date(2024, 11, 20), 30, date(2023, 9, 1))
    assert not may_train(late, december(2024), "mature")
    assert may_train(punctual, december(2024), "mature")


def test_the_present_cohort_never_teaches_itself():
    assert december(2024) not in training_windows(WINDOWS, december(2024))
    assert training_windows(WINDOWS[::-1], december(2024)) == tuple(WINDOWS[:3])


def test_a_backtest_is_made_for_every_cohort_with_outcomes_and_teachers():
    found = [
        (test.test.cut_off.year, test.split_code, len(test.train)) for test in backtests(WINDOWS, date(2024, 12, 20))
    ]
    assert found == [(2022, "mature", 1), (2023, "mature", 2), (2023, "strict", 1)]


def test_all_pupils_of_a_school_share_a_fold_and_folds_are_of_like_size():
    schools = pd.Series(np.repeat([f"s{number}" for number in range(20)], np.arange(20, 0, -1)))
    fold = school_folds(schools, folds=3, seed=1)
    assert (pd.Series(fold).groupby(schools.to_numpy()).nunique() == 1).all()
    assert np.ptp(np.bincount(fold)) <= 2


def test_folds_follow_the_school_and_not_the_row():
    schools = pd.Series(list("aabbbccdde"))
    turned = schools.iloc[::-1]
    assert school_folds(turned, 2, seed=4).tolist() == school_folds(schools, 2, seed=4).tolist()[::-1]


def test_more_folds_than_schools_are_refused():
    with pytest.raises(UsageError, match="2 schools for 3 folds"):
        school_folds(pd.Series(["a", "b"]), folds=3, seed=1)
