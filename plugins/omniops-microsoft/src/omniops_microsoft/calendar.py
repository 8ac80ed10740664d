"""The calendar of an account in Microsoft 365: when it is taken, and appointments in it. Moments are told in UTC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from omniops.contracts.calendar import Calendar, Entry, Span, Wish
from omniops.contracts.integration import Link
from omniops.errors import NotReady, Permanent

from omniops_microsoft.channel import MARK
from omniops_microsoft.client import EMAIL, IMMUTABLE, NAME, Gone, Graph, Why, part, text, values, within
from omniops_microsoft.reading import moment

FREE_TIMES, BOOKING = "free_times", "booking"
"""Features: free times are told, appointments are booked."""
PIECE = timedelta(minutes=5)
"""The shortest piece of time of which Graph says whether it is free."""
SHOWN = "id,subject,start,end,attendees"


class MicrosoftCalendar(Calendar):
    """Graph is asked for its view of free and taken pieces of time: each digit is one piece, and `0` is free
    (learn.microsoft.com/graph/api/resources/scheduleinformation). What stands in the calendar is not in it."""

    times, booking = FREE_TIMES, BOOKING

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    async def busy(self, link: Link, within: Span) -> Sequence[Span]:
        begin = within.start.astimezone(UTC)
        body = {
            "schedules": [link.connection.address],
            "startTime": _written(begin),
            "endTime": _written(within.end),
            "availabilityViewInterval": int(PIECE.total_seconds() // 60),
        }
        why = Why("support.provide", scope=link.scope)
        page = await self._graph.call(link.connection, "POST", "/me/calendar/getSchedule", why, body=body)
        found = values(page)
        if not found or found[0].get("error"):
            raise Permanent("Microsoft 365 does not show when this calendar is free.")
        view = text(found[0], "availabilityView")
        if len(view) * PIECE < within.end - within.start:
            raise NotReady("Microsoft 365 did not tell of the whole time.")
        return [Span(begin + n * PIECE, begin + (n + 1) * PIECE) for n, piece in enumerate(view) if piece != "0"]

    async def enter(self, link: Link, wish: Wish) -> str:
        """`transactionId` lets Outlook see a second making of the same."""
        why = Why("support.provide", (NAME, EMAIL), (wish.subject_id,), link.scope)
        body = {
            "subject": wish.topic,
            "start": _written(wish.span.start),
            "end": _written(wish.span.end),
            "attendees": [{"emailAddress": {"address": wish.email, "name": wish.name}, "type": "required"}],
            "transactionId": str(UUID(wish.key)),
            "singleValueExtendedProperties": [{"id": MARK, "value": wish.key}],
        }
        said = await self._graph.call(link.connection, "POST", "/me/events", why, body=body, prefer=(IMMUTABLE,))
        return text(said, "id")

    async def find(self, link: Link, key: str) -> str | None:
        mine = f"singleValueExtendedProperties/Any(ep: ep/id eq '{MARK}' and ep/value eq '{key}')"
        query, why = {"$filter": mine, "$select": "id", "$top": "1"}, Why("support.provide", scope=link.scope)
        page = await self._graph.call(link.connection, "GET", "/me/events", why, query=query, prefer=(IMMUTABLE,))
        return next((text(one, "id") for one in values(page)), None)

    async def shown(self, link: Link, entry: str) -> Entry | None:
        query, why = {"$select": SHOWN}, Why("support.provide", scope=link.scope)
        at = f"/me/events/{part(entry)}"
        try:
            said = await self._graph.call(link.connection, "GET", at, why, query=query, prefer=(IMMUTABLE,))
        except Gone:
            return None
        return Entry(_span(said), {name: said[name] for name in SHOWN.split(",") if name in said})

    async def remove(self, link: Link, entry: str, *, tell: bool) -> None:
        """Outlook lets who was invited know by itself."""
        why = Why("support.provide", scope=link.scope)
        try:
            at = f"/me/events/{part(entry)}"
            await self._graph.call(link.connection, "DELETE", at, why, prefer=(IMMUTABLE,))
        except Gone:
            return


def _written(at: datetime) -> dict[str, str]:
    return {"dateTime": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"), "timeZone": "UTC"}


def _span(said: Mapping[str, Any]) -> Span | None:
    """When an entry is, as Graph tells it unless another zone was asked for: in UTC."""
    start, end = (moment(str(within(said, name, "dateTime"))) for name in ("start", "end"))
    return Span(start, end) if start is not None and end is not None and start < end else None
