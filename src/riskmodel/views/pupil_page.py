"""The page of one pupil: the reasons, what changed, what is not known, and the support that answers them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from riskmodel.messages import Language, message
from riskmodel.support.catalogue import GROUPS_KNOWN_TO_PEOPLE_ONLY, catalogue, risk_groups_of
from riskmodel.views import figures, numbers, texts, timelines, words
from riskmodel.views.catalogue_page import measures
from riskmodel.views.pages import BAND_SHAPES, Addresses, Fragment, legend, render
from riskmodel.views.school_page import listed, withheld_groups
from riskmodel.views.texts import measure_name

Row = Mapping[str, Any]

MALLEABLE_GROUPS = ("attendance", "learning", "economic")
OPEN_MEASURES = 4
"""So many measures are shown at once; the others open on demand, or a reader loses the reasons beside them."""


def pupil_of(extract: Row, code: str) -> Row:
    """Return the pupil of a code.

    Raises
    ------
    KeyError
        When the extract holds no pupil of this code.
    """
    found: Row | None = next((one for one in extract["pupils"] if one["code"] == code), None)
    if found is None:
        raise KeyError("no pupil of this code in the extract")
    return found


def pupil(extract: Row, code: str, language: Language, addresses: Addresses | None = None) -> Fragment:
    """Return the part about one pupil; KeyError when the extract holds no pupil of this code."""
    found = pupil_of(extract, code)
    reasons = [{**reason, "sentence": texts.sentence(reason, language)} for reason in found["reasons"]]
    groups = risk_groups_of(texts.groups_for_support(found["reasons"]))
    bars = [
        (reason["sentence"], reason["contribution"])
        for reason in reasons
        if abs(reason["contribution"]) >= texts.SMALLEST_CONTRIBUTION
    ]
    rest = message("all other features together").in_language(language)
    bands = legend(extract["bands"], extract["run"]["horizon_on"], language)
    return render(
        "pupil.html.j2",
        language,
        addresses,
        extract=extract,
        pupil=listed(found, extract, language),
        band=next((band for band in bands if band["code"] == found["band_code"]), None),
        groups=[
            _group(code, [r for r in reasons if r["is_malleable"] and r["group_code"] == code], language)
            for code in MALLEABLE_GROUPS
        ],
        hidden=withheld_groups(extract),
        context=[
            reason for reason in reasons if not (reason["is_malleable"] and reason["group_code"] in MALLEABLE_GROUPS)
        ],
        table=[*reasons, {"sentence": rest, "contribution": found["rest"]}],
        bars=figures.contribution_bars([*bars, (rest, found["rest"])], language),
        trend=_trend(extract, found, language),
        over_time=_over_time(extract, found, language),
        previous_run=extract.get("previous_run"),
        what_if=[_assumption(row, language) for row in found.get("what_if") or ()],
        now=_standing(found["probability"], found["band_code"], language),
        support=_support(found.get("support"), language),
        risk_names=[catalogue().risk_groups[group][language].lower() for group in groups],
        measures=measures(groups, language),
        open_measures=OPEN_MEASURES,
        known_to_people=[
            {"code": group, "name": catalogue().risk_groups[group][language], "measures": measures([group], language)}
            for group in GROUPS_KNOWN_TO_PEOPLE_ONLY
        ],
    )


def _group(code: str, reasons: Sequence[Row], language: Language) -> dict[str, Any]:
    told = [reason for reason in reasons if texts.is_telling(reason)]
    return {
        "code": code,
        "name": words.words(words.GROUPS, code, language),
        "raises": [reason for reason in told if reason["contribution"] >= texts.SMALLEST_CONTRIBUTION],
        "lowers": [reason for reason in told if reason["contribution"] <= -texts.SMALLEST_CONTRIBUTION],
    }


def _trend(extract: Row, found: Row, language: Language) -> dict[str, Any] | None:
    """Return both pictures and the rows of their tables; None where the run tells no course of time."""
    trend = found.get("trend")
    if not trend or not (extract["trend_weeks"] and extract["trend_months"]):
        return None
    weeks, months, cut_off_on = extract["trend_weeks"], extract["trend_months"], extract["run"]["cut_off_on"]
    unexcused, excused = trend["unexcused_lessons"], trend["excused_lessons"]
    marks = trend["mark_mean_points"]
    return {
        "absences": timelines.absence_weeks(weeks, unexcused, excused, cut_off_on, language),
        "marks": timelines.mark_months(months, marks, cut_off_on, language),
        "weeks": list(zip(weeks, unexcused, excused, strict=True)),
        "months": list(zip(months, marks, trend["marks"], strict=True)),
    }


def _over_time(extract: Row, found: Row, language: Language) -> Fragment | None:
    change, before = found.get("change"), extract.get("previous_run")
    if change is None or before is None:
        return None
    now = timelines.Standing(extract["run"]["cut_off_on"], found["band_code"], found["place"])
    then = timelines.Standing(before["cut_off_on"], change.get("previous_band_code"), change.get("previous_place"))
    return Fragment(timelines.band_steps([then, now], language))


def _assumption(row: Row, language: Language) -> dict[str, Any]:
    parts = zip(row["feature_codes"], row["own_values"], row["assumed_values"], strict=True)
    return {
        "sentences": [texts.assumed_sentence(code, own, assumed, language) for code, own, assumed in parts],
        **_standing(row["probability"], row["band_code"], language),
    }


def _standing(probability: float | None, band_code: str, language: Language) -> dict[str, str]:
    return {
        "look": band_code,
        "shape": BAND_SHAPES[band_code],
        "band": words.words(words.BANDS, band_code, language),
        "probability": numbers.percent(probability, language),
    }


def _support(support: Sequence[Row] | None, language: Language) -> list[dict[str, Any]] | None:
    """Return the measures known up to the cut-off; None where no data were delivered."""
    if support is None:
        return None
    return [
        {
            "name": measure_name(one["measure_code"], language),
            "from": numbers.short_day(one["from_on"], language),
            "to": numbers.short_day(one["to_on"], language) if one["to_on"] else "",
        }
        for one in support
    ]
