"""The page about the model for those who are no specialists: what it does, how good it has been, whom it misses, its limits."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from riskmodel import latvia
from riskmodel.disclosure.policy import DEFAULT_N_MIN
from riskmodel.messages import Language
from riskmodel.settings import FLAG_LEVELS, HEADLINE_SPLITS
from riskmodel.views import evidence, figures, intended, numbers, words
from riskmodel.views.pages import Addresses, Fragment, legend, render

Row = Mapping[str, Any]


def about(findings: Row, language: Language, addresses: Addresses | None = None) -> Fragment:
    """Return the short page about the model: what it is, how good it has been, beside which rules, and its limits."""
    newest = newest_cohort(findings)
    return render(
        "about.html.j2",
        language,
        addresses,
        extract=findings,
        model=default_model(findings),
        newest=newest,
        split=headline_split(findings),
        figures=headline_figures(findings, language),
        pictures=about_pictures(findings, language),
        held=what_sets_held(findings, language),
        subgroups=without_small_numbers(subgroup_rows(findings["subgroup"], language)),
        differences=differences(findings, language),
        least_points=numbers.number(100 * FLAG_LEVELS[0], language),
        n_min=DEFAULT_N_MIN,
        limits=intended.limits(language),
        bands=legend(findings["band"], findings["run"]["horizon_on"], language),
        evidence=evidence.told(findings.get("effects", {}), language),
    )


def default_model(findings: Row) -> str:
    """Return the code of the model that makes the lists of a run."""
    return str(findings["run"]["model_code"] or figures.DEFAULT_MODEL)


def newest_cohort(findings: Row) -> str | None:
    """Return the newest cohort on which the model was measured in the way of the headline, or None."""
    return _headline(findings)[0]


def headline_split(findings: Row) -> str:
    """Return how training and test of the headline figures were parted: by time, or by school in the first years."""
    return _headline(findings)[1]


def _headline(findings: Row) -> tuple[str | None, str]:
    default = default_model(findings)
    own = [row for row in findings["evaluation"] if (row["model_code"], row["subset_code"]) == (default, "all")]
    for split in HEADLINE_SPLITS:
        newest = max((str(row["cohort_on"]) for row in own if row["split_code"] == split), default=None)
        if newest is not None:
            return newest, split
    return None, HEADLINE_SPLITS[0]


def figures_of(findings: Row, metric_code: str) -> list[Row]:
    """Return the rows of one headline figure: the model first, then the others in their order."""
    newest, split = _headline(findings)
    wanted = (newest, metric_code, split, "all")
    found = [
        row
        for row in findings["evaluation"]
        if (str(row["cohort_on"]), row["metric_code"], row["split_code"], row["subset_code"]) == wanted
    ]
    return sorted(found, key=lambda row: model_place(findings, row["model_code"]))


def model_place(findings: Row, model_code: str) -> tuple[bool, int, str]:
    """Return where a model or rule stands in every list: the model, the challengers, the rules."""
    default = default_model(findings)
    known = list(words.MODELS)
    place = known.index(model_code) if model_code in known else len(known)
    return (model_code != default, place, model_code)


def headline_figures(findings: Row, language: Language) -> list[dict[str, Any]]:
    """Return the figures of the model and of every rule, one entry per figure, as a page shows them."""
    listed = []
    for metric_code, is_share in (("auc", False), ("recall_at_capacity", True), ("precision_at_capacity", True)):
        rows = figures_of(findings, metric_code)
        dots = [
            figures.Dot(
                words.words(words.MODELS, row["model_code"], language),
                row["value"],
                row["low"],
                row["high"],
                place == 0,
            )
            for place, row in enumerate(rows)
        ]
        title = words.words(words.FIGURES, metric_code, language)
        listed.append(
            {
                "code": metric_code,
                "title": title,
                "is_share": is_share,
                "rows": rows,
                "picture": figures.interval_dots(dots, title, language, is_share=is_share, low=0 if is_share else 0.5),
            }
        )
    return listed


def about_pictures(findings: Row, language: Language) -> dict[str, Markup]:
    """Return the calibration picture of the newest cohort and the picture of the cohorts."""
    cohort_on = newest_cohort(findings)
    default = default_model(findings)
    bins = [
        row for row in findings["calibration"] if str(row["cohort_on"]) == cohort_on and row["model_code"] == default
    ]
    return {
        "calibration": figures.calibration_plot(bins, language),
        "cohorts": figures.cohort_bars(findings["cohorts"], language),
        "capacity": figures.capacity_curve(findings["capacity_curve"], language)
        if findings["capacity_curve"]
        else Markup(),
    }


def subgroup_rows(rows: Sequence[Row], language: Language) -> list[dict[str, Any]]:
    """Return missed and falsely flagged shares side by side, one entry per group of the newest cohort."""
    newest = max((str(row["cohort_on"]) for row in rows), default=None)
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        if str(row["cohort_on"]) != newest:
            continue
        entry = found.setdefault(
            (row["trait_code"], row["group_value"]),
            {
                "trait": words.words(words.TRAITS, row["trait_code"], language),
                "group": words.trait_value(row["trait_code"], row["group_value"], language),
                "pupils": row["pupils"],
                "left": row["left"],
            },
        )
        entry[row["metric_code"]] = row
    return list(found.values())


def what_sets_held(findings: Row, language: Language) -> dict[str, str]:
    """Return how often the sets of the newest cohort held what became of pupils: ``aimed``, and by class a share with its interval.

    Empty where there is no cohort with sets, or too few of a class; ``unsure`` is the share of all pupils with the mark.
    """
    told = findings.get("coverage", ())
    newest = max((str(row["cohort_on"]) for row in told), default=None)
    of_newest = {row["class_code"]: row for row in told if str(row["cohort_on"]) == newest}
    if set(of_newest) != {"left", "stayed"} or any(row["covered_share"] is None for row in of_newest.values()):
        return {}
    pupils = sum(row["pupils"] for row in of_newest.values())
    unsure = sum(row["pupils"] * row["unsure_share"] for row in of_newest.values()) / pupils
    shares = {
        code: f"{numbers.percent(row['covered_share'], language)} ({numbers.percent_interval(row['low'], row['high'], language)})"
        for code, row in of_newest.items()
    }
    aimed = numbers.percent(of_newest["left"]["aimed_share"], language)
    return {"day": str(newest), "aimed": aimed, "unsure": numbers.percent(unsure, language), **shares}


def differences(findings: Row, language: Language) -> list[dict[str, Any]]:
    """Return the flagged differences between a group and all others in words, the largest first, with what causes them."""
    told = sorted(findings.get("fairness_cause", ()), key=lambda row: (-abs(row["difference"]), row["trait_code"]))
    return [
        {
            "trait": words.words(words.TRAITS, row["trait_code"], language),
            "group": _group(row, language),
            "figure": words.words(words.FIGURES, row["metric_code"], language),
            "points": round(100 * abs(row["difference"])),
            "is_above": row["difference"] > 0,
            "causes": [
                words.words(words.CAUSES, code, language)
                for code in words.CAUSES
                if row.get(f"is_{code}") or (code == row["cause_code"] == "unclear")
            ],
        }
        for row in told
    ]


def _group(row: Row, language: Language) -> str:
    """Return the words of a group; the name of a municipality is that of the cohort's cut-off date."""
    if row["trait_code"] == "municipality_code":
        with contextlib.suppress(KeyError):
            return latvia.municipality_on(row["group_value"], numbers.as_date(row["cohort_on"])).name
    return words.trait_value(row["trait_code"], row["group_value"], language)


def are_few(group: Row) -> bool:
    """Return whether pupils, or those among them who left or who stayed, are so few that none of these counts is shown."""
    return bool(min(group["pupils"], group["left"], group["pupils"] - group["left"]) < DEFAULT_N_MIN)


def without_small_numbers(groups: Sequence[Row]) -> list[dict[str, Any]]:
    """Return groups as everybody with an account may see them: no count of few people, and none that tells it.

    The groups of a trait add up to all pupils, so that of a trait with one small count no counts are shown. A share of
    few is a count of few: one that is measured on fewer people than ``DEFAULT_N_MIN`` is left out, too.
    """
    small = {one["trait"] for one in groups if are_few(one)}
    found = []
    for one in groups:
        measured_on = {"missed_share": one["left"], "false_alarm_share": one["pupils"] - one["left"]}
        few = {metric for metric, people in measured_on.items() if people < DEFAULT_N_MIN}
        shown = {name: value for name, value in one.items() if name not in few}
        found.append({**shown, "is_counted": one["trait"] not in small})
    return found
