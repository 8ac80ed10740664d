"""What Meta sends to an app's one address: the handshake, the signature, and the batches below it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from omniops.contracts.webhook import Arrived, Received, Reply, Webhook, check_signature, check_token
from omniops.errors import Rejected
from pydantic import BaseModel, ConfigDict

from omniops_meta.leaving import FORM, left
from omniops_meta.settings import MetaSettings

Read = Callable[[Mapping[str, Any]], Iterator[Arrived]]
"""What is in one entry."""


class Part(BaseModel):
    """Base of what is read of a delivery: fields that are not named here are dropped where it is read."""

    model_config = ConfigDict(frozen=True, extra="ignore")


@dataclass(frozen=True, slots=True)
class Place:
    """Where deliveries come: an integration, the kind of objects that they are about, such as `page`, and how an entry
    of them is read."""

    integration: str
    object: str
    read: Read


def receive(webhook: Webhook, settings: MetaSettings, place: Place, own: Sequence[str] | None) -> Received:
    """What is in a delivery. `own` are the ids of the one connection that it came to the address of, None for the app's
    address. Raises `Rejected`.

    Meta repeats a delivery for days until it is taken: whatever is not understood within one is passed over.
    """
    if webhook.method == "GET":
        return handshake(webhook, settings)
    if own is None and webhook.header("content-type", "").startswith(FORM):
        return left(webhook, settings, place.integration)
    check_signature(settings.secrets, webhook.body, webhook.header("x-hub-signature-256"), prefix="sha256=")
    try:
        said = json.loads(webhook.body)
    except (ValueError, RecursionError) as error:
        raise Rejected("This is no JSON.", code="bad_delivery") from error
    if not isinstance(said, dict) or not isinstance(said.get("entry"), list):
        raise Rejected("This is no delivery of Meta's.", code="bad_delivery")
    if said.get("object") != place.object:
        return Received()
    things = [thing for entry in said["entry"] if isinstance(entry, dict) for thing in place.read(entry)]
    return Received([thing for thing in things if own is None or thing.external_id in own])


def handshake(webhook: Webhook, settings: MetaSettings) -> Received:
    """Says the challenge back, as plain text, to who knows the verify token."""
    check_token(settings.verify_token, webhook.query.get("hub.verify_token", ""))
    challenge = webhook.query.get("hub.challenge", "")
    if webhook.query.get("hub.mode") != "subscribe" or not challenge:
        raise Rejected("This is no handshake of Meta's.", code="bad_handshake")
    return Received(reply=Reply(challenge[:200]))


def parts(of: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """The objects in a list; whatever else is there is passed over."""
    found = of.get(name)
    yield from (one for one in found if isinstance(one, dict)) if isinstance(found, list) else ()
