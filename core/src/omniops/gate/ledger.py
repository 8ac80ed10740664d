"""The ledger in the database: an entry before the first byte, closed afterwards; and the operator's exceptions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select

from omniops.contracts.ids import Clock, new_id
from omniops.contracts.scope import Scope
from omniops.database.bulk import insert_rows
from omniops.database.group_commit import GroupCommit
from omniops.database.service import Database
from omniops.gate.grants import Allow, Call, Closing
from omniops.gate.models import EgressEntry, GateAllow

DEPLOYMENT = UUID(int=0)
"""The account of calls that are made for no account."""

FRESH = timedelta(seconds=5)
"""After this a change that another process made is seen."""
MOST_READ = 10_000

_SCOPE = text("select set_config('omniops.account', :account, true)")
_CLOSE = text(
    "update egress_entry set tls = :tls, bytes_out = :bytes_out, bytes_in = :bytes_in, outcome = :outcome,"
    " ended_at = :ended_at where account_id = :account_id and id = :id"
)


class DatabaseLedger:
    """Implements `Ledger` with two group-committing writers: opening is waited for, closing is not."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._opening = GroupCommit(self._open, "The ledger cannot be written.")
        self._closing = GroupCommit(self._close, "The ledger cannot be written.", linger=0.2)

    async def opened(self, call: Call) -> UUID:
        scope = call.grant.scope
        row = {
            "account_id": scope.account_id if scope else DEPLOYMENT,
            "id": new_id(),
            "for_domain": scope.domain_id if scope else None,
            "processor": call.grant.processor,
            "host": call.host,
            "port": call.port,
            "purpose": call.grant.purpose,
            "categories": list(call.grant.categories),
            "subjects": [str(subject) for subject in call.grant.subjects],
            "bytes_out": 0,
            "bytes_in": 0,
            "at": self._clock.now(),
        }
        await self._opening.add(row)
        return row["id"]  # type: ignore[return-value]

    def closed(self, entry: UUID, call: Call, closing: Closing) -> None:
        scope = call.grant.scope
        self._closing.later(
            {
                "account_id": scope.account_id if scope else DEPLOYMENT,
                "id": entry,
                "tls": closing.tls,
                "bytes_out": closing.bytes_out,
                "bytes_in": closing.bytes_in,
                "outcome": closing.outcome,
                "ended_at": self._clock.now(),
            }
        )

    async def _open(self, rows: Sequence[dict[str, Any]]) -> None:
        async with self._database.connect() as connection:
            for account, batch in _by_account(rows).items():
                await connection.execute(_SCOPE, {"account": str(account)})
                await insert_rows(connection, EgressEntry, batch)
            await connection.commit()

    async def _close(self, rows: Sequence[dict[str, Any]]) -> None:
        async with self._database.connect() as connection:
            for account, batch in _by_account(rows).items():
                await connection.execute(_SCOPE, {"account": str(account)})
                await connection.execute(_CLOSE, batch)
            await connection.commit()

    async def entries(self, scope: Scope, *, since: datetime | None = None, limit: int = 1000) -> list[EgressEntry]:
        """The calls made for an account, newest first."""
        async with self._database.session(scope) as session:
            statement = select(EgressEntry).where(EgressEntry.account_id == scope.account_id)
            if since is not None:
                statement = statement.where(EgressEntry.at >= since)
            return list((await session.exec(statement.order_by(col(EgressEntry.at).desc()).limit(limit))).all())

    async def close(self) -> None:
        """Waits until everything is written."""
        await self._opening.close()
        await self._closing.close()


def _by_account(rows: Sequence[dict[str, Any]]) -> dict[UUID, list[dict[str, Any]]]:
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["account_id"], []).append(row)
    return found


class Allows:
    """The operator's exceptions. Read by every process, written through the system role only."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._read: dict[tuple[str, int], tuple[datetime, Allow | None]] = {}

    async def find(self, host: str, port: int) -> Allow | None:
        """The exception for a target. What was read in the last `FRESH` is not read again."""
        now = self._clock.now()
        if (known := self._read.get((host, port))) is not None and now - known[0] < FRESH:
            return known[1]
        async with self._database.connect() as connection:
            row = (await connection.execute(_select().where(_at(host, port)))).first()
        allow = Allow(row.host, row.port, row.reason, row.plaintext) if row else None
        if len(self._read) > MOST_READ:
            self._read.clear()
        self._read[host, port] = (now, allow)
        return allow

    async def all(self) -> list[Allow]:
        async with self._database.connect() as connection:
            rows = (await connection.execute(_select())).all()
        return [Allow(row.host, row.port, row.reason, row.plaintext) for row in rows]

    async def add(self, allow: Allow) -> None:
        """Makes or renews an exception. Audited as a use of the system role."""
        async with self._database.system(f"gate: allow {allow.host}:{allow.port} ({allow.reason})") as session:
            await session.merge(
                GateAllow(host=allow.host, port=allow.port, reason=allow.reason, plaintext=allow.plaintext)
            )
            await session.commit()
        self._read.clear()

    async def remove(self, host: str, port: int) -> None:
        async with self._database.system(f"gate: remove the exception for {host}:{port}") as session:
            row = await session.get(GateAllow, (host, port))
            if row is not None:
                await session.delete(row)
            await session.commit()
        self._read.clear()


def _select() -> Any:
    return select(GateAllow.host, GateAllow.port, GateAllow.reason, GateAllow.plaintext)


def _at(host: str, port: int) -> Any:
    return (col(GateAllow.host) == host) & (col(GateAllow.port) == port)
