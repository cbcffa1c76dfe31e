"""Areas and their figures in words: what is hidden and what is not known never look like a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from riskmodel.messages import Language, message
from riskmodel.views import numbers, words
from riskmodel.views.area_extract import NO_DATA, SHOWN, STATE_CODE, SUPPRESSED, figure

Row = Mapping[str, Any]

REGIONS = {
    "Rīga": message("Rīga planning region"),
    "Vidzeme": message("Vidzeme planning region"),
    "Kurzeme": message("Kurzeme planning region"),
    "Zemgale": message("Zemgale planning region"),
    "Latgale": message("Latgale planning region"),
}
UNKNOWN_AREAS = {
    "no_municipality": message("Municipality not given"),
    "no_region": message("Region not given"),
}


@dataclass(frozen=True)
class Words:
    """Figures in words of one language: what is hidden and what is not known never look like a number."""

    language: Language

    def count(self, one: Row) -> str:
        """Return a figure as a cell shows it."""
        if one["state"] == SUPPRESSED:
            return message("hidden").in_language(self.language)
        return numbers.number(one["count"], self.language)

    def share(self, one: Row, of: Row) -> str:
        """Return a figure as a share of another, in percent; as the cell where one of both is not shown."""
        told = self.part_of(one, of)
        return (
            numbers.percent(one["count"] / of["count"], self.language) if told["state"] == SHOWN else self.count(told)
        )

    @staticmethod
    def part_of(one: Row, of: Row) -> Row:
        """Return a figure that can be told as a share of another; else the figure that says why it cannot."""
        if one["state"] != SHOWN:
            return one
        if of["state"] != SHOWN:
            return of
        return one if of["count"] else figure(None, NO_DATA)

    def look(self, one: Row) -> str:
        """Return the class of a cell."""
        return {SUPPRESSED: "suppressed", NO_DATA: "nodata"}.get(one["state"], "")

    def domains(self, codes: Sequence[str]) -> str:
        """Return domains in words."""
        return ", ".join(words.words(words.GROUPS_NOT_KNOWN, code, self.language) for code in codes)

    def name(self, area: Row) -> str:
        """Return the name of an area."""
        if area["code"] == STATE_CODE:
            return message("Latvia").in_language(self.language)
        named = UNKNOWN_AREAS.get(area["code"]) or (REGIONS.get(area["code"]) if area["kind"] == "region" else None)
        if named is not None:
            return named.in_language(self.language)
        return str(area["name"])
