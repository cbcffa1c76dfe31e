"""Accounts at the command line: roles, passwords that nobody overhears, and demonstration accounts for invented data."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from command_line import Typed
from invented_run import publish

from riskmodel.__main__ import commands
from riskmodel.register.people import ROLES
from riskmodel.register.store import open_register, register_file

PASSWORD = "trīs zaļi kāpostu galvas"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(f"{PASSWORD}\nsecond line\n", "utf-8")
    return path


def test_an_account_added_with_a_role_can_log_in_with_the_first_line_of_the_file(
    typed: Typed, store: Path, secret: Path
) -> None:
    words = ("--role", "director", "--school", "101", "--name", "Līga Ozola", "--password-file", secret)
    assert typed("user", "add", "liga.ozola", *words, "--store", store).code == 0
    with open_register(register_file(store)) as register:
        person = register.accounts.check_password("liga.ozola", PASSWORD)
        assert register.audit.verify().is_sound
    assert person is not None
    assert (person.shown_name, person.grants[0].role, person.grants[0].school_id) == ("Līga Ozola", "director", "101")


def test_a_password_is_asked_for_twice_when_no_option_tells_it(store: Path) -> None:
    words = ["user", "add", "liga", "--role", "state", "--store", str(store)]
    told = CliRunner().invoke(commands, words, input=f"{PASSWORD}\nanother one here\n{PASSWORD}\n{PASSWORD}\n")
    assert told.exit_code == 0, told.output
    assert PASSWORD not in told.output
    with open_register(register_file(store)) as register:
        assert register.accounts.check_password("liga", PASSWORD) is not None


@pytest.mark.filterwarnings("ignore::getpass.GetPassWarning")
def test_nobody_to_be_asked_for_a_password_is_wrong_usage(
    typed: Typed, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    told = typed("user", "add", "liga", "--role", "state", "--store", store)
    assert told.code == 2
    assert "Nothing was typed in" in told.err


def test_a_generated_password_is_printed_once_and_opens_the_account(typed: Typed, store: Path) -> None:
    told = typed("user", "add", "liga", "--role", "state", "--generate", "--store", store)
    login, password = told.out.split()
    with open_register(register_file(store)) as register:
        assert register.accounts.check_password(login, password) is not None
    assert password not in typed("user", "list", "--json", "--store", store).out
    assert password not in typed("register", "audit", "--store", store).out


def test_two_places_for_one_password_are_wrong_usage(typed: Typed, store: Path, secret: Path) -> None:
    told = typed("user", "add", "liga", "--generate", "--password-file", secret, "--store", store)
    assert told.code == 2
    assert "More than one was given" in told.err


@pytest.mark.parametrize(
    "words",
    [
        ("--role", "director"),
        ("--role", "class_teacher", "--school", "101"),
        ("--role", "state", "--school", "101"),
        ("--role", "principal"),
    ],
)
def test_a_role_without_its_unit_is_wrong_usage_and_makes_no_account(
    typed: Typed, store: Path, words: tuple[str, ...]
) -> None:
    typed("user", "add", "first", "--no-password", "--store", store)
    assert typed("user", "add", "liga", *words, "--no-password", "--store", store).code == 2
    assert [one["login"] for one in typed("user", "list", "--json", "--store", store).figures] == ["first"]


@pytest.mark.parametrize("words", [("--school", "101"), ("--class", "9.a"), ("--to", "2027-09-01")])
def test_a_unit_or_days_without_a_role_are_wrong_usage_and_make_no_account(
    typed: Typed, store: Path, words: tuple[str, ...]
) -> None:
    told = typed("user", "add", "liga", *words, "--no-password", "--store", store)
    assert told.code == 2
    assert "No role was given" in told.err
    assert not register_file(store).exists()


def test_a_register_is_not_made_beside_a_store_that_is_not_there(typed: Typed, tmp_path: Path) -> None:
    told = typed("user", "add", "liga", "--no-password", "--store", tmp_path / "tsore")
    assert told.code == 2
    assert list(tmp_path.iterdir()) == []


def test_roles_are_given_and_taken_and_every_act_names_who_did_it(typed: Typed, store: Path, tmp_path: Path) -> None:
    pupils = tmp_path / "pupils"
    pupils.write_text(f"{'a' * 32}\n{'b' * 32}\n")
    by = ("--by", "Anna", "--store", store)
    typed("user", "add", "janis", "--no-password", *by)
    teacher = ("--role", "class_teacher", "--school", "101", "--class", "9.a")
    assert typed("user", "grant", "janis", *teacher, "--to", "2027-09-01", *by).code == 0
    assert (
        typed("user", "grant", "janis", "--role", "subject_teacher", "--school", "7", "--pupils", pupils, *by).code == 0
    )
    listed = typed("user", "list", "--store", store).out
    assert "class teacher (class_teacher)  101  9.a  ..2027-09-01" in listed
    assert "subject teacher (subject_teacher)  7  2 pupils" in listed
    assert typed("user", "revoke", "janis", *teacher, *by).code == 0
    assert typed("user", "revoke", "janis", *teacher, *by).code == 2
    ((_, *roles),) = [
        (one["login"], *one["roles"]) for one in typed("user", "list", "--json", "--store", store).figures
    ]
    assert [role["role"] for role in roles] == ["subject_teacher"]
    acts = typed("register", "audit", "--json", "--actor", "operator:Anna", "--store", store).figures
    assert [act["action"] for act in acts] == ["account_added", "grant_added", "grant_added", "grant_revoked"]


def test_an_account_is_closed_opened_again_and_removed(typed: Typed, store: Path, secret: Path) -> None:
    typed("user", "add", "janis", "--role", "steward", "--password-file", secret, "--store", store)

    def may_come() -> bool:
        with open_register(register_file(store)) as register:
            return register.accounts.check_password("janis", PASSWORD) is not None

    assert typed("user", "disable", "janis", "--store", store).code == 0
    assert not may_come()
    assert "(disabled)" in typed("user", "list", "--store", store).out
    assert typed("user", "enable", "janis", "--store", store).code == 0
    assert may_come()
    assert typed("user", "password", "janis", "--no-password", "--store", store).code == 0
    assert not may_come()
    assert typed("user", "remove", "janis", "--store", store).code == 0
    assert typed("user", "list", "--json", "--store", store).figures == []
    assert typed("user", "remove", "janis", "--store", store).code == 2


def test_demonstration_accounts_have_every_role_in_units_that_the_run_has(typed: Typed, store: Path) -> None:
    publish(store)
    made = typed("user", "demo", "--json", "--store", store).figures
    assert [one["role"] for one in made] == list(ROLES)
    assert {one["school_id"] for one in made} - {None} <= {"101", "102", "103"}
    teacher, subject_teacher, *_ = made
    assert teacher["class_code"] in {"9.a", "10.b"}
    assert "12 pupils" in typed("user", "demo", "--store", store).out
    assert subject_teacher["school_id"] == teacher["school_id"]


def test_demonstration_accounts_made_again_get_new_passwords_and_lose_the_old(typed: Typed, store: Path) -> None:
    publish(store)
    first, second = (typed("user", "demo", "--json", "--store", store).figures for _ in range(2))
    assert not {one["password"] for one in first} & {one["password"] for one in second}
    with open_register(register_file(store)) as register:
        director = next(one for one in second if one["role"] == "director")
        assert register.accounts.check_password(director["login"], director["password"]) is not None
        assert register.accounts.check_password(director["login"], first[3]["password"]) is None
        assert len(register.accounts.list()) == len(ROLES)
        assert all(len(account.person.grants) == 1 for account in register.accounts.list())


@pytest.mark.parametrize("origin", ["real", "public", None])
def test_demonstration_accounts_are_refused_beside_any_but_invented_data(
    typed: Typed, store: Path, origin: str | None
) -> None:
    if origin is not None:
        publish(store, origin=origin)
    told = typed("user", "demo", "--store", store)
    assert told.code == 2
    assert told.out == ""
    assert not register_file(store).exists()
