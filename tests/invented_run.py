"""A small invented published run, small enough to check by hand: what the portal's and the pages' tests read."""

from __future__ import annotations

import hashlib
import json
import random
from datetime import date, timedelta
from pathlib import Path

import invented_areas
import pyarrow as pa

from riskmodel.risk.feature import Feature
from riskmodel.runs import manifest
from riskmodel.runs.extracts import Schools
from riskmodel.runs.told import TABLES_OF_PUPILS
from riskmodel.settings import Settings
from riskmodel.tables.schema import Sensitivity
from riskmodel.views import extract

RUN = {
    "run_id": "2026-11-22-0123456789ab",
    "cut_off_on": "2026-11-22",
    "horizon_on": "2027-09-30",
    "published_on": "2026-11-23",
    "origin": "synthetic",
    "model_code": "boosting",
    "code_version": "0.1.0",
    "seed": 7,
}
BANDS = [
    {
        "band_code": "low",
        "lowest_probability": 0.0,
        "of_pupils": 100,
        "left_of_them": 1,
        "low": 0.006,
        "high": 0.013,
        "pupils": 3000,
        "left": 27,
    },
    {
        "band_code": "medium",
        "lowest_probability": 0.05,
        "of_pupils": 100,
        "left_of_them": 9,
        "low": 0.066,
        "high": 0.12,
        "pupils": 400,
        "left": 36,
    },
    {
        "band_code": "high",
        "lowest_probability": 0.15,
        "of_pupils": 10,
        "left_of_them": 3,
        "low": 0.22,
        "high": 0.37,
        "pupils": 160,
        "left": 47,
    },
]
WEEKS = [date(2026, 11, 16) - timedelta(days=7 * ago) for ago in reversed(range(24))]
MONTHS = [date(2026, month, 1) for month in range(2, 12)]
SPAN = extract.Span(WEEKS, MONTHS, {"run_id": "2026-05-15-0123456789ab", "cut_off_on": date(2026, 5, 15)})
FIRST_SPAN = extract.Span(WEEKS, MONTHS)
"""That of a run before which there is none."""

REASONS = [
    ("unexcused_lessons_8w", "attendance", True, 27.0, 4.0),
    ("mark_mean_points_year", "learning", True, 4.1, 6.3),
    ("low_subjects_year", "learning", True, 3.0, 0.0),
    ("absent_share_8w", "attendance", True, 0.18, 0.06),
    ("distance_km", "economic", True, 14.0, 3.0),
    ("stage_number", "context", False, 10.0, None),
    ("late_share_4w", "attendance", True, 0.01, 0.02),
]


def school_row(school_id: str, name: str, pupils: int, places: int, *, is_assumed: bool = True) -> dict:
    return {
        "school_id": school_id,
        "school_name": name,
        "school_kind": "general",
        "municipality_code": "LV0001000",
        "pupils": pupils,
        "places": places,
        "is_capacity_assumed": is_assumed,
        "band_low": 0,
        "band_medium": 0,
        "band_high": 0,
        "too_little_data": 0,
        "has_support_data": school_id != "102",
    }


def score_rows(count: int, places: int, seed: int) -> tuple[list[dict], list[dict]]:
    """Return score and reason rows of ``count`` pupils; the second has an unsure state, the last too little data."""
    source = random.Random(seed)
    scores, reasons = [], []
    for place in range(1, count + 1):
        pupil_id = f"{source.getrandbits(128):032x}"
        share = (place - 1) / max(count - 1, 1)
        band = "high" if share < 0.1 else "medium" if share < 0.3 else "low"
        parts = [(1.6 - 2.4 * share) * weight for weight in (1, 0.6, 0.4, 0.3, 0.2, 0.15, -0.2)]
        is_blank = place == count and count > 2
        for number, (part, reason) in enumerate(zip(parts, REASONS, strict=True), 1):
            code, group, malleable, own, usual = reason
            if group == "economic" and place % 3 == 0:
                own = usual = None
            reasons.append(
                {
                    "pupil_id": pupil_id,
                    "place": number,
                    "feature_code": code,
                    "group_code": group,
                    "is_malleable": malleable,
                }
                | {
                    "contribution": part,
                    "own_value": None if is_blank else own,
                    "usual_value": usual,
                    "usual_of": None if usual is None else "class",
                }
            )
        scores.append(
            {
                "pupil_id": pupil_id,
                "school_id": "x",
                "stage_kind": "grade",
                "stage_number": 9 if place % 2 else 10,
                "class_code": "9.a" if place % 2 else "10.b",
                "raw_score": -3.0 + sum(parts) + 0.05,
                "base_score": -3.0,
                "probability": 0.3 * (1 - share) + 0.002,
                "probability_low": None,
                "probability_high": None,
                "band_code": band,
                "state_code": "too_little_data" if is_blank else "unsure" if place == 2 else "scored",
                "place": place,
                "is_within_capacity": place <= places,
                "has_attendance_data": not is_blank,
                "has_learning_data": place % 5 != 0 and not is_blank,
                "has_economic_data": place % 3 != 0,
            }
        )
    return scores, reasons


def change_rows(scores: list[dict]) -> tuple[list[dict], list[dict]]:
    """Return rows of ``score_change`` and ``change_reason``: every kind of change, and pupils who have none."""
    changes, reasons = [], []
    for score in scores:
        place, pupil_id, band = score["place"], score["pupil_id"], score["band_code"]
        if score["state_code"] == "too_little_data" or place % 11 == 0:
            continue  # nothing to compare with: too little data now, or then
        kind = ("up", "down" if place > 6 else "up", "same", "new")[place % 4]
        before = {"up": "low", "down": "high", "same": band, "new": None}[kind]
        # A pupil who was in another school then has a band and no place.
        then = None if kind == "new" or place % 7 == 0 else place + {"up": 6, "down": -6, "same": 0}[kind]
        changes.append(
            {
                "pupil_id": pupil_id,
                "change_code": kind,
                "previous_band_code": before,
                "previous_place": None if then is None else max(then, 1),
            }
        )
        sign = {"up": 1, "down": -1}.get(kind, 0)
        told = ("unexcused_lessons_8w", "mark_mean_points_year", "stage_number")[: abs(sign) * (place % 3 + 1)]
        values = {
            "unexcused_lessons_8w": (6.0 if sign > 0 else 41.0, 27.0),
            "mark_mean_points_year": (None, 4.1),  # no data then
            "stage_number": (9.0, 10.0),
        }
        reasons += [
            {
                "pupil_id": pupil_id,
                "place": number,
                "feature_code": code,
                "contribution_change": sign * 0.9 / number,
                "before_value": values[code][0],
                "now_value": values[code][1],
            }
            for number, code in enumerate(told, 1)
        ]
    return changes, reasons


def what_if_rows(scores: list[dict]) -> list[dict]:
    """Return rows of ``what_if``: of one feature, of three and all together, and pupils for whom nothing is assumed."""
    rows = []
    for score in scores:
        place = score["place"]
        if score["state_code"] == "too_little_data" or (
            score["band_code"] == "low" and not score["is_within_capacity"]
        ):
            continue
        if place % 5 == 0:
            continue  # no value above the usual one
        single = [(code, own, usual) for code, _, is_malleable, own, usual in REASONS[:4] if is_malleable]
        single = single[:1] if place % 4 == 0 else single[:3]
        assumed = [*single, *([(None, None, None)] if len(single) > 1 else [])]
        for number, (code, own, usual) in enumerate(assumed, 1):
            probability = score["probability"] * (0.4 if code is None else 0.6 + 0.1 * number)
            band = "high" if probability >= 0.15 else "medium" if probability >= 0.05 else "low"
            rows.append(
                {
                    "pupil_id": score["pupil_id"],
                    "place": number,
                    "feature_code": code,
                    "own_value": own,
                    "assumed_value": usual,
                    "probability": probability,
                    "band_code": band,
                }
            )
    return rows


def trend_rows(scores: list[dict]) -> tuple[list[dict], list[dict]]:
    """Return rows of ``trend_week`` and ``trend_month``: no lessons in summer, gaps, and a pupil without any."""
    weeks, months = [], []
    for score in scores:
        place, pupil_id = score["place"], score["pupil_id"]
        if not score["has_attendance_data"]:
            continue
        for number, week_on in enumerate(WEEKS):
            is_holiday = date(2026, 6, 12) < week_on < date(2026, 8, 31) or week_on == date(2026, 10, 19)
            if is_holiday or (place % 6 == 0 and number % 4 == 0):
                continue
            weeks.append(
                {
                    "pupil_id": pupil_id,
                    "week_on": week_on,
                    "unexcused_lessons": max(number - 14, 0) * (31 - place) // 30 if place % 2 else 0,
                    "excused_lessons": (number * place) % 5,
                }
            )
        if not score["has_learning_data"]:
            continue
        for number, month_on in enumerate(MONTHS):
            if month_on.month not in {6, 7, 8}:
                months.append(
                    {
                        "pupil_id": pupil_id,
                        "month_on": month_on,
                        "mark_mean_points": round(7.5 - number * (31 - place) / 100, 2),
                        "marks": 3 + (number * place) % 9,
                    }
                )
    return weeks, months


def support_rows(scores: list[dict]) -> list[dict]:
    """Return rows of ``support_known``: a measure that goes on, one that is over, and pupils without any."""
    given = [("KA-PSI", date(2026, 9, 14), None), ("KA-PED", date(2026, 1, 12), date(2026, 5, 29))]
    return [
        {"pupil_id": score["pupil_id"], "measure_code": code, "from_on": from_on, "to_on": to_on}
        for score in scores
        if score["place"] % 4 == 1
        for code, from_on, to_on in (given if score["place"] % 8 == 1 else given[:1])
    ]


def school_file(
    school_id: str, name: str, count: int = 30, places: int = 3, *, is_first_run: bool = False, **run: object
) -> bytes:
    """Return the file of an invented school, as a run writes it; of the first run of a store, if ``is_first_run``."""
    scores, reasons = score_rows(count, places, int(school_id))
    scores = sorted((score | {"school_id": school_id} for score in scores), key=lambda score: score["pupil_id"])
    reasons.sort(key=lambda reason: (reason["pupil_id"], -abs(reason["contribution"]), reason["feature_code"]))
    features = [
        Feature(code, group, "share", "year", "", 0, (), is_malleable) for code, group, is_malleable, *_ in REASONS
    ]
    changes = ([], []) if is_first_run else change_rows(scores)
    support = [] if school_id == "102" else support_rows(scores)
    rows = [scores, reasons, *changes, what_if_rows(scores), *trend_rows(scores), support]
    tables = {
        table.name: pa.Table.from_pylist(own, schema=table.arrow_schema())
        for table, own in zip(TABLES_OF_PUPILS, rows, strict=True)
    }
    schools = Schools(RUN | run, features, BANDS, [], FIRST_SPAN if is_first_run else SPAN)
    ((_, text),) = schools.texts([school_row(school_id, name, count, places)], tables)
    return text


def school(school_id: str, name: str, count: int = 30, places: int = 3, **given: object) -> dict:
    """Return the extract of an invented school, as pages read it."""
    return extract.unfolded(json.loads(school_file(school_id, name, count, places, **given)))


def findings(**run: object) -> dict:
    """Return invented findings: two cohorts, the model, two rules, one challenger."""
    figures = {
        "auc": {
            "boosting": (0.86, 0.83, 0.89),
            "logistic": (0.85, 0.82, 0.88),
            "random": (0.5, 0.5, 0.5),
            "school_rate": (0.58, 0.54, 0.62),
        },
        "recall_at_capacity": {
            "boosting": (0.55, 0.46, 0.63),
            "logistic": (0.52, 0.43, 0.6),
            "random": (0.1, 0.1, 0.1),
            "school_rate": (0.17, 0.11, 0.23),
        },
        "precision_at_capacity": {
            "boosting": (0.17, 0.14, 0.2),
            "logistic": (0.16, 0.13, 0.19),
            "random": (0.03, 0.03, 0.03),
            "school_rate": (0.05, 0.03, 0.07),
        },
        "ece": {"boosting": (0.008, 0.004, 0.014)},
        "brier": {"boosting": (0.026, 0.022, 0.03)},
        "calibration_gap": {"boosting": (0.003, -0.002, 0.008)},
        "lead_days_median": {"boosting": (143, None, None)},
        "auc_gain": {"logistic": (0.01, -0.004, 0.024)},
        "recall_gain": {"logistic": (0.03, -0.01, 0.07)},
    }
    evaluation = [
        {
            "cohort_on": "2025-11-22",
            "split_code": "mature",
            "model_code": model,
            "subset_code": "all",
            "metric_code": metric,
        }
        | {"value": value, "low": low, "high": high, "pupils": 4180, "left": 121}
        for metric, models in figures.items()
        for model, (value, low, high) in models.items()
    ]
    subgroup = [
        {"cohort_on": "2025-11-22", "trait_code": trait, "group_value": group, "metric_code": metric, "value": value}
        | {"low": low, "high": high, "pupils": pupils, "left": left, "state_code": state}
        for trait, group, pupils, left, metric, value, low, high, state in (
            ("sex", "f", 2050, 48, "missed_share", 0.47, 0.33, 0.61, "enough"),
            ("sex", "f", 2050, 48, "false_alarm_share", 0.08, 0.07, 0.09, "enough"),
            ("sex", "m", 2130, 73, "missed_share", 0.43, 0.32, 0.55, "enough"),
            ("sex", "m", 2130, 73, "false_alarm_share", 0.09, 0.08, 0.1, "enough"),
            ("has_special_needs", "true", 96, 4, "missed_share", None, None, None, "not_enough"),
            ("has_special_needs", "true", 96, 4, "false_alarm_share", 0.14, 0.08, 0.23, "enough"),
        )
    ]
    calibration = [
        {
            "cohort_on": "2025-11-22",
            "model_code": "boosting",
            "bin_number": number,
            "mean_probability": predicted,
            "left_share": left,
        }
        | {"low": max(left - 0.012, 0), "high": left + 0.015, "pupils": 418, "left": round(418 * left)}
        for number, (predicted, left) in enumerate(
            (
                (0.003, 0.002),
                (0.005, 0.005),
                (0.008, 0.007),
                (0.01, 0.012),
                (0.013, 0.012),
                (0.018, 0.014),
                (0.025, 0.031),
                (0.04, 0.036),
                (0.07, 0.06),
                (0.14, 0.12),
            ),
            1,
        )
    ]
    return extract.findings_extract(
        RUN | run,
        evaluation=evaluation,
        subgroup=subgroup,
        calibration=calibration,
        coverage=[
            {"cohort_on": "2025-11-22", "class_code": "left", "aimed_share": 0.8, "covered_share": 0.79}
            | {"low": 0.71, "high": 0.85, "unsure_share": 0.21, "pupils": 121},
            {"cohort_on": "2025-11-22", "class_code": "stayed", "aimed_share": 0.8, "covered_share": 0.81}
            | {"low": 0.8, "high": 0.82, "unsure_share": 0.14, "pupils": 4059},
        ],
        band=BANDS,
        drift=[
            {
                "feature_code": "absent_share_8w",
                "psi": 0.04,
                "missing_share_now": 0.02,
                "missing_share_before": 0.03,
            },
            {
                "feature_code": "mark_mean_points_year",
                "psi": 0.12,
                "missing_share_now": 0.05,
                "missing_share_before": 0.01,
            },
        ],
        table_account=[
            {"table_name": "pupil", "read_rows": 4200, "used_rows": 4195, "quarantined_rows": 3, "merged_rows": 2},
            {
                "table_name": "attendance",
                "read_rows": 310_000,
                "used_rows": 309_400,
                "quarantined_rows": 120,
                "merged_rows": 480,
            },
        ],
        cohorts=[
            {
                "cohort_on": "2024-11-22",
                "horizon_on": "2025-09-30",
                "label_known_on": "2025-10-30",
                "pupils": 4120,
                "left": 118,
                "stayed": 3950,
                "censored": 52,
                "open": 0,
                "use_code": "train",
            },
            {
                "cohort_on": "2025-11-22",
                "horizon_on": "2026-09-30",
                "label_known_on": "2026-10-30",
                "pupils": 4230,
                "left": 121,
                "stayed": 4059,
                "censored": 50,
                "open": 0,
                "use_code": "test",
            },
            {
                "cohort_on": "2026-11-22",
                "horizon_on": "2027-09-30",
                "label_known_on": "2027-10-30",
                "pupils": 4195,
                "left": None,
                "stayed": None,
                "censored": None,
                "open": 4195,
                "use_code": "current",
            },
        ],
        capacity_curve=[
            {
                "model_code": model,
                "places_share": step / 20,
                "recall": (step / 20) ** power,
                "low": max((step / 20) ** power - 0.05, 0),
                "high": min((step / 20) ** power + 0.05, 1),
            }
            for model, power in (("boosting", 0.3), ("random", 1.0), ("school_rate", 0.75))
            for step in range(21)
        ],
        missingness=[
            {"group_code": "attendance", "no_data_share": 0.01},
            {"group_code": "learning", "no_data_share": 0.04},
            {"group_code": "economic", "no_data_share": 0.31},
        ],
        importance=[
            {"feature_code": code, "group_code": group, "mean_absolute_contribution": 0.5 / number}
            for number, (code, group, *_) in enumerate(REASONS, 1)
        ],
        assumptions=[{"code": "capacity_share", "value": 0.1, "count": 12}],
        notices=[
            {
                "table_name": "mark",
                "lv": "Zināms <vērtējuma> dienā.",
                "en": "Known on the day of the <mark>.",
            }
        ],
        gates=[
            {
                "code": "quarantined_share",
                "found": 0.0004,
                "limit": 0.01,
                "is_passed": True,
                "subjects": [],
                "count": 0,
            },
            {"code": "calibration_gap", "found": 0.003, "limit": 0.05, "is_passed": True, "subjects": [], "count": 0},
        ],
    )


SCHOOLS = {"101": "Kalnciema ielas vidusskola", "102": "Ādažu vidusskola", "103": "<script>alert(1)</script> skola"}


def publish(
    store: Path,
    run_id: str = RUN["run_id"],
    *,
    origin: str = "synthetic",
    schools: dict | None = None,
    pupils: int = 30,
) -> Path:
    """Write a run of a few schools, each of so many pupils, into a store, as a semester run leaves it, as ``current``."""
    named = SCHOOLS if schools is None else schools
    run = {"run_id": run_id, "origin": origin, "published_on": None}
    rows = [school_row(school_id, name, pupils, 3) for school_id, name in named.items()]
    contents = {
        "extracts/index.json": extract.index_extract(RUN | run, rows),
        "extracts/findings.json": findings(**run),
        "gates.json": [],
        "extracts/state.json": invented_areas.state(RUN | run),
        f"extracts/municipality/{invented_areas.CODE}.json": invented_areas.municipality(RUN | run, named),
    }
    texts = {name: json.dumps(content, allow_nan=False).encode() for name, content in contents.items()}
    for school_id, name in named.items():
        texts[f"extracts/school/{school_id}.json"] = school_file(school_id, name, pupils, **run)
    folder = store / "runs" / run_id
    files = {}
    for name, data in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        files[name] = manifest.FileEntry(
            sha256=hashlib.sha256(data).hexdigest(),
            bytes=len(data),
            sensitivity=Sensitivity.PERSONAL,
            is_deterministic=True,
        )
    written = manifest.Manifest(
        run_id=run_id,
        cut_off_date=date(2026, 11, 22),
        state="passed",
        predecessor=None,
        started_at="2026-11-23T08:00:00+00:00",
        finished_at="2026-11-23T08:05:00+00:00",
        sources=(manifest.Source(delivery_id="d1", delivered_on=date(2026, 11, 22), origin=origin, sha256="0" * 64),),
        parameters=Settings(cut_off_date=date(2026, 11, 22)).model_dump(mode="json"),
        capacity=None,
        seed=7,
        threads=1,
        code=manifest.Code(version="0.1.0", sha256="0" * 64, lock_sha256="0" * 64),
        environment={},
        rows={},
        steps=(),
        files=files,
        result_sha256="0" * 64,
    )
    (folder / "manifest.json").write_bytes(written.to_bytes())
    link = store / "current"
    link.unlink(missing_ok=True)
    link.symlink_to(Path("runs") / run_id)
    return folder
