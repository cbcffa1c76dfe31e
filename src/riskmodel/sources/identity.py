"""Register ids and names at the border: what comes in as a personal code goes on as a keyed pseudonym.

The pseudonym is HMAC-SHA-256 under a key that lies outside the store; without the key nobody can make it again, and
all plausible personal codes can be tried in minutes on an unkeyed hash. Names and codes go into one table in a
folder that only the owner of the store may enter, and nowhere else.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from riskmodel.errors import UsageError
from riskmodel.messages import Message, message
from riskmodel.sources.codes import cleaned, has_control, is_new_code, is_personal_code
from riskmodel.tables.canonical import IDENTITY

PSEUDONYM_PURPOSE = b"riskmodel pseudonym of a pupil for analysis, version 1:"
KEY_ID_PURPOSE = b"riskmodel id of a key, version 1"
KEY_BYTES = 32
PSEUDONYM_FIGURES = 32
"""Hexadecimal figures: 128 bits."""
NAMES_KEPT = 1 << 14
"""How many different names are remembered while a delivery is read: many pupils share one."""

IDENTITY_FOLDER, IDENTITY_FILE = "identity", "identity.parquet"


@dataclass(frozen=True)
class Key:
    """The key of the pseudonyms. Its secret never shows in a text."""

    secret: bytes = field(repr=False)

    @property
    def key_id(self) -> str:
        """A name of the key that says nothing about it."""
        return hmac.digest(self.secret, KEY_ID_PURPOSE, "sha256").hex()[:8]

    def pseudonym(self, register_id: str) -> str:
        """Return the pseudonym of a pupil whose register id is in its normal form."""
        made = hmac.digest(self.secret, PSEUDONYM_PURPOSE + register_id.encode(), hashlib.sha256)
        return made.hex()[:PSEUDONYM_FIGURES]


def throw_away_key() -> Key:
    """Return a key that is kept nowhere, for a check that stores nothing."""
    return Key(secrets.token_bytes(KEY_BYTES))


def open_key(key_file: Path, store: Path, *, may_create: bool) -> Key:
    """Return the key in ``key_file``; make it, readable by its owner alone, where there is none yet.

    Raises
    ------
    UsageError
        When the file lies in the store, may be read by others, is not a key, or is missing though ``may_create`` is
        false because pseudonyms were made with it already.
    """
    if key_file.resolve().is_relative_to(store.resolve()):
        raise _key_refused(
            message("It lies in the store, and would be copied with it."),
            message("Name a file elsewhere, by default beside the store."),
            key_file,
        )
    try:
        status = key_file.lstat()
    except FileNotFoundError:
        if not may_create:
            raise _key_refused(
                message("It is missing, but the store holds pseudonyms that were made with it."),
                message(
                    "Bring the right file back from where it is kept; a new key would make strangers of all pupils."
                ),
                key_file,
            ) from None
        return _new_key(key_file)
    if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077 or status.st_uid != os.geteuid():
        raise _key_refused(
            message("It is not a file that its owner alone may read."),
            message("Take care who could have read it, then: chmod 400, owned by the account that runs this program."),
            key_file,
        )
    content = key_file.read_text("ascii", errors="replace").strip()
    if not re.fullmatch(f"[0-9a-f]{{{2 * KEY_BYTES}}}", content):
        raise _key_refused(
            message("It does not hold a key."), message("Bring the right file back from where it is kept."), key_file
        )
    return Key(bytes.fromhex(content))


def _new_key(key_file: Path) -> Key:
    key = throw_away_key()
    key_file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(descriptor, "w") as file:
        file.write(key.secret.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return key


def other_key(key_file: Path) -> UsageError:
    """Return the error that this key is not the one of the store's pseudonyms."""
    return _key_refused(
        message("It is another key than the one with which the store's pseudonyms were made."),
        message("Bring the right file back from where it is kept; a new key would make strangers of all pupils."),
        key_file,
    )


def _key_refused(found: Message, remedy: Message, key_file: Path) -> UsageError:
    return UsageError(
        message(
            "The key of the pseudonyms must lie in a file of its own that only its owner may read, outside the store."
        ),
        found=found,
        remedy=remedy,
        where=str(key_file),
    )


class Entry(NamedTuple):
    """What one row of a pupil file says of a pupil's identity, in normal form ("" where it says nothing)."""

    register_id: str
    first_name: str
    last_name: str
    earlier_register_id: str
    described_from: str


@lru_cache(NAMES_KEPT)
def clean_name(text: str | None) -> str:
    """Return a name in NFC with single blanks and without invisible characters."""
    return cleaned(text or "")


@lru_cache(NAMES_KEPT)
def name_fault(text: str | None) -> str:
    """Return the rule that a name breaks, or ""."""
    if has_control(text or ""):
        return "control_character"
    return "name_too_long" if len(clean_name(text)) > IDENTITY.column("first_name").max_length else ""


@dataclass
class Pupils:
    """Who is who: the pseudonym of each register id, and what is wrong with the entries of some.

    ``aliases`` holds pseudonyms that were given to one pupil twice before the link was known: old one by new one.
    """

    pseudonyms: dict[str, str] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    unlinked_changes: int = 0


def identify(register_ids: Iterable[str], entries: Iterable[Entry], known: Mapping[str, str], key: Key) -> Pupils:
    """Return the pseudonym of every register id; an old and a new code of one pupil have the same.

    Parameters
    ----------
    register_ids
        All that were delivered, in normal form.
    entries
        The rows of the pupil files.
    known
        Pseudonyms given in earlier deliveries, by register id.
    """
    pupils = Pupils()
    entries = list(entries)
    pupils.faults = _contradictions(entries)
    links = {
        entry.register_id: entry.earlier_register_id
        for entry in entries
        if entry.earlier_register_id and entry.register_id not in pupils.faults
    }
    linked = {*links, *links.values()}
    for register_id in {*register_ids} - linked:
        pupils.pseudonyms[register_id] = known.get(register_id) or key.pseudonym(register_id)
    chains: dict[str, list[str]] = defaultdict(list)
    for register_id in linked:
        chains[_earliest(register_id, links)].append(register_id)
    for earliest, chain in chains.items():
        in_order = sorted(chain, key=lambda one: (one != earliest, one))
        given = [known[one] for one in in_order if one in known]
        pseudonym = given[0] if given else key.pseudonym(earliest)
        pupils.pseudonyms.update(dict.fromkeys(chain, pseudonym))
        pupils.aliases.update({other: pseudonym for other in given if other != pseudonym})
    pupils.unlinked_changes = _unlinked_changes(entries, links)
    return pupils


def _earliest(register_id: str, links: Mapping[str, str]) -> str:
    seen = {register_id}
    while (earlier := links.get(register_id)) and earlier not in seen:
        seen.add(earlier)
        register_id = earlier
    return register_id


def _contradictions(entries: list[Entry]) -> dict[str, str]:
    """Return the register ids whose entries cannot all be true, with the rule that they break."""
    faults: dict[str, str] = {}
    by_code: dict[str, list[Entry]] = defaultdict(list)
    by_earlier: dict[str, set[str]] = defaultdict(set)
    times = Counter(entry.register_id for entry in entries)
    for entry in entries:
        if times[entry.register_id] > 1:  # one entry does not contradict itself
            by_code[entry.register_id].append(entry)
        if entry.earlier_register_id:
            by_earlier[entry.earlier_register_id].add(entry.register_id)
    for code, rows in by_code.items():
        first_names = {row.first_name.casefold() for row in rows if row.first_name}
        # A surname may change between two descriptions of a pupil, not within one.
        surnames: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            if row.last_name:
                surnames[row.described_from].add(row.last_name.casefold())
        if len(first_names) > 1 or any(len(names) > 1 for names in surnames.values()):
            faults[code] = "one_code_two_names"
        if len({row.earlier_register_id for row in rows if row.earlier_register_id}) > 1:
            faults[code] = "two_earlier_codes"
    for earlier, codes in by_earlier.items():
        if len(codes) > 1 or earlier in codes:
            faults |= dict.fromkeys(codes, "earlier_code_of_two")
    return faults


def _unlinked_changes(entries: list[Entry], links: Mapping[str, str]) -> int:
    """Return how many new codes stand beside an old code of the same name without a link."""
    linked = {*links, *links.values()}
    names = {True: set[tuple[str, str]](), False: set[tuple[str, str]]()}
    for entry in entries:
        code = entry.register_id
        if entry.last_name and code not in linked and is_personal_code(code):
            names[is_new_code(code)].add((entry.first_name.casefold(), entry.last_name.casefold()))
    return len(names[True] & names[False])


def read_identities(store: Path) -> pa.Table:
    """Return the identity table of a store; empty where there is none."""
    path = store / IDENTITY_FOLDER / IDENTITY_FILE
    if not path.exists():
        return IDENTITY.arrow_schema().empty_table()
    with pq.ParquetFile(path) as file:
        return file.read().cast(IDENTITY.arrow_schema())


def known_among(stored: pa.Table, register_ids: Iterable[str]) -> dict[str, str]:
    """Return the pseudonyms of those of some register ids that stand in an identity table."""
    some = stored.filter(pc.is_in(stored.column("register_id"), value_set=pa.array(list(register_ids), pa.string())))
    return dict(zip(some.column("register_id").to_pylist(), some.column("pupil_id").to_pylist(), strict=True))


def merged_identities(stored: pa.Table, entries: Iterable[Entry], pupils: Pupils, key: Key, used: set[str]) -> pa.Table:
    """Return the identity table after a delivery: for each register id the newest names.

    ``used`` are the pseudonyms of the pupils whose description was used; the others are not added.
    """
    aliases, pseudonyms, key_id = pupils.aliases, pupils.pseudonyms, key.key_id
    told_of = [
        entry
        for entry in sorted(entries, key=lambda entry: (entry.described_from, entry))
        if pseudonyms.get(entry.register_id, "") in used and entry.register_id not in pupils.faults
    ]
    named = {one for entry in told_of for one in (entry.register_id, entry.earlier_register_id) if one}
    # Of a country few are told of: all others stay as they are, by column.
    is_named = pc.is_in(stored.column("register_id"), value_set=pa.array(list(named), pa.string()))
    others = stored.filter(pc.invert(is_named))
    columns = stored.filter(is_named).to_pydict()
    place = {register_id: at for at, register_id in enumerate(columns["register_id"])}

    def told(register_id: str, pupil_id: str) -> int:
        """Return the place of a register id, which may be a new one, of which these are known."""
        at = place.setdefault(register_id, len(place))
        if at == len(columns["register_id"]):
            for values in columns.values():
                values.append(None)
            columns["register_id"][at] = register_id
        columns["pupil_id"][at], columns["key_id"][at] = pupil_id, key_id
        return at

    for entry in told_of:
        pupil_id = pseudonyms[entry.register_id]
        at = told(entry.register_id, pupil_id)
        for name in ("first_name", "last_name", "earlier_register_id"):
            columns[name][at] = getattr(entry, name) or columns[name][at]
        if entry.earlier_register_id:
            told(entry.earlier_register_id, pupil_id)
    table = pa.concat_tables([_with_aliases(others, aliases), pa.table(columns, schema=IDENTITY.arrow_schema())])
    return table.sort_by([("pupil_id", "ascending"), ("register_id", "ascending")])


def _with_aliases(stored: pa.Table, aliases: Mapping[str, str]) -> pa.Table:
    """Return stored rows under the pseudonyms that took the place of theirs."""
    if not aliases:
        return stored
    pupils = [aliases.get(pupil_id, pupil_id) for pupil_id in stored.column("pupil_id").to_pylist()]
    at = stored.schema.get_field_index("pupil_id")
    return stored.set_column(at, stored.schema.field(at), pa.array(pupils, pa.string()))


def write_identities(store: Path, table: pa.Table) -> None:
    """Replace the identity table of a store, at once; only the owner of the store may enter its folder."""
    folder = store / IDENTITY_FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    part = folder / f".{IDENTITY_FILE}.part"
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        pq.write_table(table, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / IDENTITY_FILE)
