"""The audit's one door: `write` returns when the entry is on disk, or raises, and then nothing may be opened.

One writer per process gathers what comes while it commits (group commit), so that a thousand openings a second cost a
few transactions, and none returns before its own is through.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.audit.chain import GENESIS, Verdict, entry_hash, verify
from omniops.audit.models import AuditEntry, AuditHead
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Scope
from omniops.database.bulk import insert_rows
from omniops.database.group_commit import GroupCommit
from omniops.database.service import Database

OPERATOR = UUID(int=0)
"""The chain of the deployment itself, for acts that belong to no account."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One act. `subject_refs` are pseudonyms made by the vault; `detail` holds counts and ids, never personal data."""

    account_id: UUID
    actor: str
    action: str
    object: str
    subject_refs: Sequence[str] = ()
    purpose: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


class Audit:
    """Append-only, hash-chained per account."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._writer = GroupCommit(self._commit, "The audit entry could not be written, so nothing was opened.")

    async def write(self, entry: Entry) -> None:
        """Returns when the entry is committed. Raises `NotReady` when it could not be written."""
        await self._writer.add(entry)

    async def write_in(self, session: AsyncSession, entries: Sequence[Entry]) -> None:
        """Entries of the session's own account that are there when, and only when, its transaction commits.

        The last thing to do before the commit: until then every other entry of the account waits.
        """
        if entries:
            await session.flush()
            await self._append(await session.connection(), entries)

    async def system_use(self, reason: str) -> None:
        """The entry before a session of the system role."""
        await self.write(Entry(OPERATOR, "system:database", "database.system", "rows", detail={"reason": reason}))

    async def _commit(self, entries: Sequence[Entry]) -> None:
        async with self._database.connect() as connection:
            await self._append(connection, entries)
            await connection.commit()

    async def _append(self, connection: AsyncConnection, entries: Sequence[Entry]) -> None:
        by_account: dict[UUID, list[Entry]] = defaultdict(list)
        for entry in entries:
            by_account[entry.account_id].append(entry)
        for account_id in sorted(by_account):  # always in the same order: two writers cannot wait for each other
            await connection.execute(
                text("select set_config('omniops.account', :account, true)"), {"account": str(account_id)}
            )
            await connection.execute(
                text(
                    "insert into omniops.audit_head (account_id, seq, hash) values (:account, 0, :hash)"
                    " on conflict do nothing"
                ),
                {"account": account_id, "hash": GENESIS},
            )
            head = (
                await connection.execute(
                    text("select seq, hash from omniops.audit_head where account_id = :account for update"),
                    {"account": account_id},
                )
            ).one()
            rows = self._chain(account_id, head.seq, bytes(head.hash), by_account[account_id])
            await insert_rows(connection, AuditEntry, rows)
            await connection.execute(
                text("update omniops.audit_head set seq = :seq, hash = :hash where account_id = :account"),
                {"seq": rows[-1]["seq"], "hash": rows[-1]["hash"], "account": account_id},
            )

    def _chain(self, account_id: UUID, seq: int, before: bytes, entries: Sequence[Entry]) -> list[dict[str, Any]]:
        rows = []
        for entry in entries:
            seq += 1
            row = AuditEntry(
                account_id=account_id,
                seq=seq,
                at=self._clock.now(),
                actor=entry.actor,
                action=entry.action,
                object=entry.object,
                subject_refs=list(entry.subject_refs),
                purpose=entry.purpose,
                detail=entry.detail,
                prev_hash=before,
                hash=b"",
            )
            before = row.hash = entry_hash(row)
            rows.append(row.model_dump())
        return rows

    async def verify(self, account_id: UUID) -> Verdict:
        """Recomputes the account's whole chain against its head."""
        async with self._database.session(Scope(account_id)) as session:
            head = await session.get(AuditHead, account_id)
            statement = select(AuditEntry).where(AuditEntry.account_id == account_id).order_by(col(AuditEntry.seq))
            entries = (await session.exec(statement)).all()
        return verify(entries, head=(head.seq, head.hash) if head else None)

    async def close(self) -> None:
        """Waits until everything given to `write` is through."""
        await self._writer.close()
