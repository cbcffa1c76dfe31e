"""Programmes of support: their days, their chains of approval, and targets that disagree."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from riskmodel.latvia import municipalities
from riskmodel.messages import LANGUAGES
from riskmodel.support.programmes import institution_kinds, programme, programmes, step_names, targets
from riskmodel.support.rules import cited, rulebook


@pytest.mark.parametrize(
    ("code", "first", "last"),
    [
        ("pumpurs", date(2017, 3, 1), date(2023, 12, 31)),
        ("skola_kopiena", date(2025, 1, 1), date(2029, 8, 31)),
    ],
)
def test_a_programme_takes_plans_from_its_first_to_its_last_day(code, first, last):
    found = programme(code)
    assert [found.takes_plans_on(first + timedelta(days=days)) for days in (-1, 0)] == [False, True]
    assert [found.takes_plans_on(last + timedelta(days=days)) for days in (0, 1)] == [True, False]


def test_own_support_has_no_first_and_no_last_day():
    assert programme("own").takes_plans_on(date(2024, 6, 1))
    assert programme("own").takes_plans_on(date(2050, 1, 1))


def test_costs_of_the_successor_count_before_its_plans():
    assert programme("skola_kopiena").costs_from == date(2024, 7, 1)


@pytest.mark.requirement("X1")
def test_a_state_institution_of_vocational_education_has_no_municipality_above_it():
    assert programme("pumpurs").approval_steps("general") == ("director", "municipality", "state")
    assert programme("pumpurs").approval_steps("state_vet") == ("director", "state")


def test_the_state_s_step_can_be_turned_on_and_off():
    assert programme("own").approval_steps("general") == ("director", "municipality")
    assert programme("own").approval_steps("state_vet") == ("director",)
    assert programme("own").approval_steps("state_vet", has_state_step=True) == ("director", "state")
    assert programme("pumpurs").approval_steps("general", has_state_step=False) == ("director", "municipality")
    with pytest.raises(ValueError, match="state_vet"):
        programme("own").approval_steps("kindergarten")


@pytest.mark.parametrize("code", [each.code for each in programmes()])
def test_the_state_s_step_of_a_programme_is_that_of_its_rule(code):
    found = programme(code)
    day = found.starts_on or date(2026, 11, 22)
    assert (rulebook().in_force("state_step", day, code) is not None) == found.has_state_step


@pytest.mark.requirement("R80")
def test_targets_that_disagree_stand_beside_one_another():
    found = {target.source: target.number for target in targets() if target.of == "institutions"}
    assert found == {"S4": 614, "P9": 611, "P7": 665}
    (share,) = [target.number for target in targets() if target.of == "municipalities_share"]
    assert share == 0.8
    # 94 of 119 in 2019/20 are below it, 41 of 43 at the end of 2022 are above: each with the number of its own day.
    assert 94 / len(municipalities(date(2020, 5, 31))) < share < 41 / len(municipalities(date(2022, 12, 31)))


def test_every_programme_and_step_has_words_and_a_source():
    steps = {step for each in programmes() for kind in institution_kinds() for step in each.approval_steps(kind, True)}
    assert steps == set(step_names())
    for words in [*step_names().values(), *(each.full_names for each in programmes())]:
        assert all(words.in_language(language) for language in LANGUAGES)
    assert all(cited(each.source).in_language("lv") for each in programmes())


def test_a_retention_that_was_not_found_is_not_made_up():
    assert {each.retention for each in programmes()} == {None}
