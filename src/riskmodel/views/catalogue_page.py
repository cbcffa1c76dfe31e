"""The catalogue of support: what can be done, who does it, what must be there first, and what is known of its effect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from riskmodel.messages import Language
from riskmodel.support.catalogue import catalogue
from riskmodel.views import evidence
from riskmodel.views.pages import Addresses, Fragment, latvian_order, render


def support_catalogue(
    language: Language, addresses: Addresses | None = None, effects: Mapping[str, Any] | None = None
) -> Fragment:
    """Return the page of all measures, support for educators and materials, with its search.

    ``effects`` is what the run found of the measures (``effects.json``); without it nothing is known of them.
    """
    held = catalogue()
    found = [
        {**one, "evidence": evidence.grade(one["code"], effects or {}, language)}
        for one in measures(list(held.risk_groups), language)
    ]
    ways = [
        {"code": code, "name": names[language], "measures": [one for one in found if one["group"] == code]}
        for code, names in held.groups.items()
    ]
    return render(
        "catalogue.html.j2",
        language,
        addresses,
        risk_groups=[{"code": code, "name": names[language]} for code, names in held.risk_groups.items()],
        providers=sorted({(one["provider_code"], one["provider"]) for one in found if one["provider"]}, key=_by_name),
        ways=[way for way in ways if way["measures"]],
        educators=[
            {
                "code": one.code,
                "name": one.names[language],
                "provider": one.provider(language),
                "facts": one.facts(language),
            }
            for one in held.educators
        ],
        materials=_materials(language),
        count=len(found),
        version=held.version,
    )


def measures(risk_groups: Sequence[str], language: Language) -> list[dict[str, Any]]:
    """Return the measures that answer at least one of these risk groups, in words."""
    held = catalogue()
    return [
        {
            "code": measure.code,
            "name": measure.names[language],
            "group": measure.group,
            "way": held.groups[measure.group][language],
            "provider_code": measure.provider_role,
            "provider": measure.provider(language),
            "is_through_municipality": measure.is_through_municipality,
            "risk_groups": [
                {"code": code, "is_inferred": code in measure.inferred_risk_groups} for code in measure.risk_groups
            ],
            "is_all_inferred": set(measure.risk_groups) == set(measure.inferred_risk_groups),
            "conditions": [condition.words(language) for condition in measure.conditions],
            "limits": measure.limit_words(language),
            "materials": [held.materials[code][language] for code in measure.materials],
            "is_plan_needed": measure.is_plan_needed,
        }
        for measure in held.for_risk_groups(risk_groups)
    ]


def _materials(language: Language) -> list[dict[str, Any]]:
    held = catalogue()
    found = []
    for code, names in held.materials.items():
        using = [measure for measure in held.measures if code in measure.materials]
        groups = {group for measure in using for group in measure.risk_groups}
        found.append(
            {
                "code": code,
                "name": names[language],
                "measures": [measure.names[language] for measure in using],
                "risk_groups": [group for group in held.risk_groups if group in groups],
            }
        )
    return found


def _by_name(provider: tuple[str, str]) -> list[int]:
    return latvian_order(provider[1])
