"""A run in work: its steps, each after those whose files it needs, what is known of the finished ones, and the seal at the end."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from riskmodel.digests import digest_of_file, state_of
from riskmodel.errors import RiskmodelError, RunFailedError
from riskmodel.memory import arrow_environment
from riskmodel.messages import Message, message
from riskmodel.runs import gate_report, gates, journal
from riskmodel.runs.durable import (
    Digests,
    digest_of,
    disk_failure,
    files_below,
    is_part,
    sync_files,
    write_file,
    write_json,
)
from riskmodel.runs.failure import FAILURE_ENDING, STEP, Failure, error_id, failure_file, read_failure, step_failed
from riskmodel.runs.forking import Stem
from riskmodel.runs.gate_report import Gate
from riskmodel.runs.manifest import Code, Manifest, Source, StepEntry, entries, environment
from riskmodel.runs.papermilling import DEAD_KERNEL, Execution, cleaned, prepare, stop, wait_for_one
from riskmodel.runs.parameters import Plain
from riskmodel.runs.parquet import row_count
from riskmodel.runs.parts import workers
from riskmodel.runs.publish import STORE_MODE, Store, current_run, remove, seal
from riskmodel.runs.steps import INPUTS, Step, known_files, makers
from riskmodel.runs.timing import start_seconds
from riskmodel.settings import Settings

Say = Callable[[Message], None]
STEPS_AT_ONCE = 2
"""More would not be ready, and each holds its tables in memory."""

NOT_GIVEN: Mapping[str, Plain] = {"horizon_on": "", "capacity_places": 0}
"""How a notebook is told that a setting was not given."""


@dataclass(frozen=True)
class Pipeline:
    """Which notebooks run, in which order, and the gates that stand before publishing."""

    steps: tuple[Step, ...]
    notebooks: Path
    gates: tuple[gates.Check, ...] = gates.SEMESTER

    def notebook(self, step: Step) -> Path:
        """Return the path of a step's notebook."""
        return self.notebooks / f"{step.notebook}.ipynb"


def parameters_of(step: Step, settings: Settings, run_folder: Path) -> dict[str, Plain]:
    """Return what a step's notebook is given: the run folder and plain settings, dates as ISO text."""
    values = settings.model_dump(mode="json")
    given = {name: NOT_GIVEN[name] if values[name] is None else values[name] for name in step.takes}
    return {"run_folder": str(run_folder), **given}


@dataclass
class AtWork:
    """A step whose notebook is executed; ``key`` is the digest of all that it depends on.

    ``made`` are the states of its files, by name, as soon as all are there: its notebook may go on showing them.
    ``is_kept``: they were forced to the disk and digested since.
    """

    step: Step
    execution: Execution
    key: str = ""
    made: dict[str, tuple[int, ...]] | None = None
    is_kept: bool = False


class _Ahead:
    """The kernels of the steps that come next, started while the step before them is at work; they wait with their first cell."""

    def __init__(self) -> None:
        self._waiting: dict[str, Execution] = {}

    def begin(self, step: Step, execution: Callable[[], Execution]) -> None:
        """Start the kernel of ``step``, unless it is waiting already."""
        if step.notebook not in self._waiting:
            self._waiting[step.notebook] = execution()
            self._waiting[step.notebook].begin(ahead=True)

    def of(self, step: Step) -> Execution | None:
        """Return the execution of ``step`` if its kernel waits."""
        return self._waiting.get(step.notebook)

    def let_go(self, step: Step) -> None:
        """Leave the execution of ``step`` to who has it now."""
        self._waiting.pop(step.notebook, None)

    def stop(self) -> None:
        """Stop the kernels that nobody took."""
        stop(list(self._waiting.values()))


@dataclass(frozen=True)
class Work:
    """A run in staging."""

    run_id: str
    store: Store
    pipeline: Pipeline
    settings: Settings
    inputs: Mapping[str, Any]
    code: Code
    digests: Digests = field(default_factory=Digests, compare=False)
    stem: Stem | None = field(default=None, compare=False)

    @property
    def folder(self) -> Path:
        """The run folder, while it is in staging."""
        return self.store.staging / self.run_id

    @property
    def marks(self) -> Path:
        """Where the finished steps are noted."""
        return self.store.steps_of(self.run_id)

    @property
    def log(self) -> Path:
        """The run's log."""
        return self.folder / journal.LOG_NAME

    def begin(self) -> None:
        """Make the folders, or find them as an earlier, unfinished run of the same plan left them."""
        again = self.folder.exists()
        for folder in (self.folder, self.marks, self.folder / "notebooks"):
            folder.mkdir(mode=STORE_MODE, exist_ok=True)
        for path in [*files_below(self.folder), *files_below(self.marks)]:
            if is_part(path):
                path.unlink()
            else:
                # A seal that was interrupted has taken the write permission of some files.
                path.chmod(0o640)
        for path in (self.folder / "manifest.json", *self.marks.glob(f"*{FAILURE_ENDING}")):
            path.unlink(missing_ok=True)
        write_json(self.folder / INPUTS, self.inputs)
        journal.record(self.log, event="resumed" if again else "started", run_id=self.run_id, pid=os.getpid())

    def do_steps(self, say: Say) -> None:
        """Do every step that is not done yet, each as soon as all is made that it needs.

        Where there are two workers, two steps that do not need each other are done side by side, and a step does not
        wait for the notebook before it to show what it has made. When one fails, no other begins, and one that is at
        work goes on to its end: the next run need not do it again.

        Raises
        ------
        RiskmodelError
            When a step did not finish: what its notebook raised, or that it stopped.
        """
        left, done, at_work = list(self.pipeline.steps), set[str](), list[AtWork]()
        most, failed, ahead = min(workers(), STEPS_AT_ONCE), list[RiskmodelError](), _Ahead()
        look = self._looking(say)
        try:
            while left or at_work:
                shown = {one.step.notebook for one in at_work if one.made is not None and most > 1}
                ready = next((step for step in left if makers(step, self.pipeline.steps) <= done | shown), None)
                if ready is not None and len(at_work) - len(shown) < most:
                    left.remove(ready)
                    if not self._begin(ready, at_work, ahead, say):
                        done.add(ready.notebook)
                    continue
                if len(at_work) < most:
                    self._start_ahead(left, done | {one.step.notebook for one in at_work}, most, ahead)
                self._keep(at_work)  # after the next step was begun: it need not wait for the disk
                made_unnoticed = [one.execution.making for one in at_work if one.made is None]
                wait_for_one([*(one.execution.work for one in at_work), *made_unnoticed], look)
                for one in [one for one in at_work if one.execution.is_over]:
                    at_work.remove(one)
                    if failure := self._failure(one):
                        failed.append(step_failed(one.step.notebook, failure))
                        left.clear()
                    else:
                        self._mark(one, say)
                        done.add(one.step.notebook)
                for one in at_work:
                    if one.made is None and one.execution.has_made:
                        self._require_all(one.step)
                        one.made = self._states_of(one.step)
        except BaseException:
            stop([one.execution for one in at_work])
            raise
        finally:
            ahead.stop()
        if failed:
            raise failed[0]

    def _start_ahead(self, left: Sequence[Step], coming: set[str], most: int, ahead: _Ahead) -> None:
        """Start the kernels of the steps that may begin, ``most`` of them at once, when those of ``coming`` are done."""
        for step in [step for step in left if makers(step, self.pipeline.steps) <= coming][:most]:
            if not self._mark_of(step).exists():
                ahead.begin(step, partial(self._execution, step))

    def _begin(self, step: Step, at_work: list[AtWork], ahead: _Ahead, say: Say) -> bool:
        """Begin a step, in the kernel that waits ahead where it is its own; return False for one that is done already."""
        if not self._is_to_do(step, say):
            return False
        execution = ahead.of(step) or self._execution(step)
        # In the list before it begins: a signal may come at any point, and then all in it are stopped.
        at_work.append(one := AtWork(step, execution))
        ahead.let_go(step)
        execution.begin()
        one.key = self._key(step)  # it need not wait for the digests of what it reads
        return True

    def _looking(self, say: Say) -> Callable[[], None]:
        log = journal.Follower(self.log)

        def look() -> None:
            for line in log.lines():
                if line["event"] in {journal.PART_DONE, journal.PART_KEPT}:
                    say(journal.part_words(line))

        return look

    def _key(self, step: Step) -> str:
        given = parameters_of(step, self.settings, Path("run"))
        needs = {name: self.digests.of(self.folder / name) for name in step.needs}
        notebook = digest_of_file(self.pipeline.notebook(step))
        return digest_of({"run_id": self.run_id, "notebook": notebook, "given": given, "needs": needs})

    def _mark_of(self, step: Step) -> Path:
        return self.marks / f"{step.notebook}.json"

    def _executed(self, step: Step) -> Path:
        return self.folder / "notebooks" / f"{step.notebook}.ipynb"

    def _files(self, step: Step) -> list[Path]:
        """Return the files that a step has made, but for its executed notebook."""
        paths = [self.folder / name for name in step.makes]
        return [file for path in paths for file in (files_below(path) if path.is_dir() else [path])]

    def _made(self, step: Step) -> list[Path]:
        """Return all files that a step has made."""
        return [*self._files(step), self._executed(step)]

    def _states_of(self, step: Step) -> dict[str, tuple[int, ...]]:
        return {file.relative_to(self.folder).as_posix(): state_of(file) for file in self._files(step)}

    def _keep(self, at_work: Iterable[AtWork]) -> None:
        """Force to the disk and digest what steps have made, while their notebooks show it."""
        for one in (one for one in at_work if one.made is not None and not one.is_kept):
            files = self._files(one.step)
            sync_files(files)
            self._digests_of(files)
            one.is_kept = True

    def _is_done(self, step: Step) -> bool:
        path = self._mark_of(step)
        if not path.exists():
            return False
        mark = json.loads(path.read_text("utf-8"))
        if mark["key"] != self._key(step):
            return False
        made = {file.relative_to(self.folder).as_posix(): file for file in self._made(step)}
        return made.keys() == mark["made"].keys() and all(
            file.is_file() and self.digests.of(file) == mark["made"][name] for name, file in made.items()
        )

    def _told(self, step: Step) -> dict[str, object]:
        steps = self.pipeline.steps
        return {"number": steps.index(step) + 1, "count": len(steps), "name": step.words}

    def _is_to_do(self, step: Step, say: Say) -> bool:
        """Return whether a step is to begin now, whose old files are away then; it may be done already."""
        if self._is_done(step):
            say(message("Step {number} of {count}, {name}: already done.", **self._told(step)))
            journal.record(self.log, event="step_kept", step=step.notebook)
            return False
        say(message("Step {number} of {count}, {name} …", **self._told(step)))
        remove(self._mark_of(step))
        remove(failure_file(self.marks, step.notebook))
        for name in step.makes:
            remove(self.folder / name)
        journal.record(self.log, event="step_started", step=step.notebook)
        return True

    def _execution(self, step: Step) -> Execution:
        """Return the execution of a step's notebook."""
        given = parameters_of(step, self.settings, self.folder)
        environment = {**kernel_environment(self.settings.threads), STEP: step.notebook}
        return prepare(self.pipeline.notebook(step), given, environment, self.stem)

    def _failure(self, one: AtWork) -> Failure | None:
        """Write the executed notebook; return why the step did not finish, None when it did."""
        step, execution = one.step, one.execution.result()
        failure = self._failure_of(step, execution)
        text = f"{failure.kind} at {failure.place} (error {failure.error_id})" if failure else ""
        executed = cleaned(execution.notebook, text)
        write_file(self._executed(step), executed)
        if failure:
            journal.record(
                self.log,
                event="step_failed",
                step=step.notebook,
                error=failure.kind,
                place=failure.place,
                error_id=failure.error_id,
            )
        return failure

    def _failure_of(self, step: Step, execution: Execution) -> Failure | None:
        if not execution.error_kind:
            return None
        noted = read_failure(self.marks, step.notebook, self.store.folder)
        if noted is not None:
            return noted
        error: RiskmodelError | None = None
        if execution.error_kind == DEAD_KERNEL:
            error = _kernel_died()
        elif execution.error_number:
            error = disk_failure(OSError(execution.error_number, ""), self.store.folder)
        return Failure(execution.error_kind, "notebook", error_id(execution.error_kind, "notebook"), error)

    def _mark(self, one: AtWork, say: Say) -> None:
        step, execution = one.step, one.execution
        start_up = start_seconds(execution.notebook, execution.seconds)
        self._require_all(step)
        made = self._made(step)
        sync_files(made)
        measured = {
            "seconds": execution.seconds,
            "start_seconds": start_up,
            "cpu_seconds": execution.cpu_seconds,
            "peak_mb": execution.peak_mb,
        }
        if one.made not in (None, self._states_of(step)):
            raise RunFailedError(
                message("A notebook writes nothing behind the cell that says that all is made."),
                found=message("Step {step} did.", step=step.notebook),
                remedy=message("Correct the notebook: move the tag to the last cell that writes."),
            )
        journal.record(self.log, event="step_done", step=step.notebook, **measured)
        write_json(self._mark_of(step), {"key": one.key, "made": self._digests_of(made), **measured})
        values = {**self._told(step), "seconds": execution.seconds, "start_up": start_up}
        say(message("Step {number} of {count}, {name}: {seconds:.1f} s (start-up {start_up:.1f} s).", **values))

    def _require_all(self, step: Step) -> None:
        missing = [name for name in step.makes if not (self.folder / name).exists()]
        if missing:
            raise RunFailedError(
                message("A step makes the files that are declared for it."),
                found=message("Step {step} did not make {name}.", step=step.notebook, name=missing[0]),
                remedy=message("Correct the notebook or the table of steps."),
            )

    def _digests_of(self, files: Iterable[Path]) -> dict[str, str]:
        return {file.relative_to(self.folder).as_posix(): self.digests.of(file) for file in files}

    def note_failure(self, error: RiskmodelError, event: str = "failed") -> None:
        """Note in the log that the run ended here; a disk that refuses this too changes nothing."""
        with contextlib.suppress(OSError):
            for log in (self.log, self.store.folder / journal.LOG_NAME):
                journal.record(log, event=event, run_id=self.run_id, error=type(error).__name__)

    def seal(self) -> tuple[Manifest, tuple[Gate, ...]]:
        """Measure the gates, write timings and manifest, and force all to the disk: the run is whole."""
        predecessor = current_run(self.store)
        marks = {step.notebook: json.loads(self._mark_of(step).read_text("utf-8")) for step in self.pipeline.steps}
        measured = ("seconds", "start_seconds", "cpu_seconds", "peak_mb")
        timings = {name: {part: mark.get(part, 0.0) for part in measured} for name, mark in marks.items()}
        write_json(self.folder / "timings.json", timings)
        before = self.store.run(predecessor) if predecessor and predecessor != self.run_id else None
        evidence = gates.Evidence(self.folder, before if before and before.exists() else None, self.settings)
        checked = tuple(check(evidence) for check in self.pipeline.gates)
        gate_report.write(self.folder, checked)
        state = "passed" if all(gate.is_passed for gate in checked) else "held"
        journal.record(self.log, event="sealed", run_id=self.run_id, state=state)
        files = entries(self.folder, known_files(self.pipeline.steps), self.digests.of)
        manifest = Manifest(
            run_id=self.run_id,
            cut_off_date=self.settings.cut_off_date,
            state="passed" if state == "passed" else "held",
            predecessor=before.name if before else None,
            started_at=str(journal.read(self.log)[0]["at"]),
            finished_at=journal.now(),
            sources=tuple(Source.model_validate(source) for source in self.inputs["sources"]),
            previous_run=self.inputs["previous_run"],
            parameters=self.settings.model_dump(mode="json"),
            capacity=self.inputs["capacity"],
            seed=self.settings.seed,
            threads=self.settings.threads,
            code=self.code,
            environment=environment(),
            rows=self.inputs["rows"],
            steps=tuple(self._entry(step, marks[step.notebook]) for step in self.pipeline.steps),
            files=files,
            result_sha256=digest_of({name: file.sha256 for name, file in files.items() if file.is_deterministic}),
        )
        seal(self.folder, manifest)
        return manifest, checked

    def _entry(self, step: Step, mark: Mapping[str, Any]) -> StepEntry:
        tables = [name for name in mark["made"] if name.endswith(".parquet")]
        rows = {Path(name).stem: row_count(self.folder / name) for name in tables}
        return StepEntry(
            name=step.notebook,
            key=mark["key"],
            seconds=mark["seconds"],
            start_seconds=mark["start_seconds"],
            cpu_seconds=mark.get("cpu_seconds", 0.0),
            peak_mb=mark["peak_mb"],
            rows=rows,
        )


def kernel_environment(threads: int) -> dict[str, str]:
    """Return the variables that make a kernel's arithmetic the same on every start, and keep its memory together.

    ``MALLOC_ARENA_MAX``: threads share two heaps of the C library; each would leave a heap of its own behind.
    ``GLIBC_TUNABLES``: large tables ask the system for large pages; to make a page and to find it again costs less then.
    """
    pools = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    return {
        **{name: str(threads) for name in pools},
        "PYTHONHASHSEED": "0",
        "TZ": "UTC",
        "MALLOC_ARENA_MAX": "2",
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
        **arrow_environment(),
    }


def _kernel_died() -> RunFailedError:
    return RunFailedError(
        message("The process of a notebook must live until its step is done."),
        found=message("It died without a word; most often the memory did not suffice."),
        remedy=message("Free memory, then give the same command again: finished steps are kept."),
    )
