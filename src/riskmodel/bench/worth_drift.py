"""Whether a drift planted at the third semester holds that semester's run, and no run before it.

Each cohort of the count is a drawn world (:mod:`riskmodel.sources.synthetic.worlds`) of five school years with three
semester runs. In the run of semester n the newest matured cohort is that of school year n, predicted by the cohorts
before it, and the present one is that of year n + 1. Ordinary years differ: each has a log-odds of its own.

*Prior*: in the cohort that matures for the third run 1.3 times as many leave. Nobody can see it earlier: what becomes of
a cohort is not known while it is the present one. *Recording*: in the present cohort of the third run each absence is
recorded with one chance in two; its outcomes are not needed.

The decisions are those of the gates (:func:`riskmodel.risk.drift.recorded_otherwise`,
:meth:`riskmodel.risk.drift.Foretold.is_beyond`) by the limits of the settings.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from riskmodel.bench.worlds import DIRECTIONS
from riskmodel.messages import Message, message
from riskmodel.risk import drift, model
from riskmodel.risk.model import probability_of
from riskmodel.risk.recipe import Recipe
from riskmodel.runs.spreads import Spread, nearest_drift
from riskmodel.settings import WORTH_A_LOOK_PSI, Settings
from riskmodel.sources.synthetic.pupil_model import LESSONS_A_WEEK, WEEKS, draw_pupils
from riskmodel.sources.synthetic.worlds import World, draw_world

Floats = NDArray[np.float64]

COHORTS, PUPILS, SCHOOLS, SEED = 100, 12_000, 200, 7
"""A world has some 1,700 leavers in a cohort: about as many as the country."""
SEMESTERS, YEARS = 3, 5
YEAR_SD = 0.03
"""Standard deviation of what a year adds to all log-odds: assumed."""
PRIOR_TIMES, RECORDED_SHARE = 1.3, 0.5
PLANNED = {
    "absent_share_year": LESSONS_A_WEEK * sum(WEEKS),
    "absent_share_8w": LESSONS_A_WEEK * sum(WEEKS[:2]),
}
"""Lessons planned in the span of each feature."""
SETTINGS = Settings(cut_off_date=date(2024, 12, 20))


@dataclass(frozen=True)
class Held:
    """Which of the three runs the two gates hold: without drift, and at the third with each of the planted ones."""

    foretold: tuple[bool, ...]
    recorded: tuple[bool, ...]
    prior_at_third: bool
    recording_at_third: bool


def measure(data: Path | None, say: Callable[[Message], None], *, quick: bool = False) -> dict[str, object]:
    """Return the figures of :func:`measure_drift` and the CPU seconds they took; all is invented, so that ``data`` is not read."""
    started = time.process_time()
    say(message("Worlds are drawn and learnt from: some minutes, or seconds with --quick."))
    return {**(measure_drift(2, 4_000) if quick else measure_drift()), "cpu_seconds": time.process_time() - started}


def measure_drift(cohorts: int = COHORTS, pupils: int = PUPILS, recipe: Recipe | None = None) -> dict[str, float]:
    """Return, as shares of ``cohorts``: ``prior_found``, ``recording_found`` and what is held without cause.

    ``held_before``: at the first or second semester by either gate; ``held_without_drift``: at the third, where nothing
    was planted. ``pupils`` are those of one school year. World ``n`` is the same at every call.
    """
    found = [held(np.random.default_rng([SEED, number]), pupils, recipe) for number in range(cohorts)]
    return {
        "cohorts": cohorts,
        "pupils_per_cohort": pupils,
        "prior_found": float(np.mean([one.prior_at_third for one in found])),
        "recording_found": float(np.mean([one.recording_at_third for one in found])),
        "held_before": float(np.mean([any(one.foretold[:-1]) or any(one.recorded[:-1]) for one in found])),
        "held_without_drift": float(np.mean([one.foretold[-1] or one.recorded[-1] for one in found])),
    }


def held(rng: np.random.Generator, pupils: int, recipe: Recipe | None = None) -> Held:
    """Return which runs of one drawn world are held."""
    world = draw_world(rng, draw_pupils(rng, pupils, YEARS, SCHOOLS), DIRECTIONS)
    cohort = world.pupils.cohort
    log_odds = world.log_odds + rng.normal(0.0, YEAR_SD, YEARS)[cohort]
    label = (rng.random(len(cohort)) < probability_of(log_odds)).astype(np.float64)
    features = world.pupils.features
    foretold, recorded, prior = [], [], False
    for year in range(1, SEMESTERS + 1):
        teaches, matured = cohort < year, cohort == year
        taught = model.fit(recipe or Recipe(), features[teaches], label[teaches], world.directions, SEED)
        probability = taught.probability(features[matured])
        school, left = world.pupils.school[matured], int(label[teaches].sum())
        foretold.append(_is_beyond(probability, label[matured], school, left))
        recorded.append(_is_recorded_otherwise(world, year + 1))
        if year == SEMESTERS:
            more = (rng.random(len(school)) < _raised(log_odds[matured])).astype(np.float64)
            prior = _is_beyond(probability, more, school, left)
    thinned = _is_recorded_otherwise(world, SEMESTERS + 1, rng)
    return Held(tuple(foretold), tuple(recorded), prior, thinned)


def _is_beyond(probability: Floats, label: Floats, school: NDArray[np.int64], taught_left: int) -> bool:
    return drift.foretold(probability, label, school, taught_left).is_beyond(SETTINGS.max_foretold_times)


def _raised(log_odds: Floats) -> Floats:
    """Return the chances of a cohort in which as many more leave, by one constant for all."""
    low, high = 0.0, 3.0
    aim = PRIOR_TIMES * float(probability_of(log_odds).mean())
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if probability_of(log_odds + middle).mean() < aim else (low, middle)
    return probability_of(log_odds + low)


def _is_recorded_otherwise(world: World, present: int, thinning: np.random.Generator | None = None) -> bool:
    """Return whether the gate sees absences of the ``present`` year recorded otherwise; ``thinning`` drops half of them."""
    spreads = []
    for code, planned in PLANNED.items():
        values = world.pupils.features[code].to_numpy(dtype=np.float64)
        by_year = [values[world.pupils.cohort == year] for year in range(present + 1)]
        if thinning is not None:
            by_year[-1] = _thinned(thinning, by_year[-1], planned)
        *past, now = (drift.Spread.of(one) for one in by_year)
        compared = [drift.drift_row(code, before, now) for before in past]
        spreads.append(Spread(code, compared, np.nan, np.zeros(0, dtype=np.uint8)))
    beyond = drift.recorded_otherwise(nearest_drift(spreads), SETTINGS.max_recorded_times, WORTH_A_LOOK_PSI)
    return len(beyond) > 0


def _thinned(rng: np.random.Generator, share: Floats, planned: int) -> Floats:
    lessons = np.nan_to_num(np.round(share * planned)).astype(np.int64)
    return np.where(np.isnan(share), np.nan, rng.binomial(lessons, RECORDED_SHARE) / planned)
