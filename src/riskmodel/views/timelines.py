"""Pictures of a pupil's course of time: absences by week, marks by month, the band over the runs.

What is not known is a hatched gap and never a zero. The day up to which the model looked is marked at the right edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from babel.dates import format_date
from markupsafe import Markup

from riskmodel.messages import Language, message
from riskmodel.views import svg
from riskmodel.views.numbers import as_date, fixed, no_data, number, short_day
from riskmodel.views.svg import GRID, INK, MAIN, OTHER, QUIET, SMALL_SIZE, Sheet
from riskmodel.views.words import BANDS, words

WIDTH = 400.0
LEFT = 30.0
RIGHT = WIDTH - 8
TOP = 40.0
FOOT = 170.0
PALE = "#cfdbe4"
FEWEST_LESSONS_ON_AXIS = 5
LOWEST_MARK, HIGHEST_MARK = 1, 10
ROOM_FOR_WORDS = 60.0
ROOM_FOR_MONTH = 32.0
LANES = ("high", "medium", "low")
LANE_HEIGHT = 46.0
SMALL = {"font_size": str(SMALL_SIZE), "fill": QUIET}


@dataclass(frozen=True)
class Standing:
    """Where a pupil stood in one run: its cut-off date (ISO text), the band, the place; None where they did not stand."""

    cut_off_on: str
    band_code: str | None
    place: int | None


def absence_weeks(
    weeks: Sequence[str],
    unexcused: Sequence[int | None],
    excused: Sequence[int | None],
    cut_off_on: str,
    language: Language,
) -> Markup:
    """Return lessons missed by week as stacked bars: without an excuse below, excused above; a gap where not known.

    ``weeks`` are the Mondays (ISO texts), oldest first; the lessons of a week are None when it had no planned lessons
    or nothing was delivered.
    """
    title = message("Lessons missed by week").in_language(language)
    without, with_excuse = (
        message("without an excuse").in_language(language),
        message("excused").in_language(language),
    )
    missed = list(zip(weeks, unexcused, excused, strict=True))
    described = "; ".join(
        f"{short_day(week, language)}: {no_data(language)}"
        if bare is None and excusable is None
        else f"{short_day(week, language)}: {without} {number(bare, language)}, {with_excuse} {number(excusable, language)}"
        for week, bare, excusable in missed
    )
    sheet = Sheet(WIDTH, FOOT + 62, title, described or no_data(language), "absences")
    top = max([(bare or 0) + (excusable or 0) for _, bare, excusable in missed] + [FEWEST_LESSONS_ON_AXIS])
    highest = svg.round_top(top)
    up = svg.scale(0, highest + highest % 2, FOOT, TOP)  # half of it is a whole lesson
    step = (RIGHT - LEFT) / max(len(weeks), 1)
    _heights(sheet, up, [0, up.high / 2, up.high], language)
    _gaps(sheet, [bare is None and excusable is None for _, bare, excusable in missed], step, language)
    for place, (_, bare, excusable) in enumerate(missed):
        x, width = LEFT + place * step + 1.5, step - 3
        sheet.rectangle(x, up(bare or 0), width, FOOT - up(bare or 0), MAIN)
        if excusable:
            height = FOOT - up(excusable)
            sheet.rectangle(x, up(bare or 0) - height, width, height, PALE, stroke=OTHER, stroke_width="0.8")
    _months_below(sheet, weeks, step, language)
    _cut_off(sheet, cut_off_on, language)
    sheet.text(0, 14, "↑ " + message("lessons a week").in_language(language), fill=QUIET)
    _legend(sheet, without, with_excuse, message("no data or no lessons").in_language(language))
    return sheet.markup()


def mark_months(months: Sequence[str], means: Sequence[float | None], cut_off_on: str, language: Language) -> Markup:
    """Return the mean mark by month as a line that breaks where there are no marks; ``months`` are first days."""
    title = message("Mean mark by month").in_language(language)
    described = "; ".join(
        f"{_month(month, language)} {as_date(month).year}: {fixed(mean, language, 1)}"
        for month, mean in zip(months, means, strict=True)
    )
    sheet = Sheet(WIDTH, FOOT + 30, title, described or no_data(language), "marks")
    up = svg.scale(LOWEST_MARK, HIGHEST_MARK, FOOT, TOP)
    step = (RIGHT - LEFT) / max(len(months), 1)
    _heights(sheet, up, [1, 4, 7, 10], language)
    _gaps(sheet, [mean is None for mean in means], step, language)
    at = [None if mean is None else (LEFT + (place + 0.5) * step, up(mean), mean) for place, mean in enumerate(means)]
    for one, other in pairwise(at):
        if one and other:
            sheet.line(one[:2], other[:2], MAIN, stroke_width="2")
    for point in at:
        if point:
            x, y, mean = point
            sheet.dot(x, y, MAIN, 3.5)
            sheet.text(x, y - 8, fixed(mean, language, 1), anchor="middle", font_size=str(SMALL_SIZE))
    _months_below(sheet, months, step, language)
    _cut_off(sheet, cut_off_on, language)
    sheet.text(0, 14, "↑ " + message("mean mark (points)").in_language(language), fill=QUIET)
    return sheet.markup()


def band_steps(standings: Sequence[Standing], language: Language) -> Markup:
    """Return the band of one pupil over the runs that are known, oldest first, each with the place in the order."""
    title = message("Risk of the situation over the runs").in_language(language)
    not_there = message("was not on the list").in_language(language)

    def said(one: Standing) -> str:
        if one.band_code is None:
            return not_there
        band = words(BANDS, one.band_code, language)
        return f"{band}, {_place(one.place, language)}" if one.place is not None else band

    described = "; ".join(f"{short_day(one.cut_off_on, language)}: {said(one)}" for one in standings)
    foot = TOP + LANE_HEIGHT * len(LANES)
    sheet = Sheet(WIDTH, foot + 10, title, described or no_data(language), "bands")
    left = 76.0
    step = (RIGHT - left) / max(len(standings), 1)
    middle = {code: TOP + LANE_HEIGHT * (lane + 0.5) for lane, code in enumerate(LANES)}
    for lane, code in enumerate(LANES):
        sheet.rectangle(left, TOP + lane * LANE_HEIGHT + 1, RIGHT - left, LANE_HEIGHT - 2, "#f4f7f9")
        sheet.text(left - 10, middle[code] + 4, words(BANDS, code, language), anchor="end", fill=QUIET)
    known = [
        (left + (place + 0.5) * step, middle[one.band_code])
        for place, one in enumerate(standings)
        if one.band_code in middle
    ]
    sheet.path(known, OTHER, stroke_width="2", stroke_dasharray="4 4")
    for place, one in enumerate(standings):
        x = left + (place + 0.5) * step
        sheet.text(x, 22, short_day(one.cut_off_on, language), anchor="middle", fill=QUIET)
        if one.band_code not in middle:
            sheet.hatched(x - step / 2 + 4, TOP + 1, step - 8, foot - TOP - 2)
            sheet.text(x, (TOP + foot) / 2, not_there, anchor="middle")
            continue
        y = middle[one.band_code]
        sheet.dot(x, y, MAIN if place == len(standings) - 1 else OTHER, 6)
        if one.place is not None:
            is_last = place == len(standings) - 1
            comes_from_below = any(other > y for _, other in known)
            sheet.text(
                x,
                y - 10 if comes_from_below else y + 19,
                _place(one.place, language),
                anchor="middle",
                fill=INK if is_last else QUIET,
            )
    return sheet.markup()


def _legend(sheet: Sheet, without: str, with_excuse: str, unknown: str) -> None:
    y, x = FOOT + 50, LEFT
    for place, said in enumerate((without, with_excuse, unknown)):
        if place == 0:
            sheet.rectangle(x, y - 10, 11, 11, MAIN)
        elif place == 1:
            sheet.rectangle(x, y - 10, 11, 11, PALE, stroke=OTHER, stroke_width="0.8")
        else:
            sheet.hatched(x, y - 10, 11, 11)
        sheet.text(x + 16, y, said, **SMALL)
        x += 16 + len(said) * SMALL_SIZE * svg.MEAN_LETTER_WIDTH + 14


def _place(place: int | None, language: Language) -> str:
    return message("number {place}", place=place).in_language(language)


def _heights(sheet: Sheet, up: svg.Scale, values: Sequence[float], language: Language) -> None:
    for value in values:
        sheet.line((LEFT, up(value)), (RIGHT, up(value)), GRID)
        sheet.text(LEFT - 5, up(value) + 4, number(value, language, 1), anchor="end", **SMALL)


def _gaps(sheet: Sheet, unknown: Sequence[bool], step: float, language: Language) -> None:
    """Hatch the spans of which nothing is known; a wide one says so in words, too."""
    for is_unknown, span in groupby(range(len(unknown)), key=unknown.__getitem__):
        places = list(span)
        if not is_unknown:
            continue
        x, width = LEFT + places[0] * step, step * len(places)
        sheet.hatched(x, TOP, width, FOOT - TOP)
        if width >= ROOM_FOR_WORDS:
            sheet.rectangle(x + width / 2 - 30, (TOP + FOOT) / 2 - 12, 60, 18, "#f4f6f8")
            sheet.text(x + width / 2, (TOP + FOOT) / 2 + 2, no_data(language), anchor="middle", **SMALL)


def _months_below(sheet: Sheet, days: Sequence[str], step: float, language: Language) -> None:
    """Write the name of each month below its first day; one without room before the next is left out."""
    months = [as_date(day).month for day in days]
    starts = [place for place, month in enumerate(months) if place == 0 or month != months[place - 1]]
    is_one_each = len(starts) == len(days)
    for start, following in zip(starts, [*starts[1:], len(days)], strict=True):
        if (following - start) * step < ROOM_FOR_MONTH:
            continue
        x = LEFT + (start + (0.5 if is_one_each else 0)) * step
        anchor = "middle" if is_one_each else "start"
        sheet.text(x, FOOT + 17, _month(days[start], language), anchor=anchor, **SMALL)
        sheet.line((x, FOOT), (x, FOOT + 4), OTHER)


def _month(day: str, language: Language) -> str:
    return str(format_date(as_date(day), "LLL", locale=language)).rstrip(".")


def _cut_off(sheet: Sheet, cut_off_on: str, language: Language) -> None:
    sheet.line((RIGHT, TOP - 14), (RIGHT, FOOT + 4), INK, stroke_dasharray="3 3")
    said = message("cut-off date {day}", day=short_day(cut_off_on, language)).in_language(language)
    sheet.text(RIGHT, TOP - 20, said, anchor="end", **SMALL)
