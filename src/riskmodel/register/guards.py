"""Rows that the data base itself keeps as they were written: for tables that only grow.

A guard stops a slip, not an attacker: who may change the tables can drop it, and is found by the chain of the audit.
Migrations call this module, so what it says for a table is never changed, only said anew under another name.
"""

from __future__ import annotations

from sqlalchemy import Connection

WORDS = "the audit is only written forth"

ON_SQLITE = (
    "CREATE TRIGGER {table}_is_not_changed BEFORE UPDATE ON {table} BEGIN SELECT RAISE(ABORT, '{words}'); END",
    "CREATE TRIGGER {table}_is_not_removed BEFORE DELETE ON {table} BEGIN SELECT RAISE(ABORT, '{words}'); END",
)

ON_POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION only_written_forth() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE integrity_constraint_violation USING MESSAGE = TG_ARGV[0]; END $$",
    "CREATE TRIGGER {table}_is_not_changed BEFORE UPDATE ON {table} "
    "FOR EACH ROW EXECUTE FUNCTION only_written_forth('{words}')",
    "CREATE TRIGGER {table}_is_not_removed BEFORE DELETE ON {table} "
    "FOR EACH ROW EXECUTE FUNCTION only_written_forth('{words}')",
    "CREATE TRIGGER {table}_is_not_emptied BEFORE TRUNCATE ON {table} "
    "FOR EACH STATEMENT EXECUTE FUNCTION only_written_forth('{words}')",
)


def keep_unchanged(connection: Connection, table: str, words: str = WORDS) -> None:
    """Let the data base refuse, with ``words``, to change or remove any row of a table.

    In a migration: ``keep_unchanged(op.get_bind(), "audit_entry")``. Both arguments are constants of ours.
    """
    statements = ON_SQLITE if connection.dialect.name == "sqlite" else ON_POSTGRESQL
    for statement in statements:
        connection.exec_driver_sql(statement.format(table=table, words=words))
