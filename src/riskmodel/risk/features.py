"""The features: every definition that the model may use, and the one function that computes them.

Each feature is declared once, with its unit, period and direction, in the module of its group; the words for
it stand in ``data/texts/features.yaml``. The queries read ``known.<table>`` only (see
:mod:`riskmodel.risk.cutoff`), so that nothing that became known after the cut-off date can change a value.
"""

from __future__ import annotations

# ruff: noqa: S608  (the SQL is put together from declared names and quoted ids alone)
from collections.abc import Iterable
from datetime import date

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from riskmodel.risk.attendance_features import ATTENDANCE_FEATURES
from riskmodel.risk.context_features import CONTEXT_BLOCKS, CONTEXT_FEATURES
from riskmodel.risk.cutoff import open_cut_off
from riskmodel.risk.economic_features import ECONOMIC_BLOCKS, ECONOMIC_FEATURES
from riskmodel.risk.feature import Block, Feature
from riskmodel.risk.fold import days_around, fold_pupils
from riskmodel.risk.learning_features import LEARNING_FEATURES

__all__ = ["BLOCKS", "FEATURES", "build", "feature", "feature_sql", "fold_pupils"]

FEATURES: tuple[Feature, ...] = (*ATTENDANCE_FEATURES, *LEARNING_FEATURES, *ECONOMIC_FEATURES, *CONTEXT_FEATURES)
BLOCKS: tuple[Block, ...] = (*ECONOMIC_BLOCKS, *CONTEXT_BLOCKS)
SLOW_TABLES = ("economic_area", "economic_pupil", "enrolment", "pupil", "school", "support")
"""What changes by the month: the blocks over it look at other pupils, schools and the country too."""

MEMBER_COLUMNS = ("pupil_id", "school_id", "stage_kind", "stage_number", "class_code", "municipality_code")


def feature(code: str) -> Feature:
    """Return the feature ``code``; KeyError when there is none."""
    for declared in FEATURES:
        if declared.code == code:
            return declared
    raise KeyError(code)


def build(
    connection: duckdb.DuckDBPyConnection, cut_off: date, members: pd.DataFrame, folded: pa.Table | None = None
) -> pd.DataFrame:
    """Return the features of ``members``, from what was known on ``cut_off``.

    Parameters
    ----------
    connection
        Holds ``canonical.<table>``: all of them, or a part of whole schools. A part holds every row of its
        pupils and schools, and the whole of ``school``, ``enrolment`` and ``economic_area``.
        Afterwards ``known`` shows ``SLOW_TABLES`` on ``cut_off``.
    cut_off
        The last day whose knowledge may be used.
    members
        Pupils of one cohort, whole schools, one row each: ``pupil_id, school_id, stage_kind, stage_number,
        class_code, municipality_code, school_year_on`` (see :func:`riskmodel.risk.label.cohort`).
    folded
        The rows of :func:`fold_pupils` for this cut-off date and school year, of all members or of more pupils, in
        any order; None folds them here. A member without a row has no daily facts.

    Returns
    -------
    pandas.DataFrame
        Index ``pupil_id`` in ascending order; one ``float64`` column per feature in the order of ``FEATURES``.
        NaN is "no data", never zero.

    Raises
    ------
    ValueError
        If the members are of more than one school year.
    """
    codes = [declared.code for declared in FEATURES]
    if members.empty:
        return pd.DataFrame(columns=codes, index=pd.Index([], name="pupil_id", dtype=object), dtype=np.float64)
    years = members["school_year_on"].unique()
    if len(years) != 1:
        raise ValueError(f"members of one cohort have one school year, found {len(years)}")
    year_on = pd.Timestamp(years[0]).date()
    if folded is None:
        folded = fold_pupils(connection, cut_off, year_on)
    parameters = days_around(cut_off, year_on)
    open_cut_off(connection, cut_off, tables=SLOW_TABLES, is_kept=True)
    _lay_out_members(connection, members)
    connection.register("folded_rows", folded)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE folded AS "
        "SELECT member.member_id, folded_rows.* FROM folded_rows JOIN member USING (pupil_id)"
    )
    connection.unregister("folded_rows")
    for block in BLOCKS:
        _execute(connection, f"CREATE OR REPLACE TEMP TABLE {block.name} AS {block.sql}", parameters)
    values = connection.execute(feature_sql(FEATURES)).df()
    for block in reversed(BLOCKS):
        connection.execute(f"DROP TABLE temp.{block.name}")
    return values.set_index("pupil_id").astype(np.float64)


def feature_sql(features: Iterable[Feature]) -> str:
    """Return the query that joins the blocks per pupil and names each feature by its code."""
    columns = ",\n    ".join(f"({declared.sql})::DOUBLE AS {declared.code}" for declared in features)
    joins = "\n".join(f"LEFT JOIN {block.name} USING (member_id)" for block in BLOCKS if block.is_per_member)
    return f"SELECT\n    member.pupil_id,\n    {columns}\nFROM member\nLEFT JOIN folded USING (member_id)\n{joins}\nORDER BY member.pupil_id"


def _lay_out_members(connection: duckdb.DuckDBPyConnection, members: pd.DataFrame) -> None:
    connection.register("member_rows", members[list(MEMBER_COLUMNS)])
    # Small numbers instead of pseudonyms: the joins of millions of rows then compare four bytes.
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE member AS
        SELECT
            row_number() OVER (ORDER BY pupil_id)::INTEGER AS member_id,
            dense_rank() OVER (ORDER BY school_id, stage_kind, stage_number, class_code)::INTEGER AS class_id,
            {", ".join(MEMBER_COLUMNS)}
        FROM member_rows
        """
    )
    connection.unregister("member_rows")


def _execute(connection: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, date]) -> None:
    connection.execute(sql, {name: day for name, day in parameters.items() if f"${name}" in sql})
