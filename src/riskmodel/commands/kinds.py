"""The kinds of values that options of several verbs take, and the options that several verbs have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

DAY = click.DateTime(["%Y-%m-%d"])
FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
NEW_FILE = click.Path(path_type=Path, dir_okay=False)
STORE_HELP = "Folder of deliveries and runs."

Verb = TypeVar("Verb", bound=Callable[..., Any])


def with_options(verb: Verb, *options: Callable[[Verb], Verb]) -> Verb:
    """Return a verb with options, which its help lists in this order."""
    for option in reversed(options):
        verb = option(verb)
    return verb


def by_option(verb: Verb) -> Verb:
    """Give a verb the option ``--by``."""
    return click.option("--by", help="Who acts, for the audit.  [default: the system's user]")(verb)
