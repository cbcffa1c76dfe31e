"""The models (30_model): what they would have said of past cohorts, and the one that scores the present.

Every prediction of a past cohort is made by a model, and calibrated by a calibrator, that knew only what was known
then (see :mod:`riskmodel.risk.splits`). Cohorts are read twice, oldest first, one in memory at a time: first for the rows
that teach, so that no fit waits for a score; then to be scored by models that earlier cohorts taught. Fits that differ in
nothing but the test they serve are made once, side by side in threads, beside the reading, scoring and writing of this
one; who waits for whom changes no figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from riskmodel.errors import RunFailedError
from riskmodel.messages import message
from riskmodel.risk import calibration, model, rules, splits
from riskmodel.risk.calibration import Calibrator, Said
from riskmodel.risk.evaluation import DEFAULT_MODEL
from riskmodel.risk.label import Window
from riskmodel.risk.model import RiskModel
from riskmodel.risk.predicted import Predicted, Scores
from riskmodel.risk.recipe import KINDS
from riskmodel.risk.splits import SCHOOL_DISJOINT
from riskmodel.runs import parts
from riskmodel.runs.predictions import PredictionWriter, summary
from riskmodel.runs.semester import SemesterRun
from riskmodel.runs.teaching import Cohorts, Fits, Learning, Pupils, Taught
from riskmodel.settings import HEADLINE_SPLITS

CHALLENGERS = tuple(kind for kind in KINDS if kind != DEFAULT_MODEL)
QUICK_CHALLENGERS = ("logistic",)
"""These learn in a second or two, and stand beside every matured cohort. The others come with ``full``, for the newest."""

SCHOOL_FOLDS = 5


def train(run: SemesterRun, learning: Learning) -> pd.DataFrame:
    """Return what was predicted for past cohorts in brief, and write ``prediction`` and the model that scores the present.

    Raises
    ------
    RunFailedError
        When no past cohort has outcomes that were known on the cut-off date: there is nothing to learn from.
    """
    windows = run.windows()
    teachers = splits.training_windows(windows[:-1], windows[-1])
    if not teachers:
        raise _nothing_to_learn_from(windows)
    tests = splits.backtests(windows, run.cut_off)
    final = tuple(window.cut_off for window in teachers)
    brief: list[dict[str, object]] = []
    past = Past(windows, is_support_aware=learning.support_aware)
    cohorts = Cohorts(run, learning)
    outcomes = cohorts.outcomes()
    with ThreadPoolExecutor(parts.workers(), thread_name_prefix="fit") as pool, PredictionWriter(run.tables) as writer:
        fits = Fits(learning, outcomes, _wanted(tests, final, learning), pool)
        for day in final:
            fits.take(day, cohorts.rows(day))
        for day in final:
            for predicted in _of_cohort(cohorts, day, tests, fits, past):
                writer.write(predicted)
                brief += summary(predicted)
                past.keep(predicted)
        calibrator = past.calibrator()
        scoring = fits.model(final, DEFAULT_MODEL)
    _write_model(run, scoring, calibrator, teachers, learning)
    return pd.DataFrame(brief)


def read_model(run: SemesterRun, threads: int = 1) -> tuple[RiskModel, Calibrator]:
    """Return the model of the run with its calibrator, both as they were written."""
    text = (run.folder / "model" / "model.txt").read_text("utf-8")
    return model.from_text(text, threads), Calibrator.from_dict(run.read_json("model/model.json")["calibrator"])


def _wanted(tests: Sequence[splits.Backtest], final: Taught, learning: Learning) -> list[tuple[Taught, str]]:
    """Return every fit that the run needs, each once: the two splits of different tests often share their teachers."""
    wanted = [(final, DEFAULT_MODEL)]
    for test in tests:
        taught = tuple(window.cut_off for window in test.train)
        is_newest = test.test.cut_off == final[-1]
        wanted += [(taught, kind) for kind in _kinds(test.split_code, is_newest=is_newest, is_full=learning.full)]
    return list(dict.fromkeys(wanted))


def _kinds(split_code: str, *, is_newest: bool, is_full: bool) -> tuple[str, ...]:
    """Return the kinds of model that a test compares; the slow ones where the headline stands."""
    challengers = CHALLENGERS if is_full and is_newest and split_code == "mature" else QUICK_CHALLENGERS
    return (DEFAULT_MODEL, *challengers)


class Past:
    """The default model's predictions of past cohorts: what calibrators learn from.

    Where support is learnt as a treatment, the outcomes of those who were supported teach no calibrator: scores are as if
    none were given, and of these pupils nobody knows what would have become.
    """

    def __init__(self, windows: Sequence[Window], *, is_support_aware: bool) -> None:
        self._windows, self._is_support_aware = windows, is_support_aware
        self._kept: list[tuple[Window, str, Said]] = []

    def keep(self, predicted: Predicted) -> None:
        """Keep what the default model said of a cohort."""
        raw, _ = predicted.by_model[DEFAULT_MODEL]
        label = predicted.label_without_support if self._is_support_aware else predicted.label
        known = ~np.isnan(label)
        window = next(one for one in self._windows if one.cut_off == predicted.cohort_on)
        self._kept.append((window, predicted.split_code, Said(raw[known], label[known])))

    def calibrator_for(self, test: splits.Backtest) -> Calibrator:
        """Return the calibrator that could be known, outcomes included, when ``test`` was made."""
        return calibration.learn_from(
            said
            for window, split_code, said in self._kept
            if split_code == test.split_code and splits.may_train(window, test.test, split_code)
        )

    def calibrator(self) -> Calibrator:
        """Return the calibrator of the present scores, by what a score has meant.

        Out of time where an earlier cohort could teach; else, in the first years, out of school.
        """
        for split in HEADLINE_SPLITS:
            chosen = [said for _, split_code, said in self._kept if split_code == split]
            if chosen:
                return calibration.learn_from(chosen)
        return Calibrator()


def _of_cohort(
    cohorts: Cohorts, day: date, tests: Sequence[splits.Backtest], fits: Fits, past: Past
) -> list[Predicted]:
    """Return what was predicted for one cohort, splits by code."""
    of_cohort = [test for test in tests if test.test.cut_off == day]
    is_newest = day == fits.taken[-1]
    is_out_of_school = is_newest and (fits.learning.full or not tests)
    if not of_cohort and not is_out_of_school:
        return []
    pupils = cohorts.pupils(day)
    found = [_out_of_time(test, pupils, fits, past, is_newest=is_newest) for test in of_cohort]
    if is_out_of_school:
        found += _out_of_school(pupils, fits)
    return sorted(found, key=lambda one: one.split_code)


def _out_of_time(test: splits.Backtest, pupils: Pupils, fits: Fits, past: Past, *, is_newest: bool) -> Predicted:
    """Repeat the past for one cohort and split: the default model, challengers, and every rule."""
    taught = tuple(window.cut_off for window in test.train)
    by_model: dict[str, Scores] = {}
    for kind in _kinds(test.split_code, is_newest=is_newest, is_full=fits.learning.full):
        raw = fits.model(taught, kind).raw_score(pupils.features)
        calibrator = past.calibrator_for(test) if kind == DEFAULT_MODEL else Calibrator()
        by_model[kind] = raw, calibrator.probability(raw)
    # A rule ranks by the same numbers whoever taught its shares: by the second split it stands where the headline stands.
    for code in rules.rules_for(pupils.features) if is_newest or test.split_code == "mature" else ():
        by_model[code] = fits.rule(taught, code).scores(pupils.features, pupils.school_id)
    return _predicted(test.test.cut_off, test.split_code, pupils, by_model)


def _out_of_school(pupils: Pupils, fits: Fits) -> list[Predicted]:
    """Predict the newest training cohort, each school by a model that saw other schools alone."""
    folds = min(SCHOOL_FOLDS, pupils.school_id.nunique())
    if folds < 2:
        return []
    fold_of = splits.school_folds(pupils.school_id, folds, fits.learning.seed)
    by_school = dict(zip(pupils.school_id, fold_of, strict=True))
    taught = fits.taken
    teaching = fits.drawn(taught, DEFAULT_MODEL)
    fold_of_teaching = teaching.school_id.map(by_school).to_numpy()
    begun = [fits.begin(taught, DEFAULT_MODEL, teaching.only(fold_of_teaching != fold)) for fold in range(folds)]
    raw = np.zeros(len(pupils.label))
    for fold, fit in enumerate(begun):
        in_fold = fold_of == fold
        raw[in_fold] = fit.result().raw_score(pupils.features[in_fold])
    by_model = {DEFAULT_MODEL: (raw, model.probability_of(raw))}
    return [_predicted(taught[-1], SCHOOL_DISJOINT, pupils, by_model)]


def _predicted(cut_off: date, split_code: str, pupils: Pupils, by_model: dict[str, Scores]) -> Predicted:
    return Predicted(
        cut_off,
        split_code,
        pupils.pupil_id,
        pupils.school_id,
        pupils.label,
        by_model,
        was_supported=pupils.was_supported,
    )


def _write_model(
    run: SemesterRun, final: RiskModel, calibrator: Calibrator, teachers: tuple[Window, ...], learning: Learning
) -> None:
    described: dict[str, Any] = {
        "model_code": DEFAULT_MODEL,
        "feature_codes": list(final.feature_codes),
        "directions": dict(final.directions),
        "seed": final.seed,
        "left_share": final.recipe.left_share,
        "stayed_share": final.recipe.stayed_share,
        "treatment": final.recipe.treatment,
        "support_method": learning.support_method if learning.support_aware else "",
        "taught_by": [window.cut_off.isoformat() for window in teachers],
        "calibrator": calibrator.to_dict(),
    }
    run.write_json("model/model.json", described)
    (run.folder / "model" / "model.txt").write_bytes(final.to_text().encode())


def _nothing_to_learn_from(windows: list[Window]) -> RunFailedError:
    found = (
        message("There is no earlier cohort at all.")
        if len(windows) == 1
        else message(
            "The outcomes of the newest one become known on {day}.", day=windows[-2].label_known_on.isoformat()
        )
    )
    return RunFailedError(
        message("A model learns from at least one past cohort whose outcomes were known on the cut-off date."),
        found=found,
        remedy=message(
            "Deliver earlier school years (terms, stays and what was recorded in them), "
            "or take an earlier --horizon or a later --cut-off."
        ),
    )
