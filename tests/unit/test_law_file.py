"""The file for the law: what the run's facts fill, and what stays visibly open for people."""

from __future__ import annotations

from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import invented_run
import pytest

from riskmodel.messages import Language
from riskmodel.register.people import ROLES
from riskmodel.runs.law import PAPERS, making_of
from riskmodel.views.law_file import FACTS, law_paper, law_texts

ROOT = Path(__file__).parent.parent.parent
LANGUAGES = ("lv", "en")
MODEL = {
    "model_code": "boosting",
    "feature_codes": ["absent_share_8w", "age_years", "mean_mark_year"],
    "directions": {"absent_share_8w": 1, "age_years": 0, "mean_mark_year": -1},
    "taught_by": ["2022-12-20", "2023-12-20"],
    "stayed_share": 0.125,
    "calibrator": {"slope": 1.0, "shift": 0.0},
    "seed": 4711,
}
SOURCES = [{"delivery_id": "2024-12-20-abc", "delivered_on": "2024-12-20", "origin": "synthetic", "sha256": "f" * 64}]


def making(**inputs: Any) -> dict[str, Any]:
    run: Any = SimpleNamespace(
        inputs={"sources": SOURCES, "previous_run": None, **inputs}, read_json=lambda name: MODEL | {"from": name}
    )
    return making_of(run, {"most_training_rows": 40_000, "score_with_protected": False})


def paper(name: str, language: Language = "en", findings: Any = None, **inputs: Any) -> str:
    return unescape(law_paper(name, findings or invented_run.findings(), making(**inputs), language))


def sections() -> list[dict[str, Any]]:
    return [section for paper in law_texts()["documents"].values() for section in paper["sections"]]


def test_the_papers_are_those_that_have_texts():
    assert tuple(law_texts()["documents"]) == PAPERS


def test_every_fact_that_a_section_names_can_be_filled_and_none_is_left_unused():
    assert {code for section in sections() for code in section.get("facts", ())} == set(FACTS)


def test_every_text_is_there_in_both_languages():
    def languages(node: Any) -> list[set[str]]:
        if isinstance(node, dict):
            own = [{"en", "lv"} & {name for name, text in node.items() if str(text).strip()}]
            return (own if "en" in node or "lv" in node else []) + [
                one for value in node.values() for one in languages(value)
            ]
        return [one for value in node for one in languages(value)] if isinstance(node, list) else []

    found = languages(law_texts())
    assert len(found) > 80
    assert all(one == {"en", "lv"} for one in found)


def test_every_promise_names_a_test_that_is_there():
    assert all((ROOT / one["test"]).is_file() for one in law_texts()["controls"])


def test_every_role_is_told_what_it_opens():
    assert set(law_texts()["recipients"]) == set(ROLES)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PAPERS)
def test_what_only_people_can_write_stands_at_the_head_and_under_its_heading(name, language):
    page = paper(name, language)
    asked = [one for section in law_texts()["documents"][name]["sections"] for one in section.get("open", ())]
    assert len(asked) >= 4
    for one in asked:
        assert page.count(one[language]) == 2
    assert page.count('class="to-write"') == len(asked)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PAPERS)
def test_a_paper_needs_no_other_file_and_hides_nothing_unfilled(name, language):
    page = paper(name, language)
    assert f'<html lang="{language}">' in page
    plain = page.replace("http://www.w3.org/2000/svg", "")
    assert not any(part in plain for part in ("http://", "https://", "<script", "<link", "@import", "url("))
    assert "None" not in plain


def test_the_headings_are_the_nine_of_the_annex_and_nothing_declares_conformity():
    page = paper("technical_documentation")
    headings = [f"<h2>{number}. " for number in range(1, 10)]
    assert [page.count(heading) for heading in headings] == [1] * 9
    section = page[page.index("<h2>8. ") : page.index("<h2>9. ")]
    assert "To be written" in section
    assert "No declaration is made here" in section


def test_the_model_is_described_by_its_own_file():
    page = paper("technical_documentation")
    assert ">4711<" in page
    rows = dict(zip(*[iter(cells_of(page, "Model"))] * 2, strict=False))
    assert rows["Features"] == "3"
    assert rows["Taught by the cohorts of"] == "20 Dec 2022, 20 Dec 2023"
    assert rows["Of them: more can only raise"] == rows["Of them: more can only lower"] == "1"


def cells_of(page: str, title: str) -> list[str]:
    """Return the cells of the table of a title, row by row."""
    body = page[page.index(f"<caption>{title}</caption>") :].split("</table>", maxsplit=1)[0]
    return [cell.split("</")[0] for cell in body.replace('<th scope="row">', "<td>").split("<td>")[1:]]


def test_rows_of_the_deliveries_are_those_of_the_run():
    page = paper("data_sheet")
    for number in ("310,000", "309,400", "120", "480"):
        assert f">{number}<" in page
    assert "f" * 64 in page


def test_a_group_of_few_people_has_no_figure():
    findings = invented_run.findings()
    for row in findings["subgroup"]:
        row["left"] = 3
    page = paper("assessment_facts", findings=findings)
    cells = cells_of(page, "Missed and falsely flagged pupils by group")
    assert set(cells[1::3]) == {"not enough data"}  # "missed" is measured on those who left


def test_the_earlier_run_is_named_and_a_first_run_says_that_it_is_the_first():
    assert "There is no earlier run" in paper("assessment_facts")
    page = paper("assessment_facts", previous_run={"run_id": "2024-05-31-abc", "cut_off_on": "2024-05-31"})
    assert "Compared with the run 2024-05-31-abc." in page


def test_no_period_of_keeping_is_invented():
    page = paper("assessment_facts")
    assert page.count("not decided: nothing is deleted") == len(making()["retention"]) > 5


def test_names_and_codes_are_told_to_stand_apart():
    page = paper("assessment_facts")
    assert "names and register codes, apart from all runs" in page
    assert "protected trait, for the audit" in page


def test_a_notice_about_a_delivery_as_a_whole_is_told_without_a_table():
    notice = {"table_name": None, "en": "A module stands for a school.", "lv": "Modulis šeit ir iestāde."}
    findings = invented_run.findings()
    findings["notices"] = [notice, {**notice, "table_name": "mark"}]
    page = paper("data_sheet", findings=findings)
    assert "<li>A module stands for a school.</li>" in page
    assert "<li>Marks: A module stands for a school.</li>" in page
