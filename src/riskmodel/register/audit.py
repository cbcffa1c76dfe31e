"""The audit: one entry per act, chained, read by the steward, verified by anybody who may read the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, RowMapping, select

from riskmodel.messages import Message, message, plural
from riskmodel.register.actors import shown
from riskmodel.register.chain import START, Entry, Head
from riskmodel.register.database import Action, Database
from riskmodel.register.gathering import Gathering, Wanted
from riskmodel.register.people import Person
from riskmodel.register.schema import AUDIT_ENTRY, AUDIT_HEAD

ROWS_AT_ONCE = 1000

Fault = Literal["numbering", "link", "content", "end", "note_missing", "note"]
FAULT_WORDS: Mapping[Fault, Message] = {
    "numbering": message("An entry was removed, inserted or moved."),
    "link": message("The entry does not follow the one before it."),
    "content": message("The entry was changed."),
    "end": message("Entries at the end were cut off or put on."),
    "note_missing": message("The note of the head beside the store is missing or unreadable."),
    "note": message("The note of the head beside the store tells of another chain."),
}


@dataclass(frozen=True)
class Filters:
    """Which entries are asked for; None: all. Moments are the register's texts, half-open (``moment_text``)."""

    actor: str | None = None
    action: str | None = None
    unit: str | None = None
    subject: str | None = None
    from_at: str | None = None
    to_at: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions of a query."""
        columns = AUDIT_ENTRY.c
        equal = [
            columns[name] == shown(value)
            for name in ("actor", "action", "unit", "subject")
            if (value := getattr(self, name)) is not None
        ]
        since = [] if self.from_at is None else [columns.at >= self.from_at]
        until = [] if self.to_at is None else [columns.at < self.to_at]
        return [*equal, *since, *until]


NO_FILTERS = Filters()


@dataclass(frozen=True)
class Verdict:
    """What verifying found.

    Attributes
    ----------
    head
        Of the entries that are there; what a steward may keep on paper.
    fault
        None when the chain is sound.
    first_bad_number
        Number of the first entry that is not as it was written, or not there. None when sound, or when only the note is gone.
    not_noted
        Entries at the end that the note does not know yet: a process was killed or is just writing. No fault.
    """

    head: Head
    fault: Fault | None = None
    first_bad_number: int | None = None
    not_noted: int = 0

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found."""
        return self.fault is None

    def words(self) -> Message:
        """Return the verdict as a sentence."""
        if self.fault is None:
            return plural(
                "The audit is sound: {count} entry, head {digest}.",
                "The audit is sound: {count} entries, head {digest}.",
                self.head.entry_count,
                digest=self.head.digest,
            )
        what = FAULT_WORDS[self.fault]
        if self.first_bad_number is None:
            return message("The audit is not as it was written. {what}", what=what)
        return message(
            "The audit is not as it was written, from entry {number} on. {what}",
            number=self.first_bad_number,
            what=what,
        )


class Audit:
    """The audit of one register."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._gathering = Gathering(database)

    def write(
        self,
        actor: Person | str | None,
        action: Action,
        unit: str,
        subject: str = "",
        details: Mapping[str, str | int] | None = None,
    ) -> int:
        """Write one entry, for an act that changes nothing else in the register; return its number.

        It is on the disk then. Threads that write at once share one commit, each with its own entry.

        Parameters
        ----------
        actor
            Who acts; a text is an operator at the command line, None nobody who is known.
        action
            One of ``riskmodel.register.database.ACTIONS``.
        unit
            Where: ``school:101``, ``municipality:LV0001000``, ``state``, or nothing.
        subject
            The pupil's pseudonym, or a code.
        details
            Keys of ``DETAIL_KEYS``; never a name, a reason of a pupil, or what a person typed.

        Raises
        ------
        ValueError
            For an action or key that is not on the lists: a fault of the program.
        """
        return self._gathering.write(Wanted(actor, action, unit, subject, details or {}))

    def size(self) -> int:
        """Return the number of entries."""
        with self._database.reading() as connection:
            return int(connection.scalar(select(AUDIT_HEAD.c.entry_count)) or 0)

    def read(
        self, first: int | None = None, count: int = 100, filters: Filters = NO_FILTERS, *, newest_first: bool = False
    ) -> list[Entry]:
        """Return at most ``count`` entries that pass the filters, from number ``first`` on.

        Oldest first, from the start when ``first`` is None; with ``newest_first`` downwards, from the end.
        """
        number = AUDIT_ENTRY.c.number
        conditions = filters.conditions()
        if first is not None:
            conditions.append(number <= first if newest_first else number >= first)
        wanted = select(AUDIT_ENTRY).where(*conditions).order_by(number.desc() if newest_first else number).limit(count)
        with self._database.reading() as connection:
            return [_entry(row._mapping)[0] for row in connection.execute(wanted)]

    def verify(self) -> Verdict:
        """Go through the whole chain; say whether it is as it was written, and else the first number that is not.

        Finds a changed, removed, inserted or reordered entry, and a cut or added end, by the chain, its head in the data
        base and its head in the note. See :mod:`riskmodel.register.chain` for what no chain can find.
        """
        # The note is read first: what others write meanwhile only makes the chain longer than the note.
        noted = self._database.note.read()
        head, noted_digest = START, START.digest
        with self._database.reading() as connection:
            in_order = select(AUDIT_ENTRY).order_by(AUDIT_ENTRY.c.number)
            with connection.execution_options(yield_per=ROWS_AT_ONCE).execute(in_order) as rows:
                for row in rows:
                    entry, digest = _entry(row._mapping)
                    if fault := _fault_of(entry, digest, head):
                        return Verdict(head, fault, head.entry_count + 1 if fault == "numbering" else entry.number)
                    head = Head(entry.number, digest)
                    if noted is not None and entry.number == noted.entry_count:
                        noted_digest = digest
            kept = connection.execute(select(AUDIT_HEAD)).one_or_none()
        if kept is None or kept.entry_count != head.entry_count:
            known = 0 if kept is None else kept.entry_count
            return Verdict(head, "end", min(known, head.entry_count) + 1)
        if kept.digest != head.digest:
            return Verdict(head, "end", head.entry_count)
        return _against_note(head, noted, noted_digest)


def _entry(row: RowMapping) -> tuple[Entry, str]:
    fields = {str(name): value for name, value in row.items()}
    digest = str(fields.pop("digest"))
    return Entry(**fields), digest


def _fault_of(entry: Entry, digest: str, before: Head) -> Fault | None:
    if entry.number != before.entry_count + 1:
        return "numbering"
    if entry.previous_digest != before.digest:
        return "link"
    return "content" if entry.digest != digest else None


def _against_note(head: Head, noted: Head | None, noted_digest: str) -> Verdict:
    if noted is None:
        return Verdict(head, "note_missing")
    if noted.entry_count > head.entry_count:
        return Verdict(head, "note", head.entry_count + 1)
    if noted.digest != noted_digest:
        return Verdict(head, "note", max(noted.entry_count, 1))
    return Verdict(head, not_noted=head.entry_count - noted.entry_count)
