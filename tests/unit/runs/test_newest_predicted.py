"""Which predicted cohort makes the headline of a run: the newest one out of time; in the first years, out of school."""

from __future__ import annotations

from datetime import date

import pytest

from riskmodel.risk.splits import SCHOOL_DISJOINT, SPLITS
from riskmodel.runs.predictions import Newest, newest_predicted
from riskmodel.settings import HEADLINE_SPLITS
from riskmodel.tables.scores import PREDICTION
from riskmodel.views.words import SPLITS as WORDS_OF_SPLITS

OLD, NEW = date(2022, 12, 20), date(2023, 12, 20)


@pytest.mark.parametrize(
    ("tested", "newest"),
    [
        pytest.param([], None, id="nothing was predicted"),
        pytest.param([(OLD, "mature"), (NEW, "mature"), (NEW, "strict")], Newest(1, NEW, "mature"), id="out of time"),
        pytest.param([(OLD, SCHOOL_DISJOINT), (NEW, "mature")], Newest(1, NEW, "mature"), id="out of time goes first"),
        pytest.param([(OLD, "mature"), (NEW, SCHOOL_DISJOINT)], Newest(0, OLD, "mature"), id="even if it is older"),
        pytest.param([(NEW, SCHOOL_DISJOINT)], Newest(0, NEW, SCHOOL_DISJOINT), id="out of school"),
        pytest.param([(NEW, "strict")], None, id="the strict split makes no headline"),
    ],
)
def test_the_headline_is_of_the_newest_cohort_out_of_time_and_else_of_the_newest_out_of_school(tested, newest):
    assert newest_predicted(tested) == newest


def test_the_splits_of_the_headline_are_made_declared_and_told_in_words():
    assert set(HEADLINE_SPLITS) <= {*SPLITS, SCHOOL_DISJOINT} <= set(PREDICTION.column("split_code").codes)
    assert set(HEADLINE_SPLITS) <= set(WORDS_OF_SPLITS)
