"""What a file of a municipality or of the state holds: the page's tables as plain values, hidden figures in words.

A file is made from the same extract as the page. A hidden figure stands there as the word for it, what nobody sent as "no
data", and only a count that is shown as a number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from riskmodel.messages import Language, message
from riskmodel.views import numbers, words
from riskmodel.views.area_extract import SHOWN, STATE_CODE, SUPPRESSED, TREND_FIGURES
from riskmodel.views.area_words import UNKNOWN_AREAS, Words
from riskmodel.views.exports import Cell, ExportTable

Row = Mapping[str, Any]

FIGURES = {
    "pupils": message("Pupils"),
    "identified": message("Identified"),
    "high": message("Risk high"),
    "medium": message("Risk medium"),
    "places": message("Places"),
    "gap": message("Without a place"),
    "supported": message("Had support"),
    "no_data_attendance": message("Without data on attendance"),
    "no_data_learning": message("Without data on learning results"),
    "no_data_economic": message("Without data on the economic situation"),
}
OF_SCHOOLS = tuple(code for code in FIGURES if code not in {"high", "medium"})


def municipality_tables(extract: Row, language: Language) -> list[ExportTable]:
    """Return the schools of a municipality, its outcomes, its trend, its neighbours, and what the file is about."""
    write, own = _Writer(language), extract["own"]
    schools: list[tuple[Cell, ...]] = [
        (
            one["school_name"] or one["school_id"],
            words.words(words.SCHOOL_KINDS, one["school_kind"], language) if one["school_kind"] else None,
            *write.figures(one["figures"], OF_SCHOOLS),
            bool(one["is_places_assumed"]),
            write.say.domains(one["silent_on"]) or "–",
        )
        for one in extract["schools"]
    ]
    total = write.text(message("All schools"))
    schools.append((total, "–", *write.figures(own["figures"], OF_SCHOOLS), own["schools_with_assumed_places"], "–"))
    heads = [message("School"), message("Kind"), *(FIGURES[code] for code in OF_SCHOOLS)]
    heads += [message("Places are an assumption"), message("Sent nothing about")]
    around = [*extract["neighbours"], *([extract["region"]] if extract["region"] else []), extract["state"]]
    return [
        write.table(message("Schools"), heads, schools),
        write.outcomes(extract, {own["code"]: own, STATE_CODE: extract["state"]}),
        write.trend(extract, [own, extract["state"]]),
        write.table(
            message("Same region"),
            [message("Territory"), *(FIGURES[code] for code in TREND_FIGURES)],
            [(write.say.name(one), *write.figures(one["figures"], TREND_FIGURES)) for one in around],
        ),
        write.about(extract, write.say.name(own)),
    ]


def state_tables(extract: Row, language: Language) -> list[ExportTable]:
    """Return regions and municipalities, outcomes, trend, the schools that sent nothing, and what the file is about."""
    write = _Writer(language)
    listed = [extract["state"], *extract["regions"], *extract["municipalities"]]
    heads = [message("Code"), message("Territory"), message("Region"), message("Schools")]
    heads += [*FIGURES.values(), message("Schools that sent nothing")]
    rows = [
        (
            "–" if one["code"] in UNKNOWN_AREAS else one["code"],
            write.say.name(one),
            write.region(one, extract["regions"]),
            one["schools"],
            *write.figures(one["figures"], FIGURES),
            one["silent_schools"],
        )
        for one in listed
    ]
    names = {one["code"]: one for one in listed}
    silent = [
        (
            one["school_name"] or one["school_id"],
            write.say.name(names[one["municipality_code"]]) if one["municipality_code"] in names else None,
            write.say.domains(one["silent_on"]),
        )
        for one in extract["silent"]
    ]
    return [
        write.table(message("Territories"), heads, rows),
        write.outcomes(extract, names),
        write.trend(extract, listed),
        write.table(
            message("Sent nothing"), [message("School"), message("Municipality"), message("Sent nothing about")], silent
        ),
        write.about(extract, write.say.name(extract["state"])),
    ]


class _Writer:
    """Writes tables in one language."""

    def __init__(self, language: Language) -> None:
        self.language, self.say = language, Words(language)

    def text(self, words_: Any) -> str:
        return str(words_.in_language(self.language))

    def table(self, title: Any, heads: Sequence[Any], rows: Sequence[tuple[Cell, ...]]) -> ExportTable:
        return ExportTable(self.text(title), tuple(self.text(head) for head in heads), tuple(rows))

    def figure(self, one: Row) -> Cell:
        if one["state"] == SHOWN:
            return int(one["count"])
        return self.say.count(one) if one["state"] == SUPPRESSED else None

    def figures(self, found: Row, codes: Sequence[str] | Mapping[str, Any]) -> list[Cell]:
        return [self.figure(found[code]) if code in found else None for code in codes]

    def region(self, area: Row, regions: Sequence[Row]) -> str:
        found = next((one for one in regions if one["code"] == area["region"]), None)
        return self.say.name(found) if found and area["kind"] != "region" else "–"

    def outcomes(self, extract: Row, named: Mapping[str, Row]) -> ExportTable:
        schools = {one["school_id"]: one["school_name"] or one["school_id"] for one in extract.get("schools", ())}
        rows: list[tuple[Cell, ...]] = []
        for cohort in extract["outcomes"]:
            year = numbers.school_year(cohort["school_year_on"], self.language)
            found = [(self.say.name(named[code]), one) for code, one in cohort["areas"].items() if code in named]
            found += [(schools[code], one) for code, one in cohort["schools"].items() if code in schools]
            rows += [(year, name, *self.figures(one, ("known", "left"))) for name, one in found]
        heads = [message("School year"), message("Who"), message("Known outcomes"), message("Left early")]
        return self.table(message("Earlier years"), heads, rows)

    def trend(self, extract: Row, areas: Sequence[Row]) -> ExportTable:
        rows = [
            (
                numbers.as_date(point["cut_off_on"]),
                self.say.name(one),
                *self.figures(point["areas"][one["code"]], TREND_FIGURES),
            )
            for point in extract["trend"]
            for one in areas
            if one["code"] in point["areas"]
        ]
        heads = [message("Cut-off date"), message("Territory"), *(FIGURES[code] for code in TREND_FIGURES)]
        return self.table(message("From run to run"), heads, rows)

    def about(self, extract: Row, name: str) -> ExportTable:
        run, least = extract["run"], extract["rule"]["n_min"]
        facts: list[tuple[Any, Cell]] = [
            (message("Territory"), name),
            (message("Cut-off date"), numbers.as_date(run["cut_off_on"])),
            (message("Run"), run["run_id"]),
            (message("Origin"), words.words(words.ORIGINS, run["origin"], self.language)),
            (
                message("hidden"),
                self.text(
                    message(
                        "The count is below {count}, or the rest of the whole is, or it would give such a count away by subtraction. It is not zero, and which of these it is cannot be seen.",
                        count=least,
                    )
                ),
            ),
            (
                message("no data"),
                self.text(message("Nothing was sent, or nobody records it. That is not zero either.")),
            ),
            (message("Please note"), self.text(message("This is a suggestion. A person decides."))),
        ]
        rows = [(self.text(words_), value) for words_, value in facts]
        return self.table(message("About this file"), [message("What"), message("Value")], rows)
