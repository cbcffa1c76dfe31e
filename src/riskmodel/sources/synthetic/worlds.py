"""Drawn worlds: the same pupils, and each time another truth about who leaves.

A world takes feature rows as they are and redraws the rest: which features drive leaving and how strongly, a threshold,
an interaction, decoys, the share of leavers of each stage group, a hidden school effect, and who leaves. The drivers
are features themselves, so that what the best predictor from observable data would say is known exactly.

What a world holds to, and what it therefore cannot show: drivers obey the directions that the features declare (a world
in which more absence lowers the risk is not among them); shares of leavers are of the order of vocational schools in
every stage group, higher than in the country's basic schools, so that each group has leavers to judge by; pupils of
different cohorts are drawn by the same law.

Features that tell one fact over other spans or in other words form one *concept* (:data:`CONCEPTS`). Explanations are
judged by concepts: which of three spans of unexcused absence a model reads is no matter of truth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from riskmodel.sources.synthetic.pupil_model import GROUPS, Pupils
from riskmodel.sources.synthetic.truth import Floats, Integers, probability

CONCEPTS: dict[str, tuple[str, ...]] = {
    "unexcused": (
        "unexcused_lessons_4w",
        "unexcused_lessons_8w",
        "unexcused_lessons_year",
        "unexcused_of_absent_share_year",
    ),
    "absence": (
        "absent_share_4w",
        "absent_share_8w",
        "absent_share_year",
        "excused_share_8w",
        "absent_share_per_week_8w",
        "absent_share_change_year",
        "absent_monday_share_year",
        "absent_friday_share_year",
        "first_lesson_of_absent_share_year",
        "last_lessons_of_absent_share_year",
        "worst_subject_absent_lessons_year",
        "full_days_absent_share_year",
        "partly_absent_days_share_year",
        "longest_absent_run_days_year",
        "since_present_days",
        "absent_rank_in_class_share",
        "class_absent_share_year",
    ),
    "late": ("late_share_4w", "late_share_year"),
    "marks": (
        "mark_mean_points_year",
        "mark_mean_points_8w",
        "mark_lowest_points_year",
        "mark_spread_points_year",
        "low_mark_share_year",
        "mark_points_per_week_year",
        "mark_change_points_year",
        "worst_subject_mark_points_year",
        "low_subjects_year",
        "marks_year",
        "since_last_mark_days",
        "past_year_mark_mean_points",
        "past_year_low_subjects",
        "prior_mark_points",
        "mark_rank_in_class_share",
    ),
    "works": ("missed_works_year", "missed_works_8w", "handed_in_share_year"),
    "income": ("low_income",),
    "meals": ("free_meals",),
    "distance": ("distance_km",),
    "dormitory": ("dormitory",),
    "overage": ("overage_years", "repeat_count"),
    "moves": ("moves_3y", "in_school_days"),
    "support": ("support_measures_2y",),
    "area": ("area_unemployment_percent", "area_unemployment_change_percent", "area_gross_wage_eur"),
    "school": (
        "class_pupils",
        "school_pupils",
        "school_left_share_past_year",
        "municipality_left_share_past_year",
    ),
    "stage": ("stage_number", "stage_is_vet", "school_is_evening", "age_years"),
}

CANDIDATES: dict[str, tuple[str, ...]] = {
    "unexcused": ("unexcused_lessons_4w", "unexcused_lessons_8w", "unexcused_lessons_year"),
    "absence": ("absent_share_8w", "absent_share_year", "full_days_absent_share_year"),
    "late": ("late_share_year",),
    "marks": ("mark_mean_points_year", "worst_subject_mark_points_year", "low_mark_share_year"),
    "works": ("missed_works_year", "missed_works_8w"),
    "income": ("low_income",),
    "distance": ("distance_km",),
    "overage": ("overage_years",),
    "moves": ("moves_3y",),
    "support": ("support_measures_2y",),
}
"""The features among which the driver of a concept is drawn."""

REAL_DECOYS = {"meals": "income"}
"""Concepts without effect that go with a driver by their own nature: decoys wherever that driver is planted."""

DRAWN_DECOYS = 2
"""Further decoys, each made to go with a driver: more of them than real features offer at such correlations."""

DRIVERS_FROM, DRIVERS_TO = 6, 8
THRESHOLDS_TO = 2
SLOPE_SIZES, STEP_SIZES = (0.3, 1.0), (0.6, 1.5)
"""Log-odds per standard deviation, and of a threshold or an interaction, before scaling to the ceiling."""
STEP_SHARES, PAIR_SHARES = (0.05, 0.25), (0.2, 0.5)
DECOY_CORRELATIONS = (0.62, 0.8)
SCHOOL_EFFECT_SDS = (0.15, 0.4)
CEILINGS = (0.76, 0.89)
GROUP_SHARES = {"grade_5_9": (0.10, 0.16), "grade_10_12": (0.11, 0.18), "vet": (0.13, 0.22)}
LOWEST_CORRELATION = 0.6


@dataclass(frozen=True)
class Driver:
    """A feature that changes the true log-odds by ``size`` times what it is turned into.

    ``form`` is ``slope`` (standard deviations; counts and distances on a log scale, shares by their root) or ``step``
    (1 at or beyond ``step_at``). ``size`` has the sign of the direction, for a step too: a step downwards of a
    feature that lowers the risk is reached from above.
    """

    concept: str
    code: str
    form: str
    size: float
    step_at: float = np.nan


@dataclass(frozen=True)
class Planted:
    """What was drawn: drivers, the pair that interacts, and the decoys (concept → concept of the driver it goes with)."""

    drivers: tuple[Driver, ...] = ()
    interaction: tuple[str, str] = ("", "")
    decoys: Mapping[str, str] = field(default_factory=dict)
    school_effect_sd: float = 0.0


@dataclass(frozen=True)
class World:
    """What is true in one world, one value per row in each array.

    Attributes
    ----------
    pupils
        The rows, with decoys among the features.
    directions
        The declared directions; a drawn decoy has that of the driver that it goes with.
    effects
        What each concept truly adds to the log-odds above its mean (a column each). An interaction is shared by its
        two drivers as Shapley values share it; ``stage`` holds the base of the stage group, ``school`` the hidden
        effect.
    log_odds
        The truth with the hidden school effect.
    observable_log_odds
        The truth for somebody who knows everything of the pupil but nothing of the school: the mean probability over
        the schools of the stage group. It is not the log-odds without the effect: a mean of probabilities lies nearer
        to one half. The order is the same.
    label
        Who leaves (0 or 1), drawn from the truth.
    """

    pupils: Pupils
    directions: Mapping[str, int]
    planted: Planted
    effects: pd.DataFrame
    log_odds: Floats
    observable_log_odds: Floats
    label: Floats

    @property
    def probability(self) -> Floats:
        """The true probability of leaving."""
        return probability(self.log_odds)

    @property
    def ceiling(self) -> float:
        """AUC of the truth in the newest cohort, expected over who leaves."""
        newest = self.pupils.is_newest
        return expected_auc(self.log_odds[newest], self.probability[newest])

    @property
    def concepts(self) -> dict[str, tuple[str, ...]]:
        """The features of each concept; a drawn decoy is one of its own."""
        return CONCEPTS | {code: (code,) for code in self.planted.decoys if code not in CONCEPTS}

    @property
    def decoy_correlations(self) -> dict[str, float]:
        """By decoy, the correlation with the driver that it goes with, on the scale of a slope."""
        found = {}
        codes = {driver.concept: driver.code for driver in self.planted.drivers}
        for decoy, concept in self.planted.decoys.items():
            copy = self.pupils.features[self.concepts[decoy][0]].to_numpy(dtype=np.float64)
            both = np.isfinite(copy)
            found[decoy] = float(np.corrcoef(copy[both], _slope(self.pupils.features, codes[concept])[both])[0, 1])
        return found


def draw_world(
    rng: np.random.Generator, pupils: Pupils, directions: Mapping[str, int], school_effect_sd: float | None = None
) -> World:
    """Return a world over ``pupils``; ``directions`` as the features declare them (+1, -1, 0 by code).

    Sizes are drawn, then scaled together so that the ceiling is one drawn from :data:`CEILINGS`. ``school_effect_sd``, where it
    is given, stands for the drawn one: at 0 schools do not differ, and pupils explain all.
    """
    drivers = _drivers(rng, pupils.features, directions)
    raw, interaction = _raw_effects(rng, pupils.features, drivers)
    shares = np.array([rng.uniform(*GROUP_SHARES[group]) for group in GROUPS])
    spread = float(rng.uniform(*SCHOOL_EFFECT_SDS))
    spread = spread if school_effect_sd is None else school_effect_sd
    school_effect = rng.normal(0.0, spread, pupils.school.max() + 1)[pupils.school]
    scale = _scale_to(rng.uniform(*CEILINGS), raw.sum(axis=1).to_numpy(), school_effect, shares, pupils)
    pupils, decoys = _with_decoys(rng, pupils, drivers)
    codes = {driver.concept: driver.code for driver in drivers}
    directions = dict(directions) | {code: directions.get(codes[concept], 0) for code, concept in decoys.items()}
    decoys |= {name: concept for name, concept in REAL_DECOYS.items() if concept in codes}
    planted = Planted(drivers, interaction, decoys, spread)
    base = _bases(scale * raw.sum(axis=1).to_numpy() + school_effect, shares, pupils.group)
    return _lived(rng, pupils, directions, planted, (scale * raw).assign(stage=base, school=school_effect))


def draw_no_signal(rng: np.random.Generator, pupils: Pupils, directions: Mapping[str, int]) -> World:
    """Return a world in which nothing drives leaving: one chance for all, no school effect, no decoy."""
    share = rng.uniform(*GROUP_SHARES[GROUPS[0]])
    effects = pd.DataFrame({"stage": np.log(share / (1.0 - share)), "school": 0.0}, index=pupils.features.index)
    return _lived(rng, pupils, directions, Planted(), effects)


def draw_school_world(
    rng: np.random.Generator, pupils: Pupils, directions: Mapping[str, int], school_effect_sd: float = 1.5
) -> World:
    """Return a world in which schools explain everything: a hidden effect of each school, and no driver of a pupil."""
    shares = np.array([rng.uniform(*GROUP_SHARES[group]) for group in GROUPS])
    effect = rng.normal(0.0, school_effect_sd, pupils.school.max() + 1)[pupils.school]
    base = _bases(effect, shares, pupils.group)
    effects = pd.DataFrame({"stage": base, "school": effect}, index=pupils.features.index)
    return _lived(rng, pupils, directions, Planted(school_effect_sd=school_effect_sd), effects)


def expected_auc(score: Floats, chance: Floats) -> float:
    """Return the AUC of ``score`` expected over who leaves, each row with its own ``chance``; ties count half.

    Every pair of rows counts with the chance that the one left and the other stayed: no noise of a single draw.

    >>> expected_auc(np.array([2.0, 1.0]), np.array([0.9, 0.1]))  # .81 in order, .01 against it
    0.9878048780487805
    """
    _, place = np.unique(score, return_inverse=True)
    left, stayed = np.bincount(place, chance), np.bincount(place, 1.0 - chance)
    below = np.cumsum(stayed) - stayed
    with_itself = float(np.sum(chance * (1.0 - chance)))
    in_order = float(np.sum(left * (below + stayed / 2.0))) - with_itself / 2.0
    return in_order / (float(left.sum() * stayed.sum()) - with_itself)


def _drivers(rng: np.random.Generator, features: pd.DataFrame, directions: Mapping[str, int]) -> tuple[Driver, ...]:
    possible = {name: [code for code in codes if code in features] for name, codes in CANDIDATES.items()}
    names = [name for name, codes in possible.items() if codes]
    chosen = rng.permutation(names)[: rng.integers(DRIVERS_FROM, DRIVERS_TO + 1)].tolist()
    counted = [name for name in chosen if name != "income"]  # a flag has no threshold of its own
    steps = set(rng.permutation(counted)[: rng.integers(1, THRESHOLDS_TO + 1)].tolist())
    drivers = []
    for name in chosen:
        code = str(rng.choice(possible[name]))
        sign = directions.get(code, 0) or int(rng.choice([-1, 1]))
        if name in steps:
            step_at = _step_at(features[code], sign, rng.uniform(*STEP_SHARES))
            drivers.append(Driver(name, code, "step", sign * rng.uniform(*STEP_SIZES), step_at))
        else:
            drivers.append(Driver(name, code, "slope", sign * rng.uniform(*SLOPE_SIZES)))
    return tuple(drivers)


def _raw_effects(
    rng: np.random.Generator, features: pd.DataFrame, drivers: tuple[Driver, ...]
) -> tuple[pd.DataFrame, tuple[str, str]]:
    """Return what each driver adds above its mean before scaling, the interaction shared out, and who interacts."""
    effects = {}
    for driver in drivers:
        if driver.form == "step":
            beyond = _is_beyond(features[driver.code], driver.step_at, driver.size)
            effects[driver.concept] = abs(driver.size) * (beyond - beyond.mean())
        else:
            effects[driver.concept] = driver.size * _slope(features, driver.code)
    first, second = (drivers[place] for place in rng.permutation(len(drivers))[:2])
    size = rng.uniform(*STEP_SIZES)
    one, other = (
        _is_beyond(features[each.code], _step_at(features[each.code], each.size, rng.uniform(*PAIR_SHARES)), each.size)
        for each in (first, second)
    )
    effects[first.concept] = effects[first.concept] + size * (one - one.mean()) * (other + other.mean()) / 2
    effects[second.concept] = effects[second.concept] + size * (other - other.mean()) * (one + one.mean()) / 2
    table = pd.DataFrame(effects)
    return table - table.mean(), (first.concept, second.concept)


def _slope(features: pd.DataFrame, code: str) -> Floats:
    """Return the feature in standard deviations from its mean, 0 where it has no value."""
    values = features[code].to_numpy(dtype=np.float64)
    if code.startswith(("unexcused_lessons", "missed_works", "moves", "support", "distance")):
        values = np.log1p(values)
    elif "share" in code:
        values = np.sqrt(values)
    standard = (values - np.nanmean(values)) / np.nanstd(values)
    return np.asarray(np.where(np.isnan(standard), 0.0, standard))


def _step_at(values: pd.Series, sign: float, share: float) -> float:
    """Return a threshold beyond which about ``share`` of the values lie; of a count, a value that is not its least."""
    risen = np.sort(np.sign(sign) * values.dropna().to_numpy(dtype=np.float64))
    at = risen[int((1.0 - share) * (len(risen) - 1))]
    if at == risen[0]:
        at = risen[np.searchsorted(risen, at, side="right") :].min(initial=np.inf)
    return float(np.sign(sign) * at)


def _is_beyond(values: pd.Series, step_at: float, sign: float) -> Floats:
    """Return 1 at or beyond the threshold, 0 before it, and the share beyond it where there is no value."""
    own = values.to_numpy(dtype=np.float64)
    beyond = (own >= step_at) if sign > 0 else (own <= step_at)
    return np.where(np.isnan(own), beyond[~np.isnan(own)].mean(), beyond)


def _scale_to(ceiling: float, total: Floats, school_effect: Floats, shares: Floats, pupils: Pupils) -> float:
    """Return the factor for ``total`` at which the truth has the AUC ``ceiling`` in the newest cohort."""
    newest = pupils.is_newest
    low, high = 0.0, 5.0
    for _ in range(14):
        middle = (low + high) / 2
        known = middle * total + school_effect
        odds = (known + _bases(known, shares, pupils.group))[newest]
        low, high = (middle, high) if expected_auc(odds, probability(odds)) < ceiling else (low, middle)
    return (low + high) / 2


def _bases(log_odds: Floats, shares: Floats, group: Integers) -> Floats:
    """Return, per row, the constant of its stage group that gives the group its share of leavers."""
    base = np.zeros(len(shares))
    for place, share in enumerate(shares):
        own = log_odds[group == place]
        for _ in range(25):  # Newton; the mean probability rises with the constant
            chance = probability(own + base[place])
            step = (share - chance.mean()) / np.mean(chance * (1.0 - chance))
            base[place] += np.clip(step, -1.0, 1.0)
    return base[group]


def _with_decoys(
    rng: np.random.Generator, pupils: Pupils, drivers: tuple[Driver, ...]
) -> tuple[Pupils, dict[str, str]]:
    """Return the pupils with drawn decoys among their features, and which driver's concept each goes with."""
    decoys, columns = {}, {}
    for number, place in enumerate(rng.permutation(len(drivers))[:DRAWN_DECOYS], start=1):
        driver, closeness = drivers[place], rng.uniform(*DECOY_CORRELATIONS)
        noise = rng.standard_normal(len(pupils.school))
        copy = closeness * _slope(pupils.features, driver.code) + np.sqrt(1.0 - closeness**2) * noise
        columns[f"decoy_{number}"] = np.where(pupils.features[driver.code].isna(), np.nan, copy)
        decoys[f"decoy_{number}"] = driver.concept
    return replace(pupils, features=pupils.features.assign(**columns)), decoys


def _lived(
    rng: np.random.Generator, pupils: Pupils, directions: Mapping[str, int], planted: Planted, effects: pd.DataFrame
) -> World:
    """Return the world after it has been lived: who left."""
    log_odds = effects.sum(axis=1).to_numpy(dtype=np.float64)
    school_effect = effects["school"].to_numpy(dtype=np.float64)
    label = (rng.random(len(log_odds)) < probability(log_odds)).astype(np.float64)
    return World(
        pupils,
        directions,
        planted,
        effects.assign(stage=effects["stage"] - effects["stage"].mean()),
        log_odds,
        _observable(log_odds - school_effect, school_effect, pupils.group),
        label,
    )


def _observable(known: Floats, school_effect: Floats, group: Integers) -> Floats:
    found = np.zeros(len(known))
    for place in np.unique(group):
        is_own = group == place
        effects, rows = np.unique(school_effect[is_own], return_counts=True)
        grid = np.linspace(known[is_own].min() - 1e-9, known[is_own].max() + 1e-9, 400)
        chance = probability(grid[:, None] + effects) @ (rows / rows.sum())
        found[is_own] = np.interp(known[is_own], grid, np.log(chance / (1.0 - chance)))
    return found
