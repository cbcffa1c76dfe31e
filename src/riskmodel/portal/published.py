"""The published run that the portal shows: found through ``current``, read by its manifest, opened only if it may be."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from riskmodel.errors import RunFailedError, UsageError
from riskmodel.messages import Message, message
from riskmodel.runs.manifest import Manifest, read_manifest
from riskmodel.runs.publish import Store, current_run
from riskmodel.views.extract import unfolded

OPEN_ORIGINS = frozenset({"synthetic", "public"})
"""Data that anyone may see. Data of schools wait for a login."""

INDEX_FILE = "extracts/index.json"
FINDINGS_FILE = "extracts/findings.json"
SCHOOL_FOLDER = "extracts/"


@dataclass(frozen=True)
class Published:
    """One published run: its manifest, and its extracts by school."""

    folder: Path
    manifest: Manifest

    @property
    def run_id(self) -> str:
        """Name of the run."""
        return self.manifest.run_id

    @property
    def updated_on(self) -> str:
        """Day on which the run ended, as ISO text."""
        return self.manifest.finished_at[:10]

    @cached_property
    def index(self) -> dict[str, Any]:
        """The list of schools."""
        return self._read(INDEX_FILE)

    @cached_property
    def findings(self) -> dict[str, Any]:
        """The findings of the whole run."""
        return self._read(FINDINGS_FILE)

    @cached_property
    def run(self) -> dict[str, Any]:
        """What every page says of the run."""
        return {**self.index["run"], "published_on": self.updated_on}

    @cached_property
    def names(self) -> dict[str, str]:
        """The names of the schools of this run, by id."""
        return {str(one["school_id"]): str(one["school_name"] or one["school_id"]) for one in self.index["schools"]}

    @cached_property
    def _files(self) -> dict[str, str]:
        return {str(school["school_id"]): SCHOOL_FOLDER + str(school["file"]) for school in self.index["schools"]}

    def school(self, school_id: str) -> dict[str, Any] | None:
        """Return the extract of a school of this run, None for any other id."""
        name = self._files.get(school_id)
        if name is None:
            return None
        extract = unfolded(self._read(name))
        return extract | {"run": extract["run"] | {"published_on": self.updated_on}}

    def _read(self, name: str) -> dict[str, Any]:
        """Return one file of the run; only files that the manifest names are opened, and only unchanged."""
        entry = self.manifest.files.get(name)
        path = self.folder / name
        if entry is None or path.is_symlink() or not path.is_file():
            raise _unusable(name, message("The extract is missing."))
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != entry.sha256:
            raise _unusable(name, message("The extract was changed after the run."))
        found: dict[str, Any] = json.loads(content)
        return found


def open_current(store: Path, known: Published | None = None) -> Published:
    """Return the current run of a store; ``known`` itself when that is still the current one.

    Raises
    ------
    UsageError
        When nothing was published yet, or the run holds data of schools, for which there is no login yet.
    RunFailedError
        When the run or its manifest cannot be read.
    """
    place = Store(store.absolute())
    run_id = current_run(place)
    if run_id is None:
        raise UsageError(
            message("The portal shows a published run."),
            found=message("Nothing has been published in this store yet."),
            remedy=message("Publish one first: riskmodel run --delivery DELIVERY --cut-off DATE --store STORE."),
            where=str(store),
        )
    if known is not None and known.run_id == run_id:
        return known
    folder = place.run(run_id)
    published = Published(folder, read_manifest(folder))
    origins = {source.origin for source in published.manifest.sources} | {str(published.index["run"]["origin"])}
    if not origins <= OPEN_ORIGINS:
        raise UsageError(
            message("Data of schools are shown to people who have logged in and only as far as their task goes."),
            found=message("This run holds data of schools, and the portal has no login yet."),
            remedy=message("Publish a run of synthetic or public data, or wait for the version with a login."),
            where=run_id,
        )
    return published


def _unusable(name: str, found: Message) -> RunFailedError:
    return RunFailedError(
        message("The pages are made from the extracts that the run published."),
        found=found,
        remedy=message("Run the same command again; a run that was harmed is made anew."),
        where=name,
    )
