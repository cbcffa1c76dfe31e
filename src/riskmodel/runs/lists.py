"""Lists that people keep in a spreadsheet and hand over as CSV: columns by name, separated by commas or semicolons."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from riskmodel.errors import UsageError
from riskmodel.messages import Message, message

Refused = Callable[[Path, Message], UsageError]
"""Makes the error of a list from what was found: it knows what must hold."""


def rows_of(
    path: Path, columns: Sequence[str], refused: Refused, optional: Sequence[str] = ()
) -> list[tuple[int, Mapping[str, str]]]:
    """Return the rows with their numbers in the file, the head being the first; texts without blanks around them.

    Raises
    ------
    UsageError
        From ``refused``: when the file cannot be read, has no rows, or lacks one of ``columns``.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            delimiter = ";" if ";" in file.readline() else ","
            file.seek(0)
            reader = csv.DictReader(file, delimiter=delimiter)
            rows = [
                (number, {name: (row.get(name) or "").strip() for name in (*columns, *optional)})
                for number, row in enumerate(reader, start=2)
            ]
            missing = sorted(set(columns) - set(reader.fieldnames or ()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise refused(path, message("It cannot be read: {error}.", error=type(error).__name__)) from None
    if missing:
        raise refused(path, message("It lacks the columns {names}.", names=", ".join(missing)))
    if not rows:
        raise refused(path, message("It has no rows."))
    return [*rows]
