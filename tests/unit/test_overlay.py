"""Histories worked out for some pupils at a time: the same rows in the same order, in bounded memory."""

from __future__ import annotations

from datetime import date

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmodel.sources import overlay
from riskmodel.sources.border import work_connection
from riskmodel.sources.overlay import Version, write_history
from riskmodel.tables.canonical import table
from riskmodel.tables.filing import filed_year
from riskmodel.tables.relations import column_definitions

ATTENDANCE = table("attendance")
PUPILS = ["0" * 32, "3f" * 16, "40" * 16, "9" * 32, "c0" * 16, "f" * 32]
FACTS = st.tuples(
    st.sampled_from(PUPILS),
    st.sampled_from(["2023-05-31", "2023-07-31", "2023-08-01", "2024-09-05"]),
    st.integers(1, 3),
    st.sampled_from(["absent", "excused", "late"]),
    st.integers(0, 4),
)


def told(folder, number, facts):
    """Store facts (pupil, day, lesson, code, days until known) as the delivery of a number, one of each key and known-on date."""
    path = folder / f"{number}.parquet"
    single = {(pupil, day, lesson, after): code for pupil, day, lesson, code, after in facts}
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE told ({column_definitions(ATTENDANCE)})")
        for (pupil, day, lesson, after), code in single.items():
            connection.execute(
                "INSERT INTO told BY NAME SELECT ? AS pupil_id, '1' AS school_id, CAST(? AS DATE) AS happened_on, ? AS lesson_number, "
                "? AS attendance_code, 1 AS lessons, happened_on + ?::INTEGER AS known_on",
                [pupil, day, lesson, code, after],
            )
        connection.execute(f"COPY (SELECT * FROM told ORDER BY ALL) TO '{path}' (FORMAT parquet)")
    return Version(date(2024, 10, number), path)


def written(versions, to, aliases, *, rows_of_a_range):
    with pytest.MonkeyPatch.context() as patch, duckdb.connect() as connection:
        patch.setattr(overlay, "ROWS_OF_A_RANGE", rows_of_a_range)
        connection.execute("CREATE TEMP TABLE pupil_alias (pupil_id VARCHAR, of_pupil_id VARCHAR)")
        if aliases:
            connection.executemany("INSERT INTO pupil_alias VALUES (?, ?)", aliases)
        write_history(connection, ATTENDANCE, versions, "true", to, has_aliases=bool(aliases))
    return pq.ParquetFile(to)


@settings(max_examples=40, deadline=None)
@given(deliveries=st.lists(st.lists(FACTS, min_size=1, max_size=12), min_size=2, max_size=3), is_linked=st.booleans())
def test_ranges_of_pupils_make_the_history_of_all(tmp_path_factory, deliveries, is_linked):
    folder = tmp_path_factory.mktemp("told")
    versions = [told(folder, number, facts) for number, facts in enumerate(deliveries, 1)]
    aliases = [(PUPILS[1], PUPILS[4])] if is_linked else []
    whole = written(versions, folder / "whole.parquet", aliases, rows_of_a_range=1_000)
    parts = written(versions, folder / "parts.parquet", aliases, rows_of_a_range=2)
    assert parts.read().equals(whole.read())
    assert (folder / "parts.parquet").read_bytes() == (folder / "whole.parquet").read_bytes()
    rows = whole.read(["happened_on", "pupil_id", "school_id", "lesson_number", "known_on"]).to_pylist()
    places = [
        (filed_year(row["happened_on"]), row["pupil_id"], row["happened_on"], row["lesson_number"]) for row in rows
    ]
    assert places == sorted(places)
    assert sorted(one.name for one in folder.iterdir() if one.stem in ("whole", "parts")) == [
        "parts.parquet",
        "whole.parquet",
    ]
    for group in range(whole.num_row_groups):
        assert len({filed_year(day.as_py()) for day in whole.read_row_group(group).column("happened_on")}) == 1


def test_a_year_of_marks_that_is_told_of_again_is_worked_out_in_the_memory_of_a_delivery(tmp_path):
    mark, rows, changed = table("mark"), 1_500_000, 150_000
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE told ({column_definitions(mark)})")
        connection.execute(
            "INSERT INTO told BY NAME SELECT md5((i % 150000)::VARCHAR) AS pupil_id, '1' AS school_id, 'S' || (i % 9) AS subject_code, "
            "'w' || (i // 20) AS work_id, DATE '2024-09-02' + (i % 27)::INTEGER AS happened_on, 'daily' AS mark_kind, 'points' AS mark_code, "
            f"7 AS mark_points, happened_on AS known_on FROM range({rows}) made(i)"
        )
        for name, more in (("first", 0), ("second", 1)):
            connection.execute(f"UPDATE told SET mark_points = mark_points + {more} WHERE work_id LIKE '%0'")
            connection.execute(
                f"COPY (SELECT * FROM told ORDER BY ALL) TO '{tmp_path / name}.parquet' (FORMAT parquet)"
            )
    versions = [
        Version(date(2025, 1, 31), tmp_path / "first.parquet"),
        Version(date(2025, 2, 28), tmp_path / "second.parquet"),
    ]
    with work_connection(tmp_path) as connection:
        write_history(connection, mark, versions, "true", tmp_path / "history.parquet", has_aliases=False)
    assert pq.read_metadata(tmp_path / "history.parquet").num_rows == rows + changed
