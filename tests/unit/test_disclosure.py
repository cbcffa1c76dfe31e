"""Small numbers: what is small, what is hidden besides, and which corrections wait."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from riskmodel.disclosure import ledger
from riskmodel.disclosure.complement import UnprotectableError, protect
from riskmodel.disclosure.counted import Counted, Cut, Hierarchy, part_of, primary
from riskmodel.disclosure.policy import DEFAULT_N_MIN, LOWEST_N_MIN, Policy
from riskmodel.settings import Settings

TWO_TOWNS = Hierarchy.of([("a", "m1", "all"), ("b", "m1", "all"), ("c", "m2", "all"), ("d", "m2", "all")])
X = part_of("x", "pupils", "x")


def counted(*counts: tuple[int, int], hierarchy: Hierarchy = TWO_TOWNS, **more: object) -> Counted:
    return Counted(X, hierarchy, np.array(counts), **more)


def test_the_threshold_is_a_setting_with_the_same_floor_and_default():
    field = Settings.model_fields["n_min"]
    assert field.default == DEFAULT_N_MIN
    assert [part.ge for part in field.metadata] == [LOWEST_N_MIN]
    with pytest.raises(ValueError, match="5 or more"):
        Policy(n_min=4)


@pytest.mark.parametrize(
    ("x", "other", "is_hidden"),
    [(10, 10, False), (9, 50, True), (50, 9, True), (0, 50, True), (50, 0, True), (4, 4, True)],
)
def test_a_part_is_small_when_it_or_the_rest_or_the_whole_is(x: int, other: int, is_hidden: bool):
    found = primary(counted((x, other), (20, 20), (20, 20), (20, 20)), Policy())
    assert found[0][0, 1] == is_hidden


def test_by_a_recorded_decision_none_is_not_small_but_few_are():
    found = primary(counted((0, 50), (50, 0), (1, 50), (50, 9)), Policy(is_zero_small=False))
    assert found[0][:, 1].tolist() == [False, False, True, True]


def test_a_small_school_shows_neither_its_pupils_nor_anything_of_them():
    found = primary(counted((4, 4), (20, 20), (20, 20), (20, 20)), Policy())
    assert found[0][0].all()


def test_nothing_more_is_hidden_where_nothing_is_small():
    found = protect(counted((20, 20), (30, 30), (40, 40), (50, 50)), Policy())
    assert not any(level.any() for flags in (found.hidden, found.primary) for level in flags)


def test_primary_and_complementary_cells_look_alike():
    protected = protect(counted((3, 40), (20, 40), (30, 40), (40, 40)), Policy())
    cells = ledger.released(protected, "2026", "r1").shown()
    assert cells[0, "a", "x"] is cells[0, "b", "x"] is None
    assert protected.primary[0][:, 1].sum() == 1
    assert protected.hidden[0][:, 1].sum() > 1


def test_the_state_is_hidden_last():
    rows = [(f"s{town}{school}", f"m{town}", "all") for town in range(6) for school in range(4)]
    counts = [(3 if number == 0 else 25, 60) for number in range(len(rows))]
    protected = protect(counted(*counts, hierarchy=Hierarchy.of(rows)), Policy())
    assert not protected.hidden[2].any()
    assert not protected.hidden[1].any()


def test_what_everybody_knows_is_never_hidden():
    known = np.array([True, False, False, False])
    found = protect(counted((3, 40), (20, 40), (30, 40), (40, 40), known=known), Policy())
    assert not found.hidden[0][0].any()


def test_what_was_decided_before_stays_and_hides_the_whole_row():
    flags = [np.array([True, True, False, False]), np.zeros(2, dtype=bool), np.zeros(1, dtype=bool)]
    found = protect(counted((4, 4), (20, 40), (30, 40), (40, 40), given={"pupils": flags}), Policy())
    assert [level[:, 0].tolist() for level in found.hidden] == [level.tolist() for level in flags]
    assert found.hidden[0][:2].all()


def test_it_is_said_when_nothing_can_be_shown_beside_what_was_decided():
    alone = [np.array([True, False, False, False]), np.zeros(2, dtype=bool), np.zeros(1, dtype=bool)]
    with pytest.raises(UnprotectableError):
        protect(counted((4, 4), (20, 40), (30, 40), (40, 40), given={"pupils": alone}), Policy())


def test_a_hierarchy_refuses_a_leaf_twice_two_parents_and_two_roots():
    for paths in ([("a", "all"), ("a", "all")], [("a", "m", "r"), ("b", "m", "s")], [("a", "r"), ("b", "s")]):
        with pytest.raises(ValueError, match=r"twice|two parents|one root"):
            Hierarchy.of(paths)


def test_counts_of_another_shape_or_below_zero_are_refused():
    for counts in ([[1, 2]], [[1, 2], [1, 2], [1, 2], [1, -2]]):
        with pytest.raises(ValueError, match="shape"):
            Counted(X, TWO_TOWNS, np.array(counts))


# The ledger

FIRST = counted((3, 97), (14, 86), (20, 80), (60, 90))


def decide(table: Counted, *earlier: ledger.Release, run: str = "r2") -> ledger.Decision:
    return ledger.decide(table, Policy(), "2026", run, earlier)


def test_an_unchanged_table_stands_as_it_was_released():
    first = decide(FIRST, run="r1")
    assert decide(FIRST, first.release) == ledger.Decision(first.release)


@pytest.mark.parametrize("change", [1, 2, 9, -1])
@pytest.mark.parametrize("school", range(4))
def test_a_table_that_differs_by_a_few_is_held(change: int, school: int):
    counts = FIRST.counts.copy()
    counts[school, 0] += change if counts[school, 0] + change >= 0 else 0
    first = decide(FIRST, run="r1").release
    found = decide(replace(FIRST, counts=counts), first)
    assert found == ledger.Decision(first, ledger.CHANGED_BY_FEW)


def test_a_table_that_differs_by_many_is_released_with_the_same_cells_hidden():
    first = decide(FIRST, run="r1").release
    counts = FIRST.counts.copy()
    counts[3] += 40
    found = decide(replace(FIRST, counts=counts), first)
    assert (found.held_because, found.release.run_id) == ("", "r2")
    before, now = first.shown(), found.release.shown()
    assert {key for key in before if before[key] is None} == {key for key in now if now[key] is None}


def test_a_table_with_more_to_hide_than_before_is_held():
    first = decide(counted((30, 97), (34, 86), (40, 80), (60, 90)), run="r1").release
    found = decide(counted((8, 97), (34, 86), (40, 80), (60, 90)), first)
    assert found.held_because == ledger.MORE_TO_HIDE


def test_a_table_of_other_schools_is_held():
    first = decide(FIRST, run="r1").release
    others = Hierarchy.of([("a", "m1", "all"), ("b", "m1", "all"), ("c", "m2", "all"), ("e", "m2", "all")])
    assert decide(replace(FIRST, hierarchy=others), first).held_because == ledger.UNITS_DIFFER


def test_the_ledger_keeps_hidden_counts_but_shows_none():
    release = decide(FIRST, run="r1").release
    assert release.counts()[0, "a", "x", ""] == 3
    assert release.shown()[0, "a", "x"] is None
    assert all(entry.cell or not entry.is_shown for entry in release.entries)


def test_cells_of_some_levels_are_nobody_s_business_on_the_others():
    cut = Cut("y", ("x", "y"), {"pupils": ("x", "y"), "x": ("x",)}, {"x": "pupils"}, {"x": (1, 2)})
    release = decide(Counted(cut, TWO_TOWNS, FIRST.counts), run="r1").release
    assert not any(cell == "x" for level, _, cell in release.shown() if level == 0)
