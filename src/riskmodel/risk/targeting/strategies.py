"""Ways to choose who is offered limited support, each as an order: higher first, equal values tie.

=================  =====================================================================================
strategy           order
=================  =====================================================================================
``score``          individual probability by the default model
``score_in_school``  the same, with the places of each school kept in it: how places are given today
``school_rate``    rate of the school's past pupils (rule of :mod:`riskmodel.risk.rules`)
``class_rate``     rate of past pupils of the same school and stage, shrunk to the school's rate
``abc``, ``absence_over_10``, ``unexcused_over_20``, ``on_track``  rules of :mod:`riskmodel.risk.rules`
``teacher_like``   whole points for what a class teacher sees: :data:`TEACHER_LIKE`
``random``         all tie
``middle_risk``    nearest to the middle of the band below those of highest risk
``benefit``        estimated benefit, where effects by risk are given
=================  =====================================================================================

Who ties at the cut shares the places by expectation over random order, never by the order of rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.risk.bands import MEDIUM_TIMES
from riskmodel.risk.capacity import Capacity, chance_of_place
from riskmodel.risk.predicted import Predicted
from riskmodel.risk.rules import COUNTED, FAILED, SHRINK_PUPILS, Rule

Floats = NDArray[np.float64]

SCORE = "score"
SCORE_IN_SCHOOL = "score_in_school"
MIDDLE_RISK = "middle_risk"
BENEFIT = "benefit"
RANDOM = "random"
OF_PLACE = ("school_rate", "class_rate")
"""Strategies that look at where a pupil learns and not at the pupil."""
OF_RULES = ("abc", "absence_over_10", "unexcused_over_20", "on_track", "teacher_like")
STRATEGIES = (SCORE, SCORE_IN_SCHOOL, *OF_PLACE, *OF_RULES, RANDOM, MIDDLE_RISK, BENEFIT)

LESSONS_A_POINT, MOST_LESSON_POINTS = 4.0, 5.0
MOST_SUBJECT_POINTS = 4.0
GOOD_POINTS = 8.0
OVERAGE_YEARS = 1.0


def _points(known: list[Floats]) -> Floats:
    unexcused, failed, mark, overage = (
        np.where(np.isnan(one), neutral, one) for one, neutral in zip(known, _NEUTRAL, strict=True)
    )
    lessons = np.minimum(unexcused / LESSONS_A_POINT, MOST_LESSON_POINTS)
    subjects = np.minimum(failed, MOST_SUBJECT_POINTS)
    points: Floats = np.floor(lessons + subjects + np.maximum(GOOD_POINTS - mark, 0.0) + (overage >= OVERAGE_YEARS))
    return points


_NEUTRAL = (0.0, 0.0, GOOD_POINTS, 0.0)

TEACHER_LIKE = Rule(
    (("unexcused_lessons_8w", "unexcused_lessons_year"), FAILED, ("mark_mean_points_year",), ("overage_years",)),
    _points,
)
"""A point for every four unexcused lessons (up to five), one per failed subject (up to four), one per mark point below 8, one
for a year above the age of the stage; whole points, so that many tie. What is not known gives no point."""


@dataclass(frozen=True)
class RiskEffect:
    """What support is estimated to take off the probability of leaving of pupils of this risk: [from, to)."""

    from_probability: float
    to_probability: float
    averted: float


def expected_benefit(probability: Floats, effects: Sequence[RiskEffect]) -> Floats:
    """Return, per pupil, by how much support is expected to lower the probability of leaving; never more than it is.

    A pupil whose risk no effect covers gets 0: nothing is known to help. A negative effect is kept: support can harm.

    >>> expected_benefit(np.array([0.02, 0.2, 0.6]), [RiskEffect(0.0, 0.4, 0.05)]).tolist()
    [0.02, 0.05, 0.0]
    """
    benefit = np.zeros(len(probability))
    for effect in effects:
        own = (probability >= effect.from_probability) & (probability < effect.to_probability)
        benefit[own] = np.minimum(effect.averted, probability[own])
    return benefit


def class_rate(past: pd.DataFrame, school_id: pd.Series, stage: pd.Series) -> Floats:
    """Return, per pupil, the rate at which past pupils of the same school and stage left, shrunk twice.

    A class's rate is drawn to its school's, and a school's to that of all, as if 20 more pupils had left at that rate (see
    :data:`riskmodel.risk.rules.SHRINK_PUPILS`).

    Parameters
    ----------
    past
        ``school_id``, ``stage`` and ``label`` (0, 1, missing) of cohorts whose outcomes were known by the cut-off.
    school_id, stage
        Of the pupils to be ordered, row by row.

    Raises
    ------
    UsageError
        When no past pupil has an outcome.
    """
    known = past[past["label"].notna()]
    if known.empty:
        raise UsageError(
            message("A rate of schools and classes needs past pupils whose outcome is known."),
            found=message("There is none."),
            remedy=message("Give cohorts whose label window has passed."),
        )
    label = known["label"].astype(np.float64)
    overall = float(label.mean())
    keys = pd.DataFrame({"school": known["school_id"].astype(str), "stage": known["stage"].astype(str)})
    by_school = label.groupby(keys["school"]).agg(["sum", "size"])
    of_school = (by_school["sum"] + SHRINK_PUPILS * overall) / (by_school["size"] + SHRINK_PUPILS)
    by_class = label.groupby([keys["school"], keys["stage"]]).agg(["sum", "size"]).reset_index()
    drawn_to = by_class["school"].map(of_school)
    by_class["rate"] = (by_class["sum"] + SHRINK_PUPILS * drawn_to) / (by_class["size"] + SHRINK_PUPILS)
    own = pd.DataFrame({"school": school_id.astype(str).to_numpy(), "stage": stage.astype(str).to_numpy()})
    found = own.merge(by_class[["school", "stage", "rate"]], how="left", on=["school", "stage"])
    rate = found["rate"].fillna(found["school"].map(of_school)).fillna(overall)
    return np.asarray(rate.to_numpy(), dtype=np.float64)


def mean_rank(order: Floats) -> Floats:
    """Return each pupil's rank from 1, the highest order first; who ties stands at the mean of their ranks.

    >>> mean_rank(np.array([5.0, 7.0, 5.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    down = np.argsort(-order)
    falling = order[down]
    first = np.flatnonzero(np.append(True, falling[1:] != falling[:-1])[: len(order)])
    size = np.diff(np.append(first, len(order)))
    rank = np.empty(len(order))
    rank[down] = np.repeat(first + (size + 1) / 2, size)
    return rank


def middle_risk(rank: Floats, places: float) -> Floats:
    """Return the order by nearness to the middle of the band *medium* (see :mod:`riskmodel.risk.bands`), for so many places.

    ``rank`` is that of :func:`mean_rank`. *High* are as many as there are places, *medium* the next twice as many: the middle
    stands at twice the places.

    >>> middle_risk(np.arange(1.0, 7.0), 1).argmax()
    1
    """
    middle = places * (1 + MEDIUM_TIMES / 2) + 0.5
    return -np.abs(rank - min(middle, len(rank)))


def orders_of(
    predicted: Predicted, default_model: str, others: Mapping[str, Floats] | None = None
) -> dict[str, Floats]:
    """Return the orders that a cohort's predictions hold, by strategy, with ``others`` that stand beside them.

    ``random`` is always among them, ``score`` where the default model predicted the cohort.
    """
    kept = {code: raw for code, (raw, _) in predicted.by_model.items() if code in COUNTED or code in OF_PLACE}
    found = {code: order for code, order in kept.items() if code in STRATEGIES}
    if default_model in predicted.by_model:
        found[SCORE] = predicted.by_model[default_model][0]
    found[RANDOM] = np.zeros(len(predicted.label))
    return found | dict(others or {})


def chances(strategy: str, orders: Mapping[str, Floats], pool: pd.Series, places: Mapping[str, int]) -> Floats:
    """Return each pupil's chance of a place, 0 to 1, when a strategy shares out the ``places`` of each ``pool``.

    A pool is a school, a municipality or the state: one value per pupil. ``middle_risk`` is made of the score, pool by pool.

    >>> orders = {"school_rate": np.array([0.2, 0.2, 0.1])}
    >>> chances("school_rate", orders, pd.Series(["riga"] * 3), {"riga": 1}).tolist()
    [0.5, 0.5, 0.0]
    """
    if strategy not in (MIDDLE_RISK, SCORE_IN_SCHOOL) and strategy not in orders:
        raise UsageError(
            message("A strategy must be one whose order is given: {strategies}.", strategies=", ".join(sorted(orders))),
            found=message("Another one was named."),
            remedy=message("Give its order, or name one of these."),
        )
    if strategy == MIDDLE_RISK:
        order = np.zeros(len(pool))
        for name, rows in pool.reset_index(drop=True).groupby(pool.to_numpy()).indices.items():
            order[rows] = middle_risk(mean_rank(orders[SCORE][rows]), places.get(str(name), 0))
    else:
        order = orders[SCORE if strategy == SCORE_IN_SCHOOL else strategy]
    own = pool.astype(str).reset_index(drop=True)
    return chance_of_place(order, own, Capacity(places={name: places.get(name, 0) for name in own.unique()}))
