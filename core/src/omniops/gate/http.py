"""HTTP through the gate for plugins and SDKs: an httpx2 client whose sockets are the gate's, and whose every request is
in the ledger before it leaves. Redirects are requests of their own and are judged again."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpcore2
import httpx2

from omniops.errors import EgressRefused, NotReachable, OmniOpsError
from omniops.gate.grants import Allow, Call, Closing, Grant
from omniops.gate.service import Gate

MOST_BYTES = 50 * 1024 * 1024
"""A response may not be larger, decoded or not."""
TIMEOUT = httpx2.Timeout(15.0, connect=5.0)


@contextmanager
def _as_httpx2(request: httpx2.Request | None = None) -> Iterator[None]:
    """httpcore2's errors under the names that httpx2's users, the SDKs among them, know."""
    try:
        yield
    except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError) as error:
        known = getattr(httpx2, type(error).__name__, httpx2.TransportError)
        raise known(str(error), request=request) from error


class _Stream(httpcore2.AsyncNetworkStream):
    """httpcore2's view of a gate's socket, over asyncio streams."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            async with asyncio.timeout(timeout):
                return await self._reader.read(max_bytes)
        except TimeoutError as error:
            raise httpcore2.ReadTimeout from error
        except (OSError, ssl.SSLError) as error:
            raise httpcore2.ReadError(str(error)) from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not buffer:
            return
        try:
            async with asyncio.timeout(timeout):
                self._writer.write(buffer)
                await self._writer.drain()
        except TimeoutError as error:
            raise httpcore2.WriteTimeout from error
        except (OSError, ssl.SSLError) as error:
            raise httpcore2.WriteError(str(error)) from error

    async def aclose(self) -> None:
        self._writer.close()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                await self._writer.start_tls(ssl_context, server_hostname=server_hostname)
        except TimeoutError as error:
            self._writer.transport.abort()
            raise httpcore2.ConnectTimeout from error
        except (OSError, ssl.SSLError) as error:
            self._writer.transport.abort()
            raise httpcore2.ConnectError(str(error)) from error
        return self

    def get_extra_info(self, info: str) -> Any:
        names = {"server_addr": "peername", "client_addr": "sockname"}
        if info == "is_readable":
            return self._reader.at_eof() or self._writer.is_closing()
        return self._writer.get_extra_info(names.get(info, info))


class _Backend(httpcore2.AsyncNetworkBackend):
    """Dials through the gate and no other way. `plaintext` is known from the pool's scheme before the dial."""

    def __init__(self, gate: Gate, grant: Grant, *, plaintext: bool) -> None:
        self._gate = gate
        self._grant = grant
        self._plaintext = plaintext

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                sock = await self._gate.dial(host, port, self._grant, plaintext=self._plaintext)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout from error
        except NotReachable as error:
            raise httpcore2.ConnectError(str(error)) from error
        reader, writer = await asyncio.open_connection(sock=sock)
        return _Stream(reader, writer)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        raise EgressRefused("The gate dials hosts, not sockets of this machine.", reason="unix_socket")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class GateTransport(httpx2.AsyncBaseTransport):
    """One grant's transport. Every request: register, ledger, then the pool.

    The pools are the gate's: calls to one processor share their connections, whomever each is about. Closing the
    transport leaves them open for the next.
    """

    def __init__(self, gate: Gate, grant: Grant, *, most_bytes: int = MOST_BYTES) -> None:
        self._gate = gate
        self._grant = grant
        self._most_bytes = most_bytes

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        host, scheme = request.url.host, request.url.scheme
        port = request.url.port or (443 if scheme == "https" else 80)
        if scheme not in ("http", "https") or request.url.userinfo:
            raise EgressRefused("Only http(s) without user info leaves.", reason="bad_url")
        tls = await self._gate.least_tls(self._grant, host, port)
        allow = await self._gate.register.allowed(host, port)
        call = Call(self._grant, host, port)
        entry = await self._open(call)
        closing = Closing()
        try:
            return await self._send(request, self._pool(scheme, tls, allow), entry, call, closing)
        except BaseException as error:
            closing.outcome = type(error).__name__
            self._gate.ledger.closed(entry, call, closing)
            raise

    async def _open(self, call: Call) -> UUID:
        try:
            return await self._gate.ledger.opened(call)
        except OmniOpsError as error:
            raise EgressRefused("The ledger cannot be written, so nothing is sent.", reason="no_ledger") from error

    def _pool(self, scheme: str, tls: Any, allow: Allow | None) -> httpcore2.AsyncConnectionPool:
        # An exception that is taken back takes its connections along: without it they are dialled, and judged, anew.
        key = (self._grant.processor, self._grant.hosts, scheme, tls, allow)
        pool = self._gate.pools.get(key)
        if pool is None:
            pool = self._gate.pools[key] = httpcore2.AsyncConnectionPool(
                ssl_context=self._gate.context(tls),
                max_connections=1000,
                max_keepalive_connections=100,
                keepalive_expiry=30.0,
                # The requests of many people share a connection: each is judged by itself, above, and the connection
                # for nobody.
                network_backend=_Backend(
                    self._gate, replace(self._grant, categories=(), subjects=()), plaintext=scheme == "http"
                ),
            )
        return pool

    async def _send(
        self,
        request: httpx2.Request,
        pool: httpcore2.AsyncConnectionPool,
        entry: UUID,
        call: Call,
        closing: Closing,
    ) -> httpx2.Response:
        assert isinstance(request.stream, httpx2.AsyncByteStream)
        inner = httpcore2.Request(
            method=request.method,
            url=httpcore2.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=_counted(request.stream, closing),
            extensions=request.extensions,
        )
        with _as_httpx2(request):
            response = await pool.handle_async_request(inner)
        network = response.extensions.get("network_stream")
        tls = network.get_extra_info("ssl_object") if network is not None else None
        closing.tls = tls.version() if tls is not None else None
        stream = _Received(response.stream, self._gate, entry, call, closing, self._most_bytes)
        return httpx2.Response(
            status_code=response.status, headers=response.headers, stream=stream, extensions=response.extensions
        )


async def _counted(stream: httpx2.AsyncByteStream, closing: Closing) -> AsyncIterator[bytes]:
    async for chunk in stream:
        closing.bytes_out += len(chunk)
        yield chunk


class _Received(httpx2.AsyncByteStream):
    """A response's bytes as they come, counted and capped; closing it closes the ledger's entry."""

    def __init__(self, stream: Any, gate: Gate, entry: UUID, call: Call, closing: Closing, most_bytes: int) -> None:
        self._stream = stream
        self._gate = gate
        self._entry = entry
        self._call = call
        self._closing = closing
        self._most_bytes = most_bytes
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            with _as_httpx2():
                async for chunk in self._stream:
                    self._closing.bytes_in += len(chunk)
                    if self._closing.bytes_in > self._most_bytes:
                        raise EgressRefused("The answer is larger than the gate takes.", reason="too_large")
                    yield chunk
        except BaseException as error:
            self._closing.outcome = type(error).__name__
            raise

    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._gate.ledger.closed(self._entry, self._call, self._closing)
        await self._stream.aclose()


def client(gate: Gate, grant: Grant) -> httpx2.AsyncClient:
    """A client for one grant. It takes no proxy and no credentials from the environment and follows no redirect by
    itself. Vendors' SDKs take it as their `http_client`."""
    return httpx2.AsyncClient(
        transport=GateTransport(gate, grant), timeout=TIMEOUT, follow_redirects=False, trust_env=False
    )
