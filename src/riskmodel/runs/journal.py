"""The log of a run: JSON lines whose fields are all listed here."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from riskmodel.messages import Message, message

LOG_NAME = "log.jsonl"
PART_DONE, PART_KEPT = "part_done", "part_kept"
"""Events of the parts of a step (see :mod:`riskmodel.runs.parts`): a notebook writes them, the runner follows them."""

FIELDS: dict[str, type | tuple[type, ...]] = {
    "event": str,
    "run_id": str,
    "step": str,
    "part": str,
    "number": int,
    "count": int,
    "seconds": float,
    "start_seconds": float,
    "cpu_seconds": float,
    "peak_mb": float,
    "pid": int,
    "signal": str,
    "error": str,
    "place": str,
    "error_id": str,
    "row": int,
    "column": str,
    "rule": str,
    "rows": int,
    "state": str,
    "gate": str,
    "sha256": str,
    "delivery_id": str,
    "by": str,
}
"""What a line may say. No field holds a pupil's name, code or value; texts of errors are not logged at all."""


def record(path: Path, **fields: object) -> None:
    """Append one line, with the time in UTC, to the log at ``path`` and force it to the disk.

    Raises
    ------
    ValueError
        For a field that is not in :data:`FIELDS` or has another type: a fault of the caller.

    Examples
    --------
    >>> import tempfile
    >>> log = Path(tempfile.mkdtemp()) / "log.jsonl"
    >>> record(log, event="step_done", step="10_tables", seconds=1.5)
    >>> read(log)[0]["step"]
    '10_tables'
    """
    for name, value in fields.items():
        kind = FIELDS.get(name)
        if kind is None or not isinstance(value, kind):
            raise ValueError(f"{name} is not a field of the run log, or has another type")
    line = json.dumps({"at": now(), **fields}, ensure_ascii=True, sort_keys=False)
    with path.open("a", encoding="ascii") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> list[dict[str, object]]:
    """Return the lines of a log, oldest first; a last line cut off by a kill is left out."""
    if not path.exists():
        return []
    lines = []
    for text in path.read_text("ascii", errors="replace").splitlines():
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            continue
    return lines


class Follower:
    """Reads what others append to a log from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._place = path.stat().st_size if path.exists() else 0

    def lines(self) -> list[dict[str, object]]:
        """Return the whole lines that were added since the last call."""
        with self._path.open("rb") as file:
            file.seek(self._place)
            whole, _, _ = file.read().rpartition(b"\n")
        if not whole:
            return []
        self._place += len(whole) + 1
        return [json.loads(text) for text in whole.decode("ascii").splitlines()]


def part_words(line: Mapping[str, object]) -> Message:
    """Return what a line about a part says to people."""
    values = {"number": line["number"], "count": line["count"], "part": line["part"]}
    if line["event"] == PART_KEPT:
        return message("Part {number} of {count} ({part}): already done.", **values)
    return message("Part {number} of {count} ({part}) is done.", **values)


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
