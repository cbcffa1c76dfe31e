"""On PostgreSQL a row of another unit is neither seen nor written, whatever statement the portal's own user sends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

import own_postgres
import pytest
from kept_register import filled
from register_by_hand import by_hand
from sqlalchemy import Connection, Table, delete, func, insert, select, text, true, update
from sqlalchemy.exc import DBAPIError, ProgrammingError
from supported import Calendar, World, pupil_id
from two_units import (
    DAY,
    DIRECTOR,
    MUNICIPALITY,
    NOW,
    OTHER,
    OWN,
    PSYCHOLOGIST,
    RESEARCHER,
    STATE,
    STEWARD,
    key_of,
    rows_of,
)

import riskmodel
from riskmodel.register import postgresql
from riskmodel.register.backups import How, back_up, restore
from riskmodel.register.database import Database
from riskmodel.register.headnote import HeadNote
from riskmodel.register.migrations.versions import v0004_units
from riskmodel.register.people import Person
from riskmodel.register.places import ServerPlace, note_file, server_place
from riskmodel.register.store import open_register
from riskmodel.register.units import OPEN, Whole, tell, units_of
from riskmodel.support import reading
from riskmodel.support.keeping.erasing import erase_from_register
from riskmodel.support.keeping.exporting import export_register
from riskmodel.support.keeping.held import support_tables
from riskmodel.support.schema.papers import CONSENT, PUPIL, STAY
from riskmodel.support.schema.places import BUDGET, COUNTER, REQUEST, STAFF
from riskmodel.support.schema.plans import PLAN, PLAN_RISK
from riskmodel.support.schema.scopes import SCOPES, School, policies
from riskmodel.support.schema.services import CONSULTATION

TABLES = list(SCOPES)
HIDDEN = [table for table in TABLES if not SCOPES[table].is_open]
NOBODYS = {COUNTER, REQUEST}
"""Written by everybody who acts."""
OF_OTHER, OF_OWN = dict(rows_of(OTHER)), dict(rows_of(OWN))
of_each = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
of_each_hidden = pytest.mark.parametrize("table", HIDDEN, ids=lambda table: table.name)
by_each = pytest.mark.parametrize("by", [DIRECTOR, MUNICIPALITY], ids=lambda by: by.login)


@contextmanager
def with_two_units(server: own_postgres.Server, store: Path) -> Iterator[tuple[ServerPlace, Database]]:
    """Give the place of a register that holds rows of two units, and its data base as the portal's own user reaches it."""
    with own_postgres.made_place(server, store, NOW) as made:
        with by_hand(made) as connection:
            for unit in (OWN, OTHER):
                for table, row in rows_of(unit):
                    connection.execute(insert(table), row)
        weak = own_postgres.weak_place(server, made, store)
        engine = postgresql.make_engine(weak)
        yield made, Database(engine, HeadNote(note_file(weak)), Calendar(DAY))
        engine.dispose()


@pytest.fixture(scope="module")
def database(postgres, tmp_path_factory) -> Iterator[Database]:
    with with_two_units(postgres, tmp_path_factory.mktemp("units") / "store") as (_, found):
        yield found


@contextmanager
def trying(database: Database, by: Any) -> Iterator[Connection]:
    """Give a connection that may write what ``by`` may, and undo it."""
    with database._writing.connect() as connection, connection.begin() as transaction:
        tell(connection, units_of(by, DAY))
        yield connection
        transaction.rollback()


def seen(connection: Connection, table: Table, row: dict[str, Any]) -> int:
    return connection.scalar(select(func.count()).select_from(table).where(*key_of(table, row)))


def changed(connection: Connection, table: Table, row: dict[str, Any]) -> int:
    """Change a row to what it was; return how many rows that were."""
    first = next(iter(table.primary_key.columns))
    statement = update(table).where(*key_of(table, row)).values({first.name: row[first.name]})
    return connection.execute(statement).rowcount


# --- every table has its scope


def test_every_table_of_support_says_whose_its_rows_are():
    assert set(SCOPES) == set(support_tables())


def test_the_migration_binds_the_tables_as_they_declare_it():
    assert sorted(v0004_units.statements()) == sorted(policies())


def test_every_table_is_bound_its_owner_too_and_the_portal_owns_none(database: Database):
    wanted = text(
        "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity, pg_get_userbyid(c.relowner), "
        "(SELECT count(*) FROM pg_policy AS p WHERE p.polrelid = c.oid) FROM pg_class AS c WHERE c.relkind = 'r' "
        "AND c.relnamespace = 'public'::regnamespace"
    )
    with database.reading() as connection:
        found = {name: (is_bound, owner, count) for name, is_bound, owner, count in connection.execute(wanted)}
    assert own_postgres.PORTAL not in {owner for _, owner, _ in found.values()}
    assert {table.name: (found[table.name][0], found[table.name][2]) for table in TABLES} == dict.fromkeys(
        (table.name for table in TABLES), (True, 4)
    )


@pytest.mark.parametrize("slip", ["ALTER TABLE plan DISABLE ROW LEVEL SECURITY", "DROP POLICY unit_sees ON plan"])
def test_the_portal_s_own_user_does_not_loosen_what_binds_it(database: Database, slip: str):
    with pytest.raises(DBAPIError, match="must be owner"), trying(database, STATE) as connection:
        connection.exec_driver_sql(slip)


# --- what is seen


@of_each
def test_who_tells_nothing_sees_nothing(database: Database, table: Table):
    with database.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(table)) == 0


@of_each_hidden
def test_who_holds_no_unit_sees_no_row_that_is_somebody_s(database: Database, table: Table):
    for by in (OPEN, RESEARCHER):
        with database.reading(by) as connection:
            assert connection.scalar(select(func.count()).select_from(table)) == 0


@by_each
@of_each_hidden
def test_a_row_of_another_unit_is_not_seen_and_an_own_one_is(database: Database, table: Table, by: Person):
    with database.reading(by) as connection:
        assert seen(connection, table, OF_OTHER[table]) == 0
        assert connection.scalar(select(func.count()).select_from(table)) == seen(connection, table, OF_OWN[table])
        # The money in the rows is a municipality's: a school does not see it.
        assert seen(connection, table, OF_OWN[table]) == (0 if table is BUDGET and by is DIRECTOR else 1)


@of_each
def test_the_state_sees_every_row_and_a_steward_papers_and_pupils_alone(database: Database, table: Table):
    with database.reading(STATE) as connection:
        assert seen(connection, table, OF_OTHER[table]) == 1
    is_papers = table in {PUPIL, STAY, CONSENT, STAFF}
    with database.reading(STEWARD) as connection:
        assert seen(connection, table, OF_OTHER[table]) == int(is_papers or SCOPES[table].is_open)


def test_a_role_that_is_over_opens_nothing(database: Database):
    grant = DIRECTOR.grants[0]
    past = Person(9, "dace", "Dace", "lv", (type(grant)("director", OWN.school_id, valid_to=DAY),))
    with database.reading(past) as connection:
        assert seen(connection, PLAN, OF_OWN[PLAN]) == 0


def test_a_school_that_went_to_another_municipality_is_no_more_the_first_one_s(database: Database):
    with database._writing.connect() as connection, connection.begin() as transaction:
        tell(connection, units_of(STATE, DAY))
        connection.exec_driver_sql(f"UPDATE institution SET valid_to = '{date(2019, 9, 17)}' WHERE school_id = '101'")
        for day, expected in ((DAY, 1), (date(2019, 9, 17), 0)):
            tell(connection, units_of(MUNICIPALITY, day))
            assert seen(connection, PLAN, OF_OWN[PLAN]) == expected
        transaction.rollback()


# --- what is written


@by_each
@pytest.mark.parametrize("table", [t for t in TABLES if t not in NOBODYS], ids=lambda table: table.name)
def test_a_row_of_another_unit_is_neither_added_nor_changed_nor_removed(database: Database, table: Table, by: Person):
    row = OF_OTHER[table]
    with trying(database, by) as connection:
        assert changed(connection, table, row) == 0
        assert connection.execute(delete(table).where(*key_of(table, row))).rowcount == 0
    with pytest.raises(ProgrammingError, match="row-level security"), trying(database, by) as connection:
        connection.execute(insert(table), row)


@pytest.mark.parametrize("table", [t for t in TABLES if SCOPES[t].ways == (School(),)], ids=lambda table: table.name)
def test_an_own_row_is_not_given_to_another_school(database: Database, table: Table):
    with pytest.raises(ProgrammingError, match="row-level security"), trying(database, DIRECTOR) as connection:
        connection.execute(update(table).values(school_id=OTHER.school_id))


@pytest.mark.parametrize("table", [t for t in HIDDEN if "plan_id" in t.c and t is not PLAN], ids=lambda t: t.name)
def test_an_own_row_is_not_hung_on_to_another_school_s_plan(database: Database, table: Table):
    told = "row-level security|stays with what it belongs to"
    with pytest.raises(ProgrammingError, match=told), trying(database, DIRECTOR) as connection:
        connection.execute(update(table).values(plan_id=OTHER.number))
    row = {**OF_OWN[table], "plan_id": OTHER.number}
    with pytest.raises(ProgrammingError, match="row-level security"), trying(database, DIRECTOR) as connection:
        connection.execute(insert(table), row)


def test_a_number_of_another_school_s_consent_does_not_open_it(database: Database):
    with trying(database, DIRECTOR) as connection:
        connection.execute(update(PLAN).values(consent_id=OTHER.number))
        assert seen(connection, CONSENT, OF_OTHER[CONSENT]) == 0


def test_who_looks_everywhere_does_not_write_everywhere(database: Database):
    row = {**OF_OTHER[PLAN_RISK], "risk_id": 77, "risk_code": "MI9"}
    with database.acting(DIRECTOR) as act:
        with act.looking_everywhere():
            assert seen(act.connection, PLAN, OF_OTHER[PLAN]) == 1
            assert changed(act.connection, PLAN, OF_OTHER[PLAN]) == 0
        assert seen(act.connection, PLAN, OF_OTHER[PLAN]) == 0
        with pytest.raises(ProgrammingError, match="row-level security"):
            act.connection.execute(insert(PLAN_RISK), row)
        act.connection.rollback()


def test_what_a_verb_reaches_is_closed_again_at_its_end(database: Database):
    with database.acting(DIRECTOR) as act:
        with act.reaching(schools=[OTHER.school_id]):
            assert seen(act.connection, PLAN, OF_OTHER[PLAN]) == 1
        assert seen(act.connection, PLAN, OF_OTHER[PLAN]) == 0
        with act.reaching(pupil_ids=[OTHER.pupil_id]):
            assert seen(act.connection, PUPIL, OF_OTHER[PUPIL]) == 1
            assert seen(act.connection, STAY, OF_OTHER[STAY]) == 0
        assert seen(act.connection, PUPIL, OF_OTHER[PUPIL]) == 0


# --- statements that forget whose rows they are after


def forgetting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the conditions away by which lists and plans are cut to their reader."""
    monkeypatch.setattr(reading, "_seen_by", lambda *_: true())
    monkeypatch.setattr(reading, "_may_read", lambda *_: "support")


def test_a_list_that_forgot_its_condition_shows_own_plans_alone(database: Database, monkeypatch):
    forgetting(monkeypatch)
    with database.reading(PSYCHOLOGIST) as connection:
        listed = reading.tasks_of(connection, PSYCHOLOGIST, DAY).plans
        assert [one.plan.plan_id for one in listed] == [OWN.number]
        assert reading.plan_of(connection, PSYCHOLOGIST, OF_OWN[PLAN]["plan_code"], DAY) is not None
        assert reading.plan_of(connection, PSYCHOLOGIST, OF_OTHER[PLAN]["plan_code"], DAY) is None


def test_what_was_told_is_forgotten_when_a_connection_goes_back_to_its_pool(database: Database):
    def failing() -> None:
        with database.acting(STATE):
            raise LookupError

    with database.reading(STATE) as connection:
        server_process = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        assert seen(connection, PLAN, OF_OTHER[PLAN]) == 1
    with pytest.raises(LookupError):
        failing()
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT pg_backend_pid()").scalar() == server_process
        assert [seen(connection, table, OF_OTHER[table]) for table in TABLES] == [0] * len(TABLES)
    with database.reading(DIRECTOR) as connection:
        assert seen(connection, PLAN, OF_OTHER[PLAN]) == 0


# --- and without the policies


@pytest.fixture(scope="module")
def unbound(postgres, tmp_path_factory) -> Iterator[Database]:
    """Give a data base of the same rows and rights, whose tables are not bound."""
    names = [table.name for table in TABLES]
    with with_two_units(postgres, tmp_path_factory.mktemp("unbound") / "store") as (made, found):
        database = made.url.database
        postgres.do(*(f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY" for name in names), database=database)
        try:
            yield found
        finally:
            postgres.do(*(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY" for name in names), database=database)


@of_each
def test_without_the_policies_the_same_statements_reach_another_unit(unbound: Database, table: Table):
    row = OF_OTHER[table]
    with unbound.reading() as connection:
        assert seen(connection, table, row) == 1
    with trying(unbound, DIRECTOR) as connection:
        assert changed(connection, table, row) == 1
    with pytest.raises(DBAPIError, match="duplicate key"), trying(unbound, DIRECTOR) as connection:
        connection.execute(insert(table), row)


def test_without_the_policies_a_list_that_forgot_its_condition_shows_every_plan(unbound: Database, monkeypatch):
    forgetting(monkeypatch)
    with unbound.reading(PSYCHOLOGIST) as connection:
        listed = reading.tasks_of(connection, PSYCHOLOGIST, DAY).plans
        assert [one.plan.plan_id for one in listed] == [OWN.number, OTHER.number]
        assert reading.plan_of(connection, PSYCHOLOGIST, OF_OTHER[PLAN]["plan_code"], DAY) is not None


def test_without_the_policies_an_own_row_is_still_not_hung_on_to_another_plan(unbound: Database):
    with pytest.raises(ProgrammingError, match="stays with"), trying(unbound, DIRECTOR) as connection:
        connection.execute(update(CONSULTATION).where(CONSULTATION.c.plan_id == 1).values(plan_id=OTHER.number))


# --- who leaves the units, and where


def test_the_places_that_leave_a_person_s_units_are_these():
    folder, found = Path(riskmodel.__file__).parent, set()
    for file in sorted(folder.rglob("*.py")):
        ways = r"\b(looking_everywhere|count_everywhere|Whole)\(|\b(Units\(\"all\")"
        for way in re.findall(ways, file.read_text("utf-8")):
            found.add((str(file.relative_to(folder)), "".join(way)))
    assert found == {
        # the doors themselves
        ("register/database.py", "looking_everywhere"),
        ("register/database.py", "count_everywhere"),
        ("register/units.py", 'Units("all"'),
        ("register/migrating.py", 'Units("all"'),
        # the bench's own register of invented pupils
        ("bench/register.py", 'Units("all"'),
        # operations of the register itself, each in the audit
        ("commands/register.py", "Whole"),
        ("runs/rotating.py", "Whole"),
        ("runs/supported.py", "Whole"),
        ("support/keeping/retention.py", "Whole"),
        ("support/keeping/telling.py", "Whole"),
        ("support/keeping/erasing.py", "Whole"),
        ("support/keeping/exporting.py", "Whole"),
        ("support/keeping/importing.py", "Whole"),
        # whether a thing that is not shown is there at all; one live plan of a pupil; nobody at two places at once
        ("support/work.py", "count_everywhere"),
        ("support/plans.py", "count_everywhere"),
        ("support/consultations.py", "count_everywhere"),
        # the plan of an own service, which has gone to another school since
        ("support/consultations.py", "looking_everywhere"),
        ("support/compensations.py", "looking_everywhere"),
    }


KEEPER = "keeper"
"""A user of the server who owns the tables and is no superuser: bound by the policies like everybody."""


@pytest.fixture
def kept(postgres, tmp_path) -> Iterator[World]:
    """Give a filled register whose owner keeps it."""
    with suppress(ProgrammingError):
        postgres.do(f"CREATE USER {KEEPER} CREATEDB")
    name = postgres.make_database(f"OWNER {KEEPER}")
    calendar = Calendar()
    place = server_place(postgres.address(name, KEEPER), tmp_path / "store")
    with open_register(place, may_create=True, clock=calendar) as register:
        yield filled(register, calendar)


def content(place: ServerPlace) -> dict[str, int]:
    with by_hand(place) as connection:
        return {t.name: connection.scalar(select(func.count()).select_from(t)) for t in TABLES}


def test_the_owner_keeps_a_register_whole_though_the_policies_bind_it_too(kept: World, postgres, tmp_path):
    as_superuser = own_postgres.place_on(postgres, kept.register.place.url.database, tmp_path / "seen")
    before = content(as_superuser)
    assert before["plan"] > 1
    assert set(content(kept.register.place).values()) == {0}
    exported = export_register(kept.register, tmp_path / "export.zip", "Līga")
    assert exported.rows == before
    back_up(kept.register, tmp_path / "back-up.zip", "Līga")
    name = postgres.make_database(f"OWNER {KEEPER}")
    again = server_place(postgres.address(name, KEEPER), tmp_path / "again")
    restore(tmp_path / "back-up.zip", tmp_path / "again", "Līga", lambda *_: 0, How(server=again))
    assert content(own_postgres.place_on(postgres, name, tmp_path / "seen")) == before
    assert set(content(again).values()) == {0}  # bound again
    gone = erase_from_register(kept.register, [pupil_id(2)], "Līga")
    assert gone["plan"] == 1
    assert content(as_superuser)["plan"] == before["plan"] - 1


def test_an_act_on_every_unit_without_its_entry_in_the_audit_is_undone(database: Database):
    def act_under_another_name() -> None:
        with database.acting(Whole("register_imported")) as act:
            act.connection.execute(delete(COUNTER))
            act.record("operator", "register_exported")

    with pytest.raises(ValueError, match="register_imported"):
        act_under_another_name()
    with database.reading(OPEN) as connection:
        assert connection.scalar(select(func.count()).select_from(COUNTER)) == 2
