"""The pictures of pages, reports and notebooks, drawn from plain numbers; nothing is computed here.

Each function returns an SVG text with a title and a description in the reader's language. In a notebook:
``IPython.display.SVG(calibration_plot(rows, "lv"))``. Rows are those of the result tables, as dictionaries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from riskmodel.messages import Language, message
from riskmodel.views import svg
from riskmodel.views.numbers import fixed, no_data, number, percent, percent_interval, short_day
from riskmodel.views.svg import GRID, INK, LOWERS, MAIN, OTHER, PAPER, QUIET, RAISES, Sheet
from riskmodel.views.words import GROUPS, MODELS, words

Row = Mapping[str, Any]

WIDTH = 380.0
MARGIN = 46.0
RIGHT = WIDTH - 24
TOP = 30.0
DEFAULT_MODEL = "boosting"
DASHES = ("6 3", "2 3", "9 3 2 3", "12 4", "4 2", "1 4")


class Picture:
    """A picture as a notebook shows it: as wide as a page of text, not as the window."""

    def __init__(self, markup: Markup) -> None:
        self.markup = markup

    def _repr_html_(self) -> str:
        return f'<div style="max-width: 40rem">{self.markup}</div>'


@dataclass(frozen=True)
class Dot:
    """One line of a dot plot: a label, a value and its interval (None: not known)."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    is_main: bool = False


def calibration_plot(bins: Sequence[Row], language: Language) -> Markup:
    """Return the observed share who left against the predicted probability, rows of ``calibration`` of one cohort."""
    known = [row for row in bins if row["mean_probability"] is not None and row["left_share"] is not None]
    tops = [max(row["mean_probability"], row["high"] or row["left_share"]) for row in known]
    top = min(svg.round_top(max(tops, default=1)), 1)
    title = message("Predicted probability and the share who left").in_language(language)
    points = "; ".join(
        f"{percent(row['mean_probability'], language, 1)} → {percent(row['left_share'], language, 1)}" for row in known
    )
    sheet = Sheet(WIDTH, 380, title, points or no_data(language), "calibration")
    across, up = svg.scale(0, top, MARGIN, RIGHT), svg.scale(0, top, 330, TOP)
    _grid(sheet, across, up, language)
    sheet.line((across(0), up(0)), (across(top), up(top)), OTHER, stroke_dasharray="5 4")
    for row in known:
        x, y = across(row["mean_probability"]), up(row["left_share"])
        if row["low"] is not None and row["high"] is not None:
            sheet.line((x, up(row["low"])), (x, up(row["high"])), MAIN, stroke_width="1.5")
        sheet.dot(x, y, MAIN)
    sheet.text(
        (MARGIN + RIGHT) / 2, 368, message("predicted probability").in_language(language), anchor="middle", fill=QUIET
    )
    sheet.text(0, 14, "↑ " + message("share who left early").in_language(language), fill=QUIET)
    return sheet.markup()


def capacity_curve(points: Sequence[Row], language: Language, places_share: float | None = None) -> Markup:
    """Return the share of those who left that is reached, against the share of pupils for whom there are places.

    ``points`` hold ``model_code, places_share, recall, low, high``; ``places_share`` marks the places there are.
    """
    by_model: dict[str, list[Row]] = {}
    for row in points:
        if row["recall"] is not None:
            by_model.setdefault(row["model_code"], []).append(row)
    ordered = sorted(by_model, key=lambda code: (code != DEFAULT_MODEL, code))
    title = message("How many of those who left are reached, by the number of places").in_language(language)
    description = "; ".join(
        f"{words(MODELS, code, language)}: "
        + ", ".join(
            f"{percent(row['places_share'], language)} → {percent(row['recall'], language)}"
            for row in by_model[code][::5]
        )
        for code in ordered
    )
    labels = [svg.wrapped(words(MODELS, code, language), WIDTH - 44) for code in ordered]
    height = 384 + sum(16 * len(label) + 4 for label in labels)
    sheet = Sheet(WIDTH, height, title, description or no_data(language), "capacity")
    widest = min(svg.round_top(max((row["places_share"] for row in points), default=1)), 1)
    across, up = svg.scale(0, widest, MARGIN, RIGHT), svg.scale(0, 1, 330, TOP)
    _grid(sheet, across, up, language)
    if places_share is not None:
        sheet.line((across(places_share), up(0)), (across(places_share), up(1)), RAISES, stroke_dasharray="2 3")
    y = 392.0
    for place, (code, label) in enumerate(zip(ordered, labels, strict=True)):
        line = sorted(by_model[code], key=lambda row: row["places_share"])
        colour, style = _line_style(place, is_main=code == DEFAULT_MODEL)
        if code == DEFAULT_MODEL:
            _band_between(sheet, line, across, up)
        sheet.path([(across(row["places_share"]), up(row["recall"])) for row in line], colour, **style)
        sheet.line((0, y - 4), (34, y - 4), colour, **style)
        sheet.lines(42, y, label)
        y += 16 * len(label) + 4
    below = message("places, as a share of all pupils").in_language(language)
    sheet.text((MARGIN + RIGHT) / 2, 366, below, anchor="middle", fill=QUIET)
    sheet.text(0, 14, "↑ " + message("of those who left: share reached").in_language(language), fill=QUIET)
    return sheet.markup()


def _line_style(place: int, *, is_main: bool) -> tuple[str, dict[str, str]]:
    if is_main:
        return MAIN, {"stroke_width": "2.5"}
    return OTHER, {"stroke_width": "1.5", "stroke_dasharray": DASHES[place % len(DASHES)]}


def _band_between(sheet: Sheet, line: Sequence[Row], across: svg.Scale, up: svg.Scale) -> None:
    known = [row for row in line if row.get("low") is not None and row.get("high") is not None]
    edge = [(across(row["places_share"]), up(row["low"])) for row in known]
    edge += [(across(row["places_share"]), up(row["high"])) for row in reversed(known)]
    if edge:
        sheet.area(edge, MAIN, fill_opacity="0.14")


def interval_dots(dots: Sequence[Dot], title: str, language: Language, *, is_share: bool, low: float = 0) -> Markup:
    """Return a dot plot with intervals, one line per model, rule or group; a value that is not known is said in words."""
    shown = [part for dot in dots for part in (dot.value, dot.high) if part is not None]
    top = svg.round_top(max(shown, default=1))
    top = min(top, 1) if is_share or top <= 1.5 else top
    foot = min([low, *(part for dot in dots for part in (dot.value, dot.low) if part is not None)])

    def said(dot: Dot) -> str:
        if dot.value is None:
            return no_data(language)
        if is_share:
            ends = "" if dot.low is None else f" ({percent_interval(dot.low, dot.high, language)})"
            return percent(dot.value, language) + ends
        ends = (
            ""
            if dot.low is None or dot.high is None
            else f" ({fixed(dot.low, language, 2)}–{fixed(dot.high, language, 2)})"
        )
        return fixed(dot.value, language, 2) + ends

    labels = [svg.wrapped(dot.label, WIDTH - (170 if dot.is_main else 135)) for dot in dots]
    heights = [len(label) * 16 + 26 for label in labels]
    sheet = Sheet(WIDTH, sum(heights) + 26, title, "; ".join(f"{dot.label}: {said(dot)}" for dot in dots), "dots")
    across = svg.scale(foot, top, 8, WIDTH - 8)
    y = 16.0
    for dot, label, height in zip(dots, labels, heights, strict=True):
        sheet.lines(0, y, label, **({"font_weight": "600"} if dot.is_main else {}))
        sheet.text(WIDTH, y, said(dot), anchor="end", **({"font_weight": "600"} if dot.is_main else {"fill": QUIET}))
        middle = y + height - 30
        sheet.line((across(foot), middle), (across(top), middle), GRID)
        colour = MAIN if dot.is_main else OTHER
        if dot.low is not None and dot.high is not None:
            sheet.line(
                (across(dot.low), middle), (across(dot.high), middle), colour, stroke_width="3", stroke_linecap="round"
            )
        if dot.value is not None:
            sheet.dot(across(dot.value), middle, colour if dot.is_main else PAPER, 5, stroke=colour, stroke_width="2")
        y += height
    for value, anchor in ((foot, "start"), (top, "end")):
        text = percent(value, language) if is_share else number(value, language, 2)
        sheet.text(
            0 if anchor == "start" else WIDTH, y + 2, text, anchor=anchor, fill=QUIET, font_size=str(svg.SMALL_SIZE)
        )
    return sheet.markup()


def contribution_bars(bars: Sequence[tuple[str, float]], language: Language) -> Markup:
    """Return what raises and what lowers one assessment: bars to the right and to the left of a middle line.

    ``bars`` are (short words, contribution); the numbers themselves stand in the table beside the picture.
    """
    title = message("What raises and what lowers this assessment").in_language(language)
    raises, lowers = message("raises").in_language(language), message("lowers").in_language(language)
    largest = max((abs(size) for _, size in bars), default=1) or 1
    described = "; ".join(
        f"{label}: {raises if size > 0 else lowers} {number(abs(size) / largest * 100, language)}"
        for label, size in bars
    )
    labels = [svg.wrapped(label, WIDTH - 10) for label, _ in bars]
    heights = [len(label) * 16 + 24 for label in labels]
    sheet = Sheet(WIDTH, sum(heights) + 30, title, described or no_data(language), "contributions")
    across = svg.scale(-largest, largest, 8, WIDTH - 8)
    middle = across(0)
    sheet.text(middle - 10, 14, f"← {lowers}", anchor="end", fill=LOWERS, font_weight="600")
    sheet.text(middle + 10, 14, f"{raises} →", fill=RAISES, font_weight="600")
    y = 38.0
    for (_, size), label, height in zip(bars, labels, heights, strict=True):
        sheet.lines(0, y, label)
        top = y + (len(label) - 1) * 16 + 6
        sheet.rectangle(8, top, WIDTH - 16, 9, "#f1f4f6")
        end = across(size)
        sheet.rectangle(min(middle, end), top, abs(end - middle), 9, RAISES if size > 0 else LOWERS)
        sheet.line((middle, top - 2), (middle, top + 11), INK)
        y += height
    return sheet.markup()


def histogram(bins: Sequence[tuple[float, float, int]], language: Language, *, title: str = "") -> Markup:
    """Return how many pupils have which probability; ``bins`` are (from, to, pupils)."""
    title = title or message("How the assessments are spread").in_language(language)
    described = "; ".join(
        f"{percent_interval(low, high, language)}: {number(count, language)}" for low, high, count in bins
    )
    sheet = Sheet(WIDTH, 240, title, described or no_data(language), "histogram")
    if not bins:
        sheet.text(WIDTH / 2, 120, no_data(language), anchor="middle", fill=QUIET)
        return sheet.markup()
    top = svg.round_top(max(count for *_, count in bins))
    across, up = svg.scale(bins[0][0], bins[-1][1], MARGIN, RIGHT), svg.scale(0, top, 190, TOP)
    for share in (0, 0.5, 1):
        sheet.line((MARGIN, up(top * share)), (RIGHT, up(top * share)), GRID)
        sheet.text(
            MARGIN - 6,
            up(top * share) + 4,
            number(top * share, language),
            anchor="end",
            fill=QUIET,
            font_size=str(svg.SMALL_SIZE),
        )
    for low, high, count in bins:
        sheet.rectangle(across(low) + 0.5, up(count), across(high) - across(low) - 1, 190 - up(count), MAIN)
    sheet.text(0, 14, "↑ " + message("number of pupils").in_language(language), fill=QUIET)
    for value in (bins[0][0], (bins[0][0] + bins[-1][1]) / 2, bins[-1][1]):
        sheet.text(
            across(value), 208, percent(value, language), anchor="middle", fill=QUIET, font_size=str(svg.SMALL_SIZE)
        )
    sheet.text(
        (MARGIN + WIDTH) / 2, 230, message("predicted probability").in_language(language), anchor="middle", fill=QUIET
    )
    return sheet.markup()


def bars(
    values: Sequence[tuple[str, float | None]], title: str, language: Language, *, is_share: bool = True
) -> Markup:
    """Return horizontal bars, one per label: shares of one, or numbers from zero; None is said in words."""
    top = 1.0 if is_share else svg.round_top(max((value for _, value in values if value is not None), default=1))

    def said(value: float | None) -> str:
        return percent(value, language) if is_share else fixed(value, language, 2 if top < 10 else 0)

    labels = [svg.wrapped(label, WIDTH - 90) for label, _ in values]
    heights = [len(label) * 16 + 22 for label in labels]
    sheet = Sheet(
        WIDTH, sum(heights) + 6, title, "; ".join(f"{label}: {said(value)}" for label, value in values), "bars"
    )
    y = 16.0
    for (_, value), label, height in zip(values, labels, heights, strict=True):
        sheet.lines(0, y, label)
        sheet.text(WIDTH, y, said(value), anchor="end", fill=QUIET)
        at = y + (len(label) - 1) * 16 + 6
        sheet.rectangle(0, at, WIDTH, 8, "#eef2f5")
        if value is not None:
            sheet.rectangle(0, at, svg.scale(0, top, 0, WIDTH)(value), 8, MAIN)
        y += height
    return sheet.markup()


def missingness_bars(rows: Sequence[Row], language: Language) -> Markup:
    """Return the share of pupils without data, by group of features; rows hold ``group_code, no_data_share``."""
    title = message("Pupils about whom there are no data").in_language(language)
    return bars(
        [(words(GROUPS, row["group_code"], language), row["no_data_share"]) for row in rows],
        title,
        language,
    )


def cohort_bars(rows: Sequence[Row], language: Language) -> Markup:
    """Return the cohorts by cut-off date: all pupils, and of them those who left (rows of ``cohorts``)."""
    title = message("Pupils of each cohort, and how many of them left early").in_language(language)
    ordered = sorted(rows, key=lambda row: str(row["cohort_on"]))
    not_known = message("not yet known").in_language(language)

    def left_of(row: Row) -> int | None:
        return None if row.get("use_code") == "current" else row.get("left")

    def said(row: Row) -> str:
        left = left_of(row)
        share = percent(left / row["pupils"], language, 1) if left is not None and row["pupils"] else not_known
        return f"{number(row['pupils'], language)} · {share}"

    described = "; ".join(f"{short_day(row['cohort_on'], language)}: {said(row)}" for row in ordered)
    sheet = Sheet(WIDTH, 40 * len(ordered) + 34, title, described or no_data(language), "cohorts")
    top = svg.round_top(max((row["pupils"] for row in ordered), default=1))
    across = svg.scale(0, top, 0, WIDTH)
    for place, row in enumerate(ordered):
        y = 16 + 40 * place
        sheet.text(0, y, short_day(row["cohort_on"], language))
        sheet.text(WIDTH, y, said(row), anchor="end", fill=QUIET)
        sheet.rectangle(0, y + 7, across(row["pupils"]), 11, "#c9d6e0")
        if left := left_of(row):
            sheet.rectangle(0, y + 7, across(left), 11, RAISES)
    y = 40 * len(ordered) + 24
    sheet.rectangle(0, y - 10, 11, 11, "#c9d6e0")
    sheet.text(17, y, message("pupils").in_language(language), fill=QUIET)
    sheet.rectangle(110, y - 10, 11, 11, RAISES)
    sheet.text(127, y, message("of them left early").in_language(language), fill=QUIET)
    return sheet.markup()


def _grid(sheet: Sheet, across: svg.Scale, up: svg.Scale, language: Language) -> None:
    size = str(svg.SMALL_SIZE)
    for step in range(6):
        x, y = (scale.low + (scale.high - scale.low) * step / 5 for scale in (across, up))
        sheet.line((across(x), up.start), (across(x), up.end), GRID)
        sheet.line((across.start, up(y)), (across.end, up(y)), GRID)
        sheet.text(across(x), up.start + 17, _tick(x, across, language), anchor="middle", fill=QUIET, font_size=size)
        if step:
            sheet.text(across.start - 5, up(y) + 4, _tick(y, up, language), anchor="end", fill=QUIET, font_size=size)


def _tick(value: float, scale: svg.Scale, language: Language) -> str:
    return percent(value, language, 0 if scale.high >= 0.2 else 1)
