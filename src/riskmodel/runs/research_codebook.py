"""The codebook of an extract for researchers, in Latvian and English, from the declared tables and from what was done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from riskmodel.messages import Language, Message, message, plural
from riskmodel.risk.anonymity import HIDDEN
from riskmodel.risk.feature import Feature
from riskmodel.risk.label import Window
from riskmodel.tables.dictionary import KINDS
from riskmodel.tables.research import QUASI_IDENTIFIERS, RESEARCH_PUPIL, RESEARCH_TABLES
from riskmodel.tables.schema import Column, Table
from riskmodel.views.texts import feature_name, meaning

ORIGINS: Mapping[str, Message] = {
    "synthetic": message("The data are invented: no row tells of a child."),
    "public": message("The data come from a public data set."),
    "real": message("The data tell of children. They may be used only as the agreement says."),
}
OUTCOME: tuple[Message, ...] = (
    message(
        "Question: will a pupil who is enrolled on the cut-off date leave education without finishing the stage after it and by the last day of the label window?"
    ),
    message(
        "`label` is 1 for `left`, and 0 for `completed`, `continuing` and `transferred`. It is empty for `abroad` and `unknown` (censored) and for `open` (not yet known): leave these rows out, or model that they are censored; do not read them as 0."
    ),
    message(
        "A pupil who was enrolled on the last day of the window, in whatever school, did not leave, also after an interruption."
    ),
    message("Features use only what was known on the cut-off date of their cohort; outcomes what was known later."),
    message("A score of a past cohort was made by a model that had not seen the outcomes of that cohort."),
)
MISSING: tuple[Message, ...] = (
    message("An empty cell means that there are no data. It never means zero."),
    message("`{hidden}` means that the value is known and hidden, because too few pupils share it.", hidden=HIDDEN),
    message("`merged` in `school_code` means one of the small schools."),
)
CONDITIONS: tuple[Message, ...] = (
    message(
        "Do not try to find out who a pupil or a school is, and do not join the rows with other data about persons."
    ),
    message("Publish no count below {count}, and nothing from which one could be worked out."),
    message(
        "The same pupil has another code in each cohort and each extract: rows of different cohorts cannot be joined."
    ),
)


@dataclass(frozen=True)
class Told:
    """What a codebook tells: the report on the extract, the cohorts, and the features that left."""

    report: Mapping[str, Any]
    windows: Sequence[Window]
    features: Sequence[Feature]


def codebook(told: Told, language: Language) -> str:
    """Return the codebook as Markdown in one language."""
    return _Pages(told, language).text()


@dataclass(frozen=True)
class _Pages:
    told: Told
    language: Language

    def text(self) -> str:
        report = self.told.report
        about = message(
            "Run {run_id}, cut-off date {cut_off_on}, riskmodel {code_version}.",
            run_id=report["run_id"],
            cut_off_on=report["cut_off_on"],
            code_version=report["code_version"],
        )
        conditions = [
            Message(one.text, {"count": report["smallest_cell_allowed"]}) if "{count}" in one.text else one
            for one in CONDITIONS
        ]
        parts = [
            "# " + self._say(message("Codebook of the extract")),
            self._say(about) + " " + self._say(ORIGINS[report["origin"]]),
            self._title(message("Conditions")),
            self._list(conditions),
            self._title(message("Outcome")),
            self._list(OUTCOME),
            self._title(message("Dates of the rules")),
            self._windows(),
            self._title(message("What is missing")),
            self._list(MISSING),
            self._title(message("What was made coarser or hidden")),
            self._list(self._protection()),
            self._quasis(),
        ]
        for table in RESEARCH_TABLES:
            parts += [f"## `{table.name}`", self._table(table)]
        parts += [self._title(message("Features")), self._features()]
        parts += [self._title(message("Features that stay in the store")), self._withheld()]
        return "\n\n".join(parts) + "\n"

    def _windows(self) -> str:
        heads = [
            message("Cut-off date"),
            message("First day of the school year"),
            message("Last day of the label window"),
            message("Outcomes known from"),
        ]
        rows = [
            [str(day) for day in (one.cut_off, one.school_year_on, one.horizon_on, one.label_known_on)]
            for one in self.told.windows
        ]
        return self._grid(heads, rows)

    def _protection(self) -> list[Message]:
        report = self.told.report
        return [
            message(
                "In each cohort at least {count} rows agree in all columns of the list below; the smallest such cell has {smallest}.",
                count=report["smallest_cell_allowed"],
                smallest=report["smallest_cell"],
            ),
            plural(
                "{count} row was left out, because hiding was not enough.",
                "{count} rows were left out, because hiding was not enough.",
                report["rows_left_out"],
            ),
            plural(
                "{count} school has no code of its own.",
                "{count} schools have no code of their own.",
                report["schools_merged"],
            ),
            message(
                "Numbers are rounded, and their ends drawn in, so that at least {count} rows share the smallest and the largest value.",
                count=report["smallest_cell_allowed"],
            ),
            message("Of the reasons only those are here that speak of a feature of this extract."),
        ]

    def _quasis(self) -> str:
        heads = [message("Column"), message("Made coarser, times"), message("Hidden, rows")]
        report = self.told.report
        rows = [
            [f"`{name}`", str(report["made_coarser"][name]), str(report["hidden"][name])] for name in QUASI_IDENTIFIERS
        ]
        return self._grid(heads, rows)

    def _table(self, table: Table) -> str:
        heads = [message("Column"), message("Meaning"), message("Kind"), message("Codes")]
        rows = [
            [
                f"`{column.name}`",
                column.words.in_language(self.language),
                self._say(KINDS[column.kind]),
                self._codes(column),
            ]
            for column in table.columns
        ]
        row = self._say(message("One row: {row}.", row=table.row))
        more = [self._say(message("Further columns: the features below."))] if table is RESEARCH_PUPIL else []
        return "\n\n".join([row, self._grid(heads, rows), *more])

    def _codes(self, column: Column) -> str:
        return "; ".join(f"`{code}` {words.in_language(self.language)}" for code, words in column.codes.items())

    def _features(self) -> str:
        heads = [message("Column"), message("Meaning"), message("Group"), message("Unit")]
        return self._grid(
            heads,
            [
                [
                    f"`{feature.code}`",
                    f"{feature_name(feature.code, self.language)}: {meaning(feature.code, self.language)}",
                    feature.group,
                    feature.unit,
                ]
                for feature in self.told.features
            ],
        )

    def _withheld(self) -> str:
        why = message(
            "They would name the household, the area, the class or the school, or repeat a hidden column more exactly:"
        )
        return self._say(why) + " " + ", ".join(f"`{code}`" for code in self.told.report["features_withheld"])

    def _grid(self, heads: Sequence[Message], rows: Iterable[Sequence[str]]) -> str:
        lines = [[self._say(head) for head in heads], ["---"] * len(heads), *rows]
        return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)

    def _list(self, texts: Iterable[Message]) -> str:
        return "\n".join(f"- {self._say(text)}" for text in texts)

    def _title(self, text: Message) -> str:
        return "## " + self._say(text)

    def _say(self, text: Message) -> str:
        return text.in_language(self.language)
