"""The school's page in a real browser, as a teacher uses it: with the mouse, with the keyboard, on a telephone."""

from __future__ import annotations

import invented_run
import pytest

pytestmark = pytest.mark.browser

EXTRACT = invented_run.school("101", invented_run.SCHOOLS["101"])
CODES = [pupil["code"] for pupil in EXTRACT["pupils"]]
PAGES = ["/{}/", "/{}/school/101", f"/{{}}/school/101/pupil/{CODES[0]}", "/{}/support", "/{}/about"]


def _codes(page) -> list[str]:
    return page.eval_on_selector_all(
        "#pupils tbody tr[data-code]", "rows => rows.filter(r => !r.hidden).map(r => r.dataset.code)"
    )


@pytest.mark.parametrize("language", ["lv", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_without_trouble_and_without_sideways_scroll(visit, path, language):
    page = visit(path.format(language))
    assert page.locator("html").get_attribute("lang") == language
    assert page.locator("h1").count() == 1
    for width in (1280, 390, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_pupils_stand_in_order_of_need(visit):
    assert _codes(visit("/lv/school/101")) == CODES


def test_the_panel_opens_by_keyboard_shows_the_reasons_and_gives_the_focus_back(visit):
    page = visit("/lv/school/101")
    link = page.locator("#pupils a.open").nth(1)
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#panel[open] h1")
    assert CODES[1] in page.locator("#panel h1").inner_text()
    assert "Neattaisnoti kavētas stundas pēdējās 8 nedēļās: 27; klasē parasti 4" in page.locator("#panel").inner_text()
    assert page.evaluate("document.getElementById('panel').contains(document.activeElement)")
    page.keyboard.press("Escape")
    page.wait_for_selector("#panel:not([open])", state="attached")
    assert page.evaluate("document.activeElement.textContent") == CODES[1]
    assert page.url.endswith("/lv/school/101")


def test_the_panel_offers_support_for_its_reasons_and_health_only_when_asked(visit):
    page = visit("/lv/school/101")
    page.locator("#pupils a.open").first.click()
    page.wait_for_selector("#panel[open] h1")
    support = page.locator("#panel .support")
    assert support.get_by_role("heading", name="Pedagoga konsultācija mācību priekšmetā").is_visible()
    assert not support.get_by_text("Surdotulka atbalsts").is_visible()
    support.locator("details.people summary").first.click()
    assert support.get_by_text("Surdotulka atbalsts").is_visible()


def test_a_filter_announces_how_many_are_left_and_clearing_brings_all_back(visit):
    page = visit("/lv/school/101")
    status = page.locator("#shown")
    assert status.get_attribute("aria-live") == "polite"
    assert status.inner_text() == "Parādīti 30 izglītojamie no 30"
    page.select_option("#class", "9.a")
    assert status.inner_text() == "Parādīti 15 izglītojamie no 30"
    page.fill("#search", CODES[0].lower())
    assert status.inner_text() == "Parādīts 1 izglītojamais no 30"
    page.fill("#search", "nav tāda")
    assert page.locator("#none").is_visible()
    page.click("button[type=reset]")
    page.wait_for_function("document.getElementById('shown').textContent === 'Parādīti 30 izglītojamie no 30'")


def test_search_finds_without_diacritics(visit):
    page = visit("/lv/")
    page.fill("#search", "adazu")
    assert page.locator("#schools > li:visible").all_inner_texts()[0].startswith("Ādažu vidusskola")
    assert page.locator("#schools > li:visible").count() == 1


def test_sorting_says_its_direction_and_returns_to_the_order_of_need(visit):
    page = visit("/lv/school/101")
    header = page.locator('th[data-key="code"]')
    header.locator("button").click()
    assert header.get_attribute("aria-sort") == "ascending"
    assert _codes(page) == sorted(CODES)
    header.locator("button").click()
    assert header.get_attribute("aria-sort") == "descending"
    assert _codes(page) == sorted(CODES, reverse=True)
    page.locator('th[data-key="place"] button').click()
    assert _codes(page) == CODES
    assert header.get_attribute("aria-sort") is None


def test_only_those_with_a_place_can_be_shown(visit):
    page = visit("/lv/school/101")
    page.check("#within")
    assert _codes(page) == CODES[:3]


def test_the_other_language_is_one_click_away_on_the_same_page(visit):
    page = visit(f"/lv/school/101/pupil/{CODES[0]}")
    page.click("a.language")
    page.wait_for_url(f"**/en/school/101/pupil/{CODES[0]}")
    assert page.locator("html").get_attribute("lang") == "en"
    assert "Lessons missed without an excuse in the last 8 weeks: 27; usually 4 in the class" in page.inner_text("main")


def test_a_school_whose_name_is_a_script_is_shown_as_text(visit):
    page = visit("/lv/school/103")
    assert page.locator("h1").inner_text() == invented_run.SCHOOLS["103"]
    assert page.locator("main script").count() == 0
    page.locator("#pupils a.open").first.click()
    page.wait_for_selector("#panel[open] h1")
    assert page.locator("#panel script").count() == 0


def test_the_catalogue_can_be_narrowed_to_a_risk_group(visit):
    page = visit("/lv/support")
    page.select_option("#risk-group", "EK")
    shown = page.locator(".measure:visible h3").all_inner_texts()
    assert any(name.startswith("Sabiedriskā transporta biļetes") for name in shown)
    assert not any(name.startswith("Psihologa konsultācija") for name in shown)
    page.fill("#search", "edinasana")
    assert page.locator(".measure:visible").count() == 1


def test_the_page_is_walked_by_keyboard_from_the_skip_link(visit):
    page = visit("/lv/school/101")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_a_pupil_s_page_works_without_script(chromium, portal, readers):
    context = chromium.new_context(java_script_enabled=False)
    context.add_cookies(
        [
            {"name": name, "value": value, "url": portal.address}
            for name, value in readers("three.schools").cookies.items()
        ]
    )
    page = context.new_page()
    page.goto(f"{portal.address}/lv/school/101")
    page.locator("#pupils a.open").first.click()
    page.wait_for_url(f"**/pupil/{CODES[0]}")
    assert "Kāpēc?" in page.inner_text("main")
    context.close()


def test_the_panel_is_usable_at_the_width_of_a_telephone(visit):
    page = visit("/lv/school/101", 390)
    page.locator("#pupils a.open").first.click()
    page.wait_for_selector("#panel[open] h1")
    assert page.evaluate("document.getElementById('panel').scrollWidth") <= 390


@pytest.mark.parametrize("path", ["/lv/school/101", "/lv/support", "/lv/"])
def test_every_control_has_a_name_and_is_large_enough(visit, path):
    page = visit(path)
    controls = page.locator("button:visible, select:visible, input:visible")
    for control in controls.all():
        box = control.bounding_box()
        assert box["width"] >= 20
        assert box["height"] >= 20
        assert control.evaluate("e => (e.labels && e.labels.length ? e.labels[0] : e).textContent.trim().length") > 0


def test_texts_have_enough_contrast(visit):
    page = visit("/lv/school/101")
    faint = page.evaluate(CONTRAST)
    assert faint == []


CONTRAST = """
() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const part = (v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.getClientRects().length) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(ground(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) faint.push(element.tagName + " " + element.className + " " + element.textContent.slice(0, 30));
  }
  return faint;
}
"""
