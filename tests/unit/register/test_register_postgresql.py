"""What is PostgreSQL's alone: the server that is looked at, the writers' lock, the copy, and users with few rights."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import own_postgres
import pytest
from register_by_hand import by_hand
from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError, OperationalError

from riskmodel.errors import UsageError
from riskmodel.register import migrating, postgresql
from riskmodel.register.people import Grant
from riskmodel.register.places import Place, ServerPlace, note_file, register_file, register_of, server_place
from riskmodel.register.schema import METADATA
from riskmodel.register.store import open_register, put_on_server

SECRET = "sniegs krīt lēni"
START = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)


@pytest.fixture
def server(postgres) -> own_postgres.Server:
    return postgres


@pytest.fixture
def place(server, store) -> Iterator[ServerPlace]:
    with own_postgres.made_place(server, store, START) as made:
        yield made


def refusal(place: Place) -> str:
    with pytest.raises(UsageError) as refused:
        open_register(place, may_create=True)
    told = refused.value.in_both_languages() + repr(refused.value) + repr(refused.value.__cause__)
    assert str(place) in told
    assert SECRET not in told
    return str(refused.value)


@contextmanager
def user_with_a_password(server: own_postgres.Server, database: str) -> Iterator[str]:
    """Give the name of a user whom the server asks for a password, and who is given rights in one data base at most."""
    server.do(f"CREATE USER {own_postgres.GUARDED} PASSWORD '{SECRET}'")
    try:
        yield own_postgres.GUARDED
    finally:
        server.do(f"DROP OWNED BY {own_postgres.GUARDED}", f"DROP USER {own_postgres.GUARDED}", database=database)


def test_a_server_out_of_reach_is_told_without_the_password(store, tmp_path):
    away = server_place(f"postgresql://riskmodel@/riskmodel?host={tmp_path}", store, password=SECRET)
    assert "Start the server" in refusal(away)
    unknown = server_place("postgresql://riskmodel@127.0.0.1:1/riskmodel", store, password=SECRET)
    assert "Start the server" in refusal(unknown)


def test_an_option_that_the_driver_does_not_know_is_told_without_the_password(store):
    assert "no_option" in refusal(
        server_place("postgresql://u@127.0.0.1/riskmodel?no_option=1", store, password=SECRET)
    )


def test_a_data_base_that_is_not_there_is_told(server, store):
    assert "does not exist" in refusal(own_postgres.place_on(server, "nowhere", store))


def test_a_password_stands_in_the_address_or_in_the_environment_and_is_never_told(server, place, store, monkeypatch):
    with user_with_a_password(server, place.url.database) as user:
        address = server.address(place.url.database, user)
        assert "password" in refusal(server_place(address, store))
        assert "password authentication failed" in refusal(server_place(address, store, password=SECRET + "!"))
        server.do(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {user}", database=place.url.database)
        with open_register(server_place(address, store, password=SECRET)) as register:
            assert register.audit.size() == 1
            assert SECRET not in repr(register.database.engine)
        monkeypatch.setenv("PGPASSWORD", SECRET)
        with open_register(server_place(address, store)) as register:
            assert register.audit.size() == 1


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ("ENCODING 'UTF8' LOCALE 'C.UTF-8'", "collation C.UTF-8"),
        ("ENCODING 'SQL_ASCII' LOCALE 'C'", "encoding is SQL_ASCII"),
        ("ENCODING 'LATIN1' LOCALE 'C'", "encoding is LATIN1"),
    ],
)
def test_a_data_base_that_does_not_order_texts_by_their_bytes_is_refused(server, store, options, found):
    told = refusal(own_postgres.place_on(server, server.make_database(options), store))
    assert found in told
    assert "--locale C" in told


def test_an_order_of_icu_is_none_of_bytes_whatever_its_name():
    assert not postgresql._is_in_order_of_bytes("i", "C")
    assert postgresql._is_in_order_of_bytes("b", "C.UTF-8")
    assert postgresql._is_in_order_of_bytes(None, "POSIX")  # version 14 names no provider


def test_a_server_that_does_not_wait_for_its_disk_is_refused(place, monkeypatch):
    monkeypatch.setattr(postgresql, "NEEDED_OF_THE_SERVER", {"fsync": "on"})
    assert "fsync is on" in refusal(place)


def test_a_server_of_an_older_version_is_refused(place, monkeypatch):
    monkeypatch.setattr(postgresql, "OLDEST_VERSION", 99)
    assert "PostgreSQL 99" in refusal(place)


def test_without_its_driver_a_server_is_refused_with_the_words_that_install_it(place, monkeypatch):
    monkeypatch.setattr(postgresql, "find_spec", lambda _: None)
    assert "riskmodel[postgresql]" in refusal(place)


def test_the_driver_is_loaded_for_a_server_alone():
    code = "import sys, riskmodel.register.store; sys.exit('psycopg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("set_for_all", "in_use"), [("off", "on"), ("on", "on"), ("remote_apply", "remote_apply")])
def test_a_commit_waits_for_the_disk_whatever_the_data_base_says(server, place, set_for_all, in_use):
    name = place.url.database
    server.do(f"ALTER DATABASE {name} SET synchronous_commit = {set_for_all}")
    try:
        with open_register(place) as register, register.database.acting() as act:
            assert act.connection.exec_driver_sql("SHOW synchronous_commit").scalar() == in_use
    finally:
        server.do(f"ALTER DATABASE {name} RESET synchronous_commit")


def test_a_default_of_the_data_base_changes_neither_the_picture_nor_the_lock(server, place):
    name = place.url.database
    server.do(f"ALTER DATABASE {name} SET default_transaction_isolation = serializable")
    try:
        with open_register(place) as register:
            with register.database.acting() as act:
                assert act.connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "read committed"
            with register.database.reading() as connection:
                assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "repeatable read"
                with pytest.raises(DBAPIError, match="read-only"):
                    connection.exec_driver_sql("DELETE FROM account")
    finally:
        server.do(f"ALTER DATABASE {name} RESET default_transaction_isolation")


def test_a_writer_waits_for_another_one_but_not_for_ever(place, monkeypatch):
    monkeypatch.setitem(postgresql.SETTINGS, "lock_timeout", "'50ms'")
    with open_register(place) as one, open_register(place) as other, one.database.acting():
        with pytest.raises(OperationalError, match="lock timeout"):
            other.audit.write(None, "page_viewed", "")
        assert other.audit.size() == 1  # a reader waits for nobody


def test_a_writer_that_hangs_loses_its_lock_and_leaves_nothing(place):
    def hang() -> None:
        with one.database.acting() as act:
            act.record(None, "login")
            act.connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = '50ms'")
            with open_register(place) as other:
                other.audit.write(None, "page_viewed", "")
            act.record(None, "logout")

    with open_register(place) as one:
        with one.database.reading() as connection:
            for name, wanted in {"idle_in_transaction_session_timeout": "1min", "lock_timeout": "20s"}.items():
                assert connection.exec_driver_sql(f"SHOW {name}").scalar() == wanted
        with pytest.raises(DBAPIError, match="idle-in-transaction"):
            hang()
        assert [entry.action for entry in one.audit.read()] == ["register_created", "page_viewed"]


def test_a_register_goes_on_when_its_server_was_started_again(server, place):
    with open_register(place) as register:
        register.audit.write(None, "page_viewed", "")
        server.kill()
        with pytest.raises(OperationalError):
            register.audit.write(None, "page_viewed", "")
        server.start()
        assert register.audit.write(None, "page_viewed", "") == 3
        assert register.audit.verify().is_sound


def test_the_audit_is_not_emptied(place):
    with pytest.raises(DBAPIError, match="only written forth"), by_hand(place) as connection:
        connection.exec_driver_sql("TRUNCATE audit_entry")


def test_a_copy_of_the_whole_register_is_a_register(server, place, store, tmp_path):
    with open_register(place) as register:
        register.accounts.add("dace", "Dace Ozola", None, "lv", [Grant("director", "101")], "operator")
        postgresql.copy_to(place, tmp_path / "copy.dump")
        verdict = register.audit.verify()
    assert stat.S_IMODE((tmp_path / "copy.dump").stat().st_mode) == 0o600
    other = own_postgres.place_on(server, server.make_database(), store)
    restore = own_postgres.programs() / "pg_restore"
    address = server.address(other.url.database)
    subprocess.run([restore, f"--dbname={address}", tmp_path / "copy.dump"], check=True)
    assert note_file(other) == note_file(place)
    with open_register(other) as restored:
        assert restored.accounts.find("dace") is not None
        assert restored.audit.verify() == verdict
    with pytest.raises(DBAPIError, match="only written forth"), by_hand(other) as connection:
        connection.exec_driver_sql("DELETE FROM audit_entry")


def test_a_copy_needs_pg_dump_and_leaves_nothing_when_it_fails(place, tmp_path, monkeypatch):
    copy = tmp_path / "copy.dump"
    monkeypatch.setattr(postgresql, "_pg_dump", lambda: None)
    with pytest.raises(UsageError, match="not on this machine"):
        postgresql.copy_to(place, copy)
    failing = tmp_path / "pg_dump"
    failing.write_text('#!/bin/sh\necho "no room; it was $PGPASSWORD" >&2\nexit 1\n')
    failing.chmod(0o700)
    monkeypatch.setattr(postgresql, "_pg_dump", lambda: str(failing))
    with pytest.raises(UsageError, match=r"no room; it was \*\*\*"):
        postgresql.copy_to(ServerPlace(place.url.set(password=SECRET), place.beside), copy)
    assert not copy.exists()


def test_pg_dump_is_found_on_the_path_too(tmp_path, monkeypatch):
    monkeypatch.setattr(postgresql, "DEBIANS_FOLDER", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert postgresql._pg_dump() is None
    (tmp_path / "pg_dump").touch(mode=0o700)
    assert postgresql._pg_dump() == str(tmp_path / "pg_dump")


def test_the_rights_of_a_portal_s_own_user_name_every_table():
    named = {
        word.strip(",")
        for right in own_postgres.rights_of("x")
        for word in right.split(" ON ")[1].split(" TO ")[0].split()
    }
    assert named >= {*METADATA.tables, migrating.VERSION_TABLE}


def test_a_portal_works_with_few_rights_and_may_not_touch_what_was_written(server, place, store, clock):
    with user_with_a_password(server, place.url.database) as user:
        server.do(*own_postgres.rights_of(user), database=place.url.database)
        weak = server_place(server.address(place.url.database, user), store, password=SECRET)
        with open_register(weak, may_create=True, clock=clock) as register:
            person = register.accounts.add("dace", "Dace", None, "lv", [Grant("director", "101")], "juris")
            register.capacity.set("101", 4, person)
            token = register.sessions.open(person, clock.now)
            assert register.sessions.person(token, clock.now) == person
            assert register.throttle.admit("dace", "192.0.2.1", clock.now) == 0
            assert register.audit.verify().is_sound
            for slip in (
                "DELETE FROM audit_entry",
                "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
                "DROP TRIGGER audit_entry_is_not_changed ON audit_entry",
                "TRUNCATE audit_entry",
            ):
                with (
                    pytest.raises(DBAPIError, match=r"permission denied|must be owner"),
                    register.database.acting() as act,
                ):
                    act.connection.exec_driver_sql(slip)


def test_a_user_who_may_make_no_tables_is_told_which_right_is_missing(server, store):
    name = server.make_database()
    with user_with_a_password(server, name) as user:
        server.do("REVOKE CREATE ON SCHEMA public FROM PUBLIC", database=name)
        told = refusal(server_place(server.address(name, user), store, password=SECRET))
    assert "OWNER TO" in told
    with by_hand(own_postgres.place_on(server, name, store)) as connection:
        assert inspect(connection).get_table_names() == []


def test_the_register_of_a_store_is_put_on_a_server_once(server, store):
    place = own_postgres.place_on(server, server.make_database(), store)
    assert put_on_server(place, store) == 1
    assert register_of(store) == place
    with pytest.raises(UsageError, match="one register"):
        put_on_server(place, store)
    with open_register(register_of(store)) as register:
        assert register.audit.verify().is_sound


def test_a_second_machine_joins_a_register_and_keeps_its_own_note(server, place, tmp_path):
    second = tmp_path / "second" / "store"
    second.parent.mkdir()
    joined = own_postgres.place_on(server, place.url.database, second)
    assert put_on_server(joined, second) == 1
    with open_register(place) as one, open_register(register_of(second)) as other:
        for number in range(3):
            one.audit.write(None, "page_viewed", f"school:{number}")
            other.audit.write(None, "page_viewed", f"school:{number}")
        assert (other.audit.verify().is_sound, other.audit.verify().not_noted) == (True, 0)
        assert (one.audit.verify().is_sound, one.audit.verify().not_noted) == (True, 1)


def test_a_store_with_a_register_in_a_file_is_not_moved_by_a_second_one(server, store):
    open_register(register_file(store), may_create=True).close()
    name = server.make_database()
    with pytest.raises(UsageError, match="one register"):
        put_on_server(own_postgres.place_on(server, name, store), store)
    assert register_of(store) == register_file(store)
    assert all(path.name.startswith(register_file(store).name) for path in store.parent.iterdir())
