"""The inbox over HTTP: what the dashboard is built on, and the events that wake it."""

import asyncio
import json
from uuid import uuid4

import pytest
from desk_plugins import HOLD
from omniops.contracts.provider import Done, Level, Text
from omniops.operations.firsts import OPERATOR
from omniops.privacy.catalog import CHOICE_DAYS


@pytest.fixture
async def page(front):
    return await front.page()


@pytest.fixture
async def office(front):
    return await front.office()


async def conversation(page):
    return (await page.get("/v1/visitor/conversation")).json()


async def events(lines, *, until):
    """Events of a stream as (id, kind, data), until one of a kind."""
    found, fields = [], {}
    async for line in lines:
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
            continue
        if fields:
            found.append((fields["id"], fields["event"], json.loads(fields["data"])))
            fields = {}
            if found[-1][1] == until:
                return found
    raise AssertionError(f"The stream ended without {until}: {found}")


def code(answer):
    return answer.status_code, answer.json()["code"]


async def test_an_answer_tells_how_it_came_about_and_what_it_cost(front, page, office, asked):
    desk = front.desk
    await asked(page)
    await desk.with_model("[TALK]I can help with that. What is the number of your order?")
    await asked(page, "My address is tom@post.example, where is my parcel?")
    talk = (await conversation(page))["id"]
    at = f"conversations/{talk}/messages"
    messages = (await office.get(at)).json()["data"]
    quoted, written = [m["id"] for m in messages if m["author"] == "ai"]
    free = (await office.get(f"{at}/{quoted}/provenance")).json()
    assert (free["processor"], free["usd"], free["calls"], free["hidden"]) == (None, "0", 0, {})
    sent = (await office.get(f"{at}/{written}/provenance")).json()
    assert (sent["processor"], sent["model"], sent["calls"], sent["usd"]) == ("vendor", "one", 1, None)
    assert sent["hidden"] == {"EMAIL": 1}
    assert sent["tried"] == []
    question = next(m["id"] for m in messages if m["author"] == "visitor")
    assert (await office.get(f"{at}/{question}/provenance")).status_code == 404
    other = await (await front.office(domain=desk.other)).get(f"{at}/{written}/provenance")
    assert other.status_code == 404


async def test_a_day_in_the_inbox(front, page, office, asked):
    await asked(page)
    talk = (await conversation(page))["id"]
    at = f"conversations/{talk}"
    (row,) = (await office.get("conversations")).json()["data"]
    assert (row["id"], row["state"], row["channel"], row["waiting_since"]) == (talk, "ai", "website", None)
    taken = await office.post(f"{at}/take-over", json={"reason": "wrong_answer"})
    assert (taken.status_code, taken.json()["state"]) == (200, "human")
    sent = await office.post(f"{at}/messages", json={"text": "Mara here."}, headers={"Idempotency-Key": "k"})
    again = await office.post(f"{at}/messages", json={"text": "Mara here."}, headers={"Idempotency-Key": "k"})
    assert (sent.status_code, sent.json()["author"]) == (201, "person")
    assert again.json()["id"] == sent.json()["id"]
    assert (await office.post(f"{at}/notes", json={"text": "Call back."})).status_code == 201
    assert (await office.put(f"{at}/mode", json={"mode": "draft"})).json()["mode"] == "draft"
    assert (await office.post(f"{at}/hand-back")).json()["state"] == "ai"
    await asked(page, "And to Norway?")
    detail = (await office.get(at)).json()
    assert detail["conversation"]["state"] == "draft"
    assert detail["summary"]["question"] == "And to Norway?"
    assert [note["text"] for note in detail["notes"]] == ["Call back."]
    assert detail["draft"]["text"] == "Four working days."
    assert [e["event"] for e in detail["events"]] == [
        "taken_over", "replied", "noted", "mode_set", "handed_back", "drafted",
    ]  # fmt: skip
    assert detail["events"][0]["reason"] == "wrong_answer"
    draft = f"drafts/{detail['draft']['id']}"
    approved = await office.post(f"{draft}/approve", json={"text": "Five working days."})
    assert (approved.status_code, approved.json()["approved"]) == (201, True)
    assert code(await office.post(f"{draft}/approve")) == (409, "draft_decided")
    assert code(await office.post(f"{draft}/reject")) == (409, "draft_decided")
    (listed,) = (await office.get("drafts", params={"state": "sent"})).json()["data"]
    assert [c["text"] for c in listed["difference"] if c["kind"] == "removed"] == ["Four"]
    last = (await conversation(page))["messages"][-1]
    assert (last["text"], last["author"], last["approved"]) == ("Five working days.", "ai", True)
    assert (await office.post(f"{at}/close")).json()["state"] == "closed"
    assert code(await office.post(f"{at}/take-over")) == (409, "conversation_closed")
    assert (await office.post(f"{at}/reopen")).json()["state"] == "waiting"


async def test_what_happens_is_told_as_it_happens_and_after_a_cut_from_where_it_was(desk, page, office, asked):
    async with asyncio.timeout(30), office.stream("GET", "events") as stream:
        lines = stream.aiter_lines()
        await asked(page)
        talk = (await conversation(page))["id"]
        await office.post(f"conversations/{talk}/take-over")
        live = await events(lines, until="taken_over")
    kinds = [kind for _, kind, _ in live]
    assert kinds.count("message") >= 2
    assert {data["conversation"] for _, _, data in live} == {talk}
    assert all(set(data) == {"conversation", "seq"} for _, _, data in live), "ids only"
    await office.post(f"conversations/{talk}/close")
    first = live[0][0]
    async with asyncio.timeout(30), office.stream("GET", "events", headers={"Last-Event-ID": first}) as stream:
        lines = stream.aiter_lines()
        rest = await events(lines, until="closed")
    told = [identifier for identifier, _, _ in rest]
    assert len(told) == len(set(told)), "once each"
    assert {identifier for identifier, _, _ in live[1:]} <= set(told), "nothing is missing"


async def test_a_stream_tells_nothing_of_another_website(desk, front, office, asked):
    other = await front.page(desk.other)
    async with asyncio.timeout(30), office.stream("GET", "events") as stream:
        lines = stream.aiter_lines()
        await other.post("/v1/visitor/person", json={})
        page = await front.page()
        await page.post("/v1/visitor/person", json={})
        told = await events(lines, until="person_asked")
    mine = (await conversation(page))["id"]
    assert {data["conversation"] for _, _, data in told} == {mine}
    assert (await office.get("events", headers={"Last-Event-ID": "x"})).status_code == 422


async def test_the_visitor_sees_that_a_person_is_typing_and_nothing_is_stored(desk, page, office):
    await page.post("/v1/visitor/person", json={})
    talk = (await conversation(page))["id"]
    before = desk.rows("select count(*) from omniops.conversation_event")
    async with asyncio.timeout(30), page.stream("GET", "/v1/visitor/events", params={"after": 0}) as stream:
        lines = stream.aiter_lines()
        await events(lines, until="message")
        assert (await office.post(f"conversations/{talk}/typing")).status_code == 204
        ((place, kind, data),) = await events(lines, until="typing")
        assert (place, kind, data) == ("1", "typing", {})
        await office.post(f"conversations/{talk}/messages", json={"text": "Mara here."})
        ((place, kind, data),) = await events(lines, until="message")
        assert (place, data["text"]) == ("2", "Mara here.")
    assert desk.rows("select count(*) from omniops.conversation_event")[0][0] == before[0][0] + 1, "the reply"
    assert (await office.post(f"conversations/{uuid4()}/typing")).status_code == 404


async def test_a_take_over_ends_the_answer_on_the_visitors_page(desk, page, office):
    desk.provider.begin(Level("answer"), Text("Four "), HOLD, Text("days."), Done("end"))
    async with asyncio.timeout(30), page.stream("POST", "/v1/visitor/messages", json={"text": "How long?"}) as stream:
        lines = stream.aiter_lines()
        await events(lines, until="text")
        talk = (await conversation(page))["id"]
        await office.post(f"conversations/{talk}/take-over")
        told = await events(lines, until="none")
    assert [kind for _, kind, _ in told] == ["none"]
    assert told[0][2] == {"state": "human"}
    assert desk.provider.open == 0


async def test_who_only_reads_decides_nothing(desk, front, page, asked):
    await front.configure(review=[{"mode": "draft"}])
    await asked(page)
    talk = (await conversation(page))["id"]
    account = desk.domain.scope.account_id
    _, secret = await desk.runtime.keys.create(account, "reads", ["conversation.read"], actor=OPERATOR)
    reader = front.client(Authorization=f"Bearer {secret}")
    reader.base_url = f"{front.base}/v1/domains/{desk.domain.id}/"
    (draft,) = (await reader.get("drafts")).json()["data"]
    for path in ("take-over", "hand-back", "close", "typing", "notes", "messages"):
        answer = await reader.post(
            f"conversations/{talk}/{path}", json={"text": "x"} if path in ("notes", "messages") else None
        )
        assert answer.status_code == 403, path
    assert (await reader.post(f"drafts/{draft['id']}/approve")).status_code == 403
    other = await front.office(desk.other)
    assert (await other.post(f"drafts/{draft['id']}/approve")).status_code == 404
    assert (await other.get(f"conversations/{talk}")).status_code == 404


async def test_what_a_visitor_said_yes_to_stands_beside_the_conversation(front, page, office, asked):
    desk = front.desk
    await asked(page)
    talk = (await conversation(page))["id"]
    for given in (True, False, True):
        said = await page.post("/v1/visitor/consent", json={"purpose": "analytics", "given": given})
        assert said.status_code == 204
    shown = (await office.get(f"conversations/{talk}")).json()["consents"]
    assert [(one["event"], one["method"], one["stands"]) for one in shown] == [
        ("given", "api", False),
        ("withdrawn", "api", False),
        ("given", "api", True),
    ]
    assert shown[-1]["until"] is not None
    desk.clock.forward(days=CHOICE_DAYS)
    (last,) = (await office.get(f"conversations/{talk}")).json()["consents"][2:]
    assert not last["stands"], "a yes whose time is over is none, here as well"


async def test_a_childs_yes_ends_and_counts_again_with_a_parent(front, page, office, asked):
    await asked(page)
    at = f"conversations/{(await conversation(page))['id']}"
    yes = {"purpose": "analytics", "given": True}
    assert (await page.post("/v1/visitor/consent", json=yes)).status_code == 204
    told = await office.put(f"{at}/age", json={"years": 13, "country": "at"})
    assert told.json() == {"child": True, "age": 14, "law": "§ 4(4) Datenschutzgesetz"}
    assert (await conversation(page))["consents"] == {"analytics": "withdrawn"}
    assert code(await page.post("/v1/visitor/consent", json=yes)) == (403, "child")
    assert (await office.post(f"{at}/parent")).status_code == 422, "a parent says to what"
    assert (await office.post(f"{at}/parent", json={"purposes": ["analytics"]})).status_code == 204
    assert (await page.post("/v1/visitor/consent", json=yes)).status_code == 204
    assert code(await page.post("/v1/visitor/consent", json={**yes, "purpose": "chat.remember"})) == (403, "child")
    assert (await office.delete(f"{at}/parent")).status_code == 204
    assert (await conversation(page))["consents"]["analytics"] == "withdrawn"
    assert code(await page.post("/v1/visitor/consent", json=yes)) == (403, "child")
    agent = await front.office(role="agent")
    assert (await agent.put(f"{at}/age", json={"years": 13})).status_code == 403
    assert (await office.put(f"{at}/age", json={"years": 121})).status_code == 422
    stranger = await front.office(domain=front.desk.other)
    assert (await stranger.put(f"{at}/age", json={"years": 13})).status_code == 404
