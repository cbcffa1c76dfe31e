"""Laws of the audit of groups."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmodel.risk.fairness.audit import audit
from riskmodel.risk.fairness.differences import adjusted
from riskmodel.risk.fairness.figures import FIGURES, counts_of, figures, jeffreys, pupil_replicates
from riskmodel.risk.fairness.tally import Audited, Cells
from riskmodel.risk.fairness.trade_off import false_alarms_needed

COUNT = st.integers(0, 500)


@st.composite
def cohorts(draw):
    """Return a small cohort with two traits, some of them unknown, some outcomes censored, some places shared by ties."""
    pupils = draw(st.integers(1, 60))

    def column(values):
        return draw(st.lists(st.sampled_from(values), min_size=pupils, max_size=pupils))

    return {
        "school_id": pd.Series(column(["1", "2", "3"])),
        "label": np.array(column([0.0, 1.0, np.nan])),
        "chance": np.array(column([0.0, 0.5, 1.0])),
        "probability": np.array(column([0.0, 0.1, 0.5, 0.9, 1.0])),
        "traits": pd.DataFrame({"sex": column(["f", "m", None]), "low_income": column([True, False])}),
    }


@given(cohort=cohorts(), seed=st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_neither_the_order_of_rows_nor_the_names_of_schools_change_a_figure(cohort, seed):
    order = np.random.default_rng(seed).permutation(len(cohort["label"]))
    other = {
        "school_id": cohort["school_id"].map({"1": "9", "2": "8", "3": "7"}).iloc[order].reset_index(drop=True),
        **{name: cohort[name][order] for name in ("label", "chance", "probability")},
        "traits": cohort["traits"].iloc[order].reset_index(drop=True),
    }
    one, two = (audit(Audited.of(**each)) for each in (cohort, other))
    for own, moved in zip(one.compared, two.compared, strict=True):
        assert own.partition.groups == moved.partition.groups
        np.testing.assert_allclose(own.value, moved.value, rtol=1e-9)
        np.testing.assert_allclose(own.probability, moved.probability, rtol=1e-6, atol=1e-12)


@given(cohort=cohorts())
@settings(max_examples=60, deadline=None)
def test_the_groups_of_a_trait_hold_every_pupil_with_an_outcome_once(cohort):
    cells = Cells.of(Audited.of(**cohort))
    for own in cells.partitions():
        if not own.is_pair:
            np.testing.assert_allclose(own.sums(cells.sums).sum(axis=0), cells.sums.sum(axis=0))
    assert cells.sums[:, 0].sum() == (~np.isnan(cohort["label"])).sum()


@given(reached=COUNT, missed=COUNT, false=COUNT, quiet=COUNT)
def test_any_list_is_bound_by_the_share_who_left(reached, missed, false, quiet):
    sums = np.array([reached + missed + false + quiet, reached + missed, reached + false, reached, 1.0])
    found = dict(zip(FIGURES, figures(sums), strict=True))
    assert counts_of(sums).tolist() == [reached, missed, false, quiet]
    if reached and false + quiet:
        needed = false_alarms_needed(sums[1] / sums[0], found["missed_share"], found["precision"])
        assert needed == pytest.approx(found["false_alarm_share"], abs=1e-9)


@given(raw=st.lists(st.floats(0, 1) | st.just(np.nan), max_size=30))
def test_adjusted_probabilities_are_no_smaller_and_keep_their_order(raw):
    raw = np.array(raw, dtype=float)
    found = adjusted(raw)
    known = ~np.isnan(raw)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(raw))
    assert (found[known] >= np.minimum(raw[known], 1) - 1e-15).all()
    assert (found[known] <= 1).all()
    assert (np.diff(found[known][np.argsort(raw[known], kind="stable")]) >= 0).all()
    if known.any():
        assert np.nanmin(found) == pytest.approx(min(1.0, np.nanmin(raw) * known.sum()))


@given(counts=st.lists(st.tuples(COUNT, COUNT, COUNT, COUNT), min_size=1, max_size=4), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_replicates_of_pupils_are_shares(counts, seed):
    drawn = pupil_replicates(np.array(counts, dtype=float), 20, seed)
    known = drawn[~np.isnan(drawn)]
    assert ((known >= 0) & (known <= 1)).all()
    np.testing.assert_array_equal(drawn, pupil_replicates(np.array(counts, dtype=float), 20, seed))


@given(those=st.integers(0, 40), others=st.integers(0, 40), parts=st.floats(1, 5))
def test_an_interval_of_fewer_people_is_wider_and_holds_the_share(those, others, parts):
    people = those + others
    if not people:
        assert np.isnan(jeffreys(np.array([np.nan]), np.array([0.0]))).all()
        return
    share = np.array([those / people])
    (low,), (high,) = jeffreys(share, np.array([float(people)]))
    (lower,), (higher,) = jeffreys(share, np.array([people / parts]))
    assert low <= share[0] <= high
    assert higher - lower >= high - low - 1e-9
