"""Core's tools over a connected calendar: propose free times, ask for an appointment, tell a person their own, cancel.

An appointment is entered only when a person of the business approved it, with the visitor's own words of consent.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

from pydantic import Field

from omniops.contracts.calendar import AppointmentRules, Span, Wish
from omniops.contracts.cards import Button, ButtonsCard
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Scope
from omniops.contracts.tools import Tool, ToolAnswer, ToolUse
from omniops.conversation.appointments import wording
from omniops.conversation.appointments.book import Appointments
from omniops.conversation.appointments.calendars import Connected
from omniops.conversation.appointments.models import Appointment
from omniops.conversation.appointments.slots import free, offered, told, written
from omniops.conversation.tools.running import Offered
from omniops.errors import NotReady, Rejected

T = TypeVar("T")
CARDS = 6
"""Times that can be pressed."""
MOST = 40
"""Times that are told at once."""
MOST_OWN = 10
"""Appointments of one customer that are looked at."""
SECONDS = 45.0
"""For a tool: a calendar is asked up to three times."""
_EMAIL = re.compile(r"[^@\s<>,;:\"()\[\]\\]{1,64}@[A-Za-z0-9.-]{1,190}\.[A-Za-z]{2,63}")
Wrote = Callable[[Scope, UUID, str], Awaitable[bool]]
"""Whether the visitor wrote these words in a conversation themselves."""
Day = Annotated[date, Field(description="The first day to look at, as YYYY-MM-DD.")]
Days = Annotated[int, Field(ge=1, le=14, description="How many days to look at.")]
Start = Annotated[
    datetime, Field(description="When it begins: one of the times that free_times gave, with its offset.")
]
Mine = Annotated[datetime, Field(description="When it begins: one of the times that my_appointments gave.")]
Name = Annotated[str, Field(min_length=1, max_length=100, description="The customer's name as they gave it.")]
Email = Annotated[str, Field(max_length=254, description="The customer's e-mail address as they gave it.")]
Topic = Annotated[str, Field(min_length=1, max_length=150, description="What it is about, in a few words.")]
Agreed = Annotated[
    str,
    Field(
        min_length=2,
        max_length=300,
        description="The customer's own words, copied, by which they agreed to this time and to their name and e-mail "
        "address going into the business's calendar. Ask for them first; never write them yourself.",
    ),
]


class CalendarTools:
    """The tools of one turn. New appointments go into the first calendar."""

    def __init__(self, calendars: Sequence[Connected], book: Appointments, wrote: Wrote, clock: Clock) -> None:
        self._calendars = calendars
        self._first = calendars[0]
        self._book = book
        self._wrote = wrote
        self._clock = clock

    def offered(self) -> Sequence[Offered]:
        """Those for what the calendar gives here. What changes it a person decides."""
        title = self._first.title
        tools = [Tool(self.free_times, risk="read", timeout=SECONDS, title=title)] if self._first.tells else []
        if self._first.books:
            book, cancel = self.book_appointment, self.cancel_appointment
            tools += [
                Tool(self.my_appointments, risk="read", timeout=SECONDS, title=title),
                Tool(book, risk="significant", timeout=SECONDS, title=title, check=self._check),
                Tool(cancel, risk="significant", timeout=SECONDS, title=title, check=self._check_own),
            ]
        return [Offered(tool, self._first.plugin) for tool in tools]

    async def free_times(self, use: ToolUse, *, first_day: Day, days: Days = 7) -> ToolAnswer:
        """Tells at which times the business is free for an appointment. Use it before book_appointment."""
        rules, title = self._first.rules, self._first.title
        wanted = offered(rules, first_day, days, self._clock.now())
        found = free(wanted, await _asked(self._first.busy(_whole(wanted)))) if wanted else []
        if not found:
            return ToolAnswer(f"No appointment is free in these {days} days. Look at later days.", title)
        lines = [f"{told(one.start, rules)} ({written(one.start, rules)})" for one in found[:MOST]]
        text = f"Free for {rules.minutes} minutes, in {rules.zone}:\n" + "\n".join(lines)
        if not self._first.books:
            return ToolAnswer(f"{text}\nAppointments are made by a person of the business.", title)
        buttons = tuple(
            Button(told(one.start, rules), say=wording.book(use.language, told(one.start, rules)))
            for one in found[:CARDS]
        )
        return ToolAnswer(text, title, cards=(ButtonsCard(wording.choose(use.language), buttons),))

    async def my_appointments(self, use: ToolUse) -> ToolAnswer:
        """Tells the appointments that this customer made here, and what became of them."""
        known = [row for row in await self._own(use) if row.state in ("booked", "cancelled")]
        if not known:
            return ToolAnswer("This customer has made no appointment here.", self._first.title)
        lines = [f"{_said(row, self._rules(row))}: {row.state}" for row in known]
        return ToolAnswer("\n".join(lines), self._first.title)

    async def book_appointment(
        self, use: ToolUse, *, start: Start, name: Name, email: Email, topic: Topic, agreed_words: Agreed
    ) -> ToolAnswer:
        """Asks for an appointment at a free time. A person of the business approves it; then it is entered, and the
        customer gets an invitation by e-mail. Use it only when the customer chose the time, gave name and address, and
        agreed in their own words."""
        span = self._possible(start, email)
        if use.subject_id is None:
            raise Rejected("It is not known whom this would be for.", code="no_person")
        rules = self._first.rules
        name, topic = " ".join(name.split()), " ".join(topic.split())
        wish = Wish(use.key, span, rules.zone, name, email.strip(), topic, use.subject_id)
        await self._book.book(self._first, wish)
        return ToolAnswer(
            f"The appointment is made: {told(span.start, rules)} ({rules.zone}), {rules.minutes} minutes. "
            f"An invitation is on its way.",
            self._first.title,
        )

    async def cancel_appointment(self, use: ToolUse, *, start: Mine) -> ToolAnswer:
        """Asks to cancel an appointment that this customer made here. A person of the business approves it. Use it only
        when the customer asked for it."""
        row, connected = await self._chosen(use, start)
        await _asked(self._book.cancel(connected, row))
        return ToolAnswer(f"The appointment is cancelled: {_said(row, connected.rules)}.", connected.title)

    async def _check(self, use: ToolUse, arguments: Mapping[str, Any]) -> None:
        span = self._possible(arguments["start"], arguments["email"])
        if not await self._wrote(use.scope, use.conversation_id, arguments["agreed_words"]):
            raise Rejected(
                "The customer did not write these words of consent. Ask for their yes to the time, and to name and "
                "e-mail address going into the calendar.",
                code="no_consent",
            )
        if not free([span], await _asked(self._first.busy(span))):
            raise Rejected("This time is not free any more. Use free_times.", code="not_free")

    async def _check_own(self, use: ToolUse, arguments: Mapping[str, Any]) -> None:
        await self._chosen(use, arguments["start"])

    def _possible(self, start: datetime, email: str) -> Span:
        """The appointment that begins then, where the rules have one. Raises `Rejected`."""
        if start.tzinfo is None:
            raise Rejected("The time needs its offset, as free_times writes it.", code="bad_time")
        if not _EMAIL.fullmatch(email):
            raise Rejected("This is no e-mail address. Ask for it again.", code="bad_email")
        rules = self._first.rules
        day = start.astimezone(rules.place).date()
        for one in offered(rules, day, 1, self._clock.now()):
            if one.start == start.astimezone(UTC):
                return one
        raise Rejected("This is no time for appointments. Use free_times.", code="no_slot")

    async def _own(self, use: ToolUse) -> Sequence[Appointment]:
        """The customer's appointments that are not over, as they stand in the calendar now."""
        rows = await self._book.of(use.scope, [use.subject_id]) if use.subject_id is not None else []
        coming = [row for row in rows if row.ends_at > self._clock.now()][:MOST_OWN]
        found = []
        for row in coming:
            connected = self._of(row)
            found.append(await _asked(self._book.seen(connected, row)) if connected is not None else row)
        return found

    async def _chosen(self, use: ToolUse, start: datetime) -> tuple[Appointment, Connected]:
        if start.tzinfo is None:
            raise Rejected("The time needs its offset, as my_appointments writes it.", code="bad_time")
        for row in await self._own(use):
            if row.state == "booked" and row.starts_at == start.astimezone(UTC):
                found = self._of(row)
                if found is not None:
                    return row, found
        raise Rejected("This customer has no appointment at this time. Use my_appointments.", code="no_appointment")

    def _of(self, row: Appointment) -> Connected | None:
        """The calendar of an appointment, where it is connected still."""
        return next((one for one in self._calendars if one.link.id == row.connection_id), None)

    def _rules(self, row: Appointment) -> AppointmentRules:
        return (self._of(row) or self._first).rules


def _whole(spans: Sequence[Span]) -> Span:
    return Span(spans[0].start, spans[-1].end)


def _said(row: Appointment, rules: AppointmentRules) -> str:
    return f"{told(row.starts_at, rules)} ({written(row.starts_at, rules)})"


async def _asked(call: Awaitable[T]) -> T:
    """What the calendar gives, or words for the model."""
    try:
        return await call
    except NotReady as error:
        raise Rejected("The calendar cannot be asked now. A person of the business can help.", code="away") from error
