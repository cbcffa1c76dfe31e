"""The files that fill a large table row by row, and the different values of their columns."""

# ruff: noqa: S608  (the SQL is put together from declared names and quoted literals; no cell enters it)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from riskmodel.sources.buckets import EMPTY
from riskmodel.sources.distinct import Distinct, NotListedError, Words, distinct_values, used_texts
from riskmodel.sources.mapping import PUPIL_CODE
from riskmodel.sources.projection import Projection
from riskmodel.sources.reading import Stored
from riskmodel.tables.fields import name_of

ROW_NUMBER = "#row"
"""A column that no delivery has: the number of a row in its file."""
MOST_ROWS = EMPTY - 1


@dataclass(frozen=True)
class Feed:
    """One file that fills a large table row by row, and the different values of the columns that are used."""

    projection: Projection
    stored: Stored
    first_place: int
    distinct: dict[str, Distinct]

    @cached_property
    def header_of(self) -> dict[str, str | None]:
        """The column of the file on which each column of the table depends."""
        places = {name: self.projection.cell(name)[0] for name in self.projection.columns}
        return {name: None if place is None else self.stored.names[place] for name, place in places.items()}

    def header(self, name: str) -> str | None:
        """Return the column of the file on which a column of the table depends; None: on none."""
        return self.header_of.get(_given(name))

    @property
    def headers(self) -> list[str]:
        """The columns of the file that are used, at least one."""
        used = [header for header in self.header_of.values() if header is not None]
        return list(dict.fromkeys(used)) or [self.stored.names[0]]

    def some_rows(self, path: Path) -> Projection:
        """Return the projection of rows of the file that were laid aside in ``path``."""
        return self.projection.only(self.stored.relation_of_some(path, ROW_NUMBER, self.headers))

    def texts(self, connection: duckdb.DuckDBPyConnection, name: str) -> str:
        """Return SQL for ``place`` and the text of each different cell of a column, the empty one last."""
        place, text = self.projection.cell(name)
        if place is None:
            return f"SELECT CAST(0 AS BIGINT) AS place, {text} AS {name_of(name)}"
        return _as_texts(connection, self.distinct[self.stored.names[place]].values, place, text, name)

    def used_texts(self, connection: duckdb.DuckDBPyConnection, name: str) -> str:
        """Return what :meth:`texts` does, of the cells that stand in a row."""
        place, text = self.projection.cell(name)
        if place is None or not isinstance(self.distinct[self.stored.names[place]], Words):
            return self.texts(connection, name)
        values = used_texts(self.stored.path, self.stored.names[place])
        return _as_texts(connection, values, place, text, name)


def _as_texts(connection: duckdb.DuckDBPyConnection, values: pa.Array, place: int, text: str, name: str) -> str:
    listed = pa.concat_arrays([values, pa.nulls(1, values.type)])
    connection.register("listed_values", pa.table({"place": np.arange(len(listed)), "value": listed}))
    return f"SELECT place, {text} AS {name_of(name)} FROM (SELECT place, CAST(value AS VARCHAR) AS c{place} FROM listed_values)"


def feeds_of(projections: Sequence[Projection]) -> list[Feed] | None:
    """Return the files of one table with their different values, or None where it must be read as text, row by row."""
    if len({projection.formats.decimal_comma for projection in projections}) != 1:
        return None
    feeds: list[Feed] = []
    place = 0
    for projection in projections:
        stored = projection.sheet.stored if projection.sheet else None
        if stored is None or not projection.one_to_one or ROW_NUMBER in stored.names:
            return None
        feed = Feed(projection, stored, place, {})
        try:
            found = distinct_values(stored.path, feed.headers)
        except (NotListedError, UnicodeDecodeError, pa.ArrowException):
            return None
        feeds.append(Feed(projection, stored, place, found))
        place += projection.sheet.rows if projection.sheet else 0
    return feeds if place < MOST_ROWS else None


def _given(name: str) -> str:
    """Return the column of a delivery for a column of the table."""
    return PUPIL_CODE if name == "pupil_id" else name
