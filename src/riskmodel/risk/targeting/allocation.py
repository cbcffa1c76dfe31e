"""A proposal how limited hours, specialists and money are given to pupils: an integer optimisation, never a decision.

The sum of the values of what is given (estimated need or benefit) is made as large as possible while

* no resource of a school, a municipality or the state is used beyond its amount: hours of a profession, or money;
* nobody gets more measures than allowed, and only such as are offered to the pupil;
* every group (by default a school) keeps at least a share of its even part of those supported: the fairness floor;
* what a person has decided stands: a pupil put in or left out by hand, with who decided and why.

It is solved by HiGHS through :func:`scipy.optimize.milp`. It comes with SciPy, which the product has anyhow, takes no licence and
no server, and gives the same answer for the same input: no clock and no chance enters. Equal values are decided by a lot that the
seed and the pseudonym draw, never by the order of rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.risk.targeting.clash import infeasible, unfinished
from riskmodel.risk.targeting.means import Means, Override, check_overrides

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

RELATIVE_GAP = 1e-5
"""The solver stops when nothing can be better than what it has by more than this share."""
LONGEST_SECONDS = 120.0
"""A guard, no tuning: an answer that is not proved by then is refused, since it would depend on the machine."""
LOT_SHARE = 1e-6
"""Lots move a value by at most this share of the largest: they decide between equals alone."""
OPTION_COLUMNS = ("pupil_id", "school_id", "municipality_code", "measure_code", "value")


@dataclass(frozen=True)
class Rules:
    """What holds beside the means.

    ``floor_share``: each group gets at least this share (0 to 1) of its even part of the pupils supported. ``floor_by`` is the
    column of the options that names the groups. ``most_measures`` is the most that one pupil may get.
    """

    floor_share: float = 0.0
    floor_by: str = "school_id"
    most_measures: int = 1
    seed: int = 7


@dataclass(frozen=True)
class Allocation:
    """A proposal.

    ``given`` and ``left_out`` (by hand) hold the options with ``is_by_hand``, ``by`` and ``reason``. ``value`` is the sum of
    the values given, ``value_without_floor`` what it would be without the fairness floor: the floor's price.
    """

    given: pd.DataFrame
    left_out: pd.DataFrame
    value: float
    value_without_floor: float
    floors: dict[str, int]


def allocate(
    options: pd.DataFrame, means: Means, rules: Rules | None = None, overrides: Sequence[Override] = ()
) -> Allocation:
    """Return the proposal of greatest value.

    Parameters
    ----------
    options
        :data:`OPTION_COLUMNS`, one row for each pupil and measure that may be given (see
        :func:`riskmodel.risk.targeting.means.options_for`), with a finite ``value`` of 0 or more; further columns may name
        groups for the floor.
    means
        The offers with what one pupil uses of each resource, and the amounts that there are.
    rules
        Floor, most measures, seed.
    overrides
        Decisions of people, which stand.

    Raises
    ------
    UsageError
        When the options are not in order, an override names none of them, or all that must hold cannot hold together: the text
        says which amounts and floors clash, and by how much.
    """
    rules = rules or Rules()
    _check(options, rules)
    own = options.sort_values(["pupil_id", "measure_code"], ignore_index=True)
    check_overrides(own, overrides)
    if own.empty:
        return Allocation(_with_hand(own, overrides), _with_hand(own, overrides), 0.0, 0.0, {})
    problem = _Problem.of(own, means, rules, overrides)
    free = problem.solved({})
    floors = _floors(own, free, rules)
    chosen = problem.solved(floors) if floors else free
    value = own["value"].to_numpy(dtype=np.float64)
    return Allocation(
        given=_with_hand(own[chosen], overrides),
        left_out=_with_hand(own[problem.upper == 0], overrides),
        value=float(value[chosen].sum()),
        value_without_floor=float(value[free].sum()),
        floors=floors,
    )


def lots(pupil_id: pd.Series, seed: int) -> Floats:
    """Return a number from 0 up to 1 for each pupil, by the seed and the pseudonym alone.

    >>> lots(pd.Series(["a", "b"]), 7).tolist() == lots(pd.Series(["b", "a"]), 7).tolist()[::-1]
    True
    """
    drawn = (hashlib.sha256(f"{seed}\0{one}".encode()).digest()[:6] for one in pupil_id.astype(str))
    return np.array([int.from_bytes(one, "big") for one in drawn], dtype=np.float64) / 2.0**48


@dataclass(frozen=True)
class _Problem:
    """The options as variables (0 or 1), with rows that bound their sums from above."""

    options: pd.DataFrame
    rules: Rules
    objective: Floats
    lower: Floats
    upper: Floats
    matrix: csr_array
    most: Floats
    names: tuple[tuple[str, str, str], ...]
    """Of each row that a clash may name: the resource, the kind of unit and the unit; further rows count measures."""

    @classmethod
    def of(cls, options: pd.DataFrame, means: Means, rules: Rules, overrides: Sequence[Override]) -> _Problem:
        used = means.rows_of(options)
        pupil, pupils = pd.factorize(options["pupil_id"])
        per_pupil = coo_array((np.ones(len(pupil)), (pupil, np.arange(len(pupil)))), (len(pupils), len(pupil)))
        matrix = _stacked([used.matrix, per_pupil])
        value = options["value"].to_numpy(dtype=np.float64)
        lot = LOT_SHARE * max(float(value.max()), 1e-12) * lots(options["pupil_id"], rules.seed)
        lower, upper = np.zeros(len(options)), np.ones(len(options))
        for one in overrides:
            rows = one.names(options)
            lower[rows], upper[rows] = (1.0, 1.0) if one.is_in else (0.0, 0.0)
        most = np.concatenate([used.amounts, np.full(len(pupils), float(rules.most_measures))])
        return cls(options, rules, value + lot, lower, upper, matrix, most, used.names)

    def solved(self, floors: dict[str, int]) -> Flags:
        """Return which options are given, with each group's floor of pupils."""
        matrix, most, extra = self.matrix, self.most, 0
        if floors:
            matrix, most, extra = self._with_floors(floors)
        cost = np.concatenate([-self.objective, np.zeros(extra)])
        kinds = np.concatenate([np.ones(len(self.objective)), np.zeros(extra)])
        bounds = Bounds(np.concatenate([self.lower, np.zeros(extra)]), np.concatenate([self.upper, np.ones(extra)]))
        found = milp(
            cost,
            integrality=kinds,
            bounds=bounds,
            constraints=LinearConstraint(matrix, -np.inf, most),
            options={"mip_rel_gap": RELATIVE_GAP, "time_limit": LONGEST_SECONDS},
        )
        if found.status == 2:
            raise infeasible(matrix, most, (bounds, kinds), self.names, (self.matrix.shape[0], list(floors)))
        if found.status != 0:
            raise unfinished(len(self.objective))
        return np.asarray(found.x[: len(self.objective)] > 0.5, dtype=bool)

    def _with_floors(self, floors: dict[str, int]) -> tuple[csr_array, Floats, int]:
        """Return rows and bounds with a variable for each pupil (supported or not), as many as groups need.

        The rows of floors come last, in their order, before those that tie pupils to their options.
        """
        pupil, pupils = pd.factorize(self.options["pupil_id"])
        group = self.options.groupby(pupil)[self.rules.floor_by].first().to_numpy()
        count, options = len(pupils), len(self.options)
        place = {name: number for number, name in enumerate(floors)}
        of_group = np.array([place.get(str(one), -1) for one in group])
        counted = np.flatnonzero(of_group >= 0)
        floor = coo_array(
            (-np.ones(len(counted)), (of_group[counted], options + counted)), (len(floors), options + count)
        )
        rows = np.concatenate([np.arange(count), pupil])
        columns = np.concatenate([options + np.arange(count), np.arange(options)])
        signs = np.concatenate([np.ones(count), -np.ones(options)])
        tied = coo_array((signs, (rows, columns)), (count, options + count))
        wide = coo_array(self.matrix)
        whole = coo_array((wide.data, wide.coords), (wide.shape[0], options + count))
        least = np.array([-float(one) for one in floors.values()])
        return _stacked([whole, floor, tied]), np.concatenate([self.most, least, np.zeros(count)]), count


def _stacked(parts: Sequence[coo_array]) -> csr_array:
    """Return sparse rows one above the other."""
    data, rows, columns, first = [], [], [], 0
    for part in (coo_array(one) for one in parts):
        data.append(part.data)
        rows.append(part.coords[0] + first)
        columns.append(part.coords[1])
        first += part.shape[0]
    shape = (first, parts[0].shape[1])
    whole = coo_array((np.concatenate(data), (np.concatenate(rows), np.concatenate(columns))), shape)
    return csr_array(whole)


def _floors(options: pd.DataFrame, free: Flags, rules: Rules) -> dict[str, int]:
    """Return the least number of pupils of each group, of those who would be supported without a floor."""
    if not rules.floor_share:
        return {}
    pupils = options.drop_duplicates("pupil_id")
    supported = options[free]["pupil_id"].nunique()
    by_group = pupils.groupby(pupils[rules.floor_by].astype(str)).size()
    even = supported * by_group / len(pupils)
    return {str(group): int(np.floor(rules.floor_share * part + 1e-9)) for group, part in even.items()}


def _with_hand(options: pd.DataFrame, overrides: Sequence[Override]) -> pd.DataFrame:
    """Return options with who decided them by hand, and why; empty texts where nobody did."""
    by, reason = np.full(len(options), "", dtype=object), np.full(len(options), "", dtype=object)
    for one in overrides:
        rows = one.names(options)
        by[rows], reason[rows] = one.by, one.reason
    told = options.assign(is_by_hand=[bool(name) for name in by], by=by, reason=reason)
    return told.reset_index(drop=True)


def _check(options: pd.DataFrame, rules: Rules) -> None:
    missing = [name for name in (*OPTION_COLUMNS, rules.floor_by) if name not in options.columns]
    is_in_order = (
        not missing
        and not options.duplicated(["pupil_id", "measure_code"]).any()
        and bool((np.isfinite(options["value"].to_numpy(dtype=np.float64)) & (options["value"] >= 0)).all())
    )
    if not is_in_order:
        raise UsageError(
            message("Each pupil and measure stands once among the options, with a value of 0 or more and a group."),
            found=message(
                "Columns are missing ({names}), a row stands twice, or a value is none.", names=", ".join(missing)
            ),
            remedy=message("Correct the options."),
        )
    if not 0 <= rules.floor_share <= 1 or rules.most_measures < 1:
        raise UsageError(
            message("A fairness floor is a share from 0 to 1, and a pupil may get at least one measure."),
            found=message("Another number was given."),
            remedy=message("Correct the floor or the number of measures."),
        )


def supported_by(allocation: Allocation, column: str) -> dict[str, int]:
    """Return how many pupils are supported, by a column of the options."""
    pupils = allocation.given.drop_duplicates("pupil_id")
    counts = pupils.groupby(pupils[column].astype(str)).size()
    return {str(name): int(count) for name, count in counts.items()}
