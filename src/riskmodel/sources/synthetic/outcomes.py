"""What is decided on the cut-off date: who gets a plan, who leaves with it and who would without it.

Both potential outcomes come from one draw, so that a plan that lowers the risk never makes anybody leave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pyarrow as pa

from riskmodel.sources.synthetic import draws, oracle, support_rule, truth
from riskmodel.sources.synthetic.people import FIRST_LANGUAGES, day_number
from riskmodel.sources.synthetic.planted import HIDDEN, Effect, Planted
from riskmodel.sources.synthetic.support_rule import MEASURES, NONE, RISK_GROUPS, Allocation, Candidates, Meant
from riskmodel.sources.synthetic.truth import Flags, Floats, Integers, Odds, Situation

ELSEWHERE_IN_AUTUMN = 0.3
"""Share of the year's moves abroad and unknown ends that fall before the cut-off."""
LASTING_TROUBLE = 0.7
"""Weight of a pupil's lasting hidden trouble in the one of a year."""


@dataclass(frozen=True)
class CutOff:
    """One cut-off date of a world."""

    planted: Planted
    seed: int
    first_year: int
    """Calendar year in which the school year began."""
    cohorts_after: int
    """Cohorts that follow in the delivery."""
    on: date

    @property
    def term(self) -> int:
        """Names the term of the plans in the draws."""
        return term_of(self.first_year, 2)


@dataclass(frozen=True)
class Standing:
    """Where the pupils of a cohort stand: one value per pupil, but for the last two, one per school."""

    key: Integers
    """Names the pupil in the draws."""
    stage: Integers
    school: Integers
    language: Integers
    """First language, a place in ``FIRST_LANGUAGES``."""
    is_in_cohort: Flags
    school_effect: Floats
    seats: Integers
    by_rule: Flags


@dataclass(frozen=True)
class Decided:
    """What was decided, one value per pupil."""

    odds: Odds
    need: Floats
    allocation: Allocation
    plan: Meant
    """The plan that the pupil has, or would have."""
    without: Floats
    """Probability of leaving without new support."""
    with_plan: Floats
    effects: Floats
    """Pupils × measures: change of the probability by each measure alone."""
    leaves_without: Flags
    leaves_with: Flags
    has_risen: Flags
    """Unexcused absence has just risen over the threshold."""

    @property
    def is_given(self) -> Flags:
        """Who has the plan."""
        return self.allocation.is_given

    @property
    def lived(self) -> Floats:
        """Probability of leaving with the support received, if any."""
        return np.where(self.is_given, self.with_plan, self.without)

    @property
    def leaves(self) -> Flags:
        """Who leaves, unless something else comes first."""
        return np.where(self.is_given, self.leaves_with, self.leaves_without)

    @property
    def received(self) -> Integers:
        """Pupils × 2: the measures received (places in ``MEASURES``), or ``NONE``."""
        both = np.stack([self.plan.measure, self.plan.second_measure], axis=1)
        return np.where(self.is_given[:, None], both, NONE)


def term_of(first_year: int, semester: int) -> int:
    """Return the number of a semester: the calendar year in which its school year began, then 1 or 2."""
    return first_year * 10 + semester


def hidden_trouble(seed: int, key: Integers, first_year: int) -> Floats:
    """Return the hidden trouble of each pupil in a year: standard normal, partly lasting."""
    lasting = draws.normal(seed, "lasting_trouble", key)
    of_year = draws.normal(seed, "trouble_of_year", first_year, key)
    trouble: Floats = LASTING_TROUBLE * lasting + np.sqrt(1 - LASTING_TROUBLE**2) * of_year
    return trouble


def decide(cut_off: CutOff, situation: Situation, standing: Standing) -> Decided:
    """Return who gets a plan after the cut-off and who would leave with and without it."""
    planted, seed = cut_off.planted, cut_off.seed
    odds = truth.odds(situation, standing.stage, standing.school_effect, planted.leaving, cut_off.cohorts_after)
    need = support_rule.need_points(situation)
    candidates = Candidates(
        key=standing.key,
        school=standing.school,
        need=need,
        hidden_trouble=situation.hidden_trouble,
        is_poor=situation.has_low_income,
        teacher_share=support_rule.teacher_shares(situation),
        may_get=standing.is_in_cohort,
    )
    allocation = support_rule.allocate(
        planted.support, candidates, standing.seats, standing.by_rule, seed, cut_off.term
    )
    plan = support_rule.plan_for(candidates, allocation.is_given, seed, cut_off.term)
    total = odds.total
    without = truth.probability(total)
    with_plan = support_rule.chance_with_plan(planted.support, total, plan)
    draw = draws.uniform(seed, "leaves", cut_off.first_year, standing.key)
    effects = [support_rule.chance_with(planted.support.effects.get(code, Effect()), total) for code in MEASURES]
    return Decided(
        odds=odds,
        need=need,
        allocation=allocation,
        plan=plan,
        without=without,
        with_plan=with_plan,
        effects=np.stack(effects, axis=1) - without[:, None],
        leaves_without=draw < without,
        leaves_with=draw < with_plan,
        has_risen=truth.has_risen(situation, planted.leaving),
    )


def truth_columns(decided: Decided, situation: Situation) -> dict[str, pa.Array]:
    """Return the columns of ``truth/cohort.parquet`` that follow from the decision."""
    allocation, plan, given = decided.allocation, decided.plan, decided.is_given
    way = np.select([np.isnan(allocation.cut_points), allocation.is_override, allocation.is_next_in_line], [0, 1, 2], 3)
    return {
        "base": pa.array(decided.odds.base),
        "school_effect": pa.array(decided.odds.school_effect),
        **{name: pa.array(part) for name, part in decided.odds.by_driver.items()},
        "log_odds": pa.array(decided.odds.total),
        "probability": pa.array(decided.without),
        "measure_code": _names(MEASURES, np.where(given, plan.measure, NONE)),
        "second_measure_code": _names(MEASURES, np.where(given, plan.second_measure, NONE)),
        "probability_with_support": pa.array(decided.lived),
        "meant_measure_code": _names(MEASURES, plan.measure),
        "meant_second_measure_code": _names(MEASURES, plan.second_measure),
        "probability_with_plan": pa.array(decided.with_plan),
        "leaves_without_support": pa.array(decided.leaves_without),
        "leaves_with_plan": pa.array(decided.leaves_with),
        **{f"effect_{code}": pa.array(decided.effects[:, place]) for place, code in enumerate(MEASURES)},
        "need_points": pa.array(decided.need),
        "cut_points": pa.array(allocation.cut_points, mask=np.isnan(allocation.cut_points)),
        "is_tied_at_cut": pa.array(allocation.is_tied_at_cut),
        "allocation": _names(("teachers", "override", "next_in_line", "not_in_line"), way),
        "recent_unexcused_lessons": pa.array(situation.recent_unexcused_lessons),
        "insufficient_subjects": pa.array(situation.failed_subjects),
    }


def plan_columns(plan: Meant, chosen: Integers) -> dict[str, pa.Array]:
    """Return the columns of ``truth/plan.parquet`` that say what a plan holds, for the chosen pupils."""
    return {
        "risk_group": _names(RISK_GROUPS, plan.risk_group[chosen]),
        "measure_code": _names(MEASURES, plan.measure[chosen]),
        "second_risk_group": _names(RISK_GROUPS, plan.second_risk_group[chosen]),
        "second_measure_code": _names(MEASURES, plan.second_measure[chosen]),
    }


def soon_after_a_rise(cut_off: CutOff, decided: Decided, key: Integers, day: Integers, spring: Integers) -> Integers:
    """Return the days of leaving, those in spring sooner where unexcused absence has just risen.

    ``spring`` are the school days of semester 2. So the rise shows about eight weeks before.
    """
    last = day_number(cut_off.on) + cut_off.planted.leaving.rise_leaves_within_days
    early = spring[spring <= last]
    has_risen = decided.has_risen
    if not len(early):
        return day
    place = (draws.uniform(cut_off.seed, "soon", cut_off.first_year, key) * len(early)).astype(np.int64)
    sooner: Integers = np.where(has_risen & (day <= spring[-1]), early[place], day)
    return sooner


def recorded_log_odds(cut_off: CutOff, situation: Situation, standing: Standing) -> Floats:
    """Return the log-odds that the registers would teach somebody who can tell the first languages apart.

    Absences recorded as excused are missing from the drivers (their expected number); moves abroad that are recorded as
    leaving are added to the probability.
    """
    recording, leaving = cut_off.planted.recording, cut_off.planted.leaving
    kept = 1.0 - np.array([recording.excused.get(name, 0.0) for name in FIRST_LANGUAGES])[standing.language]
    seen = replace(
        situation,
        recent_unexcused_lessons=_whole(situation.recent_unexcused_lessons * kept),
        earlier_unexcused_lessons=_whole(situation.earlier_unexcused_lessons * kept),
    )
    total = truth.odds(seen, standing.stage, standing.school_effect, leaving, cut_off.cohorts_after).total
    moves = np.array(
        [
            leaving.abroad_share_of.get(name, leaving.abroad_share) * recording.abroad_as_left.get(name, 0.0)
            for name in FIRST_LANGUAGES
        ]
    )[standing.language]
    chance = truth.probability(total)
    return support_rule.log_odds_of(chance + (1.0 - chance) * (1.0 - ELSEWHERE_IN_AUTUMN) * moves)


def seen_by_oracle(
    cut_off: CutOff,
    decided: Decided,
    situation: Situation,
    standing: Standing,
    lived: tuple[Floats, Integers],
) -> oracle.Seen:
    """Return what the oracle counts, of the pupils in the cohort.

    ``lived`` is how each pupil fared (1 left, 0 stayed, NaN neither) and the number in the country of each school.
    """
    chosen, (outcome, school_number) = standing.is_in_cohort, lived
    odds = decided.odds
    without_school = odds.total - odds.school_effect
    hidden = np.sum([odds.by_driver[name] for name in HIDDEN], axis=0)
    scores = (odds.total, without_school, without_school - hidden)
    near = np.abs(decided.need - decided.allocation.cut_points) <= oracle.NEAR_CUT_POINTS
    return oracle.Seen(
        stage=standing.stage[chosen],
        group=standing.language[chosen],
        school=school_number[standing.school[chosen]],
        scores={name: score[chosen] for name, score in zip(oracle.SCORES, scores, strict=True)},
        recorded_log_odds=recorded_log_odds(cut_off, situation, standing)[chosen],
        chance_without=decided.without[chosen],
        chance_lived=decided.lived[chosen],
        outcome=outcome[chosen],
        drivers=np.stack([odds.values[name] for name in truth.DRIVERS], axis=1)[chosen],
        effects=decided.effects[chosen],
        measures=decided.received[chosen],
        goes_by_rule=standing.by_rule[standing.school][chosen],
        is_near_cut=near[chosen],
    )


def _whole(lessons: Floats) -> Integers:
    return np.round(lessons).astype(np.int64)


def _names(names: Sequence[str], place: Integers) -> pa.Array:
    return pa.array([*names, None], pa.string()).take(pa.array(np.where(place == NONE, len(names), place)))
