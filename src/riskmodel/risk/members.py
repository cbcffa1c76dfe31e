"""The members of a cohort, and beside each what is folded of his or her own facts: both from one reading of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from riskmodel.risk.fold import CohortFold, narrowed
from riskmodel.risk.label import STAYS, Window, members_of
from riskmodel.risk.trend import TrendFold
from riskmodel.tables.facts import Read, Wanted
from riskmodel.tables.packed import PUPIL


@dataclass(frozen=True)
class OfMembers:
    """The members of a cohort, and what ``fold`` gives of them alone; one without any fact has a row of empty values."""

    window: Window
    as_of: date
    fold: CohortFold | TrendFold | None = None

    @property
    def wanted(self) -> Sequence[Wanted]:
        """The stays, which tell who belongs to the cohort, and what the fold reads."""
        return [STAYS, *(self.fold.wanted if self.fold else ())]

    def of(self, read: Read) -> pa.Table:
        """Return the columns of :func:`riskmodel.risk.label.members_of` and those of the fold, narrow (see :func:`widened`)."""
        is_member, members = members_of(read, self.window, self.as_of)
        folded = self.fold.of(read, is_member).drop_columns(PUPIL) if self.fold else members.select([])
        return narrowed(pa.table({name: rows[name] for rows in (members, folded) for name in rows.column_names}))
