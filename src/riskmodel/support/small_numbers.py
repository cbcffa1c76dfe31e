"""The statistics as they may leave a school: released through the rule on small numbers, or held.

A school sees its own numbers exactly (:func:`riskmodel.support.statistics.count_plans`). Municipalities, the state and everybody else see
what is released here: pupils by school, municipality, region and state; above the schools also by groups of risks, by ways
of support, by stage and by decision. No cell below the threshold, no rest below it, and nothing from which one could be
worked out.

Why two numbers give away no more than one. In one semester a pupil has one plan, so plans and pupils are the same number.
Over several semesters the plans of a unit are told only where its pupils are. Of the units whose numbers are hidden under one that is
shown, the sums of pupils P and of plans N are known; and to each way in which P can lie on them there is one in which N
can, a plan or more for each pupil: so N excludes none. By risk, way, stage and decision, plans are told of one semester alone.

Two periods that share a semester tell of the same pupils, and their difference can be small: of a programme either
semesters are released, or longer periods that do not overlap. Programmes are released one by one, and never all together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, or_, select

from riskmodel.disclosure.complement import UnprotectableError
from riskmodel.disclosure.counted import Counted, Cut, Hierarchy
from riskmodel.disclosure.ledger import Decision, Entry, Release, decide
from riskmodel.disclosure.policy import Policy
from riskmodel.errors import UsageError
from riskmodel.latvia import municipality_on
from riskmodel.messages import message
from riskmodel.support.catalogue import catalogue
from riskmodel.support.coverage import unit_on
from riskmodel.support.periods import Period, Scope
from riskmodel.support.risks import risk_groups
from riskmodel.support.schema.places import INSTITUTION, MEMBERSHIP
from riskmodel.support.schema.plans import DECISIONS, PLAN_MEASURE, PLAN_RISK
from riskmodel.support.statistics import counted

LEVELS = ("school", "municipality", "region", "state")
ABOVE_SCHOOLS = (1, 2, 3)
STAGES = (*(f"grade:{number}" for number in range(1, 13)), *(f"vet_year:{number}" for number in range(1, 5)))
"""All that there can be, also where nobody is: what is left out of a list would be known to be none."""
STATE, NO_MUNICIPALITY, NO_REGION = "LV", "no_municipality", "no_region"
PUPILS, PLANS = "pupils", "plans"
TOO_FEW = "too_few"
"""Nothing of a table can be shown: there are too few pupils."""

Ledger = Mapping[tuple[str, str], Sequence[Release]]
"""The earlier releases by cut and subject, oldest first."""


@dataclass(frozen=True)
class Shown:
    """Plans and pupils of a cell as they may be shown; None is hidden, which says neither few nor many."""

    plans: int | None
    pupils: int | None


@dataclass(frozen=True)
class Released:
    """What may be shown of a programme and a period.

    Attributes
    ----------
    cells
        By kind of unit (``LEVELS``), its code, and the name of the cell: ``pupils``, or ``risk:MI`` and the like.
    new
        What the ledger gains: keep it, or the next release cannot be compared with this one.
    held
        Why a table is not shown as newest, by its name.
    """

    period: Period
    programme: str
    cells: Mapping[tuple[str, str, str], Shown] = field(default_factory=dict)
    new: tuple[Release, ...] = ()
    held: Mapping[str, str] = field(default_factory=dict)

    def of(self, level: str, code: str, cell: str = PUPILS) -> Shown:
        """Return a cell; one that was not released is hidden."""
        return self.cells.get((level, code, cell), Shown(None, None))


@dataclass(frozen=True)
class Supported:
    """A pupil of a period: the school and kind of the newest plan, the groups of all plans, and how many there are."""

    school_id: str
    plans: int
    risks: frozenset[str]
    ways: frozenset[str]
    stage: str
    decision: str


def release(
    connection: Connection,
    period: Period,
    programme: str,
    run_id: str,
    ledger: Ledger | None = None,
    policy: Policy = Policy(),  # noqa: B008  (frozen)
) -> Released:
    """Return what may be shown of a programme and a period, beside what was released of it before.

    Parameters
    ----------
    connection
        One that sees every row (:class:`riskmodel.register.units.Whole`): sums over some schools alone would be other sums.
    run_id
        Names this release in the ledger.
    ledger
        What was released before. Without it two releases of one period can give away what each of them hides.

    Raises
    ------
    UsageError
        When a period was released that shares a semester with this one.
    """
    earlier = {key: releases for key, releases in (ledger or {}).items() if key[0].startswith(_name(programme, ""))}
    _check_periods(period, [subject for _, subject in earlier])
    pupils = _pupils(connection, period, programme)
    hierarchy = _hierarchy(connection, period, programme, [pupil.school_id for pupil in pupils])
    return Releasing(period, programme, run_id, earlier, policy).release(hierarchy, pupils)


def tables(connection: Connection, period: Period, programme: str) -> list[Counted]:
    """Return the exact tables that :func:`release` protects, the pupils alone first; they do not leave the register."""
    pupils = _pupils(connection, period, programme)
    hierarchy = _hierarchy(connection, period, programme, [pupil.school_id for pupil in pupils])
    return tables_of(programme, hierarchy, pupils)


def _name(programme: str, cut: str) -> str:
    return f"support:{programme}:{cut}"


def _check_periods(period: Period, subjects: Sequence[str]) -> None:
    own = set(period.semesters)
    for subject in sorted(set(subjects) - {str(period)}):
        if own & set(Period.parse(subject).semesters):
            raise UsageError(
                message("Of a programme either semesters are released, or longer periods that do not overlap."),
                found=message(
                    "The period {period} was released, which shares a semester with this one.", period=subject
                ),
                remedy=message("Release that period anew, or periods beside it."),
            )


# --- from the register


def _pupils(connection: Connection, period: Period, programme: str) -> list[Supported]:
    plans = counted(period, Scope(programme))
    order = (plans.c.school_year, plans.c.semester)
    kept = (
        plans.c.plan_id,
        plans.c.pupil_id,
        plans.c.school_id,
        plans.c.stage_kind,
        plans.c.stage_number,
        plans.c.decision,
    )
    rows = connection.execute(select(*kept).order_by(*order)).all()
    own = select(plans.c.plan_id)
    risks = _groups(connection, select(PLAN_RISK.c.plan_id, PLAN_RISK.c.risk_code).where(PLAN_RISK.c.plan_id.in_(own)))
    measures = _groups(
        connection, select(PLAN_MEASURE.c.plan_id, PLAN_MEASURE.c.measure_code).where(PLAN_MEASURE.c.plan_id.in_(own))
    )
    ways = {measure.code: measure.group for measure in catalogue().measures}
    of_pupil: dict[str, list[Any]] = {}
    for row in rows:
        of_pupil.setdefault(row.pupil_id, []).append(row)
    return [
        Supported(
            own_plans[-1].school_id,
            len(own_plans),
            frozenset(code[:2] for plan in own_plans for code in risks.get(plan.plan_id, ())),
            frozenset(ways[code] for plan in own_plans for code in measures.get(plan.plan_id, ())),
            f"{own_plans[-1].stage_kind}:{own_plans[-1].stage_number}",
            own_plans[-1].decision or "none",
        )
        for own_plans in of_pupil.values()
    ]


def _groups(connection: Connection, wanted: Any) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for plan_id, code in connection.execute(wanted):
        found.setdefault(plan_id, []).append(code)
    return found


def _hierarchy(connection: Connection, period: Period, programme: str, schools: Sequence[str]) -> Hierarchy:
    """Return all member institutions of the period and whoever else has plans: that a school is named says nothing then."""
    member = MEMBERSHIP.c
    members = connection.scalars(
        select(member.member_code).where(
            member.programme == programme,
            member.member_kind == "institution",
            member.valid_from < period.before,
            or_(member.valid_to.is_(None), member.valid_to > period.first_on),
        )
    )
    on = period.last.first_on
    rows = connection.execute(
        select(INSTITUTION.c.school_id, INSTITUTION.c.municipality_code).where(
            INSTITUTION.c.valid_from <= on, or_(INSTITUTION.c.valid_to.is_(None), INSTITUTION.c.valid_to > on)
        )
    )
    places = {row.school_id: row.municipality_code for row in rows}
    paths = []
    for school in sorted({*members, *schools}):
        code = places.get(school)
        unit = None if code is None else unit_on(code, on)
        region = NO_REGION if unit is None else municipality_on(unit, on).planning_region
        paths.append((school, code or NO_MUNICIPALITY, region, STATE))
    return Hierarchy.of(paths)


# --- the declared tables


def tables_of(programme: str, hierarchy: Hierarchy, pupils: Sequence[Supported]) -> list[Counted]:
    """Return the exact tables of the pupils of a period, the pupils alone first."""
    alone = Cut(_name(programme, PUPILS), ("pupil",), {PUPILS: ("pupil",)})
    divided = (
        ("risk", tuple(risk_groups()), True, [pupil.risks for pupil in pupils]),
        ("way", tuple(catalogue().groups), True, [pupil.ways for pupil in pupils]),
        ("stage", STAGES, False, [frozenset({pupil.stage}) for pupil in pupils]),
        ("decision", (*DECISIONS, "none"), False, [frozenset({pupil.decision}) for pupil in pupils]),
    )
    place = {school: number for number, school in enumerate(hierarchy.codes[0])}
    where = [place[pupil.school_id] for pupil in pupils]
    found = [Counted(alone, hierarchy, _counts(len(place), 1, where, [0] * len(where)))]
    for name, values, is_of_several, held in divided if pupils else ():
        kinds = _kinds(values, held, is_of_several=is_of_several)
        number = {kind: at for at, kind in enumerate(kinds)}
        cut = _cut(programme, name, values, kinds)
        found.append(Counted(cut, hierarchy, _counts(len(place), len(kinds), where, [number[one] for one in held])))
    return found


def _kinds(values: Sequence[str], held: Sequence[frozenset[str]], *, is_of_several: bool) -> list[frozenset[str]]:
    """Return what a pupil can be: one of the values, or any set of them; also nothing, where somebody is."""
    sizes = range(1, len(values) + 1) if is_of_several else (1,)
    sets = [frozenset(some) for size in sizes for some in combinations(values, size)]
    return [*sets, *([frozenset[str]()] if any(not one for one in held) else [])]


def _cut(programme: str, name: str, values: Sequence[str], kinds: Sequence[frozenset[str]]) -> Cut:
    codes = tuple("+".join(sorted(kind)) or "nothing" for kind in kinds)
    cells = {PUPILS: codes}
    for value in values:
        members = tuple(code for code, kind in zip(codes, kinds, strict=True) if value in kind)
        if members and len(members) < len(codes):
            cells[f"{name}:{value}"] = members
    parts = [cell for cell in cells if cell != PUPILS]
    return Cut(_name(programme, name), codes, cells, dict.fromkeys(parts, PUPILS), dict.fromkeys(parts, ABOVE_SCHOOLS))


def _counts(schools: int, kinds: int, where: Sequence[int], which: Sequence[int]) -> NDArray[np.int64]:
    found = np.zeros((schools, kinds), dtype=np.int64)
    np.add.at(found, (list(where), list(which)), 1)
    return found


# --- the release


@dataclass(frozen=True)
class Releasing:
    """One release under way: of what, under which name, beside which earlier ones, by which rule."""

    period: Period
    programme: str
    run_id: str
    ledger: Ledger
    policy: Policy

    def release(self, hierarchy: Hierarchy, pupils: Sequence[Supported]) -> Released:
        """Return what may be shown of the pupils of a period in schools, municipalities, regions and the state."""
        cells: dict[tuple[str, str, str], Shown] = {}
        new: list[Release] = []
        held: dict[str, str] = {}
        alone, *others = tables_of(self.programme, hierarchy, pupils)
        first = self._decided(alone, held)
        if first is None:
            return Released(self.period, self.programme, held=held)
        if first.release.run_id == self.run_id and not first.held_because:
            new.append(first.release)
        plans = {} if self.period.is_one_semester else self._plans(hierarchy, pupils, first, new)
        for (level, code, cell), count in first.release.shown().items():
            both = None if count is None else count if self.period.is_one_semester else plans.get((level, code))
            cells[LEVELS[level], code, cell] = Shown(both, count)
        for table in others if not first.held_because else ():
            given = _flags(hierarchy, first.release)
            decision = self._decided(replace(table, given={PUPILS: given}), held)
            if decision is None:
                continue
            if decision.release.run_id == self.run_id and not decision.held_because:
                new.append(decision.release)
            self._show_parts(cells, decision.release)
        return Released(self.period, self.programme, cells, tuple(new), held)

    def _decided(self, table: Counted, held: dict[str, str]) -> Decision | None:
        """Return what is shown of a table, None where nothing of it can be; note why it is not the newest."""
        earlier = self.ledger.get((table.cut.code, str(self.period)), ())
        try:
            decision = decide(table, self.policy, str(self.period), self.run_id, earlier)
        except UnprotectableError:
            held[table.cut.code] = TOO_FEW
            return None
        if decision.held_because:
            held[table.cut.code] = decision.held_because
        return decision

    def _plans(
        self, hierarchy: Hierarchy, pupils: Sequence[Supported], first: Decision, new: list[Release]
    ) -> dict[tuple[int, str], int | None]:
        """Return the plans of the units whose pupils are shown; those released before, where few came or went since."""
        place = {school: number for number, school in enumerate(hierarchy.codes[0])}
        of_schools = np.zeros((len(place), 1))
        for pupil in pupils:
            of_schools[place[pupil.school_id]] += pupil.plans
        sums = hierarchy.sums(of_schools)
        counts = {
            (level, code): round(float(sums[level][unit, 0]))
            for level, codes in enumerate(hierarchy.codes)
            for unit, code in enumerate(codes)
        }
        name, shown = _name(self.programme, PLANS), first.release.hidden_of(PUPILS)
        entries = tuple(
            Entry(*key, first.release.places()[key], PLANS, "", count, not shown[key]) for key, count in counts.items()
        )
        own = Release(name, str(self.period), self.run_id, entries)
        earlier = self.ledger.get((name, str(self.period)), ())
        if earlier and (first.held_because or self._differs_by_few(own, earlier)):
            own = earlier[-1]
        elif first.held_because:
            return {}
        elif not earlier or own.counts() != earlier[-1].counts():
            new.append(own)
        return {(level, code): count for (level, code, _), count in own.shown().items()}

    def _differs_by_few(self, own: Release, earlier: Sequence[Release]) -> bool:
        counts = own.counts()
        before = [release_.counts() for release_ in earlier]
        return any(
            one.keys() != counts.keys() or any(0 < abs(counts[key] - one[key]) < self.policy.n_min for key in one)
            for one in before
        )

    def _show_parts(self, cells: dict[tuple[str, str, str], Shown], release_: Release) -> None:
        for (level, code, cell), count in release_.shown().items():
            if cell != PUPILS:
                cells[LEVELS[level], code, cell] = Shown(count if self.period.is_one_semester else None, count)


def _flags(hierarchy: Hierarchy, release_: Release) -> list[NDArray[np.bool_]]:
    hidden = release_.hidden_of(PUPILS)
    return [
        np.array([hidden[level, code] for code in codes], dtype=bool) for level, codes in enumerate(hierarchy.codes)
    ]
