"""Receivers that a business chose: where they are, what they are told of, and the secrets that sign it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.database.service import Database
from omniops.errors import EgressRefused, NotFound, Rejected
from omniops.gate.addresses import Target, check_name, judge, parse_url
from omniops.gate.service import Gate
from omniops.vault.service import Vault
from omniops.webhooks.models import PURPOSE, WebhookEndpoint
from omniops.webhooks.service import KINDS
from omniops.webhooks.signing import new_secret

MOST = 20
"""Receivers of one domain."""
LONGEST_URL = 2000


@dataclass(frozen=True, slots=True)
class EndpointView:
    """A receiver without its secrets."""

    id: UUID
    url: str
    description: str
    events: Sequence[str]
    enabled: bool
    disabled_because: str | None
    failing_since: datetime | None
    created_at: datetime


class Endpoints:
    """The receivers of all domains. Every change is in the audit."""

    def __init__(self, database: Database, gate: Gate, vault: Vault, audit: Audit, clock: Clock) -> None:
        self._gate = gate
        self._database = database
        self._vault = vault
        self._audit = audit
        self._clock = clock

    async def add(
        self, scope: Scope, url: str, *, events: Sequence[str] = (), description: str = "", actor: Actor
    ) -> tuple[EndpointView, str]:
        """A new receiver, and its secret, which is shown once. `events` are kinds of `KINDS`; none stands for all.

        Raises `Rejected` for an address that nothing may be sent to, for an unknown kind, and above `MOST` receivers.
        """
        assert scope.domain_id is not None
        secret = new_secret()
        row = WebhookEndpoint(
            domain_id=scope.domain_id,
            url=await self._checked(url),
            description=description.strip(),
            events=_checked(events),
            secrets=seal([[secret, None]]),
            created_at=self._clock.now(),
        )
        async with self._database.session(scope) as session:
            there = (await session.exec(select(WebhookEndpoint.id).where(_of(scope)))).all()
            if len(there) >= MOST:
                raise Rejected(f"A website has at most {MOST} receivers.", code="too_many", do="Delete one first.")
            session.add(row)
            await session.commit()
        await self._audited(scope, actor, "webhook.add", row.id)
        return _view(row), secret

    async def all(self, scope: Scope, *, after: UUID | None = None, limit: int = MOST) -> list[EndpointView]:
        """In the order in which they were added, after the one with the id `after`."""
        async with self._database.session(scope) as session:
            statement = select(WebhookEndpoint).where(_of(scope))
            if after is not None:
                statement = statement.where(WebhookEndpoint.id > after)
            rows = (await session.exec(statement.order_by(col(WebhookEndpoint.id)).limit(limit))).all()
        return [_view(row) for row in rows]

    async def one(self, scope: Scope, endpoint_id: UUID) -> EndpointView:
        """Raises `NotFound`."""
        async with self._database.session(scope) as session:
            return _view(await endpoint(session, scope, endpoint_id))

    async def change(
        self,
        scope: Scope,
        endpoint_id: UUID,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        description: str | None = None,
        enabled: bool | None = None,
        actor: Actor,
    ) -> EndpointView:
        """Changes what is given. Raises `NotFound`, and `Rejected` as `add` does."""
        checked = None if url is None else await self._checked(url)
        async with self._database.session(scope) as session:
            row = await endpoint(session, scope, endpoint_id, lock=True)
            row.url = checked or row.url
            row.events = row.events if events is None else _checked(events)
            row.description = row.description if description is None else description.strip()
            if enabled is not None:
                row.enabled, row.disabled_because = enabled, None if enabled else "person"
                row.failing_since = None
            session.add(row)
            await session.commit()
        await self._audited(scope, actor, "webhook.change", row.id)
        return _view(row)

    async def rotate(self, scope: Scope, endpoint_id: UUID, *, overlap: timedelta, actor: Actor) -> str:
        """A new secret, shown once. Until the overlap is over, what is sent carries a signature of the old one too;
        without overlap the old one ends at once. Raises `NotFound`."""
        now, secret = self._clock.now(), new_secret()
        async with self._database.session(scope) as session:
            row = await endpoint(session, scope, endpoint_id, lock=True)
            known = await self._opened(row, session)
            end = (now + overlap).isoformat()
            kept = [[old, min(until or end, end)] for old, until in known]
            row.secrets = seal([[secret, None], *(one for one in kept if one[1] > now.isoformat())])
            session.add(row)
            await session.commit()
        await self._audited(scope, actor, "webhook.rotate", row.id)
        return secret

    async def remove(self, scope: Scope, endpoint_id: UUID, *, actor: Actor) -> None:
        """The receiver, its secrets and its deliveries are gone. Raises `NotFound`."""
        async with self._database.session(scope) as session:
            await session.delete(await endpoint(session, scope, endpoint_id, lock=True))
            await session.commit()
        await self._audited(scope, actor, "webhook.remove", endpoint_id)

    async def secrets(self, row: WebhookEndpoint) -> list[str]:
        """The secrets that sign now, the newest first. Never for an API."""
        now = self._clock.now().isoformat()
        return [secret for secret, until in await self._opened(row) if until is None or until > now]

    async def _checked(self, url: str) -> str:
        """The address as it will be called. Raises `Rejected` for what the gate would refuse whatever the name leads
        to; where a name leads is judged with every try, since it can change."""
        checked, target = checked_url(url)
        kind = judge(target.address) if target.address is not None else None
        if kind is not None and await self._gate.register.allowed(target.host, target.port) is None:
            raise _bad_url(f"{target.address} is {kind}.")
        return checked

    async def _opened(self, row: WebhookEndpoint, session: AsyncSession | None = None) -> list[list[Any]]:
        opened = await self._vault.open([row], purpose=PURPOSE, actor=Actor.system("webhooks.deliver"), session=session)
        return opened(row.secrets)

    async def _audited(self, scope: Scope, actor: Actor, action: str, endpoint_id: UUID) -> None:
        detail = {"id": str(endpoint_id)}
        await self._audit.write(Entry(scope.account_id, str(actor), action, "webhook_endpoint", detail=detail))


async def endpoint(session: AsyncSession, scope: Scope, endpoint_id: UUID, *, lock: bool = False) -> WebhookEndpoint:
    """The row of a receiver of this domain. Raises `NotFound`."""
    statement = select(WebhookEndpoint).where(_of(scope), WebhookEndpoint.id == endpoint_id)
    row = (await session.exec(statement.with_for_update() if lock else statement)).first()
    if row is None:
        raise NotFound("There is no such webhook.")
    return row


def checked_url(url: str) -> tuple[str, Target]:
    """An address without its outer space, and where it leads. Raises `Rejected` for what is no https address of a
    receiver."""
    url = url.strip()
    try:
        scheme, target = parse_url(url)
        check_name(target)  # whatever exception the operator made: it was not made for what businesses name
    except EgressRefused as error:
        raise _bad_url(str(error)) from None
    if scheme != "https":
        raise _bad_url("A webhook goes over https.")
    if target.port != 443 and target.port < 1024:
        raise _bad_url(f"Port {target.port} is for another service than a webhook.")
    if len(url) > LONGEST_URL or urlsplit(url).fragment or not url.isprintable() or " " in url:
        raise _bad_url("This is no address of a receiver.")
    return url, target


def _bad_url(said: str) -> Rejected:
    return Rejected(said, code="bad_url", where="url", do="Write https://your-server.example/path.")


def _checked(events: Sequence[str]) -> list[str]:
    for kind in events:
        if kind not in KINDS:
            raise Rejected(
                f"There is no event {kind!r}.", code="bad_event", where="events", do=f"There are: {', '.join(KINDS)}."
            )
    return sorted(set(events))


def _of(scope: Scope) -> Any:
    return col(WebhookEndpoint.domain_id) == scope.domain_id


def _view(row: WebhookEndpoint) -> EndpointView:
    return EndpointView(
        row.id,
        row.url,
        row.description,
        tuple(row.events),
        row.enabled,
        row.disabled_because,
        row.failing_since,
        row.created_at,
    )
