"""The bootstrap benchmark."""

from __future__ import annotations

import pytest

from riskmodel.bench import bootstrap
from riskmodel.errors import RunFailedError


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(bootstrap, "QUICK_PUPILS", 500)
    monkeypatch.setattr(bootstrap, "OURS_A_PAIR", 2)
    monkeypatch.setattr(bootstrap, "THEIRS_A_PAIR", 1)


def silent(_text):
    return None


def test_the_report_has_the_agreed_keys_and_sides_that_agree():
    report = bootstrap.measure(None, silent, quick=True)
    assert {"cpu_seconds", "ratio_to_sklearn"} <= report.keys()
    assert report["cpu_seconds"] > 0
    assert report["ratio_to_sklearn"] > 0
    assert report["replicates"] == 1000
    assert report["largest_difference"] <= 1e-12
    assert report["pupils"] == 500


def test_nothing_is_timed_when_the_sides_differ(monkeypatch):
    monkeypatch.setattr(bootstrap, "roc_auc_score", lambda *_, **__: 0.5)
    with pytest.raises(RunFailedError, match="same figures"):
        bootstrap.measure(None, silent, quick=True)
