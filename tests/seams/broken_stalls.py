"""Integrations that live in a deployment and break one promise each."""

from dataclasses import replace

from broken_base import API, OUTSIDE, broken
from broken_integrations import Shop
from omniops import Plugin, hookimpl
from omniops.contracts.channel import Channel, ChannelCapabilities, Delivery, Incoming
from omniops.contracts.declaration import Declaration
from omniops.contracts.integration import Step
from omniops.contracts.oauth import Endpoints, OAuth, OAuthConnection
from omniops.contracts.webhook import Arrived
from omniops.errors import Rejected
from pydantic import Field, SecretStr

# Integrations that live in a deployment: a shop whose access ends, and whose customers write


class StallConnection(OAuthConnection):
    secret: SecretStr = Field(description="Signs webhooks.")


class StallChannel(Channel):
    title = "Stall"
    capabilities = ChannelCapabilities()

    def __init__(self, name):
        self.name = name

    async def send(self, message):
        return Delivery("sent", f"sent-{message.key}")


class Stall(Shop):
    """Its events say that there is a note; the note is fetched, and heard."""

    @property
    def oauth(self):
        return self.flow(Endpoints(f"{API}/authorize", f"{API}/token"), "client", clock=self.clock)

    flow = OAuth

    def __init__(self, context):
        super().__init__(context)
        self.clock, self.folder = context.clock, context.folder

    async def handle(self, event, link):
        await super().handle(event, link)
        order = await self.ask(f"{API}/orders/{event.id}")
        return [Arrived(self.heard(order))]

    def heard(self, order):
        return Incoming(order["id"], f"t-{order['email']}", order["email"], order["note"])


def stall(cls):
    """Makes a plugin of a shop with a channel and tokens."""
    cls.name = cls.__name__.lower()

    @hookimpl
    def integrations(self):
        self.made = getattr(self, "made", None) or cls(self.context)
        return [self.made]

    @hookimpl
    def channels(self):
        return [StallChannel(cls.name)]

    @hookimpl
    def declares(self):
        return Declaration(processors=[OUTSIDE])

    hooks = {"integrations": integrations, "channels": channels, "declares": declares}
    broken(type(cls.__name__, (Plugin,), {"__doc__": "A sample.", "Connection": StallConnection, **hooks}))
    return cls


@stall
class Settled(Stall):
    """Not broken: what the others are compared with."""


class Rotten(OAuth):
    """Forgets that the refresh token is another one each time."""

    def read(self, said):
        return super().read(said).model_copy(update={"refresh": None})


@stall
class Rotting(Stall):
    flow = Rotten


@stall
class Eager(Stall):
    """Refreshes by itself whatever core does."""

    class flow(OAuth):
        async def refresh(self, http, tokens, *, connection):
            await super().refresh(http, tokens, connection=connection)
            return await super().refresh(http, tokens, connection=connection)


@stall
class Blabbing(Stall):
    async def sync(self, name, link, cursor):
        page = await self.ask(f"{API}/orders")
        yield Step(f"{page['at']}:{page['by']}" if cursor is None else f"{cursor}.")


@stall
class Scribbling(Stall):
    def heard(self, order):
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "notes.txt").write_text(f"{order['email']}: {order['note']}")
        return super().heard(order)


@stall
class Withholding(Stall):
    def heard(self, order):
        return replace(super().heard(order), text="Somebody wrote.")


@stall
class Territorial(Stall):
    """Believes only the connection that it met first."""

    first = None

    def receive(self, webhook, link):
        self.first = self.first or link.id
        if link.id != self.first:
            raise Rejected("Who is that?", code="bad_signature")
        return super().receive(webhook, link)
