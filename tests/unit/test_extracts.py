"""Rows on their way to the pages: plain values, and no number that JSON cannot hold."""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskmodel.runs.durable import canonical_json
from riskmodel.runs.extracts import records


def test_empty_and_endless_values_become_none_and_zero_stays_zero() -> None:
    rows = pd.DataFrame(
        {
            "name": ["a", "b", None],
            "count": pd.array([0, None, 2], dtype="Int64"),
            "value": [0.0, np.nan, np.inf],
        }
    )
    found = records(rows)
    assert [row["value"] for row in found] == [0.0, None, None]
    assert [row["count"] for row in found] == [0, None, 2]
    assert found[2]["name"] is None
    assert canonical_json(found)
