"""The pages of a municipality and of the state in a real browser."""

from __future__ import annotations

import re

import invented_areas
import pytest
from invented_run import RUN

from riskmodel.views import numbers

pytestmark = pytest.mark.browser

PAGES = {f"/{{}}/municipality/{invented_areas.CODE}": "municipality.101", "/{}/state": "state.101"}
STATE = invented_areas.state(RUN)
HIDDEN, SILENT = "Līvānu novads", "Ventspils novads"


@pytest.mark.parametrize("language", ["lv", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_of_areas_loads_without_trouble_and_without_sideways_scroll(visit, path, language):
    page = visit(path.format(language), who=PAGES[path])
    assert page.locator("html").get_attribute("lang") == language
    assert page.locator("h1").count() == 1
    for width in (1280, 390, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def _row(page, name: str) -> list[str]:
    rows = page.locator("section[aria-labelledby=areas-title] tbody tr")
    return rows.filter(has=page.locator("th", has_text=re.compile(f"^{name}$"))).locator("td").all_inner_texts()


def test_each_map_has_a_title_a_text_and_the_numbers_of_the_table(visit):
    page = visit("/lv/state", who="state.101")
    maps = page.locator("figure.map svg")
    assert maps.count() == 2
    for number in range(2):
        one = maps.nth(number)
        assert one.locator("title").first.text_content()
        described = one.locator("desc").first.text_content()
        for area in STATE["municipalities"]:
            code = ("identified", "gap")[number]
            found, pupils = area["figures"][code], area["figures"]["pupils"]
            if found["state"] != "shown":
                continue
            text = numbers.number(100 * found["count"] / pupils["count"], "lv")
            assert f"{area['name']}: {text}" in described
            share = _row(page, area["name"])[(3, 7)[number]]
            assert share.replace("\xa0", " ").removesuffix("%").strip().replace(",", ".") == text.replace(",", "."), (
                area
            )


@pytest.mark.requirement("X8")
def test_hidden_no_data_and_zero_are_told_apart_in_words_and_by_sight(visit):
    page = visit("/lv/state", who="state.101")
    assert _row(page, HIDDEN)[2] == "slēpts"
    assert set(_row(page, SILENT)[1:]) == {"nav datu"}
    looks = {
        page.locator(css).first.evaluate("cell => getComputedStyle(cell).backgroundImage.slice(0, 30)")
        for css in ("td.suppressed", "td.nodata", "td.number:not(.suppressed):not(.nodata)")
    }
    assert len(looks) == 3
    assert _row(page, "Rīga")[2] not in {"0", "slēpts", "nav datu"}


def test_the_state_goes_from_a_municipality_s_name_to_its_page(visit):
    page = visit("/lv/state", who="state.101")
    page.get_by_role("link", name="Rīga", exact=True).click()
    page.wait_for_url(f"**/lv/municipality/{invented_areas.CODE}")
    assert page.locator("h1").inner_text() == "Rīga"


def test_a_table_can_be_taken_along(visit):
    page = visit("/lv/state", who="state.101")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == "valsts-2026-11-22.csv"
    lines = download.value.path().read_text("utf-8-sig").splitlines()
    assert len(lines) == 1 + 1 + len(STATE["regions"]) + len(STATE["municipalities"])
