"""Reasons in words: from feature code, own value and usual value to a plain sentence in Latvian or English.

The words are data, in ``data/texts/features.yaml``: for each feature a name, a sentence with a comparison, one without,
and one for "no data"; how each unit is written; and whom a pupil is compared with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import yaml

from riskmodel.messages import LANGUAGES, Language, message, translations
from riskmodel.settings import resource
from riskmodel.support.catalogue import catalogue
from riskmodel.views.numbers import no_data, number, percent

Row = Mapping[str, Any]

TOP_REASONS = 3
REASONS_FOR_SUPPORT = 6
"""Support is looked up for the groups of so many reasons."""
SPAN = re.compile(r"_(\d+w|\d+y|year)$")
"""The span of time at the end of a feature's code: a list has no room for the same figure over two of them."""
OF_A_PLACE = ("area_", "municipality_", "school_")
"""Features of these names describe where a pupil lives or learns, and not the pupil."""
SMALLEST_CONTRIBUTION = 0.02
"""A smaller one (in log-odds) does not change the order of need by a place that anyone would notice."""

SMALLEST_SHARE_OF_LARGEST = 0.1
"""A reason is told only if it is at least this share of the pupil's largest: the rest is in the picture."""


@cache
def read_texts(name: str) -> Mapping[str, Any]:
    """Return what a file of ``data/texts`` holds."""
    # The safe loader in C, where PyYAML was built with it: the one in Python takes half a second for these texts.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: Mapping[str, Any] = yaml.load(resource("texts", name).read_bytes(), Loader=loader)  # noqa: S506  (safe)
    return found


def feature_texts() -> Mapping[str, Mapping[str, Any]]:
    """Return the parts of ``data/texts/features.yaml``: comparisons, units, periods, features."""
    return read_texts("features.yaml")


def read_words() -> None:
    """Read all words that pages and papers tell: of features, of the catalogue, in each language. They are kept."""
    feature_texts()
    catalogue()
    for language in LANGUAGES:
        translations(language)


def _feature(code: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = feature_texts()["features"].get(code, {})
    return found


def feature_name(code: str, language: Language) -> str:
    """Return the short name of a feature; its code, spaced, for one without words.

    >>> feature_name("unexcused_lessons_8w", "lv"), feature_name("my_feature", "lv")
    ('Neattaisnoti kavējumi pēdējās 8 nedēļās', 'my feature')
    """
    return str(_feature(code).get(language, {}).get("name") or code.replace("_", " "))


def value(code: str, amount: float | None, language: Language) -> str:
    r"""Return a feature's value as its unit is written; "no data" for None, never zero.

    >>> value("absent_share_8w", 0.18, "lv"), value("mark_mean_points_year", 4.14, "lv"), value("low_income", 1, "lv")
    ('18\xa0%', '4,1', 'jā')
    """
    if amount is None:
        return no_data(language)
    unit = feature_texts()["units"].get(_feature(code).get("unit", ""), {"written": "number", "digits": 1})
    digits = unit["digits"]
    if unit["written"] == "yes_no":
        return (message("yes") if amount >= 0.5 else message("no")).in_language(language)
    if unit["written"] == "percent":
        return percent(amount, language, digits)
    if unit["written"] == "percent_value":
        return percent(amount / 100, language, digits)
    if unit["written"] == "percent_points":
        return number(amount * 100, language, digits)
    return number(amount, language, digits)


def sentence(reason: Row, language: Language) -> str:
    """Return one reason in words, as :mod:`riskmodel.views.extract` describes it, without a full stop.

    Without a value of the pupil's own it says so; without a usual value it compares with nobody.

    >>> reason = {"feature_code": "unexcused_lessons_8w", "own_value": 27, "usual_value": 4, "usual_of": "class"}
    >>> sentence(reason, "lv")
    'Neattaisnoti kavētas stundas pēdējās 8 nedēļās: 27; klasē parasti 4'
    """
    code = reason["feature_code"]
    words = _feature(code).get(language)
    own = value(code, reason["own_value"], language)
    if words is None:
        return f"{feature_name(code, language)}: {own}"
    if reason["own_value"] is None:
        return str(words["missing"]).rstrip(".")
    comparison = feature_texts()["comparisons"].get(reason.get("usual_of") or "")
    if reason["usual_value"] is None or comparison is None:
        return str(words["alone"]).format(own=own).rstrip(".")
    compared = comparison[language].format(usual=value(code, reason["usual_value"], language))
    return str(words["sentence"]).format(own=own, comparison=compared).rstrip(".")


def plain_sentence(reason: Row, language: Language) -> str:
    """Return one reason in words without a comparison with anybody, as a pupil or parent reads it.

    >>> plain_sentence({"feature_code": "unexcused_lessons_8w", "own_value": 27, "usual_value": 4}, "lv")
    'Neattaisnoti kavētas stundas pēdējās 8 nedēļās: 27'
    """
    return sentence({**reason, "usual_value": None}, language)


def change_sentence(reason: Row, language: Language) -> str:
    """Return what changed in one feature since the run before.

    >>> reason = {"feature_code": "unexcused_lessons_8w", "before_value": 12, "now_value": 27}
    >>> change_sentence(reason, "lv")
    'Neattaisnoti kavējumi pēdējās 8 nedēļās: iepriekš 12, tagad 27'
    """
    code = reason["feature_code"]
    return message(
        "{name}: before {before}, now {now}",
        name=feature_name(code, language),
        before=value(code, reason["before_value"], language),
        now=value(code, reason["now_value"], language),
    ).in_language(language)


def assumed_sentence(code: str, own: float | None, assumed: float | None, language: Language) -> str:
    """Return one assumption of the what-if table.

    >>> assumed_sentence("unexcused_lessons_8w", 27, 4, "lv")
    'Neattaisnoti kavējumi pēdējās 8 nedēļās: 4, nevis 27'
    """
    return message(
        "{name}: {assumed} instead of {own}",
        name=feature_name(code, language),
        assumed=value(code, assumed, language),
        own=value(code, own, language),
    ).in_language(language)


def meaning(code: str, language: Language) -> str:
    """Return in one line what a feature shows; empty for one without words."""
    return str(_feature(code).get(language, {}).get("meaning", ""))


def main_reasons(reasons: Sequence[Row], count: int = TOP_REASONS) -> list[Row]:
    """Return the few reasons that raise an assessment most: those that a school can change first, each part by size.

    One that says "no data" is none: what is not known is shown as such, beside the reasons. Nor is one whose value
    reads like the usual one, or one that is small beside the largest, or the same figure over another span of time.
    """
    told: dict[str, Row] = {}
    for reason in sorted(_raising(reasons), key=lambda reason: (not reason["is_malleable"], -reason["contribution"])):
        told.setdefault(SPAN.sub("", reason["feature_code"]), reason)
    return list(told.values())[:count]


def groups_for_support(reasons: Sequence[Row], count: int = REASONS_FOR_SUPPORT) -> list[str]:
    """Return the groups of the largest reasons that speak of the pupil's own situation.

    A figure of the municipality or of the school is none: it says nothing about what this pupil needs.
    """
    own = [reason for reason in _raising(reasons) if not reason["feature_code"].startswith(OF_A_PLACE)]
    return [reason["group_code"] for reason in sorted(own, key=lambda reason: -reason["contribution"])[:count]]


def is_telling(reason: Row) -> bool:
    """Return whether the sentence of a reason would say something: a known value that reads unlike the usual one."""
    own, usual = reason["own_value"], reason["usual_value"]
    if own is None or usual is None:
        return own is not None
    code = reason["feature_code"]
    return value(code, own, "en") != value(code, usual, "en")


def _raising(reasons: Sequence[Row]) -> list[Row]:
    telling = [reason for reason in reasons if is_telling(reason) and reason["contribution"] >= SMALLEST_CONTRIBUTION]
    largest = max((reason["contribution"] for reason in telling), default=0.0)
    return [reason for reason in telling if reason["contribution"] >= SMALLEST_SHARE_OF_LARGEST * largest]


def measure_name(code: str, language: Language) -> str:
    """Return the name of a measure; its code for one that the catalogue does not hold."""
    return next((one.names[language] for one in catalogue().measures if one.code == code), code)
