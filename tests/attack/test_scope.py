"""Everybody × every address × a foreign school or pupil: what is not one's own cannot be had, by no way of asking."""

from __future__ import annotations

import re

import pytest
import served_portal
from served_portal import CODES, FOREIGN, MUNICIPALITY, OWN
from walked import ALL_ROUTES, GUARDED, MINE, NOT_MINE, NOWHERE, address, is_read

from riskmodel.portal.handlers import OPEN
from riskmodel.portal.policy import RULES
from riskmodel.register.people import ROLES

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND")
PUPILS = {code for codes in CODES.values() for code in codes}
ABOUT_A_UNIT = [route for route in GUARDED if RULES[route.access].unit in {"school", "pupil", "municipality"}]


def _holds_pupils(text: str) -> set[str]:
    return {code for code in PUPILS if code in text}


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.pattern)
def test_a01_nobody_gets_an_answer_without_coming_in_by_whatever_method(portal, route):
    stranger = portal.reader()
    for method in METHODS:
        answer = stranger.ask(address(route, MINE), method)
        assert answer.status in {302, 401, 403, 404, 405}, method
        assert _holds_pupils(answer.body) == set()
        if answer.status == 302:
            assert answer.location.startswith("/lv/login?next=")
            assert answer.body == ""


def test_a01_what_is_open_to_all_holds_no_pupil_and_no_school(portal):
    stranger = portal.reader()
    for route in (route for route in ALL_ROUTES if route.access == OPEN):
        body = stranger.ask(address(route, MINE)).body
        assert _holds_pupils(body) == set()
        assert "vidusskola" not in body


@pytest.mark.parametrize("role", ROLES)
def test_a06_a_role_gets_nothing_of_a_foreign_school_pupil_or_municipality(readers, role):
    reader = readers(f"{role}.{OWN}")
    for route in ABOUT_A_UNIT:
        rule = RULES[route.access]
        if rule.unit == "municipality" and role == "state":
            continue  # the whole state is its own
        method = "GET" if is_read(route) else "POST"
        answer = reader.ask(address(route, NOT_MINE), method)
        refused = {404} if role in rule.roles else {403, 404}
        # A form that no page of ours sent is refused before anything is looked up.
        assert answer.status in (refused | {400, 403} if method == "POST" else refused), route.pattern
        assert _holds_pupils(answer.body) == set()


@pytest.mark.parametrize("role", ROLES)
def test_a06_a_role_gets_no_view_that_is_not_its_own(readers, role):
    reader = readers(f"{role}.{OWN}")
    foreign = [route for route in GUARDED if role not in RULES[route.access].roles and is_read(route)]
    for route in foreign:
        assert reader.ask(address(route, MINE)).status in {403, 404}, route.pattern


@pytest.mark.parametrize("role", ROLES)
def test_no_page_leads_its_reader_to_a_refusal(readers, role):
    """Of addresses that differ in numbers alone one is asked for; papers in PDF are drawn elsewhere, and of the municipalities
    that the served state names one has a page.
    """
    reader, asked, left = readers(f"{role}.{OWN}"), set(), ["/lv/"]
    while left:
        page = left.pop()
        answer = reader.ask(page)
        assert answer.status in {200, 302}, page
        found = [answer.location] if answer.status == 302 else re.findall(r'href="(/lv/[^"#?]*)', answer.body)
        for link in found:
            kind = re.sub(r"[0-9A-F]+(?=/|$|\.)|LV\d+", "#", link)
            is_served = "/municipality/" not in link or MUNICIPALITY in link
            if is_served and kind not in asked and not link.endswith(".pdf"):
                asked.add(kind)
                left.append(link)
    assert len(asked) > 2


def test_a06_a_foreign_pupil_is_answered_like_one_that_does_not_exist(readers):
    head = readers(f"director.{OWN}")
    foreign, missing = head.ask(f"/lv/school/{FOREIGN}"), head.ask("/lv/school/999")
    assert foreign.status == missing.status == 404
    # Tokens of forms are letters and figures, which may hold either number.
    told, of_nobody = (re.sub(r'name="token" value="[^"]+"', "", answer.body) for answer in (foreign, missing))
    assert told.replace(FOREIGN, "") == of_nobody.replace("999", "")
    assert head.ask(f"/lv/school/{OWN}/pupil/{CODES[FOREIGN][0]}").status == 404


@pytest.mark.parametrize("login", ["former", "nobody"])
def test_a06_an_account_without_a_role_that_holds_today_sees_nothing(readers, login):
    reader = readers(login)
    for route in GUARDED:
        if is_read(route):
            assert reader.ask(address(route, MINE)).status in {403, 404}, route.pattern


def test_a07_a_foreign_school_named_anywhere_else_opens_nothing(readers):
    head = readers(f"director.{OWN}")
    own = f"/lv/school/{OWN}"
    assert head.ask(f"{own}?school={FOREIGN}").status == 400
    assert head.ask(f"{own}?school_id={FOREIGN}").status == 400
    cookie = "; ".join([*(f"{name}={value}" for name, value in head.cookies.items()), f"school={FOREIGN}"])
    for headers in (
        {"Cookie": cookie},
        {"X_School": FOREIGN, "X_Original_URL": f"/lv/school/{FOREIGN}", "X_Rewrite_URL": f"/lv/school/{FOREIGN}"},
        {"X_HTTP_Method_Override": "PUT", "Referer": f"/lv/school/{FOREIGN}"},
    ):
        answer = head.ask(own, **headers)
        assert answer.status == 200
        assert _holds_pupils(answer.body) == set(CODES[OWN])
    with_body = head.ask(own, body=f"school={FOREIGN}", **{"Content-Type": "application/x-www-form-urlencoded"})
    assert _holds_pupils(with_body.body) <= set(CODES[OWN])
    for path in (f"/lv/school/{OWN},{FOREIGN}", f"/lv/school/{OWN}/{FOREIGN}", f"/lv/school/{OWN};{FOREIGN}"):
        assert head.ask(path).status == 404


def test_a08_a_class_teacher_is_not_served_the_page_that_the_head_has_just_opened(readers):
    head, teacher = readers(f"director.{OWN}"), readers(f"class_teacher.{OWN}")
    assert _holds_pupils(head.ask(f"/lv/school/{OWN}").body) == set(CODES[OWN])
    own = set(served_portal.codes_of_class(OWN, "9.a"))
    assert _holds_pupils(teacher.ask(f"/lv/school/{OWN}").body) == own
    # And not the other way round either.
    assert _holds_pupils(head.ask(f"/lv/school/{OWN}").body) == set(CODES[OWN])
    assert own < set(CODES[OWN])


def test_a08_a_class_teacher_does_not_open_a_pupil_of_another_class(readers):
    head, teacher = readers(f"director.{OWN}"), readers(f"class_teacher.{OWN}")
    other = next(code for code in CODES[OWN] if code not in served_portal.codes_of_class(OWN, "9.a"))
    assert head.ask(f"/lv/school/{OWN}/pupil/{other}").status == 200
    for path in (f"/lv/school/{OWN}/pupil/{other}", f"/lv/school/{OWN}/pupil/{other}/panel"):
        answer = teacher.ask(path)
        assert answer.status == 404
        assert _holds_pupils(answer.body) == set()


@pytest.mark.parametrize("role", ["municipality", "state", "researcher", "steward"])
def test_a09_a_role_outside_the_school_gets_no_row_of_a_pupil(readers, role):
    reader = readers(f"{role}.{OWN}")
    for route in ABOUT_A_UNIT:
        if RULES[route.access].unit in {"school", "pupil"} and is_read(route):
            for unit in (MINE, NOT_MINE, NOWHERE):
                answer = reader.ask(address(route, unit))
                assert answer.status in {403, 404}
                assert _holds_pupils(answer.body) == set()
    # The access log names whom somebody looked at, or tried to, and nothing of them.
    shown = [route for route in GUARDED if role in RULES[route.access].roles and route.access != "audit"]
    for route in (route for route in shown if is_read(route)):
        answer = reader.ask(address(route, MINE))
        assert _holds_pupils(answer.body) == set(), route.pattern


def test_a09_a_municipality_is_shown_to_its_own_specialist_alone(readers):
    page = f"/lv/municipality/{MUNICIPALITY}"
    assert readers(f"municipality.{OWN}").ask(page).status == 200
    assert readers(f"municipality.{FOREIGN}").ask(page).status == 404


@pytest.mark.parametrize(
    "path",
    [
        '/lv"); import os; os._exit(3)#/school/101',
        "/lv%22);%20import%20os%3Bos._exit(3)%23/",
        "/lv/school/101%22%29%3Bimport%20os",
        "/lv/school/101'%2Bopen('/etc/passwd').read()%2B'",
        "/lv/school/{{31337*10007}}",
        "/lv/school/${31337*10007}",
        "/lv/__import__('os')",
        "/lv/school/101/pupil/A%0Aimport%20os",
    ],
)
def test_a48_code_in_an_address_reaches_no_kernel(readers, path):
    head = readers("three.schools")
    answer = head.ask(path.replace(" ", "%20"))
    assert answer.status in {400, 404}
    assert "313589359" not in answer.body
    assert head.ask(f"/lv/school/{OWN}").status == 200
