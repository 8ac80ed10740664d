"""The crawler's way out: aiohttp, with the gate's resolver and the gate's sockets.

aiohttp asks the resolver for names and the socket factory for every address that it is about to dial, literal ones too.
Both know only what the gate admitted for this request.
"""

from __future__ import annotations

import socket
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from omniops.errors import EgressRefused, NotReachable, OmniOpsError, Rejected
from omniops.gate.addresses import parse_url
from omniops.gate.grants import Call, Closing, Grant
from omniops.gate.permits import permitted_socket
from omniops.gate.service import Admitted, Gate

CHUNK = 65536


@dataclass(frozen=True, slots=True)
class Answer:
    """A response as the crawler reads it: head now, body through `read_capped`."""

    url: str
    status: int
    headers: Mapping[str, str]
    stream: aiohttp.ClientResponse
    closing: Closing


class _Resolver(AbstractResolver):
    """Answers with the addresses that the gate admitted, and with nothing for any other name."""

    def __init__(self, admitted: dict[tuple[str, int], Admitted]) -> None:
        self._admitted = admitted

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = self._admitted.get((host, port))
        if found is None:
            raise OSError(f"{host} was not admitted")
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET6 if address.version == 6 else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in found.addresses
        ]

    async def close(self) -> None:
        return None


class Crawler:
    """GET requests to the hosts of one grant."""

    def __init__(self, gate: Gate, grant: Grant, *, user_agent: str, timeout: float = 20.0) -> None:
        self._gate = gate
        self._grant = grant
        self._admitted: dict[tuple[str, int], Admitted] = {}
        connector = aiohttp.TCPConnector(
            resolver=_Resolver(self._admitted),
            use_dns_cache=False,
            socket_factory=self._socket,
            ssl=gate.context("1.3"),
            limit=32,
            ttl_dns_cache=None,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=timeout),
            headers={"User-Agent": user_agent, "Accept-Encoding": "gzip, deflate"},
        )

    def _socket(self, info: Any) -> socket.socket:
        """Called with every address that aiohttp dials: only admitted ones get a socket that may connect."""
        family, address = info[0], info[4]
        if not any(
            address[0] == str(a) and address[1] == admitted.target.port
            for admitted in self._admitted.values()
            for a in admitted.addresses
        ):
            raise EgressRefused(f"{address[0]} was not admitted.", reason="bad_address")
        return permitted_socket(family)

    @asynccontextmanager
    async def get(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[Answer]:
        """Sends one GET; redirects are answers like any other. Raises `EgressRefused` or `NotReachable`."""
        scheme, target = parse_url(url)
        key = (target.host, target.port)
        # Admitted anew for each request, so that a name which moved to a bad address is seen at once.
        self._admitted[key] = await self._gate.admit(target.host, target.port, self._grant, plaintext=scheme == "http")
        call = Call(self._grant, target.host, target.port)
        try:
            entry = await self._gate.ledger.opened(call)
        except OmniOpsError as error:
            raise EgressRefused("The ledger cannot be written, so nothing is sent.", reason="no_ledger") from error
        # The context speaks nothing below 1.3, and there is nothing above it yet.
        closing = Closing(tls="TLSv1.3" if scheme == "https" else None, bytes_out=len(url))
        try:
            async with self._session.get(url, headers=headers, allow_redirects=False) as response:
                yield Answer(str(response.url), response.status, response.headers, response, closing)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            closing.outcome = type(error).__name__
            raise NotReachable(f"{target} failed: {_words(error)}.") from error
        except BaseException as error:
            closing.outcome = type(error).__name__
            raise
        finally:
            self._gate.ledger.closed(entry, call, closing)

    async def close(self) -> None:
        await self._session.close()


async def read_capped(answer: Answer, most_bytes: int) -> bytes:
    """The decoded body. Raises `Rejected` as soon as it, coded or decoded, is larger than `most_bytes`: a small bomb is
    never unpacked."""
    coding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if coding in ("gzip", "x-gzip"):
        decoder = zlib.decompressobj(16 + zlib.MAX_WBITS)
    elif coding == "deflate":
        decoder = zlib.decompressobj()
    elif coding in ("identity", ""):
        decoder = None
    else:
        raise Rejected(f"Content coding {coding!r} was not asked for.", code="bad_encoding")
    length = answer.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > most_bytes:
        raise Rejected(f"The page has {int(length):,} bytes; {most_bytes:,} are the limit.", code="too_large")
    body = bytearray()
    async for chunk in answer.stream.content.iter_chunked(CHUNK):
        answer.closing.bytes_in += len(chunk)
        room = most_bytes - len(body) + 1
        try:
            body += decoder.decompress(chunk, room) if decoder else chunk
        except zlib.error as error:
            raise Rejected("The page's compression is broken.", code="bad_encoding") from error
        if len(body) > most_bytes:
            raise Rejected(f"The page is larger than {most_bytes:,} bytes when unpacked.", code="too_large")
    return bytes(body)


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "its certificate is not valid"
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return "it does not speak TLS 1.3"
    if isinstance(error, aiohttp.ClientConnectorError):
        cut = isinstance(error.os_error, ConnectionResetError)
        return "the connection was cut (does it speak TLS 1.3?)" if cut else "no connection"
    return type(error).__name__
