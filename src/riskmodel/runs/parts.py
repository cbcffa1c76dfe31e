"""Work cut into parts that anybody may make: a loop, threads of this process, or a Dask cluster.

A part is a pure function of values: which deliveries or files of which store, which days, which pupils. It makes one file, or
one for each of its pieces. A file is whole or not there, and its name holds the digest of all that it depends on. A part
whose files are there and whole is not made again: a run that was killed, or lost a worker, goes on where it was. Who makes the parts, and
how many work at once, changes no byte of any result.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import math
import os
import re
import secrets
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from queue import SimpleQueue
from time import perf_counter
from typing import Any, BinaryIO, TypeAlias, TypeVar

import pyarrow as pa

from riskmodel.digests import state_of
from riskmodel.errors import RiskmodelError, RunFailedError, UsageError
from riskmodel.messages import message
from riskmodel.runs.durable import digest_of
from riskmodel.runs.failure import describe, failure_of, marks_of
from riskmodel.runs.manifest import code_of_this_process, environment

WORKERS, SCHEDULER = "RISKMODEL_WORKERS", "RISKMODEL_SCHEDULER"
"""Variables that say who makes the parts. They are no settings: a run is the same whoever made it."""

KEY_LETTERS = 24
PARTS_ENDING = ".arrow"
NAME = re.compile(r"[a-z0-9_-]{1,60}")
MARK = b"riskmodel part "
ROWS_WRITTEN_AT_ONCE = 32_768
"""Of a part's table: so many stand in memory a second time, compressed."""
HEAD_BYTES = len(MARK) + 64 + 1
CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")


Made: TypeAlias = pa.Table | Mapping[str, pa.Table]
"""What the work of a part returns: a table, or one by piece."""
WHOLE = ""
"""Stands for the piece of a part that has no pieces."""


@dataclass(frozen=True)
class Part:
    """One part of the work.

    ``name`` is for people and files, and says nothing of any pupil. ``work`` makes it: a function of a module (so that
    another process finds it), called with the folder of the parts and ``given``. These are plain values, all that the
    result depends on beside the code and the deliveries of the store. Parts of a larger ``size`` are begun first.
    Work that several later parts read, each another piece of it, returns a table for each of ``pieces``. What all later
    parts read at once had better not be ``is_compressed``: it takes twice the disk, and a fifth of the time.
    """

    name: str
    work: Callable[[PartFolder, Mapping[str, Any]], Made]
    given: Mapping[str, Any]
    size: int = 1
    pieces: tuple[str, ...] = ()
    is_compressed: bool = True

    def __post_init__(self) -> None:
        """Refuse a name that is no name of a file."""
        for name in (self.name, *self.pieces):
            if not NAME.fullmatch(name):
                raise ValueError(f"not a name of a part: {name}")


@dataclass(frozen=True)
class Outcome:
    """What became of a part: how long it took, and the failure (see :func:`riskmodel.runs.failure.describe`) or None.

    Where it was handed over before its file was written, without the seconds of that.
    ``made`` is what the work returned, where who made it is a thread of the process that asked.
    """

    name: str
    seconds: float
    failure: Mapping[str, Any] | None = None
    made: Made | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class PartFolder:
    """Where the files of the parts lie, and the store that they are made from; both as every worker sees them.

    ``code`` is the digest of the code that all workers must have.
    """

    path: Path
    store: Path
    code: str

    def file(self, part: Part, piece: str = WHOLE) -> Path:
        """Return where the file of ``part`` lies, or that of one of its pieces."""
        work = f"{part.work.__module__}:{part.work.__qualname__}"
        key = digest_of({"code": self.code, "work": work, "given": dict(part.given)})
        return self.path / f"{part.name}-{f'{piece}-' if piece else ''}{key[:KEY_LETTERS]}{PARTS_ENDING}"

    def files(self, part: Part) -> dict[str, Path]:
        """Return where the files of ``part`` lie, by piece."""
        return {piece: self.file(part, piece) for piece in part.pieces or (WHOLE,)}

    def write(self, part: Part, made: Made) -> None:
        """Write the files of ``part``. Two workers may do so at once: both write the same.

        Nobody waits for the disk: what a power cut has torn has another digest, and is made again.
        """
        for piece, path in self.files(part).items():
            self._write(path, made[piece] if part.pieces else made, "lz4" if part.is_compressed else None)

    def _write(self, path: Path, table: pa.Table, compression: str | None) -> None:
        half = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        with half.open("xb") as file:
            file.write(_head(hashlib.sha256()))  # its place: what the digest is, is known at the end
            body = _Digested(file)
            options = pa.ipc.IpcWriteOptions(compression=compression)
            with pa.ipc.new_stream(pa.PythonFile(body, "w"), table.schema, options=options) as stream:
                stream.write_table(table, max_chunksize=ROWS_WRITTEN_AT_ONCE)
            file.seek(0)
            file.write(_head(body.digest))
        half.replace(path)
        _seen_whole.add(state_of(path))

    def is_made(self, part: Part) -> bool:
        """Whether the files of ``part`` are there and whole."""
        return all(map(_is_whole, self.files(part).values()))

    def read(self, name: str) -> pa.Table:
        """Return the table in the file ``name`` of this folder.

        Raises
        ------
        RunFailedError
            When it is not there or not whole.
        """
        body = _body(self.path / name)
        if body is None:
            raise self._not_whole(name)
        return pa.ipc.open_stream(body).read_all()

    def batches(self, name: str) -> Iterator[pa.Table]:
        """Yield the rows of the table in the file ``name``, some at a time, of which alone memory is taken; raises as :meth:`read`."""
        if not _is_whole(self.path / name):
            raise self._not_whole(name)
        with (self.path / name).open("rb") as file:
            file.seek(HEAD_BYTES)
            for batch in pa.ipc.open_stream(pa.PythonFile(file, "r")):
                if batch.num_rows:
                    yield pa.Table.from_batches([batch])

    def _not_whole(self, name: str) -> RunFailedError:
        return RunFailedError(
            message("The parts of a run stay as they were made until the run has read them."),
            found=message("The file of a part is missing or was changed."),
            remedy=message("Find out who writes there, then give the same command again: parts are made anew."),
            where=str(self.path / name),
        )


class _Digested(io.RawIOBase):
    """Writes to a file, and has the digest of all that it wrote."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, some: Any) -> int:
        self.digest.update(some)
        return self._file.write(some)


def _head(digest: hashlib._Hash) -> bytes:
    return MARK + digest.hexdigest().encode() + b"\n"


_seen_whole: set[tuple[int, ...]] = set()
"""States of the files that this process has written, or looked through and found whole."""


def _is_whole(path: Path) -> bool:
    """Whether a part's file is there and whole; one that this process has seen so is not read again."""
    try:
        return state_of(path) in _seen_whole or _body(path) is not None
    except FileNotFoundError:
        return False


def _body(path: Path) -> pa.Buffer | None:
    """Return what a part's file holds behind its digest, or None when it is not there or not whole."""
    try:
        with path.open("rb") as file:
            state, content = state_of(file.fileno()), file.read()
    except FileNotFoundError:
        return None
    body = pa.py_buffer(content).slice(min(HEAD_BYTES, len(content)))
    if state not in _seen_whole:
        if not content.startswith(_head(hashlib.sha256(body))):
            return None
        _seen_whole.add(state)
    return body


def open_folder(path: Path, store: Path) -> PartFolder:
    """Return the folder of parts at ``path``, made where there is none, for the code of this process."""
    path.mkdir(mode=0o750, parents=True, exist_ok=True)
    return PartFolder(path.absolute(), store.absolute(), code_digest())


def parts_of_run(run_folder: Path) -> Path:
    """Return where the parts of a run in staging lie."""
    return marks_of(run_folder) / "parts"


@cache
def code_digest() -> str:
    """Return one digest of the code of this process and of the packages that figures depend on."""
    return digest_of({"code": code_of_this_process().model_dump(), "environment": environment()})


Tell = Callable[[Part, float | None], None]
"""Called for each part that is made: with the seconds that it took, or None when it was made before."""
Take = Callable[[Part, Made | None], None]
"""Called for each part that is made: with what was made, whose file may still be in work, or None when it is to be read from
its file, which is whole then."""


def make(
    folder: PartFolder, parts: Sequence[Part], tell: Tell, take: Take | None = None, *, hands_over: bool = True
) -> None:
    """Make every part of which a file is not there and whole, the largest first.

    Who wants each part at once gives ``take``: what was made in this process need not be read again. Without
    ``hands_over`` it is to be read from its file nevertheless, and nobody holds it meanwhile.

    Raises
    ------
    UsageError
        When the number of workers or the address of the cluster cannot be, or a worker cannot serve.
    RiskmodelError
        What a part raised. Of an error that is not of the house, only its kind and place are told.
    """
    missing = []
    for part in parts:
        if folder.is_made(part):
            tell(part, None)
            if take is not None:
                take(part, None)
        else:
            missing.append(part)
    by_name = {part.name: part for part in parts}
    if len(by_name) < len(parts):
        raise ValueError("two parts have one name")
    if not missing:
        return
    work = _executor(hands_over=hands_over and take is not None)
    # Closed here, and not when the error of a part that holds this frame is forgotten: until then others would be made.
    with contextlib.closing(work(folder, sorted(missing, key=lambda part: (-part.size, part.name)))) as outcomes:
        for outcome in outcomes:
            if outcome.failure is not None:
                raise _as_error(outcome, folder)
            tell(by_name[outcome.name], outcome.seconds)
            if take is not None:
                take(by_name[outcome.name], outcome.made)
            del outcome  # what was made, while the next part is waited for


Result = TypeVar("Result")


@contextlib.contextmanager
def beside(work: Callable[[], Result]) -> Iterator[Callable[[], Result]]:
    """Do ``work`` beside the parts that the block makes, where this process makes several at once.

    Gives what returns its result, or raises what the work raised; elsewhere the work is done when the result is asked for.
    Nobody need ask: a part that wants what the work did not finish does it itself, and says what is wrong.
    """
    if os.environ.get(SCHEDULER, "") or workers() == 1:
        yield work
        return
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="beside") as pool:
        doing = pool.submit(work)
        yield doing.result


HandOver = Callable[[Outcome], None]
"""Called with what was made, before it stands in a file."""


def make_part(folder: PartFolder, part: Part, *, hand_over: HandOver | None = None) -> Outcome:
    """Make one part, in whatever process this is. What it raises is described and not raised: no value travels.

    Who is to have what was made at once gives ``hand_over``; what fails after that stands in the outcome that is returned.
    """
    began = perf_counter()
    try:
        if folder.code != code_digest():
            raise other_code()
        made = part.work(folder, part.given)
        if hand_over is not None:
            hand_over(Outcome(part.name, perf_counter() - began, made=made))
        folder.write(part, made)
    except Exception as error:  # noqa: BLE001  (whatever it is, it goes to the run as kind and place)
        return Outcome(part.name, perf_counter() - began, describe(error, error.__traceback__))
    return Outcome(part.name, perf_counter() - began)


def other_code() -> UsageError:
    """Return what is told when a worker runs another version of the program."""
    return UsageError(
        message("Every worker runs the same version of the program, with the same packages, as the run itself."),
        found=message("A worker has another one."),
        remedy=message("Install the same version there and start the worker again."),
        where=SCHEDULER,
    )


def _as_error(outcome: Outcome, folder: PartFolder) -> RiskmodelError:
    failure = failure_of(outcome.failure or {}, folder.store)
    found = message("Part {part} stopped: {kind} at {place} (error {error_id}).", part=outcome.name, **failure.named)
    return failure.as_error(message("Every part of a step must finish."), found)


def workers() -> int:
    """Return how many workers of this machine a step may use: ``RISKMODEL_WORKERS``, else the cores of this process.

    Raises
    ------
    UsageError
        When the variable holds something else than a number from 1.
    """
    given = os.environ.get(WORKERS, "")
    if not given:
        return available_cores()
    if not (given.isascii() and given.isdigit() and int(given) > 0):
        raise UsageError(
            message("The number of workers is a whole number from 1."),
            found=message("Something else was given."),
            remedy=message("Correct it, or leave it out: then every core that this process may use works."),
            where=WORKERS,
        )
    return int(given)


def available_cores() -> int:
    """Return how many cores this process may use: its affinity, and the share of time that its container has."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = CPU_QUOTA.read_text("ascii").split()
    except (OSError, ValueError):
        return cores
    return cores if quota == "max" else max(1, min(cores, math.ceil(int(quota) / int(period))))


def check_executor(store: Path) -> None:
    """Refuse a number of workers that cannot be, or a cluster whose workers cannot serve, before any work begins.

    Raises
    ------
    UsageError
        See :func:`workers` and :func:`riskmodel.runs.cluster.connect`.
    """
    workers()
    if address := os.environ.get(SCHEDULER, ""):
        from riskmodel.runs import cluster  # noqa: PLC0415  (the optional extra, and a second of imports)

        cluster.connect(address, store).close()


Executor = Callable[[PartFolder, Sequence[Part]], Generator[Outcome]]


def _executor(*, hands_over: bool) -> Executor:
    if address := os.environ.get(SCHEDULER, ""):
        from riskmodel.runs import cluster  # noqa: PLC0415  (the optional extra, and a second of imports)

        return partial(cluster.on_cluster, address)
    number = workers()
    executor = one_by_one if number == 1 else partial(in_threads, number)
    return partial(executor, hands_over=hands_over)


def one_by_one(folder: PartFolder, parts: Sequence[Part], *, hands_over: bool = False) -> Generator[Outcome]:
    """Make the parts in a plain loop."""
    for part in parts:
        handed = list[Outcome]()
        outcome = make_part(folder, part, hand_over=handed.append if hands_over else None)
        yield handed.pop() if handed and outcome.failure is None else outcome


def in_threads(
    number: int, folder: PartFolder, parts: Sequence[Part], *, hands_over: bool = False
) -> Generator[Outcome]:
    """Make the parts in ``number`` threads: what takes long in a part (DuckDB, Arrow, NumPy) lets others run.

    With ``hands_over`` each is told of when it was made, and its file is written while that is used; should that fail, a second
    outcome tells of it.
    """
    told = SimpleQueue[Outcome | Future[Outcome]]()
    hand_over = told.put if hands_over else None
    with ThreadPoolExecutor(max_workers=number, thread_name_prefix="part") as pool:
        try:
            for part in parts:
                pool.submit(make_part, folder, part, hand_over=hand_over).add_done_callback(told.put)
            ended = 0
            while ended < len(parts):
                one = told.get()
                if isinstance(one, Future):
                    ended, one = ended + 1, one.result()
                    if hands_over and one.failure is None:
                        continue  # it was told of
                yield one
                del one  # it would keep what was made until the next part is there
        finally:
            pool.shutdown(cancel_futures=True)
