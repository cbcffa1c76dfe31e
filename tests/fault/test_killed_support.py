"""A process that writes support down is killed, again and again: what was told is there, and no act is half there."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import own_postgres
import pytest
from support_hands import Tables, check_invariants, tables_of
from supported import Calendar, World, people_of

from riskmodel.register.people import Person
from riskmodel.register.places import keep_address, register_of
from riskmodel.register.store import open_register
from riskmodel.support.verbs import VERBS

pytestmark = pytest.mark.fault

WRITER = Path(__file__).with_name("killed_support_writer.py")
RANDOM_KILLS = int(os.environ.get("RISKMODEL_RANDOM_KILLS", "4"))
"""On each data base; 60 takes some two minutes."""
ACTIONS = {verb.action for verb in VERBS.values()}


@pytest.fixture(scope="module")
def true_server() -> Iterator[own_postgres.Server]:
    """Give a server of this module's own that waits for its disk, as one in use does."""
    with own_postgres.serving(own_postgres.TRUE) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Give a store whose register has people and places, in a file or on a server."""
    store = tmp_path / "store"
    if request.param == "postgresql":
        server = request.getfixturevalue("true_server")
        keep_address(own_postgres.place_on(server, server.make_database(), store), store)
    with open_register(register_of(store), may_create=True, clock=lambda: datetime.now(UTC)) as register:
        people_of(World(register, Calendar()))
    return store


def killed_round(store: Path, number: int) -> dict[str, dict[str, object]]:
    """Let a writer write, kill it at some moment, and return what it was told: the answer of each key."""
    after = random.Random(number).randint(1, 60)
    with subprocess.Popen([sys.executable, WRITER, store, str(number)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(after)]
        writer.kill()
        lines += writer.stdout.read().splitlines()
    assert writer.returncode < 0
    return dict(json.loads(line) for line in lines)


def check_whole(tables: Tables) -> None:
    """Look for acts of which a part is missing."""
    acts = [row for row in tables["audit_entry"] if row.action in ACTIONS]
    assert len(acts) == len(tables["request"])  # one entry and one request for each act, or neither
    for table, key in (("plan", "plan_id"), ("consent", "consent_id"), ("consultation", "consultation_id")):
        numbers = [getattr(row, key) for row in tables[table]]
        last = next((row.last for row in tables["counter"] if row.name == table), 0)
        assert numbers == list(range(1, last + 1)), table  # none was given and lost, none twice
    for plan in tables["plan"]:
        steps = [row.action for row in tables["plan_step"] if row.plan_id == plan.plan_id]
        assert plan.version == len([step for step in steps if step != "begin"]) + 1, (plan, steps)
        lines = sum(row.plan_id == plan.plan_id for table in ("plan_risk", "plan_measure") for row in tables[table])
        assert lines == (2 if "change" in steps else 0)
        held = sum(row.plan_id == plan.plan_id for row in tables["consultation"])
        assert (held > 0) == ("start" in steps)


def test_kills_in_the_middle_of_writing_support_lose_nothing_that_was_told_and_leave_nothing_half(store: Path) -> None:
    told: dict[str, dict[str, object]] = {}
    for number in range(RANDOM_KILLS):
        told |= killed_round(store, number)
        with open_register(register_of(store)) as register:
            world = World(register, Calendar(), dict[str, Person]())
            tables = tables_of(world)
            kept = {row.request_key: json.loads(row.answer) for row in tables["request"]}
            assert {key: kept.get(key) for key in told} == told
            check_whole(tables)
            check_invariants(world)
    assert len(told) > RANDOM_KILLS
