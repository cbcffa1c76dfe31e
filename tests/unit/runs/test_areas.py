"""The step of areas on real files: two runs in one store, what they show, and what the second may not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import invented_country
import pyarrow.parquet as pq
import pytest
from invented_country import Country, School

from riskmodel.errors import RunFailedError
from riskmodel.portal.published import open_current

RIGA, MADONA, VARAKLANI, OGRE = "LV0001000", "LV0038000", "LV0055000", "LV0040000"
FIRST, SECOND = "2026-05-15-0123456789ab", "2026-11-22-0123456789ab"
COUNTRY = Country(
    [
        School("11", RIGA, (12, 20, 200), supported=30, left=14, stayed=150),
        School("12", RIGA, (11, 14, 160), supported=20, left=12, stayed=140),
        School("13", RIGA, (13, 18, 150), supported=25, left=15, stayed=120),
        School("21", VARAKLANI, (1, 2, 90), supported=None, left=1, stayed=80),
        School("22", MADONA, (10, 14, 120), supported=15, is_silent=True, left=12, stayed=90),
        School("23", MADONA, (12, 11, 110), supported=18, left=13, stayed=100),
    ]
)
BEFORE = replace(COUNTRY, cut_off=date(2026, 5, 15))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory):
    store = tmp_path_factory.mktemp("areas") / "store"
    return [
        invented_country.publish(store, FIRST, BEFORE),
        # Half a year later all pupils are counted anew; of the past cohort, one outcome was corrected.
        invented_country.publish(store, SECOND, COUNTRY.corrected("11", left=15, stayed=149)),
    ]


def test_there_is_an_extract_of_each_municipality_of_the_day_and_of_no_other(runs) -> None:
    files = {path.stem for path in (runs[1].folder / "extracts" / "municipality").glob("*.json")}
    assert len(files) == 42
    assert MADONA in files
    assert VARAKLANI not in files
    published = open_current(runs[1].store)
    assert published.municipalities == files
    assert published.municipality(MADONA)["municipality"]["name"] == "Madonas novads"
    assert published.has_state


def test_a_school_of_a_merged_municipality_stands_with_the_one_that_it_belongs_to(runs) -> None:
    extract = invented_country.municipality_of(runs[1], MADONA)
    assert [one["school_id"] for one in extract["schools"]] == ["21", "22", "23"]
    assert extract["own"]["figures"]["pupils"] == {"count": 93 + 144 + 133, "state": "shown"}


def test_small_numbers_are_hidden_none_and_no_data_are_told_apart(runs) -> None:
    schools = {one["school_id"]: one for one in invented_country.municipality_of(runs[1], MADONA)["schools"]}
    assert schools["21"]["figures"]["identified"] == {"count": None, "state": "suppressed"}
    assert schools["21"]["figures"]["supported"] == {"count": None, "state": "no_data"}
    assert schools["22"]["figures"]["no_data_attendance"]["state"] == "no_data"
    assert schools["22"]["silent_on"] == ["attendance"]
    assert schools["23"]["figures"]["no_data_attendance"] == {"count": 0, "state": "shown"}


def test_the_gap_is_of_the_two_figures_that_are_shown_and_hidden_where_one_of_them_is(runs) -> None:
    schools = {one["school_id"]: one["figures"] for one in invented_country.municipality_of(runs[1], RIGA)["schools"]}
    assert schools["11"]["gap"] == {"count": 32 - 23, "state": "shown"}
    hidden = invented_country.municipality_of(runs[1], MADONA)["schools"][0]["figures"]
    assert hidden["gap"]["state"] == "suppressed"


def test_a_municipality_without_schools_has_no_data_and_not_none(runs) -> None:
    figures = invented_country.municipality_of(runs[1], OGRE)["own"]["figures"]
    assert {one["state"] for one in figures.values()} == {"no_data"}


def test_the_trend_holds_both_runs_and_the_ledger_what_each_released(runs) -> None:
    trend = invented_country.state_of(runs[1])["trend"]
    assert [point["cut_off_on"] for point in trend] == ["2026-05-15", "2026-11-22"]
    assert [point["areas"]["LV"]["identified"]["count"] for point in trend] == [138, 138]
    ledgers = [pq.read_table(run.tables / "released_cell.parquet").to_pandas() for run in runs]
    assert {
        (cut, on.isoformat()) for cut, on in zip(ledgers[0]["cut_code"], ledgers[0]["subject_on"], strict=True)
    } >= {
        ("identified", "2026-05-15"),
        ("left", "2025-09-01"),
    }
    assert "left" not in set(ledgers[1]["cut_code"])


def test_an_outcome_that_was_corrected_is_held_with_its_reason_and_the_earlier_table_stays(runs) -> None:
    first, second = (invented_country.state_of(run) for run in runs)
    assert second["outcomes"][0]["areas"] == first["outcomes"][0]["areas"]
    assert first["held"] == []
    assert second["held"] == [
        {
            "cut_code": "left",
            "subject_on": "2025-09-01",
            "reason_code": "changed_by_few",
            "shown_from_run_id": FIRST,
        }
    ]
    assert second["outcomes"][0]["held_because"] == "changed_by_few"


def test_a_second_run_of_one_cut_off_date_with_two_pupils_more_shows_the_counts_of_the_first(tmp_path: Path) -> None:
    store = tmp_path / "store"
    first = invented_country.publish(store, SECOND, COUNTRY)
    corrected = COUNTRY.corrected("11", bands=(14, 20, 198))
    second = invented_country.publish(store, "2026-11-22-ffffffffffff", corrected)
    found = [invented_country.state_of(run) for run in (first, second)]
    assert found[0]["state"]["figures"]["identified"] == found[1]["state"]["figures"]["identified"]
    assert {(one["cut_code"], one["reason_code"]) for one in found[1]["held"]} == {("identified", "changed_by_few")}
    assert [point["run_id"] for point in found[1]["trend"]] == ["2026-11-22-ffffffffffff"]


@pytest.mark.parametrize("harm", ["ledger is gone", "ledger was changed", "manifest was changed"])
def test_nothing_is_released_beside_an_earlier_run_whose_release_is_not_known_any_more(
    tmp_path: Path, harm: str
) -> None:
    store = tmp_path / "store"
    first = invented_country.publish(store, FIRST, BEFORE)
    ledger = first.tables / "released_cell.parquet"
    if harm == "ledger is gone":
        ledger.unlink()
    elif harm == "ledger was changed":
        ledger.write_bytes(ledger.read_bytes() + b" ")
    else:
        (first.folder / "manifest.json").write_text("{}", "utf-8")
    with pytest.raises(RunFailedError, match="what it has shown"):
        invented_country.publish(store, SECOND, COUNTRY)


def test_the_summaries_hold_what_the_extracts_hold_and_no_hidden_count(runs) -> None:
    for name in ("municipality_summary", "state_summary"):
        rows = runs[1].read(name)
        assert (rows["count"].notna() == (rows["state_code"] == "shown")).all()
    rows = runs[1].read("state_summary")
    own = rows[(rows["unit_code"] == "LV") & (rows["figure_code"] == "identified")]
    assert own["count"].tolist() == [138]
