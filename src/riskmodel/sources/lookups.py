"""What the rules of a row say, looked up by the values that they speak of.

Each combination of values is judged once, by the one check, where these are few: a day and its known-on day, a mark and
its points. Else each row is judged.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from riskmodel.sources.buckets import EMPTY, Numbers
from riskmodel.tables.judging import OnePass, columns_named
from riskmodel.tables.schema import Table

if TYPE_CHECKING:
    from riskmodel.sources.coding import Coded

MOST_COMBINATIONS = 1 << 21
"""Up to so many combinations of values are judged beforehand, and rows then looked up; else each row is judged."""


class Judged(NamedTuple):
    """The known-on dates of rows, and which rows break a rule."""

    known: Numbers
    is_broken: Numbers


class Domain(NamedTuple):
    """The numbers of a column: the lowest, how many follow one another from there, and whether a cell may be empty."""

    lowest: int
    size: int
    may_be_empty: bool

    def numbers(self) -> Numbers:
        """Return all of them; an empty cell comes last."""
        numbers = np.arange(self.lowest, self.lowest + self.size, dtype=np.int32)
        return np.append(numbers, np.int32(EMPTY)) if self.may_be_empty else numbers

    def places(self, numbers: Numbers) -> Numbers:
        """Return where numbers stand among all, but for the lowest."""
        if not self.may_be_empty:
            return numbers
        return np.where(numbers == EMPTY, np.int32(self.lowest + self.size), numbers)


@dataclass(frozen=True)
class Lookup:
    """What is found for each combination of values: whether a rule is broken, or the known-on date."""

    columns: Sequence[str]
    domains: Sequence[Domain]
    found: pa.Array
    says_known: bool

    @cached_property
    def _first(self) -> Numbers:
        """The place of all lowest numbers, were all places counted from 0. Where it is too high it begins anew, as sums do."""
        first = 0
        for domain in self.domains:
            first = first * (domain.size + domain.may_be_empty) + domain.lowest
        return np.array([first]).astype(np.int32)

    def of(self, rows: dict[str, Numbers]) -> Numbers:
        """Return what is found for rows."""
        at = -self._first
        for place, (name, domain) in enumerate(zip(self.columns, self.domains, strict=True)):
            here = domain.places(rows[name])
            for later in self.domains[place + 1 :]:
                here = here * np.int32(later.size + later.may_be_empty)
            at = at + here
        found: Numbers = pc.take(self.found, pa.array(at), boundscheck=False).to_numpy()
        return found if self.says_known else found.view(bool)


def lookups(coded: Coded, connection: duckdb.DuckDBPyConnection) -> list[Lookup]:
    """Return the lookups of a table, that of the known-on date first; none where a rule has too many combinations."""
    table, found = coded.table, list[Lookup]()
    domains = {name: _domain(coded.numbers_said(name), coded.may_be_empty(name)) for name in table.column_names}
    wanted: list[tuple[list[str], OnePass, bool]] = []
    if domains[table.known].may_be_empty and table.known_rule:
        wanted.append((known_words(table), replace(coded.one_pass, table=replace(table, rules=())), True))
    for rule in table.rules:
        names = list(columns_named(table, rule))
        wanted.append((names, replace(coded.one_pass, table=replace(table, rules=(rule,))), False))
    for names, one_pass, says_known in wanted:
        here = [domains[name] for name in names]
        if math.prod(domain.size + domain.may_be_empty for domain in here) > MOST_COMBINATIONS:
            return []
        every = np.meshgrid(*(domain.numbers() for domain in here), indexing="ij")
        rows = {name: numbers.ravel() for name, numbers in zip(names, every, strict=True)}
        judged = judged_rows(coded, one_pass, rows, connection)
        found.append(
            Lookup(names, here, pa.array(judged.known if says_known else judged.is_broken.view(np.uint8)), says_known)
        )
        if says_known:
            domains[table.known] = _domain(judged.known[judged.known != EMPTY], bool((judged.known == EMPTY).any()))
    return found


def judged_rows(
    coded: Coded, one_pass: OnePass, rows: dict[str, Numbers], connection: duckdb.DuckDBPyConnection
) -> Judged:
    """Return what the check says of rows of sound cells, given by the columns that the rules speak of."""
    size = len(next(iter(rows.values())))
    typed = {name: coded.typed(name, numbers) for name, numbers in rows.items()}
    for name in set(known_words(coded.table)) - set(rows):
        typed[name] = coded.typed(name, np.full(size, EMPTY, np.int32))
    connection.register("sound_cells", pa.table(typed))
    judged = connection.sql(one_pass.row_sql("sound_cells")).to_arrow_table().combine_chunks()
    connection.unregister("sound_cells")
    known = judged.column("known").cast(pa.int32()).fill_null(EMPTY).to_numpy()
    return Judged(known, judged.column("is_broken").to_numpy(zero_copy_only=False).astype(bool))


def known_words(table: Table) -> list[str]:
    """Return the columns that the known-on date of a table depends on."""
    words = {*re.findall("[a-z_]+", table.known_rule), table.known}
    return [name for name in table.column_names if name in words]


def _domain(numbers: Numbers, may_be_empty: bool) -> Domain:
    if not len(numbers):
        return Domain(0, 0 if may_be_empty else 1, may_be_empty)
    lowest = int(numbers.min())
    return Domain(lowest, int(numbers.max()) - lowest + 1, may_be_empty)
