"""The codebook names everything that a delivery may hold and that the model may look at."""

from __future__ import annotations

import pytest

from riskmodel.risk.features import FEATURES
from riskmodel.runs import codebook
from riskmodel.tables.canonical import CANONICAL


@pytest.mark.parametrize("language", ["lv", "en"])
def test_the_codebook_has_every_column_and_feature_with_a_meaning(language):
    columns, features = codebook.columns(language), codebook.features(language)
    assert list(columns.index) == [(table.name, column.name) for table in CANONICAL for column in table.columns]
    assert list(features.index) == [declared.code for declared in FEATURES]
    assert (columns["meaning"].str.len() > 0).all()
    assert (features[["name", "meaning"]].map(len) > 0).all(axis=None)


def test_the_codebook_says_which_codes_are_allowed():
    allowed = codebook.columns("en").loc[("attendance", "attendance_code"), "allowed"]
    assert allowed == "unexcused, excused, absent, late, present"
