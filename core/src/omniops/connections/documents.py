"""Documents that a business chose at a connection, for its knowledge: read, read again when they changed, and
forgotten when they are no longer chosen or no longer to be read. Any plugin's, by the contract `DocumentStore` alone.

Where the feature is off, a person must connect again, or the plugin is off, nobody can say what may still be read:
then nothing of it is found or cited.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import Accounts
from omniops.audit.service import Audit, Entry
from omniops.connections import features
from omniops.connections.asking import away
from omniops.connections.document_models import ChosenDocument
from omniops.connections.due import due_now
from omniops.connections.kinds import Kinds
from omniops.connections.models import Connection
from omniops.connections.service import Connections
from omniops.contracts.documents import DOCUMENTS_CHANGED, Audience, DocumentContent, DocumentInfo, DocumentStore
from omniops.contracts.ids import Clock
from omniops.contracts.integration import Link, Step, Sync
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.webhook import Event
from omniops.database.service import Database
from omniops.errors import NotFound, NotReady, Permanent, Rejected

NAME = "documents"
EVERY = timedelta(minutes=15)
ALL_EVERY = timedelta(days=1)
"""How often all that is chosen is looked at, whatever changes were told."""
MOST = 1000
"""Of one connection."""
MOST_AT_ONCE = 100
_ID = re.compile(r"[^\s/]{1,200}")

Put = Callable[[AsyncSession, Scope, UUID, str, Audience, datetime], Awaitable[None]]


class KeptDocument(Protocol):
    """What the knowledge room knows of a document that was read."""

    @property
    def title(self) -> str: ...
    @property
    def link(self) -> str: ...
    @property
    def passages(self) -> int: ...
    @property
    def read_at(self) -> datetime | None: ...


class Folder(Protocol):
    """Where documents are kept (the knowledge room)."""

    async def understood(self, content: DocumentContent) -> Put: ...

    async def show(
        self, session: AsyncSession, scope: Scope, connection_id: UUID, document_id: str, audience: Audience
    ) -> None: ...

    async def remove(self, session: AsyncSession, scope: Scope, connection_id: UUID, document_id: str) -> None: ...

    async def forget(self, session: AsyncSession, scope: Scope, connection_id: UUID) -> None: ...

    async def pause(
        self, session: AsyncSession, scope: Scope, connection_ids: Collection[UUID], *, paused: bool
    ) -> None: ...

    async def known(self, session: AsyncSession, scope: Scope, connection_id: UUID) -> Mapping[str, KeptDocument]: ...


@dataclass(frozen=True, slots=True)
class DocumentView:
    """A chosen document. `state` is `waiting`, `read`, `refused` (with a `problem`), or `gone`: it is not there, or may
    not be read any more. `title`, `link` (where citations lead) and `passages` are those of what was read."""

    document_id: str
    audience: str
    state: str
    problem: str | None
    title: str
    link: str
    passages: int
    read_at: datetime | None
    chosen_at: datetime
    chosen_by: str


@dataclass(frozen=True, slots=True)
class _Place:
    """How far it has come: the other side's place in its changes, when all was last looked at, and a number that tells
    two steps apart."""

    place: str
    all_at: str
    step: int = 0

    def next(self, **changes: Any) -> _Place:
        return replace(self, step=self.step + 1, **changes)

    @property
    def cursor(self) -> str:
        return json.dumps(asdict(self))


class ConnectedDocuments:
    """The chosen documents of all connections."""

    def __init__(
        self,
        database: Database,
        accounts: Accounts,
        audit: Audit,
        connections: Connections,
        kinds: Callable[[], Kinds],
        folder: Folder,
        clock: Clock,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._audit = audit
        self._connections = connections
        self._kinds = kinds
        self._folder = folder
        self._clock = clock
        connections.on_end(folder.forget)
        connections.on_change(self._changed)
        accounts.on_switch(self._switched)

    # What members do --------------------------------------------------------------------------------------------------

    async def all(self, scope: Scope, connection_id: UUID) -> list[DocumentView]:
        """The chosen ones, in the order in which they were chosen. Raises `NotFound`."""
        await self._connected(scope, connection_id)
        async with self._database.session(scope) as session:
            rows = (await session.exec(_of(scope, connection_id).order_by(col(ChosenDocument.id)))).all()
            known = await self._folder.known(session, scope, connection_id)
        return [_view(row, known.get(row.document_id)) for row in rows]

    async def picker(self, scope: Scope, connection_id: UUID) -> Mapping[str, str]:
        """What a page needs to open the other side's own window. Raises `NotFound`, `Rejected` where it is off."""
        _, store = await self._connected(scope, connection_id, on=True)
        settings = (await self._connections.link(scope, connection_id, fresh=False)).connection
        return store.picker(settings)

    async def offered(self, scope: Scope, connection_id: UUID) -> Sequence[DocumentInfo]:
        """What may be chosen, asked of the other side. Raises as `picker` does, `NotReady` and `Reconnect`."""
        row, store = await self._connected(scope, connection_id, on=True)
        link = await self._connections.link(scope, connection_id)
        async with away(self._kinds().integrations[row.kind]):
            return await self._connections.used(scope, link, store.offered)

    async def choose(
        self, scope: Scope, connection_id: UUID, document_ids: Sequence[str], audience: Audience, *, actor: Actor
    ) -> list[DocumentView]:
        """Chooses documents, for members alone or for everybody; of those that are chosen already it says for whom they
        are now. They are read within some minutes. Raises as `picker` does."""
        wanted = list(dict.fromkeys(document_ids))
        if not 1 <= len(wanted) <= MOST_AT_ONCE:
            raise Rejected(f"1 to {MOST_AT_ONCE} documents are needed.", code="too_many", where="documents")
        for one in wanted:
            if not _ID.fullmatch(one):
                raise Rejected(f"{one[:200]!r} is no document's id.", code="bad_document", where="documents")
        row, _ = await self._connected(scope, connection_id, on=True)
        async with self._database.session(scope) as session:
            # Locked, so that two at once cannot pass the limit together.
            await session.get_one(Connection, (scope.domain_id, connection_id), with_for_update=True)
            found = (await session.exec(_of(scope, connection_id))).all()
            known = {one.document_id: one for one in found}
            if len(known.keys() | set(wanted)) > MOST:
                raise Rejected(f"A connection has {MOST} documents at most.", code="too_many", where="documents")
            for document_id in wanted:
                chosen = known.get(document_id) or ChosenDocument(
                    domain_id=row.domain_id,
                    connection_id=connection_id,
                    document_id=document_id,
                    audience=audience,
                    chosen_by=str(actor),
                    created_at=self._clock.now(),
                )
                # Read anew whatever its version: where citations lead depends on whom it is for.
                chosen.audience, chosen.state, chosen.version, chosen.problem = audience, "waiting", "", None
                session.add(chosen)
                await self._folder.show(session, scope, connection_id, document_id, audience)
            await self._begin(session, scope, connection_id)
            await session.commit()
        await self._wrote(scope, row, "document.choose", actor, documents=len(wanted), audience=audience)
        return [one for one in await self.all(scope, connection_id) if one.document_id in wanted]

    async def release(self, scope: Scope, connection_id: UUID, document_id: str, *, actor: Actor) -> None:
        """It is no longer chosen: what was read of it is gone when this returns. Raises `NotFound`."""
        row, _ = await self._connected(scope, connection_id)
        async with self._database.session(scope) as session:
            chosen = (await session.exec(_one(scope, connection_id, document_id).with_for_update())).first()
            if chosen is None:
                raise NotFound("This document was not chosen.")
            await session.delete(chosen)
            await self._folder.remove(session, scope, connection_id, document_id)
            await session.commit()
        await self._wrote(scope, row, "document.release", actor)

    # What is done by itself -------------------------------------------------------------------------------------------

    def syncs(self, kind: str) -> Sequence[Sync]:
        """What is fetched for a connection of this kind beside what its integration says."""
        store = self._store(kind)
        return (Sync(NAME, "Documents, as knowledge", EVERY, store.feature),) if store is not None else ()

    async def steps(self, link: Link, cursor: str | None) -> AsyncIterator[Step]:
        """What changed, then each document that waits. Where the other side does not know the place any more, all that
        is chosen is looked at."""
        store, now = self._store(link.kind), self._clock.now()
        assert store is not None
        at = _Place(**json.loads(cursor)) if cursor else None
        if at is None or now - datetime.fromisoformat(at.all_at) >= ALL_EVERY:
            # The place first: what changes while all is looked at is told from there on.
            at = _Place(at.place if at else await store.begin(link), now.isoformat(), at.step + 1 if at else 0)
            yield Step(at.cursor, partial(self._wait, link, None))
        while True:
            try:
                found = await store.changes(link, at.place)
            except Rejected as error:
                if error.code != "bad_cursor":
                    raise
                at = at.next(place=await store.begin(link), all_at=now.isoformat())
                yield Step(at.cursor, partial(self._wait, link, None))
                break
            if found.place != at.place or found.ids:
                at = at.next(place=found.place)
                yield Step(at.cursor, partial(self._wait, link, found.ids))
            if not found.more:
                break
        done, total = 0, await self._waiting(link)
        while (chosen := await self._next(link)) is not None:
            store_it, later = await self._looked(store, link, chosen)
            at, done = at.next(), done + 1
            yield Step(at.cursor, store_it, done=done, total=max(total, done))
            if later is not None:
                raise later

    async def handled(self, event: Event, link: Link) -> None:
        """The other side told that something changed."""
        if event.kind == DOCUMENTS_CHANGED and self._store(link.kind) is not None:
            async with self._database.session(link.scope) as session:
                await self._begin(session, link.scope, link.id)
                await session.commit()

    async def _looked(self, store: DocumentStore, link: Link, chosen: ChosenDocument) -> tuple[Any, NotReady | None]:
        """How what a look at a document brought is stored, and the error with which it is tried again later: after
        the others, which it does not keep from being read."""
        put: Put | None = None
        state, problem, version = "read", None, chosen.version
        try:
            content = await store.read(link, chosen.document_id, chosen.version)
            if content is not None:
                version, put = content.version, await self._folder.understood(content)
        except NotReady as error:
            return partial(self._store_look, link, chosen, None, {}), error
        except NotFound:
            state, version = "gone", ""
        except (Rejected, Permanent) as error:
            state, version = "refused", ""
            problem = error.code if isinstance(error, Rejected) else "refused"
        changes = {"state": state, "problem": problem, "version": version}
        return partial(self._store_look, link, chosen, put, changes), None

    async def _store_look(
        self, link: Link, seen: ChosenDocument, put: Put | None, changes: Mapping[str, Any], session: AsyncSession
    ) -> None:
        """In the transaction of the step. What was released meanwhile stays away, and whom it is for is asked now."""
        statement = _one(link.scope, link.id, seen.document_id).with_for_update()
        row = (await session.exec(statement.execution_options(populate_existing=True))).first()
        if row is None:
            return
        row.looked_at = self._clock.now()
        for name, value in changes.items():
            setattr(row, name, value)
        session.add(row)
        if changes.get("state") in ("gone", "refused"):
            await self._folder.remove(session, link.scope, link.id, row.document_id)
        elif put is not None:
            audience: Audience = "everybody" if row.audience == "everybody" else "members"
            await put(session, link.scope, link.id, row.document_id, audience, self._clock.now())

    async def _wait(self, link: Link, ids: Collection[str] | None, session: AsyncSession) -> None:
        """These, or all that are chosen, are to be looked at."""
        mine = _mine(link.scope, link.id)
        if ids is not None:
            mine &= col(ChosenDocument.document_id).in_(ids)
        await (await session.connection()).execute(update(ChosenDocument).where(mine).values(state="waiting"))

    async def _waiting(self, link: Link) -> int:
        async with self._database.session(link.scope) as session:
            mine = _mine(link.scope, link.id) & (col(ChosenDocument.state) == "waiting")
            return (await session.exec(select(func.count()).select_from(ChosenDocument).where(mine))).one()

    async def _next(self, link: Link) -> ChosenDocument | None:
        """One that waits, never looked at or the longest ago: one that fails keeps no other from being read."""
        async with self._database.session(link.scope) as session:
            statement = (
                _of(link.scope, link.id)
                .where(ChosenDocument.state == "waiting")
                .order_by(col(ChosenDocument.looked_at).nulls_first(), col(ChosenDocument.id))
                .limit(1)
            )
            found: ChosenDocument | None = (await session.exec(statement)).first()
            return found

    # Whether it may be shown at all -----------------------------------------------------------------------------------

    async def _changed(self, session: AsyncSession, scope: Scope, row: Connection) -> None:
        """A connection is another now, in the transaction that makes it so."""
        await self._review(session, scope, row, await self._accounts.is_on(scope, row.plugin))

    async def _switched(self, session: AsyncSession, scope: Scope, plugin: str, on: bool) -> None:
        """Of a plugin that is off nothing is said, as of the transaction that switches it."""
        statement = select(Connection).where(Connection.domain_id == scope.domain_id, col(Connection.plugin) == plugin)
        for row in (await session.exec(statement)).all():
            await self._review(session, scope, row, on)

    async def _review(self, session: AsyncSession, scope: Scope, row: Connection, on: bool) -> None:
        store = self._store(row.kind)
        if store is None:
            return
        working = features.on(self._kinds().integrations[row.kind], row.wanted, row.granted)
        shown = on and row.state == "connected" and store.feature in working
        await self._folder.pause(session, scope, [row.id], paused=not shown)
        if shown:
            await self._begin(session, scope, row.id)

    async def _begin(self, session: AsyncSession, scope: Scope, connection_id: UUID) -> None:
        """It is fetched within a minute."""
        due = due_now(scope, connection_id, self._clock.now(), NAME)
        await (await session.connection()).execute(due)

    def _store(self, kind: str) -> DocumentStore | None:
        integration = self._kinds().integrations.get(kind)
        return integration.documents if integration is not None else None

    async def _connected(
        self, scope: Scope, connection_id: UUID, *, on: bool = False
    ) -> tuple[Connection, DocumentStore]:
        row = await self._connections.row(scope, connection_id)
        store = self._store(row.kind)
        if store is None:
            raise NotFound("This connection has no documents.")
        working = features.on(self._kinds().integrations[row.kind], row.wanted, row.granted)
        if on and store.feature not in working:
            raise Rejected(
                f"The feature {store.feature!r} is off, or was not granted what it takes.",
                code="feature_off",
                do="Switch it on; where scopes are missing, connect again.",
            )
        return row, store

    async def _wrote(self, scope: Scope, row: Connection, action: str, actor: Actor, **detail: Any) -> None:
        detail = {"plugin": row.plugin, "connection": str(row.id), **detail}
        await self._audit.write(Entry(scope.account_id, str(actor), action, "document", detail=detail))


def _mine(scope: Scope, connection_id: UUID) -> Any:
    return (col(ChosenDocument.domain_id) == scope.domain_id) & (col(ChosenDocument.connection_id) == connection_id)


def _of(scope: Scope, connection_id: UUID) -> Any:
    return select(ChosenDocument).where(_mine(scope, connection_id))


def _one(scope: Scope, connection_id: UUID, document_id: str) -> Any:
    return _of(scope, connection_id).where(col(ChosenDocument.document_id) == document_id)


def _view(row: ChosenDocument, kept: KeptDocument | None) -> DocumentView:
    return DocumentView(
        row.document_id,
        row.audience,
        row.state,
        row.problem,
        kept.title if kept else "",
        kept.link if kept else "",
        kept.passages if kept else 0,
        kept.read_at if kept else None,
        row.created_at,
        row.chosen_by,
    )
