"""How near the default model comes to the truth in worlds that are drawn anew each time.

In each world the model is learnt and calibrated as a run does it: every cohort that has an earlier one is predicted from
those before it, these predictions teach the calibrator, and the model of all earlier cohorts scores the newest. All rows
teach; what a run's draw of rows adds to the noise is told in ``reports/design/learning.md``. What is
compared with the truth is the newest cohort. Nothing of the test depends on who happened to leave in it: AUC is expected
over the true chances, and calibration is held against them.

*Reached*: AUC above one half as a share of that of the best predictor from the pupil's own features
(``observable_log_odds`` of :class:`riskmodel.sources.synthetic.worlds.World`). The school effect is hidden: a school's
past share of leavers is not among the features. ``reached_of_posterior`` is shown beside it and has no bar: the share of
a rival who knows the law of the world, its sizes, and every past outcome of the school.

*Calibration*, within each stage group with at least ``FEWEST_LEFT`` leavers: true on predicted log-odds by least squares
with the weights p(1-p), the information that a pupil's outcome carries. ``slope`` is the slope of the line;
``intercept`` is the weighted mean of true minus predicted log-odds, which is what a calibration intercept means (slope
held at 1; Cox 1958, Van Calster et al. 2019). The height of the line at log-odds 0 would be read off where no pupil is.
``ece`` is by ten equal groups of the prediction against the mean true probability, as a share of the group's base rate.
Nobody can reach an intercept of 0: who happened to leave in the cohorts that teach moves the share of a group by a fiftieth
or so, whatever the method.

*Without signal* everybody has one chance; what the model then finds is chance. ``z`` is the distance of its AUC from one
half in standard errors of the rank sum.

*Explanations* are judged by concepts: a concept's contribution is the sum of the Shapley values of its features. A pupil
is *affected* when a planted driver truly adds at least ``AFFECTED`` log-odds above the mean (odds more than doubled); as
many top places as she has such drivers, three at most, must be held by planted drivers that truly raise her log-odds by
at least half of that. The top places are the largest contributions that raise the score. *Decoy*: a concept without
effect that goes with a driver stands among the three largest contributions, in either direction, as the table ``reason``
places them; counted over all pupils and all decoys of the world together.

Shares of leavers are higher than in the country, and cohorts smaller: what counts for the precision of all this is the
number of leavers, here some 5,000 a cohort in four that teach; the country has some 2,000 a cohort in six.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from riskmodel.messages import Message, message
from riskmodel.risk import calibration, model
from riskmodel.risk.features import FEATURES
from riskmodel.risk.model import RiskModel, probability_of
from riskmodel.risk.recipe import Recipe
from riskmodel.risk.shapley import shapley
from riskmodel.sources.synthetic.pupil_model import GROUPS, draw_pupils
from riskmodel.sources.synthetic.worlds import World, draw_no_signal, draw_world, expected_auc

Say = Callable[[Message], None]
Report = dict[str, object]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

WORLDS, QUICK_WORLDS = 50, 2
PUPILS, QUICK_PUPILS = 36_000, 6_000
"""Of a cohort. With the quick size bars are missed by chance."""
COHORTS, SCHOOLS = 5, 240
SEED = 7

FEWEST_LEFT = 200
AFFECTED = 0.7
TOP = 3

BARS: dict[str, tuple[float, float]] = {
    "ceiling": (0.75, 0.90),
    "least_decoy_correlation": (0.6, 1.0),
    "reached": (0.97, np.inf),
    "slope": (0.9, 1.1),
    "intercept": (-0.1, 0.1),
    "ece": (0.0, 0.1),
    "top_places": (0.95, 1.0),
    "decoy": (0.0, 0.02),
}
"""Lowest and highest value of each figure; a figure of a stage group begins with the name of its bar."""

DIRECTIONS = {declared.code: declared.direction for declared in FEATURES}


def measure(data: Path | None, say: Say, *, quick: bool = False) -> Report:
    """Return ``figures`` (least, median and greatest over the worlds), ``missed`` (worlds per bar) and ``no_signal``.

    ``data`` is not read. World ``n`` of seed ``s`` is the same at every call.
    """
    worlds, pupils = (QUICK_WORLDS, QUICK_PUPILS) if quick else (WORLDS, PUPILS)
    found = []
    for number in range(worlds):
        say(message("World {number} of {worlds}.", number=number + 1, worlds=worlds))
        world = draw(SEED, number, pupils)
        found.append(judge(world, learn(world)))
    table = pd.DataFrame(found)
    missed = pd.Series([bar for figures in found for bar in missed_bars(figures)], dtype=object).value_counts()
    return {
        "worlds": worlds,
        "seed": SEED,
        "pupils_per_cohort": pupils,
        "figures": {
            str(name): {"least": column.min(), "median": column.median(), "greatest": column.max()}
            for name, column in table.items()
        },
        "missed": {str(bar): int(count) for bar, count in missed.sort_index().items()},
        "no_signal": without_signal(np.random.default_rng([SEED, worlds]), pupils),
    }


def draw(seed: int, number: int, pupils: int) -> World:
    """Return world ``number`` of ``seed`` over newly drawn pupils, ``pupils`` in each cohort."""
    rng = np.random.default_rng([seed, number])
    return draw_world(rng, draw_pupils(rng, pupils, COHORTS, SCHOOLS), DIRECTIONS)


def missed_bars(figures: Mapping[str, float]) -> list[str]:
    """Return the names of the figures that lie outside their bar; a figure that is not a number does."""
    return [
        name
        for name, value in figures.items()
        for bar, (low, high) in BARS.items()
        if (name == bar or any(name == f"{bar}_{group}" for group in GROUPS)) and not low <= value <= high
    ]


def without_signal(rng: np.random.Generator, pupils: int) -> dict[str, float]:
    """Return ``auc``, ``z``, ``largest_concept`` and ``spread`` of the model in a world where nothing drives leaving.

    ``largest_concept`` is the greatest mean size of a concept's contributions (log-odds), ``spread`` the mean
    distance of the predicted chances from their mean, as a share of it, which in truth is 0. (A standard deviation of
    log-odds would speak of the few pupils in the last steps of an isotonic calibrator alone.)
    """
    world = draw_no_signal(rng, draw_pupils(rng, pupils, COHORTS, SCHOOLS), DIRECTIONS)
    learnt = learn(world)
    label = world.label[world.pupils.is_newest]
    left, stayed = label.sum(), (1.0 - label).sum()
    auc = float(roc_auc_score(label, learnt.raw_score))
    error = np.sqrt((left + stayed + 1.0) / (12.0 * left * stayed))
    values = shapley(learnt.model, learnt.features).values
    by_concept = _by_concept(values, list(learnt.model.feature_codes), world.concepts)
    return {
        "auc": auc,
        "z": float((auc - 0.5) / error),
        "largest_concept": float(by_concept.abs().mean().max()),
        "spread": float(np.abs(learnt.probability / learnt.probability.mean() - 1.0).mean()),
    }


@dataclass(frozen=True)
class Learnt:
    """What a run would publish of the newest cohort of a world: one value per row of it."""

    model: RiskModel
    features: pd.DataFrame
    raw_score: Floats
    probability: Floats


def learn(world: World, recipe: Recipe | None = None, seed: int = SEED) -> Learnt:
    """Return the model of all earlier cohorts, calibrated out of time, with its scores of the newest one."""
    recipe = recipe or Recipe()
    features, cohort = world.pupils.features, world.pupils.cohort
    newest = int(cohort.max())

    def taught_before(end: int) -> RiskModel:
        teaches = cohort < end
        return model.fit(recipe, features[teaches], world.label[teaches], world.directions, seed)

    past = [(cohort == place, taught_before(place)) for place in range(1, newest)]
    calibrator = calibration.learn((fitted.raw_score(features[rows]), world.label[rows]) for rows, fitted in past)
    final = taught_before(newest)
    tested = features[cohort == newest]
    raw = final.raw_score(tested)
    return Learnt(final, tested, raw, calibrator.probability(raw))


def judge(world: World, learnt: Learnt) -> dict[str, float]:
    """Return the figures of one world by name; those of a stage group end in its name."""
    newest = world.pupils.is_newest
    chance = world.probability[newest]
    best = expected_auc(world.observable_log_odds[newest], chance) - 0.5
    posterior = expected_auc(posterior_log_odds(world), chance) - 0.5
    reached = expected_auc(learnt.raw_score, chance) - 0.5
    figures = {
        "ceiling": world.ceiling,
        "observable_auc": best + 0.5,
        "auc": reached + 0.5,
        "reached": reached / best,
        "reached_of_posterior": reached / posterior,
        "least_decoy_correlation": min(map(abs, world.decoy_correlations.values()), default=np.nan),
    }
    for place, group in enumerate(GROUPS):
        rows = world.pupils.group[newest] == place
        if world.label[newest][rows].sum() >= FEWEST_LEFT:
            found = calibration_figures(learnt.probability[rows], world.observable_log_odds[newest][rows], chance[rows])
            figures |= {f"{name}_{group}": value for name, value in found.items()}
    return figures | explanation_figures(world, learnt)


def calibration_figures(predicted: Floats, true_log_odds: Floats, chance: Floats) -> dict[str, float]:
    """Return ``slope``, ``intercept`` and ``ece`` (as a share of the mean ``chance``), as the module tells."""
    own = np.log(predicted / (1.0 - predicted))
    weight = predicted * (1.0 - predicted)
    x, y = own - np.average(own, weights=weight), true_log_odds - np.average(true_log_odds, weights=weight)
    parts = np.array_split(np.argsort(predicted, kind="stable"), 10)
    gaps = [len(part) * abs(predicted[part].mean() - chance[part].mean()) for part in parts]
    return {
        "slope": float(np.sum(weight * x * y) / np.sum(weight * x * x)),
        "intercept": float(np.average(true_log_odds - own, weights=weight)),
        "ece": float(sum(gaps) / len(predicted) / chance.mean()),
    }


def explanation_figures(world: World, learnt: Learnt) -> dict[str, float]:
    """Return ``affected`` (share of pupils), ``top_places`` and ``decoy`` (shares, as the module tells).

    ``unplanted``: any concept that is not planted, decoy or not, stands among the three largest.
    """
    values = shapley(learnt.model, learnt.features).values
    contributions = _by_concept(values, list(learnt.model.feature_codes), world.concepts)
    truth = world.effects[world.pupils.is_newest].reindex(columns=contributions.columns)
    is_planted: Flags = np.asarray(truth.notna().all(axis=0), dtype=bool)
    effect = truth.fillna(0.0).to_numpy()
    drivers = [name in {driver.concept for driver in world.planted.drivers} for name in contributions]
    places = np.minimum((effect[:, drivers] >= AFFECTED).sum(axis=1), TOP)
    size = contributions.to_numpy()
    top = np.argsort(-size, axis=1, kind="stable")[:, :TOP]
    is_truly_raising = np.take_along_axis(effect, top, axis=1) >= AFFECTED / 2
    holds: Flags = np.asarray((is_truly_raising | (np.arange(TOP) >= places[:, None])).all(axis=1))
    largest = np.argsort(-np.abs(size), axis=1, kind="stable")[:, :TOP]
    is_decoy = np.array([name in world.planted.decoys for name in contributions], dtype=bool)
    affected = places > 0
    return {
        "affected": float(affected.mean()),
        "top_places": float(holds[affected].mean()) if affected.any() else np.nan,
        "decoy": float(is_decoy[largest].any(axis=1).mean()),
        "unplanted": float((~is_planted)[largest].any(axis=1).mean()),
    }


def posterior_log_odds(world: World) -> Floats:
    """Return, for the newest cohort, the log-odds by the true law and all past outcomes of each school."""
    newest, school = world.pupils.is_newest, world.pupils.school
    known = world.log_odds - world.effects["school"].to_numpy(dtype=np.float64)
    spread = world.planted.school_effect_sd
    grid = np.linspace(-4.0, 4.0, 41) * spread
    likelihood = np.tile(-0.5 * np.linspace(-4.0, 4.0, 41) ** 2, (int(school.max()) + 1, 1))
    sign = np.where(world.label[~newest] == 1, -1.0, 1.0)
    for place, effect in enumerate(grid):
        of_outcome = -np.logaddexp(0.0, sign * (known[~newest] + effect))
        likelihood[:, place] += np.bincount(school[~newest], of_outcome, minlength=len(likelihood))
    weight = np.exp(likelihood - likelihood.max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    chance = np.zeros(len(known[newest]))
    for place, effect in enumerate(grid):
        chance += weight[school[newest], place] * probability_of(known[newest] + effect)
    return np.asarray(np.log(chance / (1.0 - chance)))


def _by_concept(values: Floats, codes: list[str], concepts: Mapping[str, tuple[str, ...]]) -> pd.DataFrame:
    concept_of = {code: concept for concept, members in concepts.items() for code in members}
    return pd.DataFrame(values, columns=codes).T.groupby([concept_of.get(code, code) for code in codes]).sum().T
