"""Dated rules: on which days they hold, what they say, and what a later row changes."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
import yaml

from riskmodel.errors import UsageError
from riskmodel.messages import LANGUAGES, Words, message
from riskmodel.settings import resource
from riskmodel.support.catalogue import catalogue
from riskmodel.support.programmes import programme, programmes
from riskmodel.support.rules import Refused, Rulebook, cited, read_rule, read_rulebook, refuse, rulebook

BOOK = rulebook()
IDS = sorted({rule.rule_id for rule in BOOK.rules})
FIRST_DAY = date(2017, 3, 1)

DAYS = {
    # Programme, first day, last day (None: no end is stated), from the published texts.
    "project_period": ("pumpurs", date(2017, 3, 1), date(2023, 12, 31)),
    "successor": ("skola_kopiena", date(2025, 1, 1), date(2029, 8, 31)),
    "target_group_5_12": ("pumpurs", date(2017, 3, 1), date(2021, 8, 31)),
    "target_group_1_12": ("pumpurs", date(2021, 9, 1), date(2023, 12, 31)),
    "successor_target_group": ("skola_kopiena", date(2025, 1, 1), date(2029, 8, 31)),
    "mentor_age": ("skola_kopiena", date(2025, 1, 1), date(2029, 8, 31)),
    "institution_member": ("pumpurs", date(2017, 3, 1), None),
    "state_step": ("pumpurs", date(2017, 3, 1), None),
    "economic_certificate": (None, date(2020, 9, 3), None),
    "certificate_both_residences": (None, date(2020, 9, 3), None),
    "certificate_semester": (None, date(2020, 9, 3), None),
    "certificate_monthly": (None, date(2020, 9, 3), None),
    "placement_order": (None, date(2020, 10, 1), None),
    "suspended_2020": ("pumpurs", date(2020, 3, 12), date(2020, 3, 22)),
    "suspended_other_2020": ("pumpurs", date(2020, 3, 23), date(2020, 4, 14)),
    "remote_order": (None, date(2020, 3, 23), None),
    "remote_ack_kind": (None, date(2020, 3, 23), None),
    "remote_ack_same_day": (None, date(2020, 3, 23), None),
    "remote_conditional": ("pumpurs", date(2020, 9, 3), None),
    "order_contents": (None, date(2020, 3, 23), None),
    "order_contents_2021": ("pumpurs", date(2021, 10, 1), None),
    **{
        f"in_person_{what}": ("pumpurs", date(2021, 2, 8), None)
        for what in (
            "minutes",
            "week",
            "school_cap",
            "one_pupil",
            "overlap",
            "invitation",
            "gap",
            "procedure",
            "checklist",
        )
    },
    "youth_calls": ("pumpurs", date(2018, 9, 1), date(2021, 12, 31)),
    "youth_municipality": ("pumpurs", date(2018, 9, 1), None),
    "youth_call_open": (None, date(2018, 9, 1), None),
    "youth_applicant": ("pumpurs", date(2018, 9, 1), None),
    "youth_amount": ("pumpurs", date(2018, 9, 1), None),
    **{
        f"supervision_{what}": ("pumpurs", FIRST_DAY, None)
        for what in ("participants", "minutes", "supervisor", "count")
    },
}
LASTING = [
    "absence_notice",
    "agreement_channel",
    "approval_order",
    "approval_own_plan",
    "approved_plan",
    "compensation_alone",
    "consent_channel",
    "consent_form",
    "consent_full_age",
    "consent_full_text",
    "consent_giver",
    "consent_one_plan",
    "consent_order_reference",
    "consent_paper_first",
    "consent_platform",
    "consent_recipient",
    "consent_refused",
    "consent_required",
    "consent_signed_file",
    "consent_start",
    "consent_withdrawn",
    "consultation_evidence",
    "delete_contents_first",
    "delete_no_money",
    "evaluation_before_closing",
    "one_live_plan",
    "plan_late",
    "plan_needed",
    "plan_preparer",
    "plan_risk_justification",
    "plan_risk_measure",
    "plan_risk_required",
    "plan_semester",
    "plan_status",
    "preparer_linked",
    "reason_required",
    "resume_same_semester",
    "revision_reapproval",
    "subject_required",
    "support_within_plan",
]
VALUES = {"day": date(2026, 11, 22), "done": 10, "lessons": 21}


@pytest.mark.requirement("R63")
@pytest.mark.parametrize("rule_id", IDS)
def test_a_rule_holds_from_its_first_to_its_last_day_and_not_beside_them(rule_id):
    code, first, last = DAYS.get(rule_id) or (None, FIRST_DAY, None)
    assert BOOK.in_force(rule_id, first - timedelta(days=1), code) is None
    assert BOOK.in_force(rule_id, first, code) is not None
    if last is None:
        assert BOOK.in_force(rule_id, date(2099, 12, 31), code) is not None
    else:
        assert BOOK.in_force(rule_id, last, code) is not None
        assert BOOK.in_force(rule_id, last + timedelta(days=1), code) is None
    bound = {each.code for each in programmes() if BOOK.in_force(rule_id, first, each.code)}
    assert bound == ({code} if code else {each.code for each in programmes()})


def test_no_rule_is_missing_here_or_there():
    assert sorted([*DAYS, *LASTING]) == IDS


@pytest.mark.parametrize("rule_id", IDS)
def test_a_rule_says_what_holds_and_what_to_do_in_both_languages(rule_id):
    for rule in BOOK.rows(rule_id):
        assert rule.places <= VALUES.keys()
        assert rule.source
        for words in (rule.said(**VALUES), rule.advice(**VALUES), cited(rule.source), BOOK.matters[rule.applies_to]):
            texts = [words.in_language(language) for language in LANGUAGES]
            assert all(text and not re.search(r"[{}]|\.\.|None", text) for text in texts)
            assert texts[0] != texts[1]
        for words in (rule.said(**VALUES), rule.advice(**VALUES)):
            assert all(words.in_language(language).endswith(".") for language in LANGUAGES)


@pytest.mark.parametrize("name", ["rules.yaml", "risks.yaml", "programmes.yaml", "catalogue.yaml", "sources.yaml"])
def test_words_of_the_tables_have_latvian_quotation_marks(name):
    def texts(value):
        if isinstance(value, dict):
            for key, part in value.items():
                yield from [part] if key in {"lv", "name_lv"} else texts(part)
        elif isinstance(value, list):
            for part in value:
                yield from texts(part)

    found = list(texts(yaml.safe_load(resource("support", name).read_text("utf-8"))))
    assert found
    assert [text for text in found if re.search("[\"“‘’']|„[^”]*$", text)] == []


def test_every_mark_of_the_tables_is_told_among_the_sources():
    marks = yaml.safe_load(resource("support", "sources.yaml").read_text("utf-8"))
    told = resource("support", "SOURCES.md").read_text("utf-8")
    for name in ("rules", "risks", "programmes", "catalogue"):
        lines = re.findall(r"\b(?:src|\w*source):.*", resource("support", f"{name}.yaml").read_text("utf-8"))
        assert set(re.findall(r"\b(?:S\d|P\d+|B|I)\b", " ".join(lines))) <= set(marks)
    for mark, entry in marks.items():
        row = f"| {mark} | {entry['en']} | {entry['address'] or '–'} |"
        assert row in told


# The traps


@pytest.mark.requirement("R28", "R51")
def test_a_plain_e_mail_may_acknowledge_where_an_order_says_so_and_never_consents():
    assert BOOK.rule("consent_channel").parameters["refused"] == ["plain_email"]
    assert "plain_email" not in BOOK.rule("consent_channel").parameters["channels"]
    assert "plain_email" not in str(dict(BOOK.rule("remote_ack_kind").parameters))


@pytest.mark.requirement("R54", "R55")
def test_forty_minutes_and_ten_a_week_are_no_general_rules():
    for rule_id, name, limit in (("in_person_minutes", "max_minutes", 40), ("in_person_week", "max_per_week", 10)):
        rule = BOOK.rule(rule_id)
        assert (rule.applies_to, rule.parameters[name]) == ("in_person", limit)
        assert BOOK.in_force(rule_id, date(2021, 2, 7), "pumpurs") is None
        assert BOOK.in_force(rule_id, date(2026, 11, 22), "own") is None
    assert BOOK.rule("in_person_week").parameters["provider_roles"] == ["subject_teacher"]


def test_the_limits_beside_the_measures_are_those_of_the_rules():
    (teacher,) = [measure for measure in catalogue().measures if measure.code == "KA-PED"]
    limits = {name: value for limit in teacher.limits if "regime" in limit for name, value in limit.items()}
    assert limits["max_minutes"] == BOOK.rule("in_person_minutes").parameters["max_minutes"]
    assert limits["max_per_week"] == BOOK.rule("in_person_week").parameters["max_per_week"]
    (project,) = [measure for measure in catalogue().measures if measure.code == "JI-PRO"]
    assert {"amount_eur": 4600}.items() <= project.limits[0].items()
    assert BOOK.rule("youth_amount").parameters["amount_eur"] == 4600


@pytest.mark.requirement("R62")
def test_support_was_suspended_until_remote_consultations_came_back():
    in_force = {
        day: [rule.rule_id for rule in BOOK.about("support", day, "pumpurs") if rule.rule_id.startswith("suspended")]
        for day in (date(2020, 3, 11), date(2020, 3, 12), date(2020, 3, 22), date(2020, 3, 23), date(2020, 4, 15))
    }
    assert list(in_force.values()) == [[], ["suspended_2020"], ["suspended_2020"], ["suspended_other_2020"], []]
    assert BOOK.rule("suspended_other_2020").parameters["allowed"] == ["remote_consultation"]
    assert BOOK.in_force("remote_order", date(2020, 3, 23), "pumpurs")


@pytest.mark.requirement("R2")
def test_grade_4_comes_into_the_programme_in_september_2021():
    lowest = {}
    for day in (date(2019, 10, 1), date(2021, 8, 31), date(2021, 9, 1)):
        (rule,) = [rule for rule in BOOK.about("plan", day, "pumpurs") if "min_grade" in rule.parameters]
        lowest[day] = rule.parameters["min_grade"]
    assert list(lowest.values()) == [5, 5, 1]


# Periods


def test_a_period_refuses_the_days_outside_and_binds_its_own_programme():
    assert BOOK.outside("project_period", date(2017, 2, 28), "pumpurs")
    assert BOOK.outside("project_period", date(2017, 3, 1), "pumpurs") is None
    assert BOOK.outside("project_period", date(2023, 12, 31), "pumpurs") is None
    rule = BOOK.outside("project_period", date(2024, 1, 1), "pumpurs")
    assert rule.advice().in_language("lv") == "Izvēlieties datumu no 01.03.2017. līdz 31.12.2023. vai citu programmu."
    assert BOOK.outside("project_period", date(2024, 1, 1), "own") is None
    assert BOOK.outside("youth_calls", date(2022, 1, 1), "pumpurs")
    assert BOOK.outside("consent_required", date(2010, 1, 1), "pumpurs") is None


@pytest.mark.parametrize(("code", "rule_id"), [("pumpurs", "project_period"), ("skola_kopiena", "successor")])
def test_the_days_of_a_programme_are_those_of_its_period(code, rule_id):
    (rule,) = BOOK.rows(rule_id)
    assert rule.programmes == (code,)
    assert (rule.valid_from, rule.valid_to) == (programme(code).starts_on, programme(code).ends_on)


# Refusals


@pytest.mark.requirement("R63")
def test_a_refusal_says_what_holds_what_was_found_what_to_do_and_which_rule_with_its_source():
    rule = BOOK.in_force("in_person_minutes", date(2021, 2, 8), "pumpurs")
    with pytest.raises(Refused) as refused:
        refuse(rule, found=message("{value} minutes", value=41), where="consultation")
    error = refused.value
    assert isinstance(error, UsageError)
    assert (error.exit_code, error.rule_id) == (2, "in_person_minutes")
    assert error.source.in_language("lv") == "Skrundas novada pašvaldības lapa (2018–2021)"
    assert error.in_both_languages() == (
        "consultation: Klātienes konsultācijas ilgums šajā laikā nedrīkst pārsniegt 40 min. 41 minūtes"
        " Pārbaudiet ilgumu vai sadaliet darbu vairākās konsultācijās."
        " Noteikums in_person_minutes, spēkā no 08.02.2021.; avots: Skrundas novada pašvaldības lapa (2018–2021).\n"
        "consultation: A face-to-face consultation may not last longer than 40 minutes at this time. 41 minutes"
        " Check the length, or divide the work among several consultations."
        " Rule in_person_minutes, in force from 8 Feb 2021; source: Skrunda municipality's page (2018–2021)."
    )


def test_a_refusal_speaks_days_and_words_in_the_reader_s_language():
    found = Words(en="The plan began on {day}.", lv="Plāns sākts {day}").filled(day=date(2021, 1, 1))
    with pytest.raises(Refused) as refused:
        refuse(BOOK.rule("consent_start"), found=found, day=date(2021, 1, 2))
    assert refused.value.in_language("lv").startswith("Plānu drīkst uzsākt no 02.01.2021. Plāns sākts 01.01.2021. ")
    assert refused.value.in_language("en").startswith("The plan may be begun from 2 Jan 2021. The plan began on 1 Jan")


def test_a_school_s_own_lower_number_stands_in_for_the_rule_s():
    words = BOOK.rule("in_person_week").said(done=8, max_per_week=8)
    assert words.in_language("lv") == "Nedēļas limits sasniegts (8 no 8)."


def test_a_rule_is_not_said_with_an_empty_place():
    with pytest.raises(TypeError, match="day"):
        refuse(BOOK.rule("consent_start"), found=message("{value} minutes", value=1))


# Later rows


def _small(*rows: dict[str, object]) -> Rulebook:
    full = BOOK.rule("in_person_minutes").as_row()
    return Rulebook(tuple(read_rule({**full, **row}, BOOK.matters) for row in rows), BOOK.matters)


def _days(book: Rulebook, rule_id: str = "in_person_minutes") -> list[tuple[object, ...]]:
    return [
        (rule.valid_from.isoformat(), rule.valid_to and rule.valid_to.isoformat(), rule.parameters["max_minutes"])
        for rule in book.rows(rule_id)
    ]


def test_a_later_row_ends_an_open_rule():
    book = BOOK.with_changes([{"id": "in_person_minutes", "to": "2021-06-30"}])
    assert _days(book) == [("2021-02-08", "2021-06-30", 40)]
    assert len(book.rules) == len(BOOK.rules)
    assert _days(BOOK) == [("2021-02-08", None, 40)]


def test_new_parameters_hold_from_their_day_and_the_old_ones_before_it():
    book = BOOK.with_changes([{"id": "in_person_minutes", "from": "2021-04-01", "parameters": {"max_minutes": 30}}])
    assert _days(book) == [("2021-02-08", "2021-03-31", 40), ("2021-04-01", None, 30)]
    assert book.in_force("in_person_minutes", date(2021, 3, 31)).parameters["max_minutes"] == 40
    assert book.in_force("in_person_minutes", date(2021, 4, 1)).parameters["max_minutes"] == 30


def test_after_a_change_with_a_last_day_the_old_row_goes_on():
    change = {"id": "in_person_minutes", "from": "2021-04-01", "to": "2021-04-30", "parameters": {"max_minutes": 30}}
    assert _days(BOOK.with_changes([change])) == [
        ("2021-02-08", "2021-03-31", 40),
        ("2021-04-01", "2021-04-30", 30),
        ("2021-05-01", None, 40),
    ]


def test_the_row_published_last_counts():
    changes = [
        {"id": "in_person_minutes", "from": "2021-04-01", "parameters": {"max_minutes": 30}},
        {"id": "in_person_minutes", "from": "2021-04-01", "parameters": {"max_minutes": 35}},
        {"id": "in_person_minutes", "from": "2021-03-01", "to": None, "parameters": {"max_minutes": 20}},
    ]
    assert _days(BOOK.with_changes(changes[:2]))[1:] == [("2021-04-01", None, 35)]
    assert _days(BOOK.with_changes(changes)) == [("2021-02-08", "2021-02-28", 40), ("2021-03-01", None, 20)]


def test_a_change_that_names_no_last_day_ends_with_the_row_that_it_changes():
    changes = [
        {"id": "in_person_minutes", "from": "2021-04-01", "parameters": {"max_minutes": 30}},
        {"id": "in_person_minutes", "from": "2021-03-01", "parameters": {"max_minutes": 20}},
    ]
    assert _days(BOOK.with_changes(changes)) == [
        ("2021-02-08", "2021-02-28", 40),
        ("2021-03-01", "2021-03-31", 20),
        ("2021-04-01", None, 30),
    ]


def test_a_change_for_one_programme_leaves_the_others_as_they_are():
    book = BOOK.with_changes([{"id": "economic_certificate", "programmes": ["own"], "to": "2023-12-31"}])
    day = date(2024, 1, 1)
    assert book.in_force("economic_certificate", day, "own") is None
    assert book.in_force("economic_certificate", date(2023, 12, 31), "own")
    assert book.in_force("economic_certificate", day, "skola_kopiena")
    assert book.in_force("economic_certificate", day, "pumpurs")


def test_other_parameters_of_a_changed_rule_stay():
    book = BOOK.with_changes([{"id": "in_person_week", "from": "2021-03-01", "parameters": {"max_per_week": 8}}])
    rule = book.in_force("in_person_week", date(2021, 3, 1))
    assert dict(rule.parameters) == {"max_per_week": 8, "provider_roles": ["subject_teacher"]}


def test_the_state_can_turn_its_step_on_for_a_programme_and_prolong_a_period():
    change = {"id": "state_step", "from": "2025-09-01", "programmes": ["skola_kopiena"], "note": ""}
    full = {**BOOK.rule("state_step").as_row(), **change}
    book = BOOK.with_changes([full, {"id": "successor", "to": "2030-08-31"}])
    assert book.in_force("state_step", date(2025, 8, 31), "skola_kopiena") is None
    assert book.in_force("state_step", date(2025, 9, 1), "skola_kopiena")
    assert book.in_force("state_step", date(2025, 9, 1), "pumpurs")
    assert book.outside("successor", date(2030, 1, 1), "skola_kopiena") is None


def test_a_row_comes_back_from_its_plain_fields_as_it_was():
    for rule in BOOK.rules:
        assert read_rule(rule.as_row(), BOOK.matters) == rule


def test_rows_of_one_rule_that_overlap_are_refused():
    with pytest.raises(UsageError, match="in_person_minutes"):
        _small({"to": "2021-06-30"}, {"from": "2021-06-30"})
    assert len(_small({"to": "2021-06-30"}, {"from": "2021-07-01"}).rules) == 2
    assert len(_small({"programmes": ["own"]}, {"programmes": ["pumpurs"]}).rules) == 2
    with pytest.raises(UsageError):
        _small({"programmes": None}, {"programmes": ["pumpurs"]})


def test_a_file_whose_rows_overlap_is_refused_at_reading(tmp_path):
    row = BOOK.rule("youth_amount").as_row()
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"matters": {"youth": {"lv": "x", "en": "y"}}, "rules": [row, row]}), "utf-8")
    with pytest.raises(UsageError, match="youth_amount"):
        read_rulebook(path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("from", "2021-02-30"),
        ("to", "2021-02-07"),
        ("programmes", ["nothing"]),
        ("programmes", []),
        ("applies_to", "nothing"),
        ("source", ["P99"]),
        ("source", []),
        ("message", {"lv": "Vienādi {a}.", "en": "Equal {b}."}),
        ("remedy", {"lv": "", "en": ""}),
        ("unknown", 1),
        ("id", "Not an id"),
    ],
)
def test_a_later_row_that_is_not_sound_is_refused_with_its_field(field, value):
    with pytest.raises(UsageError) as refused:
        BOOK.with_changes([{**BOOK.rule("in_person_minutes").as_row(), field: value}])
    assert refused.value.where == "row 1"
    assert "nothing" not in str(refused.value)


def test_a_rule_that_differs_by_programme_is_asked_for_with_one():
    book = _small({"programmes": ["own"]}, {"programmes": ["pumpurs"]})
    with pytest.raises(ValueError, match="programme"):
        book.in_force("in_person_minutes", date(2021, 3, 1))
    with pytest.raises(KeyError):
        book.in_force("no_such_rule", date(2021, 3, 1))
