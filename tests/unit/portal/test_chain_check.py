"""A check of the access log: one at a time, kept for a minute, and no page waits for a long one."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest

from riskmodel.portal import chain_check
from riskmodel.portal.chain_check import KEPT, ChainCheck
from riskmodel.register.audit import Verdict
from riskmodel.register.chain import START

SOUND, BROKEN = Verdict(START), Verdict(START, "content", 1)


class Log:
    """A log whose checks are counted, and wait where a test wants them to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 28, tzinfo=UTC)
        self.checks = 0
        self.verdict = SOUND
        self.may_end = threading.Event()
        self.may_end.set()

    def verify(self) -> Verdict:
        self.checks += 1
        self.may_end.wait()
        return self.verdict

    def clock(self) -> datetime:
        return self.now


@pytest.fixture
def log():
    made = Log()
    yield made
    made.may_end.set()


def test_a_check_is_kept_for_a_minute_and_then_made_anew(log):
    async def ask_thrice() -> list[Verdict]:
        check, found = ChainCheck(log.verify, log.clock), []
        for wait in (timedelta(0), KEPT - timedelta(seconds=1), timedelta(seconds=1)):
            log.now += wait
            found.append((await check.newest()).verdict)
            log.verdict = BROKEN
        return found

    assert asyncio.run(ask_thrice()) == [SOUND, SOUND, BROKEN]
    assert log.checks == 2


def test_many_who_ask_at_once_wait_for_one_check(log):
    async def ask_at_once() -> list[Verdict]:
        check = ChainCheck(log.verify, log.clock)
        return [found.verdict for found in await asyncio.gather(*(check.newest() for _ in range(20)))]

    assert asyncio.run(ask_at_once()) == [SOUND] * 20
    assert log.checks == 1


def test_a_long_check_is_not_waited_for_and_is_there_later(log, monkeypatch):
    async def ask_twice():
        check = ChainCheck(log.verify, log.clock)
        log.may_end.clear()
        monkeypatch.setattr(chain_check, "PATIENCE_SECONDS", 0.01)
        first = await check.newest()
        log.may_end.set()
        monkeypatch.setattr(chain_check, "PATIENCE_SECONDS", 60)
        return first, await check.newest()

    first, second = asyncio.run(ask_twice())
    assert first is None
    assert second.verdict == SOUND
    assert log.checks == 1


def test_a_check_that_fails_is_tried_again(log):
    def fail() -> Verdict:
        log.checks += 1
        raise OSError("disk")

    async def ask_twice() -> None:
        check = ChainCheck(fail, log.clock)
        for _ in range(2):
            with pytest.raises(OSError, match="disk"):
                await check.newest()

    asyncio.run(ask_twice())
    assert log.checks == 2
