"""What may be shown of areas: the tables of counts of a run, each released together with the earlier ones or held."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riskmodel.disclosure.complement import UnprotectableError
from riskmodel.disclosure.counted import Counted
from riskmodel.disclosure.ledger import Decision, Release, decide
from riskmodel.disclosure.policy import Policy
from riskmodel.runs.area_counts import LEVELS, Subject
from riskmodel.runs.released import Key
from riskmodel.views.area_extract import NO_DATA, SUPPRESSED, figure

COMPLETENESS = "none is not small here: that a school sent everything says nothing of a pupil"
ROLLS = "the number of pupils of a school is in public registers: another school that knows its own learns nothing new"

TOO_FEW = "too_few"
"""A table of which nothing can be shown beside the others: there are too few pupils."""

Figures = dict[str, dict[str, Any]]
Unit = tuple[str, str]
"""Kind of unit (``school``, ``municipality``, ``region``, ``state``) and its code."""


@dataclass(frozen=True)
class Shown:
    """What may be shown of a run.

    ``present`` and ``past`` (by first day of the school year) hold the figures of each unit, ``parents`` the unit above each,
    ``new`` what the ledger gains, ``held`` the tables that are not shown as newest.
    """

    present: dict[Unit, Figures] = field(default_factory=dict)
    past: dict[str, dict[Unit, Figures]] = field(default_factory=dict)
    parents: dict[Unit, Unit] = field(default_factory=dict)
    new: list[Release] = field(default_factory=list)
    held: list[dict[str, str]] = field(default_factory=list)

    def units(self, kind: str) -> list[str]:
        """Return the codes of the units of a kind that have pupils now, or are shown."""
        return sorted(code for of_kind, code in self.present if of_kind == kind)

    def below(self, unit: Unit) -> list[Unit]:
        """Return the units just below another."""
        return sorted(own for own, parent in self.parents.items() if parent == unit)


def release_areas(
    present: Sequence[Subject],
    past: Sequence[Sequence[Subject]],
    policy: Policy,
    ledger: Mapping[Key, Sequence[Release]],
    run_id: str,
) -> Shown:
    """Return what may be shown of the tables of counts of a run.

    Parameters
    ----------
    present, past
        Tables of one day, and of each past cohort. The first of each counts the pupils alone: where their number is
        hidden, all else of the unit is hidden too, and if that table is held the others stay with it.
    policy
        The rule on small numbers.
    ledger, run_id
        What was released before, and which run this is.
    """
    shown = Shown()
    office = _Office(policy, ledger, run_id, shown)
    office.release(present, shown.present)
    for subjects in past:
        office.release(subjects, shown.past.setdefault(subjects[0].on.isoformat(), {}))
    return shown


@dataclass(frozen=True)
class _Office:
    policy: Policy
    ledger: Mapping[Key, Sequence[Release]]
    run_id: str
    shown: Shown

    def release(self, subjects: Sequence[Subject], figures: dict[Unit, Figures]) -> None:
        """Release the tables of one subject, one after the other, each beside what was decided of those before."""
        first, *others = subjects
        of_all = self._decided(first, replace(self.policy, withstands_a_school=False, decision=ROLLS))
        self._note(first, of_all)
        _show(figures, first, of_all.release, skip=())
        if figures is self.shown.present:
            self._note_parents(of_all.release)
        decided = dict.fromkeys(first.counted.cut.names, of_all.release)
        for subject in others:
            found = self._beside(subject, of_all, decided)
            if found is not None:
                self._note(subject, found)
                _show(figures, subject, found.release, skip=tuple(decided))

    def _beside(self, subject: Subject, of_all: Decision, decided: Mapping[str, Release]) -> Decision | None:
        cut, on = subject.counted.cut, subject.on.isoformat()
        if of_all.held_because:
            earlier = self.ledger.get((cut.code, on))
            if earlier:
                return Decision(earlier[-1], of_all.held_because)
            self.shown.held.append(_held(cut.code, on, of_all.held_because, ""))
            return None
        rule = (
            replace(self.policy, is_zero_small=False, decision=COMPLETENESS) if subject.is_completeness else self.policy
        )
        given = {name: _flags(subject.counted, release, name) for name, release in decided.items() if name in cut.names}
        try:
            return self._decided(replace(subject, counted=replace(subject.counted, given=given)), rule)
        except UnprotectableError:
            pass
        self.shown.held.append(_held(cut.code, on, TOO_FEW, ""))
        return None

    def _decided(self, subject: Subject, policy: Policy) -> Decision:
        on = subject.on.isoformat()
        return decide(subject.counted, policy, on, self.run_id, self.ledger.get((subject.counted.cut.code, on), ()))

    def _note(self, subject: Subject, decision: Decision) -> None:
        release = decision.release
        if decision.held_because:
            self.shown.held.append(
                _held(subject.counted.cut.code, subject.on.isoformat(), decision.held_because, release.run_id)
            )
        elif release.run_id == self.run_id:
            self.shown.new.append(release)

    def _note_parents(self, release: Release) -> None:
        for (level, code), parent in release.places().items():
            if parent:
                self.shown.parents[LEVELS[level], code] = (LEVELS[level + 1], parent)


def _flags(counted: Counted, release: Release, cell: str) -> list[NDArray[np.bool_]]:
    """Return what a release hides of one cell, level by level."""
    hidden = release.hidden_of(cell)
    return [
        np.array([hidden[level, code] for code in codes], dtype=bool)
        for level, codes in enumerate(counted.hierarchy.codes)
    ]


def _show(figures: dict[Unit, Figures], subject: Subject, release: Release, skip: Collection[str]) -> None:
    for (level, code, cell), count in release.shown().items():
        if cell in skip:
            continue
        own = figures.setdefault((LEVELS[level], code), {})
        if level == 0 and code in subject.silent:
            own[cell] = figure(None, NO_DATA)
        else:
            own[cell] = figure(count) if count is not None else figure(None, SUPPRESSED)


def _held(cut: str, on: str, reason: str, from_run: str) -> dict[str, str]:
    return {"cut_code": cut, "subject_on": on, "reason_code": reason, "shown_from_run_id": from_run}
