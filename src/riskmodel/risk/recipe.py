"""What a model is learnt by: its kind and its hyper-parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from riskmodel.risk.draw import Draw

KINDS = ("boosting", "boosting_free", "logistic", "ebm", "forest")
BOOSTING = KINDS[:2]
"""Those that can read weights."""


RATE, RATE_OF_MANY, MANY_LEFT = 0.05, 0.08, 5_000
"""From so many leavers up two hundred trees at .05 stop short of strong drivers and spread predictions too little (slopes
of truth on prediction of 1.06 to 1.16 in drawn worlds); below, and where years differ, .08 follows chance (OULAD)."""


@dataclass(frozen=True)
class Recipe:
    """A kind of model and its hyper-parameters; the defaults are the product's.

    ``fit("boosting", ...)`` is short for ``fit(Recipe("boosting"), ...)``: a benchmark with a protocol of its own
    states what it changes.
    """

    kind: str = "boosting"
    trees: int = 200
    leaves: int = 8
    learning_rate: float | None = None
    """None: by the number of leavers, see :meth:`rate_for`."""
    min_leaf_pupils: int = 20
    row_share: float = 0.8
    feature_share: float = 1.0
    """Of the features that a tree may read. Where it may not read a driver it leans on what goes with it, and reasons name
    features without effect."""
    l2: float = 1.0
    monotone_method: Literal["basic", "intermediate", "advanced"] = "basic"
    logistic_c: float = 0.3
    code_columns: tuple[str, ...] = ()
    """Features whose numbers are codes: one column per code in the logistic model."""
    ebm_outer_bags: int = 4
    ebm_pairs: int = 5
    forest_trees: int = 100
    forest_min_leaf_pupils: int = 1
    treatment: str = ""
    """A training column, 1 where support came inside the label window. Scores are given as if none came."""
    weight: str = ""
    """A training column: how many pupils each row stands for, besides those of the draw."""
    left_share: float = 1.0
    stayed_share: float = 1.0
    """Shares of the leavers and of those who stayed that the rows are a draw of; scores are those of all."""
    threads: int = 1

    @property
    def draw(self) -> Draw:
        """The draw that the rows are."""
        return Draw(self.left_share, self.stayed_share)

    def rate_for(self, left: int) -> float:
        """Return the learning rate for a fit that reads so many leavers.

        >>> Recipe().rate_for(4_999), Recipe().rate_for(5_000), Recipe(learning_rate=0.1).rate_for(5_000)
        (0.05, 0.08, 0.1)
        """
        if self.learning_rate is not None:
            return self.learning_rate
        return RATE_OF_MANY if left >= MANY_LEFT else RATE
