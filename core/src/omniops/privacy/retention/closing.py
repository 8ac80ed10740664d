"""The end of an account, in two phases: restricted when it is closed, gone two years later.

Closing stops every use that is not needed for legal claims or a person's rights (Art. 18 GDPR), takes the website
content away and ends keys and sessions. After the two years the keys go first, so that nothing opens from then on, and
then every row, from what the database says of itself: tables of plugins that are gone are found like any other. The
audit stays for its own time; it holds pseudonyms only, whose keys are gone.
"""

from __future__ import annotations

from datetime import timedelta
from graphlib import TopologicalSorter
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.models import Account
from omniops.accounts.service import Accounts
from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Database
from omniops.errors import NotFound, Rejected
from omniops.privacy.catalog import ACCOUNT_DAYS_AFTER
from omniops.privacy.retention.sweeping import ACTOR, BATCH
from omniops.vault.service import Vault

STAYS = ("audit_entry", "audit_head", "audit_segment")
_RESTRICT = text("update subject set restricted_at = coalesce(restricted_at, :now) where home_id = :home")
_ENDED = (
    text("update api_key set revoked_at = :now where account_id = :account and revoked_at is null"),
    *(
        text(f"update {table} set expires_at = :now where account_id = :account and expires_at > :now")  # noqa: S608
        for table in ("member_session", "sign_in_ticket", "setup_link")
    ),
)
_TABLES = text(
    "select c.relname as name, bool_or(a.attname = 'account_id') as by_account from pg_class c"
    " join pg_attribute a on a.attrelid = c.oid and a.attname in ('account_id', 'domain_id') and not a.attisdropped"
    " where c.relnamespace = 'omniops'::regnamespace and c.relkind in ('r', 'p') group by c.relname"
)
_REFERENCES = text(
    "select by.relname as by, target.relname as target from pg_constraint f"
    " join pg_class by on by.oid = f.conrelid join pg_class target on target.oid = f.confrelid"
    " where f.contype = 'f' and f.connamespace = 'omniops'::regnamespace and f.conrelid <> f.confrelid"
)
_HELD = text("select exists (select from legal_hold where account_id = :account and lifted_at is null)")
_DOMAINS = text("select id from domain where account_id = :account")


class Closing:
    """Closes accounts, and ends those whose two years are over."""

    def __init__(self, database: Database, vault: Vault, accounts: Accounts, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._accounts = accounts
        self._audit = audit
        self._clock = clock

    async def close(self, account_id: UUID, *, actor: Actor) -> None:
        """The first phase. Raises `NotFound`, and `Rejected` (`closed`) for one that is closed already; one that was
        cut short is finished by closing again."""
        scope, now = Scope(account_id), self._clock.now()
        for domain in await self._accounts.domains(account_id):
            await self._accounts.configure(domain.scope, {"settings": {"enabled": False}}, actor=actor)
            async with self._database.session(domain.scope) as session:
                connection = await session.connection()
                await connection.execute(_RESTRICT, {"home": domain.id, "now": now})
                await session.commit()
        async with self._database.session(scope) as session:
            account = await session.get(Account, account_id, with_for_update=True)
            if account is None:
                raise NotFound("There is no such account.")
            if account.closed_at is not None:
                raise Rejected("This account is closed.", code="closed")
            account.closed_at = now
            session.add(account)
            connection = await session.connection()
            await connection.execute(_RESTRICT, {"home": account_id, "now": now})
            for statement in _ENDED:
                await connection.execute(statement, {"account": account_id, "now": now})
            await session.commit()
        await self._audit.write(Entry(account_id, str(actor), "account.closed", "account"))

    async def end(self, account_id: UUID) -> bool:
        """The second phase, where its time has come and no legal hold stands. Says whether the account is gone. Safe to
        repeat: one that was cut short is finished."""
        before = self._clock.now() - timedelta(days=ACCOUNT_DAYS_AFTER)
        values = {"account": account_id}
        async with self._database.system("retention: an account that was closed two years ago") as session:
            account = await session.get(Account, account_id)
            connection = await session.connection()
            held = (await connection.execute(_HELD, values)).scalar_one()
            if account is None or account.closed_at is None or account.closed_at > before or held:
                return False
            await self._vault.shred_account(session, account_id)
            domains = list((await connection.execute(_DOMAINS, values)).scalars())
            await session.commit()
            deleted = {}
            for table, by_account in await _order(session):
                where = "account_id = :account" if by_account else "domain_id = any(:domains)"
                if count := await _emptied(session, table, where, {"account": account_id, "domains": domains}):
                    deleted[table] = count
        await self._audit.write(Entry(account_id, str(ACTOR), "account.ended", "account", detail={"rows": deleted}))
        return True


async def _order(session: AsyncSession) -> list[tuple[str, bool]]:
    """All tables of accounts and domains, those that refer to others before them, the account's own last; each with
    whether its rows name the account."""
    connection = await session.connection()
    tables = {row.name: row.by_account for row in await connection.execute(_TABLES) if row.name not in STAYS}
    first: dict[str, set[str]] = {table: set() for table in tables}
    for row in await connection.execute(_REFERENCES):
        first.setdefault(row.target, set()).add(row.by)
    first["domain"] = {table for table in tables if table not in ("domain", "account")}
    first["account"] = {table for table in tables if table != "account"}
    return [(table, tables[table]) for table in TopologicalSorter(first).static_order() if table in tables]


async def _emptied(session: AsyncSession, table: str, where: str, values: dict[str, object]) -> int:
    statement = text(
        f'delete from "{table}" where ctid = any(array(select ctid from "{table}" where {where} limit {BATCH}))'  # noqa: S608
    )
    total = 0
    while True:
        done = (await (await session.connection()).execute(statement, values)).rowcount
        await session.commit()
        total += done
        if done < BATCH:
            return total
