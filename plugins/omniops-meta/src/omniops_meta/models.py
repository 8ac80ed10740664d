"""What a business's campaigns brought, in sums."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from omniops import DomainModel, not_personal
from omniops.contracts.ids import utcnow
from sqlalchemy import BigInteger, Index, Numeric
from sqlalchemy.dialects.postgresql import JSONB


class MetaInsight(DomainModel, table=True):
    """One campaign on one day. It goes with its connection, and when the feature is switched off."""

    __tablename__ = "meta_insight"
    __table_args__ = (
        Index("uq_meta_insight_day", "domain_id", "connection_id", "campaign", "day", unique=True),
        Index("ix_meta_insight_day", "domain_id", "day"),
    )
    connection_id: UUID = not_personal("random id of the connection")
    campaign: str = not_personal("Meta's id of the campaign")
    name: str = not_personal("what the business calls its campaign; addresses in it are left out")
    day: date = not_personal("day in the time zone of the advertising account")
    currency: str = not_personal("of the advertising account")
    spend: Decimal = not_personal("what the campaign cost that day", sa_type=Numeric(20, 6))
    impressions: int = not_personal("sum of all people", sa_type=BigInteger)
    reach: int = not_personal("sum of all people", sa_type=BigInteger)
    clicks: int = not_personal("sum of all people", sa_type=BigInteger)
    results: dict[str, str] = not_personal("how many of each kind of result, over all people", sa_type=JSONB)
    read_at: datetime = not_personal("when Meta last said so", default_factory=utcnow)
