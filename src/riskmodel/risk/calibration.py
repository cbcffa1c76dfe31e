"""From log-odds to a probability that can be read as a share: the calibrator and how it is chosen.

A calibrator is learnt only from out-of-time predictions for cohorts whose outcomes have matured, never from the
rows that taught the model. It cannot mend a share of leavers that differs between cohorts: the mean prediction
minus the observed share is printed for each.

Kinds: ``none`` (log-odds as they are) · ``intercept`` (log-odds moved by a constant) · ``sigmoid`` (log-odds
stretched and moved) · ``isotonic`` (steps that never fall). A sigmoid harms a booster that was learnt with log
loss and needs no stretching (expected calibration error .010 → .030 on UCI 697): it is there for other kinds
and never chosen by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.risk.model import probability_of

Kind = Literal["none", "intercept", "sigmoid", "isotonic"]

MIN_LEFT_ISOTONIC = 1000
"""Steps need many leavers: with fewer the intercept alone is moved."""

MIN_LEFT_INTERCEPT = 30
"""With fewer leavers than this even the share is too uncertain to move to."""


@dataclass(frozen=True)
class Calibrator:
    """A monotone map from log-odds to probability.

    ``slope`` and ``shift`` serve ``none``, ``intercept`` and ``sigmoid``; ``knots`` (log-odds, rising) and
    ``levels`` (probabilities, never falling, straight between knots) serve ``isotonic``.
    ``pupils`` and ``left`` count what it was learnt from.
    """

    kind: Kind = "none"
    slope: float = 1.0
    shift: float = 0.0
    knots: tuple[float, ...] = ()
    levels: tuple[float, ...] = ()
    pupils: int = 0
    left: int = 0

    def probability(self, raw_score: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the calibrated probability of log-odds, in their order."""
        raw = np.asarray(raw_score, dtype=np.float64)
        if self.kind == "isotonic":
            return np.asarray(np.interp(raw, self.knots, self.levels), dtype=np.float64)
        return probability_of(self.slope * raw + self.shift)

    def to_dict(self) -> dict[str, object]:
        """Return plain values that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        """Return the calibrator that :meth:`to_dict` described.

        >>> Calibrator.from_dict(Calibrator("intercept", shift=-0.5).to_dict()).shift
        -0.5
        """
        numbers = {name: np.asarray(values.get(name, ()), dtype=np.float64) for name in ("knots", "levels")}
        kind = next((known for known in get_args(Kind) if known == values.get("kind")), None)
        is_rising = bool(np.all(np.diff(numbers["knots"]) > 0) and np.all(np.diff(numbers["levels"]) >= 0))
        if kind is None or len(numbers["knots"]) != len(numbers["levels"]) or not is_rising:
            raise UsageError(
                message("A stored calibrator must be of a known kind and never fall."),
                found=message("Its kind is unknown, or its levels fall."),
                remedy=message("Take the model from the run folder again, or run the semester anew."),
            )
        return cls(
            kind=kind,
            slope=float(str(values.get("slope", 1.0))),
            shift=float(str(values.get("shift", 0.0))),
            knots=tuple(numbers["knots"].tolist()),
            levels=tuple(numbers["levels"].tolist()),
            pupils=int(str(values.get("pupils", 0))),
            left=int(str(values.get("left", 0))),
        )


def choose(raw_score: NDArray[np.float64], label: NDArray[np.float64]) -> Calibrator:
    """Return the calibrator that the data can bear, by the number of those who left.

    Isotonic from ``MIN_LEFT_ISOTONIC`` up, below it the intercept alone, below ``MIN_LEFT_INTERCEPT`` none.
    """
    left = int(np.sum(np.asarray(label) == 1))
    if left >= MIN_LEFT_ISOTONIC:
        return learn("isotonic", raw_score, label)
    return learn("intercept" if left >= MIN_LEFT_INTERCEPT else "none", raw_score, label)


def learn(kind: Kind, raw_score: NDArray[np.float64], label: NDArray[np.float64]) -> Calibrator:
    """Return a calibrator of one kind, learnt from out-of-time log-odds and labels (0 or 1).

    Raises
    ------
    UsageError
        When only one class is there and the kind needs both.
    """
    raw, target = np.asarray(raw_score, dtype=np.float64), np.asarray(label, dtype=np.float64)
    pupils, left = len(target), int(target.sum())
    if kind == "none":
        return Calibrator(pupils=pupils, left=left)
    if left in {0, pupils}:
        raise UsageError(
            message("A calibrator needs pupils who left and pupils who stayed."),
            found=message("All have the same outcome."),
            remedy=message("Take more matured cohorts, or the kind none."),
        )
    if kind == "intercept":
        return Calibrator(kind, shift=shift_to(raw, left / pupils), pupils=pupils, left=left)
    if kind == "sigmoid":
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  (half a second that reading one does not pay)

        model = LogisticRegression(C=np.inf, max_iter=1000).fit(raw[:, None], target)
        slope = float(model.coef_[0, 0])
        if slope <= 0:  # a ranking that is upside down is not mended by turning it
            return Calibrator("intercept", shift=shift_to(raw, left / pupils), pupils=pupils, left=left)
        return Calibrator(kind, slope=slope, shift=float(model.intercept_[0]), pupils=pupils, left=left)
    from sklearn.isotonic import IsotonicRegression  # noqa: PLC0415  (as above)

    steps = IsotonicRegression(out_of_bounds="clip").fit(raw, target)
    # Steps of 0 or 1 claim certainty that so many pupils cannot give.
    levels = np.clip(steps.y_thresholds_, 0.5 / pupils, 1 - 0.5 / pupils)
    return Calibrator(
        kind,
        knots=tuple(float(knot) for knot in steps.X_thresholds_),
        levels=tuple(float(level) for level in levels),
        pupils=pupils,
        left=left,
    )


def shift_to(raw_score: NDArray[np.float64], share: float) -> float:
    """Return the constant that moves log-odds so that their mean probability is ``share`` (between 0 and 1).

    >>> shift_to(np.zeros(4), 0.5)
    0.0
    """
    low, high = -60.0, 60.0
    for _ in range(100):
        middle = (low + high) / 2
        if probability_of(raw_score + middle).mean() < share:
            low = middle
        else:
            high = middle
    return round((low + high) / 2, 12) + 0.0
