"""Drafts of the AI: read, sent as they are or edited, rejected. Nothing of one leaves before a person said so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from typing import Any, Literal
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import Accounts
from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.conversation.models import Conversation, Draft, Message
from omniops.conversation.service import (
    AiMarks,
    MessageView,
    Reader,
    Reason,
    Sender,
    announce,
    append,
    checked_text,
    cited,
    locked,
    move,
)
from omniops.database.service import Database
from omniops.errors import NotFound, Rejected
from omniops.vault.service import Vault

PURPOSE = "support.provide"
DraftState = Literal["open", "sent", "rejected", "superseded"]


@dataclass(frozen=True, slots=True)
class Change:
    """A stretch of an edit: words that stayed, came or went."""

    kind: Literal["same", "added", "removed"]
    text: str


@dataclass(frozen=True, slots=True)
class DraftView:
    """A draft in clear. `sent` and `difference` are there once it was sent."""

    id: UUID
    conversation_id: UUID
    state: str
    level: str | None
    text: str
    parts: Sequence[dict[str, Any]]
    sources: Sequence[dict[str, Any]]
    sent: str | None
    difference: Sequence[Change]
    message_id: UUID | None
    decided_by: str | None
    decided_at: datetime | None
    created_at: datetime


class Drafts:
    """Lists drafts and takes decisions about them."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        accounts: Accounts,
        audit: Audit,
        reader: Reader,
        sender: Sender,
        ai_marks: AiMarks,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._accounts = accounts
        self._audit = audit
        self._reader = reader
        self._sender = sender
        self._ai_marks = ai_marks
        self._clock = clock

    async def all(
        self,
        scope: Scope,
        *,
        state: DraftState | None,
        conversation_id: UUID | None = None,
        after: UUID | None = None,
        limit: int = 50,
        actor: Actor,
    ) -> list[DraftView]:
        """Drafts of a domain or of one conversation, in the order in which they were written, after the one with the id
        `after`."""
        statement = select(Draft).where(Draft.domain_id == scope.domain_id)
        if state is not None:
            statement = statement.where(Draft.state == state)
        if conversation_id is not None:
            statement = statement.where(Draft.conversation_id == conversation_id)
        if after is not None:
            statement = statement.where(Draft.id > after)
        async with self._database.session(scope) as session:
            rows = (await session.exec(statement.order_by(col(Draft.id)).limit(limit))).all()
            sent = select(Message).where(
                Message.domain_id == scope.domain_id, col(Message.id).in_([row.message_id for row in rows])
            )
            messages = {message.id: message for message in (await session.exec(sent)).all()}
        opened = await self._vault.open([*rows, *messages.values()], purpose=PURPOSE, actor=actor)
        found = []
        for row in rows:
            parts, sources = opened(row.parts, otherwise=None) or ([], [])
            text, message = opened(row.text, otherwise=""), messages.get(row.message_id) if row.message_id else None
            left = opened(message.text, otherwise="") if message is not None else None
            found.append(
                DraftView(
                    id=row.id,
                    conversation_id=row.conversation_id,
                    state=row.state,
                    level=row.level,
                    text=text,
                    parts=parts,
                    sources=sources,
                    sent=left,
                    difference=difference(text, left) if left is not None else [],
                    message_id=row.message_id,
                    decided_by=row.decided_by,
                    decided_at=row.decided_at,
                    created_at=row.created_at,
                )
            )
        return found

    async def approve(self, scope: Scope, draft_id: UUID, text: str | None = None, *, actor: Actor) -> MessageView:
        """Sends a draft as the AI's message, marked as approved; with `text`, in these words, and the draft's own are
        kept beside them. Raises `NotFound`, and `Rejected` when it was decided or overtaken before."""
        words = checked_text(text) if text is not None else None
        async with self._database.session(scope) as session:
            draft, conversation = await _waiting(session, scope, draft_id)
            now = self._clock.now()
            opened = await self._vault.open([draft], purpose=PURPOSE, actor=actor, session=session)
            own, (parts, sources) = opened(draft.text), opened(draft.parts)
            draft.edited = words is not None and words != own
            if draft.edited and words is not None:
                parts, sources = cited(parts, sources, words)
            await move(session, conversation, "draft_sent", actor, "by_person", at=now)
            message = await append(
                session,
                conversation,
                author="ai",
                text=words or own,
                parts=parts,
                sources=sources,
                level=draft.level,
                turn_id=draft.turn_id,
                approved_by=actor.name,
                language=draft.language,
                at=now,
            )
            self._ai_marks.mark(session, message, words or own)
            draft.state, draft.message_id = "sent", message.id
            draft.decided_by, draft.decided_at = actor.name, now
            session.add(draft)
            await self._sender.reach(session, scope, conversation, message)
            await session.commit()
        detail = {"draft": str(draft.id), "edited": draft.edited}
        await self._audit.write(Entry(scope.account_id, str(actor), "draft.approve", "draft", detail=detail))
        return await self._reader.one(scope, message, purpose=PURPOSE, actor=actor)

    async def reject(self, scope: Scope, draft_id: UUID, *, actor: Actor, reason: Reason = "wrong_answer") -> None:
        """Nothing of the draft leaves; the conversation waits for a person, and its visitor is told. Raises like
        `approve`."""
        hours, now = (await self._accounts.domain(scope)).settings.hours, self._clock.now()
        async with self._database.session(scope) as session:
            draft, conversation = await _waiting(session, scope, draft_id)
            draft.state, draft.decided_by, draft.decided_at = "rejected", actor.name, now
            session.add(draft)
            await move(session, conversation, "draft_rejected", actor, reason, at=now)
            message = await announce(session, conversation, "handed_off", hours, at=now)
            await self._sender.reach(session, scope, conversation, message)
            await session.commit()
        detail = {"draft": str(draft.id), "reason": reason}
        await self._audit.write(Entry(scope.account_id, str(actor), "draft.reject", "draft", detail=detail))


def difference(before: str, after: str) -> list[Change]:
    """How one text became the other, by words. Changes with nothing but space between them are one."""
    old, new = _words(before), _words(after)
    blocks: list[tuple[str, str]] = []
    for _, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        went, came = "".join(old[i:j]), "".join(new[k:m])
        if went != came and len(blocks) > 1 and blocks[-1][0].isspace() and blocks[-1][0] == blocks[-1][1]:
            space, _ = blocks.pop()
            earlier = blocks.pop()
            went, came = earlier[0] + space + went, earlier[1] + space + came
        blocks.append((went, came))
    changes: list[Change] = []
    for went, came in blocks:
        if went == came:
            changes.append(Change("same", went))
            continue
        changes += [Change("removed", went)] if went else []
        changes += [Change("added", came)] if came else []
    return changes


def _words(text: str) -> list[str]:
    return re.findall(r"\s+|[^\s]+", text)


async def _waiting(session: AsyncSession, scope: Scope, draft_id: UUID) -> tuple[Draft, Conversation]:
    """A draft that nobody decided yet, with its conversation, locked."""
    draft = await session.get(Draft, (scope.domain_id, draft_id))
    if draft is None:
        raise NotFound("There is no such draft.")
    conversation = await locked(session, scope, draft.conversation_id)
    await session.refresh(draft)
    if draft.state != "open":
        raise Rejected(f"This draft is {draft.state} already.", code="draft_decided")
    return draft, conversation
