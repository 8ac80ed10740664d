"""Real TLS servers on loopback, and a register and ledger that keep the whole contract."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import trustme
from omniops.errors import EgressRefused, NotReady
from omniops.gate.grants import Admission, Allow, Call, Closing, Grant
from omniops.gate.service import Gate

NAME = "api.vendor.example"


@dataclass
class MemoryRegister:
    """Admits the targets that it was told, by processor, host, port, purpose and categories."""

    entries: dict[tuple[str, str, int], tuple[str, frozenset[str], str]] = field(default_factory=dict)
    allows: dict[tuple[str, int], Allow] = field(default_factory=dict)
    withheld: set[UUID] = field(default_factory=set)
    """People whose data may go nowhere."""

    async def traced(self, grant: Grant) -> Grant:
        return grant

    def admit(self, grant: Grant, host: str, port: int) -> Admission:
        entry = self.entries.get((grant.processor, host, port))
        if entry is None:
            raise EgressRefused(f"{host}:{port} is not in the register for {grant.processor}.", reason="unknown_host")
        purpose, categories, tls = entry
        if grant.purpose != purpose or not set(grant.categories) <= categories:
            raise EgressRefused("Not for this purpose or category.", reason="undeclared")
        if self.withheld & set(grant.subjects):
            raise EgressRefused("Nothing covers this transfer.", reason="no_mechanism")
        return Admission(tls)

    async def allowed(self, host: str, port: int) -> Allow | None:
        return self.allows.get((host, port))


@dataclass
class MemoryLedger:
    calls: list[Call] = field(default_factory=list)
    closings: list[Closing] = field(default_factory=list)
    broken: bool = False

    async def opened(self, call: Call) -> UUID:
        if self.broken:
            raise NotReady("The ledger is away.")
        self.calls.append(call)
        return uuid4()

    def closed(self, entry: UUID, call: Call, closing: Closing) -> None:
        self.closings.append(closing)


@dataclass
class World:
    """A gate whose names resolve where a test says, and servers that count who came."""

    gate: Gate
    register: MemoryRegister
    ledger: MemoryLedger
    names: dict[str, list[str]]
    authority: trustme.CA
    hits: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def server(
        self,
        handle: Callable[[bytes], bytes | Awaitable[bytes]] = lambda head: response(b"hello"),
        *,
        name: str = NAME,
        tls: str | None = "1.3",
        certificate_for: str | None = None,
        declared: bool = True,
        declared_tls: str = "1.3",
        allow: bool = True,
    ):
        context = None
        if tls is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self.authority.issue_cert(certificate_for or name).configure_cert(context)
            version = ssl.TLSVersion.TLSv1_3 if tls == "1.3" else ssl.TLSVersion.TLSv1_2
            context.minimum_version = context.maximum_version = version

        serving = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            serving.add(asyncio.current_task())
            try:
                while head := await reader.readuntil(b"\r\n\r\n"):
                    self.hits.append(head.split(b"\r\n")[0].decode())
                    answer = handle(head)
                    writer.write(await answer if isinstance(answer, Awaitable) else answer)
                    await writer.drain()
            except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        self.names.setdefault(name, ["127.0.0.1"])
        if declared:
            self.register.entries["vendor", name, port] = (
                "chat.respond",
                frozenset({"user.content.chat"}),
                declared_tls,
            )
        if allow:
            self.register.allows[name, port] = Allow(name, port, "test", plaintext=tls is None)
        try:
            yield port
        finally:
            server.close()
            await self.gate.close()
            await asyncio.gather(*serving, return_exceptions=True)


def response(body: bytes, *, status: str = "200 OK", headers: bytes = b"") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n" % (status.encode(), len(body), headers) + body


@pytest.fixture
def world(tmp_path: Path) -> World:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    names: dict[str, list[str]] = {}
    register, ledger = MemoryRegister(), MemoryLedger()

    async def resolver(host: str, port: int):
        from ipaddress import ip_address

        if host not in names:
            raise OSError("no such name")
        return [ip_address(address) for address in names[host]]

    gate = Gate(register, ledger, ca=tmp_path / "ca.pem", resolver=resolver)
    return World(gate, register, ledger, names, authority)


@pytest.fixture
def grant() -> Grant:
    return Grant("vendor", "chat.respond", categories=("user.content.chat",))
