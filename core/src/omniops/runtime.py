"""The composition root: builds rooms, plugins and contexts for web, worker, commands, tests. Nothing else constructs.

`Runtime.open(settings, links, root)` needs a database that is there and migrated; `bootstrap.py` brings it there.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import httpx2

from omniops.accounts.keys import Keys
from omniops.accounts.members import Members
from omniops.accounts.service import Accounts, DomainView, is_on
from omniops.accounts.throttle import Throttle
from omniops.audit.service import Audit
from omniops.connections.service import Connections, Kinds
from omniops.contracts.ids import Clock, SystemClock
from omniops.contracts.knowledge import Encoder, IndexParts, KnowledgeIndex
from omniops.contracts.plugin import Log, Opened, PluginContext
from omniops.contracts.provider import Deployment, Provider
from omniops.contracts.scope import Actor
from omniops.conversation.answering import Answering
from omniops.conversation.intake import Intake
from omniops.conversation.messages import Reader
from omniops.conversation.outbox import Sender
from omniops.conversation.routing import Admits
from omniops.conversation.running import Running
from omniops.conversation.service import Conversations
from omniops.conversation.turns import Turns
from omniops.conversation.visitors import Visitors
from omniops.database.links import Links
from omniops.database.migrate import CORE_BRANCH, Branch, Migrator
from omniops.database.notices import Notices
from omniops.database.service import Database
from omniops.errors import ConfigError, NotFound
from omniops.gate.grants import Grant
from omniops.gate.http import client as gate_client
from omniops.gate.ledger import Allows, DatabaseLedger
from omniops.gate.service import Gate
from omniops.jobs.service import Jobs, Timing
from omniops.knowledge.encoders import Encoders
from omniops.knowledge.service import Knowledge
from omniops.knowledge.store import PassageRows
from omniops.logs import logger
from omniops.plugins.loading import Loaded, Plugins, load
from omniops.plugins.seams import Seams
from omniops.privacy.catalog import Catalog
from omniops.privacy.consents import Consents
from omniops.privacy.erasure import Erasure
from omniops.privacy.policy import PrivacyPolicy
from omniops.privacy.register import ProcessorRegister
from omniops.settings import Settings
from omniops.vault.roots import RootProvider
from omniops.vault.service import Vault


@dataclass(slots=True)
class Runtime:
    """Every room of one process, joined."""

    settings: Settings
    database: Database
    audit: Audit
    vault: Vault
    gate: Gate
    allows: Allows
    ledger: DatabaseLedger
    register: ProcessorRegister
    catalog: Catalog
    consents: Consents
    erasure: Erasure
    jobs: Jobs
    notices: Notices
    accounts: Accounts
    members: Members
    keys: Keys
    throttle: Throttle
    visitors: Visitors
    conversations: Conversations
    intake: Intake
    connections: Connections
    knowledge: Knowledge
    index: KnowledgeIndex
    encoders: Encoders
    plugins: Plugins
    seams: Seams
    clock: Clock
    log: Log

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: Settings,
        links: Links,
        root: RootProvider,
        *,
        clock: Clock | None = None,
        timing: Timing | None = None,
        plugins: Plugins | None = None,
        migrate: bool = False,
    ) -> AsyncIterator[Runtime]:
        """Builds everything and lets go of it at the end. `plugins` are given by tests; else the enabled ones load.

        With `migrate`, plugins' tables are brought up to date; without, a plugin whose tables are behind is left out.

        Raises `ConfigError` where a run-time role is too strong, the root does not fit, or plugins contradict.
        """
        async with AsyncExitStack() as stack:
            runtime = await _Builder(settings, links, root, clock or SystemClock(), timing, migrate).build(
                plugins, stack
            )
            yield runtime

    def loaded(self, name: str) -> Loaded:
        """An enabled plugin that works. Raises `NotFound`."""
        for found in self.seams.loaded:
            if found.name == name:
                return found
        raise NotFound(f"No plugin {name!r} is enabled.")


class _PluginVault:
    """The vault for one plugin, limited to the purposes of its declaration; there is none before it declared."""

    def __init__(self, name: str, rooms: _Rooms) -> None:
        self._name = name
        self._rooms = rooms

    async def open(self, rows: Sequence[Any], *, purpose: str) -> Opened:
        vault, actor = self._door()
        return cast("Opened", await vault.open(rows, purpose=purpose, actor=actor))

    async def find(self, domain_id: UUID, kind: str, value: str) -> UUID | None:
        vault, _ = self._door()
        return await vault.find(domain_id, kind, value)

    def _door(self) -> tuple[Vault, Actor]:
        vault, register = self._rooms.vault, self._rooms.register
        if vault is None or register is None:
            raise ConfigError(f"Plugin {self._name!r} used the vault before it was constructed.")
        return vault, Actor.plugin(self._name, register.purposes_of(self._name))


class _PluginGate:
    """The gate for one plugin: its own processors only."""

    def __init__(self, name: str, rooms: _Rooms) -> None:
        self._name = name
        self._rooms = rooms

    def http(
        self, processor: str, *, purpose: str, categories: Sequence[str] = (), subjects: Sequence[UUID] = ()
    ) -> httpx2.AsyncClient:
        entry = self._rooms.register.get(processor) if self._rooms.register else None
        if entry is None or entry.plugin != self._name:
            raise ConfigError(f"Plugin {self._name!r} declares no processor {processor!r}.")
        assert self._rooms.gate is not None
        grant = Grant(processor, purpose, None, tuple(categories), tuple(subjects))
        return gate_client(self._rooms.gate, grant)


@dataclass(slots=True)
class _Rooms:
    """What contexts reach and what is built after them: plugins are constructed before the register of their own
    declarations can exist, so contexts hold this and look when they are used."""

    vault: Vault | None = None
    gate: Gate | None = None
    register: ProcessorRegister | None = None
    encoders: Encoders | None = None

    def encoder(self) -> Encoder | None:
        return self.encoders() if self.encoders is not None else None


class _Builder:
    """The order in which the rooms come into being."""

    def __init__(
        self,
        settings: Settings,
        links: Links,
        root: RootProvider,
        clock: Clock,
        timing: Timing | None,
        migrate: bool,
    ) -> None:
        self._settings = settings
        self._links = links
        self._root = root
        self._clock = clock
        self._timing = timing
        self._migrate = migrate
        self._log: Log = logger("omniops")
        self._rooms = _Rooms()

    async def build(self, plugins: Plugins | None, stack: AsyncExitStack) -> Runtime:
        settings, log, clock = self._settings, self._log, self._clock
        database = Database(self._links)
        stack.push_async_callback(database.close)
        await database.check()
        audit = Audit(database, clock)
        stack.push_async_callback(audit.close)
        database.audit_system_use(audit.system_use)

        await asyncio.to_thread(Migrator(self._links).ensure_compatible, CORE_BRANCH)
        found = plugins or load(settings, partial(self._context, database))
        await asyncio.to_thread(self._migrate_plugins, found)
        self._report(found)
        declarations = [(loaded.name, loaded.declaration) for loaded in found.loaded]
        catalog = Catalog.build(declarations)
        allows = Allows(database, clock)
        register = ProcessorRegister(declarations, allows)
        ledger = DatabaseLedger(database, clock)
        stack.push_async_callback(ledger.close)
        gate = Gate(register, ledger, ca=settings.tls_ca)
        vault = Vault(database, self._root, audit, PrivacyPolicy(catalog))
        await vault.check_root()
        seams = Seams(found, lambda said: log.error("plugin.failed", said=said))
        encoders = Encoders(seams.encoders, settings.encoder, log)
        self._rooms.vault, self._rooms.gate = vault, gate
        self._rooms.register, self._rooms.encoders = register, encoders

        jobs = Jobs(database, log, self._timing)
        notices = Notices(self._links.app, log)
        accounts = Accounts(database, vault, audit)
        throttle = Throttle(database, self._root.secret("throttle"))
        rows = PassageRows(database, clock)
        index = self._index(seams, rows, encoders)
        knowledge = Knowledge(
            database,
            accounts,
            audit,
            gate,
            allows.all,
            jobs,
            notices,
            rows,
            index,
            encoders,
            seams.sources,
            clock,
            log,
            per_second=settings.crawl_per_second,
            most_pages=settings.crawl_pages,
        )
        stack.push_async_callback(knowledge.close)
        connections = Connections(database, vault, audit, partial(_kinds, seams), clock)
        reader = Reader(database, vault)
        turns = Turns(database, vault, clock)
        answering = Answering(
            database,
            reader,
            turns,
            knowledge,
            partial(_providers, seams, accounts),
            partial(_admits, register),
            clock,
            log,
        )
        running = Running(database, turns, answering, jobs, clock)
        sender = Sender(database, vault, jobs, seams.channels, connections.settings, clock)
        conversations = Conversations(database, reader, turns, running, sender, notices, clock)
        intake = Intake(database, vault, jobs, accounts, reader, turns, running, sender, clock)
        stack.push_async_callback(conversations.close)
        await notices.start()
        stack.push_async_callback(notices.close)
        return Runtime(
            settings=settings,
            database=database,
            audit=audit,
            vault=vault,
            gate=gate,
            allows=allows,
            ledger=ledger,
            register=register,
            catalog=catalog,
            consents=Consents(database, audit, catalog),
            erasure=Erasure(database, vault),
            jobs=jobs,
            notices=notices,
            accounts=accounts,
            members=Members(database, vault, audit, throttle, clock),
            keys=Keys(database, audit, clock),
            throttle=throttle,
            visitors=Visitors(database, clock),
            conversations=conversations,
            intake=intake,
            connections=connections,
            knowledge=knowledge,
            index=index,
            encoders=encoders,
            plugins=found,
            seams=seams,
            clock=clock,
            log=log,
        )

    def _context(self, database: Database, name: str, values: Any) -> PluginContext:
        folder = self._settings.data_dir / "plugins" / name
        return PluginContext(
            name=name,
            settings=values,
            gate=_PluginGate(name, self._rooms),
            session=database.session,
            vault=_PluginVault(name, self._rooms),
            clock=self._clock,
            log=logger(f"plugin.{name}"),
            folder=folder,
            encoder=self._rooms.encoder,
        )

    def _migrate_plugins(self, plugins: Plugins) -> None:
        """The last stage of loading: a plugin whose tables are not there, and cannot be brought there, is left out."""
        for loaded in [loaded for loaded in plugins.loaded if loaded.declaration.tables is not None]:
            branch = plugin_branch(loaded)
            migrator = Migrator(self._links, [branch])
            try:
                if self._migrate:
                    migrator.upgrade(branch)
                else:
                    migrator.ensure_compatible(branch)
            except Exception as error:
                plugins.fail(loaded.name, "migrate", f"{type(error).__name__}: {error}")

    def _report(self, plugins: Plugins) -> None:
        for report in plugins.reports.values():
            if report.state == "failed":
                self._log.error("plugin.failed", plugin=report.name, stage=report.stage, said=report.problem)

    def _index(self, seams: Seams, rows: PassageRows, encoders: Encoders) -> KnowledgeIndex:
        offers = {offer.name: offer for offer in seams.knowledge_indexes()}
        chosen = offers.get(self._settings.knowledge_index)
        if chosen is None:
            raise ConfigError(
                f"No plugin offers the index {self._settings.knowledge_index!r} (setting knowledge_index).",
                do=f"There are: {', '.join(sorted(offers)) or 'none'}.",
            )
        folder = self._settings.data_dir / "index"
        os.makedirs(folder, mode=0o700, exist_ok=True)
        return chosen.open(IndexParts(rows, encoders, folder, self._settings.index_memory_mb * 1024 * 1024))


def plugin_branch(loaded: Loaded) -> Branch:
    """Where a plugin's revisions lie."""
    assert loaded.declaration.tables is not None
    return Branch(loaded.name, Path(str(files(loaded.declaration.tables.migrations))) / "versions")


def _kinds(seams: Seams) -> Kinds:
    return Kinds(
        {loaded.name: type(loaded.plugin).Connection for loaded in seams.loaded},
        seams.integrations(),
        seams.channels(),
    )


async def _providers(seams: Seams, accounts: Accounts, domain: DomainView) -> Sequence[Provider]:
    """The providers of plugins that are on for this domain."""
    switched = await accounts.switched(domain.scope)
    return seams.providers(lambda name: is_on(switched, name))


def _admits(register: ProcessorRegister, domain: DomainView) -> Admits:
    """Whether the register lets a deployment have a turn of this domain."""

    def admits(deployment: Deployment) -> bool:
        return deployment.processor is None or register.get(deployment.processor) is not None

    return admits
