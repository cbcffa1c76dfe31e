"""A verdict by rule, set before the run: helps, harms, no effect worth having, inconclusive, not enough data.

In this order:

1. the effect that could be detected is larger than any that is plausible → *not enough data*: what such a study calls
   significant is exaggerated, if not of the wrong sign;
2. the whole interval lies strictly within ± the smallest effect worth having → *no effect worth having*;
3. the whole interval lies on one side of zero → *helps* (fewer leave) or *harms*;
4. everything else → *inconclusive*.

A comparison that shows an association alone (:data:`DESCRIPTIVE`) gets *descriptive* and none of these. Who asks
about many measures at once finds some "effects" by chance: :func:`holding` is Holm's rule for a family of questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.risk.effects.estimate import LEVEL, Estimate, Kind

DESCRIPTIVE = frozenset({Kind.DIFFERENCE})


class Verdict(StrEnum):
    """What may be said of a measure."""

    HELPS = "helps"
    HARMS = "harms"
    NOT_WORTH_HAVING = "not_worth_having"
    INCONCLUSIVE = "inconclusive"
    NOT_ENOUGH_DATA = "not_enough_data"
    DESCRIPTIVE = "descriptive"


@dataclass(frozen=True)
class Rule:
    """The two sizes that a verdict needs, decided before anybody looks at the data."""

    worth_having: float = 0.02
    """Smallest effect worth having, as a share: two points, one pupil in fifty kept. A default to be argued about and set by
    those who pay: below it fifty plans keep less than one pupil."""

    plausible: float = 0.10
    """Largest effect to be believed. The mean of 152 studies of programmes against leaving early is 8 points, from 21 % to
    13 %, in groups at high risk (Wilson, Tanner-Smith, Lipsey, Steinka-Fry and Morrison 2011, Campbell review 2011:8)."""

    def __post_init__(self) -> None:
        if not 0 < self.worth_having <= self.plausible <= 1:
            raise UsageError(
                message(
                    "The smallest effect worth having must be above 0 and at most the largest plausible one, itself at most 1."
                ),
                found=message("They are {worth} and {plausible}.", worth=self.worth_having, plausible=self.plausible),
                remedy=message("Give both as shares: 0.02 is two points."),
            )

    def of(self, estimate: Estimate) -> Verdict:
        """Return the verdict on one estimate by itself."""
        if estimate.kind in DESCRIPTIVE:
            return Verdict.DESCRIPTIVE
        if estimate.detectable > self.plausible:
            return Verdict.NOT_ENOUGH_DATA
        if -self.worth_having < estimate.low and estimate.high < self.worth_having:
            return Verdict.NOT_WORTH_HAVING
        if estimate.high < 0:
            return Verdict.HELPS
        return Verdict.HARMS if estimate.low > 0 else Verdict.INCONCLUSIVE


def holding(p_values: Sequence[float], level: float = LEVEL) -> list[bool]:
    """Return which of a family of findings hold when all are asked together (Holm 1979).

    Whatever the number of questions, the chance that any measure without an effect is said to have one stays at most
    1 - ``level``. One question alone is asked as ever.

    >>> holding([0.01, 0.04, 0.03])
    [True, False, False]
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    allowed = (1 - level) / (len(values) - np.arange(len(values)))
    holds = np.zeros(len(values), dtype=bool)
    holds[order] = np.logical_and.accumulate(values[order] <= allowed)
    return [bool(one) for one in holds]


def verdicts(estimates: Sequence[Estimate], rule: Rule) -> list[Verdict]:
    """Return the verdicts on a family of estimates: *helps* and *harms* stand only where they hold among all.

    One that does not hold is *inconclusive*. Verdicts that claim no effect are not touched.
    """
    alone = [rule.of(estimate) for estimate in estimates]
    asked = [place for place, estimate in enumerate(estimates) if estimate.kind not in DESCRIPTIVE]
    holds = dict(zip(asked, holding([estimates[place].p_value for place in asked]), strict=True))
    claims = (Verdict.HELPS, Verdict.HARMS)
    return [
        Verdict.INCONCLUSIVE if verdict in claims and not holds[place] else verdict
        for place, verdict in enumerate(alone)
    ]
