"""An HTTP proxy on loopback for a program that dials by itself, such as a browser: the gate's rules, for one grant.

The program is started with this proxy and no other way out. Each request is admitted like any other call (own hosts,
address guard, TLS 1.3), and is in the ledger before it leaves; what is refused is in the ledger too, once per target.
Only reading is let through where it can be seen: GET and HEAD. In a tunnel nothing but TLS 1.3 is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from omniops.errors import EgressRefused, NotReachable, OmniOpsError
from omniops.gate.addresses import parse_url
from omniops.gate.grants import Call, Closing, Grant
from omniops.gate.service import Gate

LONGEST_HEAD = 64 * 1024
MOST_BYTES = 50 * 1024 * 1024
"""Of one connection, in either direction."""
LONGEST = 60.0
"""Seconds that one connection lasts."""
CHUNK = 65536
_HANDSHAKE, _SERVER_HELLO, _SUPPORTED_VERSIONS = 22, 2, 43
_TLS_1_3 = b"\x03\x04"
_HOP = ("proxy-", "connection", "keep-alive", "te", "upgrade")
"""Headers for the next hop only, by how they begin."""


@asynccontextmanager
async def loopback_proxy(gate: Gate, grant: Grant) -> AsyncIterator[str]:
    """Serves until the context ends. Gives the proxy's URL, `http://127.0.0.1:PORT`."""
    proxy = _Proxy(gate, grant)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, limit=LONGEST_HEAD)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await proxy.close()


class _Proxy:
    """The connections of one grant."""

    def __init__(self, gate: Gate, grant: Grant) -> None:
        self._gate = gate
        self._grant = grant
        self._refused: set[tuple[str, int]] = set()
        self._running: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            async with asyncio.timeout(LONGEST):
                head = await reader.readuntil(b"\r\n\r\n")
                await self._answer(head, reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the browser, or the site, went away
        finally:
            self._running.discard(task)
            writer.close()

    async def close(self) -> None:
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _answer(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, *headers = head.decode("latin-1").split("\r\n")
        method, _, rest = line.partition(" ")
        target = rest.rpartition(" ")[0]
        tunnel = method == "CONNECT"
        try:
            _, found = parse_url(f"https://{target}" if tunnel else target)
            call = Call(self._grant, found.host, found.port)
        except EgressRefused as error:
            await self._refuse(writer, Call(self._grant, target[:253], 0), error)
            return
        try:
            if not tunnel and method not in ("GET", "HEAD"):
                raise EgressRefused(f"{method} does more than read.", reason="not_reading")
            admitted = await self._gate.admit(call.host, call.port, self._grant, plaintext=not tunnel)
            entry = await self._opened(call)
        except (EgressRefused, NotReachable) as error:
            await self._refuse(writer, call, error)
            return
        closing = Closing()
        try:
            sock = await self._gate.connect(admitted)
            there, out = await asyncio.open_connection(sock=sock)
            try:
                if tunnel:
                    await _tunnel(reader, writer, there, out, closing)
                else:
                    out.write(_request(method, target, headers))
                    await _while_listened_to(reader, _page(there, writer, closing, head=method == "HEAD"))
            finally:
                out.close()
        except BaseException as error:
            closing.outcome = getattr(error, "reason", None) or type(error).__name__
            if not isinstance(error, EgressRefused | NotReachable):
                raise
            if not tunnel:
                await _say(writer, 502)
        finally:
            self._gate.ledger.closed(entry, call, closing)

    async def _opened(self, call: Call) -> UUID:
        try:
            return await self._gate.ledger.opened(call)
        except OmniOpsError as error:
            raise EgressRefused("The ledger cannot be written, so nothing is sent.", reason="no_ledger") from error

    async def _refuse(self, writer: asyncio.StreamWriter, call: Call, error: EgressRefused | NotReachable) -> None:
        """Nothing was sent, and the ledger says so."""
        if (call.host, call.port) not in self._refused:
            self._refused.add((call.host, call.port))
            with suppress(EgressRefused):
                entry = await self._opened(call)
                reason = error.reason if isinstance(error, EgressRefused) else type(error).__name__
                self._gate.ledger.closed(entry, call, Closing(outcome=reason))
        await _say(writer, 403 if isinstance(error, EgressRefused) else 502)


async def _say(writer: asyncio.StreamWriter, status: int) -> None:
    writer.write(f"HTTP/1.1 {status} Refused by the gate\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
    await writer.drain()


def _request(method: str, url: str, headers: list[str]) -> bytes:
    """The request as the site gets it: a path in place of the URL, nothing that was meant for the proxy."""
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _head(f"{method} {path} HTTP/1.1", headers)


def _head(line: str, headers: list[str]) -> bytes:
    """One exchange per connection, so that each is a call of its own in the ledger."""
    kept = [header for header in headers if header and not header.lower().startswith(_HOP)]
    return "\r\n".join([line, *kept, "Connection: close", "", ""]).encode("latin-1")


async def _page(there: asyncio.StreamReader, writer: asyncio.StreamWriter, closing: Closing, *, head: bool) -> None:
    """The site's answer, to its end."""
    line, *headers = (await there.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    writer.write(_head(line, headers))
    length = next((h.partition(":")[2].strip() for h in headers if h.lower().startswith("content-length:")), "")
    if head or line.split(" ")[1:2] in (["204"], ["304"]):
        length = "0"
    await _relay(there, writer, closing, counted="bytes_in", most=int(length) if length.isdigit() else None)
    await writer.drain()


async def _while_listened_to(reader: asyncio.StreamReader, work: Coroutine[Any, Any, None]) -> None:
    """Does the work as long as somebody is there."""
    doing, gone = asyncio.create_task(work), asyncio.create_task(reader.read())
    await _first(doing, gone)


async def _first(*tasks: asyncio.Task[Any]) -> None:
    """Waits for the first of these to end, and ends the others."""
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _tunnel(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    there: asyncio.StreamReader,
    out: asyncio.StreamWriter,
    closing: Closing,
) -> None:
    """Carries TLS 1.3 and nothing else, of which the first record of either side is the proof."""
    writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
    await writer.drain()
    hello = await _record(reader)
    if hello[0] != _HANDSHAKE:
        raise EgressRefused("This is no TLS.", reason="plaintext")
    out.write(hello)
    reply = await _record(there)
    if not _agrees_on_1_3(reply):
        raise EgressRefused("The site does not speak TLS 1.3.", reason="tls")
    closing.tls = "TLSv1.3"
    writer.write(reply)
    await _first(
        asyncio.create_task(_relay(reader, out, closing, counted="bytes_out")),
        asyncio.create_task(_relay(there, writer, closing, counted="bytes_in")),
    )


async def _record(reader: asyncio.StreamReader) -> bytes:
    """The first TLS record, or the first bytes of what is none of a handshake."""
    head = await reader.readexactly(5)
    if head[0] != _HANDSHAKE:
        return head
    return head + await reader.readexactly(min(int.from_bytes(head[3:5], "big"), 1 << 14))


def _agrees_on_1_3(record: bytes) -> bool:
    """Whether a server's first record is a ServerHello that chooses TLS 1.3 (RFC 8446, section 4.1.3)."""
    body = record[5:]
    if record[0] != _HANDSHAKE or not body or body[0] != _SERVER_HELLO:
        return False
    at = 4 + 2 + 32  # handshake header, legacy version, random
    at += 1 + body[at] if at < len(body) else 0  # session id
    at += 2 + 1 + 2  # cipher suite, compression, length of the extensions
    while at + 4 <= len(body):
        kind, size = int.from_bytes(body[at : at + 2], "big"), int.from_bytes(body[at + 2 : at + 4], "big")
        if kind == _SUPPORTED_VERSIONS:
            return body[at + 4 : at + 4 + size] == _TLS_1_3
        at += 4 + size
    return False


async def _relay(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    closing: Closing,
    *,
    counted: str,
    most: int | None = None,
) -> None:
    """Carries what comes, `most` bytes of it or until the other side ends."""
    left = most
    while left != 0 and (chunk := await reader.read(CHUNK if left is None else min(CHUNK, left))):
        left = None if left is None else left - len(chunk)
        size = getattr(closing, counted) + len(chunk)
        setattr(closing, counted, size)
        if size > MOST_BYTES:
            raise EgressRefused("The answer is larger than the gate takes.", reason="too_large")
        writer.write(chunk)
        await writer.drain()
