"""The semester report and the model card: self-contained HTML for A4 paper, made from rows of the result tables.

Both take the findings of a run (:func:`riskmodel.views.extract.findings_extract`) and a language, and return a page that
needs no other file. Every number comes from a table; what is not known, or too uncertain, is said in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from riskmodel.disclosure.policy import DEFAULT_N_MIN
from riskmodel.messages import Language, message
from riskmodel.settings import WORTH_A_LOOK_PSI
from riskmodel.support.risks import risk_item
from riskmodel.views import evidence, figures, intended, model_page, numbers, pages, texts, words
from riskmodel.views.texts import measure_name

Row = Mapping[str, Any]

CHALLENGERS = ("logistic", "ebm", "boosting_free", "forest")
GAINS = ("auc_gain", "average_precision_gain", "recall_gain")
FIGURES_WITH_RULES = ("auc", "average_precision", "recall_at_capacity", "precision_at_capacity")
FIGURES_OF_MODEL = ("brier", "log_loss", "ece", "calibration_gap", "lead_days_median")
SHARES = {"recall_at_capacity", "precision_at_capacity"}
GAPS = {"calibration_gap"}
DAYS = {"lead_days_median"}
LARGEST_DRIFTS = 12
LARGEST_WEIGHTS = 15


def semester_report(findings: Row, language: Language) -> str:
    """Return the report of one semester run."""
    return _whole("report.html.j2", findings, language)


def model_card(findings: Row, language: Language) -> str:
    """Return the card of the model that the run published: purpose, data, figures, limits."""
    return _whole("model_card.html.j2", findings, language)


def verdicts(findings: Row, language: Language) -> list[dict[str, Any]]:
    """Return, per challenger and rule, whether it is ahead of the model outside the paired interval.

    ``state`` is ``ahead`` (it wins on at least one figure), ``behind`` (it loses on one and wins on none), ``open`` (no
    difference can be shown) or ``unknown`` (no interval).
    """
    default = model_page.default_model(findings)
    gains: dict[str, dict[str, Row]] = {}
    for metric in GAINS:
        for row in model_page.figures_of(findings, metric):
            if row["model_code"] != default:
                gains.setdefault(row["model_code"], {})[metric] = row
    return [
        {
            "code": code,
            "name": words.words(words.MODELS, code, language),
            "is_challenger": code in CHALLENGERS,
            "state": _state(list(by_metric.values())),
            "gains": by_metric,
        }
        for code, by_metric in gains.items()
    ]


def _state(gains: Sequence[Row]) -> str:
    known = [row for row in gains if row["low"] is not None and row["high"] is not None]
    if not known:
        return "unknown"
    if any(row["high"] < 0 for row in known):
        return "ahead"
    return "behind" if any(row["low"] > 0 for row in known) else "open"


def shown(metric_code: str, row: Row | None, language: Language) -> dict[str, str]:
    """Return a figure and its interval as text; "no data" where it is not known."""
    if row is None or row["value"] is None:
        return {"value": numbers.no_data(language), "interval": ""}
    if metric_code in DAYS:
        return {"value": numbers.number(row["value"], language), "interval": _ends(row, language, 0)}
    if metric_code in GAPS:
        points = numbers.number(row["value"] * 100, language, 1)
        known = row["low"] is not None and row["high"] is not None
        ends = numbers.interval(row["low"] * 100, row["high"] * 100, language, 1) if known else ""
        return {"value": message("{value} percentage points", value=points).in_language(language), "interval": ends}
    if metric_code in SHARES:
        known = row["low"] is not None and row["high"] is not None
        ends = numbers.percent_interval(row["low"], row["high"], language, 1) if known else ""
        return {"value": numbers.percent(row["value"], language, 1), "interval": ends}
    return {"value": numbers.fixed(row["value"], language, 3), "interval": _ends(row, language, 3)}


def _ends(row: Row, language: Language, digits: int) -> str:
    known = row["low"] is not None and row["high"] is not None
    return numbers.interval(row["low"], row["high"], language, digits) if known else ""


def comparison(findings: Row, language: Language) -> list[dict[str, Any]]:
    """Return one line per model and rule with the figures that rules have too, the model first."""
    by_model: dict[str, dict[str, Row]] = {}
    for metric in FIGURES_WITH_RULES:
        for row in model_page.figures_of(findings, metric):
            by_model.setdefault(row["model_code"], {})[metric] = row
    default = model_page.default_model(findings)
    return [
        {
            "name": words.words(words.MODELS, code, language),
            "is_model": code == default,
            "figures": [shown(metric, by_metric.get(metric), language) for metric in FIGURES_WITH_RULES],
        }
        for code, by_metric in sorted(by_model.items(), key=lambda item: model_page.model_place(findings, item[0]))
    ]


def bounds(findings: Row, language: Language) -> list[dict[str, Any]]:
    """Return the model's AUC and share reached for every other way of counting: subsets, bounds, other splits.

    The subsets of a split stand beside all its pupils, so that of a split with a small one no ``pupils`` and ``left`` are
    given; a figure of few is none.
    """
    default, newest = model_page.default_model(findings), model_page.newest_cohort(findings)
    lines: dict[tuple[str, str], dict[str, Row]] = {}
    for row in findings["evaluation"]:
        if str(row["cohort_on"]) == newest and row["model_code"] == default:
            lines.setdefault((row["split_code"], row["subset_code"]), {})[row["metric_code"]] = row
    lines.pop((model_page.headline_split(findings), "all"), None)
    counted = {key: next(iter(by_metric.values())) for key, by_metric in lines.items()}
    few = {key for key, row in counted.items() if model_page.are_few(row)}
    hidden = {split for split, _ in few}
    too_few = {"value": message("not enough data").in_language(language), "interval": ""}
    return [
        {
            "name": f"{words.words(words.SPLITS, split, language)}; {words.words(words.SUBSETS, subset, language).lower()}",
            "figures": [
                too_few if (split, subset) in few else shown(metric, by_metric.get(metric), language)
                for metric in ("auc", "recall_at_capacity")
            ],
            **{name: None if split in hidden else counted[split, subset][name] for name in ("pupils", "left")},
        }
        for (split, subset), by_metric in sorted(lines.items())
    ]


def answered(findings: Row, language: Language) -> list[dict[str, Any]]:
    """Return what people answered to proposals, a measure or risk a line, with its name; counts of few are None."""
    return [{**line, "name": _line_name(line, language)} for line in findings.get("feedback", ())]


def _line_name(line: Row, language: Language) -> str:
    code = line["line_code"]
    if line["line_kind"] == "measure":
        return measure_name(code, language)
    return f"{code} {risk_item(code).names.in_language(language)}"


def _whole(template: str, findings: Row, language: Language) -> str:
    newest = model_page.newest_cohort(findings)
    default = model_page.default_model(findings)
    drift = sorted(findings["drift"], key=lambda row: -(row["psi"] or 0))
    weights = sorted(findings["importance"], key=lambda row: -row["mean_absolute_contribution"])[:LARGEST_WEIGHTS]
    judged = verdicts(findings, language)
    return pages.render(
        template,
        language,
        findings=findings,
        run=findings["run"],
        model=default,
        newest=newest,
        split=model_page.headline_split(findings),
        purposes=intended.purposes(language),
        limits=intended.limits(language),
        verdicts=judged,
        answered=answered(findings, language),
        evidence=evidence.told(findings.get("effects", {}), language),
        ahead=[one for one in judged if one["state"] == "ahead"],
        headline=model_page.headline_figures(findings, language),
        figure_names=[words.words(words.FIGURES, metric, language) for metric in FIGURES_WITH_RULES],
        comparison=comparison(findings, language),
        bounds=bounds(findings, language),
        own=[
            {
                "name": words.words(words.FIGURES, metric, language),
                **shown(metric, _own(findings, metric, default), language),
            }
            for metric in FIGURES_OF_MODEL
        ],
        pictures={
            **model_page.about_pictures(findings, language),
            "missing": figures.missingness_bars(findings["missingness"], language),
            "weights": figures.bars(
                [
                    (texts.feature_name(row["feature_code"], language), row["mean_absolute_contribution"])
                    for row in weights
                ],
                message("What weighs most on average").in_language(language),
                language,
                is_share=False,
            ),
        },
        subgroups=model_page.without_small_numbers(model_page.subgroup_rows(findings["subgroup"], language)),
        n_min=DEFAULT_N_MIN,
        bands=pages.legend(findings["band"], findings["run"]["horizon_on"], language),
        drift=[
            {
                "name": texts.feature_name(row["feature_code"], language),
                "psi": numbers.fixed(row["psi"], language, 2),
                "now": numbers.percent(row["missing_share_now"], language, 1),
                "before": numbers.percent(row["missing_share_before"], language, 1),
                "is_worth_a_look": (row["psi"] or 0) > WORTH_A_LOOK_PSI,
            }
            for row in drift[:LARGEST_DRIFTS]
        ],
        drift_count=len(drift),
        cohort_uses={row["use_code"]: row for row in findings["cohorts"]},
        gates=[
            {
                "name": words.words(words.GATES, gate["code"], language),
                "found": numbers.number(gate["found"], language, 4),
                "limit": numbers.number(gate["limit"], language, 4),
                "is_passed": gate["is_passed"],
            }
            for gate in findings["gates"]
        ],
    )


def _own(findings: Row, metric: str, default: str) -> Row | None:
    return next((row for row in model_page.figures_of(findings, metric) if row["model_code"] == default), None)
