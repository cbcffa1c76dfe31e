"""Flags beyond chance, and their causes, where the truth is planted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from groups_by_hand import audited, drawn
from scipy.stats import binom

from riskmodel.risk.bootstrap import MIN_SCHOOLS
from riskmodel.risk.evaluation import Measuring, ScoredCohort
from riskmodel.risk.fairness.audit import (
    Drawing,
    audit,
    audited_cohort,
    cause_rows,
    cause_table,
    fairness_rows,
    fairness_table,
)
from riskmodel.risk.fairness.causes import CAUSES, REST, Explaining, named
from riskmodel.risk.fairness.differences import ERRORS, Chance, adjusted
from riskmodel.risk.fairness.equal_scores import EqualScores
from riskmodel.risk.fairness.figures import FIGURES
from riskmodel.risk.fairness.subgroup import subgroup_rows, subgroup_table
from riskmodel.risk.fairness.tally import Audited, Cells
from riskmodel.risk.predicted import Predicted
from riskmodel.settings import FLAG_LEVELS
from riskmodel.tables.fairness import FAIRNESS, FAIRNESS_CAUSE

PUPILS = 30_000


def planted(seed: int, *, hidden: float = 0.0, riskier: float = 0.0) -> Audited:
    """Return a cohort with places for the tenth of highest score.

    The score of boys is ``hidden`` log-odds below what their risk is; their risk is ``riskier`` log-odds higher.
    """
    generator = np.random.default_rng(seed)
    is_boy = generator.uniform(size=PUPILS) < 0.5
    true = generator.normal(-2.5, 1, PUPILS) + riskier * is_boy
    raw = true - hidden * is_boy
    return Audited.of(
        pd.Series(generator.integers(0, 60, PUPILS).astype(str)),
        (generator.uniform(size=PUPILS) < 1 / (1 + np.exp(-true))).astype(float),
        (raw > np.quantile(raw, 0.9)).astype(float),
        1 / (1 + np.exp(-raw)),
        pd.DataFrame({"sex": np.where(is_boy, "m", "f"), "town": generator.choice(["a", "b", "c"], PUPILS)}),
    )


def of_boys(found, error="missed_share"):
    return next(one for one in found.flagged if (one.name, one.error) == ("m", error))


def test_a_score_that_hides_the_risk_of_boys_is_flagged_and_named_as_measurement_and_not_as_risk():
    found = audit(planted(1, hidden=1.0))
    boys = of_boys(found)
    assert boys.difference > 0.1
    assert boys.causes == ("measurement",)
    assert boys.log_odds == pytest.approx(1.0, abs=0.15)
    assert boys.left > 1.3 * boys.expected


def test_boys_of_higher_risk_and_a_score_that_tells_it_are_named_as_risk_and_not_as_measurement():
    found = audit(planted(2, riskier=1.0))
    assert of_boys(found).difference < -0.1
    assert of_boys(found, "false_alarm_share").causes == ("risk",)
    assert {cause for one in found.flagged for cause in one.causes} == {"risk"}


def test_both_causes_are_named_where_both_are_planted():
    # Fewer places than their risk would bring, and more than equal risk would: the score hides part of it.
    found = audit(planted(3, hidden=2.0, riskier=-1.0))
    assert set(of_boys(found).causes) == {"risk", "measurement"}


def test_schools_with_few_places_are_named_as_places():
    pupils = planted(4)
    generator = np.random.default_rng(4)
    poor = pupils.school % 2 == 0
    chance = np.where(poor, 0.0, np.where(pupils.probability > 0.15, 1.0, 0.0))
    traits = pd.DataFrame({"kind": np.where(poor, "few", "many"), "coin": generator.choice(["a", "b"], PUPILS)})
    found = audit(Audited.of(pd.Series(pupils.school.astype(str)), pupils.label, chance, pupils.probability, traits))
    missed = next(one for one in found.flagged if (one.name, one.error) == ("few", "missed_share"))
    assert missed.causes == ("places",)
    assert missed.difference == pytest.approx(missed.parts["places"], abs=0.02)


def test_the_parts_of_every_flagged_difference_add_up_to_it():
    flagged = audit(planted(5, hidden=1.0, riskier=0.5)).flagged
    assert flagged
    for one in flagged:
        assert sum(one.parts.values()) == pytest.approx(one.difference, abs=1e-9)
        assert set(one.parts) == {*CAUSES, REST}


@pytest.mark.parametrize("seed", range(6))
def test_where_all_are_alike_nothing_is_flagged(seed):
    assert audit(planted(100 + seed)).flagged == ()


def test_the_probability_of_a_small_group_is_the_tail_of_a_binomial():
    pupils = audited(20_000, 9)
    chance = Chance(share=0.1, size=1e9, likeness=0.0, by_school=np.zeros(2))
    found = chance.probability(np.array([6 / 20]), np.array([[20.0, 0.0]]))
    assert found[0] == pytest.approx(2 * binom.sf(5, 20, 0.1), rel=1e-4)
    assert Chance.of(pupils, "missed_share").likeness < 0.02


def test_schools_that_differ_make_a_group_of_one_school_less_surprising():
    pupils = drawn(20_000, 10)
    luck = np.random.default_rng(1).uniform(size=40) < 0.5
    pupils["chance"] = luck[pupils["school_id"].astype(int)].astype(float)
    chance = Chance.of(Audited.of(**pupils), "missed_share")
    assert chance.likeness == pytest.approx(1.0, abs=0.1)
    people = np.zeros((1, 40))
    people[0, 0] = 60.0
    assert chance.probability(np.array([0.9]), people)[0] > 0.1


def test_probabilities_are_adjusted_by_the_steps_of_holm():
    found = adjusted(np.array([0.04, 0.01, np.nan, 0.03, 0.9]))
    np.testing.assert_allclose(found, [0.09, 0.04, np.nan, 0.09, 0.9])


def test_half_of_the_chance_of_a_flag_is_for_single_traits_however_many_pairs_there_are():
    found = audit(planted(14, hidden=0.1))
    for is_pair in (False, True):
        own = [at for at, one in enumerate(found.compared) if one.partition.is_pair == is_pair]
        raw = np.concatenate([found.compared[at].probability.ravel() for at in own])
        told = np.concatenate([found.probability[at].ravel() for at in own])
        np.testing.assert_allclose(told, np.minimum(2 * adjusted(raw), 1))


def test_a_cause_is_named_from_a_quarter_of_the_difference_up_and_where_its_test_holds():
    assert named(np.array([0.5, 0.3, 0.2]), 1.0, (True, True, True)) == ("risk", "places")
    assert named(np.array([0.5, 0.3, 0.2]), 1.0, (False, True, True)) == ("places",)
    assert named(np.array([-0.5, 0.0, 0.9]), 0.4, (True, True, True)) == ("measurement",)
    assert named(np.array([-0.5, 0.0, 0.9]), 0.4, (True, True, False)) == ()


def test_equal_scores_tell_the_risk_of_all_also_where_probabilities_are_off():
    pupils = planted(6)
    off = Audited(**{**vars(pupils), "probability": pupils.probability**2})
    equal = EqualScores.of(off)
    risk = equal.risk[equal.place]
    assert risk.sum() == pytest.approx(pupils.label.sum(), rel=1e-6)
    assert np.abs(risk - pupils.probability).mean() < 0.01


def test_the_test_of_measurement_is_a_regression_of_the_outcome_on_score_and_group():
    pupils = planted(7, hidden=0.2)
    cells = Cells.of(pupils)
    partition = next(cells.partitions())
    explained = Explaining(cells).explain(partition, np.array([1]))
    raw = np.log(pupils.probability / (1 - pupils.probability))
    columns = np.column_stack([np.ones(PUPILS), raw, pupils.group[:, 0] == 1])
    at = np.array([0.0, 1.0, 0.0])
    for _ in range(20):
        risk = 1 / (1 + np.exp(-columns @ at))
        at = at + np.linalg.solve((columns.T * risk * (1 - risk)) @ columns, columns.T @ (pupils.label - risk))
    error = np.sqrt(np.linalg.inv((columns.T * risk * (1 - risk)) @ columns)[2, 2])
    assert explained.log_odds[0] == pytest.approx(at[2], abs=0.02)
    assert error * 0.95 < explained.error[0] < error * 1.3


def test_the_rows_are_those_of_the_declared_tables_and_few_people_get_no_figure():
    pupils = planted(8, hidden=1.0)
    few = np.where(np.arange(PUPILS) < 19, "few", "many")
    found = audit(
        Audited.of(
            pd.Series(pupils.school.astype(str)),
            pupils.label,
            pupils.chance,
            pupils.probability,
            pd.DataFrame({"sex": np.array(["f", "m"])[pupils.group[:, 0]], "town": few}),
        )
    )
    table = fairness_table(fairness_rows(found, "2024-12-20", Drawing(replicates=100)))
    causes = cause_table(cause_rows(found, "2024-12-20"))
    assert tuple(table.columns) == FAIRNESS.column_names
    assert tuple(causes.columns) == FAIRNESS_CAUSE.column_names
    assert not table.duplicated(list(FAIRNESS.key)).any()
    own = table[table["group_value"] == "few"]
    assert set(own["state_code"]) == {"not_enough"}
    assert own[["value", "low", "high", "difference", "adjusted_probability"]].isna().all(axis=None)
    enough = table[table["state_code"] == "enough"]
    assert (enough["low"] <= enough["value"] + 1e-12).all()
    assert (enough["high"] >= enough["value"] - 1e-12).all()
    flags = table[table["flag_level"] > 0]
    assert len(flags) == len(causes) > 0
    assert set(flags["flag_level"]) <= set(FLAG_LEVELS)
    assert set(flags["metric_code"]) <= set(ERRORS)


def test_values_and_intervals_are_those_of_the_table_subgroup_where_schools_are_drawn_with_their_places():
    cohort = drawn(4000, 11)
    pupil_id = pd.Series([f"p{number:05d}" for number in range(4000)])
    raw = np.log(cohort["probability"] / (1 - cohort["probability"]))
    predicted = Predicted(
        "2024-12-20",
        "mature",
        pupil_id,
        cohort["school_id"],
        cohort["label"],
        {"boosting": (raw, cohort["probability"])},
    )
    scored = ScoredCohort(predicted, Measuring(replicates=200))
    traits = cohort["traits"][["sex"]]
    expected = subgroup_table(subgroup_rows(scored, traits)).set_index(["group_value", "metric_code"])
    rows = fairness_rows(audit(audited_cohort(scored, traits)), "2024-12-20", Drawing(replicates=200))
    found = fairness_table(rows).set_index(["group_value", "metric_code"])
    for figure in set(FIGURES) - {"calibration_ratio"}:
        for group in ("f", "m"):
            own, other = (table.loc[(group, figure), ["value", "low", "high"]] for table in (found, expected))
            np.testing.assert_allclose(own.astype(float), other.astype(float), rtol=1e-9)


def test_a_group_in_few_schools_has_an_interval_that_draws_none_of_them():
    pupils = drawn(6000, 12)
    near = pupils["school_id"].astype(int) < MIN_SCHOOLS - 1
    pupils["traits"] = pd.DataFrame({"town": np.where(near, "near", "far")})
    table = fairness_table(fairness_rows(audit(Audited.of(**pupils)), "2024-12-20", Drawing(replicates=50)))
    assert set(table.loc[table["group_value"] == "near", "drawn_code"]) == {"few_schools"}
    assert set(table.loc[table["group_value"] == "far", "drawn_code"]) == {"school"}
    alone = fairness_rows(audit(Audited.of(**pupils)), "2024-12-20", Drawing(50, cluster="pupil"))
    assert set(fairness_table(alone)["drawn_code"]) == {"pupil"}


def test_a_cohort_without_outcomes_has_no_flag():
    pupils = drawn(100, 13)
    pupils["label"] = np.full(100, np.nan)
    found = audit(Audited.of(**pupils))
    assert found.flagged == ()
    assert fairness_table(fairness_rows(found, "2024-12-20", Drawing(10)))["value"].isna().all()
