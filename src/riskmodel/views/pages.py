"""The pages for staff: from published extracts to HTML, by one renderer that escapes everything.

A page has two parts. The *fragment* (made by ``school_page``, ``pupil_page``, ``notice``, ``catalogue_page``, ``model_page``
and :func:`schools`) is a pure function of an extract and a language; the portal renders it in a kernel and keeps it. The
*shell* around it (:func:`page`) holds what belongs to one request: menu, language switch, notices, addresses of style and
script. A fragment may leave a *slot* for what belongs to one request and must not be kept, e.g. a form with its token;
:func:`filled` puts it there.

Fragments link to one another by the addresses that :class:`Addresses` makes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from riskmodel.messages import LANGUAGES, Language, Message, message, plural
from riskmodel.views import numbers, words

Row = Mapping[str, Any]

BAND_SHAPES = {"high": "▲", "medium": "◆", "low": "●"}


@dataclass(frozen=True)
class Addresses:
    """The addresses of the portal's pages in one language, below ``base`` (ends with a slash)."""

    language: Language
    base: str = "/"

    def schools(self) -> str:
        """Return the address of the list of schools."""
        return f"{self.base}{self.language}/"

    def school(self, school_id: str) -> str:
        """Return the address of a school's page."""
        return f"{self.base}{self.language}/school/{school_id}"

    def pupil(self, school_id: str, code: str) -> str:
        """Return the address of a pupil's page."""
        return f"{self.school(school_id)}/pupil/{code}"

    def notice(self, school_id: str, code: str) -> str:
        """Return the address of the printable notice for a pupil and the parents."""
        return f"{self.pupil(school_id, code)}/notice"

    def notice_file(self, school_id: str, code: str) -> str:
        """Return the address of the notice as PDF."""
        return f"{self.notice(school_id, code)}.pdf"

    def school_file(self, school_id: str, kind: str) -> str:
        """Return the address of a school's list as a file; ``kind`` is csv, xlsx or pdf."""
        return f"{self.school(school_id)}/list.{kind}"

    def pupil_file(self, school_id: str, code: str, kind: str) -> str:
        """Return the address of a pupil's sheet as a file; ``kind`` is csv, xlsx or pdf."""
        return f"{self.pupil(school_id, code)}/sheet.{kind}"

    def places(self, school_id: str) -> str:
        """Return the address that takes the number of places which the head of school enters."""
        return f"{self.school(school_id)}/places"

    def tasks(self) -> str:
        """Return the address of what somebody has to do with plans."""
        return f"{self.base}{self.language}/tasks"

    def plan(self, code: str, part: str = "") -> str:
        """Return the address of a plan, or of a part of it that takes a form."""
        return f"{self.base}{self.language}/plan/{code}{'/' if part else ''}{part}"

    def planning(self, school_id: str, code: str, part: str = "") -> str:
        """Return the address of the proposal for a pupil, or of a part of it that takes a form."""
        return f"{self.pupil(school_id, code)}/plan{'/' if part else ''}{part}"

    def orders(self, school_id: str, part: str = "") -> str:
        """Return the address of a school's orders and staff, or of a part that takes a form."""
        return f"{self.school(school_id)}/orders{'/' if part else ''}{part}"

    def catalogue(self) -> str:
        """Return the address of the catalogue of support."""
        return f"{self.base}{self.language}/support"

    def about(self) -> str:
        """Return the address of the page about the model."""
        return f"{self.base}{self.language}/about"


class Fragment(Markup):
    """A part of a page that a notebook shows as it is."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(self)


def schools(index: Row, language: Language, addresses: Addresses | None = None) -> Fragment:
    """Return the list of the schools of a run."""
    listed = sorted(index["schools"], key=lambda one: latvian_order(one["school_name"] or ""))
    return render("schools.html.j2", language, addresses, extract=index, schools=listed)


def page(title: str, content: Markup, language: Language, addresses: Addresses, **around: Any) -> str:
    """Return a whole page around a fragment.

    ``around`` may hold ``here`` (the menu entry that is open), ``other`` (the same page's address in the other language),
    ``run`` (the fields of a run, for the notices), ``style`` and ``script`` (their addresses), ``reference``.
    """
    return render(
        "page.html.j2",
        language,
        addresses,
        title=title,
        content=content,
        around={"here": "", "other": "", "run": None, "style": "", "script": "", **around},
    )


@dataclass(frozen=True)
class Paper:
    """What stands around a fragment on paper.

    Attributes
    ----------
    style
        The text of our own file of style: a sheet that is printed loads nothing.
    run
        The fields of a run, for the notices.
    printed_by, printed_on
        Who took the sheet along, and the day (ISO text); nobody is named on a sheet that is given away.
    """

    title: str
    style: str
    run: Row | None
    printed_by: str
    printed_on: str


def paper(sheet: Paper, content: Markup, language: Language) -> str:
    """Return a whole page to be printed: no menu, no script, and nothing that must be loaded."""
    # A file of ours and no text of anybody else's; escaped, its selectors would not be understood.
    style = Markup(sheet.style)  # noqa: S704
    return render("paper.html.j2", language, sheet=sheet, style=style, content=content)


def problem(
    status: int, language: Language, addresses: Addresses, reference: str = "", said: Message | None = None
) -> Fragment:
    """Return what a page says that cannot be shown; ``said`` where it is not the usual words of the status."""
    said = said or {
        400: message("This address is not understood."),
        401: message("Your session has ended. Please log in again."),
        403: message("You do not have access to this information."),
        404: message("There is no such page."),
        405: message("Pages can only be read here."),
        429: message(
            "You have opened very many pupils in a short time. Please go on in ten minutes; the steward of the register was told."
        ),
        503: message("Many pages are asked for at this moment. Please try again in a few seconds."),
    }.get(
        status,
        message(
            "This page could not be shown. Nothing was lost; please try again, and name the number below if it happens again."
        ),
    )
    return render(
        "problem.html.j2", language, addresses, status=status, text=said.in_language(language), reference=reference
    )


def legend(bands: Sequence[Row], horizon_on: str, language: Language) -> list[dict[str, Any]]:
    """Return the bands from high to low, each with its shape, name, meaning in natural frequencies, and interval."""
    by_code = {band["band_code"]: band for band in bands}
    return [
        {
            "code": code,
            "shape": shape,
            "name": words.words(words.BANDS, code, language),
            **_band_meaning(by_code.get(code), horizon_on, language),
        }
        for code, shape in BAND_SHAPES.items()
    ]


def _band_meaning(band: Row | None, horizon_on: str, language: Language) -> dict[str, str]:
    if band is None or band["of_pupils"] is None or band["left_of_them"] is None:
        return {"meaning": numbers.no_data(language), "interval": ""}
    of, left = band["of_pupils"], band["left_of_them"]
    known = band["low"] is not None and band["high"] is not None
    return {
        "meaning": numbers.natural_frequency(of, left, horizon_on, language),
        "interval": numbers.percent_interval(band["low"], band["high"], language, 1) if known else "",
    }


PLACES_SLOT = Markup('<div class="slot" id="places-slot"></div>')
"""Where a school's page leaves room for the form by which its head enters the number of places."""

PLAN_SLOT = Markup('<div class="slot" id="plan-slot"></div>')
"""Where a pupil's page leaves room for the plans of this pupil, and the way to a new one."""


def filled(fragment: str, slot: Markup, content: Markup) -> Fragment:
    """Return a fragment with ``content`` in its slot; unchanged for a fragment without this slot."""
    return Fragment(fragment.replace(slot, content, 1))


LATVIAN_LETTERS = "aābcčdeēfgģhiījkķlļmnņoōpqrŗsštuūvwxyzž"


def latvian_order(text: str) -> list[int]:
    """Return what sorts a text by the Latvian alphabet; what is no letter comes first."""
    return [LATVIAN_LETTERS.find(letter) if letter in LATVIAN_LETTERS else -1 for letter in text.lower()]


@cache
def _environment() -> Environment:
    # StrictUndefined: a page that names what its extract does not hold is an error, not a silent gap.
    return Environment(
        loader=PackageLoader("riskmodel.views"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def compile_templates(names: Iterable[str] | None = None) -> None:
    """Compile the templates of these names, or all, so that no reader waits for it."""
    for name in _environment().list_templates(["j2"]) if names is None else names:
        _environment().get_template(name)


def render(template: str, language: Language, addresses: Addresses | None = None, **values: Any) -> Fragment:
    """Return a template filled with ``values``, in a language; whatever is put in is escaped."""

    def said(text: str, /, **named: object) -> str:
        return Message(text, named).in_language(language)

    def counted(one: str, many: str, count: int, /, **named: object) -> str:
        return plural(one, many, count, **named).in_language(language)

    tools = {
        "t": said,
        "n": counted,
        "language": language,
        "languages": LANGUAGES,
        "numbers": numbers,
        "words": words,
        "address": addresses or Addresses(language),
        "to_json": json.dumps,
    }
    return Fragment(_environment().get_template(template).render(**tools, **values))
