"""Which appointments OmniOps made in connected calendars, and for whom."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index

from omniops.contracts.ids import utcnow
from omniops.database.marks import not_personal
from omniops.database.models import DomainModel


class Appointment(DomainModel, table=True):
    """An appointment. Name, address and words stand in the calendar alone; by this row they are found there, also after
    all else of the person is gone here.

    `state` is `asked` while the calendar is asked, `unsure` where its answer did not come, then `booked` or
    `cancelled`.
    """

    __tablename__ = "appointment"
    __table_args__ = (
        Index("uq_appointment_key", "domain_id", "connection_id", "key", unique=True),
        Index("ix_appointment_about", "domain_id", "about"),
        Index("ix_appointment_time", "domain_id", "connection_id", "starts_at"),
    )
    connection_id: UUID = not_personal("random id of the connection")
    about: UUID = not_personal("random id of the person; of no use once the person is erased here")
    key: str = not_personal("random key of the wish, which the entry carries as well")
    entry: str | None = not_personal(
        "the calendar's id of it; none while nobody knows whether it is there", default=None
    )
    starts_at: datetime = not_personal("when it begins")
    ends_at: datetime = not_personal("when it ends")
    state: str = not_personal("asked, unsure, booked or cancelled")
    created_at: datetime = not_personal("when it was asked for", default_factory=utcnow)
