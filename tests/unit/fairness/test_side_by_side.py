"""Two tables tell of groups of pupils, ``subgroup`` and ``fairness``: what stands side by side in them is one thing."""

from __future__ import annotations

import numpy as np
import pytest

from riskmodel.risk.bootstrap import FIGURES as MEASURED
from riskmodel.risk.fairness.differences import ERRORS, level_of
from riskmodel.risk.fairness.figures import FIGURES, is_enough
from riskmodel.risk.fairness.subgroup import METRICS, MIN_PUPILS
from riskmodel.risk.fairness.tally import PUPILS
from riskmodel.settings import FLAG_LEVELS
from riskmodel.tables.fairness import FAIRNESS, FAIRNESS_CAUSE
from riskmodel.tables.figures import SUBGROUP

RATIO = "calibration_ratio"
"""The one figure that ``fairness`` alone has."""


def test_figures_are_declared_measured_and_named_alike_in_both_tables():
    of_groups, of_audit = (table.column("metric_code").codes for table in (SUBGROUP, FAIRNESS))
    assert set(METRICS) == set(of_groups)
    assert set(METRICS.values()) <= set(MEASURED)
    assert set(FIGURES) == set(of_audit)
    assert set(FIGURES) - {RATIO} == set(METRICS) - {"auc"}
    assert {code: of_groups[code] for code in FIGURES if code != RATIO} == {
        code: words for code, words in of_audit.items() if code != RATIO
    }
    assert set(ERRORS) == set(FAIRNESS_CAUSE.column("metric_code").codes)


@pytest.mark.parametrize("table", [FAIRNESS, FAIRNESS_CAUSE])
def test_the_levels_of_a_flag_are_those_that_their_column_tells(table):
    column = table.column("flag_level")
    assert column.high == FLAG_LEVELS[-1]
    for level in FLAG_LEVELS:
        assert f"{level:.2f}" in column.words.en
        assert f"{level:.2f}".replace(".", ",") in column.words.lv
        assert level_of(np.array([level]), np.array([0.0])).tolist() == [level]
    below = np.nextafter(FLAG_LEVELS[0] - 1e-9, 0)
    assert level_of(np.array([below]), np.array([0.0])).tolist() == [0.0]


@pytest.mark.parametrize(("pupils", "are_enough"), [(MIN_PUPILS - 1, False), (MIN_PUPILS, True)])
def test_the_audit_measures_a_group_from_the_number_that_the_table_of_groups_sets(pupils, are_enough):
    sums = np.full(5, 1e6)
    sums[PUPILS] = pupils
    selected = FIGURES.index("selected_share")
    assert bool(is_enough(sums)[selected]) == are_enough
