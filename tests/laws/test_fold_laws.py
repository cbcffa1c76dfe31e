"""What a pupil's own facts come to depends on those facts alone: not on ranges, files, row groups, order or threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laid_out import laid_out
from small_world import CUT_OFF, YEAR_ON, Row, World, invent_world, pupil_id

from riskmodel.risk import fold
from riskmodel.risk.cutoff import counting, open_cut_off
from riskmodel.risk.features import build_rows
from riskmodel.risk.fold import FOLD_COLUMNS, fold_pupils
from riskmodel.risk.label import cohort, cohort_windows, with_municipalities
from riskmodel.risk.members import OfMembers
from riskmodel.risk.stay_fold import STAY_COLUMNS
from riskmodel.risk.trend import TrendFold, trend_of_pupils
from riskmodel.sources.packing import packed
from riskmodel.tables import facts
from riskmodel.tables.canonical import table
from riskmodel.tables.facts import NEVER_AFTER, NEVER_BEFORE, PIECE_RELATION, FactReader, Wanted

SEEDS = st.integers(0, 10**6)
DAILY = ("attendance", "lessons_planned", "mark", "term_result")
MIDDLE = date(2024, 9, 1)
ALWAYS = NEVER_BEFORE, NEVER_AFTER


def folded(connection: duckdb.DuckDBPyConnection, first: str | None = None, after: str | None = None) -> pa.Table:
    return fold_pupils(connection, CUT_OFF, YEAR_ON, first, after)


def noted(files: list[tuple[str, Path, date, date]], *, is_packed: bool = True) -> duckdb.DuckDBPyConnection:
    """Return a connection whose daily tables are the given files, each for a span of days, packed or as they lie."""
    connection = duckdb.connect()
    schema = PIECE_RELATION.partition(".")[0]
    connection.execute(f"CREATE SCHEMA canonical; CREATE SCHEMA {schema}")
    connection.execute(
        f"CREATE TABLE {PIECE_RELATION} (table_name VARCHAR, path VARCHAR, packed VARCHAR, first_on DATE, last_on DATE)"
    )
    for name in DAILY:
        own = [
            f"SELECT * FROM '{path}' WHERE happened_on BETWEEN DATE '{first_on}' AND DATE '{last_on}'"
            for of_table, path, first_on, last_on in files
            if of_table == name
        ]
        connection.execute(f"CREATE VIEW canonical.{name} AS {' UNION ALL '.join(own)}")
    connection.executemany(
        f"INSERT INTO {PIECE_RELATION} VALUES (?, ?, ?, ?, ?)",
        [
            (name, str(path), str(packed(path.parent / "packed", table(name), path)) if is_packed else None, *span)
            for name, path, *span in files
        ],
    )
    return connection


def write(path: Path, name: str, rows: list[Row], group_rows: int) -> Path:
    schema = pa.schema([field.with_nullable(True) for field in table(name).arrow_schema()])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, row_group_size=group_rows, store_schema=False)
    return path


def in_key_order(name: str, rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: tuple(row[column] for column in (*table(name).key, "known_on")))


def in_store_order(name: str, rows: list[Row]) -> list[Row]:
    return sorted(in_key_order(name, rows), key=lambda row: row["happened_on"] >= MIDDLE)


def shuffled(name: str, rows: list[Row]) -> list[Row]:
    return Random(len(rows)).sample(rows, len(rows))


@settings(max_examples=3, deadline=None)
@given(SEEDS, st.sampled_from([7, 64, 10_000]))
def test_files_in_any_order_give_what_the_tables_give(seed, group_rows):
    world = invent_world(seed, pupils=6)
    expected = folded(laid_out(**world))
    for order in (in_key_order, in_store_order, shuffled):
        with TemporaryDirectory() as folder:
            files = [
                (name, write(Path(folder) / f"{name}.parquet", name, order(name, world[name]), group_rows), *ALWAYS)
                for name in DAILY
            ]
            for is_packed in (True, False):
                assert folded(noted(files, is_packed=is_packed)).equals(expected), (order.__name__, is_packed)


@settings(max_examples=3, deadline=None)
@given(SEEDS)
def test_files_that_stand_for_some_years_each_give_what_the_tables_give(seed):
    world = invent_world(seed, pupils=6)
    with TemporaryDirectory() as folder:
        files = []
        for name in DAILY:
            for number, span in enumerate(((NEVER_BEFORE, MIDDLE - timedelta(days=1)), (MIDDLE, NEVER_AFTER))):
                # Each file holds all years, and wrong ones outside of its span.
                rows = [
                    row if span[0] <= row["happened_on"] <= span[1] else row | {"known_on": row["happened_on"]}
                    for row in in_key_order(name, world[name])
                ]
                rows = list({tuple(row[key] for key in (*table(name).key, "known_on")): row for row in rows}.values())
                path = Path(folder) / f"{name}-{number}.parquet"
                files.append((name, write(path, name, in_key_order(name, rows), 16), *span))
        assert folded(noted(files)).equals(folded(laid_out(**world)))


@settings(max_examples=4, deadline=None)
@given(SEEDS, st.lists(SEEDS, min_size=1, max_size=3))
def test_ranges_of_pupils_give_together_what_the_whole_gives(seed, bounds):
    connection = laid_out(**invent_world(seed, pupils=8))
    ends = [None, *sorted(pupil_id(bound) for bound in bounds), None]
    parts = [folded(connection, first, after) for first, after in pairwise(ends)]
    assert pa.concat_tables(parts).combine_chunks().equals(folded(connection).combine_chunks())


@pytest.mark.parametrize("order", [in_key_order, in_store_order])
def test_how_many_rows_are_held_at_once_does_not_matter(order, tmp_path, monkeypatch):
    world = invent_world(11, pupils=12)
    files = [(name, write(tmp_path / f"{name}.parquet", name, order(name, world[name]), 32), *ALWAYS) for name in DAILY]
    whole = folded(noted(files)).combine_chunks()
    monkeypatch.setattr(fold, "ROWS_AT_ONCE", 100)
    parts = folded(noted(files))
    assert parts.column(0).num_chunks > 5
    assert parts.combine_chunks().equals(whole)


def test_threads_that_fold_at_the_same_time_do_not_disturb_one_another():
    worlds = [invent_world(seed, pupils=10) for seed in (1, 2, 3, 4)]
    alone = [folded(laid_out(**world)) for world in worlds]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda world: folded(laid_out(**world)), worlds * 2))
    assert all(found.equals(expected) for found, expected in zip(together, alone * 2, strict=True))


@pytest.mark.parametrize("is_packed", [True, False])
def test_what_is_folded_together_is_what_each_fold_gives_alone(is_packed, tmp_path):
    world = invent_world(13, pupils=12)
    files = [
        (name, write(tmp_path / f"{name}.parquet", name, in_store_order(name, world[name]), 32), *ALWAYS)
        for name in DAILY
    ]
    connection = noted(files, is_packed=is_packed)
    past = [(CUT_OFF - timedelta(days=364 * ago), YEAR_ON - timedelta(days=364 * ago)) for ago in range(3)]
    folds = [*(fold.CohortFold(*days) for days in past), TrendFold(CUT_OFF)]
    alone = [*(fold_pupils(connection, *days) for days in past), trend_of_pupils(connection, CUT_OFF)]
    together = fold.fold_together(connection, folds)
    assert [found.combine_chunks() for found in together] == [expected.combine_chunks() for expected in alone]
    assert len({found.num_rows for found in together}) > 1


@settings(max_examples=5, deadline=None)
@given(SEEDS)
def test_members_are_folded_alone_as_they_are_among_all(seed):
    connection = laid_out(**invent_world(seed, pupils=12))
    for window in cohort_windows(connection, CUT_OFF, None, 30):
        members = cohort(connection, window, CUT_OFF)
        for own in (fold.CohortFold(window.cut_off, window.school_year_on), TrendFold(window.cut_off)):
            (found,) = fold.fold_together(connection, [OfMembers(window, CUT_OFF, own)])
            (of_all,) = fold.fold_together(connection, [own])
            assert found["pupil_id"].to_pylist() == members["pupil_id"].tolist()
            assert found["outcome_class"].to_pylist() == members["outcome_class"].tolist()
            expected = {row["pupil_id"]: row for row in of_all.to_pylist()}
            for row in found.select(of_all.column_names).to_pylist():
                facts_of = expected.get(row["pupil_id"])
                if facts_of is not None:
                    assert row == facts_of
                elif isinstance(own, fold.CohortFold):
                    assert {value for name, value in row.items() if name != "pupil_id"} == {None}


@settings(max_examples=5, deadline=None)
@given(SEEDS)
def test_features_of_members_who_were_folded_alone_are_those_of_members_among_all(seed):
    connection = laid_out(**invent_world(seed, pupils=12))
    for window in cohort_windows(connection, CUT_OFF, None, 30):
        days = window.cut_off, window.school_year_on
        (folded,) = fold.fold_together(connection, [OfMembers(window, CUT_OFF, fold.CohortFold(*days))])
        alone = fold.widened(folded)
        members = with_municipalities(connection, window, alone.drop_columns([*STAY_COLUMNS, *FOLD_COLUMNS]))
        bound = alone["pupil_id"][alone.num_rows // 2].as_py()
        among_all = [fold.narrowed(fold_pupils(connection, *days, *some)) for some in ((None, bound), (bound, None))]
        found = build_rows(
            connection, window.cut_off, members, [alone.select(["pupil_id", *FOLD_COLUMNS])], alone.select(STAY_COLUMNS)
        )
        assert found.equals(build_rows(connection, window.cut_off, members, among_all))


@given(st.lists(st.sets(st.text(max_size=3), max_size=6), max_size=5))
def test_lists_of_texts_become_one_and_each_finds_its_own_there(sets):
    lists = [sorted(texts, key=lambda text: text.encode()) for texts in sets]
    texts, numbers = facts._merged([pa.array(["", *one], pa.string())[1:] for one in lists])
    assert texts.to_pylist() == sorted(set().union(*sets), key=lambda text: text.encode())
    assert [texts.take(pa.array(own)).to_pylist() for own in numbers] == lists


def test_facts_that_stand_twice_count_once():
    world = invent_world(5)
    twice: World = {name: rows + rows[::2] for name, rows in world.items()}
    assert folded(laid_out(**twice)).equals(folded(laid_out(**world)))


def test_of_two_versions_of_one_day_the_order_of_the_rows_does_not_choose():
    world = invent_world(6)
    other = {"attendance_code": "late", "lessons": 2}
    rows = [row | other for row in world["attendance"]]
    either = [world | {"attendance": both} for both in (world["attendance"] + rows, rows + world["attendance"])]
    assert folded(laid_out(**either[0])).equals(folded(laid_out(**either[1])))


def test_a_part_without_rows_has_all_columns_and_no_pupil():
    found = folded(laid_out(**invent_world(1)), "~", None)
    assert found.num_rows == 0
    assert found.column_names == ["pupil_id", *FOLD_COLUMNS]


@pytest.mark.parametrize("name", ["attendance", "lessons_planned", "mark", "term_result", "enrolment"])
@pytest.mark.parametrize("seed", range(3))
def test_both_leaves_of_the_door_show_the_same_rows(name, seed):
    connection: duckdb.DuckDBPyConnection = laid_out(**invent_world(seed))
    declared = table(name)
    read = FactReader(connection, [Wanted(declared, ("school_id",))]).read()
    of_table = read.facts[name]
    counts = counting(of_table, declared.known, CUT_OFF).astype(bool)
    pupils, schools = (read.texts[column].to_pylist() for column in ("pupil_id", "school_id"))
    columns = [of_table.pupil_of_row(), *(of_table[one] for one in ("school_id", declared.happened, declared.known))]
    found = sorted(
        (pupils[pupil], schools[school], happened, known)
        for pupil, school, happened, known in np.array(columns)[:, counts].T.tolist()
    )
    open_cut_off(connection, CUT_OFF, tables=(name,))
    epoch = "DATE '1970-01-01'"
    expected = connection.execute(
        f"SELECT pupil_id, school_id, {declared.happened} - {epoch}, {declared.known} - {epoch} FROM known.{name}"
    ).fetchall()
    assert found == sorted(expected)
    assert len(found) > 0
