"""Visitors' sessions: a random token in the visitor's tab, its hash here, and the one conversation that it opens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlmodel import select

from omniops.accounts.service import DomainView
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.tokens import new_token, token_hash
from omniops.conversation.models import Conversation, VisitorSession
from omniops.database.service import Database
from omniops.database.tables import forget, remember
from omniops.vault.models import Subject

SESSION_DAYS = 90
"""As long as a chat is kept (retention class `chat`)."""
WEBSITE = "website"


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person who writes on the website, known by a session only."""

    scope: Scope
    subject_id: UUID
    conversation_id: UUID

    @property
    def actor(self) -> Actor:
        return Actor("visitor", str(self.subject_id))


class Visitors:
    """Opens, recognises and ends sessions."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def open(self, domain: DomainView, language: str) -> tuple[str, Visitor]:
        """A new person, conversation and session in one transaction. Returns the token, which is never shown again.

        Nothing joins the session to any identity (claim P10): the subject is a fresh random id.
        """
        scope = domain.scope
        assert scope.domain_id is not None
        token = new_token("oo_visitor_")
        subject = Subject(account_id=scope.account_id, home_id=scope.domain_id, kind="visitor")
        conversation = Conversation(
            domain_id=scope.domain_id, subject_id=subject.id, channel=WEBSITE, language=language[:2].lower() or "en"
        )
        async with self._database.session(scope) as session:
            session.add_all([subject, conversation])
            session.add(
                VisitorSession(
                    domain_id=scope.domain_id,
                    subject_id=subject.id,
                    hash=token_hash(token),
                    expires_at=self._clock.now() + timedelta(days=SESSION_DAYS),
                )
            )
            remember(session, "visitor", token_hash(token), scope)
            await session.commit()
        return token, Visitor(scope, subject.id, conversation.id)

    async def recognise(self, token: str) -> Visitor | None:
        """Whose session a token is, or None."""
        scope = await self._database.resolve("visitor", token_hash(token))
        if scope is None:
            return None
        async with self._database.session(scope) as session:
            statement = (
                select(VisitorSession, Conversation)
                .where(VisitorSession.domain_id == scope.domain_id, VisitorSession.hash == token_hash(token))
                .where(Conversation.subject_id == VisitorSession.subject_id, Conversation.channel == WEBSITE)
            )
            row = (await session.exec(statement)).first()
        if row is None or row[0].expires_at <= self._clock.now():
            return None
        return Visitor(scope, row[0].subject_id, row[1].id)

    async def end(self, token: str) -> None:
        """The token stops working. The conversation stays until its retention ends or its person asks otherwise."""
        scope = await self._database.resolve("visitor", token_hash(token))
        if scope is None:
            return
        async with self._database.session(scope) as session:
            found = (await session.exec(select(VisitorSession).where(VisitorSession.hash == token_hash(token)))).first()
            if found is not None:
                await session.delete(found)
            await forget(session, "visitor", token_hash(token))
            await session.commit()
