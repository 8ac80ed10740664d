"""Which thread of a team's channel belongs to which conversation, and what was written there about whom."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index

from omniops.contracts.ids import utcnow
from omniops.database.marks import not_personal
from omniops.database.models import DomainModel, SubjectModel


class TeamThread(SubjectModel, table=True):
    """The thread that tells of a conversation. It goes with its conversation."""

    __tablename__ = "team_thread"
    __table_args__ = (
        ForeignKeyConstraint(
            ["domain_id", "conversation_id"],
            ["conversation.domain_id", "conversation.id"],
            ondelete="CASCADE",
            name="fk_conversation_id_conversation",
        ),
        Index("uq_team_thread_conversation", "domain_id", "connection_id", "conversation_id", unique=True),
        Index("uq_team_thread_place", "domain_id", "connection_id", "channel", "thread", unique=True),
    )
    conversation_id: UUID
    connection_id: UUID = not_personal("random id of the connection")
    channel: str = not_personal("the other side's id of the channel")
    thread: str = not_personal("the other side's id of the message that begins the thread")
    created_at: datetime = not_personal("when it was begun", default_factory=utcnow)


class TeamPost(DomainModel, table=True):
    """One message to a team, by the news that it tells: so that none is told twice, and so that what the other side
    holds of a person can be deleted there after all else of the person is gone here."""

    __tablename__ = "team_post"
    __table_args__ = (
        Index("uq_team_post_news", "domain_id", "connection_id", "news", unique=True),
        Index("ix_team_post_about", "domain_id", "about"),
        Index("ix_team_post_place", "domain_id", "connection_id", "channel", "thread"),
    )
    connection_id: UUID = not_personal("random id of the connection")
    about: UUID = not_personal("random id of the person; of no use once the person is erased here")
    conversation_id: UUID = not_personal("random id of the conversation, which may be gone")
    news: str = not_personal("kind of the news, id of the conversation, and a number")
    channel: str = not_personal("the other side's id of the channel")
    thread: str | None = not_personal("that of the message that begins the thread; none for itself", default=None)
    message: str | None = not_personal("that of the message; none while nobody knows whether it is there", default=None)
    created_at: datetime = not_personal("when it was first tried", default_factory=utcnow)
