"""The parts of a website's settings as forms: what stands in the fields, and what a form changes.

A form is text; the settings are lists and hours. Each part turns one into the other and nothing more: what is right is
decided by `DomainSettings`, here and in the API alike.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field

from omniops.accounts.hours import WEEKDAYS
from omniops.accounts.service import DomainView
from omniops.contracts.provider import RetentionOption
from omniops.errors import Rejected

CLOSED = "closed"
Keeps = Literal["anything", "what is declared", "nothing stored", "nothing at all"]
LINES = 4000


def _hours_of(day: str, said: str | None = None) -> Any:
    return Field(default="", max_length=160, title=day, description=said)


class Part(BaseModel, ABC):
    """One form. `lead` says what it is about."""

    name: ClassVar[str]
    heading: ClassVar[str]
    lead: ClassVar[str]

    @classmethod
    @abstractmethod
    def of(cls, domain: DomainView) -> Part:
        """What stands in the fields now."""

    @abstractmethod
    def changes(self) -> dict[str, Any]:
        """All of it, as `Accounts.configure` takes it. Raises `Rejected` for what cannot be read."""


class Website(Part):
    name, heading = "website", "Website"
    lead = "What your people call it, and where the chat may run. Nowhere else does it answer."

    title: str = Field(min_length=1, max_length=80, title="Name")
    origins: str = Field(
        max_length=LINES, title="Addresses", description="One for each line, such as https://shop.example."
    )
    enabled: bool = Field(default=True, title="The chat is there", description="Off, visitors see none of it.")
    jurisdiction: str = Field(
        default="", max_length=2, title="Country", description="Under whose law choices are recorded, such as DE."
    )
    enforce_identity: bool = Field(
        default=False, title="Only people you vouch for", description="Visitors whom your server signed in may write."
    )

    @classmethod
    def of(cls, domain: DomainView) -> Part:
        settings = domain.settings
        return cls.model_construct(
            title=domain.title,
            origins="\n".join(domain.origins),
            enabled=settings.enabled,
            jurisdiction=settings.jurisdiction,
            enforce_identity=settings.enforce_identity,
        )

    def changes(self) -> dict[str, Any]:
        settings = {
            "enabled": self.enabled,
            "jurisdiction": self.jurisdiction.upper(),
            "enforce_identity": self.enforce_identity,
        }
        return {"title": self.title, "origins": _lines(self.origins), "settings": settings}


class Chat(Part):
    name, heading = "chat", "Chat"
    lead = "How it looks and what it offers first. A colour on which nobody could read is refused with its contrast."

    language: str = Field(default="en", max_length=10, description="Where the page does not say, such as en or de.")
    brand: str = Field(default="", max_length=7, title="Colour", description="Such as #7a4018. Empty: ink.")
    placeholder: str = Field(default="", max_length=80, title="Words in the empty field")
    suggestions: str = Field(
        default="", max_length=LINES, title="Questions shown first", description="One for each line, at most five."
    )
    count_visits: bool = Field(default=False, title="Ask in the chat, too, whether visits may be counted")

    @classmethod
    def of(cls, domain: DomainView) -> Part:
        settings = domain.settings
        return cls.model_construct(
            language=settings.language,
            brand=settings.brand,
            placeholder=settings.placeholder,
            suggestions="\n".join(settings.suggestions),
            count_visits=settings.count_visits,
        )

    def changes(self) -> dict[str, Any]:
        return {"settings": {**self.model_dump(), "suggestions": _lines(self.suggestions)}}


class Hours(Part):
    name, heading = "hours", "Hours"
    lead = "When people are there. Visitors who ask for one read when the next comes, in their own time."

    zone: str = Field(
        default="", max_length=60, title="Time zone", description="Such as Europe/London. Empty: no hours."
    )
    mon: str = _hours_of("Monday", "Such as 09:00-12:30, 13:30-18:00. Empty: closed.")
    tue: str = _hours_of("Tuesday")
    wed: str = _hours_of("Wednesday")
    thu: str = _hours_of("Thursday")
    fri: str = _hours_of("Friday")
    sat: str = _hours_of("Saturday")
    sun: str = _hours_of("Sunday")
    exceptions: str = Field(
        default="",
        max_length=LINES,
        title="Single days",
        description="One for each line: 2026-12-25 closed, or 2026-12-31 09:00-12:00.",
    )
    answer_minutes: int | None = Field(
        default=None, ge=1, le=10_080, title="Usual wait in minutes", description="While people are there."
    )

    @classmethod
    def of(cls, domain: DomainView) -> Part:
        hours = domain.settings.hours
        if hours is None:
            return cls()
        week: dict[str, Any] = {day: ", ".join(hours.week.get(day, [])) for day in WEEKDAYS}
        days = [f"{day} {', '.join(spans) or CLOSED}" for day, spans in sorted(hours.exceptions.items())]
        return cls.model_construct(
            zone=hours.zone, exceptions="\n".join(days), answer_minutes=hours.answer_minutes, **week
        )

    def changes(self) -> dict[str, Any]:
        if not self.zone:
            return {"settings": {"hours": None}}
        week = {day: spans for day in WEEKDAYS if (spans := _spans(getattr(self, day)))}
        hours = {
            "zone": self.zone,
            "week": week,
            "exceptions": dict(_day(line) for line in _lines(self.exceptions)),
            "answer_minutes": self.answer_minutes,
        }
        return {"settings": {"hours": hours}}


class Answers(Part):
    name, heading = "answers", "Answers"
    lead = (
        "When the AI answers, when it shows the closest passages only, and when it says that it found nothing. What"
        " makes the answers to your own questions worse is refused."
    )

    answer_cut: Decimal = Field(ge=0, le=1, title="Least certainty for an answer", description="Between 0 and 1.")
    closest_cut: Decimal = Field(
        ge=0, le=1, title="Least certainty for closest passages", description="Below the other."
    )
    least_age: int = Field(default=16, ge=13, le=18, title="Least age", description="Who is younger goes to a person.")
    review_days: int = Field(default=30, ge=1, le=30, title="Days until an answer must have been reviewed")
    attachment_count: int = Field(default=10, ge=0, le=100, title="Most files of a conversation")

    @classmethod
    def of(cls, domain: DomainView) -> Part:
        settings = domain.settings
        return cls.model_construct(
            answer_cut=Decimal(str(settings.answer_cut)),
            closest_cut=Decimal(str(settings.closest_cut)),
            least_age=settings.least_age,
            review_days=settings.review_days,
            attachment_count=settings.attachment_count,
        )

    def changes(self) -> dict[str, Any]:
        found = self.model_dump()
        return {"settings": {**found, **{name: float(found[name]) for name in ("answer_cut", "closest_cut")}}}


class Models(Part):
    name, heading = "models", "Models"
    lead = (
        "Who answers first, where models may run, what vendors may keep, and how much a day may cost. Without a model "
        "that fits, the words of your pages answer."
    )

    providers: str = Field(
        default="",
        max_length=LINES,
        title="Order of providers",
        description="One a line. Empty: the operator's.",
    )
    prefer: Literal["order", "cheapest"] = Field(default="order", title="Who answers first")
    regions: str = Field(
        default="",
        max_length=LINES,
        title="Where models may run",
        description="One for each line, such as eu. Empty: anywhere.",
    )
    keeps: Keeps = Field(default="anything", title="What vendors may keep of a question")
    daily_budget: Decimal | None = Field(
        default=None, ge=0, max_digits=12, decimal_places=4, title="Most USD a day", description="Empty: no limit."
    )
    hedge: bool = Field(
        default=False, title="Ask a second model when the first is late", description="Faster; both are paid."
    )

    @classmethod
    def of(cls, domain: DomainView) -> Part:
        settings = domain.settings
        kept = frozenset(settings.retention)
        return cls.model_construct(
            providers="\n".join(settings.providers),
            prefer=settings.prefer,
            regions="\n".join(settings.regions),
            keeps=next((words for words, options in _KEEPS.items() if frozenset(options) == kept), "anything"),
            daily_budget=settings.daily_budget,
            hedge=settings.hedge,
        )

    def changes(self) -> dict[str, Any]:
        return {
            "settings": {
                "providers": _lines(self.providers),
                "prefer": self.prefer,
                "regions": _lines(self.regions),
                "retention": list(_KEEPS[self.keeps]),
                "daily_budget": self.daily_budget,
                "hedge": self.hedge,
            }
        }


_KEEPS: Mapping[Keeps, tuple[RetentionOption, ...]] = {
    "anything": (),
    "what is declared": ("none", "no_store", "days"),
    "nothing stored": ("none", "no_store"),
    "nothing at all": ("none",),
}
PARTS: Mapping[str, type[Part]] = {one.name: one for one in (Website, Chat, Hours, Answers, Models)}


def _lines(text: str) -> list[str]:
    return [line for part in text.splitlines() if (line := part.strip())]


def _spans(text: str) -> list[str]:
    found = [part.strip().replace(" ", "") for part in text.replace(";", ",").split(",")]
    return [part for part in found if part and part.lower() != CLOSED]


def _day(line: str) -> tuple[str, list[str]]:
    day, _, spans = line.partition(" ")
    try:
        return date.fromisoformat(day.rstrip(":")).isoformat(), _spans(spans)
    except ValueError:
        raise Rejected(
            f"{line[:60]!r} begins with no date.", code="bad_day", where="exceptions", do="Write 2026-12-25 closed."
        ) from None
