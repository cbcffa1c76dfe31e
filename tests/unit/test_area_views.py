"""The pages of a municipality and of the state, drawn from invented extracts."""

from __future__ import annotations

import re
from datetime import date

import invented_areas
import pytest
from invented_run import RUN, SCHOOLS

from riskmodel.latvia import municipalities
from riskmodel.views import area_words, areas, tile_map
from riskmodel.views.area_extract import NO_DATA, SHOWN, SUPPRESSED, figure


def municipality(language: str = "lv") -> str:
    return str(areas.municipality(invented_areas.municipality(RUN, SCHOOLS), language))


def state(language: str = "lv") -> str:
    return str(areas.state(invented_areas.state(RUN), language))


@pytest.mark.parametrize("on", [date(2021, 7, 1), date(2025, 6, 30), date(2025, 7, 1), date(2026, 11, 22)])
def test_every_municipality_of_a_day_has_its_tile(on: date):
    assert {one.code for one in municipalities(on)} <= {tile.code for tile in tile_map.tiles()}


def test_the_tiles_are_the_municipalities_since_the_reform_each_in_a_place_of_its_own():
    tiles = tile_map.tiles()
    assert {tile.code for tile in tiles} == {one.code for one in municipalities(date(2021, 7, 1))}
    assert len({(tile.column, tile.row) for tile in tiles}) == len({tile.label for tile in tiles}) == len(tiles) == 43


def test_the_map_draws_exactly_the_municipalities_of_the_day():
    page = state()
    first = page[page.index("<svg") : page.index("</svg>")]
    labels = {tile.label for tile in tile_map.tiles() if f">{tile.label}</text>" in first}
    assert len(labels) == 42
    assert "VAR" not in labels


def test_a_map_says_its_numbers_in_words_and_never_by_colour_alone():
    page = state()
    described = re.findall(r"<desc[^>]*>([^<]*)</desc>", page)[0]
    assert "Rīga: " in described
    assert "Līvānu novads: slēpts" in described
    assert "Ventspils novads: nav datu" in described
    assert ">sl.</text>" in page
    assert ">n. d.</text>" in page


def test_hidden_no_data_and_zero_look_different():
    words = area_words.Words("lv")
    looks = [
        (words.count(one), words.look(one)) for one in (figure(None, SUPPRESSED), figure(None, NO_DATA), figure(0))
    ]
    assert looks == [("slēpts", "suppressed"), ("nav datu", "nodata"), ("0", "")]
    assert len(set(looks)) == 3


def test_a_share_is_hidden_where_its_part_or_its_whole_is():
    words = area_words.Words("en")
    hidden, shown = figure(None, SUPPRESSED), figure(50)
    assert words.share(hidden, shown) == words.share(shown, hidden) == "hidden"
    assert words.share(figure(5), shown) == "10%"
    assert words.share(figure(0), figure(0)) == "no data"


@pytest.mark.parametrize(
    ("identified", "pupils", "said", "look"),
    [
        (figure(0), figure(0), "nav datu", "nodata"),
        (figure(3), figure(None, SUPPRESSED), "slēpts", "suppressed"),
        (figure(None, SUPPRESSED), figure(None, NO_DATA), "slēpts", "suppressed"),
    ],
)
def test_map_and_table_say_and_show_the_same_where_there_is_no_share(identified, pupils, said, look):
    extract = invented_areas.state(RUN)
    (riga,) = [one for one in extract["municipalities"] if one["code"] == invented_areas.CODE]
    riga["figures"] |= {"identified": identified, "pupils": pupils}
    page = str(areas.state(extract, "lv"))
    assert f"Rīga: {said}" in re.findall(r"<desc[^>]*>([^<]*)</desc>", page)[0]
    row = page[page.index(f'/municipality/{invented_areas.CODE}"') :].split("</tr>", maxsplit=1)[0]
    cells = re.findall(r'<td class="([^"]*)">([^<]*)</td>', row)
    assert cells[3] == (f"number {look}", said)


def test_a_figure_without_a_count_says_why():
    for count, state_code in ((None, SHOWN), (4, SUPPRESSED), (0, NO_DATA)):
        with pytest.raises(ValueError, match="if and only if"):
            figure(count, state_code)


@pytest.mark.parametrize("language", ["lv", "en"])
def test_schools_stand_by_name_and_are_not_ranked(language: str):
    page = municipality(language)
    places = [page.index(name) for name in ("Ādažu vidusskola", "Kalnciema ielas vidusskola")]
    assert places == sorted(places)
    said = {"lv": "alfabēta secībā", "en": "schools are not ranked"}[language]
    assert said in page


@pytest.mark.parametrize("page", [municipality(), state()])
def test_names_from_outside_are_escaped(page: str):
    assert "<script>" not in page
    assert "<b>Klusā" not in page


def test_the_page_says_why_numbers_are_missing_and_which_tables_wait():
    for page in (municipality(), state()):
        assert "mazāks par 10" in page
        assert "starpība pastāstītu par viņiem" in page
        assert "2025-11-22-0123456789ab" in page


def test_a_school_that_sent_nothing_is_named_with_what_is_missing():
    assert "<li>&lt;b&gt;Klusā&lt;/b&gt; skola, Ventspils novads: apmeklējums, mācību rezultāti</li>" in state()


def test_the_list_of_runs_says_which_are_held_and_who_released_one():
    listed = [
        {"run_id": "2026-11-22-0123456789ab", "state": "held", "cut_off_date": "2026-11-22", "finished_at": ""}
        | {"failed_gates": ["drift"], "released_by": "", "released_at": "", "reason": ""},
        {"run_id": "2026-05-22-0123456789ab", "state": "released", "cut_off_date": "2026-05-22", "finished_at": ""}
        | {"failed_gates": [], "released_by": "A. <i>Bērziņa</i>", "released_at": "2026-05-24T10:00:00+00:00"}
        | {"reason": "Skola slēgta"},
    ]
    page = str(areas.runs(listed, "lv"))
    assert "aizturēta" in page
    assert "A. &lt;i&gt;Bērziņa&lt;/i&gt;, 24.05.2026.: Skola slēgta" in page
    assert "nav" in str(areas.runs([], "lv"))


def test_one_run_makes_no_trend_and_a_hidden_run_leaves_a_gap():
    extract = invented_areas.municipality(RUN, SCHOOLS)
    extract["trend"] = extract["trend"][-1:]
    assert "Šī ir pirmā izpilde" in str(areas.municipality(extract, "lv"))
    extract = invented_areas.municipality(RUN, SCHOOLS)
    whole = str(areas.municipality(extract, "lv")).count("<polyline")
    extract["trend"][1]["areas"][invented_areas.CODE]["identified"] = figure(None, SUPPRESSED)
    broken = str(areas.municipality(extract, "lv"))
    assert broken.count("<polyline") == whole - 2
    assert "apzināti slēpts" in broken


@pytest.mark.parametrize("draw", [areas.municipality, areas.state])
def test_an_area_is_told_whether_the_individual_score_is_needed_where_that_was_asked(draw):
    extract = invented_areas.municipality(RUN, SCHOOLS) if draw is areas.municipality else invented_areas.state(RUN)
    told = {"needed": {"lv": "Šeit tikpat labi der iestādes rādītājs.", "en": "Here the school's rate does as well."}}
    assert "Šeit tikpat labi der iestādes rādītājs." in str(draw(extract | told, "lv"))
    assert "Vai vajadzīgs individuāls vērtējums?" not in str(draw(extract | {"needed": None}, "lv"))
    assert "Vai vajadzīgs individuāls vērtējums?" not in str(draw(extract, "lv"))
