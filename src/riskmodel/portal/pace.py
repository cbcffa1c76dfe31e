"""How many different pupils one person has opened lately: a reader needs some, a collector wants all."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable
from time import monotonic

WINDOW_SECONDS = 600
MOST_PUPILS = 200
"""So many different pupils may one person open within the window."""


class Pace:
    """The pupils that each account has opened within the window, newest last."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._opened: defaultdict[int, OrderedDict[str, float]] = defaultdict(OrderedDict)
        self._is_alarmed: set[int] = set()

    def may_open(self, account_id: int, pupil_id: str) -> bool:
        """Note that an account opens a pupil's page; False when it would be one too many."""
        now = self._clock()
        opened = self._opened[account_id]
        while opened and next(iter(opened.values())) <= now - WINDOW_SECONDS:
            opened.popitem(last=False)
        if pupil_id not in opened and len(opened) >= MOST_PUPILS:
            return False
        opened[pupil_id] = now
        opened.move_to_end(pupil_id)
        if len(opened) < MOST_PUPILS:
            self._is_alarmed.discard(account_id)
        return True

    def is_first_alarm(self, account_id: int) -> bool:
        """Whether this is the first refusal since the account was below the limit; one alarm is enough."""
        is_first = account_id not in self._is_alarmed
        self._is_alarmed.add(account_id)
        return is_first
