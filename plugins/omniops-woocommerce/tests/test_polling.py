"""What webhooks lost is found by asking, once, whatever changes meanwhile; what we changed ourselves is no news."""

from dataclasses import replace

import pytest
from omniops.contracts.commerce import Cancel, ChangeAddress, Refund
from omniops.testing.fakes import GivenLinks
from omniops_woocommerce import WooCommercePlugin
from woo_bench import ADA, LONDON, SECRET
from woo_fake import READ_CK
from woo_stock import order, product


def at(seconds):
    return f"2026-11-23T07:{45 + seconds // 60:02}:{seconds % 60:02}"


def changed(key, seconds):
    return order(key, ADA, 2, date_modified_gmt=at(seconds), date_modified=at(seconds).replace("T07", "T08"))


async def polled(bench, link, cursor, path="orders"):
    """Where a run comes to, and the numbers of what it heard."""
    heard = []
    async for step in bench.integration.sync(path, link, cursor):
        cursor = step.cursor
        heard += [one.what for one in step.heard]
    return cursor, heard


async def numbers(bench, link, cursor, path="orders"):
    cursor, heard = await polled(bench, link, cursor, path)
    return cursor, [int(one.data["id"]) for one in heard]


async def test_only_what_changes_from_now_on_is_told(bench):
    bench.fake.orders, bench.fake.products = [changed(13, 0)], [product(12, "Oak Chair")]
    link = bench.link("notices")
    cursor, heard = await polled(bench, link, None)
    assert heard == []
    bench.fake.orders.append(changed(14, 5))
    cursor, heard = await polled(bench, link, cursor)
    assert [(one.kind, one.data["id"]) for one in heard] == [("order.changed", "14")]
    again, heard = await polled(bench, link, cursor)
    assert again == cursor, "there is nothing more"
    assert {one.data["id"] for one in heard} <= {"14"}
    cursor, heard = await polled(bench, link, None, "products")
    assert heard == []
    bench.fake.products[0]["date_modified_gmt"] = at(7)
    _, heard = await polled(bench, link, cursor, "products")
    assert [(one.kind, one.data["id"]) for one in heard] == [("product.changed", "12")]


async def test_what_comes_later_in_a_second_that_was_asked_for_is_told(bench):
    bench.fake.orders = [changed(13, 0)]
    link = bench.link("notices")
    cursor, _ = await polled(bench, link, None)
    bench.fake.orders.append(changed(14, 5))
    cursor, _ = await polled(bench, link, cursor)
    bench.fake.orders.append(changed(12, 5))
    cursor, found = await numbers(bench, link, cursor)
    assert 12 in found
    assert (await polled(bench, link, cursor))[0] == cursor


async def test_a_shop_without_orders_is_asked_for_the_first(bench):
    link = bench.link("notices")
    cursor, heard = await polled(bench, link, None)
    bench.fake.orders = [changed(13, 0)]
    assert (await numbers(bench, link, cursor))[1] == [13]
    assert heard == []


async def test_all_is_read_to_the_end_also_where_much_changes_in_one_second(bench):
    bench.fake.orders = [changed(1, 0)]
    link = bench.link("notices")
    cursor, _ = await polled(bench, link, None)
    bench.fake.orders += [changed(n, 1) for n in range(2, 252)] + [changed(n, 2 + n % 50) for n in range(252, 400)]
    cursor, found = await numbers(bench, link, cursor)
    assert set(found) >= set(range(2, 400))
    assert (await numbers(bench, link, cursor))[0] == cursor


async def test_what_changes_while_pages_are_read_moves_nothing_out_of_sight(bench):
    bench.fake.orders = [changed(1, 0)]
    link = bench.link("notices")
    cursor, _ = await polled(bench, link, None)
    bench.fake.orders += [changed(n, n) for n in range(2, 302)]
    found = set()
    async for step in bench.integration.sync("orders", link, cursor):
        found |= {int(one.what.data["id"]) for one in step.heard}
        moved = min(bench.fake.orders[1:], key=lambda one: one["date_modified_gmt"])
        moved["date_modified_gmt"] = at(1000)
    assert found >= set(range(2, 302))


async def test_a_clock_that_is_wrong_hides_nothing(bench):
    link = bench.link("notices")
    late = order(7, ADA, 2, date_modified_gmt="2099-01-01T00:00:00", date_modified="2099-01-01T01:00:00")
    bench.fake.orders = [changed(13, 0)]
    cursor, _ = await polled(bench, link, None)
    bench.fake.orders.append(late)
    cursor, found = await numbers(bench, link, cursor)
    assert 7 in found
    bench.fake.orders.append(changed(14, 60))
    assert 14 in (await numbers(bench, link, cursor))[1]
    _, first = await polled(bench, link, None)
    assert first == []


async def test_what_a_webhook_told_is_the_same_when_it_is_found(bench):
    bench.fake.orders = [changed(13, 0)]
    link = bench.link("notices", webhook_secret=SECRET)
    cursor, _ = await polled(bench, link, None)
    bench.fake.orders.append(changed(14, 5))
    _, heard = await polled(bench, link, cursor)
    for topic in ("order.created", "order.updated"):
        told = bench.integration.receive(bench.delivery(topic, bench.fake.orders[-1], link), link).things
        assert [one.what for one in told] == [one for one in heard if one.data["id"] == "14"]


async def test_with_a_key_that_may_only_read_it_is_asked_as_well(bench):
    bench.fake.orders = [changed(13, 0)]
    link = bench.link("notices", consumer_key=READ_CK, access="read")
    cursor, _ = await polled(bench, link, None)
    bench.fake.orders.append(changed(14, 5))
    assert 14 in (await numbers(bench, link, cursor))[1]


@pytest.mark.parametrize("wish", [Cancel(), Refund(), ChangeAddress(LONDON)], ids=lambda wish: wish.kind)
async def test_a_change_of_ours_is_no_news_and_the_next_one_is(bench, wish):
    """As soon as it was made, every process knows it by what the connection remembers."""
    link = bench.link("notices", webhook_secret=SECRET)
    context = replace(bench.context, links=GivenLinks(replace(link, scope=bench.use.scope)))
    (shop,) = WooCommercePlugin(context).shops()
    bench.fake.orders = [order(13, ADA, 2)]
    cursor, _ = await polled(bench, link, None)
    await shop.act(bench.use, await shop.order(bench.use, "13"), wish, key="k1")
    row = bench.fake.orders[0]
    assert bench.fake.changes == 1

    def told():
        return bench.integration.receive(bench.delivery("order.updated", row, link), link).things

    assert list(told()) == []
    assert (await numbers(bench, link, cursor))[1] == []
    bench.fake._touched(row)
    await shop.act(bench.use, await shop.order(bench.use, "13"), wish, key="k1")
    (news,) = told()  # what was done before is not done again, and the change since then is another's
    assert news.what.data == {"id": "13"}
