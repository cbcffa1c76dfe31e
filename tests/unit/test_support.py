"""The catalogue of support measures."""

from __future__ import annotations

import pytest

from riskmodel.support import catalogue as support


def test_the_catalogue_holds_the_measures_of_the_programme_with_words_in_both_languages():
    found = support.catalogue()
    assert {measure.code for measure in found.measures} >= {"KA-PED", "KA-PSI", "KO-TRA", "JI-PRO"}
    for measure in found.measures:
        assert measure.names["lv"] != measure.names["en"]
        assert measure.provider_role in support.PROVIDERS or not measure.provider_role
        assert {condition.requires for condition in measure.conditions} <= set(support.CONDITIONS)
        assert {condition.circumstance for condition in measure.conditions} <= {"", *support.CIRCUMSTANCES}


@pytest.mark.requirement("R11")
def test_no_group_of_features_leads_to_a_health_or_family_risk():
    groups = ["attendance", "learning", "economic", "context", "anything"]
    assert not set(support.risk_groups_of(groups)) & set(support.GROUPS_KNOWN_TO_PEOPLE_ONLY)


@pytest.mark.requirement("R10")
def test_economic_reasons_lead_to_economic_support_and_not_to_consultations():
    found = support.catalogue().for_risk_groups(support.risk_groups_of(["economic"]))
    assert {measure.group for measure in found} == {"economic"}


@pytest.mark.requirement("R44")
def test_economic_support_asks_for_the_certificate_before_the_plan():
    (tickets,) = [measure for measure in support.catalogue().measures if measure.code == "KO-TRA"]
    assert support.Condition("economic_certificate", "plan_preparation") in tickets.conditions
    assert tickets.is_through_municipality


def test_limits_of_february_2021_are_not_shown_as_limits_that_always_hold():
    (teacher,) = [measure for measure in support.catalogue().measures if measure.code == "KA-PED"]
    assert [limit["max_minutes"] for limit in teacher.limits if "max_minutes" in limit] == [40]
    assert teacher.limit_words("lv") == []
    (project,) = [measure for measure in support.catalogue().measures if measure.code == "JI-PRO"]
    assert any("4600" in text for text in project.limit_words("lv"))


def test_every_word_of_the_catalogue_has_its_latvian():
    for table in (support.PROVIDERS, support.CONDITIONS, support.CIRCUMSTANCES, support.AUDIENCES, support.TOPICS):
        assert [text.text for text in table.values() if text.in_language("lv") == text.in_language("en")] == []


def test_a_measure_that_names_an_unknown_risk_group_is_refused(tmp_path):
    text = support.resource("support", "catalogue.yaml").read_text("utf-8")
    path = tmp_path / "catalogue.yaml"
    path.write_text(text.replace("addresses: [SV, GI, MI]", "addresses: [SV, GI, XX]", 1), "utf-8")
    with pytest.raises(ValueError, match="KA-PSI"):
        support.read_catalogue(path)


@pytest.mark.requirement("R69", "X12")
def test_support_for_educators_says_for_whom_it_is_and_its_limits():
    by_code = {one.code: one for one in support.catalogue().educators}
    assert by_code["PA-SUP"].provider("lv") == "sertificēts supervizors"
    assert "ne vairāk kā 10 dalībnieku" in by_code["PA-SUP"].facts("lv")
    assert by_code["PA-DAS"].facts("en") == ["for a school's team"]
