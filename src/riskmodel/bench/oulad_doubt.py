"""How often prediction sets hold what became of the students of OULAD, presentation by presentation.

The limits of a presentation's sets come from earlier presentations, each predicted by the model of those that had ended
before it (:data:`TAUGHT_BY`). In the sets of 2014J all is in time: whatever teaches had ended by its day 60. Those of 2014B
are kinder than life: 2013J, whose outcomes set their limits, ends after 2014B has begun. 2013B is predicted by nothing.

Modules differ, come and go, and there are few presentations: sets promise what they say only where the next cohort is drawn
like those before it. Here it is not, and the figures are shown as they are.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskmodel.bench.oulad import PROTOCOL, Table
from riskmodel.bench.oulad_features import DIRECTIONS, Published
from riskmodel.bench.references import Task, by_recipe
from riskmodel.risk.doubt import sets
from riskmodel.risk.doubt.coverage import ALL, coverage_rows, coverage_table
from riskmodel.risk.doubt.sets import Floats
from riskmodel.risk.model import probability_of
from riskmodel.settings import Settings

DAY, SEED = 60, 7
TAUGHT_BY = {"2013J": ("2013B",), "2014B": ("2013B",), "2014J": ("2013B", "2013J", "2014B")}
LIMITS_FROM = {"2014B": ("2013J",), "2014J": ("2013J", "2014B")}
UNSURE_SHARE: float = Settings.model_fields["unsure_share"].default


def coverage_by_presentation(
    published: Published, unsure_share: float = UNSURE_SHARE, day: int = DAY, seed: int = SEED
) -> pd.DataFrame:
    """Return rows as in :data:`riskmodel.tables.figures.COVERAGE`, with a presentation as the cohort and the module as the trait.

    Parameters
    ----------
    unsure_share
        Share of those who withdrew, and of those who did not, whose set may miss it.
    day
        Of the presentation on which students are assessed.
    """
    table = Table.at(published, day, is_clean=True)
    said = {name: _said(table, teachers, name, seed) for name, teachers in TAUGHT_BY.items()}
    rows = []
    for name, earlier in LIMITS_FROM.items():
        limits = sets.learn((said[one][:2] for one in earlier), unsure_share)
        probability, label, module = said[name]
        rows += coverage_rows(name, limits, probability, label, pd.DataFrame({"module": module}))
    return coverage_table(rows)


def report(published: Published) -> dict[str, dict[str, float]]:
    """Return shares whose set held what became of them, with their interval, by presentation and class, over all modules."""
    found = coverage_by_presentation(published)
    told: dict[str, dict[str, float]] = {name: {} for name in LIMITS_FROM}
    for row in found[found["trait_code"] == ALL].to_dict("records"):
        own = told[row["cohort_on"]]
        for key, column in (("covered", "covered_share"), ("low", "low"), ("high", "high")):
            own[f"{row['class_code']}_{key}"] = float(row[column])
    return told


def _said(table: Table, teachers: tuple[str, ...], tested: str, seed: int) -> tuple[Floats, Floats, pd.Series]:
    problem = table.problem(teachers, (tested,))
    raw = by_recipe(PROTOCOL)(Task(problem.train, problem.train_label, problem.test, DIRECTIONS, seed))
    module = pd.Series(problem.school).str.partition("/")[0].astype("category")
    return probability_of(np.asarray(raw, dtype=np.float64)), problem.test_label, module
