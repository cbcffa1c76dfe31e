"""The sentences of the reports: right forms for every number, and both counts in each."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from riskmodel.support.around import Events
from riskmodel.support.coverage import Coverage, municipality_name, unit_on
from riskmodel.support.given import Given
from riskmodel.support.periods import WHOLE_STATE, Period
from riskmodel.support.reports import Amount, Report, decided, held, helped, not_told, partners_words, took_part
from riskmodel.support.statistics import PlansAndPupils

YEAR = Period.year(2017)
NOTHING = Given(PlansAndPupils(0, 0), 0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("pupils", "institutions", "plans", "said"),
    [
        (1, 1, 1, "saņēmis 1 izglītojamais no 1 izglītības iestādes (1 individuālais atbalsta plāns)."),
        (2, 2, 10, "saņēmuši 2 izglītojamie no 2 izglītības iestādēm (10 individuālo atbalsta plānu)."),
        (10, 10, 11, "saņēmuši 10 izglītojamo no 10 izglītības iestādēm (11 individuālo atbalsta plānu)."),
        (11, 11, 21, "saņēmuši 11 izglītojamo no 11 izglītības iestādēm (21 individuālais atbalsta plāns)."),
        (21, 21, 22, "saņēmis 21 izglītojamais no 21 izglītības iestādes (22 individuālie atbalsta plāni)."),
        (111, 3, 112, "saņēmuši 111 izglītojamo no 3 izglītības iestādēm (112 individuālo atbalsta plānu)."),
        (132, 30, 240, "saņēmuši 132 izglītojamie no 30 izglītības iestādēm (240 individuālo atbalsta plānu)."),
    ],
)
def test_latvian_forms_follow_the_number(pupils: int, institutions: int, plans: int, said: str) -> None:
    told = helped(YEAR, PlansAndPupils(plans, pupils), institutions).in_language("lv")
    assert told == f"2017./18. mācību gadā palīdzību {said}"


@pytest.mark.parametrize(
    ("count", "said"), [(1, "1 pedagogs"), (24, "24 pedagogi"), (350, "350 pedagogu"), (12, "12 pedagogu")]
)
def test_educators_take_the_form_of_their_number(count: int, said: str) -> None:
    assert took_part(count).in_language("lv") == f"Atbalsta sniegšanā darbojās {said}."


@pytest.mark.parametrize(
    ("count", "said"),
    [(1, "1 izglītojamajam"), (10, "10 izglītojamajiem"), (21, "21 izglītojamajam"), (407, "407 izglītojamajiem")],
)
def test_to_whom_support_goes_on_stands_in_the_dative(count: int, said: str) -> None:
    for code, begins in (
        ("continue", "Atbalsts turpināsies"),
        ("no_longer_needed", "Atbalsts vairs nav vajadzīgs"),
        ("change", "Atbalsts būs citāds"),
    ):
        (text,) = decided({code: PlansAndPupils(count, count)})
        assert text.in_language("lv").startswith(f"{begins} {said} (")


def test_shares_of_decisions_are_those_of_the_plans_that_were_decided() -> None:
    told = decided({"continue": PlansAndPupils(3, 2), "no_longer_needed": PlansAndPupils(1, 1)})
    assert [text.in_language("en") for text in told] == [
        "Support goes on for 2 pupils (3 individual support plans, 75.0 %).",
        "Support is needed no longer by 1 pupil (1 individual support plan, 25.0 %).",
    ]


def test_events_take_their_forms() -> None:
    told = held({"PA-SUP": Events(78, 700), "PA-SEM": Events(220, 4000)})
    assert told.in_language("lv") == "Pedagogiem notika 78 supervīzijas un 220 semināru."
    assert held({"PA-SUP": Events(1, 9)}).in_language("lv") == "Pedagogiem notika 1 supervīzija un 0 semināru."


def test_partners_are_municipalities_and_state_schools() -> None:
    found = Coverage("pumpurs", date(2018, 6, 5), 49, 119, 247, 31, (), ())
    assert partners_words(found).in_language("lv") == (
        "80 sadarbības partneru: 49 pašvaldības, 31 valsts profesionālās izglītības iestāde."
    )


def test_a_period_without_a_plan_says_so_and_nothing_else() -> None:
    told = Report(YEAR, WHOLE_STATE, NOTHING, {}).sentences()
    assert [text.in_language("lv") for text in told] == ["2017./18. mācību gadā palīdzību nav saņēmis neviens."]


def test_money_is_told_where_there_is_some() -> None:
    given = replace(NOTHING, support=PlansAndPupils(2, 1), institutions=1, educators=2)
    assert len(Report(YEAR, WHOLE_STATE, given, {}).sentences()) == 2
    told = Report(YEAR, WHOLE_STATE, replace(given, preparation_cents=123_456), {}).sentences()[-1]
    assert told.in_language("en").startswith("EUR 1,234.56 were used")
    assert "EUR 617 a plan" in told.in_language("en")


def test_a_hidden_number_is_told_as_hidden_and_not_as_none() -> None:
    told = not_told(YEAR).in_language("lv")
    assert "saņēmēju skaits netiek rādīts" in told
    assert not any(letter.isdigit() for letter in told.removeprefix("2017./18."))


@pytest.mark.parametrize(("value", "said"), [("0", "0,0"), ("71.15", "71,2"), ("99.949", "99,9")])
def test_amounts_have_a_decimal_comma_in_latvian(value: str, said: str) -> None:
    assert Amount(Decimal(value), 1).in_language("lv") == said


@pytest.mark.parametrize(
    ("code", "on", "name"),
    [
        ("LV-093", date(2018, 6, 5), "Skrundas novads"),
        ("LV-093", date(2022, 6, 5), "Kuldīgas novads"),
        ("LV0055000", date(2025, 6, 30), "Varakļānu novads"),
        ("LV0055000", date(2025, 7, 1), "Madonas novads"),
        ("LV0038000", date(2018, 6, 5), "Madonas novads"),
        ("XX-1", date(2018, 6, 5), "XX-1"),
    ],
)
def test_a_municipality_has_the_name_of_the_day(code: str, on: date, name: str) -> None:
    assert municipality_name(code, on) == name


def test_a_municipality_that_came_with_the_reform_is_none_before_it() -> None:
    assert unit_on("LV0027000", date(2021, 7, 1)) == "LV0027000"
    assert unit_on("LV0027000", date(2018, 6, 5)) is None
