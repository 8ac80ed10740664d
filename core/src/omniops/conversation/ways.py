"""What happens next to a visitor's message: the AI answers in sight, behind a curtain, or a person does."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import DomainSettings
from omniops.contracts.scope import Actor
from omniops.conversation.announcing import announce
from omniops.conversation.models import Conversation, Message
from omniops.conversation.modes import held_to, mode_before
from omniops.conversation.optout import opted_out
from omniops.conversation.states import SILENT, move

ACTOR = Actor.system("conversation.receive")
Way = Literal["shown", "held", "person"]
"""The AI's answer is shown as it grows; nothing is shown before it is complete and may leave; a person answers."""


async def next_way(
    session: AsyncSession,
    conversation: Conversation,
    settings: DomainSettings,
    question: str,
    *,
    language: str = "",
    at: datetime,
) -> tuple[Way, Message | None]:
    """The way of a message that a locked conversation has just taken, and what its visitor is told of a change."""
    if conversation.state in SILENT:
        return "person", None
    if await opted_out(session, conversation.domain_id, conversation.subject_id):
        await move(session, conversation, "opted_out", ACTOR, "opted_out", at=at)
        return "person", await announce(session, conversation, "ai_out", settings.hours, language=language, at=at)
    mode = held_to(conversation) or mode_before(settings.review, conversation.channel, question)
    if mode == "off":
        await move(session, conversation, "ai_off", ACTOR, "review_mode", at=at)
        return "person", await announce(session, conversation, "handed_off", settings.hours, language=language, at=at)
    if conversation.state == "draft":
        await move(session, conversation, "asked_again", ACTOR, "by_visitor", at=at)
    return "shown" if mode == "automatic" else "held", None
