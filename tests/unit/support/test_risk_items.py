"""The risks that a plan can name."""

from __future__ import annotations

import pytest

from riskmodel.support.catalogue import GROUPS_KNOWN_TO_PEOPLE_ONLY, catalogue
from riskmodel.support.risks import risk_groups, risk_item, risk_items
from riskmodel.support.rules import cited


def test_there_are_four_groups_with_the_catalogue_s_names():
    assert list(risk_groups()) == ["MI", "SV", "EK", "GI"] == list(catalogue().risk_groups)
    assert risk_groups()["MI"].in_language("lv") == "Mācību darba un izglītības iestādes riski"


def test_each_group_has_its_risks():
    counts = {group: sum(item.group == group for item in risk_items()) for group in risk_groups()}
    assert counts == {"MI": 9, "SV": 7, "EK": 5, "GI": 5}
    assert len({item.code for item in risk_items()}) == len(risk_items())


def test_data_inform_no_risk_of_health_or_family():
    known = {item.code for item in risk_items() if item.is_known_from_data}
    assert known == {"MI1", "MI2", "MI3", "MI4", "MI5", "EK1"}
    assert not {risk_item(code).group for code in known} & set(GROUPS_KNOWN_TO_PEOPLE_ONLY)
    assert not any(risk_item(code).is_sensitive for code in known)


def test_every_risk_of_health_and_family_is_sensitive():
    assert all(item.is_sensitive for item in risk_items() if item.group in GROUPS_KNOWN_TO_PEOPLE_ONLY)
    assert {item.code for item in risk_items() if not item.is_sensitive} == {
        *("MI1", "MI2", "MI3", "MI4", "MI5", "MI9"),
        *("EK1", "EK3", "EK5"),
    }


def test_every_risk_has_words_in_both_languages_and_a_source():
    for item in risk_items():
        assert item.names.lv != item.names.en
        assert cited(item.source).in_language("en")


def test_an_unknown_code_is_no_risk():
    with pytest.raises(KeyError):
        risk_item("MI10")
