"""The kinds of values that options of several verbs take."""

from __future__ import annotations

from pathlib import Path

import click

DAY = click.DateTime(["%Y-%m-%d"])
FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
STORE_HELP = "Folder of deliveries and runs."
