"""What the other side tells of somebody who gave access: that they took it back, or that they want to be deleted.

One person may have given the access of connections of many businesses. Nothing before them says whose these are, so a
job looks for them; it holds a hash of the person's id at the other side and nothing else of them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from sqlmodel import col, select

from omniops.audit.service import OPERATOR
from omniops.connections.arrivals import Arrivals, TakesRights
from omniops.connections.history import external_hash
from omniops.connections.kinds import Kinds
from omniops.connections.models import Connection
from omniops.connections.using import Using
from omniops.contracts.scope import Scope
from omniops.contracts.webhook import Arrived, Event, RightUsed
from omniops.database.service import Database
from omniops.errors import Rejected
from omniops.jobs.service import SENDING, Jobs, Task

RUN = "connections:giver"


class Givers:
    """From a person at the other side to all connections whose access they gave."""

    def __init__(
        self,
        database: Database,
        using: Using,
        kinds: Callable[[], Kinds],
        arrivals: Arrivals,
        rights: TakesRights,
        jobs: Jobs,
    ) -> None:
        self._database = database
        self._using = using
        self._kinds = kinds
        self._arrivals = arrivals
        self._rights = rights
        self._jobs = jobs
        jobs.register(Task(RUN, self.run, queue=SENDING))

    async def note(self, kind: str, arrived: Arrived) -> None:
        """Queues the search; it is committed when this returns. Raises `Rejected` for what is no event and no right."""
        thing, at = arrived.what, ""
        match thing:
            case Event():
                form, what = "event", thing.kind
            case RightUsed():
                form, what, at = "right", thing.right, thing.at.isoformat() if thing.at is not None else ""
            case _:
                raise Rejected("Of who gave access, events and rights are told.", code="bad_thing")
        who = external_hash(self._kinds().plugin(kind), arrived.granted_by).hex()
        async with self._database.session(Scope(OPERATOR)) as session:
            await self._jobs.enqueue(session, RUN, kind=kind, who=who, form=form, told=thing.id, what=what, asked_at=at)
            await session.commit()

    async def run(
        self, kind: str, who: str, form: Literal["event", "right"], told: str, what: str, asked_at: str
    ) -> None:
        """Enters it at each connection; a right once at each website. Safe to run twice."""
        async with self._database.system("connections: whose access somebody gave") as session:
            statement = select(Connection).where(
                Connection.plugin == self._kinds().plugin(kind), Connection.granted_by == bytes.fromhex(who)
            )
            rows = (await session.exec(statement.order_by(col(Connection.id)))).all()
        if form == "event":
            for row in rows:
                await self._event(row, Event(told, what))
            return
        moment = datetime.fromisoformat(asked_at) if asked_at else None
        used = RightUsed(told, what, {}, moment)  # type: ignore[arg-type]  # as it was noted
        for number, domain_id in enumerate(dict.fromkeys(row.domain_id for row in rows)):
            scope = await self._database.scope_of(domain_id)
            async with self._database.session(scope) as session:
                await self._rights.by_giver(session, scope, kind, used, number)
                await session.commit()

    async def _event(self, row: Connection, event: Event) -> None:
        scope = await self._database.scope_of(row.domain_id)
        if await self._using.on(scope, row.id) is None:
            return
        async with self._database.session(scope) as session:
            await self._arrivals.add(session, scope, row.id, [Arrived(event)], self._kinds().integrations.get(row.kind))
            await session.commit()
