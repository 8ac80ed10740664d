"""Channels that each break one promise."""

import asyncio
import hashlib
import hmac
import json
from datetime import timedelta
from uuid import uuid4

from broken_base import OUTSIDE, broken
from omniops import Plugin, PluginSettings, hookimpl
from omniops.contracts.channel import Channel, ChannelCapabilities, Delivery, Incoming, Window
from omniops.contracts.declaration import Declaration
from omniops.errors import Permanent, Rejected
from pydantic import Field, SecretStr

# Channels: JSON to one address, webhooks signed with HMAC


class Hook(PluginSettings):
    secret: SecretStr = Field(description="Signs webhooks.")


class Poster(Channel):
    title = "Poster"
    capabilities = ChannelCapabilities(max_length=400)

    def __init__(self, gate):
        self.gate = gate

    async def send(self, message):
        for text in self.texts(message):
            async with self.gate.http("outside", purpose="chat.respond") as client:
                await client.post("https://api.outside.example/", json={"text": text, "key": self.key(message)})
        return Delivery("sent")

    def texts(self, message):
        lines, line = [message.disclosure] if message.disclosure else [], ""
        for word in message.text.split():
            if len(line) + len(word) >= 400:
                lines.append(line)
                line = ""
            line = f"{line} {word}".strip()
        return [*lines, line]

    def key(self, message):
        return message.idempotency_key

    async def fetch(self, media, connection):
        yield b"one"
        yield b"two"

    def verify(self, body, headers, connection):
        expected = hmac.digest(connection.secret.get_secret_value().encode(), body, hashlib.sha256).hex()
        if not hmac.compare_digest(expected.encode(), headers.get("x-signature", "").encode()):
            raise Rejected("The signature does not fit.", code="bad_signature")

    def parse(self, body):
        try:
            items = json.loads(body)["messages"]
            return [Incoming(self.number(item), item["thread"], item["from"], item["text"]) for item in items]
        except (ValueError, TypeError, KeyError) as error:
            raise Rejected("This is no message.", code="bad_body") from error

    def number(self, item):
        return item["id"]


def channel(cls):
    cls.name = cls.__name__.lower()

    @hookimpl
    def channels(self):
        return [cls(self.context.gate)]

    @hookimpl
    def declares(self):
        return Declaration(processors=[OUTSIDE])

    body = {"__doc__": "A sample.", "Connection": Hook, "channels": channels, "declares": declares}
    broken(type(cls.__name__, (Plugin,), body))
    return cls


@channel
class Sound(Poster):
    """Not broken: what the others are compared with."""


@channel
class Forgetful(Poster):
    def key(self, message):
        return uuid4().hex


@channel
class Late(Poster):
    def texts(self, message):
        return list(reversed(super().texts(message)))


@channel
class Silent(Poster):
    async def send(self, message):
        await super().send(message)


@channel
class Long(Poster):
    def texts(self, message):
        return [message.disclosure or "", message.text]


@channel
class Cut(Poster):
    def texts(self, message):
        return [message.disclosure or "", message.text[:400]]


@channel
class Believer(Poster):
    def verify(self, body, headers, connection):
        pass


@channel
class Headerless(Poster):
    def verify(self, body, headers, connection):
        if "x-signature" in headers:
            super().verify(body, headers, connection)


@channel
class Crasher(Poster):
    def parse(self, body):
        return [Incoming(i["id"], i["thread"], i["from"], i["text"]) for i in json.loads(body)["messages"]]


@channel
class Dice(Poster):
    def number(self, item):
        return uuid4().hex


@channel
class Hurried(Poster):
    capabilities = ChannelCapabilities(window=Window(timedelta(hours=24), human=timedelta(hours=1)))


@channel
class Curt(Poster):
    capabilities = ChannelCapabilities(max_length=100)


@channel
class Listless(Poster):
    capabilities = ChannelCapabilities(window=Window(timedelta(hours=24), templates=True))


@channel
class Narrow(Poster):
    async def send(self, message):
        if len(message.text) > 399:
            raise Permanent("Too long.")
        return await super().send(message)


@channel
class Halved(Poster):
    async def fetch(self, media, connection):
        yield b"one"


@channel
class Lingering(Poster):
    async def fetch(self, media, connection):
        self.task = asyncio.create_task(asyncio.Event().wait())
        yield b"one"
        yield b"two"
