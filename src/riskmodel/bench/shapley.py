"""How fast exact Shapley values of a national cohort are, against LightGBM's own and against shap.

Both kinds are measured: path-dependent against ``pred_contrib``, and interventional with *every* pupil as background
against shap with 100 background rows, which is what many projects run. Values must agree before anything is
timed. CPU seconds of this process, one thread, sides alternating, medians; building tables and the histogram of the
background is counted, compiling, importing and transposing are not; slow sides run on a sample and are scaled up.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.errors import RunFailedError
from riskmodel.messages import Message, message
from riskmodel.risk import shapley_tables
from riskmodel.risk.boosting import read
from riskmodel.risk.model import RiskModel, fit, probability_of
from riskmodel.risk.shapley import TOLERANCE, check_additivity, shapley
from riskmodel.risk.tree_models import from_lightgbm

Say = Callable[[Message], None]
Report = dict[str, object]
Matrix = NDArray[np.float64]

PUPILS, QUICK_PUPILS, FEATURES = 150_000, 10_000, 60
TRAINING_PUPILS = 20_000
LIBRARY_ROWS, SHAP_ROWS, INTERVENTIONAL_ROWS, BACKGROUND_ROWS = 2000, 200, 50, 100
PAIRS = 5
SEED = 7


def measure(data: Path | None, say: Say, *, quick: bool = False) -> Report:
    """Return pupils per CPU second of both kinds, their distance from shap, and the ratios; ``data`` is not read.

    ``checked`` also scores every pupil by the library and compares the sum with the score.
    """
    import shap  # noqa: PLC0415  (three seconds that the other benchmarks do not pay)

    pupils = QUICK_PUPILS if quick else PUPILS
    say(message("Inventing {pupils} pupils.", pupils=pupils))
    features, model = invented(pupils)
    whole = np.asfortranarray(features.to_numpy())
    # As it was kept with the run, so that the size of the model's text is the usual one.
    booster = read(model.to_text().partition("\n")[2])
    by_background = shap.TreeExplainer(booster, data=whole[:BACKGROUND_ROWS], feature_perturbation="interventional")
    differences = _differences(booster, by_background, whole)
    seconds: dict[str, list[float]] = {"path": [], "library": [], "background": [], "shap": []}
    some, fewest = features.to_numpy()[:LIBRARY_ROWS], features.to_numpy()[:INTERVENTIONAL_ROWS]
    for pair in range(PAIRS):
        say(message("Pair {pair} of {pairs}.", pair=pair + 1, pairs=PAIRS))
        sides: list[tuple[str, Callable[[], object], int]] = [
            ("path", lambda: _path_dependent(booster, whole), pupils),
            ("library", lambda: booster.predict(some, pred_contrib=True, num_threads=1), len(some)),
            ("background", lambda: _interventional(booster, whole, whole), pupils),
            ("shap", lambda: by_background.shap_values(fewest), len(fewest)),
        ]
        for name, explain, rows in sides if pair % 2 == 0 else reversed(sides):
            seconds[name].append(_seconds_a_row(explain, rows))
    checked = _seconds_a_row(lambda: shapley(model, features), pupils)
    median = {name: float(np.median(found)) for name, found in seconds.items()}
    return {
        "pupils": pupils,
        "features": FEATURES,
        "trees": booster.num_trees(),
        "pupils_per_cpu_second": 1 / median["path"],
        "pupils_per_cpu_second_range": [1 / max(seconds["path"]), 1 / min(seconds["path"])],
        "pupils_per_cpu_second_interventional": 1 / median["background"],
        "pupils_per_cpu_second_interventional_range": [1 / max(seconds["background"]), 1 / min(seconds["background"])],
        "background_rows": pupils,
        "pupils_per_cpu_second_checked": 1 / checked,
        **differences,
        "ratio_to_pred_contrib": median["library"] / median["path"],
        "ratio_to_shap_interventional": median["shap"] / median["background"],
        "shap_background_rows": BACKGROUND_ROWS,
        "load": os.getloadavg()[0],
        "cores": os.cpu_count(),
        "versions": {"python": platform.python_version(), "lightgbm": lightgbm.__version__, "shap": shap.__version__},
    }


def invented(pupils: int) -> tuple[pd.DataFrame, RiskModel]:
    """Return features of invented pupils, some missing, and the default model learnt from the first of them."""
    generator = np.random.default_rng(SEED)
    matrix = generator.normal(size=(pupils, FEATURES))
    chance = probability_of(matrix[:, 0] + matrix[:, 1] * matrix[:, 2] - 2)
    label = (generator.uniform(0, 1, pupils) < chance).astype(np.float64)
    matrix[generator.uniform(0, 1, matrix.shape) < 0.05] = np.nan
    features = pd.DataFrame(matrix, columns=[f"feature_{place}" for place in range(FEATURES)])
    return features, fit("boosting", features.iloc[:TRAINING_PUPILS], label[:TRAINING_PUPILS], {"feature_0": 1}, SEED)


def _differences(booster: lightgbm.Booster, by_background: object, whole: Matrix) -> dict[str, float]:
    """Return how far both kinds are from shap and from adding up (this also compiles).

    Raises
    ------
    RunFailedError
        When values differ by more than ``TOLERANCE``.
    """
    few = whole[:SHAP_ROWS]
    paths, path_base = _path_dependent(booster, few)
    against, against_base = _interventional(booster, few, whole[:BACKGROUND_ROWS])
    expected = np.asarray(booster.predict(np.ascontiguousarray(few), pred_contrib=True, num_threads=1))[:, :-1]
    of_shap = np.asarray(by_background.shap_values(few))  # type: ignore[attr-defined]
    found = {
        "max_difference_to_pred_contrib": float(np.abs(paths - expected).max()),
        "max_difference_to_shap": float(np.abs(against - of_shap).max()),
    }
    if max(found.values()) > TOLERANCE:
        raise RunFailedError(
            message("Both sides must give the same figures before they are timed."),
            found=message("They differ by {difference}.", difference=f"{max(found.values()):.1e}"),
            remedy=message("Report this with the versions of the libraries."),
        )
    raw = np.asarray(booster.predict(np.ascontiguousarray(few), raw_score=True, num_threads=1))
    gaps = (check_additivity(paths, path_base, raw), check_additivity(against, against_base, raw))
    return {**found, "additivity": max(gaps)}


def _planned(booster: lightgbm.Booster) -> shapley_tables.Plan:
    planned = shapley_tables.plan(from_lightgbm(str(booster.model_to_string())), FEATURES)
    if planned is None:
        raise ValueError("the default model has larger trees than its recipe allows")
    return planned


def _path_dependent(booster: lightgbm.Booster, matrix: Matrix) -> tuple[Matrix, float]:
    planned = _planned(booster)
    tables = shapley_tables.path_dependent(planned)
    return shapley_tables.look_up(tables, shapley_tables.patterns(planned, matrix)), tables.base


def _interventional(booster: lightgbm.Booster, matrix: Matrix, background: Matrix) -> tuple[Matrix, float]:
    planned = _planned(booster)
    patterns = shapley_tables.patterns(planned, matrix)
    of_background = patterns if background is matrix else shapley_tables.patterns(planned, background)
    tables = shapley_tables.interventional(planned, shapley_tables.histogram(of_background, None))
    return shapley_tables.look_up(tables, patterns), tables.base


def _seconds_a_row(explain: Callable[[], object], rows: int) -> float:
    started = time.process_time()
    explain()
    return (time.process_time() - started) / rows
