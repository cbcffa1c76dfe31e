"""Exact Shapley values of small trees by looking them up.

A tree of at most eight leaves has at most seven splits. Number them; bit j of a pupil's *pattern* says whether the
pupil would go left at split j, asked of all splits, also those off the path. At most 128 patterns decide everything,
so the Shapley values of a tree are worked out once per pattern; a pupil then costs seven comparisons and at most seven
additions per tree.

The values are the path-dependent ones: where a feature is not known, the two branches weigh as many pupils as they
held in training. With v(S) the score of a tree when only the features S are known and U the features of the tree,

    value of k = sum over S without k of  |S|! (|U| - |S| - 1)! / |U|!  x  (v(S with k) - v(S)).

They are those of LightGBM's own ``pred_contrib`` to rounding, at some fifty times its speed.
"""

from __future__ import annotations

from math import factorial
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from riskmodel.risk.trees import Leaf, Node, Split, read_trees

MAX_SPLITS = 7
"""Tables double with each split; a larger tree is explained by the library itself."""

BLOCK_ROWS = 1024
"""Rows per pass over all trees: their patterns stay in the processor's nearest memory."""

DEFAULT_LEFT, MISSING_SHIFT, MISSING_IS_NAN = 2, 2, 2
"""LightGBM's ``decision_type``: bit 1, where missing values go; bits 2 and 3, what counts as missing."""


class Tables(NamedTuple):
    """All trees of a model.

    Per tree and split: feature, threshold, whether a missing value goes left. Per tree: its number of splits, its
    features, and where its block of ``values`` (patterns × features) begins. ``base`` is the mean score.
    """

    splits: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    is_missing_left: NDArray[np.bool_]
    used_count: NDArray[np.int64]
    used: NDArray[np.int64]
    start: NDArray[np.int64]
    values: NDArray[np.float64]
    base: float


def build(text: str) -> Tables | None:
    """Return the tables of a LightGBM ``text``; None when a tree has more than ``MAX_SPLITS`` splits."""
    roots = read_trees(text)
    trees = [_number(root) for root in roots]
    count = len(trees)
    if any(len(tree) > MAX_SPLITS for tree in trees):
        return None
    feature = np.zeros((count, MAX_SPLITS), dtype=np.int64)
    threshold = np.zeros((count, MAX_SPLITS))
    is_missing_left = np.zeros((count, MAX_SPLITS), dtype=np.bool_)
    used = np.zeros((count, MAX_SPLITS), dtype=np.int64)
    blocks, base = [], 0.0
    for place, (root, splits) in enumerate(zip(roots, trees, strict=True)):
        for j, split in enumerate(splits):
            feature[place, j] = int(split.feature)
            threshold[place, j] = float(split.threshold)
            is_missing_left[place, j] = _missing_goes_left(split)
        features = sorted({int(split.feature) for split in splits})
        used[place, : len(features)] = features
        table, mean = _table(root, splits, features)
        blocks.append(table.ravel())
        base += mean
    sizes = [len(block) for block in blocks]
    return Tables(
        splits=np.array([len(tree) for tree in trees], dtype=np.int64),
        feature=feature,
        threshold=threshold,
        is_missing_left=is_missing_left,
        used_count=np.array([len({split.feature for split in tree}) for tree in trees], dtype=np.int64),
        used=used,
        start=np.concatenate(([0], np.cumsum(sizes))).astype(np.int64),
        values=np.concatenate([*blocks, np.zeros(0)]),
        base=base,
    )


def look_up(tables: Tables, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the Shapley values (rows × features) of ``matrix``, whose missing values are NaN."""
    values = np.zeros(matrix.shape)
    patterns = np.zeros(BLOCK_ROWS, dtype=np.int64)
    for first in range(0, len(matrix), BLOCK_ROWS):
        block = np.ascontiguousarray(matrix[first : first + BLOCK_ROWS].T)
        found = np.zeros(block.shape)
        _add_trees(tables, block, patterns, found)
        values[first : first + BLOCK_ROWS] = found.T
    return values


def _number(root: Node) -> list[Split]:
    """Return the splits of a tree, parent before child."""
    if isinstance(root, Leaf):
        return []
    return [root, *_number(root.left), *_number(root.right)]


def _missing_goes_left(split: Split) -> bool:
    decision = int(split.decision)
    if (decision >> MISSING_SHIFT) & 3 == MISSING_IS_NAN:
        return bool(decision & DEFAULT_LEFT)
    return float(split.threshold) >= 0.0  # no missing value in training: LightGBM then reads it as zero


def _table(root: Node, splits: list[Split], features: list[int]) -> tuple[NDArray[np.float64], float]:
    """Return the Shapley values by pattern and feature, and the mean score of the tree."""
    width = len(features)
    pattern = np.arange(1 << len(splits))
    known = np.arange(1 << width)
    number = {id(split): j for j, split in enumerate(splits)}

    def score(node: Node) -> tuple[NDArray[np.float64], int]:
        # v by (known features, pattern), and the pupils of the node in training.
        if isinstance(node, Leaf):
            return np.full((1, 1), float(node.value)), int(node.count)
        (left, left_pupils), (right, right_pupils) = score(node.left), score(node.right)
        pupils = left_pupils + right_pupils
        goes_left = (pattern >> number[id(node)]) & 1 == 1
        is_known = (known >> features.index(int(node.feature))) & 1 == 1
        looked = np.where(goes_left[None, :], left, right)
        unseen = (left * left_pupils + right * right_pupils) / pupils
        return np.where(is_known[:, None], looked, unseen), pupils

    worth, _ = score(root)
    if not splits:
        return np.zeros((1, 0)), float(worth[0, 0])
    size = np.array([int(subset).bit_count() for subset in known])
    shares = np.array([factorial(s) * factorial(width - s - 1) / factorial(width) for s in range(width)])
    weights = np.empty((width, len(known)))
    for k in range(width):
        has = (known >> k) & 1 == 1
        weights[k] = np.where(has, shares[np.maximum(size - 1, 0)], -shares[np.minimum(size, width - 1)])
    return (weights @ worth).T, float(worth[0, 0])


def _add_rows_of_trees(
    tables: Tables, block: NDArray[np.float64], patterns: NDArray[np.int64], found: NDArray[np.float64]
) -> None:
    # block and found are feature by row, so that each inner loop runs over neighbours in memory.
    rows = block.shape[1]
    for tree in range(len(tables.splits)):
        for i in range(rows):
            patterns[i] = 0
        for j in range(tables.splits[tree]):
            column = block[tables.feature[tree, j]]
            threshold, missing_left, bit = tables.threshold[tree, j], tables.is_missing_left[tree, j], 1 << j
            for i in range(rows):
                value = column[i]
                goes_left = (value <= threshold) | ((value != value) & missing_left)  # noqa: PLR0124  (NaN test)
                patterns[i] |= bit * goes_left
        width = tables.used_count[tree]
        table = tables.values[tables.start[tree] : tables.start[tree + 1]]
        for k in range(width):
            target = found[tables.used[tree, k]]
            for i in range(rows):
                target[i] += table[patterns[i] * width + k]


_add_trees: Any = numba.njit(_add_rows_of_trees)
