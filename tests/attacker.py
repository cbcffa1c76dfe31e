"""The attacker of the tests: he knows all that was published, and asks a solver how far each hidden cell can be narrowed.

He shares no code with what he attacks: a published table is a list of sums over atoms (leaf × kind) with their values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import block_diag, csr_array, vstack

MOST = 1e5  # nobody has more pupils than this


@dataclass(frozen=True)
class Published:
    """Sums over atoms: ``sums`` (cells × atoms), their ``values``, and which of them are ``hidden``."""

    sums: np.ndarray
    values: np.ndarray
    hidden: np.ndarray


def published(counted, hidden) -> Published:
    """Return what people see of a table, said as sums over its atoms."""
    paths, members = counted.hierarchy.paths(), [set(kinds) for kinds in counted.cut.cells.values()]
    sums, flags = [], []
    for level, of_level in enumerate(hidden):
        for unit in range(len(of_level)):
            for cell, kinds in enumerate(members):
                atoms = [
                    [float(paths[level][leaf] == unit and kind in kinds) for kind in counted.cut.kinds]
                    for leaf in range(len(counted.counts))
                ]
                sums.append(np.ravel(atoms))
                flags.append(bool(of_level[unit, cell]))
    found = np.array(sums)
    return Published(found, found @ counted.counts.ravel(), np.array(flags))


def intervals(known: np.ndarray, values: np.ndarray, targets: np.ndarray, *, whole_numbers: bool = False) -> np.ndarray:
    """Return lowest and highest value of each target (a sum over atoms) that agree with ``known`` sums = ``values``.

    All questions are put to the solver at once: each has its own copy of the atoms.
    """
    if not len(targets):
        return np.zeros((0, 2))
    count = 2 * len(targets)
    asked = np.concatenate([targets, -targets])
    copies = block_diag([csr_array(known)] * count, format="csr")
    found = milp(
        asked.ravel(),
        constraints=LinearConstraint(copies, np.tile(values, count), np.tile(values, count)),
        bounds=Bounds(0, MOST),
        integrality=np.full(asked.size, int(whole_numbers)),
    )
    assert found.status == 0, found.message
    ends = (asked * found.x.reshape(count, -1)).sum(axis=1)
    return np.column_stack([ends[: len(targets)], -ends[len(targets) :]])


def narrowest(seen: Published, *, whole_numbers: bool = False, knows: Mapping[int, int] | None = None) -> float:
    """Return the width of the narrowest interval of a hidden cell; ``knows`` are atoms that the attacker knows besides."""
    knows = knows or {}
    known = np.concatenate([seen.sums[~seen.hidden], np.eye(seen.sums.shape[1])[list(knows)]])
    values = np.concatenate([seen.values[~seen.hidden], np.array(list(knows.values()), dtype=float)])
    found = intervals(known, values, seen.sums[seen.hidden], whole_numbers=whole_numbers)
    return float((found[:, 1] - found[:, 0]).min(initial=np.inf))


def narrowest_of_two(first: Published, second: Published, is_same: np.ndarray) -> float:
    """Return the same for two releases, where the attacker knows for which atoms both tell of the same pupils."""
    atoms = first.sums.shape[1]
    tie = np.eye(atoms)[is_same]
    known = vstack(
        [
            csr_array(np.hstack([first.sums[~first.hidden], np.zeros((int((~first.hidden).sum()), atoms))])),
            csr_array(np.hstack([np.zeros((int((~second.hidden).sum()), atoms)), second.sums[~second.hidden]])),
            csr_array(np.hstack([tie, -tie])),
        ]
    ).toarray()
    values = np.concatenate([first.values[~first.hidden], second.values[~second.hidden], np.zeros(len(tie))])
    targets = np.vstack(
        [
            np.hstack([first.sums[first.hidden], np.zeros((int(first.hidden.sum()), atoms))]),
            np.hstack([np.zeros((int(second.hidden.sum()), atoms)), second.sums[second.hidden]]),
        ]
    )
    found = intervals(known, values, targets)
    return float((found[:, 1] - found[:, 0]).min(initial=np.inf))
