"""Where probes act: two domains of two accounts that exist for nothing else, clients over the real application, and the
eyes of an administrator. Its people are synthetic, and are erased when the run is over."""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx2
import psycopg
from sqlmodel import select

from omniops.accounts.permissions import ROLES
from omniops.accounts.service import DomainView, is_on
from omniops.contracts.proof import Beside, Route
from omniops.contracts.scope import Actor, Scope
from omniops.hookspecs import Plugin
from omniops.plugins.loading import Loaded
from omniops.proof.abroad import Abroad
from omniops.proof.guest import NAME, OUTSIDE, GuestPlugin, OutsidePlugin, OutsideSystem, TestProvider
from omniops.proof.models import ProofStage

if TYPE_CHECKING:
    from omniops.runtime import Runtime

ACTOR = Actor.system("proof")


@dataclass(frozen=True, slots=True)
class Application:
    """What only the floors above know of the application: it is handed down by who builds it."""

    asgi: Any
    routes: Sequence[Route]
    scripts: Sequence[str]
    listener: Callable[[Path, Path], ssl.SSLContext]
    beside: Callable[[], AbstractAsyncContextManager[Beside]]


ORIGINS = {"domain": "https://proof.invalid", "other": "https://other-proof.invalid"}
"""Names under a top level that no resolver answers (RFC 6761): nothing real is ever reached or shown there."""
AT_ONCE = 6
"""People who are erased at a time."""
MANY_ROWS = 200_000
"""A table with more is searched where the stage's own rows are; smaller ones whole."""
_TABLES = (
    "select c.oid::regclass::text, greatest(c.reltuples, 0)::bigint, array_agg(a.attname::text) filter"
    " (where a.attname in ('domain_id', 'account_id', 'home_id')) from pg_class c"
    " join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid and a.attnum > 0"
    " where n.nspname in ('omniops', 'vault', 'jobs') and c.relkind in ('r', 'p') and not c.relispartition"
    " group by c.oid, c.reltuples"
)


class LiveStage:
    """Implements `contracts.proof.Stage` over a runtime and its application."""

    def __init__(self, runtime: Runtime, app: Application, domain: DomainView, other: DomainView) -> None:
        self.runtime = runtime
        self.app = app.asgi
        self.application = app
        self.domain = domain
        self.other = other
        self._keys: list[tuple[Any, Any]] = []
        self._secrets: dict[tuple[Any, str], str] = {}
        self._log = _Log()

    @classmethod
    async def over(cls, runtime: Runtime, app: Application) -> LiveStage:
        """Finds or makes the domains."""
        return cls(runtime, app, *[await _domain(runtime, name) for name in ("domain", "other")])

    @classmethod
    @asynccontextmanager
    async def open(cls, runtime: Runtime, app: Application) -> AsyncIterator[LiveStage]:
        """As `over`; afterwards its people are erased and its keys revoked."""
        stage = await cls.over(runtime, app)
        root = logging.getLogger()
        root.addHandler(stage._log)
        try:
            yield stage
        finally:
            root.removeHandler(stage._log)
            await stage._clear()

    def token(self, field: str) -> str:
        return f"{field}{secrets.token_hex(8)}"

    @asynccontextmanager
    async def http(self, address: str = "", **headers: str) -> AsyncIterator[httpx2.AsyncClient]:
        client = address or f"2001:db8:{secrets.token_hex(2)}::{secrets.randbelow(9000) + 1}"
        transport = httpx2.ASGITransport(app=self.app, client=(client, 50_000), raise_app_exceptions=False)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        base = self.runtime.settings.public_url
        async with httpx2.AsyncClient(transport=transport, base_url=base, headers=named, timeout=60) as opened:
            yield opened

    @asynccontextmanager
    async def page(self, **headers: str) -> AsyncIterator[httpx2.AsyncClient]:
        async with self.http(Origin=self.domain.origins[0], **headers) as client:
            answer = await client.post("/v1/visitor/sessions", json={"key": self.domain.widget_key})
            if answer.status_code != 201:
                raise RuntimeError(f"No session could be opened: {answer.status_code}.")
            client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
            yield client

    @asynccontextmanager
    async def office(self, role: str = "admin", domain: Any = None) -> AsyncIterator[httpx2.AsyncClient]:
        account = (domain or self.domain).scope.account_id
        if (account, role) not in self._secrets:
            permissions = sorted(next(found for name, found in ROLES.items() if name == role))
            key, secret = await self.runtime.keys.create(account, f"proof {role}", permissions, actor=ACTOR)
            self._keys.append((account, key))
            self._secrets[account, role] = secret
        async with self.http(Authorization=f"Bearer {self._secrets[account, role]}") as client:
            yield client

    @asynccontextmanager
    async def models(self) -> AsyncIterator[Sequence[TestProvider]]:
        guest, scope = GuestPlugin(), self.domain.scope
        answering = {NAME: True, **{loaded.name: False for loaded in self.runtime.seams.loaded if _answers(loaded)}}
        before = await self.runtime.accounts.switched(scope)
        self.runtime.plugins.join(NAME, guest)
        self.runtime.on.learn()
        try:
            for plugin, on in answering.items():
                await self.runtime.accounts.switch(scope, plugin, on=on, actor=ACTOR)
            yield guest.test_providers
        finally:
            for plugin in answering:
                on = plugin != NAME and is_on(before, plugin)
                await self.runtime.accounts.switch(scope, plugin, on=on, actor=ACTOR)
            self.runtime.plugins.leave(NAME)
            self.runtime.on.learn()

    def abroad(self, key: str) -> Abroad:
        entry = self.runtime.register.get(key)
        if entry is None:
            raise KeyError(key)
        return Abroad(self, entry.processor)

    @asynccontextmanager
    async def outside(self) -> AsyncIterator[OutsideSystem]:
        guest, scope = OutsidePlugin(), self.domain.scope
        self.runtime.plugins.join(OUTSIDE, guest)
        try:
            await self.runtime.accounts.switch(scope, OUTSIDE, on=True, actor=ACTOR)
            yield guest.system
        finally:
            for view in await self.runtime.connections.all(scope):
                if view.plugin == OUTSIDE:
                    await self.runtime.connections.disconnect(scope, view.id, actor=ACTOR)
            await self.runtime.accounts.switch(scope, OUTSIDE, on=False, actor=ACTOR)
            self.runtime.plugins.leave(OUTSIDE)

    def routes(self) -> Sequence[Route]:
        return self.application.routes

    def scripts(self) -> Sequence[str]:
        return self.application.scripts

    def listener(self, certificate: Path, key: Path) -> ssl.SSLContext:
        return self.application.listener(certificate, key)

    def beside(self) -> AbstractAsyncContextManager[Beside]:
        return self.application.beside()

    async def rows(self, statement: str, *values: Any) -> Sequence[tuple[Any, ...]]:
        return await asyncio.to_thread(self._read, statement, values)

    async def scan(self, words: Sequence[str]) -> Mapping[str, Sequence[str]]:
        found = await asyncio.to_thread(self._search, list(words))
        for word in words:
            if word in self._log.said():
                found.setdefault(word, []).append("the log")
        return found

    def _read(self, statement: str, values: Sequence[Any]) -> Sequence[tuple[Any, ...]]:
        with psycopg.connect(self.runtime.database.links.admin.conninfo(), autocommit=True) as connection:
            done = connection.execute(statement.encode(), list(values))
            return done.fetchall() if done.description else []

    def _search(self, words: list[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        own = [str(i) for d in (self.domain, self.other) for i in (d.id, d.scope.account_id)]
        # A binary column shows as hexadecimal: the word is looked for in both forms.
        forms = {form: word for word in words for form in (word, word.encode().hex())}
        with psycopg.connect(self.runtime.database.links.admin.conninfo(), autocommit=True) as connection:
            for table, size, scoped in connection.execute(_TABLES.encode()).fetchall():
                where = f" and t.{scoped[0]}::text = any(%(own)s)" if scoped and size > MANY_ROWS else ""
                statement = (
                    f"select form from unnest(%(forms)s::text[]) form where exists"  # noqa: S608
                    f" (select from {table} t where position(form in t::text) > 0{where})"
                )
                for (form,) in connection.execute(statement.encode(), {"forms": list(forms), "own": own}).fetchall():
                    found.setdefault(forms[form], []).append(table)
        return found

    async def _clear(self) -> None:
        for account, key in self._keys:
            await self.runtime.keys.revoke(account, key, actor=ACTOR)
        for domain in (self.domain, self.other):
            left = await self.rows(
                "select id from omniops.subject where home_id = %s and erased_at is null and not hold", domain.id
            )
            await self._erase(domain, [subject for (subject,) in left])

    async def _erase(self, domain: DomainView, subjects: Sequence[UUID]) -> None:
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(subject: UUID) -> None:
            async with turns:
                await self.runtime.privacy.erasure.erase(domain.scope, subject, actor=ACTOR)

        await asyncio.gather(*(one(subject) for subject in subjects))


async def _domain(runtime: Runtime, name: str) -> DomainView:
    """The stage's domain of that name, of an account of its own; a sandbox, so that nothing of it reaches people."""
    async with runtime.database.system("proof: where probes act") as session:
        known = (await session.exec(select(ProofStage).where(ProofStage.name == name))).first()
        if known is not None:
            return await runtime.accounts.domain(Scope(known.in_account, known.in_domain))
        account = await runtime.accounts.create(f"Proof ({name})", for_probes=True, actor=ACTOR)
        made = await runtime.accounts.add_domain(account, "Proof", [ORIGINS[name]], sandbox=True, actor=ACTOR)
        session.add(ProofStage(name=name, in_account=account, in_domain=made.id))
        await session.commit()
        return made


def _answers(loaded: Loaded) -> bool:
    return type(loaded.plugin).providers is not Plugin.providers


class _Log(logging.Handler):
    """What this process logged since the stage was opened."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))

    def said(self) -> str:
        return "\n".join(self._lines)
