"""Laws of extracts: no cell of quasi-identifiers is small, nothing is invented, and what is hidden is counted."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmodel.risk.anonymity import HIDDEN, Quasi, drawn_in, without_small_cells

QUASIS = (
    Quasi("school", is_given_up_first=True),
    Quasi("language", (lambda code: code if code == "lv" else "other",)),
    Quasi("stage", (lambda stage: "low" if stage in {"1", "2"} else "high", lambda stage: "any")),
    Quasi("sex"),
)
NAMES = [quasi.name for quasi in QUASIS]
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["2023", "2024"]),
        st.sampled_from(["a", "b", "c", "d", None]),
        st.sampled_from(["lv", "ru", "uk", None]),
        st.sampled_from(["1", "2", "3", "4"]),
        st.sampled_from(["f", "m", None]),
    ),
    max_size=80,
)


def frame(rows) -> pd.DataFrame:
    own = pd.DataFrame(rows, columns=["cohort", *NAMES], dtype=object)
    return own.assign(number=np.arange(len(own)))


@settings(max_examples=80, deadline=None)
@given(rows=ROWS, k=st.integers(1, 7), share=st.sampled_from([0.0, 0.05, 0.3, 1.0]))
def test_no_combination_of_quasi_identifiers_has_fewer_than_k_rows_in_its_cohort(rows, k, share):
    made = without_small_cells(frame(rows), QUASIS, "cohort", k, share)
    sizes = made.rows.groupby(["cohort", *NAMES], dropna=False).size()
    assert (sizes >= k).all()
    assert made.cells == len(sizes)
    assert made.smallest_cell == (sizes.min() if len(sizes) else 0)
    # Nor has one of fewer columns.
    for left_out in NAMES:
        names = ["cohort", *(name for name in NAMES if name != left_out)]
        assert (made.rows.groupby(names, dropna=False).size() >= k).all()


@settings(max_examples=50, deadline=None)
@given(rows=ROWS, k=st.integers(1, 7), share=st.sampled_from([0.0, 0.05, 1.0]))
def test_a_value_stays_or_becomes_the_coarser_one_of_its_level_or_hidden_and_all_is_counted(rows, k, share):
    given_rows = frame(rows)
    made = without_small_cells(given_rows, QUASIS, "cohort", k, share)
    assert len(made.rows) + made.left_out == len(given_rows)
    before = given_rows.set_index("number").loc[made.rows["number"]]
    assert list(before["cohort"]) == list(made.rows["cohort"])
    for quasi in QUASIS:
        level = made.levels[quasi.name]
        read = quasi.coarser[level - 1] if level else str
        expected = before[quasi.name].map(read, na_action="ignore")
        hidden = made.rows[quasi.name] == HIDDEN
        shown = made.rows.loc[~hidden, quasi.name]
        assert shown.isna().tolist() == expected[~hidden.to_numpy()].isna().tolist()
        assert shown.dropna().tolist() == expected[~hidden.to_numpy()].dropna().tolist()
        assert made.hidden[quasi.name] == hidden.sum()


@settings(max_examples=25, deadline=None)
@given(rows=ROWS, k=st.integers(1, 4))
def test_where_every_cell_is_large_already_nothing_is_changed(rows, k):
    large = frame([row for row in rows for _ in range(k)])
    made = without_small_cells(large, QUASIS, "cohort", k)
    pd.testing.assert_frame_equal(made.rows, large)
    assert (made.left_out, set(made.levels.values()), set(made.hidden.values())) == (0, {0}, {0})


@settings(max_examples=100, deadline=None)
@given(values=st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), max_size=40), k=st.integers(1, 6))
def test_the_smallest_and_the_largest_number_belong_to_at_least_k_rows(values, k):
    drawn = drawn_in(np.array(values, np.float64), k)
    known = drawn[~np.isnan(drawn)]
    if len(known):
        assert (known == known.min()).sum() >= k
        assert (known == known.max()).sum() >= k
        assert np.isnan(drawn).tolist() == np.isnan(np.array(values)).tolist()
    else:
        assert np.count_nonzero(~np.isnan(np.array(values, np.float64))) < k
