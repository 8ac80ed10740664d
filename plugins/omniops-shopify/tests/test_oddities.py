"""What is particular to Shopify: signed redirects, tokens that rotate, points, prices without zeros, the notices."""

import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from omniops.contracts.commerce import Address, Cancel, ChangeAddress, Money, Refund
from omniops.contracts.ids import SystemClock
from omniops.contracts.oauth import Tokens
from omniops.contracts.tools import Customer
from omniops.errors import NotFound, NotReady, Permanent, Reconnect, Refused, Rejected
from omniops_shopify import ShopifyPlugin, mapping
from omniops_shopify.access import ShopifyOAuth
from omniops_shopify.settings import ShopifySettings
from pydantic import SecretStr, ValidationError
from shopify_stock import ANN, BIG, CLIENT, EVERY, HOST, SETTINGS, connection, order, product, stocked


def asked(shopify):
    return [name for name, _ in shopify.asked]


# Access


@pytest.mark.parametrize("text", ["example", "Example", " https://example.myshopify.com/ ", "example.myshopify.com"])
def test_a_shop_is_named_in_any_way(text):
    assert ShopifyPlugin.Connection(shop=text).shop == "example"


@pytest.mark.parametrize(
    "text", ["", "example.com", "a/b", "a@b", "127.0.0.1", "a.myshopify.com.evil.example", "-a", "ä"]
)
def test_a_shop_is_at_shopify_or_nowhere(text):
    with pytest.raises(ValidationError):
        ShopifyPlugin.Connection(shop=text)


def redirect(shopify, **more):
    shopify.install("teapots", stocked())
    url = f"https://{HOST}/admin/oauth/authorize?client_id={CLIENT}&scope=read_products&state=abc"
    return shopify.browse(url, **more)


def test_the_redirect_is_signed_by_the_app_and_of_the_shop_that_was_asked(shopify):
    oauth, shop = ShopifyOAuth.of(SETTINGS, SystemClock()), ShopifyPlugin.Connection(shop="teapots")
    query = redirect(shopify)
    oauth.check_callback(query, shop)
    oauth.check_callback(redirect(shopify, secret="shpss_of-before"), shop)
    wrong = [
        {**query, "code": "another"},
        {**query, "hmac": ""},
        {**query, "hmac": "ä" * 64},
        {name: value for name, value in query.items() if name != "hmac"},
        {**query, "added": "1"},
        redirect(shopify, secret="shpss_of-another"),
        redirect(shopify, shop="other.myshopify.com"),
        redirect(shopify, shop="teapots.myshopify.com.evil.example"),
    ]
    for one in wrong:
        with pytest.raises(Rejected):
            oauth.check_callback(one, shop)
    bare = ShopifyOAuth.of(ShopifySettings(client_id=CLIENT), SystemClock())
    with pytest.raises(Rejected):  # no secret is none that fits
        bare.check_callback(redirect(shopify, secret=""), shop)


async def test_tokens_end_and_rotate_and_writing_implies_reading(shopify, gate):
    oauth, shop = ShopifyOAuth.of(SETTINGS, SystemClock()), ShopifyPlugin.Connection(shop="teapots")
    shopify.install("teapots", stocked())
    url = f"https://{HOST}/admin/oauth/authorize?client_id={CLIENT}&scope=read_orders,write_orders&state=abc"
    async with gate.http("shopify", purpose="connection.use") as http:
        code = shopify.browse(url)["code"]
        tokens = await oauth.exchange(http, code, connection=shop, redirect_uri="https://x.example", verifier=None)
        assert shopify.forms[-1]["expiring"] == "1"
        assert tokens.scopes == {"read_orders", "write_orders"}, "Shopify names write_orders alone"
        assert tokens.expires_at is not None
        again = await oauth.refresh(http, tokens, connection=shop)
        assert again.refresh != tokens.refresh
        with pytest.raises(Reconnect):
            await oauth.refresh(http, tokens, connection=shop)
        with pytest.raises(Rejected) as refused:
            await oauth.exchange(http, code, connection=shop, redirect_uri="https://x.example", verifier=None)
        assert "words of the vendor" not in str(refused.value)
        assert await oauth.revoke(http, again, connection=shop)
        assert shopify.tokens == {}
        assert await oauth.revoke(http, again, connection=shop), "gone already"
        shopify.fault = httpx2.Response(503, html="<html>words of the vendor</html>")
        for call in (oauth.refresh(http, again, connection=shop), oauth.revoke(http, again, connection=shop)):
            with pytest.raises(NotReady):
                await call


async def test_another_shop_than_the_one_named_is_no_good_connection(integration, shopify):
    token = shopify.install("teapots", stocked())
    shopify.fault = httpx2.Response(200, json={"data": {"shop": {"name": "X", "myshopifyDomain": "x.myshopify.com"}}})
    assert not (await integration.check(connection(token))).ok


# Limits


async def test_points_that_are_missing_are_waited_for(shop, shopify, use):
    shopify.points = 5.0
    with pytest.raises(NotReady) as slow:
        await shop.search(use, "teapot")
    assert slow.value.retry_after == pytest.approx(0.07), "12 points are needed, 5 there, 100 come in a second"
    shopify.points = -400.0
    with pytest.raises(NotReady):
        await shop.search(use, "teapot")
    shopify.asked.clear()
    with pytest.raises(NotReady) as waiting:
        await shop.search(use, "teapot")
    assert shopify.asked == [], "the next call is not even made before there are points again"
    assert 4 < waiting.value.retry_after <= 5


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"errors": [{"message": "canary", "extensions": {"code": "ACCESS_DENIED"}}]}, Refused),
        ({"errors": [{"message": "canary", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]}, NotReady),
        ({"errors": [{"message": "canary", "extensions": {"code": "SHOP_INACTIVE"}}]}, NotReady),
        ({"errors": [{"message": "canary"}]}, Permanent),
        ({"errors": "canary"}, NotReady),
        ({"data": None}, NotReady),
        ([], NotReady),
        ("canary", NotReady),
    ],
)
async def test_an_error_with_status_200_is_one(shop, shopify, use, said, error):
    shopify.fault = httpx2.Response(200, json=said)
    with pytest.raises(error) as failed:
        await shop.search(use, "teapot")
    assert "canary" not in str(failed.value)


async def test_what_is_off_is_not_asked_whoever_calls(shop, shopify, use):
    off = replace(use, features=frozenset({"products"}))
    assert not shop.offers(off).orders
    assert not shop.offers(replace(use, features=EVERY - {"orders"})).actions, "nobody changes what may not be read"
    order = await shop.order(use, "1003")
    shopify.asked.clear()
    for call in (
        shop.order(off, "1001"),
        shop.orders(off, Customer(str(ANN), "jwt")),
        shop.policies(off),
        shop.act(off, order, Cancel(), key="k"),
        shop.act(replace(use, features=EVERY - {"orders"}), order, Cancel(), key="k"),
    ):
        with pytest.raises(Refused):
            await call
    assert shopify.asked == []


async def test_words_of_a_visitor_stay_words(shop, shopify, use):
    await shop.search(use, 'teapot OR status:draft) AND "x" NOT published_status:any')
    (query,) = [values["query"] for _, values in shopify.asked]
    assert query.startswith("status:active AND published_status:published AND teapot ")
    assert not set('():"') & set(query.removeprefix("status:active AND published_status:published"))


async def test_a_cursor_is_of_its_own_search(shop, use):
    page = await shop.search(use, "teapot", limit=1)
    with pytest.raises(Rejected) as refused:
        await shop.search(use, "cup", cursor=page.cursor)
    assert refused.value.code == "bad_cursor"


# Changes


async def test_an_address_that_the_shop_does_not_take_is_told_in_our_words(shop, shopify, use):
    found = await shop.order(use, "1003")
    wish = ChangeAddress(Address("Ann Berg", "New Street 8", "00000", "Berlin", "DE"))
    with pytest.raises(Rejected) as refused:
        await shop.act(use, found, wish, key="k")
    assert (refused.value.code, shopify.changed) == ("bad_address", 0)
    assert "words of the vendor" not in str(refused.value)


async def test_a_line_is_refunded_once_and_what_is_no_line_never(shop, shopify, use):
    found = await shop.order(use, "1003")
    done = await shop.act(use, found, Refund(line_ids=(found.lines[0].id,)), key="first")
    assert done.order.refunded == Money("84.00", "EUR")
    for wish in (Refund(), Refund(line_ids=(found.lines[0].id,)), Refund(line_ids=("7",))):
        with pytest.raises(Rejected) as refused:
            await shop.act(use, found, wish, key="second")
        assert refused.value.code == "not_possible"
    assert shopify.changed == 1


async def test_an_order_that_somebody_else_cancelled_is_not_ours_to_report(shop, shopify, use):
    found = await shop.order(use, "1003")
    await shop.act(use, found, Cancel("Too late"), key="first")
    with pytest.raises(Rejected) as refused:
        await shop.act(use, found, Cancel(), key="second")
    assert refused.value.code == "too_late"


# Mapping


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        ("19.9", "EUR", "19.90"),
        ("100.0", "JPY", "100"),
        ("1.5", "KWD", "1.500"),
        ("29.999", "EUR", "29.999"),
        ("0", "USD", "0.00"),
    ],
)
def test_amounts_have_the_decimals_of_their_currency(amount, currency, said):
    assert mapping.money({"amount": amount, "currencyCode": currency}) == Money(said, currency)


@pytest.mark.parametrize("amount", ["-1", "NaN", "Infinity", "abc", None])
def test_what_is_no_amount_is_none(amount):
    assert mapping.money({"amount": amount, "currencyCode": "EUR"}) is None


def test_ids_keep_all_their_digits():
    assert mapping.number("gid://shopify/Order/820982911946154508") == "820982911946154508"
    assert mapping.number(820982911946154508) == ""
    assert mapping.number("gid://shopify/Order/1/../2") == ""


def test_of_an_order_only_what_the_contract_names_is_taken():
    row = order(BIG, "#1", "ann@customers.example", ANN, sent=True)
    assert "canary" not in repr(mapping.order(row)).casefold()


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "in_progress"),
        ({"displayFinancialStatus": "PENDING"}, "awaiting_payment"),
        ({"displayFinancialStatus": "REFUNDED"}, "refunded"),
        ({"displayFinancialStatus": "PARTIALLY_REFUNDED"}, "in_progress"),
        ({"displayFinancialStatus": "VOIDED"}, "failed"),
        ({"displayFulfillmentStatus": "ON_HOLD"}, "on_hold"),
        ({"displayFulfillmentStatus": "PARTIALLY_FULFILLED"}, "partly_sent"),
        ({"displayFulfillmentStatus": "FULFILLED"}, "sent"),
        ({"cancelledAt": "2026-11-21T10:00:00Z", "displayFinancialStatus": "REFUNDED"}, "cancelled"),
    ],
)
def test_where_an_order_is(changes, status):
    assert mapping.order({**order(BIG, "#1", "a@b.example"), **changes}).status == status


def test_stock_below_zero_is_none_left_and_may_still_be_ordered():
    row = product(BIG, "Teapot", stock=-2)
    row["variants"]["nodes"][0] |= {"availableForSale": True, "inventoryPolicy": "CONTINUE"}
    found = mapping.product(row)
    assert (found.availability, found.quantity) == ("back_order", 0)


def test_terms_are_words():
    html = "<h1>Terms</h1><p>Send&nbsp;it <b>back</b>.</p><script>alert(1)</script><style>p{}</style>"
    assert mapping.plain(html) == "Terms\nSend it back."


# Bounds


async def test_a_product_or_order_of_no_such_id_is_not_asked_for(shop, shopify, use):
    shopify.asked.clear()
    for text in ("gid://shopify/Product/1", "1/2", "01", "x" * 300):
        with pytest.raises(NotFound):
            await shop.product(use, text)
    assert shopify.asked == []


async def test_tokens_go_to_the_shops_own_host_alone(shop, gate, use):
    await shop.search(use, "teapot")
    await shop.order(use, "1001")
    assert {request.url.host for request in gate.requests} == {HOST}
    assert all("shpat_" not in str(request.url) for request in gate.requests)
    assert json.loads(gate.requests[0].content)["query"].strip().startswith("query")
    assert not parse_qs(urlsplit(str(gate.requests[0].url)).query)


def test_a_connection_shows_no_token():
    shop = ShopifyPlugin.Connection(shop="teapots", tokens=Tokens(access=SecretStr("shpat_secret")))
    assert "shpat_secret" not in repr(shop)
