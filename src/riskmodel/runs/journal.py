"""The log of a run: JSON lines whose fields are all listed here."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

LOG_NAME = "log.jsonl"

FIELDS: dict[str, type | tuple[type, ...]] = {
    "event": str,
    "run_id": str,
    "step": str,
    "number": int,
    "seconds": float,
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


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
