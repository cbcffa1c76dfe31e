"""How far reasons and ranks hang on the seed, on a hair's breadth of a value, and on what drives nothing; in a drawn world.

``rank_agreement``: Spearman's correlation of scores learnt by two seeds; ``kept_in_tenth``: of the tenth of highest scores by one,
the share in that by the other. ``same_first_reason``: of pupils with a concept that raises the score by
:data:`TELLING` or more, the share for whom the largest is the same by both. ``moved_by_a_hair``: change of all contributions
when each value moves by a hundredth of itself, as a share of their size (what is zero stays zero, a count its whole number). ``noise_among_first``: share of
pupils with a feature without any relation to anything among the three largest contributions.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import spearmanr

from riskmodel.bench.worlds import DIRECTIONS, TOP
from riskmodel.messages import Message, message
from riskmodel.risk import model
from riskmodel.risk.model import RiskModel
from riskmodel.risk.recipe import Recipe
from riskmodel.risk.shapley import shapley
from riskmodel.sources.synthetic.pupil_model import draw_pupils
from riskmodel.sources.synthetic.worlds import World, draw_world

Floats = NDArray[np.float64]

WORLDS, PUPILS, COHORTS, SCHOOLS, SEED = 10, 12_000, 4, 150, 13
SEEDS = (7, 8)
TELLING, HAIR = 0.5, 0.01
NOISE = "noise"


def measure(data: Path | None, say: Callable[[Message], None], *, quick: bool = False) -> dict[str, object]:
    """Return the figures of :func:`measure_reasons` and the CPU seconds they took; all is invented, so that ``data`` is not read."""
    started = time.process_time()
    say(message("Worlds are drawn and learnt from: some minutes, or seconds with --quick."))
    return {**(measure_reasons(1, 4_000) if quick else measure_reasons()), "cpu_seconds": time.process_time() - started}


def measure_reasons(worlds: int = WORLDS, pupils: int = PUPILS, recipe: Recipe | None = None) -> dict[str, float]:
    """Return the figures, means over worlds. World ``n`` is the same at every call."""
    found = [_figures(np.random.default_rng([SEED, number]), pupils, recipe or Recipe()) for number in range(worlds)]
    return {"worlds": worlds, **{name: float(np.mean([one[name] for one in found])) for name in found[0]}}


def _figures(rng: np.random.Generator, pupils: int, recipe: Recipe) -> dict[str, float]:
    world = draw_world(rng, draw_pupils(rng, pupils, COHORTS, SCHOOLS), DIRECTIONS)
    features = world.pupils.features.assign(**{NOISE: rng.standard_normal(len(world.label))})
    now = world.pupils.is_newest
    one, other = (model.fit(recipe, features[~now], world.label[~now], world.directions, seed) for seed in SEEDS)
    newest = features[now]
    values, others = (shapley(learnt, newest).values for learnt in (one, other))
    concepts, by_other = (_by_concept(found, one, world) for found in (values, others))
    tells = concepts.max(axis=1) >= TELLING
    first = np.argsort(-np.abs(values), axis=1, kind="stable")[:, :TOP]
    raw, raw_of_other = values.sum(axis=1), others.sum(axis=1)
    return {
        "rank_agreement": float(spearmanr(raw, raw_of_other).statistic),
        "kept_in_tenth": _kept(raw, raw_of_other),
        "same_first_reason": float((concepts.argmax(axis=1) == by_other.argmax(axis=1))[tells].mean()),
        "moved_by_a_hair": _moved(rng, one, newest, values),
        "noise_among_first": float((first == one.feature_codes.index(NOISE)).any(axis=1).mean()),
    }


def _kept(raw: Floats, raw_of_other: Floats) -> float:
    count = len(raw) // 10
    tops = [set(np.argsort(-one, kind="stable")[:count].tolist()) for one in (raw, raw_of_other)]
    return len(tops[0] & tops[1]) / count


def _moved(rng: np.random.Generator, learnt: RiskModel, features: pd.DataFrame, values: Floats) -> float:
    moved = shapley(learnt, features * (1 + HAIR * rng.choice([-1.0, 1.0], features.shape))).values
    return float(np.abs(moved - values).sum() / np.abs(values).sum())


def _by_concept(values: Floats, learnt: RiskModel, world: World) -> Floats:
    concept_of = {code: concept for concept, members in world.concepts.items() for code in members}
    table = pd.DataFrame(values, columns=list(learnt.feature_codes))
    return table.T.groupby([concept_of.get(code, code) for code in table.columns]).sum().T.to_numpy()
