"""Entering things into the log: what is wanted of a delivery, and many things at once in few statements."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.connections.arriving_models import Arrival
from omniops.connections.packing import What, heard_key, key_of, lane_of, name_of, packed
from omniops.contracts.channel import Echo, Edited, Incoming, Removed
from omniops.contracts.ids import Clock, new_id
from omniops.contracts.integration import Integration
from omniops.contracts.scope import Scope
from omniops.contracts.sealed import seal
from omniops.contracts.webhook import AccountErased, Arrived, Event, RightUsed
from omniops.errors import Rejected
from omniops.vault.service import Vault

_KNOWN = text(
    "select key, lane, subject_id from arrival"
    " where domain_id = :domain and connection_id = :connection and key = any(:keys)"
)
_NOT_FOUND_BY = text("delete from vault.identifier where home_id = :domain and row_id = any(:rows)")


class KnowsPeople(Protocol):
    """Whose a thread is (the conversation room)."""

    async def persons(self, session: AsyncSession, scope: Scope, threads: Collection[str]) -> Mapping[str, UUID]:
        """The person of each thread (`channel:thread`), entered where nobody knows it yet, in the session's
        transaction."""

    async def person_of(self, session: AsyncSession, scope: Scope, conversation_id: UUID) -> UUID | None:
        """The person of a conversation, or None where there is no such one."""


@dataclass(frozen=True, slots=True)
class Told:
    """One thing for the log: under which name, what is kept of it, and what it is known again by."""

    what: What
    name: str
    content: dict[str, Any]
    key: bytes

    @property
    def thread(self) -> str | None:
        """By which its person is found."""
        named = isinstance(self.what, Incoming | Echo) and self.what.thread
        return f"{self.name}:{named}" if named else None

    @property
    def changes(self) -> bytes | None:
        """The key of the message that it changes or takes back."""
        return heard_key(self.name, self.what.message) if isinstance(self.what, Edited | Removed) else None


Wanted = Told | RightUsed | AccountErased


def wanted(things: Sequence[Arrived], integration: Integration | None, channel: str) -> list[Wanted]:
    """What is taken of things that were told, with nothing but declared fields. `channel` is the one of things that
    name none. Raises `Rejected` for what the contract does not allow."""
    return list(_wanted(things, integration, channel))


def _wanted(things: Sequence[Arrived], integration: Integration | None, channel: str) -> Iterator[Wanted]:
    for arrived in things:
        what = arrived.what
        if what is None:
            continue
        if isinstance(what, RightUsed | AccountErased):
            yield what
            continue
        if isinstance(what, Event):
            fields = integration.events.get(what.kind) if integration is not None else None
            if fields is None:
                continue
            what = replace(what, data={name: what.data[name] for name in fields if name in what.data})
        name = what.kind if isinstance(what, Event) else _channel(arrived, integration, channel)
        yield Told(what, name, packed(what), key_of(what, name))


class Entering:
    """Writes things into the log of a connection."""

    def __init__(self, vault: Vault, people: KnowsPeople, clock: Clock) -> None:
        self._vault = vault
        self._people = people
        self._clock = clock

    async def enter(
        self, session: AsyncSession, scope: Scope, connection_id: UUID, told: Sequence[Told]
    ) -> list[str | None]:
        """The lane of each thing that is new, None for one that is there already; sealed, in the session's transaction.
        Of two transactions that enter the same thing at the same time, the second waits for the first."""
        connection = await session.connection()
        keys = {one.key for one in told} | {key for one in told if (key := one.changes) is not None}
        place = {"domain": scope.domain_id, "connection": connection_id, "keys": list(keys)}
        known = {row.key: (row.lane, row.subject_id) for row in await connection.execute(_KNOWN, place)}
        fresh = {one.key: one for one in told if one.key not in known}
        threads = {thread for one in fresh.values() if (thread := one.thread) is not None}
        persons = await self._people.persons(session, scope, threads) if threads else {}
        rows = []
        for one in fresh.values():
            lane, subject_id = lane_of(one.what, one.name), scope.account_id
            if one.thread is not None:
                subject_id = persons[one.thread]
            elif one.changes is not None:
                lane, subject_id = known.get(one.changes, (lane, subject_id))
            elif isinstance(one.what, Echo) and one.what.conversation_id is not None:
                found = await self._people.person_of(session, scope, one.what.conversation_id)
                subject_id = found or subject_id
            known[one.key] = lane, subject_id
            rows.append(self._row(scope, connection_id, one, lane, subject_id))
        made = await self._insert(session, scope, rows) if rows else frozenset()
        lanes = {row["key"]: row["lane"] for row in rows if row["key"] in made}
        return [lanes.pop(one.key, None) for one in told]

    def _row(self, scope: Scope, connection_id: UUID, one: Told, lane: str, subject_id: UUID) -> dict[str, Any]:
        event = isinstance(one.what, Event)
        return {
            "domain_id": scope.domain_id,
            "id": new_id(),
            "subject_id": subject_id,
            "connection_id": connection_id,
            "key": one.key,
            "lane": lane,
            "what": name_of(one.what),
            "name": one.name,
            "thread": seal(one.thread) if one.thread is not None else None,
            "heard": None if event else seal(one.content),
            "event": seal(one.content) if event else None,
            "state": "waiting",
            "attempts": 0,
            "created_at": self._clock.now(),
        }

    async def _insert(self, session: AsyncSession, scope: Scope, rows: list[dict[str, Any]]) -> frozenset[bytes]:
        """The keys of those that nobody else entered meanwhile."""
        await self._vault.seal_rows(session, Arrival, rows)
        connection = await session.connection()
        statement = insert(Arrival).on_conflict_do_nothing().returning(col(Arrival.key))
        made = frozenset((await connection.execute(statement, rows)).scalars())
        others = [row["id"] for row in rows if row["key"] not in made]
        if others:
            await connection.execute(_NOT_FOUND_BY, {"domain": scope.domain_id, "rows": others})
        return made


def _channel(arrived: Arrived, integration: Integration | None, channel: str) -> str:
    """The name of the channel that something was heard on."""
    offered = (integration.channels or (integration.name,)) if integration is not None else (channel,)
    name = arrived.channel or channel or (offered[0] if len(offered) == 1 else "")
    if name not in offered:
        raise Rejected(f"Something was heard for the channel {name!r}, which is none of this.", code="bad_thing")
    return name
