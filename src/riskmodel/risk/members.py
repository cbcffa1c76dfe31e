"""The members of a cohort, and beside each what is folded of his or her own facts: both from one reading of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from riskmodel.risk.fold import CohortFold
from riskmodel.risk.label import STAYS, Window, members_of
from riskmodel.risk.trend import TrendFold
from riskmodel.tables.facts import Read, Wanted
from riskmodel.tables.packed import PUPIL


@dataclass(frozen=True)
class OfMembers:
    """What ``fold`` gives of the members of a cohort alone; one without any fact has a row of empty values."""

    window: Window
    as_of: date
    fold: CohortFold | TrendFold

    @property
    def wanted(self) -> Sequence[Wanted]:
        """The stays, which tell who belongs to the cohort, and what the fold reads."""
        return [STAYS, *self.fold.wanted]

    def of(self, read: Read) -> pa.Table:
        """Return the columns of :func:`riskmodel.risk.label.members_of` and those of the fold, narrow (see :func:`widened`)."""
        is_member, members = members_of(read, self.window, self.as_of)
        folded = self.fold.of(read, is_member).drop_columns(PUPIL)
        return pa.table({name: _narrow(rows[name]) for rows in (members, folded) for name in rows.column_names})


def _narrow(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return whole numbers of 64 bits in 32 where they fit: half as much is held and written."""
    try:
        return column.cast(pa.int32()) if column.type == pa.int64() else column
    except pa.ArrowInvalid:
        return column


def widened(table: pa.Table) -> pa.Table:
    """Return a table of :class:`OfMembers` with its whole numbers in 64 bits, in which features reckon."""
    kinds = (pa.int64() if field.type == pa.int32() else field.type for field in table.schema)
    return table.cast(pa.schema([*map(pa.field, table.column_names, kinds)]))
