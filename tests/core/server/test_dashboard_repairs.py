"""The room of repairs: what is wrong with a website is seen, said and mended; never what is another's."""

from types import SimpleNamespace
from uuid import uuid4

import pytest
from members_browser import HOSTILE
from omniops.accounts.permissions import ROLES
from omniops.errors import NotReady
from omniops.operations.doctor import websites
from omniops.operations.firsts import OPERATOR
from omniops.repairs import LOOKS, repairs

URL = "https://hooks.shop.example/omniops"


def at(member, inner=""):
    return f"{member.base}/repairs{inner}"


async def found(front, member, name):
    looked = await repairs(front.desk.runtime, member.domain, lambda _: True)
    return next((one for one in looked if one.name == name), None)


async def test_a_receiver_that_was_switched_off_is_switched_on_and_told_what_it_missed(front, mara):
    hooks, scope = front.desk.runtime.webhooks, mara.domain.scope
    one, _ = await hooks.endpoints.add(scope, URL, actor=OPERATOR)
    await hooks.deliveries.test(scope, one.id)
    front.desk.rows("update omniops.webhook_delivery set state = 'dead'")
    front.desk.rows("update omniops.webhook_endpoint set enabled = false, disabled_because = 'gone'")
    await mara.open(at(mara))
    assert "it answered 410" in mara.text
    assert (await mara.send(at(mara, "/resume"), {"about": str(one.id)})).status_code == 303
    assert (await hooks.endpoints.one(scope, one.id)).enabled
    await mara.open(at(mara))
    assert "did not take all" in mara.text
    assert (await mara.send(at(mara, "/replay"), {"about": str(one.id)})).status_code == 303
    states = sorted(sent.state for sent in await hooks.deliveries.all(scope, one.id, state=None))
    assert states == ["replayed", "waiting"]
    assert (await found(front, mara, "webhooks")).state == "ok"


async def test_a_receiver_that_a_person_paused_is_no_trouble(front, mara):
    hooks, scope = front.desk.runtime.webhooks, mara.domain.scope
    one, _ = await hooks.endpoints.add(scope, URL, actor=OPERATOR)
    await hooks.endpoints.change(scope, one.id, enabled=False, actor=OPERATOR)
    assert (await found(front, mara, "webhooks")).state == "ok"


async def test_a_source_that_failed_is_read_again(front, mara, monkeypatch):
    knowledge, source = front.desk.runtime.knowledge, uuid4()
    asked = []

    async def sources(scope):
        return [SimpleNamespace(id=source, url="https://shop.example", paused_at=None)]

    async def crawls(scope, limit):
        return [SimpleNamespace(source_id=source, state="failed", said=HOSTILE, problem="x")]

    async def request(scope, one):
        asked.append(one)

    monkeypatch.setattr(knowledge, "sources", sources)
    monkeypatch.setattr(knowledge, "last_crawls", crawls)
    monkeypatch.setattr(knowledge, "request_crawl", request)
    await mara.open(at(mara))
    assert "could not be read" in mara.text
    assert "<script>alert" not in mara.text
    assert "<img" not in mara.text
    await mara.send(at(mara, "/read"), {"about": str(source)})
    assert asked == [source]


async def test_messages_that_did_not_arrive_are_sent_again(front, mara, monkeypatch):
    undelivered, sent = front.desk.runtime.inbox.undelivered, []
    lost = [SimpleNamespace(id=uuid4()), SimpleNamespace(id=uuid4())]

    async def everything(scope, *, limit=50, after=None):
        return lost

    async def resend(scope, message, *, actor):
        sent.append(message)

    monkeypatch.setattr(type(undelivered), "all", staticmethod(everything))
    monkeypatch.setattr(type(undelivered), "resend", staticmethod(resend))
    await mara.open(at(mara))
    assert "2 messages did not arrive." in mara.text
    assert (await mara.send(at(mara, "/resend"))).status_code == 303
    assert sent == [one.id for one in lost]


async def test_a_chat_that_is_off_and_an_empty_head_are_said(front, mara):
    await front.configure(enabled=False)
    await mara.open(at(mara))
    assert "The chat is switched off." in mara.text


async def test_the_address_that_the_server_was_not_told_is_seen(front, mara, monkeypatch):
    await mara.open(at(mara))
    assert "as the server was told" in mara.text
    monkeypatch.setitem(front.desk.runtime.settings.__dict__, "public_url", "https://help.shop.example")
    await mara.open(at(mara))
    assert "and the server was told https://help.shop.example" in mara.text
    refused = await mara.send(at(mara, "/resend"), headers={**mara.origin, "Sec-Fetch-Site": "same-origin"})
    assert refused.status_code == 403
    assert f"you are at {front.base}" in refused.text
    foreign = await mara.send(at(mara, "/resend"), headers={"Origin": "https://evil.example"})
    assert "another site" in foreign.text
    ours = {"Sec-Fetch-Site": "same-origin", "Referer": "https://help.shop.example/app"}
    assert "as the server was told" in (await mara.client.get(at(mara), headers=ours)).text
    elsewhere = {"Sec-Fetch-Site": "cross-site", "Referer": "https://help.shop.example/app"}
    assert "and the server was told" in (await mara.client.get(at(mara), headers=elsewhere)).text


async def test_one_that_cannot_be_looked_at_has_failed_and_the_others_go_on(front, mara, monkeypatch):
    async def away(scope):
        raise NotReady("The store is away.")

    monkeypatch.setattr(front.desk.runtime.connections, "all", away)
    assert (await found(front, mara, "connections")).said == "The store is away."
    assert await found(front, mara, "messages") is not None


@pytest.mark.parametrize("role", ROLES)
async def test_the_api_tells_each_role_what_it_may_see(front, role):
    office = await front.office(role=role)
    rows = (await office.get("repairs")).json()["data"]
    names = {row["name"] for row in rows}
    assert "address" not in names, "a program is at whatever address it likes"
    assert ("messages" in names) == ("conversation.read" in ROLES[role])
    assert "chat" in names
    assert [row["name"] for row in rows] == list(dict.fromkeys(row["name"] for row in rows))


async def test_what_is_anothers_is_not_there_and_who_may_not_mends_nothing(front, mara):
    hooks = front.desk.runtime.webhooks
    theirs, _ = await hooks.endpoints.add(front.desk.other.scope, URL, actor=OPERATOR)
    await mara.open(at(mara))
    for step in ("read", "check", "resume", "replay"):
        assert (await mara.send(at(mara, f"/{step}"), {"about": str(theirs.id)})).status_code == 404, step
    await mara.open(f"/app/{front.desk.other.id}/repairs", 404)
    viewer = await front.office(role="viewer")
    client = front.client(Authorization=viewer.headers["Authorization"])
    page = await client.get(at(mara))
    assert page.status_code == 200
    assert '<button type="submit">' not in page.text.partition("<main")[2]
    for step in ("read", "verify", "check", "resend", "resume", "replay"):
        assert (await client.post(at(mara, f"/{step}"), data={"about": str(theirs.id)})).status_code == 403, step


async def test_the_command_looks_at_every_website_and_each_look_has_a_permission(front):
    await front.configure(enabled=False)
    said = [one.said for one in await websites(front.desk.runtime)]
    assert "The chat is switched off." in said
    assert {may for may, _ in LOOKS} <= set(ROLES["owner"])
