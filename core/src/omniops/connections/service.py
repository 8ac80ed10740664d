"""Connecting a domain to an outside system: agreed to, checked before it is saved, sealed, kept, and ended again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.audit.service import Entry
from omniops.connections import agreeing, features, history
from omniops.connections.access import OnChange, OnEnd, put
from omniops.connections.agreeing import Terms
from omniops.connections.arrivals import forget_people
from omniops.connections.asking import Asking
from omniops.connections.kinds import clear, tokens_of
from omniops.connections.models import Connection, ConnectionConsent, ConnectionEvent
from omniops.contracts.integration import ConnectionView, Integration
from omniops.contracts.plugin import PluginSettings
from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Notice, notify
from omniops.database.tables import forget, remember
from omniops.errors import NotFound, Rejected
from omniops.jobs.service import Jobs, scope_argument


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


WAKE = "connections:wake"
"""The job that queues what waited while a person was needed."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a member wants to connect, agreed to: the kind, every feature on or off, and the terms that were agreed."""

    plugin: str
    kind: str
    wanted: Mapping[str, bool]
    terms: Sequence[Terms]
    scopes: Sequence[str] = field(default=())

    @property
    def agreed(self) -> dict[str, str]:
        return {one.feature: one.version for one in self.terms}


class Connections(Asking):
    """The connections of all domains, for who makes, changes and ends them."""

    def on_end(self, tell: OnEnd) -> None:
        """Calls `tell` in the transaction in which a connection ends."""
        self._ending.append(tell)

    def on_change(self, tell: OnChange) -> None:
        """Calls `tell` in every transaction in which a connection's features, scopes or state become others."""
        self._changing.append(tell)

    def terms(self, plugin: str, kind: str = "") -> Terms:
        """What goes where when a plugin is connected. Raises `NotFound` for a plugin without connections."""
        kinds = self._kinds()
        integration = kinds.integrations.get(kinds.chosen(plugin, kind))
        return Terms.of(plugin, kinds.processors.get(plugin, ()), integration.features if integration else ())

    def feature_terms(self, plugin: str, kind: str = "") -> list[Terms]:
        """The same for each feature that needs a yes of its own."""
        kinds = self._kinds()
        integration = kinds.integrations.get(kinds.chosen(plugin, kind))
        processors = kinds.processors.get(plugin, ())
        found = integration.features if integration is not None else ()
        return [Terms.of_feature(plugin, processors, one) for one in found if one.own_consent]

    def wish(
        self,
        plugin: str,
        kind: str,
        chosen: Mapping[str, bool],
        agreed: Mapping[str, str] | None,
        actor: Actor,
    ) -> Wish:
        """What is to be connected. `agreed` are the versions of the terms that the member was shown: of the whole under
        the empty name, of a feature with its own under the feature's; None where the operator acts.

        Raises `NotFound` for a plugin or feature that is not there, `Rejected` for terms that were not agreed to.
        """
        kinds = self._kinds()
        kind = kinds.chosen(plugin, kind)
        integration = kinds.integrations.get(kind)
        wanted = features.wanted(integration, chosen)
        own = [one for one in self.feature_terms(plugin, kind) if wanted[one.feature]]
        terms = [self.terms(plugin, kind), *own]
        for one in terms:
            one.check(None if agreed is None else agreed.get(one.feature, ""), actor)
        scopes = features.scopes(integration, wanted) if integration is not None else ()
        return Wish(plugin, kind, wanted, terms, scopes)

    async def connect(
        self,
        scope: Scope,
        plugin: str,
        values: Mapping[str, Any],
        *,
        actor: Actor,
        agreed: str | None = None,
        kind: str = "",
        chosen: Mapping[str, bool] | None = None,
        agreed_features: Mapping[str, str] | None = None,
    ) -> ConnectionView:
        """Connects by values that a person entered: validates, tries, then saves. Nothing is kept of a connection that
        does not work; the business's yes is recorded in the same transaction.

        Raises `NotFound` for a plugin without connections, `Rejected` for terms that were not agreed to, values that do
        not fit or that the other side refuses, `NotReady` when it does not answer in time.
        """
        versions = None if agreed is None else {"": agreed, **(agreed_features or {})}
        wish = self.wish(plugin, kind, chosen or {}, versions, actor)
        settings = self._kinds().validated(wish.kind, values)
        if self._kinds().oauth(wish.kind) is not None:
            raise Rejected(
                f"{wish.kind}: access is given at the other side.",
                code="begin_needed",
                do="Begin the connection, and open the address that comes back.",
            )
        return await self.keep(scope, wish, settings, actor=actor)

    async def keep(
        self, scope: Scope, wish: Wish, settings: PluginSettings, *, actor: Actor, connection_id: UUID | None = None
    ) -> ConnectionView:
        """Tries settings and saves them: as a new connection, or in the place of one that is connected again. Raises as
        `connect` does, and `Rejected` where the other side's account is connected already, or is another than before.
        """
        said = await self._tried(wish.kind, settings)
        integration = self._kinds().integrations.get(wish.kind)
        granted = integration.granted(settings) if integration is not None else None
        if granted is None and tokens_of(settings) is not None:
            granted = frozenset(wish.scopes)
        assert scope.domain_id is not None
        async with self._database.session(scope) as session:
            if connection_id is not None:
                await history.one_at_a_time(session, connection_id)
            row = await self._row_for(session, scope, wish, connection_id)
            again = connection_id is not None
            put(row, settings)
            row.wanted, row.granted = dict(wish.wanted), sorted(granted) if granted is not None else None
            row.state, row.said, row.checked_at, row.forced_at = "connected", said, self._clock.now(), None
            session.add(row)
            await self._found_by(session, scope, row, integration, settings)
            for terms in wish.terms:
                agreeing.enter(session, row, "given", terms, actor, self._clock)
            detail = {"scopes": row.granted, "features": [v.key for v in self._features(row) if v.on]}
            history.enter(session, row, "connected_again" if again else "connected", actor, self._clock, **detail)
            if not again:
                remember(session, "connection", row.id.bytes, scope)
            if self._kinds().listens(row.kind):
                await listen_again(self._jobs, session, scope, row.id)
            if again:
                await self._jobs.enqueue(session, WAKE, domain_id=scope_argument(scope), connection_id=row.id)
            await self._set_up_later(session, scope, row)
            await self._tell_change(session, scope, row)
            await notify(session, Notice("connection", row.domain_id, row.id))
            await session.commit()
        await self._wrote(scope, row, "connection.connect", actor)
        return self._view(row)

    async def change(
        self, scope: Scope, connection_id: UUID, values: Mapping[str, Any], *, actor: Actor
    ) -> ConnectionView:
        """Changes values of a connection that may be changed while it stands (`Integration.changeable`); what is not
        named stays. Tried before it is saved. Raises as `connect` does."""
        async with self._database.session(scope) as session:
            await history.one_at_a_time(session, connection_id)
            row = await self._found(session, scope, connection_id)
            settings, _ = await self.opened(row, session)
        kept = {name: value for name, value in clear(settings).items() if name != "tokens"}
        self._changeable(row.kind, values)
        changed = _with_tokens(self._kinds().validated(row.kind, {**kept, **values}), settings)
        said = await self._tried(row.kind, _with_tokens(changed, await self.fresh(scope, row, settings)))
        async with self._database.session(scope) as session:
            await history.one_at_a_time(session, connection_id)
            row = await self._found(session, scope, connection_id)
            newest, _ = await self.opened(row, session)  # a token may have been refreshed meanwhile
            changed = _with_tokens(changed, newest)
            put(row, changed)
            row.said, row.checked_at = said, self._clock.now()
            session.add(row)
            await self._found_by(session, scope, row, self._kinds().integrations.get(row.kind), changed)
            history.enter(session, row, "changed", actor, self._clock, fields=sorted(values))
            await self._set_up_later(session, scope, row)
            await notify(session, Notice("connection", row.domain_id, row.id))
            await session.commit()
        await self._wrote(scope, row, "connection.change", actor, fields=sorted(values))
        return self._view(row)

    async def switch(
        self, scope: Scope, connection_id: UUID, feature: str, *, on: bool, actor: Actor, agreed: str | None = None
    ) -> ConnectionView:
        """Switches a feature on or off. One that needs a yes of its own is not switched on without it, `agreed` being
        the version of its terms. Where scopes are missing it is wanted but not on, until the business connects again.
        """
        async with self._database.session(scope) as session:
            row = await session.get(Connection, (scope.domain_id, connection_id), with_for_update=True)
            if row is None:
                raise NotFound("There is no such connection.")
            features.one(self._kinds().integrations.get(row.kind), feature)
            own = [terms for terms in self.feature_terms(row.plugin, row.kind) if terms.feature == feature]
            for terms in own:
                if on:
                    terms.check(agreed, actor)
                if on != row.wanted.get(feature, False):
                    agreeing.enter(session, row, "given" if on else "withdrawn", terms, actor, self._clock)
            row.wanted = {**row.wanted, feature: on}
            session.add(row)
            history.enter(session, row, "features", actor, self._clock, feature=feature, on=on)
            await self._set_up_later(session, scope, row)
            await self._tell_change(session, scope, row)
            await notify(session, Notice("connection", row.domain_id, row.id))
            await session.commit()
        await self._wrote(scope, row, "connection.feature", actor, feature=feature, on=on)
        return self._view(row)

    async def check(self, scope: Scope, connection_id: UUID) -> ConnectionView:
        """Tries a connection now. Raises `Rejected` for what the other side refuses, `NotReady` where it is away."""
        link = await self.link(scope, connection_id)
        said = await self.used(scope, link, lambda link: self._asked_health(link.kind, link.connection))
        async with self._database.session(scope) as session:
            row = await self._found(session, scope, connection_id)
            row.said, row.checked_at = said, self._clock.now()
            session.add(row)
            await session.commit()
        return self._view(row)

    async def consents(self, scope: Scope) -> list[ConnectionConsent]:
        """The business's own yes to each integration and its end, the oldest first; of those that are gone as well."""
        async with self._database.session(scope) as session:
            return await agreeing.entered(session, scope)

    async def events(self, scope: Scope, connection_id: UUID) -> Sequence[ConnectionEvent]:
        """What happened to a connection, the oldest first; of one that is gone as well."""
        async with self._database.session(scope) as session:
            return await history.read(session, scope, connection_id)

    async def all(self, scope: Scope) -> list[ConnectionView]:
        async with self._database.session(scope) as session:
            statement = select(Connection).where(Connection.domain_id == scope.domain_id).order_by(col(Connection.id))
            return [self._view(row) for row in (await session.exec(statement)).all()]

    async def one(self, scope: Scope, connection_id: UUID) -> ConnectionView:
        """Raises `NotFound`."""
        return self._view(await self.row(scope, connection_id))

    async def disconnect(self, scope: Scope, connection_id: UUID, *, actor: Actor) -> str:
        """Removes what was made at the other side and revokes the access there where that is possible, then deletes the
        connection and what was mirrored through it here in any case. Returns what became of it at the other side."""
        row = await self.row(scope, connection_id)
        outcome = await self._left(scope, row)
        integration = self._kinds().integrations.get(row.kind)
        processors, found = self._kinds().processors.get(row.plugin, ()), integration.features if integration else ()
        own = [one for one in found if one.own_consent and row.wanted.get(one.key)]
        ended = [Terms.of(row.plugin, processors, found), *(Terms.of_feature(row.plugin, processors, f) for f in own)]
        async with self._database.session(scope) as session:
            await history.one_at_a_time(session, connection_id)
            gone = await session.get(Connection, (scope.domain_id, connection_id))
            if gone is None:
                raise NotFound("There is no such connection.")
            for terms in ended:
                agreeing.enter(session, gone, "withdrawn", terms, actor, self._clock)
            history.enter(session, gone, "disconnected", actor, self._clock, outcome=outcome)
            for table in mirrored(self._kinds().mirrors.get(gone.plugin, ())):
                mine = (col(table.domain_id) == scope.domain_id) & (col(table.connection_id) == connection_id)
                await (await session.connection()).execute(delete(table).where(mine))
            for digest in gone.lookups:
                await forget(session, "external", bytes.fromhex(digest))
            await forget_people(session, scope, connection_id)
            for tell in self._ending:
                await tell(session, scope, connection_id)
            await session.delete(gone)
            await forget(session, "connection", connection_id.bytes)
            await notify(session, Notice("connection", row.domain_id, row.id))
            await session.commit()
        await self._wrote(scope, row, "connection.disconnect", actor, outcome=outcome)
        return outcome

    async def _row_for(self, session: AsyncSession, scope: Scope, wish: Wish, connection_id: UUID | None) -> Connection:
        if connection_id is not None:
            row = await self._found(session, scope, connection_id)
            if row.kind != wish.kind:
                raise Rejected(f"This connection is of the kind {row.kind!r}.", code="other_kind", where="kind")
            return row
        assert scope.domain_id is not None
        return Connection(
            domain_id=scope.domain_id,
            plugin=wish.plugin,
            kind=wish.kind,
            state="connected",
            created_at=self._clock.now(),
        )

    async def _found_by(
        self,
        session: AsyncSession,
        scope: Scope,
        row: Connection,
        integration: Integration | None,
        settings: PluginSettings,
    ) -> None:
        """Deliveries to the plugin's one address find this connection by these ids, and no other one by any of them."""
        ids = integration.external_ids(settings) if integration is not None else ()
        new = sorted({history.external_hash(row.kind, one).hex() for one in ids})
        if row.lookups and not set(new) & set(row.lookups):
            raise Rejected(
                "This is another account at the other side than before.",
                code="other_account",
                do="Make a new connection for it, or sign in there with the account of before.",
            )
        for digest in set(row.lookups) - set(new):
            await forget(session, "external", bytes.fromhex(digest))
        for digest in set(new) - set(row.lookups):
            remember(session, "external", bytes.fromhex(digest), scope)
        row.lookups = new
        who = integration.granted_by(settings) if integration is not None else ""
        row.granted_by = history.external_hash(row.plugin, who) if who else None
        session.add(row)
        try:
            await session.flush()
        except IntegrityError as error:
            raise Rejected(
                "This account of the other side is connected already.",
                code="already_connected",
                do="Disconnect it where it is, or connect that one again.",
            ) from error

    async def _wrote(self, scope: Scope, row: Connection, action: str, actor: Actor, **detail: Any) -> None:
        detail = {"plugin": row.plugin, **({"kind": row.kind} if row.kind != row.plugin else {}), **detail}
        await self._audit.write(Entry(scope.account_id, str(actor), action, "connection", detail=detail))

    def _changeable(self, kind: str, values: Mapping[str, Any]) -> None:
        """Whoever could change a host under a secret that is kept would be sent the secret."""
        integration = self._kinds().integrations.get(kind)
        for name in values:
            if integration is None or name not in integration.changeable:
                raise Rejected(
                    f"{name}: cannot be changed while the connection stands.",
                    code="not_changeable",
                    where=name,
                    do="Connect again instead.",
                )

    def _features(self, row: Connection) -> Sequence[Any]:
        return features.views(self._kinds().integrations.get(row.kind), row.wanted, row.granted)

    def _view(self, row: Connection) -> ConnectionView:
        return ConnectionView(
            row.id,
            row.domain_id,
            row.plugin,
            "needs_reauth" if row.state != "connected" else "degraded" if row.troubled_since else "connected",
            row.checked_at,
            row.listening,  # type: ignore[arg-type]  # the column holds nothing else
            row.heard_at,
            row.kind,
            row.said,
            row.ends_at,
            self._features(row),
        )


def mirrored(tables: Sequence[type[Any]]) -> list[Any]:
    """Those of a plugin's tables whose rows belong to a connection."""
    return [table for table in tables if "connection_id" in table.model_fields]


def _with_tokens(settings: PluginSettings, before: PluginSettings) -> PluginSettings:
    tokens = tokens_of(before)
    return settings if tokens is None else settings.model_copy(update={"tokens": tokens})
