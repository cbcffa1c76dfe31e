"""The research notebooks on public data run from a clean kernel and end in their table."""

from __future__ import annotations

from pathlib import Path

import papermill
import pytest

from riskmodel.bench.public_data import public_data
from riskmodel.errors import UsageError

RESEARCH = Path(__file__).parents[2] / "notebooks" / "research"


@pytest.mark.public_data
@pytest.mark.slow
@pytest.mark.parametrize("name", ["oulad", "uci697"])
def test_a_research_notebook_runs_quickly_and_ends_in_a_table_of_learners(name, tmp_path):
    try:
        folder = public_data()
    except UsageError:
        pytest.skip("the public data are not at hand; RISKMODEL_PUBLIC_DATA names their folder")
    done = papermill.execute_notebook(
        RESEARCH / f"{name}.ipynb",
        tmp_path / f"{name}.ipynb",
        parameters={"data_folder": str(folder), "quick": True},
        progress_bar=False,
    )
    last = done.cells[-1].outputs[-1]["data"]["text/html"]
    assert "lightgbm_monotone" in last
    assert "ours_minus_this_low" in last
