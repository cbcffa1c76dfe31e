"""One door to every kind of model: learn from a feature matrix, score in log-odds.

The default, ``"boosting"``, is monotone gradient boosting with small trees and plain log loss. More absence can
never lower a score, leaves hold at least twenty pupils, and the same rows give the same bytes whatever
their order. The other kinds are challengers for the report.

>>> import numpy as np
>>> import pandas as pd
>>> generator = np.random.default_rng(1)
>>> features = pd.DataFrame({"absent_share": generator.uniform(0, 1, 400)})
>>> label = (generator.uniform(0, 1, 400) < features["absent_share"]).to_numpy(float)
>>> model = fit("boosting", features, label, {"absent_share": 1}, seed=7, threads=1)
>>> little, much = model.probability(pd.DataFrame({"absent_share": [0.1, 0.9]}))
>>> bool(little < much)
True
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.errors import RunFailedError, UsageError
from riskmodel.messages import Message, message
from riskmodel.risk import boosting
from riskmodel.risk.challengers import Additive, Forest, Logistic
from riskmodel.risk.draw import content_of
from riskmodel.risk.recipe import BOOSTING, KINDS, Recipe

TEXT_FORMAT = "riskmodel-boosting-1"
GOLDEN_TOLERANCE = 1e-9

Learner = boosting.Boosting | Logistic | Additive | Forest


@dataclass(frozen=True)
class RiskModel:
    """A fitted model.

    ``feature_codes`` are the columns it reads, in its order; other columns of a frame are not read.
    """

    recipe: Recipe
    feature_codes: tuple[str, ...]
    directions: Mapping[str, int]
    seed: int
    learner: Learner = field(repr=False)

    @property
    def kind(self) -> str:
        """One of :data:`KINDS`."""
        return self.recipe.kind

    def raw_score(self, features: pd.DataFrame) -> NDArray[np.float64]:
        """Return the log-odds of each row of ``features``, in their order.

        Raises
        ------
        UsageError
            When a column is missing, stands twice or holds an infinite value.
        """
        matrix = self.matrix(features)
        return self.learner.raw_score(matrix) if len(matrix) else np.zeros(0)

    def probability(self, features: pd.DataFrame) -> NDArray[np.float64]:
        """Return the uncalibrated probability of each row of ``features``, in their order."""
        return probability_of(self.raw_score(features))

    def matrix(self, features: pd.DataFrame) -> NDArray[np.float64]:
        """Return what the learner reads: the features in order, then the treatment set to none."""
        matrix = _matrix(features, self.feature_codes)
        if self.reads_treatment:
            matrix = np.hstack([matrix, np.zeros((len(matrix), 1))])
        return matrix

    @property
    def reads_treatment(self) -> bool:
        """Whether the learner still has the treatment as its last column (trees have it settled)."""
        return bool(self.recipe.treatment) and not isinstance(self.learner, boosting.Boosting)

    def to_text(self) -> str:
        """Return the model as text: a JSON line with a digest, then the LightGBM text. Boosting only."""
        if not isinstance(self.learner, boosting.Boosting):
            raise UsageError(
                message("Only boosting models are kept as text."),
                found=message("The model is of kind {kind}.", kind=self.kind),
                remedy=message("Fit a challenger anew where it is needed."),
            )
        body = self.learner.text
        golden = self.learner.raw_score(boosting.golden_rows(len(self.feature_codes)))
        header = {
            "format": TEXT_FORMAT,
            "feature_codes": list(self.feature_codes),
            "directions": dict(self.directions),
            "seed": self.seed,
            "recipe": asdict(self.recipe),
            "golden": [float(value) for value in golden],
        }
        return json.dumps(header | {"digest": _digest(header, body)}, sort_keys=True) + "\n" + body


def fit(
    kind: str | Recipe,
    features: pd.DataFrame,
    label: NDArray[np.float64],
    directions: Mapping[str, int],
    seed: int = 7,
    threads: int = 1,
) -> RiskModel:
    """Return a model of ``kind`` that has learnt ``label`` (0 or 1 per row) from ``features``.

    Parameters
    ----------
    kind
        One of :data:`KINDS`, or a :class:`Recipe`.
    features
        One numeric column per feature code; NaN where there are no data. With ``recipe.treatment`` or
        ``recipe.weight`` the frame also holds that column.
    directions
        +1 (more of it, more risk), -1 or 0 by feature code; left-out codes are 0. Only "boosting" reads them.
    threads
        For the libraries that can use them; one thread per fit is the fastest on shared machines.

    Rows are put into an order of their own first, so that the order in which they came does not matter. Where
    ``recipe`` says that they are a draw, the model scores as if all rows had taught it (:mod:`riskmodel.risk.draw`).

    Raises
    ------
    UsageError
        For an unknown kind, no rows, one class only, a label other than 0 and 1, a direction other than
        -1, 0 and +1, or an infinite value.
    """
    recipe = replace(kind if isinstance(kind, Recipe) else Recipe(kind), threads=threads)
    _check_recipe(recipe, features, directions)
    codes = tuple(str(name) for name in features.columns if name not in {recipe.treatment, recipe.weight})
    target = _check_label(label, len(features))
    matrix = _matrix(features, (*codes, recipe.treatment) if recipe.treatment else codes)
    weight = _weight(recipe, features)
    order = canonical_order(matrix if weight is None else np.column_stack([matrix, weight]), target)
    ordered = matrix.T.take(order, axis=1).T  # columns stay together in memory
    rows = _Rows(ordered, target[order], None if weight is None else weight[order])
    learner = _learn(recipe, rows, [int(directions.get(code, 0)) for code in codes], seed, codes)
    return RiskModel(recipe, codes, {code: int(directions.get(code, 0)) for code in codes}, seed, learner)


def probability_of(raw_score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability of log-odds, without overflow.

    >>> probability_of(np.array([-1000.0, 0.0, 1000.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    raw = np.asarray(raw_score, dtype=np.float64)
    shrunk = np.exp(-np.abs(raw))
    return np.where(raw >= 0, 1.0, shrunk) / (1.0 + shrunk)


def canonical_order(matrix: NDArray[np.float64], label: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return an order of the rows that depends on their content alone.

    Row draws of a learner go by row number; with this order a shuffled delivery gives the same model.
    """
    return np.argsort(content_of(matrix, label), kind="stable")


def from_text(text: str, threads: int = 1) -> RiskModel:
    """Return the model that :meth:`RiskModel.to_text` wrote.

    Raises
    ------
    RunFailedError
        When the text is not a stored model, its digest differs, or it scores the kept rows otherwise. The digest
        is compared before the library reads anything: a cut text can end the process.
    """
    first, _, body = text.partition("\n")
    try:
        header = json.loads(first)
        digest = header.pop("digest")
        is_ours = header["format"] == TEXT_FORMAT
    except (ValueError, KeyError, TypeError, AttributeError):
        is_ours, digest, header = False, "", {}
    if not is_ours or digest != _digest(header, body):
        raise _damaged(message("It is cut, changed or of another kind: its digest differs."))
    recipe = header["recipe"]
    recipe["code_columns"] = tuple(recipe["code_columns"])
    learner = boosting.Boosting(body, threads)
    model = RiskModel(
        replace(Recipe(**recipe), threads=threads),
        tuple(header["feature_codes"]),
        header["directions"],
        int(header["seed"]),
        learner,
    )
    golden = learner.raw_score(boosting.golden_rows(len(model.feature_codes)))
    if not np.allclose(golden, header["golden"], rtol=0, atol=GOLDEN_TOLERANCE):
        raise _damaged(message("It no longer gives the scores that were kept with it."))
    return model


class _Rows(NamedTuple):
    """What teaches, in its own order."""

    matrix: NDArray[np.float64]
    label: NDArray[np.float64]
    weight: NDArray[np.float64] | None


def _learn(recipe: Recipe, rows: _Rows, constraints: list[int], seed: int, codes: tuple[str, ...]) -> Learner:
    matrix, label, weight = rows
    match recipe.kind:
        case "logistic":
            return Logistic.learn(recipe, matrix, label, frozenset(codes.index(code) for code in recipe.code_columns))
        case "ebm":
            return Additive.learn(recipe, matrix, label, seed)
        case "forest":
            return Forest.learn(recipe, matrix, label, seed)
    if recipe.kind == "boosting_free":
        constraints = [0] * len(codes)
    treated = [0] if recipe.treatment else []
    text = boosting.learn(recipe, matrix, label, constraints + treated, seed, weight)
    return boosting.Boosting(text, recipe.threads)


def _check_recipe(recipe: Recipe, features: pd.DataFrame, directions: Mapping[str, int]) -> None:
    if recipe.kind not in KINDS:
        raise UsageError(
            message("The kind of a model must be one of: {kinds}.", kinds=", ".join(KINDS)),
            found=message("{kind} was asked for.", kind=recipe.kind),
            remedy=message("Name one of these kinds."),
        )
    if any(direction not in {-1, 0, 1} for direction in directions.values()):
        raise UsageError(
            message("The direction of a feature must be -1, 0 or +1."),
            found=message("Another number was given."),
            remedy=message("Correct the list of features."),
        )
    named = {*recipe.code_columns, recipe.treatment, recipe.weight} - {""}
    absent = sorted(named - {str(name) for name in features.columns})
    if absent:
        raise _wrong_columns(absent)


def _weight(recipe: Recipe, features: pd.DataFrame) -> NDArray[np.float64] | None:
    """Return how many pupils each row stands for; None where each is one."""
    if not recipe.weight:
        return None
    weight = features[recipe.weight].to_numpy(dtype=np.float64)
    if recipe.kind not in BOOSTING or not (np.isfinite(weight).all() and (weight > 0).all()):
        raise UsageError(
            message("Weights are for boosting: one above 0 for each row."),
            found=message("The model is of kind {kind}, with {rows} rows.", kind=recipe.kind, rows=len(weight)),
            remedy=message("Leave them out, or give each row its own."),
        )
    return weight


def _check_label(label: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
    target = np.asarray(label, dtype=np.float64)
    if rows == 0 or target.shape != (rows,):
        raise UsageError(
            message("A model needs rows, each with its own label."),
            found=message("There are {rows} rows and {labels} labels.", rows=rows, labels=target.size),
            remedy=message("Check which cohorts may train: their outcomes must be known."),
        )
    if set(np.unique(target)) != {0.0, 1.0}:
        raise UsageError(
            message("A model needs pupils who left (1) and pupils who stayed (0), and no other label."),
            found=message("The labels are not of exactly these two classes."),
            remedy=message("Leave censored pupils out, or take more cohorts for training."),
        )
    return target


def _matrix(features: pd.DataFrame, codes: tuple[str, ...]) -> NDArray[np.float64]:
    names = [str(name) for name in features.columns]
    wrong = sorted(code for code in codes if names.count(code) != 1)
    if wrong or not codes:
        raise _wrong_columns(wrong)
    chosen = features if tuple(names) == codes else features[list(codes)]
    matrix: NDArray[np.float64] = chosen.to_numpy(dtype=np.float64, na_value=np.nan)
    infinite = np.array([bool(np.isinf(column).any()) for column in matrix.T])  # one at a time: no second matrix
    if infinite.any():
        raise UsageError(
            message("A feature must be a finite number, or missing."),
            found=message("These hold an infinite value: {codes}.", codes=", ".join(np.array(codes)[infinite])),
            remedy=message("Correct the definition of the feature: a division by zero is missing, not infinite."),
        )
    return matrix


def _wrong_columns(codes: list[str]) -> UsageError:
    return UsageError(
        message("A feature matrix must hold every feature of the model exactly once."),
        found=message("These are missing or stand twice: {codes}.", codes=", ".join(codes[:10])),
        remedy=message("Build the features with the same version of the program."),
    )


def _damaged(found: Message) -> RunFailedError:
    return RunFailedError(
        message("A stored model must be as it was written."),
        found=found,
        remedy=message("Take the model from the run folder again, or run the semester anew."),
    )


def _digest(header: Mapping[str, object], body: str) -> str:
    text = json.dumps(header, sort_keys=True) + "\n" + body
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
