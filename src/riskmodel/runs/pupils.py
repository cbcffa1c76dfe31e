"""Who is meant: a pupil by register id, pseudonym or the code on a page, with every other name that the store has for the same one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from riskmodel.errors import UsageError
from riskmodel.messages import Message, message
from riskmodel.register.grants import PUPIL_ID
from riskmodel.sources.codes import normalised
from riskmodel.sources.history import ALIAS_FILE, stored_deliveries
from riskmodel.sources.identity_table import read_identities

FEWEST_FIGURES = 6
"""Of a code: as many as a page shows at least."""


@dataclass(frozen=True)
class Pupil:
    """One pupil under all names of the store."""

    pupil_ids: frozenset[str]
    register_ids: frozenset[str]


def find_pupil(
    store: Path, *, code: str | None = None, register_id: str | None = None, elsewhere: Iterable[str] = ()
) -> Pupil:
    """Return the pupil of a register id, or of a pseudonym or its beginning.

    Parameters
    ----------
    elsewhere
        Pseudonyms that are known outside the store's identities: those of the register.

    Raises
    ------
    UsageError
        When nobody, or more than one pupil, is meant. What was typed is not told.
    """
    if (code is None) == (register_id is None):
        raise _unclear(message("Both, or neither, were given."))
    table = read_identities(store)
    identities = list(zip(*(table[name].to_pylist() for name in ("pupil_id", "register_id")), strict=True))
    known = {pupil_id for pupil_id, _ in identities} | set(elsewhere)
    if code is not None:
        meant = (
            {one for one in known if one.startswith(code.strip().lower())}
            if len(code.strip()) >= FEWEST_FIGURES
            else set()
        )
    else:
        forms = {
            found.text for free in (False, True) for found in normalised([register_id or ""], free=free) if found.text
        }
        meant = {pupil_id for pupil_id, own in identities if own in forms}
    pairs = _aliases(store)
    found = _closed(meant, pairs)
    if not meant or any(_closed({one}, pairs) != found for one in meant):
        raise _unclear(
            message("Nobody is meant by it.") if not meant else message("More than one pupil is meant by it.")
        )
    return Pupil(frozenset(found), frozenset(own for pupil_id, own in identities if pupil_id in found))


def _closed(pupil_ids: set[str], pairs: list[tuple[str, str]]) -> set[str]:
    """Return pseudonyms with all that were given to the same pupil."""
    found, size = set(pupil_ids), -1
    while len(found) != size:
        size = len(found)
        for pair in pairs:
            if found & set(pair):
                found |= set(pair)
    return found


def _aliases(store: Path) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for delivery in stored_deliveries(store):
        path = delivery.folder / ALIAS_FILE
        if path.exists():
            with pq.ParquetFile(path) as file:
                rows = file.read()
            pairs += list(zip(rows["pupil_id"].to_pylist(), rows["of_pupil_id"].to_pylist(), strict=True))
    return pairs


def is_pseudonym(text: str) -> bool:
    """Whether a text has the form of a pseudonym."""
    return PUPIL_ID.fullmatch(text) is not None


def _unclear(found: Message) -> UsageError:
    return UsageError(
        message("One pupil is named, by --register-id or by --pupil with the code of a page or the pseudonym."),
        found=found,
        remedy=message("Look the pupil up in the portal, or give the register id as it was delivered."),
    )
