"""Statistics that were released, kept beside the runs of a store: what is shown of them, and the ledger behind them.

A release is made by a named person and then stands: pages show what was released, and nothing is worked out for who asks. The
ledger holds the hidden counts too, for the next release is compared with it; only the store's owner reads it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from riskmodel.disclosure.ledger import Entry, Release
from riskmodel.support.periods import Period
from riskmodel.support.small_numbers import PUPILS, Ledger, Released, Shown

FOLDER = "statistics"
CELLS_FILE, LEDGER_FILE = "cells.json", "ledger.json"
PRIVATE = 0o700


@dataclass(frozen=True)
class Standing:
    """A release as pages show it."""

    name: str
    programme: str
    period: Period
    released_on: str
    cells: Mapping[tuple[str, str, str], Shown]

    def of(self, level: str, code: str, cell: str = PUPILS) -> Shown:
        """Return a cell; one that was not released is hidden."""
        return self.cells.get((level, code, cell), Shown(None, None))

    def units(self, level: str) -> list[str]:
        """Return the codes of the units of a level."""
        return sorted({code for kind, code, _ in self.cells if kind == level})


def keep(store: Path, released: Released, name: str, released_on: str) -> Path:
    """Write a release beside the runs; return its folder. It appears at once or not at all."""
    folder = store / FOLDER / name
    staged = folder.with_name(f".{name}.new")
    staged.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    cells = [
        [level, code, cell, shown.plans, shown.pupils] for (level, code, cell), shown in sorted(released.cells.items())
    ]
    told = {
        "name": name,
        "programme": released.programme,
        "period": str(released.period),
        "released_on": released_on,
        "held": dict(released.held),
        "cells": cells,
    }
    ledger = [
        {**asdict(one), "entries": [list(asdict(entry).values()) for entry in one.entries]} for one in released.new
    ]
    for file, content in ((CELLS_FILE, told), (LEDGER_FILE, ledger)):
        with (staged / file).open("w", encoding="utf-8") as out:
            json.dump(content, out, ensure_ascii=False)
            out.flush()
            os.fsync(out.fileno())
    staged.rename(folder)
    return folder


def ledger_of(store: Path) -> Ledger:
    """Return all that was released before, by cut and subject, oldest first."""
    found: dict[tuple[str, str], list[Release]] = {}
    for folder in _folders(store):
        for one in json.loads((folder / LEDGER_FILE).read_text("utf-8")):
            release = Release(one["cut"], one["subject"], one["run_id"], tuple(Entry(*row) for row in one["entries"]))
            found.setdefault((release.cut, release.subject), []).append(release)
    return found


def standing(store: Path) -> list[Standing]:
    """Return the releases of a store, the newest period first."""
    found = [_standing(json.loads((folder / CELLS_FILE).read_text("utf-8"))) for folder in _folders(store)]
    return sorted(found, key=lambda one: (one.period, one.programme), reverse=True)


def _standing(told: Mapping[str, Any]) -> Standing:
    cells = {(level, code, cell): Shown(plans, pupils) for level, code, cell, plans, pupils in told["cells"]}
    return Standing(told["name"], told["programme"], Period.parse(told["period"]), told["released_on"], cells)


def _folders(store: Path) -> Sequence[Path]:
    """Return the folders of the releases in the order in which they were made."""
    folder = store / FOLDER
    names = [path for path in folder.iterdir() if not path.name.startswith(".")] if folder.is_dir() else []
    return sorted(names, key=lambda path: path.name)
