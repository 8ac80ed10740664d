"""Push channels of Google's: opened, replaced before they end, and stopped. A notice is empty: that it is Google's, our
own secret shows that comes back with it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from secrets import token_urlsafe
from typing import Any
from uuid import uuid4

from omniops import PluginContext
from omniops.contracts.integration import Link
from omniops.contracts.webhook import Arrived, Event, Received, Webhook, check_token
from omniops.errors import Rejected

from omniops_google.client import Gone, GoogleClient, NoScope, Why, path

CHANGED = "calendar_changed"
CHANNEL = "calendar"
LIFE = timedelta(days=7)
"""How long a channel is asked for; Google may give less."""
EARLY = timedelta(days=1)
"""So long before its end, or half its life, a channel is replaced."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a channel is opened: of what it is, the path, and what goes with it."""

    of: str
    where: str
    query: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Watched:
    """What a channel may be of. `name` is that of the renewal and of what the link remembers; a notice becomes an event
    of the kind `changed` for a feature."""

    name: str
    changed: str
    feature: str
    stop: str
    place: Callable[[Link], Awaitable[Place]]


async def _calendar(link: Link) -> Place:
    calendar = link.connection.calendar
    return Place(calendar, path("calendar", "v3", "calendars", calendar, "events", "watch"))


CALENDAR = Watched(CHANNEL, CHANGED, "booking", "/calendar/v3/channels/stop", _calendar)


class Channels:
    """The channel of a connection's calendar, or of another thing that is watched."""

    def __init__(self, context: PluginContext, client: GoogleClient, watched: Watched = CALENDAR) -> None:
        self._clock = context.clock
        self._client = client
        self._watched = watched

    async def open(self, link: Link) -> datetime:
        """Opens a channel, then stops the one before: nothing is missed in between. Says when to come again."""
        before, place = link.memory.get(self._watched.name), await self._watched.place(link)
        made = {"id": str(uuid4()), "token": token_urlsafe(32), "of": place.of}
        said = await self._client.call(
            link.connection,
            "POST",
            "apis",
            place.where,
            Why(scope=link.scope),
            body={
                "id": made["id"],
                "type": "web_hook",
                "address": link.webhook_url,
                "token": made["token"],
                "params": {"ttl": str(int(LIFE.total_seconds()))},
            },
            fields="resourceId,expiration",
            **place.query,
        )
        await link.remember({self._watched.name: json.dumps({**made, "resource": str(said["resourceId"])})})
        if before:
            await self._stop(link, before)
        now = self._clock.now()
        ends = datetime.fromtimestamp(int(said["expiration"]) / 1000, UTC) if said.get("expiration") else now + LIFE
        return max(ends - EARLY, now + (ends - now) / 2)

    async def stop(self, link: Link) -> None:
        """Stops the channel, where there is one. Twice is harmless."""
        if before := link.memory.get(self._watched.name):
            await self._stop(link, before)
            await link.remember({self._watched.name: None})

    async def _stop(self, link: Link, kept: str) -> None:
        known = json.loads(kept)
        body = {"id": known["id"], "resourceId": known["resource"]}
        try:
            await self._client.call(
                link.connection, "POST", "apis", self._watched.stop, Why(scope=link.scope), body=body
            )
        except (Gone, NoScope):
            return  # it ended, or ends, by itself

    def of(self, link: Link) -> str:
        """What the channel is of, such as a calendar; empty where there is none."""
        kept = link.memory.get(self._watched.name)
        return str(json.loads(kept)["of"]) if kept else ""


def receive(webhook: Webhook, link: Link | None, watched: Sequence[Watched] = (CALENDAR,)) -> Received:
    """A notice of a channel of this connection. The first of a channel tells only that it is open."""
    named = webhook.header("x-goog-channel-id")
    memory = link.memory if link is not None else {}
    channels = [(one, json.loads(memory.get(one.name) or "{}")) for one in watched]
    found, kept = next((one for one in channels if one[1].get("id") == named), (watched[0], dict[str, Any]()))
    check_token(kept.get("token", ""), webhook.header("x-goog-channel-token", ""))
    number, state = webhook.header("x-goog-message-number", ""), webhook.header("x-goog-resource-state", "")
    if not (number.isascii() and number.isdigit() and len(number) <= 20):
        raise Rejected("The number of the notice is none.", code="bad_delivery")
    if state == "sync":
        return Received()
    return Received([Arrived(Event(f"{kept['id']}:{number}", found.changed, about=found.name), feature=found.feature)])
