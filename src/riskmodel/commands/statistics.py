"""The answer of ``riskmodel register statistics``: sentences and a table for people, figures for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from riskmodel.messages import Language, Message, message
from riskmodel.support.catalogue import catalogue
from riskmodel.support.coverage import municipality_name
from riskmodel.support.periods import Period, Scope
from riskmodel.support.reports import NO_DATA, Report, report
from riskmodel.support.risks import risk_groups
from riskmodel.support.statistics import PlansAndPupils, Tabled, count_plans
from riskmodel.views.exports import Cell, ExportTable

HEADS: Mapping[str, Sequence[Message]] = {
    "school_year": [message("school year")],
    "semester": [message("school year"), message("semester")],
    "municipality": [message("municipality")],
    "school": [message("school")],
    "institution_kind": [message("kind of institution")],
    "programme": [message("programme")],
    "stage": [message("kind of stage"), message("stage")],
    "class": [message("code of the class")],
    "status": [message("status")],
    "decision": [message("decision")],
    "risk_group": [message("group of risks")],
    "risk": [message("risk")],
    "way": [message("way of support")],
    "measure": [message("measure")],
}


@dataclass(frozen=True)
class Answered:
    """The report of a period, and its plans and pupils by parts."""

    counts: Tabled[PlansAndPupils]
    told: Report

    @property
    def unit(self) -> str:
        """Of which unit it tells, as the audit names it."""
        scope = self.counts.scope
        if scope.school_id is not None:
            return f"school:{scope.school_id}"
        return "state" if scope.municipality_code is None else f"municipality:{scope.municipality_code}"

    def table(self, language: Language) -> ExportTable:
        """Return the parts and the whole as a table; the last row is the whole, with a count of its own."""
        heads = [head for name in self.counts.by for head in HEADS[name]]
        columns = [*heads, message("plans"), message("different pupils")]
        rows: list[tuple[Cell, ...]] = [
            (*self._names(key, language), support.plans, support.pupils) for key, support in self.counts.rows.items()
        ]
        whole = self.counts.total
        label = [message("together").in_language(language), *[""] * (len(heads) - 1)][: len(heads)]
        return ExportTable(
            "statistics",
            tuple(column.in_language(language) for column in columns),
            (*rows, (*label, whole.plans, whole.pupils)),
        )

    def _names(self, key: Sequence[Any], language: Language) -> list[str]:
        names = [name for name in self.counts.by for _ in HEADS[name]]
        return [self._name(name, part, language) for name, part in zip(names, key, strict=True)]

    def _name(self, dimension: str, part: Any, language: Language) -> str:
        if part is None:
            return NO_DATA.in_language(language)
        if dimension == "municipality":
            return f"{municipality_name(part, self.counts.period.first_on)} ({part})"
        if dimension == "risk_group":
            return f"{part} {risk_groups()[part].in_language(language)}"
        if dimension == "way":
            return catalogue().groups[part][language]
        if dimension == "measure":
            return next((f"{part} {one.names[language]}" for one in catalogue().measures if one.code == part), part)
        return str(part)

    def lines(self, language: Language) -> list[str]:
        """Return the sentences, and the table in columns."""
        sentences = [text.in_language(language) for text in self.told.sentences()]
        table = self.table(language)
        cells = [table.columns, *(tuple(str(cell) for cell in row) for row in table.rows)]
        widths = [max(len(row[place]) for row in cells) for place in range(len(table.columns))]
        words = len(table.columns) - 2
        rows = [
            "  ".join(cell.ljust(width) for cell, width in zip(row[:words], widths[:words], strict=True))
            + "".join(f"  {cell:>{width}}" for cell, width in zip(row[words:], widths[words:], strict=True))
            for row in cells
        ]
        note = message("A pupil can stand in several rows: pupils of the rows do not add up to those together.")
        return [*sentences, "", *rows, *([note.in_language(language)] if self.counts.rows else [])]

    def as_dict(self) -> dict[str, Any]:
        """Return the figures under names."""
        given, names = self.told.given, [name for name in self.counts.by for _ in HEADS[name]]
        return {
            "period": str(self.counts.period),
            **vars(self.counts.scope),
            "plans": self.counts.total.plans,
            "pupils": self.counts.total.pupils,
            "institutions": given.institutions,
            "educators": given.educators,
            "consultations": given.consultations,
            "minutes": given.minutes,
            "compensation_cents": given.compensation_cents,
            "preparation_cents": given.preparation_cents,
            "decisions": {code: vars(support) for code, support in self.told.decisions.items()},
            "events": {kind: vars(events) for kind, events in self.told.events.items()},
            "by": names,
            "do_plans_add_up": self.counts.do_plans_add_up,
            "rows": [
                {"key": list(key), "plans": support.plans, "pupils": support.pupils}
                for key, support in self.counts.rows.items()
            ],
        }


def answered(connection: Connection, period: Period, scope: Scope, by: Sequence[str]) -> Answered:
    """Return the answer for a period, a place, and what it is divided by."""
    return Answered(count_plans(connection, period, scope, by), report(connection, period, scope))
