"""Places for support that an operator states on the command line: one number for every school, or a file."""

from __future__ import annotations

from pathlib import Path

from riskmodel.errors import UsageError
from riskmodel.messages import Message, message
from riskmodel.runs.lists import rows_of


def read_places(path: Path) -> dict[str, int]:
    """Return places by school id from a CSV file with the columns ``school_id`` and ``places``.

    Raises
    ------
    UsageError
        When the file cannot be read, a column is missing, a school stands twice, or places are no whole number.
    """
    places: dict[str, int] = {}
    for number, row in rows_of(path, ("school_id", "places"), _refused):
        school_id, count = row["school_id"], row["places"]
        if not (school_id.isascii() and school_id.isdigit() and count.isascii() and count.isdigit()):
            raise _refused(path, message("Row {row} does not.", row=number))
        if school_id in places:
            raise _refused(path, message("Row {row} names a school a second time.", row=number))
        places[school_id] = int(count)
    return places


def _refused(path: Path, found: Message) -> UsageError:
    return UsageError(
        message("Each row of a capacity file has a school_id and places, both whole numbers."),
        found=found,
        remedy=message("Correct the file, or give one number with --capacity."),
        where=path.name,
    )
