"""The time of a step apart from its cells."""

from __future__ import annotations

import pytest

from riskmodel.runs.timing import seconds_in_cells, start_seconds


def cell(seconds: float | None) -> dict[str, object]:
    return {"metadata": {"papermill": {"duration": seconds}}}


def test_what_is_not_spent_in_cells_is_start_and_end() -> None:
    notebook = {"cells": [cell(0.25), {"metadata": {}}, cell(2.0), cell(None)]}
    assert seconds_in_cells(notebook) == 2.25
    assert start_seconds(notebook, 3.5) == pytest.approx(1.25)


def test_clocks_that_disagree_give_no_negative_time() -> None:
    assert start_seconds({"cells": [cell(2.0)]}, 1.9) == 0.0
