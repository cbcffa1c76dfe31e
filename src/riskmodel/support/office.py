"""The one door through which support is changed: a verb, a person, a key; one transaction, one audit entry, one answer."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import select

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.register.database import Act, Database
from riskmodel.register.people import Person
from riskmodel.settings import HERE
from riskmodel.support.changes import changes_of
from riskmodel.support.rules import Rulebook, rulebook
from riskmodel.support.schema.places import REQUEST
from riskmodel.support.verbs import VERBS, Command
from riskmodel.support.work import Work

MOST_KEY_CHARACTERS = 80


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
        for _, key in commands:
            _check_key(key)
        with self._database.acting(by) as act:
            now = self._database.clock()
            rules = self._rules.with_changes(changes_of(act.connection))
            work = Work(act, by, now, now.astimezone(HERE).date(), rules)
            return [self._do(work, command, key) for command, key in commands]

    def _do(self, work: Work, command: Command, key: str) -> Mapping[str, str | int]:
        digest = content_digest(command)
        if (answered := _answered(work.act, key, digest, work.by)) is not None:
            return answered
        declared = VERBS[type(command)]
        with declared.reaching(work.act, command):
            outcome = declared.handle(work, command)
        work.act.record(
            work.by,
            declared.action,
            unit=outcome.unit,
            subject=outcome.subject,
            details=outcome.details,
        )
        work.act.connection.execute(
            REQUEST.insert().values(
                request_key=key,
                actor=work.by.login,
                content_digest=digest,
                answer=json.dumps(dict(outcome.answer), sort_keys=True),
                answered_at=work.now,
            )
        )
        return outcome.answer


def _answered(act: Act, key: str, digest: str, by: Person) -> Mapping[str, str | int] | None:
    row = act.connection.execute(select(REQUEST).where(REQUEST.c.request_key == key)).one_or_none()
    if row is None:
        return None
    if row.content_digest != digest or row.actor != by.login:
        raise UsageError(
            message("A key names one act of one person."),
            found=message("It was used for another act before."),
            remedy=message("Load the page anew and enter it again: nothing was changed."),
        )
    answer: Mapping[str, str | int] = json.loads(row.answer)
    return answer


def _check_key(key: str) -> None:
    if not 8 <= len(key) <= MOST_KEY_CHARACTERS or not key.isascii() or not key.isprintable():
        raise UsageError(
            message("An act has a key of 8 to {most} plain characters.", most=MOST_KEY_CHARACTERS),
            found=message("The key that came is not so."),
            remedy=message("Load the page anew: it makes a key for each act."),
        )


def content_digest(command: Command) -> str:
    """Return a name of what a command says: its kind and all its values."""
    told = json.dumps(
        [type(command).__name__, dataclasses.asdict(command)], sort_keys=True, ensure_ascii=False, default=_plain
    )
    return hashlib.sha256(told.encode()).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"a command holds texts, numbers, days and sequences of them, not {type(value).__name__}")
