"""Links to outside systems: what an integration must be able to do, and what core does for it.

Core records the business's yes, runs the flow that gets credentials, checks them, keeps them sealed and alive, takes
webhooks in, runs syncs and renewals, and ends it all again. An integration translates, and says what it needs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol
from uuid import UUID

from omniops.contracts.contacts import Contacts
from omniops.contracts.documents import DocumentStore
from omniops.contracts.news import News, NewsKind
from omniops.contracts.oauth import Handover, OAuth
from omniops.contracts.plugin import Health, PluginSettings
from omniops.contracts.scope import Scope
from omniops.contracts.webhook import Arrived, Event, Received, Webhook
from omniops.errors import Rejected

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from omniops.contracts.calendar import Calendar
    from omniops.contracts.posts import TeamPosts


@dataclass(frozen=True, slots=True)
class Feature:
    """Something that a business can switch on or off for a connection, and what it takes to have it.

    `scopes` are all that it needs at the other side; where one of them was not granted it is off, and shown as such.
    `categories` are the kinds of data that are stored for it, and `taken` says the same in words, such as "orders of
    the last 60 days": both stand in what the business agrees to. A feature with `own_consent` is off until the business
    agreed to it by itself, whatever `default` says.
    """

    key: str
    title: str
    taken: str = ""
    scopes: Sequence[str] = ()
    categories: Sequence[str] = ()
    default: bool = True
    own_consent: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One value that a field of a connection may take, such as a calendar, and its title for people."""

    value: str
    title: str


class Remember(Protocol):
    """Writes a link's memory: values by name, None to forget one. With a `session` it is part of its transaction, else
    it is committed at once."""

    async def __call__(self, changes: Mapping[str, str | None], *, session: AsyncSession | None = None) -> None: ...


@dataclass(frozen=True, slots=True)
class Link:
    """A connection at work.

    `kind` is the integration's name. `connection` is the settings model, with an access token that is good for the next
    minutes; `fresh()` gives it anew in a long run. `granted` are the scopes that the other side granted, `features`
    those that are switched on and have their scopes: do nothing for any other. `webhook_url` is the connection's own
    address for webhooks.

    `memory` is what the plugin remembers of the connection, as it was when the link was made: ids of webhooks, their
    secrets, channels. At most 16 KB, sealed, and erased with the connection; no personal data.
    """

    id: UUID
    scope: Scope
    kind: str
    connection: Any
    granted: frozenset[str]
    features: frozenset[str]
    webhook_url: str
    memory: Mapping[str, str]
    remember: Remember
    fresh: Callable[[], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Sync:
    """Data that is fetched again and again. `every` is how often at least; a webhook may ask for it in between.
    `feature` is the one that it is for: where it is off nothing is fetched."""

    name: str
    title: str
    every: timedelta
    feature: str = ""


Store = Callable[["AsyncSession"], Awaitable[None]]
"""Stores what a step brought, in the transaction that stores its cursor. It may run again after a crash."""


@dataclass(frozen=True, slots=True)
class Step:
    """A piece of a sync: `cursor` is where to go on, at most 2,000 characters and nothing personal. `store` and `heard`
    are kept in one transaction with it, or not at all. `done` of `total` (None where nobody knows) is shown to people.
    """

    cursor: str
    store: Store | None = None
    heard: Sequence[Arrived] = ()
    done: int = 0
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Renewal:
    """A subscription or watch at the other side that ends by itself. `feature` as in `Sync`."""

    name: str
    title: str
    feature: str = ""


class Integration(ABC):
    """A link to an outside system. A plugin with several gives each a name of its own and names its `Connection`.

    Rows that a plugin mirrors for a connection carry its id in a column `connection_id`; core deletes them with it.
    """

    name: ClassVar[str]
    """The plugin's name, or for one of several `PLUGIN-something`, the same in all versions."""
    title: ClassVar[str]
    processor: ClassVar[str]
    """Key of the declared processor that receives the data."""
    Connection: ClassVar[type[PluginSettings] | None] = None
    """What is kept of a connection, an `OAuthConnection` where `oauth` is there. None: the plugin's `Connection`."""
    changeable: ClassVar[Sequence[str]] = ()
    """Fields that a person may change while the connection stands, such as the calendars chosen: never one that says
    where credentials are sent."""
    features: ClassVar[Sequence[Feature]] = ()
    channels: ClassVar[Sequence[str]] = ()
    """Names of the plugin's channels that work by this connection. Empty: the one of the same name, if there is one."""
    events: ClassVar[Mapping[str, Sequence[str]]] = {}
    """Kinds of events, and for each the fields of `data` that are stored. Everything else is dropped."""
    syncs: ClassVar[Sequence[Sync]] = ()
    renewals: ClassVar[Sequence[Renewal]] = ()
    news: ClassVar[Sequence[NewsKind]] = ()
    """What of conversations people are told of at the other side."""

    @property
    def oauth(self) -> OAuth | None:
        """How access is given, or None where a person enters keys. Cheap: it is asked for at each use."""
        return None

    @property
    def handover(self) -> Handover | None:
        """Another flow that brings credentials; a person may enter them by hand as well."""
        return None

    @property
    def documents(self) -> DocumentStore | None:
        """Documents that a business may choose as knowledge, or None where there are none. Cheap: it is asked for at
        each use."""
        return None

    @property
    def contacts(self) -> Contacts | None:
        """The business's address book at the other side, or None where there is none. Cheap, too."""
        return None

    @property
    def calendar(self) -> Calendar | None:
        """A calendar in which core finds free times and enters appointments. Its `Connection` is an `AppointmentRules`.
        Cheap, and the same each time."""
        return None

    @property
    def posts(self) -> TeamPosts | None:
        """A channel of the business's team in which core tells of conversations, and from which it takes answers. An
        integration that has one needs no `news`. Cheap, and the same each time."""
        return None

    @abstractmethod
    async def check(self, connection: Any) -> Health:
        """Tries the connection with a call that costs nothing and changes nothing. Runs before it is saved, and when
        a person asks. Raises `Reconnect` where the credentials are refused, `NotReady` where nobody answers."""

    async def choices(self, link: Link, field: str) -> Sequence[Choice]:
        """What a field may be set to, asked of the other side once there is access: its calendars, labels, channels.
        Empty for a field that takes anything. Raises `NotReady` or `Reconnect`."""
        return ()

    def granted(self, connection: Any) -> frozenset[str] | None:
        """The scopes that a connection has at the other side, by default those that came with its tokens. None: it does
        not say, and those that were asked for count, or all where keys were entered."""
        tokens = getattr(connection, "tokens", None)
        return tokens.scopes if tokens is not None else None

    def external_ids(self, connection: Any) -> Sequence[str]:
        """Ids by which deliveries to the plugin's one address find this connection, such as a team's or a shop's. Each
        leads to one connection of the deployment: another that names it is refused. Empty where each connection has an
        address of its own."""
        return ()

    def granted_by(self, connection: Any) -> str:
        """The other side's id of who gave the access, by which it tells later that they took it back or want to be
        deleted (`Arrived.granted_by`). One person may have given the access of many connections. Empty where it names
        nobody."""
        return ""

    async def connected(self, link: Link) -> None:
        """Brings the other side in line with what is on: webhooks made, subscriptions begun. Runs in a job after
        connecting, connecting again, and each change of features or values, and again after an error: look first for
        what is there already. Raises `NotReady` or `Reconnect`."""

    async def disconnect(self, link: Link) -> None:
        """Removes what was made at the other side (webhooks, subscriptions). Runs before the access is revoked and the
        connection deleted here, both of which core does in any case. Twice is harmless. Raises `NotReady` or
        `Reconnect`: then people are told what may be left there."""

    async def prepare(self, webhook: Webhook) -> None:
        """Gets what `receive` must know and cannot ask for: a vendor's public keys, where the delivery names one that
        is not known. Runs before it, while the sender waits, for deliveries of anybody: ask seldom, keep the answer.
        Raises `NotReady` where nobody answers: then the sender is told to come again. The default does nothing."""

    def receive(self, webhook: Webhook, link: Link | None) -> Received:
        """Who sent this, and what is in it. `link` is None for the plugin's one address: then the operator's secret is
        the one that counts, and each thing names its `external_id`. A handshake by GET comes here as well.

        Check first, over the raw bytes (`check_signature`, `check_token`); without a secret nothing fits. No calls, no
        database. Raises `Rejected` with the code `bad_signature` for who is not known (401), with another for nonsense
        (422). The default rejects.
        """
        raise Rejected(f"Integration {self.name!r} takes no webhooks.", code="no_webhooks")

    async def handle(self, event: Event, link: Link) -> Sequence[Arrived]:
        """Acts on a stored event, in a job: at least once, so that a second time must be harmless. What it tells is
        old: read the present state at the other side. Returns what was heard by it for the connection's channels.

        Raises `NotReady` to be asked again later, `Reconnect` where the credentials are refused, `Permanent` where it
        can never work: then it is kept as a dead letter.
        """
        return ()

    async def tell(self, news: News, link: Link) -> None:
        """Tells the people of the business at the other side. Runs in a job: at least once, and later again after an
        error, so what was told already must be recognised by `news.id`. Raises `NotReady` to be asked again later,
        `Reconnect` where the credentials are refused, `Permanent` where it can never work: what comes after it is told
        all the same, and the business learns of it."""

    def sync(self, name: str, link: Link, cursor: str | None) -> AsyncIterator[Step]:
        """Fetches what changed since `cursor`; None is the first time: fetch all. An async generator that ends when
        there is nothing more for now; core runs it again in time, and closes it at any `yield`. A cursor that the other
        side does not take any more is the generator's to mend: begin anew and say so by the steps.

        Raises `NotReady` to go on later from the last stored step, `Reconnect` where the credentials are refused. The
        same cursor twice in a row ends the run as an error.
        """
        raise NotImplementedError(f"Integration {self.name!r} has no sync {name!r}.")

    async def renew(self, name: str, link: Link) -> datetime | None:
        """Begins or prolongs a subscription and says when to do so next, well before it ends; None: not again. Its id
        belongs into the link's memory. Raises `NotReady` or `Reconnect`."""
        raise NotImplementedError(f"Integration {self.name!r} has nothing to renew by {name!r}.")


@dataclass(frozen=True, slots=True)
class FeatureView:
    """A feature of a connection: whether it is wanted, whether it works, and which scopes are missing for that."""

    key: str
    title: str
    wanted: bool
    on: bool
    own_consent: bool
    missing: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """A saved connection: which integration of which plugin, for which domain, when it was last seen to work, when
    something was heard. `degraded`: the other side fails or slows us down, and is tried again by itself."""

    id: UUID
    domain_id: UUID
    plugin: str
    state: Literal["connected", "degraded", "needs_reauth"]
    checked_at: datetime | None
    listening: Literal["listening", "failing", "off"] | None = None
    """Of a channel that listens: whether it does, fails and tries again, or is switched off here. None: does not."""
    heard_at: datetime | None = None
    kind: str = ""
    """The integration's or channel's name, where it is not the plugin's."""
    said: str = ""
    expires_at: datetime | None = None
    """When its access ends for good unless a person connects again, as far as that is known."""
    features: Sequence[FeatureView] = ()
