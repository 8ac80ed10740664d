"""Alembic's environment, shared by core and every plugin. `database.migrate` passes a connection and an owner."""

from __future__ import annotations

from alembic import context

from omniops.database.migrate import Run

run = context.config.attributes["run"]
assert isinstance(run, Run)
context.configure(connection=run.connection, **run.options())
with context.begin_transaction():
    context.run_migrations()
