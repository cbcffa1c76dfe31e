"""What is told of each pupil in a school's extract, from the tables of a run: columns as JSON text, some schools at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from riskmodel.risk.explanation import COMPARED
from riskmodel.runs.columns import json_lists
from riskmodel.tables.schema import Table
from riskmodel.tables.scores import (
    CHANGE_REASON,
    REASON,
    SCORE,
    SCORE_CHANGE,
    SUPPORT_KNOWN,
    TREND_MONTH,
    TREND_WEEK,
    WHAT_IF,
)
from riskmodel.views.extract import (
    CHANGE_COLUMNS,
    CHANGE_FIELDS,
    DATA_FLAGS,
    PUPIL_FIELDS,
    SUPPORT_COLUMNS,
    TREND_OF_MONTHS,
    TREND_OF_WEEKS,
    WHAT_IF_COLUMNS,
    Span,
    short_codes,
)

USUAL_OF = [name for name, _ in COMPARED]
REASON_COLUMNS = ("feature_code", "own_value", "usual_value", "usual_of", "contribution")
TABLES_OF_PUPILS: tuple[Table, ...] = (
    SCORE,
    REASON,
    SCORE_CHANGE,
    CHANGE_REASON,
    WHAT_IF,
    TREND_WEEK,
    TREND_MONTH,
    SUPPORT_KNOWN,
)

Columns = dict[str, pa.Array]


class Told:
    """The tables of the pupils of a run, each row beside the pupil's place in ``score``.

    Parameters
    ----------
    tables
        By name, those of ``TABLES_OF_PUPILS``.
    feature_codes
        Of the model, in its order: reasons name a feature by its place there.
    """

    def __init__(self, tables: Mapping[str, pa.Table], feature_codes: Sequence[str], span: Span) -> None:
        self._scores, self._span = tables[SCORE.name], span
        self._features = pa.array(feature_codes, pa.string())
        self._reasons = self._with_places(tables[REASON.name])
        pupils = self._scores["pupil_id"].combine_chunks()
        self._rows = {
            table.name: _Rows(tables.get(table.name, table.arrow_schema().empty_table()), pupils)
            for table in TABLES_OF_PUPILS[2:]
        }

    def columns(self, order: NDArray[np.intp], offsets: NDArray[np.intp]) -> dict[str, dict[str, list[str]]]:
        """Return the columns of the pupils at the places ``order``, and of all that is told of them.

        Each column is a list of JSON texts, one per school: that of the pupils from each of ``offsets`` to the next.
        """
        pupils = self._pupils(order, offsets)
        found = {"pupils": {name: json_lists(column, offsets) for name, column in pupils.items()}}
        each = self._reasons["contribution"].shape[1]
        reasons = {name: pa.array(column[order].ravel()) for name, column in self._reasons.items()}
        reasons["usual_of"] = _or_none(self._reasons["usual_of"][order].ravel())
        found["reasons"] = {name: json_lists(column, offsets * each) for name, column in reasons.items()}
        for name, table, names in (
            ("change_reasons", CHANGE_REASON, CHANGE_COLUMNS),
            ("what_if", WHAT_IF, WHAT_IF_COLUMNS),
            ("support", SUPPORT_KNOWN, SUPPORT_COLUMNS),
        ):
            found[name] = self._of_some(table, names, order, offsets)
        weeks, months = len(self._span.weeks), len(self._span.months)
        found["trend"] = {
            **{name: json_lists(column, offsets * weeks) for name, column in self._weeks(order).items()},
            **{name: json_lists(column, offsets * months) for name, column in self._months(order).items()},
        }
        return found

    def _pupils(self, order: NDArray[np.intp], offsets: NDArray[np.intp]) -> Columns:
        scores = self._scores.take(pa.array(order))
        ids = scores["pupil_id"].to_pylist()
        codes = [code for first, after in pairwise(offsets) for code in short_codes(ids[first:after])]
        rest = scores["raw_score"].to_numpy() - scores["base_score"].to_numpy()
        rest -= self._reasons["contribution"][order].sum(axis=1)
        changes, _, owner = self._rows[SCORE_CHANGE.name].of(order)
        place = np.full(len(order), -1, dtype=np.int64)
        place[owner] = np.arange(len(owner))
        change = changes.take(_or_none(place))
        return {
            **{name: scores[name].combine_chunks() for name in (*PUPIL_FIELDS, *DATA_FLAGS)},
            **{name: change[name].combine_chunks() for name in CHANGE_FIELDS},
            "code": pa.array(codes, pa.string()),
            "rest": pa.array(rest),
        }

    def _with_places(self, reasons: pa.Table) -> dict[str, NDArray[Any]]:
        """Return the columns of the reasons, pupils × places, codes as places in their lists (-1: none)."""
        found: dict[str, NDArray[Any]] = {
            name: reasons[name].to_numpy() for name in ("own_value", "usual_value", "contribution")
        }
        for name, codes in (("feature_code", self._features), ("usual_of", pa.array(USUAL_OF, pa.string()))):
            found[name.removesuffix("_code")] = pc.fill_null(_places(reasons[name], codes), -1).to_numpy()
        pupils = self._scores.num_rows
        each = reasons.num_rows // max(pupils, 1)
        return {name: column.reshape(pupils, each) for name, column in found.items()}

    def _of_some(
        self, table: Table, names: Sequence[str], order: NDArray[np.intp], offsets: NDArray[np.intp]
    ) -> dict[str, list[str]]:
        """Return rows of those pupils that have any, with ``pupil``, the place among the pupils of the school."""
        rows, starts, owner = self._rows[table.name].of(order)
        school = np.searchsorted(offsets, owner, side="right") - 1
        columns = {"pupil": pa.array(owner - offsets[school])}
        for name in names:
            if name == "feature":
                columns[name] = pc.index_in(rows["feature_code"].combine_chunks(), self._features, skip_nulls=True)
            else:
                columns[name] = rows[name].combine_chunks()
        return {name: json_lists(column, starts[offsets]) for name, column in columns.items()}

    def _weeks(self, order: NDArray[np.intp]) -> Columns:
        rows, cells = self._cells(TREND_WEEK, "week_on", self._span.weeks, order)
        shape = len(order) * len(self._span.weeks)
        return {name: _laid_out(rows[name], cells, np.full(shape, -1, dtype=np.int64)) for name in TREND_OF_WEEKS}

    def _months(self, order: NDArray[np.intp]) -> Columns:
        rows, cells = self._cells(TREND_MONTH, "month_on", self._span.months, order)
        shape = len(order) * len(self._span.months)
        mean, count = TREND_OF_MONTHS
        return {
            mean: _laid_out(rows[mean], cells, np.full(shape, np.nan)),
            count: _laid_out(rows[count], cells, np.zeros(shape, dtype=np.int64)),
        }

    def _cells(
        self, table: Table, name: str, days: Sequence[object], order: NDArray[np.intp]
    ) -> tuple[pa.Table, NDArray[np.intp]]:
        """Return rows of these pupils, and where each belongs among pupils × days."""
        rows, _, owner = self._rows[table.name].of(order)
        day = pc.index_in(rows[name].combine_chunks(), pa.array(days, pa.date32()))
        if day.null_count:
            raise ValueError(f"the table {table.name} holds a day that is none of the trend's")
        return rows, owner * len(days) + day.to_numpy()


class _Rows:
    """The rows of a table by pupil, where a pupil has none, one or many."""

    def __init__(self, rows: pa.Table, pupils: pa.Array) -> None:
        owner = _places(rows["pupil_id"], pupils)
        if owner.null_count:
            raise ValueError("a row tells of a pupil who has no score")
        self._rows = rows.drop_columns("pupil_id")
        self._starts = np.searchsorted(owner.to_numpy(), np.arange(len(pupils) + 1))

    def of(self, order: NDArray[np.intp]) -> tuple[pa.Table, NDArray[np.intp], NDArray[np.intp]]:
        """Return the rows of the pupils at ``order``, pupil by pupil; where each pupil's begin; whose each row is."""
        counts = self._starts[order + 1] - self._starts[order]
        starts = np.concatenate(([0], np.cumsum(counts)))
        owner = np.repeat(np.arange(len(order)), counts)
        place = np.arange(starts[-1]) - starts[owner] + self._starts[order][owner]
        return self._rows.take(pa.array(place)), starts, owner


def _places(ids: pa.ChunkedArray, listed: pa.Array) -> pa.Array:
    """Return the place of each id among those ``listed``; ids that came as dictionaries are looked up once each."""
    if not pa.types.is_dictionary(ids.type):
        return pc.index_in(ids, listed).combine_chunks()
    if not ids.num_chunks:
        return pa.array([], pa.int32())
    # All lists at once: to look up in a list, a table of it is made first.
    places = pc.index_in(pa.concat_arrays([chunk.dictionary for chunk in ids.chunks]), listed)
    begins = np.cumsum([0, *(len(chunk.dictionary) for chunk in ids.chunks)])
    found = [places[begin:].take(chunk.indices) for begin, chunk in zip(begins, ids.chunks, strict=False)]
    return pa.concat_arrays(found)


def _laid_out(values: pa.ChunkedArray, cells: NDArray[np.intp], to: NDArray[Any]) -> pa.Array:
    """Return ``to`` with the values in their cells; -1 there is no value."""
    to[cells] = values.to_numpy()
    return _or_none(to) if to.dtype.kind == "i" else pa.array(to)


def _or_none(places: NDArray[np.integer[Any]]) -> pa.Array:
    return pa.array(places, mask=places < 0)
