"""How fast the portal's pages are, in a real browser and for many readers, and what it holds while it works.

The schools are invented, a real run makes their extracts, and a server process of its own serves them. Measured are: the
time until a school's page is interactive in a browser that was just started, the page never asked for before or kept;
fifty readers, each with a session of their own, on pages that are kept; a page of every school in turn, with the kernels counted from outside; and more new
pages at once than may wait. Browser and readers share the machine with the server: the figures are those of both together.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from riskmodel.bench import cold_browser
from riskmodel.bench.children import run_child
from riskmodel.bench.country import folder_of
from riskmodel.bench.readers import Answer, Plan, percentile, read
from riskmodel.bench.served import Served, served
from riskmodel.messages import Message, message
from riskmodel.portal.app import READY_KERNELS
from riskmodel.sources.arrival import COMPLETE_MARK
from riskmodel.sources.synthetic import cohort

Say = Callable[[Message], None]
Report = dict[str, Any]
School = dict[str, Any]

COHORT = cohort.Plan(pupils=64_000, schools=200, years=3)
"""Schools of 318 pupils on average."""
QUICK_COHORT = cohort.Plan(pupils=4_000, schools=12, years=3)
PUPILS = 300
"""A school's page is measured with at least so many."""
BROWSERS, QUICK_BROWSERS = 10, 2
READERS, READING_SECONDS, QUICK_READING_SECONDS, THINK_SECONDS = 50, 20.0, 5.0, 2.0
CLIENTS = 8
ROUNDS, QUICK_ROUNDS = 5, 2
"""So often a page of each school is rendered from cold; the memory is told before the first round and after each."""
AT_ONCE = 64
"""More new pages at once than may wait."""
SHOWN, BUSY = 200, 503
GOALS = {"first_ms": 1000, "cached_ms": 300, "p95_ms_50_users": 200, "most_kernels": 4, "kernels_left": 0}


def measure(data: Path | None, say: Say, *, quick: bool = False) -> Report:
    """Return the times of browsers and readers, kernels and memory, the goals, and what surrounded the measurement.

    ``first_ms`` and ``cached_ms`` are medians of browser processes; ``p95_ms_50_users`` counts to the last byte;
    ``kernels_left`` are those beyond the idle pool when all is quiet again. ``bare_ms`` is what the same browser takes for a
    page with nothing in it: no page of ours can be quicker.

    Parameters
    ----------
    data
        A folder in which the invented schools are kept for the next time; None: a temporary one.

    Raises
    ------
    UsageError
        When Chromium or Playwright is not installed.
    """
    playwright, path = cold_browser.playwright(), cold_browser.chromium()
    load_before = os.getloadavg()[0]
    plan = QUICK_COHORT if quick else COHORT
    with folder_of(data, f"portal-{plan.pupils}") as folder:
        store = _published(folder, plan, say)
        schools = _schools(store)
        with served(store) as portal:
            report: Report = {"schools": len(schools), "idle_kernels": READY_KERNELS}
            shown = schools[: QUICK_BROWSERS if quick else BROWSERS]
            cookies = portal.sessions(READERS, [school["school_id"] for school in shown])
            with playwright.sync_playwright() as started:
                report |= Browsers(portal, started, path, cookies[0], say).measure(shown)
            seconds = QUICK_READING_SECONDS if quick else READING_SECONDS
            plan_of_readers = Plan(
                portal.port, tuple(map(_path, shown)), tuple(cookies), READERS, THINK_SECONDS, seconds
            )
            report |= _reading(portal, plan_of_readers, say)
            everywhere = portal.sessions(CLIENTS, [school["school_id"] for school in schools])
            report |= _every_school(portal, schools, everywhere, QUICK_ROUNDS if quick else ROUNDS, say)
            report |= _busy(portal, _pupil_paths(store, schools), everywhere, say)
    return report | {
        "goals": GOALS,
        "load_before": load_before,
        "load_after": os.getloadavg()[0],
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


@dataclass(frozen=True)
class Browsers:
    """Browser after browser, each new, each on a quiet server."""

    portal: Served
    started: Any
    path: str
    cookie: str
    say: Say

    def measure(self, schools: Sequence[School]) -> Report:
        """Return the medians of pages that were never asked for, of the same pages when they are kept, and of a bare page."""
        first, again, bare = [], [], []
        with cold_browser.bare_page() as address:
            for number, school in enumerate(schools, 1):
                self.say(message("Browser {number} of {browsers}.", number=number, browsers=len(schools)))
                first.append(self._open(school))
                again.append(self._open(school))
                self.portal.wait_until_quiet()
                bare.append(cold_browser.open_cold(self.started, self.path, address, []))
        found: Report = {"browsers": len(schools), "browser": f"Chromium {first[0].version}"}
        for name, times in (("first", first), ("cached", again), ("bare", bare)):
            found |= {
                f"{name}_ms": statistics.median(one.ms for one in times),
                f"{name}_ms_range": _range([one.ms for one in times]),
                f"{name}_ms_inside": statistics.median(one.inside_ms for one in times),
                f"{name}_cpu_ms": statistics.median(one.cpu_ms for one in times),
            }
        return found | {"pupils_on_a_page": _range([school["pupils"] for school in schools])}

    def _open(self, school: School) -> cold_browser.Waited:
        self.portal.wait_until_quiet()
        name, value = self.cookie.split("=", 1)
        session = {"name": name, "value": value, "url": self.portal.address}
        return cold_browser.open_cold(self.started, self.path, self.portal.address + _path(school), [session])


def _reading(portal: Served, plan: Plan, say: Say) -> Report:
    say(message("{readers} readers for {seconds} seconds.", readers=plan.readers, seconds=round(plan.seconds)))
    read(replace(plan, readers=1, is_queue=True, think_seconds=0.0))
    portal.wait_until_quiet()
    before = portal.cpu_seconds()
    answers = read(plan)
    times = [one.seconds * 1000 for one in answers]
    return {
        "p95_ms_50_users": percentile(times, 0.95),
        "p50_ms_50_users": percentile(times, 0.5),
        "most_ms_50_users": max(times),
        "requests_50_users": len(answers),
        "not_shown_50_users": _not_shown(answers),
        "server_cpu_ms_a_request": (portal.cpu_seconds() - before) * 1000 / len(answers),
        "bytes_a_page": statistics.median(one.bytes for one in answers),
    }


def _every_school(portal: Served, schools: Sequence[School], cookies: Sequence[str], rounds: int, say: Say) -> Report:
    """Return what a page of every school takes, from cold, and what the server holds after each round of them.

    In each round but the first all schools have entered another number of places, so that no page is kept already.
    """
    took, held, files = [], [portal.server_mb()], [portal.open_files()]
    most = left = unanswered = 0
    for number in range(1, rounds + 1):
        say(message("A page of each of {schools} schools.", schools=len(schools)))
        if number > 1:
            portal.enter_places([school["school_id"] for school in schools], places=number)
        watch = portal.most_kernels()
        paths = tuple(_path(school, "en") for school in schools)
        answers = read(Plan(portal.port, paths, tuple(cookies), CLIENTS, is_queue=True))
        most = max(most, int(watch.stop()))
        portal.wait_until_quiet()
        left = max(left, portal.kernels() - READY_KERNELS)
        unanswered += _not_shown(answers)
        took.append(sum(one.seconds for one in answers) / CLIENTS)
        held.append(portal.server_mb())
        files.append(portal.open_files())
    return {
        "seconds_of_rounds": took,
        "server_mb_of_rounds": held,
        "open_files_of_rounds": files,
        "most_kernels": most,
        "kernels_left": left,
        "not_shown_every_school": unanswered,
    }


def _busy(portal: Served, paths: Sequence[str], cookies: Sequence[str], say: Say) -> Report:
    """Return what happens when more new pages are asked for at once than may wait."""
    say(message("{count} new pages at once.", count=AT_ONCE))
    plan = Plan(portal.port, tuple(paths[:AT_ONCE]), tuple(cookies), AT_ONCE, is_queue=True)
    watch = portal.most_kernels()
    answers = read(plan)
    most = int(watch.stop())
    portal.wait_until_quiet()
    refused = [one for one in answers if one.status == BUSY]
    return {
        "busy": {
            "asked": len(answers),
            "shown": sum(one.status == SHOWN for one in answers),
            "refused": len(refused),
            "refused_in_words": sum(one.has_retry_after and one.is_page for one in refused),
            "longest_ms": max(one.seconds for one in answers) * 1000,
            "most_kernels": most,
            "is_well_afterwards": _not_shown(read(replace(plan, paths=tuple(paths[AT_ONCE : AT_ONCE + 1])))) == 0,
        }
    }


def _published(folder: Path, plan: cohort.Plan, say: Say) -> Path:
    """Return a store whose current run holds the invented schools; the run is made anew when the code has changed."""
    delivery, store = folder / "delivery", folder / "store"
    if not (delivery / COMPLETE_MARK).exists():
        shutil.rmtree(delivery, ignore_errors=True)
        cohort.synthesise(plan, delivery, say)
    say(message("The run of {pupils} pupils begins.", pupils=plan.pupils))
    options = ["--delivery", str(delivery), "--cut-off", plan.cut_off_date.isoformat(), "--store", str(store)]
    run_child(["-m", "riskmodel", "run", *options, "--json"])
    return store


def _schools(store: Path) -> list[School]:
    """Return the schools of the current run, those of about ``PUPILS`` first."""
    index = json.loads((_extracts(store) / "index.json").read_text("utf-8"))
    return sorted(index["schools"], key=lambda school: (school["pupils"] < PUPILS, school["pupils"]))


def _extracts(store: Path) -> Path:
    return store / "current" / "extracts"


def _path(school: School, language: str = "lv") -> str:
    return f"/{language}/school/{school['school_id']}"


def _pupil_paths(store: Path, schools: Sequence[School]) -> list[str]:
    return [
        f"{_path(school)}/pupil/{code}"
        for school in schools
        for code in json.loads((_extracts(store) / school["file"]).read_text("utf-8"))["pupils"]["code"]
    ]


def _not_shown(answers: Sequence[Answer]) -> int:
    return sum(one.status != SHOWN for one in answers)


def _range(values: Sequence[float]) -> list[float]:
    return [min(values), max(values)]
