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
                    "omniops:<key>:token",
                    "chat.serve",
                    0,
                    "The session of a chat that you began, so that a reload keeps its history.",
                    "session_storage",
                ),
                Cookie(
                    "omniops:<key>:unsent",
                    "chat.serve",
                    0,
                    "A message of yours that did not arrive yet, so that a reload can send it.",
                    "session_storage",
                ),
                Cookie(
                    "omniops:<key>:token",
                    "chat.remember",
                    90,
                    "The session of a chat, kept on this device after a yes to remembering it.",
                    "local_storage",
                ),
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
