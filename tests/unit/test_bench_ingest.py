"""The benchmark of the intake."""

from __future__ import annotations

import pytest

from riskmodel.bench import ingest
from riskmodel.errors import RunFailedError


def test_the_report_has_the_agreed_keys_and_accounts_that_are_right(monkeypatch):
    monkeypatch.setattr(ingest, "QUICK_PUPILS", (2, 60))
    report = ingest.measure(None, lambda _text: None, quick=True)
    assert report["rows"] == {2: 2 * ingest.LESSONS, 60: 60 * ingest.LESSONS}
    for key in ("rows_per_cpu_second", "cpu_ratio_to_bare_csv", "cpu_ratio_to_bare_parquet"):
        assert report[key] > 0
    assert set(report["memory_ratio"]) == {"parquet", "csv"}
    kinds = ("parquet", "bare_parquet", "csv", "bare_csv")
    assert all(report["sizes"][pupils][kind]["peak_megabytes"] > 0 for pupils in (2, 60) for kind in kinds)


def test_a_lost_row_stops_the_benchmark():
    found = {"read": ingest.LESSONS, "used": 10, "put_aside": 0, "merged": ingest.LESSONS - 11, "weeks": ingest.WEEKS}
    with pytest.raises(RunFailedError, match="accounted for"):
        ingest._require_right(found, pupils=1, present=ingest.LESSONS - 11)
