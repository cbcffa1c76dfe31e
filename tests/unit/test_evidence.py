"""What is known of the effect of measures, in words."""

from __future__ import annotations

from typing import Any

import invented_run
import pytest

from riskmodel.risk.effects import effect_table
from riskmodel.risk.effects.estimate import Kind, Reason
from riskmodel.risk.effects.verdict import Verdict
from riskmodel.tables.worth import ANY_MEASURE, EFFECT, MEASURE_GRADE
from riskmodel.views import catalogue_page, evidence, model_page, report


def row(verdict: str, low: float, high: float, **more: Any) -> dict[str, Any]:
    return {
        "measure_code": "KA-PED",
        "grade_code": "discontinuity",
        "verdict_code": verdict,
        "value": (low + high) / 2,
        "low": low,
        "high": high,
        "pupils": 5_000,
        "cost_eur": None,
        **more,
    }


def effects(*grades: dict[str, Any], compared: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {"worth_having": 0.02, "measure_grade": list(grades), "effect": compared or []}


def comparison(**more: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("value", "low", "high", "detectable", "pupils_given", "pupils_compared", "reason_code"))
    whole = {"measure_code": "XX-ANY", "group_code": "all", "school_year_code": "all", "kind_code": "adjusted"}
    return {**empty, **whole, "verdict_code": "not_estimated", **more}


@pytest.mark.parametrize(
    ("verdict", "low", "high", "said"),
    [
        ("helps", -0.05, -0.01, "about 3.0 fewer left early (1.0–5.0)"),
        ("harms", 0.01, 0.05, "about 3.0 more left early (1.0–5.0)"),
        ("not_worth_having", -0.012, 0.008, "at most 1.2 fewer and at most 0.8 more"),
        ("inconclusive", -0.05, 0.03, "The data cannot tell: of 100 pupils anything from 5.0 fewer to 3.0 more"),
        ("inconclusive", 0.002, 0.03, "anything from 0.0 fewer to 3.0 more"),
    ],
)
def test_a_verdict_is_told_of_a_hundred_pupils(verdict, low, high, said):
    assert said in evidence.sentence(row(verdict, low, high), "en")


def test_a_measure_without_a_comparison_says_so_and_gives_no_number():
    none = row("", 0, 0) | dict.fromkeys(("verdict_code", "value", "low", "high")) | {"grade_code": "none_yet"}
    for content in (effects(none), effects(), {}):
        found = evidence.grade("KA-PED", content, "en")
        assert found == {"grade": "not known yet", "cost": "", "sentence": "", "is_known": False}


def test_what_a_plan_with_a_measure_costs_stands_in_the_catalogue_where_it_is_known():
    known = effects(row("inconclusive", -0.05, 0.03, cost_eur=261.17))
    assert "EUR 261 a plan on average" in catalogue_page.support_catalogue("en", effects=known)
    assert "vidēji 261 EUR vienam plānam" in catalogue_page.support_catalogue("lv", effects=known)
    assert "Money used" not in catalogue_page.support_catalogue("en", effects=effects(row("inconclusive", -0.05, 0.03)))


def test_the_catalogue_shows_the_evidence_beside_its_measure_and_no_other():
    page = catalogue_page.support_catalogue("en", effects=effects(row("inconclusive", -0.05, 0.03)))
    assert page.count("The data cannot tell") == 1
    entry = page[page.index('<span class="quiet code">KA-PED</span>') :].split("</li>")[0]
    before_next = page[page.index('<span class="quiet code">KA-PED</span>') : page.index("The data cannot tell")]
    assert before_next.count('class="quiet code"') == 1, entry


@pytest.mark.parametrize("draw", [model_page.about, report.semester_report])
def test_pages_say_that_nothing_is_known_where_nothing_could_be_compared(draw):
    page = draw(invented_run.findings(), "en")
    assert "Whether support has kept pupils in school is not known yet" in page


@pytest.mark.parametrize("draw", [model_page.about, report.semester_report])
def test_pages_give_the_effect_that_would_have_been_found_beside_every_verdict(draw):
    compared = [
        comparison(
            value=-0.011,
            low=-0.03,
            high=0.008,
            detectable=0.027,
            pupils_given=1_200,
            pupils_compared=3_400,
            verdict_code="inconclusive",
        ),
        comparison(measure_code="KA-PSI", reason_code="too_few_pupils"),
        comparison(kind_code="difference", value=-0.2, low=-0.3, high=-0.1, verdict_code="descriptive"),
        comparison(group_code="high", value=-0.2, low=-0.3, high=-0.1, verdict_code="helps"),
    ]
    page = draw(invented_run.findings() | {"effects": effects(compared=compared)}, "en")
    body = page[page.index("Would have been found from") :].split("</table>")[0]
    assert "2.7" in body
    assert "1,200 + 3,400" in body
    assert "too few pupils" in body
    assert body.count('<th scope="row">') == 2  # neither groups nor what is only an association
    assert "helps" not in body


@pytest.mark.parametrize("draw", [model_page.about, report.semester_report])
def test_pages_say_whether_the_individual_score_is_needed_and_where_the_risk_lies(draw):
    found = effects() | {
        "verdicts": {"state": {"en": "Here this choice does as well.", "lv": "Šeit tikpat labi."}},
        "between_schools": {"value": 0.31, "low": 0.21, "high": 0.44},
    }
    page = draw(invented_run.findings() | {"effects": found}, "en")
    assert "Here this choice does as well." in page
    assert "Of the spread of the assessed risk, 31% lies between schools" in page.replace("31 %", "31%")
    unknown = draw(invented_run.findings(), "en")
    section = unknown[unknown.index("Is an individual score needed?") :][:200]
    assert "no data" in section
    assert "lies between schools" not in unknown


def test_latvian_says_the_same_with_a_comma():
    assert "apmēram par 3,0 mazāk (1,0" in evidence.sentence(row("helps", -0.05, -0.01), "lv")


@pytest.mark.parametrize(("given", "said"), [(9, "not shown"), (10, "10 + 900")])
def test_a_comparison_with_few_pupils_on_a_side_does_not_tell_how_many(given, said):
    one = comparison(value=-0.05, low=-0.2, high=0.1, detectable=0.2, pupils_given=given, pupils_compared=900)
    (told,) = evidence.rows(effects(compared=[one | {"verdict_code": "inconclusive"}]), "en")
    assert told["pupils"] == said


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("grade_code", evidence.GRADES),
        ("kind_code", evidence.KINDS),
        ("verdict_code", evidence.VERDICTS),
        ("reason_code", evidence.REASONS),
    ],
)
def test_every_code_of_an_effect_has_words_and_no_words_are_without_a_code(column, said):
    assert set(said) == set(EFFECT.column(column).codes)


@pytest.mark.parametrize("column", ["grade_code", "verdict_code"])
def test_the_grade_of_a_measure_has_the_codes_of_the_effects_that_it_comes_from(column):
    assert MEASURE_GRADE.column(column).codes == EFFECT.column(column).codes


def test_what_the_estimates_say_is_declared():
    codes = {
        name: set(EFFECT.column(name).codes) for name in ("kind_code", "verdict_code", "grade_code", "reason_code")
    }
    assert {kind.value for kind in Kind} == codes["kind_code"]
    assert {verdict.value for verdict in Verdict} | {"not_estimated"} == codes["verdict_code"]
    assert {*effect_table.GRADES.values(), "opinion"} == codes["grade_code"]
    assert {reason.value for reason in Reason} | {"checks_failed", "among_many"} == codes["reason_code"]


def test_any_measure_is_told_by_the_code_under_which_it_stands():
    assert evidence.ANY_MEASURE == ANY_MEASURE
    assert set(evidence.TELLING) <= set(evidence.VERDICTS)
