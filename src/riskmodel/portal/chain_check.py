"""Whether the access log is as it was written, for a page that must not wait for a long check, nor start many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from riskmodel.register.audit import Verdict

KEPT = timedelta(minutes=1)
"""A check reads the whole log: one is enough for so long."""
PATIENCE_SECONDS = 5.0


@dataclass(frozen=True)
class Checked:
    """What a check found, and when it was asked for."""

    verdict: Verdict
    at: datetime


class ChainCheck:
    """The newest check of one register's audit.

    Parameters
    ----------
    verify
        Goes through the whole chain, in a thread.
    clock
        The present moment.
    """

    def __init__(self, verify: Callable[[], Verdict], clock: Callable[[], datetime]) -> None:
        self._verify = verify
        self._clock = clock
        self._running: asyncio.Task[Checked] | None = None
        self._newest: Checked | None = None

    async def newest(self) -> Checked | None:
        """Return a check not older than ``KEPT``; None when one takes longer than a page should wait."""
        if self._newest is not None and self._clock() - self._newest.at < KEPT:
            return self._newest
        if self._running is None:
            self._running = asyncio.create_task(self._check())
        done, _ = await asyncio.wait({self._running}, timeout=PATIENCE_SECONDS)
        return done.pop().result() if done else None

    async def _check(self) -> Checked:
        try:
            at = self._clock()
            self._newest = Checked(await asyncio.to_thread(self._verify), at)
            return self._newest
        finally:
            self._running = None
