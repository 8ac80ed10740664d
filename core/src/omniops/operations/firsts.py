"""The first account, and the first website: what `omniops up` makes on a fresh database, safe to repeat."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from sqlmodel import col, select

from omniops.accounts.members import Members
from omniops.accounts.models import Account, Member
from omniops.accounts.service import Accounts, DomainView, checked_origin
from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Database
from omniops.errors import NotFound, Rejected
from omniops.knowledge.service import Knowledge, SourceOut

OPERATOR = Actor.operator()


@dataclass(frozen=True, slots=True)
class First:
    """What there is after a start: the account, a set-up token while nobody signed up yet, its domains."""

    account_id: UUID
    setup_token: str | None
    domains: tuple[DomainView, ...]


class Firsts:
    """Acts of the operator, who belongs to no account."""

    def __init__(self, database: Database, accounts: Accounts, members: Members, knowledge: Knowledge) -> None:
        self._database = database
        self._accounts = accounts
        self._members = members
        self._knowledge = knowledge

    async def ensure(self, name: str) -> First:
        """The first account, made where there is none; a new set-up link as long as it has no member."""
        accounts = await self.account_ids()
        account_id = accounts[0] if accounts else await self._accounts.create(name, actor=OPERATOR)
        async with self._database.session(Scope(account_id)) as session:
            has_member = (await session.exec(select(Member.id).limit(1))).first() is not None
        token = None if has_member else await self._members.setup_link(account_id)
        return First(account_id, token, tuple(await self._accounts.domains(account_id)))

    async def account_ids(self) -> list[UUID]:
        """All accounts of the deployment, oldest first, but for those in which probes act."""
        statement = select(Account.account_id).where(col(Account.for_probes).is_(False))
        async with self._database.system("operator: list accounts") as session:
            return list((await session.exec(statement.order_by(col(Account.created_at)))).all())

    async def ensure_site(
        self, account_id: UUID, url: str, title: str | None = None, *, sandbox: bool = False
    ) -> tuple[DomainView, SourceOut]:
        """The domain and source of a website, made where they are not there. A sandbox stands beside the live website
        of the same address."""
        address = url if "//" in url else f"https://{url}"
        origin = checked_origin(address)
        known = next(
            (d for d in await self._accounts.domains(account_id) if origin in d.origins and d.sandbox == sandbox),
            None,
        )
        host = urlsplit(origin).hostname or origin
        domain = known or await self._accounts.add_domain(
            account_id, title or host, [origin], sandbox=sandbox, actor=OPERATOR
        )
        return domain, await self._knowledge.add_source(domain.scope, "site", address, actor=OPERATOR)

    async def domain(self, name: str | None) -> DomainView:
        """The domain that an operator means: by host or id, or the only one. Raises `NotFound` or `Rejected`."""
        found = [d for account in await self.account_ids() for d in await self._accounts.domains(account)]
        if name is not None:
            found = [d for d in found if name in (str(d.id), d.widget_key) or name in d.hosts or name in d.origins]
        if not found:
            raise NotFound(
                f"There is no domain {name!r}." if name else "There is no domain yet.",
                do="Add one with `omniops domain add https://your-shop.example`.",
            )
        if len(found) > 1:
            hosts = ", ".join(sorted(min(d.hosts) for d in found)[:8])
            raise Rejected("There are several domains.", code="which_domain", do=f"Name one with --domain: {hosts}.")
        return found[0]
