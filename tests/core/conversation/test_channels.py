"""Other channels: signed webhooks in, each message once; answers out, at least once and recognisable when repeated."""

import asyncio
from uuid import uuid4

import httpx2
import psycopg
import pytest
from desk import serving
from desk_plugins import HOLD, SECRET, Lost, letter, signature
from omniops.contracts.channel import Delivery, Receipt
from omniops.contracts.provider import Done, Level, ProviderError, Text
from omniops.contracts.scope import Actor
from omniops.conversation.outbox import ATTEMPTS
from omniops.conversation.turns import LEASE
from omniops.errors import NotReady, Permanent, Reconnect, Refused, Rejected
from omniops.operations.firsts import OPERATOR
from omniops.privacy.notices import LANGUAGES, cautions

MEMBER = Actor("member", "m")


@pytest.fixture
async def post(desk):
    """A connection of the domain."""
    return await desk.connection()


def conversations(desk):
    return desk.rows(
        "select id, state, connection_id from omniops.conversation where domain_id = %s order by id", desk.domain.id
    )


async def said(desk):
    """The messages of the domain's one conversation."""
    ((conversation, _, _),) = conversations(desk)
    return await desk.messages(conversation)


def outbox(desk):
    return desk.rows(
        "select state, attempts, problem, reference from omniops.outbox where domain_id = %s order by created_at",
        desk.domain.id,
    )


def deliveries(desk):
    """Jobs of sending, oldest first."""
    return [
        status
        for (status,) in desk.rows(
            "select status::text from jobs.procrastinate_jobs"
            " where task_name = 'conversation:deliver' and args->>'domain_id' = %s order by id",
            str(desk.domain.id),
        )
    ]


async def test_a_letter_is_answered_once_and_the_ai_is_disclosed_first(desk, post):
    assert await desk.take(post, letter("How long does it take?")) == 1
    await desk.work()
    assert [(m.author, m.text) for m in await said(desk)] == [
        ("visitor", "How long does it take?"),
        ("ai", "Four working days."),
    ]
    (sent,) = desk.channel.sent
    assert (sent.thread, sent.recipient, sent.text, sent.ai) == (
        "thread-1",
        "tom@post.example",
        "Four working days.",
        True,
    )
    assert "AI" in sent.disclosure
    assert sent.connection.secret.get_secret_value() == SECRET
    assert outbox(desk) == [("sent", 1, None, "post-1")]
    assert await desk.take(post, letter("And to the islands?")) == 1
    await desk.work()
    assert [message.disclosure for message in desk.channel.sent[1:]] == [None], "told once in a conversation"
    assert len(conversations(desk)) == 1, "the same thread goes on"


async def test_threads_are_conversations_and_domains_are_apart(desk, post):
    await desk.take(post, letter("One?", thread="a"))
    await desk.take(post, letter("Two?", thread="b"))
    desk.other = await desk.new_domain()
    theirs = await desk.connection(desk.other)
    await desk.take(theirs, letter("Theirs?", thread="a"))
    assert len(conversations(desk)) == 2
    both = [desk.domain.id, desk.other.id]
    assert len(desk.rows("select distinct subject_id from omniops.conversation where domain_id = any(%s)", both)) == 3
    await desk.work()
    assert sorted(message.thread for message in desk.channel.sent) == ["a", "a", "b"]


async def test_the_same_delivery_is_taken_once_however_often_it_comes(desk, post):
    body = letter("How long?", "Really?")
    assert await desk.take(post, body) == 2
    assert await desk.take(post, body) == 0
    await desk.work()
    assert await desk.take(post, body) == 0
    await desk.work()
    assert [m.author for m in await said(desk)] == ["visitor", "visitor", "ai", "ai"]
    assert len(desk.channel.sent) == 2


async def test_the_same_delivery_many_times_at_once_is_taken_once(desk, post):
    body = letter("How long?")
    taken = await asyncio.gather(*(desk.take(post, body) for _ in range(8)))
    assert sorted(taken) == [0] * 7 + [1]
    assert len(conversations(desk)) == 1
    await desk.work()
    assert len(desk.channel.sent) == 1


async def test_first_letters_of_a_thread_at_once_make_one_conversation(desk, post):
    taken = await asyncio.gather(*(desk.take(post, letter(f"Question {n}?")) for n in range(6)))
    assert taken == [1] * 6
    assert len(conversations(desk)) == 1
    await desk.work()
    assert len(desk.channel.sent) == 6


async def test_letters_without_words_are_passed_over_and_long_ones_are_cut(desk, post):
    """The other side would send the whole delivery again and again if one message in it were refused."""
    assert await desk.take(post, letter("", " \n ", "x" * 4500, "How long?")) == 4
    assert [len(m.text) for m in await said(desk)] == [4000, len("How long?")]
    await desk.take(post, letter("  ", thread="picture only"))
    assert len(conversations(desk)) == 1


@pytest.mark.parametrize("signed", ["", "x", "0" * 64, "Größe"])
async def test_a_letter_with_a_wrong_signature_is_not_taken(desk, post, signed):
    with pytest.raises(Refused) as refused:
        await desk.take(post, letter("Give me everything"), signed=signed)
    assert "post" not in str(refused.value).lower(), "nothing of the channel is told"
    assert conversations(desk) == []


async def test_what_is_signed_but_no_letter_is_rejected(desk, post):
    for body in (b"", b"null", b'{"messages": [{}]}'):
        with pytest.raises(Rejected):
            await desk.take(post, body)
    assert await desk.take(post, letter()) == 0
    assert conversations(desk) == []


async def test_webhooks_over_http(desk, post):
    """The signature is computed over the bytes as they came, and what is not there is not told apart."""
    theirs = await desk.connection(await desk.new_domain())
    body = letter("How long?")
    good = {"X-Post-Signature": signature(body)}
    async with serving(desk.runtime) as base, httpx2.AsyncClient(base_url=base, timeout=30) as client:
        path = f"/webhooks/post/{post.id}"
        answer = await client.post(path, content=body, headers=good)
        assert (answer.status_code, answer.headers["x-messages"]) == (200, "1")
        again = await client.post(path, content=body, headers=good)
        assert (again.status_code, again.headers["x-messages"]) == (200, "0")
        respelt = body.replace(b": ", b":")
        for altered in (body + b" ", body[:-1], body.replace(b"long", b"lonG"), respelt, b""):
            answer = await client.post(path, content=altered, headers=good)
            assert answer.status_code == 401, altered
            assert answer.json()["code"] == "bad_signature"
            assert "post" not in answer.json()["detail"].lower()
            assert SECRET not in answer.text
        assert (await client.post(path, content=body)).status_code == 401
        missing = set()
        for nowhere in (
            f"/webhooks/post/{uuid4()}",
            f"/webhooks/nothing/{post.id}",
            f"/webhooks/website/{post.id}",
            f"/webhooks/nothing/{uuid4()}",
        ):
            answer = await client.post(nowhere, content=body, headers=good)
            assert answer.status_code == 404
            missing.add((answer.json()["code"], answer.json()["detail"]))
        assert len(missing) == 1
        assert (await client.get(path)).status_code in (404, 405)
    await desk.work("connections")
    assert [m.text for m in await said(desk) if m.author == "visitor"] == ["How long?"]
    assert desk.rows("select count(*) from omniops.message where domain_id = %s", theirs.domain_id) == [(0,)]


async def test_a_letter_to_a_person_is_not_answered_by_the_ai(desk, post):
    await desk.take(post, letter("How long?"))
    await desk.work()
    ((conversation, _, _),) = conversations(desk)
    asked = len(desk.provider.requests)
    await desk.runtime.inbox.reply(desk.domain.scope, conversation, "Mara here.", actor=MEMBER)
    await desk.take(post, letter("Thank you, Mara."))
    await desk.work()
    assert len(desk.provider.requests) == asked
    sent = desk.channel.sent[-1]
    assert (sent.text, sent.ai, sent.disclosure) == ("Mara here.", False, None)
    assert [m.author for m in await said(desk)] == ["visitor", "ai", "person", "visitor"]


async def test_a_person_who_answers_before_the_ai_keeps_it_silent(desk, post):
    await desk.take(post, letter("How long?"))
    ((conversation, _, _),) = conversations(desk)
    await desk.runtime.inbox.reply(desk.domain.scope, conversation, "Mara here.", actor=MEMBER)
    await desk.work()
    assert desk.provider.requests == []
    assert [message.text for message in desk.channel.sent] == ["Mara here."]


async def test_a_person_who_takes_over_while_the_ai_writes_is_the_only_one_who_is_sent(desk, post):
    desk.provider.begin(Level("answer"), Text("Four "), HOLD, Text("days."), Done("end"))
    await desk.take(post, letter("How long?"))
    working = asyncio.create_task(desk.work())
    await desk.provider.reached.wait()
    ((conversation, _, _),) = conversations(desk)
    await desk.runtime.inbox.reply(desk.domain.scope, conversation, "Mara here.", actor=MEMBER)
    desk.provider.go.set()
    await working
    await desk.work()
    assert [message.text for message in desk.channel.sent] == ["Mara here."]
    turns = desk.rows("select state from omniops.turn where conversation_id = %s", conversation)
    assert turns == [("interrupted",)]


def answering(desk):
    """The queued answer of the domain's one letter, for a worker that is the test itself."""
    ((message,),) = desk.rows(
        "select args->>'message_id' from jobs.procrastinate_jobs"
        " where task_name = 'conversation:answer' and args->>'domain_id' = %s",
        str(desk.domain.id),
    )
    return lambda: desk.runtime.intake.answer(desk.domain.scope, message)


async def test_an_answer_whose_process_died_is_given_once_when_the_lease_is_over(desk, post):
    desk.provider.begin(Level("answer"), Text("Four "), HOLD, Done("end"))
    await desk.take(post, letter("How long?"))
    answer = answering(desk)
    dying = asyncio.create_task(answer())
    await desk.provider.reached.wait()
    ((turn,),) = desk.rows(
        "update omniops.turn set owner = 'elsewhere:1:abc' where domain_id = %s returning id::text", desk.domain.id
    )
    desk.provider.go.set()
    await asyncio.gather(dying, return_exceptions=True)
    desk.provider.begin()
    await answer()
    assert desk.provider.requests == [], "it may still be alive"
    desk.clock.forward(seconds=LEASE.total_seconds())
    watch = desk.runtime.intake.watch
    await asyncio.gather(watch(desk.domain.scope, turn), answer(), watch(desk.domain.scope, turn), answer())
    await answer()
    await desk.work()
    assert [(m.author, m.text, m.interrupted) for m in await said(desk)][1:] == [("ai", "Four working days.", False)]
    assert len(desk.channel.sent) == 1
    assert desk.rows("select state from omniops.turn where domain_id = %s", desk.domain.id) == [("done",)]


async def test_an_answer_that_a_stopping_worker_cuts_short_is_given_by_the_next(desk, post):
    desk.provider.begin(Level("answer"), Text("Four "), HOLD, Done("end"))
    await desk.take(post, letter("How long?"))
    answer = answering(desk)
    stopping = asyncio.create_task(answer())
    await desk.provider.reached.wait()
    stopping.cancel()
    await asyncio.gather(stopping, return_exceptions=True)
    await desk.runtime.conversations.close()
    assert desk.channel.sent == []
    desk.provider.begin()
    await answer()
    await answer()
    await desk.work()
    assert [message.text for message in desk.channel.sent] == ["Four working days."]
    assert [m.author for m in await said(desk)] == ["visitor", "ai"], "half an answer was seen by nobody"


async def test_an_answer_that_breaks_is_tried_again(desk, post):
    away = ProviderError("away", kind="connection", retry="other")
    desk.provider.begin(Level("answer"), Text("Four " * 60), away)
    await desk.take(post, letter("How long?"))
    answer = answering(desk)
    with pytest.raises(NotReady):
        await answer()
    assert desk.channel.sent == []
    desk.provider.begin()
    await answer()
    await desk.work()
    assert [message.text for message in desk.channel.sent] == ["Four working days."]
    assert [m.author for m in await said(desk)] == ["visitor", "ai"]


async def test_where_nobody_can_answer_a_letter_waits_for_a_person(desk, post):
    away = ProviderError("away", kind="overloaded", retry="other")
    desk.provider.begin(away, second=(away,))
    await desk.take(post, letter("How long?"))
    await desk.work()
    assert [state for _, state, _ in conversations(desk)] == ["waiting"]
    assert [(sent.ai, sent.text[:20]) for sent in desk.channel.sent] == [(False, "Handed to a person. ")]
    desk.provider.begin()
    await desk.take(post, letter("Hello?"))
    await desk.work()
    assert desk.provider.requests == []


async def test_what_the_other_side_took_without_saying_so_is_sent_again_with_the_same_key(desk, post):
    desk.channel.begin(Lost(NotReady("no answer", retry_after=0)), Lost(RuntimeError("broken pipe")))
    await desk.take(post, letter("How long?"))
    await desk.work()
    for _ in range(2):
        desk.make_due()
        await desk.work()
    assert len(desk.channel.sent) == 3
    assert len({message.idempotency_key for message in desk.channel.sent}) == 1
    assert {message.disclosure is None for message in desk.channel.sent} == {False}, "until one was surely shown"
    assert outbox(desk) == [("sent", 3, None, "post-3")]
    await desk.take(post, letter("And?"))
    await desk.work()
    assert desk.channel.sent[-1].idempotency_key != desk.channel.sent[0].idempotency_key


async def test_a_message_that_fails_by_itself_is_given_up_and_holds_nothing_up(desk, post):
    desk.channel.begin(*[RuntimeError("of its own")] * ATTEMPTS)
    await desk.take(post, letter("How long?"))
    await desk.work()
    waits = []
    while due := desk.make_due():
        waits += due
        await desk.work()
    assert len(waits) == ATTEMPTS - 1
    assert all(wait <= min(30, 2**n) for n, wait in enumerate(waits))
    failed, told = outbox(desk)
    assert failed == ("failed", ATTEMPTS, "gave_up", None)
    assert told[0] == "sent", "what came later is not held up by what was given up"
    assert [message.text for message in desk.channel.sent] == [
        "Handed to a person. They see this conversation and reply here."
    ]
    ((conversation, state),) = desk.rows(
        "select id, state from omniops.conversation where domain_id = %s", desk.domain.id
    )
    detail = await desk.runtime.inbox.detail(desk.domain.scope, conversation, actor=MEMBER)
    assert (state, detail.events[-1].reason) == ("waiting", "undelivered"), "somebody sees it"


async def test_a_channel_says_how_long_to_wait(desk, post):
    desk.channel.begin(NotReady("slow down", retry_after=25))
    await desk.take(post, letter("How long?"))
    await desk.work()
    (wait,) = desk.make_due()
    assert 20 < wait <= 26
    await desk.work()
    assert outbox(desk) == [("sent", 2, None, "post-1")]


async def test_what_was_sent_is_not_sent_again(desk, post):
    await desk.take(post, letter("How long?"))
    await desk.work()
    ((message,),) = desk.rows("select message_id::text from omniops.outbox where domain_id = %s", desk.domain.id)
    for _ in range(3):
        await desk.runtime.intake._sender.deliver(desk.domain.scope, message)
    assert len(desk.channel.sent) == 1
    await asyncio.gather(*(desk.runtime.intake._sender.deliver(desk.domain.scope, message) for _ in range(4)))
    assert len(desk.channel.sent) == 1


@pytest.mark.parametrize("refusal", [Permanent("There is no such recipient."), Delivery("failed", "post-0")])
async def test_a_refusal_for_good_is_not_repeated_and_can_be_seen(desk, post, refusal):
    desk.channel.begin(refusal)
    await desk.take(post, letter("How long?"))
    await desk.work()
    assert desk.make_due() == []
    assert outbox(desk) == [("failed", 1, "permanent", None)]
    assert deliveries(desk) == ["failed"]
    await desk.take(post, letter("Hello?"))
    await desk.work()
    assert [state for state, *_ in outbox(desk)] == ["failed", "sent"]
    assert len(desk.channel.sent) == 1


async def test_refused_credentials_mark_the_connection_until_it_is_connected_again(desk, post):
    desk.channel.begin(Reconnect("The token was revoked."))
    await desk.take(post, letter("How long?"))
    await desk.work()
    while desk.make_due():
        await desk.work()
    assert desk.channel.sent == []
    assert [(state, problem) for state, _, problem, _ in outbox(desk)] == [("waiting", "reconnect")]
    views = await desk.runtime.connections.all(desk.domain.scope)
    assert [(view.id, view.state) for view in views] == [(post.id, "needs_reauth")]
    marked = desk.rows(
        "select detail from omniops.audit_entry where account_id = %s and action = 'connection.needs_reauth'",
        desk.domain.scope.account_id,
    )
    assert marked == [({"plugin": "post"},)]


async def test_after_connecting_again_a_thread_goes_on_over_the_new_connection(desk, post):
    await desk.take(post, letter("How long?"))
    await desk.work()
    await desk.runtime.connections.disconnect(desk.domain.scope, post.id, actor=OPERATOR)
    new = await desk.connection()
    await desk.take(new, letter("And to the islands?"))
    await desk.work()
    assert [connection for _, _, connection in conversations(desk)] == [new.id]
    assert [state for state, *_ in outbox(desk)] == ["sent", "sent"]


async def test_what_waits_for_a_connection_that_is_gone_fails_and_can_be_seen(desk, post):
    await desk.take(post, letter("How long?"))
    ((conversation, _, _),) = conversations(desk)
    await desk.runtime.connections.disconnect(desk.domain.scope, post.id, actor=OPERATOR)
    await desk.runtime.inbox.reply(desk.domain.scope, conversation, "Mara here.", actor=MEMBER)
    await desk.work()
    while desk.make_due():
        await desk.work()
    assert [row[0] for row in outbox(desk)] == ["failed"]
    assert desk.channel.sent == []


async def test_an_erased_person_is_not_written_to(desk, post):
    await desk.take(post, letter("How long?"))
    ((conversation, _, _),) = conversations(desk)
    await desk.runtime.inbox.reply(desk.domain.scope, conversation, "Mara here.", actor=MEMBER)
    ((subject,),) = desk.rows("select subject_id from omniops.conversation where domain_id = %s", desk.domain.id)
    await desk.runtime.privacy.erasure.erase(desk.domain.scope, subject, actor=OPERATOR)
    await desk.work()
    while desk.make_due():
        await desk.work()
    assert desk.channel.sent == []
    assert set(deliveries(desk)) == {"succeeded"}, "there is nothing to be done, and nothing failed"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_person_is_told_once_what_the_answers_of_an_ai_are_not(desk, post, language):
    changes = {"settings": {"language": language}}
    desk.domain = await desk.runtime.accounts.configure(desk.domain.scope, changes, actor=OPERATOR)
    await desk.take(post, letter("How long does it take?"))
    await desk.work()
    await desk.take(post, letter("And how much is it?"))
    await desk.work()
    first, second = desk.channel.sent
    told = {notice.id: notice.body for notice in cautions(language)}
    assert list(told) == ["may_be_wrong", "no_advice", "may_be_outdated"]
    for key, body in told.items():
        assert body in first.disclosure, key
    assert language == "en" or told != {notice.id: notice.body for notice in cautions("en")}
    assert second.disclosure is None


async def test_a_receipt_that_is_faster_than_the_sending_is_not_lost(desk):
    connection = await desk.connection()
    desk.channel.begin(NotReady("Away.", retry_after=600))
    await desk.take(connection, letter("Hello?"))
    await desk.work()
    scope = desk.domain.scope

    async def remember(session):
        """There is no cursor here."""

    with psycopg.connect(desk.runtime.database.links.admin.conninfo()) as sending:
        sending.execute(
            "update omniops.outbox set state = 'sent', reference = 'late-1' where domain_id = %s", [desk.domain.id]
        )
        receipt = Receipt("late-1", "delivered")
        hearing = asyncio.create_task(desk.runtime.intake.hear(scope, "post", connection.id, receipt, remember))
        await asyncio.to_thread(desk.until_somebody_waits)
    await hearing
    assert desk.rows("select state from omniops.outbox where domain_id = %s", desk.domain.id) == [("delivered",)]
