"""Streams over HTTP while they run: one answer at a time, stop, a cut line taken up again, the end of the server."""

import asyncio
import json
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx2
import pytest
from desk import serving
from desk_plugins import ANSWER, HOLD
from omniops.contracts.provider import Done, Level, Text


@pytest.fixture
async def browser(desk):
    """A visitor's page on the domain's website."""
    desk.provider.begin(Level("answer"), Text("Four "), HOLD, Text("days."), Done("end"))
    async with (
        serving(desk.runtime) as base,
        httpx2.AsyncClient(base_url=base, headers={"Origin": desk.domain.origins[0]}, timeout=30) as client,
    ):
        answer = await client.post("/v1/visitor/sessions", json={"key": desk.domain.widget_key})
        client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        yield client


class Reading:
    """Events of an open stream, one by one."""

    def __init__(self, answer):
        self.answer = answer
        self._lines = answer.aiter_lines()

    async def event(self):
        """The next event as (id, kind, data), or None at the end."""
        fields = {}
        async for line in self._lines:
            if not line and fields:
                return int(fields["id"]), fields["event"], json.loads(fields["data"])
            name, colon, value = line.partition(": ")
            if colon and name:
                fields[name] = value
        return None

    async def until(self, kind):
        while (event := await self.event())[1] != kind:
            continue
        return event

    async def rest(self):
        events = []
        while (event := await self.event()) is not None:
            events.append(event)
        return events


@asynccontextmanager
async def asking(browser, text="How long?", key=None):
    headers = {"Idempotency-Key": key or uuid4().hex}
    async with browser.stream("POST", "/v1/visitor/messages", json={"text": text}, headers=headers) as answer:
        assert answer.status_code == 200
        yield Reading(answer)


async def test_what_is_written_arrives_while_the_rest_is_not_there_yet(desk, browser):
    async with asking(browser) as reading:
        assert (await reading.until("text"))[2] == {"text": "Four "}
        assert desk.provider.open == 1
        history = (await browser.get("/v1/visitor/conversation")).json()
        assert history["running_turn"]["id"]
        assert [message["author"] for message in history["messages"]] == ["visitor"]
        desk.provider.go.set()
        assert (await reading.rest())[-1][1] == "done"
    assert (await browser.get("/v1/visitor/conversation")).json()["running_turn"] is None


async def test_a_second_question_meanwhile_is_a_conflict(desk, browser):
    async with asking(browser) as reading:
        await reading.until("text")
        answer = await browser.post("/v1/visitor/messages", json={"text": "And?"})
        assert answer.status_code == 409
        problem = answer.json()
        assert problem["code"] == "turn_running"
        assert "stop" in problem["detail"]
        desk.provider.go.set()
        assert (await reading.rest())[-1][1] == "done"


async def test_the_same_request_meanwhile_follows_the_same_answer(desk, browser):
    key = uuid4().hex
    async with asking(browser, key=key) as first, asking(browser, key=key) as second:
        await first.until("text")
        desk.provider.go.set()
        (one, two) = (await first.rest())[-1], (await second.rest())[-1]
    assert one == two
    assert len(desk.provider.requests) == 1


async def test_stop_ends_the_stream_at_once(desk, browser):
    async with asking(browser) as reading:
        turn = (await reading.until("turn"))[2]["id"]
        await reading.until("text")
        assert (await browser.post(f"/v1/visitor/turns/{turn}/stop")).status_code == 204
        assert desk.provider.open == 0
        rest = await reading.rest()
        assert [kind for _, kind, _ in rest] == ["error"]
    messages = (await browser.get("/v1/visitor/conversation")).json()["messages"]
    assert [(m["author"], m["interrupted"], m["text"]) for m in messages] == [
        ("visitor", False, "How long?"),
        ("ai", True, "Four"),
    ]


async def test_a_line_that_is_cut_is_taken_up_after_the_last_event_seen(desk, browser):
    async with asking(browser) as first:
        turn = (await first.until("turn"))[2]["id"]
        seen = (await first.until("text"))[0]
        async with browser.stream("GET", f"/v1/visitor/turns/{turn}/events", params={"after": seen}) as answer:
            await first.answer.aclose()
            desk.provider.go.set()
            rest = await Reading(answer).rest()
    assert [(number, kind) for number, kind, _ in rest] == [(seen + 1, "text"), (seen + 2, "done")]
    assert rest[0][2] == {"text": "days."}
    assert rest[1][2]["text"] == "Four days."


async def test_a_closed_page_stops_the_upstream(desk, browser):
    async with asking(browser) as reading:
        await reading.until("text")
        turn = (await browser.get("/v1/visitor/conversation")).json()["running_turn"]["id"]
    async with asyncio.timeout(10):
        while (await browser.get("/v1/visitor/conversation")).json()["running_turn"] is not None:
            continue
    assert desk.provider.open == 0
    events = await Reading(await browser.send(browser.build_request("GET", f"/v1/visitor/turns/{turn}/events"))).rest()
    assert [kind for _, kind, _ in events] == ["error"]


async def test_streams_end_when_the_server_stops(desk):
    async with asyncio.timeout(20):
        async with serving(desk.runtime) as base:
            client = httpx2.AsyncClient(base_url=base, timeout=30)
            answer = await client.post("/v1/visitor/sessions", json={"key": desk.domain.widget_key})
            headers = {"Authorization": f"Bearer {answer.json()['token']}"}
            request = client.build_request("GET", "/v1/visitor/events", headers=headers)
            events = await client.send(request, stream=True)
        assert await Reading(events).rest() == []
        await client.aclose()


@pytest.mark.parametrize(
    "path", ["/v1/visitor/turns/{turn}/events", "/v1/visitor/turns/{turn}/stop", "/v1/visitor/turns/x/events"]
)
async def test_a_turn_of_somebody_else_is_as_good_as_none(desk, browser, path):
    desk.provider.begin(*ANSWER)
    async with asking(browser) as reading:
        turn = (await reading.until("turn"))[2]["id"]
        await reading.rest()
    stranger = await browser.post("/v1/visitor/sessions", json={"key": desk.domain.widget_key})
    headers = {"Authorization": f"Bearer {stranger.json()['token']}"}
    method = "POST" if path.endswith("stop") else "GET"
    theirs = await browser.request(method, path.format(turn=turn), headers=headers)
    nobodys = await browser.request(method, path.format(turn=uuid4()), headers=headers)
    assert theirs.status_code == nobodys.status_code == (422 if "/x/" in path else 404)
    assert {**theirs.json(), "request_id": ""} == {**nobodys.json(), "request_id": ""}


@pytest.mark.parametrize("after", ["-1", "x", "1e9"])
async def test_a_bad_place_to_resume_from_is_named(desk, browser, after):
    answer = await browser.get(f"/v1/visitor/turns/{uuid4()}/events", params={"after": after})
    assert answer.status_code == 422
    assert "after" in answer.json()["where"]
