"""What plugins bring for one domain: only of those that are on there, with the domain's own connections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from omniops.accounts.service import Accounts, DomainView, is_on
from omniops.connections.service import Connections
from omniops.contracts.knowledge import Fetcher
from omniops.contracts.plugin import PluginSettings
from omniops.contracts.provider import Deployment, Provider
from omniops.contracts.scope import Scope
from omniops.contracts.vendor import CATEGORY, RESPOND
from omniops.conversation.composing import Answerers
from omniops.conversation.routing.filters import Forbids, Why
from omniops.conversation.tools.running import Offered
from omniops.errors import EgressRefused
from omniops.gate.grants import Grant
from omniops.plugins.calling import On
from omniops.plugins.seams import Seams
from omniops.privacy.register import ProcessorRegister

_WHY: Mapping[str, Why] = {
    "no_contract": "contract",
    "contract_ended": "contract",
    "no_links": "contract",
    "country_unknown": "transfer",
    "no_mechanism": "transfer",
    "mechanism_ended": "transfer",
    "objection_period": "notice",
    "objected": "notice",
}
"""The gate's reasons in the router's words."""
_SOMEBODY = UUID(int=0)
"""A person who declared nothing."""


class SwitchedOn:
    """Asked anew for every turn: a plugin that is switched off is out at once."""

    def __init__(self, seams: Seams, accounts: Accounts, register: ProcessorRegister, connections: Connections) -> None:
        self._seams = seams
        self._accounts = accounts
        self._register = register
        self._connections = connections
        self._tools = seams.tools()

    async def providers(self, domain: DomainView) -> Sequence[Provider]:
        return self._seams.providers(await self._on(domain.scope))

    async def fetchers(self, scope: Scope) -> Sequence[Fetcher]:
        return self._seams.fetchers(await self._on(scope))

    async def tools(self, domain: DomainView) -> Sequence[Offered]:
        return self._offered(await self._on(domain.scope))

    async def answerers(self, domain: DomainView) -> Answerers:
        """All that a turn needs of plugins. Raises `PluginError` where a redactor cannot be asked: then nothing may be
        sent."""
        on = await self._on(domain.scope)
        return Answerers(self._seams.providers(on), self._offered(on), self._seams.redactors(on))

    async def forbids(self, domain: DomainView, subject: UUID | None = None) -> Forbids:
        """Why the register keeps a turn of this person from a deployment: the gate's own decision, made before. No
        question of a sandbox leaves."""
        grant = Grant("", RESPOND, domain.scope, (CATEGORY,), (subject or _SOMEBODY,))
        unreadable = False
        try:
            grant = await self._register.traced(grant)
        except EgressRefused:
            unreadable = True

        def forbids(deployment: Deployment) -> Why | None:
            if deployment.processor is None:
                return None
            entry = self._register.get(deployment.processor)
            if domain.sandbox or unreadable or entry is None or entry.processor.role != "ai":
                return "processor"
            try:
                self._register.check(replace(grant, processor=deployment.processor))
            except EgressRefused as error:
                return _WHY.get(error.reason, "processor")
            return None

        return forbids

    async def connected(self, scope: Scope, plugin: str) -> PluginSettings | None:
        """The newest connection of a plugin that works, or None."""
        for view in reversed(await self._connections.all(scope)):
            if view.plugin == plugin and view.state == "connected":
                return await self._connections.settings(scope, view.id)
        return None

    async def _on(self, scope: Scope) -> On:
        switched = await self._accounts.switched(scope)
        return lambda name: is_on(switched, name)

    def _offered(self, on: On) -> Sequence[Offered]:
        return [Offered(tool, plugin) for plugin, tool in self._tools.values() if on(plugin)]
