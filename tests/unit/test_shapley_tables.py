"""Shapley values by looking patterns up, against the sum over all subsets."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from math import factorial, isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmodel.risk import shapley_tables
from riskmodel.risk.shapley_tables import (
    BLOCK_ROWS,
    histogram,
    interventional,
    look_up,
    path_dependent,
    patterns,
    plan,
)
from riskmodel.risk.tree_models import End, Fork, TreeModel, splits

WIDTH = 4
VALUES = [np.nan, 0.0, -0.0, 1e-36, -1.0, -0.5, 0.4, 0.5, 1.0, 2.0, 2.9, 70.0]


def goes_left(fork, row):
    """Where a row goes at a fork, said anew."""
    value = row[fork.feature]
    if fork.categories is not None:
        return not isnan(value) and value > -1 and int(value) in fork.categories
    if isnan(value) or (fork.is_zero_missing and abs(value) <= 1e-35):
        return fork.is_missing_left
    return value <= fork.threshold


def score(node, row):
    while isinstance(node, Fork):
        node = node.left if goes_left(node, row) else node.right
    return node.value


def cover(node):
    return node.cover if isinstance(node, End) else cover(node.left) + cover(node.right)


def on_paths(node, row, known):
    """The score of a tree when only the features in ``known`` may be looked at: else branches weigh by cover."""
    if isinstance(node, End):
        return node.value
    if node.feature in known:
        return on_paths(node.left if goes_left(node, row) else node.right, row, known)
    both = [(cover(part), on_paths(part, row, known)) for part in (node.left, node.right)]
    return sum(weight * worth for weight, worth in both) / sum(weight for weight, _ in both)


def against(node, row, known, background, weights):
    """The mean score when the features not in ``known`` are those of the background rows."""
    hybrids = [[row[k] if k in known else other[k] for k in range(WIDTH)] for other in background]
    return float(np.average([score(node, hybrid) for hybrid in hybrids], weights=weights))


def by_subsets(worth):
    """Shapley values and base of a game over the features."""
    values = [
        sum(
            factorial(size)
            * factorial(WIDTH - size - 1)
            / factorial(WIDTH)
            * (worth({*before, k}) - worth(set(before)))
            for size in range(WIDTH)
            for before in combinations([j for j in range(WIDTH) if j != k], size)
        )
        for k in range(WIDTH)
    ]
    return values, worth(set())


ends = st.builds(End, st.floats(-3, 3), st.integers(1, 50).map(float))
questions = st.fixed_dictionaries(
    {
        "feature": st.integers(0, WIDTH - 2),  # the last feature is in no tree
        "threshold": st.sampled_from([-0.5, 0.0, 0.4, 1.0]),
        "is_missing_left": st.booleans(),
        "is_zero_missing": st.booleans(),
        "categories": st.one_of(st.none(), st.none(), st.frozensets(st.sampled_from([0, 1, 2, 70]))),
    }
)
nodes = st.recursive(
    ends,
    lambda branch: st.builds(
        lambda asked, left, right: Fork(left=left, right=right, **asked), questions, branch, branch
    ),
    max_leaves=6,
)
rows = st.lists(st.sampled_from(VALUES), min_size=WIDTH, max_size=WIDTH)
forests = st.lists(nodes, min_size=1, max_size=2)
FEW = settings(max_examples=60, deadline=None)


@FEW
@given(forests, rows)
def test_path_dependent_values_are_the_average_over_all_subsets(roots, row):
    planned = plan(TreeModel(tuple(roots), 0.25), WIDTH)
    tables = path_dependent(planned)
    expected, base = by_subsets(lambda known: 0.25 + sum(on_paths(root, row, known) for root in roots))
    found = look_up(tables, patterns(planned, np.array([row])))[0]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert tables.base == pytest.approx(base, abs=1e-12)


@FEW
@given(forests, rows, st.lists(st.tuples(rows, st.floats(0.1, 5)), min_size=1, max_size=4))
def test_interventional_values_are_the_average_over_all_subsets_and_background_rows(roots, row, weighted):
    background, weights = [other for other, _ in weighted], [weight for _, weight in weighted]
    planned = plan(TreeModel(tuple(roots), -1.0), WIDTH)
    tables = interventional(planned, histogram(patterns(planned, np.array(background)), np.array(weights)))
    expected, base = by_subsets(
        lambda known: -1.0 + sum(against(root, row, known, background, weights) for root in roots)
    )
    found = look_up(tables, patterns(planned, np.array([row])))[0]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert tables.base == pytest.approx(base, abs=1e-12)


def both_tables(planned, background):
    of_background = histogram(patterns(planned, background), None)
    return [path_dependent(planned), interventional(planned, of_background)]


def both_kinds(model, matrix, background):
    planned = plan(model, matrix.shape[1])
    return [look_up(tables, patterns(planned, matrix)) for tables in both_tables(planned, background)]


def matrix_of(seed, rows):
    return np.random.default_rng(seed).choice(VALUES, (rows, WIDTH))


@FEW
@given(forests, st.integers(0, 99))
def test_a_feature_in_no_tree_gets_nothing_and_the_rest_is_the_score(roots, seed):
    model, matrix = TreeModel(tuple(roots), 0.0), matrix_of(seed, 5)
    planned = plan(model, WIDTH)
    for tables in both_tables(planned, matrix[:3]):
        values = look_up(tables, patterns(planned, matrix))
        assert not values[:, WIDTH - 1].any()
        scores = [sum(score(root, row) for root in roots) for row in matrix.tolist()]
        np.testing.assert_allclose(tables.base + values.sum(axis=1), scores, rtol=0, atol=1e-12)


def renamed(node, order):
    if isinstance(node, End):
        return node
    left, right = renamed(node.left, order), renamed(node.right, order)
    return replace(node, feature=int(order[node.feature]), left=left, right=right)


@FEW
@given(forests, st.permutations(range(WIDTH)), st.integers(0, 99))
def test_another_order_of_the_columns_gives_the_same_values_in_that_order(roots, order, seed):
    matrix, moved = matrix_of(seed, 5), np.empty((5, WIDTH))
    moved[:, list(order)] = matrix
    plain = both_kinds(TreeModel(tuple(roots), 0.0), matrix, matrix[:3])
    other = both_kinds(TreeModel(tuple(renamed(root, order) for root in roots), 0.0), moved, moved[:3])
    for before, after in zip(plain, other, strict=True):
        np.testing.assert_allclose(after[:, list(order)], before, rtol=0, atol=1e-12)


def fork(feature, threshold, left, right):
    return Fork(feature, threshold, True, left, right)


REPEATED = fork(0, 0.5, fork(0, -0.5, End(1.0, 10), fork(1, 0.0, End(2.0, 20), End(4.0, 5))), End(8.0, 40))


def test_a_feature_that_a_tree_asks_twice_is_one_feature():
    model = TreeModel((REPEATED,), 0.0)
    matrix = matrix_of(3, 6)
    planned = plan(model, WIDTH)
    values = look_up(path_dependent(planned), patterns(planned, matrix))
    for row, found in zip(matrix.tolist(), values, strict=True):
        expected, _ = by_subsets(lambda known, row=row: on_paths(REPEATED, row, known))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_a_background_row_of_weight_two_counts_as_two_rows():
    planned = plan(TreeModel((REPEATED,), 0.0), WIDTH)
    matrix = matrix_of(4, BLOCK_ROWS + 7)
    twice = histogram(patterns(planned, np.vstack([matrix, matrix[:1]])), None)
    weights = np.ones(len(matrix))
    weights[0] = 2
    np.testing.assert_array_equal(histogram(patterns(planned, matrix), weights), twice)
    assert twice.sum() == len(matrix) + 1


@pytest.mark.parametrize("rows", [1, 3, 4, BLOCK_ROWS, BLOCK_ROWS + 2, 2 * BLOCK_ROWS + 5])
def test_every_row_is_counted_once_whatever_their_number(rows):
    planned = plan(TreeModel((REPEATED, REPEATED.left), 0.0), WIDTH)
    found = patterns(planned, matrix_of(rows, rows))
    counted = histogram(found, None)
    assert counted.sum(axis=1).tolist() == [rows, rows]
    np.testing.assert_array_equal(counted, histogram(found, np.ones(rows)))


@pytest.mark.parametrize("trees", [1, 3, 4, 6, 9])
def test_any_number_of_trees_on_one_feature_is_added(trees):
    """Trees of a feature are added four at a time, and the rest one by one."""
    planned = plan(TreeModel((REPEATED,) * trees, 0.0), WIDTH)
    alone = plan(TreeModel((REPEATED,), 0.0), WIDTH)
    matrix = matrix_of(6, 50)
    together = look_up(path_dependent(planned), patterns(planned, matrix))
    one = look_up(path_dependent(alone), patterns(alone, matrix))
    np.testing.assert_allclose(together, trees * one, rtol=1e-13)


def test_blocks_of_rows_do_not_change_a_value(monkeypatch):
    planned = plan(TreeModel((REPEATED, REPEATED.left), 0.0), WIDTH)
    tables = path_dependent(planned)
    matrix = matrix_of(5, 2 * BLOCK_ROWS + 9)
    whole = look_up(tables, patterns(planned, matrix))
    counted = histogram(patterns(planned, matrix), None)
    monkeypatch.setattr(shapley_tables, "BLOCK_ROWS", 100)
    small = patterns(planned, np.asfortranarray(matrix))
    np.testing.assert_array_equal(look_up(tables, small), whole)
    np.testing.assert_array_equal(histogram(small, None), counted)


def test_a_single_end_has_a_base_and_no_values():
    planned = plan(TreeModel((End(1.5, 3.0),), 0.5), WIDTH)
    tables = path_dependent(planned)
    assert tables.base == 2.0
    assert not look_up(tables, patterns(planned, matrix_of(7, 3))).any()


def test_a_larger_tree_has_no_table():
    tree = End(0.0, 1.0)
    for place in range(8):
        tree = fork(place % WIDTH, float(place), End(1.0, 1.0), tree)
    assert len(splits(tree)) == 8
    assert plan(TreeModel((tree,), 0.0), WIDTH) is None
