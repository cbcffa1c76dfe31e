"""Why an allocation cannot be made: which amounts and floors clash, by how much, and what may be done."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, eye_array, hstack

from riskmodel.errors import UsageError
from riskmodel.messages import message

Floats = NDArray[np.float64]

MOST_TOLD = 5
TELLABLE = 1e-6


def infeasible(
    matrix: csr_array,
    most: Floats,
    limits: tuple[Bounds, Floats],
    names: Sequence[tuple[str, str, str]],
    floors: tuple[int, Sequence[str]],
) -> UsageError:
    """Return the error that names the amounts and floors by which the least must be given way.

    ``limits`` are the bounds of the variables and which are whole. The rows of ``matrix`` begin with those of ``names``, then
    come rows for each pupil; ``floors`` says from which row on those of the floors stand, and their groups. What must give way is
    found by letting every row give at a price, and choosing the cheapest.
    """
    bounds, kinds = limits
    rows, columns = matrix.shape
    scale = np.maximum(np.abs(most), 1.0)
    found = milp(
        np.concatenate([np.zeros(columns), 1.0 / scale]),
        integrality=np.concatenate([kinds, np.zeros(rows)]),
        bounds=Bounds(np.concatenate([bounds.lb, np.zeros(rows)]), np.concatenate([bounds.ub, np.full(rows, np.inf)])),
        constraints=LinearConstraint(hstack([matrix, -eye_array(rows)], format="csr"), -np.inf, most),
    )
    over = found.x[columns:] if found.x is not None else np.zeros(rows)
    first, groups = floors
    told = [
        f"{resource} ({kind} {code}): {over[row]:g}"
        for row, (resource, kind, code) in enumerate(names)
        if over[row] > TELLABLE
    ]
    told += [
        f"floor ({group}): {over[first + row]:g}" for row, group in enumerate(groups) if over[first + row] > TELLABLE
    ]
    if (over[len(names) : first] > TELLABLE).any():
        told.append("most_measures")
    return UsageError(
        message("Amounts, fairness floors and decisions by hand must be possible together."),
        found=message(
            "They clash; so much more would be needed: {clashes}.",
            clashes="; ".join(told[:MOST_TOLD]) + (" …" if len(told) > MOST_TOLD else ""),
        ),
        remedy=message("Raise these amounts, lower the floor, or take back a decision by hand."),
    )


def unfinished(options: int) -> UsageError:
    """Return the error that the solver did not come to an end."""
    return UsageError(
        message("An allocation must be proved to be the best within the time that is allowed."),
        found=message("With {options} options it was not.", options=options),
        remedy=message("Allocate by municipality, or round the amounts that measures use."),
    )
