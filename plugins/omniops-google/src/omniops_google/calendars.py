"""A calendar at Google: what is busy in it, and appointments in it. Of anybody else's entries nothing is read but when
they are."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from omniops.contracts.calendar import Calendar, Entry, Span, Wish, changed
from omniops.contracts.ids import Clock
from omniops.contracts.integration import Link, Step
from omniops.contracts.webhook import Arrived
from omniops.errors import NotReady, Permanent, Rejected

from omniops_google.client import EMAIL, NAME, Gone, GoogleClient, Taken, Why, path
from omniops_google.settings import GoogleConnection

TIMES, BOOKING = "times", "booking"
"""Features: free times are proposed, appointments are entered."""
SYNC = "bookings"
"""Name of the sync, and of what the link remembers of it: the newest sync token."""
BACK = timedelta(days=1)
"""How far back appointments are followed where all is read anew."""
MARK = "omniops"
"""The private property that an appointment of ours carries; its value is the connection's id."""
_SHOWN = "id,etag,status,start,end,extendedProperties/private"
"""All that is read of an entry: of one that is not ours no more than when it is comes along."""
_KEY = re.compile("[0-9a-f]{32}")


class GoogleCalendar(Calendar):
    """The calendar that a connection names. An entry's id here is its calendar's with the event's, which is the key of
    the wish."""

    times, booking = TIMES, BOOKING

    def __init__(self, client: GoogleClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def busy(self, link: Link, within: Span) -> list[Span]:
        return await self.taken(link.connection, within, Why("support.provide", scope=link.scope))

    async def taken(self, connection: GoogleConnection, within: Span, why: Why) -> list[Span]:
        """When the calendar is taken. Raises `Permanent` for a calendar that cannot be looked into."""
        body = {
            "timeMin": _written(within.start),
            "timeMax": _written(within.end),
            "items": [{"id": connection.calendar}],
        }
        said = await self._client.call(connection, "POST", "apis", "/calendar/v3/freeBusy", why, body=body)
        found = (said.get("calendars") or {}).get(connection.calendar)
        if not isinstance(found, Mapping):
            raise NotReady("Google answered what cannot be read.")
        if found.get("errors"):
            raise Permanent("Google has no such calendar, or does not show when it is busy.")
        spans = [(moment(one["start"]), moment(one["end"])) for one in found.get("busy") or ()]
        return [Span(start, end) for start, end in spans if start < end]

    async def enter(self, link: Link, wish: Wish) -> str:
        connection: GoogleConnection = link.connection
        body = {
            "id": wish.key,
            "summary": f"{wish.name}: {wish.topic}"[:200],
            "description": "Made by OmniOps at the wish of this person, and approved.",
            "start": {"dateTime": _written(wish.span.start), "timeZone": wish.zone},
            "end": {"dateTime": _written(wish.span.end), "timeZone": wish.zone},
            "attendees": [{"email": wish.email, "displayName": wish.name}],
            "guestsCanInviteOthers": False,
            "extendedProperties": {"private": {MARK: str(link.id)}},
        }
        why = Why("support.provide", (EMAIL, NAME), (wish.subject_id,), link.scope)
        where = path("calendar", "v3", "calendars", connection.calendar, "events")
        with suppress(Taken):  # an earlier try got through
            await self._client.call(connection, "POST", "apis", where, why, body=body, sendUpdates="all", fields=_SHOWN)
        return entry_of(connection.calendar, wish.key)

    async def find(self, link: Link, key: str) -> str | None:
        entry = entry_of(link.connection.calendar, key)
        return entry if await self._read(link, entry, _SHOWN) is not None else None

    async def shown(self, link: Link, entry: str) -> Entry | None:
        found = await self._read(link, entry, "id,status,summary,description,start,end,attendees(email,displayName)")
        return None if found is None else Entry(span_of(found), found)

    async def remove(self, link: Link, entry: str, *, tell: bool) -> None:
        updates = "all" if tell else "none"
        try:
            why = Why(scope=link.scope)
            await self._client.call(link.connection, "DELETE", "apis", _at(entry), why, sendUpdates=updates)
        except Gone:
            return

    async def _read(self, link: Link, entry: str, fields: str) -> Mapping[str, Any] | None:
        try:
            found = await self._client.call(
                link.connection, "GET", "apis", _at(entry), Why(scope=link.scope), fields=fields
            )
        except Gone:
            return None
        return None if found.get("status") == "cancelled" else found

    async def changed(self, link: Link) -> list[Arrived]:
        """What a notice tells of: everything since the last sync. The sync alone moves on, so that nothing is lost
        between the two."""
        sync, page, found = link.memory.get(SYNC, ""), "", list[Arrived]()
        calendar = link.connection.calendar
        while sync:
            try:
                said = await self.changes(link, calendar, sync, page, self._clock.now())
            except Gone:
                break  # the sync begins anew
            found += news(said.get("items") or (), link, calendar)
            page = said.get("nextPageToken") or ""
            if not page:
                break
        return found

    async def sync(self, link: Link, cursor: str | None) -> AsyncIterator[Step]:
        """What changed, page by page. A token that is too old (410) begins anew, and so does another calendar."""
        since = (self._clock.now() - BACK).isoformat(timespec="seconds")
        anew = {"calendar": link.connection.calendar, "sync": "", "page": "", "since": since}
        at = json.loads(cursor) if cursor else anew
        if at["calendar"] != link.connection.calendar:
            at = anew
        while True:
            begun = datetime.fromisoformat(at["since"])
            try:
                said = await self.changes(link, at["calendar"], at["sync"], at["page"], begun)
            except Gone:
                if not at["sync"] and not at["page"]:
                    raise  # the calendar itself is gone
                at = anew
                continue
            page, following = said.get("nextPageToken") or "", said.get("nextSyncToken") or ""
            heard = news(said.get("items") or (), link, at["calendar"])
            at = {**at, "page": page} if page else {**at, "sync": following, "page": ""}
            written = json.dumps(at, sort_keys=True)
            if written != cursor:
                yield Step(written, _remembers(link, "" if page else following), heard)
            cursor = written
            if not page:
                return

    async def changes(self, link: Link, calendar: str, sync: str, page: str, since: datetime) -> Mapping[str, Any]:
        """One page of what changed since a sync token; without one, of all from `since` on. Raises `Gone` for a token
        that is too old (410)."""
        where = path("calendar", "v3", "calendars", calendar, "events")
        return await self._client.call(
            link.connection,
            "GET",
            "apis",
            where,
            Why(scope=link.scope),
            syncToken=sync or None,
            timeMin=None if sync else _written(since),
            pageToken=page or None,
            maxResults=250,
            fields=f"nextPageToken,nextSyncToken,items({_SHOWN})",
        )


def news(items: Sequence[Mapping[str, Any]], link: Link, calendar: str) -> list[Arrived]:
    """What became of the entries that this connection made. One that was deleted says no more than its id, so it may be
    one."""
    found = []
    for item in items:
        key, gone = str(item.get("id")), item.get("status") == "cancelled"
        private = (item.get("extendedProperties") or {}).get("private") or {}
        if _KEY.fullmatch(key) and (gone or private.get(MARK) == str(link.id)):
            entry, told = entry_of(calendar, key), f"{item.get('etag')}:{item.get('status')}"
            found.append(changed(entry, "cancelled" if gone else "booked", span_of(item), told=told, feature=BOOKING))
    return found


def _remembers(link: Link, following: str) -> Any:
    async def store(session: Any) -> None:
        if following:
            await link.remember({SYNC: following}, session=session)

    return store


def entry_of(calendar: str, key: str) -> str:
    return f"{calendar}/{key}"


def _at(entry: str) -> str:
    calendar, _, event = entry.rpartition("/")
    return path("calendar", "v3", "calendars", calendar, "events", event)


def span_of(item: Mapping[str, Any]) -> Span | None:
    """When an entry is; None for one of a whole day, or that does not say."""
    try:
        return Span(moment(item["start"]["dateTime"]), moment(item["end"]["dateTime"]))
    except (KeyError, TypeError, ValueError, NotReady, Rejected):
        return None


def moment(said: Any) -> datetime:
    """A moment as Google writes it (RFC 3339)."""
    try:
        found = datetime.fromisoformat(said)
    except (TypeError, ValueError) as error:
        raise NotReady("Google answered what cannot be read.") from error
    return found.astimezone(UTC)


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
