"""The features: every definition that the model may use, and the one function that computes them.

Each feature is declared once, with its unit, period and direction, in the module of its group; the words for
it stand in ``data/texts/features.yaml``. The queries read ``known.<table>`` only (see
:mod:`riskmodel.risk.cutoff`), so that nothing that became known after the cut-off date can change a value.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import date

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from riskmodel.risk.attendance_features import ATTENDANCE_FEATURES
from riskmodel.risk.context_features import CONTEXT_BLOCKS, CONTEXT_FEATURES
from riskmodel.risk.cutoff import open_cut_off, with_pupil_keys
from riskmodel.risk.economic_features import ECONOMIC_BLOCKS, ECONOMIC_FEATURES
from riskmodel.risk.feature import Block, Feature
from riskmodel.risk.fold import days_around, fold_pupils, fold_together, widened
from riskmodel.risk.learning_features import LEARNING_FEATURES
from riskmodel.risk.stay_fold import LeftBefore, fold_stays

__all__ = ["BLOCKS", "FEATURES", "build", "feature", "feature_sql", "fold_pupils"]

FEATURES: tuple[Feature, ...] = (*ATTENDANCE_FEATURES, *LEARNING_FEATURES, *ECONOMIC_FEATURES, *CONTEXT_FEATURES)
BLOCKS: tuple[Block, ...] = (*ECONOMIC_BLOCKS, *CONTEXT_BLOCKS)
SLOW_TABLES = ("economic_area", "economic_pupil", "pupil", "school", "support")
"""What changes by the month: the blocks over it look at other pupils, schools and the country too."""

CLASS_COLUMNS = ("school_id", "stage_kind", "stage_number", "class_code")
"""A class is all who agree in these; without a code, all of the stage without one."""
MEMBER_COLUMNS = ("pupil_id", *CLASS_COLUMNS, "municipality_code")


def feature(code: str) -> Feature:
    """Return the feature ``code``; KeyError when there is none."""
    for declared in FEATURES:
        if declared.code == code:
            return declared
    raise KeyError(code)


def build(
    connection: duckdb.DuckDBPyConnection,
    cut_off: date,
    members: pd.DataFrame,
    folded: Iterable[pa.Table] | None = None,
) -> pd.DataFrame:
    """Return the features of ``members`` as :func:`build_rows` does, as float64 with the index ``pupil_id``.

    NaN is "no data", never zero.
    """
    ordered = members[[*MEMBER_COLUMNS, "school_year_on"]].sort_values("pupil_id", ignore_index=True)
    rows = pa.Table.from_pandas(ordered, preserve_index=False)
    values: pd.DataFrame = build_rows(connection, cut_off, rows, folded).to_pandas()
    return values.set_index(pd.Index(ordered["pupil_id"], name="pupil_id", dtype=object))


def build_rows(
    connection: duckdb.DuckDBPyConnection,
    cut_off: date,
    members: pa.Table,
    folded: Iterable[pa.Table] | None = None,
    stays: pa.Table | None = None,
    left: pa.Table | None = None,
) -> pa.Table:
    """Return the features of ``members``, from what was known on ``cut_off``.

    Parameters
    ----------
    connection
        Holds ``canonical.<table>``: all of them, or a part of whole schools. A part holds every row of its
        pupils and schools, and the whole of ``school`` and ``economic_area``, and of ``enrolment`` where ``left`` is None.
        Afterwards ``known`` shows ``SLOW_TABLES`` on ``cut_off``.
    cut_off
        The last day whose knowledge may be used.
    members
        Pupils of one cohort, whole schools, one row each in ascending order of ``pupil_id``: ``pupil_id, school_id, stage_kind,
        stage_number, class_code, municipality_code, school_year_on`` (see :func:`riskmodel.risk.label.cohort`).
    folded
        What :func:`fold_pupils` gives for this cut-off date and school year, by ranges of pupils in ascending order that
        hold all members or more, with whole numbers of 64 bits or fewer; None folds them here. A member without a row has no daily facts.
    stays
        What :func:`riskmodel.risk.stay_fold.fold_stays` gives for them; None folds their stays here.
    left
        What :class:`riskmodel.risk.stay_fold.LeftBefore` gives of all pupils of all schools, in any ranges of pupils one behind the
        other; None counts them here.

    Returns
    -------
    pyarrow.Table
        A row per member in ascending order of ``pupil_id``, which it does not hold; one ``float64`` column per feature
        in the order of ``FEATURES``. NULL is "no data", never zero.

    Raises
    ------
    ValueError
        If the members are of more than one school year.
    """
    if not members.num_rows:
        return pa.table({declared.code: pa.array([], pa.float64()) for declared in FEATURES})
    years = members["school_year_on"].cast(pa.date32()).unique().to_pylist()
    if len(years) != 1:
        raise ValueError(f"members of one cohort have one school year, found {len(years)}")
    year_on = years[0]
    if folded is None:
        folded = [fold_pupils(connection, cut_off, year_on)]
    if stays is None:
        stays = fold_stays(connection, members, cut_off)
    if left is None:
        (left,) = fold_together(connection, [LeftBefore(cut_off, year_on)])
    open_cut_off(connection, cut_off, tables=SLOW_TABLES)
    of_members = _of_pupils(members["pupil_id"].combine_chunks(), folded)
    connection.register("left_in_school", left)
    try:
        return _named(connection, members, {"folded": of_members, "stay": stays}, days_around(cut_off, year_on))
    finally:
        connection.unregister("left_in_school")


def _named(
    connection: duckdb.DuckDBPyConnection, members: pa.Table, own: Mapping[str, pa.Table], days: Mapping[str, date]
) -> pa.Table:
    """Lay their ``own`` facts and the blocks side by side, a row per member in the same order, and name the features over them."""
    side_by_side = {"member": _lay_out_members(connection, members), **own}
    numbers = side_by_side["member"]["member_id"]
    side_by_side["folded"] = own["folded"].append_column("member_id", numbers)
    connection.register("folded", side_by_side["folded"])
    for block in BLOCKS:
        rows = _asked(connection, block.sql, days)
        side_by_side[block.name] = rows.take(_places(rows, len(numbers)))
    connection.execute("DROP TABLE temp.member")
    for name, rows in side_by_side.items():
        connection.register(name, rows)
    values = connection.sql(feature_sql(FEATURES)).to_arrow_table()
    for name in side_by_side:
        connection.unregister(name)
    return pa.table({name: _without_nan(values[name]) for name in values.column_names})


def _of_pupils(pupils: pa.Array, folded: Iterable[pa.Table]) -> pa.Table:
    """Return a row for each of ``pupils``, empty for who has none; both in ascending order. No two ranges are held at once."""
    found, first, rows = [], 0, None
    for of_range in folded:
        ids, rows = of_range["pupil_id"].combine_chunks(), of_range.drop_columns("pupil_id")
        if not len(ids):
            continue
        after = bisect_right(range(len(pupils)), ids[-1].as_py(), first, key=lambda place: pupils[place].as_py())
        own = pupils[first:after]
        found.append(widened(rows if own.equals(ids) else rows.take(pc.index_in(own, value_set=ids))))
        first = after
    if rows is None:
        raise ValueError("what was folded must have its columns, even where it has no row")
    return pa.concat_tables([*found, widened(rows.take(pa.nulls(len(pupils) - first, pa.int32())))])


def feature_sql(features: Iterable[Feature]) -> str:
    """Return the query that names each feature by its code, over blocks whose rows stand in the order of the members."""
    columns = ",\n    ".join(f"({declared.sql})::DOUBLE AS {declared.code}" for declared in features)
    beside = "\n".join(f"POSITIONAL JOIN {name}" for name in ("folded", "stay", *(block.name for block in BLOCKS)))
    return f"SELECT\n    {columns}\nFROM member\n{beside}"


def _lay_out_members(connection: duckdb.DuckDBPyConnection, members: pa.Table) -> pa.Table:
    """Make the table ``member``, and return what features read of it."""
    rows = members.select(list(MEMBER_COLUMNS)).combine_chunks()
    rows = rows.append_column("member_id", pa.array(np.arange(1, len(rows) + 1, dtype=np.int32)))
    rows = rows.append_column("class_id", _class_numbers(rows))
    connection.register("member_rows", rows)
    # Small numbers instead of pseudonyms: the joins of millions of rows then compare four bytes.
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE member AS
        {with_pupil_keys(connection, "member_rows", rows.column_names)}
        """
    )
    connection.unregister("member_rows")
    return rows.drop_columns(["pupil_id", "class_id"])


def _class_numbers(rows: pa.Table) -> pa.Array:
    """Return one number for all members of a class, and another for those of another."""
    found = np.zeros(len(rows), dtype=np.int64)
    for name in CLASS_COLUMNS:
        coded = rows[name].combine_chunks().dictionary_encode(null_encoding="encode")
        found = found * len(coded.dictionary) + coded.indices.to_numpy()
    return pa.array(np.unique(found, return_inverse=True)[1].astype(np.int32))


def _places(rows: pa.Table, members: int) -> pa.Array:
    """Return for each member the place of its row, empty where it has none."""
    places = np.full(members, -1, dtype=np.int32)
    places[rows["member_id"].to_numpy() - 1] = np.arange(len(rows), dtype=np.int32)
    return pa.array(places, mask=places < 0)


def _asked(connection: duckdb.DuckDBPyConnection, sql: str, days: Mapping[str, date]) -> pa.Table:
    given = {name: day for name, day in days.items() if f"${name}" in sql}
    return connection.sql(sql, params=given).to_arrow_table().combine_chunks()


def _without_nan(values: pa.ChunkedArray) -> pa.ChunkedArray:
    is_nan = pc.is_nan(values)
    return pc.if_else(is_nan, None, values) if pc.any(is_nan).as_py() else values
