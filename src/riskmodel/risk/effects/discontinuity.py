"""The effect of having a place, at the cut that gave it: pupils just above are compared with those just below.

Places went to those whose score reached a cut. At the cut nothing else changes, so that a jump in the share who left is
what the place did there, for pupils at the cut. Staff may give a place otherwise: the jump is then the effect of being
*meant* to get the measure (intention to treat), and :attr:`Discontinuity.ratio` scales it by the jump in who got it.

The point is the local quadratic jump at a bandwidth that is best for the local linear one: the linear jump with its
estimated bias taken out, with the error of that correction in the interval (Calonico, Cattaneo and Titiunik 2014, with
both bandwidths equal). Intervals about the linear jump itself miss the truth too often.

Where the cut is the score of the last pupil with a place, that pupil always stands at it: put the cut half way to the
first score without a place. Pupils whose tie was broken by lot belong to :mod:`riskmodel.risk.effects.lottery`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.risk.effects.bandwidth import bandwidth_for
from riskmodel.risk.effects.estimate import Estimate, Kind, NotEstimated, Reason, critical_for
from riskmodel.risk.effects.local import Jump, has_different, jump

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

DEGREE = 2
FEWEST_PUPILS = 100
"""On either side within the bandwidth."""

FEWEST_CASES = 10
"""Pupils who left, and pupils who stayed, within the bandwidth."""

FEWEST_SCHOOLS = 10
"""From so many on errors are taken by school; with fewer nothing is estimated, as schools cannot be told from chance."""

FEWEST_SCORES = 20
"""Different distances on either side; a coarser score is a matter of lots within ties."""


@dataclass(frozen=True)
class Places:
    """Who stood where when places were given, and what became of them: one value per pupil."""

    score: Floats
    """The higher, the more support was needed."""
    cut: Floats
    """The cut that counted for the pupil (of the school, the year …); a place from this score on."""
    given: Floats
    """1 got the measure, 0 did not."""
    left: Floats
    """1 left early, 0 did not."""
    school: Integers | None = None
    """Numbers of schools, for errors that allow pupils of a school to be alike; None: pupils are independent."""

    def __post_init__(self) -> None:
        columns = [
            column for column in (self.score, self.cut, self.given, self.left, self.school) if column is not None
        ]
        if len({len(column) for column in columns}) > 1 or not all(np.isfinite(column).all() for column in columns):
            raise UsageError(
                message("Scores, cuts, support and outcomes must stand pupil by pupil, without gaps."),
                found=message("Columns differ in length, or hold values that are no numbers."),
                remedy=message("Leave out pupils whose outcome is not known, and say how many they are."),
            )
        if not all(((column == 0) | (column == 1)).all() for column in (self.given, self.left)):
            raise UsageError(
                message("Support and outcome must be 0 or 1."),
                found=message("Other values stand among them."),
                remedy=message("Count pupils who left as 1 and those who stayed as 0."),
            )

    @property
    def distance(self) -> Floats:
        """Score above (from 0 on) or below (under 0) the cut."""
        return np.asarray(self.score - self.cut, dtype=np.float64)


@dataclass(frozen=True)
class Discontinuity:
    """The effect at the cut, in shares who left."""

    intended: Estimate
    """Of having a place by the rule, whether it was used or not."""
    bandwidth: float
    """In the unit of the score."""
    uptake: float
    """Jump in the share who got the measure: 1 where the rule was kept, 0 where it had no say."""
    ratio: tuple[float, float, float] | None
    """Per pupil who got it because of the rule: value, low, high (Fieller); None where uptake cannot be told from 0."""


def discontinuity(places: Places, bandwidth: float | None = None) -> Discontinuity | NotEstimated:
    """Return the effect of a place at the cut.

    ``bandwidth``: another than the rule's, for the curve of bandwidths.
    """
    x = places.distance
    missing = _too_little(places, x, np.ones(len(x), dtype=bool))
    if missing is not None:
        return NotEstimated(Kind.DISCONTINUITY, missing)
    width = bandwidth or bandwidth_for(x, places.left, DEGREE, FEWEST_PUPILS)
    if width is None:
        return NotEstimated(Kind.DISCONTINUITY, Reason.TOO_FEW_PUPILS)
    missing = _too_little(places, x, np.abs(x) < width)
    if missing is not None:
        return NotEstimated(Kind.DISCONTINUITY, missing)
    found = jump(x, np.column_stack([places.left, places.given]), width, DEGREE, places.school)
    freedom = None if found.schools is None else found.schools - 1
    intended = Estimate(Kind.DISCONTINUITY, float(found.value[0]), found.error, found.above, found.below, freedom)
    return Discontinuity(intended, width, float(found.value[1]), ratio_of(found, critical_for(freedom)))


def _too_little(places: Places, x: Floats, near: NDArray[np.bool_]) -> Reason | None:
    """Return why there is too little to compare among those ``near``, or None."""
    own, left = x[near], places.left[near]
    is_above = own >= 0
    if min(is_above.sum(), (~is_above).sum()) < FEWEST_PUPILS:
        return Reason.TOO_FEW_PUPILS
    if min(left.sum(), len(left) - left.sum()) < FEWEST_CASES:
        return Reason.NO_CASES
    if not (has_different(own[is_above], FEWEST_SCORES) and has_different(own[~is_above], FEWEST_SCORES)):
        return Reason.SCORE_TOO_COARSE
    if places.school is not None and len(np.unique(places.school[near])) < FEWEST_SCHOOLS:
        return Reason.TOO_FEW_SCHOOLS
    return None


def ratio_of(found: Jump, critical: float) -> tuple[float, float, float] | None:
    """Return the jump in leaving over the jump in support, with Fieller's interval; None where that has no end.

    The interval holds every ratio r for which (jump in leaving - r × jump in support) could be chance. It stays honest
    where few follow the rule, and is then wide, or without end.
    """
    (left, given), covariance = found.value, found.covariance
    square = critical**2
    a = given**2 - square * covariance[1, 1]
    if a <= 0:
        return None
    b = left * given - square * covariance[0, 1]
    c = left**2 - square * covariance[0, 0]
    root = np.sqrt(max(b**2 - a * c, 0.0))
    return float(left / given), float((b - root) / a), float((b + root) / a)
