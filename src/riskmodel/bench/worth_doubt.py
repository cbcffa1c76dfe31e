"""How often sets hold what became of pupils, and intervals their true chance, in drawn worlds without drift.

A world (:mod:`riskmodel.sources.synthetic.worlds`) has six cohorts. Each but the first is predicted by the model of all
cohorts before it, and from the third on by that of all but the last of these besides. What the past says sets limits and
width (:mod:`riskmodel.risk.doubt`) for the newest cohort; there the true chance of each pupil is known, hidden effect of the
school included, and so is the law by which pupils leave: nothing hangs on who happened to leave in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from riskmodel.bench import oulad, oulad_doubt
from riskmodel.bench.worlds import DIRECTIONS
from riskmodel.messages import Message, message
from riskmodel.risk import model
from riskmodel.risk.doubt import sets, width
from riskmodel.risk.doubt.sets import LEFT, STAYED, Sets
from riskmodel.risk.doubt.width import Said, Width
from riskmodel.risk.model import probability_of
from riskmodel.risk.recipe import Recipe
from riskmodel.settings import Settings
from riskmodel.sources.synthetic.pupil_model import draw_pupils
from riskmodel.sources.synthetic.worlds import World, draw_world

Floats = NDArray[np.float64]

WORLDS, PUPILS, SCHOOLS, SEED = 20, 16_000, 240, 29
COHORTS = 6
UNSURE_SHARE: float = Settings.model_fields["unsure_share"].default


@dataclass(frozen=True)
class Learnt:
    """What the past cohorts of a world say, and what the model said of the newest: its probabilities, by row of it."""

    sets: Sets
    width: Width | None
    probability: Floats


def measure(data: Path | None, say: Callable[[Message], None], *, quick: bool = False) -> dict[str, object]:
    """Return the figures of :func:`measure_doubt`, the CPU seconds they took, and ``oulad`` by presentation where ``data`` is given.

    Raises
    ------
    DeliveryError
        When ``data`` does not hold the published files of OULAD.
    """
    of_oulad: dict[str, object] = {}
    if data is not None:
        of_oulad["oulad"] = oulad_doubt.report(oulad.published_in(data, say))
    started = time.process_time()
    say(message("Worlds are drawn and learnt from: some minutes, or seconds with --quick."))
    found = measure_doubt(2, 4_000) if quick else measure_doubt()
    return {**found, "cpu_seconds": time.process_time() - started, **of_oulad}


def measure_doubt(
    worlds: int = WORLDS, pupils: int = PUPILS, unsure_share: float = UNSURE_SHARE, recipe: Recipe | None = None
) -> dict[str, float]:
    """Return means over worlds of ``left_covered`` and ``stayed_covered`` (expected over who leaves; ``aimed`` is what they
    should be), ``unsure``, ``chance_covered`` (share of pupils whose own true chance lies in the interval of 95 %),
    ``chance_covered_least`` (of the worst world) and ``interval_ratio`` (median of high over low). World ``n`` is the same
    at every call.
    """
    found = []
    for number in range(worlds):
        rng = np.random.default_rng([SEED, number])
        world = draw_world(rng, draw_pupils(rng, pupils, COHORTS, SCHOOLS), DIRECTIONS)
        found.append(figures(world, learn(world, unsure_share, recipe)))
    means = {name: float(np.mean([one[name] for one in found])) for name in found[0]}
    least = min(one["chance_covered"] for one in found)
    return {"worlds": worlds, "aimed": 1 - unsure_share, **means, "chance_covered_least": least}


def learn(world: World, unsure_share: float = UNSURE_SHARE, recipe: Recipe | None = None) -> Learnt:
    """Return what the past cohorts of a world say, each predicted out of time."""
    cohort, features = world.pupils.cohort, world.pupils.features
    taught = {0: 0}
    said: list[Said] = []
    before = None
    for place in range(1, COHORTS):
        teaches, tested = cohort < place, cohort == place
        fitted = model.fit(recipe or Recipe(), features[teaches], world.label[teaches], world.directions, SEED)
        taught[place] = int(world.label[teaches].sum())
        raw = fitted.raw_score(features[tested])
        other = None if before is None else before.raw_score(features[tested])
        own = world.label[tested], world.pupils.school[tested]
        said.append(Said(raw, probability_of(raw), *own, taught[place], other, taught[place - 1]))
        before = fitted
    *past, newest = said
    limits = sets.learn(((one.probability, one.label) for one in past), unsure_share)
    return Learnt(limits, width.learn(past, newest.taught_left), newest.probability)


def figures(world: World, learnt: Learnt) -> dict[str, float]:
    """Return the figures of one world by name."""
    chance = world.probability[world.pupils.is_newest]
    shown = learnt.probability
    low, high = learnt.width.interval(shown) if learnt.width else (np.full(len(shown), np.nan),) * 2
    return {
        "left_covered": float(np.average(learnt.sets.holds(LEFT, shown), weights=chance)),
        "stayed_covered": float(np.average(learnt.sets.holds(STAYED, shown), weights=1 - chance)),
        "unsure": float(learnt.sets.is_unsure(shown).mean()),
        "chance_covered": float(((low <= chance) & (chance <= high)).mean()),
        "interval_ratio": float(np.median(high / low)),
    }
