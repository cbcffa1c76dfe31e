"""How registers record what happened: all that stands between the world and its delivery.

Each distortion is a function from rows to rows that draws by the key of the row, so that the same rows come out in
whatever batches they went in, and switching one on changes nothing that it does not touch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from riskmodel.latvia import SchoolYear, school_year
from riskmodel.sources.synthetic import draws
from riskmodel.sources.synthetic.people import day_number
from riskmodel.sources.synthetic.planted import ExitCode, Recording, Silence, When
from riskmodel.sources.synthetic.truth import Flags

KEYS = {
    "enrolment": ("pupil_code", "school_id", "happened_on"),
    "attendance": ("pupil_code", "school_id", "happened_on", "lesson_number"),
    "lessons_planned": ("pupil_code", "school_id", "happened_on"),
    "mark": ("pupil_code", "school_id", "subject_code", "work_id", "happened_on"),
    "term_result": ("pupil_code", "school_id", "subject_code", "result_kind", "happened_on"),
    "economic_pupil": ("pupil_code", "indicator_code", "happened_on"),
    "capacity": ("school_id", "provider_code", "happened_on"),
    "support": ("pupil_code", "school_id", "measure_code", "happened_on"),
}
"""What tells the rows of a table apart, but for ``known_on``: a correction shares the fate of what it corrects."""

Confusion = Mapping[ExitCode, Mapping[ExitCode, float]]
"""True exit class: recorded exit class: chance; the rest is recorded as it is."""

MARK_TABLES = ("mark", "term_result")
SEMESTERS: tuple[Literal[1, 2], ...] = (1, 2)
LESSON_TABLES = ("attendance", "lessons_planned")
PASSING_POINTS = 4
INVENTED_PREFIX, PREFIX_WITH_ZEROS = "99", "00"
"""Numbers of invented schools begin with 99; those of some registers with zeros."""


@dataclass(frozen=True)
class Window:
    """Days from ``first`` on, before ``after`` (days since 1970)."""

    first: int
    after: int

    def holds(self, days: pa.ChunkedArray) -> Flags:
        """Return which of the days lie in the window."""
        number = np.asarray(days.cast(pa.int32()))
        inside: Flags = (number >= self.first) & (number < self.after)
        return inside


@dataclass
class Recorder:
    """The registers of a cohort: give each row to :meth:`record`; tell :meth:`meet` who the pupils are before."""

    sizes: Recording
    seed: int
    years: Sequence[SchoolYear]
    municipality: dict[str, str]
    """Municipality code of each school, by school id: all schools of the cohort."""
    _language: dict[str, pa.Array] = field(default_factory=dict)
    _pupils: tuple[pa.Array, pa.Array] | None = None

    def meet(self, pupil_code: pa.Array, first_language: pa.Array, school_id: pa.Array) -> None:
        """Take note of the pupils whose rows come next, in place of those before them, and of their schools."""
        self._pupils = (pupil_code, school_id)
        unfair = {*self.sizes.excused, *self.sizes.abroad_as_left}
        self._language = {name: pupil_code.filter(pc.equal(first_language, name)) for name in sorted(unfair)}

    def record(self, table: str, rows: pa.Table) -> pa.Table:
        """Return the rows as the registers hold and deliver them."""
        sizes = self.sizes
        rows = self._delivered(table, rows)
        if table == "attendance":
            rows = self._attendance(rows)
        if table == "mark" and sizes.passed_instead_of_points_from is not None:
            rows = with_passes(rows, self._from(sizes.passed_instead_of_points_from))
        if table == "enrolment":
            rows = self._exits(rows)
            if sizes.overlapping_transfer_share:
                days = sizes.overlapping_transfer_days
                rows = with_overlaps(rows, sizes.overlapping_transfer_share, days, self.seed)
        for late in sizes.late:
            if late.table == table:
                rows = made_late(rows, KEYS[table], late.share, late.days, self.seed)
        for twice in sizes.twice:
            if twice.table == table:
                rows = doubled(rows, KEYS[table], twice.share, self.seed)
        return self._ids(rows)

    def fates(self, rows: pa.Table) -> pa.Table:
        """Return, of stays that ended, how they did in truth and how the register says they did."""
        ended = rows.filter(rows["ends_on"].is_valid())
        recorded = _plain(self._exits(ended), "exit_class")
        names = ["pupil_code", "school_id", "happened_on", "ends_on", "exit_class"]
        return ended.select(names).append_column("recorded_class", recorded)

    def describe(self) -> dict[str, Any]:
        """Return which schools, municipalities and days the distortions fell on, for ``truth/planted.json``."""
        sizes = self.sizes
        since = {
            name: _day(self._from(when))
            for name in ("passed_instead_of_points_from", "absent_instead_of_unexcused_from")
            if (when := getattr(sizes, name)) is not None
        }
        lost = [self._window(sizes.absences_lost_in)] if sizes.absences_lost_in else []
        return {
            "silent": [
                {
                    "municipality_codes": self.silent_municipalities(place),
                    "tables": list(silence.tables),
                    "days": [[_day(window.first), _day(window.after)] for window in self._windows(silence)],
                }
                for place, silence in enumerate(sizes.silent)
            ],
            "silent_schools": [
                {"school_ids": schools, "days": [_day(window.first), _day(window.after)]}
                for window, schools in self._silent_schools
            ],
            "absences_only_schools": self.schools_chosen("absences_only", sizes.absences_only_school_share),
            "leading_zero_schools": self.schools_chosen("zeros", sizes.leading_zero_school_share),
            "absences_lost": [[_day(window.first), _day(window.after)] for window in lost],
        } | since

    def schools_chosen(self, purpose: str, share: float) -> list[str]:
        """Return the schools of a share, at least one if it is not zero; chosen by the hash of their id."""
        return _first(
            sorted(self.municipality), round(share * len(self.municipality)) or int(share > 0), purpose, self.seed
        )

    def silent_municipalities(self, place: int) -> list[str]:
        """Return the municipalities of the silence at this place of the list."""
        codes = sorted(set(self.municipality.values()))
        return _first(codes, self.sizes.silent[place].municipalities, f"silent_{place}", self.seed)

    # One table after the other

    def _delivered(self, table: str, rows: pa.Table) -> pa.Table:
        for place, silence in enumerate(self.sizes.silent):
            if table in silence.tables:
                codes = set(self.silent_municipalities(place))
                schools = [school for school, code in self.municipality.items() if code in codes]
                rows = without(rows, self._school_of(rows), schools, self._windows(silence))
        if table in LESSON_TABLES:
            here = set(pc.unique(rows["school_id"]).to_pylist())
            for window, schools in self._silent_schools:
                if here.intersection(schools):
                    rows = without(rows, self._school_of(rows), schools, [window])
        if table in MARK_TABLES and self.sizes.absences_only_school_share:
            everywhen = [Window(np.iinfo(np.int32).min, np.iinfo(np.int32).max)]
            chosen = self.schools_chosen("absences_only", self.sizes.absences_only_school_share)
            rows = without(rows, self._school_of(rows), chosen, everywhen)
        return rows

    def _attendance(self, rows: pa.Table) -> pa.Table:
        sizes = self.sizes
        if sizes.absences_lost_in is not None:
            window = self._window(sizes.absences_lost_in)
            rows = thinned(rows, KEYS["attendance"], window, sizes.absences_kept_share, self.seed)
        for language, share in sorted(sizes.excused.items()):
            rows = excused(rows, self._is_of(rows, language), share, self.seed)
        if sizes.absent_instead_of_unexcused_from is not None:
            rows = with_open_reasons(rows, self._from(sizes.absent_instead_of_unexcused_from))
        return rows

    def _exits(self, rows: pa.Table) -> pa.Table:
        rows = confused(rows, self.sizes.confusion, self.seed)
        for language, share in sorted(self.sizes.abroad_as_left.items()):
            rows = confused(rows, {"abroad": {"left": share}}, self.seed, self._is_of(rows, language))
        return rows

    def _ids(self, rows: pa.Table) -> pa.Table:
        sizes = self.sizes
        if sizes.leading_zero_school_share and "school_id" in rows.column_names:
            rows = with_zeros(rows, self.schools_chosen("zeros", sizes.leading_zero_school_share))
        if sizes.undashed_code_share and "pupil_code" in rows.column_names:
            rows = undashed(rows, sizes.undashed_code_share, self.seed)
        return rows

    def _school_of(self, rows: pa.Table) -> pa.Array | pa.ChunkedArray:
        """Return the school whose row it is; of rows without one, the pupil's."""
        if "school_id" in rows.column_names or self._pupils is None:
            return _plain(rows, "school_id")
        codes, schools = self._pupils
        return schools.take(pc.index_in(_plain(rows, "pupil_code"), value_set=codes).combine_chunks())

    def _is_of(self, rows: pa.Table, language: str) -> Flags:
        known = self._language.get(language, pa.array([], pa.string()))
        return np.asarray(pc.is_in(_plain(rows, "pupil_code"), value_set=known))

    @cached_property
    def _silent_schools(self) -> list[tuple[Window, list[str]]]:
        """The schools without attendance in each semester."""
        ids, share = sorted(self.municipality), self.sizes.silent_school_share
        found = []
        for back in range(len(self.years)):
            for semester in SEMESTERS:
                is_newest = back == 0 and semester == 1
                count = max(round(share * len(ids)), int(share > 0 and is_newest))
                number = self.years[-1].first_year - back
                schools = _first(ids, count, f"silent_{number}_{semester}", self.seed)
                if schools:
                    found.append((self._window(When(back, semester)), schools))
        return found

    # When

    def _window(self, when: When) -> Window:
        year = school_year(self.years[-1].first_year - when.years_back)
        monday = day_number(year.starts_on) - year.starts_on.weekday()
        second = day_number(year.semester_2_starts_on)
        following = school_year(year.first_year + 1).starts_on
        after = day_number(following) - following.weekday()
        return Window(monday, second) if when.semester == 1 else Window(second, after)

    def _windows(self, silence: Silence) -> list[Window]:
        return [self._window(when) for when in silence.semesters]

    def _from(self, when: When) -> int:
        return self._window(when).first


# The distortions


def without(
    rows: pa.Table, school_id: pa.Array | pa.ChunkedArray, schools: Sequence[str], windows: Sequence[Window]
) -> pa.Table:
    """Return the rows but those of these schools (``school_id`` of each row) in these windows (by ``happened_on``)."""
    is_in_window = np.zeros(rows.num_rows, dtype=bool)
    for window in windows:
        is_in_window |= window.holds(rows["happened_on"])
    is_silent = np.asarray(pc.is_in(school_id, value_set=pa.array(schools, pa.string())))
    return rows.filter(pa.array(~(is_in_window & is_silent)))


def thinned(rows: pa.Table, key: Sequence[str], window: Window, kept_share: float, seed: int) -> pa.Table:
    """Return the rows with only a share of those in the window; all versions of a row are kept or lost together."""
    is_kept = draws.uniform(seed, "thinned", *(rows[name] for name in key)) < kept_share
    return rows.filter(pa.array(is_kept | ~window.holds(rows["happened_on"])))


def excused(rows: pa.Table, is_of_group: Flags, share: float, seed: int) -> pa.Table:
    """Return absences in which a share of the group's days without excuse is recorded as excused."""
    chosen = draws.uniform(seed, "excused", rows["pupil_code"], rows["happened_on"]) < share
    code = _plain(rows, "attendance_code")
    is_open = np.asarray(pc.is_in(code, value_set=pa.array(["unexcused", "absent"])))
    return _changed(rows, "attendance_code", is_of_group & chosen & is_open, "excused")


def with_open_reasons(rows: pa.Table, first: int) -> pa.Table:
    """Return absences in which, from a day on, none is called unexcused: its reason is not entered."""
    is_unexcused = np.asarray(pc.equal(_plain(rows, "attendance_code"), "unexcused"))
    return _changed(rows, "attendance_code", is_unexcused & (_numbers(rows["happened_on"]) >= first), "absent")


def with_passes(rows: pa.Table, first: int) -> pa.Table:
    """Return marks in which, from a day on, daily work is passed or not passed and has no points."""
    is_points = np.asarray(pc.equal(_plain(rows, "mark_code"), "points"))
    is_daily = np.asarray(pc.equal(_plain(rows, "mark_kind"), "daily"))
    chosen = is_points & is_daily & (_numbers(rows["happened_on"]) >= first)
    is_enough = np.asarray(pc.fill_null(pc.greater_equal(rows["mark_points"], PASSING_POINTS), False))
    rows = _changed(rows, "mark_code", chosen & is_enough, "passed")
    rows = _changed(rows, "mark_code", chosen & ~is_enough, "not_passed")
    return _changed(rows, "mark_points", chosen, None)


def confused(rows: pa.Table, confusion: Confusion, seed: int, is_of_group: Flags | None = None) -> pa.Table:
    """Return stays whose exit class is recorded as another one, with the chances of the confusion.

    Both come from one draw per stay, so that the rows of a stay agree. ``is_of_group`` limits it to some rows.
    """
    true = _plain(rows, "exit_class")
    purpose = "confused" if is_of_group is None else "confused_of_group"
    draw = draws.uniform(seed, purpose, *(rows[name] for name in KEYS["enrolment"]))
    everyone = np.ones(rows.num_rows, dtype=bool) if is_of_group is None else is_of_group
    for was, chances in sorted(confusion.items()):
        is_it = everyone & np.asarray(pc.fill_null(pc.equal(true, was), False))
        low = 0.0
        for seen, chance in sorted(chances.items()):
            rows = _changed(rows, "exit_class", is_it & (draw >= low) & (draw < low + chance), seen)
            low += chance
    return rows


def with_overlaps(rows: pa.Table, share: float, most_days: int, seed: int) -> pa.Table:
    """Return stays in which a share of those ended by a transfer ends up to so many days later than it did."""
    key = [rows[name] for name in KEYS["enrolment"]]
    is_transfer = np.asarray(pc.fill_null(pc.equal(_plain(rows, "exit_class"), "transferred"), False))
    chosen = is_transfer & (draws.uniform(seed, "overlaps", *key) < share)
    days = 1 + (draws.uniform(seed, "overlap_days", *key) * most_days).astype(np.int64)
    shift = np.where(chosen, days, 0)
    ends_on = _later(rows["ends_on"], shift)
    known_on = pc.max_element_wise(rows["known_on"], pc.if_else(pa.array(chosen), ends_on, None))
    return _with(_with(rows, "ends_on", ends_on), "known_on", known_on)


def made_late(rows: pa.Table, key: Sequence[str], share: float, days: int, seed: int) -> pa.Table:
    """Return the rows, a share of them known so many days later; corrections stay behind what they correct."""
    is_late = draws.uniform(seed, "late", *(rows[name] for name in key)) < share
    return _with(rows, "known_on", _later(rows["known_on"], np.where(is_late, days, 0)))


def doubled(rows: pa.Table, key: Sequence[str], share: float, seed: int) -> pa.Table:
    """Return the rows with a share of them twice, the second right behind the first."""
    is_twice = draws.uniform(seed, "twice", *(rows[name] for name in key)) < share
    return rows.take(pa.array(np.repeat(np.arange(rows.num_rows), 1 + is_twice)))


def with_zeros(rows: pa.Table, schools: Sequence[str]) -> pa.Table:
    """Return the rows in which the numbers of these schools begin with zeros."""
    numbers = _plain(rows, "school_id")
    chosen = pc.is_in(numbers, value_set=pa.array(schools, pa.string()))
    zeros = pc.replace_substring_regex(numbers, f"^{INVENTED_PREFIX}", PREFIX_WITH_ZEROS)
    return _with(rows, "school_id", pc.if_else(chosen, zeros, numbers))


def undashed(rows: pa.Table, share: float, seed: int) -> pa.Table:
    """Return the rows in which the register ids of a share of the pupils have no hyphen."""
    code = _plain(rows, "pupil_code")
    chosen = pa.array(draws.uniform(seed, "undashed", code) < share)
    return _with(rows, "pupil_code", pc.if_else(chosen, pc.replace_substring(code, "-", ""), code))


# Columns


def _plain(rows: pa.Table, name: str) -> pa.ChunkedArray:
    column = rows[name]
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def _numbers(days: pa.ChunkedArray) -> Any:
    return np.asarray(days.cast(pa.int32()))


def _later(days: pa.ChunkedArray, shift: Any) -> pa.Array:
    moved = pc.add(days.cast(pa.int32()), pa.array(shift.astype(np.int32)))
    return moved.cast(pa.date32())


def _changed(rows: pa.Table, name: str, chosen: Flags, value: str | None) -> pa.Table:
    if not chosen.any():
        return rows
    column = _plain(rows, name)
    return _with(rows, name, pc.if_else(pa.array(chosen), pa.scalar(value, column.type), column))


def _with(rows: pa.Table, name: str, column: pa.Array) -> pa.Table:
    kind = rows.schema.field(name).type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_encode().cast(kind)
    return rows.set_column(rows.column_names.index(name), name, column)


def _first(names: list[str], count: int, purpose: str, seed: int) -> list[str]:
    draw = draws.uniform(seed, purpose, pa.array(names, pa.string()))
    return sorted(names[place] for place in np.argsort(draw, kind="stable")[:count])


def _day(number: int) -> str:
    return str(np.datetime64(number, "D"))
