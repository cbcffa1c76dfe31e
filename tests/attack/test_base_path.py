"""Below another path than the root, everything stays below it: the login, the way back, cookies, forms, the way out (A33)."""

from __future__ import annotations

import re

import pytest
from served_portal import OWN, serving

BASE = "/riskmodel/"


@pytest.fixture(scope="module")
def below(tmp_path_factory):
    yield from serving(tmp_path_factory.mktemp("below"), base=BASE)


def test_a_reader_is_sent_to_the_login_and_back_to_the_page_that_was_asked_for(below):
    page = f"{BASE}lv/school/{OWN}"
    reader = below.reader()
    sent = reader.ask(page)
    assert sent.status == 302
    assert sent.location == f"{BASE}lv/login?next={page}"
    came = reader.log_in(f"director.{OWN}", onward=page)
    assert (came.status, came.location) == (303, page)
    assert reader.ask(page).status == 200


def test_every_address_on_a_page_stands_below_the_path_and_answers(below):
    reader = below.reader(f"director.{OWN}")
    body = reader.ask(f"{BASE}lv/school/{OWN}").body
    addresses = set(re.findall(r'(?:href|src|action)="(/[^"#?]*)', body))
    assert len(addresses) > 5
    assert [address for address in addresses if not address.startswith(BASE)] == []
    files = {address for address in addresses if "/static/" in address}
    assert {reader.ask(address).status for address in files} == {200}


def test_the_cookie_goes_to_no_other_path_of_the_host(below):
    reader = below.reader()
    came = reader.log_in(f"director.{OWN}")
    cookies = came.headers.get_all("Set-Cookie")
    assert cookies
    assert [line for line in cookies if f"Path={BASE}" not in line] == []


def test_logging_out_leads_to_the_login_below_the_path_and_ends_the_session(below):
    reader = below.reader(f"director.{OWN}")
    kept = dict(reader.cookies)
    left = reader.post(f"{BASE}lv/logout", {"token": reader.token_on(f"{BASE}lv/about")})
    assert (left.status, left.location) == (303, f"{BASE}lv/login")
    reader.cookies = kept
    assert reader.ask(f"{BASE}lv/about").status == 302


@pytest.mark.parametrize(
    "path", ["/", "/lv/", "/lv/login", "/riskmodel", "/riskmodel/riskmodel/lv/", "/login", "//lv/"]
)
def test_nothing_answers_outside_the_path(below, path):
    reader = below.reader(f"director.{OWN}")
    assert reader.ask(path).status == 404


@pytest.mark.parametrize(
    "onward", ["/lv/about", "//evil.example/riskmodel/lv/", "/riskmodel//evil.example", "/riskmodelx/lv/"]
)
def test_a_login_leads_to_no_page_outside_the_path(below, onward):
    assert below.reader().log_in(f"director.{OWN}", onward=onward).location == f"{BASE}lv/"
