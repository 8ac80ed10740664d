"""What a shop sends by itself: who sent it, and what of it is taken. Of a notice only an id is kept."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from omniops.contracts.webhook import Arrived, Event, Received, Webhook, check_signature
from omniops.errors import Rejected
from pydantic import SecretStr

from omniops_woocommerce.mapping import Row, moment

NOTICES = "notices"
"""The feature that all of this is for."""
TOPICS: Mapping[str, str] = {
    "product.created": "product.changed",
    "product.updated": "product.changed",
    "product.restored": "product.changed",
    "product.deleted": "product.deleted",
    "order.created": "order.changed",
    "order.updated": "order.changed",
    "order.restored": "order.changed",
    "order.deleted": "order.deleted",
}
"""Topics that are asked for, and the event that each becomes."""
EVENTS: Mapping[str, Sequence[str]] = dict.fromkeys(TOPICS.values(), ("id",))
_PING = re.compile(rb"webhook_id=[0-9]{1,19}")


def received(webhook: Webhook, secrets: Sequence[SecretStr | None], known: Collection[str] = ()) -> Received:
    """What a delivery holds. `known` are the fingerprints of changes of our own.

    A shop tries a new webhook by a form that is not signed and says nothing: it is answered and nothing is done. A
    customer or coupon is none of ours. Something that was deleted before its delivery comes as an error of the shop's,
    correctly signed: it is passed over. Of what was deleted there is the id alone.
    """
    if webhook.method == "POST" and _PING.fullmatch(webhook.body) and not _signs(webhook):
        return Received()
    check_signature(secrets, webhook.body, webhook.header("x-wc-webhook-signature"), encoding="base64")
    topic = webhook.header("x-wc-webhook-topic", "")
    try:
        body = json.loads(webhook.body)
    except ValueError as error:
        raise Rejected("This is no delivery of a shop.", code="no_delivery") from error
    if topic not in TOPICS or not isinstance(body, dict) or not _numbered(body):
        return Received()
    if topic.endswith(".deleted"):  # no moment comes with it, and its headers are not signed: once a day is enough
        told = f"{webhook.received_at.astimezone(UTC):%Y-%m-%d}"
        return Received([_arrived(TOPICS[topic], body, told, None)])
    found = changed(TOPICS[topic], body, known)
    return Received([found] if found is not None else [])


def changed(kind: str, row: Row, known: Collection[str] = ()) -> Arrived | None:
    """What a notice, or a row of a list, tells of: one change of one object. None where it is not told when, and for a
    change of our own, which is among `known`.

    Each try of a delivery has an id of its own, so the object and the moment say whether it was told before, by which
    way ever.
    """
    at = moment(row, "date_modified")
    if at is None or not _numbered(row) or fingerprint(_about(kind, row), at) in known:
        return None
    return _arrived(kind, row, at.isoformat(), at)


def fingerprint(about: str, at: datetime) -> str:
    """By which a change is known again: of `order:13`, at its `date_modified`."""
    return hashlib.sha256(f"{about}@{at.isoformat()}".encode()).hexdigest()[:16]


def taken(row: Row) -> Mapping[str, str]:
    """All that is kept of a notice."""
    return {"id": str(row["id"])}


def _arrived(kind: str, row: Row, told: str, at: datetime | None) -> Arrived:
    event = Event(f"{kind}:{row['id']}:{told}", kind, taken(row), about=_about(kind, row), at=at)
    return Arrived(event, feature=NOTICES)


def _numbered(row: Row) -> bool:
    number = row.get("id")
    return isinstance(number, int) and not isinstance(number, bool) and number > 0


def _about(kind: str, row: Row) -> str:
    return f"{kind.partition('.')[0]}:{row['id']}"


def _signs(webhook: Webhook) -> bool:
    return any(name.startswith("x-wc-webhook-") for name, _ in webhook.headers)
