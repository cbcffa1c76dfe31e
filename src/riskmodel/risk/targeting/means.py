"""What there is to give: offers of the catalogue, amounts of hours and money, decisions of people, and the gap to the need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.support.catalogue import Catalogue, Measure

Floats = NDArray[np.float64]

EURO = "euro"
PLACES = "places"
SCHOOL, MUNICIPALITY, STATE = "school", "municipality", "state"
UNIT_COLUMNS = {SCHOOL: "school_id", MUNICIPALITY: "municipality_code"}
MINUTES_AN_HOUR = 60


@dataclass(frozen=True)
class Offer:
    """A measure as it is offered to one pupil for the semester, and what it then uses of each resource.

    A resource is the role of a provider (in hours), :data:`EURO`, or :data:`PLACES`.
    """

    measure_code: str
    uses: Mapping[str, float]


@dataclass(frozen=True)
class Amount:
    """How much of a resource a unit has: a school, a municipality or the state (whose code is ``state``)."""

    resource: str
    unit_kind: str
    unit_code: str
    amount: float


@dataclass(frozen=True)
class Used:
    """One row for each amount: what every option would use of it."""

    matrix: coo_array
    amounts: Floats
    names: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Means:
    """The offers by measure, and the amounts."""

    offers: tuple[Offer, ...]
    amounts: tuple[Amount, ...]

    def rows_of(self, options: pd.DataFrame) -> Used:
        """Return what the options use of each amount that they touch.

        Raises
        ------
        UsageError
            When a measure is not offered, an amount is negative, or nobody said how much there is of a resource in a unit of the
            options: what is not known is not nothing.
        """
        offers = {one.measure_code: one for one in self.offers}
        measure = options["measure_code"].astype(str).to_numpy()
        unknown = sorted(set(measure) - set(offers))
        if unknown:
            raise UsageError(
                message("Every measure of the options is offered, with what it uses."),
                found=message("These are not: {measures}.", measures=", ".join(unknown)),
                remedy=message("Add the offers, or leave the measures out."),
            )
        uses = {
            resource: np.array([offers[one].uses.get(resource, 0.0) for one in measure])
            for resource in sorted({name for one in offers.values() for name in one.uses})
        }
        rows, is_covered = [], {resource: used == 0 for resource, used in uses.items()}
        for one in self.amounts:
            inside = units_of(options, one.unit_kind) == one.unit_code
            used = uses.get(one.resource, np.zeros(len(options))) * inside
            if one.resource in is_covered:
                is_covered[one.resource] |= inside
            if used.any():
                rows.append((one, used))
        self._check(is_covered)
        place = [np.flatnonzero(used) for _, used in rows]
        data = [used[at] for (_, used), at in zip(rows, place, strict=True)]
        number = np.repeat(np.arange(len(rows)), [len(at) for at in place])
        matrix = coo_array(
            (np.concatenate([*data, np.zeros(0)]), (number, np.concatenate([*place, np.zeros(0, dtype=np.int64)]))),
            (len(rows), len(options)),
        )
        names = tuple((one.resource, one.unit_kind, one.unit_code) for one, _ in rows)
        return Used(matrix, np.array([one.amount for one, _ in rows], dtype=np.float64), names)

    def _check(self, is_covered: Mapping[str, NDArray[np.bool_]]) -> None:
        if any(not np.isfinite(one.amount) or one.amount < 0 for one in self.amounts):
            raise UsageError(
                message("An amount of hours, money or places is a number from 0 up."),
                found=message("One of them is not."),
                remedy=message("Correct the amounts."),
            )
        open_ones = [resource for resource, covered in is_covered.items() if not covered.all()]
        if open_ones:
            raise UsageError(
                message(
                    "For every resource that an option uses, it is known how much its school, municipality or the state has."
                ),
                found=message(
                    "Nobody said how much there is somewhere of: {resources}.", resources=", ".join(open_ones)
                ),
                remedy=message("Enter the amounts, 0 where there is nothing."),
            )


def units_of(options: pd.DataFrame, unit_kind: str) -> NDArray[np.object_]:
    """Return the unit of each option: its school, its municipality, or the state."""
    if unit_kind == STATE:
        return np.full(len(options), STATE, dtype=object)
    return np.asarray(options[UNIT_COLUMNS[unit_kind]].astype(str).to_numpy(dtype=object))


def offer_of(measure: Measure, times: int, minutes: int = 40, euro: float = 0.0, weeks: int = 16) -> Offer:
    """Return a measure of the catalogue as an offer of ``times`` meetings of ``minutes`` in ``weeks``, or of ``euro``.

    Raises
    ------
    UsageError
        When the catalogue allows no so many, so long or so dear.
    """
    limits = {name: value for limit in measure.limits for name, value in limit.items()}
    most = {
        "times": (times, (limits.get("max_per_week") or np.inf) * weeks),
        "minutes": (minutes, limits.get("max_minutes") or np.inf),
        "euro": (euro, limits.get("amount_eur") or np.inf),
    }
    over = [f"{name} {given} > {upto:g}" for name, (given, upto) in most.items() if given > upto]
    if over or (times <= 0 and euro <= 0):
        raise UsageError(
            message("A measure is offered within the limits of the catalogue, and is not nothing."),
            found=message("For {measure}: {found}.", measure=measure.code, found="; ".join(over) or "0"),
            remedy=message("Offer less of it, or correct the catalogue."),
        )
    uses = {measure.provider_role: times * minutes / MINUTES_AN_HOUR} if measure.provider_role else {}
    return Offer(measure.code, {**uses, **({EURO: euro} if euro else {})})


def options_for(pupils: pd.DataFrame, catalogue: Catalogue, measure_codes: Iterable[str]) -> pd.DataFrame:
    """Return the options that the catalogue allows: each pupil with the measures that answer one of her risk groups.

    Parameters
    ----------
    pupils
        ``pupil_id``, ``school_id``, ``municipality_code``, ``value`` and ``risk_groups`` (a collection of codes, as
        :func:`riskmodel.support.catalogue.risk_groups_of` gives them). Who has none gets no option.
    catalogue
        The measures.
    measure_codes
        Those that are to be given now.
    """
    wanted = set(measure_codes)
    measures = [one for one in catalogue.measures if one.code in wanted]
    if wanted - {one.code for one in measures}:
        raise UsageError(
            message("A measure to be given stands in the catalogue."),
            found=message("These do not: {measures}.", measures=", ".join(sorted(wanted - {m.code for m in measures}))),
            remedy=message("Name measures of the catalogue."),
        )
    parts = []
    for measure in measures:
        answers = [bool(set(groups) & set(measure.risk_groups)) for groups in pupils["risk_groups"]]
        parts.append(
            pupils[np.array(answers, dtype=bool)].drop(columns="risk_groups").assign(measure_code=measure.code)
        )
    empty = pupils.head(0).drop(columns="risk_groups").assign(measure_code="")
    return pd.concat(parts, ignore_index=True) if parts else empty


@dataclass(frozen=True)
class Override:
    """A person's decision: a pupil is given a measure (``is_in``), or is not; who, and why. Empty measure: all of them."""

    pupil_id: str
    is_in: bool
    by: str
    reason: str
    measure_code: str = ""

    def names(self, options: pd.DataFrame) -> NDArray[np.bool_]:
        """Return which options the decision is about."""
        own = options["pupil_id"].astype(str) == self.pupil_id
        own = own & (options["measure_code"] == self.measure_code) if self.measure_code else own
        return np.asarray(own.to_numpy(), dtype=bool)


def check_overrides(options: pd.DataFrame, overrides: Sequence[Override]) -> None:
    """Raise an error unless every override is signed, reasoned, about an option, and the only one about it."""
    decided = np.zeros(len(options), dtype=np.int64)
    for number, one in enumerate(overrides, start=1):
        rows = one.names(options)
        decided += rows
        found = (
            message("Number {number} has no name or no reason.", number=number)
            if not one.by.strip() or not one.reason.strip()
            else message("Number {number} is about nobody who may get the measure.", number=number)
            if not rows.any()
            else message("Number {number} decides what another one has decided.", number=number)
            if (decided > 1).any()
            else None
        )
        if found is not None:
            raise UsageError(
                message(
                    "A decision by hand names a person, a reason, and a pupil and measure of the options, each once."
                ),
                found=found,
                remedy=message("Correct the list of decisions."),
            )


def gap(options: pd.DataFrame, given: pd.DataFrame, means: Means, most_measures: int = 1) -> pd.DataFrame:
    """Return need against capacity: by unit and resource ``needed``, ``available``, ``used`` and ``missing``.

    The need is that every pupil of the options gets what serves her most (as many measures as one may get). ``missing`` is what a
    unit lacks; above it is the sum of what its units lack: hours left over in one school do not teach in another. The resource
    ``pupils`` counts pupils: ``available`` is then empty, ``missing`` those who get nothing.
    """
    best = options.sort_values(["pupil_id", "value", "measure_code"], ascending=[True, False, True])
    best = best.groupby("pupil_id", sort=False).head(most_measures)
    uses = {one.measure_code: one.uses for one in means.offers}
    municipality_of = dict(zip(options["school_id"].astype(str), options["municipality_code"].astype(str), strict=True))
    rows: list[tuple[str, str, str, float, float, float, float]] = []
    for one in means.amounts:
        needed, used = (_amount_used(frame, uses, one) for frame in (best, given))
        if needed or used or one.amount:
            missing = max(needed - one.amount, 0.0)
            units = [(one.unit_kind, one.unit_code)]
            if one.unit_kind == SCHOOL and one.unit_code in municipality_of:
                units.append((MUNICIPALITY, municipality_of[one.unit_code]))
            units += [(STATE, STATE)] if one.unit_kind != STATE else []
            rows += [(*unit, one.resource, needed, one.amount, used, missing) for unit in units]
    for kind in (SCHOOL, MUNICIPALITY, STATE):
        wanted, helped = _pupils_by(options, kind), _pupils_by(given, kind)
        rows += [
            (kind, unit, "pupils", count, np.nan, helped.get(unit, 0.0), count - helped.get(unit, 0.0))
            for unit, count in sorted(wanted.items())
        ]
    columns = ["unit_kind", "unit_code", "resource", "needed", "available", "used", "missing"]
    table = pd.DataFrame(rows, columns=columns)
    return table.groupby(columns[:3], as_index=False, sort=True).sum(min_count=1)


def _amount_used(frame: pd.DataFrame, uses: Mapping[str, Mapping[str, float]], amount: Amount) -> float:
    inside = units_of(frame, amount.unit_kind) == amount.unit_code
    measures = frame["measure_code"].to_numpy()[inside]
    return float(sum(uses[str(one)].get(amount.resource, 0.0) for one in measures))


def _pupils_by(frame: pd.DataFrame, kind: str) -> dict[str, float]:
    pupils = frame.drop_duplicates("pupil_id")
    units, counts = np.unique(units_of(pupils, kind).astype(str), return_counts=True)
    return dict(zip(units.tolist(), counts.astype(float).tolist(), strict=True))
