"""A board where the people of a business work: it keeps what it is told of conversations."""

import asyncio
from collections import deque

from omniops import Health, Info, Plugin, PluginSettings, hookimpl
from omniops.contracts.channel import Echo
from omniops.contracts.declaration import Declaration, Processor
from omniops.contracts.integration import Integration
from omniops.operations.firsts import OPERATOR


class BoardConnection(PluginSettings):
    """Nothing is needed."""


class BoardIntegration(Integration):
    """`troubles` are raised by the next tellings, None is none; `told` is what was told. While it `hangs`, no end."""

    name, title, processor = "board", "Board", "board"
    channels = ("post",)
    news = ("handed_off", "message", "closed")

    def __init__(self):
        self.begin()

    def begin(self, *troubles):
        self.troubles, self.told, self.hangs = deque(troubles), [], False

    async def check(self, connection):
        return Health(True, "The board is there.")

    async def tell(self, news, link):
        trouble = self.troubles.popleft() if self.troubles else None
        if trouble is not None:
            raise trouble
        if self.hangs:
            await asyncio.Event().wait()
        self.told.append((link.id, news))


class BoardPlugin(Plugin):
    """A board."""

    info = Info(title="Board", version="1.0", omniops=">=0.1,<0.2")
    Connection = BoardConnection

    def __init__(self, context):
        super().__init__(context)
        self.integration = BoardIntegration()

    @hookimpl
    def declares(self):
        processor = Processor(
            "board", "Board Ltd", "customer_chosen", ("board.example",), ("DE",), ("support.provide",)
        )
        return Declaration(processors=[processor])

    @hookimpl
    def integrations(self):
        return [self.integration]


async def board(desk, domain):
    """A connection of a domain to the board."""
    await desk.runtime.accounts.switch(domain.scope, "board", on=True, actor=OPERATOR)
    return await desk.runtime.connections.connect(domain.scope, "board", {}, actor=OPERATOR)


def answered(conversation_id, text, key="board-1"):
    """A reply that was written on the board."""
    return Echo(delivery_id=key, reference=key, text=text, conversation_id=conversation_id)
