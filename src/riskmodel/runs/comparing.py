"""Scores beside those of an earlier run, and what moved them (50_explanation)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from riskmodel.risk.change import NEEDED_COLUMNS, Moves, changes
from riskmodel.risk.features import FEATURES, feature
from riskmodel.runs.members import other_pupils
from riskmodel.runs.parquet import COLUMNS_AT_ONCE, read_numbers
from riskmodel.runs.semester import SemesterRun
from riskmodel.tables.scores import CHANGE_REASON, SCORE_CHANGE

PROTECTED = {declared.code for declared in FEATURES if declared.is_protected}
"""A protected trait is never given as a reason."""

Floats = NDArray[np.float64]


def write_changes(run: SemesterRun, scores: pd.DataFrame, features: pd.DataFrame, contributions: Floats) -> None:
    """Write ``score_change`` and ``change_reason``, without rows where there is no earlier run.

    Parameters
    ----------
    scores
        Those of the run, in ascending order of ``pupil_id``.
    features, contributions
        The columns that the model reads, and what they moved, row by row beside ``scores``.
    """
    before = run.previous
    if before is None:
        run.write_none(SCORE_CHANGE)
        run.write_none(CHANGE_REASON)
        return
    then = before.read("score", columns=NEEDED_COLUMNS)
    found = run.write(SCORE_CHANGE, changes(scores[list(NEEDED_COLUMNS)], then))
    moved = found[found["change_code"].isin(["up", "down"])]
    now_at, then_at = (pd.Index(ids).get_indexer(moved["pupil_id"]) for ids in (scores["pupil_id"], then["pupil_id"]))
    moves = Moves(np.where(moved["change_code"] == "up", 1.0, -1.0))
    codes = [str(code) for code in features.columns]
    for code, values, contributed in _columns_of(before, codes, then["pupil_id"]):
        place = codes.index(code)
        now = features[code].to_numpy(dtype=np.float64)[now_at], contributions[now_at, place]
        moves.add(place, feature(code).direction, (values[then_at], contributed[then_at]), now)
    run.write_rows(CHANGE_REASON, moves.rows(pa.array(moved["pupil_id"], pa.string()), codes))


def _columns_of(
    before: SemesterRun, codes: Sequence[str], pupils: pd.Series[str]
) -> Iterator[tuple[str, Floats, Floats]]:
    """Yield code, values and contributions of each feature that the earlier run knew too, row by row beside ``pupils``."""
    for name, cohort_on in (("feature", before.cut_off), ("contribution", None)):
        if not before.read(name, cohort_on, ["pupil_id"])["pupil_id"].equals(pupils):
            raise other_pupils(name)
    known = set(pq.read_schema(before.tables / "contribution.parquet").names) - PROTECTED
    both = [code for code in codes if code in known]
    room = np.empty(COLUMNS_AT_ONCE * len(pupils))
    for first in range(0, len(both), COLUMNS_AT_ONCE):
        batch = both[first : first + COLUMNS_AT_ONCE]
        values = read_numbers(before.tables, "feature", before.cut_off, batch, room)
        contributed = before.read_arrow("contribution", batch)
        for place, code in enumerate(batch):
            yield code, values[:, place], contributed[code].to_numpy()
