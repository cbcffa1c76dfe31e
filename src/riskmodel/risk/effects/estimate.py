"""An effect with its doubt: what every way of estimating hands on, and why there may be none.

An effect is a difference of shares who left early: with the measure minus without it, from -1 to 1. Below zero the
measure helps. Where it cannot be estimated the answer is a :class:`NotEstimated` with a reason, never a zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from scipy.special import ndtr, ndtri, stdtr, stdtrit

LEVEL = 0.95
"""Of every interval; :mod:`riskmodel.tables.result_columns` says so of its columns."""

DETECTED = 0.80
"""The chance with which an effect of the detectable size would be found."""


class Kind(StrEnum):
    """How the comparison came about, the strongest first."""

    LOTTERY = "lottery"
    DISCONTINUITY = "discontinuity"
    ADJUSTED = "adjusted"
    DIFFERENCE = "difference"


class Reason(StrEnum):
    """Why an effect is not estimated."""

    TOO_FEW_PUPILS = "too_few_pupils"
    TOO_FEW_SCHOOLS = "too_few_schools"
    NO_CASES = "no_cases"  # nobody left, or everybody did: nothing varies
    SCORE_TOO_COARSE = "score_too_coarse"
    NO_OVERLAP = "no_overlap"


@dataclass(frozen=True)
class NotEstimated:
    """No effect, and why."""

    kind: Kind
    reason: Reason


@dataclass(frozen=True)
class Estimate:
    """An effect in shares (-0.05: five points fewer left), with its standard error."""

    kind: Kind
    value: float
    error: float
    """Standard error, in the same unit; above 0."""
    pupils_given: int
    pupils_compared: int
    """Those on whom the estimate rests: with the measure (or a place for it), and those they are compared with."""
    freedom: float | None = None
    """Degrees of freedom of Student's law, where errors come from few schools or blocks; None: the normal law."""

    @property
    def critical(self) -> float:
        """Half the width of the interval in standard errors."""
        return critical_for(self.freedom)

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval."""
        return self.value - self.critical * self.error

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval."""
        return self.value + self.critical * self.error

    @property
    def p_value(self) -> float:
        """Chance of an estimate at least as far from zero, if the measure did nothing."""
        distance = -abs(self.value) / self.error
        return float(2 * (ndtr(distance) if self.freedom is None else stdtr(self.freedom, distance)))

    @property
    def detectable(self) -> float:
        """The smallest effect that would be found with a chance of 80 %: about 2.8 standard errors."""
        return detectable_effect(self.error, self.freedom)


def critical_for(freedom: float | None = None, level: float = LEVEL) -> float:
    """Return how many standard errors an interval of ``level`` reaches to either side.

    >>> round(critical_for(), 3), round(critical_for(10), 3)
    (1.96, 2.228)
    """
    tail = 1 - (1 - level) / 2
    return float(ndtri(tail) if freedom is None else stdtrit(freedom, tail))


def detectable_effect(error: float, freedom: float | None = None) -> float:
    """Return the smallest effect that a study with this standard error finds with a chance of 80 %.

    >>> round(detectable_effect(0.01), 4)
    0.028
    """
    further = ndtri(DETECTED) if freedom is None else stdtrit(freedom, DETECTED)
    return float((critical_for(freedom) + further) * error)
