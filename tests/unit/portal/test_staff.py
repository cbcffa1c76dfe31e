"""People of a school in the forms of support: named by their names, chosen by their logins."""

from __future__ import annotations

from datetime import UTC, datetime

from riskmodel.portal.acting import Staff
from riskmodel.register.accounts import Account
from riskmodel.register.people import Person


def account(login: str, name: str, is_disabled: bool = False) -> Account:
    at = datetime(2025, 1, 10, tzinfo=UTC)
    return Account(Person(1, login, name, "lv", ()), True, at, at if is_disabled else None)


def test_two_of_one_name_are_told_apart_and_who_left_is_named_but_not_offered():
    staff = Staff.of(
        [account("anna", "Anna Ozola"), account("anna.b", "Anna Ozola"), account("juris", "Juris Kalns", True)]
    )
    assert staff.choices() == [("anna", "Anna Ozola (anna)"), ("anna.b", "Anna Ozola (anna.b)")]
    assert staff.name("juris") == "Juris Kalns"


def test_who_is_chosen_already_stays_in_the_list():
    staff = Staff.of([account("anna", "Anna Ozola"), account("juris", "Juris Kalns", True)])
    assert staff.choices("juris") == [("anna", "Anna Ozola"), ("juris", "Juris Kalns")]
    assert staff.choices("gone") == [("anna", "Anna Ozola"), ("gone", "gone")]
    assert staff.choices("anna") == staff.choices("") == [("anna", "Anna Ozola")]


def test_people_are_chosen_from_in_the_order_of_the_latvian_alphabet():
    names = [
        "Čakste Zane",
        "Celms Juris",
        "Zariņa Anna",
        "Ābele Līga",
        "Āre Ieva",
        "Arājs Jānis",
        "Šmits Uģis",
        "Siliņa Ina",
    ]
    staff = Staff.of([account(f"p{number}", name) for number, name in enumerate(names)])
    assert [name for _, name in staff.choices()] == [
        *("Arājs Jānis", "Ābele Līga", "Āre Ieva", "Celms Juris", "Čakste Zane"),
        *("Siliņa Ina", "Šmits Uģis", "Zariņa Anna"),
    ]
