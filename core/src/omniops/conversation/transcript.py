"""A conversation to keep: as text for people, as JSON for programs. Sources, AI marks and the disclosure stay in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from omniops.accounts.service import DomainView
from omniops.conversation.messages import MessageView
from omniops.conversation.own import OwnConversations
from omniops.conversation.visitors import Visitor
from omniops.conversation.wording import Phrase, say
from omniops.mail.service import Post

_PART = 200
"""Messages that are read at once."""
_BY: dict[str, Phrase] = {"visitor": "by_visitor", "ai": "by_ai", "person": "by_person"}


class Transcripts:
    """Writes transcripts of a visitor's own conversations, and sends them."""

    def __init__(self, own: OwnConversations, mail: Post) -> None:
        self._own = own
        self._mail = mail

    async def text(self, visitor: Visitor, domain: DomainView, conversation_id: UUID) -> str:
        """The whole conversation as plain text. Raises `NotFound`."""
        language = (await self._own.read(visitor, conversation_id, limit=1)).conversation.language
        lines = [domain.title, say("disclosure", language), ""]
        async for message in self._messages(visitor, conversation_id):
            lines += [*written(message, language), ""]
        return "\n".join(lines)

    async def data(self, visitor: Visitor, domain: DomainView, conversation_id: UUID) -> dict[str, Any]:
        """The whole conversation as JSON. Raises `NotFound`."""
        page = await self._own.read(visitor, conversation_id, limit=1)
        messages = [message.to_json() async for message in self._messages(visitor, conversation_id)]
        return {
            "title": domain.title,
            "disclosure": say("disclosure", page.conversation.language),
            "conversation": str(page.conversation.id),
            "state": page.conversation.state,
            "created_at": page.conversation.created_at.isoformat(),
            "messages": messages,
        }

    async def send(self, visitor: Visitor, domain: DomainView, conversation_id: UUID, email: str, key: str) -> None:
        """Mails the transcript to an address; the same `key` again sends nothing more.

        Raises `NotFound`, `Rejected` for what is no address, and `NotReady` where no plugin can send mail.
        """
        page = await self._own.read(visitor, conversation_id, limit=1)
        await self._mail.send(
            visitor.scope,
            to=email,
            kind="transcript",
            subject=f"{domain.title}: {page.conversation.created_at:%Y-%m-%d}",
            text=await self.text(visitor, domain, conversation_id),
            key=f"transcript:{conversation_id}:{key}",
            subject_id=visitor.subject_id,
            ai=True,
            language=page.conversation.language,
        )

    async def _messages(self, visitor: Visitor, conversation_id: UUID) -> AsyncIterator[MessageView]:
        page = await self._own.read(visitor, conversation_id, limit=1)
        last = page.messages[-1].seq if page.messages else 0
        for start in range(1, last + 1, _PART):
            end = min(start + _PART, last + 1)
            part = await self._own.read(visitor, conversation_id, before=end, limit=end - start)
            for message in part.messages:
                yield message


def written(message: MessageView, language: str) -> list[str]:
    """A message as lines: who wrote it and when, the words, and the sources with their numbers."""
    by = say(_BY[message.author], language) if message.author in _BY else ""
    cut = f" ({say('cut_short', language)})" if message.interrupted else ""
    lines = [f"{message.at:%Y-%m-%d %H:%M} UTC {by}".rstrip() + cut, _words(message)]
    if message.sources:
        lines.append(f"{say('sources', language)}:")
        for number, source in enumerate(message.sources, 1):
            lines.append(f"  [{source.get('n', number)}] {source.get('title', '')} {source.get('url', '')}".rstrip())
    return lines


def _words(message: MessageView) -> str:
    """The text, with the number of its source behind each sentence that has one."""
    if message.author != "ai" or not message.parts:
        return message.text
    pieces = [f" [{part['n']}]" if part.get("type") == "cite" else str(part.get("text", "")) for part in message.parts]
    return "".join(pieces).strip()
