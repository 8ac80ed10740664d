"""Accounts and their domains; which plugin is on where. Members and keys have files of their own beside this one."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.models import Account, Domain, PluginSwitch
from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import new_id, utcnow
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.tokens import token_hash
from omniops.database.service import Database
from omniops.database.tables import remember
from omniops.errors import NotFound, Rejected
from omniops.settings import BUILT_IN_PLUGINS
from omniops.vault.service import Vault


class DomainSettings(BaseModel):
    """How a domain's chat looks and behaves. Stored as JSON; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: str = Field(default="en", description="Language of the interface where the page does not say.")
    suggestions: list[str] = Field(default_factory=list, max_length=5, description="Questions shown first.")
    people_hours: str = Field(default="", max_length=80, description="When people are there, in words.")
    placeholder: str = Field(default="", max_length=80, description="Text in the empty input.")
    answer_cut: float = Field(default=0.6, ge=0, le=1, description="Least similarity for an answer.")
    closest_cut: float = Field(default=0.4, ge=0, le=1, description="Least similarity for closest passages.")
    vector_weight: float | None = Field(default=None, ge=0, le=1, description="Share of the vectors in the search.")
    providers: list[str] = Field(default_factory=list, description="Order of providers; empty for the operator's.")


@dataclass(frozen=True, slots=True)
class DomainView:
    """A domain as other rooms see it."""

    scope: Scope
    id: UUID
    title: str
    origins: tuple[str, ...]
    widget_key: str
    settings: DomainSettings = field(default_factory=DomainSettings)

    @property
    def hosts(self) -> frozenset[str]:
        return frozenset(urlsplit(origin).hostname or "" for origin in self.origins)


class Accounts:
    """Businesses and their websites."""

    def __init__(self, database: Database, vault: Vault, audit: Audit) -> None:
        self._database = database
        self._vault = vault
        self._audit = audit

    async def create(self, name: str, *, actor: Actor) -> UUID:
        """Opens an account, with its key, in one transaction."""
        account = Account(account_id=new_id(), name=name.strip() or "My business")
        async with self._database.session(Scope(account.account_id)) as session:
            session.add(account)
            await self._vault.create_account_key(session, account.account_id)
            await session.commit()
        await self._audit.write(Entry(account.account_id, str(actor), "account.create", "account"))
        return account.account_id

    async def account_name(self, account_id: UUID) -> str:
        async with self._database.session(Scope(account_id)) as session:
            account = await session.get(Account, account_id)
        if account is None:
            raise NotFound("There is no such account.")
        return account.name

    async def add_domain(self, account_id: UUID, title: str, origins: Sequence[str], *, actor: Actor) -> DomainView:
        """Adds a website. `origins` are where the widget may run, such as `https://shop.example`."""
        domain = Domain(
            account_id=account_id,
            title=title,
            origins=[checked_origin(origin) for origin in origins],
            widget_key=f"pk_{secrets.token_urlsafe(18)}",
        )
        scope = Scope(account_id, domain.id)
        async with self._database.session(scope) as session:
            session.add(domain)
            remember(session, "domain", domain.id.bytes, scope)
            remember(session, "widget_key", token_hash(domain.widget_key), scope)
            await session.commit()
        await self._audit.write(Entry(account_id, str(actor), "domain.add", "domain", detail={"id": str(domain.id)}))
        return view(domain)

    async def domains(self, account_id: UUID) -> list[DomainView]:
        async with self._database.session(Scope(account_id)) as session:
            statement = select(Domain).where(Domain.account_id == account_id).order_by(col(Domain.id))
            return [view(domain) for domain in (await session.exec(statement)).all()]

    async def domain(self, scope: Scope) -> DomainView:
        """The domain of a scope. Raises `NotFound`."""
        async with self._database.session(scope) as session:
            return view(await _domain(session, scope))

    async def by_widget_key(self, key: str) -> DomainView:
        """The domain whose script tag carries this key. Raises `NotFound`."""
        scope = await self._database.resolve("widget_key", token_hash(key))
        if scope is None:
            raise NotFound("There is no chat with this key.")
        return await self.domain(scope)

    async def configure(self, scope: Scope, changes: Mapping[str, Any], *, actor: Actor) -> DomainView:
        """Changes settings, title or origins of a domain. Raises `Rejected` for what does not fit."""
        async with self._database.session(scope) as session:
            domain = await _domain(session, scope)
            if "title" in changes:
                domain.title = changes["title"]
            if "origins" in changes:
                domain.origins = [checked_origin(origin) for origin in changes["origins"]]
            if "settings" in changes:
                merged = {**domain.settings, **changes["settings"]}
                domain.settings = DomainSettings(**merged).model_dump(exclude_unset=True)
            session.add(domain)
            await session.commit()
            changed = view(domain)
        await self._audit.write(
            Entry(scope.account_id, str(actor), "domain.configure", "domain", detail={"fields": sorted(changes)})
        )
        return changed

    async def switched(self, scope: Scope) -> Mapping[str, bool]:
        """What is switched explicitly for this domain, by plugin."""
        async with self._database.session(scope) as session:
            statement = select(PluginSwitch).where(PluginSwitch.domain_id == scope.domain_id)
            return {switch.plugin: switch.is_on for switch in (await session.exec(statement)).all()}

    async def is_on(self, scope: Scope, plugin: str) -> bool:
        """Whether a plugin that the operator enabled is on for this domain. Built-in ones are on until switched off."""
        return is_on(await self.switched(scope), plugin)

    async def switch(self, scope: Scope, plugin: str, *, on: bool, actor: Actor) -> None:
        """Switches a plugin on or off for a domain; the entry in the audit is the administrator's recorded decision."""
        async with self._database.session(scope) as session:
            connection = await session.connection()
            await connection.execute(
                text(
                    "insert into plugin_switch (domain_id, id, plugin, is_on, changed_at)"
                    " values (:domain, :id, :plugin, :on, :at)"
                    " on conflict (domain_id, plugin) do update set is_on = :on, changed_at = :at"
                ),
                {"domain": scope.domain_id, "id": new_id(), "plugin": plugin, "on": on, "at": utcnow()},
            )
            await session.commit()
        action = "plugin.switch_on" if on else "plugin.switch_off"
        await self._audit.write(Entry(scope.account_id, str(actor), action, "plugin", detail={"plugin": plugin}))


def is_on(switched: Mapping[str, bool], plugin: str) -> bool:
    """Whether a plugin is on where `switched` was said explicitly."""
    return switched.get(plugin, plugin in BUILT_IN_PLUGINS)


async def _domain(session: AsyncSession, scope: Scope) -> Domain:
    domain = await session.get(Domain, (scope.account_id, scope.domain_id))
    if domain is None:
        raise NotFound("There is no such domain.")
    return domain


def view(domain: Domain) -> DomainView:
    return DomainView(
        scope=Scope(domain.account_id, domain.id),
        id=domain.id,
        title=domain.title,
        origins=tuple(domain.origins),
        widget_key=domain.widget_key,
        settings=DomainSettings(**domain.settings),
    )


def checked_origin(origin: str) -> str:
    """`scheme://host[:port]` in lower case. Raises `Rejected` for anything more or less."""
    parts = urlsplit(origin.strip())
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("http", "https") or not parts.hostname or port == -1 or parts.username:
        raise Rejected(
            f"{origin!r} is no website address.", code="bad_origin", where="origins", do="Write https://shop.example."
        )
    standard = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{parts.hostname}" + (f":{port}" if port not in (None, standard) else "")
