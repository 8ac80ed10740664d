"""One turn from question to stored answer: ground, route, stream, record."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import DomainView
from omniops.contracts.ids import Clock
from omniops.contracts.knowledge import Found
from omniops.contracts.plugin import Log
from omniops.contracts.provider import (
    ChatMessage,
    Citation,
    Done,
    Event,
    Level,
    Provider,
    ProviderError,
    Refusal,
    Request,
    Text,
    Timeouts,
)
from omniops.contracts.scope import Actor, Scope
from omniops.conversation.grounding import Search, ground
from omniops.conversation.live import LiveTurn
from omniops.conversation.messages import MessageView, Reader, append, locked
from omniops.conversation.models import Message
from omniops.conversation.parts import Answer
from omniops.conversation.routing import Admits, Chosen, NoDeployment, candidates, route
from omniops.conversation.turns import FLUSH_SECONDS, Turns
from omniops.conversation.wording import say
from omniops.database.service import Database
from omniops.errors import OmniOpsError

HISTORY = 12
"""Messages of the conversation that a provider sees."""
ACTOR = Actor.system("conversation.answer")
PURPOSE = "chat.respond"

OnAnswer = Callable[[AsyncSession, Message], Awaitable[None]]
"""Called in the transaction that stores the answer: puts it into the outbox of its channel."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a turn answers. `seq` is the number of the visitor's message."""

    domain: DomainView
    conversation_id: UUID
    turn_id: UUID
    seq: int
    text: str
    language: str

    @property
    def scope(self) -> Scope:
        return self.domain.scope


@dataclass(slots=True)
class _Progress:
    """What is known of an answer while it grows."""

    answer: Answer = field(default_factory=lambda: Answer(()))
    found: Found | None = None
    deployment: str | None = None
    failed: tuple[tuple[str, str], ...] = ()
    usage: dict[str, Any] = field(default_factory=dict)
    began: float = field(default_factory=time.perf_counter)
    first: float | None = None

    def record(self) -> dict[str, Any]:
        now = time.perf_counter()
        return {
            "passages": [str(hit.passage.id) for hit in self.found.hits] if self.found else [],
            "cited": [str(source.passage_id) for source in self.answer.sources],
            "failed": [list(pair) for pair in self.failed],
            "first_ms": round(((self.first or now) - self.began) * 1000),
            "total_ms": round((now - self.began) * 1000),
            **self.usage,
        }


class Answering:
    """Runs the turns of this process."""

    def __init__(
        self,
        database: Database,
        reader: Reader,
        turns: Turns,
        search: Search,
        providers: Callable[[DomainView], Awaitable[Sequence[Provider]]],
        admits: Callable[[DomainView], Admits],
        clock: Clock,
        log: Log,
    ) -> None:
        self._database = database
        self._reader = reader
        self._turns = turns
        self._search = search
        self._providers = providers
        self._admits = admits
        self._clock = clock
        self._log = log

    async def run(self, question: Question, live: LiveTurn, on_answer: OnAnswer | None = None) -> None:
        """Answers a question whose turn is ours, with exactly one terminal event and one stored outcome.

        Cancelled (the visitor left or pressed stop): the upstream is closed, and what was visible is kept as
        interrupted. Nothing may answer: the conversation is handed to a person.
        """
        progress = _Progress()
        keeper = asyncio.create_task(self._keep(question, live))
        try:
            await self._stream(question, live, progress)
            await self._finish(question, live, progress, on_answer)
        except asyncio.CancelledError:
            await asyncio.shield(self._interrupt(question, live, progress, "interrupted"))
            raise
        except NoDeployment as error:
            progress.failed = error.failed
            await self._hand_over(question, live, progress)
        except OmniOpsError as error:
            self._log.warning("turn.failed", turn=str(question.turn_id), error=type(error).__name__, said=str(error))
            await self._interrupt(
                question, live, progress, error.kind if isinstance(error, ProviderError) else "failed"
            )
        except Exception:
            self._log.error("turn.failed", turn=str(question.turn_id), exc_info=True)
            await self._interrupt(question, live, progress, "failed")
        finally:
            keeper.cancel()

    async def _stream(self, question: Question, live: LiveTurn, progress: _Progress) -> None:
        history = await self._history(question)
        settings = question.domain.settings
        searched, found = await ground(self._search, question.scope, question.text, history, enough=settings.answer_cut)
        progress.found, progress.answer = found, Answer(found.hits)
        request = Request(
            question=searched,
            messages=(*history, ChatMessage("visitor", question.text)),
            passages=found.hits,
            language=question.language,
            cover=found.cover,
            answer_cut=settings.answer_cut,
            closest_cut=settings.closest_cut,
            idempotency_key=str(question.turn_id),
            rarity=found.rarity,
        )
        providers = await self._providers(question.domain)
        may = candidates(providers, request, self._admits(question.domain), settings.providers)
        async for event in route(may, request, Timeouts(), self._log):
            if isinstance(event, Chosen):
                progress.deployment, progress.failed = event.deployment.name, event.failed
                progress.first = time.perf_counter()
            elif isinstance(event, Done):
                progress.usage |= {"input": event.usage.input, "output": event.usage.output, "stop": event.stop}
            else:
                if isinstance(event, Level) and event.strength is not None:
                    progress.usage["strength"] = round(event.strength, 4)
                _show(event, live, progress.answer)

    async def _history(self, question: Question) -> tuple[ChatMessage, ...]:
        after = max(0, question.seq - 1 - HISTORY)
        earlier = await self._reader.read(
            question.scope, question.conversation_id, after=after, limit=HISTORY, purpose=PURPOSE, actor=ACTOR
        )
        return tuple(
            ChatMessage("visitor" if m.author == "visitor" else "ai" if m.author == "ai" else "person", m.text)
            for m in earlier
            if m.seq < question.seq and m.author != "system"
        )

    async def _keep(self, question: Question, live: LiveTurn) -> None:
        """Renews the lease and keeps the text so far, about once a second. A turn that was taken from us is stopped."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                if not await self._turns.flush(question.scope, question.turn_id, list(live.events)):
                    live.stop()
                    return
            except OmniOpsError as error:
                self._log.warning("turn.not_flushed", turn=str(question.turn_id), said=str(error))

    async def _finish(
        self, question: Question, live: LiveTurn, progress: _Progress, on_answer: OnAnswer | None
    ) -> None:
        answer = progress.answer
        if answer.level is None:
            answer.level = "answer"
        text = _spoken(answer, question.language)
        async with self._database.session(question.scope) as session:
            conversation = await locked(session, question.scope, question.conversation_id)
            taken_over = conversation.state != "ai"
            if not await self._end(session, question, "interrupted" if taken_over else "done", progress):
                raise asyncio.CancelledError
            if taken_over:  # a person answers now: nothing of the AI may follow
                await session.commit()
                live.emit("none", {"state": conversation.state})
                return
            message = await append(
                session,
                conversation,
                author="ai",
                text=text,
                answer=answer,
                turn_id=question.turn_id,
                language=question.language,
                at=self._clock.now(),
            )
            if on_answer is not None:
                await on_answer(session, message)
            await session.commit()
        live.emit("done", _view(message, text, answer).to_json())

    async def _interrupt(self, question: Question, live: LiveTurn, progress: _Progress, code: str) -> None:
        answer = progress.answer
        async with self._database.session(question.scope) as session:
            conversation = await locked(session, question.scope, question.conversation_id)
            if await self._end(session, question, "interrupted", progress):
                await append(
                    session,
                    conversation,
                    author="ai",
                    text=answer.text,
                    answer=answer,
                    turn_id=question.turn_id,
                    language=question.language,
                    interrupted=True,
                    at=self._clock.now(),
                )
            await session.commit()
        if not live.ended:
            live.emit("error", {"code": code, "retry": True, "detail": "The answer was cut short."})

    async def _hand_over(self, question: Question, live: LiveTurn, progress: _Progress) -> None:
        async with self._database.session(question.scope) as session:
            conversation = await locked(session, question.scope, question.conversation_id)
            if await self._end(session, question, "handed_off", progress):
                conversation.state = "waiting"
                await append(
                    session,
                    conversation,
                    author="system",
                    text=say("handed_off", question.language),
                    event="handed_off",
                    language=question.language,
                    at=self._clock.now(),
                )
            await session.commit()
        live.emit("none", {"state": "waiting"})

    async def _end(self, session: AsyncSession, question: Question, state: str, progress: _Progress) -> bool:
        return await self._turns.end(
            session,
            question.scope,
            question.turn_id,
            state,
            deployment=progress.deployment,
            record=progress.record(),
        )


def _show(event: Event, live: LiveTurn, answer: Answer) -> None:
    """What a visitor sees of one event."""
    match event:
        case Level(value):
            answer.level = value
            live.emit("level", {"level": value})
        case Text(delta) | Refusal(delta):
            if shown := answer.add_text(delta):
                live.emit("text", {"text": shown})
        case Citation():
            source = answer.add_citation(event)
            if source is not None:
                live.emit("cite", {"n": source.n, "source": source.to_json()})


def _spoken(answer: Answer, language: str) -> str:
    """The whole answer in words, for channels without parts."""
    if answer.level == "none":
        return answer.text or say("none", language)
    if answer.level == "closest":
        return "\n\n".join([say("closest", language), *(f"“{source.quote}”" for source in answer.sources)])
    return answer.text


def _view(message: Message, text: str, answer: Answer) -> MessageView:
    parts, sources = answer.to_json()
    return MessageView(
        id=message.id,
        seq=message.seq,
        author=message.author,
        at=message.created_at,
        language=message.language,
        text=text,
        parts=parts,
        sources=sources,
        level=message.level,
        event=None,
        interrupted=False,
    )
