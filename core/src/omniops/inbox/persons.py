"""With whom a conversation is: what the vault's door knows of the person, who vouched for them, their other chats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import col, select

from omniops.contracts.scope import Actor, Scope
from omniops.conversation.models import Conversation, VisitorIdentity
from omniops.conversation.service import AI_ANSWERS as ANSWERS
from omniops.database.service import Database
from omniops.errors import NotFound
from omniops.privacy.service import same_person
from omniops.vault.keys import state_of
from omniops.vault.models import Subject
from omniops.vault.service import Vault

PURPOSE = "support.provide"
OTHERS = 10
"""Other conversations that are named, the newest."""


@dataclass(frozen=True, slots=True)
class IdentityView:
    """Who the business says that a visitor is, and since when. An id or address that may not be opened now is empty;
    `closed` says so."""

    method: str
    external_id: str
    email: str
    closed: bool
    since: datetime


@dataclass(frozen=True, slots=True)
class Other:
    """Another conversation of the same person. Holds nothing personal."""

    id: UUID
    state: str
    channel: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PersonView:
    """A visitor. `subjects` are all that were found to be this person, the conversation's own first. What is true of
    one of them is told: `restricted_since`, a legal `hold`, `ai_off` (no answers of the AI), the age that a child is
    known to be below."""

    subjects: tuple[UUID, ...]
    restricted_since: datetime | None
    hold: bool
    ai_off: bool
    child_below: int | None
    identity: IdentityView | None
    others: Sequence[Other]


class Persons:
    """Reads them."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def of(self, scope: Scope, conversation_id: UUID, *, actor: Actor) -> PersonView:
        """With whom a conversation is. Raises `NotFound`."""
        assert scope.domain_id is not None
        async with self._database.session(scope) as session:
            conversation = await session.get(Conversation, (scope.domain_id, conversation_id))
            if conversation is None:
                raise NotFound("There is no such conversation.")
            same = await same_person(session, scope.domain_id, conversation.subject_id)
            known = select(Subject).where(Subject.home_id == scope.domain_id, col(Subject.id).in_(same))
            subjects = (await session.exec(known)).all()
            vouched = select(VisitorIdentity).where(
                VisitorIdentity.domain_id == scope.domain_id, col(VisitorIdentity.subject_id).in_(same)
            )
            identity = (await session.exec(vouched.order_by(col(VisitorIdentity.id).desc()))).first()
            theirs = select(Conversation).where(
                Conversation.domain_id == scope.domain_id,
                col(Conversation.subject_id).in_(same),
                Conversation.id != conversation_id,
                Conversation.last_seq > 0,
            )
            others = (await session.exec(theirs.order_by(col(Conversation.id).desc()).limit(OTHERS))).all()
        restricted = [one.restricted_at for one in subjects if one.restricted_at is not None]
        ages = [one.child_below for one in subjects if one.child_below is not None]
        return PersonView(
            same,
            min(restricted, default=None),
            any(one.hold for one in subjects),
            any(ANSWERS in state_of(one).opt_outs for one in subjects),
            min(ages, default=None),
            await self._opened(identity, actor) if identity is not None else None,
            [Other(one.id, one.state, one.channel, one.created_at) for one in others],
        )

    async def _opened(self, row: VisitorIdentity, actor: Actor) -> IdentityView:
        opened = await self._vault.open([row], purpose=PURPOSE, actor=actor)
        named = opened(row.external_id, otherwise=None)
        email = opened(row.email, otherwise=None) if row.email is not None else None
        return IdentityView(row.method, named or "", email or "", named is None, row.created_at)
