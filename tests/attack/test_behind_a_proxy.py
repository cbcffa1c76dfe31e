"""Behind a proxy: a name counts with the proxy's secret alone, whatever else a request holds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import invented_run
import proxy_in_front
import psutil
import pytest
import served_portal
from proxy_in_front import SECRET, named, send
from served_portal import FOREIGN, OWN

from riskmodel.errors import UsageError
from riskmodel.portal.app import Place, serve
from riskmodel.portal.proxy import SECRET_HEADER, USER_HEADER
from riskmodel.register.store import open_register, register_file

IDENTITY = Path(__file__).parents[2] / "reports" / "design" / "identity"
DIRECTOR = f"director.{OWN}"
USER, SHOWN = named(DIRECTOR)
OWN_PAGE = f"GET /lv/school/{OWN} HTTP/1.1"


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    folder = tmp_path_factory.mktemp("proxy")
    invented_run.publish(folder / "store")
    served_portal.make_register(folder / "store")
    served = proxy_in_front.start(folder / "store", folder)
    yield served
    served.stop()


def test_two_people_whom_the_proxy_names_are_themselves_and_see_their_own_school_alone(portal):
    for own, foreign in ((OWN, FOREIGN), (FOREIGN, OWN)):
        headers = named(f"director.{own}")
        page = send(portal.port, *headers, line=f"GET /lv/school/{own} HTTP/1.1")
        assert page.status == 200
        assert f"Vārds director.{own}" in page.body
        assert send(portal.port, *headers, line=f"GET /lv/school/{foreign} HTTP/1.1").status == 404


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (USER,),
        (SHOWN,),
        (USER, "X-Riskmodel-Secret: "),
        (USER, "X-Riskmodel-Secret: wrong"),
        (USER, f"X-Riskmodel-Secret: {SECRET[:-1]}"),
        (USER, f"X-Riskmodel-Secret: {SECRET}x"),
        (USER, f"X-Riskmodel-Secret: {SECRET.upper()}"),
        (USER, "X-Riskmodel-Secret: ā".encode()),
        (USER, b"X-Riskmodel-Secret: \xff\xfe\x80"),
        (USER, SHOWN, SHOWN),
        (USER, SHOWN, "X-Riskmodel-Secret: wrong"),
        (USER, f"X-Riskmodel-Secret: {SECRET},{SECRET}"),
        (USER, USER, SHOWN),
        (USER, SHOWN, f"X-Riskmodel-User: director.{FOREIGN}"),
        (USER, SHOWN, f"x-riskmodel-user: director.{FOREIGN}"),
        (USER, SHOWN, f"X_Riskmodel_User: director.{FOREIGN}"),
        (USER, SHOWN, f"X-Riskmodel_User: {DIRECTOR}"),
        (f"X_Riskmodel_User: {DIRECTOR}", SHOWN),
        (USER, f"X_Riskmodel_Secret: {SECRET}"),
        ("X-Riskmodel-User: ", SHOWN),
        ("X-Riskmodel-User: dirēctor".encode(), SHOWN),
        (f"Remote-User: {DIRECTOR}", f"X-Forwarded-User: {DIRECTOR}", SHOWN),
        (f"Cookie: X-Riskmodel-User={DIRECTOR}; X-Riskmodel-Secret={SECRET}",),
        (f"Authorization: token {SECRET}",),
    ],
    ids=range(25),
)
def test_whoever_is_not_named_once_with_the_secret_shown_once_is_nobody(portal, headers):
    answer = send(portal.port, *headers, line=OWN_PAGE)
    assert answer.status in {400, 401}
    assert "Vārds" not in answer.body
    if answer.status == 401:
        assert "Neviens nav pieslēdzies" in answer.body


@pytest.mark.parametrize(
    "line",
    [
        (USER, SHOWN, f" director.{FOREIGN}"),
        (USER, SHOWN, "\tx"),
        (f"X-Riskmodel-User : {DIRECTOR}", SHOWN),
        (b"X-Riskmodel-User: director\x00.101", SHOWN),
        (f"X-Riskmodel-User: {DIRECTOR}\rX-Riskmodel-User: x", SHOWN),
        (f"X-Riskmodel-User: {DIRECTOR}, director.{FOREIGN}", SHOWN),
        (f"X-Riskmodel-User: {DIRECTOR}\ud7ff".encode(), SHOWN),
    ],
    ids=range(7),
)
def test_a_header_that_two_servers_could_read_differently_lets_nobody_in(portal, line):
    answer = send(portal.port, *line, line=OWN_PAGE)
    assert answer.status in {0, 400, 401, 403}
    assert "Vārds" not in answer.body


def test_a_copy_of_the_headers_in_an_address_is_refused(portal):
    copied = f"X-Riskmodel-User={quote(DIRECTOR)}&X-Riskmodel-Secret={SECRET}"
    assert send(portal.port, line=f"GET /lv/school/{OWN}?{copied} HTTP/1.1").status == 400
    assert send(portal.port, USER, SHOWN, line=f"GET /lv/school/{OWN}?{copied} HTTP/1.1").status == 400


@pytest.mark.parametrize(
    "login", ["unknown.person", "nobody", "former", f"{DIRECTOR}' or '1'='1", "../../x", "a" * 300]
)
def test_whom_the_register_gives_no_task_is_told_so_although_the_proxy_vouches(portal, login):
    answer = send(portal.port, *named(login), line=OWN_PAGE)
    assert answer.status == 403
    assert "nav atvērta konta" in answer.body


def test_a_disabled_account_is_out_at_once_whatever_the_proxy_says(portal):
    headers = named(f"support_staff.{OWN}")
    assert send(portal.port, *headers, line=OWN_PAGE).status == 200
    with open_register(register_file(portal.store)) as register:
        register.accounts.disable(f"support_staff.{OWN}", "test")
    assert send(portal.port, *headers, line=OWN_PAGE).status == 403


def test_there_is_no_form_to_log_in_and_none_to_log_out(portal):
    assert "/logout" not in send(portal.port, USER, SHOWN, line=OWN_PAGE).body
    assert send(portal.port, USER, SHOWN, line="GET /lv/login HTTP/1.1").status == 404
    form = ("Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: same-origin", "Origin: null")
    assert send(portal.port, *form, line="POST /lv/logout HTTP/1.1", body=b"token=x").status == 401
    assert send(portal.port, USER, SHOWN, *form, line="POST /lv/logout HTTP/1.1", body=b"token=x").status == 403


def test_a_form_is_taken_from_the_person_to_whom_its_page_was_given_and_from_no_other(portal):
    form = re.search(
        r'action="(/lv/school/101/places)".*?name="token" value="(\w{64})"', _page(USER, portal), re.DOTALL
    )
    assert form
    line, body = f"POST {form[1]} HTTP/1.1", f"places=7&token={form[2]}".encode()
    sent = ("Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: same-origin", "Origin: null")
    for headers, status in (((SHOWN,), 401), (named(f"director.{FOREIGN}"), 403), ((USER, SHOWN), 303)):
        assert send(portal.port, *headers, *sent, line=line, body=body).status == status


def _page(user: str, portal) -> str:
    return send(portal.port, user, SHOWN, line=OWN_PAGE).body


def test_a_foreign_host_is_refused_before_anything_is_looked_at(portal):
    raw = send(portal.port, USER, SHOWN, line="GET /lv/ HTTP/1.0\r\nHost: evil.example")
    assert raw.status == 400


def test_neither_secret_nor_canary_stands_in_a_page_log_command_or_kernel(portal):
    pages = [
        send(portal.port, USER, SHOWN, line=f"GET /lv/{page} HTTP/1.1") for page in (f"school/{OWN}", "about", "x")
    ]
    known = (SECRET, served_portal.CANARY)
    assert [page.status for page in pages if any(text in page.head + page.body for text in known)] == []
    assert [text for text in known if text in portal.log.read_text("utf-8")] == []
    server = psutil.Process(portal.process.pid)
    # A kernel that has just ended has neither words nor variables any more.
    children = [child for child in server.children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]
    assert children
    for child in children:
        said = " ".join(child.cmdline()) + (Path("/proc") / str(child.pid) / "environ").read_bytes().decode()
        assert not any(text in said for text in known)
    assert SECRET not in " ".join(server.cmdline())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "portal.example.lv"])
def test_a_portal_that_others_could_reach_does_not_start_behind_a_proxy(portal, host):
    secret = portal.log.parent / "proxy.secret"
    for is_behind_https in (False, True):
        place = Place(portal.store, "proxy", host, proxy_secret=secret, is_behind_https=is_behind_https)
        with pytest.raises(UsageError, match="whoever reaches it can send headers"):
            serve(place)


def test_both_examples_of_a_proxy_set_both_headers_and_let_no_other_spelling_through():
    nginx, apache = ((IDENTITY / file).read_text("utf-8") for file in ("nginx.conf", "apache.conf"))
    for header in (USER_HEADER, SECRET_HEADER):
        assert f"proxy_set_header {header} " in nginx
        assert f"RequestHeader set {header} " in apache
        assert f"RequestHeader unset {header.replace('-', '_')}" in apache
    assert "underscores_in_headers off;" in nginx
    assert "http://127.0.0.1:8866" in nginx
    assert "http://127.0.0.1:8866/" in apache


@pytest.fixture
def nginx(portal, tmp_path):
    """The documented nginx in front of the portal, where nginx is installed; whoever comes is the director of a school."""
    program = os.environ.get("RISKMODEL_NGINX") or shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if not program:
        pytest.skip("nginx is not installed; RISKMODEL_NGINX may name it")
    (tmp_path / "secret.conf").write_text(f'proxy_set_header X-Riskmodel-Secret "{SECRET}";\n')
    text = (IDENTITY / "nginx.conf").read_text("utf-8")
    with proxy_in_front.socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    changes = {
        r"listen 443 ssl;": f"listen 127.0.0.1:{port};",
        r"ssl_certificate\w* [^;]*;": "",
        r"auth_request /[^;]*;": f"set $riskmodel_login {DIRECTOR};",
        r"auth_request_set [^;]*;": "",
        r"127\.0\.0\.1:8866": f"127.0.0.1:{portal.port}",
        r"/etc/nginx/riskmodel-secret\.conf": str(tmp_path / "secret.conf"),
    }
    for pattern, put in changes.items():
        text, count = re.subn(pattern, put, text)
        assert count, pattern
    places = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {tmp_path}/pid; error_log {tmp_path}/error.log;\n"
        f"events {{}}\nhttp {{ access_log off; {places}\n{text}\n}}\n"
    )
    process = subprocess.Popen([program, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")])
    until = time.monotonic() + proxy_in_front.START_SECONDS
    while True:
        try:
            send(port)
            break
        except ConnectionRefusedError:
            assert process.poll() is None, (tmp_path / "error.log").read_text()
            assert time.monotonic() < until
            time.sleep(0.05)
    yield port
    process.terminate()
    process.wait(timeout=proxy_in_front.START_SECONDS)


def test_nginx_as_documented_names_its_own_visitor_whatever_the_visitor_sends(nginx):
    for headers in ((), named(f"director.{FOREIGN}"), named(f"director.{FOREIGN}", "wrong"), ("X_Riskmodel_User: x",)):
        page = send(nginx, *headers, line=OWN_PAGE)
        assert page.status == 200
        assert f"Vārds {DIRECTOR}" in page.body
