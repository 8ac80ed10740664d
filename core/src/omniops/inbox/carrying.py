"""What the people of a business can send through a conversation's channel now: words, files, approved texts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.channel import Template
from omniops.contracts.scope import Actor, Scope
from omniops.conversation.models import Attachment, Conversation
from omniops.conversation.service import OVER, Sender, carries, clean_text, file_part, may_send
from omniops.database.service import Database
from omniops.errors import NotFound, Rejected
from omniops.vault.service import Vault

LONGEST_VALUE = 1000
"""Characters of what stands in one place of a template."""
_PLACE = re.compile(r"\{([0-9]{1,2})\}")


@dataclass(frozen=True, slots=True)
class Choice:
    """An approved text, by name and language, and what stands in its places."""

    name: str
    language: str
    values: Sequence[str] = ()


class Carrying:
    """Checks what a channel carries, before it is written down."""

    def __init__(self, database: Database, vault: Vault, sender: Sender) -> None:
        self._database = database
        self._vault = vault
        self._sender = sender

    def check(self, conversation: Conversation, *, template: bool = False) -> None:
        """Raises `Rejected` (`window_over`) where a person may not write to this visitor now."""
        window = self._sender.window(conversation)
        if window is not None and not may_send(window, person=True, template=template):
            do = "Send an approved text." if window.state == "template" else "Wait until they write again."
            raise Rejected("The time in which this person may be written to is over.", code=OVER, do=do)

    async def files(
        self, session: AsyncSession, conversation: Conversation, ids: Sequence[UUID], *, actor: Actor
    ) -> list[dict[str, Any]]:
        """Files of a conversation as parts of a reply. Raises `NotFound`, and `Rejected` for what its channel does not
        carry."""
        statement = select(Attachment).where(
            Attachment.domain_id == conversation.domain_id,
            Attachment.conversation_id == conversation.id,
            col(Attachment.id).in_(ids),
        )
        rows = {row.id: row for row in (await session.exec(statement)).all()}
        if len(rows) < len(set(ids)):
            raise NotFound("There is no such file in this conversation.")
        can = self._sender.capabilities(conversation)
        for row in rows.values():
            if can is not None and not carries(can, row.media_type, row.size):
                raise Rejected(
                    f"Channel {conversation.channel!r} sends no files of the type {row.media_type} with {row.size} "
                    "bytes.",
                    code="file_not_carried",
                    where="attachments",
                )
        opened = await self._vault.open(list(rows.values()), purpose="support.provide", actor=actor, session=session)
        return [file_part(rows[one], opened(rows[one].name, otherwise="")) for one in dict.fromkeys(ids)]

    async def templates(self, scope: Scope, conversation_id: UUID) -> Sequence[Template]:
        """The texts that the other side approved. Raises `NotFound`, `NotReady` and `Reconnect`."""
        async with self._database.session(scope) as session:
            conversation = await session.get(Conversation, (scope.domain_id, conversation_id))
        if conversation is None:
            raise NotFound("There is no such conversation.")
        return await self._sender.templates(scope, conversation)

    async def filled(self, scope: Scope, conversation_id: UUID, choice: Choice) -> tuple[str, dict[str, Any]]:
        """An approved text with what stands in its places, as words and as a part. Raises like `templates`, and
        `Rejected` where the values do not fit."""
        found = [
            one
            for one in await self.templates(scope, conversation_id)
            if (one.name, one.language) == (choice.name, choice.language)
        ]
        if not found:
            raise NotFound("There is no such approved text.")
        values = [clean_text(value) for value in choice.values]
        if len(values) != found[0].places or not all(0 < len(value) <= LONGEST_VALUE for value in values):
            raise Rejected(
                f"This text has {found[0].places} places; each takes 1 to {LONGEST_VALUE} characters.",
                code="bad_values",
                where="values",
            )
        # Places are filled in one pass: a value that looks like a place is not filled again.
        words = _PLACE.sub(
            lambda place: values[int(place[1]) - 1] if 0 < int(place[1]) <= len(values) else place[0], found[0].text
        )
        one = found[0]
        shape = {"name": one.name, "language": one.language, "text": one.text, "places": one.places, "values": values}
        return words, {"type": "template", **shape}
