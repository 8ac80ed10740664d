"""API keys: for programs, with their own permissions, shown once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import col, select

from omniops.accounts.models import ApiKey
from omniops.accounts.permissions import ALL, Principal
from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.tokens import new_token, token_hash
from omniops.database.service import Database
from omniops.database.tables import remember
from omniops.errors import NotFound, Rejected

LIVE, TEST = "oo_key_", "oo_test_"
"""What keys begin with. A test key reaches the sandbox domains of its account, and nothing else."""
FRESH = timedelta(hours=1)
"""How old the note of a key's last use may become before it is written anew: not every request is a write."""


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key without its secret."""

    id: UUID
    name: str
    permissions: tuple[str, ...]
    only_domain: UUID | None
    test: bool
    created_at: datetime
    revoked_at: datetime | None
    expires_at: datetime | None
    last_used_at: datetime | None


class Keys:
    """The API keys of an account."""

    def __init__(self, database: Database, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    async def create(
        self,
        account_id: UUID,
        name: str,
        permissions: Sequence[str],
        *,
        only_domain: UUID | None = None,
        test: bool = False,
        expires_at: datetime | None = None,
        actor: Actor,
        granted_by: frozenset[str] = frozenset(ALL),
    ) -> tuple[UUID, str]:
        """A new key: its id, and the secret, which is never shown again. Nobody can give what they do not have.

        Raises `Rejected` for that, for what is no permission, and for an end that is over.
        """
        if expires_at is not None and expires_at <= self._clock.now():
            raise Rejected("The key would have ended already.", code="bad_expiry", where="expires_at")
        for permission in permissions:
            if permission not in ALL:
                raise Rejected(f"{permission!r} is no permission.", code="bad_permission", where="permissions")
            if permission not in granted_by:
                raise Rejected(f"You may not give {permission!r}.", code="not_yours_to_give", where="permissions")
        secret = new_token(TEST if test else LIVE)
        scope = Scope(account_id)
        key = ApiKey(
            account_id=account_id,
            name=name.strip(),
            hash=token_hash(secret),
            permissions=sorted(set(permissions)),
            only_domain=only_domain,
            test=test,
            expires_at=expires_at,
        )
        async with self._database.session(scope) as session:
            session.add(key)
            remember(session, "api_key", key.hash, scope)
            await session.commit()
        await self._audit.write(Entry(account_id, str(actor), "key.create", "key", detail={"id": str(key.id)}))
        return key.id, secret

    async def principal(self, secret: str) -> Principal | None:
        """Who a key belongs to, or None. Notes that it was used."""
        scope = await self._database.resolve("api_key", token_hash(secret))
        if scope is None:
            return None
        async with self._database.session(scope) as session:
            key = (await session.exec(select(ApiKey).where(ApiKey.hash == token_hash(secret)))).first()
            now = self._clock.now()
            if key is None or key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now):
                return None
            if key.last_used_at is None or key.last_used_at <= now - FRESH:
                key.last_used_at = now
                session.add(key)
                await session.commit()
        return Principal("key", key.id, key.account_id, frozenset(key.permissions), key.only_domain, key.test)

    async def list(self, account_id: UUID, *, only_domain: UUID | None = None) -> list[KeyView]:
        """The keys of an account, or with `only_domain` those that are for this domain alone."""
        async with self._database.session(Scope(account_id)) as session:
            rows = (await session.exec(select(ApiKey).order_by(col(ApiKey.id)))).all()
        return [
            KeyView(
                row.id,
                row.name,
                tuple(row.permissions),
                row.only_domain,
                row.test,
                row.created_at,
                row.revoked_at,
                row.expires_at,
                row.last_used_at,
            )
            for row in rows
            if only_domain in (None, row.only_domain)
        ]

    async def revoke(self, account_id: UUID, key_id: UUID, *, actor: Actor, only_domain: UUID | None = None) -> None:
        """The key stops working with this transaction. Raises `NotFound`, with `only_domain` also for a key that is not
        for this domain alone."""
        async with self._database.session(Scope(account_id)) as session:
            key = await session.get(ApiKey, (account_id, key_id))
            if key is None or only_domain not in (None, key.only_domain):
                raise NotFound("There is no such key.")
            key.revoked_at = key.revoked_at or self._clock.now()
            session.add(key)
            await session.commit()
        await self._audit.write(Entry(account_id, str(actor), "key.revoke", "key", detail={"id": str(key_id)}))
