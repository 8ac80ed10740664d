"""What channels carried and did not carry, over HTTP and from the command line: dead letters, windows, templates."""

import asyncio
import json
from datetime import timedelta
from uuid import uuid4

import httpx2
import pytest
from desk import opened, serving
from omniops.cli import undelivered
from omniops.cli.app import app
from omniops.contracts.channel import Incoming, Template, Window
from omniops.errors import NotFound, Permanent, Rejected
from omniops.operations.firsts import OPERATOR
from typer.testing import CliRunner

DAY = Window(timedelta(hours=24), human=timedelta(days=7), templates=True)
CANARY = "Where is my parcel, CANARY-7f3e?"


@pytest.fixture
async def post(desk):
    return await desk.connection()


@pytest.fixture
async def client(desk):
    """Makes clients of the business API, each with some rights."""
    async with serving(desk.runtime) as base:
        opened_ = []

        async def client(*permissions, domain=None):
            domain = domain or desk.domain
            account = domain.scope.account_id
            _, secret = await desk.runtime.keys.create(account, "k", permissions, actor=OPERATOR)
            at = f"{base}/v1/domains/{domain.id}/"
            headers = {"Authorization": f"Bearer {secret}"}
            opened_.append(httpx2.AsyncClient(base_url=at, headers=headers, timeout=60))
            return opened_[-1]

        yield client
        for one in opened_:
            await one.aclose()


async def heard(desk, post, number=1):
    await desk.hear(post, Incoming(f"d-{number}", f"thread-{number}", "tom@post.example", CANARY))
    await desk.work()


async def test_what_was_not_delivered_is_listed_in_pages_and_sent_again(desk, post, client):
    desk.channel.begin(*[Permanent("blocked")] * 3)
    for number in range(3):
        await heard(desk, post, number)
    office = await client("conversation.read", "conversation.reply")
    first = (await office.get("undelivered", params={"limit": 2})).json()
    second = (await office.get("undelivered", params={"limit": 2, "after": first["next"]})).json()
    found = [*first["data"], *second["data"]]
    assert ([len(first["data"]), len(second["data"])], second["next"]) == ([2, 1], None)
    assert {(one["channel"], one["author"], one["problem"]) for one in found} == {("post", "ai", "permanent")}
    assert "CANARY" not in str(found)
    assert len({one["conversation_id"] for one in found}) == 3

    again = await office.post(f"undelivered/{found[0]['id']}/resend")
    assert (again.status_code, again.json()) == (202, {"status": "queued"})
    await desk.work()
    assert [message.text for message in desk.channel.sent] == ["Four working days."]
    left = (await office.get("undelivered")).json()["data"]
    assert {one["id"] for one in left} == {one["id"] for one in found[1:]}
    twice = await office.post(f"undelivered/{found[0]['id']}/resend")
    assert twice.status_code == 409
    assert twice.headers["content-type"].startswith("application/problem+json")
    assert (await office.post(f"undelivered/{uuid4()}/resend")).status_code == 404


async def test_dead_letters_are_those_of_ones_own_website_and_sent_by_who_may_answer(desk, post, client):
    desk.channel.begin(Permanent("blocked"))
    await heard(desk, post)
    reader, nobody = await client("conversation.read"), await client("domain.read")
    stranger = await client("conversation.read", "conversation.reply", domain=await desk.new_domain())
    (found,) = (await reader.get("undelivered")).json()["data"]
    assert (await stranger.get("undelivered")).json()["data"] == []
    assert (await nobody.get("undelivered")).status_code == 403
    again = f"undelivered/{found['id']}/resend"
    assert [(await one.post(again)).status_code for one in (reader, stranger, nobody)] == [403, 404, 403]
    await desk.work()
    assert desk.channel.sent == []


async def test_when_the_time_is_over_the_inbox_says_so_and_offers_what_may_be_sent(desk, post, client):
    await heard(desk, post)
    desk.channel.begin(window=DAY)
    desk.channel.approved = [Template("hello", "en", "Hello {1}.", 1)]
    office = await client("conversation.read", "conversation.reply")
    ((talk,),) = desk.rows("select id from omniops.conversation where domain_id = %s", desk.domain.id)
    at = f"conversations/{talk}"
    assert (await office.get(at)).json()["window"]["state"] == "open"
    desk.clock.forward(days=8)
    assert (await office.get(at)).json()["window"]["state"] == "template"
    late = await office.post(f"{at}/messages", json={"text": "Mara here."})
    assert (late.status_code, late.json()["code"]) == (409, "window_over")
    assert (await office.get(f"{at}/templates")).json()["data"] == [
        {"name": "hello", "language": "en", "text": "Hello {1}.", "places": 1}
    ]
    filled = {"name": "hello", "language": "en", "values": ["Tom"]}
    assert (await office.post(f"{at}/templates", json={**filled, "values": []})).status_code == 422
    assert (await office.post(f"{at}/templates", json={**filled, "name": "other"})).status_code == 404
    sent = await office.post(f"{at}/templates", json=filled)
    assert (sent.status_code, sent.json()["text"]) == (201, "Hello Tom.")
    await desk.work()
    assert [message.text for message in desk.channel.sent] == ["Hello Tom."]
    reader = await client("conversation.read")
    assert (await reader.post(f"{at}/templates", json=filled)).status_code == 403


def test_dead_letters_are_listed_and_sent_again_from_the_command_line(postgres, links, tmp_path, monkeypatch):
    with asyncio.Runner() as runner:
        opening = opened(links, postgres.root, tmp_path)
        desk = runner.run(opening.__aenter__())
        desk.domain = runner.run(desk.new_domain())
        monkeypatch.setattr(undelivered, "with_runtime", lambda work: runner.run(work(desk.runtime)))

        def omniops(*arguments):
            line = ["undelivered", *map(str, arguments), "--domain", str(desk.domain.id)]
            return CliRunner().invoke(app, line)

        assert "Everything was delivered." in omniops("list").stderr
        desk.channel.begin(Permanent("blocked"))
        runner.run(heard(desk, runner.run(desk.connection())))
        (found,) = json.loads(omniops("list", "--json").stdout)
        assert (found["channel"], found["problem"]) == ("post", "permanent")
        assert "CANARY" not in str(found)
        assert "permanent" in omniops("list").stdout
        assert "A worker sends it." in omniops("resend", found["id"]).stderr
        runner.run(desk.work())
        assert [message.text for message in desk.channel.sent] == ["Four working days."]
        assert json.loads(omniops("list", "--json").stdout) == []
        assert isinstance(omniops("resend", found["id"]).exception, Rejected)
        assert isinstance(omniops("resend", uuid4()).exception, NotFound)
        assert omniops("resend", "not-an-id").exit_code == 2
        runner.run(opening.__aexit__(None, None, None))
