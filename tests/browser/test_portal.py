"""The running portal, asked by raw HTTP: what it answers, what it refuses, and what it leaves behind."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import conftest
import invented_run
import pytest

from riskmodel.errors import UsageError
from riskmodel.portal import app, handlers, published

HEADERS = ("Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy")
CODE = invented_run.school("101", "x")["pupils"][0]["code"]


def _ask(portal, path, method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", portal.port, timeout=30)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read().decode("utf-8", errors="replace")
    connection.close()
    return answer, body


def _wait_for_kernels(portal, most):
    until = time.monotonic() + 10
    while portal.kernels() > most and time.monotonic() < until:
        time.sleep(0.2)
    return portal.kernels()


@pytest.mark.parametrize(
    "path",
    ["/", "/lv/", "/lv/school/101", f"/en/school/101/pupil/{CODE}/panel", "/lv/about", "/health", "/none", "/lv/?a=1"],
)
def test_every_answer_carries_the_security_headers(portal, path):
    answer, _ = _ask(portal, path)
    assert [name for name in HEADERS if not answer.headers[name]] == []
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
    assert answer.headers["Server"] is None


@pytest.mark.parametrize(
    "path",
    [
        "/voila/files/school.ipynb",
        "/voila/static/voila.js",
        "/voila/templates/lab/static/x.js",
        "/voila/render/school.ipynb",
        "/voila/query/0a0a0a0a-0a0a-0a0a-0a0a-0a0a0a0a0a0a",
        "/api/kernels",
        "/api/contents",
        "/api/sessions",
        "/api/terminals",
        "/login",
        "/static/portal.css",
        "/static/../handlers.py",
        "/static/%2e%2e/handlers.py",
        "/lv/school/../../etc/passwd",
        "/lv/school/%2e%2e%2f101",
        "/lv/school/101%00",
        "/lv/school/99999999999",
        "/lv/school/%EF%BC%91%EF%BC%90%EF%BC%91",
        "/lv/school/104",
        "/lv/school/101/pupil/ABCDEF",
        "/lv/school/102/pupil/" + CODE,
        "/de/school/101",
        "//example.org/",
    ],
)
def test_what_is_not_a_page_is_not_found(portal, path):
    answer, body = _ask(portal, path)
    assert answer.status in {400, 404}
    assert "Traceback" not in body


@pytest.mark.parametrize("query", ["template=lab", "theme=dark", "school=102", "a", "lang=en&lang=lv"])
def test_a_query_is_refused(portal, query):
    answer, _ = _ask(portal, f"/lv/?{query}")
    assert answer.status == 400


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:80", "", "[::1"])
def test_a_foreign_host_is_refused(portal, host):
    answer, _ = _ask(portal, "/lv/", Host=host)
    assert answer.status == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_pages_are_read_only(portal, method):
    answer, _ = _ask(portal, "/lv/", method=method, **{"Content-Length": "0"})
    assert answer.status == 405


def test_head_is_answered_like_get_without_content(portal):
    answer, body = _ask(portal, "/lv/", method="HEAD")
    assert (answer.status, body) == (200, "")


def test_a_page_asked_for_twice_is_the_same_to_the_byte(portal):
    assert _ask(portal, "/lv/school/102")[1] == _ask(portal, "/lv/school/102")[1]


def test_no_kernel_stays_but_the_ones_that_wait(portal):
    for path in ("/lv/school/103", "/en/school/103", "/en/school/102", "/en/support"):
        assert _ask(portal, path)[0].status == 200
    assert _wait_for_kernels(portal, app.READY_KERNELS) <= app.READY_KERNELS


def test_a_secret_of_the_server_s_environment_is_in_no_page_and_no_kernel(portal):
    assert conftest.CANARY not in _ask(portal, "/lv/about")[1]
    tasks = [
        line.split()
        for line in subprocess.run(
            ["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True
        ).stdout.splitlines()
    ]
    kernels = [line[0] for line in tasks if line[1] == str(portal.process.pid) and "ipykernel_launcher" in line]
    assert kernels
    for pid in kernels:
        assert conftest.CANARY.encode() not in Path(f"/proc/{pid}/environ").read_bytes()


def test_static_files_are_named_by_their_content_and_linked_from_pages(portal):
    _, page = _ask(portal, "/lv/")
    for address in re.findall(r'(?:href|src)="(/static/[^"]+)"', page):
        answer, _ = _ask(portal, address)
        assert answer.status == 200
        assert "immutable" in answer.headers["Cache-Control"]
    assert _ask(portal, "/lv/")[0].headers["Cache-Control"] == "no-store"


def test_the_sign_of_life_names_the_run(portal):
    assert json.loads(_ask(portal, "/health")[1]) == {"state": "ok", "run_id": invented_run.RUN["run_id"]}


def test_every_route_answers_through_the_portal_s_own_handler():
    assert [pattern for pattern, handler in handlers.ROUTES if not issubclass(handler, handlers.PortalHandler)] == []


@pytest.fixture
def own(tmp_path):
    """A portal of its own, with a store that a test may change."""
    invented_run.publish(tmp_path / "store")
    served = conftest.start(tmp_path / "store", tmp_path / "log")
    yield served
    served.process.terminate()
    served.process.wait(timeout=20)


def test_a_new_run_is_shown_and_a_changed_extract_is_an_error_without_data(own):
    assert invented_run.RUN["run_id"] in _ask(own, "/lv/school/101")[1]
    newer = "2027-05-22-0123456789ab"
    folder = invented_run.publish(own.store, newer)
    assert newer in _ask(own, "/lv/school/101")[1]
    path = folder / "extracts" / "school" / "102.json"
    path.write_text(path.read_text("utf-8").replace("Ādažu", "Canary"), "utf-8")
    answer, body = _ask(own, "/lv/school/102")
    assert answer.status == 500
    assert re.search(r"Atsauces numurs: [0-9a-f]{8}", body)
    assert "Canary" not in body + own.log.read_text("utf-8")


def test_a_run_of_real_data_that_becomes_current_is_not_shown(own):
    invented_run.publish(own.store, "2027-05-22-0123456789ab", origin="real")
    answer, body = _ask(own, "/lv/school/101")
    assert answer.status == 500
    assert CODE not in body


def test_the_portal_stops_when_told_and_leaves_no_kernel(own):
    assert _ask(own, "/lv/school/101")[0].status == 200
    pids = subprocess.run(["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout
    kernels = [line.split()[0] for line in pids.splitlines() if f" {own.process.pid} " in line and "ipykernel" in line]
    own.process.terminate()
    assert own.process.wait(timeout=20) == 0
    after = subprocess.run(["ps", "-eo", "pid"], capture_output=True, text=True, check=True).stdout.split()
    assert set(kernels) & set(after) == set()


def test_real_data_are_refused_with_the_reason(tmp_path):
    invented_run.publish(tmp_path, origin="real")
    with pytest.raises(UsageError) as error:
        published.open_current(tmp_path)
    assert "nav pieslēgšanās" in error.value.in_language("lv")


def test_a_store_without_a_run_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(UsageError) as error:
        app.serve(tmp_path)
    assert "riskmodel run" in error.value.in_language("en")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_an_address_that_others_reach_is_refused(tmp_path, host):
    invented_run.publish(tmp_path)
    with pytest.raises(UsageError, match="this machine only"):
        app.serve(tmp_path, host)


def test_a_port_in_use_is_refused_with_the_remedy(portal):
    code = conftest.SERVE.replace("port=0", f"port={portal.port}")
    found = subprocess.run(
        [sys.executable, "-c", code, str(portal.store)], capture_output=True, text=True, timeout=60, check=False
    )
    assert found.returncode != 0
    assert "--port" in found.stderr


def test_an_extract_that_the_manifest_does_not_name_is_not_opened(tmp_path):
    folder = invented_run.publish(tmp_path)
    found = published.open_current(tmp_path)
    assert found.school("101") is not None
    assert found.school("../101") is None
    (folder / "extracts" / "school" / "555.json").write_text("{}", "utf-8")
    assert found.school("555") is None


def test_a_voila_py_in_the_working_directory_is_not_executed(tmp_path):
    invented_run.publish(tmp_path / "store")
    (tmp_path / "voila.py").write_text("from pathlib import Path; Path('executed').touch()", "utf-8")
    (tmp_path / "voila.json").write_text("{}", "utf-8")
    code = (
        "import sys; sys.path.pop(0); from pathlib import Path; from riskmodel.portal.app import Portal; "
        "Portal(Path('store'), print, ip='127.0.0.1', port=0).initialize([])"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, timeout=60, check=True)
    assert not (tmp_path / "executed").exists()
