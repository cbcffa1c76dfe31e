"""Which tables hold support, and which of their rows are a pupil's: worked out from the declared tables, and from nothing else.

A row is a pupil's when it names the pseudonym, or names a row or a plan code that is the pupil's. A table that comes later is
found by the same rule; a test holds the list of those that name nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Table, TableClause, column, false, or_, select, table

from riskmodel.register import schema as own
from riskmodel.register.schema import CAPACITY, METADATA
from riskmodel.support.schema import papers, places, plans, services

SCHEMA_MODULES = (papers, places, plans, services)
"""Read so that their tables are declared."""

PUPIL_COLUMN, PLAN_CODE_COLUMN = "pupil_id", "plan_code"


@cache
def support_tables() -> tuple[Table, ...]:
    """Return the tables of support, and the places of schools beside them: each after those that its rows name."""
    of_accounts = {one.name for one in vars(own).values() if isinstance(one, Table)} - {CAPACITY.name}
    return tuple(one for one in METADATA.sorted_tables if one.name not in of_accounts)


def as_texts(of: Table) -> TableClause:
    """Return a table whose values are read and written as the data base keeps them: whole numbers and texts."""
    return table(of.name, *(column(one.name) for one in of.columns))


def rows_of_pupils(pupil_ids: Collection[str]) -> Mapping[Table, ColumnElement[bool]]:
    """Return for each table that can hold rows of pupils the condition that a row is one of these pupils'.

    Each table stands after those that its condition reads: rows are removed in the opposite order.
    """
    found: dict[Table, ColumnElement[bool]] = {}
    for one in support_tables():
        own_rows: list[ColumnElement[bool]] = []
        if PUPIL_COLUMN in one.c:
            own_rows = [one.c[PUPIL_COLUMN].in_(sorted(pupil_ids))]
        if conditions := own_rows or list(_by_reference(one, found)):
            found[one] = or_(false(), *conditions)
    of_plans = select(plans.PLAN.c.plan_code).where(found[plans.PLAN])
    for one in support_tables():
        if PLAN_CODE_COLUMN in one.c and one not in found:
            found[one] = one.c[PLAN_CODE_COLUMN].in_(of_plans)
    return found


def rows_below(of: Table, condition: ColumnElement[bool]) -> Mapping[Table, ColumnElement[bool]]:
    """Return for some rows of a table, and all tables whose rows hang on them, the condition that a row is one of these.

    In the same order as :func:`rows_of_pupils`.
    """
    found: dict[Table, ColumnElement[bool]] = {of: condition}
    for one in support_tables():
        if one is not of and (conditions := list(_by_reference(one, found))):
            found[one] = or_(false(), *conditions)
    if of is plans.PLAN:
        for one in support_tables():
            if PLAN_CODE_COLUMN in one.c and one not in found:
                found[one] = one.c[PLAN_CODE_COLUMN].in_(select(plans.PLAN.c.plan_code).where(condition))
    return found


def _by_reference(of: Table, known: Mapping[Table, ColumnElement[bool]]) -> Iterable[ColumnElement[bool]]:
    for key in of.foreign_keys:
        target = key.column.table
        if target in known and target is not of:
            yield key.parent.in_(select(key.column).where(known[target]))


def number_of(of: Table) -> Any | None:
    """Return the column by which the rows of a table are numbered; None where they are named by others."""
    keys = list(of.primary_key.columns)
    return keys[0] if len(keys) == 1 and keys[0].type.python_type is int else None
