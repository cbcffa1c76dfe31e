"""Kernels forked from one process: what they find imported, whose environment they have, and with whom they end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psutil
import pytest
from forked import ENDLESS_SECONDS, PATIENCE_SECONDS, asides, wait_until, waiting_for
from jupyter_client.kernelspec import KernelSpec
from test_papermilling import executed, printed

from riskmodel.runs.forking import START, ForkedProcess, ForkingProvisioner, Stem, can_fork, kernels_of
from riskmodel.runs.publish import Store
from riskmodel.runs.runner import Plan, _ahead_of_kernels
from riskmodel.runs.staging import kernel_environment
from riskmodel.settings import Settings
from riskmodel.sources import packing
from riskmodel.sources.history import PACKED_FOLDER

pytestmark = pytest.mark.skipif(not can_fork(), reason="kernels are forked on Linux alone")


@pytest.fixture
def stem() -> Iterator[Stem]:
    made = Stem({**os.environ, **kernel_environment(1)})
    yield made
    made.close()


def process_of(stem: Stem) -> psutil.Process:
    assert stem._process is not None
    return psutil.Process(stem._process.pid)


def test_a_later_kernel_finds_what_an_earlier_notebook_imported_and_none_of_its_names(
    stem: Stem, tmp_path: Path
) -> None:
    executed(tmp_path, "import colorsys\nsecret = 4711", stem=stem)
    look = "import sys\nprint('colorsys' in sys.modules, 'secret' in dir(), 'colorsys' in dir())"
    execution = executed(tmp_path, look, stem=stem)
    assert (execution.error_kind, printed(execution).strip()) == ("", "True False False")


def test_kernels_of_one_stem_are_different_children_of_it(stem: Stem, tmp_path: Path) -> None:
    own = [printed(executed(tmp_path, "import os\nprint(os.getpid(), os.getppid())", stem=stem)) for _ in range(2)]
    (first, parent), (second, same) = (text.split() for text in own)
    assert first != second
    assert parent == same == str(process_of(stem).pid)


def test_a_kernel_has_the_variables_of_its_run_and_not_those_of_the_stem(tmp_path: Path) -> None:
    other = Stem({**os.environ, "RISKMODEL_OF_THE_STEM": "here"})
    try:
        execution = executed(
            tmp_path,
            "import os\nprint(os.environ.get('RISKMODEL_OF_THE_STEM'), os.environ['OMP_NUM_THREADS'])",
            stem=other,
        )
    finally:
        other.close()
    assert printed(execution).strip() == "None 1"


def test_what_was_warmed_up_is_imported_already(stem: Stem, tmp_path: Path) -> None:
    stem.warm_up("import colorsys\nimport no_such_module_anywhere")
    assert printed(executed(tmp_path, "import sys\nprint('colorsys' in sys.modules)", stem=stem)).strip() == "True"


def test_what_numba_reads_before_the_first_loop_can_be_read_by_the_stem(stem: Stem, tmp_path: Path) -> None:
    stem.warm_up("from riskmodel.compiled import load_compiler; load_compiler()")
    look = "import sys\nprint('numba.np.linalg' in sys.modules)"
    assert printed(executed(tmp_path, look, stem=stem)).strip() == "True"


def test_the_stem_can_load_lightgbm_without_scikit_learn_which_may_still_be_imported(
    stem: Stem, tmp_path: Path
) -> None:
    stem.warm_up("from riskmodel.risk.boosting import load_library; load_library()")
    look = "import sys\nprint('lightgbm' in sys.modules, 'sklearn' in sys.modules)\n__import__('sklearn.ensemble')"
    execution = executed(tmp_path, look, stem=stem)
    assert (execution.error_kind, printed(execution).strip()) == ("", "True False")


def test_what_a_run_asks_of_its_stem_can_be_done_whatever_the_store_is_called(tmp_path: Path) -> None:
    store, looked_at = Store(tmp_path / "it's \n \u2028 \\ here"), packing._has_digests.cache_info().misses
    made = store.folder / PACKED_FOLDER / "some"
    made.mkdir(parents=True)
    for name in (*packing.FILES, packing.DIGESTS_FILE):
        (made / name).write_text("{}", "utf-8")
    settings = Settings(cut_off_date=date(2024, 12, 20))
    statements = _ahead_of_kernels(Plan(store.folder, settings), store).splitlines()
    for statement in statements:
        exec(statement, {})
    assert "from riskmodel.runs import looking, reporting" in statements  # of the last notebook
    assert packing._has_digests.cache_info().misses == looked_at + 1


def test_a_stem_that_cannot_be_started_stops_nobody_who_only_warms_it_up(tmp_path: Path) -> None:
    none = Stem(dict(os.environ), (str(tmp_path / "no-python"),))
    none.warm_up("import colorsys")
    assert executed(tmp_path, "1 + 1", stem=none).error_kind == ""  # from a kernel that was started in the ordinary way
    none.close()


def test_an_import_that_fails_is_the_error_of_its_cell_and_the_stem_goes_on(stem: Stem, tmp_path: Path) -> None:
    assert executed(tmp_path, "import no_such_module_anywhere", stem=stem).error_kind == "ModuleNotFoundError"
    assert executed(tmp_path, "1 + 1", stem=stem).error_kind == ""


def test_a_stem_that_was_killed_is_replaced(stem: Stem, tmp_path: Path) -> None:
    executed(tmp_path, "1 + 1", stem=stem)
    process_of(stem).kill()
    assert executed(tmp_path, "1 + 1", stem=stem).error_kind == ""


def test_a_kernel_ends_with_its_stem(stem: Stem, tmp_path: Path) -> None:
    forked = stem.fork(["-f", str(tmp_path / "kernel.json")], "", dict(os.environ))
    assert forked.poll() is None
    stem.close()
    assert forked.wait(PATIENCE_SECONDS) != 0


def test_a_forked_process_is_waited_for_and_killed_like_any_other(stem: Stem, tmp_path: Path) -> None:
    forked = stem.fork(["-f", str(tmp_path / "kernel.json")], "", dict(os.environ))
    with pytest.raises(subprocess.TimeoutExpired):
        forked.wait(0)
    forked.send_signal(signal.SIGKILL)
    assert forked.wait(PATIENCE_SECONDS) == forked.poll() != 0
    forked.kill()  # and again, without harm


def aside(code: str) -> str:
    """Return the one line by which a process executes ``code``."""
    return f"exec({code!r})"


def test_work_aside_is_done_by_a_process_of_its_own_that_finds_what_was_imported(stem: Stem, tmp_path: Path) -> None:
    stem.warm_up("import colorsys")
    told = tmp_path / "told"
    look = f"""
import os, pathlib, sys
part = pathlib.Path({str(told)!r} + ".part")
part.write_text(str(("colorsys" in sys.modules, os.getppid())))
part.rename({str(told)!r})
"""
    stem.fork_aside(aside(look))
    wait_until(told.exists)
    assert told.read_text() == str((True, process_of(stem).pid))
    wait_until(lambda: not asides())


def test_work_aside_ends_with_its_stem(stem: Stem, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    stem.fork_aside(f"import pathlib, time; pathlib.Path({str(begun)!r}).touch(); time.sleep(600)")
    wait_until(begun.exists)
    at_work = asides()
    assert len(at_work) == 1
    process_of(stem).kill()
    _, alive = psutil.wait_procs(at_work, PATIENCE_SECONDS)
    assert not alive


def test_a_kernel_gets_its_own_answer_after_work_aside_that_is_never_heard_of(stem: Stem, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    stem.warm_up(waiting_for(tmp_path / "later"))
    stem.fork_aside(f"import pathlib, time; pathlib.Path({str(begun)!r}).touch(); time.sleep({ENDLESS_SECONDS})")
    (tmp_path / "later").touch()
    forked = stem.fork(["-f", str(tmp_path / "kernel.json")], "", dict(os.environ))
    wait_until(begun.exists)
    assert len(asides()) == 1
    assert forked.pid != asides()[0].pid
    assert kernels_of(os.getpid()) == [forked.pid]


def test_after_the_end_of_a_stem_that_was_asked_for_work_aside_kernels_come_from_another(
    stem: Stem, tmp_path: Path
) -> None:
    stem.warm_up("import time; time.sleep(600)")
    stem.fork_aside("pass")
    first = process_of(stem)
    first.kill()
    stem._process.wait()
    forked = stem.fork(["-f", str(tmp_path / "kernel.json")], "", dict(os.environ))
    assert process_of(stem) != first
    assert psutil.Process(forked.pid).ppid() == process_of(stem).pid


def test_a_kernel_that_was_killed_has_ended_when_that_is_told(stem: Stem, tmp_path: Path) -> None:
    provisioner = ForkingProvisioner(kernel_id="one", kernel_spec=KernelSpec())
    provisioner.process = forked = stem.fork(["-f", str(tmp_path / "kernel.json")], "", dict(os.environ))
    asyncio.run(provisioner.kill())
    assert forked.poll() is not None
    asyncio.run(provisioner.kill())  # and again, without harm


def test_the_work_of_a_kernel_is_counted_while_it_lives_and_when_it_has_ended(stem: Stem, tmp_path: Path) -> None:
    work = "import time\nwhile time.process_time() < 0.8:\n    pass\nprint(time.process_time())"
    execution = executed(tmp_path, work, stem=stem)
    assert execution.cpu_seconds >= 0.75  # the system counts in hundredths
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (ended := process_of(stem).cpu_times()).children_user + ended.children_system < 0.75:
        assert time.monotonic() < deadline, "a kernel that ended is collected, with what it used"
        time.sleep(0.05)
    assert process_of(stem).children() == []


def test_a_kernel_that_ended_is_collected_also_when_the_news_interrupt_no_wait_of_the_stem(tmp_path: Path) -> None:
    # As news do that come just before the wait: here for certain, because another thread gets them.
    elsewhere = (
        f"import signal, threading, time; threading.Thread(target=time.sleep, args=({ENDLESS_SECONDS},), daemon=True).start(); "
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD]); "
    )
    deaf = Stem(dict(os.environ), (sys.executable, "-P", "-c", elsewhere + START))
    try:
        forked = deaf.fork(["-f", str(tmp_path / "kernel.json")], "", dict(os.environ))
        deadline = time.monotonic() + PATIENCE_SECONDS
        while kernels_of(os.getpid()) != [forked.pid]:  # then the stem waits for its next question
            assert time.monotonic() < deadline, "a kernel that was asked for is not there"
            time.sleep(0.05)
        forked.kill()
        forked.wait(PATIENCE_SECONDS)
        while process_of(deaf).children():
            assert time.monotonic() < deadline, "a kernel that ended is still there"
            time.sleep(0.05)
    finally:
        deaf.close()


def test_no_thread_is_left_behind_that_the_end_of_the_process_would_wait_for(stem: Stem, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    executed(tmp_path, "1 + 1", stem=stem)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while left := [thread for thread in threading.enumerate() if thread not in before and not thread.daemon]:
        assert time.monotonic() < deadline, f"a thread waits on: {left}"
        time.sleep(0.05)


def test_a_process_that_is_gone_already_has_ended() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    assert ForkedProcess(child.pid).poll() is not None
