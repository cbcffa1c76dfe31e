"""The benchmark of effects, and that it finds out a wrong method."""

from __future__ import annotations

import importlib
import inspect
import json

import numpy as np
import pytest

from riskmodel.bench import worth
from riskmodel.bench.planted_allocations import Cut, Judgement, Lots
from riskmodel.commands.bench import BENCHMARKS
from riskmodel.errors import RunFailedError
from riskmodel.risk.effects.estimate import Estimate, Kind
from riskmodel.risk.effects.local import jump


def silent(_text):
    return None


def small(monkeypatch):
    monkeypatch.setattr(worth, "CUT", Cut(pupils=8_000))
    monkeypatch.setattr(worth, "LOTS", Lots(ties=500))
    monkeypatch.setattr(worth, "JUDGEMENT", Judgement(pupils=1_500))
    monkeypatch.setattr(worth, "QUICK_RUNS", {"cut": 10, "lots": 10, "judgement": 2})


def test_the_report_has_the_agreed_keys(monkeypatch):
    small(monkeypatch)
    audited = {"unfairness_found": 1.0, "false_flags": 0.0, "cohorts": 1}
    monkeypatch.setattr(worth.worth_fairness, "measure", lambda *_, quick: audited)
    report = worth.measure(None, silent, quick=True)
    keys = {"rd_coverage", "aipw_coverage", "false_works", "power_gap", "wrong_sign", "unfairness_found", "false_flags"}
    assert keys <= report.keys()
    assert all(0 <= report[name] <= 1 for name in keys)
    assert report["wrongly_not_worth_having"] == 0
    assert len(report["effects"]["cut"]) == 4
    assert report["fairness"] == audited
    json.dumps(report)


@pytest.mark.parametrize("name", [name for name in BENCHMARKS if name.startswith("worth_")])
def test_every_part_of_the_question_is_a_benchmark_of_its_own(name):
    module = importlib.import_module(f"riskmodel.bench.{name}")
    assert list(inspect.signature(module.measure).parameters) == ["data", "say", "quick"]


def test_the_same_allocations_are_drawn_at_every_call(monkeypatch):
    monkeypatch.setattr(worth, "LOTS", Lots(ties=100))
    one, other = (worth.planted("lots", worth.by_lots(), 0.5, 3, silent) for _ in range(2))
    assert one.values.tolist() == other.values.tolist()
    assert len(set(one.values)) == 3


def test_a_plain_difference_misses_its_coverage_and_claims_effects_that_are_none():
    cut = Cut(pupils=4_000)

    def naive(generator, effect):
        _, place, left = cut.draw(generator, effect)
        sides = [left[place == arm] for arm in (1, 0)]
        error = float(np.sqrt(sum(side.var() / len(side) for side in sides)))
        return Estimate(Kind.DISCONTINUITY, float(sides[0].mean() - sides[1].mean()), error, 1, 1)

    found = worth.planted("naive", worth.Study(naive, lambda effect: cut.error(effect, 0.25)), 0.0, 50, silent)
    assert found.coverage == 0
    assert found.claimed == 1
    assert found.gap > 0.9


def test_an_error_that_is_a_third_too_small_misses_its_coverage_and_its_power(monkeypatch):
    cut = Cut(pupils=4_000)

    def bold(generator, effect):
        score, _, left = cut.draw(generator, effect)
        found = jump(score - cut.at, left[:, None], 0.25, 2)
        return Estimate(Kind.DISCONTINUITY, float(found.value[0]), found.error * 2 / 3, 1, 1)

    monkeypatch.setattr(worth, "RULE", worth.Rule(0.02, 0.3))
    found = worth.planted("bold", worth.Study(bold, lambda effect: cut.error(effect, 0.25)), 0.0, 300, silent)
    assert found.coverage < 0.89
    assert found.claimed > 0.11
    assert found.gap > 0.05


def test_the_computed_error_of_a_cut_is_that_of_the_jump_over_many_draws():
    cut = Cut(pupils=3_000)
    values = []
    for seed in range(400):
        score, _, left = cut.draw(np.random.default_rng(seed), -0.05)
        values.append(float(jump(score - cut.at, left[:, None], 0.2, 2).value[0]))
    assert np.std(values) == pytest.approx(cut.error(-0.05, 0.2), rel=0.12)
    assert np.mean(values) == pytest.approx(-0.05, abs=0.008)


def test_lots_give_every_tie_its_places():
    lots = Lots(ties=50)
    place, _, tie = lots.draw(np.random.default_rng(1), 0.0)
    assert np.bincount(tie).tolist() == lots.sizes()[0].tolist()
    assert np.bincount(tie, place).tolist() == lots.sizes()[1].tolist()
    assert (lots.sizes()[1] < lots.sizes()[0]).all()


def test_planted_risks_stay_within_0_and_1_with_every_effect_that_is_planted():
    score = np.linspace(0, 1, 1001)
    assert Cut(10).risk(score).min() - 0.05 >= -1e-12
    assert Lots(200).risks().min() > 0.1
    seen = np.random.default_rng(1).normal(size=(10_000, 4)) * 3
    assert Judgement(10).risk(seen).min() >= 0.1
    assert Judgement(10).risk(seen).max() <= 0.55


def test_an_allocation_too_small_to_be_estimated_is_an_error_and_no_silent_gap(monkeypatch):
    monkeypatch.setattr(worth, "LOTS", Lots(ties=5))
    with pytest.raises(RunFailedError, match="large enough"):
        worth.planted("lots", worth.by_lots(), 0.0, 3, silent)
