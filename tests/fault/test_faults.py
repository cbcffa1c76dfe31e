"""A run is killed, cut and starved; the run before stays, and a plain rerun ends as an undisturbed one (F1 to F8).

The common oracle stands in ``sweep.complaints``: ``current`` is the whole old or the whole new run and verifies;
a failure has its exit code and one line; a rerun has the digests of an undisturbed run and leaves nothing behind.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import tiny

from riskmodel.errors import RunFailedError, UsageError
from riskmodel.runs import journal
from riskmodel.runs.lock import HOLDER_NAME, held_store
from riskmodel.runs.manifest import verify
from riskmodel.runs.papermilling import THREAD_NAME
from riskmodel.runs.parts import WORKERS
from riskmodel.runs.publish import Store, current_run

pytestmark = pytest.mark.fault

HERE = Path(__file__).parent
TOO_LONG_SECONDS = 120
ORPHAN_SECONDS = 30
RANDOM_KILLS = int(os.environ.get("RISKMODEL_RANDOM_KILLS", "4"))
"""Random kills with real kernels; 100 for the long version."""


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: the library that injects faults cannot be built")
    library = tmp_path_factory.mktemp("shim") / "shim.so"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", library, HERE / "shim.c", "-ldl"], check=True, capture_output=True
    )
    return library


@pytest.mark.parametrize("fault", ["ENOSPC", "EIO", "KILL"])
def test_every_single_change_to_the_store_may_fail_or_be_the_last_one(shim: Path, tmp_path: Path, fault: str) -> None:
    """F1, F5, F7 at every injection point: the disk is full from the n-th change on, or the n-th fails, or kills."""
    control = tmp_path / "control"
    control.write_bytes(bytes(24))
    environment = os.environ | {
        "FAULT_CONTROL": str(control),
        "FAULT_ROOT": str(tmp_path / "store"),
        "LD_PRELOAD": str(shim),
    }
    swept = subprocess.run(
        [sys.executable, HERE / "sweep.py", tmp_path, fault, "1", "1"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert swept.returncode == 0, swept.stderr[-2000:]
    result = json.loads(swept.stdout)
    assert result["wrong"] == {}
    # The last run of a sweep is the one that no fault struck; before it every change had its turn.
    assert result["runs"] == result["changes"] + 1 > 50
    assert set(result["codes"]) == ({0, -signal.SIGKILL} if fault == "KILL" else {0, 4})


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with a published run of seed 1, to be copied."""
    folder = tmp_path_factory.mktemp("published") / "store"
    tiny.deliver(folder)
    tiny.run_tiny(folder, seed=1)
    return folder


@pytest.fixture
def store(tmp_path: Path, published: Path) -> Store:
    """Return a store with a published run of seed 1."""
    return Store(Path(shutil.copytree(published, tmp_path / "store", symlinks=True)))


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, published: Path) -> dict[str, str]:
    """Return the digests of the run of seed 2 when nothing disturbs it."""
    folder = shutil.copytree(published, tmp_path_factory.mktemp("undisturbed") / "store", symlinks=True)
    return verify(tiny.run_tiny(folder, seed=2).folder).digests()


class Running:
    """A run in a process of its own."""

    def __init__(self, store: Store, second: str = "second", third: str = "") -> None:
        self.process = subprocess.Popen(
            [sys.executable, HERE / "tiny.py", store.folder, second, "2", third],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for(self, words: str) -> None:
        """Wait until the run says ``words``."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if words in line:
                return
        pytest.fail(f"the run ended before it said: {words}")

    def kernels(self) -> list[psutil.Process]:
        """Return the notebook processes of the run: what was forked from the process beside it."""
        return [kernel for stem in self.stems() for kernel in stem.children()]

    def stems(self) -> list[psutil.Process]:
        """Return the process that kernels are forked from, once it is there."""
        return psutil.Process(self.process.pid).children()

    def kernel(self) -> psutil.Process:
        """Wait for the notebook process of the run, long enough that it is at work."""
        for _ in range(200):
            if found := self.kernels():
                time.sleep(1.0)
                return found[0]
            time.sleep(0.05)
        return pytest.fail("no kernel was started")

    def end(self) -> tuple[int, str]:
        """Wait for the end; return exit code and standard error."""
        _, said = self.process.communicate(timeout=TOO_LONG_SECONDS)
        return self.process.returncode, said


@pytest.fixture
def running(store: Store) -> Iterator[Running]:
    """Return a run whose second step takes a minute."""
    run = Running(store, "slow")
    yield run
    if run.process.poll() is None:
        run.process.kill()
        run.process.wait()


def gone(process: psutil.Process) -> bool:
    """Wait until a process is gone."""
    _, alive = psutil.wait_procs([process], timeout=ORPHAN_SECONDS)
    return not alive


def seed_of_current(store: Store) -> int:
    return verify(store.run(current_run(store) or "")).seed


def test_a_rerun_after_a_kill_between_two_steps_keeps_the_finished_one(
    store: Store, undisturbed: dict[str, str]
) -> None:
    """F1 with real kernels."""
    run = Running(store)
    run.wait_for("Step 2 of 2")
    run.process.kill()
    code, _ = run.end()
    assert code == -signal.SIGKILL
    assert seed_of_current(store) == 1
    done = tiny.run_tiny(store.folder, seed=2)
    events = [(line["event"], line.get("step")) for line in journal.read(done.folder / journal.LOG_NAME)]
    assert ("step_kept", "10_first") in events
    assert events.count(("step_done", "10_first")) == 1
    assert verify(done.folder).digests() == undisturbed
    assert not any(store.staging.iterdir())


def test_a_run_may_be_killed_at_any_time(store: Store, undisturbed: dict[str, str]) -> None:
    """F2."""
    chance = random.Random(2)
    for _ in range(RANDOM_KILLS):
        run = Running(store)
        time.sleep(chance.uniform(0.2, 5.0))
        run.process.kill()
        run.end()
        current = seed_of_current(store)
        assert current in {1, 2}
    done = tiny.run_tiny(store.folder, seed=2)
    assert verify(done.folder).digests() == undisturbed
    assert seed_of_current(store) == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_told_to_stop_says_so_frees_the_store_and_leaves_no_kernel(
    store: Store, running: Running, number: signal.Signals
) -> None:
    """F3."""
    running.wait_for("Step 2 of 2")
    kernel = running.kernel()
    running.process.send_signal(number)
    began = time.monotonic()
    code, said = running.end()
    assert time.monotonic() - began < 30
    assert code == 4
    assert f"stopped by {number.name}" in said
    assert not (store.folder / HOLDER_NAME).exists()
    assert gone(kernel)
    (unfinished,) = store.staging.glob("*/log.jsonl")
    assert journal.read(unfinished)[-1]["event"] == "interrupted"
    assert journal.read(store.folder / journal.LOG_NAME)[-1]["event"] == "interrupted"
    assert seed_of_current(store) == 1


def test_a_killed_kernel_fails_the_run_and_not_the_store(store: Store, running: Running) -> None:
    """F4, and the half of F9 that a killer of processes sees."""
    running.wait_for("Step 2 of 2")
    running.kernel().kill()
    code, said = running.end()
    assert code == 4
    assert "It died without a word" in said
    assert seed_of_current(store) == 1


def test_a_kernel_does_not_outlive_its_killed_run(running: Running) -> None:
    """F4, the reverse."""
    running.wait_for("Step 2 of 2")
    kernel = running.kernel()
    running.process.kill()
    assert gone(kernel)


# Two steps side by side


@pytest.fixture
def two_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WORKERS, "2")


@pytest.mark.usefixtures("two_workers")
def test_steps_that_do_not_need_each_other_are_at_work_at_once_and_change_no_byte(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = Path(shutil.copytree(store.folder, store.folder.with_name("alone"), symlinks=True))
    abreast = tiny.run_tiny(store.folder, "until_third", 2, "after_second")
    events = [(line["event"], line.get("step")) for line in journal.read(abreast.folder / journal.LOG_NAME)]
    begun, done = (
        [events.index((event, step)) for step in ("10_first", "20_second", "30_third")]
        for event in ("step_started", "step_done")
    )
    assert begun[0] < done[0] < begun[1] < begun[2] < min(done[1:])
    monkeypatch.setenv(WORKERS, "1")
    one_by_one = tiny.run_tiny(alone, "second", 2, "third")
    told = [line["event"] for line in journal.read(one_by_one.folder / journal.LOG_NAME) if "step" in line]
    assert told == ["step_started", "step_done"] * 3
    assert verify(one_by_one.folder).digests() == verify(abreast.folder).digests()


@pytest.mark.usefixtures("two_workers")
def test_a_step_that_fails_beside_another_is_told_and_the_other_is_kept(store: Store) -> None:
    with pytest.raises(RunFailedError, match="Step 20_second stopped: KeyError at notebook"):
        tiny.run_tiny(store.folder, "tells_a_name", 2, "after_second")
    (log,) = store.staging.glob("*/log.jsonl")
    events = [(line["event"], line.get("step")) for line in journal.read(log)]
    assert {("step_failed", "20_second"), ("step_done", "30_third")} <= set(events)
    assert events[-1] == ("failed", None)
    with pytest.raises(RunFailedError, match="Step 20_second stopped: KeyError at notebook"):
        tiny.run_tiny(store.folder, "tells_a_name", 2, "after_second")
    assert ("step_kept", "30_third") in [(line["event"], line.get("step")) for line in journal.read(log)]
    assert seed_of_current(store) == 1


@pytest.mark.usefixtures("two_workers")
def test_of_two_steps_that_fail_each_has_its_own_kind_in_the_log(store: Store) -> None:
    with pytest.raises(RunFailedError, match=r"Step 20_second stopped: KeyError|Step 30_third stopped: ValueError"):
        tiny.run_tiny(store.folder, "tells_a_name", 2, "also_fails")
    (log,) = store.staging.glob("*/log.jsonl")
    failed = {line["step"]: line["error"] for line in journal.read(log) if line["event"] == "step_failed"}
    assert failed == {"20_second": "KeyError", "30_third": "ValueError"}


@pytest.mark.usefixtures("two_workers")
def test_a_step_begins_when_what_it_needs_is_made_though_it_is_still_being_shown(store: Store) -> None:
    """The second notebook shows what it has made until the third has made its own."""
    done = tiny.run_tiny(store.folder, "made_and_shown", 2, "of_second")
    events = [(line["event"], line.get("step")) for line in journal.read(done.folder / journal.LOG_NAME)]
    assert events.index(("step_started", "30_third")) < events.index(("step_done", "20_second"))
    assert (done.folder / "tables" / "third.txt").read_text() == (done.folder / "tables" / "second.txt").read_text() * 2
    verify(done.folder)


@pytest.mark.usefixtures("two_workers")
def test_a_notebook_that_changes_what_another_has_begun_with_fails_the_run(store: Store) -> None:
    with pytest.raises(RunFailedError, match="writes nothing behind the cell"):
        tiny.run_tiny(store.folder, "made_and_changed", 2, "of_second")
    assert seed_of_current(store) == 1


@pytest.mark.usefixtures("two_workers")
def test_a_step_that_fails_while_it_is_shown_fails_the_run_and_what_was_made_of_it_is_kept(store: Store) -> None:
    for kept in ([], ["30_third"]):
        with pytest.raises(RunFailedError, match="Step 20_second stopped: KeyError at notebook"):
            tiny.run_tiny(store.folder, "made_and_fails", 2, "of_second")
        (log,) = store.staging.glob("*/log.jsonl")
        assert [line["step"] for line in journal.read(log) if line["event"] == "step_kept"][1:] == kept
    assert seed_of_current(store) == 1


@pytest.mark.usefixtures("two_workers")
def test_the_kernel_that_was_started_ahead_goes_when_the_step_before_it_fails(store: Store) -> None:
    with pytest.raises(RunFailedError, match="Step 20_second stopped: KeyError at notebook"):
        tiny.run_tiny(store.folder, "tells_a_name", 2, "of_second")
    assert THREAD_NAME not in {thread.name for thread in threading.enumerate()}
    (log,) = store.staging.glob("*/log.jsonl")
    assert ("step_started", "30_third") not in [(line["event"], line.get("step")) for line in journal.read(log)]


@pytest.mark.usefixtures("two_workers")
def test_the_kernels_of_both_steps_that_come_next_are_started_ahead(store: Store) -> None:
    """The first notebook waits for them: it would fail after a minute."""
    done = tiny.run_tiny(store.folder, "second", 2, "awaited")
    assert (done.folder / "tables" / "third.txt").read_text() == "third\n"


@pytest.mark.usefixtures("two_workers")
def test_a_run_that_is_told_to_stop_leaves_neither_of_two_kernels(store: Store) -> None:
    run = Running(store, "slow", "slow_third")
    run.wait_for("Step 3 of 3")
    while len(kernels := run.kernels()) < 2:
        time.sleep(0.05)
    run.process.send_signal(signal.SIGTERM)
    code, said = run.end()
    assert (code, "stopped by SIGTERM" in said) == (4, True)
    assert all(gone(kernel) for kernel in kernels)
    assert seed_of_current(store) == 1


@pytest.mark.usefixtures("two_workers")
def test_a_run_killed_while_two_steps_are_at_work_ends_as_an_undisturbed_one(store: Store, tmp_path: Path) -> None:
    shutil.copytree(store.folder, tmp_path / "undisturbed", symlinks=True)
    run = Running(store, "second", "third")
    run.wait_for("Step 3 of 3")
    run.process.kill()
    run.end()
    done = tiny.run_tiny(store.folder, "second", 2, "third")
    whole = tiny.run_tiny(tmp_path / "undisturbed", "second", 2, "third")
    assert verify(done.folder).digests() == verify(whole.folder).digests()
    assert not any(store.staging.iterdir())


def test_a_full_file_system_stops_a_run_with_one_line(store: Store, tmp_path: Path) -> None:
    """F6 on a real file system of half a megabyte."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", small], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("no right to mount a small file system")
    try:
        inside = Store(small / "store")
        shutil.copytree(store.folder, inside.folder, symlinks=True)
        with (small / "filler").open("wb") as filler:
            filler.write(bytes(shutil.disk_usage(small).free - 8192))
        with pytest.raises(RunFailedError, match="The disk is full"):
            tiny.run_tiny(inside.folder, seed=2)
        assert seed_of_current(inside) == 1
        (small / "filler").unlink()
        tiny.run_tiny(inside.folder, seed=2)
        assert seed_of_current(inside) == 2
    finally:
        subprocess.run(["umount", small], check=True)


def test_a_limit_on_the_size_of_files_stops_a_run_with_one_line(store: Store, tmp_path: Path) -> None:
    """F6, the stand-in where nothing can be mounted."""
    code = f"import resource, sys\nresource.setrlimit(resource.RLIMIT_FSIZE, (2500, 2500))\nsys.path.insert(0, {str(HERE)!r})\n"
    code += f"import tiny\nsys.exit(tiny.main({str(store.folder)!r}, 'second', '2'))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 4
    assert "larger than the limit" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
    assert seed_of_current(store) == 1


def test_a_read_only_store_is_refused_before_any_work(store: Store) -> None:
    """F8."""
    bound = subprocess.run(["mount", "--bind", store.folder, store.folder], capture_output=True, check=False)
    if bound.returncode != 0:
        pytest.skip("no right to bind a folder")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", store.folder], check=True)
        with pytest.raises(RunFailedError, match="read-only"):
            tiny.run_tiny(store.folder, seed=2)
        assert not any(store.staging.iterdir())
        assert seed_of_current(store) == 1
    finally:
        subprocess.run(["umount", store.folder], check=True)


def test_something_in_the_way_of_the_store_is_refused_before_any_work(tmp_path: Path) -> None:
    """F8 for those who may write anywhere."""
    (tmp_path / "store").write_text("a file")
    with pytest.raises(UsageError, match="A store is a folder"):
        tiny.run_tiny(tmp_path / "store")


def test_a_second_run_on_a_held_store_is_refused_and_told_by_whom(store: Store) -> None:
    with held_store(store.folder):
        code, said = Running(store).end()
    assert code == 4
    assert f"Process {os.getpid()} holds it" in said


def test_the_error_of_a_notebook_keeps_its_words_and_an_unforeseen_one_its_place_alone(
    store: Store, tmp_path: Path
) -> None:
    with pytest.raises(RunFailedError, match=r"here: Only one run at a time.*Another process holds it"):
        tiny.run_tiny(store.folder, "house_error")
    with pytest.raises(
        RunFailedError, match=r"Step 20_second stopped: KeyError at notebook \(error [0-9a-f]{8}\)"
    ) as told:
        tiny.run_tiny(store.folder, "tells_a_name")
    assert "Anna" not in told.value.in_both_languages()
    outputs = [
        output
        for path in store.staging.glob("*/notebooks/20_second.ipynb")
        for cell in json.loads(path.read_text("utf-8"))["cells"]
        for output in cell.get("outputs", ())
    ]
    assert outputs
    assert "Anna" not in json.dumps(outputs, ensure_ascii=False)
    noted = [path.read_text("utf-8") for path in store.folder.rglob("*.json*")]
    assert not any("Anna" in text or "010101" in text for text in noted)


def test_a_delivery_that_changes_while_a_run_reads_it_stops_the_run_even_if_its_size_and_date_do_not(
    store: Store,
) -> None:
    with pytest.raises(RunFailedError, match="digests differ"):
        tiny.run_tiny(store.folder, "meddles", seed=2)
    assert seed_of_current(store) == 1


def test_a_file_that_no_step_declares_is_not_published(store: Store) -> None:
    with pytest.raises(RunFailedError, match=r"tables/extra\.txt.*declared"):
        tiny.run_tiny(store.folder, "undeclared", seed=2)
    assert seed_of_current(store) == 1
