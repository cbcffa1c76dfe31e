"""Shares of groups and their intervals: those of fairlearn, by hand, and by both laws of drawing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import (
    MetricFrame,
    false_negative_rate,
    false_positive_rate,
    selection_rate,
)
from groups_by_hand import audited, drawn
from sklearn.metrics import precision_score

from riskmodel.errors import UsageError
from riskmodel.risk.bootstrap import weights_of_clusters
from riskmodel.risk.fairness.differences import sums_by_school
from riskmodel.risk.fairness.figures import (
    FIGURES,
    OF_COUNTS,
    counts_of,
    figures,
    intervals,
    pupil_replicates,
    school_replicates,
)
from riskmodel.risk.fairness.tally import BETWEEN, LEFT, PUPILS, Audited, Cells

THEIRS = {
    "missed_share": false_negative_rate,
    "false_alarm_share": false_positive_rate,
    "precision": precision_score,
    "selected_share": selection_rate,
}


def theirs(cohort, features, metrics, **more):
    return MetricFrame(
        metrics=metrics, y_true=cohort["label"], y_pred=cohort["chance"], sensitive_features=features, **more
    )


@pytest.mark.parametrize("names", [["sex"], ["sex", "income"]])
def test_figures_of_groups_and_pairs_are_those_of_fairlearn(names):
    cohort = drawn(5000, 1)
    traits = pd.DataFrame(
        {"sex": cohort["traits"]["sex"], "income": np.where(np.arange(5000) % 3 == 0, "low", "other")}
    )
    cells = Cells.of(Audited.of(**{**cohort, "traits": traits}))
    own = next(one for one in cells.partitions() if one.trait == BETWEEN.join(names))
    found = pd.DataFrame(figures(own.sums(cells.sums)), index=list(own.groups), columns=list(FIGURES))
    expected = theirs(cohort, traits[names], THEIRS).by_group
    expected.index = [BETWEEN.join(key) if isinstance(key, tuple) else key for key in expected.index]
    assert len(found) == len(expected)
    for name in THEIRS:
        np.testing.assert_allclose(found[name], expected[name].reindex(found.index), rtol=1e-12)


def test_replicates_from_counts_spread_as_those_of_fairlearn():
    cohort = drawn(2000, 2)
    errors = {"missed_share": false_negative_rate, "false_alarm_share": false_positive_rate}
    frame = theirs(cohort, cohort["traits"]["sex"], errors, n_boot=60, ci_quantiles=[0.25, 0.75], random_state=3)
    cells = Cells.of(Audited.of(**cohort))
    own = next(cells.partitions())
    ours = pupil_replicates(counts_of(own.sums(cells.sums)), 4000, 5)
    for share, expected in zip((0.25, 0.75), frame.by_group_ci, strict=True):
        for number, group in enumerate(own.groups):
            for at, name in enumerate(errors):
                # 60 replicates know a quartile to a sixth of a standard deviation; four of these are allowed.
                gap = np.quantile(ours[:, number, at], share) - expected.loc[group, name]
                assert abs(gap) < 0.7 * ours[:, number, at].std()


def test_a_group_without_leavers_misses_no_share_instead_of_zero():
    sums = np.array([[10.0, 0.0, 2.0, 0.0, 1.0]])
    found = dict(zip(FIGURES, figures(sums)[0], strict=True))
    assert np.isnan(found["missed_share"])
    assert found["precision"] == 0
    assert found["calibration_gap"] == pytest.approx(0.1)
    assert found["false_alarm_share"] == pytest.approx(0.2)


def test_draws_of_pupils_move_around_the_figures_as_much_as_a_binomial():
    counts = np.array([[60.0, 40.0, 100.0, 800.0]])
    drawn_figures = pupil_replicates(counts, 4000, 1)[:, 0, OF_COUNTS.index("missed_share")]
    assert drawn_figures.mean() == pytest.approx(0.4, abs=0.005)
    assert drawn_figures.std() == pytest.approx(np.sqrt(0.4 * 0.6 / 100), rel=0.08)


def test_schools_that_are_drawn_once_give_the_figures_themselves():
    cells = Cells.of(audited(3000, 4))
    for own in cells.partitions():
        by_school = sums_by_school(cells, own)
        found = school_replicates(by_school, np.ones((cells.pupils.schools, 1)))[0]
        np.testing.assert_allclose(found, figures(own.sums(cells.sums)), rtol=1e-12)


def test_schools_that_err_alike_widen_the_interval_and_pupils_drawn_alone_do_not_see_it():
    cohort = drawn(8000, 6)
    school = cohort["school_id"].astype(int)
    hidden = (school % 2 == 0).to_numpy()  # in every other school, no leaver has a place
    cohort["chance"] = np.where(hidden & (cohort["label"] == 1), 0.0, np.maximum(cohort["chance"], cohort["label"]))
    cells = Cells.of(Audited.of(**cohort))
    own = next(cells.partitions())
    by_school = sums_by_school(cells, own)
    weights = weights_of_clusters(np.arange(cells.pupils.schools, dtype=np.int32), 500, 1).astype(float)
    of_schools, of_pupils = (
        intervals(each)
        for each in (school_replicates(by_school, weights), pupil_replicates(counts_of(by_school.sum(axis=1)), 500, 1))
    )
    at = FIGURES.index("missed_share")
    wide, narrow = ((high - low)[0, at] for low, high in (of_schools, of_pupils))
    assert wide > 2 * narrow


def test_a_censored_pupil_is_not_counted_and_pairs_hold_known_traits_alone():
    cohort = drawn(500, 8)
    cohort["label"][:100] = np.nan
    cells = Cells.of(Audited.of(**cohort))
    single, _, pair = cells.partitions()
    sums = single.sums(cells.sums)
    assert sums[:, PUPILS].sum() == 400
    assert sums[:, LEFT].sum() == np.nansum(cohort["label"])
    known = cohort["traits"]["low_income"].notna().to_numpy()[100:]
    assert pair.sums(cells.sums)[:, PUPILS].sum() == known.sum()
    assert set(pair.groups) == {"f+true", "f+false", "m+true", "m+false"}


def test_a_probability_above_one_is_refused():
    with pytest.raises(UsageError, match="from 0 to 1"):
        audited(50, 1, probability=np.full(50, 1.1))
