"""What leaves the office: no small number of pupils can be worked out from it, by plans, by sums, or by an earlier release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from attacker import Published, intervals, narrowest, published
from counted_worlds import School, Wanted, new_country

from riskmodel.disclosure.counted import Counted, Hierarchy
from riskmodel.disclosure.ledger import CHANGED_BY_FEW, UNITS_DIFFER, Release
from riskmodel.disclosure.policy import Policy
from riskmodel.errors import UsageError
from riskmodel.register import sqlite
from riskmodel.support.catalogue import catalogue
from riskmodel.support.periods import Period
from riskmodel.support.schema.plans import DECISIONS
from riskmodel.support.semesters import Semester
from riskmodel.support.small_numbers import (
    LEVELS,
    PUPILS,
    STAGES,
    TOO_FEW,
    Released,
    Releasing,
    Shown,
    Supported,
    release,
    tables,
    tables_of,
)

N_MIN = 10
ALMOST = N_MIN - 1e-4
RISK_SHARES = {"MI": 0.8, "SV": 0.3, "EK": 0.25, "GI": 0.1}
TERM, YEAR = Period.parse("2018/19-1"), Period.year(2018)


def schools(source: np.random.Generator) -> Hierarchy:
    paths = []
    for place in range(source.integers(2, 4)):
        paths += [(f"{place}{at}", f"m{place}", f"r{place % 2}", "LV") for at in range(source.integers(2, 4))]
    return Hierarchy.of(paths)


def pupils_of(source: np.random.Generator, where: Hierarchy, most_plans: int = 1) -> list[Supported]:
    """Return pupils of large schools and of a small one, with rare and usual risks, stages and decisions."""
    ways = tuple(catalogue().groups)
    found = []
    for school in where.codes[0]:
        for _ in range(source.integers(0, 9) if source.random() < 0.2 else source.integers(15, 90)):
            risks = {code for code, share in RISK_SHARES.items() if source.random() < share}
            found.append(
                Supported(
                    school,
                    int(source.integers(1, most_plans + 1)),
                    frozenset(risks or {"MI"}),
                    frozenset(source.choice(ways[:3], source.integers(1, 3), replace=False)),
                    str(source.choice(STAGES[6:9])),
                    str(source.choice((*DECISIONS, "none"), p=[0.5, 0.3, 0.05, 0.15])),
                )
            )
    return found


def issue(period: Period = TERM, run_id: str = "r1", ledger: dict | None = None) -> Releasing:
    return Releasing(period, "pumpurs", run_id, ledger or {}, Policy())


def seen(found: Released, table: Counted) -> Published:
    """Return what people see of one table; a cell that no level shows is no figure at all."""
    hidden, kept = [], []
    for level, codes in enumerate(table.hierarchy.codes):
        rows = [[found.of(LEVELS[level], code, cell).pupils is None for cell in table.cut.names] for code in codes]
        hidden.append(np.array(rows))
        kept += [bool(table.shown_levels()[level][at]) for _ in codes for at in range(len(table.cut.names))]
    told = published(table, hidden)
    is_kept = np.array(kept)
    return Published(told.sums[is_kept], told.values[is_kept], told.hidden[is_kept])


@pytest.mark.parametrize("seed", range(12))
def test_no_hidden_number_of_pupils_can_be_narrowed_below_the_threshold(seed: int) -> None:
    source = np.random.default_rng(seed)
    where = schools(source)
    pupils = pupils_of(source, where)
    found = issue().release(where, pupils)
    attacked = 0
    for table in tables_of("pumpurs", where, pupils)[:2]:  # pupils, and risks: of fifteen kinds
        told = seen(found, table)
        if told.hidden.any():
            attacked += 1
            assert narrowest(told) > ALMOST
    assert attacked


@pytest.mark.parametrize("name", ["stage", "decision"])
def test_nor_one_of_a_stage_or_a_decision(name: str) -> None:
    source = np.random.default_rng(5)
    for _ in range(3):
        where = schools(source)
        pupils = pupils_of(source, where)
        found = issue().release(where, pupils)
        (table,) = [one for one in tables_of("pumpurs", where, pupils) if one.cut.code.endswith(f":{name}")]
        told = seen(found, table)
        assert not told.hidden.any() or narrowest(told) > ALMOST


def test_plans_of_several_semesters_narrow_no_number_of_pupils() -> None:
    widths = [width for seed in range(25) if (width := narrowest_beside_plans(seed)) is not None]
    assert len(widths) > 12
    assert min(widths) > ALMOST


def narrowest_beside_plans(seed: int) -> float | None:
    """The attacker knows that each pupil has from one to four plans, and all sums of plans that are shown."""
    source, most = np.random.default_rng(seed), 4
    where = schools(source)
    pupils = pupils_of(source, where, most)
    found = issue(Period.year(2018, 2019)).release(where, pupils)
    paths = where.paths()
    sums, pupil_values, plan_values, hidden = [], [], [], []
    for level, codes in enumerate(where.codes):
        for unit, code in enumerate(codes):
            shown = found.of(LEVELS[level], code)
            members = (paths[level] == unit).astype(float)
            own = [pupil for pupil in pupils if members[where.codes[0].index(pupil.school_id)]]
            sums.append(members)
            pupil_values.append(len(own))
            plan_values.append(sum(pupil.plans for pupil in own))
            hidden.append(shown.pupils is None)
            assert (shown.plans is None) == (shown.pupils is None)
            assert shown.plans in {None, plan_values[-1]}
    is_hidden, cells = np.array(hidden), np.array(sums)
    if not is_hidden.any():
        return None
    # Of each school: pupils p, further plans e, and how many more there could be, f; e + f = (most - 1) p.
    nothing = np.zeros_like(cells)
    ties = np.hstack(
        [-(most - 1) * np.eye(len(where.codes[0])), np.eye(len(where.codes[0])), np.eye(len(where.codes[0]))]
    )
    known = np.vstack(
        [
            np.hstack([cells, nothing, nothing])[~is_hidden],
            np.hstack([cells, cells, nothing])[~is_hidden],
            ties,
        ]
    )
    values = np.concatenate(
        [np.array(pupil_values)[~is_hidden], np.array(plan_values)[~is_hidden], np.zeros(len(ties))]
    ).astype(float)
    ends = intervals(known, values, np.hstack([cells, nothing, nothing])[is_hidden])
    return float((ends[:, 1] - ends[:, 0]).min())


def test_plans_of_parts_are_told_of_one_semester_alone() -> None:
    source = np.random.default_rng(1)
    where = schools(source)
    pupils = pupils_of(source, where)
    of_term, of_year = (issue(period).release(where, pupils) for period in (TERM, YEAR))
    parts = [key for key, one in of_term.cells.items() if key[2] != PUPILS and one.pupils is not None]
    assert parts
    assert all(of_term.cells[key].plans == of_term.cells[key].pupils for key in parts)
    assert all(of_year.cells[key] == replace(of_term.cells[key], plans=None) for key in parts)


def test_schools_are_shown_with_their_pupils_alone() -> None:
    source = np.random.default_rng(2)
    where = schools(source)
    found = issue().release(where, pupils_of(source, where))
    assert {cell for level, _, cell in found.cells if level == "school"} == {PUPILS}
    assert {cell.split(":")[0] for level, _, cell in found.cells if level == "state"} == {
        PUPILS,
        "risk",
        "way",
        "stage",
        "decision",
    }


def test_a_few_pupils_are_not_told_at_all() -> None:
    where = schools(np.random.default_rng(3))
    one = Supported(where.codes[0][0], 1, frozenset({"MI"}), frozenset({"economic"}), "grade:9", "none")
    for pupils in ([], [one], [one] * 9):
        found = issue().release(where, pupils)
        assert all(shown == Shown(None, None) for shown in found.cells.values())
        assert not found.cells or not found.held or set(found.held.values()) == {TOO_FEW}
    assert found.of("state", "LV") == Shown(None, None)


def ledger_of(*released: Released) -> dict[tuple[str, str], list[Release]]:
    found: dict[tuple[str, str], list[Release]] = {}
    for one in released:
        for entry in one.new:
            found.setdefault((entry.cut, entry.subject), []).append(entry)
    return found


def large(where: Hierarchy, count: int = 40) -> list[Supported]:
    own = Supported("", 2, frozenset({"MI"}), frozenset({"economic"}), "grade:9", "none")
    return [replace(own, school_id=school) for school in where.codes[0] for _ in range(count)]


def test_a_later_release_that_differs_by_one_pupil_is_held_with_its_plans() -> None:
    where = schools(np.random.default_rng(4))
    pupils = large(where)
    first = issue(YEAR).release(where, pupils)
    assert first.of("state", "LV") == Shown(2 * len(pupils), len(pupils))
    one_more = [*pupils, pupils[0]]
    second = issue(YEAR, "r2", ledger_of(first)).release(where, one_more)
    assert set(second.held.values()) == {CHANGED_BY_FEW}
    assert second.of("state", "LV") == first.of("state", "LV")
    assert second.new == ()


def test_a_plan_more_of_the_same_pupils_is_not_told() -> None:
    where = schools(np.random.default_rng(4))
    pupils = large(where)
    first = issue(YEAR).release(where, pupils)
    more = [replace(pupils[0], plans=3), *pupils[1:]]
    second = issue(YEAR, "r2", ledger_of(first)).release(where, more)
    assert second.of("state", "LV") == first.of("state", "LV")
    much = [replace(pupil, plans=3) for pupil in pupils]
    third = issue(YEAR, "r3", ledger_of(first, second)).release(where, much)
    assert third.of("state", "LV") == Shown(3 * len(pupils), len(pupils))


def test_many_pupils_more_everywhere_are_a_new_release() -> None:
    where = schools(np.random.default_rng(4))
    first = issue(YEAR).release(where, large(where))
    second = issue(YEAR, "r2", ledger_of(first)).release(where, large(where, 60))
    assert second.of("state", "LV").pupils == 60 * len(where.codes[0])


# --- from a register


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sqlite.SETTINGS, "synchronous", "0")
        folder: Path = tmp_path_factory.mktemp("released")
        country = new_country(folder, Semester(2019, 1).first_on)
        units = ("LV-093", "LV-093", "LV-093", "LV-059", "LV-059", "LV-059", "LV-059")
        own = [School(str(501 + at), place) for at, place in enumerate(units)]
        country.open_schools(own)
        sizes = (4, 16, 18, 3, 15, 21, 0)
        wanted = [
            Wanted(100 * at + number, school, Semester(2018, half))
            for half in (1, 2)
            for at, (school, size) in enumerate(zip(own, sizes, strict=True))
            for number in range(size + half - 1)
        ]
        country.enter(wanted)
        country.enter([Wanted(9000 + at, own[3], Semester(2018, 1), "draft") for at in range(30)])
        yield country
        country.register.close()


def of_register(country, period: Period, run_id: str = "r1", ledger: dict | None = None) -> Released:
    with country.register.database.reading() as connection:
        return release(connection, period, "pumpurs", run_id, ledger)


def test_a_release_of_a_register_withstands_the_attacker(country) -> None:
    for period in (TERM, YEAR):
        found = of_register(country, period)
        with country.register.database.reading() as connection:
            alone = tables(connection, period, "pumpurs")[0]
        told = seen(found, alone)
        assert told.hidden.any()
        assert narrowest(told) > ALMOST
        few = [code for code, count in zip(alone.hierarchy.codes[0], alone.counts[:, 0], strict=True) if count < N_MIN]
        assert {"501", "504", "507"} <= set(few)
        assert all(found.of("school", code) == Shown(None, None) for code in few)
    assert found.of("state", "LV") == Shown(161, 84)


def test_a_school_without_plans_is_hidden_like_one_with_few(country) -> None:
    found = of_register(country, TERM)
    assert found.of("school", "507") == found.of("school", "504") == Shown(None, None)
    assert ("school", "507", PUPILS) in found.cells


def test_a_year_is_not_released_beside_its_semesters(country) -> None:
    first = of_register(country, TERM)
    with pytest.raises(UsageError, match="shares a semester"):
        of_register(country, YEAR, "r2", ledger_of(first))
    other = of_register(country, Period.parse("2018/19-2"), "r2", ledger_of(first))
    assert other.of("state", "LV").pupils == 84
    again = of_register(country, TERM, "r3", ledger_of(first, other))
    assert (again.cells, again.new) == (first.cells, ())


def test_a_member_more_holds_the_table(country) -> None:
    first = of_register(country, TERM)
    ledger = ledger_of(first)
    country.open_schools([School("599", "LV-059")])
    assert set(of_register(country, TERM, "r2", ledger).held.values()) == {UNITS_DIFFER}


def test_the_order_of_the_pupils_changes_nothing() -> None:
    seeds: Sequence[int] = (7, 8)
    for seed in seeds:
        source = np.random.default_rng(seed)
        where = schools(source)
        pupils = pupils_of(source, where)
        shuffled = [pupils[at] for at in source.permutation(len(pupils))]
        assert issue().release(where, pupils).cells == issue().release(where, shuffled).cells
