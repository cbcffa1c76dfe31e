"""A yardstick for the speed of a machine at one moment: fits of a boosting library, and nothing of this product.

Machines differ by a factor of two, and one machine from hour to hour. So the seconds of a run mean little by themselves, and
more beside those of work that does not change with the product: :data:`FITS` fits of the learner's library with its own
defaults, as many as a run makes of the default model, of the same number of trees and leaves, as many at once as a run has workers.

It is no part of a run, whose fits read fewer rows, and no exact clock: what waits for memory and what does not slow down unlike
on another machine. Compare runs of one size: a country of fewer than :data:`MOST_ROWS` pupils has a shorter yardstick.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from riskmodel.risk.boosting import load_library

FITS, FEATURES = 6, 60
TREES, LEAVES = 200, 8
MOST_ROWS = 150_000
DRIVERS = 15
SEED = 697


def yardstick_seconds(pupils: int, threads: int) -> float:
    """Return the seconds of wall time that the fits take, ``threads`` of them at once, each in one thread.

    Parameters
    ----------
    pupils
        Rows, of which :data:`MOST_ROWS` are used at most. Each has :data:`FEATURES` columns of normal numbers; neither making
        them nor importing the library is timed.
    threads
        Fits that are made at once.
    """
    fit = partial(_fit, load_library(), *_drawn(min(pupils, MOST_ROWS)))
    started = time.perf_counter()
    with ThreadPoolExecutor(threads, thread_name_prefix="yardstick") as pool:
        list(pool.map(fit, range(FITS)))
    return time.perf_counter() - started


def _drawn(rows: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return columns and a label that some of them drive: slopes, a step and a pair."""
    generator = np.random.default_rng(SEED)
    columns = generator.normal(size=(rows, FEATURES))
    log_odds = columns[:, :DRIVERS].sum(axis=1) / 3 + columns[:, 0] * columns[:, 1] + (columns[:, 2] > 1.0) - 2.5
    return columns, (generator.random(rows) < 1.0 / (1.0 + np.exp(-log_odds))).astype(np.float64)


def _fit(lightgbm: ModuleType, rows: NDArray[np.float64], label: NDArray[np.float64], seed: int) -> None:
    asked = {"objective": "binary", "num_leaves": LEAVES, "num_threads": 1, "seed": seed, "verbosity": -1}
    lightgbm.train(asked, lightgbm.Dataset(rows, label=label), num_boost_round=TREES)
