"""The proxy for programs that dial by themselves: the gate's rules hold there too, and what is refused is on record."""

import asyncio
import ssl
from contextlib import asynccontextmanager
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from omniops.contracts.scope import Scope
from omniops.gate.grants import Allow, Grant
from omniops.gate.proxy import loopback_proxy

NAME = "shop.example"
SCOPE = Scope(UUID(int=1), UUID(int=2))
HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@pytest.fixture
async def proxy(world):
    async with loopback_proxy(world.gate, Grant.own_site(SCOPE, frozenset({NAME}))) as url:
        yield urlsplit(url).port


@asynccontextmanager
async def connected(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


def declare(world, port, *, name=NAME, plaintext=False, allow=True):
    world.register.entries["own-site", name, port] = ("knowledge.crawl", frozenset(), "1.3")
    if allow:
        world.register.allows[name, port] = Allow(name, port, "test", plaintext)


async def asked(port, request):
    """The status of the proxy's answer, and the rest."""
    async with connected(port) as (reader, writer):
        writer.write(request.encode())
        answer = await reader.read()
    return int(answer.split(b" ")[1]), answer


async def test_a_page_comes_through_with_an_entry_in_the_ledger(world, proxy):
    heads = []

    def page(head):
        heads.append(head)
        return HELLO

    async with world.server(page, name=NAME, tls=None) as port:
        declare(world, port, plaintext=True)
        request = f"GET http://{NAME}:{port}/a?b=1 HTTP/1.1\r\nHost: {NAME}\r\nProxy-Connection: x\r\n\r\n"
        status, answer = await asked(proxy, request)
    assert status == 200
    assert answer.endswith(b"hello")
    assert heads[0].startswith(b"GET /a?b=1 HTTP/1.1\r\n")
    assert b"proxy" not in heads[0].lower()
    assert [call.host for call in world.ledger.calls] == [NAME]
    assert world.ledger.closings[0].outcome == "ok"


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("http://other.example/", "unknown_host"),
        ("http://127.0.0.1:{port}/", "unknown_host"),
        ("http://2130706433:{port}/", "bad_host"),
        ("http://localhost:{port}/", "unknown_host"),
        (f"http://{NAME}:{{port}}/", "plaintext"),
        ("file:///etc/passwd", "bad_scheme"),
        ("/no-proxy-request", "bad_scheme"),
    ],
)
async def test_what_is_not_the_sites_own_is_refused_and_recorded_once(world, proxy, target, reason):
    async with world.server(name=NAME, tls=None, declared=False, allow=False) as port:
        declare(world, port, allow=False)
        for _ in range(2):
            status, _ = await asked(proxy, f"GET {target.format(port=port)} HTTP/1.1\r\n\r\n")
            assert status == 403
    assert world.hits == []
    assert [closing.outcome for closing in world.ledger.closings].count(reason) + (reason == "unknown_host") >= 1
    assert len(world.ledger.calls) == 1


async def test_a_name_of_the_site_that_leads_inside_is_refused(world, proxy):
    async with world.server(name=NAME, declared=False, allow=False) as port:
        declare(world, port, allow=False)
        status, _ = await asked(proxy, f"CONNECT {NAME}:{port} HTTP/1.1\r\n\r\n")
    assert status == 403
    assert world.hits == []
    assert world.ledger.closings[0].outcome == "bad_address"


async def test_only_reading_is_let_through(world, proxy):
    async with world.server(name=NAME, tls=None) as port:
        declare(world, port, plaintext=True)
        for method in ("POST", "PUT", "DELETE"):
            assert (await asked(proxy, f"{method} http://{NAME}:{port}/ HTTP/1.1\r\n\r\n"))[0] == 403
    assert world.hits == []


async def test_nothing_is_sent_that_the_ledger_cannot_hold(world, proxy):
    world.ledger.broken = True
    async with world.server(name=NAME, tls=None) as port:
        declare(world, port, plaintext=True)
        assert (await asked(proxy, f"GET http://{NAME}:{port}/ HTTP/1.1\r\n\r\n"))[0] == 403
    assert world.hits == []


async def through_tunnel(world, proxy, port):
    """A page by TLS through the proxy, as a browser asks for it."""
    context = ssl.create_default_context()
    world.authority.configure_trust(context)
    async with connected(proxy) as (reader, writer):
        writer.write(f"CONNECT {NAME}:{port} HTTP/1.1\r\n\r\n".encode())
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        await writer.start_tls(context, server_hostname=NAME)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        return await reader.readexactly(5)


async def test_a_tunnel_carries_tls_1_3(world, proxy):
    async with world.server(name=NAME) as port:
        declare(world, port)
        assert await through_tunnel(world, proxy, port) == b"hello"


async def test_a_tunnel_carries_no_older_tls_and_nothing_else(world, proxy):
    async with world.server(name=NAME, tls="1.2") as port:
        declare(world, port)
        with pytest.raises((OSError, ssl.SSLError, asyncio.IncompleteReadError)):
            await through_tunnel(world, proxy, port)
    async with world.server(name=NAME, tls=None) as port:
        declare(world, port)
        async with connected(proxy) as (reader, writer):
            writer.write(f"CONNECT {NAME}:{port} HTTP/1.1\r\n\r\n".encode())
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert await reader.read() == b""
    assert world.hits == []
    assert {closing.outcome for closing in world.ledger.closings} == {"tls", "plaintext"}


async def test_the_end_of_the_context_ends_what_runs(world):
    async with world.server(name=NAME) as port:
        declare(world, port)
        async with loopback_proxy(world.gate, Grant.own_site(SCOPE, frozenset({NAME}))) as url:
            reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
            writer.write(f"CONNECT {NAME}:{port} HTTP/1.1\r\n\r\n".encode())
            await reader.readuntil(b"\r\n\r\n")
        assert await reader.read() == b""
        writer.close()
