"""Many readers at once, in a process of their own: each with one connection that stays open, and time to think.

Only the standard library is used, so that the clients take as little as possible of the cores that the server needs.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from riskmodel.errors import RunFailedError
from riskmodel.messages import message

MOST_SECONDS = 60
READ = "from riskmodel.bench.readers import answer_plan; answer_plan()"


@dataclass(frozen=True)
class Plan:
    """What so many readers ask.

    ``paths`` are asked in turn, each reader going on where the queue stands, when ``is_queue``; otherwise each reader
    chooses any of them until ``seconds`` are over. Between two pages a reader thinks for up to ``think_seconds``.
    ``cookies`` (``name=value``) are the readers' sessions, one each in turn.
    """

    port: int
    paths: tuple[str, ...]
    cookies: tuple[str, ...]
    readers: int
    think_seconds: float = 0.0
    seconds: float = 0.0
    is_queue: bool = False


@dataclass(frozen=True)
class Answer:
    """One answer: its status, how long it took to its last byte, and whether it says when to come again."""

    status: int
    seconds: float
    bytes: int
    has_retry_after: bool
    is_page: bool


def read(plan: Plan) -> list[Answer]:
    """Return the answers that the readers of a plan got.

    Raises
    ------
    RunFailedError
        When their process fails.
    """
    child = subprocess.run(  # noqa: S603  (this interpreter)
        [sys.executable, "-c", READ], input=json.dumps(asdict(plan)), capture_output=True, text=True, check=False
    )
    if child.returncode != 0:
        raise RunFailedError(
            message("A benchmark's child process must end well."),
            found=message("It ended with code {code}.", code=child.returncode),
            remedy=message("Read its last lines: {lines}", lines=child.stderr[-2000:]),
        )
    return [Answer(**one) for one in json.loads(child.stdout)]


def percentile(seconds: Sequence[float], share: float) -> float:
    """Return the smallest of the values that at least ``share`` of them do not exceed.

    >>> percentile([5, 1, 2, 3, 4], 0.95), percentile([5, 1, 2, 3, 4], 0.5)
    (5, 3)
    """
    ordered = sorted(seconds)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def answer_plan() -> None:
    """Read a plan from standard input, follow it, and write the answers to standard output."""
    given = json.load(sys.stdin)
    plan = Plan(**{**given, **{name: tuple(given[name]) for name in ("paths", "cookies")}})
    json.dump([asdict(one) for one in asyncio.run(_follow(plan))], sys.stdout)


async def _follow(plan: Plan) -> list[Answer]:
    answers: list[Answer] = []
    queue = iter(plan.paths)
    until = time.monotonic() + plan.seconds

    async def one_reader(number: int) -> None:
        source = random.Random(number)  # noqa: S311  (a time to think is no secret)
        connection: _Connection | None = None
        while True:
            if plan.is_queue:
                path = next(queue, None)
            else:
                await asyncio.sleep(source.uniform(0, plan.think_seconds))
                path = source.choice(plan.paths) if time.monotonic() < until else None
            if path is None:
                break
            if connection is None or connection.is_closed:
                connection = await _Connection.open(plan.port, plan.cookies[number % len(plan.cookies)])
            answers.append(await asyncio.wait_for(connection.get(path), MOST_SECONDS))
        if connection:
            connection.writer.close()

    await asyncio.gather(*(one_reader(number) for number in range(plan.readers)))
    return answers


class _Connection:
    """One connection that stays open from page to page."""

    def __init__(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer, self.is_closed = reader, writer, False
        self._head = head

    @classmethod
    async def open(cls, port: int, cookie: str) -> _Connection:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
        return cls(f"Host: 127.0.0.1:{port}\r\nAccept-Encoding: gzip\r\nCookie: {cookie}", reader, writer)

    async def get(self, path: str) -> Answer:
        begun = time.perf_counter()
        self.writer.write(f"GET {path} HTTP/1.1\r\n{self._head}\r\n\r\n".encode("ascii"))
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        headers: dict[str, Any] = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
        }
        size = 0
        if headers.get("transfer-encoding") == "chunked":
            while length := int(await self.reader.readline(), 16):
                size += length
                await self.reader.readexactly(length + 2)
            await self.reader.readline()
        elif length := int(headers.get("content-length", 0)):
            size = length
            await self.reader.readexactly(length)
        self.is_closed = headers.get("connection") == "close"
        return Answer(
            int(first.split()[1]),
            time.perf_counter() - begun,
            size,
            "retry-after" in headers,
            headers.get("content-type", "").startswith("text/html"),
        )
