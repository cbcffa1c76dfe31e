"""Texts for people, in Latvian and English.

The English text is the message id; the Latvian text stands in ``locale/lv/<wing>.po``.
A message is made with :func:`message` (or :func:`plural`) where the fact is known and put into words
where the reader is: the same error speaks both languages.

>>> text = message("The file {file} is empty.", file="mark.csv")
>>> text.in_language("en")
'The file mark.csv is empty.'
"""

from __future__ import annotations

import gettext
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

Language = Literal["lv", "en"]
LANGUAGES: tuple[Language, ...] = ("lv", "en")

LOCALE_FOLDER = Path(__file__).parent / "locale"


@runtime_checkable
class Spoken(Protocol):
    """Whatever can say itself in a language: a message, or the declared words of a column."""

    def in_language(self, language: Language) -> str:
        """Return the words in ``language``."""
        ...


@dataclass(frozen=True)
class Message:
    """A text with named values, not yet in a language.

    ``many`` and ``count`` are set for a text with plural forms. Values are shown as they are: never put
    a name, a personal code or the content of a cell into one.
    """

    text: str
    values: Mapping[str, object] = field(default_factory=dict)
    many: str | None = None
    count: int | None = None

    def in_language(self, language: Language) -> str:
        """Return the text in ``language``; a value that has words of its own is put into the same language."""
        catalogue = translations(language)
        if self.many is None or self.count is None:
            pattern = catalogue.gettext(self.text)
        else:
            pattern = catalogue.ngettext(self.text, self.many, self.count)
        return pattern.format(**_said(self.values, language))

    def __str__(self) -> str:
        return self.in_language("en")


@dataclass(frozen=True)
class Words:
    """The same words in the two languages: for what is declared or read, and has no text in the catalogues.

    They may have named places, which :meth:`filled` fills; a day in one is shown as a day.

    >>> text = Words(en="The plan may begin from {day}.", lv="Plānu drīkst uzsākt no {day}")
    >>> text.filled(day=date(2026, 11, 22)).in_language("lv")
    'Plānu drīkst uzsākt no 22.11.2026.'
    """

    en: str
    lv: str
    values: Mapping[str, object] = field(default_factory=dict, hash=False)

    def filled(self, **values: object) -> Words:
        """Return the same words with values for their places; what has words of its own is said in the same language."""
        return Words(self.en, self.lv, {**self.values, **values})

    def in_language(self, language: str) -> str:
        """Return the words in ``"lv"`` or ``"en"``; without values as they stand, with braces and all.

        Raises
        ------
        KeyError
            For a place without a value, where others have one.
        """
        spoken: Language = "lv" if language == "lv" else "en"
        text = self.lv if spoken == "lv" else self.en
        if not self.values:
            return text
        shown = {name: Day(value) if type(value) is date else value for name, value in self.values.items()}
        return text.format(**_said(shown, spoken))


@dataclass(frozen=True)
class Day:
    """A calendar day in a sentence.

    >>> Day(date(2026, 11, 2)).in_language("lv"), Day(date(2026, 11, 2)).in_language("en")
    ('02.11.2026.', '2 Nov 2026')
    """

    on: date

    def in_language(self, language: Language) -> str:
        """Return the day as it is written in the language."""
        if language == "lv":
            return self.on.strftime("%d.%m.%Y.")
        from babel.dates import format_date  # noqa: PLC0415  (most commands show no day)

        return str(format_date(self.on, format="medium", locale="en_GB"))


def _said(values: Mapping[str, object], language: Language) -> dict[str, object]:
    return {name: value.in_language(language) if isinstance(value, Spoken) else value for name, value in values.items()}


def message(text: str, /, **values: object) -> Message:
    """Return the message ``text`` (English, with named places) filled with ``values``."""
    return Message(text, values)


def plural(one: str, many: str, count: int, /, **values: object) -> Message:
    """Return a message that agrees with ``count``, which the text may use as ``{count}``."""
    return Message(one, {"count": count, **values}, many, count)


@cache
def translations(language: Language) -> gettext.NullTranslations:
    """Return the catalogue of one language, read from its ``.po`` files and kept.

    Latvian is read from ``locale/lv/*.po``; English is the message ids themselves.
    """
    if language == "en":
        return gettext.NullTranslations()
    # Read here and not compiled at install time: no second copy of a text can go stale.
    from babel.messages.catalog import Catalog  # noqa: PLC0415  (70 ms that English does not pay)
    from babel.messages.mofile import write_mo  # noqa: PLC0415
    from babel.messages.pofile import read_po  # noqa: PLC0415

    whole = Catalog(locale=language)
    for path in sorted((LOCALE_FOLDER / language).glob("*.po")):
        with path.open("rb") as file:
            part = read_po(file, locale=language)
        # Babel has an order of the Latvian plural forms of its own; the one that our files declare counts.
        whole.mime_headers = [("Plural-Forms", part.plural_forms)]
        for entry in part:
            if entry.id and not entry.fuzzy and entry.string:
                whole.add(entry.id, entry.string)
    compiled = io.BytesIO()
    write_mo(compiled, whole)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
