"""The turns that run in this process: begun with a watch over them, stopped, and the lost ones cleared up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.conversation.ai_marks import AiMarks
from omniops.conversation.answering import Answering, OnAnswer
from omniops.conversation.live import LiveTurn, LiveTurns
from omniops.conversation.messages import append, locked
from omniops.conversation.models import Conversation, Message, Turn
from omniops.conversation.progress import Question
from omniops.conversation.states import SILENT
from omniops.conversation.turns import LEASE, TurnEvent, Turns
from omniops.conversation.visitors import WEBSITE
from omniops.database.service import Database, Notice, notify
from omniops.jobs.service import Jobs, scope_argument

LOST = Actor.system("conversation.watch")


class Running:
    """Begins, runs and ends turns."""

    def __init__(
        self,
        database: Database,
        turns: Turns,
        answering: Answering,
        ai_marks: AiMarks,
        jobs: Jobs,
        clock: Clock,
    ) -> None:
        self._database = database
        self._turns = turns
        self._answering = answering
        self._ai_marks = ai_marks
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

    async def silence(
        self, session: AsyncSession, scope: Scope, conversation: Conversation, state: str
    ) -> Callable[[], Awaitable[None]]:
        """Ends the answer that runs in a locked conversation, in the session's transaction, before this leaves `state`
        behind: what its visitor saw of it is kept as interrupted, and nothing of it is shown from now on. In which
        process it runs does not matter. Await what is returned after the commit."""
        turn = await self._turns.take_running(session, scope, conversation.id)
        live = self.live.get(turn.id) if turn is not None else None
        if turn is not None:
            if live is not None:
                live.held = True
            await self._cut(session, scope, conversation, turn, "silenced", live.events if live else None)
            await notify(session, Notice("stop", turn.domain_id, turn.id))

        async def let_go() -> None:
            if live is not None:
                live.over("none", {"state": state})
                live.stop()
                await live.wait()

        return let_go

    async def stop_here(self, notice: Notice | None) -> None:
        """A person took over, perhaps in another process. A turn that runs here falls silent at once; without the
        notice it would find out when it next renews."""
        live = self.live.get(notice.id) if notice is not None and notice.id is not None else None
        if notice is None or live is None:
            return
        live.held = True
        async with self._database.session(await self._database.scope_of(notice.domain_id)) as session:
            turn = await session.get(Turn, (notice.domain_id, live.turn_id))
            place = (notice.domain_id, turn.conversation_id if turn else None)
            conversation = await session.get(Conversation, place)
        live.over("none", {"state": conversation.state if conversation else "closed"})
        live.stop()

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
        found = await self._turns.get(scope, turn_id)
        if found is None:
            return
        async with self._database.session(scope) as session:
            # The conversation first, as everybody locks it: two who wait for each other's row would both fail.
            conversation = await locked(session, scope, found.conversation_id)
            turn = await self._turns.take(session, scope, turn_id, alive=alive)
            if turn is None:
                return
            await self._cut(session, scope, conversation, turn, "lost")
            await session.commit()

    async def _cut(
        self,
        session: AsyncSession,
        scope: Scope,
        conversation: Conversation,
        turn: Turn,
        why: Literal["lost", "silenced"],
        events: Sequence[TurnEvent] | None = None,
    ) -> None:
        """Ends a turn that is ours as interrupted, and keeps what was visible of it: from `events`, or as flushed. Of
        one that was lost its visitor is told in any case, and may ask again; whoever silences one says so."""
        if events is None:
            events = await self._turns.events(scope, turn, LOST)
        await self._turns.end(session, scope, turn.id, "interrupted", deployment=None, record={why: True})
        if conversation.channel != WEBSITE or conversation.state in SILENT:
            return  # nothing was visible, or nothing of the AI may follow
        text, parts, sources = told(events)
        if why == "silenced" and not parts:
            return
        message = await append(
            session,
            conversation,
            author="ai",
            text=text,
            parts=parts,
            sources=sources,
            turn_id=turn.id,
            interrupted=True,
            at=self._clock.now(),
        )
        self._ai_marks.mark(session, message, text)

    async def close(self) -> None:
        """Stops this process's turns; each keeps what was visible."""
        await self.live.close()


def told(events: Sequence[TurnEvent]) -> tuple[str, list[dict[str, Any]], list[dict[str, Any]]]:
    """What a visitor has seen of an answer: its text, its parts, its sources."""
    parts: list[dict[str, Any]] = []
    sources: dict[int, dict[str, Any]] = {}
    for event in events:
        source = event.data.get("source")
        if source:
            sources[source["n"]] = source
        if event.kind == "reset":  # what came before it was taken back
            parts, sources = [], {}
        elif event.kind == "text" and parts and parts[-1]["type"] == "text":
            parts[-1]["text"] += event.data["text"]
        elif event.kind == "text":
            parts.append({"type": "text", "text": event.data["text"]})
        elif event.kind == "cite":
            parts.append({"type": "cite", "n": event.data["n"]})
        elif event.kind == "card":
            parts.append({"type": "card", "card": event.data["card"], "n": event.data["n"]})
    text = "".join(part["text"] for part in parts if part["type"] == "text")
    return text, parts, [sources[n] for n in sorted(sources)]
