"""What a file of a school's list or of a pupil's sheet holds: the same words as on the page, as tables of plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from riskmodel.messages import Language, Message, message
from riskmodel.views import numbers, texts, words
from riskmodel.views.exports import Cell, ExportTable
from riskmodel.views.pupil_page import pupil_of
from riskmodel.views.school_page import capacity_words, listed
from riskmodel.views.texts import measure_name

Row = Mapping[str, Any]

COLUMNS_OF_PUPILS = {
    "place": message("Order"),
    "code": message("Code of the pupil"),
    "name": message("Name"),
    "class": message("Class"),
    "band": message("Risk of the situation"),
    "certainty": message("Certainty"),
    "probability_low": message("Interval from, %"),
    "probability_high": message("Interval to, %"),
    "reasons": message("Main reasons"),
    "change": message("Change"),
    "previous_band": message("Risk in the earlier run"),
    "previous_place": message("Place in the order in the earlier run"),
    "missing": message("No data about"),
    "within": message("Place for support"),
}
COLUMNS_OF_SHEET = {
    "reasons": message("Reasons"),
    "reason": message("Reason"),
    "group": message("Area"),
    "own": message("Value"),
    "usual": message("Usual value"),
    "contribution": message("Contribution (log-odds)"),
    "absences": message("Absences"),
    "week": message("Week from"),
    "unexcused": message("without an excuse"),
    "excused": message("excused"),
    "marks": message("Marks"),
    "month": message("Month from"),
    "mean": message("mean mark (points)"),
    "number": message("number of marks"),
    "support": message("Support so far"),
    "measure": message("Measure"),
    "from": message("From"),
    "to": message("To"),
}


def school_tables(extract: Row, language: Language, names: Mapping[str, str] | None = None) -> list[ExportTable]:
    """Return the list of a school as tables: the pupils in order of need, then what the file is about.

    Parameters
    ----------
    extract
        The extract as the reader may see it, cut to their scope.
    names
        Names by code, for a reader who may see them; without, there is no column of names.
    """
    said = {name: text.in_language(language) for name, text in COLUMNS_OF_PUPILS.items()}
    if names is None:
        del said["name"]
    rows = []
    for one in extract["pupils"]:
        shown = listed(one, extract, language)
        change = shown["change"] or {}
        values: dict[str, Cell] = {
            "place": one["place"],
            "code": one["code"],
            "name": (names or {}).get(one["code"]),
            "class": shown["class_name"],
            "band": shown["band"],
            "certainty": words.words(words.STATES, one["state_code"], language),
            "probability_low": _percent(one["probability_low"]),
            "probability_high": _percent(one["probability_high"]),
            "reasons": "; ".join(shown["main_reasons"]) or None,
            "change": change.get("label"),
            "previous_band": change.get("previous_band") or None,
            "previous_place": change.get("previous_place"),
            "missing": ", ".join(shown["missing"]) or "–",
            "within": bool(one["is_within_capacity"]),
        }
        rows.append(tuple(values[name] for name in said))
    title = message("Pupils").in_language(language)
    return [ExportTable(title, tuple(said.values()), tuple(rows)), _about(extract, language)]


def pupil_tables(
    extract: Row, code: str, language: Language, names: Mapping[str, str] | None = None
) -> list[ExportTable]:
    """Return one pupil's sheet as tables: reasons, absences by week, marks by month, support, what the file is about.

    ``names`` are names by code, for a reader who may see them.

    Raises
    ------
    KeyError
        When the extract holds no pupil of this code.
    """
    one = pupil_of(extract, code)

    def table(title: str, columns: Sequence[str], rows: Sequence[tuple[Cell, ...]]) -> ExportTable:
        return ExportTable(title, tuple(columns), tuple(rows))

    trend = one.get("trend") or {"unexcused_lessons": [], "excused_lessons": [], "mark_mean_points": [], "marks": []}
    said = {name: text.in_language(language) for name, text in COLUMNS_OF_SHEET.items()}
    weeks = extract.get("trend_weeks", []) if trend["unexcused_lessons"] else []
    months = extract.get("trend_months", []) if trend["marks"] else []
    reasons = [
        (
            texts.feature_name(reason["feature_code"], language),
            words.words(words.GROUPS, reason["group_code"], language),
            texts.value(reason["feature_code"], reason["own_value"], language),
            texts.value(reason["feature_code"], reason["usual_value"], language),
            round(reason["contribution"], 3),
        )
        for reason in one["reasons"]
    ]
    given = one.get("support")
    support: list[tuple[Cell, ...]] = [(None, None, None)] if given is None else []
    support += [
        (
            measure_name(measure["measure_code"], language),
            _day(measure["from_on"]),
            _day(measure["to_on"]) or message("goes on").in_language(language),
        )
        for measure in given or ()
    ]
    return [
        table(said["reasons"], [said[name] for name in ("reason", "group", "own", "usual", "contribution")], reasons),
        table(
            said["absences"],
            [said[name] for name in ("week", "unexcused", "excused")],
            [
                (_day(week), unexcused, excused)
                for week, unexcused, excused in zip(
                    weeks, trend["unexcused_lessons"], trend["excused_lessons"], strict=False
                )
            ],
        ),
        table(
            said["marks"],
            [said[name] for name in ("month", "mean", "number")],
            [
                (_day(month), mean, count)
                for month, mean, count in zip(months, trend["mark_mean_points"], trend["marks"], strict=False)
            ],
        ),
        table(said["support"], [said[name] for name in ("measure", "from", "to")], support),
        _about(extract, language, _who(listed(one, extract, language), language, names)),
    ]


def long_table(tables: Sequence[ExportTable], language: Language) -> ExportTable:
    """Return several tables as one, for a CSV file: a row for each value, with its table, its row's name and its column.

    >>> marks = ExportTable("Marks", ("Month", "mean"), (("May", 6.5),))
    >>> long_table([marks], "en").rows
    (('Marks', 'May', 'mean', 6.5),)
    """
    heads = (message("Part"), message("What"), message("Column"), message("Value"))
    return ExportTable(
        "",
        tuple(head.in_language(language) for head in heads),
        tuple(
            (table.name, first, column, cell)
            for table in tables
            for first, *cells in table.rows
            for column, cell in zip(table.columns[1:], cells, strict=True)
        ),
    )


def _who(shown: Row, language: Language, names: Mapping[str, str] | None) -> list[tuple[Message, Cell]]:
    """Return whom a sheet is about, and how their situation was assessed."""
    found: list[tuple[Message, Cell]] = [(COLUMNS_OF_PUPILS["code"], shown["code"])]
    if names is not None:
        found.append((COLUMNS_OF_PUPILS["name"], names.get(shown["code"])))
    return [
        *found,
        (COLUMNS_OF_PUPILS["class"], shown["class_name"]),
        (COLUMNS_OF_PUPILS["band"], shown["band"]),
        (COLUMNS_OF_PUPILS["certainty"], words.words(words.STATES, shown["state_code"], language)),
        (COLUMNS_OF_PUPILS["place"], shown["place"]),
        (COLUMNS_OF_PUPILS["missing"], ", ".join(shown["missing"]) or "–"),
    ]


def _about(extract: Row, language: Language, who: Sequence[tuple[Message, Cell]] = ()) -> ExportTable:
    """Return what a file is about, so that it can be understood after it has left the portal."""
    run, school = extract["run"], extract["school"]
    capacity = capacity_words(extract["capacity"], language)
    facts: list[tuple[Message, Cell]] = [
        *who,
        (message("School"), school["school_name"] or school["school_id"]),
        (message("Cut-off date"), _day(run["cut_off_on"])),
        (message("Looks ahead until"), _day(run["horizon_on"])),
        (message("Run"), run["run_id"]),
        (message("Origin"), words.words(words.ORIGINS, run["origin"], language)),
        (message("Places for support"), f"{capacity['line']}. {capacity['source']}"),
        (message("Please note"), message("This is a suggestion. A person decides.").in_language(language)),
    ]
    return ExportTable(
        message("About this file").in_language(language),
        (message("What").in_language(language), message("Value").in_language(language)),
        tuple((name.in_language(language), value) for name, value in facts),
    )


def _percent(share: float | None) -> float | None:
    return None if share is None else round(share * 100, 1)


def _day(value: str | None) -> date | None:
    return None if value is None else numbers.as_date(value)
