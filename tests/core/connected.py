"""What tests of plugins that connect share: the whole application with a vendor on loopback over TLS, and one website
of a business there."""

from contextlib import asynccontextmanager
from ipaddress import ip_address
from uuid import uuid4

import httpx2
from omniops.connections.access import PURPOSE
from omniops.connections.arriving_models import RECEIVE, Arrival
from omniops.connections.granting import Browser
from omniops.contracts.scope import Actor
from omniops.gate.grants import Allow
from omniops.jobs.service import Timing
from omniops.operations.firsts import OPERATOR
from omniops.runtime import Runtime
from omniops.server.app import create_app
from omniops.settings import Settings
from omniops.testing.scratch import Administrator
from omniops.testing.signed import sign_all
from omniops.testing.upstream import HOST, Upstream, write_authority
from sqlmodel import select

MEMBER = Actor("member", "m")
LONGER = 3600
"""Seconds for which jobs that wait are waited for by nobody."""
ROOMS = ["conversation", "connections", "knowledge", "privacy"]


@asynccontextmanager
async def application(plugin, answer, values, links, root, folder, clock, public=None):
    """The runtime with a plugin as an operator loads it, the vendor that answers with `answer`, and a client of the
    server, which knows itself as `public`. `values` gives the plugin's settings by the vendor's address."""
    async with Upstream.open(answer) as upstream:
        settings = Settings(
            data_dir=folder,
            keys_dir=folder / "keys",
            encoder="none",
            base_url=public,
            tls_ca=write_authority(folder / "ca.pem"),
            plugins=["website", "site", "quoting", "hybrid", plugin],
            plugin_settings={plugin: values(upstream.url)},
        )
        timing = Timing(longer=LONGER)
        async with Runtime.open(settings, links, root, clock=clock, timing=timing, migrate=True) as runtime:
            assert runtime.seams.reports[plugin].state == "loaded", runtime.seams.reports[plugin].problem
            await sign_all(runtime)
            await runtime.allows.add(Allow(HOST, upstream.port, "the test's vendor"))

            async def resolver(host, port):
                return [ip_address("127.0.0.1")]

            runtime.gate._resolver = resolver
            transport = httpx2.ASGITransport(app=create_app(runtime))
            async with httpx2.AsyncClient(transport=transport, base_url=public or "http://omniops.test") as http:
                yield runtime, upstream, http


class Business:
    """A website of a business, new for each test, with what visitors, members and the vendor do."""

    plugin = ""

    def __init__(self, runtime, upstream, http, clock):
        self.runtime, self.upstream, self.http, self.clock = runtime, upstream, http, clock
        self.domain = None
        self.admin = Administrator(runtime.database.links)

    def close(self):
        self.admin.close()

    @property
    def scope(self):
        return self.domain.scope

    async def new_domain(self):
        account = await self.runtime.accounts.create("Shop", actor=OPERATOR)
        origin = f"https://{uuid4().hex[:8]}.example"
        domain = await self.runtime.accounts.add_domain(account, "Shop", [origin], actor=OPERATOR)
        for plugin in (self.plugin, "quoting"):
            await self.runtime.accounts.switch(domain.scope, plugin, on=True, actor=OPERATOR)
        return domain

    async def granted(self, browse, *, kind="", settings=None, features=None, connection_id=None):
        """The way to the vendor and back: `browse` is what a person does at an address there. Gives what came of it."""
        begun = await self.runtime.granting.begin(
            self.scope,
            self.plugin,
            settings or {},
            kind=kind,
            actor=OPERATOR,
            chosen=features,
            connection_id=connection_id,
        )
        browser = Browser(self.scope.account_id, True, "session")
        grant = await self.runtime.granting.returned(list(browse(begun.url).items()), browser)
        return await self.runtime.granting.result(grant, browser)

    async def link(self, connection_id):
        return await self.runtime.connections.link(self.scope, connection_id)

    async def view(self, connection_id):
        return await self.runtime.connections.one(self.scope, connection_id)

    async def visitor(self):
        _, visitor = await self.runtime.visitors.open(self.domain, "en")
        return visitor

    async def ask(self, visitor, text):
        """A visitor writes on the website, and reads until nothing more comes."""
        asked = await self.runtime.conversations.ask(visitor, self.domain, text, uuid4().hex, "en")
        return [event async for event in asked]

    async def handed_off(self, text="Where is my parcel?"):
        """A visitor who wrote, and asked for a person."""
        visitor = await self.visitor()
        await self.ask(visitor, text)
        await self.runtime.conversations.to_person(visitor, self.domain, "en", None)
        await self.work()
        return visitor

    async def page(self, text, title="Shipping"):
        url = f"{self.domain.origins[0]}/{uuid4().hex[:6]}"
        await self.runtime.documents.paste(self.scope, text, title, url, actor=OPERATOR)
        await self.work()
        return url

    def conversations(self):
        found = self.rows("select id from omniops.conversation where domain_id = %s order by id", self.domain.id)
        return [one for (one,) in found]

    async def texts(self, conversation_id):
        found = await self.runtime.inbox.read(self.scope, conversation_id, actor=MEMBER)
        return [(one.author, one.text) for one in found]

    def rows(self, statement, *values):
        return self.admin.rows(statement, values or None)

    async def work(self):
        """Runs all jobs that are due. One that cannot run, because another of its lock waits, is an error."""
        due = (
            "select id, task_name, lock, attempts from jobs.procrastinate_jobs where status = 'todo'"
            " and split_part(task_name, ':', 1) = any(%s) and coalesce(scheduled_at, now()) <= now() order by id"
        )
        before = None
        while (found := self.rows(due, ROOMS)) and found != before:
            await self.runtime.jobs.work(wait=False)
            before = found
        if found:
            waiting = (
                "select id, task_name, lock, attempts, scheduled_at from jobs.procrastinate_jobs where lock = any(%s)"
            )
            raise AssertionError(f"{found} wait behind {self.rows(waiting, [row[2] for row in found])}")

    async def fetched(self):
        """What is fetched and prolonged by itself, as far as it is due."""
        await self.runtime.traffic.tasks.due()
        await self.work()

    async def again(self):
        """As if the waits of all jobs were over."""
        waiting = "status = 'todo' and scheduled_at > now() and split_part(task_name, ':', 2) <> 'watch'"
        self.rows(f"update jobs.procrastinate_jobs set scheduled_at = null where {waiting}")
        await self.work()

    async def opened_arrivals(self):
        """What the log holds of this website, in clear."""
        async with self.runtime.database.session(self.scope) as session:
            rows = (await session.exec(select(Arrival).where(Arrival.domain_id == self.domain.id))).all()
        said = []
        for purpose, field in ((RECEIVE, "heard"), (PURPOSE, "event")):
            kept = [row for row in rows if getattr(row, field) is not None]
            clear = await self.runtime.vault.open(kept, purpose=purpose, actor=Actor.system("test"))
            said += [str(clear(getattr(row, field))) for row in kept]
        return "\n".join(said)

    def everything(self):
        """All that stands in the database, as text; sealed values are none."""
        tables = self.rows(
            "select format('%I.%I', table_schema, table_name) from information_schema.tables"
            " where table_schema in ('omniops', 'vault', 'jobs') and table_type = 'BASE TABLE'"
        )
        return "\n".join(str(self.rows(f"select t::text from {name} t")) for (name,) in tables)
