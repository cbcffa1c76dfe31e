"""How well withdrawal is ranked on OULAD in real time order, against reference learners.

One row is a student still registered on day c of a presentation, c 60 or 120 (and 0, before any work); the label is
"Withdrawn" as the final result. Three protocols:

*reference*: train on the presentations of 2013, test on those of 2014, as published figures are made. It is kinder
than life: 2013J ends after 2014B has begun, scores count as known when work is handed in, and work handed in early
hides missed work.
*clean*: the same split with what was truly known on day c (see :mod:`riskmodel.bench.oulad_features`).
*strict*: clean, and the test is 2014J alone, so that every training outcome was known before the test begins. This
is the headline.

Figures are means over seeds; intervals draw students (who may take several modules) with replacement, with the same
draws for every learner. Sex and disability are among the columns only because the protocol has them;
``strict_without_protected`` says what leaving them out costs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold

from riskmodel.bench.oulad_features import (
    DIRECTIONS,
    Published,
    background,
    click_features,
    early_click_features,
    enrolled,
    read,
    work_features,
)
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
from riskmodel.sources.oulad import CLICKS_COMPLETE_TO_DAY, OULAD

Say = Callable[[Message], None]
Report = dict[str, object]

CUTS_DAYS = (60, 120)
SEEDS, QUICK_SEEDS = 12, 2
REPLICATES, QUICK_REPLICATES = 1000, 200
PASSING_SCORE = 40
SHRINKAGE_PUPILS = 20
FOLDS = 5
PROTECTED = ("gender", "disability")

OURS = "lightgbm_monotone"
PROTOCOL = Recipe("boosting", learning_rate=0.05, feature_share=0.5, l2=0.0)
RULES = ("missed_work", "module_rate")
QUICK_LEARNERS = (OURS, "logistic", *RULES)

CANDIDATES = {
    "protocol": PROTOCOL,
    "fewer_trees": replace(PROTOCOL, trees=100),
    "fewer_trees_l2": replace(PROTOCOL, l2=10.0, trees=100),
    "fewer_trees_of_4_leaves": replace(PROTOCOL, trees=100, leaves=4),
}
"""Settings among which ``tuned`` chooses, on the presentations of 2013 alone."""


@dataclass(frozen=True)
class Split:
    """Which presentations teach and which are tested, and whether features are what was truly known."""

    train: tuple[str, ...]
    test: tuple[str, ...]
    is_clean: bool


REFERENCE = Split(("2013B", "2013J"), ("2014B", "2014J"), is_clean=False)
CLEAN = Split(("2013B", "2013J"), ("2014B", "2014J"), is_clean=True)
STRICT = Split(("2013B", "2013J"), ("2014J",), is_clean=True)


@dataclass(frozen=True)
class Problem:
    """A split at one cut: features and labels of both sides, and the students of the test."""

    train: pd.DataFrame
    train_label: Floats
    test: pd.DataFrame
    test_label: Floats
    student: Names
    school: Names
    """Module and presentation of each row of the test: the list on which a student competes for a place."""

    def without(self, columns: Sequence[str]) -> Problem:
        """Return the same problem without some features."""
        train, test = self.train.drop(columns=list(columns)), self.test.drop(columns=list(columns))
        return replace(self, train=train, test=test)

    def passes(self, learner: Learner, seeds: int) -> list[Scored]:
        """Return the learner's scores of the test, once per seed from 0."""
        return [
            scored(learner(Task(self.train, self.train_label, self.test, DIRECTIONS, seed))) for seed in range(seeds)
        ]

    def judge(self, replicates: int, *, is_one_list: bool = False) -> Judge:
        """Return the judge of the test's students; ``is_one_list``: with places shared out over all modules."""
        return Judge(self.student, self.test_label, replicates, None if is_one_list else self.school)


@dataclass(frozen=True)
class Table:
    """All rows of one cut, from which splits are taken."""

    rows: pd.DataFrame
    features: pd.DataFrame

    @classmethod
    def at(cls, published: Published, day: int, *, is_clean: bool, with_clicks: bool = False) -> Table:
        """Return the students still registered on ``day`` with their features."""
        rows = enrolled(published.students, day, is_clean=is_clean)
        parts = [background(rows, published.students)]
        if day > 0:
            parts.append(work_features(rows, published, day, is_clean=is_clean))
        if with_clicks:
            parts.append(click_features(rows, published, day))
        return cls(rows, pd.concat(parts, axis=1))

    def problem(self, train: Sequence[str], test: Sequence[str], modules: Sequence[str] = ()) -> Problem:
        """Return the split by presentations, of all modules or of some."""
        kept = self.rows["code_module"].isin(modules) if modules else pd.Series(True, index=self.rows.index)
        teaches = (self.rows["code_presentation"].isin(train) & kept).to_numpy()
        tested = (self.rows["code_presentation"].isin(test) & kept).to_numpy()
        label = np.asarray(self.rows["final_result"] == "Withdrawn", dtype=np.float64)
        student = self.rows["id_student"].astype(str).to_numpy(dtype=np.str_)
        school = (self.rows["code_module"] + "/" + self.rows["code_presentation"]).to_numpy(dtype=np.str_)
        return Problem(
            self.features[teaches].reset_index(drop=True),
            label[teaches],
            self.features[tested].reset_index(drop=True),
            label[tested],
            student[tested],
            school[tested],
        )


def missed_work(features: pd.DataFrame) -> Floats:
    """Return the pieces of work missed, and one more for a mean score below 40 (nothing handed in counts as 0)."""
    is_low = features["score_mean"].fillna(0) < PASSING_SCORE
    return (features["missed"] + is_low).to_numpy(dtype=np.float64)


def module_rate(task: Task) -> Floats:
    """Return the log-odds of the module's own share of withdrawals in training, shrunk to that of all modules."""
    overall = float(task.label.mean())
    by_module = pd.Series(task.label).groupby(task.train["code_module"].to_numpy())
    rate = (by_module.sum() + SHRINKAGE_PUPILS * overall) / (by_module.size() + SHRINKAGE_PUPILS)
    share = task.test["code_module"].map(rate).fillna(overall).to_numpy(dtype=np.float64)
    return np.asarray(np.log(share / (1 - share)), dtype=np.float64)


def learners() -> dict[str, Learner]:
    """Return every learner by name, ours first, with the settings of the protocol."""
    return {
        OURS: by_recipe(PROTOCOL),
        "lightgbm": by_recipe(replace(PROTOCOL, kind="boosting_free")),
        "logistic": by_recipe(Recipe("logistic")),
        "random_forest": by_recipe(Recipe("forest", forest_trees=300, forest_min_leaf_pupils=3)),
        "ebm": by_recipe(Recipe("ebm")),
        "hist_boosting": hist_boosting(),
        **xgboost(),
        "missed_work": rate_rule(missed_work),
        "module_rate": module_rate,
    }


def measure(data: Path, say: Say, *, seeds: int = SEEDS, quick: bool = False) -> Report:
    """Return the figures of the three protocols as one object that can be written as JSON.

    ``day_60`` and ``day_120`` (reference), ``clean`` and ``strict`` each hold ``auc``, ``low``, ``high`` and ``sd`` over
    the seeds; ``rules`` compares ours with rules at equal capacity (places for 10 % of each module, as the
    product gives them; ``_one_list``: of all students together); ``references`` holds all learners. ``tuned``
    is strict with settings chosen on 2013 alone, ``clicks`` the gain of clicks where they are complete.

    Parameters
    ----------
    data
        The folder of the public data sets, or that of this one.
    seeds
        How many seeds our figures are means of; learners for comparison have one.
    quick
        Few seeds, learners and replicates: for tests and a first look.

    Raises
    ------
    DeliveryError
        When a file is missing or is not the published one.
    """
    seeds, replicates = (min(seeds, QUICK_SEEDS), QUICK_REPLICATES) if quick else (seeds, REPLICATES)
    published = published_in(data, say)
    report: Report = {"data": OULAD.name, "seeds": seeds, "replicates": replicates}
    groups: dict[str, dict[str, object]] = {
        name: {}
        for name in (
            "clean",
            "strict",
            "strict_without_protected",
            "tuned",
            "early_clicks",
            "clicks",
            "rules",
            "references",
        )
    }
    known = {day: Table.at(published, day, is_clean=True) for day in CUTS_DAYS}
    chosen = "protocol" if quick else choose_inside_training(list(known.values()))
    for day in CUTS_DAYS:
        key = f"day_{day}"
        say(message("Day {day}: {rows} students are still registered.", day=day, rows=len(known[day].rows)))
        reference = Table.at(published, day, is_clean=False).problem(REFERENCE.train, REFERENCE.test)
        strict = known[day].problem(STRICT.train, STRICT.test)
        tables, rules = {}, {}
        for name, problem in (("reference", reference), ("strict", strict)):
            passes = _passes(problem, seeds, quick=quick)
            tables[name] = problem.judge(replicates).compare(passes).table(OURS)
            kept = {learner: passes[learner] for learner in (OURS, *RULES)}
            one_list = problem.judge(replicates, is_one_list=True).compare(kept).table(OURS)
            rules[name] = {rule: tables[name][rule] for rule in (OURS, *RULES)}
            rules[f"{name}_one_list"] = one_list
        report[key] = _figure(tables["reference"], reference)
        groups["strict"][key] = _figure(tables["strict"], strict)
        groups["references"][key] = tables
        groups["rules"][key] = rules
        ours = by_recipe(PROTOCOL)
        clean = known[day].problem(CLEAN.train, CLEAN.test)
        groups["clean"][key] = _alone(clean, ours, seeds, replicates)
        groups["strict_without_protected"][key] = _alone(strict.without(PROTECTED), ours, seeds, replicates)
        groups["tuned"][key] = _alone(strict, by_recipe(CANDIDATES[chosen]), seeds, replicates)
        groups["clicks"][key] = clicks(published, day, seeds, replicates)
        if published.early_clicks is not None:
            more = early_click_features(known[day].rows, published)
            wide = Table(known[day].rows, pd.concat([known[day].features, more], axis=1))
            groups["early_clicks"][key] = _alone(wide.problem(STRICT.train, STRICT.test), ours, seeds, replicates)
    start = Table.at(published, 0, is_clean=True).problem(STRICT.train, STRICT.test)
    groups["strict"]["day_0"] = _alone(start, by_recipe(PROTOCOL), seeds, replicates)
    groups["tuned"]["chosen"] = chosen
    return report | groups


def published_in(data: Path, say: Say) -> Published:
    """Return the published tables that lie in the folder of the public data sets, or in that of this one.

    Raises
    ------
    DeliveryError
        When a file is missing or is not the published one.
    """
    return read(verified(OULAD, data, say))


def clicks(published: Published, day: int, seeds: int, replicates: int) -> Report:
    """Return what clicks add, on the same rows with and without them.

    At the top by the strict protocol: module BBB, trained on 2013B, tested on 2013J. It is the one pair of presentations
    of one module with clicks on both sides of which the first ends before the second begins. ``folds``: five random
    folds over all four presentations with clicks; more rows, but no order in time.
    """
    table = Table.at(published, day, is_clean=True, with_clicks=True)
    in_time = table.problem(("2013B",), ("2013J",), ("BBB",))
    columns = [str(name) for name in table.features.columns if "click" in str(name)]
    ours = by_recipe(PROTOCOL)
    passes = {
        "with_clicks": in_time.passes(ours, seeds),
        "without_clicks": in_time.without(columns).passes(ours, seeds),
    }
    found = _gain(in_time.judge(replicates).compare(passes))
    found |= {"train": ["BBB/2013B"], "test": ["BBB/2013J"], "pupils_train": len(in_time.train)}
    found["pupils_test"] = len(in_time.test)

    school = table.rows["code_module"] + "/" + table.rows["code_presentation"]
    have = school.isin(["/".join(key) for key in CLICKS_COMPLETE_TO_DAY])
    features = table.features[have].reset_index(drop=True)
    label = np.asarray(table.rows["final_result"][have] == "Withdrawn", dtype=np.float64)
    student = table.rows["id_student"][have].astype(str).to_numpy(dtype=np.str_)
    pooled = {
        "with_clicks": _folds(features, label, seeds),
        "without_clicks": _folds(features.drop(columns=columns), label, seeds),
    }
    folds = _gain(Judge(student, label, replicates).compare(pooled))
    return found | {"folds": folds | {"pupils": len(features), "presentations": sorted(set(school[have]))}}


def _folds(features: pd.DataFrame, label: Floats, seeds: int) -> list[Scored]:
    passes = []
    for seed in range(seeds):
        raw_score = np.empty(len(label))
        for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(features, label):
            task = Task(features.iloc[train], label[train], features.iloc[test], DIRECTIONS, seed)
            raw_score[test] = by_recipe(PROTOCOL)(task)
        passes.append(scored(raw_score))
    return passes


def _gain(comparison: Comparison) -> Report:
    table = comparison.table("with_clicks")
    gain = comparison.difference("with_clicks", "without_clicks", "auc", "gain")
    return {**brief(table["with_clicks"]), "without": brief(table["without_clicks"]), **gain}


def choose_inside_training(tables: Sequence[Table], seeds: int = QUICK_SEEDS) -> str:
    """Return the name of the settings with the best mean AUC between 2013B and 2013J, each once as the test."""
    means = {}
    for name, recipe in CANDIDATES.items():
        found = []
        for table in tables:
            for train, test in (STRICT.train, STRICT.train[::-1]):
                problem = table.problem((train,), (test,))
                runs = problem.passes(by_recipe(recipe), seeds)
                found.append(problem.judge(0).compare({OURS: runs}).measured[OURS].value["auc"])
        means[name] = np.mean(found)
    return max(means, key=lambda name: means[name])


def _passes(problem: Problem, seeds: int, *, quick: bool) -> dict[str, list[Scored]]:
    chosen = {name: learner for name, learner in learners().items() if not quick or name in QUICK_LEARNERS}
    return {name: problem.passes(learner, seeds if name == OURS else 1) for name, learner in chosen.items()}


def _alone(problem: Problem, learner: Learner, seeds: int, replicates: int) -> Row:
    table = problem.judge(replicates).compare({OURS: problem.passes(learner, seeds)}).table(OURS)
    return _figure(table, problem)


def _figure(table: Mapping[str, Row], problem: Problem) -> Row:
    own = table[OURS]
    return {
        **brief(own),
        "sd": own["auc_sd_over_passes"],
        "pupils_train": len(problem.train),
        "pupils_test": len(problem.test),
        "base_rate": float(problem.test_label.mean()),
    }
