"""Moments as people of the schools read them: on their clock, in their language."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from riskmodel.messages import Language
from riskmodel.register.schema import moment_text
from riskmodel.settings import HERE
from riskmodel.views import numbers


def shown_moment(at: datetime | str, language: Language) -> str:
    """Return day and time of an aware moment, or of its ISO text, on the clock of Latvia; no text for no moment.

    >>> shown_moment("2026-11-28T18:05:00.000000Z", "lv"), shown_moment("2026-06-28T18:05:09+00:00", "en")
    ('28.11.2026. 20:05:00', '28 Jun 2026 21:05:09')
    """
    if not at:
        return ""
    here = (datetime.fromisoformat(at) if isinstance(at, str) else at).astimezone(HERE)
    return f"{numbers.short_day(here.date(), language)} {here:%H:%M:%S}"


def moments_of(day: date) -> tuple[str, str]:
    """Return where a day of Latvia begins and ends, half-open, as the register writes moments.

    >>> moments_of(date(2026, 11, 28))
    ('2026-11-27T22:00:00.000000Z', '2026-11-28T22:00:00.000000Z')
    """
    first, last = (datetime.combine(one, time(), HERE) for one in (day, day + timedelta(days=1)))
    return moment_text(first.astimezone(UTC)), moment_text(last.astimezone(UTC))
