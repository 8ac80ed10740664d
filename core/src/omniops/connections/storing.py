"""Storing deliveries: those that come to one connection at the same time are one transaction.

While one is committed, the next gather. Each is answered when what was in it is on disk, and fails alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID
from weakref import WeakValueDictionary

from omniops.audit.service import acting
from omniops.connections.arrivals import Arrivals
from omniops.connections.entering import Wanted
from omniops.connections.known import Known, Seen
from omniops.contracts.scope import Actor, Scope
from omniops.database.group_commit import GroupCommit
from omniops.database.service import Database
from omniops.errors import NotReachable, NotReady

FAILED = "This cannot be stored now."


@dataclass(slots=True)
class _Delivery:
    """What was in a delivery, and what became of it. `seen` is the connection that it was verified with, None for what
    counts whether its plugin is on or not."""

    things: Sequence[Wanted]
    seen: Seen | None
    new: int = 0
    failure: Exception | None = None


class Storing:
    """One writer for each connection that is told something just now."""

    def __init__(self, database: Database, known: Known, arrivals: Arrivals) -> None:
        self._database = database
        self._known = known
        self._arrivals = arrivals
        self._writers: WeakValueDictionary[UUID, GroupCommit[_Delivery]] = WeakValueDictionary()

    async def store(
        self, scope: Scope, connection_id: UUID, kind: str, things: Sequence[Wanted], seen: Seen | None
    ) -> int:
        """How many of the things were new; all are in the log when this returns. Raises `NotReady` where that cannot be
        now, and where the connection is not the one any more that the delivery was verified with."""
        delivery = _Delivery(things, seen)
        writer = self._writers.get(connection_id)
        if writer is None:
            writer = GroupCommit(partial(self._write, scope, connection_id, kind), FAILED)
            self._writers[connection_id] = writer
        await writer.add(delivery)
        if delivery.failure is not None:
            raise delivery.failure
        return delivery.new

    async def _write(self, scope: Scope, connection_id: UUID, kind: str, batch: Sequence[_Delivery]) -> None:
        try:
            with acting(Actor.system(f"connection.{kind}")):
                await self._store(scope, connection_id, kind, batch)
        except (NotReady, NotReachable):
            raise
        except Exception as error:  # of which of them, nobody knows
            if len(batch) == 1:
                batch[0].failure = error
                return
            for one in batch:
                await self._write(scope, connection_id, kind, [one])

    async def _store(self, scope: Scope, connection_id: UUID, kind: str, batch: Iterable[_Delivery]) -> None:
        async with self._database.session(scope) as session:
            version = await self._known.version(session, scope, connection_id)
            good = []
            for one in batch:
                fits = one.seen is None or one.seen.version == version
                one.failure = None if fits else NotReady(FAILED, do="Send it again.")
                if fits:
                    good.append(one)
            things = [thing for one in good for thing in one.things]
            if things:
                new = iter(await self._arrivals.enter(session, scope, connection_id, things, kind))
                for one in good:
                    one.new = sum(next(new) for _ in one.things)
                await session.commit()
