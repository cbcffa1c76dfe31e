"""Whether acting on the score is worth it, asked of allocations whose truth is planted.

*Effects*: thousands of allocations by a cut, by lot and by judgement, with effects of 0, 1/4, 1/2 and 1 times the one that
such a study detects. Intervals must cover the planted effect in 93 to 97 of 100; with no effect an effect may be claimed in
at most 6.5 of 100; every verdict must come as often as the power says that was computed from the planted law, within
3 points; a wrong sign in at most 2.5 of 100; and "no effect worth having" never while the interval holds one.

A further group of keys is one more function in :data:`GROUPS`.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from riskmodel.bench import worth_fairness
from riskmodel.bench.planted_allocations import Cut, Judgement, Lots
from riskmodel.errors import RunFailedError
from riskmodel.messages import Message, message
from riskmodel.risk.effects.adjusted import Adjusted, Judged, adjusted
from riskmodel.risk.effects.discontinuity import Discontinuity, Places, discontinuity
from riskmodel.risk.effects.estimate import Estimate, NotEstimated, detectable_effect
from riskmodel.risk.effects.lottery import Lottery, lottery
from riskmodel.risk.effects.power import chances
from riskmodel.risk.effects.verdict import Rule, Verdict

Say = Callable[[Message], None]
Report = dict[str, object]

SEED = 7
MULTIPLES = (0.0, 0.25, 0.5, 1.0)
"""Of the detectable effect: the effects that are planted, each of which helps."""

CUT, LOTS, JUDGEMENT = Cut(pupils=30_000), Lots(ties=5_000), Judgement(pupils=8_000)
RUNS = {"cut": 1_000, "lots": 1_000, "judgement": 1_000}
QUICK_RUNS = {"cut": 60, "lots": 60, "judgement": 20}
"""Allocations for each multiple. Shares of a quick call are those of few runs, and miss their bars by chance."""

PILOTS = 101
RULE = Rule()


def measure(data: Path | None, say: Say, *, quick: bool = False) -> Report:
    """Return ``rd_coverage``, ``aipw_coverage``, ``false_works``, ``power_gap``, ``wrong_sign`` and what is behind them.

    ``data`` is not read. The same allocations are drawn at every call.
    """
    started = time.process_time()
    report: Report = {}
    for group in GROUPS:
        report |= group(say, quick)
    return report | {
        "cpu_seconds": time.process_time() - started,
        "load": os.getloadavg()[0],
        "cores": os.cpu_count(),
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
    }


def effects(say: Say, quick: bool) -> Report:
    """Return the keys on effects of measures; shares are from 0 to 1."""
    runs = QUICK_RUNS if quick else RUNS
    studies = {"cut": by_cut(), "lots": by_lots(), "judgement": by_judgement()}
    found = {name: [planted(name, study, at, runs[name], say) for at in MULTIPLES] for name, study in studies.items()}
    all_found = [one for of_study in found.values() for one in of_study]
    return {
        "rd_coverage": _mean(found["cut"], "coverage"),
        "lottery_coverage": _mean(found["lots"], "coverage"),
        "aipw_coverage": _mean(found["judgement"], "coverage"),
        "false_works": max(one.claimed for one in all_found if one.effect == 0),
        "power_gap": max(one.gap for one in all_found),
        "wrong_sign": max(one.shares[Verdict.HARMS] for one in all_found if one.effect < 0),
        "wrongly_not_worth_having": sum(one.wrongly_not_worth_having for one in all_found),
        "effects": {name: [one.report() for one in of_study] for name, of_study in found.items()},
        "runs": runs,
        "seed": SEED,
        "worth_having": RULE.worth_having,
        "plausible": RULE.plausible,
    }


def unfairness(say: Say, quick: bool) -> Report:
    """Return ``unfairness_found`` and ``false_flags``, with all else of :mod:`riskmodel.bench.worth_fairness` under ``fairness``."""
    found = worth_fairness.measure(None, say, quick=quick)
    agreed = ("unfairness_found", "false_flags")
    return {**{name: found[name] for name in agreed}, "fairness": found}


GROUPS: tuple[Callable[[Say, bool], Report], ...] = (effects, unfairness)


@dataclass(frozen=True)
class Study:
    """One way of giving places: an allocation drawn and estimated, and the error that its planted law allows."""

    estimate: Callable[[np.random.Generator, float], Estimate | NotEstimated]
    error: Callable[[float], float]


@dataclass(frozen=True)
class Found:
    """What came of many allocations with one planted effect."""

    effect: float
    values: np.ndarray[tuple[int], np.dtype[np.float64]]
    errors: np.ndarray[tuple[int], np.dtype[np.float64]]
    coverage: float
    shares: dict[Verdict, float]
    expected: dict[Verdict, float]
    wrongly_not_worth_having: int

    @property
    def claimed(self) -> float:
        """Share of allocations after which an effect was claimed, for good or ill."""
        return self.shares[Verdict.HELPS] + self.shares[Verdict.HARMS]

    @property
    def gap(self) -> float:
        """The largest distance between the share of a verdict and its computed chance."""
        return max(abs(self.shares[verdict] - chance) for verdict, chance in self.expected.items())

    def report(self) -> Report:
        """Return the figures for the JSON object."""
        return {
            "effect": self.effect,
            "mean": float(self.values.mean()),
            "sd": float(self.values.std(ddof=1)),
            "mean_error": float(self.errors.mean()),
            "coverage": self.coverage,
            "shares": {
                verdict.value: share for verdict, share in self.shares.items() if share or self.expected[verdict]
            },
            "computed": {
                verdict.value: round(chance, 4) for verdict, chance in self.expected.items() if chance >= 5e-5
            },
        }


def planted(name: str, study: Study, multiple: float, runs: int, say: Say) -> Found:
    """Return what ``runs`` allocations find when ``multiple`` times the detectable effect is planted."""
    say(
        message(
            "{study}: {runs} allocations, {multiple} times the detectable effect.",
            study=name,
            runs=runs,
            multiple=multiple,
        )
    )
    effect = -multiple * detectable_effect(study.error(0.0))
    estimates: list[Estimate] = []
    for run in range(runs):
        generator = np.random.default_rng([SEED, *name.encode(), round(100 * multiple), run])
        found = study.estimate(generator, effect)
        if isinstance(found, NotEstimated):
            raise RunFailedError(
                message("Every planted allocation must be large enough to be estimated."),
                found=message("One was not: {reason}.", reason=found.reason.value),
                remedy=message("Make the planted allocations larger."),
            )
        estimates.append(found)
    verdicts = [RULE.of(estimate) for estimate in estimates]
    expected = chances(effect, study.error(effect), RULE)
    return Found(
        effect,
        np.array([estimate.value for estimate in estimates]),
        np.array([estimate.error for estimate in estimates]),
        float(np.mean([estimate.low <= effect <= estimate.high for estimate in estimates])),
        {verdict: verdicts.count(verdict) / runs for verdict in expected},
        expected,
        sum(
            verdict is Verdict.NOT_WORTH_HAVING and max(-estimate.low, estimate.high) >= RULE.worth_having
            for verdict, estimate in zip(verdicts, estimates, strict=True)
        ),
    )


def by_cut() -> Study:
    """Return the study of places by a cut; the error is that at the usual bandwidth of allocations drawn apart."""

    def whole(generator: np.random.Generator, effect: float) -> Discontinuity | NotEstimated:
        score, place, left = CUT.draw(generator, effect)
        return discontinuity(Places(score, np.full(len(score), CUT.at), place, left))

    widths = []
    for pilot in range(PILOTS):
        found = whole(np.random.default_rng([SEED, 1_000_003, pilot]), 0.0)
        if isinstance(found, Discontinuity):
            widths.append(found.bandwidth)
    usual = float(np.median(widths))

    def estimate(generator: np.random.Generator, effect: float) -> Estimate | NotEstimated:
        found = whole(generator, effect)
        return found.intended if isinstance(found, Discontinuity) else found

    return Study(estimate, lambda effect: CUT.error(effect, usual))


def by_lots() -> Study:
    """Return the study of places by lot."""

    def estimate(generator: np.random.Generator, effect: float) -> Estimate | NotEstimated:
        found = lottery(*LOTS.draw(generator, effect))
        return found.intended if isinstance(found, Lottery) else found

    return Study(estimate, LOTS.error)


def by_judgement() -> Study:
    """Return the study of measures given by judgement."""

    def estimate(generator: np.random.Generator, effect: float) -> Estimate | NotEstimated:
        found = adjusted(Judged(*JUDGEMENT.draw(generator, effect)), seed=int(generator.integers(2**31)))
        return found.effect if isinstance(found, Adjusted) else found

    return Study(estimate, JUDGEMENT.error)


def _mean(found: list[Found], name: str) -> float:
    return float(np.mean([getattr(one, name) for one in found]))
