"""The benchmark of the audit, on few and small cohorts."""

from __future__ import annotations

import numpy as np
import pytest

from riskmodel.bench import worth_fairness
from riskmodel.bench.worth_fairness import PLANTED, RECORDED, WORLDS, invented


@pytest.fixture(scope="module")
def report():
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(worth_fairness, "QUICK_COHORTS", 4)
        changed.setattr(worth_fairness, "QUICK_PUPILS", 60_000)
        changed.setattr(worth_fairness, "REPLICATES", 50)
        return worth_fairness.measure(None, lambda told: None, quick=True)


def test_the_planted_errors_are_found_and_nothing_is_flagged_where_all_are_alike(report):
    assert report["unfairness_found"] >= 0.75
    assert report["false_flags"] == 0
    assert report["cohorts_of_each_world"] == 4


def test_the_base_rate_is_named_and_no_measurement(report):
    assert report["base_rate_named"] == 1
    assert report["measurement_wrongly_named"] == 0


def test_the_recorded_absence_of_the_planted_group_is_two_thirds_in_the_world_of_errors_alone(monkeypatch):
    seen = []
    monkeypatch.setattr(
        worth_fairness, "ridge", lambda columns, label, penalty: (seen.append(columns), (np.ones(2), 0.0))[1]
    )
    pupils = invented(20_000, "error", 1)
    assert PLANTED[1] == ("sex", "m")  # half of the pupils
    assert pupils.label.sum() > 0
    assert seen[0][:, 0].mean() == pytest.approx(0.06 * (1 + RECORDED) / 2, rel=0.03)
    invented(20_000, "fair", 1)
    assert seen[1][:, 0].mean() == pytest.approx(0.06, rel=0.03)


@pytest.mark.parametrize("world", WORLDS)
def test_a_cohort_is_the_same_each_time_and_schools_have_their_tenth_of_places(world):
    one, two = (invented(5000, world, 2) for _ in range(2))
    np.testing.assert_array_equal(one.probability, two.probability)
    np.testing.assert_array_equal(one.group, two.group)
    pupils, places = (np.bincount(one.school, each) for each in (np.ones(5000), one.chance))
    np.testing.assert_allclose(places, np.ceil(0.1 * pupils - 1e-9))
