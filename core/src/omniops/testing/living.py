"""What every integration must do while it lives in a deployment: keep its access among several processes, let nothing
lie in clear, give up people and whole connections, and leave others alone."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs
from uuid import UUID, uuid4

import pytest
from psycopg import sql
from pydantic import BaseModel

from omniops.contracts.integration import ConnectionView, Integration
from omniops.contracts.oauth import OAuthConnection, Tokens
from omniops.contracts.plugin import GateDoor, PluginContext
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.webhook import Webhook
from omniops.database.links import Links
from omniops.doors import PluginGate, PluginLinks, PluginVault, Rooms
from omniops.errors import NotFound, OmniOpsError
from omniops.hookspecs import Plugin
from omniops.plugins.loading import Plugins, load
from omniops.runtime import Runtime
from omniops.settings import Settings
from omniops.testing.fakes import AnsweringGate, ManualClock, RecordingLog
from omniops.testing.scratch import Administrator, ScratchServer, scratch_server
from omniops.testing.suite import Suite

ACTOR = Actor.system("suite")
Sign = Callable[[bytes], Webhook]
_TABLES = (
    "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
    " where n.nspname in ('omniops', 'vault', 'jobs') and c.relkind in ('r', 'p') and not c.relispartition"
)


@dataclass(slots=True)
class Deployment:
    """A deployment with the plugin and the built-in ones, its processes, and two businesses where the plugin is on."""

    name: str
    processes: list[Runtime]
    clock: ManualClock
    folder: Path
    scope: Scope
    other: Scope
    features: Mapping[str, bool]
    admin: Administrator

    @property
    def runtime(self) -> Runtime:
        return self.processes[0]

    async def connected(self, scope: Scope, kind: str, settings: BaseModel) -> ConnectionView:
        """A connection as it is kept after its access was given."""
        connections = self.runtime.connections
        wish = connections.wish(self.name, kind, self.features, None, ACTOR)
        return await connections.keep(scope, wish, settings, actor=ACTOR)  # type: ignore[arg-type]  # the plugin's own

    async def told(self, kind: str, view: ConnectionView, delivery: Webhook) -> int:
        """A delivery to the connection's own address, and the work on it. Gives how much of it was new."""
        taken = await self.runtime.traffic.intake.take(kind, view.id, delivery)
        await self.work()
        return taken.new

    async def fetched(self) -> None:
        """What is fetched and prolonged by itself, as far as it is due."""
        await self.runtime.traffic.tasks.due()
        await self.work()

    async def work(self) -> None:
        await self.runtime.jobs.work(wait=False)

    async def people(self, scope: Scope) -> list[UUID]:
        """Who is known in a business's domain."""
        found = self.rows("select id from omniops.subject where home_id = %s and erased_at is null", scope.domain_id)
        return [subject for (subject,) in found]

    async def copy(self, scope: Scope, subject: UUID) -> str:
        """All text of what a person gets as a copy."""
        pieces = [piece async for piece in self.runtime.privacy.persons.export(scope, subject, actor=ACTOR)]
        with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
            return "\n".join(archive.read(name).decode("utf-8", "replace") for name in archive.namelist())

    async def kept(self, scope: Scope, connection: UUID) -> dict[str, int]:
        """How many rows of which tables belong to a connection."""
        tables = ["arrival", "connection_task", "team_thread", "team_post", "appointment"]
        declared = self.runtime.loaded(self.name).declaration.tables
        models: Sequence[Any] = declared.models if declared is not None else ()
        tables += [str(one.__tablename__) for one in models if "connection_id" in one.model_fields]
        counts = {}
        for table in tables:
            statement = sql.SQL("select count(*) from omniops.{} where domain_id = %s and connection_id = %s")
            ((number,),) = self.rows(statement.format(sql.Identifier(table)), scope.domain_id, connection)
            counts[table] = number
        return {table: number for table, number in counts.items() if number}

    def in_clear(self, words: Sequence[str]) -> list[str]:
        """Where one of the words can be read: in tables, as text or as its bytes, and in files of the plugin."""
        forms = [form for word in words for form in (word, word.encode().hex())]
        found = []
        patterns = [f"%{form}%" for form in forms]
        for schema, table in self.admin.rows(_TABLES):
            statement = sql.SQL("select 1 from {} t where t::text like any(%s) limit 1")
            if self.rows(statement.format(sql.Identifier(schema, table)), patterns):
                found.append(f"{schema}.{table}")
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        read = [path.name for path in files if any(word.encode() in path.read_bytes() for word in words)]
        return found + [f"the file {name}" for name in read]

    def rows(self, statement: Any, *values: Any) -> list[tuple[Any, ...]]:
        return self.admin.rows(statement, values)


class LivingSuite(Suite):
    """Part of `IntegrationSuite`: the plugin in a whole deployment on a database of its own, with `gate` as its way
    out. Override `tokens` where access is given by OAuth, `personal` where `sample` names people, and `another` where
    each connection of a deployment must be to another account of the other side."""

    features: ClassVar[Mapping[str, bool]] = {}
    """Features that a business switches on or off as it connects, where `sample` is for one that is off by default."""

    @pytest.fixture(scope="class")
    @classmethod
    def server(cls) -> Iterator[ScratchServer]:
        """The database server. Override it to use one for several classes."""
        with scratch_server() as server:
            yield server

    @pytest.fixture
    def tokens(self) -> Tokens:
        """What the double gives for access and takes now, with `refresh` and `expires_at`."""
        pytest.skip("no tokens that the double takes: override the fixture `tokens` where access is given by OAuth")

    @pytest.fixture
    def personal(self) -> Sequence[str]:
        """Words of `sample`, or of what is fetched because of it, that are about people."""
        return ()

    @pytest.fixture
    def another(self, integration: Integration, connection: BaseModel) -> BaseModel:
        """A second connection of the same deployment, for which `sign` signs as well."""
        if integration.external_ids(connection):
            pytest.skip("a deployment has one connection of an account: override the fixture `another`")
        return connection

    @pytest.fixture
    async def deployment(
        self, request: pytest.FixtureRequest, plugin: Plugin, context: PluginContext, gate: GateDoor, tmp_path: Path
    ) -> AsyncIterator[Deployment]:
        """Two processes over one database."""
        self.skip_shut(gate, outside=True)
        server: ScratchServer = request.getfixturevalue("server")
        clock, links = ManualClock(), server.database()
        async with AsyncExitStack() as stack:
            processes = [
                await stack.enter_async_context(self._process(links, server, context, gate, clock, tmp_path))
                for _ in range(2)
            ]
            mine, theirs = [await self._business(processes[0]) for _ in range(2)]
            admin = stack.enter_context(closing(Administrator(links)))
            folder = tmp_path / "plugin"
            yield Deployment(self.plugin_name, processes, clock, folder, mine, theirs, self.features, admin)

    async def test_two_processes_refresh_once_and_again(
        self, integration: Integration, connection: BaseModel, tokens: Tokens, gate: GateDoor, deployment: Deployment
    ) -> None:
        oauth = integration.oauth
        assert oauth is not None, "there are tokens, and `oauth` is None"
        assert isinstance(connection, OAuthConnection), "the connection is no OAuthConnection: nothing can keep tokens"
        assert tokens.refresh is not None, "`tokens` of the test have no refresh token"
        assert tokens.expires_at is not None, "`tokens` of the test never end"
        settings = connection.model_copy(update={"tokens": tokens})
        view = await deployment.connected(deployment.scope, integration.name, settings)
        at, used = oauth.at(settings).token, tokens.access.get_secret_value()
        for time in ("", " a second time"):
            before = _refreshes(gate, at)
            kept, _ = await self._opened(deployment, view)
            assert kept.tokens.expires_at is not None, "refreshed tokens never end: they would not be refreshed again"
            ahead = (kept.tokens.expires_at - deployment.clock.now()).total_seconds()
            deployment.clock.forward(seconds=max(ahead, 0) + 1)
            try:
                got = await asyncio.gather(
                    *(one.connections.settings(deployment.scope, view.id) for one in deployment.processes * 3)
                )
            except OmniOpsError as error:
                pytest.fail(f"access could not be refreshed{time}: {error}")
            fresh = {one.access_token for one in got if isinstance(one, OAuthConnection)}
            assert len(fresh) == 1, f"refreshed{time}, processes have different tokens"
            assert fresh != {used}, f"refreshed{time}, the token is the old one"
            (used,) = fresh
            assert _refreshes(gate, at) - before <= 1, (
                f"six asked at once, and the token was refreshed more than once{time}"
            )
        assert (await deployment.runtime.connections.one(deployment.scope, view.id)).state == "connected"

    async def test_what_is_about_people_lies_nowhere_in_clear(
        self,
        integration: Integration,
        connection: BaseModel,
        sign: Sign | None,
        sample: bytes,
        personal: Sequence[str],
        deployment: Deployment,
    ) -> None:
        self._skip_unnamed(sign, sample, personal)
        await self._lived(deployment, integration, connection, sign, sample)
        found = deployment.in_clear(personal)
        assert not found, f"what is about people can be read in {', '.join(found)}"

    async def test_people_get_a_copy_and_are_erased(
        self,
        integration: Integration,
        connection: BaseModel,
        sign: Sign | None,
        sample: bytes,
        personal: Sequence[str],
        deployment: Deployment,
    ) -> None:
        self._skip_unnamed(sign, sample, personal)
        await self._lived(deployment, integration, connection, sign, sample)
        people = await deployment.people(deployment.scope)
        assert people, "the sample names people, and nobody is known by it: nothing of them could be copied or erased"
        copies = "\n".join([await deployment.copy(deployment.scope, one) for one in people])
        lacking = [word for word in personal if word not in copies]
        assert not lacking, "what is held about a person is not in their copy"
        for one in people:
            await deployment.runtime.privacy.erasure.erase(deployment.scope, one, actor=ACTOR)
        assert await deployment.people(deployment.scope) == [], "somebody is known after the erasure of everybody"
        found = deployment.in_clear(personal)
        assert not found, f"after an erasure, the person can be read in {', '.join(found)}"

    async def test_one_that_is_removed_takes_its_own_along_and_nothing_of_others(
        self,
        integration: Integration,
        connection: BaseModel,
        another: BaseModel,
        request: pytest.FixtureRequest,
        deployment: Deployment,
    ) -> None:
        sign, sample = _deliveries(integration, request)
        settings = self._given(connection, request), self._given(another, request)
        mine = await deployment.connected(deployment.scope, integration.name, settings[0])
        theirs = await deployment.connected(deployment.other, integration.name, settings[1])
        if sign is not None:
            for view in (mine, theirs):
                await self._taken(deployment, integration, view, sign(sample))
        await deployment.fetched()
        before = await deployment.kept(deployment.other, theirs.id)
        connections = deployment.runtime.connections
        await connections.disconnect(deployment.scope, mine.id, actor=ACTOR)
        left = await deployment.kept(deployment.scope, mine.id)
        assert not left, f"after the end of its connection, rows of it are left in {', '.join(left)}"
        assert await deployment.kept(deployment.other, theirs.id) == before, "another's rows went with it"
        if sign is not None:
            await self._taken(deployment, integration, theirs, sign(sample))
            with pytest.raises(NotFound):
                await deployment.told(integration.name, mine, sign(sample))
        await connections.settings(deployment.other, theirs.id)

        plugin = deployment.runtime.loaded(self.plugin_name).plugin
        deployment.runtime.plugins.leave(self.plugin_name)
        if sign is not None:
            with pytest.raises(NotFound):
                await deployment.told(integration.name, theirs, sign(sample))
        await deployment.fetched()
        (listed,) = await connections.all(deployment.other)
        assert listed.id == theirs.id, "with its plugin, a connection is gone from the list"
        deployment.runtime.plugins.join(self.plugin_name, plugin)
        await connections.disconnect(deployment.other, theirs.id, actor=ACTOR)
        assert not await deployment.kept(deployment.other, theirs.id), "rows are left of a connection that ended"

    @asynccontextmanager
    async def _process(
        self,
        links: Links,
        server: ScratchServer,
        context: PluginContext,
        gate: GateDoor,
        clock: ManualClock,
        folder: Path,
    ) -> AsyncIterator[Runtime]:
        rooms = Rooms()
        opened: list[Runtime] = []

        def made(name: str, values: Any) -> PluginContext:
            return PluginContext(
                name=name,
                settings=values,
                gate=gate if name == self.plugin_name else PluginGate(name, rooms),
                session=lambda scope: opened[0].database.session(scope),
                vault=PluginVault(name, rooms),
                clock=clock,
                log=RecordingLog(),
                folder=folder / ("plugin" if name == self.plugin_name else name),
                encoder=rooms.encoder,
                links=PluginLinks(name, rooms),
            )

        names = list(dict.fromkeys(["website", "site", "hybrid", self.plugin_name]))
        values = {self.plugin_name: dict(self.settings)} if self.settings else {}
        settings = Settings(
            data_dir=folder, keys_dir=folder / "keys", encoder="none", plugins=names, plugin_settings=values
        )
        plugins: Plugins = load(settings, made)
        opening = Runtime.open(settings, links, server.root, clock=clock, plugins=plugins, migrate=True)
        async with opening as runtime:
            opened.append(runtime)
            rooms.vault, rooms.gate, rooms.register = runtime.vault, runtime.gate, runtime.register
            rooms.encoders, rooms.connections = runtime.encoders, runtime.connections
            yield runtime

    async def _business(self, runtime: Runtime) -> Scope:
        """A business of its own, where the plugin is on."""
        account = await runtime.accounts.create("Shop", actor=ACTOR)
        origin = f"https://{uuid4().hex[:8]}.example"
        scope = (await runtime.accounts.add_domain(account, "Shop", [origin], actor=ACTOR)).scope
        await runtime.accounts.switch(scope, self.plugin_name, on=True, actor=ACTOR)
        return scope

    def _given(self, connection: BaseModel, request: pytest.FixtureRequest) -> BaseModel:
        """The connection, with tokens where it needs some."""
        if not isinstance(connection, OAuthConnection) or connection.tokens is not None:
            return connection
        return connection.model_copy(update={"tokens": request.getfixturevalue("tokens")})

    def _skip_unnamed(self, sign: Sign | None, sample: bytes, personal: Sequence[str]) -> None:
        if sign is None:
            pytest.skip("nobody can sign a delivery: override the fixture `sign`")
        if not personal:
            pytest.skip("nothing in the sample is about people: override the fixture `personal` where it is")

    async def _lived(
        self, deployment: Deployment, integration: Integration, connection: BaseModel, sign: Any, sample: bytes
    ) -> None:
        """A delivery was taken and worked through, and what is due was fetched."""
        view = await deployment.connected(deployment.scope, integration.name, connection)
        await self._taken(deployment, integration, view, sign(sample))
        await deployment.fetched()

    async def _taken(
        self, deployment: Deployment, integration: Integration, view: ConnectionView, delivery: Webhook
    ) -> None:
        try:
            await deployment.told(integration.name, view, delivery)
        except OmniOpsError as error:
            pytest.fail(f"a signed delivery to a connection of a deployment was not taken: {error}")

    async def _opened(self, deployment: Deployment, view: ConnectionView) -> tuple[Any, Any]:
        connections = deployment.runtime.connections
        return await connections.opened(await connections.row(deployment.scope, view.id))


def _deliveries(integration: Integration, request: pytest.FixtureRequest) -> tuple[Sign | None, bytes]:
    """How deliveries are signed, and one; None where the integration takes none."""
    if type(integration).receive is Integration.receive:
        return None, b""
    sign: Sign | None = request.getfixturevalue("sign")
    return sign, request.getfixturevalue("sample") if sign is not None else b""


def _refreshes(gate: GateDoor, address: str) -> int:
    """How often the double was asked to refresh."""
    if not isinstance(gate, AnsweringGate):
        return 0
    forms = [parse_qs(one.content.decode()) for one in gate.requests if str(one.url) == address]
    return sum(form.get("grant_type") == ["refresh_token"] for form in forms)
