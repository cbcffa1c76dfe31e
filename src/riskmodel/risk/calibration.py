"""From log-odds to a probability that can be read as a share: a line, moved only as far as past cohorts agree.

A calibrator is learnt only from out-of-time predictions for cohorts whose outcomes have matured, never from the rows
that taught the model. A booster that was learnt with log loss needs none as a rule: what a past cohort shows is mostly
the chance and the year of that cohort, and a calibrator that followed it would carry both into the next one.

So each cohort says by itself how far the log-odds should have been moved, and how much they should have been stretched.
Only what the cohorts have in common is learnt: the mean over them, drawn towards no change by the half-width of its own
interval,

    kept = mean x max(0, 1 - (half-width / mean)^2),

the positive part of the estimate of James and Stein with the half-width in the place of the standard error. Within the
interval nothing is changed. The half-width is the larger of two: that of the spread between cohorts (Student, so that two
cohorts must agree very well) and that of the pupils within them. One cohort alone cannot tell its year from a fault of
the model, and changes nothing.

Stretching alone keeps the mean probability of the past: about log-odds of 0, where hardly anybody is, it would move all.

No calibrator mends a share of leavers that differs between cohorts: the mean prediction minus the observed share is
printed for each. A slope above zero (:data:`LEAST_SLOPE`) keeps the order of the scores, so that nobody is passed by someone of a lower one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.risk.model import probability_of

Floats = NDArray[np.float64]

FEWEST_LEFT = 30
"""A cohort in which fewer left, or fewer stayed, says nothing about slope and shift."""

LEAST_SLOPE = 0.01
"""Where cohorts agree that the scores tell nothing, or stand upside down, all get about the same probability. A ranking is not
mended by turning it: the order stays."""

CONFIDENCE = 0.975
"""Upper end of the two-sided interval of 95 %."""
OF_NORMAL = 1.959964

TINY = 1e-300

DIGITS = 9
"""Of slope and shift: sums of other orders of rows differ after these."""


@dataclass(frozen=True)
class Calibrator:
    """The line ``slope`` x log-odds + ``shift``; ``cohorts``, ``pupils`` and ``left`` count what it was learnt from."""

    slope: float = 1.0
    shift: float = 0.0
    cohorts: int = 0
    pupils: int = 0
    left: int = 0

    def probability(self, raw_score: Floats) -> Floats:
        """Return the calibrated probability of log-odds, in their order."""
        return probability_of(self.slope * np.asarray(raw_score, dtype=np.float64) + self.shift)

    def to_dict(self) -> dict[str, object]:
        """Return plain values that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        """Return the calibrator that :meth:`to_dict` described.

        >>> Calibrator.from_dict(Calibrator(shift=-0.5).to_dict()).shift
        -0.5
        """
        slope, shift = float(str(values.get("slope", "nan"))), float(str(values.get("shift", "nan")))
        if not (0 < slope < np.inf and np.isfinite(shift)):
            raise UsageError(
                message("A stored calibrator must have a slope above zero and a shift."),
                found=message("One of them is missing, or its line falls."),
                remedy=message("Take the model from the run folder again, or run the semester anew."),
            )
        counts = {name: int(str(values.get(name, 0))) for name in ("cohorts", "pupils", "left")}
        return cls(slope, shift, **counts)


@dataclass(frozen=True, eq=False)
class Said:
    """What was said of a past cohort: log-odds, as they were predicted out of time, and labels (0 or 1).

    What the cohort tells by itself is worked out once, for all the calibrators that are learnt from it.
    """

    raw: Floats
    label: Floats

    @cached_property
    def left(self) -> int:
        """How many left."""
        return int(np.sum(self.label))

    @property
    def says_something(self) -> bool:
        """Whether enough left, and enough stayed."""
        return min(self.left, len(self.label) - self.left) >= FEWEST_LEFT

    @cached_property
    def shift(self) -> tuple[float, float]:
        """How far the log-odds should have been moved, and the variance of that."""
        return _shift(self.raw, self.label)

    @cached_property
    def excess_slope(self) -> tuple[float, float]:
        """How much more they should have been stretched, and the variance of that."""
        return _excess_slope(self.raw, self.label)


def learn(cohorts: Iterable[tuple[Floats, Floats]]) -> Calibrator:
    """Return what :func:`learn_from` does, of log-odds and labels of each past cohort."""
    return learn_from(Said(raw, label) for raw, label in cohorts)


def learn_from(cohorts: Iterable[Said]) -> Calibrator:
    """Return the calibrator that past cohorts agree upon; none where they do not."""
    known = [said for said in cohorts if said.says_something]
    if len(known) < 2:
        return _counted(known)
    move = _agreed(*zip(*(said.shift for said in known), strict=True))
    slope = 1.0 + _agreed(*zip(*(said.excess_slope for said in known), strict=True))
    slope = max(slope, LEAST_SLOPE)
    if slope == 1.0:
        return _counted(known, shift=move)
    raw = np.concatenate([said.raw for said in known])
    shift, _ = _shift(slope * raw, probability_of(raw + move))
    return _counted(known, slope, shift)


def _counted(known: list[Said], slope: float = 1.0, shift: float = 0.0) -> Calibrator:
    pupils, left = sum(len(said.label) for said in known), sum(said.left for said in known)
    return Calibrator(round(slope, DIGITS), round(shift, DIGITS) + 0.0, len(known), pupils, left)


def _agreed(found: Sequence[float], variances: Sequence[float]) -> float:
    """Return what the cohorts have in common of what each of them ``found``, as the module tells."""
    count, mean = len(found), float(np.mean(found))
    between = float(stdtrit(count - 1, CONFIDENCE)) * float(np.std(found, ddof=1)) / count**0.5
    within = OF_NORMAL * float(np.sum(variances)) ** 0.5 / count
    half_width = max(between, within)
    return mean * (1.0 - (half_width / mean) ** 2) if abs(mean) > half_width else 0.0


def _shift(raw: Floats, label: Floats) -> tuple[float, float]:
    """Return the constant that gives log-odds the mean of the label, and its variance."""
    shift, information = 0.0, 1.0
    for _ in range(50):  # Newton; the mean probability rises with the constant
        chance = probability_of(raw + shift)
        information = max(float(np.sum(chance * (1.0 - chance))), TINY)
        step = float(np.clip(np.sum(label - chance) / information, -1.0, 1.0))
        shift += step
        if abs(step) < 1e-12:
            break
    return shift, 1.0 / information


def _excess_slope(raw: Floats, label: Floats) -> tuple[float, float]:
    """Return by how much the slope of the logistic regression of the label on log-odds is above 1, and its variance."""
    centred = raw - raw.mean()
    shift, slope, spread = 0.0, 1.0, 1.0
    for _ in range(50):
        chance = probability_of(slope * centred + raw.mean() + shift)
        weight, gap = chance * (1.0 - chance), label - chance
        total = max(float(np.sum(weight)), TINY)
        mean = float(np.sum(weight * centred)) / total
        spread = float(np.sum(weight * (centred - mean) ** 2))
        if spread < TINY:  # one score for all: no slope can be seen
            return 0.0, np.inf
        step = float(np.clip(np.sum(gap * (centred - mean)) / spread, -1.0, 1.0))
        shift += float(np.clip(np.sum(gap) / total - mean * step, -1.0, 1.0))
        slope += step
        if abs(step) < 1e-12:
            break
    return slope - 1.0, 1.0 / spread
