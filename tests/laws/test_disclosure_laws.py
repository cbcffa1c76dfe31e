"""No hidden cell can be worked out below the threshold, not by subtraction, not from an earlier release."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from attacker import Published, narrowest, narrowest_of_two, published
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmodel.disclosure.complement import UnprotectableError, protect
from riskmodel.disclosure.counted import Counted, Cut, Hierarchy, primary
from riskmodel.disclosure.ledger import decide
from riskmodel.disclosure.policy import Policy

N_MIN = 10
ALMOST = N_MIN - 1e-4
CHUNKS, TABLES_OF_A_CHUNK = 10, 100
SHARE_THAT_MUST_FALL = 0.95


def hierarchy(source: np.random.Generator) -> Hierarchy:
    """Schools in municipalities, and for some also regions."""
    has_regions = source.random() < 0.4
    paths = []
    for municipality in range(source.integers(2, 5)):
        above = (f"m{municipality}", *((f"r{municipality % 2}",) if has_regions else ()), "state")
        paths += [(f"s{municipality}.{school}", *above) for school in range(source.integers(2, 5))]
    return Hierarchy.of(paths)


def cut(source: np.random.Generator) -> Cut:
    """Schools × one further cut, all of its cells shown, or one of them, or a nested one."""
    kinds = tuple("abcd"[: source.integers(2, 5)])
    way = source.integers(3)
    if way == 0 or len(kinds) == 2:
        cells = {"all": kinds, "a": ("a",)}
    elif way == 1:
        cells = {"all": kinds, **{kind: (kind,) for kind in kinds}}
    else:
        cells = {"all": kinds, "a or b": ("a", "b"), "a": ("a",), "b": ("b",)}
    return Cut("law", kinds, cells, {name: "all" for name in cells if name != "all"})


def table(source: np.random.Generator, small: float = 0.05) -> Counted:
    """Return a table in which about one count of twenty is small, as it is where it hurts: few holes, all margins."""
    where, what = hierarchy(source), cut(source)
    shape = (len(where.codes[0]), len(what.kinds))
    counts = source.integers(12, 120, shape)
    counts = np.where(source.random(shape) < small, source.integers(0, N_MIN, shape), counts)
    return Counted(what, where, counts)


def tables(chunk: int) -> list[Counted]:
    source = np.random.default_rng(20_261_128 + chunk)
    return [table(source) for _ in range(TABLES_OF_A_CHUNK)]


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_hidden_cell_can_be_narrowed_below_the_threshold(chunk: int) -> None:
    found = [narrowest(published(one, protect(one, Policy()).hidden)) for one in tables(chunk)]
    assert sum(width < ALMOST for width in found) == 0


def test_without_the_complementary_step_nearly_every_table_with_a_hidden_cell_falls() -> None:
    fallen = []
    for one in (one for chunk in range(3) for one in tables(chunk)):
        hidden = primary(one, Policy())
        if any(level.any() for level in hidden):
            fallen.append(narrowest(published(one, hidden)) < ALMOST)
    assert len(fallen) > 100
    assert np.mean(fallen) >= SHARE_THAT_MUST_FALL


@pytest.mark.parametrize("small", [0.15, 0.4, 0.8])
def test_nor_where_most_counts_are_small(small: float) -> None:
    source = np.random.default_rng(int(100 * small))
    for _ in range(25):
        one = table(source, small)
        seen = published(one, protect(one, Policy()).hidden)
        assert not seen.hidden.any() or narrowest(seen) > ALMOST


def test_nor_where_bands_are_shown_of_larger_units_only_and_the_number_of_pupils_was_decided_before() -> None:
    source = np.random.default_rng(15)
    attacked = 0
    for _ in range(40):
        where = hierarchy(source)
        above = tuple(range(1, where.depth))
        cells = {"all": ("a", "b", "c"), "a or b": ("a", "b"), "a": ("a",), "b": ("b",)}
        bands = Cut("law", ("a", "b", "c"), cells, dict.fromkeys(("a or b", "a", "b"), "all"), {"a": above, "b": above})
        shape = (len(where.codes[0]), 3)
        counts = np.where(source.random(shape) < 0.2, source.integers(0, N_MIN, shape), source.integers(4, 120, shape))
        counts[0] = source.integers(0, 4, 3)  # a school so small that its number of pupils is hidden
        alone = Counted(Cut("all", ("all",), {"all": ("all",)}), where, counts.sum(axis=1, keepdims=True))
        of_all = protect(alone, Policy(withstands_a_school=False)).hidden
        one = Counted(bands, where, counts, given={"all": [flags[:, 0] for flags in of_all]})
        try:
            seen = published(one, protect(one, Policy()).hidden)
        except UnprotectableError:
            continue  # then nothing of the table is shown
        is_shown = np.concatenate(
            [np.tile(shown, len(codes)) for shown, codes in zip(one.shown_levels(), where.codes, strict=True)]
        )
        attacked += 1
        kept = is_shown | ~seen.hidden
        assert narrowest(Published(seen.sums[kept], seen.values[kept], seen.hidden[kept])) > ALMOST
    assert attacked >= 15


def test_nor_by_someone_who_counts_in_whole_pupils() -> None:
    source = np.random.default_rng(11)
    for _ in range(25):
        one = table(source, 0.1)
        seen = published(one, protect(one, Policy()).hidden)
        assert not seen.hidden.any() or narrowest(seen, whole_numbers=True) > ALMOST


def test_a_school_that_knows_its_own_pupils_learns_nothing_of_another() -> None:
    source = np.random.default_rng(12)
    attacked = 0
    for _ in range(15):
        one = table(source)
        seen = published(one, protect(one, Policy()).hidden)
        kinds = len(one.cut.kinds)
        school_of = [set(np.flatnonzero(cell) // kinds) for cell in seen.sums]
        for school, own in enumerate(one.counts):
            # Asked of are the hidden cells of the other schools.
            is_asked = np.array([len(schools) == 1 and school not in schools for schools in school_of])
            is_kept = is_asked | ~seen.hidden
            asked = Published(seen.sums[is_kept], seen.values[is_kept], seen.hidden[is_kept])
            if asked.hidden.any():
                attacked += 1
                assert narrowest(asked, knows=dict(enumerate(own, school * kinds))) > ALMOST
    assert attacked > 15


def corrected(source: np.random.Generator, one: Counted, by: tuple[int, int]) -> Counted:
    """Return a table with one or two counts higher by a number within ``by``."""
    counts = one.counts.copy()
    for _ in range(source.integers(1, 3)):
        counts[source.integers(len(counts)), source.integers(counts.shape[1])] += source.integers(*by, endpoint=True)
    return replace(one, counts=counts)


@pytest.mark.parametrize(("by", "least_released"), [((1, 2), 0), ((N_MIN, 40), 8)])
def test_two_releases_of_one_subject_tell_no_more_than_one(by: tuple[int, int], least_released: int) -> None:
    source = np.random.default_rng(13)
    released = 0
    for _ in range(70):
        one = table(source)
        other = corrected(source, one, by)
        first = decide(one, Policy(), "2026", "r1")
        second = decide(other, Policy(), "2026", "r2", [first.release])
        if second.release.run_id == "r1":
            assert second.held_because
            continue
        released += 1
        hidden = protect(one, Policy()).hidden
        if not any(level.any() for level in hidden):
            continue
        is_same = (one.counts == other.counts).ravel()
        assert narrowest_of_two(published(one, hidden), published(other, hidden), is_same) > ALMOST
    assert released >= least_released
    assert by[0] >= N_MIN or released == 0


def test_two_releases_each_protected_for_itself_would_fall() -> None:
    # The test of the test: without the ledger, one pupil more in a small cell gives another hidden cell away.
    source = np.random.default_rng(14)
    fallen = attacked = 0
    for _ in range(80):
        one = table(source, 0.03)
        few = np.argwhere(one.counts < N_MIN)
        if len(few) != 1:
            continue
        counts = one.counts.copy()
        counts[tuple(few[0])] = N_MIN
        other = replace(one, counts=counts)
        patterns = [protect(each, Policy()).hidden for each in (one, other)]
        if any((first != second).any() for first, second in zip(*patterns, strict=True)):
            attacked += 1
            both = (published(each, hidden) for each, hidden in zip((one, other), patterns, strict=True))
            fallen += narrowest_of_two(*both, (one.counts == counts).ravel()) < ALMOST
    assert attacked > 5
    assert fallen > attacked / 2


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_the_schools_does_not_matter_for_what_is_safe(seed: int) -> None:
    source = np.random.default_rng(seed)
    one = table(source, 0.1)
    paths = one.hierarchy.paths()
    named = [tuple(one.hierarchy.codes[level][unit] for level, unit in enumerate(path)) for path in paths.T]
    order = source.permutation(len(named))
    other = replace(one, hierarchy=Hierarchy.of([named[place] for place in order]), counts=one.counts[order])
    first, second = (protect(each, Policy()) for each in (one, other))
    cells = [
        {
            code: row.tolist()
            for level, flags in enumerate(found.primary)
            for code, row in zip(found.counted.hierarchy.codes[level], flags, strict=True)
        }
        for found in (first, second)
    ]
    assert cells[0] == cells[1]
    assert all((before <= after).all() for before, after in zip(second.primary, second.hidden, strict=True))
