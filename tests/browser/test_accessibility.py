"""Every page in both languages: for a screen reader, for a keyboard alone, on a narrow screen."""

from __future__ import annotations

from pathlib import Path

import portal_pages
import pytest
import served_portal
from portal_pages import CODE, LANGUAGES

pytestmark = pytest.mark.browser

WIDE, NARROW, NARROWEST = 1280, 390, 320
AXE = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
"""All of axe's rules, best practices included, and the size of targets, which it leaves out by itself."""
RICHEST = ("director", "municipality", "state", "steward", "support_staff")
"""Whose page holds the most; a teacher's page of the same kind holds parts of it and a sentence of its own."""
FOCUS = """wanted => {
  const element = document.activeElement, style = getComputedStyle(element), place = element.getBoundingClientRect();
  return {
    isThere: element.matches(wanted),
    isSeen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && place.width > 0 && place.height > 0
      && place.bottom > 0 && place.right > 0 && place.top < innerHeight,
    element: element.outerHTML.slice(0, 120),
  };
}"""
LANDMARKS = "document.querySelectorAll('body > header, body > main, body > footer').length"
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
MOST_TABS = 60

PAGES = [
    (address.path, login)
    for language in LANGUAGES
    for address in portal_pages.pages(language)
    for login in [next(login for role in RICHEST for login in address.logins if login.startswith(f"{role}."))]
]
OTHERS = [
    ("/lv/", "three.schools"),  # a list of schools
    ("/en/", "two.tasks"),  # a choice of tasks
    ("/lv/school/101", "class_teacher.101"),
    (f"/lv/school/101/pupil/{served_portal.codes_of_class('101', '9.a')[0]}", "class_teacher.101"),
    ("/lv/login", ""),
    ("/en/login", ""),
]


@pytest.fixture(scope="module")
def axe():
    return pytest.importorskip("axe_playwright_python.sync_playwright").Axe()


def found_by_axe(axe, page) -> list[str]:
    """Return what axe objects to, with where it is."""
    found = axe.run(page, options=AXE).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {node['target']} {node['html'][:120]}"
        for one in found
        for node in one["nodes"]
    ]


@pytest.mark.parametrize(("path", "who"), PAGES + OTHERS)
def test_a_page_can_be_read_by_everybody(visit, axe, path, who):
    # axe comes in by the browser's tools, so that the page's own policy stays in force.
    page = visit(path, WIDE, who)
    assert page.locator("html").get_attribute("lang") == path[1:3]
    assert page.title().split(" · ")[0].strip()
    assert page.locator("h1:visible").count() == 1
    assert page.evaluate(LANDMARKS) == 3
    assert page.locator("a").first.get_attribute("href") == "#main"
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    for width in (NARROWEST, NARROW):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(SIDEWAYS) <= 0
    # Lists become cards on a telephone: it is the other half of the pages that a school's staff sees.
    for width in (NARROW, WIDE) if path.startswith("/lv/school") else (WIDE,):
        page.set_viewport_size({"width": width, "height": 800})
        assert found_by_axe(axe, page) == []


@pytest.mark.parametrize(("path", "who"), [("/lv/nothing", "director.101"), ("/en/nothing", "")])
def test_a_problem_is_told_to_everybody(chromium, portal, readers, axe, path, who):
    context = chromium.new_context(viewport={"width": NARROWEST, "height": 800})
    if who:
        name, value = readers(who).session()
        context.add_cookies([{"name": name, "value": value, "url": portal.address}])
    page = context.new_page()
    page.goto(portal.address + path)
    assert page.locator("h1:visible").count() == 1
    assert found_by_axe(axe, page) == []
    assert page.evaluate(SIDEWAYS) <= 0
    context.close()


def tab_to(page, selector: str) -> None:
    """Press Tab until an element has the focus; whatever has it on the way must show that it does."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUS, selector)
        assert focus["isSeen"], f"nobody sees the focus on {focus['element']}"
        if focus["isThere"]:
            return
    pytest.fail(f"{MOST_TABS} times Tab do not lead to {selector}")


def test_with_the_keyboard_alone_one_comes_from_the_login_to_the_printed_sheet_of_a_pupil(visit):
    page = visit("/lv/", who="")
    tab_to(page, "#login")
    page.keyboard.type("three.schools")
    tab_to(page, "#password")
    page.keyboard.type(served_portal.PASSWORD)
    tab_to(page, "button.main")
    page.keyboard.press("Enter")
    page.wait_for_selector("#schools")
    tab_to(page, "#schools a[href$='/school/101']")
    page.keyboard.press("Enter")
    page.wait_for_selector("#pupils")
    tab_to(page, "a.open")
    page.keyboard.press("Enter")
    page.wait_for_selector("#panel[open] h1")
    tab_to(page, "#panel a[href$='/sheet.pdf']")
    with page.expect_download(timeout=60_000) as printed:
        page.keyboard.press("Enter")
    assert Path(printed.value.path()).read_bytes().startswith(b"%PDF-")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate(FOCUS, "#panel a[href$='/notice']")["isThere"]
    page.keyboard.press("Enter")
    page.wait_for_selector("#notice")
    assert CODE in page.locator("#notice").inner_text()
    tab_to(page, "a[href*='/notice.pdf'], button.print")


def test_the_skip_link_is_the_first_stop_and_leads_past_the_menu(visit):
    page = visit("/lv/school/101")
    tab_to(page, ".skip")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.getElementById('main').contains(document.activeElement)")


def test_the_panel_of_a_pupil_is_read_like_a_page(visit, axe):
    page = visit("/lv/school/101")
    page.locator("a.open").nth(1).click()
    page.wait_for_selector("#panel[open] h1")
    assert found_by_axe(axe, page) == []


def test_a_login_that_fails_says_so_beside_the_field(portal, chromium, axe):
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{portal.address}/lv/login")
    page.fill("#login", "nobody.at.all")
    page.fill("#password", "wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector("#password-fault")
    assert page.locator("#password").get_attribute("aria-describedby") == "password-fault"
    assert found_by_axe(axe, page) == []
    context.close()
