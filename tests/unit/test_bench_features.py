"""The benchmark of the features, and the invented country that benchmarks share."""

from __future__ import annotations

from riskmodel.bench import features
from riskmodel.bench.country import country


def test_the_report_has_the_agreed_keys_and_features_equal_to_those_of_plain_sql(tmp_path):
    report = features.measure(tmp_path, lambda _text: None, quick=True, pupils=1000)
    assert report["pupils"] == 1000
    assert report["lesson_rows"] > 900_000
    assert report["max_difference_to_sql"] < 1e-9
    assert set(report["rows"]) == {"attendance", "lessons_planned", "mark", "term_result"}
    assert min(report["rows"].values()) > 1000
    for key in ("fold", "cohort", "rest", "features", "bare_scan", "sql"):
        assert report["cpu_seconds"][key] > 0
    for key in ("ratio_to_scan_range", "sql_to_fold"):
        middle, lowest, highest = report[key]
        assert 0 < lowest <= middle <= highest
    assert report["ratio_to_scan"] == report["ratio_to_scan_range"][0]
    assert report["receiving_cpu_seconds"] > 0
    assert report["peak_mb"] > 0


def test_a_country_that_is_there_is_used_again_and_one_of_another_plan_is_not(tmp_path):
    said: list[str] = []
    for years in (1, 1, 2):
        with country(tmp_path, "test", 1000, years, lambda text: said.append(str(text))) as found:
            assert len(found.deliveries) == years
            assert found.store.exists() == (years > 1)
    assert len([text for text in said if text.startswith("The delivery is complete")]) == 2
