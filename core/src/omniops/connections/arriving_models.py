"""What outside systems told, and what is asked of them again and again."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index

from omniops.connections.models import Connection
from omniops.contracts.ids import utcnow
from omniops.contracts.sealed import Sealed
from omniops.database.marks import not_personal, personal, secret
from omniops.database.models import DomainModel, SubjectModel, belongs_to

RECEIVE = "chat.receive"
"""The purpose that what was told is opened for. Taking a message in is storing it: a restriction does not stop it."""


class Arrival(SubjectModel, table=True):
    """One thing that an outside system told, kept until its time is over, so that it can be worked through again.

    What somebody wrote is sealed under that person's key, what is about an object at the other side under the
    account's; `subject_id` is the account then. `lane` names what is worked through in the order of `seq`.
    """

    __tablename__ = "arrival"
    __table_args__ = (
        belongs_to(Connection, "connection_id"),
        Index("uq_arrival_key", "domain_id", "connection_id", "key", unique=True),
        Index("ix_arrival_lane", "domain_id", "connection_id", "lane", "seq", postgresql_where="state = 'waiting'"),
        Index("ix_arrival_connection", "domain_id", "connection_id", "id"),
    )
    connection_id: UUID
    seq: int | None = not_personal(
        "order in which things came", default=None, nullable=False, sa_type=BigInteger, sa_column_args=(Identity(),)
    )
    key: bytes = not_personal("hash of the other side's id of the delivery")
    lane: str = not_personal("hash of the thread or object that it belongs to")
    what: str = not_personal("message, edited, removed, echo, receipt or event")
    name: str = not_personal("the channel, or the kind of the event")
    thread: Sealed[str] | None = personal(
        "contact.channel", purposes=(RECEIVE,), retain="intake", find="thread", default=None
    )
    heard: Sealed[dict[str, Any]] | None = personal(
        "user.content.chat", purposes=(RECEIVE,), retain="intake", default=None
    )
    event: Sealed[dict[str, Any]] | None = secret("what happened to an object at the other side", default=None)
    state: str = not_personal("waiting, done, passed (nothing to do) or failed", default="waiting")
    attempts: int = not_personal("tries so far", default=0)
    problem: str | None = not_personal("stable code of what went wrong", default=None)
    next_at: datetime | None = not_personal("when it is tried next", default=None)
    created_at: datetime = not_personal("when it came", retain="intake", default_factory=utcnow)
    ended_at: datetime | None = not_personal("when it was worked through, or given up", default=None)


class ConnectionTask(DomainModel, table=True):
    """What is done for a connection again and again: data that is fetched, a subscription that is prolonged."""

    __tablename__ = "connection_task"
    __table_args__ = (
        belongs_to(Connection, "connection_id"),
        Index("uq_connection_task", "domain_id", "connection_id", "kind", "name", unique=True),
        Index("ix_connection_task_due", "next_at"),
    )
    connection_id: UUID
    kind: str = not_personal("sync or renewal")
    name: str = not_personal("which one, as the integration names it")
    cursor: str | None = not_personal("how far it has come, in the other side's numbers", default=None)
    done: int = not_personal("how many of a run were fetched", default=0)
    total: int | None = not_personal("how many there are, where that is known", default=None)
    state: str = not_personal("waiting, running, idle, failing or ended", default="waiting")
    failures: int = not_personal("failed tries in a row", default=0)
    problem: str | None = not_personal("stable code of what went wrong", default=None)
    next_at: datetime | None = not_personal("when it is due", default=None)
    begun_at: datetime | None = not_personal("begin of the last run", default=None)
    ended_at: datetime | None = not_personal("end of the last run that came to its end", default=None)
    created_at: datetime = not_personal("since when", default_factory=utcnow)
