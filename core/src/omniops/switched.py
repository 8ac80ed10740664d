"""What plugins bring for one domain: only of those that are on there, with the domain's own connections."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TypeVar
from uuid import UUID

from omniops.accounts.service import Accounts, DomainView, is_on
from omniops.connections.service import Connections
from omniops.contracts.calendar import Calendar
from omniops.contracts.commerce import Commerce, ShopUse
from omniops.contracts.integration import ConnectionView, Integration, Link
from omniops.contracts.knowledge import Fetcher
from omniops.contracts.plugin import PluginSettings
from omniops.contracts.provider import Deployment, Provider
from omniops.contracts.rights import ExternalStore
from omniops.contracts.scope import Scope
from omniops.contracts.vendor import CATEGORY, RESPOND
from omniops.conversation.appointments.book import Appointments
from omniops.conversation.appointments.calendars import Connected
from omniops.conversation.appointments.store import AppointmentStore
from omniops.conversation.composing import Answerers
from omniops.conversation.orders.shops import Shop, Through
from omniops.conversation.routing.filters import Forbids, Why
from omniops.conversation.tools.running import Offered
from omniops.errors import EgressRefused, NotReady, Reconnect
from omniops.gate.grants import Grant
from omniops.plugins.calling import On
from omniops.plugins.seams import Seams
from omniops.privacy.register import ProcessorRegister

T = TypeVar("T")
_WHY: Mapping[str, Why] = {
    "no_contract": "contract",
    "contract_ended": "contract",
    "no_links": "contract",
    "country_unknown": "transfer",
    "no_mechanism": "transfer",
    "mechanism_ended": "transfer",
    "measure_off": "transfer",
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
        self._shops = seams.shops()

    def learn(self) -> None:
        """Asks plugins anew for their tools: one joined this process, or left it."""
        self._tools = self._seams.tools()

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
        view = await self._working(scope, plugin)
        return None if view is None else await self._connections.settings(scope, view.id)

    async def shop(self, scope: Scope) -> Shop | None:
        """The first connected shop of a plugin that is on. A sandbox has none: no question of it leaves."""
        if not self._shops or (await self._accounts.domain(scope)).sandbox:
            return None
        on = await self._on(scope)
        for plugin, commerce in self._shops.values():
            if not on(plugin):
                continue
            try:
                links = await self._connections.links(scope, plugin)
            except (NotReady, Reconnect):  # its access cannot be renewed now: as if there were no shop
                continue
            if links:
                return self._shop(commerce, plugin, links[-1])
        return None

    async def calendars(self, scope: Scope) -> Sequence[Connected]:
        """The connected calendars of plugins that are on, those in which appointments are entered first. A sandbox has
        none: no question of it leaves."""
        having = self._having_calendars()
        if not having or (await self._accounts.domain(scope)).sandbox:
            return ()
        on = await self._on(scope)
        found: list[Connected] = []
        for plugin, integration, calendar in having:
            if not on(plugin):
                continue
            with suppress(NotReady, Reconnect):  # its access cannot be renewed now: as if there were no calendar
                links = await self._connections.links(scope, plugin, integration.name)
                found += [
                    Connected(calendar, plugin, integration.title, link, self._through(link))
                    for link in links
                    if {calendar.times, calendar.booking} & link.features
                ]
        return sorted(found, key=lambda one: (not one.books, one.link.id))

    def calendar_stores(self, book: Appointments) -> list[tuple[str, ExternalStore]]:
        """What calendars hold of people, each with its plugin."""
        return [
            (
                plugin,
                AppointmentStore(
                    book,
                    integration,
                    calendar,
                    partial(self._connections.ids, kind=integration.name),
                    partial(self._connections.links, plugin=plugin, kind=integration.name),
                ),
            )
            for plugin, integration, calendar in self._having_calendars()
        ]

    def _having_calendars(self) -> list[tuple[str, Integration, Calendar]]:
        offered = self._seams.integrations().values()
        return [(plugin, one, one.calendar) for plugin, one in offered if one.calendar is not None]

    def _shop(self, commerce: Commerce, plugin: str, link: Link) -> Shop:
        return Shop(commerce, plugin, ShopUse(link.scope, link.connection, link.features), self._through(link))

    def _through(self, link: Link) -> Through:
        async def through(work: Callable[[Link], Awaitable[T]], /) -> T:
            return await self._connections.used(link.scope, link, work)

        return through

    async def _working(self, scope: Scope, plugin: str) -> ConnectionView | None:
        found = reversed(await self._connections.all(scope))
        return next((view for view in found if view.plugin == plugin and view.state == "connected"), None)

    async def _on(self, scope: Scope) -> On:
        switched = await self._accounts.switched(scope)
        return lambda name: is_on(switched, name)

    def _offered(self, on: On) -> Sequence[Offered]:
        return [Offered(tool, plugin) for plugin, tool in self._tools.values() if on(plugin)]
