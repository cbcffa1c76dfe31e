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


def hold_support(connection: duckdb.DuckDBPyConnection) -> None:
    """Hold ``known.support`` in memory: which version of a measure counts is then worked out once for all that read it."""
    connection.execute(
        """
        CREATE TABLE known.held AS SELECT pupil_id, school_id, measure_code, happened_on, ends_on FROM known.support;
        DROP VIEW known.support;
        ALTER TABLE known.held RENAME TO support
        """
    )


def measures_given(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Return ``pupil_id``, ``measure_code``, ``happened_on`` and ``ends_on`` (missing while it lasts) of ``known.support``."""
    return connection.execute(
        """
        SELECT pupil_id, measure_code, happened_on, CASE WHEN bool_and(ends_on IS NOT NULL) THEN max(ends_on) END AS ends_on
        FROM known.support GROUP BY ALL ORDER BY ALL
        """
    ).df()


def telling_since(connection: duckdb.DuckDBPyConnection) -> dict[str, date]:
    """Return the first day of the first measure that is known, by school; not of schools where no support is told of."""
    return dict(
        connection.execute("SELECT school_id, min(happened_on) FROM known.support GROUP BY school_id").fetchall()
    )


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
