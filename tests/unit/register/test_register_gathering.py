"""Writers of the audit at once: one commit for all who came meanwhile, each with its own entry or its own error."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from riskmodel.register.database import Act, Database
from riskmodel.register.gathering import Gathering, Wanted
from riskmodel.register.headnote import HeadNote
from riskmodel.register.places import note_file
from riskmodel.register.store import Register

WRITERS = 20


class Slow(Database):
    """A data base whose first act is held until so many others wait."""

    def __init__(self, register: Register, clock) -> None:
        own = register.database
        super().__init__(own.engine, own.note, clock)
        self.gathering = Gathering(self)
        self.acts, self.wait_for = 0, 0
        self._entered = threading.Event()

    @contextmanager
    def acting(self) -> Iterator[Act]:
        self.acts += 1
        if self.acts == 1:
            self._entered.set()
            while self.gathering.waiting < self.wait_for:
                time.sleep(0.001)
        with super().acting() as act:
            yield act

    def write_at_once(self, many: list[Wanted]) -> list[Future[int]]:
        """Write the first entry, and all others while it is being written; return how each ended, in that order."""
        first, *others = many
        self.wait_for = len(others)
        with ThreadPoolExecutor(len(many)) as pool:
            ends = [pool.submit(self.gathering.write, first)]
            self._entered.wait()
            ends += [pool.submit(self.gathering.write, other) for other in others]
        return ends


def wanted(number: int) -> Wanted:
    return Wanted("operator", "page_viewed", "school:101", f"{number:032x}", {"rows": number})


def test_those_who_come_while_one_entry_is_written_share_the_next_commit(register: Register, clock):
    slow, commits = Slow(register, clock), []
    event.listen(slow.engine, "commit", commits.append)
    numbers = [end.result() for end in slow.write_at_once([wanted(number) for number in range(WRITERS)])]
    assert len(commits) == slow.acts == 2
    assert sorted(numbers) == list(range(numbers[0], numbers[0] + WRITERS))
    entries = {entry.number: entry.subject for entry in register.audit.read()}
    assert [entries[number] for number in numbers] == [f"{number:032x}" for number in range(WRITERS)]
    verdict = register.audit.verify()
    assert (verdict.is_sound, verdict.not_noted) == (True, 0)


@pytest.mark.parametrize("details", [{"name": "Anna"}, {"rows": None}, {"rows": 1.5}])
def test_an_entry_that_is_off_the_lists_fails_alone_and_those_beside_it_are_written(
    register: Register, clock, details: dict
):
    slow, many = Slow(register, clock), [wanted(number) for number in range(6)]
    with pytest.raises(ValueError, match="audit"):
        register.audit.write("operator", "page_viewed", "school:101", details=details)
    assert [end.exception() for end in slow.write_at_once(many)] == [None] * 6
    assert register.audit.verify().is_sound


def test_a_data_base_that_fails_is_told_to_all_and_nothing_is_written(register: Register, clock, monkeypatch):
    slow, record = Slow(register, clock), Act.record

    def fail_at_the_fourth(self, by, action, **given):
        if given["details"]["rows"] == 3:
            raise OperationalError("INSERT", {}, Exception("database or disk is full"))
        return record(self, by, action, **given)

    monkeypatch.setattr(Act, "record", fail_at_the_fourth)
    first, *others = slow.write_at_once([wanted(number) for number in range(6)])
    assert first.exception() is None
    assert all(isinstance(other.exception(), OperationalError) for other in others)
    assert [entry.subject for entry in register.audit.read() if entry.action == "page_viewed"] == [wanted(0).subject]
    assert register.audit.write("operator", "page_viewed", "school:101", details={"rows": 9}) == 3
    assert register.audit.verify().is_sound


def test_a_note_that_cannot_be_written_is_told_to_all_and_no_entry_stands_twice(register: Register, clock, monkeypatch):
    slow, advance, calls = Slow(register, clock), HeadNote.advance, []

    def fail_at_the_second(self, *given):
        calls.append(given)
        if len(calls) == 2:
            raise OSError("no space left")
        advance(self, *given)

    monkeypatch.setattr(HeadNote, "advance", fail_at_the_second)
    first, *others = slow.write_at_once([wanted(number) for number in range(4)])
    assert first.exception() is None
    assert all(isinstance(other.exception(), OSError) for other in others)
    assert len([entry for entry in register.audit.read() if entry.action == "page_viewed"]) == 4
    verdict = register.audit.verify()
    assert (verdict.is_sound, verdict.not_noted) == (True, 3)


def test_a_writer_who_is_interrupted_leaves_the_others_to_the_next(register: Register, clock, monkeypatch):
    slow, real, acts = Slow(register, clock), Slow.acting, []

    @contextmanager
    def interrupted(self):
        acts.append(threading.current_thread())
        if len(acts) == 2:
            raise KeyboardInterrupt
        with real(self) as act:
            yield act

    monkeypatch.setattr(Slow, "acting", interrupted)
    ends = slow.write_at_once([wanted(number) for number in range(5)])
    broken = [end for end in ends if isinstance(end.exception(), KeyboardInterrupt)]
    assert len(broken) == 1
    assert all(end.exception() is None for end in ends if end not in broken)
    assert len([entry for entry in register.audit.read() if entry.action == "page_viewed"]) == 4
    assert register.audit.verify().is_sound


def test_one_writer_after_the_other_finds_each_entry_noted_when_its_call_returns(register: Register):
    for number in range(3):
        written = register.audit.write("operator", "page_viewed", "school:101", details={"rows": number})
        head = HeadNote(note_file(register.place)).read()
        assert head is not None
        assert head.entry_count == written
