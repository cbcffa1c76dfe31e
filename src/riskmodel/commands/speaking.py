"""How verbs speak: progress on standard error, figures on standard output, in the language of the system."""

from __future__ import annotations

import json
import os
from datetime import date, datetime

import click

from riskmodel.messages import Language, Message


def language() -> Language:
    """Return the language of progress and lists: Latvian where the system speaks it, else English."""
    spoken = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return "lv" if spoken.startswith("lv") else "en"


def say(text: Message) -> None:
    """Show progress on standard error."""
    click.echo(text.in_language(language()), err=True)


def be_silent(text: Message) -> None:
    """Take progress and show none."""


def show(value: object) -> None:
    """Print a JSON value on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)
