"""The turns that run in this process: begun with a watch over them, stopped, and the lost ones cleared up."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.conversation.answering import Answering, OnAnswer, Question
from omniops.conversation.live import LiveTurn, LiveTurns
from omniops.conversation.messages import append, locked
from omniops.conversation.models import Conversation, Message, Turn
from omniops.conversation.turns import LEASE, Turns
from omniops.database.service import Database
from omniops.jobs.service import Jobs, scope_argument

LOST = Actor.system("conversation.watch")


class Running:
    """Begins, runs and ends turns."""

    def __init__(self, database: Database, turns: Turns, answering: Answering, jobs: Jobs, clock: Clock) -> None:
        self._database = database
        self._turns = turns
        self._answering = answering
        self._jobs = jobs
        self._clock = clock
        self.live = LiveTurns()

    async def begin(
        self, session: AsyncSession, scope: Scope, conversation: Conversation, message: Message, key: str
    ) -> Turn:
        """A running turn of ours, with the job that looks after it, in the session's transaction."""
        turn = await self._turns.start(session, conversation, message.id, key)
        await self.watch_later(session, scope, turn)
        return turn

    async def watch_later(self, session: AsyncSession, scope: Scope, turn: Turn) -> None:
        """Looks again when the turn's lease should be over."""
        await self._jobs.enqueue(
            session,
            "conversation:watch",
            at=self._clock.now() + LEASE + timedelta(seconds=5),
            domain_id=scope_argument(scope),
            turn_id=turn.id,
        )

    def run(self, question: Question, live: LiveTurn, on_answer: OnAnswer | None = None) -> asyncio.Task[None]:
        """Answers in a task of its own, which outlives the request that asked."""
        task = asyncio.create_task(self._answering.run(question, live, on_answer))
        self.live.start(live, task)
        return task

    async def stop(self, scope: Scope, turn: Turn) -> None:
        """Stops an answer in whichever process it runs; returns when its outcome is stored."""
        live = self.live.get(turn.id)
        if live is not None:
            live.stop()
            await live.wait()
        elif turn.state == "running":
            await self.interrupt_lost(scope, turn.id, alive=True)

    async def interrupt_lost(self, scope: Scope, turn_id: UUID, *, alive: bool = False) -> None:
        """Ends a turn that no process of ours streams: what was flushed of it is kept as interrupted.

        With `alive`, also one whose lease still runs elsewhere; that process stops when it next renews.
        """
        async with self._database.session(scope) as session:
            turn = await self._turns.take(session, scope, turn_id, alive=alive)
            if turn is None:
                return
            events = await self._turns.events(scope, turn, LOST)
            text = "".join(str(event.data.get("text", "")) for event in events if event.kind == "text")
            conversation = await locked(session, scope, turn.conversation_id)
            await self._turns.end(session, scope, turn_id, "interrupted", deployment=None, record={"lost": True})
            await append(
                session, conversation, author="ai", text=text, turn_id=turn_id, interrupted=True, at=self._clock.now()
            )
            await session.commit()

    async def close(self) -> None:
        """Stops this process's turns; each keeps what was visible."""
        await self.live.close()
