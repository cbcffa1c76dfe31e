"""The benchmark of the intake."""

from __future__ import annotations

import pytest

from riskmodel.bench import ingest
from riskmodel.errors import RunFailedError


def test_the_report_has_the_agreed_keys_and_accounts_that_are_right(monkeypatch):
    monkeypatch.setattr(ingest, "QUICK_PUPILS", (200, 10_000))
    report = ingest.measure(None, lambda _text: None, quick=True, pupils=300)
    assert 1.2 < report["rows"][300] / report["rows"][200] < 1.8
    assert report["rows"][200] > 200 * 800
    assert report["ratio_to_read"] == max(report["sizes"][pupils]["csv"]["ratio_to_read"] for pupils in (200, 300))
    for key in ("ratio_to_read", "peak_mb", "rows_per_cpu_second"):
        assert report[key] > 0
    assert set(report["memory_ratio"]) == {"parquet", "csv"}
    kinds = ("parquet", "bare_parquet", "csv", "bare_csv")
    assert all(report["sizes"][pupils][kind]["peak_mb"] > 0 for pupils in (200, 300) for kind in kinds)


def test_a_lost_row_stops_the_benchmark():
    right = {"read": 100, "used": 11, "put_aside": 0, "merged": 89, "weeks": 3}
    with pytest.raises(RunFailedError, match="accounted for"):
        ingest._require_right(right | {"used": 10}, right)
