"""Whether a cut may be trusted: what must *not* jump there.

- *Density*: if staff or pupils could choose the side, more would stand on one than on the other. Pupils are counted in
  narrow steps, and the counts may not jump (McCrary 2008; the jump is that of a local quadratic, as for effects).
- *Covariates*: what was known before places were given may not jump.
- *Placebo cuts*: where no place was given or taken away, leaving may not jump. Each side is asked at its own cuts.
- *Bandwidths*: the effect at half, three quarters, one and a half and twice the bandwidth, to be looked at.

The tests of one kind hold their error together (Holm): a sound cut fails each kind once in a hundred times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from riskmodel.risk.effects.bandwidth import bandwidth_for
from riskmodel.risk.effects.discontinuity import (
    DEGREE,
    FEWEST_CASES,
    FEWEST_PUPILS,
    Discontinuity,
    Places,
    discontinuity,
)
from riskmodel.risk.effects.estimate import Estimate, Kind
from riskmodel.risk.effects.local import jump
from riskmodel.risk.effects.verdict import holding

Floats = NDArray[np.float64]

CHECK_LEVEL = 0.99
"""Checks are not what is asked: at .95 each, one sound cut in seven would fail one of three."""

STEPS_A_SIDE = 25
"""Steps in which pupils within the bandwidth are counted, on each side."""

FEWEST_STEPS = 8
SCORE_DIGITS = 9
"""Scores that agree in so many digits (in bandwidths, or in steps) are one score."""

PLACEBO_SHARES = (0.25, 0.5, 0.75)
"""Of the pupils of a side, those between the true cut and each placebo cut."""

BANDWIDTH_FACTORS = (0.5, 0.75, 1.0, 1.5, 2.0)


@dataclass(frozen=True)
class CutChecks:
    """p-values of what may not jump; an empty mapping or None where there was too little to ask."""

    density: float | None
    covariates: Mapping[str, float]
    placebos: Mapping[float, float]
    """By the distance of the placebo cut from the true one."""

    @property
    def failed(self) -> tuple[str, ...]:
        """The kinds of check that failed, of ``density``, ``covariates`` and ``placebos``."""
        families = {
            "density": [] if self.density is None else [self.density],
            "covariates": list(self.covariates.values()),
            "placebos": list(self.placebos.values()),
        }
        return tuple(name for name, values in families.items() if any(holding(values, CHECK_LEVEL)))


def cut_checks(places: Places, found: Discontinuity, covariates: Mapping[str, Floats]) -> CutChecks:
    """Return the checks of a cut whose effect was estimated.

    ``covariates`` hold what was known before, per pupil; one with a missing value leaves that pupil out.
    """
    return CutChecks(
        density_test(places.distance, found.bandwidth),
        {name: p for name, column in covariates.items() if (p := _covariate_test(places, column)) is not None},
        placebo_tests(places),
    )


def density_test(x: Floats, bandwidth: float) -> float | None:
    """Return the p-value of a jump at 0 in the number of pupils; None where there are too few scores to count.

    Counts follow Poisson's law, so that a step counts by its number. Steps are equally wide, and none spans the cut.
    """
    near = x[np.abs(x) < bandwidth]
    scores = np.unique(np.round(near / bandwidth, SCORE_DIGITS))
    if min((scores >= 0).sum(), (scores < 0).sum()) <= FEWEST_STEPS:
        return None
    # A step holds the same number of scores as any other: it is a multiple of the distance between scores.
    gap = bandwidth * float(np.diff(scores).min())
    step = gap * np.ceil(bandwidth / STEPS_A_SIDE / gap * (1 - 1e-6))
    steps = int(bandwidth / step * (1 + 1e-9))
    if steps < FEWEST_STEPS:
        return None
    # A score at the cut stands above it, as everywhere: steps are closed below and open above.
    place = np.floor(np.round(near / step, SCORE_DIGITS)).astype(np.intp) + steps
    inside = (place >= 0) & (place < 2 * steps)
    counts = np.bincount(place[inside], minlength=2 * steps).astype(np.float64)
    edges = np.arange(-steps, steps + 1) * step
    middle = (edges[:-1] + edges[1:]) / 2
    weight = 1 - np.abs(middle) / bandwidth
    total = variance = 0.0
    for sign, side in ((1.0, middle > 0), (-1.0, middle < 0)):
        powers = (middle[side, None] / bandwidth) ** np.arange(DEGREE + 1)
        weighted = powers * weight[side, None]
        share = np.linalg.solve(weighted.T @ powers, weighted.T)
        fitted = powers @ (share @ counts[side])
        total += sign * float(share[0] @ counts[side])
        variance += float(share[0] ** 2 @ np.maximum(fitted, 1.0))
    return Estimate(Kind.DISCONTINUITY, total, float(np.sqrt(variance)), 0, 0).p_value


def placebo_tests(places: Places) -> dict[float, float]:
    """Return the p-values of jumps in leaving at cuts that gave nobody anything, by their distance from the true cut."""
    found = {}
    x = places.distance
    for side in (x < 0, x >= 0):
        own = x[side]
        for share in PLACEBO_SHARES if len(own) >= 4 * FEWEST_PUPILS else ():
            at = float(np.quantile(own, share))
            p_value = _jump_test(own - at, places.left[side], None if places.school is None else places.school[side])
            if p_value is not None:
                found[at] = p_value
    return found


def bandwidth_curve(places: Places, found: Discontinuity) -> dict[float, Estimate]:
    """Return the effect by bandwidth, about the one that the rule chose; widths with too few pupils are left out."""
    curve = {}
    for factor in BANDWIDTH_FACTORS:
        other = discontinuity(places, factor * found.bandwidth)
        if isinstance(other, Discontinuity):
            curve[other.bandwidth] = other.intended
    return curve


def _covariate_test(places: Places, column: Floats) -> float | None:
    known = np.isfinite(column)
    if known.sum() < 2 * FEWEST_PUPILS:
        return None
    return _jump_test(places.distance[known], column[known], None if places.school is None else places.school[known])


def _jump_test(x: Floats, outcome: Floats, schools: NDArray[np.intp] | None) -> float | None:
    width = bandwidth_for(x, outcome, DEGREE, FEWEST_PUPILS)
    if width is None:
        return None
    near = outcome[np.abs(x) < width]
    values, counts = np.unique(near, return_counts=True)
    if len(values) < 2 or len(near) - counts.max() < FEWEST_CASES:
        return None
    found = jump(x, outcome[:, None], width, DEGREE, schools)
    freedom = None if found.schools is None else found.schools - 1
    if found.error == 0:
        return None
    return Estimate(Kind.DISCONTINUITY, float(found.value[0]), found.error, found.above, found.below, freedom).p_value
