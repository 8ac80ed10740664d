"""A whole runtime over a scratch database, with a provider that follows a script and a channel whose post one can read.

Its clock stands still, an hour ahead of the database's, so that no queued look at a lease becomes due by itself. For
the same reason a job that is tried again waits an hour longer than it says; `make_due` ends that.
"""

import asyncio
import hashlib
import hmac
import json
import socket
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import psycopg
import uvicorn
from model_desk import ModelPlugin
from omniops import Info, Plugin, hookimpl
from omniops.contracts.channel import Channel, ChannelCapabilities, Delivery, Incoming
from omniops.contracts.declaration import Declaration, Processor
from omniops.contracts.integration import Integration
from omniops.contracts.mail import Mailer
from omniops.contracts.plugin import Health, PluginSettings
from omniops.contracts.provider import Deployment, Done, Level, Provider, Started, Text
from omniops.contracts.scope import Actor
from omniops.defaults.hybrid import HybridPlugin
from omniops.defaults.site import SitePlugin
from omniops.defaults.website import WebsitePlugin
from omniops.errors import Rejected
from omniops.jobs.service import Timing
from omniops.operations.firsts import OPERATOR
from omniops.plugins.loading import Plugins
from omniops.runtime import Runtime
from omniops.server.app import create_app
from omniops.settings import Settings
from omniops.testing.fakes import ManualClock, context
from omniops.testing.signed import sign_all
from pydantic import Field, SecretStr
from wire import WireChannel, WirePlugin

HOLD = object()
"""A step of a script: the provider waits here until the test lets it go on."""
PAUSE = object()
"""A step of a script: the provider takes its time, as one far away does."""
ANSWER = (Level("answer"), Text("Four working days."), Done("end"))
SECRET = "wh-secret-of-the-shop"
LONGER = 3600
"""Seconds by which the wait of a retry is longer, so that none is over before a busy machine has looked."""


class ScriptedProvider(Provider):
    """Says what `scripts` hold for each of its deployments; a step that is an error is raised, a function awaited."""

    name = "scripted"

    def __init__(self) -> None:
        self.begin()

    def begin(self, *steps, second=ANSWER) -> None:
        """A new script for the first deployment, and what the second one says when it is asked."""
        self.scripts = {"scripted/first": steps or ANSWER, "scripted/second": second}
        self.requests = []
        self.open = 0
        self.reached, self.go = asyncio.Event(), asyncio.Event()

    def deployments(self):
        return [Deployment(name, self.name, name.rpartition("/")[2], "here", None) for name in self.scripts]

    @asynccontextmanager
    async def stream(self, request, deployment, *, limits, connection=None):
        self.requests.append((deployment.name, request))
        self.open += 1
        try:
            yield self._events(self.scripts[deployment.name])
        finally:
            self.open -= 1

    async def _events(self, steps):
        yield Started("scripted-1")
        for step in steps:
            if step is HOLD:
                self.reached.set()
                await self.go.wait()
            elif step is PAUSE:
                await asyncio.sleep(0.05)
            elif isinstance(step, BaseException):
                raise step
            elif callable(step):
                await step()
            else:
                yield step


class ScriptedPlugin(Plugin):
    """Answers by script."""

    info = Info(title="Scripted", version="1.0", omniops=">=0.1,<0.2")

    @hookimpl
    def providers(self):
        self.provider = getattr(self, "provider", None) or ScriptedProvider()
        return [self.provider]


class PostConnection(PluginSettings):
    secret: SecretStr = Field(description="Secret of the webhook's signature.")
    office: str = Field(default="main", max_length=40, description="Which post office.")


class PostChannel(Channel):
    """Takes signed webhooks, and keeps what it sends. `troubles` are raised by the next sendings, first before it is
    taken by the other side; in `Lost`, after. A `Delivery` among them is what the other side says."""

    name = "post"
    title = "Post"
    capabilities = ChannelCapabilities(max_length=4000)

    def __init__(self) -> None:
        self.begin()

    def begin(self, *troubles) -> None:
        self.troubles = deque(troubles)
        self.sent = []

    async def send(self, message):
        trouble = self.troubles.popleft() if self.troubles else None
        if isinstance(trouble, Delivery):
            return trouble
        if isinstance(trouble, Exception):
            raise trouble
        self.sent.append(message)
        if trouble is not None:
            raise trouble.error
        return Delivery("sent", f"post-{len(self.sent)}")

    def verify(self, body, headers, connection):
        given = headers.get("x-post-signature", "").encode()
        if not hmac.compare_digest(given, signature(body, connection.secret.get_secret_value()).encode()):
            raise Rejected("The post's signature does not fit.", code="bad_signature")

    def parse(self, body):
        try:
            return [
                Incoming(str(m["id"]), str(m["thread"]), str(m["from"]), str(m["text"]))
                for m in json.loads(body)["messages"]
            ]
        except (ValueError, KeyError, TypeError) as error:
            raise Rejected("This is no post.", code="no_post") from error


@dataclass(frozen=True)
class Lost:
    """The other side took the message, but its answer did not arrive."""

    error: Exception


class PostIntegration(Integration):
    """Knows the secrets in `known`; `trouble` is raised instead of an answer."""

    name = "post"
    title = "Post"
    processor = "post"

    def __init__(self) -> None:
        self.begin()

    def begin(self, trouble=None) -> None:
        self.trouble = trouble
        self.revoked = []

    async def check(self, connection):
        if self.trouble is not None:
            raise self.trouble
        ok = connection.secret.get_secret_value() == SECRET
        return Health(ok, "The post office answered." if ok else "The post office does not know this secret.")

    async def disconnect(self, connection):
        if self.trouble is not None:
            raise self.trouble
        self.revoked.append(connection.secret.get_secret_value())


class PostMailer(Mailer):
    """Keeps the mail that it is given. `troubles` are raised by the next sendings; a `Delivery` among them is given."""

    name = "post"
    title = "Post"

    def __init__(self) -> None:
        self.offered = True
        self.begin()

    def begin(self, *troubles) -> None:
        self.troubles = deque(troubles)
        self.sent, self.asked = [], []

    async def send(self, mail):
        self.asked.append(mail)
        trouble = self.troubles.popleft() if self.troubles else None
        if isinstance(trouble, Delivery):
            return trouble
        if trouble is not None:
            raise trouble
        self.sent.append(mail)
        return Delivery("sent", f"mail-{len(self.sent)}")


class PostPlugin(Plugin):
    """A channel with webhooks, and the link to its office."""

    info = Info(title="Post", version="1.0", omniops=">=0.1,<0.2")
    Connection = PostConnection

    def __init__(self, context) -> None:
        super().__init__(context)
        self.channel, self.integration, self.mailer = PostChannel(), PostIntegration(), PostMailer()

    @hookimpl
    def declares(self):
        return Declaration(
            processors=[
                Processor(
                    key="post",
                    name="Post",
                    role="customer_chosen",
                    hosts=("post.example",),
                    countries=("DE",),
                    purposes=("connection.use",),
                    categories=(),
                )
            ]
        )

    @hookimpl
    def channels(self):
        return [self.channel]

    @hookimpl
    def integrations(self):
        return [self.integration]

    @hookimpl
    def mailers(self):
        return [self.mailer] if self.mailer.offered else []


def signature(body, secret=SECRET):
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def letter(*texts, thread="thread-1", sender="tom@post.example", ids=None):
    """The body of a webhook."""
    ids = ids or [uuid4().hex for _ in texts]
    messages = [{"id": i, "thread": thread, "from": sender, "text": t} for i, t in zip(ids, texts, strict=True)]
    return json.dumps({"messages": messages}).encode()


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
        return await self.runtime.connections.connect(
            (domain or self.domain).scope, "post", {"secret": SECRET}, actor=OPERATOR
        )

    async def take(self, connection, body, *, signed=None, plugin="post"):
        """A webhook, past HTTP."""
        headers = {"x-post-signature": signature(body) if signed is None else signed}
        return await self.runtime.connections.webhook(plugin, connection.id, body, headers, self.runtime.intake)

    async def messages(self, conversation_id, domain=None):
        scope = (domain or self.domain).scope
        return await self.runtime.inbox.read(scope, conversation_id, actor=Actor("member", "test"))

    def rows(self, statement, *values):
        """Reads or changes the database as its administrator."""
        with psycopg.connect(self.runtime.database.links.admin.conninfo()) as connection:
            done = connection.execute(statement, values)
            return done.fetchall() if done.description else []

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
        yield Desk(
            runtime, clock, provider, post.channel, post.integration, post.mailer, made["wire"].channel, made["model"]
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
