"""A whole runtime over a scratch database, with a provider that follows a script and a channel whose post one can read.

Its clock stands still, an hour ahead of the database's, so that no queued look at a lease becomes due by itself. For
the same reason a job that is tried again waits an hour longer than it says; `make_due` ends that.
"""

import asyncio
import socket
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import uvicorn
from desk_plugins import (
    SECRET,
    PostChannel,
    PostIntegration,
    PostMailer,
    PostPlugin,
    ScriptedPlugin,
    ScriptedProvider,
    signature,
)
from model_desk import ModelPlugin
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.webhook import Webhook
from omniops.defaults.hybrid import HybridPlugin
from omniops.defaults.site import SitePlugin
from omniops.defaults.website import WebsitePlugin
from omniops.jobs.service import Timing
from omniops.operations.firsts import OPERATOR
from omniops.plugins.loading import Plugins
from omniops.runtime import Runtime
from omniops.server.app import create_app
from omniops.settings import Settings
from omniops.testing.fakes import ManualClock, context
from omniops.testing.scratch import Administrator
from omniops.testing.signed import sign_all
from wire import WireChannel, WirePlugin

LONGER = 3600
"""Seconds by which the wait of a retry is longer, so that none is over before a busy machine has looked."""


@dataclass
class Desk:
    """The runtime, its parts that tests steer, one domain that answers by script, and one of another account."""

    runtime: Runtime
    clock: ManualClock
    provider: ScriptedProvider
    channel: PostChannel
    integration: PostIntegration
    mailer: PostMailer
    wire: WireChannel
    model: ModelPlugin
    admin: Administrator
    domain: object = None
    other: object = None
    others: list = field(default_factory=list)

    async def new_domain(self):
        account = await self.runtime.accounts.create("Shop", actor=OPERATOR)
        origin = f"https://{uuid4().hex[:8]}.example"
        domain = await self.runtime.accounts.add_domain(account, "Shop", [origin], actor=OPERATOR)
        await self.runtime.accounts.switch(domain.scope, "scripted", on=True, actor=OPERATOR)
        return domain

    async def with_model(self, *rounds):
        """The domain answers by the model, which says `rounds`."""
        self.model.begin()
        self.model.provider.begin(*rounds)
        for plugin, on in (("scripted", False), ("model", True)):
            await self.runtime.accounts.switch(self.domain.scope, plugin, on=on, actor=OPERATOR)

    async def page(self, text, title="Shipping"):
        """A page of the website, pasted by hand. Gives its address."""
        url = f"{self.domain.origins[0]}/{uuid4().hex[:6]}"
        await self.runtime.documents.paste(self.domain.scope, text, title, url, actor=OPERATOR)
        return url

    async def visitor(self, domain=None):
        _, visitor = await self.runtime.visitors.open(domain or self.domain, "en")
        return visitor

    async def ask(self, visitor, text="How long does it take?", key=None):
        """The stream of an answer."""
        return await self.runtime.conversations.ask(visitor, self.domain, text, key or uuid4().hex, "en")

    async def connection(self, domain=None):
        scope = (domain or self.domain).scope
        await self.runtime.accounts.switch(scope, "post", on=True, actor=OPERATOR)
        return await self.runtime.connections.connect(scope, "post", {"secret": SECRET}, actor=OPERATOR)

    async def take(self, connection, body, *, signed=None, plugin="post"):
        """A webhook, past HTTP, and the work on it: what it told is stored. Returns how much of it was new."""
        headers = [("x-post-signature", signature(body) if signed is None else signed)]
        delivery = Webhook("POST", "https://omniops.example/", headers, {}, body, self.clock.now())
        taken = await self.runtime.traffic.intake.take(plugin, connection.id, delivery)
        for (lane,) in self.rows("select distinct lane from omniops.arrival where connection_id = %s", connection.id):
            await self.runtime.traffic.working.heard(self.scope_of(connection), str(connection.id), lane)
        return taken.new

    async def hear(self, connection, heard):
        """What a channel hears, past everything before it."""

        async def remember(session):
            """There is no cursor here."""

        await self.runtime.intake.hear(self.scope_of(connection), "post", connection.id, heard, remember)

    def scope_of(self, connection):
        """The scope of a connection of the desk's domains."""
        ((account,),) = self.rows("select account_id from omniops.domain where id = %s", connection.domain_id)
        return Scope(account, connection.domain_id)

    async def messages(self, conversation_id, domain=None):
        scope = (domain or self.domain).scope
        return await self.runtime.inbox.read(scope, conversation_id, actor=Actor("member", "test"))

    def rows(self, statement, *values):
        """Reads or changes the database as its administrator."""
        return self.admin.rows(statement, values)

    def until_somebody_waits(self):
        """Returns once a transaction waits for another's lock."""
        while self.rows("select count(*) from pg_locks where not granted") == [(0,)]:
            pass

    async def work(self, room="conversation"):
        """Runs all jobs of a room that are due."""
        due = (
            "select count(*) from jobs.procrastinate_jobs where status = 'todo'"
            " and task_name like %s and coalesce(scheduled_at, now()) <= now()"
        )
        while self.rows(due, f"{room}:%") != [(0,)]:
            await self.runtime.jobs.work(wait=False)

    def make_due(self, task="conversation:deliver"):
        """As if the waits of all deliveries were over. Returns the seconds that they would have lasted."""
        return [
            float(seconds)
            for (seconds,) in self.rows(
                # From when it was put off, not from now: a busy machine may have spent seconds since.
                "with due as (select id, scheduled_at, (select max(at) from jobs.procrastinate_events e"
                " where e.job_id = w.id and e.type = 'deferred_for_retry') as since from jobs.procrastinate_jobs w"
                " where status = 'todo' and task_name = %s and scheduled_at > now())"
                " update jobs.procrastinate_jobs j set scheduled_at = null from due where j.id = due.id"
                " returning extract(epoch from due.scheduled_at - coalesce(due.since + %s, now()))",
                task,
                timedelta(seconds=LONGER),
            )
        ]


@asynccontextmanager
async def opened(links, root, folder, clock=None, beside=None, **more):
    """A runtime as a process has it; a second one over the same links is a second process's. `beside` are more plugins,
    by name."""
    made = {
        name: kind(context(name, kind.Settings(), folder=folder))
        for name, kind in (
            ("website", WebsitePlugin),
            ("site", SitePlugin),
            ("hybrid", HybridPlugin),
            ("scripted", ScriptedPlugin),
            ("post", PostPlugin),
            ("wire", WirePlugin),
            ("model", ModelPlugin),
            *(beside or {}).items(),
        )
    }
    if clock is None:
        clock = ManualClock()
        clock.forward(hours=1)
    settings = Settings(data_dir=folder, keys_dir=folder / "keys", encoder="none", plugins=list(made), **more)
    async with Runtime.open(
        settings, links, root, clock=clock, timing=Timing(longer=LONGER), plugins=Plugins.of(**made), migrate=True
    ) as runtime:
        await sign_all(runtime)
        (provider,) = made["scripted"].providers()
        post = made["post"]
        with closing(Administrator(links)) as admin:
            yield Desk(
                runtime,
                clock,
                provider,
                post.channel,
                post.integration,
                post.mailer,
                made["wire"].channel,
                made["model"],
                admin,
            )


@asynccontextmanager
async def serving(runtime):
    """The application on a loopback port. Gives its address."""
    app = create_app(runtime)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        app.state.stopping.set()
        server.should_exit = True
        await task


async def collect(events):
    """All events of a stream as (kind, data)."""
    return [(event.kind, event.data) async for event in events]
