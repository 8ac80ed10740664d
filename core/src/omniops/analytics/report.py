"""What a business reads of its own conversations: counts, times and costs, and no word of anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Literal
from uuid import UUID

Who = Literal["ai", "person", "nobody"]
Sign = Literal["helpful", "not_helpful", "in_vain"]
Span = Literal["first_word", "first_person", "settled_ai", "settled_person"]
SPANS: tuple[Span, ...] = ("first_word", "first_person", "settled_ai", "settled_person")


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days of a website's own time zone, the last of them today."""

    first: date
    last: date
    zone: tzinfo

    @classmethod
    def until(cls, now: datetime, days: int, zone: tzinfo) -> Period:
        last = now.astimezone(zone).date()
        return cls(last - timedelta(days=days - 1), last, zone)

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def since(self) -> datetime:
        return datetime.combine(self.first, time(), self.zone)

    @property
    def end(self) -> datetime:
        """The first moment that is not in it."""
        return datetime.combine(self.last + timedelta(days=1), time(), self.zone)

    @property
    def before(self) -> Period:
        """As many days, right before."""
        return Period(self.first - timedelta(days=self.days), self.first - timedelta(days=1), self.zone)


@dataclass(frozen=True, slots=True)
class Sums:
    """Conversations by who settled them, and what was seen in them."""

    ai: int = 0
    person: int = 0
    nobody: int = 0
    messages: int = 0
    """Of visitors."""
    helpful: int = 0
    not_helpful: int = 0
    in_vain: int = 0
    """Answers of the AI that found nothing, or only passages that come close."""
    usd: Decimal = Decimal(0)
    unpriced: int = 0
    """Answers whose price nobody knows; they are not in `usd`."""

    @property
    def conversations(self) -> int:
        return self.ai + self.person + self.nobody

    @property
    def marks(self) -> int:
        return self.helpful + self.not_helpful

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.ai + other.ai,
            self.person + other.person,
            self.nobody + other.nobody,
            self.messages + other.messages,
            self.helpful + other.helpful,
            self.not_helpful + other.not_helpful,
            self.in_vain + other.in_vain,
            self.usd + other.usd,
            self.unpriced + other.unpriced,
        )


@dataclass(frozen=True, slots=True)
class Times:
    """How long something took, in seconds: of how many, the median, and what 95 of 100 stayed below."""

    count: int
    median: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class DeploymentSums:
    """What one deployment answered; of no deployment, what nobody answered."""

    name: str | None
    answers: int
    first: Times
    input: int
    output: int
    usd: Decimal
    unpriced: int


@dataclass(frozen=True, slots=True)
class Spread:
    """How answers are spread over the time to their first word: `counts` by steps of `width` seconds, the last of them
    with all that took longer."""

    width: float = 0
    counts: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The conversations that began in a period, all read at one moment. `before` are those of as many days before, or
    None where they are not kept so long."""

    period: Period
    channel: str | None
    channels: Sequence[str]
    """Those that conversations of the period came through, whichever one is shown."""
    at: datetime
    by_day: Mapping[date, Sums]
    by_channel: Mapping[str, Sums]
    before: Sums | None
    times: Mapping[Span, Times]
    spread: Spread
    deployments: Sequence[DeploymentSums]
    open_gaps: int
    total: Sums = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "total", sum(self.by_channel.values(), Sums()))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of the conversations of a period: those behind one row of the report."""

    days: int = 30
    day: date | None = None
    channel: str | None = None
    who: Who | None = None
    sign: Sign | None = None
    deployment: str | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """A conversation behind a row. Holds nothing personal."""

    id: UUID
    day: date
    channel: str
    state: str
    who: Who
    messages: int
    helpful: int
    not_helpful: int
    in_vain: int
    created_at: datetime
