"""What members bring themselves: files, pasted pages and curated answers.

They are pages like those of a crawl, so that search, answers and erasure know one kind of thing, under a source for
each kind that no list shows and no crawl visits. What comes over connections is kept in the same way (`mirrored.py`).
"""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.ids import Clock, new_id
from omniops.contracts.scope import Scope
from omniops.errors import NotFound, Rejected
from omniops.knowledge.models import Page, Source
from omniops.knowledge.urls import normalise

Kind = Literal["document", "answer"]
SHOP = "shop"
"""The kind of the sources that hold what connected shops sell."""
FILE = "file"
"""The kind of the sources that hold documents which were chosen at a connection."""
HIDDEN: tuple[str, ...] = ("document", "answer", SHOP, FILE)
MOST = 5000
"""Of one kind in a domain."""


def checked_link(link: str | None) -> str:
    """Where citations lead, or an empty text. Raises `Rejected` for what is no web address."""
    if not link:
        return ""
    found = normalise(link)
    if found is None:
        raise Rejected(f"{link[:200]!r} is no web address.", code="bad_url", where="link", do="Write https://…")
    return found


def checked_text(text: str, where: str, *, most: int) -> str:
    """Text without outer space. Raises `Rejected` where nothing is left, and for what is too long or no text."""
    text = text.strip()
    if not text or len(text) > most:
        raise Rejected(f"{where} must have 1 to {most:,} characters.", code="bad_text", where=where)
    if any(ord(c) < 32 and c not in "\n\t\r" for c in text):
        raise Rejected(f"{where} holds control characters.", code="bad_text", where=where)
    return text


async def new_page(session: AsyncSession, clock: Clock, kind: Kind, page_id: UUID, title: str, link: str) -> Page:
    """A page of one of the hidden sources, which is made where it is not there; in the session's transaction."""
    scope: Scope = session.info["scope"]
    assert scope.domain_id is not None
    connection = await session.connection()
    row: dict[str, Any] = {
        "domain_id": scope.domain_id,
        "id": new_id(),
        "kind": kind,
        "url": f"omniops:{kind}",
        "include": [],
        "exclude": [],
        "created_at": clock.now(),
    }
    await connection.execute(insert(Source).values(row).on_conflict_do_nothing())
    statement = select(Source).where(Source.domain_id == scope.domain_id, Source.kind == kind)
    # Locked, so that two at once cannot pass the limit together.
    source = (await session.exec(statement.with_for_update())).one()
    known = await session.exec(select(Page.id).where(Page.domain_id == scope.domain_id, Page.source_id == source.id))
    if len(known.all()) >= MOST:
        raise Rejected(f"There are {MOST} of them already.", code="too_many", do="Delete some first.")
    page = Page(
        domain_id=scope.domain_id,
        id=page_id,
        source_id=source.id,
        url=f"omniops:{kind}/{page_id}",
        link=link,
        state="read",
        depth=0,
        title=title,
        read_at=clock.now(),
        found_at=clock.now(),
    )
    session.add(page)
    await session.flush()
    return page


async def own_page(session: AsyncSession, kind: Kind, page_id: UUID) -> Page:
    """A page of a hidden source, locked. Raises `NotFound`."""
    scope: Scope = session.info["scope"]
    statement = (
        select(Page)
        .join(Source, (col(Source.domain_id) == col(Page.domain_id)) & (col(Source.id) == col(Page.source_id)))
        .where(Page.domain_id == scope.domain_id, Page.id == page_id, Source.kind == kind)
        .with_for_update(of=Page)
    )
    page = (await session.exec(statement)).first()
    if page is None:
        raise NotFound(f"There is no such {kind}.")
    return page


async def own_pages(session: AsyncSession, kind: Kind) -> list[Page]:
    """All pages of a hidden source, newest first."""
    scope: Scope = session.info["scope"]
    statement = (
        select(Page)
        .join(Source, (col(Source.domain_id) == col(Page.domain_id)) & (col(Source.id) == col(Page.source_id)))
        .where(Page.domain_id == scope.domain_id, Source.kind == kind)
        .order_by(col(Page.id).desc())
    )
    return list((await session.exec(statement)).all())
