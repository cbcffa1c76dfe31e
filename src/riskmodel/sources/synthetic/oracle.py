"""What could be known at best: figures of each cohort that follow from the planted truth alone.

They are added up part by part in tables of a fixed size, whatever the number of pupils: scores are counted in bins of
.01 log-odds, and two pupils in one bin count as tied.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from riskmodel.sources.synthetic.support_rule import MEASURES, NONE
from riskmodel.sources.synthetic.truth import DRIVERS, STAGES, Flags, Floats, Integers

SCORES = ("log_odds", "without_school_effect", "observable")
"""The true log-odds; those without the hidden school effect; those without all that no register holds."""
WAYS = ("cut", "teachers")
FARTHEST_LOG_ODDS, BINS_A_UNIT = 20.0, 100
BINS = int(2 * FARTHEST_LOG_ODDS * BINS_A_UNIT)
PLACES_SHARE = 0.10
"""The budget at which expected errors and reached leavers are told."""
NEAR_CUT_POINTS = 1.0


@dataclass(frozen=True)
class Seen:
    """A part of a cohort: one value per pupil in each array."""

    stage: Integers
    group: Integers
    """Of the first language."""
    school: Integers
    """Number of the school in the country."""
    scores: dict[str, Floats]
    """By the names of :data:`SCORES`."""
    recorded_log_odds: Floats
    """Those that the registers would teach somebody who can tell the groups apart."""
    chance_without: Floats
    """True probability of leaving without new support."""
    chance_lived: Floats
    """The same with the support received."""
    outcome: Floats
    """1 left, 0 stayed, NaN neither (moved abroad, lost from sight)."""
    drivers: Floats
    """Pupils × drivers: their values."""
    effects: Floats
    """Pupils × measures: change of the probability by each measure."""
    measures: Integers
    """Pupils × 2: measures received (places in ``MEASURES``), or ``NONE``."""
    goes_by_rule: Flags
    is_near_cut: Flags
    """In a school with a cut, within :data:`NEAR_CUT_POINTS` of it."""


@dataclass
class Cohort:
    """The counts of one cohort."""

    groups: int
    schools: int
    ranked: Floats = field(init=False)
    """Scores × stages × (expected to leave, to stay, left, stayed) × bins."""
    flagged: Floats = field(init=False)
    """(True, recorded) × groups × (expected to leave, to stay) × bins."""
    by_stage: Floats = field(init=False)
    """Stages × (pupils, expected without support, expected as lived, labelled, left, chance × its complement)."""
    by_school: Floats = field(init=False)
    """Schools × (pupils, expected to leave, squared chances)."""
    by_measure: Floats = field(init=False)
    """Measures × ways × (got it, their effect; near the cut, their effect; labelled, left; their chance without)."""
    moments: Floats = field(init=False)
    """Sums of the products of (1, drivers) with each other."""
    unsupported: Floats = field(init=False)
    """Ways × (labelled, left, chance without)."""

    def __post_init__(self) -> None:
        self.ranked = np.zeros((len(SCORES), len(STAGES), 4, BINS))
        self.flagged = np.zeros((2, self.groups, 2, BINS))
        self.by_stage = np.zeros((len(STAGES), 6))
        self.by_school = np.zeros((self.schools, 3))
        self.by_measure = np.zeros((len(MEASURES), len(WAYS), 7))
        self.moments = np.zeros((len(DRIVERS) + 1, len(DRIVERS) + 1))
        self.unsupported = np.zeros((len(WAYS), 3))

    def add(self, seen: Seen) -> None:
        """Add a part of the cohort."""
        is_labelled = ~np.isnan(seen.outcome)
        left = np.nan_to_num(seen.outcome)
        stayed = is_labelled - left
        lived = seen.chance_lived
        for place, name in enumerate(SCORES):
            cell = seen.stage * BINS + _bin(seen.scores[name])
            for kind, weight in enumerate((lived, 1 - lived, left, stayed)):
                self.ranked[place, :, kind] += _sums(cell, weight, (len(STAGES), BINS))
        for place, score in enumerate((seen.scores["log_odds"], seen.recorded_log_odds)):
            cell = seen.group * BINS + _bin(score)
            for kind, weight in enumerate((seen.chance_without, 1 - seen.chance_without)):
                self.flagged[place, :, kind] += _sums(cell, weight, (self.groups, BINS))
        one = np.ones(len(lived))
        with_one = np.column_stack([one, seen.drivers])
        self.moments += np.einsum("ij,ik->jk", with_one, with_one)
        stage_values = (one, seen.chance_without, lived, is_labelled, left, lived * (1 - lived))
        for place, value in enumerate(stage_values):
            self.by_stage[:, place] += _sums(seen.stage, value, (len(STAGES),))
        for place, value in enumerate((one, seen.chance_without, seen.chance_without**2)):
            self.by_school[:, place] += _sums(seen.school, value, (self.schools,))
        self._add_support(seen, is_labelled, left)

    def _add_support(self, seen: Seen, is_labelled: Flags, left: Floats) -> None:
        is_unsupported = (seen.measures == NONE).all(axis=1)
        for way, is_way in enumerate((seen.goes_by_rule, ~seen.goes_by_rule)):
            here = is_way & is_unsupported
            self.unsupported[way] += (
                np.count_nonzero(here & is_labelled),
                left[here].sum(),
                seen.chance_without[here & is_labelled].sum(),
            )
            for place in range(len(MEASURES)):
                effect = seen.effects[:, place]
                got = is_way & (seen.measures == place).any(axis=1)
                near = is_way & seen.is_near_cut
                self.by_measure[place, way] += (
                    np.count_nonzero(got),
                    effect[got].sum(),
                    np.count_nonzero(near),
                    effect[near].sum(),
                    np.count_nonzero(got & is_labelled),
                    left[got].sum(),
                    seen.chance_without[got & is_labelled].sum(),
                )

    # Figures

    def figures(self, groups: tuple[str, ...]) -> dict[str, Any]:
        """Return the figures of the cohort as plain numbers; None where there is nothing to tell."""
        pupils, without, lived, labelled, left, _ = self.by_stage.sum(axis=0)
        return {
            "pupils": int(pupils),
            "base_rate_without_support": _ratio(without, pupils),
            "base_rate_expected": _ratio(lived, pupils),
            "base_rate_lived": _ratio(left, labelled),
            "base_rate_without_support_by_stage": {
                name: _ratio(each[1], each[0]) for name, each in zip(STAGES, self.by_stage, strict=True)
            },
            "auc": {name: self._auc(place) for place, name in enumerate(SCORES)},
            "reached_at_a_tenth": self._reached(),
            "variance_share_between_schools": self._between_schools(),
            "correlations": self._correlations(),
            "groups": self._errors(groups),
            "measures": {name: self._measure(place) for place, name in enumerate(MEASURES)},
        }

    def _auc(self, place: int) -> dict[str, float | None]:
        """Return the chance that one who leaves stands above one who stays: over all pupils, and inside the stages."""
        own = self.by_stage[:, 5]
        expected, lived = self.ranked[place, :, :2], self.ranked[place, :, 2:]
        none = np.zeros(1)
        return {
            "expected": _auc(expected.sum(axis=0, keepdims=True), own.sum(keepdims=True)),
            "lived": _auc(lived.sum(axis=0, keepdims=True), none),
            "expected_inside_stages": _auc(expected, own),
            "lived_inside_stages": _auc(lived, none),
        }

    def _reached(self) -> dict[str, float | None]:
        """Return the share of those expected to leave who are among a tenth of the pupils, chosen in several ways."""
        total = float(self.by_stage[:, 2].sum())
        chosen = {
            name: _reached(self.ranked[place, :, 0].sum(axis=0), self.ranked[place, :, :2].sum(axis=(0, 1)))
            for place, name in enumerate(SCORES)
        }
        rate = np.divide(self.by_school[:, 1], np.maximum(self.by_school[:, 0], 1))
        order = np.argsort(rate, kind="stable")
        reached = _reached(self.by_school[order, 1], self.by_school[order, 0])
        return {name: _ratio(value, total) for name, value in chosen.items()} | {
            "school_rate": _ratio(reached, float(self.by_school[:, 1].sum())),
            "random": PLACES_SHARE,
        }

    def _between_schools(self) -> float | None:
        """Return the share of the variance of the true probability that lies between schools."""
        pupils, leave, squares = self.by_school.T
        mean = leave.sum() / pupils.sum()
        between = np.divide(leave**2, pupils, out=np.zeros_like(leave), where=pupils > 0).sum() - pupils.sum() * mean**2
        return _ratio(between, squares.sum() - pupils.sum() * mean**2)

    def _correlations(self) -> dict[str, dict[str, float]]:
        """Return, for each driver, how it goes with every other: a decoy goes with a driver and adds nothing."""
        count = self.moments[0, 0]
        mean = self.moments[0, 1:] / count
        covariance = self.moments[1:, 1:] / count - np.outer(mean, mean)
        spread = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        scale = np.outer(spread, spread)
        correlation = np.divide(covariance, scale, out=np.zeros_like(covariance), where=scale > 0)
        return {
            one: {
                other: round(float(correlation[row, column]), 4)
                for column, other in enumerate(DRIVERS)
                if column != row
            }
            for row, one in enumerate(DRIVERS)
        }

    def _errors(self, groups: tuple[str, ...]) -> dict[str, dict[str, float | None]]:
        """Return, by group, the error rates of the first tenth by the true and by the recorded risk."""
        told: dict[str, dict[str, float | None]] = {name: {} for name in groups}
        for place, kind in enumerate(("true", "recorded")):
            share = _chosen_shares(self.flagged[place].sum(axis=(0, 1)))
            for group, name in enumerate(groups):
                leave, stay = self.flagged[place, group]
                told[name][f"false_negative_rate_{kind}"] = _ratio((leave * (1 - share)).sum(), leave.sum())
                told[name][f"false_positive_rate_{kind}"] = _ratio((stay * share).sum(), stay.sum())
        for rates in told.values():
            for error in ("false_negative_rate", "false_positive_rate"):
                rates[f"{error}_change"] = _difference(rates[f"{error}_recorded"], rates[f"{error}_true"])
        return told

    def _measure(self, place: int) -> dict[str, dict[str, float | None]]:
        """Return, by way of allocation, the true average effect of a measure and the naive difference."""
        told: dict[str, dict[str, float | None]] = {}
        for way, name in enumerate(WAYS):
            got, effect, near, effect_near, labelled, left, without = self.by_measure[place, way]
            others, others_left, others_without = self.unsupported[way]
            supported, unsupported = _ratio(left, labelled), _ratio(others_left, others)
            base, others_base = _ratio(without, labelled), _ratio(others_without, others)
            told[name] = {
                "supported": int(got),
                "true_effect_on_supported": _ratio(effect, got),
                "true_effect_near_cut": _ratio(effect_near, near) if name == "cut" else None,
                "naive_difference": _difference(supported, unsupported),
                "difference_without_support": _difference(base, others_base),
            }
        return told


@dataclass
class Oracle:
    """The figures of all cohorts: add each part, then ask for the figures."""

    groups: tuple[str, ...]
    """First languages."""
    school_ids: list[str]
    """All schools of the country."""
    _cohorts: dict[str, Cohort] = field(default_factory=dict)

    def add(self, cohort_on: str, seen: Seen) -> None:
        """Add a part of the cohort of a day."""
        if cohort_on not in self._cohorts:
            self._cohorts[cohort_on] = Cohort(len(self.groups), len(self.school_ids))
        self._cohorts[cohort_on].add(seen)

    def school_numbers(self, school_ids: list[str]) -> Integers:
        """Return the places of some schools among all."""
        place = {school_id: number for number, school_id in enumerate(self.school_ids)}
        return np.array([place[school_id] for school_id in school_ids], dtype=np.int64)

    def figures(self) -> dict[str, Any]:
        """Return the figures by cohort, oldest first."""
        return {day: self._cohorts[day].figures(self.groups) for day in sorted(self._cohorts)}


def _bin(score: Floats) -> Integers:
    place = np.floor((np.clip(score, -FARTHEST_LOG_ODDS, FARTHEST_LOG_ODDS - 1e-9) + FARTHEST_LOG_ODDS) * BINS_A_UNIT)
    return place.astype(np.int64)


def _sums(cell: Integers, weight: Any, shape: tuple[int, ...]) -> Floats:
    sums = np.bincount(cell, weights=np.asarray(weight, dtype=np.float64), minlength=int(np.prod(shape)))
    return sums.astype(np.float64).reshape(shape)


def _auc(counts: Floats, own_pairs: Floats) -> float | None:
    """Return the area under the ROC curve over the strata of ``counts`` (strata × (leave, stay) × bins).

    ``own_pairs`` is the weight that pairs of a pupil with himself have in it: they are taken out.
    """
    leave, stay = counts[:, 0], counts[:, 1]
    below = np.cumsum(stay, axis=1) - stay / 2
    won = (leave * below).sum() - own_pairs.sum() / 2
    pairs = (leave.sum(axis=1) * stay.sum(axis=1)).sum() - own_pairs.sum()
    return _ratio(won, pairs)


def _chosen_shares(pupils: Floats) -> Floats:
    """Return which share of each bin is among the first tenth of the pupils, from the highest bin down."""
    above = pupils[::-1].cumsum()[::-1] - pupils
    places = PLACES_SHARE * pupils.sum()
    share: Floats = np.clip((places - above) / np.maximum(pupils, 1e-12), 0.0, 1.0) * (pupils > 0)
    return share


def _reached(leave: Floats, pupils: Floats) -> float:
    return float((leave * _chosen_shares(pupils)).sum())


def _ratio(part: float, whole: float) -> float | None:
    return round(float(part) / float(whole), 6) if whole > 0 else None


def _difference(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else round(one - other, 6)
