"""The compiled loops that bring a ranking into form: one pass each, over rows that are in order already."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from riskmodel.compiled import compiled

Whole = NDArray[np.int32]
Real = NDArray[np.float64]
Flag = NDArray[np.bool_]
Place = NDArray[np.int64]


class Counted(NamedTuple):
    """Row by row, who counts, who of them left, and the cluster of each."""

    counts: Flag
    has_left: Flag
    cluster: Whole


def _share_places(by_pool: Whole, score: Real, pool: Whole, places: Real, chance: Real) -> None:
    # Rows of one pool by falling score: those of one score share the places that are left.
    first, taken = 0, 0
    while first < len(by_pool):
        row = by_pool[first]
        after = first + 1
        while after < len(by_pool) and score[by_pool[after]] == score[row] and pool[by_pool[after]] == pool[row]:
            after += 1
        size = after - first
        share = min(max((places[pool[row]] - taken) / size, 0.0), 1.0)
        for i in range(first, after):
            chance[by_pool[i]] = share
        taken += size
        if after < len(by_pool) and pool[by_pool[after]] != pool[row]:
            taken = 0
        first = after


def _find_steps(down: Whole, score: Real, counted: Counted, own: Whole, left: Whole, bounds: Place) -> int:
    # Writes those counted, by falling score, and where each step begins and ends; returns how many bounds there are.
    counts, has_left, cluster = counted
    placed, start, found, has_leaver, before = 0, 0, 1, False, 0.0
    bounds[0] = 0
    for row in down:
        if not counts[row]:
            continue
        if placed > 0 and score[row] != before:
            if has_leaver:
                bounds[found], bounds[found + 1] = start, placed
                found += 2
            start, has_leaver = placed, False
        before = score[row]
        own[placed] = cluster[row]
        left[placed] = has_left[row]
        has_leaver |= has_left[row]
        placed += 1
    if has_leaver:
        bounds[found], bounds[found + 1] = start, placed
        found += 2
    bounds[found] = placed
    return found + 1


def _join_clusters(bounds: Place, clusters: int, cluster: Whole, left: Whole, pupils: Whole) -> None:
    # Pupils of one cluster in one stretch become a cell, in the same memory; cells of a stretch stand by cluster, and the
    # bounds become those of cells.
    size, gone = np.zeros(clusters, dtype=np.int32), np.zeros(clusters, dtype=np.int32)
    used, first = 0, bounds[0]
    for stretch in range(len(bounds) - 1):
        after = bounds[stretch + 1]
        for i in range(first, after):
            size[cluster[i]] += 1
            gone[cluster[i]] += left[i]
        for one in range(clusters):
            if size[one]:
                cluster[used], pupils[used], left[used] = one, size[one], gone[one]
                used += 1
                size[one] = gone[one] = 0
        bounds[stretch + 1], first = used, after


def _sum_cells(counted: Counted, share: Real, loss: Real, edges: Real, size: Whole, sums: Real) -> None:
    # sums: of squares, losses and gaps, by tenth and cluster.
    counts, has_left, cluster = counted
    clusters = len(size) // (len(edges) + 1)
    for row in range(len(counts)):
        if not counts[row]:
            continue
        tenth = 0
        for edge in edges:
            tenth += edge <= share[row]
        cell = tenth * clusters + cluster[row]
        gap = share[row] - has_left[row]
        size[cell] += 1
        sums[0, cell] += gap * gap
        sums[1, cell] += loss[row]
        sums[2, cell] += gap


def _sum_reached(counted: Counted, chance: Real, sums: Real) -> None:
    # sums: of those counted, how many left and have a place, and how many have a place, by cluster.
    counts, has_left, cluster = counted
    for row in range(len(counts)):
        if counts[row]:
            sums[1, cluster[row]] += chance[row]
            if has_left[row]:
                sums[0, cluster[row]] += chance[row]


def _place_among(edges: Real, values: Real, place: NDArray[np.uint8]) -> None:
    for i in range(len(values)):
        upto = 0
        for edge in edges:
            upto += edge <= values[i]
        place[i] = upto


def _count_pairs(rising: Real, others: Real) -> tuple[int, int]:
    # Both rise. Over all ``rising``: how many of the others are smaller, and how many smaller or equal.
    smaller, upto, low, high = 0, 0, 0, 0
    for value in rising:
        while low < len(others) and others[low] < value:
            low += 1
        high = max(high, low)
        while high < len(others) and others[high] <= value:
            high += 1
        smaller += low
        upto += high
    return smaller, upto


def _find_medians(rising: Real, share: Real, cluster: Whole, weights: NDArray[np.uint8], median: Real) -> None:
    # The first value that half of the weight has reached, for each row of weights (of the clusters); NaN where it is empty.
    for draw in range(len(weights)):
        total, upto = 0.0, 0.0
        for i in range(len(rising)):
            total += share[i] * weights[draw, cluster[i]]
        median[draw] = np.nan
        for i in range(len(rising)):
            upto += share[i] * weights[draw, cluster[i]]
            if total > 0 and upto >= total / 2:
                median[draw] = rising[i]
                break


share_places = compiled(_share_places)
find_steps = compiled(_find_steps)
join_clusters = compiled(_join_clusters)
sum_cells = compiled(_sum_cells)
sum_reached = compiled(_sum_reached)
place_among = compiled(_place_among)
count_pairs = compiled(_count_pairs)
find_medians = compiled(_find_medians)
