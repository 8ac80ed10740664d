"""Who writes, as the business's own address books know them: asked only for an address that was proved, one person at a
time, kept sealed with that person's data for a day, and gone with the connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol
from uuid import UUID

from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.audit.service import Audit, Entry
from omniops.contracts.contacts import Contact
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import Sealed, seal
from omniops.conversation.service import Proven, ProvenAddresses
from omniops.database.service import Database
from omniops.errors import NotFound, NotReachable, NotReady, Reconnect
from omniops.inbox.models import ContactCard
from omniops.vault.service import Vault

FRESH = timedelta(days=1)
PURPOSE = "support.provide"


class Book(Protocol):
    """A connection whose address book may be asked."""

    @property
    def connection_id(self) -> UUID: ...
    @property
    def title(self) -> str: ...


class Books(Protocol):
    """The address books of connections (the connections room)."""

    async def all(self, scope: Scope) -> Sequence[Book]: ...

    async def find(
        self, scope: Scope, connection_id: UUID, email: str, *, subjects: Sequence[UUID]
    ) -> Contact | None: ...


@dataclass(frozen=True, slots=True)
class Card:
    """What one address book says. `away`: it could not be asked now, and nothing is kept from before."""

    connection_id: UUID
    book: str
    state: Literal["found", "none", "away"]
    name: str = ""
    company: str = ""
    note: str = ""
    looked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ContactPanel:
    """`proved` says how the address was proved; None: none was, and nobody was asked."""

    proved: Literal["business", "order"] | None
    cards: Sequence[Card]


class ContactCards:
    """The panel beside a conversation."""

    def __init__(
        self, database: Database, vault: Vault, audit: Audit, proven: ProvenAddresses, books: Books, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._audit = audit
        self._proven = proven
        self._books = books
        self._clock = clock

    async def of(self, scope: Scope, conversation_id: UUID, *, actor: Actor) -> ContactPanel:
        """Raises `NotFound` for a conversation that is not there, `NotReady` where the shop of its order is away."""
        proven = await self._proven.of(scope, conversation_id, actor=actor)
        if proven is None:
            return ContactPanel(None, ())
        books = await self._books.all(scope)
        if books:
            # Written before anybody is asked: what cannot be put on record is not read.
            detail = {"conversation": str(conversation_id)}
            await self._audit.write(Entry(scope.account_id, str(actor), "contact.read", "conversation", detail=detail))
        return ContactPanel(proven.how, [await self._card(scope, proven, book, actor) for book in books])

    async def forget(self, session: AsyncSession, scope: Scope, connection_id: UUID) -> None:
        """Forgets what an address book said, in the session's transaction: its connection ended, or is another now."""
        mine = (col(ContactCard.domain_id) == scope.domain_id) & (col(ContactCard.connection_id) == connection_id)
        await (await session.connection()).execute(delete(ContactCard).where(mine))

    async def changed(self, session: AsyncSession, scope: Scope, connection: Any) -> None:
        await self.forget(session, scope, connection.id)

    async def _card(self, scope: Scope, proven: Proven, book: Book, actor: Actor) -> Card:
        kept = await self._kept(scope, proven, book, actor)
        if kept is not None and kept.looked_at is not None and self._clock.now() - kept.looked_at < FRESH:
            return kept
        try:
            found = await self._books.find(scope, book.connection_id, proven.email, subjects=(proven.subject_id,))
        except (NotReady, NotReachable, Reconnect, NotFound):
            return kept or Card(book.connection_id, book.title, "away")
        await self._keep(scope, proven, book, found)
        return _shown(book, found or Contact(), self._clock.now())

    async def _kept(self, scope: Scope, proven: Proven, book: Book, actor: Actor) -> Card | None:
        """What was said of this address, however long ago."""
        async with self._database.session(scope) as session:
            row = (await session.exec(_of(scope, proven, book))).first()
        if row is None:
            return None
        opened = await self._vault.open([row], purpose=PURPOSE, actor=actor)

        def clear(value: Sealed[str] | None) -> str:
            return (opened(value, otherwise="") or "") if value is not None else ""

        if clear(row.email) != proven.email:
            return None
        return _shown(book, Contact(clear(row.name), clear(row.company), clear(row.note)), row.looked_at)

    async def _keep(self, scope: Scope, proven: Proven, book: Book, found: Contact | None) -> None:
        assert scope.domain_id is not None
        said, now = found or Contact(), self._clock.now()
        async with self._database.session(scope) as session:
            row = (await session.exec(_of(scope, proven, book).with_for_update())).first() or ContactCard(
                domain_id=scope.domain_id,
                subject_id=proven.subject_id,
                connection_id=book.connection_id,
                created_at=now,
            )
            row.email, row.looked_at = seal(proven.email), now
            row.name, row.company, row.note = (
                seal(one) if one else None for one in (said.name, said.company, said.note)
            )
            session.add(row)
            await session.commit()


def _of(scope: Scope, proven: Proven, book: Book) -> Any:
    return select(ContactCard).where(
        ContactCard.domain_id == scope.domain_id,
        ContactCard.subject_id == proven.subject_id,
        ContactCard.connection_id == book.connection_id,
    )


def _shown(book: Book, said: Contact, at: datetime) -> Card:
    state: Literal["found", "none"] = "found" if said != Contact() else "none"
    return Card(book.connection_id, book.title, state, said.name, said.company, said.note, at)
