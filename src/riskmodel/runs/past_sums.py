"""What each pupil's own daily facts came to by the cut-off dates of past cohorts.

Nothing of it follows from what became known later: who belonged to a cohort, and with which outcome, is found out apart
(see :mod:`riskmodel.runs.cohorts`). The parts are named by the packed tables that they read, and not by the deliveries of a store: one that
tells nothing of these days leaves their names as they are, so that they may be made while it is taken in (see
:mod:`riskmodel.runs.ahead`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import chain, pairwise
from typing import Any

import duckdb
import pyarrow as pa

from riskmodel.risk.fold import CohortFold, fold_together, narrowed
from riskmodel.risk.label import Window
from riskmodel.runs.parts import Part, PartFolder
from riskmodel.sources.history import PACKED_FOLDER
from riskmodel.sources.packing import require_whole
from riskmodel.tables.canonical import ATTENDANCE, LESSONS_PLANNED, MARK, TERM_RESULT
from riskmodel.tables.facts import FactReader, PackedPiece, as_one, packed_pieces

DAILY = tuple(table.name for table in (LESSONS_PLANNED, ATTENDANCE, MARK, TERM_RESULT))
"""The tables that are read."""
ROWS_PER_PART = 16_000_000
"""Rows that a part reads, about: little enough that what a run does not finish ahead is small."""


def parts_of(connection: duckdb.DuckDBPyConnection, windows: Sequence[Window]) -> list[Part]:
    """Return the parts, each of a range of pupils, with a piece for each of the cohorts ``windows``: its cut-off date.

    Parameters
    ----------
    connection
        Holds ``canonical.<table>`` for those of ``DAILY``, from a store.
    """
    if not windows:
        return []
    cohorts = [CohortFold(window.cut_off, window.school_year_on) for window in windows]
    wanted = as_one(one for fold in cohorts for one in fold.wanted)
    pieces = packed_pieces(connection, wanted)
    given = {
        "cohorts": [[fold.cut_off.isoformat(), fold.year_on.isoformat()] for fold in cohorts],
        "packed": {
            name: [[piece.folder.name, piece.first_on.isoformat(), piece.last_on.isoformat()] for piece in some]
            for name, some in pieces.items()
        },
    }
    bounds = [None, *FactReader(pieces, wanted).cuts(ROWS_PER_PART), None]
    return [
        Part(
            f"past-{number}",
            fold_part,
            {**given, "first_pupil": first, "after_pupil": after},
            size=2,
            pieces=tuple(fold.cut_off.isoformat() for fold in cohorts),
            is_compressed=False,
        )
        for number, (first, after) in enumerate(pairwise(bounds), start=1)
    ]


def fold_part(folder: PartFolder, given: Mapping[str, Any]) -> dict[str, pa.Table]:
    """Return by cohort what :func:`riskmodel.risk.fold.fold_pupils` gives for a range of pupils, narrow: work of a part.

    Raises
    ------
    RunFailedError
        When a packed table was changed since the part was named.
    """
    cohorts = [CohortFold(*map(date.fromisoformat, days)) for days in given["cohorts"]]
    pieces = {
        name: [
            PackedPiece(
                folder.store / PACKED_FOLDER / packed, date.fromisoformat(first_on), date.fromisoformat(last_on)
            )
            for packed, first_on, last_on in some
        ]
        for name, some in given["packed"].items()
    }
    for piece in chain.from_iterable(pieces.values()):
        require_whole(piece.folder)
    tables = fold_together(pieces, cohorts, given["first_pupil"], given["after_pupil"])
    return {fold.cut_off.isoformat(): narrowed(table) for fold, table in zip(cohorts, tables, strict=True)}
