"""The table of effects and the grades of measures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from riskmodel.bench.planted_allocations import Cut, Judgement, Lots
from riskmodel.errors import UsageError
from riskmodel.risk.effects.effect_table import LEAST_ROBUST, estimate_effects
from riskmodel.risk.effects.grade import grades
from riskmodel.risk.effects.lottery import lottery
from riskmodel.risk.effects.verdict import Rule
from riskmodel.tables.worth import EFFECT, MEASURE_GRADE

RULE = Rule(worth_having=0.02, plausible=0.3)


def frame_of(measure, seed, **columns):
    """Pupils of 80 schools over two years and two groups; what a way of giving places does not know is missing."""
    generator = np.random.default_rng([seed, 5])
    pupils = len(columns["left"])
    whole = {
        "school_id": generator.integers(0, 80, pupils).astype(str),
        "school_year": generator.choice([2023, 2024], pupils),
        "measure_code": measure,
        "group_code": generator.choice(["MI", "EK"], pupils),
        **dict.fromkeys(("score", "cut", "tie", "is_drawn", "one", "two", "three", "four"), np.nan),
    }
    return pd.DataFrame(whole | columns)


def by_cut(measure, seed, effect, pupils=6_000):
    cut = Cut(pupils)
    score, place, left = cut.draw(np.random.default_rng(seed), effect)
    return frame_of(measure, seed, score=score, cut=cut.at, given=place, left=left, one=score * 0 + place * 0)


def by_lot(measure, seed, effect):
    drawn, left, tie = Lots(ties=800).draw(np.random.default_rng(seed), effect)
    return frame_of(measure, seed, tie=tie.astype(str), is_drawn=drawn, given=drawn, left=left)


def by_judgement(measure, seed, effect):
    seen, given, left = Judgement(pupils=3_000).draw(np.random.default_rng(seed), effect)
    names = dict(zip(("one", "two", "three", "four"), seen.T, strict=True))
    return frame_of(measure, seed, given=given, left=left, **names)


def p_of(frame):
    tie = pd.factorize(frame["tie"])[0]
    return lottery(*(frame[name].to_numpy() for name in ("is_drawn", "left")), tie).intended.p_value


@pytest.fixture(scope="module")
def frame():
    whole = pd.concat(
        [by_lot("KA-PED", 1, -0.1), by_cut("KA-SOC", 2, 0.0), by_judgement("KO-TRA", 3, -0.09)], ignore_index=True
    )
    generator = np.random.default_rng(9)
    change = generator.normal(size=len(whole))
    return whole.assign(before=change, after=change + generator.normal(size=len(whole)) - 0.5 * whole["given"])


@pytest.fixture(scope="module")
def table(frame):
    return estimate_effects(frame, ["one", "two", "three", "four"], seed=1, rule=RULE)


def row(table, measure, kind, group="all", year="all"):
    found = table.set_index(["measure_code", "kind_code", "group_code", "school_year_code"])
    return found.loc[(measure, kind, group, year)]


def test_the_columns_are_the_declared_ones_and_the_key_is_one(table):
    assert tuple(table.columns) == EFFECT.column_names
    assert not table.duplicated(list(EFFECT.key)).any()
    for name in ("kind_code", "verdict_code", "grade_code"):
        assert set(table[name]) <= set(EFFECT.column(name).codes)
    assert set(table["reason_code"].dropna()) <= set(EFFECT.column("reason_code").codes)


def test_every_measure_is_told_in_all_by_year_and_by_group_and_never_by_school(table):
    own = table[(table["measure_code"] == "KA-PED") & (table["kind_code"] == "lottery")]
    assert sorted(zip(own["group_code"], own["school_year_code"], strict=True)) == [
        ("EK", "all"),
        ("MI", "all"),
        ("all", "2023"),
        ("all", "2024"),
        ("all", "all"),
    ]


def test_planted_effects_get_their_verdict_and_kind_of_evidence(table):
    assert row(table, "KA-PED", "lottery")["verdict_code"] == "helps"
    assert row(table, "KA-PED", "lottery")["grade_code"] == "randomised"
    assert row(table, "KO-TRA", "adjusted")["verdict_code"] == "helps"
    assert row(table, "KO-TRA", "adjusted")["robustness"] > LEAST_ROBUST
    at_cut = row(table, "KA-SOC", "discontinuity")
    assert at_cut["verdict_code"] == "inconclusive"
    assert at_cut["low"] < 0 < at_cut["high"]
    assert at_cut["uptake"] == pytest.approx(1)
    assert at_cut["pupils_needed"] > at_cut["pupils_given"] + at_cut["pupils_compared"]


def test_a_change_over_a_semester_is_descriptive_and_no_evidence(table):
    own = table[table["kind_code"] == "difference"]
    assert set(own["verdict_code"]) == {"descriptive"}
    assert set(own["grade_code"]) == {"none_yet"}
    assert row(table, "KA-PED", "difference")["high"] < 0


def test_a_comparison_that_fails_a_check_claims_nothing(frame):
    drawn = frame[frame["measure_code"] == "KA-PED"]
    unfair = drawn.assign(one=drawn["is_drawn"] + np.random.default_rng(1).normal(size=len(drawn)))
    found = row(estimate_effects(unfair, ["one"], seed=1, rule=RULE), "KA-PED", "lottery")
    assert found["high"] < 0
    assert (found["verdict_code"], found["reason_code"], found["failed_checks"], found["grade_code"]) == (
        "inconclusive",
        "checks_failed",
        "covariates",
        "none_yet",
    )


def test_a_claim_that_does_not_hold_among_many_measures_is_none():
    many = pd.concat([by_lot(f"KA-{letter}AA", seed, 0.0) for seed, letter in enumerate("ABCDEFGHIJ")])
    # The first allocation whose own chance result would be one in a hundred to one in thirty: eleven questions ask for more.
    strong = next(own for seed in range(100) if 0.01 < p_of(own := by_lot("ZZ-ZZZ", 100 + seed, -0.04)) < 0.03)
    assert row(estimate_effects(strong, [], seed=1, rule=RULE), "ZZ-ZZZ", "lottery")["verdict_code"] == "helps"
    together = estimate_effects(pd.concat([many, strong], ignore_index=True), [], seed=1, rule=RULE)
    found = row(together, "ZZ-ZZZ", "lottery")
    assert (found["verdict_code"], found["reason_code"]) == ("inconclusive", "among_many")
    assert found["high"] < 0


def test_few_pupils_get_a_reason_and_no_figure(frame):
    few = estimate_effects(frame[frame["measure_code"] == "KA-SOC"].head(60), ["one"], seed=1, rule=RULE)
    found = row(few, "KA-SOC", "discontinuity")
    assert (found["verdict_code"], found["reason_code"]) == ("not_estimated", "too_few_pupils")
    assert (
        few[["value", "low", "high", "pupils_given", "pupils_compared"]]
        .loc[few["kind_code"] == "discontinuity"]
        .isna()
        .all(axis=None)
    )


def test_pupils_whose_outcome_is_not_known_are_left_out(frame):
    own = frame[frame["measure_code"] == "KA-PED"]
    unknown = own.copy()
    unknown.loc[unknown.index[::9], "left"] = np.nan
    found = row(estimate_effects(unknown, [], seed=1, rule=RULE), "KA-PED", "lottery")
    known = row(estimate_effects(own[unknown["left"].notna()], [], seed=1, rule=RULE), "KA-PED", "lottery")
    assert found["value"] == known["value"]
    assert found["pupils_given"] == known["pupils_given"]


def test_the_order_of_pupils_and_other_names_of_schools_change_nothing_but_rounding(frame, table):
    own = frame[frame["measure_code"] == "KA-SOC"]
    other = own.sample(frac=1, random_state=3).assign(school_id=lambda rows: "x" + rows["school_id"])
    found = estimate_effects(other, ["one", "two", "three", "four"], seed=1, rule=RULE)
    assert row(found, "KA-SOC", "discontinuity")["value"] == pytest.approx(
        row(table, "KA-SOC", "discontinuity")["value"], abs=1e-9
    )


def test_a_frame_without_its_columns_is_refused(frame):
    with pytest.raises(UsageError, match="cut"):
        estimate_effects(frame.drop(columns="cut"), [], seed=1)


def test_a_grade_is_that_of_the_strongest_usable_comparison(table):
    measures = ["KA-PED", "KA-SOC", "KO-TRA", "KA-PSI", "KA-LOG"]
    found = grades(table, measures, opinions=["KA-PSI", "KA-PED"], costs_eur={"KA-PED": 430.0})
    assert tuple(found.columns) == MEASURE_GRADE.column_names
    own = found.set_index("measure_code")
    assert own["grade_code"].to_dict() == {
        "KA-LOG": "none_yet",
        "KA-PED": "randomised",
        "KA-PSI": "opinion",
        "KA-SOC": "discontinuity",
        "KO-TRA": "adjusted",
    }
    assert own.loc["KA-PED", "cost_eur"] == 430
    assert own.loc["KA-PED", "verdict_code"] == "helps"
    assert own.loc["KA-PED", "high"] == row(table, "KA-PED", "lottery")["high"]
    assert own.loc["KA-LOG"].drop("grade_code").isna().all()


def test_not_enough_data_is_no_grade(frame):
    strict = estimate_effects(frame, ["one", "two"], seed=1, rule=Rule(0.01, 0.02))
    assert row(strict, "KA-SOC", "discontinuity")["verdict_code"] == "not_enough_data"
    assert set(grades(strict, ["KA-SOC"])["grade_code"]) == {"none_yet"}


def test_pupils_whose_year_and_group_are_not_told_apart_count_in_the_whole_alone():
    judged = by_judgement("KA-PED", 11, -0.05).assign(school_year="all", group_code="all")
    lots = by_lot("KA-PED", 12, -0.05).assign(school_year="2023", group_code="high")
    found = estimate_effects(pd.concat([judged, lots], ignore_index=True), ("one", "two", "three", "four"), 1, RULE)
    assert not found[list(EFFECT.key)].duplicated().any()
    kinds = found.groupby(["group_code", "school_year_code"])["kind_code"].apply(list).to_dict()
    assert kinds == {
        ("all", "all"): ["adjusted", "lottery"],
        ("all", "2023"): ["lottery"],
        ("high", "all"): ["lottery"],
    }
