"""An integration with everything: signed deliveries to a connection and to one address of all, events, a channel, a
sync and a renewal. Its other side does what a test says."""

import asyncio
import json
from collections import deque
from datetime import datetime, timedelta

from desk_plugins import signature
from omniops import Health, Info, Plugin, PluginSettings, hookimpl
from omniops.contracts.channel import Channel, ChannelCapabilities, Delivery, Echo, Edited, Incoming, Receipt, Removed
from omniops.contracts.declaration import Declaration, Processor
from omniops.contracts.integration import Integration, Renewal, Step, Sync
from omniops.contracts.webhook import (
    AccountErased,
    Arrived,
    Event,
    Received,
    Reply,
    RightUsed,
    Webhook,
    check_signature,
)
from omniops.errors import NotReady, Rejected
from omniops.operations.firsts import OPERATOR
from pydantic import Field, SecretStr

OPERATORS = "secret-of-the-app"
SECRET = "of-this-stall"
KINDS = {"message": Incoming, "edited": Edited, "removed": Removed, "echo": Echo, "receipt": Receipt}


class MarketConnection(PluginSettings):
    secret: SecretStr = Field(description="Signs deliveries.")
    stall: str = Field(default="s-1", description="Number of the stall.")
    owner: str = Field(default="", description="The market's id of who let us in.")


class MarketChannel(Channel):
    name = "market"
    title = "Market"
    capabilities = ChannelCapabilities()

    def __init__(self):
        self.sent = []

    async def send(self, message):
        self.sent.append(message)
        return Delivery("sent", f"market-{len(self.sent)}")


class MarketIntegration(Integration):
    """`troubles` are raised by the next calls; `handled` are the events in order; `orders` is what can be fetched,
    `expired` are cursors that are not taken any more; `shut` is raised by whoever tries the access."""

    forget = False
    """Said of its events."""

    name = "market"
    title = "Market"
    processor = "market"
    events = {"order.changed": ("number", "state"), "access.revoked": ()}  # noqa: RUF012
    syncs = (Sync("orders", "Orders", timedelta(hours=1)),)
    renewals = (Renewal("watch", "Watch"),)

    def __init__(self, clock):
        self.clock = clock
        self.begin()

    def begin(self, *troubles):
        self.troubles = deque(troubles)
        self.handled, self.heard, self.orders, self.stored, self.cursors = [], [], [], [], []
        self.renewed, self.stuck, self.expired, self.receives = 0, None, (), self._receive
        self.prepared, self.away, self.shut = [], False, None
        self.gate = asyncio.Event()
        self.gate.set()

    async def check(self, connection):
        if self.shut is not None:
            raise self.shut
        return Health(True, "The market answered.")

    def external_ids(self, connection):
        return (connection.stall,)

    def granted_by(self, connection):
        return connection.owner

    async def prepare(self, webhook):
        self.prepared.append(webhook.body)
        if self.away:
            raise NotReady("The market's keys cannot be got.")

    def receive(self, webhook, link):
        return self.receives(webhook, link)

    def _receive(self, webhook, link):
        secret = SecretStr(OPERATORS) if link is None else link.connection.secret
        signed = webhook.body if webhook.method == "POST" else webhook.query.get("challenge", "").encode()
        check_signature([secret], signed, webhook.header("x-post-signature"))
        if webhook.method == "GET":
            return Received(reply=Reply(webhook.query["challenge"]))
        try:
            return Received([self._arrived(one) for one in json.loads(webhook.body)])
        except (ValueError, KeyError, TypeError) as error:
            raise Rejected("This is no delivery of the market.", code="no_delivery") from error

    def _arrived(self, one):
        whose = {"external_id": one.get("stall", ""), "granted_by": one.get("owner", "")}
        if one["kind"] == "left":
            return Arrived(AccountErased(one["id"]), **whose)
        if one["kind"] == "right":
            return Arrived(RightUsed(one["id"], one["right"], {}), **whose)
        kind = KINDS.get(one["kind"])
        if kind is not None:
            heard = dict(one["heard"])
            if "sent_at" in heard:
                heard["sent_at"] = datetime.fromisoformat(heard["sent_at"])
            return Arrived(kind(**heard), **whose)
        event = Event(one["id"], one["kind"], one["data"], about=one.get("about", ""), forget=self.forget)
        return Arrived(event, **whose)

    def _trouble(self):
        if self.troubles:
            trouble = self.troubles.popleft()
            if trouble is not None:
                raise trouble

    async def handle(self, event, link):
        self._trouble()
        await self.gate.wait()
        self.handled.append(event)
        return [Arrived(one) for one in self.heard]

    async def sync(self, name, link, cursor):
        self.cursors.append(cursor)
        if cursor in self.expired:  # the other side does not know it any more: all of it once more
            cursor = "0"
        for number in range(int(cursor or 0), len(self.orders)):
            self._trouble()

            async def store(session, number=number):
                self.stored.append(number)

            after = str(number) if self.stuck == number else str(number + 1)
            yield Step(after or "", store, done=number + 1, total=len(self.orders))

    async def renew(self, name, link):
        self._trouble()
        self.renewed += 1
        await link.remember({"watch": f"watch-{self.renewed}"})
        return self.clock.now() + timedelta(days=6)


class MarketPlugin(Plugin):
    """A market with stalls."""

    info = Info(title="Market", version="1.0", omniops=">=0.1,<0.2")
    Connection = MarketConnection

    def __init__(self, context):
        super().__init__(context)
        self.channel = MarketChannel()
        self.integration = MarketIntegration(context.clock)

    @hookimpl
    def declares(self):
        processor = Processor(
            "market", "Market Ltd", "customer_chosen", ("market.example",), ("DE",), ("connection.use",)
        )
        return Declaration(processors=[processor])

    @hookimpl
    def channels(self):
        return [self.channel]

    @hookimpl
    def integrations(self):
        return [self.integration]


def order(number, state, delivery=None, **more):
    """An event about an order, with a field that nobody declared."""
    data = {"number": number, "state": state, "customer": "CANARY-7f3e", **more}
    return {"kind": "order.changed", "id": delivery or f"{number}-{state}", "data": data, "about": str(number)}


def word(text, delivery, thread="t-1", **more):
    return {
        "kind": "message",
        "heard": {"delivery_id": delivery, "thread": thread, "sender": "tom", "text": text, **more},
    }


def told(*things, secret, method="POST", clock, headers=None):
    """A delivery as the other side sends it."""
    body = json.dumps(things).encode()
    given = [("x-post-signature", signature(body, secret))] if headers is None else headers
    return Webhook(method, "https://omniops.example/", given, {}, body, clock.now())


async def stall(desk, domain, number, owner=""):
    """A connection of a domain to the market, to which `owner` let us in."""
    await desk.runtime.accounts.switch(domain.scope, "market", on=True, actor=OPERATOR)
    values = {"secret": SECRET, "stall": number, "owner": owner}
    return await desk.runtime.connections.connect(domain.scope, "market", values, actor=OPERATOR)
