"""A new key for the pseudonyms: every place of a store that holds pseudonyms moves to it, or none does.

First everything is made anew in a private folder beside the store (``store.rotating``): deliveries, identities, the new key, and the
crosswalk from old to new. Then one file is written there, and from then on the change counts as made: it is carried through step by
step, each of which may be done again, and whoever opens the register meanwhile is told to finish it. At the end the crosswalk and
the old key are destroyed. A kill before that file leaves the old, one after it the new, once the command was given again.

Runs hold pseudonyms in every table and page, under names that digests stand for: they are dropped, and made anew by the next run.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, bindparam, select, update

from riskmodel.errors import UsageError
from riskmodel.messages import Message, message
from riskmodel.register import sqlite
from riskmodel.register.places import is_there, place_of, renewal_folder, renewal_mark
from riskmodel.register.schema import AUDIT_ENTRY, GRANT_PUPIL
from riskmodel.register.store import open_register
from riskmodel.register.units import Whole
from riskmodel.runs.allocated import rename_in_allocations
from riskmodel.runs.durable import canonical_json, sync_folder, write_file
from riskmodel.runs.erasing import finish_earlier
from riskmodel.runs.keys import key_id_of
from riskmodel.runs.lock import held_store
from riskmodel.runs.publish import RUN_ID, Store, remove
from riskmodel.sources.history import (
    ALIAS_FILE,
    DELIVERIES_FOLDER,
    DESCRIPTION_FILE,
    HISTORY_FOLDER,
    PACKED_FOLDER,
    StoredDelivery,
    stored_deliveries,
)
from riskmodel.sources.identity import KEY_BYTES, Key, open_key, other_key
from riskmodel.sources.identity_table import IDENTITY_FILE, IDENTITY_FOLDER, read_identities
from riskmodel.sources.storing import write_checked
from riskmodel.support.keeping.erasing import pupils_in_register, pupils_of, rewrite
from riskmodel.support.keeping.held import PUPIL_COLUMN, support_tables
from riskmodel.support.schema.papers import PUPIL
from riskmodel.tables.canonical import CANONICAL, IDENTITY
from riskmodel.tables.fields import literal

Say = Callable[[Message], None]
CROSSWALK_FILE, KEY_FILE = "crosswalk.json", "key"
FILE_MODE, FOLDER_MODE = 0o440, 0o750
ELSEWHERE = "a pseudonym without a register id:"
AT_ONCE = 500


@dataclass(frozen=True)
class Renewal:
    """A renewal under way: of which store, where its key lies, by whom."""

    store: Path
    key_file: Path
    by: str

    @property
    def folder(self) -> Path:
        """Where everything is made anew."""
        return renewal_folder(self.store)


def rotate_key(renewal: Renewal, say: Say, *, may_drop_runs: bool) -> int:
    """Make the pseudonyms of a store anew under a new key, or finish what was begun; return how many pupils there are.

    Raises
    ------
    UsageError
        When there are runs that may not be dropped, the key is not the store's, or somebody has the register open. Nothing
        was changed then.
    RunFailedError
        When another command works on the store.
    """
    with held_store(renewal.store, may_be_half_renewed=True):
        if not renewal_mark(renewal.store).exists():
            finish_earlier(renewal.store, say)
            remove(renewal.folder)
            _check(renewal, may_drop_runs=may_drop_runs)
            _prepare(renewal)
        crosswalk: dict[str, str] = json.loads((renewal.folder / CROSSWALK_FILE).read_text("ascii"))
        for step in STEPS:
            step(renewal, crosswalk)
    return len(crosswalk)


def _check(renewal: Renewal, *, may_drop_runs: bool) -> None:
    store = Store(renewal.store.absolute())
    runs = [path for path in store.runs.iterdir() if RUN_ID.fullmatch(path.name)] if store.runs.is_dir() else []
    if runs and not may_drop_runs:
        raise UsageError(
            message("Runs name pupils by the pseudonyms of the old key, and cannot be kept under a new one."),
            found=message("The store holds runs: {count}.", count=len(runs)),
            remedy=message("Give --drop-runs, and run again afterwards: until then the portal shows nothing."),
            where=str(renewal.store),
        )
    key = open_key(renewal.key_file, renewal.store, may_create=False)
    if key_id_of(renewal.store) not in {"", key.key_id}:
        raise other_key(renewal.key_file)
    place = place_of(renewal.store)
    with sqlite.alone(place) if isinstance(place, Path) and is_there(place) else nullcontext():
        pass  # nobody has it open


# --- everything anew, beside the store


def _prepare(renewal: Renewal) -> None:
    renewal.folder.mkdir(mode=0o700)
    key = Key(secrets.token_bytes(KEY_BYTES))
    crosswalk = _crosswalk(renewal.store, key)
    write_file(renewal.folder / CROSSWALK_FILE, canonical_json(crosswalk))
    for delivery in stored_deliveries(renewal.store):
        _delivery_anew(delivery, renewal.folder / DELIVERIES_FOLDER / delivery.delivery_id, crosswalk, key)
    _identities_anew(renewal, crosswalk, key)
    descriptor = os.open(renewal.folder / KEY_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(descriptor, "w") as file:
        file.write(key.secret.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    for path in [renewal.folder, *renewal.folder.rglob("*")]:
        _sync(path)
    write_file(renewal_mark(renewal.store), canonical_json({"key_id": key.key_id, "by": renewal.by}))


def _crosswalk(store: Path, key: Key) -> dict[str, str]:
    """Return the new pseudonym of every old one: made of the pupil's earliest register id, as the border makes it."""
    register_ids: dict[str, dict[str, str | None]] = {}
    for row in read_identities(store).to_pylist():
        register_ids.setdefault(row["pupil_id"], {})[row["register_id"]] = row["earlier_register_id"]
    found = {}
    for pupil_id, own in register_ids.items():
        earliest = sorted(own, key=lambda one: (own[one] is not None, one))[0]
        found[pupil_id] = key.pseudonym(earliest)
    for pupil_id in sorted(_pupils_elsewhere(store) - found.keys()):
        found[pupil_id] = key.pseudonym(ELSEWHERE + pupil_id)
    if len(set(found.values())) < len(found):
        raise ValueError("two pupils have one pseudonym")
    return found


def _pupils_elsewhere(store: Path) -> set[str]:
    found: set[str] = set()
    for delivery in stored_deliveries(store):
        for path in delivery.folder.glob("*.parquet"):
            with pq.ParquetFile(path) as file:
                for name in ("pupil_id", "of_pupil_id"):
                    if name in file.schema_arrow.names:
                        found |= set(file.read([name])[name].cast(pa.string()).unique().to_pylist())
    place = place_of(store)
    if is_there(place):
        with open_register(place) as register:
            found |= pupils_of(register)
    return found - {""}


def _delivery_anew(delivery: StoredDelivery, to: Path, crosswalk: Mapping[str, str], key: Key) -> None:
    to.mkdir(mode=FOLDER_MODE, parents=True)
    listed = pa.table({"old": list(crosswalk), "new": list(crosswalk.values())})
    for path in sorted(delivery.folder.iterdir()):
        declared = next((table for table in CANONICAL if path.name == f"{table.name}.parquet"), None)
        if path.name == DESCRIPTION_FILE:
            described = {**delivery.description, "key_id": key.key_id}
            text = json.dumps(described, ensure_ascii=False, indent=2, sort_keys=True)
            (to / path.name).write_text(text + "\n", "utf-8")
        elif declared is not None and PUPIL_COLUMN in declared.column_names:
            with duckdb.connect() as connection:
                connection.register("crosswalk", listed)
                connection.execute("CREATE SCHEMA checked")
                connection.execute(
                    f"CREATE VIEW checked.{declared.name} AS SELECT rows.* REPLACE (crosswalk.new AS pupil_id) "  # noqa: S608
                    f"FROM read_parquet({literal(str(path))}) rows JOIN crosswalk ON crosswalk.old = rows.pupil_id"
                )
                write_checked(connection, declared, to / path.name)
        elif path.name == ALIAS_FILE:
            rows = pq.read_table(path)
            columns = {name: [crosswalk[one] for one in rows[name].to_pylist()] for name in rows.column_names}
            pq.write_table(pa.table(columns).sort_by("pupil_id"), to / path.name, compression="zstd")
        else:
            shutil.copyfile(path, to / path.name)
        (to / path.name).chmod(FILE_MODE)
    _check_rows(delivery.folder, to)


def _check_rows(old: Path, new: Path) -> None:
    for path in old.glob("*.parquet"):
        if pq.read_metadata(path).num_rows != pq.read_metadata(new / path.name).num_rows:
            raise ValueError(f"{path.name} has other rows after its pseudonyms were renewed")


def _identities_anew(renewal: Renewal, crosswalk: Mapping[str, str], key: Key) -> None:
    rows = read_identities(renewal.store)
    columns = {name: rows[name].to_pylist() for name in IDENTITY.column_names}
    columns["pupil_id"] = [crosswalk[one] for one in columns["pupil_id"]]
    columns["key_id"] = [key.key_id] * rows.num_rows
    table = pa.table(columns, schema=IDENTITY.arrow_schema())
    path = renewal.folder / IDENTITY_FILE
    path.touch(mode=0o600)
    pq.write_table(table.sort_by([("pupil_id", "ascending"), ("register_id", "ascending")]), path)


# --- carried through; each step may be done again


def _renew_register(renewal: Renewal, crosswalk: Mapping[str, str]) -> None:
    place = place_of(renewal.store)
    if not is_there(place):
        return
    told = json.loads(renewal_mark(renewal.store).read_text("utf-8"))
    details = {"reference": str(told["key_id"])}
    with open_register(place) as register:
        wanted = select(AUDIT_ENTRY.c.number).where(
            AUDIT_ENTRY.c.action == "key_rotated", AUDIT_ENTRY.c.details.contains(details["reference"])
        )
        with register.database.reading() as connection:
            is_done = connection.execute(wanted).first() is not None
        if not is_done:
            with register.database.acting(Whole("key_rotated")) as act:
                _rename_pupils(act.connection, crosswalk)
                act.record(str(told["by"]), "key_rotated", details=details)
        rewrite(register)


def _rename_pupils(connection: Connection, crosswalk: Mapping[str, str]) -> None:
    known = sorted(pupils_in_register(connection) & crosswalk.keys())
    pupils = {row.pupil_id: dict(row._mapping) for row in connection.execute(select(PUPIL))}
    for one in known:  # the row that others name comes first, and the old one goes last
        if one in pupils:
            connection.execute(PUPIL.insert().values({**pupils[one], PUPIL_COLUMN: crosswalk[one]}))
    for table in (*support_tables(), GRANT_PUPIL):
        if PUPIL_COLUMN not in table.c or table is PUPIL:
            continue
        own = table.c[PUPIL_COLUMN]
        held = sorted(crosswalk.keys() & set(connection.scalars(select(own).distinct())))
        renamed = [{"old": one, "new": crosswalk[one]} for one in held]
        if renamed:
            statement = update(table).where(own == bindparam("old")).values({PUPIL_COLUMN: bindparam("new")})
            connection.execute(statement, renamed)
    for first in range(0, len(known), AT_ONCE):
        connection.execute(PUPIL.delete().where(PUPIL.c.pupil_id.in_(known[first : first + AT_ONCE])))


def _drop_runs(renewal: Renewal, crosswalk: Mapping[str, str]) -> None:
    store = Store(renewal.store.absolute())
    store.current.unlink(missing_ok=True)
    for folder in (store.runs, store.staging, store.releases):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            remove(path)
    rename_in_allocations(store, crosswalk)
    for part in (HISTORY_FOLDER, PACKED_FOLDER):
        remove(renewal.store / part)


def _renew_deliveries(renewal: Renewal, crosswalk: Mapping[str, str]) -> None:
    for made in _folders(renewal.folder / DELIVERIES_FOLDER):
        stored, old = renewal.store / DELIVERIES_FOLDER / made.name, renewal.folder / f"old.{made.name}"
        if stored.exists():
            remove(old)
            stored.rename(old)
        made.rename(stored)
        sync_folder(stored.parent)


def _folders(path: Path) -> Iterator[Path]:
    yield from sorted(path.iterdir()) if path.is_dir() else ()


def _renew_identities(renewal: Renewal, crosswalk: Mapping[str, str]) -> None:
    made, folder = renewal.folder / IDENTITY_FILE, renewal.store / IDENTITY_FOLDER
    if made.exists() and folder.is_dir():
        made.replace(folder / IDENTITY_FILE)
        sync_folder(folder)


def _renew_key(renewal: Renewal, crosswalk: Mapping[str, str]) -> None:
    made = renewal.folder / KEY_FILE
    if made.exists():
        made.replace(renewal.key_file)
        sync_folder(renewal.key_file.parent)


def _forget(renewal: Renewal, crosswalk: Mapping[str, str]) -> None:
    """Destroy the crosswalk and what was old; the mark of the renewal goes last."""
    mark = renewal_mark(renewal.store)
    for path in sorted(renewal.folder.iterdir()):
        if path != mark and path.name != CROSSWALK_FILE:
            remove(path)
    mark.unlink()
    remove(renewal.folder)


STEPS = (_renew_register, _drop_runs, _renew_deliveries, _renew_identities, _renew_key, _forget)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
