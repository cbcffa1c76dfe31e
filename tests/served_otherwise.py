"""Portals that are not as they should be: with hurt views, with poisoned texts, or with a defence taken out.

Each function returns Python that :func:`served_portal.start` runs before the portal; what it imports from here is run in
the portal's own process. A defence goes out while a file names it, and comes back with the file's next word.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import nbformat
import yaml

from riskmodel.settings import notebook_folder, resource

HERE = Path(__file__).parent


def _before(call: str) -> str:
    return f"import sys; sys.path.insert(0, {str(HERE)!r}); import served_otherwise; served_otherwise.{call}; sys.path.pop(0); "


def with_hurt_views(folder: Path, *, most_waiting: int, seconds: float) -> str:
    """Return what makes the page about the model run for ever and that of the catalogue kill its kernel; few may wait."""
    views = folder / "views"
    views.mkdir(parents=True)
    for path in sorted((notebook_folder() / "views").glob("*.ipynb")):
        found = nbformat.read(path, as_version=4)
        source = {"about": "while True: pass", "catalogue": "import os; os.kill(os.getpid(), 9)"}.get(path.stem)
        if source:
            found.cells.append(nbformat.v4.new_code_cell(source))
        nbformat.write(found, views / path.name)
    return _before(f"hurt({str(folder)!r}, {most_waiting}, {seconds})")


def hurt(folder: str, most_waiting: int, seconds: float) -> None:
    """Let the portal take its views from a folder."""
    from riskmodel.portal import render

    render.notebook_folder = lambda: Path(folder)
    render.MOST_WAITING, render.VIEW_SECONDS = most_waiting, seconds


def on_a_day(day: date) -> str:
    """Return what lets the portal and its register live at noon of one day."""
    return _before(f"stand_still({day.isoformat()!r})")


def stand_still(day: str) -> None:
    """Stop both clocks."""
    from riskmodel.portal import desk
    from riskmodel.register import store

    def noon() -> datetime:
        return datetime.combine(date.fromisoformat(day), time(12), UTC)

    store.open_register.__kwdefaults__["clock"] = noon
    given = desk.Desk.__init__.__defaults__ or ()
    desk.Desk.__init__.__defaults__ = tuple(noon if value is desk.Desk.clock else value for value in given)


def with_poisoned_texts(folder: Path, poison: str) -> str:
    """Return what lets kernels read a catalogue and words of features whose names end in ``poison``."""
    folder.mkdir(parents=True)

    def poisoned(found: Any) -> Any:
        if isinstance(found, dict):
            names = {"name", "name_lv", "name_en", "title", "title_lv", "title_en", "meaning", "missing"}
            return {
                key: f"{value} {poison}" if key in names and isinstance(value, str) else poisoned(value)
                for key, value in found.items()
            }
        return [poisoned(one) for one in found] if isinstance(found, list) else found

    for parts in (("support", "catalogue.yaml"), ("texts", "features.yaml")):
        content = yaml.safe_load(resource(*parts).read_text("utf-8"))
        (folder / parts[-1]).write_text(yaml.safe_dump(poisoned(content), allow_unicode=True), "utf-8")
    return _before(f"poison({str(folder)!r})")


def poison(folder: str) -> None:
    """Let kernels read their texts from a folder."""
    from riskmodel.portal import kernels

    kernels.READY = (
        "import pathlib; from riskmodel.support import catalogue as support; from riskmodel.views import texts; "
        f"support.resource = texts.resource = lambda *parts: pathlib.Path({folder!r}) / parts[-1]; " + kernels.READY
    )


def with_switch(file: Path) -> str:
    """Return what lets a file name the defence that is out."""
    file.write_text("", "utf-8")
    return _before(f"switch({str(file)!r})")


def switch(file: str) -> None:
    """Put a switch before each defence."""
    from markupsafe import Markup

    from riskmodel.portal import desk, forms, handlers, names, school_pages
    from riskmodel.portal.policy import Ask, Scope
    from riskmodel.register.throttle import Throttle
    from riskmodel.views import exports, pages

    path, last = Path(file), [""]

    def put(place: Any, name: str, defence: str, instead: Any) -> None:
        real = getattr(place, name)

        def chosen(*given: Any, **named: Any) -> Any:
            return (instead if path.read_text() == defence else real)(*given, **named)

        setattr(place, name, chosen)

    def anybody(_person: object, ask: Ask, *_: object) -> Scope:
        return Scope(ask.view, "/".join(filter(None, (ask.school_id, ask.pupil_id))), "director")

    def forgetting(real: Any) -> Any:
        def published(own: Any) -> Any:
            if path.read_text() != last[0]:
                last[0] = path.read_text()
                own.rendering.forget()
            return real(own)

        return published

    # A page that was made with the defence would be shown without it.
    desk.Desk.published = forgetting(desk.Desk.published)  # type: ignore[method-assign]
    for module in (handlers, school_pages):
        put(module, "decide", "policy", anybody)
    put(school_pages, "cut_school", "cut", lambda extract, scope: {**extract, "withheld": []})
    put(handlers, "_host_of", "host", lambda header: "127.0.0.1")
    put(forms, "is_token", "token", lambda *given: True)
    put(forms, "is_from_own_page", "origin", lambda *given: True)
    put(Throttle, "admit", "throttle", lambda *given: 0)
    put(names, "escape", "escaping of names", Markup)
    put(exports, "safe_text", "formulas", lambda text: text)
    without_escaping = pages._environment().overlay(autoescape=False)
    put(pages, "_environment", "escaping of pages", lambda: without_escaping)
