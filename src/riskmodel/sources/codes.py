"""Register ids in the form in which they are compared, and the rules that a Latvian personal code keeps.

Nothing is ever padded or guessed. All codes of a delivery are judged at once: a country has some hundred thousand.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from riskmodel.tables.fields import BLANK, INVISIBLE

Numbers = np.ndarray[Any, np.dtype[Any]]

MAX_REGISTER_ID_LENGTH = 40
CODE_FIGURES = 11
PLACEHOLDERS = ("12345678901", "01234567890", "12345678910", *(figure * CODE_FIGURES for figure in "0123456789"))
HYPHENS = "-\u2010\u2011\u2012\u2013\u2014\u2212"
LEFT_OUT = dict.fromkeys(map(ord, HYPHENS + " "))
CHECK_WEIGHTS = (10, 5, 8, 4, 2, 1, 6, 3, 7, 9)
"""Of an old personal code; the check figure is (1 + weighted sum) mod 11 mod 10."""
FIRST_CENTURY, LAST_CENTURY_FIGURE = 1800, 2
"""The seventh figure of an old code, 0 to 2, is the century of birth."""
PLAIN = r"\A[0-9]{6}-?[0-9]{5}\z"
PERSONAL_CODE = r"\A[0-9]{11}\z"
NEW_CODE = r"\A3[2-9]"
"""How a personal code begins that was given since July 2017."""


def _python_class(expression: str) -> str:
    """Return a character class written for SQL (``\\x{200b}``) in Python's way."""
    return re.sub(r"\\x\{([0-9a-f]{4})\}", r"\\u\1", expression)


_INVISIBLE, _BLANK = re.compile(_python_class(INVISIBLE)), re.compile(_python_class(BLANK))
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")


CODES_AT_ONCE = 1 << 16
"""How many register ids of a column stand as texts of their own in memory at a time."""
CODES = pa.schema([(name, pa.string()) for name in ("raw", "text", "fault", "warning")])
"""Register ids by their raw texts: those of :class:`Code`, empty where a code breaks no rule and earns no warning."""


class Code(NamedTuple):
    """A register id as it is compared, with the rule that it breaks ("" for none) and the warning that it earns."""

    text: str
    fault: str = ""
    warning: str = ""


FORM_RULES: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("code_in_scientific_form", lambda text: re.fullmatch(r"[0-9]([.,][0-9]+)?[eE][+]?[0-9]+", text) is not None),
    ("code_lost_figure", lambda text: re.fullmatch("[0-9]{10}", text) is not None),
    ("code_form", lambda text: re.fullmatch("[0-9]{11}", text) is None),
)
"""The rules of the form of a personal code and what breaks them; the first that is broken is reported."""


def normalised(texts: Sequence[str], *, free: bool) -> list[Code]:
    """Return register ids in the form in which they are compared.

    A Latvian personal code is 11 ASCII figures; hyphens and blanks are left out. A new code (3, then 2 to 9) is
    accepted by its form alone: by law it has no date and no check figure. An old one must begin with a day of the
    calendar; a wrong check figure is a warning only. ``free`` ids are any short text.

    >>> [code.text for code in normalised(["320101-12345"], free=False)]
    ['32010112345']
    >>> [code.fault for code in normalised(["1010112345"], free=False)]
    ['code_lost_figure']
    """
    if free:
        return [_free(text) for text in texts]
    listed = pa.array(texts, pa.string())
    is_plain = pc.match_substring_regex(listed, PLAIN)
    if pc.all(is_plain).as_py() is not False:  # nearly always
        return _judged([Code(text) for text in pc.replace_substring(listed, "-", "").to_pylist()])
    plain = is_plain.to_pylist()
    return _judged(
        [Code(text.replace("-", "")) if here else _careful(text) for text, here in zip(texts, plain, strict=True)]
    )


def normalised_column(texts: pa.Array, *, free: bool) -> pa.Table:
    """Return what :func:`normalised` says of a column of different texts, in the columns of ``CODES``."""
    parts = []
    for begin in range(0, len(texts), CODES_AT_ONCE):
        raw = texts.slice(begin, CODES_AT_ONCE)
        found = normalised(raw.to_pylist(), free=free)
        said = ([code.text for code in found], *([code[at] or None for code in found] for at in (1, 2)))
        parts.append(pa.record_batch([raw, *(pa.array(one, pa.string()) for one in said)], schema=CODES))
    return pa.Table.from_batches(parts, CODES)


def cleaned(text: str) -> str:
    """Return a text in NFC with single blanks and without invisible characters."""
    return _BLANK.sub(" ", _INVISIBLE.sub("", unicodedata.normalize("NFC", text))).strip()


def has_control(text: str) -> bool:
    """Return whether a text holds a control character."""
    return _CONTROL.search(text) is not None


def _free(text: str) -> Code:
    if has_control(text):
        return Code("", "control_character")
    plain = cleaned(text)
    return Code(plain, "" if len(plain) <= MAX_REGISTER_ID_LENGTH else "code_too_long")


def _careful(text: str) -> Code:
    """Return the 11 figures of a code that is written in another form, or the rule of the form that it breaks."""
    if has_control(text):
        return Code("", "control_character")
    figures = cleaned(text).translate(LEFT_OUT)
    whole = re.sub("[.,]0+$", "", figures)
    if fault := next((rule for rule, is_broken in FORM_RULES if is_broken(whole)), ""):
        return Code("", fault)
    return Code(whole, "", "code_with_decimals" if whole != figures else "")


def _judged(codes: list[Code]) -> list[Code]:
    """Return codes with the rules that their 11 figures break, and warnings of their check figures."""
    texts = [code.text for code in codes if not code.fault]
    figures = np.frombuffer("".join(texts).encode(), np.uint8).reshape(-1, CODE_FIGURES).astype(np.int64) - ord("0")
    is_placeholder = pc.is_in(pa.array(texts, pa.string()), value_set=pa.array(PLACEHOLDERS)).to_numpy(False)
    is_new = (figures[:, 0] == 3) & (figures[:, 1] >= 2)  # as NEW_CODE
    total = 1 + figures[:, :10] @ np.array(CHECK_WEIGHTS)
    has_check_figure = total % 11 % 10 == figures[:, 10]
    fault = np.where(is_placeholder, 1, np.where(is_new | _has_birth_date(figures), 0, 2))
    suspect = iter(np.where(fault > 0, fault, np.where(is_new | has_check_figure, 0, 3)).tolist())
    found = []
    for code in codes:
        kind = 0 if code.fault else next(suspect)
        if kind in (1, 2):
            found.append(Code("", "code_placeholder" if kind == 1 else "code_impossible_date"))
        elif kind == 0 or code.warning:
            found.append(code)
        else:
            found.append(code._replace(warning="code_check_figure"))
    return found


def _has_birth_date(figures: Numbers) -> Numbers:
    """Return which codes begin with a day of the calendar."""
    day, month, year, century = (
        figures[:, 0] * 10 + figures[:, 1],
        figures[:, 2] * 10 + figures[:, 3],
        figures[:, 4] * 10 + figures[:, 5],
        figures[:, 6],
    )
    year = FIRST_CENTURY + 100 * century + year
    is_leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    days = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])[np.where(month <= 12, month, 0)]
    days += (month == 2) & is_leap
    found: Numbers = (century <= LAST_CENTURY_FIGURE) & (day >= 1) & (day <= days)
    return found
