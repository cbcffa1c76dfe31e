"""A pupil out of everything that a store holds: mark, register, identity, deliveries, caches, runs — in this order.

The mark comes first: whatever happens afterwards, no later delivery and no older copy brings the pupil back. What is under way is
noted beside the store, so that a killed erasure is finished by the next one. Each step may be done again.

What no command can reach is said and never claimed: see :data:`NOT_REACHED`.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from riskmodel.errors import RunFailedError, UsageError
from riskmodel.messages import Message, message, plural
from riskmodel.register.places import is_there, register_of
from riskmodel.register.private import check_private, make_private
from riskmodel.register.schema import moment_text
from riskmodel.register.store import open_register
from riskmodel.register.tombstones import open_tombstones
from riskmodel.runs.allocated import erase_from_allocations
from riskmodel.runs.byte_search import Hit
from riskmodel.runs.durable import canonical_json, sync_folder, write_file
from riskmodel.runs.lock import held_store
from riskmodel.runs.publish import Store, remove
from riskmodel.runs.pupils import Pupil
from riskmodel.runs.sieve import rows_of, rows_without
from riskmodel.runs.successors import Why, holds, names_any, runs_in_order, succeed
from riskmodel.settings import HERE
from riskmodel.sources.codes import normalised
from riskmodel.sources.history import (
    DESCRIPTION_FILE,
    HISTORY_FOLDER,
    PACKED_FOLDER,
    StoredDelivery,
    stored_deliveries,
)
from riskmodel.sources.identity import open_key
from riskmodel.sources.identity_table import read_identities, write_identities
from riskmodel.support.keeping.erasing import erase_from_register

Say = Callable[[Message], None]
FILE_MODE = 0o440
RANDOM_FIGURES = 6

NOT_REACHED: tuple[Message, ...] = (
    message("Files as they were delivered lie outside the store: remove the pupil there, or the files."),
    message(
        "Files that people took along, and extracts given to researchers, are theirs to clear: the audit names them."
    ),
    message("Back-ups made before hold the pupil until they are destroyed; what is restored of one is erased again."),
    message(
        "Figures and counts over many, and the model of a run, were made with the pupil; the next run learns without."
    ),
    message(
        "The audit keeps the pseudonym, and the list of erased pupils a keyed mark: no name or code leads there any more."
    ),
    message(
        "A PostgreSQL server's own log keeps what was removed for its time, and its files are not searched through."
    ),
    message("Free texts on events, orders and practice are not looked through: none of them may name a pupil."),
)


@dataclass
class Erased:
    """What went, by place."""

    register: dict[str, int] = field(default_factory=dict)
    identities: int = 0
    deliveries: dict[str, dict[str, int]] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)
    allocations: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


@dataclass
class _Journal:
    """What is under way, noted so that a later call can finish it."""

    file: Path
    told: dict[str, Any]

    def note(self, **more: Any) -> None:
        """Write what is known more, at once and for good."""
        self.told |= more
        make_private(self.file.with_name(f".{self.file.name}.part"))
        write_file(self.file, canonical_json(self.told))


def journal_file(store: Path) -> Path:
    """Return where an erasure under way is noted."""
    place = store.absolute()
    return place.with_name(f"{place.name}.erasing.json")


def erase(store: Path, pupil: Pupil, why: Why, say: Say) -> Erased:
    """Take a pupil out of everything that the store holds, and finish before it what was begun earlier and killed.

    Raises
    ------
    UsageError
        When by or reason is empty.
    RunFailedError
        When another command works on the store, or a run was changed after it was made.
    """
    if not why.by.strip() or not why.reason.strip():
        raise UsageError(
            message("An erasure names a person and a reason."),
            found=message("One of them is empty."),
            remedy=message("Give both: --by NAME --reason TEXT."),
        )
    with held_store(store):
        finish_earlier(store, say)
        journal = _Journal(journal_file(store), {})
        journal.note(
            pupil_ids=sorted(pupil.pupil_ids),
            register_ids=sorted(pupil.register_ids),
            by=why.by.strip(),
            reason=why.reason.strip(),
            runs={},
            deliveries={},
        )
        return _do(store, journal, say)


def finish_interrupted(store: Path, say: Say) -> None:
    """Finish an erasure that was begun and killed, holding the store; nothing where there is none."""
    if journal_file(store).exists():
        with held_store(store):
            finish_earlier(store, say)


def is_of_audit(hit: Hit) -> bool:
    """Whether a text was found in the audit of a register of SQLite, or in its file as it lies, of which the audit is a part."""
    return hit.path.endswith(".register.sqlite3") and hit.inside in {"", "audit_entry"}


def not_gone(places: Sequence[str]) -> RunFailedError:
    """Return the error that something still names an erased pupil."""
    return RunFailedError(
        message("Nothing in a store names a pupil who was erased, but for the audit."),
        found=message("These still do: {places}.", places=", ".join(places)),
        remedy=message("Remove these files, or give the command again once whoever writes them is stopped."),
    )


def finish_earlier(store: Path, say: Say) -> None:
    """Finish an erasure that was begun and killed; nothing where there is none."""
    file = journal_file(store)
    if not file.exists():
        return
    check_private(file, message("Only its owner may read what an erasure under way has noted."))
    say(message("An erasure that was interrupted is finished first."))
    _do(store, _Journal(file, json.loads(file.read_text("utf-8"))), say)


def _do(store: Path, journal: _Journal, say: Say) -> Erased:
    told, erased = journal.told, Erased()
    pupil_ids, register_ids = set(told["pupil_ids"]), set(told["register_ids"])
    why = Why(told["by"], told["reason"])
    today = datetime.now(HERE).date()
    open_tombstones(store).with_marks(register_ids, pupil_ids, today)
    place = register_of(store)
    if is_there(place):
        with open_register(place) as register:
            erased.register = dict(erase_from_register(register, pupil_ids, why.by, why.reason))
    erased.identities = _from_identities(store, pupil_ids, register_ids)
    for delivery in stored_deliveries(store):
        if rows := _from_delivery(delivery, pupil_ids, journal):
            erased.deliveries[delivery.delivery_id] = rows
    for part in (HISTORY_FOLDER, PACKED_FOLDER):
        remove(store / part)
    erased.runs = _from_runs(Store(store.absolute()), pupil_ids, journal, why, say)
    erased.allocations = erase_from_allocations(Store(store.absolute()), pupil_ids, erased.runs)
    staging = Store(store.absolute()).staging
    for path in sorted(staging.iterdir()) if staging.is_dir() else ():
        remove(path)
    journal.file.unlink()
    sync_folder(journal.file.parent)
    return erased


def _from_identities(store: Path, pupil_ids: set[str], register_ids: set[str]) -> int:
    table = read_identities(store)
    gone = pc.or_(
        pc.is_in(table["pupil_id"], value_set=_texts(pupil_ids)),
        pc.is_in(table["register_id"], value_set=_texts(register_ids)),
    )
    kept = table.filter(pc.invert(gone))
    if kept.num_rows < table.num_rows:
        write_identities(store, kept)
    return int(table.num_rows - kept.num_rows)


def _texts(values: set[str]) -> pa.Array:
    return pa.array(sorted(values), pa.string())


def _from_delivery(delivery: StoredDelivery, pupil_ids: set[str], journal: _Journal) -> dict[str, int]:
    """Take the rows of pupils out of one delivery; its account says how many went, and read = used + put aside + merged holds."""
    noted: dict[str, dict[str, int]] = journal.told["deliveries"]
    files = sorted(delivery.folder.glob("*.parquet"))
    found = {path.stem: gone for path in files if (gone := rows_of(path, pupil_ids))}
    name = delivery.delivery_id
    if name not in noted and found:
        journal.note(deliveries={**noted, name: {"rows": found, "described": _with_account(delivery, found)}})
    if name not in journal.told["deliveries"]:
        return {}
    for path in files:
        if path.stem in found:
            _replace(path, lambda to, path=path: rows_without(path, to, pupil_ids))  # type: ignore[misc]
    planned = journal.told["deliveries"][name]
    description = canonical_json_of_delivery(planned["described"])
    _replace(delivery.folder / DESCRIPTION_FILE, lambda to: to.write_bytes(description))
    rows: dict[str, int] = planned["rows"]
    return rows


def canonical_json_of_delivery(described: Mapping[str, Any]) -> bytes:
    """Return the text of ``delivery.json`` as a delivery is described when it is taken in."""
    return (json.dumps(described, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def _with_account(delivery: StoredDelivery, gone: Mapping[str, int]) -> dict[str, Any]:
    described = dict(delivery.description)
    accounts = {table: dict(account) for table, account in described["accounts"].items()}
    before = dict(described.get("erased", {}))
    for table, count in gone.items():
        if table in accounts:
            # Several stored rows may come of one delivered row and the other way round: never below nothing.
            fewer = min(count, accounts[table]["used"])
            accounts[table]["used"] -= fewer
            accounts[table]["read"] -= fewer
        before[table] = before.get(table, 0) + count
    return {**described, "accounts": accounts, "erased": before}


def _replace(path: Path, write: Callable[[Path], Any]) -> None:
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    write(part)
    part.chmod(FILE_MODE)
    descriptor = os.open(part, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    part.replace(path)
    sync_folder(path.parent)


def _from_runs(store: Store, pupil_ids: set[str], journal: _Journal, why: Why, say: Say) -> dict[str, str]:
    planned: dict[str, str] = dict(journal.told["runs"])
    for manifest in runs_in_order(store):
        run_id = manifest.run_id
        if run_id in planned.values():
            continue
        if run_id in planned or holds(store, run_id, pupil_ids) or names_any(manifest, planned):
            if run_id not in planned:
                planned[run_id] = f"{manifest.cut_off_date.isoformat()}-{secrets.token_hex(RANDOM_FIGURES)}"
                journal.note(runs=planned)
            succeed(store, run_id, planned, pupil_ids, why)
            say(message("The run {old} was replaced by {new}, without the pupil.", old=run_id, new=planned[run_id]))
    return planned


def told_of(erased: Erased) -> list[Message]:
    """Return what went, in sentences."""
    in_deliveries = sum(sum(rows.values()) for rows in erased.deliveries.values())
    return [
        plural(
            "{count} row went from the register.", "{count} rows went from the register.", sum(erased.register.values())
        ),
        plural("{count} identity went.", "{count} identities went.", erased.identities),
        plural("{count} row went from the deliveries.", "{count} rows went from the deliveries.", in_deliveries),
        plural("{count} run was replaced.", "{count} runs were replaced.", len(erased.runs)),
        plural("{count} row went from the allocations.", "{count} rows went from the allocations.", erased.allocations),
    ]


def readmit(store: Path, register_ids: Collection[str], key_file: Path, why: Why) -> bool:
    """Let an erased pupil come with a delivery again; return whether the pupil was on the list.

    A pupil whose code was changed has several register ids, and comes back only when all are given. What an older copy of
    the register holds of the pupil stays erased.
    """
    tombstones = open_tombstones(store)
    forms = {found.text for free in (False, True) for found in normalised(list(register_ids), free=free) if found.text}
    known = tombstones.among("register_id", forms)
    if not known:
        return False
    key = open_key(key_file, store, may_create=False)
    at = moment_text(datetime.now(UTC))
    tombstones.readmitting(known, {key.pseudonym(one) for one in known}, at)
    place = register_of(store)
    if is_there(place):
        with open_register(place) as register:
            register.audit.write(why.by, "pupil_readmitted", "", details={"reference": why.reason})
    return True
