"""The different texts of a column, found again by number."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmodel.sources import distinct
from riskmodel.sources.distinct import NotListedError, Words, distinct_values, used_texts

SOME_TEXTS = st.lists(st.text("abā", max_size=2), unique=True)


@given(SOME_TEXTS, st.lists(st.none() | st.text("abā", max_size=2)))
def test_a_text_is_found_by_its_number_and_any_other_is_not(listed, asked):
    numbers = Words(pa.array(listed, pa.string())).numbers_of(pa.array(asked, pa.string()))
    assert numbers.tolist() == [listed.index(text) if text in listed else -1 for text in asked]


@given(SOME_TEXTS, st.lists(st.none() | st.text("abā", max_size=2)))
def test_of_texts_with_one_hash_one_is_found_and_none_for_another(listed, asked):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distinct, "_hashes_of", lambda texts: np.zeros(len(texts), np.int64))
        numbers = Words(pa.array(listed, pa.string())).numbers_of(pa.array(asked, pa.string()))
    assert all(number == -1 or listed[number] == text for number, text in zip(numbers.tolist(), asked, strict=True))
    assert set(listed[:1]) <= {listed[number] for number in numbers.tolist() if number >= 0} or listed[0] not in asked


def test_a_row_takes_what_is_said_of_its_text_and_a_text_that_is_not_listed_is_met():
    words = Words(pa.array(["b", "a"]))
    assert words.told(pa.array(["a", None, "b", "a"]), np.array([20, 10, 99])).tolist() == [10, 99, 20, 10]
    with pytest.raises(NotListedError):
        words.told(pa.array(["a", "c"]), np.array([20, 10, 99]))
    with pytest.raises(NotListedError):
        Words(pa.array([], pa.string())).told(pa.array(["a"]), np.array([99]))
    assert Words(pa.array([], pa.string())).told(pa.array([None], pa.string()), np.array([99])).tolist() == [99]


@given(st.lists(st.sampled_from([None, "c", "a", "ā", "b"]), min_size=1), st.integers(1, 4), st.booleans())
def test_texts_are_listed_in_the_order_in_which_they_first_stand(tmp_path_factory, texts, rows, has_lists):
    path = tmp_path_factory.mktemp("listed") / "texts.parquet"
    pq.write_table(
        pa.table({"text": pa.array(texts, pa.string())}), path, row_group_size=rows, use_dictionary=has_lists
    )
    different = list(dict.fromkeys(text for text in texts if text is not None))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distinct, "ROWS_AT_ONCE", rows)
        assert used_texts(path, "text").to_pylist() == different
        assert distinct_values(path, ["text"])["text"].values.to_pylist() == different


def test_a_column_of_too_many_texts_is_no_list(tmp_path, monkeypatch):
    monkeypatch.setattr(distinct, "MOST_VALUES", 3)
    pq.write_table(pa.table({"text": list("abcd")}), tmp_path / "texts.parquet")
    with pytest.raises(NotListedError):
        distinct_values(tmp_path / "texts.parquet", ["text"])
