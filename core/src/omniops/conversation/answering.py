"""One turn from question to stored answer: ground, route, stream, record."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import Mode
from omniops.contracts.ids import Clock
from omniops.contracts.plugin import Log
from omniops.contracts.provider import ProviderError
from omniops.conversation.ai_marks import AiMarks
from omniops.conversation.announcing import announce
from omniops.conversation.bulkhead import Bulkhead
from omniops.conversation.composing import ACTOR, Composer
from omniops.conversation.drafts import keep_back
from omniops.conversation.live import LiveTurn
from omniops.conversation.messages import MessageView, append, locked
from omniops.conversation.models import Conversation, Message
from omniops.conversation.modes import held_to, mode_for
from omniops.conversation.parts import Answer
from omniops.conversation.progress import Progress, Question
from omniops.conversation.routing.route import NoDeployment
from omniops.conversation.states import SILENT, Reason, move
from omniops.conversation.states import Event as StateEvent
from omniops.conversation.turns import FLUSH_SECONDS, LEASE, Turns
from omniops.conversation.wording import say
from omniops.database.service import Database
from omniops.errors import OmniOpsError, PluginError, RedactionFailed

_ENDS: dict[Mode, str] = {"automatic": "done", "draft": "drafted", "off": "handed_off"}
"""How a turn ends whose answer is complete, by the mode of its answer."""
FLUSH_COST = 0.02
"""Seconds between two flushes of the whole process, so that flushing never eats what answering needs."""

OnAnswer = Callable[[AsyncSession, Message], Awaitable[None]]
"""Called in the transaction that stores the answer, or what is said instead: puts it into the outbox of its channel."""


class Answering:
    """Runs the turns of this process."""

    def __init__(
        self,
        database: Database,
        turns: Turns,
        composer: Composer,
        ai_marks: AiMarks,
        clock: Clock,
        log: Log,
    ) -> None:
        self._database = database
        self._turns = turns
        self._composer = composer
        self._ai_marks = ai_marks
        self._clock = clock
        self._log = log
        self._at_once = 0
        self._bulkhead = Bulkhead()

    async def run(self, question: Question, live: LiveTurn, on_answer: OnAnswer | None = None) -> None:
        """Answers a question whose turn is ours, with exactly one terminal event and one stored outcome.

        Cancelled (the visitor left or pressed stop): the upstream is closed, and what was visible is kept as
        interrupted; with `on_answer` nothing was. Nothing may answer: the conversation is handed to a person.
        """
        if live.ended:  # a person took over before it began
            return
        progress, seen = Progress(), on_answer is None
        keeper = asyncio.create_task(self._keep(question, live))
        self._at_once += 1
        try:
            await self._composer.compose(question, live, progress)
            await self._end(partial(self._finish, question, live, progress, on_answer))
        except asyncio.CancelledError:
            await self._end(partial(self._interrupt, question, live, progress, "interrupted", seen))
            raise
        except NoDeployment:
            await self._end(partial(self._hand_over, question, live, progress, on_answer))
        except (RedactionFailed, PluginError) as error:  # nothing was sent, and nothing may be: a person answers
            self._log.error("turn.not_sent", turn=str(question.turn_id), said=str(error))
            progress.notes["not_sent"] = type(error).__name__
            await self._end(partial(self._hand_over, question, live, progress, on_answer))
        except OmniOpsError as error:
            self._log.warning("turn.failed", turn=str(question.turn_id), error=type(error).__name__, said=str(error))
            code = error.kind if isinstance(error, ProviderError) else "failed"
            await self._end(partial(self._interrupt, question, live, progress, code, seen))
        except Exception:
            self._log.error("turn.failed", turn=str(question.turn_id), exc_info=True)
            await self._end(partial(self._interrupt, question, live, progress, "failed", seen))
        finally:
            self._at_once -= 1
            keeper.cancel()

    async def _end(self, ending: Callable[[], Awaitable[None]]) -> None:
        """Stores how a turn ended. A cancellation meanwhile is heard afterwards: nothing is left half ended, and who
        waits for the turn waits for its outcome."""
        storing, cancelled = asyncio.create_task(self._bulkhead.run(ending)), False
        while not storing.done():
            try:
                await asyncio.wait({storing})
            except asyncio.CancelledError:
                cancelled = True
        storing.result()
        if cancelled:
            raise asyncio.CancelledError

    async def _keep(self, question: Question, live: LiveTurn) -> None:
        """Renews the lease and keeps the text so far, about once a second, less often where many turns share a process.
        A turn that was taken from us is stopped."""
        while True:
            await asyncio.sleep(max(FLUSH_SECONDS, min(self._at_once * FLUSH_COST, LEASE.total_seconds() / 3)))
            try:
                if not await self._turns.flush(question.scope, question.turn_id, list(live.events)):
                    live.stop()
                    return
            except OmniOpsError as error:
                self._log.warning("turn.not_flushed", turn=str(question.turn_id), said=str(error))

    async def _finish(self, question: Question, live: LiveTurn, progress: Progress, on_answer: OnAnswer | None) -> None:
        answer = progress.answer
        text = _spoken(answer, question.language)
        async with self._database.session(question.scope) as session:
            conversation = await locked(session, question.scope, question.conversation_id)
            if conversation.state in SILENT:  # a person answers now: nothing of the AI may follow
                await self._ended(session, question, "interrupted", progress)
                await session.commit()
                live.over("none", {"state": conversation.state})
                return
            mode = self._mode(question, conversation, progress) if live.held else "automatic"
            if not await self._ended(session, question, _ENDS[mode], progress):
                raise asyncio.CancelledError
            if mode != "automatic":
                said = await keep_back(
                    session,
                    conversation,
                    mode,
                    answer,
                    text,
                    question.turn_id,
                    question.domain.settings.hours,
                    actor=ACTOR,
                    language=question.language,
                    at=self._clock.now(),
                )
                if on_answer is not None and said is not None:
                    await on_answer(session, said)
                await session.commit()
                live.over("none", {"state": conversation.state})
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
            self._ai_marks.mark(session, message, text)
            if on_answer is not None:
                await on_answer(session, message)
            if progress.to_person:
                reason: Reason = "sensitive" if "guard" in progress.notes else "asked_for"
                await self._to_person(session, question, conversation, "ai_handed_over", reason, on_answer)
            await session.commit()
        moved = {"state": conversation.state} if progress.to_person else {}
        live.emit("done", _view(message, text, answer).to_json() | moved)

    def _mode(self, question: Question, conversation: Conversation, progress: Progress) -> Mode:
        strength = progress.notes.get("strength")
        rules, level = question.domain.settings.review, progress.answer.level or "answer"
        return held_to(conversation) or mode_for(rules, conversation.channel, question.text, level, strength)

    async def _interrupt(self, question: Question, live: LiveTurn, progress: Progress, code: str, seen: bool) -> None:
        """Ends a turn that was cut short. Where even that cannot be stored, the lease runs out and a watch ends it."""
        try:
            await self._keep_interrupted(question, live, progress, seen)
        except OmniOpsError as error:
            self._log.error("turn.not_ended", turn=str(question.turn_id), said=str(error))
        live.over("error", {"code": code, "retry": True, "detail": "The answer was cut short."})

    async def _keep_interrupted(self, question: Question, live: LiveTurn, progress: Progress, seen: bool) -> None:
        answer = progress.answer
        async with self._database.session(question.scope) as session:
            conversation = await locked(session, question.scope, question.conversation_id)
            ours = await self._ended(session, question, "interrupted", progress)
            if ours and seen and not live.held and conversation.state not in SILENT:
                message = await append(
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
                self._ai_marks.mark(session, message, answer.text)
            await session.commit()

    async def _hand_over(
        self, question: Question, live: LiveTurn, progress: Progress, on_answer: OnAnswer | None
    ) -> None:
        async with self._database.session(question.scope) as session:
            conversation = await locked(session, question.scope, question.conversation_id)
            if await self._ended(session, question, "handed_off", progress) and conversation.state not in SILENT:
                await self._to_person(session, question, conversation, "ai_failed", "no_deployment", on_answer)
            await session.commit()
        live.over("none", {"state": conversation.state})

    async def _to_person(
        self,
        session: AsyncSession,
        question: Question,
        conversation: Conversation,
        event: StateEvent,
        reason: Reason,
        on_answer: OnAnswer | None,
    ) -> None:
        """The conversation waits for a person from this transaction on, and its visitor is told, wherever they are."""
        now, hours = self._clock.now(), question.domain.settings.hours
        await move(session, conversation, event, ACTOR, reason, at=now)
        said = await announce(session, conversation, "handed_off", hours, language=question.language, at=now)
        if on_answer is not None:
            await on_answer(session, said)

    async def _ended(self, session: AsyncSession, question: Question, state: str, progress: Progress) -> bool:
        return await self._turns.end(
            session,
            question.scope,
            question.turn_id,
            state,
            deployment=progress.trace.deployment,
            record=progress.record(),
        )


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
