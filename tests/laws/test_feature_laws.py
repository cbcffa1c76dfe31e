"""What must hold of the features whatever the data: order, names and parts do not matter, and SQL says what is meant."""

from __future__ import annotations

from random import Random

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from laid_out import laid_out
from plain_reference import reference
from small_world import CUT_OFF, World, invent_world, members_of, pupil_id, same_bytes

from riskmodel.risk.features import FEATURES, build
from riskmodel.tables.canonical import REQUIRED_TABLES

SEEDS = st.integers(0, 10**6)


def features_of(world: World) -> pd.DataFrame:
    connection = laid_out(**world)
    return build(connection, CUT_OFF, members_of(connection))


@settings(max_examples=8, deadline=None)
@given(SEEDS)
def test_every_feature_is_what_plain_python_says(seed):
    world = invent_world(seed)
    connection = laid_out(**world)
    members = members_of(connection)
    found = build(connection, CUT_OFF, members)
    as_records = members.astype(object).where(members.notna(), None).to_dict("records")
    expected = pd.DataFrame(reference(world, as_records)).T.astype(float).sort_index()
    assert {*expected.columns} == {feature.code for feature in FEATURES}
    pd.testing.assert_frame_equal(
        found[list(expected.columns)], expected, check_names=False, check_index_type=False, rtol=1e-9, atol=1e-8
    )
    assert not np.isinf(found.to_numpy()).any()
    shares = found[[feature.code for feature in FEATURES if feature.unit == "share"]]
    assert ((shares >= 0) & (shares <= 1) | shares.isna()).all(axis=None)


@settings(max_examples=5, deadline=None)
@given(SEEDS)
def test_neither_the_order_of_rows_nor_the_keys_of_pupils_matter(seed):
    world = invent_world(seed)
    random = Random(seed)
    other = {
        name: [
            row | {"pupil_id": pupil_id(row["pupil_id"])} if "pupil_id" in row else row
            for row in random.sample(rows, len(rows))
        ]
        for name, rows in world.items()
    }
    before, after = features_of(world), features_of(other)
    before.index = pd.Index([pupil_id(pupil) for pupil in before.index], name="pupil_id")
    assert same_bytes(before.sort_index(), after)


@settings(max_examples=3, deadline=None)
@given(SEEDS)
def test_schools_computed_apart_give_the_same_features_as_together(seed):
    world = invent_world(seed)
    connection = laid_out(**world)
    members = members_of(connection)
    together = build(connection, CUT_OFF, members)
    parts = []
    for school_id, of_school in members.groupby("school_id"):
        pupils = set(of_school["pupil_id"])
        rows = {
            name: [
                row
                for row in rows
                if name in {"school", "enrolment", "economic_area", "term"}
                or row.get("pupil_id") in pupils
                or row.get("school_id") == school_id
            ]
            for name, rows in world.items()
        }
        parts.append(build(laid_out(**rows), CUT_OFF, of_school))
    assert same_bytes(together, pd.concat(parts).sort_index())


def test_tables_that_were_not_delivered_are_no_data_and_not_zero():
    world = invent_world(3)
    found = features_of(world | {name: [] for name in world if name not in REQUIRED_TABLES})
    needing = [feature.code for feature in FEATURES if not {*feature.needs} <= {*REQUIRED_TABLES}]
    assert found[needing].isna().all(axis=None)
    assert found.drop(columns=needing).notna().any(axis=None)
