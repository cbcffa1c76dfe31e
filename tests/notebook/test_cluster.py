"""Cohorts and features are the same bytes whoever made the parts, and whichever process was killed on the way."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import distributed
import psutil
import pyarrow.parquet as pq
import pytest
from forked import PATIENCE_SECONDS, alone_command

from riskmodel.errors import RunFailedError
from riskmodel.messages import Message
from riskmodel.runs import journal, parts
from riskmodel.runs.failure import marks_of
from riskmodel.runs.manifest import verify
from riskmodel.runs.publish import Store, current_run
from riskmodel.runs.runner import Done, Plan, run
from riskmodel.runs.staging import Pipeline
from riskmodel.runs.steps import SEMESTER
from riskmodel.settings import Settings, notebook_folder
from riskmodel.sources.deliveries import receive
from riskmodel.sources.synthetic import cohort

pytestmark = [pytest.mark.fault, pytest.mark.slow]

FEATURES = next(step for step in SEMESTER if step.notebook == "20_features")


def plan(store: Path) -> Plan:
    """Return the plan of the one step, on the deliveries that the store holds."""
    return Plan(store, Settings(cut_off_date=date(2024, 12, 20)), pipeline=Pipeline((FEATURES,), notebook_folder(), ()))


def run_in_store(store: Path) -> str:
    return run(plan(store), lambda text: None).run_id


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with a delivery and no run, to be copied."""
    folder = tmp_path_factory.mktemp("delivered")
    (folder / "store" / "staging").mkdir(parents=True)
    cohort.synthesise(cohort.Plan(pupils=300, schools=4, years=3, seed=5), folder / "delivery", lambda text: None)
    receive(folder / "delivery", folder / "store", folder / "store.key", lambda text: None)
    return folder / "store"


@pytest.fixture(scope="module")
def undisturbed(delivered: Path, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Return the run of one worker that nothing disturbs."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv(parts.SCHEDULER, raising=False)
        environment.setenv(parts.WORKERS, "1")
        store = shutil.copytree(delivered, tmp_path_factory.mktemp("undisturbed") / "store")
        return run(plan(store), lambda text: None)


@pytest.fixture
def store(delivered: Path, tmp_path: Path) -> Store:
    return Store(Path(shutil.copytree(delivered, tmp_path / "store")))


def part_events(run_folder: Path) -> list[tuple[str, str]]:
    """Return event and name of the parts in the log of a run."""
    lines = journal.read(run_folder / journal.LOG_NAME)
    return [(str(line["event"]), str(line["part"])) for line in lines if "part" in line]


def test_a_cohort_can_be_read_alone_and_the_parts_are_gone(undisturbed: Done) -> None:
    events = part_events(undisturbed.folder)
    assert len(events) == len(set(events)) >= 4
    assert {event for event, _ in events} == {journal.PART_DONE}
    file = pq.ParquetFile(undisturbed.folder / "tables" / "feature.parquet")
    groups = [file.metadata.row_group(number).column(0).statistics for number in range(file.num_row_groups)]
    days = [group.min for group in groups]
    assert len(days) >= 3
    assert days == sorted({group.max for group in groups})
    assert not any((undisturbed.folder.parent.parent / "staging").iterdir())


def kill_once_there_are(count: int, process: subprocess.Popen[str], store: Store) -> None:
    """Kill a run and its kernel at once, as a power cut would, when so many parts are made: half of the work."""
    while len(list(store.staging.glob("*.steps/parts/*.arrow"))) < count:
        assert process.poll() is None, "the run ended before it had made so many parts"
        time.sleep(0.005)
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for one in family:
        one.kill()
    process.communicate()
    psutil.wait_procs(family[1:], timeout=PATIENCE_SECONDS)


def test_after_a_kill_only_parts_that_are_missing_or_not_whole_are_made(
    store: Store, undisturbed: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = subprocess.Popen(
        alone_command(run_in_store, store.folder),
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {parts.WORKERS: "1"},
    )
    cohorts = len(pq.read_table(undisturbed.folder / "tables" / "cohort.parquet")["cohort_on"].unique())
    # Of past cohorts what daily facts came to; of all their members and who left before, and the trend; two cohorts.
    kill_once_there_are((cohorts - 1) + (2 * cohorts + 1) + 2, process, store)
    assert current_run(store) is None
    (work,) = (path for path in store.staging.iterdir() if path.suffix != ".steps")
    whole = sorted((marks_of(work) / "parts").glob("*.arrow"))
    past, of_range, (cut, *untouched) = (
        [path for path in whole if path.name.startswith(name)] for name in ("past-1-", "pupils-1-", "cohort-")
    )
    assert (len(past), len(of_range)) == (cohorts - 1, 2 * cohorts + 1)
    flipped = of_range[0]
    cut.write_bytes(cut.read_bytes()[:-1])
    flipped.write_bytes(flipped.read_bytes()[:-9] + b"\xff" * 9)

    said: list[Message] = []
    monkeypatch.setenv(parts.WORKERS, "2")
    done = run(plan(store.folder), said.append)
    again = part_events(done.folder)[-len(part_events(undisturbed.folder)) :]
    kept = {name for event, name in again if event == journal.PART_KEPT}
    assert len(kept) == len(untouched) + 1 > 1
    assert "past-1" in kept
    assert not {name for name in kept if cut.name.startswith(name) or flipped.name.startswith(name)}
    assert sum("already done" in str(line) for line in said) == len(kept)
    assert verify(done.folder).digests() == verify(undisturbed.folder).digests()
    assert done.run_id == undisturbed.run_id


def test_a_part_that_finds_bad_data_fails_the_run_with_its_place_and_no_value(store: Store) -> None:
    (states,) = store.deliveries.glob("*/economic_pupil.parquet")
    states.chmod(0o640)
    content = bytearray(states.read_bytes())
    # The pages of the first columns; the footer, which says where they are, stays.
    content[100:2000] = os.urandom(1900)
    states.write_bytes(content)
    with pytest.raises(RunFailedError) as failed:
        run(plan(store.folder), lambda text: None)
    assert re.search(r"Part cohort-[0-9-]+ stopped: \w+ at \w+/\w+\.py:\d+ \w+ \(error", str(failed.value))
    assert "parquet" not in failed.value.in_both_languages()
    assert current_run(store) is None


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Any]:
    """Return a cluster of two processes on this machine, without a dashboard."""
    made = distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        worker_dashboard_address="127.0.0.1:0",
        scheduler_kwargs={"dashboard": False},
        local_directory=str(tmp_path / "scratch"),
        silence_logs=50,
    )
    with made:
        yield made


class Killer(threading.Thread):
    """Kills a worker of a cluster by its number, in the middle of a part, once the first part is there."""

    def __init__(self, cluster: Any, staging: Path) -> None:
        super().__init__(daemon=True)
        with distributed.Client(cluster, set_as_default=False) as client:
            self._numbers = client.run(os.getpid)
        self._scheduler, self._staging = cluster.scheduler, staging
        self.killed: list[tuple[int, list[str]]] = []

    def run(self) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end and not self.killed:
            if any(self._staging.glob("*.steps/parts/*.arrow")):
                for address, worker in list(self._scheduler.workers.items()):
                    at_work = [task.key for task in list(worker.processing)]
                    if at_work and not self.killed:
                        os.kill(self._numbers[address], signal.SIGKILL)
                        self.killed.append((self._numbers[address], at_work))
            time.sleep(0.005)


def test_a_killed_worker_of_a_cluster_changes_nothing(
    cluster: Any, store: Store, undisturbed: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(parts.SCHEDULER, cluster.scheduler_address)
    listening = [
        connection.laddr.ip
        for process in (psutil.Process(), *psutil.Process().children(recursive=True))
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert set(listening) == {"127.0.0.1"}
    killer = Killer(cluster, store.staging)
    killer.start()
    done = run(plan(store.folder), lambda text: None)
    killer.join()
    ((number, at_work),) = killer.killed
    assert at_work
    assert not psutil.pid_exists(number)
    assert sorted(part_events(done.folder)) == sorted(part_events(undisturbed.folder))
    assert verify(done.folder).digests() == verify(undisturbed.folder).digests()
    assert done.run_id == undisturbed.run_id
