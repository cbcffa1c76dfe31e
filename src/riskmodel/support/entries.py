"""What may stand in a command at all, whichever verb it is of: how long a text, how large a number, which codes, which days."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from riskmodel.errors import UsageError
from riskmodel.messages import Message, message
from riskmodel.register.grants import MUNICIPALITY_CODE, PUPIL_ID, SCHOOL_ID
from riskmodel.support.schema.papers import CERTIFICATE_KINDS, PAPER_KINDS, STAGE_KINDS
from riskmodel.support.schema.plans import DECISIONS
from riskmodel.support.schema.services import CONTACT_KINDS, MODES

MOST_OF_A_NAME = 200
"""Characters of a name, a title, a number of a paper, a code."""
MOST_OF_A_TEXT = 2_000
"""Characters of what people write in their own words."""
OWN_WORDS = frozenset({"told", "justification", "reason", "aim", "why_no_paper", "how_organised", "when_acknowledged"})
"""The fields of people's own words; they may have lines."""
MOST_ITEMS = 500
LARGEST_NUMBER = 2_147_483_647
"""What a column of whole numbers holds in both data bases; of money, more than 21 million euros."""

BOUNDS: Mapping[str, tuple[int, int]] = {
    "school_year": (2000, 2100),
    "year": (2017, 2100),
    "semester": (1, 2),
    "stage_number": (0, 12),
    "planned_times": (1, 500),
    "hours_per_week": (0, 60),
    "version": (1, LARGEST_NUMBER),
    "begins_minute": (0, 24 * 60 - 1),
    "minutes": (1, 24 * 60),
}
CODES: Mapping[str, Collection[str]] = {
    "stage_kind": STAGE_KINDS,
    "paper_kind": PAPER_KINDS,
    "certificate_kind": CERTIFICATE_KINDS,
    "mode": MODES,
    "contact_kind": CONTACT_KINDS,
    "decision": DECISIONS,
    "sent_to": ("parent", "municipality", "social_service", "orphans_court"),
}
FORMS: Mapping[str, re.Pattern[str]] = {
    "pupil_id": PUPIL_ID,
    "pupil_ids": PUPIL_ID,
    "school_id": SCHOOL_ID,
    "to_school_id": SCHOOL_ID,
    "municipality_code": MUNICIPALITY_CODE,
    "municipalities": MUNICIPALITY_CODE,
    "schools": SCHOOL_ID,
    "declared_municipality": MUNICIPALITY_CODE,
    "actual_municipality": MUNICIPALITY_CODE,
}
PERSONAL_CODE = re.compile(r"(?<![0-9])[0-9]{6}-[0-9]{5}(?![0-9])")
SPANS = (("valid_from", "valid_to"), ("opens_on", "closes_on"))
"""First day, and the one on which it is over: the second is later. Of a rule both days count, and they may be one."""
LINES = "\n\r\t"
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Letters that turn the direction of reading: what is shown would not be what was written."""


def check_entries(command: Any) -> None:
    """Refuse a command whose entries no verb could take.

    Raises
    ------
    UsageError
        With the field; never with what stood in it.
    """
    for field in fields(command):
        _check(field.name, getattr(command, field.name))
    for first, after in () if hasattr(command, "rule_id") else SPANS:
        begin, end = getattr(command, first, None), getattr(command, after, None)
        if begin is not None and end is not None and begin >= end:
            raise _unfit(
                after,
                message("A time begins before it ends."),
                message("The day of the end is not later than the first day."),
                message("Correct one of the two days."),
            )


def _check(name: str, value: object) -> None:
    if isinstance(value, str):
        _check_text(name, value)
    elif isinstance(value, int) and not isinstance(value, bool):
        _check_number(name, value)
    elif isinstance(value, Mapping):
        _check_items(name, [part for pair in value.items() for part in pair])
    elif isinstance(value, Sequence | frozenset | set):
        _check_items(name, list(value))
    elif is_dataclass(value) and not isinstance(value, type):
        check_entries(value)


def _check_items(name: str, items: Sequence[object]) -> None:
    if len(items) > MOST_ITEMS:
        raise _unfit(
            name,
            message("A list holds at most {most} entries.", most=MOST_ITEMS),
            message("This one is longer."),
            message("Divide it, and enter the parts one after the other."),
        )
    for item in items:
        _check(name, item)


def _check_text(name: str, text: str) -> None:
    is_own = name in OWN_WORDS
    most = MOST_OF_A_TEXT if is_own else MOST_OF_A_NAME
    if len(text) > most:
        raise _unfit(
            name,
            message("A text of this field has at most {most} characters.", most=most),
            message("It has {length}.", length=len(text)),
            message("Shorten it."),
        )
    if any(_is_unseen(letter) and not (is_own and letter in LINES) for letter in text):
        raise _unfit(
            name,
            message("A text holds letters and signs that can be seen."),
            message("There is a control character in it."),
            message("Type the text anew instead of pasting it."),
        )
    if PERSONAL_CODE.search(text):
        raise _unfit(
            name,
            message("No personal code stands in this register."),
            message("The text holds figures in the form of one."),
            message("Take them out; the pupil is known by the pseudonym, the plan by its code."),
        )
    if name in CODES and text not in CODES[name]:
        raise _unfit(
            name,
            message("This field holds one of: {codes}.", codes=", ".join(CODES[name])),
            message("The entry is none of them."),
            message("Choose from the list of the form."),
        )
    if name in FORMS and not FORMS[name].fullmatch(text):
        raise _unfit(
            name,
            message("Pupils, schools and municipalities are named by their codes in the register."),
            message("The entry is not in the form of such a code."),
            message("Choose from the list, or look the code up; municipalities have codes such as LV0001000."),
        )


def _is_unseen(letter: str) -> bool:
    return unicodedata.category(letter) in {"Cc", "Cs", "Cn", "Co"} or letter in TURNING


def _check_number(name: str, number: int) -> None:
    least, most = BOUNDS.get(name, (0, LARGEST_NUMBER))
    if not least <= number <= most:
        raise _unfit(
            name,
            message("A number of this field lies between {least} and {most}.", least=least, most=most),
            message("The entry does not."),
            message("Correct the number."),
        )


def _unfit(name: str, must: Message, found: Message, remedy: Message) -> UsageError:
    return UsageError(must, found=found, remedy=remedy, where=name)
