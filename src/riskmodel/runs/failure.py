"""An error on its way from a notebook to the operator: who must act, and where, never a value.

A notebook runs in a process of its own. What it raises is written beside the run as a small JSON file with
the parts of the house's errors, or, for any other error, its kind and place in our code; the text of such an
error is not kept, because it may hold a name or a code.
"""

from __future__ import annotations

import hashlib
import json
import os
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from riskmodel.errors import DeliveryError, RiskmodelError, RunFailedError, RunHeldError, UsageError
from riskmodel.messages import LANGUAGES, Message, Words, message
from riskmodel.runs.durable import disk_failure, write_json
from riskmodel.settings import PACKAGE_FOLDER

FAILURE_ENDING = ".failure.json"
STEP = "RISKMODEL_STEP"
"""The variable that tells a notebook which step of a run it is: two may be at work, and each has a failure of its own."""
KINDS = {kind.__name__: kind for kind in (UsageError, DeliveryError, RunFailedError, RunHeldError)}


@dataclass(frozen=True)
class Failure:
    """What is kept of an error: ``kind`` (its class), ``place`` (module and line of ours), and an id to find it."""

    kind: str
    place: str
    error_id: str
    error: RiskmodelError | None

    @property
    def named(self) -> dict[str, str]:
        """Kind, place and id, for the sentence that tells of it."""
        return {"kind": self.kind, "place": self.place, "error_id": self.error_id}

    def as_error(self, must: Message, found: Message) -> RiskmodelError:
        """Return the error of the house that it was; of any other, one that says what must hold and what stopped where."""
        return self.error or RunFailedError(
            must,
            found=found,
            remedy=message("Nothing was published and the run before stays. Report this line to the developers."),
        )


def place_of(trace: TracebackType | None) -> str:
    """Return the innermost place in this package that a traceback passed, as ``risk/model.py:41 fit``."""
    for frame in reversed(traceback.extract_tb(trace)):
        path = Path(frame.filename)
        if path.is_relative_to(PACKAGE_FOLDER):
            return f"{path.relative_to(PACKAGE_FOLDER).as_posix()}:{frame.lineno} {frame.name}"
    return "notebook"


def error_id(kind: str, place: str) -> str:
    """Return eight signs that name an error by its kind and place, to look it up in the log."""
    return hashlib.sha256(f"{kind}|{place}".encode()).hexdigest()[:8]


def describe(error: BaseException, trace: TracebackType | None) -> dict[str, Any]:
    """Return what may be told of ``error``, as plain values for :func:`failure_of` in another process."""
    kind, place = type(error).__name__, place_of(trace)
    content: dict[str, Any] = {"kind": kind, "place": place, "error_id": error_id(kind, place)}
    if isinstance(error, RiskmodelError):
        texts = {"must": error.must, "found": error.found, "remedy": error.remedy}
        parts = {name: {lang: text.in_language(lang) for lang in LANGUAGES} for name, text in texts.items()}
        content |= {"parts": parts, "where": error.where}
    elif isinstance(error, OSError):
        content["errno"] = error.errno or 0
    return content


def failure_file(folder: Path, step: str) -> Path:
    """Return where the failure of a step is noted, in the folder of a run's marks."""
    return folder / f"{step}{FAILURE_ENDING}"


def write_failure(folder: Path, error: BaseException, trace: TracebackType | None) -> None:
    """Note ``error`` of this process, a step's notebook, in ``folder`` for :func:`read_failure`."""
    write_json(failure_file(folder, os.environ.get(STEP, "")), describe(error, trace))


def read_failure(folder: Path, step: str, store: Path) -> Failure | None:
    """Return the failure of a step noted in ``folder``, or None when there is none."""
    path = failure_file(folder, step)
    return failure_of(json.loads(path.read_text("utf-8")), store) if path.exists() else None


def failure_of(content: Mapping[str, Any], store: Path) -> Failure:
    """Return the failure that :func:`describe` described."""
    error: RiskmodelError | None = None
    if "parts" in content:
        parts = {name: as_message(words) for name, words in content["parts"].items()}
        error = KINDS.get(content["kind"], RunFailedError)(
            parts["must"], found=parts["found"], remedy=parts["remedy"], where=content["where"]
        )
    elif content.get("errno"):
        error = disk_failure(OSError(content["errno"], ""), store)
    return Failure(content["kind"], content["place"], content["error_id"], error)


def step_failed(step: str, failure: Failure) -> RiskmodelError:
    """Return what the operator is told about a step that did not finish."""
    found = message("Step {step} stopped: {kind} at {place} (error {error_id}).", step=step, **failure.named)
    return failure.as_error(message("Every step of a run must finish."), found)


def in_words(text: Message) -> dict[str, str]:
    """Return a text as plain values, for :func:`as_message` in another process."""
    return {language: text.in_language(language) for language in LANGUAGES}


def as_message(words: Mapping[str, str]) -> Message:
    """Return the text that :func:`in_words` put into words."""
    # Already in words of both languages: there is no text of the catalogues to look up.
    return Message("{words}", {"words": Words(en=words["en"], lv=words["lv"])})


def note_errors(run_folder: Path) -> None:
    """From here on, an error of this notebook is noted beside its run in staging, and shown without its text.

    Outside a notebook, and for a run that is not in work, nothing happens.
    """
    from IPython.core.getipython import get_ipython  # noqa: PLC0415  (there is a shell in notebooks alone)

    folder = marks_of(run_folder)
    shell: Any = get_ipython()
    if shell is None or not folder.is_dir():
        return

    def handler(
        shell: object, kind: type[BaseException], error: BaseException, trace: TracebackType, tb_offset: object = None
    ) -> list[str]:
        write_failure(folder, error, trace)
        return [f"{kind.__name__} at {place_of(trace)}"]

    shell.set_custom_exc((Exception,), handler)


def marks_of(run_folder: Path) -> Path:
    """Return the folder beside a run in staging in which its steps and its failure are noted."""
    return run_folder.with_name(f"{run_folder.name}.steps")
