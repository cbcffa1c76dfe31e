"""Laws of the support register: any verbs by anybody keep its tables sound, leave the same on both data bases, and never meet."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, time
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier
from typing import Any

import own_postgres
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from refusals import contents_of, rows
from support_hands import FIRST_DAY, PEOPLE, VERBS, Deed, Hands, check_invariants, consent_held
from supported import Calendar, World, people_of

from riskmodel.register import sqlite
from riskmodel.register.people import Person
from riskmodel.register.places import Place
from riskmodel.register.store import open_register
from riskmodel.settings import HERE
from riskmodel.support.compensations import RecordContact
from riskmodel.support.consultations import RecordConsultation
from riskmodel.support.office import Office
from riskmodel.support.plans import ChangePlan, MeasureLine, RiskLine
from riskmodel.support.schema.plans import PLAN_RISK
from riskmodel.support.schema.services import CONSULTATION
from riskmodel.support.work import ConflictError

FIRST_MOMENT = datetime.combine(FIRST_DAY, time(12), HERE)
WRITERS = 20


def deeds_of(most: int) -> st.SearchStrategy[list[Deed]]:
    """Return lists of deeds of a few verbs each, so that those meet often; most are done by whose task they are."""
    numbers = st.integers(0, 200)
    who = st.one_of(st.none(), st.none(), st.none(), st.integers(0, len(PEOPLE) - 1))

    def of_verbs(chosen: list[str]) -> st.SearchStrategy[list[Deed]]:
        verb = st.sampled_from([*chosen, *chosen, "on", "day"])
        deed = st.builds(Deed, verb, who, st.integers(0, 5), numbers, numbers)
        return st.lists(deed, min_size=most // 2, max_size=most)

    return st.lists(st.sampled_from(VERBS), min_size=1, max_size=4, unique=True).flatmap(of_verbs)


def beginning() -> list[Deed]:
    """Return the deeds with which each pupil gets a consent and a plan: one under way, two approved, one submitted."""
    made = []
    for pupil, steps in enumerate((6, 6, 5, 2)):
        made += [Deed("certificate", None, pupil, 1, 1), Deed("consent", None, pupil, 0, 0)]
        made += [Deed("begin", None, pupil, 0, 0), *[Deed("on", None, 0, pupil % 2, 0)] * steps]
    return made


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Person]]]:
    """A register with people of every role, to be copied for each example, and the people."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sqlite.SETTINGS, "synchronous", "0")
        folder = tmp_path_factory.mktemp("fresh")
        calendar = Calendar(FIRST_DAY)
        with open_register(folder / "register.sqlite3", may_create=True, clock=calendar) as register:
            world = people_of(World(register, calendar))
        yield folder, world.people


@contextmanager
def in_a_file(fresh: tuple[Path, dict[str, Person]]) -> Iterator[World]:
    """Give a world in a file of its own."""
    folder, people = fresh
    with TemporaryDirectory() as copy:
        for file in folder.iterdir():
            shutil.copy(file, Path(copy) / file.name)
        calendar = Calendar(FIRST_DAY)
        with open_register(Path(copy) / "register.sqlite3", clock=calendar) as register:
            yield World(register, calendar, dict(people), count(1000))


@contextmanager
def on_a_server(postgres: own_postgres.Server) -> Iterator[World]:
    """Give the same world in a data base of a PostgreSQL server."""
    with TemporaryDirectory() as folder:
        calendar = Calendar(FIRST_DAY)
        with (
            own_postgres.made_place(postgres, Path(folder) / "store", FIRST_MOMENT) as place,
            open_register(place, clock=calendar) as register,
        ):
            world = people_of(World(register, calendar))
            world.numbers = count(1000)
            yield world


@pytest.mark.requirement("R19", "R23", "R29", "R36", "R57", "X1", "X2")
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(deeds=deeds_of(40))
def test_any_verbs_by_anybody_leave_sound_tables_one_entry_for_each_and_nothing_of_the_refused(fresh, deeds):
    with in_a_file(fresh) as world:
        hands = Hands(world)
        before = contents_of(world.register.database)
        for deed in [*beginning(), *deeds]:
            done = hands.do(deed)
            after = contents_of(world.register.database)
            if done is None:
                assert after == before, deed
            else:
                assert len(after["audit_entry"]) == len(before["audit_entry"]) + 1
                assert len(after["request"]) == len(before["request"]) + 1
                is_support = isinstance(done[1], RecordConsultation | RecordContact)
                assert not is_support or done[1].plan_code is None or consent_held(world, done[1])
            before = after
        check_invariants(world)


def test_the_deeds_go_deep_enough_for_a_law_to_mean_something(fresh):
    """The fixed beginning is done as far as it goes; the deeds of their own people are no row of refusals."""
    with in_a_file(fresh) as world:
        hands = Hands(world)
        for deed in beginning():
            hands.do(deed)
        # All but one: the teacher has another consultation when the second plan would begin.
        assert hands.done == len(beginning()) - 1, [told for told in hands.told if "(" not in told]
        statuses = Counter(row.status for row in tables_of_plans(world))
        assert statuses == {"IN_PROGRESS": 1, "APPROVED": 2, "IN_APPROVAL": 1}


def tables_of_plans(world: World) -> list[Any]:
    from riskmodel.support.schema.plans import PLAN

    return rows(world, PLAN)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(deeds=deeds_of(60))
def test_any_verbs_leave_the_same_rows_and_the_same_words_on_both_data_bases(fresh, postgres, deeds):
    left = []
    for giving in (lambda: in_a_file(fresh), lambda: on_a_server(postgres)):
        with giving() as world:
            hands = Hands(world)
            for deed in [*beginning(), *deeds]:
                hands.do(deed)
            check_invariants(world)
            left.append((hands.told, contents_of(world.register.database)))
    (told, kept), (told_there, kept_there) = left
    assert told == told_there
    for table, content in kept.items():
        assert content == kept_there[table], table


# --- many at once


@pytest.fixture(params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, fresh: Any) -> Iterator[World]:
    """Give a world with two approved plans, in a file and on a server."""
    giving = in_a_file(fresh) if request.param == "sqlite" else on_a_server(request.getfixturevalue("postgres"))
    with giving as world:
        for number in (1, 2):
            pupil = world.enrol(number)
            code = world.begin(pupil, world.consent(pupil, 2020), 2020)
            world.fill(code)
            world.move("teacher", code, "submit")
            world.approve(code)
        yield world


def all_at_once(place: Place, calendar: Calendar, act: Callable[[Office, int], Any]) -> list[Any]:
    """Let twenty writers, each with an office and connections of its own, act at the same moment; return answers and errors."""
    barrier = Barrier(WRITERS)

    def one(number: int) -> Any:
        with open_register(place, clock=calendar) as register:
            office = Office(register.database)
            barrier.wait()
            try:
                return act(office, number)
            except Exception as error:  # noqa: BLE001  (looked at by the test: any other error than a refusal fails it)
                return error

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(one, range(WRITERS)))


def answers(found: Sequence[Any]) -> list[Any]:
    """Return what is no error."""
    return [one for one in found if not isinstance(one, Exception)]


@pytest.mark.requirement("R23", "R57")
def test_of_twenty_who_change_one_plan_at_once_one_is_heard_and_the_others_are_told_by_whom(shared):
    (code, _) = (row.plan_code for row in tables_of_plans(shared))
    shared.move("teacher", code, "revise", reason="Cits saturs.")
    place, people = shared.register.place, shared.people
    for turn in range(3):
        seen = shared.version(code)

        def change(office: Office, number: int, seen: int = seen, turn: int = turn) -> Any:
            lines = [RiskLine("MI4", f"Rakstīja {turn}.{number}")], [MeasureLine("KA-PED", ["MI4"], None, "fizika")]
            return office.do(ChangePlan(code, seen, *lines), people["teacher"], f"turn-{turn}-writer-{number:02d}")

        found = all_at_once(place, shared.calendar, change)
        assert len(answers(found)) == 1
        winner = next(number for number, one in enumerate(found) if not isinstance(one, Exception))
        assert {type(one) for one in found if isinstance(one, Exception)} == {ConflictError}
        assert shared.version(code) == seen + 1
        plan_id = shared.plan(code).plan_id
        assert [row.justification for row in rows(shared, PLAN_RISK, plan_id=plan_id)] == [f"Rakstīja {turn}.{winner}"]
    check_invariants(shared)


@pytest.mark.requirement("R57")
def test_of_twenty_who_book_one_provider_at_once_one_gets_the_time(shared):
    codes = [row.plan_code for row in tables_of_plans(shared)]
    place, people = shared.register.place, shared.people
    for turn in range(3):

        def book(office: Office, number: int, turn: int = turn) -> Any:
            begins = 600 + 100 * turn + number  # each overlaps each of the others
            command = RecordConsultation(
                codes[number % 2], "KA-PED", FIRST_DAY, begins, 40, subject_code="matematika", is_signed=True
            )
            return office.do(command, people["teacher"], f"turn-{turn}-booking-{number:02d}")

        found = all_at_once(place, shared.calendar, book)
        assert len(answers(found)) == 1, found
        assert len(rows(shared, CONSULTATION)) == turn + 1
    check_invariants(shared)


def test_twenty_who_send_the_same_form_at_once_are_answered_the_same_and_it_is_done_once(shared):
    code = tables_of_plans(shared)[0].plan_code
    command = RecordConsultation(code, "KA-PED", FIRST_DAY, 600, 40, subject_code="matematika", is_signed=True)
    before = shared.register.audit.size()
    person = shared.people["teacher"]
    found = all_at_once(
        shared.register.place, shared.calendar, lambda office, _: office.do(command, person, "one-form-sent-twice")
    )
    assert len(answers(found)) == WRITERS
    assert len({str(one) for one in found}) == 1
    assert shared.register.audit.size() == before + 1
    assert len(rows(shared, CONSULTATION)) == 1
