"""Who gets support, which measure, and what that changes: the allocation and the potential outcomes.

In the schools of a share, places go by a cut on a transparent need score, but for those that staff give otherwise. In
the others teachers judge, who also see what no register holds, so that the supported differ from the rest in more than
support. Nowhere is a place given that a school does not have.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskmodel.sources.synthetic import draws
from riskmodel.sources.synthetic.planted import Effect, MeasureCode, Support
from riskmodel.sources.synthetic.truth import Flags, Floats, Integers, Situation, probability

MEASURES: tuple[MeasureCode, ...] = ("KA-PED", "KA-SOC", "KA-PSI", "KO-TRA")
NONE = -1

RISK_GROUPS = ("MI", "EK", "GI", "SV")
RISK_MARKS_A_PLAN = {"MI": 18_666 / 21_732, "EK": 5_862 / 21_732, "GI": 1_048 / 21_732, "SV": 528 / 21_732}
"""Risk marks over plans of 2019/20 (public figures of the project): a plan bears 1.2 marks, at most one of a group."""
LOW_INCOME_ECONOMIC_SHARE = 0.95
"""Of the other marks than learning of pupils of low-income households, those that are economic [assumed]."""
LEARNING_SHARES = {"fails": 0.8, "absent": 0.2, "other": 0.5}
"""Of learning marks, those that a subject teacher answers; the social pedagogue answers the rest [assumed]."""
ABSENT_FROM_LESSONS = 3

MOST_COUNTED_LESSONS, MOST_COUNTED_SUBJECTS = 20, 4
GOOD_POINTS = 8.0
NEED_SD_POINTS = 3.0
"""A standard deviation of the need score, or so: the unit in which teachers weigh what they see."""
FEWEST_PLACES = 2


def need_points(situation: Situation) -> Floats:
    """Return the need score, which anybody can work out from the register.

    A point for every four unexcused lessons of the last eight weeks (up to 20), one per insufficient subject (up to
    four), one for low income, one for being older than the grade, and as many as the mean mark lies below 8: these
    make the score fine-grained, so that pupils just above and just below a cut are alike.
    """
    lessons = np.minimum(situation.recent_unexcused_lessons, MOST_COUNTED_LESSONS) / 4.0
    subjects = np.minimum(situation.failed_subjects, MOST_COUNTED_SUBJECTS)
    flags = situation.has_low_income.astype(np.float64) + situation.is_overage
    points: Floats = np.round(lessons + subjects + flags + situation.points_below(GOOD_POINTS), 1)
    return points


def places(planted: Support, enrolled: Integers, seed: int, first_year: int, school_id: list[str]) -> Integers:
    """Return the places of each school in either semester of a year, from the number of its pupils."""
    low, high = planted.places_share_low, planted.places_share_high
    share = low + (high - low) * draws.uniform(seed, "places", first_year, np.array(school_id, dtype=object))
    counts: Integers = np.maximum(FEWEST_PLACES, np.round(enrolled * share)).astype(np.int64)
    return counts


def goes_by_rule(planted: Support, seed: int, school_id: list[str]) -> Flags:
    """Return which schools go by the cut (all years alike)."""
    rule: Flags = draws.uniform(seed, "goes_by_rule", np.array(school_id, dtype=object)) < planted.rule_school_share
    return rule


@dataclass(frozen=True)
class Candidates:
    """Pupils who may get support in a term: one value per pupil in each array."""

    key: Integers
    """Names the pupil in the draws: the same in each run."""
    school: Integers
    """Place of the school in the arrays of the schools."""
    need: Floats
    """Need score (points)."""
    hidden_trouble: Floats
    """Standard normal; teachers see it."""
    is_poor: Flags
    teacher_share: Floats
    """Chance that a learning mark is answered by a subject teacher."""
    may_get: Flags


@dataclass(frozen=True)
class Allocation:
    """Who gets a place, and how it came (aligned with the candidates)."""

    is_given: Flags
    is_next_in_line: Flags
    """Among the first by the score, as far as there are places: those whom the cut means."""
    is_override: Flags
    """Has a place by the will of staff, though not among the first."""
    cut_points: Floats
    """The lowest score with a place in the pupil's school before overrides; NaN where teachers judge."""
    is_tied_at_cut: Flags
    """Has the score of the cut, and there were not places for all who have: by lot, if the world has lotteries."""


def allocate(
    planted: Support, candidates: Candidates, seats: Integers, by_rule: Flags, seed: int, term: int
) -> Allocation:
    """Return who gets the ``seats`` of each school in a term (arrays of the schools: seats, whether it has the cut)."""
    who = candidates
    lot = draws.uniform(seed, "lot", term, who.key) if planted.has_lottery else who.key.astype(np.float64)
    seen = who.need / NEED_SD_POINTS + planted.teachers_see_hidden * who.hidden_trouble
    judged = seen + planted.teachers_err * draws.normal(seed, "judged", term, who.key)
    has_cut = by_rule[who.school]
    is_eligible = who.may_get & (~has_cut | (who.need >= planted.eligible_from_points))
    first = _first_in_school(who.school, np.where(has_cut, -who.need, -judged), lot, is_eligible, seats)

    passed_over = first & has_cut & (draws.uniform(seed, "override", term, who.key) < planted.override_share)
    freed = np.bincount(who.school[passed_over], minlength=len(seats))
    is_override = _first_in_school(who.school, -judged, lot, who.may_get & ~first & has_cut, freed)
    # Where nobody else is left to give the place to, the next in line keeps it.
    taken = np.bincount(who.school[is_override], minlength=len(seats))
    passed_over = _first_in_school(who.school, judged, lot, passed_over, taken)
    lowest = np.full(len(seats), np.inf)
    np.minimum.at(lowest, who.school[first], who.need[first])
    is_at_cut = is_eligible & has_cut & (who.need == lowest[who.school])
    is_short = np.bincount(who.school[is_at_cut & ~first], minlength=len(seats)) > 0
    return Allocation(
        is_given=first & ~passed_over | is_override,
        is_next_in_line=first & has_cut,
        is_override=is_override,
        cut_points=np.where(
            has_cut, np.where(np.isinf(lowest), planted.eligible_from_points, lowest)[who.school], np.nan
        ),
        is_tied_at_cut=is_at_cut & is_short[who.school],
    )


def _first_in_school(school: Integers, order: Floats, lot: Floats, may_get: Flags, seats: Integers) -> Flags:
    """Return who is among the first in school by ``order``, then ``lot``, of those who may, as far as seats go."""
    chosen = np.zeros(len(school), dtype=bool)
    place = np.flatnonzero(may_get)
    place = place[np.lexsort((lot[place], order[place], school[place]))]
    sorted_school = school[place]
    rank = np.arange(len(place)) - np.searchsorted(sorted_school, sorted_school, side="left")
    chosen[place[rank < seats[sorted_school]]] = True
    return chosen


@dataclass(frozen=True)
class Meant:
    """The plan that a pupil has, or would have: a place in :data:`MEASURES` and :data:`RISK_GROUPS`, or ``NONE``.

    The first mark is of learning if there is one, a second always of another group.
    """

    measure: Integers
    risk_group: Integers
    second_measure: Integers
    second_risk_group: Integers


def teacher_shares(situation: Situation) -> Floats:
    """Return the chance that a subject teacher answers a learning mark, rather than the social pedagogue."""
    shares: Floats = np.select(
        [situation.failed_subjects > 0, situation.recent_unexcused_lessons >= ABSENT_FROM_LESSONS],
        [LEARNING_SHARES["fails"], LEARNING_SHARES["absent"]],
        LEARNING_SHARES["other"],
    )
    return shares


def plan_for(candidates: Candidates, is_given: Flags, seed: int, term: int) -> Meant:
    """Return the plan for each pupil: risk groups in the published shares (over those ``is_given``), and measures."""
    key, is_poor = candidates.key, candidates.is_poor
    learning = RISK_MARKS_A_PLAN["MI"]
    has_learning = draws.uniform(seed, "learning", term, key) < learning
    others = sum(RISK_MARKS_A_PLAN.values()) - learning
    has_other = ~has_learning | (draws.uniform(seed, "other", term, key) < (others - (1 - learning)) / learning)
    economic = RISK_MARKS_A_PLAN["EK"] / others
    poor_share = float(is_poor[is_given].mean()) if is_given.any() else 0.0
    of_rest = (economic - LOW_INCOME_ECONOMIC_SHARE * poor_share) / (1.0 - poor_share) if poor_share < 1 else 0.0
    is_economic = draws.uniform(seed, "economic", term, key) < np.where(is_poor, LOW_INCOME_ECONOMIC_SHARE, of_rest)
    family = RISK_MARKS_A_PLAN["GI"] / (RISK_MARKS_A_PLAN["GI"] + RISK_MARKS_A_PLAN["SV"])
    is_family = draws.uniform(seed, "family", term, key) < family
    other = np.where(is_economic, RISK_GROUPS.index("EK"), np.where(is_family, RISK_GROUPS.index("GI"), 3))
    other_measure = np.where(is_economic, MEASURES.index("KO-TRA"), MEASURES.index("KA-PSI"))
    by_teacher = draws.uniform(seed, "by_teacher", term, key) < candidates.teacher_share
    learning_measure = np.where(by_teacher, MEASURES.index("KA-PED"), MEASURES.index("KA-SOC"))
    has_second = has_learning & has_other
    return Meant(
        measure=np.where(has_learning, learning_measure, other_measure),
        risk_group=np.where(has_learning, RISK_GROUPS.index("MI"), other),
        second_measure=np.where(has_second, other_measure, NONE),
        second_risk_group=np.where(has_second, other, NONE),
    )


# Potential outcomes


def chance_with(effect: Effect, log_odds: Floats) -> Floats:
    """Return the probability of leaving with one measure, from the log-odds without support.

    >>> chance_with(Effect(points=-5.0), np.array([0.0, -4.0])).round(3).tolist()
    [0.45, 0.0]
    """
    without = probability(log_odds)
    is_touched = (without >= effect.from_probability) & (without < effect.to_probability)
    moved = np.clip(probability(log_odds + effect.log_odds) + effect.points / 100.0, 0.0, 1.0)
    chance: Floats = np.where(is_touched, moved, without)
    return chance


def chance_with_plan(planted: Support, log_odds: Floats, meant: Meant) -> Floats:
    """Return the probability of leaving with the plan: the effects of its measures one after the other."""
    chance = probability(log_odds)
    for measures in (meant.measure, meant.second_measure):
        odds = log_odds_of(chance)
        for place, code in enumerate(MEASURES):
            has_it = measures == place
            chance = np.where(has_it, chance_with(planted.effects.get(code, Effect()), odds), chance)
    return chance


def log_odds_of(chance: Floats) -> Floats:
    """Return the log-odds of a probability (of 0 and 1: far out, but finite)."""
    inside = np.clip(chance, 1e-12, 1.0 - 1e-12)
    odds: Floats = np.log(inside / (1.0 - inside))
    return odds
