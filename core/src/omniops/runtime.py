"""The composition root: builds rooms, plugins and contexts for web, worker, commands, tests. Nothing else constructs.

`Runtime.open(settings, links, root)` needs a database that is there and migrated; `bootstrap.py` brings it there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from omniops.accounts.keys import Keys
from omniops.accounts.members import Members
from omniops.accounts.repeats import Repeats
from omniops.accounts.service import Accounts
from omniops.accounts.throttle import Throttle
from omniops.analytics.service import Analytics
from omniops.audit.service import SIGNING, Audit
from omniops.connections.address_books import AddressBooks
from omniops.connections.circuit import Circuit
from omniops.connections.granting import Granting
from omniops.connections.keeping import Keeping
from omniops.connections.listening import Listening
from omniops.connections.posting import Posting
from omniops.connections.posting_store import post_stores
from omniops.connections.room import Traffic
from omniops.connections.service import Connections
from omniops.contracts.ids import Clock, SystemClock
from omniops.contracts.knowledge import KnowledgeIndex
from omniops.contracts.plugin import Log
from omniops.contracts.root_keys import RootProvider
from omniops.conversation.ai_marks import AiMarks
from omniops.conversation.answering import Answering
from omniops.conversation.appointments.book import Appointments
from omniops.conversation.appointments.chat import AppointmentsInChat
from omniops.conversation.attachments import Attachments
from omniops.conversation.bench import Bench
from omniops.conversation.calibrating import Calibrating
from omniops.conversation.composing import Composer
from omniops.conversation.fetching import Fetching
from omniops.conversation.gaps import Gaps
from omniops.conversation.identity import Identities
from omniops.conversation.intake import Intake
from omniops.conversation.messages import Reader
from omniops.conversation.news import NewsDesk
from omniops.conversation.optout import OptOuts
from omniops.conversation.orders.access import OrderAccess
from omniops.conversation.orders.chat import OrdersInChat
from omniops.conversation.orders.checks import OrderChecks
from omniops.conversation.outbox import Sender
from omniops.conversation.outgoing import Outgoings
from omniops.conversation.own import OwnConversations
from omniops.conversation.proven import ProvenAddresses
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
from omniops.database.migrate import CORE_BRANCH, Migrator
from omniops.database.notices import Notices
from omniops.database.service import Database
from omniops.errors import NotFound
from omniops.gate.ledger import Allows, DatabaseLedger
from omniops.gate.service import Gate
from omniops.inbox.contacts import ContactCards
from omniops.inbox.orders import ConversationOrders
from omniops.inbox.service import Inbox
from omniops.jobs.service import Jobs, Timing
from omniops.knowledge.curated import CuratedAnswers
from omniops.knowledge.documents import Documents
from omniops.knowledge.encoders import Encoders
from omniops.knowledge.folders import Folders
from omniops.knowledge.ownership import Ownerships
from omniops.knowledge.reading import FileReader
from omniops.knowledge.service import Knowledge
from omniops.knowledge.shelves import Shelves
from omniops.knowledge.sources import Sources
from omniops.knowledge.store import PassageRows
from omniops.knowledge.trials import Trials
from omniops.logs import logger
from omniops.mail.service import Post
from omniops.plugged import Plugged, kinds_of, outside_of
from omniops.plugins.loading import Loaded, Plugins
from omniops.plugins.seams import Seams
from omniops.privacy.catalog import Catalog
from omniops.privacy.consents import Consents
from omniops.privacy.notices import NoticeTexts
from omniops.privacy.policy import PrivacyPolicy
from omniops.privacy.register import ProcessorRegister
from omniops.privacy.room import Foundations, Privacy
from omniops.privacy.terms import DatabaseTerms
from omniops.settings import Settings
from omniops.signing import Signer
from omniops.switched import SwitchedOn
from omniops.team import TeamRoom
from omniops.vault.blobs import Blobs
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
    team: TeamRoom
    keys: Keys
    repeats: Repeats
    throttle: Throttle
    visitors: Visitors
    visiting: Visiting
    conversations: Conversations
    approvals: Approvals
    appointments: AppointmentsInChat
    orders: ConversationOrders
    contacts: ContactCards
    router: Router
    bench: Bench
    on: SwitchedOn
    inbox: Inbox
    intake: Intake
    connections: Connections
    granting: Granting
    keeping: Keeping
    listening: Listening
    traffic: Traffic
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

    async def build(self, plugins: Plugins | None, stack: AsyncExitStack) -> Runtime:
        settings, log, clock = self._settings, self._log, self._clock
        database = Database(self._links)
        stack.push_async_callback(database.close)
        await database.check()
        audit = Audit(database, clock, self._root.secret(SIGNING))
        stack.push_async_callback(audit.close)
        database.audit_system_use(audit.system_use)

        await asyncio.to_thread(Migrator(self._links).ensure_compatible, CORE_BRANCH)
        plugged = Plugged(settings, self._links, self._clock, log, migrate=self._migrate)
        found = await plugged.load(database, plugins)
        declarations = [(loaded.name, loaded.declaration) for loaded in found.loaded]
        catalog = Catalog.build(declarations, settings.assessments)
        allows = Allows(database, clock)
        register = ProcessorRegister(declarations, allows, DatabaseTerms(database, clock), clock)
        ledger = DatabaseLedger(database, clock)
        stack.push_async_callback(ledger.close)
        gate = Gate(register, ledger, ca=settings.tls_ca)
        stack.push_async_callback(gate.close)
        vault = Vault(database, self._root, audit, PrivacyPolicy(catalog, clock))
        await vault.check_root()
        seams = Seams(found, lambda said: log.error("plugin.failed", said=said))
        encoders = Encoders(seams.encoders, settings.encoder, log)
        plugged.ready(vault, gate, register, encoders)

        jobs = Jobs(database, log, self._timing)
        notices = Notices(self._links.app, log)
        accounts = Accounts(database, vault, audit)
        throttle = Throttle(database, self._root.secret("throttle"))
        rows = PassageRows(database, clock)
        all_rows = PassageRows(database, clock, ("everybody", "members"))
        index, members_index = plugged.indexes(seams, rows, all_rows, encoders)
        kinds = partial(kinds_of, seams)
        connections = Connections(database, vault, audit, jobs, kinds, clock, log, settings.public_url)
        stack.push_async_callback(connections.close)
        plugged.connect(connections)
        posting = Posting(database, connections, kinds, clock)
        on = SwitchedOn(seams, accounts, register, connections)
        book = Appointments(database, on.calendars, jobs, clock)
        connections.on_end(book.ended)
        owning = Ownerships(database, accounts, audit, gate, clock, log)
        knowledge = Knowledge(
            *(database, accounts, audit, gate, allows.all, jobs, notices, rows, index, members_index),
            *(encoders, seams.sources, clock, log, owning, on.fetchers),
            per_second=settings.crawl_per_second,
            most_pages=settings.crawl_pages,
        )
        stack.push_async_callback(knowledge.close)
        blobs = Blobs(database, vault, clock)
        files = FileReader()
        key = bytes.fromhex(self._root.secret("mail suppression"))
        mail = Post(database, vault, jobs, accounts, seams.mailers, settings.mailer, key, clock)
        team = TeamRoom.over(database, vault, audit, accounts, throttle, mail, settings.public_url, clock, log)
        trials = Trials(
            database, accounts, audit, jobs, rows, index, seams.knowledge_indexes, seams.providers, encoders, clock, log
        )
        reader = Reader(database, vault)
        turns = Turns(database, vault, clock)
        runs = ToolRuns(database, vault, on.connected, clock, log)
        router = Router.over(database, connections, on.forbids, settings.provider_order, clock, log)
        stack.push_async_callback(router.spending.close)
        texts = NoticeTexts(database, catalog)
        await texts.keep()
        signer = Signer(self._root.secret("receipts"), settings.public_url)
        consents = Consents.over(database, audit, catalog, texts, seams, accounts, jobs, clock)
        privacy = await Privacy.begun(
            Foundations(
                *(database, vault, blobs, audit, jobs, mail, accounts, throttle, seams, catalog, register, consents),
                lambda: outside_of(
                    seams, [*post_stores(database, connections, posting, kinds), *on.calendar_stores(book)]
                ),
                *(signer, self._root, settings, clock, log),
            )
        )
        outgoings = Outgoings(vault, blobs, connections.settings)
        circuit = Circuit(database, jobs, clock)
        sender = Sender(database, vault, jobs, circuit, seams.channels, outgoings, connections.refused, mail, clock)
        rights = RightsInChat(privacy.requests, privacy.child_cases, privacy.cases.letters, sender, clock)
        secret = bytes.fromhex(self._root.secret("order codes"))
        checks = OrderChecks(database, vault, audit, jobs, mail, throttle, on.shop, secret, clock)
        access = OrderAccess(database, vault, checks)
        orders = OrdersInChat(database, jobs, checks, access, on.shop, sender, clock)
        appointments = AppointmentsInChat(on.calendars, book, reader, clock)
        composer = Composer(reader, turns, knowledge, on.answerers, router, runs, clock, rights, orders, appointments)
        ai_marks = AiMarks(database, self._root.secret("ai marks"))
        answering = Answering(database, turns, composer, ai_marks, clock, log)
        running = Running(database, turns, answering, ai_marks, jobs, clock)
        conversations = Conversations(database, reader, turns, running, notices, rights, orders, clock)
        own = OwnConversations(database, reader, running, clock)
        attachments = Attachments(database, vault, blobs, clock)
        fetching = Fetching(
            *(database, vault, jobs, accounts, attachments, seams.channels),
            *(connections.settings, connections.refused, clock),
        )
        intake = Intake(
            *(database, vault, jobs, accounts, reader, turns, running, sender, mail, rights, orders, fetching, clock)
        )
        listening = Listening(database, accounts, connections, kinds, jobs, notices, intake, clock, log)
        traffic = Traffic.over(
            *(database, vault, audit, accounts, connections, kinds, jobs, intake, privacy.requests),
            *(Shelves(rows, jobs, clock), Folders(rows, files, jobs, clock), posting, book, circuit, clock, log),
        )
        books = AddressBooks(accounts, connections, kinds)
        contacts = ContactCards(database, vault, audit, ProvenAddresses(database, vault, access, on.shop), books, clock)
        connections.on_end(contacts.forget)
        connections.on_change(contacts.changed)
        NewsDesk(database, vault, traffic.telling, jobs)
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
            analytics=Analytics(database, consents, catalog, clock),
            privacy=privacy,
            jobs=jobs,
            notices=notices,
            accounts=accounts,
            members=team.members,
            team=team,
            keys=Keys(database, audit, clock),
            repeats=Repeats(database, vault, jobs, clock),
            throttle=throttle,
            visitors=Visitors(database, clock, settings.visitor_lifetimes, catalog),
            visiting=Visiting(
                Identities(database, vault, audit, clock, log),
                own,
                OptOuts(database, running, audit, clock),
                Reviews(database, vault, sender, audit, clock),
                attachments,
                Transcripts(own, mail),
                Receipts(database, reader, catalog, signer, clock),
                ai_marks,
            ),
            conversations=conversations,
            router=router,
            bench=Bench(reader, turns, knowledge, on.answerers, router, runs, throttle, audit, clock),
            on=on,
            appointments=appointments,
            approvals=Approvals(database, vault, accounts, on.tools, runs, sender, audit, orders, appointments, clock),
            orders=ConversationOrders(on.shop, access, audit),
            contacts=contacts,
            inbox=Inbox(database, vault, accounts, audit, reader, running, sender, notices, ai_marks, consents, clock),
            intake=intake,
            connections=connections,
            granting=Granting(database, vault, connections, kinds, jobs, clock, settings.public_url),
            keeping=Keeping(database, accounts, connections, mail, jobs, clock, log),
            listening=listening,
            traffic=traffic,
            mail=mail,
            webhooks=Webhooks(database, gate, vault, accounts, jobs, audit, clock),
            calibrating=calibrating,
            gaps=gaps,
            knowledge=knowledge,
            sources=Sources(database, accounts, audit, jobs, rows, knowledge, seams.sources, clock),
            documents=Documents(database, audit, blobs, jobs, rows, files, clock),
            curated=CuratedAnswers(database, audit, rows, encoders, clock),
            trials=trials,
            index=index,
            encoders=encoders,
            plugins=found,
            seams=seams,
            clock=clock,
            log=log,
        )
