"""Products, orders and what is changed of them, with what is odd about this vendor."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from omniops.contracts.commerce import Address, Cancel, ChangeAddress, Refund
from omniops.contracts.tools import Customer
from omniops.errors import NotReady, Rejected
from woo_bench import ADA, store
from woo_stock import CANARY, line, order, product, variation


async def test_prices_are_text_and_times_are_utc(bench):
    bench.fake.products = [product(12, "Oak &amp; Chair", "49.90", 0), product(13, "Free", "")]
    chair, free = (await bench.shop.search(bench.use, "")).items
    assert (str(chair.price), chair.title, chair.availability, chair.quantity) == (
        "49.90 GBP",
        "Oak & Chair",
        "out_of_stock",
        0,
    )
    assert chair.updated_at == datetime(2026, 11, 23, 7, 45, tzinfo=UTC)
    assert chair.text == "Solid Oak & Chair & more\nOak"
    assert chair.url == "https://shop.example/product/12/", "a shop behind a proxy believes in http"
    assert free.price is None


async def test_variants_are_read_to_the_end(bench):
    bench.fake.products = [product(13, "Mug", type="variable", variations=[1])]
    bench.fake.variations = {13: [variation(1000 + n, f"Colour {n}") for n in range(150)]}
    mug = await bench.shop.product(bench.use, "13")
    assert len(mug.variants) == 150
    assert (mug.variants[0].title, mug.variants[0].id) == ("Colour 0", "1000")


async def test_a_list_that_turns_in_a_circle_ends(bench):
    bench.fake.products = [product(13, "Mug", type="variable")]
    whole = bench.fake.respond

    def respond(method, target, headers, body):
        status, said, found = whole(method, target, headers, body)
        return status, {**said, "Link": '<https://shop.example/next>; rel="next"'}, found

    bench.fake.respond = respond
    bench.fake.variations = {13: [variation(131, "Blue")] * 12_000}
    await bench.shop.product(bench.use, "13")
    assert len([path for _, path, _, _ in bench.fake.asked if path.endswith("/variations")]) <= 100


async def test_what_words_find_has_its_variants_with_price_and_stock(bench):
    bench.fake.products = [
        product(12, "Oak Chair"),
        product(13, "Oak Stool", "10.00", type="variable", variations=[1]),
        product(14, "Oak Ghost", type="variable", catalog_visibility="hidden"),
        product(15, "Oak Shelf", type="variable"),
    ]
    drawn = {**variation(133, "Draft"), "status": "private"}
    bench.fake.variations = {13: [variation(131, "Blue"), variation(132, "Red", "12.00", 0), drawn]}
    chair, stool, shelf = (await bench.shop.search(bench.use, "oak")).items
    assert [(one.title, str(one.price), one.availability, one.quantity) for one in stool.variants] == [
        ("Blue", "10.00 GBP", "in_stock", 1),
        ("Red", "12.00 GBP", "out_of_stock", 0),
    ]
    assert (str(stool.price), chair.variants, shelf.variants) == ("10.00 GBP", (), ())
    asked = [path.rpartition("/wc/v3/")[2] for _, path, _, _ in bench.fake.asked if path.endswith("/variations")]
    assert sorted(asked) == ["products/13/variations", "products/15/variations"], "only where there are some"


async def test_of_many_variants_a_search_reads_what_is_told_and_no_more(bench):
    bench.fake.products = [product(13, "Mug", type="variable")]
    bench.fake.variations = {13: [variation(1000 + n, f"Colour {n}") for n in range(150)]}
    (mug,) = (await bench.shop.search(bench.use, "mug")).items
    assert len(mug.variants) == 30
    (kept,) = (await bench.shop.search(bench.use, "")).items
    assert len(kept.variants) == 100


async def test_variants_that_are_not_told_are_no_product_without_variants(bench):
    bench.fake.products = [product(13, "Mug", type="variable"), product(14, "Mug two", type="variable")]
    whole = bench.fake.respond

    def respond(method, target, headers, body):
        return (503, {}, b"<html>") if "/14/variations" in target else whole(method, target, headers, body)

    bench.fake.respond = respond
    with pytest.raises(NotReady):
        await bench.shop.search(bench.use, "mug")


async def listed(bench, meanwhile, limit=3):
    """Ids of all products, read page by page; before each next page something happens in the shop."""
    found, cursor = [], None
    while True:
        page = await bench.shop.search(bench.use, "", cursor=cursor, limit=limit)
        assert len(page.items) <= limit
        found += [int(one.id) for one in page.items]
        if page.cursor is None:
            return found
        assert page.cursor != cursor, "the same place twice"
        cursor = page.cursor
        meanwhile(found)


def by_popularity(fake):
    """The order in which the shop holds them: another than by id."""
    fake.products = [product(key, f"Thing {key}") for key in (7, 3, 9, 1, 12, 5, 10, 2, 11, 4, 8, 6)]


async def test_the_list_is_whole_and_told_once_whatever_sells_meanwhile(bench):
    by_popularity(bench.fake)
    assert await listed(bench, lambda found: bench.fake.products.reverse()) == list(range(1, 13))


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 12])
async def test_nothing_is_missed_where_products_go_and_come_meanwhile(bench, limit):
    by_popularity(bench.fake)
    left = bench.fake.products

    def meanwhile(found):
        """What was read goes, but for the last of it; and once something new comes."""
        left[:] = [one for one in left if one["id"] not in found[:-1]]
        if 3 < found[-1] < 12 and not any(one["id"] == 40 for one in left):
            left.append(product(40, "New"))

    found = await listed(bench, meanwhile, limit)
    assert found == sorted(set(found)), "by id, and none twice"
    assert set(range(1, 13)) <= set(found), "what was there from beginning to end is told"


async def test_where_all_that_was_read_is_gone_the_rest_is_still_told(bench):
    by_popularity(bench.fake)

    def meanwhile(found):
        bench.fake.products = [one for one in bench.fake.products if one["id"] not in found]

    assert await listed(bench, meanwhile) == list(range(1, 13))


@pytest.mark.parametrize("cursor", ["2", "x-1", "1-", "1-2-3", "-1-2"])
async def test_a_place_in_a_list_is_of_this_list(bench, cursor):
    with pytest.raises(Rejected) as refused:
        await bench.shop.search(bench.use, "", cursor=cursor)
    assert refused.value.code == "bad_cursor"
    with pytest.raises(Rejected):
        await bench.shop.search(bench.use, "oak", cursor="12-3")


async def test_a_number_of_an_article_is_found(bench):
    bench.fake.products = [product(12, "Oak Chair", sku="OAK-2")]
    assert [one.id for one in (await bench.shop.search(bench.use, "OAK-2")).items] == ["12"]


async def test_a_price_that_the_shop_shows_otherwise_is_not_told(bench):
    bench.fake.products = [product(12, "Oak Chair")]
    bench.fake.general["woocommerce_calc_taxes"] = "yes"
    bench.fake.tax["woocommerce_tax_display_shop"] = "incl"
    assert (await bench.shop.product(bench.use, "12")).price is None
    bench.fake.tax["woocommerce_prices_include_tax"] = "yes"
    bench.clock.forward(minutes=11)
    assert str((await bench.shop.product(bench.use, "12")).price) == "49.90 GBP"


async def test_a_shop_may_change_its_currency_or_not_tell_it(bench):
    bench.fake.products = [product(12, "Oak Chair")]
    assert str((await bench.shop.product(bench.use, "12")).price) == "49.90 GBP"
    bench.fake.general["woocommerce_currency"] = "EUR"
    bench.clock.forward(minutes=11)
    assert str((await bench.shop.product(bench.use, "12")).price) == "49.90 EUR"
    bench.fake.managers = False
    bench.clock.forward(minutes=11)
    assert (await bench.shop.product(bench.use, "12")).price is None


async def test_an_order_is_told_with_its_parcels_and_nothing_of_its_person(bench):
    parcels = [
        {
            "tracking_provider": "Royal Mail",
            "custom_tracking_link": "https://track.example/1",
            "tracking_number": "RM1",
            "date_shipped": "1795420800",
        }
    ]
    bench.fake.orders = [
        order(
            13,
            ADA,
            2,
            status="completed",
            total_tax="5.00",
            line_items=[line(1, "Oak Lamp - Blue", parent_name="Oak Lamp", total="40.00", tax="8.00")],
            refunds=[{"id": 1, "reason": CANARY, "total": "-10.00", "total_tax": "0.00"}],
            meta_data=[{"id": 1, "key": "_wc_shipment_tracking_items", "value": parcels}],
        )
    ]
    found = await bench.shop.order(bench.use, "13")
    (bought,), (parcel,) = found.lines, found.shipments
    assert (found.status, str(found.total), str(found.refunded)) == ("sent", "99.80 GBP", "10.00 GBP")
    assert (bought.title, bought.variant, str(bought.total)) == ("Oak Lamp", "Blue", "48.00 GBP")
    assert (parcel.carrier, parcel.tracking_number, parcel.tracking_url) == (
        "Royal Mail",
        "RM1",
        "https://track.example/1",
    )
    assert parcel.sent_at is not None
    assert CANARY not in repr(found)


async def test_a_lavish_shop_gives_no_more(bench):
    bench.fake.lavish = True
    bench.fake.products, bench.fake.orders = [product(12, "Oak Chair")], [order(13, ADA, 2)]
    told = [
        await bench.shop.search(bench.use, "oak"),
        await bench.shop.product(bench.use, "12"),
        await bench.shop.order(bench.use, "13"),
        await bench.shop.orders(bench.use, Customer("2", "jwt")),
    ]
    assert CANARY not in repr(told)


@pytest.mark.parametrize("status", ["trash", "checkout-draft", "auto-draft"])
async def test_what_is_no_order_any_more_or_not_yet_is_none(bench, status):
    bench.fake.orders = [order(13, ADA, 2, status=status)]
    with pytest.raises(Exception, match="no such order"):
        await bench.shop.order(bench.use, "13")


async def test_a_key_that_may_only_read_switches_changes_off(bench):
    assert bench.integration.granted(store(access="read")) == {"read"}
    (changes,) = [one for one in bench.integration.features if one.key == "changes"]
    assert "write" in changes.scopes
    assert changes.own_consent
    assert bench.shop.offers(replace(bench.use, features=frozenset({"products", "orders"}))).actions == ()


async def act(bench, number, wish, key="k1"):
    return await bench.shop.act(bench.use, await bench.shop.order(bench.use, number), wish, key=key)


async def test_an_order_that_is_not_paid_is_cancelled(bench):
    bench.fake.orders = [order(13, ADA, 2, status="pending", paid=False)]
    done = await act(bench, "13", Cancel())
    assert (done.order.status, done.said) == ("cancelled", "Order 13 is cancelled.")
    assert bench.fake.refunds == {}


async def test_of_a_paid_order_all_is_given_back_with_tax_by_way_of_the_payment(bench):
    bench.fake.orders = [order(13, ADA, 2, line_items=[line(1, "Chair", total="80.00", tax="19.80")])]
    done = await act(bench, "13", Cancel("late"))
    assert (done.order.status, str(done.order.refunded)) == ("refunded", "99.80 GBP")
    (refund,) = bench.fake.refunds[13]
    assert (refund["amount"], refund["refunded_payment"], refund["reason"]) == ("99.80", True, "late")


async def test_a_line_is_given_back_once(bench):
    lines = [line(1, "Chair", total="60.00"), line(2, "Lamp", total="39.80")]
    bench.fake.orders = [order(13, ADA, 2, status="completed", line_items=lines)]
    done = await act(bench, "13", Refund("", ("2",)))
    assert done.said == "Of order 13, 39.80 GBP are given back now."
    with pytest.raises(Rejected) as refused:
        await act(bench, "13", Refund("", ("2",)), key="another")
    assert refused.value.code == "not_possible"
    with pytest.raises(Rejected):
        await act(bench, "13", Refund("", ("77",)), key="of another order")
    assert str((await act(bench, "13", Refund(), key="the rest")).order.refunded) == "99.80 GBP"


async def test_a_payment_that_cannot_be_given_back_is_told_and_nothing_is_done(bench):
    bench.fake.orders, bench.fake.refundable = [order(13, ADA, 2)], False
    with pytest.raises(Rejected, match="a person there has to"):
        await act(bench, "13", Refund())
    assert bench.fake.changes == 0


async def test_a_parcel_goes_to_the_new_address_and_no_old_company_is_left_on_it(bench):
    bench.fake.orders = [order(13, ADA, 2)]
    await act(
        bench, "13", ChangeAddress(Address("Ada King Byron", "2 New St", "N1 2BB", "London", "GB", extra="Flat 2"))
    )
    there = bench.fake.orders[0]["shipping"]
    assert (there["first_name"], there["last_name"], there["company"]) == ("Ada King", "Byron", "")
    assert (there["address_1"], there["address_2"], there["postcode"]) == ("2 New St", "Flat 2", "N1 2BB")
    with pytest.raises(Rejected) as refused:
        await act(bench, "13", ChangeAddress(Address("A B", "x", "1", "y", "Great Britain")), key="k2")
    assert refused.value.code == "bad_address"


async def test_a_crash_after_the_change_does_not_repeat_it(bench):
    bench.fake.orders = [order(13, ADA, 2)]
    told = await bench.shop.order(bench.use, "13")
    await bench.shop.act(bench.use, told, Refund("", ()), key="k1")
    again = await bench.shop.act(bench.use, told, Refund("", ()), key="k1")
    assert (bench.fake.changes, again.order.status) == (1, "refunded")
