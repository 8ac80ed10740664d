"""Whose is a host? Nothing of it is read before somebody showed that it is the business's own, or the operator said so.

Three proofs, of which one is enough: a TXT record at `_omniops-challenge.HOST`, the file
`/.well-known/omniops-verification.txt`, or a meta tag in the head of the home page. Each holds the token of this domain
and host. An owner is looked for again every day; when the proof is gone, the domain's people are warned, and after
`GRACE` nothing is read any more. What the operator adds on the command line, on a server of their own, needs no proof;
it is recorded as such.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from omniops.accounts.service import Accounts, DomainView
from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock, new_id
from omniops.contracts.plugin import Log
from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Database
from omniops.errors import NotFound, NotReachable, Refused, Rejected
from omniops.gate.grants import Grant
from omniops.gate.service import Gate
from omniops.knowledge.models import Ownership
from omniops.knowledge.urls import normalise

LABEL = "_omniops-challenge"
NAME = "omniops-verification"
FILE = f"/.well-known/{NAME}.txt"
METHODS = ("dns", "file", "meta")
CHECKED_AGAIN = timedelta(days=1)
GRACE = timedelta(days=14)
"""How long a site is still read after its proof was last missed for the first time."""
MOST_BYTES = 2 * 1024 * 1024
MOST_REDIRECTS = 3
LONGEST = 30.0
"""Seconds for all proofs together."""


@dataclass(frozen=True, slots=True)
class HostOwner:
    """What is known about the owner of a host, and what the owner can publish to prove it."""

    host: str
    token: str
    state: str
    method: str | None
    said: str
    verified_at: datetime | None
    checked_at: datetime | None
    lost_at: datetime | None

    @property
    def read_until(self) -> datetime | None:
        """When reading stops unless the proof comes back; None where it is there, or never was."""
        return self.lost_at + GRACE if self.lost_at is not None else None

    def readable(self, now: datetime) -> bool:
        """Whether the host may be read."""
        if self.state == "waiting":
            return False
        return self.read_until is None or now < self.read_until

    def proofs(self) -> dict[str, dict[str, str]]:
        """The three ways, each with what to publish where."""
        said = f"{NAME}={self.token}"
        return {
            "dns": {"name": f"{LABEL}.{self.host}", "type": "TXT", "value": said},
            "file": {"path": FILE, "content": said},
            "meta": {"page": "/", "tag": f'<meta name="{NAME}" content="{self.token}">'},
        }

    def to_json(self) -> dict[str, Any]:
        moments = {"verified_at": self.verified_at, "checked_at": self.checked_at, "read_until": self.read_until}
        return {
            "host": self.host,
            "state": self.state,
            "method": self.method,
            "said": self.said,
            **{name: at.isoformat(timespec="seconds") if at else None for name, at in moments.items()},
            "proofs": {} if self.method == "operator" else self.proofs(),
        }


class Ownerships:
    """The owners of a domain's hosts."""

    def __init__(
        self, database: Database, accounts: Accounts, audit: Audit, gate: Gate, clock: Clock, log: Log
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._audit = audit
        self._gate = gate
        self._clock = clock
        self._log = log

    async def all(self, scope: Scope) -> list[HostOwner]:
        """Every host of the domain, each with its token."""
        domain = await self._accounts.domain(scope)
        known = {owner.host: owner for owner in await self._known(scope)}
        for host in domain.hosts - set(known):
            known[host] = await self._begin(scope, host)
        return [known[host] for host in sorted(domain.hosts)]

    async def claim(self, scope: Scope, host: str, *, actor: Actor) -> None:
        """Asks whether a source on this host may be added. Raises `Rejected` (`not_verified`) unless it may be read
        already; for the operator, that is what is recorded."""
        if actor == Actor.operator():
            await self._vouch(scope, host)
        else:
            await self.readable(scope, host)

    async def readable(self, scope: Scope, host: str) -> frozenset[str]:
        """The hosts of the domain that may be read. Raises `Rejected` (`not_verified`) where `host` is not one."""
        now, domain = self._clock.now(), await self._accounts.domain(scope)
        known = await self._known(scope)
        hosts = frozenset(owner.host for owner in known if owner.readable(now)) & domain.hosts
        if host not in hosts:
            raise Rejected(
                f"Nobody showed yet that {host} belongs to this business, so it is not read.",
                code="not_verified",
                where="url",
                do=f"Publish the proof that GET /v1/domains/{scope.domain_id}/verification names, then POST there; or "
                f"let the operator run `omniops domain verify {host}`.",
            )
        return hosts

    async def check(self, scope: Scope, host: str) -> HostOwner:
        """Looks for the proofs of one host now, and keeps what was seen. Raises `NotFound` for a host that is none of
        the domain's."""
        domain = await self._accounts.domain(scope)
        owner = next((owner for owner in await self.all(scope) if owner.host == host), None)
        if owner is None:
            raise NotFound(f"{host!r} is no website of this domain.")
        if owner.method == "operator":
            return owner
        method, said = await self._look(scope, domain, owner)
        now, changes = self._clock.now(), {"said": said}
        if method is not None:
            verified = {"state": "verified", "method": method, "verified_at": owner.verified_at or now, "lost_at": None}
            changed = await self._write(scope, host, checked_at=now, **changes, **verified)
        elif owner.state == "waiting":
            changed = await self._write(scope, host, checked_at=now, **changes)
        else:
            lost = {"state": "lost", "lost_at": owner.lost_at or now}
            changed = await self._write(scope, host, checked_at=now, **changes, **lost)
        if changed.state != owner.state:
            await self._tell(scope, changed)
        return changed

    async def _tell(self, scope: Scope, owner: HostOwner) -> None:
        detail = {"domain": str(scope.domain_id), "host": owner.host, "method": owner.method}
        action = "domain.verified" if owner.state == "verified" else "domain.ownership_lost"
        await self._audit.write(Entry(scope.account_id, "system:ownership", action, "domain", detail=detail))
        if owner.state == "lost":
            until = owner.read_until.isoformat(timespec="seconds") if owner.read_until else ""
            self._log.warning("ownership.lost", host=owner.host, read_until=until, said=owner.said)

    async def _look(self, scope: Scope, domain: DomainView, owner: HostOwner) -> tuple[str | None, str]:
        """The first proof that is there, the one that was seen last before the others; and what was seen in words."""
        seen = []
        try:
            async with asyncio.timeout(LONGEST):
                for method in sorted(METHODS, key=lambda method: (method != owner.method, METHODS.index(method))):
                    try:
                        if await self._proven(scope, domain, owner, method):
                            return method, "The proof is there."
                        seen.append(f"{method}: it is not there")
                    except (NotReachable, Refused, Rejected) as error:
                        seen.append(f"{method}: {error.message.rstrip('.')}")
        except TimeoutError:
            seen.append("the site takes too long")
        return None, "; ".join(seen) + "."

    async def _proven(self, scope: Scope, domain: DomainView, owner: HostOwner, method: str) -> bool:
        grant = Grant.ownership(scope, owner.host)
        if method == "dns":
            return f"{NAME}={owner.token}" in [
                record.strip() for record in await self._gate.txt(LABEL, owner.host, grant)
            ]
        for origin in domain.origins:
            if urlsplit(origin).hostname == owner.host:
                body = await self._read(grant, origin + (FILE if method == "file" else "/"))
                if method == "file" and f"{NAME}={owner.token}" in [line.strip() for line in body.splitlines()]:
                    return True
                if method == "meta" and owner.token in await asyncio.to_thread(_tags, body):
                    return True
        return False

    async def _read(self, grant: Grant, url: str) -> str:
        """A page of the host as text, empty where there is none. The grant lets no redirect lead to another host."""
        # Here, not above: the client is heavy, and a process that verifies nothing needs none.
        from omniops.gate.crawl import Crawler, read_capped
        from omniops.knowledge.fetching import USER_AGENT

        crawler = Crawler(self._gate, grant, user_agent=USER_AGENT, timeout=10)
        try:
            for _ in range(MOST_REDIRECTS + 1):
                async with crawler.get(url, {}) as answer:
                    moved = answer.headers.get("Location") if 300 <= answer.status < 400 else None
                    if moved is None:
                        body = await read_capped(answer, MOST_BYTES) if answer.status == 200 else b""
                        return body.decode("utf-8-sig", "replace")
                    url = normalise(moved, base=url) or ""
                    if urlsplit(url).hostname not in grant.hosts:
                        return ""
        finally:
            await crawler.close()
        return ""

    async def _known(self, scope: Scope) -> list[HostOwner]:
        async with self._database.session(scope) as session:
            statement = select(Ownership).where(Ownership.domain_id == scope.domain_id).order_by(col(Ownership.host))
            return [_owner(row) for row in (await session.exec(statement)).all()]

    async def _begin(self, scope: Scope, host: str) -> HostOwner:
        """The row of a host, made with a token of its own where there is none."""
        row = {
            "domain_id": scope.domain_id,
            "id": new_id(),
            "host": host,
            "token": secrets.token_urlsafe(24),
            "state": "waiting",
            "said": "",
            "created_at": self._clock.now(),
        }
        async with self._database.session(scope) as session:
            connection = await session.connection()
            await connection.execute(insert(Ownership).values(row).on_conflict_do_nothing())
            await session.commit()
        return await self._write(scope, host)

    async def _vouch(self, scope: Scope, host: str) -> None:
        owner = await self._begin(scope, host)
        now = self._clock.now()
        if not owner.readable(now):
            said = {"state": "verified", "method": "operator", "said": "The operator added it.", "lost_at": None}
            await self._tell(scope, await self._write(scope, host, verified_at=now, checked_at=now, **said))

    async def _write(self, scope: Scope, host: str, **changes: Any) -> HostOwner:
        async with self._database.session(scope) as session:
            statement = select(Ownership).where(Ownership.domain_id == scope.domain_id, Ownership.host == host)
            row = (await session.exec(statement.with_for_update())).one()
            for name, value in changes.items():
                setattr(row, name, value)
            await session.commit()
            return _owner(row)


def _owner(row: Ownership) -> HostOwner:
    return HostOwner(row.host, row.token, row.state, row.method, row.said, row.verified_at, row.checked_at, row.lost_at)


class _Head(HTMLParser):
    """Finds our meta tags in the head of a page. What stands behind the head may be anybody's: comments, reviews."""

    _HEAD = frozenset({"html", "head", "meta", "title", "link", "script", "style", "base"})

    def __init__(self) -> None:
        super().__init__()
        self.tokens: list[str] = []
        self._over = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._over or tag not in self._HEAD:
            self._over = True
            return
        values: Mapping[str, str | None] = dict(attrs)
        if tag == "title":
            self.set_cdata_mode(tag)  # text for a browser, whatever stands in it
        elif tag == "meta" and values.get("name") == NAME:
            self.tokens.append((values.get("content") or "").strip())

    def handle_endtag(self, tag: str) -> None:
        self._over = self._over or tag == "head"

    def handle_data(self, data: str) -> None:
        # Text between the head's elements begins the body.
        self._over = self._over or (self.cdata_elem is None and bool(data.strip()))


def _tags(page: str) -> list[str]:
    parser = _Head()
    parser.feed(page)
    return parser.tokens
