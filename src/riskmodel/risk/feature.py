"""What a feature is: its declaration, apart from the queries that make its value."""

from __future__ import annotations

from dataclasses import dataclass

RISES, FALLS, FREE = 1, -1, 0
"""Directions: more of it may only raise the score, may only lower it, or either."""

ATTENDANCE, LEARNING, ECONOMIC, CONTEXT = "attendance", "learning", "economic", "context"


@dataclass(frozen=True)
class Feature:
    """One column of the feature matrix.

    Parameters
    ----------
    code
        Name of the column; ends in its unit and period where it has them (``absent_share_8w``).
    group
        ``attendance``, ``learning``, ``economic`` or ``context``.
    unit
        Unit of the value, a key of ``units`` in ``data/texts/features.yaml``.
    period
        What time the value covers, a key of ``periods`` there.
    sql
        Expression over ``member``, ``folded`` (:data:`riskmodel.risk.fold.FOLD_COLUMNS`) and the blocks (see
        :class:`Block`) that gives the value; NULL is "no data".
    direction
        ``RISES``, ``FALLS`` or ``FREE``: the monotone constraint of the model.
    needs
        The canonical tables without which it has no value.
    is_malleable
        A school can change it within the school year.
    is_protected
        A protected trait: kept for audit, used for scoring only if somebody says so.
    """

    code: str
    group: str
    unit: str
    period: str
    sql: str
    direction: int
    needs: tuple[str, ...]
    is_malleable: bool = False
    is_protected: bool = False


@dataclass(frozen=True)
class Block:
    """One query whose rows several features share.

    It reads ``known.<table>``, ``member`` (one row per pupil of the cohort, with ``member_id``), ``folded`` (the sums
    of members' own daily facts, by ``member_id``), and ``left_in_school`` (see :class:`riskmodel.risk.stay_fold.LeftBefore`). It has at most one row per ``member_id``; features may name its columns.
    These parameters may stand in it: ``$cut_off``; ``$year_on``, first day of the school year; ``$past_year_on``,
    364 days earlier, the same weekday.
    """

    name: str
    sql: str
