"""Sums of decision trees in one plain form, read from LightGBM, scikit-learn and XGBoost.

Each library decides in its own way where a value goes. What a :class:`Fork` says covers them all: a number goes left
at or below a threshold, or when it is one of the fork's categories; a missing value goes to a fixed side; LightGBM's
"zero is missing" sends zero (up to ``ZERO`` in size) there too.

Sources: LightGBM 4.7 ``tree.h`` (``NumericalDecision``, ``CategoricalDecision``), scikit-learn 1.9
``_hist_gradient_boosting/_predictor.pyx``, XGBoost 3.2 ``tree_model.h``, each compared with the library's own scores.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from riskmodel.errors import UsageError
from riskmodel.messages import Message, message
from riskmodel.risk.trees import IS_CATEGORICAL, Leaf, Node, read_trees

ZERO = float(np.float32(1e-35))
"""A value of at most this size is zero to LightGBM."""

DEFAULT_LEFT, MISSING_SHIFT = 2, 2
ZERO_IS_MISSING, NAN_IS_MISSING = 1, 2
"""LightGBM's ``decision_type``: bit 1, where missing values go; bits 2 and 3, what is missing."""


@dataclass(frozen=True)
class End:
    """An end of a tree: what it adds to the score, and its cover (weight of the training rows that it held)."""

    value: float
    cover: float


@dataclass(frozen=True)
class Fork:
    """A node with two branches. With ``categories`` the threshold is not read, and other codes go right."""

    feature: int
    threshold: float
    is_missing_left: bool
    left: Fork | End
    right: Fork | End
    is_zero_missing: bool = False
    categories: frozenset[int] | None = None


@dataclass(frozen=True)
class TreeModel:
    """A raw score: ``offset`` plus one end of each tree.

    ``is_single``: the library looks at the features in single precision.
    """

    roots: tuple[Fork | End, ...]
    offset: float
    is_single: bool = False


def splits(root: Fork | End) -> list[Fork]:
    """Return the splits of a tree, parent before child."""
    return [] if isinstance(root, End) else [root, *splits(root.left), *splits(root.right)]


def from_lightgbm(text: str) -> TreeModel:
    """Return the trees of a LightGBM model ``text`` with one raw score.

    Raises
    ------
    UsageError
        For several classes, averaged trees, or linear leaves.
    """
    head = text.partition("\nTree=")[0]
    if not re.search(r"^num_tree_per_iteration=1$", head, re.MULTILINE) or re.search(
        r"^average_output$", head, re.MULTILINE
    ):
        raise _not_a_sum(message("It has several classes, or takes the mean of its trees."))
    if "\nis_linear=1" in text:
        raise _not_a_sum(message("Its leaves are linear."))

    def plain(node: Node) -> Fork | End:
        if isinstance(node, Leaf):
            return End(float(node.value), float(node.count))
        kind = int(node.decision)
        missing = (kind >> MISSING_SHIFT) & 3
        left, right = plain(node.left), plain(node.right)
        if kind & IS_CATEGORICAL:
            return Fork(int(node.feature), 0.0, False, left, right, categories=frozenset(node.categories))
        threshold = float(node.threshold)
        # Where nothing was missing in training, a missing value is read as zero.
        is_left = bool(kind & DEFAULT_LEFT) if missing in (ZERO_IS_MISSING, NAN_IS_MISSING) else threshold >= 0.0
        return Fork(int(node.feature), threshold, is_left, left, right, is_zero_missing=missing == ZERO_IS_MISSING)

    return TreeModel(tuple(plain(root) for root in read_trees(text)), 0.0)


def from_hist_gradient_boosting(model: Any) -> TreeModel:
    """Return the trees of a fitted ``HistGradientBoostingClassifier`` (two classes) or ``…Regressor``.

    Raises
    ------
    UsageError
        For several classes, or a categorical feature.
    """
    if any(len(trees) != 1 for trees in model._predictors):
        raise _not_a_sum(message("It has several classes, or takes the mean of its trees."))

    def plain(nodes: Any, place: int) -> Fork | End:
        node = nodes[place]
        if node["is_leaf"]:
            return End(float(node["value"]), float(node["count"]))
        if node["is_categorical"]:
            raise _not_a_sum(message("It has categorical features, which this library numbers anew."))
        left, right = plain(nodes, int(node["left"])), plain(nodes, int(node["right"]))
        return Fork(
            int(node["feature_idx"]), float(node["num_threshold"]), bool(node["missing_go_to_left"]), left, right
        )

    roots = tuple(plain(trees[0].nodes, 0) for trees in model._predictors)
    return TreeModel(roots, float(np.ravel(model._baseline_prediction)[0]))


def from_xgboost(booster: Any) -> TreeModel:
    """Return the trees of an XGBoost ``Booster`` of kind gbtree with one raw score.

    Raises
    ------
    UsageError
        For several classes, another kind of booster, or a categorical feature.
    """
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    described, boosting = learner["learner_model_param"], learner["gradient_booster"]
    if boosting["name"] != "gbtree" or int(described["num_class"]) > 1 or int(described.get("num_target", 1)) > 1:
        raise _not_a_sum(message("It has several classes, or takes the mean of its trees."))
    offset = float(str(described["base_score"]).strip("[]"))
    if learner["objective"]["name"] == "binary:logistic":
        offset = float(np.log(offset / (1 - offset)))
    elif learner["objective"]["name"] not in {"reg:squarederror", "binary:logitraw"}:
        raise _not_a_sum(message("Its raw score has another scale than log-odds or plain numbers."))
    trees = boosting["model"]["trees"]
    return TreeModel(tuple(_from_xgboost(tree, 0) for tree in trees), offset, is_single=True)


def _from_xgboost(tree: dict[str, Any], place: int) -> Fork | End:
    cover, condition = float(tree["sum_hessian"][place]), np.float32(tree["split_conditions"][place])
    if tree["left_children"][place] == -1:
        return End(float(condition), cover)
    if tree["split_type"][place]:
        raise _not_a_sum(message("It has categorical features, which this library numbers anew."))
    left, right = (_from_xgboost(tree, tree[side][place]) for side in ("left_children", "right_children"))
    # It goes left below its threshold; in single precision that is at or below the number before it.
    threshold = float(np.nextafter(condition, np.float32(-np.inf)))
    return Fork(int(tree["split_indices"][place]), threshold, bool(tree["default_left"][place]), left, right)


def _not_a_sum(found: Message) -> UsageError:
    return UsageError(
        message("Trees are explained exactly where the raw score is one sum over plain trees."),
        found=found,
        remedy=message("Explain the model by a function of its features and with a background."),
    )
