"""The benchmark of the portal: readers who follow a plan, what they count, and what is seen of a portal from outside."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import invented_run
import pytest

from riskmodel.bench.readers import Plan, percentile, read
from riskmodel.bench.served import served
from riskmodel.errors import RunFailedError
from riskmodel.portal.app import READY_KERNELS
from riskmodel.register.places import register_of
from riskmodel.register.store import open_register

PAGE = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=UTF-8\r\n"
ANSWERS = {
    "/page": f"{PAGE}Content-Length: 5\r\n\r\nabcde",
    "/empty": f"{PAGE}Content-Length: 0\r\n\r\n",
    "/chunked": f"{PAGE}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n10\r\n0123456789\r\nabcd\r\n0\r\n\r\n",
    "/last": f"{PAGE}Connection: close\r\nContent-Length: 1\r\n\r\nx",
    "/busy": "HTTP/1.1 503 Busy\r\nContent-Type: text/html\r\nRetry-After: 5\r\nContent-Length: 4\r\n\r\nbusy",
    "/data": "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
}


class TinyServer:
    """Gives each path its answer, and keeps what was asked on each connection: paths and cookies."""

    def __init__(self) -> None:
        self.connections: list[list[tuple[str, str]]] = []
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked: list[tuple[str, str]] = []
        self.connections.append(asked)
        while head := await self._head(reader):
            first, *lines = head.split("\r\n")
            path = first.split()[1]
            cookie = next(line.removeprefix("Cookie: ") for line in lines if line.startswith("Cookie: "))
            asked.append((path, cookie))
            writer.write(ANSWERS[path].encode("ascii"))
            if path == "/last":
                break
        writer.close()

    async def _head(self, reader: asyncio.StreamReader) -> str:
        try:
            return (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
        except asyncio.IncompleteReadError:
            return ""

    @property
    def asked(self) -> Counter[str]:
        return Counter(path for connection in self.connections for path, _ in connection)


@contextmanager
def tiny_server() -> Iterator[TinyServer]:
    """Give a running one, in a thread of its own."""
    tiny, loop = TinyServer(), asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(tiny.answer, "127.0.0.1", 0))
    tiny.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield tiny
    finally:
        server.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.mark.parametrize(
    ("count", "share", "found"),
    [(20, 0.95, 19), (100, 0.95, 95), (21, 0.95, 20), (2, 0.5, 1), (3, 1.0, 3), (1, 0.5, 1)],
)
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(count, share, found):
    values = list(range(count, 0, -1))
    assert percentile(values, share) == found
    assert sum(value <= found for value in values) >= share * count > sum(value < found for value in values)


def test_a_queue_is_asked_once_through_by_readers_who_each_keep_one_connection_and_one_session():
    paths = ("/page", "/chunked", "/empty") * 4
    with tiny_server() as tiny:
        answers = read(Plan(tiny.port, paths, ("s=a", "s=b"), readers=3, is_queue=True))
    assert len(answers) == 12
    assert tiny.asked == Counter(paths)
    assert [len({cookie for _, cookie in connection}) for connection in tiny.connections] == [1, 1, 1]
    assert Counter(connection[0][1] for connection in tiny.connections) == {"s=a": 2, "s=b": 1}


def test_a_body_is_counted_to_its_last_byte_and_the_connection_goes_on_after_it():
    with tiny_server() as tiny:
        answers = read(Plan(tiny.port, ("/chunked", "/page", "/empty", "/chunked"), ("s=a",), 1, is_queue=True))
    assert [one.bytes for one in answers] == [19, 5, 0, 19]
    assert len(tiny.connections) == 1
    assert min(one.seconds for one in answers) > 0


def test_a_refusal_counts_with_its_words_and_the_time_to_come_again():
    with tiny_server() as tiny:
        busy, data = read(Plan(tiny.port, ("/busy", "/data"), ("s=a",), 1, is_queue=True))
    assert (busy.status, busy.has_retry_after, busy.is_page, busy.bytes) == (503, True, True, 4)
    assert (data.status, data.has_retry_after, data.is_page) == (200, False, False)


def test_a_connection_that_the_server_closes_is_followed_by_a_new_one():
    with tiny_server() as tiny:
        answers = read(Plan(tiny.port, ("/last", "/page", "/page"), ("s=a",), 1, is_queue=True))
    assert [one.status for one in answers] == [200] * 3
    assert [len(connection) for connection in tiny.connections] == [1, 2]


def test_readers_who_think_choose_pages_until_the_time_is_over():
    paths = ("/page", "/data")
    with tiny_server() as tiny:
        answers = read(Plan(tiny.port, paths, ("s=a",), readers=4, think_seconds=0.02, seconds=0.5))
    assert len(tiny.connections) == 4
    assert sum(tiny.asked.values()) == len(answers) > 4
    assert set(tiny.asked) == set(paths)


def test_readers_whom_nobody_answers_are_an_error_with_its_cause():
    with tiny_server() as tiny:
        port = tiny.port
    with pytest.raises(RunFailedError) as caught:
        read(Plan(port, ("/page",), ("s=a",), 1, is_queue=True))
    assert "ConnectionRefusedError" in caught.value.remedy.in_language("en")


def test_a_portal_is_entered_watched_and_stopped_from_outside(tmp_path):
    store = tmp_path / "store"
    invented_run.publish(store)
    with served(store) as portal:
        assert portal.kernels() == READY_KERNELS
        cookies = portal.sessions(2, ["101", "102"])
        watch = portal.most_kernels()
        paths = ("/lv/school/101", "/lv/school/102", "/lv/school/103")
        answers = read(Plan(portal.port, paths, tuple(cookies), 3, is_queue=True))
        most = watch.stop()
        portal.wait_until_quiet()
        assert sorted(one.status for one in answers) == [200, 200, 404]
        assert all(one.is_page and one.bytes for one in answers)
        assert most >= READY_KERNELS == portal.kernels()
        assert portal.cpu_seconds() > 0
        assert portal.open_files() > 0
        portal.enter_places(["101", "102"], places=7)
        with open_register(register_of(store)) as register:
            assert [register.capacity.get(one).places for one in ("101", "102")] == [7, 7]
    assert not portal.process.is_running()
