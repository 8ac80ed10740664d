"""The fake shop is held to what a shop's own OPTIONS answers say of its objects and of what can be asked of them."""

import pytest
from woo_bench import ADA, Bench
from woo_fake import CK, CS, FakeShop
from woo_stock import order, product, variation


@pytest.fixture
def fake():
    return FakeShop(
        products=[product(12, "Oak Chair", type="variable", variations=[131])],
        orders=[order(13, ADA, 2)],
        variations={12: [variation(131, "Blue")]},
    )


async def test_what_the_fake_says_and_is_asked_is_of_the_shops_own_schema(tmp_path, fake):
    bench = Bench(tmp_path, fake)
    assert (await bench.integration.check(bench.use.connection)).ok
    await bench.integration.connected(bench.link("products", "orders", "changes", "notices"))
    (found,) = (await bench.shop.search(bench.use, "oak")).items
    assert (await bench.shop.product(bench.use, found.id)).variants
    assert (await bench.shop.order(bench.use, "13")).number == "13"
    assert len({path for _, path, *_ in fake.asked}) >= 5
    assert fake.strange == []


@pytest.mark.parametrize(
    "change",
    [{"price": 49.9}, {"stock_quantity": "3"}, {"name": None}, {"invented": "x"}],
    ids=["a number for text", "text for a number", "null where none may be", "a field that no shop has"],
)
async def test_another_answer_than_the_schema_has_would_be_seen(tmp_path, fake, change):
    fake.products[0] |= change
    bench = Bench(tmp_path, fake)
    async with bench.gate.http("woocommerce", purpose="support.provide") as http:
        await http.get("https://shop.example/wp-json/wc/v3/products/12", auth=(CK, CS))
    assert [one.partition(" ")[0] for one in fake.strange] == [f"product.{next(iter(change))}"]


async def test_a_question_that_no_shop_takes_would_be_seen(tmp_path, fake):
    bench = Bench(tmp_path, fake)
    async with bench.gate.http("woocommerce", purpose="support.provide") as http:
        for target in ("products?after_id=4", "customers", "coupons?page=1"):
            await http.get(f"https://shop.example/wp-json/wc/v3/{target}", auth=(CK, CS))
    assert [one.partition(" {")[0] for one in fake.strange] == ["GET products", "GET customers", "GET coupons"]
