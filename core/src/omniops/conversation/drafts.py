"""Answers of the AI that do not leave by themselves: kept as a draft for a person, or left to one altogether."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import OpeningHours
from omniops.contracts.scope import Actor
from omniops.contracts.sealed import seal
from omniops.conversation.announcing import announce
from omniops.conversation.models import Conversation, Draft, Message
from omniops.conversation.parts import Answer
from omniops.conversation.states import move


async def keep_back(
    session: AsyncSession,
    conversation: Conversation,
    mode: Literal["draft", "off"],
    answer: Answer,
    text: str,
    turn_id: UUID,
    hours: OpeningHours | None,
    *,
    actor: Actor,
    language: str,
    at: datetime,
) -> Message | None:
    """What becomes of a complete answer that may not leave by itself, in a locked conversation. Returns what its
    visitor is told; None where that was told before."""
    if mode == "off":
        await move(session, conversation, "ai_off", actor, "review_mode", at=at)
        return await announce(session, conversation, "handed_off", hours, language=language, at=at)
    known = conversation.state == "draft"
    await move(session, conversation, "drafted", actor, "review_mode", at=at)
    draft = Draft(
        domain_id=conversation.domain_id,
        subject_id=conversation.subject_id,
        conversation_id=conversation.id,
        turn_id=turn_id,
        text=seal(text),
        parts=seal(answer.to_json()),
        level=answer.level,
        language=language,
        created_at=at,
    )
    session.add(draft)
    return None if known else await announce(session, conversation, "draft_waits", hours, language=language, at=at)


def cited(parts: Sequence[dict[str, Any]], sources: Sequence[dict[str, Any]], text: str) -> list[list[dict[str, Any]]]:
    """Parts and sources of a draft whose text a person changed to `text`. A citation stays where the words that it
    stands behind are unchanged, and goes with them: what a person wrote was never checked against a page."""
    kept: list[dict[str, Any]] = []
    numbers: dict[int, int] = {}
    position, stands = 0, False
    for part in parts:
        if part["type"] == "text":
            words = part["text"].strip()
            found = text.find(words, position) if words else -1
            stands = found >= 0
            if stands:
                end = found + len(words)
                kept.append({"type": "text", "text": text[position:end]})
                position = end
        elif part["type"] == "cite" and stands:
            kept.append({"type": "cite", "n": numbers.setdefault(part["n"], len(numbers) + 1)})
    if position < len(text):
        kept.append({"type": "text", "text": text[position:]})
    return [kept, [{**sources[old - 1], "n": new} for old, new in numbers.items()]]
