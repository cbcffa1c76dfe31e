"""Monotone boosting of small trees: how the default model is learnt, kept as text, and read again.

Pupils who stayed because they were supported must not teach the model that they were safe. Support received after
the cut-off date is therefore a column in training, the treatment. Nobody has it when scores are given, so its answer
at every split is known: the splits on it are taken out of the trees. What remains scores exactly as the whole model
would without new support, knows nothing of the treatment, and its reasons add up over the features alone.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from riskmodel.errors import RunFailedError
from riskmodel.importing import without
from riskmodel.messages import message
from riskmodel.risk import tree_scores
from riskmodel.risk.recipe import Recipe
from riskmodel.risk.tree_scores import Forest
from riskmodel.risk.trees import Leaf, Node, replant, settled, without_small_leaves

if TYPE_CHECKING:
    from types import ModuleType

    import lightgbm

NO_SUPPORT = 0.0
"""The treatment column for a pupil without new support: every score is given as if this held."""

GOLDEN_ROWS = 32
"""Invented rows whose scores are kept with the model and compared when it is read again."""


@dataclass(frozen=True)
class Boosting:
    """A LightGBM model that answers in log-odds; ``text`` is its own format, as the library writes it."""

    text: str
    threads: int

    @cached_property
    def booster(self) -> lightgbm.Booster:
        """The model as the library's object, which only trees beyond our own kernel and the library's own figures need."""
        return read(self.text)

    def raw_score(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log-odds of each row; the trees of the default recipe are passed by our own kernel."""
        if self.forest is not None:
            return tree_scores.scores(self.forest, matrix)
        raw = self.booster.predict(matrix, raw_score=True, num_threads=self.threads)
        return np.asarray(raw, dtype=np.float64)

    @cached_property
    def forest(self) -> Forest | None:
        """The trees for :mod:`riskmodel.risk.tree_scores`, or None where they are too large for it."""
        return tree_scores.plant(self.text)


def load_library() -> ModuleType:
    """Import LightGBM without scikit-learn, before there are threads: an eighth of the time, and 50 MB less. Return it.

    It needs scikit-learn for classes in that library's manner, which nobody here uses.
    """
    with without("sklearn"):
        return importlib.import_module("lightgbm")


def learn(
    recipe: Recipe,
    matrix: NDArray[np.float64],
    label: NDArray[np.float64],
    constraints: list[int],
    seed: int,
    weight: NDArray[np.float64] | None = None,
) -> str:
    """Return the text of a booster learnt with log loss, without class weights, exactly reproducible from ``seed``.

    ``constraints`` holds +1, -1 or 0 per column; with a treatment its column is the last, and settled at none. ``weight``
    is the number of pupils that a row stands for, None: one.
    ``deterministic`` and a stated way to fill histograms make the trees independent of timing. One thread adds up the
    same numbers in the same order by rows as by columns, and is faster by rows; several threads would not.
    """
    import lightgbm  # noqa: PLC0415  (a second that those who judge or report do not pay)

    parameters = {
        "objective": "binary",
        "num_leaves": recipe.leaves,
        "learning_rate": recipe.rate_for(int(label.sum())),
        "min_data_in_leaf": recipe.min_leaf_pupils,
        "bagging_fraction": recipe.row_share,
        "bagging_freq": 1,
        "feature_fraction": recipe.feature_share,
        "lambda_l2": recipe.l2,
        "seed": seed,
        "deterministic": True,
        "force_row_wise" if recipe.threads == 1 else "force_col_wise": True,
        "num_threads": recipe.threads,
        "verbosity": -1,
    }
    if any(constraints):
        parameters |= {
            "monotone_constraints": constraints,
            "monotone_constraints_method": recipe.monotone_method,
        }
    data = lightgbm.Dataset(matrix, label=label, weight=weight, free_raw_data=True)
    text = str(lightgbm.train(parameters, data, num_boost_round=recipe.trees).model_to_string())
    treatment = matrix.shape[1] - 1 if recipe.treatment else None

    def tidied(tree: Node) -> Node:
        if recipe.monotone_method == "basic":  # the other methods give no room for a joined leaf
            tree = without_small_leaves(tree, recipe.min_leaf_pupils)
        return tree if treatment is None else settled(tree, str(treatment), NO_SUPPORT)

    features = matrix.shape[1] if treatment is None else treatment
    tidy = replant(text, tidied, features)
    if recipe.draw.is_whole and weight is None:
        return _as_written(tidy)
    stands_for = (1.0 if weight is None else weight) / recipe.draw.share_of(label)
    return _as_written(_undrawn(tidy, recipe.draw.shift, matrix[:, :features], stands_for))


def _undrawn(text: str, shift_of_all: float, matrix: NDArray[np.float64], weight: NDArray[np.float64]) -> str:
    """Return the model ``text`` as of all rows: log-odds shifted, and ends that count the rows which drawn ones stand for.

    Reasons start from the mean score of those counts; the mean of the draw would be that of a country where half leave.
    """
    forest = tree_scores.plant(text)
    if forest is None:
        ends = np.asarray(read(text).predict(matrix, pred_leaf=True, num_threads=1), dtype=np.intp)
        counts = np.array([np.bincount(of_tree, weight, int(ends.max()) + 1) for of_tree in ends.T])
    else:
        counts = tree_scores.covers(forest, matrix, weight)
    trees = iter(range(len(counts)))

    def counted(tree: Node) -> Node:
        number = next(trees)
        rows, shift = iter(counts[number]), shift_of_all if number == 0 else 0.0

        def change(node: Node) -> Node:
            if isinstance(node, Leaf):
                return replace(node, value=repr(float(node.value) + shift), count=str(round(next(rows))))
            return node.with_branches(change(node.left), change(node.right))

        return change(tree)

    return replant(text, counted, matrix.shape[1])


def _as_written(text: str) -> str:
    return str(read(text).model_to_string())


def read(text: str) -> lightgbm.Booster:
    """Return the booster of ``text``. Check its digest before: a damaged text can end the process."""
    import lightgbm  # noqa: PLC0415  (as above)

    try:
        return lightgbm.Booster(model_str=text)
    except lightgbm.basic.LightGBMError as error:
        raise RunFailedError(
            message("A stored model must be a complete LightGBM text."),
            found=message("The library could not read it."),
            remedy=message("Take the model from the run folder again, or run the semester anew."),
        ) from error


def golden_rows(features: int) -> NDArray[np.float64]:
    """Return invented rows, always the same, that spread over many sizes; the first is without data.

    They stand for no pupil: what they score is kept beside the model, so that a changed digit is noticed.
    """
    generator = np.random.default_rng(697)
    size = (GOLDEN_ROWS, features)
    rows = generator.normal(size=size) * 10.0 ** generator.uniform(-2, 3, size=size)
    rows[0] = np.nan
    return np.asarray(rows, dtype=np.float64)
