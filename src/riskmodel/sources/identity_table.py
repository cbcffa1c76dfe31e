"""The identity table of a store: names and register ids, in a folder that only the owner of the store may enter."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from riskmodel.sources.identity import Key, Known, Pupils, bounds_of_ranges, linking
from riskmodel.tables.canonical import IDENTITY

IDENTITY_FOLDER, IDENTITY_FILE = "identity", "identity.parquet"
PLACE = ("pupil_id", "register_id")
IN_ORDER = [(name, "ascending") for name in PLACE]
AFTER_ALL = "g"
"""Pseudonyms are hexadecimal figures: all stand before this."""
ROWS_OF_A_RANGE = 1 << 15
"""So many rows of the table are in memory at a time, where it is not read as a whole."""
LOOKED_UP_AT_ONCE = 1 << 18
"""Register ids of a delivery are looked up among so many of the store: with fewer, each would be looked up more often."""


def read_identities(store: Path) -> pa.Table:
    """Return the identity table of a store; empty where there is none."""
    return _stored(store)


def known_to(store: Path) -> Known:
    """Return what gives the pseudonyms of register ids that stand in the identity table of a store; null for others."""

    def known(register_ids: pa.Array) -> pa.Array:
        found = pa.nulls(len(register_ids), pa.string())
        path = _file(store)
        with pq.ParquetFile(path) if path.exists() else nullcontext() as file:
            for part in file.iter_batches(LOOKED_UP_AT_ONCE, columns=list(PLACE), use_threads=False) if file else ():
                at = pc.index_in(register_ids, value_set=part.column("register_id"))
                found = pc.coalesce(found, part.column("pupil_id").take(at))
        return found

    return known


def with_identities(store: Path, pupils: Pupils, key: Key, used: pa.Array) -> Iterator[pa.Table]:
    """Yield the identity table of a store after a delivery, in its order: for each register id the newest names.

    It is put together for a range of pseudonyms at a time: those of a country are spread evenly.

    Parameters
    ----------
    used
        Pseudonyms of the pupils whose description was used; the others are not added.
    """
    entries = pupils.entries
    moved = _moved(store, entries, used, pupils.aliases)
    inner = bounds_of_ranges(_rows(store) + entries.num_rows, ROWS_OF_A_RANGE)
    for first, after in pairwise(["", *inner, AFTER_ALL]):
        is_here = (pc.field("pupil_id") >= first) & (pc.field("pupil_id") < after)
        has_stayed = ~pc.field("register_id").isin(moved.column("register_id").combine_chunks())
        before = pa.concat_tables([_stored(store, is_here & has_stayed), moved.filter(is_here)])
        told = _told(_used(entries.filter(is_here), used))
        is_told = pc.is_in(before.column("register_id"), value_set=told.column("register_id").combine_chunks())
        changed = _changed(told, before.filter(is_told), key)
        yield pa.concat_tables([before.filter(pc.invert(is_told)), changed]).sort_by(IN_ORDER)


def _used(rows: pa.Table, used: pa.Array) -> pa.Table:
    """Return the rows of pupils that are among ``used``; many of these and few rows take little memory."""
    pupils = rows.column("pupil_id").combine_chunks()
    return rows.filter(pc.is_in(pupils, value_set=used.filter(pc.is_in(used, value_set=pupils))))


def _file(store: Path) -> Path:
    return store / IDENTITY_FOLDER / IDENTITY_FILE


def _rows(store: Path) -> int:
    return int(pq.read_metadata(_file(store)).num_rows) if _file(store).exists() else 0


def _stored(store: Path, which: pc.Expression | None = None) -> pa.Table:
    """Return the rows of the identity table of a store, or some of them."""
    schema = IDENTITY.arrow_schema()
    if not _file(store).exists():
        return schema.empty_table()
    rows = pq.read_table(_file(store), columns=schema.names, filters=which, use_threads=False, partitioning=None)
    return rows.cast(schema)


def _moved(store: Path, entries: pa.Table, used: pa.Array, aliases: Mapping[str, str]) -> pa.Table:
    """Return the stored rows that stand under another pseudonym from now on, under this: few of a country.

    Who is told of stands where the delivery says, whatever becomes of the pseudonym that the code had; for all others the one that
    took its place counts.
    """
    moves, known = dict[str, str](), known_to(store)
    for told in _codes_told(entries):
        had = known(told.column("register_id").combine_chunks())
        elsewhere = _used(told.filter(pc.fill_null(pc.not_equal(had, told.column("pupil_id")), False)), used)
        moves |= zip(*(elsewhere.column(name).to_pylist() for name in ("register_id", "pupil_id")), strict=True)
    rows = _stored(
        store,
        pc.field("register_id").isin(pa.array(list(moves), pa.string()))
        | pc.field("pupil_id").isin(pa.array(list(aliases), pa.string())),
    )
    codes = rows.column("register_id").combine_chunks()
    told_of = set[str]()
    for told in _codes_told(entries) if len(codes) else ():
        here = told.filter(pc.is_in(told.column("register_id"), value_set=codes))
        told_of |= set(_used(here, used).column("register_id").to_pylist())
    stays = pa.array(list(told_of - moves.keys()), pa.string())
    rows = rows.filter(pc.invert(pc.is_in(codes, value_set=stays)))
    places = zip(*(rows.column(name).to_pylist() for name in ("register_id", "pupil_id")), strict=True)
    others = pa.array([moves.get(code) or aliases[pupil_id] for code, pupil_id in places], pa.string())
    at = rows.schema.get_field_index("pupil_id")
    return rows.set_column(at, rows.schema.field(at), others)


def _codes_told(entries: pa.Table) -> Iterator[pa.Table]:
    """Yield the register ids of entries, earlier ones too, with their pseudonyms, some at a time."""
    for begin in range(0, entries.num_rows, LOOKED_UP_AT_ONCE):
        part = entries.slice(begin, LOOKED_UP_AT_ONCE)
        linked = linking(part).select(["earlier_register_id", "pupil_id"]).rename_columns(["register_id", "pupil_id"])
        yield pa.concat_tables([part.select(["register_id", "pupil_id"]), linked])


def _told(entries: pa.Table) -> pa.Table:
    """Return what entries tell of register ids, a row for each: the last names that are not empty."""
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


def _changed(told: pa.Table, before: pa.Table, key: Key) -> pa.Table:
    """Return the rows of register ids that are told of; ``before`` are those that they had."""
    at = pc.index_in(
        told.column("register_id").combine_chunks(), value_set=before.column("register_id").combine_chunks()
    )
    earlier = before.take(at)
    columns = {
        name: told.column(name) if name in PLACE else pc.coalesce(told.column(name), earlier.column(name))
        for name in told.column_names
    }
    columns["key_id"] = pa.repeat(key.key_id, told.num_rows)
    schema = IDENTITY.arrow_schema()
    return pa.table({name: columns[name] for name in schema.names}).cast(schema)


def write_identities(store: Path, rows: pa.Table) -> None:
    """Replace the identity table of a store, at once; only the owner of the store may enter its folder."""
    with new_identities(store, [rows]):
        pass


@contextmanager
def new_identities(store: Path, parts: Iterable[pa.Table]) -> Iterator[None]:
    """Write an identity table, and make it that of the store when the block ends well; who fails leaves nothing of it."""
    folder = store / IDENTITY_FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    part = folder / f".{IDENTITY_FILE}.part"
    part.unlink(missing_ok=True)
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            with pq.ParquetWriter(file, IDENTITY.arrow_schema()) as writer:
                for rows in parts:
                    writer.write_table(rows)
            file.flush()
            os.fsync(file.fileno())
        yield
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    part.replace(_file(store))
