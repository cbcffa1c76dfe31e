"""What it costs to take a year of lessons into a store, against a bare read of the same files.

A year with every lesson of every pupil, attended ones too, is invented and delivered as Parquet and as CSV. What became of
the rows must be right before anything is timed. The bare read is DuckDB's: every cell of the files as text, the largest of
each column, nothing kept. CPU seconds and peak memory are those of a process of its own for each side, one thread for
DuckDB; imports are not counted. At a constant memory the peaks of both sizes are about the same.
"""

# ruff: noqa: S608  (the SQL is put together from quoted paths of this module's own files)

from __future__ import annotations

import multiprocessing
import os
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from riskmodel.errors import RunFailedError
from riskmodel.messages import Message, message
from riskmodel.sources import deliveries
from riskmodel.tables.fields import literal

Say = Callable[[Message], None]
Report = dict[str, object]

PUPILS, QUICK_PUPILS = (5_000, 20_000), (300, 900)
PUPILS_PER_SCHOOL = 250
WEEKS, LESSONS_A_DAY = 35, 6
LESSONS = WEEKS * 5 * LESSONS_A_DAY
"""Of a pupil in the year."""
CODES = ("present", "unexcused", "excused", "absent", "late")
SHARES = (0.89, 0.04, 0.05, 0.01, 0.01)
SUBJECTS = ("ANG", "BIO", "FIZ", "LAT", "MAT", "VES")
FIRST_MONDAY, FIRST_DAY, DAY_OF_DELIVERY = "2024-09-02", "2024-09-01", "2025-06-30"
PUPILS_AT_ONCE = 1000
SEED = 11
WAITING_SECONDS = 3600


class Cost(NamedTuple):
    """What a piece of work cost in a process of its own, and what it found."""

    cpu_s: float
    wall_s: float
    peak_megabytes: float
    found: dict[str, int]


def measure(data: Path | None, say: Say, *, quick: bool = False) -> Report:
    """Return CPU seconds, peak memory and the ratios to the bare read at two sizes; ``data`` is not read.

    ``cpu_ratio_to_bare_csv`` and ``rows_per_cpu_second`` are those of the larger size; ``memory_ratio`` is the peak of the
    larger size over that of the smaller.
    """
    sizes = {}
    for pupils in QUICK_PUPILS if quick else PUPILS:
        say(message("Inventing {pupils} pupils.", pupils=pupils))
        with tempfile.TemporaryDirectory(prefix="riskmodel-bench-") as name:
            sizes[pupils] = _at_one_size(Path(name), pupils)
    small, large = (sizes[pupils] for pupils in sorted(sizes))
    return {
        "rows": {pupils: pupils * LESSONS for pupils in sizes},
        "rows_per_cpu_second": max(sizes) * LESSONS / large["parquet"].cpu_s,
        "cpu_ratio_to_bare_csv": large["csv"].cpu_s / large["bare_csv"].cpu_s,
        "cpu_ratio_to_bare_parquet": large["parquet"].cpu_s / large["bare_parquet"].cpu_s,
        "memory_ratio": {kind: large[kind].peak_megabytes / small[kind].peak_megabytes for kind in ("parquet", "csv")},
        "sizes": {
            pupils: {
                kind: {"cpu_s": cost.cpu_s, "wall_s": cost.wall_s, "peak_megabytes": cost.peak_megabytes}
                for kind, cost in costs.items()
            }
            for pupils, costs in sizes.items()
        },
        "load": os.getloadavg()[0],
        "cores": os.cpu_count(),
    }


def _at_one_size(folder: Path, pupils: int) -> dict[str, Cost]:
    present = make_delivery(folder / "parquet", pupils)
    as_csv(folder / "parquet", folder / "csv")
    costs = {}
    for kind in ("parquet", "csv"):
        cost = _alone(_received, folder / kind, folder / f"store-{kind}", folder / "key")
        _require_right(cost.found, pupils, present)
        costs[kind] = cost
        costs[f"bare_{kind}"] = _alone(_bare_read, folder / kind)
    return costs


def make_delivery(folder: Path, pupils: int) -> int:
    """Write a delivery with every lesson of a year in Parquet, by school, pupil and day; return how many were attended."""
    folder.mkdir()
    chance = np.random.default_rng(SEED)
    schools = -(-pupils // PUPILS_PER_SCHOOL)
    (folder / "mapping.yaml").write_text(
        f"delivery: {{delivered_on: {DAY_OF_DELIVERY}, origin: synthetic, register_ids: free}}\n", "utf-8"
    )
    rows = "".join(f"{school},Skola {school},general,{FIRST_DAY}\n" for school in range(1, schools + 1))
    (folder / "school.csv").write_text("school_id,school_name,school_kind,happened_on\n" + rows, "utf-8")
    (folder / "term.csv").write_text(
        f"school_year,term_number,happened_on,ends_on\n2024/25,1,{FIRST_DAY},2025-05-31\n", "utf-8"
    )
    codes = [f"P{number:07d}" for number in range(pupils)]
    in_school = np.arange(pupils) // PUPILS_PER_SCHOOL + 1
    described = "".join(f"{code},Anna,Ozola,2010-03-01,{FIRST_DAY}\n" for code in codes)
    (folder / "pupil.csv").write_text("pupil_code,first_name,last_name,birth_month,happened_on\n" + described, "utf-8")
    stays = "".join(f"{code},{school},grade,8,{FIRST_DAY}\n" for code, school in zip(codes, in_school, strict=True))
    (folder / "enrolment.csv").write_text("pupil_code,school_id,stage_kind,stage_number,happened_on\n" + stays, "utf-8")
    present = 0
    schema = _lessons(chance, codes[:1], in_school[:1])[0].schema
    with pq.ParquetWriter(folder / "attendance.parquet", schema, compression="zstd", store_schema=False) as writer:
        for first in range(0, pupils, PUPILS_AT_ONCE):
            some = slice(first, first + PUPILS_AT_ONCE)
            lessons, attended = _lessons(chance, codes[some], in_school[some])
            writer.write_table(lessons, row_group_size=131_072)
            present += attended
    return present


def _lessons(chance: np.random.Generator, codes: list[str], in_school: np.ndarray[Any, Any]) -> tuple[pa.Table, int]:
    """Return all lessons of some pupils, and how many of them were attended."""
    weekday = np.arange(WEEKS * 5)
    days = (np.datetime64(FIRST_MONDAY) + weekday // 5 * 7 + weekday % 5).astype("datetime64[D]")
    happened = np.tile(np.repeat(days, LESSONS_A_DAY), len(codes))
    number = np.tile(np.arange(1, LESSONS_A_DAY + 1), WEEKS * 5 * len(codes)).astype(np.int32)
    told = chance.choice(len(CODES), size=len(happened), p=SHARES).astype(np.int32)
    subject = ((number + chance.integers(0, 3)) % len(SUBJECTS)).astype(np.int32)
    pupil = np.repeat(np.arange(len(codes), dtype=np.int32), LESSONS)
    schools, of_school = np.unique(in_school, return_inverse=True)
    listed = pa.DictionaryArray.from_arrays
    table = pa.table(
        {
            "pupil_code": listed(pa.array(pupil), pa.array(codes)),
            "school_id": listed(pa.array(of_school.astype(np.int32)[pupil]), pa.array([str(one) for one in schools])),
            "happened_on": pa.array(happened),
            "lesson_number": pa.array(number),
            "subject_code": listed(pa.array(subject), pa.array(SUBJECTS)),
            "attendance_code": listed(pa.array(told), pa.array(CODES)),
            "lessons": pa.array(np.ones(len(happened), np.int32)),
            "known_on": pa.array(happened),
        }
    )
    return table, int((told == 0).sum())


def as_csv(source: Path, to: Path) -> None:
    """Write the same delivery with its lessons as CSV."""
    to.mkdir()
    for path in source.iterdir():
        if path.suffix != ".parquet":
            (to / path.name).write_bytes(path.read_bytes())
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET enable_progress_bar = false")
        lessons, text = literal(str(source / "attendance.parquet")), literal(str(to / "attendance.csv"))
        connection.execute(f"COPY (SELECT * FROM read_parquet({lessons})) TO {text} (FORMAT csv, HEADER true)")


def _received(folder: Path, store: Path, key: Path) -> dict[str, int]:
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


def _bare_read(folder: Path) -> dict[str, int]:
    """Read every cell of the files of a delivery as text with DuckDB, and keep nothing."""
    rows = 0
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET enable_progress_bar = false")
        for path in sorted(folder.iterdir()):
            if path.suffix not in (".csv", ".parquet"):
                continue
            file = literal(str(path))
            cells = f"read_csv({file}, all_varchar=true)" if path.suffix == ".csv" else f"read_parquet({file})"
            ((count, *_largest),) = connection.execute(f"SELECT count(*), max(COLUMNS(*)) FROM {cells}").fetchall()
            rows += count
    return {"rows": rows}


def _require_right(found: dict[str, int], pupils: int, present: int) -> None:
    lessons = pupils * LESSONS
    right = {"read": lessons, "used": lessons - present, "put_aside": 0, "merged": present, "weeks": pupils * WEEKS}
    if found != right:
        raise RunFailedError(
            message("Every row must be accounted for before the intake is timed."),
            found=message("The account is {found}, not {right}.", found=str(found), right=str(right)),
            remedy=message("Report this with the versions of the libraries."),
        )


def _alone(work: Callable[..., dict[str, int]], *given: Path) -> Cost:
    """Do a piece of work in a process of its own and return what it cost."""
    with multiprocessing.get_context("spawn").Pool(1) as process:
        return Cost(*process.apply_async(_timed, (work, given)).get(WAITING_SECONDS))


def _timed(work: Callable[..., dict[str, int]], given: tuple[Path, ...]) -> tuple[float, float, float, dict[str, int]]:
    cpu, wall = time.process_time(), time.perf_counter()
    found = work(*given)
    spent = time.process_time() - cpu, time.perf_counter() - wall
    peak = re.search(r"VmHWM:\s+([0-9]+) kB", Path("/proc/self/status").read_text("ascii"))
    return *spent, int(peak[1]) / 1000 if peak else float("nan"), found
