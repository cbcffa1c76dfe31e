"""How sure a score is: sets, widths, coverage, and who is set aside."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from riskmodel.errors import UsageError
from riskmodel.risk.capacity import Capacity
from riskmodel.risk.doubt import aside, coverage, sets, width
from riskmodel.risk.doubt.aside import Listed
from riskmodel.risk.doubt.sets import Sets
from riskmodel.risk.doubt.width import Said
from riskmodel.risk.model import probability_of
from riskmodel.tables.figures import COVERAGE

TENTHS = np.arange(1, 11) / 10


def test_the_limits_are_the_order_statistics_worked_by_hand():
    """Of nine of each class, ceil(10 x .8) = 8 must be held: but one of those who left, but one of those who stayed."""
    probability, label = np.concatenate([TENTHS[:9], TENTHS[:9]]), np.repeat([1.0, 0.0], 9)
    found = sets.learn([(probability, label)], 0.2)
    assert found == Sets(0.2, left_from=0.2, stayed_upto=0.8, left=9, stayed=9)
    assert found.is_unsure(TENTHS).tolist() == [False, *[True] * 7, False, False]


def test_scores_that_part_the_classes_leave_sets_of_neither_between_them():
    found = sets.learn([(np.concatenate([TENTHS, TENTHS + 10]), np.repeat([0.0, 1.0], 10))], 0.3)
    assert found.stayed_upto < found.left_from
    middle = np.array([(found.stayed_upto + found.left_from) / 2])
    assert not found.holds("left", middle)[0]
    assert not found.holds("stayed", middle)[0]
    assert found.is_unsure(middle)[0]


def test_with_too_few_of_a_class_every_set_holds_its_answer():
    found = sets.learn([(np.array([0.2, 0.9, 0.1]), np.array([1.0, 0.0, np.nan]))], 0.1)
    assert (found.left_from, found.stayed_upto, found.left, found.stayed) == (0.0, 1.0, 1, 1)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1])
def test_a_share_of_misses_outside_its_bounds_is_refused(share):
    with pytest.raises(UsageError, match="between 0 and 1"):
        sets.learn([], share)


def said(seed, school_sd=0.0, year=0.0, wobble=0.0, pupils=6000, schools=60):
    """What a model said of a cohort in which a school, and the year, add something that it does not know.

    The second model's log-odds stray by ``wobble`` from the first one's: twice as many leavers taught the first.
    """
    generator = np.random.default_rng(seed)
    raw = generator.normal(-1.5, 1, pupils)
    school = generator.integers(0, schools, pupils)
    effect = np.random.default_rng(99).normal(0, school_sd, schools)  # of the same schools in every cohort
    label = (generator.uniform(size=pupils) < probability_of(raw + effect[school] + year)).astype(float)
    other = raw + generator.normal(0, wobble, pupils)
    return Said(raw, probability_of(raw), label, school, 2000, other, 1000)


def test_the_width_finds_what_schools_share_and_what_years_do():
    found = width.learn(
        [said(seed, school_sd=0.5, year=year) for seed, year in enumerate((0.3, -0.3, 0.3, -0.3))], 2000
    )
    assert found is not None
    assert found.school == pytest.approx(0.5, abs=0.12)
    assert found.year == pytest.approx(0.3, abs=0.08)
    assert found.model == 0


def test_where_nothing_but_chance_is_at_work_the_width_is_small():
    found = width.learn([said(seed) for seed in range(4)], 2000)
    assert found is not None
    assert found.total < 0.1


def test_the_part_of_the_model_follows_from_two_models_and_shrinks_with_those_who_teach():
    """A difference of variance .09 between 1,000 and 2,000 leavers is that of 180 / 1,000 and 180 / 2,000."""
    cohorts = [said(seed, wobble=0.3) for seed in range(3)]
    few, many = width.learn(cohorts, 2000), width.learn(cohorts, 8000)
    assert few is not None
    assert many is not None
    assert few.model == pytest.approx((width.WITH_BIAS * 180 / 2000) ** 0.5, rel=0.03)
    assert many.model == pytest.approx(few.model / 2)


def test_a_past_that_is_too_short_gives_no_interval():
    one = said(1)
    assert width.learn([], 2000) is None
    assert width.learn([said(1, pupils=300)], 2000) is None  # too few leavers
    assert width.learn([said(1, schools=4)], 2000) is None
    assert width.learn([Said(one.raw_score, one.probability, one.label, one.school, 2000)], 2000) is None  # one model


def test_coverage_counts_each_class_in_each_group_and_says_nothing_of_too_few():
    known = Sets(0.2, left_from=0.3, stayed_upto=0.5, left=100, stayed=100)
    probability = np.concatenate([np.repeat([0.2, 0.4], [5, 20]), np.repeat([0.4, 0.9], [30, 10])])
    label = np.repeat([1.0, 0.0], [25, 40])
    traits = pd.DataFrame({"sex": ["f"] * 22 + ["m"] * 3 + ["f"] * 40})
    rows = coverage.coverage_rows(date(2023, 12, 20), known, probability, label, traits)
    table = coverage.coverage_table(rows).set_index(["trait_code", "group_value", "class_code"])
    assert (*table.index.names, *table.columns) == tuple(
        sorted(COVERAGE.column_names, key=[*table.index.names, *table.columns].index)
    )
    assert table.loc[("all", "all", "left"), "covered_share"] == 20 / 25
    assert table.loc[("all", "all", "stayed"), "covered_share"] == 30 / 40
    assert table.loc[("all", "all", "stayed"), "unsure_share"] == 30 / 40
    assert table.loc[("sex", "f", "left"), "pupils"] == 22
    assert table.loc[("sex", "m", "left"), ["pupils"]].tolist() == [3]
    assert np.isnan(table.loc[("sex", "m", "left"), "covered_share"])
    low, high = table.loc[("all", "all", "left"), ["low", "high"]]
    assert low < 0.8 < high


def listed(seed, leave_aside, pupils=2000, schools=40):
    """A cohort in which those of the highest scores are set aside, and leave with a chance of their own."""
    generator = np.random.default_rng(seed)
    raw = generator.normal(size=pupils)
    is_aside = (raw > 1) & (generator.uniform(size=pupils) < 0.5)
    chance = np.where(is_aside, leave_aside, probability_of(raw))
    label = (generator.uniform(size=pupils) < chance).astype(float)
    school = pd.Series(generator.integers(0, schools, pupils).astype(str))
    return Listed(raw, label, school, is_aside)


def test_setting_aside_is_on_where_those_set_aside_hardly_leave():
    found = aside.judge([listed(seed, 0.05) for seed in range(3)], Capacity(0.1), 200, 7)
    assert found.is_on
    assert found.low > 0
    assert found.places > 0


def test_setting_aside_is_off_where_those_set_aside_leave_like_others():
    found = aside.judge([listed(seed, 0.8) for seed in range(3)], Capacity(0.1), 200, 7)
    assert not found.is_on
    assert found.gain < 0


def test_one_cohort_decides_nothing():
    found = aside.judge([listed(1, 0.05)], Capacity(0.1), 200, 7)
    assert found.low > 0
    assert not found.is_on


def test_without_a_past_nothing_is_set_aside_and_json_can_hold_it():
    found = aside.judge([], Capacity(0.1), 200, 7)
    assert not found.is_on
    assert found.to_dict()["gain"] is None
