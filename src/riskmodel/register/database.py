"""Reading and acting: every act is one transaction that writes its audit entries with it, or nothing at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Engine, Select, select, update

from riskmodel.register.actors import actor_text, printable
from riskmodel.register.chain import Entry, Head
from riskmodel.register.headnote import HeadNote
from riskmodel.register.people import Person
from riskmodel.register.schema import AUDIT_ENTRY, AUDIT_HEAD, moment_text
from riskmodel.register.units import By, Units, Whole, look_everywhere, tell, units_of
from riskmodel.settings import HERE

IS_WRITING = "register_is_writing"
"""Execution option of a connection whose transactions take the writer's lock at their begin; see each engine's module."""

Action = Literal[
    # the register itself
    "register_created",
    "register_migrated",
    "audit_read",
    # keeping: copies, what is held of one pupil, and taking it away
    "register_exported",
    "register_imported",
    "register_backed_up",
    "register_restored",
    "retention_applied",
    "pupil_erased",
    "pupil_readmitted",
    "subject_told",
    "looks_read",
    "key_rotated",
    # coming and going
    "login",
    "login_refused",
    "logout",
    # accounts
    "account_added",
    "account_disabled",
    "account_enabled",
    "account_removed",
    "password_set",
    "password_rehashed",
    "grant_added",
    "grant_revoked",
    # looking
    "page_viewed",
    "pupil_viewed",
    "plan_viewed",
    "file_exported",
    "access_denied",
    "mass_reading",
    "extract_made",
    # deciding
    "capacity_set",
    # supporting: every verb of the wing riskmodel.support
    "stay_recorded",
    "consent_recorded",
    "consent_withdrawn",
    "order_issued",
    "order_ended",
    "certificate_recorded",
    "proposal_answered",
    "plan_begun",
    "plan_changed",
    "plan_moved",
    "plan_handed_over",
    "plan_assessed",
    "plan_closed",
    "consultation_recorded",
    "consultation_changed",
    "compensation_requested",
    "compensation_decided",
    "compensation_closed",
    "contact_recorded",
    "event_recorded",
    "youth_call_opened",
    "youth_project_recorded",
    "absence_notice_sent",
    "institution_recorded",
    "membership_recorded",
    "cooperation_recorded",
    "partner_recorded",
    "staff_recorded",
    "budget_set",
    "note_shared",
    "rule_published",
]
ACTIONS: frozenset[str] = frozenset(get_args(Action))

DETAIL_KEYS = frozenset(
    {
        "account",
        "account_id",
        "class_code",
        "count",
        "file_kind",
        "is_known",
        "language",
        "places",
        "plan",
        "pupils",
        "reference",
        "revision",
        "revision_before",
        "role",
        "rows",
        "run_id",
        "seconds",
        "view",
    }
)
"""What may stand in the details of an entry. No name, no free text of a person, no reason of a pupil."""


class Act:
    """One transaction under way: its connection, whose rows it may see and write, and the audit entries written in it."""

    def __init__(self, connection: Connection, clock: Callable[[], datetime], units: Units | None = None) -> None:
        self.connection = connection
        self._clock, self._units = clock, units
        self.actions: set[str] = set()
        self.before: Head | None = None
        self.head: Head | None = None
        self._entries: list[dict[str, object]] = []

    def record(
        self,
        by: Person | str | None,
        action: Action,
        *,
        unit: str = "",
        subject: str = "",
        details: Mapping[str, str | int] | None = None,
    ) -> int:
        """Write an audit entry; return its number. It goes to the data base with the others of the act, at its end.

        Raises
        ------
        ValueError
            For an action or a key of the details that is not on the list: a fault of the program.
        """
        details = details or {}
        check_listed(action, details)
        self.actions.add(action)
        last = self.head or self._take_head()
        entry = Entry(
            number=last.entry_count + 1,
            at=moment_text(self._clock()),
            actor=actor_text(by),
            action=action,
            unit=printable(unit),
            subject=printable(subject),
            details=_details_text(details),
            previous_digest=last.digest,
        )
        self._entries.append({**vars(entry), "digest": entry.digest})
        self.head = Head(entry.number, str(self._entries[-1]["digest"]))
        return entry.number

    @contextmanager
    def reaching(self, schools: Iterable[str] = (), pupil_ids: Iterable[str] = ()) -> Iterator[None]:
        """Open rows of more schools, and the own rows of more pupils, for the length of a block."""
        if self._units is None:
            yield
            return
        tell(self.connection, self._units.and_also(schools, pupil_ids))
        yield  # after an error there is nothing to take back: the whole act is undone
        tell(self.connection, self._units)

    @contextmanager
    def looking_everywhere(self) -> Iterator[None]:
        """Let rows of every unit be seen for the length of a block; what may be written stays the same."""
        look_everywhere(self.connection, is_on=True)
        yield  # after an error there is nothing to take back: the whole act is undone
        look_everywhere(self.connection, is_on=False)

    def count_everywhere(self, wanted: Select[Any], values: Mapping[str, object] | None = None) -> int:
        """Return a number of rows of all units, for a statement and the values of its parameters."""
        with self.looking_everywhere():
            return int(self.connection.scalar(wanted, dict(values or {})) or 0)

    def write_entries(self) -> None:
        """Write the entries of the act and the audit's new head, as the last thing before its commit."""
        if self._entries and self.head is not None:
            self.connection.execute(AUDIT_ENTRY.insert(), self._entries)
            self.connection.execute(
                update(AUDIT_HEAD).values(entry_count=self.head.entry_count, digest=self.head.digest)
            )
            self._entries = []

    def _take_head(self) -> Head:
        # Held until the commit: entries get their numbers one after the other, also beside somebody who writes without an act.
        row = self.connection.execute(select(AUDIT_HEAD).with_for_update()).one()
        self.before = Head(row.entry_count, row.digest)
        return self.before


def check_listed(action: str, details: Mapping[str, str | int]) -> None:
    """Refuse an action, or a key or value of the details, that no entry may hold.

    Raises
    ------
    ValueError
        A fault of the program.
    """
    if action not in ACTIONS or not details.keys() <= DETAIL_KEYS:
        raise ValueError(f"not on the audit's lists: {action}, {sorted(details.keys() - DETAIL_KEYS)}")
    if not all(isinstance(value, str | int) for value in details.values()):
        raise ValueError(f"details of the audit are texts and whole numbers: {action}")


def _details_text(details: Mapping[str, str | int]) -> str:
    plain = {key: printable(value) if isinstance(value, str) else int(value) for key, value in details.items()}
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


class Database:
    """The data base behind the doors of the register, for many threads.

    Parameters
    ----------
    engine
        Of either data base.
    note
        Where the audit's head is noted after each commit.
    clock
        Gives the time of an entry, aware.
    """

    def __init__(self, engine: Engine, note: HeadNote, clock: Callable[[], datetime]) -> None:
        self.engine, self.note, self.clock = engine, note, clock
        self._writing = engine.execution_options(**{IS_WRITING: True})

    @contextmanager
    def reading(self, by: By | None = None) -> Iterator[Connection]:
        """Give a connection with one unchanging picture of the data base.

        Parameters
        ----------
        by
            Who reads: the rows of the person's own units can be seen, by the roles of today. Without anybody, or on
            SQLite, see :mod:`riskmodel.register.units`.
        """
        with self.engine.connect() as connection, connection.begin():
            if by is not None:
                tell(connection, self._units(by))
            yield connection

    @contextmanager
    def acting(self, by: By | None = None) -> Iterator[Act]:
        """Give an act, and commit it when the block ends well; then note the audit's new head.

        On both engines one act runs at a time: what it has read is still so when it writes.

        Parameters
        ----------
        by
            Who acts, as in :meth:`reading`.
        """
        with self._writing.begin() as connection:
            units = None if by is None else self._units(by)
            if units is not None:
                tell(connection, units)
            act = Act(connection, self.clock, units)
            yield act
            if isinstance(by, Whole) and by.action not in act.actions:
                raise ValueError(f"an act on every unit is entered in the audit as {by.action}")
            act.write_entries()
        if act.head is not None and act.before is not None:
            self.note.advance(act.head, act.before, self._digest_of)

    def _units(self, by: By) -> Units:
        return units_of(by, self.clock().astimezone(HERE).date())

    def _digest_of(self, number: int) -> str | None:
        with self.reading() as connection:
            found: str | None = connection.scalar(select(AUDIT_ENTRY.c.digest).where(AUDIT_ENTRY.c.number == number))
            return found
