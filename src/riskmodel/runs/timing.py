"""Where the time of a step went: into its cells, or into starting and ending the process of its notebook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def seconds_in_cells(notebook: Mapping[str, Any]) -> float:
    """Return the seconds that papermill measured in the cells of an executed ``notebook``.

    Cells that were not reached count nothing.

    >>> done, not_reached = {"metadata": {"papermill": {"duration": 1.5}}}, {"metadata": {"papermill": {"duration": None}}}
    >>> seconds_in_cells({"cells": [done, done, not_reached, {"metadata": {}}]})
    3.0
    """
    noted = (cell["metadata"].get("papermill", {}).get("duration") for cell in notebook["cells"])
    return float(sum(seconds or 0.0 for seconds in noted))


def start_seconds(notebook: Mapping[str, Any], seconds: float) -> float:
    """Return how much of the ``seconds`` of a step went into the start and the end of its notebook's process."""
    return round(max(seconds - seconds_in_cells(notebook), 0.0), 3)
