"""The large tables of a delivery taken in as numbers, in memory that does not grow with them.

A row that is plainly sound and stands alone goes from its file to the store as numbers. The rows that were laid aside,
those whose fact stands twice, and weeks that are not plain go through the general path: the check and the fold in SQL,
which alone put rows aside. They go there with all rows of their fact or week, so the result is that of the general path.
"""

# ruff: noqa: S608  (the SQL is put together from declared names and quoted paths alone; no cell enters it)

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from riskmodel.sources.buckets import Buckets, Numbers, has_equal, in_order
from riskmodel.sources.coding import PLACE, Coded
from riskmodel.sources.distinct import ahead
from riskmodel.sources.history import StoredDelivery
from riskmodel.sources.storing import ROWS_PER_GROUP, StoreWriter
from riskmodel.sources.weeks import (
    Folded,
    Journal,
    ScatteredError,
    fold_weeks,
    key_of,
    week_key_of,
    week_of,
)
from riskmodel.tables.canonical import ATTENDANCE, LESSONS_PLANNED
from riskmodel.tables.checks import MISSED, Apart
from riskmodel.tables.fields import literal

Rows = dict[str, Numbers]

LESSONS_A_WEEK = 16
"""At least about so many lessons make a week: how many buckets the weeks want."""
MADE = -1
"""The place of a week that was made of attended lessons."""
FROM_CHECK = 0
MADE_WEEKS = "made_week"


@dataclass
class Large:
    """One large table on its way: sound rows as numbers in buckets, the others in a file for the check."""

    coded: Coded
    buckets: Buckets
    unsettled: _Unsettled
    folded_lessons: int = 0

    def apart(self) -> Apart:
        """Return what the check must know of the sound rows."""
        unsettled = self.unsettled.close()
        return Apart(
            self.coded.rows,
            self.coded.delivered,
            dict(self.coded.warned),
            frozenset(self.coded.filled),
            f"SELECT * FROM read_parquet({literal(str(unsettled))})" if unsettled else None,
        )

    def left(self) -> list[int]:
        """Return the files of which rows were laid aside."""
        return [number for number, _ in enumerate(self.coded.feeds) if self.coded.left_path(number).exists()]


class _Unsettled:
    """Sound rows that the general path must look at beside others, in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pq.ParquetWriter | None = None

    def add(self, rows: pa.Table) -> None:
        if not rows.num_rows:
            return
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, rows.schema)
        self._writer.write_table(rows)

    def close(self) -> Path | None:
        """Return the file, or None where no row came."""
        if self._writer is None:
            return None
        self._writer.close()
        return self._path


def open_large(coded: Coded, made: int = 0) -> Large:
    """Return a table with nothing read yet; about ``made`` rows will be made beside those delivered."""
    folder, name = coded.scratch, coded.table.name
    columns = (*coded.table.column_names, PLACE)
    buckets = Buckets(folder / f"{name}.rows", columns, len(coded.values["pupil_id"]), rows_delivered(coded) + made)
    return Large(coded, buckets, _Unsettled(folder / f"{name}.unsettled.parquet"))


def matrix(rows: Rows, columns: Sequence[str]) -> Numbers:
    """Return the numbers of rows as one array, a line a row."""
    lines = np.empty((len(rows[PLACE]), len(columns)), np.int32)
    for at, name in enumerate(columns):
        lines[:, at] = rows[name]
    return lines


def columns_of(lines: Numbers, columns: Sequence[str]) -> Rows:
    """Return the array of :func:`matrix` by column."""
    return {name: lines[:, at] for at, name in enumerate(columns)}


def read_plainly(large: Large, connection: duckdb.DuckDBPyConnection) -> None:
    """Read a table of which each fact stands for itself; facts that stand twice are left to the check."""
    for rows in large.coded.sound_rows(connection):
        large.buckets.add(matrix(rows, large.buckets.columns))
    for keys, _year, lines in large.buckets.parts():
        if not has_equal(lines, fact_places(large)):
            continue
        ordered, equal = in_order(lines, fact_places(large))
        repeated = equal.copy()
        repeated[:-1] |= equal[1:]
        large.unsettled.add(large.coded.with_places(columns_of(ordered[repeated], large.buckets.columns)))
        large.buckets.replace(keys, ordered[~repeated])


def fact_places(large: Large) -> list[int]:
    """Return where the key and the known-on date of a table stand among its numbers."""
    table = large.coded.table
    return [large.buckets.columns.index(name) for name in (*table.key, table.known)]


def short_weeks(planned: Large) -> tuple[Numbers, Numbers]:
    """Return the sorted keys of planned weeks with so few lessons that an absence might be longer, and their lessons.

    Weeks of which the check has still to say how many lessons were planned have -1 there.
    """
    keys, lessons = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    most = ATTENDANCE.column("lessons").high
    unsettled = planned.unsettled.close()
    parts: Iterable[Rows] = (columns_of(lines, planned.buckets.columns) for _, _, lines in planned.buckets.parts())
    for rows in parts:
        short = np.flatnonzero(rows["lessons"] < most)
        weeks = week_of(rows["happened_on"][short])
        keys.append(week_key_of(rows["pupil_id"][short], rows["school_id"][short], weeks))
        lessons.append(rows["lessons"][short])
    if unsettled:
        rows = planned.coded.numbered(pq.read_table(unsettled))
        keys.append(week_key_of(rows["pupil_id"], rows["school_id"], week_of(rows["happened_on"])))
        lessons.append(np.full(len(rows["lessons"]), -1))
    every, planned_lessons = np.concatenate(keys), np.concatenate(lessons)
    order = np.lexsort((planned_lessons, every))
    every, planned_lessons = every[order], planned_lessons[order]
    # Of several versions of a week the longest counts, unless one is unsettled.
    last = np.append(every[1:] != every[:-1], True) if len(every) else np.empty(0, bool)
    first = np.append(True, every[1:] != every[:-1]) if len(every) else last
    longest = np.where(planned_lessons[first] < 0, -1, planned_lessons[last])
    return every[last], longest


def short_weeks_sql(planned: Large, connection: duckdb.DuckDBPyConnection) -> str:
    """Return SQL for the short planned weeks among the sound rows, as the check of absences wants them."""
    found = []
    most = ATTENDANCE.column("lessons").high
    for _, _, lines in planned.buckets.parts():
        rows = columns_of(lines[lines[:, planned.buckets.columns.index("lessons")] < most], planned.buckets.columns)
        names = ("pupil_id", "school_id", "happened_on", "lessons")
        found.append(pa.table({name: _decoded(planned.coded.typed(name, rows[name])) for name in names}))
    if not found:
        return ""
    connection.register("short_weeks", pa.concat_tables(found))
    return "SELECT pupil_id, school_id, happened_on, lessons FROM short_weeks"


def _decoded(values: pa.Array) -> pa.Array:
    return values.dictionary_decode() if isinstance(values, pa.DictionaryArray) else values


def earlier_keys(coded: Coded, earlier: Sequence[StoredDelivery], connection: duckdb.DuckDBPyConnection) -> Numbers:
    """Return the sorted keys of the facts that earlier deliveries hold about the days of this one."""
    paths = [path for delivery in earlier if (path := delivery.table("attendance"))]
    days = coded.numbers_said("happened_on")
    if not paths or not len(days):
        return np.empty(0, np.int64)
    for name, values in (("pupil", coded.values["pupil_id"]), ("school", coded.values["school_id"])):
        connection.register(f"{name}_number", pa.table({"id": values, "number": np.arange(len(values))}))
    files = ", ".join(literal(str(path)) for path in paths)
    found = connection.execute(
        "SELECT pupil_number.number AS pupil_id, school_number.number AS school_id, "
        "date_diff('day', DATE '1970-01-01', happened_on) AS happened_on, lesson_number "
        f"FROM read_parquet([{files}]) rows LEFT JOIN pupil_alias ON pupil_alias.pupil_id = rows.pupil_id "
        "JOIN pupil_number ON pupil_number.id = coalesce(pupil_alias.of_pupil_id, rows.pupil_id) "
        "JOIN school_number ON school_number.id = rows.school_id "
        f"WHERE happened_on BETWEEN DATE '1970-01-01' + {int(days.min())} AND DATE '1970-01-01' + {int(days.max())}"
    ).fetchnumpy()
    return np.unique(key_of({name: np.asarray(values) for name, values in found.items()}))


def read_journal(attendance: Large, planned: Large, journal: Journal, connection: duckdb.DuckDBPyConnection) -> None:
    """Read the attendance: plain weeks are folded into ``planned``, absences kept, all other weeks left to the check."""
    coded, folder = attendance.coded, attendance.coded.scratch
    pupils, rows = len(coded.values["pupil_id"]), rows_delivered(coded)
    made = Buckets(folder / "weeks.rows", planned.buckets.columns, pupils, rows // LESSONS_A_WEEK)
    is_scattered = False
    with closing(ahead(coded.sound_rows(connection))) as parts:
        try:
            for folded in fold_weeks(parts, journal):
                _keep(folded, attendance, made)
        except ScatteredError:
            is_scattered = True
    if is_scattered:
        # The rows lie in another order: bring them into that of pupils and days first.
        _forget(attendance, folder)
        made = Buckets(folder / "weeks.again", planned.buckets.columns, pupils, rows // LESSONS_A_WEEK)
        every = Buckets(folder / "attendance.every", attendance.buckets.columns, pupils, rows, by_year=False)
        for part in coded.sound_rows(connection):
            every.add(matrix(part, every.columns))
        ordered = (in_order(lines, fact_places(attendance))[0] for _keys, _year, lines in every.parts())
        for folded in fold_weeks((columns_of(lines, every.columns) for lines in ordered), journal):
            _keep(folded, attendance, made)
    planned.buckets.add_all(made)


def rows_delivered(coded: Coded) -> int:
    """Return how many rows the files of a table hold."""
    return sum(feed.projection.sheet.rows for feed in coded.feeds if feed.projection.sheet)


def _forget(attendance: Large, folder: Path) -> None:
    coded = attendance.coded
    coded.rows, attendance.folded_lessons = 0, 0
    coded.warned, coded.filled = Counter(), set()
    attendance.unsettled = _Unsettled(folder / "attendance.unsettled-again.parquet")
    pupils, rows = len(coded.values["pupil_id"]), rows_delivered(coded)
    attendance.buckets = Buckets(folder / "attendance.again", attendance.buckets.columns, pupils, rows)


def _keep(folded: Folded, attendance: Large, made: Buckets) -> None:
    attendance.folded_lessons += folded.lessons
    attendance.buckets.add(matrix(folded.kept, attendance.buckets.columns))
    if len(folded.weeks["pupil_id"]):
        weeks = folded.weeks | {PLACE: np.full(len(folded.weeks["pupil_id"]), MADE, np.int32)}
        made.add(matrix(weeks, made.columns))
    if len(folded.handed_on[PLACE]):
        attendance.unsettled.add(attendance.coded.with_places(folded.handed_on))


def journal_of(
    attendance: Coded, planned: Large, earlier: Sequence[StoredDelivery], connection: duckdb.DuckDBPyConnection
) -> Journal:
    """Return what the fold must know."""
    codes = attendance.values["attendance_code"].to_pylist()
    keys, lessons = short_weeks(planned)
    return Journal(
        codes.index("present") if "present" in codes else -1,
        np.array([code in MISSED for code in codes], bool),
        earlier_keys(attendance, earlier, connection),
        keys,
        lessons,
    )


def settle(large: Large, connection: duckdb.DuckDBPyConnection) -> bool:
    """Add the rows that the general path settled; return whether there is a table to write.

    Planned weeks that nobody delivered and no attended lesson made are no table.
    """
    table = large.coded.table
    made = {row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if large.coded.feeds:
        _add(large, connection, f"checked.{table.name}", FROM_CHECK)
    if table is LESSONS_PLANNED and MADE_WEEKS in made:
        _add(large, connection, MADE_WEEKS, MADE)
    return bool(large.coded.feeds) or not large.buckets.is_empty


def _add(large: Large, connection: duckdb.DuckDBPyConnection, relation: str, place: int) -> None:
    names = ", ".join(large.coded.table.column_names)
    rows = connection.sql(f"SELECT {names} FROM {relation}")
    for batch in rows.to_arrow_reader(ROWS_PER_GROUP):
        numbers = large.coded.numbered(pa.Table.from_batches([batch]))
        large.buckets.add(matrix(numbers | {PLACE: np.full(batch.num_rows, place)}, large.buckets.columns))


def write_large(large: Large, path: Path) -> None:
    """Write a settled table in the order of the store."""
    with StoreWriter(path, large.coded.table) as writer:
        for rows in ahead(map(partial(_typed, large), _row_groups(large))):
            writer.write(rows)


def _typed(large: Large, lines: Numbers) -> pa.Table:
    rows = columns_of(lines, large.buckets.columns)
    names = large.coded.table.column_names
    return pa.table({name: large.coded.typed(name, np.ascontiguousarray(rows[name])) for name in names})


def _row_groups(large: Large) -> Iterator[Numbers]:
    kept: list[Numbers] = []
    year_kept = None
    for _keys, year, lines in large.buckets.parts():
        ordered, _ = in_order(lines, fact_places(large))
        if large.coded.table is LESSONS_PLANNED:
            ordered = _without_known_weeks(ordered, large)
        if kept and year != year_kept:
            yield np.concatenate(kept)
            kept = []
        year_kept = year
        kept.append(ordered)
        if sum(map(len, kept)) >= ROWS_PER_GROUP:
            whole = np.concatenate(kept)
            full = len(whole) // ROWS_PER_GROUP * ROWS_PER_GROUP
            yield from np.split(whole[:full], range(ROWS_PER_GROUP, full, ROWS_PER_GROUP))
            kept = [whole[full:]] if full < len(whole) else []
    if sum(map(len, kept)):
        yield np.concatenate(kept)


def _without_known_weeks(ordered: Numbers, large: Large) -> Numbers:
    """Leave out made weeks that the delivery plans itself."""
    made = ordered[:, large.buckets.columns.index(PLACE)] == MADE
    if not made.any() or made.all():
        return ordered
    key = ordered[:, [large.buckets.columns.index(name) for name in LESSONS_PLANNED.key]]
    starts = np.flatnonzero(np.append(True, (key[1:] != key[:-1]).any(axis=1)))
    is_planned = np.logical_or.reduceat(~made, starts)
    of_fact = np.repeat(is_planned, np.diff(np.append(starts, len(ordered))))
    left: Numbers = ordered[~(made & of_fact)]
    return left
