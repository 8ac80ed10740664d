"""The link to a business's Google account."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from omniops import Health, PluginContext
from omniops.contracts.calendar import APPOINTMENT_EVENTS, RULES, Span
from omniops.contracts.documents import DOCUMENTS_CHANGED
from omniops.contracts.integration import Choice, Feature, Integration, Link, Renewal, Step, Sync
from omniops.contracts.oauth import OAuth
from omniops.contracts.webhook import Arrived, Event, Received, Webhook
from omniops.errors import OmniOpsError, Permanent, Rejected

from omniops_google import channels, mailbox
from omniops_google.calendars import BOOKING, TIMES, GoogleCalendar
from omniops_google.calendars import SYNC as BOOKINGS
from omniops_google.channels import CALENDAR, CHANGED, CHANNEL, Channels
from omniops_google.client import CHAT, COMPANY, EMAIL, NAME, NOTE, PROCESSOR, GoogleClient, Why
from omniops_google.contacts import CONTACTS, NOTES, GoogleContacts
from omniops_google.contacts import SCOPE as READ_CONTACTS
from omniops_google.drive import CHANNEL as DRIVE
from omniops_google.drive import DOCUMENTS, Drive
from omniops_google.drive import SCOPE as FILES
from omniops_google.mailbox import MAIL, WATCHED, Mailbox
from omniops_google.oauth import oauth
from omniops_google.settings import GoogleConnection, GoogleSettings
from omniops_google.signers import Signers

_AUTH = "https://www.googleapis.com/auth/"
FREEBUSY, OWNED = f"{_AUTH}calendar.freebusy", f"{_AUTH}calendar.events.owned"
READ, SEND = f"{_AUTH}gmail.readonly", f"{_AUTH}gmail.send"


class GoogleIntegration(Integration):
    """Connected by OAuth; each feature asks for no more than it takes."""

    name = "google"
    title = "Google"
    processor = PROCESSOR
    Connection = GoogleConnection
    changeable: ClassVar[Sequence[str]] = ("calendar", *RULES, "label")
    features: ClassVar[Sequence[Feature]] = (
        Feature(
            TIMES,
            "Free times",
            taken="when the chosen calendar is busy, and nothing of what stands in it",
            scopes=(FREEBUSY,),
        ),
        Feature(
            BOOKING,
            "Appointments",
            taken="appointments that OmniOps made; name, e-mail address and subject of who asked for one go to Google",
            scopes=(FREEBUSY, OWNED),
            categories=(EMAIL, NAME),
            default=False,
        ),
        Feature(
            MAIL,
            "Mail",
            taken="mail of the chosen label that comes from now on, and what is answered to it in Gmail",
            scopes=(READ, SEND),
            categories=(CHAT, EMAIL),
            default=False,
        ),
        Feature(
            DOCUMENTS,
            "Documents",
            taken="files that you choose one by one in Google's own window, and what stands in them",
            scopes=(FILES,),
            default=False,
        ),
        Feature(
            CONTACTS,
            "Contacts",
            taken="name and company of a contact who writes and whose e-mail address was proved; that address goes to "
            "Google",
            scopes=(READ_CONTACTS,),
            categories=(NAME, COMPANY),
            default=False,
        ),
        Feature(
            NOTES,
            "Notes of contacts",
            taken="what you noted of such a contact",
            scopes=(READ_CONTACTS,),
            categories=(NOTE,),
            default=False,
        ),
    )
    events: ClassVar = {CHANGED: (), mailbox.CHANGED: (), DOCUMENTS_CHANGED: (), **APPOINTMENT_EVENTS}
    syncs: ClassVar[Sequence[Sync]] = (
        Sync(BOOKINGS, "Appointments", timedelta(minutes=15), BOOKING),
        Sync(MAIL, "Mail", timedelta(minutes=5), MAIL),
    )
    renewals: ClassVar[Sequence[Renewal]] = (
        Renewal(CHANNEL, "Notices of the calendar", BOOKING),
        Renewal(MAIL, "Notices of mail", MAIL),
        Renewal(DRIVE, "Notices of documents", DOCUMENTS),
    )

    def __init__(self, context: PluginContext, client: GoogleClient, calendar: GoogleCalendar) -> None:
        self._settings: GoogleSettings = context.settings
        self._clock = context.clock
        self._client = client
        self._calendar = calendar
        self._channels = Channels(context, client)
        self._drive = Drive(context, client)
        self._drive_channels = Channels(context, client, self._drive.watched)
        self._contacts = GoogleContacts(client)
        self._mailbox = Mailbox(context, client)
        self._signers = Signers(context)

    @property
    def oauth(self) -> OAuth:
        return oauth(self._settings, self._clock)

    @property
    def documents(self) -> Drive:
        return self._drive

    @property
    def contacts(self) -> GoogleContacts:
        return self._contacts

    @property
    def calendar(self) -> GoogleCalendar:
        return self._calendar

    def external_ids(self, connection: GoogleConnection) -> Sequence[str]:
        return [connection.address] if connection.address else []

    async def check(self, connection: GoogleConnection) -> Health:
        """Whose access it is, and whether the calendar can be looked into."""
        fields = "id,email"
        said = await self._client.call(connection, "GET", "apis", "/oauth2/v2/userinfo", fields=fields)
        if connection.tokens is None or said.get("id") != connection.tokens.extra.get("sub"):
            return Health(False, "The access is for another account than the one that was connected.")
        granted = self.granted(connection)
        if connection.label and granted is not None and READ in granted:
            known = {one.value for one in await self._mailbox.labels(connection)}
            if connection.label not in known:
                return Health(False, f"The mailbox has no label with the ID {connection.label!r}.")
        if granted is not None and FREEBUSY not in granted:
            return Health(True, "Connected. The calendar was not opened to OmniOps.")
        now = self._clock.now()
        try:
            await self._calendar.taken(connection, Span(now, now + timedelta(hours=1)), Why())
        except Permanent:
            return Health(False, f"There is no calendar {connection.calendar!r} that this account may look into.")
        return Health(True, "Connected, and the calendar can be looked into.")

    async def choices(self, link: Link, field: str) -> Sequence[Choice]:
        return await self._mailbox.labels(link.connection) if field == "label" and MAIL in link.features else ()

    async def connected(self, link: Link) -> None:
        """Notices of what is off are ended, and those of another calendar or label than now are replaced; the renewals
        begin new ones."""
        if BOOKING not in link.features:
            await self._channels.stop(link)
        elif self._channels.of(link) not in ("", link.connection.calendar):
            await self._channels.open(link)
        if DOCUMENTS not in link.features:
            await self._drive_channels.stop(link)
        if MAIL not in link.features or not link.connection.label:
            await self._mailbox.stop(link)
        elif link.memory.get(WATCHED) != link.connection.label:
            await self._mailbox.watch(link)

    async def disconnect(self, link: Link) -> None:
        """Each thing that was made is ended, whatever became of the others."""
        failed: OmniOpsError | None = None
        for end in (self._channels.stop, self._drive_channels.stop, self._mailbox.stop):
            try:
                await end(link)
            except OmniOpsError as error:
                failed = error
        if failed is not None:
            raise failed

    def receive(self, webhook: Webhook, link: Link | None) -> Received:
        if webhook.method != "POST":
            raise Rejected("Google asks nothing by GET.", code="bad_signature")
        if any(name == "x-goog-channel-id" for name, _ in webhook.headers):
            return channels.receive(webhook, link, (CALENDAR, self._drive.watched))
        self._signers.verify(webhook)
        return mailbox.receive(webhook, link)

    async def prepare(self, webhook: Webhook) -> None:
        await self._signers.prepare(webhook)

    async def handle(self, event: Event, link: Link) -> Sequence[Arrived]:
        if event.kind == mailbox.CHANGED and MAIL in link.features:
            return await self._mailbox.changed(link)
        if event.kind == CHANGED and BOOKING in link.features:
            return await self._calendar.changed(link)
        return ()

    def sync(self, name: str, link: Link, cursor: str | None) -> AsyncIterator[Step]:
        return self._mailbox.sync(link, cursor) if name == MAIL else self._calendar.sync(link, cursor)

    async def renew(self, name: str, link: Link) -> datetime | None:
        if name == MAIL:
            return await self._mailbox.watch(link)
        return await (self._drive_channels if name == DRIVE else self._channels).open(link)
