"""Who can stand on either side of a comparison by judgement: with a measure that began within the grace, or without it.

Three kinds of pupils belong to **neither** side. Taken for pupils without the measure, each would bend the comparison:

- whose schooling had **ended** by the last day of the grace: who had left, finished, moved abroad or gone without a trace
  could not get the measure any more, and what became of them was settled before it could work;
- who **goes on** with the measure that was running on the cut-off date: they have it, and did not begin it;
- who learns in a school **where no support is told of** by then: what is not recorded is not known.
"""

from __future__ import annotations

from datetime import date

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.risk.label import Window


def measures_given(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Return ``pupil_id``, ``measure_code``, ``happened_on`` and ``ends_on`` (missing while it lasts) of ``known.support``."""
    return connection.execute(
        """
        SELECT pupil_id, measure_code, happened_on, CASE WHEN bool_and(ends_on IS NOT NULL) THEN max(ends_on) END AS ends_on
        FROM known.support GROUP BY ALL ORDER BY ALL
        """
    ).df()


def keep_stays(connection: duckdb.DuckDBPyConnection) -> None:
    """Work ``known.enrolment`` out once, for the questions of all cohorts: its versions are compared at each."""
    connection.execute(
        "CREATE TEMP TABLE stays AS SELECT pupil_id, happened_on, ends_on, exit_class FROM known.enrolment"
    )


def ended_by(
    connection: duckdb.DuckDBPyConnection, asked: pd.Series, window: Window, landmark: date
) -> NDArray[np.bool_]:
    """Return which of the pupils ``asked`` had ended their schooling by a day, as the stays that were kept tell.

    They finished the stage in which the cut-off date found them, or no later stay that began inside the window is known.
    """
    connection.register("asked", pd.DataFrame({"pupil_id": asked.astype(str).to_numpy(dtype=object)}))
    rows = connection.execute(
        """
        SELECT pupil_id FROM stays
        WHERE happened_on <= $horizon_on AND pupil_id IN (SELECT pupil_id FROM asked)
        GROUP BY pupil_id
        HAVING NOT bool_or(ends_on IS NULL OR ends_on > $landmark)
            OR count(*) FILTER (
                happened_on <= $cut_off AND ends_on > $cut_off AND ends_on <= $landmark AND exit_class = 'completed'
            ) > 0
        """,
        {"cut_off": window.cut_off, "horizon_on": window.horizon_on, "landmark": landmark},
    ).fetchall()
    connection.unregister("asked")
    return np.asarray(asked.isin({pupil for (pupil,) in rows}), dtype=np.bool_)


def telling_schools(connection: duckdb.DuckDBPyConnection, landmark: date) -> set[str]:
    """Return the schools of which any measure that began by a day is known."""
    rows = connection.execute(
        "SELECT DISTINCT school_id FROM known.support WHERE happened_on <= $landmark", {"landmark": landmark}
    ).fetchall()
    return {school for (school,) in rows}


def began(pupils: pd.DataFrame, given: pd.DataFrame) -> pd.DataFrame:
    """Return ``place`` and ``measure_code`` of measures that began after the cut-off date and within the grace."""
    near = _beside(pupils, given)
    is_near = (near["happened_on"] > near["cohort_on"]) & (near["happened_on"] <= near["landmark_on"])
    return near.loc[is_near, ["place", "measure_code"]].drop_duplicates()


def go_on(pupils: pd.DataFrame, given: pd.DataFrame) -> pd.DataFrame:
    """Return ``place`` and ``measure_code`` of measures that were running on the cut-off date and went on after it."""
    near = _beside(pupils, given)
    is_running = (near["happened_on"] <= near["cohort_on"]) & ~(near["ends_on"] <= near["cohort_on"])
    return near.loc[is_running, ["place", "measure_code"]].drop_duplicates()


def are_among(pupils: pd.DataFrame, measures: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which pupils have any of these measures."""
    return np.asarray(pupils["place"].isin(measures["place"]), dtype=np.bool_)


def _beside(pupils: pd.DataFrame, given: pd.DataFrame) -> pd.DataFrame:
    return pupils[["place", "pupil_id", "cohort_on", "landmark_on"]].merge(given, on="pupil_id")
