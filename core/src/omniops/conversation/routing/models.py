"""What a domain's answers cost, by day."""

from datetime import date
from decimal import Decimal

from sqlalchemy import Index, Numeric

from omniops.database.marks import not_personal
from omniops.database.models import DomainModel


class DaySpending(DomainModel, table=True):
    """The calls to vendors of a domain on one day (UTC), and what they cost. Leads to nobody."""

    __tablename__ = "day_spending"
    __table_args__ = (Index("uq_day_spending", "domain_id", "day", unique=True),)
    day: date = not_personal("day in UTC")
    usd: Decimal = not_personal("cost in USD", sa_type=Numeric(16, 8))
    calls: int = not_personal("how many calls")
    estimated: int = not_personal("calls whose tokens are our estimate, because the stream was cut")
    unpriced: int = not_personal("calls whose price nobody knows; they are not in the sum")
