"""Every lesson of the newest school year, attended ones too: kept by school until its year is whole, then written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from riskmodel.sources.synthetic.files import coded, constant, days
from riskmodel.sources.synthetic.lessons import CODES, MOST_LESSONS_A_DAY, SUBJECTS, Missed
from riskmodel.sources.synthetic.truth import Integers

KINDS = {"pupil": np.int32, "day": np.uint16, "lesson": np.int8, "subject": np.int8, "code": np.int8} | {
    "known_on": np.uint16,
    "version": np.int8,
}
"""Twelve bytes a lesson: those of a semester are most of what a district holds. Days since 1970 fit until the year 2149."""
VERSIONS = 2
PUPILS_AT_A_TIME = 400
"""Pupils whose rows are put together at a time: bounds the memory, however large a school is."""
NEVER_DAY = np.iinfo(np.uint16).max


@dataclass
class EveryLesson:
    """The lessons of one semester of a district, by school; small numbers, so that a district fits into memory."""

    _kept: dict[int, list[dict[str, npt.NDArray[np.integer]]]] = field(default_factory=dict)

    def keep(self, school: int, pupil: Integers, entries: Missed) -> None:
        """Keep the lessons of a school; ``pupil`` gives the pupil of each member."""
        values = {name: getattr(entries, name) for name in KINDS if name != "pupil"} | {"pupil": pupil[entries.member]}
        self._kept.setdefault(school, []).append({name: values[name].astype(kind) for name, kind in KINDS.items()})

    @property
    def schools(self) -> list[int]:
        """The schools with lessons, in order."""
        return sorted(self._kept)

    def take(self, school: int, school_id: str, codes: list[str]) -> Iterator[dict[str, pa.Array]]:
        """Yield the columns of a school, ordered by pupil code, day, lesson and version, and keep them no longer.

        Parameters
        ----------
        codes
            Personal codes of all pupils of the district.
        """
        parts = self._kept.pop(school, [])
        if not parts:
            return
        column = {name: np.concatenate([part[name] for part in parts]) for name in KINDS}
        pupils, place = np.unique(column["pupil"], return_inverse=True)
        names = np.array([codes[pupil] for pupil in pupils.tolist()])
        rank = np.argsort(np.argsort(names, kind="stable"))[place].astype(np.int32)
        names = np.sort(names)
        for first in range(0, len(names), PUPILS_AT_A_TIME):
            chosen = np.flatnonzero((rank >= first) & (rank < first + PUPILS_AT_A_TIME))
            some = {name: values[chosen] for name, values in column.items()} | {"pupil": rank[chosen] - first}
            yield _columns(some, school_id, names[first : first + PUPILS_AT_A_TIME].tolist())


def _columns(column: dict[str, npt.NDArray[Any]], school_id: str, names: list[str]) -> dict[str, pa.Array]:
    day = column["day"] - column["day"].min(initial=NEVER_DAY)
    key = column["pupil"].astype(np.int64) * (int(day.max(initial=0)) + 1) + day
    key = (key * (MOST_LESSONS_A_DAY + 1) + column["lesson"]) * VERSIONS + column["version"]
    order = np.argsort(key, kind="stable")
    column = {name: values[order] for name, values in column.items()}
    return {
        "pupil_code": coded(names, column["pupil"]),
        "school_id": coded([school_id], np.zeros(len(order), dtype=np.int32)),
        "happened_on": days(column["day"]),
        "lesson_number": pa.array(column["lesson"].astype(np.int32)),
        "subject_code": coded(SUBJECTS, column["subject"]),
        "attendance_code": coded(CODES, column["code"]),
        "lessons": constant(1, len(order), pa.int32()),
        "known_on": days(column["known_on"]),
    }
