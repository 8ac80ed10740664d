"""A vendor's server on loopback, over real TLS, that answers as a test says: in time, slowly, brokenly, or not at all.

It also sees what a test must know and no clock can tell: which requests came, and that the other side left.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from inspect import isawaitable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import trustme

HOST = "upstream.test"
"""The server's name. A test's resolver leads it to this machine."""
TASK = "omniops-upstream"
"""Name of the server's own tasks, so that nobody takes them for something that a plugin left behind."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Says nothing for so many seconds, then goes on."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Stall:
    """Says nothing more and keeps the connection until the other side leaves."""


@dataclass(frozen=True, slots=True)
class Endless:
    """Says the same again and again until the other side leaves."""

    chunk: bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """Resets the connection."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """Closes the connection politely, in the middle of the body."""


Step = bytes | Pause | Stall | Endless | Cut | HangUp


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request gets. Each piece of bytes is a chunk of its own; after the last step the body ends well.

    `before` happens before the status line. A fault there is one that came before the first byte.
    """

    steps: Sequence[Step] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    before: Sequence[Step] = ()

    @classmethod
    def json(cls, value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
        return cls([json.dumps(value).encode()], status, {"Content-Type": "application/json", **(headers or {})})


@dataclass(slots=True)
class Exchange:
    """One request, and `left`: set when the other side went before the answer was over."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    left: asyncio.Event = field(default_factory=asyncio.Event)

    def json(self) -> Any:
        return json.loads(self.body)


Decides = Callable[[Exchange], Answer | Awaitable[Answer]]


class Upstream:
    """The server. `answer` is what every request gets from now on, or a function that decides it; an async one may ask
    somebody else first, as vendors do who try an address before they note it."""

    def __init__(self, answer: Answer | Decides) -> None:
        self.answer = answer
        self.exchanges: list[Exchange] = []
        self.connections = 0
        self.came = asyncio.Event()
        """A request came in whole."""
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"

    @classmethod
    @asynccontextmanager
    async def open(cls, answer: Answer | Decides) -> AsyncIterator[Upstream]:
        made = cls(answer)
        loop = asyncio.get_running_loop()
        made._server = await loop.create_server(made._protocol, "127.0.0.1", 0, ssl=_context())
        made.port = made._server.sockets[0].getsockname()[1]
        try:
            yield made
        finally:
            await made.close()

    async def close(self) -> None:
        """Answers nobody any more."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _protocol(self) -> asyncio.StreamReaderProtocol:
        reader = _Reader()
        return asyncio.StreamReaderProtocol(reader, lambda _, writer: self._connected(reader, writer))

    def _connected(self, reader: _Reader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.create_task(self._serve(reader, writer), name=TASK)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: _Reader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(asyncio.IncompleteReadError, OSError):
                while True:
                    exchange = await _read(reader)
                    self.exchanges.append(exchange)
                    self.came.set()
                    decided = self.answer(exchange) if callable(self.answer) else self.answer
                    answer = await decided if isawaitable(decided) else decided
                    if not await _unless_gone(reader, exchange, _say(answer, writer)):
                        return
        finally:
            writer.transport.abort()


class _Reader(asyncio.StreamReader):
    """Knows at once that the other side left, although nobody reads."""

    def __init__(self) -> None:
        super().__init__()
        self.gone = asyncio.Event()

    def feed_eof(self) -> None:
        self.gone.set()
        super().feed_eof()

    def set_exception(self, exc: Exception) -> None:
        self.gone.set()
        super().set_exception(exc)


async def _unless_gone(reader: _Reader, exchange: Exchange, saying: Any) -> bool:
    """Says the answer, and stops where the other side leaves. Whether the connection can be used again."""
    said = asyncio.create_task(saying, name=TASK)
    gone = asyncio.create_task(reader.gone.wait(), name=TASK)
    try:
        await asyncio.wait({said, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not said.done() or (said.exception() is not None):
            exchange.left.set()
            return False
        return said.result() is True
    finally:
        said.cancel()
        gone.cancel()
        await asyncio.gather(said, gone, return_exceptions=True)


async def _say(answer: Answer, writer: asyncio.StreamWriter) -> bool:
    for step in answer.before:
        if not await _step(step, writer):
            return False
    bare = answer.status == 204  # has no body, not even an empty one (RFC 9110, 15.3.5)
    framed = {} if bare else {"Transfer-Encoding": "chunked"}
    headers = {"Content-Type": "text/event-stream", **answer.headers, **framed}
    lines = [f"HTTP/1.1 {answer.status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    for step in answer.steps:
        if not await _step(step, writer):
            return False
    if not bare:
        writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


async def _step(step: Step, writer: asyncio.StreamWriter) -> bool:
    """Does one step. Whether there is a connection left for the next."""
    match step:
        case bytes():
            await _chunk(step, writer)
        case Pause(seconds):
            await asyncio.sleep(seconds)
        case Stall():
            await asyncio.Event().wait()
        case Endless(chunk):
            while True:
                await _chunk(chunk, writer)
                await asyncio.sleep(0)
        case Cut():
            writer.transport.abort()
            return False
        case HangUp():
            await writer.drain()
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            return False
    return True


async def _chunk(data: bytes, writer: asyncio.StreamWriter) -> None:
    if data:
        writer.write(b"%x\r\n%s\r\n" % (len(data), data))
        await writer.drain()


async def _read(reader: asyncio.StreamReader) -> Exchange:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readexactly(2)
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Exchange(method, path, headers, body)


@cache
def _authority() -> trustme.CA:
    import trustme

    return trustme.CA()


def write_authority(path: Path) -> Path:
    """The certificate of the authority that the server's own is signed by, as a file."""
    _authority().cert_pem.write_to_path(str(path))
    return path


@cache
def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    _authority().issue_cert(HOST).configure_cert(context)
    return context
