"""The newest cohort of a run with outcomes, ready to be audited by a researcher: as step 40 audits it, with its traits."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from riskmodel.errors import RunFailedError
from riskmodel.messages import message
from riskmodel.risk.capacity import Capacity
from riskmodel.risk.evaluation import Measuring, ScoredCohort
from riskmodel.runs.members import Members
from riskmodel.runs.predictions import newest_predicted, predicted_parts, read_prediction
from riskmodel.runs.semester import SemesterRun


def newest_cohort(run: SemesterRun, capacity: Capacity, seed: int) -> tuple[ScoredCohort, pd.DataFrame]:
    """Return the newest predicted cohort of a run and the traits of its pupils, row by row.

    Raises
    ------
    RunFailedError
        When the run predicted no past cohort.
    """
    newest = newest_predicted(predicted_parts(run.tables))
    if newest is None:
        raise RunFailedError(
            message("Groups are audited on a past cohort whose outcomes are known."),
            found=message("This run predicted none."),
            remedy=message("Deliver an earlier school year."),
        )
    predicted = read_prediction(run.tables, newest.number)
    members = Members.of(run)
    rows = members.rows_of(run, newest.cohort_on, pa.array(predicted.pupil_id, pa.string()))
    return ScoredCohort(predicted, Measuring(capacity, seed=seed)), members.traits(rows)
