"""The log of what a connection was told, and what is fetched over it, as a business sees them over HTTP."""

from datetime import timedelta
from uuid import uuid4

import httpx2
import pytest
from desk import serving
from market import SECRET, order, told, word
from omniops.accounts.permissions import ROLES
from omniops.errors import NotReady, Permanent
from omniops.operations.firsts import OPERATOR


@pytest.fixture
async def office(stand):
    """Gives clients, by role and domain, at the address of a connection's pages."""
    async with serving(stand.runtime) as base:
        opened = []

        async def office(role="admin", domain=None):
            domain = domain or stand.domain
            account = domain.scope.account_id
            _, secret = await stand.runtime.keys.create(account, role, sorted(ROLES[role]), actor=OPERATOR)
            path = f"{base}/v1/domains/{domain.id}/connections/{stand.stall.id}/"
            client = httpx2.AsyncClient(base_url=path, headers={"Authorization": f"Bearer {secret}"}, timeout=60)
            opened.append(client)
            return client

        yield office
        for client in opened:
            await client.aclose()


async def told_and_worked(stand, *things):
    delivery = told(*things, secret=SECRET, clock=stand.clock)
    await stand.runtime.traffic.intake.take("market", stand.stall.id, delivery)
    await stand.work("connections")


async def test_the_log_is_listed_in_pages_without_what_was_said(stand, office):
    stand.market.begin(Permanent("There is no such order."))
    await told_and_worked(stand, order(7, "new"), order(8, "new"), word("Where is my CANARY-7f3e?", "d-1"))
    admin = await office()
    first = (await admin.get("log", params={"limit": 2})).json()
    second = (await admin.get("log", params={"limit": 2, "after": first["next"]})).json()
    entries = [*first["data"], *second["data"]]
    assert ([len(first["data"]), len(second["data"])], second["next"]) == ([2, 1], None)
    assert sorted((one["what"], one["state"]) for one in entries) == [
        ("event", "done"),
        ("event", "failed"),
        ("message", "done"),
    ]
    assert "CANARY" not in str(entries)
    (dead,) = (await admin.get("log", params={"state": "failed"})).json()["data"]
    assert dead["problem"] == "permanent"
    assert (await admin.get("log", params={"state": "lost"})).status_code == 422


async def test_one_entry_and_all_dead_letters_are_worked_through_again(stand, office):
    stand.market.begin(*[Permanent("There is no such order.")] * 2)
    await told_and_worked(stand, order(7, "new"), order(8, "new"))
    admin = await office()
    one, _ = (await admin.get("log")).json()["data"]
    again = await admin.post(f"log/{one['id']}/replay")
    assert (again.status_code, again.json()["state"]) == (202, "waiting")
    waiting = await admin.post(f"log/{one['id']}/replay")
    assert (waiting.status_code, waiting.json()["code"]) == (409, "still_waiting")
    assert (await admin.post(f"log/{uuid4()}/replay")).status_code == 404
    await stand.work("connections")
    assert len(stand.market.handled) == 1
    late = await admin.post("log/replay", json={"since": (stand.clock.now() + timedelta(minutes=1)).isoformat()})
    assert (late.status_code, late.json()) == (202, {"count": 0})
    early = await admin.post("log/replay", json={"since": (stand.clock.now() - timedelta(hours=1)).isoformat()})
    assert early.json() == {"count": 1}
    await stand.work("connections")
    assert sorted(event.data["number"] for event in stand.market.handled) == [7, 8]
    for wrong in ({}, {"since": "yesterday"}, {"since": "2026-11-01T00:00:00"}, {"since": None, "more": 1}):
        assert (await admin.post("log/replay", json=wrong)).status_code == 422


async def test_syncs_are_shown_with_their_progress_and_fetched_now(stand, office):
    admin = await office()
    assert (await admin.get("syncs")).json() == {"data": [], "next": None}
    stand.market.orders = list("abc")
    assert (await admin.post("syncs/orders")).status_code == 202
    await stand.work("connections")
    shown = {one["name"]: one for one in (await admin.get("syncs")).json()["data"]}
    found = shown["orders"]
    assert (found["kind"], found["title"], found["state"]) == ("sync", "Orders", "idle")
    assert (found["done"], found["total"]) == (3, 3)
    assert shown["watch"]["kind"] == "renewal"
    assert (await admin.post("syncs/nothing")).status_code == 404


async def test_only_who_manages_connections_and_only_of_ones_own(stand, office):
    await told_and_worked(stand, order(7, "new"))
    agent, stranger = await office("agent"), await office(domain=await stand.new_domain())
    since = {"since": stand.clock.now().isoformat()}
    for client, status in ((agent, 403), (stranger, 404)):
        for answer in (
            await client.get("log"),
            await client.get("syncs"),
            await client.post(f"log/{uuid4()}/replay"),
            await client.post("log/replay", json=since),
            await client.post("syncs/orders"),
        ):
            assert answer.status_code == status, (status, answer.url)


async def test_a_backfill_shows_how_far_it_is_and_a_cursor_that_is_dead_shows_that_it_begins_anew(stand, office):
    admin = await office()
    stand.market.orders = list("abcdef")
    stand.market.troubles.extend([None, None, None, NotReady("slow down", retry_after=600)])
    await admin.post("syncs/orders")
    await stand.work("connections")

    async def shown():
        return {one["name"]: one for one in (await admin.get("syncs")).json()["data"]}["orders"]

    half = await shown()
    assert (half["state"], half["problem"], half["total"]) == ("failing", "not_ready", 6)
    assert half["done"] == len(stand.market.stored) in range(1, 6)
    assert half["ended_at"] is None, "it never came to its end yet"
    assert half["next_at"] > stand.clock.now().isoformat()
    stand.clock.forward(minutes=11)
    await admin.post("syncs/orders")
    await stand.work("connections")
    whole = await shown()
    assert (whole["state"], whole["problem"], whole["done"], whole["total"]) == ("idle", None, 6, 6)
    assert whole["ended_at"] is not None

    stand.market.expired = {"6"}
    stand.clock.forward(hours=2)
    stand.market.stored.clear()
    await admin.post("syncs/orders")
    await stand.work("connections")
    anew = await shown()
    assert stand.market.stored == list(range(6)), "all of it, from the start"
    assert (anew["state"], anew["done"], anew["total"]) == ("idle", 6, 6)
    assert anew["begun_at"] > whole["ended_at"]
