"""What of the tables of areas is released, and what is held, on a few schools that can be worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np

from riskmodel.disclosure.counted import Counted, Hierarchy
from riskmodel.disclosure.policy import Policy
from riskmodel.runs.area_counts import KNOWN, LEFT, PUPILS, SUPPORTED, WITHOUT_DATA, Subject
from riskmodel.runs.area_release import Shown, release_areas

ON = date(2026, 11, 22)
SCHOOLS = Hierarchy.of([(school, "m1" if school < "d" else "m2", "r", "LV") for school in "abcdef"])
SIZES = np.array([100, 90, 80, 70, 60, 50])


def present(supported: list[int], sizes: np.ndarray = SIZES, **subject: object) -> list[Subject]:
    part = np.array(supported)
    counts = np.column_stack([part, sizes - part])
    return [
        Subject(ON, Counted(PUPILS, SCHOOLS, sizes[:, None])),
        Subject(ON, Counted(SUPPORTED, SCHOOLS, counts), **subject),
    ]


def states(shown: Shown, code: str = "supported") -> dict[str, str]:
    return {unit: found[code]["state"] for (_, unit), found in shown.present.items() if code in found}


def released(subjects: list[Subject], run_id: str = "r1", ledger: dict | None = None) -> Shown:
    return release_areas(subjects, [], Policy(), ledger or {}, run_id)


def ledger_of(*shown: Shown) -> dict:
    found: dict = {}
    for one in shown:
        for release in one.new:
            found.setdefault((release.cut, release.subject), []).append(release)
    return found


def test_a_small_number_is_hidden_and_another_with_it_so_that_it_cannot_be_subtracted() -> None:
    found = states(released(present([3, 14, 22, 20, 15, 12])))
    assert found["a"] == "suppressed"
    assert sum(found[school] == "suppressed" for school in "abcdef") >= 2
    assert found["LV"] == "shown"


def test_what_is_not_small_is_shown_as_it_is() -> None:
    shown = released(present([13, 14, 22, 20, 15, 12]))
    assert set(states(shown).values()) == {"shown"}
    assert shown.present["municipality", "m1"]["supported"]["count"] == 49
    assert shown.held == []


def test_none_is_hidden_like_few() -> None:
    assert states(released(present([0, 14, 22, 20, 15, 12])))["a"] == "suppressed"


def test_that_a_school_sent_everything_is_said() -> None:
    part = np.array([0, 14, 22, 20, 15, 12])
    counted = Counted(WITHOUT_DATA["learning"], SCHOOLS, np.column_stack([part, SIZES - part]))
    subjects = [present(list(part))[0], Subject(ON, counted, is_completeness=True)]
    assert released(subjects).present["school", "a"]["no_data_learning"] == {"count": 0, "state": "shown"}


def test_a_silent_school_has_no_data_whatever_the_counts_say() -> None:
    subjects = present([0, 14, 22, 20, 15, 12])
    silent = replace(subjects[1].counted, known=np.array([True, False, False, False, False, False]))
    shown = released([subjects[0], replace(subjects[1], counted=silent, silent=frozenset({"a"}))])
    assert states(shown)["a"] == "no_data"


def test_where_the_number_of_pupils_is_hidden_all_else_of_the_school_is_hidden_too() -> None:
    shown = released(present([4, 14, 22, 20, 15, 12], np.array([8, 90, 80, 70, 60, 50])))
    assert shown.present["school", "a"]["pupils"]["state"] == "suppressed"
    assert states(shown)["a"] == "suppressed"


def test_the_same_table_again_is_shown_and_adds_nothing_to_the_ledger() -> None:
    first = released(present([3, 14, 22, 20, 15, 12]))
    again = released(present([3, 14, 22, 20, 15, 12]), "r2", ledger_of(first))
    assert again.present == first.present
    assert (again.new, again.held) == ([], [])


def test_a_table_that_differs_by_two_pupils_is_held_and_the_earlier_one_stays() -> None:
    first = released(present([13, 14, 22, 20, 15, 12]))
    later = released(present([15, 14, 22, 20, 15, 12]), "r2", ledger_of(first))
    assert later.present == first.present
    assert later.new == []
    assert later.held == [
        {
            "cut_code": "supported",
            "subject_on": "2026-11-22",
            "reason_code": "changed_by_few",
            "shown_from_run_id": "r1",
        }
    ]


def test_a_table_that_differs_by_many_pupils_is_released_beside_the_earlier_one() -> None:
    first = released(present([13, 14, 22, 20, 15, 12]))
    later = released(present([33, 14, 22, 20, 15, 12]), "r2", ledger_of(first))
    assert later.present["school", "a"]["supported"]["count"] == 33
    assert [one.run_id for one in later.new] == ["r2"]
    assert later.held == []


def test_when_the_number_of_pupils_is_held_the_tables_of_the_same_pupils_wait_with_it() -> None:
    first = released(present([13, 14, 22, 20, 15, 12]))
    later = released(present([43, 14, 22, 20, 15, 12], SIZES + np.array([1, 0, 0, 0, 0, 0])), "r2", ledger_of(first))
    assert later.present == first.present
    assert [(one["cut_code"], one["reason_code"]) for one in later.held] == [
        ("pupils", "changed_by_few"),
        ("supported", "changed_by_few"),
    ]


def test_each_past_cohort_has_a_ledger_of_its_own() -> None:
    year = date(2025, 9, 1)
    left = np.array([12, 14, 22, 20, 15, 12])
    past = [
        Subject(year, Counted(KNOWN, SCHOOLS, SIZES[:, None])),
        Subject(year, Counted(LEFT, SCHOOLS, np.column_stack([left, SIZES - left]))),
    ]
    shown = release_areas(present([13, 14, 22, 20, 15, 12]), [past], Policy(), {}, "r1")
    assert shown.past["2025-09-01"]["state", "LV"]["left"] == {"count": 95, "state": "shown"}
    assert {(one.cut, one.subject) for one in shown.new} >= {("left", "2025-09-01"), ("supported", "2026-11-22")}
