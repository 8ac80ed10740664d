"""Fingerprints of what the AI wrote, so that anybody can have a text checked (Art. 50(2) AI Act).

A sentence of at least six words is kept as a keyed hash of its words: it tells nothing about the text to who has only
the database, and outlives no person's erasure. Copies with other case, punctuation or spacing are recognised; a
rewording is not, and the check never says that a text is *not* of an AI.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.ids import utcnow
from omniops.contracts.scope import Scope
from omniops.conversation.models import Message
from omniops.database.marks import not_personal
from omniops.database.models import SubjectModel, belongs_to
from omniops.database.service import Database

_SENTENCE = re.compile(r"[^.!?。！？\n]+")
_WORD = re.compile(r"\w+")
SHORTEST = 6
"""Words of a sentence that is worth a fingerprint: shorter ones anybody may write."""
MOST = 200
"""Sentences of one text that are looked at."""


class AiMark(SubjectModel, table=True):
    """One sentence that the AI wrote, as a keyed hash."""

    __tablename__ = "ai_mark"
    __table_args__ = (
        belongs_to(Message, "message_id"),
        Index("ix_ai_mark_hash", "domain_id", "hash"),
        Index("ix_ai_mark_message", "domain_id", "message_id"),
    )
    message_id: UUID
    hash: bytes = not_personal("keyed hash of a sentence of the AI")
    created_at: datetime = not_personal("when it was written", default_factory=utcnow)


@dataclass(frozen=True, slots=True)
class Checked:
    """`yes` when every sentence of weight is the AI's, `partly` when some are, else `unknown`. `share` is theirs, 0 to
    1; `first` is when the oldest was written."""

    ai: Literal["yes", "partly", "unknown"]
    share: float
    first: datetime | None


class AiMarks:
    """Keeps the fingerprints and looks texts up."""

    def __init__(self, database: Database, secret: str) -> None:
        self._database = database
        self._key = bytes.fromhex(secret)

    def mark(self, session: AsyncSession, message: Message, text: str) -> None:
        """Keeps the fingerprints of an AI message, in the session's transaction."""
        for digest in self._digests(text):
            session.add(
                AiMark(
                    domain_id=message.domain_id,
                    subject_id=message.subject_id,
                    message_id=message.id,
                    hash=digest,
                    created_at=message.created_at,
                )
            )

    async def check(self, scope: Scope, text: str) -> Checked:
        """Whether the AI of this domain wrote a text."""
        digests = self._digests(text)
        if not digests:
            return Checked("unknown", 0.0, None)
        async with self._database.session(scope) as session:
            statement = (
                select(AiMark.hash, func.min(AiMark.created_at))
                .where(AiMark.domain_id == scope.domain_id, col(AiMark.hash).in_(digests))
                .group_by(col(AiMark.hash))
            )
            found = (await session.exec(statement)).all()
        share = len(found) / len(digests)
        first = min((at for _, at in found), default=None)
        return Checked("yes" if share == 1 else "partly" if found else "unknown", round(share, 3), first)

    def _digests(self, text: str) -> list[bytes]:
        """One per sentence of weight, each once."""
        digests: dict[bytes, None] = {}
        for sentence in _SENTENCE.findall(unicodedata.normalize("NFKC", text))[:MOST]:
            words = _WORD.findall(sentence.casefold())
            if len(words) >= SHORTEST:
                digests[hmac.new(self._key, " ".join(words).encode(), hashlib.sha256).digest()[:16]] = None
        return list(digests)
