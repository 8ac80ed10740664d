"""The link to a business's account in Microsoft 365."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from omniops import Health, PluginContext
from omniops.contracts.calendar import RULES
from omniops.contracts.integration import Choice, Feature, Integration, Link, Renewal, Step, Sync
from omniops.contracts.oauth import OAuth
from omniops.contracts.posts import MISSED, POST_EVENTS, Place
from omniops.contracts.webhook import Arrived, Event, Received, Webhook
from omniops.errors import Permanent, Rejected

from omniops_microsoft.calendar import BOOKING, FREE_TIMES, MicrosoftCalendar
from omniops_microsoft.client import CHAT, EMAIL, NAME, PROCESSOR, Graph, part, text
from omniops_microsoft.mail import Mailbox
from omniops_microsoft.oauth import RESOURCE, oauth
from omniops_microsoft.posts import TeamsPosts, path
from omniops_microsoft.settings import MicrosoftConnection, MicrosoftSettings
from omniops_microsoft.subscriptions import Subscriptions
from omniops_microsoft.webhooks import EVENTS, MAIL, STATE, TEAMS, receive

NOT_YET = timedelta(minutes=1)


def _scopes(*names: str) -> tuple[str, ...]:
    return tuple(f"{RESOURCE}{name}" for name in names)


class MicrosoftIntegration(Integration):
    """Connected by OAuth; told at the connection's own address; what notices miss is fetched."""

    name = "microsoft"
    title = "Microsoft 365"
    processor = PROCESSOR
    Connection = MicrosoftConnection
    changeable: ClassVar[Sequence[str]] = ("folder", "channel", *RULES)
    features: ClassVar[Sequence[Feature]] = (
        Feature(
            MAIL,
            "Mail is answered",
            taken="mail that comes into one folder of the mailbox from now on; answers go out from its address",
            scopes=_scopes("Mail.Read", "Mail.Send"),
            categories=(EMAIL, CHAT),
        ),
        Feature(
            TEAMS,
            "Hand-offs in a Teams channel",
            taken="replies in the threads that OmniOps begins there; to Teams goes what the visitor and your people "
            "write from the hand-off on",
            scopes=_scopes(
                "Team.ReadBasic.All",
                "Channel.ReadBasic.All",
                "ChannelMessage.Send",
                "ChannelMessage.Read.All",
                "ChannelMessage.ReadWrite",
            ),
            categories=(CHAT,),
            default=False,
        ),
        Feature(
            FREE_TIMES,
            "Free times are told",
            taken="when the calendar is free, never what is in it; nothing of it is kept",
            scopes=_scopes("Calendars.ReadBasic"),
            default=False,
        ),
        Feature(
            BOOKING,
            "Appointments are booked",
            taken="nothing; the name and address of a customer who agreed go into the calendar, once a person of the "
            "business approved it",
            scopes=_scopes("Calendars.ReadWrite"),
            categories=(NAME, EMAIL),
            default=False,
        ),
    )
    events = EVENTS
    syncs: ClassVar[Sequence[Sync]] = (Sync(MAIL, "New mail", every=timedelta(minutes=15), feature=MAIL),)
    renewals: ClassVar[Sequence[Renewal]] = (Renewal("notices", "Notices of changes"),)

    def __init__(self, context: PluginContext, graph: Graph, posts: TeamsPosts, calendar: MicrosoftCalendar) -> None:
        self._settings: MicrosoftSettings = context.settings
        self._clock = context.clock
        self._graph = graph
        self._posts = posts
        self._calendar = calendar
        self._mailbox = Mailbox(context, graph)
        self._subscriptions = Subscriptions(context, graph)

    @property
    def oauth(self) -> OAuth:
        return oauth(self._settings, self._clock)

    @property
    def calendar(self) -> MicrosoftCalendar:
        return self._calendar

    @property
    def posts(self) -> TeamsPosts:
        return self._posts

    async def check(self, connection: MicrosoftConnection) -> Health:
        """Whose account it is, and whether the chosen folder and channel are there, as far as they may be seen."""
        said = await self._graph.call(connection, "GET", "/me", query={"$select": "id"})
        if text(said, "id") != connection.user:
            return Health(False, "The access is for another account than the one that was connected.")
        granted = (connection.tokens.scopes if connection.tokens is not None else None) or frozenset()
        parts = ["Connected."]
        if f"{RESOURCE}Mail.Read" in granted:
            at = f"/me/mailFolders/{part(connection.folder)}"
            try:
                folder = await self._graph.call(connection, "GET", at, query={"$select": "id,displayName"})
            except Permanent:
                return Health(False, "The mailbox has no such folder. Choose one of its folders.")
            parts.append(f"Mail in the folder {text(folder, 'displayName')} is read.")
        if connection.channel and f"{RESOURCE}Channel.ReadBasic.All" in granted:
            at = path(Place(connection.channel, None)).removesuffix("/messages")
            try:
                channel = await self._graph.call(connection, "GET", at, query={"$select": "id,displayName"})
            except Permanent:
                return Health(False, "The account sees no such channel. Choose one of its teams' channels.")
            parts.append(f"Hand-offs go to the channel {text(channel, 'displayName')}.")
        return Health(True, " ".join(parts))

    async def choices(self, link: Link, field: str) -> Sequence[Choice]:
        if field == "folder":
            query = {"$select": "id,displayName", "$top": "100"}
            folders = self._graph.items(link.connection, "/me/mailFolders", query=query)
            return [Choice(text(one, "id"), text(one, "displayName")) async for one in folders]
        if field != "channel":
            return ()
        found = []
        async for team in self._graph.items(link.connection, "/me/joinedTeams"):
            at, query = f"/teams/{part(text(team, 'id'))}/channels", {"$select": "id,displayName,membershipType"}
            async for one in self._graph.items(link.connection, at, query=query):
                if one.get("membershipType", "standard") == "standard":
                    title = f"{text(team, 'displayName')}: {text(one, 'displayName')}"
                    found.append(Choice(f"{text(team, 'id')}/{text(one, 'id')}", title))
        return found

    def external_ids(self, connection: MicrosoftConnection) -> Sequence[str]:
        """A mailbox is answered for one website, by one connection."""
        return (connection.user,) if connection.user else ()

    async def connected(self, link: Link) -> None:
        await self._mailbox.begin(link)
        state = link.memory.get(STATE)
        if not state:  # written here alone, since two would make each other's subscriptions unbelievable
            state = secrets.token_urlsafe(48)
            await link.remember({STATE: state})
        await self._subscriptions.align(link, state)

    async def disconnect(self, link: Link) -> None:
        await self._subscriptions.remove(link)

    def receive(self, webhook: Webhook, link: Link | None) -> Received:
        if link is None:
            raise Rejected("Microsoft 365 tells each connection at its own address.", code="bad_signature")
        return receive(webhook, link)

    async def handle(self, event: Event, link: Link) -> Sequence[Arrived]:
        if event.kind == "mail":
            return await self._mailbox.read(event, link)
        if event.kind in POST_EVENTS:
            return ()
        if state := link.memory.get(STATE):
            await self._subscriptions.align(link, state)
        if event.data["event"] == "reauthorizationRequired":
            return ()
        return [*await self._mailbox.lost(link), Arrived(Event(f"{event.id}:{MISSED}", MISSED))]

    def sync(self, name: str, link: Link, cursor: str | None) -> AsyncIterator[Step]:
        return self._mailbox.changes(link, cursor)

    async def renew(self, name: str, link: Link) -> datetime | None:
        state = link.memory.get(STATE)
        return await self._subscriptions.align(link, state) if state else self._clock.now() + NOT_YET
