"""The built-in channel: the chat on a business's own website, read while it is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from omniops import Info, Plugin, hookimpl
from omniops.contracts.channel import Channel, ChannelCapabilities, Delivery, Outgoing
from omniops.contracts.declaration import Cookie, Declaration


class WebsitePlugin(Plugin):
    """The chat widget on the business's own website."""

    info = Info(title="Website chat", version="0.1.0", omniops=">=0.1,<0.2")

    @hookimpl
    def declares(self) -> Declaration:
        return Declaration(
            cookies=[
                Cookie(
                    "omniops:*",
                    "chat.remember",
                    90,
                    "Session token and open state, in the browser's storage, only after a yes",
                )
            ]
        )

    @hookimpl
    def channels(self) -> Sequence[Channel]:
        return [WebsiteChannel()]


class WebsiteChannel(Channel):
    """Nothing is sent: the visitor's page follows the conversation itself."""

    name: ClassVar[str] = "website"
    title: ClassVar[str] = "Website"
    capabilities: ClassVar[ChannelCapabilities] = ChannelCapabilities(streams=True)

    async def send(self, message: Outgoing) -> Delivery:
        return Delivery("delivered")
