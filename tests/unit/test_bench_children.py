"""What a benchmark's child costs, and how a report is shown."""

from __future__ import annotations

import os
import threading
from typing import NamedTuple

import pytest

from riskmodel.bench import children
from riskmodel.bench.children import Highest, run_child
from riskmodel.bench.table import as_table
from riskmodel.errors import RunFailedError


class Fake(NamedTuple):
    """A process with its children."""

    pid: int
    own: list[Fake]

    def children(self, *, recursive: bool) -> list[Fake]:
        return self.own


GRANDCHILD = (
    "import subprocess, sys; "
    "subprocess.run([sys.executable, '-c', 'import time; block = bytearray(300_000_000); time.sleep(1)'], check=True)"
)


def test_the_memory_and_time_of_a_grandchild_count():
    cost = run_child(["-c", GRANDCHILD])
    assert cost.peak_mb > 300
    assert cost.wall_seconds > 1 > cost.cpu_seconds > 0


@pytest.mark.parametrize("shared", [0.0, 500.0])
def test_the_most_memory_is_that_of_a_look_at_every_page_each_time(monkeypatch, shared):
    # What two processes hold for themselves, look by look; all pages that they share stand in the resident size of both.
    own = [(10, 0), (30, 5), (20, 25), (5, 5), (5, 6), (12, 40), (50, 3), (2, 2), (60, 1), (1, 61), (1, 60)]
    now = [0.0, 0.0]
    family = children._Family(os.getpid())
    monkeypatch.setattr(family, "_root", Fake(0, [Fake(1, [])]))
    monkeypatch.setattr(children, "_resident_megabytes", lambda process: now[process.pid] + shared)
    monkeypatch.setattr(children, "_proportional_megabytes", lambda process: now[process.pid] + shared / 2)
    for place, sizes in enumerate(own):
        now[:] = sizes
        assert family.most_megabytes() == max(map(sum, own[: place + 1])) + shared


def test_pages_are_shared_out_now_and_then_however_little_has_grown(monkeypatch):
    held, looks = [100.0], []
    family = children._Family(os.getpid())
    monkeypatch.setattr(family, "_root", Fake(0, []))
    monkeypatch.setattr(children, "_resident_megabytes", lambda _: 100.0)
    monkeypatch.setattr(children, "_proportional_megabytes", lambda _: looks.append(1) or held[0])
    family.most_megabytes()
    held[0] = 130.0  # as many pages as before, fewer of them shared with others
    assert [family.most_megabytes() for _ in range(children.LOOKS)] == [100.0] * (children.LOOKS - 1) + [130.0]
    assert len(looks) == 2


def test_busy_work_counts_as_cpu_time_and_its_output_is_kept():
    cost = run_child(["-c", "print(sum(range(20_000_000)))"])
    assert cost.cpu_seconds > 0.1
    assert cost.output.strip() == "199999990000000"


def test_a_child_that_fails_is_told_with_its_last_lines():
    with pytest.raises(RunFailedError) as caught:
        run_child(["-c", "raise SystemExit('the disk is full')"])
    assert "the disk is full" in caught.value.remedy.in_language("en")


def test_the_largest_of_all_looks_is_kept():
    figures, has_looked = iter([1, 3, 2]), threading.Event()

    def look() -> float:
        found = next(figures, None)
        if found is None:
            has_looked.set()
        return found or 0

    watch = Highest(look, 0.001)
    assert has_looked.wait(60)
    assert watch.stop() == 3


def test_a_table_has_a_line_per_figure_of_nested_reports_too():
    report = {"sizes": [{"pupils": 10, "cpu_seconds": 0.123456}, {"pupils": 20, "cpu_seconds": 0.2}], "cores": 2}
    lines = [line.split() for line in as_table(report).splitlines()]
    assert lines == [
        ["sizes.1.pupils", "10"],
        ["sizes.1.cpu_seconds", "0.1235"],
        ["sizes.2.pupils", "20"],
        ["sizes.2.cpu_seconds", "0.2"],
        ["cores", "2"],
    ]
