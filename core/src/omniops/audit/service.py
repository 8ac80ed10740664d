"""The audit's one door: `write` returns when the entry is on disk, or raises, and then nothing may be opened.

One writer per process gathers what comes while it commits (group commit), so that a thousand openings a second cost a
few transactions, and none returns before its own is through. What a transaction changes is noted in that transaction
itself (`note`), which nobody waits for: it is there when, and only when, the change is, and the writer chains it a
moment later.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, event, func, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.audit.acting import acting, current
from omniops.audit.chain import KEPT_DAYS, Verdict
from omniops.audit.models import AuditEntry, AuditSegment
from omniops.audit.reading import checked
from omniops.contracts.ids import Clock, new_id
from omniops.contracts.scope import Scope
from omniops.database.group_commit import GroupCommit
from omniops.database.service import Database
from omniops.signing import Signer

__all__ = ["KEPT_DAYS", "OPERATOR", "SIGNING", "Audit", "Entry", "acting", "current"]

SIGNING = "audit log"
"""The use for which the root's secret signs heads and ends."""
OPERATOR = UUID(int=0)
"""The chain of the deployment itself, for acts that belong to no account."""
READINGS = frozenset({"vault.open", "vault.trace", "database.system"})
"""Actions that change nothing."""
CHAINED_AFTER = 1.0
"""Seconds that notes gather before they are chained, where no other entry of their account takes them along."""

_APPEND = text(
    "select omniops.audit_append(cast(:accounts as uuid[]), cast(:ats as timestamptz[]), cast(:actors as text[]),"
    " cast(:actions as text[]), cast(:objects as text[]), cast(:refs as text[]), cast(:purposes as text[]),"
    " cast(:details as text[]), cast(:also as uuid[]))"
)
_NOTE = text(
    "insert into omniops.audit_waiting (account_id, id, at, actor, action, object, subject_refs, purpose, detail)"
    " values (:account, :id, :at, :actor, :action, :object, cast(:refs as json), :purpose, cast(:detail as json))"
)
_WAITING = text("select distinct account_id from omniops.audit_waiting")


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

    def __init__(self, database: Database, clock: Clock, secret: str) -> None:
        """`secret` is the root's for the audit log: what it signed shows that expired entries were there."""
        self._database = database
        self._clock = clock
        self._key = Signer(secret).public
        self._writer = GroupCommit(self._commit, "The audit entry could not be written, so nothing was opened.")
        self._chainer = GroupCommit(self._chain, "Notes could not be chained; they wait.", linger=CHAINED_AFTER)

    async def write(self, entry: Entry) -> None:
        """Returns when the entry is committed. Raises `NotReady` when it could not be written."""
        if entry.action not in READINGS and (act := current()) is not None:
            act.changes += 1
        await self._writer.add(entry)

    async def write_in(self, session: AsyncSession, entries: Sequence[Entry]) -> None:
        """Entries of one account that are there when, and only when, the session's transaction commits."""
        for entry in entries:
            await session.run_sync(lambda sync, entry=entry: self.note(sync.connection(), entry))  # type: ignore[misc]
        for account_id in {entry.account_id for entry in entries}:
            event.listen(
                session.sync_session, "after_commit", lambda _, account=account_id: self.chain_soon(account), once=True
            )

    def note(self, connection: Connection, entry: Entry) -> None:
        """Writes the entry in the connection's transaction: it exists when, and only when, that commits. Call
        `chain_soon` afterwards."""
        if (act := current()) is not None:
            act.changes += 1
        connection.execute(
            _NOTE,
            {
                "account": entry.account_id,
                "id": new_id(),
                "at": self._clock.now(),
                "actor": entry.actor,
                "action": entry.action,
                "object": entry.object,
                "refs": _json(list(entry.subject_refs)),
                "purpose": entry.purpose,
                "detail": _json(entry.detail),
            },
        )

    def chain_soon(self, account_id: UUID) -> None:
        """Notes of this account were committed. They reach the chain within about a second; if this process dies
        before, with the account's next entry in any process, or at the full hour."""
        self._chainer.later(account_id)

    async def chain_now(self) -> None:
        """Chains the notes of every account, also those that a killed process left behind."""
        async with self._database.system("audit: chain what waits") as session:
            connection = await session.connection()
            accounts = [row.account_id for row in await connection.execute(_WAITING)]
        if accounts:
            await self._append((), accounts)

    async def system_use(self, reason: str) -> None:
        """The entry before a session of the system role."""
        await self.write(Entry(OPERATOR, "system:database", "database.system", "rows", detail={"reason": reason}))

    async def _commit(self, entries: Sequence[Entry]) -> None:
        await self._append(entries, ())

    async def _chain(self, accounts: Sequence[UUID]) -> None:
        await self._append((), list(dict.fromkeys(accounts)))

    async def _append(self, entries: Sequence[Entry], also: Sequence[UUID]) -> None:
        """One statement that is a transaction of its own: as short a wait as there can be."""
        now = self._clock.now()
        async with self._database.reserved() as connection:
            await connection.execute(
                _APPEND,
                {
                    "accounts": [entry.account_id for entry in entries],
                    "ats": [now for _ in entries],
                    "actors": [entry.actor for entry in entries],
                    "actions": [entry.action for entry in entries],
                    "objects": [entry.object for entry in entries],
                    "refs": [_json(list(entry.subject_refs)) for entry in entries],
                    "purposes": [entry.purpose for entry in entries],
                    "details": [_json(entry.detail) for entry in entries],
                    "also": list(also),
                },
            )

    async def entries(
        self,
        account_id: UUID,
        *,
        limit: int,
        before: int | None = None,
        actor: str | None = None,
        action: str | None = None,
    ) -> list[AuditEntry]:
        """An account's entries, the newest first; `before` a number, of one actor, of one action."""
        await self._append((), [account_id])
        statement = select(AuditEntry).where(AuditEntry.account_id == account_id).order_by(col(AuditEntry.seq).desc())
        for column, wanted in ((AuditEntry.actor, actor), (AuditEntry.action, action)):
            if wanted is not None:
                statement = statement.where(column == wanted)
        if before is not None:
            statement = statement.where(AuditEntry.seq < before)
        async with self._database.session(Scope(account_id)) as session:
            return list((await session.exec(statement.limit(limit))).all())

    async def begins(self, account_id: UUID) -> datetime | None:
        """Up to when an account's entries expired; None where all are there. What waits is in the chain afterwards."""
        await self._append((), [account_id])
        statement = select(func.max(AuditSegment.newest_at)).where(
            AuditSegment.account_id == account_id, col(AuditSegment.expired_at).is_not(None)
        )
        async with self._database.session(Scope(account_id)) as session:
            return (await session.exec(statement)).one()

    async def verify(self, account_id: UUID) -> Verdict:
        """Recomputes the account's whole chain against its head, and what expired against the signed heads."""
        await self._append((), [account_id])
        async with self._database.session(Scope(account_id), snapshot=True) as session:
            return await checked(session, account_id, self._key, self._clock.now())

    async def close(self) -> None:
        """Waits until everything given to `write` is through."""
        await self._writer.close()
        await self._chainer.close()


def _json(value: Any) -> str:
    """Without blanks, keys in order: a field has one spelling."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
