"""What is known of the effect of measures, in words: for the catalogue, the page about the model and the report.

The content is that of ``effects.json`` of a run (:mod:`riskmodel.runs.effects`). Effects are told of a hundred pupils, with
their interval and with what could have been found at all. Where the data cannot tell, that is the sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from riskmodel.disclosure.policy import DEFAULT_N_MIN
from riskmodel.messages import Language, message
from riskmodel.views import numbers, words
from riskmodel.views.texts import measure_name

Row = Mapping[str, Any]

ANY_MEASURE = "XX-ANY"
OF_PUPILS = 100
GRADES = {
    "randomised": message("places were given by lot"),
    "discontinuity": message("pupils just above and just below a cut"),
    "adjusted": message("compared with pupils like them; what nobody recorded may stand behind it"),
    "opinion": message("opinion of those who know the measure"),
    "none_yet": message("not known yet"),
}
KINDS = {
    "lottery": message("by lot"),
    "discontinuity": message("at a cut"),
    "adjusted": message("with pupils like them"),
    "difference": message("before and after"),
}
VERDICTS = {
    "helps": message("helps"),
    "harms": message("harms"),
    "not_worth_having": message("no effect worth having"),
    "inconclusive": message("the data cannot tell"),
    "not_enough_data": message("not enough data"),
    "descriptive": message("an association, no effect"),
    "not_estimated": message("not estimated"),
}
REASONS = {
    "too_few_pupils": message("too few pupils"),
    "too_few_schools": message("too few schools"),
    "no_cases": message("too few left or stayed"),
    "score_too_coarse": message("the scores are too coarse"),
    "no_overlap": message("nobody alike to compare with"),
    "checks_failed": message("a check of the comparison failed"),
    "among_many": message("does not hold among all measures asked about"),
}
TELLING = ("helps", "harms")


def told(effects: Row, language: Language) -> dict[str, Any]:
    """Return what a page says of effects: ``summary``, a sentence, ``rows``, the comparisons, and ``needed``, of the score."""
    return {"summary": summary(effects, language), "rows": rows(effects, language), "needed": needed(effects, language)}


def needed(effects: Row, language: Language) -> dict[str, Any]:
    """Return whether the individual score is needed over the state: ``sentence``, and the share of risk ``between`` schools."""
    sentence = effects.get("verdicts", {}).get("state", {}).get(language, "")
    between: Row = effects.get("between_schools") or {}
    if any(between.get(name) is None for name in ("value", "low", "high")):
        return {"sentence": sentence, "between": None}
    ends = numbers.percent_interval(between["low"], between["high"], language)
    return {"sentence": sentence, "between": {"share": numbers.percent(between["value"], language), "ends": ends}}


def grade(code: str, effects: Row, language: Language) -> dict[str, Any]:
    """Return the evidence for a measure of the catalogue: ``grade``; ``sentence`` and ``cost``, empty where nothing is known."""
    row = next((one for one in effects.get("measure_grade", ()) if one["measure_code"] == code), None)
    grade_code = "none_yet" if row is None else str(row["grade_code"])
    found = {"grade": words.words(GRADES, grade_code, language), "cost": "" if row is None else _cost(row, language)}
    if row is None or grade_code in ("none_yet", "opinion"):
        return {**found, "sentence": "", "is_known": grade_code == "opinion"}
    return {**found, "sentence": sentence(row, language), "is_known": True}


def _cost(row: Row, language: Language) -> str:
    if row["cost_eur"] is None:
        return ""
    amount = numbers.number(row["cost_eur"], language)
    return message("EUR {amount} a plan on average", amount=amount).in_language(language)


def sentence(row: Row, language: Language) -> str:
    """Return what may be said of a measure: ``verdict_code``, ``value``, ``low``, ``high`` and ``pupils``."""
    low, high = row["low"] * OF_PUPILS, row["high"] * OF_PUPILS
    value = numbers.fixed(abs(row["value"]) * OF_PUPILS, language, 1)
    nearest, farthest = sorted((abs(low), abs(high)))
    ends = numbers.interval(nearest, farthest, language, 1)
    fewer, more = (numbers.fixed(max(end, 0.0), language, 1) for end in (-low, high))
    said = {
        "helps": message("Of 100 pupils who got it about {value} fewer left early ({ends}).", value=value, ends=ends),
        "harms": message("Of 100 pupils who got it about {value} more left early ({ends}).", value=value, ends=ends),
        "not_worth_having": message(
            "No effect worth having: of 100 pupils at most {fewer} fewer and at most {more} more left early.",
            fewer=fewer,
            more=more,
        ),
        "inconclusive": message(
            "The data cannot tell: of 100 pupils anything from {fewer} fewer to {more} more may have left early.",
            fewer=fewer,
            more=more,
        ),
    }
    return said[row["verdict_code"]].in_language(language)


def rows(effects: Row, language: Language) -> list[dict[str, Any]]:
    """Return the comparisons of support as a whole and of each measure, over all groups and years, as a page shows them."""
    kept = [
        row
        for row in effects.get("effect", ())
        if (row["group_code"], row["school_year_code"]) == ("all", "all") and row["kind_code"] != "difference"
    ]
    kept.sort(key=lambda row: (row["measure_code"] != ANY_MEASURE, row["measure_code"], row["kind_code"]))
    return [
        {
            "measure": _name(row["measure_code"], language),
            "kind": words.words(KINDS, row["kind_code"], language),
            "value": _points(row["value"], language),
            "interval": "" if row["low"] is None else _ends(row, language),
            "detectable": _points(row["detectable"], language),
            "pupils": _count(row, language),
            "verdict": words.words(VERDICTS, row["verdict_code"], language),
            "is_telling": row["verdict_code"] in TELLING,
            "reason": words.words(REASONS, row["reason_code"], language) if row["reason_code"] else "",
        }
        for row in kept
    ]


def summary(effects: Row, language: Language) -> str:
    """Return the first sentence about support as a whole: what the strongest comparison says, or that none can be made."""
    row = next((one for one in effects.get("measure_grade", ()) if one["measure_code"] == ANY_MEASURE), None)
    if row is None or row["grade_code"] in ("none_yet", "opinion"):
        return message(
            "Whether support has kept pupils in school is not known yet: there is no comparison that could be relied on."
        ).in_language(language)
    said = sentence(row, language)
    lead = message("Support as a whole, {how}:", how=GRADES[row["grade_code"]])
    return f"{lead.in_language(language)} {said}"


def _name(code: str, language: Language) -> str:
    return message("Any support").in_language(language) if code == ANY_MEASURE else measure_name(code, language)


def _points(share: float | None, language: Language) -> str:
    return "–" if share is None else numbers.fixed(share * OF_PUPILS, language, 1)


def _ends(row: Row, language: Language) -> str:
    return numbers.interval(row["low"] * OF_PUPILS, row["high"] * OF_PUPILS, language, 1)


def _count(row: Row, language: Language) -> str:
    if row["pupils_given"] is None:
        return "–"
    if min(row["pupils_given"], row["pupils_compared"]) < DEFAULT_N_MIN:
        return message("not shown").in_language(language)
    return f"{numbers.number(row['pupils_given'], language)} + {numbers.number(row['pupils_compared'], language)}"
