"""The tools of the list and the pictures of a pupil in a real browser: paging, filters, the line of the places, paper."""

from __future__ import annotations

import re

import invented_run
import pytest
import served_portal
from visiting import Visit, login

from riskmodel.register.people import Grant
from riskmodel.views import numbers
from riskmodel.views.school_page import FIRST_ROWS, PUPILS_PER_PAGE

pytestmark = pytest.mark.browser

PUPILS = 130
NAME = invented_run.SCHOOLS["101"]
EXTRACT = invented_run.school("101", NAME, PUPILS)
BY_CODE = {pupil["code"]: pupil for pupil in EXTRACT["pupils"]}
CODES = list(BY_CODE)
SHEET_WIDTH = 688  # of A4 without its margins, in CSS pixels


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A portal with a school whose list does not fit on one part of the page."""
    folder = tmp_path_factory.mktemp("large")
    invented_run.publish(folder / "store", schools={"101": NAME}, pupils=PUPILS)
    served_portal.make_register(folder / "store", {"head": [Grant("director", "101")]})
    served = served_portal.start(folder / "store", folder / "log")
    yield served
    served.stop()


@pytest.fixture(scope="module")
def head(large):
    return large.reader("head")


@pytest.fixture
def visit(chromium, large, head):
    """Open a page as the head of the school; the test fails on any console error, dialog or foreign request."""
    opened = []

    def open_at(path: str, width: int = 1280, **context):
        one = Visit(chromium, large.address, width, **context)
        login(one, head)
        opened.append(one)
        return one.to(path)

    yield open_at
    for one in opened:
        one.context.close()
    assert [line for one in opened for line in one.trouble] == []


def _seen(page) -> list[str]:
    """Return the codes of the pupils that can be seen now."""
    return page.eval_on_selector_all(
        "#pupils tbody tr[data-code]", "rows => rows.filter(r => r.getClientRects().length).map(r => r.dataset.code)"
    )


def test_a_long_list_is_turned_in_parts_and_a_filter_goes_back_to_the_first(visit):
    page = visit("/lv/school/101")
    page.wait_for_selector("#pupils .rest", state="detached")
    assert _seen(page) == CODES[:PUPILS_PER_PAGE]
    assert page.inner_text("#span") == "1–60 no 130"
    assert page.is_disabled("#earlier")
    assert page.is_visible("#line")
    page.click("#later")
    assert _seen(page) == CODES[60:120]
    assert not page.is_visible("#line")
    page.click("#later")
    assert _seen(page) == CODES[120:]
    assert page.is_disabled("#later")
    page.select_option("#class", "9.a")
    assert _seen(page) == [code for code in CODES if BY_CODE[code]["class_code"] == "9.a"][:60]
    assert page.inner_text("#shown") == "Parādīti 65 izglītojamie no 130"


@pytest.fixture
def visit_before(chromium, large, head):
    """Open the list in a browser that was changed before the page comes; what it complains of is no fault of the page."""
    one = Visit(chromium, large.address, 1280)
    login(one, head)

    def open_after(change):
        change(one.page)
        return one.to("/lv/school/101")

    yield open_after
    one.context.close()


def test_a_long_list_can_be_used_before_its_rest_is_laid_out(visit_before):
    # Nothing is drawn as far as the page knows: what waits for its first picture does not come.
    page = visit_before(lambda page: page.add_init_script("window.requestAnimationFrame = () => 0"))
    assert _seen(page) == CODES[:FIRST_ROWS]
    assert page.inner_text("#span") == "1–60 no 130"
    assert page.inner_text("#shown") == "Parādīti 130 izglītojamie no 130"
    page.click("#later")
    assert _seen(page) == CODES[60:120]


def test_where_the_script_does_not_come_every_pupil_of_a_long_list_is_seen_in_the_end(visit_before):
    page = visit_before(lambda page: page.route("**/portal.*.js", lambda route: route.abort()))
    seen = "[...document.querySelectorAll('tr[data-code]')].filter(row => row.offsetHeight).length"
    page.wait_for_function(f"() => {seen} === {PUPILS}")


def test_without_script_every_pupil_of_a_long_list_stands_on_the_page(visit):
    page = visit("/lv/school/101", java_script_enabled=False)
    shown = [row.get_attribute("data-code") for row in page.locator("tr[data-code]").all() if row.is_visible()]
    assert shown == CODES


def test_the_line_of_the_places_is_seen_where_a_filter_hides_the_last_pupil_above_it(visit):
    page = visit("/lv/school/101")
    page.click("#later")
    assert not page.is_visible("#line")
    assert BY_CODE[CODES[2]]["class_code"] == "9.a"  # the last one with a place
    page.select_option("#class", "10.b")
    assert page.is_visible("#line")


def test_a_late_answer_does_not_take_the_place_of_the_pupil_who_was_opened_after_it(visit):
    page = visit("/lv/school/101")
    held = []
    page.route(f"**/pupil/{CODES[0]}/panel", lambda route: held.append(route))  # noqa: PLW0108  (a bound method cannot be taken)
    links = page.locator("a.open")
    links.nth(0).click()
    page.wait_for_function("() => document.getElementById('panel').open")
    page.keyboard.press("Escape")
    links.nth(1).click()
    page.wait_for_selector("#panel[open] h1")
    with page.expect_response(f"**/pupil/{CODES[0]}/panel"):
        held[0].continue_()
    page.wait_for_function("() => new Promise(done => setTimeout(() => done(true), 50))")
    assert CODES[1] in page.inner_text("#panel-content h1")


@pytest.mark.parametrize(
    ("control", "value", "fits"),
    [
        ("#stage", "grade-10", lambda pupil: pupil["stage_number"] == 10),
        ("#band", "high", lambda pupil: pupil["band_code"] == "high"),
        ("#change", "down", lambda pupil: bool(pupil["change"]) and pupil["change"]["kind"] == "down"),
        ("#change", "moved", lambda pupil: bool(pupil["change"]) and pupil["change"]["kind"] != "same"),
    ],
)
def test_a_filter_leaves_those_whom_it_names(visit, control, value, fits):
    page = visit("/lv/school/101")
    page.select_option(control, value)
    wanted = [code for code in CODES if fits(BY_CODE[code])]
    assert 0 < len(wanted) < PUPILS
    assert _seen(page) == wanted[:PUPILS_PER_PAGE]
    assert f" {len(wanted)} " in page.inner_text("#shown")


def test_reasons_of_an_area_can_be_asked_for(visit):
    page = visit("/lv/school/101")
    page.select_option("#domain", "economic")
    told = page.eval_on_selector_all(
        "#pupils tbody tr[data-code]", "rows => rows.filter(r => !r.hidden).map(r => r.dataset.domains)"
    )
    assert told
    assert [one for one in told if "economic" not in one.split()] == []


def test_what_cannot_be_told_cannot_be_chosen(visit):
    assert visit("/lv/school/101").is_disabled("#no-plan")


def test_the_line_of_the_places_moves_as_soon_as_the_number_is_saved_and_stays(visit):
    page = visit("/lv/school/101")
    assert _above_the_line(page) == 3
    assert f" {_without_a_place(3)} " in page.inner_text("#places-gap")
    page.fill("#places-number", "21")
    page.click("#places-form button")
    page.wait_for_selector("#places-said:not(:empty)")
    for place in ("#places-line", "#line-words", "#places-said"):
        assert page.inner_text(place) == "vietu pietiek 21 izglītojamajam"
    assert "Skolas vadītāja ievadīts" in page.inner_text("#places-source")
    assert (
        page.inner_text("#places-gap")
        == f"Bez vietas ir {_without_a_place(21)} izglītojamie ar augstu vai vidēju risku."
    )
    assert _above_the_line(page) == 21
    page.check("#within")
    assert _seen(page) == CODES[:21]
    assert page.locator(f"#p-{CODES[20]} .within-cell").inner_text() == "vieta ir"
    page.reload()
    assert _above_the_line(page) == 21
    assert page.input_value("#places-number") == "21"


def test_a_number_that_is_refused_is_answered_in_words_and_moves_nothing(chromium, large, head):
    one = Visit(chromium, large.address, 1280)  # its browser notes the answer 400 on its console: no trouble of ours
    login(one, head)
    page = one.to("/lv/school/101")
    before = _above_the_line(page)
    page.eval_on_selector("#places-number", "e => e.removeAttribute('max')")
    page.fill("#places-number", "131")
    page.click("#places-form button")
    page.wait_for_selector("#places-said:not(:empty)")
    assert page.inner_text("#places-said") == "Vietu skaits ir vesels skaitlis no 0 līdz 130 (tik ir izglītojamo)."
    assert _above_the_line(page) == before
    one.context.close()


def _without_a_place(places: int) -> int:
    count = sum(BY_CODE[code]["band_code"] in {"high", "medium"} for code in CODES[places:])
    assert count % 10 != 1 or count % 100 == 11  # else the words have the ending of one
    return count


def _above_the_line(page) -> int:
    return page.evaluate("[...document.querySelectorAll('#pupils tbody tr')].findIndex(r => r.id === 'line')")


def test_on_paper_the_whole_list_stands_without_tools_and_fits(visit):
    page = visit("/lv/school/101", SHEET_WIDTH)
    page.emulate_media(media="print")
    assert _seen(page) == CODES
    for tool in (".top", "#filters", "#pager", ".files", "#places-form", "#shown"):
        assert not page.locator(tool).first.is_visible(), tool
    assert page.locator("#pupils thead").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= SHEET_WIDTH
    assert page.evaluate("getComputedStyle(document.querySelector('#pupils thead')).display") == "table-header-group"


def test_a_filtered_list_is_printed_filtered(visit):
    page = visit("/lv/school/101", SHEET_WIDTH)
    page.select_option("#class", "9.a")
    page.emulate_media(media="print")
    assert _seen(page) == [code for code in CODES if BY_CODE[code]["class_code"] == "9.a"]


def test_a_notice_on_paper_shows_no_tool_and_fits_its_width(visit):
    page = visit(f"/lv/school/101/pupil/{CODES[0]}/notice", SHEET_WIDTH)
    assert page.locator("button.print").is_visible()
    page.emulate_media(media="print")
    assert not page.locator("button.print").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= SHEET_WIDTH


def _table(page, heading: str) -> list[list[str]]:
    table = page.locator("table", has=page.locator("caption", has_text=heading)).first
    return table.evaluate("t => [...t.tBodies[0].rows].map(r => [...r.cells].map(c => c.textContent.trim()))")


def test_pictures_of_the_course_of_time_have_tables_with_the_same_numbers(visit):
    one = BY_CODE[CODES[0]]
    page = visit(f"/lv/school/101/pupil/{CODES[0]}")
    trend = one["trend"]
    weeks = _table(page, "Kavētās stundas pa nedēļām")
    assert [row[1:] for row in weeks] == [
        [numbers.number(unexcused, "lv"), numbers.number(excused, "lv")]
        for unexcused, excused in zip(trend["unexcused_lessons"], trend["excused_lessons"], strict=True)
    ]
    assert ["nav datu", "nav datu"] in [row[1:] for row in weeks]
    told = page.locator("svg.figure", has=page.locator("title", has_text="Kavētās stundas pa nedēļām")).locator("desc")
    described = told.text_content()
    for week, unexcused, excused in weeks:
        said = "nav datu" if unexcused == "nav datu" else f"neattaisnoti {unexcused}, attaisnoti {excused}"
        assert f"{week}: {said}" in described
    months = _table(page, "Vidējais vērtējums pa mēnešiem")
    assert [row[1:] for row in months] == [
        [numbers.fixed(mean, "lv", 1), numbers.number(marks, "lv")]
        for mean, marks in zip(trend["mark_mean_points"], trend["marks"], strict=True)
    ]
    shown = page.locator("svg.figure", has=page.locator("title", has_text="Vidējais vērtējums")).locator("text")
    points = [text for text in shown.all_text_contents() if re.fullmatch(r"\d,\d", text)]
    assert points == [row[1] for row in months if row[1] != "nav datu"]


def test_what_if_is_told_one_by_one_and_all_together_last(visit):
    code = next(code for code in CODES if len(BY_CODE[code]["what_if"]) > 2)
    page = visit(f"/lv/school/101/pupil/{code}")
    rows = _table(page, "Vērtējums ar pieņēmumu")
    wanted = BY_CODE[code]["what_if"]
    assert [row[2] for row in rows] == [
        numbers.percent(share, "lv")
        for share in (BY_CODE[code]["probability"], *(one["probability"] for one in wanted))
    ]
    assert rows[-1][0].count("nevis") == len(wanted[-1]["feature_codes"]) > 1
    assert "nevis solījums" in page.inner_text("#what-if")
    nothing = next(code for code in CODES if not BY_CODE[code]["what_if"])
    assert visit(f"/lv/school/101/pupil/{nothing}").locator("#what-if").count() == 0
