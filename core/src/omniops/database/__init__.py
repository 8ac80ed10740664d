"""PostgreSQL: where it comes from, scoped sessions, migrations."""
