"""What was released before: a table is released together with the earlier ones of its subject, or it is held.

Two tables of one subject (the pupils of one cut-off date, the cohort of one school year) that differ by one or two pupils
tell about those pupils, though each table alone is safe. So a corrected table is released only when

- its units are the same, under the same units;
- whatever changed in it, shown or hidden, changed by at least ``n_min``;
- the same cells are hidden as before, and that is enough for both tables at once: a hidden cell can be moved in both
  by the same exchanges.

Otherwise it is held, and what was released before stays. Tables of other days tell of other pupils and have no sums in
common; each is protected by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from riskmodel.disclosure.complement import Protected, protect, unsafe
from riskmodel.disclosure.counted import Counted, Flags, primary
from riskmodel.disclosure.exchange import Pairs, reach
from riskmodel.disclosure.policy import Policy

UNITS_DIFFER, CHANGED_BY_FEW, MORE_TO_HIDE = "units_differ", "changed_by_few", "more_to_hide"
"""Why a table can be held."""


@dataclass(frozen=True)
class Entry:
    """A cell in the ledger, or a count behind it: ``cell`` is empty for the pupils of one ``kind`` in a leaf, never shown."""

    level: int
    unit: str
    parent: str
    cell: str
    kind: str
    count: int
    is_shown: bool


@dataclass(frozen=True)
class Release:
    """The cells of one table that were released, and what lies behind them."""

    cut: str
    subject: str
    run_id: str
    entries: tuple[Entry, ...]

    def shown(self) -> dict[tuple[int, str, str], int | None]:
        """Return the count of each cell by level, unit and name; None where it is hidden."""
        return {
            (entry.level, entry.unit, entry.cell): entry.count if entry.is_shown else None
            for entry in self.entries
            if entry.cell
        }

    def hidden_of(self, cell: str) -> dict[tuple[int, str], bool]:
        """Return, by level and unit, whether one cell is hidden."""
        return {(one.level, one.unit): not one.is_shown for one in self.entries if one.cell == cell}

    def places(self) -> dict[tuple[int, str], str]:
        """Return the parent of each unit."""
        return {(entry.level, entry.unit): entry.parent for entry in self.entries}

    def counts(self) -> dict[tuple[int, str, str, str], int]:
        """Return all counts, hidden ones too."""
        return {(one.level, one.unit, one.cell, one.kind): one.count for one in self.entries}


@dataclass(frozen=True)
class Decision:
    """What is shown of a subject now: a new release, or the standing one when nothing changed or the new one is held.

    ``held_because`` is empty, or why a newer table is not shown.
    """

    release: Release
    held_because: str = ""


def released(protected: Protected, subject: str, run_id: str) -> Release:
    """Return the ledger's entries for a protected table."""
    counted = protected.counted
    hierarchy, shown = counted.hierarchy, counted.shown_levels()
    entries = []
    for level, values in enumerate(counted.values()):
        parents = _parents(counted, level)
        for unit, code in enumerate(hierarchy.codes[level]):
            entries += [
                Entry(
                    level, code, parents[unit], name, "", int(values[unit, at]), not protected.hidden[level][unit, at]
                )
                for at, name in enumerate(counted.cut.names)
                if shown[level][at]
            ]
            if level == 0:
                kinds = zip(counted.cut.kinds, counted.counts[unit], strict=True)
                entries += [Entry(0, code, parents[unit], "", kind, int(count), False) for kind, count in kinds]
    return Release(counted.cut.code, subject, run_id, tuple(entries))


def decide(counted: Counted, policy: Policy, subject: str, run_id: str, earlier: Sequence[Release] = ()) -> Decision:
    """Return what is shown of a subject: a new release, or an earlier one because the new table is held.

    Parameters
    ----------
    counted
        The new table.
    policy
        The rule on small numbers.
    subject, run_id
        Of whom the table tells, and which run made it.
    earlier
        The earlier releases of this cut and subject, oldest first.

    >>> from riskmodel.disclosure.counted import Hierarchy, part_of
    >>> schools = Hierarchy.of([("a", "all"), ("b", "all"), ("c", "all"), ("d", "all")])
    >>> first = Counted(part_of("x", "pupils", "x"), schools, np.array([[30, 97], [14, 86], [20, 80], [60, 90]]))
    >>> ledger = [decide(first, Policy(), "2026", "r1").release]
    >>> corrected = Counted(part_of("x", "pupils", "x"), schools, np.array([[31, 96], [14, 86], [20, 80], [60, 90]]))
    >>> later = decide(corrected, Policy(), "2026", "r2", ledger)
    >>> later.held_because, later.release.run_id
    ('changed_by_few', 'r1')
    """
    if not earlier:
        return Decision(released(protect(counted, policy), subject, run_id))
    standing = earlier[-1]
    pattern = _pattern(counted, standing)
    if pattern is None or any(release.places() != standing.places() for release in earlier):
        return Decision(standing, UNITS_DIFFER)
    new = released(Protected(counted, policy, pattern, pattern), subject, run_id)
    if new.counts() == standing.counts():
        return Decision(standing)
    if any(_has_small_change(new, release, policy) for release in earlier):
        return Decision(standing, CHANGED_BY_FEW)
    if any(_pattern_differs(counted, release, pattern) for release in earlier) or _shows_too_much(
        counted, earlier, pattern, policy
    ):
        return Decision(standing, MORE_TO_HIDE)
    return Decision(new)


def _parents(counted: Counted, level: int) -> list[str]:
    hierarchy = counted.hierarchy
    if level + 1 == hierarchy.depth:
        return [""] * len(hierarchy.codes[level])
    return [hierarchy.codes[level + 1][parent] for parent in hierarchy.parents[level]]


def _pattern(counted: Counted, release: Release) -> Flags | None:
    """Return what the release hides as flags of the table; None when its units or cells are others."""
    shown, places, cells = counted.shown_levels(), release.places(), release.shown()
    own = {
        (level, code): parent
        for level, codes in enumerate(counted.hierarchy.codes)
        for code, parent in zip(codes, _parents(counted, level), strict=True)
    }
    names = {
        (level, code, name) for level, code in own for at, name in enumerate(counted.cut.names) if shown[level][at]
    }
    if own != places or names != set(cells):
        return None
    return [
        np.array(
            [
                [not shown[level][at] or cells[level, code, name] is None for at, name in enumerate(counted.cut.names)]
                for code in codes
            ],
            dtype=bool,
        )
        for level, codes in enumerate(counted.hierarchy.codes)
    ]


def _pattern_differs(counted: Counted, release: Release, pattern: Flags) -> bool:
    other = _pattern(counted, release)
    return other is None or any((one != two).any() for one, two in zip(pattern, other, strict=True))


def _has_small_change(new: Release, old: Release, policy: Policy) -> bool:
    before, now = old.counts(), new.counts()
    return before.keys() != now.keys() or any(0 < abs(now[key] - before[key]) < policy.n_min for key in now)


def _shows_too_much(counted: Counted, earlier: Sequence[Release], pattern: Flags, policy: Policy) -> bool:
    """Whether the cells hidden before are too few for the new table, or for all tables at once."""
    if any((first & ~flags).any() for first, flags in zip(primary(counted, policy), pattern, strict=True)):
        return True
    least = counted.counts
    for release in earlier:
        least = np.minimum(least, _kinds(counted, release.counts()))
    both = replace(counted, counts=least)
    return any(level.any() for level in unsafe(reach(Pairs(both), pattern), pattern, policy))


def _kinds(counted: Counted, counts: Mapping[tuple[int, str, str, str], int]) -> NDArray[np.int64]:
    return np.array(
        [[counts[0, leaf, "", kind] for kind in counted.cut.kinds] for leaf in counted.hierarchy.codes[0]],
        dtype=np.int64,
    )
