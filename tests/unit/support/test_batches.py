"""Many commands in one transaction leave the same as one after the other, and cost what many should."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select
from supported import PROGRAMME, SCHOOL, Calendar, World, people_of, pupil_id

from riskmodel.errors import UsageError
from riskmodel.register import sqlite
from riskmodel.register.schema import METADATA
from riskmodel.register.store import open_register
from riskmodel.support.consents import RecordConsent
from riskmodel.support.given import count_given
from riskmodel.support.office import content_digest
from riskmodel.support.periods import WHOLE_STATE, Period
from riskmodel.support.places import Join, RecordInstitution
from riskmodel.support.plans import BeginPlan, ChangePlan, MeasureLine, RiskLine
from riskmodel.support.pupils import RecordStay
from riskmodel.support.schema.plans import PLAN
from riskmodel.support.statistics import DIMENSIONS, count_plans

DAY = date(2019, 9, 16)


@pytest.fixture
def worlds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[World]]:
    monkeypatch.setitem(sqlite.SETTINGS, "synchronous", "0")
    registers = [
        open_register(tmp_path / f"{name}.register.sqlite3", may_create=True, clock=Calendar(DAY)) for name in "ab"
    ]
    yield [people_of(World(register, Calendar(DAY))) for register in registers]
    for register in registers:
        register.close()


def stay(number: int) -> RecordStay:
    return RecordStay(pupil_id(number), SCHOOL, "grade", 9, date(2016, 9, 1), class_code="9.a")


def consent(number: int) -> RecordConsent:
    given = {"signed_on": DAY, "received_on": DAY, "form_version": "2017"}
    return RecordConsent(pupil_id(number), SCHOOL, 2019, 1, "parent", "paper_delivered", **given)


def contents(world: World) -> dict[str, list[Any]]:
    """Return every row of every table but those of the audit, whose chain begins with the moment of its register."""
    with world.register.database.reading() as connection:
        return {
            table.name: sorted(map(str, connection.execute(select(table)).all()))
            for table in METADATA.tables.values()
            if table.name not in {"audit_entry", "audit_head", "alembic_version"}
        }


def test_a_batch_leaves_the_same_rows_numbers_and_answers_as_one_by_one(worlds: list[World]) -> None:
    together, alone = worlds
    stays, consents = [stay(n) for n in (1, 2, 3)], [consent(n) for n in (1, 2, 3)]
    begins = [BeginPlan(pupil_id(n), SCHOOL, PROGRAMME, 2019, 1, n, DAY) for n in (1, 2, 3)]
    risk, measure = RiskLine("MI4", "Zemas atzīmes."), MeasureLine("KA-PED", ["MI4"], "teacher", "matematika", 16)
    for who, commands in (("steward", stays), ("teacher", consents), ("teacher", begins)):
        assert together.do_all(who, commands) == [alone.do(who, command) for command in commands]
    changes = [ChangePlan(code, 1, [risk], [measure]) for code in _codes(alone)]
    assert together.do_all("teacher", changes) == [alone.do("teacher", command) for command in changes]
    assert contents(together) == contents(alone)
    for world in worlds:
        assert world.register.audit.verify().is_sound
    assert worlds[0].register.audit.verify().head.entry_count == worlds[1].register.audit.verify().head.entry_count


def _codes(world: World) -> list[str]:
    with world.register.database.reading() as connection:
        return list(connection.scalars(select(PLAN.c.plan_code).order_by(PLAN.c.plan_id)))


def test_a_batch_that_fails_leaves_no_row_no_number_and_no_entry(worlds: list[World]) -> None:
    world = worlds[0]
    before, entries = contents(world), world.register.audit.verify().head.entry_count
    with pytest.raises(UsageError):
        world.do_all("steward", [stay(1), stay(2), RecordStay("no pseudonym", SCHOOL, "grade", 9, DAY)])
    assert contents(world) == before
    assert world.register.audit.verify().head.entry_count == entries
    assert world.do("steward", stay(1))["stay_id"] == 1


def test_a_key_twice_in_one_batch_is_answered_once_done(worlds: list[World]) -> None:
    world = worlds[0]
    first, second = world.office.do_all([(stay(1), "the-same-key"), (stay(1), "the-same-key")], world.people["steward"])
    assert first == second == {"stay_id": 1}
    assert world.office.do(stay(1), world.people["steward"], "the-same-key") == first
    with pytest.raises(UsageError, match="A key names one act"):
        world.office.do_all([(stay(2), "another-key"), (stay(3), "another-key")], world.people["steward"])


def test_a_membership_of_the_same_batch_is_seen_by_what_follows(worlds: list[World]) -> None:
    world = worlds[0]
    begin = [BeginPlan(pupil_id(1), SCHOOL, PROGRAMME, 2019, 1, 1, DAY)]
    world.do("steward", stay(1))
    world.do("teacher", consent(1))
    ended = Join(PROGRAMME, "institution", SCHOOL, date(2017, 9, 11), date(2019, 9, 1))
    world.do("steward", ended)
    with pytest.raises(UsageError, match="does not take part"):
        world.do_all("teacher", begin)
    moved = RecordInstitution("103", "Skola", "general", "LV0001000", date(2015, 9, 1))
    elsewhere = RecordStay(pupil_id(2), "103", "grade", 9, date(2016, 9, 1))
    with pytest.raises(UsageError, match="A school must be entered"):
        world.do("steward", elsewhere)
    assert len(world.do_all("steward", [moved, elsewhere])) == 2


def questions(world: World) -> list[str]:
    """Return a list that gains every question that is put to the data base from now on."""
    asked: list[str] = []

    def note(*given: Any) -> None:
        if not given[2].startswith("BEGIN"):
            asked.append(given[2])

    event.listen(world.register.database.engine, "before_cursor_execute", note)
    return asked


def test_a_command_of_a_batch_asks_the_data_base_few_questions(worlds: list[World]) -> None:
    world = worlds[0]
    world.do_all("steward", [stay(n) for n in range(1, 42)])
    asked = questions(world)
    world.do_all("teacher", [consent(n) for n in range(1, 41)])
    assert len(asked) <= 40 * 3 + 12  # pupil, stay, and the consent itself


@pytest.mark.parametrize(
    "by", [[], ["municipality"], ["semester", "school", "risk_group", "measure"], list(DIMENSIONS)]
)
def test_a_statistic_is_one_question(worlds: list[World], by: list[str]) -> None:
    world = worlds[0]
    world.approved_plan(1)
    asked = questions(world)
    with world.register.database.reading() as connection:
        count_plans(connection, Period.year(2019), WHOLE_STATE, by)
        assert len(asked) == 1
        count_given(connection, Period.year(2019), WHOLE_STATE, ["municipality"])
        assert len(asked) == 3  # educators are one of their own


def test_a_digest_tells_commands_apart_by_kind_and_by_what_stands_deep_in_them() -> None:
    plain = ChangePlan("191-000001-01", 1, [RiskLine("MI4", "A")], [MeasureLine("KA-PED", ["MI4"])])
    other = ChangePlan("191-000001-01", 1, [RiskLine("MI4", "B")], [MeasureLine("KA-PED", ["MI4"])])
    same = ChangePlan("191-000001-01", 1, (RiskLine("MI4", "A"),), (MeasureLine("KA-PED", ("MI4",)),))
    assert content_digest(plain) == content_digest(same) != content_digest(other)
