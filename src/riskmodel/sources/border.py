"""Where a delivery is taken in: the connection and what is known from before, and the growing account of the delivery."""

# ruff: noqa: S608  (the SQL is put together from declared names and quoted literals; no cell enters it)

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import pyarrow as pa

from riskmodel.messages import Spoken
from riskmodel.sources import identity
from riskmodel.sources.decoding import Limits
from riskmodel.sources.history import StoredDelivery
from riskmodel.sources.large import Large
from riskmodel.sources.mapping import Mapping as DeliveryMapping
from riskmodel.sources.reading import Sheet
from riskmodel.sources.rowfaults import ROW_REASONS
from riskmodel.tables.checks import Account
from riskmodel.tables.fields import literal

MEMORY_LIMIT = "256MB"
MOST_ROWS_BESIDE = 500_000
"""Small tables of so many rows are worked on beside the large ones, and these beside each other; of more one after the other, so
that not all are in memory at once."""


@dataclass(frozen=True)
class Notice:
    """Something that the sender should know of rows or columns that were used, or of what was left out."""

    where: str
    rule_code: str
    text: Spoken


@dataclass(frozen=True)
class Border:
    """Where a delivery is taken in, and what is known from before."""

    connection: duckdb.DuckDBPyConnection
    scratch: Path
    key: identity.Key
    limits: Limits = field(default_factory=Limits)
    earlier: Sequence[StoredDelivery] = ()
    known: identity.Known = identity.known_to_nobody
    erased: Callable[[Iterable[str]], set[str]] | None = None
    """Gives those of some register ids whose pupils were erased from the store; None where nobody ever was."""


@dataclass
class Intake:
    """A delivery in the connection: ``checked.<table>`` and ``rejected.rejected_row``, and what was found on the way."""

    mapping: DeliveryMapping
    sheets: list[Sheet] = field(default_factory=list)
    columns: dict[str, set[str]] = field(default_factory=dict)
    """The columns that were delivered, by table."""
    small_rows: int = 0
    """How many rows the tables hold that are neither large nor pupils or schools."""
    accounts: dict[str, Account] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    pupils: identity.Pupils | None = None
    """Who is who; ``pupils.register`` is the relation ``register`` of the connection."""
    large: dict[str, Large] = field(default_factory=dict)
    """Tables that are taken in as numbers: their sound rows are there, and ``checked.<table>`` holds the others."""

    @property
    def are_few(self) -> bool:
        """Whether tables are worked on side by side."""
        return self.small_rows <= MOST_ROWS_BESIDE

    @property
    def who(self) -> identity.Pupils:
        """Who is who, once register ids have been read."""
        if self.pupils is None:
            raise ValueError("register ids must be read first")
        return self.pupils


def work_connection(scratch: Path) -> duckdb.DuckDBPyConnection:
    """Return a connection to a data base file in the working folder: any size of delivery, bounded memory."""
    connection = _silent(duckdb.connect(scratch / "work.duckdb"))
    connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
    for name in ("allocator_flush_threshold", "allocator_bulk_deallocation_flush_threshold"):
        connection.execute(f"SET {name} = '1MB'")  # what one table took goes back before the next is read
    connection.execute(f"SET temp_directory = {literal(str(scratch / 'spill'))}")
    return connection


def beside(border: Border, intake: Intake) -> Border:
    """Return the border with a connection of its own for another thread: to the same tables, and to the register."""
    connection = _silent(border.connection.cursor())
    connection.register("register", intake.who.register)
    return replace(border, connection=connection)


def _silent(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    # In a notebook without widgets there is no bar, and the library refuses to speak of one.
    with suppress(duckdb.InvalidInputException):
        connection.execute("SET enable_progress_bar = false")
    return connection


def add_unread(intake: Intake, table: str, rows: int) -> None:
    """Account for rows of a table that were put aside before their fields were checked."""
    intake.accounts[table] = intake.accounts.get(table, Account(0, 0, 0, 0)).with_unread(rows)


def reject(connection: duckdb.DuckDBPyConnection, table: str, rows: str) -> None:
    """Add ``rows`` (SQL: file_name, row_number, column_name, rule_code) to the rejected rows, with the words of their rules."""
    texts = [
        {"rule_code": code, "reason_lv": reason.in_language("lv"), "reason_en": reason.in_language("en")}
        for code, reason in ROW_REASONS.items()
    ]
    connection.register("row_reasons", pa.Table.from_pylist(texts))
    connection.execute(
        "INSERT INTO rejected.rejected_row SELECT DISTINCT ?, file_name, row_number, column_name, rule_code, reason_lv, reason_en "
        f"FROM ({rows}) JOIN row_reasons USING (rule_code) ORDER BY file_name, row_number",
        [table],
    )
    connection.unregister("row_reasons")


def count(connection: duckdb.DuckDBPyConnection, rows: str) -> int:
    """Return the number of rows of ``rows``, which may be followed by a condition."""
    return int(connection.execute(f"SELECT count(*) FROM {rows}").fetchall()[0][0])
