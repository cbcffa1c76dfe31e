"""The benchmark of the features."""

from __future__ import annotations

from riskmodel.bench import features


def test_the_report_has_the_agreed_keys_and_features_equal_to_those_of_plain_sql(tmp_path):
    report = features.measure(tmp_path / "store", lambda _text: None, quick=True, pupils=40)
    assert report["pupils"] == 40
    assert report["max_difference_to_sql"] < 1e-9
    assert set(report["rows"]) == {"attendance", "lessons_planned", "mark", "term_result"}
    assert min(report["rows"].values()) > 1000
    for key in ("fold", "rest", "bare_scan", "sql"):
        assert report["cpu_seconds"][key] > 0
    for key in ("fold_to_bare_scan", "sql_to_fold"):
        middle, lowest, highest = report[key]
        assert 0 < lowest <= middle <= highest
    assert report["peak_mb"] > 0


def test_a_store_that_is_there_is_used_again(tmp_path):
    said = []
    for _ in range(2):
        features.measure(tmp_path, said.append, quick=True, pupils=5)
    assert [str(text) for text in said].count("Inventing 5 pupils.") == 1
