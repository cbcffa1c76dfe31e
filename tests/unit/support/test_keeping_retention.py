"""What is due by decided periods goes; where nothing is decided nothing does. And what is told of a pupil."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from kept_register import SECRET_WORDS, filled, opened_register
from sqlalchemy import func, select
from supported import Calendar, World, pupil_id

from riskmodel.errors import UsageError
from riskmodel.register import sqlite
from riskmodel.support.keeping.held import rows_of_pupils
from riskmodel.support.keeping.retention import Period, apply, due, read_periods
from riskmodel.support.keeping.telling import PEOPLE_COLUMNS, field_words, told_by_audit, told_by_register
from riskmodel.support.programmes import programmes
from riskmodel.support.schema.papers import CONSENT, PUPIL
from riskmodel.support.schema.plans import PLAN
from riskmodel.support.schema.services import CONSULTATION

ONE, TWO = pupil_id(1), pupil_id(2)
YEAR = Period("pumpurs", "plan", 12, "IKVD", date(2019, 1, 1), "1-9/5")


@pytest.fixture(autouse=True)
def _hasty_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sqlite.SETTINGS, "synchronous", "0")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    calendar = Calendar()
    with opened_register(tmp_path / "store", calendar) as register:
        yield filled(register, calendar, (1,))


@pytest.fixture
def closed(world: World) -> World:
    """Return a world in which one plan was closed on 19 December 2019 and another is live."""
    world.calendar.day = date(2019, 12, 19)
    code = world.approved_plan(2)
    world.consult(code)
    world.close(code, "no_longer_needed")
    return world


def count(world: World, table) -> int:
    with world.register.database.reading() as connection:
        return int(connection.scalar(select(func.count()).select_from(table)) or 0)


@pytest.mark.requirement("X9")
def test_the_project_s_own_file_decides_nothing_and_says_who_does():
    periods = read_periods()
    assert all(one.months is None and one.decided_by for one in periods)
    assert {one.programme for one in periods if one.kind == "plan"} == {one.code for one in programmes()}


def test_where_nothing_is_decided_nothing_is_due_however_late(closed: World):
    closed.calendar.day = date(2090, 1, 1)
    before = count(closed, PLAN)
    assert apply(closed.register, read_periods(), "Līga") == []
    assert count(closed, PLAN) == before


def test_a_closed_plan_is_due_the_month_after_its_period_and_a_live_one_never(closed: World):
    # Semester 1 of 2019/20 reaches into January 2020; twelve months later whole months have passed on 1 February 2021.
    with closed.register.database.reading() as connection:
        assert [len(one.keys) for one in due(connection, [YEAR], date(2021, 1, 31))] == [0]
        (found,) = due(connection, [YEAR], date(2021, 2, 1))
    assert len(found.keys) == 1
    assert found.held == 1


def test_applying_removes_the_plan_with_all_that_hangs_on_it_and_leaves_the_rest(closed: World):
    closed.calendar.day = date(2021, 2, 1)
    plans, consultations, consents = count(closed, PLAN), count(closed, CONSULTATION), count(closed, CONSENT)
    size = closed.register.audit.size()
    apply(closed.register, [YEAR], "Līga")
    assert (count(closed, PLAN), count(closed, CONSULTATION)) == (plans - 1, consultations - 1)
    assert count(closed, CONSENT) == consents
    (entry,) = closed.register.audit.read(size + 1)
    assert (entry.action, "1-9/5" in entry.details) == ("retention_applied", True)
    assert apply(closed.register, [YEAR], "Līga") == []


def test_a_consent_goes_only_once_no_plan_rests_on_it(closed: World):
    closed.calendar.day = date(2030, 1, 1)
    of_consents = Period(None, "consent", 12, "DPO", date(2019, 1, 1), "x")
    before = count(closed, CONSENT)
    apply(closed.register, [of_consents], "Līga")
    assert count(closed, CONSENT) == before
    apply(closed.register, [YEAR, of_consents], "Līga")
    apply(closed.register, [YEAR, of_consents], "Līga")
    assert count(closed, CONSENT) == before - 1


def test_a_pupil_goes_once_nothing_is_left_and_the_last_stay_has_ended(closed: World):
    closed.calendar.day = date(2030, 1, 1)
    of_pupils = Period(None, "pupil", 12, "DPO", date(2019, 1, 1), "x")
    of_consents = Period(None, "consent", 12, "DPO", date(2019, 1, 1), "x")
    for _ in range(3):
        apply(closed.register, [YEAR, of_consents, of_pupils], "Līga")
    assert count(closed, PUPIL) == 2  # the stay of the second is still open
    closed.enrol(2, valid_to=date(2020, 6, 1))
    apply(closed.register, [of_pupils], "Līga")
    assert count(closed, PUPIL) == 1


@pytest.mark.parametrize(
    "line",
    [
        "{programme: pumpurs, kind: plan, months: 0, decided_by: x, decided_on: 2020-01-01, act: y}",
        "{programme: pumpurs, kind: plan, months: 12, decided_by: x, decided_on: null, act: y}",
        "{programme: pumpurs, kind: plan, months: 12, decided_by: x, decided_on: 2020-01-01, act: null}",
        "{programme: null, kind: plan, months: null, decided_by: x}",
        "{programme: null, kind: letters, months: null, decided_by: x}",
        "{programme: null, kind: notice, months: null, decided_by: ''}",
        "{programme: null, kind: notice, months: null, decided_by: x}\n  - {programme: null, kind: notice, months: null, decided_by: y}",
    ],
)
def test_a_period_without_a_decision_behind_it_is_refused(tmp_path: Path, line: str):
    file = tmp_path / "periods.yaml"
    file.write_text(f"periods:\n  - {line}\n", "utf-8")
    with pytest.raises(UsageError, match="decides"):
        read_periods(file)


# --- what is told of a pupil


def test_a_family_is_told_every_row_of_the_pupil_and_none_of_another(closed: World):
    told = told_by_register(closed.register, [ONE])
    with closed.register.database.reading() as connection:
        expected = {
            one.name: connection.scalar(select(func.count()).select_from(one).where(where))
            for one, where in rows_of_pupils([ONE]).items()
        }
    assert {name: len(rows) for name, rows in told.tables.items()} == expected
    assert {row["pupil_id"] for rows in told.tables.values() for row in rows if "pupil_id" in row} == {ONE}
    assert told.teachers == 1


def test_words_under_protection_are_told_to_exist_and_not_said(world: World):
    told = told_by_register(world.register, [ONE])
    assert told.protected == 1
    said = str(told)
    assert SECRET_WORDS not in said
    assert "GI4" not in said
    assert "Matemātikā četras nepietiekamas atzīmes." in said


def test_people_are_told_by_their_roles_and_never_by_their_logins(world: World):
    told = told_by_register(world.register, [ONE])
    (plan,) = told.tables["plan"]
    assert plan["preparer"] == "class_teacher"
    logins = {account.person.login for account in world.register.accounts.list()}
    of_people = {row[name] for rows in told.tables.values() for row in rows for name in PEOPLE_COLUMNS & row.keys()}
    assert not of_people & (logins - {"state", "steward", "municipality", "director"})


def test_days_and_moments_are_told_as_they_are_kept(world: World):
    (plan,) = told_by_register(world.register, [ONE]).tables["plan"]
    assert (plan["started_on"], str(plan["recorded_at"])[:11]) == ("2019-09-17", "2019-09-17T")


@pytest.mark.requirement("X9")
def test_who_looked_is_told_by_role_in_order_and_lists_are_counted(world: World):
    audit, teacher = world.register.audit, world.people["teacher"]
    audit.write(teacher, "pupil_viewed", "school:101", ONE, {"view": "pupil"})
    audit.write(teacher, "pupil_viewed", "school:101", TWO, {"view": "pupil"})
    audit.write("Jānis", "file_exported", "school:101", ONE)
    audit.write(teacher, "page_viewed", "school:101", "", {"view": "school"})
    audit.write(teacher, "page_viewed", "school:999", "", {"view": "school"})
    told = told_by_audit(world.register, [ONE])
    looks = [(look.role, look.action) for look in told.looks if look.is_look]
    assert looks == [("class_teacher", "pupil_viewed"), ("operator", "file_exported")]
    assert told.lists_opened == 1
    assert told.renewed_at is None
    world.register.accounts.remove("teacher", "tests")
    assert told_by_audit(world.register, [ONE]).looks[-2].role == "account_removed"


@pytest.mark.requirement("X9")
def test_every_table_and_column_that_a_family_is_told_of_has_words():
    words = field_words()
    of_pupils = rows_of_pupils(["x"])
    assert set(words["tables"]) == {one.name for one in of_pupils}
    named = {column.name for one in of_pupils for column in one.columns}
    numbers = {name for name in named if name.endswith("_id") and name not in {"pupil_id", "school_id", "run_id"}}
    shown = named - (numbers - {"from_school_id", "to_school_id"}) - {"copied_from"}
    assert set(words["columns"]) == shown
