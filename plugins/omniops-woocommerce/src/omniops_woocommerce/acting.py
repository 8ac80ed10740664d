"""Changes of an order, each once. A shop knows no idempotency key, so the key is written with the change itself, in one
call: what bears it was done."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from omniops.contracts.commerce import Acted, Address, Cancel, ChangeAddress, Order, Refund, Wish
from omniops.errors import NotFound, NotReady, Rejected

from omniops_woocommerce import mapping
from omniops_woocommerce.client import Asking, Client, Failed
from omniops_woocommerce.echoes import Echoes

_OPEN = frozenset({"pending", "on-hold", "processing"})
_PAID = frozenset({"processing", "on-hold", "completed"})
_CANNOT_REFUND = "woocommerce_rest_cannot_create_order_refund"


class Acting:
    """Reads the order anew, and does what may be done to it now."""

    def __init__(self, client: Client, echoes: Echoes) -> None:
        self._client = client
        self._echoes = echoes

    async def act(self, asking: Asking, order: Order, wish: Wish, key: str) -> Acted:
        path, mark = f"orders/{order.id}", f"_omniops_{hashlib.sha256(key.encode()).hexdigest()[:32]}"
        row = await self._read(asking, path)
        refunds = [one async for one in self._client.pages(asking, f"{path}/refunds")]
        new = not any(_bears(one, mark) for one in (row, *refunds))
        if new:
            match wish:
                case Cancel():
                    await self._cancel(asking, path, row, refunds, wish.reason, mark)
                case Refund():
                    await self._refund(asking, path, row, refunds, wish, mark)
                case ChangeAddress():
                    await self._readdress(asking, path, row, wish.address, mark)
        now = mapping.order(await self._read(asking, path))
        if now is None:
            raise NotFound("There is no such order.")
        if new and asking.scope is not None:
            await self._echoes.made(asking.scope, asking.store, now)
        return Acted(_said(now, wish), now)

    async def _read(self, asking: Asking, path: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = await self._client.get(asking, path, _fields=mapping.ORDER_FIELDS)
        return found

    async def _cancel(
        self,
        asking: Asking,
        path: str,
        row: Mapping[str, Any],
        refunds: Sequence[Mapping[str, Any]],
        reason: str,
        mark: str,
    ) -> None:
        """What was paid is given back in full, by which the shop takes the order as refunded and does not send it."""
        if row.get("status") not in _OPEN:
            raise Rejected("The order is too far along to be cancelled.", code="too_late")
        if row.get("date_paid_gmt"):
            lines = [] if refunds else [_whole(line) for line in _lines(row)]
            await self._pay_back(asking, path, _left(row, refunds), reason, lines, mark, restock=True)
            return
        said = await self._client.change(asking, "PUT", path, {"status": "cancelled", **_marked(mark)}, takes=(400,))
        if isinstance(said, Failed):
            raise Rejected("The shop does not cancel this order.", code="not_possible")

    async def _refund(
        self,
        asking: Asking,
        path: str,
        row: Mapping[str, Any],
        refunds: Sequence[Mapping[str, Any]],
        wish: Refund,
        mark: str,
    ) -> None:
        left = _left(row, refunds)
        if row.get("status") not in _PAID or not row.get("date_paid_gmt") or left <= 0:
            raise Rejected("There is nothing of this order that could be given back.", code="not_possible")
        lines = {str(line.get("id")): line for line in _lines(row)}
        wanted = [_whole(lines[one]) for one in dict.fromkeys(wish.line_ids) if one in lines]
        if len(wanted) < len(set(wish.line_ids)) or {str(one["id"]) for one in wanted} & _given_back(refunds):
            raise Rejected("Something of this was given back already, or is not in the order.", code="not_possible")
        amount = sum((_amount(one) for one in wanted), Decimal(0)) if wanted else left
        if amount > left:
            raise Rejected("More would be given back than was paid.", code="not_possible")
        await self._pay_back(asking, path, amount, wish.reason, wanted, mark, restock=False)

    async def _pay_back(
        self,
        asking: Asking,
        path: str,
        amount: Decimal,
        reason: str,
        lines: Sequence[Mapping[str, Any]],
        mark: str,
        *,
        restock: bool,
    ) -> None:
        body = {
            "amount": f"{amount:f}",
            "reason": reason,
            "line_items": list(lines),
            "api_refund": True,
            "api_restock": restock,
            **_marked(mark),
        }
        said = await self._client.change(asking, "POST", f"{path}/refunds", body, takes=(400, 500))
        if isinstance(said, Failed) and (said.status == 400 or said.code == _CANNOT_REFUND):
            raise Rejected("The shop cannot give the money back by itself; a person there has to.", code="not_possible")
        if isinstance(said, Failed):
            raise NotReady("The shop failed at giving the money back.")

    async def _readdress(self, asking: Asking, path: str, row: Mapping[str, Any], address: Address, mark: str) -> None:
        if row.get("status") not in _OPEN:
            raise Rejected("The order is on its way already.", code="too_late")
        first, _, last = address.name.strip().rpartition(" ")
        shipping = {
            "first_name": first,
            "last_name": last,
            "company": "",
            "address_1": address.street,
            "address_2": address.extra,
            "city": address.city,
            "postcode": address.postal_code,
            "state": address.region,
            "country": address.country,
        }
        said = await self._client.change(asking, "PUT", path, {"shipping": shipping, **_marked(mark)}, takes=(400,))
        if isinstance(said, Failed):
            raise Rejected("The shop does not take this address.", code="bad_address")


def _marked(mark: str) -> Mapping[str, Any]:
    return {"meta_data": [{"key": mark, "value": "1"}]}


def _bears(row: Mapping[str, Any], mark: str) -> bool:
    return any(isinstance(meta, dict) and meta.get("key") == mark for meta in row.get("meta_data") or ())


def _lines(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [line for line in row.get("line_items") or () if isinstance(line, dict) and line.get("quantity", 0) > 0]


def _whole(line: Mapping[str, Any]) -> Mapping[str, Any]:
    """A line of a refund that gives back all of an order's line, its tax included."""
    taxes = [tax for tax in line.get("taxes") or () if isinstance(tax, dict) and mapping.decimal(tax.get("total"))]
    return {
        "id": line["id"],
        "quantity": line["quantity"],
        "refund_total": mapping.added(line.get("total")),
        "refund_tax": [{"id": tax["id"], "refund_total": mapping.added(tax["total"])} for tax in taxes],
    }


def _amount(line: Mapping[str, Any]) -> Decimal:
    return Decimal(mapping.added(line["refund_total"], *(tax["refund_total"] for tax in line["refund_tax"])))


def _left(row: Mapping[str, Any], refunds: Sequence[Mapping[str, Any]]) -> Decimal:
    return Decimal(mapping.added(row.get("total"))) - Decimal(mapping.added(*(one.get("amount") for one in refunds)))


def _given_back(refunds: Sequence[Mapping[str, Any]]) -> set[str]:
    """Lines of the order of which something was given back."""
    metas = [meta for one in refunds for line in one.get("line_items") or () for meta in line.get("meta_data") or ()]
    return {str(meta.get("value")) for meta in metas if meta.get("key") == "_refunded_item_id"}


def _said(order: Order, wish: Wish) -> str:
    match wish:
        case Cancel():
            back = " and what was paid is given back" if order.refunded is not None else ""
            return f"Order {order.number} is cancelled{back}."
        case Refund():
            return f"Of order {order.number}, {order.refunded} are given back now."
        case ChangeAddress():
            return f"Order {order.number} goes to the new address."
