"""Columns become the JSON that Python itself would read back to the same values."""

from __future__ import annotations

import json
import math

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmodel.runs.columns import json_lists, json_object, json_text

values = st.one_of(
    st.none(), st.floats(width=64), st.sampled_from([0.1, -0.0, 1e-7, 1e22, 5e-324, 1.7976931348623157e308])
)
FEW = settings(max_examples=150, deadline=None)


@FEW
@given(st.lists(values, max_size=30), st.booleans())
def test_numbers_read_back_to_the_last_bit_and_what_is_no_number_is_null(numbers, is_repeated):
    numbers = numbers * (5 if is_repeated else 1)
    (text,) = json_lists(pa.array(numbers, pa.float64()), np.array([0, len(numbers)]))
    expected = [None if number is None or not math.isfinite(number) else number for number in numbers]
    assert json.loads(text) == expected


@FEW
@given(st.lists(st.one_of(st.none(), st.text(max_size=8)), max_size=8))
def test_any_text_is_quoted_as_python_quotes_it(texts):
    (found,) = json_lists(pa.array(texts, pa.string()), np.array([0, len(texts)]))
    assert found == json_text(texts)


@FEW
@given(st.lists(st.integers(0, 5), max_size=6))
def test_pieces_are_consecutive_and_lose_nothing(sizes):
    offsets = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
    numbers = list(range(int(offsets[-1])))
    found = [json.loads(text) for text in json_lists(pa.array(numbers, pa.int64()), offsets)]
    assert [len(piece) for piece in found] == sizes
    assert [number for piece in found for number in piece] == numbers


def test_flags_and_the_order_of_names():
    flags = json_lists(pa.array([True, None, False]), np.array([0, 3]))[0]
    assert flags == "[true,null,false]"
    assert json_object({"ž": "1", "a": flags}) == json_text({"a": [True, None, False], "ž": 1})
