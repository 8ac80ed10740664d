"""The proof of what the policy promises of Google Workspace: no more is asked for than the features that exist take,
and no more is taken than is listed, whatever Google tells."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

from omniops.contracts.calendar import CHANGED
from omniops.contracts.ids import SystemClock, new_id
from omniops.contracts.integration import Link
from omniops.contracts.proof import Probe, Sabotage, Stage, hold
from omniops.contracts.scope import Scope
from omniops.contracts.webhook import Arrived, Event, Received, Webhook

from omniops_google import calendars, letters, mailbox
from omniops_google.contacts import CONTACTS
from omniops_google.contacts import SCOPE as READ_CONTACTS
from omniops_google.drive import DOCUMENTS
from omniops_google.drive import SCOPE as FILES
from omniops_google.integration import FREEBUSY, OWNED, READ, SEND, GoogleIntegration
from omniops_google.oauth import WHO, oauth
from omniops_google.settings import GoogleConnection, GoogleSettings

OURS = "shop@proof.example"
FEATURES: Mapping[str, frozenset[str]] = {
    "times": frozenset({FREEBUSY}),
    "booking": frozenset({FREEBUSY, OWNED}),
    "mail": frozenset({READ, SEND}),
    "documents": frozenset({FILES}),
    "contacts": frozenset({READ_CONTACTS}),
    "contact_notes": frozenset({READ_CONTACTS}),
}
"""The features that there are, each with all that it may ask for."""
CATEGORIES: Mapping[str, frozenset[str]] = {
    "times": frozenset(),
    "booking": frozenset({"contact.email", "contact.name"}),
    "mail": frozenset({"user.content.chat", "contact.email"}),
    "documents": frozenset(),
    "contacts": frozenset({"contact.name", "contact.company"}),
    "contact_notes": frozenset({"contact.note"}),
}
"""What of people is stored for each."""
ENTRY = frozenset({"id", "etag", "status", "start", "end", "extendedProperties/private"})
"""All that is asked of an entry of a calendar."""
KEPT = frozenset({"entry", "state", "start", "end"})
"""All that is told on of what became of an appointment."""
_COUNT = "select count(*) from omniops.arrival"


def _more_scopes(original: Any) -> Any:
    """In the place of the features: those, with documents that are read whether they were chosen or not."""
    wider = ("https://www.googleapis.com/auth/drive.readonly",)
    return tuple(replace(one, scopes=wider) if one.key == DOCUMENTS else one for one in original)


def _more_categories(original: Any) -> Any:
    """In the place of the features: those, with telephone numbers of contacts."""
    return tuple(
        replace(one, categories=(*one.categories, "contact.channel")) if one.key == CONTACTS else one
        for one in original
    )


def _whole_notice(original: Any) -> Any:
    """In the place of `receive`: a notice as it came."""

    def receive(webhook: Webhook, link: Link | None) -> Received:
        return Received([Arrived(Event("1", mailbox.CHANGED, {"all": webhook.body.decode()}))])

    return receive


class OnlyWhatIsListed(Probe):
    """Scopes, categories, fields and columns are listed; notices without a signature, and notices and mail with more in
    them."""

    claims = ("P24",)
    sabotages = (
        Sabotage("omniops_google.integration:GoogleIntegration.features", "the choice of scopes", _more_scopes),
        Sabotage("omniops_google.integration:GoogleIntegration.features", "the list of categories", _more_categories),
        Sabotage("omniops_google.signers:Signers.verify", "Google's signature", lambda _: lambda *_: None),
        Sabotage("omniops_google.mailbox:receive", "the choice of what is taken of a notice", _whole_notice),
        Sabotage("omniops_google.letters:words_of", "the choice of what is taken of a mail", lambda _: str),
        Sabotage("omniops_google.calendars:_SHOWN", "the choice of fields", lambda fields: f"{fields},summary"),
    )

    async def run(self, stage: Stage) -> str:
        _scopes()
        await _door(stage)
        word, mark = stage.token("word"), stage.token("extra")
        kept = _kept(_push(mark))
        hold(OURS in kept, "A notice of new mail was not taken, so that this shows nothing.")
        hold(mark not in kept, "A field that nobody declared came with a notice.")
        heard = str(letters.incoming(_mail(word, mark), {"id": "1", "threadId": "2", "snippet": mark}, OURS))
        hold(word in heard, "The words of a mail were not taken, so that this shows nothing.")
        hold(mark not in heard, "What nobody declared came with a mail.")
        asked = await _asked_of_entries()
        hold(asked == ENTRY, "Of entries of a calendar other fields are asked for than those listed.")
        fields = set(GoogleIntegration.events[CHANGED])
        hold(fields == KEPT, "Of an appointment other fields are told on than those listed.")
        return (
            "Scopes and categories are those that are listed; of a notice the mailbox was taken, of a mail its words "
            "and who to answer, of entries no more than when they are."
        )


def _scopes() -> None:
    asked = {feature.key: frozenset(feature.scopes) for feature in GoogleIntegration.features}
    hold(asked.keys() == FEATURES.keys(), "There is a feature that is not listed.")
    for key, scopes in asked.items():
        hold(scopes == FEATURES[key], f"The feature {key!r} asks for other scopes than those listed.")
    for feature in GoogleIntegration.features:
        stored = frozenset(feature.categories)
        hold(stored == CATEGORIES[feature.key], f"For {feature.key!r} other data is stored than what is listed.")
    always = set(oauth(GoogleSettings(), SystemClock()).scopes)
    hold(always == set(WHO), "More is asked for always than whose account it is.")


async def _door(stage: Stage) -> None:
    """What nobody signed."""
    ((before,),) = await stage.rows(_COUNT)
    async with stage.http() as http:
        answer = await http.post("/webhooks/google", content=_push("none"))
        hold(answer.status_code == 401, f"A notice without a signature was answered {answer.status_code}.")
    ((after,),) = await stage.rows(_COUNT)
    hold(before == after, "Something of a notice without a signature was stored.")


def _push(mark: str) -> bytes:
    told = json.dumps({"emailAddress": OURS, "historyId": 7, "subject": mark})
    data = base64.b64encode(told.encode()).decode()
    message = {"messageId": "7", "data": data, "attributes": {"subject": mark}, "orderingKey": mark}
    return json.dumps({"message": message, "subscription": mark}).encode()


def _kept(push: bytes) -> str:
    """What is taken of a notice that is Google's, as text."""
    webhook = Webhook("POST", "https://omniops.example/webhooks/google", (), {}, push, datetime.now(UTC))
    return str(mailbox.receive(webhook, None))


def _mail(words: str, mark: str) -> EmailMessage:
    """What comes with a mail: name, headers, and a file."""
    message = EmailMessage()
    message["From"] = f"{mark} <ada@proof.example>"
    message["To"] = OURS
    message["Subject"] = "Hello"
    message["Received"] = f"from {mark}"
    message["X-Phone"] = mark
    message.set_content(words)
    message.add_attachment(mark.encode(), maintype="text", subtype="vcard", filename=f"{mark}.vcf")
    return message


class _Asking:
    """In the place of the client: notes for which fields Google would be asked."""

    fields = ""

    async def call(self, *_: Any, **query: Any) -> dict[str, Any]:
        self.fields = query["fields"]
        return {}


async def _asked_of_entries() -> frozenset[str]:
    client: Any = _Asking()
    await calendars.GoogleCalendar(client, SystemClock()).changes(a_link(), "primary", "sync", "", datetime.now(UTC))
    return frozenset(client.fields.partition("items(")[2].removesuffix(")").split(","))


def a_link(*features: str) -> Link:
    """A connection of nobody's."""
    connection = GoogleConnection()

    async def remember(changes: Any, *, session: Any = None) -> None:
        return None

    async def fresh() -> GoogleConnection:
        return connection

    return Link(
        id=new_id(),
        scope=Scope(new_id(), new_id()),
        kind="google",
        connection=connection,
        granted=frozenset(),
        features=frozenset(features or FEATURES),
        webhook_url="https://omniops.example/webhooks/google",
        memory={},
        remember=remember,
        fresh=fresh,
    )
