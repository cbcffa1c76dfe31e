"""How the data base of the register grows: one module per revision in ``versions``, run by alembic."""
