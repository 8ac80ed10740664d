"""The plugin's hooks."""

from __future__ import annotations

from collections.abc import Sequence

from omniops import Health, Info, Plugin, hookimpl
from omniops.contracts.channel import Channel
from omniops.contracts.declaration import Declaration, Processor
from omniops.contracts.integration import Integration
from omniops.contracts.mail import Mailer

from omniops_mail.channel import MailChannel
from omniops_mail.imap import IMAP, IMAPIntegration
from omniops_mail.settings import Mailbox, MailSettings
from omniops_mail.smtp import SMTP, SMTPMailer


class MailPlugin(Plugin):
    """Sends mail by SMTP, and answers what people write to a mailbox."""

    info = Info(title="E-mail", version="0.1.0", omniops=">=0.1,<0.2")
    Settings, Connection = MailSettings, Mailbox

    @hookimpl
    def declares(self) -> Declaration:
        settings: MailSettings = self.context.settings
        processors = []
        if settings.smtp_host:
            processors.append(
                Processor(
                    key=SMTP,
                    name=f"{settings.party} (SMTP)",
                    legal_name=settings.party,
                    role="processor",
                    hosts=(settings.smtp_host,),
                    ports=(settings.smtp_port,),
                    countries=tuple(settings.countries),
                    purposes=("chat.respond", "support.provide", "rights.answer", "breach.handle"),
                    categories=("contact.email", "user.content.chat"),
                )
            )
        if settings.imap_host:
            processors.append(
                Processor(
                    key=IMAP,
                    name=f"{settings.party} (IMAP)",
                    legal_name=settings.party,
                    role="processor",
                    hosts=(settings.imap_host,),
                    ports=(settings.imap_port,),
                    countries=tuple(settings.countries),
                    purposes=("connection.use",),
                )
            )
        return Declaration(processors=processors)

    @hookimpl
    def mailers(self) -> Sequence[Mailer]:
        settings = self.context.settings
        return [SMTPMailer(self.context)] if settings.smtp_host and settings.sender else ()

    @hookimpl
    def channels(self) -> Sequence[Channel]:
        settings = self.context.settings
        return [MailChannel(self.context)] if settings.smtp_host and settings.imap_host else ()

    @hookimpl
    def integrations(self) -> Sequence[Integration]:
        return [IMAPIntegration(self.context)] if self.context.settings.imap_host else ()

    @hookimpl
    async def health(self) -> Health | None:
        settings = self.context.settings
        missing = [name for name in ("smtp_host", "sender", "imap_host") if getattr(settings, name) is None]
        if missing:
            return Health(False, f"Not set: {', '.join(f'mail.{name}' for name in missing)}.")
        return Health(True, f"Sends by {settings.smtp_host}, reads {settings.imap_host}.")
