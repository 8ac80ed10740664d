"""What the AI may do with a domain's calendar, and the visitor's own words without which nothing is asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import UUID

from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.conversation.appointments.book import Appointments
from omniops.conversation.appointments.calendars import CalendarsOf
from omniops.conversation.messages import Reader
from omniops.conversation.tools.calendar import CalendarTools
from omniops.conversation.tools.running import Offered

PURPOSE = "chat.respond"
ACTOR = Actor.system("conversation.appointments")


class AppointmentsInChat:
    """Core's tools over calendars: one set, however many calendars are connected."""

    def __init__(self, calendars: CalendarsOf, book: Appointments, reader: Reader, clock: Clock) -> None:
        self._calendars = calendars
        self.book = book
        self._reader = reader
        self._clock = clock

    async def tools(self, scope: Scope) -> Sequence[Offered]:
        """The tools over the domain's calendar; none where there is none."""
        found = await self._calendars(scope)
        return CalendarTools(found, self.book, self._wrote, self._clock).offered() if found else ()

    async def _wrote(self, scope: Scope, conversation_id: UUID, words: str) -> bool:
        """Whether the visitor wrote these words in a conversation themselves."""
        said = await self._reader.read(scope, conversation_id, purpose=PURPOSE, actor=ACTOR)
        sought = _plain(words)
        return bool(sought) and any(sought in _plain(one.text) for one in said if one.author == "visitor")


def _plain(words: str) -> str:
    """Words as they are compared: a model that copies changes spaces, case and signs."""
    return " ".join(re.findall(r"\w+", words.casefold()))
