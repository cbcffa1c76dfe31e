"""Semester report and model card."""

from __future__ import annotations

import re

import invented_run
import pytest
from jinja2 import Environment, PackageLoader, meta
from markupsafe import escape

from riskmodel.runs import reporting
from riskmodel.views import intended, law_file, model_page, pages, report


def _findings(**gains):
    findings = invented_run.findings()
    for row in findings["evaluation"]:
        if row["metric_code"] in gains and row["model_code"] == "logistic":
            row["value"], row["low"], row["high"] = gains[row["metric_code"]]
    return findings


def test_what_papers_are_drawn_by_is_read_ahead():
    templates = Environment(loader=PackageLoader("riskmodel.views"), autoescape=True)
    asked, found = ["report.html.j2", "model_card.html.j2", "law_file.html.j2"], set[str]()
    while asked:
        name = asked.pop()
        if name not in found:
            found.add(name)
            asked += meta.find_referenced_templates(templates.parse(templates.loader.get_source(templates, name)[0]))
    assert found == set(reporting.TEMPLATES)
    pages._environment.cache_clear()
    reporting.read_ahead()
    assert {name for _, name in pages._environment().cache} == found


@pytest.mark.parametrize("language", ["lv", "en"])
@pytest.mark.parametrize("make", [report.semester_report, report.model_card])
def test_a_report_needs_no_other_file(make, language):
    page = make(invented_run.findings(), language)
    assert page.lstrip().startswith("<!doctype html>")
    assert f'<html lang="{language}">' in page
    without_namespaces = page.replace("http://www.w3.org/2000/svg", "")
    assert not any(
        part in without_namespaces for part in ("http://", "https://", "<script", "<link", "@import", "url(")
    )


def test_a_challenger_that_wins_outside_its_interval_stands_in_the_first_lines():
    page = report.semester_report(_findings(auc_gain=(-0.02, -0.03, -0.01)), "lv")
    first = page[page.index("<main>") :][:600]
    assert "Loģistiskā regresija" in first
    assert "Vienkāršāks vai cits veids ir labāks." in first


def test_a_challenger_whose_interval_holds_zero_is_inconclusive_and_not_a_winner():
    found = report.verdicts(_findings(), "lv")
    assert [(one["code"], one["state"]) for one in found] == [("logistic", "open")]
    page = report.semester_report(_findings(), "lv")
    assert "nav izšķirams" in page
    assert "Vienkāršāks vai cits veids ir labāks." not in page


def test_a_challenger_without_an_interval_is_not_judged():
    found = report.verdicts(_findings(auc_gain=(-0.5, None, None), recall_gain=(0.5, None, None)), "en")
    assert [one["state"] for one in found] == ["unknown"]


def test_a_gain_that_is_lost_elsewhere_still_counts_as_ahead():
    found = report.verdicts(_findings(auc_gain=(0.02, 0.01, 0.03), recall_gain=(-0.1, -0.2, -0.01)), "en")
    assert [one["state"] for one in found] == ["ahead"]


def test_rows_are_accounted_for_in_the_report():
    page = report.semester_report(invented_run.findings(), "en")
    for number in ("310,000", "309,400", "120", "480"):
        assert f">{number}<" in page


def test_every_rule_stands_beside_the_model():
    page = report.semester_report(invented_run.findings(), "en")
    for name in ("Rule: places by lot", "Rule: the school&#39;s past share", "Logistic regression"):
        assert name in page


def test_a_group_too_small_to_judge_shows_no_figure():
    page = report.semester_report(invented_run.findings(), "lv")
    row = page[page.index("Speciālās vajadzības: jā") :].split("</tr>")[0]
    assert "pārāk maz izglītojamo, lai spriestu" in row


def test_a_run_without_past_cohorts_makes_a_report_that_says_so():
    empty = {name: [] for name, rows in invented_run.findings().items() if isinstance(rows, list)}
    for language, said in (("lv", "datu nepietiek"), ("en", "not enough data")):
        page = report.semester_report(invented_run.findings() | empty, language)
        assert said in page
        assert "None" not in page
        assert said in report.model_card(invented_run.findings() | empty, language)


@pytest.mark.parametrize("language", ["lv", "en"])
def test_a_report_says_by_which_rule_dates_were_set_and_escapes_what_a_sender_wrote(language):
    page = report.semester_report(invented_run.findings(), language)
    assert {"lv": "Zināms &lt;vērtējuma&gt; dienā.", "en": "Known on the day of the &lt;mark&gt;."}[language] in page


@pytest.mark.parametrize("language", ["lv", "en"])
def test_report_card_page_and_the_file_for_the_law_tell_the_same_purposes_and_limits(language):
    findings = invented_run.findings()
    card, page = report.model_card(findings, language), model_page.about(findings, language)
    facts = law_file.Material(findings, {}, language)
    for limit in intended.limits(language):
        assert escape(limit) in report.semester_report(findings, language)
        assert escape(limit) in card
        assert escape(limit) in page
    assert [line for block in law_file.FACTS["limits"](facts) for line in block.lines] == intended.limits(language)
    told = " ".join(line for block in law_file.FACTS["purposes"](facts) for line in block.lines)
    for lead, purpose in intended.purposes(language):
        assert f"<strong>{lead}</strong> {escape(purpose)}" in card
        assert f"{lead} {purpose}" in told


def _row(page: str, name: str) -> list[str]:
    """Return the cells of the row of a table that begins with a name."""
    row = page[page.index(f'<th scope="row">{name}</th>') :].split("</tr>", maxsplit=1)[0]
    return [re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r"<td.*?>(.*?)</td>", row, re.DOTALL)]


@pytest.mark.parametrize("make", [report.semester_report, report.model_card])
def test_neither_report_nor_card_shows_a_count_of_few_or_one_from_which_it_can_be_told(make):
    findings = invented_run.findings()
    page = make(findings, "en")
    assert _row(page, "Sex: girls")[:2] == ["2,050", "48"]
    assert _row(page, "Special needs: yes")[:2] == ["not shown", "not shown"]
    for row in findings["subgroup"]:
        if row["group_value"] == "f":
            row["left"] = 9
    few = make(findings, "en")
    assert _row(few, "Sex: girls")[:3] == ["not shown", "not shown", "too few pupils to say"]
    assert _row(few, "Sex: boys")[:2] == ["not shown", "not shown"]  # with the sum of all they would tell the nine
    assert _row(few, "Sex: boys")[2].startswith("43")


def test_a_subset_of_few_is_not_counted_in_the_report_nor_are_those_beside_it():
    findings = invented_run.findings()
    own = [row for row in findings["evaluation"] if row["model_code"] == "boosting"]
    for subset, pupils, left in (("supported", 300, 7), ("unsupported", 3880, 114)):
        findings["evaluation"] += [row | {"subset_code": subset, "pupils": pupils, "left": left} for row in own]
    lines = {line["name"].split("; ")[1]: line for line in report.bounds(findings, "en")}
    few, rest = lines["with new support in the window"], lines["without new support in the window"]
    assert (few["pupils"], few["left"], rest["pupils"], rest["left"]) == (None, None, None, None)
    assert {figure["value"] for figure in few["figures"]} == {"not enough data"}
    assert all(figure["interval"] for figure in rest["figures"])
    page = report.semester_report(findings, "en")
    assert ">3,880<" not in page
    assert _row(page, few["name"])[:2] == ["not shown", "not shown"]
