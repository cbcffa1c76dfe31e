"""The register at the command line: its audit is read, verified, and found out when it was changed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import own_postgres
import pytest
from command_line import Typed

from riskmodel.register import migrating, sqlite
from riskmodel.register.places import register_file, register_of, url_file


def test_the_audit_names_its_own_reading(typed: Typed, store: Path) -> None:
    typed("user", "add", "liga", "--no-password", "--store", store)
    read = typed("register", "audit", "--store", store)
    assert "account_added" in read.out
    again = typed("register", "audit", "--last", 1, "--json", "--by", "Ieva", "--store", store).figures
    assert [(entry["action"], entry["details"]) for entry in again] == [("audit_read", {"count": 2})]
    by_ieva = typed("register", "audit", "--actor", "operator:Ieva", "--json", "--store", store).figures
    assert [entry["action"] for entry in by_ieva] == ["audit_read"]


def test_entries_are_chosen_by_their_day(typed: Typed, store: Path) -> None:
    typed("user", "add", "liga", "--no-password", "--store", store)
    assert typed("register", "audit", "--to", "2020-01-01", "--json", "--store", store).figures == []
    assert len(typed("register", "audit", "--from", "2020-01-01", "--json", "--store", store).figures) == 3


def test_a_sound_audit_is_verified_with_exit_code_0_and_a_changed_one_with_4(typed: Typed, store: Path) -> None:
    typed("user", "add", "liga", "--no-password", "--store", store)
    sound = typed("register", "audit", "--verify", "--json", "--store", store)
    assert sound.code == 0
    assert (sound.figures["is_sound"], sound.figures["entries"], sound.figures["not_noted"]) == (True, 2, 0)
    with sqlite3.connect(register_file(store)) as connection:
        connection.execute("DROP TRIGGER audit_entry_is_not_changed")
        connection.execute("UPDATE audit_entry SET actor = 'nobody' WHERE number = 2")
    changed = typed("register", "audit", "--verify", "--json", "--store", store)
    assert changed.code == 4
    assert (changed.figures["fault"], changed.figures["first_bad_number"]) == ("content", 2)
    assert "from entry 2 on" in changed.err
    assert "sākot ar" in changed.err or "ierakst" in changed.err


def test_a_register_of_this_version_is_not_migrated_and_an_older_one_is(typed: Typed, store: Path) -> None:
    missing = typed("register", "migrate", "--store", store)
    assert missing.code == 2
    first, newest = migrating.revisions()[0], migrating.revisions()[-1]
    file = register_file(store)
    sqlite.make_private(file)
    engine = sqlite.make_engine(file)
    with engine.begin() as connection:
        migrating.upgrade(connection, first)
    engine.dispose()
    refused = typed("user", "list", "--store", store)
    assert (refused.code, "riskmodel register migrate" in refused.err) == (2, True)
    brought = typed("register", "migrate", "--by", "Ieva", "--store", store)
    assert brought.code == 0
    assert f".before-{newest}" in brought.err
    assert "nothing was to be done" in typed("register", "migrate", "--store", store).err
    assert typed("user", "list", "--json", "--store", store).figures == []
    acts = typed("register", "audit", "--json", "--store", store).figures
    assert [(act["actor"], act["action"]) for act in acts] == [("operator:Ieva", "register_migrated")]


@pytest.fixture
def address(postgres: own_postgres.Server) -> str:
    return postgres.address(postgres.make_database())


def test_a_register_is_put_on_a_server_and_every_verb_follows_it(typed: Typed, store: Path, address: str) -> None:
    made = typed("register", "init", "--database", address, "--store", store)
    assert (made.code, made.out) == (0, "")
    assert "1 entry" in made.err
    assert url_file(store).stat().st_mode & 0o777 == 0o600
    typed("user", "add", "liga", "--no-password", "--role", "director", "--school", 101, "--store", store)
    assert [who["login"] for who in typed("user", "list", "--json", "--store", store).figures] == ["liga"]
    verified = typed("register", "audit", "--verify", "--json", "--store", store).figures
    assert (verified["is_sound"], verified["entries"], verified["not_noted"]) == (True, 3, 0)
    assert "nothing was to be done" in typed("register", "migrate", "--store", store).err
    assert not register_file(store).exists()
    again = typed("register", "init", "--database", address, "--store", store)
    assert (again.code, "one register" in again.err) == (2, True)


def test_a_password_comes_from_a_file_and_is_shown_by_nothing(
    typed: Typed, store: Path, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "password").write_text("sniegs krīt\n", "utf-8")
    seen = typed("register", "init", "--database", address.replace("@", ":sniegs@"), "--store", store)
    assert (seen.code, "list of processes" in seen.err, "sniegs" in seen.err) == (2, True, False)
    given = ("--database", address, "--password-file", tmp_path / "password", "--store", store)
    made = typed("register", "init", *given)
    assert (made.code, "sniegs" in made.err) == (0, False)
    assert register_of(store).url.password == "sniegs krīt"
    monkeypatch.setenv("PGSSLMODE", "verify-nothing")  # so that the server cannot be reached
    failed = typed("user", "list", "--store", store)
    assert (failed.code, "Start the server" in failed.err, "sniegs" in failed.err) == (2, True, False)


def test_no_register_is_made_on_a_server_for_a_store_that_is_not_there(
    typed: Typed, tmp_path: Path, address: str
) -> None:
    refused = typed("register", "init", "--database", address, "--store", tmp_path / "nowhere")
    assert (refused.code, "no folder at this path" in refused.err) == (2, True)
