"""What alembic runs: the revisions on the connection that it was handed, inside that connection's transaction."""

from __future__ import annotations

from alembic import context

from riskmodel.register.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
