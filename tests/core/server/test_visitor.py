"""The visitor API as the chat and other clients use it: streams, retries, limits, other people's tokens."""

import asyncio
import json
import secrets

import psycopg
import pytest
from sqlalchemy import text


def parse(body):
    """Events of a stream as (id, type, data)."""
    events = []
    for block in body.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if "data" in fields:
            events.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return events


@pytest.fixture(scope="module")
async def shop(world):
    """The first website, with one page that can answer, put there as a crawl would."""
    account = world.accounts[0]
    domain = world.domains[account][0]
    scope = domain.scope
    from omniops.contracts.ids import new_id
    from omniops.knowledge.cut import Piece
    from omniops.knowledge.models import Page, Source

    async with world.runtime.database.session(scope) as session:
        source = Source(domain_id=scope.domain_id, id=new_id(), kind="site", url="https://one.example/")
        session.add(source)
        await session.flush()
        page = Page(
            domain_id=scope.domain_id,
            id=new_id(),
            source_id=source.id,
            url="https://one.example/delivery",
            state="read",
            depth=0,
            title="Delivery",
            language="en",
        )
        session.add(page)
        await session.flush()
        said = (
            "Delivery to the islands takes four working days and costs nine pounds.",
            "Boots that were worn outdoors cannot be returned, but we repair them.",
            "The workshop in the old mill is open on Tuesdays and Fridays.",
            "Gift cards are valid for three years and can be used for repairs too.",
            "Every tent is pitched once before it leaves our warehouse.",
        )
        pieces = [Piece("text", "Delivery", sentence) for sentence in said]
        await world.runtime.knowledge._rows.replace(session, scope, [(page, pieces)])
        await world.runtime.knowledge._rows.bump(session, scope)
        await session.commit()
    return domain


@pytest.fixture
async def visitor(world, shop):
    async with world.client(Origin=shop.origins[0]) as client:
        answer = await client.post("/v1/visitor/sessions", json={"key": shop.widget_key, "language": "en"})
        assert answer.status_code == 201
        client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        yield client


async def ask(client, question="How long does delivery to the islands take?", key=None):
    return await client.post(
        "/v1/visitor/messages", json={"text": question}, headers={"Idempotency-Key": key or secrets.token_hex(8)}
    )


async def test_looking_stores_nothing(world, shop):
    def rows():
        with psycopg.connect(world.runtime.database.links.admin.conninfo()) as connection:
            tables = ("subject", "conversation", "message", "lookup")
            return [connection.execute(f"select count(*) from omniops.{table}").fetchone()[0] for table in tables]

    before = rows()
    async with world.client(Origin=shop.origins[0]) as client:
        answer = await client.get("/v1/visitor/config", params={"key": shop.widget_key})
    assert answer.status_code == 200
    assert "AI" in answer.json()["disclosure"]
    assert "set-cookie" not in answer.headers
    assert answer.headers["access-control-allow-origin"] == shop.origins[0]
    assert rows() == before


async def test_an_answer_comes_in_order_and_ends_once(visitor):
    answer = await ask(visitor)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = parse(answer.text)
    assert [number for number, _, _ in events] == list(range(1, len(events) + 1))
    kinds = [kind for _, kind, _ in events]
    assert kinds.index("disclosure") < kinds.index("level")
    assert kinds.index("message") < kinds.index("turn") < kinds.index("level")
    assert [kind for kind in kinds if kind in ("done", "none", "error")] == ["done"]
    assert kinds[-1] == "done"
    done = events[-1][2]
    assert "four working days" in done["text"]
    assert done["sources"][0]["url"] == "https://one.example/delivery"
    again = [kind for _, kind, _ in parse((await ask(visitor)).text)]
    assert "disclosure" not in again, "it is told once in a conversation"


async def test_the_same_message_twice_is_one_message(visitor):
    key = secrets.token_hex(8)
    first, second = parse((await ask(visitor, key=key)).text), parse((await ask(visitor, key=key)).text)
    assert first[-1][2]["id"] == second[-1][2]["id"]
    history = (await visitor.get("/v1/visitor/conversation")).json()
    assert [message["author"] for message in history["messages"]] == ["visitor", "ai"]


async def test_a_stream_is_taken_up_where_it_was_cut(visitor):
    events = parse((await ask(visitor)).text)
    turn = next(data["id"] for _, kind, data in events if kind == "turn")
    middle = len(events) // 2
    rest = parse((await visitor.get(f"/v1/visitor/turns/{turn}/events", params={"after": middle})).text)
    assert [kind for _, kind, _ in rest][-1] == "done"
    assert rest[-1][2]["id"] == events[-1][2]["id"]
    assert all(number > middle for number, _, _ in rest)


async def test_what_is_anothers_is_not_there(world, shop, visitor):
    events = parse((await ask(visitor)).text)
    turn = next(data["id"] for _, kind, data in events if kind == "turn")
    message = events[-1][2]["id"]
    async with world.client(Origin=shop.origins[0]) as other:
        answer = await other.post("/v1/visitor/sessions", json={"key": shop.widget_key})
        other.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        assert (await other.get(f"/v1/visitor/turns/{turn}/events")).status_code == 404
        assert (await other.post(f"/v1/visitor/turns/{turn}/stop")).status_code == 404
        rated = await other.post("/v1/visitor/feedback", json={"message": message, "helpful": True})
        assert rated.status_code == 404
        assert (await other.get("/v1/visitor/conversation")).json()["messages"] == []


async def test_a_website_that_is_not_listed_is_refused(world, shop, visitor):
    answer = await visitor.get("/v1/visitor/conversation", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers
    async with world.client(Origin="https://evil.example") as client:
        config = await client.get("/v1/visitor/config", params={"key": shop.widget_key})
        session = await client.post("/v1/visitor/sessions", json={"key": shop.widget_key})
    assert (config.status_code, session.status_code) == (403, 403)
    for answer in (config, session):
        assert "access-control-allow-origin" not in answer.headers
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b'{"text": ""}', 422, "empty"),
        (b'{"text": "' + b"x" * 4001 + b'"}', 422, "4000"),
        (b'{"text": "hi", "role": "admin"}', 422, "role"),
        (b"{not json", 422, "JSON"),
        (b'{"text": 3}', 422, "text"),
        (b"x" * 70_000, 413, "bytes"),
    ],
)
async def test_bad_input_is_named(visitor, body, status, word):
    answer = await visitor.post("/v1/visitor/messages", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert word in json.dumps(problem)
    assert "Traceback" not in answer.text


async def test_a_session_that_was_ended_works_no_more(visitor):
    assert (await visitor.delete("/v1/visitor/session")).status_code == 204
    answer = await visitor.get("/v1/visitor/conversation")
    assert answer.status_code == 401
    assert answer.json()["code"]


async def test_a_yes_is_recorded_and_can_be_taken_back(visitor):
    for given, state in ((True, "given"), (False, "withdrawn")):
        answer = await visitor.post("/v1/visitor/consent", json={"purpose": "chat.remember", "given": given})
        assert answer.status_code == 204
        consents = (await visitor.get("/v1/visitor/conversation")).json()["consents"]
        assert consents["chat.remember"] == state
    unknown = await visitor.post("/v1/visitor/consent", json={"purpose": "sell.everything", "given": True})
    assert unknown.status_code in (404, 422)


async def test_a_person_is_asked_and_answers_in_the_open_page(world, visitor):
    await ask(visitor)
    answer = await visitor.post("/v1/visitor/person", json={"email": "tom@example.com"})
    assert answer.json()["state"] == "waiting"
    ended = [kind for _, kind, _ in parse((await ask(visitor, "Is anybody there?")).text)]
    assert ended[-1] == "none"
    assert "text" not in ended, "the AI is silent now"
    account = world.accounts[0]
    domain = world.domains[account][0].id
    async with world.client(**world.key(account, "agent")) as agent, asyncio.timeout(20):
        waiting = (await agent.get(f"/v1/domains/{domain}/conversations", params={"state": "waiting"})).json()["data"]
        talk = waiting[0]["id"]
        async with visitor.stream("GET", "/v1/visitor/events", params={"after": 4}) as stream:
            path = f"/v1/domains/{domain}/conversations/{talk}/messages"
            sent = await agent.post(path, json={"text": "Hello, this is Mara."})
            assert sent.status_code == 201
            async for line in stream.aiter_lines():
                if line.startswith("data:") and "Mara" in line:
                    break
    assert (await visitor.get("/v1/visitor/conversation")).json()["state"] == "human"


async def test_an_error_inside_tells_nothing(world, shop, monkeypatch):
    async def broken(*_, **__):
        raise RuntimeError("secret words of a customer")

    monkeypatch.setattr(world.runtime.accounts, "by_widget_key", broken)
    async with world.client(Origin=shop.origins[0]) as client:
        answer = await client.get("/v1/visitor/config", params={"key": shop.widget_key})
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["request_id"]


async def test_every_answer_is_guarded_by_headers(world):
    async with world.client() as client:
        for path in ("/livez", "/nowhere", "/v1/domains", "/widget.js", "/setup/nothing"):
            answer = await client.get(path)
            assert answer.headers["x-content-type-options"] == "nosniff", path
            assert answer.headers["x-request-id"], path
        page = await client.get("/setup/nothing")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


async def test_too_many_sessions_from_one_place_are_slowed(world, shop):
    async with world.client(Origin=shop.origins[0]) as client:
        for _ in range(80):
            answer = await client.post("/v1/visitor/sessions", json={"key": shop.widget_key})
            if answer.status_code == 429:
                break
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 0
    async with world.runtime.database.connect() as connection:
        stored = (await connection.execute(text("select * from throttle"))).all()
    assert not any("127.0.0" in str(row) for row in stored), "networks are hashed"
