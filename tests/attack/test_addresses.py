"""A20–A23, A50: addresses, queries and sizes that nobody would type; none of them is an error of the server."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from urllib.parse import quote

import invented_run
import portal_pages
import pytest
import raw_http
import served_portal

from riskmodel.runs import manifest

NOT_FOUND = {400, 404}
UP = ("../", "%2e%2e/", "%252e%252e/", "..%2f", "..%5c", "%2e%2e%5c", "..;/", "%c0%ae%c0%ae/", "..%00/")
STARTS = ("/", "/lv/", "/lv/school/", "/lv/school/101/pupil/", "/static/", "/lv/school/101/list.csv/")
PATHS = [f"{start}{up * 6}etc/passwd" for start in STARTS for up in UP] + [
    "//etc/passwd",
    "///etc/passwd",
    "/lv//etc/passwd",
    "/lv/school/101%00.json",
    "/static/portal.css%00",
    "/\\..\\..\\etc\\passwd",
    "/lv/school/101/list.csv%00.html",
    "/lv/school/101/list.csv/../../../etc/passwd",
]
IDS = [
    "../../x",
    "CON",
    "NUL",
    "9" * 300,
    "１０１",
    "१०१",
    "-1",
    "+101",
    "0x65",
    "1e2",
    "101.0",
    " 101",
    "101 ",
    "101;",
    "101,102",
    "*",
    "%",
    "'",
    '"',
    "101\n",
    "\u202e101",
    "null",
    "None",
    "[]",
    "101/../102",
]
PUPILS = [
    "../../x",
    "CON",
    "F" * 300,
    "ＡＢＣＤＥＦ",
    "abcdef",
    "*",
    "ABCDE",
    "ABCDEF%00",
    "ABCDEF\n",
    portal_pages.CODE.lower(),
    portal_pages.CODE + "\u200b",
]
QUERIES = [
    "template=lab",
    "theme=dark",
    "voila-template=lab",
    "school=102",
    "school_id=102",
    "a",
    "a=1&a=2",
    "lang=en",
    "%",
    "=",
    "&",
    "next=/lv/",
    "_xsrf=1",
    "token=1",
    "%00=1",
    "a[]=1",
]


@pytest.fixture(scope="module")
def director(readers):
    return readers("director.101")


@pytest.mark.parametrize("path", PATHS)
def test_a20_no_way_leads_out_of_the_addresses(director, path):
    answer = raw_http.send(director.served, raw_http.head(director, "GET", path))
    assert raw_http.status(answer) in NOT_FOUND
    assert b"root:" not in answer
    assert b"Traceback" not in answer


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A portal whose runs a test may spoil: each publishes its own."""
    yield from served_portal.serving(tmp_path_factory.mktemp("spoilt"), {"head": served_portal.PEOPLE["three.schools"]})


@pytest.fixture(scope="module")
def head(own):
    return own.reader("head")


def _reseal(folder: Path, name: str) -> None:
    """Let the manifest of a run vouch for a file as it is now."""
    written = manifest.read_manifest(folder)
    data = (folder / name).read_bytes()
    entry = written.files[name].model_copy(update={"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)})
    changed = written.model_copy(update={"files": {**written.files, name: entry}})
    (folder / "manifest.json").write_bytes(changed.to_bytes())


def test_a21_a_link_in_the_place_of_an_extract_is_not_followed(own, head):
    folder = invented_run.publish(own.store, "2027-01-01-00000000000a")
    extract = folder / "extracts" / "school" / "101.json"
    elsewhere = own.store.parent / "elsewhere.json"
    shutil.move(extract, elsewhere)
    extract.symlink_to(elsewhere)
    answer = head.ask("/lv/school/101")
    assert answer.status == 500
    assert portal_pages.CODE not in answer.body


@pytest.mark.parametrize(
    ("number", "file"),
    [("b", "../../sibling/extracts/school/101.json"), ("c", "/etc/passwd"), ("d", "school/../../../elsewhere.json")],
)
def test_a21_an_index_cannot_send_the_portal_into_another_folder(own, head, number, file):
    # A folder beside that begins with the same letters as the store of the runs, sealed as if it were ours.
    invented_run.publish(own.store.parent / "store-of-others")
    folder = invented_run.publish(own.store, f"2027-01-02-00000000000{number}")
    shutil.copytree(folder, folder.parent / "sibling", dirs_exist_ok=True)
    index = folder / "extracts" / "index.json"
    told = json.loads(index.read_text("utf-8"))
    told["schools"][0]["file"] = file
    index.write_text(json.dumps(told), "utf-8")
    _reseal(folder, "extracts/index.json")
    answer = head.ask(f"/lv/school/{told['schools'][0]['school_id']}")
    assert answer.status == 500
    assert "root:" not in answer.body
    assert "data-code" not in answer.body


@pytest.mark.parametrize("school_id", IDS)
def test_a22_only_a_number_that_is_a_school_is_a_school(director, school_id):
    for path in (
        "/lv/school/{}",
        "/lv/school/{}/list.csv",
        f"/lv/school/{{}}/pupil/{portal_pages.CODE}",
        "/lv/municipality/{}",
    ):
        assert director.ask(path.format(quote(school_id, safe=""))).status in {400, 403, 404}


@pytest.mark.parametrize("code", PUPILS)
def test_a22_only_a_code_that_is_a_pupil_of_this_school_is_a_pupil(director, code):
    for path in ("/lv/school/101/pupil/{}", "/lv/school/101/pupil/{}/panel", "/lv/school/101/pupil/{}/sheet.csv"):
        assert director.ask(path.format(quote(code, safe=""))).status in NOT_FOUND


@pytest.mark.parametrize("query", QUERIES)
def test_a23_no_page_takes_a_query_that_it_does_not_know(director, query):
    addresses = [*portal_pages.pages("lv"), *portal_pages.files("lv")]
    found = {
        str(one): raw_http.status(raw_http.send(director.served, raw_http.head(director, "GET", f"{one}?{query}")))
        for one in addresses
    }
    assert {path: status for path, status in found.items() if status not in {400, 403}} == {}


def test_a50_a_head_of_a_megabyte_is_refused(director):
    answer = raw_http.send(director.served, raw_http.head(director, "GET", "/lv/", f"X-Long: {'a' * 1_000_000}"))
    assert raw_http.status(answer) in {0, 400, 431}
    assert director.ask("/health").status == 200


def test_a50_ten_thousand_head_lines_are_refused(director):
    answer = raw_http.send(
        director.served, raw_http.head(director, "GET", "/lv/", *[f"X-{n}: a" for n in range(10_000)])
    )
    assert raw_http.status(answer) in {0, 400, 431}


@pytest.mark.parametrize("length", ["10000000", "99999999999999999999", "-1", "1, 2", "ten"])
def test_a50_a_body_that_is_too_long_or_of_no_length_is_not_read(director, length):
    answer = raw_http.send(
        director.served, raw_http.head(director, "POST", "/lv/login", f"Content-Length: {length}") + b"login="
    )
    assert raw_http.status(answer) in {0, 400, 413}
    assert director.ask("/health").status == 200


def test_a50_an_endless_body_in_pieces_is_cut_off(director):
    piece = b"ffff\r\n" + b"a" * 0xFFFF + b"\r\n"
    request = raw_http.head(director, "POST", "/lv/login", "Transfer-Encoding: chunked") + piece * 160
    assert raw_http.status(raw_http.send(director.served, request)) in {0, 400, 413}


def test_a50_two_lengths_at_once_are_refused(director):
    request = raw_http.head(director, "POST", "/lv/login", "Content-Length: 6", "Transfer-Encoding: chunked")
    assert raw_http.status(raw_http.send(director.served, request + b"0\r\n\r\nGET /health HTTP/1.1\r\n\r\n")) in {
        0,
        400,
    }


def test_a50_slow_senders_hold_up_nobody_and_are_cut_off(director):
    slow = [raw_http.opened(director.served) for _ in range(60)]
    for one in slow:
        one.sendall(raw_http.head(director, "POST", "/lv/login", "Content-Length: 5000") + b"login=")
    assert director.ask("/lv/about").status == 200
    # The portal gives them ten seconds, then it closes; raw_http would give up after thirty.
    assert [raw_http.status(raw_http.read(one)) for one in slow[:3]] in ([0] * 3, [400] * 3, [408] * 3)
    for one in slow:
        one.close()
