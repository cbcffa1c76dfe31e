"""The audit of one cohort: figures of every group and pair of groups, flags, and the causes of what is flagged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.risk.bootstrap import MIN_SCHOOLS, Cluster, weights_of_clusters
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
    jeffreys,
    pupil_replicates,
    school_replicates,
)
from riskmodel.risk.fairness.tally import LEFT, PUPILS, Audited, Cells
from riskmodel.tables.fairness import FAIRNESS, FAIRNESS_CAUSE

Real = NDArray[np.float64]
Row = tuple[object, ...]


@dataclass(frozen=True)
class Drawing:
    """How intervals are drawn: whole schools (a group in fewer than ``MIN_SCHOOLS`` of them has, instead, the interval of a
    binomial of fewer people, by what pupils of one school have in common), or pupils where a cohort has few schools.
    """

    replicates: int = 1000
    seed: int = 7
    cluster: Cluster = "school"

    def weights(self, schools: int) -> Real:
        """Return the weights of schools, schools × replicates: none where pupils are drawn."""
        drawn = schools if self.cluster == "school" else 0
        return weights_of_clusters(np.arange(drawn, dtype=np.int32), self.replicates, self.seed).astype(np.float64)


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
    probability = adjusted_by_kind(
        [each.probability for each in compared], [each.partition.is_pair for each in compared]
    )
    flagged = _flagged(cells, compared, probability) if len(pupils.label) else ()
    return Audit(cells, chances, compared, probability, flagged)


def audited_cohort(cohort: ScoredCohort, traits: pd.DataFrame) -> Audited:
    """Return the pupils of a cohort as the audit reads them, by the default model's list; ``traits`` stand beside it."""
    code, own = cohort.measuring.default_model, cohort.predicted
    return Audited.of(own.school_id, own.label, cohort.chance(code), own.by_model[code][1], traits)


def fairness_rows(found: Audit, cohort_on: object, drawing: Drawing) -> list[Row]:
    """Return the rows of :data:`riskmodel.tables.fairness.FAIRNESS`: figures with 95 % intervals, differences and flags."""
    weights = drawing.weights(found.cells.pupils.schools)
    rows: list[Row] = []
    for compared, adjusted_chance in zip(found.compared, found.probability, strict=True):
        low, high, drawn = _intervals(found, compared, drawing, weights)
        level, chance = np.zeros(compared.value.shape), np.full(compared.value.shape, np.nan)
        for place, error in enumerate(ERRORS):
            at = FIGURES.index(error)
            chance[:, at] = adjusted_chance[:, place]
            level[:, at] = level_of(compared.difference[:, at], chance[:, at])
        numbers = np.stack([compared.value, low, high, compared.others, compared.difference, chance, level], axis=-1)
        sizes = np.rint(compared.sums[:, [PUPILS, LEFT]]).astype(int).tolist()
        for group, name in enumerate(compared.partition.groups):
            for figure, own in zip(FIGURES, numbers[group].tolist(), strict=True):
                state = "not_enough" if math.isnan(own[0]) else "enough"
                key = (cohort_on, compared.partition.trait, name, figure)
                rows.append((*key, *own, *sizes[group], drawn[group], state))
    return rows


def fairness_table(rows: list[Row]) -> pd.DataFrame:
    """Return the rows of :func:`fairness_rows` as a table."""
    return pd.DataFrame(rows, columns=list(FAIRNESS.column_names))


def cause_rows(found: Audit, cohort_on: object) -> list[Row]:
    """Return the rows of :data:`riskmodel.tables.fairness.FAIRNESS_CAUSE`: one for each flag."""
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


def adjusted_by_kind(probabilities: Sequence[Real], is_pair: Sequence[bool]) -> tuple[Real, ...]:
    """Return the probabilities adjusted together: half of the chance of any is for groups by one trait, half for pairs.

    Pairs are many, and would else hide what holds for a whole group. The two halves together keep the chance of any.
    """
    found = [np.zeros(each.shape) for each in probabilities]
    kinds = {kind for kind, each in zip(is_pair, probabilities, strict=True) if each.size}
    for wanted in kinds:
        own = [place for place, kind in enumerate(is_pair) if kind == wanted]
        for place, each in zip(own, _adjusted_apart([probabilities[at] for at in own]), strict=True):
            found[place] = np.minimum(each * len(kinds), 1.0)
    return tuple(found)


def _of_rates(leaving: Chance, compared: Compared, groups: NDArray[np.int64]) -> Real:
    """Return how often chance moves the share who left of these groups at least so far from that of all."""
    people = compared.by_school[groups][..., PUPILS]
    return leaving.probability(compared.sums[groups, LEFT] / compared.sums[groups, PUPILS], people)


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
    # Two tests per group, whatever is flagged of it; adjusted over all flagged groups.
    leaving = Chance.of_leaving(cells.pupils)
    kinds = [one.partition.is_pair for one in compared]
    tests = adjusted_by_kind([np.zeros(0) if each is None else each.probability for each in explained], kinds)
    rates = adjusted_by_kind(
        [_of_rates(leaving, one, groups) for one, groups in zip(compared, with_flag, strict=True)], kinds
    )
    for one, why, groups, test, rate, level, chance in zip(
        compared, explained, with_flag, tests, rates, levels, probability, strict=True
    ):
        if why is not None:
            found += [
                _group(
                    one,
                    why,
                    (int(group), place, error),
                    (level[group, error], chance[group, error], test[place], rate[place]),
                )
                for place, group in enumerate(groups)
                for error in np.flatnonzero(level[group]).tolist()
            ]
    return tuple(found)


def _group(
    compared: Compared, why: Explained, at: tuple[int, int, int], numbers: tuple[float, float, float, float]
) -> Group:
    (group, place, error), (level, probability, test, rate) = at, numbers
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
        causes=named(parts[: len(CAUSES)], difference, shown=(is_shown(float(rate)), True, is_shown(float(test)))),
        left=float(why.left[place]),
        expected=float(why.expected[place]),
        log_odds=float(why.log_odds[place]),
        log_odds_error=float(why.error[place]),
        measurement_probability=float(test),
    )


def _intervals(found: Audit, compared: Compared, drawing: Drawing, weights: Real) -> tuple[Real, Real, list[str]]:
    """Return low and high, groups × FIGURES, and for each group what its interval comes from."""
    shape = compared.value.shape
    low, high = np.full(shape, np.nan), np.full(shape, np.nan)
    kept, enough = len(OF_COUNTS), is_enough(compared.sums)
    if drawing.cluster == "pupil":
        drawn = pupil_replicates(counts_of(compared.sums), drawing.replicates, drawing.seed)
        low[:, :kept], high[:, :kept] = np.where(enough[:, :kept], intervals(drawn), np.nan)
        return low, high, ["pupil"] * len(low)
    in_schools = (compared.by_school[..., PUPILS] > 0).sum(axis=1) >= MIN_SCHOOLS
    wanted = np.flatnonzero(in_schools & enough.any(axis=1))
    if len(wanted) and drawing.replicates:
        low[wanted], high[wanted] = intervals(school_replicates(compared.by_school[wanted], weights))
    few = np.flatnonzero(~in_schools & enough.any(axis=1))
    if len(few):
        people = denominators(compared.by_school[few])[..., :kept]
        design = _design(found.chances, people)
        low[few, :kept], high[few, :kept] = jeffreys(compared.value[few, :kept], people.sum(axis=1) / design)
    low, high = (np.where(enough, end, np.nan) for end in (low, high))
    return low, high, np.where(in_schools, "school", "few_schools").tolist()


def _design(chances: Sequence[Chance], people: Real) -> Real:
    """Return by how much more shares vary than if pupils of one school had nothing in common: groups × OF_COUNTS."""
    squares, size = (people**2).sum(axis=1), people.sum(axis=1)
    mean = np.divide(squares, size, out=np.ones_like(size), where=size > 0)
    return np.asarray(1 + np.array([chance.likeness for chance in chances]) * np.maximum(mean - 1, 0))
