"""Who has come in, how long a visit holds, and how its cookie is set."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from riskmodel.portal.desk import Front
from riskmodel.portal.identity import Visitor, cookie_attributes, cookie_name
from riskmodel.portal.visits import SessionDoor, onward
from riskmodel.register.people import Grant
from riskmodel.register.store import open_register
from riskmodel.views.pages import Addresses

START = datetime(2026, 11, 28, 18, 0, tzinfo=UTC)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


class Request:
    """As much of a handler as a door looks at: the host and the cookies."""

    def __init__(self, token: str = "", host: str = "127.0.0.1:8866") -> None:
        self.request = SimpleNamespace(host=host)
        self.token = token

    def get_cookie(self, name: str) -> str | None:
        return self.token if self.token and "-session-" in name else None


class FormDoor(SessionDoor):
    def login_address(self, language: str) -> str:
        return f"/{language}/login"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def register(tmp_path, clock):
    with open_register(tmp_path / "register.sqlite3", may_create=True, clock=clock) as opened:
        opened.accounts.add("liga", "Līga", None, "lv", [Grant("director", "101")], "test")
        yield opened


@pytest.fixture
def who(register, clock):
    """Say who comes with a session's token."""
    door = FormDoor()

    async def in_thread(work):
        return work()

    door.open_for(SimpleNamespace(register=register, clock=clock, front=Front(frozenset()), in_thread=in_thread))

    def of(token: str) -> Visitor | None:
        # In a thread of its own: a browser that another test has opened keeps a loop in this one.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, door.get_user(Request(token))).result()

    return of


def _opened(register, clock) -> str:
    return register.sessions.open(register.accounts.find("liga"), clock())


def test_a_session_names_its_person_and_no_other_token_does(register, clock, who):
    token = _opened(register, clock)
    assert who(token).person.login == "liga"
    assert [who(other) for other in ("", token[:-1], token + "x", token.swapcase(), "ā", "x" * 5000)] == [None] * 6


def test_a_visit_ends_half_an_hour_after_its_last_use(register, clock, who):
    token = _opened(register, clock)
    for _ in range(3):
        clock.now += timedelta(minutes=29)
        assert who(token) is not None
    clock.now += timedelta(minutes=30)
    assert who(token) is None


def test_a_visit_ends_after_eight_hours_however_busy(register, clock, who):
    token = _opened(register, clock)
    while clock.now < START + timedelta(hours=7, minutes=50):
        clock.now += timedelta(minutes=10)
        assert who(token) is not None
    clock.now = START + timedelta(hours=8)
    assert who(token) is None


def test_a_visit_ends_when_the_account_is_disabled_or_its_roles_change(register, clock, who):
    first = _opened(register, clock)
    register.accounts.grant("liga", Grant("steward"), "test")
    assert who(first) is None
    second = _opened(register, clock)
    assert who(second) is not None
    register.accounts.disable("liga", "test")
    assert who(second) is None


def test_the_secret_of_a_visit_is_not_shown_when_the_visitor_is(register, clock, who):
    token = _opened(register, clock)
    assert token not in repr(who(token))


def test_cookies_of_two_portals_on_one_machine_have_two_names():
    front, below = Front(frozenset()), Front(frozenset(), "/portal/")
    names = {cookie_name("session", place, port) for place in (front, below) for port in (1, 2)}
    assert len(names) == 4


def test_under_https_a_cookie_is_bound_to_its_host():
    secure = Front(frozenset(), "/portal/", is_secure=True)
    assert cookie_name("session", secure, 1).startswith("__Host-")
    assert cookie_attributes(secure) == {"httponly": True, "samesite": "Lax", "secure": True, "path": "/"}
    assert cookie_attributes(Front(frozenset(), "/portal/"))["path"] == "/portal/"


@pytest.mark.parametrize(
    ("path", "is_own"),
    [
        ("/portal/lv/", True),
        ("/portal/en/school/101", True),
        ("/portal/lv/school/101/list.csv", True),
        ("/lv/", False),
        ("//evil.example/portal/lv/", False),
        ("/portal//evil.example", False),
        ("/portal/lv//evil.example", False),
        ("/portal/lv/../../evil", False),
        ("/portal/lv/%2f%2fevil", False),
        ("/portal/lv/\\evil", False),
        ("/portal/lv/\r\nX: 1", False),
        ("/portal/lv/?next=//evil", False),
        ("https://evil.example/portal/lv/", False),
        ("", False),
    ],
)
def test_a_login_leads_to_a_page_of_ours_or_to_the_start(path, is_own):
    desk = SimpleNamespace(
        front=Front(frozenset(), "/portal/"), addresses=lambda language: Addresses(language, "/portal/")
    )
    assert onward(desk, path, "lv") == (path if is_own else "/portal/lv/")
