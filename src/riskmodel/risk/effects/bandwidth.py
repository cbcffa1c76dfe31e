"""How near to the cut pupils are compared: the bandwidth of Imbens and Kalyanaraman (2012), for triangular weights.

It makes the mean squared error of the local linear jump least: more pupils make it steadier, pupils farther away make it
less like the cut. Curvature on each side is estimated in a wider window, and the noise of that estimate is added to its
square, so that the width stays finite where both sides bend alike. Distances are in their standard deviations and
outcomes in theirs while the rule is worked out: another unit of score gives the same pupils.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from riskmodel.risk.effects.local import curve, has_different, has_points

Floats = NDArray[np.float64]

TRIANGULAR = 3.4375
"""The rule's constant for triangular weights at the edge of the data."""

PILOT, CURVATURE_PILOT = 1.84, 3.56
SMALLEST_THIRD = 0.01
"""Square below which a third derivative counts as this (in the rule's units)."""

REGULAR = 2160.0
WIDER = 1.25
MOST_WIDENINGS = 30


def bandwidth_for(x: Floats, outcome: Floats, degree: int, fewest: int) -> float | None:
    """Return the bandwidth in the unit of ``x``; None when no width holds ``fewest`` pupils on either side.

    Parameters
    ----------
    x
        Distance from the cut per pupil; 0 and above stand above it.
    outcome
        0 or 1, or any number.
    degree
        Of the polynomials that will be fitted: both sides must have distances enough for it.
    fewest
        Pupils that either side must hold; the width grows until it does.
    """
    spread = float(x.std())
    if spread == 0 or min((x >= 0).sum(), (x < 0).sum()) < fewest:
        return None
    scale = float(outcome.std())
    width = _optimal(x / spread, outcome / scale) * spread if scale > 0 else spread
    away = np.abs(x)
    width = min(width, float(away.max()))
    for _ in range(MOST_WIDENINGS):
        near = away < width
        above = int((x[near] >= 0).sum())
        if min(above, int(near.sum()) - above) >= fewest and has_points(x, width, degree):
            return float(width)
        width *= WIDER
    return None


def _optimal(x: Floats, outcome: Floats) -> float:
    above = x >= 0
    pupils = len(x)
    pilot = PILOT * pupils ** (-1 / 5)
    near = np.abs(x) <= pilot
    density = max(int(near.sum()), 1) / (2 * pupils * pilot)
    noise = [float(outcome[near & side].var()) if (near & side).any() else 1.0 for side in (above, ~above)]
    cubic = np.stack([above.astype(np.float64), np.ones(pupils), x, x * x, x * x * x])
    third = 6 * float(np.linalg.lstsq(cubic @ cubic.T, cubic @ outcome, rcond=None)[0][4])
    bend, regular = 0.0, 0.0
    for sign, side, of_side in ((1.0, above, noise[0]), (-1.0, ~above, noise[1])):
        own, values = x[side], outcome[side]
        window = (
            CURVATURE_PILOT * (of_side / (density * max(third**2, SMALLEST_THIRD))) ** (1 / 7) * len(own) ** (-1 / 7)
        )
        window = min(max(window, pilot), float(np.abs(own).max()) * (1 + 1e-9))
        inside = int((np.abs(own) < window).sum())
        if not has_different(own[np.abs(own) < window], 4):
            continue
        bend += sign * 2 * float(curve(own, values, window, 2)[2])
        regular += REGULAR * of_side / (inside * window**4)
    bias = bend**2 + regular
    if bias == 0 or sum(noise) == 0:
        return float(pilot)
    return float(TRIANGULAR * (sum(noise) / (density * bias)) ** (1 / 5) * pupils ** (-1 / 5))
