"""The inbox's one door: what the people who work there do with a conversation. Who answers is decided in the same
transaction in which it is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.models import Member
from omniops.accounts.service import Accounts, Mode
from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.conversation.models import Conversation, ConversationEvent
from omniops.conversation.service import (
    TEMPLATE,
    WEBSITE,
    AiMarks,
    MessageView,
    Phrase,
    Reader,
    Reason,
    Running,
    Sender,
    announce,
    append,
    checked_text,
    locked,
    move,
    open_,
    opted_out,
    say,
)
from omniops.database.notices import Notices
from omniops.database.service import Database, Notice, notify
from omniops.errors import NotFound, Rejected
from omniops.inbox.carrying import Carrying, Choice
from omniops.inbox.drafts import Drafts
from omniops.inbox.following import Following
from omniops.inbox.labels import Labels
from omniops.inbox.models import Note
from omniops.inbox.provenance import Provenances
from omniops.inbox.queue import ConversationView, Queue, row_view
from omniops.inbox.snoozing import Snoozing
from omniops.inbox.summary import summarise
from omniops.inbox.today import Today
from omniops.inbox.undelivered import Undelivered
from omniops.inbox.views import ConsentView, Detail, EventView, NoteView
from omniops.privacy.service import Consents
from omniops.vault.models import Subject
from omniops.vault.service import Vault

PURPOSE = "support.provide"
SUMMED_UP = 50
"""Newest messages that a summary looks at."""


class Inbox:
    """Take over, give back, assign, reply, note, close, reopen. `queue`, `drafts`, `labels`, `snoozing`,
    `following`, `provenances`, `carrying`, `today` and `undelivered` are its parts."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        accounts: Accounts,
        audit: Audit,
        reader: Reader,
        running: Running,
        sender: Sender,
        notices: Notices,
        ai_marks: AiMarks,
        consents: Consents,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._accounts = accounts
        self._audit = audit
        self._reader = reader
        self._running = running
        self._sender = sender
        self._consents = consents
        self._clock = clock
        self.queue = Queue(database, vault, accounts, reader, clock)
        self.labels = Labels(database, audit, clock)
        self.snoozing = Snoozing(database, accounts, clock)
        self.drafts = Drafts(database, vault, accounts, audit, reader, sender, ai_marks, clock)
        self.following = Following(database, notices)
        self.provenances = Provenances(database, vault, audit, clock)
        self.carrying = Carrying(database, vault, sender)
        self.today = Today(database)
        self.undelivered = Undelivered(database, audit, sender)

    async def read(
        self, scope: Scope, conversation_id: UUID, *, actor: Actor, after: int = 0, limit: int = 200
    ) -> Sequence[MessageView]:
        """The messages of a conversation after number `after`, for a person who may read them. Raises `NotFound`."""
        await self._get(scope, conversation_id)
        return await self._reader.read(scope, conversation_id, after=after, limit=limit, purpose=PURPOSE, actor=actor)

    async def detail(self, scope: Scope, conversation_id: UUID, *, actor: Actor) -> Detail:
        """A conversation with its summary, the draft that waits, notes and what was done with it. Raises `NotFound`."""
        conversation = await self._get(scope, conversation_id)
        hours = (await self._accounts.domain(scope)).settings.hours
        start = max(0, conversation.last_seq - SUMMED_UP)
        messages = await self._reader.read(scope, conversation_id, after=start, purpose=PURPOSE, actor=actor)
        async with self._database.session(scope) as session:
            noted = select(Note).where(Note.domain_id == scope.domain_id, Note.conversation_id == conversation_id)
            notes = (await session.exec(noted.order_by(col(Note.id)))).all()
            done = select(ConversationEvent).where(
                ConversationEvent.domain_id == scope.domain_id, ConversationEvent.conversation_id == conversation_id
            )
            events = (await session.exec(done.order_by(col(ConversationEvent.id)))).all()
            visitor = await session.get(Subject, (scope.domain_id, conversation.subject_id))
        opened = await self._vault.open(notes, purpose=PURPOSE, actor=actor)
        waiting = await self.drafts.all(scope, state="open", conversation_id=conversation_id, actor=actor)
        return Detail(
            row_view(conversation, hours),
            summarise(messages),
            waiting[0] if waiting else None,
            [NoteView(note.id, opened(note.text, otherwise=""), note.author, note.created_at) for note in notes],
            (await self.labels.of(scope, [conversation_id])).get(conversation_id, []),
            [EventView(e.event, e.before, e.after, e.actor, e.reason, e.created_at) for e in events],
            await self._consents_of(scope, conversation.subject_id),
            visitor.origin if visitor is not None else None,
            self._sender.window(conversation),
        )

    async def _consents_of(self, scope: Scope, subject_id: UUID) -> list[ConsentView]:
        """What the visitor answered to which purpose, the oldest first; the last of a purpose that is a yes stands as
        long as the vault's door takes it for one."""
        states = await self._consents.of(scope, subject_id)
        found = await self._consents.history(scope, subject_id)
        last = {event.purpose: event.id for event in found}
        return [
            ConsentView(
                e.purpose, e.answer, e.method, e.signal, e.created_at, e.valid_until,
                last[e.purpose] == e.id and (states.get(e.purpose) == "given") == (e.answer in ("given", "renewed")),
            )
            for e in found
        ]  # fmt: skip

    async def visitor(self, scope: Scope, conversation_id: UUID) -> UUID:
        """Whom a conversation is with, as a random id. Raises `NotFound`."""
        return (await self._get(scope, conversation_id)).subject_id

    async def take_over(
        self, scope: Scope, conversation_id: UUID, *, actor: Actor, reason: Reason = "by_person"
    ) -> ConversationView:
        """From this transaction on a person answers: nothing of the AI follows. An answer that is being written ends,
        and its visitor is told. Raises `NotFound`, and `Rejected` for a closed conversation."""
        hours, now = (await self._accounts.domain(scope)).settings.hours, self._clock.now()
        async with self._database.session(scope) as session:
            conversation = await locked(session, scope, conversation_id)
            known = conversation.state == "human"
            let_go = await self._running.silence(session, scope, conversation, "human")
            await move(session, conversation, "taken_over", actor, reason, at=now)
            await self._sender.withdraw(session, conversation)
            conversation.assigned_to = member_of(actor) or conversation.assigned_to
            conversation.waiting_since = conversation.waiting_since or now
            if not known:
                said = await announce(session, conversation, "taken_over", hours, at=now)
                await self._sender.reach(session, scope, conversation, said)
            await session.commit()
        await let_go()
        await self._record(scope, actor, "conversation.take_over", reason=reason)
        return row_view(conversation, hours)

    async def reply(
        self, scope: Scope, conversation_id: UUID, text: str, *, files: Sequence[UUID] = (), actor: Actor
    ) -> MessageView:
        """A person answers, in words or with `files` of the conversation or both; the AI is out of this conversation
        from the same transaction on. Raises like `take_over`, and `Rejected` for bad text, for what the channel does
        not carry and when the time to write to this visitor is over."""
        words = checked_text(text) if text.strip() or not files else ""
        return await self._answer(scope, conversation_id, words, files, None, actor)

    async def send_template(self, scope: Scope, conversation_id: UUID, choice: Choice, *, actor: Actor) -> MessageView:
        """A person answers with a text that the other side approved before, which may be sent when others may not.
        Raises like `reply`, and `NotFound` for a text that it does not list."""
        words, part = await self.carrying.filled(scope, conversation_id, choice)
        return await self._answer(scope, conversation_id, checked_text(words), (), part, actor)

    async def _answer(
        self,
        scope: Scope,
        conversation_id: UUID,
        words: str,
        files: Sequence[UUID],
        template: dict[str, Any] | None,
        actor: Actor,
    ) -> MessageView:
        now = self._clock.now()
        async with self._database.session(scope) as session:
            conversation = await locked(session, scope, conversation_id)
            self.carrying.check(conversation, template=template is not None)
            parts = [template] if template else await self.carrying.files(session, conversation, files, actor=actor)
            text = words or ", ".join(part["name"] for part in parts)
            if words and files:
                parts = [{"type": "text", "text": words}, *parts]
            let_go = await self._running.silence(session, scope, conversation, "human")
            await move(session, conversation, "replied", actor, "by_person", at=now)
            await self._sender.withdraw(session, conversation)
            conversation.assigned_to = conversation.assigned_to or member_of(actor)
            event = TEMPLATE if template else None if words else "attachment"
            message = await append(
                session, conversation, author="person", text=text, parts=parts or None, event=event, at=now
            )
            await self._sender.reach(session, scope, conversation, message)
            await session.commit()
        await let_go()
        seen = await self._reader.one(scope, message, purpose=PURPOSE, actor=actor)
        return replace(seen, delivery="waiting") if conversation.channel != WEBSITE else seen

    async def hand_back(
        self, scope: Scope, conversation_id: UUID, *, actor: Actor, reason: Reason = "solved"
    ) -> ConversationView:
        """The AI answers again, from the next message on. Raises `Rejected` while its person wants no AI."""
        async with self._database.session(scope) as session:
            conversation = await open_(session, scope, conversation_id)
            if await opted_out(session, conversation.domain_id, conversation.subject_id):
                raise Rejected("This person asked for no answers of the AI.", code="ai_opted_out")
            await move(session, conversation, "handed_back", actor, reason, at=self._clock.now())
            conversation.assigned_to = None
            if conversation.mode == "off":
                conversation.mode = None
            await self._say(session, scope, conversation, "back_to_ai")
            await session.commit()
        await self._record(scope, actor, "conversation.hand_back", reason=reason)
        return await self._shown(scope, conversation)

    async def set_mode(
        self, scope: Scope, conversation_id: UUID, mode: Mode | None, *, actor: Actor
    ) -> ConversationView:
        """What holds in this conversation whatever the rules say; None: the rules again. An answer that is being
        written ends where the new mode is not automatic."""
        hours, now = (await self._accounts.domain(scope)).settings.hours, self._clock.now()
        let_go = None
        async with self._database.session(scope) as session:
            conversation = await open_(session, scope, conversation_id)
            conversation.mode = mode
            await move(session, conversation, "mode_set", actor, "by_person", at=now)
            if mode in ("draft", "off") and conversation.state in ("ai", "draft"):
                state = "waiting" if mode == "off" else conversation.state
                let_go = await self._running.silence(session, scope, conversation, state)
            if mode == "off" and conversation.state in ("ai", "draft"):
                await move(session, conversation, "ai_off", actor, "by_person", at=now)
                said = await announce(session, conversation, "handed_off", hours, at=now)
                await self._sender.reach(session, scope, conversation, said)
            await session.commit()
        if let_go is not None:
            await let_go()
        await self._record(scope, actor, "conversation.set_mode", mode=mode or "rules")
        return row_view(conversation, hours)

    async def assign(
        self, scope: Scope, conversation_id: UUID, member_id: UUID | None, *, actor: Actor
    ) -> ConversationView:
        """Gives a conversation to a member, or to nobody. Raises `NotFound`, also for a member of another account."""
        async with self._database.session(scope) as session:
            conversation = await open_(session, scope, conversation_id)
            if member_id is not None and await session.get(Member, (scope.account_id, member_id)) is None:
                raise NotFound("There is no such member.")
            conversation.assigned_to = member_id
            await move(session, conversation, "assigned", actor, "by_person", at=self._clock.now())
            await session.commit()
        return await self._shown(scope, conversation)

    async def note(self, scope: Scope, conversation_id: UUID, text: str, *, actor: Actor) -> NoteView:
        """A note for those who work there. Raises `NotFound`, and `Rejected` for bad text."""
        text, now = checked_text(text), self._clock.now()
        async with self._database.session(scope) as session:
            conversation = await locked(session, scope, conversation_id)
            row = Note(
                domain_id=conversation.domain_id,
                subject_id=conversation.subject_id,
                conversation_id=conversation.id,
                text=seal(text),
                author=str(actor),
                created_at=now,
            )
            session.add(row)
            await move(session, conversation, "noted", actor, "by_person", at=now)
            await session.commit()
        return NoteView(row.id, text, row.author, row.created_at)

    async def close(
        self, scope: Scope, conversation_id: UUID, *, actor: Actor, reason: Reason = "solved"
    ) -> ConversationView:
        """Ends a conversation; its visitor reads so. Raises `Rejected` for one that is closed already."""
        async with self._database.session(scope) as session:
            conversation = await open_(session, scope, conversation_id)
            let_go = await self._running.silence(session, scope, conversation, "closed")
            await move(session, conversation, "closed", actor, reason, at=self._clock.now())
            await self._say(session, scope, conversation, "closed")
            await session.commit()
        await let_go()
        return await self._shown(scope, conversation)

    async def reopen(self, scope: Scope, conversation_id: UUID, *, actor: Actor) -> ConversationView:
        """Opens a closed conversation again; it waits for a person. Raises `Rejected` for one that is open."""
        hours, now = (await self._accounts.domain(scope)).settings.hours, self._clock.now()
        async with self._database.session(scope) as session:
            conversation = await locked(session, scope, conversation_id)
            await move(session, conversation, "reopened", actor, "by_person", at=now)
            said = await announce(session, conversation, "reopened", hours, at=now)
            await self._sender.reach(session, scope, conversation, said)
            await session.commit()
        return row_view(conversation, hours)

    async def typing(self, scope: Scope, conversation_id: UUID) -> None:
        """Tells the visitor's open streams that a person is typing. Nothing is stored. Raises `NotFound`."""
        async with self._database.session(scope) as session:
            conversation = await session.get(Conversation, (scope.domain_id, conversation_id))
            if conversation is None:
                raise NotFound("There is no such conversation.")
            await notify(session, Notice("typing", conversation.domain_id, conversation.id))
            await session.commit()

    async def _say(self, session: AsyncSession, scope: Scope, conversation: Conversation, phrase: Phrase) -> None:
        text, now = say(phrase, conversation.language), self._clock.now()
        message = await append(session, conversation, author="system", text=text, event=phrase, at=now)
        await self._sender.reach(session, scope, conversation, message)

    async def _get(self, scope: Scope, conversation_id: UUID) -> Conversation:
        async with self._database.session(scope) as session:
            conversation = await session.get(Conversation, (scope.domain_id, conversation_id))
        if conversation is None:
            raise NotFound("There is no such conversation.")
        return conversation

    async def _shown(self, scope: Scope, conversation: Conversation) -> ConversationView:
        return row_view(conversation, (await self._accounts.domain(scope)).settings.hours)

    async def _record(self, scope: Scope, actor: Actor, action: str, **detail: str) -> None:
        await self._audit.write(Entry(scope.account_id, str(actor), action, "conversation", detail=detail))


def member_of(actor: Actor) -> UUID | None:
    """The member that acts, if one does."""
    try:
        return UUID(actor.name) if actor.kind == "member" else None
    except ValueError:
        return None
