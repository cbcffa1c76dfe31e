"""Places given by a cut, by lot and by judgement, with an effect that is known because it was planted.

Nothing here is shared with :mod:`riskmodel.risk.effects`: laws are written out, and what an honest method could tell is
worked out from them by integration over the planted law. Risks are shares who leave; a place changes the risk by ``effect``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

MANY = 200_000
"""Pupils over whom a law is averaged that has no simple integral: the error so found is right to a third of a percent."""


@dataclass(frozen=True)
class Cut:
    """Scores by the law Beta(2, 5), a place from the cut on, a risk that rises and bends with the score."""

    pupils: int
    at: float = 0.35

    def draw(self, generator: np.random.Generator, effect: float) -> tuple[Floats, Floats, Floats]:
        """Return score, place (0 or 1) and outcome (1 left) per pupil."""
        score = generator.beta(2, 5, self.pupils)
        place = (score >= self.at).astype(np.float64)
        left = (generator.random(self.pupils) < self.risk(score) + effect * place).astype(np.float64)
        return score, place, left

    def risk(self, score: Floats) -> Floats:
        """Return the risk without a place."""
        return np.asarray(0.05 + 0.5 * score + 0.4 * (score - 0.3) ** 2)

    def error(self, effect: float, bandwidth: float) -> float:
        """Return the standard deviation of a local quadratic jump with triangular weights, from the planted law.

        The mean of the weights' squares times the variance of an outcome, over the law of the score.
        """
        variance = 0.0
        for low, high, shift in (
            (max(self.at - bandwidth, 0.0), self.at, 0.0),
            (self.at, min(self.at + bandwidth, 1.0), effect),
        ):
            score = np.linspace(low, high, 4001)
            score = (score[1:] + score[:-1]) / 2
            mass = self.pupils * 30 * score * (1 - score) ** 4 * (high - low) / 4000
            away = (score - self.at) / bandwidth
            weight = 1 - np.abs(away)
            powers = np.vander(away, 3, increasing=True)
            reach = np.linalg.inv((powers * (mass * weight)[:, None]).T @ powers)[0] @ powers.T * weight
            risk = self.risk(score) + shift
            variance += float(np.sum(mass * reach**2 * risk * (1 - risk)))
        return float(np.sqrt(variance))


@dataclass(frozen=True)
class Lots:
    """Ties of two to six pupils with one to three places; each tie has a risk of its own."""

    ties: int

    def sizes(self) -> tuple[Integers, Integers]:
        """Return the pupils and the places of each tie."""
        number = np.arange(self.ties)
        pupils = 2 + number % 5
        return pupils, np.minimum(1 + number // 5 % 3, pupils - 1)

    def risks(self) -> Floats:
        """Return the risk of each tie without a place, from .12 to .3."""
        return np.asarray(0.12 + 0.18 * (np.arange(self.ties) * 0.61803398875 % 1))

    def draw(self, generator: np.random.Generator, effect: float) -> tuple[Floats, Floats, Integers]:
        """Return place (0 or 1), outcome (1 left) and number of the tie per pupil."""
        pupils, places = self.sizes()
        tie = np.repeat(np.arange(self.ties), pupils)
        lot = generator.random(len(tie))
        order = np.lexsort((lot, tie))
        first = np.repeat(np.cumsum(pupils) - pupils, pupils)
        place = np.zeros(len(tie))
        place[order] = np.arange(len(tie)) - first < places[tie]
        left = (generator.random(len(tie)) < self.risks()[tie] + effect * place).astype(np.float64)
        return place, left, tie

    def error(self, effect: float) -> float:
        """Return the standard deviation of the comparison within ties, from the planted risks."""
        pupils, places = self.sizes()
        rest, without = pupils - places, self.risks()
        with_it = without + effect
        weight = places * rest / pupils
        variance = with_it * (1 - with_it) / places + without * (1 - without) / rest
        return float(np.sqrt(weight**2 @ variance) / weight.sum())


@dataclass(frozen=True)
class Judgement:
    """Staff choose by what also makes pupils leave: a plain difference shows the opposite of the effect, or nothing.

    Choice and risk bend, step and depend on each other's reasons, in forms that no estimator here is told.
    """

    pupils: int

    def draw(self, generator: np.random.Generator, effect: float) -> tuple[Floats, Floats, Floats]:
        """Return covariates (pupils × 4), measure (0 or 1) and outcome (1 left)."""
        seen = self._seen(generator, self.pupils)
        given = (generator.random(self.pupils) < self.chance(seen)).astype(np.float64)
        left = (generator.random(self.pupils) < self.risk(seen) + effect * given).astype(np.float64)
        return seen, given, left

    @staticmethod
    def _seen(generator: np.random.Generator, pupils: int) -> Floats:
        seen = generator.normal(size=(pupils, 4))
        seen[:, 1] = 0.5 * seen[:, 0] + np.sqrt(0.75) * seen[:, 1]
        seen[:, 3] = seen[:, 3] > 0.5
        return np.asarray(seen)

    @staticmethod
    def chance(seen: Floats) -> Floats:
        """Return the chance of getting the measure."""
        first, second, _, flag = seen.T
        need = 0.9 * first + 0.6 * np.maximum(second, 0) + 0.5 * flag - 0.3 * first * flag
        return np.asarray(1 / (1 + np.exp(1.0 - need)))

    @staticmethod
    def risk(seen: Floats) -> Floats:
        """Return the risk without the measure, from .1 to .55."""
        first, second, third, _ = seen.T
        pull = -1.6 + 0.9 * first + 0.7 * (second > 0.3) + 0.2 * third**2
        return np.asarray(0.10 + 0.45 / (1 + np.exp(-pull)))

    def error(self, effect: float) -> float:
        """Return the least standard deviation that any such method has (the efficiency bound; Hahn 1998).

        The mean over many pupils of the planted law.
        """
        seen = self._seen(np.random.default_rng(0), MANY)
        chance, without = self.chance(seen), self.risk(seen)
        with_it = without + effect
        spread = with_it * (1 - with_it) / chance + without * (1 - without) / (1 - chance)
        return float(np.sqrt(spread.mean() / self.pupils))
