"""Every change that a run makes to its store fails once, or is the last thing that the process does.

``python sweep.py FOLDER FAULT FIRST STEP`` with ``shim.c`` preloaded. FAULT is ENOSPC, EIO or KILL; the faults
strike at the changes number FIRST, FIRST + STEP, … until a run passes. Steps run in this process and runs in
forks of it, so that hundreds of them take a minute. Prints one JSON object.
"""

from __future__ import annotations

import contextlib
import errno
import json
import mmap
import os
import shutil
import struct
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import nbformat
import tiny

from riskmodel.errors import RiskmodelError
from riskmodel.runs import staging
from riskmodel.runs.lock import HOLDER_NAME
from riskmodel.runs.manifest import verify
from riskmodel.runs.papermilling import Execution
from riskmodel.runs.publish import Store, current_run

KILL = 9999
FAULTS = {"ENOSPC": errno.ENOSPC, "EIO": -errno.EIO, "KILL": KILL}
OLD_SEED, NEW_SEED = 1, 2
MOST_CHANGES = 2000


def prepare_here(
    notebook: Path, parameters: Mapping[str, object], environment: Mapping[str, str], *_: object
) -> Execution:
    """Stand in for papermill: the same notebook, in this process."""
    read, names = nbformat.read(notebook, as_version=4), dict[str, object]()
    cells = [cell.source for cell in read.cells]
    cells.insert(1, "\n".join(f"{name} = {value!r}" for name, value in parameters.items()))

    def execute(execution: Execution) -> None:
        execution.wait_to_go_on()
        try:
            for cell in cells:
                exec(compile(cell, notebook.name, "exec"), names)
        except OSError as error:
            execution.error_kind, execution.error_number = type(error).__name__, error.errno or 0

    return Execution(execute, environment, notebook=read)


@dataclass
class Switch:
    """The numbers that the shim reads."""

    shared: mmap.mmap

    @contextlib.contextmanager
    def armed(self, at: int, what: int) -> Iterator[None]:
        """Let the change number ``at`` fail while the block runs."""
        self.shared[:] = struct.pack("3q", 0, at, what)
        try:
            yield
        finally:
            changes = self.changes
            self.shared[:] = struct.pack("3q", changes, 0, 0)

    @property
    def changes(self) -> int:
        """Changes counted since it was armed last."""
        return int(struct.unpack("3q", self.shared[:])[0])


def run_in_fork(store: Path, errors: Path) -> int:
    """Run in a fork; returns its exit code, negative for a signal."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
            tiny.run_tiny(store, seed=NEW_SEED)
            code = 0
        except RiskmodelError as error:
            os.write(2, error.in_language("en").encode())
            code = error.exit_code
        except BaseException:  # noqa: BLE001  (a fork must not come back; the parent sees code 99 and the text)
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def complaints(folder: Path, undisturbed: dict[str, str], code: int, said: str, *, is_killed: bool) -> list[str]:
    """Return what is wrong after a disturbed run: the oracle that all faults share."""
    store = Store(folder)
    found = []
    current = current_run(store)
    if current is None:
        return ["nothing is current"]
    manifest = verify(store.run(current))
    if manifest.seed not in {OLD_SEED, NEW_SEED}:
        found.append("another run is current")
    if code == 0 and manifest.seed != NEW_SEED:
        found.append("said done, and the old run is current")
    if code == 4 and manifest.seed == NEW_SEED and "is current" not in said:
        found.append("said failed, and the new run is current")
    if not is_killed and (code not in {0, 4} or (code == 4 and (not said.strip() or "\n" in said.strip()))):
        found.append(f"code {code}, said: {said[-400:]}")
    try:
        tiny.run_tiny(folder, seed=NEW_SEED)
    except RiskmodelError as error:
        return [*found, f"the rerun failed: {error}"]
    again = verify(store.run(current_run(store) or ""))
    if again.digests() != undisturbed:
        found.append("the rerun has other digests")
    left = [path.name for path in store.staging.iterdir()] + [path.name for path in folder.glob(".*")]
    if left or (folder / HOLDER_NAME).exists() or (folder / "current.next").is_symlink():
        found.append(f"leftovers: {left}")
    return found


def main(folder: Path, fault: str, first: int, step: int) -> dict[str, object]:
    """Sweep, and return how many runs were disturbed and what was wrong after them."""
    staging.prepare = prepare_here
    with Path(os.environ["FAULT_CONTROL"]).open("r+b") as file:
        switch = Switch(mmap.mmap(file.fileno(), 24))
    store = Path(os.environ["FAULT_ROOT"])
    old = folder / "old"
    tiny.deliver(old)
    tiny.run_tiny(old, seed=OLD_SEED)
    undisturbed = folder / "undisturbed"
    shutil.copytree(old, undisturbed, symlinks=True)
    digests = verify(tiny.run_tiny(undisturbed, seed=NEW_SEED).folder).digests()

    wrong, codes, changes = {}, [], 0
    for at in range(first, MOST_CHANGES, step):
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(old, store, symlinks=True)
        with switch.armed(at, FAULTS[fault]):
            code = run_in_fork(store, folder / "said")
            changes = switch.changes
        found = complaints(store, digests, code, (folder / "said").read_text(), is_killed=fault == "KILL")
        if found:
            wrong[at] = found
        codes.append(code)
        if changes < at:
            break
    return {"fault": fault, "runs": len(codes), "changes": changes, "codes": sorted(set(codes)), "wrong": wrong}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
