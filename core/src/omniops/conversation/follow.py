"""Following a turn: in this process from memory, in any other from what it flushed, woken by notifications."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import select

from omniops.conversation.live import LiveTurns
from omniops.conversation.messages import MessageView, Reader
from omniops.conversation.models import Conversation, Message, Turn
from omniops.conversation.turns import TurnEvent, Turns
from omniops.conversation.visitors import Visitor
from omniops.database.notices import Notices
from omniops.database.service import Database
from omniops.errors import NotFound

PURPOSE = "chat.serve"
LOOK_SECONDS = 5.0
"""A follower looks by itself this often: a notification may be lost."""


@dataclass(frozen=True, slots=True)
class Typing:
    """A person is typing. Nothing is stored of it; `after` is the number of the newest message."""

    after: int


class Follower:
    """Streams the events of one's own turns and messages, wherever they are made."""

    def __init__(self, database: Database, turns: Turns, reader: Reader, live: LiveTurns, notices: Notices) -> None:
        self._database = database
        self._turns = turns
        self._reader = reader
        self._live = live
        self._notices = notices

    async def own(self, visitor: Visitor, turn_id: UUID) -> Turn:
        """The visitor's turn. Raises `NotFound` for anybody else's."""
        turn = await self._turns.get(visitor.scope, turn_id)
        if turn is None or turn.subject_id not in visitor.subjects:
            raise NotFound("There is no such answer.")
        return turn

    async def turn(self, visitor: Visitor, turn_id: UUID, after: int = 0) -> AsyncIterator[TurnEvent]:
        """Events after number `after` until the terminal one. Raises `NotFound` before anything is streamed."""
        await self.own(visitor, turn_id)
        live = self._live.get(turn_id)
        return live.follow(after) if live is not None else self._remote(visitor, turn_id, after)

    async def _remote(self, visitor: Visitor, turn_id: UUID, after: int) -> AsyncIterator[TurnEvent]:
        with self._notices.watch(turn_id, "turn") as woken:
            while True:
                woken.clear()
                turn = await self.own(visitor, turn_id)
                if turn.state != "running":
                    yield await self._outcome(visitor, turn, after + 1)
                    return
                for event in await self._turns.events(visitor.scope, turn, visitor.actor):
                    if event.seq > after:
                        after = event.seq
                        yield event
                with suppress(TimeoutError):
                    await asyncio.wait_for(woken.wait(), LOOK_SECONDS)

    async def _outcome(self, visitor: Visitor, turn: Turn, seq: int) -> TurnEvent:
        """The terminal event of a turn that ended: its whole message, so nothing that was missed is missing."""
        async with self._database.session(visitor.scope) as session:
            statement = select(Message).where(Message.domain_id == turn.domain_id, Message.turn_id == turn.id)
            message = (await session.exec(statement)).first()
            conversation = await session.get(Conversation, (turn.domain_id, turn.conversation_id))
        if turn.state in ("handed_off", "drafted") and message is None:
            # A draft is no message before a person sends it.
            return TurnEvent(seq, "none", {"state": conversation.state if conversation else "closed"})
        if turn.state not in ("done", "drafted") or message is None:
            return TurnEvent(seq, "error", {"code": turn.state, "retry": True, "detail": "The answer was cut short."})
        seen = await self._reader.one(visitor.scope, message, purpose=PURPOSE, actor=visitor.actor)
        return TurnEvent(seq, "done", seen.to_json())

    async def messages(self, visitor: Visitor, after: int) -> AsyncIterator[MessageView | Typing]:
        """Messages of the visitor's conversation after number `after`, then each new one as it is written, and now and
        then that a person is typing."""
        about = visitor.conversation_id
        with self._notices.watch(about, "message", "typing") as woken, self._notices.watch(about, "typing") as typing:
            while True:
                woken.clear()
                if typing.is_set():
                    typing.clear()
                    yield Typing(after)
                for message in await self._reader.read(
                    visitor.scope, visitor.conversation_id, after=after, purpose=PURPOSE, actor=visitor.actor
                ):
                    after = message.seq
                    yield message
                with suppress(TimeoutError):
                    await asyncio.wait_for(woken.wait(), LOOK_SECONDS * 6)
