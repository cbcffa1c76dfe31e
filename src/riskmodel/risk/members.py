"""The members of a cohort, and beside each what is folded of his or her own facts: both from one reading of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from riskmodel.risk.fold import CohortFold, narrowed
from riskmodel.risk.label import STAYS, Window, members_of
from riskmodel.risk.stay_fold import STAYS_TOLD, stays_of
from riskmodel.risk.trend import TrendFold
from riskmodel.tables.facts import Read, Wanted, as_one
from riskmodel.tables.packed import PUPIL


@dataclass(frozen=True)
class OfMembers:
    """The members of a cohort with what their stays tell, and what ``fold`` gives of them alone.

    A member without any fact has a row of empty values.
    """

    window: Window
    as_of: date
    fold: CohortFold | TrendFold | None = None

    @property
    def wanted(self) -> Sequence[Wanted]:
        """The stays, which tell who belongs to the cohort, and what the fold reads."""
        return [*as_one((STAYS, STAYS_TOLD)), *(self.fold.wanted if self.fold else ())]

    def of(self, read: Read) -> pa.Table:
        """Return, narrow (see :func:`riskmodel.risk.fold.narrowed`), the columns of :func:`riskmodel.risk.label.members_of`,
        those of :func:`riskmodel.risk.stay_fold.stays_of`, and those of the fold.
        """
        is_member, members = members_of(read, self.window, self.as_of)
        tables = [members, stays_of(read, is_member, members["school_id"].combine_chunks(), self.window.cut_off)]
        if self.fold:
            tables.append(self.fold.of(read, is_member).drop_columns(PUPIL))
        return narrowed(pa.table({name: rows[name] for rows in tables for name in rows.column_names}))
