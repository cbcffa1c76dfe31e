"""A proposal how the hours of specialists and the money that there are for a semester are shared out, over several measures at once.

What is offered and what there is come from two CSV files. A pupil in need may get such measures as answer the reasons behind
the score; what only people know (health, relations) is no reason of the score, so that measures for it are given by hand. Need is
the probability of leaving; of the measures that a pupil may get, that comes first which answers most of the reasons.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import Message, message
from riskmodel.risk.targeting import allocation as optimal
from riskmodel.risk.targeting.means import (
    EURO,
    MUNICIPALITY,
    SCHOOL,
    STATE,
    UNIT_COLUMNS,
    Amount,
    Means,
    Offer,
    Override,
    offer_of,
    options_for,
)
from riskmodel.runs.allocating import Asked, Proposed, Say, Source, keep_proposal
from riskmodel.runs.lists import rows_of
from riskmodel.support.catalogue import PROVIDERS, RISK_GROUP_OF_FEATURES, catalogue

SEVERAL = "several"
"""Stands where a proposal for one measure names it."""
FIT_SHARE = 0.01
"""How much a measure that answers all reasons of a pupil counts for more than one that answers none: it decides which measure
a pupil gets, and hardly which pupil."""
EACH = "*"
"""In a file of amounts: every unit of the kind has so much."""
OFFER_COLUMNS = ("measure_code", "times", "minutes", "euro")
AMOUNT_COLUMNS = ("resource", "unit_kind", "unit_code", "amount")


def share_out(
    asked: Asked, means: Means, rules: optimal.Rules, overrides: Sequence[Override], say: Say
) -> dict[str, Any]:
    """Return the log of the proposal of greatest need that hours and money allow; write it where it is not there yet.

    ``means`` are those that :func:`read_offers` and :func:`read_amounts` give; ``asked.measure_code`` is :data:`SEVERAL`.

    Raises
    ------
    UsageError
        When the run is not published, nobody is named, nobody said how much there is of something, or amounts, floor and
        decisions clash.
    RunFailedError
        When a file of the run was changed.
    """
    if not asked.by.strip():
        raise UsageError(
            message("A proposal names the person who asks for it."),
            found=message("Nobody is named."),
            remedy=message("Name them: --by NAME."),
        )
    source = Source.open(asked)
    pupils = source.in_need()
    shares = _shares_of_risk_groups(source.reasons_by_group()).reindex(pupils["pupil_id"], fill_value=0.0)
    of_pupil = pd.Series([tuple(shares.columns[row > 0]) for row in shares.to_numpy()], pupils.index, dtype=object)
    options = options_for(pupils.assign(risk_groups=of_pupil), catalogue(), [one.measure_code for one in means.offers])
    options = options.assign(value=options["value"] * (1 + FIT_SHARE * _fit(options, shares)))
    means = Means(means.offers, _of_every_unit(means.amounts, pupils))
    made = optimal.allocate(options, means, rules, overrides)
    told = {
        **source.told(),
        "in_need": len(pupils),
        "without_a_measure": int(len(pupils) - options["pupil_id"].nunique()),
        "most_measures": rules.most_measures,
        "offers": {one.measure_code: dict(one.uses) for one in means.offers},
        "given": {code: int(count) for code, count in made.given["measure_code"].value_counts().sort_index().items()},
    }
    return keep_proposal(source, Proposed(options, made, means, rules), told, asked.by, say)


def _shares_of_risk_groups(contributions: pd.DataFrame) -> pd.DataFrame:
    """Return by pupil what share of the contributions falls to each risk group that features inform."""
    of_group = contributions.T.groupby(contributions.columns.astype(str).map(RISK_GROUP_OF_FEATURES)).sum().T
    return of_group.div(of_group.sum(axis=1).clip(lower=np.finfo(float).tiny), axis=0)


def _fit(options: pd.DataFrame, shares: pd.DataFrame) -> NDArray[np.float64]:
    """Return for each option what share of the pupil's reasons the measure answers."""
    answers = {
        one.code: np.isin(shares.columns.to_numpy(dtype=str), list(one.risk_groups)) for one in catalogue().measures
    }
    own = shares.loc[options["pupil_id"]].to_numpy()
    return np.asarray(
        (own * np.array([answers[code] for code in options["measure_code"]]).reshape(own.shape)).sum(axis=1)
    )


def read_offers(path: Path) -> tuple[Offer, ...]:
    """Return what one pupil gets of each measure from a CSV file: ``measure_code``, ``times``, ``minutes`` (of one time), ``euro``.

    Raises
    ------
    UsageError
        When the file cannot be read, a row is not of this form, a measure is not in the catalogue or stands twice, or more is
        offered than the catalogue allows.
    """
    measures = {one.code: one for one in catalogue().measures}
    found: dict[str, Offer] = {}
    for number, row in rows_of(path, OFFER_COLUMNS, _refused_offers):
        code, numbers = row["measure_code"], [_number(row[name] or "0") for name in OFFER_COLUMNS[1:]]
        if code not in measures or code in found or None in numbers:
            raise _refused_offers(path, message("Row {row} does not.", row=number))
        times, minutes, euro = (one or 0.0 for one in numbers)
        offer = offer_of(measures[code], int(times), int(minutes), euro)
        if not any(offer.uses.values()):
            raise _refused_offers(path, message("Row {row} uses neither hours of a profession nor money.", row=number))
        found[code] = offer
    return tuple(found.values())


def read_amounts(path: Path) -> tuple[Amount, ...]:
    """Return what there is from a CSV file: ``resource``, ``unit_kind``, ``unit_code`` (``*``: each of them), ``amount``.

    A resource is ``euro``, or the profession whose hours are counted.

    Raises
    ------
    UsageError
        When the file cannot be read, a row is not of this form, or an amount stands twice.
    """
    found: dict[tuple[str, str, str], Amount] = {}
    for number, row in rows_of(path, AMOUNT_COLUMNS, _refused_amounts):
        key, amount = (row["resource"], row["unit_kind"], row["unit_code"]), _number(row["amount"])
        is_known = key[0] in {EURO, *PROVIDERS} and key[1] in {SCHOOL, MUNICIPALITY, STATE} and bool(key[2])
        if not is_known or amount is None or key in found:
            raise _refused_amounts(path, message("Row {row} does not.", row=number))
        found[key] = Amount(*key, amount)
    return tuple(found.values())


def _of_every_unit(amounts: Iterable[Amount], pupils: Any) -> tuple[Amount, ...]:
    """Return the amounts with those of each unit (``*``) written out; a unit that is named has its own."""
    listed = list(amounts)
    named = {(one.resource, one.unit_kind, one.unit_code) for one in listed}
    found = []
    for one in listed:
        units = [one.unit_code]
        if one.unit_code == EACH:
            every = [STATE] if one.unit_kind == STATE else sorted(set(pupils[UNIT_COLUMNS[one.unit_kind]].astype(str)))
            units = [unit for unit in every if (one.resource, one.unit_kind, unit) not in named]
        found += [Amount(one.resource, one.unit_kind, unit, one.amount) for unit in units]
    return tuple(found)


def _number(text: str) -> float | None:
    """Return a number from 0 up, written with a point or a comma; None for any other text.

    >>> _number("1,5"), _number("40"), _number("-1"), _number("nan"), _number("many")
    (1.5, 40.0, None, None, None)
    """
    plain = text.replace(",", ".", 1)
    return float(plain) if plain.replace(".", "", 1).isdigit() and plain.isascii() else None


def _refused_offers(path: Path, found: Message) -> UsageError:
    return UsageError(
        message(
            "Each row of a file of offers has a measure_code of the catalogue, once, and numbers: times and minutes of one time, or euro."
        ),
        found=found,
        remedy=message("Correct the file."),
        where=path.name,
    )


def _refused_amounts(path: Path, found: Message) -> UsageError:
    return UsageError(
        message(
            "Each row of a file of amounts has a resource (euro, or one of: {professions}), a unit_kind (school, municipality, state), a unit_code (* for each) and an amount, once.",
            professions=", ".join(PROVIDERS),
        ),
        found=found,
        remedy=message("Correct the file."),
        where=path.name,
    )
