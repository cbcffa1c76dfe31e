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
        """Return the columns of :func:`riskmodel.risk.label.members_of` and those of the fold."""
        is_member, members = members_of(read, self.window, self.as_of)
        folded = self.fold.of(read, is_member).drop_columns(PUPIL)
        return pa.table([*members.columns, *folded.columns], names=[*members.column_names, *folded.column_names])
