"""Semesters, to which plans belong."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from riskmodel.support.semesters import Semester, semester_of


def test_every_day_belongs_to_one_semester():
    day, last = date(2016, 9, 1), date(2030, 9, 1)
    while day < last:
        found = semester_of(day)
        assert found.contains(day)
        assert not found.next.contains(day)
        assert not found.previous.contains(day)
        day += timedelta(days=1)


def test_the_published_days_of_2024_25():
    first, second = Semester(2024, 1), Semester(2024, 2)
    assert (first.first_on, first.last_on) == (date(2024, 9, 2), date(2024, 12, 20))
    assert (second.first_on, second.last_on) == (date(2025, 1, 6), date(2025, 5, 30))
    assert (second.last_on_of(9), second.last_on_of(12), second.last_on_of(5)) == (
        date(2025, 6, 13),
        date(2025, 6, 20),
        date(2025, 5, 30),
    )
    assert first.last_on_of(9) == first.last_on


def test_a_break_belongs_to_the_semester_before_it():
    assert semester_of(date(2025, 1, 5)) == Semester(2024, 1)
    assert semester_of(date(2025, 8, 31)) == Semester(2024, 2)
    assert semester_of(date(2025, 9, 1)) == Semester(2025, 1)


def test_semesters_follow_one_another():
    assert Semester(2019, 1).next == Semester(2019, 2)
    assert Semester(2019, 2).next == Semester(2020, 1)
    assert Semester(2020, 1).previous == Semester(2019, 2)
    assert sorted([Semester(2020, 1), Semester(2019, 2), Semester(2019, 1)])[0] == Semester(2019, 1)


def test_a_semester_is_written_as_the_country_writes_it():
    assert Semester(2019, 1).in_language("lv") == "2019./2020. m. g. 1. semestris"
    assert str(Semester(1999, 2)) == "1999/00, semester 2"


def test_there_is_no_third_semester():
    with pytest.raises(ValueError, match="1 and 2"):
        Semester(2019, 3)
