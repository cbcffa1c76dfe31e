"""What is hidden is no more than what must be: sums of regions and of the state stay, where municipalities can cover one another."""

from __future__ import annotations

import numpy as np

from riskmodel.disclosure.complement import Protected, protect
from riskmodel.disclosure.counted import Counted, Hierarchy
from riskmodel.disclosure.policy import Policy
from riskmodel.runs.area_counts import IDENTIFIED, PUPILS, WITHOUT_DATA

SCHOOLS = Hierarchy.of(
    [(f"{area}{school}", area, "r1" if area in "ab" else "r2", "LV") for area in "abcd" for school in range(4)]
)
REGION, STATE = 2, 3


def bands(**changed: tuple[int, int, int]) -> np.ndarray:
    return np.array([changed.get(school, (12, 25, 160)) for school in SCHOOLS.codes[0]])


def beside_pupils(counts: np.ndarray) -> Protected:
    """Protect the bands after the numbers of pupils, as a run does."""
    pupils = protect(Counted(PUPILS, SCHOOLS, counts.sum(axis=1, keepdims=True)), Policy(withstands_a_school=False))
    given = {"pupils": [flags[:, 0] for flags in pupils.hidden]}
    return protect(Counted(IDENTIFIED, SCHOOLS, counts, given=given), Policy())


def test_a_small_band_of_a_municipality_hides_none_of_a_region() -> None:
    few = {f"a{school}": (1, 25, 160) for school in range(4)}
    found = beside_pupils(bands(**few))
    high = IDENTIFIED.names.index("high")
    assert found.hidden[1][0, high]
    assert not found.hidden[REGION].any()
    assert not found.hidden[STATE].any()


def test_a_school_of_nine_pupils_hides_nothing_above_its_municipality() -> None:
    found = beside_pupils(bands(a0=(9, 0, 0)))
    assert found.hidden[0][0].all()
    assert not found.hidden[REGION].any()
    assert not found.hidden[STATE].any()


def test_where_nobody_lacks_data_a_small_school_hides_nothing() -> None:
    sizes = bands(a0=(4, 2, 2)).sum(axis=1)
    pupils = protect(Counted(PUPILS, SCHOOLS, sizes[:, None]), Policy(withstands_a_school=False))
    given = {"pupils": [flags[:, 0] for flags in pupils.hidden]}
    counted = Counted(WITHOUT_DATA["learning"], SCHOOLS, np.column_stack([sizes * 0, sizes]), given=given)
    found = protect(counted, Policy(is_zero_small=False))
    lacking = counted.cut.names.index("no_data_learning")
    assert found.hidden[0][0, counted.cut.names.index("pupils")]
    assert not any(level[:, lacking].any() for level in found.hidden)
