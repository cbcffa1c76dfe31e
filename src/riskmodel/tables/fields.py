"""One field of a delivery: its text, read strictly as the declared kind, said in SQL.

A field is text first. Nothing is guessed from its neighbours: a date is read by the listed forms only, a number by
the one decimal mark, a code by its declared words. What cannot be read has a rule code that says why.
Each kind has a fast way for text in its plain form and a careful way for the rest, so that a clean file costs
little more than reading it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.tables.schema import Column, Kind

Way = tuple[str, str]
"""A condition over a field's text and the value where it holds, both in SQL."""

ISO_DATE = "%Y-%m-%d"
DAY_FIRST = "%d.%m.%Y"
EXCEL_SERIAL, EXCEL_1904_SERIAL = "excel", "excel_1904"
EXCEL_DAY_ZERO = {EXCEL_SERIAL: "1899-12-30", EXCEL_1904_SERIAL: "1904-01-01"}
WHOLE_MONTH_FORMS = {ISO_DATE: "%Y-%m", DAY_FIRST: "%m.%Y"}
"""Further forms of a column of which only the month is kept."""

DIRECTIVES = {
    "%Y": "([0-9]{4})",
    "%m": "([0-9]{1,2})",
    "%d": "([0-9]{1,2})",
    "%H": "[0-9]{1,2}",
    "%M": "[0-9]{2}",
    "%S": "[0-9]{2}",
}
MONTH_NAMES = "janvār|februār|mart|aprīl|maij|jūnij|jūlij|august|septembr|oktobr|novembr|decembr"
DIRECTIVES["%B"] = f"((?i:{MONTH_NAMES})(?i:is|s|ī|ā))"
"""What a date form may hold; ``%B`` is the Latvian name of the month, also in the locative (novembris, novembrī)."""

SENTINEL_DATES = ("0001-01-01", "1899-12-30", "1899-12-31", "1900-01-01", "1970-01-01", "9999-12-31")
"""Days that programs write where they know none: they are read as missing, and counted."""
ZERO_DATES = ("0000-00-00", "00.00.0000")

INVISIBLE = r"[\x{00ad}\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2060}-\x{2064}\x{2066}-\x{2069}\x{feff}]"
"""Soft hyphens, zero-width characters and marks of writing direction: removed, and counted."""
BLANK = r"[\s\x{00a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]+"
PLAIN_TEXT = r"[!-~\x{00c0}-\x{017f}]+( [!-~\x{00c0}-\x{017f}]+)*"
"""Text that cleaning leaves as it is: ASCII and whole Latin letters, single blanks."""
CONTROL = r"[\x00-\x08\x0b\x0e-\x1f\x7f\x{0080}-\x{009f}]"
"""Control characters without tab and line breaks, which count as blanks."""
STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?"
ZONE = r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)"
HOME_ZONE = "Europe/Riga"


@dataclass(frozen=True)
class Formats:
    """How the texts of one file are written; from the mapping of the delivery.

    Parameters
    ----------
    decimal_comma
        Numbers have a decimal comma (the usual form of Latvian offices), else a decimal point.
        Thousands may be set apart by spaces in both.
    date_forms
        The forms in which dates may stand: ``%Y %m %d %B`` with the signs between them, ``excel`` for serial day
        numbers or ``excel_1904``. With ``%Y-%m-%d`` time stamps are read too, and those with a zone are brought to
        the date in Riga.
    true_words, false_words
        Words of a yes-or-no field, compared without case and diacritics.

    Raises
    ------
    UsageError
        For a form that is not known, or two forms that would read the same text as two days.

    >>> Formats(decimal_comma=True, date_forms=("%d.%m.%Y", "%Y. gada %d. %B")).decimal_mark
    ','
    """

    decimal_comma: bool = False
    date_forms: tuple[str, ...] = (ISO_DATE,)
    true_words: tuple[str, ...] = ("1", "jā", "j", "x", "true", "yes", "y")
    false_words: tuple[str, ...] = ("0", "nē", "n", "false", "no")

    def __post_init__(self) -> None:
        seen: dict[str, str] = {}
        for form in self.date_forms:
            if form not in EXCEL_DAY_ZERO and not _is_date_form(form):
                raise UsageError(
                    message(
                        "A date form must hold %Y, %d and %m or %B once each, and no letters that stand for anything else."
                    ),
                    found=message("The form {form} does not.", form=form),
                    remedy=message("Write for instance %d.%m.%Y, %Y-%m-%d, excel, or %Y. gada %d. %B."),
                )
            shape = form if form in EXCEL_DAY_ZERO else re.sub("%[dm]", "%", form)
            if shape in EXCEL_DAY_ZERO:
                shape = EXCEL_SERIAL
            if seen.setdefault(shape, form) != form:
                raise UsageError(
                    message("Two date forms of one file must not read the same text as two different days."),
                    found=message("{one} and {other} can.", one=seen[shape], other=form),
                    remedy=message("Keep the form in which the file is written."),
                )

    @property
    def decimal_mark(self) -> str:
        """The sign between whole and fraction."""
        return "," if self.decimal_comma else "."


def literal(text: str) -> str:
    """Return ``text`` as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def name_of(column: str) -> str:
    """Return a column's name as an SQL identifier."""
    return '"' + column.replace('"', '""') + '"'


def clean(source: str) -> str:
    """Return SQL for a text in NFC without invisible characters, with single blanks; NULL when nothing is left."""
    visible = f"regexp_replace(nfc_normalize({source}), {literal(INVISIBLE)}, '', 'g')"
    return f"nullif(trim(regexp_replace({visible}, {literal(BLANK)}, ' ', 'g')), '')"


def has_invisible(source: str) -> str:
    """Return SQL that is true for a text with invisible characters (a look at the text only where it is not ASCII)."""
    return f"(length({source}) <> strlen({source}) AND regexp_matches({source}, {literal(INVISIBLE)}))"


def fold(text: str) -> str:
    """Return ``text`` as words of closed lists are compared: letters and digits alone, no case, no diacritics.

    >>> fold("Pārgājis uz citu iestādi") == fold("PARGAJIS  UZ CITU IESTADI")
    True
    """
    letters = unicodedata.normalize("NFD", text.lower())
    return "".join(letter for letter in letters if unicodedata.category(letter)[0] in "LN")


def fold_sql(source: str) -> str:
    """Return SQL for :func:`fold`."""
    return f"regexp_replace(strip_accents(lower({source})), '[^\\pL\\pN]', '', 'g')"


def code_words(column: Column) -> dict[str, str]:
    """Return the folded words of a closed list and the code that each means.

    A code may be written as itself or as its Latvian or English words. Words that two codes share mean none of them.
    """
    meanings: dict[str, set[str]] = {}
    for code, words in column.codes.items():
        for text in (words.en, words.lv):
            meanings.setdefault(fold(text), set()).add(code)
    own = {fold(code): code for code in column.codes}
    return {text: next(iter(codes)) for text, codes in meanings.items() if len(codes) == 1 and text} | own


def value_sql(column: Column, formats: Formats) -> str:
    """Return SQL for the typed value of a field; NULL where the text is blank or cannot be read."""
    plain, careful = _ways(column, formats, name_of(column.name), clean(name_of(column.name)))
    return _chosen([*plain, *careful])


def careful_sql(column: Column, formats: Formats) -> str:
    """Return SQL for the cleaned text of a field that is not in a plain form: '' when blank, NULL when plain."""
    source = name_of(column.name)
    plain, _ = _ways(column, formats, source, source)
    is_plain = " OR ".join(condition for condition, _ in plain) or "false"
    return f"CASE WHEN {is_plain} THEN NULL ELSE coalesce({clean(source)}, '') END"


def value_of_careful_sql(column: Column, formats: Formats, careful: str) -> str:
    """Return SQL for what :func:`value_sql` returns, where ``careful`` names what :func:`careful_sql` returned.

    So the cleaning of a text stands once in the SQL of a whole table, which then is planned in a third of the time.
    """
    plain, ways = _ways(column, formats, name_of(column.name), careful)
    if not plain:
        return _chosen(ways)
    *others, (_, last) = plain
    fast = f"CASE {_whens(others)} ELSE {last} END" if others else last
    return f"CASE WHEN {careful} IS NULL THEN {fast} {_whens(ways)} END"


def _chosen(ways: list[Way]) -> str:
    # CASE looks at the careful ways only where the fast ones fail; coalesce would evaluate them all.
    return f"CASE {_whens(ways)} END"


def _whens(ways: list[Way]) -> str:
    return " ".join(f"WHEN {condition} THEN {value}" for condition, value in ways)


def _ways(column: Column, formats: Formats, source: str, text: str) -> tuple[list[Way], list[Way]]:
    """Return the fast ways for the field as it stands, and the careful ways for its cleaned text."""
    match column.kind:
        case Kind.TEXT:
            ways = _text(source, text, column)
        case Kind.CODE if column.codes:
            ways = _listed_code(source, text, column)
        case Kind.CODE:
            ways = _patterned(source, text, column)
        case Kind.INTEGER:
            ways = _integer(source, text, formats)
        case Kind.DECIMAL:
            ways = _decimal(source, text, formats)
        case Kind.DATE:
            ways = _date(source, text, column, formats)
        case Kind.FLAG:
            ways = _flag(source, text, formats)
    return ways


def unreadable_sql(column: Column, formats: Formats, text: str) -> list[tuple[str, str]]:
    """Return the rules that a field which is not blank and could not be read may break, as (rule code, SQL).

    ``text`` is SQL for its cleaned text. The first condition that is true names the rule; the last is always true.
    """
    source = name_of(column.name)
    rules = [("control_character", f"regexp_matches({source}, {literal(CONTROL)})")]
    if column.kind is Kind.TEXT or column.pattern:
        rules.append(("too_long", f"length({text}) > {column.max_length}"))
    number = _with_thousands(text)
    other = r"\." if formats.decimal_comma else ","
    ambiguous = (
        "ambiguous_number",
        f"regexp_full_match({number}, '[+-]?[0-9]{{1,3}}({other}[0-9]{{3}})+([.,][0-9]*)?')",
    )
    match column.kind:
        case Kind.TEXT:
            return [*rules[:1], ("too_long", "true")]
        case Kind.CODE:
            return [*rules, ("not_in_form" if column.pattern else "unknown_code", "true")]
        case Kind.INTEGER:
            return [*rules, ambiguous, ("not_an_integer", "true")]
        case Kind.DECIMAL:
            return [*rules, ambiguous, ("not_a_decimal", "true")]
        case Kind.DATE:
            shapes = [f"regexp_full_match({text}, {literal(_shape(form))})" for form in forms_of(column, formats)]
            return [*rules, ("impossible_date", " OR ".join(shapes) or "false"), ("not_a_date", "true")]
        case Kind.FLAG:
            return [*rules, ("not_a_flag", "true")]


def forms_of(column: Column, formats: Formats) -> tuple[str, ...]:
    """Return the date forms, serial numbers left out, in which a column may be written."""
    forms = tuple(form for form in formats.date_forms if form not in EXCEL_DAY_ZERO)
    if not column.whole_month:
        return forms
    return forms + tuple(WHOLE_MONTH_FORMS[form] for form in forms if form in WHOLE_MONTH_FORMS)


def _is_date_form(form: str) -> bool:
    directives = re.findall("%.?", form)
    rest = re.sub("%.", "", form).replace("gada", "")
    known = all(directive in DIRECTIVES for directive in directives) and len(set(directives)) == len(directives)
    return (
        known
        and {"%Y", "%d"} <= set(directives)
        and len({"%m", "%B"} & set(directives)) == 1
        and not any(letter.isalnum() for letter in rest)
    )


def _text(source: str, text: str, column: Column) -> tuple[list[Way], list[Way]]:
    plain = f"regexp_full_match({source}, {literal(PLAIN_TEXT)}) AND length({source}) <= {column.max_length}"
    has_control = f"regexp_matches({source}, {literal(CONTROL)})"
    fits = f"{text} <> '' AND length({text}) <= {column.max_length}"
    return [(plain, source)], [(has_control, "NULL"), (fits, text)]


def _listed_code(source: str, text: str, column: Column) -> tuple[list[Way], list[Way]]:
    listed = ", ".join(literal(code) for code in column.codes)
    meanings = code_words(column)
    words, codes = (", ".join(map(literal, texts)) for texts in (meanings.keys(), meanings.values()))
    # CASE with an operand would fold the text once for each word.
    spelled = f"[{codes}][list_position([{words}], {fold_sql(text)})]"
    return [(f"{source} IN ({listed})", source)], [("true", spelled)]


def _patterned(source: str, text: str, column: Column) -> tuple[list[Way], list[Way]]:
    pattern = literal(column.pattern)
    plain = f"regexp_full_match({source}, {pattern}) AND strlen({source}) <= {column.max_length}"
    spellings = (text, f"lower({text})", f"upper({text})")
    ways = [(f"regexp_full_match({spelling}, {pattern})", spelling) for spelling in spellings]
    return [(plain, source)], [(f"length({text}) > {column.max_length}", "NULL"), *ways]


def _with_thousands(text: str) -> str:
    """Return SQL for a number's text with the true minus sign and no blanks (thousands) between groups of three."""
    grouped = r"[+-]?[0-9]{1,3}( [0-9]{3})+([.,][0-9]*)?"
    signed = f"replace({text}, '−', '-')"
    return f"CASE WHEN regexp_full_match({signed}, '{grouped}') THEN replace({signed}, ' ', '') ELSE {signed} END"


def _integer(source: str, text: str, formats: Formats) -> tuple[list[Way], list[Way]]:
    mark = re.escape(formats.decimal_mark)
    plain = f"regexp_full_match({source}, '[0-9]{{1,18}}')"
    whole = f"regexp_extract({_with_thousands(text)}, '^([+-]?[0-9]{{1,18}})({mark}0)?$', 1)"
    return [(plain, f"CAST({source} AS BIGINT)")], [("true", f"TRY_CAST(nullif({whole}, '') AS BIGINT)")]


def _decimal(source: str, text: str, formats: Formats) -> tuple[list[Way], list[Way]]:
    def value(number: str) -> str:
        pointed = f"replace({number}, ',', '.')" if formats.decimal_comma else number
        return f"TRY_CAST({pointed} AS DOUBLE)"

    plain = f"[0-9]{{1,15}}({re.escape(formats.decimal_mark)}[0-9]{{1,15}})?"
    number = _with_thousands(text)
    # Zero is said without a sign: -0 and 0 are the same fact.
    signed = f"CASE WHEN {value(number)} = 0 THEN 0 ELSE {value(number)} END"
    return (
        [(f"regexp_full_match({source}, '{plain}')", value(source))],
        [(f"regexp_full_match({number}, '[+-]?{plain}')", signed)],
    )


def _flag(source: str, text: str, formats: Formats) -> tuple[list[Way], list[Way]]:
    folded = f"strip_accents(lower({text}))"
    ways = []
    for truth, words in (("true", formats.true_words), ("false", formats.false_words)):
        listed = ", ".join(f"strip_accents(lower({literal(word)}))" for word in words)
        ways.append((f"{folded} IN ({listed})", truth))
    return [], ways


def _date(source: str, text: str, column: Column, formats: Formats) -> tuple[list[Way], list[Way]]:
    forms = forms_of(column, formats)
    plain = [way for form in forms for way in _fixed_date(source, form)]
    careful = [_spelled_date(text, form) for form in forms]
    if ISO_DATE in forms:
        careful += _stamp(text)
    for form in formats.date_forms:
        if form in EXCEL_DAY_ZERO:
            days = f"CAST(regexp_extract({text}, '^[0-9]{{1,5}}') AS INTEGER)"
            day = f"DATE '{EXCEL_DAY_ZERO[form]}' + {days}"
            careful.append((f"regexp_full_match({text}, '[0-9]{{1,5}}([.,][0-9]+)?')", day))
    if column.whole_month:
        plain, careful = (
            [(condition, f"CAST(date_trunc('month', {day}) AS DATE)") for condition, day in ways]
            for ways in (plain, careful)
        )
    return plain, careful


def _fixed_date(source: str, form: str) -> list[Way]:
    """Return the fast way for a form of ten characters in figures; nothing for another form."""
    if set(re.findall("%.", form)) != {"%Y", "%m", "%d"} or len(form) != len(ISO_DATE):
        return []
    place, at = {}, 1
    for part in re.findall("%.|.", form):
        place[part] = at
        at += {"%Y": 4, "%m": 2, "%d": 2}.get(part, 1)
    figures = re.escape(form).replace("%Y", "[0-9]{4}").replace("%m", "[0-9]{2}").replace("%d", "[0-9]{2}")
    iso = " || '-' || ".join(
        f"substr({source}, {place[directive]}, {length})" for directive, length in (("%Y", 4), ("%m", 2), ("%d", 2))
    )
    iso = source if form == ISO_DATE else f"({iso})"
    return [(f"regexp_full_match({source}, {literal(figures)})", f"TRY_CAST({iso} AS DATE)")]


def _shape(form: str) -> str:
    """Return the regular expression of a date form; days and months may have one figure, and a full stop may end it."""
    parts = re.findall("%.|.", form)
    return "".join(DIRECTIVES.get(part) or re.escape(part) for part in parts) + (r"\.?" if "." in form else "")


def _spelled_date(text: str, form: str) -> Way:
    shape = literal(_shape(form))
    groups = [part for part in re.findall("%.", form) if part in {"%Y", "%m", "%d", "%B"}]

    def part(directive: str) -> str:
        return f"regexp_extract({text}, {shape}, {groups.index(directive) + 1})"

    if "%B" in groups:
        stems = ", ".join(literal(name[:3]) for name in MONTH_NAMES.split("|"))
        month = f"CAST(list_position([{stems}], lower(left({part('%B')}, 3))) AS VARCHAR)"
    else:
        month = part("%m")
    day = f"lpad({part('%d')}, 2, '0')" if "%d" in groups else "'01'"
    iso = f"({part('%Y')} || '-' || lpad({month}, 2, '0') || '-' || {day})"
    return f"regexp_full_match({text}, {shape})", f"TRY_CAST({iso} AS DATE)"


def _stamp(text: str) -> list[Way]:
    pointed = f"replace({text}, ',', '.')"
    riga = f"CAST(timezone('{HOME_ZONE}', TRY_CAST({pointed} AS TIMESTAMPTZ)) AS DATE)"
    return [
        (f"regexp_full_match({text}, {literal(STAMP + ' ?' + ZONE)})", riga),
        (f"regexp_full_match({text}, {literal(STAMP)})", f"CAST(TRY_CAST({pointed} AS TIMESTAMP) AS DATE)"),
    ]
