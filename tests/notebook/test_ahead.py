"""What past cohorts need may be made while a delivery is taken in: then it is taken over, or it is not the run's and left."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import psutil
import pytest
from forked import ENDLESS_SECONDS, PATIENCE_SECONDS, alone, alone_command, asides, wait_until, waiting_for
from test_cluster import part_events, plan

from riskmodel.errors import DeliveryError, RiskmodelError, UsageError
from riskmodel.risk.label import cohort_windows
from riskmodel.runs import ahead, parts, past_sums
from riskmodel.runs.ahead import Ahead, ahead_of_delivery, make_ahead, past_windows
from riskmodel.runs.forking import Stem, can_fork
from riskmodel.runs.journal import PART_DONE, PART_KEPT
from riskmodel.runs.manifest import verify
from riskmodel.runs.past_sums import DAILY, parts_of
from riskmodel.runs.publish import Store, current_run, open_store
from riskmodel.runs.runner import Done, run
from riskmodel.sources.deliveries import receive
from riskmodel.sources.history import PACKED_FOLDER, open_canonical, stored_deliveries
from riskmodel.sources.synthetic import cohort
from riskmodel.tables.canonical import TERM

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not can_fork(), reason="nothing is made ahead where a system cannot fork"),
]

CUT_OFF = date(2024, 12, 20)
COUNTRY = cohort.Plan(pupils=300, schools=4, years=3, seed=5, delivered_on=CUT_OFF, deliveries="yearly")


def quiet(_text: object) -> None:
    pass


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a delivery for each year, one ``whole`` of all years, and a store that holds all but the newest."""
    folder = tmp_path_factory.mktemp("country")
    cohort.synthesise(COUNTRY, folder / "yearly", quiet)
    cohort.synthesise(replace(COUNTRY, deliveries="one"), folder / "whole", quiet)
    *earlier, _ = yearly(folder)
    for delivery in earlier:
        receive(delivery, folder / "store", folder / "store.key", quiet)
    return folder


def yearly(country: Path) -> list[Path]:
    return sorted(path for path in (country / "yearly").iterdir() if (path / "mapping.yaml").exists())


@pytest.fixture
def store(country: Path, tmp_path: Path) -> Store:
    shutil.copy(country / "store.key", tmp_path / "store.key")
    return open_store(Path(shutil.copytree(country / "store", tmp_path / "store")))


def known_to(store: Store) -> list[str]:
    return [delivery.delivery_id for delivery in stored_deliveries(store.folder)]


def run_with(delivery: Path, store: Store) -> Done:
    return run(replace(plan(store.folder), delivery=delivery), quiet)


def run_with_patience(delivery: Path, store: Path) -> dict[str, Any]:
    """Run, with what is made ahead done, however small the delivery is.

    Return the names of the files that were made, and the id of the run or what it was refused for.
    """
    taken_away, made = Ahead._taken_away, list[str]()

    def wait_and_take_away(self: Ahead) -> contextlib.AbstractContextManager[Path]:
        if self.folder.exists():
            wait_until(lambda: any(self.folder.iterdir()))
            wait_until(lambda: not asides())
            made.extend(path.name for path in self.folder.iterdir())
        return taken_away(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ahead, "_taken_away", wait_and_take_away)
        patch.setenv(parts.WORKERS, "2")
        try:
            return {"made": made, "run_id": run_with(delivery, Store(store)).run_id}
        except RiskmodelError as error:
            return {"made": made, "refused": type(error).__name__, "text": error.in_language("en")}


def run_without(delivery: Path, country: Path, to: Path) -> Done:
    """Return the run of a copy of the country's store, for which nothing is made ahead."""
    folder = Path(shutil.copytree(country / "store", to / "without" / "store"))
    shutil.copy(country / "store.key", to / "without" / "store.key")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(parts.WORKERS, "1")
        return run_with(delivery, Store(folder))


@pytest.fixture(scope="module")
def without(country: Path, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Return the run on the newest delivery for which nothing is made ahead."""
    return run_without(yearly(country)[-1], country, tmp_path_factory.mktemp("newest"))


def of_past(run_folder: Path) -> list[str]:
    return [event for event, part in part_events(run_folder) if part.startswith("past-")]


def test_a_run_takes_over_what_was_made_ahead_and_finds_the_same_bytes(
    country: Path, store: Store, without: Done
) -> None:
    found = alone(run_with_patience, yearly(country)[-1], store.folder)
    assert found["made"]
    assert found["run_id"] == without.run_id
    with_it = store.run(found["run_id"])
    assert {*of_past(without.folder)} == {PART_DONE}
    assert {*of_past(with_it)} == {PART_KEPT}
    assert verify(with_it).digests() == verify(without.folder).digests()
    assert not any(store.staging.iterdir())


def run_after_stale(delivery: Path, store: Path, stale: Path) -> dict[str, Any]:
    """Run, with what lies in ``stale`` as that which was made ahead; return the id of the run, and how often that was laid."""
    laid = list[Path]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ahead, "begin", lambda self, _: laid.append(shutil.copytree(stale, self.folder)))
        return {"run_id": run_with(delivery, Store(store)).run_id, "laid": len(laid)}


def test_what_a_delivery_tells_anew_is_not_taken_from_what_was_made_before_it(
    country: Path, store: Store, tmp_path: Path
) -> None:
    stale = tmp_path / "stale"
    stale.mkdir()
    make_ahead(str(store.folder), known_to(store), str(stale), CUT_OFF.isoformat())
    assert any(stale.iterdir())
    of_whole = run_without(country / "whole", country, tmp_path)
    found = alone(run_after_stale, country / "whole", store.folder, stale)
    folder = store.run(found["run_id"])
    assert found["laid"] == 1
    assert {*of_past(folder)} == {PART_DONE}
    assert verify(folder).digests() == verify(of_whole.folder).digests()


def run_beside_one_who_does_not_end(delivery: Path, store: Path) -> dict[str, Any]:
    """Run beside a process that makes nothing and does not end; return the id of the run, and how many were begun."""
    fork_aside, begun = Stem.fork_aside, list[str]()

    def without_end(self: Stem, statement: str) -> None:
        begun.append(statement)
        fork_aside(self, f"import time; time.sleep({ENDLESS_SECONDS})")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(parts.WORKERS, "2")
        patch.setattr(Stem, "fork_aside", without_end)
        return {"run_id": run_with(delivery, Store(store)).run_id, "begun": len(begun)}


def test_a_run_need_not_wait_for_what_is_not_done(country: Path, store: Store, without: Done) -> None:
    found = alone(run_beside_one_who_does_not_end, yearly(country)[-1], store.folder)
    folder = store.run(found["run_id"])
    assert found["begun"] == 1
    assert {*of_past(folder)} == {PART_DONE}
    assert verify(folder).digests() == verify(without.folder).digests()


def test_a_delivery_that_is_refused_leaves_nothing_of_what_was_made(
    country: Path, store: Store, tmp_path: Path
) -> None:
    refused = Path(shutil.copytree(yearly(country)[-1], tmp_path / "refused"))
    for path in refused.glob("enrolment.*"):
        path.write_bytes(b"PAR1 and nothing that a table begins with")
    found = alone(run_with_patience, refused, store.folder)
    assert found["refused"] == DeliveryError.__name__
    assert found["made"]
    assert not any(store.staging.iterdir())


def test_a_run_on_whose_cut_off_date_nobody_is_enrolled_says_so(country: Path, store: Store, tmp_path: Path) -> None:
    without_stays = Path(shutil.copytree(yearly(country)[-1], tmp_path / "without_stays"))
    for path in without_stays.glob("enrolment.*"):
        path.unlink()
    found = alone(run_with_patience, without_stays, store.folder)
    assert found["refused"] == UsageError.__name__
    assert "nobody was" in found["text"]
    assert current_run(store) is None


def test_nothing_is_made_ahead_by_one_worker_for_a_cluster_or_without_a_stem(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stem, "fork_aside", lambda *_: pytest.fail("a process was begun"))
    for stem, workers, scheduler in (({}, "1", ""), ({}, "2", "tcp://127.0.0.1:1"), (None, "2", "")):
        monkeypatch.setenv(parts.WORKERS, workers)
        monkeypatch.setenv(parts.SCHEDULER, scheduler)
        with ahead_of_delivery(store, None if stem is None else Stem(stem)) as made:
            made.begin(CUT_OFF)
            made.hand_over(store.folder / "nowhere")
    assert not (store.folder / "nowhere").exists()


def test_what_is_made_ahead_are_the_parts_that_the_run_looks_for(country: Path, store: Store) -> None:
    (store.staging / "made").mkdir()
    make_ahead(str(store.folder), known_to(store), str(store.staging / "made"), CUT_OFF.isoformat())
    receive(yearly(country)[-1], store.folder, store.folder.with_name("store.key"), quiet)
    known = known_to(store)
    folder = parts.open_folder(store.staging / "made", store.folder)
    with duckdb.connect() as connection:
        open_canonical(connection, store.folder, known, (TERM.name, *DAILY))
        asked = parts_of(connection, cohort_windows(connection, CUT_OFF, None, 30)[:-1])
    assert asked
    assert {folder.file(part, piece) for part in asked for piece in part.pieces} == {*folder.path.iterdir()}
    assert all(map(folder.is_made, asked))


def test_a_store_without_deliveries_has_nothing_to_make(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    make_ahead(str(tmp_path / "store"), [], str(tmp_path / "made"), CUT_OFF.isoformat())
    assert not any((tmp_path / "made").iterdir())


def test_terms_that_nobody_told_of_yet_are_those_of_the_published_calendar(country: Path, store: Store) -> None:
    receive(yearly(country)[-1], store.folder, store.folder.with_name("store.key"), quiet)
    known = known_to(store)
    with duckdb.connect() as told, duckdb.connect() as untold:
        open_canonical(told, store.folder, known, (TERM.name,))
        open_canonical(untold, store.folder, known[:-1], (TERM.name,))
        for days in range(0, 300, 13):
            cut_off = date(2024, 9, 3) + timedelta(days=days)
            if cut_off <= CUT_OFF:
                expected = [(one.cut_off, one.school_year_on) for one in cohort_windows(told, cut_off, None, 0)[:-1]]
                assert len(expected) == 2
                assert [(one.cut_off, one.school_year_on) for one in past_windows(untold, cut_off)] == expected
            else:
                # The delivery of December does not tell of the second term.
                assert past_windows(untold, cut_off) == past_windows(told, cut_off)
        assert past_windows(untold, date(2010, 10, 1)) == []


def test_after_a_part_that_cannot_be_made_ahead_all_is_left_to_the_run(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past_sums, "ROWS_PER_PART", 20_000)
    asked: list[str] = []

    def second_fails(folder: parts.PartFolder, part: parts.Part) -> parts.Outcome:
        asked.append(part.name)
        failure = {"kind": "ValueError"} if part.name == "past-2" else None
        return parts.Outcome(part.name, 0.0, failure) if failure else parts.make_part(folder, part)

    monkeypatch.setattr(ahead, "make_part", second_fails)
    made = store.staging / "made"
    made.mkdir()
    make_ahead(str(store.folder), known_to(store), str(made), CUT_OFF.isoformat())
    assert asked == ["past-1", "past-2"]
    assert {path.name[:7] for path in made.iterdir()} == {"past-1-"}


def test_what_begins_too_late_finds_nothing_to_do_and_writes_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(parts.WORKERS, "2")
    before, is_over, stem = {*store.folder.rglob("*")}, tmp_path / "over", Stem({**os.environ})
    with contextlib.closing(stem), ahead_of_delivery(store, stem) as made:
        stem.warm_up(waiting_for(tmp_path / "later"))
        made.begin(CUT_OFF)
        assert made.folder.is_dir()
        made.clear()
        (tmp_path / "later").touch()
        # Asked behind it, and so it begins after it.
        stem.fork_aside(f"import pathlib; pathlib.Path({str(is_over)!r}).touch()")
        wait_until(is_over.exists)
        wait_until(lambda: not asides())
    assert {*store.folder.rglob("*")} == before


AT_WORK = """
import pathlib, time
from riskmodel.runs import ahead, past_sums
past_sums.ROWS_PER_PART = 20_000
make_part, told = ahead.make_part, pathlib.Path({told!r})

def made_when_its_folder_is_away(folder, part):
    told.joinpath("begun").touch()
    while folder.path.is_dir():
        time.sleep(0.005)
    outcome = make_part(folder, part)
    told.joinpath(part.name).write_text(str(outcome.failure is not None))
    return outcome

ahead.make_part = made_when_its_folder_is_away
try:
    {statement}
finally:
    told.joinpath("over").touch()
"""


def test_what_loses_its_folder_while_it_is_at_work_ends_after_that_part_and_leaves_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "told"
    told.mkdir()
    monkeypatch.setenv(parts.WORKERS, "2")
    fork_aside = Stem.fork_aside

    def fork(stem: Stem, statement: str) -> None:
        fork_aside(stem, f"exec({AT_WORK.format(told=str(told), statement=statement)!r})")

    monkeypatch.setattr(Stem, "fork_aside", fork)
    before, stem = {*store.folder.rglob("*")}, Stem({**os.environ})
    with contextlib.closing(stem), ahead_of_delivery(store, stem) as made:
        made.begin(CUT_OFF)
        wait_until((told / "begun").exists)
        made.hand_over(tmp_path / "parts")
        wait_until((told / "over").exists)
    assert {path.name for path in told.iterdir()} == {"begun", "past-1", "over"}
    assert (told / "past-1").read_text() == "True"
    assert {*store.folder.rglob("*")} == before
    assert not (tmp_path / "parts").exists()


def test_what_would_have_to_be_worked_out_first_is_left_to_the_run(store: Store) -> None:
    shutil.rmtree(store.folder / PACKED_FOLDER)
    (store.staging / "made").mkdir()
    before = {*store.folder.rglob("*")}
    make_ahead(str(store.folder), known_to(store), str(store.staging / "made"), CUT_OFF.isoformat())
    assert {*store.folder.rglob("*")} == before


def run_in_store(delivery: Path, store: Path) -> str:
    return run_with(delivery, Store(store)).run_id


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_stopped_while_parts_are_made_ahead_leaves_no_process(
    country: Path, store: Store, number: signal.Signals
) -> None:
    command = alone_command(run_in_store, country / "whole", store.folder)
    process = subprocess.Popen(command, env=os.environ | {parts.WORKERS: "2"}, stdout=subprocess.DEVNULL)
    wait_until(lambda: process.poll() is not None or any(store.staging.glob("ahead-*")))
    assert process.poll() is None
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    process.wait(PATIENCE_SECONDS)
    _, alive = psutil.wait_procs(family, timeout=PATIENCE_SECONDS)
    assert not alive
    assert any(store.staging.glob("ahead-*")) == (number == signal.SIGKILL)
    if number == signal.SIGKILL:
        # What a kill leaves goes with the other leftovers, and stops nobody.
        run_with(yearly(country)[-1], store)
    assert not any(store.staging.iterdir())
