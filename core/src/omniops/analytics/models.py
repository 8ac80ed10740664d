"""Events of visitors who said yes, sealed under their own keys, and counts by day that lead to nobody."""

from datetime import date, datetime

from sqlalchemy import Index

from omniops.contracts.ids import utcnow
from omniops.contracts.sealed import Sealed
from omniops.database.marks import not_personal, personal
from omniops.database.models import DomainModel, SubjectModel

_FOR = ("analytics",)


class AnalyticsEvent(SubjectModel, table=True):
    """One page view or click. Deleted when its visitor withdraws, else after its retention class."""

    __tablename__ = "analytics_event"
    kind: str = not_personal("page, chat_opened, message_sent …")
    page: Sealed[str] = personal("usage.page", purposes=_FOR, retain="analytics")
    device: Sealed[str] = personal("usage.device", purposes=_FOR, retain="analytics")
    browser: Sealed[str] = personal("usage.device", purposes=_FOR, retain="analytics")
    system: Sealed[str] = personal("usage.device", purposes=_FOR, retain="analytics")
    network: Sealed[str] = personal("usage.network", purposes=_FOR, retain="analytics")
    created_at: datetime = not_personal("when it happened", default_factory=utcnow)


class AnalyticsCount(DomainModel, table=True):
    """How often something happened on a day (UTC). Holds no id of anybody, and so stays when somebody withdraws."""

    __tablename__ = "analytics_count"
    __table_args__ = (Index("uq_analytics_count", "domain_id", "day", "what", "value", unique=True),)
    day: date = not_personal("day in UTC")
    what: str = not_personal("kind, page, device, browser or system")
    value: str = not_personal("which kind, page, device class, browser or system")
    count: int = not_personal("how often")
