"""Who gets a place."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from riskmodel.errors import UsageError
from riskmodel.risk.capacity import WHOLE, Capacity, chance_of_place, place_in_school


def test_a_tenth_of_thirty_is_three_and_of_thirty_one_four():
    schools = pd.Series(["1"] * 30 + ["2"] * 31)
    assert Capacity(0.1).by_school(schools) == {"1": 3, "2": 4}


def test_delivered_places_go_before_the_share():
    assert Capacity(0.5, {"1": 0}).by_school(pd.Series(["1", "2", "2"])) == {"1": 0, "2": 1}


def test_without_walls_the_places_of_all_schools_are_one_sum():
    schools = pd.Series(["1"] * 5 + ["2"] * 5)
    assert Capacity(0.2, is_within_school=False).by_school(schools) == {WHOLE: 2}


def test_a_place_is_certain_above_the_cut_and_shared_among_those_who_tie_at_it():
    score = np.array([5.0, 3.0, 3.0, 3.0, 1.0])
    chance = chance_of_place(score, pd.Series(["1"] * 5), Capacity(places={"1": 3}))
    np.testing.assert_allclose(chance, [1, 2 / 3, 2 / 3, 2 / 3, 0])


def test_each_school_has_its_own_cut():
    score, schools = np.array([9.0, 8.0, 1.0, 0.0]), pd.Series(["1", "1", "2", "2"])
    assert chance_of_place(score, schools, Capacity(0.5)).tolist() == [1, 0, 1, 0]
    assert chance_of_place(score, schools, Capacity(0.5, is_within_school=False)).tolist() == [1, 1, 0, 0]


def test_the_chances_add_up_to_the_places():
    generator = np.random.default_rng(1)
    schools = pd.Series(generator.integers(0, 7, 300).astype(str))
    capacity = Capacity(0.13)
    chance = chance_of_place(generator.integers(0, 5, 300).astype(float), schools, capacity)
    sums = pd.Series(chance).groupby(schools.to_numpy()).sum()
    assert sums.to_dict() == pytest.approx(capacity.by_school(schools))


def test_more_places_than_pupils_give_everybody_one():
    assert chance_of_place(np.array([1.0, 0.0]), pd.Series(["1", "1"]), Capacity(places={"1": 9})).tolist() == [1, 1]


@pytest.mark.requirement("R17")
def test_the_place_in_the_list_goes_by_score_and_then_by_pseudonym():
    place = place_in_school(
        np.array([0.5, 0.9, 0.5, 0.1]), pd.Series(["1", "1", "1", "2"]), pd.Series(["b", "c", "a", "d"])
    )
    assert place.tolist() == [3, 1, 2, 1]


@pytest.mark.parametrize("capacity", [Capacity(0.0), Capacity(1.1), Capacity(places={"1": -1})])
def test_an_impossible_capacity_is_refused(capacity):
    with pytest.raises(UsageError, match="capacity"):
        capacity.by_school(pd.Series(["1"]))
