"""What webhooks lost. A shop tells each change once, and not at all while it has a webhook switched off: so it is asked
what changed since the last time, in the order of the changes, by its own clock."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from omniops.contracts.integration import Step
from omniops.contracts.webhook import Arrived, Event

from omniops_woocommerce.client import MOST, Asking, Client
from omniops_woocommerce.mapping import moment
from omniops_woocommerce.webhooks import changed

KINDS = {"orders": "order.changed", "products": "product.changed"}
"""Lists of the shop, each a sync, and the event that an entry of it becomes."""
_FIELDS = "id,date_modified,date_modified_gmt"
_ONE = timedelta(seconds=1)
"""The shop's clock tells no finer, and it gives what changed after a moment: what changed in its second is asked for
again, and known."""
_SKEW = timedelta(hours=24)
"""By so much a shop's clock may be ahead."""
_EVER = datetime(2000, 1, 1, tzinfo=UTC)


async def changes(
    client: Client, asking: Asking, path: str, cursor: str | None, known: Collection[str], now: datetime
) -> AsyncIterator[Step]:
    """Changes since the cursor: a moment, a page, and what was last seen there. Nothing is copied, so the first time
    only looks up from when on to ask. A page begins where the last one ended, in time: what changes meanwhile
    moves nothing out of sight. What claims to be of the days to come is told, and nothing is passed over for it.
    """
    if cursor is None:
        rows, _ = await client.page(asking, path, orderby="modified", order="desc", per_page=1, _fields=_FIELDS)
        newest = moment(rows[0], "date_modified") if rows else None
        yield Step(_cursor(min((newest or _EVER) + _ONE, now), 1, ()))
        return
    since, page = _read(cursor)
    more = True
    while more:
        wanted: dict[str, Any] = {"modified_after": _text(since - _ONE), "dates_are_gmt": "true", "page": page}
        rows, more = await client.page(
            asking, path, orderby="modified", order="asc", per_page=MOST, _fields=_FIELDS, **wanted
        )
        heard = [one for row in rows if (one := changed(KINDS[path], row, known)) is not None]
        moments = [at for row in rows if (at := moment(row, "date_modified")) is not None and at <= now + _SKEW]
        newest = max([since, *moments])
        more = more and bool(rows)
        page = page + 1 if more and newest == since else 1
        before, since, cursor = cursor, newest, _cursor(newest, page, heard)
        if cursor != before:
            yield Step(cursor, heard=heard)


def _cursor(since: datetime, page: int, heard: Sequence[Arrived]) -> str:
    """It moves on by what is new in a second that was asked for before, too."""
    last = [one.what.id for one in heard if isinstance(one.what, Event) and one.what.at and one.what.at >= since]
    seen = hashlib.sha256(" ".join(last).encode()).hexdigest()[:16]
    return f"{_text(since)} {page} {seen}"


def _read(cursor: str) -> tuple[datetime, int]:
    since, page, _ = cursor.split(" ")
    return datetime.fromisoformat(since).replace(tzinfo=UTC), int(page)


def _text(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
