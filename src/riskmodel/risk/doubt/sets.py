"""What may become of a pupil with such a score: left, stayed, or both; the limits come from past cohorts by class.

Class-conditional split conformal prediction (Vovk 2012; Angelopoulos and Bates 2023). Past cohorts were predicted out of
time, and their outcomes are known. With n1 of them left and ``error_share`` e,

    "left" is held from that probability which ceil((n1 + 1)(1 - e)) of those who left had or exceeded,
    "stayed" is held up to that probability which ceil((n0 + 1)(1 - e)) of those who stayed had or fell short of.

So of the next pupils who leave, 1 - e or more have a set that holds "left", whatever the model, and the same with those
who stay, as long as the next cohort is drawn like the past ones. It is not: that is why :mod:`riskmodel.runs.doubting`
counts the shares anew for each past cohort, by the limits that could be known then.

A set of both, or of neither, is *unsure*: such scores went both ways, or neither. It is no low risk.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LEFT, STAYED = "left", "stayed"
CLASSES = (LEFT, STAYED)


@dataclass(frozen=True)
class Sets:
    """The limits by which sets are made: probabilities; ``left`` and ``stayed`` count the pupils behind them.

    With too few of a class for its limit, its answer is held by every set: ``left_from`` 0, ``stayed_upto`` 1.
    """

    error_share: float
    left_from: float
    stayed_upto: float
    left: int
    stayed: int

    def holds(self, answer: str, probability: Floats) -> Flags:
        """Return whether the set of each probability holds ``answer``, one of :data:`CLASSES`.

        >>> Sets(0.1, left_from=0.2, stayed_upto=0.4, left=99, stayed=99).holds("left", np.array([0.1, 0.2])).tolist()
        [False, True]
        """
        chance = np.asarray(probability, dtype=np.float64)
        return np.asarray(chance >= self.left_from if answer == LEFT else chance <= self.stayed_upto)

    def is_unsure(self, probability: Floats) -> Flags:
        """Return whether the set of each probability holds both answers, or neither.

        >>> Sets(0.1, left_from=0.2, stayed_upto=0.4, left=99, stayed=99).is_unsure(np.array([0.1, 0.3, 0.5])).tolist()
        [False, True, False]
        """
        return np.asarray(self.holds(LEFT, probability) == self.holds(STAYED, probability))


def learn(cohorts: Iterable[tuple[Floats, Floats]], error_share: float) -> Sets:
    """Return the limits that past cohorts give.

    Parameters
    ----------
    cohorts
        Of each past cohort the calibrated probabilities, as they were predicted out of time, and the labels (1 left,
        0 stayed, NaN not known: not counted).
    error_share
        Share of those who left, and of those who stayed, whose set may miss what became of them; above 0 and below 1.

    Raises
    ------
    UsageError
        For a share outside these bounds.
    """
    if not 0 < error_share < 1:
        raise UsageError(
            message("The share of sets that may miss must lie between 0 and 1."),
            found=message("The share is {share}.", share=error_share),
            remedy=message("Give a share such as 0.1."),
        )
    pairs = list(cohorts)
    probability, label = (
        np.concatenate([np.zeros(0), *(pair[place] for pair in pairs)]).astype(np.float64) for place in (0, 1)
    )
    of_left, of_stayed = np.sort(probability[label == 1]), np.sort(probability[label == 0])
    enough_left, enough_stayed = (math.ceil((len(one) + 1) * (1 - error_share) - 1e-9) for one in (of_left, of_stayed))
    return Sets(
        error_share,
        left_from=0.0 if enough_left > len(of_left) else float(of_left[len(of_left) - enough_left]),
        stayed_upto=1.0 if enough_stayed > len(of_stayed) else float(of_stayed[enough_stayed - 1]),
        left=len(of_left),
        stayed=len(of_stayed),
    )
