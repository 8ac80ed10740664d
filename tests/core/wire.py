"""A channel that listens, with a wire that tests put things on."""

import asyncio
from collections import deque

from omniops import Info, Plugin, hookimpl
from omniops.contracts.channel import Channel, ChannelCapabilities, Delivery, Incoming
from omniops.contracts.plugin import PluginSettings
from pydantic import Field


class WireConnection(PluginSettings):
    line: str = Field(default="main", max_length=40, description="Which line.")


class WireChannel(Channel):
    """What is on the wire has numbers; the cursor is the number of the last one that was taken. `troubles` are raised
    by the next listenings. `taken` holds the numbers that core asked on after: those are stored."""

    name = "wire"
    title = "Wire"
    capabilities = ChannelCapabilities()

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.wire, self.troubles = [], deque()
        self.began, self.taken, self.sent = [], [], []
        self.open = self.most = 0
        self._moved = asyncio.Event()

    def put(self, *heard) -> None:
        self.wire += heard
        self.move()

    def move(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    async def until(self, true) -> None:
        """Returns once `true()` is the case."""
        async with asyncio.timeout(60):
            while not true():
                await self._moved.wait()

    async def listen(self, connection, cursor):
        self.began.append(cursor)
        self.open += 1
        self.most = max(self.most, self.open)
        self.move()
        try:
            if self.troubles:
                raise self.troubles.popleft()
            number = int(cursor or 0)
            while True:
                await self.until(lambda number=number: len(self.wire) > number)
                heard = self.wire[number]
                number += 1
                if isinstance(heard, Exception):
                    raise heard
                yield heard, str(number)
                self.taken.append(number)
                self.move()
        finally:
            self.open -= 1
            self.move()

    async def send(self, message):
        self.sent.append(message)
        return Delivery("sent", f"wire-{len(self.sent)}")


class WirePlugin(Plugin):
    """A channel that listens."""

    info = Info(title="Wire", version="1.0", omniops=">=0.1,<0.2")
    Connection = WireConnection

    def __init__(self, context) -> None:
        super().__init__(context)
        self.channel = WireChannel()

    @hookimpl
    def channels(self):
        return [self.channel]


def words(text, key=None, thread="t1"):
    return Incoming(key or text, thread, "tom", text, about={"subject": text})
