"""Exact Shapley values of small trees by looking them up.

A tree of at most eight leaves has at most seven splits. Number them; bit j of a row's *pattern* says whether the row
would go left at split j, asked of all splits, also those off the path. At most 128 patterns decide everything, so the
Shapley values of a tree are worked out once per pattern; a row then costs one look per split and one addition per
feature of the tree. With v(S, p) the worth of a tree for pattern p when only the features S are known, and U its features,

    value of k = sum over S without k of  |S|! (|U| - |S| - 1)! / |U|!  x  (v(S with k, p) - v(S, p)).

Two meanings of "known", and so two kinds of value:

- *path-dependent*: at a split on an unknown feature both branches count, by the rows they held in training;
- *interventional*: unknown features are those of a background row, taken over all of the background. A bit of the
  pattern depends on one feature alone. So v(S, p) is the mean of g((p and M) or (z and not M)) over the patterns z of the
  background, with g the score of a pattern and M the bits of the splits on S: a histogram of 128 cells per tree stands
  for a background of any size.

Everything is worked out and added in float64: single precision was measured to be no faster.
"""

from __future__ import annotations

from functools import cache
from math import factorial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from riskmodel.compiled import compiled
from riskmodel.risk.tree_models import ZERO, End, Fork, TreeModel, splits

MAX_SPLITS = 7
"""Tables double with each split; a larger tree is explained by a library."""

BLOCK_ROWS = 512
"""Rows per pass over all trees: their answers stay in the processor's nearer memory."""

CELLS = 1 << MAX_SPLITS


class Derived(NamedTuple):
    """A column made of a feature, so that every split is at a threshold.

    With ``categories``: 0 for a code among them, else 1. Without: the feature, with zero as a missing value.
    """

    feature: int
    categories: frozenset[int] | None


class Questions(NamedTuple):
    """What is asked of a row, each question once, and which of them are the splits of each tree (``asked``).

    A question reads a ``column``: the features in their order, then the derived ones. A tree of fewer splits than
    ``MAX_SPLITS`` asks one question more, which is the last and which nobody affirms: all patterns have one length.
    """

    column: NDArray[np.int64]
    threshold: NDArray[np.float64]
    is_missing_left: NDArray[np.bool_]
    asked: NDArray[np.int64]


class Reading(NamedTuple):
    """How rows are read: the derived columns, the questions, and whether the library looks in single precision."""

    derived: tuple[Derived, ...]
    questions: Questions
    is_single: bool


class Plan(NamedTuple):
    """A model of small trees and its ``width`` features, how rows are read, and per tree its splits and features.

    Splits stand parent before child.
    """

    model: TreeModel
    width: int
    reading: Reading
    splits: tuple[list[Fork], ...]
    features: tuple[list[int], ...]


class Patterns(NamedTuple):
    """The patterns of ``rows`` rows by all trees: blocks × trees × ``BLOCK_ROWS``, the last block not all used.

    A byte per row and tree. They depend on questions and rows alone: who is explained and is the background too is
    asked once.
    """

    blocks: NDArray[np.uint8]
    rows: int


class Tables(NamedTuple):
    """The values of all trees, feature by feature: ``CELLS`` values for each tree that asks about a feature.

    Those of feature k are the runs from ``first[k]`` up to ``first[k + 1]``; ``tree`` says whose each is. ``base`` is the
    score from which contributions start.
    """

    first: NDArray[np.int64]
    tree: NDArray[np.int64]
    values: NDArray[np.float64]
    base: float


def plan(model: TreeModel, features: int) -> Plan | None:
    """Return what the tables are built from (the model reads so many ``features``); None when a tree has too many splits."""
    trees = tuple(splits(root) for root in model.roots)
    if any(len(tree) > MAX_SPLITS for tree in trees):
        return None
    own = tuple(sorted({split.feature for split in tree}) for tree in trees)
    return Plan(model, features, _reading(trees, features, model.is_single), trees, own)


def path_dependent(planned: Plan) -> Tables:
    """Return the tables of the path-dependent values."""
    worths = [
        _worth_on_paths(*tree) for tree in zip(planned.model.roots, planned.splits, planned.features, strict=True)
    ]
    return _tables(planned, worths)


def interventional(planned: Plan, weights: NDArray[np.float64]) -> Tables:
    """Return the tables of the interventional values; ``weights`` of the background by tree and pattern (:func:`histogram`)."""
    trees = zip(planned.model.roots, planned.splits, planned.features, weights, strict=True)
    return _tables(planned, [_worth_in_background(*tree) for tree in trees])


def patterns(planned: Plan, matrix: NDArray[np.float64]) -> Patterns:
    """Return the patterns of the rows of ``matrix``, whose missing values are NaN."""
    reading = planned.reading
    count = -(-len(matrix) // BLOCK_ROWS)
    found = Patterns(np.empty((count, len(planned.splits), BLOCK_ROWS), dtype=np.uint8), len(matrix))
    answers = np.zeros((len(reading.questions.column) + 1, BLOCK_ROWS), dtype=np.uint8)
    for place, block in enumerate(found.blocks):
        # Copied, so that what is compiled meets one layout of memory alone.
        rows = np.ascontiguousarray(matrix[place * BLOCK_ROWS : (place + 1) * BLOCK_ROWS].T)
        if reading.is_single:
            rows = rows.astype(np.float32).astype(np.float64)
        if reading.derived:
            rows = np.vstack([rows, *(_derived(part, rows[part.feature]) for part in reading.derived)])
        _answer(reading.questions, rows, answers, block)
    return found


def histogram(found: Patterns, weights: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Return the weight of rows by tree and pattern (trees × ``CELLS``); every row weighs 1 by default."""
    cells = np.zeros((found.blocks.shape[1], CELLS))
    if weights is None:
        _count(found.blocks, found.rows, cells)
    else:
        _weigh(found.blocks, np.ascontiguousarray(weights, dtype=np.float64), cells)
    return cells


def look_up(tables: Tables, found: Patterns) -> NDArray[np.float64]:
    """Return the Shapley values (rows × features) of the rows that had these patterns.

    The columns of the result lie together in memory.
    """
    values = np.empty((len(tables.first) - 1, found.rows))
    for place, block in enumerate(found.blocks):
        first = place * block.shape[1]
        rows = slice(first, min(first + block.shape[1], found.rows))
        of_block = np.zeros((len(values), rows.stop - rows.start))
        _add(tables.first, tables.tree, tables.values, block, of_block)
        values[:, rows] = of_block
    return values.T


def _derived(part: Derived, values: NDArray[np.float64]) -> NDArray[np.float64]:
    if part.categories is None:
        return np.where(np.abs(values) <= ZERO, np.nan, values)
    # A code is cut to a whole number as the library does; what is missing or below zero is in no category.
    codes = np.trunc(np.where(values > -1, values, -1))
    return np.where(np.isin(codes, list(part.categories)), 0.0, 1.0)


def _reading(trees: tuple[list[Fork], ...], features: int, is_single: bool) -> Reading:
    special = {part for tree in trees for fork in tree if (part := _derived_of(fork)) is not None}
    derived = tuple(sorted(special, key=lambda part: (part.feature, sorted(part.categories or ()))))

    def question(fork: Fork) -> tuple[int, float, bool]:
        part = _derived_of(fork)
        column = fork.feature if part is None else features + derived.index(part)
        return (column, 0.5, False) if fork.categories is not None else (column, fork.threshold, fork.is_missing_left)

    asked_of = [[question(fork) for fork in tree] for tree in trees]
    found = sorted({one for tree in asked_of for one in tree})
    number = {one: place for place, one in enumerate(found)}
    asked = np.full((len(trees), MAX_SPLITS), len(found), dtype=np.int64)
    for place, tree in enumerate(asked_of):
        asked[place, : len(tree)] = [number[one] for one in tree]
    questions = Questions(
        column=np.array([column for column, *_ in found], dtype=np.int64),
        threshold=np.array([threshold for _, threshold, _ in found], dtype=np.float64),
        is_missing_left=np.array([is_left for *_, is_left in found], dtype=np.bool_),
        asked=asked,
    )
    return Reading(derived, questions, is_single)


def _derived_of(fork: Fork) -> Derived | None:
    if fork.categories is not None or fork.is_zero_missing:
        return Derived(fork.feature, fork.categories)
    return None


def _tables(planned: Plan, worths: list[NDArray[np.float64]]) -> Tables:
    runs: list[list[tuple[int, NDArray[np.float64]]]] = [[] for _ in range(planned.width)]
    base = planned.model.offset
    for place, (worth, features) in enumerate(zip(worths, planned.features, strict=True)):
        base += float(worth[0, 0])
        for feature, run in zip(features, _shares(len(features)) @ worth, strict=True):
            runs[feature].append((place, run))
    in_order = [run for of_feature in runs for run in of_feature]
    values = np.zeros((len(in_order), CELLS))
    for place, (_, run) in enumerate(in_order):
        values[place, : len(run)] = run
    return Tables(
        first=np.concatenate(([0], np.cumsum([len(of_feature) for of_feature in runs]))).astype(np.int64),
        tree=np.array([tree for tree, _ in in_order], dtype=np.int64),
        values=values,
        base=base,
    )


@cache
def _shares(width: int) -> NDArray[np.float64]:
    """Return what the worth of each set of known features counts in the value of each feature (features × sets)."""
    known = np.arange(1 << width)
    size = np.array([int(subset).bit_count() for subset in known])
    share = np.array([factorial(s) * factorial(width - s - 1) / factorial(width) for s in range(width)])
    rows = np.zeros((width, len(known)))
    for k in range(width):
        has = (known >> k) & 1 == 1
        rows[k, has], rows[k, ~has] = share[size[has] - 1], -share[size[~has]]
    return rows


def _worth_on_paths(root: Fork | End, tree: list[Fork], features: list[int]) -> NDArray[np.float64]:
    """Return v(S, p) by known features and pattern, where unknown features weigh the branches by cover."""
    pattern, known = np.arange(1 << len(tree)), np.arange(1 << len(features))
    number = {id(split): j for j, split in enumerate(tree)}

    def worth(node: Fork | End) -> tuple[NDArray[np.float64], float]:
        if isinstance(node, End):
            return np.full((1, 1), node.value), node.cover
        (left, left_cover), (right, right_cover) = worth(node.left), worth(node.right)
        cover = left_cover + right_cover
        goes_left = (pattern >> number[id(node)]) & 1 == 1
        is_known = (known >> features.index(node.feature)) & 1 == 1
        unseen = (left * left_cover + right * right_cover) / cover
        return np.where(is_known[:, None], np.where(goes_left[None, :], left, right), unseen), cover

    return worth(root)[0]


def _worth_in_background(
    root: Fork | End, tree: list[Fork], features: list[int], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return v(S, p) by known features and pattern, where unknown features are those of the background."""
    count = 1 << len(tree)
    pattern, score = np.arange(count), _scores(root, tree)
    masks = np.array([sum(1 << j for j, split in enumerate(tree) if split.feature == k) for k in features], dtype=int)
    known = np.arange(1 << len(features))
    mask = ((known[:, None] >> np.arange(len(features))) & 1) @ masks if features else np.zeros(1, dtype=int)
    cells = known[:, None] * count
    inside, outside = cells + (pattern & mask[:, None]), cells + (pattern & ~mask[:, None])
    size = len(known) * count
    rest = np.bincount(outside.ravel(), np.tile(weights[:count], len(known)), size)
    worth = np.bincount(inside.ravel(), (score * rest[outside]).ravel(), size)
    return np.asarray(worth[inside] / weights[:count].sum(), dtype=np.float64)


def _scores(root: Fork | End, tree: list[Fork]) -> NDArray[np.float64]:
    """Return the score of the tree for each pattern."""
    pattern = np.arange(1 << len(tree))
    number = {id(split): j for j, split in enumerate(tree)}

    def score(node: Fork | End) -> NDArray[np.float64]:
        if isinstance(node, End):
            return np.full(len(pattern), node.value)
        return np.where((pattern >> number[id(node)]) & 1 == 1, score(node.left), score(node.right))

    return score(root)


# The compiled part. Arrays are feature by row, so that each inner loop runs over neighbours in memory.


def _answer_rows(
    questions: Questions, rows: NDArray[np.float64], answers: NDArray[np.uint8], block: NDArray[np.uint8]
) -> None:
    count = rows.shape[1]
    for place in range(len(questions.column)):
        values, answer, limit = rows[questions.column[place]], answers[place], questions.threshold[place]
        if questions.is_missing_left[place]:
            for i in range(count):
                answer[i] = not values[i] > limit
        else:
            for i in range(count):
                answer[i] = values[i] <= limit
    for tree in range(len(questions.asked)):
        asked, pattern = questions.asked[tree], block[tree]
        a, b, c, d = answers[asked[0]], answers[asked[1]], answers[asked[2]], answers[asked[3]]
        e, f, g = answers[asked[4]], answers[asked[5]], answers[asked[6]]
        for i in range(count):
            low = a[i] | b[i] << 1 | c[i] << 2 | d[i] << 3
            pattern[i] = low | e[i] << 4 | f[i] << 5 | g[i] << 6


def _count_rows(blocks: NDArray[np.uint8], rows: int, cells: NDArray[np.float64]) -> None:
    # Neighbours often have one pattern: four counters in turn, so that no addition waits for the one before.
    counters = np.zeros((4, CELLS), dtype=np.int64)
    a, b, c, d = counters[0], counters[1], counters[2], counters[3]
    for tree in range(len(cells)):
        counters[:] = 0
        for block in range(len(blocks)):
            pattern = blocks[block, tree]
            count = min(len(pattern), rows - block * len(pattern))
            in_fours = count - count % 4
            for i in range(0, in_fours, 4):
                a[pattern[i]] += 1
                b[pattern[i + 1]] += 1
                c[pattern[i + 2]] += 1
                d[pattern[i + 3]] += 1
            for i in range(in_fours, count):
                a[pattern[i]] += 1
        for cell in range(CELLS):
            cells[tree, cell] = a[cell] + b[cell] + c[cell] + d[cell]


def _weigh_rows(blocks: NDArray[np.uint8], weights: NDArray[np.float64], cells: NDArray[np.float64]) -> None:
    for tree in range(len(cells)):
        of_tree = cells[tree]
        for block in range(len(blocks)):
            pattern = blocks[block, tree]
            weight = weights[block * len(pattern) : (block + 1) * len(pattern)]
            for i in range(len(weight)):
                of_tree[pattern[i]] += weight[i]


def _add_rows(
    first: NDArray[np.int64],
    tree: NDArray[np.int64],
    values: NDArray[np.float64],
    block: NDArray[np.uint8],
    found: NDArray[np.float64],
) -> None:
    for feature in range(len(found)):
        target = found[feature]
        end = first[feature + 1]
        in_fours = end - (end - first[feature]) % 4
        # Four trees at once: the sum stays in a register, in the order of the trees.
        for j in range(first[feature], in_fours, 4):
            a, b, c, d = values[j], values[j + 1], values[j + 2], values[j + 3]
            p, q, r, s = block[tree[j]], block[tree[j + 1]], block[tree[j + 2]], block[tree[j + 3]]
            for i in range(len(target)):
                target[i] = target[i] + a[p[i]] + b[q[i]] + c[r[i]] + d[s[i]]
        for j in range(in_fours, end):
            run, pattern = values[j], block[tree[j]]
            for i in range(len(target)):
                target[i] += run[pattern[i]]


_answer: Any = compiled(_answer_rows)
_add: Any = compiled(_add_rows)
_count: Any = compiled(_count_rows)
_weigh: Any = compiled(_weigh_rows)
