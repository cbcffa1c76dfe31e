"""The research notebooks on public data run from a clean kernel and end in their table."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import papermill
import pytest
from small_run import COHORTS, RUN_ID, publish_small

from riskmodel.risk.doubt import coverage, sets
from riskmodel.runs.parquet import write_table
from riskmodel.runs.research_extract import Asked, write_extract
from riskmodel.runs.steps import SEMESTER
from riskmodel.tables.figures import COVERAGE

RESEARCH = Path(__file__).parents[2] / "notebooks" / "research"


@pytest.mark.public_data
@pytest.mark.slow
@pytest.mark.parametrize("name", ["oulad", "uci697"])
def test_a_research_notebook_runs_quickly_and_ends_in_a_table_of_learners(name, tmp_path, public_folder):
    done = papermill.execute_notebook(
        RESEARCH / f"{name}.ipynb",
        tmp_path / f"{name}.ipynb",
        parameters={"data_folder": str(public_folder), "quick": True},
        progress_bar=False,
    )
    last = done.cells[-1].outputs[-1]["data"]["text/html"]
    assert "lightgbm_monotone" in last
    assert "ours_minus_this_low" in last


@pytest.mark.slow
def test_the_notebook_on_scale_measures_a_small_country_and_draws_it(tmp_path):
    done = papermill.execute_notebook(
        RESEARCH / "scale.ipynb",
        tmp_path / "scale.ipynb",
        parameters={"sizes": [500], "kept_folder": str(tmp_path / "bench")},
        progress_bar=False,
    )
    (report,) = [json.loads(path.read_text("utf-8")) for path in (tmp_path / "bench").glob("national-*.json")]
    assert report["state"] in {"published", "held"}
    assert report["lesson_rows"] > 500 * 900
    assert [step["step"] for step in report["steps"]] == [step.notebook for step in SEMESTER]
    assert report["total_seconds"] > report["ingest_seconds"] > 0
    pictures = [output for cell in done.cells for output in cell.get("outputs", []) if "data" in output]
    assert sum("<svg" in output["data"].get("text/html", "") for output in pictures) == 2


@pytest.mark.slow
@pytest.mark.parametrize("language", ["lv", "en"])
def test_the_notebook_on_an_extract_shows_its_report_codebook_and_figures_of_past_cohorts(tmp_path, language):
    publish_small(tmp_path / "store", origin="synthetic")
    write_extract(Asked(tmp_path / "store", None, tmp_path / "extract", "anna"), lambda text: None)
    done = papermill.execute_notebook(
        RESEARCH / "extract.ipynb",
        tmp_path / "extract.ipynb",
        parameters={"extract_folder": str(tmp_path / "extract"), "language": language},
        progress_bar=False,
    )
    shown = "".join(
        "".join(output["data"].get(kind, "") for kind in ("text/html", "text/markdown", "text/plain"))
        for cell in done.cells
        for output in cell.get("outputs", [])
        if "data" in output
    )
    assert RUN_ID in shown
    assert "hidden_share" in shown
    assert "mean_probability" in shown
    assert {"lv": "Kodu grāmata", "en": "Codebook of the extract"}[language].lower() in shown.lower()


@pytest.mark.slow
def test_the_notebook_on_targeting_compares_a_run_and_planted_cohorts_and_says_what_was_planted(tmp_path):
    folder = publish_small(tmp_path / "store", origin="synthetic")
    done = papermill.execute_notebook(
        RESEARCH / "targeting.ipynb",
        tmp_path / "targeting.ipynb",
        parameters={"run_folder": str(folder), "planted_pupils": 4000},
        progress_bar=False,
    )
    shown = [
        "".join(output["data"].values()) if "data" in output else output.get("text", "")
        for cell in done.cells
        for output in cell.get("outputs", [])
    ]
    text = "\n".join(shown)
    assert "class_rate" in text
    assert "individuālais vērtējums" in text
    schools, pupils = (
        next(line for line in text.splitlines() if line.startswith(f"{kind} - ")) for kind in ("schools", "pupils")
    )
    assert "does as well" in schools or "this choice finds" in schools
    assert "the individual score finds" in pupils
    assert "OULAD was left out." in text


def _shown(done) -> str:
    """Return what the cells of an executed notebook show."""
    return "\n".join(
        output.get("text", "") or "".join(output.get("data", {}).values())
        for cell in done.cells
        for output in cell.get("outputs", [])
    )


@pytest.mark.slow
def test_the_notebook_on_effects_finds_the_planted_effect_where_a_plain_difference_shows_the_opposite(tmp_path):
    done = papermill.execute_notebook(
        RESEARCH / "effects.ipynb",
        tmp_path / "effects.ipynb",
        parameters={"pupils": 8_000, "planted_effect": -0.12},
        progress_bar=False,
    )
    shown = _shown(done)
    told: dict[str, str] = {}  # a wide table is shown in several blocks of lines
    for line in shown.splitlines():
        name = line.split("  ")[0]
        told[name] = told.get(name, "") + line.removeprefix(name)
    assert "helps" in told["lots"]
    assert "helps" in told["judgement"]
    planted, found = map(float, told["plain difference, judgement"].split()[:2])
    assert planted == -0.12 < found - 0.04
    assert "No run was given." in shown


@pytest.mark.public_data
@pytest.mark.slow
def test_the_notebook_on_doubt_shows_what_sets_held_of_a_run_of_drawn_worlds_and_by_presentation_of_oulad(
    tmp_path, public_folder
):
    folder = publish_small(tmp_path / "store", origin="synthetic")
    past = pd.read_parquet(folder / "tables" / "prediction.parquet")
    label, sex = past["label"].to_numpy(float), pd.DataFrame({"sex": np.where(np.arange(len(past)) % 2, "f", "m")})
    said = sets.learn([(past["probability"].to_numpy(), label)], 0.2)
    rows = coverage.coverage_rows(COHORTS[0], said, past["probability"].to_numpy(), label, sex)
    write_table(folder / "tables", COVERAGE, coverage.coverage_table(rows))
    done = papermill.execute_notebook(
        RESEARCH / "doubt.ipynb",
        tmp_path / "doubt.ipynb",
        parameters={"run_folder": str(folder), "worlds": 1, "pupils": 1500, "data_folder": str(public_folder)},
        progress_bar=False,
    )
    shown = _shown(done)
    assert "No run was given." not in shown
    assert "chance_covered" in shown
    assert "GGG" in shown
    assert "2014J" in shown
