"""A run that differs much from the one before is held, and the gate says what it found."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from riskmodel.runs import gate_report, gates
from riskmodel.runs.gate_report import Gate
from riskmodel.runs.gates import Evidence
from riskmodel.settings import Settings

SETTINGS = Settings(cut_off_date=date(2024, 12, 20))


def folder(path: Path, **tables: dict[str, list[object]]) -> Path:
    (path / "tables").mkdir(parents=True)
    for name, columns in tables.items():
        pd.DataFrame(columns).to_parquet(path / "tables" / f"{name}.parquet")
    return path


def rows(**by_school: int) -> dict[str, list[object]]:
    """Return the table school_rows: half of a school's rows are marks, half are absences."""
    schools = [school.removeprefix("s") for school in by_school for _ in range(2)]
    counts = [count // 2 for count in by_school.values() for _ in range(2)]
    return {"school_id": schools, "table_name": ["mark", "attendance"] * len(by_school), "rows": counts}


def test_a_school_with_a_fifth_fewer_or_more_rows_holds_and_one_at_the_limit_does_not(tmp_path: Path) -> None:
    before = folder(tmp_path / "before", school_rows=rows(s1=100, s2=100, s3=100, s4=100))
    now = folder(tmp_path / "now", school_rows=rows(s1=80, s2=78, s3=122, s4=100))
    gate = gates.school_rows(Evidence(now, before, SETTINGS))
    assert not gate.is_passed
    assert set(gate.subjects) == {"2", "3"}
    assert gate.count == 2
    assert "2 (2, 3)" in str(gate.words()) or "2 (3, 2)" in str(gate.words())


def test_a_school_without_rows_is_missing_and_a_new_school_is_no_matter(tmp_path: Path) -> None:
    before = folder(tmp_path / "before", school_rows=rows(s1=100, s2=100, s9=0))
    now = folder(tmp_path / "now", school_rows=rows(s1=100, s2=0, s5=100))
    gate = gates.schools_missing(Evidence(now, before, SETTINGS))
    assert (gate.is_passed, gate.subjects) == (False, ("2",))


def test_the_first_run_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    now = folder(tmp_path / "now", school_rows=rows(s1=100))
    for check in (gates.school_rows, gates.schools_missing):
        assert check(Evidence(now, None, SETTINGS)).is_passed


@pytest.mark.parametrize(("quarantined", "is_passed"), [(10, True), (11, False)])
def test_more_than_a_hundredth_of_a_table_put_aside_holds(tmp_path: Path, quarantined: int, is_passed: bool) -> None:
    account = {"table_name": ["mark", "school"], "read_rows": [1000, 0], "quarantined_rows": [quarantined, 0]}
    gate = gates.quarantined_share(Evidence(folder(tmp_path, table_account=account), None, SETTINGS))
    assert gate.is_passed == is_passed
    assert gate.subjects == (() if is_passed else ("mark",))


def metrics(path: Path, **values: object) -> Path:
    path.mkdir(exist_ok=True)
    (path / "metrics.json").write_text(json.dumps(values))
    return path


@pytest.mark.parametrize(
    ("gap", "is_passed"), [(0.05, True), (-0.05, True), (0.051, False), (-0.2, False), (None, False)]
)
def test_predictions_too_high_or_too_low_or_never_tested_hold(
    tmp_path: Path, gap: float | None, is_passed: bool
) -> None:
    evidence = Evidence(metrics(tmp_path, calibration_gap={"value": gap}), None, SETTINGS)
    assert gates.calibration_gap(evidence).is_passed == is_passed


def test_a_feature_that_knows_the_outcome_holds_and_one_without_figure_does_not(tmp_path: Path) -> None:
    evidence = Evidence(
        metrics(tmp_path, feature_auc={"left_on": 0.99, "age_years": 0.7, "empty": None}), None, SETTINGS
    )
    gate = gates.leak(evidence)
    assert (gate.is_passed, gate.subjects, gate.found) == (False, ("left_on",), 0.99)


def told(ratio: float, error: float | None) -> dict[str, object]:
    left = {"pupils": 1000, "left": round(100 * ratio), "expected": 100.0, "error": error}
    return {"cohort_on": "2023-12-20", **left}


@pytest.mark.parametrize(
    ("cohorts", "is_passed"),
    [
        ([told(1.3, 0.03)], False),
        ([told(0.7, 0.03)], False),
        ([told(1.3, 0.2)], True),  # a few schools: chance may do that
        ([told(1.3, 0.03), told(1.05, 0.03)], True),  # the newest counts
        ([told(0.0, None)], True),
        ([], True),
    ],
)
def test_many_more_or_fewer_leavers_than_foretold_hold(
    tmp_path: Path, cohorts: list[dict[str, object]], is_passed: bool
) -> None:
    gate = gates.foretold(Evidence(metrics(tmp_path, foretold=cohorts), None, SETTINGS))
    assert gate.is_passed == is_passed
    assert gate.subjects == (() if is_passed else ("2023-12-20",))
    assert ("Do not use this run until" in gate.words().in_language("en")) == (not is_passed)


@pytest.mark.parametrize(("ratio", "is_passed"), [(0.5, False), (0.9, True), (2.1, False)])
def test_half_of_the_absences_recorded_hold(tmp_path: Path, ratio: float, is_passed: bool) -> None:
    drifted = drift_of(absent_share_year=(0.3, -0.4, 0.0), absent_share_8w=(0.3, -0.4, 0.0))
    gate = gates.recorded(Evidence(folder(tmp_path, drift={**drifted, "mean_ratio": [ratio, 1.0]}), None, SETTINGS))
    assert gate.is_passed == is_passed
    assert gate.subjects == (() if is_passed else ("absent_share_year",))
    assert ("Do not use this run until" in gate.words().in_language("en")) == (not is_passed)


def drift_of(**features: tuple[float, float, float]) -> dict[str, list[object]]:
    psi, shift, missing = (list(values) for values in zip(*features.values(), strict=True))
    return {
        "feature_code": list(features),
        "psi": psi,
        "shift_sd": shift,
        "missing_share_now": missing,
        "missing_share_before": [0.0] * len(features),
    }


def test_an_own_record_of_another_size_and_form_holds_and_the_circumstances_do_not(tmp_path: Path) -> None:
    drifted = drift_of(
        absent_share_year=(0.3, -1.1, 0.0),  # another unit
        late_share_year=(0.3, 0.1, 0.0),  # an atom at the edge of a bin
        area_unemployment_percent=(3.0, 0.9, 0.0),
        class_pupils=(3.0, 0.9, 0.0),
    )
    gate = gates.drift(Evidence(folder(tmp_path, drift=drifted), None, SETTINGS))
    assert (gate.is_passed, gate.subjects) == (False, ("absent_share_year",))


def test_features_that_lost_their_data_in_more_than_one_school_hold(tmp_path: Path) -> None:
    lost = drift_of(absent_share_year=(0.0, 0.0, 0.61), late_share_year=(0.0, 0.0, 0.59))
    schools: dict[str, list[object]] = {"school_id": ["1", "2"], "pupils": [50, 50]}
    gate = gates.data_missing(Evidence(folder(tmp_path, drift=lost, place=schools), None, SETTINGS))
    assert (gate.is_passed, gate.subjects) == (False, ("absent_share_year",))


@pytest.mark.parametrize(("raw_score", "is_passed"), [(1.0, True), (1.00002, False)])
def test_reasons_that_miss_the_score_hold(tmp_path: Path, raw_score: float, is_passed: bool) -> None:
    score = {"pupil_id": ["a"], "raw_score": [raw_score], "base_score": [0.5]}
    contribution = {"pupil_id": ["a"], "late_share_year": [0.75], "absent_share_year": [-0.25]}
    evidence = Evidence(folder(tmp_path, score=score, contribution=contribution), None, SETTINGS)
    assert gates.additivity(evidence).is_passed == is_passed


def test_a_pupil_without_reasons_holds(tmp_path: Path) -> None:
    score = {"pupil_id": ["a"], "raw_score": [0.5], "base_score": [0.5]}
    contribution = {"pupil_id": ["b"], "late_share_year": [0.0]}
    evidence = Evidence(folder(tmp_path, score=score, contribution=contribution), None, SETTINGS)
    assert not gates.additivity(evidence).is_passed


def test_pupils_in_another_order_have_their_own_reasons(tmp_path: Path) -> None:
    score = {"pupil_id": ["a", "b"], "raw_score": [1.0, 2.0], "base_score": [0.5, 0.5]}
    contribution = {"pupil_id": ["b", "a"], "late_share_year": [1.5, 0.75], "absent_share_year": [0.0, -0.25]}
    evidence = Evidence(folder(tmp_path, score=score, contribution=contribution), None, SETTINGS)
    assert gates.additivity(evidence).is_passed


def test_a_reason_that_is_no_number_holds(tmp_path: Path) -> None:
    score = {"pupil_id": ["a"], "raw_score": [0.5], "base_score": [0.5]}
    contribution = {"pupil_id": ["a"], "late_share_year": [float("nan")]}
    evidence = Evidence(folder(tmp_path, score=score, contribution=contribution), None, SETTINGS)
    assert not gates.additivity(evidence).is_passed


def test_the_report_of_the_gates_is_kept_as_it_was(tmp_path: Path) -> None:
    found = (Gate("drift", False, 0.3, 0.25, ("a", "b"), 2), Gate("leak", True, None, 0.95))
    gate_report.write(tmp_path, found)
    assert gate_report.read(tmp_path) == found


@pytest.mark.parametrize("check", gates.SEMESTER, ids=lambda check: check.__name__)
def test_every_gate_has_its_words_in_both_languages(check: gates.Check) -> None:
    gate = Gate(check.__name__, False, 0.3, 0.25, ("1",), 1)
    assert gate.words().in_language("lv") != gate.words().in_language("en")


def test_a_gate_tells_its_figure_as_people_read_numbers():
    gate = Gate("calibration_gap", False, -0.02199839570319867, 0.01)
    assert "outcomes: -0.022 (limit 0.01)." in gate.words().in_language("en")
    assert "?" in Gate("calibration_gap", False, None, 0.01).words().in_language("lv")
