"""Who gets support by the rule, what a plan holds, and what it changes: on pupils made by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmodel.sources.synthetic import support_rule
from riskmodel.sources.synthetic.planted import Effect, Support, read_world
from riskmodel.sources.synthetic.support_rule import MEASURES, NONE, RISK_GROUPS, Candidates, allocate, plan_for
from riskmodel.sources.synthetic.truth import Situation, probability

SEED, TERM = 7, 20242


def candidates(need, school=None, hidden=None, may_get=None, is_poor=None):
    count = len(need)
    return Candidates(
        key=np.arange(count),
        school=np.zeros(count, dtype=np.int64) if school is None else np.asarray(school),
        need=np.asarray(need, dtype=np.float64),
        hidden_trouble=np.zeros(count) if hidden is None else np.asarray(hidden),
        is_poor=np.zeros(count, dtype=bool) if is_poor is None else np.asarray(is_poor),
        teacher_share=np.full(count, 0.5),
        may_get=np.ones(count, dtype=bool) if may_get is None else np.asarray(may_get),
    )


def given_to(who, seats, by_rule, **sizes):
    return allocate(Support(**sizes), who, np.array(seats), np.array(by_rule), SEED, TERM)


def situation(**values):
    """One pupil in no need, but for the values given."""
    usual = {
        "recent_unexcused_lessons": 0,
        "earlier_unexcused_lessons": 0,
        "recent_late_lessons": 0,
        "failed_subjects": 0,
        "mean_points": 8.0,
        "is_overage": False,
        "has_low_income": False,
        "has_free_meals": False,
        "distance_km": 1.0,
        "is_male": False,
        "hidden_trouble": 0.0,
    }
    return Situation(**{name: np.array([value]) for name, value in (usual | values).items()})


# The need score


@pytest.mark.parametrize(
    ("values", "points"),
    [
        ({}, 0.0),
        ({"recent_unexcused_lessons": 10}, 2.5),
        ({"recent_unexcused_lessons": 400}, 5.0),
        ({"failed_subjects": 7}, 4.0),
        ({"has_low_income": True, "is_overage": True}, 2.0),
        ({"mean_points": 4.75}, 3.2),
        ({"mean_points": np.nan}, 0.0),
        ({"mean_points": 9.5}, 0.0),
        ({"hidden_trouble": 3.0, "is_male": True, "distance_km": 90.0, "recent_late_lessons": 9}, 0.0),
    ],
)
def test_the_need_score_is_what_the_register_shows_and_nothing_else(values, points):
    assert support_rule.need_points(situation(**values)).tolist() == [points]


# The cut


def test_places_go_to_the_highest_scores_that_reach_the_cut():
    found = given_to(candidates([5, 1, 4, 3, 0]), [2], [True], override_share=0.0)
    assert found.is_given.tolist() == [True, False, True, False, False]
    assert found.cut_points.tolist() == [4.0] * 5
    few = given_to(candidates([5, 1, 1.9, 0]), [3], [True], override_share=0.0)
    assert few.is_given.tolist() == [True, False, False, False]


def test_a_school_where_nobody_reaches_the_cut_tells_the_cut_itself():
    found = given_to(candidates([1.0, 0.5]), [2], [True])
    assert not found.is_given.any()
    assert found.cut_points.tolist() == [3.0, 3.0]


def test_who_may_not_get_a_place_gets_none():
    found = given_to(candidates([5, 4], may_get=[False, True]), [2], [True], override_share=0.0)
    assert found.is_given.tolist() == [False, True]


def test_ties_at_the_cut_are_broken_by_order_or_by_lot_and_marked():
    who = candidates([5] + [3] * 200)
    plain = given_to(who, [101], [True], override_share=0.0)
    lots = given_to(who, [101], [True], override_share=0.0, has_lottery=True)
    assert plain.is_given.tolist() == [True] * 101 + [False] * 100
    assert lots.is_given.sum() == 101
    assert 25 < lots.is_given[1:101].sum() < 75
    for found in (plain, lots):
        assert found.is_tied_at_cut.tolist() == [False] + [True] * 200
    assert not given_to(who, [201], [True]).is_tied_at_cut.any()


@settings(max_examples=60, deadline=None)
@given(
    seats=st.lists(st.integers(0, 12), min_size=1, max_size=5),
    pupils=st.integers(0, 120),
    by_rule=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_no_school_gives_more_places_than_it_has(seats, pupils, by_rule, seed):
    rng = np.random.default_rng(seed)
    who = candidates(
        rng.integers(0, 6, pupils),
        rng.integers(0, len(seats), pupils),
        rng.normal(size=pupils),
        rng.random(pupils) < 0.8,
    )
    planted = Support(override_share=0.5, has_lottery=bool(seed % 2))
    found = allocate(planted, who, np.array(seats), np.full(len(seats), by_rule), seed, TERM)
    counts = np.bincount(who.school[found.is_given], minlength=len(seats))
    assert (counts <= seats).all()
    assert not (found.is_given & ~who.may_get).any()
    assert not (found.is_override & found.is_next_in_line).any()
    # An override takes a place from one who was next in line: no place is lost by it.
    line = np.bincount(who.school[found.is_next_in_line], minlength=len(seats))
    assert not by_rule or (counts == line).all()


def test_staff_override_about_a_tenth_of_the_places():
    rng = np.random.default_rng(1)
    school = np.repeat(np.arange(300), 100)
    found = given_to(candidates(rng.exponential(2.0, 30_000), school), [10] * 300, [True] * 300)
    share = found.is_override.sum() / found.is_given.sum()
    assert share == pytest.approx(0.10, abs=4 * (0.09 / 3000) ** 0.5)
    passed_over = found.is_next_in_line & ~found.is_given
    assert passed_over.sum() == found.is_override.sum()


# Teachers


def test_teachers_see_hidden_trouble_and_the_rule_does_not():
    rng = np.random.default_rng(1)
    school, hidden = np.repeat(np.arange(200), 50), rng.normal(size=10_000)
    who = candidates(rng.exponential(2.0, 10_000), school, hidden)
    sizes = {"teachers_see_hidden": 1.0, "override_share": 0.0}
    seen, unseen = (given_to(who, [5] * 200, [rule] * 200, **sizes).is_given for rule in (False, True))
    assert seen.sum() == 1000
    assert hidden[seen].mean() > 0.5
    assert abs(hidden[unseen].mean()) < 4 / unseen.sum() ** 0.5
    assert np.isnan(given_to(who, [5] * 200, [False] * 200).cut_points).all()


# Places


def test_places_are_a_share_of_the_pupils_and_the_same_for_a_school_wherever_it_stands():
    enrolled, ids = np.full(500, 1000), [f"99{number:08d}" for number in range(500)]
    places = support_rule.places(Support(), enrolled, SEED, 2024, ids)
    assert 55 <= places.min() < 60
    assert 110 < places.max() <= 115
    alone = support_rule.places(Support(), enrolled[:1], SEED, 2024, ids[7:8])
    assert alone[0] == places[7]
    assert support_rule.places(Support(), np.array([3]), SEED, 2024, ids[:1]).tolist() == [2]


def test_a_country_of_latvia_s_size_has_about_43_plans_per_institution_and_year():
    """21,732 plans in 507 institutions in 2019/20; as many pupils per institution as here in the country."""
    ids = [f"99{number:08d}" for number in range(636)]
    places = support_rule.places(Support(), np.full(636, 158_600 // 636), SEED, 2024, ids)
    assert 2 * places.mean() == pytest.approx(21_732 / 507, rel=0.05)


def test_a_share_of_the_schools_goes_by_the_rule():
    ids = [f"99{number:08d}" for number in range(2000)]
    assert support_rule.goes_by_rule(Support(rule_school_share=0.3), SEED, ids).mean() == pytest.approx(0.3, abs=0.04)
    assert not support_rule.goes_by_rule(Support(rule_school_share=0.0), SEED, ids).any()


# Plans


def test_risk_marks_have_the_published_shares_and_there_are_1_2_of_them_in_a_plan():
    """Marks of 2019/20: learning 18,666, economic 5,862, family 1,048, social and health 528, on 21,732 plans."""
    rng = np.random.default_rng(1)
    who = candidates(np.zeros(40_000), is_poor=rng.random(40_000) < 0.25)
    plan = plan_for(who, np.ones(40_000, dtype=bool), SEED, TERM)
    marks = np.concatenate([plan.risk_group, plan.second_risk_group[plan.second_risk_group != NONE]])
    shares = np.bincount(marks, minlength=4) / len(marks)
    assert dict(zip(RISK_GROUPS, shares, strict=True)) == pytest.approx(
        {"MI": 0.715, "EK": 0.225, "GI": 0.040, "SV": 0.020}, abs=0.006
    )
    assert len(marks) / 40_000 == pytest.approx(26_104 / 21_732, abs=0.01)


def test_a_plan_answers_each_group_by_its_measures_and_names_none_twice():
    rng = np.random.default_rng(1)
    plan = plan_for(candidates(np.zeros(5000), is_poor=rng.random(5000) < 0.4), np.ones(5000, dtype=bool), SEED, TERM)
    answers = {"MI": {"KA-PED", "KA-SOC"}, "EK": {"KO-TRA"}, "GI": {"KA-PSI"}, "SV": {"KA-PSI"}}
    for groups, measures in ((plan.risk_group, plan.measure), (plan.second_risk_group, plan.second_measure)):
        assert ((groups == NONE) == (measures == NONE)).all()
        for group, measure in set(zip(groups.tolist(), measures.tolist(), strict=True)) - {(NONE, NONE)}:
            assert MEASURES[measure] in answers[RISK_GROUPS[group]]
    assert not (plan.measure == plan.second_measure).any()
    assert not (plan.measure == NONE).any()


def test_economic_support_goes_to_the_poor_first():
    who = candidates(np.zeros(20_000), is_poor=np.arange(20_000) % 4 == 0)
    plan = plan_for(who, np.ones(20_000, dtype=bool), SEED, TERM)
    economic = (plan.risk_group == 1) | (plan.second_risk_group == 1)
    assert economic[who.is_poor].mean() > 1.2 * economic[~who.is_poor].mean()


# What a measure changes


def test_a_measure_lowers_the_risk_by_points_or_log_odds_where_it_works():
    odds = np.array([-4.0, -1.5, 0.0, 2.0])
    without = probability(odds)
    assert support_rule.chance_with(Effect(), odds).tolist() == without.tolist()
    points = support_rule.chance_with(Effect(points=-5.0), odds) - without
    assert points.tolist() == pytest.approx([-without[0], -0.05, -0.05, -0.05])
    moved = support_rule.chance_with(Effect(log_odds=-0.5), odds)
    assert moved.tolist() == pytest.approx(probability(odds - 0.5).tolist())
    middle = support_rule.chance_with(Effect(points=-10.0, from_probability=0.1, to_probability=0.3), odds) - without
    assert middle.tolist() == pytest.approx([0, -0.1, 0, 0])


def test_a_plan_of_two_measures_has_both_effects():
    planted = Support(effects={"KA-PED": Effect(points=-5.0), "KO-TRA": Effect(log_odds=-0.3)})
    plan = support_rule.Meant(np.array([0, 0, 2]), np.zeros(3), np.array([3, NONE, NONE]), np.zeros(3))
    found = support_rule.chance_with_plan(planted, np.zeros(3), plan)
    both = probability(np.log(0.45 / 0.55) - 0.3)
    assert found.tolist() == pytest.approx([both, 0.45, 0.5])


def test_measures_change_nothing_in_the_world_without_signal():
    planted = read_world("no_signal").support
    odds = np.linspace(-5, 3, 50)
    plan = support_rule.Meant(np.arange(50) % 4, np.zeros(50), np.full(50, NONE), np.zeros(50))
    assert support_rule.chance_with_plan(planted, odds, plan).tolist() == pytest.approx(probability(odds).tolist())
