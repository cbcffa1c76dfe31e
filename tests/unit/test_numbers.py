"""Numbers, dates and counts in both languages."""

from __future__ import annotations

import pytest

from riskmodel.views import numbers


@pytest.mark.parametrize(
    ("count", "latvian"),
    [
        (0, "0 izglītojamo"),
        (1, "1 izglītojamais"),
        (2, "2 izglītojamie"),
        (10, "10 izglītojamo"),
        (11, "11 izglītojamo"),
        (19, "19 izglītojamo"),
        (21, "21 izglītojamais"),
        (22, "22 izglītojamie"),
        (111, "111 izglītojamo"),
    ],
)
def test_a_count_of_pupils_takes_the_latvian_form_of_its_number(count, latvian):
    assert numbers.pupils(count, "lv") == latvian


@pytest.mark.requirement("X8")
@pytest.mark.parametrize("written", [numbers.number, numbers.percent, numbers.long_day, numbers.short_day])
def test_what_is_not_known_is_never_shown_as_zero(written):
    assert written(None, "lv") == "nav datu"
    assert written(None, "en") == "no data"


@pytest.mark.requirement("X8")
def test_zero_is_a_number_and_not_missing():
    assert numbers.number(0, "lv") == "0"
    assert numbers.percent(0, "lv") == "0\u00a0%"


def test_a_small_share_is_not_rounded_to_nothing():
    assert numbers.percent(0.0004, "lv", 1) == "<\u00a00,1\u00a0%"


def test_latvian_has_the_decimal_comma_and_english_the_point():
    assert numbers.fixed(0.8612, "lv", 2) == "0,86"
    assert numbers.fixed(0.8612, "en", 2) == "0.86"


def test_dates_are_written_as_each_language_writes_them():
    assert numbers.long_day("2026-11-22", "lv") == "2026. gada 22. novembris"
    assert numbers.short_day("2026-11-22", "lv") == "22.11.2026."
    assert numbers.day_on_which("2026-11-22", "lv") == "2026. gada 22. novembrī"
    assert numbers.long_day("2026-11-23T08:05:00+00:00", "en") == "23 November 2026"


@pytest.mark.parametrize(
    ("of", "left", "latvian"),
    [
        (100, 3, "no 100 izglītojamajiem ar šādu vērtējumu mācības līdz 30. septembrim pārtrauca 3"),
        (21, 3, "no 21 izglītojamā ar šādu vērtējumu mācības līdz 30. septembrim pārtrauca 3"),
        (100, 0, "no 100 izglītojamajiem ar šādu vērtējumu neviens līdz 30. septembrim nepārtrauca mācības"),
    ],
)
def test_a_natural_frequency_reads_as_a_latvian_sentence(of, left, latvian):
    assert numbers.natural_frequency(of, left, "2027-09-30", "lv") == latvian


def test_a_natural_frequency_reads_as_an_english_sentence():
    said = numbers.natural_frequency(10, 3, "2027-09-30", "en")
    assert said == "of 10 pupils with such a score, 3 left early by 30 September"


def test_the_school_year_changes_on_the_first_of_september():
    assert numbers.school_year("2026-08-31", "lv") == "2025./2026. m. g."
    assert numbers.school_year("2026-09-01", "lv") == "2026./2027. m. g."
