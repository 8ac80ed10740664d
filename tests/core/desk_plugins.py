"""What a desk's runtime is plugged with: a provider that follows a script, and a channel, an office and a mailer whose
post one can read."""

import asyncio
import hashlib
import hmac
import json
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from uuid import uuid4

from omniops import Info, Plugin, hookimpl
from omniops.contracts.channel import Channel, ChannelCapabilities, Delivery, Incoming
from omniops.contracts.declaration import Declaration, Processor
from omniops.contracts.integration import Integration
from omniops.contracts.mail import Mailer
from omniops.contracts.plugin import Health, PluginSettings
from omniops.contracts.provider import Deployment, Done, Level, Provider, Started, Text
from omniops.errors import Rejected
from pydantic import Field, SecretStr

HOLD = object()
"""A step of a script: the provider waits here until the test lets it go on."""
PAUSE = object()
"""A step of a script: the provider takes its time, as one far away does."""
ANSWER = (Level("answer"), Text("Four working days."), Done("end"))
SECRET = "wh-secret-of-the-shop"


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

    def begin(self, *troubles, **capabilities) -> None:
        """`capabilities` are other ones than those of the class; `files` holds what can be fetched, by id."""
        self.troubles = deque(troubles)
        self.sent = []
        self.capabilities = replace(type(self).capabilities, **capabilities)
        self.files, self.closed, self.approved = {}, [], []

    async def templates(self, connection):
        return self.approved

    async def fetch(self, media, connection):
        found = self.files[media.id]
        try:
            if isinstance(found, Exception):
                raise found
            for start in range(0, len(found), 1000):
                yield found[start : start + 1000]
        finally:
            self.closed.append(media.id)

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

    async def disconnect(self, link):
        if self.trouble is not None:
            raise self.trouble
        self.revoked.append(link.connection.secret.get_secret_value())


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
