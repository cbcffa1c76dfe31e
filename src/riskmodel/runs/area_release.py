"""What may be shown of areas: the tables of counts of a run, each released together with the earlier ones or held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from riskmodel.disclosure.ledger import CHANGED_BY_FEW, Decision, Release, decide
from riskmodel.disclosure.policy import Policy
from riskmodel.runs.area_counts import LEVELS, PUPILS, Subject
from riskmodel.runs.released import Key
from riskmodel.views.area_extract import NO_DATA, SUPPRESSED, figure

COMPLETENESS = "none is not small here: that a school sent everything says nothing of a pupil"
ROLLS = "the number of pupils of a school is in public registers: another school that knows its own learns nothing new"

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
    subjects: Sequence[Subject], policy: Policy, ledger: Mapping[Key, Sequence[Release]], run_id: str
) -> Shown:
    """Return what may be shown of the tables of counts of a run.

    The first counts the pupils alone. Where their number is hidden, all else of the unit is hidden too; if that table is
    held, the others of its day stay as they were with it.
    """
    shown, day = Shown(), subjects[0].on
    pupils = _decided(subjects[0], replace(policy, withstands_a_school=False, decision=ROLLS), ledger, run_id)
    _take(shown, subjects[0], pupils, run_id)
    for subject in subjects[1:]:
        code, on = subject.counted.cut.code, subject.on.isoformat()
        rule = replace(policy, is_zero_small=False, decision=COMPLETENESS) if subject.is_completeness else policy
        if "pupils" not in subject.counted.cut.cells or subject.on != day:
            _take(shown, subject, _decided(subject, rule, ledger, run_id), run_id)
        elif not pupils.held_because:
            _take(shown, subject, _decided(_beside(subject, pupils.release), rule, ledger, run_id), run_id)
        elif earlier := ledger.get((code, on)):
            _take(shown, subject, Decision(earlier[-1], pupils.held_because), run_id)
        else:
            shown.held.append(_held(code, on, CHANGED_BY_FEW, ""))
    return shown


def _decided(subject: Subject, policy: Policy, ledger: Mapping[Key, Sequence[Release]], run_id: str) -> Decision:
    on = subject.on.isoformat()
    return decide(subject.counted, policy, on, run_id, ledger.get((subject.counted.cut.code, on), ()))


def _beside(subject: Subject, pupils: Release) -> Subject:
    """Return a table of the present with what was decided of the numbers of pupils."""
    hidden = pupils.hidden_of("pupils")
    flags = [
        np.array([hidden[level, code] for code in codes], dtype=bool)
        for level, codes in enumerate(subject.counted.hierarchy.codes)
    ]
    return replace(subject, counted=replace(subject.counted, given={"pupils": flags}))


def _take(shown: Shown, subject: Subject, decision: Decision, run_id: str) -> None:
    cut, on, release = subject.counted.cut.code, subject.on.isoformat(), decision.release
    if decision.held_because:
        shown.held.append(_held(cut, on, decision.held_because, release.run_id))
    elif release.run_id == run_id:
        shown.new.append(release)
    is_past = "pupils" not in subject.counted.cut.cells
    figures = shown.past.setdefault(on, {}) if is_past else shown.present
    for (level, code, cell), count in release.shown().items():
        own = figures.setdefault((LEVELS[level], code), {})
        if cell == "pupils" and cut != PUPILS.code:
            continue
        if level == 0 and code in subject.silent:
            own[cell] = figure(None, NO_DATA)
        else:
            own[cell] = figure(count) if count is not None else figure(None, SUPPRESSED)
    if cut == PUPILS.code:
        for (level, code), parent in release.places().items():
            if parent:
                shown.parents[LEVELS[level], code] = (LEVELS[level + 1], parent)


def _held(cut: str, on: str, reason: str, from_run: str) -> dict[str, str]:
    return {"cut_code": cut, "subject_on": on, "reason_code": reason, "shown_from_run_id": from_run}
