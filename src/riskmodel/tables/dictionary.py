"""The dictionary of the tables, ``data/README.md``, in Latvian and English, from their declarations.

``python -m riskmodel.tables.dictionary`` writes it anew; a test compares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from riskmodel.messages import LANGUAGES, Language, Message, message
from riskmodel.settings import CHECKOUT_FOLDER
from riskmodel.tables.canonical import CANONICAL, IDENTITY, REQUIRED_TABLES
from riskmodel.tables.patterns import example_of
from riskmodel.tables.reasons import shown
from riskmodel.tables.results import RESULTS
from riskmodel.tables.schema import Column, Kind, Sensitivity, Table

KINDS: dict[Kind, Message] = {
    Kind.TEXT: message("text"),
    Kind.CODE: message("coded word"),
    Kind.INTEGER: message("whole number"),
    Kind.DECIMAL: message("number"),
    Kind.DATE: message("date"),
    Kind.FLAG: message("yes or no"),
}
SENSITIVITIES: dict[Sensitivity, Message] = {
    Sensitivity.OPEN: message("open"),
    Sensitivity.PERSONAL: message("about a pupil, under a pseudonym"),
    Sensitivity.AUDIT: message("protected trait: for the audit, not for scoring"),
    Sensitivity.IDENTITY: message("identity: in the protected store alone"),
}
UNITS: dict[str, Message] = {
    "points": message("points"),
    "attempts": message("attempts"),
    "credits": message("credits"),
    "lessons": message("lessons"),
    "percent": message("percent"),
    "units": message("course units"),
    "pupils": message("pupils"),
    "hours": message("hours"),
    "rows": message("rows"),
    "log-odds": message("log-odds"),
    "EUR": message("EUR"),
}
"""Words of the units; a date says its unit by its kind."""

LYING_HERE: tuple[tuple[str, Message], ...] = (
    ("latvia/", message("municipalities, school calendar and indicators of Latvia, with their sources")),
    ("support/", message("the catalogue of support measures and programmes, with dated rules")),
    ("texts/", message("how features and reasons are put into words")),
    ("incoming/, store/", message("deliveries and runs of this computer; never part of the project")),
)
DELIVERY_RULES: tuple[Message, ...] = (
    message(
        "A delivery is a folder with one file per table, `<table>.csv` or `<table>.parquet`, and `mapping.yaml`, which says when it was delivered, where it comes from and which names, words and forms differ from those below."
    ),
    message(
        "In the files the pupil stands as `pupil_code`: the personal code of 11 figures or another register id. It becomes the pseudonym `pupil_id` before anything is stored. `pupil` may also hold `first_name`, `last_name` and `earlier_register_id`; they go to the protected store alone."
    ),
    message(
        "Dates are written as yyyy-mm-dd or dd.mm.yyyy and numbers with a decimal point, unless the mapping lists other forms (the long Latvian date, decimal comma). Time stamps with a zone count as the day in Riga."
    ),
    message(
        "A listed word may be written as the code or as its Latvian or English meaning; case, diacritics, blanks and signs do not matter, nor do they in headers."
    ),
    message(
        "An empty cell means 'no data', never zero. 1900-01-01, 1970-01-01 and 9999-12-31 are read as empty, and counted."
    ),
    message(
        "Every fact has two dates: when it happened and when it became known. A changed fact is a further row with the same key and a later known-on date; nothing is overwritten."
    ),
    message(
        "Nothing is dated after the day of the delivery, except where a column says so. What comes without a known-on date gets it by the rule of its table, and was known on the day of the delivery at the latest."
    ),
    message(
        "Rows that are equal are merged. Rows of the same key and known-on date that differ are all put aside, and so is each row that breaks a rule: the report names file, row, column and rule, and what to do."
    ),
)


def dictionary() -> str:
    """Return the whole text of ``data/README.md``."""
    parts = [
        "<!-- Made by python -m riskmodel.tables.dictionary from the declarations: change those. -->",
        "# Dati · Data",
        "[Latviski](#latviski) · [In English](#in-english)",
    ]
    for language in LANGUAGES:
        parts += _Pages(language).parts()
    return "\n\n".join(parts) + "\n"


@dataclass(frozen=True)
class _Pages:
    """The dictionary in one language."""

    language: Language

    def parts(self) -> list[str]:
        say = self._say
        return [
            "## Latviski" if self.language == "lv" else "## In English",
            say(message("What lies in this folder:")),
            "\n".join(f"- `{name}`: {say(words)}" for name, words in LYING_HERE),
            "### " + say(message("How a delivery is written")),
            "\n".join(f"{at}. {say(rule)}" for at, rule in enumerate(DELIVERY_RULES, start=1)),
            *self._chapter(message("Tables of a delivery"), CANONICAL),
            *self._chapter(message("Protected table"), (IDENTITY,)),
            *self._chapter(message("Tables of a run"), RESULTS),
        ]

    def _chapter(self, title: Message, tables: Sequence[Table]) -> list[str]:
        parts = ["### " + self._say(title)]
        for table in tables:
            parts += self._table(table)
        return parts

    def _table(self, table: Table) -> list[str]:
        parts = [f"#### `{table.name}`", self._say(message("One row: {row}.", row=table.row)), self._facts(table)]
        parts.append(self._columns(table))
        listed = [column for column in table.columns if column.codes]
        if listed:
            parts.append("\n".join(self._codes(column) for column in listed))
        rules = self._rules(table)
        return [*parts, rules] if rules else parts

    def _facts(self, table: Table) -> str:
        facts = [message("Key: {columns}.", columns=_names(table.key))]
        if table in CANONICAL:
            needed = message("A delivery must have this table.")
            optional = message("A delivery may come without this table; the report says what is missing then.")
            facts.append(needed if table.name in REQUIRED_TABLES else optional)
        if table.happened:
            facts.append(
                message(
                    "Happened: {happened}; became known: {known}.",
                    happened=_names([table.happened]),
                    known=_names([table.known]),
                )
            )
        if table.known_words:
            facts.append(message("Without a known-on date: {rule}.", rule=table.known_words))
        elif table.known:
            facts.append(message("The known-on date must be given: no rule replaces it."))
        return "\n".join(f"- {self._say(fact)}" for fact in facts)

    def _columns(self, table: Table) -> str:
        heads = [
            message("Column"),
            message("Meaning"),
            message("Kind"),
            message("Must be filled"),
            message("Range"),
            message("Travels"),
            message("Other headers"),
        ]
        lines = [self._line([self._say(head) for head in heads]), self._line(["---"] * len(heads))]
        for column in table.columns:
            by_rule = column.name == table.known and table.known_rule
            filled = message("yes") if column.required else message("no")
            cells = [
                f"`{column.name}`",
                column.words.in_language(self.language),
                self._kind(column),
                self._say(message("yes, else by the rule") if by_rule else filled),
                self._range(column),
                self._say(SENSITIVITIES[column.sensitivity]),
                ", ".join(column.headers),
            ]
            lines.append(self._line(cells))
        return "\n".join(lines)

    def _kind(self, column: Column) -> str:
        kind = self._say(KINDS[column.kind])
        if column.unit in UNITS:
            kind += f", {self._say(UNITS[column.unit])}"
        if column.pattern:
            kind += ", " + self._say(
                message("such as {example}", example=f"`{column.example or example_of(column.pattern)}`")
            )
        return kind

    def _range(self, column: Column) -> str:
        told = []
        if column.codes:
            told.append(message("listed below"))
        if column.kind is Kind.TEXT:
            told.append(message("up to {count} characters", count=column.max_length))
        if column.low is not None and column.high is not None:
            told.append(message("{low} to {high}", low=shown(column.low), high=shown(column.high)))
        elif column.low is not None:
            told.append(message("{low} or more", low=shown(column.low)))
        if column.may_be_future:
            told.append(message("may lie in the future"))
        if column.whole_month:
            told.append(message("the day is not kept"))
        return "; ".join(self._say(part) for part in told)

    def _codes(self, column: Column) -> str:
        words = "; ".join(f"`{code}` {words.in_language(self.language)}" for code, words in column.codes.items())
        return f"- `{column.name}`: {words}"

    def _rules(self, table: Table) -> str:
        rules = [f"- {rule.words.in_language(self.language)} (`{rule.code}`)" for rule in table.rules]
        for reference in table.references:
            rule = message(
                "{columns} must stand in {table}.", columns=_names(reference.columns), table=f"`{reference.to_table}`"
            )
            rules.append(f"- {self._say(rule)} (`unknown_{reference.to_table}`)")
        return "\n".join([self._say(message("Rules of a row:")), "", *rules]) if rules else ""

    def _line(self, cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    def _say(self, text: Message) -> str:
        return text.in_language(self.language)


def _names(columns: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in columns)


def dictionary_path() -> Path:
    """Return where the dictionary lies in a checkout."""
    return CHECKOUT_FOLDER / "data" / "README.md"


if __name__ == "__main__":
    dictionary_path().write_text(dictionary(), "utf-8")
