"""What is sent, put together for one channel: in parts that it carries, with what it can show."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import func
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.channel import Channel, ChannelCapabilities, Filled, Media, Outgoing, SourceLink, Template
from omniops.contracts.ids import new_id
from omniops.contracts.scope import Actor, Scope
from omniops.conversation.messages import MessageView, view
from omniops.conversation.models import Attachment, Conversation, Message, Outbox
from omniops.conversation.offering import offered
from omniops.conversation.splitting import cut
from omniops.conversation.wording import say
from omniops.errors import Refused
from omniops.privacy.service import cautions
from omniops.vault.blobs import Blobs
from omniops.vault.service import Vault

ACTOR = Actor.system("conversation.deliver")
AROUND = 8
"""Characters that a channel may need around a source's title and address."""
Credentials = Callable[[Scope, UUID], Awaitable[BaseModel]]
"""Opens a connection's settings for its own channel."""


def carries(capabilities: ChannelCapabilities, media_type: str, size: int) -> bool:
    """Whether a channel sends files of this type and size."""
    kinds = {media_type, f"{media_type.partition('/')[0]}/*"}
    fits = not capabilities.media_bytes or size <= capabilities.media_bytes
    return fits and not kinds.isdisjoint(capabilities.media)


class Outgoings:
    """Puts messages together."""

    def __init__(self, vault: Vault, blobs: Blobs, credentials: Credentials) -> None:
        self._vault = vault
        self._blobs = blobs
        self._credentials = credentials

    async def of(
        self,
        session: AsyncSession,
        scope: Scope,
        conversation: Conversation,
        message: Message,
        row: Outbox,
        capabilities: ChannelCapabilities,
        *,
        late: bool,
    ) -> Outgoing:
        """One part of a message. The first time that a message is sent it is cut, and the rows of its further parts are
        part of the session's transaction."""
        opened = await self._vault.open([conversation, message], purpose="support.provide", actor=ACTOR)
        seen = view(message, opened)
        is_ai = message.author == "ai"
        disclosure = _told(seen.language) if is_ai and conversation.disclosed_at is None and not row.part else None
        buttons, written = offered(seen.seq, seen.parts, capabilities.buttons)
        said = "" if seen.event == "attachment" else seen.text
        text = "\n\n".join(filter(None, (said, written)))
        sources = _fitting(seen, capabilities.max_length)
        template = _template(seen.parts)
        if row.stop is None:
            most = 0 if template else capabilities.max_length
            before, after = len(disclosure) + 2 if disclosure else 0, sum(map(_room, sources))
            first, *more = cut(text, most, before=before, after=after)
            row.start, row.stop = first
            for part, (start, stop) in enumerate(more, 1):
                session.add(_part(row, part, start, stop))
            await session.flush()
        parts = select(func.max(Outbox.part)).where(
            Outbox.domain_id == row.domain_id, Outbox.message_id == row.message_id
        )
        last = (await session.exec(parts)).one() == row.part
        number = conversation.connection_id
        about = opened(conversation.about, otherwise=None)
        return Outgoing(
            idempotency_key=row.key,
            thread=(opened(conversation.thread, otherwise="") or "").removeprefix(f"{conversation.channel}:"),
            recipient=opened(conversation.sender, otherwise="") or "",
            text=text[row.start : row.stop],
            ai=is_ai,
            disclosure=disclosure,
            sources=sources if last else (),
            connection=await self._credentials(scope, number) if number else None,
            about=about or {},
            media=await self._media(session, scope, seen) if not row.part and message.author == "person" else (),
            buttons=buttons if last else (),
            template=template,
            late=late,
        )

    async def templates(self, scope: Scope, channel: Channel, connection_id: UUID) -> Sequence[Template]:
        """The texts that a channel may send at any time."""
        return await channel.templates(await self._credentials(scope, connection_id))

    async def _media(self, session: AsyncSession, scope: Scope, seen: MessageView) -> Sequence[Media]:
        found = []
        for part in seen.parts:
            if part["type"] != "file":
                continue
            row = await session.get(Attachment, (scope.domain_id, UUID(part["id"])))
            if row is None:
                raise Refused("The file of this message is gone.", reason="file_gone")
            blob = await self._blobs.read(scope, row.blob_id, purpose="support.provide", actor=ACTOR)
            found.append(Media(blob.name, blob.media_type, await blob.whole()))
        return found


def _part(row: Outbox, part: int, start: int, stop: int) -> Outbox:
    return Outbox(
        domain_id=row.domain_id,
        subject_id=row.subject_id,
        message_id=row.message_id,
        part=part,
        start=start,
        stop=stop,
        key=new_id().hex,
    )


def _fitting(seen: MessageView, most: int) -> list[SourceLink]:
    """The sources for which half a message is room enough, the first ones first."""
    links: list[SourceLink] = []
    left = most // 2
    for source in seen.sources:
        link = SourceLink(source["n"], source["title"], source["url"])
        left -= _room(link)
        if most and left < 0:
            break
        links.append(link)
    return links


def _room(link: SourceLink) -> int:
    return len(link.title) + len(link.url) + AROUND


def _template(parts: Sequence[dict[str, Any]]) -> Filled | None:
    """The approved text that a message is."""
    for part in parts:
        if part["type"] == "template":
            told = Template(part["name"], part["language"], part["text"], part["places"])
            return Filled(told, tuple(part["values"]))
    return None


def _told(language: str) -> str:
    """What a person is told before the first answer: that an AI writes, and what its answers are not."""
    return " ".join((say("disclosure", language), *(notice.body for notice in cautions(language))))
