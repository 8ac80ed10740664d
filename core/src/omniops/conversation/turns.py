"""The turn as a row: started once, leased to one process, flushed while it runs, ended once."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.ids import Clock, new_id
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.conversation.models import Conversation, Turn
from omniops.database.service import Database, Notice, notify
from omniops.errors import Rejected
from omniops.vault.service import Vault

LEASE = timedelta(seconds=15)
FLUSH_SECONDS = 1.0

PROCESS = f"{socket.gethostname()}:{os.getpid()}:{new_id().hex[-6:]}"
"""Names this process in the turns that it answers."""


@dataclass(frozen=True, slots=True)
class TurnEvent:
    """One event of a turn's stream. `seq` counts from 1; a follower resumes after the last one it saw."""

    seq: int
    kind: str
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def terminal(self) -> bool:
        return self.kind in ("done", "none", "error")


class Turns:
    """Turn rows."""

    def __init__(self, database: Database, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock

    async def start(self, session: AsyncSession, conversation: Conversation, message_id: UUID, key: str) -> Turn:
        """A running turn in the session's transaction. Raises `Rejected` while another one of the conversation runs."""
        turn = Turn(
            domain_id=conversation.domain_id,
            subject_id=conversation.subject_id,
            conversation_id=conversation.id,
            message_id=message_id,
            state="running",
            owner=PROCESS,
            lease_until=self._clock.now() + LEASE,
            key=key,
        )
        session.add(turn)
        try:
            await session.flush()
        except IntegrityError as error:
            raise Rejected(
                "Another answer of this conversation is being written.",
                code="turn_running",
                do="Wait until it ends, or stop it.",
            ) from error
        return turn

    async def by_key(self, scope: Scope, conversation_id: UUID, key: str) -> Turn | None:
        """The turn that an earlier request with the same idempotency key made."""
        async with self._database.session(scope) as session:
            statement = select(Turn).where(
                Turn.domain_id == scope.domain_id, Turn.conversation_id == conversation_id, Turn.key == key
            )
            return (await session.exec(statement)).first()

    async def running(self, scope: Scope, conversation_id: UUID) -> Turn | None:
        async with self._database.session(scope) as session:
            statement = select(Turn).where(
                Turn.domain_id == scope.domain_id, Turn.conversation_id == conversation_id, Turn.state == "running"
            )
            return (await session.exec(statement)).first()

    async def get(self, scope: Scope, turn_id: UUID) -> Turn | None:
        async with self._database.session(scope) as session:
            return await session.get(Turn, (scope.domain_id, turn_id))

    async def last_deployment(self, scope: Scope, conversation_id: UUID) -> str | None:
        """Who gave the newest finished answer of a conversation."""
        async with self._database.session(scope) as session:
            statement = (
                select(Turn.deployment)
                .where(Turn.domain_id == scope.domain_id, Turn.conversation_id == conversation_id, Turn.state == "done")
                .order_by(col(Turn.id).desc())
                .limit(1)
            )
            return (await session.exec(statement)).first()

    async def flush(self, scope: Scope, turn_id: UUID, events: list[TurnEvent]) -> bool:
        """Renews the lease and keeps the events so far, sealed. False when the turn is not ours any more."""
        async with self._database.session(scope) as session:
            turn = await self._ours(session, scope, turn_id)
            if turn is None:
                return False
            turn.lease_until = self._clock.now() + LEASE
            turn.seq = events[-1].seq if events else 0
            turn.parts = seal([[event.seq, event.kind, event.data] for event in events])
            session.add(turn)
            await notify(session, Notice("turn", turn.domain_id, turn.id, turn.seq))
            await session.commit()
            return True

    async def end(
        self,
        session: AsyncSession,
        scope: Scope,
        turn_id: UUID,
        state: str,
        *,
        deployment: str | None,
        record: dict[str, Any],
    ) -> bool:
        """Ends our turn in the session's transaction. False when it was taken from us: then write nothing either."""
        turn = await self._ours(session, scope, turn_id)
        if turn is None:
            return False
        turn.state = state
        turn.deployment = deployment
        turn.record = record
        turn.parts = None
        turn.ended_at = self._clock.now()
        session.add(turn)
        await notify(session, Notice("turn", turn.domain_id, turn.id, turn.seq))
        return True

    async def take(
        self, session: AsyncSession, scope: Scope, turn_id: UUID, *, alive: bool = False, again: bool = False
    ) -> Turn | None:
        """Makes a running turn ours whose lease ran out, or with `alive` any; with `again` also one that was cut short,
        which runs anew. None where there is nothing to take.

        Locked until the commit. The process that lost it finds out when it next renews, and writes nothing more.
        """
        statement = (
            select(Turn).where(Turn.domain_id == scope.domain_id, Turn.id == turn_id).with_for_update(skip_locked=True)
        )
        turn = (await session.exec(statement)).first()
        if turn is None:
            return None
        lost = turn.state == "running" and (alive or turn.lease_until <= self._clock.now())
        if not lost and not (again and turn.state == "interrupted"):
            return None
        turn.state, turn.ended_at = "running", None
        turn.owner = PROCESS
        turn.lease_until = self._clock.now() + LEASE
        session.add(turn)
        return turn

    async def take_running(self, session: AsyncSession, scope: Scope, conversation_id: UUID) -> Turn | None:
        """Makes the running turn of a locked conversation ours, wherever it runs; it waits for whoever holds its row.
        None where none runs."""
        statement = select(Turn).where(
            Turn.domain_id == scope.domain_id, Turn.conversation_id == conversation_id, Turn.state == "running"
        )
        turn = (await session.exec(statement.with_for_update())).first()
        if turn is not None:
            turn.owner = PROCESS
            session.add(turn)
        return turn

    async def events(self, scope: Scope, turn: Turn, actor: Actor) -> list[TurnEvent]:
        """The events that were flushed, in clear."""
        opened = await self._vault.open([turn], purpose="chat.serve", actor=actor)
        stored = opened(turn.parts, otherwise=None) or []
        return [TurnEvent(seq, kind, data) for seq, kind, data in stored]

    async def _ours(self, session: AsyncSession, scope: Scope, turn_id: UUID) -> Turn | None:
        statement = select(Turn).where(Turn.domain_id == scope.domain_id, Turn.id == turn_id).with_for_update()
        turn = (await session.exec(statement)).first()
        return turn if turn is not None and turn.state == "running" and turn.owner == PROCESS else None
