"""The plugin's hooks."""

from __future__ import annotations

from collections.abc import Sequence

from omniops import Info, Plugin, hookimpl
from omniops.contracts.consent import ConsentChange, ConsentSource, Verdict

from omniops_tcf.settings import Manager, TCFSettings
from omniops_tcf.sources import CallbackSource, TCFSource

MANAGED = ("analytics", "advertising")


class TCFPlugin(Plugin):
    """Brings the answers of a website's own consent manager into the ledger: IAB TCF, or a JavaScript call."""

    info = Info(title="Consent manager of the website", version="0.1.0", omniops=">=0.1,<0.2")
    Settings, Connection = TCFSettings, Manager

    @hookimpl
    def consent_sources(self) -> Sequence[ConsentSource]:
        return [TCFSource(), CallbackSource()]

    @hookimpl
    async def consent_veto(self, change: ConsentChange) -> Verdict:
        """Where the manager alone decides, nothing else says yes to what it manages."""
        settings: TCFSettings = self.context.settings
        managed = settings.sole and change.purpose in MANAGED
        if managed and change.method not in (TCFSource.name, CallbackSource.name):
            return Verdict(False, "the_manager_decides")
        return Verdict(True, "ok")

    @hookimpl
    async def consent_changed(self, change: ConsentChange) -> None:
        """What the manager's record can be compared with."""
        if change.method in (TCFSource.name, CallbackSource.name):
            self.context.log.info(
                "consent.from_manager",
                domain=str(change.scope.domain_id),
                source=change.method,
                purpose=change.purpose,
                said=change.event,
            )
