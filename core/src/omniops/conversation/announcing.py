"""Telling visitors who answers them from now on, and when a person can be expected."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import OpeningHours
from omniops.conversation.messages import append
from omniops.conversation.models import Conversation, Message
from omniops.conversation.wording import Phrase, say

MOST_MINUTES = 120
"""Longer waits are told in hours."""


async def announce(
    session: AsyncSession,
    conversation: Conversation,
    phrase: Phrase,
    hours: OpeningHours | None,
    *,
    language: str = "",
    at: datetime,
) -> Message:
    """The phrase as a message of the locked conversation, with when people are there and how long they mostly take.
    The message's event is the phrase's name."""
    spoken = language or conversation.language
    text = " ".join((say(phrase, spoken), *expected(hours, spoken, at)))
    return await append(session, conversation, author="system", text=text, event=phrase, language=spoken, at=at)


def expected(hours: OpeningHours | None, language: str, at: datetime) -> list[str]:
    """Sentences about when a person answers; none where the business gave no hours."""
    if hours is None:
        return []
    there, said = hours.at(at), []
    if there.open and there.until is not None:
        said.append(say("people_until", language).format(_local(hours, there.until, at)))
    elif not there.open and there.opens is not None:
        said.append(say("people_back", language).format(_local(hours, there.opens, at)))
    if hours.answer_minutes is not None and (there.open or there.opens is not None):
        if hours.answer_minutes <= MOST_MINUTES:
            said.append(say("answer_minutes", language).format(hours.answer_minutes))
        else:
            said.append(say("answer_hours", language).format(-(-hours.answer_minutes // 60)))
    return said


def due(hours: OpeningHours | None, since: datetime | None) -> datetime | None:
    """Until when a person should have answered somebody who waits `since` then: the usual wait, counted from when
    people are there. None where nobody waits, or the business promised nothing."""
    if hours is None or since is None or hours.answer_minutes is None:
        return None
    there = hours.at(since)
    start = since if there.open else there.opens
    return start + timedelta(minutes=hours.answer_minutes) if start is not None else None


def _local(hours: OpeningHours, moment: datetime, now: datetime) -> str:
    zone = ZoneInfo(hours.zone)
    local = moment.astimezone(zone)
    day = "" if local.date() == now.astimezone(zone).date() else f"{local:%Y-%m-%d} "
    return f"{day}{local:%H:%M} ({hours.zone})"
