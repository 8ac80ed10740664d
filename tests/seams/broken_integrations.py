"""Integrations that each break one promise: links, and shops that take deliveries and fetch."""

import json
from datetime import timedelta
from functools import partial
from uuid import uuid4

from broken_base import API, OUTSIDE, broken
from broken_channels import Hook
from omniops import Health, Plugin, hookimpl
from omniops.contracts.declaration import Declaration
from omniops.contracts.integration import Integration, Step, Sync
from omniops.contracts.limits import Limits, next_link
from omniops.contracts.webhook import Arrived, Event, Received, check_signature
from omniops.errors import NotReady, Reconnect, Rejected

# Integrations


class Link(Integration):
    title = "Link"
    processor = "outside"

    async def check(self, connection):
        if connection.secret.get_secret_value() != "right":
            raise Reconnect("The key was refused.")
        return Health(True, "One shop was listed.")


def integration(cls, made=lambda cls, _: cls()):
    """Makes a plugin of an integration."""
    cls.name = cls.__name__.lower()

    @hookimpl
    def integrations(self):
        return [made(cls, self.context)]

    @hookimpl
    def declares(self):
        return Declaration(processors=[OUTSIDE])

    body = {"__doc__": "A sample.", "Connection": Hook, "integrations": integrations, "declares": declares}
    broken(type(cls.__name__, (Plugin,), body))
    return cls


@integration
class Homeless(Link):
    processor = "elsewhere"


@integration
class Gossip(Link):
    async def check(self, connection):
        await super().check(connection)
        return Health(True, f"The key {connection.secret.get_secret_value()} works.")


@integration
class Trusting(Link):
    async def check(self, connection):
        return Health(True, "Fine.")


# Integrations that take deliveries and fetch: orders of a shop


class Shop(Integration):
    title = "Shop"
    processor = "outside"
    events = {"order.changed": ("number",)}  # noqa: RUF012
    syncs = (Sync("orders", "Orders", timedelta(hours=1)),)

    def __init__(self, context):
        self.gate = context.gate
        self.limits = Limits("The shop", context.clock)
        self.seen = set()

    async def ask(self, url, **options):
        async with self.gate.http("outside", purpose="connection.use") as client:
            answer = await self.limits.send(client, "GET", url, key="one", **options)
        return self.read(answer)

    def read(self, answer):
        return self.limits.json(answer)

    async def check(self, connection):
        await self.ask(f"{API}/shop")
        return Health(True, "The shop answered.")

    def receive(self, webhook, link):
        self.verify(webhook, link.connection.secret)
        try:
            return Received([Arrived(self.event(one)) for one in json.loads(webhook.body)["orders"]])
        except (ValueError, KeyError, TypeError) as error:
            raise Rejected("This is no delivery.", code="no_delivery") from error

    def verify(self, webhook, secret):
        check_signature([secret], webhook.body, webhook.header("x-signature"))

    def event(self, one):
        return Event(self.number(one), "order.changed", {"number": one["id"]}, about=one["id"])

    def number(self, one):
        return one["id"]

    async def handle(self, event, link):
        self.seen.add(event.id)
        return ()

    async def sync(self, name, link, cursor):
        url = cursor or f"{API}/orders"
        while url:
            page = await self.ask(url)
            url = self.next(page)
            after = url or f"{API}/orders?since={page['at']}"
            if after != cursor:
                yield Step(after)

    def next(self, page):
        return next_link(page["next"], API) if page.get("next") else None


shop = partial(integration, made=lambda cls, context: cls(context))
"""The same for one with deliveries."""


@shop
class Steady(Shop):
    """Not broken: what the others are compared with."""


@shop
class Gullible(Shop):
    def verify(self, webhook, secret):
        webhook.header("x-signature")


@shop
class Lenient(Shop):
    def verify(self, webhook, secret):
        if secret.get_secret_value():
            super().verify(webhook, secret)


@shop
class Doubling(Shop):
    def verify(self, webhook, secret):
        check_signature([secret], webhook.body, dict(webhook.headers).get("x-signature", ""))


@shop
class Respelling(Shop):
    def verify(self, webhook, secret):
        try:
            body = json.dumps(json.loads(webhook.body)).encode()
        except ValueError:
            body = webhook.body
        check_signature([secret], body, webhook.header("x-signature"))


@shop
class Rolling(Shop):
    def number(self, one):
        return uuid4().hex


@shop
class Stumbling(Shop):
    def receive(self, webhook, link):
        self.verify(webhook, link.connection.secret)
        return Received([Arrived(self.event(one)) for one in json.loads(webhook.body)["orders"]])


@shop
class Undeclaring(Shop):
    def event(self, one):
        return Event(one["id"], "order.danced", {"number": one["id"]})


@shop
class Once(Shop):
    async def handle(self, event, link):
        if event.id in self.seen:
            raise ValueError("this is there already")
        return await super().handle(event, link)


@shop
class Believing(Shop):
    def read(self, answer):
        return json.loads(answer.content)


@shop
class Impatient(Shop):
    async def ask(self, url, **options):
        try:
            return await super().ask(url, **options)
        except NotReady as error:
            raise NotReady(str(error)) from error


@shop
class Roundabout(Shop):
    def next(self, page):
        return f"{API}/orders"


@shop
class Wandering(Shop):
    def next(self, page):
        return page.get("next")


@shop
class Resigned(Shop):
    async def ask(self, url, **options):
        try:
            return await super().ask(url, **options)
        except Reconnect as error:
            raise NotReady(str(error)) from error
