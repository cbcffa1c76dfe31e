"""Whether the risk without support is found where support has kept pupils, by each way of learning from such pasts.

In each drawn world (:mod:`riskmodel.sources.synthetic.worlds`) every school supports the first ninth or so of its pupils
after the cut-off: by their true log-odds, seen with an error; one in ten of them is exchanged for somebody drawn by lot.
Support lowers the log-odds of leaving by ``EFFECT``. With ``hidden`` above 0 something that no feature holds adds to the
log-odds, and half of the schools see it: then nobody can find all of the risk from the features.

What is compared with the true chance without support, in the newest cohort, is the mean chance of all and of those who got
support. ``alike``: the same learnt from a past in which nobody was supported, which no method can expect to pass: who is chosen by the
truth is of higher risk than any model can say.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.bench.worlds import DIRECTIONS
from riskmodel.messages import Message, message
from riskmodel.risk import model
from riskmodel.risk.model import probability_of
from riskmodel.risk.recipe import Recipe
from riskmodel.risk.support_weights import weights_without_support
from riskmodel.sources.synthetic.pupil_model import draw_pupils
from riskmodel.sources.synthetic.worlds import World, draw_world

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

WORLDS, PUPILS, SCHOOLS, COHORTS, SEED = 10, 10_000, 150, 5, 31
EFFECT, PLACES_SHARE, EXCHANGED_SHARE, ERROR_SD = -0.7, 0.09, 0.1, 0.7
METHODS = ("not_looked_at", "column", "reweight", "alike")


def measure(data: Path | None, say: Callable[[Message], None], *, quick: bool = False) -> dict[str, object]:
    """Return the figures of :func:`measure_support` and the CPU seconds they took; all is invented, so that ``data`` is not read."""
    started = time.process_time()
    say(message("Worlds are drawn and learnt from: some minutes, or seconds with --quick."))
    return {**(measure_support(1, 4_000) if quick else measure_support()), "cpu_seconds": time.process_time() - started}


def measure_support(
    worlds: int = WORLDS, pupils: int = PUPILS, hidden: float = 0.0, recipe: Recipe | None = None
) -> dict[str, float]:
    """Return, by method, ``<method>.all`` and ``<method>.supported``: mean predicted minus mean true chance without support.

    Besides ``true.all`` and ``true.supported``, those true chances. World ``n`` is the same at every call.
    """
    found = [
        _figures(np.random.default_rng([SEED, number]), pupils, hidden, recipe or Recipe()) for number in range(worlds)
    ]
    return {"worlds": worlds, **{name: float(np.mean([one[name] for one in found])) for name in found[0]}}


def _figures(rng: np.random.Generator, pupils: int, hidden: float, recipe: Recipe) -> dict[str, float]:
    world = draw_world(rng, draw_pupils(rng, pupils, COHORTS, SCHOOLS), DIRECTIONS)
    unseen = rng.normal(0.0, hidden, len(world.label))
    without = world.log_odds + unseen
    supported = _supported(rng, world, unseen)
    lot = rng.random(len(without))
    label = (lot < probability_of(without + EFFECT * supported)).astype(np.float64)
    alike = (lot < probability_of(without)).astype(np.float64)
    now = world.pupils.is_newest
    true = probability_of(without[now])
    figures = {"true.all": float(true.mean()), "true.supported": float(true[supported[now]].mean())}
    for method in METHODS:
        taught = learn(method, world, alike if method == "alike" else label, supported, recipe)
        predicted = taught.probability(world.pupils.features[now])
        figures[f"{method}.all"] = float(predicted.mean() - true.mean())
        figures[f"{method}.supported"] = float((predicted - true)[supported[now]].mean())
    return figures


def learn(method: str, world: World, label: Floats, supported: Flags, recipe: Recipe) -> model.RiskModel:
    """Return the model of all cohorts before the newest, learnt by a ``method`` of :data:`METHODS`."""
    teaches = ~world.pupils.is_newest
    features = world.pupils.features
    if method == "column":
        features, recipe = features.assign(support=supported.astype(np.float64)), replace(recipe, treatment="support")
    elif method == "reweight":
        features, recipe = features.assign(weight=_weights(world, supported)), replace(recipe, weight="weight")
        teaches = teaches & ~supported
    return model.fit(recipe, features[teaches], label[teaches], world.directions, SEED)


def _weights(world: World, supported: Flags) -> Floats:
    weight = np.ones(len(supported))
    features = world.pupils.features
    for cohort in range(COHORTS - 1):
        own = world.pupils.cohort == cohort
        weight[own] = weights_without_support((features[own], supported[own]), features[own], supported[own], SEED)
    return weight


def _supported(rng: np.random.Generator, world: World, unseen: Floats) -> Flags:
    """Return who gets support after the cut-off: in every second school the hidden part is seen."""
    school = world.pupils.school
    sees = np.where(school % 2 == 1, unseen, 0.0)
    need = world.observable_log_odds + sees + rng.normal(0.0, ERROR_SD, len(school))
    by_school = pd.Series(need).groupby([world.pupils.cohort, school])
    place, pupils = by_school.rank(ascending=False).to_numpy(), by_school.transform("size").to_numpy()
    chosen = place <= np.ceil(PLACES_SHARE * pupils)
    lot = rng.random(len(school))
    return np.asarray(np.where(chosen, lot >= EXCHANGED_SHARE, lot < EXCHANGED_SHARE * PLACES_SHARE))
