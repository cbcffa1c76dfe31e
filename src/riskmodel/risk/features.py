"""The features: every definition that the model may use, and the one function that computes them.

Each feature is declared once, with its unit, period and direction, in the module of its group; the words for
it stand in ``data/texts/features.yaml``. The queries read ``known.<table>`` only (see
:mod:`riskmodel.risk.cutoff`), so that nothing that became known after the cut-off date can change a value.
"""

from __future__ import annotations

# ruff: noqa: S608  (the SQL is put together from declared names and quoted ids alone)
from collections.abc import Iterable
from datetime import date, timedelta

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from riskmodel.risk.attendance_features import ATTENDANCE_BLOCKS, ATTENDANCE_FEATURES
from riskmodel.risk.context_features import CONTEXT_BLOCKS, CONTEXT_FEATURES
from riskmodel.risk.cutoff import DAILY_TABLES, open_cut_off
from riskmodel.risk.economic_features import ECONOMIC_BLOCKS, ECONOMIC_FEATURES
from riskmodel.risk.feature import Block, Feature
from riskmodel.risk.learning_features import LEARNING_BLOCKS, LEARNING_FEATURES
from riskmodel.tables.fields import literal

FEATURES: tuple[Feature, ...] = (*ATTENDANCE_FEATURES, *LEARNING_FEATURES, *ECONOMIC_FEATURES, *CONTEXT_FEATURES)
BLOCKS: tuple[Block, ...] = (*ECONOMIC_BLOCKS, *CONTEXT_BLOCKS)
FOLD_BLOCKS: tuple[Block, ...] = (*ATTENDANCE_BLOCKS, *LEARNING_BLOCKS)
"""The blocks over daily facts: each row of theirs comes from the rows of one pupil alone."""
SLOW_TABLES = ("economic_area", "economic_pupil", "enrolment", "pupil", "school", "support")
"""What changes by the month: the blocks over it look at other pupils, schools and the country too."""

DAYS_TO_SAME_WEEKDAY_LAST_YEAR = 364
MEMBER_COLUMNS = ("pupil_id", "school_id", "stage_kind", "stage_number", "class_code", "municipality_code")


def feature(code: str) -> Feature:
    """Return the feature ``code``; KeyError when there is none."""
    for declared in FEATURES:
        if declared.code == code:
            return declared
    raise KeyError(code)


def fold_pupils(
    connection: duckdb.DuckDBPyConnection,
    cut_off: date,
    year_on: date,
    first_pupil: str | None = None,
    after_pupil: str | None = None,
) -> pa.Table:
    """Return what the features need of each pupil's own daily facts, as known on ``cut_off``.

    A row is a function of the rows of that pupil alone, so any ranges give together what the whole gives.

    Parameters
    ----------
    connection
        Holds ``canonical.<table>``. Afterwards ``known`` shows ``cut_off``, daily facts since the last school year only.
    cut_off
        The last day whose knowledge may be used.
    year_on
        First day of the school year of the cut-off date.
    first_pupil, after_pupil
        Pupils from ``first_pupil`` up to, and without, ``after_pupil``; None is open.

    Returns
    -------
    pyarrow.Table
        One row per pupil with any daily fact, in ascending order of ``pupil_id``.
    """
    parameters = days_around(cut_off, year_on)
    open_cut_off(connection, cut_off, since=parameters["past_year_on"] - timedelta(days=6))
    bounds = [
        f"pupil_id {sign} {literal(bound)}"
        for sign, bound in ((">=", first_pupil), ("<", after_pupil))
        if bound is not None
    ]
    where = f"WHERE {' AND '.join(bounds)}" if bounds else ""
    daily = (*DAILY_TABLES, "term_result")
    found = " UNION ".join(f"SELECT pupil_id FROM known.{name} {where}" for name in daily)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE member AS "
        f"SELECT pupil_id, row_number() OVER (ORDER BY pupil_id)::INTEGER AS member_id FROM ({found})"
    )
    for block in FOLD_BLOCKS:
        _execute(connection, f"CREATE OR REPLACE TEMP TABLE {block.name} AS {block.sql}", parameters)
    per_member = [block.name for block in FOLD_BLOCKS if block.is_per_member]
    columns = ", ".join(f"COLUMNS({name}.* EXCLUDE (member_id)) AS '{name}_\\0'" for name in per_member)
    joins = " ".join(f"LEFT JOIN {name} USING (member_id)" for name in per_member)
    folded: pa.Table = connection.sql(
        f"SELECT member.pupil_id, {columns} FROM member {joins} ORDER BY pupil_id"
    ).to_arrow_table()
    for block in reversed(FOLD_BLOCKS):
        connection.execute(f"DROP TABLE temp.{block.name}")
    return folded


def build(
    connection: duckdb.DuckDBPyConnection, cut_off: date, members: pd.DataFrame, folded: pa.Table | None = None
) -> pd.DataFrame:
    """Return the features of ``members``, from what was known on ``cut_off``.

    Parameters
    ----------
    connection
        Holds ``canonical.<table>``: all of them, or a part of whole schools. A part holds every row of its
        pupils and schools, and the whole of ``school``, ``enrolment`` and ``economic_area``.
        Afterwards ``known`` shows ``cut_off``, daily facts since the last school year only.
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
    open_cut_off(connection, cut_off, tables=SLOW_TABLES)
    _lay_out_members(connection, members)
    connection.register("folded_rows", folded)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE folded AS "
        "SELECT member.member_id, folded_rows.* FROM folded_rows JOIN member USING (pupil_id)"
    )
    connection.unregister("folded_rows")
    for name in (block.name for block in FOLD_BLOCKS if block.is_per_member):
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT member_id, COLUMNS('^{name}_(.*)') AS '\\1' FROM folded"
        )
    for block in BLOCKS:
        _execute(connection, f"CREATE OR REPLACE TEMP TABLE {block.name} AS {block.sql}", parameters)
    values = connection.execute(feature_sql(FEATURES)).df()
    for block in reversed(BLOCKS):
        connection.execute(f"DROP TABLE temp.{block.name}")
    return values.set_index("pupil_id").astype(np.float64)


def days_around(cut_off: date, school_year_on: date) -> dict[str, date]:
    """Return the days that the blocks count from (see :class:`riskmodel.risk.feature.Block`).

    >>> days_around(date(2024, 12, 20), date(2024, 9, 2))["weeks_end_on"]  # a Friday: its week is not complete
    datetime.date(2024, 12, 16)
    """
    next_day = cut_off + timedelta(days=1)
    return {
        "cut_off": cut_off,
        "year_on": school_year_on,
        "past_year_on": school_year_on - timedelta(days=DAYS_TO_SAME_WEEKDAY_LAST_YEAR),
        "weeks_end_on": next_day - timedelta(days=next_day.weekday()),
    }


def feature_sql(features: Iterable[Feature]) -> str:
    """Return the query that joins the blocks per pupil and names each feature by its code."""
    columns = ",\n    ".join(f"({declared.sql})::DOUBLE AS {declared.code}" for declared in features)
    joins = "\n".join(
        f"LEFT JOIN {block.name} USING (member_id)" for block in (*FOLD_BLOCKS, *BLOCKS) if block.is_per_member
    )
    return f"SELECT\n    member.pupil_id,\n    {columns}\nFROM member\n{joins}\nORDER BY member.pupil_id"


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
