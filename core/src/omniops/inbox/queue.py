"""The list of conversations as those who work there need it: by page, and who waits longest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import case, func, or_, tuple_
from sqlalchemy import select as sa_select
from sqlalchemy.sql.elements import ColumnElement
from sqlmodel import col, select

from omniops.accounts.service import Accounts, OpeningHours
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.conversation.models import Conversation
from omniops.conversation.service import MessageView, Reader, due
from omniops.database.service import Database
from omniops.errors import Rejected
from omniops.inbox.models import LabelPut
from omniops.inbox.persons import Persons
from omniops.vault.service import Vault

PURPOSE = "support.provide"


@dataclass(frozen=True, slots=True)
class ConversationView:
    """A conversation in the list. Holds nothing personal."""

    id: UUID
    channel: str
    language: str
    state: str
    mode: str | None
    messages: int
    assigned_to: UUID | None
    waiting_since: datetime | None
    due_at: datetime | None
    snoozed_until: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which conversations. `assigned_to` is a member, or "nobody". With `waiting`, those whose visitor waits for a
    person and that are not snoozed, longest first; else all, newest first. `label` is an id; `snoozed` those that are
    (or are not) now; `open` leaves the closed ones out. `after` is the `place` of the last one that was seen."""

    state: str | None = None
    channel: str | None = None
    assigned_to: UUID | Literal["nobody"] | None = None
    waiting: bool = False
    after: str | None = None
    limit: int = 50
    label: UUID | None = None
    snoozed: bool | None = None
    open: bool = False


@dataclass(frozen=True, slots=True)
class Counts:
    """How many conversations a member finds in each view."""

    waiting: int
    mine: int
    unassigned: int
    approve: int
    snoozed: int


class Queue:
    """Reads the list; `persons` tells with whom a conversation of it is."""

    def __init__(self, database: Database, vault: Vault, accounts: Accounts, reader: Reader, clock: Clock) -> None:
        self.persons = Persons(database, vault)
        self._clock = clock
        self._database = database
        self._accounts = accounts
        self._reader = reader

    async def page(self, scope: Scope, wanted: Wanted) -> Sequence[ConversationView]:
        """At most `limit` of them. Raises `Rejected` for an `after` that no page gave."""
        hours = (await self._accounts.domain(scope)).settings.hours
        statement = select(Conversation).where(Conversation.domain_id == scope.domain_id)
        if wanted.state is not None:
            statement = statement.where(Conversation.state == wanted.state)
        if wanted.channel is not None:
            statement = statement.where(Conversation.channel == wanted.channel)
        if wanted.assigned_to == "nobody":
            statement = statement.where(col(Conversation.assigned_to).is_(None))
        elif wanted.assigned_to is not None:
            statement = statement.where(Conversation.assigned_to == wanted.assigned_to)
        if wanted.open:
            statement = statement.where(Conversation.state != "closed")
        if wanted.label is not None:
            put = select(LabelPut.conversation_id).where(
                LabelPut.domain_id == scope.domain_id, LabelPut.label_id == wanted.label
            )
            statement = statement.where(col(Conversation.id).in_(put))
        if wanted.waiting or wanted.snoozed is not None:
            awake = _awake(self._clock.now())
            statement = statement.where(~awake if wanted.snoozed else awake)
        if wanted.waiting:
            statement = statement.where(col(Conversation.waiting_since).is_not(None))
            statement = statement.order_by(col(Conversation.waiting_since), col(Conversation.id))
            if wanted.after is not None:
                place = tuple_(col(Conversation.waiting_since), col(Conversation.id))
                statement = statement.where(place > _cursor(wanted.after))
        else:
            statement = statement.order_by(col(Conversation.id).desc())
            if wanted.after is not None:
                statement = statement.where(Conversation.id < _cursor(wanted.after)[1])
        async with self._database.session(scope) as session:
            rows = (await session.exec(statement.limit(wanted.limit))).all()
        return [row_view(row, hours) for row in rows]

    async def lines(
        self, scope: Scope, found: Sequence[ConversationView], *, actor: Actor
    ) -> Mapping[UUID, MessageView]:
        """What the visitor of each conversation of a list said last, by its id. Reading is on record."""
        return await self._reader.last_said(scope, [one.id for one in found], purpose=PURPOSE, actor=actor)

    async def waiting(self, scope: Scope) -> int:
        """How many conversations wait for a person: to take them, to decide about a draft, or to answer again. As many
        as `page` lists with `waiting`."""
        statement = select(func.count()).where(
            Conversation.domain_id == scope.domain_id,
            col(Conversation.waiting_since).is_not(None),
            _awake(self._clock.now()),
        )
        async with self._database.session(scope) as session:
            return (await session.exec(statement)).one()

    async def counts(self, scope: Scope, member: UUID | None) -> Counts:
        """How many are in each view of a member, in one query."""
        awake = _awake(self._clock.now())
        waits = col(Conversation.waiting_since).is_not(None) & awake
        views = (
            waits,
            (col(Conversation.assigned_to) == member) & awake,
            waits & col(Conversation.assigned_to).is_(None),
            col(Conversation.state) == "draft",
            ~awake,
        )
        counted = [func.count(case((view, 1))) for view in views]
        statement = sa_select(*counted).where(
            col(Conversation.domain_id) == scope.domain_id, col(Conversation.state) != "closed"
        )
        async with self._database.session(scope) as session:
            connection = await session.connection()
            found = (await connection.execute(statement)).one()
        return Counts(*[int(number) for number in found])


def _awake(now: datetime) -> ColumnElement[bool]:
    """Not snoozed, or not any more: the clock wakes a conversation, nothing else has to run."""
    return or_(col(Conversation.snoozed_until).is_(None), col(Conversation.snoozed_until) <= now)


def place(view: ConversationView) -> str:
    """What names a conversation's place in the list."""
    return f"{(view.waiting_since or view.created_at).isoformat()}~{view.id}"


def row_view(row: Conversation, hours: OpeningHours | None) -> ConversationView:
    return ConversationView(
        id=row.id,
        channel=row.channel,
        language=row.language,
        state=row.state,
        mode=row.mode,
        messages=row.last_seq,
        assigned_to=row.assigned_to,
        waiting_since=row.waiting_since,
        due_at=due(hours, row.waiting_since),
        snoozed_until=row.snoozed_until,
        created_at=row.created_at,
    )


def _cursor(text: str) -> tuple[datetime, UUID]:
    moment, _, identifier = text.partition("~")
    try:
        found = datetime.fromisoformat(moment), UUID(identifier)
    except ValueError:
        found = None
    if found is None or found[0].tzinfo is None:
        raise Rejected("This is no place in the list.", code="bad_cursor", where="after", do="Use `next` as it came.")
    return found
