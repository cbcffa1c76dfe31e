"""From reasons to a proposal: risks that data can know, and the measures of the catalogue that may answer them.

A proposal is no plan and no record. A person accepts, changes or refuses each of its lines, and adds what only people know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import yaml
from sqlalchemy import Connection, func, select

from riskmodel.settings import resource
from riskmodel.support.catalogue import Measure, catalogue
from riskmodel.support.risks import RiskItem, risk_item
from riskmodel.support.schema.places import STAFF
from riskmodel.support.schema.plans import PLAN, PLAN_MEASURE
from riskmodel.support.semesters import Semester

WEEKS_OF_A_SEMESTER = 16
HOURS_OF_A_CONSULTATION = 2 / 3
"""Forty minutes: an assumption for the plan of hours, where a plan says only how often."""


@dataclass(frozen=True)
class ProposedRisk:
    """A risk, and the codes of the features whose reasons point to it, the weightiest first."""

    item: RiskItem
    feature_codes: tuple[str, ...]


@dataclass(frozen=True)
class ProposedMeasure:
    """A measure for some of the proposed risks.

    Attributes
    ----------
    risk_codes
        Of the proposed risks in the groups that the measure answers.
    free_hours
        Of its profession in the school until the end of the semester; None where no hours were entered.
    is_first_choice
        The first of the catalogue for its group of which hours are left: marked for the person, who may choose otherwise.
    """

    measure: Measure
    risk_codes: tuple[str, ...]
    free_hours: float | None
    is_first_choice: bool


@dataclass(frozen=True)
class Proposal:
    """What the data suggest for one pupil."""

    risks: tuple[ProposedRisk, ...]
    measures: tuple[ProposedMeasure, ...]


def propose(raising: Sequence[str], free_hours: Mapping[str, float] | None = None) -> Proposal:
    """Return the proposal for reasons that raise an assessment.

    Parameters
    ----------
    raising
        Codes of the features, the weightiest first.
    free_hours
        By profession; professions that are missing have no hours entered.

    >>> found = propose(["unexcused_lessons_last_8_weeks", "distance_km"])
    >>> [risk.item.code for risk in found.risks]
    ['MI1', 'EK1']
    >>> [one.measure.code for one in found.measures if one.is_first_choice]
    ['KA-PED', 'KO-TRA']
    """
    pointed: dict[str, list[str]] = {}
    for code in raising:
        if (risk := risk_of(code)) is not None:
            pointed.setdefault(risk, []).append(code)
    risks = tuple(ProposedRisk(risk_item(risk), tuple(codes)) for risk, codes in pointed.items())
    return Proposal(risks, _measures([risk.item for risk in risks], free_hours or {}))


def _measures(items: Sequence[RiskItem], free_hours: Mapping[str, float]) -> tuple[ProposedMeasure, ...]:
    groups = {item.group for item in items}
    chosen: set[str] = set()
    found = []
    for measure in catalogue().for_risk_groups(groups):
        if measure.kind not in {"consultation", "compensation"}:
            continue
        codes = tuple(item.code for item in items if item.group in measure.risk_groups)
        hours = free_hours.get(measure.provider_role)
        answers = groups & set(measure.risk_groups)
        is_first = bool(answers - chosen) and (hours is None or hours > 0)
        if is_first:
            chosen |= answers
        found.append(ProposedMeasure(measure, codes, hours, is_first))
    return tuple(found)


def risk_of(feature_code: str) -> str | None:
    """Return the risk to which a feature's reason may point; None for context and for what only people know.

    >>> risk_of("mark_mean_points_year"), risk_of("age_years")
    ('MI4', None)
    """
    for risk, patterns in _findings().items():
        for pattern in patterns:
            if feature_code == pattern or (pattern.endswith("*") and feature_code.startswith(pattern[:-1])):
                return risk
    return None


@cache
def _findings() -> Mapping[str, Sequence[str]]:
    content: Mapping[str, Mapping[str, Sequence[str]]] = yaml.safe_load(
        resource("support", "findings.yaml").read_text("utf-8")
    )
    return content["findings"]


def free_hours_of(connection: Connection, school_id: str, term: Semester) -> dict[str, float]:
    """Return how many hours each profession of a school has left in a semester, beside what live plans hold.

    A profession of which somebody's hours were left open is not in it: nobody knows.
    """
    staff = connection.execute(
        select(STAFF.c.profession, STAFF.c.hours_per_week).where(
            STAFF.c.school_id == school_id,
            STAFF.c.valid_from <= term.last_on,
            (STAFF.c.valid_to.is_(None)) | (STAFF.c.valid_to > term.first_on),
        )
    ).all()
    is_open = {row.profession for row in staff if row.hours_per_week is None}
    hours: dict[str, float] = {}
    for row in staff:
        if row.profession not in is_open:
            hours[row.profession] = hours.get(row.profession, 0.0) + row.hours_per_week * WEEKS_OF_A_SEMESTER
    for role, times in _planned(connection, school_id, term):
        if role in hours:
            hours[role] -= times * HOURS_OF_A_CONSULTATION
    return hours


def _planned(connection: Connection, school_id: str, term: Semester) -> Iterable[tuple[str, int]]:
    rows = connection.execute(
        select(PLAN_MEASURE.c.measure_code, func.sum(PLAN_MEASURE.c.planned_times).label("times"))
        .join(PLAN, PLAN.c.plan_id == PLAN_MEASURE.c.plan_id)
        .where(
            PLAN.c.school_id == school_id,
            PLAN.c.school_year == term.year,
            PLAN.c.semester == term.half,
            PLAN.c.status.not_in(("INACTIVE", "CLOSED", "SUSPENDED")),
        )
        .group_by(PLAN_MEASURE.c.measure_code)
    )
    roles = {measure.code: measure.provider_role for measure in catalogue().measures}
    return [(roles.get(row.measure_code, ""), int(row.times or 0)) for row in rows]
