"""How often the audit finds an unfair measurement, names the base rate, and raises a flag where there is nothing.

Four worlds, each with many cohorts of national size, with pupils in schools and eight traits (and so 28 pairs of them).
In each, the score comes from a logistic model learnt on the recorded features of an earlier cohort of the same world,
and each school has places for a tenth of its pupils.

*fair*: no trait has to do with anything. Any flag in a cohort is a false one.
*schools*: schools differ in risk, and otherwise by chance alone: a municipality with few schools may then truly differ, and a
flag there is not false by its name; how often there is one is told.
*error*: of one group (one of four, by turns), each absence is recorded as two thirds of what it was.
*base_rate*: one group truly misses more lessons and has lower marks; all is recorded as it was.

The generator knows nothing of the audit. Of the risk, a part is in no feature.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.messages import Message, message
from riskmodel.risk.bootstrap import Order, Roster
from riskmodel.risk.capacity import Capacity
from riskmodel.risk.fairness.audit import Audit, Drawing, audit, cause_rows, fairness_rows
from riskmodel.risk.fairness.figures import counts_of, pupil_replicates
from riskmodel.risk.fairness.tally import Audited
from riskmodel.risk.model import probability_of
from riskmodel.risk.newton import ridge

Say = Callable[[Message], None]
Report = dict[str, object]
World = Literal["fair", "schools", "error", "base_rate"]
WORLDS: tuple[World, ...] = ("fair", "schools", "error", "base_rate")

PUPILS, SCHOOLS, MUNICIPALITIES, CITIES = 150_000, 600, 43, 10
COHORTS, REPLICATES = 100, 1000
QUICK_PUPILS, QUICK_COHORTS = 30_000, 10
SEED = 7
RECORDED = 2 / 3
PLANTED = (("first_language", "ru"), ("sex", "m"), ("low_income", "true"), ("has_special_needs", "true"))
"""Groups that are treated unlike the others, one after the other by cohort."""

ABSENT_MORE, MARKS_LOWER = 1.5, 0.5
"""Of the group with another base rate: its absence in times, its marks in standard deviations."""


SCHOOL_SPREAD = 0.3
"""Standard deviation, in log-odds, of the risk of schools in the world where they differ."""


def measure(data: Path | None, say: Say, *, quick: bool = False) -> Report:
    """Return ``unfairness_found``, ``false_flags``, ``base_rate_named`` and what surrounded the measurement.

    All is invented, so that ``data`` is not read. Found is an error when the planted group is flagged for pupils missed
    and a measurement is named as a cause; the base rate is named when it is for every flag of the planted group, and
    measurement for no flag at all.
    """
    size, cohorts = (QUICK_PUPILS, QUICK_COHORTS) if quick else (PUPILS, COHORTS)
    told: dict[World, list[_Told]] = {}
    for world in WORLDS:
        say(message("Auditing {cohorts} invented cohorts: {world}.", cohorts=cohorts, world=world))
        told[world] = [
            _told(invented(size, world, number), PLANTED[number % len(PLANTED)]) for number in range(cohorts)
        ]
    every = [one for of_world in told.values() for one in of_world]
    return {
        "unfairness_found": _share(one.is_found for one in told["error"]),
        "false_flags": _share(one.has_flag for one in told["fair"]),
        "base_rate_named": _share(one.is_base_rate and not one.is_measurement for one in told["base_rate"]),
        "measurement_wrongly_named": _share(one.is_measurement for one in told["base_rate"]),
        "flags_where_schools_differ": _share(one.has_flag for one in told["schools"]),
        "cohorts_of_each_world": cohorts,
        "pupils": size,
        "groups_and_pairs": every[0].groups,
        "audit_cpu_seconds": float(np.median([one.cpu_seconds for one in every])),
        **_seconds(invented(size, "error", 0)),
        "load": os.getloadavg()[0],
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
    }


@dataclass(frozen=True)
class _Told:
    """What the audit of one cohort told: of the planted group, that its error or its base rate is found; of any group, that
    there is a flag, and one with a measurement as its cause.
    """

    has_flag: bool
    is_measurement: bool
    is_found: bool
    is_base_rate: bool
    groups: int
    cpu_seconds: float


def _told(pupils: Audited, planted: tuple[str, str]) -> _Told:
    started = time.process_time()
    found = audit(pupils)
    seconds = time.process_time() - started
    own = [one for one in found.flagged if (one.trait, one.name) == planted]
    return _Told(
        has_flag=bool(found.flagged),
        is_measurement=any("measurement" in one.causes for one in found.flagged),
        is_found=any(one.error == "missed_share" and "measurement" in one.causes for one in own),
        is_base_rate=bool(own) and all("risk" in one.causes for one in own),
        groups=sum(len(each.partition.groups) for each in found.compared),
        cpu_seconds=seconds,
    )


def _seconds(pupils: Audited) -> Report:
    """Return the CPU seconds of 1,000 replicates over pupils for all groups by one trait, and of all that a run does."""
    audit_of_run(pupils)  # what is compiled is compiled
    started = time.process_time()
    found = audit_of_run(pupils)
    whole = time.process_time() - started
    counts = [counts_of(one.sums) for one in found.compared if not one.partition.is_pair]
    started = time.process_time()
    for each in counts:
        pupil_replicates(each, REPLICATES, SEED)
    return {
        "replicates_cpu_seconds": time.process_time() - started,
        "replicates": REPLICATES,
        "groups_of_replicates": sum(len(each) for each in counts),
        "whole_audit_cpu_seconds": whole,
    }


def audit_of_run(pupils: Audited) -> Audit:
    """Return the audit, with the rows of both tables made as a run makes them."""
    found = audit(pupils)
    fairness_rows(found, None, Drawing(REPLICATES, SEED))
    cause_rows(found, None)
    return found


def _share(answers: Iterable[bool]) -> float:
    return float(np.mean([*answers]))


def invented(pupils: int, world: World, number: int, seed: int = SEED) -> Audited:
    """Return cohort ``number`` of a world, scored by a model that learnt from an earlier one."""
    generator = np.random.default_rng([seed, WORLDS.index(world), number])
    planted = PLANTED[number % len(PLANTED)]
    schools = _schools(generator, SCHOOL_SPREAD if world == "schools" else 0.0)
    past, present = (_drawn(generator, schools, pupils, (world, planted)) for _ in range(2))
    weights, intercept = ridge(np.asfortranarray(past.recorded), past.left, 1e-3)
    raw = present.recorded @ weights + intercept
    school_id = pd.Series(pd.Categorical.from_codes(present.school, pd.Index(np.arange(SCHOOLS).astype(str))))
    roster = Roster.of(school_id, school_id, present.left, Capacity(), "school")
    chance = Order.of(roster, raw).chances(roster)
    traits = pd.DataFrame(
        {name: pd.Categorical.from_codes(code, pd.Index(names)) for name, (code, names) in present.traits.items()}
    )
    return Audited.of(school_id, present.left, chance, probability_of(raw), traits)


@dataclass(frozen=True)
class _Cohort:
    """Row by row; of each trait the groups as numbers into their names."""

    school: NDArray[np.int64]
    traits: Mapping[str, tuple[NDArray[np.int64], list[str]]]
    recorded: NDArray[np.float64]
    left: NDArray[np.float64]


@dataclass(frozen=True)
class _Schools:
    share: NDArray[np.float64]
    traits: Mapping[str, tuple[NDArray[np.int64], list[str]]]
    effect: NDArray[np.float64]


def _schools(generator: np.random.Generator, spread: float) -> _Schools:
    size = generator.lognormal(0, 0.7, SCHOOLS)
    town = generator.choice(MUNICIPALITIES, SCHOOLS, p=_falling(MUNICIPALITIES))
    traits = {
        "municipality_code": (town, [f"m{number:02d}" for number in range(MUNICIPALITIES)]),
        "area_kind": ((town >= CITIES).astype(np.int64), ["city", "county"]),
        "instruction_language": (generator.choice(2, SCHOOLS, p=[0.85, 0.15]), ["lv", "other"]),
        "school_kind": (generator.choice(2, SCHOOLS, p=[0.9, 0.1]), ["general", "vocational"]),
    }
    return _Schools(size / size.sum(), traits, generator.normal(0, 1, SCHOOLS) * spread)


def _drawn(
    generator: np.random.Generator, schools: _Schools, pupils: int, planted: tuple[World, tuple[str, str]]
) -> _Cohort:
    school = generator.choice(SCHOOLS, pupils, p=schools.share)
    other = generator.beta(1, 2, SCHOOLS)[school]  # first languages gather in schools
    traits = {
        "sex": (generator.choice(2, pupils), ["f", "m"]),
        "first_language": (_drawn_flag(generator, other), ["lv", "ru"]),
        "has_special_needs": (_drawn_flag(generator, np.full(pupils, 0.1)), ["false", "true"]),
        "low_income": (_drawn_flag(generator, np.full(pupils, 0.2)), ["false", "true"]),
        **{name: (number[school], names) for name, (number, names) in schools.traits.items()},
    }
    world, (trait, group) = planted
    number, names = traits[trait]
    is_group = number == names.index(group)
    absent = generator.gamma(1.5, 0.04, pupils)
    marks = generator.normal(0, 1, pupils)
    if world == "base_rate":
        absent = np.where(is_group, ABSENT_MORE * absent, absent)
        marks = np.where(is_group, marks - MARKS_LOWER, marks)
    unseen = generator.normal(0, 0.5, pupils)
    risk = probability_of(-4.9 + 10 * absent - 0.6 * marks + unseen + schools.effect[school])
    left = (generator.uniform(size=pupils) < risk).astype(np.float64)
    if world == "error":
        absent = np.where(is_group, RECORDED * absent, absent)
    return _Cohort(school, traits, np.column_stack([absent, marks]), left)


def _drawn_flag(generator: np.random.Generator, share: NDArray[np.float64]) -> NDArray[np.int64]:
    return (generator.uniform(size=len(share)) < share).astype(np.int64)


def _falling(count: int) -> NDArray[np.float64]:
    share = 1 / np.arange(3, count + 3)
    return np.asarray(share / share.sum())
