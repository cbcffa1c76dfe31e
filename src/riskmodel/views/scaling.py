"""The picture of cost against size: both axes logarithmic, so that "twice the pupils, twice the time" is a straight line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from riskmodel.messages import Language, Message, message
from riskmodel.views import svg
from riskmodel.views.figures import DASHES, MARGIN, RIGHT, WIDTH
from riskmodel.views.numbers import no_data, number
from riskmodel.views.svg import GRID, MAIN, OTHER, QUIET, Sheet

Points = Sequence[tuple[float, float]]
FOOT, TOP = 330.0, 30.0


def cost_curve(lines: Mapping[str, Points], title: Message, unit: Message, language: Language) -> Markup:
    """Return a picture of what each part costs against the number of pupils.

    Parameters
    ----------
    lines
        For each part its points (pupils, cost), both above zero; the first line stands out. A dashed line through the
        first part's smallest size shows what would grow exactly with the number of pupils.
    unit
        What is counted upwards, e.g. CPU seconds.
    """
    known = {name: sorted(point for point in points if min(point) > 0) for name, points in lines.items()}
    known = {name: points for name, points in known.items() if points}
    description = "; ".join(
        f"{name}: " + ", ".join(f"{number(size, language)} → {number(cost, language, 1)}" for size, cost in points)
        for name, points in known.items()
    )
    sheet = Sheet(
        WIDTH, 384 + 20 * (len(known) + 1), title.in_language(language), description or no_data(language), "scaling"
    )
    every = [point for points in known.values() for point in points]
    if not every:
        sheet.text(WIDTH / 2, 180, no_data(language), anchor="middle", fill=QUIET)
        return sheet.markup()
    across = _Logarithmic([size for size, _ in every], MARGIN, RIGHT)
    up = _Logarithmic([cost for _, cost in every], FOOT, TOP)
    _axes(sheet, across, up, language)
    sheet.text(0, 14, "↑ " + unit.in_language(language), fill=QUIET)
    pupils = message("number of pupils").in_language(language)
    sheet.text((MARGIN + RIGHT) / 2, 368, pupils, anchor="middle", fill=QUIET)
    _legend_and_lines(sheet, known, across, up, language)
    return sheet.markup()


def _legend_and_lines(
    sheet: Sheet, known: Mapping[str, Points], across: _Logarithmic, up: _Logarithmic, language: Language
) -> None:
    (smallest, cost), *_ = next(iter(known.values()))
    largest = max(size for points in known.values() for size, _ in points)
    straight = [(smallest, cost), (largest, cost * largest / smallest)]
    styles = [{"stroke_width": "2.5"}]
    styles += [{"stroke_width": "1.5", "stroke_dasharray": DASHES[place % len(DASHES)]} for place in range(len(known))]
    y = 396.0
    for place, (name, points) in enumerate(known.items()):
        colour = OTHER if place else MAIN
        sheet.path([(across(size), up(cost)) for size, cost in points], colour, **styles[place])
        for size, cost in points:
            sheet.dot(across(size), up(cost), colour, radius=3)
        sheet.line((0, y - 4), (34, y - 4), colour, **styles[place])
        sheet.text(42, y, name)
        y += 20
    reference = {"stroke_width": "1", "stroke_dasharray": "1 4"}
    sheet.path([(across(size), up(cost)) for size, cost in straight], QUIET, **reference)
    sheet.line((0, y - 4), (34, y - 4), QUIET, **reference)
    sheet.text(42, y, message("in proportion to the number of pupils").in_language(language), fill=QUIET)


def _axes(sheet: Sheet, across: _Logarithmic, up: _Logarithmic, language: Language) -> None:
    for value in up.ticks():
        sheet.line((MARGIN, up(value)), (RIGHT, up(value)), GRID)
        sheet.text(MARGIN - 6, up(value) + 4, number(value, language, 1 if value < 1 else 0), anchor="end", fill=QUIET)
    for value in across.ticks():
        sheet.line((across(value), FOOT), (across(value), FOOT + 4), QUIET)
        is_last = value == across.ticks()[-1]
        where = (RIGHT + 20, "end") if is_last else (across(value), "middle")
        sheet.text(where[0], FOOT + 20, number(value, language, 0), anchor=where[1], fill=QUIET)


class _Logarithmic:
    """A logarithmic scale over whole powers of ten around the values."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self._low, self._high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
        self._high = max(self._high, self._low + 1)
        self._scale = svg.scale(self._low, self._high, start, end)

    def __call__(self, value: float) -> float:
        return self._scale(math.log10(value))

    def ticks(self) -> list[float]:
        return [10.0**power for power in range(self._low, self._high + 1)]
