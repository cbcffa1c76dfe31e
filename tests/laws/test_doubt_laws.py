"""Laws of doubt: they hold for any scores and outcomes, whatever the model is worth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmodel.risk.capacity import place_in_school
from riskmodel.risk.doubt.aside import order_with_aside
from riskmodel.risk.doubt.sets import CLASSES, learn
from riskmodel.risk.doubt.width import Width

MANY = settings(max_examples=150, deadline=None)
seeds = st.integers(0, 10_000)
shares = st.floats(0.02, 0.45)


def cohort(seed, pupils=200):
    """Probabilities with ties, and outcomes that have any relation to them; some are not known."""
    generator = np.random.default_rng(seed)
    probability = np.round(generator.beta(1, generator.uniform(1, 8), pupils), generator.integers(1, 4))
    chance = np.clip(probability * generator.uniform(-1, 2) + generator.uniform(0, 0.5), 0, 1)
    label = (generator.uniform(size=pupils) < chance).astype(float)
    label[generator.uniform(size=pupils) < 0.1] = np.nan
    return probability, label


@MANY
@given(seeds, shares)
def test_of_the_pupils_behind_the_limits_so_many_have_a_set_that_held_what_became_of_them(seed, share):
    probability, label = cohort(seed)
    found = learn([(probability, label)], share)
    for answer, outcome in zip(CLASSES, (1.0, 0.0), strict=True):
        own = label == outcome
        assert found.holds(answer, probability[own]).sum() >= (1 - share) * own.sum()


@MANY
@given(seeds, shares, shares)
def test_a_set_that_may_miss_more_often_is_never_the_larger_one(seed, one, other):
    probability, label = cohort(seed)
    strict, loose = (learn([(probability, label)], share) for share in sorted((one, other)))
    for answer in CLASSES:
        assert (strict.holds(answer, probability) >= loose.holds(answer, probability)).all()


@MANY
@given(seeds, shares)
def test_neither_the_order_of_pupils_nor_that_of_cohorts_moves_a_limit(seed, share):
    one, other = cohort(seed), cohort(seed + 1)
    lot = np.random.default_rng(seed).permutation(len(one[0]))
    assert learn([one, other], share) == learn([other, (one[0][lot], one[1][lot])], share)


def test_sets_of_the_next_cohort_hold_each_class_as_often_as_was_aimed_at():
    """The mean over draws of cohorts is the share aimed at, or hardly more, however badly the scores rank."""
    generator = np.random.default_rng(5)
    held = {answer: [] for answer in CLASSES}
    for _ in range(300):
        raw = generator.normal(-1, 1, (2, 600))
        label = (generator.uniform(size=raw.shape) < 1 / (1 + np.exp(-0.4 * raw))).astype(float)
        found = learn([(raw[0], label[0])], 0.1)
        for answer, outcome in zip(CLASSES, (1.0, 0.0), strict=True):
            held[answer].append(found.holds(answer, raw[1][label[1] == outcome]).mean())
    for answer in CLASSES:
        assert np.mean(held[answer]) == pytest.approx(0.9, abs=0.01)


@MANY
@given(seeds, st.integers(0, 5), st.floats(0, 1))
def test_those_set_aside_take_no_place_while_others_wait_and_all_keep_their_order(seed, places, share):
    generator = np.random.default_rng(seed)
    score, school = np.round(generator.normal(size=40), 1), generator.integers(0, 4, 40)
    is_aside = generator.uniform(size=40) < share
    pupil = pd.Series([f"p{number:02d}" for number in range(40)])
    plain = place_in_school(score, pd.Series(school), pupil)
    place = order_with_aside(is_aside, np.full(40, places), school, plain)
    for one in range(4):
        own = school == one
        assert sorted(place[own]) == list(range(1, own.sum() + 1))
        has_place, waits = own & ~is_aside & (place <= places), own & (place > places)
        others = int((own & ~is_aside).sum())
        assert has_place.sum() == min(places, others)
        for rows in (has_place, own & ~has_place):
            assert (np.diff(plain[rows][np.argsort(place[rows])]) > 0).all()
        assert waits.sum() == max(own.sum() - places, 0)


@MANY
@given(st.floats(0, 1), st.floats(0, 2), st.floats(0, 2))
def test_the_interval_holds_the_chance_that_is_shown_and_grows_with_what_is_not_known(chance, one, other):
    little, much = (Width(sd, 0.1, 0.2, 1000, 100).interval(np.array([chance])) for sd in sorted((one, other)))
    for low, high in (little, much):
        assert 0 <= low[0] <= chance + 1e-12
        assert chance - 1e-12 <= high[0] <= 1
    assert much[0][0] <= little[0][0] + 1e-12
    assert much[1][0] >= little[1][0] - 1e-12
