"""The integration of the page, before a shop that works, one that slows down and one that leads elsewhere; and the
page's figures against the code's."""

import hashlib
import hmac
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from omniops.connections import circuit, intake, working
from omniops.contracts.webhook import Webhook
from omniops.errors import NotReady, Rejected
from omniops.privacy.catalog import RETENTION
from omniops.server.deliveries import BYTES
from omniops.testing import AnsweringGate, context, link_of
from pydantic import BaseModel, SecretStr

PAGE = (Path(__file__).parents[2] / "docs" / "intake.md").read_text()
(CODE,) = re.findall(r"^```python title=\"shop.py\"\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
BODY = b'{"order": {"number": "7", "customer": "Ada"}}'


class Connection(BaseModel):
    key: SecretStr = SecretStr("k")
    secret: SecretStr = SecretStr("s")


@pytest.fixture
def shop(tmp_path):
    """Makes the page's integration before an other side. Gives it and what it stored."""
    names = {}
    exec(CODE, names)

    def shop(answer):
        stored = []

        async def store(order):
            stored.append(order)

        return names["Shop"](context("shop", None, folder=tmp_path, gate=AnsweringGate(answer)), store), stored

    return shop


def delivery(body=BODY, secret=b"s"):
    headers = [("x-shop-signature", hmac.digest(secret, body, hashlib.sha256).hex()), ("x-shop-delivery", "d-1")]
    return Webhook("POST", "https://omniops.example/", headers, {}, body, datetime.now(UTC))


def pages(elsewhere=""):
    def answer(request):
        if request.url.path.startswith("/orders/"):
            return httpx2.Response(200, json={"number": "7", "state": "paid"})
        more = {} if request.url.query else {"next": f"{elsewhere or 'https://api.shop.example'}/orders?page=2"}
        return httpx2.Response(200, json={"orders": [{"number": "8"}], "now": 5, "total": 2, **more})

    return answer


async def fetched(integration, link, cursor=None):
    steps = [step async for step in integration.sync("orders", link, cursor)]
    for step in steps:
        await step.store(None)
    return [step.cursor for step in steps]


async def test_it_takes_a_delivery_and_reads_what_is_now(shop):
    integration, stored = shop(pages())
    link = link_of(Connection())
    (arrived,) = integration.receive(delivery(), link).things
    assert (arrived.what.id, dict(arrived.what.data)) == ("d-1", {"number": "7"})
    await integration.handle(arrived.what, link)
    assert stored == [{"number": "7", "state": "paid"}]
    for wrong in (delivery(secret=b"x"), delivery(secret=b"")):
        with pytest.raises(Rejected):
            integration.receive(wrong, link)
    with pytest.raises(Rejected):
        integration.receive(delivery(json.dumps({"order": 7}).encode()), link)


async def test_it_fetches_to_the_end_and_nowhere_else(shop):
    integration, stored = shop(pages())
    link = link_of(Connection())
    cursors = await fetched(integration, link)
    assert [cursor.rpartition("?")[2] for cursor in cursors] == ["page=2", "since=5"]
    assert len(stored) == 2
    assert await fetched(integration, link, cursors[-1]) == []
    away, _ = shop(pages("https://elsewhere.example"))
    with pytest.raises(Rejected, match="another host"):
        await fetched(away, link)
    slow, _ = shop(lambda request: httpx2.Response(429, headers={"Retry-After": "90"}))
    with pytest.raises(NotReady) as asked:
        await fetched(slow, link)
    assert asked.value.retry_after == 90


def test_the_pages_figures_are_the_codes():
    assert f"more than {BYTES // 2**20} MiB" in PAGE
    assert intake.DEADLINE == 2
    assert "longer than two seconds" in PAGE
    assert circuit.TRIP == 5
    assert "After five failures" in PAGE
    assert working.GIVE_UP.days == 3
    assert "dead letter after three days" in PAGE.replace("\n", " ")
    (days,) = [rule.days for rule in RETENTION if rule.key == "intake"]
    assert f"after {days} days" in PAGE
