"""Which tables hold rows about people. The database itself says which have a `subject_id`: those of plugins that are
switched off or gone are found like any other.
"""

from __future__ import annotations

from graphlib import TopologicalSorter

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_TABLES = text(
    "select c.relname as name, home.attname as home from pg_class c"
    " join pg_attribute home on home.attrelid = c.oid and home.attname in ('home_id', :home)"
    " join pg_index i on i.indrelid = c.oid and i.indisprimary and home.attnum = any(i.indkey)"
    " join pg_attribute subject on subject.attrelid = c.oid and subject.attname = 'subject_id'"
    " where c.relnamespace = 'omniops'::regnamespace and c.relkind in ('r', 'p')"
)
_REFERENCES = text(
    "select by.relname as by, target.relname as target from pg_constraint f"
    " join pg_class by on by.oid = f.conrelid join pg_class target on target.oid = f.confrelid"
    " where f.contype = 'f' and f.connamespace = 'omniops'::regnamespace and f.conrelid <> f.confrelid"
)


async def holding(connection: AsyncConnection, home: str) -> dict[str, str]:
    """Tables with rows about people of a domain (`home` is `domain_id`) or an account (`account_id`), each with the
    column that names it; those that refer to others before them."""
    columns = {row.name: row.home for row in await connection.execute(_TABLES, {"home": home})}
    first: dict[str, set[str]] = {table: set() for table in columns}
    for row in await connection.execute(_REFERENCES):
        first.setdefault(row.target, set()).add(row.by)
    return {table: columns[table] for table in TopologicalSorter(first).static_order() if table in columns}
