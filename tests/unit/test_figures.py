"""Pictures: well-formed, described, escaped, and with bars and dots where the numbers say."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from riskmodel.views import figures, svg

SVG = "{http://www.w3.org/2000/svg}"
BINS = [{"mean_probability": 0.1, "left_share": 0.12, "low": 0.08, "high": 0.2, "pupils": 50}]
CURVE = [
    {"model_code": code, "places_share": share, "recall": recall, "low": None, "high": None}
    for code, share, recall in (("random", 0, 0), ("random", 1, 1), ("boosting", 0, 0), ("boosting", 0.5, 0.9))
]
COHORTS = [
    {"cohort_on": "2025-11-22", "pupils": 400, "left": 10},
    {"cohort_on": "2026-11-22", "pupils": 380, "left": None},
]
ALL = {
    "calibration": lambda language: figures.calibration_plot(BINS, language),
    "capacity": lambda language: figures.capacity_curve(CURVE, language, 0.1),
    "dots": lambda language: figures.interval_dots(
        [figures.Dot("a", 0.8, 0.7, 0.9, is_main=True), figures.Dot("b", None)], "AUC", language, is_share=False
    ),
    "contributions": lambda language: figures.contribution_bars([("a", 0.5), ("b", -0.1)], language),
    "histogram": lambda language: figures.histogram([(0, 0.5, 9), (0.5, 1, 1)], language),
    "missing": lambda language: figures.missingness_bars([{"group_code": "learning", "no_data_share": None}], language),
    "cohorts": lambda language: figures.cohort_bars(COHORTS, language),
}


@pytest.mark.parametrize("language", ["lv", "en"])
@pytest.mark.parametrize("name", ALL)
def test_every_picture_has_a_title_a_description_and_no_fixed_width(name, language):
    root = ET.fromstring(ALL[name](language))
    assert root.get("role") == "img"
    assert root.get("viewBox")
    assert root.get("width") is None
    named = root.get("aria-labelledby").split()
    assert [root.find(f"{SVG}{part}").get("id") for part in ("title", "desc")] == named
    assert all(root.find(f"{SVG}{part}").text for part in ("title", "desc"))
    assert [element.tag for element in root.iter() if element.get("style")] == []


@pytest.mark.parametrize(
    "draw", [figures.calibration_plot, figures.capacity_curve, figures.cohort_bars, figures.histogram]
)
def test_a_picture_of_nothing_says_so_and_does_not_fail(draw):
    assert "nav datu" in draw([], "lv")


def test_a_label_that_looks_like_markup_is_text():
    picture = figures.contribution_bars([("<script>alert(1)</script>", 1.0)], "en")
    assert "<script" not in picture
    assert "&lt;script&gt;" in picture


def test_a_bar_that_raises_goes_to_the_right_and_is_in_proportion():
    root = ET.fromstring(figures.contribution_bars([("up", 2.0), ("down", -1.0)], "en"))
    bars = [bar for bar in root.iter(f"{SVG}rect") if bar.get("fill") in {svg.RAISES, svg.LOWERS}]
    middle = figures.WIDTH / 2
    up, down = bars
    assert float(up.get("x")) == middle
    assert float(down.get("x")) + float(down.get("width")) == pytest.approx(middle, abs=0.11)
    assert float(up.get("width")) == pytest.approx(2 * float(down.get("width")), abs=0.2)


def test_an_unknown_value_has_no_dot_and_is_said_in_words():
    root = ET.fromstring(figures.interval_dots([figures.Dot("a", None, None, None)], "AUC", "lv", is_share=True))
    assert list(root.iter(f"{SVG}circle")) == []
    assert "nav datu" in [text.text for text in root.iter(f"{SVG}text")]


def test_a_calibrated_bin_lies_on_the_diagonal():
    row = {"mean_probability": 0.2, "left_share": 0.2, "low": None, "high": None}
    root = ET.fromstring(figures.calibration_plot([row], "en"))
    (dot,) = root.iter(f"{SVG}circle")
    diagonal = next(line for line in root.iter(f"{SVG}line") if line.get("stroke-dasharray"))
    x1, y1, x2, y2 = (float(diagonal.get(name)) for name in ("x1", "y1", "x2", "y2"))
    share = (float(dot.get("cx")) - x1) / (x2 - x1)
    assert float(dot.get("cy")) == pytest.approx(y1 + share * (y2 - y1), abs=0.2)
    assert share == pytest.approx(1, abs=0.01)


def test_only_the_model_has_a_full_line_in_the_capacity_curve():
    root = ET.fromstring(figures.capacity_curve(CURVE, "en"))
    dashed = [line.get("stroke-dasharray") is not None for line in root.iter(f"{SVG}polyline")]
    assert dashed == [False, True]


def test_numbers_beside_each_other_have_as_many_decimals():
    picture = figures.bars([("a", 0.1), ("b", 0.094)], "title", "lv", is_share=False)
    assert ">0,10<" in picture
    assert ">0,09<" in picture
