"""Work in a process of its own: what it held in memory is gone with it.

The process is a fork of this one. It ends when this one does, and is asked to end, so that it takes its scratch files
away, when this one is stopped. Where a system cannot do this, or threads of this process are at work, whose locks a fork
would inherit and nobody would open, the work is done here.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from riskmodel.errors import RiskmodelError, RunFailedError
from riskmodel.memory import give_back, keep_for_good
from riskmodel.messages import Message, message
from riskmodel.runs.failure import Failure, describe, failure_of
from riskmodel.runs.forking import can_fork, end_with

Say = Callable[[Message], None]
Result = TypeVar("Result")

SECONDS_TO_END = 20
"""So long a process that was asked to end may take to remove its scratch files; then it is killed."""


def in_own_process(
    work: Callable[[Say], Result], say: Say, store: Path, meanwhile: Callable[[], object] = lambda: None
) -> Result:
    """Return what ``work`` returns, which must be plain values; what it says is said here.

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
    here, there = Pipe(duplex=False)
    owner = os.getpid()
    keep_for_good()
    child = os.fork()
    if child == 0:
        here.close()
        _do(work, there, owner)
    gc.unfreeze()  # this process ends as ever: libraries complain of what nobody collected
    there.close()
    with here, _ended(child):
        meanwhile()
        result: Result = _result(here, say, store)
    return result


def _do(work: Callable[[Say], object], to: Connection, owner: int) -> NoReturn:
    """Do the work in the forked process, and end it."""
    try:
        end_with(owner)
        try:
            answer = ("done", work(lambda text: to.send(("said", text))))
        except BaseException as error:  # noqa: BLE001  (whatever it is, it goes to who waits, as kind and place)
            answer = ("failed", describe(error, error.__traceback__))
        with contextlib.suppress(OSError):  # nobody waits any more
            to.send(answer)
    finally:
        os._exit(0)


def _result(answers: Connection, say: Say, store: Path) -> Any:
    while True:
        try:
            kind, content = answers.recv()
        except EOFError:
            raise _died() from None
        if kind == "done":
            return content
        if kind == "failed":
            raise _error_of(failure_of(content, store))
        say(content)


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
    return failure.error or RunFailedError(
        message("A delivery that can be read is received, and one that cannot is refused with a reason."),
        found=message(
            "Receiving stopped: {kind} at {place} (error {error_id}).",
            kind=failure.kind,
            place=failure.place,
            error_id=failure.error_id,
        ),
        remedy=message("Nothing was published and the run before stays. Report this line to the developers."),
    )


def _died() -> RunFailedError:
    return RunFailedError(
        message("The process that receives a delivery must live until the delivery is in the store."),
        found=message("It died without a word; most often the memory did not suffice."),
        remedy=message("Free memory, then give the same command again; the delivery was not taken."),
    )
