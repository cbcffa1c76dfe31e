"""The picture of cost against size."""

from __future__ import annotations

import re

import pytest

from riskmodel.messages import message
from riskmodel.views.scaling import cost_curve

TITLE, UNIT = message("number of pupils"), message("number of pupils")


def drawn(lines, language="en"):
    return str(cost_curve(lines, TITLE, UNIT, language))


def paths(markup):
    return [
        [tuple(map(float, point.split(","))) for point in text.split()]
        for text in re.findall(r'points="([^"]+)"', markup)
    ]


def test_a_cost_in_proportion_lies_on_the_reference_and_a_slower_one_below_it():
    proportional, slower, _ = paths(drawn({"a": [(10_000, 1), (100_000, 10)], "b": [(10_000, 1), (100_000, 4)]}))
    reference = paths(drawn({"a": [(10_000, 1), (100_000, 10)]}))[-1]
    assert proportional == reference
    assert slower[-1][1] > proportional[-1][1]  # further down on the sheet


def test_equal_factors_are_equal_distances():
    ((one, two, three), _) = paths(drawn({"a": [(1_000, 1), (10_000, 10), (100_000, 100)]}))
    assert two[0] - one[0] == pytest.approx(three[0] - two[0], abs=0.2)
    assert one[1] - two[1] == pytest.approx(two[1] - three[1], abs=0.2)


@pytest.mark.parametrize(("language", "said"), [("lv", "nav datu"), ("en", "no data")])
def test_nothing_measured_is_said_and_not_drawn(language, said):
    assert said in drawn({"a": []}, language)
    assert paths(drawn({"a": []}, language)) == []


def test_the_description_tells_every_point():
    assert "a: 10,000 → 1.5, 20,000 → 3" in drawn({"a": [(20_000, 3), (10_000, 1.5)]})
