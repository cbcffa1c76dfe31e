"""How the tables of support are written down: columns of few kinds, each with the check that keeps it so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, Table, Text

from riskmodel.register.schema import DAY_LENGTH, METADATA, MOMENT_LENGTH, Day, Moment, of_length, one_of

Part = Column[Any] | CheckConstraint


def number(name: str, *, optional: bool = False, least: int | None = None, most: int | None = None) -> list[Part]:
    """Return a column of whole numbers between two bounds."""
    parts: list[Part] = [Column(name, Integer, nullable=optional)]
    bounds = [f"{name} >= {least}"] if least is not None else []
    bounds += [f"{name} <= {most}"] if most is not None else []
    return [*parts, CheckConstraint(" AND ".join(bounds), name)] if bounds else parts


def flag(name: str) -> list[Part]:
    """Return a column that is 0 or 1 (SQLite's strict tables know no truth values)."""
    return number(name, least=0, most=1)


def words(name: str, *, optional: bool = False) -> list[Part]:
    """Return a column of text; an empty text is none."""
    return [Column(name, Text, nullable=optional), CheckConstraint(f"length({name}) > 0", name)]


def code(name: str, of: Iterable[str], *, optional: bool = False) -> list[Part]:
    """Return a column that holds one of some codes."""
    return [Column(name, Text, nullable=optional), CheckConstraint(one_of(name, of), name)]


def day(name: str, *, optional: bool = False) -> list[Part]:
    """Return a column of days."""
    return [Column(name, Day, nullable=optional), of_length(name, DAY_LENGTH)]


def moment(name: str, *, optional: bool = False) -> list[Part]:
    """Return a column of moments."""
    return [Column(name, Moment, nullable=optional), of_length(name, MOMENT_LENGTH)]


def refers(
    name: str, to: str, *, optional: bool = False, kind: type[Integer] | type[Text] = Integer, is_indexed: bool = True
) -> list[Part]:
    """Return a column that names a row of another table; without an index where a wider one begins with it."""
    return [Column(name, kind, ForeignKey(to), nullable=optional, index=is_indexed)]


def written() -> list[Part]:
    """Return who wrote a row (the login) and when."""
    return [*words("recorded_by"), *moment("recorded_at")]


def semester() -> list[Part]:
    """Return the two columns of a semester: the year in which the school year began, and 1 or 2."""
    return [*number("school_year", least=2000, most=2100), *number("semester", least=1, most=2)]


def table(name: str, key: str, *parts: Iterable[Part] | Any) -> Table:
    """Return a strict table whose rows are numbered by the column ``key``."""
    flat: list[Any] = []
    for part in parts:
        flat.extend(part) if isinstance(part, list) else flat.append(part)
    return Table(name, METADATA, Column(key, Integer, primary_key=True, autoincrement=False), *flat, sqlite_strict=True)


def link(name: str, *keys: Column[Any], parts: Iterable[Part] = ()) -> Table:
    """Return a strict table whose rows are named by several columns together."""
    for key in keys:
        key.primary_key = True
        key.nullable = False
    return Table(name, METADATA, *keys, *parts, sqlite_strict=True)
