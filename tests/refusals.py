"""What a refusal must be: nothing is written, and its words stand in both languages, with the rule and its source."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Table, select
from supported import World

from riskmodel.errors import UsageError
from riskmodel.register.database import Database
from riskmodel.register.schema import METADATA
from riskmodel.register.units import Whole
from riskmodel.support.rules import Refused

Contents = dict[str, list[tuple[Any, ...]]]


def contents_of(database: Database, without: frozenset[str] = frozenset()) -> Contents:
    """Return every row of every table, in the order of its key."""
    with database.reading(Whole("audit_read")) as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns))]
            for table in METADATA.sorted_tables
            if table.name not in without
        }


def refused(world: World, who: str, command: Any, rule_id: str | None = None, kind: type = UsageError) -> Any:
    """Return the error of a command that must be refused, by a rule where one is named.

    Fails where the command is carried out, where anything was written, or where the words are not whole in both languages.
    """
    before = contents_of(world.register.database)
    with pytest.raises(kind) as caught:
        world.do(who, command)
    error = caught.value
    assert contents_of(world.register.database) == before
    texts = {language: error.in_language(language) for language in ("lv", "en")}
    assert texts["lv"] != texts["en"]
    assert "{" not in texts["lv"] + texts["en"]
    assert (error.rule_id if isinstance(error, Refused) else None) == rule_id, texts["en"]
    if rule_id is not None:
        for language in ("lv", "en"):
            assert rule_id in texts[language]
            assert error.source.in_language(language) in texts[language]
            for part in (error.must, error.found, error.remedy):
                assert part.in_language(language).strip() in texts[language]
    return error


def rows(world: World, table: Table, **named: object) -> list[Any]:
    """Return the rows of a table that have these values, in the order of its key."""
    wanted = select(table).where(*(table.c[name] == value for name, value in named.items()))
    with world.register.database.reading(Whole("audit_read")) as connection:
        return list(connection.execute(wanted.order_by(*table.primary_key.columns)))


def one(world: World, table: Table, **named: object) -> Any:
    """Return the one row of a table that has these values."""
    (row,) = rows(world, table, **named)
    return row
