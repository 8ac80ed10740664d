"""Who may change how long something is kept: nobody beyond the register, a business and plugins below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.models import Account
from omniops.audit.service import Audit, Entry
from omniops.contracts.declaration import Retention
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Database
from omniops.errors import NotFound, PluginError, Rejected
from omniops.privacy.catalog import Catalog
from omniops.privacy.retention.models import RetentionRule
from omniops.privacy.retention.periods import Periods, rules

BUSINESS = "business"
PLUGIN = "plugin:"


@dataclass(frozen=True, slots=True)
class Shortened:
    """A shorter time, and who wants it: `business` or `plugin:NAME`, for this domain or the `account`."""

    days: int
    by: str
    where: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Rule:
    """A class in a domain. `days` is what is in force, `most` the register's; None keeps as long as the account."""

    key: str
    title: str
    days: int | None
    most: int | None
    least: int
    shortened: tuple[Shortened, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Rules:
    """The periods of all domains."""

    def __init__(self, database: Database, audit: Audit, catalog: Catalog, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._catalog = catalog
        self._clock = clock
        self._periods = Periods(catalog)

    async def all(self, scope: Scope) -> list[Rule]:
        """Every class by key."""
        async with self._database.session(scope) as session:
            stored = await rules(session, scope)
            periods = await self._periods.all(session, scope)
        titles = {rule.key: rule.title for rule in stored if rule.title is not None}
        found = []
        for key, days in sorted(periods.items()):
            known = self._catalog.retention.get(key) or Retention(key, titles.get(key, key), days)
            said = tuple(
                Shortened(
                    rule.days, rule.by, "account" if rule.home_id == scope.account_id else "domain", rule.created_at
                )
                for rule in stored
                if rule.key == key and rule.title is None
            )
            found.append(Rule(key, known.title, days, known.days, known.least, said))
        return found

    async def periods(self, session: AsyncSession, scope: Scope) -> Mapping[str, int | None]:
        """Days by class for a run. Website content goes with its account."""
        periods = await self._periods.all(session, scope)
        closed = select(Account.account_id).where(
            Account.account_id == scope.account_id, col(Account.closed_at).is_not(None)
        )
        return {**periods, "content": 0} if (await session.exec(closed)).first() else periods

    async def shorten(self, scope: Scope, key: str, days: int, *, actor: Actor) -> None:
        """From the next run on, rows of a class go after `days`. A scope without a domain is the whole account.

        Raises `NotFound` for a class that nobody declares, and `Rejected` (`cannot_shorten`, `too_long`, `too_short`).
        """
        check_shorter(self._known(key), days)
        home = scope.domain_id or scope.account_id
        async with self._database.session(scope) as session:
            row = await session.get(RetentionRule, (home, key, BUSINESS), with_for_update=True)
            row = row or RetentionRule(account_id=scope.account_id, home_id=home, key=key, by=BUSINESS)
            row.days, row.changed_by, row.created_at = days, str(actor), self._clock.now()
            session.add(row)
            await session.commit()
        await self._audited(scope, "retention.shortened", key, actor, days=days)

    async def restore(self, scope: Scope, key: str, *, actor: Actor) -> None:
        """The register's time holds again, for what is not deleted yet. Safe to repeat."""
        self._known(key)
        async with self._database.session(scope) as session:
            row = await session.get(RetentionRule, (scope.domain_id or scope.account_id, key, BUSINESS))
            if row is not None:
                await session.delete(row)
            await session.commit()
        await self._audited(scope, "retention.restored", key, actor)

    async def take_in(self, session: AsyncSession, scope: Scope, said: Sequence[tuple[str, Retention]]) -> None:
        """What plugins say now of a domain, in place of what they said before; part of the session's transaction.

        Raises `PluginError` for a rule that is longer than the register's.
        """
        home = scope.domain_id or scope.account_id
        before = {
            (row.key, row.by): row
            for row in (
                await session.exec(
                    select(RetentionRule).where(
                        RetentionRule.home_id == home, col(RetentionRule.by).startswith(PLUGIN, autoescape=True)
                    )
                )
            ).all()
        }
        for plugin, rule in said:
            known = self._catalog.retention.get(rule.key)
            if rule.days is None or (known is None and rule.days < 0):
                raise _bad_rule(plugin, f"the class {rule.key!r} has no number of days.")
            try:
                check_shorter(known, rule.days) if known is not None else None
            except Rejected as error:
                raise _bad_rule(plugin, str(error)) from error
            by = PLUGIN + plugin
            row = before.pop((rule.key, by), None) or RetentionRule(
                account_id=scope.account_id,
                home_id=home,
                key=rule.key,
                by=by,
                changed_by=by,
                created_at=self._clock.now(),
            )
            row.days, row.title = rule.days, rule.title if known is None else None
            session.add(row)
        for row in before.values():
            await session.delete(row)
        await session.flush()

    def _known(self, key: str) -> Retention:
        known = self._catalog.retention.get(key)
        if known is None:
            raise NotFound(f"There is no retention class {key!r}.")
        return known

    async def _audited(self, scope: Scope, action: str, key: str, actor: Actor, **more: int) -> None:
        home = str(scope.domain_id or scope.account_id)
        await self._audit.write(
            Entry(scope.account_id, str(actor), action, "retention_rule", detail={"class": key, "home": home, **more})
        )


def check_shorter(known: Retention, days: int) -> None:
    """Refuses a time that is no shortening. Raises `Rejected`."""
    if known.days is None:
        raise Rejected(
            f"{known.title} ({known.key}) are kept as long as the account; there is no number of days to shorten.",
            code="cannot_shorten",
            where="days",
        )
    if days > known.days:
        raise Rejected(
            f"{known.title} ({known.key}) are kept {known.days} days; {days} would be longer, and a time can only be"
            " shortened.",
            code="too_long",
            where="days",
            do=f"Give at most {known.days}.",
        )
    if days < known.least:
        raise Rejected(
            f"{known.title} ({known.key}) are kept at least {known.least} days; {days} is less.",
            code="too_short",
            where="days",
            do=f"Give at least {known.least}.",
        )


def _bad_rule(plugin: str, said: str) -> PluginError:
    return PluginError(f"Plugin {plugin!r}, retention_rules(): {said}", plugin=plugin, stage="retention_rules")
