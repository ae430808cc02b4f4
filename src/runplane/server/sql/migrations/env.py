"""Alembic's entry: runs on the connection that `sql.migrate` hands over, inside its transaction."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    # SQLite can roll DDL back when BEGIN is explicit, which it is here (sql.engine).
    transactional_ddl=True,
    transaction_per_migration=False,
)
context.run_migrations()
