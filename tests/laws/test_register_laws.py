"""Laws of the register: whatever is done through its doors leaves a sound audit, the same on both engines, and no cell
of it changes unseen."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import own_postgres
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from riskmodel.errors import UsageError
from riskmodel.register import sqlite
from riskmodel.register.chain import Head
from riskmodel.register.headnote import HeadNote
from riskmodel.register.people import Grant
from riskmodel.register.places import note_file
from riskmodel.register.schema import CAPACITY, FAILED_LOGIN, SESSION
from riskmodel.register.store import Register, open_register

START = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
LOGINS = st.sampled_from(["anna", "liga", "no login"])
GRANTS = st.sampled_from(
    [
        Grant("director", "101"),
        Grant("class_teacher", "101", class_code="9.a"),
        Grant("subject_teacher", "101", pupil_ids=frozenset({"a" * 32})),
        Grant("municipality", municipality_code="LV0001000"),
        Grant("state"),
        Grant("director"),  # not fit: refused
    ]
)
TEXTS = st.text(max_size=20)


class Hands:
    """What people do with a register, one verb after the other; a refused verb is part of the law."""

    def __init__(self, register: Register) -> None:
        self.register, self.now, self.tokens = register, START, [""]

    def do(self, verb: str, login: str, grant: Grant, text: str) -> None:
        accounts, sessions, throttle = self.register.accounts, self.register.sessions, self.register.throttle
        self.now += timedelta(minutes=7)
        person = accounts.find(login)
        acts: dict[str, Callable[[], object]] = {
            "add": lambda: accounts.add(login, text, None, "lv", [grant], text),
            "grant": lambda: accounts.grant(login, grant, text),
            "revoke": lambda: accounts.revoke(login, grant, text),
            "disable": lambda: accounts.disable(login, text),
            "enable": lambda: accounts.enable(login, text),
            "remove": lambda: accounts.remove(login, text),
            "password": lambda: accounts.set_password(login, None, text),
            "open": lambda: self.tokens.append(sessions.open(person, self.now) if person else text),
            "see": lambda: sessions.person(self.tokens[-1], self.now),
            "close": lambda: sessions.close(self.tokens.pop() if len(self.tokens) > 1 else text),
            "try": lambda: throttle.admit(login, text, self.now),
            "fail": lambda: throttle.failed(login, text, self.now),
            "pass": lambda: throttle.passed(login, text),
            "places": lambda: self.register.capacity.set("101", len(text) - 1, person) if person else None,
            "look": lambda: self.register.audit.write(person, "page_viewed", text, text, {"view": text}),
        }
        acts[verb]()


VERBS = (
    "add",
    "grant",
    "revoke",
    "disable",
    "enable",
    "remove",
    "password",
    "open",
    "see",
    "close",
    "try",
    "fail",
    "pass",
    "places",
    "look",
)
DEEDS = st.lists(st.tuples(st.sampled_from(VERBS), LOGINS, GRANTS, TEXTS), max_size=25)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty register, to be copied for each example."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sqlite.SETTINGS, "synchronous", "0")
        file = tmp_path_factory.mktemp("fresh") / "register.sqlite3"
        open_register(file, may_create=True, clock=lambda: START).close()
        yield file


@pytest.fixture(scope="module")
def used(fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A register with some entries of several kinds, to be copied too."""
    file = copied(fresh, str(tmp_path_factory.mktemp("used")))
    with open_register(file, clock=lambda: START) as register:
        hands = Hands(register)
        for verb in ("add", "grant", "open", "look", "fail", "places", "look"):
            hands.do(verb, "anna", Grant("director", "101"), "text")
    return file


def copied(file: Path, folder: str) -> Path:
    """Return a copy of a register and its note in a folder."""
    copy = Path(folder) / file.name
    for path in (file, note_file(file)):
        shutil.copy(path, copy.with_name(path.name))
    return copy


@settings(max_examples=40, deadline=None)
@given(deeds=DEEDS)
def test_any_sequence_of_verbs_leaves_a_sound_audit_that_is_noted_and_only_longer(fresh: Path, deeds):
    with TemporaryDirectory() as folder, open_register(copied(fresh, folder)) as register:
        hands, size = Hands(register), register.audit.size()
        for deed in deeds:
            try:
                hands.do(*deed)
            except UsageError:
                assert register.audit.size() == size  # what is refused leaves no entry
            assert register.audit.size() >= size
            size = register.audit.size()
        verdict = register.audit.verify()
        assert verdict.is_sound, verdict
        assert (verdict.head.entry_count, verdict.not_noted) == (size, 0)


def left_by(register: Register, deeds: list[tuple[str, str, Grant, str]]) -> dict[str, object]:
    """Do these deeds; return what was refused with which words, and what stands in the register then.

    The audit with its digests is in it; numbers of grants and tokens, which nobody sees, are not.
    """
    hands, refused = Hands(register), []
    for deed in deeds:
        try:
            hands.do(*deed)
            refused.append("")
        except UsageError as error:
            refused.append(str(error))
    with register.database.reading() as connection:
        return {
            "refused": refused,
            "accounts": register.accounts.list(),
            "audit": register.audit.read(count=1000),
            "verdict": register.audit.verify(),
            "sessions": connection.execute(
                select(SESSION.c.account_id, SESSION.c.opened_at, SESSION.c.seen_at).order_by(SESSION.c.opened_at)
            ).all(),
            "tries": connection.execute(select(FAILED_LOGIN).order_by("kind", "key_digest")).all(),
            "places": connection.execute(select(CAPACITY)).all(),
            "note": note_file(register.place).read_bytes(),
        }


@settings(max_examples=20, deadline=None)
@given(deeds=DEEDS)
def test_any_sequence_of_verbs_leaves_the_same_state_on_both_engines(fresh: Path, postgres: own_postgres.Server, deeds):
    with (
        TemporaryDirectory() as folder,
        own_postgres.made_place(postgres, Path(folder) / "store", START) as place,
        open_register(copied(fresh, folder), clock=lambda: START) as in_a_file,
        open_register(place, clock=lambda: START) as on_a_server,
    ):
        assert left_by(on_a_server, deeds) == left_by(in_a_file, deeds)


COLUMNS = ("at", "actor", "action", "unit", "subject", "details", "previous_digest", "digest")
CELLS = st.one_of(
    st.tuples(st.just("audit_entry"), st.sampled_from(COLUMNS), st.text(max_size=70)),
    st.tuples(st.just("audit_entry"), st.just("number"), st.integers(-(2**63), 2**63 - 1) | st.integers(-2, 20)),
    st.tuples(st.just("audit_head"), st.just("digest"), st.text("0123456789abcdef", min_size=64, max_size=64)),
    st.tuples(st.just("audit_head"), st.just("entry_count"), st.integers(-1, 20)),
)


@settings(max_examples=120, deadline=None)
@given(cell=CELLS, place=st.integers(0, 100))
def test_any_single_cell_that_was_changed_is_found(used: Path, cell, place: int):
    table, column, value = cell
    with TemporaryDirectory() as folder:
        file = copied(used, folder)
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("PRAGMA ignore_check_constraints = ON")  # a forger's tools keep to no rule
            connection.execute("DROP TRIGGER audit_entry_is_not_changed")
            cells = connection.execute(f"SELECT rowid, {column} FROM {table} ORDER BY rowid").fetchall()
            row, before = cells[place % len(cells)]
            assume(value != before and not (column == "number" and value in {kept for _, kept in cells}))
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (value, row))
        try:
            with open_register(file) as register:
                verdict = register.audit.verify()
        except UsageError:  # a value that no table of a register may hold is found when it is opened
            return
        assert not verdict.is_sound
        assert verdict.first_bad_number is not None


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 81), sign=st.binary(min_size=1, max_size=1))
def test_any_byte_of_the_note_that_was_changed_is_found(used: Path, place: int, sign: bytes):
    with TemporaryDirectory() as folder:
        file = copied(used, folder)
        text = bytearray(note_file(file).read_bytes())
        assume(text[place] != sign[0])
        text[place] = sign[0]
        note_file(file).write_bytes(text)
        with open_register(file) as register:
            assert not register.audit.verify().is_sound


@settings(max_examples=30, deadline=None)
@given(kept=st.integers(0, 9))
def test_a_chain_that_was_cut_with_its_head_is_found_by_its_note(used: Path, kept: int):
    with TemporaryDirectory() as folder:
        file = copied(used, folder)
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("DROP TRIGGER audit_entry_is_not_removed")
            (size,) = connection.execute("SELECT entry_count FROM audit_head").fetchone()
            assume(kept < size)
            connection.execute("DELETE FROM audit_entry WHERE number > ?", (kept,))
            last = connection.execute("SELECT digest FROM audit_entry ORDER BY number DESC LIMIT 1").fetchone()
            connection.execute(
                "UPDATE audit_head SET entry_count = ?, digest = ?", (kept, last[0] if last else "0" * 64)
            )
        with open_register(file) as register:
            verdict = register.audit.verify()
        assert (verdict.fault, verdict.first_bad_number) == ("note", kept + 1)
        assert isinstance(HeadNote(note_file(used)).read(), Head)
