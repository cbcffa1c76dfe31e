"""Where the cut lay when places went by score."""

from __future__ import annotations

import numpy as np
import pytest

from riskmodel.errors import UsageError
from riskmodel.risk.effects.allocation import cuts_of
from riskmodel.risk.effects.cut_checks import density_test


def test_the_cut_lies_half_way_and_lists_without_one_have_none():
    score = np.array([5.0, 3.0, 2.0, 9.0, 8.0, 4.0, 1.0])
    place = np.array([True, False, False, True, True, False, False])
    found = cuts_of(score, place, np.array([7, 7, 7, 4, 4, 2, 2]))
    assert found.cut[:3].tolist() == [4.0, 4.0, 4.0]
    assert np.isnan(found.cut[3:]).all()
    assert not found.is_tied.any()


def test_those_with_the_score_of_the_cut_are_tied_when_not_all_got_a_place():
    score = np.array([5.0, 3.0, 3.0, 3.0, 2.0])
    found = cuts_of(score, np.array([True, True, False, False, False]), np.zeros(5, dtype=int))
    assert found.is_tied.tolist() == [False, True, True, True, False]
    assert found.cut.tolist() == [3.0] * 5


def test_a_list_that_did_not_go_by_score_is_refused():
    with pytest.raises(UsageError, match="highest scores"):
        cuts_of(np.array([1.0, 2.0]), np.array([True, False]), np.zeros(2, dtype=int))


def test_no_pile_stands_at_the_cut_while_one_stands_at_the_lowest_score_with_a_place():
    generator = np.random.default_rng(1)
    score, listing = generator.beta(2, 5, 40_000), np.repeat(np.arange(400), 100)
    order = np.lexsort((-score, listing))
    place = np.zeros(40_000, dtype=bool)
    place[order] = np.arange(40_000) % 100 < 20
    found = cuts_of(score, place, listing)
    assert density_test(score - found.cut, 0.2) > 0.001
    lowest = np.array([score[(listing == one) & place].min() for one in range(400)])
    assert density_test(score - lowest[listing], 0.2) < 0.001
