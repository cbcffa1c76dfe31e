"""The simple rules that every figure stands beside: what a school could do without a model.

A rule gives an order (a count, a flag, a rate) and a probability: the share that left, learnt per step of the order
from the training cohorts. A value that is missing never flags a pupil.

======================  =====================================================  ==================================
rule                    order                                                  features (the first that has a value)
======================  =====================================================  ==================================
``random``              all tie: what a lottery reaches                        none
``school_rate``         share of the school's past pupils who left, shrunk     none (the school)
``unexcused_over_20``   more than 20 lessons missed unexcused since the        ``unexcused_lessons_year``
                        school year began: the legal mark
``absence_over_10``     10 % of lessons or more missed                         ``absent_share_year``
``on_track``            more than one failed subject or unit                   ``term_units_failed``,
                                                                               ``term_low_subjects``,
                                                                               ``low_subjects_year``
``abc``                 10 % missed (A) plus any failed subject (C), 0 to 2;   as the two above
                        behaviour (B) is not delivered
``previous_support``    had a measure of support in the last two years         ``support_measures_2y``
======================  =====================================================  ==================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message

LEGAL_UNEXCUSED_LESSONS = 20
CHRONIC_ABSENT_SHARE = 0.10
ON_TRACK_FAILED = 1
SHRINK_PUPILS = 20
"""A share is drawn to that of all as if so many more pupils had left at the common rate."""

ABSENT = ("absent_share_year",)
UNEXCUSED = ("unexcused_lessons_year",)
FAILED = ("term_units_failed", "term_low_subjects", "low_subjects_year")
SUPPORT = ("support_measures_2y",)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rule:
    """A rule that counts: ``needs`` lists alternatives, of which each pupil's first known value is used."""

    needs: tuple[tuple[str, ...], ...]
    order: Callable[[list[Floats]], Floats]

    def apply(self, features: pd.DataFrame) -> Floats:
        """Return the order of each row, higher first."""
        return self.order([_first_known(features, codes) for codes in self.needs])

    def has_data(self, features: pd.DataFrame) -> bool:
        """Return whether each need has a value for anybody."""
        return all(bool(np.isfinite(_first_known(features, codes)).any()) for codes in self.needs)


def _at_least(values: Floats, limit: float) -> Floats:
    return (np.nan_to_num(values, nan=-np.inf) >= limit).astype(np.float64)


def _above(values: Floats, limit: float) -> Floats:
    return (np.nan_to_num(values, nan=-np.inf) > limit).astype(np.float64)


COUNTED: Mapping[str, Rule] = {
    "unexcused_over_20": Rule((UNEXCUSED,), lambda known: _above(known[0], LEGAL_UNEXCUSED_LESSONS)),
    "absence_over_10": Rule((ABSENT,), lambda known: _at_least(known[0], CHRONIC_ABSENT_SHARE)),
    "on_track": Rule((FAILED,), lambda known: _above(known[0], ON_TRACK_FAILED)),
    "abc": Rule((ABSENT, FAILED), lambda known: _at_least(known[0], CHRONIC_ABSENT_SHARE) + _above(known[1], 0)),
    "previous_support": Rule((SUPPORT,), lambda known: _above(known[0], 0)),
}
RULES = ("random", "school_rate", *COUNTED)


@dataclass(frozen=True)
class FittedRule:
    """A rule with the shares that training taught: by school, or by step of the order."""

    code: str
    shares: Mapping[str | float, float]
    overall: float

    def raw_score(self, features: pd.DataFrame, school_id: pd.Series) -> Floats:
        """Return the order of each row (higher first); ``school_id`` stands row by row beside ``features``."""
        if self.code == "random":
            return np.zeros(len(features))
        if self.code == "school_rate":
            return self._shares_of(school_id.astype(str))
        return COUNTED[self.code].apply(features)

    def probability(self, features: pd.DataFrame, school_id: pd.Series) -> Floats:
        """Return, per row, the share of training pupils at the same step who left."""
        return self.scores(features, school_id)[1]

    def scores(self, features: pd.DataFrame, school_id: pd.Series) -> tuple[Floats, Floats]:
        """Return :meth:`raw_score` and :meth:`probability`."""
        order = self.raw_score(features, school_id)
        return order, order if self.code == "school_rate" else self._shares_of(pd.Series(order))

    def _shares_of(self, steps: pd.Series) -> Floats:
        places, found = pd.factorize(steps)
        return np.array([self.shares.get(step, self.overall) for step in found], dtype=np.float64)[places]


def tally(code: str, features: pd.DataFrame, school_id: pd.Series, label: Floats) -> pd.DataFrame:
    """Return, per step of rule ``code`` (or school), how many ``pupils`` there are and how many ``left``.

    Raises
    ------
    UsageError
        For an unknown rule.
    """
    if code not in RULES:
        raise _no_rule()
    steps = (
        school_id.astype(str).reset_index(drop=True)
        if code == "school_rate"
        else pd.Series(FittedRule(code, {}, 0.0).raw_score(features, school_id))
    )
    by_step = pd.Series(np.asarray(label, dtype=np.float64)).groupby(steps)
    return pd.DataFrame({"left": by_step.sum(), "pupils": by_step.size()})


def learn_from(code: str, tallies: Iterable[pd.DataFrame]) -> FittedRule:
    """Return rule ``code`` with the shares of the cohorts whose tallies are given.

    A share is shrunk: (left + 20 x overall share) / (pupils + 20).

    Raises
    ------
    UsageError
        When they hold no pupils.
    """
    by_step = pd.concat(tallies).groupby(level=0).sum()
    left, pupils = by_step["left"], by_step["pupils"]
    if pupils.sum() == 0:
        raise _no_rule()
    overall = float(left.sum() / pupils.sum())
    shares = (left + SHRINK_PUPILS * overall) / (pupils + SHRINK_PUPILS)
    return FittedRule(code, dict(zip(by_step.index.tolist(), shares.tolist(), strict=True)), overall)


def _no_rule() -> UsageError:
    return UsageError(
        message("A rule must be one of {rules}, with pupils to learn shares from.", rules=", ".join(RULES)),
        found=message("It is another one, or there are no pupils."),
        remedy=message("Name one of these rules and give matured cohorts."),
    )


def rules_for(features: pd.DataFrame) -> tuple[str, ...]:
    """Return the rules that these features allow: those whose needs hold a value for at least one pupil."""
    return tuple(code for code in RULES if code not in COUNTED or COUNTED[code].has_data(features))


def _first_known(features: pd.DataFrame, codes: tuple[str, ...]) -> Floats:
    known = np.full(len(features), np.nan)
    for code in codes:
        if code in features.columns:
            known = np.where(np.isnan(known), features[code].to_numpy(dtype=np.float64), known)
    return known
