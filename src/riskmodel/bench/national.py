"""The semester run of the whole country, from the delivery to the published run, on one machine.

The newest school year comes as raw lessons in Parquet; the earlier ones lie folded in the store, as each year's delivery
left them. Timed is ``riskmodel run`` as an operator gives it, with all its processes: the row accounts, the features of
every cohort, five temporal folds and the final fit of the default model, logistic regression, the rules, 1,000 bootstrap
replicates, scores and reasons for every pupil, and publishing. The start-up of the notebooks is counted in and also shown
apart. Synthesising the pupils and filling the store with the earlier years is not timed.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from riskmodel.bench.children import Cost, run_child
from riskmodel.messages import Message, message
from riskmodel.runs import journal
from riskmodel.sources.deliveries import receive
from riskmodel.sources.synthetic.cohort import Plan, synthesise

Say = Callable[[Message], None]
Report = dict[str, object]

PUPILS, QUICK_PUPILS = 153_000, 2_000
"""So many that the newest school year holds 150 million lessons."""
YEARS = 7
"""Six past cohorts and the present one: the oldest teaches, the five after it are the folds."""
SEED = 7
CORES = 2
READY = "ready.json"
"""Written last into a prepared folder, with the plan that it holds."""


def measure(data: Path | None, say: Say, *, quick: bool = False, pupils: int = 0) -> Report:
    """Return seconds, CPU seconds and peak memory of the run, by step, and what surrounded the measurement.

    ``total_seconds`` are those of the command. ``ingest_seconds``, ``notebook_seconds`` (start and end of the notebooks'
    kernels, with what they import) and ``work_seconds`` (all the rest) add up to them.

    Parameters
    ----------
    data
        A folder in which the invented country is kept for the next time; None: a temporary one.
    pupils
        Enrolled at a time; 0: 150,000, or 2,000 with ``quick``.
    """
    pupils = pupils or (QUICK_PUPILS if quick else PUPILS)
    with _folder(data, pupils) as folder:
        plan = _plan(pupils)
        if not _is_ready(folder, plan):
            _prepare(folder, plan, say)
        store = folder / "store-in-use"
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(folder / "store", store, copy_function=os.link)
        say(message("The run of {pupils} pupils begins.", pupils=pupils))
        cost = _run(folder, store, plan)
        return _report(folder, store, plan, cost)


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


def _plan(pupils: int) -> Plan:
    years = Plan(years=YEARS).school_years
    return Plan(
        pupils=pupils,
        years=YEARS,
        seed=SEED,
        delivered_on=years[-1].ends_on,
        lessons="all",
        deliveries="yearly",
    )


@contextmanager
def _folder(data: Path | None, pupils: int) -> Iterator[Path]:
    if data is not None:
        kept = data / f"national-{pupils}"
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="riskmodel-national-") as folder:
        yield Path(folder)


def _is_ready(folder: Path, plan: Plan) -> bool:
    mark = folder / READY
    return mark.exists() and json.loads(mark.read_text("utf-8")) == _described(plan)


def _described(plan: Plan) -> dict[str, str]:
    return {name: str(value) for name, value in plan.__dict__.items()}


def _prepare(folder: Path, plan: Plan, say: Say) -> None:
    """Synthesise the country year by year, and fill the store with all years but the newest."""
    for name in ("deliveries", "store", READY):
        shutil.rmtree(folder / name, ignore_errors=True)
    synthesise(plan, folder / "deliveries", say)
    for delivery in _deliveries(folder)[:-1]:
        receive(delivery, folder / "store", _key(folder), say)
    (folder / READY).write_text(json.dumps(_described(plan)), "utf-8")


def _deliveries(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "deliveries").iterdir() if (path / "mapping.yaml").exists())


def _key(folder: Path) -> Path:
    return folder / "store.key"


def _run(folder: Path, store: Path, plan: Plan) -> Cost:
    newest = _deliveries(folder)[-1]
    options = {
        "--delivery": newest,
        "--cut-off": plan.day_of_delivery.isoformat(),
        "--store": store,
        "--key": _key(folder),
        "--workers": CORES,
    }
    arguments = [str(word) for option in options.items() for word in option]
    return run_child(["-m", "riskmodel", "run", *arguments, "--json"])


def _report(folder: Path, store: Path, plan: Plan, cost: Cost) -> Report:
    done = json.loads(cost.output)
    steps = [
        _step(line) for line in journal.read(Path(done["folder"]) / journal.LOG_NAME) if line["event"] == "step_done"
    ]
    start_up = sum(step["start_up_seconds"] for step in steps)
    received = [line for line in journal.read(store / journal.LOG_NAME) if line["event"] == "received"]
    ingest = float(str(received[-1]["seconds"]))
    return {
        "pupils": plan.pupils,
        "lesson_rows": pq.ParquetFile(_deliveries(folder)[-1] / "attendance.parquet").metadata.num_rows,
        "state": done["state"],
        "total_seconds": cost.wall_seconds,
        "ingest_seconds": ingest,
        "work_seconds": cost.wall_seconds - ingest - start_up,
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


def _step(line: dict[str, Any]) -> dict[str, Any]:
    return {
        "step": line["step"],
        "seconds": line["seconds"],
        "start_up_seconds": line["start_seconds"],
        "peak_mb": line.get("peak_mb"),
    }
