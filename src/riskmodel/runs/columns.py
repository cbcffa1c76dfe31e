"""Columns as JSON text: millions of numbers become text in Arrow's kernels and not one by one in Python.

Keys are sorted and nothing stands between the parts, so that equal columns give equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from json.encoder import encode_basestring

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

TO_ESCAPE = r'["\\\x00-\x1f]'
"""What JSON does not hold as it is."""

SAMPLE = 2048


def json_lists(column: pa.Array, offsets: NDArray[np.integer]) -> list[str]:
    r"""Return consecutive pieces of a column (from each offset to the next), each as a JSON list.

    Numbers are the shortest text that reads back as the same float64; what is missing, not a number or endless is null.

    >>> from datetime import date
    >>> json_lists(pa.array([1.5, None, float("nan"), 2.0]), np.array([0, 1, 4]))
    ['[1.5]', '[null,null,2]']
    >>> json_lists(pa.array(['a"b', "ā"]), np.array([0, 2]))
    ['["a\\"b","ā"]']
    >>> json_lists(pa.array([date(2024, 12, 16), None]), np.array([0, 2]))
    ['["2024-12-16",null]']
    """
    pieces = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), _texts(column))
    return [f"[{piece}]" for piece in pc.binary_join(pieces, ",").to_pylist()]


def json_object(parts: Mapping[str, str]) -> str:
    """Return a JSON object whose values are JSON text already.

    >>> json_object({"b": "[1]", "a": "null"})
    '{"a":null,"b":[1]}'
    """
    return "{" + ",".join(f"{encode_basestring(name)}:{parts[name]}" for name in sorted(parts)) + "}"


def json_text(value: object) -> str:
    """Return a value as JSON, keys sorted, nothing between the parts."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _texts(column: pa.Array) -> pa.Array:
    """Return each value as JSON text."""
    if pa.types.is_string(column.type):
        found = _quoted(column)
    elif pa.types.is_date(column.type):
        found = _quoted(column.cast(pa.string()))
    elif pa.types.is_floating(column.type) and _repeats(column):
        coded = column.dictionary_encode()
        found = _numbers(coded.dictionary).take(coded.indices)
    elif pa.types.is_floating(column.type):
        found = _numbers(column)
    else:
        found = column.cast(pa.string())
    return pc.fill_null(found, "null")


def _repeats(column: pa.Array) -> bool:
    """Whether the first values say that many are equal: each is then put into text once."""
    first = column[:SAMPLE]
    return bool(pc.count_distinct(first).as_py() * 2 < len(first))


def _numbers(column: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type)).cast(pa.string())


def _quoted(column: pa.Array) -> pa.Array:
    if not pc.any(pc.match_substring_regex(column, TO_ESCAPE)).as_py():
        return pc.binary_join_element_wise('"', column, '"', "")
    coded = column.dictionary_encode()
    return pa.array([encode_basestring(text) for text in coded.dictionary.to_pylist()], pa.string()).take(coded.indices)
