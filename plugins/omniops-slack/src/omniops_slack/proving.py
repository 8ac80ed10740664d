"""The proof of what the policy promises of Slack: messages and notifications only, and from Slack alone."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from omniops.contracts.posts import REPLY
from omniops.contracts.proof import Probe, Sabotage, Stage, hold
from omniops.contracts.webhook import Arrived, Event, Webhook
from omniops.errors import Rejected

from omniops_slack import webhooks
from omniops_slack.settings import SlackSettings

OUR_OWN = "a secret of this proof alone"
BOT, TEAM, ROOT = "U0PROOFBOT", "T0PROOF", "1.000001"
_COUNT = "select count(*) from omniops.arrival"


def _everything(original: Any) -> Any:
    """In the place of `_reply`: any message, whole."""

    def reply(event: Mapping[str, Any], team: str, bot: str) -> Arrived:
        return Arrived(Event(str(event["ts"]), REPLY, dict(event)), external_id=team)

    return reply


class OnlySlacksMessages(Probe):
    """Messages without a signature, with additional fields, and of people who do not speak with us."""

    claims = ("P27",)
    sabotages = (
        Sabotage("omniops_slack.webhooks:verify", "the signature of what Slack sends", lambda _: lambda *_: None),
        Sabotage("omniops_slack.webhooks:_reply", "the choice of what is taken of a channel", _everything),
    )

    async def run(self, stage: Stage) -> str:
        ((before,),) = await stage.rows(_COUNT)
        async with stage.http() as http:
            for headers in ({}, _headers(b"other"), {**_headers(b"{}"), "x-slack-request-timestamp": "1"}):
                answer = await http.post("/webhooks/slack", content=b"{}", headers=headers)
                hold(
                    answer.status_code == 401, f"A delivery that Slack did not sign was answered {answer.status_code}."
                )
        ((after,),) = await stage.rows(_COUNT)
        hold(before == after, "Something of a delivery that Slack did not sign was stored.")
        marks = [stage.token(name) for name in ("profile", "file", "block", "reply", "channel")]
        profile, file, block, reply, channel = marks
        extra = {
            "user_profile": {"email": profile},
            "files": [{"name": file}],
            "blocks": [{"type": "rich_text", "text": block}],
        }
        taken = _taken({"text": reply, "thread_ts": ROOT, "parent_user_id": BOT, **extra})
        hold(reply in taken, "A reply in a thread of ours was not taken, so that this shows nothing.")
        for mark in (profile, file, block):
            hold(mark not in taken, "A field that nobody declared came with a message.")
        for words in ({"text": channel}, {"text": channel, "thread_ts": ROOT, "parent_user_id": "U0SOMEBODY"}):
            hold(not _taken({**words, **extra}), "A message of a channel that is none for us was taken.")
        return "Three deliveries without Slack's signature left nothing; of a reply its words alone were taken."


def _taken(event: Mapping[str, Any]) -> str:
    """What is taken of a message, as text; empty for nothing."""
    message = {"type": "message", "user": "U0ANNA", "channel": "C0PROOF", "channel_type": "channel", "ts": "1.000002"}
    body = json.dumps(
        {
            "type": "event_callback",
            "team_id": TEAM,
            "event_id": "Ev0PROOF",
            "authorizations": [{"team_id": TEAM, "user_id": BOT, "is_bot": True}],
            "event": {**message, **event},
        }
    ).encode()
    headers = [*_headers(body).items(), ("content-type", "application/json")]
    webhook = Webhook("POST", "https://omniops.example/webhooks/slack", headers, {}, body, datetime.now(UTC))
    try:
        things: Sequence[Arrived] = webhooks.receive(webhook, SlackSettings(signing_secret=OUR_OWN)).things
    except Rejected:
        return ""
    return "".join(str(one.what) for one in things)


def _headers(body: bytes) -> dict[str, str]:
    """As Slack signs, by a secret that is not this deployment's."""
    stamp = str(int(datetime.now(UTC).timestamp()))
    made = hmac.new(OUR_OWN.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={made}"}
