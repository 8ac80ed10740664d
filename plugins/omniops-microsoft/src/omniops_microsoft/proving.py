"""The proof of what the policy promises of Microsoft 365: calendar, mail and Teams only, and from Graph alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from omniops.contracts.ids import new_id
from omniops.contracts.integration import Link
from omniops.contracts.proof import Probe, Sabotage, Stage, hold
from omniops.contracts.scope import Scope
from omniops.contracts.webhook import Arrived, Event, Webhook
from omniops.errors import Rejected

from omniops_microsoft import reading, webhooks
from omniops_microsoft.integration import MicrosoftIntegration
from omniops_microsoft.oauth import RESOURCE
from omniops_microsoft.settings import MicrosoftConnection

OUR_OWN = "a secret of this proof alone"
KINDS = ("Mail", "Team", "Channel", "ChannelMessage", "Calendars")
"""What permissions may be about."""
_COUNT = "select count(*) from omniops.arrival"


def _everything(original: Any) -> Any:
    """In the place of `_change`: any change, whole."""

    def change(notice: dict[str, Any]) -> Arrived:
        return Arrived(Event(str(notice.get("id", "1")), "mail", notice))

    return change


class OnlyCalendarMailAndTeams(Probe):
    """Permissions, notices without the secret, notices of files and contacts, and mail with additional fields."""

    claims = ("P25",)
    sabotages = (
        Sabotage("omniops_microsoft.webhooks:_is_ours", "the secret that comes back", lambda _: lambda *_: True),
        Sabotage("omniops_microsoft.webhooks:_change", "the choice of what is taken of a notice", _everything),
    )

    async def run(self, stage: Stage) -> str:
        for feature in MicrosoftIntegration.features:
            about = {scope.removeprefix(RESOURCE).partition(".")[0] for scope in feature.scopes}
            hold(about <= set(KINDS), f"The feature {feature.key!r} asks for more than calendar, mail and Teams.")
        ((before,),) = await stage.rows(_COUNT)
        async with stage.http() as http:
            answer = await http.post("/webhooks/microsoft", content=b'{"value": []}')
            hold(answer.status_code == 401, f"A delivery without a secret was answered {answer.status_code}.")
        ((after,),) = await stage.rows(_COUNT)
        hold(before == after, "Something of a delivery without a secret was stored.")
        mail, mark = stage.token("mail"), stage.token("extra")
        notice = _notice("message", mail)
        hold(mail in _taken(notice), "A notice of new mail was not taken, so that this shows nothing.")
        hold(not _taken({**notice, "clientState": "another"}), "A notice without our secret was believed.")
        with_more = {**notice, "resourceData": {**notice["resourceData"], "subject": mark}, "encryptedContent": mark}
        hold(mark not in _taken(with_more), "A field that nobody declared came with a notice.")
        for kind in ("driveItem", "contact", "event", "listItem"):
            hold(not _taken(_notice(kind, mark)), f"A notice of a {kind} was taken.")
        heard = str(reading.incoming(_mail(mail, mark), "shop@proof.example"))
        hold(mail in heard, "The words of a mail were not taken, so that this shows nothing.")
        hold(mark not in heard, "A field that nobody declared came with a mail.")
        return "Permissions are for calendar, mail and Teams; of notices ids alone were taken, of a mail its words."


def _notice(kind: str, identity: str) -> dict[str, Any]:
    data = {"@odata.type": f"#Microsoft.Graph.{kind}", "id": identity}
    return {"clientState": OUR_OWN, "changeType": "created", "resource": "x", "resourceData": data}


def _taken(notice: dict[str, Any]) -> str:
    """What is taken of a notice, as text; empty for nothing."""
    body = json.dumps({"value": [notice]}).encode()
    webhook = Webhook("POST", "https://omniops.example/webhooks/microsoft", (), {}, body, datetime.now(UTC))
    try:
        things = webhooks.receive(webhook, _link()).things
    except Rejected:
        return ""
    return "".join(str(one.what) for one in things)


def _link() -> Link:
    """A connection of nobody's, with a secret that is not this deployment's."""
    connection = MicrosoftConnection()

    async def remember(changes: Any, *, session: Any = None) -> None:
        return None

    async def fresh() -> MicrosoftConnection:
        return connection

    return Link(
        id=new_id(),
        scope=Scope(new_id(), new_id()),
        kind="microsoft",
        connection=connection,
        granted=frozenset(),
        features=frozenset({webhooks.MAIL}),
        webhook_url="https://omniops.example/webhooks/microsoft",
        memory={webhooks.STATE: OUR_OWN},
        remember=remember,
        fresh=fresh,
    )


def _mail(words: str, mark: str) -> dict[str, Any]:
    return {
        "id": "AAkAproof",
        "internetMessageId": "<proof@proof.example>",
        "from": {"emailAddress": {"name": mark, "address": "ada@proof.example"}},
        "uniqueBody": {"contentType": "text", "content": words},
        "bodyPreview": mark,
        "attachments": [{"name": mark, "contentBytes": mark}],
        "contacts": [{"displayName": mark}],
    }
