"""A model learns only from outcomes that were known: which cohorts teach, and what is said when none may."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from riskmodel.errors import RunFailedError
from riskmodel.risk.calibration import Calibrator
from riskmodel.risk.features import FEATURES
from riskmodel.risk.label import Window
from riskmodel.risk.predicted import Predicted
from riskmodel.runs.judging import capacity_of
from riskmodel.runs.parts import WORKERS
from riskmodel.runs.predictions import predicted_parts, read_prediction
from riskmodel.runs.semester import SemesterRun
from riskmodel.runs.teaching import Cohorts, Learning
from riskmodel.runs.training import Past, read_model, train
from riskmodel.tables.scores import PREDICTION

PUPILS = 160
CODES = [feature.code for feature in FEATURES]
LEARNING = Learning(seed=7, threads=1, score_with_protected=False, support_aware=True)


def invented(folder: Path, years: list[int], cut_off: date, *, delay_days: int = 30) -> SemesterRun:
    """Return a run with a cohort on 20 December of each year: one feature says who leaves, four schools."""
    chance = np.random.default_rng(1)
    cohorts, features, traits = [], [], []
    for year in years:
        day = pd.Timestamp(year, 12, 20)
        pupil = [f"{year}{number:028d}" for number in range(PUPILS)]
        absent = chance.uniform(size=PUPILS)
        horizon = pd.Timestamp(year + 1, 9, 30)
        known_on = horizon + pd.Timedelta(days=delay_days)
        is_open = known_on.date() > cut_off
        left = pd.Series(chance.uniform(size=PUPILS) < absent / 2).astype("Int64")
        cohorts.append(
            pd.DataFrame(
                {
                    "cohort_on": day,
                    "pupil_id": pupil,
                    "school_id": [str(number % 4) for number in range(PUPILS)],
                    "school_year_on": pd.Timestamp(year, 9, 1),
                    "horizon_on": horizon,
                    "label_known_on": known_on,
                    "label": left if not is_open else left.mask(left.notna()),
                }
            )
        )
        empty = pd.DataFrame(np.nan, index=range(PUPILS), columns=CODES)
        features.append(empty.assign(absent_share_year=absent, cohort_on=day, pupil_id=pupil))
        traits.append(pd.DataFrame({"cohort_on": day, "pupil_id": pupil, "was_supported": False}))
    (folder / "tables").mkdir(parents=True)
    for name, parts in (("cohort", cohorts), ("feature", features), ("trait", traits)):
        pd.concat(parts).to_parquet(folder / "tables" / f"{name}.parquet")
    return SemesterRun(folder, cut_off, {"sources": []})


def test_without_an_earlier_cohort_it_is_said_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(RunFailedError, match=r"no earlier cohort at all.*Deliver earlier school years") as refused:
        train(invented(tmp_path, [2024], date(2024, 12, 20)), LEARNING)
    assert refused.value.exit_code == 4


def test_an_earlier_cohort_whose_outcomes_are_not_yet_known_teaches_nothing(tmp_path: Path) -> None:
    run = invented(tmp_path, [2023, 2024], date(2024, 12, 20), delay_days=90)
    with pytest.raises(RunFailedError, match="become known on 2024-12-29"):
        train(run, LEARNING)


FOUR_YEARS = [2021, 2022, 2023, 2024]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[SemesterRun, pd.DataFrame]:
    run = invented(tmp_path_factory.mktemp("run"), FOUR_YEARS, date(2024, 12, 20))
    train(run, replace(LEARNING, full=True))
    return run, run.read("prediction")


def test_every_past_cohort_with_a_matured_earlier_one_is_predicted_and_the_first_is_not(
    trained: tuple[SemesterRun, pd.DataFrame],
) -> None:
    _, predictions = trained
    ours = predictions[predictions["model_code"] == "boosting"].groupby("split_code")["cohort_on"].unique()
    years = {split: sorted(pd.Timestamp(day).year for day in days) for split, days in ours.items()}
    assert years == {"mature": [2022, 2023], "strict": [2023], "school_disjoint": [2023]}


def test_challengers_and_rules_score_the_same_pupils_as_the_default_model(
    trained: tuple[SemesterRun, pd.DataFrame],
) -> None:
    _, predictions = trained
    newest = predictions[
        (pd.to_datetime(predictions["cohort_on"]) == "2023-12-20") & (predictions["split_code"] == "mature")
    ]
    by_model = newest.groupby("model_code")["pupil_id"].agg(frozenset)
    assert {"boosting", "boosting_free", "logistic", "ebm", "forest", "random", "school_rate"} <= set(by_model.index)
    assert by_model.nunique() == 1


def test_the_stored_model_reads_no_protected_trait_and_was_taught_by_matured_cohorts_alone(
    trained: tuple[SemesterRun, pd.DataFrame],
) -> None:
    run, _ = trained
    model, calibrator = read_model(run)
    assert not {feature.code for feature in FEATURES if feature.is_protected} & set(model.feature_codes)
    assert run.read_json("model/model.json")["taught_by"] == ["2021-12-20", "2022-12-20", "2023-12-20"]
    assert calibrator.pupils == 2 * PUPILS


def test_in_the_first_years_a_score_means_what_it_meant_in_other_schools() -> None:
    day = date(2023, 12, 20)
    past = Past([Window(day, date(2023, 9, 1), date(2024, 9, 30), 30, date(2023, 9, 1))], is_support_aware=False)
    assert past.calibrator() == Calibrator()
    for pupils, split_code, expected in ((200, "school_disjoint", 200), (300, "mature", 300), (400, "strict", 300)):
        label = np.where(np.arange(pupils + 50) < pupils, np.arange(pupils + 50) % 2, np.nan)
        names = pd.Series(np.arange(pupils + 50).astype(str))
        raw = np.zeros(len(label))
        past.keep(Predicted(day, split_code, names, names, label, {"boosting": (raw, raw)}))
        assert past.calibrator().pupils == expected  # of the others nobody knows what became


def test_places_are_those_stated_then_those_delivered_then_a_share() -> None:
    place = pd.DataFrame({"school_id": ["1", "2"], "places": pd.array([3, None], dtype="Int64")})
    school_of = pd.Series(["1"] * 20 + ["2"] * 20)
    assert capacity_of(place, 0.1, 0).by_school(school_of) == {"1": 3, "2": 2}
    assert capacity_of(place, 0.1, 5).by_school(school_of) == {"1": 5, "2": 5}


def digests(run: SemesterRun) -> list[bytes]:
    return [(run.folder / name).read_bytes() for name in ("tables/prediction.parquet", "model/model.txt")]


def test_rows_that_are_kept_stay_as_they_are_when_the_next_cohort_is_read(tmp_path: Path) -> None:
    cohorts = Cohorts(invented(tmp_path, FOUR_YEARS, date(2024, 12, 20)), LEARNING)
    kept = cohorts.rows(date(2021, 12, 20)).only(np.ones(PUPILS, dtype=bool)).features
    before = kept.copy(deep=True)
    read_after = cohorts.rows(date(2022, 12, 20)).features
    pd.testing.assert_frame_equal(kept, before)
    assert not read_after.equals(before)


def test_features_stand_beside_their_pupils_whatever_order_they_were_written_in(tmp_path: Path) -> None:
    run, day = invented(tmp_path, FOUR_YEARS, date(2024, 12, 20)), date(2022, 12, 20)
    in_order = Cohorts(run, LEARNING).pupils(day).features.copy(deep=True)
    path = run.tables / "feature.parquet"
    pd.read_parquet(path).sample(frac=1, random_state=1).to_parquet(path)
    pd.testing.assert_frame_equal(Cohorts(run, LEARNING).pupils(day).features, in_order)


def test_how_many_fits_stand_side_by_side_changes_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for workers in ("1", "3"):
        monkeypatch.setenv(WORKERS, workers)
        run = invented(tmp_path / workers, FOUR_YEARS, date(2024, 12, 20))
        train(run, LEARNING)
        found.append(digests(run))
    assert found[0] == found[1]


def test_without_the_slow_ones_every_matured_cohort_has_model_logistic_and_rules(tmp_path: Path) -> None:
    run = invented(tmp_path, FOUR_YEARS, date(2024, 12, 20))
    brief = train(run, LEARNING)
    found = brief.groupby(["cohort_on", "split_code"])["model_code"].agg(frozenset)
    usual = {"boosting", "logistic", "random", "school_rate", "absence_over_10"}
    assert [(day.year, split) for day, split in found.index] == [(2022, "mature"), (2023, "mature"), (2023, "strict")]
    assert all(codes == usual for codes in found)


def test_in_the_first_year_other_schools_say_what_a_score_means(tmp_path: Path) -> None:
    run = invented(tmp_path, [2023, 2024], date(2024, 12, 20))
    brief = train(run, LEARNING)
    assert brief[["split_code", "model_code"]].to_numpy().tolist() == [["school_disjoint", "boosting"]]
    assert read_model(run)[1].pupils == PUPILS


def test_a_bound_on_rows_teaches_by_fewer_and_still_says_how_many_leave(tmp_path: Path) -> None:
    every, some = (invented(tmp_path / name, FOUR_YEARS, date(2024, 12, 20)) for name in ("every", "some"))
    train(every, LEARNING)
    brief = train(some, replace(LEARNING, most_rows=120))
    described = some.read_json("model/model.json")
    assert described["left_share"] < 1 or described["stayed_share"] < 1
    assert every.read_json("model/model.json")["stayed_share"] == 1.0
    ours = brief[brief["model_code"] == "boosting"]
    assert (ours["mean_probability"] - ours["left"] / ours["pupils"]).abs().max() < 0.12


def test_predictions_are_read_as_they_were_written_and_as_declared(trained: tuple[SemesterRun, pd.DataFrame]) -> None:
    run, table = trained
    assert tuple(table.columns) == PREDICTION.column_names
    assert not table.duplicated(list(PREDICTION.key)).any()
    assert table[list(PREDICTION.key)].equals(table[list(PREDICTION.key)].sort_values(list(PREDICTION.key)))
    parts_read = [read_prediction(run.tables, number) for number in range(len(predicted_parts(run.tables)))]
    assert [(one.cohort_on, one.split_code) for one in parts_read] == predicted_parts(run.tables)
    assert sum(len(one.label) * len(one.by_model) for one in parts_read) == len(table)
    last = parts_read[-1]
    rows = table[(table["split_code"] == last.split_code) & (table["model_code"] == "boosting")]
    np.testing.assert_array_equal(last.by_model["boosting"][0], rows["raw_score"])
    assert last.pupil_id.tolist() == rows["pupil_id"].tolist()
    for code in (*last.by_model, "nobody"):
        alone = read_prediction(run.tables, len(parts_read) - 1, code)
        np.testing.assert_array_equal(alone.by_model.get(code, ()), last.by_model.get(code, ()))
        assert set(alone.by_model) == {code} & set(last.by_model)
        assert alone.school_id.equals(last.school_id)
