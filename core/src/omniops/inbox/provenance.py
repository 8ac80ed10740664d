"""How an answer of the AI came about: who wrote it, on what, what went out, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from omniops.audit.service import Audit
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Scope
from omniops.conversation.models import Message, Turn
from omniops.database.service import Database
from omniops.errors import NotFound
from omniops.inbox.verdicts import Verdicts
from omniops.vault.service import Vault


@dataclass(frozen=True, slots=True)
class Provenance:
    """The record of one answer. Ids, counts and times; nothing that anybody wrote.

    `usd` is None where a price is not known; 0 where nothing was bought. `tried` has who was asked in vain, with the
    kind of error; `passed_over` who was not asked, and why. `found` and `cited` are ids of passages. `hidden` counts
    what was replaced before the question went out, by kind. `scores` say how well each of `found` fits, in its order;
    `times` are parts of the turn: what, when it began and how long it took, in milliseconds.
    """

    message_id: UUID
    seq: int
    turn_id: UUID
    written_at: datetime
    provider: str | None
    model: str | None
    region: str | None
    processor: str | None
    vendor_keeps: str | None
    own_key: bool
    calls: int
    usd: Decimal | None
    measured: bool
    over_budget: bool
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    first_ms: int
    total_ms: int
    order: Sequence[str]
    tried: Sequence[tuple[str, str]]
    passed_over: Mapping[str, str]
    tools: Sequence[tuple[str, str]]
    times: Sequence[tuple[str, int, int]]
    found: Sequence[UUID]
    scores: Sequence[float | None]
    cited: Sequence[UUID]
    strength: float | None
    hidden: Mapping[str, int]
    guard: str | None
    taken_back: str | None


class Provenances:
    """Reads the records of answers. `verdicts` are what members say of them."""

    def __init__(self, database: Database, vault: Vault, audit: Audit, clock: Clock) -> None:
        self.verdicts = Verdicts(database, vault, audit, clock)
        self._database = database

    async def of(self, scope: Scope, conversation_id: UUID, message_id: UUID) -> Provenance:
        """Raises `NotFound` for a message that the AI did not write, and for one of another conversation."""
        async with self._database.session(scope) as session:
            message = await session.get(Message, (scope.domain_id, message_id))
            if message is None or message.conversation_id != conversation_id or message.turn_id is None:
                raise NotFound("There is no such answer of the AI.")
            turn = await session.get(Turn, (scope.domain_id, message.turn_id))
        if turn is None:
            raise NotFound("There is no such answer of the AI.")
        return _told(message, turn.id, turn.record)


def _told(message: Message, turn_id: UUID, record: Mapping[str, Any]) -> Provenance:
    by, usd = record.get("by") or {}, record.get("usd")
    return Provenance(
        message_id=message.id,
        seq=message.seq,
        turn_id=turn_id,
        written_at=message.created_at,
        provider=by.get("provider"),
        model=by.get("model"),
        region=by.get("region"),
        processor=by.get("processor"),
        vendor_keeps=by.get("retention"),
        own_key=record.get("own_key", False),
        calls=record.get("calls", 0),
        usd=None if usd is None else Decimal(usd),
        measured=record.get("measured", True),
        over_budget=record.get("over_budget", False),
        tokens_in=record.get("input", 0),
        tokens_out=record.get("output", 0),
        tokens_cached=record.get("cache_read", 0),
        first_ms=record.get("first_ms", 0),
        total_ms=record.get("total_ms", 0),
        order=record.get("order", []),
        tried=[(name, kind) for name, kind in record.get("failed", [])],
        passed_over=record.get("filtered", {}),
        tools=[(name, state) for name, state in record.get("tools", [])],
        times=[(name, start, took) for name, start, took in record.get("times", [])],
        found=[UUID(each) for each in record.get("passages", [])],
        scores=record.get("scores", []),
        cited=[UUID(each) for each in record.get("cited", [])],
        strength=record.get("strength"),
        hidden=record.get("hidden", {}),
        guard=record.get("guard"),
        taken_back=next((why for why in ("recited", "unfounded") if record.get(why)), None),
    )
