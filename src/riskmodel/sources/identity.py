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
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from riskmodel.errors import UsageError
from riskmodel.messages import Message, message
from riskmodel.sources.codes import CODES_AT_ONCE, NEW_CODE, PERSONAL_CODE, cleaned, has_control
from riskmodel.tables.canonical import IDENTITY

PSEUDONYM_PURPOSE = b"riskmodel pseudonym of a pupil for analysis, version 1:"
KEY_ID_PURPOSE = b"riskmodel id of a key, version 1"
KEY_BYTES = 32
PSEUDONYM_FIGURES = 32
"""Hexadecimal figures: 128 bits."""
NAMES_KEPT = 1 << 14
"""How many different names are remembered while a delivery is read: many pupils share one."""


Known = Callable[[pa.Array], pa.Array]
"""Gives the pseudonyms of those of some register ids that earlier deliveries named; null for the others."""


def bounds_of_ranges(rows: int, most: int) -> list[str]:
    """Return pseudonyms that part ``rows`` into ranges of about ``most``: pseudonyms are spread evenly.

    >>> bounds_of_ranges(10, 3)
    ['40000000', '80000000', 'c0000000']
    """
    ranges = max(1, -(-rows // most))
    return [f"{number * (1 << 32) // ranges:08x}" for number in range(1, ranges)]


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


ENTRIES = pa.schema(
    [
        (name, pa.string())
        for name in ("register_id", "first_name", "last_name", "earlier_register_id", "described_from")
    ]
)
"""What the rows of a pupil file say of identities, in normal form ("" where they say nothing)."""


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

    register: pa.Table
    """``raw``, the text of a register id as delivered, with ``pupil_id`` (a number in the sorted list of all), and ``fault``
    or ``pupil_fault``."""
    entries: pa.Table
    """Those of ``ENTRIES`` that contradict nothing, with ``pupil_id``."""
    aliases: dict[str, str] = field(default_factory=dict)
    unlinked_changes: int = 0


def identify(codes: pa.Table, entries: pa.Table, known: Known, key: Key) -> Pupils:
    """Return the pseudonym of every register id; an old and a new code of one pupil have the same.

    Columns, not a Python object for each pupil: a country has some hundred thousand. Only codes that are linked, or at
    fault, are looked at one by one.

    Parameters
    ----------
    codes
        All register ids that were delivered, as ``codes.CODES``.
    entries
        The rows of the pupil files, as ``ENTRIES``: of sound codes alone.
    known
        Gives pseudonyms of earlier deliveries.
    """
    faults = _contradictions(entries)
    links = _links(entries, faults)
    unlinked_changes = _unlinked_changes(entries, {*links, *links.values()})
    chains: dict[str, list[str]] = defaultdict(list)
    for register_id in {*links, *links.values()}:
        chains[_earliest(register_id, links)].append(register_id)
    linked, aliases = _of_chains(chains, known, key)
    # A free code that is too long keeps its text, and names nobody.
    texts = pc.if_else(codes.column("fault").is_null(), codes.column("text"), "").combine_chunks()
    pupil_ids = _pseudonyms(texts, known(texts), linked, key)
    pupil_faults = pa.nulls(len(texts), pa.string())
    if faults:
        at_fault = pa.array(list(faults), pa.string())
        pupil_faults = pa.array(list(faults.values()), pa.string()).take(pc.index_in(texts, value_set=at_fault))
        entries = entries.filter(pc.invert(pc.is_in(entries.column("register_id"), value_set=at_fault)))
    of_entries = pupil_ids.take(pc.index_in(entries.column("register_id").combine_chunks(), value_set=texts))
    return Pupils(
        pa.table(
            {
                "raw": codes.column("raw"),
                "pupil_id": _in_order(pupil_ids),
                "fault": codes.column("fault"),
                "pupil_fault": pupil_faults,
            }
        ),
        entries.append_column("pupil_id", of_entries),
        aliases,
        unlinked_changes,
    )


def _of_chains(chains: Mapping[str, list[str]], known: Known, key: Key) -> tuple[dict[str, str], dict[str, str]]:
    """Return the pseudonym of every linked code, and pseudonyms that gave way to another one."""
    every = [register_id for chain in chains.values() for register_id in chain]
    before = dict(zip(every, known(pa.array(every, pa.string())).to_pylist(), strict=True))
    pseudonyms, aliases = dict[str, str](), dict[str, str]()
    for earliest, chain in chains.items():
        in_order = sorted(chain, key=lambda one: (one != earliest, one))
        given = [pupil_id for one in in_order if (pupil_id := before[one])]
        pseudonym = given[0] if given else key.pseudonym(earliest)
        pseudonyms |= dict.fromkeys(chain, pseudonym)
        aliases |= {other: pseudonym for other in given if other != pseudonym}
    return pseudonyms, aliases


def _pseudonyms(texts: pa.Array, given: pa.Array, linked: Mapping[str, str], key: Key) -> pa.Array:
    """Return the pseudonym of each register id: that of its chain, the one given before, or a new one; of "" none."""
    if linked:
        at = pc.index_in(texts, value_set=pa.array(list(linked), pa.string()))
        given = pc.coalesce(pa.array(list(linked.values()), pa.string()).take(at), given)
    parts = []
    for begin in range(0, len(texts), CODES_AT_ONCE):
        here, found = texts.slice(begin, CODES_AT_ONCE), given.slice(begin, CODES_AT_ONCE)
        is_new = pc.and_(pc.is_null(found), pc.not_equal(here, ""))
        made = pa.array([key.pseudonym(one) for one in here.filter(is_new).to_pylist()], pa.string())
        parts.append(pc.replace_with_mask(found, is_new, made))
    return pa.concat_arrays(parts) if parts else texts


def _earliest(register_id: str, links: Mapping[str, str]) -> str:
    """Return the first code of a chain of codes; of codes linked in a ring, the least."""
    seen = [register_id]
    while (earlier := links.get(seen[-1])) and earlier not in seen:
        seen.append(earlier)
    return min(seen[seen.index(earlier) :]) if earlier else seen[-1]


def _in_order(pupil_ids: pa.Array) -> pa.DictionaryArray:
    """Return pseudonyms as numbers in their sorted list."""
    every = pc.unique(pupil_ids).drop_null()
    every = every.take(pc.sort_indices(every))
    return pa.DictionaryArray.from_arrays(pc.index_in(pupil_ids, value_set=every), every)


def _contradictions(entries: pa.Table) -> dict[str, str]:
    """Return the register ids whose entries cannot all be true, with the rule that they break."""
    faults: dict[str, str] = {}
    # A surname may change between two descriptions of a pupil, not within one.
    for name, of_one in (("first_name", ["register_id"]), ("last_name", ["register_id", "described_from"])):
        named = _filled(entries, name)
        folded = named.set_column(named.column_names.index(name), name, _folded(named.column(name)))
        faults |= dict.fromkeys(_of_several(folded, of_one, name), "one_code_two_names")
    linked = linking(entries)
    codes, earlier = linked.column("register_id"), linked.column("earlier_register_id")
    faults |= dict.fromkeys(_of_several(linked, ["register_id"], "earlier_register_id"), "two_earlier_codes")
    own = codes.filter(pc.equal(codes, earlier)).to_pylist()
    shared = [*_of_several(linked, ["earlier_register_id"], "register_id"), *own]
    is_shared = pc.is_in(earlier, value_set=pa.array(shared, pa.string()))
    return faults | dict.fromkeys(codes.filter(is_shared).to_pylist(), "earlier_code_of_two")


def linking(entries: pa.Table) -> pa.Table:
    """Return the entries that give an earlier register id."""
    return _filled(entries, "earlier_register_id")


def _filled(entries: pa.Table, name: str) -> pa.Table:
    """Return the entries that have a value in a column."""
    return entries.filter(pc.not_equal(entries.column(name), ""))


def _folded(names: pa.ChunkedArray) -> pa.Array:
    """Return names in one case."""
    coded = names.combine_chunks().dictionary_encode()
    return pa.array([name.casefold() for name in coded.dictionary.to_pylist()], pa.string()).take(coded.indices)


def _of_several(rows: pa.Table, places: Sequence[str], name: str) -> list[str]:
    """Return the first of ``places`` where rows that are equal in all of them hold several values of a column."""
    counts = rows.group_by(list(places)).aggregate([(name, "count_distinct")])
    several: list[str] = (
        counts.filter(pc.greater(counts.column(f"{name}_count_distinct"), 1)).column(places[0]).to_pylist()
    )
    return several


def _links(entries: pa.Table, faults: Mapping[str, str]) -> dict[str, str]:
    """Return the earlier register id of each that has one."""
    linked = linking(entries)
    pairs = zip(*(linked.column(name).to_pylist() for name in ("register_id", "earlier_register_id")), strict=True)
    return {register_id: earlier for register_id, earlier in pairs if register_id not in faults}


def _unlinked_changes(entries: pa.Table, linked: Collection[str]) -> int:
    """Return how many new codes stand beside an old code of the same name without a link."""
    named = _filled(entries, "last_name")
    codes = named.column("register_id")
    is_linked = pc.is_in(codes, value_set=pa.array(list(linked), pa.string()))
    alone = named.filter(pc.and_not(pc.match_substring_regex(codes, PERSONAL_CODE), is_linked))
    names = pc.binary_join_element_wise(*(_folded(alone.column(name)) for name in ("first_name", "last_name")), "\n")
    is_new = pc.match_substring_regex(alone.column("register_id"), NEW_CODE)
    old, new = (pc.unique(names.filter(which)) for which in (pc.invert(is_new), is_new))
    return int(pc.sum(pc.is_in(new, value_set=old)).as_py() or 0)


def known_to_nobody(register_ids: pa.Array) -> pa.Array:
    """Return null for each register id: there is no earlier delivery."""
    return pa.nulls(len(register_ids), pa.string())
