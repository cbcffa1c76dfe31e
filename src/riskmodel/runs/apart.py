"""Receiving a delivery in a process of its own: what it held in memory is gone with it.

The process is a fork of this one. It ends when this one does, and is asked to end, so that it takes its scratch files
away, when this one is stopped. Where a system cannot do this, or threads of this process are at work, whose locks a fork
would inherit and nobody would open, the work is done here.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from riskmodel.errors import RiskmodelError, RunFailedError
from riskmodel.memory import give_back, keep_for_good
from riskmodel.messages import Message, message
from riskmodel.runs.failure import Failure, as_message, describe, failure_of, in_words
from riskmodel.runs.forking import can_fork, end_with

Say = Callable[[Message], None]
Result = TypeVar("Result")

SECONDS_TO_END = 20
"""So long a process that was asked to end may take to remove its scratch files; then it is killed."""


def in_own_process(
    work: Callable[[Say], Result], say: Say, store: Path, meanwhile: Callable[[], object] = lambda: None
) -> Result:
    """Return what ``work`` returns, which must be values of JSON; what it says is said here.

    Parameters
    ----------
    meanwhile
        What this process can do in advance while the other works; not called where there is no other.

    Raises
    ------
    RiskmodelError
        What ``work`` raised. Of an error that is not of the house, only its kind and place are told; one of the system is
        told as a fault of the disk of ``store``.
    """
    if not can_fork() or threading.active_count() > 1:
        try:
            return work(say)
        finally:
            give_back()
    here, there = os.pipe()
    owner = os.getpid()
    keep_for_good()
    child = os.fork()
    if child == 0:
        os.close(here)
        _do(work, there, owner)
    gc.unfreeze()  # this process ends as ever: libraries complain of what nobody collected
    os.close(there)
    with os.fdopen(here, "r", encoding="utf-8") as answers, _ended(child):
        meanwhile()
        result: Result = _result(answers, say, store)
    return result


def _do(work: Callable[[Say], object], to: int, owner: int) -> NoReturn:
    """Do the work in the forked process, and end it."""
    try:
        end_with(owner)

        def tell(kind: str, content: object) -> None:
            os.write(to, f"{json.dumps([kind, content])}\n".encode())

        try:
            kind, content = "done", work(lambda text: tell("said", in_words(text)))
        except BaseException as error:  # noqa: BLE001  (whatever it is, it goes to who waits, as kind and place)
            kind, content = "failed", describe(error, error.__traceback__)
        with contextlib.suppress(OSError):  # nobody waits any more
            tell(kind, content)
    finally:
        os._exit(0)


def _result(answers: Iterable[str], say: Say, store: Path) -> Any:
    for line in answers:
        kind, content = json.loads(line)
        if kind == "done":
            return content
        if kind == "failed":
            raise _error_of(failure_of(content, store))
        say(as_message(content))
    raise _died()


@contextlib.contextmanager
def _ended(child: int) -> Iterator[None]:
    """See to it that the process has ended when the block has, however that ended."""
    watched = os.pidfd_open(child)
    try:
        yield
    except BaseException:
        signal.pidfd_send_signal(watched, signal.SIGTERM)
        if not select.select([watched], [], [], SECONDS_TO_END)[0]:
            signal.pidfd_send_signal(watched, signal.SIGKILL)
        raise
    finally:
        os.close(watched)
        os.waitpid(child, 0)


def _error_of(failure: Failure) -> RiskmodelError:
    must = message("A delivery that can be read is received, and one that cannot is refused with a reason.")
    return failure.as_error(must, message("Receiving stopped: {kind} at {place} (error {error_id}).", **failure.named))


def _died() -> RunFailedError:
    return RunFailedError(
        message("The process that receives a delivery must live until the delivery is in the store."),
        found=message("It died without a word; most often the memory did not suffice."),
        remedy=message("Free memory, then give the same command again; the delivery was not taken."),
    )
