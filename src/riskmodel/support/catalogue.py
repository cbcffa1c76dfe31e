"""The catalogue of support measures, read from ``data/support/catalogue.yaml`` and put into words.

A measure answers *risk groups* (MI learning and institution, SV social and health, EK economic, GI family). The data of a
school inform MI and EK only; what belongs to SV and GI comes from people and is never guessed from a feature.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from riskmodel.messages import Language, Message, message
from riskmodel.settings import resource

RISK_GROUP_OF_FEATURES = {"attendance": "MI", "learning": "MI", "economic": "EK"}
"""Which risk group a group of features informs; the context of a pupil informs none."""
GROUPS_KNOWN_TO_PEOPLE_ONLY = ("SV", "GI")

PROVIDERS: Mapping[str, Message] = {
    "subject_teacher": message("subject teacher"),
    "psychologist": message("psychologist"),
    "social_pedagogue": message("social pedagogue"),
    "teacher_assistant": message("teacher's assistant"),
    "special_educator": message("special-education teacher"),
    "sign_interpreter": message("sign-language interpreter"),
    "assistant": message("assistant"),
    "occupational_therapist": message("occupational therapist"),
    "speech_therapist": message("speech therapist"),
    "mentor": message("mentor"),
    "certified_supervisor": message("certified supervisor"),
    "youth_organisation_or_association": message("youth organisation or association"),
}
CONDITIONS: Mapping[str, Message] = {
    "consent": message("consent of a parent, guardian or adult pupil"),
    "approved_plan": message("approved individual support plan"),
    "directors_order": message("director's order"),
    "economic_certificate": message("certificate that no other funding is available"),
    "placement_order": message("order on the work placement"),
    "municipal_call": message("call for projects of the municipality"),
}
CIRCUMSTANCES: Mapping[str, Message] = {
    "remote": message("when held remotely"),
    "plan_preparation": message("before the plan is drawn up"),
    "state_vet_pupil_on_work_placement": message("for a pupil of a state vocational school on a work placement"),
}

AUDIENCES: Mapping[str, Message] = {
    "school_team": message("for a school's team"),
    "interprofessional_team": message("for a team of several professions"),
}
TOPICS: Mapping[str, Message] = {
    "supportive_environment": message("a supportive environment"),
    "counselling_pupils": message("counselling pupils"),
    "effective_pedagogical_work": message("effective pedagogical work"),
}


@dataclass(frozen=True)
class Condition:
    """What must be there before a measure begins, and in which circumstances (empty: always)."""

    requires: str
    circumstance: str = ""

    def words(self, language: Language) -> str:
        """Return the condition in words."""
        text = _words(CONDITIONS, self.requires, language)
        return f"{text} ({_words(CIRCUMSTANCES, self.circumstance, language)})" if self.circumstance else text


@dataclass(frozen=True)
class Measure:
    """One kind of support."""

    code: str
    names: Mapping[str, str]
    group: str
    kind: str
    provider_role: str
    risk_groups: tuple[str, ...]
    inferred_risk_groups: tuple[str, ...]
    """Those of ``risk_groups`` that are our reading and stand in no programme text."""
    conditions: tuple[Condition, ...]
    limits: tuple[Mapping[str, Any], ...]
    materials: tuple[str, ...]
    is_plan_needed: bool | None
    is_through_municipality: bool

    def provider(self, language: Language) -> str:
        """Return who gives the measure, in words; empty where the programme names nobody."""
        return _words(PROVIDERS, self.provider_role, language) if self.provider_role else ""

    def limit_words(self, language: Language) -> list[str]:
        """Return the limits that always hold, in words (those of a dated regime are not among them)."""
        texts = {
            "amount_eur": message("at most EUR {value} for a project"),
            "calls_per_year": message("{value} call for projects a year"),
            "min_age": message("from the age of {value}"),
        }
        return [
            Message(texts[name].text, {"value": value}).in_language(language)
            for limit in self.limits
            if "regime" not in limit
            for name, value in limit.items()
            if name in texts
        ]


@dataclass(frozen=True)
class EducatorSupport:
    """One kind of support that educators receive."""

    code: str
    names: Mapping[str, str]
    provider_role: str
    audience: str
    topics: tuple[str, ...]
    limits: Mapping[str, Any]

    def provider(self, language: Language) -> str:
        """Return who gives it, in words; empty where the programme names nobody."""
        return _words(PROVIDERS, self.provider_role, language) if self.provider_role else ""

    def facts(self, language: Language) -> list[str]:
        """Return for whom it is, what it is about, and its limits, in words."""
        limits = {
            "max_participants": message("at most {value} participants"),
            "minutes": message("{value} minutes"),
            "min_per_institution": message("at least {value} times in an institution"),
        }
        return [
            *([_words(AUDIENCES, self.audience, language)] if self.audience else []),
            *(_words(TOPICS, topic, language) for topic in self.topics),
            *(
                Message(limits[name].text, {"value": value}).in_language(language)
                for name, value in self.limits.items()
                if name in limits
            ),
        ]


@dataclass(frozen=True)
class Catalogue:
    """The measures, the four risk groups, the ways of support, the titles of materials, and support for educators."""

    version: str
    risk_groups: Mapping[str, Mapping[str, str]]
    groups: Mapping[str, Mapping[str, str]]
    measures: tuple[Measure, ...]
    materials: Mapping[str, Mapping[str, str]]
    educators: tuple[EducatorSupport, ...] = ()

    def for_risk_groups(self, risk_groups: Collection[str]) -> tuple[Measure, ...]:
        """Return the measures that answer at least one of these risk groups, in the catalogue's order.

        >>> [measure.code for measure in catalogue().for_risk_groups(["EK"])][:3]
        ['KO-TRA', 'KO-NAK', 'KO-EDI']
        """
        wanted = set(risk_groups)
        return tuple(measure for measure in self.measures if wanted & set(measure.risk_groups))


def risk_groups_of(feature_groups: Collection[str]) -> tuple[str, ...]:
    """Return the risk groups that these groups of features inform, MI before EK; never SV or GI.

    >>> risk_groups_of(["economic", "attendance", "context"])
    ('MI', 'EK')
    """
    found = {RISK_GROUP_OF_FEATURES[group] for group in feature_groups if group in RISK_GROUP_OF_FEATURES}
    return tuple(group for group in ("MI", "EK") if group in found)


@cache
def catalogue() -> Catalogue:
    """Return the catalogue of the project."""
    return read_catalogue(resource("support", "catalogue.yaml"))


def read_catalogue(path: Path) -> Catalogue:
    """Return the catalogue of a file in the form of ``data/support/catalogue.yaml``.

    Raises
    ------
    ValueError
        For a measure that names an unknown risk group, way of support or material.
    """
    content = yaml.safe_load(path.read_text("utf-8"))
    found = Catalogue(
        version=str(content["version"]),
        risk_groups={code: _names(entry) for code, entry in content["risk_groups"].items()},
        groups={code: _names(entry) for code, entry in content["groups"].items()},
        measures=tuple(_measure(entry) for entry in content["measures"]),
        materials={entry["code"]: _names(entry) for entry in content["materials"]},
        educators=tuple(_educator_support(entry) for entry in content.get("educator_support", ())),
    )
    for measure in found.measures:
        unknown = {*measure.risk_groups} - set(found.risk_groups) | {*measure.materials} - set(found.materials)
        if unknown or measure.group not in found.groups:
            raise ValueError(f"measure {measure.code} names what the catalogue does not hold")
    return found


def _measure(entry: Mapping[str, Any]) -> Measure:
    sources = entry.get("addresses_source", {})
    return Measure(
        code=entry["code"],
        names=_names(entry),
        group=entry["group"],
        kind=entry["kind"],
        provider_role=entry.get("provider_role") or "",
        risk_groups=tuple(entry["addresses"]),
        inferred_risk_groups=tuple(group for group in entry["addresses"] if sources.get(group) == "inferred"),
        conditions=tuple(
            Condition(part["requires"], part.get("when") or part.get("before") or "") for part in entry["preconditions"]
        ),
        limits=tuple(entry["limits"]),
        materials=tuple(entry["materials"]),
        is_plan_needed=entry["individual_plan_needed"],
        is_through_municipality=entry.get("via") == "municipality",
    )


def _educator_support(entry: Mapping[str, Any]) -> EducatorSupport:
    return EducatorSupport(
        code=entry["code"],
        names=_names(entry),
        provider_role=entry.get("provider_role") or "",
        audience=entry.get("audience") or "",
        topics=tuple(entry.get("topics", ())),
        limits=entry.get("limits", {}),
    )


def _names(entry: Mapping[str, Any]) -> dict[str, str]:
    return {"lv": entry["name_lv"], "en": entry["name_en"]}


def _words(of: Mapping[str, Message], code: str, language: Language) -> str:
    return of[code].in_language(language) if code in of else code.replace("_", " ")
