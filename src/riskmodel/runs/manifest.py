"""The manifest of a run: what it read, how it ran, and the digest of every file. It is written last.

A run without a valid manifest does not exist. Files are *deterministic* (tables, model, figures: the same
input, code, settings and seed give the same bytes) or *records* (logs, timings, executed notebooks: hashed,
but not compared between reruns).
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from datetime import date
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from riskmodel.digests import digest_of_file
from riskmodel.errors import RunFailedError
from riskmodel.messages import Message, message
from riskmodel.runs.durable import canonical_json, digest_of, digest_of_files, files_below
from riskmodel.settings import CHECKOUT_FOLDER, PACKAGE_FOLDER, notebook_folder
from riskmodel.tables.schema import Sensitivity

MANIFEST_NAME = "manifest.json"
LOCK_FILE = CHECKOUT_FOLDER / "requirements.lock"
NAMED_PACKAGES = ("duckdb", "lightgbm", "numpy", "pandas", "papermill", "pyarrow", "riskmodel", "scikit-learn", "shap")


class _Part(BaseModel):
    # A field of a later version is left unread: an older program may still show the run.
    model_config = ConfigDict(frozen=True, extra="ignore")


class Source(_Part):
    """A delivery that the run read."""

    delivery_id: str
    delivered_on: date
    origin: str
    sha256: str


class PreviousRun(_Part):
    """The earlier run that the run compared with, and the digest of its deterministic files."""

    run_id: str
    cut_off_on: date
    result_sha256: str


class Succession(_Part):
    """Of a run that took the place of another one without a pupil who was erased: which one, why, by whom and when."""

    run_id: str
    manifest_sha256: str
    reason: str
    by: str
    at: str


class FileEntry(_Part):
    """A file of the run: its digest, size and how far it may travel."""

    sha256: str
    bytes: int
    sensitivity: Sensitivity
    is_deterministic: bool


class StepEntry(_Part):
    """A step that was done: how long it took, and the memory of its kernel at most.

    ``start_seconds`` of its ``seconds`` went into starting and ending the kernel; ``cpu_seconds`` are the kernel's, on all
    cores, and 0 where the system does not say.
    """

    name: str
    key: str
    seconds: float
    start_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mb: float
    rows: dict[str, int]


class Code(_Part):
    """What ran: the version and one digest of the package, the notebooks and the lock file."""

    version: str
    sha256: str
    lock_sha256: str


class Manifest(_Part):
    """Everything that is known of a run. Fields are those of ``manifest.json``."""

    run_id: str
    cut_off_date: date
    state: Literal["passed", "held"]
    predecessor: str | None
    started_at: str
    finished_at: str
    sources: tuple[Source, ...]
    previous_run: PreviousRun | None = None
    """None also in the manifests of versions that compared nothing."""
    succeeds: Succession | None = None
    """The run in whose place this one stands; that one is destroyed."""
    parameters: dict[str, Any]
    """The settings as they were then: names and defaults of today may differ."""
    capacity: dict[str, int] | None
    seed: int
    threads: int
    code: Code
    environment: dict[str, str]
    rows: dict[str, dict[str, int]]
    steps: tuple[StepEntry, ...]
    files: dict[str, FileEntry]
    result_sha256: str
    """One digest of the deterministic files: equal for equal input, code, settings and seed."""

    def digests(self) -> dict[str, str]:
        """Return the digests of the deterministic files by path: what two runs are compared by."""
        return {path: entry.sha256 for path, entry in self.files.items() if entry.is_deterministic}

    def to_bytes(self) -> bytes:
        """Return the text of ``manifest.json``, with the digest of itself."""
        content = self.model_dump(mode="json")
        return canonical_json({**content, "manifest_sha256": digest_of(content)})


@cache
def code_of_this_process() -> Code:
    """Return version and digests of the code of this process, as it was when first asked for."""
    package = [
        path
        for path in PACKAGE_FOLDER.rglob("*")
        if path.suffix in {".py", ".html", ".css", ".j2", ".js", ".yaml", ".po"}
    ]
    notebooks = list(notebook_folder().glob("*.ipynb"))
    data = CHECKOUT_FOLDER / "data"
    texts = [path for part in ("texts", "support", "latvia") for path in files_below(data / part)]
    parts = [
        digest_of_files(package, PACKAGE_FOLDER),
        digest_of_files(notebooks, notebook_folder()),
        digest_of_files(texts, data),
    ]
    lock = digest_of_file(LOCK_FILE) if LOCK_FILE.exists() else digest_of(environment())
    return Code(version=metadata.version("riskmodel"), sha256=digest_of(parts), lock_sha256=lock)


def environment() -> dict[str, str]:
    """Return the versions of Python, the machine and the packages that figures depend on."""
    packages = {name: metadata.version(name) for name in NAMED_PACKAGES}
    return {"python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}", **packages}


def entries(
    folder: Path, known: dict[str, tuple[Sensitivity, bool]], digest: Callable[[Path], str] = digest_of_file
) -> dict[str, FileEntry]:
    """Return an entry for every file of a run folder but the manifest.

    Parameters
    ----------
    folder
        The run folder.
    known
        Sensitivity and "is deterministic" by path, or by the path of a folder above.
    digest
        How a file's digest is found: :meth:`riskmodel.runs.durable.Digests.of` where files were read before.

    Raises
    ------
    RunFailedError
        For a file of which nothing is known, and for a link: nothing is published by accident.
    """
    found = {}
    for path in files_below(folder):
        name = path.relative_to(folder).as_posix()
        if name == MANIFEST_NAME:
            continue
        above = next((known[part] for part in (name, *_folders_above(name)) if part in known), None)
        if above is None or path.is_symlink():
            raise RunFailedError(
                message("Every file of a run is declared in the table of steps."),
                found=message("This file is not."),
                remedy=message("Declare it where the step says what it makes, or do not write it."),
                where=name,
            )
        found[name] = FileEntry(
            sha256=digest(path), bytes=path.stat().st_size, sensitivity=above[0], is_deterministic=above[1]
        )
    return found


def _folders_above(name: str) -> list[str]:
    return [parent.as_posix() for parent in Path(name).parents if parent.as_posix() != "."]


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a run folder.

    Raises
    ------
    RunFailedError
        When it is not there, cannot be read, or was changed by as much as one byte.
    """
    path = folder / MANIFEST_NAME
    try:
        content = path.read_bytes()
        values = json.loads(content)
        digest = values.pop("manifest_sha256")
        manifest = Manifest.model_validate(values)
    except (OSError, ValueError, AttributeError, KeyError, ValidationError) as error:
        raise _broken(path, message("It cannot be read: {error}.", error=type(error).__name__)) from None
    # Compared as it was written and not as it is read: a later version may know more fields.
    if digest != digest_of(values) or content != canonical_json({**values, "manifest_sha256": digest}):
        raise _broken(path, message("It was changed after the run."))
    return manifest


def verify(folder: Path) -> Manifest:
    """Return the manifest of a run after comparing every file with it.

    Raises
    ------
    RunFailedError
        Naming the first file that is missing, changed, or not in the manifest.
    """
    manifest = read_manifest(folder)
    present = {path.relative_to(folder).as_posix(): path for path in files_below(folder)}
    present.pop(MANIFEST_NAME)
    for name, entry in manifest.files.items():
        path = present.pop(name, None)
        if path is None:
            raise _broken(folder / name, message("It is missing."))
        if path.is_symlink() or path.stat().st_size != entry.bytes or digest_of_file(path) != entry.sha256:
            raise _broken(path, message("It was changed after the run."))
    if present:
        raise _broken(next(iter(present.values())), message("It is not in the manifest."))
    return manifest


def _broken(path: Path, found: Message) -> RunFailedError:
    return RunFailedError(
        message("A published run is never changed: each file has the digest that its manifest states."),
        found=found,
        remedy=message("Give the command of this run again: it makes the run anew."),
        where=str(path),
    )
