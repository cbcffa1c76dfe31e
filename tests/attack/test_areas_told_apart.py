"""A10: no filter, no other language, role or kind of file brings a table of counts closer to one pupil.

That no hidden cell can be worked out from those that are shown is a law of the tables themselves (tests/laws); here it is
tried that the portal adds no table to them.
"""

from __future__ import annotations

import io
import re

import openpyxl
import portal_pages
import pytest
import served_portal

AREAS = {"municipality", "state"}
ADDRESSES = [one for one in (*portal_pages.pages("lv"), *portal_pages.files("lv")) if one.view in AREAS]
FILTERS = (
    "school",
    "school_id",
    "class",
    "stage",
    "sex",
    "band",
    "group",
    "from",
    "to",
    "min",
    "n_min",
    "q",
    "page",
    "day",
    "run",
    "run_id",
)
OWN_PAGE = f"/lv/municipality/{served_portal.MUNICIPALITY}"
HIDDEN = re.compile(r"slēpts", re.IGNORECASE)


@pytest.mark.parametrize("address", ADDRESSES, ids=str)
def test_a10_a_table_of_counts_takes_no_filter(readers, address):
    reader = readers("state.101")
    assert reader.ask(address.path).status == 200
    found = {key: reader.ask(f"{address.path}?{key}=101").status for key in FILTERS}
    assert {key: status for key, status in found.items() if status != 400} == {}


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a10_everybody_who_may_see_a_table_sees_the_same_one(readers, kind):
    def cells(login: str) -> list[str]:
        answer = readers(login).ask(f"{OWN_PAGE}/table.{kind}")
        assert answer.status == 200
        if kind == "csv":
            return answer.body.split(";")
        book = openpyxl.load_workbook(io.BytesIO(answer.content))
        return [str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row]

    assert cells("municipality.101") == cells("state.101") == cells("municipality.101")


def test_a10_what_is_hidden_on_a_page_is_hidden_in_its_files(readers):
    reader = readers("state.101")
    assert HIDDEN.search(reader.ask("/lv/state").body)
    assert HIDDEN.search(reader.ask("/lv/state/table.csv").body)


@pytest.mark.parametrize("code", ["LV0002000", "LV9999999", served_portal.OTHER_MUNICIPALITY])
def test_a10_a_municipality_cannot_take_the_difference_to_another(readers, code):
    assert readers("municipality.101").ask(f"/lv/municipality/{code}").status in {403, 404}
    assert readers("municipality.101").ask(f"/lv/municipality/{code}/table.csv").status in {403, 404}
    assert readers("municipality.101").ask("/lv/state/table.csv").status == 403
