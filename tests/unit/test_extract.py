"""The form of the published extracts."""

from __future__ import annotations

import json
from datetime import date

import pytest

from riskmodel.views import extract

RUN = {"run_id": "r1", "cut_off_on": date(2026, 11, 22), "horizon_on": "2027-09-30", "origin": "synthetic"}
SCHOOL = {
    "school_id": "101",
    "school_name": "Pirmā skola",
    "school_kind": "general",
    "municipality_code": "LV0001000",
    "places": 1,
    "is_capacity_assumed": True,
}


def _score(pupil_id, place, **changed):
    return {
        "pupil_id": pupil_id,
        "class_code": "9.a",
        "stage_kind": "grade",
        "stage_number": 9,
        "raw_score": -1.0,
        "base_score": -3.0,
        "probability": 0.27,
        "probability_low": float("nan"),
        "probability_high": None,
        "band_code": "high",
        "state_code": "scored",
        "place": place,
        "is_within_capacity": place == 1,
        "has_attendance_data": True,
        "has_learning_data": False,
        "has_economic_data": True,
    } | changed


def _reason(pupil_id, code, contribution):
    return {
        "pupil_id": pupil_id,
        "feature_code": code,
        "group_code": "attendance",
        "is_malleable": True,
        "contribution": contribution,
        "own_value": 27.0,
        "usual_value": 4.0,
        "usual_of": "class",
    }


def _extract(scores, reasons=()):
    return extract.school_extract(RUN, SCHOOL, scores, reasons, [], [])


def test_pupils_stand_in_order_of_need_whatever_the_order_of_the_rows():
    found = _extract([_score("b" * 32, 2, band_code="low"), _score("a" * 32, 1)])
    assert [pupil["place"] for pupil in found["pupils"]] == [1, 2]
    assert found["counts"] == {
        "pupils": 2,
        "band_high": 1,
        "band_medium": 0,
        "band_low": 1,
        "unsure": 0,
        "too_little_data": 0,
        "within_capacity": 1,
    }


def test_base_score_reasons_and_rest_add_up_to_the_raw_score_when_there_are_more_reasons_than_kept():
    pupil_id = "c" * 32
    reasons = [_reason(pupil_id, f"f{n}", 0.5 - n / 10) for n in range(extract.REASONS_KEPT + 3)]
    pupil = _extract([_score(pupil_id, 1)], reasons)["pupils"][0]
    assert len(pupil["reasons"]) == extract.REASONS_KEPT
    total = pupil["base_score"] + sum(reason["contribution"] for reason in pupil["reasons"]) + pupil["rest"]
    assert total == pytest.approx(pupil["raw_score"])
    sizes = [abs(reason["contribution"]) for reason in pupil["reasons"]]
    assert sizes == sorted(sizes, reverse=True)


def test_a_missing_number_is_none_and_never_zero_and_the_extract_is_strict_json():
    pupil = _extract([_score("d" * 32, 1)])["pupils"][0]
    assert pupil["probability_low"] is None
    assert pupil["no_data_on"] == ["learning"]
    json.dumps(_extract([_score("d" * 32, 1)]), allow_nan=False)


def test_a_name_in_a_score_row_does_not_get_into_the_extract():
    found = _extract([_score("e" * 32, 1, first_name="Ilze", register_id="010101-11111")])
    assert "Ilze" not in json.dumps(found)
    assert "010101" not in json.dumps(found)


def test_an_unknown_origin_is_refused():
    with pytest.raises(ValueError, match="origin"):
        extract.school_extract(RUN | {"origin": "guessed"}, SCHOOL, [], [], [], [])


def test_the_findings_refuse_a_table_that_no_page_knows_and_leave_a_missing_one_empty():
    with pytest.raises(ValueError, match="evaluations"):
        extract.findings_extract(RUN, evaluations=[])
    assert extract.findings_extract(RUN)["subgroup"] == []


def test_the_index_names_the_file_of_each_school():
    found = extract.index_extract(RUN, [SCHOOL])
    assert found["schools"][0]["file"] == "school/101.json"
    assert found["run"]["cut_off_on"] == "2026-11-22"


def test_values_of_the_array_libraries_become_plain_ones():
    import numpy as np
    import pandas as pd

    found = [
        extract.plain(value) for value in (np.float64(0.5), np.nan, pd.NaT, pd.Timestamp("2026-11-22"), np.bool_(1))
    ]
    assert found == [0.5, None, None, "2026-11-22", True]
    assert extract.plain(np.int64(0)) == 0
