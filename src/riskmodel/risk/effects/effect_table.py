"""The table ``effect``: every measure, group and year by every kind of evidence that the frame has, and its verdict.

The frame holds one row per pupil, measure and school year for whom the measure was in question:

==================  ================================================================================
``school_id``       errors are taken by school
``school_year``     first year of the school year, for example 2024
``measure_code``    of the catalogue
``group_code``      risk group or band by which effects are told apart
``score``, ``cut``  of the allocation by a cut; ``cut`` is missing where none was made
``tie``             any name of the tie in which places went by lot; missing where none was
``is_drawn``        1 drawn, 0 not (in a tie)
``given``           1 got the measure, 0 did not
``left``            1 left early, 0 did not; missing: not known, and left out
``before``,         the same figure in the semesters before and after; missing where there is none. Both columns
``after``           may be absent
==================  ================================================================================

Nothing is estimated for one school, and nothing from fewer pupils than each kind needs. Pupils in a tie are no part of the
comparison at the cut; pupils with a cut or a tie are no part of the comparison by judgement.

Claims stand among all claims of their family: one family for measures as a whole, one for groups and years, by kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.risk.effects.adjusted import Adjusted, Judged, adjusted
from riskmodel.risk.effects.cut_checks import CHECK_LEVEL, cut_checks
from riskmodel.risk.effects.differences import difference
from riskmodel.risk.effects.discontinuity import Discontinuity, Places, discontinuity
from riskmodel.risk.effects.estimate import Estimate, Kind, NotEstimated
from riskmodel.risk.effects.lottery import Lottery, balance, lottery
from riskmodel.risk.effects.power import pupils_needed
from riskmodel.risk.effects.verdict import Rule, Verdict, holding, verdicts
from riskmodel.tables.worth import EFFECT

ALL = "all"
COLUMNS = ("school_id", "school_year", "measure_code", "group_code", "score", "cut", "tie", "is_drawn", "given", "left")
MOST_SPARSE_SHARE = 0.25
"""With more pupils than this who have nobody like them, those who are left are no picture of those who were asked."""

LEAST_UPTAKE = 0.2
"""A cut at which the share with the measure jumps by less was not followed: it tells nothing of the measure."""

GRADES = {
    Kind.LOTTERY: "randomised",
    Kind.DISCONTINUITY: "discontinuity",
    Kind.ADJUSTED: "adjusted",
    Kind.DIFFERENCE: "none_yet",
}

LEAST_ROBUST = 0.02
"""Something unseen that explains so little of leaving and of the choice could make an adjusted effect vanish: no claim."""

LEAST_FIT = 0.001
"""A propensity that departs so far from who got the measure does not tell who is alike."""

Cell = str | float | int | bool | None
Part = tuple[tuple[str, str, str], pd.DataFrame]


class Each(Protocol):
    """What ``map`` and the ``map`` of a pool of threads are alike in."""

    def __call__(self, work: Callable[[Part], list[Row]], parts: Sequence[Part], /) -> Iterable[list[Row]]:
        """Yield what the work comes to for each part, in their order."""


@dataclass(frozen=True)
class Row:
    """One comparison: whose it is, what came out, and what speaks against it."""

    measure: str
    group: str
    year: str
    found: Estimate | NotEstimated
    failed: tuple[str, ...] = ()
    more: dict[str, Cell] = field(default_factory=dict)
    verdict: Verdict | None = None
    reason: str | None = None

    @property
    def family(self) -> tuple[Kind, bool]:
        """Rows that are asked together: by kind, measures as a whole apart from groups and years."""
        return self.found.kind, (self.group, self.year) == (ALL, ALL)

    def cells(self, rule: Rule) -> dict[str, Cell]:
        """Return the row of :data:`riskmodel.tables.worth.EFFECT`."""
        found = self.found
        cells: dict[str, Cell] = {
            "measure_code": self.measure,
            "group_code": self.group,
            "school_year_code": self.year,
            "kind_code": found.kind.value,
            "verdict_code": "not_estimated" if self.verdict is None else self.verdict.value,
            "grade_code": "none_yet",
            "reason_code": self.reason,
            "failed_checks": ",".join(self.failed) or None,
        }
        if isinstance(found, NotEstimated):
            return cells
        return (
            cells
            | self.more
            | {
                "value": found.value,
                "low": found.low,
                "high": found.high,
                "detectable": found.detectable,
                "pupils_given": found.pupils_given,
                "pupils_compared": found.pupils_compared,
                "pupils_needed": pupils_needed(
                    found.pupils_given + found.pupils_compared, found.error, rule.worth_having
                ),
                "grade_code": "none_yet" if self.failed else GRADES[found.kind],
            }
        )


def estimate_effects(
    frame: pd.DataFrame,
    covariates: Sequence[str],
    seed: int,
    rule: Rule | None = None,
    each: Each = map,
) -> pd.DataFrame:
    """Return the columns of :data:`riskmodel.tables.worth.EFFECT`, sorted by measure, group, year and kind.

    Parameters
    ----------
    frame
        As above, with the columns ``covariates`` besides: numbers known before places were given; NaN is "no data".
    seed
        Draws the folds of adjusted comparisons.
    rule
        The smallest effect worth having and the largest plausible one, set before the run.
    each
        Does a piece of work for each comparison, in order, as ``map`` does; that of a pool of threads does some at once.

    Raises
    ------
    UsageError
        When a column is missing.
    """
    rule = rule or Rule()
    missing = sorted({*COLUMNS, *covariates} - set(frame.columns))
    if missing:
        raise UsageError(
            message("Effects are estimated from a frame with these columns: {names}.", names=", ".join(COLUMNS)),
            found=message("These are missing: {names}.", names=", ".join(missing)),
            remedy=message("Add them; a column without data may be empty."),
        )
    known = frame[frame["left"].notna()]
    found = each(lambda part: list(_compared(*part, covariates, seed)), list(_parts(known)))
    rows = [row for of_part in found for row in of_part]
    cells = [row.cells(rule) for row in _judged(rows, rule)]
    table = pd.DataFrame(cells, columns=list(EFFECT.column_names))
    for column in ("pupils_given", "pupils_compared", "pupils_needed"):
        table[column] = table[column].astype("Int64")
    return table.sort_values(list(EFFECT.key), ignore_index=True)


def _parts(frame: pd.DataFrame) -> Iterator[Part]:
    for measure, own in frame.groupby("measure_code", sort=True):
        yield (str(measure), ALL, ALL), own
        years, groups = own.groupby("school_year", sort=True), own.groupby("group_code", sort=True)
        # Pupils whose year or group is not told apart (``all``) count in the whole alone.
        for year, part in years if len(years) > 1 else ():
            if year != ALL:
                yield (str(measure), ALL, str(year)), part
        for group, part in groups if len(groups) > 1 else ():
            if group != ALL:
                yield (str(measure), str(group), ALL), part


def _compared(whose: tuple[str, str, str], frame: pd.DataFrame, covariates: Sequence[str], seed: int) -> Iterator[Row]:
    in_tie = frame["tie"].notna()
    at_cut = frame["cut"].notna() & ~in_tie
    judged = ~in_tie & ~at_cut
    if in_tie.any():
        yield _by_lot(whose, frame[in_tie], covariates)
    if at_cut.any():
        yield _by_cut(whose, frame[at_cut], covariates)
    if judged.any() and covariates:
        yield _by_judgement(whose, frame[judged], covariates, seed)
    if {"before", "after"} <= set(frame.columns):
        both = frame[frame["before"].notna() & frame["after"].notna()]
        if len(both):
            before, after, given = (_floats(both, name) for name in ("before", "after", "given"))
            found = difference(before, after, given, _schools(both))
            yield Row(*whose, found)


def _by_lot(whose: tuple[str, str, str], frame: pd.DataFrame, covariates: Sequence[str]) -> Row:
    tie = np.asarray(pd.factorize(frame["tie"].astype(str))[0], dtype=np.intp)
    drawn = _floats(frame, "is_drawn")
    found = lottery(drawn, _floats(frame, "left"), tie)
    if not isinstance(found, Lottery):
        return Row(*whose, found)
    asked = [balance(drawn, tie, _floats(frame, name)) for name in covariates]
    failed = any(holding([p for p in asked if p is not None], CHECK_LEVEL))
    return Row(*whose, found.intended, ("covariates",) if failed else (), {"exact_p_value": found.exact_p_value})


def _by_cut(whose: tuple[str, str, str], frame: pd.DataFrame, covariates: Sequence[str]) -> Row:
    score, cut, given, left = (_floats(frame, name) for name in ("score", "cut", "given", "left"))
    places = Places(score, cut, given, left, _schools(frame))
    found = discontinuity(places)
    if not isinstance(found, Discontinuity):
        return Row(*whose, found)
    checks = cut_checks(places, found, {name: _floats(frame, name) for name in covariates})
    ratio = found.ratio or (None, None, None)
    more: dict[str, Cell] = {
        "uptake": found.uptake,
        **dict(zip(("per_given", "per_given_low", "per_given_high"), ratio, strict=True)),
        "bandwidth": found.bandwidth,
    }
    failed = checks.failed if found.uptake >= LEAST_UPTAKE else (*checks.failed, "uptake")
    return Row(*whose, found.intended, failed, more)


def _by_judgement(whose: tuple[str, str, str], frame: pd.DataFrame, covariates: Sequence[str], seed: int) -> Row:
    columns = np.column_stack([_floats(frame, name) for name in covariates])
    found = adjusted(Judged(columns, _floats(frame, "given"), _floats(frame, "left"), _schools(frame)), seed)
    if not isinstance(found, Adjusted):
        return Row(*whose, found)
    more: dict[str, Cell] = {
        "robustness": found.robustness_of_interval,
        "sparse_share": found.sparse_share,
    }
    failed = {
        "overlap": found.sparse_share > MOST_SPARSE_SHARE,
        "choice": found.choice_p_value < LEAST_FIT,
        "robustness": 0 < found.robustness_of_interval < LEAST_ROBUST,
    }
    return Row(*whose, found.effect, tuple(name for name, has_failed in failed.items() if has_failed), more)


def _judged(rows: Sequence[Row], rule: Rule) -> list[Row]:
    """Return the rows with their verdicts: claims must hold in their family, and pass their checks."""
    judged: list[Row] = []
    for family in sorted({row.family for row in rows}):
        own = [row for row in rows if row.family == family]
        judged += [replace(row, reason=row.found.reason.value) for row in own if isinstance(row.found, NotEstimated)]
        estimated = [(row, row.found) for row in own if isinstance(row.found, Estimate)]
        together = verdicts([found for _, found in estimated], rule)
        for (row, found), verdict in zip(estimated, together, strict=True):
            alone = rule.of(found)
            if row.failed and verdict not in (Verdict.DESCRIPTIVE, Verdict.NOT_ENOUGH_DATA):
                judged.append(replace(row, verdict=Verdict.INCONCLUSIVE, reason="checks_failed"))
            else:
                judged.append(replace(row, verdict=verdict, reason=None if verdict == alone else "among_many"))
    return judged


def _floats(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    return np.asarray(frame[name].to_numpy(dtype=np.float64, na_value=np.nan))


def _schools(frame: pd.DataFrame) -> NDArray[np.intp]:
    return np.asarray(pd.factorize(frame["school_id"].astype(str), sort=True)[0], dtype=np.intp)
