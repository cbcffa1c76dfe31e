"""Opening a register on either engine: what is made, what is refused with which words, and how it grows."""

from __future__ import annotations

import json
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from register_by_hand import by_hand
from sqlalchemy import Engine, MetaData, create_engine, inspect, select, text, update
from sqlalchemy.exc import IntegrityError

from riskmodel.errors import UsageError
from riskmodel.register import migrating, postgresql, sqlite
from riskmodel.register.database import IS_WRITING
from riskmodel.register.people import Grant
from riskmodel.register.places import Place, ServerPlace, copy_file
from riskmodel.register.private import make_private
from riskmodel.register.schema import ACCOUNT, AUDIT_HEAD, CAPACITY, METADATA
from riskmodel.register.store import Register, migrate, open_register, utc_now

MOMENT = "2026-09-01T08:00:00.000000Z"

OPEN_IN_A_PROCESS = """
import sys
from pathlib import Path
from riskmodel.register import postgresql
from riskmodel.register.places import server_place
from riskmodel.register.store import open_register
postgresql.NEEDED_OF_THE_SERVER = {}
address, store = sys.argv[1:]
place = server_place(address, Path(store)) if address.startswith("postgresql:") else Path(address)
sys.stdin.read()
open_register(place, may_create=True).close()
"""


def refusal(place: Place, *, may_create: bool = False) -> str:
    with pytest.raises(UsageError) as refused:
        open_register(place, may_create=may_create)
    assert str(place) in str(refused.value)
    return str(refused.value)


def engine_of(place: Place) -> Engine:
    if isinstance(place, ServerPlace):
        return postgresql.make_engine(place)
    make_private(place)
    return sqlite.make_engine(place)


@pytest.fixture(params=migrating.revisions()[:-1])
def older(empty_place: Place, request: pytest.FixtureRequest) -> Place:
    """Give a place with a register of each earlier revision, and something in its tables."""
    engine = engine_of(empty_place)
    with engine.execution_options(**{IS_WRITING: True}).begin() as connection:
        migrating.upgrade(connection, request.param)
        as_it_was = MetaData()
        as_it_was.reflect(connection)
        rows: dict[str, dict[str, object]] = {
            "account": {"login": "liga", "shown_name": "Līga", "language": "lv", "created_at": MOMENT},
            "role_grant": {"account_id": 1, "role": "subject_teacher", "school_id": "101"},
            "grant_pupil": {"grant_id": 1, "pupil_id": "ab" * 16},
            "session": {"token_digest": "0" * 64, "account_id": 1, "opened_at": MOMENT, "seen_at": MOMENT},
            "failed_login": {"kind": "account", "key_digest": "0" * 64, "tries": 3, "last_at": MOMENT},
            "capacity": {"school_id": "101", "places": 24, "entered_by": "liga", "entered_at": MOMENT},
            "institution": {
                "institution_id": 1,
                "school_id": "101",
                "shown_name": "Skola",
                "institution_kind": "general",
                "municipality_code": "LV0001000",
                "valid_from": "2016-09-01",
                "recorded_by": "liga",
                "recorded_at": MOMENT,
            },
        }
        for table, row in rows.items():
            if table in as_it_was.tables:
                connection.execute(as_it_was.tables[table].insert().values(row))
    engine.dispose()
    return empty_place


def test_an_empty_place_becomes_a_register_only_when_that_is_asked_for(empty_place: Place):
    assert "riskmodel user add" in refusal(empty_place)
    open_register(empty_place, may_create=True).close()
    with open_register(empty_place) as register:
        assert [entry.action for entry in register.audit.read()] == ["register_created"]
        assert register.audit.verify().is_sound


def test_a_newer_revision_is_refused_and_left_as_it_is(place: Place):
    with by_hand(place) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    try:
        assert "newer version" in refusal(place)
        with pytest.raises(UsageError, match="9999"):
            migrate(place)
    finally:
        with by_hand(place) as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :n"), {"n": migrating.revisions()[-1]})


def test_an_older_revision_with_data_is_refused_until_it_is_migrated_after_a_copy(older: Place):
    assert "riskmodel register migrate" in refusal(older, may_create=True)
    copy = migrate(older)
    assert copy == copy_file(older, migrating.revisions()[-1])
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with open_register(older) as register:
        assert [entry.action for entry in register.audit.read()] == ["register_migrated"]
        (account,) = register.accounts.list()
        assert account.person.grants == (Grant("subject_teacher", "101", pupil_ids=frozenset({"ab" * 16})),)
        register.capacity.set("101", 3, account.person)
        added = register.accounts.add("anna", "Anna", None, "lv", [Grant("state")], "juris")
        assert added.account_id == 2
        assert register.audit.verify().first_bad_number is None
    assert migrate(older) is None


def test_the_migrated_tables_are_those_of_a_new_register(older: Place, tmp_path, request):
    migrate(older)
    assert shape(engine_of(older)) == shape(declared(older, tmp_path, request))


def test_migrating_a_register_of_today_changes_nothing(register: Register):
    assert migrate(register.place) is None
    assert register.audit.size() == 1


def test_a_copy_that_is_there_is_not_written_over(older: Place):
    copy_file(older, migrating.revisions()[-1]).write_text("kept")
    with pytest.raises(UsageError, match="move it away"):
        migrate(older)


def test_another_data_base_is_refused(empty_place: Place):
    engine = engine_of(empty_place)
    with engine.execution_options(**{IS_WRITING: True}).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE other (one INTEGER)")
    engine.dispose()
    assert "not one of a register" in refusal(empty_place, may_create=True)


def declared(place: Place, tmp_path, request: pytest.FixtureRequest) -> Engine:
    """Return an engine on an empty data base of the same kind in which the declared tables were made."""
    if isinstance(place, ServerPlace):
        name = request.getfixturevalue("postgres").make_database()
        engine = create_engine(place.url.set(database=name))
    else:
        engine = create_engine(f"sqlite:///{tmp_path / 'declared.sqlite3'}")
    METADATA.create_all(engine)
    return engine


def _index(index: Mapping[str, Any]) -> str:
    """Return an index in words; the condition of a partial one is a text of its own, which is no equal of another."""
    conditions = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
    return repr({**index, "dialect_options": conditions})


def shape(engine: Engine) -> dict[str, object]:
    """Return what the data base itself says of the tables."""
    seen, is_sqlite = inspect(engine), engine.dialect.name == "sqlite"
    sql: dict[str, str] = {}
    if is_sqlite:
        with engine.connect() as connection:
            strict = dict(connection.execute(text("SELECT name, strict FROM pragma_table_list")).all())
            sql = dict(connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'table'")).all())
            assert all(strict[name] for name in METADATA.tables)
    shapes = {
        name: {
            "columns": [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in seen.get_columns(name)],
            "key": seen.get_pk_constraint(name),
            "foreign": sorted(seen.get_foreign_keys(name), key=lambda key: str(key["name"])),
            "unique": sorted(seen.get_unique_constraints(name), key=lambda rule: str(rule["name"])),
            "checks": sorted((c["name"], c["sqltext"]) for c in seen.get_check_constraints(name)),
            "indexes": sorted((str(index["name"]), _index(index)) for index in seen.get_indexes(name)),
            "autoincrement": "AUTOINCREMENT" in sql.get(name, ""),
        }
        for name in METADATA.tables
    }
    engine.dispose()
    return shapes


def test_the_migrations_make_the_declared_tables(register: Register, tmp_path, request):
    assert shape(engine_of(register.place)) == shape(declared(register.place, tmp_path, request))


@pytest.mark.parametrize("slip", ["UPDATE audit_entry SET actor = 'x'", "DELETE FROM audit_entry"])
def test_the_rows_of_the_audit_refuse_to_be_changed_or_removed(register: Register, slip):
    with pytest.raises(IntegrityError, match="only written forth"), by_hand(register.place) as connection:
        connection.exec_driver_sql(slip)
    assert register.audit.verify().is_sound


class Refusing:
    """A connection that refuses a setting some times, as SQLite does at once while another process makes the same change."""

    def __init__(self, times: int, code: int) -> None:
        self.left, self.code = times, code

    def execute(self, _sql: str) -> None:
        if self.left:
            self.left -= 1
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = self.code
            raise error


def test_a_setting_that_another_process_changes_at_this_moment_is_asked_for_again():
    refusing = Refusing(3, sqlite3.SQLITE_BUSY)
    sqlite._set(refusing, "journal_mode", "wal")
    assert refusing.left == 0


@pytest.mark.parametrize("code", [sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN])
def test_a_setting_that_is_refused_for_good_is_asked_for_once(code: int):
    refusing = Refusing(3, code)
    with pytest.raises(sqlite3.OperationalError):
        sqlite._set(refusing, "journal_mode", "wal")
    assert refusing.left == 2


def test_processes_that_make_a_register_at_once_make_one(empty_place: Place, store):
    address = (
        empty_place.url.render_as_string(hide_password=False) if isinstance(empty_place, ServerPlace) else empty_place
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN_IN_A_PROCESS, str(address).replace("+psycopg", ""), str(store)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(3)
    ]
    for process in started:
        process.stdin.close()
    assert [(process.wait(), process.stderr.read()) for process in started] == [(0, b"")] * 3
    for process in started:
        process.stderr.close()
    with open_register(empty_place) as register:
        assert [entry.action for entry in register.audit.read()] == ["register_created"]
        assert register.audit.verify().is_sound


def at_once(count: int, act: Callable[[int], object]) -> list[BaseException | None]:
    """Run an act in threads that begin together; return how each ended."""
    gate = threading.Barrier(count)

    def one(number: int) -> None:
        gate.wait()
        act(number)

    with ThreadPoolExecutor(count) as pool:
        return [end.exception() for end in [pool.submit(one, number) for number in range(count)]]


def test_a_check_made_in_an_act_is_still_so_when_it_writes(register: Register):
    ends = at_once(8, lambda number: register.accounts.add("liga", f"Līga {number}", None, "lv", [], "juris"))
    refused = [end for end in ends if end is not None]
    assert len(refused) == 7
    assert all("one with this login" in str(end) for end in refused)  # none by the data base's own rule


def test_no_writing_is_lost_that_was_read_before_it_was_written(register: Register, director):
    def one_more(_: int) -> None:
        with register.database.acting() as act:
            places = act.connection.scalar(select(CAPACITY.c.places).where(CAPACITY.c.school_id == "101"))
            act.connection.execute(update(CAPACITY).values(places=places + 1))

    register.capacity.set("101", 0, director)
    assert at_once(8, lambda number: [one_more(number) for _ in range(5)]) == [None] * 8
    assert register.capacity.get("101").places == 40


def test_a_reader_sees_one_picture_whatever_is_written_meanwhile(register: Register):
    with register.database.reading() as connection:
        before = connection.execute(select(AUDIT_HEAD)).one()
        register.accounts.add("liga", "Līga", None, "lv", [Grant("state")], "juris")
        assert connection.execute(select(AUDIT_HEAD)).one() == before
        assert connection.execute(select(ACCOUNT)).all() == []
    with register.database.reading() as connection:
        assert len(connection.execute(select(ACCOUNT)).all()) == 1


def test_texts_are_in_the_order_of_their_bytes(register: Register):
    logins = ["a-b", "a.b", "ab", "a_b", "a@b", "b1", "a9", "a10", "zz", "z-a"]
    for login in logins:
        register.accounts.add(login, login, None, "lv", [], "juris")
    listed = [account.person.login for account in register.accounts.list()]
    assert listed == sorted(logins, key=str.encode)
    with register.database.reading() as connection:
        words = ["Zane", "anna", "Āris", "ārija", "ņ", "Ž", "z"]
        in_order = " UNION ALL ".join(f"SELECT '{word}' AS word" for word in words)
        found = connection.execute(text(f"SELECT word FROM ({in_order}) AS words ORDER BY word")).scalars().all()
        assert found == sorted(words, key=str.encode)


def test_more_entries_than_32_bits_count_have_numbers(register: Register):
    with register.database.acting() as act:
        act.connection.execute(update(AUDIT_HEAD).values(entry_count=2**31))
    assert register.audit.write(None, "page_viewed", "") == 2**31 + 1


def test_what_is_asked_for_is_never_more_than_the_data_base_takes(register: Register, director):
    for text_of_nobody in ("x\x00y", "\ud800", "x" * 5000):
        assert register.accounts.find(text_of_nobody) is None
        assert register.sessions.person(text_of_nobody, utc_now()) is None
        assert register.throttle.admit(text_of_nobody, text_of_nobody, utc_now()) == 0
        register.audit.write("operator", "access_denied", text_of_nobody, text_of_nobody, {"view": text_of_nobody})
    details = [json.loads(entry.details) for entry in register.audit.read() if entry.action == "access_denied"]
    assert [len(detail["view"]) for detail in details] == [3, 1, 200]
    assert register.audit.verify().is_sound


def test_the_time_of_the_register_is_aware():
    assert utc_now().utcoffset().total_seconds() == 0
