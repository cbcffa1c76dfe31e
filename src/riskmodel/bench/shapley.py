"""How fast exact Shapley values of a national cohort are, against LightGBM's own and against shap.

All give the path-dependent values but the last, shap's interventional ones with 100 background rows, which is what many
projects run. Values must agree before anything is timed. CPU seconds of this process, one thread; building the
tables is counted, compiling and importing are not; the slow sides run on a sample and are scaled up.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from riskmodel.errors import RunFailedError
from riskmodel.messages import Message, message
from riskmodel.risk.boosting import Boosting, read
from riskmodel.risk.model import RiskModel, fit, probability_of
from riskmodel.risk.shapley import TOLERANCE, shapley

Say = Callable[[Message], None]
Report = dict[str, object]

PUPILS, QUICK_PUPILS, FEATURES = 150_000, 10_000, 60
TRAINING_PUPILS = 20_000
LIBRARY_ROWS, SHAP_ROWS, INTERVENTIONAL_ROWS, BACKGROUND_ROWS = 2000, 200, 50, 100
PAIRS = 5
SEED = 7


def measure(data: Path | None, say: Say, *, quick: bool = False) -> Report:
    """Return ``pupils_per_cpu_second``, ``max_difference_to_shap`` and the ratios; ``data`` is not read.

    ``pupils_per_cpu_second_checked`` also scores every pupil by the library and compares the sum with the score.
    """
    import shap  # noqa: PLC0415  (three seconds that the other benchmarks do not pay)

    pupils = QUICK_PUPILS if quick else PUPILS
    say(message("Inventing {pupils} pupils.", pupils=pupils))
    features, model = invented(pupils)
    few = features.iloc[:SHAP_ROWS]
    values, _ = shapley(model, few)  # compiles
    learner = Boosting(read(model.to_text().partition("\n")[2]), threads=1)
    booster = learner.booster
    by_paths = shap.TreeExplainer(booster, feature_perturbation="tree_path_dependent")
    difference = float(np.abs(np.asarray(by_paths.shap_values(few.to_numpy())) - values).max())
    if difference > TOLERANCE:
        raise RunFailedError(
            message("Both sides must give the same figures before they are timed."),
            found=message("They differ by {difference}.", difference=f"{difference:.1e}"),
            remedy=message("Report this with the versions of the libraries."),
        )
    by_background = shap.TreeExplainer(
        booster, data=features.iloc[:BACKGROUND_ROWS].to_numpy(), feature_perturbation="interventional"
    )
    whole, some = features.to_numpy(), features.iloc[:LIBRARY_ROWS].to_numpy()
    ours: list[float] = []
    library: list[float] = []
    for pair in range(PAIRS):
        say(message("Pair {pair} of {pairs}.", pair=pair + 1, pairs=PAIRS))
        ours.append(_seconds_a_pupil(lambda: learner.contributions(whole), pupils))
        library.append(_seconds_a_pupil(lambda: booster.predict(some, pred_contrib=True, num_threads=1), LIBRARY_ROWS))
    checked = _seconds_a_pupil(lambda: shapley(model, features), pupils)
    fewest = features.iloc[:INTERVENTIONAL_ROWS].to_numpy()
    interventional = _seconds_a_pupil(lambda: by_background.shap_values(fewest), INTERVENTIONAL_ROWS)
    return {
        "pupils": pupils,
        "pupils_per_cpu_second": float(1 / np.median(ours)),
        "max_difference_to_shap": difference,
        "ratio_to_pred_contrib": float(np.median(library) / np.median(ours)),
        "ratio_to_shap_interventional": float(interventional / np.median(ours)),
        "pupils_per_cpu_second_range": [1 / max(ours), 1 / min(ours)],
        "pupils_per_cpu_second_checked": float(1 / checked),
        "load": os.getloadavg()[0],
        "cores": os.cpu_count(),
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


def _seconds_a_pupil(explain: Callable[[], object], pupils: int) -> float:
    started = time.process_time()
    explain()
    return (time.process_time() - started) / pupils
