"""The semester run: deliveries → staging → steps by papermill → sealed → gates → published or held.

The runner knows the order, the store and the faults; what a step computes is the notebooks' affair.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Literal

from riskmodel.digests import digest_of_file
from riskmodel.errors import RiskmodelError, RunFailedError, RunHeldError, UsageError
from riskmodel.memory import share_heaps
from riskmodel.messages import Message, message
from riskmodel.runs import gate_report, journal, parameters
from riskmodel.runs.ahead import Ahead, ahead_of_delivery
from riskmodel.runs.apart import in_own_process
from riskmodel.runs.durable import Digests, digest_of, digest_of_files, disk_failure, files_below
from riskmodel.runs.earlier import previous_run
from riskmodel.runs.forking import Stem, can_fork
from riskmodel.runs.gate_report import Gate
from riskmodel.runs.lock import held_store
from riskmodel.runs.lotteries import lotteries_before
from riskmodel.runs.manifest import Code, Manifest, code_of_this_process, read_manifest
from riskmodel.runs.papermilling import imports_in, load_papermill
from riskmodel.runs.parts import check_executor, parts_of_run
from riskmodel.runs.publish import (
    Store,
    current_run,
    finish,
    is_valid,
    move_to_runs,
    open_store,
    remove_leftovers,
)
from riskmodel.runs.staging import Pipeline, Work, kernel_environment, parameters_of
from riskmodel.runs.steps import SEMESTER
from riskmodel.runs.supported import feedback_of, receive_support, spent_of
from riskmodel.settings import Settings, notebook_folder
from riskmodel.sources import deliveries
from riskmodel.sources.decoding import Limits
from riskmodel.sources.history import PACKED_FOLDER

Say = Callable[[Message], None]
State = Literal["published", "unchanged", "held", "overtaken"]


def semester_pipeline() -> Pipeline:
    """Return the pipeline of a semester: the notebooks of this checkout or installation."""
    return Pipeline(SEMESTER, notebook_folder())


@dataclass(frozen=True)
class Plan:
    """What a run is asked to do.

    ``delivery`` None: the deliveries that the store holds already. ``capacity`` are places by school id, where
    the operator gave a file; else the delivered capacity, ``settings.capacity_places`` or the assumed share.
    """

    store: Path
    settings: Settings
    delivery: Path | None = None
    key_file: Path | None = None
    capacity: Mapping[str, int] | None = None
    must_resume: bool = False
    pipeline: Pipeline = field(default_factory=semester_pipeline)


@dataclass(frozen=True)
class Done:
    """What came of a run.

    ``published``: it is current now. ``unchanged``: it was there, whole, and nothing was done. ``held``: a gate
    did not pass, a named person may release it. ``overtaken``: it is there, and a later run is current.
    """

    run_id: str
    folder: Path
    state: State
    gates: tuple[Gate, ...]


class RunInterruptedError(RunFailedError):
    """The run was stopped by a signal."""


def run(plan: Plan, say: Say) -> Done:
    """Return the run that ``plan`` asks for, published, held or found unchanged.

    Steps that an earlier, unfinished run of the same plan has done are not done again. A run of the same
    deliveries, code and settings that is there already is verified, and nothing else happens.

    Raises
    ------
    UsageError
        For a notebook, setting, path, number of workers or cluster that cannot be: before anything starts.
    DeliveryError
        For a delivery that cannot be used.
    RunFailedError
        When the run could not finish; the run before stays current.
    """
    for step in plan.pipeline.steps:
        given = parameters_of(step, plan.settings, Path("run"))
        parameters.check(plan.pipeline.notebook(step), given)
    share_heaps()
    store = open_store(plan.store)
    check_executor(store.folder)
    try:
        with (
            _stopped_by_signals(),
            held_store(store.folder),
            _stem(plan) as stem,
            ahead_of_delivery(store, stem) as ahead,
        ):
            digests = Digests()
            if plan.delivery is not None:
                if stem is not None:
                    # While the delivery is read, which seldom has work for every core.
                    stem.warm_up(_ahead_of_kernels(plan, store))
                _receive(plan, plan.delivery, store, digests, say, ahead)
            _receive_support(plan, store, say)
            return _run(plan, store, _inputs(plan, store, digests, say), digests, say, ahead)
    except OSError as error:
        raise disk_failure(error, store.folder) from error


def _ahead_of_kernels(plan: Plan, store: Store) -> str:
    """Return the statements by which the process that kernels are forked from does what each of them would do again."""
    packed = str(store.folder / PACKED_FOLDER)
    return "\n".join(
        (
            *(imports_in(plan.pipeline.notebook(step)) for step in plan.pipeline.steps),
            "from riskmodel.compiled import load_compiler; load_compiler()",
            "from riskmodel.risk.boosting import load_library; load_library()",
            "from riskmodel.runs.reporting import read_ahead; read_ahead()",
            "from riskmodel.runs.parts import code_digest; code_digest()",
            f"from pathlib import Path; from riskmodel.sources import packing; packing.look_through(Path({packed!r}))",
        )
    )


def _receive(plan: Plan, delivery: Path, store: Store, digests: Digests, say: Say, ahead: Ahead) -> None:
    # Not in a notebook: names and register ids never reach one.
    def receive(tell: Say) -> str:
        limits, key_file = Limits(max_file_bytes=plan.settings.max_file_bytes), plan.key_file
        return deliveries.receive(
            delivery, store.folder, key_file or default_key_file(store.folder), tell, limits=limits
        ).delivery_id

    def prepare() -> None:
        load_papermill(plan.pipeline.notebook(plan.pipeline.steps[0]))
        for path in files_below(store.deliveries):
            digests.of(path)  # for the inputs of the run
        ahead.begin(plan.settings.cut_off_date)

    started = time.perf_counter()
    delivery_id = in_own_process(receive, say, store.folder, prepare)
    seconds = round(time.perf_counter() - started, 3)
    journal.record(store.folder / journal.LOG_NAME, event="received", delivery_id=delivery_id, seconds=seconds)
    say(message("The delivery took {seconds:.1f} s.", seconds=seconds))


def _receive_support(plan: Plan, store: Store, say: Say) -> None:
    key_file = plan.key_file or default_key_file(store.folder)
    receive_support(store.folder, key_file, say, Limits(max_file_bytes=plan.settings.max_file_bytes))


def default_key_file(store: Path) -> Path:
    """Return where the key of the pseudonyms lies by default: beside the store, never in it.

    >>> default_key_file(Path("/srv/store")).name
    'store.key'
    """
    return store.with_name(f"{store.name}.key")


def _inputs(plan: Plan, store: Store, digests: Digests, say: Say) -> dict[str, Any]:
    """Return what the run reads: each delivery of the store with its digest, row accounts, capacity, the earlier run."""
    folders = [path for path in sorted(store.deliveries.iterdir()) if (path / "delivery.json").is_file()]
    if not folders:
        raise UsageError(
            message("A run needs at least one delivery."),
            found=message("The store holds none."),
            remedy=message("Give one with --delivery."),
            where=str(store.folder),
        )
    sources: list[dict[str, str]] = []
    rows: dict[str, dict[str, int]] = {}
    for folder in folders:
        described = json.loads((folder / "delivery.json").read_text("utf-8"))
        sources.append(
            {
                "delivery_id": folder.name,
                "delivered_on": described["delivered_on"],
                "origin": described["origin"],
                "sha256": digest_of_files(files_below(folder), folder, digests.of),
            }
        )
        for table, account in described.get("accounts", {}).items():
            sums = rows.setdefault(table, dict.fromkeys(account, 0))
            rows[table] = {name: sums[name] + count for name, count in account.items()}
    return {
        "sources": sources,
        "rows": rows,
        "capacity": dict(plan.capacity) if plan.capacity is not None else None,
        "previous_run": previous_run(store, plan.settings.cut_off_date, digests, say),
        "feedback": feedback_of(store.folder, plan.settings.cut_off_date),
        "spent": spent_of(store.folder, plan.settings.cut_off_date),
        "lotteries": lotteries_before(store, plan.settings.cut_off_date, digests),
    }


def run_id_of(plan: Plan, inputs: Mapping[str, object], code: Code) -> str:
    """Return the id of the run: the same for the same deliveries, earlier run, code, lock file, settings and seed."""
    notebooks = {step.notebook: digest_of_file(plan.pipeline.notebook(step)) for step in plan.pipeline.steps}
    settings = plan.settings.model_dump(mode="json")
    digest = digest_of({"inputs": inputs, "code": code.model_dump(), "notebooks": notebooks, "settings": settings})
    return f"{plan.settings.cut_off_date.isoformat()}-{digest[:12]}"


@contextlib.contextmanager
def _stem(plan: Plan) -> Iterator[Stem | None]:
    """Give the process that the kernels of this run are forked from, None where a system cannot fork."""
    if not can_fork():
        yield None
        return
    with contextlib.closing(Stem({**os.environ, **kernel_environment(plan.settings.threads)})) as stem:
        yield stem


def _run(plan: Plan, store: Store, inputs: Mapping[str, Any], digests: Digests, say: Say, ahead: Ahead) -> Done:
    code = code_of_this_process()
    run_id = run_id_of(plan, inputs, code)
    if is_valid(store, run_id):
        say(message("The run {run_id} is there and every file of it is unchanged.", run_id=run_id))
        ahead.clear()
        return _finish(store, read_manifest(store.run(run_id)), gate_report.read(store.run(run_id)))
    if plan.must_resume and not (store.staging / run_id).exists():
        raise UsageError(
            message("Only an unfinished run can be resumed."),
            found=message("There is none for these deliveries, settings and this code."),
            remedy=message("Give the command without --resume."),
            where=str(store.folder),
        )
    work = Work(run_id, store, plan.pipeline, plan.settings, inputs, code, digests, ahead.stem)
    work.begin()
    ahead.hand_over(parts_of_run(work.folder))
    try:
        work.do_steps(say)
        manifest, checked = work.seal()
    except RiskmodelError as error:
        work.note_failure(error, "interrupted" if isinstance(error, RunInterruptedError) else "failed")
        raise
    except OSError as error:
        failure = disk_failure(error, store.folder)
        work.note_failure(failure)
        raise failure from error
    if _inputs(plan, store, digests, lambda _: None) != inputs:
        raise _inputs_changed(store)
    move_to_runs(store, run_id)
    return _finish(store, manifest, checked)


def _finish(store: Store, manifest: Manifest, checked: tuple[Gate, ...]) -> Done:
    before = current_run(store)
    state: State
    try:
        is_current = finish(store, manifest)
    except OSError as error:
        if current_run(store) == manifest.run_id:
            raise _published_on_a_bad_disk(error, store) from error
        raise
    if is_current:
        state = "unchanged" if before == manifest.run_id else "published"
    else:
        state = "held" if manifest.state == "held" else "overtaken"
    # What is left in staging is of no use now; a disk that refuses to remove it undoes no publication.
    with contextlib.suppress(OSError):
        journal.record(store.folder / journal.LOG_NAME, event=state, run_id=manifest.run_id)
        remove_leftovers(store)
    return Done(manifest.run_id, store.run(manifest.run_id), state, checked)


def _published_on_a_bad_disk(error: OSError, store: Store) -> RunFailedError:
    failure = disk_failure(error, store.folder)
    return RunFailedError(
        failure.must,
        found=failure.found,
        remedy=message(
            "The new run is current, but a power cut may undo that. Mend the disk, then give the command again."
        ),
        where=failure.where,
    )


def held_run(done: Done) -> RunHeldError:
    """Return what the operator is told of a run that a gate holds."""
    return RunHeldError(
        message("A run that differs much from the one before is looked at by a person."),
        found=message("The run {run_id} is held; the run before stays current.", run_id=done.run_id),
        remedy=message(
            "Mend the delivery and run again, or: riskmodel release {folder} --by NAME --reason TEXT",
            folder=done.folder,
        ),
    )


def _inputs_changed(store: Store) -> RunFailedError:
    return RunFailedError(
        message("The deliveries of a store do not change while a run reads them."),
        found=message("Their digests differ from those at the start."),
        remedy=message("Find out who writes there, then give the same command again."),
        where=str(store.deliveries),
    )


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Turn SIGTERM, SIGINT and SIGHUP into an error of this thread, so that the run stops in good order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _: FrameType | None) -> None:
        raise RunInterruptedError(
            message("A run must be left alone until it has finished."),
            found=message("It was stopped by {signal}.", signal=signal.Signals(number).name),
            remedy=message("Nothing was published. Give the same command again: finished steps are kept."),
        )

    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
