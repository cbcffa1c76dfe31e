"""How far a pupil's own chance may lie from the one that is shown: a width in log-odds, measured on past cohorts.

The chance that is shown is a mean over pupils whom the model cannot tell apart. A single pupil's own one strays from it for
three reasons; each has a variance that past cohorts tell, in log-odds:

*school*: what every pupil of a school shares and no feature holds. Leavers of a school minus those expected stray from
zero by more than chance; the excess is this variance (moments; pupils of several cohorts together).

*year*: what a whole cohort shares, and where scores of some height were too high or too low. The same excess, of fifths of
each cohort.

*model*: what other pupils would have taught. Most cohorts were predicted twice, by the teachers of the mature split and by
the fewer ones of the strict split, who are among them. Where the error of a model is as one over the number of leavers that
taught it, and the larger model wastes nothing of the smaller one, the variance of the difference of the two is the
difference of their variances (Hausman 1978): no outcome is needed for it. A learner that is held back errs besides in one
direction, which this cannot see: half as much again is added for it (:data:`WITH_BIAS`).

The interval of a chance is log-odds plus and minus so many standard deviations of their sum. It holds what a pupil's own
chance is, not what becomes of the pupil. What it leaves out: features that nobody records and that are no school's; so the
share of pupils whose true chance it held is measured in drawn worlds (``riskmodel bench`` ``worth_doubt``), where it is
known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riskmodel.risk.bands import NORMAL_95
from riskmodel.risk.model import probability_of

Floats = NDArray[np.float64]

FEWEST_LEFT, FEWEST_SCHOOLS = 100, 10
"""With fewer leavers in all past cohorts, or fewer schools, chance alone would set the width: no interval is given."""

WITH_BIAS = 1.5
"""Squared error of the model as a multiple of its variance: in twelve drawn worlds of 16,000 pupils a cohort intervals held
92.6 % of the true chances without it; in twenty drawn afterwards they hold 96.0 % with it."""

PARTS_OF_COHORT = 5
"""Fifths of a cohort, each with as much to say as another: equal sums of p(1 - p)."""


@dataclass(frozen=True)
class Said:
    """What the default model said of one past cohort, out of time; one value per pupil in each array.

    ``taught_left`` is the number of leavers that taught the model. ``other_raw`` are the log-odds of a second model that
    fewer pupils taught, ``other_taught_left`` leavers among those of the first; None where there was none.
    """

    raw_score: Floats
    probability: Floats
    label: Floats
    """1 left, 0 stayed, NaN not known."""
    school: NDArray[np.integer[Any]]
    """A number from 0 up, the same in every cohort."""
    taught_left: int
    other_raw: Floats | None = None
    other_taught_left: int = 0


@dataclass(frozen=True)
class Width:
    """Standard deviations in log-odds, and how many pupils and leavers of past cohorts they come from."""

    school: float
    year: float
    model: float
    pupils: int
    left: int

    @property
    def total(self) -> float:
        """The standard deviation of all three together."""
        return float(np.sqrt(self.school**2 + self.year**2 + self.model**2))

    def interval(self, probability: Floats) -> tuple[Floats, Floats]:
        """Return the ends of the interval of 95 % for each chance.

        >>> low, high = Width(0.3, 0.0, 0.4, pupils=9000, left=400).interval(np.array([0.5]))
        >>> low.round(3).tolist(), high.round(3).tolist()
        ([0.273], [0.727])
        """
        chance = np.asarray(probability, dtype=np.float64)
        with np.errstate(divide="ignore"):
            log_odds = np.log(chance) - np.log1p(-chance)
        half = NORMAL_95 * self.total
        return probability_of(log_odds - half), probability_of(log_odds + half)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return asdict(self)


def learn(cohorts: Sequence[Said], taught_left: int) -> Width | None:
    """Return the width for scores of a model that ``taught_left`` leavers taught; None where the past is too short to tell.

    That is with fewer than :data:`FEWEST_LEFT` leavers or :data:`FEWEST_SCHOOLS` schools, and where no cohort was
    predicted by two models.
    """
    known = [_known(one) for one in cohorts]
    left = int(sum(one.label.sum() for one in known))
    schools = 1 + max((int(one.school.max()) for one in known if len(one.school)), default=-1)
    twice = [one for one in cohorts if one.other_raw is not None and 0 < one.other_taught_left < one.taught_left]
    if left < FEWEST_LEFT or schools < FEWEST_SCHOOLS or not twice or taught_left <= 0:
        return None
    by_school, by_part = np.zeros((2, schools)), []
    for one in known:
        chance, spread = one.probability, one.probability * (1 - one.probability)
        level = one.label.sum() / max(chance.sum(), np.finfo(float).tiny)
        by_school[0] += np.bincount(one.school, one.label - level * chance, schools)
        by_school[1] += np.bincount(one.school, spread, schools)
        by_part.append(_by_part(chance, one.label - chance, spread))
    per_leaver = np.mean([_spread_per_leaver(one) for one in twice])
    return Width(
        school=_excess(*by_school),
        year=_excess(*np.concatenate(by_part, axis=1)),
        model=float(np.sqrt(WITH_BIAS * per_leaver / taught_left)),
        pupils=sum(len(one.label) for one in known),
        left=left,
    )


def _known(said: Said) -> Said:
    rows = ~np.isnan(said.label)
    return Said(said.raw_score[rows], said.probability[rows], said.label[rows], said.school[rows], said.taught_left)


def _by_part(chance: Floats, gap: Floats, spread: Floats) -> Floats:
    """Return gap and spread (two rows) of the parts of a cohort."""
    order = np.argsort(chance, kind="stable")
    reached = np.cumsum(spread[order])
    part = np.minimum(
        (reached / max(reached[-1], np.finfo(float).tiny) * PARTS_OF_COHORT).astype(int), PARTS_OF_COHORT - 1
    )
    return np.array([np.bincount(part, values[order], PARTS_OF_COHORT) for values in (gap, spread)])


def _excess(gap: Floats, spread: Floats) -> float:
    """Return the standard deviation of log-odds between cells by which their gaps stray beyond chance; 0 where they do not."""
    weight = float(np.sum(spread**2))
    return float(np.sqrt(max(float(np.sum(gap**2 - spread)) / weight, 0.0))) if weight > 0 else 0.0


def _spread_per_leaver(said: Said) -> float:
    """Return the variance of a model's log-odds times the number of leavers that taught it."""
    assert said.other_raw is not None
    difference = float(np.var(said.raw_score - said.other_raw))
    return difference / (1 / said.other_taught_left - 1 / said.taught_left)
