"""Whatever is sent to the webhooks' way in: too much of it, under a wrong name, nonsense, by a wrong clock,
by somebody whose key is not known yet."""

import asyncio
import json
from datetime import timedelta

import httpx2
import pytest
from desk import serving
from desk_plugins import letter, signature
from market import SECRET, order, told, word
from omniops.connections import intake
from omniops.errors import NotReady, Refused


def kept(stand):
    return stand.rows("select count(*) from omniops.arrival where domain_id = %s", stand.domain.id)[0][0]


async def test_a_body_that_does_not_end_is_cut_off_before_anybody_reads_it(stand):
    asked = []
    stand.market.receives = lambda webhook, link: asked.append(webhook)

    async def pieces():
        for _ in range(160):
            yield b"[" * 2**16

    async with serving(stand.runtime) as base, httpx2.AsyncClient(base_url=base, timeout=30) as http:
        answer = await http.post(f"/webhooks/market/{stand.stall.id}", content=pieces())
    assert answer.status_code == 413, "ten megabytes, and no word of it in a header"
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert asked == []


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "текст/\xff"]
)
async def test_what_a_delivery_calls_itself_counts_for_nothing(stand, kind):
    body = json.dumps([order(1, "paid"), {"kind": "order.danced", "id": "1", "data": {}}]).encode()
    headers = [(b"x-post-signature", signature(body, SECRET).encode())]
    if kind:
        headers.append((b"content-type", kind.encode("utf-8")))
    async with serving(stand.runtime) as base, httpx2.AsyncClient(base_url=base, timeout=30) as http:
        answer = await http.post(f"/webhooks/market/{stand.stall.id}", content=body, headers=headers)
    assert (answer.status_code, answer.headers["x-messages"]) == (200, "1"), "a kind that nobody knows is no error"


async def test_signed_nonsense_over_http_is_nobodys_fault_but_the_senders(stand):
    bodies = [b"", b"\xff\xfe", b'[{"kind": "order.changed"', b"null", b"[" * 5000, "[\u0000]".encode("utf-16")]
    async with serving(stand.runtime) as base, httpx2.AsyncClient(base_url=base, timeout=30) as http:
        for body in bodies:
            headers = {"x-post-signature": signature(body, SECRET)}
            answer = await http.post(f"/webhooks/market/{stand.stall.id}", content=body, headers=headers)
            assert answer.status_code == 422, body[:20]
            assert kept(stand) == 0


@pytest.mark.parametrize("days", [-1, 1, 4000])
async def test_a_clock_there_that_is_wrong_keeps_nothing_for_longer(stand, days):
    at = (stand.clock.now() + timedelta(days=days)).isoformat()
    things = word("How long?", "d-1", sent_at=at), word("And?", "d-2", thread="t-2", past=True, sent_at=at)
    delivery = told(*things, secret=SECRET, clock=stand.clock)
    await stand.runtime.traffic.intake.take("market", stand.stall.id, delivery)
    await stand.work("connections")
    late = "select count(*) from omniops.{} where domain_id = %s and {} > %s"
    for table, column in (("message", "created_at"), ("conversation", "created_at"), ("conversation", "heard_at")):
        assert stand.rows(late.format(table, column), stand.domain.id, stand.clock.now()) == [(0,)], table
    said = "select count(*) from omniops.message where domain_id = %s and author = 'visitor'"
    assert stand.rows(said, stand.domain.id) == [(2,)]


async def take(stand, *things, secret=SECRET):
    return await stand.runtime.traffic.intake.take(
        "market", stand.stall.id, told(*things, secret=secret, clock=stand.clock)
    )


async def test_what_it_takes_to_know_a_sender_is_got_before(stand):
    stand.market.away = True
    with pytest.raises(NotReady):
        await take(stand, order(1, "paid"))
    assert kept(stand) == 0, "a sender that could not be known is told to come again, and nothing is kept"
    stand.market.away = False
    seen = []

    def receives(webhook, link):
        seen.append(list(stand.market.prepared))
        return stand.market._receive(webhook, link)

    stand.market.receives = receives
    assert (await take(stand, order(1, "paid"))).new == 1
    assert len(seen[0]) == 2
    with pytest.raises(Refused):
        await take(stand, order(2, "paid"), secret="of-somebody-else")
    assert (len(stand.market.prepared), kept(stand)) == (3, 1), "what was got makes nobody known by itself"


async def test_keys_that_never_come_hold_up_neither_the_sender_nor_others(stand, monkeypatch):
    async def hang(webhook):
        await asyncio.Event().wait()

    monkeypatch.setattr(stand.market, "prepare", hang)
    monkeypatch.setattr(intake, "DEADLINE", 0.2)
    waiting = [take(stand, order(n, "paid")) for n in range(intake.PLACES + 4)]
    assert {type(one) for one in await asyncio.gather(*waiting, return_exceptions=True)} == {NotReady}
    monkeypatch.undo()
    post = await stand.connection()
    assert await stand.take(post, letter("How long?")) == 1
    assert (await take(stand, order(1, "paid"))).new == 1, "no place is taken by those who waited"
