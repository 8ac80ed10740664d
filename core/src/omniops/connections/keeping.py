"""Keeping connections alive: tokens refreshed before they end, and people told while there is time."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import Accounts
from omniops.connections import history
from omniops.connections.arrivals import ERASE, erase_later
from omniops.connections.asking import SET_UP
from omniops.connections.history import TELL
from omniops.connections.kinds import tokens_of
from omniops.connections.models import Connection, ConnectionEvent
from omniops.connections.service import Connections
from omniops.contracts.ids import Clock
from omniops.contracts.plugin import Log
from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Database
from omniops.errors import NotFound, NotReady, Reconnect, Rejected
from omniops.jobs.service import MAINTENANCE, SENDING, Jobs, Retry, Task, scope_argument
from omniops.mail.service import Post
from omniops.webhooks.service import emit

AHEAD = timedelta(minutes=12)
"""A token that ends within this time is refreshed. The schedule looks every five minutes, so it has two tries."""
WARN = timedelta(days=7)
"""How long before all access ends people are told."""
LOOK = timedelta(hours=6)
"""How often it is tried whether an account that is to be erased is gone, where the other side does not answer."""
ACTOR = Actor.system("connections.keep")
_WORDS = {
    "needs_reauth": (
        "{title} must be connected again",
        "{title} does not accept the access any more that your business gave for {domain}. Until somebody connects it "
        "again, nothing goes there and nothing comes from there; nothing of what is here is lost.\n\n"
        "What to do: open Connections in OmniOps, choose {title} and connect again.",
    ),
    "not_told": (
        "{title} cannot be told of conversations",
        "{title} refuses what OmniOps tells there of conversations of {domain}: perhaps the place that was chosen for "
        "it is gone, or OmniOps is not let in there any more. The inbox has all of it; nothing is lost.\n\n"
        "What to do: open Connections in OmniOps, check {title}, and choose the place anew.",
    ),
    "away": (
        "{title} has not answered for an hour",
        "{title} does not answer, or keeps us from asking. What came from there is kept, what is to go there waits, "
        "and it is tried again by itself, at least every hour: nothing is lost. {domain} goes on without it.\n\n"
        "What to do: nothing, unless {title} tells its own customers something else. The list of connections shows "
        "when it is back.",
    ),
    "expiring": (
        "The access to {title} ends on {day}",
        "On {day} {title} ends the access that your business gave for {domain}. Connect it again before that day and "
        "nothing is interrupted.\n\nWhat to do: open Connections in OmniOps, choose {title} and connect again.",
    ),
}


class Keeping:
    """The schedule over all connections, and the mails about them."""

    def __init__(
        self,
        database: Database,
        accounts: Accounts,
        connections: Connections,
        mail: Post,
        jobs: Jobs,
        clock: Clock,
        log: Log,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._connections = connections
        self._mail = mail
        self._jobs = jobs
        self._clock = clock
        self._log = log
        jobs.register(
            Task("connections:look", self.look, queue=MAINTENANCE, cron="*/5 * * * *"),
            Task("connections:refresh", self.refresh, queue=SENDING, retry=Retry(attempts=2)),
            Task(SET_UP, connections.set_up, queue=SENDING, retry=Retry(attempts=9, first=5, cap=900)),
            Task(TELL, self.tell, retry=Retry(attempts=8, first=5, cap=900)),
            Task(ERASE, self.erase, queue=SENDING),
        )

    async def look(self, timestamp: int | None = None) -> None:
        """Queues what must be refreshed now, and tells whose access ends for good."""
        now = self._clock.now()
        async with self._database.system("connections: whose access ends soon") as session:
            statement = select(Connection.domain_id, Connection.id, Connection.ends_at, Connection.warned_at).where(
                Connection.state == "connected",
                or_(
                    col(Connection.expires_at) < now + AHEAD,
                    (col(Connection.ends_at) < now + WARN) & col(Connection.warned_at).is_(None),
                ),
            )
            found = (await session.exec(statement)).all()
        for domain_id, connection_id, ends_at, warned_at in found:
            scope = await self._database.scope_of(domain_id)
            async with self._database.session(scope) as session:
                if ends_at is not None and warned_at is None and now < ends_at < now + WARN:
                    await self._warn(session, scope, connection_id)
                await self._jobs.enqueue(
                    session,
                    "connections:refresh",
                    unique=f"refresh:{connection_id}",
                    domain_id=scope_argument(scope),
                    connection_id=connection_id,
                )
                await session.commit()

    async def refresh(self, scope: Scope, connection_id: str) -> None:
        """Refreshes a token that ends soon. One that cannot be, and has ended, leaves the connection to a person."""
        try:
            row = await self._connections.row(scope, UUID(connection_id))
            settings, _ = await self._connections.opened(row)
            tokens = tokens_of(settings)
            if tokens is None or row.state == "needs_reauth":
                return
            if tokens.refresh is not None:
                await self._connections.fresh(scope, row, settings, ahead=AHEAD)
            elif tokens.expires_at is not None and tokens.expires_at <= self._clock.now():
                await self._connections.refused(scope, row.id, settings)
        except (NotFound, Reconnect):
            return  # gone, or marked by now
        except NotReady as error:
            self._log.warning("connection.not_refreshed", connection=connection_id, said=str(error))

    async def erase(self, scope: Scope, connection_id: str, until: str) -> None:
        """Ends a connection whose account at the other side is to be erased, unless its access works. Where nobody can
        tell because the other side is away it is looked at again, and ended at the latest at `until`."""
        number, now = UUID(connection_id), self._clock.now()
        row = await self._connections.state(scope, number)
        if row is None:
            return
        if row.state != "needs_reauth":
            try:
                await self._connections.check(scope, number)
                return
            except (Reconnect, Rejected):
                pass
            except NotReady:
                if now < datetime.fromisoformat(until):
                    async with self._database.session(scope) as session:
                        await erase_later(self._jobs, session, scope, number, until, now + LOOK)
                        await session.commit()
                    return
        with suppress(NotFound):
            await self._connections.disconnect(scope, number, actor=Actor.system(f"connection.{row.kind}"))

    async def tell(self, scope: Scope, event_id: str) -> None:
        """Mails the account's owners and admins about an event. Where no plugin sends mail, the list of connections and
        the webhook say the same."""
        async with self._database.session(scope) as session:
            event = await session.get(ConnectionEvent, (scope.domain_id, UUID(event_id)))
            row = None if event is None else await session.get(Connection, (scope.domain_id, event.connection_id))
        if event is None or row is None or self._mail.mailer() is None:
            return
        if event.event == "needs_reauth" and row.state != "needs_reauth":
            return  # somebody was faster
        if event.event == "away" and row.troubled_since is None:
            return
        subject, words = _WORDS[event.event]
        named = {
            "title": self._connections.title(row.kind),
            "domain": (await self._accounts.domain(scope)).title,
            "day": _day(event.detail.get("ends_at")),
        }
        addresses = await self._mail.admins(scope)
        async with self._database.session(scope) as session:
            for number, address in enumerate(addresses):
                await self._mail.send(
                    scope,
                    to=address,
                    kind="notice",
                    subject=subject.format(**named),
                    text=words.format(**named),
                    key=f"{event.id}-{number}",
                    session=session,
                )
            await session.commit()

    async def _warn(self, session: AsyncSession, scope: Scope, connection_id: UUID) -> None:
        row = await session.get(Connection, (scope.domain_id, connection_id), with_for_update=True)
        if row is None or row.warned_at is not None or row.ends_at is None:
            return
        row.warned_at = self._clock.now()
        session.add(row)
        event = history.enter(session, row, "expiring", ACTOR, self._clock, ends_at=row.ends_at.isoformat())
        await emit(session, scope, "connection.expiring", connection_id=row.id, connected=row.kind)
        await history.tell(session, scope, event, self._jobs)


def _day(said: object) -> str:
    return datetime.fromisoformat(str(said)).date().isoformat() if said else ""
