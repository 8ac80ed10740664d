"""What connected shops sell, fetched for the domain's knowledge: all of it from time to time, and single products when
the shop tells that they changed. Any plugin's shop, by the contract `Commerce` alone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol
from uuid import UUID, uuid4

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import Accounts
from omniops.connections.due import due_now
from omniops.connections.kinds import Kinds
from omniops.connections.models import Connection
from omniops.connections.service import Connections
from omniops.contracts.commerce import PRODUCT_EVENTS, SHOP_CHANGED, Commerce, Product, ShopUse
from omniops.contracts.ids import Clock
from omniops.contracts.integration import Link, Step, Sync
from omniops.contracts.scope import Scope
from omniops.contracts.webhook import Event
from omniops.database.service import Database
from omniops.errors import NotFound, Rejected

CATALOGUE = Sync("catalogue", "Products, as knowledge", every=timedelta(hours=6))
"""Beside the syncs of an integration whose plugin has a shop."""
PAGE = 25
MOST_PAGES = 400
"""Of one shop: 10,000 products."""


class Shelf(Protocol):
    """Where products are kept (the knowledge room)."""

    async def language(self, session: AsyncSession, scope: Scope) -> str: ...

    async def put(
        self,
        session: AsyncSession,
        scope: Scope,
        connection_id: UUID,
        products: Sequence[Product],
        at: datetime,
        language: str = "",
    ) -> None: ...

    async def sweep(self, session: AsyncSession, scope: Scope, connection_id: UUID, before: datetime) -> None: ...

    async def remove(self, session: AsyncSession, scope: Scope, connection_id: UUID, product_id: str) -> None: ...

    async def forget(self, session: AsyncSession, scope: Scope, connection_id: UUID) -> None: ...

    async def pause(
        self, session: AsyncSession, scope: Scope, connection_ids: Collection[UUID], *, paused: bool
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class _Run:
    """How far one reading of a shop has come. `id` keeps the ends of two runs apart."""

    id: str
    since: str
    place: str | None = None
    pages: int = 0
    done: int = 0

    @classmethod
    def at(cls, cursor: str | None, now: datetime) -> _Run:
        """The one that was begun, or a new one where the last came to its end."""
        new = cls(uuid4().hex, now.isoformat())
        if cursor is None:
            return new
        begun = cls(**json.loads(cursor))
        return new if begun.place is None else begun

    @property
    def cursor(self) -> str:
        return json.dumps(asdict(self))


class Catalogue:
    """The shops of all connections, read."""

    def __init__(
        self,
        database: Database,
        accounts: Accounts,
        connections: Connections,
        kinds: Callable[[], Kinds],
        shelf: Shelf,
        clock: Clock,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._kinds = kinds
        self._shelf = shelf
        self._clock = clock
        connections.on_end(shelf.forget)
        accounts.on_switch(self._switched)

    def syncs(self, kind: str) -> Sequence[Sync]:
        """What is fetched for a connection of this kind beside what its integration says."""
        return (CATALOGUE,) if self._commerce(kind) is not None else ()

    async def steps(self, link: Link, cursor: str | None) -> AsyncIterator[Step]:
        """All products of a shop, page by page; what it does not tell any more is forgotten with the last. Where the
        connection gives no products, all that is known of them is."""
        commerce, use = await self._shop(link)
        if commerce is None:
            await self._forget(link)
            return
        run = _Run.at(cursor, self._clock.now())
        while True:
            at = self._clock.now()
            try:
                page = await commerce.search(use, "", cursor=run.place, limit=PAGE)
            except Rejected as error:
                if error.code != "bad_cursor" or run.place is None:
                    raise
                run = _Run.at(None, at)  # the shop does not know that place any more
                continue
            if page.cursor is not None and page.cursor == run.place:
                raise Rejected("The shop gave the same place twice in a row.", code="cursor_repeated")
            last = page.cursor is None or run.pages + 1 >= MOST_PAGES
            run = replace(
                run, place=None if last else page.cursor, pages=run.pages + 1, done=run.done + len(page.items)
            )

            before = datetime.fromisoformat(run.since) if last else None
            store = partial(self._store, link, use.language, page.items, at, before)
            yield Step(run.cursor, store, done=run.done, total=run.done if last else None)
            if last:
                return

    async def handled(self, event: Event, link: Link) -> None:
        """A shop told that a product, or all of it, is another now. What it told is old, and so it is asked."""
        if event.kind == SHOP_CHANGED:
            async with self._database.session(link.scope) as session:
                await (await session.connection()).execute(
                    due_now(link.scope, link.id, self._clock.now(), CATALOGUE.name)
                )
                await session.commit()
        number = event.data.get("id") if event.kind in PRODUCT_EVENTS else None
        if not isinstance(number, str):
            return
        commerce, use = await self._shop(link)
        if commerce is None:
            return
        at, product = self._clock.now(), None
        with suppress(NotFound):
            product = await commerce.product(use, number)
        async with self._database.session(link.scope) as session:
            if product is None:
                await self._shelf.remove(session, link.scope, link.id, number)
            else:
                await self._shelf.put(session, link.scope, link.id, [product], at, use.language)
            await session.commit()

    async def _store(
        self,
        link: Link,
        language: str,
        products: Sequence[Product],
        at: datetime,
        before: datetime | None,
        session: AsyncSession,
    ) -> None:
        await self._shelf.put(session, link.scope, link.id, products, at, language)
        if before is not None:
            await self._shelf.sweep(session, link.scope, link.id, before)

    def _commerce(self, kind: str) -> Commerce | None:
        kinds = self._kinds()
        return kinds.shops.get(kinds.plugin(kind))

    async def _shop(self, link: Link) -> tuple[Commerce | None, ShopUse]:
        """The connection's shop where it gives products, and with what it is asked. A sandbox has none."""
        commerce = self._commerce(link.kind)
        async with self._database.session(link.scope) as session:
            language = await self._shelf.language(session, link.scope)
        use = ShopUse(link.scope, link.connection, link.features, language=language)
        if commerce is None or not commerce.offers(use).products:
            return None, use
        sandbox = (await self._accounts.domain(link.scope)).sandbox
        return None if sandbox else commerce, use

    async def _forget(self, link: Link) -> None:
        async with self._database.session(link.scope) as session:
            await self._shelf.forget(session, link.scope, link.id)
            await session.commit()

    async def _switched(self, session: AsyncSession, scope: Scope, plugin: str, on: bool) -> None:
        """Of a plugin that is off nothing is said, as of the transaction that switches it."""
        if plugin in self._kinds().shops:
            statement = select(Connection.id).where(
                Connection.domain_id == scope.domain_id, col(Connection.plugin) == plugin
            )
            found = (await session.exec(statement)).all()
            await self._shelf.pause(session, scope, found, paused=not on)
