"""A mailbox, read-only, over a socket of the gate: the standard library's client, each command in a thread."""

from __future__ import annotations

import asyncio
import imaplib
import re
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from omniops import Health, PluginContext
from omniops.contracts.integration import Integration
from omniops.errors import EgressRefused, NotReachable, NotReady, Reconnect
from pydantic import BaseModel

from omniops_mail.settings import Mailbox, MailSettings

IMAP = "mail-imap"
"""Key of the processor."""
AGAIN_DAYS = 7
"""How far back is read where the server gave all mail new numbers. What was taken before is recognised."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """How far a folder was read. Numbers hold only as long as the folder's UIDVALIDITY does (RFC 3501, 2.3.1.1)."""

    validity: int
    uid: int

    def at(self, uid: int) -> Place:
        return replace(self, uid=uid)

    def __str__(self) -> str:
        return f"{self.validity}:{self.uid}"


class _Client(imaplib.IMAP4):
    def __init__(self, sock: ssl.SSLSocket) -> None:
        self._given = sock
        super().__init__()

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return self._given


class Session:
    """One signed-in connection."""

    def __init__(self, client: _Client, today: Callable[[], datetime]) -> None:
        self._client = client
        self._today = today

    async def begin(self, folder: str, cursor: str | None) -> Place:
        """Opens the folder. Without a cursor, reading begins with the next mail that comes."""
        await asyncio.to_thread(self._ok, self._client.select, _quoted(folder), readonly=True)
        validity, following = self._number("UIDVALIDITY"), self._number("UIDNEXT")
        if cursor is None:
            return Place(validity, following - 1)
        before, _, uid = cursor.partition(":")
        if int(before) == validity:
            return Place(validity, int(uid))
        since = (self._today() - timedelta(days=AGAIN_DAYS)).strftime("%d-%b-%Y")
        recent = await self._search("SINCE", since)
        return Place(validity, recent[0] - 1 if recent else following - 1)

    async def newer(self, place: Place) -> list[int]:
        """The numbers of all mail behind a place, in order."""
        # `n:*` always names the last mail, even when its number is smaller than n.
        return [uid for uid in await self._search("UID", f"{place.uid + 1}:*") if uid > place.uid]

    async def fetch(self, uid: int, most_bytes: int) -> bytes | None:
        """A whole mail, without marking it as read. None for one that is too large or was deleted meanwhile."""
        sizes = await asyncio.to_thread(self._ok, self._client.uid, "FETCH", str(uid), "(RFC822.SIZE)")
        size = re.search(rb"RFC822\.SIZE (\d+)", sizes[0]) if isinstance(sizes[0], bytes) else None
        if size is None or int(size[1]) > most_bytes:
            return None
        found = await asyncio.to_thread(self._ok, self._client.uid, "FETCH", str(uid), "(BODY.PEEK[])")
        return next((part[1] for part in found if isinstance(part, tuple)), None)

    async def _search(self, *criteria: str) -> list[int]:
        (found,) = await asyncio.to_thread(self._ok, self._client.uid, "SEARCH", *criteria)
        return sorted(int(uid) for uid in (found or b"").split())

    def _number(self, code: str) -> int:
        found = self._client.response(code)[1][0]
        if found is None:
            raise NotReady(f"The IMAP host says no {code} of the folder.")
        return int(found)

    @staticmethod
    def _ok(command: Callable[..., tuple[str, list[Any]]], *arguments: Any, **options: Any) -> list[Any]:
        state, found = command(*arguments, **options)
        if state != "OK":
            raise NotReady("The IMAP host did not do what it was asked.")
        return found


@asynccontextmanager
async def session(context: PluginContext, mailbox: Mailbox) -> AsyncIterator[Session]:
    """A signed-in connection. Raises `Reconnect` for refused credentials, `NotReady` whenever the host breaks off."""
    settings: MailSettings = context.settings
    assert settings.imap_host is not None
    try:
        async with context.gate.dial(IMAP, settings.imap_host, settings.imap_port, purpose="connection.use") as sock:
            client = await asyncio.to_thread(_Client, sock)
            try:
                await asyncio.to_thread(_sign_in, client, mailbox)
                yield Session(client, context.clock.now)
            finally:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)  # wakes a thread that still reads
                await asyncio.to_thread(client.shutdown)
    except (imaplib.IMAP4.error, OSError, NotReachable) as error:
        raise NotReady(f"The IMAP host broke off: {type(error).__name__}.") from error


def _sign_in(client: _Client, mailbox: Mailbox) -> None:
    try:
        client.login(mailbox.user, mailbox.password.get_secret_value())
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error as error:
        if "[UNAVAILABLE]" in str(error):
            raise NotReady("The IMAP host takes nobody in now.") from error
        raise Reconnect("The IMAP host refused user or password.") from error


def _quoted(folder: str) -> str:
    """A folder's name as IMAP wants it: in quotes, in its own variant of UTF-7 (RFC 3501, 5.1.3)."""
    encoded = re.sub(
        r"&|[^\x20-\x7e]+",
        lambda found: "&-" if found[0] == "&" else _utf7(found[0]),
        folder,
    )
    return '"' + encoded.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _utf7(text: str) -> str:
    return text.encode("utf-7").decode().replace("/", ",").replace("+", "&", 1)


class IMAPIntegration(Integration):
    """Tries a mailbox before it is saved."""

    name = "mail"
    title = "E-mail"
    processor = IMAP

    def __init__(self, context: PluginContext) -> None:
        self._context = context

    async def check(self, connection: BaseModel) -> Health:
        assert isinstance(connection, Mailbox)
        try:
            async with session(self._context, connection) as imap:
                await imap.begin(connection.folder, None)
        except EgressRefused as error:
            return Health(False, str(error))
        except NotReady as error:
            return Health(False, f"{error} Is there a folder {connection.folder!r}?")
        return Health(True, f"Signed in and opened {connection.folder!r}.")
