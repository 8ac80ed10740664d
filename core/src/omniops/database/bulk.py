"""Many rows in one statement. PostgreSQL reads them from one argument: nothing is compiled and nothing sent per row."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel


async def insert_rows(
    connection: AsyncConnection,
    model: type[SQLModel],
    rows: Sequence[Mapping[str, Any]],
    *,
    skip_existing: bool = False,
) -> int:
    """Inserts rows that all have the keys of the first: every column without a default in the database. With
    `skip_existing` a row whose unique key is taken is passed over. Returns how many were inserted."""
    if not rows:
        return 0
    statement = _statement(str(model.__tablename__), tuple(rows[0]), skip_existing)
    done = await connection.execute(statement, {"rows": json.dumps(rows, default=_plain, ensure_ascii=False)})
    return done.rowcount


@lru_cache(maxsize=64)
def _statement(table: str, columns: tuple[str, ...], skip_existing: bool) -> TextClause:
    names = ", ".join(f'"{name}"' for name in columns)
    conflict = " on conflict do nothing" if skip_existing else ""
    return text(
        f"insert into {table} ({names}) select {names}"  # noqa: S608 - names of our own models
        f" from jsonb_populate_recordset(null::{table}, cast(:rows as jsonb)){conflict}"
    )


def _plain(value: object) -> str:
    """A value as PostgreSQL reads it out of JSON."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no column's type")
