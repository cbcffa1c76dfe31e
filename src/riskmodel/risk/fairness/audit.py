"""The audit of one cohort: figures of every group and pair of groups, flags, and the causes of what is flagged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.risk.bootstrap import MIN_SCHOOLS, weights_of_clusters
from riskmodel.risk.evaluation import ScoredCohort
from riskmodel.risk.fairness.causes import CAUSES, PARTED, REST, UNCLEAR, Explained, Explaining, is_shown, named
from riskmodel.risk.fairness.differences import ERRORS, Chance, Compared, adjusted, compare, level_of
from riskmodel.risk.fairness.figures import (
    FIGURES,
    OF_COUNTS,
    counts_of,
    denominators,
    intervals,
    is_enough,
    pupil_replicates,
    school_replicates,
)
from riskmodel.risk.fairness.tally import Audited, Cells
from riskmodel.tables.results import FAIRNESS, FAIRNESS_CAUSE

Real = NDArray[np.float64]
Row = tuple[object, ...]


@dataclass(frozen=True)
class Group:
    """One group (``trait`` and ``name``; for a pair both are of two) and one of its shares of errors, flagged."""

    trait: str
    name: str
    error: str
    level: float
    difference: float
    probability: float
    parts: Mapping[str, float]
    causes: tuple[str, ...]
    left: float
    expected: float
    log_odds: float
    log_odds_error: float
    measurement_probability: float


@dataclass(frozen=True)
class Audit:
    """What an audit found: every partition compared, Holm-adjusted probabilities beside it, and what is flagged."""

    cells: Cells
    chances: tuple[Chance, ...]
    compared: tuple[Compared, ...]
    probability: tuple[Real, ...]
    flagged: tuple[Group, ...]


def audit(pupils: Audited) -> Audit:
    """Return the figures, flags and causes of every group by each trait and pair of traits (no intervals yet).

    Examples
    --------
    Half of those who left have a place, in every group: nothing to flag.

    >>> half = np.tile([1.0, 0.0], 200)
    >>> left = np.repeat([1.0, 0.0], 200)
    >>> traits = pd.DataFrame({"sex": np.tile(["f", "f", "m", "m"], 100)})
    >>> audit(Audited.of(pd.Series(["1"] * 400), left, half, np.full(400, 0.5), traits)).flagged
    ()
    """
    cells = Cells.of(pupils)
    chances = tuple(Chance.of(pupils, figure) for figure in OF_COUNTS)
    compared = tuple(compare(cells, partition, chances[: len(ERRORS)]) for partition in cells.partitions())
    probability = _adjusted_apart([each.probability for each in compared])
    flagged = _flagged(cells, compared, probability) if len(pupils.label) else ()
    return Audit(cells, chances, compared, probability, flagged)


def audited_cohort(cohort: ScoredCohort, traits: pd.DataFrame) -> Audited:
    """Return the pupils of a cohort as the audit reads them, by the default model's list; ``traits`` stand beside it."""
    code, own = cohort.measuring.default_model, cohort.predicted
    return Audited.of(own.school_id, own.label, cohort.chance(code), own.by_model[code][1], traits)


def fairness_rows(found: Audit, cohort_on: object, replicates: int, seed: int) -> list[Row]:
    """Return the rows of :data:`riskmodel.tables.results.FAIRNESS`: figures with 95 % intervals, differences and flags.

    Replicates draw schools in groups that are found in at least ``MIN_SCHOOLS`` of them. In others they draw pupils, and
    the interval is widened by what pupils of one school have in common; their calibration has none.
    """
    weights = weights_of_clusters(np.arange(found.cells.pupils.schools, dtype=np.int32), replicates, seed)
    rows: list[Row] = []
    for compared, probability in zip(found.compared, found.probability, strict=True):
        low, high, by_schools = _intervals(found, compared, weights, seed)
        enough = ~np.isnan(compared.value)
        level = np.zeros(compared.value.shape)
        chance = np.full(compared.value.shape, np.nan)
        for place, error in enumerate(ERRORS):
            at = FIGURES.index(error)
            level[:, at] = level_of(compared.difference[:, at], probability[:, place])
            chance[:, at] = probability[:, place]
        for number, group in enumerate(compared.partition.groups):
            size = (round(compared.sums[number, 0]), round(compared.sums[number, 1]))
            for at, figure in enumerate(FIGURES):
                numbers = (
                    compared.value[number, at],
                    np.where(enough[number, at], low[number, at], np.nan).item(),
                    np.where(enough[number, at], high[number, at], np.nan).item(),
                    compared.others[number, at],
                    compared.difference[number, at],
                    chance[number, at],
                    level[number, at],
                )
                drawn = "school" if by_schools[number] else "pupil"
                state = "enough" if enough[number, at] else "not_enough"
                key = (cohort_on, compared.partition.trait, group, figure)
                rows.append((*key, *(float(one) for one in numbers), *size, drawn, state))
    return rows


def fairness_table(rows: list[Row]) -> pd.DataFrame:
    """Return the rows of :func:`fairness_rows` as a table."""
    return pd.DataFrame(rows, columns=list(FAIRNESS.column_names))


def cause_rows(found: Audit, cohort_on: object) -> list[Row]:
    """Return the rows of :data:`riskmodel.tables.results.FAIRNESS_CAUSE`: one for each flag."""
    return [
        (
            cohort_on,
            one.trait,
            one.name,
            one.error,
            one.level,
            one.difference,
            *(one.parts[cause] for cause in (*CAUSES, REST)),
            one.causes[0] if one.causes else UNCLEAR,
            *(cause in one.causes for cause in CAUSES),
            round(one.left),
            one.expected,
            one.log_odds,
            one.log_odds_error,
            one.measurement_probability,
        )
        for one in found.flagged
    ]


def cause_table(rows: list[Row]) -> pd.DataFrame:
    """Return the rows of :func:`cause_rows` as a table."""
    return pd.DataFrame(rows, columns=list(FAIRNESS_CAUSE.column_names))


def _adjusted_apart(probabilities: Sequence[Real]) -> tuple[Real, ...]:
    """Return the probabilities adjusted together, in the shapes that they came in."""
    if not probabilities:
        return ()
    whole = adjusted(np.concatenate([each.ravel() for each in probabilities]))
    ends = np.cumsum([each.size for each in probabilities])[:-1]
    return tuple(part.reshape(each.shape) for part, each in zip(np.split(whole, ends), probabilities, strict=True))


def _flagged(cells: Cells, compared: Sequence[Compared], probability: Sequence[Real]) -> tuple[Group, ...]:
    places = [FIGURES.index(error) for error in ERRORS]
    levels = [level_of(one.difference[:, places], each) for one, each in zip(compared, probability, strict=True)]
    with_flag = [np.flatnonzero((level > 0).any(axis=1)) for level in levels]
    if not any(len(groups) for groups in with_flag):
        return ()
    explaining = Explaining(cells)
    found: list[Group] = []
    explained = [
        explaining.explain(one.partition, groups) if len(groups) else None
        for one, groups in zip(compared, with_flag, strict=True)
    ]
    # One test per group, whatever is flagged of it; adjusted over all flagged groups.
    tests = _adjusted_apart([np.zeros(0) if each is None else each.probability for each in explained])
    for one, why, groups, test, level, chance in zip(
        compared, explained, with_flag, tests, levels, probability, strict=True
    ):
        if why is not None:
            found += [
                _group(one, why, (int(group), place, error), (level[group, error], chance[group, error], test[place]))
                for place, group in enumerate(groups)
                for error in np.flatnonzero(level[group])
            ]
    return tuple(found)


def _group(
    compared: Compared, why: Explained, at: tuple[int, int, int], numbers: tuple[float, float, float]
) -> Group:
    (group, place, error), (level, probability, test) = at, numbers
    difference = float(compared.difference[group, FIGURES.index(ERRORS[error])])
    parts = why.parts[place, PARTED.index(ERRORS[error])]
    return Group(
        trait=compared.partition.trait,
        name=compared.partition.groups[group],
        error=ERRORS[error],
        level=float(level),
        difference=difference,
        probability=float(probability),
        parts=dict(zip((*CAUSES, REST), parts.tolist(), strict=True)),
        causes=named(parts[: len(CAUSES)], difference, is_measurement=is_shown(float(test))),
        left=float(why.left[place]),
        expected=float(why.expected[place]),
        log_odds=float(why.log_odds[place]),
        log_odds_error=float(why.error[place]),
        measurement_probability=float(test),
    )


def _intervals(
    found: Audit, compared: Compared, weights: NDArray[np.uint8], seed: int
) -> tuple[Real, Real, NDArray[np.bool_]]:
    """Return low and high, groups × FIGURES, and of which groups schools were drawn."""
    shape = compared.value.shape
    low, high = np.full(shape, np.nan), np.full(shape, np.nan)
    by_schools = (compared.by_school[..., 0] > 0).sum(axis=1) >= MIN_SCHOOLS
    wanted = np.flatnonzero(by_schools & is_enough(compared.sums).any(axis=1))
    if len(wanted) and weights.shape[1]:
        low[wanted], high[wanted] = intervals(school_replicates(compared.by_school[wanted], weights))
    few = ~by_schools & is_enough(compared.sums).any(axis=1)
    if few.any() and weights.shape[1]:
        drawn = pupil_replicates(counts_of(compared.sums), weights.shape[1], seed)[:, few]
        below, above = intervals(drawn)
        kept = len(OF_COUNTS)
        value = compared.value[few, :kept]
        wider = np.sqrt(_design(found.chances, compared)[few])
        low[few, :kept] = np.clip(value - (value - below) * wider, 0, 1)
        high[few, :kept] = np.clip(value + (above - value) * wider, 0, 1)
    return low, high, by_schools


def _design(chances: Sequence[Chance], compared: Compared) -> Real:
    """Return by how much more the shares of groups vary than if pupils of one school had nothing in common (OF_COUNTS)."""
    found = []
    for figure, chance in zip(OF_COUNTS, chances, strict=True):
        people = denominators(compared.by_school)[..., FIGURES.index(figure)]
        with np.errstate(divide="ignore", invalid="ignore"):
            found.append(1 + chance.likeness * np.maximum((people**2).sum(axis=1) / people.sum(axis=1) - 1, 0))
    return np.nan_to_num(np.column_stack(found), nan=1.0)
