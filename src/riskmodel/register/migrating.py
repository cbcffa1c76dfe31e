"""The revisions of the register's data base: which one a file has, and how it grows to the newest."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from riskmodel.register.units import Units, tell

FOLDER = Path(__file__).parent / "migrations"
VERSION_TABLE = "alembic_version"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@cache
def revisions() -> tuple[str, ...]:
    """Return the revisions that this version of riskmodel knows, oldest first."""
    known = [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()]
    return tuple(reversed(known))


def revision_of(connection: Connection) -> str | None:
    """Return the revision of a data base; None when nothing was made in it yet."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608  (a constant)
    return found


def has_tables(connection: Connection) -> bool:
    """Whether anything at all stands in the data base."""
    return bool(inspect(connection).get_table_names())


def upgrade(connection: Connection, to: str = "head") -> None:
    """Run the revisions that are missing, inside the transaction of ``connection``, on the rows of every unit."""
    tell(connection, Units("all"))
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, to)
