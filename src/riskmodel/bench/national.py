"""The semester run of the whole country, from the delivery to the published run, on one machine.

The newest school year comes as raw lessons in Parquet; the earlier ones lie folded in the store, as each year's delivery
left them. Timed is ``riskmodel run`` as an operator gives it, with all its processes: the row accounts, the features of
every cohort, five temporal folds and the final fit of the default model, logistic regression, the rules, 1,000 bootstrap
replicates, scores and reasons for every pupil, and publishing. The start-up of the notebooks is counted in and also shown
apart. Synthesising the pupils and filling the store with the earlier years is not timed.

Before and after it the machine is measured by a yardstick (:mod:`riskmodel.bench.yardstick`): how many of them the run took
can be compared between machines, and between hours of one.
"""

from __future__ import annotations

import json
import os
import platform
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import pyarrow.parquet as pq

from riskmodel.bench.children import Cost, run_child
from riskmodel.bench.country import Country, country
from riskmodel.bench.yardstick import yardstick_seconds
from riskmodel.messages import Message, message
from riskmodel.runs import journal

Say = Callable[[Message], None]
Report = dict[str, object]

PUPILS, QUICK_PUPILS = 153_000, 2_000
"""So many that the newest school year holds 150 million lessons."""
YEARS = 7
"""Six past cohorts and the present one: the oldest teaches, the five after it are the folds."""
CORES = 2
SECONDS_BETWEEN_LOOKS = 0.02


def measure(data: Path | None, say: Say, *, quick: bool = False, pupils: int = 0) -> Report:
    """Return seconds, CPU seconds and peak memory of the run, by step, and what surrounded the measurement.

    ``total_seconds`` are those of the command: the sum of ``command_seconds`` (until the delivery is begun, most of them
    imports), ``ingest_seconds`` and ``after_ingest_seconds``; ``rest_seconds`` are all but those of ingest.
    ``notebook_seconds`` are start and end of the notebooks' kernels, with what they import; most of them pass while another
    step is at work, so they are shown and not taken away from the rest. Two steps may be at work at once: the ``seconds`` of
    all steps can be more than the run took.

    ``yardstick_seconds`` are those of fits alone, the mean of before and after the run, ``yardstick_seconds_range`` the lesser
    and the greater; ``total_in_yardsticks`` and ``after_ingest_in_yardsticks`` are the run's seconds divided by the mean.

    Parameters
    ----------
    data
        A folder in which the invented country is kept for the next time; None: a temporary one.
    pupils
        Enrolled at a time; 0: 150,000, or 2,000 with ``quick``.
    """
    pupils = pupils or (QUICK_PUPILS if quick else PUPILS)
    with country(data, "national", pupils, YEARS, say) as of_country:
        store = of_country.store_in_use()
        say(message("Fits alone, to know how fast this machine is."))
        before = yardstick_seconds(pupils, CORES)
        say(message("The run of {pupils} pupils begins.", pupils=pupils))
        with _Received(store / journal.LOG_NAME) as received:
            cost = _run(of_country, store)
        report = _report(of_country, cost, received)
        say(message("Fits alone once more."))
        after = yardstick_seconds(pupils, CORES)
        return report | _in_yardsticks(cost.wall_seconds, received.after_seconds, (before, after))


def curve(data: Path, say: Say, sizes: Sequence[int]) -> list[Report]:
    """Return the report of each size, smallest first; one that was measured before, by this code or another, is kept.

    Remove ``data`` to measure anew.
    """
    reports = []
    for pupils in sorted(sizes):
        kept = data / f"national-{pupils}.json"
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(measure(data, say, pupils=pupils), indent=2), "utf-8")
        reports.append(json.loads(kept.read_text("utf-8")))
    return reports


def _run(of_country: Country, store: Path) -> Cost:
    options = {
        "--delivery": of_country.deliveries[-1],
        "--cut-off": of_country.plan.day_of_delivery.isoformat(),
        "--store": store,
        "--key": of_country.key,
        "--workers": CORES,
    }
    arguments = [str(word) for option in options.items() for word in option]
    return run_child(["-m", "riskmodel", "run", *arguments, "--json"])


class _Received:
    """Looks for the line of the store's log that says that a delivery was received, and how long ago that was at the end."""

    def __init__(self, log: Path) -> None:
        self._log, self._is_over = log, threading.Event()
        self._looking = threading.Thread(target=self._look)
        self._noticed = self._ended = 0.0
        self.ingest_seconds = 0.0

    @property
    def after_seconds(self) -> float:
        """From then until the block ended."""
        return self._ended - self._noticed

    def __enter__(self) -> Self:
        self._looking.start()
        return self

    def _look(self) -> None:
        while not self._is_over.wait(SECONDS_BETWEEN_LOOKS):
            for line in journal.read(self._log):
                if line["event"] == "received":
                    self._noticed, self.ingest_seconds = time.perf_counter(), float(str(line["seconds"]))
                    return

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        self._ended = time.perf_counter()
        self._is_over.set()
        self._looking.join()
        if not self._noticed and kind is None:
            raise ValueError("a run that ended well must have received its delivery")


def _report(of_country: Country, cost: Cost, received: _Received) -> Report:
    done = json.loads(cost.output)
    lines = journal.read(Path(done["folder"]) / journal.LOG_NAME)
    # Steps that were done side by side end in any order.
    steps = sorted((_step(line) for line in lines if line["event"] == "step_done"), key=lambda step: str(step["step"]))
    start_up = sum(step["start_up_seconds"] for step in steps)
    ingest, after = received.ingest_seconds, received.after_seconds
    return {
        "pupils": of_country.plan.pupils,
        "lesson_rows": pq.read_metadata(of_country.deliveries[-1] / "attendance.parquet").num_rows,
        "state": done["state"],
        "total_seconds": cost.wall_seconds,
        "command_seconds": cost.wall_seconds - ingest - after,
        "ingest_seconds": ingest,
        "after_ingest_seconds": after,
        "rest_seconds": cost.wall_seconds - ingest,
        "notebook_seconds": start_up,
        "cpu_seconds": cost.cpu_seconds,
        "peak_mb": cost.peak_mb,
        "steps": steps,
        "cores": os.cpu_count(),
        "threads_of_libraries": 1,
        "workers": CORES,
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
    }


def _in_yardsticks(total: float, after_ingest: float, measured: tuple[float, float]) -> Report:
    mean = sum(measured) / len(measured)
    return {
        "yardstick_seconds": mean,
        "yardstick_seconds_range": [min(measured), max(measured)],
        "total_in_yardsticks": total / mean,
        "after_ingest_in_yardsticks": after_ingest / mean,
    }


def _step(line: dict[str, Any]) -> dict[str, Any]:
    return {
        "step": line["step"],
        "seconds": line["seconds"],
        "start_up_seconds": line["start_seconds"],
        "cpu_seconds": line.get("cpu_seconds"),
        "peak_mb": line.get("peak_mb"),
    }
