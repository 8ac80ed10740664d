"""Asking the other side through its plugin: whether access works, what may be chosen, bringing it in line, leaving it.

A plugin has a deadline, and whatever it raises becomes one of our few meanings here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Literal
from uuid import UUID

from pydantic import SecretStr
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.connections import history
from omniops.connections.access import Access
from omniops.connections.due import due_now
from omniops.connections.kinds import tokens_of
from omniops.connections.models import Connection
from omniops.connections.offers import Offer, offers
from omniops.contracts.integration import Choice, Integration
from omniops.contracts.plugin import PluginSettings
from omniops.contracts.scope import Actor, Scope
from omniops.errors import NotFound, NotReady, OmniOpsError, Reconnect, Rejected
from omniops.jobs.service import scope_argument

SECONDS = 10.0
SET_UP = "connections:set_up"
NOTES = ("set_up", "not_set_up")


class Asking(Access):
    """The connections of all domains, for what is asked of the other side."""

    def title(self, kind: str) -> str:
        """What people call the other side."""
        return self._kinds().title(kind)

    def offers(self) -> list[Offer]:
        """What could be connected."""
        return offers(self._kinds())

    def offer(self, kind: str) -> Offer:
        """One of them. Raises `NotFound`."""
        for one in self.offers():
            if one.kind == kind:
                return one
        raise NotFound(f"Nothing that is enabled here connects {kind!r}.")

    def has_flow(self, kind: str) -> bool:
        """Whether access is given at the other side, and not entered."""
        integration = self._kinds().integrations.get(kind)
        return integration is not None and (integration.oauth is not None or integration.handover is not None)

    def entered(self, plugin: str, kind: str = "") -> tuple[str, Mapping[str, bool]]:
        """The kind of a new connection, and the secrets that a person can enter for it: whether each is needed."""
        kind = self._kinds().chosen(plugin, kind)
        fields = self._kinds().model(kind).model_fields
        return kind, {name: one.is_required() for name, one in fields.items() if one.annotation is SecretStr}

    async def choices(self, scope: Scope, connection_id: UUID, name: str) -> Sequence[Choice]:
        """What a field may be set to, asked of the other side."""
        link = await self.link(scope, connection_id)
        integration = self._kinds().integrations.get(link.kind)
        if integration is None or name not in self._kinds().model(link.kind).model_fields:
            raise NotFound(f"There is no field {name!r}.")
        async with away(integration):
            return await self.used(scope, link, lambda link: integration.choices(link, name))

    async def set_up(self, scope: Scope, connection_id: str) -> None:
        """Lets the plugin bring the other side in line with what is on. Raises `NotReady` to be run again."""
        row = await self.state(scope, UUID(connection_id))
        integration = self._kinds().integrations.get(row.kind) if row is not None else None
        if row is None or row.state == "needs_reauth" or integration is None:
            return
        try:
            link = await self.link(scope, row.id)
            async with away(integration):
                await self.used(scope, link, integration.connected)
        except Reconnect:
            return  # marked by now: connecting again brings this back
        except OmniOpsError:
            await self._note(scope, row, "not_set_up")
            raise
        await self._note(scope, row, "set_up")

    async def _note(self, scope: Scope, row: Connection, event: Literal["set_up", "not_set_up"]) -> None:
        """Enters how setting up ended, unless that is what the history says already."""
        async with self._database.session(scope) as session:
            said = [one.event for one in await history.read(session, scope, row.id) if one.event in NOTES]
            if said[-1:] == [event] or (event == "set_up" and not said):
                return
            history.enter(session, row, event, Actor.system(f"connection.{row.kind}"), self._clock)
            await session.commit()

    async def _asked_health(self, kind: str, settings: PluginSettings) -> str:
        integration = self._kinds().integrations.get(kind)
        if integration is None:
            return ""
        async with away(integration):
            health = await integration.check(settings)
        if not health.ok:
            raise Rejected(health.said, code="check_failed")
        return health.said

    async def _tried(self, kind: str, settings: PluginSettings) -> str:
        try:
            return await self._asked_health(kind, settings)
        except Reconnect as error:
            raise Rejected(str(error), code="refused_credentials") from error

    async def _left(self, scope: Scope, row: Connection) -> str:
        """What can be ended at the other side, ended: by the plugin, then the access itself."""
        integration, oauth = self._kinds().integrations.get(row.kind), self._kinds().oauth(row.kind)
        if integration is None:
            kinds = self._kinds()
            there = row.kind in kinds.channels or row.kind in kinds.local
            return "nothing to revoke" if there else "not revoked at the other side"
        outcome = "revoked"
        try:
            link = await self.link(scope, row.id, fresh=row.state != "needs_reauth")
            async with away(integration):
                await integration.disconnect(link)
        except OmniOpsError:
            outcome = "not revoked at the other side"
        settings, _ = await self.opened(await self.row(scope, row.id))
        tokens = tokens_of(settings)
        if oauth is not None and tokens is not None:
            try:
                async with away(integration), self.client(scope, row.kind) as http:
                    if not await oauth.revoke(http, tokens, connection=settings) and outcome == "revoked":
                        outcome = "nothing to revoke"
            except OmniOpsError:
                outcome = "not revoked at the other side"
        return outcome

    async def _set_up_later(self, session: AsyncSession, scope: Scope, row: Connection) -> None:
        """Queues what brings the other side in line, and begins whatever is done again and again: what is on, or may be
        read, is another now."""
        await session.flush()
        await (await session.connection()).execute(due_now(scope, row.id, self._clock.now()))
        integration = self._kinds().integrations.get(row.kind)
        if integration is None or type(integration).connected is Integration.connected:
            return
        await self._jobs.enqueue(
            session, SET_UP, lock=f"set_up:{row.id}", domain_id=scope_argument(scope), connection_id=row.id
        )


@asynccontextmanager
async def away(integration: Integration) -> AsyncIterator[None]:
    """Within the deadline; an error that is none of ours becomes `NotReady`, without its words: they may hold a secret
    or a person's data."""
    try:
        async with asyncio.timeout(SECONDS):
            yield
    except TimeoutError:
        raise NotReady(f"{integration.title} did not answer within {SECONDS:g} s.") from None
    except OmniOpsError:
        raise
    except Exception as error:
        raise NotReady(f"{integration.title} could not be asked ({type(error).__name__}).") from None
