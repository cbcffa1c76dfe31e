"""The invented country of the benchmarks: yearly deliveries with every lesson of the newest year, and a store for them."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from riskmodel.messages import Message
from riskmodel.sources.deliveries import receive
from riskmodel.sources.synthetic.cohort import Plan, synthesise

Say = Callable[[Message], None]

SEED = 7
READY = "ready.json"
"""Written last into a prepared folder, with the plan that it holds."""


@dataclass(frozen=True)
class Country:
    """A folder with ``deliveries``, one per school year, and a ``store`` that holds all of them but the newest."""

    folder: Path
    plan: Plan

    @property
    def deliveries(self) -> list[Path]:
        """The deliveries, oldest first."""
        return sorted(path for path in (self.folder / "deliveries").iterdir() if (path / "mapping.yaml").exists())

    @property
    def key(self) -> Path:
        """The file with the key of the pseudonyms."""
        return self.folder / "store.key"

    @property
    def store(self) -> Path:
        """The store without the newest year."""
        return self.folder / "store"

    def store_in_use(self) -> Path:
        """Return a new copy of the store (its files are links), which may be written to."""
        copy = self.folder / "store-in-use"
        shutil.rmtree(copy, ignore_errors=True)
        if self.store.exists():
            shutil.copytree(self.store, copy, copy_function=os.link)
        return copy


@contextmanager
def folder_of(data: Path | None, name: str) -> Iterator[Path]:
    """Give a folder of ``data`` that is kept for the next time; without ``data`` a temporary one."""
    if data is None:
        with tempfile.TemporaryDirectory(prefix=f"riskmodel-{name}-") as folder:
            yield Path(folder)
    else:
        kept = (data / name).absolute()
        kept.mkdir(parents=True, exist_ok=True)
        yield kept


@contextmanager
def country(data: Path | None, name: str, pupils: int, years: int, say: Say) -> Iterator[Country]:
    """Give a country of so many pupils at a time; in a folder of ``data`` it is kept and used the next time."""
    with folder_of(data, f"{name}-{pupils}") as folder:
        yield _prepared(Country(folder, plan_of(pupils, years)), say)


def plan_of(pupils: int, years: int) -> Plan:
    """Return the plan of a country whose newest year is delivered on its last day."""
    last_day = Plan(years=years).school_years[-1].ends_on
    return Plan(pupils=pupils, years=years, seed=SEED, delivered_on=last_day, lessons="all", deliveries="yearly")


def _prepared(found: Country, say: Say) -> Country:
    ready = found.folder / READY
    described = {name: str(value) for name, value in found.plan.__dict__.items()}
    if ready.exists() and json.loads(ready.read_text("utf-8")) == described:
        return found
    ready.unlink(missing_ok=True)
    for folder in ("deliveries", "store"):
        shutil.rmtree(found.folder / folder, ignore_errors=True)
    synthesise(found.plan, found.folder / "deliveries", say)
    for delivery in found.deliveries[:-1]:
        receive(delivery, found.store, found.key, say)
    ready.write_text(json.dumps(described), "utf-8")
    return found
