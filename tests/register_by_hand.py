"""What somebody does to a register who may write its data base, and goes through none of its doors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, select

from riskmodel.register.places import Place, ServerPlace
from riskmodel.register.schema import METADATA
from riskmodel.support.schema import papers, places, plans, services

TABLES_OF_SUPPORT = (papers, places, plans, services)
"""Modules that declare their tables when they are imported: from here on ``METADATA`` holds every table of a register."""


@contextmanager
def by_hand(place: Place) -> Iterator[Connection]:
    """Give a connection, and commit what was done with it."""
    engine = create_engine(place.url if isinstance(place, ServerPlace) else f"sqlite:///{place}")
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def without_guards(connection: Connection) -> None:
    """Take the guards of the audit away for this transaction, as a forger would first; for good in a file."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        return
    for guard in ("audit_entry_is_not_changed", "audit_entry_is_not_removed"):
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {guard}")


def kept_bytes(place: Place) -> bytes:
    """Return what a register keeps, to look for what it must not keep: its files, or every row on the server."""
    if not isinstance(place, ServerPlace):
        return b"".join(path.read_bytes() for path in place.parent.iterdir())
    with by_hand(place) as connection:
        rows = [row for table in METADATA.sorted_tables for row in connection.execute(select(table))]
    assert rows
    return repr(rows).encode()
