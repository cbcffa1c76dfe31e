"""How well leaving is ranked on UCI 697, against reference learners, by one fixed protocol.

The protocol: leavers ("Dropout") against all others; five stratified folds, twice, on the order of the file
(seed 7); a figure is the mean over the two repeats of the figure on all pooled out-of-fold predictions. Nothing is
tuned. Intervals draw students with replacement, with the same draws for all learners.

What it is not: there are no dates, so folds are random and nothing is proved about time; two columns (fees paid,
debtor) have no date and may have been written after a student left. The headline leaves them out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, RepeatedStratifiedKFold

from riskmodel.bench.references import (
    Comparison,
    Floats,
    Judge,
    Learner,
    Names,
    Row,
    Scored,
    Task,
    brief,
    by_recipe,
    hist_boosting,
    rate_rule,
    scored,
    xgboost,
)
from riskmodel.messages import Message, message
from riskmodel.risk.recipe import Recipe
from riskmodel.sources.fetch import verified
from riskmodel.sources.uci697 import UCI697

Say = Callable[[Message], None]
Report = dict[str, object]

SEED = 7
FOLDS, REPEATS = 5, 2
REPLICATES, QUICK_REPLICATES = 1000, 200

UNDATED = ("Debtor", "Tuition fees up to date")
CODES = (
    "Marital status",
    "Application mode",
    "Course",
    "Previous qualification",
    "Nacionality",
    "Mother's qualification",
    "Father's qualification",
    "Mother's occupation",
    "Father's occupation",
)
DIRECTIONS = {
    "Admission grade": -1,
    "Previous qualification (grade)": -1,
    "Scholarship holder": -1,
    "Tuition fees up to date": -1,
    "Curricular units 1st sem (approved)": -1,
    "Curricular units 1st sem (grade)": -1,
    "Curricular units 2nd sem (approved)": -1,
    "Curricular units 2nd sem (grade)": -1,
    "Age at enrollment": 1,
    "Debtor": 1,
}
UNIT_DIRECTIONS = {"failed_units_1st": 1, "failed_units_2nd": 1, "passed_share_1st": -1, "passed_share_2nd": -1}
ADULT_AGE_YEARS, LOWEST_PASSING_GRADE = 23, 10

PROTOCOL = Recipe("boosting", learning_rate=0.05, feature_share=0.5)

OURS = "lightgbm_monotone"
UNITS = "lightgbm_monotone_units"
"""Ours on the same columns and what the product makes of them: units failed, and the share of units passed."""

UNITS_FREE = "lightgbm_units"
"""The same without directions."""

SLOW_LEARNERS = ("ebm",)
"""Learners that get the first repeat alone; the table says so by their number of passes."""

QUICK_LEARNERS = (OURS, UNITS, "logistic", "on_track", "abc")
QUICK_SETS = ("enrolment", "semester_1", "with_fees.semester_1")


def read(data: Path, say: Say) -> pd.DataFrame:
    """Return the published table, in the order of the file, with trimmed column names."""
    folder = verified(UCI697, data, say)
    table = pd.read_csv(folder / "data.csv", sep=";", encoding="utf-8-sig")
    return table.rename(columns=str.strip)


def feature_sets(table: pd.DataFrame) -> dict[str, list[str]]:
    """Return the columns of each set by its name, in the order of the file.

    ``enrolment`` (22), ``semester_1`` (28) and ``semester_2`` (34) leave the undated columns out; the sets of
    ``with_fees`` (24, 30, 36) have them.
    """
    columns = [str(name) for name in table.columns if name != "Target"]
    first = [name for name in columns if "1st sem" in name]
    second = [name for name in columns if "2nd sem" in name]
    sets = {
        "enrolment": {*first, *second, *UNDATED},
        "semester_1": {*second, *UNDATED},
        "semester_2": {*UNDATED},
        "with_fees.enrolment": {*first, *second},
        "with_fees.semester_1": {*second},
        "with_fees.semester_2": set(),
    }
    return {name: [c for c in columns if c not in out] for name, out in sets.items()}


def failed_units(features: pd.DataFrame, semester: str) -> Floats:
    """Return the course units taken and not passed in a semester ("1st" or "2nd")."""
    taken = features[f"Curricular units {semester} sem (enrolled)"]
    return (taken - features[f"Curricular units {semester} sem (approved)"]).to_numpy(dtype=np.float64)


def known_semesters(features: pd.DataFrame) -> list[str]:
    """Return the semesters whose results are among the features."""
    return [s for s in ("1st", "2nd") if f"Curricular units {s} sem (grade)" in features]


def on_track(features: pd.DataFrame) -> Floats:
    """Return 1 for a student with more than one failed unit in the latest known semester, else 0."""
    return np.asarray(failed_units(features, known_semesters(features)[-1]) > 1, dtype=np.float64)


def abc(features: pd.DataFrame) -> Floats:
    """Return how many of these hold: per known semester a failed unit, a grade below 10; age 23 or more; fees unpaid."""
    count: Floats = np.asarray(features["Age at enrollment"] >= ADULT_AGE_YEARS, dtype=np.float64)
    for semester in known_semesters(features):
        count += failed_units(features, semester) > 0
        count += np.asarray(features[f"Curricular units {semester} sem (grade)"] < LOWEST_PASSING_GRADE)
    if "Tuition fees up to date" in features:
        count += np.asarray(features["Tuition fees up to date"] == 0)
    return count


def with_units(features: pd.DataFrame) -> pd.DataFrame:
    """Return the features with, per known semester, units failed and the share passed, and how the share changed.

    The share is missing where no unit was taken. They are counts that the product makes of any register.
    """
    wider = features.copy()
    for semester in known_semesters(features):
        taken = features[f"Curricular units {semester} sem (enrolled)"]
        passed = features[f"Curricular units {semester} sem (approved)"]
        wider[f"failed_units_{semester}"] = taken - passed
        wider[f"passed_share_{semester}"] = passed / taken.where(taken > 0)
    if len(known_semesters(features)) > 1:
        wider["passed_share_change"] = wider["passed_share_2nd"] - wider["passed_share_1st"]
    return wider


def on_units(recipe: Recipe) -> Learner:
    """Return a learner of the product that also sees the columns of :func:`with_units`."""

    def learn(task: Task) -> Floats:
        wider = Task(with_units(task.train), task.label, with_units(task.test), DIRECTIONS | UNIT_DIRECTIONS, task.seed)
        return by_recipe(recipe)(wider)

    return learn


def learners(columns: Sequence[str]) -> dict[str, Learner]:
    """Return every learner by name, ours first, with the settings of the protocol."""
    codes = tuple(name for name in CODES if name in columns)
    semester_learners: dict[str, Learner] = {}
    if any("sem" in name for name in columns):
        semester_learners = {
            UNITS: on_units(replace(PROTOCOL, monotone_method="advanced")),
            UNITS_FREE: on_units(replace(PROTOCOL, kind="boosting_free")),
            "on_track": rate_rule(on_track),
        }
    return {
        OURS: by_recipe(replace(PROTOCOL, monotone_method="advanced")),
        "lightgbm": by_recipe(replace(PROTOCOL, kind="boosting_free")),
        "logistic": by_recipe(Recipe("logistic", logistic_c=0.1, code_columns=codes)),
        "random_forest": by_recipe(Recipe("forest")),
        "ebm": by_recipe(Recipe("ebm")),
        "hist_boosting": hist_boosting(),
        **xgboost(),
        **semester_learners,
        "abc": rate_rule(abc),
    }


def measure(data: Path, say: Say, *, quick: bool = False) -> Report:
    """Return the figures of the protocol as one object that can be written as JSON.

    ``enrolment``, ``semester_1``, ``semester_2`` (without undated columns), ``with_fees``, ``course_disjoint`` each
    hold ``auc``, ``low`` and ``high`` of our model on the columns as published; ``with_units`` those of our model when
    it also sees units failed and the share passed; ``references`` holds the table of all learners per set.

    Parameters
    ----------
    data
        The folder of the public data sets, or that of this one.
    quick
        Few sets, learners and replicates, one repeat: for tests and a first look.

    Raises
    ------
    DeliveryError
        When the file is missing or is not the published one.
    """
    table = read(data, say)
    label = np.asarray(table["Target"] == "Dropout", dtype=np.float64)
    judge = Judge(_row_ids(table), label, QUICK_REPLICATES if quick else REPLICATES)
    splitter = RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=SEED)
    folds = list(splitter.split(table, label))
    repeats = [folds[FOLDS * repeat : FOLDS * (repeat + 1)] for repeat in range(1 if quick else REPEATS)]

    references: dict[str, dict[str, Row]] = {}
    to_best: dict[str, Report] = {}
    sets = {name: columns for name, columns in feature_sets(table).items() if not quick or name in QUICK_SETS}
    for name, columns in sets.items():
        say(message("Set {name}: {columns} columns.", name=name, columns=len(columns)))
        chosen = {k: v for k, v in learners(columns).items() if not quick or k in QUICK_LEARNERS}
        passes = {
            k: _out_of_fold(table[columns], label, repeats[:1] if k in SLOW_LEARNERS else repeats, learner)
            for k, learner in chosen.items()
        }
        comparison = judge.compare(passes)
        references[name] = comparison.table(OURS)
        to_best[name] = _to_best(comparison)
    report: Report = {"data": UCI697.name, "pupils": len(table), "base_rate": float(label.mean())}
    report |= _nested({name: brief(rows[OURS]) for name, rows in references.items()})
    report["course_disjoint"] = _course_disjoint(table, sets, label, judge)
    report["with_units"] = _nested({name: brief(rows[UNITS]) for name, rows in references.items() if UNITS in rows})
    report["to_best_reference"] = to_best
    report["references"] = references
    report["protocol"] = {
        "folds": FOLDS,
        "repeats": len(repeats),
        "seed": SEED,
        "replicates": judge.bootstrap_replicates,
    }
    return report


def _to_best(comparison: Comparison) -> Report:
    """Return the best reference learner on the published columns, and the paired difference of ours to it."""
    best = comparison.best(set(comparison.measured) - {OURS, UNITS, UNITS_FREE})
    found: Report = {"name": best, "auc": comparison.measured[best].value["auc"]}
    for key, name in (("ours_minus_this", OURS), ("units_minus_this", UNITS)):
        if name in comparison.measured:
            found |= comparison.difference(name, best, "auc", key)
    return found


def _row_ids(table: pd.DataFrame) -> Names:
    return np.array([f"{row:05d}" for row in range(len(table))], dtype=np.str_)


def _out_of_fold(
    features: pd.DataFrame,
    label: Floats,
    repeats: Sequence[Sequence[tuple[np.ndarray, np.ndarray]]],
    learner: Learner,
) -> list[Scored]:
    passes = []
    for folds in repeats:
        raw_score = np.empty(len(label))
        for train, test in folds:
            task = Task(features.iloc[train], label[train], features.iloc[test], DIRECTIONS, SEED)
            raw_score[test] = learner(task)
        passes.append(scored(raw_score))
    return passes


def _course_disjoint(table: pd.DataFrame, sets: Mapping[str, Sequence[str]], label: Floats, judge: Judge) -> Report:
    """Return our figures when no course is in training and test at once: what a course new to the data can expect."""
    folds = list(GroupKFold(n_splits=FOLDS).split(table, label, groups=table["Course"]))
    figures = {}
    for name, columns in sets.items():
        kept = [column for column in columns if column != "Course"]
        passes = {OURS: _out_of_fold(table[kept], label, [folds], learners(kept)[OURS])}
        figures[name] = brief(judge.compare(passes).table(OURS)[OURS])
    return _nested(figures)


def _nested(figures: Mapping[str, Row]) -> Report:
    """Return ``{"a.b": x}`` as ``{"a": {"b": x}}``."""
    nested: Report = {}
    for name, figure in figures.items():
        group, _, rest = name.partition(".")
        if rest:
            inner = nested.setdefault(group, {})
            assert isinstance(inner, dict)
            inner[rest] = figure
        else:
            nested[name] = figure
    return nested
