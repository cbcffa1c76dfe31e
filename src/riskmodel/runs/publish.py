"""The store, and the one way into it: staging → sealed → renamed to ``runs/`` → ``current`` switched.

Every write is forced to the disk before the next one relies on it. Killed at any point, ``current`` is the
whole run before or the whole new one.

::

    store/deliveries/<id>/   checked deliveries, never changed
    store/identity/          names and register ids, protected (the portal alone reads it)
    store/staging/<run>/     a run in work;  staging/<run>.steps/: what is known of its finished steps
    store/staging/ahead-<…>/ parts that are made while a delivery is taken in
    store/runs/<run>/        published and held runs, never changed
    store/releases/<run>.json  who released a held run, and why
    store/allocations/<run>/<measure>/  proposals who gets support, lotteries and their logs
    store/current            link to runs/<run>
"""

from __future__ import annotations

import json
import re
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from riskmodel.digests import digest_of_file
from riskmodel.errors import RunFailedError, UsageError
from riskmodel.messages import Message, message
from riskmodel.runs.durable import (
    disk_failure,
    files_below,
    sync_files,
    sync_folder,
    write_file,
    write_json,
)
from riskmodel.runs.journal import now
from riskmodel.runs.manifest import MANIFEST_NAME, Manifest, read_manifest, verify

RUN_ID = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}-[0-9a-f]{12}")
STORE_MODE = 0o750
READ_ONLY = stat.S_IRUSR | stat.S_IRGRP


@dataclass(frozen=True)
class Store:
    """The folders of a store."""

    folder: Path

    @property
    def deliveries(self) -> Path:
        """Checked deliveries, one folder each."""
        return self.folder / "deliveries"

    @property
    def runs(self) -> Path:
        """Published and held runs."""
        return self.folder / "runs"

    @property
    def staging(self) -> Path:
        """Runs in work."""
        return self.folder / "staging"

    @property
    def releases(self) -> Path:
        """Decisions on held runs."""
        return self.folder / "releases"

    @property
    def allocations(self) -> Path:
        """Proposals who gets support, and lotteries with their logs, by run and measure."""
        return self.folder / "allocations"

    @property
    def current(self) -> Path:
        """The link to the current run."""
        return self.folder / "current"

    def run(self, run_id: str) -> Path:
        """Return the folder of a published or held run."""
        return self.runs / run_id

    def steps_of(self, run_id: str) -> Path:
        """Return the folder in which the finished steps of a run in work are noted."""
        return self.staging / f"{run_id}.steps"


def open_store(folder: Path) -> Store:
    """Return the store at ``folder``, made where there is none, once it is sure that it can be written.

    Raises
    ------
    UsageError
        When something else than a folder stands there.
    RunFailedError
        When it cannot be written: before any work begins.
    """
    folder = folder.absolute()
    if folder.exists() and not folder.is_dir():
        raise UsageError(
            message("A store is a folder."),
            found=message("Something else stands at this path."),
            remedy=message("Give another path with --store."),
            where=str(folder),
        )
    store = Store(folder)
    try:
        for part in (folder, store.deliveries, store.runs, store.staging):
            part.mkdir(mode=STORE_MODE, parents=True, exist_ok=True)
            probe = part / ".probe"
            write_file(probe, b"")
            probe.unlink()
    except OSError as error:
        raise disk_failure(error, folder) from error
    return store


def current_run(store: Store) -> str | None:
    """Return the id of the run that ``current`` names, or None when nothing was published yet.

    Raises
    ------
    RunFailedError
        When ``current`` is not a link to a run of this store: someone else wrote it.
    """
    if not store.current.is_symlink():
        if store.current.exists():
            raise _foreign_current(store)
        return None
    parts = store.current.readlink().parts
    if len(parts) != 2 or parts[0] != "runs" or not RUN_ID.fullmatch(parts[1]):
        raise _foreign_current(store)
    return parts[1]


def _foreign_current(store: Store) -> RunFailedError:
    return RunFailedError(
        message("'current' in a store is a link to one of its runs."),
        found=message("It is something else."),
        remedy=message("Take it away, then give the command of the last run again: it is verified and linked."),
        where=str(store.current),
    )


def seal(staging: Path, manifest: Manifest) -> None:
    """Force every file of a run in staging to the disk, take its write permission, and write the manifest last."""
    files = list(files_below(staging))
    sync_files(files)
    folders = {staging}
    for path in files:
        path.chmod(READ_ONLY)
        folders.add(path.parent)
    for folder in folders:
        sync_folder(folder)
    write_file(staging / MANIFEST_NAME, manifest.to_bytes())
    (staging / MANIFEST_NAME).chmod(READ_ONLY)


def move_to_runs(store: Store, run_id: str) -> Path:
    """Rename a sealed run from staging into ``runs/`` and return its folder.

    A folder of this id that is there already has no valid manifest (else no run would have begun): it is
    put out of the way and removed.
    """
    folder = store.run(run_id)
    if folder.exists():
        broken = store.staging / f"{run_id}.broken"
        remove(broken)
        folder.rename(broken)
    (store.staging / run_id).rename(folder)
    sync_folder(store.runs)
    sync_folder(store.staging)
    return folder


def switch(store: Store, run_id: str) -> None:
    """Let ``current`` name ``run_id``: a prepared link is renamed over it, so that no reader finds none."""
    link = store.folder / "current.next"
    link.unlink(missing_ok=True)
    link.symlink_to(Path("runs") / run_id)
    link.replace(store.current)
    sync_folder(store.folder)


def is_valid(store: Store, run_id: str) -> bool:
    """Whether a run of this id was sealed and every file of it still has its digest."""
    folder = store.run(run_id)
    if not folder.exists():
        return False
    try:
        verify(folder)
    except RunFailedError:
        return False
    return True


def finish(store: Store, manifest: Manifest) -> bool:
    """Switch to a sealed run unless it is held or was overtaken. Returns whether ``current`` names it now.

    Safe to repeat: a run that was killed between its rename and the switch is finished by its rerun. A run
    whose predecessor is no longer current was overtaken by another one, and stays an earlier run.
    """
    current = current_run(store)
    if current == manifest.run_id:
        return True
    if is_published(store, manifest) and current == manifest.predecessor:
        switch(store, manifest.run_id)
        return True
    return False


@dataclass(frozen=True)
class Release:
    """A person's decision to publish a held run: who, why, and when (a moment in UTC, as text)."""

    by: str
    reason: str
    at: str


def is_released(store: Store, run_id: str) -> bool:
    """Whether a named person has released this held run."""
    return (store.releases / f"{run_id}.json").exists()


def is_published(store: Store, manifest: Manifest) -> bool:
    """Whether a run may be shown: it passed its gates, or a person has released it."""
    return manifest.state == "passed" or is_released(store, manifest.run_id)


def published_run(store: Store, run_id: str | None, must: Message) -> Path:
    """Return the folder of a published run; None stands for the current one. ``must`` says what it is needed for.

    Raises
    ------
    UsageError
        When there is no such run, or it is held.
    """
    wanted = current_run(store) if run_id is None else run_id
    found = message("Nothing has been published in this store yet.")
    if wanted is not None:
        is_there = RUN_ID.fullmatch(wanted) is not None and store.run(wanted).is_dir()
        found = message("There is no run {run_id}.", run_id=wanted if RUN_ID.fullmatch(wanted) else "?")
        if is_there and is_published(store, read_manifest(store.run(wanted))):
            return store.run(wanted)
        if is_there:
            found = message("The run {run_id} is held.", run_id=wanted)
    raise UsageError(
        must,
        found=found,
        remedy=message("See riskmodel runs --store for the runs and their states."),
        where=str(store.folder),
    )


def read_release(store: Store, run_id: str) -> Release | None:
    """Return by whose decision a held run was published; None for a run that nobody has released."""
    if not is_released(store, run_id):
        return None
    decision = json.loads((store.releases / f"{run_id}.json").read_text("utf-8"))
    return Release(decision["by"], decision["reason"], decision["at"])


def release(store: Store, run_id: str, *, by: str, reason: str) -> Manifest:
    """Publish a held run by a person's decision, which is kept with the name, the reason and the time.

    Raises
    ------
    UsageError
        When there is no such run, it is not held, or ``by`` or ``reason`` is empty.
    RunFailedError
        When a file of it was changed, or a run of a later cut-off date has been published since.
    """
    if not RUN_ID.fullmatch(run_id) or not store.run(run_id).exists():
        raise UsageError(
            message("Only a run of the store can be released."),
            found=message("There is no run {run_id}.", run_id=run_id if RUN_ID.fullmatch(run_id) else "?"),
            remedy=message("See riskmodel runs --store for the runs and their states."),
            where=str(store.folder),
        )
    manifest = verify(store.run(run_id))
    if manifest.state != "held" or is_released(store, run_id):
        raise UsageError(
            message("Only a held run can be released."),
            found=message("The run {run_id} is not held.", run_id=run_id),
            remedy=message("See riskmodel runs --store for the runs and their states."),
            where=str(store.folder),
        )
    if not by.strip() or not reason.strip():
        raise UsageError(
            message("A release names a person and a reason."),
            found=message("One of them is empty."),
            remedy=message("Give both: --by NAME --reason TEXT."),
            where=run_id,
        )
    current = current_run(store)
    if current not in (None, manifest.predecessor):
        newer = read_manifest(store.run(current or ""))
        if newer.cut_off_date > manifest.cut_off_date:
            raise RunFailedError(
                message("A run does not replace one of a later cut-off date."),
                found=message("The run {run_id} was published since.", run_id=newer.run_id),
                remedy=message("Give the command of the held run again with today's deliveries."),
                where=run_id,
            )
    store.releases.mkdir(mode=STORE_MODE, exist_ok=True)
    decision: Mapping[str, str] = {
        "run_id": run_id,
        "manifest_sha256": digest_of_file(store.run(run_id) / MANIFEST_NAME),
        "by": by.strip(),
        "reason": reason.strip(),
        "at": now(),
    }
    write_json(store.releases / f"{run_id}.json", decision)
    switch(store, run_id)
    return manifest


def remove(path: Path) -> None:
    """Remove a folder of the staging area, or nothing when it is not there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_leftovers(store: Store) -> None:
    """Remove what unfinished runs left in staging: called after a run was published."""
    for path in sorted(store.staging.iterdir()):
        remove(path)
    for part in store.folder.glob(".*.part"):
        part.unlink()
