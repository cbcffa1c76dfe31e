"""Public data take the way of every delivery: fetched, run, published, with papers and findings of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from riskmodel.runs.law import PAPERS
from riskmodel.runs.manifest import verify


def _riskmodel(*arguments: str | Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "riskmodel", *map(str, arguments)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.public_data
@pytest.mark.slow
def test_oulad_is_fetched_run_and_published_with_its_groups_verdict_and_papers(tmp_path: Path, public_folder):
    delivery, store = tmp_path / "oulad", tmp_path / "store"
    _riskmodel("fetch", "oulad", "--to", delivery, "--from", public_folder / "oulad")
    # A newcomer's words, as they stand in the README.
    settings = ("--settings", delivery / "settings.toml")
    _riskmodel("run", "--delivery", delivery, "--cut-off", "2014-11-30", *settings, "--store", store)
    run = (store / "current").resolve()
    assert verify(run).state == "passed"
    assert all((run / "report" / f"{name}_lv.html").exists() for name in PAPERS)
    told = json.loads((run / "effects.json").read_text("utf-8"))
    assert told["effect"] == []  # nobody was given a measure: nothing is claimed
    assert told["verdicts"]["state"]["verdict_code"] != "too_few"
    audited = pd.read_parquet(run / "tables" / "fairness.parquet")
    assert {"sex", "has_special_needs"} <= set(audited["trait_code"])
    missed = audited[(audited["metric_code"] == "missed_share") & (audited["trait_code"] == "sex")]
    assert (missed["low"] < missed["value"]).all()
    assert (missed["value"] < missed["high"]).all()
