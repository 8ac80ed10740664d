"""The business's own yes to an integration: who said it, when, and to what going where, word for word.

What goes where is the declaration of the plugin and of its features; its hash is the notice's version. Who connects
names the version that they were shown, so that nobody agrees to what changed meanwhile. A feature for an extra category
has terms of its own, and is agreed to by itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.connections.models import Connection, ConnectionConsent
from omniops.contracts.declaration import Processor
from omniops.contracts.ids import Clock
from omniops.contracts.integration import Feature
from omniops.contracts.scope import Actor, Scope
from omniops.errors import Rejected


@dataclass(frozen=True, slots=True)
class Terms:
    """What a member agrees to when they connect a plugin: each party that receives, where it is, what and why, and what
    is taken for which feature. `feature` is set where it is for one that needs a yes of its own."""

    plugin: str
    version: str
    receivers: Sequence[dict[str, Any]]
    features: Sequence[dict[str, Any]] = ()
    feature: str = ""

    @classmethod
    def of(cls, plugin: str, processors: Sequence[Processor], features: Sequence[Feature] = ()) -> Terms:
        """Those of a connection, without the features that need a yes of their own."""
        return cls._made(plugin, processors, [one for one in features if not one.own_consent], "")

    @classmethod
    def of_feature(cls, plugin: str, processors: Sequence[Processor], feature: Feature) -> Terms:
        """Those of one feature by itself."""
        return cls._made(plugin, processors, [feature], feature.key)

    @classmethod
    def _made(cls, plugin: str, processors: Sequence[Processor], features: Sequence[Feature], feature: str) -> Terms:
        receivers = [
            {
                "name": one.name,
                "countries": sorted(one.countries),
                "categories": sorted(one.categories),
                "purposes": sorted(one.purposes),
            }
            for one in sorted(processors, key=lambda one: one.key)
        ]
        taken = [
            {
                "key": one.key,
                "title": one.title,
                "taken": one.taken,
                "categories": sorted(one.categories),
                "scopes": sorted(one.scopes),
            }
            for one in sorted(features, key=lambda one: one.key)
        ]
        said = json.dumps([plugin, receivers, *([feature, taken] if taken else ())], sort_keys=True, ensure_ascii=False)
        return cls(plugin, hashlib.sha256(said.encode()).hexdigest(), receivers, taken, feature)

    def check(self, agreed: str | None, actor: Actor) -> None:
        """Raises `Rejected` unless `agreed` is this version. The operator's own acts at the command line name none."""
        if agreed is None and actor.kind == "system":
            return
        if agreed != self.version:
            raise Rejected(
                f"Agree to what {self.plugin!r} {f'takes for {self.feature!r}' if self.feature else 'receives'} first.",
                code="not_agreed",
                where=f"agreed_features.{self.feature}" if self.feature else "agreed",
                do=f"Show GET …/plugins/{self.plugin}/terms, and send the version that it names.",
            )


def enter(session: AsyncSession, connection: Connection, event: str, terms: Terms, actor: Actor, clock: Clock) -> None:
    """Adds the record to the session's transaction: with the connection, or with its end."""
    session.add(
        ConnectionConsent(
            domain_id=connection.domain_id,
            connection_id=connection.id,
            plugin=connection.plugin,
            event=event,
            actor=str(actor),
            feature=terms.feature,
            version=terms.version,
            receivers=list(terms.receivers),
            features=list(terms.features),
            created_at=clock.now(),
        )
    )


async def entered(session: AsyncSession, scope: Scope) -> list[ConnectionConsent]:
    """All records of a domain, the oldest first."""
    statement = select(ConnectionConsent).where(ConnectionConsent.domain_id == scope.domain_id)
    return list((await session.exec(statement.order_by(col(ConnectionConsent.id)))).all())
