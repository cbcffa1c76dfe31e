"""Who is reached at an equal budget: cases small enough to work out by hand, and the verdicts on planted worlds."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from riskmodel.bench import worth_targeting
from riskmodel.errors import UsageError
from riskmodel.messages import LANGUAGES
from riskmodel.risk.capacity import Capacity
from riskmodel.risk.rules import SHRINK_PUPILS
from riskmodel.risk.targeting.comparison import AS_DELIVERED, STATE, Comparing, Targeted, compare
from riskmodel.risk.targeting.spread import LEVELS, spread_of
from riskmodel.risk.targeting.strategies import (
    STRATEGIES,
    TEACHER_LIKE,
    RiskEffect,
    chances,
    class_rate,
    expected_benefit,
    mean_rank,
    middle_risk,
)
from riskmodel.risk.targeting.verdicts import Verdict, plain_verdict, verdict_of, verdicts
from riskmodel.tables.worth import TARGETING


def small(schools: int = 12, pupils: int = 20, *, municipalities: int = 2) -> Targeted:
    """Return schools of equal size: in each, the two pupils of highest score left, and the rates of schools fall."""
    school = np.repeat(np.arange(schools), pupils)
    within = np.tile(np.arange(pupils), schools)
    return Targeted(
        "2024-12-20",
        pd.Series(school).map("s{:02d}".format),
        pd.Series(school % municipalities).map("m{}".format),
        (within < 2).astype(float),
        {"score": -within.astype(float), "school_rate": -school.astype(float), "random": np.zeros(len(school))},
        np.full(len(school), 0.5),
    )


def of_state(targeted: Targeted, comparing: Comparing) -> pd.DataFrame:
    table = compare(targeted, comparing)
    return table[table["area_kind"] == STATE].set_index("strategy_code")


def test_with_a_place_in_ten_the_score_reaches_all_the_school_rate_and_the_lot_reach_a_tenth():
    found = of_state(small(), Comparing({AS_DELIVERED: Capacity(0.1)}, replicates=64))
    assert found["places"].tolist() == [24] * len(found)
    assert found.loc["score", "reached"] == 24
    assert found.loc["random", "reached_share"] == pytest.approx(0.1)
    # The first school's 20 pupils and 4 of the 20 of the second: 2 leavers, and 4 of 20 of its 2.
    assert found.loc["school_rate", "reached"] == pytest.approx(2.4)
    assert found.loc["school_rate", "gain"] == pytest.approx(1 - 0.1)
    assert found.loc["school_rate", "verdict_code"] == "score_finds_more"
    assert found.loc["score", "averted"] == pytest.approx(12)
    assert pd.isna(found.loc["score", "verdict_code"])


def test_the_score_within_schools_is_the_score_where_every_school_has_the_leavers_that_its_places_hold():
    found = of_state(small(), Comparing({AS_DELIVERED: Capacity(0.1)}, replicates=64))
    assert found.loc["score_in_school", "reached"] == 24
    assert found.loc["score_in_school", "verdict_code"] == "does_as_well"
    assert found.loc["score_in_school", ["gain_low", "gain_high"]].tolist() == [0.0, 0.0]


def test_middle_risk_takes_those_around_twice_the_places_and_not_the_first():
    targeted = small()
    chance = chances("middle_risk", targeted.orders, pd.Series(["all"] * 240), {"all": 24})
    # Twelve schools tie at each score: ranks 1 to 12, 13 to 24, ...; the middle is 48.5, so the fourth and fifth scores.
    within = np.tile(np.arange(20), 12)
    assert set(within[chance > 0].tolist()) == {3, 4}
    assert chance.sum() == pytest.approx(24)


def test_a_municipality_with_too_few_leavers_gets_no_figure_and_says_so():
    table = compare(small(schools=6), Comparing({AS_DELIVERED: Capacity(0.1)}, replicates=64))
    few = table[(table["area_kind"] != STATE) & (table["strategy_code"] != "score")]
    assert set(few["verdict_code"]) == {"too_few"}
    assert few[["reached", "low", "gain", "averted"]].isna().all().all()
    assert plain_verdict(table, "m0", AS_DELIVERED).verdict_code == "too_few"


def test_pupils_without_an_outcome_take_places_and_are_not_counted():
    targeted = small(schools=24)
    label = targeted.label.copy()
    label[np.tile(np.arange(20), 24) == 0] = np.nan
    found = of_state(
        Targeted(targeted.cohort_on, targeted.school_id, targeted.municipality_code, label, targeted.orders),
        Comparing({AS_DELIVERED: Capacity(0.1)}, replicates=64),
    )
    assert found.loc["score", "left"] == 24
    assert found.loc["score", "reached"] == 24
    assert math.isnan(found.loc["score", "averted"])


def test_every_row_stands_in_the_declared_columns_and_codes():
    table = compare(small(), Comparing(replicates=64))
    assert list(table.columns) == list(TARGETING.column_names)
    assert set(table["strategy_code"]) <= set(TARGETING.column("strategy_code").codes) == set(STRATEGIES)
    assert set(table["budget_code"]) <= set(TARGETING.column("budget_code").codes)
    assert not table.duplicated(list(TARGETING.key)).any()


def test_a_comparison_without_the_score_or_with_an_order_of_some_only_is_refused():
    targeted = small()
    for orders in ({"random": np.zeros(240)}, {"score": np.where(np.arange(240) == 7, np.nan, 1.0)}):
        with pytest.raises(UsageError, match="the individual score and an order of every pupil"):
            compare(Targeted("", targeted.school_id, targeted.municipality_code, targeted.label, orders))


@pytest.mark.parametrize(
    ("low", "high", "code"),
    [
        (0.1, 0.3, "score_finds_more"),
        (-0.3, -0.1, "finds_more"),
        (-0.04, 0.05, "does_as_well"),
        (-0.04, 0.06, "cannot_tell"),
        (np.nan, np.nan, "too_few"),
    ],
)
def test_a_verdict_follows_from_the_interval(low, high, code):
    assert verdict_of(low, high, 0.05) == code


def test_a_sentence_holds_its_numbers_in_both_languages():
    table = compare(small(schools=60), Comparing({AS_DELIVERED: Capacity(0.1)}, replicates=64))
    found = {one.strategy_code: one for one in verdicts(table) if one.area_kind == STATE}
    for language in LANGUAGES:
        assert " 90 " in found["school_rate"].sentence().in_language(language)
        assert TARGETING.column("strategy_code").codes["school_rate"].in_language(language) in found[
            "school_rate"
        ].sentence().in_language(language)
    assert plain_verdict(table, STATE, AS_DELIVERED).strategy_code == "school_rate"


def judged(code: str, more: float, low: float, high: float, left: int = 100) -> str:
    return Verdict("state", "LV", AS_DELIVERED, "school_rate", code, left, more, low, high).sentence().in_language("en")


def test_an_interval_on_both_sides_of_nothing_is_told_as_fewer_and_more():
    assert "anything from 11 fewer to 21 more" in judged("cannot_tell", 4, -11.2, 21.3)
    assert "anything from 0 fewer to 21 more" in judged("cannot_tell", 9, 0.2, 21.3)
    assert "finds 12 more than the individual score" in judged("finds_more", -12, -20, -5)
    assert "interval 5 to 20" in judged("finds_more", -12, -20, -5)


@pytest.mark.parametrize("code", ["score_finds_more", "does_as_well", "finds_more", "cannot_tell"])
def test_below_a_hundred_leavers_a_sentence_has_no_numbers(code):
    assert any(letter.isdigit() for letter in judged(code, 5, 1, 9, left=100))
    assert not any(letter.isdigit() for letter in judged(code, 5, 1, 9, left=99))


def test_a_class_is_drawn_to_its_school_and_a_school_to_all():
    past = pd.DataFrame(
        {
            "school_id": ["a"] * 20 + ["b"] * 20,
            "stage": (["9"] * 10 + ["10"] * 10) * 2,
            "label": [1.0] * 10 + [0.0] * 30,
        }
    )
    overall, shrunk = 0.25, SHRINK_PUPILS
    of_a = (10 + shrunk * overall) / (20 + shrunk)
    found = class_rate(past, pd.Series(["a", "a", "c"]), pd.Series(["9", "12", "9"]))
    assert found.tolist() == pytest.approx([(10 + shrunk * of_a) / (10 + shrunk), of_a, overall])


def test_rates_without_a_known_outcome_are_refused():
    past = pd.DataFrame({"school_id": ["a"], "stage": ["9"], "label": [np.nan]})
    with pytest.raises(UsageError, match="whose outcome is known"):
        class_rate(past, pd.Series(["a"]), pd.Series(["9"]))


def test_what_a_teacher_does_not_know_gives_no_point():
    nothing = pd.DataFrame({"mark_mean_points_year": [np.nan, 5.5]})
    assert TEACHER_LIKE.apply(nothing).tolist() == [0.0, 2.0]


def test_benefit_is_never_above_the_risk_and_harm_is_kept():
    effects = [RiskEffect(0.0, 0.5, 0.1), RiskEffect(0.5, 1.01, -0.02)]
    assert expected_benefit(np.array([0.04, 0.3, 0.9]), effects).tolist() == pytest.approx([0.04, 0.1, -0.02])


def test_who_ties_stands_at_the_mean_of_the_ranks_and_ties_in_nearness_to_the_middle():
    rank = mean_rank(np.array([3.0, 1.0, 1.0, 2.0]))
    assert rank.tolist() == [1.0, 3.5, 3.5, 2.0]
    assert middle_risk(rank, 1).argmax() == 3


def test_all_variance_lies_between_schools_where_only_schools_differ_and_none_where_they_do_not():
    school = np.repeat(np.arange(20), 30).astype(np.int32)
    stage = pd.Series(np.tile(np.repeat(["7", "8", "9"], 10), 20))
    between = spread_of(school.astype(float), school, stage, Comparing(replicates=64))
    assert between.shares.tolist() == pytest.approx([1.0, 0.0, 0.0])
    alike = spread_of(np.tile(np.arange(30.0), 20), school, pd.Series(["7"] * 600), Comparing(replicates=64))
    assert alike.shares[LEVELS.index("pupil")] == pytest.approx(1.0)
    of_classes = spread_of(np.tile(np.repeat([0.0, 1.0, 2.0], 10), 20), school, stage, Comparing(replicates=64))
    assert of_classes.shares[LEVELS.index("class")] == pytest.approx(1.0)


def test_where_nothing_differs_there_are_no_shares_and_few_schools_get_no_interval():
    school = np.repeat(np.arange(3), 50).astype(np.int32)
    stage = pd.Series(["7"] * 150)
    assert np.isnan(spread_of(np.full(150, 0.1), school, stage).shares).all()
    found = spread_of(np.arange(150.0), school, stage)
    rows = found.rows(("2024-12-20", STATE, STATE, "predicted"), 150, 9)
    assert [(row[4], bool(np.isnan(row[6]))) for row in rows] == [(level, True) for level in LEVELS]


def test_the_spread_of_pure_chance_is_not_laid_to_the_schools():
    school = np.repeat(np.arange(200), 10).astype(np.int32)
    chance = np.random.default_rng(5).standard_normal(2000)
    found = spread_of(chance, school, pd.Series(["7"] * 2000), Comparing(replicates=64))
    assert found.shares[0] < 0.03  # a plain share of squares would be about a tenth


@pytest.mark.parametrize("number", range(2))
@pytest.mark.parametrize("kind", worth_targeting.KINDS)
def test_the_verdict_says_whether_schools_or_pupils_were_planted_as_the_cause(kind, number):
    found = worth_targeting.judge(worth_targeting.draw(kind, 11, number, 4000), kind)
    assert found["right"] == 1
    assert found["wrong_in_municipalities"] == 0
