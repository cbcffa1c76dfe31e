"""Why a row was put aside or changed: for each rule what must hold, and what a school office can do.

No text holds anything of the row itself: the report names file, row number, column and rule.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from riskmodel.messages import Message, Spoken, message, plural
from riskmodel.tables.fields import EXCEL_DAY_ZERO, Formats, forms_of
from riskmodel.tables.patterns import example_of
from riskmodel.tables.schema import Column, Kind, Reference, Table

LONGEST_REASON = 600
"""Characters; as declared for ``rejected_row``."""


@dataclass(frozen=True)
class Rule:
    """One rule that a row of a table may break: its number in the pass, column (empty: the whole row), code and text."""

    number: int
    column: str
    code: str
    reason: Message


def rules_of(
    table: Table, formats: Formats, delivered_on: date, *, free_register_ids: bool = False
) -> tuple[Rule, ...]:
    """Return every rule over the cells and rows of a table, in the order in which the pass numbers them.

    A known-on date need not be given where the table has a rule for it.
    """
    found: list[tuple[str, str, Message]] = []
    for column in table.columns:
        cell = cell_rules(column, formats, delivered_on, free_register_ids=free_register_ids)
        if column.name == table.known and table.known_rule:
            cell.pop("required", None)
        found += [(column.name, code, reason) for code, reason in cell.items()]
    found += [(rule.column, rule.code, row_reason(rule.words)) for rule in table.rules]
    return tuple(Rule(number, *rule) for number, rule in enumerate(found, start=1))


def cell_rules(column: Column, formats: Formats, delivered_on: date, *, free_register_ids: bool) -> dict[str, Message]:
    """Return the rules of one column, as reasons by rule code."""
    what = column.words
    rules: dict[str, Message] = {}
    if column.required:
        rules["required"] = _required(column, free_register_ids=free_register_ids)
    rules["control_character"] = message(
        "The field '{what}' must hold no control characters. Type it again and deliver the file again.", what=what
    )
    if column.kind is Kind.TEXT or column.pattern:
        rules["too_long"] = plural(
            "The field '{what}' must have at most {count} character. Shorten it, and see whether a quotation mark is missing in this row or the one before.",
            "The field '{what}' must have at most {count} characters. Shorten it, and see whether a quotation mark is missing in this row or the one before.",
            column.max_length,
            what=what,
        )
    rules |= _form_rules(column, formats)
    if column.low is not None:
        rules["too_low"] = _too_low(what, column.low)
    if column.high is not None:
        rules["too_high"] = _too_high(what, column.high)
    if column.kind is Kind.DATE and not column.may_be_future:
        rules["in_future"] = message(
            "The field '{what}' must not be later than the day of the delivery, {day}. Correct the date, or deliver the row when it has happened.",
            what=what,
            day=shown(delivered_on.isoformat()),
        )
    return rules


def _too_low(what: Spoken, low: float | str) -> Message:
    if isinstance(low, str):
        return message(
            "The field '{what}' must not be earlier than {low}. Correct the date in the register and deliver the file again.",
            what=what,
            low=shown(low),
        )
    return message(
        "The field '{what}' must be {low} or more. Correct it in the register and deliver the file again.",
        what=what,
        low=shown(low),
    )


def _too_high(what: Spoken, high: float | str) -> Message:
    if isinstance(high, str):
        return message(
            "The field '{what}' must not be later than {high}. Correct the date in the register and deliver the file again.",
            what=what,
            high=shown(high),
        )
    return message(
        "The field '{what}' must be {high} or less. Correct it in the register and deliver the file again.",
        what=what,
        high=shown(high),
    )


def _required(column: Column, *, free_register_ids: bool) -> Message:
    if column.name != "pupil_id":
        return message(
            "The field '{what}' must not be empty. Fill it in in the register and deliver the file again.",
            what=column.words,
        )
    if free_register_ids:
        return message("Every row must name its pupil by the register id. Fill it in and deliver the file again.")
    return message(
        "Every row must name its pupil by a personal code of 11 figures. Correct it; in a spreadsheet, format the column as text first, so that no leading zero is lost."
    )


def _form_rules(column: Column, formats: Formats) -> dict[str, Message]:
    match column.kind:
        case Kind.TEXT:
            return {}
        case Kind.CODE:
            return _code_rules(column)
        case Kind.INTEGER | Kind.DECIMAL:
            return _number_rules(column, formats)
        case Kind.FLAG:
            listed = ", ".join((*formats.true_words, *formats.false_words))
            flag = message(
                "The field '{what}' must say yes or no in one of these words: {words}. Correct it, or list the word in the mapping.",
                what=column.words,
                words=listed,
            )
            return {"not_a_flag": flag}
        case Kind.DATE:
            return _date_rules(column, formats)


def _code_rules(column: Column) -> dict[str, Message]:
    if column.codes:
        listed = message(
            "The field '{what}' must hold one of the listed words: {words}. Correct it, or give the word in the mapping.",
            what=column.words,
            words=_Listed(column),
        )
        return {"unknown_code": listed}
    form = message(
        "The field '{what}' must have its declared form, for example {example}. Correct it; in a spreadsheet, format the column as text first.",
        what=column.words,
        example=column.example or example_of(column.pattern),
    )
    return {"not_in_form": form}


def _number_rules(column: Column, formats: Formats) -> dict[str, Message]:
    what = column.words
    ambiguous = message(
        "The field '{what}' must be a number that can be read in one way only; here a comma or full stop may mean thousands or a fraction. Write thousands with a space or with nothing between them.",
        what=what,
    )
    if column.kind is Kind.INTEGER:
        whole = message("The field '{what}' must be a whole number in figures. Correct it.", what=what)
        return {"ambiguous_number": ambiguous, "not_an_integer": whole}
    if formats.decimal_comma:
        number = message(
            "The field '{what}' must be a number in figures with a decimal comma, such as 7,5. Correct it, or name the decimal mark in the mapping.",
            what=what,
        )
    else:
        number = message(
            "The field '{what}' must be a number in figures with a decimal point, such as 7.5. Correct it, or name the decimal mark in the mapping.",
            what=what,
        )
    return {"ambiguous_number": ambiguous, "not_a_decimal": number}


def _date_rules(column: Column, formats: Formats) -> dict[str, Message]:
    forms = _Forms(column, formats)
    impossible = message(
        "The field '{what}' must be a day of the calendar, read as {forms}. Correct day, month or year.",
        what=column.words,
        forms=forms,
    )
    no_date = message(
        "The field '{what}' must be a date written as {forms}. Correct it, or list its form in the mapping.",
        what=column.words,
        forms=forms,
    )
    return {"impossible_date": impossible, "not_a_date": no_date}


@dataclass(frozen=True)
class _Listed:
    """The words of a closed list, in a language."""

    column: Column

    def in_language(self, language: str) -> str:
        codes = self.column.codes
        told = "; ".join(f"{code} ({words.in_language(language)})" for code, words in codes.items())
        # The text around the list takes the rest.
        return told if len(told) <= LONGEST_REASON - 200 else ", ".join(codes)


@dataclass(frozen=True)
class _Forms:
    """The date forms of a file, in a language."""

    column: Column
    formats: Formats

    def in_language(self, language: str) -> str:
        letters = {
            "%Y": "gggg" if language == "lv" else "yyyy",
            "%m": "mm",
            "%d": "dd",
            "%H": "hh",
            "%M": "mm",
            "%S": "ss",
        }
        letters["%B"] = "novembris" if language == "lv" else "novembris (the Latvian name of the month)"
        told = [
            "".join(letters.get(part, part) for part in re.findall("%.|.", form))
            for form in forms_of(self.column, self.formats)
        ]
        if any(form in EXCEL_DAY_ZERO for form in self.formats.date_forms):
            told.append("12345 (Excel)")
        return ", ".join(told)


def shown(bound: float | str) -> Message | str:
    """Return a bound as people write it: a date in the form of the language, a number without needless figures."""
    if isinstance(bound, str):
        day = date.fromisoformat(bound)
        return message("{year}-{month}-{day}", year=f"{day.year:04d}", month=f"{day.month:02d}", day=f"{day.day:02d}")
    return str(int(bound)) if bound == int(bound) else str(bound)


def row_reason(words: Spoken) -> Message:
    """Return the reason of a row rule: what must hold, then what to do."""
    return message("{rule} Correct the row in the register and deliver the file again.", rule=words)


def conflict_reason(table: Table) -> Message:
    """Return the reason of rows that say different things about one fact."""
    return message(
        "Two rows about the same fact must not differ (same: {columns}). None of them was used: keep the right one, or give the later one the date on which it became known.",
        columns=", ".join((*table.key, *([table.known] if table.known else []))),
    )


def reference_reason(reference: Reference) -> Message:
    """Return the reason of a row that names something which its table does not have."""
    return message(
        "Each row must name a {columns} that stands in the table {table} and was not put aside there. Add or correct the row in {table}, or correct it here.",
        columns=", ".join(reference.columns),
        table=reference.to_table,
    )


def before_birth_reason() -> Message:
    """Return the reason of a row dated before the pupil was born."""
    return message(
        "Nothing must be dated before the pupil's month of birth. Correct this date or the date of birth in the table pupil."
    )


def more_than_planned_reason() -> Message:
    """Return the reason of an absence that is longer than the week."""
    return message(
        "No more lessons must be missed than were planned in that week. Correct the lessons here, or those of the week in the table lessons_planned."
    )


def impossible_age_reason() -> Message:
    """Return the reason of a stay at an age that the stage does not have."""
    return message(
        "The age on the first day must suit the stage. Correct the date of birth in the table pupil, or the first day and stage here."
    )


def warning_text(code: str, column: Spoken | str, count: int) -> Message:
    """Return what a counted warning says."""
    match code:
        case "sentinel_date":
            return plural(
                "The field '{what}' held a day that programs write for 'no date' (1900, 1970, 9999) in {count} row; it was read as empty.",
                "The field '{what}' held a day that programs write for 'no date' (1900, 1970, 9999) in {count} rows; it was read as empty.",
                count,
                what=column,
            )
        case "invisible_character":
            return plural(
                "Invisible characters were removed from the field '{what}' in {count} row.",
                "Invisible characters were removed from the field '{what}' in {count} rows.",
                count,
                what=column,
            )
        case "empty_column":
            return plural(
                "The field '{what}' is empty in {count} row, the only one: there are no data in it.",
                "The field '{what}' is empty in all {count} rows: there are no data in it.",
                count,
                what=column,
            )
        case "unusual_age":
            return plural(
                "In {count} stay the pupil is older than usual for the stage; it was used.",
                "In {count} stays the pupils are older than usual for the stage; they were used.",
                count,
            )
    raise KeyError(code)
