"""The ledger of a store: what each published run released of areas, and the earlier runs that a new one follows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow.dataset as ds

from riskmodel.digests import digest_of_file
from riskmodel.disclosure.ledger import Entry, Release
from riskmodel.errors import RunFailedError
from riskmodel.messages import message
from riskmodel.runs.manifest import Manifest, read_manifest
from riskmodel.runs.publish import RUN_ID, Store, is_published
from riskmodel.tables.areas import RELEASED_CELL

LEDGER_FILE = f"tables/{RELEASED_CELL.name}.parquet"
Key = tuple[str, str]
"""Cut and subject (a day as ISO text)."""


def earlier_runs(store: Path, but: str) -> list[Manifest]:
    """Return the manifests of the runs that were published in a store, in the order in which they ended.

    A held run that nobody has released has shown nothing to anyone and does not count; neither does the run ``but``.

    Raises
    ------
    RunFailedError
        When a run was changed since it was sealed: what it showed cannot be known from it.
    """
    place = Store(store)
    if not place.runs.is_dir():
        return []
    found = []
    for folder in place.runs.iterdir():
        if not RUN_ID.fullmatch(folder.name) or folder.name == but:
            continue
        try:
            manifest = read_manifest(folder)
        except RunFailedError:
            raise _unknown_release(folder.name) from None
        if is_published(place, manifest):
            found.append(manifest)
    return sorted(found, key=lambda manifest: (manifest.finished_at, manifest.run_id))


def read_ledger(store: Path, runs: Sequence[Manifest], subjects: Collection[date]) -> dict[Key, list[Release]]:
    """Return the releases of the subjects by cut and subject, oldest first.

    Raises
    ------
    RunFailedError
        When the ledger of a run is missing or was changed: a new release must not be compared with less than was shown.
    """
    found: dict[Key, list[Release]] = defaultdict(list)
    for manifest in runs:
        entry = manifest.files.get(LEDGER_FILE)
        if entry is None:
            continue  # a run from before the ledger released nothing of areas
        path = Store(store).run(manifest.run_id) / LEDGER_FILE
        if not path.is_file() or digest_of_file(path) != entry.sha256:
            raise _unknown_release(manifest.run_id)
        rows = ds.dataset(path).to_table(filter=ds.field("subject_on").isin(list(subjects))).to_pylist()
        by_key: dict[Key, list[Entry]] = defaultdict(list)
        for row in rows:
            by_key[row["cut_code"], row["subject_on"].isoformat()].append(_entry(row))
        for (cut, subject), entries in by_key.items():
            found[cut, subject].append(Release(cut, subject, manifest.run_id, tuple(entries)))
    return dict(found)


def _unknown_release(run_id: str) -> RunFailedError:
    return RunFailedError(
        message("What is shown of areas is checked against all that earlier runs have shown."),
        found=message("An earlier run was changed after it was sealed, so that nobody knows what it has shown."),
        remedy=message("Bring its folder back from a copy, then give the same command again."),
        where=run_id,
    )


def _entry(row: dict[str, object]) -> Entry:
    return Entry(
        level=int(str(row["level"])),
        unit=str(row["unit_code"]),
        parent=str(row["parent_code"]),
        cell=str(row["cell_code"]),
        kind=str(row["kind_code"]),
        count=int(str(row["count"])),
        is_shown=bool(row["is_shown"]),
    )


def ledger_rows(releases: Sequence[Release]) -> pd.DataFrame:
    """Return the rows of ``released_cell`` for new releases; none when the run released nothing that was not known."""
    parts = [pd.DataFrame(columns=list(RELEASED_CELL.column_names))] if not releases else []
    for release in releases:
        part = pd.DataFrame(
            [
                (entry.level, entry.unit, entry.parent, entry.cell, entry.kind, entry.count, entry.is_shown)
                for entry in release.entries
            ],
            columns=["level", "unit_code", "parent_code", "cell_code", "kind_code", "count", "is_shown"],
        )
        parts.append(part.assign(cut_code=release.cut, subject_on=date.fromisoformat(release.subject)))
    return pd.concat(parts, ignore_index=True)[list(RELEASED_CELL.column_names)]
