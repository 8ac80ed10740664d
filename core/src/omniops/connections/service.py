"""Connecting a domain to an outside system: checked before it is saved, sealed, and the webhook's way in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from pydantic import BaseModel, SecretStr, ValidationError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.audit.service import Audit, Entry
from omniops.connections.agreeing import Terms, enter, entered
from omniops.connections.models import Connection, ConnectionConsent
from omniops.contracts.channel import Channel, Incoming
from omniops.contracts.declaration import Processor
from omniops.contracts.ids import Clock
from omniops.contracts.integration import ConnectionView, Integration
from omniops.contracts.plugin import PluginSettings
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.database.service import Database, Notice, notify
from omniops.database.tables import forget, remember
from omniops.errors import NotFound, NotReady, Reconnect, Refused, Rejected
from omniops.jobs.service import Jobs, scope_argument
from omniops.vault.service import Vault

CHECK_SECONDS = 10.0
PURPOSE = "connection.use"


class Receives(Protocol):
    """Where verified messages of a channel go (the conversation room)."""

    async def receive(self, scope: Scope, channel: str, connection_id: UUID, messages: Sequence[Incoming]) -> int: ...


async def listen_again(
    jobs: Jobs, session: AsyncSession, scope: Scope, connection_id: UUID, at: datetime | None = None
) -> None:
    """Queues the listening of a connection, in the session's transaction, unless it waits in the queue already. One job
    per connection runs at a time, in whichever worker."""
    await jobs.enqueue(
        session,
        "connections:listen",
        lock=f"listen:{connection_id}",
        unique=f"listen:{connection_id}",
        at=at,
        domain_id=scope_argument(scope),
        connection_id=connection_id,
    )


@dataclass(frozen=True, slots=True)
class Kinds:
    """What plugins bring for connections: settings models by plugin, integrations and channels by name."""

    settings: Mapping[str, type[PluginSettings]]
    integrations: Mapping[str, Integration]
    channels: Mapping[str, Channel]
    processors: Mapping[str, Sequence[Processor]] = field(default_factory=dict)
    local: frozenset[str] = frozenset()
    """Plugins whose connection holds a website's settings and no credentials: nothing is called."""

    def listens(self, plugin: str) -> bool:
        """Whether the plugin's channel connects by itself instead of taking webhooks."""
        channel = self.channels.get(plugin)
        return channel is not None and type(channel).listen is not Channel.listen


class Connections:
    """The connections of all domains."""

    def __init__(
        self, database: Database, vault: Vault, audit: Audit, jobs: Jobs, kinds: Callable[[], Kinds], clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._audit = audit
        self._jobs = jobs
        self._kinds = kinds
        self._clock = clock

    def terms(self, plugin: str) -> Terms:
        """What goes where when a plugin is connected. Raises `NotFound` for one without connections."""
        self._connectable(plugin)
        return Terms.of(plugin, self._kinds().processors.get(plugin, ()))

    async def connect(
        self, scope: Scope, plugin: str, values: Mapping[str, Any], *, actor: Actor, agreed: str | None = None
    ) -> ConnectionView:
        """Validates, tries, then saves. Nothing is kept of a connection that does not work. `agreed` is the version of
        `terms` that the member was shown; the business's yes to them is recorded in the same transaction.

        Raises `NotFound` for a plugin without connections, `Rejected` for terms that were not agreed to, values that do
        not fit or that the other side refuses, `NotReady` when it does not answer in time.
        """
        terms = self.terms(plugin)
        terms.check(agreed, actor)
        settings = self._validated(plugin, values)
        said = await self._check(plugin, settings)
        assert scope.domain_id is not None
        row = Connection(
            domain_id=scope.domain_id,
            plugin=plugin,
            settings=seal(_clear(settings)),
            state="connected",
            said=said,
            checked_at=self._clock.now(),
            created_at=self._clock.now(),
        )
        async with self._database.session(scope) as session:
            session.add(row)
            enter(session, row, "given", terms, actor, self._clock)
            remember(session, "connection", row.id.bytes, scope)
            if self._kinds().listens(plugin):
                await listen_again(self._jobs, session, scope, row.id)
            await session.commit()
        await self._audit.write(
            Entry(scope.account_id, str(actor), "connection.connect", "connection", detail={"plugin": plugin})
        )
        return _view(row)

    async def consents(self, scope: Scope) -> list[ConnectionConsent]:
        """The business's own yes to each integration and its end, the oldest first; of those that are gone as well."""
        async with self._database.session(scope) as session:
            return await entered(session, scope)

    async def all(self, scope: Scope) -> list[ConnectionView]:
        async with self._database.session(scope) as session:
            statement = select(Connection).where(Connection.domain_id == scope.domain_id).order_by(col(Connection.id))
            return [_view(row) for row in (await session.exec(statement)).all()]

    async def settings(self, scope: Scope, connection_id: UUID) -> PluginSettings:
        """A connection's settings in clear, for its own plugin to work with. Never for an API."""
        row = await self._row(scope, connection_id)
        opened = await self._vault.open([row], purpose=PURPOSE, actor=Actor.system(f"connection.{row.plugin}"))
        return self._kinds().settings[row.plugin](**opened(row.settings))

    async def refused(self, scope: Scope, connection_id: UUID) -> None:
        """The other side refused the credentials: the connection is marked until a person connects again."""
        async with self._database.session(scope) as session:
            row = await session.get(Connection, (scope.domain_id, connection_id))
            if row is None or row.state == "needs_reauth":
                return
            row.state, row.checked_at = "needs_reauth", self._clock.now()
            session.add(row)
            await notify(session, Notice("connection", row.domain_id, row.id))
            await session.commit()
        await self._audit.write(
            Entry(
                scope.account_id,
                str(Actor.system(f"connection.{row.plugin}")),
                "connection.needs_reauth",
                "connection",
                detail={"plugin": row.plugin},
            )
        )

    async def disconnect(self, scope: Scope, connection_id: UUID, *, actor: Actor) -> None:
        """Revokes at the other side where that is possible, then deletes the connection here in any case."""
        row = await self._row(scope, connection_id)
        integration = self._kinds().integrations.get(row.plugin)
        if integration is not None:
            settings = await self.settings(scope, connection_id)
            try:
                async with asyncio.timeout(CHECK_SECONDS):
                    await integration.disconnect(settings)
            except (TimeoutError, NotReady, Reconnect):
                outcome = "not revoked at the other side"
            else:
                outcome = "revoked"
        else:
            outcome = "nothing to revoke"
        terms = Terms.of(row.plugin, self._kinds().processors.get(row.plugin, ()))
        async with self._database.session(scope) as session:
            enter(session, row, "withdrawn", terms, actor, self._clock)
            await session.delete(row)
            await forget(session, "connection", connection_id.bytes)
            await notify(session, Notice("connection", row.domain_id, row.id))
            await session.commit()
        detail = {"plugin": row.plugin, "outcome": outcome}
        await self._audit.write(
            Entry(scope.account_id, str(actor), "connection.disconnect", "connection", detail=detail)
        )

    async def webhook(
        self, plugin: str, connection_id: UUID, body: bytes, headers: Mapping[str, str], into: Receives
    ) -> int:
        """Takes a channel's webhook in: signature over the raw bytes, then its messages. Returns how many were new.

        Raises `NotFound` for what does not exist, in the same words for every reason, `Refused` for a signature that
        does not fit, whatever the channel says of it, and `Rejected` for a signed body that is no webhook.
        """
        scope = await self._database.resolve("connection", connection_id.bytes)
        channel = self._kinds().channels.get(plugin)
        if scope is None or channel is None:
            raise NotFound("There is nothing here.")
        row = await self._row(scope, connection_id)
        if row.plugin != plugin:
            raise NotFound("There is nothing here.")
        try:
            channel.verify(body, headers, await self.settings(scope, connection_id))
        except Rejected as error:
            raise Refused("The signature does not fit.", reason="bad_signature") from error
        return await into.receive(scope, plugin, connection_id, channel.parse(body))

    def _connectable(self, plugin: str) -> None:
        kinds = self._kinds()
        if plugin not in kinds.integrations and plugin not in kinds.channels and plugin not in kinds.local:
            raise NotFound(f"No plugin {plugin!r} with connections is enabled.")

    def _validated(self, plugin: str, values: Mapping[str, Any]) -> PluginSettings:
        try:
            return self._kinds().settings[plugin](**values)
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise Rejected(f"{place}: {first['msg']}.", code="bad_connection", where=place) from None

    async def _check(self, plugin: str, settings: BaseModel) -> str:
        integration = self._kinds().integrations.get(plugin)
        if integration is None:
            return ""
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                health = await integration.check(settings)
        except TimeoutError:
            raise NotReady(f"{integration.title} did not answer within {CHECK_SECONDS:g} s.") from None
        except Reconnect as error:
            raise Rejected(str(error), code="refused_credentials") from error
        if not health.ok:
            raise Rejected(health.said, code="check_failed")
        return health.said

    async def _row(self, scope: Scope, connection_id: UUID) -> Connection:
        async with self._database.session(scope) as session:
            row = await session.get(Connection, (scope.domain_id, connection_id))
        if row is None:
            raise NotFound("There is no such connection.")
        return row


def _clear(settings: PluginSettings) -> dict[str, Any]:
    """The values for sealing, secrets included."""
    values = settings.model_dump()
    return {k: v.get_secret_value() if isinstance(v, SecretStr) else v for k, v in values.items()}


def _view(row: Connection) -> ConnectionView:
    return ConnectionView(
        row.id,
        row.domain_id,
        row.plugin,
        "connected" if row.state == "connected" else "needs_reauth",
        row.checked_at,
        row.listening,  # type: ignore[arg-type]  # the column holds nothing else
        row.heard_at,
    )
