"""The compiled loops of the equal-budget comparison: pupils of one order become cells, and places are filled from the top."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from riskmodel.compiled import compiled

Whole = NDArray[np.int32]
Real = NDArray[np.float64]
Place = NDArray[np.int64]
Weights = NDArray[np.uint8]

CHECKED_EVERY = 64
"""Steps after which a pass looks whether every lane has filled its places."""


class Cells(NamedTuple):
    """Pupils of one step (equal order) and one cluster, counted together; steps from the first chosen on.

    ``bounds`` say where the cells of each step begin; of a cell, how many ``pupils`` it has, how many of them ``left``,
    and how many would be ``averted`` if all were supported.
    """

    bounds: Place
    cluster: Whole
    pupils: Real
    left: Real
    averted: Real


def _join_cells(down: Place, order: Real, cluster: Whole, gains: Real, clusters: int, cells: Cells) -> tuple[int, int]:
    # gains: of each row, whether it left and what support averts. Returns how many steps and cells there are.
    bounds, own, pupils, left, averted = cells
    seen_in, place = np.full(clusters, -1, dtype=np.int64), np.zeros(clusters, dtype=np.int64)
    step, used, before = -1, 0, 0.0
    for row in down:
        if step < 0 or order[row] != before:
            step += 1
            bounds[step] = used
            before = order[row]
        one = cluster[row]
        if seen_in[one] != step:
            seen_in[one], place[one] = step, used
            own[used], pupils[used], left[used], averted[used] = one, 0.0, 0.0, 0.0
            used += 1
        cell = place[one]
        pupils[cell] += 1.0
        left[cell] += gains[0, row]
        averted[cell] += gains[1, row]
    bounds[step + 1] = used
    return step + 1, used


def _fill_places(cells: Cells, places: Real, weights: Weights, reached: Real, averted: Real) -> None:
    # places: of each cluster. weights: by block, cluster and lane. In each lane the places of its clusters are filled from
    # the first step on; those of the step at the cut share what is left of them.
    bounds, cluster, pupils, left, gain = cells
    lanes = weights.shape[2]
    room, size, gone, less = np.zeros(lanes), np.zeros(lanes), np.zeros(lanes), np.zeros(lanes)
    for block in range(len(weights)):
        room[:] = 0.0
        for one in range(weights.shape[1]):
            for lane in range(lanes):
                room[lane] += weights[block, one, lane] * places[one]
        for step in range(len(bounds) - 1):
            if step % CHECKED_EVERY == 0 and not (room > 0.0).any():
                break
            size[:] = 0.0
            gone[:] = 0.0
            less[:] = 0.0
            for cell in range(bounds[step], bounds[step + 1]):
                own = weights[block, cluster[cell]]
                for lane in range(lanes):
                    size[lane] += own[lane] * pupils[cell]
                    gone[lane] += own[lane] * left[cell]
                    less[lane] += own[lane] * gain[cell]
            for lane in range(lanes):
                taken = min(room[lane], size[lane])
                share = taken / max(size[lane], 1.0)
                room[lane] -= taken
                reached[block, lane] += share * gone[lane]
                averted[block, lane] += share * less[lane]


join_cells = compiled(_join_cells)
fill_places = compiled(_fill_places)
