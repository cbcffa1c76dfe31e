"""How counts of an area went from run to run: identified pupils beside places for support."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from riskmodel.messages import Language, message
from riskmodel.views import svg
from riskmodel.views.area_extract import SHOWN
from riskmodel.views.area_words import Words
from riskmodel.views.numbers import number, short_day
from riskmodel.views.svg import GRID, INK, MAIN, QUIET, RAISES, Sheet

Row = Mapping[str, Any]

WIDTH, HEIGHT = 460.0, 250.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 440.0, 20.0, 170.0
LINES = (("identified", message("identified"), RAISES, ""), ("places", message("places for support"), MAIN, "6 3"))


def trend(points: Sequence[Row], code: str, name: str, language: Language) -> Markup:
    """Return the picture, or nothing when there is only one run: a trend needs two.

    A run whose figure is hidden or not known leaves a gap in the line.
    """
    own = [{"on": point["cut_off_on"], "figures": point["areas"][code]} for point in points if code in point["areas"]]
    if len(own) < 2:
        return Markup()
    title = message("{name}: identified pupils and places, run by run", name=name).in_language(language)
    said = "; ".join(f"{short_day(one['on'], language)}: {_said(one['figures'], language)}" for one in own)
    sheet = Sheet(WIDTH, HEIGHT, title, said, "trend")
    counts = [one["figures"][figure]["count"] or 0 for one in own for figure, *_ in LINES]
    top = svg.round_top(max(counts))
    across, up = svg.scale(0, len(own) - 1, LEFT, RIGHT), svg.scale(0, top, BOTTOM, TOP)
    for share in (0, 0.5, 1):
        sheet.line((LEFT, up(share * top)), (RIGHT, up(share * top)), GRID)
        sheet.text(LEFT - 8, up(share * top) + 4, number(share * top, language), anchor="end", fill=QUIET)
    for place, one in enumerate(own):
        if len(own) <= 4 or place in (0, len(own) - 1):
            anchor = "start" if place == 0 else "end" if place == len(own) - 1 else "middle"
            sheet.text(across(place), BOTTOM + 20, short_day(one["on"], language), anchor=anchor, fill=QUIET)
    for number_of, (figure, words, colour, dashes) in enumerate(LINES):
        style = {"stroke_width": "2.5"} | ({"stroke_dasharray": dashes} if dashes else {})
        known = [
            (across(place), up(one["figures"][figure]["count"])) if one["figures"][figure]["state"] == SHOWN else None
            for place, one in enumerate(own)
        ]
        for before, after in pairwise(known):
            if before and after:
                sheet.path([before, after], colour, **style)
        for point in known:
            if point and dashes:
                sheet.rectangle(point[0] - 4, point[1] - 4, 8, 8, colour)
            elif point:
                sheet.dot(*point, colour, radius=5)
        y = BOTTOM + 44 + 22 * number_of
        sheet.line((LEFT, y - 4), (LEFT + 34, y - 4), colour, **style)
        sheet.text(LEFT + 44, y, words.in_language(language), fill=INK)
    return sheet.markup()


def _said(figures: Row, language: Language) -> str:
    say = Words(language)
    return ", ".join(f"{words.in_language(language)} {say.count(figures[code])}" for code, words, *_ in LINES)
