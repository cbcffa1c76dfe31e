"""School life of the synthetic cohort in one semester: lessons planned, lessons missed, marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from riskmodel.latvia import DAYS_OF_WEEK, remote_periods
from riskmodel.sources.synthetic.people import day_number
from riskmodel.sources.synthetic.truth import (
    FIRST_GRADE,
    FIRST_VET_INDEX,
    RECENT_DAYS,
    STAGE_COUNT,
    Flags,
    Floats,
    Integers,
)

LESSONS_A_WEEK = (28, 28, 29, 30, 31, 31, 31, 31, 36, 36, 36, 36)
"""By stage; general schools 28 to 36, vocational ones 36 to 40 [assumed]."""
MOST_LESSONS_A_DAY = 9

UNEXCUSED_LOG_MEAN = (*(-1.68,) * 5, *(-1.52,) * 3, *(-0.17,) * 4)
UNEXCUSED_LOG_SD = 1.58
"""Lessons missed without excuse in semester 1, by stage, log-normal over the pupils: about a fifth has at least one,
and more than 20 have .27 % in basic, .30 % in upper secondary and 3.2 % in vocational education (reports of the
education quality service)."""
MOST_UNEXCUSED = 450.0
SPRING_FACTOR = 1.3
WHOLE_DAY_SHARE = 0.5
"""Of unexcused lessons, those of days on which the pupil does not come at all or goes early."""
WEEKDAY_FACTORS = np.array([1.25, 0.9, 0.85, 0.9, 1.1])
EDGE_LESSON_FACTOR = 1.4

ILLNESS_STARTS_A_DAY = 0.01
ILLNESS_DAYS = (1, 8)
ILLNESS_WAVES = ((11, 12, 1.0), (2, 10, 1.4))
"""Waves of illness: month and day of the peak, and its height; each is about six weeks wide."""
SINGLE_EXCUSED_SHARE = 0.003
REMOTE_EXCUSED_FACTOR = 0.55
REMOTE_UNEXCUSED_FACTOR = 1.3
REMOTE_NOT_RECORDED_SHARE = 0.2
"""While learning is remote, fewer are too ill to take part, more stay away without excuse, and of all lessons missed
a part is not recorded: together about half of the usual absences, and more of these unexcused [assumed]."""
LATE_A_SEMESTER = 0.3
LATE_AFTER_TRUANCY_SHARE = 0.8
"""Late first lessons of a semester as they come by chance; and of those who come back after lessons missed without
excuse, the share that is late for the next one. So being late goes with truancy, about once a semester [assumed]."""

SLOW_NOTE_SHARE = 0.15
SLOW_NOTE_UNEXCUSED_SHARE = 0.25
"""Illness whose note comes weeks later: until then the register says 'absent', or even 'unexcused'."""
LATER_EXCUSED_SHARE = 0.10
"""Of unexcused lessons, those that are excused one to four weeks later."""

ENTERED_AFTER_DAYS = np.repeat(np.arange(4), (230, 13, 8, 5))
"""Days until a lesson is entered, for each of 256 equally likely draws: nine in ten on the day itself."""

Lessons = npt.NDArray[np.int8]

CODES = ("unexcused", "excused", "absent", "late", "present")
UNEXCUSED, EXCUSED, ABSENT, LATE, PRESENT = range(5)

SUBJECTS_OF = {
    "younger": (
        *("Latviešu valoda", "Matemātika", "Angļu valoda", "Dabaszinības", "Sociālās zinības un vēsture"),
        *("Datorika", "Dizains un tehnoloģijas", "Sports un veselība"),
    ),
    "older": (
        *("Latviešu valoda", "Matemātika", "Angļu valoda", "Bioloģija", "Fizika", "Ķīmija", "Vēsture"),
        "Sports un veselība",
    ),
    "vet": (
        *("Latviešu valoda", "Matemātika", "Angļu valoda", "Datorika", "Sociālās zinības"),
        *("Profesionālie mācību priekšmeti", "Praktiskās mācības", "Sports un veselība"),
    ),
}
SUBJECTS = tuple(dict.fromkeys(name for names in SUBJECTS_OF.values() for name in names))
SUBJECTS_BY_STAGE = np.array(
    [
        [SUBJECTS.index(name) for name in SUBJECTS_OF["younger" if stage < 2 else "older" if stage < 8 else "vet"]]
        for stage in range(STAGE_COUNT)
    ]
)
SUBJECT_DIFFICULTY = {"Matemātika": -0.6, "Fizika": -0.4, "Ķīmija": -0.3, "Sports un veselība": 1.2} | {
    "Praktiskās mācības": 0.6
}
MARKS_A_SEMESTER = 3
MEAN_POINTS, MARK_SD = 6.7, 1.2
NV_SHARE = 0.02
NV_MADE_UP_SHARE = 0.5
"""Of works without assessment, those done later: their points are known days or weeks after."""
INSUFFICIENT_BELOW = 3.5
"""A mean below this rounds to an insufficient result (1 to 3 points)."""


@dataclass(frozen=True)
class Semester:
    """A semester: its school days (days since 1970), and which of the two it is."""

    number: int
    days: Integers
    peaks: tuple[tuple[int, float], ...]
    is_remote: Flags
    """Stages × days: learning from home."""

    @classmethod
    def of(cls, number: int, days: Sequence[date]) -> Semester:
        """Return the semester with these school days."""
        year = days[0].year
        peaks = tuple((day_number(date(year, month, day)), height) for month, day, height in ILLNESS_WAVES)
        return cls(number, np.array([day_number(day) for day in days], dtype=np.int64), peaks, _remote(days))

    @property
    def weekday(self) -> Integers:
        """Monday 0 to Friday 4, by day."""
        return (self.days + 3) % DAYS_OF_WEEK  # 1 January 1970 was a Thursday

    @property
    def monday(self) -> Integers:
        """The Monday of the week, by day."""
        return self.days - self.weekday


def _remote(days: Sequence[date]) -> Flags:
    stage = np.arange(STAGE_COUNT)
    is_vet = stage >= FIRST_VET_INDEX
    remote = np.zeros((STAGE_COUNT, len(days)), dtype=bool)
    for period in remote_periods():
        graded = (stage + FIRST_GRADE >= period.first_grade) & (stage + FIRST_GRADE <= period.last_grade)
        inside = np.array([period.first_day <= day <= period.last_day for day in days])
        remote |= np.where(is_vet, period.is_vet, graded)[:, None] & inside[None, :]
    return remote


@dataclass(frozen=True)
class Members:
    """Pupils of a semester: what their lessons depend on (aligned arrays)."""

    pupil: Integers
    school: Integers
    stage: Integers
    detachment: Floats
    """This year's, standard normal or so."""
    change: Floats
    """How it changes within the semester."""
    ability: Floats
    frailty: Floats
    last_day: Integers
    """The last day in school; ``NEVER`` for those who stay."""
    signs_factor: Floats
    """Unexcused absence in the eight weeks before the last day, as a multiple of the usual."""

    def __len__(self) -> int:
        return len(self.pupil)

    def part(self, place: Integers) -> Members:
        """Return the members at these places."""
        return Members(*(getattr(self, name)[place] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Planned:
    """Lessons planned: ``lessons`` has one row per pupil and week, five columns for the weekdays."""

    member: Integers
    monday: Integers
    lessons: Integers


@dataclass(frozen=True)
class Missed:
    """Lessons missed or late, one entry per version of the register's row.

    ``code`` counts in :data:`CODES`; ``lesson`` from 1; ``version`` 0 is the first entry, 1 its correction.
    """

    member: Integers
    day: Integers
    lesson: Integers
    subject: Integers
    code: Integers
    known_on: Integers
    version: Integers


@dataclass(frozen=True)
class Marks:
    """Marks, one entry per version; ``points`` 0 means no assessment (nv)."""

    member: Integers
    subject: Integers
    work: Integers
    day: Integers
    points: Integers
    known_on: Integers
    version: Integers
    mean_points: Floats
    """Members × subjects of the stage: mean over the semester, NaN without a mark."""


def timetable(rng: np.random.Generator, schools: int) -> Integers:
    """Return the lessons of each weekday, by school, stage and weekday; irregular, as timetables are."""
    base = np.array([np.diff(np.arange(6) * week // 5) for week in LESSONS_A_WEEK])
    table = np.broadcast_to(base, (schools, STAGE_COUNT, 5)).copy()
    moved_from, moved_to = rng.integers(0, 5, (2, schools, STAGE_COUNT))
    rows = np.indices((schools, STAGE_COUNT))
    np.subtract.at(table, (rows[0], rows[1], moved_from), 1)
    np.add.at(table, (rows[0], rows[1], moved_to), 1)
    return table.astype(np.int64)


def planned_lessons(members: Members, semester: Semester, table: Integers) -> Planned:
    """Return the lessons planned for each pupil and week, up to the last day in school."""
    mondays, week = np.unique(semester.monday, return_inverse=True)
    by_day = table[members.school[:, None], members.stage[:, None], semester.weekday[None, :]]
    by_day = by_day * (semester.days[None, :] <= members.last_day[:, None])
    by_week = np.zeros((len(members), len(mondays), 5), dtype=np.int64)
    by_week[:, week, semester.weekday] = by_day
    member, place = np.nonzero(by_week.sum(axis=2))
    return Planned(member, mondays[place], by_week[member, place])


NOT_PLANNED, ATTENDED = -2, -1


def lesson_codes(rng: np.random.Generator, members: Members, semester: Semester, table: Integers) -> Lessons:
    """Return what became of every lesson: members × days × lessons, a place in :data:`CODES` or one of the above."""
    on_day = table[members.school[:, None], members.stage[:, None], semester.weekday[None, :]]
    on_day = on_day * (semester.days[None, :] <= members.last_day[:, None])
    is_planned = np.arange(MOST_LESSONS_A_DAY)[None, None, :] < on_day[:, :, None]
    is_remote = semester.is_remote[members.stage]
    is_ill = _illness(rng, members, semester, is_remote)
    single = np.where(is_remote, REMOTE_EXCUSED_FACTOR * SINGLE_EXCUSED_SHARE, SINGLE_EXCUSED_SHARE)
    is_single = rng.random(is_planned.shape, dtype=np.float32) < single.astype(np.float32)[:, :, None]
    is_truant = _truancy(rng, members, semester, on_day, is_remote)
    late_chance = np.minimum(LATE_A_SEMESTER / len(semester.days) * np.exp(0.6 * members.detachment), 0.3)
    is_late = rng.random(is_ill.shape) < late_chance[:, None]

    code = np.full(is_planned.shape, ATTENDED, dtype=np.int8)
    code[:, :, 0][is_late] = LATE
    code[is_single] = EXCUSED
    code[is_truant] = UNEXCUSED
    code[np.broadcast_to(is_ill[:, :, None], code.shape)] = EXCUSED
    if is_remote.any():
        is_unseen = rng.random(code.shape, dtype=np.float32) < REMOTE_NOT_RECORDED_SHARE
        code[is_unseen & is_remote[:, :, None]] = ATTENDED
    is_back = _follows_truancy(code, on_day) & (code == ATTENDED) & is_planned
    code[is_back] = np.where(rng.random(np.count_nonzero(is_back)) < LATE_AFTER_TRUANCY_SHARE, LATE, ATTENDED)
    code[~is_planned] = NOT_PLANNED
    return code


def _follows_truancy(code: Lessons, on_day: Integers) -> Flags:
    """Members × days × lessons: the lesson before it, of the same day or the school day before, was missed without excuse."""
    is_missed: Flags = code == UNEXCUSED
    last = np.maximum(on_day - 1, 0)[:, :, None]
    follows = np.zeros_like(is_missed)
    follows[:, :, 1:] = is_missed[:, :, :-1]
    follows[:, 1:, 0] = np.take_along_axis(is_missed, last, axis=2)[:, :-1, 0]
    return follows


def missed_lessons(rng: np.random.Generator, members: Members, semester: Semester, code: Lessons) -> Missed:
    """Return the lessons missed or late, with corrections that came later as entries of their own."""
    member, place, lesson = np.nonzero(code >= 0)
    return _entries(rng, members, semester, (member, place, lesson), code[member, place, lesson].astype(np.int64))


def attended_lessons(rng: np.random.Generator, members: Members, semester: Semester, code: Lessons) -> Missed:
    """Return the other lessons that were planned, each entered as attended."""
    member, place, lesson = np.nonzero(code == ATTENDED)
    day = semester.days[place]
    late = ENTERED_AFTER_DAYS[rng.integers(0, len(ENTERED_AFTER_DAYS), len(member), dtype=np.uint8)]
    return Missed(
        member=member,
        day=day,
        lesson=lesson + 1,
        subject=_subject(members, semester, member, place, lesson),
        code=np.full(len(member), PRESENT),
        known_on=day + late,
        version=np.zeros(len(member), dtype=np.int64),
    )


def _subject(members: Members, semester: Semester, member: Integers, place: Integers, lesson: Integers) -> Integers:
    turn = (lesson + 3 * semester.weekday[place] + members.school[member]) % SUBJECTS_BY_STAGE.shape[1]
    subject: Integers = SUBJECTS_BY_STAGE[members.stage[member], turn]
    return subject


def _illness(rng: np.random.Generator, members: Members, semester: Semester, is_remote: Flags) -> Flags:
    """Members × days: ill. Spells of one to seven school days, more often in the waves."""
    wave = np.ones(len(semester.days))
    for peak, height in semester.peaks:
        wave += height * np.exp(-(((semester.days - peak) / 14.0) ** 2))
    shape = (len(members), len(semester.days))
    usual = ILLNESS_STARTS_A_DAY * members.frailty[:, None] * wave[None, :]
    starts = rng.random(shape) < np.where(is_remote, REMOTE_EXCUSED_FACTOR * usual, usual)
    member, first = np.nonzero(starts)
    last = np.minimum(first + rng.integers(*ILLNESS_DAYS, len(first)), shape[1])
    steps = np.zeros((shape[0], shape[1] + 1), dtype=np.int64)
    np.add.at(steps, (member, first), 1)
    np.subtract.at(steps, (member, last), 1)
    ill: Flags = np.cumsum(steps, axis=1)[:, :-1] > 0
    return ill


def _truancy(
    rng: np.random.Generator, members: Members, semester: Semester, on_day: Integers, is_remote: Flags
) -> Flags:
    """Members × days × lessons: missed without excuse."""
    log_mean = np.array(UNEXCUSED_LOG_MEAN)[members.stage]
    expected = np.minimum(np.exp(log_mean + UNEXCUSED_LOG_SD * members.detachment), MOST_UNEXCUSED)
    expected = expected * (SPRING_FACTOR if semester.number == 2 else 1.0)
    passed = np.linspace(-1.0, 1.0, len(semester.days))
    profile = np.exp(0.5 * members.change[:, None] * passed[None, :]) * WEEKDAY_FACTORS[semester.weekday][None, :]
    before_leaving = members.last_day[:, None] - semester.days[None, :]
    profile *= np.where(is_remote, REMOTE_UNEXCUSED_FACTOR, 1.0)
    profile *= np.where(before_leaving < RECENT_DAYS, members.signs_factor[:, None], 1.0)
    lessons = np.maximum(on_day.sum(axis=1), 1)
    chance = expected[:, None] / lessons[:, None] * profile

    by_lesson = np.broadcast_to(1.0, (MOST_LESSONS_A_DAY,)).copy()
    by_lesson[[0, 6, 7, 8]] = EDGE_LESSON_FACTOR
    single = np.minimum((1 - WHOLE_DAY_SHARE) * chance, 0.6).astype(np.float32)
    draws = rng.random((*on_day.shape, MOST_LESSONS_A_DAY), dtype=np.float32)
    is_truant: Flags = draws < single[:, :, None] * by_lesson.astype(np.float32)[None, None, :]
    # Half of the whole days begin with the first lesson, the others after some of them: about two thirds are missed.
    goes = rng.random(on_day.shape) < np.minimum(WHOLE_DAY_SHARE * chance * 1.5, 0.8)
    from_lesson = np.maximum(rng.integers(-4, 5, on_day.shape), 0)
    is_truant |= goes[:, :, None] & (np.arange(MOST_LESSONS_A_DAY)[None, None, :] >= from_lesson[:, :, None])
    return is_truant


def _entries(
    rng: np.random.Generator,
    members: Members,
    semester: Semester,
    cell: tuple[Integers, Integers, Integers],
    code: Integers,
) -> Missed:
    member, place, lesson = cell
    day = semester.days[place]
    week = place // 5
    # Notes come by week and pupil, not by lesson.
    weeks = int(week.max(initial=0)) + 1
    is_slow = (rng.random((len(members), weeks)) < SLOW_NOTE_SHARE)[member, week]
    is_taken_for_truancy = (rng.random((len(members), weeks)) < SLOW_NOTE_UNEXCUSED_SHARE)[member, week]
    is_excused_later = (rng.random((len(members), weeks)) < LATER_EXCUSED_SHARE)[member, week]
    delay = rng.integers(7, 29, (len(members), weeks))[member, week]
    entered_late = ENTERED_AFTER_DAYS[rng.integers(0, len(ENTERED_AFTER_DAYS), len(member))]
    first_code = np.where((code == EXCUSED) & is_slow, np.where(is_taken_for_truancy, UNEXCUSED, ABSENT), code)
    is_corrected = (code == EXCUSED) & is_slow | (code == UNEXCUSED) & is_excused_later
    subject = _subject(members, semester, member, place, lesson)
    corrected = np.flatnonzero(is_corrected)
    both = np.concatenate([np.arange(len(member)), corrected])
    version = np.concatenate([np.zeros(len(member), dtype=np.int64), np.ones(len(corrected), dtype=np.int64)])
    entries = Missed(
        member=member[both],
        day=day[both],
        lesson=lesson[both] + 1,
        subject=subject[both],
        code=np.where(version == 1, EXCUSED, first_code[both]),
        known_on=np.where(version == 1, (day + delay)[both], (day + entered_late)[both]),
        version=version,
    )
    return _sorted(entries)


def _sorted(entries: Missed) -> Missed:
    order = np.lexsort((entries.version, entries.lesson, entries.day, entries.member))
    return Missed(*(getattr(entries, name)[order] for name in entries.__dataclass_fields__))


def lessons_known(missed: Missed, members: int, code: int, known_on: int, days: tuple[int, int]) -> Integers:
    """Return the lessons of each member that the register, on a day, shows with ``code`` in (first, last]."""
    first, last = days
    is_known = (missed.known_on <= known_on) & (missed.day > first) & (missed.day <= last)
    # A known correction takes the place of the entry just before it (sorted by lesson and version).
    is_replaced = np.zeros(len(missed.day), dtype=bool)
    is_replaced[:-1] = (missed.version[1:] == 1) & is_known[1:]
    counts: Integers = np.bincount(missed.member[is_known & ~is_replaced & (missed.code == code)], minlength=members)
    return counts


def marks_given(rng: np.random.Generator, members: Members, semester: Semester) -> Marks:
    """Return the marks of a semester: some works have no assessment (nv), half of these are made up for later."""
    subjects = SUBJECTS_BY_STAGE[members.stage]
    shape = (*subjects.shape, MARKS_A_SEMESTER)
    difficulty = np.array([SUBJECT_DIFFICULTY.get(name, 0.0) for name in SUBJECTS])[subjects]
    level = MEAN_POINTS + 1.1 * members.ability - 0.35 * members.detachment
    liking = rng.normal(0.0, 0.6, subjects.shape)
    exact = (level[:, None] + difficulty + liking)[:, :, None] + rng.normal(0.0, MARK_SD, shape)
    points = np.clip(np.round(exact), 1, 10).astype(np.int64)
    # One mark in each third of the semester.
    third = len(semester.days) // MARKS_A_SEMESTER
    place = rng.integers(0, third, shape) + third * np.arange(MARKS_A_SEMESTER)[None, None, :]
    day = semester.days[place]
    known_on = day + rng.integers(0, 6, shape)
    is_nv = rng.random(shape) < np.minimum(NV_SHARE * np.exp(0.7 * members.detachment), 0.5)[:, None, None]
    is_made_up = is_nv & (rng.random(shape) < NV_MADE_UP_SHARE)
    made_up_on = known_on + rng.integers(5, 22, shape)
    in_school = day <= members.last_day[:, None, None]

    first = np.nonzero(in_school)
    later = np.nonzero(in_school & is_made_up & (made_up_on <= members.last_day[:, None, None]))
    cell = tuple(np.concatenate([one, other]) for one, other in zip(first, later, strict=True))
    version = np.repeat(np.array([0, 1]), [len(first[0]), len(later[0])])
    shown = np.where((version == 0) & is_nv[cell], 0, points[cell])
    order = np.lexsort((version, cell[2], cell[1], cell[0]))
    counted = in_school & (~is_nv | is_made_up)
    total = np.where(counted, points, 0).sum(axis=2)
    number = counted.sum(axis=2)
    return Marks(
        member=cell[0][order],
        subject=subjects[cell[0], cell[1]][order],
        work=cell[2][order] + 1,
        day=day[cell][order],
        points=shown[order],
        known_on=np.where(version == 1, made_up_on[cell], known_on[cell])[order],
        version=version[order],
        mean_points=np.divide(total, number, out=np.full(total.shape, np.nan), where=number > 0),
    )


def insufficient_subjects(marks: Marks, members: int, known_on: int) -> Integers:
    """Return in how many subjects the mean of the marks known on a day is insufficient (or all are missing)."""
    is_known = marks.known_on <= known_on
    is_replaced = np.zeros(len(marks.day), dtype=bool)
    is_replaced[:-1] = (marks.version[1:] == 1) & is_known[1:]
    counts = is_known & ~is_replaced
    cell = marks.member * len(SUBJECTS) + marks.subject
    cells = members * len(SUBJECTS)
    works = np.bincount(cell[counts], minlength=cells)
    marked = np.bincount(cell[counts & (marks.points > 0)], minlength=cells)
    total = np.bincount(cell[counts], weights=marks.points[counts], minlength=cells)
    is_insufficient = (works > 0) & (total < INSUFFICIENT_BELOW * marked) | (works > 0) & (marked == 0)
    subjects: Integers = is_insufficient.reshape(members, len(SUBJECTS)).sum(axis=1)
    return subjects
