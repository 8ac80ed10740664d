"""Visitors' sessions: a random token in the visitor's tab, its hash here, and the conversation that it writes in.

A token is short-lived and rotated by its client; it is good for one domain and for the website that it was opened on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import DomainView
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.tokens import new_token, token_hash
from omniops.conversation.models import Conversation, VisitorIdentity, VisitorSession
from omniops.database.service import Database
from omniops.database.tables import forget, remember
from omniops.errors import Refused
from omniops.privacy.service import Catalog, Periods, same_person
from omniops.vault.keys import state_of
from omniops.vault.models import Subject

REMEMBERED = timedelta(days=90)
"""How long a token can live at all, and never longer than a chat is kept. Only a person who wished to be remembered has
one that lives longer than the setting's hours."""
RETENTION = "chat"
WEBSITE = "website"


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person who writes on the website, known by a session.

    `chain_id` stays when the session's token is rotated. `subjects` are all subjects that are known to be this person,
    the session's own first. `verified` says that the business vouched for who it is.
    """

    scope: Scope
    subject_id: UUID
    conversation_id: UUID
    session_id: UUID
    chain_id: UUID
    expires_at: datetime
    origin: str | None = None
    verified: bool = False
    subjects: tuple[UUID, ...] = ()

    @property
    def actor(self) -> Actor:
        return Actor("visitor", str(self.subject_id))


def check_identity(visitor: Visitor, domain: DomainView) -> None:
    """Refuses a visitor whom nobody vouched for, where the domain demands that somebody does."""
    if domain.settings.enforce_identity and not visitor.verified:
        raise Refused(
            "This chat is for people who signed in.", reason="identity_required", do="Identify the visitor first."
        )


class Visitors:
    """Opens, recognises, rotates and ends sessions."""

    def __init__(
        self, database: Database, clock: Clock, lifetimes: tuple[timedelta, timedelta], catalog: Catalog
    ) -> None:
        """`lifetimes`: how long a token is good for, and how long the one before it after a rotation."""
        self._database = database
        self._clock = clock
        self._life, self._overlap = lifetimes
        self._periods = Periods(catalog)

    async def open(self, domain: DomainView, language: str, origin: str | None = None) -> tuple[str, Visitor]:
        """A new person, conversation and session in one transaction. Returns the token, which is never shown again.

        Nothing joins the session to any identity (claim P10): the subject is a fresh random id.
        """
        scope = domain.scope
        assert scope.domain_id is not None
        subject = Subject(account_id=scope.account_id, home_id=scope.domain_id, kind="visitor")
        conversation = new_conversation(scope.domain_id, subject.id, language)
        row = VisitorSession(
            domain_id=scope.domain_id, subject_id=subject.id, conversation_id=conversation.id, origin=origin
        )
        async with self._database.session(scope) as session:
            session.add_all([subject, conversation])
            token = await self._issue(session, scope, row)
            await session.commit()
        return token, self._visitor(scope, row, remembered=False)

    async def recognise(self, token: str, origin: str | None = None) -> Visitor | None:
        """Whose session a token is, or None.

        Raises `Refused` when a browser uses it on another website than the one that it was opened on. Apps, and pages
        that read from their own server, send no origin.
        """
        digest = token_hash(token)
        scope = await self._database.resolve("visitor", digest)
        if scope is None:
            return None
        async with self._database.session(scope) as session:
            statement = (
                select(VisitorSession, Subject, VisitorIdentity)
                .where(VisitorSession.domain_id == scope.domain_id, VisitorSession.hash == digest)
                .where(Subject.home_id == VisitorSession.domain_id, Subject.id == VisitorSession.subject_id)
                .outerjoin(
                    VisitorIdentity,
                    (col(VisitorIdentity.domain_id) == VisitorSession.domain_id)
                    & (col(VisitorIdentity.subject_id) == VisitorSession.subject_id),
                )
            )
            found = (await session.exec(statement)).first()
            if found is None:
                return None
            row, subject, identity = found
            known = identity is not None
            same = await same_person(session, row.domain_id, row.subject_id) if known else (row.subject_id,)
        remembered = self._remembered(subject)
        visitor = self._visitor(scope, row, remembered=remembered, verified=known, subjects=same)
        if visitor.expires_at <= self._clock.now() or subject.erased_at is not None:
            return None
        if origin is not None and origin != row.origin:
            raise Refused("This chat session belongs to another website.", reason="foreign_session")
        return visitor

    async def rotate(self, visitor: Visitor) -> tuple[str, Visitor]:
        """A new token for the session. The old one is good for a short while more, so that a lost answer, or another
        tab that has not heard of it yet, strands nobody."""
        scope, now = visitor.scope, self._clock.now()
        async with self._database.session(scope) as session:
            old = await session.get(VisitorSession, (scope.domain_id, visitor.session_id), with_for_update=True)
            if old is None:
                raise Refused("This chat session is over.", reason="not_signed_in")
            old.expires_at = min(old.expires_at, now + self._overlap)
            session.add(old)
            row = VisitorSession(
                domain_id=old.domain_id,
                subject_id=old.subject_id,
                chain_id=old.chain_id,
                conversation_id=old.conversation_id,
                origin=old.origin,
            )
            token = await self._issue(session, scope, row)
            await self._drop(
                session, [s for s in await self._chain(session, old) if s.expires_at <= now and s.id != row.id]
            )
            subject = await session.get(Subject, (old.domain_id, old.subject_id))
            await session.commit()
        remembered = subject is not None and self._remembered(subject)
        renewed = self._visitor(scope, row, remembered=remembered, verified=visitor.verified, subjects=visitor.subjects)
        return token, renewed

    async def end(self, visitor: Visitor) -> None:
        """The session's tokens stop working, the rotated ones too. The conversation stays until its retention ends or
        its person asks otherwise."""
        async with self._database.session(visitor.scope) as session:
            row = await session.get(VisitorSession, (visitor.scope.domain_id, visitor.session_id))
            if row is not None:
                await self._drop(session, await self._chain(session, row))
            await session.commit()

    async def end_all(self, visitor: Visitor) -> int:
        """Every session of this person stops working, on every device. Returns how many tokens that were."""
        async with self._database.session(visitor.scope) as session:
            statement = select(VisitorSession).where(
                VisitorSession.domain_id == visitor.scope.domain_id,
                col(VisitorSession.subject_id).in_(visitor.subjects),
            )
            rows = (await session.exec(statement)).all()
            await self._drop(session, rows)
            await session.commit()
        return len(rows)

    def _remembered(self, subject: Subject) -> bool:
        return state_of(subject).at(self._clock.now()).consents.get("chat.remember") == "given"

    async def _issue(self, session: AsyncSession, scope: Scope, row: VisitorSession) -> str:
        """Gives a new row its token and its times."""
        token = new_token("oo_visitor_")
        row.hash = token_hash(token)
        row.created_at = self._clock.now()
        kept = await self._periods.life(session, scope, RETENTION)
        longest = max(REMEMBERED, self._life)
        row.expires_at = row.created_at + (longest if kept is None else min(longest, kept))
        session.add(row)
        remember(session, "visitor", row.hash, scope)
        return token

    def _visitor(
        self,
        scope: Scope,
        row: VisitorSession,
        *,
        remembered: bool,
        verified: bool = False,
        subjects: tuple[UUID, ...] = (),
    ) -> Visitor:
        lives = REMEMBERED if remembered else self._life
        return Visitor(
            scope=scope,
            subject_id=row.subject_id,
            conversation_id=row.conversation_id,
            session_id=row.id,
            chain_id=row.chain_id,
            expires_at=min(row.expires_at, row.created_at + lives),
            origin=row.origin,
            verified=verified,
            subjects=subjects or (row.subject_id,),
        )

    async def _chain(self, session: AsyncSession, row: VisitorSession) -> list[VisitorSession]:
        statement = select(VisitorSession).where(
            VisitorSession.domain_id == row.domain_id, VisitorSession.chain_id == row.chain_id
        )
        return list((await session.exec(statement)).all())

    async def _drop(self, session: AsyncSession, rows: Iterable[VisitorSession]) -> None:
        for row in rows:
            await session.delete(row)
            await forget(session, "visitor", row.hash)


def new_conversation(domain_id: UUID, subject_id: UUID, language: str) -> Conversation:
    """An empty conversation on the website."""
    return Conversation(
        domain_id=domain_id, subject_id=subject_id, channel=WEBSITE, language=language[:2].lower() or "en"
    )


async def identity_of(session: AsyncSession, scope: Scope, subject_id: UUID) -> VisitorIdentity | None:
    """Who the business says that a visitor is, or None where it said nothing; sealed as it is stored."""
    statement = select(VisitorIdentity).where(
        VisitorIdentity.domain_id == scope.domain_id, VisitorIdentity.subject_id == subject_id
    )
    return (await session.exec(statement)).first()
