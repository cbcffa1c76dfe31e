"""Why pupils leave: the drivers on the cut-off date, the true log-odds and their parts, for the sizes of a world.

The pipeline never reads this. It is not evidence about Latvia: where no figure is published (yearly leaving by stage,
the strength of each driver), the size is an assumption to argue about.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

import numpy as np
import numpy.typing as npt

from riskmodel.sources.synthetic.planted import Leaving, LogOdds

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

RECENT_DAYS = 56
"""Eight weeks before the cut-off date."""

STAGES = (*(f"grade_{number}" for number in range(5, 13)), *(f"vet_year_{number}" for number in range(1, 5)))
"""The stages of the cohort in the order of their index."""

FIRST_GRADE = 5
FIRST_VET_INDEX = 8
STAGE_COUNT = len(STAGES)

BASE_LOG_ODDS = dict(
    zip(STAGES, (-7.3, -7.0, -6.8, -6.5, -5.25, -5.1, -5.05, -5.0, -2.85, -3.8, -3.85, -3.9), strict=True)
)
"""Log-odds of leaving between the cut-off and the horizon for a pupil with no driver, in a school of mean effect."""

AUTUMN_LEFT_SHARE = dict(
    zip(STAGES, (0.0003, 0.0004, 0.0006, 0.0009, 0.003, 0.005, 0.005, 0.004, 0.04, 0.016, 0.014, 0.012), strict=True)
)
"""Share that leaves from October to the cut-off, before a forecast could be made."""


DRIVERS = tuple(field.name for field in fields(LogOdds))
MOST_FAILED_SUBJECTS = 4
USUAL_POINTS = 6.0


@dataclass(frozen=True)
class Situation:
    """What the drivers are made of, one value per pupil, as known on the cut-off date."""

    recent_unexcused_lessons: Integers
    earlier_unexcused_lessons: Integers
    recent_late_lessons: Integers
    failed_subjects: Integers
    mean_points: Floats
    """Mean mark; NaN without one."""
    is_overage: Flags
    has_low_income: Flags
    has_free_meals: Flags
    distance_km: Floats
    is_male: Flags
    hidden_trouble: Floats
    """Standard normal; no register holds it."""

    def points_below(self, points: float) -> Floats:
        """Return by how much the mean mark lies below ``points``; 0 without a mark."""
        mean = np.where(np.isnan(self.mean_points), points, self.mean_points)
        below: Floats = np.maximum(points - mean, 0.0)
        return below


def drivers(situation: Situation, planted: Leaving) -> dict[str, Floats]:
    """Return the value of each driver of :class:`LogOdds`: transformations, the threshold and the interaction."""
    recent = situation.recent_unexcused_lessons
    is_absent = recent >= planted.far_absent_from_lessons
    values = {
        "recent_unexcused": np.log1p(recent),
        "unexcused_rise": has_risen(situation, planted),
        "failed_subjects": np.minimum(situation.failed_subjects, MOST_FAILED_SUBJECTS),
        "overage": situation.is_overage,
        "low_income": situation.has_low_income,
        "far_and_absent": (situation.distance_km >= planted.far_from_km) & is_absent,
        "male": situation.is_male,
        "low_marks": situation.points_below(USUAL_POINTS),
        "free_meals": situation.has_free_meals,
        "recent_late": np.log1p(situation.recent_late_lessons),
        "hidden_trouble": situation.hidden_trouble,
    }
    return {name: values[name].astype(np.float64) for name in DRIVERS}


def has_risen(situation: Situation, planted: Leaving) -> Flags:
    """Return whose unexcused lessons of the last eight weeks are so many more than those of the eight before."""
    rise = situation.recent_unexcused_lessons - situation.earlier_unexcused_lessons
    risen: Flags = rise >= planted.rise_from_lessons
    return risen


@dataclass(frozen=True)
class Odds:
    """The true log-odds of leaving in the window if no further support is given, and their parts."""

    base: Floats
    """Of the stage, in the cohort."""
    school_effect: Floats
    values: dict[str, Floats]
    """Value of each driver."""
    by_driver: dict[str, Floats]
    """What each driver adds."""

    @property
    def total(self) -> Floats:
        """The log-odds themselves."""
        total: Floats = self.base + self.school_effect + np.sum(list(self.by_driver.values()), axis=0)
        return total


def odds(situation: Situation, stage: Integers, school_effect: Floats, planted: Leaving, cohorts_after: int) -> Odds:
    """Return the log-odds for each pupil of a cohort after which ``cohorts_after`` others follow."""
    shift = planted.base_shift + (planted.prior_shift if cohorts_after < planted.prior_shift_cohorts else 0.0)
    base = np.array([BASE_LOG_ODDS[name] for name in STAGES])[stage] + shift
    sizes = asdict(planted.log_odds)
    values = drivers(situation, planted)
    return Odds(base, school_effect, values, {name: sizes[name] * value for name, value in values.items()})


def probability(log_odds: Floats) -> Floats:
    """Return the probability of log-odds."""
    chance: Floats = 1.0 / (1.0 + np.exp(-log_odds))
    return chance
