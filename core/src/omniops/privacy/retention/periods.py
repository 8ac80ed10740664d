"""How long rows of a class are kept in a domain: the register's time, or the shortest that somebody chose."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.scope import Scope
from omniops.privacy.catalog import Catalog
from omniops.privacy.retention.models import RetentionRule


class Periods:
    """Reads the rules that are in force. What plugins say is in the table as well, as of the last plan."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def all(self, session: AsyncSession, scope: Scope) -> Mapping[str, int | None]:
        """Days by class; None keeps a row as long as its account."""
        found = {key: rule.days for key, rule in self._catalog.retention.items()}
        for rule in await rules(session, scope):
            known = found.get(rule.key)
            found[rule.key] = rule.days if known is None else min(known, rule.days)
        return found

    async def life(self, session: AsyncSession, scope: Scope, key: str) -> timedelta | None:
        """How long a row of a class lives in this scope, for who promises it to somebody."""
        days = (await self.all(session, scope)).get(key)
        return None if days is None else timedelta(days=days)


async def rules(session: AsyncSession, scope: Scope) -> list[RetentionRule]:
    """What was shortened for a domain, or for the whole account."""
    homes = [home for home in (scope.account_id, scope.domain_id) if home is not None]
    statement = select(RetentionRule).where(col(RetentionRule.home_id).in_(homes)).order_by(col(RetentionRule.key))
    return list((await session.exec(statement)).all())
