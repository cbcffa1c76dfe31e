"""How it went for the pupils of the present cohort, for their pages: weeks, months and measures of support (20_features)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from riskmodel.risk.trend import month_rows, trend_days, week_rows
from riskmodel.runs.parts import PartFolder
from riskmodel.runs.semester import SemesterRun
from riskmodel.tables.scores import SUPPORT_KNOWN, TREND_MONTH, TREND_WEEK

PUPILS_AT_ONCE = 4096
"""Pupils whose rows are written at a time: a pseudonym stands in each row, and they would fill the memory."""


def known_support(connection: duckdb.DuckDBPyConnection, cut_off: date) -> pa.Table:
    """Return the columns of :data:`riskmodel.tables.scores.SUPPORT_KNOWN`, of all pupils, in the order of the key.

    A measure of the same day in two schools is one, and lasts until both have ended. ``known.support`` must be open on
    the cut-off date.
    """
    return connection.sql(
        """
        SELECT
            pupil_id,
            measure_code,
            happened_on AS from_on,
            CASE WHEN count(ends_on) = count(*) THEN max(ends_on) END AS to_on
        FROM known.support
        WHERE happened_on <= $cut_off
        GROUP BY ALL
        ORDER BY pupil_id, measure_code, from_on
        """,
        params={"cut_off": cut_off},
    ).to_arrow_table()


def write_trends(run: SemesterRun, folder: PartFolder, trends: Sequence[str], measures: pa.Table) -> None:
    """Write ``trend_week``, ``trend_month`` and ``support_known`` of the pupils of the present cohort.

    Parameters
    ----------
    trends
        Names of the files of parts that hold the trends of all of them (see :class:`riskmodel.risk.trend.TrendFold`), in the order
        of the pupils.
    measures
        From :func:`known_support`.
    """
    days = trend_days(run.cut_off)
    members = []
    with run.writer(TREND_WEEK) as weeks, run.writer(TREND_MONTH) as months:
        for name in trends:
            of_range = folder.read(name).combine_chunks()
            members += of_range["pupil_id"].chunks
            for first in range(0, of_range.num_rows, PUPILS_AT_ONCE):
                some = of_range.slice(first, PUPILS_AT_ONCE).combine_chunks()
                weeks.write(week_rows(some, days))
                months.write(month_rows(some, days))
    present = pa.chunked_array(members, pa.string())
    run.write_rows(SUPPORT_KNOWN, measures.filter(pc.is_in(measures["pupil_id"], present.combine_chunks())))
