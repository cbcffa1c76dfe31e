"""Who pretends to be somebody: headers, cookies, tokens, links, and forms of other pages."""

from __future__ import annotations

import re
import socket
import sqlite3
from contextlib import closing
from urllib.parse import quote

import pytest
import served_portal
from served_portal import OWN, PASSWORD, serving
from walked import ALL_ROUTES, GUARDED, MINE, address, is_read

from riskmodel.portal.handlers import HEADERS
from riskmodel.portal.proxy import SECRET_HEADER, USER_HEADER

SCHOOL = f"/lv/school/{OWN}"
IDENTITY_HEADERS = (
    "X-Remote-User",
    "Remote-User",
    "X-Forwarded-User",
    "X-Auth-Request-User",
    USER_HEADER,
    "Authorization",
    "X-JupyterHub-User",
)


def raw(portal, lines: list[str], body: bytes = b"") -> tuple[int, str]:
    """Send a request that no library would send, and return status and text of the answer."""
    with socket.create_connection(("127.0.0.1", portal.port), timeout=30) as connection:
        connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + body)
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    text = b"".join(parts).decode("utf-8", errors="replace")
    return int(text.split(" ")[1]), text


@pytest.mark.parametrize("header", IDENTITY_HEADERS)
def test_a02_a_header_that_names_a_user_lets_nobody_in(portal, header):
    value = "Basic ZGlyZWN0b3IuMTAxOng=" if header == "Authorization" else f"director.{OWN}"
    answer = portal.reader().ask(SCHOOL, **{header: value})
    assert (answer.status, answer.body) == (302, "")


def test_a02_a_header_that_names_another_user_changes_nobody(readers):
    teacher = readers(f"class_teacher.{OWN}")
    plain = teacher.ask("/lv/support")
    for header in IDENTITY_HEADERS:
        answer = teacher.ask("/lv/support", **{header: f"director.{OWN}"})
        assert answer.body == plain.body


def test_a03_a_user_header_twice_with_underscores_or_beside_a_query_lets_nobody_in(portal):
    names = [f"X-Remote-User: director.{OWN}", f"X_Remote_User: director.{OWN}", f"Remote_User: director.{OWN}"]
    host = f"Host: 127.0.0.1:{portal.port}"
    for path in (SCHOOL, f"{SCHOOL}?user=director.{OWN}"):
        for given in (names, [names[0], names[0]], [names[1], "X-Remote-User: steward.101"]):
            status, text = raw(portal, [f"GET {path} HTTP/1.1", host, *given])
            assert status in {302, 400}
            assert "Kalnciema" not in text


@pytest.mark.parametrize("secret", ["", "x", "ā".encode().decode("latin-1"), "x" * 4000, "canary-4711-secret"])
def test_a04_a_secret_header_lets_nobody_in_where_no_proxy_is_configured(portal, secret):
    lines = [f"GET {SCHOOL} HTTP/1.1", f"Host: 127.0.0.1:{portal.port}", f"{USER_HEADER}: director.{OWN}"]
    for given in ([f"{SECRET_HEADER}: {secret}"], [f"{SECRET_HEADER}: {secret}"] * 2):
        status, text = raw(portal, [*lines, *given])
        assert status in {302, 400}
        assert "Kalnciema" not in text


@pytest.mark.parametrize("query", ["token=canary", "code=canary&state=x", "jwt=canary"])
def test_a05_the_token_of_a_hub_opens_nothing_at_the_door_of_accounts(portal, query):
    answer = portal.reader().ask(f"{SCHOOL}?{query}")
    assert answer.status in {302, 400}
    assert portal.reader().ask(SCHOOL, Authorization="token canary").status == 302
    assert portal.reader().ask("/oauth_callback?code=x").status in {400, 404}


def test_a19_a_token_in_one_reader_s_address_is_nowhere_afterwards(portal, readers):
    secret = "canary-of-a-query"
    one, two = readers(f"director.{OWN}"), readers(f"support_staff.{OWN}")
    assert one.ask(f"{SCHOOL}?token={secret}").status == 400
    assert one.ask(f"/lv/login?next={secret}").status in {302, 303}
    for path in (SCHOOL, "/lv/support", "/lv/"):
        assert secret not in two.ask(path).body
    assert secret not in portal.log.read_text("utf-8")
    assert f"director.{OWN}" not in portal.log.read_text("utf-8")


@pytest.mark.parametrize("path", ["/", "/lv/login", "/health", "/none", "/lv/?a=1", "/%00", SCHOOL])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT"])
def test_a27_every_answer_to_a_stranger_carries_the_headers_of_security(portal, path, method):
    _carries_all(portal.reader().ask(path, method))


def test_a27_every_route_answers_with_the_headers_of_security(readers):
    for login in (f"director.{OWN}", f"steward.{OWN}"):
        for route in ALL_ROUTES:
            if is_read(route):
                _carries_all(readers(login).ask(address(route, MINE), "HEAD"))


def test_a27_static_files_carry_the_headers_of_security(portal):
    page = portal.reader().ask("/lv/login").body
    for path in re.findall(r'(?:href|src)="(/static/[^"]+)"', page):
        answer = portal.reader().ask(path)
        assert answer.status == 200
        _carries_all(answer, but={"Cache-Control"})


def _carries_all(answer, but=frozenset()):
    assert {name: answer.headers[name] for name in HEADERS if name not in but} == {
        name: value for name, value in HEADERS.items() if name not in but
    }
    assert answer.headers["Server"] is None
    assert "Traceback" not in answer.body


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
FORGED = {
    "without a token": ({}, {}),
    "with a token of nobody": ({"token": "0" * 64}, {}),
    "with the token twice": ({"token": "OWN&token=OWN"}, {}),
    "from another site": ({"token": "OWN"}, {"Sec-Fetch-Site": "cross-site"}),
    "from a neighbour site": ({"token": "OWN"}, {"Sec-Fetch-Site": "same-site"}),
    "from another origin": ({"token": "OWN"}, {"Sec-Fetch-Site": None, "Origin": "https://evil.example"}),
    "from another port": ({"token": "OWN"}, {"Sec-Fetch-Site": None, "Origin": "http://127.0.0.1:1"}),
    "from nowhere": ({"token": "OWN"}, {"Sec-Fetch-Site": None, "Origin": None}),
    "as a text": ({"token": "OWN"}, {"Content-Type": "text/plain"}),
    "as parts": ({"token": "OWN"}, {"Content-Type": "multipart/form-data; boundary=x"}),
    "with the token of somebody else": ({"token": "OTHER"}, {}),
    "with letters that are none": ({"token": "\u0101" * 64}, {}),
}


@pytest.mark.parametrize("how", FORGED)
def test_a29_a_form_that_no_page_of_ours_sent_logs_nobody_out(portal, readers, how):
    reader, other = readers(f"subject_teacher.{OWN}"), readers(f"support_staff.{OWN}")
    fields, headers = FORGED[how]
    tokens = {"OWN": reader.token_on("/lv/support"), "OTHER": other.token_on("/lv/support")}
    body = "&".join(f"{name}={_with(value, tokens)}" for name, value in fields.items())
    given = {**FORM, "Sec-Fetch-Site": "same-origin", "Origin": "null", **headers}
    assert reader.ask("/lv/logout", "POST", body, **given).status in {400, 403}
    assert reader.ask("/lv/support").status == 200


def _with(value: str, tokens: dict[str, str]) -> str:
    for name, token in tokens.items():
        value = value.replace(name, token)
    return value if value.isascii() else quote(value)


def test_a29_the_form_to_log_in_is_bound_to_the_browser_that_got_it(portal):
    victim, attacker = portal.reader(), portal.reader()
    victim.ask("/lv/login")
    fields = {"login": f"director.{OWN}", "password": PASSWORD, "next": "", "token": attacker.token_on("/lv/login")}
    assert victim.post("/lv/login", fields).status == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "127.1", "[::1"]
)
def test_a31_another_host_name_is_refused_before_anything_is_looked_at(portal, readers, host):
    for reader in (portal.reader(), readers(f"director.{OWN}")):
        for path in (SCHOOL, "/health", "/lv/login", "/none"):
            answer = reader.ask(path, Host=host)
            assert answer.status == 400
            assert "evil" not in answer.body + answer.location


ELSEWHERE = [
    "//evil.example",
    "/\\evil.example",
    "https://evil.example/",
    "http:evil.example",
    "///evil.example/lv/",
    "/lv/../../evil",
    "/lv//evil.example",
    "\\\\evil.example",
    "/lv/\r\nSet-Cookie: x=1",
    "javascript:alert(1)",
    "/%2f%2fevil.example",
    "/lv/school/101?next=//evil.example",
    "/lv/@evil.example",
    "/lv/logout#//evil",
]


def test_a32_a_login_leads_to_our_own_pages_alone(own):
    for onward in ELSEWHERE:
        answer = own.reader().log_in(f"director.{OWN}", onward=onward)
        assert answer.status == 303
        assert answer.location == "/lv/", onward
        assert "evil" not in str(answer.headers)
        shown = own.reader().ask(f"/lv/login?next={quote(onward)}")
        assert shown.status == 200
        assert f'value="{onward}"' not in shown.body or "<" not in onward
    assert own.reader().log_in(f"director.{OWN}", onward=SCHOOL).location == SCHOOL


@pytest.fixture(scope="module")
def below(tmp_path_factory):
    """A portal below a path of its own."""
    yield from serving(tmp_path_factory.mktemp("below"), base="/skolas/portal/")


def test_a39_a_forged_cookie_or_that_of_another_portal_opens_nothing(portal, readers, below):
    name, value = readers(f"director.{OWN}").session()
    foreign = below.reader(f"director.{OWN}").session()[1]
    forged = ["", "x", value[:-1], value[:-1] + ("A" if value[-1] != "A" else "B"), value + "=", value.swapcase()]
    forged += [foreign, "null", "0", "' OR 1=1 --", "a" * 5000, "%00", "ā"]
    for cookie in forged:
        stranger = portal.reader()
        answer = stranger.ask(SCHOOL, Cookie=f"{name}={cookie}".encode().decode("latin-1"))
        assert answer.status == 302, cookie
    other = below.reader()
    other_name = below.reader(f"director.{OWN}").session()[0]
    for one in (name, other_name):
        assert other.ask(f"/skolas/portal{SCHOOL}", Cookie=f"{one}={value}").status == 302


def test_a39_of_two_session_cookies_neither_is_guessed(portal, readers):
    name, value = readers(f"director.{OWN}").session()
    for pair in (f"{name}=x; {name}={value}", f"{name}={value}; {name}=x"):
        assert portal.reader().ask(SCHOOL, Cookie=pair).status in {200, 302}


def test_a30_reading_changes_nothing(own):
    """GET and HEAD of every route, as director and as steward: all tables but audit, sessions and tries stay as they are."""
    for login in (f"director.{OWN}", f"steward.{OWN}"):
        reader = own.reader(login)
        before = _tables(own)
        for route in GUARDED:
            for method in ("GET", "HEAD"):
                reader.ask(address(route, MINE), method)
        assert _tables(own) == before
        assert reader.ask("/lv/support").status == 200


def _tables(served) -> dict[str, list[str]]:

    with closing(sqlite3.connect(served.register_file)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        kept = [name for name in names if name not in {"audit_entry", "audit_head", "session", "failed_login"}]
        return {name: sorted(map(repr, connection.execute(f"SELECT * FROM {name}"))) for name in kept}


CANARY_NAME = "Canary-Kārlis-Bērziņš"
ALTERED = f"""
import riskmodel.portal.pace as pace, riskmodel.portal.school_pages as pages
pace.MOST_PUPILS = 4
whole = pages.cut_school
def broken(extract, scope):
    found = whole(extract, scope)
    return found if "/" in scope.unit else {{**found, "pupils": [{{"{CANARY_NAME}": 1}}]}}
pages.cut_school = broken
"""


@pytest.fixture(scope="module")
def altered(tmp_path_factory):
    """A portal whose list of a school fails, and whose readers may open four pupils."""
    yield from serving(tmp_path_factory.mktemp("altered"), before=ALTERED)


def test_a42_a_view_that_fails_shows_and_logs_no_text_of_its_error(altered):
    answer = altered.reader(f"director.{OWN}").ask(SCHOOL)
    assert answer.status == 500
    assert re.search(r"Atsauces numurs: [0-9a-f]{8}", answer.body)
    assert CANARY_NAME not in answer.body + str(answer.headers) + altered.log.read_text("utf-8")
    assert "KeyError" not in answer.body
    assert altered.reader(f"director.{OWN}").ask("/lv/support").status == 200


def test_a45_who_opens_very_many_pupils_is_slowed_down_and_told_of(altered):
    head = altered.reader(f"director.{OWN}")
    codes = served_portal.CODES[OWN]
    pages = [f"{SCHOOL}/pupil/{code}/panel" for code in codes[:4]]
    assert [head.ask(path).status for path in [*pages, *pages]] == [200] * 8
    assert [head.ask(f"{SCHOOL}/pupil/{code}").status for code in codes[4:7]] == [429] * 3
    # What was open stays open, and others are not held up.
    assert head.ask(pages[0]).status == 200
    assert altered.reader(f"support_staff.{OWN}").ask(f"{SCHOOL}/pupil/{codes[5]}").status == 200
    log = altered.reader(f"steward.{OWN}").ask("/lv/audit?action=mass_reading").body
    assert log.count("trauksme: atvērts ļoti daudz izglītojamo</strong>") == 1
