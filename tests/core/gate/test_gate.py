"""Nothing leaves but to a declared host, at a good address, over TLS 1.3, with an entry in the ledger first."""

import asyncio
import gzip
import zlib
from dataclasses import replace
from uuid import UUID

import httpx2
import pytest
from omniops.contracts.ids import new_id
from omniops.contracts.scope import Scope
from omniops.errors import EgressRefused, NotReachable, Rejected
from omniops.gate.crawl import Crawler, read_capped
from omniops.gate.grants import Allow, Grant
from omniops.gate.http import client

NAME = "api.vendor.example"


def response(body, *, status="200 OK", headers=b""):
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n" % (status.encode(), len(body), headers) + body


async def get(world, grant, url):
    async with client(world.gate, grant) as http:
        return await http.get(url)


async def test_a_declared_call_passes_and_is_in_the_ledger_with_its_version(world, grant):
    async with world.server() as port:
        answer = await get(world, grant, f"https://{NAME}:{port}/v1")
    assert answer.text == "hello"
    assert [(c.host, c.port, c.grant.purpose) for c in world.ledger.calls] == [(NAME, port, "chat.respond")]
    assert world.ledger.closings[0].tls == "TLSv1.3"
    assert world.ledger.closings[0].bytes_in == 5
    assert world.ledger.closings[0].outcome == "ok"


async def test_every_request_of_a_kept_connection_is_an_entry(world, grant):
    async with world.server() as port, client(world.gate, grant) as http:
        for _ in range(3):
            await http.post(f"https://{NAME}:{port}/v1", content=b"x" * 10)
    assert len(world.ledger.calls) == 3
    assert [closing.bytes_out for closing in world.ledger.closings] == [10, 10, 10]


@pytest.mark.parametrize(
    "change",
    [
        {"processor": "other"},
        {"purpose": "marketing"},
        {"categories": ("contact.email",)},
    ],
)
async def test_what_is_not_declared_is_refused_before_anything_leaves(world, grant, change):
    from dataclasses import replace

    async with world.server() as port:
        with pytest.raises(EgressRefused):
            await get(world, replace(grant, **change), f"https://{NAME}:{port}/")
    assert world.hits == []


async def test_a_host_that_is_not_in_the_register_is_refused(world, grant):
    async with world.server(declared=False) as port:
        with pytest.raises(EgressRefused):
            await get(world, grant, f"https://{NAME}:{port}/")
    assert world.hits == []


async def test_without_the_operators_exception_loopback_is_refused(world, grant):
    async with world.server(allow=False) as port:
        with pytest.raises(EgressRefused) as refused:
            await get(world, grant, f"https://{NAME}:{port}/")
    assert refused.value.reason == "bad_address"
    assert world.hits == []


async def test_one_bad_address_among_good_ones_is_enough(world, grant):
    world.names[NAME] = ["93.184.216.34", "127.0.0.1"]
    async with world.server(allow=False) as port:
        with pytest.raises(EgressRefused) as refused:
            await get(world, grant, f"https://{NAME}:{port}/")
    assert refused.value.reason == "bad_address"


async def test_another_answer_at_a_second_look_up_changes_nothing(world, grant):
    """Rebinding: the name is resolved once, and what was judged is dialled."""
    answers = [["127.0.0.1"], ["10.0.0.1"], ["10.0.0.1"]]
    asked = []
    first = world.gate._resolver

    async def rebinding(host, port):
        asked.append(host)
        world.names[host] = answers[min(len(asked), len(answers)) - 1]
        return await first(host, port)

    world.gate._resolver = rebinding
    async with world.server() as port:
        answer = await get(world, grant, f"https://{NAME}:{port}/")
    assert answer.status_code == 200
    assert asked == [NAME]


async def test_a_client_waits_for_a_connection_no_longer_than_it_says(world, grant):
    async def sleeping(host, port):
        await asyncio.Event().wait()

    world.gate._resolver = sleeping
    async with world.server() as port, client(world.gate, grant) as http:
        with pytest.raises(httpx2.ConnectTimeout):
            await http.get(f"https://{NAME}:{port}/", timeout=httpx2.Timeout(5.0, connect=0.01))


async def test_a_redirect_is_judged_like_any_request(world, grant):
    async with world.server(allow=False, declared=False, name="inner.example") as inner:
        move = response(b"", status="302 Found", headers=b"Location: https://inner.example:%d/\r\n" % inner)
        async with world.server(lambda head: move) as port, client(world.gate, grant) as http:
            with pytest.raises(EgressRefused):
                await http.get(f"https://{NAME}:{port}/", follow_redirects=True)
    assert len(world.hits) == 1


async def test_a_tls_1_2_peer_is_refused(world, grant):
    async with world.server(tls="1.2") as port:
        with pytest.raises(httpx2.ConnectError):
            await get(world, grant, f"https://{NAME}:{port}/")
    assert world.hits == []
    assert world.ledger.closings[0].outcome == "ConnectError"


async def test_a_named_exception_lets_tls_1_2_through_and_the_ledger_says_so(world, grant):
    async with world.server(tls="1.2", declared_tls="1.2") as port:
        await get(world, grant, f"https://{NAME}:{port}/")
    assert world.ledger.closings[0].tls == "TLSv1.2"


async def test_a_certificate_for_another_name_is_refused(world, grant):
    async with world.server(certificate_for="other.example") as port:
        with pytest.raises(httpx2.ConnectError):
            await get(world, grant, f"https://{NAME}:{port}/")
    assert world.hits == []


async def test_plaintext_needs_an_exception_of_its_own(world, grant):
    async with world.server(tls=None) as port:
        await get(world, grant, f"http://{NAME}:{port}/")
        world.register.allows[NAME, port] = Allow(NAME, port, "loopback, but not without TLS")
        with pytest.raises(EgressRefused) as refused:
            await get(world, grant, f"http://{NAME}:{port}/")
    assert refused.value.reason == "plaintext"


async def test_a_ledger_that_cannot_write_lets_nothing_out(world, grant):
    world.ledger.broken = True
    async with world.server() as port:
        with pytest.raises(EgressRefused) as refused:
            await get(world, grant, f"https://{NAME}:{port}/")
    assert refused.value.reason == "no_ledger"
    assert world.hits == []


async def test_an_answer_that_never_ends_is_cut(world, grant):
    from omniops.gate.http import GateTransport

    big = response(b"x" * 300_000)
    async with world.server(lambda head: big) as port:
        transport = GateTransport(world.gate, grant, most_bytes=100_000)
        async with httpx2.AsyncClient(transport=transport) as http:
            with pytest.raises(EgressRefused) as refused:
                await http.get(f"https://{NAME}:{port}/")
    assert refused.value.reason == "too_large"
    assert world.ledger.closings[0].bytes_in > 100_000


async def test_a_local_name_needs_an_exception_of_its_own(world, grant):
    async with world.server(name="localhost", allow=False) as port:
        with pytest.raises(EgressRefused) as refused:
            await get(world, grant, f"https://localhost:{port}/")
        assert (refused.value.reason, world.hits) == ("local_name", [])
        world.register.allows["localhost", port] = Allow("localhost", port, "our own model")
        assert (await get(world, grant, f"https://localhost:{port}/")).status_code == 200


async def test_calls_to_one_processor_share_connections_and_each_is_in_the_ledger(world, grant):
    async with world.server() as port:
        first, second = grant, replace(grant, subjects=(UUID(int=7),))
        await get(world, first, f"https://{NAME}:{port}/")
        await get(world, second, f"https://{NAME}:{port}/")
        (pool,) = world.gate.pools.values()
        assert len(pool.connections) == 1
    assert [call.grant.subjects for call in world.ledger.calls] == [(), (UUID(int=7),)]
    assert not world.gate.pools


async def test_a_host_that_does_not_answer_is_named(world, grant):
    world.register.entries["vendor", NAME, 9] = ("chat.respond", frozenset({"user.content.chat"}), "1.3")
    world.register.allows[NAME, 9] = Allow(NAME, 9, "test")
    world.names[NAME] = ["127.0.0.1"]
    with pytest.raises(NotReachable, match=f"{NAME}:9"):
        await world.gate.dial(NAME, 9, grant)


async def test_environment_proxies_are_ignored(world, grant, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with world.server() as port:
        assert (await get(world, grant, f"https://{NAME}:{port}/")).status_code == 200


# The crawler's adapter

SCOPE = Scope(UUID(int=1), UUID(int=2))


@pytest.fixture
def crawl(world):
    class Shop:
        def __init__(self):
            self.hosts = set()

        async def __call__(self, url, most=1_000_000):
            crawler = Crawler(world.gate, Grant.own_site(SCOPE, frozenset(self.hosts)), user_agent="Test")
            try:
                async with crawler.get(url, {}) as answer:
                    return answer.status, await read_capped(answer, most)
            finally:
                await crawler.close()

    def declare(name, port, *, plaintext=False, allow=True):
        world.register.entries["own-site", name, port] = ("knowledge.crawl", frozenset(), "1.3")
        if allow:
            world.register.allows[name, port] = Allow(name, port, "test", plaintext)

    shop = Shop()
    shop.declare = declare
    return shop


async def test_the_crawler_reads_a_page_through_the_gate(world, crawl):
    async with world.server(name="shop.example") as port:
        crawl.declare("shop.example", port)
        assert await crawl(f"https://shop.example:{port}/") == (200, b"hello")
    assert world.ledger.calls[0].grant.processor == "own-site"
    assert world.ledger.closings[0].bytes_in == 5


@pytest.mark.parametrize(
    "host",
    "127.0.0.1 localhost 2130706433 0x7f000001 127.1 [::1] [::ffff:127.0.0.1] [64:ff9b::7f00:1] 10.0.0.1 "
    "169.254.169.254 [fd00::1] 0.0.0.0 inner.example 0177.0.0.1 user@127.0.0.1".split(),
)
async def test_no_spelling_reaches_the_inside(world, crawl, host):
    """Fifteen ways to say `this machine` to the crawler; the canary server on loopback gets no visit."""
    world.names["inner.example"] = ["127.0.0.1"]
    async with world.server(tls=None, name="canary.example", declared=False, allow=False) as port:
        name = host.strip("[]").rpartition("@")[2]
        crawl.declare(name, port, plaintext=True, allow=False)
        for scheme in ("http", "https"):
            with pytest.raises((EgressRefused, NotReachable)):
                await crawl(f"{scheme}://{host}:{port}/")
    assert world.hits == []


async def test_the_crawler_follows_no_redirect_by_itself(world, crawl):
    move = response(b"", status="301 Moved", headers=b"Location: http://127.0.0.1/\r\n")
    async with world.server(lambda head: move, name="shop.example") as port:
        crawl.declare("shop.example", port)
        status, _ = await crawl(f"https://shop.example:{port}/")
    assert status == 301
    assert len(world.hits) == 1


async def test_the_crawler_refuses_tls_1_2(world, crawl):
    async with world.server(name="shop.example", tls="1.2") as port:
        crawl.declare("shop.example", port)
        with pytest.raises(NotReachable, match=r"TLS 1\.3"):
            await crawl(f"https://shop.example:{port}/")


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_bomb_is_not_unpacked(world, crawl, coding):
    body = b"\0" * 40_000_000
    packed = gzip.compress(body) if coding == "gzip" else zlib.compress(body)
    answer = response(packed, headers=b"Content-Encoding: %s\r\n" % coding.encode())
    async with world.server(lambda head: answer, name="shop.example") as port:
        crawl.declare("shop.example", port)
        with pytest.raises(Rejected) as rejected:
            await crawl(f"https://shop.example:{port}/", most=1_000_000)
    assert rejected.value.code == "too_large"


async def test_a_packed_page_is_unpacked(world, crawl):
    answer = response(gzip.compress(b"page" * 1000), headers=b"Content-Encoding: gzip\r\n")
    async with world.server(lambda head: answer, name="shop.example") as port:
        crawl.declare("shop.example", port)
        assert await crawl(f"https://shop.example:{port}/") == (200, b"page" * 1000)


@pytest.mark.parametrize(
    ("headers", "code"),
    [(b"Content-Encoding: br\r\n", "bad_encoding"), (b"Content-Encoding: gzip\r\n", "bad_encoding")],
)
async def test_a_coding_that_does_not_fit_is_named(world, crawl, headers, code):
    async with world.server(lambda head: response(b"not packed", headers=headers), name="shop.example") as port:
        crawl.declare("shop.example", port)
        with pytest.raises(Rejected) as rejected:
            await crawl(f"https://shop.example:{port}/")
    assert rejected.value.code == code


async def test_a_page_that_says_it_is_too_large_is_not_read(world, crawl):
    async with world.server(lambda head: response(b"x" * 2_000_000), name="shop.example") as port:
        crawl.declare("shop.example", port)
        with pytest.raises(Rejected, match="2,000,000 bytes"):
            await crawl(f"https://shop.example:{port}/")


async def test_each_request_of_a_shared_connection_is_judged_for_its_own_person(world, grant):
    covered, withheld = new_id(), new_id()
    async with world.server() as port:
        url = f"https://{NAME}:{port}/v1"
        assert (await get(world, replace(grant, subjects=(covered,)), url)).text == "hello"
        world.register.withheld = {withheld}
        with pytest.raises(EgressRefused):
            await get(world, replace(grant, subjects=(withheld,)), url)
        assert len(world.hits) == len(world.ledger.calls) == 1
        world.register.withheld = {covered}
        with pytest.raises(EgressRefused):
            await get(world, replace(grant, subjects=(covered,)), url)
        # The pool's connections were begun for the first person; another's are made all the same.
        for pool in world.gate.pools.values():
            await pool.aclose()
        assert (await get(world, replace(grant, subjects=(new_id(),)), url)).text == "hello"
    assert len(world.hits) == 2
