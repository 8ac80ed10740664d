"""What Graph sends: notices that something changed, by ids alone, and notices about the subscriptions themselves.

Graph signs nothing. It gives back a secret of ours with every notice, and each one is looked at by itself
(learn.microsoft.com/graph/change-notifications-delivery-webhooks).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from omniops.contracts.integration import Link
from omniops.contracts.posts import POST_EVENTS, Place, reply
from omniops.contracts.webhook import Arrived, Event, Received, Reply, Webhook, check_token
from omniops.errors import Rejected

from omniops_microsoft.client import text

MAIL, TEAMS = "mail", "teams"
"""Features, and with them the subscriptions: new mail of the chosen folder, messages of the chosen channel."""
STATE = "state"
"""Name in the link's memory of the secret that comes back."""
EVENTS: Mapping[str, tuple[str, ...]] = {
    "mail": ("message",),
    **POST_EVENTS,
    "lifecycle": ("event",),
}
LONGEST_TOKEN = 2000
_REPLY = re.compile(
    r"/?teams\('(?P<team>[0-9a-fA-F-]{36})'\)/channels\('(?P<channel>[^'/]{1,250})'\)"
    r"/messages\('(?P<root>\d{1,20})'\)/replies\('(?P<message>\d{1,20})'\)"
)


def receive(webhook: Webhook, link: Link) -> Received:
    """What is in a delivery to a connection's own address. Raises `Rejected`."""
    if webhook.method != "POST":
        raise Rejected("Microsoft 365 asks nothing by GET.", code="bad_signature")
    token = webhook.query.get("validationToken", "")
    if token:
        if len(token) > LONGEST_TOKEN:
            raise Rejected("This is no validation token.", code="bad_delivery")
        return Received(reply=Reply(token))
    try:
        said = json.loads(webhook.body)
    except (ValueError, RecursionError) as error:
        raise Rejected("This is no JSON.", code="bad_delivery") from error
    notices = said.get("value") if isinstance(said, dict) else None
    if not isinstance(notices, list):
        raise Rejected("This is no delivery of Graph's.", code="bad_delivery")
    ours = [one for one in notices if isinstance(one, dict) and _is_ours(one, link)]
    if not ours:
        raise Rejected("Nothing here carries the secret of this connection.", code="bad_signature")
    found = (_lifecycle(one, webhook) if "lifecycleEvent" in one else _change(one) for one in ours)
    return Received([one for one in found if one is not None])


def mail_event(message: str) -> Arrived:
    """New mail, to be read by its id. However it was found out, it is the same event."""
    what = Event(f"mail:{message}", "mail", {"message": message}, about="mail")
    return Arrived(what, feature=MAIL)


def _is_ours(notice: Mapping[str, Any], link: Link) -> bool:
    try:
        check_token(link.memory.get(STATE, ""), text(notice, "clientState"))
    except Rejected:
        return False
    return True


def _change(notice: Mapping[str, Any]) -> Arrived | None:
    if notice.get("changeType") != "created":
        return None
    kind = text(notice, "resourceData", "@odata.type").casefold()
    if kind == "#microsoft.graph.message":
        message = text(notice, "resourceData", "id")
        return mail_event(message) if 0 < len(message) <= 400 else None
    if kind == "#microsoft.graph.chatmessage":
        found = _REPLY.fullmatch(text(notice, "resource"))
        if found is None:
            return None
        place = Place(f"{found['team']}/{found['channel']}", found["root"], found["message"])
        return reply(place, feature=TEAMS)
    return None


def _lifecycle(notice: Mapping[str, Any], webhook: Webhook) -> Arrived | None:
    """It has no id, and may rightly come again: what comes within one ten minutes is the same."""
    event = text(notice, "lifecycleEvent")
    if event not in ("reauthorizationRequired", "subscriptionRemoved", "missed"):
        return None
    at = webhook.received_at
    moment = f"{at:%Y-%m-%dT%H}{at.minute // 10}"
    identity = f"{event}:{text(notice, 'subscriptionId')[:100]}:{moment}"
    return Arrived(Event(identity, "lifecycle", {"event": event}, about="lifecycle"))
