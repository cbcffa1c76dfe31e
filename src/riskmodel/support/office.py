"""The one door through which support is changed: a verb, a person, a key; one transaction, one audit entry, one answer."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.register.database import Database
from riskmodel.register.people import Person
from riskmodel.settings import HERE
from riskmodel.support.changes import changes_of
from riskmodel.support.entries import check_entries
from riskmodel.support.rules import Rulebook, rulebook
from riskmodel.support.schema.places import REQUEST
from riskmodel.support.verbs import VERBS, Command
from riskmodel.support.work import Work

MOST_KEY_CHARACTERS = 80
KEYS_AT_ONCE = 500
"""So many keys are looked up with one question; a data base takes no statement of any length."""


class Office:
    """The office of one register: everything that changes support goes through :meth:`do`.

    Parameters
    ----------
    database
        The register's.
    rules
        The dated rules of the project's files; what the state published later is put over them.
    """

    def __init__(self, database: Database, rules: Rulebook | None = None) -> None:
        self._database = database
        self._rules = rules or rulebook()

    def do(self, command: Command, by: Person, key: str) -> Mapping[str, str | int]:
        """Carry out a command; return its answer.

        Asked again with the same key and content, it answers the same and does nothing.

        Parameters
        ----------
        command
            An instance of a declared command.
        by
            Who acts; roles are those of today.
        key
            Made by the client for this one act, up to 80 characters.

        Raises
        ------
        UsageError
            When a rule, a role, a conflict or a missing thing is in the way; nothing is written then.
        """
        return self.do_all([(command, key)], by)[0]

    def do_all(self, commands: Sequence[tuple[Command, str]], by: Person) -> list[Mapping[str, str | int]]:
        """Carry out several commands in one transaction: all of them or none."""
        for command, key in commands:
            _check_key(key)
            check_entries(command)
        try:
            return self._do_all(commands, by)
        except IntegrityError as error:
            raise _does_not_fit() from error

    def _do_all(self, commands: Sequence[tuple[Command, str]], by: Person) -> list[Mapping[str, str | int]]:
        with self._database.acting(by) as act:
            now = self._database.clock()
            rules = self._rules.with_changes(changes_of(act.connection))
            work = Work(act, by, now, now.astimezone(HERE).date(), rules)
            requests = _Requests(work, [key for _, key in commands])
            answers = [_carry_out(work, requests, command, key) for command, key in commands]
            work.keep_numbers()
            requests.keep()
            return answers


def _carry_out(work: Work, requests: _Requests, command: Command, key: str) -> Mapping[str, str | int]:
    digest = content_digest(command)
    if (answered := requests.answered(key, digest)) is not None:
        return answered
    declared = VERBS[type(command)]
    with declared.reaching(work.act, command):
        outcome = declared.handle(work, command)
    work.act.record(work.by, declared.action, unit=outcome.unit, subject=outcome.subject, details=outcome.details)
    requests.note(key, digest, outcome.answer)
    return outcome.answer


class _Requests:
    """The requests of one transaction: which were answered before, and what is answered now."""

    def __init__(self, work: Work, keys: Sequence[str]) -> None:
        self._work = work
        self._known: dict[str, tuple[str, str, str]] = {}
        for first in range(0, len(keys), KEYS_AT_ONCE):
            wanted = select(REQUEST).where(REQUEST.c.request_key.in_(keys[first : first + KEYS_AT_ONCE]))
            for row in work.act.connection.execute(wanted):
                self._known[row.request_key] = (row.actor, row.content_digest, row.answer)
        self._new: list[dict[str, object]] = []

    def answered(self, key: str, digest: str) -> Mapping[str, str | int] | None:
        """Return what was answered to this key before, None where nothing was.

        Raises
        ------
        UsageError
            When the key was used for another act.
        """
        known = self._known.get(key)
        if known is None:
            return None
        if known[:2] != (self._work.by.login, digest):
            raise UsageError(
                message("A key names one act of one person."),
                found=message("It was used for another act before."),
                remedy=message("Load the page anew and enter it again: nothing was changed."),
            )
        answer: Mapping[str, str | int] = json.loads(known[2])
        return answer

    def note(self, key: str, digest: str, answer: Mapping[str, str | int]) -> None:
        """Take down what is answered."""
        told, login = json.dumps(dict(answer), sort_keys=True), self._work.by.login
        self._known[key] = (login, digest, told)
        self._new.append(
            {
                "request_key": key,
                "actor": login,
                "content_digest": digest,
                "answer": told,
                "answered_at": self._work.now,
            }
        )

    def keep(self) -> None:
        """Write down what was answered."""
        if self._new:
            self._work.act.connection.execute(REQUEST.insert(), self._new)


def _does_not_fit() -> UsageError:
    return UsageError(
        message("What is entered fits the tables of the register, and stands there once."),
        found=message("An entry is empty where it must not be, or stands there already."),
        remedy=message("Look the entry up; correct it, or change the one that is there. Nothing was written."),
    )


def _check_key(key: str) -> None:
    if not 8 <= len(key) <= MOST_KEY_CHARACTERS or not key.isascii() or not key.isprintable():
        raise UsageError(
            message("An act has a key of 8 to {most} plain characters.", most=MOST_KEY_CHARACTERS),
            found=message("The key that came is not so."),
            remedy=message("Load the page anew: it makes a key for each act."),
        )


def content_digest(command: Command) -> str:
    """Return a name of what a command says: its kind and all its values."""
    told = json.dumps([type(command).__name__, command], sort_keys=True, ensure_ascii=False, default=_plain)
    return hashlib.sha256(told.encode()).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, frozenset | set):
        return sorted(value)
    if dataclasses.is_dataclass(value):
        return vars(value)
    raise TypeError(f"a command holds texts, numbers, days and sequences of them, not {type(value).__name__}")
