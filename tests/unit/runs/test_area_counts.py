"""What is counted of areas, on countries of a few schools that can be counted by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import invented_country
import pytest
from invented_country import Country, School

from riskmodel.runs.area_counts import NO_MUNICIPALITY, NO_REGION, Subject, area_of, past_subjects, present_subjects

RIGA, MADONA, VARAKLANI = "LV0001000", "LV0038000", "LV0055000"
COUNTRY = Country(
    [
        School("1", RIGA, (3, 5, 42), supported=4, without_marks=6, left=2, stayed=38),
        School("2", VARAKLANI, (1, 0, 29), supported=None, left=0, stayed=30),
        School("3", None, (0, 2, 18), supported=0, is_silent=True, left=1, stayed=0),
    ]
)
RUN_ID = "2026-11-22-0123456789ab"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory):
    store = tmp_path_factory.mktemp("counts") / "store"
    return invented_country.write(store, RUN_ID, COUNTRY)


@pytest.fixture(scope="module")
def present(run) -> dict[str, Subject]:
    return {one.counted.cut.code: one for one in present_subjects(run)}


def test_every_pupil_is_counted_once_in_the_band_of_the_score(present) -> None:
    assert present["pupils"].counted.counts.tolist() == [[50], [30], [20]]
    assert present["identified"].counted.counts.tolist() == [[3, 5, 42], [1, 0, 29], [0, 2, 18]]


def test_a_school_that_names_an_old_municipality_counts_where_its_code_belongs_on_the_cut_off_date(present) -> None:
    hierarchy = present["pupils"].counted.hierarchy
    assert hierarchy.codes[1] == (RIGA, MADONA, NO_MUNICIPALITY)
    assert hierarchy.codes[2] == ("Rīga", "Vidzeme", NO_REGION)


def test_before_the_merger_it_counts_in_its_own() -> None:
    assert area_of(VARAKLANI, date(2025, 6, 30))[0] == VARAKLANI
    assert area_of(VARAKLANI, date(2025, 7, 1))[0] == MADONA


def test_a_code_that_nobody_knows_stays_a_municipality_of_its_own() -> None:
    assert area_of("LV9999999", date(2026, 11, 22)) == ("LV9999999", NO_REGION)


def test_pupils_without_data_are_counted_and_a_school_that_sent_nothing_is_named(present) -> None:
    assert present["no_data_learning"].counted.counts.tolist() == [[6, 44], [0, 30], [0, 20]]
    assert present["no_data_attendance"].counted.counts.tolist() == [[0, 50], [0, 30], [20, 0]]
    assert present["no_data_attendance"].silent == {"3"}
    assert present["no_data_learning"].silent == frozenset()
    assert present["no_data_learning"].is_completeness


def test_a_school_where_nobody_records_support_is_not_one_without_support(present) -> None:
    assert present["supported"].counted.counts.tolist() == [[4, 46], [0, 30], [0, 20]]
    assert present["supported"].silent == {"2"}


def test_where_no_school_records_support_there_is_no_table_of_it(tmp_path: Path) -> None:
    country = Country([School("1", RIGA, (1, 2, 30), supported=None, stayed=5)])
    run = invented_country.write(tmp_path / "store", RUN_ID, country)
    assert "supported" not in {one.counted.cut.code for one in present_subjects(run)}


def test_a_past_cohort_counts_whose_outcome_is_known_and_who_left_early(run) -> None:
    ((known, left),) = past_subjects(run)
    assert (known.on, left.on) == (date(2025, 9, 1), date(2025, 9, 1))
    assert known.counted.counts.tolist() == [[40], [30], [1]]
    assert left.counted.counts.tolist() == [[2, 38], [0, 30], [1, 0]]
