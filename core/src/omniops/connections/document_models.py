"""Which documents of an outside system a business chose, and for whom."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index

from omniops.connections.models import Connection
from omniops.contracts.ids import utcnow
from omniops.database.marks import not_personal
from omniops.database.models import DomainModel, belongs_to


class ChosenDocument(DomainModel, table=True):
    """A document that a member chose. What stands in it, its title included, is in the knowledge alone."""

    __tablename__ = "chosen_document"
    __table_args__ = (
        belongs_to(Connection, "connection_id"),
        Index("uq_chosen_document", "domain_id", "connection_id", "document_id", unique=True),
    )
    connection_id: UUID
    document_id: str = not_personal("the other side's id of a business's document")
    audience: str = not_personal("everybody or members")
    state: str = not_personal("waiting, read, refused or gone", default="waiting")
    version: str = not_personal("name of the state that was read", default="")
    problem: str | None = not_personal("stable code of what is wrong with it", default=None)
    chosen_by: str = not_personal("kind and id of the member, API key or task")
    looked_at: datetime | None = not_personal("when it was last asked for", default=None)
    created_at: datetime = not_personal("when it was chosen", default_factory=utcnow)
