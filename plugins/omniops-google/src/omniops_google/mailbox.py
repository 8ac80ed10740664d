"""A mailbox at Gmail: the mail of one label, and what the business itself answers to it. Of all other mail only numbers
and labels are looked at."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from email.utils import getaddresses
from typing import Any

from omniops import PluginContext
from omniops.contracts.channel import Echo, Incoming, Receipt
from omniops.contracts.integration import Choice, Link, Step
from omniops.contracts.webhook import Arrived, Event, Received, Webhook
from omniops.errors import NotReady, OmniOpsError, Permanent, Rejected
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops_google.client import CHAT, EMAIL, Gone, GoogleClient, NoScope, Why, path
from omniops_google.letters import KEY, LOAD, echo, incoming, told
from omniops_google.parts import Part, body_of, decoded, files, is_report, lying_apart, opened, stream
from omniops_google.settings import GoogleConnection, GoogleSettings

MAIL = "mail"
"""The feature, the sync, the renewal, and what the link remembers: up to where the history was read."""
CHANGED = "mail_changed"
SINCE, WATCHED = "mail.since", "mail.watched"
DAILY = timedelta(days=1)
"""Google ends a watch after seven days, and says to ask for it every day."""
MOST_BYTES = 10 * 1024 * 1024
"""Of what Gmail tells of one mail, its files aside. A mail with more is left in the mailbox unread."""
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
        found: dict[str, Incoming | Echo | Receipt] = {}
        for one in messages:
            labels, number = set(one.get("labelIds") or ()), str(one["id"])
            chosen = labelled or {link.connection.label, "SENT"} & labels
            # a mail that began its thread answers nothing, so it can be no report about a mail of ours
            if number in found or not (chosen or number != one.get("threadId")):
                continue
            try:
                heard = await self._one(link, number)
            except Gone:
                continue
            if heard is not None:
                found[number] = heard
        return [Arrived(heard, feature=MAIL) for heard in found.values()]

    async def _one(self, link: Link, number: str) -> Incoming | Echo | Receipt | None:
        """One mail as it is now, if it is for us: it has the label, or is of the business or a mail server in a thread
        that has it."""
        label, why = link.connection.label, Why(scope=link.scope)
        seen = await self._client.call(
            link.connection, "GET", "gmail", _at(number), why, format="minimal", fields="labelIds,threadId"
        )
        labels, thread = set(seen.get("labelIds") or ()), str(seen["threadId"])
        if _UNREAD & labels:
            return None
        if "SENT" not in labels and label not in labels:
            return await self._report(link, number) if await self._reports(link, number, thread) else None
        writers = await self._writers(link, thread) if "SENT" in labels else frozenset[str]()
        if "SENT" in labels and not writers:
            return None
        got = await self._whole(link, number, "full", "id,threadId,internalDate,payload")
        if got is None:
            return None
        part: Part = got.get("payload") or {}
        if is_report(part):
            return await self._report(link, number)
        try:
            await self._completed(link, number, part)
            message = opened(part)
            if "SENT" in labels:
                return echo(message, got, writers)
            return incoming(message, got, link.connection.address, files(part, number))
        except OmniOpsError:
            raise
        except Exception as error:  # the standard library's parser raises whatever strangers make it raise
            self._log.warning("google.mail_unreadable", error=type(error).__name__)
            return None

    async def _whole(self, link: Link, number: str, form: str, fields: str) -> dict[str, Any] | None:
        """What Gmail tells of a mail, or None where that is more than is read of one."""
        raw = bytearray()
        pieces = self._client.pieces(
            link.connection, "gmail", _at(number), Why(scope=link.scope), format=form, fields=fields
        )
        async with aclosing(pieces):
            async for piece in pieces:
                raw += piece
                if len(raw) > MOST_BYTES:
                    self._log.warning("google.mail_too_large", most=MOST_BYTES)
                    return None
        try:
            said = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise NotReady("Google answered what cannot be read.") from error
        return said if isinstance(said, dict) else None

    async def _completed(self, link: Link, number: str, part: Part) -> None:
        """Gets the words that Gmail gives only by themselves."""
        for body in lying_apart(part):
            if int(body.get("size") or 0) <= MOST_BYTES:
                where = f"{_at(number)}{path('attachments', str(body['attachmentId']))}"
                why = Why(scope=link.scope)
                said = await self._client.call(link.connection, "GET", "gmail", where, why, fields="data")
                body["data"] = said.get("data", "")

    async def _reports(self, link: Link, number: str, thread: str) -> bool:
        """Whether a mail without the label is a mail server's, in a thread in which the business answered mail that has
        it: then it may be about that answer. Of all others only labels are looked at."""
        why, fields = Why(scope=link.scope), "messages(labelIds)"
        said = await self._client.call(
            link.connection, "GET", "gmail", f"{_USER}/threads/{thread}", why, format="minimal", fields=fields
        )
        labels = {label for one in said.get("messages") or () for label in one.get("labelIds") or ()}
        if not {link.connection.label, "SENT"} <= labels:
            return False
        head = await self._client.call(
            link.connection,
            "GET",
            "gmail",
            _at(number),
            why,
            format="metadata",
            metadataHeaders="Content-Type",
            fields="payload/headers",
        )
        return is_report(head.get("payload") or {})

    async def _report(self, link: Link, number: str) -> Receipt | None:
        """What became of a mail of ours: it stands in the mail as it travelled."""
        got = await self._whole(link, number, "raw", "raw")
        try:
            return told(str(got["raw"])) if got is not None else None
        except Exception as error:  # the standard library's parser raises whatever strangers make it raise
            self._log.warning("google.report_unreadable", error=type(error).__name__)
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


async def sent(
    client: GoogleClient, connection: GoogleConnection, thread: str, key: str
) -> tuple[bool, frozenset[str]]:
    """Whether a thread is still there, and which loads of a message an earlier try sent into it."""
    try:
        said = await client.call(
            connection,
            "GET",
            "gmail",
            f"{_USER}/threads/{thread}",
            format="metadata",
            metadataHeaders=[KEY, LOAD],
            fields="messages(payload/headers)",
        )
    except Gone:
        return False, frozenset()
    loads = set[str]()
    for one in said.get("messages") or ():
        headers = (one.get("payload") or {}).get("headers") or ()
        known = {str(header.get("name", "")).casefold(): header.get("value") for header in headers}
        if known.get(KEY.casefold()) == key:
            loads.add(str(known.get(LOAD.casefold(), "0")))
    return True, frozenset(loads)


async def send(client: GoogleClient, connection: GoogleConnection, raw: str, thread: str | None) -> None:
    """Sends a mail, in its thread where there is one. Raises what the client raises."""
    body = {"raw": raw} | ({"threadId": thread} if thread else {})
    why = Why("chat.respond", (CHAT, EMAIL))
    said = await client.call(
        connection, "POST", "gmail", f"{_USER}/messages/send", why, body=body, fields="id,threadId"
    )
    if not said.get("id"):
        raise Permanent("Gmail did not say that it took the mail.")


async def content(client: GoogleClient, connection: GoogleConnection, mail: str, number: str) -> AsyncGenerator[bytes]:
    """The bytes of the part of a mail with this number, as they come. Gmail's own id of a file changes, so it is looked
    up by its part. Raises what the client raises."""
    why = Why("chat.respond", (CHAT, EMAIL))
    got = await client.call(connection, "GET", "gmail", _at(mail), why, format="full", fields="payload")
    body = body_of(got.get("payload") or {}, number)
    if body is None:
        raise Gone("The mail has no such part any more.")
    if not body.get("attachmentId"):
        yield decoded(str(body.get("data") or ""))
        return
    where = f"{_at(mail)}{path('attachments', str(body['attachmentId']))}"
    async with (
        aclosing(client.pieces(connection, "gmail", where, why, fields="data")) as pieces,
        aclosing(stream(pieces)) as file,
    ):
        async for piece in file:
            yield piece


def _at(number: str) -> str:
    return f"{_USER}{path('messages', number)}"


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
