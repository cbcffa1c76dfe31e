"""What became known after the cut-off date changes nothing, and only distances in time count."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laid_out import laid_out
from small_world import (
    AS_OF,
    CUT_OFF,
    HORIZON,
    LAST_DAY,
    WINDOW,
    YEAR_ON,
    Row,
    World,
    invent_world,
    members_of,
    same_bytes,
)

from riskmodel.risk.features import build
from riskmodel.risk.label import Window, cohort, cohort_windows
from riskmodel.tables.canonical import table
from riskmodel.tables.scores import COHORT

SEEDS = st.integers(0, 10**6)
OF_THE_OUTCOME = ["outcome_class", "label", "left_on"]


def with_another_future(world: World, seed: int) -> World:
    """Return the world with later facts deleted, and others added: new versions of known facts, and new facts."""
    random = Random(seed)
    changed: World = {}
    for name, rows in world.items():
        known = [row for row in rows if row["known_on"] <= CUT_OFF]
        key = table(name).key
        future: list[Row] = []
        for row in random.sample(known, min(len(known), 60)):
            other = random.choice(known)
            known_on = CUT_OFF + timedelta(days=random.randint(1, 60))
            # A correction: the same fact, with everything else taken from another row.
            future.append(other | {column: row[column] for column in key} | {"known_on": known_on})
            # A fact reported late: about a day before the cut-off, and of another pupil or school.
            moved = row | {column: other[column] for column in key if random.random() < 0.5}
            day = random.choice([row["happened_on"], moved["happened_on"], CUT_OFF])
            future.append(moved | {"happened_on": day, "known_on": known_on})
        changed[name] = known + future
    return changed


@pytest.mark.requirement("R7")
@settings(max_examples=6, deadline=None)
@given(SEEDS)
def test_no_row_known_after_the_cut_off_changes_a_feature_or_a_member(seed):
    world = invent_world(seed)
    connection, other = laid_out(**world), laid_out(**with_another_future(world, seed))
    members, other_members = members_of(connection), members_of(other)
    pd.testing.assert_frame_equal(members.drop(columns=OF_THE_OUTCOME), other_members.drop(columns=OF_THE_OUTCOME))
    assert same_bytes(build(connection, CUT_OFF, members), build(other, CUT_OFF, other_members))
    windows = [cohort_windows(given, CUT_OFF, None, 30) for given in (connection, other)]
    assert windows[0] == windows[1]


def test_the_other_future_is_seen_once_it_is_known():
    """The law above would hold of features that read nothing: here the same rows do change values."""
    world = invent_world(5)
    connection, other = laid_out(**world), laid_out(**with_another_future(world, 5))
    members = members_of(connection)
    later = CUT_OFF + timedelta(days=60)
    before, after = build(connection, later, members), build(other, later, members)
    changed = [code for code in before if not before[code].equals(after[code])]
    assert {"absent_share_year", "mark_mean_points_year", "term_mark_mean_points", "distance_km"} <= {*changed}
    assert {"area_unemployment_percent", "moves_3y", "support_measures_2y"} <= {*changed}


def shifted(world: World, days: int) -> World:
    """Return the world with every date moved by ``days``."""
    return {
        name: [
            {
                column: value + timedelta(days=days) if isinstance(value, date) else value
                for column, value in row.items()
            }
            for row in rows
        ]
        for name, rows in world.items()
    }


@settings(max_examples=4, deadline=None)
@given(SEEDS, st.sampled_from([-728, -364, 7, 364]))
def test_a_world_moved_by_whole_weeks_gives_the_same_features_and_labels(seed, days):
    world = invent_world(seed)
    connection = laid_out(**world)
    members = members_of(connection)
    move = timedelta(days=days)
    window = Window(CUT_OFF + move, YEAR_ON + move, HORIZON + move, 30, term_on=YEAR_ON + move)
    other = laid_out(**shifted(world, days))
    other_members = cohort(other, window, AS_OF + move)
    assert same_bytes(build(connection, CUT_OFF, members), build(other, window.cut_off, other_members))
    pd.testing.assert_series_equal(members["label"], other_members["label"])
    pd.testing.assert_series_equal(members["outcome_class"], other_members["outcome_class"])


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_a_label_says_what_plain_python_says_of_the_stays(seed):
    world = invent_world(seed, pupils=60)
    found = cohort(laid_out(**world), WINDOW, AS_OF)
    expected = {pupil: (outcome, label) for pupil, (outcome, label) in plain_labels(world).items()}
    assert {
        row["pupil_id"]: (row["outcome_class"], None if pd.isna(row["label"]) else row["label"])
        for row in found.to_dict("records")
    } == expected
    assert found["pupil_id"].is_unique
    assert tuple(found.columns) == COHORT.column_names


def plain_labels(world: World) -> dict[str, tuple[str, int | None]]:
    """Return outcome and label by pupil, by walking through the stays in order."""

    def newest(as_of: date) -> list[Row]:
        facts: dict[tuple[object, ...], Row] = {}
        for row in sorted(world["enrolment"], key=lambda row: row["known_on"]):
            if row["known_on"] <= as_of:
                facts[row["pupil_id"], row["school_id"], row["happened_on"]] = row
        return list(facts.values())

    def runs_on(row: Row, day: date) -> bool:
        return row["happened_on"] <= day and (row["ends_on"] is None or row["ends_on"] > day)

    at_cut = [row for row in newest(CUT_OFF) if runs_on(row, CUT_OFF)]
    labels: dict[str, tuple[str, int | None]] = {}
    for pupil in {row["pupil_id"] for row in at_cut}:
        school = max((row["happened_on"], row["school_id"]) for row in at_cut if row["pupil_id"] == pupil)[1]
        stays = [row for row in newest(AS_OF) if row["pupil_id"] == pupil and row["happened_on"] <= HORIZON]
        running = [row["school_id"] for row in stays if runs_on(row, HORIZON)]
        ended = sorted((row for row in stays if row["ends_on"]), key=lambda row: row["ends_on"])
        if any(row["exit_class"] == "completed" and runs_on(row, CUT_OFF) for row in ended):
            labels[pupil] = ("completed", 0)
        elif running:
            labels[pupil] = ("continuing" if school in running else "transferred", 0)
        else:
            outcome = ended[-1]["exit_class"]
            is_open = ended[-1]["ends_on"] <= CUT_OFF or outcome in {"abroad", "unknown"}
            labels[pupil] = (outcome, None if is_open else int(outcome == "left"))
    return labels


@settings(max_examples=5, deadline=None)
@given(SEEDS, st.integers(1, 700))
def test_no_label_is_given_before_the_window_and_the_delay_are_over(seed, days):
    connection = laid_out(**invent_world(seed))
    found = cohort(connection, WINDOW, WINDOW.label_known_on - timedelta(days=days))
    assert set(found["outcome_class"]) <= {"open"}
    assert found[["label", "left_on"]].isna().all(axis=None)


def test_the_world_has_labels_of_every_kind():
    """The laws above mean little in a world where nobody leaves."""
    found = cohort(laid_out(**invent_world(1, pupils=300)), WINDOW, AS_OF)
    assert set(found["outcome_class"]) >= {"left", "continuing", "transferred", "completed", "abroad", "unknown"}
    assert set(found["label"].dropna()) == {0, 1}
    assert LAST_DAY < HORIZON
