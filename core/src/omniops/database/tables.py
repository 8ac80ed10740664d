"""The database room's own tables: from a hash to its scope, and which code brought the schema where it is."""

from uuid import UUID

from sqlmodel import Field
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.scope import Scope
from omniops.database.marks import not_personal
from omniops.database.models import Marked


class Lookup(Marked, table=True):
    """From a hash to its scope: the one thing that is read before a scope is known, by `omniops_resolve` only."""

    __tablename__ = "lookup"
    kind: str = Field(primary_key=True)
    hash: bytes = Field(primary_key=True)
    account_id: UUID = not_personal("the account it leads to", index=True)
    domain_id: UUID | None = not_personal("the domain it leads to", default=None)


class SchemaInfo(Marked, table=True):
    """Which version of the code brought an owner's schema to where it is, and the oldest that runs on it."""

    __tablename__ = "schema_info"
    owner: str = Field(primary_key=True)
    code: str = not_personal("version of omniops")
    oldest_code: str = not_personal("oldest version that works")


def remember(session: AsyncSession, kind: str, digest: bytes, scope: Scope) -> None:
    """From now on `Database.resolve(kind, digest)` leads to `scope`; part of the session's transaction."""
    session.add(Lookup(kind=kind, hash=digest, account_id=scope.account_id, domain_id=scope.domain_id))


async def forget(session: AsyncSession, kind: str, digest: bytes) -> None:
    """`Database.resolve(kind, digest)` leads nowhere any more; part of the session's transaction."""
    row = await session.get(Lookup, (kind, digest))
    if row is not None:
        await session.delete(row)
