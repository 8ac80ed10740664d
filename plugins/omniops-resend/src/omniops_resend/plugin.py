"""The plugin's hooks."""

from __future__ import annotations

from collections.abc import Sequence

from omniops import Health, Info, Plugin, hookimpl
from omniops.contracts.declaration import Declaration, Mechanism, Processor
from omniops.contracts.mail import Mailer
from omniops.contracts.proof import Probe

from omniops_resend.mailer import PROCESSOR, PURPOSES, ResendMailer
from omniops_resend.settings import ResendSettings

TERMS = "https://resend.com/legal/dpa"


class ResendPlugin(Plugin):
    """Sends the server's own mail through Resend."""

    info = Info(title="Resend", version="0.1.0", omniops=">=0.1,<0.2")
    Settings = ResendSettings

    @hookimpl
    def declares(self) -> Declaration:
        settings: ResendSettings = self.context.settings
        processor = Processor(
            key=PROCESSOR,
            name="Resend",
            role="processor",
            hosts=(settings.place.hostname or "",),
            ports=(settings.place.port or 443,),
            countries=("US",),
            purposes=PURPOSES,
            categories=("contact.email", "user.content.chat"),
            tls=settings.tls,
            policy_url="https://resend.com/legal/privacy-policy",
            contract_url=TERMS,
            mechanisms=(Mechanism("scc", TERMS, module="2 and 3"), Mechanism("idta", TERMS)),
        )
        return Declaration(processors=[processor])

    @hookimpl
    def mailers(self) -> Sequence[Mailer]:
        settings: ResendSettings = self.context.settings
        return [ResendMailer(self.context)] if settings.api_key and settings.sender else ()

    @hookimpl
    def probes(self) -> Sequence[type[Probe]]:
        from omniops_resend.proving import NoMarketing

        return [NoMarketing]

    @hookimpl
    async def health(self) -> Health | None:
        settings: ResendSettings = self.context.settings
        missing = [name for name in ("api_key", "sender") if not getattr(settings, name)]
        if missing:
            return Health(False, f"Not set: {', '.join(f'resend.{name}' for name in missing)}.")
        return Health(True, f"Sends as {settings.sender}.")
