"""The newest cohort of a run with outcomes, ready to be audited by a researcher: as step 40 audits it, with its traits."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from riskmodel.errors import RunFailedError
from riskmodel.messages import message
from riskmodel.risk.capacity import Capacity
from riskmodel.risk.evaluation import Measuring, ScoredCohort
from riskmodel.runs.members import Members
from riskmodel.runs.predictions import predicted_parts, read_prediction
from riskmodel.runs.semester import SemesterRun

SPLITS = ("mature", "school_disjoint")
"""As the headline of a run: out of time; in the first years, out of school."""


def newest_cohort(run: SemesterRun, capacity: Capacity, seed: int) -> tuple[ScoredCohort, pd.DataFrame]:
    """Return the newest predicted cohort of a run and the traits of its pupils, row by row.

    Raises
    ------
    RunFailedError
        When the run predicted no past cohort.
    """
    tested = predicted_parts(run.tables)
    made = {split for _, split in tested}
    split = next((one for one in SPLITS if one in made), None)
    if split is None:
        raise RunFailedError(
            message("Groups are audited on a past cohort whose outcomes are known."),
            found=message("This run predicted none."),
            remedy=message("Deliver an earlier school year."),
        )
    day, number = max((day, number) for number, (day, one) in enumerate(tested) if one == split)
    predicted = read_prediction(run.tables, number)
    members = Members.of(run)
    rows = members.rows_of(run, day, pa.array(predicted.pupil_id, pa.string()))
    return ScoredCohort(predicted, Measuring(capacity, seed=seed)), members.traits(rows)
