"""What Shopify tells by itself: signed, of this shop, and kept with no more than its number."""

from dataclasses import replace

import httpx2
import pytest
from omniops.contracts.webhook import AccountErased, RightUsed
from omniops.errors import Reconnect, Rejected
from omniops.testing import context
from omniops.testing.fakes import link_of
from omniops_shopify import ShopifyPlugin
from omniops_shopify.settings import ShopifySettings
from omniops_shopify.webhooks import TOPICS
from shopify_stock import BIG, HOST, connection, delivery, stocked


def test_privacy_notices_name_the_person_and_keep_nothing_else(integration):
    body = {
        "shop_domain": HOST,
        "customer": {"id": 191167, "email": "john@example.com", "phone": "555-625-1199"},
        "orders_to_redact": [299938],
    }
    for topic, right in (("customers/redact", "erasure"), ("customers/data_request", "access")):
        (arrived,) = integration.receive(delivery(body, topic, "other.myshopify.com"), None).things
        assert arrived.external_id == HOST, "by the body, which is signed"
        assert isinstance(arrived.what, RightUsed)
        assert (arrived.what.right, dict(arrived.what.identifiers)) == (
            right,
            {"email": "john@example.com", "external_id": "191167"},
        )
    (gone,) = integration.receive(delivery({"shop_domain": HOST}, "shop/redact", HOST), None).things
    assert (type(gone.what), gone.external_id) == (AccountErased, HOST)
    assert not integration.receive(delivery({**body, "customer": {}}, "customers/redact", HOST), None).things


def test_a_notice_counts_with_the_secret_of_before_and_no_other(integration, tmp_path, gate):
    body = {"shop_domain": HOST, "customer": {"id": 1}}
    assert integration.receive(delivery(body, "customers/redact", HOST, secret="shpss_of-before"), None).things
    for secret in ("shpss_of-another", ""):
        with pytest.raises(Rejected) as refused:
            integration.receive(delivery(body, "customers/redact", HOST, secret=secret), None)
        assert refused.value.code == "bad_signature"
    bare = ShopifyPlugin(context("shopify", ShopifySettings(), folder=tmp_path, gate=gate)).integrations()[0]
    with pytest.raises(Rejected):
        bare.receive(delivery(body, "customers/redact", HOST, secret=""), None)


def test_a_delivery_of_another_shop_is_a_strangers(integration, shopify):
    link = link_of(connection("shpat_x"), kind="shopify")
    removed = {"name": "Teapots", "myshopify_domain": HOST}
    assert integration.receive(delivery(removed, "app/uninstalled", HOST), link).things
    for told in (
        delivery(removed, "app/uninstalled", "other.myshopify.com"),
        delivery({**removed, "myshopify_domain": "other.myshopify.com"}, "app/uninstalled", HOST),
    ):
        with pytest.raises(Rejected) as refused:
            integration.receive(told, link)
        assert refused.value.code == "bad_signature"


async def test_an_app_that_was_removed_needs_a_person_and_one_that_is_back_does_not(integration, shopify):
    token = shopify.install("teapots", stocked())
    link = link_of(connection(token), kind="shopify")
    (arrived,) = integration.receive(delivery({"name": "Teapots"}, "app/uninstalled", HOST), link).things
    await integration.handle(arrived.what, link)
    shopify.uninstall(HOST)
    with pytest.raises(Reconnect):
        await integration.handle(arrived.what, link)


def topics(shopify):
    return sorted(hook["topic"] for hook in shopify.hooks.values())


async def test_each_subscription_is_there_once_and_mended_where_shopify_deleted_it(integration, shopify):
    token = shopify.install("teapots", stocked())
    link = link_of(connection(token), kind="shopify", features=frozenset({"products"}))
    await integration.connected(link)
    await integration.connected(link)
    assert topics(shopify) == sorted(TOPICS)
    assert {hook["uri"] for hook in shopify.hooks.values()} == {link.webhook_url}
    for hook in shopify.hooks.values():
        assert set(hook["includeFields"]) <= {"id", "admin_graphql_api_id", "name", "myshopify_domain"}
    lost = next(number for number, hook in shopify.hooks.items() if hook["topic"] == "PRODUCTS_UPDATE")
    foreign = {"id": "gid://shopify/WebhookSubscription/1", "uri": "https://other.example", "topic": "SHOP_UPDATE"}
    del shopify.hooks[lost]
    shopify.hooks["1"] = {**foreign, "host": HOST}
    assert await integration.renew("webhooks", link) is not None
    assert topics(shopify) == sorted([*TOPICS, "SHOP_UPDATE"])
    await integration.disconnect(link)
    assert list(shopify.hooks) == ["1"], "what is not ours stays"


async def test_a_list_of_subscriptions_that_turns_in_a_circle_ends(integration, shopify):
    link = link_of(connection(shopify.install("teapots", stocked())), kind="shopify", features=frozenset({"products"}))
    page = {"nodes": [], "pageInfo": {"hasNextPage": True, "endCursor": "round"}}
    asked = []

    def circle(request):
        asked.append(request)
        return httpx2.Response(200, json={"data": {"webhookSubscriptions": page}})

    shopify.fault = circle
    await integration.disconnect(link)
    assert len(asked) == 2


async def test_of_a_feature_that_is_off_nothing_is_subscribed(integration, shopify):
    token = shopify.install("teapots", stocked(), scopes=())
    link = link_of(connection(token), kind="shopify", features=frozenset())
    await integration.connected(link)
    assert topics(shopify) == ["APP_UNINSTALLED"]


async def test_an_address_that_shopify_does_not_take_is_told_in_our_words(integration, shopify):
    link = link_of(connection(shopify.install("teapots", stocked())), kind="shopify")
    with pytest.raises(Rejected) as refused:
        await integration.connected(replace(link, webhook_url="http://localhost:8000/webhooks/shopify/1"))
    assert "words of the vendor" not in str(refused.value)


@pytest.mark.parametrize("topic", ["products/create", "products/update", "products/delete"])
def test_of_a_product_that_changed_its_number_is_kept_with_all_digits(integration, topic):
    link = link_of(connection("shpat_x"), kind="shopify")
    whole = {
        "id": 788032119674292900,  # a published sample, whose number lost its last digits on the way
        "admin_graphql_api_id": "gid://shopify/Product/788032119674292922",
        "title": "canary",
        "variants": [{"price": "canary"}],
    }
    told = delivery(whole, topic, HOST, **{"x-shopify-triggered-at": "2026-11-20T09:30:00Z"})
    (arrived,) = integration.receive(told, link).things
    assert arrived.feature == "products"
    assert (dict(arrived.what.data), arrived.what.about) == (
        {"id": "788032119674292922"},
        "product:788032119674292922",
    )
    assert arrived.what.at.isoformat() == "2026-11-20T09:30:00+00:00"
    assert "canary" not in repr(arrived)
    (bare,) = integration.receive(delivery({"id": BIG}, topic, HOST), link).things
    assert bare.what.data == {"id": str(BIG)}


@pytest.mark.parametrize("body", [{}, {"id": "7"}, {"id": True}, {"id": -1}, {"admin_graphql_api_id": "gid://x/1"}])
def test_a_product_without_a_number_is_passed_over(integration, body):
    link = link_of(connection("shpat_x"), kind="shopify")
    assert not integration.receive(delivery(body, "products/update", HOST), link).things


def test_unknown_topics_are_taken_and_ignored(integration):
    link = link_of(connection("shpat_x"), kind="shopify")
    for topic in ("orders/create", "customers/create", "", "ä"):
        assert not integration.receive(delivery({"id": 1, "name": "X"}, topic, HOST), link).things


def test_a_shop_that_changed_tells_nothing_but_that(integration):
    """Its currency or address may be another: all products are read anew."""
    link = link_of(connection("shpat_x"), kind="shopify")
    body = {"name": "Teapots", "myshopify_domain": HOST, "currency": "USD", "email": "canary"}
    (arrived,) = integration.receive(delivery(body, "shop/update", HOST), link).things
    assert (arrived.what.kind, dict(arrived.what.data)) == ("shop.changed", {})
