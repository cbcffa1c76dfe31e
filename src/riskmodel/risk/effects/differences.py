"""How leaving, or a sign of it, changed over a semester: those with the measure beside those without. The weakest kind.

It shows what went together, not what a measure did: who gets a measure is worse off to begin with, and comes back towards
the usual by itself. The verdict is therefore *descriptive* whatever the figures are, and no grade comes from it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.risk.effects.estimate import Estimate, Kind, NotEstimated, Reason

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

FEWEST_PUPILS = 50
FEWEST_SCHOOLS = 10


def difference(before: Floats, after: Floats, given: Floats, school: Integers | None = None) -> Estimate | NotEstimated:
    """Return how much more (or less) ``after`` - ``before`` is among those given the measure.

    Parameters
    ----------
    before, after
        The same figure of the same pupil in the semester before and after, for example the share of lessons missed.
    given
        1 got the measure, 0 did not.
    school
        Numbers of schools, for errors that allow pupils of one school to be alike.
    """
    change = np.asarray(after - before, dtype=np.float64)
    if not np.isfinite(change).all() or not np.isin(given, (0, 1)).all():
        raise UsageError(
            message("A change needs both semesters of every pupil, and support as 0 or 1."),
            found=message("Some values are missing, or other ones stand among them."),
            remedy=message("Leave out pupils without one of the semesters, and say how many they are."),
        )
    with_it, without = int((given == 1).sum()), int((given == 0).sum())
    if min(with_it, without) < FEWEST_PUPILS:
        return NotEstimated(Kind.DIFFERENCE, Reason.TOO_FEW_PUPILS)
    means = [float(change[given == arm].mean()) for arm in (1, 0)]
    pull = np.where(given == 1, (change - means[0]) / with_it, -(change - means[1]) / without)
    groups = np.arange(len(pull)) if school is None else np.unique(school, return_inverse=True)[1]
    sums = np.bincount(groups, pull)
    if school is not None and len(sums) < FEWEST_SCHOOLS:
        return NotEstimated(Kind.DIFFERENCE, Reason.TOO_FEW_SCHOOLS)
    error = float(np.sqrt(len(sums) / (len(sums) - 1) * (sums @ sums)))
    if error == 0:
        return NotEstimated(Kind.DIFFERENCE, Reason.NO_CASES)
    freedom = None if school is None else len(sums) - 1
    return Estimate(Kind.DIFFERENCE, means[0] - means[1], error, with_it, without, freedom)
