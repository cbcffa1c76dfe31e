"""Several deliveries read as one history: each fact known no earlier than the day on which it was delivered so."""

from __future__ import annotations

import json
from datetime import date

import duckdb
import pytest

from riskmodel.errors import UsageError
from riskmodel.sources.history import ALIAS_FILE, open_canonical, stored_deliveries
from riskmodel.sources.packing import NotThereError

PUPIL, OTHER = "a" * 32, "b" * 32


def store_delivery(store, day, *facts, aliases=()):
    """Store attendance facts (day of the lesson, code, known on, pupil) as the delivery of a day."""
    folder = store / "deliveries" / day
    folder.mkdir(parents=True)
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE attendance (pupil_id VARCHAR, school_id VARCHAR, happened_on DATE, lesson_number BIGINT, "
        "subject_code VARCHAR, attendance_code VARCHAR, lessons BIGINT, known_on DATE)"
    )
    for happened_on, code, known_on, pupil in facts:
        connection.execute(
            "INSERT INTO attendance VALUES (?, '1', ?, 1, NULL, ?, 1, ?)", [pupil, happened_on, code, known_on]
        )
    connection.execute(f"COPY attendance TO '{folder / 'attendance.parquet'}' (FORMAT parquet)")
    if aliases:
        connection.execute("CREATE TABLE alias (pupil_id VARCHAR, of_pupil_id VARCHAR)")
        connection.executemany("INSERT INTO alias VALUES (?, ?)", list(aliases))
        connection.execute(f"COPY alias TO '{folder / ALIAS_FILE}' (FORMAT parquet)")
    (folder / "delivery.json").write_text(json.dumps({"delivered_on": day, "origin": "synthetic"}), "utf-8")


def history(store, *ids):
    connection = duckdb.connect()
    open_canonical(connection, store, ids or [delivery.delivery_id for delivery in stored_deliveries(store)])
    return connection.execute(
        "SELECT pupil_id, attendance_code, CAST(known_on AS VARCHAR) FROM canonical.attendance ORDER BY pupil_id, known_on"
    ).fetchall()


def fact(code, known_on, pupil=PUPIL, happened_on="2024-09-05"):
    return happened_on, code, known_on, pupil


def test_one_delivery_is_read_as_it_is(tmp_path):
    store_delivery(tmp_path, "2024-09-30", fact("absent", "2024-09-05"), fact("excused", "2024-09-26"))
    assert history(tmp_path) == [(PUPIL, "absent", "2024-09-05"), (PUPIL, "excused", "2024-09-26")]


def test_a_pseudonym_that_became_another_later_is_shown_so_though_no_fact_was_told_anew(tmp_path):
    third = "c" * 32
    store_delivery(tmp_path, "2024-09-30", fact("absent", "2024-09-05", pupil=OTHER))
    store_delivery(tmp_path, "2024-10-31", aliases=[(OTHER, PUPIL)])
    store_delivery(tmp_path, "2024-11-30", aliases=[(PUPIL, third)])
    for day in ("2024-10-31", "2024-11-30"):
        (tmp_path / "deliveries" / day / "attendance.parquet").unlink()
    assert history(tmp_path, "2024-09-30", "2024-10-31") == [(PUPIL, "absent", "2024-09-05")]
    assert history(tmp_path) == [(third, "absent", "2024-09-05")]


def test_who_may_not_write_is_told_what_is_not_there_and_leaves_the_store_as_it_is(tmp_path):
    days = ("2024-09-30", "2024-10-31")
    store_delivery(tmp_path, days[0], fact("absent", "2024-09-05"))
    for more in ((), (fact("excused", "2024-10-01"),)):
        known = days[: 1 + len(more)]
        if more:
            store_delivery(tmp_path, days[1], *more)
        before = {*tmp_path.rglob("*")}
        with duckdb.connect() as connection, pytest.raises(NotThereError):
            open_canonical(connection, tmp_path, known, may_write=False)
        assert {*tmp_path.rglob("*")} == before
        expected = history(tmp_path, *known)
        with duckdb.connect() as connection:
            open_canonical(connection, tmp_path, known, may_write=False)
            assert connection.execute("SELECT count(*) FROM canonical.attendance").fetchone() == (len(expected),)


def test_of_a_table_that_is_not_asked_for_nothing_is_opened(tmp_path):
    store_delivery(tmp_path, "2024-09-30", fact("absent", "2024-09-05"))
    with duckdb.connect() as connection:
        open_canonical(connection, tmp_path, ["2024-09-30"])
        open_canonical(connection, tmp_path, ["2024-09-30"], tables=("mark",))
        assert connection.execute("SELECT count(*) FROM canonical.mark").fetchone() == (0,)
        with pytest.raises(duckdb.CatalogException):
            connection.execute("SELECT * FROM canonical.attendance")


def test_a_fact_that_is_delivered_again_is_one_fact(tmp_path):
    for day in ("2024-09-30", "2024-10-31"):
        store_delivery(tmp_path, day, fact("absent", "2024-09-05"))
    assert history(tmp_path) == [(PUPIL, "absent", "2024-09-05")]


def test_a_changed_fact_is_known_from_the_day_of_the_delivery_that_changed_it(tmp_path):
    store_delivery(tmp_path, "2024-09-30", fact("absent", "2024-09-05"))
    store_delivery(tmp_path, "2024-10-31", fact("excused", "2024-09-05"))
    assert history(tmp_path) == [(PUPIL, "absent", "2024-09-05"), (PUPIL, "excused", "2024-10-31")]


def test_a_changed_fact_with_a_later_date_of_its_own_keeps_it(tmp_path):
    store_delivery(tmp_path, "2024-09-30", fact("absent", "2024-09-05"))
    store_delivery(tmp_path, "2024-10-31", fact("excused", "2024-11-02"))
    assert history(tmp_path)[1] == (PUPIL, "excused", "2024-11-02")


def test_a_fact_that_changes_back_changes_again(tmp_path):
    for day, code in (("2024-09-30", "absent"), ("2024-10-31", "excused"), ("2024-11-30", "absent")):
        store_delivery(tmp_path, day, fact(code, "2024-09-05"))
    assert [known_on for _, _, known_on in history(tmp_path)] == ["2024-09-05", "2024-10-31", "2024-11-30"]


def test_a_delivery_with_its_whole_history_adds_only_where_it_ends_differently(tmp_path):
    store_delivery(tmp_path, "2024-09-30", fact("absent", "2024-09-05"))
    store_delivery(tmp_path, "2024-10-31", fact("absent", "2024-09-05"), fact("excused", "2024-09-26"))
    store_delivery(tmp_path, "2024-11-30", fact("absent", "2024-09-05"), fact("excused", "2024-09-26"))
    assert history(tmp_path) == [(PUPIL, "absent", "2024-09-05"), (PUPIL, "excused", "2024-10-31")]


def test_a_late_fact_that_is_new_keeps_the_date_on_which_the_school_knew_it(tmp_path):
    store_delivery(tmp_path, "2024-09-30", fact("absent", "2024-09-05"))
    store_delivery(tmp_path, "2024-10-31", fact("late", "2024-09-06", happened_on="2024-09-06"))
    assert (PUPIL, "late", "2024-09-06") in history(tmp_path)


def test_the_order_in_which_deliveries_are_named_does_not_matter(tmp_path):
    store_delivery(tmp_path, "2024-09-30", fact("absent", "2024-09-05"))
    store_delivery(tmp_path, "2024-10-31", fact("excused", "2024-09-05"))
    assert history(tmp_path, "2024-10-31", "2024-09-30") == history(tmp_path, "2024-09-30", "2024-10-31")


def test_a_delivery_that_is_not_named_is_not_read(tmp_path):
    store_delivery(tmp_path, "2024-09-30", fact("absent", "2024-09-05"))
    store_delivery(tmp_path, "2024-10-31", fact("excused", "2024-09-05"))
    assert history(tmp_path, "2024-09-30") == [(PUPIL, "absent", "2024-09-05")]


def test_a_pupil_with_an_old_and_a_new_code_is_one_pupil_in_every_delivery(tmp_path):
    store_delivery(
        tmp_path, "2024-09-30", fact("absent", "2024-09-05"), fact("late", "2024-09-05", OTHER, "2024-09-04")
    )
    store_delivery(
        tmp_path, "2024-10-31", fact("excused", "2024-10-01", happened_on="2024-10-01"), aliases=[(OTHER, PUPIL)]
    )
    assert {pupil for pupil, _, _ in history(tmp_path)} == {PUPIL}
    assert len(history(tmp_path)) == 3


def test_tables_that_nobody_delivered_are_there_and_empty(tmp_path):
    store_delivery(tmp_path, "2024-09-30", fact("absent", "2024-09-05"))
    connection = duckdb.connect()
    open_canonical(connection, tmp_path, ["2024-09-30"])
    assert connection.execute("SELECT count(*) FROM canonical.mark").fetchone() == (0,)


def test_opening_twice_gives_the_same_tables(tmp_path):
    store_delivery(tmp_path, "2024-09-30", fact("absent", "2024-09-05"))
    store_delivery(tmp_path, "2024-10-31", fact("excused", "2024-09-05"))
    connection = duckdb.connect()
    for ids in (["2024-09-30"], ["2024-09-30", "2024-10-31"], ["2024-09-30"]):
        open_canonical(connection, tmp_path, ids)
        assert connection.execute("SELECT count(*) FROM canonical.attendance").fetchone() == (len(ids),)


def test_an_unknown_delivery_is_refused(tmp_path):
    store_delivery(tmp_path, "2024-09-30", fact("absent", "2024-09-05"))
    with pytest.raises(UsageError, match="There is no delivery 2030"):
        history(tmp_path, "2030")


def test_deliveries_are_listed_oldest_first(tmp_path):
    for day in ("2024-10-31", "2024-09-30"):
        store_delivery(tmp_path, day, fact("absent", "2024-09-05"))
    assert [delivery.delivered_on for delivery in stored_deliveries(tmp_path)] == [
        date(2024, 9, 30),
        date(2024, 10, 31),
    ]


def files(connection):
    return connection.execute(
        "SELECT path, first_on, last_on FROM canonical_piece.piece WHERE table_name = 'attendance' ORDER BY first_on"
    ).fetchall()


def test_years_that_one_delivery_alone_holds_are_read_where_they_lie(tmp_path):
    store_delivery(tmp_path, "2023-12-22", fact("absent", "2023-09-05", happened_on="2023-09-05"))
    store_delivery(tmp_path, "2024-12-20", fact("late", "2024-09-05"))
    assert history(tmp_path) == [(PUPIL, "absent", "2023-09-05"), (PUPIL, "late", "2024-09-05")]
    assert not (tmp_path / "history").exists()


def test_the_monday_of_a_first_week_in_august_belongs_to_the_year_that_begins(tmp_path):
    store_delivery(tmp_path, "2021-08-31", fact("absent", "2021-05-28", happened_on="2021-05-28"))
    store_delivery(tmp_path, "2022-08-31", fact("late", "2021-09-05", happened_on="2021-08-30"))
    assert history(tmp_path) == [(PUPIL, "absent", "2021-05-28"), (PUPIL, "late", "2021-09-05")]
    assert not (tmp_path / "history").exists()


def test_of_years_that_several_deliveries_hold_the_history_is_worked_out_once(tmp_path):
    old = fact("absent", "2023-09-05", happened_on="2023-09-05")
    store_delivery(tmp_path, "2024-10-31", old, fact("absent", "2024-09-05"))
    store_delivery(tmp_path, "2024-12-20", fact("excused", "2024-09-05"))
    found = history(tmp_path)
    assert found == [(PUPIL, "absent", "2023-09-05"), (PUPIL, "absent", "2024-09-05"), (PUPIL, "excused", "2024-12-20")]
    connection = duckdb.connect()
    open_canonical(connection, tmp_path, ["2024-10-31", "2024-12-20"])
    (lone, lone_from, lone_to), (shared, shared_from, shared_to) = files(connection)
    assert (lone_from, lone_to) == (date(2023, 8, 1), date(2024, 7, 31))
    assert (shared_from, shared_to) == (date(2024, 8, 1), date(2025, 7, 31))
    assert "deliveries/2024-10-31" in lone
    assert [str(path) for path in (tmp_path / "history").iterdir()] == [shared]
    (tmp_path / "history" / shared).unlink()
    assert history(tmp_path) == found


def test_a_delivery_leaves_the_histories_of_the_years_that_it_does_not_tell_of(tmp_path):
    older, newer = (fact("absent", f"{year}-09-05", happened_on=f"{year}-09-05") for year in (2022, 2023))
    store_delivery(tmp_path, "2022-12-20", older)
    store_delivery(tmp_path, "2023-12-20", fact("excused", "2022-09-05", happened_on="2022-09-05"), newer)
    history(tmp_path)
    (kept,) = (tmp_path / "history").iterdir()
    before = kept.stat().st_mtime_ns
    store_delivery(
        tmp_path, "2024-12-20", fact("late", "2023-09-05", happened_on="2023-09-05"), fact("absent", "2024-09-05")
    )
    assert [row[1:] for row in history(tmp_path)] == [
        ("absent", "2022-09-05"),
        ("absent", "2023-09-05"),
        ("excused", "2023-12-20"),
        ("absent", "2024-09-05"),
        ("late", "2024-12-20"),
    ]
    assert len(list((tmp_path / "history").iterdir())) == 2
    assert kept.stat().st_mtime_ns == before


def test_years_of_one_pair_of_deliveries_have_another_file_when_a_third_tells_of_some_of_them(tmp_path):
    years = (2022, 2023)
    days = [fact("absent", f"{year}-09-05", happened_on=f"{year}-09-05") for year in years]
    store_delivery(tmp_path, "2023-12-20", *days)
    store_delivery(tmp_path, "2024-01-10", *days)
    store_delivery(tmp_path, "2024-12-20", fact("late", "2023-09-05", happened_on="2023-09-05"))
    assert len(history(tmp_path)) == 3
    assert len(history(tmp_path, "2023-12-20", "2024-01-10")) == 2
    assert len(history(tmp_path)) == 3


def test_a_table_that_every_delivery_left_empty_is_there_and_empty(tmp_path):
    for day in ("2023-12-20", "2024-12-20"):
        store_delivery(tmp_path, day)
    assert history(tmp_path) == []


def test_a_history_of_other_deliveries_is_another_file(tmp_path):
    for day, code in (("2024-09-30", "absent"), ("2024-10-31", "excused"), ("2024-11-30", "late")):
        store_delivery(tmp_path, day, fact(code, "2024-09-05"))
    pair, whole = history(tmp_path, "2024-09-30", "2024-10-31"), history(tmp_path)
    assert (len(pair), len(whole)) == (2, 3)
    assert len(list((tmp_path / "history").iterdir())) == 2


def test_a_history_that_could_not_be_finished_leaves_no_file(tmp_path, monkeypatch):
    for day, code in (("2024-09-30", "absent"), ("2024-10-31", "excused")):
        store_delivery(tmp_path, day, fact(code, "2024-09-05"))
    monkeypatch.setattr("riskmodel.sources.storing.ROWS_PER_GROUP", "no number")
    with pytest.raises(TypeError):
        history(tmp_path)
    assert list((tmp_path / "history").iterdir()) == []


def test_a_term_that_is_moved_is_one_fact_in_both_deliveries(tmp_path):
    for day, starts_on in (("2023-12-22", "2023-09-04"), ("2024-10-31", "2024-09-02")):
        folder = tmp_path / "deliveries" / day
        folder.mkdir(parents=True)
        (folder / "delivery.json").write_text(json.dumps({"delivered_on": day, "origin": "synthetic"}), "utf-8")
        duckdb.connect().execute(
            f"COPY (SELECT '2023/24' AS school_year, 1 AS term_number, NULL::VARCHAR AS school_id, "
            f"DATE '{starts_on}' AS happened_on, DATE '2024-12-20' AS ends_on, DATE '2023-08-01' AS known_on) "
            f"TO '{folder / 'term.parquet'}' (FORMAT parquet)"
        )
    connection = duckdb.connect()
    open_canonical(connection, tmp_path, ["2023-12-22", "2024-10-31"])
    assert connection.execute("SELECT known_on FROM canonical.term ORDER BY 1").fetchall() == [
        (date(2023, 8, 1),),
        (date(2024, 10, 31),),
    ]
