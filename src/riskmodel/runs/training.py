"""The models (30_model): what they would have said of past cohorts, and the one that scores the present.

Every prediction of a past cohort is made by a model, and calibrated by a calibrator, that knew only what was known
then (see :mod:`riskmodel.risk.splits`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.errors import RunFailedError
from riskmodel.messages import message
from riskmodel.risk import calibration, model, rules, splits
from riskmodel.risk.calibration import Calibrator
from riskmodel.risk.evaluation import DEFAULT_MODEL
from riskmodel.risk.features import FEATURES
from riskmodel.risk.label import Window
from riskmodel.risk.model import RiskModel
from riskmodel.risk.recipe import KINDS, Recipe
from riskmodel.runs.cohorts import SUPPORTED
from riskmodel.runs.semester import SemesterRun
from riskmodel.tables.results import PREDICTION

CHALLENGERS = tuple(kind for kind in KINDS if kind != DEFAULT_MODEL)
MOST_CHALLENGER_ROWS = 10_000
"""Challengers are there to compare with, and slow: they learn from a sample of this many pupils."""

SCHOOL_FOLDS = 5
SCHOOL_DISJOINT = "school_disjoint"
DIRECTIONS = {feature.code: feature.direction for feature in FEATURES}


@dataclass(frozen=True)
class Learning:
    """How models are learnt: seed, threads, and what they may see."""

    seed: int
    threads: int
    score_with_protected: bool
    support_aware: bool

    @property
    def codes(self) -> list[str]:
        """The features that a model may read: protected traits only if somebody said so."""
        return [feature.code for feature in FEATURES if self.score_with_protected or not feature.is_protected]


@dataclass(frozen=True)
class Rows:
    """Pupils of one or more cohorts: features, label (missing where censored or open), support, school."""

    features: pd.DataFrame
    label: NDArray[np.float64]
    was_supported: NDArray[np.bool_]
    school_id: pd.Series
    pupil_id: pd.Series

    def only(self, chosen: NDArray[np.bool_]) -> Rows:
        """Return the chosen rows."""
        return Rows(
            self.features[chosen].reset_index(drop=True),
            self.label[chosen],
            self.was_supported[chosen],
            self.school_id[chosen].reset_index(drop=True),
            self.pupil_id[chosen].reset_index(drop=True),
        )

    @property
    def known(self) -> Rows:
        """The rows whose outcome is known."""
        return self.only(~np.isnan(self.label))


def rows_by_cohort(run: SemesterRun, codes: Iterable[str]) -> dict[date, Rows]:
    """Return the rows of each cohort of the run."""
    keys = ["cohort_on", "pupil_id"]
    whole = run.read("cohort")[[*keys, "school_id", "label"]].merge(run.read("feature"), on=keys, validate="1:1")
    whole = whole.merge(run.read("trait")[[*keys, SUPPORTED]], on=keys, validate="1:1").sort_values(keys)
    return {
        pd.Timestamp(str(cohort_on)).date(): Rows(
            part[list(codes)].reset_index(drop=True).astype(np.float64),
            part["label"].to_numpy(dtype=np.float64, na_value=np.nan),
            part[SUPPORTED].to_numpy(dtype=bool),
            part["school_id"].reset_index(drop=True),
            part["pupil_id"].reset_index(drop=True),
        )
        for cohort_on, part in whole.groupby("cohort_on", sort=True)
    }


def together(cohorts: Iterable[Rows]) -> Rows:
    """Return the rows of several cohorts as one."""
    parts = list(cohorts)
    return Rows(
        pd.concat([part.features for part in parts], ignore_index=True),
        np.concatenate([part.label for part in parts]),
        np.concatenate([part.was_supported for part in parts]),
        pd.concat([part.school_id for part in parts], ignore_index=True),
        pd.concat([part.pupil_id for part in parts], ignore_index=True),
    )


def train(run: SemesterRun, learning: Learning) -> pd.DataFrame:
    """Return the predictions for past cohorts, and write ``prediction`` and the model that scores the present.

    Raises
    ------
    RunFailedError
        When no past cohort has outcomes that were known on the cut-off date: there is nothing to learn from.
    """
    windows = run.windows()
    cohorts = rows_by_cohort(run, learning.codes)
    teachers = splits.training_windows(windows[:-1], windows[-1])
    if not teachers:
        raise _nothing_to_learn_from(windows)
    predictions = pd.concat(
        [
            *_out_of_time(windows, cohorts, run.cut_off, learning),
            *_out_of_school(teachers, cohorts, learning),
        ],
        ignore_index=True,
    )
    final = _fit(DEFAULT_MODEL, together(cohorts[window.cut_off] for window in teachers), learning)
    calibrator = _calibrator(predictions_for_calibration(predictions))
    _write_model(run, final, calibrator, teachers)
    return run.write(PREDICTION, predictions.astype({"label": "Int64"}))


def predictions_for_calibration(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the default model's predictions that say what a score has meant.

    Out of time where an earlier cohort could teach; else, in the first years, out of school.
    """
    own = predictions[predictions["model_code"] == DEFAULT_MODEL]
    for split in ("mature", SCHOOL_DISJOINT):
        chosen = own[own["split_code"] == split]
        if len(chosen):
            return chosen
    return own


def read_model(run: SemesterRun, threads: int = 1) -> tuple[RiskModel, Calibrator]:
    """Return the model of the run with its calibrator, both as they were written."""
    text = (run.folder / "model" / "model.txt").read_text("utf-8")
    return model.from_text(text, threads), Calibrator.from_dict(run.read_json("model/model.json")["calibrator"])


def _out_of_time(
    windows: list[Window], cohorts: Mapping[date, Rows], as_of: date, learning: Learning
) -> list[pd.DataFrame]:
    """Repeat the past: each matured cohort by the default model and every rule; the newest by challengers too.

    Challengers are slow, and are compared where the headline stands.
    """
    found: list[pd.DataFrame] = []
    tests = splits.backtests(windows, as_of)
    newest = max((test.test.cut_off for test in tests), default=None)
    for test in tests:
        teaching = together(cohorts[window.cut_off] for window in test.train)
        tested = cohorts[test.test.cut_off]
        key = (test.test.cut_off, test.split_code)
        raw = _fit(DEFAULT_MODEL, teaching, learning).raw_score(tested.features)
        past = [part for part in found if _may_calibrate(part, test, windows)]
        calibrator = _calibrator(pd.concat(past)) if past else Calibrator()
        found.append(_predicted(key, DEFAULT_MODEL, tested, raw, calibrator.probability(raw)))
        for code in CHALLENGERS if key == (newest, "mature") else ():
            raw = _fit(code, _sample(teaching.known, learning.seed), learning).raw_score(tested.features)
            found.append(_predicted(key, code, tested, raw, model.probability_of(raw)))
        learnt = teaching.known
        for code in rules.rules_for(tested.features):
            rule = rules.learn_rule(code, learnt.features, learnt.school_id, learnt.label)
            order = rule.raw_score(tested.features, tested.school_id)
            shares = rule.probability(tested.features, tested.school_id)
            found.append(_predicted(key, code, tested, order, shares))
    return found


def _may_calibrate(part: pd.DataFrame, test: splits.Backtest, windows: list[Window]) -> bool:
    """Whether predictions of an earlier cohort were known, outcomes included, when ``test`` was made."""
    first = part.iloc[0]
    if first["model_code"] != DEFAULT_MODEL or first["split_code"] != test.split_code:
        return False
    window = next(one for one in windows if one.cut_off == first["cohort_on"])
    return splits.may_train(window, test.test, test.split_code)


def _out_of_school(
    teachers: tuple[Window, ...], cohorts: Mapping[date, Rows], learning: Learning
) -> list[pd.DataFrame]:
    """Predict the newest training cohort, each school by a model that saw other schools alone."""
    rows = together(cohorts[window.cut_off] for window in teachers)
    tested = cohorts[teachers[-1].cut_off]
    folds = min(SCHOOL_FOLDS, tested.school_id.nunique())
    if folds < 2:
        return []
    fold_of = dict(zip(tested.school_id, splits.school_folds(tested.school_id, folds, learning.seed), strict=True))
    raw = np.zeros(len(tested.features))
    for fold in range(folds):
        in_fold = tested.school_id.map(fold_of).to_numpy() == fold
        elsewhere = rows.only((rows.school_id.map(fold_of) != fold).to_numpy())
        raw[in_fold] = _fit(DEFAULT_MODEL, elsewhere, learning).raw_score(tested.features[in_fold])
    key = (teachers[-1].cut_off, SCHOOL_DISJOINT)
    return [_predicted(key, DEFAULT_MODEL, tested, raw, model.probability_of(raw))]


def _fit(kind: str, rows: Rows, learning: Learning) -> RiskModel:
    known = rows.known
    features = known.features
    recipe = Recipe(kind)
    if learning.support_aware and known.was_supported.any():
        features = features.assign(**{SUPPORTED: known.was_supported.astype(np.float64)})
        recipe = Recipe(kind, treatment=SUPPORTED)
    directions = {code: DIRECTIONS[code] for code in known.features.columns}
    return model.fit(recipe, features, known.label, directions, learning.seed, learning.threads)


def _sample(rows: Rows, seed: int) -> Rows:
    count = len(rows.label)
    if count <= MOST_CHALLENGER_ROWS:
        return rows
    chosen = np.zeros(count, dtype=bool)
    chosen[np.random.default_rng(seed).permutation(count)[:MOST_CHALLENGER_ROWS]] = True
    return rows.only(chosen)


def _calibrator(past: pd.DataFrame) -> Calibrator:
    known = past[past["label"].notna()]
    return calibration.choose(known["raw_score"].to_numpy(dtype=np.float64), known["label"].to_numpy(dtype=np.float64))


def _predicted(
    key: tuple[date, str], code: str, rows: Rows, raw_score: NDArray[np.float64], probability: NDArray[np.float64]
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "cohort_on": key[0],
            "split_code": key[1],
            "model_code": code,
            "pupil_id": rows.pupil_id,
            "school_id": rows.school_id,
            "raw_score": raw_score,
            "probability": probability,
            "label": rows.label,
        }
    )


def _write_model(run: SemesterRun, final: RiskModel, calibrator: Calibrator, teachers: tuple[Window, ...]) -> None:
    described: dict[str, Any] = {
        "model_code": DEFAULT_MODEL,
        "feature_codes": list(final.feature_codes),
        "directions": dict(final.directions),
        "seed": final.seed,
        "treatment": final.recipe.treatment,
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
