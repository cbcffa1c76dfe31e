"""Failed logins make the next ones wait: longer and longer, by account and by address."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from riskmodel.register.store import Register
from riskmodel.register.throttle import PATIENCE


def tries_until_wait(register: Register, now, login="dace", address="192.0.2.1") -> int:
    return next(count for count in range(100) if register.throttle.admit(login, address, now))


def test_five_wrong_tries_are_free_and_each_further_one_waits_twice_as_long(register: Register, clock):
    assert tries_until_wait(register, clock.now) == 5
    waits = []
    for _ in range(13):
        waits.append(register.throttle.admit("dace", "192.0.2.1", clock.now))
        assert register.throttle.admit("dace", "192.0.2.1", clock.pass_by(seconds=waits[-1])) == 0
    assert waits[:10] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert set(waits[10:]) == {900}


def test_other_accounts_do_not_wait_with_one_that_is_guessed_at(register: Register, clock):
    tries_until_wait(register, clock.now)
    assert register.throttle.admit("anna", "192.0.2.2", clock.now) == 0


def test_an_address_that_tries_many_accounts_waits_at_most_a_minute(register: Register, clock):
    admitted = [register.throttle.admit(f"user{number}", "192.0.2.1", clock.now) == 0 for number in range(30)]
    assert admitted == [True] * 20 + [False] * 10
    for number in range(30):
        wait = register.throttle.admit(f"new{number}", "192.0.2.1", clock.now)
        assert 0 < wait <= PATIENCE["address"].longest_seconds
        assert register.throttle.admit(f"new{number}", "192.0.2.1", clock.pass_by(seconds=wait)) == 0
    assert register.throttle.admit("anna", "192.0.2.2", clock.now) == 0


def test_the_same_answer_is_given_for_known_unknown_and_impossible_logins(register: Register, director, clock):
    for login, address in (("dace", "192.0.2.1"), ("nobody", "192.0.2.2"), ("no login!", "192.0.2.3")):
        assert tries_until_wait(register, clock.now, login, address) == 5


def test_a_right_password_forgets_the_failures_of_the_account_but_not_of_the_address(register: Register, clock):
    for _ in range(19):
        assert register.throttle.admit("anna", "192.0.2.1", clock.pass_by(hours=1)) == 0
    assert register.throttle.admit("dace", "192.0.2.1", clock.now) == 0
    register.throttle.passed("dace", "192.0.2.1")
    assert register.throttle.admit("dace", "192.0.2.1", clock.now) == 0
    assert register.throttle.admit("dace", "192.0.2.1", clock.now) == 1


def test_tries_at_once_get_no_further_than_tries_in_a_row(register: Register, clock):
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: register.throttle.admit("dace", "192.0.2.1", clock.now), range(40)))
    assert waits.count(0) == 5


def test_failures_are_forgotten_after_a_day(register: Register, clock):
    tries_until_wait(register, clock.now)
    clock.pass_by(days=1)
    assert tries_until_wait(register, clock.now) == 5


def test_a_refused_login_is_audited_once_without_what_was_typed(register: Register, director, clock):
    for login in ("dace", "mana parole 123"):
        register.throttle.admit(login, "192.0.2.1", clock.now)
        register.throttle.failed(login, "192.0.2.1", clock.now)
    told = [(entry.action, entry.details) for entry in register.audit.read()][3:]
    assert told == [
        ("login_refused", '{"account":"dace","is_known":1,"seconds":0}'),
        ("login_refused", '{"is_known":0,"seconds":0}'),
    ]


def test_neither_login_nor_address_is_kept_as_text(register: Register, clock):
    register.throttle.admit("secretname", "192.0.2.77", clock.now)
    with register.database.reading() as connection:
        kept = str(connection.exec_driver_sql("SELECT * FROM failed_login").all())
    assert "secretname" not in kept
    assert "192.0.2" not in kept


def test_a_login_that_was_closed_is_still_told_as_known(register: Register, director, clock):
    register.accounts.disable("dace", "juris")
    register.throttle.admit("dace", "192.0.2.1", clock.now)
    register.throttle.failed("dace", "192.0.2.1", clock.now)
    (told,) = (entry.details for entry in register.audit.read() if entry.action == "login_refused")
    assert told == '{"account":"dace","is_known":1,"seconds":0}'
