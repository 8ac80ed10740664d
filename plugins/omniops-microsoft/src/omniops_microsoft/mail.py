"""The mailbox: what is new in the chosen folder, and what a mail says."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from typing import Any

from omniops import PluginContext
from omniops.contracts.channel import MediaLink, Receipt
from omniops.contracts.integration import Link, Step
from omniops.contracts.webhook import Arrived, Event

from omniops_microsoft.client import CHAT, EMAIL, IMMUTABLE, Gone, Graph, Why, part, text, values
from omniops_microsoft.reading import file_of, incoming, is_report, told
from omniops_microsoft.webhooks import MAIL, mail_event

FIELDS = (
    "id,parentFolderId,conversationId,internetMessageId,internetMessageHeaders,subject,from,replyTo,toRecipients,"
    "ccRecipients,receivedDateTime,isDraft,hasAttachments,uniqueBody,body"
)
"""All that is ever asked of a mail."""
FILE_FIELDS = "id,name,contentType,size,isInline"
"""All that is asked of a file before core wants it: without this, Graph sends the bytes along."""
MOST_REPORT = 5 * 2**20
"""Bytes of a report that are read; a larger one says nothing here."""
AS_TEXT = 'outlook.body-content-type="text"'
PAGE = "odata.maxpagesize=50"
SINCE, FOLDER, FOLDER_ID = "since", "folder", "folder_id"
"""Names in the link's memory: from when on mail is answered, and which folder that is."""
EARLIER = timedelta(days=1)
"""How far back it is looked where notices were lost."""
LONGEST = timedelta(days=7)
"""How far back it is looked where Graph forgot how far we were: older mail was seen, or is for a person."""
_STAMP = "%Y-%m-%dT%H:%M:%SZ"


class Mailbox:
    """Reads the mail of the chosen folder that came since it was chosen."""

    def __init__(self, context: PluginContext, graph: Graph) -> None:
        self._clock = context.clock
        self._log = context.log
        self._graph = graph

    async def begin(self, link: Link) -> None:
        """Notes from when on mail is answered, anew where another folder was chosen or the feature was off: what came
        before is nobody's business."""
        folder = link.connection.folder
        if MAIL not in link.features:
            await link.remember({FOLDER: None, FOLDER_ID: None, SINCE: None})
            return
        if link.memory.get(FOLDER) == folder:
            return
        identity = await self._folder(link)
        since = self._clock.now().strftime(_STAMP)
        await link.remember({FOLDER: folder, FOLDER_ID: identity, SINCE: since})

    async def changes(self, link: Link, cursor: str | None) -> AsyncIterator[Step]:
        """What is new, as events. The cursor is a mark of the folder and of since when, and Graph's link to the next
        changes, as it gave it; one that Graph forgot (410), or that has another mark, is begun anew."""
        begun = f"{link.connection.folder} {link.memory.get(SINCE, '')}"
        mark = hashlib.sha256(begun.encode()).hexdigest()[:8]
        before, _, at = (cursor or "").partition(" ")
        if before != mark:
            at = ""
        try:
            async for step in self._from(link, mark, at):
                yield step
        except Gone:
            if not at:
                raise
            async for step in self._from(link, mark, ""):
                yield step

    async def lost(self, link: Link) -> Sequence[Arrived]:
        """What came lately, for when notices were lost: what was told already is the same event."""
        if MAIL not in link.features:
            return ()
        return [one async for step in self._from(link, "", "", EARLIER) for one in step.heard]

    async def read(self, event: Event, link: Link) -> Sequence[Arrived]:
        """A mail as it is now, or what a report says of one of ours. Nothing for one that is gone, is older, lies
        elsewhere by now, or wants no answer."""
        if MAIL not in link.features:
            return ()
        why = Why("connection.use", (EMAIL, CHAT), scope=link.scope)
        try:
            mail = await self._graph.call(
                link.connection,
                "GET",
                f"/me/messages/{part(event.data['message'])}",
                why,
                query={"$select": FIELDS},
                prefer=(IMMUTABLE, AS_TEXT),
            )
        except Gone:
            return ()
        chosen = link.memory.get(FOLDER_ID) if link.memory.get(FOLDER) == link.connection.folder else None
        if text(mail, "parentFolderId") != (chosen or await self._folder(link)):
            return ()
        if text(mail, "receivedDateTime") < link.memory.get(SINCE, ""):  # an old one that was moved here
            return ()
        try:
            if is_report(mail):
                receipt = await self._reported(link, mail, why)
                return [Arrived(receipt)] if receipt is not None else ()
            heard = incoming(mail, link.connection.address)
            if heard is not None and mail.get("hasAttachments"):
                heard = replace(heard, media=await self._files(link, mail, why))
        except Gone:
            return ()
        return [Arrived(heard)] if heard is not None and (heard.text or heard.media) else ()

    async def _files(self, link: Link, mail: Mapping[str, Any], why: Why) -> Sequence[MediaLink]:
        """The files of a mail, without their bytes. Pictures within its text, mails and links to files are none."""
        at, identity = f"/me/messages/{part(text(mail, 'id'))}/attachments", text(mail, "id")
        found = self._graph.items(link.connection, at, why, query={"$select": FILE_FIELDS}, prefer=(IMMUTABLE,))
        return [file async for one in found if (file := file_of(one, identity)) is not None]

    async def _reported(self, link: Link, mail: Mapping[str, Any], why: Why) -> Receipt | None:
        """What became of a mail of ours: it stands in the mail as it travelled (MIME), not in its properties."""
        raw, at = bytearray(), f"/me/messages/{part(text(mail, 'id'))}/$value"
        async with aclosing(self._graph.content(link.connection, at, why, prefer=(IMMUTABLE,))) as pieces:
            async for piece in pieces:
                raw += piece
                if len(raw) > MOST_REPORT:
                    return None
        try:
            return told(bytes(raw))
        except Exception as error:  # the standard library's parser raises whatever strangers make it raise
            self._log.warning("microsoft.report_unreadable", bytes=len(raw), error=type(error).__name__)
            return None

    async def _from(self, link: Link, mark: str, at: str, back: timedelta = LONGEST) -> AsyncIterator[Step]:
        query = None
        if not at:
            oldest = (self._clock.now() - back).strftime(_STAMP)
            since = max(link.memory.get(SINCE) or self._clock.now().strftime(_STAMP), oldest)
            at = f"/me/mailFolders/{part(link.connection.folder)}/messages/delta"
            query = {"changeType": "created", "$select": "id", "$filter": f"receivedDateTime ge {since}"}
        done = 0
        why = Why(scope=link.scope)
        async for page in self._graph.pages(link.connection, at, why, query=query, prefer=(IMMUTABLE, PAGE)):
            heard = [mail_event(text(one, "id")) for one in values(page) if text(one, "id") and "@removed" not in one]
            done += len(heard)
            after = text(page, "@odata.nextLink") or text(page, "@odata.deltaLink")
            if f"{mark} {after}" != f"{mark} {at}" or heard:
                yield Step(f"{mark} {after}", heard=heard, done=done)

    async def _folder(self, link: Link) -> str:
        """The folder's id: `inbox` is a name for one."""
        at = f"/me/mailFolders/{part(link.connection.folder)}"
        said = await self._graph.call(link.connection, "GET", at, Why(scope=link.scope), query={"$select": "id"})
        return text(said, "id")
