"""The form of the published extracts."""

from __future__ import annotations

import json
from datetime import date

import invented_run
import pyarrow as pa
import pytest

from riskmodel.risk.feature import Feature
from riskmodel.runs.extracts import CODED, SCHOOLS_AT_A_TIME, Schools
from riskmodel.runs.told import TABLES_OF_PUPILS
from riskmodel.tables.scores import REASON, SCORE
from riskmodel.views import extract

RUN = {"run_id": "r1", "cut_off_on": date(2026, 11, 22), "horizon_on": "2027-09-30", "origin": "synthetic"}
SCHOOL = {
    "school_id": "101",
    "school_name": "Pirmā skola",
    "school_kind": "general",
    "municipality_code": "LV0001000",
    "places": 1,
    "is_capacity_assumed": True,
    "has_support_data": False,
}
SPAN = extract.Span([date(2026, 11, 9), date(2026, 11, 16)], [date(2026, 11, 1)])


def _score(pupil_id, place, **changed):
    return {
        "pupil_id": pupil_id,
        "school_id": "101",
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


FEATURES = [Feature(f"f{n}", "attendance", "share", "year", "", 0, (), True) for n in range(9)]


def _reason(pupil_id, place, contribution):
    return {
        "pupil_id": pupil_id,
        "place": place,
        "feature_code": f"f{place}",
        "group_code": "attendance",
        "is_malleable": True,
        "contribution": contribution,
        "own_value": 27.0,
        "usual_value": None if place == 3 else 4.5,
        "usual_of": None if place == 3 else "class",
    }


def _files(schools, scores, reasons=(), run=RUN, coded=()):
    tables = {
        table.name: pa.Table.from_pylist(sorted(rows, key=lambda row: row["pupil_id"]), schema=table.arrow_schema())
        for table, rows in ((SCORE, scores), (REASON, reasons))
    }
    for name in coded:
        of_reasons = tables[REASON.name]
        place = of_reasons.column_names.index(name)
        tables[REASON.name] = of_reasons.set_column(place, name, of_reasons[name].dictionary_encode())
    return dict(Schools(run, FEATURES, [], [], SPAN).texts(schools, tables))


def _extract(scores, reasons=(), run=RUN):
    return extract.unfolded(json.loads(_files([SCHOOL], scores, reasons, run)["101"]))


def test_pupils_stand_in_order_of_need_whatever_the_order_of_the_rows():
    found = _extract([_score("b" * 32, 1), _score("a" * 32, 2, band_code="low")])
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


def test_base_score_reasons_and_rest_add_up_to_the_raw_score():
    pupil_id = "c" * 32
    reasons = [_reason(pupil_id, place, part) for place, part in enumerate([1.5, -0.75, 0.1], 1)]
    pupil = _extract([_score(pupil_id, 1)], reasons)["pupils"][0]
    assert [reason["contribution"] for reason in pupil["reasons"]] == [1.5, -0.75, 0.1]
    total = pupil["base_score"] + sum(reason["contribution"] for reason in pupil["reasons"]) + pupil["rest"]
    assert total == pytest.approx(pupil["raw_score"])


def test_a_reason_is_unfolded_as_it_stood_in_its_table():
    pupil_id = "c" * 32
    rows = [_reason(pupil_id, place, 1 / place) for place in range(1, 4)]
    unfolded = _extract([_score(pupil_id, 1)], rows)["pupils"][0]["reasons"]
    assert unfolded == [{name: row[name] for name in unfolded[0]} for row in rows]
    assert set(unfolded[0]) == set(rows[0]) - {"pupil_id", "place"}


def test_reasons_that_come_as_numbers_into_lists_of_their_texts_give_the_same_file():
    rows = [_reason(pupil_id, place, 1 / place) for pupil_id in ("c" * 32, "d" * 32) for place in range(1, 4)]
    scores = [_score("c" * 32, 1), _score("d" * 32, 2)]
    assert _files([SCHOOL], scores, rows, coded=CODED[REASON.name]) == _files([SCHOOL], scores, rows)


def test_every_school_has_its_own_pupils_with_their_own_reasons():
    count = SCHOOLS_AT_A_TIME + 3
    schools = [SCHOOL | {"school_id": f"{number:03}"} for number in range(count)]
    scores, reasons = [], []
    for number in range(count):
        for place in (1, 2):
            pupil_id = f"{(7 * number + place) % 97:02}{number:03}{place}" + "0" * 26
            scores.append(_score(pupil_id, place, school_id=f"{number:03}"))
            reasons.append(_reason(pupil_id, 1, number + place / 4))
    files = _files(schools, scores, reasons)
    assert list(files) == [f"{number:03}" for number in range(count)]
    for number, (school_id, text) in enumerate(files.items()):
        found = extract.unfolded(json.loads(text))
        assert found["school"]["school_id"] == school_id
        assert [pupil["reasons"][0]["contribution"] for pupil in found["pupils"]] == [number + 0.25, number + 0.5]


def test_a_missing_number_is_none_and_never_zero_and_the_file_is_strict_json():
    pupil = _extract([_score("d" * 32, 1)])["pupils"][0]
    assert pupil["probability_low"] is None
    assert pupil["no_data_on"] == ["learning"]
    text = _files([SCHOOL], [_score("d" * 32, 1)])["101"].decode()
    assert "NaN" not in text
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"


def test_a_file_of_an_earlier_form_is_refused():
    with pytest.raises(ValueError, match="form"):
        extract.unfolded({"form": "riskmodel/school/2"})


def test_a_name_in_a_score_row_does_not_get_into_the_extract():
    found = _extract([_score("e" * 32, 1, first_name="Ilze", register_id="010101-11111")])
    assert "Ilze" not in json.dumps(found)
    assert "010101" not in json.dumps(found)


def test_an_unknown_origin_is_refused():
    with pytest.raises(ValueError, match="origin"):
        _extract([], run=RUN | {"origin": "guessed"})


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


def _told(pupil_ids, *, school=SCHOOL, **rows):
    """Return the pupils of an extract, from scores and rows of further tables by name."""
    declared = {table.name: table for table in TABLES_OF_PUPILS}
    given = {"score": [_score(pupil_id, place) for place, pupil_id in enumerate(pupil_ids, 1)], "reason": [], **rows}
    tables = {
        name: pa.Table.from_pylist(
            sorted(own, key=lambda row: [str(row[part]) for part in declared[name].key]),
            schema=declared[name].arrow_schema(),
        )
        for name, own in given.items()
    }
    ((_, text),) = Schools(RUN, FEATURES, [], [], SPAN).texts([school], tables)
    return extract.unfolded(json.loads(text))["pupils"]


FIRST, SECOND = "b" * 32, "a" * 32


def test_a_change_has_its_reasons_and_a_pupil_without_a_row_has_no_change():
    change = {"pupil_id": SECOND, "change_code": "up", "previous_band_code": "low", "previous_place": 4}
    reason = {
        "pupil_id": SECOND,
        "place": 1,
        "feature_code": "f3",
        "contribution_change": 0.5,
        "before_value": None,
        "now_value": 27.0,
    }
    first, second = _told([FIRST, SECOND], score_change=[change], change_reason=[reason])
    assert first["change"] is None
    assert second["change"] == {
        "kind": "up",
        "previous_band_code": "low",
        "previous_place": 4,
        "reasons": [
            {
                "feature_code": "f3",
                "group_code": "attendance",
                "is_malleable": True,
                "before_value": None,
                "now_value": 27,
                "contribution_change": 0.5,
            }
        ],
    }
    assert not set(extract.CHANGE_FIELDS) & set(first)


def test_what_is_assumed_one_by_one_comes_before_all_of_it_together():
    rows = [
        {
            "pupil_id": SECOND,
            "place": place,
            "feature_code": code,
            "own_value": own,
            "assumed_value": assumed,
            "probability": probability,
            "band_code": "low",
        }
        for place, code, own, assumed, probability in (
            (1, "f2", 27.0, 4.0, 0.2),
            (2, "f0", 0.5, 0.25, 0.3),
            (3, None, None, None, 0.1),
        )
    ]
    first, second = _told([FIRST, SECOND], what_if=rows)
    assert first["what_if"] == []
    assert [(one["feature_codes"], one["own_values"], one["assumed_values"]) for one in second["what_if"]] == [
        (["f2"], [27], [4]),
        (["f0"], [0.5], [0.25]),
        (["f2", "f0"], [27, 0.5], [4, 0.25]),
    ]
    assert [one["probability"] for one in second["what_if"]] == [0.2, 0.3, 0.1]


def test_a_week_without_planned_lessons_is_no_data_and_one_without_absence_is_zero():
    week = {"pupil_id": SECOND, "week_on": date(2026, 11, 16), "unexcused_lessons": 0, "excused_lessons": 2}
    month = {"pupil_id": FIRST, "month_on": date(2026, 11, 1), "mark_mean_points": 6.33, "marks": 3}
    first, second = _told([FIRST, SECOND], trend_week=[week], trend_month=[month])
    assert first["trend"] == {
        "unexcused_lessons": [None, None],
        "excused_lessons": [None, None],
        "mark_mean_points": [6.33],
        "marks": [3],
    }
    assert second["trend"] == {
        "unexcused_lessons": [None, 0],
        "excused_lessons": [None, 2],
        "mark_mean_points": [None],
        "marks": [0],
    }


def test_no_measure_and_no_data_on_measures_are_told_apart():
    rows = [
        {"pupil_id": SECOND, "measure_code": code, "from_on": from_on, "to_on": None}
        for code, from_on in (("KA-PED", date(2026, 9, 7)), ("KA-PSI", date(2026, 10, 5)))
    ]
    first, second = _told([FIRST, SECOND], support_known=rows)
    assert first["support"] is None
    assert [(one["measure_code"], one["from_on"], one["to_on"]) for one in second["support"]] == [
        ("KA-PSI", "2026-10-05", None),
        ("KA-PED", "2026-09-07", None),
    ]
    (only,) = _told([FIRST], school=SCHOOL | {"has_support_data": True})
    assert only["support"] == []


def test_the_head_names_the_run_before_and_the_days_of_the_trends():
    found = _extract([])
    assert (found["previous_run"], found["trend_weeks"]) == (None, ["2026-11-09", "2026-11-16"])
    assert invented_run.school("101", "x")["previous_run"] == {
        "run_id": "2026-05-15-0123456789ab",
        "cut_off_on": "2026-05-15",
    }
    assert {pupil["change"] for pupil in invented_run.school("101", "x", is_first_run=True)["pupils"]} == {None}
