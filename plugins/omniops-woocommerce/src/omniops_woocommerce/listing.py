"""All that a shop sells, in an order that holds while it changes, and the variants of what is found."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any

from omniops.errors import NotFound, Rejected

from omniops_woocommerce import mapping
from omniops_woocommerce.client import MOST, Asking, Client

SEEN = {"status": "publish", "_fields": mapping.PRODUCT_FIELDS}
_PLACE = re.compile(r"([0-9]{1,18})-([0-9]{1,7})")

Row = Mapping[str, Any]


async def everything(
    client: Client, asking: Asking, cursor: str | None, limit: int
) -> tuple[Sequence[Row], str | None]:
    """The next products by id, and the place after them. The shop knows no cursor, only how many to pass over, and that
    moves when something is taken off the list. So a place is the last product's id and how many stood up to it, and the
    next page begins with that product: where another stands there, what was passed over too far is gone back for.

    A page may be short, or empty. Raises `Rejected` (`bad_cursor`) for what is no place.
    """
    found = _PLACE.fullmatch(cursor or "0-0")
    if found is None:
        raise Rejected("This is no place in the list of products.", code="bad_cursor")
    last, passed = int(found[1]), int(found[2])
    size, back = limit + (passed > 0), 0
    while True:
        start = max(0, passed - 1 - back)
        rows, _ = await client.page(asking, "products", **SEEN, orderby="id", order="asc", per_page=size, offset=start)
        if not start or (rows and _number(rows[0]) <= last):
            break
        back = 2 * back + limit
    new = [row for row in rows if _number(row) > last]
    told = new[:limit]
    if len(rows) < size and len(told) == len(new):
        return told, None
    last = _number(told[-1]) if told else last
    return told, f"{last}-{start + len(rows) - len(new) + len(told)}"


async def variations(client: Client, asking: Asking, numbers: Sequence[int], most: int) -> Mapping[int, Sequence[Row]]:
    """The first variants of products, by the product's id: one call for each, a few of them at a time."""
    try:
        async with asyncio.TaskGroup() as group:
            calls = {number: group.create_task(_variations(client, asking, number, most)) for number in numbers}
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from errors
    return {number: call.result() for number, call in calls.items()}


async def _variations(client: Client, asking: Asking, number: int, most: int) -> Sequence[Row]:
    try:
        rows, _ = await client.page(
            asking, f"products/{number}/variations", _fields=mapping.VARIATION_FIELDS, per_page=min(most, MOST)
        )
    except NotFound:
        return ()  # taken off the list a moment ago
    return rows


def _number(row: Row) -> int:
    found = row.get("id")
    return found if isinstance(found, int) else 0
