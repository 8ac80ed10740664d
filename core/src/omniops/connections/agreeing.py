"""The business's own yes to an integration: who said it, when, and to what going where, word for word.

What goes where is the declaration of the plugin; its hash is the notice's version. Who connects names the version that
they were shown, so that nobody agrees to what changed meanwhile.
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
from omniops.contracts.scope import Actor, Scope
from omniops.errors import Rejected


@dataclass(frozen=True, slots=True)
class Terms:
    """What a member agrees to when they connect a plugin: each party that receives, where it is, what and why."""

    plugin: str
    version: str
    receivers: Sequence[dict[str, Any]]

    @classmethod
    def of(cls, plugin: str, processors: Sequence[Processor]) -> Terms:
        receivers = [
            {
                "name": one.name,
                "countries": sorted(one.countries),
                "categories": sorted(one.categories),
                "purposes": sorted(one.purposes),
            }
            for one in sorted(processors, key=lambda one: one.key)
        ]
        said = json.dumps([plugin, receivers], sort_keys=True, ensure_ascii=False)
        return cls(plugin, hashlib.sha256(said.encode()).hexdigest(), receivers)

    def check(self, agreed: str | None, actor: Actor) -> None:
        """Raises `Rejected` unless `agreed` is this version. The operator's own acts at the command line name none."""
        if agreed is None and actor.kind == "system":
            return
        if agreed != self.version:
            raise Rejected(
                f"Agree to what {self.plugin!r} receives first.",
                code="not_agreed",
                where="agreed",
                do=f"Show GET …/plugins/{self.plugin}/terms, and send its version as `agreed`.",
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
            version=terms.version,
            receivers=list(terms.receivers),
            created_at=clock.now(),
        )
    )


async def entered(session: AsyncSession, scope: Scope) -> list[ConnectionConsent]:
    """All records of a domain, the oldest first."""
    statement = select(ConnectionConsent).where(ConnectionConsent.domain_id == scope.domain_id)
    return list((await session.exec(statement.order_by(col(ConnectionConsent.id)))).all())
