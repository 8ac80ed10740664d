"""The webhooks' way in: who sent it, each thing once and in order, nothing lost and nothing doubled, nobody held up."""

import asyncio
import json
import threading
from datetime import timedelta
from uuid import uuid4

import httpx2
import market
import psycopg
import pytest
from desk import serving
from desk_plugins import letter, signature
from market import SECRET, order, told, word
from omniops.connections import intake
from omniops.connections.circuit import TELL_AFTER, TRIP
from omniops.connections.working import GIVE_UP
from omniops.errors import NotFound, NotReady, Permanent, Reconnect, Refused, Rejected
from omniops.operations.firsts import OPERATOR
from pydantic import SecretStr


async def take(stand, *things, secret=SECRET, connection=None, **more):
    delivery = told(*things, secret=secret, clock=stand.clock, **more)
    return await stand.runtime.traffic.intake.take("market", (connection or stand.stall).id, delivery)


def log(stand):
    return stand.rows(
        "select what, name, state, attempts, problem from omniops.arrival where connection_id = %s order by seq",
        stand.stall.id,
    )


async def work(stand):
    await stand.work("connections")


async def again(stand):
    """As if the waits were over."""
    for task in ("connections:events", "connections:heard"):
        stand.make_due(task)
    await work(stand)


def handled(stand):
    return [(event.data["number"], event.data["state"]) for event in stand.market.handled]


async def view(stand):
    return await stand.runtime.connections.one(stand.domain.scope, stand.stall.id)


async def texts(stand):
    rows = stand.rows("select id from omniops.conversation where domain_id = %s order by id", stand.domain.id)
    return [[(m.author, m.text) for m in await stand.messages(conversation)] for (conversation,) in rows]


def lanes(stand):
    return [
        lane
        for (lane,) in stand.rows("select distinct lane from omniops.arrival where connection_id = %s", stand.stall.id)
    ]


async def store(stand):
    """Stores what was heard, as its jobs do; no other job runs."""
    for lane in lanes(stand):
        await stand.runtime.traffic.working.heard(stand.domain.scope, str(stand.stall.id), lane)


async def test_an_event_is_kept_once_and_handled_once_with_declared_fields_only(stand):
    one = order(7, "paid")
    assert (await take(stand, one)).new == 1
    assert (await take(stand, one)).new == 0
    taken = await asyncio.gather(*(take(stand, order(8, "paid")) for _ in range(4)))
    assert sorted(one.new for one in taken) == [0, 0, 0, 1]
    await work(stand)
    assert handled(stand) == [(7, "paid"), (8, "paid")]
    assert all(set(event.data) == {"number", "state"} for event in stand.market.handled), "nobody declared the other"
    kept = stand.rows("select event::text from omniops.arrival where connection_id = %s", stand.stall.id)
    assert b"CANARY".hex() not in str(kept)
    assert {state for _, _, state, _, _ in log(stand)} == {"done"}


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("x-post-signature", "")],
        [("x-post-signature", "Größe")],
        [("x-post-signature", signature(b"[]", "of-another"))],
        [("x-post-signature", signature(b"[]", ""))],
        [("x-post-signature", signature(b"[]", SECRET))] * 2,
    ],
)
async def test_who_is_not_known_leaves_nothing(stand, headers):
    with pytest.raises(Refused) as refused:
        await take(stand, headers=headers)
    assert refused.value.reason == "bad_signature"
    assert log(stand) == []


async def test_one_byte_and_a_secret_that_is_empty(stand):
    delivery = told(order(1, "paid"), secret=SECRET, clock=stand.clock)
    for changed in (delivery.body[:-1] + b" ", delivery.body + b" ", delivery.body.replace(b"paid", b"pa1d")):
        altered = type(delivery)("POST", delivery.url, delivery.headers, {}, changed, delivery.received_at)
        with pytest.raises(Refused):
            await stand.runtime.traffic.intake.take("market", stand.stall.id, altered)
    other = await stand.new_domain()
    await stand.runtime.accounts.switch(other.scope, "market", on=True, actor=OPERATOR)
    without = await stand.runtime.connections.connect(other.scope, "market", {"secret": ""}, actor=OPERATOR)
    with pytest.raises(Refused):
        await take(stand, order(1, "paid"), secret="", connection=without)
    assert log(stand) == []


async def test_kinds_that_nobody_knows_are_taken_and_ignored_and_nonsense_is_not(stand):
    assert (await take(stand, {"kind": "order.danced", "id": "1", "data": {}})).new == 0
    with pytest.raises(Rejected):
        await take(stand, {"kind": "order.changed"})
    assert log(stand) == []


async def test_over_http_with_the_handshake_and_what_is_not_there(stand):
    async with serving(stand.runtime) as base, httpx2.AsyncClient(base_url=base, timeout=30) as http:
        path = f"/webhooks/market/{stand.stall.id}"
        body = json.dumps([order(1, "bezahlt für Grüße")], ensure_ascii=False).encode()
        answer = await http.post(path, content=body, headers={"X-Post-Signature": signature(body, SECRET)})
        assert (answer.status_code, answer.content) == (200, b"")
        twice = httpx2.Headers([("X-Post-Signature", signature(body, SECRET))] * 2)
        assert (await http.post(path, content=body, headers=twice)).status_code == 401
        page = "<script>1</script>"
        shake = {"X-Post-Signature": signature(page.encode(), SECRET)}
        answer = await http.get(path, params={"challenge": page}, headers=shake)
        assert (answer.status_code, answer.text) == (200, page)
        assert answer.headers["content-type"].startswith("text/plain")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert (await http.get(path, params={"challenge": "x"}, headers=shake)).status_code == 401
        big = b" " * (10 * 2**20)
        assert (await http.post(path, content=big)).status_code == 413
        assert (await http.post("/webhooks/market", content=body)).status_code == 401
        for nowhere in (f"/webhooks/market/{uuid4()}", f"/webhooks/nobody/{stand.stall.id}", "/webhooks/nobody"):
            assert (await http.post(nowhere, content=body, headers=shake)).status_code == 404


async def test_where_the_plugin_is_off_nothing_is_there_and_others_live_on(stand):
    await stand.runtime.accounts.switch(stand.domain.scope, "market", on=False, actor=OPERATOR)
    with pytest.raises(NotFound):
        await take(stand, order(1, "paid"))
    post = await stand.connection()
    assert await stand.take(post, letter("How long?")) == 1


async def test_what_is_changed_counts_with_the_very_next_delivery(stand):
    """Behind the back of this process's memory: nothing here waits for a notice."""
    connections, scope = stand.runtime.connections, stand.domain.scope
    assert (await take(stand, order(1, "paid"))).new == 1
    switch = "update omniops.plugin_switch set is_on = %s where domain_id = %s and plugin = 'market'"
    stand.rows(switch, False, stand.domain.id)
    with pytest.raises(NotFound):
        await take(stand, order(2, "paid"))
    stand.rows(switch, True, stand.domain.id)
    settings, _ = await connections.opened(await connections.row(scope, stand.stall.id))
    assert (await take(stand, order(2, "paid"))).new == 1
    new = settings.model_copy(update={"secret": SecretStr("another")})
    wish = connections.wish("market", "", {}, None, OPERATOR)
    await connections.keep(scope, wish, new, actor=OPERATOR, connection_id=stand.stall.id)
    with pytest.raises(Refused):
        await take(stand, order(3, "paid"))
    assert (await take(stand, order(3, "paid"), secret="another")).new == 1
    await connections.disconnect(scope, stand.stall.id, actor=OPERATOR)
    with pytest.raises(NotFound):
        await take(stand, order(4, "paid"), secret="another")


async def test_a_plugin_that_hangs_or_fails_is_told_again_and_holds_nobody_up(stand, monkeypatch):
    monkeypatch.setattr(intake, "DEADLINE", 0.2)
    let_go = threading.Event()
    stand.market.receives = lambda webhook, link: let_go.wait(60)
    try:
        hanging = [asyncio.create_task(take(stand, order(n, "paid"))) for n in range(intake.PLACES + 4)]
        post = await stand.connection()
        monkeypatch.setattr(intake, "DEADLINE", 30)
        assert await stand.take(post, letter("How long?")) == 1
        for one in await asyncio.gather(*hanging, return_exceptions=True):
            assert isinstance(one, NotReady)
    finally:
        let_go.set()
    for wrong in (lambda webhook, link: 1 / 0, lambda webhook, link: None, lambda webhook, link: [order(1, "paid")]):
        stand.market.receives = wrong
        with pytest.raises(NotReady):
            await take(stand, order(1, "paid"))
    stand.market.receives = stand.market._receive
    assert (await take(stand, order(1, "paid"))).new == 1


async def test_one_address_for_all_finds_whose_each_thing_is(stand):
    other = await stand.new_domain()
    number = f"s-{uuid4().hex[:6]}"
    theirs = await market.stall(stand, other, number)
    mine = (await stand.runtime.connections.link(stand.domain.scope, stand.stall.id)).connection.stall
    things = [
        {**order(1, "paid"), "stall": mine},
        {**order(1, "paid"), "stall": number},
        {**order(1, "paid"), "stall": "s-nobody"},
        order(1, "paid", "without"),
    ]
    delivery = told(*things, secret=market.OPERATORS, clock=stand.clock)
    assert (await stand.runtime.traffic.intake.take_any("market", delivery)).new == 2
    assert (await stand.runtime.traffic.intake.take_any("market", delivery)).new == 0
    kept = "select count(*) from omniops.arrival where connection_id = %s"
    assert [stand.rows(kept, one.id) for one in (stand.stall, theirs)] == [[(1,)], [(1,)]]
    with pytest.raises(Refused):
        await stand.runtime.traffic.intake.take_any("market", told(*things, secret=SECRET, clock=stand.clock))


async def test_what_is_about_one_object_is_handled_in_order_whatever_fails(stand):
    stand.market.begin(NotReady("busy"), None, None, NotReady("busy"))
    for state in ("new", "paid", "sent"):
        await take(stand, order(7, state))
    await take(stand, order(8, "new"))
    await work(stand)
    assert (7, "paid") not in handled(stand)[:1]
    for _ in range(3):
        stand.clock.forward(minutes=2)
        await again(stand)
    assert [state for number, state in handled(stand) if number == 7] == ["new", "paid", "sent"]
    assert (8, "new") in handled(stand)
    assert {state for _, _, state, _, _ in log(stand)} == {"done"}


async def test_the_other_side_is_away_for_a_day_and_nothing_is_lost_or_doubled(stand):
    await take(stand, *(order(n, "paid") for n in range(3)))
    stand.market.begin(*[NotReady("down")] * 500)
    for _ in range(TRIP + TELL_AFTER + 4):
        await again(stand)
        stand.clock.forward(hours=2)
    assert (await view(stand)).state == "degraded"
    assert stand.market.handled == []
    await again(stand)
    asked = len(stand.market.troubles)
    for _ in range(3):
        await stand.runtime.traffic.working.events(stand.domain.scope, str(stand.stall.id), lanes(stand)[0])
    assert len(stand.market.troubles) == asked, "while it rests, nothing is asked of it"
    events = [one.event for one in await stand.runtime.connections.events(stand.domain.scope, stand.stall.id)]
    assert (events.count("degraded"), events.count("away")) == (1, 1)
    stand.market.begin()
    await again(stand)
    for minutes in (120, 2):  # one tries whether it is back, the others follow
        stand.clock.forward(minutes=minutes)
        await again(stand)
    assert sorted(handled(stand)) == [(n, "paid") for n in range(3)]
    assert (await view(stand)).state == "connected"


async def test_what_can_never_work_is_a_dead_letter_and_can_be_replayed(stand):
    stand.market.begin(Permanent("There is no such order."))
    await take(stand, order(7, "new"), order(7, "paid"))
    await work(stand)
    assert handled(stand) == [(7, "paid")], "what came after it goes on"
    assert log(stand)[0][2:] == ("failed", 0, "permanent")
    arrivals = stand.runtime.traffic.arrivals
    scope, since = stand.domain.scope, stand.clock.now() - timedelta(hours=1)
    assert await arrivals.replay_failed(scope, stand.stall.id, since, actor=OPERATOR) == 1
    with pytest.raises(Rejected, match="still waits"):
        (waiting,) = await arrivals.all(scope, stand.stall.id, state="waiting")
        await arrivals.replay(scope, stand.stall.id, waiting.id, actor=OPERATOR)
    await work(stand)
    assert handled(stand) == [(7, "paid"), (7, "new")]
    with pytest.raises(NotFound):
        await arrivals.replay((await stand.new_domain()).scope, stand.stall.id, waiting.id, actor=OPERATOR)


async def test_an_event_that_fails_for_too_long_is_given_up(stand):
    stand.market.begin(*[NotReady("down")] * 500)
    await take(stand, order(7, "new"))
    await work(stand)
    stand.clock.forward(days=GIVE_UP.days, hours=2)
    await again(stand)
    assert log(stand)[0][2] == "failed"


async def test_what_an_event_tells_is_heard_and_answered(stand):
    stand.market.heard = [market.Incoming("d-1", "t-1", "tom", "How long?")]
    await take(stand, order(7, "new"))
    await work(stand)
    await stand.work()
    assert (await texts(stand))[0][0] == ("visitor", "How long?")
    assert [row[0] for row in log(stand)] == ["event", "message"]


async def test_a_message_is_changed_and_taken_back_here_and_in_the_log(stand):
    await take(stand, word("How much is it?", "d-1"))
    await take(stand, {"kind": "edited", "heard": {"delivery_id": "e-1", "message": "d-1", "text": "How long?"}})
    await store(stand)
    assert (await texts(stand))[0][0] == ("visitor", "How long?")
    await take(stand, {"kind": "removed", "heard": {"delivery_id": "e-2", "message": "d-1"}})
    await store(stand)
    assert (await texts(stand))[0][0] == ("visitor", "")
    kept = stand.rows(
        "select what, heard is null from omniops.arrival where connection_id = %s order by seq", stand.stall.id
    )
    assert kept[:2] == [("message", True), ("edited", True)], "no words of it are left in the log"
    await stand.work()
    assert stand.provider.requests == [], "nobody answers what was taken back"
    await take(stand, {"kind": "removed", "heard": {"delivery_id": "e-3", "message": "of-nobody"}})
    await store(stand)
    assert {state for _, _, state, _, _ in log(stand)} == {"done"}


async def test_new_words_for_a_message_that_the_log_forgot_are_kept_with_their_person_alone(stand):
    """The log is shorter than the conversation: it does not know any more whose words these are."""
    await take(stand, word("How much is it?", "d-1"))
    await store(stand)
    stand.rows("delete from omniops.arrival where connection_id = %s", stand.stall.id)
    change = {"kind": "edited", "heard": {"delivery_id": "e-1", "message": "d-1", "text": "I am Ada. How long?"}}
    assert (await take(stand, change)).new == 1
    await store(stand)
    assert (await texts(stand))[0][0] == ("visitor", "I am Ada. How long?")
    kept = stand.rows("select heard, state from omniops.arrival where connection_id = %s", stand.stall.id)
    assert kept == [(None, "done")]
    assert (await take(stand, change)).new == 0


async def test_what_an_event_only_passes_on_is_forgotten_once_it_is_handled(stand, monkeypatch):
    monkeypatch.setattr(stand.market, "forget", True)
    stand.market.heard = [market.Incoming("d-1", "t-1", "tom", "How long?")]
    await take(stand, order(7, "new"))
    await work(stand)
    kept = "select id, state, event from omniops.arrival where connection_id = %s and what = 'event'"
    ((entry, state, event),) = stand.rows(kept, stand.stall.id)
    assert (state, event, len(await texts(stand))) == ("done", None, 1)
    await stand.runtime.traffic.arrivals.replay(stand.domain.scope, stand.stall.id, entry, actor=OPERATOR)
    await work(stand)
    assert stand.rows(kept, stand.stall.id) == [(entry, "passed", None)]
    assert len(handled(stand)) == 1, "there is nothing left to handle"


async def test_a_person_who_answers_elsewhere_takes_over_and_our_own_message_is_no_answer(stand):
    sent = stand.sent
    await take(stand, word("How long?", "d-1"))
    await work(stand)
    await stand.work()
    assert len(sent) == 1
    own = {"delivery_id": "e-1", "reference": "market-1", "text": sent[0].text, "thread": "t-1"}
    await take(stand, {"kind": "echo", "heard": own})
    await work(stand)
    states = "select state from omniops.conversation where domain_id = %s"
    assert stand.rows(states, stand.domain.id) == [("ai",)]
    reply = {**own, "delivery_id": "e-2", "reference": "m-9", "text": "Mara here."}
    await take(stand, {"kind": "echo", "heard": reply})
    await work(stand)
    assert stand.rows(states, stand.domain.id) == [("human",)]
    ((*_, last),) = await texts(stand)
    assert last == ("person", "Mara here.")
    assert len(sent) == 1, "what was sent elsewhere is not sent again"


async def test_history_is_stored_with_its_own_date_and_never_answered(stand):
    past = (stand.clock.now() - timedelta(days=40)).isoformat()
    await take(stand, word("Is it open?", "d-1", past=True, sent_at=past))
    await work(stand)
    await stand.work()
    assert await texts(stand) == [[("visitor", "Is it open?")]]
    (age,) = stand.rows(
        "select round(extract(epoch from %s - created_at) / 86400) from omniops.message where domain_id = %s",
        stand.clock.now(),
        stand.domain.id,
    )
    assert age == (40,)
    await take(stand, word("Is it open?", "d-1"))
    await work(stand)
    assert await texts(stand) == [[("visitor", "Is it open?")]]


async def test_with_a_person_and_with_the_connection_the_log_goes(stand):
    await take(stand, word("How long?", "d-1"), word("And?", "d-2", thread="t-2"), order(1, "paid"))
    subjects = stand.rows(
        "select distinct subject_id from omniops.arrival where what = 'message' and connection_id = %s", stand.stall.id
    )
    assert len(subjects) == 2
    await stand.runtime.privacy.erasure.erase(stand.domain.scope, subjects[0][0], actor=OPERATOR)
    assert len(log(stand)) == 2
    await stand.runtime.connections.disconnect(stand.domain.scope, stand.stall.id, actor=OPERATOR)
    assert log(stand) == []
    found = stand.rows("select count(*) from vault.identifier where home_id = %s", stand.domain.id)
    assert found == [(0,)], "nobody is found any more by what is gone"


async def test_what_lost_its_job_is_worked_through_all_the_same(stand):
    await take(stand, order(7, "paid"))
    admin = stand.runtime.database.links.admin.conninfo()
    with psycopg.connect(admin, options="-c search_path=jobs") as connection:
        connection.execute("delete from procrastinate_jobs where task_name = 'connections:events'")
    stand.clock.forward(hours=1)
    await stand.runtime.traffic.working.again()
    await work(stand)
    assert handled(stand) == [(7, "paid")]


async def test_what_waited_for_a_person_is_taken_once_it_is_connected_again(stand):
    stand.market.begin(*[Reconnect("no")] * 9)
    await take(stand, order(7, "new"), order(7, "paid"))
    await work(stand)
    await take(stand, order(8, "new"))
    await work(stand)
    assert (await view(stand)).state == "needs_reauth"
    assert {state for _, _, state, _, _ in log(stand)} == {"waiting"}
    stand.market.begin()
    connections, scope = stand.runtime.connections, stand.domain.scope
    wish = connections.wish("market", "", {}, None, OPERATOR)
    settings, _ = await connections.opened(await connections.row(scope, stand.stall.id))
    await connections.keep(scope, wish, settings, actor=OPERATOR, connection_id=stand.stall.id)
    await work(stand)
    assert sorted(handled(stand)) == [(7, "new"), (7, "paid"), (8, "new")]
    assert [state for number, state in handled(stand) if number == 7] == ["new", "paid"]
