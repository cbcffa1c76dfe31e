"""A newcomer's way: a foreign CSV with a mapping becomes a published run, from the notebook alone."""

from __future__ import annotations

import json
from pathlib import Path

import papermill
import pytest

from riskmodel.runs.manifest import verify

CHECKOUT = Path(__file__).parents[2]


def _texts(notebook) -> str:
    return "\n".join(
        "".join(output.get("text", "") or output.get("data", {}).get("text/html", ""))
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    )


@pytest.mark.slow
def test_the_example_of_a_foreign_csv_becomes_a_published_run(tmp_path):
    done = papermill.execute_notebook(
        CHECKOUT / "notebooks" / "research" / "own_data.ipynb",
        tmp_path / "own_data.ipynb",
        parameters={"delivery": str(CHECKOUT / "data" / "examples" / "own_csv"), "store": str(tmp_path / "store")},
        progress_bar=False,
    )
    run = (tmp_path / "store" / "current").resolve()
    manifest = verify(run)
    assert manifest.state == "passed"
    accounts = json.loads((run / "metrics.json").read_text("utf-8"))["rows"]
    assert accounts["pupil"]["read"] > 0
    for account in accounts.values():
        assert account["read"] == account["used"] + account["quarantined"] + account["merged"]
    shown = _texts(done)
    assert "put aside" in shown
    assert "recall_at_capacity" in shown
    assert manifest.run_id in shown
