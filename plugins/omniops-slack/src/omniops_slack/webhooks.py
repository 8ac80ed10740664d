"""What Slack sends: who sent it, and which of it is for us. Everything else is dropped before anything is stored.

Of what people write in channels only two things are taken: a mention of the app, and a reply in a thread that the app
began. Slack names the author of a thread's first message with every reply, so nobody else's words come in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from omniops.contracts.channel import Edited, Heard, Incoming, Removed
from omniops.contracts.posts import POST_EVENTS, Place, reply
from omniops.contracts.webhook import Arrived, Event, Received, Reply, Webhook, check_signature
from omniops.errors import Rejected

from omniops_slack.client import is_hook
from omniops_slack.mapping import read_text
from omniops_slack.settings import SlackSettings

CHANNEL = "slack"
ASK, HANDOFF = "ask", "handoff"
"""Features: colleagues ask, and hand-offs go to a channel."""
EVENTS: Mapping[str, tuple[str, ...]] = {
    **POST_EVENTS,
    "access_ended": (),
    "events_limited": ("minute",),
}
WINDOW = 300
"""Seconds that a delivery may be old, or ahead of our clock."""
USAGE = "Write your question after the command."
_SPOKEN = (None, "file_share", "thread_broadcast")
"""Subtypes of a message that a person wrote."""
_MOST_FIELDS = 40


def receive(webhook: Webhook, settings: SlackSettings) -> Received:
    """What is in a delivery to the app's one address. Raises `Rejected`."""
    verify(webhook, settings)
    if webhook.header("content-type", "").startswith("application/x-www-form-urlencoded"):
        return _command(webhook.body, settings)
    try:
        said = json.loads(webhook.body)
    except (ValueError, RecursionError) as error:
        raise Rejected("This is no JSON.", code="bad_delivery") from error
    if not isinstance(said, dict):
        raise Rejected("This is no delivery of Slack's.", code="bad_delivery")
    match said.get("type"):
        case "url_verification":
            return Received(reply=Reply(_text(said, "challenge")))
        case "event_callback":
            arrived = _event(said)
            return Received([arrived] if arrived is not None else [])
        case "app_rate_limited":
            minute = said.get("minute_rate_limited")
            if not isinstance(minute, int):
                raise Rejected("minute_rate_limited is no number.", code="bad_delivery")
            event = Event(f"limited:{minute}", "events_limited", {"minute": minute})
            return Received([Arrived(event, external_id=_text(said, "team_id"))])
        case _:
            return Received()


def verify(webhook: Webhook, settings: SlackSettings) -> None:
    """Checks the signature over the raw bytes, and that it is fresh. Raises `Rejected`."""
    stamp = webhook.header("x-slack-request-timestamp")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise Rejected("The time of the delivery is no number.", code="bad_signature")
    if abs(webhook.received_at.timestamp() - int(stamp)) > WINDOW:
        raise Rejected("The delivery is too old.", code="bad_signature")
    signed = b"v0:" + stamp.encode() + b":" + webhook.body
    check_signature([settings.signing_secret], signed, webhook.header("x-slack-signature"), prefix="v0=")


def _command(body: bytes, settings: SlackSettings) -> Received:
    """A slash command. It is answered at the address that comes with it, which must be Slack's."""
    try:
        form = parse_qs(body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise Rejected("This is no form.", code="bad_delivery") from error
    given = {name: values[0] for name, values in form.items()}
    if "ssl_check" in given or "command" not in given:
        return Received()
    text = read_text(_text(given, "text"))
    if not text:
        return Received(reply=_private(USAGE))
    address = _text(given, "response_url")
    if not is_hook(address, settings):
        raise Rejected("The address for the answer is none of Slack's.", code="bad_response_url")
    user = _text(given, "user_id")
    heard = Incoming(
        delivery_id=f"command:{_text(given, 'trigger_id')}",
        thread=f"command:{_text(given, 'channel_id')}:{user}",
        sender=user,
        text=text,
        about={"response_url": address},
    )
    return Received([_heard(heard, _text(given, "team_id"))])


def _event(said: Mapping[str, Any]) -> Arrived | None:
    """The one event of a delivery, if it is for us."""
    event, delivery = _part(said, "event"), _text(said, "event_id")
    seen = _seen_by(said)
    team = seen.get("team_id") or said.get("team_id")
    if not isinstance(team, str) or not team:
        return None  # an installation of a whole organisation: there is no such connection
    bot = seen.get("user_id", "") if seen.get("is_bot") else ""
    if event.get("type") in ("app_uninstalled", "tokens_revoked"):
        return Arrived(Event(delivery, "access_ended", about="access"), external_id=team)
    if event.get("bot_id") or (bot and event.get("user") == bot):
        return None
    if event.get("type") == "message" and event.get("subtype") in ("message_changed", "message_deleted"):
        return _changed(event, delivery, team, bot)
    if event.get("subtype") not in _SPOKEN or _stranger(said, event, team):
        return None
    if event.get("type") == "app_mention":
        place = _text(event, "thread_ts") if event.get("thread_ts") else _text(event, "ts")
        return _heard(_incoming(event, f"{_text(event, 'channel')}:{place}", bot), team)
    if event.get("type") != "message":
        return None
    if event.get("channel_type") == "im":
        place = f":{_text(event, 'thread_ts')}" if event.get("thread_ts") else ""
        return _heard(_incoming(event, f"{_text(event, 'channel')}{place}", bot), team)
    return _reply(event, team, bot)


def _reply(event: Mapping[str, Any], team: str, bot: str) -> Arrived | None:
    """A reply in a thread that the app began. One that mentions the app is a question to it, no word to a visitor."""
    if not bot or event.get("parent_user_id") != bot or event.get("thread_ts") in (None, event.get("ts")):
        return None
    text = _text(event, "text")
    if f"<@{bot}" in text:
        return None
    place = Place(_text(event, "channel"), _text(event, "thread_ts"), _text(event, "ts"))
    return reply(place, text=read_text(text), feature=HANDOFF, external_id=team)


def _changed(event: Mapping[str, Any], delivery: str, team: str, bot: str) -> Arrived | None:
    """A question that was changed or taken back: in a conversation with the app, or one that mentions it. A preview
    that Slack adds to a message is no change of it."""
    before, channel = event.get("previous_message") or {}, _text(event, "channel")
    after = event.get("message") or {}
    words = after.get("text") or before.get("text") or ""
    asked = event.get("channel_type") == "im" or (bot and f"<@{bot}" in words)
    if not asked or after.get("bot_id") or before.get("bot_id"):
        return None
    if event.get("subtype") == "message_deleted":
        return _heard(Removed(delivery, f"{channel}:{_text(event, 'deleted_ts')}"), team)
    if not after.get("edited") or after.get("text") == before.get("text"):
        return None
    return _heard(Edited(delivery, f"{channel}:{_text(after, 'ts')}", read_text(_text(after, "text"), bot)), team)


def _incoming(event: Mapping[str, Any], thread: str, bot: str) -> Incoming:
    """A question. Its id is that of the message: a mention is told as such and as a message, and is one."""
    ts = _text(event, "ts")
    return Incoming(
        delivery_id=f"{_text(event, 'channel')}:{ts}",
        thread=thread,
        sender=_text(event, "user"),
        text=read_text(_text(event, "text"), bot),
        sent_at=_moment(ts),
    )


def _heard(heard: Heard, team: str) -> Arrived:
    assert heard is not None
    return Arrived(heard, external_id=team, channel=CHANNEL, feature=ASK)


def _seen_by(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """The installation that a delivery is for. Of a channel that two workspaces share, `team_id` may be the other's."""
    found = said.get("authorizations")
    first = found[0] if isinstance(found, list) and found else {}
    return first if isinstance(first, dict) else {}


def _stranger(said: Mapping[str, Any], event: Mapping[str, Any], team: str) -> bool:
    """Whether its author is of another workspace, in a channel that both share: they do not speak for the business.
    Where strangers can write, an author must be shown to be none."""
    teams = {event.get(name) for name in ("user_team", "source_team")} - {None}
    if said.get("is_ext_shared_channel") is True:
        return (teams or {event.get("team")}) != {team}
    return bool(teams - {team})


def _moment(ts: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(ts), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _private(text: str) -> Reply:
    return Reply(json.dumps({"response_type": "ephemeral", "text": text}), "application/json")


def _part(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = said.get(name)
    if not isinstance(found, dict):
        raise Rejected(f"{name} is no object.", code="bad_delivery", where=name)
    return found


def _text(said: Mapping[str, Any], name: str) -> str:
    found = said.get(name, "")
    if not isinstance(found, str) or (not found and name != "text"):
        raise Rejected(f"{name} is missing, or is no text.", code="bad_delivery", where=name)
    return found
