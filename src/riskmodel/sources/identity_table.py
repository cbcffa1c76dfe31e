"""The identity table of a store: names and register ids, in a folder that only the owner of the store may enter."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from riskmodel.sources.identity import Key, Known, Pupils
from riskmodel.tables.canonical import IDENTITY

IDENTITY_FOLDER, IDENTITY_FILE = "identity", "identity.parquet"
IN_ORDER = [(name, "ascending") for name in IDENTITY.key]
ROWS_AT_ONCE = 1 << 15
"""So many rows of the table are in memory at a time, where it is not read as a whole."""
CODES_LOOKED_UP_AT_ONCE = 1 << 18
"""Register ids of a delivery are looked up among so many of the store: with fewer, each would be looked up more often."""


def read_identities(store: Path) -> pa.Table:
    """Return the identity table of a store; empty where there is none."""
    parts = list(_stored_parts(store))
    return pa.concat_tables(parts) if parts else IDENTITY.arrow_schema().empty_table()


def _stored_parts(store: Path, names: Sequence[str] = IDENTITY.column_names, rows: int = 0) -> Iterator[pa.Table]:
    """Yield some columns of the identity table of a store, some rows at a time (0: as everywhere)."""
    path = store / IDENTITY_FOLDER / IDENTITY_FILE
    if path.exists():
        schema = pa.schema([IDENTITY.arrow_schema().field(name) for name in names])
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(rows or ROWS_AT_ONCE, columns=list(names), use_threads=False):
                yield pa.Table.from_batches([batch]).select(list(names)).cast(schema)


def known_to(store: Path) -> Known:
    """Return what gives the pseudonyms of register ids that stand in the identity table of a store; null for others."""

    def known(register_ids: pa.Array) -> pa.Array:
        found = pa.nulls(len(register_ids), pa.string())
        for part in _stored_parts(store, ("register_id", "pupil_id"), CODES_LOOKED_UP_AT_ONCE):
            at = pc.index_in(register_ids, value_set=part.column("register_id").combine_chunks())
            found = pc.coalesce(found, part.column("pupil_id").combine_chunks().take(at))
        return found

    return known


def with_identities(store: Path, pupils: Pupils, key: Key, used: pa.Array) -> Iterator[pa.Table]:
    """Yield the identity table of a store after a delivery, in its order: for each register id the newest names.

    Of a country few are told of, and all others go by some rows at a time.

    Parameters
    ----------
    used
        Pseudonyms of the pupils whose description was used; the others are not added.
    """
    told = _told(pupils, used)
    codes, aliased = told.column("register_id").combine_chunks(), pa.array(list(pupils.aliases), pa.string())

    def is_changed(part: pa.Table) -> pa.ChunkedArray:
        is_told = pc.is_in(part.column("register_id"), value_set=codes)
        return pc.or_(is_told, pc.is_in(part.column("pupil_id"), value_set=aliased))

    before = pa.concat_tables(
        [IDENTITY.arrow_schema().empty_table(), *(part.filter(is_changed(part)) for part in _stored_parts(store))]
    )
    changed = _changed(told, before, pupils.aliases, key)
    for part in _stored_parts(store):
        same = part.filter(pc.invert(is_changed(part)))
        if same.num_rows:
            is_due = _stands_before(changed, same.slice(same.num_rows - 1))
            yield pa.concat_tables([same, changed.filter(is_due)]).sort_by(IN_ORDER)
            changed = changed.filter(pc.invert(is_due))
    yield changed


def _stands_before(rows: pa.Table, last: pa.Table) -> pa.ChunkedArray:
    """Return which rows stand before a row in the order of the identity table."""
    pupil_id, register_id = (last.column(name)[0] for name, _ in IN_ORDER)
    is_earlier = pc.less(rows.column("pupil_id"), pupil_id)
    is_same = pc.equal(rows.column("pupil_id"), pupil_id)
    return pc.or_(is_earlier, pc.and_(is_same, pc.less(rows.column("register_id"), register_id)))


def _told(pupils: Pupils, used: pa.Array) -> pa.Table:
    """Return what a delivery tells of register ids, a row for each: the last names that are not empty."""
    entries = pupils.entries.filter(pc.is_in(pupils.entries.column("pupil_id"), value_set=used))
    names = ("first_name", "last_name", "earlier_register_id")
    # Of equal days the greatest names count: whatever the order of the files was.
    entries = entries.sort_by([(name, "ascending") for name in ("described_from", "register_id", *names)])
    for name in names:
        values = entries.column(name)
        filled = pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)
        entries = entries.set_column(entries.column_names.index(name), name, filled)
    told = _last_by(entries, "register_id", ("pupil_id", *names))
    linked = _last_by(
        entries.filter(entries.column("earlier_register_id").is_valid()), "earlier_register_id", ("pupil_id",)
    )
    linked = linked.rename_columns(["register_id", "pupil_id"])
    is_told = pc.is_in(linked.column("register_id"), value_set=told.column("register_id").combine_chunks())
    return pa.concat_tables([told, linked.filter(pc.invert(is_told))], promote_options="default")


def _last_by(rows: pa.Table, key: str, names: Sequence[str]) -> pa.Table:
    """Return the last value of some columns for each value of another one."""
    found = rows.group_by(key, use_threads=False).aggregate([(name, "last") for name in names])
    return found.select([key, *(f"{name}_last" for name in names)]).rename_columns([key, *names])


def _changed(told: pa.Table, before: pa.Table, aliases: Mapping[str, str], key: Key) -> pa.Table:
    """Return rows of the identity table that are new or changed, in its order."""
    at = pc.index_in(
        told.column("register_id").combine_chunks(), value_set=before.column("register_id").combine_chunks()
    )
    earlier = before.take(at)
    columns = {
        name: told.column(name)
        if name in ("register_id", "pupil_id")
        else pc.coalesce(told.column(name), earlier.column(name))
        for name in told.column_names
    }
    columns["key_id"] = pa.repeat(key.key_id, told.num_rows)
    schema = IDENTITY.arrow_schema()
    new = pa.table({name: columns[name] for name in schema.names}).cast(schema)
    others = before.filter(
        pc.invert(pc.is_in(before.column("register_id"), value_set=told.column("register_id").combine_chunks()))
    )
    one = pa.array([aliases.get(pupil_id, pupil_id) for pupil_id in others.column("pupil_id").to_pylist()], pa.string())
    others = others.set_column(schema.get_field_index("pupil_id"), schema.field("pupil_id"), one)
    return pa.concat_tables([new, others]).sort_by(IN_ORDER)


def write_identities(store: Path, rows: pa.Table) -> None:
    """Replace the identity table of a store, at once; only the owner of the store may enter its folder."""
    put_identities(store, written_identities(_own_folder(store), [rows]))


def written_identities(folder: Path, parts: Iterable[pa.Table]) -> Path:
    """Write an identity table into a private folder of a store's file system, for its owner alone; return the file."""
    path = folder / f".{IDENTITY_FILE}.part"
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        with pq.ParquetWriter(file, IDENTITY.arrow_schema()) as writer:
            for rows in parts:
                writer.write_table(rows)
        file.flush()
        os.fsync(file.fileno())
    return path


def put_identities(store: Path, written: Path) -> None:
    """Make a written identity table that of a store, at once."""
    written.replace(_own_folder(store) / IDENTITY_FILE)


def _own_folder(store: Path) -> Path:
    """Return the folder of the identity table, which only the owner of the store may enter."""
    folder = store / IDENTITY_FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder
