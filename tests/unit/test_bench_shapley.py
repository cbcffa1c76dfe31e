"""The Shapley benchmark."""

from __future__ import annotations

import pytest

from riskmodel.bench import shapley


@pytest.mark.filterwarnings("ignore:LightGBM binary classifier with TreeExplainer")
def test_the_report_has_the_agreed_keys_and_values_equal_to_those_of_shap(monkeypatch):
    for name, small in {"QUICK_PUPILS": 400, "TRAINING_PUPILS": 400, "LIBRARY_ROWS": 20, "PAIRS": 1}.items():
        monkeypatch.setattr(shapley, name, small)
    report = shapley.measure(None, lambda _text: None, quick=True)
    assert report["max_difference_to_pred_contrib"] < 1e-9
    assert report["max_difference_to_shap"] < 1e-5
    assert report["additivity"] < 1e-9
    assert report["background_rows"] == report["pupils"]
    keys = ("pupils_per_cpu_second", "pupils_per_cpu_second_interventional", "pupils_per_cpu_second_checked")
    for key in (*keys, "ratio_to_pred_contrib", "ratio_to_shap_interventional"):
        assert report[key] > 0
