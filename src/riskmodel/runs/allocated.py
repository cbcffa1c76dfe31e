"""Allocations that were kept: a pupil out of them, or all pupils under new pseudonyms. Each step may be done again.

A lottery that was drawn stays: who else drew which lot is what its analysis needs. Its log keeps the digest of the table as it was
drawn.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from riskmodel.runs.durable import sync_file, sync_folder
from riskmodel.runs.publish import READ_ONLY, Store, remove
from riskmodel.runs.sieve import rows_without
from riskmodel.tables.allocating import ALLOCATION


def erase_from_allocations(store: Store, pupil_ids: Collection[str], renamed: Mapping[str, str]) -> int:
    """Take the rows of pupils out of every allocation, and let allocations follow their runs to new names.

    Returns how many rows went. ``renamed`` holds the new id of each run that was replaced, by its old one.
    """
    gone = 0
    for path in _tables(store):
        part = _part(path)
        rows = rows_without(path, part, pupil_ids)
        if rows:
            _replace(part, path)
            gone += rows
    for old, new in renamed.items():
        folder = store.allocations / old
        if folder.is_dir():
            folder.rename(store.allocations / new)
            sync_folder(store.allocations)
    return gone


def rename_in_allocations(store: Store, crosswalk: Mapping[str, str]) -> None:
    """Write every allocation with the pseudonyms that ``crosswalk`` holds, by the old ones."""
    for path in _tables(store):
        rows = pq.read_table(path)
        place = rows.schema.get_field_index("pupil_id")
        before = rows["pupil_id"].cast(pa.string()).to_pylist()
        after = [crosswalk.get(one, one) for one in before]
        if after != before:
            part = _part(path)
            renamed = rows.set_column(place, "pupil_id", pa.array(after, pa.string()))
            pq.write_table(renamed.sort_by([(name, "ascending") for name in ALLOCATION.key]), part)
            _replace(part, path)


def _tables(store: Store) -> Iterator[Path]:
    if store.allocations.is_dir():
        for path in sorted(store.allocations.rglob(".*.part")):
            remove(path)
        yield from sorted(store.allocations.rglob(f"{ALLOCATION.name}.parquet"))


def _part(path: Path) -> Path:
    part = path.with_name(f".{path.name}.part")
    remove(part)
    return part


def _replace(part: Path, path: Path) -> None:
    part.chmod(READ_ONLY)
    sync_file(part)
    part.replace(path)
    sync_folder(path.parent)
