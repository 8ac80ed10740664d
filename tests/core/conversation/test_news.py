"""What happens in conversations is told where the people of the business work: in order, once, and to nobody else."""

from uuid import uuid4

import pytest
from board import BoardPlugin, answered, board
from desk import collect, opened
from omniops.connections import telling
from omniops.contracts.scope import Actor
from omniops.errors import NotReady, Permanent, Reconnect
from omniops.operations.firsts import OPERATOR

MEMBER = Actor("member", "m1")


@pytest.fixture(scope="module")
async def opened_room(postgres, links, tmp_path_factory):
    folder = tmp_path_factory.mktemp("board")
    async with opened(links, postgres.root, folder, beside={"board": BoardPlugin}) as desk:
        desk.board = desk.runtime.loaded("board").plugin.integration
        yield desk


@pytest.fixture
async def room(opened_room):
    """A fresh domain with a board."""
    opened_room.domain = await opened_room.new_domain()
    opened_room.provider.begin()
    opened_room.board.begin()
    opened_room.link = await board(opened_room, opened_room.domain)
    return opened_room


async def handed_off(room, text="Where is my parcel?"):
    """A visitor who was answered, and wants a person."""
    visitor = await room.visitor()
    await collect(await room.ask(visitor, text))
    await room.runtime.conversations.to_person(visitor, room.domain, "en", None)
    return visitor


def told(room):
    return [(news.kind, news.author, news.text) for _, news in room.board.told]


async def test_from_the_hand_off_on_everything_is_told_in_order_and_once(room):
    visitor = await handed_off(room)
    await room.work()
    ((link, first),) = room.board.told
    assert (link, first.kind, first.text) == (room.link.id, "handed_off", "Where is my parcel?")
    assert (first.conversation_id, first.subject_id) == (visitor.conversation_id, visitor.subject_id)
    assert (first.channel, first.language, first.origin) == ("website", "en", "")
    await collect(await room.ask(visitor, "It is urgent."))
    await room.runtime.inbox.reply(room.domain.scope, visitor.conversation_id, "It left today.", actor=MEMBER)
    await room.runtime.inbox.close(room.domain.scope, visitor.conversation_id, actor=MEMBER)
    await room.work()
    assert told(room)[1:3] == [("message", "visitor", "It is urgent."), ("message", "person", "It left today.")]
    assert told(room)[3][:2] == ("closed", "system")
    assert len(told(room)) == 4
    ids, numbers = zip(*((news.id, news.seq) for _, news in room.board.told), strict=True)
    assert len(set(ids)) == 4
    assert list(numbers) == sorted(numbers)


async def test_what_the_ai_answers_is_no_news(room):
    await collect(await room.ask(await room.visitor(), "How long does it take?"))
    await room.work()
    assert told(room) == []


async def test_a_reply_from_there_names_where_it_came_from(room):
    visitor = await handed_off(room)
    await room.work()
    await room.hear(room.link, answered(visitor.conversation_id, "I take it."))
    await room.work()
    (_, news) = room.board.told[-1]
    assert (news.author, news.text, news.origin) == ("person", "I take it.", "board-1")


async def test_while_the_other_side_is_away_the_news_waits_in_order(room):
    room.board.begin(NotReady("away"), ValueError("odd"))
    visitor = await handed_off(room)
    await room.work()
    await collect(await room.ask(visitor, "It is urgent."))
    await room.runtime.jobs.work(wait=False)
    assert told(room) == [], "what came later waits behind"
    for _ in range(2):
        room.make_due("conversation:tell")
        await room.runtime.jobs.work(wait=False)
    await room.work()
    assert [kind for kind, *_ in told(room)] == ["handed_off", "message"]


@pytest.mark.parametrize("trouble", [Permanent("no such channel"), Reconnect("revoked")])
async def test_what_can_never_be_told_holds_nothing_up(room, trouble):
    room.board.begin(trouble)
    visitor = await handed_off(room)
    await room.work()
    assert told(room) == []
    waiting = room.rows(
        "select count(*) from jobs.procrastinate_jobs where status = 'todo' and task_name = %s", "conversation:tell"
    )
    assert waiting == [(0,)]
    state = (await room.runtime.connections.one(room.domain.scope, room.link.id)).state
    assert state == ("needs_reauth" if isinstance(trouble, Reconnect) else "connected")
    await collect(await room.ask(visitor, "It is urgent."))
    await room.work()
    assert len(told(room)) == (0 if isinstance(trouble, Reconnect) else 1)


async def test_a_place_that_is_gone_is_told_to_the_business_once_and_so_is_that_it_works_again(room):
    members, member = room.runtime.members, f"{uuid4().hex[:8]}@shop.example"
    link = await members.setup_link(room.domain.scope.account_id)
    await members.finish_setup(link, email=member, name="", password="correct horse battery staple")
    room.board.begin(Permanent("no such channel"), Permanent("no such channel"))
    for _ in range(3):
        await handed_off(room)
        await room.work()
        await room.work("connections")
        await room.work("mail")
    happened = [one.event for one in await room.runtime.connections.events(room.domain.scope, room.link.id)]
    assert happened == ["connected", "not_told", "told"]
    room.board.begin(Permanent("no such thread"))
    await handed_off(room)
    await room.work()
    for _ in range(2):
        await room.work("connections")
        await room.work("mail")
    assert [mail.subject for mail in room.mailer.sent if mail.to == member] == ["Board cannot be told of conversations"]


async def test_a_plugin_that_hangs_is_asked_again(room, monkeypatch):
    monkeypatch.setattr(telling, "PATIENCE", 0.01)
    room.board.hangs = True
    await handed_off(room)
    await room.work()
    room.board.hangs = False
    room.make_due("conversation:tell")
    await room.work()
    assert [kind for kind, *_ in told(room)] == ["handed_off"]


async def test_of_an_erased_person_nothing_is_told(room):
    room.board.begin(NotReady("away"))
    visitor = await handed_off(room)
    await room.work()
    await room.runtime.privacy.persons.erase(room.domain.scope, visitor.subject_id, actor=OPERATOR)
    await room.work("privacy")
    room.make_due("conversation:tell")
    await room.work()
    assert told(room) == []


async def test_where_the_plugin_is_off_or_gone_nothing_is_told(room):
    await room.runtime.accounts.switch(room.domain.scope, "board", on=False, actor=OPERATOR)
    await handed_off(room)
    await room.work()
    await room.runtime.accounts.switch(room.domain.scope, "board", on=True, actor=OPERATOR)
    room.board.begin(NotReady("away"))
    await handed_off(room)
    await room.work()
    await room.runtime.connections.disconnect(room.domain.scope, room.link.id, actor=OPERATOR)
    room.make_due("conversation:tell")
    await room.work()
    assert told(room) == []


async def test_nobody_else_is_told(room):
    domain, link = room.domain, room.link
    room.domain = await room.new_domain()
    await board(room, room.domain)
    room.board.begin()
    await handed_off(room)
    await room.work()
    ((told_link, news),) = room.board.told
    assert told_link != link.id
    assert domain.id != room.domain.id
    assert news.kind == "handed_off"
