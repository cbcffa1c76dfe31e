"""Pages: order, words, what is not known, support, and that nothing gets through unescaped."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import invented_run
import pytest

from riskmodel.tables.fairness import FAIRNESS, FAIRNESS_CAUSE
from riskmodel.tables.figures import EVALUATION, SCHOOL_SUMMARY, SUBGROUP
from riskmodel.tables.scores import REASON, SCORE
from riskmodel.views import catalogue_page, model_page, notice, pages, pupil_page, school_page, words

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
        "school": school_page.school(extract, language),
        "pupil": pupil_page.pupil(extract, code, language),
        "catalogue": catalogue_page.support_catalogue(language),
        "schools": pages.schools(index, language),
        "notice": notice.notice(extract, code, language),
        "about": model_page.about(invented_run.findings(), language),
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
    return pupil_page.pupil(extract, pupil["code"], "lv")


@pytest.mark.parametrize("language", ["lv", "en"])
@pytest.mark.parametrize("name", ["school", "pupil", "notice", "catalogue", "schools", "about"])
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


@pytest.mark.requirement("R18")
@pytest.mark.parametrize("language", ["lv", "en"])
def test_every_page_says_that_a_person_decides(language):
    said = {"lv": "Tas ir ieteikums. Lēmumu pieņem cilvēks.", "en": "This is a suggestion. A person decides."}[language]
    assert [name for name, fragment in _all_fragments(language).items() if said not in fragment] == []


def test_no_english_is_left_on_a_latvian_page():
    english = re.compile(r"\b(the|pupils|school|data|support|places|none|null|undefined)\b", re.IGNORECASE)
    for name, fragment in _all_fragments("lv").items():
        text = re.sub(r"<[^>]*>", " ", fragment)
        assert english.findall(text) == [], name


@pytest.mark.requirement("R16")
def test_pupils_stand_in_order_of_need_with_reasons_and_the_end_of_the_places_marked():
    extract = invented_run.school("101", "Pirmā skola", count=10, places=4)
    outline = Outline(school_page.school(extract, "lv"))
    rows = [attrs for tag, attrs in outline.tags if tag == "tr" and "data-place" in attrs]
    assert [int(row["data-place"]) for row in rows] == list(range(1, 11))
    assert [row["data-code"] for row in rows] == [pupil["code"] for pupil in extract["pupils"]]
    trs = [attrs for tag, attrs in outline.tags if tag == "tr" and ("data-place" in attrs or attrs.get("id") == "line")]
    assert [attrs.get("id") for attrs in trs].index("line") == 4


@pytest.mark.requirement("R11")
def test_a_pupil_of_whom_too_little_is_known_is_not_shown_as_low():
    extract = invented_run.school("101", "Pirmā skola", count=10, places=4)
    outline = Outline(school_page.school(extract, "lv"))
    (row,) = [attrs for _, attrs in outline.tags if attrs.get("data-band") == "too_little_data"]
    assert row["data-place"] == "10"
    assert "tas nenozīmē zemu risku" in school_page.school(extract, "lv")


def test_the_number_of_places_says_when_it_is_an_assumption():
    assert "Pieņēmums." in school_page.school(invented_run.school("101", "A"), "lv")
    delivered = invented_run.school("101", "A")
    delivered["capacity"]["is_assumed"] = False
    page = school_page.school(delivered, "lv")
    assert "Pieņēmums." not in page
    assert "Iesniegts kopā ar skolas datiem." in page


@pytest.mark.requirement("R16")
def test_an_entered_number_of_places_moves_the_line_and_says_who_entered_it():
    extract = school_page.with_places(invented_run.school("101", "A"), 21, "2026-11-28")
    page = school_page.school(extract, "lv")
    assert "vietu pietiek 21 izglītojamajam" in page
    assert "Skolas vadītāja ievadīts 2026. gada 28. novembrī." in page
    rows = re.findall(r'id="(p-|line")[^>]*?(?:data-within="(yes|no)")?>', page)
    assert [place for place, (kind, _) in enumerate(rows) if kind != "p-"] == [21]
    assert [within for kind, within in rows if kind == "p-"] == ["yes"] * 21 + ["no"] * 9
    assert extract["counts"]["within_capacity"] == 21
    without = sum(pupil["band_code"] in {"high", "medium"} for pupil in extract["pupils"][21:])
    assert re.search(rf'id="places-gap">Bez vietas ir {without} izglītojam', page)


def test_an_unknown_number_of_places_is_no_data_and_draws_no_line():
    extract = invented_run.school("101", "A")
    extract["capacity"]["places"] = None
    page = school_page.school(extract, "lv")
    assert "vietu skaits nav zināms" in page
    assert 'id="line"' not in page
    assert 'id="places-gap"></p>' in page


@pytest.mark.parametrize("places", [0, 30])
def test_the_line_stands_at_either_end_when_all_or_none_have_a_place(places):
    page = school_page.school(school_page.with_places(invented_run.school("101", "A"), places, "2026-11-28"), "lv")
    before = page[: page.index('id="line"')].count("data-within=")
    assert before == places


def test_the_form_of_the_places_fills_its_slot_and_nothing_else():
    extract = invented_run.school("101", "A")
    page = school_page.school(extract, "lv")
    form = school_page.places_form(school_page.PlacesForm("101", 3, 30, "tok<en"), "lv", pages.Addresses("lv"))
    whole = pages.filled(page, pages.PLACES_SLOT, form)
    assert whole.count('id="places-form"') == 1
    assert "tok&lt;en" in whole
    assert str(pages.PLACES_SLOT) not in whole
    assert pages.filled(whole, pages.PLACES_SLOT, form) == whole


def test_each_kind_of_change_has_its_arrow_and_its_words():
    extract = invented_run.school("101", "Pirmā skola")
    page = school_page.school(extract, "lv")
    for kind, shape, said in (
        ("up", "↑", "risks pieaudzis"),
        ("down", "↓", "risks mazinājies"),
        ("same", "→", "bez būtiskām izmaiņām"),
        ("new", "+", "pirmoreiz sarakstā"),
    ):
        assert re.search(
            rf'change-{kind}"><span class="shape" aria-hidden="true">{re.escape(shape)}</span> {said}', page
        )
    assert "Neattaisnoti kavējumi pēdējās 8 nedēļās: iepriekš 6, tagad 27" in page


def test_without_an_earlier_run_a_change_is_no_data():
    extract = invented_run.school("101", "Pirmā skola", is_first_run=True)
    page = school_page.school(extract, "lv")
    assert "Izmaiņas: nav datu" in page
    assert re.search(r'<select data-filter="change" id="change" disabled>', page)
    one = pupil_page.pupil(extract, extract["pupils"][0]["code"], "lv")
    assert "nav agrākas izpildes, ar ko salīdzināt" in one
    assert "figure-bands" not in one


def test_names_can_be_put_where_codes_stand():
    extract = invented_run.school("101", "Pirmā skola")
    code = extract["pupils"][0]["code"]
    place = f'<span class="name" data-code="{code}">{code}</span>'
    for fragment in (
        school_page.school(extract, "lv"),
        pupil_page.pupil(extract, code, "lv"),
        notice.notice(extract, code, "lv"),
    ):
        assert fragment.count(place) == 1


def test_a_trend_shows_its_numbers_in_a_table_and_its_gaps_as_no_data():
    extract = invented_run.school("101", "Pirmā skola")
    page = pupil_page.pupil(extract, extract["pupils"][0]["code"], "lv")
    assert "figure-absences" in page
    assert "figure-marks" in page
    assert page.count("robeždatums 22.11.2026.") >= 2
    assert re.search(r'<th scope="row">13.07.2026.</th><td class="number nodata">nav datu</td>', page)
    assert re.search(r'<th scope="row">16.11.2026.</th><td class="number">9</td><td class="number">3</td>', page)


def test_support_given_no_support_and_no_data_about_support_read_differently():
    extract = invented_run.school("101", "Pirmā skola")
    given, none = (pupil_page.pupil(extract, extract["pupils"][place]["code"], "lv") for place in (0, 1))
    other = invented_run.school("102", "Otrā skola")
    unknown = pupil_page.pupil(other, other["pupils"][0]["code"], "lv")
    assert "kopš 14.09.2026." in given
    assert "no 12.01.2026. līdz 29.05.2026." in given
    assert "Līdz robeždatumam atbalsts nav reģistrēts." in none
    assert re.search(r'Līdzšinējais atbalsts</h2>\s*<p class="nodata">nav datu</p>', unknown)


@pytest.mark.parametrize("language", ["lv", "en"])
def test_a_pupil_s_page_says_no_data_where_the_run_knows_no_weeks_and_no_months(language):
    extract = invented_run.school("101", "Pirmā skola")
    one = extract["pupils"][0]
    one["trend"] = {"unexcused_lessons": [], "excused_lessons": [], "mark_mean_points": [], "marks": []}
    page = pupil_page.pupil({**extract, "trend_weeks": [], "trend_months": []}, one["code"], language)
    heading = "Kavējumi un vērtējumi laika gaitā" if language == "lv" else "Absences and marks over time"
    assert re.search(rf'{heading}</h2>\s*<p class="nodata">', page)


def test_what_if_is_headed_as_the_model_s_behaviour_and_shown_only_where_something_is_assumed():
    extract = invented_run.school("101", "Pirmā skola")
    page = pupil_page.pupil(extract, extract["pupils"][0]["code"], "lv")
    assert "Ja būtu citādi: modeļa uzvedība, nevis solījums" in page
    assert "Neattaisnoti kavējumi pēdējās 8 nedēļās: 4, nevis 27" in page
    last = pupil_page.pupil(extract, extract["pupils"][-1]["code"], "lv")
    assert "solījums" not in last


def test_a_group_that_the_reader_may_not_see_leaves_a_word_and_no_reason():
    extract = invented_run.school("101", "Pirmā skola")
    one = extract["pupils"][0]
    one["reasons"] = [reason for reason in one["reasons"] if reason["group_code"] != "economic"]
    one["no_data_on"] = ["economic"]
    cut = {**extract, "withheld": ["economic"]}
    page = pupil_page.pupil(cut, one["code"], "lv")
    assert re.search(r"<h4>Ekonomiskā situācija</h4>\s*<p class=\"quiet\">Ar šo daļu strādā atbalsta personāls", page)
    assert "Attālums" not in page
    assert "ekonomiskā situācija</li>" not in page
    listed = school_page.school(cut, "lv")
    assert '<option value="economic">' not in listed
    assert "ekonomiskā situācija" not in re.search(rf'id="p-{one["code"]}".*?</tr>', listed, re.DOTALL)[0]
    paper = notice.notice(cut, one["code"], "lv")
    assert "ekonomiskā" not in paper
    assert "pastāstīs atbalsta personāls" in paper


def test_a_notice_tells_parents_no_spread_slope_or_rank_and_says_so_where_nothing_else_was_noticed():
    extract = invented_run.school("101", "Pirmā skola")
    one = extract["pupils"][0]
    one["reasons"] = [{**one["reasons"][1], "feature_code": "mark_spread_points_year", "own_value": 1.9}]
    page = notice.notice(extract, one["code"], "lv")
    assert "izkliede" not in page
    assert "Ko esam pamanījuši, pastāstīsim sarunā." in page
    one["reasons"] = []
    assert "Skolas dati neko īpašu nerāda" in notice.notice(extract, one["code"], "lv")


def test_a_notice_about_a_pupil_without_data_says_so_where_it_would_name_the_data_used():
    extract = invented_run.school("101", "Pirmā skola")
    one = extract["pupils"][-1]
    assert one["no_data_on"] == ["attendance", "learning", "economic"]
    assert "Izmantots: nav datu." in notice.notice(extract, one["code"], "lv")


def test_a_few_measures_are_shown_and_the_others_open_on_demand():
    extract = invented_run.school("101", "Pirmā skola")
    page = pupil_page.pupil(extract, extract["pupils"][0]["code"], "lv")
    shown, folded = page.split('<details class="more">')
    assert shown[shown.index('id="support"') :].count('<li class="measure">') == pupil_page.OPEN_MEASURES
    assert '<li class="measure">' in folded.split("</details>")[0]


def test_a_notice_holds_no_level_no_place_and_no_comparison():
    extract = invented_run.school("101", "Pirmā skola")
    for one in extract["pupils"]:
        page = re.sub(r"<[^>]*>", " ", notice.notice(extract, one["code"], "lv"))
        assert not re.search(
            r"\brisk|augst|vidēj[sā] |zems|parasti|secīb|no 30", page.replace("Vidējais vērtējums", "")
        )
    assert "Neattaisnoti kavētas stundas pēdējās 8 nedēļās: 27" in notice.notice(
        extract, extract["pupils"][0]["code"], "lv"
    )


@pytest.mark.requirement("R69")
def test_the_catalogue_holds_educator_support_and_materials_and_says_that_effects_are_not_known():
    page = catalogue_page.support_catalogue("lv")
    assert "Supervīzija" in page
    assert "Rekomendācijas darbam ar vecākiem" in page
    assert page.count("vēl nav zināms") >= 10


def test_a_name_that_is_markup_is_shown_as_text():
    extract = invented_run.school("101", "<script>alert(1)</script>")
    for fragment in (school_page.school(extract, "lv"), pupil_page.pupil(extract, extract["pupils"][0]["code"], "lv")):
        assert "<script" not in fragment
        assert "&lt;script&gt;" in fragment


def test_a_pupil_code_that_is_not_in_the_extract_is_refused_without_naming_it():
    with pytest.raises(KeyError) as error:
        pupil_page.pupil(invented_run.school("101", "A"), "NOBODY", "lv")
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
        suggested = page.split('id="support"')[1].split('<details class="people"')[0]
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


@pytest.mark.requirement("R11", "X8")
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


def test_the_page_about_the_model_shows_every_rule_and_too_few_where_so():
    page = model_page.about(invented_run.findings(), "lv")
    for rule in ("Kārtula: vietas pēc lozes", "Kārtula: iestādes līdzšinējā daļa", "Loģistiskā regresija"):
        assert rule in page
    assert "pārāk maz izglītojamo, lai spriestu" in page


def test_the_page_about_the_model_shows_no_count_of_few_and_none_from_which_it_can_be_told():
    page = model_page.about(invented_run.findings(), "lv")
    rows = {row[0]: row[1:] for row in re.findall(r'<th scope="row">([^<]*)</th>' + r"\s*<td.*?>(.*?)</td>" * 4, page)}
    plain = {name: [re.sub(r"<[^>]*>", "", cell) for cell in cells] for name, cells in rows.items()}
    assert plain["Dzimums: meitenes"][:2] == ["2\xa0050", "48"]
    assert plain["Speciālās vajadzības: jā"][:2] == ["nerāda", "nerāda"]

    findings = invented_run.findings()
    for row in findings["subgroup"]:
        if row["group_value"] == "f":
            row["left"] = 9
    few = model_page.about(findings, "lv")
    boys = re.search(r"Dzimums: zēni</th>(.*?)</tr>", few, re.DOTALL)[1]
    assert "73" not in boys  # with the sum of all it would tell the nine
    girls = re.search(r"Dzimums: meitenes</th>(.*?)</tr>", few, re.DOTALL)[1]
    assert "47" not in girls  # the share missed of nine girls


def test_a_run_without_a_matured_cohort_says_so():
    findings = invented_run.findings() | {name: [] for name in ("evaluation", "subgroup", "calibration", "cohorts")}
    page = model_page.about(findings, "lv")
    assert "nevienai agrākai grupai iznākums vēl nav zināms" in page


def test_the_page_says_how_often_the_outcome_had_been_called_possible_and_how_many_were_not_certain():
    findings = invented_run.findings()
    page = model_page.about(findings, "en")
    assert "leaving had been called possible for 79% (71–85%); of those who stayed, staying for 81% (80–82%)" in page
    assert "“Not certain” stood beside 14% of these pupils" in page  # (121 · .21 + 4059 · .14) / 4180
    few = [row | {"covered_share": None, "unsure_share": None} for row in findings["coverage"]]
    for told in (few, [], findings["coverage"][:1]):
        assert "had been called possible" not in model_page.about(findings | {"coverage": told}, "en")
    assert "called possible" not in model_page.about(
        {name: findings[name] for name in findings if name != "coverage"}, "en"
    )


def test_the_page_names_the_base_rate_and_not_the_measurement_where_that_is_the_cause():
    row = {"trait_code": "sex", "group_value": "m", "metric_code": "missed_share", "difference": -0.12}
    causes = {"cause_code": "risk", "is_risk": True, "is_places": False, "is_measurement": False}
    page = model_page.about(invented_run.findings() | {"fairness_cause": [row | causes]}, "en")
    assert "Sex: boys – Missed: of those who left, share without a place: 12 points less than among all others" in page
    assert "They leave at another rate than others" in page
    assert "records or the model mean something else" not in page
    none = model_page.about(invented_run.findings(), "en")
    assert "None of 5 points or more was found." in none


def test_every_code_of_the_result_tables_has_words():
    tables = (
        (SCORE, "band_code", words.BANDS),
        (SCORE, "state_code", words.STATES),
        (REASON, "group_code", words.GROUPS),
        (EVALUATION, "metric_code", words.FIGURES),
        (EVALUATION, "subset_code", words.SUBSETS),
        (EVALUATION, "split_code", words.SPLITS),
        (SUBGROUP, "metric_code", words.FIGURES),
        (SUBGROUP, "trait_code", words.TRAITS),
        (FAIRNESS, "metric_code", words.FIGURES),
        (FAIRNESS_CAUSE, "metric_code", words.FIGURES),
        (FAIRNESS_CAUSE, "cause_code", words.CAUSES),
        (SCHOOL_SUMMARY, "school_kind", words.SCHOOL_KINDS),
    )
    for table, column, said in tables:
        assert set(table.column(column).codes) - set(said) == set(), column


def test_groups_of_schools_are_told_by_their_names_and_not_by_codes():
    cause = {"cohort_on": "2023-12-20", "metric_code": "missed_share", "difference": 0.2, "cause_code": "unclear"}
    rows = [
        {**cause, "trait_code": "school_kind", "group_value": "general"},
        {**cause, "trait_code": "municipality_code", "group_value": "LV0001000"},
        {**cause, "trait_code": "municipality_code", "group_value": "LV9999999"},
    ]
    told = model_page.differences({"fairness_cause": rows}, "lv")
    groups = {one["group"] for one in told}
    assert groups == {"vispārējā izglītība", "Rīga", "LV9999999"}
