"""What a view notebook needs beside :mod:`riskmodel.views.pages`: to read its extract, and to say that it came to its end."""

from __future__ import annotations

import json
from typing import Any

from markupsafe import Markup

from riskmodel.messages import LANGUAGES, Language
from riskmodel.views import pages, texts

END = Markup("<!-- end of view {} -->")


def read(extract: str) -> dict[str, Any]:
    """Return the extract that the portal handed over as JSON text."""
    found: dict[str, Any] = json.loads(extract)
    return found


def end(nonce: str) -> pages.Fragment:
    """Return the mark of the end; without it the portal shows nothing of a view."""
    return pages.Fragment(end_mark(nonce))


def end_mark(nonce: str) -> str:
    """Return the mark that a whole view ends with."""
    return END.format(nonce)


def in_words(language: str) -> Language:
    """Return the language; ValueError for one that the pages do not speak."""
    for known in LANGUAGES:
        if known == language:
            return known
    raise ValueError(f"the pages speak {' and '.join(LANGUAGES)}")


def warm_up() -> None:
    """Read what every view reads, before anyone waits for it."""
    texts.read_words()
    pages.compile_templates()
    for language in LANGUAGES:
        pages.problem(404, language, pages.Addresses(language))
