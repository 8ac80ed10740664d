"""A plugin that only sends, finds and deletes: what happens in conversations is told in its threads once, answers come
from there, and an erased person is gone there. The wall hears on no channel of visitors."""

import json

import httpx2
import pytest
from desk import collect, opened
from omniops.connections.circuit import TRIP
from omniops.contracts.scope import Actor
from omniops.contracts.webhook import Webhook
from omniops.operations.firsts import OPERATOR
from omniops.testing import AnsweringGate
from wall import SECRET, WallPlugin, WallServer

MEMBER = Actor("member", "m1")


class Room:
    """The runtime, the walls outside, and one website that writes on one of them."""

    def __init__(self, desk, wall):
        self.desk, self.wall, self.runtime = desk, wall, desk.runtime

    @property
    def scope(self):
        return self.desk.domain.scope

    async def connect(self, name):
        self.wall.walls[name] = []
        return await self.runtime.connections.connect(self.scope, "wall", {"wall": name}, actor=OPERATOR)

    async def handed_off(self, text="Where is my parcel?"):
        visitor = await self.desk.visitor()
        await collect(await self.desk.ask(visitor, text))
        await self.runtime.conversations.to_person(visitor, self.desk.domain, "en", None)
        await self.work()
        return visitor

    async def answered(self, text, name="main", by="Ben"):
        """Somebody writes in the newest thread of a wall, which tells it. Gives whether it was new."""
        first = [note for note in self.wall.walls[name] if note["thread"] is None][-1]
        note = self.wall.write(name, text, first["id"], by=by)
        return await self.told(name, first["id"], note)

    async def told(self, name, thread, note):
        link = self.links[name]
        body = json.dumps({"wall": name, "thread": thread, "id": note}).encode()
        delivery = Webhook("POST", "https://o.example/", [("x-secret", SECRET)], {}, body, self.desk.clock.now())
        taken = await self.runtime.traffic.intake.take("wall", link.id, delivery)
        await self.work()
        return taken.new

    async def work(self):
        for room in ("conversation", "connections", "conversation"):
            await self.desk.work(room)

    async def again(self):
        """As if all waits were over."""
        self.desk.clock.forward(minutes=15)
        for task in ("conversation:tell", "connections:events", "connections:heard"):
            self.desk.make_due(task)
        await self.work()

    async def people(self, visitor):
        read = await self.desk.messages(visitor.conversation_id)
        return [one.text for one in read if one.author == "person"]

    def posts(self):
        return self.desk.rows("select about, message from omniops.team_post where domain_id = %s", self.scope.domain_id)


@pytest.fixture(scope="module")
async def opened_room(postgres, links, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wall")
    async with opened(links, postgres.root, folder, beside={"wall": WallPlugin}) as desk:
        wall = WallServer()

        def answer(request):
            status, value = wall.respond(request.method, str(request.url.raw_path, "ascii"), request.content)
            return httpx2.Response(status, json=value)

        desk.runtime.loaded("wall").plugin.integration.own.gate = AnsweringGate(answer, processors=["wall"])
        yield Room(desk, wall)


@pytest.fixture
async def room(opened_room):
    """A fresh website with a fresh wall."""
    opened_room.desk.domain = await opened_room.desk.new_domain()
    opened_room.desk.provider.begin()
    opened_room.wall.begin()
    await opened_room.runtime.accounts.switch(opened_room.scope, "wall", on=True, actor=OPERATOR)
    opened_room.links = {"main": await opened_room.connect("main")}
    return opened_room


async def test_a_conversation_is_told_in_one_thread_and_answered_from_there(room):
    room.links["other"] = await room.connect("other")
    visitor = await room.handed_off()
    (first,) = room.wall.texts()
    assert first.startswith("A visitor needs a person. (website, en)\n| Where is my parcel?\nReply in this thread")
    assert await room.answered("It left today.") == 1
    assert await room.people(visitor) == ["It left today."]
    assert [note["text"] for note in room.wall.walls["other"]][1:] == ["Answered in OmniOps:\n| It left today.\n"], (
        "what one team answered is news for the other, and none where it was written"
    )
    await collect(await room.desk.ask(visitor, "Thank you!"))
    await room.runtime.inbox.reply(room.scope, visitor.conversation_id, "You are welcome.", actor=MEMBER)
    await room.runtime.inbox.close(room.scope, visitor.conversation_id, actor=MEMBER)
    await room.work()
    assert [text.splitlines()[0] for text in room.wall.texts()[2:]] == [
        "Visitor:",
        "Answered in OmniOps:",
        "This conversation is closed.",
    ]
    for note in list(room.wall.walls["main"]):
        await room.told("main", note["thread"] or note["id"], note["id"])
    assert await room.people(visitor) == ["It left today.", "You are welcome."], "what is ours is no reply"


async def test_what_arrived_although_nobody_was_told_is_not_told_twice(room):
    room.wall.lost = 1
    visitor = await room.handed_off()
    assert await room.answered("I take it.") == 1
    assert await room.people(visitor) == [], "its thread is not known yet"
    await room.again()
    await room.again()
    assert len(room.wall.texts()) == 2, "the message of before was found"
    assert await room.people(visitor) == ["I take it."]


async def test_a_reply_that_waits_for_a_message_of_ours_is_no_failure_of_the_wall(room):
    room.wall.lost = 1
    visitor = await room.handed_off()
    assert await room.answered("I take it.") == 1
    for _ in range(TRIP):
        assert room.desk.make_due("connections:events")
        await room.desk.work("connections")
    statement = "select troubles, resumes_at from omniops.connection where domain_id = %s"
    states = room.desk.rows(statement, room.scope.domain_id)
    assert states == [(1, None)], "the message whose answer was lost, and nothing else"
    await room.again()
    await room.again()
    assert await room.people(visitor) == ["I take it."]


async def test_while_the_wall_is_away_the_news_waits_and_then_comes_once(room):
    room.wall.failing = (503, {})
    await room.handed_off()
    assert room.wall.texts() == []
    room.wall.failing = None
    await room.again()
    assert len(room.wall.texts()) == 1


async def test_a_message_of_ours_that_nobody_noticed_is_no_reply(room):
    visitor = await room.handed_off()
    room.wall.lost = 1
    await collect(await room.desk.ask(visitor, "Are you there?"))
    await room.work()
    room.wall.failing = (503, {})
    await room.again()
    room.wall.failing = None
    first, second = room.wall.walls["main"]
    room.desk.clock.forward(minutes=15)
    await room.told("main", first["id"], second["id"])
    assert await room.people(visitor) == []


async def test_a_wall_that_is_gone_leaves_no_claim_and_the_business_learns_of_it(room):
    room.wall.walls.clear()
    await room.handed_off()
    assert room.posts() == []
    (*_, last) = await room.runtime.connections.events(room.scope, room.links["main"].id)
    assert last.event == "not_told"


async def test_an_erased_person_is_gone_there_and_nobody_else(room):
    visitor = await room.handed_off("My name is Ada.")
    room.wall.lost = 1
    await collect(await room.desk.ask(visitor, "Ada again"))
    await room.work()
    other = await room.handed_off("My name is Bob.")
    persons = room.runtime.privacy.persons
    (store,) = [one for one in await persons.stores.of(room.scope) if one.key == "wall.posts-wall"]
    person = await persons.people.person(room.scope, [visitor.subject_id], actor=MEMBER)
    copy = (await persons.stores.ask(store, "export", person)).data
    assert [place["channel"] for place in copy["messages"]] == ["main", "main"]
    duty = await persons.erase(room.scope, visitor.subject_id, actor=MEMBER)
    assert duty.closed, duty.to_json()
    assert [text.splitlines()[1] for text in room.wall.texts()] == ["| My name is Bob."]
    assert [about for about, _ in room.posts()] == [other.subject_id]
    assert (await persons.stores.ask(store, "erase", person)).state == "nothing_held"


async def test_what_cannot_be_deleted_there_is_no_erasure(room):
    visitor = await room.handed_off("My name is Ada.")
    room.wall.failing = (503, {})
    duty = await room.runtime.privacy.persons.erase(room.scope, visitor.subject_id, actor=MEMBER)
    assert not duty.closed
    assert [task.state for task in duty.tasks if task.store == "wall.posts-wall"] != ["done"]
    assert len(room.posts()) == 1, "the note stays until it is done"


async def test_the_books_end_with_the_connection(room):
    await room.handed_off()
    await room.runtime.connections.disconnect(room.scope, room.links["main"].id, actor=MEMBER)
    assert room.posts() == []
    rows = "select count(*) from omniops.team_thread where domain_id = %s"
    assert room.desk.rows(rows, room.scope.domain_id) == [(0,)]
