"""Feature rows of invented pupils, drawn at once: a base on which worlds are drawn without making registers.

Each pupil has nine correlated leanings (a Gaussian copula); counts, shares, marks and flags follow from them, so that
features of one fact hang together as they do in registers: unexcused lessons of four weeks are part of those of eight
weeks. Columns carry the codes of the product's features, and their ranges are of the same size; a school in fifty
delivers no attendance in a cohort, and what lies a year back is missing for a third of the pupils. Every cohort is a
new draw of pupils in the same schools. Nothing here knows who leaves: see :mod:`riskmodel.sources.synthetic.worlds`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from riskmodel.sources.synthetic.truth import Flags, Floats, Integers

GROUPS = ("grade_5_9", "grade_10_12", "vet")
"""Stage groups: each has a share of leavers of its own, and calibration is judged within each."""

FIRST_STAGE = (5, 10, 1)
STAGES_PER_GROUP = (5, 3, 4)
FIRST_AGE_YEARS = (11.2, 16.2, 16.2)

GROUPS_OF_KIND = ((0,), (0, 1), (2,))
"""Stage groups of a basic, a secondary and a vocational school."""
KIND_SHARES = (0.25, 0.47, 0.28)
UPPER_SHARE = 0.62
"""Of the pupils of a secondary school, those in grades 10 to 12: more than in life, so that each group has leavers."""

WEEKS = (4, 4, 6)
"""Three spans, newest first, that together make the 14 weeks from September to the cut-off date."""
LESSONS_A_WEEK, DAYS_A_WEEK, LESSONS_A_DAY = 32, 5, 6
MARKS, SUBJECTS, WORKS = 20, 9, 14

LEANINGS = (
    "truancy",
    "illness",
    "lateness",
    "ability",
    "neglect",
    "hardship",
    "distance",
    "overage",
    "mobility",
)
CORRELATIONS = {
    ("truancy", "lateness"): 0.35,
    ("truancy", "ability"): -0.3,
    ("truancy", "neglect"): 0.3,
    ("truancy", "hardship"): 0.2,
    ("truancy", "overage"): 0.2,
    ("truancy", "illness"): 0.1,
    ("ability", "neglect"): -0.3,
    ("ability", "hardship"): -0.2,
    ("ability", "overage"): -0.3,
    ("hardship", "mobility"): 0.15,
    ("hardship", "distance"): 0.1,
}
"""What is not named is independent. Assumed sizes, of the order found in school data."""

NO_ATTENDANCE_SHARE = 0.02
"""Of schools and cohorts, those that deliver no attendance."""
NO_PAST_SHARE = 0.3

PAST_CODES = ("past_year_mark_mean_points", "mark_change_points_year")


@dataclass(frozen=True)
class Pupils:
    """Feature rows of several cohorts, one value per row in each array.

    ``features`` has one column per feature code, NaN where there are no data; ``school`` is the place of the school,
    ``group`` the place in :data:`GROUPS`, ``cohort`` counts from 0, the oldest.
    """

    features: pd.DataFrame
    school: Integers
    group: Integers
    cohort: Integers

    @property
    def is_newest(self) -> Flags:
        """The rows of the newest cohort: the others teach."""
        return np.asarray(self.cohort == self.cohort.max())


def draw_pupils(rng: np.random.Generator, per_cohort: int, cohorts: int, schools: int) -> Pupils:
    """Return ``cohorts`` draws of ``per_cohort`` pupils each, in ``schools`` schools."""
    rows = per_cohort * cohorts
    kind = rng.choice(3, schools, p=KIND_SHARES)
    kind[:3] = (0, 1, 2)  # every kind is there
    school = rng.choice(schools, rows, p=_unequal(rng, schools)).astype(np.int64)
    is_upper = (kind[school] == 1) & (rng.random(rows) < UPPER_SHARE)
    group = np.where(kind[school] == 2, 2, is_upper.astype(np.int64))
    cohort = np.repeat(np.arange(cohorts), per_cohort)
    leaning = _leanings(rng, rows)
    parts = _attendance(rng, leaning, group == 2)
    silent = rng.random((schools, cohorts))[school, cohort] < NO_ATTENDANCE_SHARE
    for values in parts.values():
        values[silent] = np.nan
    parts |= _learning(rng, leaning)
    parts |= _background(rng, leaning, group)
    parts |= _surroundings(rng, school, cohort)
    features = pd.DataFrame(parts)
    features.loc[rng.random(rows) < NO_PAST_SHARE, list(PAST_CODES)] = np.nan
    by_class = features.groupby([school, cohort, features["stage_number"].to_numpy()])
    features["absent_rank_in_class_share"] = by_class["absent_share_year"].rank(pct=True)
    features["mark_rank_in_class_share"] = by_class["mark_mean_points_year"].rank(pct=True)
    return Pupils(features, school, group, cohort)


def _unequal(rng: np.random.Generator, schools: int) -> Floats:
    sizes: Floats = rng.uniform(0.4, 1.6, schools)
    return np.asarray(sizes / sizes.sum())


def _leanings(rng: np.random.Generator, rows: int) -> dict[str, Floats]:
    together = np.eye(len(LEANINGS))
    for (one, other), size in CORRELATIONS.items():
        place = LEANINGS.index(one), LEANINGS.index(other)
        together[place] = together[place[::-1]] = size
    drawn = rng.standard_normal((rows, len(LEANINGS))) @ np.linalg.cholesky(together).T
    return dict(zip(LEANINGS, drawn.T, strict=True))


def _spans(rng: np.random.Generator, lessons_a_week: Floats, evenness: float) -> Floats:
    """Return lessons by span (rows × spans); the smaller ``evenness``, the more spans differ."""
    uneven = rng.gamma(evenness, 1 / evenness, (len(lessons_a_week), len(WEEKS)))
    return np.asarray(rng.poisson(lessons_a_week[:, None] * uneven * np.array(WEEKS)), dtype=np.float64)


def _attendance(rng: np.random.Generator, leaning: dict[str, Floats], is_vet: Flags) -> dict[str, Floats]:
    planned = np.cumsum(WEEKS) * LESSONS_A_WEEK
    unexcused = np.cumsum(_spans(rng, np.exp(-2.5 + 1.4 * leaning["truancy"] + 0.7 * is_vet), 3.0), axis=1)
    unexcused = np.minimum(unexcused, planned)
    excused = np.cumsum(_spans(rng, np.exp(0.5 + 0.6 * leaning["illness"]), 1.5), axis=1)
    absent = np.minimum(unexcused + excused, planned)
    late = np.minimum(np.cumsum(_spans(rng, np.exp(-1.7 + leaning["lateness"]), 3.0), axis=1), planned)
    year = absent[:, 2]
    days = DAYS_A_WEEK * sum(WEEKS)
    of_fridays = rng.binomial(year.astype(np.int64), 0.22) * DAYS_A_WEEK / planned[2]
    full_days = rng.binomial((year // LESSONS_A_DAY).astype(np.int64), 0.8)
    with np.errstate(invalid="ignore"):
        of_absent = unexcused[:, 2] / np.where(year > 0, year, np.nan)
    return {
        "absent_share_4w": absent[:, 0] / planned[0],
        "absent_share_8w": absent[:, 1] / planned[1],
        "absent_share_year": year / planned[2],
        "excused_share_8w": np.minimum(excused[:, 1], planned[1]) / planned[1],
        "unexcused_lessons_4w": unexcused[:, 0],
        "unexcused_lessons_8w": unexcused[:, 1],
        "unexcused_lessons_year": unexcused[:, 2],
        "unexcused_of_absent_share_year": np.minimum(of_absent, 1.0),
        "late_share_4w": late[:, 0] / planned[0],
        "late_share_year": late[:, 2] / planned[2],
        "absent_friday_share_year": np.minimum(of_fridays, 1.0),
        "worst_subject_absent_lessons_year": np.ceil(year * rng.uniform(0.12, 0.25, len(year))),
        "full_days_absent_share_year": full_days / days,
        "longest_absent_run_days_year": np.ceil(full_days * rng.uniform(0.3, 1.0, len(year))),
    }


def _learning(rng: np.random.Generator, leaning: dict[str, Floats]) -> dict[str, Floats]:
    usual = 6.3 + 1.3 * leaning["ability"]
    rows = len(usual)

    def marked(error: float) -> Floats:
        return np.clip(usual + error * rng.standard_normal(rows), 1.0, 10.0)

    missed = np.minimum(rng.poisson(np.exp(-0.4 + 0.8 * leaning["neglect"])), WORKS)
    past = marked(0.4)
    year = marked(0.25)
    return {
        "mark_mean_points_year": year,
        "mark_mean_points_8w": marked(0.45),
        "mark_lowest_points_year": np.round(np.clip(year - 1.2 - np.abs(rng.standard_normal(rows)), 1.0, 10.0)),
        "mark_spread_points_year": rng.gamma(9.0, 0.13, rows),
        "low_mark_share_year": rng.binomial(MARKS, norm.cdf((4.2 - year) / 1.4)) / MARKS,
        "worst_subject_mark_points_year": np.clip(year - 0.8 - 0.6 * np.abs(rng.standard_normal(rows)), 1.0, 10.0),
        "low_subjects_year": rng.binomial(SUBJECTS, norm.cdf((4.0 - year) / 0.9)).astype(np.float64),
        "past_year_mark_mean_points": past,
        "mark_change_points_year": year - past,
        "prior_mark_points": marked(0.8),
        "missed_works_year": missed.astype(np.float64),
        "missed_works_8w": rng.binomial(missed, 0.6).astype(np.float64),
        "handed_in_share_year": 1.0 - missed / WORKS,
    }


def _background(rng: np.random.Generator, leaning: dict[str, Floats], group: Integers) -> dict[str, Floats]:
    rows = len(group)
    has_low_income = leaning["hardship"] > norm.isf(0.15)
    eats_free = np.where(rng.random(rows) < 0.8, has_low_income, rng.random(rows) < 0.15)
    distance_km = np.minimum(np.exp(1.0 + leaning["distance"]), 180.0)
    overage = 0.4 + 0.25 * rng.random(rows) + np.maximum(0.9 * leaning["overage"] - 0.9, 0.0)
    within = np.floor(rng.random(rows) * np.array(STAGES_PER_GROUP)[group])
    return {
        "low_income": has_low_income.astype(np.float64),
        "free_meals": eats_free.astype(np.float64),
        "distance_km": np.round(distance_km, 1),
        "dormitory": ((group == 2) & (distance_km > 15) & (rng.random(rows) < 0.7)).astype(np.float64),
        "stage_number": np.array(FIRST_STAGE)[group] + within,
        "stage_is_vet": (group == 2).astype(np.float64),
        "age_years": np.array(FIRST_AGE_YEARS)[group] + within + overage,
        "overage_years": overage,
        "repeat_count": ((overage > 1.3) & (rng.random(rows) < 0.7)).astype(np.float64),
        "moves_3y": rng.poisson(np.exp(-1.5 + 0.7 * leaning["mobility"])).astype(np.float64),
        "support_measures_2y": rng.poisson(np.exp(-1.6 + 0.5 * leaning["hardship"])).astype(np.float64),
    }


def _surroundings(rng: np.random.Generator, school: Integers, cohort: Integers) -> dict[str, Floats]:
    schools, cohorts = int(school.max()) + 1, int(cohort.max()) + 1
    pupils = np.zeros((schools, cohorts))
    np.add.at(pupils, (school, cohort), 1.0)
    unemployment = rng.choice((4.3, 5.5, 5.9, 6.2, 11.0), schools)
    change = rng.choice((-0.4, -0.1, 0.2, 0.4), cohorts)
    return {
        "school_pupils": pupils[school, cohort],
        "class_pupils": np.round(np.clip(rng.normal(22.0, 4.0, len(school)), 6, 34)),
        "area_unemployment_percent": unemployment[school] + change[cohort],
    }
