"""Raw scores of small trees in one compiled pass, equal to the library's own to the last bit.

A tree of at most seven splits is a table: bit j of a row's *pattern* says whether the row goes left at split j, asked of
all splits, also those off its path. For a block of rows each question is one comparison down a column, and the pattern
looks up the end of the tree. LightGBM walks the same trees row by row, nine times as slowly.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from riskmodel.compiled import compiled
from riskmodel.risk.tree_models import End, Fork, from_lightgbm, splits

MAX_SPLITS = 7
BLOCK_ROWS = 1024
"""Rows per pass over all trees: their patterns stay in the processor's nearest memory."""


class Forest(NamedTuple):
    """Trees as arrays: per tree its number of splits, what each asks, and the end for each pattern.

    ``ends`` numbers the ends of a tree from the left; ``values`` holds what each adds.
    """

    split_count: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    is_missing_left: NDArray[np.bool_]
    ends: NDArray[np.uint8]
    values: NDArray[np.float64]


def plant(text: str) -> Forest | None:
    """Return the trees of a LightGBM model ``text``; None where one has more splits, categories, or missing zeros."""
    roots = from_lightgbm(text).roots
    trees = [splits(root) for root in roots]
    if any(len(tree) > MAX_SPLITS or any(_is_unusual(fork) for fork in tree) for tree in trees):
        return None
    shape = (len(roots), MAX_SPLITS)
    forest = Forest(
        split_count=np.array([len(tree) for tree in trees], dtype=np.int64),
        feature=np.zeros(shape, dtype=np.int64),
        threshold=np.zeros(shape),
        is_missing_left=np.zeros(shape, dtype=np.bool_),
        ends=np.zeros((len(roots), 1 << MAX_SPLITS), dtype=np.uint8),
        values=np.zeros((len(roots), MAX_SPLITS + 1)),
    )
    for place, (root, tree) in enumerate(zip(roots, trees, strict=True)):
        for j, fork in enumerate(tree):
            forest.feature[place, j] = fork.feature
            forest.threshold[place, j] = fork.threshold
            forest.is_missing_left[place, j] = fork.is_missing_left
        ends = _ends(root)
        forest.values[place, : len(ends)] = [end.value for end in ends]
        number = {id(node): position for position, node in enumerate([*ends, *tree])}
        forest.ends[place] = _ends_by_pattern(root, {id(fork): j for j, fork in enumerate(tree)}, number)
    return forest


def scores(forest: Forest, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum over the trees for each row of ``matrix``, in the order of the trees.

    Fastest where the columns of ``matrix`` lie together in memory.
    """
    out = np.zeros(len(matrix))
    _score(forest, np.ascontiguousarray(matrix.T), out)
    return out


def covers(forest: Forest, matrix: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the summed weight of the rows at each end (trees × ends, numbered from the left)."""
    out = np.zeros(forest.values.shape)
    _cover(forest, np.ascontiguousarray(matrix.T), np.ascontiguousarray(weight, dtype=np.float64), out)
    return out


def _is_unusual(fork: Fork) -> bool:
    return fork.categories is not None or fork.is_zero_missing


def _ends(node: Fork | End) -> list[End]:
    return [node] if isinstance(node, End) else [*_ends(node.left), *_ends(node.right)]


def _ends_by_pattern(root: Fork | End, bit: dict[int, int], number: dict[int, int]) -> NDArray[np.uint8]:
    pattern = np.arange(1 << MAX_SPLITS)

    def end(node: Fork | End) -> NDArray[np.uint8]:
        if isinstance(node, End):
            return np.full(len(pattern), number[id(node)], dtype=np.uint8)
        goes_left = (pattern >> bit[id(node)]) & 1 == 1
        return np.where(goes_left, end(node.left), end(node.right))

    return end(root)


def _patterns_of(forest: Forest, tree: int, columns: Any, first: int, pattern: NDArray[np.uint8]) -> None:
    pattern[:] = 0
    for j in range(forest.split_count[tree]):
        column = columns[forest.feature[tree, j], first : first + len(pattern)]
        threshold, missing = forest.threshold[tree, j], np.uint8(forest.is_missing_left[tree, j])
        bit = np.uint8(1 << j)
        for i in range(len(pattern)):
            value = column[i]
            pattern[i] |= bit * ((value <= threshold) | (missing & (value != value)))  # noqa: PLR0124  (NaN)


def _score_rows(forest: Forest, columns: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    room = np.empty(BLOCK_ROWS, dtype=np.uint8)
    for first in range(0, len(out), BLOCK_ROWS):
        block = out[first : first + BLOCK_ROWS]
        pattern = room[: len(block)]
        for tree in range(len(forest.split_count)):
            _patterns(forest, tree, columns, first, pattern)
            ends, values = forest.ends[tree], forest.values[tree]
            for i in range(len(block)):
                block[i] += values[ends[pattern[i]]]


def _cover_ends(
    forest: Forest, columns: NDArray[np.float64], weight: NDArray[np.float64], out: NDArray[np.float64]
) -> None:
    room = np.empty(BLOCK_ROWS, dtype=np.uint8)
    for first in range(0, len(weight), BLOCK_ROWS):
        block = weight[first : first + BLOCK_ROWS]
        pattern = room[: len(block)]
        for tree in range(len(forest.split_count)):
            _patterns(forest, tree, columns, first, pattern)
            for i in range(len(block)):
                out[tree, forest.ends[tree, pattern[i]]] += block[i]


_patterns = compiled(_patterns_of)
_score = compiled(_score_rows)
_cover = compiled(_cover_ends)
