"""How long 1,000 bootstrap replicates of a national cohort take, against a loop over scikit-learn.

Both sides get the same weights, and their figures must agree before anything is timed. Ours gives ten figures, the cut
at capacity in every school among them; the loop gives three (AUC, average precision, Brier score). CPU seconds of
this process, one thread, after compiling; sides alternate and the medians are compared.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from riskmodel.errors import RunFailedError
from riskmodel.messages import Message, message
from riskmodel.risk.bootstrap import FIGURES, Ranking, figures, rank, replicates, weights_of
from riskmodel.risk.model import probability_of

Say = Callable[[Message], None]
Report = dict[str, object]

PUPILS, SCHOOLS, REPLICATES = 150_000, 600, 1000
QUICK_PUPILS = 20_000
SEED = 7
PAIRS, OURS_A_PAIR, THEIRS_A_PAIR = 5, 200, 2
AGREEMENT = 1e-12


def measure(data: Path | None, say: Say, *, quick: bool = False) -> Report:
    """Return ``cpu_seconds`` for 1,000 replicates, ``ratio_to_sklearn`` and what surrounded the measurement.

    The pupils are invented, so that ``data`` is not read. Seconds of the loop are scaled up from a few replicates.
    """
    pupils = QUICK_PUPILS if quick else PUPILS
    say(message("Inventing {pupils} pupils.", pupils=pupils))
    frame = invented(pupils)
    ranking = rank(frame)
    replicates(ranking, 1, SEED)  # compiles
    drawn = weights_of(ranking.clusters, 0, SEED)
    of_row = drawn[np.unique(frame["pupil_id"].to_numpy(dtype=str), return_inverse=True)[1]].astype(np.float64)
    found, expected = figures(ranking, drawn), _loop(frame, of_row)
    difference = max(abs(found[name] - expected[name]) for name in expected)
    if difference > AGREEMENT:
        raise RunFailedError(
            message("Both sides must give the same figures before they are timed."),
            found=message("They differ by {difference}.", difference=f"{difference:.1e}"),
            remedy=message("Report this with the versions of the libraries."),
        )
    ours: list[float] = []
    theirs: list[float] = []
    for pair in range(PAIRS):
        say(message("Pair {pair} of {pairs}.", pair=pair + 1, pairs=PAIRS))
        if pair % 2 == 0:
            ours.append(_our_seconds(ranking))
        theirs.append(_their_seconds(frame, of_row))
        if pair % 2 == 1:
            ours.append(_our_seconds(ranking))
    return {
        "cpu_seconds": float(np.median(ours)),
        "ratio_to_sklearn": float(np.median(theirs) / np.median(ours)),
        "cpu_seconds_range": [min(ours), max(ours)],
        "sklearn_cpu_seconds": float(np.median(theirs)),
        "largest_difference": difference,
        "pupils": pupils,
        "replicates": REPLICATES,
        "figures": list(FIGURES),
        "load": os.getloadavg()[0],
        "cores": os.cpu_count(),
        "versions": {"python": platform.python_version(), "scikit-learn": sklearn.__version__},
    }


def invented(pupils: int) -> pd.DataFrame:
    """Return predictions of invented pupils in 600 schools, about one in six of whom leaves; some scores tie."""
    generator = np.random.default_rng(SEED)
    raw = np.round(generator.normal(-2, 1, pupils), 5)
    probability = probability_of(raw)
    return pd.DataFrame(
        {
            "pupil_id": np.char.zfill(np.arange(pupils).astype(str), 7),
            "school_id": generator.integers(1, SCHOOLS + 1, pupils).astype(str),
            "raw_score": raw,
            "probability": probability,
            "label": (generator.uniform(0, 1, pupils) < probability).astype(np.int64),
        }
    )


def _loop(frame: pd.DataFrame, weights: NDArray[np.float64]) -> dict[str, float]:
    label, score, probability = (frame[name].to_numpy() for name in ("label", "raw_score", "probability"))
    return {
        "auc": float(roc_auc_score(label, score, sample_weight=weights)),
        "average_precision": float(average_precision_score(label, score, sample_weight=weights)),
        "brier": float(brier_score_loss(label, probability, sample_weight=weights)),
    }


def _our_seconds(ranking: Ranking) -> float:
    started = time.process_time()
    replicates(ranking, OURS_A_PAIR, SEED)
    return (time.process_time() - started) * REPLICATES / OURS_A_PAIR


def _their_seconds(frame: pd.DataFrame, weights: NDArray[np.float64]) -> float:
    started = time.process_time()
    for _ in range(THEIRS_A_PAIR):
        _loop(frame, weights)
    return (time.process_time() - started) * REPLICATES / THEIRS_A_PAIR
