"""Uniform draws by the key of a row: the same key has the same draw, in whatever batch and order it comes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import ndtri

from riskmodel.sources.synthetic.truth import Floats

Words = npt.NDArray[np.uint64]
Key = npt.NDArray[Any] | int | str | Any
"""A column (of numpy or Arrow: whole numbers, dates, texts), or a single value."""

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_BITS = 53
"""A draw has so many random bits: all that a float holds."""


def uniform(seed: int, purpose: str, *key: Key) -> Floats:
    """Return a number in [0, 1) for each row of the key (columns of one length; a single value counts for all rows).

    Draws of another seed or purpose are independent. SplitMix64 over the columns, one after the other.

    >>> uniform(7, "a", np.array([1, 2])).tolist() == uniform(7, "a", np.array([2, 1])).tolist()[::-1]
    True
    """
    with np.errstate(over="ignore"):
        state = _mixed(_words(purpose) + np.uint64(seed) * _STEP)
        for column in key:
            state = _mixed((state ^ _words(column)) + _STEP)
    draws: Floats = (state >> np.uint64(64 - _BITS)).astype(np.float64) / float(1 << _BITS)
    return draws


def normal(seed: int, purpose: str, *key: Key) -> Floats:
    """Return a standard normal number for each row of the key, as :func:`uniform` does."""
    draws: Floats = ndtri(uniform(seed, purpose, *key) + 0.5 / (1 << _BITS))
    return draws


def _mixed(state: Words) -> Words:
    state = (state ^ (state >> np.uint64(30))) * _MIX[0]
    state = (state ^ (state >> np.uint64(27))) * _MIX[1]
    return state ^ (state >> np.uint64(31))


def _words(column: Key) -> Words:
    """Return a 64-bit word for each value: numbers and dates as they are, texts by their bytes."""
    if isinstance(column, str):
        return _of_texts([column.encode()])
    if isinstance(column, int):
        return np.array([column], dtype=np.int64).view(np.uint64)
    if isinstance(column, np.ndarray) and column.dtype.kind in "iub":
        return column.astype(np.int64).view(np.uint64)
    values = pa.array(column) if isinstance(column, np.ndarray) else column
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_date32(values.type):
        values = values.cast(pa.int32())
    if pa.types.is_integer(values.type):
        numbers: Words = np.asarray(values.cast(pa.int64())).view(np.uint64)
        return numbers
    coded = values if pa.types.is_dictionary(values.type) else pc.dictionary_encode(values)
    words = _of_texts(coded.dictionary.cast(pa.binary()).to_pylist())
    return words[np.asarray(coded.indices, dtype=np.int64)]


def _of_texts(texts: list[bytes]) -> Words:
    if not texts:
        return np.zeros(0, dtype=np.uint64)
    width = max(8, -(-max(len(text) for text in texts) // 8) * 8)
    pieces = np.array(texts, dtype=f"S{width}").view("<u8").reshape(len(texts), width // 8)
    state = np.zeros(len(texts), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for place in range(pieces.shape[1]):
            # A piece of zeros only pads: the longest text of a batch must not change the word of a shorter one.
            piece = pieces[:, place].astype(np.uint64)
            state = np.where(piece == 0, state, _mixed((state ^ piece) + _STEP))
    return state
