"""Support that the register knows of comes into the store as a delivery, and a later run reads it as measures given."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from supported import SCHOOL, Calendar, World, people_of

from riskmodel.register import sqlite
from riskmodel.register.places import register_file
from riskmodel.register.store import open_register
from riskmodel.runs.supported import feedback_of, receive_support, spent_of
from riskmodel.sources.decoding import Limits
from riskmodel.sources.deliveries import open_canonical, receive
from riskmodel.support.consultations import CancelConsultation
from riskmodel.support.life import MovePlan
from riskmodel.support.results import Answer, AnswerProposal

FACTS = "delivery: {delivered_on: 2019-09-10, origin: synthetic, register_ids: free}\n"
FILES = {
    "school.csv": f"school_id;school_name;school_kind;happened_on\n{SCHOOL};Skola;general;2016-09-01\n",
    "pupil.csv": "pupil_code;first_name;last_name;birth_month;happened_on\n7;Zaķija;Kanārija;2004-05-01;2016-09-01\n",
    "term.csv": "school_year;term_number;happened_on;ends_on\n2019/20;1;2019-09-02;2019-12-20\n",
    "enrolment.csv": f"pupil_code;school_id;stage_kind;stage_number;happened_on\n7;{SCHOOL};grade;9;2019-09-02\n",
}
LIMITS = Limits()


def silent(_text):
    return None


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with one pupil of one school."""
    folder = tmp_path / "delivery"
    folder.mkdir()
    (folder / "mapping.yaml").write_text(FACTS, "utf-8")
    for name, text in FILES.items():
        (folder / name).write_text(text, "utf-8")
    receive(folder, tmp_path / "store", tmp_path / "store.key", silent)
    return tmp_path / "store"


@pytest.fixture
def world(store: Path, monkeypatch: pytest.MonkeyPatch):
    """A register beside the store, in which a plan of its pupil is approved."""
    monkeypatch.setitem(sqlite.SETTINGS, "synchronous", "0")
    with open_register(register_file(store), may_create=True, clock=(calendar := Calendar())) as register:
        yield people_of(World(register, calendar))


@pytest.fixture
def plan(world: World, store: Path) -> str:
    pupil = next(iter(pq.read_table(store / "identity" / "identity.parquet")["pupil_id"].to_pylist()))
    number = int(pupil, 16)
    return world.approved_plan(number)


def taken(store: Path):
    return receive_support(store, store.with_name("store.key"), silent, LIMITS)


def known(store: Path, on: date) -> list[tuple]:
    """Return the measures that a run with this cut-off date sees, newest version of each."""
    ids = [path.name for path in (store / "deliveries").iterdir() if (path / "delivery.json").is_file()]
    with duckdb.connect() as connection:
        open_canonical(connection, store, ids)
        return connection.execute(
            "SELECT measure_code, happened_on, arg_max(ends_on, known_on), arg_max(hours, known_on) "
            "FROM canonical.support WHERE known_on <= ? GROUP BY ALL ORDER BY ALL",
            [on],
        ).fetchall()


def test_a_register_without_support_adds_nothing(store, world):
    assert taken(store) == []


def test_an_approved_plan_without_support_adds_nothing(store, plan):
    assert taken(store) == []


def test_consultations_become_one_measure_from_their_first_day(store, world, plan):
    world.calendar.day = date(2019, 10, 1)
    world.consult(plan)
    world.calendar.day = date(2019, 10, 8)
    world.consult(plan, minutes=60)
    (received,) = taken(store)
    assert received.delivered_on == date(2019, 10, 1)
    assert known(store, date(2019, 10, 1)) == [("KA-PED", date(2019, 10, 1), None, None)]
    assert known(store, date(2019, 9, 30)) == []


def test_the_same_support_again_tells_nothing_new(store, world, plan):
    world.calendar.day = date(2019, 10, 1)
    world.consult(plan)
    taken(store)
    before = sorted(path.name for path in (store / "deliveries").iterdir())
    assert taken(store) == []
    assert sorted(path.name for path in (store / "deliveries").iterdir()) == before


@pytest.mark.parametrize("is_told_before", [True, False])
@pytest.mark.requirement("R84")
def test_the_end_and_the_hours_of_a_measure_are_known_once_its_plan_has_ended(store, world, plan, is_told_before):
    world.calendar.day = date(2019, 10, 1)
    world.consult(plan, minutes=90)
    if is_told_before:
        taken(store)
    world.calendar.day = date(2019, 12, 18)
    world.close(plan)
    taken(store)
    assert known(store, date(2019, 12, 17)) == [("KA-PED", date(2019, 10, 1), None, None)]
    assert known(store, date(2019, 12, 18)) == [("KA-PED", date(2019, 10, 1), date(2019, 12, 18), 1.5)]
    assert taken(store) == []


def test_a_consultation_that_was_struck_out_was_not_given(store, world, plan):
    world.calendar.day = date(2019, 10, 1)
    number = world.consult(plan)
    world.do("teacher", CancelConsultation(number, "Ierakstīta kļūdas pēc."))
    assert taken(store) == []


def test_support_of_pupils_whom_the_store_does_not_know_stays_where_it_is(store, world, plan):
    world.consult(world.approved_plan(2))
    assert taken(store) == []


def test_nothing_of_the_delivery_s_files_is_left_behind(store, world, plan, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    world.consult(plan)
    taken(store)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_plan_that_was_taken_back_keeps_the_support_that_was_given(store, world, plan):
    world.consult(plan)
    world.do("teacher", MovePlan(plan, world.version(plan), "suspend", "Ilgstoša slimība."))
    assert len(taken(store)) == 1


def test_answers_to_proposals_are_counted_up_to_the_cut_off_and_few_are_not_told(store, world):
    for number in range(2, 14):
        pupil = world.enrol(number)
        refused = Answer("risk", "MI4", "refused", "Nav tā.") if number < 4 else Answer("risk", "MI4", "accepted")
        world.do("teacher", AnswerProposal(pupil, SCHOOL, 2019, 1, [refused, Answer("risk", "MI9", "added")]))
    assert feedback_of(store, date(2019, 9, 15)) == []
    assert feedback_of(store, date(2019, 9, 16)) == [
        {"line_kind": "risk", "line_code": "MI4", "accepted": 10, "refused": None, "added": None},
        {"line_kind": "risk", "line_code": "MI9", "accepted": None, "refused": None, "added": 12},
    ]


def test_what_was_spent_is_told_of_ten_plans_and_not_of_nine(store, world):
    world.calendar.day = date(2019, 10, 1)
    for number in range(2, 11):
        world.consult(world.approved_plan(number), minutes=30, begins_minute=480 + 35 * number)
    assert spent_of(store, date(2019, 10, 1)) == []
    last = world.approved_plan(11)
    struck_out = world.consult(last, minutes=40)
    world.do("teacher", CancelConsultation(struck_out, "Ierakstīta kļūdas pēc."))
    world.calendar.day = date(2019, 10, 2)
    world.consult(last, minutes=90)
    assert spent_of(store, date(2019, 10, 1)) == []
    assert spent_of(store, date(2019, 10, 2)) == [
        {"measure_code": "KA-PED", "plans": 10, "minutes": 9 * 30 + 90, "cents": 0}
    ]


def test_a_store_without_a_register_has_no_answers_and_nothing_spent(store):
    assert feedback_of(store, date(2019, 9, 16)) == []
    assert spent_of(store, date(2019, 9, 16)) == []
