"""The calendar of a domain, asked within its time and in words that say nothing of it where it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from omniops.contracts.calendar import AppointmentRules, Calendar, Entry, Span, Wish
from omniops.contracts.integration import Link
from omniops.contracts.scope import Scope
from omniops.conversation.orders.shops import Through
from omniops.errors import NotReachable, NotReady, Permanent, Reconnect, Refused, Rejected

T = TypeVar("T")
TIMEOUT = 15.0
"""Seconds that a calendar has for one answer."""


@dataclass(frozen=True, slots=True)
class Connected:
    """A connected calendar, with what it is asked with."""

    calendar: Calendar
    plugin: str
    title: str
    link: Link
    through: Through

    @property
    def rules(self) -> AppointmentRules:
        rules: AppointmentRules = self.link.connection
        return rules

    @property
    def books(self) -> bool:
        """Whether appointments may be entered, and not only times told."""
        return self.calendar.booking in self.link.features

    @property
    def tells(self) -> bool:
        """Whether free times may be told."""
        return self.calendar.times in self.link.features

    async def busy(self, within: Span) -> Sequence[Span]:
        """Raises `NotReady`."""
        try:
            return await self._asked(lambda link: self.calendar.busy(link, within))
        except (Permanent, Rejected) as error:
            raise NotReady("The calendar cannot be looked into.") from error

    async def enter(self, wish: Wish) -> str:
        """Raises `NotReady` where nobody knows what came of it, `Rejected` where nothing did."""
        try:
            return await self._asked(lambda link: self.calendar.enter(link, wish))
        except (Permanent, Rejected) as error:
            raise Rejected("The calendar does not take this appointment.", code="refused") from error

    async def find(self, key: str) -> str | None:
        return await self._asked(lambda link: self.calendar.find(link, key))

    async def shown(self, entry: str) -> Entry | None:
        return await self._asked(lambda link: self.calendar.shown(link, entry))

    async def remove(self, entry: str, *, tell: bool) -> None:
        await self._asked(lambda link: self.calendar.remove(link, entry, tell=tell))

    async def _asked(self, call: Callable[[Link], Awaitable[T]]) -> T:
        async def ask(link: Link) -> T:
            async with asyncio.timeout(TIMEOUT):  # of the calendar alone: a renewal of access is never cut off
                return await call(link)

        try:
            return await self.through(ask)
        except (TimeoutError, NotReady, NotReachable, Reconnect, Refused) as error:
            raise NotReady("The calendar does not answer at the moment.", do="Try again later.") from error


CalendarsOf = Callable[[Scope], Awaitable[Sequence[Connected]]]
"""The connected calendars of a domain; one in which appointments are entered comes first, of several the oldest."""
