"""Accounts and their domains; which plugin is on where. Members and keys have files of their own beside this one."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.hours import OpeningHours
from omniops.accounts.look import Hello, checked_brand
from omniops.accounts.models import Account, Domain, PluginSwitch
from omniops.accounts.review import Mode, ReviewRule
from omniops.accounts.throttle import Limit, Throttle
from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import new_id, utcnow
from omniops.contracts.provider import RetentionOption
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.templates import checked_template
from omniops.contracts.tokens import token_hash
from omniops.database.service import Database, Notice, notify
from omniops.database.tables import remember
from omniops.errors import NotFound, Rejected
from omniops.settings import BUILT_IN_PLUGINS
from omniops.vault.service import Vault

__all__ = [
    "Accounts",
    "DomainSettings",
    "DomainView",
    "Limit",
    "Mode",
    "OpeningHours",
    "ReviewRule",
    "SettingsCheck",
    "Throttle",
    "checked_origin",
    "is_on",
    "switch_of",
    "view",
]


class DomainSettings(BaseModel):
    """How a domain's chat looks and behaves. Stored as JSON; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: str = Field(default="en", description="Language of the interface where the page does not say.")
    suggestions: list[str] = Field(default_factory=list, max_length=5, description="Questions shown first.")
    people_hours: str = Field(default="", max_length=80, description="When people are there, in words.")
    hours: OpeningHours | None = Field(default=None, description="When people are there; wins over `people_hours`.")
    brand: Annotated[str, AfterValidator(checked_brand)] = Field(
        default="", description="Colour of launcher and send button, such as #7a4018; empty, or a green: ink."
    )
    hellos: list[Hello] = Field(default_factory=list, max_length=20, description="Page rules; the first that fits.")
    placeholder: str = Field(default="", max_length=80, description="Text in the empty input.")
    count_visits: bool = Field(default=False, description="Ask in the chat, too, whether visits may be counted.")
    jurisdiction: str = Field(
        default="", pattern=r"^([A-Z]{2})?$", description="Country whose law choices are recorded under, as ISO 3166."
    )
    origin: Literal["", "EEA", "UK", "CH", "elsewhere"] = Field(
        default="",
        description="Whose law governs visitors' data when it goes abroad; empty for not known, which takes them all. "
        "Never guessed from an address.",
    )
    order_numbers: list[Annotated[str, AfterValidator(checked_template)]] = Field(
        default_factory=list,
        max_length=10,
        description="How order numbers look, such as ABC-9999 or #9+: 9 is a digit, 9+ several, @ a letter, * either.",
    )
    least_age: int = Field(default=16, ge=13, le=18, description="Visitors who say to be younger go to a person.")
    answer_cut: float = Field(default=0.6, ge=0, le=1, description="Least similarity for an answer.")
    closest_cut: float = Field(default=0.4, ge=0, le=1, description="Least similarity for closest passages.")
    vector_weight: float | None = Field(default=None, ge=0, le=1, description="Share of the vectors in the search.")
    visit_within_hours: int = Field(
        default=720, ge=1, le=720, description="Longest time between two visits of a page, in hours."
    )
    providers: list[str] = Field(default_factory=list, description="Order of providers; empty for the operator's.")
    prefer: Literal["order", "cheapest"] = Field(
        default="order", description="Who answers first: by `providers`, or the cheapest that can."
    )
    regions: list[str] = Field(
        default_factory=list, max_length=20, description="Where models may run, such as `eu`; empty for anywhere."
    )
    retention: list[RetentionOption] = Field(
        default_factory=list, description="What vendors may keep of a request; empty for whatever they declare."
    )
    daily_budget: Decimal | None = Field(
        default=None, ge=0, max_digits=12, decimal_places=4, description="Most USD a day (UTC) for models, or none."
    )
    hedge: bool = Field(default=False, description="Ask a second model when the first is late; both are paid.")
    enabled: bool = Field(default=True, description="Whether the chat is there at all.")
    enforce_identity: bool = Field(default=False, description="Only visitors whom the business vouched for may write.")
    attachment_bytes: int = Field(default=5 * 2**20, ge=0, le=20 * 2**20, description="Largest file; 0 takes none.")
    attachment_count: int = Field(default=10, ge=0, le=100, description="Most files of one conversation.")
    review: list[ReviewRule] = Field(
        default_factory=list, max_length=50, description="Answers that a person sees first; the first rule that fits."
    )
    review_days: int = Field(default=30, ge=1, le=30, description="Days until a person must have reviewed an answer.")
    rights_by_person: list[str] = Field(
        default_factory=list,
        max_length=16,
        description="Rights that a person approves before they are done, such as `erasure`.",
    )
    privacy_address: str = Field(
        default="", max_length=254, description="Address whose mail opens a case; a connected mailbox must get it."
    )
    fall_margin: float = Field(default=0.05, ge=0, le=1, description="Loss on the own questions that is a fall.")
    on_fall: Literal["refuse", "warn"] = Field(default="refuse", description="What a change that falls meets.")


SIGHTED = timedelta(days=1)
"""How old what is known of a website's pages may grow before it is written again."""


@dataclass(frozen=True, slots=True)
class DomainView:
    """A domain as other rooms see it."""

    scope: Scope
    id: UUID
    title: str
    origins: tuple[str, ...]
    widget_key: str
    sandbox: bool = False
    """For trying out: no message, mail or question of it leaves."""
    settings: DomainSettings = field(default_factory=DomainSettings)
    by_hand: frozenset[str] = frozenset()
    """Settings that a person set; calibration leaves them alone."""
    seen_at: datetime | None = None
    """When a page of the website last asked for the chat, to the day; None where none ever did."""

    @property
    def hosts(self) -> frozenset[str]:
        return frozenset(urlsplit(origin).hostname or "" for origin in self.origins)


SettingsCheck = Callable[[DomainView, DomainSettings, bool], Awaitable[None]]
"""Asked before new settings are stored: the domain as it is, its settings as they would be, and whether a person wants
them whatever they cost. Raises `Rejected` to keep the old ones."""
OnSwitch = Callable[[AsyncSession, Scope, str, bool], Awaitable[None]]
"""Told which plugin is switched, and whether on, in the transaction that does it."""


class Accounts:
    """Businesses and their websites."""

    def __init__(self, database: Database, vault: Vault, audit: Audit) -> None:
        self._database = database
        self._vault = vault
        self._audit = audit
        self._checks: list[SettingsCheck] = []
        self._switches: list[OnSwitch] = []

    def before_settings(self, check: SettingsCheck) -> None:
        """Asks `check` before settings of any domain change, by a person or by calibration."""
        self._checks.append(check)

    def on_switch(self, tell: OnSwitch) -> None:
        """Calls `tell` in the transaction that switches a plugin on or off for a domain."""
        self._switches.append(tell)

    async def create(self, name: str, *, for_probes: bool = False, actor: Actor) -> UUID:
        """Opens an account, with its key, in one transaction. One `for_probes` counts as no business."""
        account = Account(account_id=new_id(), name=name.strip() or "My business", for_probes=for_probes)
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

    async def add_domain(
        self, account_id: UUID, title: str, origins: Sequence[str], *, sandbox: bool = False, actor: Actor
    ) -> DomainView:
        """Adds a website. `origins` are where the widget may run, such as `https://shop.example`. Sandboxes stay so."""
        domain = Domain(
            account_id=account_id,
            title=title,
            origins=[checked_origin(origin) for origin in origins],
            widget_key=f"pk_{secrets.token_urlsafe(18)}",
            sandbox=sandbox,
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
        """The domain whose script tag carries this key. Raises `NotFound`, also while its chat is switched off."""
        scope = await self._database.resolve("widget_key", token_hash(key))
        domain = None if scope is None else await self.domain(scope)
        if domain is None or not domain.settings.enabled:
            raise NotFound("There is no chat with this key.")
        return domain

    async def sighted(self, domain: DomainView, told: str | None) -> None:
        """Remembers, once a day, that a page of the website asked for its chat. `told` is what the browser says of the
        page: an Origin or a Referer. Pages of others, such as our own for trying, count for nothing."""
        now = utcnow()
        if told is None or (domain.seen_at is not None and now - domain.seen_at < SIGHTED):
            return
        try:
            own = checked_origin(told) in domain.origins
        except Rejected:
            return
        if own:
            async with self._database.session(domain.scope) as session:
                row = await _domain(session, domain.scope)
                row.seen_at = now
                session.add(row)
                await session.commit()

    async def configure(
        self, scope: Scope, changes: Mapping[str, Any], *, actor: Actor, despite_fall: bool = False
    ) -> DomainView:
        """Changes settings, title or origins of a domain; a setting given as None goes back to its default.

        Raises `Rejected` for what does not fit, and for settings under which the domain's own questions would be
        answered worse by more than its margin; `despite_fall` takes that.
        """
        if "settings" in changes:
            await self._check(await self.domain(scope), {"settings": changes["settings"]}, despite_fall)
        async with self._database.session(scope) as session:
            domain = await _domain(session, scope)
            if "title" in changes:
                domain.title = changes["title"]
            if "origins" in changes:
                domain.origins = [checked_origin(origin) for origin in changes["origins"]]
            if "settings" in changes:
                domain.settings = _merged(domain.settings, changes["settings"])
            session.add(domain)
            await session.commit()
            changed = view(domain)
        await self._audit.write(
            Entry(scope.account_id, str(actor), "domain.configure", "domain", detail={"fields": sorted(changes)})
        )
        return changed

    async def calibrate(self, scope: Scope, cuts: Mapping[str, float], *, actor: Actor) -> None:
        """Cuts that the visitors' marks brought; those that a person set stay in force. Raises like `configure`."""
        await self._check(await self.domain(scope), {"calibrated": cuts}, False)
        async with self._database.session(scope) as session:
            domain = await _domain(session, scope)
            domain.calibrated = dict(cuts)
            session.add(domain)
            await session.commit()
        await self._audit.write(
            Entry(scope.account_id, str(actor), "domain.calibrate", "domain", detail={"cuts": dict(cuts)})
        )

    async def _check(self, before: DomainView, changes: Mapping[str, Mapping[str, Any]], despite_fall: bool) -> None:
        if not self._checks:
            return
        async with self._database.session(before.scope) as session:
            domain = await _domain(session, before.scope)
        settings = _merged(domain.settings, changes.get("settings", {}))
        after = DomainSettings(**{**changes.get("calibrated", domain.calibrated), **settings})
        for check in self._checks:
            await check(before, after, despite_fall)

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
            for tell in self._switches:
                await tell(session, scope, plugin, on)
            assert scope.domain_id is not None
            await notify(session, Notice("switch", scope.domain_id))
            await session.commit()
        action = "plugin.switch_on" if on else "plugin.switch_off"
        await self._audit.write(Entry(scope.account_id, str(actor), action, "plugin", detail={"plugin": plugin}))


def switch_of(domain: str, plugin: str) -> str:
    """SQL: what was switched explicitly for a plugin, null where nothing was; for who asks within a statement."""
    return f"(select p.is_on from plugin_switch p where p.domain_id = {domain} and p.plugin = {plugin})"  # noqa: S608


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
        sandbox=domain.sandbox,
        settings=DomainSettings(**{**domain.calibrated, **domain.settings}),
        by_hand=frozenset(domain.settings),
        seen_at=domain.seen_at,
    )


def _merged(stored: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    values = {key: value for key, value in {**stored, **changes}.items() if value is not None}
    return _checked_settings(values).model_dump(mode="json", exclude_unset=True)


def _checked_settings(values: Mapping[str, Any]) -> DomainSettings:
    try:
        return DomainSettings(**values)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(["settings", *(str(part) for part in first["loc"])])
        said = first["msg"].removeprefix("Value error, ")
        raise Rejected(f"{place}: {said}.", code="bad_setting", where=place) from None


def checked_origin(origin: str) -> str:
    """`scheme://host[:port]` in lower case. Raises `Rejected` for anything more or less."""
    refused = Rejected(
        f"{origin!r} is no website address.", code="bad_origin", where="origins", do="Write https://shop.example."
    )
    try:
        parts = urlsplit(origin.strip())
        port = parts.port
    except ValueError:
        raise refused from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise refused
    standard = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{parts.hostname}" + (f":{port}" if port not in (None, standard) else "")
