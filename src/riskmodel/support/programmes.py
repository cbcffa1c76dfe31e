"""Programmes of support: on whose behalf a plan is made, on which days, and who agrees to it.

They are read from ``data/support/programmes.yaml``. Where sources disagree about a target, all their figures are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import yaml

from riskmodel.messages import Words
from riskmodel.settings import resource

STATE_STEP = "state"


@dataclass(frozen=True)
class Programme:
    """One programme. ``starts_on`` and ``ends_on`` are the first and last day of its plans; None is open."""

    code: str
    names: Words
    full_names: Words
    starts_on: date | None
    ends_on: date | None
    first_planned_until: date | None
    costs_from: date | None
    has_state_step: bool
    """Whether the state's service agrees to a plan, too: published for PuMPuRS, our assumption for the others."""
    call_years: tuple[int, ...]
    retention: str | None
    source: tuple[str, ...]
    note: str

    def takes_plans_on(self, day: date) -> bool:
        """Say whether a plan of the programme may lie on a day; both ends are included.

        >>> programme("pumpurs").takes_plans_on(date(2023, 12, 31)), programme("pumpurs").takes_plans_on(date(2024, 1, 1))
        (True, False)
        """
        return (self.starts_on is None or self.starts_on <= day) and (self.ends_on is None or day <= self.ends_on)

    def approval_steps(self, institution_kind: str, has_state_step: bool | None = None) -> tuple[str, ...]:
        """Return who agrees to a plan, in this order.

        Parameters
        ----------
        institution_kind
            ``general`` (all institutions of a municipality) or ``state_vet``, which has no municipality above it.
        has_state_step
            Whether the state agrees, too; None: as the programme has it. A dated rule may differ from that:
            ``rulebook().in_force("state_step", day, code) is not None``.

        Raises
        ------
        ValueError
            For another kind of institution.

        >>> programme("pumpurs").approval_steps("state_vet")
        ('director', 'state')
        """
        chains = _content()["approval"]
        if institution_kind not in chains:
            raise ValueError(f"a kind of institution is one of {', '.join(chains)}")
        is_on = self.has_state_step if has_state_step is None else has_state_step
        return tuple(step for step in chains[institution_kind] if is_on or step != STATE_STEP)


@dataclass(frozen=True)
class Target:
    """A number that coverage is measured against, as one source states it."""

    programme: str
    of: str
    """``institutions``, or ``municipalities_share`` (0–1, of the municipalities of the day: ``riskmodel.latvia``)."""
    number: float
    stated_on: date | None
    source: str


@cache
def programmes() -> tuple[Programme, ...]:
    """Return the programmes in the order of their first days, the own support of schools and municipalities last."""
    return tuple(_programme(entry) for entry in _content()["programmes"])


def programme(code: str) -> Programme:
    """Return a programme by its code.

    Raises
    ------
    KeyError
        For a code that no programme has.
    """
    return {one.code: one for one in programmes()}[code]


@cache
def targets() -> tuple[Target, ...]:
    """Return all targets, those that disagree beside one another.

    >>> [target.number for target in targets() if target.of == "institutions"]
    [614, 611, 665]
    """
    return tuple(Target(**entry) for entry in _content()["targets"])


@cache
def step_names() -> Mapping[str, Words]:
    """Return the steps of approval in words."""
    return {code: Words(**names) for code, names in _content()["steps"].items()}


def institution_kinds() -> tuple[str, ...]:
    """Return the kinds of institution that have a chain of approval of their own."""
    return tuple(_content()["approval"])


@cache
def _content() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(resource("support", "programmes.yaml").read_text("utf-8"))
    return content


def _programme(entry: Mapping[str, Any]) -> Programme:
    return Programme(
        code=entry["code"],
        names=Words(**entry["names"]),
        full_names=Words(**entry["full_names"]),
        starts_on=entry["starts_on"],
        ends_on=entry["ends_on"],
        first_planned_until=entry["first_planned_until"],
        costs_from=entry["costs_from"],
        has_state_step=entry["has_state_step"],
        call_years=tuple(entry["calls"]),
        retention=entry["retention"],
        source=tuple(entry["source"]),
        note=entry["note"],
    )
