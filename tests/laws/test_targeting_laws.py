"""Laws of choosing who is offered limited support: places are filled, rows and keys do not matter, lots are fair."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmodel.risk.capacity import Capacity
from riskmodel.risk.targeting import lottery
from riskmodel.risk.targeting.comparison import AS_DELIVERED, STATE, Comparing, Targeted, compare
from riskmodel.risk.targeting.lottery import Band
from riskmodel.risk.targeting.spread import spread_of
from riskmodel.risk.targeting.strategies import chances


@st.composite
def cohorts(draw: st.DrawFn) -> Targeted:
    """Draw a cohort with ties in every order and some outcomes unknown."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    pupils, schools = draw(st.integers(150, 300)), draw(st.integers(2, 14))
    school = rng.integers(0, schools, pupils)
    steps = draw(st.integers(1, 40))
    return Targeted(
        "2024-12-20",
        pd.Series(school).map("s{:02d}".format),
        pd.Series(school % 2).map("m{}".format),
        np.where(rng.random(pupils) < 0.1, np.nan, (rng.random(pupils) < 0.4).astype(float)),
        {"score": rng.integers(0, steps, pupils).astype(float), "school_rate": (school % 5).astype(float)},
    )


@settings(max_examples=25, deadline=None)
@given(cohorts(), st.floats(0.02, 0.6))
def test_what_is_reached_is_what_the_chances_of_a_place_say(targeted, share):
    budget = Comparing({AS_DELIVERED: Capacity(share)}, replicates=0)
    found = compare(targeted, budget).set_index(["area_kind", "strategy_code"]).xs(STATE)
    whole = pd.Series("all", index=targeted.school_id.index)
    places = {"all": int(found["places"].iloc[0])}
    for strategy in ("score", "school_rate", "middle_risk"):
        chance = chances(strategy, targeted.orders, whole, places)
        assert chance.sum() == pytest.approx(min(places["all"], len(whole)))
        assert found.loc[strategy, "reached"] == pytest.approx(np.nansum(chance * targeted.label))
    in_school = chances(
        "score_in_school", targeted.orders, targeted.school_id, Capacity(share).by_school(targeted.school_id)
    )
    assert found.loc["score_in_school", "reached"] == pytest.approx(np.nansum(in_school * targeted.label))


@pytest.mark.parametrize("seed", [1368, 2061, 2068, 2115, 2154])
def test_the_middle_of_the_medium_band_is_that_of_whole_places(seed):
    # Few schools: pupils are drawn, and their shares of the places add up to a little more or less than whole ones.
    rng = np.random.default_rng(seed)
    pupils, schools, steps = 150 + seed % 150, 2 + seed % 3, 1 + seed % 40
    school = rng.integers(0, schools, pupils)
    targeted = Targeted(
        "2024-12-20",
        pd.Series(school).map("s{:02d}".format),
        pd.Series(school % 2).map("m{}".format),
        np.where(rng.random(pupils) < 0.1, np.nan, (rng.random(pupils) < 0.4).astype(float)),
        {"score": rng.integers(0, steps, pupils).astype(float)},
    )
    budget = Comparing({AS_DELIVERED: Capacity(0.02 + 0.58 * rng.random())}, replicates=0)
    found = compare(targeted, budget).set_index(["area_kind", "strategy_code"]).xs(STATE)
    whole = pd.Series("all", index=targeted.school_id.index)
    chance = chances("middle_risk", targeted.orders, whole, {"all": int(found["places"].iloc[0])})
    assert found.loc["middle_risk", "reached"] == pytest.approx(np.nansum(chance * targeted.label))


@settings(max_examples=15, deadline=None)
@given(cohorts(), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_figure_drawn_by_schools(targeted, source):
    rows = list(range(len(targeted.label)))
    source.shuffle(rows)
    other = Targeted(
        targeted.cohort_on,
        targeted.school_id.iloc[rows].reset_index(drop=True),
        targeted.municipality_code.iloc[rows].reset_index(drop=True),
        targeted.label[rows],
        {code: order[rows] for code, order in targeted.orders.items()},
    )
    comparing = Comparing({AS_DELIVERED: Capacity(0.1)}, replicates=32)
    one, two = (
        table[table["drawn_code"] == "school"] for table in (compare(targeted, comparing), compare(other, comparing))
    )
    pd.testing.assert_frame_equal(one, two)


@settings(max_examples=25, deadline=None)
@given(cohorts())
def test_the_shares_of_variance_add_up_and_lie_between_0_and_1(targeted):
    school = targeted.school_id.str[1:].astype(np.int32).to_numpy()
    found = spread_of(targeted.orders["score"], school, targeted.municipality_code, Comparing(replicates=8)).shares
    if not np.isnan(found).any():
        assert found.sum() == pytest.approx(1)
        assert (found >= 0).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 12), st.floats(0, 0.3), st.floats(0, 0.5))
def test_chances_and_lots_fill_the_places_of_a_school_whatever_the_band(seed, places, width, lowest):
    rng = np.random.default_rng(seed)
    pupils = pd.DataFrame(
        {"pupil_id": [f"p{n}" for n in range(30)], "school_id": "1", "probability": rng.random(30).round(1)}
    )
    standing = lottery.stand(pupils, {"1": places}, Band(lowest, width))
    filled = min(places, len(standing))
    assert standing["chance"].sum() == pytest.approx(filled)
    drawn = lottery.draw(standing, f"{seed:064x}", "run")
    assert drawn["has_place"].sum() == filled
    assert drawn.loc[drawn["state_code"] == "certain", "has_place"].all()
    assert not drawn.loc[drawn["state_code"] == "no_place", "has_place"].any()
