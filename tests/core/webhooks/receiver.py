"""A receiver of a business: a real HTTPS server on loopback that keeps what it is sent and answers as it is told."""

import asyncio
import json
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from omniops.gate.grants import Allow

OK = b"HTTP/1.1 204 No Content\r\n\r\n"
NEVER = object()
"""An answer that does not come."""


def answer(status, headers=b""):
    return b"HTTP/1.1 %d Said\r\nContent-Length: 0\r\n%s\r\n" % (status, headers)


@dataclass
class Posted:
    path: str
    headers: dict
    body: bytes

    @property
    def kind(self):
        return json.loads(self.body)["type"]

    @property
    def data(self):
        return json.loads(self.body)["data"]


@dataclass
class Receiver:
    url: str = ""
    answers: list = field(default_factory=list)
    """What the next posts are answered with; after them, 204."""
    posts: list = field(default_factory=list)

    def kinds(self):
        return [post.kind for post in self.posts]

    async def take(self, reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
            raw = dict(line.split(": ", 1) for line in head[1:] if ": " in line)
            headers |= {name.lower(): value for name, value in raw.items()}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.posts.append(Posted(head[0].split()[1], headers, body))
            said = self.answers.pop(0) if self.answers else OK
            if said is NEVER:
                await reader.read()
            else:
                writer.write(said)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving(runtime, authority, *, tls=ssl.TLSVersion.TLSv1_3, allow=True):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = context.maximum_version = tls
    authority.issue_cert("127.0.0.1").configure_cert(context)
    receiver = Receiver()
    server = await asyncio.start_server(receiver.take, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    receiver.url = f"https://127.0.0.1:{port}/hooks"
    if allow:
        await runtime.allows.add(Allow("127.0.0.1", port, "the test's receiver"))
    try:
        yield receiver
    finally:
        server.close()
        await server.wait_closed()
