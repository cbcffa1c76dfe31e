"""What the programme's texts name: kinds of providers, compensations, ways of support, events and materials, each in the catalogue."""

from __future__ import annotations

import pytest
import yaml

from riskmodel.register.people import ROLES
from riskmodel.settings import resource
from riskmodel.support.catalogue import TOPICS, catalogue
from riskmodel.support.schema.papers import GIVERS
from riskmodel.support.schema.plans import ASSESSORS, LEVELS
from riskmodel.support.schema.services import CONTACT_KINDS, EVENT_KINDS

OF_THE_LIST = {
    "KA-PED": "subject_teacher",
    "KA-PSI": "psychologist",
    "KA-SOC": "social_pedagogue",
    "KA-PAL": "teacher_assistant",
    "KA-SPE": "special_educator",
    "KA-SUR": "sign_interpreter",
    "KA-ASI": "assistant",
    "KA-ERG": "occupational_therapist",
}
COMPENSATIONS = {
    "KO-TRA": "Sabiedriskā transporta biļetes",
    "KO-NAK": "Naktsmītnes (dienesta viesnīca)",
    "KO-EDI": "Ēdināšana",
    "KO-MAC": "Individuālie mācību līdzekļi",
    "KO-IND": "Individuālās lietošanas priekšmeti",
    "KO-SPT": "Speciālais transports",
}
MATERIALS = (
    "Konsultēšanas vadlīnijas",
    "Rekomendācijas uzvedībai un sadarbībai klasē",
    "Rekomendācijas darbam ar vecākiem",
    "Sadarbība audzināšanas jomā",
    "Rekomendācijas konfliktu risināšanai",
    "Rekomendācijas komunikācijai un sadarbības stiprināšanai",
)
BY_CODE = {measure.code: measure for measure in catalogue().measures}


@pytest.mark.requirement("R40", "R41")
def test_eight_kinds_of_providers_consult_and_the_speech_therapist_is_the_ninth():
    consulting = {code: one.provider_role for code, one in BY_CODE.items() if one.kind == "consultation"}
    assert consulting == {**OF_THE_LIST, "KA-LOG": "speech_therapist"}


@pytest.mark.requirement("R43")
def test_six_things_are_compensated_and_a_dormitory_is_accommodation():
    found = {code: one.names["lv"] for code, one in BY_CODE.items() if one.kind == "compensation"}
    assert set(found) == set(COMPENSATIONS)
    assert all(found[code].startswith(name) for code, name in COMPENSATIONS.items())


@pytest.mark.requirement("R48")
def test_support_stands_in_three_ways_and_each_consultation_and_compensation_in_one_of_them():
    ways = {one.group for one in BY_CODE.values() if one.kind in {"consultation", "compensation"}}
    assert ways == {"subject_teacher", "specialist", "economic"}
    assert [code for code, one in BY_CODE.items() if one.group == "subject_teacher"] == ["KA-PED"]


@pytest.mark.requirement("R44", "R10")
def test_each_compensation_asks_for_the_certificate_and_goes_through_the_municipality():
    for code in COMPENSATIONS:
        assert "economic_certificate" in {condition.requires for condition in BY_CODE[code].conditions}
        assert BY_CODE[code].is_through_municipality
        assert "EK" in BY_CODE[code].risk_groups


@pytest.mark.requirement("R3")
def test_every_measure_but_work_with_the_family_is_typed_as_prevention_or_intervention():
    content = yaml.safe_load(resource("support", "catalogue.yaml").read_text("utf-8"))
    types = {entry["code"]: entry["approach"] for entry in content["measures"]}
    assert [code for code, kind in types.items() if kind not in {"prevention", "intervention"}] == ["CI-GIM"]
    assert {code for code, kind in types.items() if kind == "prevention"} == {"JI-PRO", "CI-PRE"}


@pytest.mark.requirement("R69", "R70")
def test_support_for_educators_has_six_kinds_and_tells_two_workshops_apart():
    kinds = {one.code: one.audience for one in catalogue().educators}
    assert tuple(kinds) == ("PA-SEM", "PA-SUP", "PA-DAS", "PA-DAP", "PA-KON", "PA-PKP")
    assert set(kinds) == set(EVENT_KINDS)
    assert (kinds["PA-DAS"], kinds["PA-DAP"]) == ("school_team", "interprofessional_team")


@pytest.mark.requirement("R71")
def test_competence_programmes_have_three_topics():
    (programme,) = [one for one in catalogue().educators if one.code == "PA-PKP"]
    assert set(programme.topics) == set(TOPICS)
    assert [TOPICS[topic].in_language("en") for topic in programme.topics] == [
        "a supportive environment",
        "counselling pupils",
        "effective pedagogical work",
    ]


@pytest.mark.requirement("R72")
def test_six_materials_have_their_titles_and_each_stands_beside_a_measure_that_it_helps():
    materials = catalogue().materials
    assert [materials[f"MT-{number}"]["lv"] for number in range(1, 7)] == list(MATERIALS)
    linked = {code for measure in BY_CODE.values() for code in measure.materials}
    assert {f"MT-{number}" for number in range(1, 7)} <= linked


@pytest.mark.requirement("R5")
def test_municipality_school_educators_and_parents_each_have_a_part():
    assert {"municipality", "director", "class_teacher", "subject_teacher", "support_staff"} <= set(ROLES)
    assert "municipality" in LEVELS
    assert "parent" in GIVERS
    assert "parent" in ASSESSORS
    assert "family" in CONTACT_KINDS
