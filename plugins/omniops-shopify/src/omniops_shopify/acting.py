"""What is done to an order, once for each key: the shop keeps the key in a note of the thing that was done."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Protocol

from omniops.contracts.commerce import Acted, Address, Cancel, ChangeAddress, Order, Refund, ShopUse, Wish
from omniops.errors import NotFound, Rejected

from omniops_shopify import mapping, queries

_UNSENT = frozenset({"awaiting_payment", "on_hold", "in_progress"})
_NOTE = 255
"""Characters of a staff note at Shopify."""


class Ask(Protocol):
    def __call__(
        self, use: ShopUse, text: str, variables: Mapping[str, Any], categories: Sequence[str] = ()
    ) -> Awaitable[dict[str, Any]]: ...


class Read(Protocol):
    def __call__(self, use: ShopUse, order_id: str) -> Awaitable[Order]: ...


class Acting:
    """Cancels, sends elsewhere, gives money back."""

    def __init__(self, ask: Ask, read: Read) -> None:
        self._ask = ask
        self._read = read

    async def act(self, use: ShopUse, order: Order, wish: Wish, key: str) -> Acted:
        match wish:
            case Cancel():
                return await self._cancel(use, order, wish, key)
            case ChangeAddress():
                return await self._send_to(use, order, wish.address)
            case Refund():
                return await self._refund(use, order, wish, key)

    async def _cancel(self, use: ShopUse, order: Order, wish: Cancel, key: str) -> Acted:
        before = await self._before(use, queries.BEFORE_CANCEL, order)
        now = await self._read(use, order.id)
        if before["cancelledAt"]:
            if _mark(key) not in str((before["cancellation"] or {}).get("staffNote") or ""):
                raise Rejected(f"Order {order.number} is cancelled already.", code="too_late")
            return Acted(f"Order {order.number} is cancelled. What was paid is given back.", now)
        if now.status not in _UNSENT:
            raise Rejected(f"Order {order.number} cannot be cancelled any more.", code="too_late")
        variables = {"id": mapping.gid("Order", order.id), "note": _note(wish.reason, key)}
        done = (await self._ask(use, queries.CANCEL, variables, ("user.content.chat",)))["orderCancel"]
        _check(done["orderCancelUserErrors"], f"Order {order.number} cannot be cancelled.", "not_possible")
        now = await self._read(use, order.id)
        if now.status != "cancelled":  # Shopify does it in a job of its own
            return Acted(f"Order {order.number} is being cancelled. What was paid is given back.", now)
        return Acted(f"Order {order.number} is cancelled. What was paid is given back.", now)

    async def _send_to(self, use: ShopUse, order: Order, address: Address) -> Acted:
        said = f"Order {order.number} goes to the new address."
        before = await self._before(use, queries.BEFORE_ADDRESS, order)
        now = await self._read(use, order.id)
        if _is_at(before["shippingAddress"], address):
            return Acted(said, now)
        if now.status not in _UNSENT:
            raise Rejected(f"Order {order.number} cannot be sent elsewhere any more.", code="too_late")
        variables = {"input": {"id": mapping.gid("Order", order.id), "shippingAddress": _address(address)}}
        done = (await self._ask(use, queries.ADDRESS, variables, ("contact.name", "shopify.address")))["orderUpdate"]
        _check(done["userErrors"], "The shop does not take this address.", "bad_address")
        return Acted(said, await self._read(use, order.id))

    async def _refund(self, use: ShopUse, order: Order, wish: Refund, key: str) -> Acted:
        lines = await self._wanted(use, order, wish)
        before = await self._before(use, queries.BEFORE_REFUND, order, {"full": not wish.line_ids, "lines": lines})
        said = f"The refund for order {order.number} is on its way."
        if any(_mark(key) in str(one["note"] or "") for one in before["refunds"]):
            return Acted(said, await self._read(use, order.id))
        suggested = before["suggestedRefund"] or {}
        amount = mapping.money((suggested.get("amountSet") or {}).get("presentmentMoney"))
        if amount is None or not float(amount.amount) or not suggested["suggestedTransactions"]:
            raise Rejected(f"There is nothing to give back for order {order.number}.", code="not_possible")
        refund = {
            "orderId": mapping.gid("Order", order.id),
            "currency": amount.currency,
            "note": _note(wish.reason, key),
            "notify": True,
            "refundLineItems": [
                {"lineItemId": one["lineItem"]["id"], "quantity": one["quantity"], "restockType": "NO_RESTOCK"}
                for one in suggested["refundLineItems"]
            ],
            "transactions": [
                {
                    "orderId": mapping.gid("Order", order.id),
                    "kind": "REFUND",
                    "gateway": one["gateway"],
                    "parentId": (one["parentTransaction"] or {}).get("id"),
                    "amount": one["amountSet"]["presentmentMoney"]["amount"],
                }
                for one in suggested["suggestedTransactions"]
            ],
        }
        if not wish.line_ids:
            refund["shipping"] = {"fullRefund": True}
        variables = {"input": refund, "key": key}
        done = (await self._ask(use, queries.REFUND, variables, ("user.content.chat",)))["refundCreate"]
        _check(done["userErrors"], f"The shop does not give back what order {order.number} cost.", "not_possible")
        return Acted(said, await self._read(use, order.id))

    async def _wanted(self, use: ShopUse, order: Order, wish: Refund) -> list[dict[str, Any]]:
        """The named lines with all of them that can be given back."""
        if not wish.line_ids:
            return []
        nothing = {"full": True, "lines": []}
        rows = (await self._before(use, queries.BEFORE_REFUND, order, nothing))["lineItems"]["nodes"]
        left = {mapping.number(row["id"]): int(row["refundableQuantity"]) for row in rows}
        if any(one not in left for one in wish.line_ids):
            raise Rejected(f"Order {order.number} has no such line.", code="not_possible")
        return [
            {"lineItemId": mapping.gid("LineItem", one), "quantity": left[one], "restockType": "NO_RESTOCK"}
            for one in wish.line_ids
            if left[one] > 0
        ]

    async def _before(
        self, use: ShopUse, text: str, order: Order, variables: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        """What an action depends on, as it is now."""
        found: Mapping[str, Any] | None = (
            await self._ask(use, text, {"id": mapping.gid("Order", order.id), **(variables or {})})
        )["order"]
        if found is None:
            raise NotFound("There is no such order.")
        return found


def _mark(key: str) -> str:
    return f"[OmniOps {key}]"


def _note(reason: str, key: str) -> str:
    """The reason in the customer's words, and the key by which a second time is known."""
    mark = _mark(key)
    return f"{' '.join(reason.split())[: _NOTE - len(mark) - 1]} {mark}".strip()


def _check(errors: Sequence[Any], said: str, code: str) -> None:
    """Shopify says no with status 200. Its own words are for developers, and stay out."""
    if errors:
        raise Rejected(said, code=code)


def _address(address: Address) -> dict[str, str]:
    first, _, last = address.name.strip().rpartition(" ")
    return {
        "firstName": first,
        "lastName": last,
        "address1": address.street,
        "address2": address.extra,
        "zip": address.postal_code,
        "city": address.city,
        "countryCode": address.country,
        **({"provinceCode": address.region} if address.region else {}),
    }


def _is_at(found: Mapping[str, Any] | None, address: Address) -> bool:
    """Whether the order goes there already."""
    if found is None:
        return False
    wanted = (
        address.name,
        address.street,
        address.extra,
        address.postal_code,
        address.city,
        address.region,
        address.country,
    )
    names = ("name", "address1", "address2", "zip", "city", "provinceCode", "countryCodeV2")
    return all(" ".join(one.split()) == str(found.get(name) or "") for name, one in zip(names, wanted, strict=True))
