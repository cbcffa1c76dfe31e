"""The report of the national run: which figures it gives, and that they add up."""

from __future__ import annotations

import json
import threading
import time

import lightgbm
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from riskmodel.bench import national, yardstick
from riskmodel.bench.children import Cost
from riskmodel.bench.country import Country, plan_of
from riskmodel.runs import journal


@pytest.fixture
def report(tmp_path):
    """Return the report of a command of 100 s: ingest 40 s, two steps of 30 and 20 s with 2 and 1 s of start-up."""
    delivery, run = tmp_path / "deliveries" / "2024-25", tmp_path / "store" / "runs" / "some"
    for folder in (delivery, run):
        folder.mkdir(parents=True)
    (delivery / "mapping.yaml").write_text("")
    pq.write_table(pa.table({"lesson_number": list(range(1, 8))}), delivery / "attendance.parquet")
    log = tmp_path / "store" / journal.LOG_NAME
    with national._Received(log) as received:
        journal.record(log, event="received", delivery_id="a", seconds=40.0)
        while not received.ingest_seconds:
            time.sleep(0.01)
        time.sleep(0.05)
    for step, seconds, start in (("10_tables", 30.0, 2.0), ("20_features", 20.0, 1.0)):
        measured = {"seconds": seconds, "start_seconds": start, "cpu_seconds": 1.5 * seconds, "peak_mb": 900.0}
        journal.record(run / journal.LOG_NAME, event="step_done", step=step, **measured)
    cost = Cost(100.0, 150.0, 1900.0, json.dumps({"folder": str(run), "state": "published"}))
    return national._report(Country(tmp_path, plan_of(2000, 2)), cost, received)


def test_the_report_of_the_national_run_has_the_agreed_keys(report):
    assert {name: report[name] for name in ("pupils", "lesson_rows", "peak_mb", "cpu_seconds")} == {
        "pupils": 2000,
        "lesson_rows": 7,
        "peak_mb": 1900.0,
        "cpu_seconds": 150.0,
    }
    assert [step["step"] for step in report["steps"]] == ["10_tables", "20_features"]
    assert [(step["cpu_seconds"], step["peak_mb"]) for step in report["steps"]] == [(45.0, 900.0), (30.0, 900.0)]


def test_ingest_and_the_rest_add_up_to_the_whole_and_the_start_of_notebooks_is_shown(report):
    assert (report["total_seconds"], report["ingest_seconds"], report["notebook_seconds"]) == (100.0, 40.0, 3.0)
    assert report["rest_seconds"] == 60.0
    assert report["after_ingest_seconds"] >= 0.05
    assert report["command_seconds"] + report["after_ingest_seconds"] == pytest.approx(60.0)


def test_the_run_is_told_as_a_multiple_of_fits_alone_before_and_after_it():
    assert national._in_yardsticks(100.0, 50.0, (22.0, 18.0)) == {
        "yardstick_seconds": 20.0,
        "yardstick_seconds_range": [18.0, 22.0],
        "total_in_yardsticks": 5.0,
        "after_ingest_in_yardsticks": 2.5,
    }


def test_the_yardstick_is_the_time_of_six_fits_some_of_them_at_once(monkeypatch):
    asked, at_work, most, one_at_a_time = [], [], [], threading.Lock()

    def fit(_library, rows, label, seed):
        with one_at_a_time:
            at_work.append(seed)
            most.append(len(at_work))
        time.sleep(0.05)
        with one_at_a_time:
            at_work.remove(seed)
            asked.append((rows.shape, label.shape, seed))

    monkeypatch.setattr(yardstick, "_fit", fit)
    seconds = yardstick.yardstick_seconds(300, 2)
    assert sorted(asked) == [((300, yardstick.FEATURES), (300,), seed) for seed in range(6)]
    assert max(most) == 2
    assert seconds >= 0.15
    monkeypatch.setattr(yardstick, "MOST_ROWS", 200)
    asked.clear()
    yardstick.yardstick_seconds(300, 2)
    assert {label for _, label, _ in asked} == {(200,)}


def test_a_fit_of_the_yardstick_finds_what_drives_its_label(monkeypatch):
    learnt = []
    train = lightgbm.train
    monkeypatch.setattr(lightgbm, "train", lambda *given, **more: learnt.append(train(*given, **more)))
    yardstick._fit(lightgbm, *yardstick._drawn(5_000), 0)
    (fitted,) = learnt
    assert (fitted.num_trees(), fitted.num_feature()) == (yardstick.TREES, yardstick.FEATURES)
    gains = fitted.feature_importance("gain")
    assert gains[: yardstick.DRIVERS].sum() > gains[yardstick.DRIVERS :].sum()


def test_a_run_of_which_no_delivery_was_noticed_has_no_report(tmp_path):
    with pytest.raises(ValueError, match="received its delivery"), national._Received(tmp_path / journal.LOG_NAME):
        pass
