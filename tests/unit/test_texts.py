"""The reasons of a hand-made pupil, read as a teacher reads them."""

from __future__ import annotations

import pytest

from riskmodel.views import texts


def _reason(code, own, usual, usual_of="class", contribution=0.5):
    return {
        "feature_code": code,
        "group_code": "attendance",
        "is_malleable": True,
        "own_value": own,
        "usual_value": usual,
        "usual_of": usual_of,
        "contribution": contribution,
    }


@pytest.mark.parametrize(
    ("reason", "latvian", "english"),
    [
        (
            _reason("unexcused_lessons_8w", 27.0, 4.0),
            "Neattaisnoti kavētas stundas pēdējās 8 nedēļās: 27; klasē parasti 4",
            "Lessons missed without an excuse in the last 8 weeks: 27; usually 4 in the class",
        ),
        (
            _reason("mark_mean_points_year", 4.12, 6.3, "stage"),
            "Vidējais vērtējums šajā mācību gadā (balles): 4,1; tajā pašā posmā iestādē parasti 6,3",
            "Mean mark this school year (points): 4.1; usually 6.3 at this stage in the school",
        ),
        (
            _reason("absent_share_8w", 0.18, None, None),
            "Kavēto stundu daļa pēdējās 8 nedēļās: 18\u00a0%",
            "Share of lessons missed in the last 8 weeks: 18%",
        ),
        (
            _reason("absent_share_8w", None, 0.06),
            "Nav datu par kavējumiem pēdējās 8 nedēļās",
            "No data on absence in the last 8 weeks",
        ),
        (_reason("low_income", 1.0, 0.0), "Trūcīgas vai maznodrošinātas mājsaimniecības statuss: jā", None),
    ],
)
def test_a_reason_reads_right_in_both_languages(reason, latvian, english):
    assert texts.sentence(reason, "lv") == latvian
    if english:
        assert texts.sentence(reason, "en") == english


def test_a_value_of_zero_is_said_as_zero_and_not_as_missing():
    said = texts.sentence(_reason("unexcused_lessons_8w", 0.0, 0.0), "lv")
    assert said == "Neattaisnoti kavētas stundas pēdējās 8 nedēļās: 0; klasē parasti 0"


def test_a_feature_without_words_is_shown_by_its_code_and_does_not_fail():
    assert texts.sentence(_reason("brand_new_feature", 3.0, 1.0), "lv") == "brand new feature: 3"


def test_main_reasons_raise_are_known_and_come_largest_first():
    reasons = [
        _reason("a", 1.0, None, contribution=0.1),
        _reason("b", 1.0, None, contribution=-2.0),
        _reason("c", None, None, contribution=3.0),
        _reason("d", 1.0, None, contribution=0.4),
        _reason("e", 1.0, None, contribution=0.001),
    ]
    assert [reason["feature_code"] for reason in texts.main_reasons(reasons)] == ["d", "a"]


def test_reasons_that_a_school_can_change_come_before_larger_circumstances():
    circumstance = _reason("stage_number", 1.0, None, contribution=2.0) | {"is_malleable": False}
    found = texts.main_reasons([circumstance, _reason("unexcused_lessons_8w", 9.0, None, contribution=0.3)])
    assert [reason["feature_code"] for reason in found] == ["unexcused_lessons_8w", "stage_number"]


def test_a_value_that_reads_like_the_usual_one_is_told_as_no_reason():
    like_the_class = _reason("mark_change_points_year", 0.04, -0.04, contribution=0.3)
    unlike = _reason("mark_mean_points_year", 3.4, 7.2, contribution=0.2)
    assert not texts.is_telling(like_the_class)
    assert texts.main_reasons([like_the_class, unlike]) == [unlike]


def test_a_reason_ten_times_smaller_than_the_largest_is_not_told():
    large = _reason("stage_number", 1.0, None, contribution=2.0) | {"is_malleable": False}
    small = _reason("unexcused_lessons_8w", 2.0, 1.0, contribution=0.19)
    assert texts.main_reasons([large, small]) == [large]


def test_the_same_figure_over_two_spans_of_time_is_told_once_and_by_the_larger():
    four, eight = (_reason(f"unexcused_lessons_{weeks}w", 26.0, 0.0, contribution=0.1 * weeks) for weeks in (4, 8))
    share = _reason("absent_share_8w", 0.4, 0.1, contribution=0.3)
    assert texts.main_reasons([four, share, eight]) == [eight, share]


def test_the_wage_of_a_municipality_leads_to_no_economic_support_for_a_pupil():
    area = _reason("area_gross_wage_eur", 695.0, None, contribution=2.0) | {"group_code": "economic"}
    distance = _reason("distance_km", 14.0, 3.0, contribution=0.2) | {"group_code": "economic"}
    assert texts.groups_for_support([area]) == []
    assert texts.groups_for_support([area, distance]) == ["economic"]


@pytest.mark.parametrize("code", sorted(texts.feature_texts()["features"]))
def test_every_feature_speaks_with_and_without_a_comparison(code):
    for language in ("lv", "en"):
        said = [
            texts.sentence(_reason(code, own, usual, of), language)
            for own, usual in ((1.0, 0.0), (1.0, None), (None, 1.0))
            for of in ("class", "stage", "all")
        ]
        assert all(said)
        assert not any("{" in sentence for sentence in said)
