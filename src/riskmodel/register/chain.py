"""The chain of the audit: each entry holds the digest of the one before it and of itself.

The digest is SHA-256 over one canonical form and is keyed by nothing: it shows a change to whoever keeps an earlier head,
in the file beside the store or on paper. Who can write the data base *and* that file can forge a whole chain.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

START_DIGEST = "0" * 64


@dataclass(frozen=True)
class Head:
    """How far a chain goes: the number of entries and the digest of the last one."""

    entry_count: int
    digest: str


START = Head(0, START_DIGEST)


@dataclass(frozen=True)
class Entry:
    """One act: who did what to whom in which unit, and when.

    ``details`` is the JSON text as it was written: what is hashed is what is kept.
    """

    number: int
    at: str
    actor: str
    action: str
    unit: str
    subject: str
    details: str
    previous_digest: str

    @property
    def digest(self) -> str:
        """SHA-256 of the entry and of the digest before it, in hex."""
        return hashlib.sha256(self.canonical()).hexdigest()

    def canonical(self) -> bytes:
        """Return the one form that is hashed: a JSON list of the fields in their order, without spaces, in UTF-8.

        >>> Entry(1, "2026-11-28T18:05:00.000000Z", "liga", "login", "", "", "{}", "00").canonical().decode()
        '[1,"2026-11-28T18:05:00.000000Z","liga","login","","","{}","00"]'
        """
        fields = [
            self.number,
            self.at,
            self.actor,
            self.action,
            self.unit,
            self.subject,
            self.details,
            self.previous_digest,
        ]
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")

    @property
    def head(self) -> Head:
        """The head of a chain that ends here."""
        return Head(self.number, self.digest)
