"""What a shop sends by itself: signed, lossy, and switched off by the shop without a word."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from omniops.contracts.webhook import Webhook
from omniops.errors import Rejected
from omniops_woocommerce.webhooks import TOPICS
from woo_bench import ADA, SECRET
from woo_fake import READ_CK
from woo_stock import CANARY


async def test_webhooks_are_made_once_signed_and_for_products_and_orders_only(bench):
    link = bench.link("notices")
    for _ in range(2):
        await bench.integration.connected(link)
    assert sorted(hook["topic"] for hook in bench.fake.hooks) == sorted(TOPICS)
    assert {hook["delivery_url"] for hook in bench.fake.hooks} == {link.webhook_url}
    assert {hook["secret"] for hook in bench.fake.hooks} == {link.memory["secret"]}
    assert len(link.memory["secret"]) >= 32


async def test_what_the_shop_switched_off_or_lost_is_mended(bench):
    link = bench.link("notices")
    await bench.integration.connected(link)
    bench.fake.hooks[0]["status"] = "disabled"
    del bench.fake.hooks[1]
    bench.fake.hooks.append({**bench.fake.hooks[2], "id": 99})
    bench.fake.hooks.append({**bench.fake.hooks[2], "id": 100, "delivery_url": "https://another.example/hook"})
    at = await bench.integration.renew("webhooks", link)
    assert at == bench.clock.now() + timedelta(hours=6)
    own = [hook for hook in bench.fake.hooks if hook["delivery_url"] == link.webhook_url]
    assert sorted(hook["topic"] for hook in own) == sorted(TOPICS)
    assert {hook["status"] for hook in own} == {"active"}
    await bench.integration.disconnect(link)
    assert [hook["id"] for hook in bench.fake.hooks] == [100], "another's webhook stays"
    assert "secret" not in link.memory


async def test_a_key_that_may_only_read_makes_no_webhooks(bench):
    link = bench.link("notices", consumer_key=READ_CK, access="read", webhook_secret=SECRET)
    await bench.integration.connected(link)
    assert await bench.integration.renew("webhooks", link) is None
    await bench.integration.disconnect(link)
    assert {method for method, *_ in bench.fake.asked} <= {"GET"}
    things = bench.integration.receive(bench.delivery("order.deleted", {"id": 19}, link), link).things
    assert [(one.what.kind, one.what.data) for one in things] == [("order.deleted", {"id": "19"})]


def test_the_unsigned_try_of_a_new_webhook_is_answered_and_nothing_else_unsigned_is(bench):
    link = bench.link("notices", webhook_secret=SECRET)
    form = (("content-type", "application/x-www-form-urlencoded"),)
    ping = Webhook("POST", link.webhook_url, form, {}, b"webhook_id=3", datetime.now(UTC))
    assert bench.integration.receive(ping, link).things == ()
    for forged in (
        replace(ping, body=b"webhook_id=3&id=7"),
        replace(ping, body=b'{"id": 7}'),
        replace(ping, headers=(*form, ("x-wc-webhook-topic", "order.updated"))),
        replace(ping, method="GET"),
        bench.delivery("order.updated", {"id": 7}, link, secret="another shop's"),
    ):
        with pytest.raises(Rejected):
            bench.integration.receive(forged, link)


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("customer.created", {"id": 2, "email": ADA, "date_modified_gmt": "2026-11-23T07:44:59"}),
        ("coupon.updated", {"id": 2, "date_modified_gmt": "2026-11-23T07:44:59"}),
        ("action.woocommerce_add_to_cart", {"id": 2}),
        (
            "order.updated",
            {"code": "woocommerce_rest_shop_order_invalid_id", "message": CANARY, "data": {"status": 404}},
        ),
        ("order.updated", {"id": True, "date_modified_gmt": "2026-11-23T07:44:59"}),
        ("order.updated", []),
    ],
)
def test_what_is_none_of_ours_or_gone_is_passed_over(bench, topic, body):
    link = bench.link("notices", webhook_secret=SECRET)
    assert bench.integration.receive(bench.delivery(topic, body, link), link).things == ()


def test_another_try_of_one_delivery_is_the_same_and_a_later_change_is_not(bench):
    link = bench.link("notices", webhook_secret=SECRET)

    def key(at, delivery):
        headers = {"x-wc-webhook-delivery-id": delivery}
        body = {"id": 13, "date_modified_gmt": at, "billing": {"phone": CANARY}}
        (one,) = bench.integration.receive(bench.delivery("order.updated", body, link, **headers), link).things
        assert CANARY not in repr(one)
        return one.what.id, one.what.about

    first, again = key("2026-11-23T07:45:00", "a"), key("2026-11-23T07:45:00", "b")
    later = key("2026-11-23T07:46:00", "c")
    assert first == again
    assert first[0] != later[0]
    assert first[1] == later[1] == "order:13"


def test_a_deletion_counts_once_a_day_whatever_is_written_into_its_headers(bench):
    """Its body says nothing but the number, and what the headers say is not signed."""
    link = bench.link("notices", webhook_secret=SECRET)

    def keys(delivery, days):
        headers = {"x-wc-webhook-delivery-id": delivery}
        told = bench.delivery("order.deleted", {"id": 19}, link, **headers)
        told = replace(told, received_at=datetime(2026, 11, 23, 12, tzinfo=UTC) + timedelta(days=days))
        return [one.what.id for one in bench.integration.receive(told, link).things]

    assert keys("a", 0) == keys("b", 0)
    assert keys("a", 0) != keys("a", 1)


def test_of_two_forms_of_a_moment_the_one_that_says_its_zone_counts(bench):
    link = bench.link("notices", webhook_secret=SECRET)

    def at(**moments):
        things = bench.integration.receive(bench.delivery("order.updated", {"id": 13, **moments}, link), link).things
        return [one.what.at for one in things]

    utc = datetime(2026, 11, 23, 7, 45, tzinfo=UTC)
    assert at(date_modified="2026-11-23T08:45:00", date_modified_gmt="2026-11-23T07:45:00") == [utc]
    assert at(date_modified="2026-11-23T08:45:00+01:00") == [utc]
    assert at(date_modified="2026-11-23T08:45:00") == [], "nobody can tell when that was"
