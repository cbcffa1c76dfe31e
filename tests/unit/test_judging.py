"""Figures on past cohorts: the same whoever measures them, under the agreed names, on tables that stand side by side."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from riskmodel.errors import RunFailedError
from riskmodel.risk.explanation import DAYS_IN_SCHOOL, NEEDED_GROUPS
from riskmodel.risk.features import FEATURES
from riskmodel.risk.predicted import Predicted
from riskmodel.runs import spreads
from riskmodel.runs.judging import HEADLINES, Judging, judge
from riskmodel.runs.members import Members
from riskmodel.runs.parts import WORKERS
from riskmodel.runs.predictions import PredictionWriter
from riskmodel.runs.semester import SemesterRun

PUPILS, SCHOOLS = 400, 12
YEARS = [2021, 2022, 2023, 2024]
JUDGING = Judging(
    seed=7,
    bootstrap_replicates=64,
    capacity_share=0.1,
    capacity_places=0,
    unsure_share=0.2,
    new_pupil_days=28,
    support_aware=True,
)
TABLES = ("evaluation", "calibration", "subgroup", "fairness", "fairness_cause", "band", "drift", "coverage")


def invented(folder: Path) -> SemesterRun:
    """Return a run with four cohorts of 400 pupils, half of whom stay on each year; two of them are predicted."""
    chance = np.random.default_rng(3)
    cohorts, traits, features = [], [], []
    (folder / "tables").mkdir(parents=True)
    with PredictionWriter(folder / "tables") as writer:
        for place, year in enumerate(YEARS):
            day = date(year, 12, 20)
            pupil = [f"p{number:06d}" for number in range(place * PUPILS // 2, place * PUPILS // 2 + PUPILS)]
            school = pd.Series([f"s{number:02d}" for number in chance.integers(0, SCHOOLS, PUPILS)])
            absent = chance.uniform(size=PUPILS)
            has_left = chance.uniform(size=PUPILS) < absent / 3
            is_open = year == YEARS[-1]
            label = np.where(is_open | (chance.uniform(size=PUPILS) < 0.1), np.nan, has_left)
            horizon = pd.Timestamp(year + 1, 9, 30)
            keys = pd.DataFrame({"cohort_on": pd.Timestamp(day), "pupil_id": pupil})
            cohorts.append(
                keys.assign(
                    school_id=school,
                    school_year_on=pd.Timestamp(year, 9, 1),
                    horizon_on=horizon,
                    label_known_on=horizon + pd.Timedelta(days=30),
                    outcome_class="open" if is_open else "continuing",
                    label=pd.array(label, dtype="Int64"),
                    left_on=pd.Series(pd.Timestamp(year + 1, 3, 1), index=range(PUPILS)).where(label == 1),
                )
            )
            traits.append(
                keys.assign(
                    was_supported=chance.uniform(size=PUPILS) < 0.1,
                    sex=np.where(chance.uniform(size=PUPILS) < 0.5, "f", "m"),
                    first_language=["ru" if number < 10 else "lv" for number in range(PUPILS)],
                    has_special_needs=chance.uniform(size=PUPILS) < 0.2,
                    low_income=pd.Series(chance.uniform(size=PUPILS) < 0.5).where(np.arange(PUPILS) % 3 > 0),
                    stage_kind="basic",
                    school_kind="general",
                    instruction_language=pd.Series([None] * PUPILS, dtype="string"),
                    area_kind=np.where(school < "s06", "city", "county"),
                    municipality_code="LV-" + school.str[1:],
                )
            )
            empty = pd.DataFrame(np.nan, index=range(PUPILS), columns=[feature.code for feature in FEATURES])
            features.append(keys.join(empty.assign(absent_share_year=absent, late_share_year=np.round(absent, 1))))
            if year in (2022, 2023):
                raw = absent * 3 - 3
                by_model = {"boosting": (raw, 1 / (1 + np.exp(-raw))), "random": (raw * 0, np.full(PUPILS, 0.15))}
                writer.write(Predicted(day, "mature", pd.Series(pupil), school, label, by_model))
    place = pd.DataFrame({"school_id": sorted(f"s{number:02d}" for number in range(SCHOOLS))})
    account = pd.DataFrame({"table_name": ["mark"], "read_rows": 3, "used_rows": 2, "quarantined_rows": 1})
    tables = {
        "cohort": pd.concat(cohorts),
        "trait": pd.concat(traits),
        "feature": pd.concat(features),
        "place": place.assign(places=pd.array([None] * SCHOOLS, dtype="Int64")),
        "table_account": account.assign(merged_rows=0),
    }
    for name, rows in tables.items():
        days = rows.select_dtypes("datetime").columns
        rows.assign(**{day: rows[day].dt.date for day in days}).to_parquet(
            folder / "tables" / f"{name}.parquet", index=False
        )
    return SemesterRun(folder, date(2024, 12, 20), {"sources": []})


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> SemesterRun:
    run = invented(tmp_path_factory.mktemp("runs") / "run")
    judge(run, JUDGING)
    return run


def test_the_number_of_workers_changes_no_byte(
    judged: SemesterRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for workers in ("1", "3"):
        monkeypatch.setenv(WORKERS, workers)
        again = invented(tmp_path / workers)
        judge(again, JUDGING)
        for name in TABLES:
            path = f"tables/{name}.parquet"
            assert (again.folder / path).read_bytes() == (judged.folder / path).read_bytes()
        assert (again.folder / "metrics.json").read_bytes() == (judged.folder / "metrics.json").read_bytes()


def test_the_headlines_stand_for_the_model_for_each_baseline_and_for_each_group(judged: SemesterRun) -> None:
    metrics = json.loads((judged.folder / "metrics.json").read_text("utf-8"))
    groups = metrics["subgroups"]
    for figures in (metrics, metrics["baselines"]["random"], groups["sex"]["f"], groups["low_income"]["no_data"]):
        for name in HEADLINES:
            assert {"value", "low", "high"} <= figures[name].keys()
            assert 0 <= figures[name]["low"] <= figures[name]["high"] <= 1
            assert 0 <= figures[name]["value"] <= 1
    female = groups["sex"]["f"]
    assert female["recall_at_capacity"]["value"] == pytest.approx(1 - female["missed_share"]["value"])
    assert female["precision_at_capacity"] == female["precision"]


def test_a_group_of_ten_has_no_headline(judged: SemesterRun) -> None:
    metrics = json.loads((judged.folder / "metrics.json").read_text("utf-8"))
    few = metrics["subgroups"]["first_language"]["ru"]
    assert {(few[name]["value"], few[name]["state"]) for name in HEADLINES} == {(None, "not_enough")}


def test_those_who_taught_in_an_earlier_cohort_are_told_from_those_not_seen_before(judged: SemesterRun) -> None:
    cohort = judged.read("cohort")
    known = cohort[cohort["label"].notna()]
    taught = set(known.loc[known["cohort_on"] < "2023-01-01", "pupil_id"])
    now = known[known["cohort_on"] == "2023-12-20"]
    evaluation = judged.read("evaluation")
    fresh = evaluation[(evaluation["cohort_on"] == "2023-12-20") & (evaluation["subset_code"] == "not_seen_before")]
    assert set(fresh["pupils"]) == {int((~now["pupil_id"].isin(taught)).sum())}


def test_a_day_of_leaving_is_counted_from_the_cut_off(judged: SemesterRun) -> None:
    members = Members.of(judged)
    rows = np.arange(PUPILS, 2 * PUPILS)
    days = members.lead_days(date(2022, 12, 20), rows)
    assert set(days[~np.isnan(days)]) == {(date(2023, 3, 1) - date(2022, 12, 20)).days}
    np.testing.assert_array_equal(~np.isnan(days), members.label[rows] == 1)


def test_pupils_in_another_order_are_found_in_their_rows(judged: SemesterRun) -> None:
    members = Members.of(judged)
    turned = pa.array([f"p{number:06d}" for number in reversed(range(PUPILS // 2, PUPILS // 2 + PUPILS))])
    rows = members.rows_of(judged, date(2022, 12, 20), turned)
    assert rows.tolist() == list(reversed(range(PUPILS, 2 * PUPILS)))


def test_the_features_without_any_value_are_counted_by_group(judged: SemesterRun) -> None:
    metrics = json.loads((judged.folder / "metrics.json").read_text("utf-8"))
    share = {group["group_code"]: group["no_data_share"] for group in metrics["missingness"]}
    groups = {feature.code: feature.group for feature in FEATURES}
    assert share[groups["absent_share_year"]] == 0
    assert share[groups["mark_mean_points_year"]] == 1


@pytest.mark.parametrize("name", ["trait", "feature"])
def test_a_table_that_stands_in_another_order_than_the_cohorts_is_refused(tmp_path: Path, name: str) -> None:
    run = invented(tmp_path / "run")
    rows = run.read(name)
    rows.iloc[::-1].to_parquet(run.tables / f"{name}.parquet", index=False)
    with pytest.raises(RunFailedError, match="side by side"):
        judge(run, JUDGING)


def test_the_first_pieces_of_features_hold_all_that_tells_of_too_little_data():
    needed, others = spreads.pieces()
    told = [code for piece in needed for code in piece]
    assert sorted([*told, *(code for piece in others for code in piece)]) == sorted(one.code for one in FEATURES)
    assert set(told) >= {one.code for one in FEATURES if one.group in NEEDED_GROUPS} | {DAYS_IN_SCHOOL}
