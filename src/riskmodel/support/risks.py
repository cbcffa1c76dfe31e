"""The risks that a plan can name, in their four groups, read from ``data/support/risks.yaml``.

Marks, absences and distance inform six of them; the others come from people and are never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from riskmodel.messages import Words
from riskmodel.settings import resource
from riskmodel.support.catalogue import catalogue


@dataclass(frozen=True)
class RiskItem:
    """One risk. ``is_sensitive``: of health, family, violence, addiction or means; only support staff reads particulars."""

    code: str
    names: Words
    is_sensitive: bool
    is_known_from_data: bool
    source: tuple[str, ...]

    @property
    def group(self) -> str:
        """The code of the group: ``MI``, ``SV``, ``EK`` or ``GI``."""
        return self.code[:2]


@cache
def risk_items() -> tuple[RiskItem, ...]:
    """Return all risks, group by group.

    >>> [item.code for item in risk_items() if item.is_known_from_data]
    ['MI1', 'MI2', 'MI3', 'MI4', 'MI5', 'EK1']
    """
    return tuple(
        RiskItem(
            code=entry["code"],
            names=Words(**entry["names"]),
            is_sensitive=entry["sensitivity"] == "S",
            is_known_from_data=entry.get("known_from_data", False),
            source=tuple(entry["source"]),
        )
        for entry in _content()["items"]
    )


def risk_item(code: str) -> RiskItem:
    """Return a risk by its code; KeyError where there is none."""
    return {item.code: item for item in risk_items()}[code]


@cache
def risk_groups() -> Mapping[str, Words]:
    """Return the four groups with their names, in the order of screens.

    >>> list(risk_groups())
    ['MI', 'SV', 'EK', 'GI']
    """
    names = catalogue().risk_groups
    return {code: Words(en=names[code]["en"], lv=names[code]["lv"]) for code in _content()["groups"]}


@cache
def _content() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(resource("support", "risks.yaml").read_text("utf-8"))
    return content
