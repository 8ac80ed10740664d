"""A conversation is put off: it leaves the lists until a time, or until its visitor writes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from omniops.accounts.service import Accounts, OpeningHours
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.conversation.service import move, open_
from omniops.database.service import Database
from omniops.errors import Rejected
from omniops.inbox.queue import ConversationView, row_view

Preset = Literal["later", "tomorrow", "week"]
LATER = timedelta(hours=3)
MORNING = time(9)
"""When a day begins where the website has no hours, or is closed for long."""
LONGEST = timedelta(days=365)


class Snoozing:
    """Puts conversations off and takes them up again. The clock alone brings them back."""

    def __init__(self, database: Database, accounts: Accounts, clock: Clock) -> None:
        self._database = database
        self._accounts = accounts
        self._clock = clock

    async def until(
        self, scope: Scope, conversation_id: UUID, until: datetime | None, *, actor: Actor
    ) -> ConversationView:
        """Puts a conversation off until then; None takes it up again. Raises `NotFound`, and `Rejected` for a closed
        one and for a time that is over or more than a year away."""
        now = self._clock.now()
        if until is not None and not now < until <= now + LONGEST:
            said = "over" if until <= now else "more than a year away"
            raise Rejected(f"This time is {said}.", code="bad_time", where="until", do="Choose another time.")
        hours = (await self._accounts.domain(scope)).settings.hours
        async with self._database.session(scope) as session:
            conversation = await open_(session, scope, conversation_id)
            conversation.snoozed_until = until
            await move(session, conversation, "snoozed", actor, "by_person", at=now)
            await session.commit()
        return row_view(conversation, hours)


def presets(hours: OpeningHours | None, now: datetime) -> Mapping[Preset, datetime]:
    """The times that are offered: in three hours while it is the same day, when people are back tomorrow, and next
    week. Days are those of the website's zone."""
    zone = ZoneInfo(hours.zone) if hours is not None else UTC
    today = now.astimezone(zone).date()
    found: dict[Preset, datetime] = {}
    if (now + LATER).astimezone(zone).date() == today:
        found["later"] = now + LATER
    days: dict[Preset, int] = {"tomorrow": 1, "week": 7 - today.weekday()}
    for preset, ahead in days.items():
        begin = datetime.combine(today + timedelta(days=ahead), time(0), zone)
        morning = datetime.combine(begin.date(), MORNING, zone).astimezone(UTC)
        there = hours.at(begin.astimezone(UTC)) if hours is not None else None
        opens = there.opens if there is not None and not there.open else None
        found[preset] = opens if opens is not None and opens - now <= LONGEST else morning
    return found
