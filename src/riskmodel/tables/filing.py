"""By which school year a fact is filed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

FILED_FROM_MONTH = 8
"""Facts are filed by years that begin on 1 August: nobody is at school then, and the Monday of a school year's first
week may still lie in August."""


def filed_year(day: date) -> int:
    """Return the calendar year in which the school year of a day began.

    >>> filed_year(date(2025, 7, 31)), filed_year(date(2025, 8, 1))
    (2024, 2025)
    """
    return day.year - (day.month < FILED_FROM_MONTH)


def filed_days(year: int) -> tuple[date, date]:
    """Return the first and the last day of a school year; both belong to it.

    >>> filed_days(2024)
    (datetime.date(2024, 8, 1), datetime.date(2025, 7, 31))
    """
    return date(year, FILED_FROM_MONTH, 1), date(year + 1, FILED_FROM_MONTH, 1) - timedelta(days=1)


def filed_years(days: NDArray[Any]) -> NDArray[np.int64]:
    """Return for days since 1970 what :func:`filed_year` says of each."""
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    years: NDArray[np.int64] = (months - (FILED_FROM_MONTH - 1)) // 12 + 1970
    return years


def filed_year_sql(column: str) -> str:
    """Return the same in SQL, for a column of dates."""
    return f"(year({column}) - (month({column}) < {FILED_FROM_MONTH})::INTEGER)"
