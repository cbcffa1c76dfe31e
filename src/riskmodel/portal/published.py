"""The published run that the portal shows: found through ``current``, read by its manifest, and only as it was written."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from riskmodel.errors import RunFailedError, UsageError
from riskmodel.messages import Message, message
from riskmodel.runs.manifest import Manifest, read_manifest
from riskmodel.runs.publish import Store, current_run
from riskmodel.views.extract import membership, unfolded

SCHOOLS_OPEN = 32
"""Of so many schools the pupils stand ready, those last asked for; of the others who belongs to them is kept packed.

Packed, a pupil takes some twenty bytes instead of three hundred, and what is made and dropped between long-lived objects
does not keep memory from being given back."""

INDEX_FILE = "extracts/index.json"
FINDINGS_FILE = "extracts/findings.json"
EFFECTS_FILE = "effects.json"
STATE_FILE = "extracts/state.json"
MUNICIPALITY_FILE = re.compile(r"extracts/municipality/(LV[0-9]{7})\.json")
SCHOOL_FOLDER = "extracts/"


class Member(NamedTuple):
    """A pupil of a school, as far as access is decided by it."""

    pupil_id: str
    code: str
    class_code: str | None


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
        found = self._read(FINDINGS_FILE)
        return found | {"run": found["run"] | {"published_on": self.updated_on}, "effects": self.effects}

    @cached_property
    def effects(self) -> dict[str, Any]:
        """What the run found of the effects of measures; empty in runs of earlier versions."""
        return self._read(EFFECTS_FILE) if EFFECTS_FILE in self.manifest.files else {}

    @cached_property
    def run(self) -> dict[str, Any]:
        """What every page says of the run."""
        return {**self.index["run"], "published_on": self.updated_on}

    @cached_property
    def names(self) -> dict[str, str]:
        """The names of the schools of this run, by id."""
        return {str(one["school_id"]): str(one["school_name"] or one["school_id"]) for one in self.index["schools"]}

    @cached_property
    def municipalities(self) -> frozenset[str]:
        """The codes of the municipalities that have an extract: those of the cut-off date, not those that schools still name."""
        found = (MUNICIPALITY_FILE.fullmatch(name) for name in self.manifest.files)
        return frozenset(match[1] for match in found if match)

    def municipality(self, code: str) -> dict[str, Any]:
        """Return the extract of a municipality of this run; KeyError for any other code."""
        if code not in self.municipalities:
            raise KeyError("no such municipality in this run")
        return self._dated(self._read(f"extracts/municipality/{code}.json")) | {"needed": self._verdict(code)}

    @cached_property
    def has_state(self) -> bool:
        """Whether the run has counts of the state; runs of earlier versions have none."""
        return STATE_FILE in self.manifest.files

    def state(self) -> dict[str, Any]:
        """Return the extract of the state."""
        return self._dated(self._read(STATE_FILE)) | {"needed": self._verdict("state")}

    def _verdict(self, area: str) -> dict[str, str] | None:
        """Return whether the individual score is needed in an area, in each language; None where nothing was compared."""
        found: dict[str, str] | None = self.effects.get("verdicts", {}).get(area)
        return found

    def _dated(self, extract: dict[str, Any]) -> dict[str, Any]:
        return extract | {"run": extract["run"] | {"published_on": self.updated_on}}

    @cached_property
    def members(self) -> Callable[[str], Mapping[str, Member]]:
        """Give for the id of a school its pupils by code; nobody for an id of no school of this run."""
        return lru_cache(SCHOOLS_OPEN)(self._members)

    @cached_property
    def _packed(self) -> dict[str, bytes]:
        """Who belongs to each school that was asked for, packed."""
        return {}

    def _members(self, school_id: str) -> Mapping[str, Member]:
        name = self._files.get(school_id)
        if name is None:
            return {}
        packed = self._packed.get(school_id)
        if packed is None:
            packed = self._packed[school_id] = zlib.compress(json.dumps(membership(self._read(name))).encode("ascii"))
        found = (Member(*of_pupil) for of_pupil in json.loads(zlib.decompress(packed)))
        return {member.code: member for member in found}

    @cached_property
    def _files(self) -> dict[str, str]:
        return {str(school["school_id"]): SCHOOL_FOLDER + str(school["file"]) for school in self.index["schools"]}

    def school(self, school_id: str) -> dict[str, Any] | None:
        """Return the extract of a school of this run, None for any other id."""
        name = self._files.get(school_id)
        if name is None:
            return None
        return self._dated(unfolded(self._read(name)))

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
        When nothing was published yet.
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
    return Published(folder, read_manifest(folder))


def _unusable(name: str, found: Message) -> RunFailedError:
    return RunFailedError(
        message("The pages are made from the extracts that the run published."),
        found=found,
        remedy=message("Run the same command again; a run that was harmed is made anew."),
        where=name,
    )
