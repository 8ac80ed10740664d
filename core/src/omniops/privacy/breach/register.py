"""The register of breaches: steps are added and never changed, and the audit's chain holds the hash of each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.database.service import Database
from omniops.errors import NotFound
from omniops.privacy.breach.case import UNREADABLE, Case, summed
from omniops.privacy.breach.models import PURPOSE, BreachEvent
from omniops.vault.service import Vault

READER = Actor.system("breach.register")
_ONE_AT_A_TIME = text("select pg_advisory_xact_lock(hashtextextended(cast(:breach as text), 0))")
_CHAINED = text(
    "select detail->>'step' as step, detail->>'sha256' as sha256 from audit_entry"
    " where account_id = :account and object = 'breach' and detail->>'sha256' is not null"
)
_OPEN = text(
    "select account_id, breach_id, max(aware_at) as aware_at, array_agg(kind) as kinds from omniops.breach_event"
    " group by account_id, breach_id having not bool_or(kind = 'closed') and max(aware_at) is not null"
)


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a case, in clear."""

    id: UUID
    seq: int
    kind: str
    at: datetime
    actor: str
    body: Mapping[str, Any]


class BreachRegister:
    """Reads and adds."""

    def __init__(self, database: Database, vault: Vault, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._audit = audit
        self._clock = clock

    async def add(
        self,
        account_id: UUID,
        breach_id: UUID,
        kind: str,
        body: Mapping[str, Any],
        *,
        actor: Actor,
        aware_at: datetime | None = None,
        once: bool = False,
    ) -> bool:
        """Adds a step. Its hash goes into the chain in the same transaction. With `once`, nothing is added where the
        case has a step of this kind; says whether it was added."""
        async with self._database.session(Scope(account_id)) as session:
            connection = await session.connection()
            await connection.execute(_ONE_AT_A_TIME, {"breach": str(breach_id)})
            statement = select(BreachEvent.kind).where(
                BreachEvent.account_id == account_id, BreachEvent.breach_id == breach_id
            )
            kinds = (await session.exec(statement)).all()
            if once and kind in kinds:
                return False
            row = BreachEvent(
                account_id=account_id,
                breach_id=breach_id,
                seq=len(kinds) + 1,
                kind=kind,
                actor=str(actor),
                aware_at=aware_at,
                body=seal(dict(body)),
                hash=b"",
                at=self._clock.now(),
            )
            row.hash = _hash(row, body)
            session.add(row)
            detail = {"breach": str(breach_id), "step": str(row.id), "sha256": row.hash.hex()}
            entry = Entry(account_id, str(actor), f"breach.{kind}", "breach", detail=detail)
            await session.run_sync(lambda sync: self._audit.note(sync.connection(), entry))
            await session.commit()
        return True

    async def steps(self, account_id: UUID, breach_id: UUID) -> list[Step]:
        """All steps of a case, the first first. Raises `NotFound`."""
        async with self._database.session(Scope(account_id)) as session:
            rows, bodies = await self._read(session, account_id, breach_id)
        if not rows:
            raise NotFound("There is no such breach.")
        return [
            Step(row.id, row.seq, row.kind, row.at, row.actor, body) for row, body in zip(rows, bodies, strict=True)
        ]

    async def case(self, account_id: UUID, breach_id: UUID) -> Case:
        """A case as it stands. Raises `NotFound`."""
        return (await self._cases(account_id, breach_id))[0]

    async def cases(self, account_id: UUID) -> list[Case]:
        """All cases of an account, the newest first."""
        return await self._cases(account_id, None)

    async def open_cases(self) -> list[tuple[UUID, UUID, datetime, frozenset[str]]]:
        """(account, case, when it became aware, kinds of its steps) of every open case of the deployment."""
        async with self._database.system("breach: look at the clocks") as session:
            connection = await session.connection()
            return [
                (row.account_id, row.breach_id, row.aware_at, frozenset(row.kinds))
                for row in await connection.execute(_OPEN)
            ]

    async def problems(self, account_id: UUID) -> list[str]:
        """What in the register does not fit the audit's chain: steps that were changed, taken away or put in. Empty
        where it is as it was written."""
        chain = await self._audit.verify(account_id)
        found = [] if chain.broken is None else [f"The audit's chain does not fit: {chain.reason}."]
        async with self._database.session(Scope(account_id)) as session:
            rows, bodies = await self._read(session, account_id, None)
            connection = await session.connection()
            chained = {row.step: row.sha256 for row in await connection.execute(_CHAINED, {"account": account_id})}
        for row, body in zip(rows, bodies, strict=True):
            was = chained.pop(str(row.id), None)
            if was is None:
                found.append(f"Step {row.seq} of breach {row.breach_id} is not in the chain.")
            elif _hash(row, body).hex() != was:
                found.append(f"Step {row.seq} of breach {row.breach_id} was changed.")
        return found + [f"The step {step} was taken away." for step in sorted(chained)]

    async def _cases(self, account_id: UUID, breach_id: UUID | None) -> list[Case]:
        async with self._database.session(Scope(account_id)) as session:
            rows, bodies = await self._read(session, account_id, breach_id)
        if breach_id is not None and not rows:
            raise NotFound("There is no such breach.")
        by_case: dict[UUID, list[Any]] = {}
        for row, body in zip(rows, bodies, strict=True):
            step = (row.kind, row.at, row.aware_at, row.account_id, row.breach_id, body)
            by_case.setdefault(row.breach_id, []).append(step)
        return [summed(steps) for _, steps in sorted(by_case.items(), reverse=True)]

    async def _read(
        self, session: AsyncSession, account_id: UUID, breach_id: UUID | None
    ) -> tuple[Sequence[BreachEvent], list[dict[str, Any]]]:
        statement = select(BreachEvent).where(BreachEvent.account_id == account_id)
        if breach_id is not None:
            statement = statement.where(BreachEvent.breach_id == breach_id)
        rows = (await session.exec(statement.order_by(col(BreachEvent.breach_id), col(BreachEvent.seq)))).all()
        opened = await self._vault.open(rows, purpose=PURPOSE, actor=READER, session=session)
        return rows, [opened(row.body, otherwise={UNREADABLE: True}) for row in rows]


def _hash(row: BreachEvent, body: Mapping[str, Any]) -> bytes:
    """Over all that a step says: another word in it, another hash."""
    fields = [
        str(row.id), str(row.breach_id), row.seq, row.kind, row.actor, row.at.isoformat(timespec="microseconds"),
        row.aware_at.isoformat(timespec="microseconds") if row.aware_at else None, body,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()).digest()
