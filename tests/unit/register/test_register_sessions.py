"""Sessions end by time, by logout, and with every change of the account."""

from __future__ import annotations

from datetime import timedelta

import pytest
from register_by_hand import kept_bytes

from riskmodel.register.people import Grant, Person
from riskmodel.register.store import Register

PASSWORD = "sniegs krīt lēni"


def test_a_token_opens_the_session_of_its_person_and_nothing_else_does(register: Register, director, clock):
    token = register.sessions.open(director, clock.now)
    assert register.sessions.person(token, clock.now) == director
    for wrong in ("", token[:-1], token + "A", token.swapcase(), "\udcff", "é", "0" * 43):
        assert register.sessions.person(wrong, clock.now) is None


def test_tokens_are_long_differ_and_are_not_kept(register: Register, director, clock):
    tokens = {register.sessions.open(director, clock.now) for _ in range(20)}
    assert {len(token) for token in tokens} == {43}
    assert len(tokens) == 20
    kept = kept_bytes(register.place)
    assert not any(token.encode() in kept for token in tokens)


def test_a_session_ends_after_thirty_minutes_without_use(register: Register, director, clock):
    token = register.sessions.open(director, clock.now)
    assert register.sessions.person(token, clock.pass_by(minutes=29)) == director
    assert register.sessions.person(token, clock.pass_by(minutes=29)) == director
    assert register.sessions.person(token, clock.pass_by(minutes=30)) is None


def test_a_session_in_use_ends_after_eight_hours(register: Register, director, clock):
    token = register.sessions.open(director, clock.now)
    for _ in range(23):
        assert register.sessions.person(token, clock.pass_by(minutes=20)) == director
    assert register.sessions.person(token, clock.pass_by(minutes=20)) is None


def test_looking_at_pages_within_a_minute_writes_nothing(register: Register, director, clock):
    token = register.sessions.open(director, clock.now)
    with register.database.acting():  # nobody else could write now
        for _ in range(5):
            assert register.sessions.person(token, clock.now + timedelta(seconds=59)) == director


def test_a_closed_session_stays_closed(register: Register, director, clock):
    token, other = (register.sessions.open(director, clock.now) for _ in range(2))
    register.sessions.close(token)
    register.sessions.close(token)
    assert register.sessions.person(token, clock.now) is None
    assert register.sessions.person(other, clock.now) == director
    assert [entry.action for entry in register.audit.read()][3:] == ["login", "login", "logout"]


def test_a_change_of_an_account_ends_all_of_its_sessions_and_of_no_other(register: Register, director, clock):
    other = register.accounts.add("anna", "Anna", None, "lv", [], "juris")
    tokens = [register.sessions.open(director, clock.now) for _ in range(3)]
    hers = register.sessions.open(other, clock.now)
    register.accounts.grant("dace", Grant("state"), "juris")
    assert {register.sessions.person(token, clock.now) for token in tokens} == {None}
    assert register.sessions.person(hers, clock.now) == other


@pytest.mark.parametrize(
    "change",
    [
        lambda accounts: accounts.disable("dace", "juris"),
        lambda accounts: accounts.remove("dace", "juris"),
        lambda accounts: accounts.set_password("dace", PASSWORD, "juris"),
        lambda accounts: accounts.grant("dace", Grant("state"), "juris"),
        lambda accounts: accounts.revoke("dace", Grant("director", "101"), "juris"),
    ],
    ids=["disabled", "removed", "password", "granted", "revoked"],
)
def test_a_session_is_dead_at_once_when_its_account_changes(register: Register, director: Person, clock, change):
    token = register.sessions.open(director, clock.now)
    change(register.accounts)
    assert register.sessions.person(token, clock.now) is None


def test_a_disabled_account_that_is_enabled_again_has_no_old_session(register: Register, director, clock):
    token = register.sessions.open(director, clock.now)
    register.accounts.disable("dace", "juris")
    register.accounts.enable("dace", "juris")
    assert register.sessions.person(token, clock.now) is None


def test_ended_sessions_are_removed_when_another_one_opens(register: Register, director, clock):
    for _ in range(3):
        register.sessions.open(director, clock.now)
    register.sessions.open(director, clock.pass_by(minutes=31))
    with register.database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM session").scalar() == 1
