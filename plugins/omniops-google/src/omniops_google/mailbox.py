"""A mailbox at Gmail: the mail of one label, and what the business itself answers to it. Of all other mail only numbers
and labels are looked at."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import getaddresses
from typing import Any

from omniops import PluginContext
from omniops.contracts.channel import Echo, Incoming
from omniops.contracts.integration import Choice, Link, Step
from omniops.contracts.webhook import Arrived, Event, Received, Webhook
from omniops.errors import Permanent, Rejected
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops_google.client import CHAT, EMAIL, Gone, GoogleClient, NoScope, Why
from omniops_google.letters import KEY, echo, incoming, opened
from omniops_google.settings import GoogleConnection, GoogleSettings

MAIL = "mail"
"""The feature, the sync, the renewal, and what the link remembers: up to where the history was read."""
CHANGED = "mail_changed"
SINCE, WATCHED = "mail.since", "mail.watched"
DAILY = timedelta(days=1)
"""Google ends a watch after seven days, and says to ask for it every day."""
MOST_BYTES = 10 * 1024 * 1024
"""Mail that is larger is left in the mailbox unread."""
_USER = "/gmail/v1/users/me"
_HISTORY = (
    "nextPageToken,historyId,history(id,messagesAdded/message(id,threadId,labelIds),"
    "labelsAdded/message(id,threadId,labelIds))"
)
_UNREAD = frozenset({"DRAFT", "SPAM", "TRASH"})
_ANEW = "anew:"


class Mailbox:
    """What comes in."""

    def __init__(self, context: PluginContext, client: GoogleClient) -> None:
        self._settings: GoogleSettings = context.settings
        self._clock = context.clock
        self._log = context.log
        self._client = client

    async def labels(self, connection: GoogleConnection) -> Sequence[Choice]:
        """The labels that mail may be read of: the inbox, and those that people made."""
        fields = "labels(id,name,type)"
        said = await self._client.call(connection, "GET", "gmail", f"{_USER}/labels", fields=fields)
        found = [one for one in said.get("labels") or () if one.get("type") == "user" or one.get("id") == "INBOX"]
        return [Choice(str(one["id"]), str(one.get("name") or one["id"])) for one in found]

    async def watch(self, link: Link) -> datetime:
        """Lets Gmail tell of new mail, where the operator has a topic. Says when to come again."""
        now, label = self._clock.now(), link.connection.label
        if not self._settings.topic or not label:
            return now + DAILY
        body = {
            "topicName": self._settings.topic,
            "labelIds": [label, "SENT"],
            "labelFilterBehavior": "include",
        }
        why = Why(scope=link.scope)
        said = await self._client.call(link.connection, "POST", "gmail", f"{_USER}/watch", why, body=body)
        await link.remember({WATCHED: label})
        ends = datetime.fromtimestamp(int(said["expiration"]) / 1000, UTC)
        return min(now + DAILY, now + (ends - now) / 2)

    async def stop(self, link: Link) -> None:
        """Gmail tells no more. Twice is harmless."""
        if WATCHED in link.memory:
            with suppress(NoScope):  # it ends by itself
                await self._client.call(link.connection, "POST", "gmail", f"{_USER}/stop", Why(scope=link.scope))
            await link.remember({WATCHED: None})

    async def changed(self, link: Link) -> Sequence[Arrived]:
        """What a notice tells of: everything since the last sync. The sync alone moves on, so that nothing is lost, and
        what comes twice is known by its number."""
        start, found = link.memory.get(MAIL), list[Arrived]()
        if not start or not link.connection.label:
            return ()
        try:
            async for page in self._history(link, start):
                found += await self._heard(link, _messages(page))
        except Gone:
            return ()  # the sync begins anew
        return found

    async def sync(self, link: Link, cursor: str | None) -> AsyncIterator[Step]:
        """What came, from the cursor on: a number of the mailbox's history. One that is too old (404) begins anew with
        the mail of the label since it was connected; what was taken before is known by its number."""
        if not link.connection.label:
            return
        if cursor is None:
            now = await self._now(link)
            since = str(int(self._clock.now().timestamp()))
            yield Step(now, _remembered(link, {MAIL: now, SINCE: since}))
            return
        if not cursor.startswith(_ANEW):
            try:
                async for page in self._history(link, cursor):
                    records = page.get("history") or ()
                    after = str(records[-1]["id"]) if records else cursor
                    after = after if page.get("nextPageToken") else str(page["historyId"])
                    heard = await self._heard(link, _messages(page))
                    if after != cursor:
                        yield Step(after, _remembered(link, {MAIL: after}), heard)
                        cursor = after
                return
            except Gone:
                cursor = f"{_ANEW}{await self._now(link)}:"
        async for step in self._anew(link, cursor):
            yield step

    async def _anew(self, link: Link, cursor: str) -> AsyncIterator[Step]:
        now, _, page = cursor.removeprefix(_ANEW).partition(":")
        query = {
            "labelIds": link.connection.label,
            "q": f"after:{link.memory.get(SINCE, '')}",
            "maxResults": 50,
            "fields": "nextPageToken,messages(id,threadId)",
        }
        why = Why(scope=link.scope)
        pages = self._client.pages(link.connection, "gmail", f"{_USER}/messages", why, pageToken=page or None, **query)
        async for said in pages:
            heard = await self._heard(link, list(said.get("messages") or ()), labelled=True)
            after = f"{_ANEW}{now}:{said['nextPageToken']}" if said.get("nextPageToken") else now
            yield Step(after, _remembered(link, {MAIL: now}) if after == now else None, heard)

    async def _now(self, link: Link) -> str:
        fields = "historyId"
        said = await self._client.call(
            link.connection, "GET", "gmail", f"{_USER}/profile", Why(scope=link.scope), fields=fields
        )
        return str(said["historyId"])

    def _history(self, link: Link, start: str) -> AsyncIterator[dict[str, Any]]:
        return self._client.pages(
            link.connection,
            "gmail",
            f"{_USER}/history",
            Why(scope=link.scope),
            startHistoryId=start,
            historyTypes=["messageAdded", "labelAdded"],
            fields=_HISTORY,
        )

    async def _heard(
        self, link: Link, messages: Sequence[Mapping[str, Any]], *, labelled: bool = False
    ) -> list[Arrived]:
        """What of these mails is for us, each once, in order. What is no longer there is passed over."""
        found: dict[str, Incoming | Echo] = {}
        for one in messages:
            labels = set(one.get("labelIds") or ())
            if one["id"] in found or not (labelled or {link.connection.label, "SENT"} & labels):
                continue
            try:
                heard = await self._one(link, str(one["id"]))
            except Gone:
                continue
            if heard is not None:
                found[str(one["id"])] = heard
        return [Arrived(heard, feature=MAIL) for heard in found.values()]

    async def _one(self, link: Link, number: str) -> Incoming | Echo | None:
        """One mail as it is now, if it is for us."""
        label, why = link.connection.label, Why(scope=link.scope)
        where = f"{_USER}/messages/{number}"
        seen = await self._client.call(
            link.connection, "GET", "gmail", where, why, format="minimal", fields="labelIds,threadId,sizeEstimate"
        )
        labels = set(seen.get("labelIds") or ())
        if _UNREAD & labels or int(seen.get("sizeEstimate") or 0) > MOST_BYTES:
            return None
        ours = "SENT" in labels
        writers = await self._writers(link, str(seen["threadId"])) if ours else frozenset[str]()
        if not (writers if ours else label in labels):
            return None
        fields = "id,threadId,internalDate,raw"
        got = await self._client.call(link.connection, "GET", "gmail", where, why, format="raw", fields=fields)
        try:
            message = opened(str(got["raw"]))
            return echo(message, got, writers) if ours else incoming(message, got, link.connection.address)
        except Exception as error:  # the standard library's parser raises whatever strangers make it raise
            self._log.warning("google.mail_unreadable", error=type(error).__name__)
            return None

    async def _writers(self, link: Link, thread: str) -> frozenset[str]:
        """Who wrote the mails of a thread that have the label."""
        said = await self._client.call(
            link.connection,
            "GET",
            "gmail",
            f"{_USER}/threads/{thread}",
            Why(scope=link.scope),
            format="metadata",
            metadataHeaders=["From", "Reply-To"],
            fields="messages(labelIds,payload/headers)",
        )
        found = set[str]()
        for one in said.get("messages") or ():
            if link.connection.label in (one.get("labelIds") or ()):
                for header in (one.get("payload") or {}).get("headers") or ():
                    found |= _addresses(str(header.get("value", "")))
        return frozenset(found - {link.connection.address})


def receive(webhook: Webhook, link: Link | None) -> Received:
    """A push of Pub/Sub, verified: in whose mailbox something changed. At a connection's own address nothing of another
    mailbox is taken."""
    try:
        message = json.loads(webhook.body)["message"]
        told = json.loads(base64.b64decode(message["data"]))
        number, address = message["messageId"], told["emailAddress"]
        known = isinstance(number, str) and 0 < len(number) <= 100 and isinstance(address, str) and "@" in address
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Rejected("This is no push of Gmail.", code="bad_delivery") from error
    if not known:
        raise Rejected("This is no push of Gmail.", code="bad_delivery")
    if link is not None and address.casefold() != link.connection.address:
        return Received()
    event = Event(f"pubsub:{number}", CHANGED, about=MAIL)
    return Received([Arrived(event, external_id=address.casefold(), feature=MAIL)])


async def sent(client: GoogleClient, connection: GoogleConnection, thread: str, key: str) -> tuple[bool, str | None]:
    """Whether a thread is still there, and the number of the mail in it that an earlier try sent."""
    try:
        said = await client.call(
            connection,
            "GET",
            "gmail",
            f"{_USER}/threads/{thread}",
            format="metadata",
            metadataHeaders=KEY,
            fields="messages(id,payload/headers)",
        )
    except Gone:
        return False, None
    for one in said.get("messages") or ():
        if any(header.get("value") == key for header in (one.get("payload") or {}).get("headers") or ()):
            return True, str(one["id"])
    return True, None


async def send(client: GoogleClient, connection: GoogleConnection, raw: str, thread: str | None) -> str:
    """Sends a mail, in its thread where there is one. Gives its number. Raises what the client raises."""
    body = {"raw": raw} | ({"threadId": thread} if thread else {})
    why = Why("chat.respond", (CHAT, EMAIL))
    said = await client.call(
        connection, "POST", "gmail", f"{_USER}/messages/send", why, body=body, fields="id,threadId"
    )
    if not said.get("id"):
        raise Permanent("Gmail did not say that it took the mail.")
    return str(said["id"])


def _messages(page: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    kinds = ("messagesAdded", "labelsAdded")
    changes = [one for record in page.get("history") or () for kind in kinds for one in record.get(kind) or ()]
    return [one["message"] for one in changes]


def _addresses(value: str) -> set[str]:
    return {address.strip().casefold() for _, address in getaddresses([value]) if "@" in address}


def _remembered(link: Link, changes: dict[str, str | None]) -> Any:
    async def store(session: AsyncSession) -> None:
        await link.remember(changes, session=session)

    return store
