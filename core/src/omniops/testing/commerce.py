"""What every shop must do: find what is there and nothing else, name things exactly, and change an order once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import pytest

from omniops.contracts.commerce import ActionKind, Commerce, Money, Order, Product, ProductVariant, ShopUse, Wish
from omniops.contracts.ids import new_id
from omniops.contracts.plugin import GateDoor, PluginSettings
from omniops.contracts.scope import Scope
from omniops.contracts.tools import Customer
from omniops.errors import NotFound, Reconnect, Rejected
from omniops.hookspecs import Plugin
from omniops.testing.part import OutageSuite, Unwell

NO_IDS = ("", "0", "-1", "99999999999999999999", "../orders", "1 or 1=1", "%", "*", "é😀", "a" * 300)
PAGES = 100
"""Pages after which a search that has no end is one."""


@dataclass(frozen=True, slots=True)
class Stocked:
    """What the double's shop holds, as its author knows.

    `words` find at least three products; `product_id` is one of them. `number` is an order of `customer_id`, who has at
    least two, and of `email`; `no_numbers` are texts that look like it and are no order's, among them what it begins
    with, and the order's own id where that is no number. `hidden` are ids of products that visitors cannot see.
    `wishes` may be done to the order `changeable`, `refused` may not be done to the order `settled`. `features` are
    those of the connection that are on.
    """

    words: str
    product_id: str
    number: str
    customer_id: str
    email: str
    no_numbers: Sequence[str]
    hidden: Sequence[str] = ()
    changeable: str = ""
    wishes: Mapping[ActionKind, Wish] = field(default_factory=dict)
    settled: str = ""
    refused: Sequence[Wish] = ()
    features: frozenset[str] = frozenset()


class CommerceSuite(OutageSuite):
    """The contract of a shop. Override `gate` with a double that knows `connection_values`, and `stocked`."""

    shop_name: ClassVar[str | None] = None
    """Which shop, where the plugin offers several."""

    @pytest.fixture
    def stocked(self) -> Stocked:
        """What the double's shop holds. Override it."""
        pytest.skip("nobody told what the double's shop holds: override the fixture `stocked`")

    @pytest.fixture
    def changes(self) -> Callable[[], int] | None:
        """How many changes of orders the double has made so far. Override it to see that none is made twice."""
        return None

    @pytest.fixture
    def shop(self, plugin: Plugin) -> Commerce:
        """The shop under test."""
        found: Sequence[Commerce] = self.offered(plugin, "shops")
        return self.only(found, [one.name for one in found], self.shop_name, "shop_name")

    @pytest.fixture
    def use(self, connection: PluginSettings, gate: GateDoor, stocked: Stocked) -> ShopUse:
        """With what the shop is asked."""
        self.skip_shut(gate, outside=True)
        return ShopUse(Scope(new_id(), new_id()), connection, stocked.features, (new_id(),))

    def test_it_is_named(self, shop: Commerce) -> None:
        assert shop.name, "the shop has no name"
        assert shop.title.strip(), "the shop has no title for people"

    def test_what_it_offers_is_told_without_asking(self, shop: Commerce, use: ShopUse, gate: GateDoor) -> None:
        before = len(getattr(gate, "requests", ()))
        assert shop.offers(use) == shop.offers(use), "two answers to the same question differ"
        assert len(getattr(gate, "requests", ())) == before, "offers() asks somebody outside"
        kinds = [action.kind for action in shop.offers(use).actions]
        assert len(kinds) == len(set(kinds)), f"an action is offered twice: {kinds}"

    async def test_a_search_is_paged_to_its_end(self, shop: Commerce, use: ShopUse, stocked: Stocked) -> None:
        whole = await shop.search(use, stocked.words, limit=50)
        assert len(whole.items) >= 3, f"{stocked.words!r} finds {len(whole.items)} products, not three or more"
        found, cursor = list[str](), None
        for _ in range(PAGES):
            page = await shop.search(use, stocked.words, cursor=cursor, limit=1)
            assert len(page.items) <= 1, f"a page has {len(page.items)} products where one was asked for"
            found += [product.id for product in page.items]
            assert page.cursor is None or page.cursor != cursor, "the same cursor comes twice"
            cursor = page.cursor
            if cursor is None:
                break
        assert cursor is None, f"after {PAGES} pages there is still a cursor"
        assert sorted(found) == sorted({product.id for product in whole.items}), "pages and the whole differ"
        for product in whole.items:
            _check_product(product)

    async def test_a_cursor_of_something_else_is_rejected(self, shop: Commerce, use: ShopUse, stocked: Stocked) -> None:
        for cursor in ("nonsense", "https://elsewhere.example/next"):
            with pytest.raises(Rejected) as refused:
                await shop.search(use, stocked.words, cursor=cursor)
            assert refused.value.code == "bad_cursor"

    async def test_a_product_is_found_by_its_id_alone(self, shop: Commerce, use: ShopUse, stocked: Stocked) -> None:
        product = await shop.product(use, stocked.product_id)
        _check_product(product)
        assert product.id == stocked.product_id
        for text in (*NO_IDS, *stocked.hidden):
            with pytest.raises(NotFound):
                await shop.product(use, text)

    async def test_an_order_is_found_by_its_whole_number(self, shop: Commerce, use: ShopUse, stocked: Stocked) -> None:
        order = await shop.order(use, stocked.number)
        _check_order(order)
        assert order.number.lstrip("#") == stocked.number.lstrip("#")
        assert order.email.casefold() == stocked.email.casefold()
        assert order.customer_id == stocked.customer_id
        bare = stocked.number.lstrip("#")
        assert (await shop.order(use, f"#{bare}")).id == (await shop.order(use, bare)).id == order.id

    async def test_what_is_no_order_is_told_in_the_same_words(
        self, shop: Commerce, use: ShopUse, stocked: Stocked
    ) -> None:
        said = set()
        for text in (*NO_IDS, *stocked.no_numbers):
            with pytest.raises(NotFound) as missing:
                await shop.order(use, text)
            said.add((type(missing.value), str(missing.value)))
        assert len(said) == 1, f"orders that are not there are told in {len(said)} ways: {said}"

    async def test_a_customers_orders_are_their_own(self, shop: Commerce, use: ShopUse, stocked: Stocked) -> None:
        orders = await shop.orders(use, Customer(stocked.customer_id, "jwt"))
        assert len(orders) >= 2, f"customer {stocked.customer_id!r} has {len(orders)} orders, not two or more"
        for order in orders:
            _check_order(order)
            assert order.customer_id == stocked.customer_id, "an order of somebody else is among them"
        placed = [order.placed_at for order in orders]
        assert placed == sorted(placed, reverse=True), "the newest does not come first"
        assert len(await shop.orders(use, Customer(stocked.customer_id, "jwt"), limit=1)) == 1
        for text in NO_IDS:
            assert not await shop.orders(use, Customer(text, "jwt")), f"{text!r} is no customer and has orders"

    async def test_terms_are_in_words(self, shop: Commerce, use: ShopUse) -> None:
        for policy in await shop.policies(use):
            assert policy.title.strip(), f"{policy.kind} have no title"
            assert policy.text.strip(), f"{policy.kind} have no words"
            assert "</" not in policy.text, f"{policy.kind} have markup in them"

    async def test_an_action_is_done_once_for_its_key(
        self, shop: Commerce, use: ShopUse, stocked: Stocked, changes: Callable[[], int] | None
    ) -> None:
        offered = {action.kind for action in shop.offers(use).actions}
        assert set(stocked.wishes) == offered, "`stocked.wishes` needs one wish for each offered action, and no other"
        for kind, wish in stocked.wishes.items():
            order = await shop.order(use, stocked.changeable)
            before, key = changes() if changes else 0, new_id().hex
            first = await shop.act(use, order, wish, key=key)
            again = await shop.act(use, order, wish, key=key)
            assert first.said.strip(), f"{kind}: nothing is said of what was done"
            assert first.order.id == again.order.id == order.id, f"{kind}: another order comes back"
            if changes:
                assert changes() - before == 1, f"{kind} with one key was done {changes() - before} times"

    async def test_what_cannot_be_done_is_rejected_in_words(
        self, shop: Commerce, use: ShopUse, stocked: Stocked, changes: Callable[[], int] | None
    ) -> None:
        for wish in stocked.refused:
            order, before = await shop.order(use, stocked.settled), changes() if changes else 0
            with pytest.raises(Rejected) as refused:
                await shop.act(use, order, wish, key=new_id().hex)
            assert refused.value.code in ("too_late", "not_possible", "bad_address")
            assert changes is None or changes() == before, f"{wish.kind} was rejected and done"

    @pytest.mark.parametrize("status", [200, 403, 429, 500, 503])
    async def test_nonsense_and_outages_can_be_tried_again(
        self, shop: Commerce, use: ShopUse, stocked: Stocked, unwell: Unwell | None, status: int
    ) -> None:
        customer = Customer(stocked.customer_id, "jwt")
        calls = (
            lambda: shop.search(use, stocked.words),
            lambda: shop.product(use, stocked.product_id),
            lambda: shop.order(use, stocked.number),
            lambda: shop.orders(use, customer),
        )
        await self.can_be_tried_again(unwell, status, calls)

    async def test_refused_credentials_ask_for_a_new_connection(
        self, shop: Commerce, use: ShopUse, stocked: Stocked, unwell: Unwell | None
    ) -> None:
        self.makes_unwell(unwell, 401)
        with pytest.raises(Reconnect):
            await shop.order(use, stocked.number)


def _check_product(product: Product) -> None:
    assert isinstance(product, Product)
    assert product.title.strip(), f"product {product.id} has no title"
    assert product.url.startswith("https://"), f"product {product.id} leads to {product.url!r}"
    assert "</" not in product.text, f"product {product.id} has markup in its text"
    things: list[Product | ProductVariant] = [product, *product.variants]
    for priced in things:
        assert priced.price is None or isinstance(priced.price, Money)
        assert priced.quantity is None or isinstance(priced.quantity, int)
    ids = [variant.id for variant in product.variants]
    assert len(ids) == len(set(ids)), f"product {product.id} has a variant twice"


def _check_order(order: Order) -> None:
    assert isinstance(order, Order)
    assert order.lines, f"order {order.id} has no lines"
    assert all(isinstance(line.quantity, int) and line.quantity > 0 for line in order.lines)
    for parcel in order.shipments:
        assert not parcel.tracking_url or parcel.tracking_url.startswith("https://")
