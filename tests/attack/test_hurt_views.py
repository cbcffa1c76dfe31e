"""A40, A41: many pages at once, views that never end or kill their kernel, readers who go away: each frees its place."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import invented_run
import pytest
import raw_http
import served_otherwise
import served_portal

from riskmodel.portal.app import READY_KERNELS
from riskmodel.portal.kernels import MOST_ALIVE

MOST_WAITING, SECONDS = 5, 2.0
ASKED = 16
UNSEEN = iter(served_portal.CODES[served_portal.OWN])
"""Pupils whose pages nobody has asked for yet."""


@pytest.fixture(scope="module")
def hurt(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hurt")
    schools = {str(number): f"Skola {number}" for number in range(101, 101 + ASKED)}
    invented_run.publish(folder / "store", schools=schools)
    grants = [served_portal.Grant("director", school_id) for school_id in schools]
    served_portal.make_register(folder / "store", {"head": grants})
    before = served_otherwise.with_hurt_views(folder / "hurt", most_waiting=MOST_WAITING, seconds=SECONDS)
    served = served_portal.start(folder / "store", folder / "log", before=before)
    yield served
    served.stop()


@pytest.fixture(scope="module")
def head(hurt):
    return hurt.reader("head")


@pytest.fixture(autouse=True)
def _rested(hurt, head) -> None:
    """Begin each test, in whatever order, when the views of the one before are over: those that waited, and those that hung."""
    assert _in_the_end(head, f"/lv/school/{served_portal.OWN}/pupil/{next(UNSEEN)}").status == 200
    time.sleep(SECONDS)
    assert _rests(hurt)


def _in_the_end(head: served_portal.Reader, path: str) -> served_portal.Answer:
    """Return the answer to somebody who does what a refusal says: who waits a little and asks again."""
    until = time.monotonic() + served_portal.START_SECONDS
    while (answer := head.ask(path)).status == 503 and time.monotonic() < until:
        assert answer.headers["Retry-After"]
        time.sleep(0.5)
    return answer


def _rests(served: served_portal.Served) -> bool:
    """Whether no more kernels are left in the end than those that wait."""
    return served_portal.kernels_are_at_most(served, READY_KERNELS)


def test_a40_a_flood_gets_pages_or_a_clean_refusal_and_the_portal_recovers(hurt, head):
    most = 0

    def asked(number: int) -> served_portal.Answer:
        nonlocal most
        answer = head.ask(f"/lv/school/{101 + number}")
        most = max(most, hurt.kernels())
        return answer

    with ThreadPoolExecutor(ASKED) as threads:
        answers = list(threads.map(asked, range(ASKED)))
    assert Counter(answer.status for answer in answers) == {200: MOST_WAITING, 503: ASKED - MOST_WAITING}
    assert all(answer.headers["Retry-After"] for answer in answers if answer.status == 503)
    assert most <= MOST_ALIVE
    assert _rests(hurt)
    assert all(head.ask(f"/lv/school/{101 + number}").status == 200 for number in range(3))


def test_a40_fifty_readers_of_one_page_cost_one_rendering(hurt, head):
    # More than may wait for renderings: all the same they wait for one alone.
    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda _: head.ask("/en/school/101"), range(50)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1


def test_a41_a_view_that_never_ends_is_an_error_and_is_not_kept(hurt, head):
    for _ in range(2):  # nothing was kept: it is tried again
        answer = head.ask("/lv/about")
        assert answer.status == 500
        assert "data-code" not in answer.body
    assert '"error": "Timeout"' in hurt.log.read_text("utf-8")
    assert _rests(hurt)
    assert head.ask("/en/school/102").status == 200


def test_a41_a_kernel_that_dies_is_an_error_and_its_place_is_free_again(hurt, head):
    for _ in range(MOST_ALIVE + 1):
        assert head.ask("/lv/support").status == 500
    assert _rests(hurt)
    assert head.ask("/en/school/103").status == 200


def test_a41_a_reader_who_goes_away_leaves_nothing_behind(hurt, head):
    for number in range(MOST_ALIVE + 1):
        with raw_http.opened(hurt) as connection:
            connection.sendall(raw_http.head(head, "GET", f"/en/school/{110 + number % 5}"))
    assert _in_the_end(head, "/en/school/104").status == 200
    assert _rests(hurt)


def test_a41_readers_who_go_away_while_a_view_never_ends_do_not_stop_the_others(hurt, head):
    for _ in range(MOST_ALIVE + 1):
        with raw_http.opened(hurt) as connection:
            connection.sendall(raw_http.head(head, "GET", "/en/about"))
    assert _in_the_end(head, "/en/school/105").status == 200
    assert _rests(hurt)
