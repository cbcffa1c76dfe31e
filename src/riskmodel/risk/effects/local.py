"""Jumps of a curve at a point: local polynomials on either side, triangular weights, errors by leaving one out.

With ``x`` the distance of each pupil from the cut, those at ``x >= 0`` stand above it. Within the bandwidth a polynomial
is fitted to each side by least squares with weights ``1 - |x| / bandwidth``; the jump is the difference of the two
curves at zero. Several outcomes are fitted at once, with the covariance of their jumps.

The covariance is the jackknife's: each pupil, or each school where schools are given, is left out in turn. For pupils
that is the sandwich with residuals over one minus leverage (HC3, MacKinnon and White 1985), for schools CR3 (Bell and
McCaffrey 2002); both are honest with few pupils, where plain sandwiches are too small. Pupils of one school stand on
both sides, so that the sides are left out together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

FEWEST_POINTS = 2
"""Different distances that a side must have beyond those that its polynomial needs."""


@dataclass(frozen=True)
class Jump:
    """Jumps of one or several outcomes at the cut."""

    value: Floats
    """Per outcome: above minus below."""
    covariance: Floats
    """Outcomes × outcomes."""
    above: int
    below: int
    """Pupils with weight."""
    schools: int | None
    """Schools with pupils of weight, where errors are by school."""

    @property
    def error(self) -> float:
        """Standard error of the first outcome's jump."""
        return float(np.sqrt(self.covariance[0, 0]))


def has_points(x: Floats, bandwidth: float, degree: int) -> bool:
    """Return whether both sides have enough different distances within ``bandwidth`` for polynomials of ``degree``."""
    near = x[np.abs(x) < bandwidth]
    needed = degree + 1 + FEWEST_POINTS
    return has_different(near[near >= 0], needed) and has_different(near[near < 0], needed)


def has_different(values: Floats, fewest: int) -> bool:
    """Return whether ``values`` hold at least so many different ones; a few are looked at before all are sorted."""
    some = values[: 10 * fewest]
    return len(np.unique(some)) >= fewest or (len(values) > len(some) and len(np.unique(values)) >= fewest)


def jump(x: Floats, outcomes: Floats, bandwidth: float, degree: int, schools: Integers | None = None) -> Jump:
    """Return the jumps of ``outcomes`` (pupils × outcomes) at ``x`` = 0.

    Call it where :func:`has_points` holds. ``schools`` are numbers per pupil, any.
    """
    inside = np.abs(x) < bandwidth
    scaled, values = x[inside] / bandwidth, outcomes[inside]
    weight = 1 - np.abs(scaled)
    is_above = scaled >= 0
    groups = None if schools is None else np.unique(schools[inside], return_inverse=True)[1]
    count = 0 if groups is None else int(groups.max()) + 1
    total, changes = np.zeros(values.shape[1]), np.zeros((count or len(scaled), values.shape[1]))
    for sign, side in ((1.0, is_above), (-1.0, ~is_above)):
        fit = _Side(scaled[side], weight[side], values[side], degree)
        total += sign * fit.level
        if groups is None:
            changes[side] = sign * fit.without_each_pupil()
        else:
            changes += sign * fit.without_each_group(groups[side], count)
    shrink = (len(changes) - 1) / len(changes) if groups is not None else 1.0
    return Jump(
        total, shrink * changes.T @ changes, int(is_above.sum()), int((~is_above).sum()), count if count else None
    )


def curve(x: Floats, outcome: Floats, bandwidth: float, degree: int) -> Floats:
    """Return the coefficients of 1, x, x² … of the polynomial nearest to ``outcome`` within ``bandwidth``, equal weights.

    ``x`` is of one side.
    """
    inside = np.abs(x) < bandwidth
    fit = _Side(x[inside] / bandwidth, np.ones(int(inside.sum())), outcome[inside][:, None], degree)
    return np.asarray(fit.coefficients[:, 0] / bandwidth ** np.arange(degree + 1), dtype=np.float64)


class _Side:
    """A weighted polynomial through the pupils of one side."""

    def __init__(self, x: Floats, weight: Floats, values: Floats, degree: int) -> None:
        self.weight, self.values = weight, values
        self.powers = np.ones((degree + 1, len(x)))  # power × pupil
        for power in range(degree):
            np.multiply(self.powers[power], x, out=self.powers[power + 1])
        weighted = self.powers * weight
        self.normal, self.right = weighted @ self.powers.T, weighted @ values
        self.inverse = np.linalg.inv(self.normal)
        self.coefficients: Floats = self.inverse @ self.right
        self.level: Floats = self.coefficients[0]

    def without_each_pupil(self) -> Floats:
        """Return, per pupil, by how much the level at zero falls when the pupil is left out."""
        turned = self.inverse @ self.powers
        leverage = self.weight * np.einsum("ij,ij->j", turned, self.powers)
        residual = self.values - self.powers.T @ self.coefficients
        share: Floats = self.weight * turned[0] / (1 - leverage)
        return share[:, None] * residual

    def without_each_group(self, groups: Integers, count: int) -> Floats:
        """Return, per group, by how much the level at zero falls when all of its pupils are left out."""
        degree = len(self.powers) - 1
        x = self.powers[1] if degree else np.ones(len(self.weight))
        moments = np.array([np.bincount(groups, self.weight * x**power, count) for power in range(2 * degree + 1)])
        place = np.arange(degree + 1)
        normal = moments[place[:, None] + place[None, :]].transpose(2, 0, 1)
        right = np.array(
            [
                [np.bincount(groups, self.weight * x**power * column, count) for column in self.values.T]
                for power in place
            ]
        ).transpose(2, 0, 1)
        rest = np.linalg.solve(self.normal - normal, self.right - right)
        changes: Floats = self.level - rest[:, 0, :]
        return changes
