"""Accounts: every change is one act, and what is unfit is refused whole."""

from __future__ import annotations

import json
from datetime import date

import pytest
from argon2 import PasswordHasher, extract_parameters
from register_by_hand import kept_bytes
from sqlalchemy.exc import DataError, IntegrityError

from riskmodel.errors import UsageError
from riskmodel.register import passwords
from riskmodel.register.accounts import normal_login
from riskmodel.register.people import Grant, Person
from riskmodel.register.store import Register

PASSWORD = "sniegs krīt lēni"


def acts(register: Register) -> list[tuple[str, str, str, dict[str, str | int]]]:
    return [(entry.actor, entry.action, entry.unit, json.loads(entry.details)) for entry in register.audit.read()][1:]


def test_an_added_account_is_found_with_its_roles_and_its_audit(register: Register):
    grants = (
        Grant("class_teacher", "101", class_code="9.a", valid_from=date(2026, 9, 1), valid_to=date(2027, 9, 1)),
        Grant("subject_teacher", "101", pupil_ids=frozenset({"ab" * 16, "cd" * 16})),
        Grant("municipality", municipality_code="LV0001000"),
    )
    added = register.accounts.add(" Liga.Ozola ", "Līga Ozola", PASSWORD, "lv", grants, "juris")
    assert added == register.accounts.find("LIGA.OZOLA")
    assert (added.login, added.shown_name, added.language, added.grants) == ("liga.ozola", "Līga Ozola", "lv", grants)
    assert acts(register) == [
        ("operator:juris", "account_added", "", {"account": "liga.ozola", "account_id": added.account_id}),
        (
            "operator:juris",
            "grant_added",
            "school:101",
            {"account": "liga.ozola", "class_code": "9.a", "role": "class_teacher"},
        ),
        (
            "operator:juris",
            "grant_added",
            "school:101",
            {"account": "liga.ozola", "pupils": 2, "role": "subject_teacher"},
        ),
        ("operator:juris", "grant_added", "municipality:LV0001000", {"account": "liga.ozola", "role": "municipality"}),
    ]


@pytest.mark.parametrize("login", ["", "a", "-liga", "līga", "li ga", "a" * 65, "liga\n\nx", "operator:x", "../liga"])
def test_what_is_no_login_is_refused_and_found_by_nobody(register: Register, login):
    with pytest.raises(UsageError, match="2 to 64"):
        register.accounts.add(login, "Līga", None, "lv", [], "juris")
    assert register.accounts.find(login) is None
    assert register.accounts.check_password(login, PASSWORD) is None


def test_logins_that_look_alike_are_one_login():
    assert normal_login("Ｌｉｇａ") == normal_login("LIGA ") == "liga"


def test_people_of_a_school_are_those_with_a_role_in_it(register: Register):
    for login, grants in {
        "zane": (Grant("class_teacher", "101", class_code="9.a"), Grant("director", "102")),
        "anna": (Grant("support_staff", "101", valid_to=date(2020, 1, 1)),),
        "juris": (Grant("director", "102"),),
        "state": (Grant("state"),),
    }.items():
        register.accounts.add(login, login.title(), None, "lv", grants, "test")
    register.accounts.disable("anna", "test")
    found = register.accounts.of_school("101")
    assert [(one.person.login, one.is_disabled) for one in found] == [("anna", True), ("zane", False)]
    assert [one.person.login for one in register.accounts.of_school("103")] == []


def test_a_login_is_given_once(register: Register, director: Person):
    before = acts(register)
    with pytest.raises(UsageError, match="one account"):
        register.accounts.add("DACE", "Another", None, "lv", [], "juris")
    assert acts(register) == before


@pytest.mark.parametrize(
    "grant",
    [
        Grant("head"),  # type: ignore[arg-type]
        Grant("director"),
        Grant("director", "1/../2"),
        Grant("director", "１０１"),
        Grant("director", "101", class_code="9.a"),
        Grant("class_teacher", "101"),
        Grant("class_teacher", "101", class_code=""),
        Grant("class_teacher", "101", class_code=" 9.a"),
        Grant("class_teacher", "101", class_code="9\n"),
        Grant("municipality"),
        Grant("municipality", municipality_code="Rīga"),
        Grant("municipality", "101", municipality_code="LV0001000"),
        Grant("state", "101"),
        Grant("steward", municipality_code="LV0001000"),
        Grant("director", "101", pupil_ids=frozenset({"ab" * 16})),
        Grant("subject_teacher", "101", pupil_ids=frozenset({"Anna"})),
        Grant("state", valid_from=date(2026, 9, 1), valid_to=date(2026, 9, 1)),
    ],
    ids=str,
)
def test_a_role_without_the_unit_that_it_needs_is_refused_and_nothing_is_written(
    register: Register, director: Person, grant
):
    before = acts(register)
    with pytest.raises(UsageError):
        register.accounts.add("liga", "Līga", None, "lv", [Grant("state"), grant], "juris")
    with pytest.raises(UsageError):
        register.accounts.grant("dace", grant, "juris")
    assert register.accounts.find("liga") is None
    assert register.accounts.find("dace") == director
    assert acts(register) == before


def test_the_data_base_itself_refuses_a_role_without_its_unit(register: Register, director: Person):
    slips = [
        "INSERT INTO role_grant (account_id, role) VALUES (1, 'director')",
        "INSERT INTO role_grant (account_id, role, school_id) VALUES (1, 'state', '101')",
        "INSERT INTO role_grant (account_id, role, school_id) VALUES (1, 'class_teacher', '101')",
        "INSERT INTO role_grant (account_id, role) VALUES (1, 'municipality')",
        "INSERT INTO role_grant (account_id, role) VALUES (1, 'head')",
        "INSERT INTO role_grant (account_id, role) VALUES (99, 'state')",
        "INSERT INTO role_grant (account_id, role, valid_from) VALUES (1, 'state', '1.9.2026')",
        "UPDATE account SET created_at = '2026'",
        "INSERT INTO role_grant (account_id, role) VALUES ('one', 'state')",
    ]
    for slip in slips:
        with pytest.raises((IntegrityError, DataError)), register.database.acting() as act:
            act.connection.exec_driver_sql(slip)


def test_a_right_password_opens_a_wrong_one_does_not(register: Register):
    added = register.accounts.add("liga", "Līga", PASSWORD, "lv", [], "juris")
    assert register.accounts.check_password("Liga", PASSWORD) == added
    assert register.accounts.check_password("liga", PASSWORD + " ") is None
    assert register.accounts.check_password("ligas", PASSWORD) is None
    assert register.accounts.check_password("liga", "") is None
    assert register.accounts.check_password("liga", "x" * 100_000) is None
    assert register.accounts.check_password("liga", "\udcff") is None


def test_a_letter_typed_as_two_signs_is_the_same_letter(register: Register):
    register.accounts.add("liga", "Līga", "sniegs kri\u0304t le\u0304ni", "lv", [], "juris")
    assert register.accounts.check_password("liga", PASSWORD) is not None


def test_an_account_without_a_password_is_opened_by_none(register: Register, director: Person):
    assert register.accounts.check_password("dace", "") is None
    assert register.accounts.check_password("dace", PASSWORD) is None


def test_each_try_costs_one_hash_whether_the_login_is_known_or_not(register: Register, director: Person, monkeypatch):
    register.accounts.add("liga", "Līga", PASSWORD, "lv", [], "juris")
    register.accounts.add("anna", "Anna", PASSWORD, "lv", [], "juris")
    register.accounts.disable("anna", "juris")
    passwords.is_right("", None)
    worked: list[str] = []
    verify = PasswordHasher.verify
    monkeypatch.setattr(
        PasswordHasher, "verify", lambda self, kept, given: (worked.append(kept), verify(self, kept, given))[1]
    )
    for login in ("liga", "dace", "anna", "nobody", "not a login"):
        worked.clear()
        assert register.accounts.check_password(login, "something else") is None
        (kept,) = worked
        parameters = extract_parameters(kept)
        assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (19_456, 2, 1)
        assert parameters.type.name == "ID"


@pytest.mark.parametrize("password", ["", "eleven char", "my name is Liga", "x" * 257])
def test_a_password_that_is_short_endless_or_holds_the_login_is_refused_without_being_said(
    register: Register, password
):
    with pytest.raises(UsageError, match="A password") as refused:
        register.accounts.add("liga", "Līga", password, "lv", [], "juris")
    assert not password or password not in refused.value.in_both_languages()
    assert register.accounts.find("liga") is None


def test_nothing_is_asked_of_the_letters_of_a_password(register: Register):
    register.accounts.add("liga", "Līga", "aaaaaaaaaaaa", "lv", [], "juris")
    assert register.accounts.check_password("liga", "aaaaaaaaaaaa") is not None


def test_made_passwords_differ_and_are_long_enough():
    made = {passwords.new_password() for _ in range(100)}
    assert len(made) == 100
    assert {len(password) for password in made} == {23}


def test_a_hash_of_older_parameters_is_made_anew_at_the_next_login(register: Register, monkeypatch):
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1))
    register.accounts.add("liga", "Līga", PASSWORD, "lv", [], "juris")
    monkeypatch.undo()
    passwords._nobodys_hash.cache_clear()
    assert register.accounts.check_password("liga", "something else") is None
    for _ in range(2):
        assert register.accounts.check_password("liga", PASSWORD) is not None
    assert [act[:2] for act in acts(register)] == [("operator:juris", "account_added"), ("liga", "password_rehashed")]


def test_no_password_and_no_hash_stands_in_the_audit_or_is_shown_by_the_list(register: Register):
    register.accounts.add("liga", "Līga", PASSWORD, "lv", [], "juris")
    register.accounts.set_password("liga", PASSWORD + " un ilgi", "juris")
    assert "argon2" not in str(register.audit.read()) + str(register.accounts.list())
    assert PASSWORD.encode() not in kept_bytes(register.place)


def test_a_disabled_account_is_nobody_until_it_is_enabled(register: Register, director: Person):
    register.accounts.set_password("dace", PASSWORD, director)
    register.accounts.disable("dace", "juris")
    register.accounts.disable("dace", "juris")
    assert register.accounts.find("dace") is None
    assert register.accounts.check_password("dace", PASSWORD) is None
    assert [account.is_disabled for account in register.accounts.list()] == [True]
    register.accounts.enable("dace", "juris")
    register.accounts.enable("dace", "juris")
    assert register.accounts.check_password("dace", PASSWORD) == director
    assert [act[:2] for act in acts(register)][2:] == [
        ("dace", "password_set"),
        ("operator:juris", "account_disabled"),
        ("operator:juris", "account_enabled"),
    ]


def test_a_removed_account_leaves_only_its_audit_and_its_number_is_not_given_again(
    register: Register, director: Person
):
    register.accounts.remove("dace", "juris")
    assert register.accounts.list() == ()
    again = register.accounts.add("dace", "Dace", None, "lv", [], "juris")
    assert again.account_id > director.account_id
    assert again.grants == ()
    assert ("operator:juris", "account_removed", "", {"account": "dace", "account_id": director.account_id}) in acts(
        register
    )


def test_a_role_given_again_in_a_unit_is_replaced(register: Register, director: Person):
    until = Grant("director", "101", valid_to=date(2027, 1, 1))
    register.accounts.grant("dace", until, "juris")
    register.accounts.grant("dace", Grant("director", "102"), "juris")
    assert register.accounts.find("dace").grants == (until, Grant("director", "102"))


def test_a_role_is_taken_away_by_role_and_unit(register: Register, director: Person):
    register.accounts.grant("dace", Grant("director", "102", valid_to=date(2027, 1, 1)), "juris")
    register.accounts.revoke("dace", Grant("director", "102"), "juris")
    assert register.accounts.find("dace") == director
    with pytest.raises(UsageError, match="no such role"):
        register.accounts.revoke("dace", Grant("director", "102"), "juris")


def test_verbs_on_an_unknown_login_are_refused_and_leave_no_trace(register: Register):
    accounts = register.accounts
    for verb in (
        lambda: accounts.disable("nobody", "juris"),
        lambda: accounts.enable("nobody", "juris"),
        lambda: accounts.remove("nobody", "juris"),
        lambda: accounts.set_password("nobody", PASSWORD, "juris"),
        lambda: accounts.grant("nobody", Grant("state"), "juris"),
        lambda: accounts.revoke("not a login", Grant("state"), "juris"),
    ):
        with pytest.raises(UsageError, match="none with this login"):
            verb()
    assert acts(register) == []


def test_a_name_cannot_forge_a_line_of_a_list(register: Register):
    added = register.accounts.add("liga", "Līga\n2026 dace director", None, "lv", [], "ju\x1b[2Jris")
    assert added.shown_name.isprintable()
    assert acts(register)[0][0] == "operator:ju\ufffd[2Jris"
