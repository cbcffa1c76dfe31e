"""A run of some hundred invented pupils in two cohorts, written as a semester run leaves it, without making one."""

from __future__ import annotations

import hashlib
import json
import random
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from riskmodel.risk.evaluation import DEFAULT_MODEL
from riskmodel.risk.features import FEATURES
from riskmodel.runs import manifest
from riskmodel.runs.parquet import write_table, write_wide
from riskmodel.runs.steps import INPUTS
from riskmodel.settings import Settings
from riskmodel.tables.figures import SCHOOL_SUMMARY
from riskmodel.tables.schema import Sensitivity
from riskmodel.tables.scores import COHORT, PREDICTION, REASON, SCORE

RUN_ID = "2024-12-20-0123456789ab"
COHORTS = (date(2023, 12, 19), date(2024, 12, 20))
SCHOOLS = {
    "101": ("general", "LV0001000", 260),
    "102": ("vocational", "LV0002000", 130),
    "103": ("general", "LV0003000", 40),
}
NAME = "Kalnciema ielas vidusskola"


def _pupils(source: random.Random) -> list[dict]:
    return [
        {
            "pupil_id": f"{source.getrandbits(128):032x}",
            "school_id": school_id,
            "stage_kind": "grade" if kind == "general" else "vet_year",
            "stage_number": source.randint(5, 12) if kind == "general" else source.randint(1, 4),
            "class_code": "a",
            "municipality_code": municipality,
            "sex": source.choice("fm"),
            "first_language": source.choices(["lv", "ru", "pl", "uk", None], [75, 18, 3, 2, 2])[0],
            "has_special_needs": source.choices([False, True, None], [90, 7, 3])[0],
            "low_income": source.choices([False, True, None], [80, 15, 5])[0],
        }
        for school_id, (kind, municipality, count) in SCHOOLS.items()
        for _ in range(count)
    ]


def _frames(seed: int) -> dict[str, pd.DataFrame]:
    source, numbers = random.Random(seed), np.random.default_rng(seed)
    pupils = pd.DataFrame(_pupils(source))
    both = pd.concat([pupils.assign(cohort_on=on) for on in COHORTS], ignore_index=True)
    is_now = both["cohort_on"] == COHORTS[1]
    left = numbers.random(len(both)) < 0.08
    both = both.assign(
        cohort_on=pd.to_datetime(both["cohort_on"]),
        school_year_on=pd.to_datetime(both["cohort_on"].map(lambda on: date(on.year, 9, 1))),
        horizon_on=pd.to_datetime(both["cohort_on"].map(lambda on: date(on.year + 1, 9, 30))),
        label_known_on=pd.to_datetime(both["cohort_on"].map(lambda on: date(on.year + 1, 10, 30))),
        outcome_class=np.where(is_now, "open", np.where(left, "left", "continuing")),
        label=pd.array(np.where(is_now, None, left.astype(int)), "Int64"),
        left_on=pd.NaT,
        was_supported=False,
    )
    features = {
        feature.code: np.where(numbers.random(len(both)) < 0.1, np.nan, numbers.gamma(2, 3, len(both)))
        for feature in FEATURES
    }
    features["age_years"] = np.where(numbers.random(len(both)) < 0.02, 25.0, 15.0) + numbers.random(len(both))
    wide = both[["cohort_on", "pupil_id"]].assign(**features)
    score = pupils.assign(
        raw_score=numbers.normal(-3, 1, len(pupils)),
        base_score=-3.0,
        probability=numbers.random(len(pupils)),
        probability_low=np.nan,
        probability_high=np.nan,
        band_code="low",
        state_code="scored",
        place=pupils.groupby("school_id").cumcount() + 1,
        is_within_capacity=False,
        **{f"has_{group}_data": True for group in ("attendance", "learning", "economic")},
    )
    past = both[~is_now].assign(split_code="mature", model_code=DEFAULT_MODEL, raw_score=-3.0, probability=0.1)
    reasons = [
        {"pupil_id": pupil_id, "place": place, "feature_code": code, "group_code": group, "is_malleable": True}
        | {"contribution": 1.0 / place, "own_value": 1.0, "usual_value": 2.0, "usual_of": "class"}
        for pupil_id in pupils["pupil_id"]
        for place, (code, group) in enumerate(
            [("low_income", "economic"), ("absent_share_8w", "attendance"), ("mark_mean_points_year", "learning")], 1
        )
    ]
    summary = [
        {"school_id": school_id, "school_name": NAME, "school_kind": kind, "municipality_code": municipality}
        | {"pupils": count, "places": 3, "is_capacity_assumed": True, "has_support_data": False}
        | {"band_low": count, "band_medium": 0, "band_high": 0, "too_little_data": 0}
        for school_id, (kind, municipality, count) in SCHOOLS.items()
    ]
    traits = ["sex", "first_language", "has_special_needs", "low_income", "stage_kind", "was_supported"]
    return {
        "cohort": both[list(COHORT.column_names)],
        "trait": both[["cohort_on", "pupil_id", *traits]],
        "feature": wide,
        "score": score[list(SCORE.column_names)],
        "prediction": past[list(PREDICTION.column_names)],
        "reason": pd.DataFrame(reasons),
        "school_summary": pd.DataFrame(summary),
    }


def publish_small(store: Path, *, state: str = "passed", origin: str = "real", is_current: bool = True) -> Path:
    """Write the run into a store; return its folder."""
    folder = store / "runs" / RUN_ID
    tables = folder / "tables"
    tables.mkdir(parents=True)
    frames = _frames(seed=5)
    for table in (COHORT, SCORE, PREDICTION, REASON, SCHOOL_SUMMARY):
        write_table(tables, table, frames[table.name])
    for name in ("trait", "feature"):
        write_wide(tables, name, frames[name])
    (folder / "metrics.json").write_text(json.dumps({"split_code": "mature"}))
    source = {"delivery_id": "d1", "delivered_on": "2024-12-20", "origin": origin, "sha256": "0" * 64}
    (folder / INPUTS).write_text(json.dumps({"sources": [source]}))
    files = {
        path.relative_to(folder).as_posix(): manifest.FileEntry(
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            bytes=path.stat().st_size,
            sensitivity=Sensitivity.PERSONAL,
            is_deterministic=True,
        )
        for path in folder.rglob("*")
        if path.is_file()
    }
    written = manifest.Manifest(
        run_id=RUN_ID,
        cut_off_date=COHORTS[1],
        state=state,
        predecessor=None,
        started_at="2024-12-21T08:00:00+00:00",
        finished_at="2024-12-21T08:05:00+00:00",
        sources=(manifest.Source(**source | {"delivered_on": COHORTS[1]}),),
        parameters=Settings(cut_off_date=COHORTS[1]).model_dump(mode="json"),
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
    (folder / manifest.MANIFEST_NAME).write_bytes(written.to_bytes())
    if is_current:
        (store / "current").symlink_to(Path("runs") / RUN_ID)
    return folder
