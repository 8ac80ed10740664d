"""The composition root: builds rooms, plugins and contexts for web, worker, commands, tests. Nothing else constructs.

`Runtime.open(settings, links, root)` needs a database that is there and migrated; `bootstrap.py` brings it there.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from omniops.accounts.keys import Keys
from omniops.accounts.members import Members
from omniops.accounts.repeats import Repeats
from omniops.accounts.service import Accounts
from omniops.accounts.throttle import Throttle
from omniops.analytics.service import Analytics
from omniops.audit.service import Audit
from omniops.connections.listening import Listening
from omniops.connections.service import Connections, Kinds
from omniops.contracts.ids import Clock, SystemClock
from omniops.contracts.knowledge import IndexParts, KnowledgeIndex
from omniops.contracts.plugin import Log, PluginContext
from omniops.conversation.ai_marks import AiMarks
from omniops.conversation.answering import Answering
from omniops.conversation.attachments import Attachments
from omniops.conversation.calibrating import Calibrating
from omniops.conversation.composing import Composer
from omniops.conversation.gaps import Gaps
from omniops.conversation.identity import Identities
from omniops.conversation.intake import Intake
from omniops.conversation.messages import Reader
from omniops.conversation.optout import OptOuts
from omniops.conversation.outbox import Sender
from omniops.conversation.own import OwnConversations
from omniops.conversation.receipts import Receipts
from omniops.conversation.reviews import Reviews
from omniops.conversation.rights import RightsInChat
from omniops.conversation.routing.route import Router
from omniops.conversation.running import Running
from omniops.conversation.service import Conversations
from omniops.conversation.tools.approvals import Approvals
from omniops.conversation.tools.running import ToolRuns
from omniops.conversation.transcript import Transcripts
from omniops.conversation.turns import Turns
from omniops.conversation.visiting import Visiting
from omniops.conversation.visitors import Visitors
from omniops.database.links import Links
from omniops.database.migrate import CORE_BRANCH, Branch, Migrator
from omniops.database.notices import Notices
from omniops.database.service import Database
from omniops.doors import PluginGate, PluginVault, Rooms
from omniops.errors import ConfigError, NotFound
from omniops.gate.ledger import Allows, DatabaseLedger
from omniops.gate.service import Gate
from omniops.inbox.service import Inbox
from omniops.jobs.service import Jobs, Timing
from omniops.knowledge.curated import CuratedAnswers
from omniops.knowledge.documents import Documents
from omniops.knowledge.encoders import Encoders
from omniops.knowledge.ownership import Ownerships
from omniops.knowledge.service import Knowledge
from omniops.knowledge.sources import Sources
from omniops.knowledge.store import PassageRows
from omniops.knowledge.trials import Trials
from omniops.logs import logger
from omniops.mail.service import Post
from omniops.plugins.loading import Loaded, Plugins, load
from omniops.plugins.seams import Seams
from omniops.privacy.catalog import Catalog
from omniops.privacy.consents import Consents
from omniops.privacy.notices import NoticeTexts
from omniops.privacy.policy import PrivacyPolicy
from omniops.privacy.register import ProcessorRegister
from omniops.privacy.room import Foundations, Privacy
from omniops.settings import Settings
from omniops.switched import SwitchedOn
from omniops.vault.blobs import Blobs
from omniops.vault.roots import RootProvider
from omniops.vault.service import Vault
from omniops.webhooks.room import Webhooks


@dataclass(slots=True)
class Runtime:
    """Every room of one process, joined."""

    settings: Settings
    database: Database
    audit: Audit
    vault: Vault
    blobs: Blobs
    gate: Gate
    allows: Allows
    ledger: DatabaseLedger
    register: ProcessorRegister
    catalog: Catalog
    consents: Consents
    analytics: Analytics
    privacy: Privacy
    jobs: Jobs
    notices: Notices
    accounts: Accounts
    members: Members
    keys: Keys
    repeats: Repeats
    throttle: Throttle
    visitors: Visitors
    visiting: Visiting
    conversations: Conversations
    approvals: Approvals
    router: Router
    on: SwitchedOn
    inbox: Inbox
    intake: Intake
    connections: Connections
    listening: Listening
    mail: Post
    webhooks: Webhooks
    calibrating: Calibrating
    gaps: Gaps
    knowledge: Knowledge
    sources: Sources
    documents: Documents
    curated: CuratedAnswers
    trials: Trials
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
        self._rooms = Rooms()

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
        stack.push_async_callback(gate.close)
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
        kinds = partial(_kinds, seams)
        connections = Connections(database, vault, audit, jobs, kinds, clock)
        on = SwitchedOn(seams, accounts, register, connections)
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
            Ownerships(database, accounts, audit, gate, clock, log),
            on.fetchers,
            per_second=settings.crawl_per_second,
            most_pages=settings.crawl_pages,
        )
        stack.push_async_callback(knowledge.close)
        blobs = Blobs(database, vault, clock)
        key = bytes.fromhex(self._root.secret("mail suppression"))
        mail = Post(database, vault, jobs, accounts, seams.mailers, settings.mailer, key, clock)
        trials = Trials(
            database, accounts, audit, jobs, rows, index, seams.knowledge_indexes, seams.providers, encoders, clock, log
        )
        reader = Reader(database, vault)
        turns = Turns(database, vault, clock)
        runs = ToolRuns(database, vault, on.connected, clock, log)
        router = Router.over(database, connections, on.admits, settings.provider_order, clock, log)
        stack.push_async_callback(router.spending.close)
        texts = NoticeTexts(database, catalog)
        await texts.keep()
        consents = Consents(database, audit, catalog, texts, clock)
        privacy = Privacy.over(
            Foundations(
                *(database, vault, blobs, audit, jobs, seams, catalog, register, consents),
                *(accounts, mail, throttle, self._root, settings, clock, log),
            )
        )
        sender = Sender(database, vault, jobs, seams.channels, connections.settings, connections.refused, mail, clock)
        rights = RightsInChat(privacy.requests, privacy.children, privacy.cases.letters, sender, clock)
        composer = Composer(reader, turns, knowledge, on.answerers, router, runs, clock, rights)
        ai_marks = AiMarks(database, self._root.secret("ai marks"))
        answering = Answering(database, turns, composer, ai_marks, clock, log)
        running = Running(database, turns, answering, ai_marks, jobs, clock)
        conversations = Conversations(database, reader, turns, running, notices, rights, clock)
        own = OwnConversations(database, reader, running, clock)
        intake = Intake(database, vault, jobs, accounts, reader, turns, running, sender, mail, rights, clock)
        listening = Listening(database, accounts, connections, kinds, jobs, notices, intake, clock, log)
        stack.push_async_callback(conversations.close)
        calibrating = Calibrating(database, accounts, encoders, clock)
        gaps = Gaps(database, vault, audit, jobs, rows, encoders, calibrating, clock)
        await notices.start()
        stack.push_async_callback(notices.close)
        return Runtime(
            settings=settings,
            database=database,
            audit=audit,
            vault=vault,
            blobs=blobs,
            gate=gate,
            allows=allows,
            ledger=ledger,
            register=register,
            catalog=catalog,
            consents=consents,
            analytics=Analytics(database, consents, jobs, clock),
            privacy=privacy,
            jobs=jobs,
            notices=notices,
            accounts=accounts,
            members=Members(database, vault, audit, throttle, clock),
            keys=Keys(database, audit, clock),
            repeats=Repeats(database, vault, jobs, clock),
            throttle=throttle,
            visitors=Visitors(database, clock, settings.visitor_lifetimes),
            visiting=Visiting(
                Identities(database, vault, audit, clock, log),
                own,
                OptOuts(database, running, audit, clock),
                Reviews(database, vault, sender, audit, clock),
                Attachments(database, vault, blobs, clock),
                Transcripts(own, mail),
                Receipts(database, reader, catalog, self._root.secret("receipts"), settings.public_url, clock),
                ai_marks,
            ),
            conversations=conversations,
            router=router,
            on=on,
            approvals=Approvals(database, vault, accounts, on.tools, runs, sender, audit, clock),
            inbox=Inbox(database, vault, accounts, audit, reader, running, sender, notices, ai_marks, clock),
            intake=intake,
            connections=connections,
            listening=listening,
            mail=mail,
            webhooks=Webhooks(database, gate, vault, accounts, jobs, audit, clock),
            calibrating=calibrating,
            gaps=gaps,
            knowledge=knowledge,
            sources=Sources(database, accounts, audit, jobs, rows, knowledge, seams.sources, clock),
            documents=Documents(database, audit, blobs, jobs, rows, clock),
            curated=CuratedAnswers(database, audit, rows, encoders, clock),
            trials=trials,
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
            gate=PluginGate(name, self._rooms),
            session=database.session,
            vault=PluginVault(name, self._rooms),
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
