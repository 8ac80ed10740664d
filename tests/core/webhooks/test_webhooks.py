"""Outgoing webhooks against a real HTTPS receiver: signed, at least once, given up, replayed, and never elsewhere."""

import ssl
import sys
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import trustme
from omniops.contracts.scope import Actor
from omniops.errors import NotFound, Rejected
from omniops.webhooks import delivering
from omniops.webhooks.delivering import FAILING, WAITS
from omniops.webhooks.service import emit
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

sys.path.insert(0, str(Path(__file__).parent))

from desk import opened
from receiver import NEVER, answer, receiving

WHO = Actor("member", "test")


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
async def opened_desk(postgres, links, authority, tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    async with opened(links, postgres.root, folder, tls_ca=folder / "ca.pem") as desk:
        desk.other = await desk.new_domain()
        yield desk


@pytest.fixture
async def receiver(desk, authority):
    async with receiving(desk.runtime, authority) as receiver:
        yield receiver


@pytest.fixture
async def hooks(desk):
    """The room, with nothing left to be tried of another test."""
    desk.rows("update omniops.webhook_delivery set state = 'dead' where state = 'waiting'")
    if desk.make_due("webhooks:deliver"):
        await work(desk)
    return desk.runtime.webhooks


async def added(desk, receiver, *events, domain=None):
    return await desk.runtime.webhooks.endpoints.add(
        (domain or desk.domain).scope, receiver.url, events=events, actor=WHO
    )


async def happened(desk, kind="message.created", **data):
    async with desk.runtime.database.session(desk.domain.scope) as session:
        await emit(session, desk.domain.scope, kind, **data)
        await session.commit()


async def work(desk):
    await desk.work("webhooks")


async def retried(desk):
    """As if the wait was over."""
    waits = desk.make_due("webhooks:deliver")
    await work(desk)
    return waits


def verified(post, secret, clock):
    """What the reference implementation of the specification makes of a post. It takes the clock of this machine."""
    headers = dict(post.headers)
    assert abs(int(headers["webhook-timestamp"]) - clock.now().timestamp()) < 1
    # The desk's clock stands an hour ahead, which a receiver rightly refuses: the signature alone is looked at.
    theirs = Webhook(secret)
    signed = theirs.sign(headers["webhook-id"], clock.now().replace(microsecond=0), post.body.decode())
    return signed in headers["webhook-signature"].split(" ")


async def test_a_conversation_is_told_in_ids_and_no_word_of_it_leaves(desk, hooks, receiver):
    _, secret = await added(desk, receiver)
    visitor = await desk.visitor()
    async for _ in await desk.ask(visitor, "My order 4711 for Zora Quick is late"):
        pass
    await desk.runtime.conversations.to_person(visitor, desk.domain, "en", "zora@quick.example")
    await desk.runtime.inbox.reply(desk.domain.scope, visitor.conversation_id, "Zora, sorry", actor=WHO)
    await work(desk)
    assert sorted(receiver.kinds()) == sorted(
        ["conversation.created", *["message.created"] * 3, "conversation.handed_off"]
    )
    authors = {post.data["author"] for post in receiver.posts if post.kind == "message.created"}
    assert authors == {"visitor", "ai", "person"}
    for post in receiver.posts:
        assert post.path == "/hooks"
        assert post.data["conversation_id"] == str(visitor.conversation_id)
        assert post.data["domain_id"] == str(desk.domain.id)
        assert not {"zora", "4711", "sorry", "working"} & set(post.body.decode().lower().replace(",", " ").split())
        assert b"ora" not in post.body.replace(b"author", b"")
        assert verified(post, secret, desk.clock)
        assert post.headers["content-type"] == "application/json"
    assert len({post.headers["webhook-id"] for post in receiver.posts}) == len(receiver.posts)
    stored = desk.rows("select row_to_json(e)::text from omniops.webhook_event e where domain_id = %s", desk.domain.id)
    assert "Zora" not in str(stored)


async def test_the_reference_implementation_takes_it_and_refuses_what_was_changed(desk, hooks, receiver):
    _, secret = await added(desk, receiver)
    desk.clock.forward(hours=-1)
    try:
        await happened(desk, message_id=uuid4())
        await work(desk)
    finally:
        desk.clock.forward(hours=1)
    (post,) = receiver.posts
    assert Webhook(secret).verify(post.body, post.headers)["type"] == "message.created"
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(post.body.replace(b"message", b"massage"), post.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(post.body, {**post.headers, "webhook-id": "evt_other"})


async def test_nothing_is_told_of_what_was_rolled_back(desk, hooks, receiver):
    await added(desk, receiver)
    async with desk.runtime.database.session(desk.domain.scope) as session:
        await emit(session, desk.domain.scope, "message.created", message_id=uuid4())
        await session.rollback()
    await work(desk)
    assert receiver.posts == []


async def test_a_receiver_gets_what_it_asked_for_of_its_own_domain(desk, hooks, receiver):
    await added(desk, receiver, "review.requested")
    await added(desk, receiver, domain=desk.other)
    await happened(desk, "message.created")
    await happened(desk, "review.requested", review_id=uuid4())
    await work(desk)
    assert receiver.kinds() == ["review.requested"]


async def test_a_failure_is_tried_again_under_one_id_with_longer_and_longer_waits(desk, hooks, receiver):
    endpoint, _ = await added(desk, receiver)
    receiver.answers = [answer(500)] * len(WAITS)
    await happened(desk)
    await work(desk)
    waits = [seconds for _ in WAITS for seconds in await retried(desk)]
    assert len(receiver.posts) == len(WAITS) + 1
    assert len({post.headers["webhook-id"] for post in receiver.posts}) == 1
    hour = 3600  # the desk's clock is an hour ahead of the queue's
    for waited, least in zip(waits, WAITS, strict=True):
        assert least + hour - 60 <= waited <= least * 1.1 + hour + 60
    (delivery,) = await hooks.deliveries.all(desk.domain.scope, endpoint.id, state="delivered")
    assert (delivery.attempts, delivery.status, delivery.problem) == (10, 204, None)
    assert (await hooks.endpoints.one(desk.domain.scope, endpoint.id)).failing_since is None


async def test_what_nobody_takes_is_a_dead_letter_and_can_be_replayed(desk, hooks, receiver):
    endpoint, _ = await added(desk, receiver)
    receiver.answers = [answer(503)] * (len(WAITS) + 1)
    await happened(desk)
    await work(desk)
    for _ in WAITS:
        await retried(desk)
    scope = desk.domain.scope
    (dead,) = await hooks.deliveries.all(scope, endpoint.id, state="dead")
    assert (dead.status, dead.problem, dead.next_at) == (503, "refused", None)
    assert await retried(desk) == [], "it is tried no more"
    made = await hooks.deliveries.replay(scope, endpoint.id, dead.id, actor=WHO)
    with pytest.raises(Rejected, match="still waits"):
        await hooks.deliveries.replay(scope, endpoint.id, made.id, actor=WHO)
    await work(desk)
    assert receiver.posts[-1].headers["webhook-id"] == dead.message_id == made.message_id
    assert {d.state for d in await hooks.deliveries.all(scope, endpoint.id, state=None)} == {"delivered", "replayed"}


async def test_all_dead_letters_since_a_moment_are_replayed_at_once(desk, hooks, receiver):
    endpoint, _ = await added(desk, receiver)
    for _ in range(3):
        await happened(desk)
    desk.rows("update omniops.webhook_delivery set state = 'dead' where endpoint_id = %s", endpoint.id)
    scope = desk.domain.scope
    assert await hooks.deliveries.replay_dead(scope, endpoint.id, desk.clock.now(), actor=WHO) == 0
    since = desk.clock.now() - timedelta(hours=2)
    assert await hooks.deliveries.replay_dead(scope, endpoint.id, since, actor=WHO) == 3
    assert await hooks.deliveries.replay_dead(scope, endpoint.id, since, actor=WHO) == 0, "they are no longer dead"
    await work(desk)
    assert len(receiver.posts) == 3


async def test_a_receiver_that_is_gone_is_disabled_and_the_business_reads_why(desk, hooks, receiver):
    endpoint, _ = await added(desk, receiver)
    receiver.answers = [answer(410)]
    await happened(desk)
    await work(desk)
    seen = await hooks.endpoints.one(desk.domain.scope, endpoint.id)
    assert (seen.enabled, seen.disabled_because) == (False, "gone")
    await happened(desk)
    await work(desk)
    assert len(receiver.posts) == 1
    (dead,) = await hooks.deliveries.all(desk.domain.scope, endpoint.id, state="dead")
    with pytest.raises(Rejected, match="disabled"):
        await hooks.deliveries.replay(desk.domain.scope, endpoint.id, dead.id, actor=WHO)
    await hooks.endpoints.change(desk.domain.scope, endpoint.id, enabled=True, actor=WHO)
    await hooks.deliveries.replay(desk.domain.scope, endpoint.id, dead.id, actor=WHO)
    await work(desk)
    assert len(receiver.posts) == 2


async def test_the_other_receivers_are_told_of_one_that_is_disabled(desk, hooks, receiver, authority):
    async with receiving(desk.runtime, authority) as other:
        endpoint, _ = await added(desk, receiver, "message.created")
        await added(desk, other, "webhook.disabled")
        receiver.answers = [answer(410)]
        await happened(desk)
        await work(desk)
        (post,) = other.posts
    assert post.data == {"domain_id": str(desk.domain.id), "webhook_id": str(endpoint.id), "reason": "gone"}


async def test_days_of_failures_disable_a_receiver_and_one_success_forgives(desk, hooks, receiver):
    endpoint, _ = await added(desk, receiver)
    scope = desk.domain.scope

    async def failing():
        receiver.answers = [answer(500)]
        await happened(desk)
        await work(desk)
        return await hooks.endpoints.one(scope, endpoint.id)

    assert (await failing()).enabled
    desk.clock.forward(seconds=FAILING.total_seconds() - 60)
    assert (await failing()).enabled
    await happened(desk)
    await work(desk)
    desk.clock.forward(hours=1)
    assert (await failing()).enabled, "it took one meanwhile"
    desk.clock.forward(seconds=FAILING.total_seconds())
    seen = await failing()
    assert (seen.enabled, seen.disabled_because) == (False, "failing")


async def test_a_redirect_is_not_followed(desk, hooks, receiver, authority):
    async with receiving(desk.runtime, authority) as elsewhere:
        endpoint, _ = await added(desk, receiver)
        receiver.answers = [answer(307, b"Location: %s\r\n" % elsewhere.url.encode())]
        await happened(desk)
        await work(desk)
        assert elsewhere.posts == []
    (waiting,) = await hooks.deliveries.all(desk.domain.scope, endpoint.id, state="waiting")
    assert (waiting.status, waiting.problem) == (307, "redirect")


async def test_a_slow_receiver_is_left_and_tried_again(desk, hooks, receiver, monkeypatch):
    monkeypatch.setattr(delivering, "PATIENCE", 0.2)
    endpoint, _ = await added(desk, receiver)
    receiver.answers = [NEVER]
    await happened(desk)
    await work(desk)
    (waiting,) = await hooks.deliveries.all(desk.domain.scope, endpoint.id, state="waiting")
    assert waiting.problem == "timeout"
    await retried(desk)
    assert len(receiver.posts) == 2


async def test_a_receiver_that_asks_for_time_gets_it(desk, hooks, receiver):
    await added(desk, receiver)
    receiver.answers = [answer(429, b"Retry-After: 600\r\n")]
    await happened(desk)
    await work(desk)
    (waited,) = desk.make_due("webhooks:deliver")
    assert waited > 600 + 3600 - 60


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/hooks",
        "https://127.0.0.1/hooks",
        "https://[::1]/hooks",
        "https://[::ffff:10.0.0.1]/hooks",
        "https://169.254.169.254/latest/meta-data",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://localhost/hooks",
        "https://db.internal/hooks",
        "https://user:password@shop.example/hooks",
        "https://shop.example:22/hooks",
        "https://shop.example:25/hooks",
        "ftp://shop.example/hooks",
        "https://shop.example/ho oks",
        "shop.example",
        "",
    ],
)
async def test_an_address_that_nothing_may_be_sent_to_is_refused_at_once(desk, hooks, url):
    with pytest.raises(Rejected) as refused:
        await hooks.endpoints.add(desk.domain.scope, url, actor=WHO)
    assert refused.value.code == "bad_url"


async def test_a_name_that_leads_inside_is_refused_with_every_try(desk, hooks, authority, monkeypatch):
    """Its address was good when it was added: what counts is where it leads when something is sent."""
    from ipaddress import ip_address

    async def resolver(host, port):
        return [ip_address("127.0.0.1")]

    async with receiving(desk.runtime, authority, allow=False) as inside:
        monkeypatch.setattr(desk.runtime.gate, "_resolver", resolver)
        url = inside.url.replace("127.0.0.1", "rebound.example")
        endpoint, _ = await hooks.endpoints.add(desk.domain.scope, url, actor=WHO)
        await happened(desk)
        await work(desk)
        assert inside.posts == []
    (waiting,) = await hooks.deliveries.all(desk.domain.scope, endpoint.id, state="waiting")
    assert waiting.problem == "bad_address"


async def test_an_old_tls_is_refused(desk, hooks, authority):
    async with receiving(desk.runtime, authority, tls=ssl.TLSVersion.TLSv1_2) as old:
        endpoint, _ = await added(desk, old)
        await happened(desk)
        await work(desk)
        assert old.posts == []
    (waiting,) = await hooks.deliveries.all(desk.domain.scope, endpoint.id, state="waiting")
    assert waiting.problem == "not_reachable"


async def test_every_try_is_in_the_ledger_with_nothing_personal(desk, hooks, receiver):
    await added(desk, receiver)
    await happened(desk)
    await work(desk)

    (entry,) = await desk.runtime.ledger.entries(desk.domain.scope)
    assert (entry.processor, entry.purpose, entry.host) == ("own-webhook", "webhook.deliver", "127.0.0.1")
    assert (entry.categories, entry.subjects, entry.for_domain) == ([], [], desk.domain.id)


async def test_a_rotated_secret_overlaps_and_then_ends(desk, hooks, receiver):
    endpoint, old = await added(desk, receiver)
    scope = desk.domain.scope
    new = await hooks.endpoints.rotate(scope, endpoint.id, overlap=timedelta(hours=24), actor=WHO)
    await happened(desk)
    await work(desk)
    assert verified(receiver.posts[-1], old, desk.clock)
    assert verified(receiver.posts[-1], new, desk.clock)
    desk.clock.forward(hours=25)
    await happened(desk)
    await work(desk)
    assert not verified(receiver.posts[-1], old, desk.clock)
    assert verified(receiver.posts[-1], new, desk.clock)
    newest = await hooks.endpoints.rotate(scope, endpoint.id, overlap=timedelta(0), actor=WHO)
    await happened(desk)
    await work(desk)
    assert receiver.posts[-1].headers["webhook-signature"].count("v1,") == 1
    assert verified(receiver.posts[-1], newest, desk.clock)


async def test_the_secret_lies_sealed(desk, hooks, receiver):
    _, secret = await added(desk, receiver)
    stored = desk.rows("select row_to_json(e)::text from omniops.webhook_endpoint e")
    assert secret not in str(stored)
    assert secret.removeprefix("whsec_").encode().hex() not in str(stored)


async def test_a_job_that_runs_twice_counts_once(desk, hooks, receiver):
    endpoint, _ = await added(desk, receiver)
    await happened(desk)
    (waiting,) = await hooks.deliveries.all(desk.domain.scope, endpoint.id, state="waiting")
    await hooks.deliveries.deliver(desk.domain.scope, str(waiting.id), 0)
    await hooks.deliveries.deliver(desk.domain.scope, str(waiting.id), 0)
    await work(desk)
    assert len(receiver.posts) == 1


async def test_a_try_that_lost_its_job_is_queued_again_once(desk, hooks, receiver):
    await added(desk, receiver)
    await happened(desk)
    desk.rows("update omniops.webhook_delivery set attempts = 1 where state = 'waiting'")  # whose job never came
    await work(desk)
    assert receiver.posts == []
    await hooks.deliveries.again()
    await hooks.deliveries.again()
    await work(desk)
    assert len(receiver.posts) == 1


async def test_a_test_goes_to_one_receiver_whatever_it_is_told_of(desk, hooks, receiver):
    endpoint, _ = await added(desk, receiver, "crawl.finished")
    await added(desk, receiver)
    made = await hooks.deliveries.test(desk.domain.scope, endpoint.id)
    await work(desk)
    (post,) = receiver.posts
    assert post.kind == "webhook.test"
    assert post.headers["webhook-id"] == made.message_id
    assert post.data["webhook_id"] == str(endpoint.id)


async def test_a_removed_receiver_gets_nothing_that_waited(desk, hooks, receiver):
    endpoint, _ = await added(desk, receiver)
    await happened(desk)
    await hooks.endpoints.remove(desk.domain.scope, endpoint.id, actor=WHO)
    await work(desk)
    assert receiver.posts == []
    with pytest.raises(NotFound):
        await hooks.endpoints.one(desk.domain.scope, endpoint.id)


async def test_old_events_are_purged_and_those_that_wait_are_not(desk, hooks, receiver):
    endpoint, _ = await added(desk, receiver)
    await happened(desk)
    await work(desk)
    await happened(desk)
    desk.rows(
        "update omniops.webhook_event set created_at = now() - interval '31 days' where domain_id = %s", desk.domain.id
    )
    await hooks.deliveries.purge()
    (left,) = await hooks.deliveries.all(desk.domain.scope, endpoint.id, state=None)
    assert left.state == "waiting"


async def test_another_domain_sees_and_changes_nothing(desk, hooks, receiver):
    endpoint, _ = await added(desk, receiver)
    theirs = desk.other.scope
    assert endpoint.id not in [one.id for one in await hooks.endpoints.all(theirs)]
    for act in (
        hooks.endpoints.one(theirs, endpoint.id),
        hooks.endpoints.change(theirs, endpoint.id, url="https://evil.example/", actor=WHO),
        hooks.endpoints.rotate(theirs, endpoint.id, overlap=timedelta(0), actor=WHO),
        hooks.endpoints.remove(theirs, endpoint.id, actor=WHO),
        hooks.deliveries.test(theirs, endpoint.id),
        hooks.deliveries.all(theirs, endpoint.id, state=None),
    ):
        with pytest.raises(NotFound):
            await act


async def test_a_review_and_a_choice_are_told(desk, hooks, receiver):
    from omniops.privacy.service import Answer, Circumstances

    await added(desk, receiver, "review.requested", "review.resolved", "consent.changed")
    visitor = await desk.visitor()
    async for _ in await desk.ask(visitor):
        pass
    (message,) = [m for m in await desk.messages(visitor.conversation_id) if m.author == "ai"]
    reviews = desk.runtime.visiting.reviews
    asked = await reviews.ask(visitor, desk.domain, message.id, "wrong, says Zora")
    await reviews.ask(visitor, desk.domain, message.id, "asked twice")
    await reviews.resolve(desk.domain.scope, asked.id, "confirmed", "", actor=Actor("member", str(uuid4())))
    choice = next(c for c in desk.runtime.catalog.choices() if c.key == "chat.remember")
    version = desk.rows("select version from omniops.notice_text where id = %s limit 1", f"choice.{choice.key}")[0][0]
    await desk.runtime.consents.record(
        desk.domain.scope,
        visitor.subject_id,
        Answer(choice.key, True, f"choice.{choice.key}", version),
        Circumstances("chat", "en"),
        actor=visitor.actor,
    )
    await work(desk)
    assert sorted(receiver.kinds()) == ["consent.changed", "review.requested", "review.resolved"]
    assert b"Zora" not in b"".join(post.body for post in receiver.posts)


async def test_what_is_written_is_told_as_indexed(desk, hooks, receiver):
    await added(desk, receiver, "page.indexed")
    await desk.runtime.curated.create(desk.domain.scope, ["How long?"], "Four days.", None, actor=WHO)
    await work(desk)
    (post,) = receiver.posts
    assert set(post.data) == {"domain_id", "page_id"}
