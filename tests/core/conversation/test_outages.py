"""Messages while a channel's other side is away, or refuses our access: they wait, and leave once, in order."""

from datetime import timedelta

import psycopg
import pytest
from desk_plugins import letter
from omniops.contracts.channel import Window
from omniops.contracts.scope import Actor
from omniops.conversation.waiting import PATIENCE
from omniops.errors import NotReady, Reconnect
from omniops.operations.firsts import OPERATOR

MEMBER = Actor("member", "m")


def in_outbox(desk):
    return desk.rows(
        "select state, attempts, problem, reference from omniops.outbox where domain_id = %s order by created_at",
        desk.domain.id,
    )


def threads_of(desk):
    return desk.rows(
        "select id, state, connection_id from omniops.conversation where domain_id = %s order by id", desk.domain.id
    )


@pytest.fixture
async def post(desk):
    """A connection of the domain."""
    return await desk.connection()


async def later(desk, **by):
    """As if some time had passed: what waited no longer than that is tried."""
    desk.clock.forward(**by)
    desk.rows(
        "update jobs.procrastinate_jobs set scheduled_at = null"
        " where status = 'todo' and task_name = 'conversation:due' and scheduled_at <= %s",
        desk.clock.now(),
    )
    await desk.work()
    while desk.make_due():
        await desk.work()


async def test_the_other_side_is_away_for_a_day_and_everything_arrives_once_and_in_order(desk, post):
    desk.channel.begin(*[NotReady("away")] * 500)
    await desk.take(post, letter("How long?"))
    await desk.work()
    since = desk.clock.now()
    while desk.make_due():  # until the other side is left alone; others of the conversation wait behind these tries
        await desk.work()
    ((conversation, _, _),) = threads_of(desk)
    for words in ("Mara here.", "It left on Monday."):
        await desk.runtime.inbox.reply(desk.domain.scope, conversation, words, actor=MEMBER)
    await desk.take(post, letter("How long is it?", thread="thread-2", sender="ann@post.example"))
    await desk.work()
    for _ in range(24):
        await later(desk, hours=1)
    assert desk.channel.sent == []
    states = [(state, problem) for state, _, problem, _ in in_outbox(desk)]
    assert sorted(states, key=str) == [("failed", "taken_over"), *[("waiting", "away")] * 3]
    assert len(desk.channel.troubles) > 460, "ever more rarely, and once for all that waits"
    waiting = [one for one in await desk.messages(conversation) if one.author == "person"]
    assert {(one.delivery, one.problem) for one in waiting} == {("waiting", "away")}
    assert all(since <= one.waiting_since < since + timedelta(minutes=5) for one in waiting)
    assert [view.state for view in await desk.runtime.connections.all(desk.domain.scope)] == ["degraded"]

    desk.channel.begin()
    for _ in range(3):
        await later(desk, hours=1)
    sent = [(one.thread, one.text) for one in desk.channel.sent]
    mara = [("thread-1", "Mara here."), ("thread-1", "It left on Monday.")]
    assert [one for one in sent if one[0] == "thread-1"] == mara
    assert sorted(sent) == sorted([*mara, ("thread-2", "Four working days.")])
    assert {one.waiting_since for one in await desk.messages(conversation)} == {None}
    assert [view.state for view in await desk.runtime.connections.all(desk.domain.scope)] == ["connected"]


async def test_who_is_away_for_days_is_given_up_and_what_is_sent_again_has_its_days_anew(desk, post):
    desk.channel.begin(*[NotReady("away")] * 500)
    await desk.take(post, letter("How long?"))
    await desk.work()
    await later(desk, hours=1)
    await later(desk, days=PATIENCE.days)
    told = [(state, problem) for state, _, problem, _ in in_outbox(desk)]
    assert told == [("failed", "gave_up"), ("waiting", "away")], (
        "the visitor hears that a person answers, once they can"
    )
    (dead,) = await desk.runtime.inbox.undelivered.all(desk.domain.scope)
    await desk.runtime.inbox.undelivered.resend(desk.domain.scope, dead.id, actor=MEMBER)
    await desk.work()
    await later(desk, hours=2)
    assert [state for state, *_ in in_outbox(desk)] == ["waiting", "waiting"]
    desk.channel.begin()
    await later(desk, hours=2)
    assert len(desk.channel.sent) == 2


async def test_the_time_for_writing_ends_while_the_other_side_is_away(desk, post):
    desk.channel.begin(*[NotReady("away")] * 500, window=Window(open=timedelta(hours=24)))
    await desk.take(post, letter("How long?"))
    await desk.work()
    for _ in range(30):
        await later(desk, hours=1)
    assert [(state, problem) for state, _, problem, _ in in_outbox(desk)] == [("failed", "window_over")]
    asked = len(desk.channel.troubles)
    desk.channel.begin(window=Window(open=timedelta(hours=24)))
    await later(desk, hours=5)
    assert asked > 400
    assert desk.channel.sent == []
    ((state,),) = desk.rows("select state from omniops.conversation where domain_id = %s", desk.domain.id)
    assert state in ("waiting", "human"), "a person looks at it"


async def test_what_lost_its_job_while_it_waited_is_sent_all_the_same(desk, post):
    desk.channel.begin(*[NotReady("away", retry_after=600)])
    await desk.take(post, letter("How long?"))
    await desk.work()
    admin = desk.runtime.database.links.admin.conninfo()
    with psycopg.connect(admin, options="-c search_path=jobs") as connection:
        connection.execute("delete from procrastinate_jobs where task_name = 'conversation:due'")
    desk.clock.forward(hours=1)
    await desk.runtime.intake._sender._waiting.overdue()
    await desk.work()
    assert len(desk.channel.sent) == 1


async def test_refused_access_is_not_used_and_what_waits_leaves_once_somebody_connects_again(desk, post):
    desk.channel.begin(Reconnect("The token was revoked."))
    await desk.take(post, letter("How long?"))
    await desk.work()
    desk.channel.begin(*[Reconnect("The token was revoked.")] * 9)
    for _ in range(5):
        await later(desk, hours=2)
    assert len(desk.channel.troubles) == 9, "nothing is asked with credentials that were refused"
    desk.channel.begin()
    connections, scope = desk.runtime.connections, desk.domain.scope
    wish = connections.wish("post", "", {}, None, OPERATOR)
    settings, _ = await connections.opened(await connections.row(scope, post.id))
    await connections.keep(scope, wish, settings, actor=OPERATOR, connection_id=post.id)
    await desk.work("connections")
    await desk.work()
    assert len(desk.channel.sent) == 1, "it leaves as soon as somebody connected again"
