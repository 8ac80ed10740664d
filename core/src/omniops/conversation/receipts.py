"""A signed receipt for each answer of the AI: who wrote it, where, from which sources, what was sent, until when it is
kept. Its visitor can fetch it and check it without us (Art. 13 and 15 GDPR, Art. 50 AI Act).

How it is signed, and where the keys are, stands in `signing.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.conversation.messages import Reader
from omniops.conversation.models import Message, Turn
from omniops.conversation.own import own_answer
from omniops.conversation.visitors import Visitor
from omniops.database.service import Database
from omniops.errors import NotFound
from omniops.privacy.service import Catalog, Periods
from omniops.signing import Signer

PURPOSE = "chat.serve"
SUPPORT = "support.provide"
ANSWERS = "chat.respond"
TYPE = "omniops-receipt+jws"
RETENTION = "chat"


class Receipts:
    """Writes and signs receipts, from what the turn's record says."""

    def __init__(self, database: Database, reader: Reader, catalog: Catalog, signer: Signer, clock: Clock) -> None:
        self._database = database
        self._reader = reader
        self._catalog = catalog
        self._periods = Periods(catalog)
        self._signer = signer
        self._clock = clock

    def keys(self) -> dict[str, Any]:
        """The public keys as a JWK set."""
        return self._signer.keys()

    async def of(self, visitor: Visitor, message_id: UUID) -> str:
        """The receipt of one of a visitor's answers. Raises `NotFound`, also for a text that no turn wrote."""
        async with self._database.session(visitor.scope) as session:
            message = await own_answer(session, visitor, message_id)
        return await self._signed(visitor.scope, message, PURPOSE, visitor.actor)

    async def at_work(self, scope: Scope, conversation_id: UUID, message_id: UUID, *, actor: Actor) -> str:
        """The same receipt for those who work there. Raises like `of`, and for a message of another conversation."""
        async with self._database.session(scope) as session:
            message = await session.get(Message, (scope.domain_id, message_id))
        if message is None or message.conversation_id != conversation_id or message.author != "ai":
            raise NotFound("There is no such answer.")
        return await self._signed(scope, message, SUPPORT, actor)

    async def _signed(self, scope: Scope, message: Message, purpose: str, actor: Actor) -> str:
        async with self._database.session(scope) as session:
            turn = None if message.turn_id is None else await session.get(Turn, (scope.domain_id, message.turn_id))
            life = await self._periods.life(session, scope, RETENTION)
        if turn is None:
            raise NotFound("There is no receipt for this message.")
        seen = await self._reader.one(scope, message, purpose=purpose, actor=actor)
        return self._signer.sign(TYPE, self._said(message, turn.record, seen.text, seen.sources, life))

    def _said(
        self, message: Message, record: Mapping[str, Any], text: str, sources: Any, life: timedelta | None
    ) -> dict[str, Any]:
        purpose = self._catalog.purposes[ANSWERS]
        by = record.get("by") or {}
        return {
            "iss": self._signer.issuer,
            "iat": int(self._clock.now().timestamp()),
            "message": str(message.id),
            "written_at": message.created_at.isoformat(),
            "text_sha256": hashlib.sha256(text.encode()).hexdigest(),
            "ai_generated": True,
            "interrupted": message.interrupted,
            "provider": by.get("provider"),
            "model": by.get("model"),
            "region": by.get("region"),
            "processor": by.get("processor"),
            "vendor_keeps": by.get("retention"),
            "categories_sent": by.get("categories", []),
            "hidden": record.get("hidden", {}),
            "purpose": {"key": purpose.key, "title": purpose.title, "basis": purpose.basis},
            "delete_after": None if life is None else (message.created_at + life).date().isoformat(),
            "tools": [name for name, _ in record.get("tools", [])],
            "sources": [
                {
                    "title": source["title"],
                    "url": source["url"],
                    "read_at": source["read_at"],
                    "quote_sha256": hashlib.sha256(source["quote"].encode()).hexdigest(),
                }
                for source in sources
            ],
        }
