"""A signed receipt for each answer of the AI: who wrote it, where, from which sources, what was sent, until when it is
kept. Its visitor can fetch it and check it without us (Art. 13 and 15 GDPR, Art. 50 AI Act).

A receipt is a JWS in compact form (RFC 7515), signed with Ed25519 (RFC 9864). The public keys stand at
`/.well-known/omniops-receipts.json` as a JWK set (RFC 7517).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from omniops.contracts.ids import Clock
from omniops.conversation.messages import Reader
from omniops.conversation.models import Message, Turn
from omniops.conversation.own import own_answer
from omniops.conversation.visitors import Visitor
from omniops.database.service import Database
from omniops.errors import NotFound
from omniops.privacy.service import Catalog
from omniops.vault.service import Signer

PURPOSE = "chat.serve"
ANSWERS = "chat.respond"
TYPE = "omniops-receipt+jws"
RETENTION = "chat"


class Receipts:
    """Writes and signs receipts, from what the turn's record says."""

    def __init__(
        self, database: Database, reader: Reader, catalog: Catalog, secret: str, issuer: str, clock: Clock
    ) -> None:
        """`secret` is the root's for receipts: every process of the deployment signs with the same key."""
        self._database = database
        self._reader = reader
        self._catalog = catalog
        self._issuer = issuer
        self._clock = clock
        self._signer = Signer(secret, TYPE)

    def keys(self) -> dict[str, Any]:
        """The public keys as a JWK set."""
        return self._signer.keys()

    async def of(self, visitor: Visitor, message_id: UUID) -> str:
        """The receipt of one of a visitor's answers. Raises `NotFound`, also for a text that no turn wrote."""
        async with self._database.session(visitor.scope) as session:
            message = await own_answer(session, visitor, message_id)
            turn = (
                None if message.turn_id is None else await session.get(Turn, (visitor.scope.domain_id, message.turn_id))
            )
        if turn is None:
            raise NotFound("There is no receipt for this message.")
        seen = await self._reader.one(visitor.scope, message, purpose=PURPOSE, actor=visitor.actor)
        return self._signer.sign(self._said(message, turn.record, seen.text, seen.sources))

    def _said(self, message: Message, record: Mapping[str, Any], text: str, sources: Any) -> dict[str, Any]:
        days = self._catalog.retention[RETENTION].days
        purpose = self._catalog.purposes[ANSWERS]
        by = record.get("by") or {}
        return {
            "iss": self._issuer,
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
            "delete_after": None if days is None else (message.created_at + timedelta(days=days)).date().isoformat(),
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
