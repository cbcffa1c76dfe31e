"""The running portal, asked by raw HTTP: what it answers, what it refuses, and what it leaves behind."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import invented_run
import pytest
import served_portal

from riskmodel.errors import UsageError
from riskmodel.portal import app, published
from riskmodel.portal.app import Place
from riskmodel.runs.forking import kernels_of

HEADERS = ("Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy")
CODE = invented_run.school("101", "x")["pupils"][0]["code"]


@pytest.fixture(scope="module")
def director(portal):
    """A reader who has come in and holds a role in all schools of the run."""
    return portal.reader("three.schools")


def _wait_for_kernels(portal, most):
    until = time.monotonic() + served_portal.START_SECONDS
    while portal.kernels() > most and time.monotonic() < until:
        time.sleep(0.2)
    return portal.kernels()


@pytest.mark.parametrize(
    "path",
    ["/", "/lv/", "/lv/school/101", f"/en/school/101/pupil/{CODE}/panel", "/lv/about", "/health", "/none", "/lv/?a=1"],
)
def test_every_answer_carries_the_security_headers(director, path):
    answer = director.ask(path)
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
def test_what_is_not_a_page_is_not_found(director, path):
    answer = director.ask(path)
    assert answer.status in {400, 404}
    assert "Traceback" not in answer.body


@pytest.mark.parametrize("query", ["template=lab", "theme=dark", "school=102", "a", "lang=en&lang=lv"])
def test_a_query_is_refused(director, query):
    assert director.ask(f"/lv/?{query}").status == 400


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:80", "", "[::1"])
def test_a_foreign_host_is_refused(director, host):
    assert director.ask("/lv/", Host=host).status == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_pages_are_read_only(director, method):
    assert director.ask("/lv/", method, **{"Content-Length": "0"}).status == 405


def test_head_is_answered_like_get_without_content(director):
    answer = director.ask("/lv/", "HEAD")
    assert (answer.status, answer.body) == (200, "")


def test_a_page_asked_for_twice_is_the_same_to_the_byte(director):
    assert director.ask("/lv/school/102").body == director.ask("/lv/school/102").body


def test_no_kernel_stays_but_the_ones_that_wait(portal, director):
    for path in ("/lv/school/103", "/en/school/103", "/en/school/102", "/en/support"):
        assert director.ask(path).status == 200
    assert _wait_for_kernels(portal, app.READY_KERNELS) <= app.READY_KERNELS


def test_a_secret_of_the_server_s_environment_is_in_no_page_and_no_kernel(portal, director):
    assert served_portal.CANARY not in director.ask("/lv/about").body
    # Those that were ready may be gone, and their successors not yet there.
    seen, until = 0, time.monotonic() + served_portal.START_SECONDS
    while not seen and time.monotonic() < until:
        for pid in kernels_of(portal.process.pid):
            with contextlib.suppress(OSError):  # the kernel of a page that is out may end at any moment
                assert served_portal.CANARY.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
                seen += 1
        time.sleep(0.1)
    assert seen


def test_static_files_are_named_by_their_content_and_linked_from_pages(director):
    page = director.ask("/lv/")
    for address in re.findall(r'(?:href|src)="(/static/[^"]+)"', page.body):
        answer = director.ask(address)
        assert answer.status == 200
        assert "immutable" in answer.headers["Cache-Control"]
    assert page.headers["Cache-Control"] == "no-store"


def test_the_sign_of_life_says_nothing_but_that(portal):
    assert json.loads(portal.reader().ask("/health").body) == {"state": "ok"}


@pytest.fixture
def own(tmp_path):
    """A portal of its own, with a store that a test may change."""
    invented_run.publish(tmp_path / "store")
    served_portal.make_register(tmp_path / "store", {"head": served_portal.PEOPLE["three.schools"]})
    served = served_portal.start(tmp_path / "store", tmp_path / "log")
    yield served
    served.stop()


def test_a_new_run_is_shown_and_a_changed_extract_is_an_error_without_data(own):
    director = own.reader("head")
    assert invented_run.RUN["run_id"] in director.ask("/lv/school/101").body
    newer = "2027-05-22-0123456789ab"
    folder = invented_run.publish(own.store, newer)
    assert newer in director.ask("/lv/school/101").body
    path = folder / "extracts" / "school" / "102.json"
    path.write_text(path.read_text("utf-8").replace("Ādažu", "Canary"), "utf-8")
    answer = director.ask("/lv/school/102")
    assert answer.status == 500
    assert re.search(r"Atsauces numurs: [0-9a-f]{8}", answer.body)
    assert "Canary" not in answer.body + own.log.read_text("utf-8")


def test_a_run_of_real_data_is_shown_to_whom_it_concerns_and_to_nobody_else(own):
    invented_run.publish(own.store, "2027-05-22-0123456789ab", origin="real")
    assert CODE in own.reader("head").ask("/lv/school/101").body
    assert own.reader().ask("/lv/school/101").status == 302


def test_the_portal_stops_when_told_and_leaves_no_kernel(own):
    assert own.reader("head").ask("/lv/school/101").status == 200
    kernels = [str(pid) for pid in kernels_of(own.process.pid)]
    assert kernels
    own.process.terminate()
    assert own.process.wait(timeout=served_portal.END_SECONDS) == 0
    after = subprocess.run(["ps", "-eo", "pid"], capture_output=True, text=True, check=True).stdout.split()
    assert set(kernels) & set(after) == set()


def test_a_page_that_is_under_way_when_the_portal_is_told_to_stop_is_still_shown(own):
    director = own.reader("head")
    asked = director.begin("/lv/school/102")
    own.process.terminate()
    answer = asked.getresponse()
    assert answer.status == 200
    assert b"</html>" in answer.read()
    assert own.process.wait(timeout=served_portal.END_SECONDS) == 0


def test_a_store_without_a_run_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(UsageError) as error:
        app.serve(Place(tmp_path))
    assert "riskmodel run" in error.value.in_language("en")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_an_address_that_others_reach_is_refused(tmp_path, host):
    invented_run.publish(tmp_path)
    with pytest.raises(UsageError, match="HTTPS"):
        app.serve(Place(tmp_path, host=host))


def test_a_port_in_use_is_refused_with_the_remedy(portal):
    code = served_portal.SERVE.replace("port=0", f"port={portal.port}")
    found = subprocess.run(
        [sys.executable, "-c", code, str(portal.store), "{}"], capture_output=True, text=True, timeout=60, check=False
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
        "import sys; sys.path.pop(0); from pathlib import Path; from riskmodel.portal.app import Place, Portal; "
        "Portal(Place(Path('store'), port=0), None, None, print).initialize([])"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, timeout=60, check=True)
    assert not (tmp_path / "executed").exists()
