"""Sources, pages and passages: the rows from which everything else of the knowledge can be rebuilt."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from omniops.contracts.ids import utcnow
from omniops.database.marks import not_personal
from omniops.database.models import DomainModel, Marked, belongs_to
from omniops.vault.blob_models import OwnBlob

PUBLIC = "public page content"
FIRST = 86_400
"""Seconds until the second visit of a page, of which nothing is learnt yet."""


class Source(DomainModel, table=True):
    """Where pages of a domain come from. What is read beside the crawl stands under a source of its own that nobody
    lists (`written.py`)."""

    __tablename__ = "source"
    __table_args__ = (
        Index("uq_source_url", "domain_id", "kind", "url", unique=True),
        Index("ix_source_due_at", "due_at"),
    )
    kind: str = not_personal("which source plugin")
    url: str = not_personal(PUBLIC)
    include: list[str] = not_personal("patterns of URLs", sa_type=JSONB, default_factory=list)
    exclude: list[str] = not_personal("patterns of URLs", sa_type=JSONB, default_factory=list)
    paused_at: datetime | None = not_personal("since when it is neither read nor cited", default=None)
    due_at: datetime | None = not_personal("when the next visit or look is due", default=None)
    look_at: datetime | None = not_personal("when its sitemaps and feeds are looked at again", default=None)
    look_interval: int = not_personal("seconds between looks, learnt", default=FIRST)
    created_at: datetime = not_personal("when it was added", retain="content", default_factory=utcnow)


class Page(DomainModel, table=True):
    """A URL of a source: the frontier while it waits, the record of the visit afterwards."""

    __tablename__ = "page"
    __table_args__ = (
        belongs_to(Source, "source_id"),
        Index("uq_page_url", "domain_id", "url", unique=True),
        Index("ix_page_frontier", "domain_id", "source_id", "state", "depth"),
        Index("ix_page_visit", "domain_id", "source_id", "visit_at"),
        Index("ix_page_fingerprint", "domain_id", "source_id", "fingerprint"),
        Index("ix_page_members", "domain_id", postgresql_where="audience <> 'everybody'"),
    )
    source_id: UUID
    url: str = not_personal(PUBLIC)
    state: str = not_personal("queued, read, unchanged, skipped, failed or gone")
    depth: int = not_personal("links from the seed")
    link: str | None = not_personal("where its citations lead: null to the URL, empty nowhere", default=None)
    audience: str = not_personal(
        "who may read what stands there: everybody or members",
        default="everybody",
        sa_column_kwargs={"server_default": "everybody"},
    )
    crawl_id: UUID | None = not_personal("the crawl that last saw it", default=None)
    problem: str | None = not_personal("stable code of what went wrong", default=None)
    said: str | None = not_personal("what went wrong, in words", default=None)
    title: str = not_personal(PUBLIC, default="")
    language: str = not_personal(PUBLIC, default="")
    etag: str | None = not_personal("validator of the page", default=None)
    last_modified: str | None = not_personal("validator of the page", default=None)
    content_hash: bytes | None = not_personal("hash of a public page", default=None)
    fingerprint: bytes | None = not_personal("hash of what a public page says", default=None)
    read_at: datetime | None = not_personal("last successful visit", default=None)
    visited_at: datetime | None = not_personal("last visit, whatever came of it", default=None)
    visit_at: datetime | None = not_personal("when the next visit is due", default=None)
    interval: int = not_personal("seconds between visits, learnt", default=FIRST)
    hint: str = not_personal("none; asked: a sitemap says that it changed; false: it said so wrongly", default="none")
    found_at: datetime = not_personal("first seen", default_factory=utcnow)


class Document(DomainModel, table=True):
    """A file that a member uploaded, or a page that one pasted. Its id is that of its page, which holds its name, its
    passages and what went wrong with it."""

    __tablename__ = "document"
    __table_args__ = (belongs_to(Page, "id"), belongs_to(OwnBlob, "blob_id"))
    blob_id: UUID
    kind: str = not_personal("format of the file")
    size: int = not_personal("bytes of the file")


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
    kind: str = not_personal("text, faq, product, contact, event or curated")
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
    kind: str = not_personal("full: every page; due: what is due", default="full")
    state: str = not_personal("running, done, failed or cancelled")
    phase: str = not_personal("reading, encoding or ended")
    counts: dict[str, Any] = not_personal("pages by state", sa_type=JSONB, default_factory=dict)
    problem: str | None = not_personal("stable code of what went wrong", default=None)
    said: str | None = not_personal("what went wrong, in words", default=None)
    started_at: datetime = not_personal("begin", default_factory=utcnow)
    ended_at: datetime | None = not_personal("end", default=None)


class Ownership(DomainModel, table=True):
    """Who says that a host belongs to the business of this domain, and how that was seen."""

    __tablename__ = "ownership"
    __table_args__ = (Index("uq_ownership_host", "domain_id", "host", unique=True),)
    host: str = not_personal("host of a website")
    token: str = not_personal("what the owner publishes; no secret")
    state: str = not_personal("waiting, verified or lost")
    method: str | None = not_personal("dns, file, meta or operator", default=None)
    said: str = not_personal("what the last check saw", default="")
    verified_at: datetime | None = not_personal("when it was first seen", default=None)
    checked_at: datetime | None = not_personal("last check", default=None)
    lost_at: datetime | None = not_personal("first check that did not see it any more", default=None)
    created_at: datetime = not_personal("when it was asked for", default_factory=utcnow)


class HostPace(Marked, table=True):
    """When a host may be asked again: one pace for all sources, accounts and workers."""

    __tablename__ = "host_pace"
    host: str = Field(primary_key=True)
    free_at: datetime = not_personal("when the next request may leave")
    shut_until: datetime | None = not_personal("end of a Retry-After", default=None)
