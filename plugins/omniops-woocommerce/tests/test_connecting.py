"""A shop is connected; whatever is wrong with it gives a sentence that helps."""

from urllib.parse import parse_qs, urlsplit

import pytest
from omniops.errors import NotReady, Reconnect, Rejected
from pydantic import ValidationError
from woo_bench import Bench, store
from woo_fake import CK, CS, READ_CK, FakeShop
from woo_stock import CANARY


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example",
        "shop.example",
        "https://u:p@shop.example",
        "https://shop.example/?a=1",
        "https://",
        "ftp://x",
        "https://shop.example/../x",
        "https://shop.example/#x",
        "file:///etc/passwd",
        "https://[::1]:8443",
        "https://shop.example:99999",
    ],
)
def test_an_address_is_https_and_nothing_more(url):
    with pytest.raises(ValidationError):
        store(url=url)


def test_one_shop_has_one_spelling():
    for url in ("https://Shop.example/", " https://shop.example:443", "https://shop.example/wp-json/"):
        assert store(url=url).url == "https://shop.example"
    assert store(url="https://shop.example:8443/store/").url == "https://shop.example:8443/store"


async def said(bench, **values):
    """What a check says, and the error that it is."""
    try:
        health = await bench.integration.check(store(**values))
    except (NotReady, Reconnect, Rejected) as error:
        return f"{type(error).__name__}: {error}"
    return f"{health.ok}: {health.said}"


async def test_a_check_says_what_a_key_may_do_and_changes_nothing(bench):
    assert "True" in await said(bench)
    assert await said(bench, consumer_key=READ_CK, access="read") == (
        "True: The shop answered. The key may read products and orders."
    )
    told = await said(bench, consumer_key=READ_CK)
    assert told.startswith("False")
    assert "Choose Read/Write" in told
    assert bench.fake.changes == 0


@pytest.mark.parametrize(
    ("trouble", "helps"),
    [
        ({"mode": "plain"}, "Settings > Permalinks"),
        ({"mode": "stripped"}, "Authorization header"),
        ({"mode": "soon"}, "coming soon"),
        ({"mode": "moved", "moved_to": "https://www.shop.example"}, "Connect it as https://www.shop.example"),
        ({"mode": "moved", "moved_to": "https://elsewhere.example"}, "sends us elsewhere"),
        ({"failing": (403, "<html>Blocked</html>")}, "firewall"),
        ({"failing": (404, '{"code": "rest_no_route"}')}, "no WooCommerce"),
        ({"keys": {}}, "The shop refused the key"),
    ],
)
async def test_each_trouble_of_a_shop_gives_a_sentence_that_helps(tmp_path, trouble, helps):
    bench = Bench(tmp_path, FakeShop(**trouble))
    told = await said(bench)
    assert helps in told
    assert not told.startswith("True")
    assert CANARY not in told
    assert {request.url.host for request in bench.gate.requests} == {"shop.example"}, "the key went elsewhere"


async def test_keys_never_stand_in_an_address(bench):
    await bench.integration.check(store())
    for request in bench.gate.requests:
        assert CK not in str(request.url)
        assert CS not in str(request.url)
        assert CS not in request.content.decode()


def test_the_shops_own_page_is_asked_for_no_more_than_is_needed(bench):
    handover = bench.integration.handover
    for scopes, asked in (((), "read"), (("read",), "read"), (("read", "write"), "read_write")):
        address = handover.address(
            store(), state="s1", callback_url="https://o.example/cb", return_url="https://o.example/r", scopes=scopes
        )
        assert address.startswith("https://shop.example/wc-auth/v1/authorize?")
        assert parse_qs(urlsplit(address).query)["scope"] == [asked]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"\xff",
        b'{"user_id": "s"}',
        b'{"user_id": 7, "consumer_key": "a", "consumer_secret": "b", "key_permissions": "read"}',
        b'{"user_id": "s", "consumer_key": "ck", "consumer_secret": "cs", "key_permissions": "write"}',
    ],
)
def test_what_is_no_key_is_rejected(bench, body):
    with pytest.raises(Rejected):
        bench.integration.handover.read(body)
