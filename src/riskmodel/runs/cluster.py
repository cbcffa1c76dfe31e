"""Parts on a Dask cluster: the same function on other machines, which see the same store and run the same code.

Dask is an optional extra. It moves the part's values and a word back; tables go through the store alone.
"""

from __future__ import annotations

import secrets
from collections.abc import Generator, Sequence
from concurrent.futures import CancelledError
from importlib import import_module
from pathlib import Path
from queue import Empty, Queue
from time import monotonic
from typing import Any

from riskmodel.errors import RunFailedError, UsageError
from riskmodel.messages import Message, message
from riskmodel.runs.durable import write_file
from riskmodel.runs.parts import SCHEDULER, Outcome, Part, PartFolder, code_digest, make_part, other_code

CONNECT_SECONDS = 10
WORKERS_SECONDS = 30
"""So long a scheduler may have no worker, at the start and later, before the run gives up."""
LOOK_SECONDS = 2


def _dask() -> Any:
    """Return the package ``distributed``, which has no types and is not there for everybody."""
    try:
        return import_module("distributed")
    except ImportError:
        raise UsageError(
            message("Parts go to a cluster by the package distributed."),
            found=message("It is not installed."),
            remedy=message("Install it with: pip install riskmodel[cluster], or run without --scheduler."),
            where=SCHEDULER,
        ) from None


def connect(address: str, store: Path) -> Any:
    """Return a client of the scheduler at ``address``, once each of its workers was found to be able to serve.

    Raises
    ------
    UsageError
        When Dask is not installed, nothing answers there, or a worker is missing, has other code or another store.
    """
    try:
        client = _dask().Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError):
        raise _no_cluster(message("Nothing answers at this address."), address) from None
    try:
        _check_workers(client, address, store)
    except BaseException:
        client.close()
        raise
    return client


def _check_workers(client: Any, address: str, store: Path) -> None:
    try:
        client.wait_for_workers(1, timeout=WORKERS_SECONDS)
    except TimeoutError:
        raise _no_cluster(message("The scheduler has no worker."), address) from None
    probe = store / "staging" / f".{secrets.token_hex(8)}.part"
    word = secrets.token_hex(8)
    write_file(probe, word.encode())
    try:
        answers = client.run(_look, probe)
    except (OSError, ImportError, AttributeError):
        raise other_code() from None
    finally:
        probe.unlink(missing_ok=True)
    for found, code in answers.values():
        if code != code_digest():
            raise other_code()
        if found != word:
            raise UsageError(
                message("Every worker sees the store at the same path."),
                found=message("A worker does not."),
                remedy=message("Mount the store there at this path, and let the worker read and write it."),
                where=str(store),
            )


def _look(probe: Path) -> tuple[str, str]:
    """Say what a worker reads at a path, and which code it runs."""
    try:
        return probe.read_text("ascii"), code_digest()
    except OSError:
        return "", code_digest()


def on_cluster(address: str, folder: PartFolder, parts: Sequence[Part]) -> Generator[Outcome]:
    """Make the parts on the workers of the scheduler at ``address``; the part of a worker that dies goes to another.

    Raises
    ------
    UsageError
        See :func:`connect`.
    RunFailedError
        When the scheduler or all of its workers are gone, or one part ended several workers.
    """
    with connect(address, folder.store) as client:
        # Keys of their own: the tasks of another run, or of one that was killed, are no business of this one.
        keys = [f"{folder.file(part).stem}-{secrets.token_hex(4)}" for part in parts]
        finished: Queue[Any] = Queue()
        futures = client.map(make_part, [folder] * len(parts), parts, key=keys, pure=False)
        for future in futures:
            future.add_done_callback(finished.put)
        left, seen = len(parts), monotonic()
        while left:
            try:
                future = finished.get(timeout=LOOK_SECONDS)
            except Empty:
                if client.scheduler_info(n_workers=-1)["workers"]:
                    seen = monotonic()
                elif monotonic() - seen > WORKERS_SECONDS:
                    raise _lost(message("All of its workers are gone."), address) from None
                continue
            yield _outcome(future, address)
            left, seen = left - 1, monotonic()


def _outcome(future: Any, address: str) -> Outcome:
    try:
        outcome: Outcome = future.result()
    except _dask().scheduler.KilledWorker:
        found = message("A part ended one worker after the other; most often their memory does not suffice.")
        raise _lost(found, address) from None
    except (ImportError, AttributeError, RuntimeError):
        # A worker that came later and cannot even read what it is to do.
        raise other_code() from None
    except (CancelledError, OSError):
        raise _lost(message("The scheduler is gone."), address) from None
    return outcome


def _no_cluster(found: Message, address: str) -> UsageError:
    return UsageError(
        message("A scheduler with at least one worker must answer before a run can use it."),
        found=found,
        remedy=message("Start both, correct the address, or run without --scheduler."),
        where=address,
    )


def _lost(found: Message, address: str) -> RunFailedError:
    return RunFailedError(
        message("A cluster must stay until the parts of a step are made."),
        found=found,
        remedy=message("Nothing was published. Give the same command again: parts that are made are kept."),
        where=address,
    )
