"""Pages: order, words, what is not known, support, and that nothing gets through unescaped."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import invented_run
import pytest

from riskmodel.tables import results
from riskmodel.views import pages, words

VOID = {"br", "input", "link", "meta", "line", "rect", "circle", "polyline", "polygon"}


class Outline(HTMLParser):
    """Tags with their attributes, headings, and tags that do not match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.faults: list[str] = []
        self.feed(str(html))
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)


def _all_fragments(language):
    extract = invented_run.school("101", "Pirmā skola")
    code = extract["pupils"][0]["code"]
    index = {"run": invented_run.RUN, "schools": [invented_run.school_row("101", "Pirmā skola", 30, 3)]}
    return {
        "school": pages.school(extract, language),
        "pupil": pages.pupil(extract, code, language),
        "catalogue": pages.support_catalogue(language),
        "schools": pages.schools(index, language),
        "about": pages.about(invented_run.findings(), language),
    }


def _pupil_with(state="scored", reasons=(), no_data_on=(), contribution=0.5):
    extract = invented_run.school("101", "Pirmā skola", count=3, places=1)
    pupil = extract["pupils"][0]
    pupil |= {"state_code": state, "no_data_on": list(no_data_on)}
    pupil["reasons"] = [
        {"feature_code": code, "group_code": group, "is_malleable": group != "context", "own_value": 5.0}
        | {"usual_value": 1.0, "usual_of": "class", "contribution": contribution}
        for code, group in reasons
    ]
    return pages.pupil(extract, pupil["code"], "lv")


@pytest.mark.parametrize("language", ["lv", "en"])
@pytest.mark.parametrize("name", ["school", "pupil", "catalogue", "schools", "about"])
def test_a_page_is_well_formed_has_one_heading_and_no_inline_style_or_script(name, language):
    around = {"style": "/s", "script": "/j", "menu": [("home", "Start", "/lv/")]}
    page = pages.page("x", _all_fragments(language)[name], language, pages.Addresses(language), **around)
    outline = Outline(page)
    assert outline.faults == []
    assert outline.open == []
    assert [tag for tag, _ in outline.tags].count("h1") == 1
    assert {"header", "nav", "main", "footer"} <= {tag for tag, _ in outline.tags}
    assert [tag for tag, attrs in outline.tags if "style" in attrs or any(key.startswith("on") for key in attrs)] == []
    assert [attrs for tag, attrs in outline.tags if tag == "script" and not attrs.get("src")] == []
    ids = [attrs["id"] for _, attrs in outline.tags if "id" in attrs]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("language", ["lv", "en"])
def test_every_page_says_that_a_person_decides(language):
    said = {"lv": "Tas ir ieteikums. Lēmumu pieņem cilvēks.", "en": "This is a suggestion. A person decides."}[language]
    assert [name for name, fragment in _all_fragments(language).items() if said not in fragment] == []


def test_no_english_is_left_on_a_latvian_page():
    english = re.compile(r"\b(the|pupils|school|data|support|places|none|null|undefined)\b", re.IGNORECASE)
    for name, fragment in _all_fragments("lv").items():
        text = re.sub(r"<[^>]*>", " ", fragment)
        assert english.findall(text) == [], name


def test_pupils_stand_in_order_of_need_with_reasons_and_the_end_of_the_places_marked():
    extract = invented_run.school("101", "Pirmā skola", count=10, places=4)
    outline = Outline(pages.school(extract, "lv"))
    rows = [attrs for tag, attrs in outline.tags if tag == "tr" and "data-place" in attrs]
    assert [int(row["data-place"]) for row in rows] == list(range(1, 11))
    assert [row["data-code"] for row in rows] == [pupil["code"] for pupil in extract["pupils"]]
    assert [int(row["data-place"]) for row in rows if "last-place" in row["class"]] == [4]


def test_a_pupil_of_whom_too_little_is_known_is_not_shown_as_low():
    extract = invented_run.school("101", "Pirmā skola", count=10, places=4)
    outline = Outline(pages.school(extract, "lv"))
    (row,) = [attrs for _, attrs in outline.tags if attrs.get("data-band") == "too_little_data"]
    assert row["data-place"] == "10"
    assert "tas nenozīmē zemu risku" in pages.school(extract, "lv")


def test_the_number_of_places_says_when_it_is_an_assumption():
    assert "Pieņēmums." in pages.school(invented_run.school("101", "A"), "lv")
    delivered = invented_run.school("101", "A")
    delivered["capacity"]["is_assumed"] = False
    assert "Pieņēmums." not in pages.school(delivered, "lv")


def test_a_name_that_is_markup_is_shown_as_text():
    extract = invented_run.school("101", "<script>alert(1)</script>")
    for fragment in (pages.school(extract, "lv"), pages.pupil(extract, extract["pupils"][0]["code"], "lv")):
        assert "<script" not in fragment
        assert "&lt;script&gt;" in fragment


def test_a_pupil_code_that_is_not_in_the_extract_is_refused_without_naming_it():
    with pytest.raises(KeyError) as error:
        pages.pupil(invented_run.school("101", "A"), "NOBODY", "lv")
    assert "NOBODY" not in str(error.value)


def test_support_follows_the_reasons_and_never_guesses_health_or_family():
    for code, group, offered, not_offered in (
        ("distance_km", "economic", "Sabiedriskā transporta biļetes", "Psihologa konsultācija"),
        (
            "mark_mean_points_year",
            "learning",
            "Pedagoga konsultācija mācību priekšmetā",
            "Sabiedriskā transporta biļetes",
        ),
    ):
        page = _pupil_with(reasons=[(code, group)])
        suggested = page.split('<details class="people"')[0]
        assert offered in suggested
        assert not_offered not in suggested
        tags = Outline(page).tags
        assert [attrs["data-risk-group"] for _, attrs in tags if "data-risk-group" in attrs] == ["SV", "GI"]
        assert [attrs for tag, attrs in tags if tag == "details" and "open" in attrs] == []


def test_a_reason_that_lowers_leads_to_no_support():
    page = _pupil_with(reasons=[("distance_km", "economic")], contribution=-0.5)
    assert "Sabiedriskā transporta biļetes" not in page.split('<details class="people"')[0]


def test_context_stands_apart_from_what_the_school_can_change():
    page = _pupil_with(reasons=[("stage_number", "context"), ("unexcused_lessons_8w", "attendance")])
    malleable, context = page.split("Apstākļi, kurus skola nemaina")
    assert "Neattaisnoti kavētas stundas" in malleable
    assert "Klase vai kurss" not in malleable
    assert "Klase vai kurss" in context


def test_a_group_without_data_says_so():
    page = _pupil_with(reasons=[("unexcused_lessons_8w", "attendance")], no_data_on=["learning"])
    assert re.search(r"<h4>Mācības</h4>\s*<p class=\"nodata\">nav datu</p>", page)


def test_schools_stand_in_the_latvian_alphabet_and_are_not_ranked():
    names = ["Zaļā skola", "Čiekuru skola", "Cēsu skola", "Ādažu skola", "Abavas skola", "Šķēdes skola"]
    index = {
        "run": invented_run.RUN,
        "schools": [invented_run.school_row(str(number), name, 30, 3) for number, name in enumerate(names, 101)],
    }
    found = re.findall(r"<strong>([^<]+)</strong></a>", pages.schools(index, "lv"))
    assert found == ["Abavas skola", "Ādažu skola", "Cēsu skola", "Čiekuru skola", "Šķēdes skola", "Zaļā skola"]


def test_the_page_about_the_model_shows_every_rule_and_not_enough_data_where_so():
    page = pages.about(invented_run.findings(), "lv")
    for rule in ("Kārtula: vietas pēc lozes", "Kārtula: iestādes līdzšinējā daļa", "Loģistiskā regresija"):
        assert rule in page
    assert "datu nepietiek" in page


def test_a_run_without_a_matured_cohort_says_so():
    findings = invented_run.findings() | {name: [] for name in ("evaluation", "subgroup", "calibration", "cohorts")}
    page = pages.about(findings, "lv")
    assert "nevienai agrākai grupai iznākums vēl nav zināms" in page


def test_every_code_of_the_result_tables_has_words():
    tables = (
        (results.SCORE, "band_code", words.BANDS),
        (results.SCORE, "state_code", words.STATES),
        (results.REASON, "group_code", words.GROUPS),
        (results.EVALUATION, "metric_code", words.FIGURES),
        (results.EVALUATION, "subset_code", words.SUBSETS),
        (results.EVALUATION, "split_code", words.SPLITS),
        (results.SUBGROUP, "metric_code", words.FIGURES),
        (results.SUBGROUP, "trait_code", words.TRAITS),
        (results.SCHOOL_SUMMARY, "school_kind", words.SCHOOL_KINDS),
    )
    for table, column, said in tables:
        assert set(table.column(column).codes) - set(said) == set(), column
