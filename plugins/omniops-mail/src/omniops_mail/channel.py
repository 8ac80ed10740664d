"""The mailbox as a channel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from omniops import PluginContext
from omniops.contracts.channel import Channel, ChannelCapabilities, Delivery, Heard, Outgoing
from omniops.errors import Permanent
from pydantic import BaseModel

from omniops_mail.imap import session
from omniops_mail.reading import read
from omniops_mail.settings import Mailbox
from omniops_mail.smtp import submit
from omniops_mail.writing import reply


class MailChannel(Channel):
    """People write to a mailbox, and are answered in the thread."""

    name = "mail"
    title = "E-mail"
    capabilities = ChannelCapabilities()

    def __init__(self, context: PluginContext) -> None:
        self._context = context

    async def send(self, message: Outgoing) -> Delivery:
        mailbox = message.connection
        assert isinstance(mailbox, Mailbox)
        try:
            mail = reply(message, mailbox)
        except ValueError as error:
            raise Permanent("The address of the person cannot be written to.") from error
        return await submit(
            self._context,
            mail,
            login=(mailbox.user, mailbox.password.get_secret_value()),
            purpose="chat.respond",
            categories=("contact.email", "user.content.chat"),
        )

    async def listen(self, connection: BaseModel, cursor: str | None) -> AsyncIterator[tuple[Heard, str]]:
        """Looks again and again over one connection. The cursor is `UIDVALIDITY:UID` of the last mail that was read."""
        assert isinstance(connection, Mailbox)
        settings, log = self._context.settings, self._context.log
        async with session(self._context, connection) as imap:
            place = await imap.begin(connection.folder, cursor)
            if str(place) != cursor:
                yield None, str(place)
            while True:
                for uid in await imap.newer(place):
                    raw = await imap.fetch(uid, settings.most_bytes)
                    heard = read(raw, connection, log) if raw is not None else None
                    place = place.at(uid)
                    yield heard, str(place)
                await asyncio.sleep(settings.poll_seconds)
