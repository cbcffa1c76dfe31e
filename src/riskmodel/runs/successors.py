"""A run's successor without a pupil: made beside it, linked to it by digest, published in its place; then the old run is destroyed.

Rows of the pupil go from every table, from the school's extract, and from outputs of executed notebooks. What was computed over
many stays as it was published: figures, counts, bands, the model. It was learnt with the pupil; the next run learns without.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from riskmodel.digests import digest_of_file
from riskmodel.errors import RunFailedError
from riskmodel.messages import message
from riskmodel.runs.durable import digest_of, write_json
from riskmodel.runs.journal import now
from riskmodel.runs.manifest import MANIFEST_NAME, FileEntry, Manifest, Succession, read_manifest, verify
from riskmodel.runs.parquet import row_count
from riskmodel.runs.publish import RUN_ID, STORE_MODE, Store, current_run, is_valid, read_release, remove, seal, switch
from riskmodel.runs.publish import move_to_runs as publish_run
from riskmodel.runs.sieve import rows_of, rows_without, text_without

TEXTS = frozenset({".json", ".jsonl", ".ipynb", ".md", ".html", ".txt", ".svg", ".csv"})


@dataclass(frozen=True)
class Why:
    """For what reason a run is replaced, and by whom."""

    by: str
    reason: str


def runs_in_order(store: Store) -> list[Manifest]:
    """Return the runs of a store, the earlier ones first, so that each follows those that it names.

    Raises
    ------
    RunFailedError
        For a run that was changed: nobody can tell what it holds.
    """
    folders = [path for path in store.runs.iterdir() if RUN_ID.fullmatch(path.name)] if store.runs.is_dir() else []
    return sorted(map(read_manifest, folders), key=lambda one: (one.cut_off_date, one.finished_at, one.run_id))


def holds(store: Store, run_id: str, pupil_ids: Collection[str]) -> bool:
    """Whether a run has rows or texts of pupils."""
    folder = store.run(run_id)
    tables = sorted(folder.glob("tables/*.parquet"))
    return any(rows_of(path, pupil_ids) for path in tables) or any(
        one.encode() in path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix in TEXTS
        for one in pupil_ids
    )


def names_any(manifest: Manifest, renamed: Mapping[str, str]) -> bool:
    """Whether a run names another one that has a new name."""
    previous = manifest.previous_run.run_id if manifest.previous_run else None
    return manifest.predecessor in renamed or previous in renamed


def succeed(store: Store, old_id: str, renamed: Mapping[str, str], pupil_ids: Collection[str], why: Why) -> None:
    """Put the successor ``renamed[old_id]`` in the place of a run, and destroy the run. Safe to repeat after a kill.

    Raises
    ------
    RunFailedError
        When the old run was changed, or a file of the new one still names the pupil; the old run stays then.
    """
    new_id = renamed[old_id]
    if not store.run(old_id).exists():
        return
    if not is_valid(store, new_id):
        _make(store, verify(store.run(old_id)), renamed, pupil_ids, why)
        publish_run(store, new_id)
    _hand_on_release(store, old_id, new_id)
    if current_run(store) == old_id:
        switch(store, new_id)
    _destroy(store, old_id)


def _make(store: Store, old: Manifest, renamed: Mapping[str, str], pupil_ids: Collection[str], why: Why) -> None:
    new_id = renamed[old.run_id]
    folder, staging = store.run(old.run_id), store.staging / new_id
    remove(staging)
    staging.mkdir(mode=STORE_MODE, parents=True)
    previous, words = old.previous_run, dict(renamed)
    if previous is not None and previous.run_id in renamed:
        replaced = read_manifest(store.run(renamed[previous.run_id]))
        words[previous.result_sha256] = replaced.result_sha256
        previous = previous.model_copy(update={"run_id": replaced.run_id, "result_sha256": replaced.result_sha256})
    for name in old.files:
        _write(folder / name, staging / name, pupil_ids, words)
    _check_gone(staging, pupil_ids)
    files = {name: _entry(staging / name, entry) for name, entry in old.files.items()}
    succession = Succession(
        run_id=old.run_id,
        manifest_sha256=digest_of_file(folder / MANIFEST_NAME),
        reason=why.reason,
        by=why.by,
        at=now(),
    )
    steps = tuple(step.model_copy(update={"rows": _rows(staging, step.rows)}) for step in old.steps)
    manifest = old.model_copy(
        update={
            "run_id": new_id,
            "succeeds": succession,
            "predecessor": renamed.get(old.predecessor or "", old.predecessor),
            "previous_run": previous,
            "steps": steps,
            "files": files,
            "result_sha256": digest_of({name: one.sha256 for name, one in files.items() if one.is_deterministic}),
        }
    )
    seal(staging, manifest)


def _write(source: Path, to: Path, pupil_ids: Collection[str], renamed: Mapping[str, str]) -> None:
    to.parent.mkdir(mode=STORE_MODE, parents=True, exist_ok=True)
    if source.suffix == ".parquet":
        if not rows_without(source, to, pupil_ids):
            shutil.copyfile(source, to)
    elif source.suffix in TEXTS:
        to.write_bytes(text_without(source, pupil_ids, renamed))
    else:
        shutil.copyfile(source, to)


def _check_gone(folder: Path, pupil_ids: Collection[str]) -> None:
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        if any(one.encode() in content for one in pupil_ids):
            raise RunFailedError(
                message("No file of a run names a pupil who was erased."),
                found=message("This one still does."),
                remedy=message(
                    "The run before stays. Report this line to the developers, or remove the run with its folder."
                ),
                where=path.relative_to(folder).as_posix(),
            )


def _entry(path: Path, before: FileEntry) -> FileEntry:
    return before.model_copy(update={"sha256": digest_of_file(path), "bytes": path.stat().st_size})


def _rows(folder: Path, before: Mapping[str, int]) -> dict[str, int]:
    found = {}
    for name, rows in before.items():
        path = folder / "tables" / f"{name}.parquet"
        found[name] = row_count(path) if path.exists() else rows
    return found


def _hand_on_release(store: Store, old_id: str, new_id: str) -> None:
    """Let the decision of a person on a held run stand for its successor."""
    decided = read_release(store, old_id)
    if decided is None:
        return
    digest = digest_of_file(store.run(new_id) / MANIFEST_NAME)
    decision = {
        "run_id": new_id,
        "manifest_sha256": digest,
        "by": decided.by,
        "reason": decided.reason,
        "at": decided.at,
    }
    write_json(store.releases / f"{new_id}.json", decision)


def _destroy(store: Store, run_id: str) -> None:
    """Remove a run; it leaves ``runs/`` by one rename first, so that no half of it is ever taken for a run."""
    away = store.staging / f"{run_id}.erased"
    remove(away)
    store.run(run_id).rename(away)
    remove(away)
    (store.releases / f"{run_id}.json").unlink(missing_ok=True)
