"""Alembic environment and the revisions of core."""
