"""What the list means for groups."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from riskmodel.risk.capacity import Capacity
from riskmodel.risk.evaluation import Measuring
from riskmodel.risk.fairness.subgroup import METRICS, NO_DATA, subgroups
from riskmodel.tables.figures import SUBGROUP

MEASURING = Measuring(Capacity(places={"1": 40}), replicates=100)


@pytest.fixture(scope="module")
def audited():
    """100 girls, 100 boys, one school, 40 places; by hand: 30 boys and 10 girls have a place."""
    score = np.concatenate([np.linspace(0, 1, 100), np.linspace(0, 1, 100) + 0.2])
    girls = np.arange(200) < 100
    frame = pd.DataFrame(
        {
            "cohort_on": date(2023, 12, 20),
            "pupil_id": [f"p{number:03d}" for number in range(200)],
            "school_id": "1",
            "raw_score": score,
            "probability": 0.2,
            "label": (np.arange(200) % 5 == 0).astype(float),
        }
    )
    traits = pd.DataFrame({"pupil_id": frame["pupil_id"], "sex": np.where(girls, "female", "male")})
    chosen = frame["raw_score"] >= frame["raw_score"].nlargest(40).min()
    return frame, traits, chosen


def cell(table, group, metric):
    return table.query("group_value == @group and metric_code == @metric").iloc[0]


def test_missed_and_wrongly_flagged_are_counted_by_the_list_of_all_pupils(audited):
    frame, traits, chosen = audited
    table = subgroups(frame, traits, MEASURING)
    for group in ("female", "male"):
        mine = (traits["sex"] == group).to_numpy()
        left = mine & (frame["label"] == 1).to_numpy()
        stayed = mine & (frame["label"] == 0).to_numpy()
        assert cell(table, group, "missed_share")["value"] == pytest.approx((left & ~chosen).sum() / left.sum())
        assert cell(table, group, "false_alarm_share")["value"] == pytest.approx((stayed & chosen).sum() / stayed.sum())
        assert cell(table, group, "selected_share")["value"] == pytest.approx((mine & chosen).sum() / mine.sum())
        assert cell(table, group, "precision")["value"] == pytest.approx((left & chosen).sum() / (mine & chosen).sum())
        assert cell(table, group, "calibration_gap")["value"] == pytest.approx(0.0, abs=1e-12)
    assert tuple(table.columns) == SUBGROUP.column_names
    assert set(table["metric_code"]) == set(METRICS) == set(SUBGROUP.column("metric_code").codes)


def test_an_interval_stands_around_each_value(audited):
    frame, traits, _ = audited
    missed = cell(subgroups(frame, traits, MEASURING), "male", "missed_share")
    assert missed["low"] < missed["value"] < missed["high"]


@pytest.mark.parametrize(("pupils", "state"), [(19, "not_enough"), (20, "enough")])
def test_a_group_of_fewer_than_twenty_gets_no_figure(audited, pupils, state):
    frame, traits, _ = audited
    few = traits.assign(sex=np.where(np.arange(200) >= 200 - pupils, "male", "female"))
    found = cell(subgroups(frame, few, MEASURING), "male", "selected_share")
    assert found["state_code"] == state
    assert np.isnan(found["value"]) == (state == "not_enough")
    assert found["pupils"] == pupils


def test_too_few_leavers_leave_missed_open_and_the_gap_given(audited):
    frame, traits, _ = audited
    rare = frame.assign(label=(np.arange(200) < 4).astype(float))
    table = subgroups(rare, traits, MEASURING)
    assert cell(table, "female", "missed_share")["state_code"] == "not_enough"
    assert cell(table, "female", "auc")["state_code"] == "not_enough"
    assert cell(table, "female", "calibration_gap")["state_code"] == "enough"


def test_a_group_where_nobody_left_misses_no_share_instead_of_zero(audited):
    frame, traits, _ = audited
    found = cell(subgroups(frame.assign(label=0.0), traits, MEASURING), "female", "missed_share")
    assert np.isnan(found["value"])
    assert found["left"] == 0


def test_an_unknown_trait_is_a_group_of_its_own(audited):
    frame, traits, _ = audited
    half = traits.assign(sex=traits["sex"].where(np.arange(200) % 2 == 0))
    table = subgroups(frame, half, MEASURING)
    assert set(table["group_value"]) == {"female", "male", NO_DATA}
    assert cell(table, NO_DATA, "auc")["pupils"] == 100


def test_a_flag_reads_true_and_false(audited):
    frame, traits, _ = audited
    flags = pd.DataFrame({"pupil_id": traits["pupil_id"], "low_income": traits["sex"] == "male"})
    assert set(subgroups(frame, flags, MEASURING)["group_value"]) == {"true", "false"}
