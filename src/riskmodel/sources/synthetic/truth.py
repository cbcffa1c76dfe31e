"""What is planted in the synthetic cohort: every size of it, in one place.

The pipeline never reads this. It is not evidence about Latvia: where no figure is published (yearly leaving by stage,
marks, the strength of each driver), the size is an assumption to argue about.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

import numpy as np
import numpy.typing as npt

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
    zip(STAGES, (-7.7, -7.3, -7.1, -6.8, -5.3, -5.4, -5.4, -5.3, -3.1, -3.95, -4.0, -4.1), strict=True)
)
"""Log-odds of leaving between the cut-off and the horizon for a pupil with no driver, in a school of mean effect."""

AUTUMN_LEFT_SHARE = dict(
    zip(STAGES, (0.0003, 0.0004, 0.0006, 0.0009, 0.003, 0.004, 0.004, 0.003, 0.03, 0.014, 0.012, 0.01), strict=True)
)
"""Share that leaves from October to the cut-off, before a forecast could be made."""


@dataclass(frozen=True)
class LogOdds:
    """Change of the true log-odds per unit of each driver, as it stands in the registers on the cut-off date."""

    recent_unexcused: float = 0.5
    """Per unit of log(1 + unexcused lessons of the last eight weeks)."""
    unexcused_rise: float = 0.6
    """When the last eight weeks hold at least four unexcused lessons more than the eight weeks before: a threshold."""
    failed_subjects: float = 0.4
    """Per subject with an insufficient or missing term result, up to four."""
    overage: float = 0.55
    """Older than the stage by a year or more, or repeating it."""
    low_income: float = 0.45
    far_and_absent: float = 0.6
    """Interaction: lives 15 km or more from school and has at least three recent unexcused lessons."""
    male: float = 0.55
    """Direct; more comes by absences and marks."""
    free_meals: float = 0.0
    """A decoy: goes with low income, changes nothing."""
    recent_late: float = 0.0
    """A decoy: goes with unexcused absence, changes nothing."""


DRIVERS = tuple(field.name for field in fields(LogOdds))
PLANTED = LogOdds()

SCHOOL_EFFECT_SD = 0.35
"""Standard deviation of the hidden school effect (log-odds)."""

SUPPORT_LOG_ODDS = {"KA-PED": -0.4, "KA-SOC": -0.5, "KA-PSI": 0.0, "KO-TRA": 0.0}
"""Effect of a measure that begins after the cut-off; two of them change nothing."""

ABROAD_SHARE = 0.008
UNKNOWN_SHARE = 0.004
LEFT_RECORDED_UNKNOWN_SHARE = 0.05
"""Of those who left, the share that the register calls 'unknown': noise in the label."""


@dataclass(frozen=True)
class Drivers:
    """The values behind each coefficient of :class:`LogOdds`, one per pupil."""

    values: dict[str, Floats]

    def contributions(self) -> dict[str, Floats]:
        """Return what each driver adds to the log-odds."""
        sizes = asdict(PLANTED)
        return {name: sizes[name] * self.values[name] for name in DRIVERS}


@dataclass(frozen=True)
class Situation:
    """What the drivers are made of, one value per pupil, as known on the cut-off date."""

    recent_unexcused_lessons: Integers
    earlier_unexcused_lessons: Integers
    recent_late_lessons: Integers
    failed_subjects: Integers
    is_overage: Flags
    has_low_income: Flags
    has_free_meals: Flags
    distance_km: Floats
    is_male: Flags


def drivers(situation: Situation) -> Drivers:
    """Return the drivers of each pupil: transformations, the threshold and the interaction."""
    recent = situation.recent_unexcused_lessons
    values = {
        "recent_unexcused": np.log1p(recent),
        "unexcused_rise": recent - situation.earlier_unexcused_lessons >= 4,
        "failed_subjects": np.minimum(situation.failed_subjects, 4),
        "overage": situation.is_overage,
        "low_income": situation.has_low_income,
        "far_and_absent": (situation.distance_km >= 15) & (recent >= 3),
        "male": situation.is_male,
        "free_meals": situation.has_free_meals,
        "recent_late": np.log1p(situation.recent_late_lessons),
    }
    return Drivers({name: values[name].astype(np.float64) for name in DRIVERS})


def log_odds(stage: Integers, school_effect: Floats, planted: Drivers) -> Floats:
    """Return the true log-odds of leaving in the window if no further support is given."""
    base = np.array([BASE_LOG_ODDS[name] for name in STAGES])[stage]
    total: Floats = base + school_effect + np.sum(list(planted.contributions().values()), axis=0)
    return total


def probability(odds: Floats) -> Floats:
    """Return the probability of log-odds."""
    chance: Floats = 1.0 / (1.0 + np.exp(-odds))
    return chance
