"""The compiled loops that weigh a ranking: each works on 32 replicates at a time, one lane of a register each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from riskmodel.compiled import compiled

LANES = 32
"""Replicates that one pass works on: their weights of a cluster fill four words of 64 bits."""

CARRY_FREE = 256


class Steps(NamedTuple):
    """Those counted, by falling score, as cells: pupils of one cluster at one step, with how many of them left.

    A step is one score that somebody who left has; the cells above it, of stayers alone, are its gap. Gap g goes from
    ``gap[g]`` to ``step[g]``, and its step from there to ``gap[g + 1]``; there is one gap more, below the last step. ``has_ones``: every cell is
    one pupil.
    """

    gap: NDArray[np.int64]
    step: NDArray[np.int64]
    cluster: NDArray[np.int32]
    pupils: NDArray[np.int32]
    left: NDArray[np.int32]
    has_ones: bool


class Sums(NamedTuple):
    """Sums over those counted of one cluster and one tenth, in the order of the tenths.

    ``gap`` is probability minus label; ``reached`` and ``given``, of one cluster in all, stand in its first cell.
    """

    cluster: NDArray[np.int32]
    tenth: NDArray[np.int64]
    squares: NDArray[np.float64]
    losses: NDArray[np.float64]
    gap: NDArray[np.float64]
    reached: NDArray[np.float64]
    given: NDArray[np.float64]


class Pools(NamedTuple):
    """All pupils by pool of places; pool j is rows ``start[j]`` to ``start[j + 1]``.

    ``has_left`` marks those counted who left; ``ends_tie`` the last row of each score.
    """

    start: NDArray[np.int64]
    places: NDArray[np.float64]
    cluster: NDArray[np.int32]
    is_counted: NDArray[np.uint8]
    has_left: NDArray[np.uint8]
    ends_tie: NDArray[np.bool_]


def _draw_weights(
    table: NDArray[np.uint8],
    seed: np.uint64,
    block: np.uint64,
    drawn: NDArray[np.int32],
    weights: NDArray[np.uint8],
) -> None:
    # splitmix64: a word per cluster and four lanes, found by its number alone.
    golden = np.uint64(0x9E3779B97F4A7C15)
    start = (seed + np.uint64(1)) * np.uint64(0xBF58476D1CE4E5B9) + (block + np.uint64(1)) * np.uint64(
        0x94D049BB133111EB
    )
    start = (start ^ (start >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    start = (start ^ (start >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    start ^= start >> np.uint64(31)
    mask = np.uint64(0xFFFF)
    for cluster in range(len(drawn)):
        state = start + golden * np.uint64(drawn[cluster] * (LANES // 4))
        for lane in range(0, LANES, 4):
            state += golden
            word = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            word ^= word >> np.uint64(31)
            weights[cluster, lane] = table[word & mask]
            weights[cluster, lane + 1] = table[(word >> np.uint64(16)) & mask]
            weights[cluster, lane + 2] = table[(word >> np.uint64(32)) & mask]
            weights[cluster, lane + 3] = table[word >> np.uint64(48)]


def _sum_ones(weights: NDArray[np.uint64], cluster: NDArray[np.int32], total: NDArray[np.int32]) -> None:
    # Adds the weights of one pupil per cell: eight lanes of 8 bits a word, summed in lanes of 16 bits, which hold
    # CARRY_FREE weights of up to 255.
    low, shift = np.uint64(0x00FF00FF00FF00FF), np.uint64(8)
    for first in range(0, len(cluster), CARRY_FREE):
        a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = np.uint64(0)
        for i in range(first, min(first + CARRY_FREE, len(cluster))):
            own = cluster[i]
            w0, w1, w2, w3 = weights[own, 0], weights[own, 1], weights[own, 2], weights[own, 3]
            a0 += w0 & low
            b0 += (w0 >> shift) & low
            a1 += w1 & low
            b1 += (w1 >> shift) & low
            a2 += w2 & low
            b2 += (w2 >> shift) & low
            a3 += w3 & low
            b3 += (w3 >> shift) & low
        place = 0
        for even, odd in ((a0, b0), (a1, b1), (a2, b2), (a3, b3)):
            for sixteen in range(4):
                bits = np.uint64(16 * sixteen)
                total[place] += np.int32((even >> bits) & np.uint64(0xFFFF))
                total[place + 1] += np.int32((odd >> bits) & np.uint64(0xFFFF))
                place += 2


def _climb_steps(
    weights: NDArray[np.uint8], steps: Steps, counts: NDArray[np.int64], ranks: NDArray[np.float64]
) -> None:
    # counts: all, left. ranks: the pairs that speak against the ranking, and the sum of precisions.
    total, before = np.zeros(LANES, dtype=np.int32), np.zeros(LANES, dtype=np.int32)
    left, own = np.zeros(LANES, dtype=np.int32), np.zeros(LANES, dtype=np.int32)
    pairs, precision = np.zeros(LANES), np.zeros(LANES)
    words = weights.view(np.uint64)
    for place in range(len(steps.step)):
        if steps.has_ones:
            _sum(words, steps.cluster[steps.gap[place] : steps.step[place]], total)
        else:
            for i in range(steps.gap[place], steps.step[place]):
                for lane in range(LANES):
                    total[lane] += weights[steps.cluster[i], lane] * steps.pupils[i]
        if place == len(steps.step) - 1:
            break
        for lane in range(LANES):
            before[lane] = total[lane]
            own[lane] = 0
        for i in range(steps.step[place], steps.gap[place + 1]):
            of_cluster, pupils, leavers = weights[steps.cluster[i]], steps.pupils[i], steps.left[i]
            for lane in range(LANES):
                total[lane] += of_cluster[lane] * pupils
                own[lane] += of_cluster[lane] * leavers
        for lane in range(LANES):
            # Those who stayed and rank above, and half of those who stayed and tie, speak against the ranking.
            above, tied = before[lane] - left[lane], total[lane] - before[lane] - own[lane]
            pairs[lane] += own[lane] * (above + 0.5 * tied)
            left[lane] += own[lane]
            precision[lane] += float(own[lane]) * left[lane] / max(total[lane], 1)
    for lane in range(LANES):
        counts[0, lane], counts[1, lane] = total[lane], left[lane]
        ranks[0, lane], ranks[1, lane] = pairs[lane], precision[lane]


def _add_sums(weights: NDArray[np.uint8], sums: Sums, out: NDArray[np.float64]) -> None:
    # out: reached, given, squares, losses, then the gap of each tenth.
    reached, given, squares, losses = out[0], out[1], out[2], out[3]
    for i in range(len(sums.cluster)):
        of_cluster, gap = weights[sums.cluster[i]], out[4 + sums.tenth[i]]
        own_gap, own_square, own_loss = sums.gap[i], sums.squares[i], sums.losses[i]
        for lane in range(LANES):
            weight = float(of_cluster[lane])
            squares[lane] += weight * own_square
            losses[lane] += weight * own_loss
            gap[lane] += weight * own_gap
        if sums.given[i] > 0:
            for lane in range(LANES):
                reached[lane] += of_cluster[lane] * sums.reached[i]
                given[lane] += of_cluster[lane] * sums.given[i]


def _fill_places(weights: NDArray[np.uint8], pools: Pools, out: NDArray[np.float64]) -> None:
    # Fills each pool's places from the top; the weights of a tie at the cut are taken in proportion.
    # Adds, of those counted, how many left and have a place, and how many have a place.
    reached, given = out[0], out[1]
    free, group = np.zeros(LANES), np.zeros(LANES)
    group_counted, group_left = np.zeros(LANES), np.zeros(LANES)
    for pool in range(len(pools.places)):
        free[:] = pools.places[pool]
        for i in range(pools.start[pool], pools.start[pool + 1]):
            of_cluster = weights[pools.cluster[i]]
            counted, leaver = float(pools.is_counted[i]), float(pools.has_left[i])
            for lane in range(LANES):
                weight = float(of_cluster[lane])
                group[lane] += weight
                group_counted[lane] += weight * counted
                group_left[lane] += weight * leaver
            if not pools.ends_tie[i]:
                continue
            most = 0.0
            for lane in range(LANES):
                room = max(free[lane], 0.0)
                share = 1.0 if group[lane] <= room else room / group[lane]
                reached[lane] += group_left[lane] * share
                given[lane] += group_counted[lane] * share
                free[lane] -= group[lane]
                most = max(most, free[lane])
                group[lane] = group_counted[lane] = group_left[lane] = 0.0
            if most <= 0:
                break


def _weigh_ranking(
    weights: NDArray[np.uint8],
    ranking: tuple[Steps, Sums, Pools],
    counts: NDArray[np.int64],
    ranks: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    steps, sums, pools = ranking
    _climb(weights, steps, counts, ranks)
    _add(weights, sums, out)
    _fill(weights, pools, out)


def _weigh_replicates(
    table: NDArray[np.uint8],
    seed: np.uint64,
    drawn: NDArray[np.int32],
    ranking: tuple[Steps, Sums, Pools],
    out: tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]],
) -> None:
    # One block of 32 replicates after the other, each with its own place in what comes out: counts, ranks, sums.
    counts, ranks, sums = out
    weights = np.zeros((len(drawn), LANES), dtype=np.uint8)
    for block in range(len(counts)):
        draw(table, seed, np.uint64(block), drawn, weights)
        weigh(weights, ranking, counts[block], ranks[block], sums[block])


_sum = compiled(_sum_ones)
_climb = compiled(_climb_steps, error_model="numpy")
_add = compiled(_add_sums)
_fill = compiled(_fill_places, error_model="numpy")
draw = compiled(_draw_weights)
weigh = compiled(_weigh_ranking)
weigh_replicates = compiled(_weigh_replicates)
