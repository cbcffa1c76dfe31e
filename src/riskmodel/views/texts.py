"""Reasons in words: from feature code, own value and usual value to a plain sentence in Latvian or English.

The words of a feature are data, in ``data/texts/features.yaml``::

    unexcused_lessons_8_weeks:
      unit: lessons
      lv: {name: Neattaisnoti kavētas stundas pēdējās 8 nedēļās, sentence: "…: {own}, klasē parasti {usual}"}
      en: {name: Unexcused lessons missed in the last 8 weeks, sentence: "…: {own}, usually {usual} in the class"}

Only the name and the unit are needed here: whom a pupil is compared with differs from pupil to pupil (a class of
fewer than ten is no comparison), so that the sentence is put together from the reason itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import yaml

from riskmodel.messages import Language, Message, message
from riskmodel.settings import resource
from riskmodel.views.numbers import no_data, number, percent

Row = Mapping[str, Any]

TOP_REASONS = 3
REASONS_FOR_SUPPORT = 6
"""Support is looked up for the groups of so many reasons."""
SMALLEST_CONTRIBUTION = 0.02
"""A smaller one (in log-odds) does not change the order of need by a place that anyone would notice."""

SHARES = {"share", "0-1", "0–1"}
FLAGS = {"flag", "yes_no", "0/1"}


@cache
def feature_words() -> Mapping[str, Mapping[str, Any]]:
    """Return the words of all features, by code; none where the file is not there."""
    path = resource("texts", "features.yaml")
    return yaml.safe_load(path.read_text("utf-8")) or {} if path.exists() else {}


def feature_name(code: str, language: Language) -> str:
    """Return the name of a feature; its code, spaced, for one without words."""
    name = feature_words().get(code, {}).get(language, {}).get("name")
    return str(name) if name else code.replace("_", " ")


def value(code: str, amount: float | None, language: Language) -> str:
    """Return a feature's value with its unit; "no data" for None, never zero."""
    if amount is None:
        return no_data(language)
    unit = str(feature_words().get(code, {}).get("unit", ""))
    if unit in SHARES:
        return percent(amount, language)
    if unit in FLAGS:
        return (message("yes") if amount >= 0.5 else message("no")).in_language(language)
    text = number(amount, language, 1 if abs(amount) < 100 else 0)
    suffix = SUFFIXES.get(unit)
    return text + suffix.in_language(language) if suffix else text


SUFFIXES: Mapping[str, Message] = {"km": message(" km"), "eur": message(" EUR"), "percent": message(" %")}


def sentence(reason: Row, language: Language) -> str:
    """Return one reason as a sentence, as :mod:`riskmodel.views.extract` describes it.

    Without a value of the pupil's own it says so; without a usual value it compares with nobody.
    """
    code = reason["feature_code"]
    name = feature_name(code, language)
    own = value(code, reason["own_value"], language)
    if reason["own_value"] is None or reason["usual_value"] is None:
        return f"{name}: {own}"
    said = {"name": name, "own": own, "usual": value(code, reason["usual_value"], language)}
    compared: Mapping[str | None, Message] = {
        "class": message("{name}: {own}, usually {usual} in the class", **said),
        "stage": message("{name}: {own}, usually {usual} at the same stage of this school", **said),
        "all": message("{name}: {own}, usually {usual} at the same stage in all schools", **said),
    }
    text = compared.get(reason.get("usual_of"))
    return text.in_language(language) if text else f"{name}: {own}"


def main_reasons(reasons: Sequence[Row], count: int = TOP_REASONS) -> list[Row]:
    """Return the few reasons that raise an assessment most, largest first.

    One that says "no data" is none: what is not known is shown as such, beside the reasons.
    """
    raising = [reason for reason in reasons if reason["contribution"] >= SMALLEST_CONTRIBUTION]
    known = [reason for reason in raising if reason["own_value"] is not None]
    return sorted(known, key=lambda reason: -reason["contribution"])[:count]
