"""Which cohorts may teach for which test cohort, by the dates on which outcomes were known.

*Mature*, a law that is never broken: a cohort may train only if its outcomes were known by the test's cut-off
date. It is what a real rerun could have known. *Strict*, in addition: known before the school year of the test
cohort began, so that no training outcome falls inside the window whose features are tested (non-overlapping
leave-future-out). The calibrator, thresholds and bands obey the same rule as the model.

Test cohort of 20 December 2024, windows to 30 September, 30 days of delay: the cohort of December 2023 is
known on 30 October 2024, so mature and not strict; that of December 2022 is strict.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.risk.label import Window

Split = Literal["mature", "strict"]
SPLITS: tuple[Split, ...] = ("mature", "strict")
SCHOOL_DISJOINT = "school_disjoint"
"""The split by folds of schools inside the newest matured cohort: what a school new to the data can expect."""


@dataclass(frozen=True)
class Backtest:
    """One repeat of the past: the cohort to predict, and the cohorts that may teach, oldest first."""

    split_code: Split
    test: Window
    train: tuple[Window, ...]


def may_train(candidate: Window, test: Window, split: Split) -> bool:
    """Return whether ``candidate`` may teach a model that is tested on, or scores, ``test``.

    Both dates are the candidate's ``label_known_on``: for "mature" it is on or before the cut-off date of
    ``test``; for "strict" it is also before the first day of its school year.
    """
    known_on = candidate.label_known_on
    if known_on > test.cut_off:
        return False
    return split == "mature" or known_on < test.school_year_on


def training_windows(windows: Iterable[Window], test: Window, split: Split = "mature") -> tuple[Window, ...]:
    """Return the windows that may teach for ``test``, oldest first."""
    return tuple(sorted((w for w in windows if may_train(w, test, split)), key=lambda window: window.cut_off))


def backtests(windows: Sequence[Window], as_of: date) -> list[Backtest]:
    """Return every test that the past allows: each cohort whose outcomes are known on ``as_of``, by both splits.

    A cohort for which no earlier cohort may teach gives none. Oldest first, mature before strict.
    """
    found = []
    for test in sorted(windows, key=lambda window: window.cut_off):
        if test.label_known_on > as_of:
            continue
        for split in SPLITS:
            train = training_windows(windows, test, split)
            if train:
                found.append(Backtest(split, test, train))
    return found


def school_folds(school_id: pd.Series, folds: int, seed: int) -> NDArray[np.int64]:
    """Return a fold number (0 to ``folds`` - 1) per row; all rows of a school share it.

    Schools go, largest first, to the fold with the fewest rows; ``seed`` orders schools of one size. The order of
    rows does not matter. Folds serve inside the training period alone: they say what a school new to the data
    can expect.

    Raises
    ------
    UsageError
        When there are fewer schools than folds.

    >>> school_folds(pd.Series(["a", "a", "a", "b", "b", "c"]), folds=2, seed=1).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    rows = school_id.astype(str).value_counts().sort_index()
    if folds < 2 or len(rows) < folds:
        raise UsageError(
            message("School-disjoint folds need at least two folds and as many schools."),
            found=message("There are {schools} schools for {folds} folds.", schools=len(rows), folds=folds),
            remedy=message("Ask for fewer folds, or leave this check out."),
        )
    lot = np.random.default_rng(seed).permutation(len(rows))
    filled = np.zeros(folds, dtype=np.int64)
    fold_of: dict[str, int] = {}
    for place in np.lexsort((lot, -rows.to_numpy())):
        fold = int(filled.argmin())
        fold_of[str(rows.index[place])] = fold
        filled[fold] += rows.iloc[place]
    return np.array([fold_of[school] for school in school_id.astype(str)], dtype=np.int64)
