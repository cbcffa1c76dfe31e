"""The runs of a store with their states and figures, as a list for people and scripts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from riskmodel.errors import RunFailedError, UsageError
from riskmodel.messages import Message, message
from riskmodel.runs import gate_report, journal
from riskmodel.runs.gate_report import Gate
from riskmodel.runs.manifest import read_manifest
from riskmodel.runs.publish import RUN_ID, Release, Store, current_run, is_released, read_release

State = Literal["current", "earlier", "released", "held", "damaged", "unfinished"]

STATE_WORDS: dict[State, Message] = {
    "current": message("current"),
    "earlier": message("earlier"),
    "released": message("released, earlier"),
    "held": message("held"),
    "damaged": message("damaged"),
    "unfinished": message("unfinished"),
}
FIGURES = ("auc", "average_precision", "brier", "ece", "precision_at_capacity", "recall_at_capacity")


@dataclass(frozen=True)
class Listed:
    """One run: its state, when it finished, its headline figures, the gates that it did not pass, and who released it."""

    run_id: str
    state: State
    cut_off_date: str
    finished_at: str
    figures: dict[str, dict[str, float | None]]
    failed_gates: tuple[Gate, ...]
    last_event: str = ""
    release: Release | None = None

    def as_dict(self) -> dict[str, object]:
        """Return the run as plain values for JSON."""
        return asdict(self)


def list_runs(folder: Path) -> list[Listed]:
    """Return the runs of the store at ``folder``, newest cut-off date first, unfinished ones among them.

    Manifests are read; the files behind them are not compared (a rerun or the portal does).

    Raises
    ------
    UsageError
        When there is no store.
    """
    store = Store(folder.absolute())
    if not store.runs.is_dir():
        raise UsageError(
            message("A store is a folder that a run has made."),
            found=message("There is none at this path."),
            remedy=message("Give the path that was given to riskmodel run --store."),
            where=str(folder),
        )
    current = current_run(store)
    found = [_listed(store, path.name, current) for path in store.runs.iterdir() if RUN_ID.fullmatch(path.name)]
    found += [_unfinished(path) for path in _folders(store.staging) if RUN_ID.fullmatch(path.name)]
    return sorted(found, key=lambda run: (run.cut_off_date, run.finished_at), reverse=True)


def _folders(path: Path) -> list[Path]:
    return [entry for entry in path.iterdir() if entry.is_dir()] if path.is_dir() else []


def _listed(store: Store, run_id: str, current: str | None) -> Listed:
    folder = store.run(run_id)
    try:
        manifest = read_manifest(folder)
    except RunFailedError:
        return Listed(run_id, "damaged", run_id[:10], "", {}, ())
    state: State
    if run_id == current:
        state = "current"
    elif is_released(store, run_id):
        state = "released"
    else:
        state = "held" if manifest.state == "held" else "earlier"
    metrics = folder / "metrics.json"
    figures = json.loads(metrics.read_text("utf-8")) if metrics.exists() else {}
    return Listed(
        run_id,
        state,
        manifest.cut_off_date.isoformat(),
        manifest.finished_at,
        {name: figures[name] for name in FIGURES if name in figures},
        tuple(gate for gate in gate_report.read(folder) if not gate.is_passed),
        release=read_release(store, run_id),
    )


def _unfinished(folder: Path) -> Listed:
    lines = journal.read(folder / journal.LOG_NAME)
    last = lines[-1] if lines else {}
    event = " ".join(str(last[name]) for name in ("event", "step") if name in last)
    return Listed(folder.name, "unfinished", folder.name[:10], str(last.get("at", "")), {}, (), event)
