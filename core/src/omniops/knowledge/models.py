"""Sources, pages and passages: the rows from which everything else of the knowledge can be rebuilt."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB

from omniops.contracts.ids import utcnow
from omniops.database.marks import not_personal
from omniops.database.models import DomainModel, belongs_to

PUBLIC = "public page content"


class Source(DomainModel, table=True):
    """Where pages of a domain come from."""

    __tablename__ = "source"
    __table_args__ = (Index("uq_source_url", "domain_id", "kind", "url", unique=True),)
    kind: str = not_personal("which source plugin")
    url: str = not_personal(PUBLIC)
    include: list[str] = not_personal("patterns of URLs", sa_type=JSONB, default_factory=list)
    exclude: list[str] = not_personal("patterns of URLs", sa_type=JSONB, default_factory=list)
    created_at: datetime = not_personal("when it was added", default_factory=utcnow)


class Page(DomainModel, table=True):
    """A URL of a source: the frontier while it waits, the record of the visit afterwards."""

    __tablename__ = "page"
    __table_args__ = (
        belongs_to(Source, "source_id"),
        Index("uq_page_url", "domain_id", "url", unique=True),
        Index("ix_page_frontier", "domain_id", "source_id", "state", "depth"),
    )
    source_id: UUID
    url: str = not_personal(PUBLIC)
    state: str = not_personal("queued, read, unchanged, skipped, failed or gone")
    depth: int = not_personal("links from the seed")
    crawl_id: UUID | None = not_personal("the crawl that last saw it", default=None)
    problem: str | None = not_personal("stable code of what went wrong", default=None)
    said: str | None = not_personal("what went wrong, in words", default=None)
    title: str = not_personal(PUBLIC, default="")
    language: str = not_personal(PUBLIC, default="")
    etag: str | None = not_personal("validator of the page", default=None)
    last_modified: str | None = not_personal("validator of the page", default=None)
    content_hash: bytes | None = not_personal("hash of a public page", default=None)
    read_at: datetime | None = not_personal("last successful visit", default=None)
    found_at: datetime = not_personal("first seen", default_factory=utcnow)


class Passage(DomainModel, table=True):
    """A citable piece of a page, with its vectors of one encoder."""

    __tablename__ = "passage"
    __table_args__ = (
        belongs_to(Page, "page_id"),
        Index("ix_passage_page", "domain_id", "page_id", "position"),
        Index("ix_passage_encoder", "domain_id", "encoder_id"),
    )
    page_id: UUID
    position: int = not_personal("order on the page")
    kind: str = not_personal("text, faq, product or contact")
    heading: str = not_personal(PUBLIC)
    text: str = not_personal(PUBLIC)
    question: str | None = not_personal(PUBLIC, default=None)
    facts: dict[str, Any] = not_personal(PUBLIC, sa_type=JSONB, default_factory=dict)
    encoder_id: str | None = not_personal("which model made the vectors", default=None)
    vector: bytes | None = not_personal("int8 vector of public text", default=None)
    question_vector: bytes | None = not_personal("int8 vector of public text", default=None)
    created_at: datetime = not_personal("when it was read", default_factory=utcnow)


class Generation(DomainModel, table=True):
    """One row per domain (its id is the domain's): another token after every committed change of the passages."""

    __tablename__ = "generation"
    token: str = not_personal("random name of a state")


class Crawl(DomainModel, table=True):
    """One run over a source, from request to result."""

    __tablename__ = "crawl"
    __table_args__ = (
        belongs_to(Source, "source_id"),
        Index("uq_crawl_running", "domain_id", "source_id", unique=True, postgresql_where="state = 'running'"),
    )
    source_id: UUID
    state: str = not_personal("running, done, failed or cancelled")
    phase: str = not_personal("reading, encoding or ended")
    counts: dict[str, Any] = not_personal("pages by state", sa_type=JSONB, default_factory=dict)
    problem: str | None = not_personal("stable code of what went wrong", default=None)
    said: str | None = not_personal("what went wrong, in words", default=None)
    started_at: datetime = not_personal("begin", default_factory=utcnow)
    ended_at: datetime | None = not_personal("end", default=None)
