"""What a benchmark's child costs, and how a report is shown."""

from __future__ import annotations

import threading

import pytest

from riskmodel.bench.children import Highest, run_child
from riskmodel.bench.table import as_table
from riskmodel.errors import RunFailedError

GRANDCHILD = (
    "import subprocess, sys; "
    "subprocess.run([sys.executable, '-c', 'import time; block = bytearray(300_000_000); time.sleep(1)'], check=True)"
)


def test_the_memory_and_time_of_a_grandchild_count():
    cost = run_child(["-c", GRANDCHILD])
    assert cost.peak_mb > 300
    assert cost.wall_seconds > 1 > cost.cpu_seconds > 0


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
    assert has_looked.wait(10)
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
