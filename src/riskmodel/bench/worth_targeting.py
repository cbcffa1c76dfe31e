"""Does the targeting verdict say what was planted: that schools explain leaving, or that pupils do?

Each world is drawn anew over newly drawn pupils, and judged as a run judges its newest cohort: the default model learns from
all earlier cohorts (the school's share of leavers in the year before is among its features, as in a run), the school's and the
class's rates are those of the past outcomes. In one kind of world a hidden effect of the school is all that there is; in the
other, drivers of the pupil are, and schools differ by chance alone.

*Right*: where schools explain all, the verdict of the state against the school's rate is ``does_as_well`` or ``finds_more``, so
that the individual score is not needed; where pupils do, the score finds more than the school's and the class's rate.
*Wrong in municipalities*: verdicts that say the opposite, over all municipalities; ``cannot_tell`` and ``too_few`` are not wrong.

*Averted*: support that helps those of middle risk alone is planted; ``benefit_averts_more`` counts the worlds in which choosing
by the benefit that the model's probabilities imply averts more than choosing by the score, by the planted truth.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.messages import Message, message
from riskmodel.risk import model, rules
from riskmodel.risk.capacity import Capacity
from riskmodel.risk.features import FEATURES
from riskmodel.risk.model import probability_of
from riskmodel.risk.recipe import Recipe
from riskmodel.risk.targeting.comparison import AS_DELIVERED, STATE, Comparing, Targeted, compare
from riskmodel.risk.targeting.spread import spread_of
from riskmodel.risk.targeting.strategies import BENEFIT, TEACHER_LIKE, RiskEffect, class_rate, expected_benefit
from riskmodel.risk.targeting.verdicts import verdicts
from riskmodel.sources.synthetic.pupil_model import draw_pupils
from riskmodel.sources.synthetic.worlds import World, draw_school_world, draw_world

Say = Callable[[Message], None]
Report = dict[str, object]
Floats = NDArray[np.float64]

WORLDS, QUICK_WORLDS = 20, 2
PUPILS, QUICK_PUPILS = 12_000, 6_000
"""Of a cohort."""
COHORTS, SCHOOLS, MUNICIPALITIES = 4, 120, 8
SEED = 7
REPLICATES = 400
KINDS = ("schools", "pupils")

DIRECTIONS = {declared.code: declared.direction for declared in FEATURES}
PAST_SHARE = "school_left_share_past_year"
HELPS_MIDDLE = (RiskEffect(0.10, 0.35, 0.08),)


def measure(data: Path | None, say: Say, *, quick: bool = False) -> Report:
    """Return, by what explains leaving (``schools``, ``pupils``), ``right`` of ``worlds`` and what stands in the module's text.

    ``data`` is not read. World ``n`` of a kind is the same at every call.
    """
    worlds, pupils = (QUICK_WORLDS, QUICK_PUPILS) if quick else (WORLDS, PUPILS)
    report: Report = {"worlds": worlds, "seed": SEED, "pupils_per_cohort": pupils, "schools_in_world": SCHOOLS}
    for kind in KINDS:
        found = []
        for number in range(worlds):
            say(message("World {number} of {worlds}.", number=number + 1, worlds=worlds))
            found.append(judge(draw(kind, SEED, number, pupils), kind))
        table = pd.DataFrame(found)
        counted = {name: int(table[name].sum()) for name in ("right", "wrong_in_municipalities", "benefit_averts_more")}
        figures = {
            name: {"least": float(table[name].min()), "greatest": float(table[name].max())}
            for name in ("more", "between_schools", "true_between_schools")
        }
        report[kind] = {"worlds": worlds, "municipal_verdicts": worlds * MUNICIPALITIES, **counted, **figures}
    return report


def draw(kind: str, seed: int, number: int, pupils: int) -> World:
    """Return world ``number`` in which ``kind`` (schools or pupils) explains who leaves."""
    rng = np.random.default_rng([seed, KINDS.index(kind), number])
    drawn = draw_pupils(rng, pupils, COHORTS, SCHOOLS)
    return draw_school_world(rng, drawn, DIRECTIONS) if kind == "schools" else draw_world(rng, drawn, DIRECTIONS, 0.0)


def targeted_of(world: World) -> tuple[Targeted, Floats]:
    """Return the newest cohort of a world with every strategy's order, and its predicted probabilities."""
    newest, label = world.pupils.is_newest, world.label
    school = pd.Series(world.pupils.school).map("s{:04d}".format).astype("category")
    stage = pd.Series(world.pupils.group).astype(str) + "/" + world.pupils.features["stage_number"].astype(str)
    features = world.pupils.features.assign(**{PAST_SHARE: _past_share(world)})
    teaches = ~newest
    fitted = model.fit(Recipe(), features[teaches], label[teaches], {**DIRECTIONS, **world.directions}, SEED)
    own, own_school = features[newest], school[newest].reset_index(drop=True)
    raw = fitted.raw_score(own)
    probability = probability_of(raw)
    past = pd.DataFrame({"school_id": school[teaches], "stage": stage[teaches], "label": label[teaches]})
    past_school = past["school_id"].reset_index(drop=True)
    orders = {"score": raw, "random": np.zeros(len(raw)), "teacher_like": TEACHER_LIKE.apply(own)}
    for code in ("school_rate", *(code for code in rules.rules_for(own) if code in ("abc", "absence_over_10"))):
        teaching = features[teaches].reset_index(drop=True)
        rule = rules.learn_from(code, [rules.tally(code, teaching, past_school, label[teaches])])
        orders[code] = rule.raw_score(own, own_school)
    orders["class_rate"] = class_rate(past, own_school, stage[newest])
    orders[BENEFIT] = expected_benefit(probability, HELPS_MIDDLE)
    municipality = pd.Series(world.pupils.school[newest] % MUNICIPALITIES).map("m{:02d}".format)
    averted = expected_benefit(world.probability[newest], HELPS_MIDDLE)
    return Targeted("newest", own_school, municipality, label[newest], orders, averted), probability


def judge(world: World, kind: str) -> dict[str, float]:
    """Return the figures of one world by name, as the module tells."""
    targeted, probability = targeted_of(world)
    comparing = Comparing({AS_DELIVERED: Capacity(0.10)}, REPLICATES, SEED)
    table = compare(targeted, comparing)
    said = verdicts(table)
    state = {one.strategy_code: one for one in said if one.area_kind == STATE}
    if kind == "schools":
        right = state["school_rate"].says_place
        wrong = [one for one in said if one.strategy_code == "school_rate" and one.says_individual]
    else:
        right = state["school_rate"].says_individual and state["class_rate"].says_individual
        wrong = [one for one in said if one.strategy_code == "school_rate" and one.says_place]
    school = world.pupils.school[world.pupils.is_newest].astype(np.int32)
    stage = world.pupils.features["stage_number"][world.pupils.is_newest]
    of_state = table[table["area_kind"] == STATE].set_index("strategy_code")
    return {
        "right": float(right),
        "wrong_in_municipalities": float(sum(one.area_kind != STATE for one in wrong)),
        "benefit_averts_more": float(of_state["averted"][BENEFIT] > of_state["averted"]["score"]),
        "more": state["school_rate"].more,
        "between_schools": float(spread_of(probability, school, stage, comparing).shares[0]),
        "true_between_schools": float(
            spread_of(world.probability[world.pupils.is_newest], school, stage, comparing).shares[0]
        ),
    }


def _past_share(world: World) -> Floats:
    """Return the share of each pupil's school that left in the cohort before; NaN in the first."""
    pupils = world.pupils
    table = pd.Series(world.label).groupby([pupils.school, pupils.cohort]).mean()
    before = pd.MultiIndex.from_arrays([pupils.school, pupils.cohort - 1])
    return np.asarray(table.reindex(before).to_numpy(), dtype=np.float64)
