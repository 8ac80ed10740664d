"""A shop as core sees it: what is sold, where an order is, what the shop's terms are, what can be done to an order.

Values are frozen and vendor-neutral. Ids are strings, whatever the shop's are: they may exceed 2^53. Money is a decimal
number as text with its currency, never a float. Moments are aware. Texts are plain, without markup, and are data: core
hands them to a model as such, never as instructions.

Who may see an order is decided by core alone, before and after the plugin is asked. A plugin answers for one shop; it
knows no visitor, keeps nothing, and is asked anew each time.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from omniops.contracts.facts import Availability
from omniops.contracts.plugin import PluginSettings
from omniops.contracts.scope import Scope
from omniops.contracts.tools import Customer, Risk
from omniops.errors import Rejected

OrderStatus = Literal[
    "awaiting_payment", "on_hold", "in_progress", "partly_sent", "sent", "delivered", "cancelled", "refunded", "failed"
]
"""`in_progress`: paid, or payable later, and not sent. `failed`: the payment did not go through. Refunded in part is
not `refunded`: it keeps its status and says how much in `Order.refunded`."""
ShipmentStatus = Literal["sent", "in_transit", "out_for_delivery", "delivered", "problem"]
PolicyKind = Literal["returns", "shipping", "payment", "terms"]
ActionKind = Literal["cancel", "change_address", "refund"]
PRODUCT_EVENTS = frozenset({"product.changed", "product.deleted"})
"""Kinds of the shop's `Integration.events` by which core learns that what it knows of a product is old: `id` in their
data names it, and it is asked for anew."""
SHOP_CHANGED = "shop.changed"
"""The same for all products at once: the shop has another currency or address."""
_AMOUNT = re.compile(r"[0-9]+(\.[0-9]+)?")


def _ids(*values: object) -> None:
    for value in values:
        if not isinstance(value, str) or not value:
            raise Rejected(f"An id is a text that is not empty, not {value!r}.", code="bad_id")


def _moments(*values: datetime | None) -> None:
    for value in values:
        if value is not None and value.tzinfo is None:
            raise Rejected(f"A moment says its time zone, unlike {value.isoformat()}.", code="bad_moment")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of at least 0, as `289.00`, with the decimals of the shop, and an ISO 4217 code."""

    amount: str
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.amount, str) or not _AMOUNT.fullmatch(self.amount):
            raise Rejected(f"An amount is a text such as 289.00, not {self.amount!r}.", code="bad_money")
        if not (len(self.currency) == 3 and self.currency.isascii() and self.currency.isupper()):
            raise Rejected(f"{self.currency!r} is no currency code.", code="bad_money")

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


@dataclass(frozen=True, slots=True)
class ProductVariant:
    """One of several to choose from. `title` is such as "Blue / M". `quantity` is None where the shop does not tell."""

    id: str
    title: str
    price: Money | None = None
    availability: Availability | None = None
    quantity: int | None = None
    sku: str = ""

    def __post_init__(self) -> None:
        _ids(self.id)


@dataclass(frozen=True, slots=True)
class Product:
    """Something that can be bought now or later, as a visitor of the shop may see it: no drafts, nothing hidden.

    `price` is the lowest where variants differ. `url` is its page on the website. `variants` are empty where there is
    nothing to choose. `text` describes it, without markup.
    """

    id: str
    title: str
    url: str
    price: Money | None = None
    availability: Availability | None = None
    quantity: int | None = None
    text: str = ""
    sku: str = ""
    variants: tuple[ProductVariant, ...] = ()
    updated_at: datetime | None = None

    def __post_init__(self) -> None:
        _ids(self.id)
        _moments(self.updated_at)


@dataclass(frozen=True, slots=True)
class Products:
    """One page of a search. `cursor` asks for the next one, None: there is none."""

    items: tuple[Product, ...]
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class OrderLine:
    """What was ordered. `total` is what the line cost after discounts, None where the shop does not tell."""

    id: str
    title: str
    quantity: int
    variant: str = ""
    sku: str = ""
    total: Money | None = None

    def __post_init__(self) -> None:
        _ids(self.id)


@dataclass(frozen=True, slots=True)
class Shipment:
    """A parcel. `tracking_url` is the carrier's page."""

    status: ShipmentStatus
    carrier: str = ""
    tracking_number: str = ""
    tracking_url: str = ""
    sent_at: datetime | None = None
    expected_at: datetime | None = None
    delivered_at: datetime | None = None

    def __post_init__(self) -> None:
        _moments(self.sent_at, self.expected_at, self.delivered_at)


@dataclass(frozen=True, slots=True)
class Order:
    """An order: where it is and what was bought. Names, addresses, phones, notes and means of payment are not taken.

    `number` is what its customer knows, such as `#1001`; `id` the shop's own. `email` and `customer_id` prove whose it
    is and are shown to nobody: the address that the shop writes to about this order, and the shop's id of its customer
    (empty for a guest), which a business signs as the visitor's identity. `total` is what is to be paid, with tax and
    shipping. `refunded` is what was paid back so far.
    """

    id: str
    number: str
    status: OrderStatus
    placed_at: datetime
    total: Money
    email: str
    customer_id: str = ""
    lines: tuple[OrderLine, ...] = ()
    shipments: tuple[Shipment, ...] = ()
    refunded: Money | None = None
    updated_at: datetime | None = None

    def __post_init__(self) -> None:
        _ids(self.id, self.number)
        _moments(self.placed_at, self.updated_at)
        if self.customer_id == "0":
            raise Rejected("A guest has an empty customer_id.", code="bad_id")


@dataclass(frozen=True, slots=True)
class Policy:
    """Terms of the shop, in its own words. `url` is their page on the website, `days` the time to return or to cancel,
    where the shop states one as data. A shop that states nothing has no such policy: nothing is made up."""

    kind: PolicyKind
    title: str
    text: str
    url: str = ""
    days: int | None = None
    updated_at: datetime | None = None

    def __post_init__(self) -> None:
        _moments(self.updated_at)


@dataclass(frozen=True, slots=True)
class Action:
    """Something that this shop lets its customers ask for, with the risk that the shop sees in it. Cancelling and
    refunds move money and are `significant`. Where an AI asks for it, a person of the business decides in any case."""

    kind: ActionKind
    risk: Risk = "significant"

    def __post_init__(self) -> None:
        if self.risk == "read" or (self.risk != "significant" and self.kind != "change_address"):
            raise Rejected(f"The action {self.kind} cannot have the risk {self.risk!r}.", code="bad_risk")


@dataclass(frozen=True, slots=True)
class Offers:
    """What this shop gives through this connection, with the features that are on: nothing that is off is offered to a
    model or asked of the plugin."""

    products: bool = False
    orders: bool = False
    policies: bool = False
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class Address:
    """Where an order shall go. `country` is an ISO 3166-1 code of two letters, `region` a state where there are any."""

    name: str
    street: str
    postal_code: str
    city: str
    country: str
    region: str = ""
    extra: str = ""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancels a whole order and gives back what was paid."""

    kind: ClassVar[ActionKind] = "cancel"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ChangeAddress:
    """Sends an order elsewhere."""

    kind: ClassVar[ActionKind] = "change_address"
    address: Address


@dataclass(frozen=True, slots=True)
class Refund:
    """Gives back what was paid: for the named lines (ids of the order's lines), or, with none, for all of them."""

    kind: ClassVar[ActionKind] = "refund"
    reason: str = ""
    line_ids: tuple[str, ...] = ()


Wish = Cancel | ChangeAddress | Refund
"""What is to be done to one order."""


@dataclass(frozen=True, slots=True)
class Acted:
    """What was done, in one sentence for the customer. `order` is the order as it is now."""

    said: str
    order: Order


@dataclass(frozen=True, slots=True)
class ShopUse:
    """Which shop is asked, and for what the gate is told that it is.

    `connection` is the domain's connection of the plugin; `features` are the keys of its features that are switched on
    and granted. `subjects` are the persons that the call is about: hand them, with `scope`, to the gate's client.
    `language` is the visitor's (ISO 639-1), for shops that have their texts in several.
    """

    scope: Scope
    connection: PluginSettings
    features: frozenset[str] = frozenset()
    subjects: tuple[UUID, ...] = ()
    language: str = "en"


class Commerce(ABC):
    """A shop that core can ask on behalf of a visitor. Its products are knowledge as well: core reads all of them from
    time to time, and one whenever an event of `PRODUCT_EVENTS` tells of it.

    All methods may raise `NotReady`, `Reconnect`, `NotReachable`; what the shop says in its error never stands in the
    words of an error that `Rejected` or `NotFound` carries."""

    name: ClassVar[str]
    title: ClassVar[str]

    @abstractmethod
    def offers(self, use: ShopUse) -> Offers:
        """What can be asked here. Asks nobody; called often."""

    @abstractmethod
    async def search(self, use: ShopUse, text: str, *, cursor: str | None = None, limit: int = 10) -> Products:
        """Products that fit the words, best first; with an empty text, all products. At most `limit` (1 to 50). A page
        may be short; the cursor tells whether there are more. Raises `Rejected` with the code `bad_cursor` for a
        cursor that is not of this search."""

    @abstractmethod
    async def product(self, use: ShopUse, product_id: str) -> Product:
        """One product with all its variants. Raises `NotFound`, also for a product that visitors cannot see, and for a
        text that is no id."""

    @abstractmethod
    async def order(self, use: ShopUse, number: str) -> Order:
        """The order with exactly this number, as its customer writes it (`1001` and `#1001` are the same), never one
        that only begins with it or merely has this id. Raises `NotFound` in the same words for every number that is
        none, whatever it is made of."""

    @abstractmethod
    async def orders(self, use: ShopUse, customer: Customer, *, limit: int = 10) -> Sequence[Order]:
        """The newest orders of the customer whose id in the shop is `customer.external_id`, newest first. Empty for an
        id that is none."""

    @abstractmethod
    async def policies(self, use: ShopUse) -> Sequence[Policy]:
        """The terms that the shop states."""

    @abstractmethod
    async def act(self, use: ShopUse, order: Order, wish: Wish, *, key: str) -> Acted:
        """Does it, once: the same `key` again, also after a crash, changes nothing and gives the outcome. `order` was
        read a moment ago; read again what the action depends on. Raises `Rejected` (code `too_late`, `not_possible` or
        `bad_address`) with a sentence for the customer where the shop does not do it."""
