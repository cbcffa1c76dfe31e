"""What it costs to take a school year into a store, against a bare read of the same files.

A year with every lesson of every pupil, attended ones too, and with marks and term results is invented and delivered as
Parquet and as CSV. What became of the rows must be right before anything is timed. The bare read is DuckDB's: every cell of the files, the largest of each
column, nothing kept. CPU seconds and peak memory are those of a process of its own for each side, one thread for
DuckDB; imports are not counted, and what the intake compiles once per machine is compiled before. At a constant memory the
peaks of all sizes are about the same.
"""

# ruff: noqa: S608  (the SQL is put together from quoted paths of this module's own files)

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow.parquet as pq

from riskmodel.bench.children import run_child
from riskmodel.bench.scan import scan
from riskmodel.errors import RunFailedError
from riskmodel.messages import Message, message
from riskmodel.sources import deliveries
from riskmodel.sources.synthetic.cohort import Plan, synthesise
from riskmodel.tables.fields import literal

Say = Callable[[Message], None]
Report = dict[str, object]

PUPILS, QUICK_PUPILS = (4_000, 15_000), (300, 900)
"""4.2 and 15.7 million rows of lessons."""
KINDS = ("parquet", "csv")
SEED = 11


class Cost(NamedTuple):
    """What a piece of work cost in a process of its own, and what it found."""

    cpu_s: float
    wall_s: float
    peak_mb: float
    found: dict[str, int]


def measure(data: Path | None, say: Say, *, quick: bool = False, pupils: int = 0) -> Report:
    """Return CPU seconds, peak memory and the ratios to the bare read by size; ``data`` is not read.

    With ``pupils`` the second size is that of so many: a country's year as CSV takes 12 GB of disk and some minutes.

    ``ratio_to_read`` is the largest over the sizes for CSV, ``peak_mb`` the largest of all intakes; ``rows_per_cpu_second``
    is that of the largest size from Parquet, ``memory_ratio`` the peak of the largest size over that of the smallest.
    """
    costs = {}
    usual = QUICK_PUPILS if quick else PUPILS
    for enrolled in sorted({usual[0], pupils or usual[1]}):
        say(message("Inventing {pupils} pupils.", pupils=enrolled))
        with tempfile.TemporaryDirectory(prefix="riskmodel-bench-") as name:
            costs[enrolled] = _at_one_size(Path(name), enrolled)
    sizes = {enrolled: _described(of_kind) for enrolled, of_kind in costs.items()}
    smallest, largest = costs[min(costs)], costs[max(costs)]
    return {
        "ratio_to_read": max(size["csv"]["ratio_to_read"] for size in sizes.values()),
        "peak_mb": max(size[kind]["peak_mb"] for size in sizes.values() for kind in KINDS),
        "rows": {enrolled: of_kind["parquet"].found["read"] for enrolled, of_kind in costs.items()},
        "rows_per_cpu_second": largest["parquet"].found["read"] / largest["parquet"].cpu_s,
        "memory_ratio": {kind: largest[kind].peak_mb / smallest[kind].peak_mb for kind in KINDS},
        "sizes": sizes,
        "load": os.getloadavg()[0],
        "cores": os.cpu_count(),
    }


def _described(costs: dict[str, Cost]) -> dict[str, dict[str, float]]:
    """Return the figures of one size by kind of file, each with the ratio of its CPU seconds to the bare read's."""
    described = {
        kind: {"cpu_s": cost.cpu_s, "wall_s": cost.wall_s, "peak_mb": cost.peak_mb} for kind, cost in costs.items()
    }
    for kind in KINDS:
        described[kind]["ratio_to_read"] = costs[kind].cpu_s / costs[f"bare_{kind}"].cpu_s
    return described


def _at_one_size(folder: Path, pupils: int) -> dict[str, Cost]:
    right = make_delivery(folder / "parquet", pupils)
    as_csv(folder / "parquet", folder / "csv")
    _alone("received", folder / "parquet", folder / "store-first", folder / "key")
    costs = {}
    for kind in KINDS:
        cost = _alone("received", folder / kind, folder / f"store-{kind}", folder / "key")
        _require_right(cost.found, right)
        costs[kind] = cost
        costs[f"bare_{kind}"] = _alone("bare_read", folder / kind)
    return costs


def make_delivery(folder: Path, pupils: int) -> dict[str, int]:
    """Write a delivery with every lesson of a school year; return what its account must be."""
    ends_on = Plan(years=1).school_years[-1].ends_on
    synthesise(Plan(pupils, years=1, seed=SEED, delivered_on=ends_on, lessons="all"), folder, lambda _text: None)
    lessons = literal(str(folder / "attendance.parquet"))
    with duckdb.connect(config={"threads": 1}) as connection:
        ((rows, attended, weeks),) = connection.execute(
            "SELECT count(*), count(*) FILTER (attendance_code = 'present'), "
            "count(DISTINCT (pupil_code, school_id, date_trunc('week', happened_on))) FILTER (attendance_code = 'present') "
            f"FROM {lessons}"
        ).fetchall()
    return {"read": rows, "used": rows - attended, "put_aside": 0, "merged": attended, "weeks": weeks}


def as_csv(source: Path, to: Path) -> None:
    """Write the same delivery with all its tables as CSV."""
    to.mkdir()
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET enable_progress_bar = false")
        for path in (one for one in source.iterdir() if one.is_file()):
            if path.suffix == ".parquet":
                table, text = literal(str(path)), literal(str(to / path.with_suffix(".csv").name))
                connection.execute(f"COPY (SELECT * FROM read_parquet({table})) TO {text} (FORMAT csv, HEADER true)")
            else:
                (to / path.name).write_bytes(path.read_bytes())


def received(folder: Path, store: Path, key: Path) -> dict[str, int]:
    got = deliveries.receive(folder, store, key, lambda _text: None)
    account = got.accounts["attendance"]
    others = sum(one.quarantined + one.merged for name, one in got.accounts.items() if name != "attendance")
    weeks = pq.read_metadata(store / "deliveries" / got.delivery_id / "lessons_planned.parquet").num_rows
    return {
        "read": account.read,
        "used": account.used,
        "put_aside": account.quarantined + others,
        "merged": account.merged,
        "weeks": weeks,
    }


def bare_read(folder: Path) -> dict[str, int]:
    """Read every cell of the files of a delivery with DuckDB, those of CSV as text, and keep nothing."""
    rows = 0
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET enable_progress_bar = false")
        for path in sorted(folder.iterdir()):
            if path.suffix == ".csv":  # in one query: to ask for the columns first would look at the file twice
                cells = f"read_csv({literal(str(path))}, all_varchar=true)"
                ((count, *_largest),) = connection.execute(f"SELECT count(*), max(COLUMNS(*)) FROM {cells}").fetchall()
                rows += count
            elif path.suffix == ".parquet":
                rows += scan(connection.read_parquet(str(path)))
    return {"rows": rows}


def _require_right(found: dict[str, int], right: dict[str, int]) -> None:
    if found != right:
        raise RunFailedError(
            message("Every row must be accounted for before the intake is timed."),
            found=message("The account is {found}, not {right}.", found=str(found), right=str(right)),
            remedy=message("Report this with the versions of the libraries."),
        )


def _alone(work: str, *given: Path) -> Cost:
    """Do ``work`` of this module in a process of its own and return what it cost, imports apart."""
    paths = ", ".join(f"Path({str(path)!r})" for path in given)
    child = run_child(
        ["-c", f"from pathlib import Path; from riskmodel.bench import ingest; ingest.tell({work!r}, {paths})"]
    )
    return Cost(**json.loads(child.output), peak_mb=child.peak_mb)


def tell(work: str, *given: Path) -> None:
    """Do ``received`` or ``bare_read`` and print, as JSON, the seconds it took and what it found."""
    cpu, wall = time.process_time(), time.perf_counter()
    found = received(*given) if work == "received" else bare_read(*given)
    spent = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    print(json.dumps(spent | {"found": found}))
