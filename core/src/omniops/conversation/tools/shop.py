"""Core's tools over the connected shop: what is sold, where an order is, the terms, what can be done to an order."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import Field

from omniops.contracts.cards import Field as Asked
from omniops.contracts.cards import FormCard
from omniops.contracts.commerce import ActionKind, Address, Cancel, ChangeAddress, Refund, Wish
from omniops.contracts.tools import Tool, ToolAnswer, ToolFunction, ToolUse
from omniops.conversation.orders.access import Holder, OrderAccess
from omniops.conversation.orders.checks import OrderChecks
from omniops.conversation.orders.shops import Shop
from omniops.conversation.orders.telling import order_text, policies_text, product_card, product_text, products_text
from omniops.conversation.orders.wording import say
from omniops.conversation.tools.running import Offered
from omniops.errors import NotFound, NotReady, Rejected, Throttled

T = TypeVar("T")
CARDS = 3
"""Product cards of one search."""
ACTING = 20.0
"""Seconds for a tool that changes an order: it is read, and then changed."""
Number = Annotated[str, Field(min_length=1, max_length=60, description="The order's number as the customer wrote it.")]
Reason = Annotated[str, Field(max_length=300, description="Why, in the customer's words.")]
Line = Annotated[str, Field(min_length=1, max_length=120)]
Words = Annotated[str, Field(min_length=2, max_length=200, description="What to look for.")]
ProductId = Annotated[str, Field(min_length=1, max_length=100, description="The product id from find_products.")]
Email = Annotated[str, Field(min_length=3, max_length=254, description="The address that they ordered with.")]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 code.")]


class ShopTools:
    """The tools of one turn. Whose orders they show, `OrderAccess` knows from the conversation."""

    def __init__(self, shop: Shop, access: OrderAccess, checks: OrderChecks) -> None:
        self._shop = shop
        self._access = access
        self._checks = checks

    def offered(self) -> Sequence[Offered]:
        """Those for what this shop gives here. What changes an order a person decides, however harmless the shop holds
        it to be: a text that the model read may have put the wish into its mouth."""
        offers, title = self._shop.offers, self._shop.commerce.title
        reading: list[ToolFunction] = []
        if offers.products:
            reading += [self.find_products, self.product_details]
        if offers.policies:
            reading.append(self.shop_terms)
        if offers.orders:
            reading += [self.order_status, self.my_orders]
            if self._checks.possible:
                reading.append(self.start_order_check)
        changing: Mapping[ActionKind, ToolFunction] = {
            "cancel": self.cancel_order,
            "change_address": self.change_order_address,
            "refund": self.refund_order,
        }
        tools = [Tool(function, risk="read", timeout=ACTING, title=title) for function in reading]
        tools += [
            Tool(changing[action.kind], risk="significant", timeout=ACTING, title=title, check=self._check)
            for action in (offers.actions if offers.orders else ())
        ]
        return [Offered(tool, self._shop.plugin) for tool in tools]

    async def find_products(self, use: ToolUse, *, words: Words) -> ToolAnswer:
        """Searches the shop's products: what there is now, at what price, how many are in stock."""
        found = await _asked(self._shop.search(words))
        if not found:
            raise NotFound("The shop has no such product.")
        cards = [card for product in found if (card := product_card(product)) is not None]
        url = found[0].url if len(found) == 1 else ""
        return ToolAnswer(products_text(found), self._shop.commerce.title, url, tuple(cards[:CARDS]))

    async def product_details(self, use: ToolUse, *, product_id: ProductId) -> ToolAnswer:
        """Tells all of one product: its description, its variants, and the stock and price of each."""
        product = await _asked(self._shop.product(product_id))
        card = product_card(product)
        return ToolAnswer(product_text(product), product.title, product.url, () if card is None else (card,))

    async def shop_terms(self, use: ToolUse) -> ToolAnswer:
        """Tells the shop's terms: returns, shipping, payment."""
        found = await _asked(self._shop.policies())
        if not found:
            raise NotFound("The shop states no terms.")
        return ToolAnswer(policies_text(found), self._shop.commerce.title, found[0].url if len(found) == 1 else "")

    async def order_status(self, use: ToolUse, *, number: Number) -> ToolAnswer:
        """Tells where an order of this customer is. A customer who is not known yet gets a form for the order's number
        and e-mail address."""
        holder = await self._holder(use)
        if not holder.known:
            return self._form(use)
        order = await _asked(self._access.order(self._shop.about(holder.subject_id, use.language), holder, number))
        return ToolAnswer(order_text(order, use.language), self._shop.commerce.title)

    async def my_orders(self, use: ToolUse) -> ToolAnswer:
        """Tells all orders of this customer, newest first, and where each is. Use it when the customer names no order
        number. A customer who is not known yet gets a form for the order's number and e-mail address."""
        holder = await self._holder(use)
        if not holder.known:
            return self._form(use)
        found = await _asked(self._access.orders(self._shop.about(holder.subject_id, use.language), holder))
        if not found:
            raise NotFound("This customer has no orders.")
        return ToolAnswer("\n\n".join(order_text(one, use.language) for one in found), self._shop.commerce.title)

    async def start_order_check(self, use: ToolUse, *, number: Number, email: Email) -> ToolAnswer:
        """Mails a code to the address of an order, so that the customer can show that the order is theirs. They write
        the code in this chat; it never reaches you. Use it when they gave an order number and an e-mail address."""
        try:
            await self._checks.begin(use.scope, use.conversation_id, self._shop, number, email)
        except Throttled:
            return ToolAnswer(say("often", use.language), self._shop.commerce.title)
        return ToolAnswer(say("asked", use.language), self._shop.commerce.title)

    async def cancel_order(self, use: ToolUse, *, number: Number, reason: Reason = "") -> ToolAnswer:
        """Asks to cancel a whole order of this customer. Use it only when the customer asked for it."""
        return await self._act(use, number, Cancel(reason))

    async def change_order_address(
        self,
        use: ToolUse,
        *,
        number: Number,
        name: Line,
        street: Line,
        postal_code: Line,
        city: Line,
        country: Country,
        region: str = "",
    ) -> ToolAnswer:
        """Asks to send an order of this customer to another address. Use it only when the customer asked for it, with
        the address that the customer wrote."""
        return await self._act(
            use, number, ChangeAddress(Address(name, street, postal_code, city, country, region[:120]))
        )

    async def refund_order(self, use: ToolUse, *, number: Number, reason: Reason = "") -> ToolAnswer:
        """Asks to pay back an order of this customer. Use it only when the customer asked for it."""
        return await self._act(use, number, Refund(reason))

    async def _act(self, use: ToolUse, number: str, wish: Wish) -> ToolAnswer:
        """Whether the customer might, was looked at when it was asked for. A person may decide long after that."""
        holder = await self._access.holder(use.scope, use.conversation_id, self._shop.plugin, ever=True)
        shop = self._shop.about(holder.subject_id, use.language)
        order = await _asked(self._access.order(shop, holder, number))
        return ToolAnswer(await _asked(shop.act(order, wish, key=use.key)), shop.commerce.title)

    async def _check(self, use: ToolUse, arguments: Mapping[str, Any]) -> None:
        holder = await self._holder(use)
        await _asked(self._access.order(self._shop.about(holder.subject_id, use.language), holder, arguments["number"]))

    async def _holder(self, use: ToolUse) -> Holder:
        return await self._access.holder(use.scope, use.conversation_id, self._shop.plugin)

    def _form(self, use: ToolUse) -> ToolAnswer:
        """What shows whose an order is; where no code can be sent, only the business's own sign-in does."""
        if not self._checks.possible:
            raise Rejected("Orders are shown to customers who are signed in.", code="no_identity")
        return ToolAnswer(say("form", use.language), self._shop.commerce.title, cards=(order_form(use.language),))


def order_form(language: str) -> FormCard:
    """Asks for what a code needs. What is filled in comes back as a message, which core recognises."""
    fields = (Asked(say("number", language)), Asked(say("email", language), "email"))
    return FormCard(say("form", language), fields, say("send", language))


async def _asked(call: Awaitable[T]) -> T:
    """What the shop gives, or words for the model."""
    try:
        return await call
    except NotReady as error:
        raise Rejected(str(error), code="shop_away") from error
